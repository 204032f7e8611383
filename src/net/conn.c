/* conn.c - connections: readiness, transfers, opening and closing.
 * Invariant: a flag says what the kernel said last; no transfer is tried against it. */
#include "net/conn.h"

#include "base/slab.h"
#include "base/tune.h"
#include "net/conn_code.h"
#include "net/netns.h"
#include "net/sys.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define PORT_TRIES_MAX 1024u /* source ports tried for one connection */

static __thread struct slab conns;

static void
conn_on_ready(struct io *io, unsigned ready)
{
    struct conn *c = container_of(io, struct conn, io);

    if (ready & IO_IN)
        c->flags |= CONN_RD_READY;
    if (ready & IO_OUT)
        c->flags |= CONN_WR_READY;
    if (ready & IO_HUP)
        c->flags |= CONN_HUP;
    if (c->on_event)
        c->on_event(c);
}

struct conn *
conn_new(int fd, unsigned flags)
{
    if (unlikely(!conns.size))
        slab_init(&conns, "connection", sizeof(struct conn), 0);
    struct conn *c = slab_zget(&conns);

    if (!c) {
        sys_close(fd);
        return NULL;
    }
    c->flags = flags;
    c->since_ms = loop_now_ms();
    list_init(&c->link);
    if (!io_add(&c->io, fd, IO_IN | IO_OUT, conn_on_ready)) {
        sys_close(fd);
        slab_put(&conns, c);
        return NULL;
    }
    return c;
}

/* Closing a TCP socket with unread bytes sends a reset, which can destroy our last bytes in the
 * peer's buffer. */
static void
drain_before_close(struct conn *c)
{
    if (c->flags & (CONN_ERR | CONN_EOF | CONN_LINGER_RST | CONN_CONNECTING) ||
        !(c->flags & CONN_RD_READY))
        return;
    char *junk = buf_scratch();
    for (int i = 0; i < 4; i++)
        if (sys_recv(c->io.fd, junk, SCRATCH_SIZE, 0) < (ssize_t)SCRATCH_SIZE)
            break;
}

void
conn_free(struct conn **cp)
{
    struct conn *c = *cp;

    if (!c)
        return;
    *cp = NULL;
    if (c->layer)
        c->layer->close(c);
    if (c->flags & CONN_LINGER_RST) {
        struct linger hard = { .l_onoff = 1 };
        setsockopt(c->io.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    } else if (!(c->flags & CONN_BACK)) {
        drain_before_close(c);
    }
    io_forget(&c->io);
    sys_close(c->io.fd);
    list_del(&c->link);
    buf_put(&c->rx);
    free(c->pp);
    slab_put(&conns, c);
}

int
conn_take_fd(struct conn **cp)
{
    struct conn *c = *cp;
    int fd = c->io.fd;

    *cp = NULL;
    io_del(&c->io);
    list_del(&c->link);
    buf_put(&c->rx);
    free(c->pp);
    slab_put(&conns, c);
    return fd;
}

unsigned
conn_count(void)
{
    return conns.in_use;
}

void
conn_thread_fini(void)
{
    if (conns.size)
        slab_fini(&conns);
    conns.size = 0;
}

/* ---- opening ---- */

static void
set_int(int fd, int level, int name, int value)
{
    /* A refused option is not worth a failed connection. */
    if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
        return;
}

bool
conn_set_cc(int fd, const char *algo)
{
    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, algo, (socklen_t)strlen(algo)) == 0;
}

bool
conn_set_md5sig(int fd, const struct addr *peer, bool any, const char *password)
{
    struct tcp_md5sig sig = { .tcpm_keylen = (uint16_t)strlen(password) };

    if (!addr_is_ip(peer) || sig.tcpm_keylen > sizeof(sig.tcpm_key))
        return false;
    memcpy(sig.tcpm_key, password, sig.tcpm_keylen);
    if (any) { /* everybody: the network of length 0 */
        sig.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX;
        sig.tcpm_addr.ss_family = peer->sa.sa_family;
        return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, &sig, sizeof(sig)) == 0;
    }
    memcpy(&sig.tcpm_addr, &peer->sa, peer->len);
    return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &sig, sizeof(sig)) == 0;
}

static void
apply_sock_opts(int fd, const struct addr *to, const struct sock_opts *o)
{
    if (addr_is_ip(to)) {
        set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        if (tune.notsent_lowat_server)
            set_int(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)tune.notsent_lowat_server);
        if (o && o->saves_ack)
            set_int(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
        if (o && o->tcp_ut_ms)
            set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, o->tcp_ut_ms);
    }
    if (!o)
        return;
    if (o->sndbuf)
        set_int(fd, SOL_SOCKET, SO_SNDBUF, (int)o->sndbuf);
    if (o->rcvbuf)
        set_int(fd, SOL_SOCKET, SO_RCVBUF, (int)o->rcvbuf);
    if (o->has_mark)
        set_int(fd, SOL_SOCKET, SO_MARK, (int)o->mark);
    if (o->has_tos)
        set_int(fd, to->kind == ADDR_IP6 ? IPPROTO_IPV6 : IPPROTO_IP,
                to->kind == ADDR_IP6 ? IPV6_TCLASS : IP_TOS, (int)o->tos);
    if (o->keepalive && addr_is_ip(to)) {
        set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        if (o->ka_cnt)
            set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, o->ka_cnt);
        if (o->ka_idle_s)
            set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, o->ka_idle_s);
        if (o->ka_intvl_s)
            set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, o->ka_intvl_s);
    }
    if (o->tfo && addr_is_ip(to))
        set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    if (o->cc && addr_is_ip(to))
        conn_set_cc(fd, o->cc);
    if (o->md5sig)
        conn_set_md5sig(fd, to, false, o->md5sig);
}

/* May the socket be bound to `from`? A port is only taken when the connection's four numbers are
 * known. */
static bool
bind_source(int fd, const struct addr *from, const struct sock_opts *o)
{
    if (o && o->interface &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->interface,
                   (socklen_t)strlen(o->interface) + 1) < 0)
        return false;
    if (!from || !addr_is_ip(from))
        return true;
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (o && o->transparent) {
        if (from->kind == ADDR_IP6)
            set_int(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1);
        else
            set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
    }
    if (addr_port(from) == 0)
        set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return bind(fd, &from->sa, from->len) == 0;
}

/* A socket that is connected or connecting; -1 and errno. */
static int
try_connect(const struct addr *to, const struct addr *from, const struct sock_opts *o, bool *done)
{
    int fd = netns_socket(o ? o->netns : NULL, to->sa.sa_family, SOCK_STREAM, 0);

    if (fd < 0)
        return -1;
    apply_sock_opts(fd, to, o);
    if (bind_source(fd, from, o)) {
        *done = sys_connect(fd, &to->sa, to->len) == 0;
        if (*done || errno == EINPROGRESS)
            return fd;
    }
    int err = errno;
    sys_close(fd);
    errno = err;
    return -1;
}

/* Which ports of the range are free towards this destination is known to the kernel. */
static int
try_range(const struct addr *to, const struct addr *from, const struct sock_opts *o, bool *done)
{
    unsigned n = o->port_high - o->port_low + 1u;
    struct addr a = *from;
    int fd = -1;

    for (unsigned i = 0; i < MIN(n, PORT_TRIES_MAX); i++) {
        unsigned k = atomic_fetch_add_explicit(o->port_next, 1, memory_order_relaxed);
        addr_set_port(&a, (uint16_t)(o->port_low + k % n));
        fd = try_connect(to, &a, o, done);
        if (fd >= 0 || (errno != EADDRINUSE && errno != EADDRNOTAVAIL))
            return fd;
    }
    return fd;
}

struct conn *
conn_connect(const struct addr *to, const struct addr *from, const struct sock_opts *opts, int *err)
{
    const struct addr *hop = opts && opts->socks4 ? opts->socks4 : to;
    bool range = opts && opts->port_high && from && addr_is_ip(from), done = false;

    *err = EADDRNOTAVAIL;
    if ((!addr_is_ip(to) && !addr_is_unix(to)) || (hop != to && to->kind != ADDR_IP4))
        return NULL;
    int fd = range ? try_range(hop, from, opts, &done) : try_connect(hop, from, opts, &done);
    if (fd < 0) {
        *err = errno;
        return NULL;
    }
    unsigned flags = CONN_BACK | CONN_CONNECTING | (addr_is_unix(to) ? CONN_UNIX : 0);
    if (hop != to)
        flags |= CONN_SOCKS4;
    if (done)
        flags = (flags & ~(unsigned)(hop != to ? 0 : CONN_CONNECTING)) | CONN_WR_READY;
    struct conn *c = conn_new(fd, flags);
    if (!c) {
        *err = ENOMEM;
        return NULL;
    }
    conn_set_dst(c, to);
    *err = 0;
    return c;
}

/* ---- SOCKS4 (https://www.openssh.com/txt/socks4.protocol) ---- */

#define SOCKS4_USER    "HAProxy" /* what proxies know us as */
#define SOCKS4_GRANTED 0x5a

static bool
connect_failed(struct conn *c, int err, enum conn_code code)
{
    c->flags = (c->flags & ~(unsigned)CONN_CONNECTING) | CONN_ERR;
    c->err = err;
    c->code = (uint8_t)code;
    return true;
}

/* Asks the proxy for c->dst. */
static bool
socks4_ask(struct conn *c)
{
    struct {
        uint8_t version, command;
        uint16_t port;
        struct in_addr ip;
        char user[sizeof(SOCKS4_USER)];
    } q = { 4, 1, c->dst.in.sin_port, c->dst.in.sin_addr, SOCKS4_USER };
    struct iovec iov = { &q, sizeof(q) };

    if (sys_sendv(c->io.fd, &iov, 1, 0) != (ssize_t)sizeof(q))
        return connect_failed(c, ECONNRESET, CONN_CODE_SOCKS4_SEND);
    c->flags |= CONN_SOCKS4_SENT;
    return false;
}

/* Reads the answer's eight bytes; what follows is the server's. True when that is over. */
static bool
socks4_answer(struct conn *c)
{
    uint8_t a[8];
    ssize_t n = sys_recv(c->io.fd, a, sizeof(a), MSG_PEEK);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return connect_failed(c, ECONNRESET,
                              n == 0 ? CONN_CODE_SOCKS4_ABORT : CONN_CODE_SOCKS4_RECV);
    if (n < (ssize_t)sizeof(a)) {
        c->flags &= ~(unsigned)CONN_RD_READY;
        if (c->flags & CONN_HUP)
            return connect_failed(c, ECONNRESET, CONN_CODE_SOCKS4_ABORT);
        return false;
    }
    if (sys_recv(c->io.fd, a, sizeof(a), 0) != (ssize_t)sizeof(a))
        return connect_failed(c, ECONNRESET, CONN_CODE_SOCKS4_RECV);
    if (a[0] != 0 || a[1] != SOCKS4_GRANTED)
        return connect_failed(c, ECONNREFUSED, CONN_CODE_SOCKS4_DENY);
    c->flags &= ~(unsigned)(CONN_CONNECTING | CONN_SOCKS4 | CONN_SOCKS4_SENT);
    return true;
}

bool
conn_connect_done(struct conn *c)
{
    if (!(c->flags & CONN_CONNECTING))
        return true;
    if (c->flags & CONN_SOCKS4_SENT)
        return c->flags & CONN_RD_READY && socks4_answer(c);
    if (!(c->flags & CONN_WR_READY))
        return false;
    int e = sys_sock_error(c->io.fd);
    if (e) {
        c->flags = (c->flags & ~(unsigned)CONN_CONNECTING) | CONN_ERR;
        c->err = e;
        return true;
    }
    if (c->flags & CONN_SOCKS4)
        return socks4_ask(c);
    c->flags &= ~(unsigned)CONN_CONNECTING;
    return true;
}

/* ---- transfers ---- */

static ssize_t
transfer_failed(struct conn *c, unsigned ready_flag)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        c->flags &= ~ready_flag;
        return 0;
    }
    if (errno == EINTR)
        return 0;
    c->flags |= CONN_ERR;
    c->flags &= ~ready_flag;
    c->err = errno;
    return 0;
}

ssize_t
conn_recv(struct conn *c, void *buf, size_t len)
{
    if (unlikely(c->layer))
        return c->layer->recv(c, buf, len);
    ssize_t n = sys_recv(c->io.fd, buf, len, 0);
    if (unlikely(n < 0))
        return transfer_failed(c, CONN_RD_READY);
    if (unlikely(n == 0)) {
        c->flags |= CONN_EOF;
        c->flags &= ~(unsigned)CONN_RD_READY;
        return 0;
    }
    /* A short read emptied the socket: no probe for EAGAIN. The announced end must still be read.
     */
    if ((size_t)n < len && !(c->flags & CONN_HUP))
        c->flags &= ~(unsigned)CONN_RD_READY;
    return n;
}

ssize_t
conn_sendv(struct conn *c, const struct iovec *iov, unsigned n, bool more)
{
    if (unlikely(c->layer))
        return c->layer->sendv(c, iov, n, more);
    ssize_t sent = sys_sendv(c->io.fd, iov, n, more ? MSG_MORE : 0);
    if (unlikely(sent < 0)) {
        transfer_failed(c, CONN_WR_READY);
        if (c->flags & CONN_ERR) /* what came before the reset can still be read */
            c->flags |= CONN_RD_READY;
        return 0;
    }
    size_t total = 0;
    for (unsigned i = 0; i < n; i++)
        total += iov[i].iov_len;
    if ((size_t)sent < total)
        c->flags &= ~(unsigned)CONN_WR_READY;
    return sent;
}

bool
conn_fill(struct conn *c)
{
    if (!(c->flags & CONN_RD_READY))
        return false;
    if (!c->rx && !(c->rx = buf_get())) {
        c->flags |= CONN_ERR;
        c->flags &= ~(unsigned)CONN_RD_READY;
        c->err = ENOMEM;
        return true;
    }
    size_t room = buf_room(c->rx);
    if (!room)
        return false;
    ssize_t n = conn_recv(c, c->rx->data + c->rx->tail, room);
    if (n > 0)
        c->rx->tail += (uint32_t)n;
    return n > 0 || c->flags & (CONN_EOF | CONN_ERR);
}

void
conn_drop_rx(struct conn *c)
{
    if (c->rx && buf_len(c->rx) == 0)
        buf_put(&c->rx);
}

void
conn_shut_wr(struct conn *c)
{
    if (c->flags & (CONN_SHUT_WR | CONN_ERR))
        return;
    c->flags |= CONN_SHUT_WR;
    if (c->layer && c->layer->shut_wr)
        c->layer->shut_wr(c);
    sys_shutdown(c->io.fd, SHUT_WR);
}

/* ---- addresses ---- */

static bool
kernel_addr(int (*get)(int, struct sockaddr *, socklen_t *), int fd, union conn_addr *a)
{
    socklen_t len = sizeof(*a);

    memset(a, 0, sizeof(*a));
    if (get(fd, &a->sa, &len) == 0)
        return true;
    a->sa.sa_family = AF_UNSPEC;
    return false;
}

/* For a client connection the peer is the source; for a server connection it is the destination. */
void
conn_need_src(struct conn *c)
{
    if (c->flags & CONN_SRC_SET)
        return;
    c->flags |= CONN_SRC_SET;
    kernel_addr(c->flags & CONN_BACK ? getsockname : getpeername, c->io.fd, &c->src);
}

void
conn_need_dst(struct conn *c)
{
    if (c->flags & CONN_DST_SET)
        return;
    c->flags |= CONN_DST_SET;
    kernel_addr(c->flags & CONN_BACK ? getpeername : getsockname, c->io.fd, &c->dst);
}

static void
expand(struct addr *to, const union conn_addr *from)
{
    if (from->sa.sa_family == AF_INET)
        addr_from_sockaddr(to, &from->sa, sizeof(from->in));
    else if (from->sa.sa_family == AF_INET6)
        addr_from_sockaddr(to, &from->sa, sizeof(from->in6));
    else {
        *to = (struct addr){ .kind = from->sa.sa_family == AF_UNIX ? ADDR_UNIX : ADDR_NONE };
        to->sa.sa_family = from->sa.sa_family;
    }
}

static void
compress(union conn_addr *to, const struct addr *from)
{
    memset(to, 0, sizeof(*to));
    if (from->kind == ADDR_IP4)
        to->in = from->in;
    else if (from->kind == ADDR_IP6)
        to->in6 = from->in6;
    else
        to->sa.sa_family = addr_is_unix(from) ? AF_UNIX : AF_UNSPEC;
}

void
conn_src(struct conn *c, struct addr *a)
{
    conn_need_src(c);
    expand(a, &c->src);
}

void
conn_dst(struct conn *c, struct addr *a)
{
    conn_need_dst(c);
    expand(a, &c->dst);
}

void
conn_set_src(struct conn *c, const struct addr *a)
{
    compress(&c->src, a);
    c->flags |= CONN_SRC_SET;
}

void
conn_set_dst(struct conn *c, const struct addr *a)
{
    compress(&c->dst, a);
    c->flags |= CONN_DST_SET;
}
