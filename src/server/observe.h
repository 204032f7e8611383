/* observe.h - passive health: what live traffic tells about a server (`observe`, `error-limit`, `on-error`). */
#ifndef SERVER_OBSERVE_H
#define SERVER_OBSERVE_H

#include "server/server.h"

/** A connection was tried: `failed`, or established. */
void server_observe_layer4(struct server *srv, bool failed);
/** A response head was received: its status; 0: none came, or junk. */
void server_observe_layer7(struct server *srv, unsigned status);

/** Set by check.c: asks for a fast check, or reports a failed one. */
extern void (*server_observe_check)(struct server *srv, enum srv_on_error action);

#endif
