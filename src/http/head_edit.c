/* head_edit.c - edits of message heads. Strings go to the arena, the receive buffer is never
 * written. */
#include "base/out.h"
#include "http/head.h"
#include "http/status.h"
#include "http/uri.h"

static bool
dup_slice(struct arena *a, struct slice s, struct slice *out)
{
    char *p = a ? arena_alloc(a, s.len ? s.len : 1) : NULL;

    if (!p)
        return false;
    if (s.len)
        memcpy(p, s.p, s.len);
    *out = slice(p, s.len);
    return true;
}

static bool
dup_lower(struct arena *a, struct slice s, struct slice *out)
{
    if (!dup_slice(a, s, out))
        return false;
    char *p = (char *)(uintptr_t)out->p;
    for (size_t i = 0; i < s.len; i++)
        p[i] = (char)ascii_lower((unsigned char)p[i]);
    return true;
}

/* ---- start line --------------------------------------------------------------------------------
 */

static void
line_edited(struct http_head *h)
{
    h->flags |= HTTP_HF_MODIFIED | HTTP_HF_LINE_MODIFIED;
}

bool
http_set_method(struct http_head *h, struct slice method)
{
    if (!dup_slice(h->arena, method, &h->method))
        return false;
    h->meth = http_method_of(method);
    line_edited(h);
    return true;
}

/* A new absolute target moves the host header along, so that both agree. */
bool
http_set_target(struct http_head *h, struct slice target)
{
    if (!dup_slice(h->arena, target, &h->target))
        return false;
    line_edited(h);
    struct http_uri u = http_uri_split(h->target);
    struct http_hdr *f = http_hdr_first(h, SL("host"));
    if (u.scheme.p) {
        h->host = u.authority;
        if (f)
            f->value = u.authority;
    }
    return true;
}

/* Replaces target[from, to) by `lead` and `by`. */
static bool
splice_target(struct http_head *h, size_t from, size_t to, struct slice lead, struct slice by)
{
    size_t len = from + lead.len + by.len + (h->target.len - to);
    char *p = h->arena ? arena_alloc(h->arena, len + 1) : NULL;

    if (!p)
        return false;
    struct out o = { p, 0, len, false };
    out_mem(&o, h->target.p, from);
    out_slice_put(&o, lead);
    out_slice_put(&o, by);
    out_mem(&o, h->target.p + to, h->target.len - to);
    h->target = out_slice(&o);
    line_edited(h);
    return true;
}

bool
http_set_path(struct http_head *h, struct slice path)
{
    struct http_uri u = http_uri_split(h->target);
    size_t end = u.query.p ? (size_t)(u.query.p - h->target.p) - 1 : h->target.len;

    return splice_target(h, u.path_at, end, SLICE_NONE, path);
}

bool
http_set_pathq(struct http_head *h, struct slice pathq)
{
    struct http_uri u = http_uri_split(h->target);

    return splice_target(h, u.path_at, h->target.len, SLICE_NONE, pathq);
}

bool
http_set_query(struct http_head *h, struct slice query)
{
    struct http_uri u = http_uri_split(h->target);
    bool mark = u.query.p ? query.p != NULL : query.len != 0;
    size_t from = u.query.p ? (size_t)(u.query.p - h->target.p) - 1 : h->target.len;

    return splice_target(h, from, h->target.len, mark ? SL("?") : SLICE_NONE, query);
}

bool
http_set_status(struct http_head *h, unsigned status, struct slice reason)
{
    if (!reason.p)
        h->reason = http_reason(status);
    else if (!dup_slice(h->arena, reason, &h->reason))
        return false;
    h->status = status;
    line_edited(h);
    return true;
}

/* ---- fields -------------------------------------------------------------------------------------
 */

/* A header called `name` came, went or changed. */
static void
field_edited(struct http_head *h, struct slice name)
{
    h->flags |= HTTP_HF_MODIFIED;
    if (unlikely(slice_eq(name, SL("content-length")) || slice_eq(name, SL("transfer-encoding"))))
        h->flags |= HTTP_HF_FRAMING_MODIFIED;
}

/* The host header of a request changed: the authority of an absolute target follows. */
static bool
host_edited(struct http_head *h, struct slice name, struct slice value)
{
    if (h->is_response || !slice_eq(name, SL("host")))
        return true;
    struct http_uri u = http_uri_split(h->target);
    if (u.scheme.p) {
        size_t at = (size_t)(u.authority.p - h->target.p);
        if (!splice_target(h, at, at + u.authority.len, SLICE_NONE, value))
            return false;
    }
    h->host = value;
    return true;
}

/* Makes room for one more header: only when the table is full are the deleted ones squeezed out. */
static bool
has_room(struct http_head *h)
{
    unsigned n = 0;

    if (likely(h->nhdr < h->hdr_max))
        return true;
    for (unsigned i = 0; i < h->nhdr; i++)
        if (h->hdr[i].name.p)
            h->hdr[n++] = h->hdr[i];
    h->nhdr = n;
    return n < h->hdr_max;
}

bool
http_hdr_add_ref(struct http_head *h, struct slice name, struct slice value)
{
    if (!has_room(h))
        return false;
    h->hdr[h->nhdr++] = (struct http_hdr){ name, value };
    field_edited(h, name);
    return true;
}

static bool
dup_field(struct http_head *h, struct slice name, struct slice value, struct http_hdr *f)
{
    return dup_lower(h->arena, name, &f->name) && dup_slice(h->arena, value, &f->value);
}

bool
http_hdr_add(struct http_head *h, struct slice name, struct slice value)
{
    struct http_hdr f;

    return has_room(h) && dup_field(h, name, value, &f) && http_hdr_add_ref(h, f.name, f.value);
}

bool
http_hdr_add_value(struct http_head *h, struct slice name, struct slice value)
{
    struct slice copy;

    return has_room(h) && dup_slice(h->arena, value, &copy) && http_hdr_add_ref(h, name, copy);
}

bool
http_hdr_prepend(struct http_head *h, struct slice name, struct slice value)
{
    struct http_hdr f;

    if (!has_room(h) || !dup_field(h, name, value, &f))
        return false;
    memmove(h->hdr + 1, h->hdr, h->nhdr * sizeof(*h->hdr));
    h->hdr[0] = f;
    h->nhdr++;
    field_edited(h, f.name);
    return true;
}

/* Both strings outlive the head. */
static bool
set_ref(struct http_head *h, struct slice name, struct slice value)
{
    if (unlikely(h->nhdr == h->hdr_max) && !http_hdr_first(h, name) && !has_room(h))
        return false;
    if (!host_edited(h, name, value))
        return false;
    http_hdr_del(h, name);
    return http_hdr_add_ref(h, name, value);
}

bool
http_hdr_set(struct http_head *h, struct slice name, struct slice value)
{
    struct http_hdr f;

    return dup_field(h, name, value, &f) && set_ref(h, f.name, f.value);
}

bool
http_hdr_set_value(struct http_head *h, struct slice name, struct slice value)
{
    struct slice copy;

    return dup_slice(h->arena, value, &copy) && set_ref(h, name, copy);
}

bool
http_hdr_replace(struct http_head *h, struct http_hdr *f, struct slice value)
{
    struct slice copy;

    if (!dup_slice(h->arena, value, &copy) || !host_edited(h, f->name, copy))
        return false;
    f->value = copy;
    field_edited(h, f->name);
    return true;
}

bool
http_hdr_replace_part(struct http_head *h, struct http_hdr *f, struct slice part, struct slice by)
{
    size_t before = (size_t)(part.p - f->value.p);
    size_t after = f->value.len - before - part.len;
    char *p = h->arena ? arena_alloc(h->arena, before + by.len + after + 1) : NULL;

    DASSERT(part.p >= f->value.p && before + part.len <= f->value.len);
    if (!p)
        return false;
    struct out o = { p, 0, before + by.len + after, false };
    out_mem(&o, f->value.p, before);
    out_slice_put(&o, by);
    out_mem(&o, part.p + part.len, after);
    f->value = out_slice(&o);
    field_edited(h, f->name);
    return true;
}

void
http_hdr_del_one(struct http_head *h, struct http_hdr *f)
{
    field_edited(h, f->name);
    f->name = SLICE_NONE;
}

unsigned
http_hdr_del(struct http_head *h, struct slice name)
{
    struct http_hdr *f;
    unsigned pos = 0, n = 0;

    while ((f = http_hdr_next(h, name, &pos))) {
        http_hdr_del_one(h, f);
        n++;
    }
    return n;
}

bool
http_hdr_del_token(struct http_head *h, struct slice name, struct slice token)
{
    struct http_hdr *f;
    unsigned pos = 0;

    while ((f = http_hdr_next(h, name, &pos))) {
        struct slice rest = f->value, item;
        if (!http_list_has(rest, token))
            continue;
        char *p = h->arena ? arena_alloc(h->arena, rest.len + 1) : NULL;
        if (!p)
            return false;
        struct out o = { p, 0, rest.len, false };
        while (http_list_next(&rest, &item)) {
            if (item.len == 0 || slice_eq_nocase(item, token))
                continue;
            if (o.len)
                out_char(&o, ',');
            out_slice_put(&o, item);
        }
        f->value = out_slice(&o);
        if (o.len == 0)
            f->name = SLICE_NONE;
        field_edited(h, name);
    }
    return true;
}

bool
http_head_copy(struct http_head *dst, const struct http_head *src)
{
    struct http_hdr *hdr = dst->hdr;
    unsigned hdr_max = dst->hdr_max, n = 0;
    struct arena *a = dst->arena;

    if (http_hdr_count(src) > hdr_max)
        return false;
    struct http_head h = *src;
    h.hdr = hdr;
    h.hdr_max = hdr_max;
    h.arena = a;
    if (!dup_slice(a, src->method, &h.method) || !dup_slice(a, src->target, &h.target) ||
        !dup_slice(a, src->reason, &h.reason) || !dup_slice(a, src->version_str, &h.version_str) ||
        !dup_slice(a, src->host, &h.host))
        return false;
    for (unsigned i = 0; i < src->nhdr; i++) {
        const struct http_hdr *f = &src->hdr[i];
        if (!f->name.p)
            continue;
        if (!dup_slice(a, f->name, &hdr[n].name) || !dup_slice(a, f->value, &hdr[n].value))
            return false;
        n++;
    }
    h.nhdr = n;
    *dst = h;
    return true;
}
