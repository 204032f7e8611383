/* cfg.c - what keyword functions use: reporting, and taking arguments off the line. */
#include "config/cfg.h"
#include "config/cfg_int.h"
#include "config/units.h"

#include <limits.h>
#include <stdlib.h>

void
cfg_init(struct cfg *c, struct config *config, struct arena *arena)
{
    *c = (struct cfg){ .config = config, .arena = arena };
    diags_init(&c->diags);
}

void
cfg_fini(struct cfg *c)
{
    diags_fini(&c->diags);
    *c = (struct cfg){ 0 };
}

struct cfg_loc
cfg_loc_of(const struct cfg *c, unsigned i)
{
    struct cfg_loc loc = c->loc;

    loc.col = loc.col_end = 0;
    if (i < c->nwords) {
        loc.line = c->word[i].line;
        loc.col = c->word[i].col;
        loc.col_end = c->word[i].col_end;
    } else if (i != CFG_WHOLE_LINE && c->nwords) {
        /* something is missing: behind the last word */
        loc.line = c->word[c->nwords - 1].line;
        loc.col = c->word[c->nwords - 1].col_end + 1;
        loc.col_end = loc.col + 1;
    }
    return loc;
}

/** The source line that word `i` is on; NULL outside of a file. */
static const char *
excerpt_of(const struct cfg *c, unsigned line)
{
    const struct lex_raw *raw = c->private ? lexer_raw_line(&cfg_reader(c)->lexer, line) : NULL;

    return raw ? raw->text : NULL;
}

static void
report(struct cfg *c, enum diag_level level, unsigned i, const char *fmt, va_list ap)
{
    struct cfg_loc loc = cfg_loc_of(c, i);
    struct text t = { 0 };
    char *text;

    text_vprintf(&t, fmt, ap);
    text = t.p ? t.p : xstrdup("");
    bool styled = text[0] >= DIAG_TIGHT[0] && text[0] <= DIAG_CAPITAL[0];
    diags_add(&c->diags, level, &loc, excerpt_of(c, loc.line), "%s%s",
              c->context && !styled ? c->context : "", text);
    free(text);
}

enum cfg_rc
cfg_error(struct cfg *c, unsigned i, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report(c, DIAG_ALERT, i, fmt, ap);
    va_end(ap);
    return CFG_ERR;
}

void
cfg_warn(struct cfg *c, unsigned i, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report(c, DIAG_WARNING, i, fmt, ap);
    va_end(ap);
}

void
cfg_diag(struct cfg *c, unsigned i, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report(c, DIAG_DIAG, i, fmt, ap);
    va_end(ap);
}

void
cfg_hint(struct cfg *c, const char *fmt, ...)
{
    struct diag *last = list_last(&c->diags.list, struct diag, link);
    struct text t = { 0 };
    va_list ap;

    if (!last)
        return;
    va_start(ap, fmt);
    text_vprintf(&t, fmt, ap);
    va_end(ap);
    diag_hint(last, "%s", t.p ? t.p : "");
    text_fini(&t);
}

/** Reports something found after parsing. HAProxy's texts of this kind name the place themselves or
 * not at all. */
static void
report_at(struct cfg *c, enum diag_level level, const struct cfg_loc *loc, const char *fmt,
          va_list ap)
{
    struct text t = { 0 };

    text_vprintf(&t, fmt, ap);
    bool styled = t.p && t.p[0] >= DIAG_TIGHT[0] && t.p[0] <= DIAG_CAPITAL[0];
    struct diag *g =
        diags_add(&c->diags, level, loc, NULL, "%s%s", styled ? "" : DIAG_BARE, t.p ? t.p : "");
    if (!styled && loc && loc->file)
        diag_hint(g, "defined at %s:%u", loc->file, loc->line);
    text_fini(&t);
}

enum cfg_rc
cfg_error_at(struct cfg *c, const struct cfg_loc *loc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report_at(c, DIAG_ALERT, loc, fmt, ap);
    va_end(ap);
    return CFG_ERR;
}

void
cfg_warn_at(struct cfg *c, const struct cfg_loc *loc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report_at(c, DIAG_WARNING, loc, fmt, ap);
    va_end(ap);
}

/* ---- arguments ---- */

/** What messages call the current keyword. */
static const char *
keyword_name(const struct cfg *c)
{
    return c->kw ? c->kw->name : cfg_arg(c, 0);
}

const char *
cfg_take(struct cfg *c, unsigned *at, const char *what)
{
    if (*at >= c->nwords) {
        if (!cfg_own_words(c, *at, 0))
            cfg_error(c, *at, "'%s' expects %s as argument.", keyword_name(c), what);
        return NULL;
    }
    return c->word[(*at)++].s;
}

const char *
cfg_take_words(struct cfg *c, unsigned *at, const char *what)
{
    struct text t = { 0 };

    if (*at >= c->nwords) {
        cfg_error(c, 0, DIAG_TIGHT "'%s' expects a string argument.", what);
        return NULL;
    }
    for (; *at < c->nwords; (*at)++)
        text_printf(&t, "%s%s", t.len ? " " : "", c->word[*at].s);
    const char *words = arena_strdup(c->arena, t.p);
    text_fini(&t);
    return words;
}

enum cfg_rc
cfg_take_int(struct cfg *c, unsigned *at, const char *what, int64_t min, int64_t max, int64_t *out)
{
    unsigned i = *at;
    const char *s = cfg_take(c, at, what);
    int64_t v;

    if (!s)
        return CFG_ERR;
    bool number = slice_to_int(slice_str(s), &v);
    if ((!number || v < min || v > max) && cfg_own_words(c, i, 0))
        return CFG_ERR;
    if (!number)
        return cfg_error(c, i, "'%s' expects %s as argument (got '%s').", keyword_name(c), what, s);
    if (v < min || v > max)
        return cfg_error(c, i, "'%s' value must be between %lld and %lld (was %lld)",
                         keyword_name(c), (long long)min, (long long)max, (long long)v);
    *out = v;
    return CFG_OK;
}

/** The common complaints about a number with a unit. */
static enum cfg_rc
unit_error(struct cfg *c, unsigned i, enum unit_err e, char bad, const char *limit)
{
    const char *s = cfg_arg(c, i);

    if (e == UNIT_OVERFLOW)
        return cfg_error(c, i, "%s overflow in argument '%s' to '%s' (maximum value is %s)",
                         *limit == '2' ? "timer" : "size", s, keyword_name(c), limit);
    if (cfg_own_words(c, i, bad))
        return CFG_ERR;
    return cfg_error(c, i, "unexpected character '%c' in '%s'", bad, keyword_name(c));
}

/** A forgotten unit: 50 was meant as seconds more often than as milliseconds (3.1). */
static void
warn_small(struct cfg *c, unsigned i, uint64_t us)
{
    if (!(c->kw && c->kw->flags & KWF_TIMEOUT) || us == 0 || us >= 100000 || !c->section)
        return;
    cfg_warn(c, i,
             "'%s %s' in %s '%s' is suspiciously small for a value in milliseconds. Please use an "
             "explicit unit ('%sms') if that was the intent.",
             c->kw->name, cfg_arg(c, i), c->section->name, c->section_name ? c->section_name : "",
             cfg_arg(c, i));
}

enum cfg_rc
cfg_take_ms(struct cfg *c, unsigned *at, const char *what, int *out_ms)
{
    unsigned i = *at;
    const char *s = cfg_take(c, at, what);
    uint64_t us = 0;
    char bad = 0;
    bool suffixed = false;

    if (!s)
        return CFG_ERR;
    enum unit_err e = units_time(slice_str(s), 1000, &us, &bad, &suffixed);
    if (e == UNIT_OK || e == UNIT_TRAILING) {
        uint64_t ms = us / 1000 + (us % 1000 ? 1 : 0);
        if (ms > INT_MAX)
            e = UNIT_OVERFLOW;
        else
            *out_ms = (int)ms;
    }
    if (e == UNIT_TRAILING)
        cfg_warn(c, i,
                 "unexpected character '%c' after the timer value '%s', only (us=microseconds,"
                 "ms=milliseconds,s=seconds,m=minutes,h=hours,d=days) are supported. This will be "
                 "reported as an error in next versions.",
                 bad, s);
    else if (e != UNIT_OK)
        return unit_error(c, i, e, bad, "2147483647 ms or ~24.8 days");
    if (!suffixed)
        warn_small(c, i, us);
    return CFG_OK;
}

enum cfg_rc
cfg_take_size(struct cfg *c, unsigned *at, const char *what, uint64_t *out)
{
    unsigned i = *at;
    const char *s = cfg_take(c, at, what);
    char bad = 0;

    if (!s)
        return CFG_ERR;
    enum unit_err e = units_size(slice_str(s), out, &bad);
    return e == UNIT_OK ? CFG_OK : unit_error(c, i, e, bad, "16 EiB");
}

enum cfg_rc
cfg_expect_end(struct cfg *c, unsigned at)
{
    if (at >= c->nwords)
        return CFG_OK;
    return cfg_error(c, at, "'%s' cannot handle unexpected argument '%s'.", keyword_name(c),
                     c->word[at].s);
}
