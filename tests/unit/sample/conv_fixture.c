/* conv_fixture.c - evaluates expressions from their text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv_fixture.h"

#include "config/cfg.h"
#include "sample/args.h"
#include "sample/regex.h"

#include <arpa/inet.h>
#include <stdlib.h>

static struct arena arena;
static struct cfg cfg;
static struct sample_ctx ctx;
static struct vars vars;
static char *error;

static bool
fetch_text(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    sample_set_str(out, arg[0].s);
    return true;
}

static bool
fetch_int(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    sample_set_int(out, arg[0].i);
    return true;
}

static bool
fetch_bool(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    sample_set_bool(out, slice_eq_str(arg[0].s, "true") || slice_eq_str(arg[0].s, "1"));
    return true;
}

static bool
fetch_bin(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    size_t n = arg[0].s.len / 2;
    char *p = conv_alloc(n + 1, x);

    for (size_t i = 0; i < n; i++) {
        const char pair[3] = { arg[0].s.p[2 * i], arg[0].s.p[2 * i + 1], '\0' };
        p[i] = (char)strtoul(pair, NULL, 16);
    }
    out->type = SMP_BIN;
    out->flags |= SMPF_CONST;
    out->u.s = slice(p, n);
    return true;
}

static bool
fetch_ipv4(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    out->type = SMP_IPV4;
    return inet_pton(AF_INET, arg[0].s.p, &out->u.v4) == 1;
}

static bool
fetch_ipv6(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    out->type = SMP_IPV6;
    return inet_pton(AF_INET6, arg[0].s.p, &out->u.v6) == 1;
}

static bool
fetch_var(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return var_get(arg[0].u.var, x, out);
}

/* Used when the program has no such rows. */
static const struct fetch constants[] = {
    { "str", { ARG_STR }, SMP_STR, NEEDS_NOTHING, fetch_text, .help = "text" },
    { "int", { ARG_SINT }, SMP_SINT, NEEDS_NOTHING, fetch_int, .help = "integer" },
    { "bool", { ARG_STR }, SMP_BOOL, NEEDS_NOTHING, fetch_bool, .help = "boolean" },
    { "bin", { ARG_STR }, SMP_BIN, NEEDS_NOTHING, fetch_bin, .help = "bytes" },
    { "ipv4", { ARG_STR }, SMP_IPV4, NEEDS_NOTHING, fetch_ipv4, .help = "address" },
    { "ipv6", { ARG_STR }, SMP_IPV6, NEEDS_NOTHING, fetch_ipv6, .help = "address" },
    { "var", { ARG_VAR }, SMP_ANY, NEEDS_NOTHING, fetch_var, .help = "variable" },
};

static void
register_all(const struct conv *row)
{
    for (; row->name; row++)
        (void)conv_register(row);
}

/** Only the transaction exists. */
static struct vars *
scope(struct sample_ctx *x, enum var_scope s)
{
    return s == VAR_TXN || s == VAR_SESS ? &vars : NULL;
}

void
conv_setup(void)
{
    arena_init_config(&arena);
    cfg_init(&cfg, NULL, &arena);
    vars_scope_of = scope;
    ctx = (struct sample_ctx){ .tmp = sample_tmp(), .opt = SMPO_FINAL };
    for (unsigned i = 0; i < COUNT_OF(constants); i++)
        (void)fetch_register(&constants[i]);
#define X(family) register_all(conv_##family);
    CONV_FAMILIES(X)
#undef X
}

void
conv_teardown(void)
{
    conv_reset();
    free(error);
    error = NULL;
    cfg_fini(&cfg);
    args_forget(NULL);
    expr_lookup_fini();
    vars_proc_fini();
    vars_thread_fini();
    regex_free_kept();
    regex_thread_fini();
    logfmt_thread_fini();
    sample_tmp_fini();
    arena_fini(&arena);
}

void
conv_reset(void)
{
    vars_fini(&vars);
    sample_tmp_reset();
}

struct cfg *
conv_cfg(void)
{
    return &cfg;
}

struct sample_ctx *
conv_ctx(void)
{
    return &ctx;
}

static struct expr *
parse(const char *text)
{
    free(error);
    error = NULL;
    struct expr *e = expr_parse_text_err(&cfg, text, NULL, NULL, PT_ANY, &error);
    if (e)
        args_resolve(&cfg);
    return e;
}

bool
conv_eval_sample(const char *expr, struct sample *s)
{
    struct expr *e = parse(expr);

    if (!e)
        fail_msg("%s: %s", expr, error);
    *s = (struct sample){ 0 };
    return expr_eval(e, &ctx, s);
}

enum conv_result
conv_eval(const char *expr, struct slice *text)
{
    static const struct logfmt_opt opt = { .flags = LOGF_HTTP };
    struct expr *e = parse(expr);
    struct sample s = { 0 };

    if (!e) {
        *text = slice_str(error);
        return CONV_ERROR;
    }
    if (!expr_eval(e, &ctx, &s))
        return CONV_NONE;
    char *format = arena_printf(&arena, "%%[%s]", expr);
    struct logfmt *f = logfmt_compile(&cfg, CFG_WHOLE_LINE, format, NULL, &opt);
    assert_non_null(f);
    args_resolve(&cfg);
    *text = logfmt_slice(f, &ctx);
    return CONV_VALUE;
}

void
conv_is(const char *expr, const char *expected)
{
    struct slice text = SLICE_NONE;
    enum conv_result r = conv_eval(expr, &text);

    if (r == CONV_ERROR)
        fail_msg("%s: refused: %.*s", expr, SLF(text));
    if ((r == CONV_VALUE) != (expected != NULL))
        fail_msg("%s: '%.*s', expected %s", expr, SLF(text), expected ? expected : "no value");
    if (expected && !slice_eq_str(text, expected))
        fail_msg("%s: '%.*s', expected '%s'", expr, SLF(text), expected);
}

void
conv_fails(const char *expr, const char *expected)
{
    struct slice text = SLICE_NONE;

    if (conv_eval(expr, &text) != CONV_ERROR)
        fail_msg("%s: accepted", expr);
    if (!slice_eq_str(text, expected))
        fail_msg("%s: '%.*s', expected '%s'", expr, SLF(text), expected);
}
