/* hooks.h - what server/ needs of the layers above it: backends, their load balancing, the process.
 */
#ifndef SERVER_HOOKS_H
#define SERVER_HOOKS_H

#include "base/list.h"

struct cfg;
struct check_conf;
struct proxy;
struct server;

/** A backend as server/ sees it. */
struct server_px {
    const char *name;
    bool http; /* mode http */
    bool has_be, is_defaults, is_peers, disabled;
    bool log_health_checks; /* option log-health-checks */
    struct list *servers;
    unsigned *nservers;
    struct server **default_server;
    struct list *default_servers;             /* named templates */
    struct check_conf **check;                /* NULL: plain connects */
    struct source *source;                    /* of its servers by default; NULL */
    int timeout_check_ms, timeout_connect_ms; /* 0: not set */
};

/** Backend callbacks that server/ needs from above; set once by proxy/ (keeps layers apart). NULL
 * members are skipped. */
struct server_hooks {
    /** Kills the streams that use the server (on-marked-down shutdown-sessions, shutdown sessions
     * server). */
    void (*shutdown_streams)(struct server *s, int why);
    /** Kills the streams that use backup servers (on-marked-up shutdown-backup-sessions). */
    void (*shutdown_backup_streams)(struct proxy *px);
    /** Emits a log message to the backend's log targets; level as enum log_level. */
    void (*log)(struct proxy *px, int level, const char *text);
    const char *(*proxy_name)(const struct proxy *px);
    /** Fills *out. Never NULL. */
    void (*view)(struct proxy *px, struct server_px *out);
    /** A backend by name, while reading the configuration (track, from); NULL. */
    struct proxy *(*find_backend)(struct cfg *c, const char *name);
    /** Called after any state or weight change, with the backend's lb lock held. */
    void (*changed)(struct server *s);
    /** The backend lost its last usable server, or got one again (down time, emergency log). lb
     * lock held. */
    void (*backend_state)(struct proxy *px, bool up);
    /** Idle connections must be closed: maintenance, address change. */
    void (*close_idle)(struct server *s);
    /** Every thread should close an idle connection: strict-maxconn leaves no room for another. */
    void (*close_one_idle)(struct server *s);
    /** Settings were copied to `to` from a template or another server: features with objects behind
     * `tls` or `ext` make their own copies. */
    void (*inherit)(struct cfg *c, struct server *to);
    /** The address that a server had when its state was saved (init-addr last); NULL: unknown. */
    const char *(*last_addr)(const struct server *s);
    /** True once the process is stopping: no more checks. */
    bool (*stopping)(void);
};
extern struct server_hooks server_hooks;

/** Load balancing as server/ sees it; set by lb_install(). NULL members are skipped. */
struct server_lb {
    void (*lock)(struct proxy *px);
    void (*unlock)(struct proxy *px);
    /** State or weight changed (lock held). */
    void (*update)(struct server *s);
    /** Usable active and backup servers. */
    void (*totals)(struct proxy *px, unsigned *active, unsigned *backup);
    /** Whether weights may be changed at run time. */
    bool (*is_dynamic)(struct proxy *px);
    /** Sum of the usable servers' weights as shown, and the backend's present streams. */
    void (*load)(struct proxy *px, unsigned *weight, unsigned *conn);
    /** Moves who waits for the server elsewhere; returns how many. Without the lock. */
    unsigned (*redistribute)(struct server *s);
    /** Lets waiting streams have the server; returns how many. Without the lock. */
    unsigned (*grab)(struct server *s);
};
extern struct server_lb server_lb;

#endif
