/* test_vars.c - variables: names, scopes, conditions, limits, threads. */
#include "expr_fixture.h"

#include "config/tune.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fix f;

static int
setup(void **state)
{
    fix_init(&f);
    return 0;
}

static int
teardown(void **state)
{
    tune.vars_global_max = tune.vars_proc_max = tune.vars_sess_max = tune.vars_txn_max =
        tune.vars_reqres_max = tune.vars_check_max = 0;
    fix_fini(&f);
    return 0;
}

static const struct var_name *
name(const char *text)
{
    char *err = NULL;
    const struct var_name *v = var_parse(slice_str(text), &err);

    if (!v)
        fail_msg("%s", err);
    return v;
}

static bool
set_str(const char *var, const char *value, unsigned cond)
{
    struct sample s = { .type = SMP_STR };

    sample_set_str(&s, slice_str(value));
    return var_set(name(var), &f.x, &s, cond);
}

static bool
set_int(const char *var, int64_t value, unsigned cond)
{
    struct sample s;

    s.flags = 0;
    sample_set_int(&s, value);
    return var_set(name(var), &f.x, &s, cond);
}

/** Its value as a string, "-" when unset. */
static const char *
get(const char *var)
{
    static char buf[256];
    struct sample s = { .flags = 0 };

    if (!var_get(name(var), &f.x, &s) || !sample_cast(&s, SMP_STR, &f.x))
        return "-";
    snprintf(buf, sizeof(buf), "%.*s", SLF(s.u.s));
    return buf;
}

static void
test_names(void **state)
{
    static const char *const bad[] = { "",   "a",       "txn",     "txn.", "foo.a",
                                       ".a", "txn.a-b", "txn.a b", "Txn.a" };
    static const char *const good[] = { "txn.a", "proc.A_9.b", "check.x", "psess.y", "req._" };

    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        char *err = NULL;
        assert_null(var_parse(slice_str(bad[i]), &err));
        assert_non_null(err);
        free(err);
    }
    for (unsigned i = 0; i < COUNT_OF(good); i++)
        assert_string_equal(var_text(name(good[i])), good[i]);
    assert_ptr_equal(name("txn.a"), name("txn.a"));
    assert_int_equal(var_scope_of(name("res.a")), VAR_RES);
    assert_true(var_is_writable(name("txn.a")));
    assert_false(var_is_writable(name("ptxn.a")));
    assert_int_equal(var_cond_parse("ifgt"), VARC_IFGT);
    assert_int_equal(var_cond_parse("foo"), 0);
}

static void
test_values(void **state)
{
    char big[200];
    struct sample s = { .flags = 0 };

    assert_string_equal(get("txn.a"), "-");
    assert_true(set_str("txn.a", "short", 0));
    assert_string_equal(get("txn.a"), "short");
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    assert_true(set_str("txn.a", big, 0));
    assert_string_equal(get("txn.a"), big);
    assert_true(var_get(name("txn.a"), &f.x, &s)); /* its own value, shorter */
    s.u.s.len = 3;
    assert_true(var_set(name("txn.a"), &f.x, &s, 0));
    assert_string_equal(get("txn.a"), "xxx");
    assert_true(set_int("txn.a", -7, 0));
    assert_string_equal(get("txn.a"), "-7");
    var_unset(name("txn.a"), &f.x);
    assert_string_equal(get("txn.a"), "-");
    assert_true(set_str("proc.a", big, 0));
    assert_string_equal(get("proc.a"), big);
    assert_false(set_str("ptxn.a", "x", 0));
    var_unset(name("proc.a"), &f.x);
    assert_string_equal(get("proc.a"), "-");
}

static void
test_conditions(void **state)
{
    assert_false(set_int("txn.a", 1, VARC_IFEXISTS));
    assert_false(set_int("txn.a", 1, VARC_IFSET));
    assert_true(set_int("txn.a", 1, VARC_IFNOTEXISTS));
    assert_false(set_int("txn.a", 2, VARC_IFNOTEXISTS));
    assert_false(set_int("txn.a", 2, VARC_IFNOTSET));
    assert_true(set_int("txn.a", 2, VARC_IFEXISTS | VARC_IFSET));
    var_unset(name("txn.a"), &f.x);
    assert_true(set_int("txn.a", 3, VARC_IFEXISTS | VARC_IFNOTSET));
    assert_false(set_int("txn.b", 3, VARC_IFEMPTY)); /* numbers are never empty */
    assert_true(set_str("txn.b", "", VARC_IFEMPTY));
    assert_false(set_str("txn.b", "", VARC_IFNOTEMPTY));
    assert_true(set_int("txn.d", 5, VARC_IFGT)); /* nothing to compare with */
    assert_true(set_int("txn.d", 4, VARC_IFGT)); /* 5 is greater than 4 */
    assert_false(set_int("txn.d", 6, VARC_IFGT));
    assert_false(set_int("txn.d", 4, VARC_IFGT));
    assert_true(set_int("txn.d", 6, VARC_IFLT));
    assert_true(set_str("txn.d", "x", VARC_IFGT));         /* no two numbers: true */
    assert_true(set_int("proc.exists", 1, VARC_IFEXISTS)); /* made when its name was read */
}

static void
test_limits(void **state)
{
    char big[500];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    tune.vars_txn_max = 600;
    assert_true(set_str("txn.a", "small", 0));
    assert_false(set_str("txn.a", big, 0));
    assert_string_equal(get("txn.a"), "small");
    assert_false(set_str("req.a", big, 0)); /* counts in txn, too */
    tune.vars_txn_max = 0;
    assert_true(set_str("txn.a", big, 0));
    vars_fini(&f.vars);
    tune.vars_proc_max = 600;
    assert_true(set_str("proc.lim", "a", 0));
    assert_false(set_str("proc.lim", big, 0));
    tune.vars_proc_max = 0;
    tune.vars_global_max = 300;
    assert_true(set_int("txn.g1", 1, 0));
    assert_true(set_int("txn.g2", 1, 0));
    assert_false(set_int("txn.g3", 1, 0));
    var_unset(name("txn.g1"), &f.x);
    assert_true(set_int("txn.g3", 1, 0));
    vars_fini(&f.vars);
}

static void
test_fetches(void **state)
{
    assert_string_equal(fix_eval(&f, "var(txn.x)"), "(none)");
    assert_string_equal(fix_eval(&f, "var(txn.x,def)"), "def");
    assert_string_equal(fix_eval(&f, "var(txn.x,)"), "");
    assert_true(set_int("txn.x", 5, 0));
    assert_string_equal(fix_eval(&f, "var(txn.x),add(1)"), "6");
    assert_string_equal(fix_eval(&f, "str(x),set-var(txn.y),upper"), "X");
    assert_string_equal(get("txn.y"), "x");
    assert_string_equal(fix_eval(&f, "str(x),unset-var(txn.y)"), "x");
    assert_string_equal(get("txn.y"), "-");
}

static void
test_dump(void **state)
{
    assert_true(set_int("proc.dump_n", 5, 0));
    assert_true(set_str("proc.dump_s", "a\"b", 0));
    assert_string_equal(fix_eval(&f, "dump_all_vars(proc,dump_)"),
                        "proc.dump_n=5, proc.dump_s=\"a\\\"b\"");
    assert_string_equal(fix_eval(&f, "dump_all_vars(proc,dump_,;)"),
                        "proc.dump_n=5;proc.dump_s=\"a\\\"b\"");
    assert_string_equal(
        fix_eval(&f, "dump_all_vars(foo)"),
        "invalid args in fetch method 'dump_all_vars' : invalid scope 'foo', must be one of: "
        "sess, txn, req, res, proc");
}

static void *
worker(void *arg)
{
    const struct var_name *v = arg;
    struct sample_ctx x = { .tmp = sample_tmp() };

    for (unsigned i = 0; i < 2000; i++) {
        char text[96];
        struct sample s = { .flags = 0 };
        memset(text, 'a' + (int)(i % 26), sizeof(text));
        sample_set_str(&s, slice(text, i % sizeof(text)));
        if (!var_set(v, &x, &s, 0))
            abort();
        s.flags = 0;
        if (!var_get(v, &x, &s))
            abort();
        for (size_t k = 1; k < s.u.s.len; k++)
            if (s.u.s.p[k] != s.u.s.p[0]) /* never half of one and half of another */
                abort();
        sample_tmp_reset();
    }
    sample_tmp_fini();
    vars_thread_fini();
    return NULL;
}

static void
test_threads(void **state)
{
    pthread_t t[3];

    for (unsigned i = 0; i < COUNT_OF(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, worker, (void *)name("proc.shared")), 0);
    for (unsigned i = 0; i < COUNT_OF(t); i++)
        pthread_join(t[i], NULL);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_names),   T(test_values), T(test_conditions), T(test_limits),
        T(test_fetches), T(test_dump),   T(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
