/* acl.h - conditions: named and anonymous ACLs, `if`/`unless`. Manual 7.1 and 7.2. */
#ifndef SAMPLE_ACL_H
#define SAMPLE_ACL_H

#include "sample/expr.h"

struct acl;
struct acl_list; /* the named ACLs of one proxy */
struct cond;

enum cond_result { COND_FAIL = 0, COND_PASS = 1, COND_MISS = 2 /* needs more data */ };

/** `acl <name> <criterion> [flags] [op] <value>...`: words from `at`. Adds to *list (made on first
 * use). */
enum cfg_rc acl_parse(struct cfg *c, unsigned at, struct acl_list **list, struct proxy *px);
/** Copies the ACLs of a defaults section into a proxy's list. */
void acl_inherit(struct acl_list **to, const struct acl_list *from, struct arena *arena);

/** Parses a condition from word `at` ("if"/"unless" expected there unless `bare`) to the end of the
 * line. `where` is the mask of points it will run at; ACLs that cannot work there give HAProxy's
 * warning. NULL after an error. Inverts for `unless`. */
MUST_CHECK struct cond *cond_parse(struct cfg *c, unsigned at, struct proxy *px,
                                   struct acl_list *acls, unsigned where);
/** The same without reporting: *err receives the text (heap) for the caller's message; expr_hint()
 * what was meant. */
MUST_CHECK struct cond *cond_parse_err(struct cfg *c, unsigned at, struct proxy *px,
                                       struct acl_list *acls, unsigned where, char **err);
/** True when word `at` is "if" or "unless". */
bool cond_starts(const struct cfg *c, unsigned at);

/** Whether it passes now. COND_MISS only while data may still come (no SMPO_FINAL). */
HOT enum cond_result cond_eval(const struct cond *cond, struct sample_ctx *x);
const char *cond_text(const struct cond *cond);
/** "matched: acl is_api (path_beg /api/)"-style account of the last evaluation, for explain. */
void cond_explain(const struct cond *cond, struct sample_ctx *x, struct text *out);

/** One test that a condition made. */
struct acl_test {
    const char *acl;  /* name; NULL: anonymous */
    const char *text; /* criterion, flags and values as written */
    enum cond_result result;
    bool has_value; /* what the criterion gave; not known where asking twice would change something
                     */
    struct sample value;
};
/** Tracing for explain: called for every test made, in order. NULL: off. */
extern __thread void (*acl_trace)(const struct acl_test *t, struct sample_ctx *x);

/** The legacy name number `i`, the fetch and the match method it stands for: for -dK. False past
 * the last. */
bool acl_alias_nth(unsigned i, const char **name, const char **fetch, const char **match);

/** Indexed dispatch: a run of `n` conditions, each a single positive ACL term on the same
 * expression and match method, becomes one index. Returns NULL when they are not alike. */
struct cond_index *cond_index_new(struct arena *arena, const struct cond *const *cond, unsigned n);
/** First i in 0..n-1 whose condition passes, n when none does, -1 when data is missing. */
int cond_index_eval(const struct cond_index *ix, struct sample_ctx *x);
/** How many of cond[0..n) from the first are alike. */
unsigned cond_index_run(const struct cond *const *cond, unsigned n);

#endif
