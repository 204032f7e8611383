/* expr_int.h - what the expression parser shares with ACLs: for files of this folder only. */
#ifndef SAMPLE_EXPR_INT_H
#define SAMPLE_EXPR_INT_H

#include "config/cfg.h"
#include "sample/expr.h"

/** One criterion of an ACL, "fetch(args),conv,...". */
struct expr_criterion {
    const char *text;          /* all of a word */
    unsigned word;             /* its index */
    const char *keyword;       /* ACL keyword when the name is one of the aliases, and */
    const struct fetch *fetch; /* what it stands for; NULL: the name is that of a fetch */
};

/** Points are not checked: an ACL that cannot match only warns, when it is used. */
MUST_CHECK struct expr *expr_parse_acl(struct cfg *c, const struct expr_criterion *crit,
                                       struct proxy *px, char **err);

/** Length of the name at `s`. */
size_t expr_name_len(const char *s);
/** Arguments of the fetch; as many as its row has, and one of type ARG_END. */
const struct expr_arg *expr_args(const struct expr *e);
bool expr_has_convs(const struct expr *e);
/** The i-th converter, NULL past the end. */
const struct conv *expr_conv(const struct expr *e, unsigned i);
/** The proxy whose line is parsed: for check functions of rows. */
struct proxy *expr_parsing_proxy(void);
/** What expr_hint() answers: `hint` may have been meant; NULL: nothing. */
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
