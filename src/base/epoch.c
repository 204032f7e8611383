/* epoch.c - quiescent-state based reclamation.
 *
 * `now` counts retirements. A reader publishes the value it saw at its last quiescent point; an
 * object retired at time t is free when every busy reader has published a value above t: it then
 * loaded `now` after the object was unpublished. */
#include "base/epoch.h"

#include "base/list.h"
#include "base/spin.h"

#include <stdlib.h>

struct reader {
    struct list link;
    _Atomic uint64_t seen; /* 0: idle */
    bool entered;
};

struct retired {
    struct retired *next;
    uint64_t at;
    void (*fn)(void *);
    void *p;
};

static _Atomic uint64_t now = 1;
static _Atomic unsigned long waiting;

static struct spin lock; /* the members below; leaf lock */
static struct list readers = LIST_INIT(readers);
static struct retired *first, **last = &first;

static _Thread_local struct reader self ALIGNED_LINE;

/** Takes from the queue what no reader can hold. Lock held. */
static struct retired *
take_free(void)
{
    uint64_t oldest = UINT64_MAX;
    struct retired *head = first, **end = &head;
    struct reader *r;

    list_each (r, &readers, link) {
        uint64_t seen = atomic_load_explicit(&r->seen, memory_order_seq_cst);
        if (seen && seen < oldest)
            oldest = seen;
    }
    while (*end && (*end)->at < oldest) {
        atomic_fetch_sub_explicit(&waiting, 1, memory_order_relaxed);
        end = &(*end)->next;
    }
    first = *end;
    if (!first)
        last = &first;
    *end = NULL;
    return head;
}

static void
release(struct retired *r)
{
    while (r) {
        struct retired *next = r->next;
        r->fn(r->p);
        free(r);
        r = next;
    }
}

static COLD void
collect(void)
{
    struct retired *r;

    if (!spin_try(&lock))
        return; /* someone else does it, or will at the next turn */
    r = take_free();
    spin_unlock(&lock);
    release(r);
}

void
epoch_enter(void)
{
    if (self.entered)
        return;
    self.entered = true;
    spin_lock(&lock);
    list_push_back(&readers, &self.link);
    spin_unlock(&lock);
    epoch_busy();
}

void
epoch_leave(void)
{
    if (!self.entered)
        return;
    self.entered = false;
    spin_lock(&lock);
    list_del(&self.link);
    spin_unlock(&lock);
    atomic_store_explicit(&self.seen, 0, memory_order_release);
}

void
epoch_quiescent(void)
{
    uint64_t t = atomic_load_explicit(&now, memory_order_acquire);

    if (unlikely(!self.entered))
        return;
    if (atomic_load_explicit(&self.seen, memory_order_relaxed) != t)
        atomic_store_explicit(&self.seen, t, memory_order_release);
    if (unlikely(atomic_load_explicit(&waiting, memory_order_relaxed)))
        collect();
}

void
epoch_idle(void)
{
    if (!self.entered)
        return;
    atomic_store_explicit(&self.seen, 0, memory_order_release);
    if (unlikely(atomic_load_explicit(&waiting, memory_order_relaxed)))
        collect();
}

/* The exchange orders its store before all later loads; with the sequentially consistent operations
 * of retire and take_free() either the writer sees this reader, or the reader sees what the writer
 * published. */
void
epoch_busy(void)
{
    if (self.entered)
        (void)atomic_exchange_explicit(&self.seen, atomic_load_explicit(&now, memory_order_acquire),
                                       memory_order_seq_cst);
}

void
epoch_retire(void (*fn)(void *p), void *p)
{
    struct retired *r = malloc(sizeof(*r));
    bool alone;

    if (!r) /* rather a leak than a use after free */
        return;
    *r = (struct retired){ .fn = fn, .p = p };
    spin_lock(&lock);
    r->at = atomic_fetch_add_explicit(&now, 1, memory_order_seq_cst);
    *last = r;
    last = &r->next;
    atomic_fetch_add_explicit(&waiting, 1, memory_order_relaxed);
    alone = list_empty(&readers);
    spin_unlock(&lock);
    if (alone)
        collect();
}

unsigned long
epoch_pending(void)
{
    return atomic_load_explicit(&waiting, memory_order_relaxed);
}

void
epoch_fini(void)
{
    collect();
}
