/* check.h - health checks and agent checks: configuration, results, scheduling. */
#ifndef SERVER_CHECK_H
#define SERVER_CHECK_H

#include "base/out.h"
#include "config/module.h"
#include "net/conn.h"
#include "sample/vars.h"
#include "server/server.h"

struct check_rule;
struct check_run;

/** What a status says about the server. Numbers: srv_check_result of `show servers state`. */
enum check_result {
    CHKR_UNKNOWN = 0,
    CHKR_NEUTRAL = 1,
    CHKR_FAILED = 2,
    CHKR_PASSED = 3,
    CHKR_CONDPASS = 4
};

/** Statuses in the order of HAProxy's numbers (srv_check_status). X(id, result, code, text). */
#define CHECK_STATUSES(X)                                                                          \
    X(UNKNOWN, CHKR_UNKNOWN, "UNK", "Unknown")                                                     \
    X(INI, CHKR_UNKNOWN, "INI", "Initializing")                                                    \
    X(START, CHKR_UNKNOWN, "", "")                                                                 \
    X(CHECKED, CHKR_NEUTRAL, "CHECKED", "No status change")                                        \
    X(HANA, CHKR_FAILED, "HANA", "Health analyze")                                                 \
    X(SOCKERR, CHKR_FAILED, "SOCKERR", "Socket error")                                             \
    X(L4OK, CHKR_PASSED, "L4OK", "Layer4 check passed")                                            \
    X(L4TOUT, CHKR_FAILED, "L4TOUT", "Layer4 timeout")                                             \
    X(L4CON, CHKR_FAILED, "L4CON", "Layer4 connection problem")                                    \
    X(L6OK, CHKR_PASSED, "L6OK", "Layer6 check passed")                                            \
    X(L6TOUT, CHKR_FAILED, "L6TOUT", "Layer6 timeout")                                             \
    X(L6RSP, CHKR_FAILED, "L6RSP", "Layer6 invalid response")                                      \
    X(L7TOUT, CHKR_FAILED, "L7TOUT", "Layer7 timeout")                                             \
    X(L7RSP, CHKR_FAILED, "L7RSP", "Layer7 invalid response")                                      \
    X(L57DATA, CHKR_FAILED, "", "")                                                                \
    X(L7OK, CHKR_PASSED, "L7OK", "Layer7 check passed")                                            \
    X(L7OKC, CHKR_CONDPASS, "L7OKC", "Layer7 check conditionally passed")                          \
    X(L7STS, CHKR_FAILED, "L7STS", "Layer7 wrong status")                                          \
    X(PROCERR, CHKR_FAILED, "PROCERR", "External check error")                                     \
    X(PROCTOUT, CHKR_FAILED, "PROCTOUT", "External check timeout")                                 \
    X(PROCOK, CHKR_PASSED, "PROCOK", "External check passed")

enum check_status {
#define X(id, result, code, text) CHK_##id,
    CHECK_STATUSES(X)
#undef X
        CHK_STATUSES
};

/** What a status counts as. */
enum check_result check_status_result(enum check_status st);
/** "L4OK" … as in column check_status. */
const char *check_status_code(enum check_status st);
/** "Layer4 check passed" … as in column check_desc. */
const char *check_status_text(enum check_status st);
/** True for statuses with a response code of the protocol (column check_code). */
bool check_status_has_code(enum check_status st);
/** The status called `name` (ok-status, error-status, tout-status); CHK_UNKNOWN. */
enum check_status check_status_find(const char *name);

/** Numbers: srv_check_state, srv_agent_state of `show servers state`. */
enum check_flag {
    CHKF_CONFIGURED = 1 << 1, /* the configuration asks for it */
    CHKF_ENABLED = 1 << 2,    /* cleared by disable health, disable agent */
    CHKF_AGENT = 1 << 4,
    CHKF_IN_PROGRESS = 1 << 0,
};

enum check_tls { CHKT_AUTO, CHKT_ON, CHKT_OFF };

#define CHECK_DESC_MAX 256

/** One periodic check of one server. Results are written by the thread that runs it, under `lock`
 * as far as others read them. Configuration is constant once threads run, but for addresses and the
 * agent's string (CLI, under `lock`). */
struct check {
    struct server *srv;
    _Atomic unsigned flags; /* enum check_flag */

    /* configuration */
    const struct check_conf *conf;            /* what to do; NULL: connect */
    int inter_ms, fastinter_ms, downinter_ms; /* 0: as inter */
    unsigned rise, fall;
    struct addr addr; /* kind ADDR_NONE: the server's */
    unsigned port;    /* 0: the server's */
    int timeout_ms;   /* legacy `timeout` of a server line; 0: none */
    bool send_proxy, via_socks4, reuse_pool;
    enum check_tls tls; /* check-ssl, no-check-ssl */
    bool sni_off;       /* no-check-sni-auto */
    const char *sni, *alpn, *proto, *pool_conn_name;
    const char *agent_send_cfg;
    char *agent_send; /* heap, under lock; NULL: agent_send_cfg */

    /* result */
    pthread_mutex_t lock;    /* leaf */
    _Atomic unsigned health; /* 0..rise-1 down, rise..rise+fall-1 up */
    enum check_status status, prev_status;
    int code;                  /* -1: none */
    long duration_ms;          /* -1: none yet */
    char desc[CHECK_DESC_MAX]; /* column last_chk */
    unsigned failed;           /* column chkfail */
    bool use_tls;              /* resolved: check-ssl, or the server's ssl without port/addr */

    /* scheduling; by the thread that runs it */
    struct loop *_Atomic loop; /* NULL: given to no thread */
    struct timer timer;        /* next start, or end of a step */
    struct task task;
    struct letter wake; /* from other threads: run soon */
    _Atomic bool wake_posted;
    int64_t start_ms;
    struct check_run *run; /* NULL: idle */
    struct list wait_link; /* waits for its turn (tune.max-checks-per-thread) */
    struct check *next;    /* of all registered checks */
    struct vars vars;      /* scope check */
    struct vars sess_vars; /* scope sess of checks */
};

/** True when the check is configured and not switched off. */
static inline bool
check_is_on(const struct check *ck)
{
    return (atomic_load_explicit(&ck->flags, memory_order_relaxed) &
            (CHKF_CONFIGURED | CHKF_ENABLED)) == (CHKF_CONFIGURED | CHKF_ENABLED);
}

static inline bool
check_is_up(const struct check *ck)
{
    return atomic_load_explicit(&ck->health, memory_order_relaxed) >= ck->rise;
}

/** Health check or agent check configured and on. */
static inline bool
server_has_check(const struct server *s)
{
    return check_is_on(s->check);
}

/** A check of the server with HAProxy's defaults; `agent` makes it an agent check. In the
 * configuration's arena. */
struct check *check_new(struct cfg *c, struct server *s, bool agent);

/** A consistent copy of what the statistics show. */
struct check_view {
    enum check_status status;
    int code;
    long duration_ms;
    unsigned health, rise, fall, failed;
    bool in_progress;
    char desc[CHECK_DESC_MAX];
};
void check_view(struct check *ck, struct check_view *out);

/** Accounts a finished check and draws the consequences. Any thread. `desc` may be NULL. */
void check_report(struct check *ck, enum check_status st, int code, const char *desc);
/** Health as `set server health`, `agent` force it: fully up or down. */
void check_force(struct check *ck, bool up);
/** Writes what is appended to state changes: `, reason: Layer4 check passed, check duration: 0ms`.
 */
void check_reason(struct check *ck, char *to, size_t size);

/* ---- process ---- */

/** Connects the parts; once at start-up. */
void check_install(void);
/** After parsing: completes a server's checks (ports, rules, agent) and registers them. Reports
 * errors. */
enum cfg_rc check_resolve(struct cfg *c, struct server *s);
/** On each worker thread: starts its share of the checks. `n` threads in all. */
void check_thread_start(unsigned tid, unsigned n);
void check_thread_stop(void);
/** Stops a check if it runs on the calling thread: its server is being removed. */
void check_stop(struct check *ck);
/** Takes a stopped check out of the register. */
void check_forget(struct check *ck);
/** A check (resolved before) of a server that was added at run time, any thread: runs on thread 0.
 */
void check_start(struct check *ck);
/** Runs it soon (any thread): after fastinter at the latest. */
void check_run_now(struct check *ck);
/** Forgets all registered checks: before another configuration is read. */
void check_forget_all(void);

/** Warns about rules of a proxy (`kind` as proxy_kind() says) that its options make useless. */
void check_conf_warn(struct cfg *c, const struct check_conf *conf, const char *kind,
                     const char *name);
/** True when some connection of the check uses TLS; after check_resolve(). */
bool check_wants_tls(const struct check *ck);
/** Puts TLS on a fresh connection of a check; set by what brings TLS. False: not possible. `sni`,
 * `alpn` may be NULL. `guessed`: the name is the request's Host, nobody configured it. */
extern bool (*check_tls_connect)(struct check *ck, struct conn *c, const char *sni, bool guessed,
                                 const char *alpn);

/* ---- for sample fetches in check rules: `check` is sample_ctx.check ---- */

/** The decoded body so far; *complete tells whether that is all. p NULL: no response yet. */
struct slice check_body(void *check, bool *complete);
struct server *check_server(void *check);
/** Variables of scopes check and sess (which is the check's own); NULL: other scopes. */
struct vars *check_vars(void *check, enum var_scope scope);

/** Rows: option httpchk and its relatives, tcp-check, http-check, external-check; section
 * healthcheck. */
extern const struct keyword check_keywords[];
extern const struct section check_sections[];

#endif
