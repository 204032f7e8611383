/* acl_int.h - ACLs and conditions from inside: for acl*.c and cond*.c only. */
#ifndef SAMPLE_ACL_INT_H
#define SAMPLE_ACL_INT_H

#include "config/cfg.h"
#include "sample/acl.h"
#include "sample/expr_int.h"
#include "sample/pattern.h"

/** One test: an expression and the patterns its values are matched against. */
struct acl_expr {
    struct acl_expr *next;
    struct expr *expr;
    enum pat_match match;
    enum sample_type type; /* that values are cast to */
    unsigned nsets;
    struct pat_set **set;
    struct pat_set *inlined; /* the set of the values on the line, also in set[]; NULL: none */
    const char *keyword;     /* ACL keyword or fetch */
    const char *text;        /* as it was written */
};

/** Tests of which one must pass. */
struct acl {
    const char *name; /* NULL: anonymous */
    struct acl_expr *first, **end;
    struct acl *list_next, *hash_next;
};

/** In the configuration's arena, all of it. */
struct acl_list {
    struct acl *first, **end; /* in the order of declaration */
    struct acl **bucket;
    unsigned n, nbuckets;
};

struct cond_term {
    const struct acl *acl;
    bool negated;
    bool last;      /* of its group: the groups are alternatives */
    bool misplaced; /* some of its tests cannot work where the condition runs: they never pass */
};

struct cond {
    unsigned nterms;
    bool unless;
    struct cond_term *term;
    unsigned needs;
    unsigned where; /* points it runs at; 0: anywhere */
    const char *text;
};

/** The legacy names: a fetch with a match method. */
struct acl_alias {
    const char *name, *fetch;
    enum pat_match match;
    bool suffixed; /* the name says how it matches: path_beg */
    bool groups;   /* its values are groups of a userlist */
};
const struct acl_alias *acl_alias_find(struct slice name);
/** Calls `fn` with the name of each. */
void acl_alias_each(void (*fn)(struct suggest *s, const char *name), struct suggest *s);

/** A predefined ACL (manual 7.4), parsed on first use; NULL when there is none of that name, or
 * with *err. */
const struct acl *acl_predefined(struct cfg *c, struct slice name, char **err);
void acl_predefined_offer(struct suggest *s);
void acl_predefined_forget(void);

/** Words of the current line. */
struct acl_words {
    struct cfg *c;
    unsigned from, to; /* [from, to) */
    unsigned at;       /* out: the word that an error is about */
};

/** Parses "criterion [flags] [op] value..." and appends it to the ACL. False with *err. */
MUST_CHECK bool acl_expr_parse(struct acl_words *w, struct proxy *px, struct acl *acl, char **err);
struct acl *acl_new(struct arena *arena, const char *name);
/** By name: of the list, or predefined. NULL without *err: unknown. */
const struct acl *acl_find(struct cfg *c, const struct acl_list *list, struct slice name,
                           char **err);

/** In a list; NULL when it is not there. */
const struct acl *acl_list_get(const struct acl_list *l, struct slice name);
/** Casts a value to what the test's patterns are. */
bool acl_cast(const struct acl_expr *e, struct sample *s, struct sample_ctx *x);
HOT enum cond_result acl_eval(const struct acl *acl, struct sample_ctx *x);
/** Whether two evaluations in a row give the same and change nothing. */
bool expr_is_pure(const struct expr *e);
/** Whether an evaluation changes nothing and gives what the one before it gave, or would have
 * given. */
bool expr_is_harmless(const struct expr *e);

/** The values of a test of http_auth_group are checked at the end of the configuration. `e` NULL:
 * another way of matching was asked for, which is refused then. */
void acl_group_enter(struct cfg *c, struct proxy *px, const struct acl *acl,
                     const struct acl_expr *e);
void acl_groups_check(struct cfg *c);
void acl_groups_forget(void);

/** The list of the proxy whose line is being read, for acl(). */
bool acl_names_check(struct expr_arg *arg, struct cfg *c, char **err);
bool acl_names_fetch(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                     void *private);

#endif
