/* act_header.c - add-header, set-header, del-header, replace-header, replace-value, early-hint. */
#include "action/action.h"

#include "config/tune.h"
#include "proxy/stream_int.h"
#include "sample/regex.h"

/* ---- names ---- */

/* Lower-case copy in the configuration's arena. */
static const char *
lower_name(struct cfg *c, const char *name)
{
    char *p = arena_strdup(c->arena, name);

    for (char *q = p; *q; q++)
        *q = (char)ascii_lower((unsigned char)*q);
    return p;
}

static bool
is_token_char(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           (ch && strchr("!#$%&'*+-.^_`|~", ch));
}

static void
check_name(struct cfg *c, unsigned at, const char *name)
{
    for (const char *p = name; *p; p++)
        if (!is_token_char(*p)) {
            cfg_warn(c, at, "header name '%s' contains forbidden character '%c' (RFC 9110, 5.1).",
                     name, *p);
            return;
        }
}

/* ---- add-header, set-header ---- */

static enum cfg_rc
parse_name_and_format(struct cfg *c, unsigned *at, struct rule *r)
{
    if (*at + 1 >= c->nwords || !act_has_word(c, *at) || !act_has_word(c, *at + 1))
        return cfg_error(c, CFG_WHOLE_LINE, "expects exactly 2 arguments.");
    check_name(c, *at, cfg_arg(c, *at));
    r->p[0] = (char *)lower_name(c, cfg_arg(c, (*at)++));
    r->i[0] = (int64_t)strlen(r->p[0]);
    r->p[1] = act_format(c, at, r);
    return r->p[1] ? CFG_OK : CFG_ERR;
}

static struct slice
name_of(const struct rule *r)
{
    return slice(r->p[0], (size_t)r->i[0]);
}

static enum act_rc
exec_add_header(const struct rule *r, struct rule_ctx *x)
{
    struct slice v = logfmt_slice(r->p[1], x->x);
    struct http_head *h = act_head(r, x);

    return act_rewritten(v.p && act_fits(h, v.len) && http_hdr_add_value(h, name_of(r), v), r, x);
}

static enum act_rc
exec_set_header(const struct rule *r, struct rule_ctx *x)
{
    struct slice v = logfmt_slice(r->p[1], x->x);
    struct http_head *h = act_head(r, x);

    return act_rewritten(v.p && act_fits(h, v.len) && http_hdr_set_value(h, name_of(r), v), r, x);
}

/* ---- del-header ---- */

enum name_match { MATCH_STR, MATCH_BEG, MATCH_END, MATCH_SUB, MATCH_REG };

static const char *const match_names[] = { "str", "beg", "end", "sub", "reg" };

static enum cfg_rc
parse_del_header(struct cfg *c, unsigned *at, struct rule *r)
{
    unsigned m = 0;

    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "expects at least 1 argument.");
    unsigned name_at = (*at)++;
    if (cfg_arg_is(c, *at, "-m")) {
        const char *method = cfg_arg(c, *at + 1);
        if (!*method)
            return cfg_error(c, *at, "-m flag expects exactly 1 argument.");
        while (m < COUNT_OF(match_names) && strcmp(match_names[m], method) != 0)
            m++;
        if (m == COUNT_OF(match_names))
            return cfg_error(c, *at + 1, "-m with unsupported matching method '%s'.", method);
        *at += 2;
    }
    r->i[1] = m;
    if (m == MATCH_REG) {
        r->p[1] = act_regex(c, &name_at, "");
        return r->p[1] ? CFG_OK : CFG_ERR;
    }
    r->p[0] = (char *)lower_name(c, cfg_arg(c, name_at));
    r->i[0] = (int64_t)strlen(r->p[0]);
    return CFG_OK;
}

static bool
name_matches(const struct rule *r, struct slice name)
{
    switch ((enum name_match)r->i[1]) {
    case MATCH_STR:
        return slice_eq(name, name_of(r));
    case MATCH_BEG:
        return slice_starts(name, name_of(r));
    case MATCH_END:
        return slice_ends(name, name_of(r));
    case MATCH_SUB:
        return slice_search(name, name_of(r)) != SIZE_MAX;
    case MATCH_REG:
        return regex_match(r->p[1], name);
    }
    return false;
}

static enum act_rc
exec_del_header(const struct rule *r, struct rule_ctx *x)
{
    struct http_head *h = act_head(r, x);
    struct http_hdr *f;
    unsigned pos = 0;

    if (r->i[1] == MATCH_STR) {
        http_hdr_del(h, name_of(r));
        return ACT_CONT;
    }
    while ((f = http_hdr_next(h, SLICE_NONE, &pos)))
        if (name_matches(r, f->name))
            http_hdr_del_one(h, f);
    return ACT_CONT;
}

/* ---- replace-header, replace-value ---- */

static enum cfg_rc
parse_replace(struct cfg *c, unsigned *at, struct rule *r)
{
    if (!act_has_word(c, *at) || !act_has_word(c, *at + 1) || *at + 2 >= c->nwords ||
        cond_starts(c, *at + 2))
        return cfg_error(c, CFG_WHOLE_LINE, "expects exactly 3 arguments.");
    r->p[0] = (char *)lower_name(c, cfg_arg(c, (*at)++));
    r->i[0] = (int64_t)strlen(r->p[0]);
    r->p[2] = act_regex(c, at, "");
    if (!r->p[2])
        return CFG_ERR;
    r->p[1] = act_format(c, at, r);
    return r->p[1] ? CFG_OK : CFG_ERR;
}

/* Elements of lists are replaced with the blanks around them. */
static struct slice
with_blanks(struct slice part, struct slice whole)
{
    const char *end = part.p + part.len, *stop = whole.p + whole.len;

    while (part.p > whole.p && (part.p[-1] == ' ' || part.p[-1] == '\t'))
        part.p--;
    while (end < stop && (*end == ' ' || *end == '\t'))
        end++;
    return slice(part.p, (size_t)(end - part.p));
}

/* Writes the new value of a header. False: nothing matched. */
static bool
replace_whole(const struct rule *r, struct slice value, struct slice format, struct out *o)
{
    struct regex_captures cap;

    if (!regex_exec(r->p[2], value, 0, &cap))
        return false;
    if (!regex_expand(format, &cap, o))
        o->full = true;
    return true;
}

static bool
replace_elements(const struct rule *r, struct slice value, struct slice format, struct out *o)
{
    struct slice rest = value, item;
    struct regex_captures cap;
    size_t done = 0;

    while (http_list_next(&rest, &item)) {
        if (!regex_exec(r->p[2], item, 0, &cap))
            continue;
        struct slice part = with_blanks(item, value);
        size_t at = (size_t)(part.p - value.p);
        out_mem(o, value.p + done, at - done);
        if (!regex_expand(format, &cap, o))
            o->full = true;
        done = at + part.len;
    }
    if (!done)
        return false;
    out_mem(o, value.p + done, value.len - done);
    return true;
}

static enum act_rc
exec_replace(const struct rule *r, struct rule_ctx *x,
             bool (*replace)(const struct rule *, struct slice, struct slice, struct out *))
{
    struct http_head *h = act_head(r, x);
    struct slice format = logfmt_slice(r->p[1], x->x);
    struct out o = { arena_alloc(x->x->tmp, tune.bufsize), 0, tune.bufsize, false };
    struct http_hdr *f;
    unsigned pos = 0;

    if (!format.p || !o.p)
        return act_rewrite_failed(r, x);
    while ((f = http_hdr_next(h, name_of(r), &pos))) {
        o.len = 0;
        if (replace(r, f->value, format, &o) &&
            (o.full || !act_fits(h, o.len) || !http_hdr_replace(h, f, out_slice(&o))))
            return act_rewrite_failed(r, x);
    }
    return ACT_CONT;
}

static enum act_rc
exec_replace_header(const struct rule *r, struct rule_ctx *x)
{
    return exec_replace(r, x, replace_whole);
}

static enum act_rc
exec_replace_value(const struct rule *r, struct rule_ctx *x)
{
    return exec_replace(r, x, replace_elements);
}

/* ---- early-hint: headers of a 103 response (RFC 8297) ---- */

/* The following rule adds to the same response for sure. */
static bool
goes_on(const struct rule *r, const struct list *head)
{
    const struct rule *next = container_of(r->link.next, struct rule, link);

    return r->link.next != head && next->act == r->act && !next->cond;
}

static bool
append_hint(struct stream *s, struct slice name, struct slice value)
{
    size_t size = s->early_hints.len + name.len + value.len + 4;
    struct out o = { arena_alloc(&s->arena, size), 0, size, false };

    if (!o.p)
        return false;
    out_slice_put(&o, s->early_hints);
    out_slice_put(&o, name);
    out_lit(&o, ": ");
    out_slice_put(&o, value);
    out_lit(&o, "\r\n");
    s->early_hints = out_slice(&o);
    return true;
}

/* A hint that cannot leave at once is not worth waiting. */
static void
send_hints(struct stream *s)
{
    struct iovec iov[3] = { { (char *)"HTTP/1.1 103 Early Hints\r\n", 26 },
                            { (char *)s->early_hints.p, s->early_hints.len },
                            { (char *)"\r\n", 2 } };

    if (!s->res.tx && !chan_write(&s->res, s->sess->conn, iov, 3, false))
        stream_wake(s); /* the connection broke: its step will see */
    s->early_hints = SLICE_NONE;
}

static enum act_rc
exec_early_hint(const struct rule *r, struct rule_ctx *x)
{
    struct stream *s = x->strm;
    struct slice v = logfmt_slice(r->p[1], x->x);
    const struct list *head =
        s->be == x->x->px && s->be != s->fe ? &s->be->http_req_rules : &s->fe->http_req_rules;

    if (s->rq.version < 11)
        return ACT_CONT;
    if (!v.p || !append_hint(s, name_of(r), v))
        return act_rewrite_failed(r, x);
    if (!goes_on(r, head))
        send_hints(s);
    return ACT_CONT;
}

static const struct action actions[] = {
    { "add-header", RS_HTTP, "<name> <fmt>", parse_name_and_format, exec_add_header,
      "appends a header", 0, NULL },
    { "set-header", RS_HTTP, "<name> <fmt>", parse_name_and_format, exec_set_header,
      "replaces all headers of a name by one", 0, NULL },
    { "del-header", RS_HTTP, "<name> [-m {str|beg|end|sub|reg}]", parse_del_header, exec_del_header,
      "removes all headers whose names match", 0, NULL },
    { "replace-header", RS_HTTP, "<name> <regex> <fmt>", parse_replace, exec_replace_header,
      "replaces the whole value of headers that match", 0, NULL },
    { "replace-value", RS_HTTP, "<name> <regex> <fmt>", parse_replace, exec_replace_value,
      "replaces the comma-separated values of headers that match", 0, NULL },
    { "early-hint", RS_HTTP_REQ, "<name> <fmt>", parse_name_and_format, exec_early_hint,
      "sends a header ahead of the response (103 Early Hints)", 0, NULL },
    { 0 }
};

const struct module action_header_module = { .name = "header actions", .actions = actions };
