/* explain_facts.c - looking at a session and its stream before and after a rule. */
#include "process/explain_facts.h"

#include "config/tune.h"
#include "http/uri.h"
#include "proxy/capture.h"
#include "sample/vars.h"

#include <stdlib.h>

/* ---- collecting ---- */

struct collector {
    struct facts *f;
    struct arena *a;
    struct sample_ctx x;
    enum fact_group group;
};

static struct slice
keep(struct arena *a, struct slice v)
{
    return slice(arena_slicedup(a, v), v.len);
}

static void
put(struct collector *c, const char *what, struct slice name, struct slice value)
{
    struct facts *f = c->f;

    if (f->n == f->max) {
        f->max = f->max ? 2 * f->max : 64;
        f->v = xrealloc(f->v, f->max * sizeof(*f->v));
    }
    f->v[f->n++] = (struct fact){
        .what = what, .group = c->group, .name = keep(c->a, name), .value = keep(c->a, value)
    };
}

static void
put_number(struct collector *c, const char *what, const char *name, int64_t n, const char *unit)
{
    char text[48];
    struct out o = OUT(text);

    out_int(&o, n);
    out_str(&o, unit);
    put(c, what, slice_str(name), out_slice(&o));
}

static void
put_head(struct collector *c, const char *what, const struct http_head *h)
{
    for (unsigned i = 0; i < h->nhdr; i++)
        if (h->hdr[i].name.p)
            put(c, what, h->hdr[i].name, h->hdr[i].value);
}

static void
put_request(struct collector *c, const struct http_head *h)
{
    struct http_uri u = http_uri_split(h->target);

    put(c, "method", SLICE_NONE, h->method);
    if (u.path_at)
        put(c, "authority", SLICE_NONE, slice_sub(h->target, 0, u.path_at));
    put(c, "path", SLICE_NONE, u.path);
    if (u.query.p)
        put(c, "query", SLICE_NONE, u.query);
    put_head(c, "header", h);
}

static void
put_response(struct collector *c, const struct http_head *h)
{
    put_number(c, "status", "", h->status, "");
    if (h->reason.len)
        put(c, "reason", SLICE_NONE, h->reason);
    put_head(c, "response header", h);
}

static bool
put_variable(const struct var_name *v, const struct sample *value, void *arg)
{
    struct collector *c = arg;
    struct sample s = *value;

    s.flags |= SMPF_CONST;
    if (s.type == SMP_BOOL)
        put(c, "variable", slice_str(var_text(v)), s.u.i ? SL("true") : SL("false"));
    else if (sample_cast(&s, SMP_STR, &c->x))
        put(c, "variable", slice_str(var_text(v)), s.u.s);
    return true;
}

static void
put_address(struct collector *c, const char *what, const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    put(c, what, SLICE_NONE, slice_str(addr_format(a, text, sizeof(text))));
}

static void
put_tracked(struct collector *c, const struct session *sess, struct stream *s)
{
    struct stick_slots slots = { s ? s->track : NULL, sess->track, tune.stick_counters };

    for (unsigned i = 0; i < slots.n; i++) {
        struct stick_counter *n = stick_slot(&slots, i);
        struct text key = { 0 };
        char name[16];
        struct out o = OUT(name);
        if (!n)
            continue;
        out_str(&o, "sc");
        out_uint(&o, i);
        text_printf(&key, "table %s, key ", n->table->name);
        stick_key_put(n->table, n->entry, &key);
        put(c, "tracked", out_slice(&o), text_get(&key));
        text_fini(&key);
    }
}

static void
put_captures(struct collector *c, const char *what, const struct slice *caps, unsigned n)
{
    for (unsigned i = 0; caps && i < n; i++) {
        char name[16];
        struct out o = OUT(name);
        out_uint(&o, i);
        if (caps[i].p)
            put(c, what, out_slice(&o), caps[i]);
    }
}

static void
put_settings(struct collector *c, const struct stream *s)
{
    const struct {
        const char *name;
        int ms;
    } timeouts[] = {
        { "client", s->to_client_ms }, { "server", s->to_server_ms },
        { "tunnel", s->to_tunnel_ms }, { "connect", s->to_connect_ms },
        { "queue", s->to_queue_ms },   { "tarpit", s->to_tarpit_ms },
    };

    for (unsigned i = 0; i < COUNT_OF(timeouts); i++)
        if (timeouts[i].ms >= 0)
            put_number(c, "timeout", timeouts[i].name, timeouts[i].ms, "ms");
    if (s->log_level == -2)
        put(c, "log level", SLICE_NONE, SL("silent"));
    else if (s->log_level >= 0)
        put(c, "log level", SLICE_NONE, slice_str(log_level_name((enum log_level)s->log_level)));
    if (s->nice)
        put_number(c, "nice", "", s->nice, "");
    if (s->prio_class)
        put_number(c, "priority class", "", s->prio_class, "");
    if (s->prio_offset)
        put_number(c, "priority offset", "", s->prio_offset, "");
    if (s->set_retries >= 0)
        put_number(c, "retries", "", s->set_retries, "");
    if (s->has_bc_mark)
        put_number(c, "mark of the server connection", "", s->bc_mark, "");
    if (s->has_bc_tos)
        put_number(c, "tos of the server connection", "", s->bc_tos, "");
    if (s->flags & SF_NO_L7_RETRY)
        put(c, "retry of requests", SLICE_NONE, SL("off"));
    if (s->unique_id.p)
        put(c, "unique id", SLICE_NONE, s->unique_id);
    if (s->early_hints.p)
        put(c, "early hints", SLICE_NONE, s->early_hints);
}

static void
put_stream(struct collector *c, struct stream *s)
{
    const struct captures *caps = s->fe->captures;
    struct addr a;

    stream_src(s, &a);
    put_address(c, "client address", &a);
    stream_dst(s, &a);
    put_address(c, "destination address", &a);
    put_settings(c, s);
    put_captures(c, "request capture", s->req_cap, caps ? caps->nreq : 0);
    put_captures(c, "response capture", s->res_cap, caps ? caps->nres : 0);
}

void
facts_take(struct facts *f, struct session *sess, struct stream *s, bool response, struct arena *a)
{
    struct collector c = {
        .f = f,
        .a = a,
        .x = { .px = sess->fe, .sess = sess, .strm = s, .tmp = a, .opt = response ? SMPO_RES : 0 }
    };
    static const enum var_scope scopes[] = { VAR_PROC, VAR_SESS, VAR_TXN, VAR_REQ, VAR_RES };

    f->n = 0;
    f->has[FACT_ALWAYS] = true;
    f->has[FACT_STREAM] = s != NULL;
    f->has[FACT_REQUEST] = s && s->rq_ready;
    f->has[FACT_RESPONSE] = s && s->rs_ready;
    for (unsigned i = 0; i < COUNT_OF(scopes); i++)
        vars_each(&c.x, scopes[i], put_variable, &c);
    put_tracked(&c, sess, s);
    c.group = FACT_STREAM;
    if (s)
        put_stream(&c, s);
    c.group = FACT_REQUEST;
    if (f->has[FACT_REQUEST])
        put_request(&c, &s->rq);
    c.group = FACT_RESPONSE;
    if (f->has[FACT_RESPONSE])
        put_response(&c, &s->rs);
}

void
facts_fini(struct facts *f)
{
    free(f->v);
    *f = (struct facts){ 0 };
}

/* ---- comparing ---- */

static void
add_change(struct list *to, struct arena *a, const struct fact *before, const struct fact *after)
{
    struct explain_change *c = ARENA_NEW(a, struct explain_change);
    const struct fact *f = after ? after : before;

    c->what = f->what;
    c->name = f->name;
    c->before = before ? before->value : SLICE_NONE;
    c->after = after ? after->value : SLICE_NONE;
    list_push_back(to, &c->link);
}

/* Pairs the facts of both that agree; `whole`: in their values too. */
static struct fact *
partner(const struct fact *f, struct facts *in, bool whole)
{
    for (unsigned i = 0; i < in->n; i++) {
        struct fact *g = &in->v[i];
        if (!g->matched && strcmp(g->what, f->what) == 0 && slice_eq(g->name, f->name) &&
            (!whole || slice_eq(g->value, f->value)))
            return g;
    }
    return NULL;
}

static void
leave_out(struct facts *f, const struct facts *other)
{
    for (unsigned i = 0; i < f->n; i++)
        f->v[i].matched = !other->has[f->v[i].group];
}

void
facts_diff(struct facts *before, struct facts *after, struct list *to, struct arena *a)
{
    struct fact *g;

    leave_out(before, after);
    leave_out(after, before);
    for (unsigned i = 0; i < before->n; i++)
        if (!before->v[i].matched && (g = partner(&before->v[i], after, true)))
            before->v[i].matched = g->matched = true;
    for (unsigned i = 0; i < before->n; i++) {
        if (before->v[i].matched)
            continue;
        g = partner(&before->v[i], after, false);
        if (g)
            g->matched = true;
        add_change(to, a, &before->v[i], g);
    }
    for (unsigned i = 0; i < after->n; i++)
        if (!after->v[i].matched)
            add_change(to, a, NULL, &after->v[i]);
}
