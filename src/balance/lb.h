/* lb.h - choosing a server: algorithms over the servers of one backend, and the queue of those who
 * wait. */
#ifndef BALANCE_LB_H
#define BALANCE_LB_H

#include "config/cfg.h"
#include "sample/sample.h"
#include "server/server.h"

struct lb;
struct sample_ctx;

enum lb_kind {
    LB_DEFAULT = 0, /* 3.3+: random with 2 draws */
    LB_ROUNDROBIN,
    LB_STATIC_RR,
    LB_LEASTCONN,
    LB_FIRST,
    LB_RANDOM,
    LB_SOURCE,
    LB_URI,
    LB_URL_PARAM,
    LB_HDR,
    LB_RDP_COOKIE,
    LB_HASH,
    LB_LOG_HASH,
    LB_STICKY,
};

/** Embedded in a backend. What `balance`, `hash-type`, `hash-balance-factor`... set, and the
 * algorithm's state. */
struct lb_ops;
struct lb {
    enum lb_kind kind;
    const struct lb_ops *ops;
    /* balance arguments */
    unsigned draws;                /* random(n) */
    bool uri_whole, uri_path_only; /* uri */
    unsigned uri_len, uri_depth;
    const char *arg; /* header, parameter or cookie name */
    bool hdr_domain_only;
    bool check_post;        /* url_param: look into the body of POST requests too */
    struct expr *hash_expr; /* source, rdp-cookie, hash, log-hash; url_param: the body parameter */
    /* hash-type */
    bool consistent;
    enum { LBH_SDBM, LBH_DJB2, LBH_WT6, LBH_CRC32, LBH_NONE } hash_fn;
    bool avalanche;
    unsigned balance_factor;
    enum { LBP_ALWAYS, LBP_MAXCONN, LBP_MAXQUEUE } preserve; /* hash-preserve-affinity */
    bool allbackups;
    bool http; /* the backend is in mode http: set before lb_start() */
    /* for dynamic server limits (minconn); NULL: minconn has no effect. Set before lb_start() */
    const unsigned *fullconn;
    const _Atomic unsigned *be_conn;
    /* state, under lock */
    pthread_mutex_t lock;
    unsigned nact, nbck;     /* usable active and backup servers */
    unsigned wact, wbck;     /* their effective weights */
    _Atomic uint64_t change; /* generation: odd while the candidates are being changed */
    _Atomic unsigned served; /* slots taken on all servers */
    _Atomic unsigned rr;     /* position of lock-free round robin */
    _Atomic unsigned nset;   /* candidates: the usable active servers, else the backup ones */
    _Atomic(struct server *) *_Atomic set; /* in configuration order */
    _Atomic bool even;                     /* all of the same weight */
    unsigned set_max;
    uint64_t wset;        /* their effective weights */
    void *state;          /* of ops */
    void *retired;        /* arrays that a reader may still look at; freed by lb_stop() */
    struct list *servers; /* proxy->servers */
    unsigned nservers;
};

/** Keyword rows: balance, hash-type, hash-balance-factor, hash-preserve-affinity... `obj` is struct
 * proxy; they find the lb through lb_of, set by proxy/. */
extern const struct keyword lb_keywords[];
extern const struct fetch lb_fetches[];
extern struct lb *(*lb_of)(struct proxy *px);

/** After parsing, before lb_start(): resolves what depends on the mode. Reports HAProxy's warnings.
 */
void lb_check(struct cfg *c, struct lb *lb, const char *px_name);
/** After parsing: builds the state from the servers. */
void lb_start(struct lb *lb, struct list *servers);
void lb_stop(struct lb *lb);
/** A server was added to or is about to leave the list at run time (lb->lock held). It must not be
 * usable. */
void lb_servers_changed(struct lb *lb);
/** The server's state or weight changed; called with lb->lock held by server state functions. */
void lb_update(struct lb *lb, struct server *s);

/** Picks a server for a request, or NULL when none is usable. `avoid` (may be NULL) is passed over
 * when another one exists (redispatch). `full` is set when all usable servers are at their maxconn:
 * the caller queues on the backend. Takes no slot: see lb_take(). Any thread. */
struct server *lb_pick(struct lb *lb, struct sample_ctx *x, const struct server *avoid, bool *full);
/** True when the algorithm goes by something in the request that this one has: the same key means
 * the same server. */
bool lb_is_keyed(const struct lb *lb, struct sample_ctx *x);
/** Accounts a request to the server (leastconn position, served); lb_drop() when it ends, which
 * also grants the slot to the next one in the queue. */
void lb_take(struct server *s);
void lb_drop(struct server *s);
/** The same, refused when the server is at its limit or others wait for it: the caller queues. */
MUST_CHECK bool lb_try_take(struct server *s);
/** True when a new request would have to queue for it. */
bool server_is_full(const struct server *s);
/** Message of the log backend that log-hash looks at, set around lb_pick(). */
extern _Thread_local struct slice lb_log_message;
/** Dynamic maxconn between minconn and maxconn by fullconn. 0: unlimited. */
unsigned server_dyn_maxconn(const struct server *s);

/** Algorithm name as show stat prints it. */
const char *lb_name(const struct lb *lb);

/* ---- queue ---- */

enum pend_state { PEND_NONE = 0, PEND_WAITING, PEND_GRANTED };

/** A stream that waits for a slot; embedded in it. Zeroed before use; the owner sets px, srv,
 * prio_*, bound and grant.deliver. */
struct pendconn {
    struct list link;                     /* private: granted, not yet delivered */
    struct pendconn *child, *next, *prev; /* private: pairing heap */
    uint64_t key, seq;                    /* private: priority, lowest first */
    struct pend_queue *queue;             /* private: where it waits */
    struct pend_mail *mail;               /* private: how its thread is told */
    struct proxy *px;
    struct server *srv; /* waits for this one only; NULL: any of the backend */
    struct server *got; /* when granted: the server, a slot of it is taken; NULL: the server went
                           away, choose again */
    bool bound;         /* must not be moved to another server (persistence without redispatch) */
    int prio_class, prio_offset; /* http-request set-priority-class (-2047..2047), -offset (ms) */
    int64_t since_ms;            /* set by queue_add() */
    struct loop *loop;           /* set by queue_add(): the caller's */
    struct letter grant;         /* .deliver is called on `loop` when granted; by then the queue has
                                    forgotten the pendconn */
    _Atomic int state;           /* enum pend_state */
    unsigned pos_at_entry;       /* private */
    unsigned pos_in; /* how many left the queue before it: %sq or %bq; valid when granted or left */
};

/** Queues on the calling thread (false when the server's maxqueue is reached). On grant,
 * `p->grant.deliver` runs on p->loop; not before the caller returned to it. */
MUST_CHECK bool queue_add(struct pendconn *p);
/** Leaves the queue (timeout, abort), from the thread that entered it. If it had been granted
 * meanwhile returns true: the caller owns the slot of p->got (if not NULL); grant.deliver is not
 * called any more. */
bool queue_leave(struct pendconn *p);
/** A slot became free at `s` or the backend changed: grants as many as fit. Any thread. */
void queue_process(struct server *s);
/** The server went down: who waits for it and may go elsewhere is granted with got == NULL. Returns
 * how many. */
unsigned queue_redistribute(struct server *s);
/** Releases what the queue keeps per thread. */
void queue_thread_fini(void);

/** Waiting pendconns of the backend, embedded in proxy; found through queue_of, set by proxy/. One
 * lock for the backend's and its servers' queues. */
struct lb_queue {
    pthread_mutex_t lock;
    struct pend_queue any;               /* pendconns that take any server */
    _Atomic unsigned length, length_max; /* of `any` */
    _Atomic unsigned total;              /* waiting in the backend and on its servers */
    uint64_t seq;
    bool
        redispatch; /* option redispatch without option persist: queues of dead servers are moved */
};
void lb_queue_init(struct lb_queue *q);
void lb_queue_fini(struct lb_queue *q);
extern struct lb_queue *(*queue_of)(struct proxy *px);

/** Installs the callbacks that server/ uses to reach the algorithms and queues. Once at start-up.
 */
void lb_install(void);

#endif
