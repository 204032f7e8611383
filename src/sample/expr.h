/* expr.h - parsed expressions: a fetch and a chain of converters. */
#ifndef SAMPLE_EXPR_H
#define SAMPLE_EXPR_H

#include "sample/sample.h"

struct cfg;
struct cfg_loc;
struct expr;
struct acl_list;

/** Parses "fetch(args),conv(args),..." from word *at (it may span words as HAProxy allows, e.g. in
 * tcp-request track).
 *
 * where  mask of enum sample_point at which it will run: a fetch that cannot work there is an
 * error, as HAProxy words it Returns NULL after cfg_error(). The expression lives in c->arena.
 * Names (proxies, tables, ACLs) are resolved by expr_resolve_all() from the module's check(). */
MUST_CHECK struct expr *expr_parse(struct cfg *c, unsigned *at, struct proxy *px, unsigned where);
/** The same from a string: `loc` for messages. `used` receives how many bytes were taken; if NULL
 * all must be. */
MUST_CHECK struct expr *expr_parse_text(struct cfg *c, const char *text, size_t *used,
                                        struct proxy *px, unsigned where);

/** The two above for callers whose messages put their own words around the text: nothing is
 * reported, *err receives the text (heap), and expr_hint() what may have been meant, or NULL (valid
 * until the next parse). */
MUST_CHECK struct expr *expr_parse_err(struct cfg *c, unsigned *at, struct proxy *px,
                                       unsigned where, char **err);
MUST_CHECK struct expr *expr_parse_text_err(struct cfg *c, const char *text, size_t *used,
                                            struct proxy *px, unsigned where, char **err);
const char *expr_hint(void);
/** What HAProxy calls the sources of a fetch with these needs: "HTTP request headers". Valid until
 * the next call. */
const char *fetch_needs_name(unsigned needs);

/** Runs it; false when there is no value (out->flags & SMPF_MAY_CHANGE: not yet). */
HOT bool expr_eval(const struct expr *e, struct sample_ctx *x, struct sample *out);
/** The next occurrence after one that had SMPF_NOT_LAST. Set SMPO_ITERATE in x->opt for all of
 * them. */
bool expr_eval_next(const struct expr *e, struct sample_ctx *x, struct sample *out);
/** Runs and casts. */
bool expr_eval_as(const struct expr *e, struct sample_ctx *x, enum sample_type t,
                  struct sample *out);

enum sample_type expr_type(const struct expr *e); /* static result type (SMP_ANY when unknown) */
unsigned expr_needs(const struct expr *e);        /* union of enum fetch_need */
/** The row of its fetch, and the arguments, as many as the row has. */
const struct fetch *expr_fetch(const struct expr *e);
const char *expr_text(const struct expr *e); /* source text, for messages and explain */
/** True when both are the same fetch with the same arguments and converters (indexed dispatch). */
bool expr_same(const struct expr *a, const struct expr *b);

/** Fetch/converter lookups over all modules (hash index built on first use). */
const struct fetch *fetch_find(struct slice name);
const struct conv *conv_find(struct slice name);
/** Adds a row at configuration time (Lua). It must live as long as the process. False when the name
 * is taken. */
bool fetch_register(const struct fetch *f);
bool conv_register(const struct conv *v);
/** Forgets the index: for tests and after the process's modules changed. */
void expr_lookup_fini(void);
/** Points at which a fetch with these needs works. */
unsigned fetch_needs_points(unsigned needs);

/** How names inside arguments become objects; set once by proxy/ (keeps layers apart). Each returns
 * NULL when unknown. */
struct name_resolver {
    struct proxy *(*frontend)(struct cfg *c, const char *name);
    struct proxy *(*backend)(struct cfg *c, const char *name);
    struct server *(*server)(struct cfg *c, struct proxy *px, const char *name);
    struct stick_table *(*table)(struct cfg *c, struct proxy *px, const char *name);
    struct userlist *(*userlist)(struct cfg *c, const char *name);
    bool (*has_group)(const struct userlist *l, struct slice name);
    const char *(*proxy_name)(const struct proxy *px);
    /** The named ACLs of a proxy, for the acl() fetch. */
    struct acl_list *(*acls)(const struct proxy *px);
};
extern struct name_resolver name_resolver;
/** Resolves what was parsed; called from the sample module's check(). */
void expr_resolve_all(struct cfg *c);

#endif
