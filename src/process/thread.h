/* thread.h - a thread with a loop: from its first event to the release of its memory. */
#ifndef PROCESS_THREAD_H
#define PROCESS_THREAD_H

#include "proxy/config.h"

/** Opens the calling thread's loop, number `tid`, and starts what each module has per thread.
 * False: no loop (loop_self() is NULL, errno tells why) or a module refused. */
MUST_CHECK bool thread_open(struct config *cf, unsigned tid);
/** Ends the streams and sessions of the calling thread. */
void thread_end_sessions(void);
/** The same, and what its modules have there. */
void thread_end(struct config *cf);
/** Releases the calling thread's caches and its loop. No thread uses its objects any more. */
void thread_close(void);

#endif
