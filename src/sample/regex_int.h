/* regex_int.h - the literal strings that a regex requires: for regex.c and the tests. */
#ifndef SAMPLE_REGEX_INT_H
#define SAMPLE_REGEX_INT_H

#include "sample/regex.h"

#define REGEX_LITERALS_MAX 16 /* alternatives */
#define REGEX_LITERAL_LEN  32 /* bytes of one; more are cut off */

struct regex_lits {
    struct regex_literals found;
    struct slice s[REGEX_LITERALS_MAX];
    char *mem;
};

/** Finds strings of which one must occur in every match of a valid pattern. Knows nothing (n = 0)
 * rather than risk it. */
void regex_lits_find(struct slice pattern, bool icase, struct regex_lits *out);
void regex_lits_fini(struct regex_lits *l);

#endif
