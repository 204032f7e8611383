/* rules.c - stick rules: parsing, matching, storing. */
#include "stick/rules.h"

#include <stdlib.h>
#include <string.h>

/* ---- configuration ---- */

static struct {
    const char *name;
    bool match, store_req, store_res;
} const kinds[] = {
    { "on", true, true, false },
    { "match", true, false, false },
    { "store-request", false, true, false },
    { "store-response", false, false, true },
};

static void
add_rule(struct cfg *c, struct list *to, const struct stick_rule *r)
{
    struct stick_rule *copy = ARENA_NEW(c->arena, struct stick_rule);

    *copy = *r;
    list_push_back(to, &copy->link);
}

enum cfg_rc
stick_rule_parse(struct cfg *c, unsigned at, struct proxy *px, struct acl_list *acls,
                 const struct stick_rule_lists *to)
{
    struct stick_rule r = { .loc = cfg_loc_of(c, 0) };
    unsigned k = 0;

    while (k < COUNT_OF(kinds) && !cfg_arg_is(c, at, kinds[k].name))
        k++;
    if (k == COUNT_OF(kinds))
        return cfg_error(c, at, "'stick' expects 'on', 'match', or 'store'.");
    if (++at >= c->nwords)
        return cfg_error(c, CFG_WHOLE_LINE, "'stick' expects a fetch method.");
    unsigned where = kinds[k].store_res ? PT_STORE : PT_SRV;
    unsigned first = at;
    char *err;
    r.expr = expr_parse_err(c, &at, px, PT_ANY, &err);
    if (!r.expr) {
        cfg_error(c, first, "'stick': %s", err);
        if (expr_hint())
            cfg_hint(c, "%s", expr_hint());
        free(err);
        return CFG_ERR;
    }
    if (!(fetch_needs_points(expr_needs(r.expr)) & where))
        return cfg_error(
            c, first,
            "'stick': fetch method '%s' extracts information from '%s', none of which is "
            "available %s.",
            expr_fetch(r.expr)->name, fetch_needs_name(expr_needs(r.expr)),
            kinds[k].store_res ? "for 'store-response'" : "during request");
    if (cfg_arg_is(c, at, "table")) {
        r.table_name = cfg_arg(c, at + 1);
        at += 2;
    }
    if (cond_starts(c, at)) {
        r.cond = cond_parse(c, at, px, acls, where);
        if (!r.cond)
            return CFG_ERR;
    } else if (at < c->nwords) {
        return cfg_error(c, at, "'stick': unknown keyword '%s'.", cfg_arg(c, at));
    }
    if (kinds[k].match)
        add_rule(c, to->match, &r);
    if (kinds[k].store_req)
        add_rule(c, to->store_req, &r);
    if (kinds[k].store_res)
        add_rule(c, to->store_res, &r);
    return CFG_OK;
}

static bool
type_fits(const struct stick_rule *r)
{
    static const enum sample_type key[STICK_TYPES] = {
        [STICK_IP] = SMP_IPV4,    [STICK_IPV6] = SMP_IPV6,  [STICK_INTEGER] = SMP_SINT,
        [STICK_STRING] = SMP_STR, [STICK_BINARY] = SMP_BIN,
    };
    enum sample_type from = expr_type(r->expr);

    return from == SMP_ANY || sample_can_cast(from, key[r->table->type]);
}

static void
check_rule(struct cfg *c, const char *px_name, const struct list *tables, struct stick_rule *r)
{
    const char *name = r->table_name ? r->table_name : px_name;

    r->table = stick_table_find(tables, name);
    if (!r->table) {
        cfg_error_at(c, &r->loc, DIAG_BARE "Proxy '%s': unable to find stick-table '%s'.", px_name,
                     name);
    } else if (!type_fits(r)) {
        cfg_error_at(c, &r->loc,
                     DIAG_BARE
                     "Proxy '%s': type of fetch not usable with type of stick-table '%s'.",
                     px_name, name);
    } else {
        stick_table_store(r->table, STICK_SERVER_ID);
        stick_table_store(r->table, STICK_SERVER_KEY);
    }
}

void
stick_rules_check(struct cfg *c, const char *px_name, const struct list *tables,
                  const struct stick_rule_lists *lists)
{
    const struct list *all[] = { lists->match, lists->store_req, lists->store_res };
    struct stick_rule *r;

    for (unsigned i = 0; i < COUNT_OF(all); i++)
        list_each (r, all[i], link)
            check_rule(c, px_name, tables, r);
}

/* ---- running ---- */

/* The key that the rule takes from what x looks at. False: the rule does not apply. */
static bool
rule_key(const struct stick_rule *r, struct sample_ctx *x, struct stick_key *k)
{
    struct sample s = { 0 };

    if (r->cond && cond_eval(r->cond, x) != COND_PASS)
        return false;
    return expr_eval(r->expr, x, &s) && stick_key_sample(r->table, &s, x, k);
}

bool
stick_match(const struct list *rules, struct sample_ctx *x, int64_t now_ms, struct stick_hit *hit)
{
    const struct list *at = hit->rule ? hit->rule->link.next : rules->next;

    for (; at != rules; at = at->next) {
        const struct stick_rule *r = list_entry(at, struct stick_rule, link);
        struct stick_key k;
        uint64_t id = 0;
        if (!rule_key(r, x, &k))
            continue;
        struct stick_entry *e = stick_lookup(r->table, &k, now_ms);
        if (!e)
            continue;
        if (!stick_server_key(r->table, e, hit->server_key, sizeof(hit->server_key)))
            hit->server_key[0] = '\0';
        stick_read(r->table, e, STICK_SERVER_ID, 0, now_ms, &id);
        hit->server_id = (unsigned)id;
        hit->rule = r;
        stick_touch(r->table, e, now_ms);
        stick_unref(e);
        if (hit->server_id || hit->server_key[0])
            return true;
    }
    return false;
}

static bool
has_table(const struct stick_store *st, const struct stick_table *t)
{
    for (unsigned i = 0; st && i < st->n; i++)
        if (st->v[i].table == t)
            return true;
    return false;
}

void
stick_store_collect(struct stick_store **st, const struct list *rules, struct sample_ctx *x,
                    struct arena *arena)
{
    struct stick_rule *r;

    list_each (r, rules, link) {
        struct stick_key k;
        if (has_table(*st, r->table) || !rule_key(r, x, &k))
            continue;
        if (!*st)
            *st = ARENA_NEW(arena, struct stick_store);
        if (!*st || (*st)->n == STICK_STORES_MAX)
            return;
        struct stick_key *to = &(*st)->v[(*st)->n].key;
        char *p = k.len <= sizeof(to->buf) ? to->buf : arena_alloc(arena, k.len);
        if (!p)
            return;
        memcpy(p, k.p, k.len);
        to->p = p;
        to->len = k.len;
        (*st)->v[(*st)->n++].table = r->table;
    }
}

void
stick_store_commit(struct stick_store *st, unsigned server_id, struct slice name, struct slice addr,
                   int64_t now_ms)
{
    for (unsigned i = 0; st && i < st->n; i++) {
        struct stick_table *t = st->v[i].table;
        struct stick_entry *e = stick_get(t, &st->v[i].key, now_ms, NULL);
        if (!e)
            continue;
        stick_set(t, e, STICK_SERVER_ID, 0, now_ms, server_id);
        stick_set_server_key(t, e, t->srvkey_addr ? addr : name);
        stick_touch(t, e, now_ms);
        stick_unref(e);
    }
    if (st)
        st->n = 0;
}
