/* fetch_stream.c - sample fetches about the stream at hand: its cost, its priority, how its two
 * sides fare. Manual 7.3.2 and 7.3.4. */
#include "fetch/fetch.h"

#define FRONT NULL
#define BACK  FETCH_P(1)

/* ---- cost ---- */

enum cost { CPU_CALLS, CPU_NS_TOT, CPU_NS_AVG, LAT_NS_TOT, LAT_NS_AVG };

static bool
fetch_cost(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct stream *s = x->strm;
    uint64_t calls;

    if (!s)
        return false;
    calls = MAX(s->calls, 1u);
    switch ((enum cost)(uintptr_t) private) {
    case CPU_CALLS:
        return fetch_give_int(out, s->calls);
    case CPU_NS_TOT:
        return fetch_give_int(out, (int64_t)s->cpu_ns);
    case CPU_NS_AVG:
        return fetch_give_int(out, (int64_t)(s->cpu_ns / calls));
    case LAT_NS_TOT:
        return fetch_give_int(out, (int64_t)s->lat_ns);
    case LAT_NS_AVG:
        return fetch_give_int(out, (int64_t)(s->lat_ns / calls));
    }
    return false;
}

/* ---- priority ---- */

static bool
fetch_prio(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return x->strm && fetch_give_int(out, private ? x->strm->prio_offset : x->strm->prio_class);
}

/* ---- sides ---- */

static bool
fetch_aborted(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = private ? fetch_back(x) : fetch_front(x);
    unsigned flag = private ? SF_SRV_ABORT : SF_CLI_ABORT;

    if (!x->strm)
        return false;
    return fetch_give_bool(out, x->strm->flags & flag || (c && c->flags & CONN_ERR));
}

/** Number of the request on its connection; raw TCP has one stream, 0. */
static bool
fetch_id(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = private ? fetch_back(x) : fetch_front(x);
    const struct session *sess = fetch_session(x);

    if (!c || !sess)
        return false;
    if (!x->strm || !(x->strm->flags & SF_HTTP))
        return fetch_give_int(out, 0);
    return fetch_give_int(out, private ? c->requests : sess->nreq);
}

/** Resets of single streams are a matter of HTTP/2 and above: with HTTP/1 and TCP there never is
 * one. */
static bool
fetch_rst_code(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return false;
}

/* Layers that debug_str() tells about. */
enum debug_layer { DBG_STREAM = 1, DBG_MUX = 2, DBG_TRANSPORT = 4, DBG_CONN = 8, DBG_SOCKET = 16 };

static void
put_conn(struct out *o, const struct conn *c, unsigned layers)
{
    if (layers & DBG_SOCKET)
        out_printf(o, " fd=%d", c->io.fd);
    if (layers & DBG_CONN)
        out_printf(o, " conn.flg=%#x conn.err=%d conn.code=%u", c->flags, c->err, c->code);
    if (layers & DBG_TRANSPORT)
        out_printf(o, " xprt=%s", c->layer ? c->layer->name : "RAW");
    if (layers & DBG_MUX)
        out_printf(o, " mux.req=%u mux.glitches=%u mux.rx=%zu", c->requests, c->glitches,
                   c->rx ? buf_len(c->rx) : 0);
}

/** State of the layers, "name=value" each. */
static bool
fetch_debug(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = private ? fetch_back(x) : fetch_front(x);
    unsigned layers = arg[0].type != ARG_END && arg[0].i ? (unsigned)arg[0].i : ~0u;
    char text[512];
    struct out o = OUT(text);

    if (!c)
        return false;
    put_conn(&o, c, layers);
    if (layers & DBG_STREAM && x->strm) {
        const struct chan *ch = private ? &x->strm->res : &x->strm->req;
        out_printf(&o, " strm.step=%u strm.flg=%#x in=%llu out=%llu eom=%u/%u", x->strm->step,
                   x->strm->flags, (unsigned long long)ch->in, (unsigned long long)ch->out_bytes,
                   ch->eom_in, ch->eom_out);
    }
    return fetch_give_copy(x, out, SMP_STR, slice_trim(out_slice(&o)));
}

/* ---- what ended it ---- */

struct event {
    unsigned flag;
    char letter;
};

static void
put_events(struct out *o, const struct event *table, unsigned n, unsigned flags)
{
    for (unsigned i = 0; i < n; i++)
        if (flags & table[i].flag)
            out_char(o, table[i].letter);
}

/** "{fc,fmux,fsd,strm,bsd,bmux,bc}": e end of the peer's bytes, s end of ours announced, x error;
 * of the stream c aborted by the client, v by the server, t timeout, k killed, i answered here.
 * "-": the layer keeps none. */
static bool
fetch_term_events(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                  void *private)
{
    static const struct event of_conn[] = { { CONN_EOF, 'e' },
                                            { CONN_SHUT_WR, 's' },
                                            { CONN_ERR, 'x' } };
    static const struct event of_stream[] = { { SF_CLI_ABORT, 'c' },
                                              { SF_SRV_ABORT, 'v' },
                                              { SF_TIMEOUT, 't' },
                                              { SF_KILLED, 'k' },
                                              { SF_INTERNAL_REPLY, 'i' } };
    const struct conn *fc = fetch_front(x), *bc = fetch_back(x);
    char text[32];
    struct out o = OUT(text);

    if (!fc)
        return false;
    out_char(&o, '{');
    put_events(&o, of_conn, COUNT_OF(of_conn), fc->flags);
    out_str(&o, ",-,-,");
    put_events(&o, of_stream, COUNT_OF(of_stream), x->strm ? x->strm->flags : 0);
    out_str(&o, ",-,-,");
    if (bc)
        put_events(&o, of_conn, COUNT_OF(of_conn), bc->flags);
    else
        out_char(&o, '-');
    out_char(&o, '}');
    return fetch_give_copy(x, out, SMP_STR, out_slice(&o));
}

/* ---- waiting ---- */

/** True once no more data is waited for; before that there is no value. */
static bool
fetch_wait_end(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    if (!(x->opt & SMPO_FINAL))
        return fetch_later(x, out);
    return fetch_give_bool(out, true);
}

/* ---- rows ---- */

/* clang-format off */
#define ROW(name, type, needs, fn, help, private_) { name, FETCH_NO_ARGS, type, needs, fn, help, .private = private_ }
#define COST(name, cost, help) ROW(name, SMP_SINT, NEEDS_INTERNAL, fetch_cost, help, FETCH_P(cost))
#define OPT_INT { ARG_SINT | ARG_OPT }

static const struct fetch stream_fetches[] = {
    COST("cpu_calls", CPU_CALLS, "runs of the stream's task"),
    COST("cpu_ns_tot", CPU_NS_TOT, "ns spent in the stream's task, while profiling"),
    COST("cpu_ns_avg", CPU_NS_AVG, "ns per run of the stream's task, while profiling"),
    COST("lat_ns_tot", LAT_NS_TOT, "ns that the stream's task waited for its turns, while profiling"),
    COST("lat_ns_avg", LAT_NS_AVG, "ns that the stream's task waited for a turn, while profiling"),
    ROW("prio_class", SMP_SINT, NEEDS_INTERNAL, fetch_prio, "priority class in queues", NULL),
    ROW("prio_offset", SMP_SINT, NEEDS_INTERNAL, fetch_prio, "priority offset in queues", FETCH_P(1)),
    ROW("fs.aborted", SMP_BOOL, NEEDS_CLIENT5, fetch_aborted, "whether the client aborted the stream", FRONT),
    ROW("bs.aborted", SMP_BOOL, NEEDS_SERVER5, fetch_aborted, "whether the server aborted the stream", BACK),
    ROW("fs.id", SMP_SINT, NEEDS_CLIENT5, fetch_id, "number of the stream on the client connection", FRONT),
    ROW("bs.id", SMP_SINT, NEEDS_SERVER5, fetch_id, "number of the stream on the server connection", BACK),
    ROW("fs.rst_code", SMP_SINT, NEEDS_CLIENT5, fetch_rst_code, "code with which the client reset the stream", FRONT),
    ROW("bs.rst_code", SMP_SINT, NEEDS_SERVER5, fetch_rst_code, "code with which the server reset the stream", BACK),
    { "fs.debug_str", OPT_INT, SMP_STR, NEEDS_CLIENT5, fetch_debug, "internal state of the client side", .private = FRONT, .usage = "[<bitmap>]" },
    { "bs.debug_str", OPT_INT, SMP_STR, NEEDS_SERVER5, fetch_debug, "internal state of the server side", .private = BACK, .usage = "[<bitmap>]" },
    ROW("term_events", SMP_STR, NEEDS_INTERNAL, fetch_term_events, "what ended the layers of the stream; the format may change", NULL),
    ROW("wait_end", SMP_BOOL, NEEDS_INTERNAL, fetch_wait_end, "true when the inspection period is over", NULL),
    { 0 },
};
/* clang-format on */

const struct module fetch_stream_module = { .name = "stream fetches", .fetches = stream_fetches };
