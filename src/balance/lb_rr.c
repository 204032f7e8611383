/* lb_rr.c - roundrobin and leastconn.
 *
 * roundrobin: each server has a virtual time that advances by 1/weight per request; the earliest is
 * next. Servers of equal weights need no order but a counter, which threads share without a lock.
 * leastconn: the same heap, ordered by load; among equals the one that was touched longest ago. */
#include "balance/lb_int.h"

#include <stdlib.h>

/** Virtual time of one request to a server of effective weight 1. Weight-1 servers overflow after
 * 2^39 requests. */
#define STRIDE (INT64_C(1) << 24)

struct rr_state {
    struct lb_heap heap;
    uint64_t seq;
};

static struct rr_state *
rr_state(struct lb *lb)
{
    if (!lb->state)
        lb->state = xcalloc(1, sizeof(struct rr_state));
    return lb->state;
}

static void
rr_release(struct lb *lb)
{
    struct rr_state *st = lb->state;

    if (st)
        free(st->heap.at);
    free(st);
    lb->state = NULL;
}

static void
heap_clear(struct lb_heap *h)
{
    for (unsigned i = 0; i < h->n; i++)
        h->at[i]->lb_index = 0;
    h->n = 0;
}

static void
rr_rebuild(struct lb *lb)
{
    struct rr_state *st = rr_state(lb);
    unsigned n = lb_nset(lb);
    int64_t now = st->heap.n ? st->heap.at[0]->lb_pos : 0;

    lb_heap_reserve(&st->heap, n);
    for (unsigned i = 0; i < n; i++) {
        struct server *s = lb_at(lb, i);
        int64_t w = server_eweight(s);

        if (!s->lb_index) { /* newcomers wait half a turn, lest heavy servers all come first */
            s->lb_pos = now + STRIDE / w / 2;
            s->lb_seq = ++st->seq;
        } else if (s->lb_weight != w) { /* the rest of its wait, at the new speed */
            s->lb_pos = now + (s->lb_pos - now) * (int64_t)s->lb_weight / w;
        }
        s->lb_weight = (unsigned)w;
    }
    heap_clear(&st->heap);
    for (unsigned i = 0; i < n; i++)
        lb_heap_push(&st->heap, lb_at(lb, i));
}

static struct server *
rr_pick(struct lb *lb, struct lb_request *q)
{
    struct rr_state *st = lb->state;
    struct server *s;

    s = lb_heap_first(lb, &st->heap, q);
    if (!s)
        return NULL;
    s->lb_pos += STRIDE / (int64_t)s->lb_weight;
    s->lb_seq = ++st->seq;
    lb_heap_moved(&st->heap, s);
    return s;
}

/** Equal weights: the next one in turn, provided the candidates do not change meanwhile. */
static struct server *
rr_pick_fast(struct lb *lb, const struct server *avoid)
{
    uint64_t change = atomic_load_explicit(&lb->change, memory_order_acquire);
    struct server *s;
    unsigned n;

    if ((change & 1) || !atomic_load_explicit(&lb->even, memory_order_relaxed))
        return NULL;
    n = lb_nset(lb);
    if (n == 0)
        return NULL;
    for (unsigned tries = 0; tries < n; tries++) {
        unsigned i = atomic_fetch_add_explicit(&lb->rr, 1, memory_order_relaxed) % n;

        s = lb_at(lb, i);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&lb->change, memory_order_relaxed) != change)
            return NULL;
        if (s != avoid && !server_is_full(s))
            return s;
    }
    return NULL;
}

const struct lb_ops lb_ops_rr = {
    .name = "roundrobin",
    .dynamic = true,
    .rebuild = rr_rebuild,
    .pick = rr_pick,
    .pick_fast = rr_pick_fast,
    .release = rr_release,
};

/* ---- leastconn ---- */

static int64_t
load_pos(const struct server *s)
{
    unsigned load = server_load(s);

    /* idle servers are equal whatever their weight, so that all of them get to work */
    return load ? ((int64_t)load + 1) * (SRV_WEIGHT_MAX * 16) / (int64_t)s->lb_weight : 0;
}

static void
leastconn_rebuild(struct lb *lb)
{
    struct rr_state *st = rr_state(lb);
    unsigned n = lb_nset(lb);

    lb_heap_reserve(&st->heap, n);
    heap_clear(&st->heap);
    for (unsigned i = 0; i < n; i++) {
        struct server *s = lb_at(lb, i);

        s->lb_weight = server_eweight(s);
        s->lb_pos = load_pos(s);
        s->lb_seq = ++st->seq;
        lb_heap_push(&st->heap, s);
    }
}

static struct server *
leastconn_pick(struct lb *lb, struct lb_request *q)
{
    struct rr_state *st = lb->state;
    struct server *s = lb_heap_first(lb, &st->heap, q);

    if (s) { /* even if its load does not change: two threads must not both find it first */
        s->lb_seq = ++st->seq;
        lb_heap_moved(&st->heap, s);
    }
    return s;
}

static void
leastconn_moved(struct lb *lb, struct server *s)
{
    struct rr_state *st = lb->state;
    int64_t pos;

    if (!s->lb_index)
        return;
    pos = load_pos(s);
    if (pos == s->lb_pos)
        return;
    s->lb_pos = pos;
    s->lb_seq = ++st->seq;
    lb_heap_moved(&st->heap, s);
}

const struct lb_ops lb_ops_leastconn = {
    .name = "leastconn",
    .dynamic = true,
    .rebuild = leastconn_rebuild,
    .pick = leastconn_pick,
    .moved = leastconn_moved,
    .release = rr_release,
};
