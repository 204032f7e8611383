/* session.h - a client connection from accept to close. Streams come and go on it. */
#ifndef PROXY_SESSION_H
#define PROXY_SESSION_H

#include "net/conn.h"
#include "proxy/listener.h"
#include "sample/vars.h"

struct stick_counter;
struct stream;

enum session_flag {
    SESSF_NOT_FIRST = 1 << 0, /* a request was served before */
    SESSF_KILLED = 1 << 1,
    SESSF_COUNTED = 1 << 2, /* counted in fe_conn */
    SESSF_EXPECT_PROXY = 1 << 3,
    SESSF_EXPECT_CIP = 1 << 4,
    SESSF_NO_LOG = 1 << 5,
    SESSF_PREFER_LAST = 1 << 6,
    SESSF_BEGUN = 1 << 7,   /* handshakes are done, session rules were run */
    SESSF_TIMEOUT = 1 << 8, /* the timer fired */
    SESSF_NO_DATA = 1 << 9, /* the stream exists only to say that no request came */
    SESSF_STOPPING = 1 << 10,
    SESSF_RCVD_PROXY = 1 << 11, /* the client sent a PROXY header */
    SESSF_CLOSING = 1 << 12,    /* all is sent; closed once the handshake is over */
};

/** Owned by its thread; freed by session_end() only. */
struct session {
    struct conn *conn;
    struct listener *li;
    struct proxy *fe;
    struct stream *strm; /* the stream on an H1 or TCP connection, NULL when idle */
    unsigned flags;      /* enum session_flag */
    struct task task;    /* steps the session while it has no stream */
    struct timer timer;  /* of the session and of the stream on it; looks at the deadline in force
                            when it fires */
    int64_t deadline_ms; /* of the current wait without a stream; 0: none */
    struct list link;    /* in the thread's list */
    int64_t accept_us;   /* loop_now_us() */
    int64_t accept_wall_us;
    int64_t idle_us; /* end of the handshakes or of the previous response */
    int handshake_ms;
    uint32_t nreq;
    struct vars vars;
    struct stick_counter *track; /* [tune.stick_counters], NULL until something is tracked */
    struct list srv_conns;       /* private server connections kept for this session */
    unsigned nsrv_conns;
};

/** A new client connection: takes ownership of `fd`. Runs connection rules and handshakes, then
 * streams. */
void session_accept(struct listener *li, int fd, const struct sockaddr *peer, socklen_t peer_len);
/** Ends it: no stream may be left. */
void session_end(struct session *s);
/** A stream ended on it; `keep`: wait for another request. */
void session_stream_done(struct session *s, bool keep);
/** Has the timer look at `at_ms` at the latest. It is moved lazily: deadlines move on with every
 * request, and a heap of cold timers would be sifted each time. */
void session_arm(struct session *s, int64_t at_ms);
/** Puts TLS on an accepted connection (CONN_HANDSHAKE is set then); set by tls/. False: refused. */
extern bool (*session_tls_accept)(struct session *s);
/** Logs a connection that failed in its handshakes; set by log formats. */
extern void (*session_log_failure)(struct session *s);
/** All sessions of the calling thread. */
struct list *sessions_of_thread(void);
#define SESSION_FRESH_MS 500
/** Closes `part` of every `of` that are idle on the calling thread for at least SESSION_FRESH_MS
 * (soft stop). */
void sessions_close_idle(unsigned part, unsigned of);
/** Releases the thread's caches; no session is left. */
void sessions_thread_fini(void);
/** Tracked counter `n` of a session (its own), NULL when none. */
struct stick_counter *session_track(struct session *s, unsigned n, bool make);

#endif
