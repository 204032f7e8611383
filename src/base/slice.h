/* slice.h - a borrowed run of bytes. Not NUL-terminated; may hold NUL. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include "base/base.h"

#include <string.h>

struct slice {
    const char *p;
    size_t len;
};

/** A slice of a string literal. */
#define SL(lit)    ((struct slice){ (lit), sizeof(lit) - 1 })
#define SLICE_NONE ((struct slice){ NULL, 0 })
/** For printf("%.*s", SLF(s)). */
#define SLF(s) (int)(s).len, (s).p

static inline struct slice
slice(const char *p, size_t len)
{
    return (struct slice){ p, len };
}

/** The same of bytes of any type. */
static inline struct slice
slice_bytes(const void *p, size_t len)
{
    return (struct slice){ p, len };
}

static inline struct slice
slice_str(const char *s)
{
    return (struct slice){ s, s ? strlen(s) : 0 };
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline unsigned char
ascii_lower(unsigned char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static inline unsigned char
ascii_upper(unsigned char c)
{
    return (unsigned char)(c >= 'a' && c <= 'z' ? c & ~0x20 : c);
}

/** ASCII case-insensitive comparison. */
bool slice_eq_nocase(struct slice a, struct slice b);

static inline bool
slice_eq_str(struct slice a, const char *s)
{
    return slice_eq(a, slice_str(s));
}

/** Predicates; an empty prefix or suffix always matches, `nocase` folds ASCII letters only. */
bool slice_starts(struct slice s, struct slice prefix);
bool slice_starts_nocase(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
bool slice_ends_nocase(struct slice s, struct slice suffix);
/** Offset of the first `c` at or after `from`, or SIZE_MAX. */
size_t slice_find(struct slice s, char c, size_t from);
/** Offset of the first occurrence of `needle`, or SIZE_MAX. An empty needle is found at 0. */
size_t slice_search(struct slice s, struct slice needle);
size_t slice_search_nocase(struct slice s, struct slice needle);
/** Without leading and trailing spaces and tabs. */
struct slice slice_trim(struct slice s);
/** From `from` (clamped) up to `len` bytes. */
struct slice slice_sub(struct slice s, size_t from, size_t len);
/** Splits at the first `c`: the part before is returned, *rest is what follows it (p NULL if no
 * `c`). */
struct slice slice_cut(struct slice s, char c, struct slice *rest);

/** Parses all of `s` as a decimal integer with an optional sign. False on junk, emptiness or
 * overflow. */
MUST_CHECK bool slice_to_int(struct slice s, int64_t *out);
/** The same, unsigned digits only. */
MUST_CHECK bool slice_to_uint(struct slice s, uint64_t *out);

/** memcmp order, then length. */
int slice_cmp(struct slice a, struct slice b);

#endif
