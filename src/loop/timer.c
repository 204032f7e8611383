/* timer.c - a 4-ary min-heap of one-shot timers.
 * Invariant: heap[t->slot - 1].timer == t for every armed timer. */
#include "loop/loop_int.h"

#include <limits.h>
#include <stdlib.h>

static void
heap_place(struct loop *l, unsigned at, struct timer_entry e)
{
    l->heap[at] = e;
    e.timer->slot = at + 1;
}

static void
heap_up(struct loop *l, unsigned at, struct timer_entry e)
{
    while (at > 0) {
        unsigned parent = (at - 1) / 4;
        if (l->heap[parent].at_ms <= e.at_ms)
            break;
        heap_place(l, at, l->heap[parent]);
        at = parent;
    }
    heap_place(l, at, e);
}

static void
heap_down(struct loop *l, unsigned at, struct timer_entry e)
{
    for (;;) {
        unsigned first = at * 4 + 1, best = first;
        unsigned end = MIN(first + 4, l->nheap);

        if (first >= l->nheap)
            break;
        for (unsigned i = first + 1; i < end; i++)
            if (l->heap[i].at_ms < l->heap[best].at_ms)
                best = i;
        if (l->heap[best].at_ms >= e.at_ms)
            break;
        heap_place(l, at, l->heap[best]);
        at = best;
    }
    heap_place(l, at, e);
}

void
timer_set(struct timer *t, int64_t at_ms, timer_fn fn)
{
    struct loop *l = loop_this;
    struct timer_entry e = { at_ms, t };

    t->fn = fn;
    t->at_ms = at_ms;
    if (!t->slot) {
        if (l->nheap == l->heap_size) {
            l->heap_size = l->heap_size ? l->heap_size * 2 : 64;
            l->heap = xrealloc(l->heap, l->heap_size * sizeof(*l->heap));
        }
        heap_up(l, l->nheap++, e);
        return;
    }
    unsigned at = t->slot - 1;
    if (at > 0 && l->heap[(at - 1) / 4].at_ms > at_ms)
        heap_up(l, at, e);
    else
        heap_down(l, at, e);
}

void
timer_cancel(struct timer *t)
{
    struct loop *l = loop_this;

    if (!t->slot)
        return;
    unsigned at = t->slot - 1;
    DASSERT(l->heap[at].timer == t);
    t->slot = 0;
    struct timer_entry last = l->heap[--l->nheap];
    if (at == l->nheap)
        return;
    if (at > 0 && l->heap[(at - 1) / 4].at_ms > last.at_ms)
        heap_up(l, at, last);
    else
        heap_down(l, at, last);
}

int
timers_next_ms(struct loop *l)
{
    if (!l->nheap)
        return -1;
    int64_t left = l->heap[0].at_ms - l->now_ms;
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

void
timers_run(struct loop *l)
{
    /* One that is armed again for "now" waits for the next turn: no endless loop. */
    int64_t now = l->now_ms;

    for (unsigned budget = l->nheap; budget && l->nheap && l->heap[0].at_ms <= now; budget--) {
        struct timer *t = l->heap[0].timer;
        timer_cancel(t);
        t->fn(t);
    }
}
