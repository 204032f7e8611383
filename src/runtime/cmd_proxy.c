/* cmd_proxy.c - commands about frontends, backends and the limits of the process (management
 * manual 9.3). */
#include "runtime/cli_int.h"

#include "config/module.h"
#include "config/tune.h"
#include "proxy/cookie.h"
#include "proxy/listener.h"
#include "runtime/runtime.h"
#include "server/check.h"
#include "server/pool.h"
#include "stats/stats.h"

#include <stdlib.h>

/* ---- pausing frontends ---- */

static void
pause_here(struct text *out, void *arg)
{
    frontend_thread_pause(arg);
}

static void
resume_here(struct text *out, void *arg)
{
    frontend_thread_resume(arg);
}

/* The frontend stays in the words of the command until its threads are done. */
static void
paused_everywhere(struct cli *c)
{
    struct proxy *px = proxy_find(config, c->arg[2], PX_FE);

    if (!px)
        return;
    log_printf(&px->log, NULL, LOGL_WARNING, "Paused %s %s.\n", proxy_kind(px), px->name);
    frontend_suspend(px);
}

static void
stopped_everywhere(struct cli *c)
{
    struct proxy *px = proxy_find(config, c->arg[2], PX_FE);

    if (!px)
        return;
    struct px_counters fe, be;
    frontend_stop(px);
    stats_sum_px(&fe, px->fe_counters);
    stats_sum_px(&be, px->be_counters);
    log_printf(&px->log, NULL, LOGL_WARNING,
               "Proxy %s stopped (cumulated conns: FE: %llu, BE: %llu).\n", px->name,
               (unsigned long long)fe.conn_tot, (unsigned long long)be.stot);
}

static enum cli_rc
cmd_disable_frontend(struct cli *c, const struct command *cmd)
{
    struct proxy *px = cli_frontend(c, 2);

    if (!px)
        return CLI_DONE;
    if (atomic_load(&px->stopped))
        return cli_msg(c, CLI_NOTICE, "Frontend was previously shut down, cannot disable.");
    if (atomic_load(&px->paused))
        return cli_msg(c, CLI_NOTICE, "All sockets are already disabled.");
    frontend_pause(px);
    return cli_on_threads(c, pause_here, px, paused_everywhere);
}

static enum cli_rc
cmd_enable_frontend(struct cli *c, const struct command *cmd)
{
    struct proxy *px = cli_frontend(c, 2);

    if (!px)
        return CLI_DONE;
    if (atomic_load(&px->stopped))
        return cli_msg(c, CLI_NOTICE, "Frontend was previously shut down, cannot enable.");
    if (!atomic_load(&px->paused))
        return cli_msg(c, CLI_NOTICE, "All sockets are already enabled.");
    if (!frontend_resume(px))
        return cli_err(c,
                       "Failed to resume frontend, check logs for precise cause (port conflict?).");
    log_printf(&px->log, NULL, LOGL_WARNING, "Resumed %s %s.\n", proxy_kind(px), px->name);
    return cli_on_threads(c, resume_here, px, NULL);
}

static enum cli_rc
cmd_shutdown_frontend(struct cli *c, const struct command *cmd)
{
    struct proxy *px = cli_frontend(c, 2);

    if (!px)
        return CLI_DONE;
    if (atomic_load(&px->stopped))
        return cli_msg(c, CLI_NOTICE, "Frontend was already shut down.");
    frontend_pause(px);
    return cli_on_threads(c, pause_here, px, stopped_everywhere);
}

/* ---- limits ---- */

static bool
integer(struct cli *c, const char *word, int64_t max, const char *missing, int64_t *out)
{
    if (!*word || !slice_to_int(slice_str(word), out)) {
        cli_err(c, "%s", missing);
        return false;
    }
    if (*out < 0 || *out > max) {
        cli_err(c, "Value out of range.");
        return false;
    }
    return true;
}

static enum cli_rc
cmd_maxconn_frontend(struct cli *c, const struct command *cmd)
{
    struct proxy *px = cli_frontend(c, 3);
    int64_t v;

    if (!px || !integer(c, c->arg[4], INT32_MAX, "Integer value expected.", &v))
        return CLI_DONE;
    px->maxconn = (unsigned)v;
    listeners_look_again(px);
    return CLI_DONE;
}

static enum cli_rc
cmd_maxconn_global(struct cli *c, const struct command *cmd)
{
    int64_t v;

    if (!integer(c, c->arg[3], stats_process.hard_maxconn, "Expects an integer value.", &v))
        return CLI_DONE;
    tune.maxconn = v ? (unsigned)v : stats_process.hard_maxconn;
    listeners_look_again(NULL);
    return CLI_DONE;
}

static const struct {
    const char *word;
    unsigned *limit;
    unsigned unit;
} rates[] = {
    { "connections", &tune.maxconnrate, 1 },
    { "sessions", &tune.maxsessrate, 1 },
    { "ssl-sessions", &tune.maxsslrate, 1 },
    { "http-compression", &tune.maxcomprate, 1024 },
};

static enum cli_rc
cmd_rate_limit(struct cli *c, const struct command *cmd)
{
    int64_t v;

    for (unsigned i = 0; i < COUNT_OF(rates); i++) {
        if (strcmp(c->arg[2], rates[i].word) != 0 || strcmp(c->arg[3], "global") != 0)
            continue;
        if (!integer(c, c->arg[4], INT32_MAX / rates[i].unit, "Expects an integer value.", &v))
            return CLI_DONE;
        *rates[i].limit = (unsigned)v * rates[i].unit;
        listeners_look_again(NULL);
        return CLI_DONE;
    }
    return cli_err(
        c,
        "'set rate-limit' only supports :\n"
        "   - 'connections global' to set the per-process maximum connection rate\n"
        "   - 'sessions global' to set the per-process maximum session rate\n"
        "   - 'ssl-sessions global' to set the per-process maximum SSL session rate\n"
        "   - 'http-compression global' to set the per-process maximum compression speed in kB/s");
}

/* ---- backends ---- */

static enum cli_rc
cmd_show_backend(struct cli *c, const struct command *cmd)
{
    struct proxy *px;

    text_str(&c->out, "# name\n");
    list_each (px, &config->proxies, link)
        if (px->cap & PX_BE && !(px->cap & PX_INTERNAL))
            text_printf(&c->out, "%s\n", px->name);
    return CLI_DONE;
}

static enum cli_rc
cmd_publish(struct cli *c, const struct command *cmd)
{
    struct proxy *px = cli_backend(c, 2);
    bool publish = strcmp(c->arg[0], "publish") == 0;

    if (!px)
        return CLI_DONE;
    atomic_store(&px->unpublished, !publish);
    return cli_msg(c, CLI_NOTICE, "Backend %spublished.", publish ? "" : "un");
}

static enum cli_rc
cmd_dynamic_cookie(struct cli *c, const struct command *cmd)
{
    struct proxy *px = cli_backend(c, 3);

    if (!px)
        return CLI_DONE;
    if (strcmp(c->arg[0], "enable") == 0)
        px->ck_opts |= CK_DYNAMIC;
    else
        px->ck_opts &= ~(unsigned)CK_DYNAMIC;
    cookie_update_backend(px);
    return CLI_DONE;
}

static enum cli_rc
cmd_cookie_key(struct cli *c, const struct command *cmd)
{
    struct proxy *px = cli_backend(c, 3);

    if (!px)
        return CLI_DONE;
    if (!*c->arg[4])
        return cli_err(c, "String value expected.");
    if (!cookie_set_key(px, c->arg[4]))
        return cli_msg(c, CLI_WARNING,
                       "Two servers of backend '%s' have the same cookie with this key.", px->name);
    return CLI_DONE;
}

/* Both forms of "show servers": all backends, or one. False after an error was answered. */
static bool
each_backend(struct cli *c, const char *header, void (*fn)(struct cli *c, struct proxy *px))
{
    struct proxy *px, *only = NULL;

    if (*c->arg[3] && !(only = proxy_find(config, c->arg[3], PX_BE))) {
        cli_err(c, "Can't find backend.");
        return false;
    }
    text_str(&c->out, header);
    text_char(&c->out, '\n');
    list_each (px, &config->proxies, link)
        if (px->cap & PX_BE && !px->disabled && !(px->cap & PX_INTERNAL) && (!only || px == only))
            fn(c, px);
    return true;
}

static void
put_states(struct cli *c, struct proxy *px)
{
    struct server *s;

    list_each (s, &px->servers, link) {
        server_state_line(s, px->id, px->id_set, &c->out);
        text_char(&c->out, '\n');
    }
}

static enum cli_rc
cmd_show_state(struct cli *c, const struct command *cmd)
{
    each_backend(c, server_state_header, put_states);
    return CLI_DONE;
}

static void
put_conns(struct cli *c, struct proxy *px)
{
    struct server *s;
    char text[ADDR_TEXT_MAX] = "";

    list_each (s, &px->servers, link) {
        struct out o = OUT(text);
        struct srv_conns n = pool_conns(s);
        if (addr_is_ip(&s->addr))
            addr_put_host(&o, &s->addr);
        else
            addr_put_config(&o, &s->addr);
        text_printf(&c->out, "%s/%s %u/%u %.*s %u - %d %u %u %u %u 0 %u %u %d %u", px->name,
                    s->name, px->id, s->id, SLF(out_slice(&o)), s->port, s->pool_purge_ms,
                    atomic_load(&s->served), n.used, n.used, n.used, n.idle - n.safe, n.safe,
                    s->pool_max_conn, n.idle);
        for (unsigned t = 0; s->threads && t < config->nthread; t++)
            text_printf(&c->out, " %u", atomic_load(&s->threads[t].nidle));
        text_char(&c->out, '\n');
    }
}

static enum cli_rc
cmd_show_conns(struct cli *c, const struct command *cmd)
{
    char header[256];
    struct out o = OUT(header);

    out_printf(&o,
               "# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max "
               "need_est idle_sess unsafe_nb "
               "safe_nb idle_lim idle_cur idle_per_thr[%u]",
               config->nthread);
    header[MIN(o.len, sizeof(header) - 1)] = '\0';
    each_backend(c, header, put_conns);
    return CLI_DONE;
}

static enum cli_rc
cmd_show_defaults(struct cli *c, const struct command *cmd)
{
    struct proxy *px;

    list_each (px, &config->defaults, link)
        if (*px->name)
            text_printf(&c->out, "%s\n", px->name);
    return CLI_DONE;
}

static enum cli_rc
cmd_show_default_server(struct cli *c, const struct command *cmd)
{
    struct proxy *px, *only = NULL;
    struct server *s;

    if (*c->arg[2] && !(only = proxy_find(config, c->arg[2], PX_BE)))
        return cli_err(c, "No such backend.");
    list_each (px, &config->proxies, link) {
        if (!(px->cap & PX_BE) || px->cap & PX_INTERNAL || (only && px != only))
            continue;
        if (px->default_server)
            text_printf(&c->out, "* %s\n", px->name);
        list_each (s, &px->default_servers, link)
            text_printf(&c->out, "  %s/%s\n", px->name, s->name);
    }
    return CLI_DONE;
}

#define A CLI_LEVEL_ADMIN
#define O CLI_LEVEL_OPERATOR
#define U CLI_LEVEL_USER
static const struct command commands[] = {
    { "disable frontend", "disable frontend <frontend>", "stop accepting for a while", A,
      cmd_disable_frontend, 0, NULL },
    { "enable frontend", "enable frontend <frontend>", "accept again", A, cmd_enable_frontend, 0,
      NULL },
    { "shutdown frontend", "shutdown frontend <frontend>", "stop a frontend for good", A,
      cmd_shutdown_frontend, 0, NULL },
    { "set maxconn frontend", "set maxconn frontend <frontend> <value>",
      "change how many connections a frontend has at once", A, cmd_maxconn_frontend, 0, NULL },
    { "set maxconn global", "set maxconn global <value>",
      "change how many connections the process has at once", A, cmd_maxconn_global, 0, NULL },
    { "set rate-limit", "set rate-limit <setting> <value>", "change a rate limit of the process", A,
      cmd_rate_limit, 0, NULL },
    { "show backend", "show backend", "names of all backends", CLI_LEVEL_USER, cmd_show_backend, 0,
      NULL },
    { "publish backend", "publish backend <bk>", "let switching rules use a backend again", O,
      cmd_publish, 0, NULL },
    { "unpublish backend", "unpublish backend <bk>", "hide a backend from switching rules", O,
      cmd_publish, 0, NULL },
    { "enable dynamic-cookie backend", "enable dynamic-cookie backend <bk>",
      "compute the servers' cookies", A, cmd_dynamic_cookie, 0, NULL },
    { "disable dynamic-cookie backend", "disable dynamic-cookie backend <bk>",
      "stop computing the servers' cookies", A, cmd_dynamic_cookie, 0, NULL },
    { "set dynamic-cookie-key backend", "set dynamic-cookie-key backend <bk> <k>",
      "change the key of computed cookies", A, cmd_cookie_key, 0, NULL },
    { "show servers state", "show servers state [<backend>]",
      "states of servers, as a state file holds them", CLI_LEVEL_USER, cmd_show_state, 0, NULL },
    { "show servers conn", "show servers conn [<backend>]", "connections to servers",
      CLI_LEVEL_USER, cmd_show_conns, 0, NULL },
    { "show defaults", "show defaults", "names of the defaults sections", O, cmd_show_defaults, 0,
      NULL },
    { "show default-server", "show default-server [<backend>]", "templates of servers", O,
      cmd_show_default_server, 0, NULL },
    { 0 },
};
#undef A
#undef O
#undef U

const struct module runtime_proxy_module = { .name = "runtime API: proxies", .commands = commands };
