/* vars.h - variables in scopes proc, sess, txn, req, res, check (manual 2.8; tune.vars.*). */
#ifndef SAMPLE_VARS_H
#define SAMPLE_VARS_H

#include "sample/sample.h"

enum var_scope {
    VAR_PROC,
    VAR_SESS,
    VAR_TXN,
    VAR_REQ,
    VAR_RES,
    VAR_CHECK,
    VAR_PSESS,
    VAR_PTXN,
    VAR_PREQ,
    VAR_PRES
};

/** Conditions of set-var; bits of the `cond` of var_set(). */
enum var_cond {
    VARC_IFEXISTS = 1 << 0,
    VARC_IFNOTEXISTS = 1 << 1,
    VARC_IFEMPTY = 1 << 2,
    VARC_IFNOTEMPTY = 1 << 3,
    VARC_IFSET = 1 << 4,
    VARC_IFNOTSET = 1 << 5,
    VARC_IFGT = 1 << 6,
    VARC_IFLT = 1 << 7,
};

struct var_name; /* interned scope + name */
struct var;

/** A set of variables. Zero is empty; vars_fini() frees. proc has its own lock. */
struct vars {
    struct var *first;
    size_t size; /* bytes accounted against tune.vars.*-max-size */
};

/** "txn.name" → interned; NULL with *err (heap). */
const struct var_name *var_parse(struct slice text, char **err);
/** Where the scopes live for an evaluation; set once by proxy/. NULL: that scope does not exist
 * here. */
extern struct vars *(*vars_scope_of)(struct sample_ctx *x, enum var_scope scope);

/** The value with its type; strings are CONST and valid until the variable changes. False when it
 * is not set. */
bool var_get(const struct var_name *v, struct sample_ctx *x, struct sample *out);
/** Copies the value. `cond` is the mask of ifexists... conditions. False when a limit or condition
 * refuses it. */
bool var_set(const struct var_name *v, struct sample_ctx *x, const struct sample *value,
             unsigned cond);
void var_unset(const struct var_name *name, struct sample_ctx *x);
void vars_fini(struct vars *set);

/** Parses one condition name ("ifexists") into its bit; 0 when unknown. */
unsigned var_cond_parse(const char *name);
/** False for the scopes of a parent stream, which are read-only. */
bool var_is_writable(const struct var_name *v);
enum var_scope var_scope_of(const struct var_name *v);
/** "txn.name". */
const char *var_text(const struct var_name *v);
/** Calls `fn` for each variable of the scope that is set, oldest first, until it returns false.
 * Strings are valid during the call. For proc a lock is held: `fn` must be short and not use
 * variables. */
bool vars_each(struct sample_ctx *x, enum var_scope scope,
               bool (*fn)(const struct var_name *v, const struct sample *value, void *arg),
               void *arg);
/** Releases the process's variables and interned names, at the very end. */
void vars_proc_fini(void);
/** Releases what the calling thread keeps for reuse. */
void vars_thread_fini(void);

#endif
