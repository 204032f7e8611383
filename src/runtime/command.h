/* command.h - the runtime API: one row per command (management manual 9.3). */
#ifndef RUNTIME_COMMAND_H
#define RUNTIME_COMMAND_H

#include "base/out.h"
#include "config/cfg.h"
#include "loop/loop.h"
#include "proxy/cli_level.h"
#include "proxy/config.h"

struct cli;
struct command;

/** What a command did. */
enum cli_rc {
    CLI_DONE, /* the answer is in cli->out */
    CLI_WAIT, /* not finished: cli->more() continues it, or cli_finish() ends it later, on the CLI's
                 thread */
};

typedef enum cli_rc (*command_fn)(struct cli *c, const struct command *cmd);

enum command_flag {
    CMDF_EXPERIMENTAL = 1 << 0, /* needs experimental-mode on */
    CMDF_EXPERT = 1 << 1,
    CMDF_HIDDEN = 1 << 2,  /* not in help */
    CMDF_BUILTIN = 1 << 3, /* listed last, and with every list of suggestions */
};

struct command {
    const char *name;  /* one to four words: "show servers state" */
    const char *usage; /* with arguments, as help prints it */
    const char *help;
    int level; /* lowest CLI_LEVEL_* that may run it */
    command_fn run;
    unsigned flags;
    void *private;
};

#define CLI_ARGS_MAX 64

/** One connection to the runtime API. Commands use the members up to `private`. */
struct cli {
    const char *arg[CLI_ARGS_MAX]; /* words of the command, its name included; "" past the end */
    unsigned nargs;
    struct slice payload; /* what followed "<<"; p NULL without */
    struct text out;      /* the answer */
    int level;            /* CLI_LEVEL_* */
    int severity;         /* 0 none, 1 number, 2 string */
    bool prompt, interactive, timed, experimental, expert;
    bool exposes_fds;  /* the socket's line says `expose-fd listeners` */
    uint32_t anon_key; /* of a session that hides names (set anon); 0: shows them */
    int timeout_ms;
    void *state; /* of a command that waits */
    /** Of a command with a long answer: called whenever the client has read most of it, until it
     * returns CLI_DONE. */
    enum cli_rc (*more)(struct cli *c);
    void (*cancel)(
        struct cli *c); /* releases state when the connection ends while the command waits */
    bool close;         /* the connection ends after this answer */
};

/** Severities of messages (syslog numbers). */
enum cli_severity {
    CLI_EMERG,
    CLI_ALERT,
    CLI_CRIT,
    CLI_ERR,
    CLI_WARNING,
    CLI_NOTICE,
    CLI_INFO,
    CLI_DEBUG
};

/** A message as HAProxy answers: severity prefix if wanted, the text, a line feed. Returns
 * CLI_DONE. */
enum cli_rc cli_msg(struct cli *c, enum cli_severity sev, const char *fmt, ...) PRINTF(3, 4);
#define cli_err(c, ...) cli_msg((c), CLI_ERR, __VA_ARGS__)
/** The same without the line feed, as HAProxy does for some messages: the empty line that ends
 * every answer ends it. */
enum cli_rc cli_msg_raw(struct cli *c, enum cli_severity sev, const char *fmt, ...) PRINTF(3, 4);
/** A text that the caller allocated (NULL: nothing): answered as an error and freed. */
enum cli_rc cli_err_free(struct cli *c, char *text);
/** For rows of features that are not there yet. */
enum cli_rc cmd_unsupported(struct cli *c, const struct command *cmd);
/** Words `from`.. joined by single spaces, in the connection's memory until the command ends; ""
 * when there are none. */
const char *cli_rest(struct cli *c, unsigned from);
/** Starts a timer that calls fn(c) on the CLI's thread while a command waits; 0 ms: stops it. */
void cli_timer(struct cli *c, int ms, void (*fn)(struct cli *c));
/** A waiting command is finished: its answer is in c->out. */
void cli_finish(struct cli *c);

/** Runs fn(text, arg) on every worker thread, one after the other, and appends what each wrote to
 * c->out; then calls done(c) (may be NULL) and finishes the command. Returns CLI_WAIT. `arg` must
 * outlive that. */
enum cli_rc cli_on_threads(struct cli *c, void (*fn)(struct text *out, void *arg), void *arg,
                           void (*done)(struct cli *c));
/** The same with an `arg` from malloc(): freed at the end, done(c, arg) (may be NULL) before that.
 */
enum cli_rc cli_on_threads_own(struct cli *c, void (*fn)(struct text *out, void *arg), void *arg,
                               void (*done)(struct cli *c, void *arg));
/** Takes the connection's socket away from it, which ends without an answer. */
int cli_take_socket(struct cli *c);
/** Runs fn(arg) once while no other worker thread does anything: it may change what they read
 * without locks. Then done(c, arg, ran) on the CLI's thread, `c` NULL when the connection is gone,
 * `ran` false when the threads did not come together (the process is about to end), and the command
 * is finished. `arg` is from malloc() and freed at the end. fn runs on any thread. Returns
 * CLI_WAIT. */
enum cli_rc cli_alone(struct cli *c, void (*fn)(void *arg), void *arg,
                      void (*done)(struct cli *c, void *arg, bool ran));
/** Calls fn for every connection of the runtime API on the calling thread. */
struct conn;
void cli_each(void (*fn)(const struct cli *c, struct conn *conn, void *arg), void *arg);

/** Finds the server "backend/server" of word `i`, or answers the error and returns NULL. */
struct server *cli_server(struct cli *c, unsigned i);
/** The frontend called word `i`; else answers the error and returns NULL. */
struct proxy *cli_frontend(struct cli *c, unsigned i);
struct proxy *cli_backend(struct cli *c, unsigned i);

#endif
