/* test_acl.c - ACLs and conditions: match methods, flags, operators, groups, errors, indexed
 * dispatch. Results are those of HAProxy 2.6. */
#include "expr_fixture.h"

#include "sample/acl_int.h"
#include "sample/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
    const char *acl, *want;
};

/** Each as an anonymous ACL. */
static void
check_rows(const struct row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *text = xasprintf("{ %s }", row[i].acl);
        const char *got = fix_cond(&f, text);
        if (strcmp(got, row[i].want) != 0)
            fail_msg("%s: got '%s', want '%s'", text, got, row[i].want);
        free(text);
    }
}

static void
test_matches(void **state)
{
    static const struct row rows[] = {
        { "str(a/b?c) -m dir b", "T" },
        { "str(a/b?c) -m dir c", "T" },
        { "str(a/b?c/d) -m dir c", "T" },
        { "str(a/b) -m dir /", "F" },
        { "str(a//b) -m dir /", "F" },
        { "str(/a/b) -m dir //", "F" },
        { "str(abc) -m dir /", "F" },
        { "str(/images/png/logo/32x32.png) -m dir /images", "T" },
        { "str(/images/png/logo/32x32.png) -m dir images/png", "T" },
        { "str(/images/png/logo/32x32.png) -m dir /images/png/", "T" },
        { "str(/images/png/logo/32x32.png) -m dir png", "T" },
        { "str(http://www1.dc-eu.example.com:80/blah) -m dom dc-eu.example", "T" },
        { "str(http://www1.dc-eu.example.com:80/blah) -m dom :www1:", "T" },
        { "str(http://www1.dc-eu.example.com:80/blah) -m dom eu", "F" },
        { "str(http://www1.dc-eu.example.com:80/blah?x=1) -m dom x=1", "T" },
        { "str(a.b) -m dom .", "F" },
        { "str(a.b) -m dom ..a..", "T" },
        { "str(ab) -m dom .", "F" },
        { "str() -m dom .", "T" },
        { "str() -m str a", "F" },
        { "str() -m beg a", "F" },
        { "str() -m found", "T" },
        { "str() -m bool", "F" },
        { "str(0) -m bool", "F" },
        { "str(1) -m bool", "T" },
        { "str(a) -m bool", "F" },
        { "str(-1) -m bool", "T" },
        { "int(-1) -m bool", "T" },
        { "var(txn.none) -m found", "F" },
        { "var(txn.none) -m bool", "F" },
        { "ipv4(1.2.3.4) -m found", "T" },
        { "ipv4(1.2.3.4) -m str 1.2.3.4", "T" },
        { "ipv4(1.2.3.4) -m beg 1.2.", "T" },
        { "ipv4(1.2.3.4) -m len 7", "T" },
        { "int(123) -m len 3", "T" },
        { "int(123) -m str 123", "T" },
        { "int(123) -m end 3", "T" },
        { "bool(1) -m str 1", "T" },
        { "bool(1) -m int 1", "T" },
        { "bool(1) 5", "T" },
        { "bool(0) 5", "F" },
        { "bool(1)", "T" },
        { "int(5) 5", "T" },
        { "int(5) 4:6", "T" },
        { "int(5) gt 4", "T" },
        { "int(5) gt 5", "F" },
        { "int(5) ge 5", "T" },
        { "int(5) lt 5", "F" },
        { "int(5) le 5", "T" },
        { "int(5) eq 5", "T" },
        { "int(5) eq 4 5", "T" },
        { "int(5) gt 9 4", "T" },
        { "int(5) ne 5", "T" },
        { "int(5) ne 6", "F" },
        { "int(-5) lt 0", "T" },
        { "int(-5) -- -5", "T" },
        { "int(-5) :0", "T" },
        { "int(5) gt 4:6", "T" },
        { "int(5) lt 6:", "F" },
        { "int(5) ge 4:", "T" },
        { "int(5) le :6", "T" },
        { "int(5) lt 4:6", "T" },
        { "int(5) ge 4:6", "T" },
        { "int(5) le 4:6", "T" },
        { "int(7) ge 4:6", "F" },
        { "int(3) le 4:6", "F" },
        { "int(7) gt 4:6", "F" },
        { "int(5) eq 4:6", "T" },
        { "str(abc) -m str ABC", "F" },
        { "str(abc) -i ABC", "T" },
        { "str(abc) -m str -i ABC", "T" },
        { "str(abc) -i -m str ABC", "T" },
        { "str(abc) -m sub -i B", "T" },
        { "str(abc) -m end -i C", "T" },
        { "str(abc) -m beg -i AB", "T" },
        { "str(a/b) -m dir -i B", "T" },
        { "str(a.b) -m dom -i B", "T" },
        { "str(abc) -m reg -i ^A", "T" },
        { "str(abc) -m reg ^A", "F" },
        { "str(abc) -m reg b", "T" },
        { "bin(414243) -m str ABC", "T" },
        { "bin(414200) -m str AB", "T" },
        { "bin(414243) -m bin 414243", "T" },
        { "str(ABC) -m bin 414243", "T" },
        { "str(ABC) -m bin 4142", "F" },
        { "bin(414243) -m len 3", "T" },
        { "bin(41420043) -m len 4", "F" },
        { "bin(41420043) -m sub C", "F" },
        { "int(16909060) -m ip 1.2.3.4", "T" },
        { "str(1.2.3.4) -m ip 1.2.3.0/24", "T" },
        { "str(::1) -m ip ::1", "T" },
        { "str(x) -m ip 0.0.0.0/0", "F" },
        { "ipv4(10.0.0.12) 10.12", "T" },
        { "ipv4(10.0.0.0) 10", "F" },
        { "ipv4(0.0.0.10) 10", "T" },
        { "ipv4(10.0.0.12) 10.12/8", "T" },
        { "ipv4(10.99.0.12) 10.12/8", "T" },
        { "ipv4(192.168.0.1) 192.168.1", "T" },
        { "ipv4(192.168.1.7) 192.168.1/24", "F" },
        { "ipv4(192.168.0.7) 192.168.1/24", "T" },
        { "ipv4(10.1.2.3) 10.0.0.3/255.0.0.255", "T" },
        { "ipv6(2002:a01:203::) 10.1.2.3", "T" },
        { "ipv6(2002:a01:203::99) 10.1.2.3", "T" },
        { "ipv6(::10.1.2.3) 10.1.2.3", "T" },
        { "ipv6(::ffff:10.1.2.3) 10.1.2.3", "T" },
        { "ipv6(::ffff:10.1.2.3) 10.0.0.0/8", "T" },
        { "ipv6(64:ff9b::10.1.2.3) 10.1.2.3", "F" },
        { "ipv4(10.1.2.3) ::ffff:10.1.2.3", "T" },
        { "ipv4(10.1.2.3) ::ffff:0:0/96", "T" },
        { "ipv4(10.1.2.3) ::/0", "T" },
        { "ipv4(127.0.0.1) localhost", "T" },
        { "ipv6(::1) 0.0.0.0/0", "T" },
        { "ipv6(::2) 0.0.0.0/0", "T" },
        { "ipv6(2001::2) 0.0.0.0/0", "F" },
        { "meth(GET) -m str GET", "T" },
        { "meth(GET) -m beg G", "T" },
        { "str(-i) -- -i", "T" },
        { "str(--) -- --", "T" },
        { "str(b) a -i b", "T" },
        { "str(-i) a -i b", "T" },
        { "always_true", "T" },
        { "always_false", "F" },
        { "str(12) -m int 12", "T" },
        { "str(12x) -m int 12", "T" },
        { "str() -m int 0", "F" },
        { "str(abc) -m int 0", "T" },
        { "str(abc),length 3", "T" },
        { "str(abc) -m len gt 2", "T" },
        { "str(abc) -m len 3:4", "T" },
        { "int(5),bool", "T" },
        { "str(abc) -m found abc", "T" },
        { "int(5) 5: 3", "T" },
        { "str(a\\000b) a", "F" },
    };

    check_rows(rows, COUNT_OF(rows));
}

static void
test_files(void **state)
{
    const char *files[] = {
        fix_file("list", "abc\n  #x\n# c\n\n Foo  \nwith space\r\n"),
        fix_file("map", "k v\nabc def ghi\n"),
        fix_file("nets", "10.0.0.0/8\n"),
    };
    static const struct {
        const char *before;
        unsigned file;
        const char *after, *want;
    } rows[] = {
        { "str(abc) -f ", 0, "", "T" },
        { "str(abcd) -m beg -f ", 0, "", "T" },
        { "str(Foo) -f ", 0, "", "F" }, /* trailing blanks belong to the pattern */
        { "str(Foo\\ \\ ) -f ", 0, "", "T" },
        { "str(foo) -i -m beg -f ", 0, "", "F" },
        { "str(fOO\\ \\ z) -i -m beg -f ", 0, "", "T" },
        { "str(\\#x) -f ", 0, "", "T" },
        { "str(with\\ space) -f ", 0, "", "T" },
        { "str(with) -f ", 0, "", "F" },
        { "str(x) -f ", 0, " -i X", "T" },
        { "str(ABC) -f ", 0, " -i X", "F" },
        { "str(abc) -f file@", 0, "", "T" },
        { "str(abc) -M -f ", 1, "", "T" },
        { "str(def) -M -f ", 1, "", "F" },
        { "ipv4(10.1.1.1) -f ", 2, "", "T" },
        { "ipv4(11.1.1.1) -f opt@", 2, "", "F" },
        { "str(zz) -f opt@/nonexistent/file-", 2, "", "F" },
        { "str(zz) -f virt@nothing", 2, "", "F" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *text = xasprintf("{ %s%s%s }", rows[i].before, files[rows[i].file], rows[i].after);
        const char *got = fix_cond(&f, text);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s: got '%s', want '%s'", text, got, rows[i].want);
        free(text);
    }
    for (size_t i = 0; i < COUNT_OF(files); i++)
        unlink(files[i]);
}

static void
test_errors(void **state)
{
#define P "error detected while parsing an 'http-request deny' condition : "
    static const struct row rows[] = {
        { "nope", P "no such ACL : 'nope'." },
        { "{ str(a) a", P "missing closing '}' in condition." },
        { "{ str(a) a } nope", P "no such ACL : 'nope'." },
        { "{ }", P "missing fetch method in ACL expression ''." },
        { "{str a}", P "no such ACL : '{str'." },
        { "TRUE and TRUE", P "no such ACL : 'and'." },
        { "{ srcc 1.2.3.4 }", P "unknown fetch method 'srcc' in ACL expression 'srcc'." },
        { "{ str(a),foo }", P "unknown converter 'foo' in ACL expression 'str(a),foo'." },
        { "{ bin(414) a }",
          P "invalid args in fetch method 'bin' : an even number of hex digit is expected "
            "in ACL expression 'bin(414)'." },
        { "{ bin(4141) 4141 }",
          P "matching method must be specified first (using '-m') when using a sample "
            "fetch of this type ('bin')." },
        { "{ meth(GET) GET }",
          P "matching method must be specified first (using '-m') when using a sample "
            "fetch of this type ('meth')." },
        { "{ bin(4141) -m bin 414 }", P "an even number of hex digit is expected." },
        { "{ bin(4141) -m bin xx }", P "an hex digit is expected (found 'x')." },
        { "{ str(a) -z xx }",
          P "'-z' is not a valid ACL option. Please use '--' before any pattern "
            "beginning with a '-'." },
        { "{ str(a) - }",
          P "'-' is not a valid ACL option. Please use '--' before any pattern beginning "
            "with a '-'." },
        { "{ int(1) -5 }",
          P "'-5' is not a valid ACL option. Please use '--' before any pattern beginning "
            "with a '-'." },
        { "{ str(a) -m foo 1 }", P "unknown matching method 'foo' when parsing ACL expression." },
        { "{ str(a) -m }", P "unknown matching method '' when parsing ACL expression." },
        { "{ str(a) -f }", P "failed to open pattern file <>." },
        { "{ str(a) -f /nonexistent/x }", P "failed to open pattern file </nonexistent/x>." },
        { "{ str(a) -f /tmp }", P "error encountered while reading  </tmp> : Is a directory." },
        { "{ str(a) -u x a }", P "the argument of -u must be an integer." },
        { "{ ipv4(1.2.3.4) 1.2.3.4.5 }", P "'1.2.3.4.5' is not a valid IPv4 or IPv6 address." },
        { "{ ipv4(1.2.3.4) 1.2.3.400 }", P "'1.2.3.400' is not a valid IPv4 or IPv6 address." },
        { "{ ipv4(1.2.3.4) 1.2.3.4/33 }", P "'1.2.3.4/33' is not a valid IPv4 or IPv6 address." },
        { "{ ipv4(1.2.3.4) 1.2.3.4/ }", P "'1.2.3.4/' is not a valid IPv4 or IPv6 address." },
        { "{ ipv4(1.2.3.4) ::1/129 }", P "'::1/129' is not a valid IPv4 or IPv6 address." },
        { "{ ipv4(1.2.3.4) 0x10.1 }", P "'0x10.1' is not a valid IPv4 or IPv6 address." },
        { "{ ipv4(1.2.3.4) * }", P "'*' is not a valid IPv4 or IPv6 address." },
        { "{ ipv4(1.2.3.4) -n localhost }", P "'localhost' is not a valid IPv4 or IPv6 address." },
        { "{ int(1) foo }", P "'foo' is not a number." },
        { "{ int(1) 1.2 }", P "'1.2' is not a number." },
        { "{ int(1) 1:2:3 }", P "'1:2:3' is not a valid number range." },
        { "{ int(1) 5:1 }", P "'5:1' is not a valid number range." },
        { "{ int(1) : }", P "':' is not a valid number range." },
        { "{ int(1) 9223372036854775808 }", P "'9223372036854775808' is not a number." },
        { "{ str(a) -m len x }", P "'x' is not a number." },
        { "{ str(a) -m reg ( }",
          P "regex '(' is invalid (error=missing closing parenthesis, erroffset=1)." },
        { "{ bin(31) -m int 1 }",
          P "matching method 'int' cannot be used with fetch keyword 'bin'." },
        { "{ bin(31) -m ip 1.2.3.4 }",
          P "matching method 'ip' cannot be used with fetch keyword 'bin'." },
        { "{ always_true -m ip 1.2.3.4 }",
          P "matching method 'ip' cannot be used with fetch keyword 'always_true'." },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *got = fix_cond(&f, rows[i].acl);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s: got '%s', want '%s'", rows[i].acl, got, rows[i].want);
    }
}

static void
test_acl_errors(void **state)
{
    const char *list = fix_file("bad", "1.2.3.4\nzz.invalid\n");
    char *line = xasprintf("acl a ipv4(1.2.3.4) -n -f %s", list);
    char *want =
        xasprintf("error detected while parsing ACL 'a' : 'zz.invalid' is not a valid IPv4 or IPv6 "
                  "address at line 2 of file '%s'.",
                  list);
    static const struct row rows[] = {
        { "acl a",
          "error detected while parsing ACL 'a' : missing fetch method in ACL expression ''." },
        { "acl a!b str(a)", "character '!' is not permitted in acl name 'a!b'." },
        { "acl or str(a) 1",
          "acl name 'or' will never match. 'or' is used to express a logical disjunction "
          "within a condition." },
        { "acl a str(a) -m str -f /dev/null -m beg",
          "error detected while parsing ACL 'a' : '-m' must only "
          "be specified before patterns and files in parsing ACL "
          "expression." },
        { "acl a str(a) -u 5 x", NULL },
        { "acl b str(a) -u 5 y", "error detected while parsing ACL 'b' : the id is already used." },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *got = fix_acl(&f, rows[i].acl);
        if (rows[i].want ? !got || strcmp(got, rows[i].want) != 0 : got != NULL)
            fail_msg("%s: got '%s', want '%s'", rows[i].acl, got ? got : "-", rows[i].want);
    }
    assert_string_equal(fix_acl(&f, line), want);
    free(line);
    free(want);
    unlink(list);
}

static void
test_groups(void **state)
{
    static const struct row rows[] = {
        { "TRUE", "T" },
        { "FALSE", "F" },
        { "!FALSE", "T" },
        { "!!TRUE", "T" },
        { "! FALSE", "T" },
        { "TRUE FALSE", "F" },
        { "TRUE !FALSE", "T" },
        { "FALSE or TRUE", "T" },
        { "FALSE || TRUE", "T" },
        { "FALSE TRUE or TRUE !TRUE or yes", "T" },
        { "FALSE TRUE or TRUE !TRUE or !yes", "F" },
        { "TRUE or", "T" },
        { "or TRUE", "T" },
        { "FALSE || || TRUE", "T" },
        { "yes !{ str(a) b }", "T" },
        { "! { str(a) b }", "T" },
        { "", "F" },
    };

    assert_null(fix_acl(&f, "acl yes str(a) b"));
    assert_null(fix_acl(&f, "acl yes str(c) c"));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *got = fix_cond(&f, rows[i].acl);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s: got '%s', want '%s'", rows[i].acl, got, rows[i].want);
    }
}

static void
test_unless(void **state)
{
    struct cond *cond;

    fix_line(&f, "http-request deny unless TRUE");
    cond = cond_parse(&f.c, 2, NULL, NULL, PT_FE_HTTP_REQ);
    assert_non_null(cond);
    assert_int_equal(cond_eval(cond, &f.x), COND_FAIL);
    fix_line(&f, "http-request deny unless FALSE or FALSE");
    cond = cond_parse(&f.c, 2, NULL, NULL, PT_FE_HTTP_REQ);
    assert_int_equal(cond_eval(cond, &f.x), COND_PASS);
    assert_string_equal(cond_text(cond), "unless FALSE or FALSE");
    assert_true(cond_starts(&f.c, 2));
    assert_false(cond_starts(&f.c, 1));
    assert_false(cond_starts(&f.c, 99));
}

/** What is not there yet holds a condition up only if it can still decide it. */
static void
test_missing_data(void **state)
{
    static const struct row rows[] = {
        { "{ t.host x }", "M" },          { "!{ t.host x }", "M" },
        { "FALSE { t.host x }", "F" },    { "{ t.host x } FALSE", "F" },
        { "{ t.host x } TRUE", "M" },     { "{ t.host x } or TRUE", "T" },
        { "{ t.host x } or FALSE", "M" },
    };

    fix_unstable = true;
    f.x.opt = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(fix_cond(&f, rows[i].acl), rows[i].want);
    f.x.opt = SMPO_FINAL;
    assert_string_equal(fix_cond(&f, "{ t.host x }"), "F");
    assert_string_equal(fix_cond(&f, "!{ t.host x }"), "T");
    f.x.opt = 0;
    fix_host = "x"; /* there, but may change: a match counts, a mismatch does not */
    assert_string_equal(fix_cond(&f, "{ t.host x }"), "T");
    assert_string_equal(fix_cond(&f, "{ t.host y }"), "M");
}

static void
test_occurrences(void **state)
{
    fix_list = "a,b,c";
    assert_string_equal(fix_cond(&f, "{ t.list c }"), "T");
    assert_string_equal(fix_cond(&f, "{ t.list a,b }"), "F");
    assert_string_equal(fix_cond(&f, "{ t.list,upper B }"), "T");
    assert_string_equal(fix_cond(&f, "{ t.list -m len 2 }"), "F");
    fix_list = "1,x,300"; /* the second is lost in a cast, the third still counts */
    assert_string_equal(fix_cond(&f, "{ t.list -m int gt 299 }"), "T");
    fix_list = ",1.2.3.4";
    assert_string_equal(fix_cond(&f, "{ t.list -m ip 1.2.3.4 }"), "T");
}

static void
test_warnings(void **state)
{
    assert_string_equal(fix_cond(&f, "{ str(a) }"), "F");
    assert_string_equal(
        fix_last(&f),
        "parsing acl keyword 'str(a)' :\n"
        "  no pattern to match against were provided, so this ACL will never match.\n"
        "  If this is what you intended, please add '--' to get rid of this warning.\n"
        "  If you intended to match only for existence, please use '-m found'.\n"
        "  If you wanted to force an int to match as a bool, please use '-m bool'.\n");
    assert_string_equal(fix_cond(&f, "{ t.res b }"), "F");
    assert_string_equal(fix_last(&f),
                        "anonymous acl will never match because it uses keyword 't.res' which "
                        "is incompatible with 'frontend http-request header rule'");
    assert_null(fix_acl(&f, "acl rr t.res b"));
    assert_string_equal(fix_cond(&f, "rr"), "F");
    assert_string_equal(fix_last(&f),
                        "acl 'rr' will never match because it only involves keywords that are "
                        "incompatible with 'frontend http-request header rule'");
    assert_null(fix_acl(&f, "acl rr t.host b"));
    assert_string_equal(fix_cond(&f, "rr"), "F");
    assert_string_equal(fix_last(&f),
                        "acl 'rr' involves keywords 't.res' which is incompatible with "
                        "'frontend http-request header rule'");
    unsigned warnings = f.c.diags.warnings;
    assert_string_equal(fix_cond(&f, "{ str(a) -- }"), "F");
    assert_string_equal(fix_cond(&f, "{ str(a) -m found }"), "T");
    assert_int_equal(f.c.diags.warnings, warnings);
}

static void
test_hints(void **state)
{
    const struct diag *g;

    assert_null(fix_acl(&f, "acl is_api str(a) a"));
    (void)fix_cond(&f, "is_apo");
    g = list_last(&f.c.diags.list, struct diag, link);
    assert_non_null(g->hint);
    assert_non_null(strstr(g->hint, "is_api"));
}

static enum cond_result
eval_named(const struct acl_list *list, struct slice name, struct sample_ctx *x)
{
    const struct acl *a = acl_list_get(list, name);

    return a ? acl_eval(a, x) : COND_FAIL;
}

static void
test_predefined_and_inherited(void **state)
{
    struct acl_list *mine = NULL;

    assert_null(fix_acl(&f, "acl TRUE str(a) b"));
    assert_string_equal(fix_cond(&f, "TRUE"), "F"); /* the proxy's own comes first */
    assert_null(fix_acl(&f, "acl shared str(a) b"));
    acl_inherit(&mine, f.acls, &f.arena);
    assert_int_equal(eval_named(mine, SL("shared"), &f.x), COND_FAIL);
    struct acl_list *theirs = f.acls;
    f.acls = mine;
    assert_null(fix_acl(&f, "acl shared str(a) a"));
    assert_int_equal(eval_named(mine, SL("shared"), &f.x), COND_PASS);
    assert_int_equal(eval_named(theirs, SL("shared"), &f.x), COND_FAIL);
    assert_int_equal(eval_named(theirs, SL("nope"), &f.x), COND_FAIL);
}

/** Lines of one ACL that only differ in their values share an index. */
static void
test_merged_lines(void **state)
{
    const struct acl *a;

    for (unsigned i = 0; i < 1000; i++) {
        char line[64];
        snprintf(line, sizeof(line), "acl hosts t.host -i h%u", i);
        assert_null(fix_acl(&f, line));
    }
    a = acl_list_get(f.acls, SL("hosts"));
    assert_non_null(a);
    assert_null(a->first->next);
    assert_int_equal(a->first->nsets, 1);
    fix_host = "H777";
    fix_asked = 0;
    assert_string_equal(fix_cond(&f, "hosts"), "T");
    assert_int_equal(fix_asked, 1);
    fix_host = "h1000";
    assert_string_equal(fix_cond(&f, "hosts"), "F");
}

static void
test_explain(void **state)
{
    struct text t = { 0 };

    assert_null(fix_acl(&f, "acl is_api str(/api/x) -m beg /api/"));
    cond_explain(fix_cond_parse(&f, "is_api or FALSE"), &f.x, &t);
    assert_non_null(strstr(t.p, "matched: if is_api or FALSE"));
    assert_non_null(strstr(t.p, "acl is_api: matched"));
    assert_non_null(strstr(t.p, "(str(/api/x) -m beg /api/): matched"));
    text_fini(&t);
}

#define NCONDS 10000

static void
test_index(void **state)
{
    const struct cond **cond = xcalloc(NCONDS, sizeof(*cond));
    struct cond_index *ix;
    struct pat_ref *ref;
    char host[32];
    char *err = NULL;

    for (unsigned i = 0; i < NCONDS; i++) {
        char text[64];
        if (i % 2) {
            snprintf(text, sizeof(text), "acl n%u t.host -i h%u.example dup%u", i, i, i / 10);
            assert_null(fix_acl(&f, text));
            snprintf(text, sizeof(text), "n%u", i);
        } else {
            snprintf(text, sizeof(text), "{ t.host -i h%u.example dup%u }", i, i / 10);
        }
        cond[i] = fix_cond_parse(&f, text);
        assert_non_null(cond[i]);
    }
    assert_int_equal(cond_index_run(cond, NCONDS), NCONDS);
    ix = cond_index_new(&f.arena, cond, NCONDS);
    assert_non_null(ix);
    for (unsigned i = 0; i < NCONDS; i += 37) {
        snprintf(host, sizeof(host), "H%u.EXAMPLE", i);
        fix_host = host;
        fix_asked = 0;
        assert_int_equal(cond_index_eval(ix, &f.x), i);
        assert_int_equal(fix_asked, 1);
        assert_int_equal(cond_eval(cond[i], &f.x), COND_PASS);
    }
    fix_host = "dup100"; /* 1000..1009 have it: the first wins */
    assert_int_equal(cond_index_eval(ix, &f.x), 1000);
    fix_host = "none";
    assert_int_equal(cond_index_eval(ix, &f.x), NCONDS);
    fix_host = NULL;
    assert_int_equal(cond_index_eval(ix, &f.x), NCONDS);
    fix_unstable = true;
    f.x.opt = 0;
    assert_int_equal(cond_index_eval(ix, &f.x), -1);
    f.x.opt = SMPO_FINAL;
    fix_unstable = false;
    /* an edit at run time reaches the index */
    pat_refs_finish();
    ref = pat_ref_next(NULL);
    assert_true(pat_ref_add(ref, PAT_CURRENT, SL("none"), SLICE_NONE, &err));
    fix_host = "none";
    assert_int_equal(cond_index_eval(ix, &f.x), 0);
    assert_int_equal(pat_ref_del(ref, SL("none")), 1);
    assert_int_equal(cond_index_eval(ix, &f.x), NCONDS);
    free(cond);
}

static void
test_index_limits(void **state)
{
    const struct cond *cond[4];
    static const char *const other[] = {
        "{ t.host,lower a }",  "!{ t.host a }", "{ t.host a } TRUE", "{ t.host -m beg a }",
        "{ t.host -m found }", "TRUE",          "{ t.list a }",
    };

    cond[0] = fix_cond_parse(&f, "{ t.host a }");
    cond[1] = fix_cond_parse(&f, "{ t.host -i b c }");
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        cond[2] = fix_cond_parse(&f, other[i]);
        assert_int_equal(cond_index_run(cond, 3), 2);
        assert_null(cond_index_new(&f.arena, cond, 3));
    }
    cond[0] = fix_cond_parse(&f, "{ int(1) 1 }"); /* may change between two evaluations */
    assert_int_equal(cond_index_run(cond, 1), 0);
    /* with and without case in one run */
    cond[0] = fix_cond_parse(&f, "{ t.host a }");
    cond[1] = fix_cond_parse(&f, "{ t.host -i A }");
    cond[2] = fix_cond_parse(&f, "{ t.host a B }");
    struct cond_index *ix = cond_index_new(&f.arena, cond, 3);
    fix_host = "a";
    assert_int_equal(cond_index_eval(ix, &f.x), 0);
    fix_host = "A";
    assert_int_equal(cond_index_eval(ix, &f.x), 1);
    fix_host = "B";
    assert_int_equal(cond_index_eval(ix, &f.x), 2);
    fix_list = "B,A";
    cond[0] = fix_cond_parse(&f, "{ t.list A }");
    cond[1] = fix_cond_parse(&f, "{ t.list B }");
    ix = cond_index_new(&f.arena, cond, 2);
    assert_int_equal(cond_index_eval(ix, &f.x), 0);
}

static void
test_aliases(void **state)
{
    static const struct {
        const char *name, *fetch;
        enum pat_match match;
    } rows[] = {
        { "path_beg", "path", PM_BEG },
        { "hdr_dom", "req.hdr", PM_DOM },
        { "url_reg", "url", PM_REG },
        { "shdr_cnt", NULL, PM_INT },
        { "hdr", "req.hdr", PM_STR },
        { "cook_len", "req.cook", PM_LEN },
        { "payload", "req.payload", PM_BIN },
        { "req_ssl_ver", "req.ssl_ver", PM_VER },
        { "ssl_fc_sni_end", "ssl_fc_sni", PM_END },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct acl_alias *a = acl_alias_find(slice_str(rows[i].name));
        if (!rows[i].fetch) {
            assert_null(a);
            continue;
        }
        assert_non_null(a);
        assert_string_equal(a->fetch, rows[i].fetch);
        assert_int_equal(a->match, rows[i].match);
    }
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_matches),
        T(test_files),
        T(test_errors),
        T(test_acl_errors),
        T(test_groups),
        T(test_unless),
        T(test_missing_data),
        T(test_occurrences),
        T(test_warnings),
        T(test_hints),
        T(test_predefined_and_inherited),
        T(test_merged_lines),
        T(test_explain),
        T(test_index),
        T(test_index_limits),
        T(test_aliases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
