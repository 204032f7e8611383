/* conv.c - what the converter families share. */
#include "sample/conv.h"

#include <stdlib.h>

size_t conv_size_max = 16384;
struct conv_hooks conv_hooks;

void *
conv_alloc(size_t size, struct sample_ctx *x)
{
    return arena_alloc(x->tmp ? x->tmp : sample_tmp(), size);
}

bool
conv_out(struct out *o, size_t want, struct sample_ctx *x)
{
    size_t size = MIN(want, conv_size_max);
    char *p = conv_alloc(size + 1, x);

    *o = (struct out){ p, 0, p ? size : 0, false };
    return p != NULL;
}

void
conv_out_end(struct sample *s, enum sample_type type, const struct out *o)
{
    s->type = type;
    s->flags &= ~(unsigned)SMPF_CONST;
    s->u.s = out_slice(o);
}

void
conv_set_const(struct sample *s, enum sample_type type, struct slice v)
{
    s->type = type;
    s->flags |= SMPF_CONST;
    s->u.s = v;
}

bool
conv_var_as(const struct var_name *v, struct sample_ctx *x, enum sample_type t, struct sample *out)
{
    *out = (struct sample){ 0 };
    return var_get(v, x, out) && sample_cast(out, t, x);
}

int64_t
conv_read_int(struct slice s, size_t *used)
{
    size_t i = s.len && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;

    while (i < s.len && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    *used = i;
    return sample_parse_int(slice(s.p, i));
}

bool
conv_check_int_or_var(struct expr_arg *arg, char **err)
{
    size_t used;
    int64_t v = conv_read_int(arg->s, &used);

    if (used == arg->s.len) {
        arg->type = ARG_SINT;
        arg->i = v;
        return true;
    }
    arg->u.var = var_parse(arg->s, err);
    if (!arg->u.var) {
        free(*err);
        *err = xstrdup("expects an integer or a variable name");
        return false;
    }
    arg->type = ARG_VAR;
    return true;
}

bool
conv_check_var(struct expr_arg *arg, const char *missing, char **err)
{
    if (arg->s.len == 0) {
        *err = xstrdup(missing);
        return false;
    }
    arg->u.var = var_parse(arg->s, err);
    if (!arg->u.var) {
        free(*err);
        *err = xasprintf("failed to register variable name '%.*s'", SLF(arg->s));
        return false;
    }
    arg->type = ARG_VAR;
    return true;
}

bool
conv_check_base64_or_var(struct expr_arg *arg, const char *what, struct cfg *c, char **err)
{
    char *why = NULL;

    arg->u.var = var_parse(arg->s, &why);
    free(why);
    if (arg->u.var) {
        arg->type = ARG_VAR;
        return true;
    }
    char *p = arena_alloc(c->arena, arg->s.len + 1);
    ptrdiff_t n = base64_decode(p, arg->s, false);

    if (n < 0) {
        *err = xasprintf("failed to parse %s : argument needs to be base64 encoded, and can either "
                         "be a string or a "
                         "variable",
                         what);
        return false;
    }
    p[n] = '\0';
    arg->s = slice(p, (size_t)n);
    return true;
}

bool
conv_arg_int(const struct expr_arg *arg, struct sample_ctx *x, int64_t *out)
{
    struct sample v;

    if (arg->type != ARG_VAR) {
        *out = arg->i;
        return true;
    }
    if (!conv_var_as(arg->u.var, x, SMP_SINT, &v))
        return false;
    *out = v.u.i;
    return true;
}

bool
conv_arg_base64(const struct expr_arg *arg, struct sample_ctx *x, struct slice *out)
{
    struct sample v;

    if (arg->type != ARG_VAR) {
        *out = arg->s;
        return true;
    }
    if (!conv_var_as(arg->u.var, x, SMP_BIN, &v))
        return false;
    char *p = conv_alloc(v.u.s.len + 1, x);
    if (!p)
        return false;
    ptrdiff_t n = base64_decode(p, v.u.s, false);
    if (n < 0)
        return false;
    *out = slice(p, (size_t)n);
    return true;
}
