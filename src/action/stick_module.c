/* stick_module.c - stick tables as a feature of the process: `stick-table` and `stick` lines,
 * stickiness of streams, expiry. */
#include "action/stick_module.h"

#include "action/act_stick.h"
#include "fetch/fetch_stick.h"
#include "proxy/config.h"
#include "proxy/stream_int.h"
#include "stick/rules.h"

#include <stdio.h>

#define EXPIRE_BUDGET 500u /* entries removed at once, of each table: well under a millisecond */

/* ---- keywords ---- */

static enum cfg_rc
parse_stick_table(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    struct stick_table *t;
    enum cfg_rc rc = stick_table_parse(c, *at, px->name, proxy_kind(px), &c->config->tables, &t);

    if (t)
        px->table = t;
    *at = c->nwords;
    return rc;
}

static struct stick_rule_lists
lists_of(struct proxy *px)
{
    return (struct stick_rule_lists){ &px->stick_match, &px->stick_store_req,
                                      &px->stick_store_res };
}

static enum cfg_rc
parse_stick(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    struct stick_rule_lists to = lists_of(px);

    *at = c->nwords;
    if (!proxy_has_be(px)) {
        cfg_warn(c, 0, "'stick' ignored because %s '%s' has no backend capability.", proxy_kind(px),
                 px->name);
        return CFG_OK;
    }
    return stick_rule_parse(c, 1, px, px->acls, &to);
}

/* clang-format off */
#define STICK_ROW(kind, help_)                                                                     \
    { .name = "stick" kind, .args = "<expr> [table <table>] [{if | unless} <cond>]",               \
      .where = IN_PROXY, .parse = parse_stick, .help = help_ }
/* clang-format on */

static const struct keyword keywords[] = {
    { .name = "stick-table",
      .args = "type <type> size <size> [expire <delay>] [nopurge] [recv-only] [write-to <table>] "
              "[srvkey <key>] [brates-factor <n>] [peers <section>] [store <data>[,...]]*",
      .where = IN_PROXY,
      .parse = parse_stick_table,
      .help = "a table of keys and what is counted or remembered about them" },
    STICK_ROW("", "stickiness by tables: on, match, store-request or store-response"),
    STICK_ROW(" on", "sends requests with the same key to the same server"),
    STICK_ROW(" match", "looks for the server of a key"),
    STICK_ROW(" store-request", "remembers the server of a key found in the request"),
    STICK_ROW(" store-response", "remembers the server of a key found in the response"),
    { 0 }
};

/* ---- names ---- */

static struct stick_table *
find_table(struct cfg *c, struct proxy *px, const char *name)
{
    struct stick_table *t = stick_table_find(&c->config->tables, name);

    if (t)
        t->asked = true;
    return t;
}

static void
set_defaults(struct config *cf)
{
    name_resolver.table = find_table;
}

static void
check(struct cfg *c)
{
    struct stick_table *t;
    struct proxy *px;

    stick_tables_check(c, &c->config->tables);
    list_each (t, &c->config->tables, link)
        if (t->peers_name && !t->peers)
            cfg_error_at(c, &t->loc, DIAG_BARE "Proxy '%s': unable to find sync peers '%s'.",
                         t->name, t->peers_name);
    list_each (px, &c->config->proxies, link) {
        struct stick_rule_lists lists = lists_of(px);
        stick_rules_check(c, px->name, &c->config->tables, &lists);
    }
    stick_actions_check(c);
}

/* ---- stickiness of streams ---- */

static struct server *
server_of_hit(const struct proxy *be, const struct stick_hit *hit)
{
    char addr[ADDR_TEXT_MAX];
    struct server *srv;

    if (hit->server_key[0]) {
        if (!hit->rule->table->srvkey_addr)
            return proxy_find_server(be, hit->server_key);
        list_each (srv, &be->servers, link)
            if (strcmp(addr_format(&srv->addr, addr, sizeof(addr)), hit->server_key) == 0)
                return srv;
        return NULL;
    }
    list_each (srv, &be->servers, link)
        if (srv->id == hit->server_id)
            return srv;
    return NULL;
}

/* stick match and stick on; then the keys of store-request rules, whose server is not known yet. */
static void
on_request(struct stream *s)
{
    struct proxy *be = s->be;
    struct sample_ctx *x = stream_ctx(s, be, PT_SRV, SMPO_FINAL);
    struct stick_hit hit = { 0 };

    while (!(s->flags & SF_ASSIGNED) && stick_match(&be->stick_match, x, loop_now_ms(), &hit)) {
        struct server *srv = server_of_hit(be, &hit);
        if (srv && (server_is_usable(srv) || be->options & PO_PERSIST || s->flags & SF_FORCED)) {
            s->srv = srv;
            s->flags |= SF_ASSIGNED;
        }
    }
    stick_store_collect(&s->store, &be->stick_store_req, x, &s->arena);
}

/* The server is known and answers. */
static void
on_response(struct stream *s, bool response)
{
    char addr[ADDR_TEXT_MAX];
    struct server *srv = s->srv;

    if (response)
        stick_store_collect(&s->store, &s->be->stick_store_res,
                            stream_ctx(s, s->be, PT_STORE, SMPO_RES | SMPO_FINAL), &s->arena);
    if (!s->store || !srv)
        return;
    if (srv->flags & SRVF_NON_STICK) {
        s->store->n = 0;
        return;
    }
    addr_format(&srv->addr, addr, sizeof(addr));
    stick_store_commit(s->store, srv->id, slice_str(srv->name), slice_str(addr), loop_now_ms());
}

/* ---- life ---- */

static struct timer expire_timer; /* of the first thread */

static void
on_expire_timer(struct timer *t)
{
    int64_t now_ms = loop_now_ms();

    timer_set(t, now_ms + stick_tables_expire(&config->tables, now_ms, EXPIRE_BUDGET),
              on_expire_timer);
}

static bool
start(struct config *cf)
{
    stream_hooks.stick_match = on_request;
    stream_hooks.stick_store = on_response;
    if (stick_tables_start(&cf->tables))
        return true;
    fputs("steelyard: out of memory for stick tables\n", stderr);
    return false;
}

static bool
thread_start(struct config *cf)
{
    if (loop_tid() == 0 && !list_empty(&cf->tables))
        timer_set(&expire_timer, loop_now_ms() + 1, on_expire_timer);
    return true;
}

static void
thread_stop(struct config *cf)
{
    if (loop_tid() == 0)
        timer_cancel(&expire_timer);
}

static void
stop(struct config *cf)
{
    stick_tables_stop(&cf->tables);
}

const struct module stick_module = {
    .name = "stick",
    .keywords = keywords,
    .fetches = stick_fetches,
    .convs = stick_convs,
    .actions = stick_actions,
    .defaults = set_defaults,
    .check = check,
    .start = start,
    .thread_start = thread_start,
    .thread_stop = thread_stop,
    .stop = stop,
};
