/* test_expr.c - expressions: arguments with quotes, casts, converters, errors. Results are those of
 * HAProxy 2.6. */
#include "expr_fixture.h"

#include "sample/acl_int.h"
#include "sample/args.h"
#include "sample/expr_int.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
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
    fix_fini(&f);
    return 0;
}

struct row {
    const char *expr, *want;
};

static void
check_rows(const struct row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = fix_eval(&f, row[i].expr);
        if (strcmp(got, row[i].want) != 0)
            fail_msg("%s: got '%s', want '%s'", row[i].expr, got, row[i].want);
    }
}

static void
test_constants(void **state)
{
    static const struct row rows[] = {
        { "bool(true)", "1" },
        { "bool(FALSE)", "0" },
        { "bool(1)", "1" },
        { "always_true", "1" },
        { "always_false", "0" },
        { "int(5)", "5" },
        { "int(+5)", "5" },
        { "int(-0)", "0" },
        { "int(\"5\")", "5" },
        { "int(99999999999999999999)", "9223372036854775807" },
        { "int(-99999999999999999999)", "-9223372036854775808" },
        { "bin(4142)", "AB" },
        { "ipv4(1.2.3.4)", "1.2.3.4" },
        { "ipv4(255.100.10.0)", "255.100.10.0" },
        { "ipv6(::1)", "::1" },
        { "ipv6(::ffff:1.2.3.4)", "::ffff:1.2.3.4" },
        { "meth(GET)", "GET" },
        { "meth(FOO)", "FOO" },
        { "meth()", "" },
        { "str(abc)", "abc" },
        { "str()", "" },
        { "str", "" },
        { "str(),length", "0" },
    };

    check_rows(rows, COUNT_OF(rows));
}

static void
test_quotes(void **state)
{
    static const struct row rows[] = {
        { "str(\"a\\\"b\")", "a\"b" },
        { "str('a,b')", "a,b" },
        { "str(\"a,b\")", "a,b" },
        { "str(\"a)b\")", "a)b" },
        { "str(\\'a\\')", "'a'" },
        { "str(\"a\\,b\\)\")", "a\\,b\\)" },
        { "str(a\\ b\\tc\\x41)", "a b\tc\\x41" },
        { "str( a )", " a " },
        { "str(\"a\"b'c')", "abc" },
        { "str(\"a\" )", "a " },
        { "str(\"\\\\\\\\\")", "\\\\" },
        { "str(\"\\\\\")", "\\" },
        { "str(\"\\z\")", "\\z" },
        { "str(\"\\#\")", "\\#" },
        { "str(\"$x\")", "$x" },
        { "str(\\\\)", "\\" },
        { "str('\\')", "\\" },
        { "str(a\\,b)", "fetch method 'str' : expected ')' before ',b)'" },
        { "str(a\\)b)", "missing comma after fetch keyword 'str'" },
        { "str(\"a", "fetch method 'str' : expected ')'" },
        { "str(\"a)", "fetch method 'str' : expected ')'" },
        { "str(a", "fetch method 'str' : expected ')'" },
        { "str(a),concat(\"-\",,\"x,y\")", "a-x,y" },
        { "str(a),concat(-,,z)", "a-z" },
    };

    check_rows(rows, COUNT_OF(rows));
}

static void
test_casts(void **state)
{
    static const struct row rows[] = {
        { "bool(true),upper", "1" },
        { "int(-5),upper", "-5" },
        { "bin(4142),upper", "AB" },
        { "bin(41420043),upper", "AB" },
        { "int(258),hex", "0000000000000102" },
        { "bool(true),hex", "0000000000000001" },
        { "ipv4(1.2.3.4),hex", "01020304" },
        { "ipv6(::1),hex", "00000000000000000000000000000001" },
        { "meth(GET),hex", "474554" },
        { "meth(get),upper", "GET" },
        { "str(abc),add(1)", "1" },
        { "str(12abc),add(1)", "13" },
        { "str(0x10),add(1)", "1" },
        { "str(010),add(1)", "11" },
        { "str(),add(1)", "(none)" },
        { "str(-3),add(1)", "-2" },
        { "str( 5),add(0)", "0" },
        { "str(9223372036854775808),add(0)", "9223372036854775807" },
        { "ipv4(0.0.1.2),add(1)", "259" },
        { "bool(true),add(1)", "2" },
        { "int(16909060),ipmask(32)", "1.2.3.4" },
        { "str(1.2.3.4),ipmask(24)", "1.2.3.0" },
        { "str(127.1),ipmask(32)", "(none)" },
        { "str(::1),ipmask(24,64)", "::" },
        { "ipv6(2001:db8::1),ipmask(24,32)", "2001:db8::" },
        { "str(true),iif(y,n)", "n" },
        { "str(1),iif(y,n)", "y" },
        { "str(0),iif(y,n)", "n" },
        { "int(2),iif(y,n)", "y" },
        { "bin(3132),add(1)", "converter 'add' cannot be applied" },
        { "bin(01020304),ipmask(32)", "converter 'ipmask' cannot be applied" },
        { "ipv4(1.2.3.4),iif(y,n)", "converter 'iif' cannot be applied" },
        { "meth(GET),add(1)", "converter 'add' cannot be applied" },
        { "bool(true),ipmask(24)", "converter 'ipmask' cannot be applied" },
        { "ipv6(::ffff:1.2.3.4),add(1)", "converter 'add' cannot be applied" },
    };

    check_rows(rows, COUNT_OF(rows));
}

static void
test_errors(void **state)
{
    static const struct row rows[] = {
        { "", "missing fetch method" },
        { "foo", "unknown fetch method 'foo'" },
        { "foo(", "unknown fetch method 'foo'" },
        { ",str(a)", "missing fetch method" },
        { "str(a),foo", "unknown converter 'foo'" },
        { "str(a),", "unknown converter ''" },
        { "str(a),,upper", "A" },
        { "str(a) ,upper", "missing comma after fetch keyword 'str'" },
        { "str(a), upper", "unknown converter ''" },
        { "str(a),upper lower", "missing comma after converter 'upper'" },
        { "str(a)(b)", "missing comma after fetch keyword 'str'" },
        { "str(a,b)", "fetch method 'str' : expected ')' before ',b)'" },
        { "str(a,)", "fetch method 'str' : expected ')' before ',)'" },
        { "int(x)", "fetch method 'int' : failed to parse 'x' as type 'integer' at position 1" },
        { "int( 5)", "fetch method 'int' : failed to parse ' 5' as type 'integer' at position 1" },
        { "int(0x1f)",
          "fetch method 'int' : failed to parse '0x1f' as type 'integer' at position 1" },
        { "int()", "fetch method 'int' : expected type 'integer' at position 1, but got nothing" },
        { "ipv4(1)",
          "fetch method 'ipv4' : failed to parse '1' as type 'IPv4 address' at position 1" },
        { "ipv6(1.2.3.4)",
          "fetch method 'ipv6' : failed to parse '1.2.3.4' as type 'IPv6 address' at position 1" },
        { "bool(maybe)",
          "invalid args in fetch method 'bool' : Expects 'true', 'false', '0' or '1'" },
        { "bool", "invalid args in fetch method 'bool' : Expects 'true', 'false', '0' or '1'" },
        { "bin(4x)", "invalid args in fetch method 'bin' : an hex digit is expected (found 'x')" },
        { "bin(414)",
          "invalid args in fetch method 'bin' : an even number of hex digit is expected" },
        { "always_true(1)", "fetch method 'always_true' : expected ')' before '1)'" },
        { "always_true()", "1" },
        { "var(foo.a)",
          "invalid args in fetch method 'var' : invalid variable name 'foo.a'. A variable name "
          "must be "
          "start by its scope. The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'" },
        { "var()", "invalid args in fetch method 'var' : Empty variable name cannot be accepted" },
        { "var(txn.a-b)", "invalid args in fetch method 'var' : invalid syntax at char '-b'" },
        { "str(a),lower(a)", "invalid arg 1 in converter 'lower' : expected ')' before 'a)'" },
        { "str(a),regsub(", "invalid arg 2 in converter 'regsub' : missing arguments (got 1/2), "
                            "type 'string' expected" },
        { "str(a),regsub(\"(a),b)", "invalid arg 2 in converter 'regsub' : missing arguments (got "
                                    "1/2), type 'string' expected" },
        { "str(1.2.3.4),ipmask(99)", "invalid arg 1 in converter 'ipmask' : failed to parse '99' "
                                     "as type 'IPv4 mask' at position 1" },
        { "acl(nope)", "invalid args in fetch method 'acl' : ACL 'nope' not found" },
        { "acl(TRUE)", "1" },
        { "acl(!TRUE)", "0" },
        { "acl(TRUE,!FALSE,TRUE)", "1" },
        { "acl(TRUE,FALSE)", "0" },
    };

    check_rows(rows, COUNT_OF(rows));
}

static void
test_optional_arguments(void **state)
{
    static const struct row rows[] = {
        { "t.opt", "h" },
        { "t.opt()", "h" },
        { "t.opt(1)", "h" },
        { "t.opt(,x)", "fetch method 't.opt' : expected ')' before ',x)'" },
        { "t.opt(x)",
          "fetch method 't.opt' : failed to parse 'x' as type 'integer' at position 1" },
        { "t.opt(1,2,3)", "fetch method 't.opt' : expected ')' before ',3)'" },
    };

    fix_host = "h";
    check_rows(rows, COUNT_OF(rows));
}

static void
test_words(void **state)
{
    static const struct row rows[] = {
        { "str(a) upper concat(-,,z)", "A-z" },
        { "str(a), upper", "A" },
        { "str(a),", "a" },
        { "str(a),upper lower,upper", "A" },
        { "str(a) if x", "a [if]" },
        { "str(a),upper table t", "A [table]" },
        { "str(a), , upper", "a [,]" },
        { "str(a)b", "missing comma after fetch keyword 'str'" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(fix_eval_words(&f, rows[i].expr), rows[i].want);
}

static void
test_partial_text(void **state)
{
    size_t used = 0;
    char *err = NULL;
    struct expr *e = expr_parse_text_err(&f.c, "str(a),upper] tail", &used, NULL, PT_ANY, &err);

    assert_non_null(e);
    assert_int_equal(used, strlen("str(a),upper"));
    assert_string_equal(expr_text(e), "str(a),upper");
    assert_int_equal(expr_type(e), SMP_STR);
    e = expr_parse_text_err(&f.c, "str(a),]", &used, NULL, PT_ANY, &err);
    assert_null(e);
    assert_string_equal(err, "unknown converter ''");
    free(err);
}

static void
test_places(void **state)
{
    unsigned at = 0;
    char *err = NULL;

    fix_line(&f, "t.res");
    assert_null(expr_parse_err(&f.c, &at, NULL, PT_FE_HTTP_REQ, &err));
    assert_string_equal(
        err, "fetch method 't.res' extracts information from 'HTTP response headers', none "
             "of which is available here");
    free(err);
    assert_non_null(expr_parse_err(&f.c, &at, NULL, PT_FE_HTTP_RES, &err));
    assert_int_equal(fetch_needs_points(NEEDS_NOTHING), PT_ANY);
    assert_true(fetch_needs_points(NEEDS_CLIENT) & PT_CONN);
    assert_false(fetch_needs_points(NEEDS_CLIENT5) & PT_CONN);
    assert_false(fetch_needs_points(NEEDS_REQ_HTTP) & PT_LOG);
    assert_true(fetch_needs_points(NEEDS_REQ_HTTP_ANY) & PT_LOG);
}

static void
test_hints(void **state)
{
    assert_string_equal(fix_eval(&f, "always_tru"), "unknown fetch method 'always_tru'");
    assert_string_equal(expr_hint(), "did you mean 'always_true'?");
    assert_string_equal(fix_eval(&f, "str(a),uper"), "unknown converter 'uper'");
    assert_string_equal(expr_hint(), "did you mean 'upper'?");
    assert_string_equal(fix_eval(&f, "str(a)"), "a");
    assert_null(expr_hint());
}

static void
test_resolution_errors(void **state)
{
    (void)fix_eval(&f, "t.backend(nope)");
    assert_string_equal(fix_last(&f),
                        "unable to find backend 'nope' referenced in arg 1 of sample fetch "
                        "keyword 't.backend' in http-request expression in proxy ''.");
    (void)fix_eval(&f, "str(a),regsub(\"(a\",b)");
    assert_string_equal(
        fix_last(&f),
        "error in regex '(a' in arg 1 of conversion keyword 'regsub' for sample fetch "
        "keyword 'str' in http-request expression in proxy '' : regex '(a' is invalid "
        "(error=missing closing parenthesis, erroffset=2).");
    (void)fix_eval(&f, "str(a),regsub(\"\",b)");
    assert_string_equal(fix_last(&f),
                        "missing regex in arg 1 of conversion keyword 'regsub' for sample "
                        "fetch keyword 'str' in http-request expression in proxy ''.");
}

static void
test_occurrences(void **state)
{
    size_t used;
    char *err;
    struct expr *e = expr_parse_text_err(&f.c, "t.list,upper]", &used, NULL, PT_ANY, &err);
    struct sample s;
    const char *want[] = { "A", "B", "C" };

    assert_non_null(e);
    fix_list = "a,b,c";
    for (unsigned i = 0; i < 3; i++) {
        assert_true(i ? expr_eval_next(e, &f.x, &s) : expr_eval(e, &f.x, &s));
        assert_true(slice_eq_str(s.u.s, want[i]));
        assert_int_equal(!!(s.flags & SMPF_NOT_LAST), i < 2);
    }
    assert_false(expr_eval_next(e, &f.x, &s));
}

static struct expr *
parse(const char *text)
{
    char *err = NULL;
    struct expr *e = expr_parse_text_err(&f.c, text, NULL, NULL, PT_ANY, &err);

    assert_non_null(e);
    return e;
}

static void
test_same(void **state)
{
    assert_true(expr_same(parse("t.host,lower"), parse("t.host,lower")));
    assert_false(expr_same(parse("t.host,lower"), parse("t.host,upper")));
    assert_false(expr_same(parse("t.host,lower"), parse("t.host")));
    assert_false(expr_same(parse("str(a)"), parse("str(b)")));
    assert_true(expr_same(parse("str(a),regsub(\"x\",y)"), parse("str(a),regsub(x,'y')")));
    assert_true(expr_is_pure(parse("t.host,lower")));
    assert_false(expr_is_pure(parse("t.host,set-var(txn.a)")));
    assert_false(expr_is_pure(parse("int(1)")));
}

static void
test_own(void **state)
{
    struct sample s = { .type = SMP_STR };
    const char *p = "abc";

    sample_set_str(&s, slice_str(p));
    assert_true(sample_own(&s, 10, &f.x));
    assert_ptr_not_equal(s.u.s.p, p);
    assert_false(s.flags & SMPF_CONST);
    p = s.u.s.p;
    assert_true(sample_own(&s, 0, &f.x));
    assert_ptr_equal(s.u.s.p, p);
    assert_false(sample_own(&s, SIZE_MAX / 2, &f.x));
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_constants),
        T(test_quotes),
        T(test_casts),
        T(test_errors),
        T(test_optional_arguments),
        T(test_words),
        T(test_partial_text),
        T(test_places),
        T(test_hints),
        T(test_resolution_errors),
        T(test_occurrences),
        T(test_same),
        T(test_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
