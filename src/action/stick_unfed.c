/* stick_unfed.c - tables of connections that are read and that nothing fills.
 *
 * Tutorials show `stick-table ... store conn_rate(3s)` with `reject if { src_conn_rate gt 10 }` and
 * leave out the `track-sc0 src` between them: nobody is ever rejected. What they meant is done:
 * connections are tracked by their address, with a warning that names the line to add. */
#include "action/act_stick.h"
#include "action/stick_module.h"
#include "proxy/config.h"
#include "stick/table.h"

#include <stdio.h>

/* Only what counts connections: other tables may be filled by hand. */
static bool
counts_connections(const struct stick_table *t)
{
    static const enum stick_data data[] = { STICK_CONN_CNT, STICK_CONN_RATE, STICK_CONN_CUR };
    unsigned stored = 0, of_connections = 0;

    for (unsigned i = 0; i < STICK_DATA_TYPES; i++)
        stored += stick_has(t, (enum stick_data)i);
    for (unsigned i = 0; i < COUNT_OF(data); i++)
        of_connections += stick_has(t, data[i]);
    return stored && stored == of_connections;
}

static bool
is_unfed(const struct proxy *px)
{
    const struct stick_table *t = px->table;

    return t && proxy_has_fe(px) && t->asked && !t->tracked && !t->peers_name &&
           (t->type == STICK_IP || t->type == STICK_IPV6) && counts_connections(t) &&
           list_empty(&px->stick_match) && list_empty(&px->stick_store_req) &&
           list_empty(&px->stick_store_res);
}

/* In front of the rules, which look at what was counted. */
static void
track(struct cfg *c, struct proxy *px, unsigned slot)
{
    struct cfg_word words[3] = { { 0 } }, *old = c->word;
    unsigned nwords = c->nwords;
    struct cfg_loc loc = c->loc;
    const char *raw = c->raw;
    char action[24], line[64];
    int n = snprintf(action, sizeof(action), "track-sc%u", slot);
    int len = snprintf(line, sizeof(line), "tcp-request connection %s src", action);

    cfg_warn_at(c, &px->table->loc,
                "stick-table '%s' is read, but nothing fills it: connections are tracked as by "
                "'%.*s'. Add that line.",
                px->table->name, len, line);
    words[0].s = arena_strdup(c->arena, action);
    words[0].len = (size_t)n;
    words[1].s = arena_strdup(c->arena, "src");
    words[1].len = 3;
    words[2].s = arena_strdup(c->arena, "");
    c->word = words;
    c->nwords = 2;
    c->loc = px->table->loc;
    c->raw = arena_strdup(c->arena, line);
    if (rule_parse(c, 0, &px->tcp_conn_rules, px, &px->acls, RS_TCP_CONN) == CFG_OK) {
        struct list *rule = px->tcp_conn_rules.prev;
        list_del(rule);
        list_push_front(&px->tcp_conn_rules, rule);
    }
    c->word = old;
    c->nwords = nwords;
    c->loc = loc;
    c->raw = raw;
}

static void
check(struct cfg *c)
{
    int slot = stick_free_slot();
    struct proxy *px;

    if (c->diags.errors || slot < 0)
        return;
    list_each (px, &c->config->proxies, link)
        if (is_unfed(px))
            track(c, px, (unsigned)slot);
    stick_actions_check(c);
}

const struct module stick_unfed_module = { .name = "tables that nothing fills", .check = check };
