/* args.h - the arguments in parentheses of fetches, converters and actions: "(a,\"b,c\",3)".
 * Manual 2.2 and 7.3. */
#ifndef SAMPLE_ARGS_H
#define SAMPLE_ARGS_H

#include "config/cfg.h"
#include "sample/sample.h"

/** What the arguments belong to, for messages about names that are resolved later. */
struct args_owner {
    struct cfg *c;
    struct proxy *px;    /* default of proxy, backend and table arguments */
    const char *keyword; /* fetch or ACL keyword */
    const char *conv;    /* converter, or NULL */
    bool acl;            /* `keyword` is an ACL keyword */
    struct cfg_loc loc;
};

struct args_err {
    char *text;   /* heap */
    unsigned pos; /* 1-based argument it is about */
};

/** Parses the arguments at *text, which may have none, and moves *text behind the closing
 * parenthesis.
 *
 * types  as in the rows: enum arg_type [| ARG_OPT], ends with 0
 * *out   as many entries as the row has types and one of type ARG_END, in the configuration's
 * arena. An optional argument that is missing, or empty and not a string, has the type ARG_END too.
 * Names of proxies, servers, tables and userlists, and regexes, are entered for args_resolve(). */
MUST_CHECK bool args_parse(const char **text, const unsigned char *types,
                           const struct args_owner *owner, struct expr_arg **out,
                           struct args_err *err);

/** Resolves what args_parse() entered for `c`, reports what is unknown. */
void args_resolve(struct cfg *c);
/** Forgets what was never resolved (a configuration that was given up). NULL: all. */
void args_forget(const struct cfg *c);

#endif
