/* test_names.c - the index of host names. */
#include "tls/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int a, b, c;

static void *
exact(const struct names *n, const char *name)
{
    const struct name_ref *r = names_exact(n, slice_str(name));

    return r ? r->value : NULL;
}

static void *
wild(const struct names *n, const char *name)
{
    const struct name_ref *r = names_wildcard(n, slice_str(name));

    return r ? r->value : NULL;
}

static void
test_empty(void **state)
{
    struct names n = { 0 };

    assert_null(exact(&n, "x"));
    assert_null(wild(&n, "x.y"));
    names_fini(&n);
}

static void
test_exact_and_wildcard(void **state)
{
    struct names n = { 0 };

    names_add(&n, SL("Site.Example"), &a);
    names_add(&n, SL("*.shop.example"), &b);
    assert_ptr_equal(exact(&n, "site.example"), &a);
    assert_null(exact(&n, "www.shop.example"));
    assert_ptr_equal(wild(&n, "www.shop.example"), &b);
    assert_null(wild(&n, "a.www.shop.example")); /* one label only */
    assert_null(wild(&n, "shop.example"));
    assert_null(wild(&n, ".shop.example"));
    assert_null(wild(&n, "example"));
    names_fini(&n);
}

static void
test_several_values(void **state)
{
    struct names n = { 0 };

    names_add(&n, SL("x"), &a);
    names_add(&n, SL("X"), &b);
    names_add(&n, SL("x"), &c);
    const struct name_ref *r = names_exact(&n, SL("x"));
    assert_ptr_equal(r->value, &a);
    assert_ptr_equal(r->next->value, &b);
    assert_ptr_equal(r->next->next->value, &c);
    assert_null(r->next->next->next);
    assert_int_equal(n.count, 1);
    names_fini(&n);
}

static void
test_many(void **state)
{
    struct names n = { 0 };
    enum { COUNT = 100000 };
    static char value[COUNT];
    char name[40];

    for (unsigned i = 0; i < COUNT; i++) {
        int len = snprintf(name, sizeof(name), "%sh%u.example", i % 3 ? "" : "*.", i);
        names_add(&n, slice(name, (size_t)len), &value[i]);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "%sh%u.example", i % 3 ? "" : "www.", i);
        assert_ptr_equal(i % 3 ? exact(&n, name) : wild(&n, name), &value[i]);
    }
    assert_null(exact(&n, "h100000.example"));
    names_fini(&n);
}

static void
test_lower(void **state)
{
    char to[NAMES_MAX + 1], big[400];

    assert_true(names_lower(SL("ABC.x"), to));
    assert_string_equal(to, "abc.x");
    assert_false(names_lower(SL(""), to));
    assert_false(names_lower(SL(".x"), to));
    assert_false(names_lower(SL("a b"), to));
    assert_false(names_lower(slice("a\0b", 3), to));
    memset(big, 'a', sizeof(big));
    assert_true(names_lower(slice(big, NAMES_MAX), to));
    assert_false(names_lower(slice(big, NAMES_MAX + 1), to));
}

static void
test_changes(void **state)
{
    struct names n = { 0 };
    char name[32];

    names_add(&n, SL("x.example"), &a);
    names_add(&n, SL("x.example"), &b);
    names_add(&n, SL("x.example"), &c);
    names_replace(&n, SL("X.example"), &b, &n); /* keeps its place */
    const struct name_ref *r = names_exact(&n, SL("x.example"));
    assert_ptr_equal(r->value, &a);
    assert_ptr_equal(name_ref_next(r)->value, &n);
    assert_ptr_equal(name_ref_next(name_ref_next(r))->value, &c);
    names_remove(&n, SL("x.example"), &a);
    names_remove(&n, SL("x.example"), &c);
    names_remove(&n, SL("x.example"), &c);
    names_remove(&n, SL("unknown.example"), &a);
    assert_ptr_equal(exact(&n, "x.example"), &n);
    names_remove(&n, SL("x.example"), &n);
    assert_null(exact(&n, "x.example"));
    names_replace(&n, SL("*.y.example"), &a, &b); /* not there: comes at the end */
    assert_ptr_equal(wild(&n, "w.y.example"), &b);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "n%u.example", i);
        names_add(&n, slice_str(name), &a);
        if (i % 2)
            names_remove(&n, slice_str(name), &a);
    }
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "n%u.example", i);
        assert_ptr_equal(exact(&n, name), i % 2 ? NULL : &a);
    }
    names_fini(&n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),          cmocka_unit_test(test_exact_and_wildcard),
        cmocka_unit_test(test_several_values), cmocka_unit_test(test_changes),
        cmocka_unit_test(test_many),           cmocka_unit_test(test_lower),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
