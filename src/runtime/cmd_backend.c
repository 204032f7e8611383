/* cmd_backend.c - add backend, del backend: backends that come and go while the process runs
 * (HAProxy 3.4).
 *
 * Every thread looks up backends by name and walks through their list without locks: both change
 * while all stand still. What a removed backend was stays in the configuration's memory. */
#include "runtime/cli_int.h"

#include "config/module.h"
#include "config/tune.h"
#include "proxy/section.h"
#include "runtime/runtime.h"
#include "sample/expr.h"

#include <stdlib.h>

static void
put_diags(struct text *to, const struct cfg *cf)
{
    const struct diag *g;

    list_each (g, &cf->diags.list, link)
        if (g->level >= DIAG_WARNING)
            text_printf(to, "%s\n", g->text);
}

/* ---- add ---- */

struct adding {
    struct proxy *from;
    enum px_mode mode;
    const char *name, *guid; /* kept */
    struct text said;        /* errors and warnings */
    bool added;
};

static const char add_usage[] =
    "Usage: add backend <name> from <defproxy> [mode <px_mode>] [guid <val>].";

static void
enter(struct config *cf, struct proxy *px)
{
    list_push_back(&cf->proxies, &px->link);
    htab_put(&cf->by_name, slice_str(px->name), px);
    cf->nproxies++;
    proxies_assign_ids(cf);
}

/* The node's own pointers stay: a dump that was begun may be standing on it. */
static void
leave(struct config *cf, struct proxy *px)
{
    px->link.prev->next = px->link.next;
    px->link.next->prev = px->link.prev;
    htab_del(&cf->by_name, slice_str(px->name));
    cf->nproxies--;
    px->gone_next = cf->gone;
    cf->gone = px;
}

static bool
guid_is_taken(const char *guid)
{
    struct proxy *px;
    struct server *s;

    list_each (px, &config->proxies, link) {
        if (px->guid && strcmp(px->guid, guid) == 0)
            return true;
        list_each (s, &px->servers, link)
            if (s->guid && strcmp(s->guid, guid) == 0)
                return true;
    }
    return false;
}

static bool
complete(struct cfg *c, struct proxy *px)
{
    proxy_check(c, px);
    expr_resolve_all(c);
    if (!px->fullconn) /* no frontend of the configuration leads here: any may */
        px->fullconn = MAX(1u, (tune.maxconn + 9) / 10);
    return !c->diags.errors && proxy_start(px, config->nthread, loop_wall_us() / 1000000);
}

/* While nobody else works. */
static void
add_now(void *arg)
{
    struct adding *a = arg;
    struct proxy *old = htab_get_str(&config->by_name, a->name);
    struct cfg c;

    if (old || (a->guid && guid_is_taken(a->guid))) {
        text_str(&a->said, "Error during backend creation : ");
        if (old)
            text_printf(&a->said, "name is already used by other proxy '%s %s'.\n", proxy_kind(old),
                        old->name);
        else
            text_printf(&a->said, "guid '%s' is already used.\n", a->guid);
        return;
    }
    cfg_init(&c, config, &config->arena);
    struct proxy *px = proxy_from(&c, a->name, PX_BE, a->from);
    px->mode = a->mode;
    px->mode_written = true;
    px->disabled = false;
    px->guid = a->guid;
    atomic_store(&px->unpublished, true);
    enter(config, px);
    a->added = complete(&c, px);
    if (!a->added)
        leave(config, px);
    put_diags(&a->said, &c);
    cfg_fini(&c);
}

static void
add_done(struct cli *c, void *arg, bool ran)
{
    struct adding *a = arg;

    if (c && a->said.len)
        cli_err(c, "%.*s", (int)a->said.len - 1, a->said.p);
    if (c && a->added)
        cli_msg(c, CLI_INFO, "New backend registered.");
    else if (c && !ran)
        cli_err(c, "The process is busy or stopping, try again.");
    text_fini(&a->said);
}

/* mode <mode>, guid <id>; false after an answer. */
static bool
add_options(struct cli *c, struct adding *a)
{
    const char *mode = NULL;

    for (unsigned i = 5; i < c->nargs; i += 2) {
        if (i + 1 < c->nargs && strcmp(c->arg[i], "mode") == 0) {
            mode = c->arg[i + 1];
        } else if (i + 1 < c->nargs && strcmp(c->arg[i], "guid") == 0) {
            a->guid = c->arg[i + 1];
        } else {
            cli_err(c, "%s", add_usage);
            return false;
        }
    }
    if (!mode && !a->from->mode_written) {
        cli_err(c, "Mode is required as '%s' default proxy does not explicitly defines it.",
                a->from->name);
        return false;
    }
    a->mode = !mode                       ? a->from->mode
              : strcmp(mode, "http") == 0 ? PX_HTTP
              : strcmp(mode, "tcp") == 0  ? PX_TCP
                                          : PX_MODE_UNSET;
    if (a->mode == PX_HTTP || a->mode == PX_TCP)
        return true;
    cli_err(c, "Dynamic backends are compatible with only TCP or HTTP mode.");
    return false;
}

static enum cli_rc
cmd_add_backend(struct cli *c, const struct command *cmd)
{
    struct adding a = { .name = c->arg[2] };

    if (c->nargs < 5 || strcmp(c->arg[3], "from") != 0)
        return cli_err(c, "%s", add_usage);
    const char *bad = proxy_bad_char(a.name);
    if (bad)
        return cli_err(c, "Character '%c' is not permitted in the name of a backend.", *bad);
    a.from = proxy_find_defaults(config, c->arg[4]);
    if (!a.from)
        return cli_err(c, "Cannot find default proxy '%s'.", c->arg[4]);
    if (!add_options(c, &a))
        return CLI_DONE;
    a.name = cli_keep(a.name);
    a.guid = a.guid ? cli_keep(a.guid) : NULL;
    struct adding *own = xmalloc(sizeof(*own));
    *own = a;
    return cli_alone(c, add_now, own, add_done);
}

/* ---- del ---- */

const char *
backend_removable(const struct proxy *px, bool *hopeless)
{
    *hopeless = true;
    if (px->cap & PX_FE || px->referenced)
        return "This proxy cannot be removed at runtime due to other configuration elements "
               "pointing to it.";
    if (px->mode != PX_TCP && px->mode != PX_HTTP)
        return "Only TCP and HTTP backends can be deleted.";
    if (px->table)
        return "Cannot remove a backend with stick-table.";
    if (!atomic_load(&px->unpublished))
        return "Backend must be unpublished prior to its deletion.";
    if (!list_empty(&px->servers))
        return "Only a backend without server can be deleted.";
    *hopeless = false;
    return atomic_load(&px->be_conn) ? "Backend still has streams attached to it." : NULL;
}

struct removing {
    const char *name, *why; /* kept; why not */
};

static void
remove_now(void *arg)
{
    struct removing *r = arg;
    struct proxy *px = proxy_find(config, r->name, PX_BE);
    bool hopeless;

    r->why = px ? backend_removable(px, &hopeless) : "No such backend.";
    if (!r->why)
        leave(config, px);
}

static void
remove_done(struct cli *c, void *arg, bool ran)
{
    struct removing *r = arg;

    if (!c)
        return;
    if (!ran)
        cli_err(c, "The process is busy or stopping, try again.");
    else if (r->why)
        cli_err(c, "%s", r->why);
    else
        cli_msg(c, CLI_INFO, "Backend deleted.");
}

static enum cli_rc
cmd_del_backend(struct cli *c, const struct command *cmd)
{
    struct proxy *px = cli_backend(c, 2);
    bool hopeless;

    if (!px)
        return CLI_DONE;
    const char *why = backend_removable(px, &hopeless);
    if (why)
        return cli_err(c, "%s", why);
    struct removing *r = xmalloc(sizeof(*r));
    *r = (struct removing){ .name = px->name };
    return cli_alone(c, remove_now, r, remove_done);
}

static const struct command commands[] = {
    { "add backend", "add backend <name> from <defproxy>", "add a new backend", CLI_LEVEL_ADMIN,
      cmd_add_backend, 0, NULL },
    { "del backend", "del backend <name>", "delete a backend", CLI_LEVEL_ADMIN, cmd_del_backend, 0,
      NULL },
    { 0 },
};

const struct module runtime_backend_module = { .name = "runtime API: backends that come and go",
                                               .commands = commands };
