/* service.h - replies that take their time: bodies made piece by piece, replies that depend on the
 * request's body. */
#ifndef PROXY_SERVICE_H
#define PROXY_SERVICE_H

#include "proxy/stream.h"

/** Adds a header to the reply of a stream. Name and value are borrowed. False when memory is out.
 */
MUST_CHECK bool service_header(struct stream *s, struct slice name, struct slice value);
/** Sends a piece of the body of the reply, framed as its head says; for reply.produce. `end`: it is
 * the last one, and reply.produce is cleared. The data are copied where needed. A broken connection
 * shows in its flags. */
void service_send(struct stream *s, struct slice data, bool end);
/** For reply.prepare: true once the request's body is in the buffer, or as much as fits
 * (stream_body()); also true when that failed, and then the reply is an error and *failed is set.
 */
bool service_wait_body(struct stream *s, bool *failed);

#endif
