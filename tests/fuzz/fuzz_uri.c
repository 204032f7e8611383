/* fuzz_uri.c - request targets: parts, parameters, encoding, normalisers, setters. */
#include <stdlib.h>

#include "http/auth.h"
#include "http/date.h"
#include "http/head.h"
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
    if (!ok)
        abort();
}

static bool
within(struct slice part, struct slice s)
{
    return !part.p || (part.p >= s.p && part.p + part.len <= s.p + s.len);
}

static void
parts(struct slice s)
{
    struct http_uri u = http_uri_split(s);
    unsigned port;

    check(within(u.scheme, s) && within(u.authority, s) && within(u.path, s) && within(u.query, s));
    check(within(http_uri_pathq(s), s) && u.path_at <= s.len);
    check(within(http_authority_split(u.authority, &port), s));
    struct http_param it = http_param_in_target(s, '?');
    while (http_param_next(&it))
        check(within(it.name, s) && within(it.value, s));
}

static void
coding(struct slice s)
{
    char *a = malloc(s.len * 3 + 1), *b = malloc(s.len * 3 + 1);
    size_t n = http_url_encode(s, a, s.len * 3);

    check(n != SIZE_MAX);
    size_t m = http_url_decode(slice(a, n), b, true);
    check(m == s.len && memcmp(b, s.p, m) == 0);
    n = http_url_decode(s, a, false);
    check(n == SIZE_MAX || n <= s.len);
    struct http_auth auth = http_auth_decode(s, a, s.len);
    check(within(auth.token, s) && within(auth.user, slice(a, s.len)));
    int64_t sec;
    if (http_date_parse(s, &sec))
        check(sec != INT64_MIN);
    free(a);
    free(b);
}

/* Normalisers must be idempotent, except decoding: what it decodes may complete another sequence.
 */
static void
normalize(struct slice s, bool option)
{
    struct arena arena;
    struct slice once, twice;

    arena_init(&arena, NULL, 0, 0);
    for (unsigned n = 0; n < HTTP_NORM_COUNT; n++) {
        enum http_normalizer id = (enum http_normalizer)n;
        if (http_uri_normalize(id, option, s, &arena, &once) != HTTP_NORM_CHANGED)
            continue;
        enum http_norm_result r = http_uri_normalize(id, option, once, &arena, &twice);
        check(id == HTTP_NORM_PERCENT_DECODE_UNRESERVED || id == HTTP_NORM_QUERY_SORT_BY_NAME ||
              r == HTTP_NORM_SAME);
    }
    arena_fini(&arena);
}

static void
setters(struct slice s)
{
    struct arena arena;
    struct http_head h;

    arena_init(&arena, NULL, 0, 0);
    http_head_init(&h, NULL, 0, &arena);
    h.target = s;
    check(http_set_path(&h, SL("/new")));
    check(slice_eq(http_uri_split(h.target).path, SL("/new")));
    check(http_set_query(&h, SL("q")));
    check(slice_eq(http_uri_pathq(h.target), SL("/new?q")));
    arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 4096)
        return 0;
    struct slice s = slice((const char *)data + 1, size - 1);

    parts(s);
    coding(s);
    normalize(s, data[0] & 1);
    setters(s);
    return 0;
}
