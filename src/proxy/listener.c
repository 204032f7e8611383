/* listener.c - listening sockets: opening them as the bind lines say, accepting, limits.
 *
 * Each worker thread has its own socket of an address (SO_REUSEPORT) where the kernel allows, else
 * all threads accept from one. A listener whose frontend or process is full stops being watched
 * until a connection is released. */
#include "proxy/listener.h"

#include "config/tune.h"
#include "net/sys.h"
#include "proxy/config.h"
#include "proxy/session.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_BACKLOG 10000u

/** A listener's registration with one thread's loop. */
struct listener_thread {
    struct io io;
    struct listener *li;
    bool watching; /* reports readiness */
    bool added;
    struct letter resume;
    _Atomic bool resume_posted;
    struct timer rate_timer;
};

/* ---- limits ---- */

_Atomic unsigned listener_maxconn_reached;

static bool
process_is_full(const struct listener *li)
{
    return tune.maxconn && !(li->px->cap & PX_INTERNAL) &&
           atomic_load_explicit(&config->conn, memory_order_relaxed) >= tune.maxconn;
}

static bool
is_full(const struct listener *li)
{
    const struct proxy *px = li->px;

    if (px->maxconn && atomic_load_explicit(&px->fe_conn, memory_order_relaxed) >= px->maxconn)
        return true;
    if (li->bind->maxconn &&
        atomic_load_explicit(&li->conn, memory_order_relaxed) >= li->bind->maxconn)
        return true;
    return process_is_full(li);
}

static void
watch(struct listener_thread *t, bool on)
{
    if (t->watching == on || !t->added)
        return;
    t->watching = on;
    io_mod(&t->io, on ? IO_IN | IO_LEVEL : IO_LEVEL);
}

static void
on_resume(struct letter *m)
{
    struct listener_thread *t = container_of(m, struct listener_thread, resume);

    atomic_store(&t->resume_posted, false);
    if (atomic_load(&t->li->state) == LI_LISTEN)
        watch(t, true);
}

static void
on_rate_timer(struct timer *timer)
{
    struct listener_thread *t = container_of(timer, struct listener_thread, rate_timer);

    if (atomic_load(&t->li->state) == LI_LISTEN)
        watch(t, true);
}

/* Wakes the listeners that this release gives room to, on every thread. */
static void
resume_listener(struct listener *li)
{
    for (unsigned i = 0; li->threads && i < config->nthread; i++) {
        struct listener_thread *t = &li->threads[i];
        if (t->added && !t->watching && !atomic_exchange(&t->resume_posted, true))
            loop_post(config->loops[i], &t->resume);
    }
}

static _Atomic unsigned full_listeners; /* how many turned away because the process was full */

static void
resume_all(void)
{
    struct proxy *px;
    struct listener *li;

    if (!atomic_exchange(&full_listeners, 0))
        return;
    list_each (px, &config->proxies, link)
        list_each (li, &px->listeners, link)
            resume_listener(li);
}

void
listener_release(struct listener *li)
{
    bool was_full = is_full(li);

    if (!(li->px->cap & PX_INTERNAL))
        atomic_fetch_sub_explicit(&config->conn, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&li->conn, 1, memory_order_relaxed);
    if (unlikely(was_full))
        resume_listener(li);
    if (unlikely(atomic_load_explicit(&full_listeners, memory_order_relaxed)))
        resume_all();
}

/* How many connections may be accepted now under the rate limits; *wait_ms: when to look again if
 * none. */
static unsigned
allowed_by_rate(const struct listener *li, uint32_t *wait_ms)
{
    uint64_t now = (uint64_t)loop_now_ms();
    unsigned room = UINT32_MAX;

    if (li->px->rate_limit_sessions) {
        struct freq f = freq_shared_get(&li->px->fe_sess_rate);
        unsigned n = freq_room(&f, 1000, li->px->rate_limit_sessions, 0, now);
        if (!n)
            *wait_ms = freq_next_delay(&f, 1000, li->px->rate_limit_sessions, 0, now);
        room = MIN(room, n);
    }
    if (tune.maxconnrate) {
        struct freq f = freq_shared_get(&config->conn_rate);
        unsigned n = freq_room(&f, 1000, tune.maxconnrate, 0, now);
        if (!n)
            *wait_ms = freq_next_delay(&f, 1000, tune.maxconnrate, 0, now);
        room = MIN(room, n);
    }
    if (tune.maxsessrate) {
        struct freq f = freq_shared_get(&config->sess_rate);
        unsigned n = freq_room(&f, 1000, tune.maxsessrate, 0, now);
        if (!n)
            *wait_ms = freq_next_delay(&f, 1000, tune.maxsessrate, 0, now);
        room = MIN(room, n);
    }
    return room;
}

/* ---- accepting ---- */

static void
bump_max(_Atomic unsigned *max, unsigned v)
{
    if (v > atomic_load_explicit(max, memory_order_relaxed))
        atomic_store_explicit(max, v, memory_order_relaxed);
}

static void
count_connection(struct listener *li)
{
    struct proxy *px = li->px;
    uint64_t now = (uint64_t)loop_now_ms();

    bump_max(&li->conn_max, atomic_fetch_add_explicit(&li->conn, 1, memory_order_relaxed) + 1);
    FE_COUNT(px, conn_tot, 1);
    LI_COUNT(li, conn_tot, 1);
    bump_max(&px->fe_conn_rate_max, freq_shared_add(&px->fe_conn_rate, 1000, 1, now));
    if (px->cap & PX_INTERNAL)
        return;
    bump_max(&config->conn_max,
             atomic_fetch_add_explicit(&config->conn, 1, memory_order_relaxed) + 1);
    atomic_fetch_add_explicit(&config->cum_conn, 1, memory_order_relaxed);
    bump_max(&config->conn_rate_max, freq_shared_add(&config->conn_rate, 1000, 1, now));
}

static void (*session_new)(struct listener *, int, const struct sockaddr *,
                           socklen_t) = session_accept;
/** Who takes the connections of the runtime API's sockets; set by runtime/. */
void (*listener_cli_accept)(struct listener *li, int fd);

static void
give_connection(struct listener *li, int fd, const struct sockaddr *peer, socklen_t len)
{
    count_connection(li);
    if (li->px->mode == PX_CLI) {
        if (listener_cli_accept) {
            listener_cli_accept(li, fd);
        } else {
            sys_close(fd);
            listener_release(li);
        }
        return;
    }
    session_new(li, fd, peer, len);
}

static void
on_readable(struct io *io, unsigned ready)
{
    struct listener_thread *t = container_of(io, struct listener_thread, io);
    struct listener *li = t->li;
    uint32_t wait_ms = 0;
    unsigned max = MIN(tune.maxaccept, allowed_by_rate(li, &wait_ms));
    union {
        struct sockaddr sa;
        struct sockaddr_storage storage;
    } peer;

    if (wait_ms) {
        watch(t, false);
        timer_set(&t->rate_timer, loop_now_ms() + wait_ms, on_rate_timer);
        return;
    }
    for (unsigned i = 0; i < max; i++) {
        if (is_full(li)) {
            watch(t, false);
            if (process_is_full(li))
                atomic_fetch_add_explicit(&listener_maxconn_reached, 1, memory_order_relaxed);
            atomic_store(&full_listeners, 1);
            return;
        }
        socklen_t len = sizeof(peer);
        int fd = sys_accept(io->fd, &peer.sa, &len);
        if (fd < 0) {
            if (errno == ECONNABORTED || errno == EINTR)
                continue;
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                /* Out of descriptors: a pause, so that the loop does not spin. */
                watch(t, false);
                timer_set(&t->rate_timer, loop_now_ms() + 100, on_rate_timer);
            }
            return;
        }
        if (len < sizeof(sa_family_t))
            peer.sa.sa_family = AF_UNIX;
        give_connection(li, fd, &peer.sa, len);
        if (atomic_load_explicit(&li->state, memory_order_relaxed) != LI_LISTEN)
            return;
    }
}

/* ---- opening ---- */

static void
set_int(int fd, int level, int name, int value)
{
    if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
        return; /* an option the kernel does not know is not worth a failed start */
}

/* Accepted sockets inherit what is set here. */
static void
set_listener_options(int fd, const struct listener *li)
{
    const struct bind_conf *b = li->bind;
    const struct proxy *px = li->px;

    if (!addr_is_ip(&li->addr))
        return;
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (li->addr.kind == ADDR_IP6)
        set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, b->flags & BINDF_V6ONLY ? 1 : 0);
    if (b->flags & BINDF_TRANSPARENT) {
        set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
        set_int(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1);
    }
    if (b->mss)
        set_int(fd, IPPROTO_TCP, TCP_MAXSEG, b->mss);
    if (b->tcp_ut_ms)
        set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, b->tcp_ut_ms);
    if (b->flags & BINDF_TFO)
        set_int(fd, IPPROTO_TCP, TCP_FASTOPEN, b->tfo_qlen ? b->tfo_qlen : (int)px->maxconn);
    /* Where the client speaks first, the kernel hands over connections with their first bytes. */
    bool client_first = px->mode == PX_HTTP || b->flags & (BINDF_TLS | BINDF_ACCEPT_PROXY);
    if (b->flags & BINDF_DEFER_ACCEPT || client_first)
        set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
    if (tune.rcvbuf_client)
        set_int(fd, SOL_SOCKET, SO_RCVBUF, (int)tune.rcvbuf_client);
    if (tune.sndbuf_client)
        set_int(fd, SOL_SOCKET, SO_SNDBUF, (int)tune.sndbuf_client);
    if (px->options & PO_CLITCPKA) {
        set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        if (px->clitcpka_cnt)
            set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, px->clitcpka_cnt);
        if (px->clitcpka_idle_s)
            set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, px->clitcpka_idle_s);
        if (px->clitcpka_intvl_s)
            set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, px->clitcpka_intvl_s);
    }
}

static unsigned
backlog_of(const struct listener *li)
{
    if (li->bind->backlog)
        return li->bind->backlog;
    if (li->px->backlog)
        return li->px->backlog;
    return li->px->maxconn ? li->px->maxconn : DEFAULT_BACKLOG;
}

static const char *
open_ip(struct listener *li, int *out)
{
    int fd = sys_socket(li->addr.sa.sa_family, SOCK_STREAM, 0);

    if (fd < 0)
        return "cannot create listening socket";
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (tune.reuseport)
        set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    set_listener_options(fd, li);
    const char *dev = li->bind->interface;
    if (dev && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, (socklen_t)strlen(dev) + 1) < 0) {
        close(fd);
        return "cannot bind listener to device";
    }
    if (bind(fd, &li->addr.sa, li->addr.len) < 0) {
        int e = errno;
        close(fd);
        errno = e;
        return "cannot bind socket";
    }
    if (listen(fd, (int)backlog_of(li)) < 0) {
        close(fd);
        return "cannot listen to socket";
    }
    *out = fd;
    return NULL;
}

static const char *
set_unix_access(const struct listener *li, const char *path)
{
    const struct bind_conf *b = li->bind;
    const struct config *cf = config;
    int uid = b->uid >= 0 ? b->uid : cf->unix_bind_uid,
        gid = b->gid >= 0 ? b->gid : cf->unix_bind_gid;
    unsigned mode = b->has_mode ? b->mode : cf->unix_bind_mode;

    if ((uid >= 0 || gid >= 0) && chown(path, (uid_t)uid, (gid_t)gid) < 0)
        return "cannot change UNIX socket ownership";
    if (mode && chmod(path, mode) < 0)
        return "cannot change UNIX socket permissions";
    return NULL;
}

/* Bound under a temporary name and renamed into place, so that clients never meet a missing socket.
 */
static const char *
open_unix_path(struct listener *li, int *out)
{
    struct sockaddr_un un = li->addr.un;
    const char *err = NULL;
    int fd = sys_socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0)
        return "cannot create UNIX socket";
    int n = snprintf(un.sun_path, sizeof(un.sun_path), "%s.%d.tmp", li->addr.un.sun_path,
                     (int)getpid());
    if (n < 0 || (size_t)n >= sizeof(un.sun_path)) {
        close(fd);
        return "socket path is too long";
    }
    unlink(un.sun_path);
    if (bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
        err = "cannot bind UNIX socket";
    else if (!(err = set_unix_access(li, un.sun_path)) && listen(fd, (int)backlog_of(li)) < 0)
        err = "cannot listen to UNIX socket";
    else if (!err && rename(un.sun_path, li->addr.un.sun_path) < 0)
        err = "cannot rename UNIX socket into place";
    if (err) {
        int e = errno;
        unlink(un.sun_path);
        close(fd);
        errno = e;
        return err;
    }
    *out = fd;
    return NULL;
}

static const char *
open_abstract(struct listener *li, int *out)
{
    int fd = sys_socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0)
        return "cannot create UNIX socket";
    if (bind(fd, &li->addr.sa, li->addr.len) < 0 || listen(fd, (int)backlog_of(li)) < 0) {
        int e = errno;
        close(fd);
        errno = e;
        return "cannot bind UNIX socket";
    }
    *out = fd;
    return NULL;
}

static const char *
take_inherited(struct listener *li, int *out)
{
    int fd = li->addr.fd;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return "inherited descriptor is not open";
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    int listening = 0;
    socklen_t len = sizeof(listening);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && !listening &&
        listen(fd, (int)backlog_of(li)) < 0)
        return "cannot listen to inherited socket";
    li->inherited = true;
    struct addr real;
    socklen_t alen = ADDR_SA_MAX;
    memset(&real, 0, sizeof(real));
    if (getsockname(fd, &real.sa, &alen) == 0) {
        addr_filled(&real, alen);
        real.fd = fd;
        li->addr = real;
    }
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    *out = fd;
    return NULL;
}

static const char *
open_one(struct listener *li, int *fd)
{
    switch ((enum addr_kind)li->addr.kind) {
    case ADDR_IP4:
    case ADDR_IP6:
        return open_ip(li, fd);
    case ADDR_UNIX:
        return open_unix_path(li, fd);
    case ADDR_ABNS:
    case ADDR_ABNSZ:
        return open_abstract(li, fd);
    case ADDR_FD:
        return take_inherited(li, fd);
    default:
        return "address kind is not supported yet";
    }
}

static bool
thread_allowed(const struct listener *li, unsigned tid)
{
    const uint64_t *set = li->bind->threads;
    bool any = false;

    for (unsigned i = 0; i < COUNT_OF(li->bind->threads); i++)
        any |= set[i] != 0;
    if (li->px->mode == PX_CLI && !any)
        return tid == 0;
    return !any || set[tid / 64] & (1ull << (tid % 64));
}

/* How many threads below `tid` accept: the position of a thread among them. */
static unsigned
thread_rank(const struct listener *li, unsigned tid)
{
    unsigned n = 0;

    for (unsigned i = 0; i < tid; i++)
        n += thread_allowed(li, i);
    return n;
}

/* One socket per accepting thread: a socket that nobody watches would swallow connections. */
static unsigned
sockets_of(const struct listener *li)
{
    unsigned n = thread_rank(li, config->nthread);

    if (!addr_is_ip(&li->addr) || !tune.reuseport || li->px->mode == PX_CLI || n == 0)
        return 1;
    return li->bind->shards ? MIN(n, li->bind->shards) : n;
}

int (*listener_inherited)(const char *key);
void (*listener_opened)(const char *key, int fd);

/* Sockets outlive reloads under the name of their address and their number among its sockets. */
static void
socket_key(const struct addr *a, unsigned n, char *key, size_t size)
{
    struct out o = { key, 0, size - 1, false };

    addr_put_config(&o, a);
    out_printf(&o, "#%u", n);
    key[o.len] = '\0';
}

/* The socket that a former worker listened on, or a new one. */
static const char *
open_or_inherit(struct listener *li, unsigned n)
{
    char key[ADDR_TEXT_MAX + 32];
    struct addr written = li->addr;

    if (written.kind == ADDR_FD || !listener_inherited)
        return open_one(li, &li->fds[n]);
    socket_key(&written, n, key, sizeof(key));
    int fd = listener_inherited(key);
    if (fd >= 0) {
        set_listener_options(fd, li);
        listen(fd, (int)backlog_of(li));
        li->fds[n] = fd;
    } else {
        const char *err = open_one(li, &li->fds[n]);
        if (err)
            return err;
    }
    listener_opened(key, li->fds[n]);
    return NULL;
}

static bool
listener_open(struct listener *li)
{
    char text[ADDR_TEXT_MAX];
    unsigned want = sockets_of(li);

    li->fds = xcalloc(want, sizeof(*li->fds));
    li->threads = xcalloc(config->nthread, sizeof(*li->threads));
    for (li->nfds = 0; li->nfds < want; li->nfds++) {
        const char *err = open_or_inherit(li, li->nfds);
        if (!err)
            continue;
        if (li->nfds)
            break; /* the first one is enough to serve */
        fprintf(stderr, "[ALERT]    (%d) : Starting %s %s: %s (%s) [%s]\n", (int)getpid(),
                li->px->mode == PX_CLI ? "frontend" : proxy_kind(li->px), li->px->name, err,
                strerror(errno), addr_format(&li->addr, text, sizeof(text)));
        return false;
    }
    atomic_store(&li->state, LI_LISTEN);
    return true;
}

bool
listeners_open(struct config *cf)
{
    struct proxy *px;
    struct listener *li;
    bool ok = true;

    list_each (px, &cf->proxies, link) {
        if (px->disabled)
            continue;
        list_each (li, &px->listeners, link)
            ok &= listener_open(li);
    }
    return ok;
}

/* ---- threads ---- */

static bool
register_listener(struct listener *li, unsigned tid)
{
    struct listener_thread *t = &li->threads[tid];

    t->li = li;
    t->resume.deliver = on_resume;
    if (!thread_allowed(li, tid))
        return true;
    if (!io_add(&t->io, li->fds[thread_rank(li, tid) % li->nfds], IO_IN | IO_LEVEL, on_readable))
        return false;
    t->watching = t->added = true;
    return true;
}

bool
listeners_thread_start(struct config *cf)
{
    struct proxy *px;
    struct listener *li;

    list_each (px, &cf->proxies, link)
        list_each (li, &px->listeners, link)
            if (li->nfds && !register_listener(li, loop_tid()))
                return false;
    return true;
}

void
listeners_thread_stop(struct config *cf)
{
    struct proxy *px;
    struct listener *li;

    list_each (px, &cf->proxies, link) {
        list_each (li, &px->listeners, link) {
            struct listener_thread *t = li->threads ? &li->threads[loop_tid()] : NULL;
            if (!t || !t->added)
                continue;
            timer_cancel(&t->rate_timer);
            io_del(&t->io);
            t->added = t->watching = false;
        }
    }
}

static void
listener_close(struct listener *li)
{
    for (unsigned i = 0; i < li->nfds; i++)
        close(li->fds[i]);
    li->nfds = 0;
    atomic_store(&li->state, LI_STOPPED);
}

void
listeners_close(struct config *cf)
{
    struct proxy *px;
    struct listener *li;

    list_each (px, &cf->proxies, link)
        list_each (li, &px->listeners, link)
            listener_close(li);
}

/* ---- pausing ---- */

void
frontend_pause(struct proxy *px)
{
    struct listener *li;

    atomic_store(&px->paused, true);
    list_each (li, &px->listeners, link)
        if (li->nfds)
            atomic_store(&li->state, LI_PAUSED);
}

void
frontend_thread_pause(struct proxy *px)
{
    struct listener *li;

    list_each (li, &px->listeners, link) {
        struct listener_thread *t = li->threads ? &li->threads[loop_tid()] : NULL;
        if (!t || !t->added)
            continue;
        timer_cancel(&t->rate_timer);
        io_del(&t->io);
        t->added = t->watching = false;
    }
}

void
frontend_suspend(struct proxy *px)
{
    struct listener *li;

    list_each (li, &px->listeners, link)
        for (unsigned i = 0; i < li->nfds && addr_is_ip(&li->addr) && !li->inherited; i++)
            shutdown(li->fds[i], SHUT_RD); /* an error means that it is so already */
}

void
frontend_stop(struct proxy *px)
{
    struct listener *li;

    atomic_store(&px->stopped, true);
    list_each (li, &px->listeners, link)
        listener_close(li);
}

bool
frontend_resume(struct proxy *px)
{
    struct listener *li;
    bool ok = true;

    list_each (li, &px->listeners, link) {
        for (unsigned i = 0; i < li->nfds && addr_is_ip(&li->addr) && !li->inherited; i++)
            ok &= listen(li->fds[i], (int)backlog_of(li)) == 0;
        if (li->nfds)
            atomic_store(&li->state, LI_LISTEN);
    }
    atomic_store(&px->paused, false);
    return ok;
}

void
frontend_thread_resume(struct proxy *px)
{
    struct listener *li;

    list_each (li, &px->listeners, link)
        if (li->nfds && !li->threads[loop_tid()].added && !register_listener(li, loop_tid()))
            log_printf(&px->log, NULL, LOGL_ERR, "Frontend %s cannot accept on a thread again.\n",
                       px->name);
}

void
listeners_look_again(struct proxy *only)
{
    struct proxy *px;
    struct listener *li;

    list_each (px, &config->proxies, link)
        if (!only || px == only)
            list_each (li, &px->listeners, link)
                if (li->threads)
                    resume_listener(li);
}

void
listeners_free(struct config *cf)
{
    struct proxy *px;
    struct listener *li;

    listeners_close(cf);
    list_each (px, &cf->proxies, link)
        list_each (li, &px->listeners, link) {
            free(li->fds);
            free(li->threads);
            li->fds = NULL;
            li->threads = NULL;
        }
}
