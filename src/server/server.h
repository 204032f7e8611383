/* server.h - a server of a backend: its configuration, its state, its counters. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/freq.h"
#include "base/list.h"
#include "config/cfg.h"
#include "loop/loop.h"
#include "net/addr.h"
#include "server/hooks.h"

#include <pthread.h>
#include <stdatomic.h>

struct expr;
struct netns;
struct source;
struct proxy;
struct server;
struct tls_client;
struct check;
struct check_conf;
struct logfmt;
struct pendconn;
struct stream;

#define SRV_WEIGHT_MAX 256

/** Operational state, in the order of HAProxy's numbers (show servers state: srv_op_state). */
enum srv_state { SRV_STOPPED = 0, SRV_STARTING = 1, SRV_RUNNING = 2, SRV_STOPPING = 3 };

/** Administrative state bits, HAProxy's numbers (srv_admin_state). */
enum srv_admin {
    SRVA_FMAINT = 0x01, /* forced maintenance */
    SRVA_IMAINT = 0x02, /* inherited from a tracked server */
    SRVA_CMAINT = 0x04, /* `disabled` in the configuration: a note, the state itself is FMAINT */
    SRVA_FDRAIN = 0x08,
    SRVA_IDRAIN = 0x10,
    SRVA_RMAINT = 0x20, /* no address (resolution) */
    SRVA_HMAINT = 0x40, /* hostname changed on the CLI */
};
#define SRVA_MAINT (SRVA_FMAINT | SRVA_IMAINT | SRVA_RMAINT | SRVA_HMAINT)
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
    SRVF_DEFAULT = 1 << 9,      /* a default-server template */
    SRVF_PORT_MAPPED = 1 << 10, /* server port is relative to the client's or the check's */
    SRVF_DYNAMIC = 1 << 12,     /* added at run time */
    SRVF_TEMPLATE = 1 << 13,    /* made by server-template */
    SRVF_SOCKS4 = 1 << 17,
    SRVF_STRICT_MAXCONN = 1 << 18,
    SRVF_REFERENCED =
        1 << 19, /* named by the configuration: use-server, track, arguments; not removable */
    SRVF_STATE_LOADED = 1 << 20, /* its state came from a state file */
    SRVF_NO_ADDR = 1 << 21,      /* resolution failed at start and init-addr allowed it */
    SRVF_ID_SET = 1 << 22,       /* `id` was given */
    SRVF_OCTET_COUNT = 1 << 24,  /* log-proto octet-count */
};

/** init-addr methods, in the order they are tried. */
enum srv_init_addr { SRVI_END = 0, SRVI_LAST, SRVI_LIBC, SRVI_NONE, SRVI_IP };
#define SRV_INIT_ADDR_MAX 8
/** init-state. */
enum srv_init_state { SRVS_NONE = 0, SRVS_FULLY_UP, SRVS_UP, SRVS_DOWN, SRVS_FULLY_DOWN };
/** hash-key: what places the server on the ring of consistent hashing. */
enum srv_hash_key { SRVK_ID = 0, SRVK_ID32, SRVK_GUID, SRVK_ADDR, SRVK_ADDR_PORT };
/** ws: protocol of websocket requests. */
enum srv_ws { SRVWS_AUTO = 0, SRVWS_H1, SRVWS_H2 };

/** A custom TLV of the PROXY v2 header. */
struct srv_tlv {
    struct srv_tlv *next;
    uint8_t type;
    struct logfmt *value;
};

/** Waiting streams in order of priority (balance/queue.c). */
struct pend_queue {
    struct pendconn *root;
    unsigned left; /* how many left it: positions for the logs */
};

/** proxy-v2-options: struct server.pp_opts. */
enum srv_pp_opt {
    SRV_PP_SSL = 1 << 0,
    SRV_PP_CERT_CN = 1 << 1,
    SRV_PP_SSL_CIPHER = 1 << 2,
    SRV_PP_CERT_SIG = 1 << 3,
    SRV_PP_CERT_KEY = 1 << 4,
    SRV_PP_AUTHORITY = 1 << 5,
    SRV_PP_CRC32C = 1 << 6,
    SRV_PP_UNIQUE_ID = 1 << 7,
};

enum srv_on_error {
    SRV_ON_ERROR_FASTINTER,
    SRV_ON_ERROR_FAIL_CHECK,
    SRV_ON_ERROR_SUDDEN_DEATH,
    SRV_ON_ERROR_MARK_DOWN
};

/** Counters shown by the statistics; per thread, summed on read. X(name): the CSV column's name
 * where there is one. */
#define SRV_COUNTERS(X)                                                                            \
    X(bin)                                                                                         \
    X(bout)                                                                                        \
    X(stot)                                                                                        \
    X(econ)                                                                                        \
    X(eresp)                                                                                       \
    X(wretr)                                                                                       \
    X(wredis)                                                                                      \
    X(cli_abrt)                                                                                    \
    X(srv_abrt)                                                                                    \
    X(dresp)                                                                                       \
    X(hrsp_1xx)                                                                                    \
    X(hrsp_2xx)                                                                                    \
    X(hrsp_3xx)                                                                                    \
    X(hrsp_4xx)                                                                                    \
    X(hrsp_5xx)                                                                                    \
    X(hrsp_other)                                                                                  \
    X(lbtot)                                                                                       \
    X(connect)                                                                                     \
    X(reuse)                                                                                       \
    X(req_tot)                                                                                     \
    X(wrew)                                                                                        \
    X(eint)                                                                                        \
    X(hanafail)                                                                                    \
    X(reqbin)                                                                                      \
    X(reqbout)                                                                                     \
    X(resbin)                                                                                      \
    X(resbout)                                                                                     \
    X(ssl_sess)                                                                                    \
    X(ssl_reused_sess)                                                                             \
    X(ssl_failed_handshake)                                                                        \
    X(ssl_ocsp_staple)                                                                             \
    X(ssl_failed_ocsp_staple)

/* Arrays of counters begin at a cache line, and every element fills some: no two threads write to
 * one. Four sums and four maxima follow the counters. */
#define COUNTERS_PAD(LIST) (CACHELINE - ((0 LIST(COUNTERS_ONE) + 4) * 8 + 16) % CACHELINE)
#define COUNTERS_ONE(n)    +1

struct srv_counters {
#define X(n) uint64_t n;
    SRV_COUNTERS(X)
#undef X
    /* sums over the last ~512 responses, HAProxy's sliding average (swrate); ms */
    uint64_t q_time, c_time, d_time, t_time;
    uint32_t qtime_max, ctime_max, rtime_max, ttime_max;
    char to_line[COUNTERS_PAD(SRV_COUNTERS)];
};

/** Connections of one thread to one server. Only that thread touches them; others read the numbers.
 */
struct srv_thread {
    struct list idle;                     /* struct conn, most recently used first */
    struct list safe;                     /* connections that already served several requests */
    _Atomic unsigned nused, nidle, nsafe; /* nidle: of both lists, nsafe: of the second */
    struct timer purge;                   /* closes half of what was idle for pool-purge-delay */
} ALIGNED_LINE;

/** Connections to a server, of all threads. */
struct srv_conns {
    unsigned used, idle, safe; /* safe: of the idle ones, those that served several requests */
};

struct server {
    struct list link; /* in proxy->servers, configuration order */
    struct proxy *px;
    struct cfg_loc loc;
    const char *name;
    unsigned id;    /* puid: unique in the backend */
    unsigned flags; /* enum srv_flag */

    /* address: under `lock` when changed at run time */
    struct addr addr;
    uint16_t port;             /* host order; 0: same as the client's destination */
    int port_offset;           /* with SRVF_PORT_MAPPED */
    char *hostname;            /* as configured, for names */
    struct source *source;     /* `source` on the server line; NULL: its backend's, if any */
    const struct netns *netns; /* NULL: the process' own */
    bool netns_of_client;      /* `namespace *`: the one that the PROXY header names */

    /* configuration */
    unsigned uweight_cfg; /* as configured */
    unsigned maxconn, minconn, maxqueue;
    int pool_max_conn; /* -1: unlimited */
    int pool_low_conn;
    int pool_purge_ms;
    int max_reuse; /* -1: unlimited */
    int slowstart_ms;
    unsigned rise, fall;
    int tcp_ut_ms;
    int observe; /* 0 none, 1 layer4, 2 layer7 */
    unsigned error_limit;
    enum srv_on_error on_error;
    bool on_marked_down_shutdown, on_marked_up_shutdown_backup;
    const char *cookie;     /* value; NULL none */
    char dyn_cookie[2][17]; /* values of dynamic cookies: the one in use, and the one before it */
    const char *redir;      /* redirect prefix */
    struct expr *sni;
    struct tls_client *tls; /* NULL: clear */
    const char *track_name;
    struct server *track; /* followed server */
    struct list trackers; /* struct server.track_link */
    struct list track_link;
    const char *proto;      /* `proto h2` … */
    unsigned pp_opts;       /* proxy-v2-options, enum pp_opt */
    struct expr *pool_name; /* pool-conn-name */
    const char *sni_text;   /* as written; "" when not set */
    const char *guid;
    enum srv_ws ws;
    enum srv_init_state init_state;
    enum srv_hash_key hash_key;
    uint8_t init_addr[SRV_INIT_ADDR_MAX]; /* enum srv_init_addr; empty: the default */
    struct addr init_ip;                  /* of SRVI_IP */
    struct addr socks4;                   /* with SRVF_SOCKS4 */
    const char *cc, *md5sig;              /* congestion control, password of TCP MD5 signatures */
    struct srv_tlv *tlvs;                 /* set-proxy-v2-tlv-fmt */
    unsigned shard;
    uint64_t log_bufsize;
    int idle_ping_ms;
    int addr_family;         /* demanded by the address' prefix, for resolutions */
    const char *healthcheck; /* name of a healthcheck section */
    void *ext;               /* of later features */

    /* state; writers hold px->lb.lock */
    _Atomic unsigned state;        /* enum srv_state */
    _Atomic unsigned admin;        /* enum srv_admin */
    _Atomic unsigned uweight;      /* user weight 0..256 */
    _Atomic unsigned eweight;      /* effective: uweight * backend scale (16), slow start applied */
    _Atomic int64_t last_change_s; /* wall seconds */
    _Atomic unsigned down_time_s,
        down_transitions; /* down_time_s: up to last_change_s, see server_down_time() */
    struct check *check, *agent;
    struct list warm_link; /* slow start: on the list of warming servers */
    int64_t warm_since_ms; /* when it began */

    /* load; atomics */
    _Atomic unsigned served; /* requests being served (counts against maxconn) */
    _Atomic unsigned cur_sess;
    _Atomic unsigned cur_sess_max;
    _Atomic unsigned queued, queued_max;
    _Atomic unsigned
        pooled; /* idle connections of all threads, counted when pool-max-conn is set */
    struct freq_shared sess_rate; /* shared, atomic updates */
    _Atomic unsigned sess_rate_max;
    _Atomic int64_t last_sess_s;
    _Atomic unsigned consecutive_errors;
    struct pend_queue queue; /* waiting for this server; under px->queue.lock */

    /* load-balancing position, owned by balance/ under px->lb.lock */
    int64_t lb_pos;     /* place in the order of the algorithm, lowest first */
    uint64_t lb_seq;    /* among equals: first come, first served */
    unsigned lb_index;  /* in the algorithm's array + 1, 0: not there */
    unsigned lb_weight; /* effective weight the position was computed with */
    unsigned lb_slot;   /* of the ring's members */

    struct srv_counters *counters; /* [nthread] */
    struct srv_thread *threads;    /* [nthread] */
    pthread_mutex_t lock;          /* address changes, hostname; leaf */
};

/* ---- configuration ---- */

/** `server`, `default-server`, `server-template` lines. */
enum cfg_rc server_parse_line(struct cfg *c, const struct keyword *kw, void *px, unsigned *at);
/** Keywords server, default-server and server-template; their options are in
 * server_option_keywords. */
extern const struct keyword server_keywords[];
extern const struct keyword server_option_keywords[];
/** After parsing, for every backend: ids, addresses, tracking, checks. Reports errors. */
void server_check_backend(struct cfg *c, struct proxy *px);
/** Before the loops run: counters, idle lists, initial state. Out of memory ends the process. */
void server_start(struct server *s, unsigned nthread);
/** After the threads ended. */
void server_stop(struct server *s);
/** The template of a proxy made from a defaults section (`from` may be NULL). */
struct server *server_inherit_template(struct cfg *c, struct proxy *px, const struct server *from);

/* ---- state ---- */

/** Usable for new traffic now: running or starting, not in maintenance, weight > 0 is not
 * considered. */
static inline bool
server_is_up(const struct server *s)
{
    return atomic_load_explicit(&s->state, memory_order_relaxed) != SRV_STOPPED;
}

/** Draining by admin or zero weight. */
bool server_is_draining(const struct server *s);
/** True when a new request may go there by load balancing. */
static inline bool
server_is_usable(const struct server *s)
{
    unsigned state = atomic_load_explicit(&s->state, memory_order_relaxed);

    return (state == SRV_RUNNING || state == SRV_STARTING) &&
           !(atomic_load_explicit(&s->admin, memory_order_relaxed) & (SRVA_MAINT | SRVA_DRAIN)) &&
           atomic_load_explicit(&s->eweight, memory_order_relaxed) > 0;
}

/** State changes (any thread). They log, update load balancing, trackers, the queue, and close what
 * must be closed. `reason` follows the state in the log message: ", changed from CLI"; NULL:
 * nothing. */
void server_set_running(struct server *s, const char *reason);
void server_set_stopped(struct server *s, const char *reason);
void server_set_stopping(struct server *s, const char *reason);
/** Sets or clears administrative states; trackers follow with the inherited ones. `cause` ends up
 * in parentheses of the log message; NULL: none. */
void server_set_admin(struct server *s, unsigned bits, const char *cause);
void server_clear_admin(struct server *s, unsigned bits);
/** `set weight` syntax: "N" or "N%". NULL or HAProxy's error text. */
const char *server_set_weight(struct server *s, const char *text);
/** Changes address and/or port ("addr" may be NULL: unchanged); `msg` receives HAProxy's account of
 * it. NULL, or the error text (also in msg). */
const char *server_set_addr(struct server *s, const char *addr, const char *port, const char *by,
                            struct text *msg);
/** `set server <s> health up|stopping|down`: as if checks had said so. */
void server_force_health(struct server *s, enum srv_state state);
/** Recomputes the effective weight and tells load balancing (lock not held). */
void server_update_weight(struct server *s);
/** Slow start of all servers; called on thread 0 before its loop runs and after it ended. */
void server_warmup_start(void);
void server_warmup_stop(void);
/** Weight as the statistics show it, 0..256. */
unsigned server_shown_weight(const struct server *s);
/** Slow start progress in percent (column throttle); 100: none under way. */
unsigned server_throttle_pct(const struct server *s);
/** Seconds spent down, up to now. */
unsigned server_down_time(const struct server *s);

/** Status word as in show stat: "UP", "UP 1/3", "DOWN", "DOWN 1/2", "MAINT", "MAINT (via x/y)",
 * "DRAIN", "NOLB", "no check". */
void server_status_text(const struct server *s, char *to, size_t size);
/** First two lines of `show servers state` (version and column names), and the line of one server.
 */
extern const char server_state_header[];
void server_state_line(const struct server *s, unsigned px_id, bool px_id_forced, struct text *to);
/** Applies a line of a state file, already split into `n` fields. False with what is wrong in
 * `err`. */
bool server_state_apply(struct server *s, char *const *field, unsigned n, struct text *err);

#endif
