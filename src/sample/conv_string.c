/* conv_string.c - case, trimming, joining, comparing, reversing. */
#include "sample/conv.h"
#include "sample/regex.h"

#include <stdlib.h>

typedef unsigned char (*case_fn)(unsigned char c);

struct case_kind {
    case_fn fn;
};

static const struct case_kind kind_lower = { ascii_lower }, kind_upper = { ascii_upper };

static bool
conv_case(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const struct case_kind *kind = private;

    if (!sample_own(s, 0, x))
        return false;
    char *p = (char *)s->u.s.p;
    for (size_t i = 0; i < s->u.s.len; i++)
        p[i] = (char)kind->fn((unsigned char)p[i]);
    return true;
}

static bool
conv_length(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    sample_set_int(s, (int64_t)s->u.s.len);
    return true;
}

static bool
in_set(struct slice set, char c)
{
    return set.len && memchr(set.p, c, set.len);
}

static bool
conv_ltrim(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    while (s->u.s.len && in_set(arg[0].s, s->u.s.p[0])) {
        s->u.s.p++;
        s->u.s.len--;
    }
    return true;
}

static bool
conv_rtrim(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    while (s->u.s.len && in_set(arg[0].s, s->u.s.p[s->u.s.len - 1]))
        s->u.s.len--;
    return true;
}

static bool
conv_cut_crlf(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    size_t n = 0;

    while (n < s->u.s.len && s->u.s.p[n] != '\r' && s->u.s.p[n] != '\n')
        n++;
    s->u.s.len = n;
    return true;
}

/* ---- joining ----------------------------------------------------------------------------------
 */

/** An optional variable as a string; empty when it is unset or has no text. */
static struct slice
text_of_var(const struct expr_arg *arg, struct sample_ctx *x)
{
    struct sample v;

    if (arg->type != ARG_VAR || !conv_var_as(arg->u.var, x, SMP_STR, &v))
        return SLICE_NONE;
    return v.u.s;
}

/** Replaces *s by its bytes followed by three pieces, cut where HAProxy's buffer ends. */
static bool
append(struct sample *s, struct slice a, struct slice b, struct slice c, struct sample_ctx *x)
{
    struct out o;

    if (!conv_out(&o, MIN(s->u.s.len + a.len + b.len + c.len, conv_size_max - 1), x))
        return false;
    out_slice_put(&o, s->u.s);
    out_slice_put(&o, a);
    out_slice_put(&o, b);
    out_slice_put(&o, c);
    conv_out_end(s, SMP_STR, &o);
    return true;
}

static bool
check_concat(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[1].type == ARG_END || arg[1].s.len == 0)
        return true;
    return conv_check_var(&arg[1], "", err);
}

static bool
conv_concat(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice start = arg[0].type == ARG_STR ? arg[0].s : SLICE_NONE;
    struct slice end = arg[1].type != ARG_END && arg[2].type == ARG_STR ? arg[2].s : SLICE_NONE;

    if (arg[0].type == ARG_END)
        return true;
    return append(s, start, text_of_var(&arg[1], x), end, x);
}

static bool
check_add_item(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[1].s.len == 0 && (arg[2].type == ARG_END || arg[2].s.len == 0)) {
        *err = xstrdup("one of the optional arguments has to be nonempty");
        return false;
    }
    return check_concat(arg, c, err);
}

/** Like concat(), but the delimiter only appears between two things that are not empty. */
static bool
conv_add_item(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice item = text_of_var(&arg[1], x);
    struct slice suffix = arg[2].type == ARG_STR ? arg[2].s : SLICE_NONE;
    bool delimit = s->u.s.len && (item.len || suffix.len);

    return append(s, delimit ? arg[0].s : SLICE_NONE, item, suffix, x);
}

static bool
conv_iif(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    conv_set_const(s, SMP_STR, s->u.i ? arg[0].s : arg[1].s);
    return true;
}

/* ---- comparing with a variable ----------------------------------------------------------------
 */

static bool
check_var(struct expr_arg *arg, struct cfg *c, char **err)
{
    return conv_check_var(&arg[0], "missing variable name", err);
}

/** The difference of the first bytes that differ, else of the lengths as -1 or 1. */
static bool
conv_strcmp(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct sample v;
    struct slice a = s->u.s;

    if (!conv_var_as(arg[0].u.var, x, SMP_STR, &v))
        return false;
    struct slice b = v.u.s;
    size_t i = 0, n = MIN(a.len, b.len);

    while (i < n && a.p[i] == b.p[i])
        i++;
    if (i < n)
        sample_set_int(s, (unsigned char)a.p[i] - (unsigned char)b.p[i]);
    else
        sample_set_int(s, (a.len > b.len) - (a.len < b.len));
    return true;
}

/** Takes the same time wherever two values of one length differ. */
static bool
conv_secure_memcmp(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s,
                   void *private)
{
    struct sample v;
    volatile unsigned char differ = 0;

    if (!conv_var_as(arg[0].u.var, x, SMP_BIN, &v))
        return false;
    bool equal = v.u.s.len == s->u.s.len;
    if (equal) {
        for (size_t i = 0; i < v.u.s.len; i++)
            differ |= (unsigned char)(v.u.s.p[i] ^ s->u.s.p[i]);
        equal = differ == 0;
    }
    sample_set_bool(s, equal);
    return true;
}

/* ---- parts and order --------------------------------------------------------------------------
 */

static bool
check_bytes(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (!conv_check_int_or_var(&arg[0], err) ||
        (arg[1].type != ARG_END && !conv_check_int_or_var(&arg[1], err))) {
        free(*err);
        *err = xstrdup("expects an integer or a variable name.");
        return false;
    }
    if (arg[0].type == ARG_SINT && arg[0].i < 0) {
        *err = xstrdup("expects a non-negative integer.");
        return false;
    }
    if (arg[1].type == ARG_SINT && arg[1].i <= 0) {
        *err = xstrdup("expects a positive integer.");
        return false;
    }
    return true;
}

static bool
conv_bytes(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    int64_t from, len = INT64_MAX;

    if (!conv_arg_int(&arg[0], x, &from) ||
        (arg[1].type != ARG_END && !conv_arg_int(&arg[1], x, &len)))
        return false;
    if (from < 0 || len < 0 || (uint64_t)from >= s->u.s.len)
        s->u.s.len = 0;
    else
        s->u.s = slice_sub(s->u.s, (size_t)from, (size_t)len);
    return true;
}

static bool
conv_reverse(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    if (!sample_own(s, 0, x))
        return false;
    char *p = (char *)s->u.s.p;
    for (size_t i = 0, j = s->u.s.len; i + 1 < j; i++) {
        char c = p[i];
        p[i] = p[--j];
        p[j] = c;
    }
    return true;
}

/** www.example.com becomes com.example.www: lets prefix indexes work on domains. */
static bool
conv_reverse_dom(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice in = s->u.s;
    struct out o;

    if (in.len && in.p[in.len - 1] == '.')
        in.len--;
    if (!conv_out(&o, in.len, x))
        return false;
    while (in.len) {
        size_t at = in.len;

        while (at > 0 && in.p[at - 1] != '.')
            at--;
        if (at == in.len)
            return false; /* empty label */
        out_mem(&o, in.p + at, in.len - at);
        if (at == 0)
            break;
        out_char(&o, '.');
        in.len = at - 1;
        if (in.len == 0)
            return false;
    }
    if (o.full || o.len == 0)
        return false;
    conv_out_end(s, SMP_STR, &o);
    return true;
}

/* ---- control characters -----------------------------------------------------------------------
 */

#define CTL_ANY     0x1ffffffffu /* bits 0..31: the byte; bit 32: DEL */
#define CTL_DEFAULT 0x1fffffdffu /* all but TAB */
#define CTL_HTTP    0x2401u      /* NUL, LF, CR: what breaks HTTP messages */

static bool
check_has_ctl(struct expr_arg *arg, struct cfg *c, char **err)
{
    char *end;

    if (arg[0].type == ARG_END || arg[0].s.len == 0)
        arg[0].i = (int64_t)CTL_DEFAULT;
    else if (slice_eq_str(arg[0].s, "any"))
        arg[0].i = (int64_t)CTL_ANY;
    else if (slice_eq_str(arg[0].s, "http"))
        arg[0].i = CTL_HTTP;
    else {
        const char *text = arg[0].s.p;
        bool digit = text[0] >= '0' && text[0] <= '9';
        uint64_t v =
            digit ? strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10) : 0;

        if (!digit || *end) {
            *err = xasprintf("cannot parse value '%s', problem at position %d; expecting an "
                             "integer value (decimal or hex "
                             "with '0x' prefix).",
                             text, digit ? (int)(end - text) : 0);
            return false;
        }
        if (v & ~(uint64_t)CTL_ANY) {
            *err = xasprintf("unsupported excess bits 0x%llx in argument value 0x%llx.",
                             (unsigned long long)(v & ~(uint64_t)CTL_ANY), (unsigned long long)v);
            return false;
        }
        arg[0].i = (int64_t)v;
    }
    return true;
}

static bool
conv_has_ctl(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    uint64_t mask = (uint64_t)arg[0].i;
    bool found = false;

    for (size_t i = 0; i < s->u.s.len && !found; i++) {
        unsigned char c = (unsigned char)s->u.s.p[i];

        found = c == 0x7f ? mask >> 32 & 1 : c < 0x20 && (mask >> c & 1);
    }
    sample_set_bool(s, found);
    return true;
}

/* ---- regsub -----------------------------------------------------------------------------------
 */

/** Flag bits that REGEX_ICASE, kept in the regex argument's .i for the compiler, leaves free. */
#define REGSUB_ALL 1 /* in the third argument's .i */

static bool
check_regsub(struct expr_arg *arg, struct cfg *c, char **err)
{
    struct slice flags = arg[2].type == ARG_END ? SLICE_NONE : arg[2].s;

    for (size_t i = 0; i < flags.len; i++) {
        if (flags.p[i] == 'i') {
            arg[0].i |= REGEX_ICASE;
        } else if (flags.p[i] == 'g') {
            arg[2].i = REGSUB_ALL;
        } else {
            *err = xasprintf("invalid regex flag '%c', only 'i' and 'g' are supported", flags.p[i]);
            return false;
        }
    }
    return regex_check_replacement(arg[1].s, err);
}

/** HAProxy's walk: an empty match right behind the previous one counts, and so does one at the very
 * end. */
static void
put_replaced(struct out *o, struct slice in, const struct expr_arg *arg)
{
    struct regex_captures cap;
    size_t at = 0;
    bool all = arg[2].type != ARG_END && arg[2].i == REGSUB_ALL, last = false;

    while (!last && !o->full && regex_exec(arg[0].u.regex, in, at, &cap) && cap.group[0].p) {
        size_t start = (size_t)(cap.group[0].p - in.p), end = start + cap.group[0].len;

        if (start < at) /* the pattern moved its start with \K */
            break;
        out_mem(o, in.p + at, start - at);
        regex_expand(arg[1].s, &cap, o);
        last = !all || at == in.len;
        if (end == at && at < in.len && all)
            out_char(o, in.p[end++]);
        at = end;
    }
    out_mem(o, in.p + at, in.len - at);
}

/** Cut where it does not fit. */
static bool
conv_regsub(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice in = s->u.s.p ? s->u.s : SL("");
    size_t sizes[] = { in.len + arg[1].s.len * 4 + 256, conv_size_max };
    struct out o;

    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        if (!conv_out(&o, sizes[i], x))
            return false;
        put_replaced(&o, in, arg);
        if (!o.full)
            break;
    }
    conv_out_end(s, SMP_STR, &o);
    return true;
}

#define OPT(t) ((t) | ARG_OPT)

const struct conv conv_string[] = {
    { "add_item",
      { ARG_STR, ARG_STR, OPT(ARG_STR) },
      SMP_STR,
      SMP_STR,
      conv_add_item,
      .check = check_add_item,
      .usage = "<delim>,[<var>][,<suff>]",
      .help = "appends a variable and a suffix after a delimiter where one is needed" },
    { "bytes",
      { ARG_STR, OPT(ARG_STR) },
      SMP_BIN,
      SMP_BIN,
      conv_bytes,
      .check = check_bytes,
      .usage = "<offset>[,<length>]",
      .help = "part of the input" },
    { "concat",
      { OPT(ARG_STR), ARG_STR, ARG_STR },
      SMP_STR,
      SMP_STR,
      conv_concat,
      .check = check_concat,
      .usage = "[<start>],[<var>],[<end>]",
      .help = "appends a text, a variable and another text" },
    { "cut_crlf", { 0 }, SMP_STR, SMP_STR, conv_cut_crlf, .help = "cuts at the first CR or LF" },
    { "has_ctl",
      { OPT(ARG_STR) },
      SMP_BIN,
      SMP_BOOL,
      conv_has_ctl,
      .check = check_has_ctl,
      .usage = "[<mask>]",
      .help = "true when there is a control character among those of the mask" },
    { "iif",
      { ARG_STR, ARG_STR },
      SMP_BOOL,
      SMP_STR,
      conv_iif,
      .usage = "<true>,<false>",
      .help = "one of two texts, depending on the input" },
    { "length", { 0 }, SMP_STR, SMP_SINT, conv_length, .help = "length of a string" },
    { "lower",
      { 0 },
      SMP_STR,
      SMP_STR,
      conv_case,
      .private = (void *)&kind_lower,
      .help = "ASCII lower case" },
    { "ltrim",
      { ARG_STR },
      SMP_STR,
      SMP_STR,
      conv_ltrim,
      .usage = "<chars>",
      .help = "drops leading characters of a set" },
    { "regsub",
      { ARG_REGEX, ARG_STR, OPT(ARG_STR) },
      SMP_STR,
      SMP_STR,
      conv_regsub,
      .check = check_regsub,
      .usage = "<regex>,<subst>[,<flags>]",
      .help = "replaces what a regular expression matches" },
    { "reverse", { 0 }, SMP_STR, SMP_STR, conv_reverse, .help = "bytes in reverse order" },
    { "reverse_dom",
      { 0 },
      SMP_STR,
      SMP_STR,
      conv_reverse_dom,
      .help = "labels of a domain name in reverse order" },
    { "rtrim",
      { ARG_STR },
      SMP_STR,
      SMP_STR,
      conv_rtrim,
      .usage = "<chars>",
      .help = "drops trailing characters of a set" },
    { "secure_memcmp",
      { ARG_STR },
      SMP_BIN,
      SMP_BOOL,
      conv_secure_memcmp,
      .check = check_var,
      .usage = "<var>",
      .help = "compares with a variable in constant time" },
    { "strcmp",
      { ARG_STR },
      SMP_STR,
      SMP_SINT,
      conv_strcmp,
      .check = check_var,
      .usage = "<var>",
      .help = "compares with a variable, as strcmp(3)" },
    { "upper",
      { 0 },
      SMP_STR,
      SMP_STR,
      conv_case,
      .private = (void *)&kind_upper,
      .help = "ASCII upper case" },
    { 0 },
};

const struct module conv_string_module = { .name = "conv_string", .convs = conv_string };
