/* lb_int.h - what the files of balance/ share. */
#ifndef BALANCE_LB_INT_H
#define BALANCE_LB_INT_H

#include "balance/lb.h"

/** One request to place. */
struct lb_request {
    bool has_key;
    uint32_t key;
    const struct server *avoid; /* passed over when another one exists; NULL: none */
    bool full;                  /* out: candidates exist, but all are at their limit */
};

struct lb_ops {
    const char *name; /* as show stat prints it */
    bool dynamic;     /* weights may change at run time */
    bool hashes;      /* picks by key; keeps to a server even if it is full */
    /** The candidates lb->set[0..nset) or their weights changed. */
    void (*rebuild)(struct lb *lb);
    /** Lock held. NULL: none, or all full (q->full). */
    struct server *(*pick)(struct lb *lb, struct lb_request *q);
    /** The load of a server changed; lock held. NULL: of no interest, no lock needed. */
    void (*moved)(struct lb *lb, struct server *s);
    /** Tried before taking the lock; NULL result: take the slow way. */
    struct server *(*pick_fast)(struct lb *lb, const struct server *avoid);
    void (*release)(struct lb *lb);
};

extern const struct lb_ops lb_ops_rr, lb_ops_leastconn, lb_ops_map, lb_ops_static_rr, lb_ops_ring,
    lb_ops_random, lb_ops_first, lb_ops_sticky;

/** Computes the key of a request. False when it has none: the caller falls back to round robin. */
MUST_CHECK bool lb_key(const struct lb *lb, struct sample_ctx *x, uint32_t *key);

/** Candidate `i`; any thread, for i < lb_nset(). */
static inline struct server *
lb_at(const struct lb *lb, unsigned i)
{
    _Atomic(struct server *) *set = atomic_load_explicit(&lb->set, memory_order_relaxed);

    return atomic_load_explicit(&set[i], memory_order_relaxed);
}

/** Their number. The array is replaced by a larger one before the number grows, and old arrays are
 * kept: who reads the number first is never out of bounds. */
static inline unsigned
lb_nset(const struct lb *lb)
{
    return atomic_load_explicit(&lb->nset, memory_order_acquire);
}

static inline unsigned
server_eweight(const struct server *s)
{
    return atomic_load_explicit(&s->eweight, memory_order_relaxed);
}

/** Requests on the server, waiting ones included. */
static inline unsigned
server_load(const struct server *s)
{
    return atomic_load_explicit(&s->served, memory_order_relaxed) +
           atomic_load_explicit(&s->queued, memory_order_relaxed);
}

/** A candidate that `q` may have now. */
static inline bool
lb_fits(const struct server *s, const struct lb_request *q)
{
    return s != q->avoid && !server_is_full(s);
}

/** What to return when no candidate fits: the avoided one if it has room, else NULL with q->full.
 */
struct server *lb_last_resort(struct lb *lb, struct lb_request *q);

/** The number of requests on `s` changed: tells the algorithm. */
void lb_account(struct lb *lb, struct server *s);
/** True when load balancing may send requests there now. Any thread, no lock. */
bool lb_is_candidate(const struct lb *lb, const struct server *s);

/** queue_process() that tells how many slots were granted. */
unsigned queue_grab(struct server *s);

/** A random number of the calling thread. */
uint64_t lb_random(void);

/** Frees an array that readers without the lock may still look at: when the configuration ends. */
void lb_retire(struct lb *lb, void *p);

/* ---- lb_heap.c: binary heap of servers by (lb_pos, lb_seq); places in lb_index ---- */

struct lb_heap {
    struct server **at;
    unsigned n, max;
};

void lb_heap_reserve(struct lb_heap *h, unsigned n);
void lb_heap_push(struct lb_heap *h, struct server *s);
/** The server's position changed. */
void lb_heap_moved(struct lb_heap *h, struct server *s);
/** True when `a` comes before `b`. */
static inline bool
lb_before(const struct server *a, const struct server *b)
{
    return a->lb_pos != b->lb_pos ? a->lb_pos < b->lb_pos : a->lb_seq < b->lb_seq;
}
/** The first one that fits, or lb_last_resort(). */
struct server *lb_heap_first(struct lb *lb, const struct lb_heap *h, struct lb_request *q);

#endif
