/* lb_map.c - a table of servers by weight: map-based hashing and static-rr.
 *
 * Compatibility: a hash modulo the total weight must find the same server as in every other member
 * of a mixed fleet, so the order of the table is HAProxy's. Each server earns its weight per place
 * and pays the total when it is chosen; the one with the most whole totals earned is next, the
 * first in configuration order among equals. */
#include "balance/lb_int.h"

#include <stdlib.h>

struct map_state {
    struct server **at; /* [n] */
    unsigned n, max;
    unsigned next; /* of round robin */
};

/** A server and how many whole totals it has earned; lazily deleted heap entries. */
struct credit {
    uint32_t level, index;
};

struct builder {
    struct credit *heap;
    unsigned n;
    uint32_t *level; /* [servers] current level */
    uint32_t *due;   /* [total] first server whose level rises at this place, + 1 */
    uint32_t *chain; /* [servers] next one at the same place, + 1 */
    uint64_t *rises; /* [servers] how often its level rose */
    uint64_t total;
};

static bool
credit_before(struct credit a, struct credit b)
{
    return a.level != b.level ? a.level > b.level : a.index < b.index;
}

static void
credit_push(struct builder *b, struct credit c)
{
    unsigned i = b->n++;

    while (i > 0 && credit_before(c, b->heap[(i - 1) / 2])) {
        b->heap[i] = b->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    b->heap[i] = c;
}

static struct credit
credit_pop(struct builder *b)
{
    struct credit top = b->heap[0], c = b->heap[--b->n];
    unsigned i = 0;

    for (;;) {
        unsigned down = 2 * i + 1;

        if (down >= b->n)
            break;
        if (down + 1 < b->n && credit_before(b->heap[down + 1], b->heap[down]))
            down++;
        if (!credit_before(b->heap[down], c))
            break;
        b->heap[i] = b->heap[down];
        i = down;
    }
    b->heap[i] = c;
    return top;
}

static unsigned
gcd(unsigned a, unsigned b)
{
    while (b) {
        unsigned r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/** Files the place at which server `i` of weight `w` earns its next whole total. */
static void
plan_rise(struct builder *b, unsigned i, uint64_t w)
{
    /* after k rises the next one is at the first place o with w * (o + 1) >= (k + 1) * total */
    uint64_t place = ((b->rises[i] + 1) * b->total + w - 1) / w - 1;

    if (place < b->total) {
        b->chain[i] = b->due[place];
        b->due[place] = i + 1;
    }
}

static void
map_fill(struct lb *lb, struct map_state *st, unsigned div)
{
    unsigned n = lb_nset(lb);
    struct builder b = { .total = lb->wset / div };

    b.heap = xcalloc(2 * b.total + n + 1, sizeof(*b.heap));
    b.level = xcalloc(n, sizeof(*b.level));
    b.chain = xcalloc(n, sizeof(*b.chain));
    b.rises = xcalloc(n, sizeof(*b.rises));
    b.due = xcalloc(b.total, sizeof(*b.due));
    for (unsigned i = 0; i < n; i++) {
        b.level[i] = 1;
        credit_push(&b, (struct credit){ 1, i });
        plan_rise(&b, i, server_eweight(lb_at(lb, i)) / div);
    }
    for (unsigned o = 0; o < b.total; o++) {
        struct credit c;

        for (uint32_t due = b.due[o]; due;) {
            unsigned i = due - 1;

            due = b.chain[i];
            b.rises[i]++;
            credit_push(&b, (struct credit){ ++b.level[i], i });
            plan_rise(&b, i, server_eweight(lb_at(lb, i)) / div);
        }
        do
            c = credit_pop(&b);
        while (c.level != b.level[c.index]);
        st->at[o] = lb_at(lb, c.index);
        credit_push(&b, (struct credit){ --b.level[c.index], c.index });
    }
    free(b.heap);
    free(b.level);
    free(b.chain);
    free(b.rises);
    free(b.due);
}

static void
map_rebuild(struct lb *lb)
{
    struct map_state *st = lb->state;
    unsigned div = 0;

    if (!st)
        lb->state = st = xcalloc(1, sizeof(*st));
    for (unsigned i = 0; i < lb_nset(lb); i++)
        div = gcd(server_eweight(lb_at(lb, i)), div);
    st->n = div ? (unsigned)(lb->wset / div) : 0;
    if (st->n > st->max) {
        st->max = st->n;
        st->at = xrealloc(st->at, sizeof(*st->at) * st->max);
    }
    if (st->n)
        map_fill(lb, st, div);
    if (st->next >= st->n)
        st->next = 0;
}

/** The next server of the table with room, from `from` on. */
static struct server *
map_walk(struct lb *lb, unsigned from, struct lb_request *q, unsigned *found)
{
    struct map_state *st = lb->state;
    unsigned i = from;

    do {
        struct server *s = st->at[i];

        if (lb_fits(s, q)) {
            *found = i;
            return s;
        }
        if (++i == st->n)
            i = 0;
    } while (i != from);
    return lb_last_resort(lb, q);
}

static struct server *
static_rr_pick(struct lb *lb, struct lb_request *q)
{
    struct map_state *st = lb->state;
    struct server *s;
    unsigned found;

    if (!st->n)
        return NULL;
    found = st->next;
    s = map_walk(lb, st->next, q, &found);
    if (s)
        st->next = found + 1 < st->n ? found + 1 : 0;
    return s;
}

static bool
saturated(const struct lb *lb, const struct server *s)
{
    if (lb->preserve == LBP_MAXCONN)
        return server_is_full(s);
    return s->maxconn && s->maxqueue &&
           atomic_load_explicit(&s->queued, memory_order_relaxed) >= s->maxqueue;
}

static struct server *
map_pick(struct lb *lb, struct lb_request *q)
{
    struct map_state *st = lb->state;
    struct server *s, *last;
    unsigned from, found, i;

    if (!q->has_key)
        return static_rr_pick(lb, q);
    if (!st->n)
        return NULL;
    from = q->key % st->n;
    s = st->at[from];
    if (s == q->avoid && lb_nset(lb) > 1)
        return map_walk(lb, from, q, &found);
    if (lb->preserve == LBP_ALWAYS || !saturated(lb, s))
        return s;
    last = s;
    for (i = from + 1 < st->n ? from + 1 : 0; i != from; i = i + 1 < st->n ? i + 1 : 0) {
        if (!saturated(lb, st->at[i]))
            return st->at[i];
        if (st->at[i] != s)
            last = st->at[i];
    }
    return last;
}

static void
map_release(struct lb *lb)
{
    struct map_state *st = lb->state;

    if (st)
        free(st->at);
    free(st);
    lb->state = NULL;
}

const struct lb_ops lb_ops_static_rr = {
    .name = "static-rr",
    .rebuild = map_rebuild,
    .pick = static_rr_pick,
    .release = map_release,
};

const struct lb_ops lb_ops_map = {
    .hashes = true,
    .rebuild = map_rebuild,
    .pick = map_pick,
    .release = map_release,
};
