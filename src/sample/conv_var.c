/* conv_var.c - set-var() and unset-var(). */
#include "sample/conv.h"

#include <stdlib.h>

/** The variable goes to the first argument, the conditions as a mask to its .i. */
static bool
check_set_var(struct expr_arg *arg, struct cfg *c, char **err)
{
    const struct var_name *v = var_parse(arg[0].s, err);

    if (!v)
        return false;
    if (!var_is_writable(v)) {
        *err = xasprintf("variable '%s' is read-only", var_text(v));
        return false;
    }
    arg[0].type = ARG_VAR;
    arg[0].u.var = v;
    for (unsigned i = 1; i < ARG_MAX && arg[i].type != ARG_END; i++) {
        unsigned cond = var_cond_parse(arg[i].s.p);

        if (!cond) {
            *err = xasprintf("unknown condition \"%s\"", arg[i].s.p);
            return false;
        }
        arg[0].i |= cond;
    }
    return true;
}

static bool
conv_set_var(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    return var_set(arg[0].u.var, x, s, (unsigned)arg[0].i);
}

static bool
conv_unset_var(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    var_unset(arg[0].u.var, x);
    return true;
}

const struct conv conv_var[] = {
    { "set-var",
      { ARG_STR, ARG_STR | ARG_OPT, ARG_STR, ARG_STR, ARG_STR },
      SMP_ANY,
      SMP_ANY,
      conv_set_var,
      .check = check_set_var,
      .usage = "<var>[,<cond>...]",
      .help = "keeps the value in a variable" },
    { "unset-var",
      { ARG_STR },
      SMP_ANY,
      SMP_ANY,
      conv_unset_var,
      .check = check_set_var,
      .usage = "<var>",
      .help = "forgets a variable" },
    { 0 },
};

const struct module conv_var_module = { .name = "conv_var", .convs = conv_var };
