/* conn.h - a connection: a socket, readiness, and the layers on it (TLS).
 *
 * Readiness is remembered in flags: edge-triggered events set CONN_RD_READY/CONN_WR_READY, a short
 * transfer clears them. The event callback records and calls on_event, which wakes a task; all
 * transfers happen in tasks. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "loop/loop.h"
#include "net/addr.h"
#include "net/buf.h"

#include <sys/uio.h>

struct conn;

enum conn_flag {
    CONN_RD_READY = 1 << 0,
    CONN_WR_READY = 1 << 1,
    CONN_CONNECTING = 1 << 2, /* connect() under way */
    CONN_HANDSHAKE = 1 << 3,  /* a layer has a handshake to do */
    CONN_HUP = 1 << 4,        /* the kernel announced the peer's end: read up to it */
    CONN_EOF = 1 << 5,        /* read returned the end */
    CONN_SHUT_WR = 1 << 6,    /* we announced our end */
    CONN_ERR = 1 << 7,        /* broken: c->err is an errno value. With CONN_RD_READY: for writing
                               * only, reading goes on until it fails too */
    CONN_BACK = 1 << 8,       /* towards a server */
    CONN_REUSED = 1 << 9,     /* taken from a pool for the current request */
    CONN_PRIVATE = 1 << 10,   /* must not be shared with other sessions */
    CONN_SRC_SET = 1 << 11,   /* c->src is known */
    CONN_DST_SET = 1 << 12,
    CONN_PROXIED = 1 << 13, /* addresses come from a PROXY header */
    CONN_TLS = 1 << 14,
    CONN_UNIX = 1 << 15,
    CONN_LINGER_RST = 1 << 16, /* close with a reset */
    CONN_TUNNEL = 1 << 17,
    CONN_SOCKS4 = 1 << 18, /* CONN_CONNECTING includes a SOCKS4 proxy's consent, and what it was */
    CONN_SOCKS4_SENT = 1 << 19, /* asked for is c->dst */
    CONN_EARLY = 1 << 20,       /* data passes before the handshake is over (TLS 1.3) */
};

/** A layer above the socket. `recv`/`sendv` return bytes, 0 with flags set as
 * conn_recv()/conn_sendv() describe. */
struct layer_ops {
    const char *name;
    ssize_t (*recv)(struct conn *c, void *buf, size_t len);
    ssize_t (*sendv)(struct conn *c, const struct iovec *iov, unsigned n, bool more);
    /** Advances the handshake; clears CONN_HANDSHAKE when done, sets CONN_ERR when it failed. */
    void (*handshake)(struct conn *c);
    void (*shut_wr)(struct conn *c);
    void (*close)(struct conn *c);
    /** Bytes decoded but unread (a readable conn without a socket event). */
    size_t (*pending)(const struct conn *c);
    bool (*can_splice)(const struct conn *c);
};

/** A compact address: unix sockets keep only their family. */
union conn_addr {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

struct conn {
    struct io io;
    unsigned flags;                /* enum conn_flag */
    int err;                       /* errno of CONN_ERR */
    const struct layer_ops *layer; /* NULL: plain socket */
    void *layer_ctx;
    void (*on_event)(struct conn *c); /* something became ready; may be NULL (parked) */
    void *owner;                      /* of on_event's */
    void *target;                     /* struct listener (front), struct server (back) */
    struct list link;                 /* in an idle pool or a listener's list */
    struct buf *rx;                   /* unread bytes; NULL when there are none */
    union conn_addr src,
        dst; /* peer and local seen from the request's direction: client → us, us → server */
    int64_t since_ms;  /* accepted, connected, or idle since */
    uint64_t hash;     /* back: what makes it reusable for a request (SNI, source, PROXY...) */
    uint32_t requests; /* messages served */
    uint32_t glitches;
    uint8_t code; /* enum conn_code of what a layer above the socket failed with; 0: nothing */
    void *pp;     /* PROXY header's TLVs, heap (struct slice in front), or NULL */
};

/** Wraps a non-blocking socket and registers it. NULL (and `fd` closed) when memory or the kernel
 * refuse. */
MUST_CHECK struct conn *conn_new(int fd, unsigned flags);
/** Closes and frees; NULL is fine. Unread bytes at the peer's side are spared a reset where
 * possible. */
void conn_free(struct conn **c);

/** Gives up the connection but not its socket, which is returned and not watched any more. Only
 * without layer. Clears *c. */
int conn_take_fd(struct conn **c);

/** Starts a connection to `to`, from `from` (NULL or kind ADDR_NONE: any). NULL with *err (errno)
 * set when refused at once. Completion: CONN_CONNECTING disappears, CONN_ERR tells failure. */
struct sock_opts;
MUST_CHECK struct conn *conn_connect(const struct addr *to, const struct addr *from,
                                     const struct sock_opts *opts, int *err);
/** Looks at a connection that is CONN_CONNECTING and writable. True once connected. */
bool conn_connect_done(struct conn *c);

/** Reads. >0: bytes; 0: nothing now (CONN_RD_READY cleared), or CONN_EOF or CONN_ERR was set. */
HOT ssize_t conn_recv(struct conn *c, void *buf, size_t len);
/** Writes. Bytes taken, 0..total; a short write clears CONN_WR_READY; CONN_ERR when broken. `more`:
 * data follows at once. */
HOT ssize_t conn_sendv(struct conn *c, const struct iovec *iov, unsigned n, bool more);
/** Reads into c->rx (made when missing). True when it grew, ended or broke. Full buffers are left
 * alone. */
HOT bool conn_fill(struct conn *c);
/** Releases c->rx when nothing is unread. */
void conn_drop_rx(struct conn *c);
/** Announces our end after what was sent. */
void conn_shut_wr(struct conn *c);
/** True when bytes can be moved by splice(2). */
static inline bool
conn_can_splice(const struct conn *c)
{
    return !c->layer || (c->layer->can_splice && c->layer->can_splice(c));
}

/** Fills c->src / c->dst from the kernel if not known. */
void conn_need_src(struct conn *c);
void conn_need_dst(struct conn *c);
/** As a struct addr. */
void conn_src(struct conn *c, struct addr *a);
void conn_dst(struct conn *c, struct addr *a);
void conn_set_src(struct conn *c, const struct addr *a);
void conn_set_dst(struct conn *c, const struct addr *a);

/** Options of outgoing sockets. */
struct sock_opts {
    const char *interface;
    unsigned sndbuf, rcvbuf;
    int tcp_ut_ms;
    unsigned mark, tos; /* with has_mark, has_tos */
    bool has_mark, has_tos, keepalive, tfo;
    bool saves_ack;   /* the first data acknowledge the handshake */
    bool transparent; /* the source may be an address of somebody else */
    int ka_cnt, ka_idle_s, ka_intvl_s;
    const char *cc;               /* congestion control; NULL: the system's choice */
    const char *md5sig;           /* password of TCP MD5 signatures (RFC 2385); NULL: none */
    const struct netns *netns;    /* NULL: the process' own */
    const struct addr *socks4;    /* SOCKS4 proxy on the way; NULL: none */
    uint16_t port_low, port_high; /* range of source ports, tried in turn; 0: none */
    _Atomic unsigned *port_next;  /* with a range: how many were tried so far */
};

/** Sets the congestion control algorithm of a TCP socket. False with errno when the kernel has none
 * of that name. */
bool conn_set_cc(int fd, const char *algo);
/** Demands signatures of segments exchanged with `peer`, or (`any`) with everybody of its family.
 * Before connect() or listen(). */
bool conn_set_md5sig(int fd, const struct addr *peer, bool any, const char *password);

/** Connections of the calling thread (leak checks, show info). */
unsigned conn_count(void);
void conn_thread_fini(void);

/* ---- splice ---- */

/** A pipe of the thread with bytes in flight. */
struct splice_pipe {
    int fd[2];
    size_t len; /* bytes inside */
    size_t size;
};
/** NULL when the budget (tune.maxpipes) or descriptors are out. */
struct splice_pipe *pipe_get(void);
/** Gives it back; one that still holds bytes is closed. Clears *p. */
void pipe_put(struct splice_pipe **p);
/** Moves up to `max` bytes from the socket into the pipe. Same result as conn_recv(). */
ssize_t conn_splice_in(struct conn *c, struct splice_pipe *p, size_t max);
/** Moves from the pipe to the socket. Same result as conn_sendv(). */
ssize_t conn_splice_out(struct conn *c, struct splice_pipe *p, bool more);
void pipe_thread_fini(void);
/** Pipes of the process: all, and those kept for later. Any thread. */
void conn_pipes(unsigned *open, unsigned *unused);

#endif
