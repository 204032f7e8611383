/* const.c - fetches of constants and variables: always_true, bool(), int(), str(), var(), acl().
 * Manual 7.3.2. */
#include "sample/acl_int.h"
#include "sample/module.h"
#include "sample/vars.h"

#include <stdlib.h>

static bool
fetch_always(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    sample_set_bool(out, private != NULL);
    return true;
}

static bool
check_bool(struct expr_arg *arg, struct cfg *c, char **err)
{
    struct slice s = arg[0].s;

    if (slice_eq_nocase(s, SL("true")) || slice_eq(s, SL("1"))) {
        arg[0].i = 1;
        return true;
    }
    if (slice_eq_nocase(s, SL("false")) || slice_eq(s, SL("0")))
        return true;
    *err = xstrdup("Expects 'true', 'false', '0' or '1'");
    return false;
}

static bool
fetch_bool(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    sample_set_bool(out, arg[0].i);
    return true;
}

static bool
fetch_int(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    sample_set_int(out, arg[0].i);
    return true;
}

static bool
fetch_str(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    sample_set_str(out, arg[0].s);
    return true;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)ascii_lower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** The argument becomes the bytes. */
static bool
check_bin(struct expr_arg *arg, struct cfg *c, char **err)
{
    struct slice s = arg[0].s;
    char *d = arena_alloc(c->arena, s.len / 2 + 1);

    if (s.len % 2) {
        *err = xstrdup("an even number of hex digit is expected");
        return false;
    }
    for (size_t i = 0; i < s.len; i += 2) {
        int hi = hex_digit(s.p[i]), lo = hex_digit(s.p[i + 1]);
        if (hi < 0 || lo < 0) {
            *err = xasprintf("an hex digit is expected (found '%c')", s.p[hi < 0 ? i : i + 1]);
            return false;
        }
        d[i / 2] = (char)(hi << 4 | lo);
    }
    arg[0].s = slice(d, s.len / 2);
    return true;
}

static bool
fetch_bin(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    sample_set_str(out, arg[0].s);
    out->type = SMP_BIN;
    return true;
}

static bool
check_meth(struct expr_arg *arg, struct cfg *c, char **err)
{
    arg[0].i = http_method_of(arg[0].s);
    return true;
}

static bool
fetch_meth(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    out->type = SMP_METH;
    out->flags |= SMPF_CONST;
    out->u.meth.id = (enum http_method)arg[0].i;
    out->u.meth.name = out->u.meth.id == HTTP_OTHER ? arg[0].s : SLICE_NONE;
    return true;
}

static bool
fetch_ipv4(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    out->type = SMP_IPV4;
    out->u.v4 = arg[0].u.v4;
    return true;
}

static bool
fetch_ipv6(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    out->type = SMP_IPV6;
    out->u.v6 = arg[0].u.v6;
    return true;
}

static bool
check_var(struct expr_arg *arg, struct cfg *c, char **err)
{
    arg[0].u.var = var_parse(arg[0].s, err);
    return arg[0].u.var != NULL;
}

static bool
fetch_var(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    if (var_get(arg[0].u.var, x, out))
        return true;
    if (arg[1].type == ARG_END)
        return false;
    sample_set_str(out, arg[1].s);
    return true;
}

/* ---- dump_all_vars
 * ------------------------------------------------------------------------------------------ */

#define DUMP_MAX 16384u /* longer lists are no value at all */

static const struct {
    const char *name;
    enum var_scope scope;
} dumped[] = {
    { "sess", VAR_SESS }, { "txn", VAR_TXN },   { "req", VAR_REQ },
    { "res", VAR_RES },   { "proc", VAR_PROC },
};

struct dump {
    struct out out;
    struct slice prefix, delim;
    struct sample_ctx *x;
};

static bool
check_dump(struct expr_arg *arg, struct cfg *c, char **err)
{
    arg[0].i = -1;
    if (arg[0].type == ARG_END || arg[0].s.len == 0)
        return true;
    for (unsigned i = 0; i < COUNT_OF(dumped); i++)
        if (slice_eq_str(arg[0].s, dumped[i].name))
            arg[0].i = (int64_t)i;
    if (arg[0].i >= 0)
        return true;
    *err =
        xasprintf("invalid scope '%.*s', must be one of: sess, txn, req, res, proc", SLF(arg[0].s));
    return false;
}

static void
put_quoted(struct out *o, struct slice s)
{
    out_char(o, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\') {
            out_char(o, '\\');
            out_char(o, (char)c);
        } else if (c < 0x20 || c == 0x7f) {
            out_printf(o, "\\x%02x", c);
        } else {
            out_char(o, (char)c);
        }
    }
    out_char(o, '"');
}

static void
put_value(struct out *o, const struct sample *value, struct sample_ctx *x)
{
    struct sample s = *value;

    switch (s.type) {
    case SMP_BOOL:
        out_str(o, s.u.i ? "true" : "false");
        break;
    case SMP_STR:
    case SMP_METH:
        if (sample_cast(&s, SMP_STR, x))
            put_quoted(o, s.u.s);
        break;
    case SMP_BIN:
        for (size_t i = 0; i < s.u.s.len; i++)
            out_printf(o, "%02X", (unsigned char)s.u.s.p[i]);
        break;
    default:
        if (sample_cast(&s, SMP_STR, x))
            out_slice_put(o, s.u.s);
    }
}

static bool
dump_one(const struct var_name *v, const struct sample *value, void *arg)
{
    struct dump *d = arg;
    const char *text = var_text(v);
    const char *name = strchr(text, '.') + 1;

    if (!slice_starts(slice_str(name), d->prefix))
        return true;
    if (d->out.len)
        out_slice_put(&d->out, d->delim);
    out_str(&d->out, text);
    out_char(&d->out, '=');
    put_value(&d->out, value, d->x);
    return !d->out.full;
}

static bool
fetch_dump(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct dump d = { .x = x, .delim = SL(", ") };
    char *buf = arena_alloc(x->tmp ? x->tmp : sample_tmp(), DUMP_MAX);

    if (!buf)
        return false;
    d.out = (struct out){ buf, 0, DUMP_MAX, false };
    if (arg[1].type != ARG_END)
        d.prefix = arg[1].s;
    if (arg[2].type != ARG_END)
        d.delim = arg[2].s;
    for (unsigned i = 0; i < COUNT_OF(dumped); i++)
        if ((arg[0].i < 0 || arg[0].i == (int64_t)i) &&
            !vars_each(x, dumped[i].scope, dump_one, &d))
            return false;
    sample_set_str(out, out_slice(&d.out));
    return !d.out.full;
}

#define OPT_STR (ARG_STR | ARG_OPT)
#define ACL_NAMES                                                                                  \
    {                                                                                              \
        ARG_STR, OPT_STR, OPT_STR, OPT_STR, OPT_STR, OPT_STR, OPT_STR, OPT_STR, OPT_STR, OPT_STR,  \
            OPT_STR, OPT_STR                                                                       \
    }

static char yes; /* its address says true */

const struct fetch sample_fetches[] = {
    { "acl", ACL_NAMES, SMP_BOOL, NEEDS_NOTHING, acl_names_fetch, "true if all the named ACLs are",
      acl_names_check, .usage = "[!]<name>[,...]" },
    { "always_false", { 0 }, SMP_BOOL, NEEDS_NOTHING, fetch_always, "always false" },
    { "always_true", { 0 }, SMP_BOOL, NEEDS_NOTHING, fetch_always, "always true", .private = &yes },
    { "bin",
      { ARG_STR },
      SMP_BIN,
      NEEDS_NOTHING,
      fetch_bin,
      "the given bytes",
      check_bin,
      .usage = "<hex>" },
    { "bool",
      { ARG_STR },
      SMP_BOOL,
      NEEDS_NOTHING,
      fetch_bool,
      "the given boolean",
      check_bool,
      .usage = "<bool>" },
    { "dump_all_vars",
      { OPT_STR, OPT_STR, OPT_STR },
      SMP_STR,
      NEEDS_NOTHING,
      fetch_dump,
      "the variables that are set, as a list of name=value",
      check_dump,
      .usage = "[<scope>[,<prefix>[,<delim>]]]" },
    { "int",
      { ARG_SINT },
      SMP_SINT,
      NEEDS_NOTHING,
      fetch_int,
      "the given integer",
      .usage = "<integer>" },
    { "ipv4",
      { ARG_ADDR4 },
      SMP_IPV4,
      NEEDS_NOTHING,
      fetch_ipv4,
      "the given IPv4 address",
      .usage = "<ipv4>" },
    { "ipv6",
      { ARG_ADDR6 },
      SMP_IPV6,
      NEEDS_NOTHING,
      fetch_ipv6,
      "the given IPv6 address",
      .usage = "<ipv6>" },
    { "meth",
      { ARG_STR },
      SMP_METH,
      NEEDS_NOTHING,
      fetch_meth,
      "the given HTTP method",
      check_meth,
      .usage = "<method>" },
    { "str",
      { ARG_STR },
      SMP_STR,
      NEEDS_NOTHING,
      fetch_str,
      "the given string",
      .usage = "<string>" },
    { "var",
      { ARG_STR, OPT_STR },
      SMP_ANY,
      NEEDS_NOTHING,
      fetch_var,
      "the value of a variable, with the type it was stored with, or a default string",
      check_var,
      .usage = "<var-name>[,<default>]" },
    { 0 },
};
