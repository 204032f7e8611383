/* cookie.h - persistence cookies: what the configuration and the runtime API need (manual 4.2,
 * `cookie`). */
#ifndef PROXY_COOKIE_H
#define PROXY_COOKIE_H

#include "proxy/config.h"

/** Operation modes; a `cookie` line without one only looks at requests, and logs nothing. */
#define CK_ANY_MODE (CK_REWRITE | CK_INSERT | CK_PREFIX | CK_INDIRECT)

extern const struct keyword cookie_keywords[];

/** Recomputes the value of a server whose cookie is dynamic: after its address changed, or the
 * backend's key or mode. */
void cookie_update_server(struct proxy *px, struct server *s);
/** The same for all servers of a backend, after CK_DYNAMIC was set or cleared (enable/disable
 * dynamic-cookie). False when two servers got the same value: the key should be changed. */
bool cookie_update_backend(struct proxy *px);
/** `set dynamic-cookie-key`: copies the key and updates the servers. The same result. */
bool cookie_set_key(struct proxy *px, const char *key);

extern const struct module cookie_module;

#endif
