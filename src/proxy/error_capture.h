/* error_capture.h - the last malformed request of every frontend and the last malformed response of
 * every backend, kept for `show errors` (management manual 9.3). */
#ifndef PROXY_ERROR_CAPTURE_H
#define PROXY_ERROR_CAPTURE_H

#include "proxy/stream.h"

/** Remembers what is in the buffer of the client (or with `response`, of the server) and where the
 * engine stopped. */
COLD void error_capture(struct stream *s, bool response);

enum error_capture_want { ERRC_REQUESTS = 1, ERRC_RESPONSES = 2 };
/** Writes them as `show errors` does. `iid`: this proxy only, 0: all; `want`: enum
 * error_capture_want. */
void error_captures_put(struct text *to, unsigned iid, unsigned want);
/** At the end of the process. */
void error_captures_fini(void);

#endif
