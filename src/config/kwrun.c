/* kwrun.c - running a row: generic setters, refusals, options of a line. */
#include "config/cfg_int.h"

#include <limits.h>

static enum cfg_rc
missing(struct cfg *c, const struct keyword *kw, unsigned at, const char *what)
{
    if (cfg_own_words(c, at, 0))
        return CFG_ERR;
    return cfg_error(c, at, "'%s' expects %s argument.", kw->name, what);
}

static enum cfg_rc
set_bool(struct cfg *c, const struct keyword *kw, bool *field, unsigned *at)
{
    (void)at;
    *field = c->dflt ? kw->min != 0 : !c->neg;
    return CFG_OK;
}

static enum cfg_rc
set_onoff(struct cfg *c, const struct keyword *kw, bool *field, unsigned *at)
{
    if (cfg_arg_is(c, *at, "on")) {
        *field = true;
    } else if (cfg_arg_is(c, *at, "off")) {
        *field = false;
    } else {
        return cfg_error(c, *at, "'%s' expects either 'on' or 'off' but got '%s'.", kw->name,
                         cfg_arg(c, *at));
    }
    (*at)++;
    return CFG_OK;
}

/** A number within the row's limits. */
static enum cfg_rc
take_number(struct cfg *c, const struct keyword *kw, unsigned *at, int64_t low, int64_t high,
            int64_t *out)
{
    if (*at >= c->nwords || !slice_to_int(slice_str(c->word[*at].s), out))
        return missing(c, kw, *at, "an integer");
    if (*out < low || *out > high) {
        if (low == 0 && high >= INT_MAX)
            return missing(c, kw, *at, "a positive integer");
        if (cfg_own_words(c, *at, 0))
            return CFG_ERR;
        return cfg_error(c, *at, "'%s' value must be between %lld and %lld (was %lld)", kw->name,
                         (long long)low, (long long)high, (long long)*out);
    }
    (*at)++;
    return CFG_OK;
}

static enum cfg_rc
set_uint(struct cfg *c, const struct keyword *kw, unsigned *field, unsigned *at)
{
    int64_t v;

    if (take_number(c, kw, at, kw->min, kw->max ? kw->max : UINT_MAX, &v) != CFG_OK)
        return CFG_ERR;
    *field = (unsigned)v;
    return CFG_OK;
}

static enum cfg_rc
set_int(struct cfg *c, const struct keyword *kw, int *field, unsigned *at)
{
    bool unlimited = kw->min == 0 && kw->max == 0;
    int64_t v;

    if (take_number(c, kw, at, unlimited ? INT_MIN : kw->min, unlimited ? INT_MAX : kw->max, &v) !=
        CFG_OK)
        return CFG_ERR;
    *field = (int)v;
    return CFG_OK;
}

static enum cfg_rc
set_msec(struct cfg *c, const struct keyword *kw, int *field, unsigned *at)
{
    int ms;
    unsigned i = *at;

    if (i >= c->nwords && cfg_own_words(c, i, 0))
        return CFG_ERR;
    if (i >= c->nwords)
        return cfg_error(c, i, "'%s' expects an integer value (in milliseconds)", kw->name);
    if (cfg_take_ms(c, at, "a delay", &ms) != CFG_OK)
        return CFG_ERR;
    if (ms < kw->min || (kw->max && ms > kw->max))
        return cfg_error(c, i, "'%s' value must be between %lld and %lld milliseconds (was %d)",
                         kw->name, (long long)kw->min, (long long)(kw->max ? kw->max : INT_MAX),
                         ms);
    *field = ms;
    return CFG_OK;
}

static enum cfg_rc
set_size(struct cfg *c, const struct keyword *kw, uint64_t *field, unsigned *at)
{
    uint64_t v;
    unsigned i = *at;

    if (i >= c->nwords)
        return missing(c, kw, i, "a size");
    if (cfg_take_size(c, at, "a size", &v) != CFG_OK)
        return CFG_ERR;
    if (v < (uint64_t)kw->min || (kw->max && v > (uint64_t)kw->max))
        return cfg_error(c, i, "'%s' value must be between %lld and %lld (was %llu)", kw->name,
                         (long long)kw->min, (long long)(kw->max ? kw->max : INT64_MAX),
                         (unsigned long long)v);
    *field = v;
    return CFG_OK;
}

static enum cfg_rc
set_string(struct cfg *c, const struct keyword *kw, const char **field, unsigned *at)
{
    if (*at >= c->nwords)
        return missing(c, kw, *at, "a string");
    *field = c->word[(*at)++].s; /* words live in the arena */
    return CFG_OK;
}

/** What HAProxy has and this program has not built. */
static enum cfg_rc
refuse(struct cfg *c, const struct keyword *kw, unsigned first, unsigned *at)
{
    *at = c->nwords;
    if (kw->flags & KWF_NO_WARN) {
        cfg_warn(c, first, "'%s' is not supported yet and has no effect.", kw->name);
        return CFG_OK;
    }
    return cfg_error(c, first, "'%s' is not supported yet.", kw->name);
}

static enum cfg_rc
run(struct cfg *c, const struct keyword *kw, void *obj, unsigned first, unsigned *at)
{
    void *field = (char *)obj + kw->offset;

    switch (kw->kind) {
    case KW_CALL:
        return kw->parse(c, kw, obj, at);
    case KW_BOOL:
        return set_bool(c, kw, field, at);
    case KW_ONOFF:
        return set_onoff(c, kw, field, at);
    case KW_UINT:
        return set_uint(c, kw, field, at);
    case KW_INT:
        return set_int(c, kw, field, at);
    case KW_MSEC:
        return set_msec(c, kw, field, at);
    case KW_SIZE64:
        return set_size(c, kw, field, at);
    case KW_STRING:
        return set_string(c, kw, field, at);
    case KW_UNSUPPORTED:
        return refuse(c, kw, first, at);
    case KW_IGNORED_OK:
        if (!kw->args && !(kw->where & (IN_BIND | IN_SERVER)))
            return cfg_expect_end(c, *at);
        *at = c->nwords;
        return CFG_OK;
    }
    return CFG_ERR;
}

/** Experimental and deprecated rows. */
static enum cfg_rc
check_flags(struct cfg *c, const struct keyword *kw, unsigned first)
{
    if (kw->flags & KWF_EXPERIMENTAL) {
        c->experimental_used = true;
        if (!c->experimental)
            return cfg_error(c, first,
                             "'%s' directive is experimental, must be allowed via a global "
                             "'expose-experimental-directives'",
                             kw->name);
    }
    if (kw->flags & KWF_DEPRECATED) {
        if (kw->use_instead)
            cfg_warn(c, first, "the '%s' directive is deprecated, please use '%s' instead.",
                     kw->name, kw->use_instead);
        else if (!c->deprecated_ok)
            cfg_warn(c, first, "the '%s' directive is deprecated.", kw->name);
    }
    return CFG_OK;
}

enum cfg_rc
cfg_run_keyword(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const struct keyword *outer = c->kw;
    unsigned errors = c->diags.errors, first = *at ? *at - 1 : 0;
    enum cfg_rc rc;

    for (const char *p = kw->name; *p && first; p++)
        first -= *p == ' ';
    c->kw = kw;
    rc = check_flags(c, kw, first);
    if (rc == CFG_OK)
        rc = run(c, kw, obj, first, at);
    c->kw = outer;
    if (rc != CFG_OK && c->diags.errors > errors && kw->args && kw->kind != KW_UNSUPPORTED) {
        const struct diag *last = list_last(&c->diags.list, struct diag, link);
        if (last && !last->hint && !(kw->flags & KWF_EXPERIMENTAL))
            cfg_hint(c, "usage: %s %s", kw->name, kw->args);
    }
    return rc;
}

/** What HAProxy puts before messages about options of the current line. */
static const char *
option_context(struct cfg *c, unsigned where)
{
    const char *first = cfg_arg(c, 0);

    if (where & IN_BIND && c->where & IN_GLOBAL)
        return arena_printf(c->arena, "'%s %s' : ", first, cfg_arg(c, 1));
    if (where & IN_BIND)
        return arena_printf(c->arena, "'%s %s' in section '%s' : ", first, cfg_arg(c, 1),
                            c->section ? c->section->name : "");
    if (!c->section_name) /* `add server`, whose answer goes to whom it may concern */
        return DIAG_PLAIN;
    if (strcmp(first, "server") == 0 || strcmp(first, "peer") == 0)
        return arena_printf(c->arena,
                            DIAG_PLAIN "'server %s/%s' : ", c->section_name ? c->section_name : "",
                            cfg_arg(c, 1));
    return DIAG_PLAIN;
}

enum cfg_rc
cfg_run_options(struct cfg *c, unsigned where, void *obj, unsigned *at)
{
    const char *outer = c->context;
    unsigned errors = c->diags.errors;
    enum cfg_rc rc = CFG_OK;

    c->context = option_context(c, where);
    while (*at < c->nwords) {
        unsigned first = *at, n;
        const struct keyword *kw = cfg_find_keyword(c, where, first, &n);
        if (!kw) {
            cfg_report_unknown_option(c, where, first);
            rc = CFG_ERR;
            break; /* what follows may be its arguments */
        }
        *at += n;
        if (kw->kind == KW_UNSUPPORTED || kw->kind == KW_IGNORED_OK) {
            /* options follow each other: take the arguments that the row announces, not the whole
             * line */
            unsigned end = first + n + (kw->args && kw->args[0] == '<' ? 1 : 0);
            rc = cfg_run_keyword(c, kw, obj, at) == CFG_OK ? rc : CFG_ERR;
            *at = MIN(end, c->nwords);
        } else if (cfg_run_keyword(c, kw, obj, at) != CFG_OK) {
            rc = CFG_ERR;
            break; /* how far it got is unknown; the rest would only cascade */
        }
    }
    c->context = outer;
    if (where & IN_SERVER && c->diags.errors > errors)
        diag_end_sentence(list_last(&c->diags.list, struct diag, link));
    return rc;
}
