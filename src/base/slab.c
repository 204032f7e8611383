/* slab.c - cache of equal-sized objects that belongs to one thread.
 * Objects come from malloc one by one: it keeps memory returnable after a peak, and the cost is
 * paid only when the number of live objects reaches a new height. */
#include "base/slab.h"

#include <stdlib.h>
#include <string.h>

#define SLAB_POISON 0xdd

struct slab_free {
    struct slab_free *next;
};

static _Thread_local struct slab *slabs;

static void
forget(struct slab *s)
{
    for (struct slab **at = &slabs; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            return;
        }
}

void
slab_each(void (*fn)(const struct slab *s, void *arg), void *arg)
{
    for (const struct slab *s = slabs; s; s = s->next)
        fn(s, arg);
}

void
slab_init(struct slab *s, const char *name, size_t size, unsigned keep)
{
    ASSERT(size > 0);
    forget(s); /* initialised again */
    memset(s, 0, sizeof(*s));
    s->next = slabs;
    slabs = s;
    s->name = name;
    s->size = MAX(size, sizeof(struct slab_free));
    s->keep = keep;
    atomic_init(&s->returned, NULL);
}

static unsigned
slab_keep(const struct slab *s)
{
    if (WITH_ASAN)
        return 0;
    return s->keep ? s->keep : s->peak;
}

void
slab_put(struct slab *s, void *p)
{
    struct slab_free *f = p;

    if (!p)
        return;
    DASSERT(s->in_use > 0);
    s->in_use--;
    if (s->nfree >= slab_keep(s)) {
        free(p);
        return;
    }
#ifdef STEELYARD_DEBUG
    memset(p, SLAB_POISON, s->size);
#endif
    f->next = s->free;
    s->free = f;
    s->nfree++;
}

void
slab_put_remote(struct slab *s, void *p)
{
    struct slab_free *f = p;
    struct slab_free *head = atomic_load_explicit(&s->returned, memory_order_relaxed);

    if (!p)
        return;
    /* The owner takes the whole list at once, so a plain compare-and-swap push has no ABA problem.
     */
    do {
        f->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&s->returned, &head, f, memory_order_release,
                                                    memory_order_relaxed));
}

void
slab_collect(struct slab *s)
{
    if (!atomic_load_explicit(&s->returned, memory_order_relaxed))
        return;
    struct slab_free *f = atomic_exchange_explicit(&s->returned, NULL, memory_order_acquire);

    while (f) {
        struct slab_free *next = f->next;
        slab_put(s, f);
        f = next;
    }
}

void *
slab_get(struct slab *s)
{
    s->gets++;
    if (unlikely(!s->free))
        slab_collect(s);
    struct slab_free *f = s->free;

    if (likely(f != NULL)) {
        s->free = f->next;
        s->nfree--;
        __builtin_prefetch(s->free); /* its link is read by the next call */
    } else {
        s->misses++;
        f = malloc(s->size);
        if (unlikely(!f)) {
            s->failures++;
            return NULL;
        }
    }
    if (++s->in_use > s->peak)
        s->peak = s->in_use;
    return f;
}

void *
slab_zget(struct slab *s)
{
    void *p = slab_get(s);

    return p ? memset(p, 0, s->size) : NULL;
}

void
slab_trim(struct slab *s, unsigned keep)
{
    while (s->nfree > keep) {
        struct slab_free *f = s->free;
        s->free = f->next;
        s->nfree--;
        free(f);
    }
}

unsigned
slab_fini(struct slab *s)
{
    forget(s);
    slab_collect(s);
    slab_trim(s, 0);
    return s->in_use;
}
