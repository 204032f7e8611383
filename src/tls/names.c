/* names.c - host names to values: one open hash table; a wildcard is entered under its suffix with
 * the leading dot, which no host name begins with. A lookup hashes once per kind, whatever the
 * number of names.
 *
 * Changes under the readers' eyes: a slot's name is stored last; a chain is changed by one store; a
 * table that became too small is replaced as a whole, and both lead to the same chains. */
#include "tls/names.h"

#include "base/epoch.h"

#include <stdlib.h>
#include <xxhash.h>

static uint64_t
hash_of(struct slice name)
{
    return XXH3_64bits(name.p, name.len);
}

/* The slot of the name, or the free one where it belongs. */
static struct name_slot *
find(struct name_table *t, struct slice name, uint64_t hash)
{
    for (uint64_t i = hash;; i++) {
        struct name_slot *s = &t->slots[i & (t->nslots - 1)];
        const char *there = atomic_load_explicit(&s->name, memory_order_acquire);
        if (!there || (s->hash == hash && slice_eq_str(name, there)))
            return s;
    }
}

static struct name_table *
grow(struct names *n, struct name_table *old)
{
    unsigned nslots = old ? 2 * old->nslots : 16;
    struct name_table *t = xcalloc(1, sizeof(*t) + nslots * sizeof(struct name_slot));

    t->nslots = nslots;
    for (unsigned i = 0; old && i < old->nslots; i++) {
        struct name_slot *from = &old->slots[i];
        char *name = atomic_load(&from->name);
        if (!name)
            continue;
        struct name_slot *to = find(t, slice_str(name), from->hash);
        to->hash = from->hash;
        atomic_init(&to->first, atomic_load(&from->first));
        atomic_init(&to->name, name);
    }
    atomic_store_explicit(&n->table, t, memory_order_release);
    if (old)
        epoch_retire(free, old);
    return t;
}

/* A wildcard without its asterisk, in lower case; heap. */
static char *
key_of(struct slice name)
{
    if (slice_starts(name, SL("*.")))
        name = slice_sub(name, 1, SIZE_MAX);
    char *lower = xstrndup(name.p, name.len);
    for (char *p = lower; *p; p++)
        *p = (char)ascii_lower((unsigned char)*p);
    return lower;
}

/* The link that leads to `value`, or the last one of the chain. */
static struct name_ref *_Atomic *
link_to(struct name_slot *s, const void *value)
{
    struct name_ref *_Atomic *at = &s->first;
    struct name_ref *r;

    while ((r = atomic_load(at)) && r->value != value)
        at = &r->next;
    return at;
}

/* The slot of a name that is in the index, NULL when it is not. */
static struct name_slot *
known(struct names *n, struct slice name)
{
    struct name_table *t = atomic_load(&n->table);
    char *key = t ? key_of(name) : NULL;
    struct name_slot *s = t ? find(t, slice_str(key), hash_of(slice_str(key))) : NULL;

    free(key);
    return s && atomic_load(&s->name) ? s : NULL;
}

void
names_add(struct names *n, struct slice name, void *value)
{
    struct name_table *t = atomic_load(&n->table);
    char *key = key_of(name);
    uint64_t hash = hash_of(slice_str(key));
    struct name_ref *r = xcalloc(1, sizeof(*r));

    r->value = value;
    if (!t || 2 * (n->count + 1) > t->nslots)
        t = grow(n, t);
    struct name_slot *s = find(t, slice_str(key), hash);
    if (atomic_load(&s->name)) {
        free(key);
        atomic_store_explicit(link_to(s, NULL), r, memory_order_release);
        return;
    }
    s->hash = hash;
    atomic_store(&s->first, r);
    atomic_store_explicit(&s->name, key, memory_order_release);
    n->count++;
}

void
names_replace(struct names *n, struct slice name, void *old, void *value)
{
    struct name_slot *s = known(n, name);
    struct name_ref *_Atomic *at = s ? link_to(s, old) : NULL;
    struct name_ref *was = at ? atomic_load(at) : NULL;

    if (!was) {
        names_add(n, name, value);
        return;
    }
    struct name_ref *r = xcalloc(1, sizeof(*r));
    r->value = value;
    atomic_init(&r->next, atomic_load(&was->next));
    atomic_store_explicit(at, r, memory_order_release);
    epoch_retire(free, was);
}

void
names_remove(struct names *n, struct slice name, void *value)
{
    struct name_slot *s = known(n, name);
    struct name_ref *_Atomic *at = s ? link_to(s, value) : NULL;
    struct name_ref *was = at ? atomic_load(at) : NULL;

    if (!was)
        return;
    atomic_store_explicit(at, atomic_load(&was->next), memory_order_release);
    epoch_retire(free, was);
}

const struct name_ref *
names_exact(const struct names *n, struct slice name)
{
    struct name_table *t = atomic_load_explicit(&n->table, memory_order_acquire);

    if (!t)
        return NULL;
    return atomic_load_explicit(&find(t, name, hash_of(name))->first, memory_order_acquire);
}

const struct name_ref *
names_wildcard(const struct names *n, struct slice name)
{
    size_t dot = slice_find(name, '.', 0);

    /* "*.x" does not stand for ".x": something must be before the dot */
    if (dot == SIZE_MAX || dot == 0)
        return NULL;
    return names_exact(n, slice_sub(name, dot, SIZE_MAX));
}

bool
names_lower(struct slice name, char to[NAMES_MAX + 1])
{
    if (name.len == 0 || name.len > NAMES_MAX || name.p[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c <= ' ' || c == 0x7f)
            return false;
        to[i] = (char)ascii_lower(c);
    }
    to[name.len] = '\0';
    return true;
}

void
names_fini(struct names *n)
{
    struct name_table *t = atomic_load(&n->table);

    for (unsigned i = 0; t && i < t->nslots; i++) {
        struct name_ref *next;
        for (struct name_ref *r = atomic_load(&t->slots[i].first); r; r = next) {
            next = atomic_load(&r->next);
            free(r);
        }
        free(atomic_load(&t->slots[i].name));
    }
    free(t);
    atomic_store(&n->table, NULL);
    n->count = 0;
}
