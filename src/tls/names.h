/* names.h - an index of host names: exact ones and wildcards of one label. Built once, then read by
 * all threads. */
#ifndef TLS_NAMES_H
#define TLS_NAMES_H

#include "base/slice.h"

/** What a name leads to; one name may lead to several values, in the order of insertion. */
struct name_ref {
    struct name_ref *next;
    void *value;
};

struct name_slot {
    char *name; /* lower case, heap; a wildcard without its asterisk: ".example.com" */
    uint64_t hash;
    struct name_ref *first, *last;
};

/** { 0 } is an empty index. */
struct names {
    struct name_slot *slots;
    unsigned nslots, count; /* nslots: a power of two */
};

/** Longest name that is looked up: a host name has at most 253 bytes. */
#define NAMES_MAX 255

/** Enters `name` ("*.x" is a wildcard). Case does not matter. Out of memory ends the process
 * (start-up code). */
void names_add(struct names *n, struct slice name, void *value);
/** The values of exactly `name`, which is in lower case. NULL: none. */
const struct name_ref *names_exact(const struct names *n, struct slice name);
/** The values of the wildcard that covers `name`: exactly its first label is replaced. */
const struct name_ref *names_wildcard(const struct names *n, struct slice name);
/** Lower case copy in `to`; false when `name` is empty, too long or holds bytes no name has. */
bool names_lower(struct slice name, char to[NAMES_MAX + 1]);
void names_fini(struct names *n);

#endif
