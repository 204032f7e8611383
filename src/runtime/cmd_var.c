/* cmd_var.c - get var, set var: variables of the process (management manual 9.3). */
#include "runtime/cli_int.h"

#include "config/module.h"
#include "runtime/runtime.h"
#include "sample/expr.h"
#include "sample/logformat.h"
#include "sample/vars.h"

#include <stdlib.h>

static struct sample_ctx
process_ctx(void)
{
    return (struct sample_ctx){ .tmp = sample_tmp(), .opt = SMPO_FINAL, .point = PT_CLI };
}

/* ---- get ---- */

struct search {
    const char *name;
    struct text *out;
    bool found;
};

static bool
look(const struct var_name *v, const struct sample *value, void *arg)
{
    struct search *s = arg;

    if (strcmp(var_text(v), s->name) != 0)
        return true;
    struct sample_ctx x = process_ctx();
    struct sample text = *value;
    s->found = true;
    text_printf(s->out, "%s: type=%s value=<", s->name, sample_type_name(value->type));
    if (sample_cast(&text, SMP_STR, &x))
        text_slice(s->out, text.u.s);
    text_char(s->out, '>'); /* the empty line that ends answers ends this one */
    return false;
}

static enum cli_rc
cmd_get_var(struct cli *c, const struct command *cmd)
{
    struct search s = { c->arg[2], &c->out, false };
    struct sample_ctx x = process_ctx();

    if (!*s.name)
        return cli_err(c, "Missing process-wide variable identifier.");
    vars_each(&x, VAR_PROC, look, &s);
    sample_tmp_reset();
    return s.found ? CLI_DONE : cli_err(c, "Variable not found.");
}

/* ---- set ---- */

/* Evaluates the words from `from` on as an expression or a format. */
static bool
evaluate(struct cfg *c, const char *text, bool format, struct sample_ctx *x, struct sample *out)
{
    if (format) {
        struct logfmt *f = logfmt_parse(c, CFG_WHOLE_LINE, text, NULL, PT_CLI, false);
        if (!f)
            return false;
        expr_resolve_all(c);
        *out = (struct sample){ .type = SMP_STR };
        out->u.s = c->diags.errors ? SLICE_NONE : logfmt_slice(f, x);
        return out->u.s.p != NULL;
    }
    struct expr *e = expr_parse_text(c, text, NULL, NULL, PT_CLI);
    if (!e)
        return false;
    expr_resolve_all(c);
    return !c->diags.errors && expr_eval(e, x, out);
}

static void
put_diags(struct cli *c, const struct diags *d)
{
    const struct diag *g;

    list_each (g, &d->list, link)
        if (g->level >= DIAG_WARNING)
            cli_err(c, "%s", g->text);
}

static enum cli_rc
set_var(struct cli *c, const struct var_name *v, const char *text, bool format)
{
    struct arena a;
    struct cfg cf;
    struct sample value;
    struct sample_ctx x = process_ctx();

    arena_init_config(&a);
    cfg_init(&cf, config, &a);
    bool ok = evaluate(&cf, text, format, &x, &value);
    if (!ok && !cf.diags.errors)
        cli_err(c, "Failed to evaluate the expression.");
    put_diags(c, &cf.diags);
    if (ok && !var_set(v, &x, &value, 0))
        cli_err(c, "Failed to set the variable.");
    cfg_fini(&cf);
    arena_fini(&a);
    sample_tmp_reset();
    return CLI_DONE;
}

static enum cli_rc
cmd_set_var(struct cli *c, const struct command *cmd)
{
    const char *name = c->arg[2];
    char *err = NULL;
    bool format = strcmp(c->arg[3], "fmt") == 0, expr = strcmp(c->arg[3], "expr") == 0;
    unsigned at = format || expr ? 4 : 3;

    if (!*name || at >= c->nargs)
        return cli_err(c, "Missing either 'expr', 'fmt' or expression.");
    const struct var_name *v = var_parse(slice_str(name), &err);
    if (!v)
        return cli_err_free(c, err);
    if (var_scope_of(v) != VAR_PROC)
        return cli_err(
            c, "'set var': cannot set variable '%s', only scope 'proc' is permitted here.", name);
    return set_var(c, v, cli_rest(c, at), format);
}

static const struct command commands[] = {
    { "get var", "get var <name>", "the value of a variable of the process", CLI_LEVEL_OPERATOR,
      cmd_get_var, 0, NULL },
    { "set var", "set var <name> [fmt|expr] {<fmt>|<expr>}", "set a variable of the process",
      CLI_LEVEL_ADMIN, cmd_set_var, CMDF_EXPERIMENTAL, NULL },
    { 0 },
};

const struct module runtime_var_module = { .name = "runtime API: variables", .commands = commands };
