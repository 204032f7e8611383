/* cond.c - conditions: `if`/`unless`, named and anonymous ACLs, groups. Manual 7.2. */
#include "sample/acl_int.h"

#include <stdlib.h>

/* ---- parsing
 * ----------------------------------------------------------------------------------------------------
 */

struct reading {
    struct cfg *c;
    unsigned at;
    struct proxy *px;
    struct acl_list *acls;
    unsigned where;
    struct cond *cond;
    unsigned size;
};

bool
cond_starts(const struct cfg *c, unsigned at)
{
    return cfg_arg_is(c, at, "if") || cfg_arg_is(c, at, "unless");
}

static const struct {
    unsigned point;
    const char *name;
} point_names[] = {
    { PT_CONN, "frontend tcp-request connection rule" },
    { PT_SESS, "frontend tcp-request session rule" },
    { PT_FE_TCP_REQ, "frontend tcp-request content rule" },
    { PT_FE_HTTP_REQ, "frontend http-request header rule" },
    { PT_SWITCH, "frontend use-backend rule" },
    { PT_BE_TCP_REQ, "backend tcp-request content rule" },
    { PT_BE_HTTP_REQ, "backend http-request header rule" },
    { PT_SRV, "backend use-server, balance or stick-match rule" },
    { PT_SRV_CON, "server source selection" },
    { PT_BE_TCP_RES, "backend tcp-response content rule" },
    { PT_BE_HTTP_RES, "backend http-response header rule" },
    { PT_STORE, "backend stick-store rule" },
    { PT_FE_TCP_RES, "frontend tcp-response content rule" },
    { PT_FE_HTTP_RES, "frontend http-response header rule" },
    { PT_LOG, "logs" },
    { PT_CHECK, "tcp-check rule" },
    { PT_CFG, "configuration" },
    { PT_CLI, "CLI session" },
};

static const char *
where_name(unsigned where)
{
    for (unsigned i = 0; i < COUNT_OF(point_names); i++)
        if (where & point_names[i].point)
            return point_names[i].name;
    return "rule";
}

static bool
is_misplaced(const struct acl_expr *e, unsigned where)
{
    return where && !(fetch_needs_points(expr_needs(e->expr)) & where);
}

/** Counts the tests that cannot work at these points; *bad is one of them. */
static unsigned
count_misplaced(const struct acl *acl, unsigned where, unsigned *total, const struct acl_expr **bad)
{
    unsigned n = 0;

    *total = 0;
    for (const struct acl_expr *e = acl->first; e; e = e->next) {
        ++*total;
        if (is_misplaced(e, where)) {
            *bad = e;
            n++;
        }
    }
    return n;
}

/** Warns about tests that cannot work where the condition runs. Returns whether there are any. */
static bool
warn_misplaced(struct reading *r, const struct acl *acl, unsigned word)
{
    const struct acl_expr *bad = NULL;
    unsigned total, n = count_misplaced(acl, r->where, &total, &bad);
    bool tcp = cfg_arg_is(r->c, 0, "tcp-request") || cfg_arg_is(r->c, 0, "tcp-response");
    char *in;

    if (n == 0)
        return false;
    in = tcp ? xasprintf(" in '%s %s'", cfg_arg(r->c, 0), cfg_arg(r->c, 1)) : xstrdup("");
    if (!acl->name)
        cfg_warn(r->c, word,
                 "anonymous acl will never match%s because it uses keyword '%s' which is "
                 "incompatible with '%s'",
                 in, bad->keyword, where_name(r->where));
    else if (n == total)
        cfg_warn(r->c, word,
                 "acl '%s' will never match%s because it only involves keywords that are "
                 "incompatible with '%s'",
                 acl->name, in, where_name(r->where));
    else
        cfg_warn(r->c, word, "acl '%s' involves %s '%s' which is incompatible with '%s'", acl->name,
                 tcp ? "keyword" : "keywords", bad->keyword, where_name(r->where));
    free(in);
    return true;
}

static void
add_term(struct reading *r, const struct acl *acl, bool negated, bool misplaced)
{
    struct cond *cd = r->cond;

    if (cd->nterms == r->size) {
        r->size = r->size ? r->size * 2 : 4;
        struct cond_term *more = ARENA_ARRAY(r->c->arena, struct cond_term, r->size);
        if (cd->nterms)
            memcpy(more, cd->term, cd->nterms * sizeof(*more));
        cd->term = more;
    }
    cd->term[cd->nterms++] = (struct cond_term){ acl, negated, false, misplaced };
    for (const struct acl_expr *e = acl->first; e; e = e->next)
        cd->needs |= expr_needs(e->expr);
}

/** "{ ... }" at r->at. */
static const struct acl *
read_anonymous(struct reading *r, char **err)
{
    struct acl *acl = acl_new(r->c->arena, NULL);
    unsigned from = ++r->at, end = from;
    struct acl_words w;

    while (end < r->c->nwords && !cfg_arg_is(r->c, end, "}"))
        end++;
    if (end == r->c->nwords) {
        *err = xstrdup("missing closing '}' in condition");
        r->at = from - 1;
        return NULL;
    }
    w = (struct acl_words){ .c = r->c, .from = from, .to = end };
    if (!acl_expr_parse(&w, r->px, acl, err)) {
        r->at = w.at;
        return NULL;
    }
    r->at = end + 1;
    return acl;
}

static void
hint_acl(const struct acl_list *acls, const char *wrong)
{
    struct suggest s;

    suggest_init(&s, wrong);
    for (const struct acl *a = acls ? acls->first : NULL; a; a = a->list_next)
        suggest_offer(&s, a->name);
    acl_predefined_offer(&s);
    expr_set_hint(suggest_result(&s));
}

static const struct acl *
read_named(struct reading *r, const char *name, char **err)
{
    const struct acl *acl = acl_find(r->c, r->acls, slice_str(name), err);

    if (acl) {
        r->at++;
        return acl;
    }
    if (!*err) {
        hint_acl(r->acls, name);
        *err = xasprintf("no such ACL : '%s'", name);
    }
    return NULL;
}

/** All terms up to the end of the line. */
static bool
read_terms(struct reading *r, char **err)
{
    bool negated = false;

    while (r->at < r->c->nwords) {
        const char *word = r->c->word[r->at].s;
        unsigned at = r->at;
        const struct acl *acl;

        if (strcmp(word, "or") == 0 || strcmp(word, "||") == 0) {
            if (r->cond->nterms)
                r->cond->term[r->cond->nterms - 1].last = true;
            negated = false;
            r->at++;
            continue;
        }
        for (; *word == '!'; word++)
            negated = !negated;
        if (*word == '\0') {
            r->at++;
            continue;
        }
        acl = strcmp(word, "{") == 0 ? read_anonymous(r, err) : read_named(r, word, err);
        if (!acl)
            return false;
        add_term(r, acl, negated, warn_misplaced(r, acl, at));
        negated = false;
    }
    if (r->cond->nterms)
        r->cond->term[r->cond->nterms - 1].last = true;
    else
        cfg_warn(r->c, CFG_WHOLE_LINE, "condition without any ACL, which is never true.");
    return true;
}

static const char *
text_from(struct cfg *c, unsigned at)
{
    struct text t = { 0 };
    const char *joined;

    for (unsigned i = at; i < c->nwords; i++)
        text_printf(&t, "%s%s", i > at ? " " : "", c->word[i].s);
    joined = arena_slicedup(c->arena, text_get(&t));
    text_fini(&t);
    return joined;
}

static struct cond *
parse(struct cfg *c, unsigned *at, struct proxy *px, struct acl_list *acls, unsigned where,
      char **err)
{
    struct reading r = { .c = c, .at = *at, .px = px, .acls = acls, .where = where };
    bool ok;

    *err = NULL;
    expr_set_hint(NULL);
    r.cond = ARENA_NEW(c->arena, struct cond);
    r.cond->text = text_from(c, *at);
    r.cond->where = where;
    r.cond->unless = cfg_arg_is(c, *at, "unless");
    if (cond_starts(c, *at))
        r.at++;
    ok = read_terms(&r, err);
    *at = r.at;
    return ok ? r.cond : NULL;
}

struct cond *
cond_parse_err(struct cfg *c, unsigned at, struct proxy *px, struct acl_list *acls, unsigned where,
               char **err)
{
    return parse(c, &at, px, acls, where, err);
}

/** What HAProxy calls the condition of this line: "an 'http-request deny' condition" (heap). */
static char *
condition_name(const struct cfg *c)
{
    static const struct {
        const char *word, *name;
    } rules[] = {
        { "use_backend", "switching rule" },
        { "use-server", "switching rule" },
        { "force-persist", "a 'force-persist' rule" },
        { "ignore-persist", "a 'ignore-persist' rule" },
        { "stick", "sticking condition" },
        { "redirect", "redirect rule" },
        { NULL, NULL },
    };
    const char *first = cfg_arg(c, 0);

    for (unsigned i = 0; rules[i].word; i++)
        if (strcmp(first, rules[i].word) == 0)
            return xstrdup(rules[i].name);
    return xasprintf("%s '%s %s' condition", strncmp(first, "http", 4) == 0 ? "an" : "a", first,
                     cfg_arg(c, 1));
}

static char *
cond_message(const struct cfg *c, const char *why)
{
    char *name, *all;

    if (cfg_arg_is(c, 0, "tcp-request") || cfg_arg_is(c, 0, "tcp-response"))
        return xasprintf("'%s %s %s' : error detected in %s '%s' while parsing 'if' condition : %s",
                         cfg_arg(c, 0), cfg_arg(c, 1), cfg_arg(c, 2),
                         c->section ? c->section->name : "section",
                         c->section_name ? c->section_name : "", why);
    name = condition_name(c);
    all = xasprintf("error detected while parsing %s : %s.", name, why);
    free(name);
    return all;
}

struct cond *
cond_parse(struct cfg *c, unsigned at, struct proxy *px, struct acl_list *acls, unsigned where)
{
    char *err, *message;
    struct cond *cond = parse(c, &at, px, acls, where, &err);

    if (cond)
        return cond;
    message = cond_message(c, err);
    cfg_error(c, at < c->nwords ? at : CFG_WHOLE_LINE, "%s", message);
    if (expr_hint())
        cfg_hint(c, "%s", expr_hint());
    free(message);
    free(err);
    return NULL;
}

/* ---- running
 * ------------------------------------------------------------------------------------------------------
 */

bool
acl_cast(const struct acl_expr *e, struct sample *s, struct sample_ctx *x)
{
    if (e->type == SMP_ANY || (e->type == SMP_ADDR && (s->type == SMP_IPV4 || s->type == SMP_IPV6)))
        return true;
    return sample_cast(s, e->type, x);
}

/** Whether one value passes. Changes *s. */
static bool
value_passes(const struct acl_expr *e, struct sample *s, struct sample_ctx *x)
{
    if (e->match == PM_FOUND)
        return true;
    if (!acl_cast(e, s, x))
        return false;
    if (e->match == PM_BOOL)
        return s->u.i != 0;
    for (unsigned i = 0; i < e->nsets; i++)
        if (pat_set_match(e->set[i], s, PICK_ANY))
            return true;
    return false;
}

static enum cond_result
test_each(const struct acl_expr *e, struct sample_ctx *x)
{
    enum cond_result missed = COND_FAIL;
    struct sample s;
    bool first = true;

    for (;; first = false) {
        enum expr_step step = expr_step(e->expr, x, &s, first);
        unsigned flags = s.flags;
        size_t it0 = s.iter[0], it1 = s.iter[1];

        if (step == STEP_VALUE && value_passes(e, &s, x))
            return COND_PASS;
        if ((flags & SMPF_MAY_CHANGE) && !(x->opt & SMPO_FINAL))
            missed = COND_MISS;
        if (step == STEP_NONE || !(flags & SMPF_NOT_LAST))
            return missed;
        s.iter[0] = it0;
        s.iter[1] = it1;
    }
}

/** All values of the expression, until one passes. */
static enum cond_result
test(const struct acl_expr *e, struct sample_ctx *x)
{
    unsigned opt = x->opt;
    enum cond_result result;

    x->opt |= SMPO_ITERATE;
    result = test_each(e, x);
    x->opt = opt;
    return result;
}

__thread void (*acl_trace)(const struct acl_test *t, struct sample_ctx *x);

static COLD void
tell(const struct acl *acl, const struct acl_expr *e, enum cond_result r, struct sample_ctx *x)
{
    struct acl_test t = { .acl = acl->name, .text = e->text, .result = r };

    t.has_value = expr_is_harmless(e->expr) && expr_eval(e->expr, x, &t.value);
    acl_trace(&t, x);
}

enum cond_result
acl_eval(const struct acl *acl, struct sample_ctx *x)
{
    enum cond_result all = COND_FAIL;

    for (const struct acl_expr *e = acl->first; e; e = e->next) {
        enum cond_result one = test(e, x);
        if (unlikely(acl_trace))
            tell(acl, e, one, x);
        if (one == COND_PASS)
            return COND_PASS;
        all |= one;
    }
    return all;
}

/** As acl_eval(), without the tests that cannot work at these points: what they look at may still
 * be in memory, but whoever was warned that they never match must find that so. */
static COLD enum cond_result
eval_placed(const struct acl *acl, unsigned where, struct sample_ctx *x)
{
    enum cond_result all = COND_FAIL;

    for (const struct acl_expr *e = acl->first; e; e = e->next) {
        enum cond_result one = is_misplaced(e, where) ? COND_FAIL : test(e, x);
        if (unlikely(acl_trace))
            tell(acl, e, one, x);
        if (one == COND_PASS)
            return COND_PASS;
        all |= one;
    }
    return all;
}

static enum cond_result
negate(enum cond_result r)
{
    return r == COND_MISS ? COND_MISS : r == COND_PASS ? COND_FAIL : COND_PASS;
}

static enum cond_result
eval_term(const struct cond *cond, const struct cond_term *t, struct sample_ctx *x)
{
    enum cond_result r =
        unlikely(t->misplaced) ? eval_placed(t->acl, cond->where, x) : acl_eval(t->acl, x);

    return t->negated ? negate(r) : r;
}

enum cond_result
cond_eval(const struct cond *cond, struct sample_ctx *x)
{
    enum cond_result all = COND_FAIL, group = COND_PASS;

    for (unsigned i = 0; i < cond->nterms; i++) {
        const struct cond_term *t = &cond->term[i];

        if (group != COND_FAIL) {
            enum cond_result r = eval_term(cond, t, x);
            if (r != COND_PASS) /* a failure decides, what is missing only holds up */
                group = r;
        }
        if (!t->last)
            continue;
        if (group == COND_PASS)
            return cond->unless ? COND_FAIL : COND_PASS;
        all |= group;
        group = COND_PASS;
    }
    return cond->unless ? negate(all) : all;
}

const char *
cond_text(const struct cond *cond)
{
    return cond->text;
}

static const char *
result_name(enum cond_result r)
{
    return r == COND_PASS ? "matched" : r == COND_MISS ? "needs more data" : "not matched";
}

void
cond_explain(const struct cond *cond, struct sample_ctx *x, struct text *out)
{
    text_printf(out, "%s: %s", result_name(cond_eval(cond, x)), cond->text);
    for (unsigned i = 0; i < cond->nterms; i++) {
        const struct cond_term *t = &cond->term[i];
        text_printf(out, "\n  %sacl %s: %s", t->negated ? "! " : "",
                    t->acl->name ? t->acl->name : "{}", result_name(acl_eval(t->acl, x)));
        for (const struct acl_expr *e = t->acl->first; e; e = e->next)
            text_printf(out, "\n    (%s): %s", e->text, result_name(test(e, x)));
        if (t->last && i + 1 < cond->nterms)
            text_str(out, "\n  or");
    }
    text_char(out, '\n');
}

/* ---- acl()
 * ------------------------------------------------------------------------------------------------------------
 */

#define NAMES_MAX ARG_MAX

struct named_terms {
    unsigned n;
    struct cond_term term[NAMES_MAX];
};

bool
acl_names_check(struct expr_arg *arg, struct cfg *c, char **err)
{
    struct proxy *px = expr_parsing_proxy();
    const struct acl_list *list = px && name_resolver.acls ? name_resolver.acls(px) : NULL;
    struct named_terms *names = ARENA_NEW(c->arena, struct named_terms);

    for (unsigned i = 0; i < NAMES_MAX && arg[i].type != ARG_END; i++) {
        struct slice name = arg[i].s;
        struct cond_term *t = &names->term[names->n++];

        for (; name.len && name.p[0] == '!'; name.p++, name.len--)
            t->negated = !t->negated;
        t->acl = acl_find(c, list, name, err);
        if (!t->acl) {
            if (!*err)
                *err = xasprintf("ACL '%.*s' not found", SLF(name));
            return false;
        }
    }
    arg[0].u.ptr = names;
    return true;
}

bool
acl_names_fetch(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct named_terms *names = arg[0].u.ptr;

    for (unsigned i = 0; i < names->n; i++) {
        enum cond_result r = acl_eval(names->term[i].acl, x);
        if (r == COND_MISS) {
            out->flags |= SMPF_MAY_CHANGE;
            return false;
        }
        if ((r == COND_PASS) == names->term[i].negated) {
            sample_set_bool(out, false);
            return true;
        }
    }
    sample_set_bool(out, true);
    return true;
}
