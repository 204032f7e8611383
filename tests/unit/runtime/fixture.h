/* fixture.h - a whole process of one thread, and clients that hold the other end of a socket pair.
 */
#ifndef TEST_RUNTIME_FIXTURE_H
#define TEST_RUNTIME_FIXTURE_H

#include "proxy/cli_level.h"
#include "proxy/config.h"
#include "proxy/listener.h"

/** Reads the configuration and starts what a worker thread starts; sockets are not opened. The
 * first address of the runtime API and of every frontend takes clients. False after saying why. */
bool rt_start(const char *config_text);
/** Ends the process' parts again: leaks are found. */
void rt_stop(void);

/** A client's end. */
struct rt_client {
    int fd; /* -1: none */
    struct text got;
    bool ended; /* the process closed the connection */
};

/** Connects to the runtime API with that level (CLI_LEVEL_*). */
void rt_connect_cli(struct rt_client *c, int level);
/** Connects to a frontend. */
void rt_connect(struct rt_client *c, const char *frontend);
/** Sends everything, letting the process read. */
void rt_send(struct rt_client *c, const void *data, size_t len);
void rt_send_str(struct rt_client *c, const char *text);
/** Nothing more will be sent. */
void rt_shut(struct rt_client *c);
/** Lets the process work until it has closed the connection or nothing came for `idle_turns` turns
 * of the loop, each of which waits at most a millisecond. What comes is in c->got. */
void rt_read(struct rt_client *c, unsigned idle_turns);
/** Closes; the process learns of it. */
void rt_close(struct rt_client *c);

/** One line on a connection of its own: the answer, valid until the next call. */
const char *rt_ask(int level, const char *line);

#endif
