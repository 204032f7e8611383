/* pattern.c - sets: the indexes over one or more lists, and how patterns enter and leave them. */
#include "base/epoch.h"
#include "sample/pattern_int.h"

#include <stdlib.h>

_Atomic unsigned long pat_added, pat_freed;

/* Sets exist from the time their configuration is read until pat_refs_fini(): only the thread that
 * reads it, or ends the process, changes this list. */
static struct list all_sets = LIST_INIT(all_sets);

/* ---- patterns
 * ---------------------------------------------------------------------------------------------------
 */

struct pat *
pat_compile(struct pat_set *s, struct pat_elt *e, unsigned link_index, char **err)
{
    struct pat *p = xcalloc(1, sizeof(*p));
    struct pat_value *value = NULL;

    if (!pat_parse(s->match, s->flags, e->key, &p->k, &p->mem, err)) {
        free(p);
        return NULL;
    }
    if (!pat_value_make(s, e, &value, err)) {
        pat_parsed_free(s->match, &p->k, p->mem);
        free(p);
        return NULL;
    }
    atomic_store_explicit(&p->value, value, memory_order_relaxed);
    p->set = s;
    p->is_regex = s->match == PM_REG;
    p->elt = e;
    p->order = (uint64_t)link_index << PAT_ORDER_BITS | e->seq;
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return p;
}

void
pat_free(void *pat)
{
    struct pat *p = pat;

    free(atomic_load_explicit(&p->value, memory_order_relaxed));
    pat_parsed_free(p->is_regex ? PM_REG : PM_STR, &p->k, p->mem);
    pat_elt_unref(p->elt);
    free(p);
}

void
pat_retire(struct pat *p)
{
    epoch_retire(pat_free, p);
}

struct slice
pat_key(const struct pat *p)
{
    return p->elt->key;
}

bool
pat_value(const struct pat *p, struct sample *out)
{
    const struct pat_value *v = atomic_load_explicit(&p->value, memory_order_acquire);

    if (!v)
        return false;
    out->type = v->sample.type;
    out->flags |= SMPF_CONST;
    out->u = v->sample.u;
    return true;
}

unsigned
pat_attach_index(const struct pat *p)
{
    return (unsigned)(p->order >> PAT_ORDER_BITS);
}

/* ---- indexes
 * ------------------------------------------------------------------------------------------------------
 */

static struct pat_index *
index_new(void)
{
    struct pat_index *ix = xcalloc(1, sizeof(*ix));

    atomic_store_explicit(&ix->small, xcalloc(1, sizeof(struct pat_small)), memory_order_relaxed);
    return ix;
}

/** Not the patterns, except those that only segments know. */
static void
index_free(struct pat_index *ix)
{
    free(atomic_load_explicit(&ix->small, memory_order_relaxed));
    for (unsigned i = 0; i < 2; i++) {
        pat_tab_free(atomic_load_explicit(&ix->tab[i], memory_order_relaxed));
        free(atomic_load_explicit(&ix->lens[i], memory_order_relaxed));
        free(ix->lencount[i].item);
    }
    pat_segs_free(atomic_load_explicit(&ix->segs, memory_order_relaxed));
    free(ix);
}

static bool
in_table(const struct pat_set *s, const struct pat *p)
{
    switch (s->family) {
    case FAM_EXACT:
    case FAM_PREFIX:
    case FAM_SUFFIX:
    case FAM_WORDS:
        return true;
    case FAM_INT:
        return p->k.range.lo == p->k.range.hi;
    case FAM_IP:
        return !p->k.ip.odd;
    default:
        return false;
    }
}

static unsigned
table_of(const struct pat_set *s, const struct pat *p)
{
    return s->family == FAM_IP && p->k.ip.v6;
}

static void
table_add(const struct pat_set *s, struct pat_index *ix, struct pat *p)
{
    unsigned t = table_of(s, p);
    uint32_t len;

    p->hash = pat_hash(s, p, &len);
    pat_tab_add(&ix->tab[t], p, pat_same);
    if (s->family != FAM_EXACT && s->family != FAM_INT)
        pat_lens_add(&ix->lens[t], &ix->lencount[t], len);
}

static void
table_del(const struct pat_set *s, struct pat_index *ix, struct pat *p)
{
    unsigned t = table_of(s, p);
    uint32_t len;

    (void)pat_hash(s, p, &len);
    pat_tab_del(&ix->tab[t], p, pat_same);
    if (s->family != FAM_EXACT && s->family != FAM_INT)
        pat_lens_del(&ix->lens[t], &ix->lencount[t], len);
}

static void
index_add_big(const struct pat_set *s, struct pat_index *ix, struct pat *const *pats, unsigned n)
{
    struct pat **rest = xcalloc(n + 1, sizeof(*rest));
    unsigned nrest = 0;

    for (unsigned i = 0; i < n; i++) {
        if (in_table(s, pats[i]))
            table_add(s, ix, pats[i]);
        else
            rest[nrest++] = pats[i];
    }
    if (nrest)
        pat_segs_add(s, ix, rest, nrest);
    free(rest);
}

static void
small_publish(struct pat_index *ix, struct pat_small *small)
{
    struct pat_small *old = atomic_exchange_explicit(&ix->small, small, memory_order_acq_rel);

    if (old)
        epoch_retire(free, old);
}

/** The old small patterns and the new ones, in order. */
static void
small_add(struct pat_index *ix, const struct pat_small *old, struct pat *const *pats, unsigned n)
{
    struct pat_small *new = xmalloc(sizeof(*new));

    *new = *old;
    for (unsigned i = 0; i < n; i++) {
        unsigned at = new->n++;
        for (; at && new->pat[at - 1]->order > pats[i]->order; at--)
            new->pat[at] = new->pat[at - 1];
        new->pat[at] = pats[i];
    }
    small_publish(ix, new);
}

/** Small sets are compared one by one, in order. Addresses always go through their tables: which
 * network wins depends on the family of the address. */
static bool
stays_small(const struct pat_set *s, unsigned n)
{
    return n <= PAT_SMALL_MAX && s->family != FAM_IP;
}

static void
index_add(const struct pat_set *s, struct pat_index *ix, struct pat *const *pats, unsigned n)
{
    struct pat_small *small = atomic_load_explicit(&ix->small, memory_order_relaxed);

    ix->count += n;
    if (small && stays_small(s, ix->count)) {
        small_add(ix, small, pats, n);
        return;
    }
    if (small && small->n)
        index_add_big(s, ix, small->pat, small->n);
    index_add_big(s, ix, pats, n);
    if (small)
        small_publish(ix, NULL);
}

static struct pat_index *
index_of(const struct pat_set *s)
{
    return atomic_load_explicit(&s->index, memory_order_relaxed);
}

void
pat_set_add_pats(struct pat_set *s, struct pat **pats, unsigned n)
{
    if (n)
        index_add(s, index_of(s), pats, n);
}

void
pat_set_del_pat(struct pat_set *s, struct pat *p)
{
    struct pat_index *ix = index_of(s);
    struct pat_small *small = atomic_load_explicit(&ix->small, memory_order_relaxed), *new;

    ix->count--;
    if (!small && !in_table(s, p)) {
        pat_segs_del(s, ix, p); /* retires it when no segment has it */
        return;
    }
    if (!small) {
        table_del(s, ix, p);
    } else {
        new = xcalloc(1, sizeof(*new));
        for (unsigned i = 0; i < small->n; i++)
            if (small->pat[i] != p)
                new->pat[new->n++] = small->pat[i];
        small_publish(ix, new);
    }
    pat_retire(p);
}

/** What goes when an index is replaced. */
struct old_index {
    struct pat_index *ix;
    struct pat **pat;
    unsigned n;
};

static void
old_index_free(void *arg)
{
    struct old_index *old = arg;

    index_free(old->ix);
    for (unsigned i = 0; i < old->n; i++)
        pat_free(old->pat[i]);
    free(old->pat);
    free(old);
}

void
pat_set_replace(struct pat_set *s, struct pat **old, unsigned nold, struct pat **pats, unsigned n)
{
    struct pat_index *ix = index_new();
    struct old_index *gone = xcalloc(1, sizeof(*gone));

    if (n)
        index_add(s, ix, pats, n);
    gone->ix = atomic_exchange_explicit(&s->index, ix, memory_order_acq_rel);
    gone->pat = xcalloc((size_t)nold + 1, sizeof(struct pat *));
    memcpy(gone->pat, old, nold * sizeof(struct pat *));
    gone->n = nold;
    epoch_retire(old_index_free, gone);
}

/* ---- sets
 * ------------------------------------------------------------------------------------------------------------
 */

struct pat_set *
pat_set_new(enum pat_match m, unsigned flags)
{
    struct pat_set *s = xcalloc(1, sizeof(*s));

    s->match = m;
    s->family = pat_family_of(m);
    s->flags = flags;
    s->out = SMP_ANY;
    s->links_end = &s->links;
    pthread_mutex_init(&s->lock, NULL);
    atomic_store_explicit(&s->index, index_new(), memory_order_relaxed);
    list_push_back(&all_sets, &s->all);
    return s;
}

static void
set_free(struct pat_set *s)
{
    while (s->links) {
        struct pat_link *l = s->links;
        s->links = l->next;
        free(l);
    }
    index_free(index_of(s));
    pthread_mutex_destroy(&s->lock);
    list_del(&s->all);
    free(s);
}

void
pat_sets_free_all(void)
{
    struct pat_set *s, *tmp;

    list_each_safe (s, tmp, &all_sets, all)
        set_free(s);
}

/** Adds where the entry stands to an error. */
static char *
with_line(char *err, const struct pat_elt *e)
{
    char *all;

    if (!e->line)
        return err;
    all = xasprintf("%s at line %u of file '%s'", err, e->line, e->ref->name);
    free(err);
    return all;
}

/** Compiles all current entries of a list; both locks held. NULL with *err. */
static struct pat **
compile_list(struct pat_set *s, struct pat_link *l, unsigned *n, char **err)
{
    struct pat **pats = xcalloc(l->ref->count + 1, sizeof(*pats));
    struct pat_elt *e;

    *n = 0;
    list_each (e, &l->ref->elts, link) {
        if (e->version != l->ref->curr_ver)
            continue;
        pats[*n] = pat_compile(s, e, l->index, err);
        if (pats[*n]) {
            ++*n;
            continue;
        }
        *err = with_line(*err, e);
        while (*n)
            pat_free(pats[--*n]);
        free(pats);
        return NULL;
    }
    return pats;
}

static bool
attach_locked(struct pat_set *s, struct pat_ref *r, char **err)
{
    struct pat_link *l = xcalloc(1, sizeof(*l));
    struct pat **pats;
    unsigned n = 0;

    l->ref = r;
    l->set = s;
    l->index = s->nlinks;
    pats = s->family == FAM_NONE ? xcalloc(1, sizeof(*pats)) : compile_list(s, l, &n, err);
    if (!pats) {
        free(l);
        return false;
    }
    s->nlinks++;
    *s->links_end = l;
    s->links_end = &l->next;
    list_push_back(&r->links, &l->of_ref);
    for (unsigned i = 0; i < n; i++) {
        pats[i]->elt_next = pats[i]->elt->pats;
        pats[i]->elt->pats = pats[i];
    }
    pat_set_add_pats(s, pats, n);
    free(pats);
    return true;
}

bool
pat_set_attach(struct pat_set *s, struct pat_ref *r, char **err)
{
    bool ok;

    pthread_mutex_lock(&r->lock);
    pthread_mutex_lock(&s->lock);
    ok = attach_locked(s, r, err);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&r->lock);
    return ok;
}

static struct pat_set *
find_shared(struct pat_ref *r, enum pat_match m, unsigned flags, enum sample_type out)
{
    struct pat_link *l;

    list_each (l, &r->links, of_ref) {
        const struct pat_set *s = l->set;
        if (s->shared && s->match == m && s->out == out && !((s->flags ^ flags) & PSF_ICASE))
            return l->set;
    }
    return NULL;
}

struct pat_set *
pat_set_get(struct pat_ref *r, enum pat_match m, unsigned flags, enum sample_type out, char **err)
{
    struct pat_set *s = find_shared(r, m, flags, out);

    if (s)
        return s;
    s = pat_set_new(m, flags);
    s->shared = true;
    s->out = out;
    if (pat_set_attach(s, r, err))
        return s;
    set_free(s);
    return NULL;
}

struct pat_ref *
pat_set_ref(const struct pat_set *s, unsigned k)
{
    const struct pat_link *l = s->links;

    while (l && k--)
        l = l->next;
    return l ? l->ref : NULL;
}

bool
pat_set_is_icase(const struct pat_set *s)
{
    return s->flags & PSF_ICASE;
}

bool
pat_set_is_empty(const struct pat_set *s)
{
    return index_of(s)->count == 0;
}

const struct pat *
pat_set_match(const struct pat_set *s, const struct sample *v, enum pat_pick pick)
{
    return pat_find(s, v, pick, NULL);
}

const struct pat *
pat_set_match_groups(const struct pat_set *s, const struct sample *v, struct regex_captures *cap)
{
    return pat_find(s, v, PICK_FIRST, cap);
}
