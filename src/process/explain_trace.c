/* explain_trace.c - watches a request: hooks of rules, conditions and steps fill the answer. */
#include "process/explain_facts.h"

#include "proxy/stream_int.h"

#include <stdlib.h>

static const char *const step_ids[] = {
#define X(n, t) #n,
    STREAM_STEPS(X)
#undef X
};

/* What is being recorded; explain works on one thread. */
static struct trace {
    struct explain_result *r;
    const struct explain_wire *wire;
    struct session *sess;
    struct stream *strm;
    struct facts facts, next; /* as they were last, and room for what they are now */
    struct list tests;        /* of the rule under way */
    const char *stage, *id;
    enum stream_step step;
    bool response, over;
    bool resumed;                                       /* the rule under way had waited */
    const struct px_switch *backend_rule, *server_rule; /* that applied */
    struct explain_event *backend_event;
} now;

/* ---- events ---- */

static struct explain_event *
event_new(const char *text)
{
    struct explain_event *e = ARENA_NEW(&now.r->arena, struct explain_event);

    e->stage = now.stage;
    e->id = now.id;
    e->text = text;
    list_init(&e->tests);
    list_init(&e->changes);
    list_push_back(&now.r->events, &e->link);
    return e;
}

void
explain_note(const char *fmt, ...)
{
    struct text t = { 0 };
    va_list ap;

    va_start(ap, fmt);
    text_vprintf(&t, fmt, ap);
    va_end(ap);
    event_new(arena_slicedup(&now.r->arena, text_get(&t)));
    text_fini(&t);
}

/* The source of a rule on one line, without indentation, continuation marks and comments. */
static const char *
tidy(const char *raw)
{
    struct text t = { 0 };
    bool quoted = false, blank = false;
    char quote = 0;

    for (const char *p = raw ? raw : ""; *p; p++) {
        if (!quoted && *p == '#') {
            while (p[1] && p[1] != '\n')
                p++;
            continue;
        }
        if ((*p == '\\' && p[1] == '\n') || *p == '\n' || (!quoted && (*p == ' ' || *p == '\t'))) {
            blank = true;
            continue;
        }
        if ((*p == '"' || *p == '\'') && (!quoted || *p == quote)) {
            quoted = !quoted;
            quote = *p;
        }
        if (blank && t.len)
            text_char(&t, ' ');
        blank = false;
        text_char(&t, *p);
        if (*p == '\\' && p[1])
            text_char(&t, *++p);
    }
    const char *kept = arena_slicedup(&now.r->arena, text_get(&t));
    text_fini(&t);
    return kept;
}

/* What changed since the last look goes to `to`. */
static void
look(struct list *to)
{
    struct facts old = now.facts;

    if (!now.sess)
        return;
    facts_take(&now.next, now.sess, now.strm, now.response, &now.r->arena);
    facts_diff(&now.facts, &now.next, to, &now.r->arena);
    now.facts = now.next;
    now.next = old;
}

/* What the program does by itself in a step. */
static void
look_without_rule(const char *text)
{
    struct list changes;

    list_init(&changes);
    look(&changes);
    if (!list_empty(&changes))
        list_splice_back(&event_new(text)->changes, &changes);
}

/* ---- conditions ---- */

static void
on_test(const struct acl_test *t, struct sample_ctx *x)
{
    struct explain_test *e = ARENA_NEW(&now.r->arena, struct explain_test);
    struct sample s = t->value;

    e->acl = t->acl;
    e->text = t->text;
    e->result = t->result;
    s.flags |= SMPF_CONST;
    if (t->has_value && s.type == SMP_BOOL)
        e->value = s.u.i ? SL("true") : SL("false");
    else if (t->has_value && sample_cast(&s, SMP_STR, x))
        e->value = slice(arena_slicedup(&now.r->arena, s.u.s), s.u.s.len);
    list_push_back(&now.tests, &e->link);
}

/* ---- rules ---- */

static const char *
outcome_of(int cond, int rc)
{
    static const char *const text[] = {
        [ACT_STOP] = "ends these rules: accepted", [ACT_YIELD] = "waits",
        [ACT_DENY] = "refuses the request",        [ACT_REPLY] = "answers by itself",
        [ACT_ABORT] = "closes the connection",     [ACT_CLOSE] = "closes the server's connection",
        [ACT_ERROR] = "fails: internal error",
    };

    if (cond == COND_MISS)
        return "waits for more data";
    return rc > ACT_CONT && (unsigned)rc < COUNT_OF(text) ? text[rc] : NULL;
}

static void
enter_rule(const struct rule *r, struct rule_ctx *x)
{
    look_without_rule("without a rule");
    list_init(&now.tests);
    now.resumed = x->resumed;
    now.sess = x->sess;
    now.strm = x->strm;
    now.response = r->set & (RS_TCP_RES | RS_HTTP_RES | RS_HTTP_AFTER);
    if (r->set == RS_TCP_CONN || r->set == RS_TCP_SESS) {
        now.stage = r->set == RS_TCP_CONN ? "running the tcp-request connection rules"
                                          : "running the tcp-request session rules";
        now.id = r->set == RS_TCP_CONN ? "tcp_connection" : "tcp_session";
    } else if (r->set == RS_HTTP_AFTER) {
        now.stage = "running the http-after-response rules";
        now.id = "http_after_response";
    }
}

static void
on_rule(const struct rule *r, int cond, int rc, struct rule_ctx *x)
{
    if (rc == RULE_BEGINS) {
        enter_rule(r, x);
        return;
    }
    struct explain_event *e = event_new(tidy(r->text));

    e->loc = r->loc;
    e->is_rule = true;
    e->conditional = r->cond != NULL && !now.resumed;
    e->cond = (enum cond_result)cond;
    e->outcome = outcome_of(cond, rc);
    if (!e->outcome && now.resumed)
        e->outcome = "goes on after the wait";
    list_splice_back(&e->tests, &now.tests);
    look(&e->changes);
}

/* use_backend, use-server, monitor fail and the like. */
static void
on_tested(struct stream *s, const struct px_switch *sw, bool passed)
{
    struct explain_event *e = event_new(tidy(sw->text));

    e->loc = sw->loc;
    e->is_rule = true;
    e->conditional = sw->cond != NULL;
    e->cond = passed ? COND_PASS : COND_FAIL;
    if (sw->cond && list_empty(&now.tests) && (cond_eval(sw->cond, &s->x) == COND_PASS) != passed)
        explain_note("internal error: the index of this run of rules says otherwise");
    list_splice_back(&e->tests, &now.tests);
    look(&e->changes);
    if (!passed)
        return;
    if (now.step == STEP_choose_backend) {
        now.backend_rule = sw;
        now.backend_event = e;
    } else if (now.step == STEP_persist && (sw->srv || sw->dynamic)) {
        now.server_rule = sw;
    }
    e->outcome =
        sw->be || sw->srv || sw->dynamic
            ? arena_printf(&now.r->arena, "%s %s",
                           now.step == STEP_choose_backend ? "backend" : "server", sw->name)
            : "applies";
}

/* ---- servers ---- */

static bool
lb_offers(const struct lb *lb, const struct server *srv)
{
    for (unsigned i = 0, n = atomic_load(&lb->nset); i < n; i++)
        if (atomic_load(&lb->set[i]) == srv)
            return true;
    return false;
}

static void
list_servers(const struct proxy *be)
{
    struct server *srv;

    list_each (srv, &be->servers, link) {
        struct explain_server *e = ARENA_NEW(&now.r->arena, struct explain_server);
        struct addr a = srv->addr;
        e->srv = srv;
        server_status_text(srv, e->status, sizeof(e->status));
        if (addr_is_ip(&a))
            addr_set_port(&a, srv->port);
        addr_format(&a, e->addr, sizeof(e->addr));
        e->weight = server_shown_weight(srv);
        e->backup = srv->flags & SRVF_BACKUP;
        e->candidate = lb_offers(&be->lb, srv);
        list_push_back(&now.r->servers, &e->link);
    }
}

static void
enter_pick(struct stream *s)
{
    struct explain_result *r = now.r;

    if (list_empty(&r->servers))
        list_servers(s->be);
    r->srv_fixed = s->flags & SF_ASSIGNED;
    if (!r->srv_fixed)
        return;
    if (now.server_rule)
        r->srv_by = "use-server";
    else if (s->ck_req == 'V' || s->ck_req == 'D')
        r->srv_by = arena_printf(&r->arena, "the cookie %s", s->be->cookie_name);
    else
        r->srv_by = "a stick table";
}

static void
name_algorithm(struct stream *s)
{
    struct explain_result *r = now.r;
    struct lb *lb = &s->be->lb;
    const char *name = strcmp(lb_name(lb), "unknown") == 0 ? "random" : lb_name(lb);
    bool keyed = lb_is_keyed(lb, stream_ctx(s, s->be, PT_SRV, SMPO_FINAL));

    r->srv_fixed = keyed || atomic_load(&lb->nset) == 1;
    if (r->srv_fixed && !keyed) {
        r->srv_by = "the only one that can be used";
        return;
    }
    r->srv_by = arena_printf(&r->arena, "balance %s%s", name, keyed ? ", by its key" : "");
}

static void
keep_request(struct stream *s)
{
    struct explain_result *r = now.r;

    if (!s->rq_ready)
        return;
    r->method = slice(arena_slicedup(&r->arena, s->rq.method), s->rq.method.len);
    r->uri = slice(arena_slicedup(&r->arena, s->rq.target), s->rq.target.len);
}

static void
keep_sni(struct stream *s)
{
    struct explain_result *r = now.r;
    struct sample v;

    if (s->srv->sni &&
        expr_eval_as(s->srv->sni, stream_ctx(s, s->be, PT_SRV, SMPO_FINAL), SMP_STR, &v))
        r->sni = slice(arena_slicedup(&r->arena, v.u.s), v.u.s.len);
}

/* The end of the way: what would be sent is made, nobody is asked. */
static bool
before_connect(struct stream *s)
{
    struct explain_result *r = now.r;

    r->srv = s->srv;
    if (!(s->flags & SF_ASSIGNED))
        name_algorithm(s);
    if (!stream_server_address(s, &r->srv_addr))
        r->srv_addr = (struct addr){ 0 };
    keep_sni(s);
    look_without_rule("without a rule");
    now.stage = stream_step_text[STEP_send_request];
    now.id = step_ids[STEP_send_request];
    if (s->flags & SF_HTTP && http_prepare_request(s)) {
        look_without_rule("made ready for the server");
        struct slice head = http_format_head(s, &s->rq, false);
        if (head.p)
            r->sent = slice(arena_slicedup(&r->arena, head), head.len);
        else
            explain_note("the request head is too long to be sent: 500");
    }
    keep_request(s);
    r->end = EXPLAIN_SERVER;
    now.over = true;
    return true;
}

/* ---- steps ---- */

static void
leave_choose_backend(struct stream *s)
{
    struct explain_result *r = now.r;
    const struct px_switch *sw = now.backend_rule;

    if (sw && sw->dynamic)
        now.backend_event->outcome = "names no backend";
    if (!(s->flags & SF_COUNTED_BE)) {
        explain_note("no backend: no rule applies and there is no default_backend");
        return;
    }
    r->be = s->be;
    if (sw && (sw->be == s->be || (sw->dynamic && s->be != s->fe->default_be))) {
        r->be_by = "use_backend";
        now.backend_event->outcome = arena_printf(&r->arena, "backend %s", s->be->name);
    } else if (s->be == s->fe->default_be) {
        r->be_by = "default_backend";
        struct explain_event *e =
            event_new(arena_printf(&r->arena, "default_backend %s", s->be->name));
        e->loc = s->fe->default_be_loc;
        e->is_rule = true;
        e->outcome = arena_printf(&r->arena, "backend %s", s->be->name);
    } else {
        r->be_by = "listen";
    }
}

static void
enter_reply(struct stream *s)
{
    if (s->flags & SF_HTTP && !s->rq_ready && s->req.h1.error)
        explain_note("the request is not acceptable: %s", s->req.h1.error);
    else if (s->flags & SF_MONITOR)
        explain_note("monitor-uri: answered without a backend");
    else if (now.step == STEP_pick_server)
        explain_note(list_empty(&now.r->servers) ? "the backend has no servers"
                                                 : "no server is available");
}

static void
on_step(struct stream *s, enum stream_step step)
{
    if (now.over)
        return;
    now.strm = s;
    now.sess = s->sess;
    if (step == now.step)
        return; /* goes on after a wait */
    look_without_rule("without a rule");
    if (now.step == STEP_choose_backend)
        leave_choose_backend(s);
    if (step == STEP_reply)
        enter_reply(s);
    list_init(&now.tests);
    now.step = step;
    now.stage = stream_step_text[step];
    now.id = step_ids[step];
    if (step == STEP_pick_server)
        enter_pick(s);
    if (step != STEP_finish)
        return;
    keep_request(s);
    now.r->end = s->flags & SF_RES_STARTED ? EXPLAIN_REPLY : EXPLAIN_CLOSED;
    now.over = true;
}

/* ---- the connection ---- */

static bool
pretend_tls(struct session *s)
{
    s->conn->flags |= CONN_TLS;
    return true;
}

static void
on_accepted(struct session *s)
{
    const struct explain_wire *w = now.wire;

    now.sess = s;
    if (w->tls)
        s->conn->flags |= CONN_TLS;
    conn_set_dst(s->conn, &w->dst);
    if (s->flags & (SESSF_EXPECT_PROXY | SESSF_EXPECT_CIP)) {
        /* The addresses are those that the PROXY header would have told. */
        s->flags =
            (s->flags & ~(unsigned)(SESSF_EXPECT_PROXY | SESSF_EXPECT_CIP)) | SESSF_RCVD_PROXY;
        s->conn->flags |= CONN_PROXIED;
    }
    struct list none;
    list_init(&none);
    look(&none);
}

void
explain_trace_begin(struct explain_result *r, const struct explain_wire *w)
{
    now = (struct trace){ .r = r,
                          .wire = w,
                          .stage = "accepting the connection",
                          .id = "accept",
                          .step = STREAM_NSTEPS };
    list_init(&now.tests);
    rule_trace = on_rule;
    acl_trace = on_test;
    session_tls_accept = pretend_tls;
    stream_hooks.accepted = on_accepted;
    stream_hooks.step = on_step;
    stream_hooks.tested = on_tested;
    stream_hooks.before_connect = before_connect;
}

void
explain_trace_end(void)
{
    rule_trace = NULL;
    acl_trace = NULL;
    stream_hooks.accepted = NULL;
    stream_hooks.step = NULL;
    stream_hooks.tested = NULL;
    stream_hooks.before_connect = NULL;
    facts_fini(&now.facts);
    facts_fini(&now.next);
}

bool
explain_trace_over(void)
{
    return now.over;
}
