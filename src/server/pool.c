/* pool.c - idle server connections.
 * Invariant: an idle connection belongs to the thread whose loop it is registered with; only that
 * thread touches it. */
#include "server/pool.h"

#include "config/tune.h"
#include "net/sys.h"
#include "server/hooks.h"

#include <errno.h>

/* It stops being idle, or (`n` 1) begins to be. */
static void
count_idle(struct server *srv, const struct conn *c, unsigned n)
{
    atomic_fetch_add_explicit(&srv->idle_conns, n, memory_order_relaxed);
    if (c->requests > 1)
        atomic_fetch_add_explicit(&srv->safe_conns, n, memory_order_relaxed);
}

/* An idle connection has nothing to say: whatever happens to it, it is over. */
static void
on_idle_event(struct conn *c)
{
    if (!(c->flags & (CONN_RD_READY | CONN_HUP | CONN_ERR)))
        return;
    struct server *srv = c->target;
    struct srv_thread *t = &srv->threads[loop_tid()];

    t->nidle--;
    count_idle(srv, c, -1u);
    conn_free(&c);
}

static struct conn *
find(struct list *l, uint64_t hash)
{
    struct conn *c;

    list_each (c, l, link)
        if (c->hash == hash)
            return c;
    return NULL;
}

struct conn *
pool_take(struct server *srv, uint64_t hash, enum pool_use use)
{
    struct srv_thread *t = &srv->threads[loop_tid()];

    if (!t->nidle)
        return NULL;
    struct conn *c = find(&t->safe, hash);
    if (!c && use == POOL_ANY)
        c = find(&t->idle, hash);
    if (!c)
        return NULL;
    list_del(&c->link);
    t->nidle--;
    count_idle(srv, c, -1u);
    atomic_fetch_add_explicit(&srv->used_conns, 1, memory_order_relaxed);
    c->on_event = NULL;
    c->flags |= CONN_REUSED;
    return c;
}

static unsigned
close_older(struct list *l, int64_t before_ms, unsigned max)
{
    unsigned n = 0;

    while (n < max && !list_empty(l)) {
        struct conn *c = list_last(l, struct conn, link);
        if (c->since_ms > before_ms)
            break;
        count_idle(c->target, c, -1u);
        conn_free(&c);
        n++;
    }
    return n;
}

/* Half of what nobody needed for a whole interval goes. */
static void
on_purge(struct timer *timer)
{
    struct srv_thread *t = container_of(timer, struct srv_thread, purge);
    struct conn *any = !list_empty(&t->idle) ? list_first(&t->idle, struct conn, link)
                                             : list_first(&t->safe, struct conn, link);
    if (!any)
        return;
    struct server *srv = any->target;
    int64_t before = loop_now_ms() - srv->pool_purge_ms;
    unsigned max = t->nidle / 2 + 1;
    unsigned n = close_older(&t->idle, before, max);

    n += close_older(&t->safe, before, max - n);
    t->nidle -= n;
    if (t->nidle)
        timer_set(timer, loop_now_ms() + srv->pool_purge_ms, on_purge);
}

/* A transfer that ended exactly with the body does not tell whether the socket is empty: the kernel
 * does. */
static bool
is_silent(struct conn *c)
{
    char byte;

    if (c->rx || c->flags & (CONN_ERR | CONN_EOF | CONN_HUP | CONN_SHUT_WR))
        return false;
    if (!(c->flags & CONN_RD_READY))
        return true;
    if (c->layer && c->layer->pending && c->layer->pending(c))
        return false;
    if (sys_recv(c->io.fd, &byte, 1, MSG_PEEK) >= 0 || errno != EAGAIN)
        return false;
    c->flags &= ~(unsigned)CONN_RD_READY;
    return true;
}

static bool
has_room(const struct server *srv)
{
    unsigned idle = atomic_load_explicit(&srv->idle_conns, memory_order_relaxed);

    if (srv->pool_purge_ms == 0 || !server_is_up(srv))
        return false;
    if (atomic_load_explicit(&srv->admin, memory_order_relaxed) & SRVA_MAINT)
        return false;
    return srv->pool_max_conn < 0 || idle < (unsigned)srv->pool_max_conn;
}

void
pool_put(struct server *srv, struct conn **cp)
{
    struct conn *c = *cp;
    struct srv_thread *t = &srv->threads[loop_tid()];

    *cp = NULL;
    conn_drop_rx(c);
    if (!is_silent(c) || !has_room(srv) ||
        (srv->max_reuse >= 0 && c->requests > (unsigned)srv->max_reuse)) {
        pool_closed(srv);
        conn_free(&c);
        return;
    }
    atomic_fetch_sub_explicit(&srv->used_conns, 1, memory_order_relaxed);
    c->owner = srv;
    c->target = srv;
    c->on_event = on_idle_event;
    c->since_ms = loop_now_ms();
    list_push_front(c->requests > 1 ? &t->safe : &t->idle, &c->link);
    t->nidle++;
    count_idle(srv, c, 1);
    if (!timer_armed(&t->purge) && srv->pool_purge_ms > 0)
        timer_set(&t->purge, loop_now_ms() + srv->pool_purge_ms, on_purge);
}

void
pool_flush(struct server *srv)
{
    struct srv_thread *t = &srv->threads[loop_tid()];
    unsigned n = close_older(&t->idle, INT64_MAX, UINT32_MAX);

    n += close_older(&t->safe, INT64_MAX, UINT32_MAX);
    t->nidle -= n;
    timer_cancel(&t->purge);
}

void
pool_opened(struct server *srv)
{
    atomic_fetch_add_explicit(&srv->used_conns, 1, memory_order_relaxed);
}

bool
pool_close_one(struct server *srv)
{
    struct srv_thread *t = &srv->threads[loop_tid()];
    unsigned n = close_older(&t->idle, INT64_MAX, 1);

    if (!n)
        n = close_older(&t->safe, INT64_MAX, 1);
    t->nidle -= n;
    return n;
}

bool
pool_make_room(struct server *srv)
{
    pool_opened(srv);
    if (likely(!(srv->flags & SRVF_STRICT_MAXCONN)) || !srv->maxconn)
        return true;
    for (;;) {
        unsigned n = atomic_load_explicit(&srv->used_conns, memory_order_relaxed) +
                     atomic_load_explicit(&srv->idle_conns, memory_order_relaxed);
        if (n <= srv->maxconn)
            return true;
        if (pool_close_one(srv))
            continue;
        pool_closed(srv);
        if (server_hooks.close_one_idle && atomic_load(&srv->idle_conns))
            server_hooks.close_one_idle(srv); /* other threads': for the next attempt */
        return false;
    }
}

void
pool_closed(struct server *srv)
{
    atomic_fetch_sub_explicit(&srv->used_conns, 1, memory_order_relaxed);
}
