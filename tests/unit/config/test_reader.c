/* test_reader.c - sections, rows, setters, options, files. */
#include "cfg_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void
check(struct slice text, const char *want)
{
    struct cfg c;
    struct arena a;
    struct text got = { 0 };

    fixture_read(&c, &a, text);
    fixture_lines(&c, &got);
    assert_string_equal(got.p ? got.p : "", want);
    text_fini(&got);
    cfg_fini(&c);
    /* strings of the fixture lived in the arena */
    fixture.description = NULL;
    arena_fini(&a);
}

#define A "ALERT config : parsing [t.cfg:"
#define W "WARNING config : parsing [t.cfg:"

static void
test_setters(void **state)
{
    check(SL("global\n daemon\n maxconn 10\n nbthread 64\n level -5\n tune.bufsize 16k\n noepoll "
             "x\n"),
          "");
    assert_true(fixture.daemon);
    assert_int_equal(fixture.maxconn, 10);
    assert_int_equal(fixture.range, 64);
    assert_int_equal(fixture.level, -5);
    assert_int_equal(fixture.bufsize, 16384);
    assert_int_equal(fixture.begun, 1);
    assert_int_equal(fixture.ended, 1);
    assert_int_equal(fixture.checked, 1);
    check(SL("backend b\n timeout server 1500us\nlisten l\n timeout client 2m\n"), "");
    assert_int_equal(fixture.timeout_server_ms, 2); /* rounded up */
    assert_int_equal(fixture.timeout_client_ms, 120000);
    assert_int_equal(fixture.ended, 2);
    check(SL("global\n zero\n no zero\n"), "");
    assert_false(fixture.zero);
    check(SL("global\n tune.zero on\n"), "");
    assert_true(fixture.zero);
    check(SL("global\n tune.zero maybe\n level 6\n level x\n nbthread\n tune.bufsize 2g\n "
             "tune.bufsize 1q\n"
             " maxconn -1\n maxconn 99999999999999\n description\n"),
          A "2] : 'tune.zero' expects either 'on' or 'off' but got 'maybe'.\n"              //
          A "3] : 'level' value must be between -5 and 5 (was 6)\n"                         //
          A "4] : 'level' expects an integer argument.\n"                                   //
          A "5] : 'nbthread' passed a missing or unparsable integer value in ''\n"          //
          A "6] : 'tune.bufsize' value must be between 0 and 1073741824 (was 2147483648)\n" //
          A "7] : 'tune.bufsize' expects a positive integer argument.\n"                    //
          A "8] : 'maxconn' expects an integer argument.\n"                                 //
          A "9] : 'maxconn' expects an integer argument.\n"                                 //
          A "10] : 'description' expects a string argument.\n");
}

static void
test_flags(void **state)
{
    check(SL("global\n lua-load x y z\n tune.lua.x 3\n old\n"),
          A "2] : 'lua-load' is not supported yet.\n"                     //
          W "3] : 'tune.lua.x' is not supported yet and has no effect.\n" //
          W "4] : the 'old' directive is deprecated, please use 'new' instead.\n");
    assert_true(fixture.zero);
    check(SL("global\n expose-experimental-directives\n tune.fd.edge-triggered on\n"), "");
    assert_true(fixture.edge);
    check(SL("defaults d\n http-request a b\n"), "");
    assert_string_equal(fixture.seen, "a|b");
    check(SL("backend b\n no option dontlognull\n"), "");
    assert_false(fixture.option_dontlog);
}

static void
test_options(void **state)
{
    check(SL("backend b\n server s 1.1.1.1:1 check ssl inter 2s weight 5\n"), "");
    assert_true(fixture.ssl);
    assert_int_equal(fixture.inter_ms, 2000);
    assert_int_equal(fixture.weight, 5);
    check(
        SL("backend b\n server s 1.1.1.1:1 tlv(0xe1) 7s inter\n server t 1.1.1.1:1 weight x ssl\n"),
        "ALERT config : [t.cfg:2] : 'server b/s' : 'inter' expects a delay as argument.\n"
        "ALERT config : [t.cfg:3] : 'server b/t' : 'weight' expects a weight as argument (got "
        "'x').\n");
    assert_int_equal(fixture.inter_ms, 7000);
}

static void
test_sections(void **state)
{
    check(SL("backend\n foo\n bar\nfrontend f\n foo\n"),
          A "1] : 'backend' expects an <id> argument\n" //
          A "5] : unknown keyword 'foo' in 'frontend' section\n");
    check(SL("foo\nbar\nglobal\n"), A "1]: unknown keyword 'foo' out of section.\n");
    check(SL("tests\n some free \\\n text\n"), "");
    assert_string_equal(fixture.seen, " some free \\\n text");
    check(SL(".if 0\nbackend\n foo \"\n.else\nglobal\n.endif\n"),
          A "3]: unmatched quote at position 6:\n");
    assert_int_equal(fixture.begun, 1);
}

/** Setting variables works from the next line on. */
static void
test_environment(void **state)
{
    check(SL("global\n setenv CFGT one\n presetenv CFGT two\n words \"$CFGT\"\n unsetenv CFGT\n"
             " words \"${CFGT-gone}\"\n presetenv CFGT three\n"),
          "");
    assert_string_equal(fixture.seen, "gone");
    assert_string_equal(getenv("CFGT"), "three");
    check(SL("global\n resetenv CFGT\n"), "");
    assert_null(getenv("HOME"));
    assert_string_equal(getenv("CFGT"), "three");
}

static void
test_locations(void **state)
{
    struct cfg c;
    struct arena a;

    fixture_read(&c, &a, SL("global\n words a \\\n  b\n maxconn x\n"));
    const struct diag *g = list_first(&c.diags.list, struct diag, link);
    assert_non_null(g);
    assert_string_equal(g->loc.file, "t.cfg");
    assert_int_equal(g->loc.line, 4);
    assert_int_equal(g->loc.col, 10);
    assert_int_equal(g->loc.col_end, 11);
    assert_string_equal(g->excerpt, " maxconn x");
    assert_string_equal(g->hint, "usage: maxconn <number>");
    cfg_fini(&c);
    arena_fini(&a);
}

static void
test_files(void **state)
{
    char name[] = "/tmp/cfg-test-XXXXXX";
    struct cfg c;
    struct arena a;
    int fd = mkstemp(name);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "global\n daemon\n", 15), 15);
    close(fd);
    arena_init_config(&a);
    cfg_init(&c, NULL, &a);
    assert_int_equal(cfg_read_file(&c, name), CFG_OK);
    assert_true(fixture.daemon);
    assert_int_equal(cfg_read_file(&c, "/nonexistent/x.cfg"), CFG_ERR);
    assert_int_equal(cfg_read_file(&c, "/tmp"), CFG_ERR);
    struct text t = { 0 };
    fixture_lines(&c, &t);
    assert_string_equal(
        t.p, "ALERT config : Cannot open configuration file/directory /nonexistent/x.cfg : No such "
             "file or "
             "directory\n"
             "ALERT config : Cannot open configuration file/directory /tmp : Is a directory\n");
    text_fini(&t);
    cfg_fini(&c);
    arena_fini(&a);
    unlink(name);
}

static void
test_many(void **state)
{
    struct text t = { 0 };
    struct timespec from, to;

    for (int i = 0; i < 2000; i++)
        text_printf(&t,
                    "backend b%d\n balance roundrobin\n timeout server 30s\n"
                    " server s1 10.0.0.1:80 check inter 2s weight 10\n"
                    " server s2 10.0.0.2:80 check inter 2s weight 10\n",
                    i);
    clock_gettime(CLOCK_MONOTONIC, &from);
    check(text_get(&t), "");
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_int_equal(fixture.ended, 2000);
    /* 5 ms when optimised; a generous bound for sanitizer builds on busy machines, against
     * quadratic behaviour */
    assert_true((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 < 5000);
    text_fini(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_setters),   cmocka_unit_test(test_flags),
        cmocka_unit_test(test_options),   cmocka_unit_test(test_sections),
        cmocka_unit_test(test_locations), cmocka_unit_test(test_files),
        cmocka_unit_test(test_many),      cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
