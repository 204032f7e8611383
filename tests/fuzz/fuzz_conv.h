/* fuzz_conv.h - a place for expressions without a proxy: constants and the fuzzer's input as
 * sources, one set of variables. */
#ifndef TESTS_FUZZ_CONV_H
#define TESTS_FUZZ_CONV_H

#include "sample/args.h"
#include "sample/conv.h"
#include "sample/expr.h"

static struct slice fuzz_input;
static struct vars fuzz_vars;

static bool
fuzz_fetch_input(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    const enum sample_type *type = private;

    sample_set_str(out, fuzz_input);
    out->type = *type;
    return true;
}

static bool
fuzz_fetch_int(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    uint64_t v = 0;

    for (size_t i = 0; i < fuzz_input.len && i < sizeof(v); i++)
        v = v << 8 | (unsigned char)fuzz_input.p[i];
    sample_set_int(out, (int64_t)v);
    return true;
}

static bool
fuzz_fetch_text(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    sample_set_str(out, arg[0].s);
    return true;
}

static struct vars *
fuzz_scope(struct sample_ctx *x, enum var_scope s)
{
    return s == VAR_TXN ? &fuzz_vars : NULL;
}

/** Once: the rows of all converters, and the fetches fuzz_str, fuzz_bin, fuzz_int and fuzz_text().
 */
static void
fuzz_conv_start(void)
{
    static const enum sample_type str = SMP_STR, bin = SMP_BIN;
    static const struct fetch fetches[] = {
        { "fuzz_str",
          { 0 },
          SMP_STR,
          NEEDS_NOTHING,
          fuzz_fetch_input,
          .private = (void *)&str,
          .help = "input" },
        { "fuzz_bin",
          { 0 },
          SMP_BIN,
          NEEDS_NOTHING,
          fuzz_fetch_input,
          .private = (void *)&bin,
          .help = "input" },
        { "fuzz_int", { 0 }, SMP_SINT, NEEDS_NOTHING, fuzz_fetch_int, .help = "input" },
        { "fuzz_text", { ARG_STR }, SMP_STR, NEEDS_NOTHING, fuzz_fetch_text, .help = "constant" },
    };

    vars_scope_of = fuzz_scope;
    for (unsigned i = 0; i < COUNT_OF(fetches); i++)
        (void)fetch_register(&fetches[i]);
#define X(family)                                                                                  \
    for (const struct conv *row = conv_##family; row->name; row++)                                 \
        (void)conv_register(row);
    CONV_FAMILIES(X)
#undef X
}

#endif
