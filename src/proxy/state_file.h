/* state_file.h - servers' states of a former process, as `show servers state` printed them. */
#ifndef PROXY_STATE_FILE_H
#define PROXY_STATE_FILE_H

struct config;

/** load-server-state-from-file. */
enum state_file { STATE_NONE, STATE_GLOBAL, STATE_LOCAL };

/** Applies what the files say; what is wrong with them is a warning. Before servers start. */
void state_files_load(struct config *cf);

#endif
