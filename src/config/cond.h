/* cond.h - conditions of .if, .elif and -cc (manual 2.4). */
#ifndef CONFIG_COND_H
#define CONFIG_COND_H

#include "base/base.h"

/** The version that predicates compare with. */
#define COND_VERSION "3.5.0"

enum cond_rc { COND_FALSE = 0, COND_TRUE = 1, COND_ERR = -1 };

struct cond_err {
    char text[512];
    size_t at; /* offset of the offending character in the expression */
};

/** Evaluates all of `expr`. Both sides of && and || are always read, so that mistakes are found. */
enum cond_rc cond_line_eval(const char *expr, struct cond_err *err);
/** Compares dotted versions with -devN, -rcN and -N suffixes: <0, 0, >0. Missing parts are zero. */
int cond_version_cmp(const char *a, const char *b);

#endif
