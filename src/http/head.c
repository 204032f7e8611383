/* head.c - message heads: lookups by name, values of lists. */
#include "http/head.h"

void
http_head_init(struct http_head *h, struct http_hdr *hdr, unsigned hdr_max, struct arena *arena)
{
    *h = (struct http_head){ .hdr = hdr, .hdr_max = hdr_max, .arena = arena };
}

void
http_head_reset(struct http_head *h)
{
    http_head_init(h, h->hdr, h->hdr_max, h->arena);
}

static const struct slice method_names[] = {
#define X(name) [HTTP_##name] = { #name, sizeof(#name) - 1 },
    HTTP_METHODS(X)
#undef X
};

enum http_method
http_method_of(struct slice name)
{
    if (likely(name.len == 3 && memcmp(name.p, "GET", 3) == 0))
        return HTTP_GET;
    if (name.len == 4 && memcmp(name.p, "POST", 4) == 0)
        return HTTP_POST;
    for (unsigned i = 0; i < COUNT_OF(method_names); i++)
        if (slice_eq(name, method_names[i]))
            return (enum http_method)i;
    return HTTP_OTHER;
}

struct slice
http_method_name(enum http_method m)
{
    return (unsigned)m < COUNT_OF(method_names) ? method_names[m] : SLICE_NONE;
}

struct http_hdr *
http_hdr_last(const struct http_head *h, struct slice name)
{
    struct http_hdr *f, *last = NULL;
    unsigned pos = 0;

    while ((f = http_hdr_next(h, name, &pos)))
        last = f;
    return last;
}

unsigned
http_hdr_count(const struct http_head *h)
{
    unsigned n = 0;

    for (unsigned i = 0; i < h->nhdr; i++)
        n += h->hdr[i].name.p != NULL;
    return n;
}

/* ---- lists -------------------------------------------------------------------------------------
 */

/* Offset of the comma that ends the element at `at`, or the length. A quoted string hides commas,
 * a backslash in it hides a quote (RFC 9110, 5.6.4). */
static size_t
element_end(struct slice v, size_t at)
{
    bool quoted = false;

    for (; at < v.len; at++) {
        char c = v.p[at];
        if (quoted && c == '\\') {
            if (++at == v.len)
                break;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            break;
        }
    }
    return at;
}

bool
http_list_next(struct slice *rest, struct slice *element)
{
    if (!rest->p)
        return false;
    size_t end = element_end(*rest, 0);
    *element = slice_trim(slice(rest->p, end));
    *rest = end < rest->len ? slice(rest->p + end + 1, rest->len - end - 1) : SLICE_NONE;
    return true;
}

bool
http_list_has(struct slice list, struct slice token)
{
    struct slice item;

    if (slice_eq_nocase(list, token))
        return true;
    while (http_list_next(&list, &item))
        if (slice_eq_nocase(item, token))
            return true;
    return false;
}

/* The element at it->at of the current header. */
static bool
next_element(struct http_val *it)
{
    struct slice v = it->hdr->value;

    if (it->at > v.len)
        return false;
    size_t end = element_end(v, it->at);
    it->value = slice_trim(slice(v.p + it->at, end - it->at));
    it->at = end + 1;
    return true;
}

bool
http_val_next(const struct http_head *h, struct slice name, struct http_val *it)
{
    if (!it->full && it->hdr && next_element(it))
        return true;
    it->hdr = http_hdr_next(h, name, &it->pos);
    if (!it->hdr)
        return false;
    it->at = 0;
    if (!it->full)
        return next_element(it);
    it->value = it->hdr->value;
    return true;
}

unsigned
http_val_count(const struct http_head *h, struct slice name, bool full)
{
    struct http_val it = { .full = full };
    unsigned n = 0;

    while (http_val_next(h, name, &it))
        n++;
    return n;
}

bool
http_val_nth(const struct http_head *h, struct slice name, int occ, bool full, struct slice *value)
{
    struct http_val it = { .full = full };
    bool last = occ == 0 || occ == -1, found = false;
    unsigned want = (unsigned)occ;

    if (occ < 0 && !last) {
        unsigned n = http_val_count(h, name, full), back = 0u - (unsigned)occ;
        if (back > n)
            return false;
        want = n - back + 1;
    }
    while (http_val_next(h, name, &it)) {
        if (!last && --want != 0)
            continue;
        *value = it.value;
        found = true;
        if (!last)
            break;
    }
    return found;
}
