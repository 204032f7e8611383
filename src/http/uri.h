/* uri.h - request targets: parts, percent encoding, parameters, normalisation (RFC 3986, RFC
 * 9112 3.2). */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include "base/arena.h"
#include "base/slice.h"

/** Value of a hexadecimal digit, or -1. */
static inline int
http_hex_value(char ch)
{
    unsigned char c = ascii_lower((unsigned char)ch);

    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Letters, digits, "-._~" (RFC 3986, 2.3). */
static inline bool
http_is_unreserved(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

struct http_uri {
    struct slice scheme;    /* absolute form only, else p == NULL */
    struct slice authority; /* host[:port]; absolute and authority form, else p == NULL */
    struct slice path;      /* from the first slash up to '?'; empty when there is none */
    struct slice query;     /* behind the first '?'; p == NULL when there is none */
    size_t path_at;         /* offset of the path, or of where it would be */
};

/** Parts of a target. Borrows from it. A fragment (relaxed parsing only) stays in path or query. */
struct http_uri http_uri_split(struct slice target);
/** Path and query in one slice, empty when there is no path. */
struct slice http_uri_pathq(struct slice target);
/** Splits host[:port]. *port is the number after the last colon outside brackets, 0 when there is
 * none or it is not a number up to 65535. Returns the host, brackets included. */
struct slice http_authority_split(struct slice authority, unsigned *port);
/** Default port of a scheme (ASCII case-insensitive): 80, 443, or 0. */
unsigned http_scheme_port(struct slice scheme);

/** Percent-decodes `s` into `to`, which has room for s.len bytes and may be s.p itself. '+' becomes
 * a blank behind the first '?', with `in_form` everywhere. Returns the length, or SIZE_MAX when a
 * '%' is not followed by two hexadecimal digits. */
size_t http_url_decode(struct slice s, char *to, bool in_form);
/** Percent-encodes every byte that is not unreserved (RFC 3986, 2.3) into `to`.
 *  Returns the length, or SIZE_MAX when `size` is too small. */
size_t http_url_encode(struct slice s, char *to, size_t size);

/** Length of a scheme followed by "://" at the beginning of a target, 0 when there is none. */
size_t http_scheme_len(struct slice target);

/** Parameters of a query string or form body. Start with { .rest = query, .delim = '?' }. */
struct http_param {
    struct slice rest; /* not read yet */
    char delim;        /* ends a parameter, besides '&' and ';' */
    struct slice name;
    struct slice value; /* p == NULL when there is no '=' */
};

/** Next parameter, empty ones included. False at the end. */
bool http_param_next(struct http_param *it);
/** Next parameter that has a '=' and the given name (empty: any name). `nocase`: the case of the
 * name does not matter. The value is in it->value; nothing is decoded. */
MUST_CHECK bool http_param_find(struct http_param *it, struct slice name, bool nocase);
/** Begins the search in a target, behind the first `delim` ('?' unless configured otherwise). */
struct http_param http_param_in_target(struct slice target, char delim);

/* ---- http-request normalize-uri ----------------------------------------------------------------
 */

#define HTTP_NORMALIZERS(X)                                                                        \
    X(FRAGMENT_ENCODE, "fragment-encode", NULL)                                                    \
    X(FRAGMENT_STRIP, "fragment-strip", NULL)                                                      \
    X(PATH_MERGE_SLASHES, "path-merge-slashes", NULL)                                              \
    X(PATH_STRIP_DOT, "path-strip-dot", NULL)                                                      \
    X(PATH_STRIP_DOTDOT, "path-strip-dotdot", "full")                                              \
    X(PERCENT_DECODE_UNRESERVED, "percent-decode-unreserved", "strict")                            \
    X(PERCENT_TO_UPPERCASE, "percent-to-uppercase", "strict")                                      \
    X(QUERY_SORT_BY_NAME, "query-sort-by-name", NULL)

enum http_normalizer {
#define X(id, name, option) HTTP_NORM_##id,
    HTTP_NORMALIZERS(X)
#undef X
        HTTP_NORM_COUNT,
};

enum http_norm_result {
    HTTP_NORM_SAME,    /* nothing to do */
    HTTP_NORM_CHANGED, /* *out is the new target, in the arena */
    HTTP_NORM_INVALID, /* strict, and the target has a broken percent sequence: 400 */
    HTTP_NORM_FAILED,  /* the arena is exhausted: 500 */
};

/** Applies one normaliser to a target. `option`: the `full` or `strict` of its row. */
MUST_CHECK enum http_norm_result http_uri_normalize(enum http_normalizer n, bool option,
                                                    struct slice target, struct arena *arena,
                                                    struct slice *out);
/** Name of a normaliser and of its only option (NULL: none). */
const char *http_normalizer_name(enum http_normalizer n);
const char *http_normalizer_option(enum http_normalizer n);

#endif
