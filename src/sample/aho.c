/* aho.c - Aho-Corasick automaton.
 * Small ones are a full transition table over classes of bytes (one load per byte of text); large
 * ones keep the edges of the trie and the failure links. */
#include "sample/aho.h"

#include <stdlib.h>

#define DENSE_MAX  (1u << 20) /* entries of a full table: 4 MiB */
#define HAS_OUTPUT 0x80000000u

struct aho {
    unsigned nstates, nclasses;
    unsigned char class_of[256]; /* 0: in no key, unless */
    bool full;                   /* every byte is in some key */
    uint32_t *next; /* dense: [state * nclasses + class] = target * nclasses | HAS_OUTPUT */
    uint32_t *edge; /* sparse: edges of state s are edge[s]..edge[s + 1]-1 */
    unsigned char *label;
    uint32_t *target;
    uint32_t *fail;
    uint32_t root[256]; /* sparse: by class */
    uint32_t *out;      /* per state: id + 1 of the first key that ends here, 0: none */
    uint32_t *out_link; /* per state: nearest state along the failure links that has one, 0: none */
    uint32_t *same;     /* per key: id + 1 of the next equal key */
};

/** The trie while it grows: children of a state are a list. */
struct trie {
    unsigned n, size;
    struct node {
        uint32_t child, sibling;
        unsigned char cls;
    } * node;
};

static void
classify(struct aho *a, const struct slice *key, unsigned n, bool icase)
{
    bool seen[256] = { false };
    unsigned distinct = 0;

    a->nclasses = 1;
    for (unsigned i = 0; i < n; i++) {
        for (size_t j = 0; j < key[i].len; j++) {
            unsigned char c = (unsigned char)key[i].p[j];
            if (icase)
                c = ascii_lower(c);
            if (seen[c])
                continue;
            seen[c] = true;
            a->full = ++distinct == 256;
            if (!a->full)
                a->class_of[c] = (unsigned char)a->nclasses++;
        }
    }
    if (icase)
        for (unsigned c = 'A'; c <= 'Z'; c++)
            a->class_of[c] = a->class_of[c | 0x20];
}

static uint32_t
trie_child(const struct trie *t, uint32_t s, unsigned char cls)
{
    uint32_t c = t->node[s].child;

    while (c && t->node[c].cls != cls)
        c = t->node[c].sibling;
    return c;
}

/** The state behind `s` for a class, made when there is none; 0: out of memory. */
static uint32_t
trie_step(struct trie *t, uint32_t s, unsigned char cls)
{
    uint32_t c = trie_child(t, s, cls);

    if (c)
        return c;
    if (t->n == t->size) {
        unsigned size = t->size * 2;
        struct node *more = size < HAS_OUTPUT ? realloc(t->node, size * sizeof(*more)) : NULL;
        if (!more)
            return 0;
        t->node = more;
        t->size = size;
    }
    c = t->n++;
    t->node[c] = (struct node){ 0, t->node[s].child, cls };
    t->node[s].child = c;
    return c;
}

/** Enters the keys; *ends receives the final state of each. */
static bool
trie_fill(struct trie *t, const struct aho *a, const struct slice *key, unsigned n, uint32_t *ends)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t s = 0;
        for (size_t j = 0; j < key[i].len; j++) {
            s = trie_step(t, s, a->class_of[(unsigned char)key[i].p[j]]);
            if (s == 0)
                return false;
        }
        ends[i] = s;
    }
    return true;
}

/** Hangs the keys into the lists of their states, lowest id first. */
static void
set_outputs(struct aho *a, unsigned n, const uint32_t *ends)
{
    for (unsigned i = n; i-- > 0;) {
        a->same[i] = a->out[ends[i]];
        a->out[ends[i]] = i + 1;
    }
}

/** Failure and output links, in breadth-first order (`queue` receives it). */
static void
link_states(struct aho *a, const struct trie *t, uint32_t *queue)
{
    unsigned head = 0, tail = 0;

    queue[tail++] = 0;
    while (head < tail) {
        uint32_t s = queue[head++];
        for (uint32_t c = t->node[s].child; c; c = t->node[c].sibling) {
            uint32_t f = s, to = 0;
            while (s && f) {
                f = a->fail[f];
                if ((to = trie_child(t, f, t->node[c].cls)))
                    break;
            }
            a->fail[c] = to;
            a->out_link[c] = to && a->out[to] ? to : a->out_link[to];
            queue[tail++] = c;
        }
    }
}

static bool
has_output(const struct aho *a, uint32_t s)
{
    return (s && a->out[s]) || a->out_link[s];
}

static bool
make_dense(struct aho *a, const struct trie *t, const uint32_t *queue)
{
    unsigned k = a->nclasses;

    a->next = calloc((size_t)t->n * k, sizeof(*a->next));
    if (!a->next)
        return false;
    for (unsigned i = 0; i < t->n; i++) {
        uint32_t s = queue[i];
        uint32_t *row = a->next + (size_t)s * k;
        if (s)
            memcpy(row, a->next + (size_t)a->fail[s] * k, k * sizeof(*row));
        for (uint32_t c = t->node[s].child; c; c = t->node[c].sibling)
            row[t->node[c].cls] = c * k | (has_output(a, c) ? HAS_OUTPUT : 0);
    }
    return true;
}

static bool
make_sparse(struct aho *a, const struct trie *t)
{
    uint32_t e = 0;

    a->edge = malloc(((size_t)t->n + 1) * sizeof(*a->edge));
    a->label = malloc(t->n);
    a->target = malloc((size_t)t->n * sizeof(*a->target));
    if (!a->edge || !a->label || !a->target)
        return false;
    for (uint32_t s = 0; s < t->n; s++) {
        a->edge[s] = e;
        for (uint32_t c = t->node[s].child; c; c = t->node[c].sibling) {
            uint32_t i = e++; /* sorted by label */
            for (; i > a->edge[s] && a->label[i - 1] > t->node[c].cls; i--) {
                a->label[i] = a->label[i - 1];
                a->target[i] = a->target[i - 1];
            }
            a->label[i] = t->node[c].cls;
            a->target[i] = c;
        }
    }
    a->edge[t->n] = e;
    for (uint32_t c = t->node[0].child; c; c = t->node[c].sibling)
        a->root[t->node[c].cls] = c;
    return true;
}

static bool
build(struct aho *a, struct trie *t, const struct slice *key, unsigned n)
{
    uint32_t *ends = malloc(((size_t)n + 1) * sizeof(*ends)), *queue = NULL;
    bool ok = false;

    if (!ends || !trie_fill(t, a, key, n, ends))
        goto out;
    a->nstates = t->n;
    a->out = calloc(t->n, sizeof(*a->out));
    a->out_link = calloc(t->n, sizeof(*a->out_link));
    a->fail = calloc(t->n, sizeof(*a->fail));
    a->same = calloc((size_t)n + 1, sizeof(*a->same));
    queue = malloc((size_t)t->n * sizeof(*queue));
    if (!a->out || !a->out_link || !a->fail || !a->same || !queue)
        goto out;
    set_outputs(a, n, ends);
    link_states(a, t, queue);
    if ((uint64_t)t->n * a->nclasses <= DENSE_MAX)
        ok = make_dense(a, t, queue);
    else
        ok = make_sparse(a, t);
out:
    free(ends);
    free(queue);
    return ok;
}

struct aho *
aho_new(const struct slice *key, unsigned n, bool icase)
{
    struct aho *a = calloc(1, sizeof(*a));
    struct trie t = { .n = 1, .size = 64 };

    if (!a)
        return NULL;
    classify(a, key, n, icase);
    t.node = malloc(t.size * sizeof(*t.node));
    if (t.node)
        t.node[0] = (struct node){ 0 };
    if (!t.node || !build(a, &t, key, n)) {
        aho_free(a);
        a = NULL;
    }
    free(t.node);
    return a;
}

void
aho_free(struct aho *a)
{
    if (!a)
        return;
    free(a->next);
    free(a->edge);
    free(a->label);
    free(a->target);
    free(a->fail);
    free(a->out);
    free(a->out_link);
    free(a->same);
    free(a);
}

typedef bool (*hit_fn)(void *arg, unsigned id, size_t end);

/** Reports what ends at a state. */
static bool
report(const struct aho *a, uint32_t s, size_t end, hit_fn hit, void *arg)
{
    for (; s; s = a->out_link[s])
        for (uint32_t id = a->out[s]; id; id = a->same[id - 1])
            if (hit(arg, id - 1, end))
                return true;
    return false;
}

static bool
scan_dense(const struct aho *a, struct slice text, hit_fn hit, void *arg)
{
    const unsigned char *p = (const unsigned char *)text.p, *end = p + text.len;
    uint32_t at = 0;

    for (; p < end; p++) {
        at = a->next[at + a->class_of[*p]];
        if (unlikely(at & HAS_OUTPUT)) {
            at &= ~HAS_OUTPUT;
            size_t off = (size_t)(p + 1 - (const unsigned char *)text.p);
            if (report(a, at / a->nclasses, off, hit, arg))
                return true;
        }
    }
    return false;
}

static uint32_t
sparse_child(const struct aho *a, uint32_t s, unsigned char cls)
{
    uint32_t lo = a->edge[s], hi = a->edge[s + 1];

    if (s == 0)
        return a->root[cls];
    while (hi - lo > 8) {
        uint32_t mid = (lo + hi) / 2;
        if (a->label[mid] <= cls)
            lo = mid;
        else
            hi = mid;
    }
    for (; lo < hi; lo++)
        if (a->label[lo] == cls)
            return a->target[lo];
    return 0;
}

static bool
scan_sparse(const struct aho *a, struct slice text, hit_fn hit, void *arg)
{
    uint32_t s = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char cls = a->class_of[(unsigned char)text.p[i]];
        uint32_t to = 0;
        if (cls == 0 && !a->full) {
            s = 0;
            continue;
        }
        while (!(to = sparse_child(a, s, cls)) && s)
            s = a->fail[s];
        s = to;
        if (unlikely(has_output(a, s)) && report(a, s, i + 1, hit, arg))
            return true;
    }
    return false;
}

bool
aho_scan(const struct aho *a, struct slice text, hit_fn hit, void *arg)
{
    for (uint32_t id = a->out[0]; id; id = a->same[id - 1]) /* empty keys */
        if (hit(arg, id - 1, 0))
            return true;
    return a->next ? scan_dense(a, text, hit, arg) : scan_sparse(a, text, hit, arg);
}
