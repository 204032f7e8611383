/* version.h - what -v and -vv print. */
#ifndef PROCESS_VERSION_H
#define PROCESS_VERSION_H

#include "base/version.h"

/** What -v and -vv print on stdout. */
void version_print(void);
void version_print_build(void);

#endif
