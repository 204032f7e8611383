/* aho.h - Aho-Corasick automaton: finds all of many strings in one pass. Immutable once built. */
#ifndef SAMPLE_AHO_H
#define SAMPLE_AHO_H

#include "base/slice.h"

struct aho;

/** Builds from n keys (ids 0..n-1; equal keys are reported in the order of their ids). `icase`:
 * ASCII letters match in either case. NULL when memory is out or the keys have more than 2^31
 * bytes. */
struct aho *aho_new(const struct slice *key, unsigned n, bool icase);
void aho_free(struct aho *a);

/** Calls hit(arg, id, end) for each occurrence (`end`: offset behind it), until it returns true.
 * Returns whether it did. */
bool aho_scan(const struct aho *a, struct slice text,
              bool (*hit)(void *arg, unsigned id, size_t end), void *arg);

#endif
