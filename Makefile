# Thin front end of meson and ninja. `make` lists the targets, `make run` builds and starts, `make check` is the whole gate.
MAKEFLAGS += --no-print-directory
PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc)
MESON   := meson setup
export DESTDIR

sanitize = -Db_lundef=false -Doptimization=1 -Ddebug=true -Db_ndebug=false -Ddebug_checks=true -Db_sanitize=

.DEFAULT_GOAL := help
.PHONY: help run release asan tsan test check bench diff mutate sim fuzz fmt lint install clean coverage pgo

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1 \2/p' $(firstword $(MAKEFILE_LIST)) | \
	  while read -r make target text; do printf '  make %-10s %s\n' "$$target" "$$text"; done

run: ## build the program and start its demonstration
	@tools/setup build
	@$(MAKE) release
	@build/steelyard

release: build/build.ninja ## build/steelyard, optimised
	@ninja -C build -j$(JOBS) steelyard

asan: build-asan/build.ninja ## build-asan/steelyard: AddressSanitizer, UBSan, all assertions
	@ninja -C build-asan -j$(JOBS) steelyard

tsan: build-tsan/build.ninja ## build-tsan/steelyard: ThreadSanitizer
	@ninja -C build-tsan -j$(JOBS) steelyard

test: ## unit and end-to-end tests, both with the release and the ASan build
	@tools/setup build test
	@tools/check test

check: ## the whole gate: test, lint, threads, fuzzers, simulator
	@tools/setup build test check
	@tools/check

lint: ## format, layers, house rules, cppcheck, clang-tidy
	@tools/setup build test check
	@tools/check lint

bench: release ## CPU per request compared with other proxies (root; BENCH="-w a100 ..." for more)
	@tools/setup build bench
	@tools/bench $(BENCH)

diff: release ## the packaged haproxy and this program: end-to-end tests, rules, expressions
	@tools/setup build test
	@tools/vtc --reference && tools/vtc
	@tests/diff/rows.py && tests/diff/conv.py compare && tests/diff/rules.py

mutate: build-mutation/build.ninja ## whether some test notices when a fetch, converter or action misbehaves (half an hour; MUTATE="regex ...")
	@tools/setup build test
	@ninja -C build-mutation -j$(JOBS) steelyard && meson test -C build-mutation --suite unit --quiet
	@tests/diff/mutate.py $(MUTATE)

sim: build-asan/build.ninja ## the simulator (SIM="arguments")
	@tools/setup build test
	@tools/sim $(SIM)

fuzz: ## every fuzzer for FUZZ_SECONDS (60) each; FUZZ="names"
	@tools/setup build test check
	@tools/fuzz -s $(or $(FUZZ_SECONDS),60) $(FUZZ)

fmt: ## clang-format on everything
	@tools/setup check
	@tools/format --fix

install: release ## to $(DESTDIR)$(PREFIX)/sbin, with the name haproxy beside it
	@meson configure build -Dprefix=$(PREFIX)
	@ninja -C build -j$(JOBS) steelyard
	@meson install -C build --no-rebuild

coverage: ## line coverage of unit and end-to-end tests: build-cov/report/index.html
	@tools/setup build test coverage
	@tools/coverage

pgo: ## build-pgo/steelyard, optimised with the profile of a short load
	@tools/setup build
	@tools/pgo

clean: ## removes every build directory
	@rm -rf build build-asan build-tsan build-fuzz build-cov build-pgo build-mutation compile_commands.json

# Build directories. A directory that was left half configured is configured afresh.
build/build.ninja:
	@tools/setup build
	@rm -rf build/meson-private && $(MESON) build -Db_lto=true -Dtests=$(shell pkg-config --exists cmocka && echo true || echo false)
	@ln -sfn build/compile_commands.json compile_commands.json

build-asan/build.ninja:
	@tools/setup build test
	@rm -rf build-asan && $(MESON) build-asan $(sanitize)address,undefined -Dwerror=true

build-tsan/build.ninja:
	@tools/setup build test
	@rm -rf build-tsan && $(MESON) build-tsan $(sanitize)thread

build-cov/build.ninja:
	@tools/setup build test
	@rm -rf build-cov && $(MESON) build-cov -Doptimization=0 -Ddebug=true -Db_coverage=true

build-mutation/build.ninja:
	@tools/setup build test
	@rm -rf build-mutation && $(MESON) build-mutation -Doptimization=1 -Db_ndebug=false -Dmutation=true

build-fuzz/build.ninja:
	@tools/setup build test check
	@rm -rf build-fuzz && CC=clang $(MESON) build-fuzz $(sanitize)address,undefined -Dfuzz=true -Dtests=false
