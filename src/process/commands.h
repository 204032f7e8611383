/* commands.h - `steelyard <command>`: programs within the program; and the demonstration. */
#ifndef PROCESS_COMMANDS_H
#define PROCESS_COMMANDS_H

#include "base/base.h"

/** Runs the command named argv[0] if there is one; *rc is the exit status. */
bool command_run(int argc, char **argv, int *rc);

/** The configuration that runs without arguments, and its name in messages. */
extern const char demo_config[], demo_config_name[];
/** Starts the demonstration servers as child processes that end with this one. Before threads. */
bool demo_start(void);
/** Prints what to open. */
void demo_announce(void);

#endif
