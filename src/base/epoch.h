/* epoch.h - deferred release of read-mostly objects that threads share without a lock.
 *
 * A writer (holding its own lock) makes a new object, publishes it with a release store to an
 * atomic pointer, and hands the old one to epoch_retire(). Readers load the pointer (acquire) and
 * use what they got until their next quiescent point, without a lock or a counter. An object is
 * released once every reader has passed such a point. */
#ifndef BASE_EPOCH_H
#define BASE_EPOCH_H

#include "base/base.h"

/** The calling thread becomes a reader; it must pass quiescent points, or be idle, from now on. Not
 * nested. */
void epoch_enter(void);
/** It stops being one (holds nothing any more). Harmless on a thread that is none. */
void epoch_leave(void);

/** Once per loop turn, holding nothing obtained before: releases what became free. Two loads and a
 * store when there is nothing to do. No-op on a thread that is no reader. */
HOT void epoch_quiescent(void);
/** Around a wait of unknown length: as epoch_quiescent(), and the sleeping thread holds back nobody
 * until epoch_busy(). */
void epoch_idle(void);
void epoch_busy(void);

/** Calls fn(p) once no reader can still use `p`, on any thread; at once when there are no readers.
 * The caller has already unpublished `p` and does not use it any more. `fn` must not wait. */
void epoch_retire(void (*fn)(void *p), void *p);
/** Objects that wait. */
unsigned long epoch_pending(void);
/** Releases all that waits; only when no reader is left (end of the process, tests). */
void epoch_fini(void);

#endif
