/* fetch_http.c - sample fetches about a request's start line: method, URL and its parts,
 * parameters, version. Manual 7.3.6. */
#include "fetch/fetch.h"

#include "base/hash.h"
#include "http/uri.h"

/* ---- start line ---- */

static bool
fetch_method(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_head *h = fetch_request(x, out);

    if (!h)
        return false;
    out->type = SMP_METH;
    out->flags |= SMPF_CONST;
    out->u.meth.id = h->meth;
    out->u.meth.name = h->meth == HTTP_OTHER ? h->method : SLICE_NONE;
    return true;
}

/** "1.1". Versions that only relaxed parsing accepts are none. */
static bool
fetch_ver(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_head *h = private ? fetch_response(x, out) : fetch_request(x, out);
    char text[3];

    if (!h || h->flags & HTTP_HF_VERSION_BAD || h->version > 99)
        return false;
    text[0] = (char)('0' + h->version / 10);
    text[1] = '.';
    text[2] = (char)('0' + h->version % 10);
    return fetch_give_copy(x, out, SMP_STR, slice(text, sizeof(text)));
}

static bool
fetch_url(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_head *h = fetch_request(x, out);

    return h && fetch_give_str(out, h->target);
}

static bool
fetch_path(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_head *h = fetch_request(x, out);
    struct slice path;

    if (!h)
        return false;
    path = private ? http_uri_pathq(h->target) : http_uri_split(h->target).path;
    return path.len && fetch_give_str(out, path);
}

static bool
check_query(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type == ARG_END || slice_eq(arg[0].s, SL("with_qm")))
        return true;
    *err = xstrdup("supported options are: 'with_qm'");
    return false;
}

/** Behind the question mark; with it when asked for and something follows. */
static bool
fetch_query(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_head *h = fetch_request(x, out);
    struct slice q;

    if (!h)
        return false;
    q = http_uri_split(h->target).query;
    if (q.p && q.len && arg[0].type != ARG_END)
        q = slice(q.p - 1, q.len + 1);
    return fetch_give_str(out, q);
}

/* ---- host and path ---- */

struct slice
fetch_base(struct sample_ctx *x, const struct http_head *h, bool query)
{
    const struct http_hdr *f = http_hdr_first(h, SL("host"));
    struct slice host = f ? f->value : SLICE_NONE, path;
    struct out o;

    path = query ? http_uri_pathq(h->target) : http_uri_split(h->target).path;
    if (!host.len)
        return path.len ? path : SL("");
    o = (struct out){ arena_alloc(x->tmp, host.len + path.len), 0, host.len + path.len, false };
    if (!o.p)
        return SLICE_NONE;
    out_slice_put(&o, host);
    out_slice_put(&o, path);
    return out_slice(&o);
}

/** Neither host nor path: no value. */
static bool
base_of(struct sample_ctx *x, struct sample *out, const void *with_query, struct slice *base)
{
    const struct http_head *h = fetch_request(x, out);

    if (!h)
        return false;
    *base = fetch_base(x, h, with_query != NULL);
    return base->len != 0;
}

static bool
fetch_base_str(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice base;

    return base_of(x, out, private, &base) && fetch_give_str(out, base);
}

static bool
fetch_base32(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice base;

    return base_of(x, out, private, &base) && fetch_give_int(out, hash_avalanche(hash_sdbm(base)));
}

/** The hash, and the client's address behind it: 8 or 20 bytes. */
static bool
fetch_base32_src(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    char bytes[20];
    struct slice base, ip;
    struct addr a;
    uint32_t hash;

    if (!base_of(x, out, private, &base) || !fetch_src(x, &a))
        return false;
    ip = addr_ip_bytes(&a);
    if (!ip.p || ip.len > sizeof(bytes) - sizeof(hash))
        return false;
    hash = htonl(hash_avalanche(hash_sdbm(base)));
    memcpy(bytes, &hash, sizeof(hash));
    memcpy(bytes + sizeof(hash), ip.p, ip.len);
    return fetch_give_copy(x, out, SMP_BIN, slice(bytes, sizeof(hash) + ip.len));
}

/* ---- address in the URL ---- */

/** Of an absolute URL whose host is an IPv4 address. */
static bool
url_addr(struct sample_ctx *x, struct sample *out, struct addr *a, unsigned *port)
{
    const struct http_head *h = fetch_request(x, out);
    struct http_uri u;
    struct slice host;

    if (!h)
        return false;
    u = http_uri_split(h->target);
    if (!u.scheme.p || !u.authority.p)
        return false;
    host = http_authority_split(u.authority, port);
    if (!*port)
        *port = http_scheme_port(u.scheme);
    return addr_parse_ip(host, a) && a->kind == ADDR_IP4;
}

static bool
fetch_url_ip(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct addr a;
    unsigned port;

    return url_addr(x, out, &a, &port) && fetch_give_addr(out, &a);
}

static bool
fetch_url_port(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct addr a;
    unsigned port;

    return url_addr(x, out, &a, &port) && fetch_give_int(out, port);
}

/* ---- parameters ---- */

/** arg[1]: what the parameters begin behind; arg[2].i: the name's case does not matter. */
static bool
check_urlp(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type == ARG_END || arg[1].type == ARG_END || arg[2].type == ARG_END || !arg[2].s.len)
        return true;
    arg[2].i = slice_eq(arg[2].s, SL("i"));
    if (arg[2].i)
        return true;
    *err = xstrdup("unsupported third argument: only 'i' is supported");
    return false;
}

/** The first parameter of the name, or each in turn: iter[0] is where the next one begins. */
static bool
find_param(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, struct slice *v)
{
    const struct http_head *h = fetch_request(x, out);
    bool given = arg[0].type != ARG_END, more = given && arg[1].type != ARG_END;
    char delim = more && arg[1].s.len ? arg[1].s.p[0] : '?';
    struct http_param it;

    if (!h)
        return false;
    it = http_param_in_target(h->target, delim);
    if (out->iter[0])
        it.rest = out->iter[0] <= h->target.len ? slice_sub(h->target, out->iter[0], SIZE_MAX)
                                                : SLICE_NONE;
    if (!http_param_find(&it, given ? arg[0].s : SL(""),
                         more && arg[2].type != ARG_END && arg[2].i))
        return false;
    *v = it.value;
    if (x->opt & SMPO_ITERATE && it.rest.p) {
        out->iter[0] = (size_t)(it.rest.p - h->target.p);
        out->flags |= SMPF_NOT_LAST;
    }
    return true;
}

static bool
fetch_urlp(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice v;

    return find_param(arg, x, out, &v) && fetch_give_str(out, v);
}

static bool
fetch_urlp_val(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice v;

    return find_param(arg, x, out, &v) && fetch_give_int(out, fetch_number(v));
}

/* ---- the transaction ---- */

static bool
fetch_first_req(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct session *sess = fetch_session(x);

    return x->strm && fetch_give_bool(out, !(sess->flags & SESSF_NOT_FIRST));
}

static bool
fetch_unique_id(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return x->strm && fetch_give_str(out, stream_unique_id_in(x->strm, x));
}

/* ---- rows ---- */

#define ROW(name, type, needs, fn, help, private_)                                                 \
    {                                                                                              \
        name, FETCH_NO_ARGS, type, needs, fn, help, .private = private_                            \
    }
#define REQ(name, type, fn, help, private_) ROW(name, type, NEEDS_REQ_HTTP, fn, help, private_)
#define PARAM_ARGS                                                                                 \
    {                                                                                              \
        ARG_STR | ARG_OPT, ARG_STR | ARG_OPT, ARG_STR | ARG_OPT                                    \
    }
#define PARAM(name, type, fn, help)                                                                \
    {                                                                                              \
        name, PARAM_ARGS, type, NEEDS_REQ_HTTP, fn, help, check_urlp,                              \
            .usage = "[<name>[,<delim>[,i]]]"                                                      \
    }
#define WITH_QUERY FETCH_P(1)
#define RESPONSE   FETCH_P(1)

static const struct fetch http_fetches[] = {
    ROW("method", SMP_METH, NEEDS_REQ_HTTP_ANY, fetch_method, "method of the request", NULL),
    ROW("req.ver", SMP_STR, NEEDS_REQ_HTTP_ANY, fetch_ver, "HTTP version of the request", NULL),
    ROW("req_ver", SMP_STR, NEEDS_REQ_HTTP_ANY, fetch_ver, "HTTP version of the request", NULL),
    ROW("res.ver", SMP_STR, NEEDS_RES_HTTP_ANY, fetch_ver, "HTTP version of the response",
        RESPONSE),
    ROW("resp_ver", SMP_STR, NEEDS_RES_HTTP_ANY, fetch_ver, "HTTP version of the response",
        RESPONSE),
    REQ("url", SMP_STR, fetch_url, "the request's URL as presented", NULL),
    REQ("path", SMP_STR, fetch_path, "path of the request's URL", NULL),
    REQ("pathq", SMP_STR, fetch_path, "path and query of the request's URL", WITH_QUERY),
    { "query", FETCH_OPT_STR, SMP_STR, NEEDS_REQ_HTTP, fetch_query, "query of the request's URL",
      check_query, .usage = "[with_qm]" },
    REQ("base", SMP_STR, fetch_base_str, "host and path of the request", NULL),
    REQ("baseq", SMP_STR, fetch_base_str, "host, path and query of the request", WITH_QUERY),
    REQ("base32", SMP_SINT, fetch_base32, "hash of host and path", NULL),
    REQ("url32", SMP_SINT, fetch_base32, "hash of host, path and query", WITH_QUERY),
    REQ("base32+src", SMP_BIN, fetch_base32_src, "hash of host and path, then the client's address",
        NULL),
    REQ("url32+src", SMP_BIN, fetch_base32_src,
        "hash of host, path and query, then the client's address", WITH_QUERY),
    REQ("url_ip", SMP_IPV4, fetch_url_ip, "IPv4 address in the request's URL", NULL),
    REQ("url_port", SMP_SINT, fetch_url_port, "port in the request's URL", NULL),
    PARAM("urlp", SMP_STR, fetch_urlp, "value of a parameter in the query"),
    PARAM("url_param", SMP_STR, fetch_urlp, "value of a parameter in the query"),
    PARAM("urlp_val", SMP_SINT, fetch_urlp_val, "number in a parameter in the query"),
    ROW("http_first_req", SMP_BOOL, NEEDS_REQ_HTTP_ANY, fetch_first_req,
        "whether it is the connection's first request", NULL),
    ROW("unique-id", SMP_STR, NEEDS_NOTHING, fetch_unique_id, "unique ID of the request", NULL),
    { 0 },
};

const struct module fetch_http_module = { .name = "HTTP request fetches", .fetches = http_fetches };
