/* cli_int.h - what the files of the runtime API share. */
#ifndef RUNTIME_CLI_INT_H
#define RUNTIME_CLI_INT_H

#include "runtime/command.h"

/** Appends the commands that the level may see, sorted, below `title`. `want` NULL: all. */
void cli_list(struct cli *c, const char *title, bool (*want)(const struct cli *c, const struct command *cmd));
/** Hooks of the runtime module. */
void cli_install(struct config *cf);
void cli_thread_stop(struct config *cf);

#endif
