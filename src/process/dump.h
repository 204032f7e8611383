/* dump.h - -dK: the keyword tables in HAProxy's layout (management manual 3). */
#ifndef PROCESS_DUMP_H
#define PROCESS_DUMP_H

/** `which`: comma-separated, "all" or "help". To stdout. */
void dump_keywords(const char *which);
/** -dL: the program and its libraries. */
void dump_libraries(void);

#endif
