/* fetch_internal.c - sample fetches about frontends, backends and servers named in the arguments.
 * Manual 7.3.2. */
#include "fetch/fetch.h"

#define LOAD(p) ((int64_t)atomic_load_explicit(&(p), memory_order_relaxed))

/* ---- frontends and backends ---- */

enum px_value {
    FE_CONN,
    FE_REQ_RATE,
    FE_SESS_RATE,
    BE_CONN,
    BE_SESS_RATE,
    NBSRV,
    QUEUE,
    AVG_QUEUE
};

static int64_t
rate_of(const struct freq_shared *f)
{
    return freq_shared_read(f, 1000, (uint64_t)loop_now_ms());
}

/** Servers that load balancing chooses from. */
static int64_t
usable_servers(struct proxy *px)
{
    return LOAD(px->stopped) ? 0 : LOAD(px->lb.nset);
}

/** Per usable server, rounded up; without any, twice what waits. */
static int64_t
average_queue(struct proxy *px)
{
    int64_t n = usable_servers(px), waiting = LOAD(px->queue.total);

    return n > 0 ? (waiting + n - 1) / n : waiting * 2;
}

static int64_t
px_value(struct proxy *px, enum px_value v)
{
    switch (v) {
    case FE_CONN:
        return LOAD(px->fe_conn);
    case FE_REQ_RATE:
        return rate_of(&px->fe_req_rate);
    case FE_SESS_RATE:
        return rate_of(&px->fe_sess_rate);
    case BE_CONN:
        return LOAD(px->be_conn);
    case BE_SESS_RATE:
        return rate_of(&px->be_sess_rate);
    case NBSRV:
        return usable_servers(px);
    case QUEUE:
        return LOAD(px->queue.total);
    case AVG_QUEUE:
        return average_queue(px);
    }
    return 0;
}

static bool
fetch_px(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct proxy *px = arg[0].u.px;

    return px && fetch_give_int(out, px_value(px, (enum px_value)(uintptr_t) private));
}

/* ---- free slots ---- */

static int64_t
free_conns(const struct server *s)
{
    return MAX((int64_t)MAX(s->maxconn, s->minconn) - LOAD(s->cur_sess), 0);
}

/** Sum over the servers of one kind that are in use, the first backup server only unless there is
 * option allbackups; -1 when one of them has no limit. *n: how many there are. */
static int64_t
free_conns_of(const struct proxy *px, bool backup, unsigned *n)
{
    const struct server *s;
    int64_t sum = 0;

    *n = 0;
    list_each (s, &px->servers, link) {
        if (!!(s->flags & SRVF_BACKUP) != backup || !server_is_usable(s))
            continue;
        ++*n;
        if (!s->maxconn)
            return -1;
        sum += free_conns(s);
        if (backup && !(px->options & PO_ALLBACKUPS))
            break;
    }
    return sum;
}

static bool
fetch_be_conn_free(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                   void *private)
{
    struct proxy *px = arg[0].u.px;
    int64_t sum;
    unsigned n;

    if (!px)
        return false;
    sum = free_conns_of(px, false, &n);
    return fetch_give_int(out, n ? sum : free_conns_of(px, true, &n));
}

/** Free connections and places in the queues of all servers that are not down; -1 when one has no
 * limit. */
static bool
fetch_connslots(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct proxy *px = arg[0].u.px;
    const struct server *s;
    int64_t sum = 0;

    if (!px)
        return false;
    list_each (s, &px->servers, link) {
        if (LOAD(s->state) == SRV_STOPPED)
            continue;
        if (!s->maxconn || !s->maxqueue)
            return fetch_give_int(out, -1);
        sum += (int64_t)s->maxconn - LOAD(s->cur_sess) + (int64_t)s->maxqueue - LOAD(s->queued);
    }
    return fetch_give_int(out, sum);
}

/* ---- servers ---- */

enum srv_value {
    SRV_CONN,
    SRV_CONN_FREE,
    SRV_QUEUE,
    SRV_SESS_RATE,
    SRV_IWEIGHT,
    SRV_UWEIGHT,
    SRV_WEIGHT
};

static int64_t
srv_value(const struct server *s, enum srv_value v)
{
    switch (v) {
    case SRV_CONN:
        return LOAD(s->cur_sess);
    case SRV_CONN_FREE:
        return s->maxconn ? free_conns(s) : -1;
    case SRV_QUEUE:
        return LOAD(s->queued);
    case SRV_SESS_RATE:
        return rate_of(&s->sess_rate);
    case SRV_IWEIGHT:
        return s->uweight_cfg;
    case SRV_UWEIGHT:
        return LOAD(s->uweight);
    case SRV_WEIGHT:
        return server_shown_weight(s);
    }
    return 0;
}

static bool
fetch_srv(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct server *s = arg[0].u.srv;

    return s && fetch_give_int(out, srv_value(s, (enum srv_value)(uintptr_t) private));
}

static bool
fetch_srv_is_up(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct server *s = arg[0].u.srv;

    return s && fetch_give_bool(out, !(LOAD(s->admin) & SRVA_MAINT) && server_is_up(s));
}

/* ---- rows ---- */

/* clang-format off */
#define ROW(name_, arg_, fn_, value, help_, usage_)                                                \
    { name_, { arg_ }, SMP_SINT, NEEDS_INTERNAL, fn_, .help = help_, .private = FETCH_P(value), .usage = usage_ }
#define FE(name, value, help) ROW(name, ARG_FRONTEND, fetch_px, value, help, "[<frontend>]")
#define BE(name, value, help) ROW(name, ARG_BACKEND, fetch_px, value, help, "[<backend>]")
#define SRV(name, value, help) ROW(name, ARG_SERVER, fetch_srv, value, help, "[<backend>/]<server>")

static const struct fetch internal_fetches[] = {
    FE("fe_conn", FE_CONN, "connections of a frontend"),
    FE("fe_req_rate", FE_REQ_RATE, "requests per second of a frontend"),
    FE("fe_sess_rate", FE_SESS_RATE, "sessions per second of a frontend"),
    BE("be_conn", BE_CONN, "connections of a backend"),
    BE("be_sess_rate", BE_SESS_RATE, "sessions per second of a backend"),
    BE("nbsrv", NBSRV, "usable servers of a backend"),
    BE("queue", QUEUE, "requests that wait in a backend and its servers' queues"),
    BE("avg_queue", AVG_QUEUE, "waiting requests of a backend per usable server"),
    ROW("be_conn_free", ARG_BACKEND, fetch_be_conn_free, 0, "free connections of a backend's servers", "[<backend>]"),
    ROW("connslots", ARG_BACKEND, fetch_connslots, 0, "free connections and queue places of a backend's servers", "[<backend>]"),
    SRV("srv_conn", SRV_CONN, "connections of a server"),
    SRV("srv_conn_free", SRV_CONN_FREE, "free connections of a server"),
    SRV("srv_queue", SRV_QUEUE, "requests in a server's queue"),
    SRV("srv_sess_rate", SRV_SESS_RATE, "sessions per second of a server"),
    SRV("srv_iweight", SRV_IWEIGHT, "configured weight of a server"),
    SRV("srv_uweight", SRV_UWEIGHT, "weight of a server as set by the user"),
    SRV("srv_weight", SRV_WEIGHT, "weight of a server now"),
    { "srv_is_up", { ARG_SERVER }, SMP_BOOL, NEEDS_INTERNAL, fetch_srv_is_up,
      .help = "whether a server is up", .usage = "[<backend>/]<server>" },
    { 0 },
};
/* clang-format on */

const struct module fetch_internal_module = { .name = "internal state fetches",
                                              .fetches = internal_fetches };
