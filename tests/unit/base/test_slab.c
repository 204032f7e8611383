/* test_slab.c - object caches: recycling order, limits, returns from other threads. */
#include "base/slab.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
test_counts(void **state)
{
    struct slab s;
    void *p[8];

    slab_init(&s, "test", 100, 4);
    for (unsigned i = 0; i < 8; i++) {
        p[i] = slab_get(&s);
        assert_non_null(p[i]);
        memset(p[i], (int)i, 100);
    }
    assert_int_equal(s.in_use, 8);
    assert_int_equal(s.misses, 8);
    slab_put(&s, NULL);
    for (unsigned i = 0; i < 8; i++)
        slab_put(&s, p[i]);
    assert_true(s.nfree <= 4);
    assert_int_equal(s.in_use, 0);
    assert_int_equal(s.peak, 8);
    char *z = slab_zget(&s);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(z[i], 0);
    assert_int_equal(slab_fini(&s), 1);
    slab_put(&s, z);
    assert_int_equal(slab_fini(&s), 0);
}

#define N 20000

static struct slab cross;
static void *objects[N];

static void *
give_back(void *arg)
{
    unsigned half = (unsigned)(uintptr_t)arg;

    for (unsigned i = half; i < N; i += 2)
        slab_put_remote(&cross, objects[i]);
    return NULL;
}

static void
test_remote(void **state)
{
    pthread_t t[2];

    slab_init(&cross, "cross", 1, 0);
    for (unsigned i = 0; i < N; i++)
        objects[i] = slab_get(&cross);
    for (uintptr_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&t[i], NULL, give_back, (void *)i), 0);
    for (unsigned i = 0; i < 1000; i++) {
        void *p = slab_get(&cross);
        slab_put(&cross, p);
    }
    pthread_join(t[0], NULL);
    pthread_join(t[1], NULL);
    slab_collect(&cross);
    assert_int_equal(cross.in_use, 0);
    slab_trim(&cross, 3);
    assert_true(cross.nfree <= 3);
    assert_int_equal(slab_fini(&cross), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_remote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
