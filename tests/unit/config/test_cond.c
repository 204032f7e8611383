/* test_cond.c - conditions, with the values and messages that the reference gives for `-cc`. */
#include "config/cfg.h"
#include "config/cond.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *expr, *want; /* "1", "0", or the error and its position */
} rows[] = {
    { "", "0" },
    { " ", "0" },
    { "0", "0" },
    { "00", "0" },
    { "12", "1" },
    { "-1", "1" },
    { "0x1", "1" },
    { "\t1", "1" },
    { "1 ", "1" },
    { "! 1", "0" },
    { "!!1", "1" },
    { "1&&0", "0" },
    { "1 && 0 || 1", "1" },
    { "0 || 1 && 0", "0" },
    { "((1) && !0)", "1" },
    { "streq(a,a)", "1" },
    { "streq( a,a)", "0" },
    { "streq(\"a\",a)", "1" },
    { "streq('a,b',\"a,b\")", "1" },
    { "streq(a\\ b,\"a b\")", "1" },
    { "streq(,)", "1" },
    { "streq(a,)", "0" },
    { "strneq(a,b)", "1" },
    { "strstr(haproxy,prox)", "1" },
    { "strstr(prox,haproxy)", "0" },
    { "defined(COND_SET)", "1" },
    { "defined(COND_UNSET)", "0" },
    { "defined", "0" },
    { "defined()", "0" },
    { "feature(OPENSSL)", "1" },
    { "feature(+OPENSSL)", "0" },
    { "feature(openssl)", "0" },
    { "enabled(EPOLL)", "1" },
    { "enabled(KQUEUE)", "0" },
    { "enabled(NOPE)", "0" },
    { "version_atleast(3.5.0)", "1" },
    { "version_atleast(3.5)", "1" },
    { "version_atleast(3.5.1)", "0" },
    { "version_atleast(3.5-dev5)", "1" },
    { "version_atleast(3.6-dev1)", "0" },
    { "version_before(3.6-dev0)", "1" },
    { "version_before(3.5)", "0" },
    { "version_before()", "0" },
    { "openssl_version_atleast(3.0.0)", "1" },
    { "openssl_version_before(1.1.1w)", "0" },
    { "ssllib_name_startswith(OpenSSL)", "1" },
    { "ssllib_name_startswith(wolf)", "0" },
    { "fips_mode()", "0" },
    { "fips_mode", "0" },
    { "foo", "unparsable conditional expression 'foo' @0" },
    { "1 && foo", "unparsable conditional expression 'foo' @5" },
    { "1 ||", "unparsable conditional expression '1 ||' @2" },
    { "1 &&", "unparsable conditional expression '&&' @2" },
    { "1 1", "unexpected character '1' at the end of conditional expression '1 1' @2" },
    { "(1", "expected ')' after conditional expression '(1' @0" },
    { "streq(a", "missing arguments (got 1/2), type 'string' expected in argument 1 of predicate "
                 "'streq' used in "
                 "conditional expression @7" },
    { "streq(a,b",
      "expected ')' in argument 1 of predicate 'streq' used in conditional expression @9" },
    { "defined(a,b)", "expected ')' before ',b)' in argument 1 of predicate 'defined' used in "
                      "conditional expression @9" },
    { "awslc_api_atleast(1)",
      "invalid argument for predicate 'awslc_api_atleast': not built with AWS-LC @0" },
};

static void
test_rows(void **state)
{
    setenv("COND_SET", "", 1);
    unsetenv("COND_UNSET");
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct cond_err e;
        struct text got = { 0 };
        enum cond_rc rc = cond_line_eval(rows[i].expr, &e);

        if (rc == COND_ERR)
            text_printf(&got, "%s @%zu", e.text, e.at);
        else
            text_printf(&got, "%d", rc);
        assert_string_equal(got.p, rows[i].want);
        text_fini(&got);
    }
}

static void
test_depth(void **state)
{
    char deep[100000];
    char *err;

    memset(deep, '(', sizeof(deep));
    deep[sizeof(deep) - 1] = '\0';
    assert_int_equal(cond_expr_eval(deep, &err), -1);
    assert_non_null(err);
    free(err);
    memset(deep, '!', sizeof(deep) - 1);
    assert_int_equal(cond_expr_eval(deep, &err), -1);
    free(err);
    assert_int_equal(cond_expr_eval("1", &err), 1);
    assert_null(err);
}

static void
test_versions(void **state)
{
    static const char *const order[] = { "2.6",       "3.0.0-alpha1", "3.0.0", "3.5-dev2",
                                         "3.5-dev10", "3.5-rc1",      "3.5",   "3.5.0-1",
                                         "3.5.1",     "3.10" };
    for (unsigned i = 0; i < COUNT_OF(order); i++) {
        for (unsigned j = 0; j < COUNT_OF(order); j++) {
            int c = cond_version_cmp(order[i], order[j]);
            assert_int_equal(c < 0 ? -1 : c > 0, i < j ? -1 : i > j);
        }
    }
}

static void
test_features(void **state)
{
    struct text t = { 0 };

    config_features_put(&t);
    assert_non_null(strstr(t.p, "+OPENSSL "));
    assert_non_null(strstr(t.p, "-51DEGREES "));
    text_fini(&t);
    config_set_enabled("POLL", true);
    assert_true(config_enabled("POLL"));
    config_set_enabled("POLL", false);
    config_set_enabled("UNKNOWN", true);
    assert_false(config_enabled("UNKNOWN"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
