/* freq.c - sliding rate counters over two periods.
 * Periods are contiguous while events keep coming: a period that ended up to one period ago is
 * followed by one that starts at its end. After a longer silence the next one starts with the event
 * itself. */
#include "base/freq.h"

static uint32_t
add_saturated(uint32_t a, uint32_t b)
{
    return b > UINT32_MAX - a ? UINT32_MAX : a + b;
}

/* The counts as they stand at `now`, and how much of the current period is left. */
struct freq_view {
    uint32_t curr, prev, left_ms;
};

static struct freq_view
freq_view(const struct freq *f, uint32_t period_ms, uint64_t now_ms)
{
    uint32_t age = (uint32_t)now_ms - f->start_ms;

    /* A clock of another thread may be a little ahead of ours: that is the start of the period. */
    if (age > UINT32_MAX - period_ms)
        age = 0;
    if (age < period_ms)
        return (struct freq_view){ f->curr, f->prev, period_ms - age };
    age -= period_ms;
    if (age < period_ms)
        return (struct freq_view){ 0, f->curr, period_ms - age };
    return (struct freq_view){ 0, 0, period_ms };
}

uint32_t
freq_add(struct freq *f, uint32_t period_ms, uint32_t n, uint64_t now_ms)
{
    uint32_t now = (uint32_t)now_ms;
    uint32_t age = now - f->start_ms;

    if (unlikely(age >= period_ms && age <= UINT32_MAX - period_ms)) {
        f->prev = f->curr;
        f->curr = 0;
        f->start_ms += period_ms;
        if (age - period_ms >= period_ms) {
            f->prev = 0;
            f->start_ms = now;
        }
    }
    return f->curr = add_saturated(f->curr, n);
}

static uint64_t
freq_rate(const struct freq_view *v, uint32_t period_ms)
{
    if (v->curr == 0 && v->prev <= 1)
        return v->prev;
    return v->curr + (uint64_t)v->prev * v->left_ms / period_ms;
}

uint32_t
freq_read(const struct freq *f, uint32_t period_ms, uint64_t now_ms)
{
    struct freq_view v = freq_view(f, period_ms, now_ms);
    uint64_t rate = freq_rate(&v, period_ms);

    return rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
}

void
freq_set(struct freq *f, uint32_t rate, uint64_t now_ms)
{
    *f = (struct freq){ (uint32_t)now_ms, rate, 0 };
}

uint32_t
freq_room(const struct freq *f, uint32_t period_ms, uint32_t limit, uint32_t pending,
          uint64_t now_ms)
{
    struct freq_view v = freq_view(f, period_ms, now_ms);
    uint64_t used = v.curr + (uint64_t)v.prev * v.left_ms / period_ms + pending;

    return used >= limit ? 0 : (uint32_t)(limit - used);
}

uint32_t
freq_next_delay(const struct freq *f, uint32_t period_ms, uint32_t limit, uint32_t pending,
                uint64_t now_ms)
{
    struct freq_view v = freq_view(f, period_ms, now_ms);
    uint64_t curr = (uint64_t)v.curr + pending;

    if (limit == 0)
        return period_ms;
    if (curr + (uint64_t)v.prev * v.left_ms / period_ms < limit)
        return 0;
    if (curr < limit) {
        /* Still in this period, once what is left of the previous one is below limit - curr:
         * prev * left < (limit - curr) * period, largest such left. */
        uint64_t left = ((limit - curr) * period_ms - 1) / v.prev;
        return (uint32_t)(v.left_ms - left);
    }
    /* In the next period, where this one is the previous one. */
    uint64_t left = ((uint64_t)limit * period_ms - 1) / curr;
    return (uint32_t)MIN(v.left_ms + period_ms - left, (uint64_t)UINT32_MAX);
}

/* Starts a new period unless another thread is doing it; the caller looks again in any case. */
static void
freq_shared_turn(struct freq_shared *f, uint64_t start, uint32_t period_ms, uint64_t now_ms)
{
    uint64_t age = now_ms - (start >> 1);
    uint64_t next = (age >= 2 * (uint64_t)period_ms ? now_ms : (start >> 1) + period_ms) << 1;

    if ((start & 1) ||
        !atomic_compare_exchange_strong_explicit(&f->start, &start, start | 1, memory_order_acq_rel,
                                                 memory_order_relaxed))
        return;
    /* Release: whoever sees one of these counts also sees the mark. */
    uint32_t curr = atomic_exchange_explicit(&f->curr, 0, memory_order_acq_rel);
    atomic_store_explicit(&f->prev, age >= 2 * (uint64_t)period_ms ? 0 : curr,
                          memory_order_release);
    atomic_store_explicit(&f->start, next, memory_order_release);
}

uint32_t
freq_shared_add(struct freq_shared *f, uint32_t period_ms, uint32_t n, uint64_t now_ms)
{
    for (;;) {
        uint64_t start = atomic_load_explicit(&f->start, memory_order_acquire);
        uint64_t at = start >> 1;
        bool current = now_ms < at || now_ms - at < period_ms;
        if (likely(current && !(start & 1)))
            break;
        freq_shared_turn(f, start, period_ms, now_ms);
    }
    return atomic_fetch_add_explicit(&f->curr, n, memory_order_relaxed) + n;
}

struct freq
freq_shared_get(const struct freq_shared *f)
{
    for (;;) {
        uint64_t start = atomic_load_explicit(&f->start, memory_order_acquire);
        uint32_t curr = atomic_load_explicit(&f->curr, memory_order_acquire);
        uint32_t prev = atomic_load_explicit(&f->prev, memory_order_acquire);
        if (!(start & 1) && atomic_load_explicit(&f->start, memory_order_relaxed) == start)
            return (struct freq){ (uint32_t)(start >> 1), curr, prev };
    }
}
