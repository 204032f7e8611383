/* expr_int.h - what the expression parser shares with ACLs: for files of this folder only. */
#ifndef SAMPLE_EXPR_INT_H
#define SAMPLE_EXPR_INT_H

#include "config/cfg.h"
#include "sample/expr.h"

/** One criterion of an ACL, "fetch(args),conv,...": a single word, and all of it.
 *
 * keyword  name of the ACL keyword when it is one of the aliases (then `fetch` is what it stands
 * for), else NULL fetch    NULL: the word's first name is looked up Points are not checked: an ACL
 * that cannot match only warns, when it is used. */
MUST_CHECK struct expr *expr_parse_acl(struct cfg *c, const char *word, unsigned index,
                                       struct proxy *px, const char *keyword,
                                       const struct fetch *fetch, char **err);

/** Length of the name at `s`. */
size_t expr_name_len(const char *s);
bool expr_has_convs(const struct expr *e);
/** The i-th converter, NULL past the end. */
const struct conv *expr_conv(const struct expr *e, unsigned i);
/** The proxy whose line is parsed: for check functions of rows. */
struct proxy *expr_parsing_proxy(void);
/** Offers a mistyped name the names of all fetches, and remembers the best one for expr_hint(). */
void expr_set_hint(const char *hint);

enum expr_step {
    STEP_NONE, /* the fetch had nothing (more) */
    STEP_SKIP, /* this occurrence was lost in a converter */
    STEP_VALUE,
};
/** One occurrence. *out keeps the position; `first` starts over. */
enum expr_step expr_step(const struct expr *e, struct sample_ctx *x, struct sample *out,
                         bool first);

#endif
