/* freq.h - sliding rate counters: events over the last period, from the current period's count and
 * the remaining share of the one before. Times are milliseconds of any monotonic clock; only
 * differences matter. */
#ifndef BASE_FREQ_H
#define BASE_FREQ_H

#include "base/base.h"

#include <stdatomic.h>

/** 12 bytes; one writer at a time (a thread, or under a lock). { 0 } is empty. A counter left alone
 * for a multiple of 49.7 days may show its old value once. */
struct freq {
    uint32_t start_ms; /* of the current period, low 32 bits */
    uint32_t curr, prev;
};

/** Adds `n` events. The count saturates at 2^32-1. Returns the count of the current period. */
uint32_t freq_add(struct freq *f, uint32_t period_ms, uint32_t n, uint64_t now_ms);
/** Events per period, seen from `now_ms`, rounded down. A lone event of the last period stays 1
 * until that period is out of the window, so that very low rates do not flap. */
uint32_t freq_read(const struct freq *f, uint32_t period_ms, uint64_t now_ms);
/** Makes freq_read() return `rate` now and fall from the next period on. */
void freq_set(struct freq *f, uint32_t rate, uint64_t now_ms);
/** How many more events, `pending` ones counted as if they had happened, keep the rate at or below
 * `limit`. */
uint32_t freq_room(const struct freq *f, uint32_t period_ms, uint32_t limit, uint32_t pending,
                   uint64_t now_ms);
/** Milliseconds until one more event is allowed under `limit` events per period; 0: now. `limit` 0
 * gives a full period. `pending` as above. */
uint32_t freq_next_delay(const struct freq *f, uint32_t period_ms, uint32_t limit, uint32_t pending,
                         uint64_t now_ms);

/** The same for any number of threads. */
struct freq_shared {
    _Atomic uint64_t
        start; /* start of the current period in ms, times two; bit 0: being turned over */
    _Atomic uint32_t curr, prev;
};

/** freq_add() for several threads at once; returns the new count of the current period. */
uint32_t freq_shared_add(struct freq_shared *f, uint32_t period_ms, uint32_t n, uint64_t now_ms);
/** A consistent copy to use with the functions above. */
struct freq freq_shared_get(const struct freq_shared *f);

static inline uint32_t
freq_shared_read(const struct freq_shared *f, uint32_t period_ms, uint64_t now_ms)
{
    struct freq copy = freq_shared_get(f);

    return freq_read(&copy, period_ms, now_ms);
}

#endif
