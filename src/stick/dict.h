/* dict.h - shared strings: many entries name few servers. */
#ifndef STICK_DICT_H
#define STICK_DICT_H

#include "base/slice.h"

/** A counted, immutable string. */
struct stick_name {
    struct stick_name *next;
    uint32_t hash, ref; /* under the dictionary's lock */
    uint32_t len;
    char s[]; /* NUL-terminated */
};

/** The string equal to `s`, made if needed, one reference for the caller. NULL when memory is out.
 */
MUST_CHECK struct stick_name *stick_name_get(struct slice s);
/** Gives a reference back; NULL is ignored. Any thread. */
void stick_name_put(struct stick_name *n);
/** Strings alive, for tests. */
unsigned stick_name_count(void);

#endif
