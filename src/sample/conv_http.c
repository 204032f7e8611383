/* conv_http.c - values of HTTP headers: Accept-Language and Host. */
#include "sample/conv.h"

/* ---- language ---------------------------------------------------------------------------------
 */

#define Q_MAX 1000

/** Quality in thousandths. What does not begin with 0 or 1 counts as 1, as does its absence. */
static unsigned
quality(struct slice s)
{
    if (s.len == 0 || (s.p[0] != '0' && s.p[0] != '1'))
        return Q_MAX;
    unsigned q = s.p[0] == '1' ? Q_MAX : 0, weight = 100;
    if (s.len < 2 || s.p[1] != '.')
        return q;
    for (size_t i = 2; i < s.len && weight && s.p[i] >= '0' && s.p[i] <= '9'; i++, weight /= 10)
        q += weight * (unsigned)(s.p[i] - '0');
    return MIN(q, Q_MAX);
}

/** The quality among the parameters behind a language: only the first parameter may hold it. */
static unsigned
quality_of(struct slice params)
{
    struct slice value;
    struct slice name = slice_trim(slice_cut(params, '=', &value));

    return value.p && slice_eq_str(name, "q") ? quality(slice_trim(value)) : Q_MAX;
}

/** The first of the offered languages that `tag` names, with or without a variant behind a dash. */
static struct slice
match_language(struct slice tag, struct slice offered)
{
    while (offered.p) {
        struct slice one = slice_cut(offered, ';', &offered);

        if (one.len && slice_starts(tag, one) && (tag.len == one.len || tag.p[one.len] == '-'))
            return one;
    }
    return SLICE_NONE;
}

static bool
conv_language(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice rest = s->u.s, best = arg[1].type == ARG_END ? SLICE_NONE : arg[1].s;
    unsigned best_q = 0;

    while (rest.p && best_q < Q_MAX) {
        struct slice params;
        struct slice tag = slice_trim(slice_cut(slice_cut(rest, ',', &rest), ';', &params));
        struct slice found = match_language(tag, arg[0].s);
        unsigned q = found.p ? params.p ? quality_of(params) : Q_MAX : 0;

        if (q > best_q) {
            best_q = q;
            best = found;
        }
    }
    if (!best.p)
        return false;
    conv_set_const(s, SMP_STR, best);
    return true;
}

/* ---- Host -------------------------------------------------------------------------------------
 */

/** Offset of the colon before the port, or the length. A bracket ends the search: colons of an IPv6
 * address are in it. */
static size_t
port_at(struct slice host)
{
    for (size_t i = host.len; i-- > 0 && host.p[i] != ']';)
        if (host.p[i] == ':')
            return i;
    return host.len;
}

/** Without the port, in lower case. */
static bool
conv_host_only(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    s->u.s.len = port_at(s->u.s);
    if (!sample_own(s, 0, x))
        return false;
    char *p = (char *)s->u.s.p;
    for (size_t i = 0; i < s->u.s.len; i++)
        p[i] = (char)ascii_lower((unsigned char)p[i]);
    return true;
}

/** 0 without a port. Bytes that are no digits count by their distance from '0', as HAProxy counts
 * them. */
static bool
conv_port_only(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice host = s->u.s;
    uint32_t v = 0;

    for (size_t i = port_at(host) + 1; i < host.len; i++)
        v = v * 10 + (uint32_t)(host.p[i] - '0');
    sample_set_int(s, v);
    return true;
}

const struct conv conv_http[] = {
    { "host_only",
      { 0 },
      SMP_STR,
      SMP_STR,
      conv_host_only,
      .help = "a Host header without its port, in lower case" },
    { "language",
      { ARG_STR, ARG_STR | ARG_OPT },
      SMP_STR,
      SMP_STR,
      conv_language,
      .usage = "<value>[,<default>]",
      .help = "the best of some languages according to an Accept-Language header" },
    { "port_only",
      { 0 },
      SMP_STR,
      SMP_SINT,
      conv_port_only,
      .help = "the port of a Host header, or 0" },
    { 0 },
};

const struct module conv_http_module = { .name = "conv_http", .convs = conv_http };
