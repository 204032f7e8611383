/* stream_request.c - steps from the first byte of a request to the chosen backend. */
#include "proxy/stream_int.h"

#include "config/tune.h"
#include "proxy/error_capture.h"

#include <errno.h>

/* ---- reading the head ---- */

static const struct h1_limits *
request_limits(const struct stream *s)
{
    return s->fe->options & PO_RELAX_REQ ? &stream_limits_relaxed : &stream_limits;
}

/* The request line for logs; the buffer is kept until the stream ends. Its three parts lie behind
 * each other, unless there is more than a blank between them or the target was normalised. */
static void
note_uri(struct stream *s)
{
    struct slice method = s->rq.method, target = s->rq.target, version = s->rq.version_str;
    size_t len = method.len + 1 + target.len + 1 + version.len;

    s->uri = slice(method.p, len);
    if (unlikely(target.p != method.p + method.len + 1 || version.p != target.p + target.len + 1 ||
                 target.p[-1] != ' ' || version.p[-1] != ' ')) {
        char *line = arena_alloc(&s->arena, len);
        struct out o = { line, 0, len, false };

        if (!line) {
            s->uri = SLICE_NONE;
            return;
        }
        out_slice_put(&o, method);
        out_char(&o, ' ');
        out_slice_put(&o, target);
        out_char(&o, ' ');
        out_slice_put(&o, version);
        s->uri = out_slice(&o);
    }
    s->uri.len = MIN(s->uri.len, (size_t)tune.http_logurilen);
}

/* What came of a chunked body with the head is looked at before anybody hears of the request: with
 * broken framing it is a bad request. */
static bool
body_begins_well(struct stream *s, struct conn *cli)
{
    if (!(s->rq.flags & HTTP_HF_CHUNKED) || !buf_len(cli->rx) || s->req.eom_in ||
        chan_decode(&s->req, cli))
        return true;
    s->t_head_us = s->t_first_us = 0;
    s->uri = SLICE_NONE;
    return false;
}

static bool
head_complete(struct stream *s)
{
    s->rq_ready = true;
    s->t_head_us = loop_now_us();
    s->sess->nreq++;
    if (s->rq.flags & HTTP_HF_UPGRADE && s->rq.flags & HTTP_HF_CONN_UPGRADE)
        s->flags |= SF_UPGRADE_ASKED;
    s->flags |= SF_COUNTED_REQ;
    if (s->sess->track) {
        struct stick_slots slots = stream_slots(s);
        stick_count_request(&slots, loop_now_ms());
    }
    FE_COUNT(s->fe, req_tot, 1);
    FE_COUNT(s->fe, h1req, 1);
    uint32_t rate = freq_shared_add(&s->fe->fe_req_rate, 1000, 1, (uint64_t)loop_now_ms());
    peak_raise(&s->fe->fe_req_rate_max, rate);
    return chan_body_begin(s, &s->req, h1_framing_request(&s->rq), s->rq.clen);
}

/* option http-restrict-req-hdr-names: what is not [a-z0-9-] confuses CGI-like servers. */
static bool
restrict_names(struct stream *s)
{
    bool reject = s->fe->options2 & PO2_HTTP_RESTRICT_REQ_HDR_REJECT;

    for (unsigned i = 0; i < s->rq.nhdr; i++) {
        struct http_hdr *f = &s->rq.hdr[i];
        size_t n = 0;
        while (n < f->name.len &&
               ((f->name.p[n] >= 'a' && f->name.p[n] <= 'z') ||
                (f->name.p[n] >= '0' && f->name.p[n] <= '9') || f->name.p[n] == '-'))
            n++;
        if (!f->name.p || n == f->name.len)
            continue;
        if (reject)
            return false;
        http_hdr_del_one(&s->rq, f);
    }
    return true;
}

static enum step_rc
bad_request(struct stream *s, unsigned status)
{
    struct conn *cli = s->sess->conn;

    SFE_COUNT(s, ereq, 1);
    error_capture(s, false);
    if (cli->rx && !s->uri.len)
        s->uri = SLICE_NONE;
    s->reply.close = true;
    s->parser_reply = true;
    return stream_error(s, status, 'P', 'R');
}

static enum step_rc
head_interrupted(struct stream *s)
{
    SFE_COUNT(s, ereq, 1);
    FE_COUNT(s->fe, cli_abrt, 1);
    s->reply.close = true;
    s->parser_reply = true;
    /* The client left: a reply would reach nobody, but the log tells. */
    return stream_error(s, 400, 'C', 'R');
}

static enum step_rc
head_too_late(struct stream *s)
{
    SFE_COUNT(s, ereq, 1);
    s->reply.close = true;
    s->parser_reply = true;
    return stream_error(s, 408, 'c', 'R');
}

static enum step_rc
wait_for_head(struct stream *s)
{
    struct proxy *fe = s->fe;
    int64_t since = s->t_first_us ? s->t_first_us / 1000 : s->sess->accept_us / 1000;
    int64_t at = deadline(since, fe->timeout.http_request);

    at = sooner(deadline(s->cli_act_ms, stream_timeout_client(s)), at);
    stream_arm(s, at);
    return STEP_WAIT;
}

enum step_rc
stream_step_request_head(struct stream *s)
{
    struct conn *cli = s->sess->conn;

    if (!(s->flags & SF_HTTP))
        return STEP_NEXT;
    if (!s->req.h1.limits) {
        h1_init(&s->req.h1, H1_REQUEST, request_limits(s));
        http_head_init(&s->rq, s->hdrs, stream_hdr_room(), &s->arena);
        if (cli->rx)
            buf_compact(cli->rx, 0);
    }
    for (;;) {
        if (cli->rx && buf_len(cli->rx)) {
            size_t used = 0;
            if (!s->t_first_us)
                s->t_first_us = loop_now_us();
            enum h1_event ev =
                h1_head(&s->req.h1, buf_head(cli->rx), buf_len(cli->rx), &s->rq, &used);
            if (ev == H1_HEAD) {
                note_uri(s);
                cli->rx->head += (uint32_t)used;
                s->req_pin = cli->rx->head;
                s->req.in += used;
                if (!head_complete(s))
                    return stream_error(s, 500, 'P', 'R');
                if (!body_begins_well(s, cli))
                    return bad_request(s, 400);
                if (s->fe->options2 &
                        (PO2_HTTP_RESTRICT_REQ_HDR_DEL | PO2_HTTP_RESTRICT_REQ_HDR_REJECT) &&
                    !restrict_names(s))
                    return stream_error(s, 403, 'P', 'R');
                return STEP_NEXT;
            }
            if (ev == H1_ERR)
                return bad_request(s, s->req.h1.status);
            if (buf_room(cli->rx) == 0)
                return bad_request(s, h1_overflow_status(&s->req.h1));
        }
        if (cli->flags & (CONN_EOF | CONN_ERR))
            return head_interrupted(s);
        if (!conn_fill(cli))
            break;
        s->cli_act_ms = loop_now_ms();
    }
    if (stream_expired(s))
        return head_too_late(s);
    return wait_for_head(s);
}

/* ---- content rules of TCP ---- */

enum step_rc
stream_step_tcp_request(struct stream *s)
{
    struct proxy *fe = s->fe;

    if (s->rules_px != fe || s->tcp_req_done || list_empty(&fe->tcp_req_rules))
        return STEP_NEXT;
    bool was_http = s->flags & SF_HTTP;
    enum step_rc rc = stream_run_rules(s, &fe->tcp_req_rules, fe, RS_TCP_REQ, fe->req_inspect_ms);
    if (rc == STEP_NEXT && !was_http && s->flags & SF_HTTP) {
        s->tcp_req_done = true; /* switch-mode: the bytes are a request that must be read now */
        return step_goto(s, STEP_request_head);
    }
    return rc;
}

/* ---- option http-buffer-request, balance url_param check_post ---- */

/* The client waits for a word before it sends the body that we want to see first. */
bool
stream_send_continue(struct stream *s)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct conn *cli = s->sess->conn;

    if (!(s->rq.flags & HTTP_HF_EXPECT_100) || s->flags & SF_EXPECT_SENT || s->req.ready ||
        s->req.eom_in)
        return true;
    s->flags |= SF_EXPECT_SENT;
    http_hdr_del(&s->rq, SL("expect"));
    struct iovec iov = { (char *)text, sizeof(text) - 1 };
    return chan_write(&s->res, cli, &iov, 1, false);
}

enum step_rc
stream_wait_body(struct stream *s)
{
    struct conn *cli = s->sess->conn;

    if (s->flags & SF_BODY_COMPLETE)
        return STEP_NEXT;
    if (!stream_send_continue(s))
        return stream_error(s, 500, 'C', 'D');
    while (chan_buffer_body(s, &s->req, cli, s->req_pin))
        s->cli_act_ms = loop_now_ms();
    bool full = cli->rx && buf_room(cli->rx) == 0;
    if (s->req.eom_in || full) {
        s->flags |= SF_BODY_COMPLETE;
        s->t_head_us = loop_now_us(); /* the request's time includes its body then */
        return STEP_NEXT;
    }
    int http_request =
        s->be->timeout.http_request ? s->be->timeout.http_request : s->fe->timeout.http_request;
    int64_t at = sooner(deadline(s->t_head_us / 1000, http_request),
                        deadline(s->cli_act_ms, stream_timeout_client(s)));
    bool gone = cli->flags & (CONN_EOF | CONN_ERR), late = at && at <= loop_now_ms();
    if (gone || late) {
        s->t_head_us = s->t_first_us = 0; /* it never came in completely */
        s->reply.close = true;
        SFE_COUNT(s, ereq, 1);
        return gone ? stream_error(s, 400, 'C', 'R') : stream_error(s, 408, 'c', 'R');
    }
    stream_arm(s, at);
    return STEP_WAIT;
}

/* ---- http-request rules of the frontend ---- */

static bool
is_monitor(struct stream *s)
{
    struct proxy *fe = s->fe;

    return fe->monitor_uri && slice_eq(s->rq.target, slice_str(fe->monitor_uri));
}

static enum step_rc
answer_monitor(struct stream *s)
{
    struct px_switch *f;
    unsigned status = 200;

    list_each (f, &s->fe->monitor_fail, link) {
        bool passed =
            cond_eval(f->cond, stream_ctx(s, s->fe, PT_FE_HTTP_REQ, SMPO_FINAL)) == COND_PASS;
        if (unlikely(stream_hooks.tested))
            stream_hooks.tested(s, f, passed);
        if (passed)
            status = 503;
    }
    s->flags |= SF_MONITOR;
    FE_COUNT(s->fe, intercepted, 1);
    return stream_error(s, status, 'L', 'R');
}

enum step_rc
stream_step_request_rules(struct stream *s)
{
    struct proxy *fe = s->fe;

    if (!(s->flags & SF_HTTP))
        stream_log_at(s, LOGS_REQUEST);
    if (!(s->flags & SF_HTTP) || s->rules_px != fe)
        return STEP_NEXT;
    if (fe->options & PO_HTTP_BUFFER_REQUEST && stream_wait_body(s) != STEP_NEXT)
        return s->step == STEP_request_rules ? STEP_WAIT : STEP_GOTO;
    if (!s->resume) {
        if (is_monitor(s))
            return answer_monitor(s);
        if (fe->captures)
            stream_capture_request(s);
        stream_log_at(s, LOGS_REQUEST);
    }
    if (!list_empty(&fe->http_req_rules)) {
        enum step_rc rc = stream_run_rules(s, &fe->http_req_rules, fe, RS_HTTP_REQ, 0);
        if (rc != STEP_NEXT)
            return rc;
    }
    if (fe->stats && stream_hooks.stats && stream_hooks.stats(s, fe))
        return step_goto(s, STEP_reply);
    if (!list_empty(&fe->redirect_rules)) {
        enum step_rc rc = stream_run_rules(s, &fe->redirect_rules, fe, RS_HTTP_REQ, 0);
        if (rc != STEP_NEXT)
            return rc;
    }
    return STEP_NEXT;
}

/* ---- backend ---- */

static struct proxy *
dynamic_backend(struct stream *s, const struct px_switch *sw)
{
    struct slice name = logfmt_slice(sw->dynamic, &s->x);
    struct proxy *px = name.p ? htab_get(&config->by_name, name) : NULL;

    return px && proxy_has_be(px) ? px : NULL;
}

/* One lookup was made for a run of rules: the same, rule by rule. */
static COLD void
tell_run(struct stream *s, const struct px_switch *sw, int hit)
{
    for (unsigned i = 0; i < sw->run_len && (hit < 0 || i <= (unsigned)hit); i++)
        stream_hooks.tested(s, sw->members[i], (int)i == hit);
}

/* A backend that is disabled or not published is for those whom force-be-switch lets in. */
static bool
may_enter(struct stream *s, const struct proxy *be)
{
    struct px_switch *sw;

    if (likely(!be->disabled && !atomic_load_explicit(&be->unpublished, memory_order_relaxed)))
        return true;
    list_each (sw, &s->fe->force_switch, link) {
        bool passed = cond_eval(sw->cond, stream_ctx(s, s->fe, PT_SWITCH, SMPO_FINAL)) == COND_PASS;
        if (unlikely(stream_hooks.tested))
            stream_hooks.tested(s, sw, passed);
        if (passed)
            return true;
    }
    return false;
}

/* The first use_backend rule that applies; runs of alike conditions are one lookup. */
static struct proxy *
switch_backend(struct stream *s)
{
    struct list *rules = &s->fe->switch_rules;
    struct sample_ctx *x = stream_ctx(s, s->fe, PT_SWITCH, SMPO_FINAL);

    for (struct list *at = rules->next; at != rules; at = at->next) {
        struct px_switch *sw = container_of(at, struct px_switch, link);
        if (sw->run) {
            int hit = cond_index_eval(sw->run, x);
            if (unlikely(stream_hooks.tested))
                tell_run(s, sw, hit);
            if (hit < 0 || (unsigned)hit >= sw->run_len) { /* none of them: on behind the run */
                at = &sw->members[sw->run_len - 1]->link;
                continue;
            }
            sw = sw->members[hit];
            at = &sw->link;
        } else {
            bool passed = !sw->cond || cond_eval(sw->cond, x) == COND_PASS;
            if (unlikely(stream_hooks.tested))
                stream_hooks.tested(s, sw, passed);
            if (!passed)
                continue;
        }
        struct proxy *be = sw->dynamic ? dynamic_backend(s, sw) : sw->be;
        if (be && may_enter(s, be))
            return be;
        if (sw->dynamic)
            break; /* an unknown name: the default backend takes it */
    }
    return s->fe->default_be && may_enter(s, s->fe->default_be) ? s->fe->default_be : NULL;
}

static void
enter_backend(struct stream *s, struct proxy *be)
{
    s->be = be;
    s->retries_left =
        s->set_retries_px == be && s->set_retries >= 0 ? (unsigned)s->set_retries : be->retries;
    s->flags |= SF_COUNTED_BE;
    unsigned n = atomic_fetch_add_explicit(&be->be_conn, 1, memory_order_relaxed) + 1;
    peak_raise(&be->be_conn_max, n);
    BE_COUNT(be, stot, 1);
    if (s->flags & SF_HTTP)
        BE_COUNT(be, req_tot, 1);
    uint32_t rate = freq_shared_add(&be->be_sess_rate, 1000, 1, (uint64_t)loop_now_ms());
    peak_raise(&be->be_sess_rate_max, rate);
}

enum step_rc
stream_step_choose_backend(struct stream *s)
{
    struct proxy *be;

    if (s->flags & SF_COUNTED_BE)
        return STEP_NEXT; /* came back from an upgrade to HTTP */
    be = switch_backend(s);
    if (!be && proxy_has_be(s->fe))
        be = s->fe;
    if (!be || be->disabled ||
        (s->flags & SF_HTTP && be->mode != PX_HTTP)) /* switch-mode without an HTTP backend */
        return stream_error(s, 503, 'S', 'C');
    enter_backend(s, be);
    if (be != s->fe)
        s->rules_px = be;
    if (be->mode == PX_HTTP && !(s->flags & SF_HTTP)) {
        /* A TCP frontend hands over to an HTTP backend: what was received is the beginning of a
         * request. */
        s->flags = (s->flags | SF_HTTP) & ~(unsigned)SF_TUNNEL;
        return step_goto(s, STEP_request_head);
    }
    return STEP_NEXT;
}

enum step_rc
stream_step_backend_tcp(struct stream *s)
{
    struct proxy *be = s->be;

    if (be == s->fe || list_empty(&be->tcp_req_rules))
        return STEP_NEXT;
    return stream_run_rules(s, &be->tcp_req_rules, be, RS_TCP_REQ, be->req_inspect_ms);
}

static enum step_rc
backend_rules(struct stream *s)
{
    struct proxy *be = s->be;

    if (be == s->fe)
        return STEP_NEXT;
    if (be->options & PO_HTTP_BUFFER_REQUEST && stream_wait_body(s) != STEP_NEXT)
        return s->step == STEP_backend_rules ? STEP_WAIT : STEP_GOTO;
    if (!list_empty(&be->http_req_rules)) {
        enum step_rc rc = stream_run_rules(s, &be->http_req_rules, be, RS_HTTP_REQ, 0);
        if (rc != STEP_NEXT)
            return rc;
    }
    if (be->stats && stream_hooks.stats && stream_hooks.stats(s, be))
        return step_goto(s, STEP_reply);
    if (!list_empty(&be->redirect_rules))
        return stream_run_rules(s, &be->redirect_rules, be, RS_HTTP_REQ, 0);
    return STEP_NEXT;
}

enum step_rc
stream_step_backend_rules(struct stream *s)
{
    if (!(s->flags & SF_HTTP))
        return STEP_NEXT;
    enum step_rc rc = backend_rules(s);
    if (rc == STEP_NEXT && s->fe->captures)
        stream_capture_cookie(s); /* of requests that rules answer it is not in the log */
    /* Behind all rules: those of the backend do not see it, and cannot take it away. */
    if (rc == STEP_NEXT && s->fe->unique_id_header && stream_unique_id(s).p &&
        !http_hdr_add(&s->rq, slice_str(s->fe->unique_id_header), s->unique_id))
        return stream_error(s, 500, 'P', 'R');
    return rc;
}

/* Balancing by a parameter of the body is the last one to need it. */
enum step_rc
stream_step_request_body(struct stream *s)
{
    if (!(s->flags & SF_HTTP) || !s->be->lb.check_post || s->rq.meth != HTTP_POST)
        return STEP_NEXT;
    return stream_wait_body(s);
}
