/* act_uri.c - the start line: set-method, set-path, set-pathq, set-query, set-uri, replace-*,
 * normalize-uri, set-status. */
#include "action/action.h"

#include "config/tune.h"
#include "http/uri.h"
#include "sample/regex.h"

enum uri_part { PART_METHOD, PART_PATH, PART_PATHQ, PART_QUERY, PART_URI };

static bool
set_part(struct http_head *h, enum uri_part part, struct slice v)
{
    switch (part) {
    case PART_METHOD:
        return http_set_method(h, v);
    case PART_PATH:
        return http_set_path(h, v);
    case PART_PATHQ:
        return http_set_pathq(h, v);
    case PART_QUERY:
        return http_set_query(h, v);
    case PART_URI:
        return http_set_target(h, v);
    }
    return false;
}

static enum uri_part
part_of(const struct rule *r)
{
    return *(const enum uri_part *)r->act->private;
}

/* ---- set-* ---- */

static enum cfg_rc
parse_set(struct cfg *c, unsigned *at, struct rule *r)
{
    if (!act_has_word(c, *at) || act_has_word(c, *at + 1))
        return cfg_error(c, CFG_WHOLE_LINE, "expects exactly 1 argument <format>.");
    r->p[0] = act_format(c, at, r);
    return r->p[0] ? CFG_OK : CFG_ERR;
}

/* A start line is three words: a result with blanks or control characters would make another
 * request of it. */
static bool
fits_start_line(struct slice v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((unsigned char)v.p[i] <= ' ' || v.p[i] == 0x7f)
            return false;
    return true;
}

static enum act_rc
exec_set(const struct rule *r, struct rule_ctx *x)
{
    struct slice v = logfmt_slice(r->p[0], x->x);

    return act_rewritten(v.p && fits_start_line(v) && set_part(&x->strm->rq, part_of(r), v), r, x);
}

/* ---- replace-* ---- */

static enum cfg_rc
parse_replace(struct cfg *c, unsigned *at, struct rule *r)
{
    if (!act_has_word(c, *at) || !act_has_word(c, *at + 1) || act_has_word(c, *at + 2))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "expects exactly 2 arguments <match-regex> and <replace-format>.");
    r->p[1] = act_regex(c, at, "failed to parse the regex : ");
    if (!r->p[1])
        return CFG_ERR;
    r->p[0] = act_format(c, at, r);
    return r->p[0] ? CFG_OK : CFG_ERR;
}

static struct slice
get_part(const struct http_head *h, enum uri_part part)
{
    switch (part) {
    case PART_PATH:
        return http_uri_split(h->target).path;
    case PART_PATHQ:
        return http_uri_pathq(h->target);
    default:
        return h->target;
    }
}

static enum act_rc
exec_replace(const struct rule *r, struct rule_ctx *x)
{
    struct http_head *h = &x->strm->rq;
    struct slice format = logfmt_slice(r->p[0], x->x), value = get_part(h, part_of(r));
    struct out o = { arena_alloc(x->x->tmp, tune.bufsize), 0, tune.bufsize, false };
    struct regex_captures cap;

    if (!format.p || !o.p)
        return act_rewrite_failed(r, x);
    if (slice_eq(h->target, SL("*")) && part_of(r) != PART_URI) /* "OPTIONS *" has no path */
        return ACT_CONT;
    if (!value.p || !regex_exec(r->p[1], value, 0, &cap))
        return ACT_CONT;
    if (!regex_expand(format, &cap, &o) || !fits_start_line(out_slice(&o)))
        return act_rewrite_failed(r, x);
    return act_rewritten(set_part(h, part_of(r), out_slice(&o)), r, x);
}

/* ---- normalize-uri ---- */

static enum cfg_rc
parse_normalize(struct cfg *c, unsigned *at, struct rule *r)
{
    unsigned n = 0;
    const char *name = cfg_arg(c, *at);

    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "missing argument <normalizer>.");
    while (n < HTTP_NORM_COUNT && strcmp(http_normalizer_name(n), name) != 0)
        n++;
    if (n == HTTP_NORM_COUNT)
        return cfg_error(c, *at, "unknown normalizer '%s'.", name);
    (*at)++;
    r->i[0] = n;
    const char *option = http_normalizer_option(n);
    if (!option || !act_has_word(c, *at))
        return CFG_OK;
    if (strcmp(cfg_arg(c, *at), option) != 0)
        return cfg_error(c, *at, "unknown argument '%s' for '%s' normalizer.", cfg_arg(c, *at),
                         name);
    (*at)++;
    r->i[1] = true;
    return CFG_OK;
}

static enum act_rc
exec_normalize(const struct rule *r, struct rule_ctx *x)
{
    struct stream *s = x->strm;
    struct slice out;

    switch (
        http_uri_normalize((enum http_normalizer)r->i[0], r->i[1], s->rq.target, &s->arena, &out)) {
    case HTTP_NORM_SAME:
        return ACT_CONT;
    case HTTP_NORM_CHANGED:
        return act_rewritten(http_set_target(&s->rq, out), r, x);
    case HTTP_NORM_INVALID:
        reply_error(s, 400);
        s->reply.close = true;
        return ACT_DENY;
    default:
        return act_rewrite_failed(r, x);
    }
}

/* ---- set-status <status> [reason <str>] ---- */

static enum cfg_rc
parse_status(struct cfg *c, unsigned *at, struct rule *r)
{
    uint64_t n;

    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>.");
    if (!slice_to_uint(slice_str(cfg_arg(c, *at)), &n) || n < 100 || n > 999)
        return cfg_error(c, *at, "expects an integer status code between 100 and 999.");
    r->i[0] = (int64_t)n;
    (*at)++;
    if (!cfg_arg_is(c, *at, "reason") || !act_has_word(c, *at + 1))
        return CFG_OK;
    r->p[0] = (char *)cfg_arg(c, *at + 1); /* as it is written: no format */
    *at += 2;
    return CFG_OK;
}

static enum act_rc
exec_status(const struct rule *r, struct rule_ctx *x)
{
    bool ok = http_set_status(&x->strm->rs, (unsigned)r->i[0], slice_str(r->p[0]));

    return act_rewritten(ok, r, x);
}

static enum uri_part method = PART_METHOD, path = PART_PATH, pathq = PART_PATHQ, query = PART_QUERY,
                     uri = PART_URI;

static const struct action actions[] = {
    { "set-method", RS_HTTP_REQ, "<fmt>", parse_set, exec_set, "replaces the method", 0, &method },
    { "set-path", RS_HTTP_REQ, "<fmt>", parse_set, exec_set, "replaces the path", 0, &path },
    { "set-pathq", RS_HTTP_REQ, "<fmt>", parse_set, exec_set, "replaces path and query string", 0,
      &pathq },
    { "set-query", RS_HTTP_REQ, "<fmt>", parse_set, exec_set, "replaces the query string", 0,
      &query },
    { "set-uri", RS_HTTP_REQ, "<fmt>", parse_set, exec_set, "replaces the whole target", 0, &uri },
    { "replace-path", RS_HTTP_REQ, "<regex> <fmt>", parse_replace, exec_replace,
      "replaces the path where it matches", 0, &path },
    { "replace-pathq", RS_HTTP_REQ, "<regex> <fmt>", parse_replace, exec_replace,
      "replaces path and query string where they match", 0, &pathq },
    { "replace-uri", RS_HTTP_REQ, "<regex> <fmt>", parse_replace, exec_replace,
      "replaces the target where it matches", 0, &uri },
    { "normalize-uri", RS_HTTP_REQ, "<normalizer> [full|strict]", parse_normalize, exec_normalize,
      "brings the target into a normal form", ACTF_EXPERIMENTAL, NULL },
    { "set-status", RS_HTTP_RES | RS_HTTP_AFTER, "<status> [reason <str>]", parse_status,
      exec_status, "replaces the status of the response", 0, NULL },
    { 0 }
};

const struct module action_uri_module = { .name = "start line actions", .actions = actions };
