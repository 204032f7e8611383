/* lb_key.c - what a request is hashed by: `balance
 * source|uri|url_param|hdr|rdp-cookie|hash|log-hash`. Keys are part of the compatibility contract:
 * see lb_map.c. */
#include "balance/lb_int.h"
#include "base/hash.h"
#include "http/head.h"
#include "sample/expr.h"

static uint32_t
finish(const struct lb *lb, uint32_t h)
{
    return lb->avalanche ? hash_avalanche(h) : h;
}

static uint32_t
hash_of(const struct lb *lb, struct slice s)
{
    switch (lb->hash_fn) {
    case LBH_DJB2:
        return finish(lb, hash_djb2(s));
    case LBH_WT6:
        return finish(lb, hash_wt6(s));
    case LBH_CRC32:
        return finish(lb, hash_crc32(s));
    case LBH_NONE:
        return finish(lb, hash_none(s));
    default:
        return finish(lb, hash_sdbm(s));
    }
}

/** Addresses are not run through the hash function: their 32-bit words are combined. */
static bool
key_source(const struct lb *lb, struct sample_ctx *x, uint32_t *key)
{
    struct sample smp = { 0 };
    uint32_t h = 0, word;

    if (!lb->hash_expr || !expr_eval(lb->hash_expr, x, &smp))
        return false;
    if (smp.type == SMP_IPV4) {
        h = ntohl(smp.u.v4.s_addr);
    } else if (smp.type == SMP_IPV6) {
        for (unsigned i = 0; i < 4; i++) {
            memcpy(&word, (const char *)&smp.u.v6 + 4 * i, 4);
            h ^= ntohl(word);
        }
    } else {
        return false;
    }
    *key = finish(lb, h);
    return true;
}

static bool
key_expr(const struct lb *lb, struct sample_ctx *x, enum sample_type type, uint32_t *key)
{
    struct sample smp = { 0 };

    if (!lb->hash_expr || !expr_eval_as(lb->hash_expr, x, type, &smp))
        return false;
    *key = hash_of(lb, smp.u.s);
    return true;
}

static struct slice
path_of(struct slice target)
{
    size_t at;

    if (target.len && target.p[0] == '/')
        return target;
    at = slice_search(target, SL("://"));
    if (at == SIZE_MAX)
        return slice(target.p, 0);
    at = slice_find(target, '/', at + 3);
    return at == SIZE_MAX ? slice(target.p, 0) : slice_sub(target, at, SIZE_MAX);
}

static bool
key_uri(const struct lb *lb, const struct http_head *req, uint32_t *key)
{
    struct slice s = req->target;
    unsigned slashes = 0;
    size_t end;

    if (lb->uri_path_only)
        s = path_of(s);
    if (lb->uri_len && s.len > lb->uri_len)
        s.len = lb->uri_len;
    for (end = 0; end < s.len; end++) {
        if (s.p[end] == '/' && lb->uri_depth && ++slashes > lb->uri_depth)
            break;
        if (s.p[end] == '?' && !lb->uri_whole)
            break;
    }
    s.len = end;
    *key = hash_of(lb, s);
    return true;
}

/** The value of parameter lb->arg in a query string. */
static bool
find_param(struct slice query, struct slice name, struct slice *value)
{
    while (query.p) {
        struct slice pair = slice_cut(query, '&', &query);

        if (pair.len > name.len && pair.p[name.len] == '=' &&
            memcmp(pair.p, name.p, name.len) == 0) {
            *value = slice_sub(pair, name.len + 1, SIZE_MAX);
            return true;
        }
    }
    return false;
}

static bool
key_url_param(const struct lb *lb, struct sample_ctx *x, uint32_t *key)
{
    struct slice query, value;

    slice_cut(x->req->target, '?', &query);
    if (query.p && find_param(query, slice_str(lb->arg), &value)) {
        *key = hash_of(lb, value);
        return true;
    }
    return x->req->meth == HTTP_POST && key_expr(lb, x, SMP_STR, key);
}

/** The label before the last one: "example" in www.example.com. Ports do not matter. */
static struct slice
main_domain(struct slice host)
{
    size_t end = host.len, start;

    while (end > 0 && host.p[end - 1] != '.')
        end--;
    if (end < 2) /* no dot, or nothing before it */
        return host;
    end--;
    start = end;
    while (start > 0 && host.p[start - 1] != '.')
        start--;
    return slice_sub(host, start, end - start);
}

static bool
key_hdr(const struct lb *lb, const struct http_head *req, uint32_t *key)
{
    struct slice value;

    if (!http_val_nth(req, slice_str(lb->arg), 1, false, &value) || value.len == 0)
        return false;
    *key = hash_of(lb, lb->hdr_domain_only ? main_domain(value) : value);
    return true;
}

bool
lb_key(const struct lb *lb, struct sample_ctx *x, uint32_t *key)
{
    switch (lb->kind) {
    case LB_SOURCE:
        return key_source(lb, x, key);
    case LB_URI:
        return x->req && key_uri(lb, x->req, key);
    case LB_URL_PARAM:
        return x->req && key_url_param(lb, x, key);
    case LB_HDR:
        return x->req && key_hdr(lb, x->req, key);
    case LB_RDP_COOKIE:
    case LB_HASH:
        return key_expr(lb, x, SMP_BIN, key);
    case LB_LOG_HASH:
        return key_expr(lb, x, SMP_STR, key);
    default:
        return false;
    }
}
