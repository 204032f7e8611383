/* dump.h - -dK: the keyword tables in HAProxy's layout (management manual 3). */
#ifndef PROCESS_DUMP_H
#define PROCESS_DUMP_H

/** `classes`: comma-separated, "all" or "help". To stdout. */
void dump_keywords(const char *classes);

#endif
