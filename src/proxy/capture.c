/* capture.c - headers and cookies kept for the log: `capture request/response header`, `capture
 * cookie`, `declare capture` (manual 4.2). Headers are copied by stream_rules.c; this file knows
 * the configuration and cookies. */
#include "proxy/capture.h"

#include "config/tune.h"
#include "http/cookie.h"
#include "proxy/proxy.h"

/* ---- configuration ---- */

static struct captures *
captures_of(struct cfg *c, struct proxy *px)
{
    if (!px->captures) {
        px->captures = ARENA_NEW(c->arena, struct captures);
        list_init(&px->captures->req);
        list_init(&px->captures->res);
    }
    return px->captures;
}

unsigned
capture_add(struct cfg *c, struct proxy *px, bool response, const char *name, unsigned len)
{
    struct captures *caps = captures_of(c, px);
    struct capture *cap = ARENA_NEW(c->arena, struct capture);

    if (name) {
        char *lower = arena_strdup(c->arena, name);
        for (char *p = lower; *p; p++)
            *p = (char)ascii_lower((unsigned char)*p);
        cap->name = lower;
    }
    cap->len = len;
    cap->index = response ? caps->nres++ : caps->nreq++;
    list_push_back(response ? &caps->res : &caps->req, &cap->link);
    return cap->index;
}

const struct capture *
capture_slot(const struct captures *caps, bool response, int64_t index)
{
    struct capture *cap;

    if (!caps)
        return NULL;
    list_each (cap, response ? &caps->res : &caps->req, link)
        if (cap->index == index)
            return cap;
    return NULL;
}

/* "<name> len <n>" at the end of the line; the last word is the length. */
static bool
take_length(const struct cfg *c, unsigned at, unsigned *len)
{
    uint64_t n;

    if (!cfg_arg_is(c, at, "len") || !slice_to_uint(slice_str(cfg_arg(c, at + 1)), &n) ||
        n > UINT16_MAX)
        return false;
    *len = (unsigned)n;
    return true;
}

/* kw->max: of the response. */
static enum cfg_rc
parse_header(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *side = kw->max ? "capture response" : "capture request";
    unsigned len, name_at = *at;

    *at = c->nwords;
    if (name_at + 2 >= c->nwords || !take_length(c, name_at + 1, &len))
        return cfg_error(c, name_at, "'%s' expects 'header' <header_name> 'len' <len>.", side);
    if (name_at + 3 < c->nwords)
        return cfg_error(c, name_at + 3, "'%s' cannot handle unexpected argument '%s'.", side,
                         cfg_arg(c, name_at + 3));
    capture_add(c, obj, kw->max != 0, cfg_arg(c, name_at), len);
    return CFG_OK;
}

static enum cfg_rc
parse_cookie(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    unsigned len, name_at = *at;

    if (name_at + 2 >= c->nwords || !take_length(c, name_at + 1, &len))
        return cfg_error(c, name_at, "'capture' expects 'cookie' <cookie_name> 'len' <len>.");
    *at = name_at + 3;
    if (len > tune.http_cookielen) {
        cfg_warn(c, name_at + 2, DIAG_BARE "truncating capture length to %u bytes for %s '%s'.",
                 tune.http_cookielen, proxy_kind(px), px->name);
        len = tune.http_cookielen;
    }
    struct captures *caps = captures_of(c, px);
    const char *name = cfg_arg(c, name_at);
    size_t n = strlen(name);
    caps->cookie_prefix = name[n - 1] != '=';
    caps->cookie = caps->cookie_prefix ? name : arena_slicedup(c->arena, slice(name, n - 1));
    caps->cookie_len = len;
    return cfg_expect_end(c, *at);
}

/* declare capture { request | response } len <n> */
static enum cfg_rc
parse_declare(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    bool response = cfg_arg_is(c, *at, "response");
    const char *text = cfg_arg(c, *at + 2);
    unsigned from = *at;
    uint64_t len;

    *at = from + 3;
    if (!response && !cfg_arg_is(c, from, "request"))
        return cfg_error(c, from,
                         "'declare capture' requires a direction ('request' or 'response')");
    if (!cfg_arg_is(c, from + 1, "len"))
        return cfg_error(c, from + 1, "'declare capture' requires a capture length ('len')");
    if (!*text)
        return cfg_error(
            c, from + 1,
            "'declare capture': 'len' requires a numeric value that represents the capture length");
    if (!slice_to_uint(slice_str(text), &len) || len > UINT16_MAX)
        return cfg_error(c, from + 2, "'declare capture': cannot parse the length '%s'.", text);
    if (!len)
        return cfg_error(c, from + 2, "length must be > 0");
    capture_add(c, obj, response, NULL, (unsigned)len);
    return cfg_expect_end(c, *at);
}

const struct keyword capture_keywords[] = {
    { .name = "capture cookie",
      .args = "<name> len <length>",
      .where = IN_FRONTEND,
      .parse = parse_cookie,
      .help = "a cookie to show in logs, both as sent by the client and as set by the server" },
    { .name = "capture request header",
      .args = "<name> len <length>",
      .where = IN_FRONTEND,
      .max = 0,
      .parse = parse_header,
      .help = "a request header to show in logs" },
    { .name = "capture response header",
      .args = "<name> len <length>",
      .where = IN_FRONTEND,
      .max = 1,
      .parse = parse_header,
      .help = "a response header to show in logs" },
    { .name = "declare capture",
      .args = "{request|response} len <length>",
      .where = IN_FRONTEND,
      .parse = parse_declare,
      .flags = KWF_STRICT_PLACE,
      .help = "a slot that capture rules fill" },
    { 0 },
};

/* ---- cookies ---- */

static bool
is_captured(const struct captures *c, struct slice wanted, const struct http_cookie *k)
{
    if (k->is_attribute)
        return false;
    return c->cookie_prefix ? slice_starts(k->name, wanted) : slice_eq(k->name, wanted);
}

static struct slice
keep(const struct captures *c, const struct http_cookie *k, struct arena *arena)
{
    struct out o = { arena_alloc(arena, c->cookie_len + 1), 0, c->cookie_len, false };

    if (!o.p)
        return SLICE_NONE;
    out_slice_put(&o, k->name);
    out_char(&o, '=');
    out_slice_put(&o, k->value);
    return out_slice(&o);
}

struct slice
capture_cookie(const struct http_head *h, const struct captures *c, struct slice header,
               struct arena *arena)
{
    struct slice wanted = slice_str(c->cookie);
    struct http_hdr *f;
    unsigned pos = 0;

    while ((f = http_hdr_next(h, header, &pos))) {
        struct http_cookie k = { 0 };
        while (http_cookie_next(f->value, h->is_response, &k))
            if (is_captured(c, wanted, &k))
                return keep(c, &k, arena);
    }
    return SLICE_NONE;
}
