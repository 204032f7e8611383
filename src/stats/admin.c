/* admin.c - what the statistics page does to servers: POSTed forms (manual 4.2, stats admin).
 *
 * A form says s=<server> (once or more), b=<backend> and action=<what>; the answer is a redirect to
 * the page, with what came of it in ";st=". */
#include "stats/uri.h"

#include "proxy/service.h"
#include "server/check.h"

/** Results: DONE all servers, PART some, NONE nothing to do, ERRP wrong parameters, DENY not
 * allowed, EXCD form too big. */

enum effect { EFF_NONE, EFF_DONE };

typedef enum effect (*action_fn)(struct server *s);

static enum effect
do_ready(struct server *s)
{
    server_clear_admin(s, SRVA_FMAINT | SRVA_FDRAIN);
    return EFF_DONE;
}

static enum effect
do_drain(struct server *s)
{
    server_set_admin(s, SRVA_FDRAIN, NULL);
    server_clear_admin(s, SRVA_FMAINT);
    return EFF_DONE;
}

static enum effect
do_maint(struct server *s)
{
    server_set_admin(s, SRVA_FMAINT, NULL);
    server_clear_admin(s, SRVA_FDRAIN);
    return EFF_DONE;
}

static enum effect
do_enable(struct server *s)
{
    return atomic_load(&s->admin) & SRVA_FMAINT ? do_ready(s) : EFF_NONE;
}

static enum effect
do_disable(struct server *s)
{
    return atomic_load(&s->admin) & SRVA_FMAINT ? EFF_NONE : do_maint(s);
}

static enum effect
switch_check(struct check *ck, bool on)
{
    unsigned flags = atomic_load(&ck->flags);

    if (!(flags & CHKF_CONFIGURED) || !!(flags & CHKF_ENABLED) == on)
        return EFF_NONE;
    if (on)
        atomic_fetch_or(&ck->flags, CHKF_ENABLED);
    else
        atomic_fetch_and(&ck->flags, ~(unsigned)CHKF_ENABLED);
    return EFF_DONE;
}

static enum effect
do_health_off(struct server *s)
{
    return switch_check(s->check, false);
}

static enum effect
do_health_on(struct server *s)
{
    return switch_check(s->check, true);
}

static enum effect
do_agent_off(struct server *s)
{
    return switch_check(s->agent, false);
}

static enum effect
do_agent_on(struct server *s)
{
    return switch_check(s->agent, true);
}

static enum effect
force_health(struct server *s, enum srv_state state)
{
    if (s->track)
        return EFF_NONE;
    server_force_health(s, state);
    return EFF_DONE;
}

static enum effect
do_up(struct server *s)
{
    return force_health(s, SRV_RUNNING);
}

static enum effect
do_nolb(struct server *s)
{
    return force_health(s, SRV_STOPPING);
}

static enum effect
do_down(struct server *s)
{
    return force_health(s, SRV_STOPPED);
}

static enum effect
force_agent(struct server *s, bool up)
{
    if (!check_is_on(s->agent))
        return EFF_NONE;
    check_force(s->agent, up);
    if (!up)
        server_set_stopped(s, ", changed from CLI");
    else if (!check_is_on(s->check) || check_is_up(s->check))
        server_set_running(s, ", changed from CLI");
    return EFF_DONE;
}

static enum effect
do_agent_up(struct server *s)
{
    return force_agent(s, true);
}

static enum effect
do_agent_down(struct server *s)
{
    return force_agent(s, false);
}

static enum effect
set_weight(struct server *s, const char *weight)
{
    return server_set_weight(s, weight) ? EFF_NONE : EFF_DONE;
}

static enum effect
do_stop(struct server *s)
{
    return atomic_load(&s->uweight) ? set_weight(s, "0%") : EFF_NONE;
}

static enum effect
do_start(struct server *s)
{
    return atomic_load(&s->uweight) != s->uweight_cfg ? set_weight(s, "100%") : EFF_NONE;
}

static enum effect
do_shutdown(struct server *s)
{
    if (server_hooks.shutdown_streams)
        server_hooks.shutdown_streams(s, 'K');
    return EFF_DONE;
}

static const struct {
    const char *name;
    action_fn run;
} actions[] = {
    { "ready", do_ready },       { "drain", do_drain },     { "maint", do_maint },
    { "dhlth", do_health_off },  { "ehlth", do_health_on }, { "hrunn", do_up },
    { "hnolb", do_nolb },        { "hdown", do_down },      { "dagent", do_agent_off },
    { "eagent", do_agent_on },   { "arunn", do_agent_up },  { "adown", do_agent_down },
    { "shutdown", do_shutdown }, { "disable", do_disable }, { "enable", do_enable },
    { "stop", do_stop },         { "start", do_start },
};

/* ---- the form ---- */

struct form {
    struct slice action, backend; /* decoded; p NULL: absent */
    unsigned nservers;
};

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* application/x-www-form-urlencoded, in place. */
static struct slice
decode(char *p, size_t len)
{
    char *to = p, *at = p, *end = p + len;

    while (at < end) {
        if (*at == '+') {
            *to++ = ' ';
            at++;
        } else if (*at == '%' && end - at > 2 && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0) {
            *to++ = (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
            at += 3;
        } else {
            *to++ = *at++;
        }
    }
    return slice(p, (size_t)(to - p));
}

/* A backend by name or "#<id>". */
static struct proxy *
find_backend(struct slice name)
{
    struct proxy *px;
    uint64_t id;

    if (name.len > 1 && name.p[0] == '#') {
        if (slice_to_uint(slice_sub(name, 1, SIZE_MAX), &id))
            list_each (px, &config->proxies, link)
                if (px->id == id && px->cap & PX_BE)
                    return px;
        return NULL;
    }
    px = htab_get(&config->by_name, name);
    return px && px->cap & PX_BE ? px : NULL;
}

static struct server *
find_server(const struct proxy *px, struct slice name)
{
    struct server *s;
    uint64_t id;
    bool by_id =
        name.len > 1 && name.p[0] == '#' && slice_to_uint(slice_sub(name, 1, SIZE_MAX), &id);

    list_each (s, &px->servers, link)
        if (by_id ? s->id == id : slice_eq_str(name, s->name))
            return s;
    return NULL;
}

/* Calls `fn` for every "name=value" of the form. */
static void
each_field(struct slice body, struct arena *arena,
           void (*fn)(struct slice name, struct slice value, void *arg), void *arg)
{
    struct slice rest = body;

    while (rest.p && rest.len) {
        struct slice value, field = slice_cut(rest, '&', &rest),
                            name = slice_cut(field, '=', &value);
        char *copy = value.p ? arena_slicedup(arena, value) : NULL;
        if (copy)
            fn(name, decode(copy, value.len), arg);
    }
}

static void
take_common(struct slice name, struct slice value, void *arg)
{
    struct form *f = arg;

    if (slice_eq(name, SL("action")) && value.len)
        f->action = value;
    else if (slice_eq(name, SL("b")) && value.len)
        f->backend = value;
    else if (slice_eq(name, SL("s")) && value.len)
        f->nservers++;
}

struct applying {
    struct proxy *px;
    action_fn run;
    unsigned total, altered;
};

static void
apply_to(struct slice name, struct slice value, void *arg)
{
    struct applying *a = arg;

    if (!slice_eq(name, SL("s")) || !value.len)
        return;
    struct server *srv = find_server(a->px, value);
    if (!srv) {
        a->total++;
    } else if (a->run(srv) == EFF_DONE) {
        a->total++;
        a->altered++;
    }
}

static const char *
apply(struct slice body, struct arena *arena, const struct stats_page *p)
{
    struct form f = { 0 };
    struct applying a = { 0 };

    each_field(body, arena, take_common, &f);
    if (!f.action.p || !f.backend.p || !f.nservers)
        return "NONE";
    a.px = find_backend(f.backend);
    for (unsigned i = 0; i < COUNT_OF(actions); i++)
        if (slice_eq_str(f.action, actions[i].name))
            a.run = actions[i].run;
    if (!a.px || !a.run || !stats_in_scope(p->st, p->px, a.px))
        return "ERRP";
    each_field(body, arena, apply_to, &a);
    if (!a.total)
        return "NONE";
    return a.altered == a.total ? "DONE" : a.altered ? "PART" : "ERRP";
}

/* ---- other sites' forms ---- */

static struct slice
authority_of(struct slice url)
{
    size_t at = slice_search(url, SL("://"));

    if (at == SIZE_MAX)
        return SLICE_NONE;
    url = slice_sub(url, at + 3, SIZE_MAX);
    size_t slash = slice_find(url, '/', 0);
    return slash == SIZE_MAX ? url : slice_sub(url, 0, slash);
}

/* A form on another site sends its origin; requests without one come from tools. */
static bool
is_cross_site(const struct http_head *rq)
{
    const struct http_hdr *from = http_hdr_first(rq, SL("origin")),
                          *host = http_hdr_first(rq, SL("host"));

    if (!from)
        from = http_hdr_first(rq, SL("referer"));
    if (!from)
        return false;
    struct slice site = authority_of(from->value);
    return !host || !site.p || !slice_eq_nocase(site, slice_trim(host->value));
}

/* ---- the answer ---- */

static const char *
result_of(struct stream *s, const struct stats_page *p)
{
    bool complete;
    struct slice body = stream_body(s, false, &complete);

    if (!p->admin || is_cross_site(&s->rq))
        return "DENY";
    return complete ? apply(body, &s->arena, p) : "EXCD";
}

bool
stats_admin_reply(struct stream *s)
{
    struct stats_page *p = s->reply.service;
    struct text link = { 0 };
    bool failed;

    if (!service_wait_body(s, &failed))
        return false;
    if (failed)
        return true;
    p->q.result = slice_str(result_of(s, p));
    stats_put_link(&link, p->st, &p->q);
    char *location = arena_slicedup(&s->arena, text_get(&link));
    text_fini(&link);
    s->reply.set = true;
    s->reply.status = 303;
    if (!location || !service_header(s, SL("cache-control"), SL("no-cache")) ||
        !service_header(s, SL("content-type"), SL("text/plain")) ||
        !service_header(s, SL("location"), slice_str(location)))
        reply_error(s, 500);
    return true;
}
