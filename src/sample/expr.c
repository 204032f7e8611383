/* expr.c - parses and runs expressions: a sample fetch and a chain of converters. Manual 7.3. */
#include "sample/expr.h"

#include "base/htab.h"
#include "config/cfg.h"
#include "config/module.h"
#include "sample/args.h"
#include "sample/expr_int.h"
#include "sample/mutate.h"

#include <stdlib.h>

struct expr_conv {
    const struct conv *row;
    struct expr_arg *arg;
};

struct expr {
    const struct fetch *fetch;
    struct expr_arg *arg;
    struct expr_conv *conv;
    unsigned nconv;
    enum sample_type type; /* of the result */
    const char *text;
};

/* ---- the names of all modules
 * ---------------------------------------------------------------------- */

static struct htab fetches, convs;
static bool indexed;

static COLD void
index_modules(void)
{
    indexed = true;
    for (unsigned i = 0; modules[i]; i++) {
        for (const struct fetch *f = modules[i]->fetches; f && f->name; f++)
            htab_put(&fetches, slice_str(f->name), (void *)f);
        for (const struct conv *v = modules[i]->convs; v && v->name; v++)
            htab_put(&convs, slice_str(v->name), (void *)v);
    }
}

const struct fetch *
fetch_find(struct slice name)
{
    if (!indexed)
        index_modules();
    return mutate_fetch(htab_get(&fetches, name));
}

const struct conv *
conv_find(struct slice name)
{
    if (!indexed)
        index_modules();
    return mutate_conv(htab_get(&convs, name));
}

bool
fetch_register(const struct fetch *f)
{
    if (fetch_find(slice_str(f->name)))
        return false;
    htab_put(&fetches, slice_str(f->name), (void *)f);
    return true;
}

bool
conv_register(const struct conv *v)
{
    if (conv_find(slice_str(v->name)))
        return false;
    htab_put(&convs, slice_str(v->name), (void *)v);
    return true;
}

void
expr_lookup_fini(void)
{
    htab_fini(&fetches);
    htab_fini(&convs);
    fetches = convs = (struct htab){ 0 };
    indexed = false;
}

/* ---- what fetches need, and where that exists
 * ------------------------------------------------------- */

#define PT_REQ_STREAM                                                                              \
    (PT_FE_TCP_REQ | PT_FE_HTTP_REQ | PT_BE_TCP_REQ | PT_BE_HTTP_REQ | PT_SWITCH | PT_SRV |        \
     PT_SRV_CON)
#define PT_RES_STREAM (PT_BE_TCP_RES | PT_BE_HTTP_RES | PT_STORE | PT_FE_TCP_RES | PT_FE_HTTP_RES)

static const struct {
    unsigned need, points;
    const char *name;
} needs_table[] = {
    { NEEDS_INTERNAL, PT_ANY & ~(unsigned)PT_CFG, "internal state" },
    { NEEDS_FRONTEND, PT_CONN | PT_SESS | PT_REQ_STREAM | PT_RES_STREAM | PT_LOG, "frontend" },
    { NEEDS_CLIENT, PT_CONN | PT_SESS | PT_REQ_STREAM | PT_RES_STREAM | PT_LOG | PT_CHECK,
      "client address" },
    { NEEDS_CLIENT5, PT_SESS | PT_REQ_STREAM | PT_RES_STREAM | PT_LOG, "client-side connection" },
    { NEEDS_REQ_DATA, PT_REQ_STREAM, "request buffer" },
    { NEEDS_REQ_HTTP, PT_REQ_STREAM, "HTTP request headers" },
    { NEEDS_REQ_HTTP_ANY, PT_REQ_STREAM | PT_RES_STREAM | PT_LOG, "HTTP request" },
    { NEEDS_REQ_BODY, PT_REQ_STREAM, "HTTP request headers" },
    { NEEDS_BACKEND,
      PT_BE_TCP_REQ | PT_BE_HTTP_REQ | PT_SRV | PT_SRV_CON | PT_RES_STREAM | PT_LOG | PT_CHECK,
      "backend" },
    { NEEDS_SRV_CHOSEN, PT_SRV_CON | PT_RES_STREAM | PT_LOG | PT_CHECK, "server" },
    { NEEDS_SERVER, PT_RES_STREAM | PT_LOG | PT_CHECK, "server address" },
    { NEEDS_SERVER5, PT_RES_STREAM | PT_LOG | PT_CHECK, "server-side connection" },
    { NEEDS_RES_DATA, PT_RES_STREAM | PT_CHECK, "response buffer" },
    { NEEDS_RES_HTTP, PT_RES_STREAM | PT_CHECK, "HTTP response headers" },
    { NEEDS_RES_HTTP_ANY, PT_RES_STREAM | PT_LOG | PT_CHECK, "HTTP response" },
    { NEEDS_RES_BODY, PT_RES_STREAM | PT_CHECK, "HTTP response headers" },
    { NEEDS_REQ_END, PT_SRV | PT_SRV_CON | PT_RES_STREAM | PT_LOG, "request buffer statistics" },
    { NEEDS_STREAM, PT_REQ_STREAM | PT_RES_STREAM | PT_LOG, "stream" },
    { NEEDS_TXN_END, PT_LOG, "transaction statistics" },
    { NEEDS_CHECK, PT_CHECK, "health check" },
};

unsigned
fetch_needs_points(unsigned needs)
{
    unsigned points = 0;

    if (needs == NEEDS_NOTHING)
        return PT_ANY;
    for (unsigned i = 0; i < COUNT_OF(needs_table); i++)
        if (needs & needs_table[i].need)
            points |= needs_table[i].points;
    return points;
}

const char *
fetch_needs_name(unsigned needs)
{
    static _Thread_local char names[128];
    struct out o = { names, 0, sizeof(names) - 1, false };

    for (unsigned i = 0; i < COUNT_OF(needs_table); i++) {
        if (!(needs & needs_table[i].need))
            continue;
        if (o.len)
            out_char(&o, ',');
        out_str(&o, needs_table[i].name);
    }
    names[o.len] = '\0';
    return o.len ? names : "internal state";
}

/* ---- parsing
 * ---------------------------------------------------------------------------------------- */

/** Where the text comes from: one string, or the words of a line from `word` on. */
struct source {
    const char *p;
    unsigned word; /* of `p`; fixed for strings */
    bool words;    /* converters may stand in the next words */
    bool partial;  /* text after the expression is the caller's */
    const char *acl_keyword;
    const struct fetch *acl_fetch;
    bool acl;
};

/* Of the parse that runs: the runtime API parses, too, in whatever thread has the connection. */
static _Thread_local char hint_text[160];
static _Thread_local struct proxy *parsing_proxy;

const char *
expr_hint(void)
{
    return *hint_text ? hint_text : NULL;
}

void
expr_set_hint(const char *hint)
{
    hint_text[0] = '\0';
    if (hint && strlen(hint) < sizeof(hint_text) - 20) {
        struct out o = OUT(hint_text);
        out_printf(&o, "did you mean '%s'?", hint);
        out_char(&o, '\0');
    }
}

struct proxy *
expr_parsing_proxy(void)
{
    return parsing_proxy;
}

static void
hint_from(const struct htab *names, const char *wrong)
{
    struct suggest s;
    const struct htab_item *it;
    unsigned at = 0;

    suggest_init(&s, wrong);
    while ((it = htab_next(names, &at)))
        suggest_offer(&s, it->key.p); /* keys are the rows' names: NUL-terminated */
    expr_set_hint(suggest_result(&s));
}

size_t
expr_name_len(const char *s)
{
    const char *p = s;

    while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
           *p == '.' || *p == '_' || *p == '-' || *p == '+') /* base32+src */
        p++;
    return (size_t)(p - s);
}

static struct args_owner
owner_of(struct cfg *c, const struct source *src, const struct expr *e, const char *conv)
{
    return (struct args_owner){
        .c = c,
        .px = parsing_proxy,
        .keyword = src->acl_keyword ? src->acl_keyword : e->fetch->name,
        .conv = conv,
        .acl = src->acl,
        .loc = cfg_loc_of(c, src->word),
    };
}

/** "head : why"; takes both over. */
static char *
wrap(char *head, char *why)
{
    char *all = xasprintf("%s : %s", head, why ? why : "invalid argument");

    free(head);
    free(why);
    return all;
}

static bool
run_check(bool (*check)(struct expr_arg *, struct cfg *, char **), struct expr_arg *arg,
          struct cfg *c, char **why)
{
    *why = NULL;
    return !check || check(arg, c, why);
}

static bool
parse_fetch(struct cfg *c, struct source *src, struct expr *e, char **err)
{
    size_t len = expr_name_len(src->p);
    struct args_err ae;
    char *why;

    if (len == 0) {
        *err = xstrdup("missing fetch method");
        return false;
    }
    e->fetch = src->acl_fetch ? src->acl_fetch : fetch_find(slice(src->p, len));
    if (!e->fetch) {
        char *name = xstrndup(src->p, len);
        *err = xasprintf("unknown fetch method '%s'", name);
        hint_from(&fetches, name);
        free(name);
        return false;
    }
    src->p += len;
    struct args_owner o = owner_of(c, src, e, NULL);
    if (!args_parse(&src->p, e->fetch->args, &o, &e->arg, &ae)) {
        *err = src->acl_keyword ? ae.text
                                : wrap(xasprintf("fetch method '%s'", e->fetch->name), ae.text);
        return false;
    }
    if (!run_check(e->fetch->check, e->arg, c, &why)) {
        *err = wrap(xasprintf("invalid args in fetch method '%s'", e->fetch->name), why);
        return false;
    }
    e->type = e->fetch->out;
    return true;
}

#define CONV_CHUNK 4

static bool
add_conv(struct cfg *c, struct expr *e, const struct conv *row, struct expr_arg *arg, char **err)
{
    if (row->in != SMP_ANY && !sample_can_cast(e->type, row->in)) {
        *err = xasprintf("converter '%s' cannot be applied", row->name);
        return false;
    }
    if (e->nconv % CONV_CHUNK == 0) {
        struct expr_conv *more = ARENA_ARRAY(c->arena, struct expr_conv, e->nconv + CONV_CHUNK);
        if (e->nconv)
            memcpy(more, e->conv, e->nconv * sizeof(*more));
        e->conv = more;
    }
    e->conv[e->nconv++] = (struct expr_conv){ row, arg };
    if (row->in != SMP_ANY ||
        row->out != SMP_ANY) /* both: the type stays; `out` alone: known at run time only */
        e->type = row->out;
    return true;
}

static bool
parse_conv(struct cfg *c, struct source *src, struct expr *e, char **err)
{
    size_t len = expr_name_len(src->p);
    const struct conv *row = conv_find(slice(src->p, len));
    struct expr_arg *arg;
    struct args_err ae;
    char *why;

    if (!row) {
        char *name = xstrndup(src->p, len);
        *err = xasprintf("unknown converter '%s'", name);
        if (len)
            hint_from(&convs, name);
        free(name);
        return false;
    }
    src->p += len;
    struct args_owner o = owner_of(c, src, e, row->name);
    if (!args_parse(&src->p, row->args, &o, &arg, &ae)) {
        *err = wrap(xasprintf("invalid arg %u in converter '%s'", ae.pos, row->name), ae.text);
        return false;
    }
    if (!run_check(row->check, arg, c, &why)) {
        *err = wrap(xasprintf("invalid args in converter '%s'", row->name), why);
        return false;
    }
    return add_conv(c, e, row, arg, err);
}

/** At the end of a word: whether the next one begins with the name of a converter. */
static bool
next_word_is_conv(struct cfg *c, struct source *src)
{
    const char *next = cfg_arg(c, src->word + 1);
    size_t len = expr_name_len(next);

    if (!src->words || len == 0 || !conv_find(slice(next, len)))
        return false;
    src->word++;
    src->p = next;
    return true;
}

/** The converters. False after an error. */
static bool
parse_chain(struct cfg *c, struct source *src, struct expr *e, char **err)
{
    for (;;) {
        const char *end = src->p;

        while (*src->p == ',')
            src->p++;
        if (*src->p == '\0' && src->words) {
            if (!next_word_is_conv(c, src))
                return true;
        } else if (src->p == end) {
            if (*src->p == '\0' || src->partial)
                return true;
            *err = e->nconv ? xasprintf("missing comma after converter '%s'",
                                        e->conv[e->nconv - 1].row->name)
                            : xasprintf("missing comma after fetch keyword '%s'",
                                        src->acl_keyword ? src->acl_keyword : e->fetch->name);
            return false;
        }
        if (!parse_conv(c, src, e, err))
            return false;
    }
}

/** Keeps the source of an expression that ran over words[from..to]. */
static const char *
words_text(struct cfg *c, unsigned from, unsigned to)
{
    const char *text = c->word[from].s;

    for (unsigned i = from + 1; i <= to; i++)
        text = arena_printf(c->arena, "%s %s", text, c->word[i].s);
    return text;
}

static struct expr *
parse_source(struct cfg *c, struct source *src, struct proxy *px, unsigned where, char **err)
{
    struct expr *e = ARENA_NEW(c->arena, struct expr);
    struct proxy *outer = parsing_proxy;
    bool ok;

    *err = NULL;
    hint_text[0] = '\0';
    parsing_proxy = px;
    ok = parse_fetch(c, src, e, err) && parse_chain(c, src, e, err);
    parsing_proxy = outer; /* check functions may parse expressions too */
    if (!ok)
        return NULL;
    if (where && !(fetch_needs_points(e->fetch->needs) & where)) {
        *err = xasprintf("fetch method '%s' extracts information from '%s', none of which is "
                         "available here",
                         e->fetch->name, fetch_needs_name(e->fetch->needs));
        return NULL;
    }
    return e;
}

struct expr *
expr_parse_err(struct cfg *c, unsigned *at, struct proxy *px, unsigned where, char **err)
{
    struct source src = { .p = cfg_arg(c, *at), .word = *at, .words = true };
    struct expr *e = parse_source(c, &src, px, where, err);

    if (!e)
        return NULL;
    e->text = words_text(c, *at, src.word);
    *at = src.word + 1;
    return e;
}

struct expr *
expr_parse_text_err(struct cfg *c, const char *text, size_t *used, struct proxy *px, unsigned where,
                    char **err)
{
    struct source src = { .p = text, .partial = used != NULL };
    struct expr *e = parse_source(c, &src, px, where, err);

    if (!e)
        return NULL;
    e->text = arena_slicedup(c->arena, slice(text, (size_t)(src.p - text)));
    if (used)
        *used = (size_t)(src.p - text);
    return e;
}

struct expr *
expr_parse_acl(struct cfg *c, const struct expr_criterion *crit, struct proxy *px, char **err)
{
    struct source src = {
        .p = crit->text,
        .word = crit->word,
        .acl = true,
        .acl_keyword = crit->keyword,
        .acl_fetch = crit->fetch,
    };
    struct expr *e = parse_source(c, &src, px, PT_ANY, err);

    if (e)
        e->text = arena_strdup(c->arena, crit->text);
    return e;
}

/** "error detected in frontend 'f' while parsing 'http-request x' rule : ", for the lines whose
 * messages begin so. */
static char *
rule_prefix(const struct cfg *c)
{
    static const char *const rules[] = { "http-request", "http-response", "http-after-response" };

    for (unsigned i = 0; i < COUNT_OF(rules); i++)
        if (c->section && c->nwords > 1 && cfg_arg_is(c, 0, rules[i]))
            return xasprintf(
                "error detected in %s '%s' while parsing '%s %s' rule : ", c->section->name,
                c->section_name ? c->section_name : "", c->word[0].s, c->word[1].s);
    return xstrdup("");
}

static void
report(struct cfg *c, unsigned word, char *err)
{
    char *prefix = rule_prefix(c);

    cfg_error(c, word, "%s%s.", prefix, err);
    if (expr_hint())
        cfg_hint(c, "%s", expr_hint());
    free(prefix);
    free(err);
}

struct expr *
expr_parse(struct cfg *c, unsigned *at, struct proxy *px, unsigned where)
{
    char *err;
    struct expr *e = expr_parse_err(c, at, px, where, &err);

    if (!e)
        report(c, *at < c->nwords ? *at : CFG_WHOLE_LINE, err);
    return e;
}

struct expr *
expr_parse_text(struct cfg *c, const char *text, size_t *used, struct proxy *px, unsigned where)
{
    char *err;
    struct expr *e = expr_parse_text_err(c, text, used, px, where, &err);

    if (!e)
        report(c, CFG_WHOLE_LINE, err);
    return e;
}

/* ---- running
 * ---------------------------------------------------------------------------------------- */

/** The converters on a value; restores what belongs to the fetch. */
static bool
run_convs(const struct expr *e, struct sample_ctx *x, struct sample *s)
{
    unsigned kept = s->flags & (SMPF_MAY_CHANGE | SMPF_NOT_LAST);
    size_t it0 = s->iter[0], it1 = s->iter[1];
    bool ok = true;

    for (unsigned i = 0; ok && i < e->nconv; i++) {
        const struct conv *row = e->conv[i].row;
        ok = (row->in == SMP_ANY || sample_cast(s, row->in, x)) &&
             row->fn(e->conv[i].arg, x, s, row->private);
    }
    s->flags = (s->flags & SMPF_CONST) | kept;
    s->iter[0] = it0;
    s->iter[1] = it1;
    return ok;
}

enum expr_step
expr_step(const struct expr *e, struct sample_ctx *x, struct sample *out, bool first)
{
    const struct fetch *f = e->fetch;

    out->flags = 0;
    if (first)
        out->iter[0] = out->iter[1] = 0;
    if (!f->fn(e->arg, x, out, f->private)) {
        out->flags &= SMPF_MAY_CHANGE;
        return STEP_NONE;
    }
    if (e->nconv == 0 || run_convs(e, x, out))
        return STEP_VALUE;
    return STEP_SKIP;
}

bool
expr_eval(const struct expr *e, struct sample_ctx *x, struct sample *out)
{
    return expr_step(e, x, out, true) == STEP_VALUE;
}

bool
expr_eval_next(const struct expr *e, struct sample_ctx *x, struct sample *out)
{
    return expr_step(e, x, out, false) == STEP_VALUE;
}

bool
expr_eval_as(const struct expr *e, struct sample_ctx *x, enum sample_type t, struct sample *out)
{
    return expr_eval(e, x, out) && sample_cast(out, t, x);
}

/* ---- questions
 * ---------------------------------------------------------------------------------------- */

enum sample_type
expr_type(const struct expr *e)
{
    return e->type;
}

unsigned
expr_needs(const struct expr *e)
{
    return e->fetch->needs;
}

const struct fetch *
expr_fetch(const struct expr *e)
{
    return e->fetch;
}

const char *
expr_text(const struct expr *e)
{
    return e->text;
}

const struct expr_arg *
expr_args(const struct expr *e)
{
    return e->arg;
}

bool
expr_has_convs(const struct expr *e)
{
    return e->nconv != 0;
}

const struct conv *
expr_conv(const struct expr *e, unsigned i)
{
    return i < e->nconv ? e->conv[i].row : NULL;
}

static unsigned
row_args(const unsigned char *types)
{
    unsigned n = 0;

    while (n < ARG_MAX && types[n])
        n++;
    return n;
}

/** By their text: what a check function made of it (.i, .u) follows from it. */
static bool
same_args(const struct expr_arg *a, const struct expr_arg *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (a[i].type != b[i].type || !slice_eq(a[i].s, b[i].s))
            return false;
    return true;
}

bool
expr_same(const struct expr *a, const struct expr *b)
{
    if (a == b)
        return true;
    if (a->fetch != b->fetch || a->nconv != b->nconv ||
        !same_args(a->arg, b->arg, row_args(a->fetch->args)))
        return false;
    for (unsigned i = 0; i < a->nconv; i++) {
        const struct conv *row = a->conv[i].row;
        if (row != b->conv[i].row ||
            !same_args(a->conv[i].arg, b->conv[i].arg, row_args(row->args)))
            return false;
    }
    return true;
}
