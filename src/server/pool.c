/* pool.c - idle server connections.
 * Invariant: an idle connection belongs to the thread whose loop it is registered with; only that
 * thread touches it. */
#include "server/pool.h"

#include "config/tune.h"
#include "net/sys.h"
#include "server/hooks.h"
#include "server/state_int.h"

#include <errno.h>

static struct srv_thread *
mine(const struct server *srv)
{
    return &srv->threads[loop_tid()];
}

/* One writer: no locked instruction. */
static void
add(_Atomic unsigned *to, unsigned n)
{
    atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* It stops being idle, or (`n` 1) begins to be. */
static void
count_idle(struct server *srv, struct srv_thread *t, const struct conn *c, unsigned n)
{
    add(&t->nidle, n);
    if (c->requests > 1)
        add(&t->nsafe, n);
    if (srv->pool_max_conn >= 0)
        atomic_fetch_add_explicit(&srv->pooled, n, memory_order_relaxed);
}

struct srv_conns
pool_conns(const struct server *srv)
{
    struct srv_conns n = { 0 };

    for (unsigned i = 0; srv->threads && i < server_nthread(); i++) {
        const struct srv_thread *t = &srv->threads[i];
        n.used += atomic_load_explicit(&t->nused, memory_order_relaxed);
        n.idle += atomic_load_explicit(&t->nidle, memory_order_relaxed);
        n.safe += atomic_load_explicit(&t->nsafe, memory_order_relaxed);
    }
    n.safe = MIN(n.safe, n.idle);
    return n;
}

/* An idle connection has nothing to say: whatever happens to it, it is over. */
static void
on_idle_event(struct conn *c)
{
    if (!(c->flags & (CONN_RD_READY | CONN_HUP | CONN_ERR)))
        return;
    struct server *srv = c->target;

    count_idle(srv, mine(srv), c, -1u);
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
    struct srv_thread *t = mine(srv);

    if (!atomic_load_explicit(&t->nidle, memory_order_relaxed))
        return NULL;
    struct conn *c = find(&t->safe, hash);
    if (!c && use == POOL_ANY)
        c = find(&t->idle, hash);
    if (!c)
        return NULL;
    list_del(&c->link);
    count_idle(srv, t, c, -1u);
    add(&t->nused, 1);
    c->on_event = NULL;
    c->flags |= CONN_REUSED;
    return c;
}

static unsigned
close_older(struct srv_thread *t, struct list *l, int64_t before_ms, unsigned max)
{
    unsigned n = 0;

    while (n < max && !list_empty(l)) {
        struct conn *c = list_last(l, struct conn, link);
        if (c->since_ms > before_ms)
            break;
        count_idle(c->target, t, c, -1u);
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
    unsigned n = close_older(t, &t->idle, before, max);

    close_older(t, &t->safe, before, max - n);
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

/* Whether this thread's connections are more than its part of `percent` of the descriptors.
 * Without the tunables there is no such limit: docs/decisions/0009. */
static bool
above_share(unsigned percent)
{
    return unlikely(percent) &&
           (uint64_t)conn_count() * 100 * server_nthread() > (uint64_t)tune.maxsock * percent;
}

static bool
has_room(const struct server *srv)
{
    if (above_share(tune.pool_low_fd_ratio))
        return false;
    if (srv->pool_purge_ms == 0 || !server_is_up(srv))
        return false;
    if (atomic_load_explicit(&srv->admin, memory_order_relaxed) & SRVA_MAINT)
        return false;
    return srv->pool_max_conn < 0 ||
           atomic_load_explicit(&srv->pooled, memory_order_relaxed) < (unsigned)srv->pool_max_conn;
}

void
pool_put(struct server *srv, struct conn **cp)
{
    struct conn *c = *cp;
    struct srv_thread *t = mine(srv);

    *cp = NULL;
    conn_drop_rx(c);
    if (!is_silent(c) || !has_room(srv) ||
        (srv->max_reuse >= 0 && c->requests > (unsigned)srv->max_reuse)) {
        pool_closed(srv);
        conn_free(&c);
        return;
    }
    add(&t->nused, -1u);
    c->owner = srv;
    c->target = srv;
    c->on_event = on_idle_event;
    c->since_ms = loop_now_ms();
    list_push_front(c->requests > 1 ? &t->safe : &t->idle, &c->link);
    count_idle(srv, t, c, 1);
    if (!timer_armed(&t->purge) && srv->pool_purge_ms > 0)
        timer_set(&t->purge, loop_now_ms() + srv->pool_purge_ms, on_purge);
}

void
pool_flush(struct server *srv)
{
    struct srv_thread *t = mine(srv);

    close_older(t, &t->idle, INT64_MAX, UINT32_MAX);
    close_older(t, &t->safe, INT64_MAX, UINT32_MAX);
    timer_cancel(&t->purge);
}

void
pool_opened(struct server *srv)
{
    add(&mine(srv)->nused, 1);
}

bool
pool_close_one(struct server *srv)
{
    struct srv_thread *t = mine(srv);

    return close_older(t, &t->idle, INT64_MAX, 1) || close_older(t, &t->safe, INT64_MAX, 1);
}

bool
pool_make_room(struct server *srv)
{
    pool_opened(srv);
    if (above_share(tune.pool_high_fd_ratio))
        pool_close_one(srv);
    if (likely(!(srv->flags & SRVF_STRICT_MAXCONN)) || !srv->maxconn)
        return true;
    for (;;) {
        /* Of two threads that count themselves at the same moment at least one sees the other. */
        atomic_thread_fence(memory_order_seq_cst);
        struct srv_conns n = pool_conns(srv);
        if (n.used + n.idle <= srv->maxconn)
            return true;
        if (pool_close_one(srv))
            continue;
        pool_closed(srv);
        if (server_hooks.close_one_idle && n.idle)
            server_hooks.close_one_idle(srv); /* other threads': for the next attempt */
        return false;
    }
}

void
pool_closed(struct server *srv)
{
    add(&mine(srv)->nused, -1u);
}
