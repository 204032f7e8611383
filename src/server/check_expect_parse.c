/* check_expect_parse.c - reading `tcp-check expect` and `http-check expect` (manual 4.2). */
#include "server/check_int.h"
#include "server/check_parse.h"

#include <limits.h>
#include <stdlib.h>

/* ---- patterns ---- */

static const struct {
    const char *name;
    bool http, tcp;
    enum check_expect_kind kind;
} patterns[] = {
    { "string", false, true, CE_STRING },          { "binary", false, true, CE_BINARY },
    { "rstring", false, true, CE_REGEX },          { "rbinary", false, true, CE_REGEX_BINARY },
    { "string-lf", false, true, CE_STRING_LF },    { "binary-lf", false, true, CE_BINARY_LF },
    { "status", true, false, CE_HTTP_STATUS },     { "rstatus", true, false, CE_HTTP_RSTATUS },
    { "hdr", true, false, CE_HTTP_HDR },           { "fhdr", true, false, CE_HTTP_FHDR },
    { "string", true, false, CE_HTTP_BODY },       { "rstring", true, false, CE_HTTP_RBODY },
    { "string-lf", true, false, CE_HTTP_BODY_LF },
};

static struct regex *
take_regex(struct check_parse *p, unsigned i, unsigned flags)
{
    char *err = NULL;
    struct regex *re = regex_new(slice(p->c->word[i].s, p->c->word[i].len), flags, &err);

    if (re)
        regex_keep(re);
    else
        check_parse_error(p, i,
                          err ? arena_strdup(p->c->arena, err) : "invalid regular expression.");
    free(err);
    return re;
}

/** "200-299,304" */
static enum cfg_rc
take_statuses(struct check_parse *p, unsigned i, struct check_expect *e)
{
    struct slice rest = slice_str(cfg_arg(p->c, i));
    struct check_range **end = &e->status;

    while (rest.p) {
        struct slice one = slice_cut(rest, ',', &rest), high, low = slice_cut(one, '-', &high);
        struct check_range *r = ARENA_NEW(p->c->arena, struct check_range);
        uint64_t a, b;

        if (!slice_to_uint(low, &a) || a > 999 || (high.p && (!slice_to_uint(high, &b) || b > 999)))
            return check_parse_error(
                p, i,
                arena_printf(p->c->arena, "invalid status codes range '%s'.", cfg_arg(p->c, i)));
        r->low = (unsigned)a;
        r->high = high.p ? (unsigned)b : r->low;
        if (r->high < r->low)
            return check_parse_error(
                p, i,
                arena_printf(p->c->arena, "invalid status codes range '%s'.", cfg_arg(p->c, i)));
        *end = r;
        end = &r->next;
    }
    return CFG_OK;
}

/** "[-m <meth>] <pattern>" of a header's name or value. */
static enum cfg_rc
take_hdr_pattern(struct check_parse *p, unsigned *at, const char *what, bool fmt,
                 struct check_pattern *out)
{
    static const char *const methods[] = {
        [CM_STR] = "str", [CM_BEG] = "beg", [CM_END] = "end", [CM_SUB] = "sub", [CM_REG] = "reg"
    };
    struct cfg *c = p->c;

    out->how = CM_STR;
    if (cfg_arg_is(c, *at, "-m")) {
        unsigned m = 0;

        while (m < COUNT_OF(methods) && !cfg_arg_is(c, *at + 1, methods[m]))
            m++;
        if (m == COUNT_OF(methods) || (fmt && m == CM_REG))
            return check_parse_error(
                p, *at + 1,
                arena_printf(c->arena,
                             "'%s' : '-m' only supports 'str', 'beg', 'end'%s (got '%s').", what,
                             fmt ? " or 'sub'" : ", 'sub' or 'reg'", cfg_arg(c, *at + 1)));
        out->how = m;
        *at += 2;
    }
    if (*at >= c->nwords)
        return check_parse_error(
            p, *at,
            arena_printf(c->arena, "'%s' expect a pattern with the %s keyword", what,
                         strcmp(cfg_arg(c, *at - 1), "name") == 0 ? "name" : "value"));
    out->set = true;
    out->s = slice(c->word[*at].s, c->word[*at].len);
    if (fmt && !(out->fmt = check_parse_fmt(p, *at)))
        return CFG_ERR;
    if (!fmt && out->how == CM_REG && !(out->regex = take_regex(p, *at, 0)))
        return CFG_ERR;
    ++*at;
    return CFG_OK;
}

static enum cfg_rc
take_header(struct check_parse *p, unsigned *at, const char *what, struct check_expect *e)
{
    struct cfg *c = p->c;

    if ((!cfg_arg_is(c, *at, "name") && !cfg_arg_is(c, *at, "name-lf")) || *at + 1 >= c->nwords)
        return check_parse_error(
            p, *at,
            arena_printf(c->arena,
                         "'%s' expects at the name keyword as first argument followed by a pattern",
                         what));
    ++*at;
    if (take_hdr_pattern(p, at, what, cfg_arg_is(c, *at - 1, "name-lf"), &e->name) != CFG_OK)
        return CFG_ERR;
    if (!cfg_arg_is(c, *at, "value") && !cfg_arg_is(c, *at, "value-lf"))
        return CFG_OK;
    ++*at;
    return take_hdr_pattern(p, at, what, cfg_arg_is(c, *at - 1, "value-lf"), &e->value);
}

static enum cfg_rc
take_pattern(struct check_parse *p, unsigned *at, const char *what, struct check_expect *e)
{
    struct cfg *c = p->c;
    unsigned i = *at;

    if (e->kind == CE_HTTP_HDR || e->kind == CE_HTTP_FHDR)
        return take_header(p, at, what, e);
    if (i >= c->nwords)
        return check_parse_error(
            p, i, arena_printf(c->arena, "'%s' expects a <pattern> as argument", what));
    ++*at;
    e->data = slice(c->word[i].s, c->word[i].len);
    switch (e->kind) {
    case CE_BINARY:
        e->data = check_unhex(c->arena, e->data);
        return e->data.p ? CFG_OK
                         : check_parse_error(
                               p, i, arena_printf(c->arena, "'%s' invalid binary string.", what));
    case CE_HTTP_STATUS:
        return take_statuses(p, i, e);
    case CE_REGEX:
    case CE_REGEX_BINARY:
    case CE_HTTP_RSTATUS:
    case CE_HTTP_RBODY:
        return (e->regex = take_regex(p, i, 0)) ? CFG_OK : CFG_ERR;
    case CE_STRING_LF:
    case CE_BINARY_LF:
    case CE_HTTP_BODY_LF:
        return (e->fmt = check_parse_fmt(p, i)) ? CFG_OK : CFG_ERR;
    default:
        return CFG_OK;
    }
}

/* ---- options ---- */

static enum cfg_rc
take_status_name(struct check_parse *p, unsigned *at, enum check_status *out)
{
    static const struct {
        const char *option, *names, *shown;
    } sets[] = {
        { "ok-status", " L4OK L6OK L7OK L7OKC ", "'L4OK', 'L6OK', 'L7OK' or 'L7OKC'" },
        { "error-status", " L4CON L6RSP L7RSP L7STS L7OKC ",
          "'L4CON', 'L6RSP', 'L7RSP' or 'L7STS'" },
        { "tout-status", " L4TOUT L6TOUT L7TOUT ", "'L4TOUT', 'L6TOUT' or 'L7TOUT'" },
    };
    const char *option = cfg_arg(p->c, *at), *v = cfg_arg(p->c, *at + 1);
    const char *padded = arena_printf(p->c->arena, " %s ", v);
    unsigned k = 0;

    while (strcmp(sets[k].option, option) != 0)
        k++;
    if (!*v || !strstr(sets[k].names, padded))
        return check_parse_error(
            p, *at + 1,
            arena_printf(p->c->arena, "'%s' only supports %s status (got '%s').", option,
                         sets[k].shown, v));
    *out = check_status_find(v);
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
take_min_recv(struct check_parse *p, unsigned *at, struct check_expect *e)
{
    int64_t n;

    if (*at + 1 >= p->c->nwords)
        return check_parse_error(p, *at, "'min-recv' expects a integer as argument");
    if (!slice_to_int(slice_str(cfg_arg(p->c, *at + 1)), &n) || n < -1 || n > INT_MAX)
        return check_parse_error(p, *at + 1,
                                 "'min-recv' expects -1 or an integer from 0 to INT_MAX");
    e->min_recv = (long)n;
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
take_message(struct check_parse *p, unsigned *at, struct logfmt **out)
{
    if (*at + 1 >= p->c->nwords)
        return check_parse_error(
            p, *at,
            arena_printf(p->c->arena, "'%s' expects a string as argument.", cfg_arg(p->c, *at)));
    *out = check_parse_fmt(p, *at + 1);
    *at += 2;
    return *out ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
take_status_code(struct check_parse *p, unsigned *at, struct check_expect *e)
{
    if (*at + 1 >= p->c->nwords)
        return check_parse_error(p, *at, "'status-code' expects an expression as argument.");
    ++*at;
    e->status_code = expr_parse(p->c, at, p->px, PT_CHECK);
    return e->status_code ? CFG_OK : CFG_ERR;
}

/** An option of the rule. *known is false when word *at is none. */
static enum cfg_rc
take_option(struct check_parse *p, unsigned *at, struct check_rule *r, bool *known)
{
    struct check_expect *e = &r->expect;
    const char *w = cfg_arg(p->c, *at);

    *known = true;
    if (strcmp(w, "min-recv") == 0)
        return take_min_recv(p, at, e);
    if (strcmp(w, "comment") == 0)
        return (r->comment = check_parse_value(p, at, "a string")) ? CFG_OK : CFG_ERR;
    if (strcmp(w, "ok-status") == 0)
        return take_status_name(p, at, &e->ok_status);
    if (strcmp(w, "error-status") == 0)
        return take_status_name(p, at, &e->err_status);
    if (strcmp(w, "tout-status") == 0)
        return take_status_name(p, at, &e->tout_status);
    if (strcmp(w, "on-success") == 0)
        return take_message(p, at, &e->on_success);
    if (strcmp(w, "on-error") == 0)
        return take_message(p, at, &e->on_error);
    if (strcmp(w, "status-code") == 0)
        return take_status_code(p, at, e);
    *known = false;
    return CFG_OK;
}

static enum cfg_rc
unknown(struct check_parse *p, unsigned at)
{
    return check_parse_error(
        p, at,
        arena_printf(
            p->c->arena,
            p->http
                ? "'only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', "
                  "'[!]rstatus', [!]hdr, [!]fhdr or comment but got '%s' as argument."
                : "'only supports min-recv, '[!]binary', '[!]string', '[!]rstring', '[!]string-lf'"
                  "'[!]rbinary', '[!]binary-lf' or comment but got '%s' as argument.",
            cfg_arg(p->c, at)));
}

/** "[!] <kind> <pattern>" */
static enum cfg_rc
take_match(struct check_parse *p, unsigned *at, struct check_expect *e)
{
    unsigned i = 0;

    while (cfg_arg_is(p->c, *at, "!")) {
        e->inverse = !e->inverse;
        ++*at;
    }
    while (i < COUNT_OF(patterns) && !(cfg_arg_is(p->c, *at, patterns[i].name) &&
                                       (p->http ? patterns[i].http : patterns[i].tcp)))
        i++;
    if (i == COUNT_OF(patterns))
        return unknown(p, *at);
    if (e->kind != CE_NONE)
        return check_parse_error(p, *at, "only on pattern expected");
    e->kind = patterns[i].kind;
    ++*at;
    return take_pattern(p, at, patterns[i].name, e);
}

/** An HTTP response needs a request: not directly behind a connect. */
static bool
misses_send(const struct check_parse *p)
{
    const struct check_rule *r;
    bool connected = false;

    list_each (r, p->rules, link) {
        if (r->kind == CR_CONNECT)
            connected = true;
        else if (r->kind == CR_SEND)
            connected = false;
    }
    return p->http && connected;
}

enum cfg_rc
check_parse_expect(struct check_parse *p, unsigned *at)
{
    struct check_rule *r = check_rule_new(p->c, CR_EXPECT);

    if (misses_send(p))
        return check_parse_error(
            p, 0,
            arena_printf(p->c->arena,
                         "unable to add http-check expect rule at step %u (missing "
                         "send rule).",
                         check_next_step(p->rules)));

    if (*at >= p->c->nwords)
        return check_parse_error(p, *at, "expects at least a matching pattern as arguments.");
    while (*at < p->c->nwords) {
        bool known;

        if (take_option(p, at, r, &known) != CFG_OK)
            return CFG_ERR;
        if (!known && take_match(p, at, &r->expect) != CFG_OK)
            return CFG_ERR;
    }
    if (r->expect.kind == CE_NONE)
        return check_parse_error(p, *at, "pattern not found.");
    check_rule_append(p->rules, r);
    return CFG_OK;
}
