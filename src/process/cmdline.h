/* cmdline.h - HAProxy's command line (management manual 3). */
#ifndef PROCESS_CMDLINE_H
#define PROCESS_CMDLINE_H

#include "base/out.h"

#define CMDLINE_FILES_MAX 1024
#define CMDLINE_PIDS_MAX  256

/** -v, -vq, -vqs, -vqb */
enum version_form { VERSION_LONG = 1, VERSION_FULL, VERSION_SHORT, VERSION_BRANCH };

struct cmdline {
    const char *files[CMDLINE_FILES_MAX]; /* files and directories, in order */
    unsigned nfiles;
    bool check, check_cond, daemon, debug, no_daemon, quiet, verbose, diag, warn_fatal, json;
    bool build_info, help;
    bool master, systemd;
    bool no_splice, no_reuseport, no_getaddrinfo, no_epoll, ignore_resolve_errors, no_server_verify,
        dump_libs, insecure_fork, say_cpus, dump_config, dump_config_lines;
    uint32_t dump_config_key;             /* -dC: 0: names are shown */
    bool ignored;                         /* what has nothing to switch off here */
    enum version_form version;            /* 0: not asked for */
    const char *cond;                     /* -cc */
    const char *chdir;                    /* -C */
    const char *pidfile;                  /* -p */
    const char *localpeer;                /* -L */
    const char *old_sockets;              /* -x */
    const char *master_socket;            /* -S */
    const char *dump_keywords;            /* -dK classes */
    unsigned maxconn, px_maxconn, mem_mb; /* -n -N -m; 0: not given */
    int old_pids[CMDLINE_PIDS_MAX];
    unsigned nold_pids;
    int old_signal; /* SIGUSR1 (-sf) or SIGTERM (-st) */
};

/** Parses the arguments. False after printing what is wrong (to stderr). */
bool cmdline_parse(struct cmdline *o, int argc, char **argv);
void cmdline_usage(const char *name);

#endif
