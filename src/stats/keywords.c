/* keywords.c - `stats ...` lines of proxies; what the statistics need at start. */
#include "stats/uri.h"

#include "config/module.h"
#include "config/tune.h"
#include "proxy/stream_int.h"
#include "rules/rule.h"
#include "sample/acl.h"

#include <stdlib.h>

#define EXPECTED                                                                                   \
    "'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', "            \
    "'show-desc' or 'show-legends'"

static const char default_uri[] = "/haproxy?stats", default_realm[] = "HAProxy Statistics";

/* The proxy's own settings: a line in a proxy replaces all that its defaults said. */
static struct stats_uri *
settings_of(struct cfg *c, struct proxy *px)
{
    struct stats_uri *st = px->stats;

    if (st && st->owner == px)
        return st;
    st = ARENA_NEW(c->arena, struct stats_uri);
    st->owner = px;
    st->uri = slice_str(default_uri);
    st->realm = default_realm;
    list_init(&st->users);
    list_init(&st->scopes);
    list_init(&st->admins);
    list_init(&st->rules);
    px->stats = st;
    return st;
}

static enum cfg_rc
parse_other(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, CFG_WHOLE_LINE,
                         DIAG_TIGHT "missing keyword in 'stats', expects " EXPECTED ".");
    /* both need rules, which defaults sections do not have */
    if (c->where & IN_DEFAULTS && cfg_arg_is(c, *at, "admin"))
        return cfg_error(c, 0, DIAG_TIGHT "'stats admin' not allowed in 'defaults' section.");
    if (c->where & IN_DEFAULTS && cfg_arg_is(c, *at, "http-request"))
        return cfg_error(c, 0, DIAG_TIGHT "'stats' not allowed in 'defaults' section.");
    return cfg_error(c, *at, DIAG_TIGHT "unknown stats parameter '%s', expects " EXPECTED ".",
                     cfg_arg(c, *at));
}

static enum cfg_rc
parse_enable(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    settings_of(c, obj);
    *at = c->nwords; /* HAProxy ignores what follows */
    return CFG_OK;
}

static enum cfg_rc
parse_uri(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (!*cfg_arg(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "'uri' needs an URI prefix.");
    settings_of(c, obj)->uri = slice_str(cfg_arg(c, *at));
    *at = c->nwords;
    return CFG_OK;
}

static enum cfg_rc
parse_realm(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (!*cfg_arg(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "'realm' needs an realm name.");
    settings_of(c, obj)->realm = cfg_arg(c, *at);
    *at = c->nwords;
    return CFG_OK;
}

static enum cfg_rc
parse_auth(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct slice pass, name = slice_cut(slice_str(cfg_arg(c, *at)), ':', &pass);

    if (!name.len && !pass.p)
        return cfg_error(c, CFG_WHOLE_LINE, "'auth' needs a user:password account.");
    struct stats_user *u = ARENA_NEW(c->arena, struct stats_user);
    u->name = name;
    u->pass = pass.p ? pass : SL("");
    list_push_back(&settings_of(c, obj)->users, &u->link);
    *at = c->nwords;
    return CFG_OK;
}

static enum cfg_rc
parse_scope(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (!*cfg_arg(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "'scope' needs a proxy name.");
    struct stats_scope *s = ARENA_NEW(c->arena, struct stats_scope);
    s->name = cfg_arg(c, *at);
    list_push_back(&settings_of(c, obj)->scopes, &s->link);
    *at = c->nwords;
    return CFG_OK;
}

static enum cfg_rc
parse_refresh(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    uint64_t us = 0;
    const char *text = cfg_arg(c, *at);
    const char *why = *text ? units_parse_time(slice_str(text), 1000000, &us) : NULL;

    if (why)
        return cfg_error(c, *at, DIAG_TIGHT "%s in argument to stats refresh interval.", why);
    settings_of(c, obj)->refresh_s = (int)MIN(us / 1000000, (uint64_t)INT32_MAX);
    *at = c->nwords;
    return CFG_OK;
}

/** Rows whose only effect is a flag: .min sets, .max clears. */
static enum cfg_rc
parse_flag(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct stats_uri *st = settings_of(c, obj);

    st->flags = (st->flags | (unsigned)kw->min) & ~(unsigned)kw->max;
    *at = c->nwords;
    return CFG_OK;
}

static enum cfg_rc
parse_node(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct stats_uri *st = settings_of(c, obj);

    if (*at < c->nwords)
        st->node = cfg_arg(c, *at);
    st->flags |= STATU_NODE;
    *at = c->nwords;
    return CFG_OK;
}

static enum cfg_rc
parse_desc(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct stats_uri *st = settings_of(c, obj);
    struct text t = { 0 };

    for (; *at < c->nwords; ++*at)
        text_printf(&t, "%s%s", t.len ? " " : "", cfg_arg(c, *at));
    if (t.len)
        st->desc = arena_slicedup(c->arena, text_get(&t));
    else if (!tune.description)
        cfg_warn(c, CFG_WHOLE_LINE,
                 DIAG_TIGHT
                 "'show-desc' requires a parameter or 'desc' to be set in the global section.");
    text_fini(&t);
    st->flags |= STATU_DESC;
    return CFG_OK;
}

static enum cfg_rc
parse_admin(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    char *err = NULL;

    if (!cond_starts(c, *at))
        return cfg_error(c, *at,
                         "'stats admin' requires either 'if' or 'unless' followed by a condition.");
    struct cond *cond =
        cond_parse_err(c, *at, px, px->acls, rule_set_points(RS_HTTP_REQ, px), &err);
    if (!cond) {
        cfg_error(c, *at, "error detected while parsing a 'stats admin' rule : %s.",
                  err ? err : "bad condition");
        if (expr_hint())
            cfg_hint(c, "%s", expr_hint());
        free(err);
        return CFG_ERR;
    }
    struct stats_admin *a = ARENA_NEW(c->arena, struct stats_admin);
    a->cond = cond;
    list_push_back(&settings_of(c, px)->admins, &a->link);
    *at = c->nwords;
    return CFG_OK;
}

static enum cfg_rc
parse_http_request(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    unsigned from = *at;

    *at = c->nwords;
    return rule_parse(c, from, &settings_of(c, px)->rules, px, &px->acls, RS_HTTP_REQ);
}

/* ---- after parsing ---- */

static void
check(struct cfg *c)
{
    struct proxy *px;

    list_each (px, &c->config->proxies, link)
        if (px->stats && px->mode != PX_HTTP && !(px->cap & PX_INTERNAL)) {
            if (px->stats->owner == px)
                cfg_warn_at(c, NULL,
                            "'stats' statement ignored for %s '%s' as it requires HTTP mode.",
                            proxy_kind(px), px->name);
            px->stats = NULL;
        }
    atomic_fetch_add(&stats_process.warnings, c->diags.warnings);
}

static void
on_defaults(struct config *cf)
{
    stream_hooks.stats = stats_request;
    prometheus_install();
}

/** option socket-stats: listeners count, too. */
static bool
on_start(struct config *cf)
{
    struct proxy *px;
    struct listener *li;
    size_t size = cf->nthread * sizeof(struct px_counters);

    list_each (px, &cf->proxies, link) {
        if (!(px->options & PO_SOCKET_STATS))
            continue;
        list_each (li, &px->listeners, link) {
            if (!(li->counters = aligned_alloc(CACHELINE, size)))
                return false;
            memset(li->counters, 0, size);
        }
    }
    return true;
}

static void
on_thread_stop(struct config *cf)
{
    stats_page_thread_stop();
    prometheus_thread_stop();
}

#define DFB (IN_DEFAULTS | IN_PROXY)
static const struct keyword keywords[] = {
    { "stats", "<parameter>", DFB, .parse = parse_other,
      .help = "the statistics page of the proxy" },
    { "stats enable", NULL, DFB, .parse = parse_enable, .help = "offers the statistics page" },
    { "stats uri", "<prefix>", DFB, .parse = parse_uri,
      .help = "where the page is, /haproxy?stats by default" },
    { "stats realm", "<realm>", DFB, .parse = parse_realm,
      .help = "what browsers show when they ask for a password" },
    { "stats auth", "<user>:<passwd>", DFB, .parse = parse_auth,
      .help = "lets a user see the page; others are refused" },
    { "stats scope", "{ <name> | \".\" }", DFB, .parse = parse_scope,
      .help = "shows this proxy, and others only if named" },
    { "stats refresh", "<delay>", DFB, .parse = parse_refresh,
      .help = "seconds after which browsers ask again" },
    { "stats hide-version", NULL, DFB, .parse = parse_flag, .max = STATU_VERSION,
      .help = "does not tell the version (default)" },
    { "stats show-version", NULL, DFB, .parse = parse_flag, .min = STATU_VERSION,
      .help = "tells the version" },
    { "stats show-legends", NULL, DFB, .parse = parse_flag, .min = STATU_LEGENDS,
      .help = "shows addresses, cookies, algorithms" },
    { "stats show-modules", NULL, DFB, .parse = parse_flag, .min = STATU_MODULES,
      .help = "shows the counters of protocols, too" },
    { "stats show-node", "[<name>]", DFB, .parse = parse_node,
      .help = "shows the name of the node" },
    { "stats show-desc", "[<desc>]", DFB, .parse = parse_desc, .help = "shows a description" },
    { "stats admin", "{ if | unless } <cond>", IN_PROXY, .parse = parse_admin,
      .help = "who may change servers on the page" },
    { "stats http-request", "{ allow | deny | auth [realm <realm>] } [{ if | unless } <cond>]",
      IN_PROXY, .parse = parse_http_request, .help = "who may see the page" },
    { 0 },
};
#undef DFB

const struct module stats_module = {
    .name = "statistics",
    .keywords = keywords,
    .defaults = on_defaults,
    .check = check,
    .start = on_start,
    .thread_stop = on_thread_stop,
};
