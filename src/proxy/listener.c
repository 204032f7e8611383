/* listener.c - accepting connections: limits, threads, pauses, the end.
 *
 * Each worker thread has its own socket of an address (SO_REUSEPORT) where the kernel allows, else
 * all threads accept from one; listener_open.c makes them. A listener whose frontend or process is
 * full stops being watched until a connection is released. */

#include "proxy/listener_int.h"

#include "config/tune.h"
#include "net/sys.h"
#include "proxy/config.h"
#include "proxy/listener_pass.h"
#include "proxy/session.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

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
watch(struct listener_watch *t, bool on)
{
    if (t->watching == on || !t->added)
        return;
    t->watching = on;
    io_mod(&t->io, on ? IO_IN | IO_LEVEL : IO_LEVEL);
}

static void
on_resume(struct letter *m)
{
    struct listener_watch *t = container_of(m, struct listener_watch, resume);

    atomic_store(&t->resume_posted, false);
    if (atomic_load(&t->li->state) == LI_LISTEN)
        watch(t, true);
}

static void
on_rate_timer(struct timer *timer)
{
    struct listener_watch *t = container_of(timer, struct listener_watch, rate_timer);

    if (atomic_load(&t->li->state) == LI_LISTEN)
        watch(t, true);
}

/* Wakes the listeners that this release gives room to, on every thread. */
static void
resume_listener(struct listener *li)
{
    for (unsigned i = 0; i < li->nwatches; i++) {
        struct listener_watch *t = &li->watches[i];
        if (t->added && !t->watching && !atomic_exchange(&t->resume_posted, true))
            loop_post(config->loops[t->tid], &t->resume);
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

/** A connection that was accepted and counted. */
struct arrival {
    int fd;
    socklen_t len;
    union {
        struct sockaddr sa;
        struct sockaddr_storage storage;
    } peer;
};

/* Connections taken from the kernel's queue before the first of them is served. Serving each at
 * once would go on with clients that came meanwhile, and what earlier ones send last, their end
 * above all, would be noticed after the next ones were served and logged. */
#define ARRIVALS 16u

static void
give_connection(struct listener *li, int fd, const struct sockaddr *peer, socklen_t len)
{
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

/* Services answer from these ports: a client that comes from one may be a loop (RFC 6335, 6). */
static bool
has_privileged_port(const struct sockaddr *sa)
{
    /* sin_port and sin6_port are at the same place */
    const struct sockaddr_in *in = (const void *)sa;

    return (sa->sa_family == AF_INET || sa->sa_family == AF_INET6) && ntohs(in->sin_port) < 1024;
}

/* Accepts up to `max` connections. Returns how many; fewer when there are no more, or none may be
 * taken. */
static unsigned
take_arrivals(struct listener_watch *t, struct arrival *to, unsigned max)
{
    struct listener *li = t->li;
    const struct proxy *px = li->px;
    unsigned n = 0;

    for (unsigned i = 0; i < max; i++) {
        struct arrival *a = &to[n];
        if (is_full(li)) {
            watch(t, false);
            if (process_is_full(li))
                atomic_fetch_add_explicit(&listener_maxconn_reached, 1, memory_order_relaxed);
            atomic_store(&full_listeners, 1);
            return n;
        }
        if (n && px->maxconn &&
            atomic_load_explicit(&px->fe_conn, memory_order_relaxed) + n >= px->maxconn)
            return n; /* those taken are not sessions yet */
        a->len = sizeof(a->peer);
        a->fd = sys_accept(t->io.fd, &a->peer.sa, &a->len);
        if (a->fd < 0) {
            if (errno == ECONNABORTED || errno == EINTR)
                continue;
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                /* Out of descriptors: a pause, so that the loop does not spin. */
                watch(t, false);
                timer_set(&t->rate_timer, loop_now_ms() + 100, on_rate_timer);
            }
            return n;
        }
        if (a->len < sizeof(sa_family_t))
            a->peer.sa.sa_family = AF_UNIX;
        t->accepted++;
        if (unlikely(tune.reject_privileged_ports) && has_privileged_port(&a->peer.sa)) {
            sys_close(a->fd);
            continue;
        }
        count_connection(li);
        n++;
    }
    return n;
}

static void
on_readable(struct io *io, unsigned ready)
{
    struct listener_watch *t = container_of(io, struct listener_watch, io);
    struct listener *li = t->li;
    uint32_t wait_ms = 0;
    unsigned max = MIN(tune.maxaccept, allowed_by_rate(li, &wait_ms));
    struct arrival arrivals[ARRIVALS];

    if (wait_ms) {
        watch(t, false);
        timer_set(&t->rate_timer, loop_now_ms() + wait_ms, on_rate_timer);
        return;
    }
    for (unsigned taken = 0, n = ARRIVALS; taken < max && n == ARRIVALS; taken += n) {
        n = take_arrivals(t, arrivals, MIN(max - taken, ARRIVALS));
        for (unsigned i = 0; i < n; i++)
            give_connection(li, arrivals[i].fd, &arrivals[i].peer.sa, arrivals[i].len);
        if (atomic_load_explicit(&li->state, memory_order_relaxed) != LI_LISTEN)
            return;
    }
}

/* ---- threads ---- */

static bool
watch_begin(struct listener_watch *t)
{
    struct listener *li = t->li;

    t->resume.deliver = on_resume;
    if (!io_add(&t->io, li->fds[t->nfd], IO_IN | IO_LEVEL, on_readable))
        return false;
    t->watching = t->added = true;
    return true;
}

static void
watch_end(struct listener_watch *t)
{
    if (!t->added)
        return;
    timer_cancel(&t->rate_timer);
    io_del(&t->io);
    t->added = t->watching = false;
}

/* Calls fn for each socket of the listener that the calling thread watches; false once it does. */
static bool
each_watch(struct listener *li, bool (*fn)(struct listener_watch *t))
{
    for (unsigned i = 0; i < li->nwatches; i++)
        if (li->watches[i].tid == loop_tid() && !fn(&li->watches[i]))
            return false;
    return true;
}

bool
listeners_thread_start(struct config *cf)
{
    struct proxy *px;
    struct listener *li;

    list_each (px, &cf->proxies, link)
        list_each (li, &px->listeners, link)
            if (li->nfds && !each_watch(li, watch_begin))
                return false;
    return true;
}

#define LAST_CALL_MS 50 /* for clients that connected and are about to speak */

/* Whether connections in this socket's queue are lost when it is closed here. */
static bool
is_ours_alone(const struct listener *li, unsigned nfd)
{
    int heir = listener_inherited ? HEIR_OF_ALL : atomic_load(&listener_heir);

    return heir == HEIR_NONE || (heir == HEIR_OF_LAST && nfd + 1 < li->nfds);
}

/* Sends new clients of the address to the socket that an heir goes on with: our last one, or the
 * first after ours. Where there is no such socket the kernel chooses as before. */
static void
steer_to_heir(const struct listener *li)
{
    uint32_t index = atomic_load(&listener_heir) == HEIR_OF_LAST ? li->nfds - 1 : li->nfds;
    struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, index);
    struct sock_fprog prog = { 1, &code };

    if (setsockopt(li->fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)) < 0)
        return; /* they will be let in here for a moment, and then no more */
}

static void
steer_no_more(int fd)
{
    int unused = 0;

    if (setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof(unused)) < 0)
        return; /* there was no program */
}

static bool
last_call(const struct listener *li)
{
    bool alone = false;
    int off = 0;

    if (!addr_is_ip(&li->addr) || !li->nfds || li->fds[0] < 0)
        return false;
    for (unsigned i = 0; i < li->nfds; i++)
        if (is_ours_alone(li, i))
            alone |= setsockopt(li->fds[i], IPPROTO_TCP, TCP_DEFER_ACCEPT, &off, sizeof(off)) == 0;
    if (alone)
        steer_to_heir(li);
    return alone;
}

int
listeners_prepare_stop(struct config *cf)
{
    struct proxy *px;
    struct listener *li;
    int ms = 0;

    list_each (px, &cf->proxies, link)
        list_each (li, &px->listeners, link)
            if (last_call(li))
                ms = LAST_CALL_MS;
    return ms;
}

/* Clients that the kernel has let in already would be reset with the socket: they are served. */
static void
take_the_rest(struct listener_watch *t)
{
    for (unsigned last = 0; t->added && !is_full(t->li) && last != t->accepted;) {
        last = t->accepted;
        on_readable(&t->io, IO_IN);
    }
}

static bool
watch_stop(struct listener_watch *t)
{
    struct listener *li = t->li;

    if (!li->nfds)
        return true; /* stopped before */
    if (t->added) {
        t->accepted++;
        take_the_rest(t);
        watch_end(t);
    }
    /* The last one who accepts from the socket closes it. */
    if (atomic_fetch_sub(&li->users[t->nfd], 1) == 1) {
        if (atomic_load(&li->nopen) == 1)
            steer_no_more(li->fds[t->nfd]);
        close(li->fds[t->nfd]);
        li->fds[t->nfd] = -1;
        if (atomic_fetch_sub(&li->nopen, 1) == 1)
            atomic_store(&li->state, LI_STOPPED);
    }
    return true;
}

void
listeners_thread_stop(struct config *cf)
{
    struct proxy *px;
    struct listener *li;

    list_each (px, &cf->proxies, link)
        list_each (li, &px->listeners, link)
            each_watch(li, watch_stop);
}

static void
listener_close(struct listener *li)
{
    for (unsigned i = 0; i < li->nfds; i++)
        if (li->fds[i] >= 0)
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

static bool
watch_pause(struct listener_watch *t)
{
    watch_end(t);
    return true;
}

void
frontend_thread_pause(struct proxy *px)
{
    struct listener *li;

    list_each (li, &px->listeners, link)
        each_watch(li, watch_pause);
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
            ok &= listener_listen(li, li->fds[i]);
        if (li->nfds)
            atomic_store(&li->state, LI_LISTEN);
    }
    atomic_store(&px->paused, false);
    return ok;
}

static bool
watch_again(struct listener_watch *t)
{
    return t->added || watch_begin(t);
}

void
frontend_thread_resume(struct proxy *px)
{
    struct listener *li;

    list_each (li, &px->listeners, link)
        if (li->nfds && !each_watch(li, watch_again))
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
            free(li->users);
            free(li->watches);
            li->fds = NULL;
            li->users = NULL;
            li->watches = NULL;
            li->nwatches = 0;
        }
}
