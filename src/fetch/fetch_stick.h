/* fetch_stick.h - rows of the stick table fetches and converters; registered by the stick module
 * (action/). */
#ifndef FETCH_FETCH_STICK_H
#define FETCH_FETCH_STICK_H

#include "sample/sample.h"
#include "stick/track.h"

extern const struct fetch stick_fetches[];
extern const struct conv stick_convs[];

/** The counter tracked in slot `n` as x sees it: the stream's, else the session's. NULL when
 * nothing is tracked there. */
struct stick_counter *stick_tracked(const struct sample_ctx *x, int64_t n);

#endif
