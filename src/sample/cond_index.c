/* cond_index.c - many conditions of the same shape as one index: `use_backend b7 if { req.hdr(host)
 * -i h7 }` ten thousand times costs one evaluation of the expression and one look-up. The result is
 * the one that trying them in order gives. The index is over the same lists as the conditions, so
 * edits at run time reach it. */
#include "sample/acl_int.h"

#include <stdlib.h>

struct cond_index {
    unsigned n;
    const struct acl_expr *test;
    struct pat_set *set[2]; /* with and without case; NULL: no such values */
    unsigned *owner[2];     /* attached list -> condition */
};

/** Fetches whose value does not depend on when, or how often, they are asked during one evaluation
 * of a rule set. */
#define STABLE_NEEDS                                                                               \
    (NEEDS_CLIENT | NEEDS_CLIENT5 | NEEDS_REQ_DATA | NEEDS_REQ_HTTP | NEEDS_REQ_HTTP_ANY |         \
     NEEDS_RES_DATA | NEEDS_RES_HTTP | NEEDS_RES_HTTP_ANY)

static bool
name_has(const char *name, const char *const *parts)
{
    for (; *parts; parts++)
        if (strstr(name, *parts))
            return true;
    return false;
}

bool
expr_is_harmless(const struct expr *e)
{
    static const char *const changing[] = { "_inc_",   "_clr_",    "_updt_", "rand", "uuid", "lua.",
                                            "set-var", "capture-", "debug",  "when", NULL };
    const struct conv *v;

    if (name_has(expr_fetch(e)->name, changing))
        return false;
    for (unsigned i = 0; (v = expr_conv(e, i)); i++)
        if (name_has(v->name, changing))
            return false;
    return true;
}

bool
expr_is_pure(const struct expr *e)
{
    return expr_needs(e) & STABLE_NEEDS && expr_is_harmless(e);
}

/** The only test of a condition that is fit for an index, or NULL. */
static const struct acl_expr *
only_test(const struct cond *cond)
{
    const struct acl_expr *e;

    if (!cond || cond->nterms != 1 || cond->unless || cond->term[0].negated ||
        cond->term[0].misplaced)
        return NULL;
    e = cond->term[0].acl->first;
    if (!e || e->next || e->match == PM_FOUND || e->match == PM_BOOL || !expr_is_pure(e->expr))
        return NULL;
    return e;
}

static bool
alike(const struct acl_expr *a, const struct acl_expr *b)
{
    return a->match == b->match && expr_same(a->expr, b->expr);
}

unsigned
cond_index_run(const struct cond *const *cond, unsigned n)
{
    const struct acl_expr *first = n ? only_test(cond[0]) : NULL, *e;
    unsigned i;

    if (!first)
        return 0;
    for (i = 1; i < n; i++)
        if (!(e = only_test(cond[i])) || !alike(first, e))
            break;
    return i;
}

/** Attaches the lists of one condition. */
static bool
attach(struct cond_index *ix, unsigned cond, const struct acl_expr *e, unsigned n[2])
{
    for (unsigned i = 0; i < e->nsets; i++) {
        unsigned icase = pat_set_is_icase(e->set[i]);
        struct pat_ref *ref;

        if (!ix->set[icase])
            ix->set[icase] = pat_set_new(e->match, icase ? PSF_ICASE : 0);
        for (unsigned k = 0; (ref = pat_set_ref(e->set[i], k)); k++) {
            char *err = NULL;
            if (!pat_set_attach(ix->set[icase], ref, &err)) {
                free(err);
                return false;
            }
            ix->owner[icase][n[icase]++] = cond;
        }
    }
    return true;
}

static unsigned
count_lists(const struct acl_expr *e)
{
    unsigned n = 0;

    for (unsigned i = 0; i < e->nsets; i++)
        for (unsigned k = 0; pat_set_ref(e->set[i], k); k++)
            n++;
    return n;
}

struct cond_index *
cond_index_new(struct arena *arena, const struct cond *const *cond, unsigned n)
{
    struct cond_index *ix;
    unsigned lists = 0, used[2] = { 0, 0 };

    if (n == 0 || cond_index_run(cond, n) != n)
        return NULL;
    ix = ARENA_NEW(arena, struct cond_index);
    ix->n = n;
    ix->test = only_test(cond[0]);
    for (unsigned i = 0; i < n; i++)
        lists += count_lists(only_test(cond[i]));
    ix->owner[0] = ARENA_ARRAY(arena, unsigned, lists + 1);
    ix->owner[1] = ARENA_ARRAY(arena, unsigned, lists + 1);
    for (unsigned i = 0; i < n; i++)
        if (!attach(ix, i, only_test(cond[i]), used))
            return NULL;
    return ix;
}

/** Lowest condition below `best` that the value satisfies. */
static unsigned
first_match(const struct cond_index *ix, const struct sample *s, unsigned best)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct pat *p = ix->set[i] ? pat_set_match(ix->set[i], s, PICK_FIRST) : NULL;
        if (p)
            best = MIN(best, ix->owner[i][pat_attach_index(p)]);
    }
    return best;
}

int
cond_index_eval(const struct cond_index *ix, struct sample_ctx *x)
{
    unsigned best = ix->n, opt = x->opt;
    bool missed = false, first = true;
    struct sample s;

    x->opt |= SMPO_ITERATE;
    for (;; first = false) {
        enum expr_step step = expr_step(ix->test->expr, x, &s, first);
        unsigned flags = s.flags;
        size_t it0 = s.iter[0], it1 = s.iter[1];

        if (step == STEP_VALUE && acl_cast(ix->test, &s, x))
            best = first_match(ix, &s, best);
        if ((flags & SMPF_MAY_CHANGE) && !(x->opt & SMPO_FINAL))
            missed = true;
        if (step == STEP_NONE || !(flags & SMPF_NOT_LAST))
            break;
        s.iter[0] = it0;
        s.iter[1] = it1;
    }
    x->opt = opt;
    /* While data may still come, an earlier condition may yet pass: trying them in order would wait
     * at the first. */
    if (missed && best != 0)
        return -1;
    return (int)best;
}
