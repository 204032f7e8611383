/* server.c - `server`, `default-server` and `server-template` lines; what servers inherit. */
#include "server/server.h"

#include "config/module.h"
#include "server/check.h"
#include "server/parse_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/** Most servers that one server-template makes. */
#define TEMPLATE_MAX 100000

enum cfg_rc
server_error(struct cfg *c, const struct server *s, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return cfg_error_at(c, &s->loc, DIAG_PLAIN "'server %s/%s' : %s",
                        server_hooks.proxy_name(s->px), s->name, text);
}

/* ---- making servers ---- */

static void
set_defaults(struct server *s)
{
    s->uweight_cfg = 1;
    s->rise = 2;
    s->fall = 3;
    s->pool_max_conn = -1;
    s->pool_purge_ms = 5000;
    s->max_reuse = -1;
    s->error_limit = 10;
    s->on_error = SRV_ON_ERROR_FAIL_CHECK;
}

/** Settings without identity: those of `from`, which never ran. */
static void
copy_settings(struct server *s, const struct server *from)
{
    *s = *from;
    s->flags &= ~(unsigned)(SRVF_DEFAULT | SRVF_ID_SET | SRVF_NO_ADDR | SRVF_TEMPLATE |
                            SRVF_PORT_MAPPED | SRVF_REFERENCED);
    s->id = 0;
    s->guid = NULL;
    s->hostname = NULL;
    s->addr = (struct addr){ 0 };
    s->port = 0;
    s->port_offset = 0;
    s->track = NULL;
}

static void
copy_check(struct check *to, const struct check *from)
{
    struct server *srv = to->srv;

    *to = *from;
    to->srv = srv;
}

struct server *
server_make(struct cfg *c, struct proxy *px, const char *name, const struct server *from)
{
    struct server *s = ARENA_NEW(c->arena, struct server);

    if (from)
        copy_settings(s, from);
    else
        set_defaults(s);
    s->px = px;
    s->name = name;
    s->loc = c->loc;
    s->check = check_new(c, s, false);
    s->agent = check_new(c, s, true);
    if (from) {
        copy_check(s->check, from->check);
        copy_check(s->agent, from->agent);
    }
    list_init(&s->link);
    list_init(&s->trackers);
    list_init(&s->track_link);
    list_init(&s->warm_link);
    s->queue = (struct pend_queue){ 0 };
    if (from && server_hooks.inherit)
        server_hooks.inherit(c, s);
    return s;
}

static void
append(struct server *s, const struct server_px *px)
{
    pthread_mutex_init(&s->lock, NULL);
    list_push_back(px->servers, &s->link);
    ++*px->nservers;
}

struct server *
server_inherit_template(struct cfg *c, struct proxy *px, const struct server *from)
{
    struct server *s;

    if (!from)
        return NULL;
    s = server_make(c, px, from->name, from);
    s->flags |= SRVF_DEFAULT;
    return s;
}

struct server *
server_find(struct list *servers, const char *name)
{
    struct server *s;

    list_each (s, servers, link) {
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

/* ---- from <origin> ---- */

/** "[<backend>/]<name>" → proxy and name. */
static struct proxy *
split_origin(struct cfg *c, struct proxy *px, const char *text, const char **name)
{
    const char *slash = strchr(text, '/');
    struct proxy *be = px;

    *name = slash ? slash + 1 : text;
    if (slash && slash > text) {
        const char *be_name = arena_slicedup(c->arena, slice(text, (size_t)(slash - text)));

        be = server_hooks.find_backend ? server_hooks.find_backend(c, be_name) : NULL;
        if (!be)
            cfg_error(c, CFG_WHOLE_LINE, "from: unknown backend '%s'.", be_name);
    }
    return be;
}

static enum cfg_rc
origin_backend(struct cfg *c, struct proxy *px, const char *name, const struct server **out)
{
    struct server_px v;

    if (*name) {
        px = server_hooks.find_backend ? server_hooks.find_backend(c, name) : NULL;
        if (!px)
            return cfg_error(c, CFG_WHOLE_LINE, "from: unknown backend instance '%s'.", name);
    }
    server_hooks.view(px, &v);
    *out = *v.default_server;
    return CFG_OK;
}

static enum cfg_rc
origin_server(struct cfg *c, struct proxy *px, const char *text, const struct server **out)
{
    const char *name;
    struct proxy *be = split_origin(c, px, text, &name);
    struct server_px v;

    if (!be)
        return CFG_ERR;
    server_hooks.view(be, &v);
    *out = server_find(v.servers, name);
    if (!*out)
        *out = server_find(v.default_servers, name);
    if (!*out)
        return cfg_error(c, CFG_WHOLE_LINE, "from: unknown server '%s' in backend '%s'.", name,
                         v.name);
    return CFG_OK;
}

/** Reads an optional `from <origin>` at *at. *out is what to start from; unchanged when there is no
 * `from`. */
static enum cfg_rc
take_origin(struct cfg *c, struct proxy *px, unsigned *at, const struct server **out)
{
    const char *o;

    if (!cfg_arg_is(c, *at, "from"))
        return CFG_OK;
    o = cfg_arg(c, *at + 1);
    *at = MIN(*at + 2, c->nwords);
    if (strcmp(o, "none") == 0) {
        *out = NULL;
        return CFG_OK;
    }
    if (strncmp(o, "be:", 3) == 0)
        return origin_backend(c, px, o + 3, out);
    if (strncmp(o, "srv:", 4) == 0)
        return origin_server(c, px, o + 4, out);
    return cfg_error(c, *at - 1, "invalid '%s' value for 'from' keyword.", o);
}

/* ---- names and addresses ---- */

/** The first character that a server name must not have, or 0. */
static char
bad_name_char(const char *name)
{
    for (; *name; name++) {
        unsigned char ch = (unsigned char)*name;

        if (!((ch >= '0' && ch <= '9') || (ascii_lower(ch) >= 'a' && ascii_lower(ch) <= 'z') ||
              ch == ':' || ch == '.' || ch == '_' || ch == '-'))
            return *name;
    }
    return 0;
}

static enum cfg_rc
check_name(struct cfg *c, unsigned i, const char *name, const struct server_px *px)
{
    struct server *other = server_find(px->servers, name);

    if (other)
        return cfg_error(c, i,
                         "another server named '%s' was already defined at line %u, please use a "
                         "distinct name.",
                         name, other->loc.line);
    other = server_find(px->default_servers, name);
    if (other)
        return cfg_error(c, i,
                         "a default-server named '%s' was already defined at line %u, please use a "
                         "distinct name.",
                         name, other->loc.line);
    return CFG_OK;
}

/** Parses the address argument into the server. */
static enum cfg_rc
take_addr(struct cfg *c, unsigned i, struct server *s, const char *shown_name)
{
    struct addr_spec spec;
    char err[512];

    if (!addr_parse(cfg_arg(c, i), ADDR_FOR_SERVER, NULL, &spec, err, sizeof(err)))
        return cfg_error(c, i, DIAG_PLAIN "'server %s/%s' : %s", server_hooks.proxy_name(s->px),
                         shown_name, err);
    if (spec.addr.kind == ADDR_RHTTP)
        return cfg_error(c, i, DIAG_PLAIN "'server %s/%s' : reverse HTTP is not supported yet.",
                         server_hooks.proxy_name(s->px), shown_name);
    s->addr = spec.addr;
    s->addr_family = spec.family;
    s->port = (uint16_t)spec.port_low;
    if (spec.port_form == ADDR_PORT_OFFSET ||
        (spec.port_form == ADDR_PORT_NONE && !addr_is_unix(&spec.addr)))
        s->flags |= SRVF_PORT_MAPPED;
    s->port_offset = spec.port_offset;
    if (spec.host.p) {
        s->hostname = arena_slicedup(c->arena, spec.host);
        if (spec.unresolved)
            s->flags |= SRVF_NO_ADDR;
    }
    return CFG_OK;
}

/* ---- server ---- */

static enum cfg_rc
take_options(struct cfg *c, struct server *s, unsigned *at)
{
    const char *who = "";

    if (cfg_run_options(c, IN_SERVER, s, at) != CFG_OK)
        return CFG_ERR;
    if (s->uweight_cfg)
        return CFG_OK;
    if (!(s->flags & SRVF_DEFAULT))
        who = arena_printf(c->arena, "'server %s/%s' : ", c->section_name, s->name);
    cfg_diag(c, 0,
             DIAG_PLAIN
             "%sconfigured with weight of 0 will never be selected by load balancing algorithms",
             who);
    return CFG_OK;
}

static enum cfg_rc
parse_server(struct cfg *c, struct proxy *px, const struct server_px *v, unsigned *at)
{
    const char *name = cfg_arg(c, *at);
    const struct server *from = *v->default_server;
    struct server *s;
    char bad;

    if (*at + 1 >= c->nwords)
        return cfg_error(c, CFG_WHOLE_LINE,
                         DIAG_PLAIN "'server' expects <name> and <addr>[:<port>] as arguments.");
    bad = bad_name_char(name);
    if (bad)
        return cfg_error(c, *at, DIAG_PLAIN "character '%c' is not permitted in server name '%s'.",
                         bad, name);
    if (check_name(c, *at, name, v) != CFG_OK)
        return CFG_ERR;
    *at += 2;
    if (take_origin(c, px, at, &from) != CFG_OK)
        return CFG_ERR;
    s = server_make(c, px, name, from);
    s->loc = cfg_loc_of(c, *at - 2);
    if (take_addr(c, 2, s, name) != CFG_OK)
        return CFG_ERR;
    append(s, v);
    return take_options(c, s, at);
}

/* ---- default-server ---- */

static enum cfg_rc
parse_default_server(struct cfg *c, struct proxy *px, const struct server_px *v, unsigned *at)
{
    const char *name = NULL;
    const struct server *from = *v->default_server;
    struct server *s;

    if (cfg_arg_is(c, *at, "name")) {
        name = cfg_arg(c, *at + 1);
        if (!*name || bad_name_char(name))
            return cfg_error(c, MIN(*at + 1, c->nwords - 1),
                             "'default-server' : invalid name '%s'.", name);
        *at += 2;
        s = server_find(v->default_servers, name);
        if (s)
            from = s;
        else if (server_find(v->servers, name))
            return cfg_error(
                c, *at - 1,
                "another server named '%s' was already defined at line %u, please use a "
                "distinct name.",
                name, server_find(v->servers, name)->loc.line);
    }
    if (take_origin(c, px, at, &from) != CFG_OK)
        return CFG_ERR;
    if (!name && !from && *at >= c->nwords) { /* without any setting: `from none` frees it */
        *v->default_server = NULL;
        return CFG_OK;
    }
    s = server_make(c, px, name ? name : "default-server", from);
    s->flags |= SRVF_DEFAULT;
    if (name) {
        struct server *old = server_find(v->default_servers, name);

        if (old)
            list_del(&old->link);
        list_push_back(v->default_servers, &s->link);
    } else {
        *v->default_server = s;
    }
    return take_options(c, s, at);
}

/* ---- server-template ---- */

/** "<nb>" or "<low>-<high>". */
static bool
take_range(const char *text, int64_t *low, int64_t *high)
{
    struct slice rest, first = slice_cut(slice_str(text), '-', &rest);

    if (!rest.p) {
        *low = 1;
        return slice_to_int(first, high) && *high >= 1 && *high <= TEMPLATE_MAX;
    }
    return slice_to_int(first, low) && slice_to_int(rest, high) && *low >= 0 && *high >= *low &&
           *high - *low < TEMPLATE_MAX;
}

static enum cfg_rc
parse_template(struct cfg *c, struct proxy *px, const struct server_px *v, unsigned *at)
{
    const char *prefix = cfg_arg(c, *at);
    const struct server *from = *v->default_server;
    struct server *first, *s;
    int64_t low, high;
    char bad;

    if (*at + 2 >= c->nwords)
        return cfg_error(c, CFG_WHOLE_LINE,
                         DIAG_PLAIN
                         "'server-template' expects <prefix> <nb | range> <addr>[:<port>] as "
                         "arguments.");
    bad = bad_name_char(prefix);
    if (bad)
        return cfg_error(
            c, *at, DIAG_PLAIN "character '%c' is not permitted in server-template prefix '%s'.",
            bad, prefix);
    if (!take_range(cfg_arg(c, *at + 1), &low, &high))
        return cfg_error(c, *at + 1, DIAG_PLAIN "Wrong server-template number or range arg '%s'.",
                         cfg_arg(c, *at + 1));
    *at += 3;
    if (take_origin(c, px, at, &from) != CFG_OK)
        return CFG_ERR;
    first = server_make(c, px, arena_printf(c->arena, "%s%lld", prefix, (long long)low), from);
    first->flags |= SRVF_TEMPLATE;
    if (take_addr(c, 3, first, first->name) != CFG_OK || check_name(c, 1, first->name, v) != CFG_OK)
        return CFG_ERR;
    append(first, v);
    if (take_options(c, first, at) != CFG_OK)
        return CFG_ERR;
    for (int64_t i = low + 1; i <= high; i++) {
        const char *name = arena_printf(c->arena, "%s%lld", prefix, (long long)i);

        if (check_name(c, 1, name, v) != CFG_OK)
            return CFG_ERR;
        s = server_make(c, px, name, first);
        s->flags |= SRVF_TEMPLATE | (first->flags & (SRVF_PORT_MAPPED | SRVF_NO_ADDR));
        s->addr = first->addr;
        s->port = first->port;
        s->port_offset = first->port_offset;
        s->hostname = first->hostname;
        append(s, v);
    }
    return CFG_OK;
}

enum cfg_rc
server_parse_line(struct cfg *c, const struct keyword *kw, void *px, unsigned *at)
{
    struct server_px v;
    enum cfg_rc rc;

    server_hooks.view(px, &v);
    if (strcmp(kw->name, "server") == 0)
        rc = parse_server(c, px, &v, at);
    else if (strcmp(kw->name, "default-server") == 0)
        rc = parse_default_server(c, px, &v, at);
    else
        rc = parse_template(c, px, &v, at);
    if (rc != CFG_OK)
        *at = c->nwords;
    return rc;
}

const struct keyword server_keywords[] = {
    { "server", "<name> <address>[:[port]] [from <origin>] [param*]", IN_BACKEND,
      .parse = server_parse_line, .flags = KWF_STRICT_PLACE, .help = "a server of the backend" },
    { "default-server", "[name <name>] [from <origin>] [param*]", IN_DEFAULTS | IN_BACKEND,
      .parse = server_parse_line, .flags = KWF_STRICT_PLACE,
      .help = "settings of the server lines that follow" },
    { "server-template", "<prefix> <num | range> <fqdn>[:<port>] [from <origin>] [params*]",
      IN_BACKEND, .parse = server_parse_line, .flags = KWF_STRICT_PLACE,
      .help = "several servers of the same settings" },
    { 0 },
};
