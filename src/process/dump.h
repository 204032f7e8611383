/* dump.h - -dK: the keyword tables in HAProxy's layout, -dL: libraries (management manual 3). */
#ifndef PROCESS_DUMP_H
#define PROCESS_DUMP_H

#include <stdbool.h>

/** `which`: comma-separated, "all" or "help". To stdout. */
void dump_keywords(const char *which);
/** The program and the libraries that it has loaded, a path per line, below a title if wanted. To
 * stdout. */
void dump_libraries(bool title);

#endif
