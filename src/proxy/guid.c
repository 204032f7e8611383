/* guid.c - no two objects of a configuration have the same guid. */
#include "config/cfg.h"
#include "config/module.h"
#include "proxy/config.h"
#include "proxy/listener.h"
#include "server/server.h"

#include <stdlib.h>

/** One object with a guid. */
struct named {
    const char *guid;
    const struct proxy *px;
    const struct server *srv; /* NULL: the proxy or one of its listeners */
    const struct listener *li;
    unsigned order;
};

struct names {
    struct named *v;
    unsigned n, room;
};

static void
add(struct names *all, struct named one)
{
    if (!one.guid)
        return;
    if (all->n == all->room) {
        all->room = all->room ? all->room * 2 : 64;
        all->v = xrealloc(all->v, all->room * sizeof(*all->v));
    }
    one.order = all->n;
    all->v[all->n++] = one;
}

/* A listener's guid is the prefix of its line and its place among the addresses there. */
static void
add_listeners(struct cfg *c, struct names *all, struct proxy *px)
{
    const struct bind_conf *line = NULL;
    struct listener *li;
    unsigned at = 0;

    list_each (li, &px->listeners, link) {
        at = li->bind == line ? at + 1 : 0;
        line = li->bind;
        if (line->guid_prefix)
            add(all, (struct named){ .guid = arena_printf(c->arena, "%s-%u", line->guid_prefix, at),
                                     .px = px,
                                     .li = li });
    }
}

static int
by_guid(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int d = strcmp(x->guid, y->guid);

    return d ? d : x->order < y->order ? -1 : 1;
}

static const char *
describe(struct cfg *c, const struct named *o)
{
    if (o->srv)
        return arena_printf(c->arena, "server %s/%s", o->px->name, o->srv->name);
    if (o->li)
        return arena_printf(c->arena, "listener %s of %s", o->li->bind->text, o->px->name);
    return arena_printf(c->arena, "%s %s", proxy_kind(o->px), o->px->name);
}

static void
check_guids(struct cfg *c)
{
    const struct config *cf = c->config;
    struct names all = { 0 };
    struct proxy *px;
    struct server *srv;

    list_each (px, &cf->proxies, link) {
        add(&all, (struct named){ .guid = px->guid, .px = px });
        add_listeners(c, &all, px);
        list_each (srv, &px->servers, link)
            add(&all, (struct named){ .guid = srv->guid, .px = px, .srv = srv });
    }
    if (all.n)
        qsort(all.v, all.n, sizeof(*all.v), by_guid);
    for (unsigned i = 1; i < all.n; i++) {
        const struct named *o = &all.v[i];
        if (strcmp(o->guid, o[-1].guid) == 0)
            cfg_error_at(c,
                         o->srv  ? &o->srv->loc
                         : o->li ? &o->li->bind->loc
                                 : &o->px->loc,
                         DIAG_PARSING "'guid': duplicate entry with %s.", describe(c, &o[-1]));
    }
    free(all.v);
}

const struct module guid_module = { .name = "guid", .check = check_guids };
