/* sum.c - adding up what the threads counted, and clearing it.
 *
 * A counter is written by one thread only, without atomic operations: readers of other threads use
 * relaxed loads, which on 64-bit machines see whole words. */
#include "stats/stats.h"

#include "server/check.h"

/* Samples that a sliding sum stands for: proxy/stream_stats.c. */
#define WINDOW 512u

static void
take_max(uint32_t *to, const uint32_t *from)
{
    count_max(to, __atomic_load_n(from, __ATOMIC_RELAXED));
}

static unsigned
nthreads(void)
{
    return config ? config->nthread : 0;
}

void
stats_sum_px(struct px_counters *to, const struct px_counters *from)
{
    memset(to, 0, sizeof(*to));
    for (unsigned t = 0; from && t < nthreads(); t++) {
#define X(n) to->n += count_get(&from[t].n);
        PX_COUNTERS(X)
#undef X
    }
}

/* A thread's sliding sum covers as many events as it saw, at most the window. */
static uint64_t
window_of(uint64_t events)
{
    return events < WINDOW ? events : WINDOW;
}

static uint64_t
average(uint64_t sum, uint64_t window)
{
    return window ? (sum + window - 1) / window : 0;
}

#define SUM_TIMES(to, c)                                                                           \
    do {                                                                                           \
        (to)->q_time += count_get(&(c)->q_time);                                                   \
        (to)->c_time += count_get(&(c)->c_time);                                                   \
        (to)->d_time += count_get(&(c)->d_time);                                                   \
        (to)->t_time += count_get(&(c)->t_time);                                                   \
        take_max(&(to)->qtime_max, &(c)->qtime_max);                                               \
        take_max(&(to)->ctime_max, &(c)->ctime_max);                                               \
        take_max(&(to)->rtime_max, &(c)->rtime_max);                                               \
        take_max(&(to)->ttime_max, &(c)->ttime_max);                                               \
    } while (0)

#define AVERAGE_TIMES(to, window)                                                                  \
    do {                                                                                           \
        (to)->q_time = average((to)->q_time, window);                                              \
        (to)->c_time = average((to)->c_time, window);                                              \
        (to)->d_time = average((to)->d_time, window);                                              \
        (to)->t_time = average((to)->t_time, window);                                              \
    } while (0)

void
stats_sum_be(struct px_counters *to, const struct px_counters *from, bool http)
{
    uint64_t window = 0;

    stats_sum_px(to, from);
    for (unsigned t = 0; from && t < nthreads(); t++) {
        SUM_TIMES(to, &from[t]);
        window += window_of(count_get(http ? &from[t].req_tot : &from[t].stot));
    }
    AVERAGE_TIMES(to, window);
}

void
stats_sum_srv(struct srv_counters *to, const struct srv_counters *from, bool http)
{
    uint64_t window = 0;

    memset(to, 0, sizeof(*to));
    for (unsigned t = 0; from && t < nthreads(); t++) {
#define X(n) to->n += count_get(&from[t].n);
        SRV_COUNTERS(X)
#undef X
        SUM_TIMES(to, &from[t]);
        window += window_of(count_get(http ? &from[t].req_tot : &from[t].stot));
    }
    AVERAGE_TIMES(to, window);
}

/* ---- clearing ---- */

/* The thread's own words, which others may be reading. */
#define CLEAR_MAXIMA(c)                                                                            \
    do {                                                                                           \
        __atomic_store_n(&(c)->qtime_max, 0, __ATOMIC_RELAXED);                                    \
        __atomic_store_n(&(c)->ctime_max, 0, __ATOMIC_RELAXED);                                    \
        __atomic_store_n(&(c)->rtime_max, 0, __ATOMIC_RELAXED);                                    \
        __atomic_store_n(&(c)->ttime_max, 0, __ATOMIC_RELAXED);                                    \
    } while (0)

#define CLEAR_TIMES(c)                                                                             \
    do {                                                                                           \
        count_set(&(c)->q_time, 0);                                                                \
        count_set(&(c)->c_time, 0);                                                                \
        count_set(&(c)->d_time, 0);                                                                \
        count_set(&(c)->t_time, 0);                                                                \
    } while (0)

void
stats_clear_srv(struct srv_counters *c, bool all)
{
    CLEAR_MAXIMA(c);
    if (!all)
        return;
#define X(n) count_set(&c->n, 0);
    SRV_COUNTERS(X)
#undef X
    CLEAR_TIMES(c);
}

/* Streams that still run stay counted. */
static void
clear_px(struct px_counters *c, bool all)
{
    uint64_t open = c->strm_tot - c->strm_end;

    CLEAR_MAXIMA(c);
    if (!all)
        return;
#define X(n) count_set(&c->n, 0);
    PX_COUNTERS(X)
#undef X
    CLEAR_TIMES(c);
    count_set(&c->strm_tot, open);
}

void
stats_clear_thread(bool all)
{
    unsigned tid = loop_tid();
    struct proxy *px;
    struct server *srv;
    struct listener *li;

    list_each (px, &config->proxies, link) {
        if (px->fe_counters) {
            clear_px(&px->fe_counters[tid], all);
            clear_px(&px->be_counters[tid], all);
        }
        list_each (srv, &px->servers, link)
            if (srv->counters)
                stats_clear_srv(&srv->counters[tid], all);
        list_each (li, &px->listeners, link)
            if (li->counters)
                clear_px(&li->counters[tid], all);
    }
}

static void
clear_shared_srv(struct server *srv, bool all)
{
    atomic_store(&srv->cur_sess_max, atomic_load(&srv->cur_sess));
    atomic_store(&srv->queued_max, atomic_load(&srv->queued));
    atomic_store(&srv->sess_rate_max, 0u);
    if (!all)
        return;
    srv->down_transitions = 0;
    if (srv->check)
        srv->check->failed = 0;
}

void
stats_clear_server(struct server *srv)
{
    clear_shared_srv(srv, true);
}

void
stats_clear_shared(bool all)
{
    struct proxy *px;
    struct server *srv;
    struct listener *li;

    list_each (px, &config->proxies, link) {
        atomic_store(&px->fe_conn_max, atomic_load(&px->fe_conn));
        atomic_store(&px->be_conn_max, atomic_load(&px->be_conn));
        atomic_store(&px->fe_conn_rate_max, 0u);
        atomic_store(&px->fe_sess_rate_max, 0u);
        atomic_store(&px->fe_req_rate_max, 0u);
        atomic_store(&px->be_sess_rate_max, 0u);
        atomic_store(&px->queue.length_max, atomic_load(&px->queue.length));
        if (all)
            px->down_transitions = 0;
        list_each (srv, &px->servers, link)
            clear_shared_srv(srv, all);
        list_each (li, &px->listeners, link)
            atomic_store(&li->conn_max, atomic_load(&li->conn));
    }
    atomic_store(&config->conn_max, atomic_load(&config->conn));
    atomic_store(&config->conn_rate_max, 0u);
    atomic_store(&config->sess_rate_max, 0u);
    atomic_store(&config->ssl_rate_max, 0u);
    atomic_store(&config->ssl_keys_max[0], 0u);
    atomic_store(&config->ssl_keys_max[1], 0u);
}
