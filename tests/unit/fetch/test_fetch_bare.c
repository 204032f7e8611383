/* test_fetch_bare.c - sample fetches where little or nothing is there: outside of traffic, in
 * connection rules, in health checks. And the occurrences of headers and cookies, one after the
 * other. */
#include "fetch/fetch.h"

#include "config/tune.h"
#include "sample/expr.h"
#include "server/check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct module *const families[] = {
#define X(family) &fetch_##family##_module,
    FETCH_FAMILIES(X)
#undef X
};

/** Arguments as they are parsed when nothing is given. */
static void
no_args(const struct fetch *f, struct expr_arg arg[ARG_MAX + 1])
{
    memset(arg, 0, (ARG_MAX + 1) * sizeof(*arg));
    for (unsigned i = 0; i < ARG_MAX && f->args[i]; i++) {
        arg[i].s = SL("");
        if (!(f->args[i] & ARG_OPT))
            arg[i].type = f->args[i];
    }
}

static unsigned
run_all(struct sample_ctx *x)
{
    unsigned values = 0;

    for (unsigned m = 0; m < COUNT_OF(families); m++) {
        for (const struct fetch *f = families[m]->fetches; f->name; f++) {
            struct expr_arg arg[ARG_MAX + 1];
            struct sample s = { 0 };

            no_args(f, arg);
            if (!f->fn(arg, x, &s, f->private))
                continue;
            values++;
            assert_int_not_equal(s.type, SMP_ANY);
            if (s.type == SMP_STR || s.type == SMP_BIN)
                assert_true(s.u.s.p || s.u.s.len == 0);
        }
        sample_tmp_reset();
    }
    return values;
}

static bool
value_of(const char *name, const char *arg_text, int64_t occ, struct sample_ctx *x,
         struct sample *s)
{
    const struct fetch *f = fetch_find(slice_str(name));
    struct expr_arg arg[ARG_MAX + 1];
    char text[64];
    char *err = NULL;

    assert_non_null(f);
    no_args(f, arg);
    if (arg_text) {
        snprintf(text, sizeof(text), "%s", arg_text);
        arg[0] = (struct expr_arg){ .type = ARG_STR, .s = slice_str(text) };
    }
    if (occ)
        arg[1] = (struct expr_arg){ .type = ARG_SINT, .i = occ };
    if (f->check)
        assert_true(f->check(arg, NULL, &err));
    s->flags = 0;
    return f->fn(arg, x, s, f->private);
}

static void
gives(const char *name, const char *arg, int64_t occ, struct sample_ctx *x, const char *wanted)
{
    struct sample s = { 0 };

    if (!wanted) {
        assert_false(value_of(name, arg, occ, x, &s));
        return;
    }
    assert_true(value_of(name, arg, occ, x, &s));
    assert_true(sample_cast(&s, SMP_STR, x));
    if (!slice_eq_str(s.u.s, wanted))
        print_error("%s(%s): %.*s, not %s\n", name, arg ? arg : "", SLF(s.u.s), wanted);
    assert_true(slice_eq_str(s.u.s, wanted));
}

/* ---- nothing there ---- */

static void
test_nothing(void **state)
{
    struct sample_ctx x = { .tmp = sample_tmp(), .opt = SMPO_FINAL, .point = PT_CFG };

    assert_true(run_all(&x) > 10); /* dates, environment and such */
    x.opt = SMPO_RES;
    run_all(&x);
    gives("src", NULL, 0, &x, NULL);
    gives("ssl_bc", NULL, 0, &x, "0");
    gives("proc", NULL, 0, &x, "1");
}

/** A connection of which nothing is known. */
static void
test_session(void **state)
{
    struct conn c = { .io.fd = -1 };
    struct proxy fe = { .name = "fe", .id = 3, .timeout.client = 5000 };
    struct listener li = { .id = 4, .px = &fe };
    struct session sess = { .conn = &c, .li = &li, .fe = &fe };
    struct sample_ctx x = {
        .sess = &sess, .px = &fe, .tmp = sample_tmp(), .opt = SMPO_FINAL, .point = PT_CONN
    };

    run_all(&x);
    gives("fe_name", NULL, 0, &x, "fe");
    gives("fe_id", NULL, 0, &x, "3");
    gives("so_id", NULL, 0, &x, "4");
    gives("so_name", NULL, 0, &x, NULL);
    gives("fe_client_timeout", NULL, 0, &x, "5000");
    gives("fe_tarpit_timeout", NULL, 0, &x, "0");
    gives("src", NULL, 0, &x, NULL);
    gives("fc_rtt", NULL, 0, &x, NULL);
    gives("fc_err_str", NULL, 0, &x, "Success");
    gives("fc_err_name", NULL, 0, &x, "");
    c.flags = CONN_ERR;
    c.err = ECONNRESET;
    gives("fc_err", NULL, 0, &x, "47");
    gives("fc_err_name", NULL, 0, &x, "ERESET");
    gives("fc_err_str", NULL, 0, &x, "ECONNRESET returned by OS");
    gives("ssl_fc", NULL, 0, &x, "0");
    c.flags = CONN_TLS;
    gives("ssl_fc", NULL, 0, &x, "1");
}

/* ---- health checks ---- */

static void
test_check(void **state)
{
    struct http_hdr hdr[4] = { { SL("x"), SL("a, b") }, { SL("x"), SL("c") } };
    struct http_head res = {
        .is_response = true, .status = 503, .version = 11, .hdr = hdr, .nhdr = 2, .hdr_max = 4
    };
    struct proxy be = { .name = "be", .id = 8 };
    struct server srv = { .name = "s1", .id = 2, .px = &be };
    struct check ck = { .srv = &srv };
    struct conn c = { .io.fd = -1, .flags = CONN_BACK };
    struct sample_ctx x = {
        .tmp = sample_tmp(), .opt = SMPO_RES, .point = PT_CHECK, .check = &ck, .conn = &c
    };

    run_all(&x);
    gives("be_name", NULL, 0, &x, "be");
    gives("srv_name", NULL, 0, &x, "s1");
    gives("srv_id", NULL, 0, &x, "2");
    gives("res.len", NULL, 0, &x, NULL);
    x.data = SL("+OK ready");
    gives("res.len", NULL, 0, &x, "9");
    gives("req.len", NULL, 0, &x, NULL);
    gives("res.hdr", "x", 0, &x, NULL);
    x.res = &res;
    x.data = SL("body");
    run_all(&x);
    gives("status", NULL, 0, &x, "503");
    gives("server_status", NULL, 0, &x, "503");
    gives("res.ver", NULL, 0, &x, "1.1");
    gives("res.hdr", "X", 0, &x, "c");
    gives("res.hdr", "x", 1, &x, "a");
    gives("res.hdr", "x", -2, &x, "b");
    gives("res.body", NULL, 0, &x, "body");
    gives("res.body_len", NULL, 0, &x, "4");
    gives("bc_err", NULL, 0, &x, "0");
}

/* ---- occurrences ---- */

static void
each(const char *name, const char *arg, struct sample_ctx *x, const char *const *wanted)
{
    struct sample s = { 0 };

    for (;; wanted++) {
        bool found = value_of(name, arg, 0, x, &s);
        if (!*wanted) {
            assert_false(found);
            return;
        }
        assert_true(found);
        assert_true(slice_eq_str(s.u.s, *wanted));
        if (!(s.flags & SMPF_NOT_LAST)) {
            assert_null(wanted[1]);
            return;
        }
    }
}

#define EACH(name, arg, x, ...) each(name, arg, x, (const char *const[]){ __VA_ARGS__, NULL })

static void
test_occurrences(void **state)
{
    struct http_hdr hdr[] = {
        { SL("host"), SL("h") },
        { SL("x"), SL("a, \"b,c\" ,d") },
        { SLICE_NONE, SLICE_NONE },
        { SL("x"), SL("") },
        { SL("x"), SL("e") },
        { SL("cookie"), SL("a=1; b=2") },
        { SL("cookie"), SL("a=3; a=; c=4") },
    };
    struct http_head req = { .meth = HTTP_GET,
                             .method = SL("GET"),
                             .target = SL("/p?q=1&r=2&q=3;q"),
                             .version = 11,
                             .hdr = hdr,
                             .nhdr = COUNT_OF(hdr),
                             .hdr_max = COUNT_OF(hdr) };
    struct sample_ctx x = {
        .tmp = sample_tmp(), .opt = SMPO_FINAL | SMPO_ITERATE, .point = PT_FE_HTTP_REQ, .req = &req
    };

    EACH("req.hdr", "x", &x, "a", "\"b,c\"", "d", "", "e");
    EACH("req.fhdr", "x", &x, "a, \"b,c\" ,d", "", "e");
    EACH("req.hdr", "none", &x, NULL);
    EACH("req.cook", "a", &x, "1", "3", "");
    EACH("req.cook", "", &x, "1", "2", "3", "", "4");
    EACH("urlp", "q", &x, "1", "3");
    EACH("urlp", "", &x, "1", "2", "3");
    x.opt = SMPO_FINAL;
    gives("req.hdr", "x", 0, &x, "e");
    gives("req.hdr", "x", 2, &x, "\"b,c\"");
    gives("req.hdr", "x", 6, &x, NULL);
    gives("req.cook", "a", 0, &x, "");
    gives("req.cook", NULL, 0, &x, "1");
    gives("urlp", "q", 0, &x, "1");
    gives("req.hdr_names", NULL, 0, &x, "host,x,x,x,cookie,cookie");
    gives("base", NULL, 0, &x, "h/p");
    sample_tmp_reset();
}

static int
setup(void **state)
{
    tune_defaults();
    return 0;
}

static int
teardown(void **state)
{
    expr_lookup_fini();
    sample_tmp_fini();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_occurrences),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
