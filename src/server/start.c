/* start.c - from parsed servers to running ones: ids, addresses, tracking, first state. */
#include "config/tune.h"
#include "server/check.h"
#include "server/parse_int.h"
#include "server/state_int.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- addresses ---- */

static bool
resolve_libc(struct server *s, char *err, size_t size)
{
    struct addr a;

    if (!addr_resolve(slice_str(s->hostname), s->addr_family, &a, err, size))
        return false;
    a.flags = s->addr.flags;
    addr_set_port(&a, s->port);
    s->addr = a;
    s->flags &= ~(unsigned)SRVF_NO_ADDR;
    return true;
}

static bool
take_last(struct server *s)
{
    const char *last = server_hooks.last_addr ? server_hooks.last_addr(s) : NULL;
    struct addr a;

    if (!last || !addr_parse_ip(slice_str(last), &a))
        return false;
    a.flags = s->addr.flags;
    addr_set_port(&a, s->port);
    s->addr = a;
    s->flags &= ~(unsigned)SRVF_NO_ADDR;
    return true;
}

/** Tries one method; true when the question of the address is settled. */
static bool
init_addr_try(struct server *s, enum srv_init_addr method, char *err, size_t size)
{
    switch (method) {
    case SRVI_LIBC:
        return resolve_libc(s, err, size);
    case SRVI_IP:
        s->addr = s->init_ip;
        addr_set_port(&s->addr, s->port);
        s->flags &= ~(unsigned)SRVF_NO_ADDR;
        return true;
    default:
        return take_last(s);
    }
}

enum cfg_rc
server_resolve_start(struct cfg *c, struct server *s)
{
    static const uint8_t usual[] = { SRVI_LAST, SRVI_LIBC, SRVI_END };
    const uint8_t *m = s->init_addr[0] ? s->init_addr : usual;
    char err[256] = "";

    if (!(s->flags & SRVF_NO_ADDR))
        return CFG_OK;
    for (; *m && *m != SRVI_NONE; m++) {
        if (init_addr_try(s, (enum srv_init_addr) * m, err, sizeof(err)))
            return CFG_OK;
    }
    if (*m != SRVI_NONE && !tune.ignore_resolve_errors)
        return server_error(c, s, "could not resolve address '%s'.", s->hostname);
    if (err[0])
        cfg_warn_at(c, &s->loc,
                    DIAG_PLAIN "'server %s/%s' : could not resolve address '%s', disabling server.",
                    server_hooks.proxy_name(s->px), s->name, s->hostname);
    atomic_fetch_or(&s->admin, SRVA_RMAINT);
    return CFG_OK;
}

/* ---- tracking ---- */

/** Longest chain of servers that track each other; what is longer is a loop. */
#define CHAIN_MAX 10000

static enum cfg_rc
find_tracked(struct cfg *c, struct server *s, struct server **out)
{
    const char *slash = strchr(s->track_name, '/');
    struct proxy *px = s->px;
    const char *name = s->track_name;
    struct server_px v;

    if (slash) {
        const char *px_name = arena_slicedup(c->arena, slice(name, (size_t)(slash - name)));

        name = slash + 1;
        px = server_hooks.find_backend ? server_hooks.find_backend(c, px_name) : NULL;
        if (!px)
            return server_error(c, s, "unable to find required proxy '%s' for tracking.", px_name);
    }
    server_hooks.view(px, &v);
    *out = server_find(v.servers, name);
    if (!*out)
        return server_error(c, s, "unable to find required server '%s' for tracking.", name);
    return CFG_OK;
}

/** The server at the end of the chain that begins with `t` by names, or `s` when the chain comes
 * back to it. */
static struct server *
chain_end(struct cfg *c, struct server *s, struct server *t)
{
    struct server *next = t;

    for (unsigned n = 0; next != s && next->track_name; n++) {
        if (n > CHAIN_MAX)
            return s;
        if (next->track)
            next = next->track;
        else if (find_tracked(c, next, &next) != CFG_OK)
            return NULL;
    }
    return next;
}

static bool
is_checked(const struct server *s)
{
    return ((atomic_load(&s->check->flags) | atomic_load(&s->agent->flags)) & CHKF_CONFIGURED) != 0;
}

enum cfg_rc
server_resolve_track(struct cfg *c, struct server *s)
{
    struct server *t, *end;

    if (!s->track_name)
        return CFG_OK;
    if (atomic_load(&s->check->flags) & CHKF_CONFIGURED) /* an agent may speak up all the same */
        return server_error(c, s, "unable to enable checks and tracking at the same time!");
    if (s->init_state != SRVS_NONE)
        return server_error(c, s,
                            "'init-state' cannot be used on a server that tracks another one.");
    if (find_tracked(c, s, &t) != CFG_OK)
        return CFG_ERR;
    end = chain_end(c, s, t);
    if (!end)
        return CFG_ERR;
    if (end == s)
        return server_error(
            c, s, "unable to track %s/%s as it belongs to a tracking chain looping back to %s/%s.",
            server_px_name(t), t->name, server_px_name(s), s->name);
    if (!is_checked(end))
        return server_error(
            c, s,
            "unable to use %s/%s for tracking as it does not have any check nor agent "
            "enabled.",
            server_px_name(end), end->name);
    s->track = t;
    t->flags |= SRVF_REFERENCED;
    list_push_back(&t->trackers, &s->track_link);
    return CFG_OK;
}

/* ---- after parsing ---- */

static void
fix_limits(struct server *s)
{
    if (s->minconn > s->maxconn)
        s->maxconn = s->minconn; /* minconn alone, or no room between the two */
    else if (s->maxconn && !s->minconn)
        s->minconn = s->maxconn;
}

static bool
id_taken(struct list *servers, unsigned id)
{
    struct server *s;

    list_each (s, servers, link) {
        if (s->id == id)
            return true;
    }
    return false;
}

static void
assign_ids(struct list *servers)
{
    bool any_forced = false;
    unsigned next = 1;
    struct server *s;

    list_each (s, servers, link)
        any_forced |= (s->flags & SRVF_ID_SET) != 0;
    list_each (s, servers, link) {
        if (s->id)
            continue;
        while (any_forced && id_taken(servers, next))
            next++;
        s->id = next++;
    }
}

/** Options that make no sense in the backend's mode. */
static void
check_mode(struct cfg *c, struct server *s, const struct server_px *px)
{
    if (px->http)
        return;
    if (s->redir)
        cfg_error_at(c, &s->loc,
                     "proxy '%s' : server cannot have cookie or redirect prefix in non-HTTP mode.",
                     px->name);
    if (s->cookie)
        cfg_warn_at(c, NULL,
                    "proxy '%s' : ignoring cookie for server '%s' as HTTP mode is disabled.",
                    px->name, s->name);
    if (s->observe == 2)
        server_error(c, s, "'layer7' can only be used in http proxies.");
    if (s->proto && strcmp(s->proto, "h1") == 0)
        cfg_error_at(c, &s->loc,
                     "proxy '%s' : MUX protocol '%s' is not usable for server '%s' at [%s:%u].",
                     px->name, s->proto, s->name, s->loc.file, s->loc.line);
}

void
server_check_backend(struct cfg *c, struct proxy *px)
{
    struct server_px v;
    struct server *s;

    server_hooks.view(px, &v);
    assign_ids(v.servers);
    list_each (s, v.servers, link) {
        atomic_store(&s->uweight, s->uweight_cfg);
        fix_limits(s);
        check_mode(c, s, &v);
        if (server_resolve_start(c, s) == CFG_OK)
            (void)check_resolve(c, s);
        (void)server_resolve_track(c, s); /* errors are in c->diags */
    }
}

/* ---- start ---- */

bool
server_init_health(struct server *s)
{
    struct check *ck = s->check;
    unsigned health, top = ck->rise + ck->fall - 1;

    switch (s->init_state) {
    case SRVS_FULLY_UP:
        health = top;
        break;
    case SRVS_DOWN:
        health = ck->rise - 1;
        break;
    case SRVS_FULLY_DOWN:
        health = 0;
        break;
    default: /* up, but one failure is enough */
        health = ck->rise;
    }
    atomic_store(&ck->health, health);
    atomic_store(&s->agent->health, s->agent->rise + s->agent->fall - 1);
    return health >= ck->rise;
}

/** What is inherited along the chain of tracked servers. */
static unsigned
inherited_admin(const struct server *s)
{
    unsigned admin = 0;

    for (const struct server *t = s->track; t; t = t->track) {
        if (atomic_load(&t->admin) & SRVA_MAINT)
            admin |= SRVA_IMAINT;
        if (atomic_load(&t->admin) & SRVA_DRAIN)
            admin |= SRVA_IDRAIN;
    }
    return admin;
}

static bool
tracked_is_up(const struct server *s)
{
    while (s->track)
        s = s->track;
    return s->init_state == SRVS_NONE || s->init_state == SRVS_UP ||
           s->init_state == SRVS_FULLY_UP || !(atomic_load(&s->check->flags) & CHKF_CONFIGURED);
}

static void
set_first_state(struct server *s)
{
    bool up = server_init_health(s) || !(atomic_load(&s->check->flags) & CHKF_CONFIGURED);

    if (s->track)
        up = tracked_is_up(s);
    atomic_store(&s->uweight, s->uweight_cfg);
    atomic_fetch_or(&s->admin, inherited_admin(s));
    if (atomic_load(&s->admin) & SRVA_MAINT) {
        atomic_store(&s->check->health, 0);
        up = false;
    }
    atomic_store(&s->state, up ? SRV_RUNNING : SRV_STOPPED);
    s->last_change_s = server_wall_s();
}

static unsigned threads_of_process = 1;

unsigned
server_nthread(void)
{
    return threads_of_process;
}

void
server_start(struct server *s, unsigned nthread)
{
    size_t counters = sizeof(*s->counters) * nthread, threads = sizeof(*s->threads) * nthread;

    threads_of_process = nthread;
    s->counters = aligned_alloc(CACHELINE, counters);
    s->threads = aligned_alloc(CACHELINE, threads);
    if (!s->counters || !s->threads) {
        fputs("steelyard: out of memory\n", stderr);
        exit(1);
    }
    memset(s->counters, 0, counters);
    memset((void *)s->threads, 0, threads);
    for (unsigned i = 0; i < nthread; i++) {
        list_init(&s->threads[i].idle);
        list_init(&s->threads[i].safe);
    }
    if (!(s->flags & SRVF_STATE_LOADED))
        set_first_state(s);
    server_compute_weight(s);
}

void
server_stop(struct server *s)
{
    free(s->counters);
    free(s->threads);
    s->counters = NULL;
    s->threads = NULL;
    free(s->agent->agent_send);
    s->agent->agent_send = NULL;
    vars_fini(&s->check->vars);
    vars_fini(&s->check->sess_vars);
}
