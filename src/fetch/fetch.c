/* fetch.c - the objects behind an evaluation: connections, servers, heads and payload, of streams
 * and of health checks. */
#include "fetch/fetch.h"

#include "config/tune.h"
#include "server/check.h"

struct server *
fetch_server(const struct sample_ctx *x)
{
    const struct check *ck = x->check;

    return x->strm ? x->strm->srv : ck ? ck->srv : NULL;
}

struct proxy *
fetch_backend(const struct sample_ctx *x)
{
    const struct check *ck = x->check;

    if (x->strm)
        return x->strm->be;
    if (ck)
        return ck->srv ? ck->srv->px : NULL;
    return x->px && proxy_has_be(x->px) ? x->px : NULL;
}

/* ---- heads ---- */

/** What came in on a TCP connection, read as an HTTP/1 head. The parser writes into what it reads:
 * it gets a copy. */
static struct http_head *
parse_raw(struct sample_ctx *x, bool response, struct sample *out)
{
    struct h1_limits limits = { .hdr_max = tune.http_maxhdr };
    struct http_head *h;
    struct http_hdr *hdr;
    struct slice raw;
    struct h1 h1;
    size_t used;
    char *copy;

    if (!fetch_payload(x, response, &raw))
        return NULL;
    if (raw.len == 0) {
        fetch_later(x, out);
        return NULL;
    }
    h = arena_alloc(x->tmp, sizeof(*h));
    hdr = arena_alloc(x->tmp, tune.http_maxhdr * sizeof(*hdr));
    copy = arena_alloc(x->tmp, raw.len);
    if (!h || !hdr || !copy)
        return NULL;
    memcpy(copy, raw.p, raw.len);
    http_head_init(h, hdr, tune.http_maxhdr, x->tmp);
    h1_init(&h1, response ? H1_RESPONSE : H1_REQUEST, &limits);
    switch (h1_head(&h1, copy, raw.len, h, &used)) {
    case H1_HEAD:
        return h;
    case H1_MORE:
        fetch_later(x, out);
        return NULL;
    default:
        return NULL;
    }
}

struct http_head *
fetch_request(struct sample_ctx *x, struct sample *out)
{
    if (likely(x->req != NULL))
        return x->req;
    return x->strm && !fetch_is_response(x) ? parse_raw(x, false, out) : NULL;
}

struct http_head *
fetch_response(struct sample_ctx *x, struct sample *out)
{
    if (likely(x->res != NULL))
        return x->res;
    return x->strm && fetch_is_response(x) ? parse_raw(x, true, out) : NULL;
}

/* ---- bytes ---- */

bool
fetch_payload(const struct sample_ctx *x, bool response, struct slice *out)
{
    if (!x->strm) {
        *out = x->data;
        return response && x->data.p;
    }
    if (x->strm->flags & SF_HTTP)
        return false;
    *out = stream_payload(x->strm, response);
    return true;
}

bool
fetch_body(const struct sample_ctx *x, bool response, struct slice *out, bool *complete)
{
    if (!x->strm) {
        *out = x->data;
        *complete = x->opt & SMPO_FINAL;
        return response && x->res;
    }
    if (!(x->strm->flags & SF_HTTP) || (response ? !x->res : !x->req))
        return false;
    *out = stream_body(x->strm, response, complete);
    return true;
}

/* ---- values ---- */

int64_t
fetch_number(struct slice v)
{
    bool neg = v.len && v.p[0] == '-';
    uint32_t n = 0;

    for (size_t i = neg; i < v.len && (signed char)v.p[i] <= '9'; i++)
        n = n * 10 + (uint32_t)((signed char)v.p[i] - '0');
    return (int32_t)(neg ? 0 - n : n);
}

bool
fetch_give_addr(struct sample *out, const struct addr *a)
{
    switch (a->kind) {
    case ADDR_IP4:
        out->type = SMP_IPV4;
        out->u.v4 = a->in.sin_addr;
        return true;
    case ADDR_IP6:
        out->type = SMP_IPV6;
        out->u.v6 = a->in6.sin6_addr;
        return true;
    default:
        return false;
    }
}

bool
fetch_give_copy(struct sample_ctx *x, struct sample *out, enum sample_type type, struct slice v)
{
    char *p = arena_slicedup(x->tmp, v);

    if (!p)
        return false;
    out->type = type;
    out->u.s = slice(p, v.len);
    return true;
}
