/* status.h - status codes and the reason phrases HAProxy prints for them. */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include "base/slice.h"

#define HTTP_STATUSES(X)                                                                           \
    X(100, "Continue")                                                                             \
    X(101, "Switching Protocols")                                                                  \
    X(102, "Processing")                                                                           \
    X(200, "OK")                                                                                   \
    X(201, "Created")                                                                              \
    X(202, "Accepted")                                                                             \
    X(203, "Non-Authoritative Information")                                                        \
    X(204, "No Content")                                                                           \
    X(205, "Reset Content")                                                                        \
    X(206, "Partial Content")                                                                      \
    X(207, "Multi-Status")                                                                         \
    X(210, "Content Different")                                                                    \
    X(226, "IM Used")                                                                              \
    X(300, "Multiple Choices")                                                                     \
    X(301, "Moved Permanently")                                                                    \
    X(302, "Moved Temporarily")                                                                    \
    X(303, "See Other")                                                                            \
    X(304, "Not Modified")                                                                         \
    X(305, "Use Proxy")                                                                            \
    X(307, "Temporary Redirect")                                                                   \
    X(308, "Permanent Redirect")                                                                   \
    X(310, "Too many Redirects")                                                                   \
    X(400, "Bad Request")                                                                          \
    X(401, "Unauthorized")                                                                         \
    X(402, "Payment Required")                                                                     \
    X(403, "Forbidden")                                                                            \
    X(404, "Not Found")                                                                            \
    X(405, "Method Not Allowed")                                                                   \
    X(406, "Not Acceptable")                                                                       \
    X(407, "Proxy Authentication Required")                                                        \
    X(408, "Request Time-out")                                                                     \
    X(409, "Conflict")                                                                             \
    X(410, "Gone")                                                                                 \
    X(411, "Length Required")                                                                      \
    X(412, "Precondition Failed")                                                                  \
    X(413, "Request Entity Too Large")                                                             \
    X(414, "Request-URI Too Long")                                                                 \
    X(415, "Unsupported Media Type")                                                               \
    X(416, "Requested range unsatisfiable")                                                        \
    X(417, "Expectation failed")                                                                   \
    X(418, "I'm a teapot")                                                                         \
    X(421, "Misdirected Request")                                                                  \
    X(422, "Unprocessable Content")                                                                \
    X(423, "Locked")                                                                               \
    X(424, "Method failure")                                                                       \
    X(425, "Too Early")                                                                            \
    X(426, "Upgrade Required")                                                                     \
    X(428, "Precondition Required")                                                                \
    X(429, "Too Many Requests")                                                                    \
    X(431, "Request Header Fields Too Large")                                                      \
    X(449, "Retry With")                                                                           \
    X(450, "Blocked by Windows Parental Controls")                                                 \
    X(451, "Unavailable For Legal Reasons")                                                        \
    X(456, "Unrecoverable Error")                                                                  \
    X(499, "client has closed connection")                                                         \
    X(500, "Internal Server Error")                                                                \
    X(501, "Not Implemented")                                                                      \
    X(502, "Bad Gateway or Proxy Error")                                                           \
    X(503, "Service Unavailable")                                                                  \
    X(504, "Gateway Time-out")                                                                     \
    X(505, "HTTP Version not supported")                                                           \
    X(506, "Variant also negotiate")                                                               \
    X(507, "Insufficient storage")                                                                 \
    X(508, "Loop detected")                                                                        \
    X(509, "Bandwidth Limit Exceeded")                                                             \
    X(510, "Not extended")                                                                         \
    X(511, "Network authentication required")                                                      \
    X(520, "Web server is returning an unknown error")

/** Reason phrase of a status; those without one get that of their class, unknown classes "Other".
 */
struct slice http_reason(unsigned status);

#endif
