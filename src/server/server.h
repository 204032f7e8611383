/* server.h - a server of a backend: its configuration, its state, its counters. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/freq.h"
#include "base/list.h"
#include "config/cfg.h"
#include "loop/loop.h"
#include "net/addr.h"

#include <pthread.h>
#include <stdatomic.h>

struct expr;
struct proxy;
struct server;
struct tls_client;
struct check;
struct stream;

#define SRV_WEIGHT_MAX 256

/** Operational state, in the order of HAProxy's numbers (show servers state: srv_op_state). */
enum srv_state { SRV_STOPPED = 0, SRV_STARTING = 1, SRV_RUNNING = 2, SRV_STOPPING = 3 };

/** Administrative state bits, HAProxy's numbers (srv_admin_state). */
enum srv_admin {
    SRVA_FMAINT = 0x01, /* forced maintenance */
    SRVA_IMAINT = 0x02, /* inherited from a tracked server */
    SRVA_CMAINT = 0x04, /* `disabled` in the configuration */
    SRVA_FDRAIN = 0x08,
    SRVA_IDRAIN = 0x10,
    SRVA_RMAINT = 0x20, /* no address (resolution) */
    SRVA_HMAINT = 0x40, /* hostname changed on the CLI */
};
#define SRVA_MAINT (SRVA_FMAINT | SRVA_IMAINT | SRVA_CMAINT | SRVA_RMAINT | SRVA_HMAINT)
#define SRVA_DRAIN (SRVA_FDRAIN | SRVA_IDRAIN)

enum srv_flag {
    SRVF_BACKUP = 1 << 0,
    SRVF_NON_STICK = 1 << 1,
    SRVF_SEND_PROXY = 1 << 2,
    SRVF_SEND_PROXY_V2 = 1 << 3,
    SRVF_TLS = 1 << 4,
    SRVF_PP_SSL = 1 << 5,
    SRVF_PP_SSL_CN = 1 << 6,
    SRVF_COOKIE_SET = 1 << 7,
    SRVF_TFO = 1 << 8,
    SRVF_DEFAULT = 1 << 9, /* a default-server template */
    SRVF_PORT_MAPPED = 1 << 10, /* server port is relative to the client's or the check's */
    SRVF_NO_RESOLVE = 1 << 11,
    SRVF_DYNAMIC = 1 << 12, /* added at run time */
};

enum srv_on_error { SRV_ON_ERROR_FASTINTER, SRV_ON_ERROR_FAIL_CHECK, SRV_ON_ERROR_SUDDEN_DEATH, SRV_ON_ERROR_MARK_DOWN };

/** Counters shown by the statistics; per thread, summed on read. X(name): the CSV column's name where there is one. */
#define SRV_COUNTERS(X)                                                                            \
    X(bin) X(bout) X(stot) X(econ) X(eresp) X(wretr) X(wredis) X(cli_abrt) X(srv_abrt) X(dresp)    \
    X(hrsp_1xx) X(hrsp_2xx) X(hrsp_3xx) X(hrsp_4xx) X(hrsp_5xx) X(hrsp_other) X(lbtot) X(connect)  \
    X(reuse) X(req_tot) X(wrew) X(eint) X(hanafail) X(reqbin) X(reqbout) X(resbin) X(resbout)

struct srv_counters {
#define X(n) uint64_t n;
    SRV_COUNTERS(X)
#undef X
    /* sums over the last ~512 responses, HAProxy's sliding average (swrate); ms */
    uint64_t q_time, c_time, d_time, t_time;
    uint32_t qtime_max, ctime_max, rtime_max, ttime_max;
} ALIGNED_LINE;

/** Idle connections of one thread. Touched by that thread only, but for takeover under `lock`. */
struct srv_thread {
    pthread_spinlock_t lock;
    struct list idle; /* struct conn, most recently used first */
    struct list safe; /* connections that already served several requests */
    unsigned nidle;
    struct timer purge; /* closes half of what was idle for pool-purge-delay */
} ALIGNED_LINE;

/** A check's configuration and state (health or agent); check.c. */
struct server {
    struct list link; /* in proxy->servers, configuration order */
    struct proxy *px;
    struct cfg_loc loc;
    const char *name;
    unsigned id;  /* puid: unique in the backend */
    unsigned guid_unused;
    unsigned flags; /* enum srv_flag */

    /* address: under `lock` when changed at run time */
    struct addr addr;
    uint16_t port;       /* host order; 0: same as the client's destination */
    int port_offset;     /* with SRVF_PORT_MAPPED */
    char *hostname;      /* as configured, for names */
    struct addr source;  /* `source` on the server line; family 0: none */
    const char *interface;

    /* configuration */
    unsigned uweight_cfg;      /* as configured */
    unsigned maxconn, minconn, maxqueue;
    int pool_max_conn;         /* -1: unlimited */
    int pool_low_conn;
    int pool_purge_ms;
    int max_reuse;             /* -1: unlimited */
    int slowstart_ms;
    unsigned rise, fall;
    int tcp_ut_ms;
    int observe;               /* 0 none, 1 layer4, 2 layer7 */
    unsigned error_limit;
    enum srv_on_error on_error;
    bool on_marked_down_shutdown, on_marked_up_shutdown_backup;
    const char *cookie;        /* value; NULL none */
    const char *redir;         /* redirect prefix */
    struct expr *sni;
    struct tls_client *tls;    /* NULL: clear */
    const char *track_name;
    struct server *track;      /* followed server */
    struct list trackers;      /* struct server.track_link */
    struct list track_link;
    const char *proto;         /* `proto h2` … */
    unsigned pp_opts;          /* proxy-v2-options, enum pp_opt */
    const char *pool_conn_name;
    void *ext;                 /* of later features */

    /* state; writers hold px->lb.lock */
    _Atomic unsigned state;    /* enum srv_state */
    _Atomic unsigned admin;    /* enum srv_admin */
    _Atomic unsigned uweight;  /* user weight 0..256 */
    _Atomic unsigned eweight;  /* effective: uweight * backend scale (16), slow start applied */
    unsigned prev_eweight;
    int64_t last_change_s;     /* wall seconds */
    unsigned down_time_s, down_transitions;
    struct check *check, *agent;
    struct timer warmup;       /* slow start */

    /* load; atomics */
    _Atomic unsigned served;   /* requests being served (counts against maxconn) */
    _Atomic unsigned cur_sess;
    _Atomic unsigned cur_sess_max;
    _Atomic unsigned queued, queued_max;
    _Atomic unsigned used_conns, idle_conns; /* server connections in use, idle; all threads */
    struct freq sess_rate;     /* shared, atomic updates */
    _Atomic unsigned sess_rate_max;
    _Atomic int64_t last_sess_s;
    _Atomic unsigned consecutive_errors;
    struct list queue;         /* struct pendconn waiting for this server; under px->queue_lock */

    /* load-balancing position, owned by balance/ under px->lb.lock */
    void *lb_node;
    int64_t lb_pos;
    unsigned lb_index;

    struct srv_counters *counters; /* [nthread] */
    struct srv_thread *threads;    /* [nthread] */
    pthread_mutex_t lock;          /* address changes, hostname; leaf */
};

/** Creates a server in the configuration's arena with HAProxy's defaults and appends it to the proxy's list. */
struct server *server_new(struct cfg *c, struct proxy *px, const char *name);
/** `server`, `default-server`, `server-template` lines. */
enum cfg_rc server_parse_line(struct cfg *c, const struct keyword *kw, void *px, unsigned *at);
/** Rows of `server` options; also keywords server/default-server. */
extern const struct keyword server_keywords[];

/** Usable for new traffic now: running or starting, not in maintenance, weight > 0 is not considered. */
static inline bool
server_is_up(const struct server *s)
{
    return atomic_load_explicit(&s->state, memory_order_relaxed) != SRV_STOPPED;
}

/** Draining by admin or zero weight. */
bool server_is_draining(const struct server *s);
/** True when a new request may go there by load balancing. */
bool server_is_usable(const struct server *s);

/** State changes (any thread). They log, update load balancing, trackers, the queue, and close what must be closed. */
void server_set_running(struct server *s, const char *reason);
void server_set_stopped(struct server *s, const char *reason);
void server_set_stopping(struct server *s, const char *reason);
void server_set_admin(struct server *s, unsigned bits, const char *cause);
void server_clear_admin(struct server *s, unsigned bits);
/** `set weight` syntax: "N" or "N%". NULL or HAProxy's error text. */
const char *server_set_weight(struct server *s, const char *text);
const char *server_set_addr(struct server *s, const char *addr, const char *port, const char *by, struct text *msg);
/** Status word as in show stat: "UP", "UP 1/3", "DOWN", "DOWN 1/2", "MAINT", "MAINT (via x/y)", "DRAIN", "NOLB", "no check". */
void server_status_text(const struct server *s, char *to, size_t size);

/** Backend callbacks that server/ needs from above; set once by proxy/ (keeps layers apart). */
struct server_hooks {
    /** Kills the streams that use the server (on-marked-down shutdown-sessions, shutdown sessions server). */
    void (*shutdown_streams)(struct server *s, int why);
    /** Emits a log message to the backend's log targets. */
    void (*log)(struct proxy *px, int level, const char *text);
    const char *(*proxy_name)(const struct proxy *px);
    /** Called after any state or weight change. */
    void (*changed)(struct server *s);
};
extern struct server_hooks server_hooks;

#endif
