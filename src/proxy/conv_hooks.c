/* conv_hooks.c - what converters ask about proxies, servers and the stream. */
#include "proxy/stream_int.h"

#include "config/tune.h"
#include "proxy/capture.h"
#include "proxy/proxy_module.h"
#include "sample/conv.h"

static struct proxy *
backend_named(struct slice name)
{
    struct proxy *px = htab_get(&config->by_name, name);
    return px && proxy_has_be(px) ? px : NULL;
}

/* "backend/server"; without a backend that of the stream. */
static struct server *
server_named(struct sample_ctx *x, struct slice name)
{
    struct slice rest, first = slice_cut(name, '/', &rest);
    struct proxy *be = rest.p ? backend_named(first) : x->strm ? x->strm->be : NULL;
    struct slice wanted = rest.p ? rest : first;
    struct server *s;

    if (!be)
        return NULL;
    list_each (s, &be->servers, link)
        if (slice_eq_str(wanted, s->name))
            return s;
    return NULL;
}

static bool
nbsrv(struct slice backend, int64_t *out)
{
    struct proxy *be = backend_named(backend);

    if (be)
        *out = proxy_usable_servers(be);
    return be != NULL;
}

static bool
frontend_exists(struct slice name)
{
    struct proxy *px = htab_get(&config->by_name, name);
    return px && proxy_has_fe(px);
}

static bool
capture(struct sample_ctx *x, bool response, int64_t slot, struct slice value)
{
    struct stream *s = x->strm;
    struct captures *caps = s ? s->fe->captures : NULL;
    struct capture *c;

    if (!caps)
        return false;
    unsigned n = response ? caps->nres : caps->nreq;
    struct slice **to = response ? &s->res_cap : &s->req_cap;
    if (slot < 0 || slot >= (int64_t)n ||
        (!*to && !(*to = arena_zalloc(&s->arena, n * sizeof(**to)))))
        return false;
    list_each (c, response ? &caps->res : &caps->req, link) {
        if (c->index != (unsigned)slot)
            continue;
        value.len = MIN(value.len, (size_t)c->len);
        char *copy = arena_slicedup(&s->arena, value);
        if (copy)
            (*to)[slot] = slice(copy, value.len);
        return copy != NULL;
    }
    return false;
}

static bool
when(struct sample_ctx *x, enum conv_when cond)
{
    const struct stream *s = x->strm;

    if (!s)
        return false;
    bool error = s->term_cause != '-' || (s->status >= 500 && s->status != 501 && s->status != 505);
    switch (cond) {
    case WHEN_ERROR:
        return error;
    case WHEN_NORMAL:
        return !error;
    case WHEN_STOPPING:
        return atomic_load_explicit(&config->stop_announced, memory_order_relaxed);
    case WHEN_FORWARDED:
        return s->srv && !(s->flags & SF_INTERNAL_REPLY);
    case WHEN_PROCESSED:
        return !s->srv || s->flags & SF_INTERNAL_REPLY;
    case WHEN_TOAPPLET:
        return s->reply.service != NULL;
    default:
        return false;
    }
}

static bool
server_is_up_named(struct sample_ctx *x, struct slice name, bool *up)
{
    struct server *s = server_named(x, name);

    if (s)
        *up = server_is_up(s) && !(atomic_load(&s->admin) & SRVA_MAINT);
    return s != NULL;
}

static bool
server_queue_named(struct sample_ctx *x, struct slice name, int64_t *out)
{
    struct server *s = server_named(x, name);

    if (s)
        *out = atomic_load(&s->queued);
    return s != NULL;
}

/* Of the proxy whose rule or log line runs. */
static struct acl_list *
acls_of(const struct proxy *px)
{
    return px ? px->acls : NULL;
}

static void
install(struct config *cf)
{
    conv_hooks = (struct conv_hooks){
        .backend_servers = nbsrv,
        .server_queue = server_queue_named,
        .server_up = server_is_up_named,
        .frontend_exists = frontend_exists,
        .capture = capture,
        .when = when,
    };
    name_resolver.acls = acls_of;
}

static void
check(struct cfg *c)
{
    conv_size_max = tune.bufsize;
}

const struct module conv_hooks_module = { .name = "converters' view of proxies",
                                          .defaults = install,
                                          .check = check };
