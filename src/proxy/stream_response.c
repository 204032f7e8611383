/* stream_response.c - steps from the sent request to the last byte of the response. */
#include "proxy/stream_int.h"

#include "config/tune.h"
#include "net/conn_code.h"
#include "proxy/error_capture.h"
#include "server/observe.h"

#include <errno.h>

static const struct h1_limits *
response_limits(const struct stream *s)
{
    return s->be->options & PO_RELAX_RES ? &stream_limits_relaxed : &stream_limits;
}

/* ---- the request body while the response is awaited ---- */

/* Returns false when the exchange is over (s->step was set). */
static bool
pump_request(struct stream *s, enum step_rc *rc)
{
    struct conn *cli = s->sess->conn;
    uint64_t before = s->req.in + s->req.out_bytes;

    if (s->req.eom_out)
        return true;
    enum pump_rc p = chan_pump(s, &s->req, cli, s->back);
    if (s->req.in + s->req.out_bytes != before)
        s->cli_act_ms = s->srv_act_ms = loop_now_ms();
    switch (p) {
    case PUMP_BAD_IN:
        s->reply.close = true;
        if (cli->flags & CONN_EOF) {
            s->flags |= SF_CLI_ABORT;
            FE_COUNT(s->fe, cli_abrt, 1);
            BE_COUNT(s->be, cli_abrt, 1);
            SRV_COUNT(s->srv, cli_abrt, 1);
            stream_kill(s, 'C', 'D'); /* nobody waits for an answer: status -1 in the log */
            *rc = step_goto(s, STEP_finish);
        } else {
            SFE_COUNT(s, ereq, 1);
            *rc = stream_error(s, 400, 'P', 'H');
        }
        return false;
    case PUMP_ERR_IN:
        s->reply.close = true;
        FE_COUNT(s->fe, cli_abrt, 1);
        BE_COUNT(s->be, cli_abrt, 1);
        SRV_COUNT(s->srv, cli_abrt, 1);
        *rc = stream_error(s, 400, 'C', 'D');
        return false;
    case PUMP_ERR_OUT:
        /* The server does not read on. It may have answered already: that is what counts. */
        s->req.eom_out = true;
        s->flags &= ~(unsigned)SF_KEEP_BACK;
        return true;
    default:
        return true;
    }
}

/* ---- content rules of TCP ---- */

enum step_rc
stream_step_response_tcp(struct stream *s)
{
    struct conn *c = s->back;
    enum step_rc rc;

    if (s->flags & SF_HTTP)
        return STEP_NEXT; /* run once the head is there */
    if (list_empty(&s->be->tcp_res_rules))
        return step_goto(s, STEP_forward);
    if (!pump_request(s, &rc))
        return rc;
    if (conn_fill(c))
        s->srv_act_ms = loop_now_ms();
    if (!(c->rx && buf_len(c->rx)) && !(c->flags & (CONN_EOF | CONN_ERR))) {
        int64_t at = deadline(s->srv_act_ms, stream_timeout_server(s));
        if (at && at <= loop_now_ms()) {
            stream_kill(s, 's', 'D');
            return step_goto(s, STEP_finish);
        }
        stream_arm(s, at);
        return STEP_WAIT;
    }
    rc = stream_run_rules(s, &s->be->tcp_res_rules, s->be, RS_TCP_RES, s->be->res_inspect_ms);
    return rc == STEP_NEXT ? step_goto(s, STEP_forward) : rc;
}

/* ---- response head ---- */

static enum step_rc
response_broken(struct stream *s, bool junk)
{
    struct conn *c = s->back;

    s->flags &= ~(unsigned)SF_KEEP_BACK;
    if (unlikely(c->code == CONN_CODE_SSL_EARLY_FAILED)) /* RFC 8470, section 5.2 */
        return stream_retry_request(s, RETRY_0RTT) ? STEP_GOTO : stream_error(s, 425, 'S', 'H');
    if (stream_retry_request(s, junk ? RETRY_JUNK : RETRY_EMPTY))
        return STEP_GOTO;
    if (junk)
        error_capture(s, true);
    SRV_COUNT(s->srv, eresp, 1);
    BE_COUNT(s->be, eresp, 1);
    if (!junk)
        stream_release_server(s); /* HAProxy's message of a server that goes down counts it out */
    server_observe_no_response(s->srv, junk                  ? SRV_OBS_HTTP_INVALID
                                       : c->flags & CONN_ERR ? SRV_OBS_HTTP_READ
                                                             : SRV_OBS_HTTP_CLOSED);
    return stream_error(s, 502, junk ? 'P' : 'S', 'H');
}

static enum step_rc
response_timeout(struct stream *s)
{
    s->flags &= ~(unsigned)SF_KEEP_BACK;
    if (stream_retry_request(s, RETRY_TIMEOUT))
        return STEP_GOTO;
    SRV_COUNT(s->srv, eresp, 1);
    BE_COUNT(s->be, eresp, 1);
    stream_release_server(s);
    server_observe_no_response(s->srv, SRV_OBS_HTTP_TIMEOUT);
    s->flags |= SF_TIMEOUT;
    return stream_error(s, 504, 's', 'H');
}

/* 100, 103 and other interim heads go to clients that understand them; more heads follow. */
static bool
forward_interim(struct stream *s, size_t used)
{
    struct conn *cli = s->sess->conn, *c = s->back;

    if (s->rq.version >= 11) {
        struct slice head = http_format_head(s, &s->rs, true);
        if (!head.p || s->res.tx)
            return false;
        struct iovec iov = { (char *)head.p, head.len };
        if (!chan_write(&s->res, cli, &iov, 1, false))
            return false;
    }
    c->rx->head += (uint32_t)used;
    if (!buf_len(c->rx))
        c->rx->head = c->rx->tail = 0;
    http_head_init(&s->rs, s->hdrs + stream_hdr_room(), stream_hdr_room(), &s->arena);
    h1_init(&s->res.h1, H1_RESPONSE, response_limits(s));
    return true;
}

static unsigned
retry_bit(unsigned status)
{
    static const struct {
        unsigned status, bit;
    } map[] = {
        { 401, RETRY_401 }, { 403, RETRY_403 }, { 404, RETRY_404 }, { 408, RETRY_408 },
        { 421, RETRY_421 }, { 425, RETRY_425 }, { 429, RETRY_429 }, { 500, RETRY_500 },
        { 501, RETRY_501 }, { 502, RETRY_502 }, { 503, RETRY_503 }, { 504, RETRY_504 },
    };

    for (unsigned i = 0; i < COUNT_OF(map); i++)
        if (map[i].status == status)
            return map[i].bit;
    return 0;
}

static enum step_rc
response_complete(struct stream *s, size_t used)
{
    struct conn *c = s->back;
    enum h1_framing framing = h1_framing_response(&s->rs, s->rq.meth);

    s->rs_ready = true;
    s->status = s->server_status = s->rs.status;
    s->t_data_us = loop_now_us();
    s->res.in += used;
    c->rx->head += (uint32_t)used;
    s->res_pin = c->rx->head;
    if (!chan_body_begin(s, &s->res, framing, s->rs.clen))
        return stream_error(s, 502, 'P', 'H');
    server_observe_layer7(s->srv, s->rs.status);
    unsigned bit = retry_bit(s->rs.status);
    if (bit && s->be->retry_on & bit && stream_retry_request(s, bit))
        return STEP_GOTO;
    return STEP_NEXT;
}

/* Parses what is there. STEP_WAIT: needs more bytes. */
static enum step_rc
parse_response(struct stream *s)
{
    struct conn *c = s->back;

    while (c->rx && buf_len(c->rx)) {
        size_t used = 0;
        enum h1_event ev = h1_head(&s->res.h1, buf_head(c->rx), buf_len(c->rx), &s->rs, &used);
        if (ev == H1_ERR)
            return response_broken(s, true);
        if (ev == H1_MORE)
            return buf_room(c->rx) ? STEP_WAIT : response_broken(s, true);
        if (s->rs.status == 101 && !(s->flags & SF_UPGRADE_ASKED))
            return response_broken(s, true);
        bool interim = s->rs.status >= 100 && s->rs.status < 200 && s->rs.status != 101;
        if (!interim)
            return response_complete(s, used);
        if (!forward_interim(s, used)) {
            s->reply.close = true;
            return stream_error(s, 502, 'C', 'H');
        }
    }
    return STEP_WAIT;
}

static bool
client_is_gone(struct stream *s)
{
    struct conn *cli = s->sess->conn;

    if (cli->flags & CONN_ERR)
        return true;
    if (!(cli->flags & CONN_HUP) || !s->req.eom_in || !(s->be->options & PO_ABORTONCLOSE))
        return false;
    /* Its half-close is passed on; the server may still answer. */
    if (!(s->back->flags & CONN_SHUT_WR) && s->req.eom_out && !s->back->layer) {
        conn_shut_wr(s->back);
        s->flags &= ~(unsigned)SF_KEEP_BACK;
    }
    return false;
}

static enum step_rc
client_left(struct stream *s, unsigned status)
{
    s->reply.close = true;
    s->flags = (s->flags | SF_CLI_ABORT) & ~(unsigned)SF_KEEP_BACK;
    FE_COUNT(s->fe, cli_abrt, 1);
    BE_COUNT(s->be, cli_abrt, 1);
    SRV_COUNT(s->srv, cli_abrt, 1);
    return stream_error(s, status, 'C', 'H');
}

/* The server closed because the client had, whose half-close was passed on. */
static bool
closed_after_client(const struct stream *s)
{
    return s->back->flags & CONN_EOF && s->back->flags & CONN_SHUT_WR &&
           s->sess->conn->flags & CONN_HUP;
}

enum step_rc
stream_step_response_head(struct stream *s)
{
    struct conn *c = s->back;
    enum step_rc rc = STEP_WAIT;

    if (!s->res.h1.limits) {
        h1_init(&s->res.h1, H1_RESPONSE, response_limits(s));
        http_head_init(&s->rs, s->hdrs + stream_hdr_room(), stream_hdr_room(), &s->arena);
    }
    if (!pump_request(s, &rc))
        return rc;
    for (;;) {
        if (c->flags & CONN_EOF || (c->flags & CONN_ERR && !(c->flags & CONN_RD_READY)))
            /* a head that stops in the middle as well */
            return closed_after_client(s) ? client_left(s, 400) : response_broken(s, false);
        if (!conn_fill(c))
            break;
        s->srv_act_ms = loop_now_ms();
        rc = parse_response(s);
        if (rc != STEP_WAIT)
            return rc;
    }
    if (client_is_gone(s))
        return client_left(s, 0);
    /* While the client still sends, its silence counts; afterwards the server's. */
    int64_t at_srv =
        s->req.eom_out || s->req.tx ? deadline(s->srv_act_ms, stream_timeout_server(s)) : 0;
    int64_t at_cli = s->req.eom_in ? 0 : deadline(s->cli_act_ms, stream_timeout_client(s));
    int64_t now = loop_now_ms();
    if (at_srv && at_srv <= now)
        return response_timeout(s);
    if (at_cli && at_cli <= now) {
        s->reply.close = true;
        s->flags |= SF_TIMEOUT;
        return stream_error(s, 408, 'c', 'H');
    }
    stream_arm(s, sooner(at_srv, at_cli));
    return STEP_WAIT;
}

/* ---- response rules ---- */

static enum step_rc
run_response_rules(struct stream *s, struct proxy *px)
{
    if (!list_empty(&px->http_res_rules))
        return stream_run_rules(s, &px->http_res_rules, px, RS_HTTP_RES, 0);
    return STEP_NEXT;
}

enum step_rc
stream_step_response_rules(struct stream *s)
{
    if (!s->resume) {
        s->rules_px = s->be;
        if (s->fe->captures)
            stream_capture_response(s);
        stream_log_at(s, LOGS_RESPONSE);
        if (stream_hooks.stick_store && (s->store || !list_empty(&s->be->stick_store_res)))
            stream_hooks.stick_store(s, true);
    }
    if (s->rules_px == s->be) {
        if (!s->tcp_res_done && !list_empty(&s->be->tcp_res_rules)) {
            enum step_rc rc = stream_run_rules(s, &s->be->tcp_res_rules, s->be, RS_TCP_RES, 0);
            if (rc != STEP_NEXT)
                return rc;
        }
        s->tcp_res_done = true;
        enum step_rc rc = run_response_rules(s, s->be);
        if (rc != STEP_NEXT)
            return rc;
        s->rules_px = s->fe;
        if (s->be == s->fe)
            return STEP_NEXT;
    }
    return run_response_rules(s, s->fe);
}

/* ---- sending it ---- */

/* False when a rewrite failed in strict mode: the response is not what it should be. */
static bool
run_after_rules(struct stream *s, struct proxy *px)
{
    const struct rule *resume = NULL;
    struct rule_ctx x = { .sess = s->sess, .strm = s, .set = RS_HTTP_AFTER, .final = true };

    if (list_empty(&px->http_after_rules))
        return true;
    x.x = stream_ctx(s, px, PT_FE_HTTP_RES, SMPO_RES | SMPO_FINAL);
    s->soft_rewrite = false;
    return rules_run(&px->http_after_rules, &resume, &x, NULL) != ACT_ERROR;
}

enum step_rc
stream_step_send_response(struct stream *s)
{
    struct conn *cli = s->sess->conn, *c = s->back;

    if (s->res.tx && !chan_flush(&s->res, cli)) { /* an interim response is still on its way */
        if (cli->flags & CONN_ERR)
            return stream_error(s, 502, 'C', 'D');
        stream_arm(s, deadline(s->cli_act_ms, stream_timeout_client(s)));
        return STEP_WAIT;
    }
    if ((s->be->cookie_name || s->be->options & PO_CHECKCACHE) && !stream_cookie_response(s))
        return stream_error(s, 502, 'P', 'H');
    if (!run_after_rules(s, s->be) || (s->fe != s->be && !run_after_rules(s, s->fe)))
        return stream_error(s, 500, 'P', 'H');
    s->status = s->rs.status;
    if (!http_prepare_response(s))
        return stream_error(s, 500, 'P', 'H');
    struct slice head = http_format_head(s, &s->rs, true);
    if (!head.p)
        return stream_error(s, 500, 'P', 'H');
    if (s->fe->options & PO_LOGASAP && !(s->flags & SF_LOGGED))
        stream_log(s);
    enum pump_rc rc = chan_open(s, &s->res, c, cli, head);
    if (rc == PUMP_BAD_IN) { /* the body is broken from its first bytes: nothing was sent yet */
        s->t_data_us = 0;    /* no answer at all, that is, for the log */
        SRV_COUNT(s->srv, eresp, 1);
        BE_COUNT(s->be, eresp, 1);
        return stream_error(s, 502, 'P', 'H');
    }
    stream_count_response(s);
    s->flags |= SF_RES_STARTED;
    s->cli_act_ms = loop_now_ms();
    if (rc == PUMP_ERR_OUT) {
        stream_kill(s, 'C', 'D');
        return step_goto(s, STEP_finish);
    }
    if (s->flags & SF_TUNNEL) {
        h1_body_init(&s->req.h1, H1_FRAME_TUNNEL, 0);
        h1_body_init(&s->res.h1, H1_FRAME_TUNNEL, 0);
        s->req.out = s->res.out = H1_FRAME_TUNNEL;
        s->req.eom_in = s->req.eom_out = s->res.eom_in = s->res.eom_out = false;
    }
    return STEP_NEXT;
}

/* ---- bodies ---- */

static enum step_rc
forward_over(struct stream *s, char cause, char phase)
{
    s->flags &= ~(unsigned)(SF_KEEP_FRONT | SF_KEEP_BACK);
    if (cause == 'C') {
        s->flags |= SF_CLI_ABORT;
        FE_COUNT(s->fe, cli_abrt, 1);
        BE_COUNT(s->be, cli_abrt, 1);
        SRV_COUNT(s->srv, cli_abrt, 1);
    } else if (cause == 'S') {
        s->flags |= SF_SRV_ABORT;
        FE_COUNT(s->fe, srv_abrt, 1);
        BE_COUNT(s->be, srv_abrt, 1);
        SRV_COUNT(s->srv, srv_abrt, 1);
    }
    if (cause == 'c' || cause == 's')
        s->flags |= SF_TIMEOUT;
    stream_term(s, cause, phase);
    return step_goto(s, STEP_finish);
}

/* One direction of a tunnel is over: tell the other side, once everything was delivered. */
static void
pass_end_on(struct chan *ch, struct conn *dst)
{
    if (ch->eom_out && !ch->shut_out) {
        ch->shut_out = true;
        conn_shut_wr(dst);
    }
}

/* Whatever moves shows that both sides live; with independent-streams only what comes from a side
 * does, and what a client takes that has nothing more to say. */
static void
note_moves(struct stream *s, const uint64_t was[4])
{
    bool from_cli = s->req.in != was[0], from_srv = s->res.in != was[2],
         to_cli = s->res.out_bytes != was[3], any = from_cli | from_srv | to_cli;
    bool listens = s->req.eom_in && !(s->flags & SF_TUNNEL);

    any |= s->req.out_bytes != was[1];
    if (any &&
        (likely(!(s->fe->options & PO_INDEPENDENT_STREAMS)) || from_cli || (to_cli && listens)))
        s->cli_act_ms = loop_now_ms();
    if (any && (likely(!(s->be->options & PO_INDEPENDENT_STREAMS)) || from_srv))
        s->srv_act_ms = loop_now_ms();
}

static bool
pump_both(struct stream *s, enum step_rc *rc)
{
    struct conn *cli = s->sess->conn, *c = s->back;
    bool tunnel = s->flags & SF_TUNNEL;
    uint64_t was[4] = { s->req.in, s->req.out_bytes, s->res.in, s->res.out_bytes };

    if (!s->res.eom_out) {
        switch (chan_pump(s, &s->res, c, cli)) {
        case PUMP_BAD_IN:
        case PUMP_ERR_IN:
            *rc = forward_over(s, 'S', 'D');
            return false;
        case PUMP_ERR_OUT:
            *rc = forward_over(s, 'C', 'D');
            return false;
        default:
            break;
        }
    }
    if (!s->req.eom_out && (tunnel || !s->res.eom_out)) {
        switch (chan_pump(s, &s->req, cli, c)) {
        case PUMP_BAD_IN:
        case PUMP_ERR_IN:
            *rc = forward_over(s, 'C', 'D');
            return false;
        case PUMP_ERR_OUT:
            /* The server stopped reading; what it answers still counts. */
            s->req.eom_out = s->req.shut_out = true;
            task_wake(&s->task); /* to read on: no event may come */
            s->flags &= ~(unsigned)SF_KEEP_BACK;
            break;
        default:
            break;
        }
    }
    note_moves(s, was);
    return true;
}

static int64_t
tunnel_deadline(struct stream *s)
{
    struct proxy *fe = s->fe, *be = s->be;
    int tunnel = s->to_tunnel_ms >= 0 ? s->to_tunnel_ms : be->timeout.tunnel;

    if (s->req.shut_out && !s->res.shut_out) {
        int fin = fe->timeout.client_fin ? fe->timeout.client_fin : 0;
        if (fin)
            return deadline(s->cli_act_ms, fin);
    }
    if (s->res.shut_out && !s->req.shut_out) {
        int fin = be->timeout.server_fin ? be->timeout.server_fin : 0;
        int cfin = fe->timeout.client_fin;
        if (fin || cfin)
            return deadline(s->cli_act_ms, fin && cfin ? MIN(fin, cfin) : fin ? fin : cfin);
    }
    if (tunnel)
        return deadline(MAX(s->cli_act_ms, s->srv_act_ms), tunnel);
    return sooner(deadline(s->cli_act_ms, stream_timeout_client(s)),
                  deadline(s->srv_act_ms, stream_timeout_server(s)));
}

static enum step_rc
wait_forward(struct stream *s)
{
    int64_t now = loop_now_ms(), at;

    if (s->flags & SF_TUNNEL) {
        at = tunnel_deadline(s);
        if (at && at <= now) {
            bool client = deadline(s->cli_act_ms, stream_timeout_client(s)) &&
                          deadline(s->cli_act_ms, stream_timeout_client(s)) <=
                              MAX(deadline(s->srv_act_ms, stream_timeout_server(s)), 1);
            return forward_over(s, client || !stream_timeout_server(s) ? 'c' : 's', 'D');
        }
        stream_arm(s, at);
        return STEP_WAIT;
    }
    bool on_client = s->res.tx || (s->res.pipe && s->res.pipe->len);
    int64_t at_cli =
        on_client || !s->req.eom_in ? deadline(s->cli_act_ms, stream_timeout_client(s)) : 0;
    int64_t at_srv =
        !s->res.eom_in && !on_client ? deadline(s->srv_act_ms, stream_timeout_server(s)) : 0;
    if (at_srv && at_srv <= now)
        return forward_over(s, 's', 'D');
    if (at_cli && at_cli <= now)
        return forward_over(s, 'c', 'D');
    stream_arm(s, sooner(at_cli, at_srv));
    return STEP_WAIT;
}

/* The response is out while the request still comes in: the rest is read and dropped, so that the
 * connection can go on. The exchange is over for the log: how long the client takes for what nobody
 * wants says nothing. */
static enum step_rc
drain_request(struct stream *s)
{
    struct conn *cli = s->sess->conn;

    if (!(s->flags & (SF_LOGGED | SF_MONITOR))) {
        s->t_close_us = loop_now_us();
        stream_log(s);
    }
    if (s->req.ready) { /* decoded before, for rules that looked at the body */
        cli->rx->head += s->req.ready;
        s->req.ready = 0;
    }
    while (!s->req.eom_in) {
        if (cli->flags & (CONN_EOF | CONN_ERR)) {
            s->flags &= ~(unsigned)SF_KEEP_FRONT;
            return STEP_NEXT;
        }
        if (cli->rx && buf_len(cli->rx)) {
            size_t used = 0, made = 0;
            enum h1_event ev =
                h1_body(&s->req.h1, buf_head(cli->rx), buf_len(cli->rx), &used, &made);
            cli->rx->head += (uint32_t)used;
            s->req.in += used;
            s->req.eom_in = ev == H1_END;
            if (ev == H1_ERR) {
                s->flags &= ~(unsigned)SF_KEEP_FRONT;
                return STEP_NEXT;
            }
            if (used || s->req.eom_in)
                continue;
        }
        if (cli->rx && !buf_len(cli->rx))
            cli->rx->head = cli->rx->tail = s->req_pin;
        else if (cli->rx)
            buf_compact(cli->rx, s->req_pin);
        if (!conn_fill(cli)) {
            int64_t at = deadline(s->cli_act_ms, stream_timeout_client(s));
            if (at && at <= loop_now_ms()) {
                s->flags &= ~(unsigned)SF_KEEP_FRONT;
                return STEP_NEXT;
            }
            stream_arm(s, at);
            return STEP_WAIT;
        }
        s->cli_act_ms = loop_now_ms();
    }
    return STEP_NEXT;
}

enum step_rc
stream_drain_request(struct stream *s)
{
    return drain_request(s);
}

enum step_rc
stream_step_forward(struct stream *s)
{
    enum step_rc rc;

    if (!s->back) /* released: only the rest of the request is left */
        return step_goto(s, STEP_finish);
    if (!pump_both(s, &rc))
        return rc;
    if (s->flags & SF_TUNNEL) {
        pass_end_on(&s->req, s->back);
        pass_end_on(&s->res, s->sess->conn);
        if (s->req.eom_out && s->res.eom_out) {
            s->flags &= ~(unsigned)(SF_KEEP_FRONT | SF_KEEP_BACK);
            return step_goto(s, STEP_finish);
        }
        return wait_forward(s);
    }
    if (!s->res.eom_out)
        return wait_forward(s);
    if (!s->req.eom_out || s->back->flags & CONN_ERR)
        s->flags &= ~(unsigned)SF_KEEP_BACK;
    if (!s->req.eom_in && s->flags & SF_KEEP_FRONT && drain_request(s) == STEP_WAIT)
        return STEP_WAIT;
    return step_goto(s, STEP_finish);
}
