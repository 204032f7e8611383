/* poll_epoll.c - waiting with epoll; clocks. The simulator links another file in its place. */
#include "base/epoch.h"
#include "loop/loop_int.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define POLL_EVENTS 256

struct poller {
    int epfd;
    struct io mail; /* eventfd that other threads write to */
    struct epoll_event ev[POLL_EVENTS];
    int nev, at; /* events of this turn; those before `at` were delivered or moved to the front: */
    int nlate;   /* of listeners and their like, which wait until the others are through */
};

static void
on_mail(struct io *io, unsigned ready)
{
    uint64_t n;

    if (ready & IO_IN)
        while (read(io->fd, &n, sizeof(n)) > 0)
            ;
}

bool
poller_open(struct loop *l)
{
    struct poller *p = xcalloc(1, sizeof(*p));

    p->epfd = epoll_create1(EPOLL_CLOEXEC);
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->poller = p;
    if (p->epfd < 0 || fd < 0 || !io_add(&p->mail, fd, IO_IN | IO_LEVEL, on_mail)) {
        int e = errno;
        if (fd >= 0)
            close(fd);
        if (p->epfd >= 0)
            close(p->epfd);
        free(p);
        errno = e;
        return false;
    }
    return true;
}

void
poller_close(struct loop *l)
{
    struct poller *p = l->poller;

    close(p->mail.fd);
    close(p->epfd);
    free(p);
}

void
poller_wake(struct loop *l)
{
    struct poller *p = l->poller;
    uint64_t one = 1;

    /* Fails only when the counter is full, and then the loop is awake anyway. */
    if (write(p->mail.fd, &one, sizeof(one)) < 0)
        return;
}

static uint32_t
epoll_mask(unsigned events)
{
    uint32_t m = events & IO_LEVEL ? 0 : EPOLLET | EPOLLRDHUP;

    if (events & IO_IN)
        m |= EPOLLIN;
    if (events & IO_OUT)
        m |= EPOLLOUT;
    return m;
}

bool
io_add(struct io *io, int fd, unsigned events, io_fn fn)
{
    struct poller *p = loop_this->poller;
    struct epoll_event ev = { .events = epoll_mask(events), .data.ptr = io };

    io->fd = fd;
    io->events = events;
    io->on_ready = fn;
    return epoll_ctl(p->epfd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

void
io_mod(struct io *io, unsigned events)
{
    struct poller *p = loop_this->poller;
    struct epoll_event ev = { .events = epoll_mask(events), .data.ptr = io };

    io->events = events;
    epoll_ctl(p->epfd, EPOLL_CTL_MOD, io->fd, &ev);
}

void
io_forget(struct io *io)
{
    struct poller *p = loop_this->poller;

    for (int i = 0; i < p->nev; i++)
        if ((i < p->nlate || i >= p->at) && p->ev[i].data.ptr == io)
            p->ev[i].data.ptr = NULL;
}

void
io_del(struct io *io)
{
    struct poller *p = loop_this->poller;

    io_forget(io);
    epoll_ctl(p->epfd, EPOLL_CTL_DEL, io->fd, NULL);
}

static unsigned
ready_of(uint32_t events)
{
    unsigned r = 0;

    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
        r |= IO_IN;
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        r |= IO_OUT;
    if (events & (EPOLLHUP | EPOLLRDHUP))
        r |= IO_HUP;
    if (events & EPOLLERR)
        r |= IO_ERR;
    return r;
}

/* Working time is what passes outside epoll_wait; only turns that really wait read the clock twice.
 */
static void
account(struct loop *l, int64_t slept_us)
{
    l->slept_us += slept_us;
    int64_t span = l->now_us - l->busy_since_us;
    if (span < 1000000)
        return;
    int64_t busy = span - l->slept_us;
    atomic_store_explicit(&l->busy_pct, (unsigned)(busy < 0 ? 0 : busy * 100 / span),
                          memory_order_relaxed);
    l->busy_since_us = l->now_us;
    l->slept_us = 0;
}

/* All events but those of listeners and their like, which are moved to the front. */
static void
deliver(struct poller *p)
{
    for (p->at = p->nlate = 0; p->at < p->nev;) {
        struct epoll_event *ev = &p->ev[p->at++];
        struct io *io = ev->data.ptr;
        if (p->at < p->nev) /* a cold connection's memory comes while this one is served */
            loop_prefetch(p->ev[p->at].data.ptr, 2);
        if (io && io->events & IO_LEVEL)
            p->ev[p->nlate++] = *ev;
        else if (io)
            io->on_ready(io, ready_of(ev->events));
    }
    p->nev = p->nlate;
    p->at = p->nlate = 0;
}

void
poller_late(struct loop *l)
{
    struct poller *p = l->poller;

    while (p->at < p->nev) {
        struct epoll_event *ev = &p->ev[p->at++];
        struct io *io = ev->data.ptr;
        if (io)
            io->on_ready(io, ready_of(ev->events));
    }
    p->nev = p->at = 0;
}

bool
poller_wait(struct loop *l, int wait_ms)
{
    struct poller *p = l->poller;
    int64_t before = 0;

    if (wait_ms != 0) {
        poller_clock(l);
        before = l->now_us;
        epoch_idle(); /* a sleeping thread must not keep what others have replaced */
    }
    int n = epoll_wait(p->epfd, p->ev, POLL_EVENTS, wait_ms);
    if (wait_ms != 0)
        epoch_busy();
    poller_clock(l);
    account(l, before ? l->now_us - before : 0);
    p->nev = n < 0 ? 0 : n;
    deliver(p);
    return p->nev > 0;
}

void
poller_clock(struct loop *l)
{
    struct timespec mono, wall;

    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    l->now_us = (int64_t)mono.tv_sec * 1000000 + mono.tv_nsec / 1000 + l->skipped_us;
    l->now_ms = l->now_us / 1000;
    l->wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000 + l->skipped_us;
}
