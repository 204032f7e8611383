/* cmd_dynamic.c - add server, del server: servers that come and go while the process runs
 * (management manual 9.3).
 *
 * Settings of a removed server stay in the configuration's memory: logs and dumps of other threads
 * may still name it. What is big, its counters and pools, is released once no thread can be looking
 * at it. */
#include "runtime/cli_int.h"

#include "base/epoch.h"
#include "config/module.h"
#include "proxy/cookie.h"
#include "runtime/runtime.h"
#include "sample/expr.h"
#include "server/check.h"
#include "server/pool.h"
#include "tlsconf/tlsconf.h"

#include <stdlib.h>

/* ---- add ---- */

/* The words of the command as a configuration line: "server <name> ...". */
static void
make_line(struct cli *c, struct cfg *cf, const char *name)
{
    unsigned n = c->nargs > 2 ? c->nargs - 1 : 2;

    cf->word = ARENA_ARRAY(cf->arena, struct cfg_word, n);
    cf->nwords = n;
    for (unsigned i = 0; i < n; i++) {
        const char *w = i == 0 ? "server" : i == 1 ? name : c->arg[i + 1];
        cf->word[i] = (struct cfg_word){ .s = arena_strdup(cf->arena, w), .len = strlen(w) };
    }
    if (c->nargs < 4)
        cf->nwords = 2;
}

static unsigned
free_id(const struct proxy *px, const struct server *self)
{
    const struct server *s;
    bool taken = true;
    unsigned id = 0;

    while (taken) {
        id++;
        taken = false;
        list_each (s, &px->servers, link)
            taken |= s != self && s->id == id;
    }
    return id;
}

/* The node's own pointers stay: a reader of another thread may be standing on it. */
static void
unlink_server(struct proxy *px, struct server *s)
{
    pthread_mutex_lock(&px->lb.lock);
    __atomic_store_n(&s->link.prev->next, s->link.next, __ATOMIC_RELEASE);
    s->link.next->prev = s->link.prev;
    px->nservers--;
    lb_servers_changed(&px->lb);
    pthread_mutex_unlock(&px->lb.lock);
}

static const char *
not_supported(const struct server *s)
{
    if (s->hostname)
        return "an address is needed, not a host name";
    if (s->track_name)
        return "'track' is not supported yet for servers added at run time";
    return NULL;
}

static bool
complete(struct cfg *cf, struct proxy *px, struct server *s)
{
    const char *why = not_supported(s);

    if (why) {
        cfg_error_at(cf, NULL, "'server %s/%s' : %s.", px->name, s->name, why);
        return false;
    }
    s->flags |= SRVF_DYNAMIC;
    if (!s->id)
        s->id = free_id(px, s);
    atomic_store(&s->uweight, s->uweight_cfg);
    if (s->minconn > s->maxconn)
        s->maxconn = s->minconn;
    else if (s->maxconn && !s->minconn)
        s->minconn = s->maxconn;
    if (check_resolve(cf, s) != CFG_OK || !tlsconf_add_server(cf, s))
        return false;
    expr_resolve_all(cf);
    return !cf->diags.errors;
}

static void
start(struct proxy *px, struct server *s)
{
    server_start(s, config->nthread);
    /* as HAProxy: checks wait for `enable health`, traffic for `enable server` */
    atomic_fetch_and(&s->check->flags, ~(unsigned)CHKF_ENABLED);
    atomic_fetch_and(&s->agent->flags, ~(unsigned)CHKF_ENABLED);
    if (atomic_load(&s->check->flags) & CHKF_CONFIGURED)
        check_start(s->check);
    if (atomic_load(&s->agent->flags) & CHKF_CONFIGURED)
        check_start(s->agent);
    cookie_update_server(px, s);
    pthread_mutex_lock(&px->lb.lock);
    lb_servers_changed(&px->lb);
    pthread_mutex_unlock(&px->lb.lock);
}

static void
put_diags(struct cli *c, const struct cfg *cf)
{
    const struct diag *g;

    list_each (g, &cf->diags.list, link)
        if (g->level >= DIAG_WARNING)
            cli_err(c, "%s", g->text);
}

/* Parses and completes; NULL after errors, which are in cf->diags. */
static struct server *
make_server(struct cfg *cf, struct proxy *px, const char *name)
{
    static const struct keyword kw = { "server", .parse = server_parse_line };
    struct server *template = px->default_server,
                  *last = list_last(&px->servers, struct server, link), *s;
    unsigned at = 1;

    px->default_server = NULL; /* only `from` gives settings (3.5) */
    enum cfg_rc rc = server_parse_line(cf, &kw, px, &at);
    px->default_server = template;
    s = list_last(&px->servers, struct server, link);
    if (s == last)
        return NULL;
    atomic_store(&s->admin, SRVA_FMAINT);
    if (rc == CFG_OK && complete(cf, px, s))
        return s;
    check_forget(s->check);
    check_forget(s->agent);
    unlink_server(px, s);
    return NULL;
}

/* Options that a server added at run time cannot have: see not_supported(). */
static bool
is_for_files_only(const struct keyword *kw)
{
    static const char *const names[] = { "track",        "resolvers",      "resolve-net",
                                         "resolve-opts", "resolve-prefer", "init-addr" };

    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (strcmp(kw->name, names[i]) == 0)
            return true;
    return kw->kind == KW_UNSUPPORTED;
}

static enum cli_rc
list_keywords(struct cli *c)
{
    text_str(&c->out, "List of keywords supported for dynamic server:\n");
    for (unsigned m = 0; modules[m]; m++)
        for (const struct keyword *k = modules[m]->keywords; k && k->name; k++)
            if (k->where & IN_SERVER && !is_for_files_only(k))
                text_printf(&c->out, "  %s%s%s%s\n", k->name,
                            k->name[strlen(k->name) - 1] == '(' ? ")" : "", k->args ? " " : "",
                            k->args ? k->args : "");
    return CLI_DONE;
}

static enum cli_rc
cmd_add_server(struct cli *c, const struct command *cmd)
{
    struct slice name, be = slice_cut(slice_str(c->arg[2]), '/', &name);
    struct cfg cf;

    if (strcmp(c->arg[2], "help") == 0)
        return list_keywords(c);
    if (!be.len || !name.p || !name.len)
        return cli_msg_raw(c, CLI_ERR, "Require 'backend/server'.");
    struct proxy *px = htab_get(&config->by_name, be);
    if (!px || !proxy_has_be(px))
        return cli_msg_raw(c, CLI_ERR, "No such backend.");
    if (proxy_find_server(px, name.p))
        return cli_err(c, "Already exists a server with the same name in backend.");
    if (server_lb.is_dynamic && !server_lb.is_dynamic(px))
        return cli_err(c, "Backend must use a dynamic load balancing to support dynamic servers.");
    cfg_init(&cf, config, &config->arena);
    make_line(c, &cf, name.p);
    tlsconf_begin_change();
    struct server *s = make_server(&cf, px, name.p);
    tlsconf_end_change();
    if (s) {
        start(px, s);
        put_diags(c, &cf);
        cli_msg(c, CLI_INFO, "New server registered.");
    } else {
        put_diags(c, &cf);
    }
    cfg_fini(&cf);
    return CLI_DONE;
}

/* ---- del ---- */

const char *
server_removable(struct server *s, bool *hopeless)
{
    *hopeless = true;
    if (s->flags & SRVF_REFERENCED || !list_empty(&s->trackers))
        return "This server cannot be removed at runtime due to other configuration elements "
               "pointing to it.";
    if (!(atomic_load(&s->admin) & SRVA_MAINT))
        return "Only servers in maintenance mode can be deleted.";
    *hopeless = false;
    struct srv_conns n = pool_conns(s);
    if (n.used || n.idle || atomic_load(&s->cur_sess) || atomic_load(&s->served) ||
        atomic_load(&s->queued))
        return "Server still has connections attached to it, cannot remove it.";
    return NULL;
}

static void
stop_checks_here(struct text *out, void *arg)
{
    struct server *s = arg;

    check_stop(s->check);
    check_stop(s->agent);
}

static void
release(void *p)
{
    struct server *s = p;

    server_stop(s);
    tls_client_free(&s->tls);
}

/* No thread runs its checks any more. */
static void
checks_stopped(struct cli *c)
{
    struct server *s = cli_server(c, 2);
    bool hopeless;

    if (!s)
        return;
    const char *why = server_removable(s, &hopeless);
    if (why) { /* it was enabled meanwhile */
        cli_msg_raw(c, CLI_ERR, "%s", why);
        return;
    }
    check_forget(s->check);
    check_forget(s->agent);
    unlink_server(s->px, s);
    tlsconf_del_server(s);
    log_printf(&s->px->log, NULL, LOGL_NOTICE, "Server %s/%s deleted.\n", s->px->name, s->name);
    epoch_retire(release, s);
    cli_msg_raw(c, CLI_INFO, "Server deleted.");
}

static enum cli_rc
cmd_del_server(struct cli *c, const struct command *cmd)
{
    struct slice name, be = slice_cut(slice_str(c->arg[2]), '/', &name);
    bool hopeless;

    if (!be.len || !name.p || !name.len)
        return cli_msg_raw(c, CLI_ERR, "Require 'backend/server'.");
    struct proxy *px = htab_get(&config->by_name, be);
    struct server *s = px && proxy_has_be(px) ? proxy_find_server(px, name.p) : NULL;
    if (!s)
        return cli_msg_raw(c, CLI_ERR, "%s",
                           px && proxy_has_be(px) ? "No such server." : "No such backend.");
    const char *why = server_removable(s, &hopeless);
    if (why)
        return cli_msg_raw(c, CLI_ERR, "%s", why);
    return cli_on_threads(c, stop_checks_here, s, checks_stopped);
}

static const struct command commands[] = {
    { "add server", "add server <bk>/<srv>", "create a new server", CLI_LEVEL_ADMIN, cmd_add_server,
      0, NULL },
    { "del server", "del server <bk>/<srv>", "remove a server", CLI_LEVEL_ADMIN, cmd_del_server, 0,
      NULL },
    { 0 },
};

const struct module runtime_dynamic_module = { .name = "runtime API: servers that come and go",
                                               .commands = commands };
