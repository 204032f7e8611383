/* counter.h - counters that every thread adds to without sharing a cache line; summed when read. */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include "base/base.h"

#include <stdatomic.h>

/** Which shard the calling thread owns: 0..nshards-1, set once per thread. Threads that never set
 * it (main, helpers before the workers run) share shard 0 with worker 0 and must not count while it
 * runs. */
extern _Thread_local unsigned counter_shard;

/* ---- words that one thread writes and others read ---- */

/* Plain loads and stores to the machine: no lock prefix, no fence, and no torn value for the
 * reader.
 */

static inline uint64_t
count_get(const uint64_t *c)
{
    return __atomic_load_n(c, __ATOMIC_RELAXED);
}

static inline void
count_set(uint64_t *c, uint64_t v)
{
    __atomic_store_n(c, v, __ATOMIC_RELAXED);
}

static inline void
count_add(uint64_t *c, uint64_t n)
{
    count_set(c, count_get(c) + n);
}

/** Makes *max at least `v`. */
static inline void
count_max(uint32_t *max, uint32_t v)
{
    if (v > __atomic_load_n(max, __ATOMIC_RELAXED))
        __atomic_store_n(max, v, __ATOMIC_RELAXED);
}

/* ---- words that several threads write; written only when they change, so that their cache line
 * stays with everybody ---- */

/** Makes *peak at least `v`. */
static inline void
peak_raise(_Atomic unsigned *peak, unsigned v)
{
    unsigned now = atomic_load_explicit(peak, memory_order_relaxed);

    while (v > now && !atomic_compare_exchange_weak_explicit(peak, &now, v, memory_order_relaxed,
                                                             memory_order_relaxed))
        ;
}

/** When something happened last; `v` does not fall. */
static inline void
moment_note(_Atomic int64_t *moment, int64_t v)
{
    if (v != atomic_load_explicit(moment, memory_order_relaxed))
        atomic_store_explicit(moment, v, memory_order_relaxed);
}

/* ---- sets of counters ---- */

/** `n` counters times `nshards` threads. Every shard starts on its own cache line. */
struct counters {
    unsigned n, nshards;
    size_t stride;          /* uint64_t per shard */
    _Atomic uint64_t *cell; /* cell[shard * stride + i] */
    _Atomic uint64_t *base; /* what counters_reset() subtracts; n of them */
};

/** Start-up code: out of memory ends the process. */
void counters_init(struct counters *c, unsigned n, unsigned nshards);
void counters_fini(struct counters *c);

/** Adds to counter `i` in the calling thread's shard. One writer per shard: no locked instruction.
 */
static inline void
counters_add(struct counters *c, unsigned i, uint64_t v)
{
    _Atomic uint64_t *cell = &c->cell[counter_shard * c->stride + i];

    DASSERT(i < c->n && counter_shard < c->nshards);
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + v,
                          memory_order_relaxed);
}

static inline void
counters_inc(struct counters *c, unsigned i)
{
    counters_add(c, i, 1);
}

/** For gauges: the sum over threads stays right when one thread adds and another subtracts. */
static inline void
counters_sub(struct counters *c, unsigned i, uint64_t v)
{
    counters_add(c, i, (uint64_t)0 - v);
}

/** Sum over threads since the start or the last reset. Any thread. */
uint64_t counters_sum(const struct counters *c, unsigned i);
/** Makes the current sum count as 0 (`clear counters`). Any thread; concurrent additions are not
 * lost. */
void counters_reset(struct counters *c, unsigned i);

#endif
