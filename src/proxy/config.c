/* config.c - a configuration generation: its sections frontend, backend, listen, defaults;
 * inheritance; resolving names. */
#include "proxy/config.h"

#include "config/module.h"
#include "config/tune.h"
#include "net/netns.h"
#include "proxy/capture.h"
#include "proxy/listener.h"
#include "proxy/reply.h"
#include "proxy/section.h"
#include "server/server.h"

#include <stdlib.h>
#include <unistd.h>

struct config *config;

#define FIRST_ID 2 /* 3.4: automatic ids begin at 2 */

/* ---- the generation ---- */

void
config_init(struct config *cf)
{
    memset(cf, 0, sizeof(*cf));
    arena_init_config(&cf->arena);
    list_init(&cf->proxies);
    list_init(&cf->defaults);
    list_init(&cf->stats_sockets);
    list_init(&cf->userlists);
    list_init(&cf->http_errors);
    list_init(&cf->errorfiles);
    list_init(&cf->reply_uses);
    list_init(&cf->tables);
    list_init(&cf->cpu_maps);
    list_init(&cf->ext);
    cf->next_id = FIRST_ID;
    cf->uid = cf->gid = -1;
    cf->unix_bind_uid = cf->unix_bind_gid = -1;
    cf->strict_limits = true;
    cf->stats_timeout_ms = 10000;
    cf->stats_maxconn = 10;
    cf->start_dir = -1;
    for (unsigned code = STATUS_SET_MIN; code <= STATUS_SET_MAX; code++) {
        status_set_put(&cf->http_err_codes, code, code >= 400 && code <= 499);
        status_set_put(&cf->http_fail_codes, code, code >= 500 && code != 501 && code != 505);
    }
    config = cf;
    for (unsigned m = 0; modules[m]; m++)
        if (modules[m]->defaults)
            modules[m]->defaults(cf);
}

void
config_fini(struct config *cf)
{
    struct proxy *px;
    struct listener *li;

    listeners_free(cf);
    netns_fini();
    list_each (px, &cf->proxies, link) {
        list_each (li, &px->listeners, link)
            free(li->counters);
        free(px->fe_counters);
        free(px->be_counters);
        lb_queue_fini(&px->queue);
    }
    for (px = cf->gone; px; px = px->gone_next) {
        free(px->fe_counters);
        free(px->be_counters);
        lb_queue_fini(&px->queue);
    }
    htab_fini(&cf->by_name);
    arena_fini(&cf->arena);
    if (config == cf)
        config = NULL;
}

/* ---- proxies ---- */

const char *
proxy_kind(const struct proxy *px)
{
    if (px->cap & PX_DEF)
        return "defaults";
    if ((px->cap & PX_LISTEN) == PX_LISTEN)
        return "proxy";
    return px->cap & PX_FE ? "frontend" : "backend";
}

struct proxy *
proxy_find(struct config *cf, const char *name, unsigned cap)
{
    struct proxy *px = htab_get_str(&cf->by_name, name);

    return px && px->cap & cap ? px : NULL;
}

struct server *
proxy_find_server(const struct proxy *px, const char *name)
{
    struct server *s;

    list_each (s, &px->servers, link)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

unsigned
proxy_usable_servers(const struct proxy *px)
{
    struct server *s;
    unsigned n = 0;

    list_each (s, &px->servers, link)
        n += server_is_usable(s);
    return n;
}

static void
init_lists(struct proxy *px)
{
    struct list *lists[] = {
        &px->binds,          &px->listeners,       &px->tcp_conn_rules,   &px->tcp_sess_rules,
        &px->switch_rules,   &px->monitor_fail,    &px->tcp_req_rules,    &px->tcp_res_rules,
        &px->http_req_rules, &px->http_res_rules,  &px->http_after_rules, &px->error_rules,
        &px->stick_match,    &px->stick_store_req, &px->stick_store_res,  &px->filters,
        &px->servers,        &px->default_servers, &px->server_rules,     &px->force_persist,
        &px->force_switch,   &px->ignore_persist,  &px->block_rules,      &px->redirect_rules,
    };

    for (unsigned i = 0; i < COUNT_OF(lists); i++)
        list_init(lists[i]);
}

struct proxy *
proxy_new(struct config *cf, const char *name, unsigned cap, const struct cfg_loc *loc)
{
    struct proxy *px = ARENA_NEW(&cf->arena, struct proxy);

    px->name = arena_strdup(&cf->arena, name);
    px->cap = cap;
    px->loc = *loc;
    px->config = cf;
    px->mode = PX_TCP;
    px->retries = 3;
    px->retry_on = RETRY_CONN;
    px->redispatch_after = -1;
    px->http_mode = PX_KEEPALIVE;
    px->reuse = PX_REUSE_SAFE;
    px->max_ka_queue = -1;
    px->max_ses_srv_conns = 5;
    init_lists(px);
    lb_queue_init(&px->queue);
    return px;
}

/* Rules of named defaults are run by the proxies made from them: they share the rules. */
static void
share_rules(struct arena *a, struct list *to, const struct list *from)
{
    struct rule *r;

    list_each (r, from, link) {
        struct rule *copy = arena_alloc(a, sizeof(*copy));
        *copy = *r;
        list_push_back(to, &copy->link);
    }
}

/* Everything that a defaults section may set; lists are rebuilt, live state is the proxy's own. */
static void
inherit(struct cfg *c, struct proxy *px, struct proxy *from)
{
    struct arena *a = c->arena;

    px->defaults = from;
    px->mode = from->mode;
    px->mode_written = from->mode_written;
    px->options = from->options;
    px->no_options = from->no_options;
    px->options2 = from->options2;
    px->timeout = from->timeout;
    px->disabled = from->disabled;
    px->logfmt_name = from->logfmt_name;
    px->logfmt_text = from->logfmt_text;
    px->defaults_gave_format = true;
    px->logfmt_sd_text = from->logfmt_sd_text;
    px->logfmt_error_text = from->logfmt_error_text;
    px->logfmt_loc = from->logfmt_loc;
    px->log_steps = from->log_steps;
    px->log_tag = from->log_tag;
    log_inherit(&px->log, &from->log, a);
    px->http_mode = from->http_mode;
    px->fwdfor = from->fwdfor;
    px->origto = from->origto;
    memcpy(px->errors, from->errors, sizeof(px->errors));
    px->stats = from->stats;
    px->compression = from->compression;
    px->unique_id_text = from->unique_id_text;
    px->unique_id_header = from->unique_id_header;
    acl_inherit(&px->acls, from->acls, a);
    share_rules(a, &px->tcp_conn_rules, &from->tcp_conn_rules);
    share_rules(a, &px->tcp_sess_rules, &from->tcp_sess_rules);
    share_rules(a, &px->tcp_req_rules, &from->tcp_req_rules);
    share_rules(a, &px->tcp_res_rules, &from->tcp_res_rules);
    share_rules(a, &px->http_req_rules, &from->http_req_rules);
    share_rules(a, &px->http_res_rules, &from->http_res_rules);
    share_rules(a, &px->http_after_rules, &from->http_after_rules);
    px->req_inspect_ms = from->req_inspect_ms;
    px->res_inspect_ms = from->res_inspect_ms;
    if (px->cap & (PX_FE | PX_DEF)) {
        px->maxconn = from->maxconn;
        px->backlog = from->backlog;
        px->default_be_name = from->default_be_name;
        px->default_be_loc = from->default_be_loc;
        px->rate_limit_sessions = from->rate_limit_sessions;
        px->max_ses_srv_conns = from->max_ses_srv_conns;
        px->monitor_uri = from->monitor_uri;
        px->clitcpka_cnt = from->clitcpka_cnt;
        px->clitcpka_idle_s = from->clitcpka_idle_s;
        px->clitcpka_intvl_s = from->clitcpka_intvl_s;
    }
    if (px->cap & (PX_BE | PX_DEF)) {
        struct lb keep = px->lb;
        px->lb = from->lb;
        px->lb.lock = keep.lock;
        px->fullconn = from->fullconn;
        px->retries = from->retries;
        px->redispatch_after = from->redispatch_after;
        px->retry_on = from->retry_on;
        px->reuse = from->reuse;
        px->ck_opts = from->ck_opts;
        px->cookie_name = from->cookie_name;
        px->cookie_domain = from->cookie_domain;
        px->cookie_attrs = from->cookie_attrs;
        px->cookie_maxidle_s = from->cookie_maxidle_s;
        px->cookie_maxlife_s = from->cookie_maxlife_s;
        px->dyncookie_key = from->dyncookie_key;
        px->check = from->check;
        px->source = from->source;
        px->forwarded = from->forwarded;
        px->max_ka_queue = from->max_ka_queue;
        px->send_name_header = from->send_name_header;
        px->rdp_cookie = from->rdp_cookie;
        px->hash_preserve_affinity = from->hash_preserve_affinity;
        px->state_file = from->state_file;
        px->state_file_name = from->state_file_name;
        px->srvtcpka_cnt = from->srvtcpka_cnt;
        px->srvtcpka_idle_s = from->srvtcpka_idle_s;
        px->srvtcpka_intvl_s = from->srvtcpka_intvl_s;
        px->default_server = server_inherit_template(c, px, from->default_server);
    }
}

struct proxy *
proxy_from(struct cfg *c, const char *name, unsigned cap, struct proxy *from)
{
    struct proxy *px = proxy_new(c->config, name, cap, &c->loc);

    if (from)
        inherit(c, px, from);
    else
        px->default_server = server_inherit_template(c, px, NULL);
    return px;
}

/* ---- section headers ---- */

struct proxy *
proxy_find_defaults(const struct config *cf, const char *name)
{
    struct proxy *px;

    list_each (px, &cf->defaults, link)
        if (strcmp(px->name, name) == 0)
            return px;
    return NULL;
}

/* "<section> <name> [from <defaults>]". */
static enum cfg_rc
header_from(struct cfg *c, unsigned at, struct proxy **from)
{
    *from = c->config->last_defaults;
    if (at >= c->nwords)
        return CFG_OK;
    if (!cfg_arg_is(c, at, "from") && c->section->where & IN_FRONTEND)
        return cfg_error(c, at, "please use the 'bind' keyword for listening addresses.");
    if (!cfg_arg_is(c, at, "from"))
        return cfg_error(c, at, "'%s' cannot handle unexpected argument '%s'.", c->word[0].s,
                         c->word[at].s);
    if (at + 1 >= c->nwords)
        return cfg_error(c, at, "defaults section name expected after 'from'.");
    if (at + 2 < c->nwords)
        return cfg_error(c, at + 2, "'%s' cannot handle unexpected argument '%s'.", c->word[0].s,
                         c->word[at + 2].s);
    *from = proxy_find_defaults(c->config, c->word[at + 1].s);
    if (!*from) {
        cfg_error(c, at + 1, "defaults section '%s' not found for %s '%s'.", c->word[at + 1].s,
                  c->section->where == IN_PROXY ? "proxy" : c->word[0].s, c->word[1].s);
        struct suggest s;
        struct proxy *px;
        suggest_init(&s, c->word[at + 1].s);
        list_each (px, &c->config->defaults, link)
            suggest_offer(&s, px->name);
        if (suggest_result(&s))
            cfg_hint(c, "did you mean '%s'?", suggest_result(&s));
        return CFG_ERR;
    }
    return CFG_OK;
}

const char *
proxy_bad_char(const char *name)
{
    for (; *name; name++)
        if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
              (*name >= '0' && *name <= '9') || strchr(".:-_", *name)))
            return name;
    return NULL;
}

static const char *
kind_of(unsigned cap)
{
    return cap == PX_LISTEN ? "proxy" : cap & PX_FE ? "frontend" : "backend";
}

static bool
has_rules(const struct proxy *px)
{
    return !list_empty(&px->tcp_conn_rules) || !list_empty(&px->tcp_sess_rules) ||
           !list_empty(&px->tcp_req_rules) || !list_empty(&px->tcp_res_rules) ||
           !list_empty(&px->http_req_rules) || !list_empty(&px->http_res_rules) ||
           !list_empty(&px->http_after_rules);
}

static bool
serves_other_side(const struct config *cf, const struct proxy *from, unsigned cap)
{
    const struct proxy *px;

    list_each (px, &cf->proxies, link)
        if (px->defaults == from && !(px->cap & cap))
            return true;
    return false;
}

/* Rules of defaults are for frontends or for backends, so that it is clear where they run (manual,
 * 4.2, `http-request`). */
static enum cfg_rc
check_inherited_rules(struct cfg *c, const struct proxy *from, unsigned cap)
{
    if (!from || !has_rules(from))
        return CFG_OK;
    const char *file = from->loc.file;
    unsigned line = from->loc.line;
    if (cap == PX_DEF)
        return cfg_error(c, CFG_WHOLE_LINE,
                         "a defaults section cannot inherit from a defaults section defining "
                         "TCP/HTTP rules (defaults section at %s:%u).",
                         file, line);
    if (cap == PX_LISTEN)
        return cfg_error(c, CFG_WHOLE_LINE,
                         "a listen section cannot inherit from a defaults section defining "
                         "TCP/HTTP rules.");
    if (cap & PX_FE && !list_empty(&from->tcp_res_rules))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "a frontend section cannot inherit from a defaults section defining "
                         "'tcp-response content' rules (defaults section at %s:%u).",
                         file, line);
    if (cap & PX_BE && (!list_empty(&from->tcp_conn_rules) || !list_empty(&from->tcp_sess_rules)))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "a backend section cannot inherit from a defaults section defining "
                         "'tcp-request connection' or 'tcp-request session' rules (defaults "
                         "section at %s:%u).",
                         file, line);
    if (serves_other_side(c->config, from, cap))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "frontends and backends cannot inherit from the same defaults section if "
                         "it defines TCP/HTTP rules (defaults section at %s:%u).",
                         file, line);
    return CFG_OK;
}

/* Since 3.1: `from` and the runtime API's `add backend` mean the section, everything else the
 * proxy. */
static void
warn_about_defaults(struct cfg *c, unsigned cap, const char *name)
{
    const struct config *cf = c->config;
    const struct proxy *d;

    list_each (d, &cf->defaults, link)
        if (strcmp(d->name, name) == 0) {
            cfg_warn(c, 1, "%s '%s' has the same name as the defaults section declared at %s:%u.",
                     kind_of(cap), name, d->loc.file, d->loc.line);
            return;
        }
}

static enum cfg_rc
begin_proxy(struct cfg *c, unsigned cap)
{
    struct config *cf = c->config;
    struct proxy *from;

    if (c->nwords < 2)
        return cfg_error(c, 0, "'%s' expects an <id> argument", c->word[0].s);
    const char *name = c->word[1].s, *bad = proxy_bad_char(name);
    if (bad)
        return cfg_error(c, 1, "character '%c' is not permitted in '%s' name '%s'.", *bad,
                         c->word[0].s, name);
    struct proxy *old = htab_get_str(&cf->by_name, name);
    if (old)
        return cfg_error(c, 1,
                         "%s '%s' has the same name as %s '%s' declared at %s:%u. This is no "
                         "longer supported as of 3.3. "
                         "Please rename one or the other.",
                         kind_of(cap), name, proxy_kind(old), old->name, old->loc.file,
                         old->loc.line);
    if (header_from(c, 2, &from) != CFG_OK || check_inherited_rules(c, from, cap) != CFG_OK)
        return CFG_ERR;
    warn_about_defaults(c, cap, name);
    struct proxy *px = proxy_from(c, name, cap, from);
    list_push_back(&cf->proxies, &px->link);
    htab_put(&cf->by_name, slice_str(px->name), px);
    cf->nproxies++;
    c->obj = px;
    c->section_name = px->name;
    return CFG_OK;
}

static enum cfg_rc
begin_frontend(struct cfg *c)
{
    return begin_proxy(c, PX_FE);
}

static enum cfg_rc
begin_backend(struct cfg *c)
{
    return begin_proxy(c, PX_BE);
}

static enum cfg_rc
begin_listen(struct cfg *c)
{
    return begin_proxy(c, PX_LISTEN);
}

static enum cfg_rc
begin_defaults(struct cfg *c)
{
    struct config *cf = c->config;
    const char *name = c->nwords > 1 && !cfg_arg_is(c, 1, "from") ? c->word[1].s : "";
    struct proxy *from = NULL;

    unsigned at = *name ? 2 : 1;
    if (at < c->nwords && header_from(c, at, &from) != CFG_OK)
        return CFG_ERR;
    if (check_inherited_rules(c, from, PX_DEF) != CFG_OK)
        return CFG_ERR;
    if (*name) {
        const char *bad = proxy_bad_char(name);
        if (bad)
            return cfg_error(c, 1, "character '%c' is not permitted in '%s' name '%s'.", *bad,
                             c->word[0].s, name);
        c->where |= IN_NAMED_DEFAULTS;
    }
    struct proxy *px = proxy_from(c, name, PX_DEF, from);
    list_push_back(&cf->defaults, &px->link);
    cf->last_defaults = px;
    c->obj = px;
    c->section_name = px->name;
    return CFG_OK;
}

const struct section proxy_sections[] = {
    { "defaults", "[<name>] [from <defaults>]", IN_DEFAULTS, begin_defaults, NULL, NULL,
      "settings that the following proxies start from" },
    { "frontend", "<name> [from <defaults>]", IN_FRONTEND, begin_frontend, NULL, NULL,
      "addresses where clients connect, and what to do with their requests" },
    { "backend", "<name> [from <defaults>]", IN_BACKEND, begin_backend, NULL, NULL,
      "servers, and how requests are spread over them" },
    { "listen", "<name> [from <defaults>]", IN_FRONTEND | IN_BACKEND, begin_listen, NULL, NULL,
      "a frontend and a backend in one" },
    { 0 },
};
