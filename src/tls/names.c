/* names.c - host names to values: one open hash table; a wildcard is entered under its suffix with
 * the leading dot, which no host name begins with. A lookup hashes once per kind, whatever the
 * number of names. */
#include "tls/names.h"

#include <stdlib.h>
#include <xxhash.h>

static uint64_t
hash_of(struct slice name)
{
    return XXH3_64bits(name.p, name.len);
}

static struct name_slot *
find(const struct names *n, struct slice name, uint64_t hash)
{
    for (uint64_t i = hash;; i++) {
        struct name_slot *s = &n->slots[i & (n->nslots - 1)];
        if (!s->name || (s->hash == hash && slice_eq_str(name, s->name)))
            return s;
    }
}

static void
grow(struct names *n)
{
    struct names bigger = { .nslots = n->nslots ? 2 * n->nslots : 16, .count = n->count };

    bigger.slots = xcalloc(bigger.nslots, sizeof(*bigger.slots));
    for (unsigned i = 0; i < n->nslots; i++)
        if (n->slots[i].name)
            *find(&bigger, slice_str(n->slots[i].name), n->slots[i].hash) = n->slots[i];
    free(n->slots);
    *n = bigger;
}

void
names_add(struct names *n, struct slice name, void *value)
{
    if (slice_starts(name, SL("*.")))
        name = slice_sub(name, 1, SIZE_MAX);
    char *lower = xstrndup(name.p, name.len);
    for (char *p = lower; *p; p++)
        *p = (char)ascii_lower((unsigned char)*p);
    name.p = lower;
    if (2 * (n->count + 1) > n->nslots)
        grow(n);
    uint64_t hash = hash_of(name);
    struct name_slot *s = find(n, name, hash);
    struct name_ref *r = xcalloc(1, sizeof(*r));
    r->value = value;
    if (s->name) {
        free(lower);
        s->last->next = r;
    } else {
        *s = (struct name_slot){ lower, hash, r, r };
        n->count++;
    }
    s->last = r;
}

const struct name_ref *
names_exact(const struct names *n, struct slice name)
{
    return n->count ? find(n, name, hash_of(name))->first : NULL;
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
    for (unsigned i = 0; i < n->nslots; i++) {
        struct name_ref *next;
        for (struct name_ref *r = n->slots[i].first; r; r = next) {
            next = r->next;
            free(r);
        }
        free(n->slots[i].name);
    }
    free(n->slots);
    *n = (struct names){ 0 };
}
