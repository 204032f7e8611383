/* pipe.c - moving bytes between sockets inside the kernel through recycled pipes. */
#include "base/tune.h"
#include "net/conn.h"
#include "net/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PIPES_KEPT 64           /* idle ones per thread */
#define PIPE_SIZE  (256 * 1024) /* asked for; the system may grant less */

static __thread struct splice_pipe *idle[PIPES_KEPT];
static __thread unsigned nidle;
static _Atomic unsigned pipes_open, pipes_idle;

static struct splice_pipe *
pipe_open(void)
{
    struct splice_pipe *p;

    if (tune.maxpipes && atomic_load_explicit(&pipes_open, memory_order_relaxed) >= tune.maxpipes)
        return NULL;
    if (!(p = malloc(sizeof(*p))))
        return NULL;
    if (pipe2(p->fd, O_NONBLOCK | O_CLOEXEC) < 0) {
        free(p);
        return NULL;
    }
    int size = fcntl(p->fd[0], F_SETPIPE_SZ, tune.pipesize ? (int)tune.pipesize : PIPE_SIZE);
    if (size < 0)
        size = fcntl(p->fd[0], F_GETPIPE_SZ);
    p->len = 0;
    p->size = size > 0 ? (size_t)size : 65536;
    atomic_fetch_add(&pipes_open, 1);
    return p;
}

static void
pipe_close(struct splice_pipe *p)
{
    sys_close(p->fd[0]);
    sys_close(p->fd[1]);
    free(p);
    atomic_fetch_sub(&pipes_open, 1);
}

struct splice_pipe *
pipe_get(void)
{
    if (!nidle)
        return pipe_open();
    atomic_fetch_sub_explicit(&pipes_idle, 1, memory_order_relaxed);
    return idle[--nidle];
}

void
pipe_put(struct splice_pipe **pp)
{
    struct splice_pipe *p = *pp;

    if (!p)
        return;
    *pp = NULL;
    if (p->len || nidle == PIPES_KEPT) {
        pipe_close(p);
        return;
    }
    idle[nidle++] = p;
    atomic_fetch_add_explicit(&pipes_idle, 1, memory_order_relaxed);
}

void
pipe_thread_fini(void)
{
    atomic_fetch_sub_explicit(&pipes_idle, nidle, memory_order_relaxed);
    while (nidle)
        pipe_close(idle[--nidle]);
}

void
conn_pipes(unsigned *open, unsigned *unused)
{
    *open = atomic_load_explicit(&pipes_open, memory_order_relaxed);
    *unused = MIN(atomic_load_explicit(&pipes_idle, memory_order_relaxed), *open);
}

ssize_t
conn_splice_in(struct conn *c, struct splice_pipe *p, size_t max)
{
    ssize_t n = sys_splice(c->io.fd, p->fd[1], max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    if (n > 0) {
        p->len += (size_t)n;
        return n;
    }
    if (n == 0) {
        c->flags |= CONN_EOF;
        c->flags &= ~(unsigned)CONN_RD_READY;
        return 0;
    }
    if (errno == EAGAIN) {
        /* Either the socket is empty or the pipe is full; with bytes in the pipe the latter is no
         * news. */
        if (!p->len)
            c->flags &= ~(unsigned)CONN_RD_READY;
    } else if (errno != EINTR) {
        c->flags |= CONN_ERR;
        c->flags &= ~(unsigned)CONN_RD_READY;
        c->err = errno;
    }
    return 0;
}

ssize_t
conn_splice_out(struct conn *c, struct splice_pipe *p, bool more)
{
    unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0);
    ssize_t n = sys_splice(p->fd[0], c->io.fd, p->len, flags);

    if (n > 0) {
        /* A short one is no proof that the socket is full: only EAGAIN promises an event. */
        p->len -= (size_t)n;
        return n;
    }
    if (n < 0 && errno == EAGAIN) {
        c->flags &= ~(unsigned)CONN_WR_READY;
    } else if (n < 0 && errno != EINTR) {
        c->flags |= CONN_ERR | CONN_RD_READY; /* as conn_sendv() */
        c->err = errno;
    }
    return 0;
}
