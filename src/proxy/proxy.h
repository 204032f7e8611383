/* proxy.h - frontends, backends, listens, defaults: configuration and live counters. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "balance/lb.h"
#include "base/counter.h"
#include "base/freq.h"
#include "log/log.h"
#include "rules/rule.h"
#include "sample/logformat.h"

struct listener;
struct stick_table;
struct reply;
struct http_errors;
struct userlist;
struct captures;
struct px_forwarded;

enum px_cap {
    PX_FE = 1 << 0,
    PX_BE = 1 << 1,
    PX_DEF = 1 << 2,
    PX_LISTEN = PX_FE | PX_BE,
    PX_INTERNAL = 1 << 3
};
enum px_mode { PX_TCP, PX_HTTP, PX_LOG, PX_SPOP, PX_CLI, PX_MODE_UNSET };

/** `option` bits; names as in the manual. Rows set and clear them (`no option`). */
enum px_option {
    PO_DONTLOGNULL = 1u << 0,
    PO_DONTLOG_NORMAL = 1u << 1,
    PO_LOG_SEPARATE_ERRORS = 1u << 2,
    PO_LOGASAP = 1u << 3,
    PO_REDISPATCH = 1u << 4,
    PO_ABORTONCLOSE = 1u << 5,
    PO_NO_ABORTONCLOSE = 1u << 6, /* `no option abortonclose` */
    PO_HTTP_BUFFER_REQUEST = 1u << 7,
    PO_HTTP_IGNORE_PROBES = 1u << 9,
    PO_HTTP_PRETEND_KA = 1u << 10,
    PO_HTTP_USE_PROXY_HEADER = 1u << 11,
    PO_INDEPENDENT_STREAMS = 1u << 13,
    PO_NOLINGER = 1u << 14,
    PO_PERSIST = 1u << 15,
    PO_PREFER_LAST_SERVER = 1u << 16,
    PO_SOCKET_STATS = 1u << 17,
    PO_SRVTCPKA = 1u << 21,
    PO_CLITCPKA = 1u << 22,
    PO_TCP_SMART_ACCEPT = 1u << 23,
    PO_TCP_SMART_CONNECT = 1u << 24,
    PO_ALLBACKUPS = 1u << 26,
    PO_CHECKCACHE = 1u << 27,
    PO_LOG_HEALTH_CHECKS = 1u << 28,
    PO_RELAX_REQ = 1u << 29, /* accept-unsafe-violations-in-http-request */
    PO_RELAX_RES = 1u << 30,
    PO_CONTSTATS = 1u << 31,
};
enum px_option2 {
    PO2_DISABLE_H2_UPGRADE = 1u << 0,
    PO2_H1_CASE_ADJUST_CLI = 1u << 1, /* h1-case-adjust-bogus-client */
    PO2_H1_CASE_ADJUST_SRV = 1u << 2,
    PO2_HTTP_RESTRICT_REQ_HDR_DEL = 1u << 3,
    PO2_HTTP_RESTRICT_REQ_HDR_REJECT = 1u << 4,
    PO2_HTTP_DROP_REQ_TRAILERS = 1u << 5,
    PO2_HTTP_DROP_RES_TRAILERS = 1u << 6,
    PO2_IDLE_CLOSE_ON_RESPONSE = 1u << 7,
};

/** Connection mode towards clients and servers. */
enum px_http_mode { PX_KEEPALIVE, PX_SERVER_CLOSE, PX_HTTPCLOSE };

enum px_reuse { PX_REUSE_SAFE, PX_REUSE_NEVER, PX_REUSE_AGGRESSIVE, PX_REUSE_ALWAYS };

/** retry-on conditions. */
enum px_retry {
    RETRY_CONN = 1 << 0,
    RETRY_EMPTY = 1 << 1,
    RETRY_JUNK = 1 << 2,
    RETRY_TIMEOUT = 1 << 3,
    RETRY_0RTT = 1 << 4,
    RETRY_401 = 1 << 5,
    RETRY_403 = 1 << 6,
    RETRY_404 = 1 << 7,
    RETRY_408 = 1 << 8,
    RETRY_425 = 1 << 9,
    RETRY_500 = 1 << 10,
    RETRY_501 = 1 << 11,
    RETRY_502 = 1 << 12,
    RETRY_503 = 1 << 13,
    RETRY_504 = 1 << 14,
    RETRY_421 = 1 << 15,
    RETRY_429 = 1 << 16,
};

/** cookie line. */
enum px_cookie {
    CK_REWRITE = 1 << 0,
    CK_INSERT = 1 << 1,
    CK_INDIRECT = 1 << 2,
    CK_NOCACHE = 1 << 3,
    CK_POSTONLY = 1 << 4,
    CK_PRESERVE = 1 << 5,
    CK_PREFIX = 1 << 6,
    CK_HTTPONLY = 1 << 7,
    CK_SECURE = 1 << 8,
    CK_DYNAMIC = 1 << 9,
};

/** forwardfor / originalto. */
struct px_xff {
    bool on, if_none;
    const char *header;
    struct {
        bool set;
        struct addr_net net;
    } except;
};

/** use_backend, use-server, force-persist …: a condition and a target. */
struct px_switch {
    struct list link;
    struct cond *cond; /* NULL: always */
    struct cfg_loc loc;
    const char *name;       /* target as written */
    const char *text;       /* source line of the rule, for explain */
    struct logfmt *dynamic; /* name is a log-format */
    struct proxy *be;       /* resolved */
    struct server *srv;
    struct cond_index
        *run; /* on the first rule of a run of alike conditions: one lookup for all of them */
    struct px_switch **members; /* [run_len] the rules of the run, this one first */
    unsigned run_len;
};

/** Counters of one thread, for the frontend or the backend side. X(name): CSV column's name where
 * there is one. */
#define PX_COUNTERS(X)                                                                             \
    X(stot)                                                                                        \
    X(bin)                                                                                         \
    X(bout)                                                                                        \
    X(dreq)                                                                                        \
    X(dresp)                                                                                       \
    X(ereq)                                                                                        \
    X(econ)                                                                                        \
    X(eresp)                                                                                       \
    X(wretr)                                                                                       \
    X(wredis)                                                                                      \
    X(hrsp_1xx)                                                                                    \
    X(hrsp_2xx)                                                                                    \
    X(hrsp_3xx)                                                                                    \
    X(hrsp_4xx)                                                                                    \
    X(hrsp_5xx)                                                                                    \
    X(hrsp_other)                                                                                  \
    X(req_tot)                                                                                     \
    X(cli_abrt)                                                                                    \
    X(srv_abrt)                                                                                    \
    X(comp_in)                                                                                     \
    X(comp_out)                                                                                    \
    X(comp_byp)                                                                                    \
    X(comp_rsp)                                                                                    \
    X(conn_tot)                                                                                    \
    X(intercepted)                                                                                 \
    X(dcon)                                                                                        \
    X(dses)                                                                                        \
    X(wrew)                                                                                        \
    X(connect)                                                                                     \
    X(reuse)                                                                                       \
    X(eint)                                                                                        \
    X(lbtot)                                                                                       \
    X(sess_other)                                                                                  \
    X(h1sess)                                                                                      \
    X(h2sess)                                                                                      \
    X(h3sess)                                                                                      \
    X(req_other)                                                                                   \
    X(h1req)                                                                                       \
    X(h2req)                                                                                       \
    X(h3req)                                                                                       \
    X(cache_lookups)                                                                               \
    X(cache_hits)                                                                                  \
    X(reqbin)                                                                                      \
    X(reqbout)                                                                                     \
    X(resbin)                                                                                      \
    X(resbout)                                                                                     \
    X(strm_tot)                                                                                    \
    X(strm_end)                                                                                    \
    X(spliced_in)                                                                                  \
    X(spliced_out)                                                                                 \
    X(ssl_sess)                                                                                    \
    X(ssl_reused_sess)                                                                             \
    X(ssl_failed_handshake)                                                                        \
    X(ssl_ocsp_staple)                                                                             \
    X(ssl_failed_ocsp_staple)                                                                      \
    X(cache_hint_hits)

struct px_counters {
#define X(n) uint64_t n;
    PX_COUNTERS(X)
#undef X
    uint64_t q_time, c_time, d_time, t_time; /* sliding sums, as struct srv_counters */
    uint32_t qtime_max, ctime_max, rtime_max, ttime_max;
    char to_line[COUNTERS_PAD(PX_COUNTERS)];
};

struct px_timeouts { /* ms; 0: not set */
    int client, server, connect, queue, check, http_request, http_keep_alive, client_fin,
        server_fin, tunnel, tarpit, client_hs;
};

struct proxy {
    struct list link; /* config->proxies, in order */
    const char *name;
    unsigned cap; /* enum px_cap */
    enum px_mode mode;
    bool mode_written; /* here or in its defaults; else tcp is only the default */
    unsigned id;       /* shown as iid */
    bool id_set;       /* by the keyword `id` */
    struct cfg_loc loc;
    const char *desc, *guid;
    bool disabled;
    _Atomic bool stopped, paused;
    struct proxy *defaults; /* what it was made from; NULL */
    struct config *config;

    unsigned options, no_options; /* enum px_option set, explicitly cleared */
    unsigned options2;
    enum px_http_mode http_mode;
    enum px_reuse reuse;
    struct px_timeouts timeout;

    /* frontend */
    struct list binds;        /* struct bind_conf */
    struct list listeners;    /* struct listener */
    _Atomic unsigned maxconn; /* 0: not set */
    unsigned backlog;
    struct list tcp_conn_rules, tcp_sess_rules; /* struct rule */
    struct list switch_rules;                   /* struct px_switch, use_backend */
    struct list force_switch;                   /* struct px_switch (conditions), force-be-switch */
    const char *default_be_name;
    struct cfg_loc default_be_loc;
    struct proxy *default_be;
    unsigned rate_limit_sessions;
    unsigned max_ses_srv_conns; /* private server connections kept per session */
    struct captures *captures;  /* capture/declare capture */
    const char *monitor_uri;
    struct list monitor_fail; /* struct px_switch (conditions) */
    struct logfmt *unique_id_fmt;
    const char *unique_id_header;
    int grace_ms;

    /* both */
    struct acl_list *acls;
    struct list block_rules, redirect_rules; /* struct rule: before and after http_req_rules */
    struct list tcp_req_rules, tcp_res_rules, http_req_rules, http_res_rules,
        http_after_rules;               /* struct rule */
    int req_inspect_ms, res_inspect_ms; /* 0: none */
    struct px_xff fwdfor, origto;
    struct px_forwarded *forwarded; /* NULL: none */
    struct log_targets log;
    const char *log_tag;
    struct logfmt *logfmt, *logfmt_sd, *logfmt_error;
    /* as written; compiled once the mode is known */
    const char *logfmt_text, *logfmt_sd_text, *logfmt_error_text, *unique_id_text;
    struct cfg_loc logfmt_loc;
    bool defaults_gave_format; /* inherited: no warning when there is no log target */
    unsigned log_steps;        /* 1 << enum log_step; 0: close only */
    const char *logfmt_name;   /* "httplog", ... : which option or directive set it, for warnings */
    struct http_errors *errors[24]; /* error replies by index, see reply.h */
    struct list error_rules;
    struct stick_table *table;
    struct list stick_match, stick_store_req, stick_store_res; /* struct stick_rule */
    struct list filters;                                       /* struct filter_conf */
    void *compression;                                         /* struct comp_conf */
    struct stats_uri *stats;                                   /* stats enable/uri/... */
    unsigned ck_opts;                                          /* enum px_cookie */
    const char *cookie_name, *cookie_domain, *cookie_attrs, *dyncookie_key;
    int cookie_maxidle_s, cookie_maxlife_s;

    /* backend */
    struct list servers; /* struct server */
    unsigned nservers;
    struct server *default_server; /* template for `server` lines */
    struct list default_servers;   /* named templates (3.5) */
    struct lb lb;
    struct lb_queue queue;
    unsigned fullconn, fullconn_sum; /* the latter while the default is computed */
    const struct proxy *fullconn_of; /* frontend that was counted last */
    unsigned retries;                /* default 3 */
    int redispatch_after;            /* retries before a redispatch: 0 never, -1 last, N every N */
    unsigned retry_on;               /* enum px_retry */
    struct list server_rules;        /* struct px_switch, use-server */
    struct list force_persist, ignore_persist;
    struct check_conf *check; /* what `option httpchk`... set; check.h */
    struct source *source;    /* where connections to servers come from; NULL: anywhere */
    int max_ka_queue;         /* -1: no limit */
    const char *send_name_header;
    struct expr *rdp_cookie; /* persist rdp-cookie; NULL: not wanted */
    int hash_preserve_affinity;
    int state_file;              /* load-server-state-from-file: enum state_file */
    const char *state_file_name; /* NULL: the backend's name */
    int clitcpka_cnt, clitcpka_idle_s, clitcpka_intvl_s, srvtcpka_cnt, srvtcpka_idle_s,
        srvtcpka_intvl_s;
    _Atomic bool down_notified; /* "has no server available" was logged */
    _Atomic int64_t last_change_s;
    _Atomic unsigned down_transitions, down_time_s;
    _Atomic bool unpublished;
    bool referenced;         /* the configuration names it: it stays */
    struct proxy *gone_next; /* removed at run time: config->gone */

    /* live */
    _Atomic unsigned fe_conn, fe_conn_max, be_conn, be_conn_max;
    struct freq_shared fe_conn_rate, fe_sess_rate, fe_req_rate,
        be_sess_rate; /* shared, atomic updates */
    _Atomic unsigned fe_conn_rate_max, fe_sess_rate_max, fe_req_rate_max, be_sess_rate_max;
    _Atomic int64_t last_sess_s;
    _Atomic unsigned log_count;                    /* traffic lines, %lc */
    struct px_counters *fe_counters, *be_counters; /* [nthread], or NULL */
    void *ext[8]; /* of later features; index registered in proxy_ext */
};

static inline bool
proxy_has_fe(const struct proxy *px)
{
    return px->cap & PX_FE;
}

static inline bool
proxy_has_be(const struct proxy *px)
{
    return px->cap & PX_BE;
}

/** This thread's counters. */
#define FE_COUNT(px, field, n) count_add(&(px)->fe_counters[loop_tid()].field, (uint64_t)(n))
#define BE_COUNT(px, field, n) count_add(&(px)->be_counters[loop_tid()].field, (uint64_t)(n))
/** With `option socket-stats`. */
#define LI_COUNT(li, field, n)                                                                     \
    ((li)->counters ? count_add(&(li)->counters[loop_tid()].field, (uint64_t)(n)) : (void)0)
#define SRV_COUNT(srv, field, n) count_add(&(srv)->counters[loop_tid()].field, (uint64_t)(n))

/** "frontend", "backend", "proxy" (listen), "defaults": for messages. */
const char *proxy_kind(const struct proxy *px);
/** Finds by name (and capability). NULL when there is none. */
struct proxy *proxy_find(struct config *cf, const char *name, unsigned cap);
struct server *proxy_find_server(const struct proxy *px, const char *name);
/** Usable servers, as LB sees them: be_usable_srv... */
unsigned proxy_usable_servers(const struct proxy *px);

#endif
