/* listener_pass.h - listening sockets that change hands between processes: `-x`, and the runtime
 * command `_getsocks`. */
#ifndef PROXY_LISTENER_PASS_H
#define PROXY_LISTENER_PASS_H

#include "proxy/listener.h"

/** Asks the process behind the runtime API's socket `path` (a path, unix@, abns@, sockpair@) for
 * its listening sockets. False after printing why. At start, blocks for a few seconds at most. */
bool listener_pass_take(const char *path);
/** One that was taken and fits the listener, the caller's from now on; -1: none. */
int listener_pass_find(const struct listener *li);
/** Closes those that no listener wanted. */
void listener_pass_forget(void);

/** Who has our sockets too, and goes on with them when this process stops. */
enum listener_heir {
    HEIR_NONE,
    HEIR_OF_LAST, /* uses the last socket of each listener, as HAProxy does, and closes the others
                   */
    HEIR_OF_ALL,
};
extern _Atomic int listener_heir; /* enum listener_heir */

/** Sends all listening sockets to `fd`, a connection of the runtime API, while the thread's loop
 * runs on; then closes it. `all`: the receiver will use all of them. */
void listener_pass_send(int fd, bool all);
/** Gives up what is under way on the calling thread. */
void listener_pass_stop(void);

#endif
