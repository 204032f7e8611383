/* fetch_log.c - sample fetches about what logs report: timers, byte counts, retries, dates,
 * deciding rules. Manual 7.3.2 to 7.3.6; each equals an alias of log-format where there is one. */
#include "fetch/fetch_log.h"

#include "config/cfg.h"
#include "rules/rule.h"

#define P(v) ((void *)(uintptr_t)(v))

/* ---- dates ---- */

/** Unit of a date argument, microseconds; 0 when unknown. */
static int64_t
unit_us(struct slice unit)
{
    return slice_eq(unit, SL("us"))   ? 1
           : slice_eq(unit, SL("ms")) ? 1000
           : slice_eq(unit, SL("s"))  ? 1000000
                                      : 0;
}

static bool
check_unit(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type == ARG_END)
        return true;
    arg[0].i = unit_us(arg[0].s);
    if (!arg[0].i)
        *err = xasprintf("expects 's', 'ms' or 'us', got '%.*s'", SLF(arg[0].s));
    return arg[0].i != 0;
}

static bool
fetch_date(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    int64_t us;

    if (!log_session(x))
        return false;
    us = private ? log_request_us(x) : log_accept_us(x);
    sample_set_int(out, us / (arg[0].type == ARG_END ? 1000000 : arg[0].i));
    return true;
}

/* ---- timers ---- */

#define TIME(member) P(offsetof(struct log_times, member))

static bool
fetch_timer(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct log_times t;

    if (!log_session(x))
        return false;
    log_times(x, &t);
    sample_set_int(out, *(const int64_t *)(const void *)((const char *)&t + (uintptr_t) private));
    return true;
}

/* ---- numbers of the stream ---- */

enum number { REQ_IN, REQ_OUT, RES_IN, RES_OUT, SRV_QUEUE, BE_QUEUE, RETRIES, ID32, STATUS };

static bool
fetch_number(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct stream *s = x->strm;
    uint64_t v = 0;

    if (!s)
        return false;
    switch ((enum number)(uintptr_t) private) {
    case REQ_IN:
        v = log_bytes_from_client(s);
        break;
    case REQ_OUT:
        v = s->req.out_bytes;
        break;
    case RES_IN:
        v = log_bytes_from_server(s);
        break;
    case RES_OUT:
        v = s->res.out_bytes;
        break;
    case SRV_QUEUE:
        v = s->srv_queue_pos;
        break;
    case BE_QUEUE:
        v = s->be_queue_pos;
        break;
    case RETRIES:
        v = s->nretries;
        break;
    case ID32:
        v = s->uniq_id;
        break;
    case STATUS:
        sample_set_int(out, log_status(s));
        return true;
    }
    sample_set_int(out, (int64_t)v);
    return true;
}

static bool
fetch_redispatched(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                   void *private)
{
    if (!x->strm)
        return false;
    sample_set_bool(out, log_redispatched(x->strm));
    return true;
}

static bool
fetch_term_state(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    char *p = arena_alloc(x->tmp, 2);

    if (!x->strm || !p)
        return false;
    p[0] = x->strm->term_cause;
    p[1] = x->strm->term_phase;
    sample_set_str(out, slice(p, 2));
    return true;
}

/* ---- deciding rules ---- */

static bool
fetch_rule_file(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct rule *r = x->strm ? x->strm->last_rule : NULL;

    if (!r || !r->loc.file)
        return false;
    sample_set_str(out, slice_str(r->loc.file));
    return true;
}

static bool
fetch_rule_line(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct rule *r = x->strm ? x->strm->last_rule : NULL;

    if (!r)
        return false;
    sample_set_int(out, r->loc.line);
    return true;
}

enum entity { LAST, WAITING };

/** "file:line" of the rule that ended the processing, or that it waited for. */
static bool
fetch_entity(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct stream *s = x->strm;
    const struct rule *r = !s                                         ? NULL
                           : (enum entity)(uintptr_t) private == LAST ? s->last_rule
                                                                      : s->resume;
    char *p;

    if (!r || !r->loc.file)
        return false;
    p = arena_printf(x->tmp, "%s:%u", r->loc.file, r->loc.line);
    if (!p)
        return false;
    sample_set_str(out, slice_str(p));
    return true;
}

// clang-format off
#define NO_ARGS { 0 }
#define UNIT { ARG_STR | ARG_OPT }
// clang-format on

const struct fetch log_fetches[] = {
    { "accept_date", UNIT, SMP_SINT, NEEDS_CLIENT, fetch_date,
      .help = "date of the connection, or of readiness for a request", check_unit, P(0),
      .usage = "[<unit>]" },
    { "request_date", UNIT, SMP_SINT, NEEDS_REQ_HTTP_ANY, fetch_date,
      .help = "date of the request's first byte", check_unit, P(1), .usage = "[<unit>]" },
    { "bc.timer.connect", NO_ARGS, SMP_SINT, NEEDS_SERVER, fetch_timer,
      .help = "ms to connect to the server (%Tc)", .private = TIME(connect) },
    { "fc.timer.handshake", NO_ARGS, SMP_SINT, NEEDS_CLIENT, fetch_timer,
      .help = "ms of handshakes (%Th)", .private = TIME(handshake) },
    { "fc.timer.total", NO_ARGS, SMP_SINT, NEEDS_FRONTEND, fetch_timer, .help = "ms in all (%Tt)",
      .private = TIME(total) },
    { "req.timer.hdr", NO_ARGS, SMP_SINT, NEEDS_REQ_HTTP, fetch_timer,
      .help = "ms to receive the request head (%TR)", .private = TIME(request) },
    { "req.timer.idle", NO_ARGS, SMP_SINT, NEEDS_REQ_HTTP, fetch_timer,
      .help = "ms idle before the request (%Ti)", .private = TIME(idle) },
    { "req.timer.queue", NO_ARGS, SMP_SINT, NEEDS_SERVER, fetch_timer, .help = "ms in queues (%Tw)",
      .private = TIME(queue) },
    { "req.timer.tq", NO_ARGS, SMP_SINT, NEEDS_REQ_HTTP, fetch_timer,
      .help = "ms up to the end of the request head (%Tq)", .private = TIME(tq) },
    { "res.timer.data", NO_ARGS, SMP_SINT, NEEDS_REQ_END, fetch_timer,
      .help = "ms of data transfer (%Td)", .private = TIME(data) },
    { "res.timer.hdr", NO_ARGS, SMP_SINT, NEEDS_RES_HTTP, fetch_timer,
      .help = "ms until the response head (%Tr)", .private = TIME(response) },
    { "txn.timer.total", NO_ARGS, SMP_SINT, NEEDS_REQ_HTTP_ANY, fetch_timer,
      .help = "ms from the request's first byte (%Ta)", .private = TIME(active) },
    { "txn.timer.user", NO_ARGS, SMP_SINT, NEEDS_STREAM, fetch_timer,
      .help = "ms as the user sees them (%Tu)", .private = TIME(user) },
    { "bytes_in", NO_ARGS, SMP_SINT, NEEDS_STREAM, fetch_number,
      .help = "bytes from the client (%U)", .private = P(REQ_IN) },
    { "bytes_out", NO_ARGS, SMP_SINT, NEEDS_REQ_END, fetch_number,
      .help = "bytes from the server (%B)", .private = P(RES_IN) },
    { "req.bytes_in", NO_ARGS, SMP_SINT, NEEDS_STREAM, fetch_number,
      .help = "bytes from the client (%U)", .private = P(REQ_IN) },
    { "req.bytes_out", NO_ARGS, SMP_SINT, NEEDS_STREAM, fetch_number, .help = "bytes to the server",
      .private = P(REQ_OUT) },
    { "res.bytes_in", NO_ARGS, SMP_SINT, NEEDS_REQ_END, fetch_number,
      .help = "bytes from the server (%B)", .private = P(RES_IN) },
    { "res.bytes_out", NO_ARGS, SMP_SINT, NEEDS_REQ_END, fetch_number,
      .help = "bytes to the client", .private = P(RES_OUT) },
    { "bc_be_queue", NO_ARGS, SMP_SINT, NEEDS_SERVER, fetch_number,
      .help = "requests before this one in the backend's queue (%bq)", .private = P(BE_QUEUE) },
    { "bc_srv_queue", NO_ARGS, SMP_SINT, NEEDS_SERVER, fetch_number,
      .help = "requests before this one in the server's queue (%sq)", .private = P(SRV_QUEUE) },
    { "txn.conn_retries", NO_ARGS, SMP_SINT, NEEDS_SERVER, fetch_number,
      .help = "connection retries so far (%rc)", .private = P(RETRIES) },
    { "txn.redispatched", NO_ARGS, SMP_BOOL, NEEDS_SERVER, fetch_redispatched,
      .help = "true after a redispatch" },
    { "txn.id32", NO_ARGS, SMP_SINT, NEEDS_INTERNAL, fetch_number,
      .help = "number of the request or TCP stream (%rt)", .private = P(ID32) },
    { "txn.status", NO_ARGS, SMP_SINT, NEEDS_RES_HTTP_ANY, fetch_number,
      .help = "status code as logged (%ST)", .private = P(STATUS) },
    { "txn.sess_term_state", NO_ARGS, SMP_STR, NEEDS_INTERNAL, fetch_term_state,
      .help = "termination state (%ts)" },
    { "last_rule_file", NO_ARGS, SMP_STR, NEEDS_INTERNAL, fetch_rule_file,
      .help = "file of the rule that decided" },
    { "last_rule_line", NO_ARGS, SMP_SINT, NEEDS_INTERNAL, fetch_rule_line,
      .help = "line of the rule that decided" },
    { "last_entity", NO_ARGS, SMP_STR, NEEDS_INTERNAL, fetch_entity,
      .help = "file:line of the rule that decided", .private = P(LAST) },
    { "waiting_entity", NO_ARGS, SMP_STR, NEEDS_INTERNAL, fetch_entity,
      .help = "file:line of the rule that was waited for", .private = P(WAITING) },
    { 0 },
};
