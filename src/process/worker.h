/* worker.h - the worker's threads, signals, and the ways to stop. */
#ifndef PROCESS_WORKER_H
#define PROCESS_WORKER_H

#include "proxy/config.h"

/** Runs config->nthread loops, the calling thread being the first, until told to stop. `ready` is
 * called once the loops accept connections. Returns the signal that ended it, 0 after a graceful
 * stop, -1 when it could not start. */
int worker_run(struct config *cf, void (*ready)(void));
/** Begins a graceful stop, as SIGUSR1 does. On thread 0. */
void worker_soft_stop(void);

#endif
