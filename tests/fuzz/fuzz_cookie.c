/* fuzz_cookie.c - Cookie and Set-Cookie headers, comma separated lists. */
#include <stdlib.h>

#include "http/cookie.h"

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
    return part.p >= s.p && part.p + part.len <= s.p + s.len;
}

static void
cookies(struct slice s, bool response)
{
    struct http_cookie c = { .at = 0 };
    struct arena arena;
    struct slice out;
    size_t last = 0;

    arena_init(&arena, NULL, 0, 0);
    while (http_cookie_next(s, response, &c)) {
        check(within(c.name, s) && within(c.value, s));
        check(c.from >= last && c.from <= c.to && c.to <= s.len && c.at > last);
        last = c.to;
        check(http_cookie_remove(&arena, s, &c, &out));
        check(out.len <= s.len + 1);
    }
    arena_fini(&arena);
}

static void
lists(struct slice s)
{
    struct http_hdr hdr[2] = { { SL("x"), s }, { SL("x"), s } };
    struct http_head h = { .hdr = hdr, .nhdr = 2, .hdr_max = 2 };
    struct http_val it = { .full = false };
    struct slice v, rest = s, item;
    unsigned n = 0;

    while (http_val_next(&h, SL("x"), &it)) {
        check(within(it.value, s));
        n++;
    }
    check(n == http_val_count(&h, SL("x"), false) && n % 2 == 0);
    while (http_list_next(&rest, &item))
        check(within(item, s));
    check(http_val_nth(&h, SL("x"), (int)n, false, &v));
    check(http_val_nth(&h, SL("x"), -(int)n, false, &v));
    check(!http_val_nth(&h, SL("x"), (int)n + 1, false, &v));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 2048)
        return 0;
    char *copy = malloc(size + 1); /* not NULL, and no byte longer than what may be read */
    if (size)
        memcpy(copy, data, size);
    struct slice s = slice(copy, size);
    cookies(s, false);
    cookies(s, true);
    lists(s);
    free(copy);
    return 0;
}
