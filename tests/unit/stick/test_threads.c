/* test_threads.c - one table, several threads: nothing is lost, nothing freed while used. For
 * ThreadSanitizer. */
#include "stick_test.h"

#include "stick/show.h"
#include "stick/track.h"

#include <pthread.h>

#define THREADS 4
#define ROUNDS  20000
#define KEYS    600u
#define SIZE    "500" /* smaller than KEYS: entries are purged all the time */

static struct stick_table *table, *counted;
static _Atomic int64_t now_ms;

static uint32_t
next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void
key_of(uint32_t i, struct stick_key *k)
{
    memcpy(k->buf, &i, sizeof(i));
    k->p = k->buf;
    k->len = sizeof(i);
}

static void *
worker(void *arg)
{
    uint32_t seed = (uint32_t)(uintptr_t)arg + 1;
    struct stick_counter held[2] = { 0 };
    struct stick_slots slots = { .strm = held, .n = 2 };

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct stick_key k;
        int64_t now = atomic_fetch_add(&now_ms, i % 8 == 0) + 1;
        key_of(next_random(&seed) % KEYS, &k);
        stick_untrack(&held[0], now);
        stick_track(&held[0], table, &k, true, now);
        key_of(next_random(&seed) % 7, &k);
        stick_untrack(&held[1], now);
        stick_track(&held[1], counted, &k, true, now);
        stick_count_bytes(&slots, 10, 20, now);
        if (held[1].entry && i % 16 == 0)
            stick_set_server_key(counted, held[1].entry, i % 32 ? SL("a") : SL("b"));
        if (i % 64 == 0) {
            key_of(next_random(&seed) % KEYS, &k);
            stick_delete(table, &k, now);
            stick_table_expire(table, now, 10);
        }
    }
    stick_untrack_all(held, 2, atomic_load(&now_ms));
    return NULL;
}

static void *
dumper(void *arg)
{
    struct text to = { 0 };

    for (unsigned i = 0; i < 40; i++) {
        struct stick_query q;
        const char *words[] = { i % 8 == 7 ? "table" : "counted", "data.conn_cnt", "gt", "5" };
        to.len = 0;
        char *err = stick_query_parse(&q, i % 8 == 7 ? STICK_CLEAR : STICK_SHOW, arg, words, 4);
        assert_null(err);
        while (!stick_query_step(&q, atomic_load(&now_ms), 64, &to))
            ;
    }
    text_fini(&to);
    return NULL;
}

static void
test_threads(void **state)
{
    pthread_t t[THREADS + 1];
    struct test_cfg x;
    uint64_t conn = 0, in = 0;

    test_cfg_init(&x);
    atomic_store(&now_ms, 1000);
    table = test_table(&x, "table",
                       "type integer size " SIZE " expire 2s store conn_cnt,conn_cur,conn_rate(1s),"
                       "bytes_in_rate(1s)");
    counted = test_table(&x, "counted",
                         "type integer size 100 store conn_cnt,conn_cur,http_req_rate(1h),"
                         "bytes_in_cnt,server_key");
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, worker, (void *)i), 0);
    assert_int_equal(pthread_create(&t[THREADS], NULL, dumper, &x.tables), 0);
    for (unsigned i = 0; i <= THREADS; i++)
        pthread_join(t[i], NULL);

    for (unsigned i = 0; i < 7; i++) {
        struct stick_key k;
        key_of(i, &k);
        struct stick_entry *e = stick_lookup(counted, &k, 0);
        assert_non_null(e);
        assert_int_equal(e->ref, 1);
        assert_int_equal(test_read(counted, e, STICK_CONN_CUR, 0), 0);
        conn += test_read(counted, e, STICK_CONN_CNT, 0);
        in += test_read(counted, e, STICK_BYTES_IN_CNT, 0);
        stick_unref(e);
    }
    assert_int_equal(conn, THREADS * ROUNDS);
    assert_int_equal(in, THREADS * ROUNDS * 10);
    assert_true(table->used <= 500);
    int64_t end = atomic_load(&now_ms) + 10000;
    unsigned left = table->used;
    assert_int_equal(stick_table_expire(table, end, 1000), left);
    assert_int_equal(table->used, 0);
    test_cfg_fini(&x);
}

/* A large table over many shards, filled from all sides past its size. */
static void *
filler(void *arg)
{
    for (uint32_t i = 0; i < 30000; i++) {
        struct stick_key k;
        key_of(i * THREADS + (uint32_t)(uintptr_t)arg, &k);
        struct stick_entry *e = stick_get(table, &k, 1000 + i / 100, NULL);
        if (e)
            stick_unref(e);
    }
    return NULL;
}

static void
test_overfull(void **state)
{
    pthread_t t[THREADS];
    struct test_cfg x;

    test_cfg_init(&x);
    table = test_table(&x, "big", "type integer size 20k store gpc0");
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, filler, (void *)i), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    assert_true(table->used <= 20480);
    assert_true(table->used > 20000);
    test_cfg_fini(&x);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_overfull),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
