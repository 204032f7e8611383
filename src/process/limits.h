/* limits.h - how many connections fit: maxconn, descriptors. */
#ifndef PROCESS_LIMITS_H
#define PROCESS_LIMITS_H

#include "proxy/config.h"

/** Computes tune.maxconn, tune.fd_limit and tune.maxsock as HAProxy does, raises the limit, and
 * says so: warnings when `loud`, more when `verbose`. False when a written limit cannot be met and
 * strict-limits is written. */
bool limits_apply(struct config *cf, bool loud, bool verbose);

#endif
