/* normalize.c - the normalisers of `http-request normalize-uri` (RFC 3986, 6.2.2; manual, 4.2).
 * Each one maps a path with its query to another one that is at most three times as long. What
 * stands in front of the path is never touched. */
#include "base/out.h"
#include "http/uri.h"

#include <stdlib.h>

/* in: from the first slash of the path to the end. False: broken percent sequence and `option` is
 * set. */
typedef bool normalize_fn(struct slice in, bool option, struct out *o);

/* The byte that a percent sequence at s.p[i] stands for, or -1. */
static int
percent_byte(struct slice s, size_t i)
{
    if (i + 2 >= s.len)
        return -1;
    int hi = http_hex_value(s.p[i + 1]), lo = http_hex_value(s.p[i + 2]);
    return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

static bool
fragment_encode(struct slice in, bool option, struct out *o)
{
    for (size_t i = 0; i < in.len; i++)
        if (in.p[i] == '#')
            out_lit(o, "%23");
        else
            out_char(o, in.p[i]);
    return true;
}

static bool
fragment_strip(struct slice in, bool option, struct out *o)
{
    struct slice rest;

    out_slice_put(o, slice_cut(in, '#', &rest));
    return true;
}

/* Splits at the '?', which goes with the query. */
static struct slice
path_of(struct slice in, struct slice *query)
{
    size_t at = slice_find(in, '?', 0);

    if (at == SIZE_MAX)
        at = in.len;
    *query = slice(in.p + at, in.len - at);
    return slice(in.p, at);
}

static bool
merge_slashes(struct slice in, bool option, struct out *o)
{
    struct slice query, path = path_of(in, &query);

    for (size_t i = 0; i < path.len; i++)
        if (path.p[i] != '/' || i == 0 || path.p[i - 1] != '/')
            out_char(o, path.p[i]);
    out_slice_put(o, query);
    return true;
}

/* Cuts the next segment (without its leading slash) off a path that begins with a slash. */
static bool
next_segment(struct slice *path, struct slice *segment)
{
    if (path->len == 0)
        return false;
    size_t end = slice_find(*path, '/', 1);
    if (end == SIZE_MAX)
        end = path->len;
    *segment = slice(path->p + 1, end - 1);
    *path = slice(path->p + end, path->len - end);
    return true;
}

static bool
strip_dot(struct slice in, bool option, struct out *o)
{
    struct slice query, path = path_of(in, &query), seg;

    while (next_segment(&path, &seg)) {
        bool dot = slice_eq(seg, SL("."));
        if (dot && path.len)
            continue;
        out_char(o, '/');
        if (!dot)
            out_slice_put(o, seg);
    }
    out_slice_put(o, query);
    return true;
}

/* Takes the last segment off the output, unless it is a ".." that had to stay. */
static bool
pop_segment(struct out *o)
{
    size_t at = o->len;

    while (at && o->p[at - 1] != '/')
        at--;
    if (at == 0 || slice_eq(slice(o->p + at, o->len - at), SL("..")))
        return false;
    o->len = at - 1;
    return true;
}

static bool
strip_dotdot(struct slice in, bool full, struct out *o)
{
    struct slice query, path = path_of(in, &query), seg;

    while (next_segment(&path, &seg)) {
        bool up = slice_eq(seg, SL(".."));
        if (!up || (!pop_segment(o) && !full)) {
            out_char(o, '/');
            out_slice_put(o, seg);
        }
        if (up && path.len == 0)
            out_char(o, '/');
    }
    out_slice_put(o, query);
    return true;
}

static bool
decode_unreserved(struct slice in, bool strict, struct out *o)
{
    for (size_t i = 0; i < in.len; i++) {
        int byte = in.p[i] == '%' ? percent_byte(in, i) : 0;
        if (byte < 0 && strict)
            return false;
        if (in.p[i] == '%' && byte >= 0 && http_is_unreserved(byte)) {
            out_char(o, (char)byte);
            i += 2;
        } else {
            out_char(o, in.p[i]);
        }
    }
    return true;
}

static bool
percent_upper(struct slice in, bool strict, struct out *o)
{
    for (size_t i = 0; i < in.len; i++) {
        out_char(o, in.p[i]);
        if (in.p[i] != '%')
            continue;
        if (percent_byte(in, i) >= 0) {
            out_char(o, (char)ascii_upper((unsigned char)in.p[i + 1]));
            out_char(o, (char)ascii_upper((unsigned char)in.p[i + 2]));
            i += 2;
        } else if (strict) {
            return false;
        }
    }
    return true;
}

/* By name, then by place: stable whatever the C library's qsort does. */
static int
compare_param(const void *pa, const void *pb)
{
    const struct slice *a = pa, *b = pb;
    struct slice rest;
    int c = slice_cmp(slice_cut(*a, '=', &rest), slice_cut(*b, '=', &rest));

    return c ? c : (a->p > b->p) - (a->p < b->p);
}

/* Needs an array of parameters, so it does not fit normalize_fn. An empty last parameter is lost.
 */
static bool
sort_query(struct slice query, struct arena *arena, struct out *o)
{
    size_t max = 1, n = 0;
    struct slice rest = query;

    for (size_t i = 0; i < query.len; i++)
        max += query.p[i] == '&';
    struct slice *v = arena_alloc(arena, max * sizeof(*v));
    if (!v)
        return false;
    while (rest.p && rest.len)
        v[n++] = slice_cut(rest, '&', &rest);
    qsort(v, n, sizeof(*v), compare_param);
    for (size_t i = 0; i < n; i++) {
        if (i)
            out_char(o, '&');
        out_slice_put(o, v[i]);
    }
    return true;
}

static const struct {
    const char *name, *option;
} names[] = {
#define X(id, name, option) [HTTP_NORM_##id] = { name, option },
    HTTP_NORMALIZERS(X)
#undef X
};

static normalize_fn *const runs[HTTP_NORM_COUNT] = {
    [HTTP_NORM_FRAGMENT_ENCODE] = fragment_encode,
    [HTTP_NORM_FRAGMENT_STRIP] = fragment_strip,
    [HTTP_NORM_PATH_MERGE_SLASHES] = merge_slashes,
    [HTTP_NORM_PATH_STRIP_DOT] = strip_dot,
    [HTTP_NORM_PATH_STRIP_DOTDOT] = strip_dotdot,
    [HTTP_NORM_PERCENT_DECODE_UNRESERVED] = decode_unreserved,
    [HTTP_NORM_PERCENT_TO_UPPERCASE] = percent_upper,
    [HTTP_NORM_QUERY_SORT_BY_NAME] = NULL, /* sort_query() */
};

const char *
http_normalizer_name(enum http_normalizer n)
{
    return names[n].name;
}

const char *
http_normalizer_option(enum http_normalizer n)
{
    return names[n].option;
}

/* Room for the worst case: every byte of the path grows to three, plus a slash. */
static size_t
size_max(enum http_normalizer n, struct slice target)
{
    return n == HTTP_NORM_FRAGMENT_ENCODE ? target.len * 3 + 1 : target.len + 1;
}

enum http_norm_result
http_uri_normalize(enum http_normalizer n, bool option, struct slice target, struct arena *arena,
                   struct slice *out)
{
    struct http_uri u = http_uri_split(target);
    struct slice pathq = http_uri_pathq(target);
    struct slice query = u.query;
    bool sort = n == HTTP_NORM_QUERY_SORT_BY_NAME;

    if (pathq.len == 0 || (sort && query.len == 0))
        return HTTP_NORM_SAME;
    struct out o = { arena_alloc(arena, size_max(n, target)), 0, size_max(n, target), false };
    if (!o.p)
        return HTTP_NORM_FAILED;
    if (sort) {
        out_mem(&o, target.p, (size_t)(query.p - target.p));
        if (!sort_query(query, arena, &o))
            return HTTP_NORM_FAILED;
    } else {
        struct out part = { o.p + u.path_at, 0, o.size - u.path_at, false };
        out_mem(&o, target.p, u.path_at);
        if (!runs[n](pathq, option, &part))
            return HTTP_NORM_INVALID;
        o.len += part.len;
    }
    *out = out_slice(&o);
    return slice_eq(*out, target) ? HTTP_NORM_SAME : HTTP_NORM_CHANGED;
}
