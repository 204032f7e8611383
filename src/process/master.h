/* master.h - the master of -W and -Ws: holds no configuration, starts workers, replaces them on
 * reload. */
#ifndef PROCESS_MASTER_H
#define PROCESS_MASTER_H

#include "base/base.h"

/** What the master needs to know of the command line. */
struct master_conf {
    bool systemd; /* -Ws: tell the service manager */
    bool quiet;
    const char *pidfile;    /* NULL: none */
    void (*on_ready)(void); /* the first worker serves; may be NULL */
};

/** Runs the master in the calling process. `run` is called in each child: it reads the
 * configuration, serves, calls master_worker_ready() once it accepts connections, and returns its
 * exit status. Returns the status of the master. */
int master_run(const struct master_conf *mc, int (*run)(void));
/** In a worker: tells the master that it serves; the master then lets the previous worker finish.
 */
void master_worker_ready(void);
/** True in a worker that has a master. */
bool master_has(void);
/** How often the master was told to reload before the calling worker was started. */
unsigned master_reloads(void);

#endif
