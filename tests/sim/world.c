/* world.c - chance, virtual time, virtual sockets, and the loop's poller on top of them.
 *
 * A byte sent arrives later, in pieces that chance decides; a socket holds a limited number of
 * bytes. Readiness is reported as edges, as epoll does. */
#include "loop/loop_int.h"
#include "net/sys.h"
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FD_BASE  1000
#define FD_COUNT 4096
#define WINDOW   (96u * 1024) /* bytes on the way and unread */

/* ---- chance ---- */

static uint64_t state;

void
sim_seed(uint64_t seed)
{
    state = seed * 0x9e3779b97f4a7c15ull + 1;
}

uint64_t
sim_random(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

unsigned
sim_below(unsigned n)
{
    return (unsigned)(sim_random() % n);
}

bool
sim_once_in(unsigned n)
{
    return n && sim_below(n) == 0;
}

/* ---- time: a heap of things to do ---- */

struct event {
    int64_t at_us;
    uint64_t order;
    void (*fn)(void *arg);
    void *arg;
};

static struct event *events;
static unsigned nevents, events_size;
static uint64_t next_order;
static int64_t now_us = 1000000;
bool sim_quiet;

int64_t
sim_now_us(void)
{
    return now_us;
}

static bool
before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void
sim_after(int64_t us, void (*fn)(void *arg), void *arg)
{
    if (nevents == events_size)
        events =
            xrealloc(events, (events_size = events_size ? events_size * 2 : 256) * sizeof(*events));
    struct event e = { now_us + us, next_order++, fn, arg };
    unsigned i = nevents++;
    while (i && before(&e, &events[(i - 1) / 2])) {
        events[i] = events[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    events[i] = e;
}

static struct event
pop_event(void)
{
    struct event first = events[0], last = events[--nevents];
    unsigned i = 0;

    for (;;) {
        unsigned kid = i * 2 + 1;
        if (kid >= nevents)
            break;
        if (kid + 1 < nevents && before(&events[kid + 1], &events[kid]))
            kid++;
        if (!before(&events[kid], &last))
            break;
        events[i] = events[kid];
        i = kid;
    }
    if (nevents)
        events[i] = last;
    return first;
}

/* ---- sockets ---- */

struct sock {
    bool open, connected, refused, proxy_side;
    int peer; /* index of the other end, -1: gone */
    uint32_t generation;
    struct text in;    /* readable now */
    size_t on_the_way; /* sent to us, not arrived */
    bool eof, eof_coming, reset;
    bool want_room; /* a write was short: tell when there is room */
    struct io *io;  /* proxy side */
    struct peer *model;
    unsigned edges; /* IO_* to report */
    bool shut;
};

static struct sock socks[FD_COUNT];
static unsigned open_fds;
struct peer *(*sim_on_connect)(void);
void (*sim_on_accept)(int fd);

static struct sock *
sock_of(int fd)
{
    return fd >= FD_BASE && fd < FD_BASE + FD_COUNT && socks[fd - FD_BASE].open
               ? &socks[fd - FD_BASE]
               : NULL;
}

static int
sock_new(void)
{
    for (int i = 0; i < FD_COUNT; i++) {
        if (socks[i].open)
            continue;
        uint32_t g = socks[i].generation + 1;
        text_fini(&socks[i].in);
        socks[i] = (struct sock){ .open = true, .peer = -1, .generation = g };
        open_fds++;
        return FD_BASE + i;
    }
    errno = EMFILE;
    return -1;
}

unsigned
sim_open_fds(void)
{
    return open_fds;
}

/* A socket at a moment: its number may serve another connection by the time. */
static void *
ticket(const struct sock *s)
{
    return (void *)((uintptr_t)(s - socks) | (uintptr_t)s->generation << 16);
}

static struct sock *
of_ticket(void *arg)
{
    struct sock *s = &socks[(uintptr_t)arg & 0xffff];
    return s->open && s->generation == (uint32_t)((uintptr_t)arg >> 16) ? s : NULL;
}

static void
wake_model(void *arg)
{
    struct sock *s = of_ticket(arg);

    if (s && s->model)
        s->model->on_ready(s->model);
}

static void
notify(struct sock *s, unsigned edge)
{
    if (s->proxy_side)
        s->edges |= edge;
    else if (s->model)
        sim_after(0, wake_model, ticket(s));
}

/* ---- bytes on the way ---- */

struct delivery {
    int to;
    uint32_t generation;
    enum { DATA, END, RESET } what;
    size_t len;
    char data[];
};

static int64_t last_arrival[FD_COUNT]; /* order is kept per direction */

static void
arrive(void *arg)
{
    struct delivery *d = arg;
    struct sock *s = &socks[d->to];

    if (s->open && s->generation == d->generation) {
        if (d->what == DATA) {
            s->on_the_way -= d->len;
            text_mem(&s->in, d->data, d->len);
            notify(s, IO_IN);
        } else if (d->what == END) {
            s->eof = true;
            notify(s, IO_IN | IO_HUP);
        } else {
            s->reset = true;
            notify(s, IO_IN | IO_OUT | IO_HUP | IO_ERR);
        }
    }
    free(d);
}

static void
send_off(int to, int what, const char *data, size_t len)
{
    struct delivery *d = xmalloc(sizeof(*d) + len);
    int64_t at = now_us + 20 + sim_below(sim_once_in(20) ? 200000 : 300);

    d->to = to;
    d->generation = socks[to].generation;
    d->what = what;
    d->len = len;
    if (len)
        memcpy(d->data, data, len);
    if (at < last_arrival[to])
        at = last_arrival[to];
    last_arrival[to] = at;
    sim_after(at - now_us, arrive, d);
}

/* The other end has closed: what still goes there is answered by a reset, behind what it sent
 * before. */
static ssize_t
lost(struct sock *s, size_t len)
{
    send_off((int)(s - socks), RESET, NULL, 0);
    return (ssize_t)len;
}

static ssize_t
do_send(struct sock *s, const char *p, size_t len)
{
    if (s->reset) {
        errno = s->eof ? EPIPE : ECONNRESET;
        return -1;
    }
    if (s->peer < 0)
        return lost(s, len);
    struct sock *o = &socks[s->peer];
    size_t held = o->in.len + o->on_the_way;
    size_t room = held < WINDOW ? WINDOW - held : 0;
    if (sim_once_in(8)) {
        size_t less = sim_below(2000);
        room = MIN(room, less);
    }
    size_t n = MIN(room, len);
    if (n < len)
        s->want_room = true;
    if (n == 0) {
        /* With nothing unread at the other end nobody would tell us: time does. */
        if (!held)
            notify(s, IO_OUT);
        errno = EAGAIN;
        return -1;
    }
    for (size_t at = 0; at < n;) {
        size_t piece = sim_once_in(3) ? 1 + sim_below(2000) : n - at;
        piece = MIN(piece, n - at);
        o->on_the_way += piece;
        send_off(s->peer, DATA, p + at, piece);
        at += piece;
    }
    return (ssize_t)n;
}

static void
made_room(struct sock *s)
{
    if (s->peer >= 0 && socks[s->peer].want_room) {
        socks[s->peer].want_room = false;
        notify(&socks[s->peer], IO_OUT);
    }
}

static ssize_t
do_recv(struct sock *s, char *p, size_t len, bool peek)
{
    /* As Linux does: what had arrived is read before an end, and an end before a reset. */
    if (!s->in.len) {
        if (s->eof)
            return 0;
        errno = s->reset ? ECONNRESET : EAGAIN;
        return -1;
    }
    size_t n = MIN(len, s->in.len);
    memcpy(p, s->in.p, n);
    if (!peek) {
        text_drop(&s->in, n);
        made_room(s);
    }
    return (ssize_t)n;
}

static void
do_shutdown(struct sock *s)
{
    if (s->shut || s->peer < 0)
        return;
    s->shut = true;
    send_off(s->peer, END, NULL, 0);
}

static void
do_close(int fd, bool reset)
{
    struct sock *s = sock_of(fd);

    if (!s)
        return;
    if (s->peer >= 0) {
        struct sock *o = &socks[s->peer];
        if (reset || s->in.len)
            send_off(s->peer, RESET, NULL, 0);
        else
            do_shutdown(s);
        o->peer = -1;
        if (o->want_room) {
            o->want_room = false;
            notify(o, IO_OUT);
        }
    }
    s->open = false;
    s->io = NULL;
    s->model = NULL;
    text_fini(&s->in);
    open_fds--;
}

/* ---- models ---- */

ssize_t
peer_recv(struct peer *p, void *buf, size_t len)
{
    struct sock *s = sock_of(p->fd);
    size_t some = 1 + sim_below(1500);

    return do_recv(s, buf, sim_once_in(4) ? MIN(len, some) : len, false);
}

ssize_t
peer_send(struct peer *p, const void *buf, size_t len)
{
    return do_send(sock_of(p->fd), buf, len);
}

void
peer_shutdown(struct peer *p)
{
    do_shutdown(sock_of(p->fd));
}

void
peer_close(struct peer *p, bool reset)
{
    do_close(p->fd, reset);
    p->fd = -1;
}

static void
accept_now(void *arg)
{
    int fd = (int)(intptr_t)arg;

    sim_on_accept(fd);
}

int
sim_connect_client(struct peer *p)
{
    int a = sock_new(), b = sock_new();

    ASSERT(a >= 0 && b >= 0);
    struct sock *mine = sock_of(a), *theirs = sock_of(b);
    p->fd = a;
    mine->model = p;
    mine->peer = b - FD_BASE;
    mine->connected = theirs->connected = true;
    theirs->peer = a - FD_BASE;
    theirs->proxy_side = true;
    theirs->edges = IO_OUT;
    sim_after(10 + sim_below(500), accept_now, (void *)(intptr_t)b);
    return b;
}

/* ---- the proxy's system calls ---- */

ssize_t
sys_recv(int fd, void *buf, size_t len, int flags)
{
    struct sock *s = sock_of(fd);

    if (!s) {
        errno = EBADF;
        return -1;
    }
    return do_recv(s, buf, len, flags & MSG_PEEK);
}

ssize_t
sys_sendv(int fd, const struct iovec *iov, unsigned n, int flags)
{
    struct sock *s = sock_of(fd);
    size_t total = 0;

    if (!s) {
        errno = EBADF;
        return -1;
    }
    if (!s->connected) {
        errno = EAGAIN;
        return -1;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!iov[i].iov_len)
            continue;
        ssize_t r = do_send(s, iov[i].iov_base, iov[i].iov_len);
        if (r < 0)
            return total ? (ssize_t)total : -1;
        total += (size_t)r;
        if ((size_t)r < iov[i].iov_len) {
            s->want_room = true;
            break;
        }
    }
    return (ssize_t)total;
}

ssize_t
sys_splice(int from, int to, size_t len, unsigned flags)
{
    /* One end is a real pipe, the other a virtual socket. */
    char buf[65536];
    struct sock *s = sock_of(from);

    if (s) {
        ssize_t n = do_recv(s, buf, MIN(len, sizeof(buf)), true);
        if (n <= 0)
            return n;
        ssize_t w = write(to, buf, (size_t)n);
        if (w > 0) {
            text_drop(&s->in, (size_t)w);
            made_room(s);
        }
        return w;
    }
    s = sock_of(to);
    if (!s || s->reset) {
        errno = EPIPE;
        return -1;
    }
    if (s->peer < 0) {
        ssize_t r = read(from, buf, MIN(len, sizeof(buf)));
        return r > 0 ? lost(s, (size_t)r) : r;
    }
    struct sock *o = &socks[s->peer];
    size_t held = o->in.len + o->on_the_way, room = held < WINDOW ? WINDOW - held : 0;
    room = MIN(MIN(room, len), sizeof(buf));
    if (!room) {
        s->want_room = true;
        errno = EAGAIN;
        return -1;
    }
    ssize_t n = read(from, buf, room);
    if (n > 0) {
        o->on_the_way += (size_t)n;
        send_off(s->peer, DATA, buf, (size_t)n);
    }
    return n;
}

int
sys_socket(int family, int type, int protocol)
{
    int fd = sock_new();

    if (fd >= 0)
        sock_of(fd)->proxy_side = true;
    return fd;
}

struct connecting {
    int fd;
    uint32_t generation;
};

static void
connected_now(void *arg)
{
    struct connecting *c = arg;
    struct sock *s = sock_of(c->fd);

    if (s && s->generation == c->generation) {
        struct peer *p = sim_on_connect();
        if (p) {
            int b = sock_new();
            ASSERT(b >= 0);
            struct sock *o = sock_of(b);
            p->fd = b;
            o->model = p;
            o->peer = c->fd - FD_BASE;
            o->connected = s->connected = true;
            s->peer = b - FD_BASE;
            s->edges |= IO_OUT;
        } else {
            s->refused = true;
            s->edges |= IO_IN | IO_OUT | IO_HUP | IO_ERR;
        }
    }
    free(c);
}

int
sys_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
    struct connecting *c = xmalloc(sizeof(*c));

    c->fd = fd;
    c->generation = sock_of(fd)->generation;
    sim_after(10 + sim_below(1000), connected_now, c);
    errno = EINPROGRESS;
    return -1;
}

int
sys_accept(int fd, struct sockaddr *sa, socklen_t *len)
{
    errno = EAGAIN;
    return -1;
}

int
sys_shutdown(int fd, int how)
{
    struct sock *s = sock_of(fd);

    if (s && how != SHUT_RD)
        do_shutdown(s);
    return 0;
}

int
sys_close(int fd)
{
    if (sock_of(fd)) {
        do_close(fd, false);
        return 0;
    }
    return close(fd);
}

int
sys_sock_error(int fd)
{
    struct sock *s = sock_of(fd);
    return !s ? EBADF : s->refused ? ECONNREFUSED : s->reset ? ECONNRESET : 0;
}

/* ---- the poller ---- */

bool
poller_open(struct loop *l)
{
    return true;
}

void
poller_close(struct loop *l)
{
    for (int i = 0; i < FD_COUNT; i++)
        text_fini(&socks[i].in);
    while (nevents)
        pop_event();
    free(events);
    events = NULL;
    events_size = 0;
}

void
poller_wake(struct loop *l)
{
}

bool
io_add(struct io *io, int fd, unsigned ev, io_fn fn)
{
    struct sock *s = sock_of(fd);

    io->fd = fd;
    io->events = ev;
    io->on_ready = fn;
    if (s) {
        s->io = io;
        if (s->in.len || s->eof)
            s->edges |= IO_IN | (s->eof ? IO_HUP : 0);
        if (s->connected)
            s->edges |= IO_OUT;
    }
    return true;
}

void
io_mod(struct io *io, unsigned ev)
{
    io->events = ev;
}

void
io_del(struct io *io)
{
    struct sock *s = sock_of(io->fd);

    if (s)
        s->io = NULL;
}

void
io_forget(struct io *io)
{
    io_del(io);
}

void
poller_clock(struct loop *l)
{
    l->now_us = now_us;
    l->now_ms = now_us / 1000;
    l->wall_us = 1700000000000000ll + now_us;
}

static bool
deliver_edges(void)
{
    bool any = false;

    for (int i = 0; i < FD_COUNT; i++) {
        struct sock *s = &socks[i];
        if (!s->open || !s->io || !s->edges)
            continue;
        unsigned e = s->edges;
        s->edges = 0;
        any = true;
        s->io->on_ready(s->io, e);
    }
    return any;
}

bool
poller_wait(struct loop *l, int wait_ms)
{
    int64_t until = wait_ms < 0 ? INT64_MAX : now_us + (int64_t)wait_ms * 1000;

    if (deliver_edges()) {
        poller_clock(l);
        return false;
    }
    if (wait_ms < 0 && !nevents) {
        sim_quiet = true;
        return false;
    }
    if (nevents && events[0].at_us <= until) {
        struct event e = pop_event();
        if (e.at_us > now_us)
            now_us = e.at_us;
        poller_clock(l);
        e.fn(e.arg);
        deliver_edges();
    } else if (until != INT64_MAX) {
        now_us = until;
    }
    poller_clock(l);
    return false; /* events come one by one here */
}

void
poller_late(struct loop *l)
{
}
