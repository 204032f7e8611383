/* rules.h - stick rules of backends: stick on, stick match, stick store-request, stick
 * store-response. */
#ifndef STICK_RULES_H
#define STICK_RULES_H

#include "stick/table.h"

#include "sample/acl.h"

#define STICK_STORES_MAX 8u   /* keys stored per request (manual, "stick store-request") */
#define STICK_SRVKEY_MAX 256u /* bytes of a server key that a match hands out */

/** In the configuration's arena. */
struct stick_rule {
    struct list link;
    struct expr *expr;
    struct cond *cond;      /* NULL: always */
    const char *table_name; /* NULL: the proxy's own */
    struct stick_table *table;
    struct cfg_loc loc;
};

/** The three lists of a backend. `stick on` is in the first two. */
struct stick_rule_lists {
    struct list *match, *store_req, *store_res;
};

/** Parses "on|match|store-request|store-response <expr> [table <t>] [{if|unless} <cond>]" from word
 * `at`, the word after `stick`, to the end of the line. */
enum cfg_rc stick_rule_parse(struct cfg *c, unsigned at, struct proxy *px, struct acl_list *acls,
                             const struct stick_rule_lists *to);
/** After parsing: resolves tables (`tables` is the configuration's list), checks types, and makes
 * the tables store servers. Reports errors. */
void stick_rules_check(struct cfg *c, const char *px_name, const struct list *tables,
                       const struct stick_rule_lists *lists);

/** What a match found: a server's number, its key, or both. */
struct stick_hit {
    const struct stick_rule *rule;
    unsigned server_id;                /* 0: none */
    char server_key[STICK_SRVKEY_MAX]; /* "": none; a name, or an address when
                                          rule->table->srvkey_addr */
};

/** Runs `stick match` rules that follow hit->rule (NULL: from the first) until one finds a stored
 * server, whose entry is refreshed. False at the end. The caller goes on when the server cannot be
 * used. */
bool stick_match(const struct list *rules, struct sample_ctx *x, int64_t now_ms,
                 struct stick_hit *hit);

/** Keys waiting for the server to be known; in the stream's arena. */
struct stick_store {
    unsigned n;
    struct {
        struct stick_table *table;
        struct stick_key key;
    } v[STICK_STORES_MAX];
};

/** Runs store rules and keeps their keys in *st (made in `arena` on first need). Only the first key
 * counts for a table. Out of memory loses keys, nothing else. */
void stick_store_collect(struct stick_store **st, const struct list *rules, struct sample_ctx *x,
                         struct arena *arena);
/** Enters the server under all collected keys and empties *st. `name` and `addr` ("ip:port") are
 * those of the server. */
void stick_store_commit(struct stick_store *st, unsigned server_id, struct slice name,
                        struct slice addr, int64_t now_ms);

#endif
