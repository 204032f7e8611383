/* pool.h - idle connections to servers, per thread, most recently used first. */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include "net/conn.h"
#include "server/server.h"

/** How much a request may share (manual: http-reuse). */
enum pool_use {
    POOL_SAFE_ONLY, /* connections that already served several requests */
    POOL_ANY,
};

/** An idle connection with the same `hash` (what makes it usable: SNI, source, PROXY header), or
 * NULL. It is warm, alive as far as the kernel said, and the caller's. Steals from other threads
 * only when told so and this one has none. */
struct conn *pool_take(struct server *srv, uint64_t hash, enum pool_use use);
/** Parks a connection, or closes it when the server has enough of them. Clears *c. */
void pool_put(struct server *srv, struct conn **c);
/** Closes all idle connections of the calling thread to this server. */
void pool_flush(struct server *srv);
/** Closes the oldest idle connection of the calling thread; false when it has none. */
bool pool_close_one(struct server *srv);
/** Accounts for a connection that is about to be opened, see pool_opened(). With strict-maxconn
 * idle ones make room for it; false, and nothing was counted, when that is not possible now. */
bool pool_make_room(struct server *srv);
/** Accounting of connections that are opened and closed, by the thread that uses them. */
void pool_opened(struct server *srv);
void pool_closed(struct server *srv);
/** What all threads hold, each of them at a slightly different moment. Any thread. */
struct srv_conns pool_conns(const struct server *srv);

#endif
