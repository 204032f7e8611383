/* forwarded.h - `option forwarded`: tells servers about the client in a Forwarded header. */
#ifndef PROXY_FORWARDED_H
#define PROXY_FORWARDED_H

#include "config/cfg.h"

struct expr;
struct stream;

/** A node of RFC 7239, section 6: an address or a name, and a port. */
struct forwarded_node {
    bool on, port;
    struct expr *expr, *port_expr; /* NULL: the connection's */
};

/** What an element says; lives in the configuration's arena. */
struct px_forwarded {
    bool proto, host;
    struct expr *host_expr; /* NULL: the Host header */
    struct forwarded_node by, from;
};

/** `option forwarded ...`. */
enum cfg_rc forwarded_parse(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
/** Adds the element to the request. False when memory is out. */
bool forwarded_add(struct stream *s, const struct px_forwarded *f);

#endif
