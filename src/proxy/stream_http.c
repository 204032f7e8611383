/* stream_http.c - what a proxy does to heads by itself: connection management, forwarded-for (RFC
 * 9110 7.6, manual 1.2.1 and `option forwardfor`). */
#include "proxy/stream_int.h"

#include "config/tune.h"
#include "proxy/forwarded.h"

/* ---- helpers ---- */

static bool
excepted(const struct px_xff *f, const struct addr *a)
{
    return f->except.set && addr_net_has(&f->except.net, a);
}

static bool
add_address(struct stream *s, const struct px_xff *fe, const struct px_xff *be, struct slice def,
            bool src)
{
    struct addr a;

    if (!fe->on && !be->on)
        return true;
    const char *own = be->on ? be->header : fe->header; /* the backend's decides, named or not */
    struct slice hdr = own ? slice_str(own) : def;
    if ((!fe->on || fe->if_none) && (!be->on || be->if_none) && http_hdr_first(&s->rq, hdr))
        return true;
    if (src)
        stream_src(s, &a);
    else
        stream_dst(s, &a);
    if (!addr_is_ip(&a) || (fe->on && excepted(fe, &a)) || (be->on && excepted(be, &a)))
        return true;
    char *text = arena_alloc(&s->arena, ADDR_TEXT_MAX);
    if (!text)
        return false;
    struct out o = { text, 0, ADDR_TEXT_MAX, false };
    addr_put_host(&o, &a);
    if (own) /* as the configuration spells it: lower-cased by the copy */
        return http_hdr_add(&s->rq, hdr, out_slice(&o));
    return http_hdr_add_ref(&s->rq, hdr, out_slice(&o));
}

/* ---- framing ---- */

bool
http_set_length(struct http_head *h, uint64_t len)
{
    char text[24];
    struct out o = OUT(text);

    out_uint(&o, len);
    return http_hdr_set(h, SL("content-length"), out_slice(&o));
}

static bool
says_length(const struct http_head *h, uint64_t len)
{
    unsigned pos = 0;
    const struct http_hdr *f = http_hdr_next(h, SL("content-length"), &pos);
    uint64_t n;

    return f && slice_to_uint(f->value, &n) && n == len &&
           !http_hdr_next(h, SL("content-length"), &pos);
}

static bool
set_chunked(struct http_head *h)
{
    const struct http_hdr *te = http_hdr_first(h, SL("transfer-encoding"));

    http_hdr_del(h, SL("content-length"));
    return (te && http_list_has(te->value, SL("chunked"))) ||
           http_hdr_set(h, SL("transfer-encoding"), SL("chunked"));
}

/** Rules can edit the fields that frame the body: they are made to say what the body will be. A
 * wrong length, or none, would let the other side take a part of the body for the next message, or
 * the next message for a part of the body (RFC 9112, 6.3 and 11.2). A length that was taken away is
 * replaced by chunks. `len`: of a body that is not chunked. */
static bool
mend_framing(struct http_head *h, struct chan *ch, uint64_t len, bool chunks)
{
    if (ch->out == H1_FRAME_LENGTH && chunks && !http_hdr_first(h, SL("content-length")))
        ch->out = H1_FRAME_CHUNKED;
    if (ch->out == H1_FRAME_CHUNKED)
        return set_chunked(h);
    http_hdr_del(h, SL("transfer-encoding"));
    if (ch->out == H1_FRAME_CLOSE || (ch->out == H1_FRAME_NONE && !len && !h->is_response)) {
        if (ch->out == H1_FRAME_CLOSE || !says_length(h, 0))
            http_hdr_del(h, SL("content-length"));
        return true;
    }
    return says_length(h, len) || http_set_length(h, len);
}

/* ---- request ---- */

/* Either side's httpclose or http-server-close closes the server's side; the client's is closed by
 * its frontend's httpclose only. */
static bool
server_must_close(const struct stream *s)
{
    return s->be->http_mode != PX_KEEPALIVE || s->fe->http_mode != PX_KEEPALIVE;
}

static bool
request_connection(struct stream *s)
{
    struct http_head *rq = &s->rq;
    bool close = server_must_close(s);

    s->req.out = s->req.h1.framing;
    if (unlikely(rq->flags & HTTP_HF_FRAMING_MODIFIED) && rq->meth != HTTP_CONNECT &&
        !(s->flags & SF_UPGRADE_ASKED) &&
        !mend_framing(rq, &s->req, s->req.out == H1_FRAME_LENGTH ? rq->clen : 0, rq->version >= 11))
        return false;
    if (s->flags & SF_UPGRADE_ASKED || rq->meth == HTTP_CONNECT)
        close = false;
    if (s->be->options2 & PO2_HTTP_DROP_REQ_TRAILERS)
        s->req.h1.trailers = NULL;
    if (close && s->be->options & PO_HTTP_PRETEND_KA) /* closed all the same, but not announced */
        close = false;
    if (rq->version < 11) /* what is not said means that the connection is closed */
        return close || http_hdr_add_ref(rq, SL("connection"), SL("keep-alive"));
    return !close || http_hdr_add_ref(rq, SL("connection"), SL("close"));
}

bool
http_prepare_request(struct stream *s)
{
    if (s->flags & SF_PREPARED) /* sent once before: a retry changes nothing */
        return true;
    s->flags |= SF_PREPARED;
    if (!add_address(s, &s->fe->fwdfor, &s->be->fwdfor, SL("x-forwarded-for"), true) ||
        !add_address(s, &s->fe->origto, &s->be->origto, SL("x-original-to"), false))
        return false;
    if (s->be->forwarded && !forwarded_add(s, s->be->forwarded))
        return false;
    if (s->be->send_name_header &&
        !http_hdr_set(&s->rq, slice_str(s->be->send_name_header), slice_str(s->srv->name)))
        return false;
    /* RFC 8470, section 5.1: the server decides whether it takes what may be a replay. */
    if (s->sess->conn->flags & CONN_EARLY && !http_hdr_first(&s->rq, SL("early-data")) &&
        !http_hdr_add_ref(&s->rq, SL("early-data"), SL("1")))
        return false;
    return request_connection(s);
}

/* ---- response ---- */

/* While the process stops: with close-spread-time the chance grows as the time goes. */
static bool
closes_now(const struct stream *s)
{
    if (config_closes_idle())
        return true;
    if (config->close_spread_ms < 0)
        return false;
    int64_t left = config->close_spread_end_ms - loop_now_ms();
    uint32_t dice = (s->uniq_id * 2654435761u) >> 12; /* 20 bits */
    return (uint64_t)dice * (uint64_t)config->close_spread_ms >= (uint64_t)left << 20;
}

bool
http_client_keeps(const struct stream *s)
{
    const struct http_head *rq = &s->rq;

    if (!s->rq_ready || rq->flags & (HTTP_HF_CONN_CLOSE | HTTP_HF_CLOSE_AFTER))
        return false;
    if (s->fe->http_mode == PX_HTTPCLOSE)
        return false;
    if (unlikely(atomic_load_explicit(&config->stopping, memory_order_relaxed)) && closes_now(s))
        return false;
    return rq->version >= 11 || rq->flags & HTTP_HF_CONN_KEEPALIVE;
}

static bool
server_keeps(const struct stream *s)
{
    const struct http_head *rs = &s->rs;

    if (rs->flags & (HTTP_HF_CONN_CLOSE | HTTP_HF_CLOSE_AFTER) || server_must_close(s))
        return false;
    if (s->res.h1.framing == H1_FRAME_CLOSE || s->res.h1.framing == H1_FRAME_TUNNEL)
        return false;
    return rs->version >= 11 || rs->flags & HTTP_HF_CONN_KEEPALIVE;
}

static bool
has_no_body(unsigned status)
{
    return status < 200 || status == 204 || status == 304;
}

/* How the body goes out: as it comes in, unless rules set a status that has none, or gave one that
 * has a body to a head that came without (RFC 9112, 6.3). */
static bool
fit_body_to_status(struct stream *s)
{
    struct http_head *rs = &s->rs;
    bool none = has_no_body(rs->status);

    s->res.out = s->res.h1.framing;
    if (likely(!s->server_status || none == has_no_body(s->server_status)))
        return true;
    if (none) {
        if (!s->res.eom_in)
            s->flags &= ~(unsigned)SF_KEEP_BACK; /* nobody reads the rest of what comes */
        h1_body_init(&s->res.h1, H1_FRAME_NONE, 0);
        s->res.out = H1_FRAME_NONE;
        s->res.eom_in = true;
        s->res.ready = 0;
        if (rs->status != 304) {
            http_hdr_del(rs, SL("content-length"));
            http_hdr_del(rs, SL("transfer-encoding"));
        }
    } else if (s->rq.meth != HTTP_HEAD) {
        http_hdr_del(rs, SL("content-length"));
        if (rs->version >= 11)
            s->res.out = H1_FRAME_CHUNKED;
        else
            s->res.out = H1_FRAME_CLOSE;
        return rs->version < 11 || http_hdr_add_ref(rs, SL("transfer-encoding"), SL("chunked"));
    }
    return true;
}

/* A body that ends with its connection does so on both sides: chunks would make a complete one of
 * what was cut. */
static void
response_framing(struct stream *s, bool *keep)
{
    struct http_head *rs = &s->rs;

    switch (s->res.out) {
    case H1_FRAME_CHUNKED:
        if (s->rq.version >= 11) {
            *keep = *keep && rs->version >= 11;
            return;
        }
        /* An HTTP/1.0 client knows no chunks: the end of the connection ends the body. */
        http_hdr_del(rs, SL("transfer-encoding"));
        s->res.out = H1_FRAME_CLOSE;
        *keep = false;
        return;
    case H1_FRAME_CLOSE:
        *keep = false;
        return;
    default:
        return;
    }
}

bool
http_connection_header(struct stream *s, bool keep)
{
    struct http_head *rs = &s->rs;

    if (!keep) /* HTTP/1.0: what is not said means the same */
        return rs->version < 11 || http_hdr_add_ref(rs, SL("connection"), SL("close"));
    if (s->rq.version < 11 || rs->version < 11)
        return http_hdr_add_ref(rs, SL("connection"), SL("keep-alive"));
    return true;
}

static bool
has_response_rules(const struct stream *s)
{
    return !list_empty(&s->be->http_res_rules) || !list_empty(&s->fe->http_res_rules) ||
           !list_empty(&s->be->http_after_rules) || !list_empty(&s->fe->http_after_rules);
}

/* Of an answer to HEAD and of 304 the length says what a body would be, whatever rules make of it.
 */
static bool
mend_response(struct stream *s, uint64_t len)
{
    const struct http_head *rs = &s->rs;

    if (likely(!(rs->flags & HTTP_HF_FRAMING_MODIFIED)) || !has_response_rules(s) ||
        has_no_body(rs->status) || s->rq.meth == HTTP_HEAD)
        return true;
    return mend_framing(&s->rs, &s->res, len, s->rq.version >= 11 && rs->version >= 11);
}

bool
http_rules_close(struct stream *s)
{
    const struct http_hdr *h;

    if (!has_response_rules(s))
        return false;
    h = http_hdr_first(&s->rs, SL("connection"));
    if (!h || !http_list_has(h->value, SL("close")))
        return false;
    http_hdr_del(&s->rs, SL("connection"));
    return true;
}

bool
http_reply_connection(struct stream *s, bool keep)
{
    const struct reply_out *r = &s->reply;

    if (s->parser_reply) /* those that tell that the connection is closed have the header */
        return true;
    if (!r->no_length && (!r->produce || s->res.out == H1_FRAME_CHUNKED) &&
        !mend_response(s, r->body.len))
        return false;
    http_hdr_del(&s->rs, SL("connection"));
    return http_connection_header(s, keep);
}

/* Some schemes authenticate connections (RFC 4559): they belong to one client, whose answer to the
 * challenge must reach the same server. */
static void
note_challenge(struct stream *s)
{
    struct slice name = s->rs.status == 401 ? SL("www-authenticate") : SL("proxy-authenticate");
    const struct http_hdr *h;
    unsigned pos = 0;

    s->sess->flags |= SESSF_PREFER_LAST;
    while ((h = http_hdr_next(&s->rs, name, &pos)))
        if (slice_starts_nocase(h->value, SL("negotiate")) ||
            slice_starts_nocase(h->value, SL("ntlm")))
            s->back->flags |= CONN_PRIVATE;
}

bool
http_prepare_response(struct stream *s)
{
    bool keep = http_client_keeps(s) && !http_rules_close(s);

    if (unlikely(s->rs.status == 401 || s->rs.status == 407) && s->back)
        note_challenge(s);
    if (s->res.h1.framing == H1_FRAME_TUNNEL) {
        s->flags |= SF_TUNNEL;
        s->res.out = H1_FRAME_TUNNEL;
        return true;
    }
    if (server_keeps(s))
        s->flags |= SF_KEEP_BACK;
    if (s->fe->options2 & PO2_HTTP_DROP_RES_TRAILERS)
        s->res.h1.trailers = NULL;
    if (!fit_body_to_status(s) || !mend_response(s, s->res.out == H1_FRAME_LENGTH ? s->rs.clen : 0))
        return false;
    response_framing(s, &keep);
    if (keep)
        s->flags |= SF_KEEP_FRONT;
    else
        s->flags &= ~(unsigned)SF_KEEP_FRONT;
    return http_connection_header(s, keep);
}

/* ---- emission ---- */

struct slice
http_format_head(struct stream *s, const struct http_head *h, bool response)
{
    struct out o = { buf_scratch(), 0, SCRATCH_SIZE, false };
    const struct h1_case_map *map = NULL;

    if (response) {
        if (s->fe->options2 & PO2_H1_CASE_ADJUST_CLI)
            map = config->case_map;
        h1_format_response(h, map, &o);
    } else {
        if (s->be->options2 & PO2_H1_CASE_ADJUST_SRV)
            map = config->case_map;
        h1_format_request(h, map, &o);
    }
    return o.full || o.len > 4u * tune.bufsize ? SLICE_NONE : out_slice(&o);
}
