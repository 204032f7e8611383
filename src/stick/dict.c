/* dict.c - shared strings: many entries name few servers. One lock: it is taken only when an
 * entry's server changes or an entry with a server key goes. */
#include "stick/dict.h"

#include "base/spin.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define DICT_BUCKETS 1024u

/* Leaf; inside a shard's lock and an entry's lock. */
static struct spin dict_lock;
static struct stick_name *dict[DICT_BUCKETS];
static unsigned dict_count;

static struct stick_name *
dict_find(struct slice s, uint32_t hash)
{
    for (struct stick_name *n = dict[hash % DICT_BUCKETS]; n; n = n->next)
        if (n->hash == hash && slice_eq(slice(n->s, n->len), s))
            return n;
    return NULL;
}

struct stick_name *
stick_name_get(struct slice s)
{
    uint32_t hash = (uint32_t)XXH3_64bits(s.p, s.len);

    if (s.len >= UINT32_MAX)
        return NULL;
    spin_lock(&dict_lock);
    struct stick_name *n = dict_find(s, hash);
    if (!n) {
        n = malloc(sizeof(*n) + s.len + 1);
        if (n) {
            *n = (struct stick_name){ .next = dict[hash % DICT_BUCKETS],
                                      .hash = hash,
                                      .len = (uint32_t)s.len };
            if (s.len)
                memcpy(n->s, s.p, s.len);
            n->s[s.len] = '\0';
            dict[hash % DICT_BUCKETS] = n;
            dict_count++;
        }
    }
    if (n)
        n->ref++;
    spin_unlock(&dict_lock);
    return n;
}

void
stick_name_put(struct stick_name *n)
{
    if (!n)
        return;
    spin_lock(&dict_lock);
    if (--n->ref > 0)
        n = NULL;
    if (n) {
        struct stick_name **at = &dict[n->hash % DICT_BUCKETS];
        while (*at != n)
            at = &(*at)->next;
        *at = n->next;
        dict_count--;
    }
    spin_unlock(&dict_lock);
    free(n);
}

unsigned
stick_name_count(void)
{
    spin_lock(&dict_lock);
    unsigned n = dict_count;
    spin_unlock(&dict_lock);
    return n;
}
