/* test_htab.c - the configuration's hash map. */
#include "base/htab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void
test_basics(void **state)
{
    struct htab h = { 0 };
    int a, b, c;
    unsigned at = 0;

    assert_null(htab_get(&h, SL("x")));
    assert_null(htab_del(&h, SL("x")));
    assert_null(htab_next(&h, &at));
    assert_null(htab_put(&h, SL("one"), &a));
    assert_null(htab_put(&h, SL(""), &b));
    assert_ptr_equal(htab_get_str(&h, "one"), &a);
    assert_ptr_equal(htab_get(&h, SLICE_NONE), &b);
    assert_ptr_equal(htab_put(&h, SL("one"), &c), &a);
    assert_int_equal(h.count, 2);
    assert_ptr_equal(htab_del(&h, SL("one")), &c);
    assert_null(htab_get(&h, SL("one")));
    assert_null(htab_put(&h, SL("one"), &a));
    htab_fini(&h);
}

#define N 5000

static void
test_many(void **state)
{
    static char keys[N][16];
    struct htab h = { 0 };
    unsigned at = 0;
    const struct htab_item *it;

    for (unsigned i = 0; i < N; i++) {
        snprintf(keys[i], sizeof(keys[i]), "key%u", i);
        assert_null(htab_put(&h, slice_str(keys[i]), keys[i]));
    }
    for (unsigned i = 0; i < N; i += 2)
        assert_ptr_equal(htab_del(&h, slice_str(keys[i])), keys[i]);
    for (unsigned i = 0; i < N; i++)
        assert_ptr_equal(htab_get(&h, slice_str(keys[i])), i % 2 ? keys[i] : NULL);
    for (unsigned i = 1; (it = htab_next(&h, &at)); i += 2)
        assert_ptr_equal(it->value, keys[i]);
    assert_int_equal(h.count, N / 2);
    /* churn must not grow the map */
    unsigned nslots = h.nslots;
    for (unsigned i = 0; i < 10 * N; i++) {
        assert_null(htab_put(&h, SL("churn"), &h));
        assert_ptr_equal(htab_del(&h, SL("churn")), &h);
    }
    assert_true(h.nslots <= nslots);
    htab_fini(&h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basics),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
