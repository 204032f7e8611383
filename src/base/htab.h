/* htab.h - string-keyed hash map for configuration objects. Remembers the order of insertion. */
#ifndef BASE_HTAB_H
#define BASE_HTAB_H

#include "base/slice.h"

struct htab_item {
    struct slice key; /* p NULL: removed */
    void *value;
    uint32_t hash;
};

/** { 0 } is an empty map. Keys are borrowed: they must live as long as the entry (configuration
 * arena, or a member of the value). Not for the request path of untrusted keys of unlimited number,
 * and not thread-safe against writers; concurrent readers are fine. Out of memory ends the process
 * (start-up code). */
struct htab {
    struct htab_item *items; /* in the order of insertion */
    uint32_t *slots;         /* index into items + 1, 0: empty */
    unsigned nitems;         /* used part of items, removed ones included */
    unsigned nslots;         /* power of two */
    unsigned count;          /* live entries */
};

/** The value, or NULL. */
void *htab_get(const struct htab *h, struct slice key);
void *htab_get_str(const struct htab *h, const char *key);
/** Enters or replaces (the key too). Returns the value that was there before, or NULL. `value` is
 * not NULL. */
void *htab_put(struct htab *h, struct slice key, void *value);
/** Removes. Returns the value, or NULL if there was none. Order of the others is kept. */
void *htab_del(struct htab *h, struct slice key);
/** Frees the map; not keys and values. */
void htab_fini(struct htab *h);

/** The next entry in the order of insertion. *at starts as 0. NULL at the end. Entries may be
 * removed or replaced meanwhile, not added. */
const struct htab_item *htab_next(const struct htab *h, unsigned *at);

#endif
