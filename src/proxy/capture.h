/* capture.h - `capture request/response header`, `capture cookie`, `declare capture` (manual 4.2).
 */
#ifndef PROXY_CAPTURE_H
#define PROXY_CAPTURE_H

#include "config/cfg.h"
#include "http/head.h"

/** One slot. */
struct capture {
    struct list link;
    const char *name; /* lower-case header name; NULL: declared, filled by rules */
    unsigned len;     /* bytes kept */
    unsigned index;
};

/** Of a frontend. */
struct captures {
    struct list req, res; /* struct capture, slot 0 first */
    unsigned nreq, nres;
    const char *cookie; /* name, or prefix of the name */
    bool cookie_prefix;
    unsigned cookie_len;
};

/** "name=value" of the captured cookie in the headers `header`, copied and bounded; p NULL when
 * absent. */
struct slice capture_cookie(const struct http_head *h, const struct captures *c,
                            struct slice header, struct arena *arena);
/** A new slot of a frontend; its index. `name` NULL: filled by rules. */
struct proxy;
unsigned capture_add(struct cfg *c, struct proxy *px, bool response, const char *name,
                     unsigned len);
/** Slot `index`, or NULL. `caps` may be NULL. */
const struct capture *capture_slot(const struct captures *caps, bool response, int64_t index);
extern const struct keyword capture_keywords[];

#endif
