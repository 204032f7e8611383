/* find.c - objects that commands name: "backend/server", frontends, backends. */
#include "runtime/cli_int.h"

#include <stdlib.h>

/** A name that was given at run time. */
struct kept {
    struct kept *next;
    char text[];
};
static _Atomic(struct kept *) kept;

const char *
cli_keep(const char *s)
{
    size_t len = strlen(s) + 1;
    struct kept *k = xmalloc(sizeof(*k) + len);

    memcpy(k->text, s, len);
    k->next = atomic_load(&kept);
    while (!atomic_compare_exchange_weak(&kept, &k->next, k))
        ;
    return k->text;
}

void
cli_keep_fini(void)
{
    struct kept *k = atomic_exchange(&kept, NULL);

    while (k) {
        struct kept *next = k->next;
        free(k);
        k = next;
    }
}

struct server *
cli_server(struct cli *c, unsigned i)
{
    struct slice sv, be = slice_cut(slice_str(c->arg[i]), '/', &sv);
    char name[256];

    if (!be.len || !sv.p || !sv.len) {
        cli_err(c, "Require 'backend/server'.");
        return NULL;
    }
    struct proxy *px = htab_get(&config->by_name, be);
    if (!px || !proxy_has_be(px)) {
        cli_err(c, "No such backend.");
        return NULL;
    }
    struct out o = OUT(name);
    out_slice_put(&o, sv);
    out_char(&o, '\0');
    struct server *srv = o.full ? NULL : proxy_find_server(px, name);
    if (!srv)
        cli_err(c, "No such server.");
    return srv;
}

struct proxy *
cli_frontend(struct cli *c, unsigned i)
{
    if (!*c->arg[i]) {
        cli_err(c, "A frontend name is expected.");
        return NULL;
    }
    struct proxy *px = proxy_find(config, c->arg[i], PX_FE);
    if (!px)
        cli_err(c, "No such frontend.");
    return px;
}

struct proxy *
cli_backend(struct cli *c, unsigned i)
{
    if (!*c->arg[i]) {
        cli_err(c, "A backend name is expected.");
        return NULL;
    }
    struct proxy *px = proxy_find(config, c->arg[i], PX_BE);
    if (!px)
        cli_err(c, "No such backend.");
    return px;
}
