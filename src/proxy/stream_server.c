/* stream_server.c - steps that find a server, wait for it, connect, and send the request; retries.
 */
#include "proxy/stream_int.h"

#include "http/uri.h"
#include "server/observe.h"
#include "server/pool.h"

#include <errno.h>

#define RETRY_PAUSE_MS 1000 /* before the same server is tried again */

/* ---- persistence ---- */

static bool
switch_applies(struct stream *s, const struct px_switch *sw)
{
    bool passed =
        !sw->cond || cond_eval(sw->cond, stream_ctx(s, s->be, PT_SRV, SMPO_FINAL)) == COND_PASS;

    if (unlikely(stream_hooks.tested))
        stream_hooks.tested(s, sw, passed);
    return passed;
}

static struct server *
use_server_rule(struct stream *s)
{
    struct px_switch *sw;

    list_each (sw, &s->be->server_rules, link) {
        if (!switch_applies(s, sw))
            continue;
        struct server *srv = sw->srv;
        if (sw->dynamic) {
            struct slice name = logfmt_slice(sw->dynamic, &s->x);
            srv = name.p ? proxy_find_server(s->be, name.p) : NULL;
        }
        /* Also one that is drained; when it is down another rule may fit. */
        if (srv && (server_is_up(srv) || s->flags & SF_FORCED || s->be->options & PO_PERSIST))
            return srv;
    }
    return NULL;
}

static bool
any_applies(struct stream *s, const struct list *rules)
{
    struct px_switch *sw;

    list_each (sw, rules, link)
        if (switch_applies(s, sw))
            return true;
    return false;
}

enum step_rc
stream_step_persist(struct stream *s)
{
    struct proxy *be = s->be;

    if (!list_empty(&be->force_persist) && any_applies(s, &be->force_persist))
        s->flags |= SF_FORCED;
    if (!list_empty(&be->ignore_persist) && any_applies(s, &be->ignore_persist))
        s->flags |= SF_IGNORE_PERSIST;
    /* use-server has precedence over cookies, and cookies over tables. */
    if (!(s->flags & SF_ASSIGNED)) {
        struct server *srv = list_empty(&be->server_rules) ? NULL : use_server_rule(s);
        if (srv) {
            s->srv = srv;
            s->flags |= SF_ASSIGNED;
        }
    }
    if (be->cookie_name && s->flags & SF_HTTP)
        stream_cookie_request(s);
    if (unlikely(be->rdp_cookie) && !(s->flags & (SF_ASSIGNED | SF_IGNORE_PERSIST)))
        stream_rdp_cookie(s);
    if (!(s->flags & (SF_IGNORE_PERSIST | SF_ASSIGNED)) && stream_hooks.stick_match &&
        (!list_empty(&be->stick_match) || !list_empty(&be->stick_store_req)))
        stream_hooks.stick_match(s);
    return STEP_NEXT;
}

/* ---- choosing ---- */

static void
on_granted(struct letter *l)
{
    struct stream *s = container_of(container_of(l, struct pendconn, grant), struct stream, pend);
    task_wake(&s->task);
}

static enum step_rc
enqueue(struct stream *s, struct server *srv)
{
    s->pend = (struct pendconn){ .px = s->be,
                                 .srv = srv,
                                 .bound = srv && (s->flags & SF_ASSIGNED) &&
                                          !(s->be->options & PO_REDISPATCH),
                                 .prio_class = s->prio_class,
                                 .prio_offset = s->prio_offset,
                                 .grant.deliver = on_granted };
    if (!queue_add(&s->pend)) {
        BE_COUNT(s->be, econ, 1);
        return stream_error(s, 503, 'S', 'Q');
    }
    s->flags |= SF_WAITING;
    s->wait_until_ms = loop_now_ms();
    return step_goto(s, STEP_queue);
}

static enum step_rc
took_server(struct stream *s, struct server *srv)
{
    s->srv = srv;
    s->flags |= SF_TAKEN_SRV;
    if (!s->t_queue_us)
        s->t_queue_us = loop_now_us();
    SRV_COUNT(srv, stot, 1);
    unsigned cur = atomic_fetch_add_explicit(&srv->cur_sess, 1, memory_order_relaxed) + 1;
    peak_raise(&srv->cur_sess_max, cur);
    uint32_t rate = freq_shared_add(&srv->sess_rate, 1000, 1, (uint64_t)loop_now_ms());
    peak_raise(&srv->sess_rate_max, rate);
    int64_t now_s = loop_wall_us() / 1000000;
    moment_note(&srv->last_sess_s, now_s);
    moment_note(&s->be->last_sess_s, now_s);
    return step_goto(s, STEP_connect);
}

/* max-keep-alive-queue: is another server better than waiting for this one? */
static bool
queue_is_long(const struct server *srv, int max)
{
    return max >= 0 && server_is_full(srv) &&
           atomic_load_explicit(&srv->queued, memory_order_relaxed) >= (unsigned)max;
}

/* Gives the server back and lets the balancing choose again, preferably another one. */
static void
leave_server(struct stream *s)
{
    SRV_COUNT(s->srv, wredis, 1);
    BE_COUNT(s->be, wredis, 1);
    s->prev_srv = s->srv;
    stream_release_server(s);
    s->srv = NULL;
    s->flags = (s->flags & ~(unsigned)SF_ASSIGNED) | SF_REDISPATCHED;
    s->nredisp++;
    if (s->ck_req == 'V')
        s->ck_req = 'D'; /* the server of the cookie did not answer */
}

/* The queue of the server that persistence chose has no room; another one may be taken instead. */
static bool
must_leave_queue(const struct stream *s, const struct server *srv)
{
    return s->flags & SF_ASSIGNED && !(s->flags & SF_FORCED) && s->be->options & PO_REDISPATCH &&
           srv->maxqueue &&
           atomic_load_explicit(&srv->queued, memory_order_relaxed) >= srv->maxqueue;
}

/* A server that the client's session has a connection to at hand, if the option or a challenge that
 * was passed on say that this request should go there as well. NULL: any will do. */
static struct server *
preferred_server(struct stream *s)
{
    const struct proxy *be = s->be;
    struct session *sess = s->sess;
    bool always = sess->flags & SESSF_PREFER_LAST;
    struct conn *c;

    if (!sess->nsrv_conns || !(always || be->options & PO_PREFER_LAST_SERVER) ||
        lb_is_keyed(&be->lb, stream_ctx(s, s->be, PT_SRV, SMPO_FINAL)))
        return NULL;
    list_each (c, &sess->srv_conns, link) {
        struct server *srv = c->target;
        if (srv->px == be && server_is_usable(srv) &&
            (always || !queue_is_long(srv, be->max_ka_queue)))
            return srv;
    }
    return NULL;
}

enum step_rc
stream_step_pick_server(struct stream *s)
{
    struct server *srv = s->flags & SF_ASSIGNED ? s->srv : NULL, *wanted = srv;
    bool full = false;

    if (srv) {
        if (!server_is_up(srv) && !(s->flags & SF_FORCED) && !(s->be->options & PO_PERSIST)) {
            /* The server of the session is gone: any other will do, if allowed. */
            s->flags &= ~(unsigned)SF_ASSIGNED;
            srv = wanted = NULL;
        }
    } else {
        srv = wanted = preferred_server(s);
    }
    if (!srv) {
        srv = lb_pick(&s->be->lb, stream_ctx(s, s->be, PT_SRV, SMPO_FINAL), s->prev_srv, &full);
        if (!srv) {
            if (full)
                return enqueue(s, NULL);
            s->t_queue_us = 0;
            BE_COUNT(s->be, econ, 1);
            return stream_error(s, 503, 'S', 'C');
        }
        SRV_COUNT(srv, lbtot, 1);
        BE_COUNT(s->be, lbtot, 1);
    }
    if (!lb_try_take(srv)) {
        if (must_leave_queue(s, srv)) {
            leave_server(s);
            return step_goto(s, STEP_pick_server);
        }
        s->srv = NULL;
        return enqueue(s, wanted);
    }
    return took_server(s, srv);
}

enum step_rc
stream_step_queue(struct stream *s)
{
    struct conn *cli = s->sess->conn;

    if (atomic_load(&s->pend.state) != PEND_WAITING) {
        s->flags &= ~(unsigned)SF_WAITING;
        *(s->pend.srv ? &s->srv_queue_pos : &s->be_queue_pos) += s->pend.pos_in + 1;
        if (!s->pend.got) /* it went down meanwhile */
            return step_goto(s, STEP_pick_server);
        return took_server(s, s->pend.got);
    }
    int ms = s->to_queue_ms >= 0    ? s->to_queue_ms
             : s->be->timeout.queue ? s->be->timeout.queue
                                    : s->be->timeout.connect;
    int64_t at = deadline(s->wait_until_ms, ms);
    bool gone = cli->flags & (CONN_ERR | CONN_HUP) && s->be->options & PO_ABORTONCLOSE;
    if (gone || (at && at <= loop_now_ms())) {
        if (queue_leave(&s->pend)) {
            if (s->pend.got && !gone) {
                s->flags &= ~(unsigned)SF_WAITING;
                return took_server(s, s->pend.got);
            }
            if (s->pend.got)
                lb_drop(s->pend.got);
        }
        s->flags &= ~(unsigned)SF_WAITING;
        *(s->pend.srv ? &s->srv_queue_pos : &s->be_queue_pos) += s->pend.pos_in + 1;
        s->t_queue_us = loop_now_us();
        s->srv = NULL;
        s->reply.close = gone;
        BE_COUNT(s->be, econ, !gone);
        return stream_error(s, 503, gone ? 'C' : 's', 'Q');
    }
    stream_arm(s, at);
    return STEP_WAIT;
}

/* ---- connecting ---- */

static enum pool_use
pool_use_of(const struct stream *s, bool *none)
{
    bool first = !(s->sess->flags & SESSF_NOT_FIRST);

    *none = false;
    switch (s->be->reuse) {
    case PX_REUSE_ALWAYS:
        return POOL_ANY;
    case PX_REUSE_AGGRESSIVE:
        return first ? POOL_SAFE_ONLY : POOL_ANY;
    case PX_REUSE_SAFE:
        *none = first;
        return POOL_ANY;
    case PX_REUSE_NEVER:
    default:
        *none = true;
        return POOL_ANY;
    }
}

static struct conn *
reuse_connection(struct stream *s, uint64_t hash)
{
    struct session *sess = s->sess;
    bool none;
    enum pool_use use = pool_use_of(s, &none);

    struct conn *own = session_take_conn(sess, s->srv, hash);
    if (own)
        return own;
    if (none || s->srv->flags & (SRVF_SEND_PROXY | SRVF_SEND_PROXY_V2))
        return NULL;
    return pool_take(s->srv, hash, use);
}

/* `redir` on a server: what can be fetched elsewhere is. The prefix goes before path and query. */
static bool
redirects_away(const struct stream *s)
{
    return s->srv->redir && s->flags & SF_HTTP &&
           (s->rq.meth == HTTP_GET || s->rq.meth == HTTP_HEAD);
}

static enum step_rc
redirect_away(struct stream *s)
{
    struct slice rest = http_uri_pathq(s->rq.target);
    char *to = arena_printf(&s->arena, "%s%.*s", s->srv->redir, SLF(rest));
    struct http_hdr *h = arena_zalloc(&s->arena, 2 * sizeof(*h));

    if (!to || !h)
        return stream_error(s, 500, 'S', 'C');
    h[0] = (struct http_hdr){ SL("cache-control"), SL("no-cache") };
    h[1] = (struct http_hdr){ SL("location"), slice_str(to) };
    s->reply = (struct reply_out){
        .set = true, .close = true, .status = 302, .reason = SL("Found"), .hdrs = h, .nhdrs = 2
    };
    stream_term(s, 'L', 'R');
    return step_goto(s, STEP_reply);
}

static enum step_rc
start_connection(struct stream *s)
{
    if (redirects_away(s))
        return redirect_away(s);
    uint64_t hash = stream_reuse_hash(s);
    struct conn *c = s->flags & SF_HTTP ? reuse_connection(s, hash) : NULL;
    int err = 0;

    if (c) {
        SRV_COUNT(s->srv, reuse, 1);
        BE_COUNT(s->be, reuse, 1);
    } else {
        c = stream_open_connection(s, &err);
        if (!c)
            return stream_connect_failed(s, false);
        SRV_COUNT(s->srv, connect, 1);
        BE_COUNT(s->be, connect, 1);
        c->hash = hash;
        if (s->srv->flags & SRVF_TLS && stream_hooks.tls_connect &&
            !stream_hooks.tls_connect(s, c, s->srv)) {
            pool_closed(s->srv);
            conn_free(&c);
            return stream_connect_failed(s, false);
        }
    }
    c->target = s->srv;
    c->owner = s;
    c->on_event = stream_on_srv_event;
    s->back = c;
    s->wait_until_ms = loop_now_ms();
    if (!(c->flags & CONN_REUSED) && s->srv->flags & (SRVF_SEND_PROXY | SRVF_SEND_PROXY_V2)) {
        c->flags |= CONN_PRIVATE;
        if (!stream_put_proxy_header(s))
            return stream_error(s, 500, 'S', 'C');
    }
    return STEP_NEXT;
}

static enum step_rc
client_left(struct stream *s)
{
    s->reply.close = true;
    s->flags |= SF_CLI_ABORT;
    BE_COUNT(s->be, cli_abrt, 1);
    FE_COUNT(s->fe, cli_abrt, 1);
    SRV_COUNT(s->srv, cli_abrt, 1);
    stream_release_back(s);
    return stream_error(s, 0, 'C', 'C');
}

static bool
client_gave_up(const struct stream *s)
{
    const struct conn *cli = s->sess->conn;

    if (cli->flags & CONN_ERR)
        return true;
    return cli->flags & CONN_HUP && s->be->options & PO_ABORTONCLOSE;
}

enum step_rc
stream_step_connect(struct stream *s)
{
    struct conn *c = s->back;

    if (unlikely(stream_hooks.before_connect) && stream_hooks.before_connect(s))
        return step_goto(s, STEP_finish);
    if (!c) {
        if (s->wait_until_ms && s->nretries && s->wait_until_ms > loop_now_ms()) {
            if (client_gave_up(s))
                return client_left(s);
            stream_arm(s, s->wait_until_ms);
            return STEP_WAIT;
        }
        enum step_rc rc = start_connection(s);
        if (rc != STEP_NEXT)
            return rc;
        c = s->back;
    }
    if (conn_connect_done(c) && !(c->flags & CONN_ERR) && c->flags & CONN_HANDSHAKE) {
        /* With a layer's handshake, a PROXY header must go first, in clear. */
        if (s->req.tx && !chan_flush(&s->req, c) && !(c->flags & CONN_ERR))
            c->flags |= CONN_HANDSHAKE;
        else
            c->layer->handshake(c);
    }
    if (c->flags & CONN_ERR)
        return stream_connect_failed(s, false);
    if (!(c->flags & (CONN_CONNECTING | CONN_HANDSHAKE))) {
        s->t_connect_us = loop_now_us();
        s->srv_act_ms = loop_now_ms();
        s->wait_until_ms = 0;
        stream_log_at(s, LOGS_CONNECT);
        return STEP_NEXT;
    }
    if (client_gave_up(s))
        return client_left(s);
    int ms = s->to_connect_ms >= 0 ? s->to_connect_ms : s->be->timeout.connect;
    int64_t at = deadline(s->wait_until_ms, ms);
    if (at && at <= loop_now_ms())
        return stream_connect_failed(s, true);
    stream_arm(s, at);
    return STEP_WAIT;
}

/* ---- failing and trying again ---- */

static bool
redispatch_now(const struct stream *s)
{
    const struct proxy *be = s->be;
    int after = be->redispatch_after;

    if (!(be->options & PO_REDISPATCH) || s->flags & SF_FORCED)
        return false;
    if (after < 0) /* counted from the last retry */
        return s->retries_left % (unsigned)-after == 0;
    return after > 0 && s->nretries % (unsigned)after == 0;
}

static void
count_retry(struct stream *s)
{
    SRV_COUNT(s->srv, wretr, 1);
    BE_COUNT(s->be, wretr, 1);
}

enum step_rc
stream_connect_failed(struct stream *s, bool timeout)
{
    struct server *srv = s->srv;

    buf_put(&s->req.tx);
    server_observe_layer4(srv, true);
    s->flags &= ~(unsigned)SF_KEEP_BACK;
    if (s->retries_left == 0 || !(s->be->retry_on & RETRY_CONN)) {
        SRV_COUNT(srv, econ, 1);
        BE_COUNT(s->be, econ, 1);
        return stream_error(s, 503, timeout ? 's' : 'S', 'C'); /* the log asks why it failed */
    }
    stream_release_back(s);
    s->retries_left--;
    s->nretries++;
    if (redispatch_now(s)) {
        leave_server(s);
        return step_goto(s, STEP_pick_server);
    }
    count_retry(s);
    /* A refused connection is not worth a storm: the same server gets a moment. */
    int pause =
        s->be->timeout.connect ? MIN(s->be->timeout.connect, RETRY_PAUSE_MS) : RETRY_PAUSE_MS;
    s->wait_until_ms = timeout ? 0 : loop_now_ms() + pause;
    return step_goto(s, STEP_connect);
}

bool
stream_retry_request(struct stream *s, unsigned why)
{
    bool reused = s->back && s->back->flags & CONN_REUSED;
    bool asked = s->be->retry_on & why;

    if (!(s->flags & SF_L7_RETRY) || s->flags & (SF_RES_STARTED | SF_NO_L7_RETRY))
        return false;
    /* A kept connection that dies with the request is a race that the server did not mean: once
     * more on a fresh one. */
    if (!asked && !(reused && why == RETRY_EMPTY))
        return false;
    if (asked && !reused && s->retries_left == 0)
        return false;
    if (!reused) {
        s->retries_left--;
        s->nretries++;
        count_retry(s);
    }
    s->flags &= ~(unsigned)(SF_KEEP_BACK | SF_REQ_SENT);
    stream_release_back(s);
    s->res_pin = 0;
    s->rs_ready = false;
    s->res.h1.limits = NULL;
    s->res.eom_in = s->res.eom_out = s->res.opened = false;
    buf_put(&s->req.tx);
    s->req.opened = s->req.eom_out = false;
    if (s->req.kept) {
        s->sess->conn->rx->head -= s->req.kept;
        s->req.ready = s->req.kept;
        s->req.body -= s->req.kept;
    }
    s->wait_until_ms = 0;
    if (!reused && redispatch_now(s)) {
        leave_server(s);
        s->step = STEP_pick_server;
    } else {
        s->step = STEP_connect;
    }
    return true;
}

/* ---- releasing ---- */

void
stream_release_back(struct stream *s)
{
    struct conn *c = s->back;
    struct server *srv = s->srv;

    if (!c)
        return;
    s->back = NULL;
    c->owner = NULL;
    c->on_event = NULL;
    if (!srv) {
        conn_free(&c);
        return;
    }
    if (!(s->flags & SF_KEEP_BACK)) {
        pool_closed(srv);
        if (s->flags & (SF_KILLED | SF_TIMEOUT) || c->flags & CONN_CONNECTING)
            c->flags |= CONN_LINGER_RST;
        conn_free(&c);
        return;
    }
    c->requests++;
    bool never = s->be->reuse == PX_REUSE_NEVER || c->flags & CONN_PRIVATE;
    if (never && s->flags & SF_KEEP_FRONT && session_keep_conn(s->sess, c)) {
        conn_drop_rx(c);
        return;
    }
    if (never) {
        pool_closed(srv);
        conn_free(&c);
        return;
    }
    pool_put(srv, &c);
}

void
stream_release_server(struct stream *s)
{
    if (s->flags & SF_WAITING) {
        if (queue_leave(&s->pend) && s->pend.got)
            lb_drop(s->pend.got);
        s->flags &= ~(unsigned)SF_WAITING;
    }
    if (s->flags & SF_TAKEN_SRV) {
        s->flags &= ~(unsigned)SF_TAKEN_SRV;
        atomic_fetch_sub_explicit(&s->srv->cur_sess, 1, memory_order_relaxed);
        lb_drop(s->srv);
    }
}

/* ---- sending ---- */

enum step_rc
stream_step_send_request(struct stream *s)
{
    struct conn *cli = s->sess->conn, *c = s->back;

    if (!(s->flags & SF_HTTP)) {
        if (s->store && stream_hooks.stick_store)
            stream_hooks.stick_store(s, false);
        h1_body_init(&s->req.h1, H1_FRAME_TUNNEL, 0);
        h1_body_init(&s->res.h1, H1_FRAME_TUNNEL, 0);
        s->req.out = s->res.out = H1_FRAME_TUNNEL;
        s->req.opened = s->res.opened = true;
        return STEP_NEXT;
    }
    if (s->req.tx && !chan_flush(&s->req, c)) { /* the PROXY header */
        if (c->flags & CONN_ERR)
            return stream_connect_failed(s, false);
        stream_arm(s, deadline(s->srv_act_ms, stream_timeout_server(s)));
        return STEP_WAIT;
    }
    if (!http_prepare_request(s))
        return stream_error(s, 500, 'P', 'C');
    struct slice head = http_format_head(s, &s->rq, false);
    if (!head.p)
        return stream_error(s, 500, 'P', 'C');
    enum pump_rc rc = chan_open(s, &s->req, cli, c, head);
    /* The request can be repeated as long as all of it is still in the buffer. */
    if (s->req.eom_in && s->req.body == s->req.kept)
        s->flags |= SF_L7_RETRY;
    else
        s->flags &= ~(unsigned)SF_L7_RETRY;
    s->flags |= SF_REQ_SENT;
    s->srv_act_ms = loop_now_ms();
    if (rc == PUMP_BAD_IN) {
        s->reply.close = true;
        SFE_COUNT(s, ereq, 1);
        return stream_error(s, 400, 'P', 'H');
    }
    if (rc == PUMP_ERR_OUT) {
        if (stream_retry_request(s, RETRY_EMPTY))
            return STEP_GOTO;
        SRV_COUNT(s->srv, eresp, 1);
        BE_COUNT(s->be, eresp, 1);
        return stream_error(s, 502, 'S', 'H');
    }
    return STEP_NEXT;
}
