/* cond.c - conditions of .if, .elif and -cc (manual 2.4):
 *   or   := and [ "||" or ]
 *   and  := term [ "&&" and ]
 *   term := "!" term | "(" or ")" | integer | predicate [ "(" argument { "," argument } ")" ]
 * Messages and the positions they point to are HAProxy's. */
#include "config/cond.h"
#include "config/cfg.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARGS_MAX  2
#define DEPTH_MAX 100 /* of parentheses and negations */

struct cond {
    const char *expr, *at;
    unsigned depth;
    struct cond_err *err;
    bool reported;
};

static enum cond_rc or_eval(struct cond *c);

static enum cond_rc fail(struct cond *c, const char *at, const char *fmt, ...) PRINTF(3, 4);

/** The innermost error is the one that is told. */
static enum cond_rc
fail(struct cond *c, const char *at, const char *fmt, ...)
{
    va_list ap;

    if (c->reported)
        return COND_ERR;
    c->reported = true;
    c->err->at = (size_t)(at - c->expr);
    va_start(ap, fmt);
    vsnprintf(c->err->text, sizeof(c->err->text), fmt, ap);
    va_end(ap);
    return COND_ERR;
}

static void
skip_blanks(struct cond *c)
{
    while (*c->at == ' ' || *c->at == '\t')
        c->at++;
}

/* ---- predicates ---- */

/** One component of a version and what follows it. */
static bool
take_number(const char **s, unsigned long *out)
{
    char *end;

    if (**s < '0' || **s > '9')
        return false;
    *out = strtoul(*s, &end, 10);
    *s = end;
    return true;
}

struct version {
    unsigned long part[4];
    int stage;                    /* -2: dev, -1: rc, 0: release */
    unsigned long stage_n, patch; /* 3.5-dev<stage_n>, 3.5.1-<patch> */
};

static void
version_parse(const char *s, struct version *v)
{
    memset(v, 0, sizeof(*v));
    for (unsigned i = 0; i < COUNT_OF(v->part); i++) {
        if (!take_number(&s, &v->part[i]) || *s != '.')
            break;
        s++;
    }
    /* OpenSSL's letters: 1.1.1w */
    if (*s >= 'a' && *s <= 'z' && s[1] == '\0')
        v->patch = (unsigned long)(*s - 'a') + 1;
    if (*s++ != '-')
        return;
    if (strncmp(s, "dev", 3) == 0)
        v->stage = -2, s += 3;
    else if (strncmp(s, "rc", 2) == 0 || strncmp(s, "pre", 3) == 0)
        v->stage = -1, s += *s == 'r' ? 2 : 3;
    else if (strncmp(s, "alpha", 5) == 0 || strncmp(s, "beta", 4) == 0)
        v->stage = -2, s += *s == 'a' ? 5 : 4;
    take_number(&s, v->stage ? &v->stage_n : &v->patch);
}

static int
number_cmp(unsigned long a, unsigned long b)
{
    return a < b ? -1 : a > b;
}

int
cond_version_cmp(const char *a, const char *b)
{
    struct version x, y;
    int c = 0;

    version_parse(a, &x);
    version_parse(b, &y);
    for (unsigned i = 0; !c && i < COUNT_OF(x.part); i++)
        c = number_cmp(x.part[i], y.part[i]);
    if (!c)
        c = x.stage - y.stage;
    if (!c)
        c = number_cmp(x.stage_n, y.stage_n);
    return c ? c : number_cmp(x.patch, y.patch);
}

typedef bool (*predicate_fn)(char *const *arg);

static bool
pred_defined(char *const *arg)
{
    return getenv(arg[0]) != NULL;
}

static bool
pred_feature(char *const *arg)
{
    return config_feature(arg[0]);
}

static bool
pred_enabled(char *const *arg)
{
    return config_enabled(arg[0]);
}

static bool
pred_streq(char *const *arg)
{
    return strcmp(arg[0], arg[1]) == 0;
}

static bool
pred_strneq(char *const *arg)
{
    return strcmp(arg[0], arg[1]) != 0;
}

static bool
pred_strstr(char *const *arg)
{
    return strstr(arg[0], arg[1]) != NULL;
}

static bool
pred_version_atleast(char *const *arg)
{
    return cond_version_cmp(COND_VERSION, arg[0]) >= 0;
}

static bool
pred_version_before(char *const *arg)
{
    return cond_version_cmp(COND_VERSION, arg[0]) < 0;
}

static bool
pred_openssl_atleast(char *const *arg)
{
    return cond_version_cmp(OPENSSL_VERSION_STR, arg[0]) >= 0;
}

static bool
pred_openssl_before(char *const *arg)
{
    return cond_version_cmp(OPENSSL_VERSION_STR, arg[0]) < 0;
}

static bool
pred_ssllib(char *const *arg)
{
    return strncmp(OpenSSL_version(OPENSSL_VERSION), arg[0], strlen(arg[0])) == 0;
}

static bool
pred_fips(char *const *arg)
{
    (void)arg;
    return EVP_default_properties_is_fips_enabled(NULL) == 1;
}

static const struct predicate {
    const char *name;
    unsigned args, args_min;
    predicate_fn eval; /* NULL: only with AWS-LC */
} predicates[] = {
    { "awslc_api_atleast", 1, 0, NULL },
    { "awslc_api_before", 1, 0, NULL },
    { "defined", 1, 0, pred_defined },
    { "enabled", 1, 0, pred_enabled },
    { "feature", 1, 0, pred_feature },
    { "fips_mode", 0, 0, pred_fips },
    { "openssl_version_atleast", 1, 0, pred_openssl_atleast },
    { "openssl_version_before", 1, 0, pred_openssl_before },
    { "ssllib_name_startswith", 1, 0, pred_ssllib },
    { "streq", 2, 2, pred_streq },
    { "strneq", 2, 2, pred_strneq },
    { "strstr", 2, 2, pred_strstr },
    { "version_atleast", 1, 0, pred_version_atleast },
    { "version_before", 1, 0, pred_version_before },
};

/** One argument, up to an unquoted ',' or ')'. Quotes and escapes work as on the line, except \#,
 * \$ and \xNN. Returns a copy the caller frees. */
static char *
take_argument(struct cond *c)
{
    struct text t = { 0 };
    char quote = 0;

    for (; *c->at && (quote || (*c->at != ',' && *c->at != ')')); c->at++) {
        char ch = *c->at;
        if (quote ? ch == quote : ch == '"' || ch == '\'') {
            quote = quote ? 0 : ch;
            continue;
        }
        if (ch == '\\' && quote != '\'' && c->at[1]) {
            static const char from[] = " \\'\"ntr", to[] = " \\'\"\n\t\r";
            const char *p = strchr(from, c->at[1]);
            if (p) {
                ch = to[p - from];
                c->at++;
            }
        }
        text_char(&t, ch);
    }
    return t.p ? t.p : xstrdup("");
}

static enum cond_rc
arguments(struct cond *c, const struct predicate *p, char **arg, unsigned *n)
{
    bool open = *c->at == '(';

    if (open) {
        c->at++;
        while (*n < p->args) {
            arg[(*n)++] = take_argument(c);
            if (*c->at != ',' || *n == p->args)
                break;
            c->at++;
        }
    }
    unsigned got = *n ? *n : 1; /* HAProxy counts an absent list as one */
    if (*n < p->args_min)
        return fail(
            c, c->at,
            "missing arguments (got %u/%u), type 'string' expected in argument 1 of predicate "
            "'%s' used in conditional expression",
            got, p->args_min, p->name);
    if (open && *c->at != ')')
        return fail(c, c->at,
                    *c->at ? "expected ')' before '%s' in argument 1 of predicate '%s' used in "
                             "conditional expression"
                           : "expected ')'%s in argument 1 of predicate '%s' used in conditional "
                             "expression",
                    c->at, p->name);
    if (open)
        c->at++;
    return COND_TRUE;
}

static enum cond_rc
predicate_eval(struct cond *c, const struct predicate *p)
{
    char *arg[ARGS_MAX] = { NULL };
    unsigned n = 0;
    const char *start = c->at;

    c->at += strlen(p->name);
    enum cond_rc rc = arguments(c, p, arg, &n);
    if (rc == COND_TRUE) {
        for (unsigned i = n; i < ARGS_MAX; i++)
            arg[i] = xstrdup("");
        if (!p->eval)
            rc = fail(c, start, "invalid argument for predicate '%s': not built with AWS-LC",
                      p->name);
        else
            rc = p->eval(arg) ? COND_TRUE : COND_FALSE;
    }
    for (unsigned i = 0; i < ARGS_MAX; i++)
        free(arg[i]);
    return rc;
}

static const struct predicate *
find_predicate(const char *s)
{
    size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz_0123456789");

    for (unsigned i = 0; i < COUNT_OF(predicates); i++) {
        if (slice_eq_str(slice(s, len), predicates[i].name))
            return &predicates[i];
    }
    return NULL;
}

/* ---- expressions ---- */

static enum cond_rc term_eval(struct cond *c);

/** Behind "!" comes a term; HAProxy points at the sign when nothing that could be one follows. */
static enum cond_rc
not_eval(struct cond *c)
{
    const char *start = c->at++;

    skip_blanks(c);
    bool term = *c->at && (strchr("(!+-0123456789", *c->at) || find_predicate(c->at));
    if (!term)
        return fail(c, start, "unparsable conditional expression '%s'", start);
    c->depth++;
    enum cond_rc rc = term_eval(c);
    c->depth--;
    return rc == COND_ERR ? rc : rc == COND_TRUE ? COND_FALSE : COND_TRUE;
}

static enum cond_rc
parenthesis_eval(struct cond *c)
{
    const char *start = c->at++;

    c->depth++;
    enum cond_rc rc = or_eval(c);
    c->depth--;
    if (rc == COND_ERR)
        return rc;
    if (*c->at != ')')
        return fail(c, start, "expected ')' after conditional expression '%s'", start);
    c->at++;
    skip_blanks(c);
    return rc;
}

static enum cond_rc
term_eval(struct cond *c)
{
    const char *start = c->at;
    char *end;

    if (c->depth >= DEPTH_MAX)
        return fail(c, start, "too many nested conditions, max is %d", DEPTH_MAX);
    if (*start == '!')
        return not_eval(c);
    if (*start == '(')
        return parenthesis_eval(c);
    long number = strtol(start, &end, 0);
    if (end != start) {
        c->at = end;
        skip_blanks(c);
        return number ? COND_TRUE : COND_FALSE;
    }
    const struct predicate *p = find_predicate(start);
    if (!p)
        return fail(c, start, "unparsable conditional expression '%s'", start);
    enum cond_rc rc = predicate_eval(c, p);
    skip_blanks(c);
    return rc;
}

static enum cond_rc
and_eval(struct cond *c)
{
    enum cond_rc rc = term_eval(c);

    while (rc != COND_ERR && c->at[0] == '&' && c->at[1] == '&') {
        const char *op = c->at;
        c->at += 2;
        skip_blanks(c);
        if (!*c->at)
            return fail(c, op, "unparsable conditional expression '%s'", op);
        enum cond_rc right = term_eval(c);
        rc = right == COND_ERR ? right : rc == COND_TRUE && right == COND_TRUE;
    }
    return rc;
}

static enum cond_rc
or_eval(struct cond *c)
{
    const char *start;

    skip_blanks(c);
    start = c->at;
    enum cond_rc rc = and_eval(c);
    while (rc != COND_ERR && c->at[0] == '|' && c->at[1] == '|') {
        const char *op = c->at;
        c->at += 2;
        skip_blanks(c);
        if (!*c->at)
            return fail(c, op, "unparsable conditional expression '%s'", start);
        enum cond_rc right = and_eval(c);
        rc = right == COND_ERR ? right : rc == COND_TRUE || right == COND_TRUE;
    }
    return rc;
}

enum cond_rc
cond_line_eval(const char *expr, struct cond_err *err)
{
    struct cond c = { .expr = expr, .at = expr, .err = err };

    err->text[0] = '\0';
    err->at = 0;
    skip_blanks(&c);
    if (!*c.at)
        return COND_FALSE;
    enum cond_rc rc = or_eval(&c);
    if (rc != COND_ERR && *c.at)
        return fail(&c, c.at, "unexpected character '%c' at the end of conditional expression '%s'",
                    *c.at, expr);
    return rc;
}

int
cond_expr_eval(const char *expr, char **err)
{
    struct cond_err e;
    enum cond_rc rc = cond_line_eval(expr, &e);

    *err = rc == COND_ERR ? xstrdup(e.text) : NULL;
    return rc;
}
