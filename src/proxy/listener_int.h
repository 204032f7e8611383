/* listener_int.h - what the files about listening sockets share. */
#ifndef PROXY_LISTENER_INT_H
#define PROXY_LISTENER_INT_H

#include "proxy/listener.h"

/** A socket's registration with one thread's loop. */
struct listener_watch {
    struct io io;
    struct listener *li;
    unsigned tid, nfd; /* the thread, and which of the listener's sockets */
    unsigned accepted;
    _Atomic bool watching; /* reports readiness; other threads look whether to wake it */
    _Atomic bool added;
    struct letter resume;
    _Atomic bool resume_posted;
    struct timer rate_timer;
};

/** Length of the accept queue. */
unsigned listener_backlog(const struct listener *li);
/** Starts to listen, or to listen again. False with errno. */
bool listener_listen(const struct listener *li, int fd);

#endif
