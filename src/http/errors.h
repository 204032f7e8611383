/* errors.h - the replies the proxy makes up itself when no errorfile says otherwise. */
#ifndef HTTP_ERRORS_H
#define HTTP_ERRORS_H

#include "base/slice.h"

/* Whether the parser's own form of a reply carries `connection: close`. */
#define HTTP_ERR_CLOSE "connection: close\r\n"
#define HTTP_ERR_PLAIN ""

/* status, length of the page, connection header of the raw form, reason, text of the page */
#define HTTP_ERRORS(X)                                                                             \
    X(200, 58, HTTP_ERR_PLAIN, "OK", "Service ready.")                                             \
    X(400, 90, HTTP_ERR_CLOSE, "Bad request", "Your browser sent an invalid request.")             \
    X(401, 112, HTTP_ERR_PLAIN, "Unauthorized",                                                    \
      "You need a valid user and password to access this content.")                                \
    X(403, 93, HTTP_ERR_PLAIN, "Forbidden", "Request forbidden by administrative rules.")          \
    X(404, 83, HTTP_ERR_PLAIN, "Not Found", "The resource could not be found.")                    \
    X(405, 147, HTTP_ERR_PLAIN, "Method Not Allowed",                                              \
      "A request was made of a resource using a request method not supported by that resource.")   \
    X(407, 112, HTTP_ERR_PLAIN, "Unauthorized",                                                    \
      "You need a valid user and password to access this content.")                                \
    X(408, 110, HTTP_ERR_CLOSE, "Request Time-out",                                                \
      "Your browser didn't send a complete request in time.")                                      \
    X(410, 114, HTTP_ERR_PLAIN, "Gone",                                                            \
      "The resource is no longer available and will not be available again.")                      \
    X(413, 106, HTTP_ERR_PLAIN, "Payload Too Large",                                               \
      "The request entity exceeds the maximum allowed.")                                           \
    X(414, 110, HTTP_ERR_CLOSE, "URI Too Long",                                                    \
      "The URI provided was too long for the server to process.")                                  \
    X(421, 104, HTTP_ERR_PLAIN, "Misdirected Request",                                             \
      "Request sent to a non-authoritative server.")                                               \
    X(422, 116, HTTP_ERR_PLAIN, "Unprocessable Content",                                           \
      "The server cannot process the contained instructions.")                                     \
    X(425, 80, HTTP_ERR_PLAIN, "Too Early", "Your browser sent early data.")                       \
    X(429, 117, HTTP_ERR_PLAIN, "Too Many Requests",                                               \
      "You have sent too many requests in a given amount of time.")                                \
    X(431, 105, HTTP_ERR_CLOSE, "Request Header Fields Too Large",                                 \
      "Request Header Fields Too Large.")                                                          \
    X(500, 97, HTTP_ERR_PLAIN, "Internal Server Error", "An internal server error occurred.")      \
    X(501, 135, HTTP_ERR_PLAIN, "Not Implemented",                                                 \
      "The server does not support the functionality required to fulfill the request.")            \
    X(502, 107, HTTP_ERR_PLAIN, "Bad Gateway",                                                     \
      "The server returned an invalid or incomplete response.")                                    \
    X(503, 107, HTTP_ERR_PLAIN, "Service Unavailable",                                             \
      "No server is available to handle this request.")                                            \
    X(504, 92, HTTP_ERR_PLAIN, "Gateway Time-out", "The server didn't respond in time.")

struct http_error {
    unsigned status;
    struct slice reason;
    struct slice full; /* status line, headers without connection, empty line, body */
    struct slice head; /* the part of `full` before the body */
    struct slice body;
    struct slice raw; /* as the HTTP/1 parser sends it when there is no stream yet */
    bool closes;      /* the connection ends with it */
};

/** The default reply for a status. A status without a page gets that of 500, as in HAProxy. */
const struct http_error *http_error_message(unsigned status);
/** True if the status has a default page of its own. */
bool http_error_is_known(unsigned status);
/** The i-th default reply in order of status, NULL behind the last one. */
const struct http_error *http_error_at(unsigned i);

#endif
