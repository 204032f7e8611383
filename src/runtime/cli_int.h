/* cli_int.h - what the files of the runtime API share. */
#ifndef RUNTIME_CLI_INT_H
#define RUNTIME_CLI_INT_H

#include "runtime/command.h"

/** The command that the words from `from` on name: the row with the most words; NULL. */
const struct command *cli_find(const struct cli *c, unsigned from);
/** Whether it is listed at the level and in the modes of the connection. */
bool cli_sees(const struct cli *c, const struct command *cmd);
/** Lists the commands that the words from `from` on may mean, all without words, below `title`; the
 * built-in ones last. */
void cli_list(struct cli *c, const char *title, unsigned from);
/** A copy that lives until the process ends: names given at run time, which other threads may hold
 * for long. */
const char *cli_keep(const char *s);
void cli_keep_fini(void);
/** NULL when the server may be removed; else why not, and whether waiting would not help. */
struct server;
const char *server_removable(struct server *s, bool *hopeless);
/** The same for a backend. */
const char *backend_removable(const struct proxy *px, bool *hopeless);
/** Hooks of the runtime module. */
void cli_install(struct config *cf);
void cli_thread_stop(struct config *cf);

/** Replaces names and addresses in the answer from `from` on by hashes. */
void cli_hide_names(struct text *t, size_t from, uint32_t key);

#endif
