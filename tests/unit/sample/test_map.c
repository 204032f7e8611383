/* test_map.c - maps: files, converters, defaults, look-up of the runtime API, edits. Results are
 * those of HAProxy 2.6. */
#include "expr_fixture.h"

#include "sample/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct fix f;
static char m1[256], m2[256], nets[256], nets4[256], ints[256], regs[256], text[256];

static void
make(char *to, const char *name, const char *content)
{
    snprintf(to, 256, "%s", fix_file(name, content));
}

static int
setup(void **state)
{
    fix_init(&f);
    make(m1, "m1", "a 1\nab 2\nabc 3\na 4\nb 5\n");
    make(m2, "m2", "abc 3\nab 2\na 1\n");
    make(nets, "nets",
         "10.0.0.0/8 eight\n10.1.0.0/16 sixteen\n0.0.0.0/0 any\n10.1.0.0/16 dup\n::/0 v6any\n"
         "2001:db8::/32 doc\n10.0.255.0/255.0.255.0 odd\n");
    make(nets4, "nets4", "10.0.0.0/8 eight\n1.2.3.4 one\n");
    make(ints, "ints", "5:10 r1\n7 seven\n7:8 r2\n1: many\n");
    make(regs, "regs", "^a(b)(c)? one=\\1,\\2,\\0,\\9x\n^ab two\n");
    make(text, "text",
         "  # hash\n#comment\n\n  key   value with  spaces  \t \nkey2\nkey3 \n\ta\tb\r\n");
    return 0;
}

static int
teardown(void **state)
{
    char *const all[] = { m1, m2, nets, nets4, ints, regs, text };

    fix_fini(&f);
    for (unsigned i = 0; i < COUNT_OF(all); i++)
        unlink(all[i]);
    return 0;
}

static void
check(const char *input, const char *conv, const char *file, const char *more, const char *want)
{
    char *expr = xasprintf("%s,%s(%s%s)", input, conv, file, more);
    const char *got = fix_eval(&f, expr);

    if (strcmp(got, want) != 0)
        fail_msg("%s: got '%s', want '%s'", expr, got, want);
    free(expr);
}

static void
test_strings(void **state)
{
    check("str(abcd)", "map_beg", m1, "", "3"); /* the longest */
    check("str(abcd)", "map_beg", m2, "", "3");
    check("str(abcd)", "map_sub", m1, "", "1"); /* the first */
    check("str(abcd)", "map_sub", m2, "", "3");
    check("str(xab)", "map_end", m1, "", "2");
    check("str(a)", "map", m1, "", "1");
    check("str(a)", "map_str", m1, "", "1");
    check("str(zz)", "map", m1, "", "(none)");
    check("str(zz)", "map", m1, ",def", "def");
    check("str(zz)", "map", m1, ",", "");
    check("str(A)", "map", m1, "", "(none)");
    check("str(a/b)", "map_dir", m1, "", "1");
    check("str(a.b)", "map_dom", m1, "", "1");
    check("bin(61)", "map", m1, "", "1");
    check("ipv4(1.2.3.4)", "map", m1, ",x", "x");
    check("meth(GET)", "map", m1, ",x", "x");
}

static void
test_addresses(void **state)
{
    check("ipv4(10.1.2.3)", "map_ip", nets, "", "sixteen");
    check("ipv4(10.2.2.3)", "map_ip", nets, "", "eight");
    check("ipv4(10.2.255.3)", "map_ip", nets, "", "eight");
    check("ipv4(11.2.2.3)", "map_ip", nets, "", "any");
    check("ipv6(2001:db8::1)", "map_ip", nets, "", "doc");
    check("ipv6(2001:db9::1)", "map_ip", nets, "", "v6any");
    check("ipv6(::ffff:10.1.2.3)", "map_ip", nets, "", "v6any");
    check("str(10.1.2.3)", "map_ip", nets, "", "sixteen");
    check("int(16909060)", "map_ip", nets, "", "any");
    check("ipv6(::ffff:10.1.2.3)", "map_ip", nets4, "", "eight");
    check("ipv6(2002:102:304::)", "map_ip", nets4, "", "one");
    check("ipv6(::1.2.3.4)", "map_ip", nets4, "", "one");
    check("ipv4(10.1.2.3)", "map_ip_key", nets, "", "10.1.0.0/16");
}

static void
test_integers(void **state)
{
    check("int(7)", "map_int", ints, "", "r1");
    check("int(8)", "map_int", ints, "", "r1");
    check("int(20)", "map_int", ints, "", "many");
    check("int(0)", "map_int", ints, "", "(none)");
    check("str(7x)", "map_int", ints, "", "r1");
    check("int(7)", "map_int_key", ints, "", "5:10");
}

static void
test_regexes(void **state)
{
    check("str(abc)", "map_reg", regs, "", "one=\\1,\\2,\\0,\\9x");
    check("str(abc)", "map_regm", regs, "", "one=b,c,abc,x");
    check("str(ab)", "map_regm", regs, "", "one=b,,ab,x");
    check("str(b)", "map_regm", regs, ",d", "d");
    check("str(abc)", "map_reg_key", regs, "", "^a(b)(c)?");
}

static void
test_files(void **state)
{
    check("str(\\#)", "map", text, "", "(none)"); /* the backslash is part of it at this level */
    check("str(\"#\")", "map", text, "", "hash");
    check("str(key)", "map", text, "", "value with  spaces");
    check("str(key2)", "map", text, "", "");
    check("str(key3)", "map", text, "", "");
    check("str(a)", "map", text, "", "b");
    check("str(a)", "map", "virt@none", ",d", "d");
    check("str(a)", "map", "opt@/nonexistent/map", ",d", "d");
    check("str(a)", "map", "", "",
          "invalid args in converter 'map' : failed to open pattern file <>");
}

static void
test_values(void **state)
{
    char *want = xasprintf(
        "invalid args in converter 'map_int_int' : unable to parse 'r1' at line 1 of file '%s'",
        ints);

    check("str(a)", "map_str_int", m1, "", "1");
    check("str(zz)", "map_str_int", m1, ",9", "9");
    check("str(zz)", "map_str_int", m1, ",9),add(1", "10");
    check("str(a)", "map_str_int", m1, ",x",
          "invalid arg 2 in converter 'map_str_int' : failed to parse 'x' as type 'integer' at "
          "position 2");
    check("str(7)", "map_int_int", ints, "", want);
    check("str(zz)", "map_str_ip", "virt@ips", ",1.2.3.4", "1.2.3.4");
    check("str(zz)", "map_str_ip", "virt@ips", ",zz",
          "invalid args in converter 'map_str_ip' : map: cannot parse default ip <zz>");
    free(want);
}

static void
test_bad_key(void **state)
{
    const char *bad = fix_file("bad", "zz v\n");
    char *want = xasprintf(
        "invalid args in converter 'map_ip' : 'zz' is not a valid IPv4 or IPv6 address at "
        "line 1 of file '%s'",
        bad);

    pat_refs_finish(); /* no names from now on */
    check("str(a)", "map_ip", bad, "", want);
    free(want);
    unlink(bad);
}

static void
test_lookup(void **state)
{
    struct text t = { 0 };
    struct pat_ref *r;

    check("str(a)", "map_beg", m1, "", "1");
    check("str(a)", "map_sub", m1, "", "1");
    check("str(a)", "map", m1, "", "1");
    check("str(a)", "map_str_int", m1, "", "1");
    r = pat_ref_find(slice_str(m1));
    assert_non_null(r);
    pat_ref_lookup(r, SL("abc"), &t);
    assert_string_equal(
        t.p,
        "type=beg, case=sensitive, found=yes, idx=tree, key=\"abc\", value=\"3\", type=\"str\"\n"
        "type=sub, case=sensitive, found=yes, idx=list, key=\"a\", value=\"1\", type=\"str\"\n"
        "type=str, case=sensitive, found=yes, idx=tree, key=\"abc\", value=\"3\", type=\"str\"\n"
        "type=str, case=sensitive, found=yes, idx=tree, key=\"abc\", value=\"3\", type=\"sint\"\n");
    text_fini(&t);
    pat_ref_lookup(r, SL("zz"), &t);
    assert_non_null(strstr(t.p, "type=beg, case=sensitive, found=no\n"));
    text_fini(&t);
}

static void
test_edits(void **state)
{
    struct pat_ref *r;
    char *err = NULL;

    check("str(x)", "map", "virt@edit", ",no", "no");
    check("str(x)", "map_str_int", "virt@edit", ",0", "0");
    r = pat_ref_find(SL("virt@edit"));
    assert_non_null(r);
    assert_true(pat_ref_put(r, SL("x"), SL("5"), &err));
    check("str(x)", "map", "virt@edit", ",no", "5");
    assert_true(pat_ref_put(r, SL("x"), SL("6"), &err));
    check("str(x)", "map", "virt@edit", ",no", "6");
    check("str(x)", "map_str_int", "virt@edit", "),add(1", "7");
    assert_false(pat_ref_put(r, SL("x"), SL("six"), &err)); /* one of its users wants numbers */
    assert_string_equal(err, "unable to parse 'six'");
    free(err);
    check("str(x)", "map", "virt@edit", ",no", "6");
    err = NULL;
    assert_false(pat_ref_put(r, SL("y"), SL("six"), &err));
    free(err);
    check("str(y)", "map", "virt@edit", ",no", "no");
    assert_true(pat_ref_add(r, PAT_CURRENT, SL("x"), SL("8"), &err));
    check("str(x)", "map", "virt@edit", ",no", "6"); /* the first */
    assert_int_equal(pat_ref_del(r, SL("x")), 2);
    check("str(x)", "map", "virt@edit", ",no", "no");
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_strings), T(test_addresses), T(test_integers), T(test_regexes), T(test_files),
        T(test_values),  T(test_bad_key),   T(test_lookup),   T(test_edits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
