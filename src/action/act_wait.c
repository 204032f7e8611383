/* act_wait.c - actions that hold a message back: wait-for-body, pause. */
#include "action/action.h"

#include "config/units.h"
#include "proxy/stream_int.h"

#include <stdlib.h>

static enum cfg_rc
bad_time(struct cfg *c, unsigned at, enum unit_err e, char bad, const char *where)
{
    if (e == UNIT_OVERFLOW)
        return cfg_error(
            c, at,
            "timer overflow in argument '%s'%s (maximum value is 2147483647 ms or ~24.8 days).",
            cfg_arg(c, at), where);
    return cfg_error(c, at, "unexpected character '%c'%s.", bad, where);
}

static enum cfg_rc
take_ms(struct cfg *c, unsigned at, const char *where, int64_t *out)
{
    const char *text = cfg_arg(c, at);
    uint64_t us = 0;
    char bad = text[0];
    enum unit_err e = units_time(slice_str(text), 1000, &us, &bad, NULL);

    if (e == UNIT_OK && (us + 999) / 1000 > INT32_MAX)
        e = UNIT_OVERFLOW;
    if (e != UNIT_OK)
        return bad_time(c, at, e, bad, where);
    *out = (int64_t)((us + 999) / 1000);
    return CFG_OK;
}

/* ---- wait-for-body time <time> [at-least <bytes>] [use-large-buffer] ---- */

static enum cfg_rc
parse_body(struct cfg *c, unsigned *at, struct rule *r)
{
    bool has_time = false;

    for (;; *at += 2) {
        const char *name = cfg_arg(c, *at);
        bool time = strcmp(name, "time") == 0;
        if (strcmp(name, "use-large-buffer") == 0)
            return cfg_error(c, *at,
                             "unable to use large buffers at %s:%u, 'tune.bufsize.large' global "
                             "parameter must be set.",
                             c->loc.file ? c->loc.file : "", c->loc.line);
        if (!time && strcmp(name, "at-least") != 0)
            break;
        if (!act_has_word(c, *at + 1))
            return cfg_error(c, *at, "missing argument for '%s'.", name);
        if (time) {
            if (take_ms(c, *at + 1, "", &r->i[0]) != CFG_OK)
                return CFG_ERR;
            has_time = true;
        } else {
            uint64_t n;
            char bad = 0;
            if (units_size(slice_str(cfg_arg(c, *at + 1)), &n, &bad) != UNIT_OK)
                return cfg_error(c, *at + 1, "unexpected character '%c'.", bad);
            r->i[1] = (int64_t)MIN(n, (uint64_t)INT64_MAX);
        }
    }
    if (!has_time)
        return cfg_error(c, CFG_WHOLE_LINE, "expects time <time> [ at-least <bytes> ].");
    return CFG_OK;
}

/* All that is wanted is there, or nothing more can come. */
static bool
has_enough(const struct stream *s, const struct chan *ch, const struct conn *c, int64_t at_least)
{
    if (ch->eom_in || (at_least && ch->ready >= (uint64_t)at_least) ||
        c->flags & (CONN_EOF | CONN_ERR))
        return true;
    return c->rx && buf_room(c->rx) == 0;
}

static enum act_rc
body_too_late(struct stream *s, bool response)
{
    if (response) {
        stream_term(s, 's', 'H');
        reply_error(s, 504);
    } else {
        FE_COUNT(s->fe, ereq, 1);
        s->t_head_us = 0; /* it never came in completely */
        stream_term(s, 'c', 'R');
        reply_error(s, 408);
    }
    s->reply.close = true;
    return ACT_REPLY;
}

static enum act_rc
exec_body(const struct rule *r, struct rule_ctx *x)
{
    struct stream *s = x->strm;
    bool response = r->set == RS_HTTP_RES;
    struct chan *ch = response ? &s->res : &s->req;
    struct conn *c = response ? s->back : s->sess->conn;

    if (!c || ch->eom_in)
        return ACT_CONT;
    if (!x->resumed) {
        s->wait_until_ms = loop_now_ms() + r->i[0];
        if (!response && !stream_send_continue(s))
            return ACT_CONT; /* the next step finds the broken connection */
    }
    if (!response && s->res.tx)
        (void)chan_flush(&s->res, s->sess->conn);
    while (chan_buffer_body(s, ch, c, response ? s->res_pin : s->req_pin))
        *(response ? &s->srv_act_ms : &s->cli_act_ms) = loop_now_ms();
    if (has_enough(s, ch, c, r->i[1])) {
        s->wait_until_ms = 0;
        if (!response)
            s->t_head_us = loop_now_us(); /* the request's time includes what was waited for */
        return ACT_CONT;
    }
    if (loop_now_ms() >= s->wait_until_ms)
        return body_too_late(s, response);
    return ACT_YIELD;
}

/* ---- pause { <timeout> | <expr> } ---- */

static enum cfg_rc
parse_pause(struct cfg *c, unsigned *at, struct rule *r)
{
    char *err = NULL, first = cfg_arg(c, *at)[0];

    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "expects a time or an expression.");
    if (first >= '0' && first <= '9')
        return take_ms(c, (*at)++, " in rule 'pause'", &r->i[0]);
    r->p[0] = expr_parse_err(c, at, r->px, rule_set_points(r->set, r->px), &err);
    if (!r->p[0])
        cfg_error(c, *at, "unexpected character '%c' in rule 'pause'.", first);
    free(err);
    return r->p[0] ? CFG_OK : CFG_ERR;
}

static enum act_rc
exec_pause(const struct rule *r, struct rule_ctx *x)
{
    struct stream *s = x->strm;
    int64_t ms;

    if (!x->resumed) {
        if (!act_number_of(r, 0, x, &ms) || ms <= 0)
            return ACT_CONT;
        s->wait_until_ms = loop_now_ms() + MIN(ms, INT32_MAX);
    }
    if (loop_now_ms() < s->wait_until_ms && !(s->sess->conn->flags & CONN_ERR))
        return ACT_YIELD;
    s->wait_until_ms = 0;
    return ACT_CONT;
}

static const struct action actions[] = {
    { "wait-for-body", RS_HTTP_REQ | RS_HTTP_RES, "time <time> [at-least <bytes>]", parse_body,
      exec_body, "waits for the payload, or its beginning", 0, NULL },
    { "pause", RS_HTTP_REQ | RS_HTTP_RES, "{<time>|<expr>}", parse_pause, exec_pause,
      "holds the message back for a time", 0, NULL },
    { 0 }
};

const struct module action_wait_module = { .name = "waiting actions", .actions = actions };
