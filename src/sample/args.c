/* args.c - parses typed arguments in parentheses, with their own level of quotes (manual 2.2), and
 * resolves the names among them when the whole configuration was read. */
#include "sample/args.h"

#include "base/htab.h"
#include "sample/expr.h"
#include "sample/regex.h"
#include "sample/vars.h"

#include <arpa/inet.h>
#include <stdlib.h>

struct name_resolver name_resolver;

/** An argument that waits for args_resolve(). In the configuration's arena. */
struct pending {
    struct list link;
    struct expr_arg *arg;
    struct args_owner owner;
    unsigned pos;
    const char *where; /* " in http-request expression", or "" */
};

/* Parsing and resolving happen in one thread: at start-up, or in that of a connection of the
 * runtime API. */
static _Thread_local struct list pending;

static struct list *
pending_list(void)
{
    if (!pending.next)
        list_init(&pending);
    return &pending;
}

static const char *const type_names[] = {
    [ARG_STR] = "string",     [ARG_SINT] = "integer",       [ARG_UINT] = "unsigned integer",
    [ARG_TIME] = "delay",     [ARG_SIZE] = "size",          [ARG_IPV4] = "IPv4 mask",
    [ARG_IPV6] = "IPv6 mask", [ARG_FRONTEND] = "frontend",  [ARG_BACKEND] = "backend",
    [ARG_SERVER] = "server",  [ARG_TABLE] = "table",        [ARG_USERLIST] = "user list",
    [ARG_REGEX] = "regex",    [ARG_VAR] = "variable",       [ARG_MAP] = "map",
    [ARG_FMT_STR] = "string", [ARG_ADDR4] = "IPv4 address", [ARG_ADDR6] = "IPv6 address",
};

static enum arg_type
row_type(unsigned char t)
{
    return (enum arg_type)(t & ~ARG_OPT & 0xff);
}

/** Types whose empty text is a value. */
static bool
is_stringy(enum arg_type t)
{
    return t == ARG_STR || t == ARG_FMT_STR || t == ARG_MAP || t == ARG_REGEX || t == ARG_VAR;
}

/** Empty is taken, and refused when names are looked up, with a message of its own. */
static bool
is_missed_later(enum arg_type t)
{
    return t == ARG_SERVER || t == ARG_USERLIST;
}

/** Empty means the object the line is in. */
static bool
has_default(enum arg_type t)
{
    return t == ARG_FRONTEND || t == ARG_BACKEND || t == ARG_TABLE;
}

/** The character that an escape outside single quotes stands for, or 0 when it is not one: the
 * backslash stays. */
static char
unescape(char c)
{
    switch (c) {
    case ' ':
    case '\\':
    case '"':
    case '\'':
        return c;
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/** Reads one argument up to an unquoted ',' or ')', without quotes and escapes. *pp stops at that
 * character, or at the end of the text (then the parenthesis is not closed). */
static struct slice
take_one(const char **pp, struct arena *arena)
{
    const char *p = *pp;
    char quote = 0;
    char *buf = arena_alloc(arena, strlen(p) + 1);
    char *d = buf;

    for (; *p; p++) {
        char c = *p;
        if (quote ? c == quote : c == '"' || c == '\'') {
            quote = quote ? 0 : c;
        } else if (!quote && (c == ',' || c == ')')) {
            break;
        } else if (c == '\\' && quote != '\'' && p[1] && unescape(p[1])) {
            *d++ = unescape(*++p);
        } else {
            *d++ = c;
        }
    }
    *d = '\0';
    *pp = p;
    return slice(buf, (size_t)(d - buf));
}

static bool
parse_int(struct expr_arg *a, bool is_signed)
{
    size_t i = is_signed && a->s.len && (a->s.p[0] == '-' || a->s.p[0] == '+');

    if (i == a->s.len)
        return false;
    for (; i < a->s.len; i++)
        if (a->s.p[i] < '0' || a->s.p[i] > '9')
            return false;
    a->i = sample_parse_int(a->s);
    return true;
}

static bool
parse_prefix(struct slice s, unsigned max, unsigned *bits)
{
    uint64_t v;

    if (s.len > 3 || !slice_to_uint(s, &v) || v > max)
        return false;
    *bits = (unsigned)v;
    return true;
}

static bool
parse_mask4(struct expr_arg *a)
{
    unsigned bits;

    if (parse_prefix(a->s, 32, &bits)) {
        a->u.v4.s_addr = bits ? htonl(0xffffffffu << (32 - bits)) : 0;
        return true;
    }
    return inet_pton(AF_INET, a->s.p, &a->u.v4) == 1;
}

static bool
parse_mask6(struct expr_arg *a)
{
    unsigned bits;

    if (!parse_prefix(a->s, 128, &bits))
        return inet_pton(AF_INET6, a->s.p, &a->u.v6) == 1;
    for (unsigned i = 0; i < 16; i++) {
        unsigned n = bits > 8 * i ? MIN(bits - 8 * i, 8) : 0;
        a->u.v6.s6_addr[i] = (unsigned char)(0xff00u >> n);
    }
    return true;
}

static bool
parse_time(struct expr_arg *a)
{
    uint64_t us;

    if (units_parse_time(a->s, 1000, &us) != NULL || us / 1000 > INT32_MAX)
        return false;
    a->i = (int64_t)((us + 999) / 1000);
    return true;
}

static bool
parse_size(struct expr_arg *a)
{
    uint64_t v;

    if (units_parse_size(a->s, &v) != NULL || v > INT64_MAX)
        return false;
    a->i = (int64_t)v;
    return true;
}

/** What kind of line the argument is in, for messages: " in http-request expression". */
static const char *
line_kind(const struct cfg *c)
{
    static const struct {
        const char *word, *text;
    } kinds[] = {
        { "http-request", " in http-request expression" },
        { "http-response", " in http-response expression" },
        { "http-after-response", " in http-after-response expression" },
        { "http-error", " in http-error expression" },
        { "tcp-request", " in tcp-request expression" },
        { "tcp-response", " in tcp-response expression" },
        { "tcp-check", " in tcp-check expression" },
        { "http-check", " in http-check expression" },
        { "stick", " in stick rule" },
        { "use_backend", " in use_backend expression" },
        { "use-server", " in use-server expression" },
        { "server", " in server directive" },
        { "log-format", " in log-format string" },
        { "log-format-sd", " in log-format-sd string" },
        { "unique-id-format", " in unique-id-format string" },
        { "redirect", " in redirect format string" },
        { "capture", " in capture rule" },
        { NULL, NULL },
    };

    for (unsigned i = 0; kinds[i].word; i++)
        if (cfg_arg_is(c, 0, kinds[i].word))
            return kinds[i].text;
    return "";
}

static void
enter_pending(struct expr_arg *a, const struct args_owner *o, unsigned pos)
{
    struct pending *p = ARENA_NEW(o->c->arena, struct pending);

    p->arg = a;
    p->owner = *o;
    p->pos = pos;
    p->where = o->acl ? "" : line_kind(o->c);
    list_push_back(pending_list(), &p->link);
}

enum parsed { BAD, GOOD, REPORTED /* err->text is set */ };

static enum parsed
parse_typed(struct expr_arg *a, enum arg_type t, const struct args_owner *o, struct args_err *err)
{
    bool ok = true;

    switch (t) {
    case ARG_SINT:
    case ARG_UINT:
        ok = parse_int(a, t == ARG_SINT);
        break;
    case ARG_TIME:
        ok = parse_time(a);
        break;
    case ARG_SIZE:
        ok = parse_size(a);
        break;
    case ARG_IPV4:
        ok = parse_mask4(a);
        break;
    case ARG_IPV6:
        ok = parse_mask6(a);
        break;
    case ARG_ADDR4:
        ok = inet_pton(AF_INET, a->s.p, &a->u.v4) == 1;
        break;
    case ARG_ADDR6:
        ok = inet_pton(AF_INET6, a->s.p, &a->u.v6) == 1;
        break;
    case ARG_VAR:
        a->u.var = var_parse(a->s, &err->text);
        return a->u.var ? GOOD : REPORTED;
    case ARG_FMT_STR: {
        char *why = NULL;
        a->u.var = var_parse(a->s, &why);
        free(why);
        break;
    }
    case ARG_FRONTEND:
    case ARG_BACKEND:
    case ARG_SERVER:
    case ARG_TABLE:
    case ARG_USERLIST:
    case ARG_REGEX:
        enter_pending(a, o, err->pos);
        break;
    default:
        break;
    }
    return ok ? GOOD : BAD;
}

/** One argument of the type `t`. */
static bool
parse_arg(struct expr_arg *a, unsigned char row, const struct args_owner *o, struct args_err *err)
{
    enum arg_type t = row_type(row);

    a->type = t;
    if (a->s.len == 0 && row == (ARG_TABLE | ARG_OPT)) {
        a->type = ARG_END; /* whatever table the counter is tracked in */
        return true;
    }
    if (a->s.len == 0 && !is_stringy(t) && !has_default(t) &&
        !(is_missed_later(t) && !(row & ARG_OPT))) {
        if (row & ARG_OPT) {
            a->type = ARG_END;
            return true;
        }
        err->text = xasprintf("expected type '%s' at position %u, but got nothing", type_names[t],
                              err->pos);
        return false;
    }
    switch (parse_typed(a, t, o, err)) {
    case GOOD:
        return true;
    case BAD:
        err->text = xasprintf("failed to parse '%s' as type '%s' at position %u", a->s.p,
                              type_names[t], err->pos);
        return false;
    default:
        return false;
    }
}

static unsigned
count_types(const unsigned char *types, unsigned *required)
{
    unsigned n = 0;

    *required = 0;
    for (; n < ARG_MAX && types[n]; n++)
        if (!(types[n] & ARG_OPT) && *required == n)
            *required = n + 1;
    return n;
}

static const struct expr_arg no_args[1];

/** The row's types, and what was found. */
struct list_of_args {
    const unsigned char *types;
    unsigned n, required; /* types; those that must be given */
    unsigned got;
    struct expr_arg *out;
};

/** After the opening parenthesis: fills l->out, until the list ends or holds all it may. */
static bool
parse_list(const char **pp, struct list_of_args *l, const struct args_owner *o,
           struct args_err *err)
{
    for (unsigned i = 0; i < l->n; i++) {
        struct slice s = take_one(pp, o->c->arena);
        bool only = i == 0 && **pp == ')' && s.len == 0; /* "()" */

        if (**pp == '\0') { /* not closed: check_list() says what is missing */
            l->got = i + 1;
            return true;
        }
        if (only && (l->types[0] & ARG_OPT) && !has_default(row_type(l->types[0])))
            return true;
        l->got = i + 1;
        l->out[i].s = s;
        err->pos = i + 1;
        if (!parse_arg(&l->out[i], l->types[i], o, err))
            return false;
        if (**pp == ')')
            return true;
        if (l->out[i].type == ARG_END) { /* what is left out ends the list */
            l->got = i;
            return true;
        }
        if (i + 1 < l->n)
            ++*pp;
    }
    return true;
}

/** Checks that the list was closed, and complete. */
static bool
check_list(const char **pp, const struct list_of_args *l, struct args_err *err)
{
    err->pos = l->got + 1;
    if (**pp && **pp != ')') {
        err->text = xasprintf("expected ')' before '%s'", *pp);
        return false;
    }
    if (l->got < l->required) {
        err->text = xasprintf("missing arguments (got %u/%u), type '%s' expected", l->got,
                              l->required, type_names[row_type(l->types[l->got])]);
        return false;
    }
    if (**pp == '\0') {
        err->text = xstrdup("expected ')'");
        return false;
    }
    ++*pp;
    return true;
}

bool
args_parse(const char **text, const unsigned char *types, const struct args_owner *owner,
           struct expr_arg **out, struct args_err *err)
{
    struct list_of_args l = { .types = types };
    const char *p = *text;
    const char *none = ")";
    const char **pp = *p == '(' ? &p : &none;

    *err = (struct args_err){ 0 };
    l.n = count_types(types, &l.required);
    l.out =
        l.n ? ARENA_ARRAY(owner->c->arena, struct expr_arg, l.n + 1) : (struct expr_arg *)no_args;
    *out = l.out;
    if (*p == '(')
        p++;
    if (!parse_list(pp, &l, owner, err) || !check_list(pp, &l, err))
        return false;
    *text = p;
    return true;
}

/* ---- resolving ---------------------------------------------------------------------------------
 */

static const char *
proxy_name(const struct proxy *px)
{
    const char *name = px && name_resolver.proxy_name ? name_resolver.proxy_name(px) : NULL;

    return name ? name : "";
}

/** "arg 1 of sample fetch keyword 'x' in http-request expression" (heap). */
static char *
arg_text(const struct pending *p)
{
    const struct args_owner *o = &p->owner;
    const char *kind = o->acl ? "ACL keyword" : "sample fetch keyword";

    if (o->conv)
        return xasprintf("arg %u of conversion keyword '%s' for %s '%s'%s", p->pos, o->conv, kind,
                         o->keyword, p->where);
    return xasprintf("arg %u of %s '%s'%s", p->pos, kind, o->keyword, p->where);
}

static void
report_unknown(struct cfg *c, const struct pending *p, const char *what, const char *name)
{
    char *arg = arg_text(p);

    cfg_error_at(c, &p->owner.loc,
                 DIAG_TIGHT "unable to find %s '%s' referenced in %s in proxy '%s'.", what, name,
                 arg, proxy_name(p->owner.px));
    free(arg);
}

static void
report_missing(struct cfg *c, const struct pending *p, const char *what)
{
    char *arg = arg_text(p);

    cfg_error_at(c, &p->owner.loc, DIAG_TIGHT "missing %s name in %s in proxy '%s'.", what, arg,
                 proxy_name(p->owner.px));
    free(arg);
}

static void
resolve_proxy(struct cfg *c, struct pending *p, bool frontend)
{
    struct expr_arg *a = p->arg;
    struct proxy *(*find)(struct cfg *, const char *) =
        frontend ? name_resolver.frontend : name_resolver.backend;
    bool self = a->s.len == 0;
    const char *name = self ? proxy_name(p->owner.px) : a->s.p;

    if (self && *name == '\0')
        return; /* global or defaults: whatever proxy is current at run time */
    a->u.px = find ? find(c, name) : NULL;
    if (a->u.px)
        return;
    if (self) {
        char *arg = arg_text(p);
        cfg_error_at(c, &p->owner.loc,
                     DIAG_TIGHT
                     "proxy '%s', referenced in %s in proxy '%s', has not %s capability.",
                     name, arg, name, frontend ? "frontend" : "backend");
        free(arg);
    } else {
        report_unknown(c, p, frontend ? "frontend" : "backend", name);
    }
}

/** "backend/server" or "server" of the current proxy. */
static void
resolve_server(struct cfg *c, struct pending *p)
{
    struct expr_arg *a = p->arg;
    const char *slash = strchr(a->s.p, '/');
    struct proxy *px = p->owner.px;
    const char *name = slash ? slash + 1 : a->s.p;

    if (slash) {
        char *be = xstrndup(a->s.p, (size_t)(slash - a->s.p));
        px = name_resolver.backend ? name_resolver.backend(c, be) : NULL;
        if (!px)
            report_unknown(c, p, "proxy", be);
        free(be);
        if (!px)
            return;
    }
    if (a->s.len == 0) {
        report_missing(c, p, "server");
        return;
    }
    a->u.srv = px && name_resolver.server ? name_resolver.server(c, px, name) : NULL;
    if (!a->u.srv) {
        char *arg = arg_text(p);
        cfg_error_at(c, &p->owner.loc,
                     DIAG_TIGHT
                     "unable to find server '%s' in proxy '%s', referenced in %s in proxy '%s'.",
                     name, proxy_name(px), arg, proxy_name(p->owner.px));
        free(arg);
    }
}

static void
resolve_table(struct cfg *c, struct pending *p)
{
    struct expr_arg *a = p->arg;
    const char *name = a->s.len ? a->s.p : proxy_name(p->owner.px);

    if (*name == '\0')
        return;
    a->u.table = name_resolver.table ? name_resolver.table(c, p->owner.px, name) : NULL;
    if (!a->u.table)
        report_unknown(c, p, "table", name);
}

static void
resolve_regex(struct cfg *c, struct pending *p)
{
    struct expr_arg *a = p->arg;
    char *arg, *err = NULL;

    if (a->s.len)
        a->u.regex = regex_new(a->s, (unsigned)a->i | REGEX_CAPTURES, &err);
    if (a->u.regex) {
        regex_keep(a->u.regex);
        return;
    }
    arg = arg_text(p);
    if (a->s.len)
        cfg_error_at(c, &p->owner.loc, DIAG_TIGHT "error in regex '%s' in %s in proxy '%s' : %s.",
                     a->s.p, arg, proxy_name(p->owner.px), err);
    else
        cfg_error_at(c, &p->owner.loc, DIAG_TIGHT "missing regex in %s in proxy '%s'.", arg,
                     proxy_name(p->owner.px));
    free(arg);
    free(err);
}

static void
resolve_one(struct cfg *c, struct pending *p)
{
    struct expr_arg *a = p->arg;

    switch (a->type) {
    case ARG_FRONTEND:
    case ARG_BACKEND:
        resolve_proxy(c, p, a->type == ARG_FRONTEND);
        break;
    case ARG_SERVER:
        resolve_server(c, p);
        break;
    case ARG_TABLE:
        resolve_table(c, p);
        break;
    case ARG_USERLIST:
        if (a->s.len == 0) {
            report_missing(c, p, "userlist");
            break;
        }
        a->u.users = name_resolver.userlist ? name_resolver.userlist(c, a->s.p) : NULL;
        if (!a->u.users)
            report_unknown(c, p, "userlist", a->s.p);
        break;
    case ARG_REGEX:
        resolve_regex(c, p);
        break;
    default: /* the row's check function took it over */
        break;
    }
}

void
args_resolve(struct cfg *c)
{
    struct pending *p, *tmp;

    list_each_safe (p, tmp, pending_list(), link) {
        if (p->owner.c != c)
            continue;
        list_del(&p->link);
        resolve_one(c, p);
    }
}

void
args_forget(const struct cfg *c)
{
    struct pending *p, *tmp;

    if (!c) {
        list_init(&pending); /* their memory may be gone already */
        return;
    }
    list_each_safe (p, tmp, pending_list(), link)
        if (p->owner.c == c)
            list_del(&p->link);
}

void
expr_resolve_all(struct cfg *c)
{
    args_resolve(c);
}
