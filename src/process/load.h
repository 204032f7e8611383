/* load.h - from files on the command line to a checked configuration: for serving, for -c, and for
 * programs that only want to look at it. */
#ifndef PROCESS_LOAD_H
#define PROCESS_LOAD_H

#include "config/cfg.h"
#include "process/cmdline.h"
#include "proxy/config.h"

/** Sets the process up (settings, variables that configurations may refer to) and an empty
 * configuration. load_end() releases it, whatever happened in between. */
void load_begin(struct cfg *c, struct config *cf, const struct cmdline *o);
/** Reads the files of the command line, the demonstration when there are none; completes and checks
 * them; with -c runs their tests. Prints what was found as the command line wants it. False when
 * the configuration is not to be used. */
bool load_configuration(struct cfg *c, const struct cmdline *o);
void load_end(struct cfg *c);

#endif
