/* fixture.c - see fixture.h. Its module list replaces the program's. */
#include "fixture.h"

#include "config/tune.h"
#include "server/check_int.h"

#include <stdlib.h>
#include <string.h>

struct fixture fx;
static struct text diags, logged;

static struct lb *
px_lb(struct proxy *px)
{
    return &px->lb;
}

static struct lb_queue *
px_queue(struct proxy *px)
{
    return &px->queue;
}

static const char *
px_name(const struct proxy *px)
{
    return px ? px->name : "";
}

static void
px_view(struct proxy *px, struct server_px *v)
{
    *v = (struct server_px){
        .name = px->name,
        .http = px->http,
        .has_be = true,
        .log_health_checks = px->log_checks,
        .servers = &px->servers,
        .nservers = &px->nservers,
        .default_server = &px->default_server,
        .default_servers = &px->default_servers,
        .check = &px->check,
        .timeout_check_ms = px->timeout_check_ms,
        .timeout_connect_ms = px->timeout_connect_ms,
    };
}

struct proxy *
fx_backend(const char *name)
{
    struct proxy *px;

    list_each (px, &fx.backends, link) {
        if (strcmp(px->name, name) == 0)
            return px;
    }
    return NULL;
}

static struct proxy *
find_backend(struct cfg *c, const char *name)
{
    (void)c;
    return fx_backend(name);
}

static void
px_log(struct proxy *px, int level, const char *text)
{
    (void)px;
    text_printf(&fx.log, "%d %s\n", level, text);
}

static void
px_state(struct proxy *px, bool up)
{
    px->down = !up;
    if (!up)
        text_printf(&fx.log, "0 backend %s has no server available!\n", px->name);
}

static void
px_kill(struct server *s, int why)
{
    (void)why;
    s->px->killed++;
}

static void
px_flush(struct server *s)
{
    s->px->flushed++;
}

/* ---- sections ---- */

static enum cfg_rc
begin_backend(struct cfg *c)
{
    struct proxy *px = arena_zalloc(c->arena, sizeof(*px));

    px->name = cfg_arg(c, 1);
    px->http = strcmp(cfg_arg(c, 0), "backend") == 0;
    list_init(&px->servers);
    list_init(&px->default_servers);
    list_push_back(&fx.backends, &px->link);
    c->obj = px;
    c->section_name = px->name;
    return CFG_OK;
}

static enum cfg_rc
parse_log_checks(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    (void)c, (void)kw, (void)at;
    ((struct proxy *)obj)->log_checks = true;
    return CFG_OK;
}

static const struct section sections[] = {
    { .name = "backend", .where = IN_BACKEND, .begin = begin_backend },
    { .name = "tcp-backend", .where = IN_BACKEND, .begin = begin_backend },
    { 0 },
};
static const struct keyword extra[] = {
    { .name = "option log-health-checks", .where = IN_BACKEND, .parse = parse_log_checks },
    { 0 },
};
static const struct module section_module = { .name = "test",
                                              .sections = sections,
                                              .keywords = extra };
static const struct module server_rows = { .name = "servers", .keywords = server_keywords };
static const struct module option_rows = { .name = "options", .keywords = server_option_keywords };
static const struct module check_rows = { .name = "checks",
                                          .keywords = check_keywords,
                                          .sections = check_sections };
static const struct module lb_rows = { .name = "lb",
                                       .keywords = lb_keywords,
                                       .fetches = lb_fetches };

const struct module *const modules[] = { &section_module, &server_rows, &option_rows,
                                         &check_rows,     &lb_rows,     NULL };

/* ---- */

unsigned
fx_load(const char *text)
{
    struct proxy *px;
    struct server *s;

    fx_free();
    arena_init_config(&fx.arena);
    list_init(&fx.backends);
    check_install();
    check_forget_all();
    check_sections_forget();
    cfg_init(&fx.c, NULL, &fx.arena);
    (void)cfg_read_text(&fx.c, "test.cfg", slice_str(text));
    (void)cfg_finish(&fx.c);
    list_each (px, &fx.backends, link) {
        px->lb.http = px->http;
        server_check_backend(&fx.c, px);
        lb_check(&fx.c, &px->lb, px->name);
    }
    if (fx.c.diags.errors)
        return fx.c.diags.errors;
    list_each (px, &fx.backends, link) {
        list_each (s, &px->servers, link)
            server_start(s, 1);
        lb_queue_init(&px->queue);
        lb_start(&px->lb, &px->servers);
    }
    return 0;
}

void
fx_free(void)
{
    struct proxy *px;
    struct server *s;

    if (!fx.arena.fatal)
        return;
    list_each (px, &fx.backends, link) {
        if (px->lb.ops)
            lb_queue_fini(&px->queue);
        lb_stop(&px->lb);
        list_each (s, &px->servers, link)
            server_stop(s);
    }
    cfg_fini(&fx.c);
    arena_fini(&fx.arena);
    fx.arena.fatal = false;
    text_fini(&fx.log);
    text_fini(&diags);
    text_fini(&logged);
}

struct server *
fx_server(const char *backend, const char *name)
{
    struct proxy *px = fx_backend(backend);
    struct server *s;

    if (!px)
        return NULL;
    list_each (s, &px->servers, link) {
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

const char *
fx_diags(void)
{
    text_fini(&diags);
    diags_print(&fx.c.diags, &diags, true);
    return diags.p ? diags.p : "";
}

const char *
fx_log(void)
{
    text_fini(&logged);
    logged = fx.log;
    fx.log = (struct text){ 0 };
    return logged.p ? logged.p : "";
}

int
fx_setup(void **state)
{
    (void)state;
    tune_defaults();
    lb_of = px_lb;
    queue_of = px_queue;
    lb_install();
    server_hooks = (struct server_hooks){
        .log = px_log,
        .proxy_name = px_name,
        .view = px_view,
        .find_backend = find_backend,
        .backend_state = px_state,
        .shutdown_streams = px_kill,
        .close_idle = px_flush,
    };
    return loop_open(0) ? 0 : -1;
}

int
fx_teardown(void **state)
{
    (void)state;
    fx_free();
    loop_close();
    return 0;
}
