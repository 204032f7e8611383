/* pat_tab.c - open-addressing tables of patterns that are changed while others read them, and lists
 * of the lengths in them. One writer at a time. A slot's pattern is stored before its tag, so a
 * reader that sees the tag sees the pattern; it compares the key anyway. Tables that grow are
 * replaced, the old one is released after a grace period. */
#include "base/epoch.h"
#include "sample/pattern_int.h"

#include <stdlib.h>

#define TAB_MIN 16u

static struct pat_tab *
tab_new(uint32_t size)
{
    struct pat_tab *t = xcalloc(1, sizeof(*t));

    t->mask = size - 1;
    t->tag = xcalloc(size, sizeof(*t->tag));
    t->slot = xcalloc(size, sizeof(*t->slot));
    return t;
}

void
pat_tab_free(struct pat_tab *t)
{
    if (!t)
        return;
    free((void *)t->tag);
    free((void *)t->slot);
    free(t);
}

static void
tab_release(void *t)
{
    pat_tab_free(t);
}

/** Puts a pattern, or the first of a chain, into a free slot. */
static void
tab_place(struct pat_tab *t, struct pat *p)
{
    uint32_t i = (uint32_t)p->hash & t->mask;
    uint32_t tag;

    while ((tag = atomic_load_explicit(&t->tag[i], memory_order_relaxed)) > TAG_REMOVED)
        i = (i + 1) & t->mask;
    t->used += tag == 0;
    t->live++;
    atomic_store_explicit(&t->slot[i], p, memory_order_release);
    atomic_store_explicit(&t->tag[i], pat_tag(p->hash), memory_order_release);
}

/** A table with room for one more than the live ones. */
static struct pat_tab *
tab_with_room(_Atomic(struct pat_tab *) *tab)
{
    struct pat_tab *old = atomic_load_explicit(tab, memory_order_relaxed), *t;
    uint32_t size = TAB_MIN;

    if (old && (old->used + 1) * 4ull <= (old->mask + 1ull) * 3)
        return old;
    while (old && size < (old->live + 1) * 2)
        size *= 2;
    t = tab_new(size);
    for (uint32_t i = 0; old && i <= old->mask; i++)
        if (atomic_load_explicit(&old->tag[i], memory_order_relaxed) > TAG_REMOVED)
            tab_place(t, atomic_load_explicit(&old->slot[i], memory_order_relaxed));
    atomic_store_explicit(tab, t, memory_order_release);
    if (old)
        epoch_retire(tab_release, old);
    return t;
}

/** Slot of the chain that `p` is, or would be, in. */
static bool
tab_find(const struct pat_tab *t, const struct pat *p, pat_same_fn same, uint32_t *slot)
{
    struct pat *q;

    PAT_TAB_EACH(t, p->hash, *slot, q)
    if (same(q, p))
        return true;
    return false;
}

static void
set_dup(struct pat *p, struct pat *next)
{
    atomic_store_explicit(&p->dup, next, memory_order_release);
}

static struct pat *
dup_of(const struct pat *p)
{
    return atomic_load_explicit(&p->dup, memory_order_relaxed);
}

/** Enters `p` into the chain whose first is in `slot`. */
static void
chain_add(struct pat_tab *t, uint32_t slot, struct pat *p)
{
    struct pat *head = atomic_load_explicit(&t->slot[slot], memory_order_relaxed);
    struct pat *before;

    if (p->order < head->order) {
        set_dup(p, head);
        p->dup_last = head->dup_last ? head->dup_last : head;
        atomic_store_explicit(&t->slot[slot], p, memory_order_release);
        return;
    }
    before = head->dup_last;
    if (!before || before->order > p->order)
        for (before = head; dup_of(before) && dup_of(before)->order < p->order;)
            before = dup_of(before);
    set_dup(p, dup_of(before));
    set_dup(before, p);
    if (!dup_of(p))
        head->dup_last = p;
}

void
pat_tab_add(_Atomic(struct pat_tab *) *tab, struct pat *p, pat_same_fn same)
{
    struct pat_tab *t = tab_with_room(tab);
    uint32_t slot;

    set_dup(p, NULL);
    p->dup_last = NULL;
    if (tab_find(t, p, same, &slot))
        chain_add(t, slot, p);
    else
        tab_place(t, p);
}

void
pat_tab_del(_Atomic(struct pat_tab *) *tab, struct pat *p, pat_same_fn same)
{
    struct pat_tab *t = atomic_load_explicit(tab, memory_order_relaxed);
    struct pat *head, *before;
    uint32_t slot;

    if (!t || !tab_find(t, p, same, &slot))
        return;
    head = atomic_load_explicit(&t->slot[slot], memory_order_relaxed);
    if (head != p) {
        for (before = head; dup_of(before) && dup_of(before) != p;)
            before = dup_of(before);
        set_dup(before, dup_of(p)); /* readers at `p` still see what follows it */
        if (head->dup_last == p)
            head->dup_last = before == head ? NULL : before;
        return;
    }
    if (dup_of(p)) {
        struct pat *next = dup_of(p);
        next->dup_last = p->dup_last == next ? NULL : p->dup_last;
        atomic_store_explicit(&t->slot[slot], next, memory_order_release);
        return;
    }
    atomic_store_explicit(&t->tag[slot], TAG_REMOVED, memory_order_release);
    t->live--;
}

/* ---- lengths
 * -------------------------------------------------------------------------------------------- */

static void
lens_publish(_Atomic(struct pat_lens *) *lens, const struct pat_lencount *c)
{
    struct pat_lens *l = xmalloc(sizeof(*l) + c->n * sizeof(l->len[0])), *old;

    l->n = c->n;
    for (unsigned i = 0; i < c->n; i++)
        l->len[i] = c->item[i].len;
    old = atomic_exchange_explicit(lens, l, memory_order_acq_rel);
    if (old)
        epoch_retire(free, old);
}

static unsigned
lens_at(const struct pat_lencount *c, uint32_t len)
{
    unsigned lo = 0, hi = c->n;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (c->item[mid].len < len)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void
pat_lens_add(_Atomic(struct pat_lens *) *lens, struct pat_lencount *c, uint32_t len)
{
    unsigned i = lens_at(c, len);

    if (i < c->n && c->item[i].len == len) {
        c->item[i].count++;
        return;
    }
    if (c->n == c->size) {
        c->size = c->size ? c->size * 2 : 8;
        c->item = xrealloc(c->item, c->size * sizeof(*c->item));
    }
    memmove(&c->item[i + 1], &c->item[i], (c->n - i) * sizeof(*c->item));
    c->item[i].len = len;
    c->item[i].count = 1;
    c->n++;
    lens_publish(lens, c);
}

void
pat_lens_del(_Atomic(struct pat_lens *) *lens, struct pat_lencount *c, uint32_t len)
{
    unsigned i = lens_at(c, len);

    if (i == c->n || c->item[i].len != len || --c->item[i].count)
        return;
    c->n--;
    memmove(&c->item[i], &c->item[i + 1], (c->n - i) * sizeof(*c->item));
    lens_publish(lens, c);
}
