/* stream_int.h - what the files of the stream share. */
#ifndef PROXY_STREAM_INT_H
#define PROXY_STREAM_INT_H

#include "config/tune.h"
#include "proxy/config.h"
#include "proxy/stream.h"

/* ---- steps: one function per row of STREAM_STEPS ---- */
#define X(n, t) enum step_rc stream_step_##n(struct stream *s);
STREAM_STEPS(X)
#undef X

/** Counts for the frontend and, with `option socket-stats`, for the listener. */
#define SFE_COUNT(s, field, n)                                                                     \
    do {                                                                                           \
        FE_COUNT((s)->fe, field, n);                                                               \
        LI_COUNT((s)->sess->li, field, n);                                                         \
    } while (0)

/* ---- stream.c ---- */

/** What a message head may hold, by `option accept-unsafe-violations-in-http-*`; set by
 * streams_start(). */
extern struct h1_limits stream_limits, stream_limits_relaxed;
/** Before threads start: constants that follow from tunables. */
void streams_start(void);

static inline enum step_rc
step_goto(struct stream *s, enum stream_step to)
{
    s->step = to;
    return STEP_GOTO;
}

/** Fields that rules and the proxy itself can add to a head that came with as many as are allowed.
 */
#define HDR_SPARE 32u

/** Room for fields in a head of a stream. */
static inline unsigned
stream_hdr_room(void)
{
    return tune.http_maxhdr + HDR_SPARE;
}

/** Waits until `at_ms` at most; 0: as long as it takes. */
void stream_arm(struct stream *s, int64_t at_ms);
/** `ms` from `since_ms`, or 0 when ms is 0 (no timeout). */
static inline int64_t
deadline(int64_t since_ms, int ms)
{
    return ms > 0 ? since_ms + ms : 0;
}
static inline int64_t
sooner(int64_t a, int64_t b)
{
    return a && (!b || a < b) ? a : b;
}
/** True once the current wait is over by time. */
static inline bool
stream_expired(const struct stream *s)
{
    return s->deadline_ms && s->deadline_ms <= loop_now_ms();
}
/** Event callbacks of the two connections. */
void stream_on_cli_event(struct conn *c);
void stream_on_srv_event(struct conn *c);
/** The timeouts in force. */
int stream_timeout_client(const struct stream *s);
int stream_timeout_server(const struct stream *s);

/* ---- stream_io.c: bytes in and out ---- */

enum pump_rc {
    PUMP_BLOCKED, /* waits for the source or the sink */
    PUMP_DONE,    /* the message went out completely */
    PUMP_BAD_IN,  /* malformed, or ended too early (source closed) */
    PUMP_ERR_IN,  /* the source broke */
    PUMP_ERR_OUT, /* the sink broke */
};

/** A head came in: its body follows. False when memory is out. */
MUST_CHECK bool chan_body_begin(struct stream *s, struct chan *ch, enum h1_framing framing,
                                uint64_t clen);
/** Forwards what can be forwarded now. */
HOT enum pump_rc chan_pump(struct stream *s, struct chan *ch, struct conn *src, struct conn *dst);
/** Sends `n` slices; what the socket does not take is kept in ch->tx. False when memory is out or
 * the sink broke. */
MUST_CHECK bool chan_write(struct chan *ch, struct conn *dst, struct iovec *iov, unsigned n,
                           bool more);
/** True when nothing is held back. */
bool chan_flush(struct chan *ch, struct conn *dst);
/** The head, followed by what is there of the body, in one send. */
enum pump_rc chan_open(struct stream *s, struct chan *ch, struct conn *src, struct conn *dst,
                       struct slice head);
void chan_release(struct chan *ch);
/** Decodes what is there of a body, in the source's buffer. False: its framing is broken. */
bool chan_decode(struct chan *ch, struct conn *src);
/** Reads more of the body into the source's buffer and decodes it there, for rules that look at
 * bodies. True when something changed. */
bool chan_buffer_body(struct stream *s, struct chan *ch, struct conn *src, uint32_t pin);

/* ---- stream_http.c: connection management of heads ---- */

/** Makes `len` the only content-length. */
MUST_CHECK bool http_set_length(struct http_head *h, uint64_t len);
/** Makes the request head ready for the server: hop-by-hop headers, forwarded-for, connection mode.
 */
bool http_prepare_request(struct stream *s);
/** Makes the response head ready for the client and decides who keeps its connection. */
bool http_prepare_response(struct stream *s);
/** Writes the Connection header that tells the client whether we go on. */
bool http_connection_header(struct stream *s, bool keep);
/** The same for a reply of our own. */
bool http_reply_connection(struct stream *s, bool keep);
/** Takes a "Connection: close" that rules have set out of the response (a server's own is not in it
 * any more): the connection is to be closed as if the client had asked for it. */
bool http_rules_close(struct stream *s);
/** Whether the client wants to go on after this exchange. */
bool http_client_keeps(const struct stream *s);
/** Formats a head into the thread's scratch. p NULL when it does not fit. */
struct slice http_format_head(struct stream *s, const struct http_head *h, bool response);

/* ---- stream_request.c ---- */
/** "100 Continue" to a client that waits for it; once. False when the client's connection broke. */
bool stream_send_continue(struct stream *s);

/* ---- stream_response.c ---- */
/** Reads and drops the rest of a request that was answered early. STEP_WAIT: more will come. */
enum step_rc stream_drain_request(struct stream *s);

/* ---- stream_connect.c ---- */
/** Where the chosen server is connected to. False when it has no address. */
bool stream_server_address(struct stream *s, struct addr *to);
/** What a connection must have in common with the request to serve it. */
uint64_t stream_reuse_hash(struct stream *s);
/** A new connection to the chosen server, counted as in use. NULL with *err (errno) set. */
struct conn *stream_open_connection(struct stream *s, int *err);
/** Private server connections that wait with a session for its next request: takes one that fits
 * the chosen server (NULL: none), keeps one (false: there are enough), closes all. */
struct conn *session_take_conn(struct session *sess, const struct server *srv, uint64_t hash);
bool session_keep_conn(struct session *sess, struct conn *c);
void session_drop_conns(struct session *sess);

/* ---- stream_server.c ---- */
/** Lets go of the server connection: to the pool, or closed. */
void stream_release_back(struct stream *s);
/** Lets go of the server's slot and queue position. */
void stream_release_server(struct stream *s);
/** A server connection failed before any response byte: retry, redispatch, or give up. */
enum step_rc stream_connect_failed(struct stream *s, bool timeout);
/** Whether the request may be sent again; prepares it. `why`: enum px_retry. */
bool stream_retry_request(struct stream *s, unsigned why);

/* ---- stream_pp.c ---- */
/** Queues the PROXY header of a fresh server connection: it leaves with the first bytes. False: out
 * of memory or room. */
bool stream_put_proxy_header(struct stream *s);

/* ---- stream_rules.c ---- */
/** Runs one rule set of one proxy with resume; maps the result. STEP_NEXT: go on. */
enum step_rc stream_run_rules(struct stream *s, const struct list *rules, struct proxy *px,
                              enum rule_set set, int inspect_ms);
/** Captures of the frontend. */
void stream_capture_request(struct stream *s);
void stream_capture_cookie(struct stream *s);
void stream_capture_response(struct stream *s);

/* ---- stream_cookie.c ---- */
void stream_cookie_request(struct stream *s);
/** `persist rdp-cookie`: the server that the cookie names. */
void stream_rdp_cookie(struct stream *s);
bool stream_cookie_response(struct stream *s);

/* ---- stream_stats.c ---- */
void stream_count_response(struct stream *s);
/** Counts the server's status for what is tracked, once: before the rules of responses run. */
void stream_count_server_status(struct stream *s);
void stream_count_end(struct stream *s);
/** `option contstats`: adds what the streams of the calling thread have moved so far, every few
 * seconds from now on. */
void stream_contstats_start(struct config *cf);
void stream_contstats_stop(void);

/* ---- stream_request.c ---- */
/** Waits until the whole request body is in the buffer, or as much as fits. STEP_GOTO: an error
 * reply was prepared. */
enum step_rc stream_wait_body(struct stream *s);

/** Hooks of higher layers, set once at start; may be NULL. */
struct stream_hooks {
    /** Stats page and other request handlers of a proxy: true when a reply was prepared (or
     * denied). */
    bool (*stats)(struct stream *s, struct proxy *px);
    /** Log line text; the default formats are compiled like any other. */
    void (*log)(struct stream *s);
    /** A line for a step that log-steps names; the end of the stream is log's. */
    void (*log_step)(struct stream *s, enum log_step step);
    void (*filters_start)(struct stream *s);
    void (*filters_end)(struct stream *s);
    /** TLS towards a server: puts the layer on a fresh connection. False when it failed. */
    bool (*tls_connect)(struct stream *s, struct conn *c, struct server *srv);
    /** Bandwidth limits of a channel: payload bytes that may pass now (0: the stream is woken
     * later), bytes that did, the end of the stream. Called for channels that have limits only. */
    uint64_t (*limit_room)(struct stream *s, struct chan *ch);
    void (*limit_used)(struct stream *s, struct chan *ch, uint64_t n);
    void (*limit_end)(struct stream *s, struct chan *ch);
    /** Stick rules. */
    void (*stick_match)(struct stream *s);
    void (*stick_store)(struct stream *s, bool response);
    /* Of explain; with them set nothing leaves the process. */
    /** A client connection was accepted, none of its rules has run. */
    void (*accepted)(struct session *sess);
    /** Before each step; called with stream_profiling only. */
    void (*step)(struct stream *s, enum stream_step step);
    /** A rule that chooses (use_backend, use-server, force-persist, ...) was looked at. */
    void (*tested)(struct stream *s, const struct px_switch *sw, bool passed);
    /** A server was chosen and would be connected to: true ends the stream instead. */
    bool (*before_connect)(struct stream *s);
};
extern struct stream_hooks stream_hooks;

/** The stream came to a step that `log-steps` may name. */
static inline void
stream_log_at(struct stream *s, enum log_step step)
{
    if (unlikely(s->fe->log_steps & 1u << step) && stream_hooks.log_step)
        stream_hooks.log_step(s, step);
}

#endif
