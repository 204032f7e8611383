/* explain_request.c - from a question to the bytes of a request and the bind line where they
 * arrive. */
#include "process/explain.h"

#include "http/uri.h"
#include "proxy/listener.h"

#include <stdlib.h>

#define SRC_PORT 50000
/* Addresses that stand for nobody (RFC 5737, RFC 3849): somebody on the Internet. */
#define SRC_IP4 "192.0.2.1"
#define SRC_IP6 "2001:db8::1"

/* ---- the request line ---- */

static bool
is_url(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    return slice_starts(s, SL("/")) || slice_starts_nocase(s, SL("http://")) ||
           slice_starts_nocase(s, SL("https://"));
}

bool
explain_parse_line(struct explain_request *q, const char *line, struct arena *a)
{
    struct slice rest = slice_trim(slice_str(line));
    size_t blank = slice_find(rest, ' ', 0);

    if (blank != SIZE_MAX) {
        q->method = arena_slicedup(a, slice(rest.p, blank));
        rest = slice_trim(slice_sub(rest, blank, rest.len));
    }
    q->url = rest;
    return is_url(rest);
}

/* What the URL says; the defaults of the scheme included. */
struct target {
    struct slice host, pathq; /* host: with its port unless that is the scheme's; p NULL: none */
    struct slice name;        /* host without port and brackets */
    unsigned port;            /* 0: unknown */
    bool has_scheme, https;
};

static struct target
split_url(struct slice url)
{
    struct http_uri u = http_uri_split(url);
    struct target t = { .has_scheme = u.scheme.p != NULL };

    t.pathq = http_uri_pathq(url);
    if (!t.pathq.len)
        t.pathq = SL("/");
    if (!t.has_scheme)
        return t;
    t.https = slice_eq_nocase(u.scheme, SL("https"));
    unsigned usual = http_scheme_port(u.scheme);
    struct slice host = http_authority_split(u.authority, &t.port);
    t.host = t.port && t.port != usual ? u.authority : host;
    t.port = t.port ? t.port : usual;
    t.name = host;
    if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        t.name = slice_sub(host, 1, host.len - 2);
    return t;
}

/* ---- where it arrives ---- */

static bool
is_candidate(const struct proxy *px)
{
    return proxy_has_fe(px) && !(px->cap & PX_INTERNAL) &&
           (px->mode == PX_HTTP || px->mode == PX_TCP);
}

/* How well the listener fits; what counts more weighs more. */
static unsigned
rate(const struct listener *li, const struct target *t, const struct addr *dst)
{
    bool tls = li->bind->flags & BINDF_TLS;
    unsigned port = dst ? addr_port(dst) : t->port, score = 1;
    struct addr ip;

    if (port && addr_port(&li->addr) == port)
        score += 16;
    if (t->has_scheme && tls == t->https)
        score += 8;
    if (dst && addr_eq(dst, &li->addr, false))
        score += 4;
    if (!dst && t->name.len && addr_parse_ip(t->name, &ip) && addr_eq(&ip, &li->addr, false))
        score += 4;
    if (li->px->mode == PX_HTTP)
        score += 2;
    return score;
}

static char *
no_frontend(struct config *cf, const char *name)
{
    struct suggest s;
    struct proxy *px = proxy_find(cf, name, PX_FE);

    if (px && (px->disabled || !is_candidate(px)))
        return xasprintf("frontend '%s' %s", name,
                         px->disabled ? "is disabled" : "takes no requests");
    if (px)
        return xasprintf("frontend '%s' has no bind line", name);
    suggest_init(&s, name);
    list_each (px, &cf->proxies, link)
        if (is_candidate(px))
            suggest_offer(&s, px->name);
    const char *best = suggest_result(&s);
    return xasprintf("there is no frontend '%s'%s%s%s", name, best ? ". Did you mean '" : "",
                     best ? best : "", best ? "'?" : "");
}

static struct listener *
choose_listener(struct config *cf, const char *name, const struct target *t, const struct addr *dst)
{
    struct proxy *px;
    struct listener *li, *best = NULL;
    unsigned best_score = 0;

    list_each (px, &cf->proxies, link) {
        if (!is_candidate(px) || px->disabled || (name && strcmp(px->name, name) != 0))
            continue;
        list_each (li, &px->listeners, link) {
            unsigned score = rate(li, t, dst);
            if (score > best_score) {
                best = li;
                best_score = score;
            }
        }
    }
    return best;
}

/* ---- addresses ---- */

/* "1.2.3.4", "1.2.3.4:80", "::1", "[::1]:80". */
static bool
parse_address(const char *text, struct addr *a, const char *what, char **err)
{
    struct addr_spec spec;
    char why[160];

    if (addr_parse_ip(slice_str(text), a))
        return true;
    if (addr_parse(text, ADDR_O_PORT | ADDR_O_STREAM | ADDR_O_NO_NAME, NULL, &spec, why,
                   sizeof(why)) &&
        addr_is_ip(&spec.addr)) {
        *a = spec.addr;
        return true;
    }
    *err = xasprintf("'%s' is not an IP address for %s, with or without a port", text, what);
    return false;
}

static void
set_ip(struct addr *a, const char *ip, unsigned port)
{
    if (!addr_parse_ip(slice_str(ip), a))
        *a = (struct addr){ 0 };
    addr_set_port(a, (uint16_t)port);
}

/* The address that the client connects to: the one given, that of the bind line, or of the URL. */
static void
destination(const struct listener *li, const struct target *t, struct addr *dst)
{
    unsigned port = addr_port(&li->addr) ? addr_port(&li->addr) : t->port;

    if (addr_is_ip(&li->addr) && !addr_is_any(&li->addr))
        *dst = li->addr;
    else if (!t->name.len || !addr_parse_ip(t->name, dst))
        set_ip(dst, "127.0.0.1", 0);
    addr_set_port(dst, (uint16_t)port);
}

static bool
addresses(const struct explain_request *q, const struct target *t, struct explain_wire *w,
          char **err)
{
    if (!q->dst)
        destination(w->li, t, &w->dst);
    else if (!addr_port(&w->dst))
        addr_set_port(&w->dst, addr_port(&w->li->addr));
    if (!q->src) {
        set_ip(&w->src, w->dst.kind == ADDR_IP6 ? SRC_IP6 : SRC_IP4, SRC_PORT);
        return true;
    }
    if (!parse_address(q->src, &w->src, "the client", err))
        return false;
    if (!addr_port(&w->src))
        addr_set_port(&w->src, SRC_PORT);
    return true;
}

/* ---- bytes ---- */

static bool
has_header(const struct explain_request *q, struct slice name)
{
    for (unsigned i = 0; i < q->nheaders; i++) {
        struct slice value, n = slice_cut(slice_str(q->headers[i]), ':', &value);
        if (slice_eq_nocase(slice_trim(n), name))
            return true;
    }
    return false;
}

static bool
header_is_sane(const char *h)
{
    const char *colon = strchr(h, ':');

    if (!colon || colon == h || strpbrk(h, "\r\n"))
        return false;
    for (const char *p = h; p < colon; p++)
        if (*p == ' ' || *p == '\t')
            return false;
    return true;
}

static bool
put_http(const struct explain_request *q, const struct target *t, struct text *to, char **err)
{
    const char *method = q->method ? q->method : q->has_body ? "POST" : "GET";
    bool connect = strcmp(method, "CONNECT") == 0;

    text_printf(to, "%s ", method);
    text_slice(to, connect && t->host.p ? t->host : t->pathq);
    text_str(to, " HTTP/1.1\r\n");
    if (t->host.p && !has_header(q, SL("host")))
        text_printf(to, "Host: %.*s\r\n", SLF(t->host));
    for (unsigned i = 0; i < q->nheaders; i++) {
        if (!header_is_sane(q->headers[i])) {
            *err = xasprintf("'%s' is not a header: expected 'Name: value'", q->headers[i]);
            return false;
        }
        text_printf(to, "%s\r\n", q->headers[i]);
    }
    if (q->has_body && !has_header(q, SL("content-length")) &&
        !has_header(q, SL("transfer-encoding")))
        text_printf(to, "Content-Length: %zu\r\n", q->body.len);
    text_str(to, "\r\n");
    text_slice(to, q->body);
    return true;
}

static void
put_u16(struct text *to, size_t v)
{
    text_char(to, (char)(v >> 8));
    text_char(to, (char)v);
}

static void
put_sni(struct text *to, struct slice host)
{
    put_u16(to, 0);            /* server_name */
    put_u16(to, host.len + 5); /* of the extension */
    put_u16(to, host.len + 3); /* of the list */
    text_char(to, 0);          /* host_name */
    put_u16(to, host.len);
    text_slice(to, host);
}

/* The first message of a TLS client (RFC 8446, 4.1.2): rules of TCP frontends look for the name in
 * it. */
static void
put_hello(const struct target *t, struct text *to)
{
    static const char suites[] = "\x13\x01\x13\x02\xc0\x2b\xc0\x2f", compression[] = "\x01";
    static const char fixed[] =
        "\x00\x2b\x00\x05\x04\x03\x04\x03\x03"        /* supported_versions: 1.3, 1.2 */
        "\x00\x0a\x00\x04\x00\x02\x00\x1d"            /* supported_groups: x25519 */
        "\x00\x0d\x00\x06\x00\x04\x04\x03\x08\x04"    /* signature_algorithms */
        "\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1"; /* ALPN */
    struct text body = { 0 }, ext = { 0 };
    struct addr ip;

    if (t->name.len && t->name.len < 256 && !addr_parse_ip(t->name, &ip))
        put_sni(&ext, t->name);
    text_mem(&ext, fixed, sizeof(fixed) - 1);
    put_u16(&body, 0x0303);
    for (unsigned i = 0; i < 32; i++)
        text_char(&body, (char)(i * 7 + 1)); /* random; nobody continues this handshake */
    text_char(&body, 0);
    put_u16(&body, sizeof(suites) - 1);
    text_mem(&body, suites, sizeof(suites) - 1);
    text_mem(&body, compression, sizeof(compression)); /* one method: 0 */
    put_u16(&body, ext.len);
    text_slice(&body, text_get(&ext));
    text_mem(to, "\x16\x03\x01", 3);
    put_u16(to, body.len + 4);
    text_mem(to, "\x01\x00", 2);
    put_u16(to, body.len);
    text_slice(to, text_get(&body));
    text_fini(&ext);
    text_fini(&body);
}

bool
explain_wire_make(struct config *cf, const struct explain_request *q, struct explain_wire *w,
                  char **err)
{
    struct target t = split_url(q->url);

    *err = NULL;
    if (q->dst && !parse_address(q->dst, &w->dst, "the destination", err))
        return false;
    w->li = choose_listener(cf, q->frontend, &t, q->dst ? &w->dst : NULL);
    if (!w->li) {
        *err = q->frontend ? no_frontend(cf, q->frontend)
                           : xstrdup("there is no frontend with a bind line");
        return false;
    }
    if (!addresses(q, &t, w, err))
        return false;
    bool bind_tls = w->li->bind->flags & BINDF_TLS;
    w->hello = t.https && !bind_tls && w->li->px->mode == PX_TCP;
    w->tls = bind_tls || (t.https && !w->hello);
    if (!w->hello)
        return put_http(q, &t, &w->bytes, err);
    put_hello(&t, &w->bytes);
    return true;
}
