/* source.h - where connections to servers come from: `source` of a backend or a server. */
#ifndef SERVER_SOURCE_H
#define SERVER_SOURCE_H

#include "config/cfg.h"
#include "net/conn.h"

struct expr;
struct proxy;

/** What `usesrc` lets servers see. */
enum source_use {
    SOURCE_OWN,      /* nothing else than our address */
    SOURCE_CLIENT,   /* the client's address and port */
    SOURCE_CLIENTIP, /* the client's address */
    SOURCE_HEADER,   /* what the expression finds in the request */
    SOURCE_ADDR,     /* use_addr */
};

/** In the configuration's arena; shared by servers that have it from a template or their backend.
 */
struct source {
    struct addr addr;
    uint16_t port_low, port_high; /* range of ports; 0: none */
    _Atomic unsigned port_next;   /* tried so far */
    const char *interface;        /* NULL: any */
    enum source_use use;
    struct addr use_addr;
    struct expr *header;
};

/** Parses the arguments of `source`: address, then `usesrc` and `interface`. NULL after an error
 * was reported. `range`: a range of ports is allowed. Words that are neither are left. */
struct source *source_parse(struct cfg *c, const struct keyword *kw, struct proxy *px, bool range,
                            unsigned *at);
/** Fills the socket's options; `*from` is the address to bind to, or NULL. `foreign` (may be NULL
 * or of no kind): what `use` found for this request. */
void source_apply(struct source *s, const struct addr *foreign, struct sock_opts *o,
                  const struct addr **from);

#endif
