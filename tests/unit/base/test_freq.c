/* test_freq.c - sliding rates; the numbers were read from the reference's `show table`. */
#include "base/counter.h"
#include "base/freq.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PERIOD 4000u

static void
test_decay(void **state)
{
    struct freq f = { 0 };
    uint64_t t0 = 1000000;

    assert_int_equal(freq_read(&f, PERIOD, t0), 0);
    assert_int_equal(freq_add(&f, PERIOD, 10, t0), 10);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 3999), 10);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 4001), 9);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 6000), 5);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 7200), 2);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 8000), 0);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 800000), 0);
}

static void
test_lone_event_does_not_flap(void **state)
{
    struct freq f = { 0 };
    uint64_t t0 = 77;

    freq_add(&f, PERIOD, 1, t0 + 100000);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 107000), 1);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 108000), 0);
}

static void
test_periods_are_contiguous(void **state)
{
    struct freq f = { 0 };
    uint64_t t0 = 50000;

    freq_add(&f, PERIOD, 20, t0);
    freq_add(&f, PERIOD, 1, t0 + 6000);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 6000), 11);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 7000), 6);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 8010), 1);
}

static void
test_silence_restarts_the_period(void **state)
{
    struct freq f = { 0 };
    uint64_t t0 = 50000;

    freq_add(&f, PERIOD, 20, t0);
    freq_add(&f, PERIOD, 20, t0 + 9000);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 12999), 20);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 13200), 19);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 15000), 10);
}

static void
test_wraps(void **state)
{
    struct freq f = { 0 };
    uint64_t t0 = 0xfffffff0u;

    freq_add(&f, PERIOD, 8, t0);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 2000), 8);
    assert_int_equal(freq_read(&f, PERIOD, t0 + 6000), 4);
    f = (struct freq){ 0 };
    freq_add(&f, PERIOD, UINT32_MAX, t0);
    assert_int_equal(freq_add(&f, PERIOD, 5, t0), UINT32_MAX);
    freq_add(&f, PERIOD, UINT32_MAX, t0 + PERIOD);
    assert_int_equal(freq_read(&f, PERIOD, t0 + PERIOD), UINT32_MAX);
    /* a reader whose clock is a little behind */
    assert_int_equal(freq_read(&f, PERIOD, t0 + PERIOD - 5), UINT32_MAX);
}

static void
test_set(void **state)
{
    struct freq f = { 1, 2, 3 };

    freq_set(&f, 42, 9999);
    assert_int_equal(freq_read(&f, PERIOD, 9999 + 10), 42);
    assert_int_equal(freq_read(&f, PERIOD, 9999 + 6000), 21);
}

/* The delay is exact: one millisecond earlier there was no room. */
static void
test_delay_is_exact(void **state)
{
    for (uint32_t n = 1; n < 60; n += 7)
        for (uint32_t m = 0; m < 60; m += 11)
            for (uint32_t limit = 1; limit < 70; limit += 5) {
                struct freq f = { 0 };
                uint64_t now = 123456;
                freq_add(&f, PERIOD, n, now);
                now += 5000;
                freq_add(&f, PERIOD, m, now);
                uint32_t d = freq_next_delay(&f, PERIOD, limit, 0, now);
                assert_true(d <= 2 * PERIOD);
                assert_true(freq_room(&f, PERIOD, limit, 0, now + d) > 0);
                if (d)
                    assert_int_equal(freq_room(&f, PERIOD, limit, 0, now + d - 1), 0);
            }
    struct freq f = { 0 };
    assert_int_equal(freq_next_delay(&f, 1000, 0, 0, 5), 1000);
    assert_int_equal(freq_next_delay(&f, 1000, 10, 9, 5), 0);
    assert_true(freq_next_delay(&f, 1000, 10, 10, 5) > 0);
}

#define THREADS 4
#define ROUNDS  100000

static struct freq_shared shared;
static struct counters counters;

static void *
hammer(void *arg)
{
    counter_shard = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        freq_shared_add(&shared, 10, 1, 1000 + i / 100);
        if (i % 64 == 0)
            freq_shared_read(&shared, 10, 1000 + i / 100);
        counters_inc(&counters, 1);
    }
    return NULL;
}

static void
test_shared(void **state)
{
    pthread_t t[THREADS];
    struct freq_shared f = { 0 };

    assert_int_equal(freq_shared_add(&f, PERIOD, 20, 50000), 20);
    freq_shared_add(&f, PERIOD, 1, 56000);
    assert_int_equal(freq_shared_read(&f, PERIOD, 57000), 6);
    freq_shared_add(&f, PERIOD, 3, 1000000);
    assert_int_equal(freq_shared_read(&f, PERIOD, 1000000), 3);

    counters_init(&counters, 3, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, hammer, (void *)i), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    struct freq end = freq_shared_get(&shared);
    assert_true(end.curr + end.prev <= THREADS * ROUNDS);
    assert_true(end.curr > 0);
    assert_int_equal(counters_sum(&counters, 1), THREADS * ROUNDS);
    assert_int_equal(counters_sum(&counters, 0), 0);
    counters_reset(&counters, 1);
    assert_int_equal(counters_sum(&counters, 1), 0);
    counters_add(&counters, 1, 5);
    counters_sub(&counters, 1, 2);
    assert_int_equal(counters_sum(&counters, 1), 3);
    counters_fini(&counters);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decay),
        cmocka_unit_test(test_lone_event_does_not_flap),
        cmocka_unit_test(test_periods_are_contiguous),
        cmocka_unit_test(test_silence_restarts_the_period),
        cmocka_unit_test(test_wraps),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_delay_is_exact),
        cmocka_unit_test(test_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
