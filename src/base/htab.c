/* htab.c - insertion-ordered hash map: an array of entries and an open-addressed index into it. */
#include "base/htab.h"

#include <stdlib.h>
#include <xxhash.h>

#define HTAB_SLOTS_MIN 16u

static uint32_t
htab_hash(struct slice key)
{
    return (uint32_t)XXH3_64bits(key.p, key.len);
}

/* The slot that holds the key, or the empty slot where the search ends. */
static uint32_t *
htab_slot(const struct htab *h, struct slice key, uint32_t hash)
{
    unsigned mask = h->nslots - 1;

    for (unsigned i = hash & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &h->slots[i];
        if (!*slot)
            return slot;
        const struct htab_item *it = &h->items[*slot - 1];
        if (it->key.p && it->hash == hash && slice_eq(it->key, key))
            return slot;
    }
}

/* Makes room for one more entry; drops removed ones. */
static void
htab_grow(struct htab *h)
{
    unsigned nslots = HTAB_SLOTS_MIN;
    unsigned n = 0;

    while (nslots < (h->count + 1) * 4)
        nslots *= 2;
    for (unsigned i = 0; i < h->nitems; i++)
        if (h->items[i].key.p)
            h->items[n++] = h->items[i];
    h->nitems = n;
    h->items = xrealloc(h->items, sizeof(*h->items) * (nslots / 2));
    free(h->slots);
    h->slots = xcalloc(nslots, sizeof(*h->slots));
    h->nslots = nslots;
    for (unsigned i = 0; i < n; i++)
        *htab_slot(h, h->items[i].key, h->items[i].hash) = i + 1;
}

void *
htab_get(const struct htab *h, struct slice key)
{
    if (!h->count)
        return NULL;
    uint32_t slot = *htab_slot(h, key, htab_hash(key));
    return slot ? h->items[slot - 1].value : NULL;
}

void *
htab_get_str(const struct htab *h, const char *key)
{
    return htab_get(h, slice_str(key));
}

void *
htab_put(struct htab *h, struct slice key, void *value)
{
    uint32_t hash = htab_hash(key);

    ASSERT(value != NULL);
    if (!key.p)
        key = SL("");
    if (h->nitems >= h->nslots / 2)
        htab_grow(h);
    uint32_t *slot = htab_slot(h, key, hash);
    if (*slot) {
        struct htab_item *it = &h->items[*slot - 1];
        void *old = it->value;
        it->value = value;
        it->key = key;
        return old;
    }
    h->items[h->nitems] = (struct htab_item){ key, value, hash };
    *slot = ++h->nitems;
    h->count++;
    return NULL;
}

void *
htab_del(struct htab *h, struct slice key)
{
    if (!h->count)
        return NULL;
    uint32_t slot = *htab_slot(h, key, htab_hash(key));
    if (!slot)
        return NULL;
    /* The slot keeps pointing at the removed entry so that searches go on past it. */
    struct htab_item *it = &h->items[slot - 1];
    void *old = it->value;
    it->key = SLICE_NONE;
    it->value = NULL;
    h->count--;
    return old;
}

const struct htab_item *
htab_next(const struct htab *h, unsigned *at)
{
    while (*at < h->nitems) {
        const struct htab_item *it = &h->items[(*at)++];
        if (it->key.p)
            return it;
    }
    return NULL;
}

void
htab_fini(struct htab *h)
{
    free(h->items);
    free(h->slots);
    *h = (struct htab){ 0 };
}
