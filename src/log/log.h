/* log.h - log lines: targets of the `log` keyword, syslog headers, batched delivery, log profiles
 * and steps. Manual: `log` in 3.1 and 4.2, chapter 8. Knows no proxies: callers hand over text or a
 * compiled format. */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include "config/cfg.h"
#include "config/module.h"
#include "sample/logformat.h"

/* ---- levels ---- */

/** Syslog severities. */
enum log_level {
    LOGL_EMERG,
    LOGL_ALERT,
    LOGL_CRIT,
    LOGL_ERR,
    LOGL_WARNING,
    LOGL_NOTICE,
    LOGL_INFO,
    LOGL_DEBUG,
    LOGL_COUNT,
};

/** "emerg".."debug"; -1 when unknown. */
int log_level_parse(struct slice name);
const char *log_level_name(enum log_level level);

/* ---- where lines go ---- */

struct log_target;
struct log_profile;

/** The log targets of one proxy (or other section that has the `log` keyword). Zero is empty. */
struct log_targets {
    struct log_target *first;
    struct log_target **last; /* where the next one is linked; NULL when empty */
    unsigned maxlen;          /* largest `len` among them */
};

static inline bool
log_enabled(const struct log_targets *l)
{
    return l->first != NULL;
}

/** Who speaks. `tag` empty: the global log-tag. */
struct log_tag_info {
    struct slice tag;
};

/** `log ...` from word `at` (the first after "log"), or `no log` when `negated`.
 *
 * list    receives targets allocated from c->arena
 * global  what `log global` copies (log_global()); NULL in the global section, where it is refused
 * Reports errors, leftover words included. */
enum cfg_rc log_parse(struct cfg *c, unsigned at, struct log_targets *list,
                      const struct log_targets *global, bool negated);
/** Copies the targets of a defaults section. */
void log_inherit(struct log_targets *to, const struct log_targets *from, struct arena *arena);
/** `log-tag <string>`: from word `at` on. */
enum cfg_rc log_tag_parse(struct cfg *c, unsigned at, struct log_tag_info *tag);
/** Targets of the global section. */
const struct log_targets *log_global(void);
/** The system's name, as %H prints it. */
const char *log_hostname(void);

/* ---- saying something ---- */

/** Sends one line to every target that wants `level`.
 *
 * who   may be NULL: the global tag
 * text  the message; control characters are the caller's business, one trailing newline is dropped
 * sd    RFC 5424 structured data, empty for none
 * Copies everything into the thread's batches; never blocks, never fails: what cannot be sent is
 * counted. */
HOT void log_emit(const struct log_targets *targets, const struct log_tag_info *who,
                  enum log_level level, struct slice text, struct slice sd);
/** The same for messages of the process (servers up and down, starts and stops); sent at once. */
void log_printf(const struct log_targets *targets, const struct log_tag_info *who,
                enum log_level level, const char *fmt, ...) PRINTF(4, 5);
/** Lines that could not be delivered since the start ("DroppedLogs"). */
unsigned long log_dropped(void);
/** Sends what the calling thread still holds. Worker loops do so by themselves: a line waits a
 * millisecond at most, unless its reader is slow. */
void log_flush(void);

/* ---- traffic logs: formats, steps, profiles (manual 8.3.5) ---- */

/** When a line is emitted. The first six are automatic, the others are contexts of the do-log
 * action. */
#define LOG_STEPS(X)                                                                               \
    X(ACCEPT, "accept", "txn_accept")                                                              \
    X(REQUEST, "request", "txn_request")                                                           \
    X(CONNECT, "connect", "txn_connect")                                                           \
    X(RESPONSE, "response", "txn_response")                                                        \
    X(CLOSE, "close", "txn_close")                                                                 \
    X(ERROR, "error", "sess_error")                                                                \
    X(QUIC_INIT, "quic-init", "quic-init")                                                         \
    X(TCP_REQ_CONN, "tcp-req-conn", "tcp-req-conn")                                                \
    X(TCP_REQ_SESS, "tcp-req-sess", "tcp-req-sess")                                                \
    X(TCP_REQ_CONT, "tcp-req-cont", "tcp-req-cont")                                                \
    X(TCP_RES_CONT, "tcp-res-cont", "tcp-res-cont")                                                \
    X(HTTP_REQ, "http-req", "http-req")                                                            \
    X(HTTP_RES, "http-res", "http-res")                                                            \
    X(HTTP_AFTER_RES, "http-after-res", "http-after-res")

enum log_step {
#define X(id, name, origin) LOGS_##id,
    LOG_STEPS(X)
#undef X
        LOGS_COUNT,
    LOGS_UNSPEC = LOGS_COUNT, /* outside any step: %OG says "unspec" */
};

/** `log-steps <list>`: word `at`. *mask receives 1 << step for each. Reports leftover words. */
enum cfg_rc log_steps_parse(struct cfg *c, unsigned at, unsigned *mask);

/** Everything needed to write one traffic line. */
struct log_event {
    enum log_step step;
    enum log_level level;
    bool killed;              /* with LOGS_ERROR: %OG is sess_killed */
    const struct logfmt *fmt; /* log-format, or error-log-format for LOGS_ERROR; NULL: `text` */
    const struct logfmt *sd;  /* log-format-sd or NULL */
    struct slice text;        /* when there is no format */
    const struct log_profile *profile; /* of `do-log profile`: replaces the targets' own; or NULL */
    const struct log_tag_info *who;
    struct sample_ctx *ctx;
};
/** Renders once (and once more per profile that overrides the format) and emits. */
HOT void log_event_emit(const struct log_targets *targets, const struct log_event *ev);
/** What %OG prints: the origin of the line that the calling thread is rendering. */
const char *log_origin(void);

/** A log-profile section by name; NULL. Valid after the configuration was read: callers resolve in
 * their check(). */
const struct log_profile *log_profile_find(const char *name);

/** The format strings behind `option tcplog` and its relatives, and the HAPROXY_*_LOG_FMT
 * variables. */
extern const char log_fmt_tcp[], log_fmt_tcp_clf[], log_fmt_http[], log_fmt_http_clf[],
    log_fmt_http_json[], log_fmt_https[];
extern const char log_fmt_keylog_fc[], log_fmt_keylog_bc[];
/** Pairs of variable name and value; ends with a NULL name. */
struct log_fmt_variable {
    const char *name, *value;
};
extern const struct log_fmt_variable log_fmt_variables[];

/** Rows of the global section (log, no log, log-tag, log-send-hostname), the log-profile section,
 * and the hooks: descriptors of stdout and friends are prepared in start(), before privileges are
 * dropped. */
extern const struct module log_module;

#endif
