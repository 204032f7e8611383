/* act_redirect.c - http-request redirect, http-response redirect, and the `redirect` line
 * (manual 4.2). */
#include "action/action.h"

#include "http/status.h"
#include "http/uri.h"
#include "proxy/config.h"

enum redirect_type { TO_NOTHING, TO_LOCATION, TO_PREFIX, TO_SCHEME };
enum redirect_flag {
    DROP_QUERY = 1 << 0,
    APPEND_SLASH = 1 << 1,
    IGNORE_EMPTY = 1 << 2,
    KEEP_QUERY = 1 << 3,
};

struct redirect {
    enum redirect_type type;
    unsigned code, flags;
    struct logfmt *to;
    struct slice cookie;       /* value of Set-Cookie; p NULL: none */
    struct logfmt *cookie_fmt; /* the same, without the attributes */
};

/* ---- parsing ---- */

/* The text as it is: only http-request and http-response know formats (manual 4.2, "redirect"). */
static struct logfmt *
verbatim(struct cfg *c, unsigned *at, struct rule *r)
{
    unsigned word = (*at)++;
    const char *text = cfg_arg(c, word);
    size_t n = strlen(text);
    char *quoted = arena_alloc(c->arena, 2 * n + 1), *p = quoted;

    if (!quoted)
        return NULL;
    for (size_t i = 0; i <= n; i++) {
        if (text[i] == '%')
            *p++ = '%';
        *p++ = text[i];
    }
    return logfmt_parse(c, word, quoted, r->px, rule_set_points(r->set, r->px), false);
}

static enum cfg_rc
take_target(struct cfg *c, unsigned *at, struct rule *r, struct redirect *to, unsigned what)
{
    to->type = what;
    to->to = strcmp(c->word[0].s, "redirect") == 0 ? verbatim(c, at, r) : act_format(c, at, r);
    return to->to ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
take_code(struct cfg *c, unsigned *at, struct rule *r, struct redirect *to, unsigned what)
{
    const char *text = cfg_arg(c, *at);
    uint64_t n;

    if (!slice_to_uint(slice_str(text), &n) ||
        (n != 301 && n != 302 && n != 303 && n != 307 && n != 308))
        return cfg_error(
            c, *at,
            "'code': unsupported HTTP code '%s' (must be one of 301, 302, 303, 307 or 308).", text);
    to->code = (unsigned)n;
    (*at)++;
    return CFG_OK;
}

/* `what`: a cookie that ends at once. */
static enum cfg_rc
take_cookie(struct cfg *c, unsigned *at, struct rule *r, struct redirect *to, unsigned what)
{
    to->cookie = slice_str(
        arena_printf(c->arena, "%s; path=/;%s", cfg_arg(c, *at), what ? " Max-Age=0;" : ""));
    to->cookie_fmt = NULL;
    (*at)++;
    return CFG_OK;
}

static enum cfg_rc
take_cookie_fmt(struct cfg *c, unsigned *at, struct rule *r, struct redirect *to, unsigned what)
{
    to->cookie = SLICE_NONE;
    to->cookie_fmt = act_format(c, at, r);
    return to->cookie_fmt ? CFG_OK : CFG_ERR;
}

static const struct option {
    const char *name;
    unsigned flag; /* of an option without argument */
    enum cfg_rc (*take)(struct cfg *c, unsigned *at, struct rule *r, struct redirect *to,
                        unsigned what);
    unsigned what;
} options[] = {
    { "location", 0, take_target, TO_LOCATION }, { "prefix", 0, take_target, TO_PREFIX },
    { "scheme", 0, take_target, TO_SCHEME },     { "code", 0, take_code, 0 },
    { "set-cookie", 0, take_cookie, 0 },         { "clear-cookie", 0, take_cookie, 1 },
    { "set-cookie-fmt", 0, take_cookie_fmt, 0 }, { "drop-query", DROP_QUERY, NULL, 0 },
    { "append-slash", APPEND_SLASH, NULL, 0 },   { "ignore-empty", IGNORE_EMPTY, NULL, 0 },
    { "keep-query", KEEP_QUERY, NULL, 0 },
};

static enum cfg_rc
parse_option(struct cfg *c, unsigned *at, struct rule *r, struct redirect *to)
{
    const char *name = c->word[*at].s;
    const struct option *o = NULL;

    for (unsigned i = 0; i < COUNT_OF(options); i++)
        if (strcmp(options[i].name, name) == 0)
            o = &options[i];
    if (!o)
        return cfg_error(c, *at,
                         "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', "
                         "'set-cookie-fmt', 'clear-cookie', "
                         "'drop-query', 'ignore-empty', 'append-slash' or 'keep-query' (was '%s').",
                         name);
    if (!o->take) {
        to->flags |= o->flag;
        (*at)++;
        return CFG_OK;
    }
    if (*at + 1 >= c->nwords)
        return cfg_error(c, *at, "missing argument for '%s'.", name);
    (*at)++;
    return o->take(c, at, r, to, o->what);
}

static enum cfg_rc
parse_redirect(struct cfg *c, unsigned *at, struct rule *r)
{
    struct redirect *to = ARENA_NEW(c->arena, struct redirect);

    to->code = 302;
    r->p[0] = to;
    while (act_has_word(c, *at))
        if (parse_option(c, at, r, to) != CFG_OK)
            return CFG_ERR;
    if (to->type == TO_NOTHING)
        return cfg_error(c, CFG_WHOLE_LINE,
                         "redirection type expected ('prefix', 'location', or 'scheme').");
    if (r->set == RS_HTTP_RES && to->type != TO_LOCATION)
        return cfg_error(c, CFG_WHOLE_LINE, "response only supports redirect type 'location'.");
    if (to->flags & KEEP_QUERY && to->type != TO_LOCATION)
        return cfg_error(c, CFG_WHOLE_LINE, "'keep-query' is only supported with 'location'.");
    return CFG_OK;
}

/* ---- the new address ---- */

/* The path of the request, as the options want it. */
static void
put_path(struct out *o, const struct redirect *to, struct slice target)
{
    struct slice path = http_uri_pathq(target);

    if (!path.len)
        path = SL("/");
    if (to->flags & DROP_QUERY)
        path = slice_cut(path, '?', &(struct slice){ 0 });
    out_slice_put(o, path);
    if (to->flags & APPEND_SLASH && (!path.len || path.p[path.len - 1] != '/'))
        out_char(o, '/');
}

static void
put_query(struct out *o, struct slice location, struct slice target)
{
    struct slice query = http_uri_split(target).query;

    if (!query.p)
        return;
    out_char(o, slice_find(location, '?', 0) == SIZE_MAX ? '?' : '&');
    out_slice_put(o, query);
}

static struct slice
location_of(struct stream *s, const struct redirect *to, struct slice value)
{
    struct http_hdr *host = http_hdr_first(&s->rq, SL("host"));
    struct slice authority = host ? host->value : SLICE_NONE;
    size_t size = value.len + authority.len + s->rq.target.len + 8;
    struct out o = { arena_alloc(&s->arena, size), 0, size, false };

    if (!o.p)
        return SLICE_NONE;
    switch (to->type) {
    case TO_SCHEME:
        out_slice_put(&o, value);
        out_lit(&o, "://");
        out_slice_put(&o, authority);
        put_path(&o, to, s->rq.target);
        break;
    case TO_PREFIX:
        if (!slice_eq(value, SL("/"))) /* "/" alone: only the options change the path */
            out_slice_put(&o, value);
        put_path(&o, to, s->rq.target);
        break;
    default:
        out_slice_put(&o, value);
        if (to->flags & KEEP_QUERY)
            put_query(&o, value, s->rq.target);
        break;
    }
    return out_slice(&o);
}

/* ---- running ---- */

static bool
cookie_of(struct stream *s, const struct redirect *to, struct rule_ctx *x, struct slice *out)
{
    *out = to->cookie;
    if (!to->cookie_fmt)
        return true;
    struct slice v = logfmt_slice(to->cookie_fmt, x->x);
    if (!v.p)
        return false;
    *out = slice_str(arena_printf(&s->arena, "%.*s; path=/;", SLF(v)));
    return out->p;
}

static enum act_rc
exec_redirect(const struct rule *r, struct rule_ctx *x)
{
    const struct redirect *to = r->p[0];
    struct stream *s = x->strm;
    struct slice value = logfmt_slice(to->to, x->x), cookie;
    struct http_hdr *h = ARENA_ARRAY(&s->arena, struct http_hdr, 3);
    unsigned n = 0;

    if (!value.p || !h)
        return ACT_ERROR;
    if (!value.len && to->flags & IGNORE_EMPTY)
        return ACT_CONT;
    h[n++] = (struct http_hdr){ SL("location"), location_of(s, to, value) };
    if (!h[0].value.p || !cookie_of(s, to, x, &cookie))
        return ACT_ERROR;
    if (to->code != 301 && to->code != 308)
        h[n++] = (struct http_hdr){ SL("cache-control"), SL("no-cache") };
    if (cookie.p)
        h[n++] = (struct http_hdr){ SL("set-cookie"), cookie };
    s->reply = (struct reply_out){
        .set = true,
        .status = to->code,
        .reason = to->code == 302 ? SL("Found") : http_reason(to->code),
        .hdrs = h,
        .nhdrs = n,
    };
    if (s->be == s->fe)
        FE_COUNT(s->fe, intercepted, 1);
    return ACT_REPLY;
}

static const struct action actions[] = {
    { "redirect", RS_HTTP_REQ | RS_HTTP_RES,
      "{location|prefix|scheme} <fmt> [code <code>] [drop-query] [append-slash] [ignore-empty] "
      "[keep-query] "
      "[set-cookie <name>[=value]] [set-cookie-fmt <fmt>] [clear-cookie <name>[=]]",
      parse_redirect, exec_redirect, "sends the client elsewhere", ACTF_FINAL, NULL },
    { 0 }
};

const struct module action_redirect_module = { .name = "redirects", .actions = actions };
