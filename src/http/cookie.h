/* cookie.h - name=value pairs in Cookie and Set-Cookie headers, as HAProxy reads them.
 *
 * Both ';' and ',' end a cookie outside quoted strings. Words without '=' and names that begin with
 * '$' (RFC 2965 attributes) are skipped. In Set-Cookie a ',' begins the next cookie and a ';' an
 * attribute. */
#ifndef HTTP_COOKIE_H
#define HTTP_COOKIE_H

#include "base/arena.h"
#include "base/slice.h"
#include "http/head.h"

struct http_cookie {
    struct slice name, value; /* without blanks around; quotes are part of the value */
    bool is_attribute;        /* Set-Cookie: the pair is not the first one of its cookie */
    size_t from,
        to;    /* range of the pair in the header, delimiters excluded, $attributes included */
    size_t at; /* private: where to go on */
    bool seen; /* private: Set-Cookie: a pair of this cookie was seen */
};

/** Next pair of a header value. Start with { 0 }. False at the end. */
bool http_cookie_next(struct slice header, bool is_set_cookie, struct http_cookie *c);

/** Value of a cookie in the headers called `hdr` ("cookie", or "set-cookie" of a response).
 *  With a name: the last one that has it and is not empty (`cook()`); *count says how many there
 * are. Empty name: the first pair; *count says how many pairs there are in all. count may be NULL.
 */
bool http_cookie_find(const struct http_head *head, struct slice hdr, struct slice name,
                      struct slice *value, unsigned *count);
/** Iterates over all of them (ACLs). Start with { 0 }. */
struct http_cookie_iter {
    struct http_cookie cookie;
    struct http_hdr *hdr;
    unsigned pos; /* private */
};
bool http_cookie_each(const struct http_head *head, struct slice hdr, struct slice name,
                      struct http_cookie_iter *it);

/** Takes a cookie out of a header value: delimiters and blanks around it become one "; " or vanish.
 *  *out is in the arena, or empty when nothing is left (delete the header then). */
MUST_CHECK bool http_cookie_remove(struct arena *arena, struct slice header,
                                   const struct http_cookie *c, struct slice *out);

#endif
