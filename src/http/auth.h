/* auth.h - credentials in an Authorization or Proxy-Authorization header (RFC 7617, RFC 6750). */
#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

#include "base/slice.h"

enum http_auth_scheme { HTTP_AUTH_NONE, HTTP_AUTH_BASIC, HTTP_AUTH_BEARER };

struct http_auth {
    enum http_auth_scheme scheme; /* NONE: absent, unknown or malformed */
    struct slice user, pass;      /* Basic; in the caller's memory */
    struct slice token;           /* Bearer; borrowed from the header */
};

/** Decodes a header value. `buf` holds the decoded user and password: 3/4 of the header's length is
 * always enough; credentials that do not fit, hold NUL or have no colon are malformed. */
struct http_auth http_auth_decode(struct slice header, char *buf, size_t size);
/** "Basic", "Bearer", or an empty slice. */
struct slice http_auth_scheme_name(enum http_auth_scheme s);

#endif
