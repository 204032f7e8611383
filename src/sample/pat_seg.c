/* pat_seg.c - segments: groups of patterns that are compiled together (substrings and the literals
 * of regexes into an automaton, ranges into intervals). A set has few segments of falling size; a
 * new pattern makes a segment of one, and segments of like size are merged. So an addition compiles
 * each pattern O(log n) times in the long run, and a search visits O(log n) segments. */
#include "base/epoch.h"
#include "sample/aho.h"
#include "sample/pattern_int.h"

#include <stdlib.h>

#define LINEAR_MAX    8u    /* smaller segments are tried one by one */
#define REG_SEG_MAX   4096u /* regexes in a segment: bounds the bitmap of candidates */
#define INTERVALS_MIN 4u

/* ---- building
 * ------------------------------------------------------------------------------------------------
 */

static void
seg_free(void *p)
{
    struct pat_seg *g = p;

    aho_free(g->aho);
    free(g->literal_of);
    free(g->literal_len);
    free(g->always);
    free(g->interval);
    free(g->pat);
    free(g);
}

static void
compile_sub(const struct pat_set *s, struct pat_seg *g)
{
    struct slice *key;

    /* memmem() beats the automaton for a few; without case there is nothing as fast */
    if (g->n < (s->flags & PSF_ICASE ? 2 : LINEAR_MAX / 2))
        return;
    key = xcalloc(g->n, sizeof(*key));
    for (unsigned i = 0; i < g->n; i++)
        key[i] = g->pat[i]->k.s;
    g->aho = aho_new(key, g->n, s->flags & PSF_ICASE);
    free(key);
}

/** The required literals of all regexes into one automaton. */
static void
compile_reg(const struct pat_set *s, struct pat_seg *g)
{
    unsigned nlit = 0, words = (g->n + 63) / 64;
    struct slice *key;

    if (g->n < 3)
        return;
    for (unsigned i = 0; i < g->n; i++)
        nlit += regex_required(g->pat[i]->k.re)->n;
    if (nlit == 0)
        return;
    key = xcalloc(nlit, sizeof(*key));
    g->literal_of = xcalloc(nlit, sizeof(*g->literal_of));
    g->literal_len = xcalloc(nlit, sizeof(*g->literal_len));
    g->always = xcalloc(words, sizeof(*g->always));
    nlit = 0;
    for (unsigned i = 0; i < g->n; i++) {
        const struct regex_literals *l = regex_required(g->pat[i]->k.re);
        if (l->n == 0)
            g->always[i / 64] |= 1ull << (i % 64);
        for (unsigned j = 0; j < l->n; j++, nlit++) {
            key[nlit] = l->s[j];
            g->literal_of[nlit] = i;
            g->literal_len[nlit] = l->anchored ? (uint32_t)l->s[j].len : 0;
        }
    }
    g->aho = aho_new(key, nlit, s->flags & PSF_ICASE);
    free(key);
}

static int
by_lo(const void *a, const void *b)
{
    const struct pat *x = *(struct pat *const *)a, *y = *(struct pat *const *)b;

    return x->k.range.lo < y->k.range.lo ? -1 : x->k.range.lo > y->k.range.lo;
}

static int
by_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/** A heap of patterns, lowest order on top. */
static void
heap_push(struct pat **heap, unsigned *n, struct pat *p)
{
    unsigned i = (*n)++;

    for (; i && heap[(i - 1) / 2]->order > p->order; i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = p;
}

static void
heap_pop(struct pat **heap, unsigned *n)
{
    struct pat *p = heap[--*n];
    unsigned i = 0;

    for (;;) {
        unsigned c = 2 * i + 1;
        if (c >= *n)
            break;
        if (c + 1 < *n && heap[c + 1]->order < heap[c]->order)
            c++;
        if (heap[c]->order >= p->order)
            break;
        heap[i] = heap[c];
        i = c;
    }
    heap[i] = p;
}

/** Cuts the ranges at all their ends; each piece knows the first range that covers it. */
static void
compile_ranges(struct pat_seg *g)
{
    struct pat **sorted, **heap;
    unsigned nb = 0, next = 0, nheap = 0;
    int64_t *bound;

    if (g->n < INTERVALS_MIN)
        return;
    sorted = xcalloc(g->n, sizeof(*sorted));
    heap = xcalloc(g->n, sizeof(*heap));
    bound = xcalloc(g->n, 2 * sizeof(*bound));
    for (unsigned i = 0; i < g->n; i++) {
        sorted[i] = g->pat[i];
        bound[nb++] = g->pat[i]->k.range.lo;
        if (g->pat[i]->k.range.hi != INT64_MAX)
            bound[nb++] = g->pat[i]->k.range.hi + 1;
    }
    qsort(sorted, g->n, sizeof(struct pat *), by_lo);
    qsort(bound, nb, sizeof(*bound), by_int64);
    g->interval = xcalloc(nb, sizeof(*g->interval));
    for (unsigned i = 0; i < nb; i++) {
        if (i && bound[i] == bound[i - 1])
            continue;
        while (next < g->n && sorted[next]->k.range.lo <= bound[i])
            heap_push(heap, &nheap, sorted[next++]);
        while (nheap && heap[0]->k.range.hi < bound[i])
            heap_pop(heap, &nheap);
        g->interval[g->nintervals++] = (struct pat_interval){ bound[i], nheap ? heap[0] : NULL };
    }
    free(sorted);
    free(heap);
    free(bound);
}

/** Takes over `pats`, an array sorted by order. */
static struct pat_seg *
seg_new(const struct pat_set *s, struct pat **pats, unsigned n)
{
    struct pat_seg *g = xcalloc(1, sizeof(*g));

    g->n = n;
    g->pat = pats;
    if (s->family == FAM_SUB)
        compile_sub(s, g);
    else if (s->family == FAM_REG)
        compile_reg(s, g);
    else if (s->family == FAM_INT)
        compile_ranges(g);
    return g;
}

/* ---- changing
 * --------------------------------------------------------------------------------------------------
 */

static bool
is_dead(const struct pat *p)
{
    return atomic_load_explicit(&p->dead, memory_order_relaxed);
}

static int
by_order(const void *a, const void *b)
{
    const struct pat *x = *(struct pat *const *)a, *y = *(struct pat *const *)b;

    return x->order < y->order ? -1 : x->order > y->order;
}

static void
publish(struct pat_index *ix, struct pat_seg *const *seg, unsigned n)
{
    struct pat_segs *new = NULL, *old;

    if (n) {
        new = xmalloc(sizeof(*new) + n * sizeof(new->seg[0]));
        new->n = n;
        memcpy((void *)new->seg, seg, n * sizeof(new->seg[0]));
    }
    old = atomic_exchange_explicit(&ix->segs, new, memory_order_acq_rel);
    if (old)
        epoch_retire(free, old);
}

/** Copies the live patterns of a segment to `to`. */
static unsigned
seg_drain(struct pat_seg *g, struct pat **to)
{
    unsigned n = 0;

    for (unsigned i = 0; i < g->n; i++)
        if (!is_dead(g->pat[i]))
            to[n++] = g->pat[i];
    return n;
}

/** Retires a segment that is not published any more. */
static void
seg_retire(struct pat_seg *g)
{
    for (unsigned i = 0; i < g->n; i++)
        if (is_dead(g->pat[i]))
            pat_retire(g->pat[i]);
    epoch_retire(seg_free, g);
}

/** Makes segments of sorted patterns (takes the array over); appends to seg[*n]. */
static void
make_segs(const struct pat_set *s, struct pat **pats, unsigned n, struct pat_seg ***seg,
          unsigned *nseg)
{
    unsigned chunk = s->family == FAM_REG ? REG_SEG_MAX : UINT32_MAX;

    for (unsigned at = 0; at < n;) {
        unsigned k = MIN(n - at, chunk);
        struct pat **own = pats;
        if (n > chunk) {
            own = xcalloc(k, sizeof(*own));
            memcpy(own, pats + at, k * sizeof(*own));
        }
        *seg = xrealloc(*seg, (*nseg + 1) * sizeof(**seg));
        (*seg)[(*nseg)++] = seg_new(s, own, k);
        at += k;
    }
    if (n > chunk || n == 0)
        free(pats);
}

void
pat_segs_add(const struct pat_set *s, struct pat_index *ix, struct pat **pats, unsigned n)
{
    struct pat_segs *old = atomic_load_explicit(&ix->segs, memory_order_relaxed);
    unsigned nold = old ? old->n : 0, keep = nold, total = n, nseg = 0;
    struct pat_seg **seg = NULL, **merged = NULL;
    struct pat **all;

    while (keep && old->seg[keep - 1]->n <= 2 * total && old->seg[keep - 1]->n < REG_SEG_MAX)
        total += old->seg[--keep]->n;
    all = xcalloc(total, sizeof(*all));
    memcpy(all, pats, n * sizeof(*all));
    total = n;
    merged = xcalloc(nold - keep + 1, sizeof(*merged));
    for (unsigned i = keep; i < nold; i++) {
        merged[i - keep] = old->seg[i];
        total += seg_drain(old->seg[i], all + total);
    }
    qsort(all, total, sizeof(struct pat *), by_order);
    for (unsigned i = 0; i < keep; i++) {
        seg = xrealloc(seg, (nseg + 1) * sizeof(*seg));
        seg[nseg++] = old->seg[i];
    }
    make_segs(s, all, total, &seg, &nseg);
    publish(ix, seg, nseg);
    for (unsigned i = 0; i < nold - keep; i++)
        seg_retire(merged[i]);
    free(merged);
    free(seg);
}

static bool
seg_has(const struct pat_seg *g, const struct pat *p)
{
    unsigned lo = 0, hi = g->n;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (g->pat[mid]->order < p->order)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < g->n && g->pat[lo] == p;
}

/** Replaces segment `at` by one of its live patterns. */
static void
seg_rebuild(const struct pat_set *s, struct pat_index *ix, const struct pat_segs *old, unsigned at)
{
    struct pat_seg *g = old->seg[at], **seg = xcalloc(old->n, sizeof(*seg));
    struct pat **live = xcalloc(g->n, sizeof(*live));
    unsigned n = seg_drain(g, live), nseg = 0;

    for (unsigned i = 0; i < old->n; i++) {
        if (i != at)
            seg[nseg++] = old->seg[i];
        else if (n)
            seg[nseg++] = seg_new(s, live, n);
    }
    if (n == 0)
        free(live);
    publish(ix, seg, nseg);
    seg_retire(g);
    free(seg);
}

void
pat_segs_del(const struct pat_set *s, struct pat_index *ix, struct pat *p)
{
    struct pat_segs *old = atomic_load_explicit(&ix->segs, memory_order_relaxed);

    for (unsigned i = 0; old && i < old->n; i++) {
        struct pat_seg *g = old->seg[i];
        if (!seg_has(g, p))
            continue;
        atomic_store_explicit(&p->dead, true, memory_order_relaxed);
        g->dead++;
        if (g->interval || !g->aho || g->dead * 2 > g->n)
            seg_rebuild(s, ix, old, i);
        return;
    }
}

void
pat_segs_free(struct pat_segs *segs)
{
    for (unsigned i = 0; segs && i < segs->n; i++) {
        struct pat_seg *g = segs->seg[i];
        for (unsigned j = 0; j < g->n; j++)
            if (is_dead(g->pat[j]))
                pat_free(g->pat[j]);
        seg_free(g);
    }
    free(segs);
}

/* ---- matching
 * ----------------------------------------------------------------------------------------------------
 */

struct search {
    const struct pat_set *set;
    const struct pat_seg *seg;
    struct slice text;
    int64_t num;
    bool any;
    struct pat *best;
    struct regex_captures *cap;
    uint64_t *candidates;
};

static bool
odd_net_has(const struct pat *p, struct slice addr)
{
    uint32_t a, want;

    memcpy(&a, addr.p, 4);
    memcpy(&want, p->k.ip.addr, 4);
    return (a & p->k.ip.mask) == want;
}

static bool
matches(const struct search *q, const struct pat *p)
{
    struct sample v = { .type = SMP_STR, .u.s = q->text };

    switch (q->set->family) {
    case FAM_INT:
        return q->num >= p->k.range.lo && q->num <= p->k.range.hi;
    case FAM_IP:
        return odd_net_has(p, q->text);
    default:
        return pat_one_matches(q->set, p, &v, q->cap);
    }
}

static bool
wanted(const struct search *q, const struct pat *p)
{
    return !is_dead(p) && (!q->best || p->order < q->best->order);
}

static void
search_linear(struct search *q)
{
    for (unsigned i = 0; i < q->seg->n; i++) {
        struct pat *p = q->seg->pat[i];
        if (wanted(q, p) && matches(q, p)) {
            q->best = p;
            return; /* sorted: no later one is better */
        }
    }
}

static bool
hit_sub(void *arg, unsigned id, size_t end)
{
    struct search *q = arg;
    struct pat *p = q->seg->pat[id];

    if (!wanted(q, p))
        return false;
    q->best = p;
    return q->any || id == 0;
}

static bool
hit_literal(void *arg, unsigned id, size_t end)
{
    struct search *q = arg;
    unsigned i = q->seg->literal_of[id];
    uint32_t len = q->seg->literal_len[id];

    if (len == 0 || end == len)
        q->candidates[i / 64] |= 1ull << (i % 64);
    return false;
}

static void
search_regexes(struct search *q)
{
    uint64_t bits[REG_SEG_MAX / 64];
    unsigned words = (q->seg->n + 63) / 64;

    memcpy(bits, q->seg->always, words * sizeof(bits[0]));
    q->candidates = bits;
    aho_scan(q->seg->aho, q->text, hit_literal, q);
    for (unsigned w = 0; w < words; w++) {
        for (uint64_t b = bits[w]; b; b &= b - 1) {
            struct pat *p = q->seg->pat[w * 64 + (unsigned)__builtin_ctzll(b)];
            if (wanted(q, p) && matches(q, p)) {
                q->best = p;
                return;
            }
        }
    }
}

static void
search_intervals(struct search *q)
{
    const struct pat_seg *g = q->seg;
    unsigned lo = 0, hi = g->nintervals;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (g->interval[mid].from <= q->num)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo && g->interval[lo - 1].first && wanted(q, g->interval[lo - 1].first))
        q->best = g->interval[lo - 1].first;
}

struct pat *
pat_segs_match(const struct pat_set *s, const struct pat_index *ix, struct slice text, int64_t num,
               enum pat_pick pick, struct regex_captures *cap)
{
    const struct pat_segs *segs = atomic_load_explicit(&ix->segs, memory_order_acquire);
    struct search q = { .set = s, .text = text, .num = num, .any = pick == PICK_ANY, .cap = cap };

    for (unsigned i = 0; segs && i < segs->n && !(q.any && q.best); i++) {
        q.seg = segs->seg[i];
        if (q.seg->interval)
            search_intervals(&q);
        else if (!q.seg->aho)
            search_linear(&q);
        else if (s->family == FAM_SUB)
            aho_scan(q.seg->aho, text, hit_sub, &q);
        else
            search_regexes(&q);
    }
    return q.best;
}
