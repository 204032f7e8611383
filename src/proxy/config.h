/* config.h - one configuration generation: what the reader produced and the process runs. */
#ifndef PROXY_CONFIG_H
#define PROXY_CONFIG_H

#include "base/htab.h"
#include "proxy/proxy.h"

/** A set of HTTP status codes. */
#define STATUS_SET_MIN 100
#define STATUS_SET_MAX 599
struct status_set {
    uint64_t bits[(STATUS_SET_MAX - STATUS_SET_MIN) / 64 + 1];
};

static inline bool
status_set_has(const struct status_set *s, unsigned code)
{
    unsigned i = code - STATUS_SET_MIN;

    return i <= STATUS_SET_MAX - STATUS_SET_MIN && s->bits[i / 64] >> i % 64 & 1;
}

static inline void
status_set_put(struct status_set *s, unsigned code, bool on)
{
    unsigned i = code - STATUS_SET_MIN;

    if (on)
        s->bits[i / 64] |= 1ull << i % 64;
    else
        s->bits[i / 64] &= ~(1ull << i % 64);
}

/** default-path: where relative names of files start. */
enum path_mode { PATH_CURRENT, PATH_CONFIG, PATH_PARENT, PATH_ORIGIN };

struct config {
    struct arena arena;
    struct list proxies; /* struct proxy: frontends, backends, listens */
    struct proxy *gone;  /* backends removed at run time: readers may still stand on them */
    struct htab by_name; /* name → struct proxy (same-name pairs are refused since 3.3) */
    struct list defaults;
    struct proxy *last_defaults; /* the anonymous one that following sections use */
    unsigned nproxies, next_id;

    /* global section */
    struct log_targets log;
    const char *log_tag;
    bool daemon, quiet;
    const char *chroot, *pidfile, *user, *group;
    int uid, gid; /* -1: not set */
    bool uid_set;
    unsigned ulimit_n, fd_hard_limit;
    bool strict_limits, strict_limits_written;
    int hard_stop_after_ms, grace_ms;
    int close_spread_ms;       /* 0: not set, -1: infinite */
    struct list stats_sockets; /* struct bind_conf of the runtime API, in proxy `GLOBAL` */
    struct proxy *cli;         /* the internal frontend of the runtime API */
    int stats_timeout_ms;
    unsigned stats_maxconn;
    const char *server_state_base, *server_state_file;
    const char *unix_bind_prefix;
    unsigned unix_bind_mode;
    int unix_bind_uid, unix_bind_gid; /* -1: unset */
    struct list userlists;            /* struct userlist */
    struct list http_errors;          /* struct http_errors_section */
    struct list errorfiles;           /* uses of http-errors sections, to be resolved */
    struct list reply_uses;           /* the same, of replies */
    struct list tables;               /* struct stick_table, all of them */
    struct list cpu_maps;             /* struct cpu_map */
    struct h1_case_map *case_map;
    bool set_dumpable, zero_warning;
    unsigned keep_caps; /* setcap: 1 << CAP_... */
    enum path_mode path_mode;
    const char *path_origin;
    int start_dir; /* descriptor of the directory that the process was started in */
    struct status_set http_err_codes, http_fail_codes;
    int nice_before, nice_runtime; /* priorities, with nice_set and nice_runtime_set */
    bool nice_set, nice_runtime_set;
    struct list ext; /* of later features */

    /* live */
    _Atomic unsigned conn, conn_max;
    struct freq_shared conn_rate, sess_rate, ssl_rate;
    _Atomic unsigned conn_rate_max, sess_rate_max, ssl_rate_max;
    _Atomic uint64_t cum_conn, cum_ssl;
    struct freq_shared ssl_keys[2]; /* full TLS handshakes: of clients, towards servers */
    _Atomic unsigned ssl_keys_max[2];
    int64_t start_wall_us;
    unsigned nthread;
    struct loop **loops;         /* [nthread] */
    _Atomic int stop_announced;  /* `stopping` for rules and statistics: also while `grace` lasts */
    _Atomic int stopping;        /* no new clients */
    int64_t close_spread_end_ms; /* idle connections are closed by then; set before stopping */
};

/** The running configuration (one per worker process). */
extern struct config *config;

/** Whether the process stops and has no use for idle connections; with close-spread-time they go
 * one after the other until the time is over, or when their timeouts say so. */
static inline bool
config_closes_idle(void)
{
    if (likely(!atomic_load_explicit(&config->stopping, memory_order_acquire)))
        return false;
    return !config->close_spread_ms ||
           (config->close_spread_ms > 0 && loop_now_ms() >= config->close_spread_end_ms);
}

void config_init(struct config *cf);
void config_fini(struct config *cf);

#endif
