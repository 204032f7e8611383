/* regex.h - regular expressions (PCRE2 with JIT): bounded matching of untrusted text, captures,
 * replacement. */
#ifndef SAMPLE_REGEX_H
#define SAMPLE_REGEX_H

#include "base/out.h"

struct regex;

enum regex_flag {
    REGEX_ICASE = 1 << 0,
    REGEX_CAPTURES = 1 << 1, /* groups are wanted: regex_exec() gives them */
};

#define REGEX_GROUPS 10 /* \0 to \9 */

/** What the groups matched; p NULL: took no part. Slices of the subject. */
struct regex_captures {
    unsigned n; /* groups that the pattern has, at most REGEX_GROUPS */
    struct slice group[REGEX_GROUPS];
};

/** Compiles. NULL with *err (heap) "regex 'x' is invalid (error=..., erroffset=N)". Immutable
 * afterwards: any number of threads may match at once. */
MUST_CHECK struct regex *regex_new(struct slice pattern, unsigned flags, char **err);
void regex_free(struct regex **re);
/** Hands it to the module: freed when the process's configuration ends. */
void regex_keep(struct regex *re);
void regex_free_kept(void);

/** Whether `text` has a match. A text for which the match limit is reached (catastrophic
 * backtracking) does not match, and regex_limit_count() rises. */
HOT bool regex_match(const struct regex *re, struct slice text);
/** The same from offset `from`, with the groups (the regex must have been made with REGEX_CAPTURES
 * to have more than group 0). */
bool regex_exec(const struct regex *re, struct slice text, size_t from, struct regex_captures *cap);
/** Texts that were given up because of the limits, over all threads. */
unsigned long regex_limit_count(void);
/** Releases what the calling thread uses for matching. */
void regex_thread_fini(void);

/** Checks a replacement template: "\0".."\9" groups, "\xHH" bytes, "\c" the character c. False with
 * *err (heap). */
MUST_CHECK bool regex_check_replacement(struct slice repl, char **err);
/** Writes the template `repl` with the groups filled in. False when it did not fit. */
bool regex_expand(struct slice repl, const struct regex_captures *cap, struct out *o);
/** Writes `text` with the first match, or all of them, replaced. False when it did not fit. *count,
 * if given, receives the number of replacements. */
bool regex_replace(const struct regex *re, struct slice text, struct slice repl, bool all,
                   struct out *o, unsigned *count);

/** Strings of which at least one must occur in every text that matches: a cheap test before the
 * regex. Slices of the regex's own memory; compare without case when the regex is. */
struct regex_literals {
    unsigned n;    /* 0: nothing is known */
    bool anchored; /* the text must begin with it */
    const struct slice *s;
};
const struct regex_literals *regex_required(const struct regex *re);

#endif
