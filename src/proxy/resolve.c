/* resolve.c - after the last line was read: names become pointers, formats are compiled, what
 * cannot work is reported. */
#include "proxy/section.h"
#include "proxy/state_file.h"

#include "config/tune.h"
#include "proxy/listener.h"
#include "proxy/reply.h"
#include "server/check.h"

#include <stdlib.h>

/* ---- names ---- */

static void
hint_backend(struct cfg *c, const char *wrong)
{
    struct suggest s;
    struct proxy *px;

    suggest_init(&s, wrong);
    list_each (px, &c->config->proxies, link)
        if (proxy_has_be(px))
            suggest_offer(&s, px->name);
    if (suggest_result(&s))
        cfg_hint(c, "did you mean '%s'?", suggest_result(&s));
}

static bool
modes_fit(const struct proxy *fe, const struct proxy *be)
{
    return fe->mode == be->mode || (fe->mode == PX_TCP && be->mode == PX_HTTP);
}

static const char *
mode_name(enum px_mode m)
{
    static const char *const names[] = { "tcp", "http", "log", "spop", "cli" };
    return m < COUNT_OF(names) ? names[m] : "?";
}

static void
resolve_default_backend(struct cfg *c, struct proxy *px)
{
    if (!px->default_be_name)
        return;
    struct proxy *be = proxy_find(c->config, px->default_be_name, PX_BE);
    if (!be) {
        cfg_error_at(c, &px->default_be_loc,
                     "Proxy '%s': unable to find required default_backend: '%s'.", px->name,
                     px->default_be_name);
        hint_backend(c, px->default_be_name);
        return;
    }
    if (!modes_fit(px, be)) {
        cfg_error_at(c, &px->default_be_loc,
                     "%s %s '%s' (%s:%u) tries to use incompatible %s %s '%s' (%s:%u) as its "
                     "default backend (see 'mode').",
                     mode_name(px->mode), proxy_kind(px), px->name, px->loc.file, px->loc.line,
                     mode_name(be->mode), proxy_kind(be), be->name, be->loc.file, be->loc.line);
        return;
    }
    px->default_be = be;
    be->referenced = true;
}

static void
resolve_use_backend(struct cfg *c, struct proxy *px)
{
    struct px_switch *sw;

    list_each (sw, &px->switch_rules, link) {
        if (strchr(sw->name, '%')) {
            c->loc = sw->loc;
            sw->dynamic = logfmt_parse(c, CFG_WHOLE_LINE, sw->name, px, PT_SWITCH, false);
            struct slice fixed;
            if (!sw->dynamic || !logfmt_is_const(sw->dynamic, &fixed))
                continue;
            sw->name = arena_slicedup(c->arena, fixed);
            sw->dynamic = NULL;
        }
        sw->be = proxy_find(c->config, sw->name, PX_BE);
        if (!sw->be) {
            cfg_error_at(c, &sw->loc, "Proxy '%s': unable to find required use_backend: '%s'.",
                         px->name, sw->name);
            hint_backend(c, sw->name);
        } else if (!modes_fit(px, sw->be)) {
            cfg_error_at(c, &sw->loc,
                         "%s %s '%s' (%s:%u) tries to use incompatible %s %s '%s' (%s:%u) in a "
                         "'use_backend' rule (see 'mode').",
                         mode_name(px->mode), proxy_kind(px), px->name, px->loc.file, px->loc.line,
                         mode_name(sw->be->mode), proxy_kind(sw->be), sw->be->name,
                         sw->be->loc.file, sw->be->loc.line);
        } else {
            sw->be->referenced = true;
        }
    }
}

/* Runs of conditions that differ only in their patterns become one lookup. */
static void
index_use_backend(struct cfg *c, struct proxy *px)
{
    unsigned n = 0, i = 0;
    struct px_switch *sw;

    list_each (sw, &px->switch_rules, link)
        n++;
    if (n < 2)
        return;
    const struct cond **conds = xcalloc(n, sizeof(*conds));
    struct px_switch **all = arena_zalloc(c->arena, n * sizeof(struct px_switch *));
    list_each (sw, &px->switch_rules, link) {
        conds[i] = sw->cond;
        all[i++] = sw;
    }
    for (i = 0; i < n;) {
        unsigned run = conds[i] ? cond_index_run(conds + i, n - i) : 0;
        if (run > 1 && (all[i]->run = cond_index_new(c->arena, conds + i, run))) {
            all[i]->members = all + i;
            all[i]->run_len = run;
        }
        i += run > 1 ? run : 1;
    }
    free(conds);
}

static void
resolve_use_server(struct cfg *c, struct proxy *px)
{
    struct px_switch *sw;

    list_each (sw, &px->server_rules, link) {
        if (strchr(sw->name, '%')) {
            c->loc = sw->loc;
            sw->dynamic = logfmt_parse(c, CFG_WHOLE_LINE, sw->name, px, PT_SRV, false);
            continue;
        }
        sw->srv = proxy_find_server(px, sw->name);
        if (sw->srv)
            continue;
        cfg_error_at(c, &sw->loc,
                     "%s '%s' : unable to find server '%s' referenced in a 'use-server' rule.",
                     proxy_kind(px), px->name, sw->name);
        struct suggest s;
        struct server *srv;
        suggest_init(&s, sw->name);
        list_each (srv, &px->servers, link)
            suggest_offer(&s, srv->name);
        if (suggest_result(&s))
            cfg_hint(c, "did you mean '%s'?", suggest_result(&s));
    }
}

/* ---- formats ---- */

static void
compile_formats(struct cfg *c, struct proxy *px)
{
    bool http = px->mode == PX_HTTP;

    if (!(px->cap & PX_FE))
        return;
    if (px->logfmt_text && !http && strncmp(px->logfmt_name, "option http", 11) == 0) {
        cfg_warn_at(
            c, &px->logfmt_loc,
            "'%s' not usable with %s '%s' (needs 'mode http'). Falling back to 'option tcplog'.",
            px->logfmt_name, proxy_kind(px), px->name);
        px->logfmt_text = strstr(px->logfmt_name, "clf") ? log_fmt_tcp_clf : log_fmt_tcp;
    }
    c->loc = px->logfmt_loc;
    if (px->logfmt_text)
        px->logfmt = logfmt_parse(c, CFG_WHOLE_LINE, px->logfmt_text, px, PT_LOG, false);
    if (px->logfmt_sd_text)
        px->logfmt_sd = logfmt_parse(c, CFG_WHOLE_LINE, px->logfmt_sd_text, px, PT_LOG, true);
    if (px->logfmt_error_text)
        px->logfmt_error =
            logfmt_parse(c, CFG_WHOLE_LINE, px->logfmt_error_text, px, PT_LOG, false);
    const struct logfmt_opt unique = { .where = http ? PT_FE_HTTP_REQ : PT_FE_TCP_REQ,
                                       .flags = LOGF_MERGE | LOGF_HTTP };
    if (px->unique_id_text)
        px->unique_id_fmt = logfmt_compile(c, CFG_WHOLE_LINE, px->unique_id_text, px, &unique);
    if (px->logfmt_text && !log_enabled(&px->log) && !px->defaults_gave_format)
        cfg_warn_at(c, NULL, "log format ignored for %s '%s' since it has no log address.",
                    proxy_kind(px), px->name);
}

/* ---- warnings ---- */

static void
warn_timeouts(struct cfg *c, struct proxy *px)
{
    const struct px_timeouts *t = &px->timeout;
    bool fe = px->cap & PX_FE && !t->client;
    bool be = px->cap & PX_BE && !list_empty(&px->servers) && (!t->connect || !t->server);

    if (!fe && !be)
        return;
    cfg_warn_at(c, NULL,
                "missing timeouts for %s '%s'.\n"
                "   | While not properly invalid, you will certainly encounter various problems\n"
                "   | with such a configuration. To fix this, please ensure that all following\n"
                "   | timeouts are set to a non-zero value: 'client', 'connect', 'server'.",
                proxy_kind(px), px->name);
}

/** Rules of checks that the options make useless. */
static void
warn_checks(struct cfg *c, struct proxy *px)
{
    if (px->check)
        check_conf_warn(c, px->check, proxy_kind(px), px->name);
}

static void
warn_http_only(struct cfg *c, struct proxy *px)
{
    const char *kind = proxy_kind(px);

    if (px->mode == PX_HTTP)
        return;
    if (!list_empty(&px->http_req_rules))
        cfg_warn_at(c, NULL, "'http-request' rules ignored for %s '%s' as they require HTTP mode.",
                    kind, px->name);
    if (!list_empty(&px->http_res_rules))
        cfg_warn_at(c, NULL, "'http-response' rules ignored for %s '%s' as they require HTTP mode.",
                    kind, px->name);
    if (!list_empty(&px->http_after_rules))
        cfg_warn_at(c, NULL,
                    "'http-after-response' rules ignored for %s '%s' as they require HTTP mode.",
                    kind, px->name);
    if (!list_empty(&px->redirect_rules))
        cfg_warn_at(c, NULL, "'redirect' rules ignored for %s '%s' as they require HTTP mode.",
                    kind, px->name);
    if (px->monitor_uri && px->cap & PX_FE)
        cfg_warn_at(c, NULL, "monitor-uri will be ignored for %s '%s' (needs 'mode http').", kind,
                    px->name);
    if (px->fwdfor.on)
        cfg_warn_at(c, NULL, "'option %s' ignored for %s '%s' as it requires HTTP mode.",
                    "forwardfor", kind, px->name);
    if (px->origto.on)
        cfg_warn_at(c, NULL, "'option %s' ignored for %s '%s' as it requires HTTP mode.",
                    "originalto", kind, px->name);
    if (px->cookie_name && px->cap & PX_BE) {
        cfg_warn_at(c, NULL, "cookie will be ignored for %s '%s' (needs 'mode http').", kind,
                    px->name);
        px->cookie_name = NULL;
    }
    if (px->forwarded)
        cfg_warn_at(c, NULL, "'option %s' ignored for %s '%s' as it requires HTTP mode.",
                    "forwarded", kind, px->name);
    px->fwdfor.on = px->origto.on = false;
    px->forwarded = NULL;
}

/* The option's default depends on the mode (3.3). */
static void
default_options(struct proxy *px)
{
    if (px->mode == PX_HTTP && px->cap & PX_BE && !(px->options & PO_NO_ABORTONCLOSE))
        px->options |= PO_ABORTONCLOSE;
    if (px->mode == PX_HTTP) {
        list_splice_back(&px->block_rules, &px->http_req_rules);
        list_splice_back(&px->http_req_rules, &px->block_rules);
    }
}

void
proxies_assign_ids(struct config *cf)
{
    struct proxy *px, *other;

    list_each (px, &cf->proxies, link) {
        if (px->id)
            continue;
        bool taken;
        do {
            taken = false;
            list_each (other, &cf->proxies, link)
                taken |= other->id == cf->next_id;
            cf->next_id += taken;
        } while (taken && cf->nproxies < 1000);
        px->id = cf->next_id++;
    }
}

void
proxy_check(struct cfg *c, struct proxy *px)
{
    if (px->cap & PX_FE && list_empty(&px->binds))
        cfg_warn_at(
            c, NULL,
            "%s '%s' has no 'bind' directive. Please declare it as a backend if this was intended.",
            proxy_kind(px), px->name);
    if (px->cap & PX_FE) {
        resolve_default_backend(c, px);
        resolve_use_backend(c, px);
        index_use_backend(c, px);
    }
    if (px->cap & PX_BE) {
        server_check_backend(c, px);
        px->lb.http = px->mode == PX_HTTP;
        px->lb.fullconn = &px->fullconn;
        px->lb.be_conn = &px->be_conn;
        px->lb.http = px->mode == PX_HTTP;
        lb_check(c, &px->lb, px->name);
        resolve_use_server(c, px);
        px->queue.redispatch = px->options & PO_REDISPATCH && !(px->options & PO_PERSIST);
        px->lb.allbackups = px->options & PO_ALLBACKUPS;
    }
    warn_timeouts(c, px);
    warn_checks(c, px);
    compile_formats(c, px);
    warn_http_only(c, px);
    default_options(px);
}

/* A backend that says nothing about its mode follows the HTTP frontend that uses it, as tutorials
 * expect. */
static void
adopt_mode(struct cfg *c, const struct proxy *fe, const char *name)
{
    struct proxy *be = name ? proxy_find(c->config, name, PX_BE) : NULL;

    if (!be || be->mode_written || be->mode != PX_TCP || be->cap & PX_FE)
        return;
    be->mode = PX_HTTP;
    be->mode_written = true;
    cfg_warn_at(c, &be->loc,
                "backend '%s' has no 'mode': taken as 'mode http' because frontend '%s' uses it.",
                be->name, fe->name);
}

static void
adopt_modes(struct cfg *c)
{
    struct proxy *px;
    struct px_switch *sw;

    list_each (px, &c->config->proxies, link) {
        if (!(px->cap & PX_FE) || px->mode != PX_HTTP)
            continue;
        adopt_mode(c, px, px->default_be_name);
        list_each (sw, &px->switch_rules, link)
            adopt_mode(c, px, sw->name);
    }
}

void
proxies_check(struct cfg *c)
{
    struct proxy *px;

    proxies_assign_ids(c->config);
    state_files_read(c);
    adopt_modes(c);
    list_each (px, &c->config->proxies, link)
        if (!px->disabled && !(px->cap & PX_INTERNAL))
            proxy_check(c, px);
    state_files_apply(c);
}

/* ---- starting ---- */

static void
add_to_fullconn(struct proxy *be, const struct proxy *fe)
{
    if (!be || be->fullconn_of == fe)
        return; /* counted already */
    be->fullconn_of = fe;
    be->fullconn_sum += fe->maxconn ? fe->maxconn : tune.maxconn;
}

/* Without `fullconn`: a tenth of what all frontends may send there (manual). Names that are only
 * known at run time do not count. */
static void
default_fullconn(struct config *cf)
{
    struct px_switch *sw;
    struct proxy *px;

    list_each (px, &cf->proxies, link) {
        if (!proxy_has_fe(px) || px->disabled)
            continue;
        list_each (sw, &px->switch_rules, link)
            add_to_fullconn(sw->be, px);
        add_to_fullconn(px->default_be ? px->default_be : proxy_has_be(px) ? px : NULL, px);
    }
    list_each (px, &cf->proxies, link)
        if (proxy_has_be(px) && !px->fullconn)
            px->fullconn = MAX(1u, (px->fullconn_sum + 9) / 10);
}

bool
proxy_start(struct proxy *px, unsigned nthread, int64_t now_s)
{
    size_t size = nthread * sizeof(struct px_counters);
    struct server *srv;

    _Static_assert(sizeof(struct px_counters) % CACHELINE == 0, "whole cache lines");
    px->fe_counters = aligned_alloc(CACHELINE, size);
    px->be_counters = aligned_alloc(CACHELINE, size);
    if (!px->fe_counters || !px->be_counters)
        return false;
    memset(px->fe_counters, 0, size);
    memset(px->be_counters, 0, size);
    px->last_change_s = now_s;
    if (!(px->cap & PX_BE))
        return true;
    list_each (srv, &px->servers, link)
        server_start(srv, nthread);
    lb_start(&px->lb, &px->servers);
    return true;
}

bool
proxies_start(struct config *cf)
{
    struct proxy *px;

    list_each (px, &cf->proxies, link)
        if (!proxy_start(px, cf->nthread, cf->start_wall_us / 1000000))
            return false;
    default_fullconn(cf);
    return true;
}

void
proxies_stop(struct config *cf)
{
    struct proxy *px;
    struct server *srv;

    list_each (px, &cf->proxies, link) {
        if (!(px->cap & PX_BE) || !px->fe_counters)
            continue;
        lb_stop(&px->lb);
        list_each (srv, &px->servers, link)
            server_stop(srv);
    }
    for (px = cf->gone; px; px = px->gone_next)
        lb_stop(&px->lb);
}
