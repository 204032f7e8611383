/* slice.c - operations on borrowed runs of bytes. */
#include "base/slice.h"

bool
slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower((unsigned char)a.p[i]) != ascii_lower((unsigned char)b.p[i]))
            return false;
    return true;
}

bool
slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

bool
slice_starts_nocase(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq_nocase(slice(s.p, prefix.len), prefix);
}

bool
slice_ends(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len && slice_eq(slice(s.p + s.len - suffix.len, suffix.len), suffix);
}

bool
slice_ends_nocase(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len &&
           slice_eq_nocase(slice(s.p + s.len - suffix.len, suffix.len), suffix);
}

size_t
slice_find(struct slice s, char c, size_t from)
{
    if (from >= s.len)
        return SIZE_MAX;
    const char *at = memchr(s.p + from, c, s.len - from);
    return at ? (size_t)(at - s.p) : SIZE_MAX;
}

size_t
slice_search(struct slice s, struct slice needle)
{
    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return SIZE_MAX;
    const char *at = memmem(s.p, s.len, needle.p, needle.len);
    return at ? (size_t)(at - s.p) : SIZE_MAX;
}

size_t
slice_search_nocase(struct slice s, struct slice needle)
{
    for (size_t i = 0; i + needle.len <= s.len; i++)
        if (slice_eq_nocase(slice(s.p + i, needle.len), needle))
            return i;
    return SIZE_MAX;
}

struct slice
slice_trim(struct slice s)
{
    while (s.len && (s.p[0] == ' ' || s.p[0] == '\t'))
        s.p++, s.len--;
    while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

struct slice
slice_sub(struct slice s, size_t from, size_t len)
{
    if (from > s.len)
        from = s.len;
    return slice(s.p + from, MIN(len, s.len - from));
}

struct slice
slice_cut(struct slice s, char c, struct slice *rest)
{
    size_t at = slice_find(s, c, 0);

    if (at == SIZE_MAX) {
        *rest = SLICE_NONE;
        return s;
    }
    *rest = slice(s.p + at + 1, s.len - at - 1);
    return slice(s.p, at);
}

bool
slice_to_uint(struct slice s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned d = (unsigned char)s.p[i] - (unsigned)'0';
        if (d > 9 || __builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, d, &v))
            return false;
    }
    *out = v;
    return true;
}

bool
slice_to_int(struct slice s, int64_t *out)
{
    bool neg = s.len && s.p[0] == '-';
    uint64_t v;

    if (s.len && (s.p[0] == '-' || s.p[0] == '+'))
        s.p++, s.len--;
    if (!slice_to_uint(s, &v))
        return false;
    if (v > (uint64_t)INT64_MAX + (neg ? 1 : 0))
        return false;
    *out = neg ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

int
slice_cmp(struct slice a, struct slice b)
{
    size_t n = MIN(a.len, b.len);
    int c = n ? memcmp(a.p, b.p, n) : 0;

    if (c)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}
