/* logformat.c - compiles log-format strings. Manual 8.2.6. */
#include "config/cfg.h"
#include "sample/logformat_int.h"

#include <stdlib.h>

const struct logfmt_alias *logfmt_aliases;
bool (*logfmt_proxy_is_http)(const struct proxy *px);

struct compiler {
    struct cfg *c;
    struct proxy *px;
    const struct logfmt_opt *opt;
    const char *line; /* the whole format */
    const char *p;    /* unread rest */
    struct logfmt *f;
    unsigned room;    /* nodes allocated */
    unsigned global;  /* flags that %o set */
    struct text text; /* literal text before the next item */
    char *err;        /* heap */
    bool hint;        /* expr_hint() is about it */

    /* the item that is read */
    struct slice name;
    enum lf_type type;
    unsigned set, clear;
    struct slice flags_text; /* as written, for messages */
};

static struct lf_node *
add_node(struct compiler *k, enum lf_kind kind)
{
    struct logfmt *f = k->f;

    if (f->n == k->room) {
        unsigned room = k->room ? k->room * 2 : 8;
        struct lf_node *more = ARENA_ARRAY(k->c->arena, struct lf_node, room);

        if (f->n)
            memcpy(more, f->node, f->n * sizeof(*more));
        f->node = more;
        k->room = room;
    }
    struct lf_node *n = &f->node[f->n++];
    *n = (struct lf_node){ .kind = kind };
    return n;
}

/** Turns the collected text into a node. */
static void
end_text(struct compiler *k)
{
    if (!k->text.len)
        return;
    struct slice s = text_get(&k->text);
    add_node(k, LF_TEXT)->text = slice(arena_slicedup(k->c->arena, s), s.len);
    k->text.len = 0;
}

static void
put_text(struct compiler *k, char c)
{
    if (c == ' ' && k->f->merge && k->text.len && k->text.p[k->text.len - 1] == ' ')
        return;
    text_char(&k->text, c);
}

/* ---- "(name:type)" ----------------------------------------------------------------------------
 */

static bool
is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
parse_type(struct compiler *k, struct slice s)
{
    static const struct {
        struct slice name;
        enum lf_type type;
    } types[] = { { SL("str"), LF_STR },
                  { SL("sint"), LF_SINT },
                  { SL("bool"), LF_BOOL },
                  { SL("raw"), LF_RAW } };

    for (unsigned i = 0; i < COUNT_OF(types); i++) {
        if (slice_eq(s, types[i].name)) {
            k->type = types[i].type;
            return true;
        }
    }
    k->err = xasprintf("unexpected output type '%.*s' at position %d line : '%s'. Supported types "
                       "are: str, sint, bool, raw",
                       SLF(s), (int)(s.p - k->line), k->line);
    return false;
}

/** At the character behind the opening parenthesis. */
static bool
parse_name(struct compiler *k)
{
    const char *start = k->p;
    const char *end = strchr(start, ')');

    if (!end) {
        k->err = xasprintf("truncated line after '%s'", start);
        return false;
    }
    const char *p = start;
    while (p < end && (is_alnum(*p) || *p == '_' || *p == '-'))
        p++;
    if (p < end && *p != ':') {
        k->err = xasprintf("invalid character in custom name near '%c' at position %d line : '%s'",
                           *p, (int)(p - k->line), k->line);
        return false;
    }
    k->name = slice(start, (size_t)(p - start));
    k->p = end + 1;
    return p == end || parse_type(k, slice(p + 1, (size_t)(end - p - 1)));
}

/* ---- "{+Q,-E}" --------------------------------------------------------------------------------
 */

static void
parse_flag(struct compiler *k, struct slice s)
{
    static const struct {
        struct slice name;
        unsigned flag;
    } names[] = { { SL("Q"), LF_QUOTE }, { SL("X"), LF_HEX },     { SL("E"), LF_ESCAPE },
                  { SL("bin"), LF_BIN }, { SL("json"), LF_JSON }, { SL("cbor"), LF_CBOR } };
    bool minus = s.len && s.p[0] == '-';

    if (minus || (s.len && s.p[0] == '+'))
        s = slice_sub(s, 1, SIZE_MAX);
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        if (!slice_eq(s, names[i].name))
            continue;
        unsigned flag = names[i].flag;
        if (minus) {
            k->clear |= flag;
            k->set &= ~flag;
        } else {
            k->set |= flag;
            k->clear &= ~flag;
            if (flag & LF_ENCODE) /* the last encoding wins */
                k->clear |= LF_ENCODE & ~flag;
        }
    }
}

/** At the character behind the opening brace. Unknown flags are ignored. */
static bool
parse_flags(struct compiler *k)
{
    size_t len = strcspn(k->p, "}");
    struct slice rest = slice(k->p, len);

    if (k->p[len] != '}') {
        k->err = xasprintf("truncated line after '%s'", k->p);
        return false;
    }
    k->flags_text = slice(k->p, len);
    while (rest.len) {
        size_t n = 0;

        while (n < rest.len && rest.p[n] != ',' && rest.p[n] != ' ')
            n++;
        parse_flag(k, slice_sub(rest, 0, n));
        rest = slice_sub(rest, n + 1, SIZE_MAX);
    }
    k->p += len + 1;
    return true;
}

/* ---- aliases and expressions ------------------------------------------------------------------
 */

/** Finishes an item: flags, name, type. */
static void
end_item(struct compiler *k, struct lf_node *n)
{
    n->flags = (k->global & ~k->clear) | (k->set & ~(unsigned)LF_BIN);
    if (k->opt->flags & LOGF_DASH)
        n->flags |= LF_DASH;
    if (k->opt->flags & LOGF_HTTP)
        n->flags |= LF_HTTP;
    n->type = k->type;
    n->text = k->name.len ? slice(arena_slicedup(k->c->arena, k->name), k->name.len) : SLICE_NONE;
}

/** "%{...}o": the flags are for all that follow. An encoding in front of every other item is for
 * the line. */
static void
set_global(struct compiler *k)
{
    bool first = true;

    for (unsigned i = 0; i < k->f->n; i++)
        first = first && k->f->node[i].kind == LF_TEXT;
    k->global = (k->global & ~k->clear) | k->set;
    if (first)
        k->f->whole = k->global & (LF_ENCODE | LF_BIN);
    else
        k->f->whole = (k->f->whole & LF_ENCODE) | (k->global & LF_BIN);
}

static bool
parse_alias(struct compiler *k)
{
    size_t len = 0;
    const struct logfmt_alias *a = logfmt_aliases;

    while (is_alnum(k->p[len]))
        len++;
    struct slice name = slice(k->p, len);
    k->p += len;
    end_text(k);
    if (slice_eq(name, SL("o"))) {
        set_global(k);
        return true;
    }
    while (a && a->name && !slice_eq_str(name, a->name))
        a++;
    if (!a || !a->name) {
        k->err = xasprintf("no such format variable '%.*s'. If you wanted to emit the '%%' "
                           "character verbatim, you need to "
                           "use '%%%%'",
                           SLF(name));
        return false;
    }
    if (a->flags & LOGA_HTTP && k->px && logfmt_proxy_is_http && !logfmt_proxy_is_http(k->px)) {
        k->err = xasprintf("format variable '%s' is reserved for HTTP mode", a->name);
        return false;
    }
    struct lf_node *n = add_node(k, LF_ALIAS);
    n->alias = a;
    end_item(k, n);
    k->f->needs |= a->needs;
    return true;
}

/** Messages of HTTP proxies have no raw bytes. */
static void
warn_raw(struct compiler *k, const char *start, unsigned needs)
{
    if (!(needs & (NEEDS_REQ_DATA | NEEDS_RES_DATA)) || !k->px || !logfmt_proxy_is_http ||
        !logfmt_proxy_is_http(k->px))
        return;
    const char *context = k->c->context;

    k->c->context = NULL; /* it is about errors */
    if (k->opt->loc)
        cfg_warn_at(k->c, k->opt->loc, "L6 sample fetch <%s> ignored in HTTP log-format string.",
                    start);
    else
        cfg_warn(k->c, CFG_WHOLE_LINE, "L6 sample fetch <%s> ignored in HTTP log-format string.",
                 start);
    k->c->context = context;
}

/** At the character behind the opening bracket. */
static bool
parse_expr(struct compiler *k)
{
    const char *start = k->p;
    size_t used;
    char *why = NULL;
    struct expr *e = expr_parse_text_err(k->c, start, &used, k->px, 0, &why);

    if (!e) {
        k->err = xasprintf("failed to parse sample expression <%s> : %s", start, why);
        k->hint = true;
        free(why);
        return false;
    }
    if (k->opt->where && !(fetch_needs_points(expr_needs(e)) & k->opt->where)) {
        k->err = xasprintf("sample fetch <%s> may not be reliably used here because it needs '%s' "
                           "which is not available "
                           "here",
                           start, fetch_needs_name(expr_needs(e)));
        return false;
    }
    warn_raw(k, start, expr_needs(e));
    k->p += used;
    if (*k->p != ']') {
        k->err =
            *k->p ? xasprintf("expected ']' after '%.*s', but found '%c'", (int)used, start, *k->p)
                  : xasprintf("missing ']' after '%.*s'", (int)used, start);
        return false;
    }
    k->p++;
    end_text(k);
    struct lf_node *n = add_node(k, LF_EXPR);
    n->expr = e;
    end_item(k, n);
    k->f->needs |= expr_needs(e);
    return true;
}

/** At the character behind a percent sign that begins an item. */
static bool
parse_item(struct compiler *k)
{
    bool decorated = *k->p == '(' || *k->p == '{';

    k->name = k->flags_text = SLICE_NONE;
    k->type = LF_ANY;
    k->set = k->clear = 0;
    if (*k->p == '(') {
        k->p++;
        if (!parse_name(k))
            return false;
    }
    if (*k->p == '{') {
        k->p++;
        if (!parse_flags(k))
            return false;
    }
    if (*k->p == '[') {
        k->p++;
        return parse_expr(k);
    }
    if (is_alnum(*k->p))
        return parse_alias(k);
    if (decorated) {
        k->err = xasprintf("parse argument modifier without variable name near '%%{%.*s}'",
                           SLF(k->flags_text));
        return false;
    }
    if (*k->p == ' ' || *k->p == '\t') {
        k->err = xasprintf("unexpected variable name near '%c' at position %d line : '%s'. Maybe "
                           "you want to write a single "
                           "'%%', use the syntax '%%%%'",
                           *k->p, (int)(k->p - k->line), k->line);
        return false;
    }
    put_text(k, *k->p++); /* HAProxy drops the percent sign without a word */
    return true;
}

static bool
parse_all(struct compiler *k)
{
    while (*k->p) {
        char c = *k->p++;

        if (c != '%') {
            put_text(k, c);
        } else if (*k->p == '%') {
            put_text(k, *k->p++);
        } else if (*k->p == '\0') {
            k->err = xstrdup("truncated line after '%'");
            return false;
        } else if (!parse_item(k)) {
            return false;
        }
    }
    end_text(k);
    return true;
}

static void
report(struct compiler *k, unsigned word)
{
    const char *what = k->opt->what;

    if (k->opt->loc)
        cfg_error_at(k->c, k->opt->loc, "%s%s%s.", what ? what : "", what ? " : " : "", k->err);
    else
        cfg_error(k->c, word, "%s%s%s.", what ? what : "", what ? " : " : "", k->err);
    if (k->hint && expr_hint())
        cfg_hint(k->c, "%s", expr_hint());
}

struct logfmt *
logfmt_compile(struct cfg *c, unsigned word, const char *text, struct proxy *px,
               const struct logfmt_opt *opt)
{
    struct compiler k = { .c = c, .px = px, .opt = opt, .line = text, .p = text };
    struct logfmt *f = ARENA_NEW(c->arena, struct logfmt);

    f->merge = opt->flags & LOGF_MERGE;
    k.f = f;
    if (!parse_all(&k)) {
        report(&k, word);
        f = NULL;
    } else {
        f->is_const = f->n == 0 || (f->n == 1 && f->node[0].kind == LF_TEXT && !f->merge &&
                                    !(f->whole & LF_ENCODE));
    }
    text_fini(&k.text);
    free(k.err);
    return f;
}

struct logfmt *
logfmt_parse(struct cfg *c, unsigned word, const char *text, struct proxy *px, unsigned where,
             bool sd)
{
    bool log = where == PT_LOG;
    struct logfmt_opt opt = {
        .where = where,
        .flags = log ? LOGF_DASH | LOGF_MERGE : LOGF_HTTP,
        .what = !log ? NULL
                : sd ? "failed to parse log-format-sd"
                     : "failed to parse log-format",
    };

    return logfmt_compile(c, word, text, px, &opt);
}

bool
logfmt_is_const(const struct logfmt *f, struct slice *text)
{
    if (f->is_const)
        *text = f->n ? f->node[0].text : SL("");
    return f->is_const;
}

bool
logfmt_is_empty(const struct logfmt *f)
{
    return f->n == 0;
}

unsigned
logfmt_needs(const struct logfmt *f)
{
    return f->needs;
}
