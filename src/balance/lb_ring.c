/* lb_ring.c - consistent hashing, and random.
 *
 * Every server has one node per unit of effective weight on a ring of 2^32 places; a key belongs to
 * the nearest node. Compatibility: the place of node n of server id is avalanche(id * 4096 + n),
 * which is where HAProxy puts it. The ring is sorted once for weights somewhat above the present
 * ones; nodes beyond a server's present weight are skipped, so that servers going up, down or
 * warming up cost nothing. */
#include "balance/lb_int.h"

#include "base/hash.h"

#include <stdlib.h>

#define NODES_PER_SERVER 4096u /* SRV_WEIGHT_MAX * 16 */

struct node {
    uint32_t key;
    uint32_t who; /* member * NODES_PER_SERVER + n */
};

struct member {
    struct server *srv;
    uint32_t key;   /* its nodes are avalanche(key + n) */
    unsigned live;  /* nodes in use: its effective weight while it is a candidate */
    unsigned built; /* nodes on the ring */
};

struct ring_state {
    struct node *node;
    unsigned n, max;
    struct member *member;
    unsigned nmember;
    unsigned next; /* of requests without a key */
};

static uint32_t
server_ring_key(const struct server *s)
{
    struct slice ip = addr_ip_bytes(&s->addr);
    uint32_t id = s->id * NODES_PER_SERVER;
    char buf[18];

    switch (s->hash_key) {
    case SRVK_ID32:
        return s->id;
    case SRVK_GUID:
        return s->guid ? hash_avalanche(hash_xxh32(slice_str(s->guid), 0)) : id;
    case SRVK_ADDR:
        return ip.p ? hash_avalanche(hash_xxh32(ip, 0)) : id;
    case SRVK_ADDR_PORT:
        if (!ip.p)
            return id;
        memcpy(buf, ip.p, ip.len);
        buf[ip.len] = (char)(s->port >> 8);
        buf[ip.len + 1] = (char)s->port;
        return hash_avalanche(hash_xxh32(slice(buf, ip.len + 2), 0));
    default:
        return id;
    }
}

static int
node_cmp(const void *va, const void *vb)
{
    const struct node *a = va, *b = vb;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->who < b->who ? -1 : a->who > b->who;
}

static void
ring_sort(struct ring_state *st)
{
    unsigned want = 0, n = 0;

    for (unsigned m = 0; m < st->nmember; m++) {
        struct member *mb = &st->member[m];
        unsigned full = atomic_load_explicit(&mb->srv->uweight, memory_order_relaxed) * 16;

        /* half as much again spares a warming server most of the sorting */
        mb->built = MIN(MAX(mb->live, MIN(full, 2 * mb->live)), NODES_PER_SERVER);
        want += mb->built;
    }
    if (want > st->max) {
        st->max = want;
        st->node = xrealloc(st->node, sizeof(*st->node) * want);
    }
    for (unsigned m = 0; m < st->nmember; m++) {
        uint32_t key = st->member[m].key;

        for (unsigned i = 0; i < st->member[m].built; i++)
            st->node[n++] = (struct node){ hash_avalanche(key + i), m * NODES_PER_SERVER + i };
    }
    st->n = n;
    if (n)
        qsort(st->node, n, sizeof(*st->node), node_cmp);
}

/** Registers servers that were never candidates before. True when the ring must be sorted again. */
static bool
ring_join(struct lb *lb, struct ring_state *st)
{
    bool sort = false;

    for (unsigned m = 0; m < st->nmember; m++)
        st->member[m].live = 0;
    for (unsigned i = 0; i < lb_nset(lb); i++) {
        struct server *s = lb_at(lb, i);
        uint32_t key = server_ring_key(s);
        struct member *m;

        if (!s->lb_slot) {
            st->member = xrealloc(st->member, sizeof(*st->member) * (st->nmember + 1));
            st->member[st->nmember] = (struct member){ .srv = s };
            s->lb_slot = ++st->nmember;
        }
        m = &st->member[s->lb_slot - 1];
        m->live = server_eweight(s);
        sort |= m->live > m->built || m->key != key; /* addresses may change */
        m->key = key;
    }
    return sort;
}

static void
ring_rebuild(struct lb *lb)
{
    struct ring_state *st = lb->state;
    bool sort;

    if (!st)
        lb->state = st = xcalloc(1, sizeof(*st));
    sort = ring_join(lb, st);
    if (sort || lb->wset * 4 < st->n)
        ring_sort(st);
}

static struct server *
node_server(const struct ring_state *st, unsigned i)
{
    const struct member *m = &st->member[st->node[i].who / NODES_PER_SERVER];

    return st->node[i].who % NODES_PER_SERVER < m->live ? m->srv : NULL;
}

/** The live node after (step 1) or before (step -1) position `i`, itself included. The ring has
 * one. */
static unsigned
ring_live(const struct ring_state *st, unsigned i, int step)
{
    while (!node_server(st, i))
        i = step > 0 ? (i + 1 < st->n ? i + 1 : 0) : (i ? i : st->n) - 1;
    return i;
}

/** The live node nearest to `key`; the lower one of two. */
static unsigned
ring_nearest(const struct ring_state *st, uint32_t key)
{
    unsigned low = 0, high = st->n, up, down;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;

        if (st->node[mid].key < key)
            low = mid + 1;
        else
            high = mid;
    }
    up = ring_live(st, low < st->n ? low : 0, 1);
    down = ring_live(st, (low ? low : st->n) - 1, -1);
    return key - st->node[down].key <= st->node[up].key - key ? down : up;
}

/** Bounded load: a server's share of the present requests plus this one, times the factor, rounded
 * up. */
static bool
over_share(const struct lb *lb, const struct server *s)
{
    uint64_t all = atomic_load_explicit(&lb->served, memory_order_relaxed) + 1;
    uint64_t share;

    if (!lb->balance_factor)
        return false;
    share = (all * lb->balance_factor * server_eweight(s) + lb->wset * 100 - 1) / (lb->wset * 100);
    return atomic_load_explicit(&s->served, memory_order_relaxed) >= share;
}

static bool
passed_over(const struct lb *lb, const struct server *s, const struct lb_request *q)
{
    if (s == q->avoid || over_share(lb, s))
        return true;
    switch (lb->preserve) {
    case LBP_MAXCONN:
        return server_is_full(s);
    case LBP_MAXQUEUE:
        return s->maxconn && s->maxqueue &&
               atomic_load_explicit(&s->queued, memory_order_relaxed) >= s->maxqueue;
    default:
        return false;
    }
}

static struct server *
ring_pick(struct lb *lb, struct lb_request *q)
{
    struct ring_state *st = lb->state;
    struct server *s, *last = NULL, *home;
    unsigned at, i;

    if (lb_nset(lb) == 0)
        return NULL;
    if (!q->has_key) { /* any node in turn */
        st->next = st->next + 1 < st->n ? st->next + 1 : 0;
        at = st->next = ring_live(st, st->next, 1);
    } else {
        at = ring_nearest(st, q->key);
    }
    home = node_server(st, at);
    if (q->has_key ? !passed_over(lb, home, q) : lb_fits(home, q))
        return home;
    for (i = at + 1 < st->n ? at + 1 : 0; i != at; i = i + 1 < st->n ? i + 1 : 0) {
        s = node_server(st, i);
        if (!s)
            continue;
        if (q->has_key ? !passed_over(lb, s, q) : lb_fits(s, q))
            return s;
        if (s != home && s != q->avoid)
            last = s;
    }
    if (!q->has_key)
        return lb_last_resort(lb, q);
    return last && (home == q->avoid || lb->preserve == LBP_MAXCONN) ? last : home;
}

static void
ring_release(struct lb *lb)
{
    struct ring_state *st = lb->state;

    if (st) {
        for (unsigned m = 0; m < st->nmember; m++)
            st->member[m].srv->lb_slot = 0;
        free(st->node);
        free(st->member);
    }
    free(st);
    lb->state = NULL;
}

const struct lb_ops lb_ops_ring = {
    .dynamic = true,
    .hashes = true,
    .rebuild = ring_rebuild,
    .pick = ring_pick,
    .release = ring_release,
};

/* ---- random: the least loaded of a few servers drawn by weight ---- */

struct random_state {
    uint64_t *upto; /* [nset] weights of the candidates up to and including this one */
    unsigned max;
};

static void
random_rebuild(struct lb *lb)
{
    struct random_state *st = lb->state;
    unsigned n = lb_nset(lb);
    uint64_t sum = 0;

    if (!st)
        lb->state = st = xcalloc(1, sizeof(*st));
    if (n > st->max) {
        st->max = n;
        st->upto = xrealloc(st->upto, sizeof(*st->upto) * n);
    }
    for (unsigned i = 0; i < n; i++)
        st->upto[i] = sum += server_eweight(lb_at(lb, i));
}

static struct server *
draw_weighted(const struct lb *lb)
{
    const struct random_state *st = lb->state;
    uint64_t x = (uint64_t)(((__uint128_t)lb_random() * lb->wset) >> 64);
    unsigned low = 0, high = lb_nset(lb) - 1;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;

        if (st->upto[mid] <= x)
            low = mid + 1;
        else
            high = mid;
    }
    return lb_at(lb, low);
}

/** Less loaded for its weight; among equals the one with fewer requests in the last second. */
static bool
random_better(const struct server *a, const struct server *b)
{
    uint64_t la = (uint64_t)server_load(a) * server_eweight(b);
    uint64_t lb = (uint64_t)server_load(b) * server_eweight(a);
    uint64_t now;

    if (la != lb)
        return la < lb;
    now = (uint64_t)loop_now_ms();
    return freq_shared_read(&a->sess_rate, 1000, now) < freq_shared_read(&b->sess_rate, 1000, now);
}

static struct server *
random_pick(struct lb *lb, struct lb_request *q)
{
    struct server *best = NULL;
    unsigned n = lb_nset(lb);

    if (n == 0)
        return NULL;
    for (unsigned i = 0; i < lb->draws; i++) {
        struct server *s = draw_weighted(lb);

        if (s != best && lb_fits(s, q) && (!best || random_better(s, best)))
            best = s;
    }
    if (best)
        return best;
    /* none of those drawn has room: the first one that has, from anywhere */
    for (unsigned i = 0, from = (unsigned)(lb_random() % n); i < n; i++) {
        struct server *s = lb_at(lb, (from + i) % n);

        if (lb_fits(s, q))
            return s;
    }
    return lb_last_resort(lb, q);
}

/** The same without the lock, for equal weights. */
static struct server *
random_pick_fast(struct lb *lb, const struct server *avoid)
{
    uint64_t change = atomic_load_explicit(&lb->change, memory_order_acquire);
    struct lb_request q = { .avoid = avoid };
    struct server *best = NULL;
    unsigned n = lb_nset(lb);

    if ((change & 1) || n == 0 || !atomic_load_explicit(&lb->even, memory_order_relaxed))
        return NULL;
    for (unsigned i = 0; i < lb->draws; i++) {
        struct server *s = lb_at(lb, (unsigned)(((__uint128_t)lb_random() * n) >> 64));

        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&lb->change, memory_order_relaxed) != change)
            return NULL;
        if (s != best && lb_fits(s, &q) && (!best || random_better(s, best)))
            best = s;
    }
    return best;
}

static void
random_release(struct lb *lb)
{
    struct random_state *st = lb->state;

    if (st)
        free(st->upto);
    free(st);
    lb->state = NULL;
}

/* It has no name in HAProxy's statistics. */
const struct lb_ops lb_ops_random = { .name = "unknown",
                                      .dynamic = true,
                                      .rebuild = random_rebuild,
                                      .pick = random_pick,
                                      .pick_fast = random_pick_fast,
                                      .release = random_release };
