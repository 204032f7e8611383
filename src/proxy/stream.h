/* stream.h - one request (or one TCP connection) on its way through the proxy: a table of steps. */
#ifndef PROXY_STREAM_H
#define PROXY_STREAM_H

#include "http/h1.h"
#include "http/head.h"
#include "proxy/reply.h"
#include "proxy/session.h"
#include "stick/track.h"

struct filter;
struct stream_counted;
struct chan_limit;

/** The life of a stream, in order. X(step, text): stream_step_<step>() does it, `text` is for logs
 * and explain. */
#define STREAM_STEPS(X)                                                                            \
    X(request_head, "reading the request head")                                                    \
    X(tcp_request, "running the tcp-request content rules of the frontend")                        \
    X(request_rules, "running the http-request rules of the frontend")                             \
    X(choose_backend, "choosing a backend")                                                        \
    X(backend_tcp, "running the tcp-request content rules of the backend")                         \
    X(backend_rules, "running the http-request rules of the backend")                              \
    X(request_body, "waiting for the request body")                                                \
    X(persist, "looking for a server to stick to")                                                 \
    X(pick_server, "choosing a server")                                                            \
    X(queue, "waiting in the queue")                                                               \
    X(connect, "connecting, or taking an idle connection")                                         \
    X(send_request, "sending the request")                                                         \
    X(response_tcp, "running the tcp-response content rules")                                      \
    X(response_head, "reading the response head")                                                  \
    X(response_rules, "running the http-response rules")                                           \
    X(send_response, "sending the response head")                                                  \
    X(forward, "forwarding the bodies")                                                            \
    X(tarpit, "holding the client in the tarpit")                                                  \
    X(reply, "sending a reply of our own")                                                         \
    X(finish, "logging and releasing")

enum stream_step {
#define X(n, t) STEP_##n,
    STREAM_STEPS(X)
#undef X
        STREAM_NSTEPS
};
extern const char *const stream_step_text[];

/** What a step returns. */
enum step_rc {
    STEP_NEXT, /* go on with the following step */
    STEP_GOTO, /* s->step was set: go on there */
    STEP_WAIT, /* nothing more to do until something happens */
    STEP_OVER, /* the stream was freed */
};

/** One direction of bytes. */
struct chan {
    struct h1 h1;        /* framing of what comes in (HTTP) */
    enum h1_framing out; /* framing of what goes out */
    struct buf *tx;      /* encoded, not yet taken by the socket; may be bigger than tune.bufsize */
    struct splice_pipe *pipe;
    uint32_t ready;     /* decoded bytes at the head of the source's rx */
    uint32_t kept;      /* bytes before the head of rx that are the whole body sent, for a retry */
    uint32_t read_size; /* how much to read at once; adapts */
    bool opened;        /* the head was sent, or TCP: data may flow */
    bool eom_in;        /* the message came in completely */
    bool eom_out;       /* and went out completely */
    bool shut_out;      /* our end was announced to the sink */
    bool bulk;          /* splice from now on */
    struct chan_limit *limit; /* bandwidth limits in force (action/act_bwlim.c); NULL: none */
    uint64_t in, out_bytes;   /* wire bytes from the source, to the sink (logs, counters) */
    uint64_t body;            /* payload bytes */
};

enum stream_flag {
    SF_HTTP = 1u << 0,
    SF_TUNNEL = 1u << 1,     /* opaque both ways: CONNECT, 101, or TCP */
    SF_KEEP_FRONT = 1u << 2, /* the client connection may serve another request */
    SF_KEEP_BACK = 1u << 3,  /* the server connection may go to the pool */
    SF_ASSIGNED = 1u << 4,   /* a server was chosen for good (persistence, use-server) */
    SF_FORCED = 1u << 5,     /* force-persist: even when down */
    SF_IGNORE_PERSIST = 1u << 6,
    SF_REDISPATCHED = 1u << 7,
    SF_COUNTED_BE = 1u << 8, /* counted in be_conn */
    SF_TAKEN_SRV = 1u << 9,  /* holds a slot of s->srv (lb_take) */
    SF_LOGGED = 1u << 10,
    SF_INTERNAL_REPLY = 1u << 11, /* the response was made here */
    SF_MONITOR = 1u << 12,
    SF_BODY_COMPLETE = 1u << 13, /* whole request body is in the buffer (wait-for-body) */
    SF_REQ_SENT = 1u << 14,      /* the request head went to a server */
    SF_L7_RETRY = 1u << 15,      /* the request can be sent again (buffered) */
    SF_NO_L7_RETRY = 1u << 16,   /* disable-l7-retry */
    SF_TIMEOUT = 1u << 17,       /* the stream's timer fired */
    SF_CLI_ABORT = 1u << 18,
    SF_SRV_ABORT = 1u << 19,
    SF_KILLED = 1u << 20,
    SF_EXPECT_SENT = 1u << 21, /* we sent 100 Continue ourselves */
    SF_UPGRADE_ASKED = 1u << 22,
    SF_RES_STARTED = 1u << 23, /* response bytes went to the client */
    SF_WAITING = 1u << 24,     /* in the queue */
    SF_STICK_STORED = 1u << 25,
    SF_ADDED_CK_NOCACHE = 1u << 26,
    SF_RES_RULES_DONE = 1u << 27,
    SF_ERR_STATUS_SET = 1u << 28,
    SF_COUNTED_REQ = 1u << 29,
    SF_PREPARED = 1u << 30, /* the request head was made ready for a server */
};

struct stream {
    struct session *sess;
    struct proxy *fe, *be; /* be == fe until a backend is chosen */
    struct server *srv;    /* chosen server */
    struct conn *back;     /* connection to it */
    enum stream_step step;
    unsigned flags; /* enum stream_flag */
    struct task task;
    int64_t deadline_ms; /* of the current wait; 0: none. The session's timer looks at it */
    int64_t cli_act_ms, srv_act_ms; /* last bytes moved on either side */
    int64_t wait_until_ms;     /* of a step that waits for a time (retry delay, tarpit); 0: none */
    uint32_t req_pin, res_pin; /* bytes of the receive buffers that the heads refer to */
    struct list link;          /* all streams of the thread */
    struct list srv_link;      /* streams of a server, on this thread */
    uint32_t uniq_id;
    uint32_t calls; /* runs of its task */
    uint64_t cpu_ns,
        lat_ns; /* spent in them, and waited for between event and run: with stream_profiling */

    struct chan req, res;
    struct http_head rq, rs; /* heads; valid when rq.hdr/rs.hdr memory is filled */
    bool rq_ready, rs_ready, tcp_res_done, status_counted;
    bool parser_reply;  /* the request could not be parsed: the reply has the form of the parser's
                           own */
    struct arena arena; /* edits, captures, replies; released with the stream */

    /* rules */
    const struct rule *resume;    /* where a yielded rule set goes on */
    bool resume_action;           /* it was the action that yielded, not its condition */
    const struct rule *last_rule; /* that ended or denied, for logs (txn.last_rule...) */
    int64_t rules_since_ms;       /* when the current rule set began to wait */
    struct proxy *rules_px;
    struct sample_ctx x;
    struct vars vars_txn, vars_reqres;
    struct stick_counter *track; /* [tune.stick_counters], NULL until something is tracked */
    struct stick_store *store;   /* keys to store when the server is known */

    /* reply of our own */
    struct reply_out reply;
    int64_t tarpit_until_ms;

    /* balancing */
    struct pendconn pend;
    unsigned retries_left, nretries, nredisp;
    int prio_class, prio_offset;
    struct server *prev_srv; /* failed last, avoided by redispatch */
    struct addr *dst_override,
        *src_override; /* set-dst, set-src: what stream_dst() and stream_src() say */
    int set_retries;   /* set-retries, valid in set_retries_px; -1: none */
    struct proxy *set_retries_px;
    uint32_t bc_mark; /* set-bc-mark, set-bc-tos: of the server connection */
    uint8_t bc_tos;
    bool has_bc_mark, has_bc_tos;
    bool soft_rewrite; /* strict-mode off, until the rule set ends */
    bool tcp_req_done; /* became HTTP in its tcp-request rules: they are not run again */
    int nice;
    struct slice early_hints; /* headers of a 103 response that is being gathered */

    /* timeouts overridden by set-timeout, ms; -1: the proxy's */
    int to_client_ms, to_server_ms, to_tunnel_ms, to_connect_ms, to_queue_ms, to_tarpit_ms;

    /* logs */
    char term_cause; /* termination state: who or what ended it; '-' normal */
    char term_phase; /* in which phase: R request, Q queue, C connect, H headers, D data, L last, T
                        tarpit; '-' normal */
    char ck_req, ck_res;           /* its third and fourth letter: the persistence cookie */
    int64_t ck_last_s, ck_first_s; /* dates in the persistence cookie (maxidle, maxlife); 0: none */
    int log_level;                 /* -1: default, -2: silent */
    int64_t t_start_us, t_wall_us; /* accept of the session, or end of the previous response */
    int64_t t_first_us;            /* first byte of the request */
    int64_t t_head_us, t_queue_us, t_connect_us, t_data_us, t_close_us; /* 0: did not happen */
    struct slice uri;                    /* request line for logs, bounded by tune.http_logurilen */
    struct slice cli_cookie, srv_cookie; /* captured */
    struct slice *req_cap, *res_cap;     /* [captures->nreq], [nres] */
    struct slice unique_id;
    unsigned status;        /* as logged; 0 none yet */
    unsigned server_status; /* as the server sent it; 0: none */
    struct stream_counted
        *counted; /* option contstats: what counters have already; NULL: nothing */
    unsigned srv_queue_pos, be_queue_pos;
    struct list filters;
    struct http_hdr *hdrs;                         /* [2 * stream_hdr_room()] */
    char first[4096] __attribute__((aligned(16))); /* the arena's first block */
};

/** Creates a stream on a session and runs it. Called from the session's task. */
void stream_start(struct session *sess);
/** Wakes it: something happened. */
static inline void
stream_wake(struct stream *s)
{
    task_wake(&s->task);
}

/** Addresses of the client's connection as rules see them. */
void stream_src(const struct stream *s, struct addr *a);
void stream_dst(const struct stream *s, struct addr *a);

/** Whether the time that streams take is measured (profiling.tasks, `set profiling tasks`), which
 * costs two clock calls per step: not, of one stream in STREAM_PROFILING_SAMPLE (a thread that has
 * too much to do is not given more), of all. */
enum { STREAM_PROFILING_OFF, STREAM_PROFILING_AUTO, STREAM_PROFILING_ON };
#define STREAM_PROFILING_SAMPLE 128u
extern _Atomic int stream_profiling;

/** What was measured on the calling thread: runs of a step, time in them, time between the event
 * and the run that began with it. */
struct stream_step_profile {
    uint64_t calls, cpu_ns, lat_ns;
};
extern _Thread_local struct stream_step_profile stream_profile[STREAM_NSTEPS];

/** Ends the stream soon, with this termination state unless one is set. */
void stream_kill(struct stream *s, char cause, char phase);
/** Ends the stream as if its server had closed: who waits for an answer gets a 502. */
void stream_shutdown(struct stream *s, char cause);
/** Sets the termination state if none is set. */
void stream_term(struct stream *s, char cause, char phase);
/** Prepares the error reply `status` and goes to the reply step (for steps: return
 * stream_error(...)). */
enum step_rc stream_error(struct stream *s, unsigned status, char cause, char phase);
/** The sample context for rules of `set` in proxy `px`. */
struct sample_ctx *stream_ctx(struct stream *s, struct proxy *px, enum sample_point point,
                              unsigned opt);
/** Unread request/response payload for layer-6 fetches and body fetches: contiguous bytes in the
 * buffer. */
struct slice stream_payload(struct stream *s, bool response);
/** The body of the message received so far (HTTP), contiguous; *complete tells whether that is all.
 */
struct slice stream_body(struct stream *s, bool response, bool *complete);
/** Duration of the parts of a stream in ms, -1 when it did not get there: %TR %Tw %Tc %Tr %Ta ...
 */
struct stream_times {
    int64_t handshake, idle, request, queue, connect, response, data, active, total, user, all;
};
void stream_times(const struct stream *s, struct stream_times *t);
/** Every stream of the calling thread. */
struct list *streams_of_thread(void);
/** The lookup for `show sess`/`shutdown session`: letters go to each thread; see runtime/. */
struct stick_counter *stream_track(struct stream *s, unsigned n, bool make);
/** The unique ID of the request (unique-id-format), made on first use; p NULL without a format. */
struct slice stream_unique_id(struct stream *s);
/** The same from within an expression, which `x` belongs to. */
struct slice stream_unique_id_in(struct stream *s, struct sample_ctx *x);
/** The tracked counters in force: the stream's before its session's. */
struct stick_slots stream_slots(struct stream *s);
/** Counts the status of the response as the manual's `http-err-codes` and `http-fail-codes` say,
 * for the entries of these slots: the server's, or that of our own reply. */
void stream_count_tracked_status(struct stream *s, const struct stick_slots *slots);
/** Writes the stream's log line now (logasap, do-log). */
void stream_log(struct stream *s);
unsigned stream_count(void);
/** Releases the thread's caches; no stream is left. */
void streams_thread_fini(void);

#endif
