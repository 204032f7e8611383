/* listener_open.c - listening sockets, as the bind lines want them: opened, inherited from a former
 * worker, or taken over from another process. */
#include "proxy/listener_int.h"

#include "config/tune.h"
#include "net/netns.h"
#include "net/sys.h"
#include "proxy/config.h"
#include "proxy/listener_pass.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_BACKLOG 10000u

/* ---- options ---- */

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
    bool defer = b->flags & BINDF_DEFER_ACCEPT || (client_first && !li->inherited);
    set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, defer);
    if (b->tcp_ss)
        set_int(fd, IPPROTO_TCP, TCP_SAVE_SYN, b->tcp_ss);
    if (tune.notsent_lowat_client)
        set_int(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)tune.notsent_lowat_client);
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

unsigned
listener_backlog(const struct listener *li)
{
    if (li->bind->backlog)
        return li->bind->backlog;
    if (li->px->backlog)
        return li->px->backlog;
    return li->px->maxconn ? li->px->maxconn : DEFAULT_BACKLOG;
}

/* Manual 4.2, option tcp-smart-accept: the response acknowledges the request. */
static bool
saves_ack(const struct proxy *px)
{
    if (px->mode == PX_HTTP)
        return !(px->no_options & PO_TCP_SMART_ACCEPT);
    return px->options & PO_TCP_SMART_ACCEPT;
}

bool
listener_listen(const struct listener *li, int fd)
{
    if (listen(fd, (int)listener_backlog(li)) < 0)
        return false;
    if (saves_ack(li->px) && addr_is_ip(&li->addr))
        set_int(fd, IPPROTO_TCP, TCP_QUICKACK, 0); /* after listen(), which resets it */
    return true;
}

/* What must be set before bind(), and is worth a failed start. */
static const char *
set_ip_options(int fd, const struct listener *li)
{
    const struct bind_conf *b = li->bind;
    const char *dev = b->interface;

    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (tune.reuseport)
        set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    set_listener_options(fd, li);
    if (dev && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, (socklen_t)strlen(dev) + 1) < 0)
        return "cannot bind listener to device";
    if (b->cc && !conn_set_cc(fd, b->cc))
        return "cannot set congestion control algorithm";
    if (b->md5sig && !conn_set_md5sig(fd, &li->addr, true, b->md5sig))
        return "cannot set TCP MD5 signature";
    return NULL;
}

static const char *
open_ip(struct listener *li, int *out)
{
    int fd = netns_socket(li->bind->netns, li->addr.sa.sa_family, SOCK_STREAM, 0);

    if (fd < 0)
        return "cannot create listening socket";
    const char *err = set_ip_options(fd, li);
    if (!err && bind(fd, &li->addr.sa, li->addr.len) < 0)
        err = "cannot bind socket";
    if (!err && !listener_listen(li, fd))
        err = "cannot listen to socket";
    if (err) {
        int e = errno;
        close(fd);
        errno = e;
        return err;
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
    else if (!(err = set_unix_access(li, un.sun_path)) && listen(fd, (int)listener_backlog(li)) < 0)
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
    if (bind(fd, &li->addr.sa, li->addr.len) < 0 || listen(fd, (int)listener_backlog(li)) < 0) {
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
    li->inherited = true;
    struct addr real;
    socklen_t alen = ADDR_SA_MAX;
    memset(&real, 0, sizeof(real));
    if (getsockname(fd, &real.sa, &alen) == 0) {
        addr_filled(&real, alen);
        real.fd = fd;
        li->addr = real;
    }
    set_listener_options(fd, li);
    int listening = 0;
    socklen_t len = sizeof(listening);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && !listening &&
        !listener_listen(li, fd))
        return "cannot listen to inherited socket";
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

/* The socket that a former worker or another process listened on; -1: none. */
static int
take_over(struct listener *li, unsigned n)
{
    char key[ADDR_TEXT_MAX + 32];
    int fd = -1;

    if (li->addr.kind == ADDR_FD)
        return -1;
    if (listener_inherited) {
        socket_key(&li->addr, n, key, sizeof(key));
        fd = listener_inherited(key);
    }
    if (fd < 0)
        fd = listener_pass_find(li);
    if (fd >= 0) {
        set_listener_options(fd, li);
        if (!listener_listen(li, fd)) {
            close(fd);
            fd = -1;
        }
    }
    return fd;
}

/* The next socket: one that exists already, else, as long as there are not enough, a new one.
 * *none: no more. */
static const char *
next_socket(struct listener *li, unsigned want, bool *none)
{
    char key[ADDR_TEXT_MAX + 32];
    struct addr written = li->addr;
    unsigned n = li->nfds;
    const char *err = NULL;

    *none = false;
    li->fds[n] = take_over(li, n);
    if (li->fds[n] < 0) {
        if (n < want)
            err = open_one(li, &li->fds[n]);
        else
            *none = true;
    }
    if (err || *none)
        return err;
    if (listener_opened && written.kind != ADDR_FD) {
        socket_key(&written, n, key, sizeof(key));
        listener_opened(key, li->fds[n]);
    }
    return NULL;
}

/* Sockets and threads meet: every socket has somebody who accepts from it, and every thread that
 * may accept has a socket. */
static void
assign_threads(struct listener *li)
{
    unsigned n = thread_rank(li, config->nthread), i = 0;

    li->users = xcalloc(li->nfds, sizeof(*li->users));
    atomic_store(&li->nopen, li->nfds);
    if (!n)
        return;
    li->nwatches = MAX(n, li->nfds);
    li->watches = xcalloc(li->nwatches, sizeof(*li->watches));
    for (unsigned tid = 0; i < li->nwatches; tid = (tid + 1) % config->nthread) {
        if (!thread_allowed(li, tid))
            continue;
        struct listener_watch *w = &li->watches[i];
        w->li = li;
        w->tid = tid;
        w->nfd = i++ % li->nfds;
        atomic_fetch_add(&li->users[w->nfd], 1);
    }
}

#define SOCKETS_MAX 4096u /* of one address, taken over */

static bool
listener_open(struct listener *li)
{
    char text[ADDR_TEXT_MAX];
    unsigned want = sockets_of(li);
    bool none = false;

    li->nfds = 0;
    while (!none && li->nfds < SOCKETS_MAX) {
        li->fds = xrealloc(li->fds, (li->nfds + 1) * sizeof(*li->fds));
        const char *err = next_socket(li, want, &none);
        if (!err) {
            li->nfds += !none;
            continue;
        }
        if (li->nfds)
            break; /* the first one is enough to serve */
        fprintf(stderr, "[ALERT]    (%d) : Starting %s %s: %s (%s) [%s]\n", (int)getpid(),
                li->px->mode == PX_CLI ? "frontend" : proxy_kind(li->px), li->px->name, err,
                strerror(errno), addr_format(&li->addr, text, sizeof(text)));
        return false;
    }
    assign_threads(li);
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
    listener_pass_forget();
    return ok;
}
