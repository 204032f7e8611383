/* conv_rfc7239.c - the Forwarded header (RFC 7239): validation, its parameters, and nodes
 * "name[:port]". Untrusted input: one element, strict grammar, nothing is repaired. */
#include "sample/conv.h"

#include <arpa/inet.h>

static bool
is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/** tchar of RFC 9110, 5.6.2. */
static bool
is_token_char(char c)
{
    return is_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/** What may follow the underscore of an obfuscated name or port. RFC 7239, 6.3. */
static bool
is_obfuscated_char(char c)
{
    return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

static size_t
span(struct slice s, bool (*in)(char c))
{
    size_t n = 0;

    while (n < s.len && in(s.p[n]))
        n++;
    return n;
}

/** "_" and at least one character. */
static bool
is_obfuscated(struct slice s)
{
    return s.len > 1 && s.p[0] == '_' && span(s, is_obfuscated_char) == s.len;
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

enum name_kind { NAME_IPV4, NAME_IPV6, NAME_UNKNOWN, NAME_OBFUSCATED };
enum port_kind { PORT_NONE, PORT_NUMBER, PORT_OBFUSCATED };

struct node {
    enum name_kind name_kind;
    enum port_kind port_kind;
    struct slice name, port; /* text; an IPv6 address without its brackets */
    struct in_addr v4;
    struct in6_addr v6;
    unsigned number; /* of the port */
};

static bool
parse_address(struct slice s, int family, void *to)
{
    char text[INET6_ADDRSTRLEN];

    if (s.len == 0 || s.len >= sizeof(text) || memchr(s.p, '\0', s.len))
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    return inet_pton(family, text, to) == 1;
}

static bool
parse_name(struct node *n)
{
    if (is_obfuscated(n->name)) {
        n->name_kind = NAME_OBFUSCATED;
        return true;
    }
    if (slice_eq_nocase(n->name, SL("unknown"))) {
        n->name_kind = NAME_UNKNOWN;
        return true;
    }
    if (n->name.len > 2 && n->name.p[0] == '[') {
        n->name = slice_sub(n->name, 1, n->name.len - 2);
        n->name_kind = NAME_IPV6;
        return parse_address(n->name, AF_INET6, &n->v6);
    }
    n->name_kind = NAME_IPV4;
    return parse_address(n->name, AF_INET, &n->v4);
}

static bool
parse_port(struct node *n)
{
    uint64_t v;

    if (!n->port.p) {
        n->port_kind = PORT_NONE;
        return true;
    }
    if (is_obfuscated(n->port)) {
        n->port_kind = PORT_OBFUSCATED;
        return true;
    }
    if (n->port.len > 5 || !slice_to_uint(n->port, &v) || v > 65535)
        return false;
    n->port_kind = PORT_NUMBER;
    n->number = (unsigned)v;
    return true;
}

static bool
parse_node(struct slice s, struct node *n)
{
    size_t close = s.len && s.p[0] == '[' ? slice_find(s, ']', 0) : 0;

    if (close == SIZE_MAX)
        return false;
    size_t colon = slice_find(s, ':', close);
    n->port = colon == SIZE_MAX ? SLICE_NONE : slice_sub(s, colon + 1, SIZE_MAX);
    n->name = slice_sub(s, 0, colon);
    if (close && n->name.len != close + 1)
        return false;
    return parse_name(n) && parse_port(n);
}

/* ---- the header -------------------------------------------------------------------------------
 */

enum field { FIELD_PROTO, FIELD_HOST, FIELD_FOR, FIELD_BY, FIELDS };

static const struct slice field_names[FIELDS] = { SL("proto"), SL("host"), SL("for"), SL("by") };

static enum field
field_of(struct slice name)
{
    unsigned i = 0;

    while (i < FIELDS && !slice_eq_nocase(name, field_names[i]))
        i++;
    return (enum field)i;
}

static bool
is_scheme_char(char c)
{
    return is_alnum(c) || c == '+' || c == '-' || c == '.';
}

/** Characters of a registered name, an address in brackets, and a port. RFC 3986, 3.2.2. */
static bool
is_host_char(char c)
{
    return is_alnum(c) || (c && strchr("-._~%!$&'()*+,;=:[]", c));
}

static bool
is_field_value(enum field f, struct slice v)
{
    struct node n;

    switch (f) {
    case FIELD_PROTO:
        return v.len && !(v.p[0] >= '0' && v.p[0] <= '9') && span(v, is_scheme_char) == v.len;
    case FIELD_HOST:
        return v.len && span(v, is_host_char) == v.len;
    default:
        return parse_node(v, &n);
    }
}

/** A token, or a quoted string, whose quotes are left out. Escapes are not needed in any value and
 * refused. */
static bool
take_value(struct slice *rest, struct slice *value)
{
    if (rest->len && rest->p[0] == '"') {
        size_t end = slice_find(*rest, '"', 1);

        if (end == SIZE_MAX)
            return false;
        *value = slice_sub(*rest, 1, end - 1);
        *rest = slice_sub(*rest, end + 1, SIZE_MAX);
        return memchr(value->p, '\\', value->len) == NULL;
    }
    size_t n = span(*rest, is_token_char);
    *value = slice_sub(*rest, 0, n);
    *rest = slice_sub(*rest, n, SIZE_MAX);
    return n > 0;
}

/** Reads one element: parameters separated by semicolons, each at most once. */
static bool
parse_forwarded(struct slice in, struct slice values[FIELDS])
{
    memset(values, 0, FIELDS * sizeof(values[0]));
    for (;;) {
        size_t n = span(in, is_token_char);
        enum field f = field_of(slice_sub(in, 0, n));

        if (f == FIELDS || values[f].p || n == in.len || in.p[n] != '=')
            return false;
        in = slice_sub(in, n + 1, SIZE_MAX);
        if (!take_value(&in, &values[f]) || !is_field_value(f, values[f]))
            return false;
        if (in.len == 0)
            return true;
        if (in.p[0] != ';')
            return false;
        in = slice_sub(in, 1, SIZE_MAX);
    }
}

static bool
conv_is_valid(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice values[FIELDS];

    sample_set_bool(s, parse_forwarded(s->u.s, values));
    return true;
}

static bool
conv_field_value(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice values[FIELDS];
    enum field f = field_of(arg[0].s);

    if (f == FIELDS || !parse_forwarded(s->u.s, values) || !values[f].p)
        return false;
    s->u.s = values[f];
    return true;
}

/* ---- from nodes, and to nodes -----------------------------------------------------------------
 */

static bool
conv_n2nn(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct node n;

    if (!parse_node(s->u.s, &n))
        return false;
    switch (n.name_kind) {
    case NAME_IPV4:
        s->type = SMP_IPV4;
        s->u.v4 = n.v4;
        break;
    case NAME_IPV6:
        s->type = SMP_IPV6;
        s->u.v6 = n.v6;
        break;
    default:
        s->u.s = n.name;
        break;
    }
    return true;
}

static bool
conv_n2np(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct node n;

    if (!parse_node(s->u.s, &n) || n.port_kind == PORT_NONE)
        return false;
    if (n.port_kind == PORT_NUMBER)
        sample_set_int(s, n.number);
    else
        s->u.s = n.port;
    return true;
}

/** "_" and the text, if it has the right characters. */
static bool
obfuscate(struct sample *s, struct sample_ctx *x)
{
    struct out o;

    if (span(s->u.s, is_obfuscated_char) != s->u.s.len || !conv_out(&o, s->u.s.len + 1, x))
        return false;
    out_char(&o, '_');
    out_slice_put(&o, s->u.s);
    conv_out_end(s, SMP_STR, &o);
    return !o.full;
}

static bool
conv_nn(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct out o;

    switch (s->type) {
    case SMP_IPV4:
        return sample_cast(s, SMP_STR, x);
    case SMP_IPV6:
        if (!sample_cast(s, SMP_STR, x) || !conv_out(&o, s->u.s.len + 4, x))
            return false;
        out_lit(&o, "\"["); /* neither brackets nor colons are token characters */
        out_slice_put(&o, s->u.s);
        out_lit(&o, "]\"");
        conv_out_end(s, SMP_STR, &o);
        return true;
    case SMP_STR:
        if (s->u.s.len)
            return obfuscate(s, x);
        conv_set_const(s, SMP_STR, SL("unknown"));
        return true;
    default:
        return false;
    }
}

static bool
conv_np(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    if (s->type == SMP_SINT)
        return sample_cast(s, SMP_STR, x);
    return s->type == SMP_STR && s->u.s.len && obfuscate(s, x);
}

const struct conv conv_rfc7239[] = {
    { "rfc7239_field",
      { ARG_STR },
      SMP_STR,
      SMP_STR,
      conv_field_value,
      .usage = "<field>",
      .help = "a parameter of a Forwarded header: proto, host, for or by" },
    { "rfc7239_is_valid",
      { 0 },
      SMP_STR,
      SMP_BOOL,
      conv_is_valid,
      .help = "true for a valid Forwarded header" },
    { "rfc7239_n2nn",
      { 0 },
      SMP_STR,
      SMP_ANY,
      conv_n2nn,
      .help = "name of a node: an address or a string" },
    { "rfc7239_n2np",
      { 0 },
      SMP_STR,
      SMP_ANY,
      conv_n2np,
      .help = "port of a node: an integer or a string" },
    { "rfc7239_nn",
      { 0 },
      SMP_ANY,
      SMP_STR,
      conv_nn,
      .help = "an address or a string as the name of a node" },
    { "rfc7239_np",
      { 0 },
      SMP_ANY,
      SMP_STR,
      conv_np,
      .help = "an integer or a string as the port of a node" },
    { 0 },
};

const struct module conv_rfc7239_module = { .name = "conv_rfc7239", .convs = conv_rfc7239 };
