/* fetch_proxy.c - sample fetches about the frontend, the listener, the backend and the server of
 * the traffic at hand: names, numbers, timeouts. Manual 7.3.3. */
#include "fetch/fetch.h"

#include "proxy/stream_int.h"

/* ---- frontend and listener ---- */

enum fe_value { FE_ID, FE_CLIENT_TIMEOUT, FE_TARPIT_TIMEOUT, SO_ID, DST_CONN };

/** A tarpit lasts as long as a connect may, unless it has a timeout of its own. */
static int
tarpit_ms(const struct proxy *px)
{
    return px->timeout.tarpit ? px->timeout.tarpit : px->timeout.connect;
}

static bool
fetch_fe_number(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct session *sess = fetch_session(x);

    if (!sess)
        return false;
    switch ((enum fe_value)(uintptr_t) private) {
    case FE_ID:
        return fetch_give_int(out, sess->fe->id);
    case FE_CLIENT_TIMEOUT:
        return fetch_give_int(out, sess->fe->timeout.client);
    case FE_TARPIT_TIMEOUT:
        return fetch_give_int(out, tarpit_ms(sess->fe));
    case SO_ID:
        return sess->li && fetch_give_int(out, sess->li->id);
    case DST_CONN:
        return sess->li &&
               fetch_give_int(out, atomic_load_explicit(&sess->li->conn, memory_order_relaxed));
    }
    return false;
}

static bool
fetch_fe_name(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct session *sess = fetch_session(x);

    return sess && fetch_give_str(out, slice_str(sess->fe->name));
}

static bool
fetch_fe_defbe(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct session *sess = fetch_session(x);

    return sess && sess->fe->default_be &&
           fetch_give_str(out, slice_str(sess->fe->default_be->name));
}

static bool
fetch_so_name(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct session *sess = fetch_session(x);

    return sess && sess->li && fetch_give_str(out, slice_str(sess->li->name));
}

/* ---- backend ---- */

enum be_value { BE_ID, BE_SERVER, BE_TUNNEL, BE_CONNECT, BE_QUEUE, BE_TARPIT, BE_RETRIES };

static int64_t
be_value(const struct proxy *be, enum be_value v)
{
    switch (v) {
    case BE_ID:
        return be->id;
    case BE_SERVER:
        return be->timeout.server;
    case BE_TUNNEL:
        return be->timeout.tunnel;
    case BE_CONNECT:
        return be->timeout.connect;
    case BE_QUEUE:
        return be->timeout.queue ? be->timeout.queue : be->timeout.connect;
    case BE_TARPIT:
        return tarpit_ms(be);
    case BE_RETRIES:
        return be->retries;
    }
    return 0;
}

static bool
fetch_be_number(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct proxy *be = fetch_backend(x);

    return be && fetch_give_int(out, be_value(be, (enum be_value)(uintptr_t) private));
}

static bool
fetch_be_name(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct proxy *be = fetch_backend(x);

    return be && fetch_give_str(out, slice_str(be->name));
}

/* ---- what applies to the stream, after set-timeout ---- */

enum cur_value {
    CUR_CLIENT,
    CUR_SERVER,
    CUR_TUNNEL,
    CUR_CONNECT,
    CUR_QUEUE,
    CUR_TARPIT,
    CUR_RETRIES
};

static int64_t
cur_value(const struct stream *s, enum cur_value v)
{
    switch (v) {
    case CUR_CLIENT:
        return stream_timeout_client(s);
    case CUR_SERVER:
        return stream_timeout_server(s);
    case CUR_TUNNEL:
        return s->to_tunnel_ms >= 0 ? s->to_tunnel_ms : be_value(s->be, BE_TUNNEL);
    case CUR_CONNECT:
        return s->to_connect_ms >= 0 ? s->to_connect_ms : be_value(s->be, BE_CONNECT);
    case CUR_QUEUE:
        return s->to_queue_ms >= 0 ? s->to_queue_ms : be_value(s->be, BE_QUEUE);
    case CUR_TARPIT:
        return s->to_tarpit_ms >= 0 ? s->to_tarpit_ms : be_value(s->be, BE_TARPIT);
    case CUR_RETRIES:
        return s->flags & SF_COUNTED_BE ? (int64_t)s->retries_left + s->nretries : s->be->retries;
    }
    return 0;
}

static bool
fetch_cur(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return x->strm && fetch_give_int(out, cur_value(x->strm, (enum cur_value)(uintptr_t) private));
}

/* ---- server ---- */

static bool
fetch_srv_id(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct server *srv = fetch_server(x);

    return srv && fetch_give_int(out, srv->id);
}

static bool
fetch_srv_name(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct server *srv = fetch_server(x);

    return srv && fetch_give_str(out, slice_str(srv->name));
}

/* ---- rows ---- */

/* clang-format off */
#define ROW(name_, type_, needs_, fn_, value, help_)                                               \
    { name_, FETCH_NO_ARGS, type_, needs_, fn_, .help = help_, .private = FETCH_P(value) }
#define FE(name, value, help) ROW(name, SMP_SINT, NEEDS_FRONTEND, fetch_fe_number, value, help)
#define BE(name, value, help) ROW(name, SMP_SINT, NEEDS_BACKEND, fetch_be_number, value, help)
#define CUR(name, needs, value, help) ROW(name, SMP_SINT, needs, fetch_cur, value, help)

static const struct fetch proxy_fetches[] = {
    FE("fe_id", FE_ID, "number of the frontend"),
    FE("fe_client_timeout", FE_CLIENT_TIMEOUT, "timeout client of the frontend, ms"),
    FE("fe_tarpit_timeout", FE_TARPIT_TIMEOUT, "timeout tarpit of the frontend, ms"),
    FE("so_id", SO_ID, "number of the listening socket"),
    FE("dst_conn", DST_CONN, "connections of the listening socket"),
    ROW("fe_name", SMP_STR, NEEDS_FRONTEND, fetch_fe_name, 0, "name of the frontend"),
    ROW("fe_defbe", SMP_STR, NEEDS_FRONTEND, fetch_fe_defbe, 0, "name of the frontend's default backend"),
    ROW("so_name", SMP_STR, NEEDS_FRONTEND, fetch_so_name, 0, "name of the listening socket"),
    BE("be_id", BE_ID, "number of the backend"),
    BE("be_server_timeout", BE_SERVER, "timeout server of the backend, ms"),
    BE("be_tunnel_timeout", BE_TUNNEL, "timeout tunnel of the backend, ms"),
    BE("be_connect_timeout", BE_CONNECT, "timeout connect of the backend, ms"),
    BE("be_queue_timeout", BE_QUEUE, "timeout queue of the backend, ms"),
    BE("be_tarpit_timeout", BE_TARPIT, "timeout tarpit of the backend, ms"),
    BE("be_max_retries", BE_RETRIES, "retries of the backend"),
    ROW("be_name", SMP_STR, NEEDS_BACKEND, fetch_be_name, 0, "name of the backend"),
    CUR("cur_client_timeout", NEEDS_FRONTEND, CUR_CLIENT, "timeout client in force, ms"),
    CUR("cur_server_timeout", NEEDS_BACKEND, CUR_SERVER, "timeout server in force, ms"),
    CUR("cur_tunnel_timeout", NEEDS_BACKEND, CUR_TUNNEL, "timeout tunnel in force, ms"),
    CUR("cur_connect_timeout", NEEDS_BACKEND, CUR_CONNECT, "timeout connect in force, ms"),
    CUR("cur_queue_timeout", NEEDS_BACKEND, CUR_QUEUE, "timeout queue in force, ms"),
    CUR("cur_tarpit_timeout", NEEDS_CLIENT, CUR_TARPIT, "timeout tarpit in force, ms"),
    CUR("cur_max_retries", NEEDS_BACKEND, CUR_RETRIES, "retries in force"),
    ROW("srv_id", SMP_SINT, NEEDS_SRV_CHOSEN, fetch_srv_id, 0, "number of the server"),
    ROW("srv_name", SMP_STR, NEEDS_SRV_CHOSEN, fetch_srv_name, 0, "name of the server"),
    { 0 },
};
/* clang-format on */

const struct module fetch_proxy_module = { .name = "proxy fetches", .fetches = proxy_fetches };
