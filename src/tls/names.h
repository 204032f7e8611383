/* names.h - an index of host names: exact ones and wildcards of one label.
 *
 * All threads read it without a lock; one thread at a time may change it meanwhile (base/epoch.h:
 * what a reader got is good until its next quiescent point). */
#ifndef TLS_NAMES_H
#define TLS_NAMES_H

#include "base/slice.h"

#include <stdatomic.h>

/** What a name leads to; one name may lead to several values, in the order of insertion. */
struct name_ref {
    struct name_ref *_Atomic next;
    void *value;
};

struct name_slot {
    char *_Atomic name; /* lower case, heap; a wildcard without its asterisk: ".example.com" */
    uint64_t hash;
    struct name_ref *_Atomic first; /* NULL: all values were removed */
};

struct name_table {
    unsigned nslots; /* a power of two */
    struct name_slot slots[];
};

/** { 0 } is an empty index. */
struct names {
    struct name_table *_Atomic table;
    unsigned count; /* slots in use */
};

/** Longest name that is looked up: a host name has at most 253 bytes. */
#define NAMES_MAX 255

/** Enters `name` ("*.x" is a wildcard). Case does not matter. Out of memory ends the process. */
void names_add(struct names *n, struct slice name, void *value);
/** Puts `value` in the place of `old`, or at the end when that is not there. */
void names_replace(struct names *n, struct slice name, void *old, void *value);
/** Takes `value` out, if it is there. */
void names_remove(struct names *n, struct slice name, void *value);
/** The values of exactly `name`, which is in lower case. NULL: none. */
const struct name_ref *names_exact(const struct names *n, struct slice name);
/** The values of the wildcard that covers `name`: exactly its first label is replaced. */
const struct name_ref *names_wildcard(const struct names *n, struct slice name);
/** Lower case copy in `to`; false when `name` is empty, too long or holds bytes no name has. */
bool names_lower(struct slice name, char to[NAMES_MAX + 1]);
/** The next value of a name. */
static inline const struct name_ref *
name_ref_next(const struct name_ref *r)
{
    return atomic_load_explicit(&r->next, memory_order_acquire);
}
/** Nobody reads any more. */
void names_fini(struct names *n);

#endif
