/* action.c - what the families of actions share: arguments, failed rewrites, memory. */
#include "action/action.h"

#include "config/tune.h"
#include "proxy/proxy.h"
#include "sample/regex.h"

#include <stdlib.h>

#define MEASURED_FROM 256 /* bytes */

/* ---- parsing ---- */

struct expr *
act_expr(struct cfg *c, unsigned *at, struct rule *r)
{
    char *err = NULL;
    unsigned word = *at;

    if (!act_has_word(c, *at)) {
        cfg_error(c, CFG_WHOLE_LINE, "missing fetch method.");
        return NULL;
    }
    struct expr *e = expr_parse_err(c, at, r->px, rule_set_points(r->set, r->px), &err);
    if (!e) {
        cfg_error(c, word, "%s.", err ? err : "invalid expression");
        if (expr_hint())
            cfg_hint(c, "did you mean '%s'?", expr_hint());
    }
    free(err);
    return e;
}

struct logfmt *
act_format(struct cfg *c, unsigned *at, struct rule *r)
{
    unsigned word = (*at)++;

    return logfmt_parse(c, word, cfg_arg(c, word), r->px, rule_set_points(r->set, r->px), false);
}

struct regex *
act_regex(struct cfg *c, unsigned *at, const char *before)
{
    char *err = NULL;
    struct regex *re = regex_new(slice_str(cfg_arg(c, *at)), REGEX_CAPTURES, &err);

    if (!re)
        cfg_error(c, *at, "%s%s.", before, err ? err : "invalid regex");
    else
        regex_keep(re);
    free(err);
    (*at)++;
    return re;
}

enum cfg_rc
act_no_args(struct cfg *c, unsigned *at, struct rule *r)
{
    return CFG_OK;
}

struct slice
act_parens(const struct cfg *c, unsigned at, const struct rule *r)
{
    const char *p = cfg_arg(c, at - 1) + strlen(r->act->name);
    const char *end = *p == '(' ? strrchr(p, ')') : NULL;

    return end ? slice(p + 1, (size_t)(end - p) - 1) : SLICE_NONE;
}

enum cfg_rc
act_number(struct cfg *c, unsigned *at, struct rule *r, unsigned slot,
           bool (*parse)(const char *text, int64_t *out))
{
    if (act_has_word(c, *at) && parse(c->word[*at].s, &r->i[slot])) {
        (*at)++;
        return CFG_OK;
    }
    struct expr *e = act_expr(c, at, r);
    if (!e)
        return CFG_ERR;
    if (!sample_can_cast(expr_type(e), SMP_SINT))
        return cfg_error(c, *at - 1,
                         "fetch method '%s' returns invalid type, Unsigned Integer is needed.",
                         expr_text(e));
    r->p[slot] = e;
    return CFG_OK;
}

/* ---- running ---- */

bool
act_number_of(const struct rule *r, unsigned slot, struct rule_ctx *x, int64_t *out)
{
    struct sample s = { 0 };

    *out = r->i[slot];
    if (!r->p[slot])
        return true;
    if (!expr_eval_as(r->p[slot], x->x, SMP_SINT, &s))
        return false;
    *out = s.u.i;
    return true;
}

bool
act_fits(const struct http_head *h, size_t more)
{
    size_t n = h->method.len + h->target.len + h->reason.len + 16;

    if (likely(more < MEASURED_FROM))
        return true;
    for (unsigned i = 0; i < h->nhdr; i++)
        if (h->hdr[i].name.p)
            n += h->hdr[i].name.len + h->hdr[i].value.len + 4;
    return n + more <= tune.bufsize;
}

enum act_rc
act_rewrite_failed(const struct rule *r, struct rule_ctx *x)
{
    struct stream *s = x->strm;

    FE_COUNT(s->fe, wrew, 1);
    if (s->flags & SF_COUNTED_BE)
        BE_COUNT(s->be, wrew, 1);
    if (s->srv)
        SRV_COUNT(s->srv, wrew, 1);
    if (s->soft_rewrite)
        return ACT_CONT;
    stream_term(s, 'P', r->set == RS_HTTP_REQ ? 'R' : 'H');
    return ACT_ERROR;
}

struct slice
act_keep(struct stream *s, struct slice v)
{
    return arena_keep(&s->arena, v);
}

bool
act_reply_add(struct stream *s, struct slice name, struct slice value)
{
    struct reply_out *o = &s->reply;
    struct http_hdr *h = arena_alloc(&s->arena, (o->nhdrs + 1) * sizeof(*h));

    if (!h || !value.p)
        return false;
    if (o->nhdrs)
        memcpy(h, o->hdrs, o->nhdrs * sizeof(*h));
    h[o->nhdrs] = (struct http_hdr){ name, value };
    o->hdrs = h;
    o->nhdrs++;
    return true;
}
