/* act_var.c - set-var, set-var-fmt, unset-var (manual 2.8, 4.4). */
#include "action/action.h"

#include "sample/vars.h"

#include <stdlib.h>

#define EXPECTS                                                                                    \
    "Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'."

/* "(name[,condition]*)": the variable is r->p[0], its conditions are r->i[0]. */
static enum cfg_rc
parse_name(struct cfg *c, unsigned at, struct rule *r)
{
    const char *word = cfg_arg(c, at - 1), *open = strchr(word, '(');
    char *err = NULL;

    if (!open)
        return cfg_error(c, at - 1, "invalid or incomplete action '%s'. " EXPECTS, word);
    struct slice rest = act_parens(c, at, r);
    if (!rest.p)
        return cfg_error(c, at - 1, "incomplete argument after action '%s'. " EXPECTS, word);
    struct slice name = slice_cut(rest, ',', &rest);
    while (rest.p) {
        struct slice cond = slice_cut(rest, ',', &rest);
        unsigned bit = var_cond_parse(arena_slicedup(c->arena, cond));
        if (!bit)
            return cfg_error(c, at - 1, "unknown condition \"%.*s\".", SLF(cond));
        r->i[0] |= bit;
    }
    r->p[0] = (void *)var_parse(name, &err);
    if (!r->p[0]) {
        cfg_error(c, at - 1, "%s.", err ? err : "invalid variable name");
        free(err);
        return CFG_ERR;
    }
    if (!var_is_writable(r->p[0]))
        return cfg_error(c, at - 1, "variable '%s' is read-only: it belongs to the parent stream.",
                         var_text(r->p[0]));
    return CFG_OK;
}

static enum cfg_rc
parse_set(struct cfg *c, unsigned *at, struct rule *r)
{
    if (parse_name(c, *at, r) != CFG_OK)
        return CFG_ERR;
    r->p[1] = act_expr(c, at, r);
    return r->p[1] ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
parse_set_fmt(struct cfg *c, unsigned *at, struct rule *r)
{
    struct logfmt_opt opt = { .where = rule_set_points(r->set, r->px) };

    if (parse_name(c, *at, r) != CFG_OK)
        return CFG_ERR;
    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "missing log-format string.");
    r->p[1] = logfmt_compile(c, *at, cfg_arg(c, *at), r->px, &opt);
    (*at)++;
    return r->p[1] ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
parse_unset(struct cfg *c, unsigned *at, struct rule *r)
{
    return parse_name(c, *at, r);
}

static enum act_rc
exec_set(const struct rule *r, struct rule_ctx *x)
{
    struct sample s = { 0 };

    if (!expr_eval(r->p[1], x->x, &s))
        return act_must_wait(&s, x) ? ACT_YIELD : ACT_CONT;
    var_set(r->p[0], x->x, &s, (unsigned)r->i[0]);
    return ACT_CONT;
}

static enum act_rc
exec_set_fmt(const struct rule *r, struct rule_ctx *x)
{
    struct sample s = { .type = SMP_STR, .flags = SMPF_CONST, .u.s = logfmt_slice(r->p[1], x->x) };

    if (s.u.s.p)
        var_set(r->p[0], x->x, &s, (unsigned)r->i[0]);
    return ACT_CONT;
}

static enum act_rc
exec_unset(const struct rule *r, struct rule_ctx *x)
{
    var_unset(r->p[0], x->x);
    return ACT_CONT;
}

static const struct action actions[] = {
    { "set-var", RS_TCP | RS_HTTP, "(<name>[,<condition>]*) <expr>", parse_set, exec_set,
      "gives a variable the value of an expression", ACTF_PAREN, NULL },
    { "set-var-fmt", RS_TCP | RS_HTTP, "(<name>[,<condition>]*) <fmt>", parse_set_fmt, exec_set_fmt,
      "gives a variable the value of a format", ACTF_PAREN, NULL },
    { "unset-var", RS_TCP | RS_HTTP, "(<name>)", parse_unset, exec_unset, "removes a variable",
      ACTF_PAREN, NULL },
    { 0 }
};

const struct module action_var_module = { .name = "variable actions", .actions = actions };
