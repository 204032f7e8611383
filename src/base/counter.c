/* counter.c - per-thread counters, summed when read. */
#include "base/counter.h"

#include <stdlib.h>
#include <string.h>

_Thread_local unsigned counter_shard;

void
counters_init(struct counters *c, unsigned n, unsigned nshards)
{
    size_t line = CACHELINE / sizeof(uint64_t);
    size_t stride = (n + line - 1) / line * line;
    void *p = NULL;

    ASSERT(n > 0 && nshards > 0);
    if (posix_memalign(&p, CACHELINE, nshards * stride * sizeof(uint64_t)) != 0)
        p = NULL;
    *c = (struct counters){ .n = n, .nshards = nshards, .stride = stride, .cell = p };
    if (!p) /* lets xmalloc() say so and end the process */
        c->cell = xmalloc(SIZE_MAX / 2);
    memset((void *)c->cell, 0, nshards * stride * sizeof(uint64_t));
    c->base = xcalloc(n, sizeof(*c->base));
}

void
counters_fini(struct counters *c)
{
    free((void *)c->cell);
    free((void *)c->base);
    *c = (struct counters){ 0 };
}

static uint64_t
counters_raw(const struct counters *c, unsigned i)
{
    uint64_t sum = 0;

    for (unsigned t = 0; t < c->nshards; t++)
        sum += atomic_load_explicit(&c->cell[t * c->stride + i], memory_order_relaxed);
    return sum;
}

uint64_t
counters_sum(const struct counters *c, unsigned i)
{
    ASSERT(i < c->n);
    return counters_raw(c, i) - atomic_load_explicit(&c->base[i], memory_order_relaxed);
}

void
counters_reset(struct counters *c, unsigned i)
{
    ASSERT(i < c->n);
    atomic_store_explicit(&c->base[i], counters_raw(c, i), memory_order_relaxed);
}
