/* lb.h - choosing a server: algorithms over the servers of one backend, and the queue of those who wait. */
#ifndef BALANCE_LB_H
#define BALANCE_LB_H

#include "config/cfg.h"
#include "server/server.h"

struct lb;
struct sample_ctx;

enum lb_kind {
    LB_DEFAULT = 0, /* 3.3+: random with 2 draws, named "unknown" in the statistics */
    LB_ROUNDROBIN, LB_STATIC_RR, LB_LEASTCONN, LB_FIRST, LB_RANDOM,
    LB_SOURCE, LB_URI, LB_URL_PARAM, LB_HDR, LB_RDP_COOKIE, LB_HASH, LB_LOG_HASH, LB_STICKY,
};

/** Embedded in a backend. What `balance`, `hash-type`, `hash-balance-factor`... set, and the algorithm's state. */
struct lb_ops;
struct lb {
    enum lb_kind kind;
    const struct lb_ops *ops;
    /* balance arguments */
    unsigned draws;                    /* random(n) */
    bool uri_whole, uri_path_only;     /* uri */
    unsigned uri_len, uri_depth;
    const char *arg;                   /* header, parameter or cookie name */
    bool hdr_domain_only;
    unsigned check_post;
    struct expr *hash_expr;
    /* hash-type */
    bool consistent;
    enum { LBH_SDBM, LBH_DJB2, LBH_WT6, LBH_CRC32, LBH_NONE } hash_fn;
    bool avalanche;
    unsigned balance_factor;
    bool allbackups;
    /* state, under lock */
    pthread_mutex_t lock;
    unsigned nact, nbck;               /* usable active and backup servers */
    unsigned wact, wbck;               /* their effective weights */
    _Atomic uint64_t change;           /* generation: bumped at each change */
    void *state;
    struct list *servers;              /* proxy->servers */
    unsigned nservers;
};

/** Keyword rows: balance, hash-type, hash-balance-factor, hash-preserve-affinity... `obj` is struct proxy; they find the
 *  lb through lb_of, set by proxy/. */
extern const struct keyword lb_keywords[];
extern struct lb *(*lb_of)(struct proxy *px);

/** After parsing: builds the state from the servers. */
void lb_start(struct lb *lb, struct list *servers);
void lb_stop(struct lb *lb);
/** The server's state or weight changed; called with lb->lock held by server state functions. */
void lb_update(struct lb *lb, struct server *s);

/** Picks a server for a request, or NULL when none is usable. `avoid` (may be NULL) is passed over when another one
 *  exists (redispatch). `full` is set when all usable servers are at their maxconn: the caller queues on the backend.
 *  Takes no slot: see lb_take(). Any thread. */
struct server *lb_pick(struct lb *lb, struct sample_ctx *x, const struct server *avoid, bool *full);
/** Accounts a request to the server (leastconn position, served); lb_drop() when it ends. */
void lb_take(struct server *s);
void lb_drop(struct server *s);
/** Dynamic maxconn between minconn and maxconn by fullconn. 0: unlimited. */
unsigned server_dyn_maxconn(const struct server *s);

/** Algorithm name as show stat prints it. */
const char *lb_name(const struct lb *lb);

/* ---- queue ---- */

/** A stream that waits for a slot; embedded in it. */
struct pendconn {
    struct list link;
    struct proxy *px;
    struct server *srv;  /* waits for this one only; NULL: any of the backend */
    struct server *got;  /* assigned server when granted (a slot is already taken) */
    int prio_class, prio_offset;
    int64_t since_ms;
    struct loop *loop;
    struct letter grant; /* posted to `loop` when granted */
    _Atomic int state;   /* PEND_NONE, PEND_WAITING, PEND_GRANTED */
    unsigned pos_in, pos_at_entry;
};

/** Queues (false when the server's maxqueue is reached). On grant, `p->grant.deliver` runs on p->loop. */
bool queue_add(struct pendconn *p);
/** Leaves the queue (timeout, abort). If it had been granted meanwhile returns true: the caller owns the slot. */
bool queue_leave(struct pendconn *p);
/** A slot became free at `s` or the backend changed: grants as many as fit. Any thread. */
void queue_process(struct server *s);
/** The lock and list of the backend-wide queue, embedded in proxy; found through queue_of, set by proxy/. */
struct lb_queue {
    pthread_mutex_t lock;
    struct list waiting; /* pendconns that take any server */
    _Atomic unsigned length, length_max;
    _Atomic unsigned total; /* waiting in the backend and on its servers */
};
extern struct lb_queue *(*queue_of)(struct proxy *px);

#endif
