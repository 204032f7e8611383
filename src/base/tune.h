/* tune.h - limits and tunables of the process (global section, tune.*): written while the
 * configuration is read, constant once threads run. */
#ifndef BASE_TUNE_H
#define BASE_TUNE_H

#include "base/base.h"

struct tune {
    unsigned bufsize;        /* bytes of a buffer, bounds a message head (tune.bufsize) */
    unsigned maxrewrite;     /* bytes kept free for edits of a head (tune.maxrewrite) */
    unsigned http_maxhdr;    /* headers in a head */
    unsigned http_logurilen; /* bytes of the request line kept for logs */
    unsigned http_cookielen; /* bytes of a captured cookie */
    unsigned nbthread;       /* worker threads */
    unsigned nbproc;         /* legacy: multiplies nbthread */
    unsigned maxaccept;      /* connections accepted per event */
    unsigned maxpollevents;
    unsigned pipesize;       /* bytes; 0: the system's */
    unsigned maxpipes;       /* 0: derived from maxconn */
    unsigned stick_counters; /* tracked counters of a stream */
    unsigned sndbuf_client, rcvbuf_client, sndbuf_server, rcvbuf_server; /* 0: the system's */
    unsigned pool_high_fd_ratio, pool_low_fd_ratio;                      /* percent; 0: no limit */
    unsigned max_checks_per_thread;
    unsigned vars_global_max, vars_proc_max, vars_sess_max, vars_txn_max, vars_reqres_max,
        vars_check_max;                                  /* bytes; 0: unlimited */
    unsigned notsent_lowat_client, notsent_lowat_server; /* 0: the system's */
    bool splice;                                         /* false: nosplice */
    bool reuseport;                                      /* false: noreuseport */
    bool getaddrinfo;                                    /* false: nogetaddrinfo */
    bool fast_forward;
    unsigned spread_checks; /* percent */
    int max_spread_checks_ms;
    unsigned maxconn; /* process-wide, 0 until computed */
    unsigned fd_limit,
        maxsock;          /* the descriptor limit in force, the sockets counted on ("Maxsock") */
    unsigned maxconn_cfg; /* as configured, 0: automatic */
    unsigned maxconnrate, maxsessrate, maxsslconn, maxsslrate;
    unsigned maxcomprate;
    const char *node, *description, *hostname;
    const char *localpeer;
    bool insecure_fork, insecure_setuid;
    bool keep_insecure_te;             /* h1-do-not-close-on-insecure-transfer-encoding */
    bool any_payload;                  /* h1-accept-payload-with-any-method */
    uint32_t anon_key;                 /* anonkey, set anon global-key; 0: none */
    bool external_check, external_env; /* checks by programs; with our whole environment */
    bool reject_privileged_ports;      /* of clients */
    bool pp2_never_local;
    unsigned cli_max_payload;   /* bytes */
    unsigned thread_hard_limit; /* 0: none */
    bool experimental;
    unsigned mworker_max_reloads;
    unsigned thread_groups;     /* as configured; 0: one */
    bool no_max_counters;       /* stats calculate-max-counters off */
    bool ignore_resolve_errors; /* -dr */
    bool no_server_verify;      /* -dV: as ssl-server-verify none */
    bool quick_exit;            /* memory is left to the kernel at the end */
    bool offline; /* explain, tests: no client, server or other machine is talked to; no checks */
};

extern struct tune tune;

/** HAProxy's defaults. */
void tune_defaults(void);

#endif
