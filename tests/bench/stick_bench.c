/* stick_bench.c - lookups and updates in a table of a million keys, from several threads.
 * Usage: stick_bench [threads] [keys] [seconds]. Prints nanoseconds of CPU time per operation: what
 * else runs on the machine does not count, as far as it leaves the caches alone. */
#include "config/cfg.h"
#include "stick/track.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct stick_table *table;
static unsigned keys = 1000000, seconds = 2;
static _Atomic bool stop;

static int64_t
clock_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

struct worker {
    pthread_t thread;
    unsigned id;
    uint64_t ops;
    int64_t ns;
};

static inline void
key_of(uint32_t i, struct stick_key *k)
{
    memcpy(k->buf, &i, sizeof(i));
    k->p = k->buf;
    k->len = sizeof(i);
}

/* One operation is what a tracked request costs: find, count a connection and a request, let go. */
static void *
work(void *arg)
{
    struct worker *w = arg;
    uint64_t x = 0x9e3779b97f4a7c15u * (w->id + 1);
    int64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID), ms = clock_ns(CLOCK_MONOTONIC) / 1000000;

    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        for (unsigned i = 0; i < 1000; i++) {
            struct stick_counter c = { 0 };
            struct stick_key k;
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            key_of((uint32_t)(x % keys), &k);
            stick_track(&c, table, &k, true, ms);
            stick_untrack(&c, ms);
        }
        w->ops += 1000;
        ms = clock_ns(CLOCK_MONOTONIC) / 1000000;
    }
    w->ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
    return NULL;
}

static void
fill(void)
{
    int64_t ms = clock_ns(CLOCK_MONOTONIC) / 1000000, start = clock_ns(CLOCK_THREAD_CPUTIME_ID);

    for (uint32_t i = 0; i < keys; i++) {
        struct stick_key k;
        key_of(i, &k);
        struct stick_entry *e = stick_get(table, &k, ms, NULL);
        if (e)
            stick_unref(e);
    }
    printf("fill: %.0f ns per new key, %u entries of %u bytes\n", (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - start) / keys,
           atomic_load(&table->used), table->entry_size);
}

int
main(int argc, char **argv)
{
    char line[] = "type integer size 1100k expire 10m store gpc0,conn_rate(30s),http_req_rate(10s),"
                  "conn_cur";
    unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2;
    struct cfg_word words[16];
    struct arena arena;
    struct cfg c;
    struct list tables;

    keys = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : keys;
    seconds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : seconds;
    arena_init_config(&arena);
    cfg_init(&c, NULL, &arena);
    list_init(&tables);
    c.word = words;
    char *save = NULL;
    for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
        words[c.nwords++] = (struct cfg_word){ .s = w, .len = strlen(w) };
    if (stick_table_parse(&c, 0, "bench", "backend", &tables, &table) != CFG_OK ||
        !stick_tables_start(&tables))
        return 1;
    fill();
    struct worker *w = calloc(n, sizeof(*w));
    if (!w)
        return 1;
    for (unsigned i = 0; i < n; i++) {
        w[i].id = i;
        if (pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
            return 1;
    }
    nanosleep(&(struct timespec){ .tv_sec = seconds }, NULL);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < n; i++) {
        pthread_join(w[i].thread, NULL);
        printf("thread %u: %.0f ns per track and untrack\n", i, (double)w[i].ns / (double)w[i].ops);
    }
    free(w);
    stick_tables_stop(&tables);
    cfg_fini(&c);
    arena_fini(&arena);
    return 0;
}
