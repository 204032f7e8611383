/* mutate.h - makes one row of a table misbehave, so that tests/diff/mutate.py can see which test
 * notices. Only in programs built with -Dmutation=true; in all others nothing of it is left. */
#ifndef SAMPLE_MUTATE_H
#define SAMPLE_MUTATE_H

#include "sample/sample.h"

#ifdef STEELYARD_MUTATION

/** Whether $STEELYARD_MUTATE is "<kind> <name>". */
bool mutate_wants(const char *kind, const char *name);
/** Appends these words as a line to the file $STEELYARD_MUTATE_RECORD, if set: what a test uses. */
void mutate_record(const char *kind, const char *name);

/** The row itself, or a copy that gives another value: "fetch NAME" (or "far fetch NAME": a value
 * that is far off, for what is measured) and "conv NAME", or, with "skip NAME", a converter that
 * does nothing and hands its input on. At most one row of each kind in a process. NULL stays NULL.
 */
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
