/* h1_rules.c - what the fields of an HTTP/1 head mean for the message: framing, connection, host.
 * Every ambiguity that could make two parsers disagree ends the message (RFC 9112, 6.3 and 11.2).
 */
#include "http/h1_int.h"
#include "http/uri.h"

static enum h1_step
bad(struct h1_in *in, unsigned status, const char *where, const char *text)
{
    return h1_fail(in->h, status, where ? (size_t)(where - in->buf) : in->pos, text);
}

/* ---- single fields ----------------------------------------------------------------------------
 */

/* Up to 18 digits and nothing else: what nearly all are. */
static bool
parse_plain_clen(struct slice v, uint64_t *out)
{
    uint64_t n = 0;

    if (v.len == 0 || v.len > 18)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        unsigned d = (unsigned)(unsigned char)v.p[i] - '0';
        if (d > 9)
            return false;
        n = n * 10 + d;
    }
    *out = n;
    return true;
}

/* One or several equal decimal numbers separated by commas (RFC 9110, 8.6). */
static bool
parse_clen(struct slice v, uint64_t *out)
{
    bool first = true;
    struct slice rest = v, item;

    do {
        uint64_t n = 0;
        item = slice_trim(slice_cut(rest, ',', &rest));
        if (item.len == 0)
            return false;
        for (size_t i = 0; i < item.len; i++) {
            unsigned d = (unsigned)(unsigned char)item.p[i] - '0';
            if (d > 9 || n > ((uint64_t)INT64_MAX - d) / 10)
                return false;
            n = n * 10 + d;
        }
        if (!first && n != *out)
            return false;
        *out = n;
        first = false;
    } while (rest.p);
    return true;
}

static enum h1_step
take_clen(struct h1_in *in, struct h1_field *f)
{
    struct http_head *head = in->head;
    uint64_t n = 0;

    if (likely(parse_plain_clen(f->value, &n) && !(head->flags & HTTP_HF_CLEN))) {
        head->flags |= HTTP_HF_CLEN;
        head->clen = n;
        return H1_STEP_NEXT;
    }
    if (!parse_clen(f->value, &n))
        return bad(in, 400, f->value.p, "invalid content-length");
    if (head->flags & HTTP_HF_CLEN) {
        if (n != head->clen)
            return bad(in, 400, f->value.p, "content-length headers that differ");
        f->name = SLICE_NONE; /* the first one says it all */
        return H1_STEP_NEXT;
    }
    head->flags |= HTTP_HF_CLEN;
    head->clen = n;
    f->value.len = slice_find(f->value, ',', 0) == SIZE_MAX
                       ? f->value.len
                       : slice_trim(slice_cut(f->value, ',', &(struct slice){ 0 })).len;
    return H1_STEP_NEXT;
}

/* Codings in order; chunked must be the last one and there once (RFC 9112, 6.1 and 7). */
static enum h1_step
take_te(struct h1_in *in, struct h1_field *f)
{
    struct slice rest = f->value;

    in->head->flags |= HTTP_HF_TRANSFER_ENC;
    do {
        struct slice item = slice_trim(slice_cut(rest, ',', &rest));
        if (in->head->flags & HTTP_HF_CHUNKED) {
            bool harmless = item.len == 0 || slice_eq_nocase(item, SL("chunked"));
            if (!harmless || in->h->role == H1_REQUEST || !in->h->limits->relax)
                return bad(in, 400, f->value.p, "transfer-encoding goes on after chunked");
            in->head->flags |= HTTP_HF_VIOLATION;
        } else if (slice_eq_nocase(item, SL("chunked"))) {
            in->head->flags |= HTTP_HF_CHUNKED;
        } else if (item.len == 0 && in->h->role == H1_RESPONSE && in->h->limits->relax) {
            in->head->flags |= HTTP_HF_VIOLATION;
        } else {
            in->h->seen |= H1_SEEN_TE_OTHER;
        }
    } while (rest.p);
    return H1_STEP_NEXT;
}

static const bool not_in_host[256] = {
    [0 ... ' '] = true, [0x7f] = true, ['@'] = true, ['/'] = true, ['#'] = true, [','] = true,
};

static enum h1_step
take_host(struct h1_in *in, struct h1_field *f)
{
    struct http_head *head = in->head;

    if (in->h->role == H1_RESPONSE)
        return H1_STEP_NEXT;
    if (head->flags & HTTP_HF_HAS_HOST) {
        if (!slice_eq_nocase(head->host, f->value))
            return bad(in, 400, f->value.p, "host headers that differ");
        f->name = SLICE_NONE;
        return H1_STEP_NEXT;
    }
    for (size_t i = 0; i < f->value.len; i++)
        if (unlikely(not_in_host[(unsigned char)f->value.p[i]]))
            return bad(in, 400, f->value.p + i, "invalid character in host");
    head->flags |= HTTP_HF_HAS_HOST;
    head->host = f->value;
    return H1_STEP_NEXT;
}

/* The common `keep-alive` and `close` leave at once, lists are looked at in check_connection(). */
static enum h1_step
take_connection(struct h1_in *in, struct h1_field *f)
{
    if (slice_eq_nocase(f->value, SL("keep-alive"))) {
        in->head->flags |= HTTP_HF_CONN_KEEPALIVE;
        f->name = SLICE_NONE;
    } else if (slice_eq_nocase(f->value, SL("close"))) {
        in->head->flags |= HTTP_HF_CONN_CLOSE;
        f->name = SLICE_NONE;
    } else {
        in->head->flags |= HTTP_HF_CONN_HDR;
    }
    return H1_STEP_NEXT;
}

static enum h1_step
take_upgrade(struct h1_in *in, struct h1_field *f)
{
    in->head->flags |= HTTP_HF_UPGRADE;
    if (http_list_has(f->value, SL("websocket")))
        in->h->seen |= H1_SEEN_UPG_WS;
    if (http_list_has(f->value, SL("h2c")) || http_list_has(f->value, SL("h2")))
        in->h->seen |= H1_SEEN_UPG_H2;
    return H1_STEP_NEXT;
}

/* 16 bytes in base64 (RFC 6455, 4.1). */
static bool
is_ws_key(struct slice v)
{
    if (v.len != 24 || v.p[22] != '=' || v.p[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++) {
        unsigned char c = ascii_lower((unsigned char)v.p[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
            return false;
    }
    return true;
}

static enum h1_step
take_expect(struct h1_in *in, struct h1_field *f)
{
    if (http_list_has(f->value, SL("100-continue")))
        in->head->flags |= HTTP_HF_EXPECT_100;
    return H1_STEP_NEXT;
}

/* TE: trailers is all that this hop can offer the next one (RFC 9110, 10.1.4); other codings are
 * between the sender and us. */
static enum h1_step
take_te_offer(struct h1_in *in, struct h1_field *f)
{
    struct slice rest = f->value, item;
    bool trailers = false;

    if (in->h->role == H1_RESPONSE)
        return H1_STEP_NEXT;
    while (http_list_next(&rest, &item))
        trailers |= slice_eq(item, SL("trailers"));
    f->value = SL("trailers");
    if (!trailers || http_hdr_first(in->head, SL("te")))
        f->name = SLICE_NONE;
    return H1_STEP_NEXT;
}

static enum h1_step
take_ws_key(struct h1_in *in, struct h1_field *f)
{
    if (is_ws_key(f->value))
        in->h->seen |= H1_SEEN_WS_KEY;
    return H1_STEP_NEXT;
}

static enum h1_step
take_ws_accept(struct h1_in *in, struct h1_field *f)
{
    if (f->value.len)
        in->h->seen |= H1_SEEN_WS_ACCEPT;
    return H1_STEP_NEXT;
}

/* Length and first character place each name alone in the table, see field_take(). */
const struct h1_known h1_known[32] = {
    [(2 + 't') & 31] = { "te", 2, take_te_offer },
    [(4 + 'h') & 31] = { "host", 4, take_host },
    [(6 + 'e') & 31] = { "expect", 6, take_expect },
    [(7 + 'u') & 31] = { "upgrade", 7, take_upgrade },
    [(10 + 'c') & 31] = { "connection", 10, take_connection },
    [(14 + 'c') & 31] = { "content-length", 14, take_clen },
    [(17 + 't') & 31] = { "transfer-encoding", 17, take_te },
    [(17 + 's') & 31] = { "sec-websocket-key", 17, take_ws_key },
    [(20 + 's') & 31] = { "sec-websocket-accept", 20, take_ws_accept },
};

/* ---- the whole head ----------------------------------------------------------------------------
 */

/* Takes `close` and `keep-alive` out of a connection header, in place; rules never see them. */
static void
strip_connection(struct http_head *head, struct http_hdr *f)
{
    struct slice rest = f->value, item;
    char *from = (char *)(uintptr_t)f->value.p, *to = from;
    bool found = false;

    for (struct slice scan = rest; http_list_next(&scan, &item);)
        found |= slice_eq_nocase(item, SL("close")) || slice_eq_nocase(item, SL("keep-alive"));
    while (http_list_next(&rest, &item)) {
        if (slice_eq_nocase(item, SL("close"))) {
            head->flags |= HTTP_HF_CONN_CLOSE;
            continue;
        }
        if (slice_eq_nocase(item, SL("keep-alive"))) {
            head->flags |= HTTP_HF_CONN_KEEPALIVE;
            continue;
        }
        if (slice_eq_nocase(item, SL("upgrade")))
            head->flags |= HTTP_HF_CONN_UPGRADE;
        if (!found || item.len == 0)
            continue;
        if (to != from)
            *to++ = ',';
        memmove(to, item.p, item.len);
        to += item.len;
    }
    if (found || f->value.len == 0)
        f->value.len = (size_t)(to - from);
}

static void
check_connection(struct http_head *head)
{
    unsigned pos = 0;
    struct http_hdr *f;
    bool left = false;

    while ((f = http_hdr_next(head, SL("connection"), &pos))) {
        strip_connection(head, f);
        if (f->value.len == 0)
            f->name = SLICE_NONE;
        else
            left = true;
    }
    if (!left)
        head->flags &= ~HTTP_HF_CONN_HDR;
}

static void
forget(struct http_head *head, struct slice name, unsigned flags)
{
    unsigned pos = 0;
    struct http_hdr *f;

    while ((f = http_hdr_next(head, name, &pos)))
        f->name = SLICE_NONE;
    head->flags &= ~flags;
}

/* Transfer-encoding wins over content-length, and nobody may trust that connection any more. */
static enum h1_step
check_framing(struct h1_in *in)
{
    struct http_head *head = in->head;
    bool te = head->flags & HTTP_HF_TRANSFER_ENC;

    if (!te)
        return H1_STEP_NEXT;
    if (!(head->flags & HTTP_HF_CHUNKED)) {
        if (in->h->seen & H1_SEEN_TE_OTHER)
            return bad(in, 400, NULL, "transfer-encoding does not end with chunked");
        return H1_STEP_NEXT; /* empty, relaxed */
    }
    if (in->h->seen & H1_SEEN_TE_OTHER)
        return bad(in, 422, NULL, "transfer coding that is not supported");
    if (head->flags & HTTP_HF_CLEN) {
        forget(head, SL("content-length"), HTTP_HF_CLEN);
        if (!in->h->limits->no_close_on_insecure_te)
            head->flags |= HTTP_HF_CLOSE_AFTER;
    }
    if (head->version < 11)
        head->flags |= HTTP_HF_CLOSE_AFTER;
    return H1_STEP_NEXT;
}

static void
check_upgrade(struct h1 *h, struct http_head *head)
{
    if ((head->flags & (HTTP_HF_UPGRADE | HTTP_HF_CONN_UPGRADE)) !=
        (HTTP_HF_UPGRADE | HTTP_HF_CONN_UPGRADE))
        return;
    if (h->seen & H1_SEEN_UPG_WS)
        head->flags |= HTTP_HF_WEBSOCKET;
    if (h->seen & H1_SEEN_UPG_H2)
        head->flags |= HTTP_HF_UPGRADE_H2C;
}

/* Length of ":<port>" at the end of an authority when it is empty or the default of the scheme,
 * else 0. `port` is the default ("80"); CONNECT has two of them. */
static size_t
default_port_len(struct slice auth, struct slice port)
{
    size_t at = auth.len;

    while (at && auth.p[at - 1] >= '0' && auth.p[at - 1] <= '9')
        at--;
    if (at == 0 || auth.p[at - 1] != ':')
        return 0;
    struct slice digits = slice(auth.p + at, auth.len - at);
    return digits.len == 0 || slice_eq(digits, port) ? digits.len + 1 : 0;
}

static struct slice
scheme_port(struct slice scheme)
{
    if (slice_eq_nocase(scheme, SL("http")))
        return SL("80");
    if (slice_eq_nocase(scheme, SL("https")))
        return SL("443");
    return SLICE_NONE;
}

/* Does the host header name the target's authority? `port` is the default one. */
static bool
host_agrees(struct slice host, struct slice auth, struct slice port)
{
    if (slice_eq_nocase(host, auth))
        return true;
    if (!port.p)
        return false;
    host.len -= default_port_len(host, port);
    auth.len -= default_port_len(auth, port);
    return slice_eq_nocase(host, auth);
}

static void
set_host(struct http_head *head, struct slice host)
{
    struct http_hdr *f = http_hdr_first(head, SL("host"));

    if (f)
        f->value = host;
    head->host = host;
}

/* Offset of the port in "host:port", 0 when the target is anything else. */
static size_t
authority_port(struct slice t)
{
    size_t at = t.len;

    while (at && t.p[at - 1] >= '0' && t.p[at - 1] <= '9')
        at--;
    if (at < 2 || at == t.len || t.p[at - 1] != ':')
        return 0;
    for (size_t i = 0; i < at; i++)
        if (memchr("/@,?#", t.p[i], 5))
            return 0;
    return at;
}

/* CONNECT wants host:port and nothing else (RFC 9112, 3.2.3). */
static enum h1_step
check_connect(struct h1_in *in)
{
    struct http_head *head = in->head;
    struct slice t = head->target;

    if (slice_search(t, SL("://")) != SIZE_MAX)
        return bad(in, 400, t.p, "scheme in the target of CONNECT");
    bool has_host = head->flags & HTTP_HF_HAS_HOST;
    size_t at = authority_port(t);
    struct slice digits = slice(t.p + at, at ? t.len - at : 0);
    struct slice port =
        slice_eq(digits, SL("80")) || slice_eq(digits, SL("443")) ? digits : SLICE_NONE;
    bool agrees = !has_host || host_agrees(head->host, t, port);

    if (at == 0 || !agrees) {
        if (!in->h->limits->relax)
            return bad(
                in, 400, at ? head->host.p : t.p,
                at ? "host disagrees with the target" : "the target of CONNECT is not host:port");
        head->flags |= HTTP_HF_VIOLATION;
    } else if (has_host && port.p) {
        set_host(head, slice(t.p, at - 1));
    }
    if (!has_host)
        head->host = t;
    return H1_STEP_NEXT;
}

/* Removes an empty or default port from an absolute target: scheme and host move up in the buffer.
 */
static void
drop_port(struct http_head *head, struct slice *auth, size_t port_len)
{
    char *p = (char *)(uintptr_t)head->target.p;
    size_t front = (size_t)(auth->p - head->target.p) + auth->len - port_len;

    memmove(p + port_len, p, front);
    head->target = slice(p + port_len, head->target.len - port_len);
    *auth = slice(auth->p + port_len, auth->len - port_len);
    if (head->flags & HTTP_HF_HAS_HOST)
        set_host(head, *auth);
}

static enum h1_step
check_absolute(struct h1_in *in, size_t len)
{
    struct http_head *head = in->head;
    struct slice t = head->target, scheme = slice(t.p, len);
    struct slice auth = slice_sub(t, len + 3, SIZE_MAX);
    size_t slash = slice_find(auth, '/', 0);
    bool relax = in->h->limits->relax;

    auth.len = slash == SIZE_MAX ? auth.len : slash;
    for (size_t i = 0; i < auth.len; i++)
        if (auth.p[i] == '@' || auth.p[i] == ',')
            return bad(in, 400, auth.p + i, "invalid character in the authority");
    if ((auth.len == 0 || auth.p[0] == ':') && !relax)
        return bad(in, 400, auth.p, "empty host in the target");
    struct slice port = scheme_port(scheme);
    bool has_host = head->flags & HTTP_HF_HAS_HOST;
    bool agrees = !has_host || host_agrees(head->host, auth, port);
    if (!agrees && !relax)
        return bad(in, 400, head->host.p, "host disagrees with the target");
    size_t port_len = port.p ? default_port_len(auth, port) : 0;
    if (port_len && agrees)
        drop_port(head, &auth, port_len);
    if (!agrees)
        head->flags |= HTTP_HF_VIOLATION;
    if (!has_host)
        head->host = auth;
    return H1_STEP_NEXT;
}

static enum h1_step
check_target(struct h1_in *in)
{
    struct http_head *head = in->head;
    struct slice t = head->target;

    if (head->meth == HTTP_CONNECT)
        return check_connect(in);
    if (likely(t.p[0] == '/'))
        return H1_STEP_NEXT;
    if (t.len == 1 && t.p[0] == '*' && head->meth == HTTP_OPTIONS)
        return H1_STEP_NEXT;
    size_t n = http_scheme_len(t);
    if (n == 0)
        return bad(in, 400, t.p, "target is neither absolute nor a path");
    return check_absolute(in, n);
}

static enum h1_step
check_request(struct h1_in *in)
{
    struct http_head *head = in->head;

    if (head->meth == HTTP_CONNECT) {
        /* What follows is the tunnel, not a body. */
        if (head->flags & HTTP_HF_CHUNKED)
            forget(head, SL("transfer-encoding"), HTTP_HF_CHUNKED | HTTP_HF_TRANSFER_ENC);
        if ((head->flags & HTTP_HF_CLEN) && head->clen)
            forget(head, SL("content-length"), HTTP_HF_CLEN);
    }
    bool has_body = (head->flags & HTTP_HF_CHUNKED) || ((head->flags & HTTP_HF_CLEN) && head->clen);
    if (unlikely(head->version < 11 && has_body && !in->h->limits->any_payload &&
                 (head->meth == HTTP_GET || head->meth == HTTP_HEAD || head->meth == HTTP_DELETE)))
        return bad(in, 413, NULL, "body in a HTTP/1.0 request that cannot have one");
    if ((head->flags & HTTP_HF_WEBSOCKET) && !(in->h->seen & H1_SEEN_WS_KEY)) {
        if (!in->h->limits->relax)
            return bad(in, 400, NULL, "websocket upgrade without a valid sec-websocket-key");
        head->flags |= HTTP_HF_VIOLATION;
    }
    return check_target(in);
}

static enum h1_step
check_response(struct h1_in *in)
{
    struct http_head *head = in->head;

    /* Such responses have no body, so nobody may be told that they have (RFC 9112, 6.1 and 6.2). */
    if (head->status < 200 || head->status == 204) {
        forget(head, SL("content-length"), HTTP_HF_CLEN);
        forget(head, SL("transfer-encoding"), HTTP_HF_CHUNKED | HTTP_HF_TRANSFER_ENC);
    }
    if (head->status == 101 && (head->flags & HTTP_HF_WEBSOCKET) &&
        !(in->h->seen & H1_SEEN_WS_ACCEPT)) {
        if (!in->h->limits->relax)
            return bad(in, 400, NULL, "websocket upgrade without sec-websocket-accept");
        head->flags |= HTTP_HF_VIOLATION;
    }
    return H1_STEP_NEXT;
}

enum h1_step
h1_head_check(struct h1_in *in)
{
    if (in->head->flags & HTTP_HF_CONN_HDR)
        check_connection(in->head);
    if (in->head->flags & HTTP_HF_UPGRADE)
        check_upgrade(in->h, in->head);
    enum h1_step s = check_framing(in);
    if (s != H1_STEP_NEXT)
        return s;
    return in->h->role == H1_REQUEST ? check_request(in) : check_response(in);
}
