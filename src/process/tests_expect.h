/* tests_expect.h - expectations of the `tests` section. */
#ifndef PROCESS_TESTS_EXPECT_H
#define PROCESS_TESTS_EXPECT_H

#include "process/explain.h"

struct expectation;

/** One thing to expect. `check`: NULL when it holds, else what was got instead (heap). */
struct expect_kind {
    const char *name, *args;
    char *(*check)(const struct expectation *e, const struct explain_result *r);
    unsigned nargs;
    enum { EXPECT_ANY, EXPECT_STATUS, EXPECT_HEADER } form; /* of the argument */
};
/** Ends with a row whose name is NULL. */
extern const struct expect_kind expect_kinds[];

struct expectation {
    struct list link;
    const struct expect_kind *kind;
    const char *arg;
    struct cfg_loc loc;
};

#endif
