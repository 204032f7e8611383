/* mutate.h - makes one row of a table misbehave, so that tests/diff/mutate.py can see which test
 * notices. Only in programs built with -Dmutation=true; in all others nothing of it is left. */
#ifndef SAMPLE_MUTATE_H
#define SAMPLE_MUTATE_H

#include "sample/sample.h"

#ifdef STEELYARD_MUTATION

/** Whether $STEELYARD_MUTATE is "<kind> <name>". Appends the same words as a line to the file
 * $STEELYARD_MUTATE_RECORD, when that is set: what a test looks up. */
bool mutate_wants(const char *kind, const char *name);

/** The row itself, or a copy that gives another value: "fetch NAME" and "conv NAME", or, with "skip
 * NAME", a converter that does nothing and hands its input on. At most one row of each kind in a
 * process. NULL stays NULL. */
const struct fetch *mutate_fetch(const struct fetch *f);
const struct conv *mutate_conv(const struct conv *v);

#else

static inline const struct fetch *
mutate_fetch(const struct fetch *f)
{
    return f;
}

static inline const struct conv *
mutate_conv(const struct conv *v)
{
    return v;
}

#endif
#endif
