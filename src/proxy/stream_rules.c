/* stream_rules.c - running rule sets within a stream, and captures. */
#include "proxy/stream_int.h"

#include "proxy/capture.h"

static enum sample_point
point_of(const struct stream *s, const struct proxy *px, enum rule_set set)
{
    bool be = px == s->be && px != s->fe;

    switch (set) {
    case RS_TCP_REQ:
        return be ? PT_BE_TCP_REQ : PT_FE_TCP_REQ;
    case RS_TCP_RES:
        return be ? PT_BE_TCP_RES : PT_FE_TCP_RES;
    case RS_HTTP_REQ:
        return be ? PT_BE_HTTP_REQ : PT_FE_HTTP_REQ;
    default:
        return be ? PT_BE_HTTP_RES : PT_FE_HTTP_RES;
    }
}

static bool
is_response_set(enum rule_set set)
{
    return set & (RS_TCP_RES | RS_HTTP_RES | RS_HTTP_AFTER);
}

/* A rule waits: for bytes, or for its own event. */
static enum step_rc
wait_for_rule(struct stream *s, bool response, int inspect_ms)
{
    int64_t at = deadline(s->rules_since_ms, inspect_ms);

    if (s->resume_action &&
        s->wait_until_ms) { /* the action waits for a time, whoever is silent meanwhile */
        stream_arm(s, sooner(at, s->wait_until_ms));
        return STEP_WAIT;
    }
    if (!response)
        at = sooner(at, deadline(s->cli_act_ms, stream_timeout_client(s)));
    else
        at = sooner(at, deadline(s->srv_act_ms, stream_timeout_server(s)));
    stream_arm(s, at);
    return STEP_WAIT;
}

/* No more bytes will come, or none fit, or the time is over: what is missing stays missing. */
static bool
is_final(const struct stream *s, bool response, int inspect_ms)
{
    const struct conn *c = response ? s->back : s->sess->conn;

    if (s->flags & SF_HTTP)
        return true;
    if (!inspect_ms || loop_now_ms() >= s->rules_since_ms + inspect_ms)
        return true;
    if (c->flags & (CONN_EOF | CONN_ERR))
        return true;
    return c->rx && buf_room(c->rx) == 0 && c->rx->head == 0;
}

static void
count_denied(struct stream *s, struct proxy *px, bool response)
{
    if (proxy_has_fe(px)) {
        if (response)
            SFE_COUNT(s, dresp, 1);
        else
            SFE_COUNT(s, dreq, 1);
    }
    if (px == s->be && s->flags & SF_COUNTED_BE) {
        if (response)
            BE_COUNT(s->be, dresp, 1);
        else
            BE_COUNT(s->be, dreq, 1);
    }
    if (response && s->srv)
        SRV_COUNT(s->srv, dresp, 1);
}

static enum step_rc
denied(struct stream *s, struct proxy *px, bool response)
{
    char phase = response ? 'H' : 'R';

    count_denied(s, px, response);
    if (!(s->flags & SF_HTTP)) {
        stream_kill(s, 'P', phase);
        return step_goto(s, STEP_finish);
    }
    if (!s->reply.set)
        return stream_error(s, response ? 502 : 403, 'P', phase);
    stream_term(s, 'P', phase);
    return step_goto(s, STEP_reply);
}

/* The connection is dropped. The log does not show a time for what was not completely dealt with,
 * nor a request line that only content rules have seen. */
static enum step_rc
aborted(struct stream *s, struct proxy *px, enum rule_set set)
{
    bool response = is_response_set(set);

    count_denied(s, px, response);
    if (!response)
        s->t_head_us = 0;
    if (set == RS_TCP_REQ)
        s->uri = SLICE_NONE;
    if (set == RS_TCP_RES && !(s->flags & SF_HTTP) && s->back->rx)
        s->res.in += buf_len(s->back->rx);
    stream_kill(s, 'P', set == RS_TCP_RES ? 'D' : 'R');
    return step_goto(s, STEP_finish);
}

/* The connection to the server is closed: the client gets what came before, and then the end. */
static enum step_rc
closed(struct stream *s)
{
    s->back->flags |= CONN_EOF;
    s->flags &= ~(unsigned)SF_KEEP_BACK;
    if (s->flags & SF_HTTP)
        return STEP_NEXT;
    conn_shut_wr(s->back);
    s->req.eom_in = s->req.eom_out = s->req.shut_out = true;
    return step_goto(s, STEP_forward);
}

static enum step_rc
decided(struct stream *s, enum act_rc rc, struct proxy *px, enum rule_set set)
{
    bool response = is_response_set(set);
    char phase = response ? 'H' : 'R';

    if (response && rc > ACT_YIELD && rc != ACT_CLOSE)
        s->t_data_us = 0; /* the answer of the server is not the one that goes to the client */
    switch (rc) {
    case ACT_DENY:
        return denied(s, px, response);
    case ACT_REPLY:
        if (s->reply.tarpit) {
            count_denied(s, px, response);
            stream_term(s, 'P', 'T');
            return step_goto(s, STEP_tarpit);
        }
        stream_term(s, 'L', phase);
        return step_goto(s, STEP_reply);
    case ACT_ABORT:
        return aborted(s, px, set);
    case ACT_CLOSE:
        return closed(s);
    case ACT_ERROR:
        if (!response)
            s->t_head_us = 0;
        SFE_COUNT(s, eint, 1);
        return stream_error(s, 500, 'I', phase);
    default:
        return STEP_NEXT;
    }
}

enum step_rc
stream_run_rules(struct stream *s, const struct list *rules, struct proxy *px, enum rule_set set,
                 int inspect_ms)
{
    bool response = is_response_set(set);

    if (!s->resume) {
        s->rules_since_ms = loop_now_ms();
        s->resume_action = false;
        s->wait_until_ms = 0;
        s->soft_rewrite = false;
    }
    if (response && s->flags & SF_HTTP)
        stream_count_server_status(s);
    struct conn *c = response ? s->back : s->sess->conn;
    if (!(s->flags & SF_HTTP) && c)
        conn_fill(c); /* what made us run again must be there before the rules look */
    bool final = is_final(s, response, inspect_ms);
    struct rule_ctx x = {
        .sess = s->sess,
        .strm = s,
        .x = stream_ctx(s, px, point_of(s, px, set),
                        (response ? SMPO_RES : SMPO_REQ) | (final ? SMPO_FINAL : 0)),
        .set = set,
        .resumed = s->resume_action,
        .final = final,
    };
    enum act_rc rc = rules_run(rules, &s->resume, &x, &s->last_rule);
    s->resume_action = x.resumed && rc == ACT_YIELD;
    if (rc == ACT_YIELD)
        return wait_for_rule(s, response, inspect_ms);
    s->wait_until_ms = 0;
    sample_tmp_reset();
    return decided(s, rc, px, set);
}

/* ---- captures ---- */

static void
capture_headers(struct stream *s, const struct http_head *h, const struct list *caps,
                struct slice **to, unsigned n)
{
    struct capture *cap;

    if (!n || (!*to && !(*to = arena_zalloc(&s->arena, n * sizeof(**to)))))
        return;
    list_each (cap, caps, link) {
        if (!cap->name)
            continue; /* a declared slot: rules fill it */
        struct http_hdr *f = http_hdr_last(h, slice_str(cap->name));
        if (!f)
            continue;
        struct slice v = slice(f->value.p, MIN(f->value.len, (size_t)cap->len));
        char *copy = arena_slicedup(&s->arena, v);
        if (copy)
            (*to)[cap->index] = slice(copy, v.len);
    }
}

void
stream_capture_request(struct stream *s)
{
    struct captures *c = s->fe->captures;

    capture_headers(s, &s->rq, &c->req, &s->req_cap, c->nreq);
}

void
stream_capture_cookie(struct stream *s)
{
    struct captures *c = s->fe->captures;

    if (c->cookie)
        s->cli_cookie = capture_cookie(&s->rq, c, SL("cookie"), &s->arena);
}

void
stream_capture_response(struct stream *s)
{
    struct captures *c = s->fe->captures;

    capture_headers(s, &s->rs, &c->res, &s->res_cap, c->nres);
    if (c->cookie)
        s->srv_cookie = capture_cookie(&s->rs, c, SL("set-cookie"), &s->arena);
}
