/* proxy_module.c - what proxies contribute to the tables, and the callbacks that lower layers need.
 */
#include "proxy/proxy_module.h"

#include "proxy/capture.h"
#include "proxy/cookie.h"
#include "proxy/listener.h"
#include "proxy/section.h"
#include "proxy/state_file.h"
#include "proxy/stream_int.h"
#include "proxy/userlist.h"
#include "server/check.h"
#include "server/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- what expressions resolve ---- */

static struct proxy *
find_frontend(struct cfg *c, const char *name)
{
    return proxy_find(c->config, name, PX_FE);
}

static struct proxy *
find_backend(struct cfg *c, const char *name)
{
    struct proxy *px = proxy_find(c->config, name, PX_BE);

    if (px)
        px->referenced = true;
    return px;
}

static struct server *
find_server(struct cfg *c, struct proxy *px, const char *name)
{
    return px ? proxy_find_server(px, name) : NULL;
}

static struct userlist *
find_userlist(struct cfg *c, const char *name)
{
    return userlist_lookup ? userlist_lookup(c->config, name) : NULL;
}

static bool
has_group(const struct userlist *l, struct slice name)
{
    const struct user_group *g;

    list_each (g, &l->groups, link)
        if (slice_eq(slice_str(g->name), name))
            return true;
    return false;
}

struct userlist *(*userlist_lookup)(struct config *cf, const char *name);

static const char *
name_of(const struct proxy *px)
{
    return px->name;
}

/* ---- where variables live ---- */

static struct vars proc_vars;

static struct vars *
scope_of(struct sample_ctx *x, enum var_scope scope)
{
    switch (scope) {
    case VAR_PROC:
        return &proc_vars;
    case VAR_SESS:
        return x->sess ? &x->sess->vars : x->check ? check_vars(x->check, scope) : NULL;
    case VAR_CHECK:
        return x->check ? check_vars(x->check, scope) : NULL;
    case VAR_TXN:
        return x->strm ? &x->strm->vars_txn : NULL;
    case VAR_REQ:
        return x->strm && !(x->opt & SMPO_RES) ? &x->strm->vars_reqres : NULL;
    case VAR_RES:
        return x->strm && x->opt & SMPO_RES ? &x->strm->vars_reqres : NULL;
    default:
        return NULL;
    }
}

static unsigned
points_of(const struct proxy *px, enum rule_set set)
{
    bool fe = px->cap & (PX_FE | PX_DEF), be = px->cap & (PX_BE | PX_DEF);

    switch (set) {
    case RS_TCP_CONN:
        return PT_CONN;
    case RS_TCP_SESS:
        return PT_SESS;
    case RS_TCP_REQ:
        return (fe ? PT_FE_TCP_REQ : 0) | (be ? PT_BE_TCP_REQ : 0);
    case RS_TCP_RES:
        return (fe ? PT_FE_TCP_RES : 0) | (be ? PT_BE_TCP_RES : 0);
    case RS_HTTP_REQ:
        return (fe ? PT_FE_HTTP_REQ : 0) | (be ? PT_BE_HTTP_REQ : 0);
    default:
        return (fe ? PT_FE_HTTP_RES : 0) | (be ? PT_BE_HTTP_RES : 0);
    }
}

/* ---- what servers need ---- */

static void
server_log(struct proxy *px, int level, const char *text)
{
    log_printf(&px->log, NULL, (enum log_level)level, "%s", text);
    if (!config->quiet)
        fprintf(stderr, "[WARNING]  (%d) : %s\n", (int)getpid(), text);
}

static void
server_view(struct proxy *px, struct server_px *v)
{
    *v = (struct server_px){
        .name = px->name,
        .http = px->mode == PX_HTTP,
        .has_be = px->cap & PX_BE,
        .is_defaults = px->cap & PX_DEF,
        .disabled = px->disabled,
        .log_health_checks = px->options & PO_LOG_HEALTH_CHECKS,
        .servers = &px->servers,
        .nservers = &px->nservers,
        .default_server = &px->default_server,
        .default_servers = &px->default_servers,
        .check = &px->check,
        .source = px->source,
        .timeout_check_ms = px->timeout.check,
        .timeout_connect_ms = px->timeout.connect,
    };
}

static void
backend_state(struct proxy *px, bool up)
{
    int64_t now_s = loop_self() ? loop_wall_us() / 1000000 : 0;

    if (up) {
        if (px->down_notified)
            px->down_time_s += (unsigned)(now_s - px->last_change_s);
        px->down_notified = false;
    } else {
        px->down_notified = true;
        px->down_transitions++;
        log_printf(&px->log, NULL, LOGL_EMERG, "%s %s has no server available!\n", proxy_kind(px),
                   px->name);
        if (!config->quiet)
            fprintf(stderr, "[ALERT]    (%d) : %s '%s' has no server available!\n", (int)getpid(),
                    proxy_kind(px), px->name);
    }
    px->last_change_s = now_s;
}

struct server_letter {
    struct letter letter;
    struct server *srv;
    int why;
};

static void
kill_streams_here(struct server *srv, int why)
{
    struct stream *s, *tmp;

    list_each_safe (s, tmp, streams_of_thread(), link)
        if (s->srv == srv && s->flags & SF_TAKEN_SRV)
            stream_shutdown(s, (char)why);
}

static void
on_kill_letter(struct letter *l)
{
    struct server_letter *m = container_of(l, struct server_letter, letter);

    kill_streams_here(m->srv, m->why);
    free(m);
}

static void
on_flush_letter(struct letter *l)
{
    struct server_letter *m = container_of(l, struct server_letter, letter);

    pool_flush(m->srv);
    free(m);
}

static void
post_everywhere(struct server *srv, int why, letter_fn deliver)
{
    for (unsigned i = 0; config->loops && i < config->nthread; i++) {
        struct server_letter *m = malloc(sizeof(*m));
        if (!m || !config->loops[i]) {
            free(m);
            continue;
        }
        m->letter.deliver = deliver;
        m->srv = srv;
        m->why = why;
        loop_post(config->loops[i], &m->letter);
    }
}

static void
shutdown_streams(struct server *srv, int why)
{
    post_everywhere(srv, why, on_kill_letter);
}

static void
shutdown_backup_streams(struct proxy *px)
{
    struct server *srv;

    list_each (srv, &px->servers, link)
        if (srv->flags & SRVF_BACKUP)
            post_everywhere(srv, 'U', on_kill_letter);
}

/* Also called when its address has changed: a dynamic cookie is made of it. */
static void
close_idle(struct server *srv)
{
    if (srv->px->ck_opts & CK_DYNAMIC)
        cookie_update_server(srv->px, srv);
    post_everywhere(srv, 0, on_flush_letter);
}

static void
on_room_letter(struct letter *l)
{
    struct server_letter *m = container_of(l, struct server_letter, letter);

    pool_close_one(m->srv);
    free(m);
}

static void
close_one_idle(struct server *srv)
{
    post_everywhere(srv, 0, on_room_letter);
}

static bool
is_stopping(void)
{
    return config && atomic_load(&config->stopping);
}

static struct lb *
lb_of_proxy(struct proxy *px)
{
    return &px->lb;
}

static struct lb_queue *
queue_of_proxy(struct proxy *px)
{
    return &px->queue;
}

static void
install(struct config *cf)
{
    name_resolver.frontend = find_frontend;
    name_resolver.backend = find_backend;
    name_resolver.server = find_server;
    name_resolver.userlist = find_userlist;
    name_resolver.has_group = has_group;
    name_resolver.proxy_name = name_of;
    vars_scope_of = scope_of;
    rule_px_points = points_of;
    lb_of = lb_of_proxy;
    queue_of = queue_of_proxy;
    server_hooks = (struct server_hooks){
        .shutdown_streams = shutdown_streams,
        .shutdown_backup_streams = shutdown_backup_streams,
        .log = server_log,
        .proxy_name = name_of,
        .view = server_view,
        .find_backend = find_backend,
        .backend_state = backend_state,
        .close_idle = close_idle,
        .close_one_idle = close_one_idle,
        .last_addr = state_file_addr,
        .stopping = is_stopping,
    };
    lb_install();
}

static void
check(struct cfg *c)
{
    replies_check(c);
    proxies_check(c);
}

static bool
start(struct config *cf)
{
    streams_start();
    return proxies_start(cf);
}

static bool
thread_start(struct config *cf)
{
    stream_contstats_start(cf);
    return true;
}

static void
thread_stop(struct config *cf)
{
    struct proxy *px;
    struct server *srv;

    stream_contstats_stop();
    list_each (px, &cf->proxies, link)
        list_each (srv, &px->servers, link)
            if (srv->threads)
                pool_flush(srv);
}

static void
stop(struct config *cf)
{
    proxies_stop(cf);
    vars_fini(&proc_vars);
}

const struct module proxy_module = {
    .name = "proxy",
    .sections = proxy_sections,
    .keywords = proxy_keywords,
    .defaults = install,
    .check = check,
    .start = start,
    .thread_start = thread_start,
    .thread_stop = thread_stop,
    .stop = stop,
};
const struct module proxy_option_module = { .name = "proxy options", .keywords = option_keywords };
const struct module proxy_timeout_module = { .name = "proxy timeouts",
                                             .keywords = timeout_keywords };
const struct module proxy_rule_module = { .name = "proxy rules", .keywords = rule_keywords };
const struct module proxy_capture_module = { .name = "captures", .keywords = capture_keywords };
const struct module proxy_reply_module = { .name = "replies",
                                           .keywords = reply_keywords,
                                           .sections = reply_sections };
const struct module bind_module = { .name = "bind", .keywords = bind_keywords };
const struct module bind_line_module = { .name = "bind line", .keywords = bind_line_keywords };
