/* directive.c - lines that begin with a dot: .if .elif .else .endif .notice .warning .alert .diag
 * (manual 2.4). */
#include "config/cfg_int.h"
#include "config/cond.h"

#include <stdlib.h>

bool
cfg_is_active(const struct cfg *c)
{
    const struct cfg_reader *r = cfg_reader(c);

    if (r->ifs_too_deep)
        return false;
    for (unsigned i = 0; i < r->nifs; i++) {
        if (!r->ifs[i].active)
            return false;
    }
    return true;
}

/** Points into the word that holds offset `at` of the words joined by single spaces. */
static void
point_into(struct cfg *c, size_t at)
{
    struct diag *g = list_last(&c->diags.list, struct diag, link);
    size_t from = 0;

    for (unsigned i = 1; i < c->nwords; i++) {
        const struct cfg_word *w = &c->word[i];
        if (at <= from + w->len || i + 1 == c->nwords) {
            /* with quotes and escapes the source is longer than the word: show the word's begin at
             * least */
            size_t inside = at > from && !w->quoted ? at - from : 0;
            g->loc.col = w->col + (unsigned)inside;
            g->loc.col_end = g->loc.col + 1;
            return;
        }
        from += w->len + 1;
    }
}

/** Evaluates the rest of the line; false when broken (reported). */
static bool
condition(struct cfg *c, bool *out)
{
    struct text expr = { 0 };
    struct cond_err err;

    for (unsigned i = 1; i < c->nwords; i++) {
        if (i > 1)
            text_char(&expr, ' ');
        text_str(&expr, c->word[i].s);
    }
    enum cond_rc rc = cond_line_eval(expr.p ? expr.p : "", &err);
    text_fini(&expr);
    if (rc == COND_ERR) {
        cfg_error(c, CFG_WHOLE_LINE, DIAG_TIGHT "%s in '%s' at position %zu:", err.text,
                  c->word[0].s, err.at + 1);
        point_into(c, err.at);
        return false;
    }
    *out = rc == COND_TRUE;
    return true;
}

static void
do_if(struct cfg *c)
{
    struct cfg_reader *r = cfg_reader(c);
    bool outer = cfg_is_active(c), yes = false;

    if (r->nifs == CFG_IF_MAX) {
        if (!r->ifs_too_deep++)
            cfg_error(c, 0, DIAG_TIGHT "too many nested '.if', max is %d.", CFG_IF_MAX);
        return;
    }
    struct cfg_if *b = &r->ifs[r->nifs++];
    *b = (struct cfg_if){ .line = c->loc.line, .taken = true };
    if (!outer)
        return; /* conditions of a block that is left out are not looked at */
    b->taken = !condition(c, &yes) || yes;
    b->active = yes;
}

/** The innermost block, or NULL and an error. */
static struct cfg_if *
innermost(struct cfg *c)
{
    struct cfg_reader *r = cfg_reader(c);

    if (r->nifs == 0) {
        cfg_error(c, 0, DIAG_TIGHT "lone '%s' with no matching '.if'.", c->word[0].s);
        return NULL;
    }
    return &r->ifs[r->nifs - 1];
}

static void
refuse_argument(struct cfg *c)
{
    if (c->nwords > 1)
        cfg_error(c, 1, DIAG_TIGHT "Unexpected argument '%s' for '%s'.", c->word[1].s,
                  c->word[0].s);
}

/** .else and .elif come only before .else. */
static bool
check_order(struct cfg *c, const struct cfg_if *b)
{
    if (!b->else_seen)
        return true;
    cfg_error(c, 0, DIAG_TIGHT "'%s' after '.else' is not permitted.", c->word[0].s);
    return false;
}

static void
do_elif(struct cfg *c)
{
    struct cfg_if *b = innermost(c);
    bool yes = false;

    if (cfg_reader(c)->ifs_too_deep || !b || !check_order(c, b))
        return;
    b->active = false;
    if (b->taken)
        return;
    b->taken = !condition(c, &yes) || yes;
    b->active = yes;
}

static void
do_else(struct cfg *c)
{
    struct cfg_if *b = innermost(c);

    if (cfg_reader(c)->ifs_too_deep || !b || !check_order(c, b))
        return;
    refuse_argument(c);
    b->else_seen = true;
    b->active = !b->taken;
    b->taken = true;
}

static void
do_endif(struct cfg *c)
{
    struct cfg_reader *r = cfg_reader(c);

    if (r->ifs_too_deep) {
        r->ifs_too_deep--;
        return;
    }
    if (!innermost(c))
        return;
    refuse_argument(c);
    r->nifs--;
}

static void
message(struct cfg *c, enum diag_level level)
{
    struct cfg_loc loc = cfg_loc_of(c, CFG_WHOLE_LINE);

    if (c->nwords > 2) {
        cfg_error(c, 2,
                  DIAG_TIGHT "Unexpected argument '%s' for '%s'. Use quotes if the message should "
                             "contain spaces.",
                  c->word[2].s, c->word[0].s);
        return;
    }
    diags_add(&c->diags, level, &loc, NULL, DIAG_TIGHT "'%s'.", cfg_arg(c, 1));
}

static void
do_notice(struct cfg *c)
{
    message(c, DIAG_NOTICE);
}

static void
do_diag(struct cfg *c)
{
    message(c, DIAG_DIAG);
}

static void
do_warning(struct cfg *c)
{
    message(c, DIAG_WARNING);
}

static void
do_alert(struct cfg *c)
{
    message(c, DIAG_ALERT);
}

static const struct {
    const char *name;
    void (*run)(struct cfg *c);
    bool always; /* also inside blocks that are left out */
} directives[] = {
    { ".if", do_if, true },
    { ".elif", do_elif, true },
    { ".else", do_else, true },
    { ".endif", do_endif, true },
    { ".notice", do_notice, false },
    { ".diag", do_diag, false },
    { ".warning", do_warning, false },
    { ".alert", do_alert, false },
};

void
cfg_directive(struct cfg *c)
{
    struct suggest near;
    bool active = cfg_is_active(c);

    suggest_init(&near, c->word[0].s);
    for (unsigned i = 0; i < COUNT_OF(directives); i++) {
        if (strcmp(c->word[0].s, directives[i].name) == 0) {
            if (active || directives[i].always)
                directives[i].run(c);
            return;
        }
        suggest_offer(&near, directives[i].name);
    }
    if (!active)
        return;
    cfg_error(c, 0, DIAG_TIGHT "unknown directive '%s'.", c->word[0].s);
    if (suggest_result(&near))
        cfg_hint(c, "did you mean '%s'?", suggest_result(&near));
}
