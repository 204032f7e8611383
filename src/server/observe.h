/* observe.h - passive health: what live traffic tells about a server (`observe`, `error-limit`,
 * `on-error`). */
#ifndef SERVER_OBSERVE_H
#define SERVER_OBSERVE_H

#include "server/server.h"

/** What went wrong; ends up in the message when the server is taken down. */
enum srv_observed {
    SRV_OBS_L4_ERROR,     /* no connection */
    SRV_OBS_HTTP_STATUS,  /* a response that counts as an error */
    SRV_OBS_HTTP_INVALID, /* junk instead of a response head */
    SRV_OBS_HTTP_TIMEOUT,
    SRV_OBS_HTTP_CLOSED, /* the connection ended before a response */
    SRV_OBS_HTTP_READ,   /* or was reset */
};

/** A connection was tried: `failed`, or established. */
void server_observe_layer4(struct server *srv, bool failed);
/** A response head with this status was received. */
void server_observe_layer7(struct server *srv, unsigned status);
/** There was none: SRV_OBS_HTTP_INVALID and what follows it. */
void server_observe_no_response(struct server *srv, enum srv_observed what);

/** Set by server_module: acts on too many errors. `last` describes the last one. */
extern void (*server_observe_check)(struct server *srv, enum srv_on_error action, const char *last);

#endif
