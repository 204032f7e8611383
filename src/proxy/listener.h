/* listener.h - bind lines, listening sockets, accept. */
#ifndef PROXY_LISTENER_H
#define PROXY_LISTENER_H

#include "net/conn.h"
#include "proxy/proxy.h"

struct config;
struct netns;
struct tls_server;

enum bind_flag {
    BINDF_ACCEPT_PROXY = 1 << 0,
    BINDF_ACCEPT_CIP = 1 << 1,
    BINDF_TLS = 1 << 2,
    BINDF_TRANSPARENT = 1 << 3,
    BINDF_V4V6 = 1 << 4,
    BINDF_V6ONLY = 1 << 5,
    BINDF_DEFER_ACCEPT = 1 << 6,
    BINDF_TFO = 1 << 7,
    BINDF_EXPOSE_FD = 1 << 8,
    BINDF_DISABLED = 1 << 9,
    BINDF_NAME_SET = 1 << 10,
    BINDF_NO_ALPN = 1 << 11,
    BINDF_STRICT_SNI = 1 << 12,
};

/** One `bind` (or `stats socket`) line; it may make several listeners. */
struct bind_conf {
    struct list link;
    struct proxy *px;
    struct cfg_loc loc;
    const char *text; /* the address argument */
    unsigned flags;   /* enum bind_flag */
    const char *name, *interface, *proto, *alpn, *label, *guid_prefix;
    unsigned maxconn, backlog;
    int mss, tcp_ut_ms, id, nice, tfo_qlen;
    unsigned mode, has_mode; /* unix socket permissions */
    int uid, gid;            /* -1: unset */
    int level;               /* stats socket: CLI level, see runtime/ */
    int severity_output;
    uint64_t threads[16]; /* `thread` set; all zero: all */
    unsigned shards;      /* 0: one per thread */
    uint32_t cip_magic;
    const struct netns *netns; /* NULL: the process' own */
    const char *cc, *md5sig;   /* congestion control, password of TCP MD5 signatures */
    int idle_ping_ms;
    int tcp_ss; /* tcp-ss: 1 or 2 */
    struct tls_server *tls;
    void *ext;
};

/** One listening address. */
struct listener {
    struct list link; /* in px->listeners */
    struct bind_conf *bind;
    struct proxy *px;
    struct addr addr;
    unsigned id; /* luid */
    const char *name;
    int *fds; /* [nfds] descriptors: one, or one per thread; -1: closed */
    unsigned nfds;
    _Atomic unsigned nopen, *users; /* those not closed; [nfds]: watches of each */
    struct listener_watch *watches; /* [nwatches]: who accepts from which */
    unsigned nwatches;
    bool inherited;        /* came as fd@ */
    _Atomic unsigned conn; /* current connections */
    _Atomic unsigned conn_max;
    _Atomic int state;            /* LI_* */
    struct px_counters *counters; /* [nthread] with option socket-stats, else NULL */
};
enum { LI_NEW, LI_LISTEN, LI_PAUSED, LI_FULL, LI_STOPPED };

extern const struct keyword bind_keywords[], bind_line_keywords[];
/** Its option `thread`: who accepts. */
enum cfg_rc bind_parse_threads(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
/** A bind line's object, in px->binds; `text`: the address argument. */
struct bind_conf *bind_new(struct cfg *c, struct proxy *px, const char *text);
/** Makes the listeners of the addresses in word `word`. */
enum cfg_rc bind_addresses(struct cfg *c, struct bind_conf *b, unsigned word);
/** `bind` keyword: parses addresses and options. */
enum cfg_rc bind_parse_line(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
/** Opens the sockets of all listeners (before privileges are dropped). False after printing what
 * failed. */
bool listeners_open(struct config *cf);
/** Starts accepting on the calling thread. */
bool listeners_thread_start(struct config *cf);
/** The process is about to stop: clients that others will not hear of are let in without waiting
 * for their first bytes. Returns for how long to go on accepting, in ms. */
int listeners_prepare_stop(struct config *cf);
/** Stops for good: takes the clients that the kernel has let in already, then closes the sockets
 * that no other thread watches. */
void listeners_thread_stop(struct config *cf);
/** A connection of the listener or a process-wide slot was released: resumes what was full. */
void listener_release(struct listener *li);
/** Who takes the connections of the runtime API's sockets (mode PX_CLI); set by runtime/. Owns fd,
 * calls listener_release() when it ends. */
extern void (*listener_cli_accept)(struct listener *li, int fd);
/** Pausing a frontend: first frontend_pause(), then frontend_thread_pause() on every thread, then
 * frontend_suspend(). For good: frontend_stop() at the end instead. Back: frontend_resume(), then
 * frontend_thread_resume() on every thread. */
void frontend_pause(struct proxy *px);
void frontend_thread_pause(struct proxy *px);
/** Clients are refused from now on, except by unix and inherited sockets, which may be others' too:
 * there they wait. */
void frontend_suspend(struct proxy *px);
void frontend_stop(struct proxy *px);
/** False when a socket does not listen any more. */
bool frontend_resume(struct proxy *px);
void frontend_thread_resume(struct proxy *px);
/** Limits were raised: listeners of the frontend (NULL: all) look again. */
void listeners_look_again(struct proxy *only);
/** How often the process' maxconn stopped a listener. */
extern _Atomic unsigned listener_maxconn_reached;
/** Releases what listeners_open() made. */
void listeners_free(struct config *cf);
/** Reloads without a lost connection, set by process/: the socket of a former worker (-1: none),
 * and the news that one is used now. NULL: every process opens its own. */
extern int (*listener_inherited)(const char *key);
extern void (*listener_opened)(const char *key, int fd);
/** Closes all listening sockets. */
void listeners_close(struct config *cf);

#endif
