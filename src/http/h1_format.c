/* h1_format.c - HTTP/1 heads and chunk framing, out (RFC 9112, 3, 4 and 7). */
#include "http/h1.h"
#include "http/status.h"

#define LINE_OVERHEAD                                                                              \
    64u /* blanks, version, status, line ends of a start line and of the empty line */

size_t
h1_format_size(const struct http_head *head)
{
    size_t n = LINE_OVERHEAD + head->method.len + head->target.len + head->reason.len +
               head->version_str.len + http_reason(head->status).len;

    for (unsigned i = 0; i < head->nhdr; i++)
        n += head->hdr[i].name.len + head->hdr[i].value.len + 4;
    return n;
}

/* Appends without looking: the caller made sure that there is room. */
static inline char *
put(char *to, const char *p, size_t len)
{
    if (len)
        memcpy(to, p, len);
    return to + len;
}

#define PUT_LIT(to, lit) put((to), (lit), sizeof(lit) - 1)

static inline char *
put_slice(char *to, struct slice s)
{
    return put(to, s.p, s.len);
}

/* From 1.1 on we speak 1.1, whatever the peer's minor version; older or odd ones go out as they
 * came. */
static char *
put_version(char *to, const struct http_head *head)
{
    if (likely(head->version >= 11))
        return PUT_LIT(to, "HTTP/1.1");
    return head->version_str.len ? put_slice(to, head->version_str) : PUT_LIT(to, "HTTP/1.0");
}

/* Do name and value stand in memory as they are written? Addresses that agree by chance do no harm:
 * the bytes between are what would be written. */
static inline bool
is_canonical(const struct http_hdr *f)
{
    return f->value.p == f->name.p + f->name.len + 2 && memcmp(f->value.p - 2, ": ", 2) == 0;
}

/* Does the field follow the run in memory, one line end between them? */
static inline bool
follows(struct slice run, const struct http_hdr *f)
{
    const char *end = run.p + run.len;

    return f->name.p == end + 2 && memcmp(end, "\r\n", 2) == 0;
}

static inline char *
put_run(char *to, struct slice run)
{
    return run.p ? PUT_LIT(put_slice(to, run), "\r\n") : to;
}

static char *
put_fields(char *to, const struct http_head *head, const struct h1_case_map *map)
{
    struct slice run = SLICE_NONE; /* fields that stand in the buffer as they are written */

    for (unsigned i = 0; i < head->nhdr; i++) {
        const struct http_hdr *f = &head->hdr[i];
        if (!f->name.p)
            continue;
        if (likely(is_canonical(f) && !map)) {
            if (run.p && follows(run, f)) {
                run.len = (size_t)(f->value.p + f->value.len - run.p);
                continue;
            }
            to = put_run(to, run);
            run = slice(f->name.p, f->name.len + 2 + f->value.len);
            continue;
        }
        to = put_run(to, run);
        run = SLICE_NONE;
        to = put_slice(to, unlikely(map != NULL) ? h1_case_map_find(map, f->name) : f->name);
        to = PUT_LIT(to, ": ");
        to = put_slice(to, f->value);
        to = PUT_LIT(to, "\r\n");
    }
    to = put_run(to, run);
    return PUT_LIT(to, "\r\n");
}

static char *
begin(const struct http_head *head, struct out *o)
{
    if (unlikely(o->size - o->len < h1_format_size(head))) {
        o->full = true;
        return NULL;
    }
    return o->p + o->len;
}

void
h1_format_request(const struct http_head *head, const struct h1_case_map *map, struct out *o)
{
    char *to = begin(head, o);

    if (!to)
        return;
    to = put_slice(to, head->method);
    *to++ = ' ';
    to = put_slice(to, head->target);
    *to++ = ' ';
    to = put_version(to, head);
    to = PUT_LIT(to, "\r\n");
    o->len = (size_t)(put_fields(to, head, map) - o->p);
}

void
h1_format_response(const struct http_head *head, const struct h1_case_map *map, struct out *o)
{
    char *to = begin(head, o);
    char digits[8];
    size_t n = sizeof(digits);

    if (!to)
        return;
    to = put_version(to, head);
    *to++ = ' ';
    for (unsigned s = head->status; n > 3 || (s && n); s /= 10)
        digits[--n] = (char)('0' + s % 10);
    while (n < sizeof(digits) - 3 && digits[n] == '0')
        n++;
    to = put(to, digits + n, sizeof(digits) - n);
    *to++ = ' ';
    to = put_slice(to, head->reason.len ? head->reason : http_reason(head->status));
    to = PUT_LIT(to, "\r\n");
    o->len = (size_t)(put_fields(to, head, map) - o->p);
}

void
h1_chunk_header(struct out *o, uint64_t size)
{
    out_hex(o, size);
    out_lit(o, "\r\n");
}

void
h1_chunk_end(const struct http_head *trailers, const struct h1_case_map *map, struct out *o)
{
    out_lit(o, "0\r\n");
    if (!trailers) {
        out_lit(o, "\r\n");
        return;
    }
    char *to = begin(trailers, o);
    if (to)
        o->len = (size_t)(put_fields(to, trailers, map) - o->p);
}
