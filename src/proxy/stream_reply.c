/* stream_reply.c - steps that answer the client without a server: errors, redirects, `return`,
 * services. */
#include "proxy/stream_int.h"

#include "config/tune.h"
#include "http/status.h"

enum step_rc
stream_error(struct stream *s, unsigned status, char cause, char phase)
{
    stream_term(s, cause, phase);
    s->flags &= ~(unsigned)SF_KEEP_BACK;
    if (s->flags & SF_RES_STARTED || !(s->flags & SF_HTTP) || status == 0) {
        /* Too late for a word, or nobody who would understand it. */
        s->flags &= ~(unsigned)SF_KEEP_FRONT;
        return step_goto(s, STEP_finish);
    }
    bool close = s->reply.close;
    reply_error(s, status);
    s->reply.close |= close;
    return step_goto(s, STEP_reply);
}

enum step_rc
stream_step_tarpit(struct stream *s)
{
    struct conn *cli = s->sess->conn;
    int ms = s->to_tarpit_ms >= 0 ? s->to_tarpit_ms : 0;

    if (!ms)
        ms = s->be->timeout.tarpit ? s->be->timeout.tarpit : s->fe->timeout.tarpit;
    if (!ms)
        ms = s->be->timeout.connect ? s->be->timeout.connect : s->fe->timeout.connect;
    if (!s->tarpit_until_ms)
        s->tarpit_until_ms = loop_now_ms() + ms;
    if (cli->flags & CONN_ERR || loop_now_ms() >= s->tarpit_until_ms) {
        /* The log shows the time held as the queue's, and none for the request, as HAProxy's. */
        s->t_queue_us = loop_now_us();
        s->t_head_us = 0;
        return step_goto(s, STEP_reply);
    }
    stream_arm(s, s->tarpit_until_ms);
    return STEP_WAIT;
}

/* ---- the head of a reply ---- */

static bool
add_raw_headers(struct http_head *rs, struct slice raw)
{
    while (raw.len) {
        struct slice line = slice_cut(raw, '\n', &raw);
        struct slice value;
        if (line.len && line.p[line.len - 1] == '\r')
            line.len--;
        struct slice name = slice_cut(line, ':', &value);
        if (!name.len || !value.p)
            continue;
        if (!http_hdr_add(rs, slice_trim(name), slice_trim(value)))
            return false;
    }
    return true;
}

static bool
build_head(struct stream *s)
{
    struct http_head *rs = &s->rs;
    struct reply_out *r = &s->reply;

    http_head_init(rs, s->hdrs + stream_hdr_room(), stream_hdr_room(), &s->arena);
    rs->is_response = true;
    rs->version = r->version ? r->version : 11;
    rs->version_str = rs->version == 10 ? SL("HTTP/1.0") : SL("HTTP/1.1");
    if (!http_set_status(rs, r->status, r->reason))
        return false;
    s->rs_ready = true;
    if (r->raw_head.p && !add_raw_headers(rs, r->raw_head))
        return false;
    bool has_length =
        http_hdr_first(rs, SL("content-length")) || http_hdr_first(rs, SL("transfer-encoding"));
    bool add_length =
        !r->produce && !r->no_length && !has_length && r->status >= 200 && r->status != 204;
    for (unsigned i = 0; i < r->nhdrs || i == r->len_at; i++) {
        if (i == r->len_at && add_length && !http_set_length(rs, r->body.len))
            return false;
        if (i < r->nhdrs && !http_hdr_add(rs, r->hdrs[i].name, r->hdrs[i].value))
            return false;
    }
    if (r->ctype.p && !http_hdr_add(rs, SL("content-type"), r->ctype))
        return false;
    return true;
}

static void
after_rules(struct stream *s, struct proxy *px)
{
    const struct rule *resume = NULL;
    struct rule_ctx x = { .sess = s->sess, .strm = s, .set = RS_HTTP_AFTER, .final = true };

    if (list_empty(&px->http_after_rules))
        return;
    x.x = stream_ctx(s, px, PT_FE_HTTP_RES, SMPO_RES | SMPO_FINAL);
    s->soft_rewrite = false;
    rules_run(&px->http_after_rules, &resume, &x, NULL);
}

static bool
reply_keeps(const struct stream *s)
{
    const struct conn *cli = s->sess->conn;

    if (s->reply.close || cli->flags & (CONN_EOF | CONN_ERR) || !http_client_keeps(s))
        return false;
    return true;
}

/* A service's body: framed as the client's version allows. */
static bool
frame_reply(struct stream *s, bool *keep)
{
    s->res.out = H1_FRAME_NONE;
    if (!s->reply.produce)
        return true;
    if (http_hdr_first(&s->rs, SL("content-length"))) {
        s->res.out = H1_FRAME_LENGTH;
        return true;
    }
    if (s->rq.version >= 11) {
        s->res.out = H1_FRAME_CHUNKED;
        return http_hdr_add_ref(&s->rs, SL("transfer-encoding"), SL("chunked"));
    }
    s->res.out = H1_FRAME_CLOSE;
    *keep = false;
    return true;
}

static enum step_rc
start_reply(struct stream *s)
{
    struct conn *cli = s->sess->conn;
    struct reply_out *r = &s->reply;
    bool keep = reply_keeps(s);

    if (s->back && !(s->back->flags & CONN_ERR))
        stream_release_back(s); /* a broken one tells the log why */
    s->flags |= SF_INTERNAL_REPLY;
    if (!build_head(s) || !frame_reply(s, &keep))
        goto fail;
    after_rules(s, s->be);
    if (s->fe != s->be)
        after_rules(s, s->fe);
    s->status = r->logged ? r->logged : s->rs.status;
    keep = keep && (s->parser_reply || !http_rules_close(s));
    if (keep)
        s->flags |= SF_KEEP_FRONT;
    else
        s->flags &= ~(unsigned)SF_KEEP_FRONT;
    if (!http_reply_connection(s, keep))
        goto fail;
    stream_count_response(s);
    struct slice head = http_format_head(s, &s->rs, true);
    if (!head.p)
        goto fail;
    struct iovec iov[2] = { { (char *)head.p, head.len }, { (char *)r->body.p, r->body.len } };
    bool body =
        r->body.len && s->rq.meth != HTTP_HEAD && s->rs.status != 304 && s->rs.status != 204;
    if (s->res.tx && !chan_flush(&s->res, cli) && cli->flags & CONN_ERR)
        goto fail;
    if (!chan_write(&s->res, cli, iov, body ? 2 : 1, false))
        goto fail;
    s->flags |= SF_RES_STARTED;
    s->cli_act_ms = loop_now_ms();
    return STEP_NEXT;
fail:
    s->flags &= ~(unsigned)SF_KEEP_FRONT;
    return STEP_OVER;
}

enum step_rc
stream_step_reply(struct stream *s)
{
    struct conn *cli = s->sess->conn;

    if (s->reply.silent) {
        s->flags &= ~(unsigned)SF_KEEP_FRONT;
        s->status = s->reply.status;
        return step_goto(s, STEP_finish);
    }
    if (s->reply.prepare && !(cli->flags & CONN_ERR)) {
        if (!s->reply.prepare(s))
            return STEP_WAIT;
        s->reply.prepare = NULL;
    }
    if (!(s->flags & SF_RES_STARTED)) {
        if (cli->flags & CONN_ERR || start_reply(s) == STEP_OVER)
            return step_goto(s, STEP_finish);
    }
    while (s->reply.produce && !s->res.tx && !(cli->flags & CONN_ERR))
        s->reply.produce(s); /* clears itself when done */
    if (!chan_flush(&s->res, cli) && !(cli->flags & CONN_ERR)) {
        int64_t at = deadline(s->cli_act_ms, stream_timeout_client(s));
        if (at && at <= loop_now_ms())
            return step_goto(s, STEP_finish);
        stream_arm(s, at);
        return STEP_WAIT;
    }
    if (s->reply.produce && !(cli->flags & CONN_ERR))
        return STEP_GOTO;
    if (s->flags & SF_KEEP_FRONT && s->rq_ready && !s->req.eom_in &&
        stream_drain_request(s) == STEP_WAIT)
        return STEP_WAIT;
    return STEP_NEXT;
}
