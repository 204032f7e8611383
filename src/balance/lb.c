/* lb.c - the frame around the algorithms: candidates, picking, accounting. */
#include "balance/lb_int.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct lb *(*lb_of)(struct proxy *px);
_Thread_local struct slice lb_log_message;

/* ---- random numbers: splitmix64, one stream per thread ---- */

uint64_t
lb_random(void)
{
    static _Thread_local uint64_t state;
    uint64_t z;

    if (unlikely(!state)) {
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        state = (uint64_t)ts.tv_nsec << 32 ^ (uint64_t)ts.tv_sec ^ (uintptr_t)&state ^
                (uint64_t)getpid() << 40;
    }
    z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* ---- candidates ---- */

struct retired {
    struct retired *next;
    void *p;
};

void
lb_retire(struct lb *lb, void *p)
{
    struct retired *r;

    if (!p)
        return;
    r = xmalloc(sizeof(*r));
    r->p = p;
    r->next = lb->retired;
    lb->retired = r;
}

static const struct lb_ops *
ops_of(const struct lb *lb)
{
    switch (lb->kind) {
    case LB_ROUNDROBIN:
        return &lb_ops_rr;
    case LB_STATIC_RR:
        return &lb_ops_static_rr;
    case LB_LEASTCONN:
        return &lb_ops_leastconn;
    case LB_FIRST:
        return &lb_ops_first;
    case LB_STICKY:
        return &lb_ops_sticky;
    case LB_RANDOM:
    case LB_DEFAULT:
        return &lb_ops_random;
    default:
        return lb->consistent ? &lb_ops_ring : &lb_ops_map;
    }
}

static void
set_reserve(struct lb *lb, unsigned n)
{
    _Atomic(struct server *) *set;

    if (n <= lb->set_max)
        return;
    set = xcalloc(n + n / 2, sizeof(*set));
    for (unsigned i = 0; i < lb->set_max; i++)
        atomic_init(&set[i], lb_at(lb, i));
    lb_retire(lb, (void *)atomic_load(&lb->set));
    atomic_store(&lb->set, set);
    lb->set_max = n + n / 2;
}

/** Counts the usable servers. Returns the first usable backup server. */
static const struct server *
count_usable(struct lb *lb)
{
    const struct server *s, *first_backup = NULL;

    lb->nact = lb->nbck = lb->wact = lb->wbck = 0;
    list_each (s, lb->servers, link) {
        if (!server_is_usable(s))
            continue;
        if (s->flags & SRVF_BACKUP) {
            if (!first_backup)
                first_backup = s;
            lb->nbck++;
            lb->wbck += server_eweight(s);
        } else {
            lb->nact++;
            lb->wact += server_eweight(s);
        }
    }
    return first_backup;
}

static bool
is_candidate(const struct lb *lb, const struct server *s, const struct server *first_backup)
{
    if (!server_is_usable(s))
        return false;
    if (lb->nact)
        return !(s->flags & SRVF_BACKUP);
    return lb->allbackups || s == first_backup;
}

/** Finds the candidates again: the usable active servers, or else all backup servers (option
 * allbackups), or else the first backup server. Lock held. */
static void
lb_refresh(struct lb *lb)
{
    const struct server *first_backup = count_usable(lb);
    unsigned n = 0, weight = 0;
    bool even = true;
    struct server *s;

    atomic_fetch_add_explicit(&lb->change, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    set_reserve(lb, lb->nservers);
    lb->wset = 0;
    list_each (s, lb->servers, link) {
        if (!is_candidate(lb, s, first_backup))
            continue;
        if (n == 0)
            weight = server_eweight(s);
        even &= server_eweight(s) == weight;
        lb->wset += server_eweight(s);
        atomic_store_explicit(&atomic_load(&lb->set)[n++], s, memory_order_relaxed);
    }
    atomic_store_explicit(&lb->nset, n, memory_order_release);
    atomic_store_explicit(&lb->even, even, memory_order_relaxed);
    lb->ops->rebuild(lb);
    atomic_fetch_add_explicit(&lb->change, 1, memory_order_release);
}

bool
lb_is_candidate(const struct lb *lb, const struct server *s)
{
    if (!server_is_usable(s))
        return false;
    if (!(s->flags & SRVF_BACKUP))
        return true;
    for (unsigned i = 0, n = lb_nset(lb); i < n; i++) {
        if (lb_at(lb, i) == s)
            return true;
    }
    return false;
}

static unsigned
count_servers(const struct list *servers)
{
    unsigned n = 0;

    for (const struct list *l = servers->next; l != servers; l = l->next)
        n++;
    return n;
}

void
lb_start(struct lb *lb, struct list *servers)
{
    pthread_mutexattr_t attr;

    /* short sections, few threads: spinning a little is cheaper than sleeping */
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&lb->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    lb->ops = ops_of(lb);
    lb->servers = servers;
    lb->nservers = count_servers(servers);
    if (!lb->draws)
        lb->draws = 2;
    atomic_store(&lb->set, NULL);
    lb->set_max = 0;
    lb->state = lb->retired = NULL;
    atomic_store(&lb->nset, 0);
    pthread_mutex_lock(&lb->lock);
    lb_refresh(lb);
    pthread_mutex_unlock(&lb->lock);
}

void
lb_stop(struct lb *lb)
{
    struct retired *r;

    if (!lb->ops)
        return;
    lb->ops->release(lb);
    while ((r = lb->retired)) {
        lb->retired = r->next;
        free(r->p);
        free(r);
    }
    free((void *)atomic_load(&lb->set));
    atomic_store(&lb->set, NULL);
    atomic_store(&lb->nset, 0);
    lb->ops = NULL;
    pthread_mutex_destroy(&lb->lock);
}

void
lb_update(struct lb *lb, struct server *s)
{
    (void)s;
    if (lb->ops) /* before lb_start() states are only noted */
        lb_refresh(lb);
}

void
lb_servers_changed(struct lb *lb)
{
    lb->nservers = count_servers(lb->servers);
    lb->ops->release(lb); /* forgets servers that are about to go */
    lb_refresh(lb);
}

/* ---- picking ---- */

struct server *
lb_last_resort(struct lb *lb, struct lb_request *q)
{
    unsigned n = lb_nset(lb);

    for (unsigned i = 0; q->avoid && i < n; i++) {
        if (lb_at(lb, i) == q->avoid && !server_is_full(q->avoid))
            return lb_at(lb, i);
    }
    q->full = n > 0;
    return NULL;
}

struct server *
lb_pick(struct lb *lb, struct sample_ctx *x, const struct server *avoid, bool *full)
{
    struct lb_request q = { .avoid = avoid };
    struct server *s;

    if (lb->ops->pick_fast) {
        s = lb->ops->pick_fast(lb, avoid);
        if (likely(s != NULL)) {
            *full = false;
            return s;
        }
    }
    if (lb->ops->hashes) /* evaluated outside the lock */
        q.has_key = lb_key(lb, x, &q.key);
    pthread_mutex_lock(&lb->lock);
    s = lb->ops->pick(lb, &q);
    pthread_mutex_unlock(&lb->lock);
    *full = q.full;
    // cppcheck-suppress returnDanglingLifetime ; the server is not a part of the query
    return s;
}

bool
lb_is_keyed(const struct lb *lb, struct sample_ctx *x)
{
    uint32_t key;

    return lb->ops && lb->ops->hashes && lb_key(lb, x, &key);
}

unsigned
server_dyn_maxconn(const struct server *s)
{
    const struct lb *lb = lb_of(s->px);
    unsigned fullconn, conn;

    if (!s->maxconn || s->minconn >= s->maxconn || !s->minconn || !lb->fullconn || !lb->be_conn)
        return s->maxconn;
    fullconn = *lb->fullconn;
    conn = atomic_load_explicit(lb->be_conn, memory_order_relaxed);
    if (!fullconn || conn >= fullconn)
        return s->maxconn;
    return MAX(s->minconn, (unsigned)((uint64_t)conn * s->maxconn / fullconn));
}

bool
server_is_full(const struct server *s)
{
    if (!s->maxconn)
        return false;
    return atomic_load_explicit(&s->queued, memory_order_relaxed) > 0 ||
           atomic_load_explicit(&s->served, memory_order_relaxed) >= server_dyn_maxconn(s);
}

/* ---- accounting ---- */

void
lb_account(struct lb *lb, struct server *s)
{
    if (!lb->ops || !lb->ops->moved)
        return;
    pthread_mutex_lock(&lb->lock);
    lb->ops->moved(lb, s);
    pthread_mutex_unlock(&lb->lock);
}

void
lb_take(struct server *s)
{
    struct lb *lb = lb_of(s->px);

    atomic_fetch_add(&s->served, 1);
    atomic_fetch_add_explicit(&lb->served, 1, memory_order_relaxed);
    lb_account(lb, s);
}

bool
lb_try_take(struct server *s)
{
    struct lb *lb = lb_of(s->px);
    unsigned served = atomic_load_explicit(&s->served, memory_order_relaxed);

    if (!s->maxconn) {
        lb_take(s);
        return true;
    }
    do {
        if (atomic_load_explicit(&s->queued, memory_order_relaxed) > 0 ||
            served >= server_dyn_maxconn(s))
            return false;
    } while (!atomic_compare_exchange_weak(&s->served, &served, served + 1));
    atomic_fetch_add_explicit(&lb->served, 1, memory_order_relaxed);
    lb_account(lb, s);
    return true;
}

void
lb_drop(struct server *s)
{
    struct lb *lb = lb_of(s->px);

    atomic_fetch_sub(&s->served, 1);
    atomic_fetch_sub_explicit(&lb->served, 1, memory_order_relaxed);
    lb_account(lb, s);
    queue_process(s);
}

const char *
lb_name(const struct lb *lb)
{
    static const char *const by_key[] = {
        [LB_SOURCE] = "source",     [LB_URI] = "uri",   [LB_URL_PARAM] = "url_param",
        [LB_HDR] = "hdr",           [LB_HASH] = "hash", [LB_RDP_COOKIE] = "rdp-cookie",
        [LB_LOG_HASH] = "log-hash",
    };
    const char *name = ops_of(lb)->name;

    return name ? name : by_key[lb->kind];
}

/* ---- what server/ calls ---- */

static void
hook_lock(struct proxy *px)
{
    pthread_mutex_lock(&lb_of(px)->lock);
}

static void
hook_unlock(struct proxy *px)
{
    pthread_mutex_unlock(&lb_of(px)->lock);
}

static void
hook_update(struct server *s)
{
    lb_update(lb_of(s->px), s);
}

static void
hook_totals(struct proxy *px, unsigned *active, unsigned *backup)
{
    *active = lb_of(px)->nact;
    *backup = lb_of(px)->nbck;
}

static bool
hook_is_dynamic(struct proxy *px)
{
    return ops_of(lb_of(px))->dynamic;
}

static void
hook_load(struct proxy *px, unsigned *weight, unsigned *conn)
{
    struct lb *lb = lb_of(px);

    pthread_mutex_lock(&lb->lock);
    *weight = (unsigned)((lb->wset + 15) / 16);
    pthread_mutex_unlock(&lb->lock);
    *conn = lb->be_conn ? atomic_load_explicit(lb->be_conn, memory_order_relaxed) : 0;
}

void
lb_install(void)
{
    server_lb = (struct server_lb){
        .lock = hook_lock,
        .unlock = hook_unlock,
        .update = hook_update,
        .totals = hook_totals,
        .is_dynamic = hook_is_dynamic,
        .load = hook_load,
        .redistribute = queue_redistribute,
        .grab = queue_grab,
    };
}
