/* state_file.h - servers' states of a former process, as `show servers state` printed them. */
#ifndef PROXY_STATE_FILE_H
#define PROXY_STATE_FILE_H

struct cfg;
struct server;

/** load-server-state-from-file. */
enum state_file { STATE_NONE, STATE_GLOBAL, STATE_LOCAL };

/** Reads the state files that backends want, before servers get their addresses. Warns. */
void state_files_read(struct cfg *c);
/** The address that a server had when its state was saved; NULL: none is known. Until
 * state_files_apply(). */
const char *state_file_addr(const struct server *s);
/** Gives servers what was saved, once their checks are known. Warns. */
void state_files_apply(struct cfg *c);

#endif
