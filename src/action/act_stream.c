/* act_stream.c - actions on the stream itself: log level, priorities, timeouts, retries, captures,
 * strict mode, logging, and switching to HTTP. */
#include "action/action.h"

#include "config/units.h"
#include "fetch/fetch_log.h"
#include "proxy/capture.h"
#include "proxy/config.h"

#include <stdlib.h>

#define LEVEL_SILENT (-2)
#define NICE_MAX     1024
#define CLASS_MAX    2047
#define OFFSET_MAX   524287
#define RETRIES_MAX  100

/* ---- set-nice, set-log-level ---- */

static enum cfg_rc
parse_nice(struct cfg *c, unsigned *at, struct rule *r)
{
    int64_t n;

    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "expects exactly 1 argument (integer value).");
    if (!slice_to_int(slice_str(cfg_arg(c, *at)), &n))
        return cfg_error(c, *at, "expects exactly 1 argument (integer value).");
    r->i[0] = MAX(-NICE_MAX, MIN(n, NICE_MAX));
    cfg_warn(c, *at, "'set-nice' has no effect yet: tasks run in order of arrival.");
    (*at)++;
    return CFG_OK;
}

static enum act_rc
exec_nice(const struct rule *r, struct rule_ctx *x)
{
    x->strm->nice = (int)r->i[0];
    return ACT_CONT;
}

static enum cfg_rc
parse_log_level(struct cfg *c, unsigned *at, struct rule *r)
{
    const char *name = cfg_arg(c, *at);
    int level = strcmp(name, "silent") == 0 ? LEVEL_SILENT : log_level_parse(slice_str(name));

    if (!act_has_word(c, *at) || level == -1)
        return cfg_error(c, act_has_word(c, *at) ? *at : CFG_WHOLE_LINE,
                         "expects exactly 1 argument (log level name or 'silent').");
    r->i[0] = level;
    (*at)++;
    return CFG_OK;
}

static enum act_rc
exec_log_level(const struct rule *r, struct rule_ctx *x)
{
    x->strm->log_level = (int)r->i[0];
    return ACT_CONT;
}

/* ---- set-priority-class, set-priority-offset ---- */

static enum cfg_rc
parse_priority(struct cfg *c, unsigned *at, struct rule *r)
{
    r->p[0] = act_expr(c, at, r);
    return r->p[0] ? CFG_OK : CFG_ERR;
}

static enum act_rc
exec_class(const struct rule *r, struct rule_ctx *x)
{
    struct sample s = { 0 };

    if (!expr_eval_as(r->p[0], x->x, SMP_SINT, &s))
        return act_must_wait(&s, x) ? ACT_YIELD : ACT_CONT;
    x->strm->prio_class = (int)MAX(-CLASS_MAX, MIN(s.u.i, CLASS_MAX));
    return ACT_CONT;
}

static enum act_rc
exec_offset(const struct rule *r, struct rule_ctx *x)
{
    struct sample s = { 0 };

    if (!expr_eval_as(r->p[0], x->x, SMP_SINT, &s))
        return act_must_wait(&s, x) ? ACT_YIELD : ACT_CONT;
    x->strm->prio_offset = (int)MAX(-OFFSET_MAX, MIN(s.u.i, OFFSET_MAX));
    return ACT_CONT;
}

/* ---- set-timeout ---- */

static const struct timeout_kind {
    const char *name;
    size_t offset; /* in the stream */
    unsigned cap;  /* the proxy must have one of these */
} timeout_kinds[] = {
    { "client", offsetof(struct stream, to_client_ms), PX_FE },
    { "connect", offsetof(struct stream, to_connect_ms), PX_BE },
    { "queue", offsetof(struct stream, to_queue_ms), PX_BE },
    { "server", offsetof(struct stream, to_server_ms), PX_BE },
    { "tarpit", offsetof(struct stream, to_tarpit_ms), PX_FE | PX_BE },
    { "tunnel", offsetof(struct stream, to_tunnel_ms), PX_BE },
};

static enum cfg_rc
take_time(struct cfg *c, unsigned *at, struct rule *r, const char *kind)
{
    const char *text = cfg_arg(c, *at);
    uint64_t us;
    char bad = text[0];

    switch (units_time(slice_str(text), 1000, &us, &bad, NULL)) {
    case UNIT_OK:
        break;
    case UNIT_OVERFLOW:
        goto overflow;
    default:
        return cfg_error(c, *at, "unexpected character '%c' in rule 'set-timeout %s'.", bad, kind);
    }
    uint64_t ms = (us + 999) / 1000;
    if (ms > INT32_MAX)
        goto overflow;
    if (!ms)
        return cfg_error(c, *at, "null value is not valid for a 'set-timeout %s' rule.", kind);
    r->i[0] = (int64_t)ms;
    (*at)++;
    return CFG_OK;
overflow:
    return cfg_error(c, *at,
                     "timer overflow in argument '%s' to rule 'set-timeout %s' (maximum value is "
                     "2147483647 ms or ~24.8 days).",
                     text, kind);
}

/* A number with a unit, or an expression in ms. */
static enum cfg_rc
take_time_or_expr(struct cfg *c, unsigned *at, struct rule *r, const char *kind)
{
    char *err = NULL, first = cfg_arg(c, *at)[0];

    if (first >= '0' && first <= '9')
        return take_time(c, at, r, kind);
    r->p[0] = expr_parse_err(c, at, r->px, rule_set_points(r->set, r->px), &err);
    if (!r->p[0])
        cfg_error(c, *at, "unexpected character '%c' in rule 'set-timeout %s' (%s).", first, kind,
                  err ? err : "");
    free(err);
    return r->p[0] ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
parse_timeout(struct cfg *c, unsigned *at, struct rule *r)
{
    const struct timeout_kind *k = NULL;

    if (!act_has_word(c, *at) || !act_has_word(c, *at + 1))
        return cfg_error(c, CFG_WHOLE_LINE, "expects exactly 2 arguments.");
    for (unsigned i = 0; i < COUNT_OF(timeout_kinds); i++)
        if (cfg_arg_is(c, *at, timeout_kinds[i].name))
            k = &timeout_kinds[i];
    if (!k)
        return cfg_error(c, *at,
                         "'set-timeout' rule supports "
                         "'client'/'connect'/'queue'/'server'/'tarpit'/'tunnel' (got '%s').",
                         cfg_arg(c, *at));
    if (!(r->px->cap & (k->cap | PX_DEF)))
        return cfg_error(c, *at, "proxy '%s' has no %s capability.", r->px->name,
                         k->cap & PX_FE ? "frontend" : "backend");
    (*at)++;
    r->i[1] = (int64_t)k->offset;
    return take_time_or_expr(c, at, r, k->name);
}

static enum act_rc
exec_timeout(const struct rule *r, struct rule_ctx *x)
{
    int64_t ms;

    if (act_number_of(r, 0, x, &ms) && ms > 0)
        *(int *)(void *)((char *)x->strm + r->i[1]) = (int)MIN(ms, INT32_MAX);
    return ACT_CONT;
}

/* ---- set-retries ---- */

static bool
read_retries(const char *text, int64_t *out)
{
    return slice_to_int(slice_str(text), out) && *out >= 1 && *out <= RETRIES_MAX;
}

static enum cfg_rc
parse_retries(struct cfg *c, unsigned *at, struct rule *r)
{
    int64_t n;

    if (r->px->cap & PX_DEF || !proxy_has_be(r->px))
        return cfg_error(c, CFG_WHOLE_LINE, "proxy '%s' has no backend capability.", r->px->name);
    if (!act_has_word(c, *at) ||
        (slice_to_int(slice_str(cfg_arg(c, *at)), &n) && !read_retries(cfg_arg(c, *at), &n)))
        return cfg_error(c, act_has_word(c, *at) ? *at : CFG_WHOLE_LINE,
                         "expects an expression or an integer between 1 and %d.", RETRIES_MAX);
    return act_number(c, at, r, 0, read_retries);
}

static enum act_rc
exec_retries(const struct rule *r, struct rule_ctx *x)
{
    struct stream *s = x->strm;
    int64_t n;

    if (!act_number_of(r, 0, x, &n) || n < 0)
        return ACT_CONT;
    s->set_retries = (int)MIN(n, RETRIES_MAX);
    s->set_retries_px = x->x->px;
    if (s->flags & SF_COUNTED_BE && s->be == x->x->px) /* the backend was entered already */
        s->retries_left = (unsigned)s->set_retries;
    return ACT_CONT;
}

/* ---- strict-mode, disable-l7-retry, wait-for-handshake ---- */

static enum cfg_rc
parse_strict(struct cfg *c, unsigned *at, struct rule *r)
{
    const char *word = cfg_arg(c, *at);

    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "expects exactly 1 arguments.");
    if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
        return cfg_error(c, *at, "Unexpected value '%s'. Only 'on' and 'off' are supported.", word);
    r->i[0] = strcmp(word, "off") == 0;
    (*at)++;
    return CFG_OK;
}

static enum act_rc
exec_strict(const struct rule *r, struct rule_ctx *x)
{
    x->strm->soft_rewrite = r->i[0];
    return ACT_CONT;
}

static enum act_rc
exec_no_retry(const struct rule *r, struct rule_ctx *x)
{
    x->strm->flags |= SF_NO_L7_RETRY;
    return ACT_CONT;
}

/* A request that came as early data may be a replay until the handshake is over. */
static enum act_rc
exec_handshake(const struct rule *r, struct rule_ctx *x)
{
    struct stream *s = x->strm;
    struct conn *c = s->sess->conn;
    const struct px_timeouts *t = &s->fe->timeout;

    if (!(c->flags & CONN_EARLY))
        return ACT_CONT;
    if (!x->resumed) {
        int ms = t->client_hs ? t->client_hs : t->client;
        s->wait_until_ms = ms ? loop_now_ms() + ms : 0;
    }
    c->layer->handshake(c);
    if (c->flags & CONN_EARLY && !(c->flags & CONN_ERR)) {
        if (!s->wait_until_ms || loop_now_ms() < s->wait_until_ms)
            return ACT_YIELD;
        stream_term(s, 'c', 'R');
        FE_COUNT(s->fe, ereq, 1);
        return ACT_ABORT;
    }
    s->wait_until_ms = 0;
    return ACT_CONT;
}

/* ---- capture <expr> { len <n> | id <n> } ---- */

static bool
is_response(const struct rule *r)
{
    return r->set & (RS_HTTP_RES | RS_HTTP_AFTER);
}

static enum cfg_rc
capture_len(struct cfg *c, unsigned at, struct rule *r)
{
    const char *text = cfg_arg(c, at);
    uint64_t n;

    if (is_response(r))
        return cfg_error(c, at - 1, "expects 'id', found 'len'.");
    if (!(r->px->cap & PX_FE))
        return cfg_error(c, at - 1, "proxy '%s' has no frontend capability.", r->px->name);
    if (!slice_to_uint(slice_str(text), &n) || n == 0 || n > UINT16_MAX)
        return cfg_error(c, at, "length must be > 0.");
    r->i[0] = capture_add(c, r->px, false, NULL, (unsigned)n);
    return CFG_OK;
}

static enum cfg_rc
capture_id(struct cfg *c, unsigned at, struct rule *r)
{
    uint64_t n;

    if (!slice_to_uint(slice_str(cfg_arg(c, at)), &n) || n > UINT16_MAX)
        return cfg_error(c, at, "cannot parse id '%s'.", cfg_arg(c, at));
    r->i[0] = (int64_t)n;
    return CFG_OK;
}

static enum cfg_rc
parse_capture(struct cfg *c, unsigned *at, struct rule *r)
{
    const char *usage = is_response(r) ? "expects <expression> id <idx>."
                                       : "expects <expression> [ 'len' <length> | id <idx> ].";

    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "%s", usage);
    r->p[0] = act_expr(c, at, r);
    if (!r->p[0])
        return CFG_ERR;
    bool len = cfg_arg_is(c, *at, "len");
    if ((!len && !cfg_arg_is(c, *at, "id")) || !act_has_word(c, *at + 1))
        return cfg_error(c, act_has_word(c, *at) ? *at : CFG_WHOLE_LINE, "%s", usage);
    *at += 2;
    return (len ? capture_len : capture_id)(c, *at - 1, r);
}

/* Rules of frontends name slots of their own; in backends the frontend is known only later. */
static void
check_capture(struct cfg *c, const struct rule *r)
{
    if (r->px->cap & PX_FE && !capture_slot(r->px->captures, is_response(r), r->i[0]))
        cfg_error_at(
            c, NULL,
            "Proxy '%s': unable to find capture id '%d' referenced by http-%s capture rule.",
            r->px->name, (int)r->i[0], is_response(r) ? "response" : "request");
}

static enum act_rc
exec_capture(const struct rule *r, struct rule_ctx *x)
{
    struct stream *s = x->strm;
    bool response = is_response(r);
    const struct captures *caps = s->fe->captures;
    const struct capture *slot = capture_slot(caps, response, r->i[0]);
    struct slice **to = response ? &s->res_cap : &s->req_cap;
    struct sample v = { 0 };

    if (!slot)
        return ACT_CONT;
    if (!expr_eval_as(r->p[0], x->x, SMP_STR, &v))
        return act_must_wait(&v, x) ? ACT_YIELD : ACT_CONT;
    if (!*to && !(*to = ARENA_ARRAY(&s->arena, struct slice, response ? caps->nres : caps->nreq)))
        return ACT_CONT;
    (*to)[slot->index] = act_keep(s, slice(v.u.s.p, MIN(v.u.s.len, (size_t)slot->len)));
    return ACT_CONT;
}

/* ---- do-log [profile <name>] ---- */

static enum log_step
step_of(enum rule_set set)
{
    static const struct {
        enum rule_set set;
        enum log_step step;
    } steps[] = {
        { RS_TCP_CONN, LOGS_TCP_REQ_CONN },     { RS_TCP_SESS, LOGS_TCP_REQ_SESS },
        { RS_TCP_REQ, LOGS_TCP_REQ_CONT },      { RS_TCP_RES, LOGS_TCP_RES_CONT },
        { RS_HTTP_REQ, LOGS_HTTP_REQ },         { RS_HTTP_RES, LOGS_HTTP_RES },
        { RS_HTTP_AFTER, LOGS_HTTP_AFTER_RES },
    };

    for (unsigned i = 0; i < COUNT_OF(steps); i++)
        if (steps[i].set == set)
            return steps[i].step;
    return LOGS_UNSPEC;
}

static enum cfg_rc
parse_do_log(struct cfg *c, unsigned *at, struct rule *r)
{
    r->i[0] = step_of(r->set);
    if (!cfg_arg_is(c, *at, "profile"))
        return CFG_OK;
    if (!act_has_word(c, *at + 1))
        return cfg_error(c, *at, "'profile' expects a log-profile name.");
    r->p[0] = (char *)cfg_arg(c, *at + 1);
    *at += 2;
    return CFG_OK;
}

static void
check_do_log(struct cfg *c, struct rule *r)
{
    const char *name = r->p[0];

    if (!name)
        return;
    r->p[1] = (void *)log_profile_find(name);
    if (!r->p[1])
        cfg_error_at(c, &r->loc,
                     "Proxy '%s': unable to find log-profile '%s' referenced by do-log rule.",
                     r->px->name, name);
}

/* Before there is a stream. */
static void
log_connection(const struct rule *r, struct rule_ctx *x)
{
    struct proxy *fe = x->sess->fe;
    struct log_tag_info who = { .tag = slice_str(fe->log_tag) };
    char text[ADDR_TEXT_MAX + 256], from[ADDR_TEXT_MAX];
    struct addr a;

    if (!log_enabled(&fe->log) || (!fe->logfmt && !r->p[1]))
        return;
    conn_src(x->sess->conn, &a);
    struct out o = OUT(text);
    out_printf(&o, "Connect from %s (%s/%s)", addr_format(&a, from, sizeof(from)), fe->name,
               fe->mode == PX_HTTP ? "HTTP" : "TCP");
    struct log_event ev = {
        .step = (enum log_step)r->i[0],
        .level = LOGL_INFO,
        .fmt = fe->logfmt,
        .sd = fe->logfmt_sd,
        .text = out_slice(&o),
        .profile = r->p[1],
        .who = &who,
        .ctx = x->x,
    };
    log_event_emit(&fe->log, &ev);
}

static enum act_rc
exec_do_log(const struct rule *r, struct rule_ctx *x)
{
    if (!x->strm) {
        log_connection(r, x);
        return ACT_CONT;
    }
    struct sample_ctx kept = *x->x; /* writing a line uses the stream's context */
    log_stream_step(x->strm, (enum log_step)r->i[0], r->p[1]);
    x->strm->x = kept;
    return ACT_CONT;
}

/* ---- switch-mode http [proto <proto>] ---- */

static enum cfg_rc
parse_switch_mode(struct cfg *c, unsigned *at, struct rule *r)
{
    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE,
                         DIAG_PARSING "'tcp-request switch-mode' expects a mode as argument.");
    if (!cfg_arg_is(c, *at, "http"))
        return cfg_error(c, *at,
                         DIAG_PARSING "'tcp-request switch-mode' expects a valid mode (got '%s').",
                         cfg_arg(c, *at));
    (*at)++;
    if (!cfg_arg_is(c, *at, "proto"))
        return CFG_OK;
    if (!act_has_word(c, *at + 1))
        return cfg_error(c, *at,
                         DIAG_PARSING
                         "'tcp-request switch-mode': 'proto' expects a protocol as argument.");
    if (!cfg_arg_is(c, *at + 1, "h1"))
        return cfg_error(c, *at + 1,
                         DIAG_PARSING "'tcp-request switch-mode': 'proto' expects a valid MUX "
                                      "protocol, if specified (got '%s')",
                         cfg_arg(c, *at + 1));
    *at += 2;
    return CFG_OK;
}

static enum act_rc
exec_switch_mode(const struct rule *r, struct rule_ctx *x)
{
    struct stream *s = x->strm;

    if (s->flags & SF_HTTP)
        return ACT_CONT;
    s->flags = (s->flags | SF_HTTP) & ~(unsigned)SF_TUNNEL;
    return ACT_STOP;
}

/* ---- rows ---- */

#define LOG_SETS (RS_TCP_REQ | RS_TCP_RES | RS_HTTP)

static const struct action actions[] = {
    { "set-nice", RS_TCP_STREAM | RS_HTTP_REQ | RS_HTTP_RES, "<nice>", parse_nice, exec_nice,
      "accepted for compatibility: streams take turns anyway, none runs long", 0, NULL },
    { "set-log-level", LOG_SETS, "<level>", parse_log_level, exec_log_level,
      "level of the log line, or silent", 0, NULL },
    { "set-priority-class", RS_TCP_REQ | RS_HTTP_REQ, "<expr>", parse_priority, exec_class,
      "class in the queue, lower ones go first", 0, NULL },
    { "set-priority-offset", RS_TCP_REQ | RS_HTTP_REQ, "<expr>", parse_priority, exec_offset,
      "ms by which the place in the queue differs from the time of arrival", 0, NULL },
    { "set-timeout", RS_HTTP_REQ | RS_HTTP_RES,
      "{client|connect|queue|server|tarpit|tunnel} {<timeout>|<expr>}", parse_timeout, exec_timeout,
      "another timeout for this stream", 0, NULL },
    { "set-retries", RS_TCP_REQ | RS_HTTP_REQ, "{<int>|<expr>}", parse_retries, exec_retries,
      "how often the connection to a server is tried again", 0, NULL },
    { "strict-mode", RS_HTTP, "{on|off}", parse_strict, exec_strict,
      "whether rewrites that fail are errors, for the rules that follow", 0, NULL },
    { "disable-l7-retry", RS_HTTP_REQ, NULL, act_no_args, exec_no_retry,
      "the request must not be sent twice", 0, NULL },
    { "wait-for-handshake", RS_HTTP_REQ, NULL, act_no_args, exec_handshake,
      "waits for the end of the TLS handshake when the request came as early data", 0, NULL },
    { "capture", RS_TCP_REQ | RS_HTTP, "<expr> {len <length>|id <idx>}", parse_capture,
      exec_capture, "keeps a value for the log", 0, NULL },
    { "do-log", RS_TCP | RS_HTTP, "[profile <name>]", parse_do_log, exec_do_log,
      "writes a log line now", 0, NULL },
    { "switch-mode", RS_TCP_REQ, "http [proto h1]", parse_switch_mode, exec_switch_mode,
      "goes on with the connection as HTTP", ACTF_FINAL, NULL },
    { 0 }
};

/* ---- names ---- */

static void
check_rules(struct cfg *c, const struct list *rules)
{
    struct rule *r;

    list_each (r, rules, link) {
        if (r->act->exec == exec_capture)
            check_capture(c, r);
        else if (r->act->exec == exec_do_log)
            check_do_log(c, r);
    }
}

static void
check_proxies(struct cfg *c, const struct list *proxies)
{
    struct proxy *px;

    list_each (px, proxies, link) {
        struct list *lists[] = { &px->tcp_conn_rules,  &px->tcp_sess_rules, &px->tcp_req_rules,
                                 &px->tcp_res_rules,   &px->http_req_rules, &px->http_res_rules,
                                 &px->http_after_rules };
        for (unsigned i = 0; i < COUNT_OF(lists); i++)
            check_rules(c, lists[i]);
    }
}

static void
check(struct cfg *c)
{
    check_proxies(c, &c->config->proxies);
}

const struct module action_stream_module = { .name = "stream actions",
                                             .actions = actions,
                                             .check = check };
