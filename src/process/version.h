/* version.h - what -v and -vv print. */
#ifndef PROCESS_VERSION_H
#define PROCESS_VERSION_H

#include "base/version.h"
#include "process/cmdline.h"

/** What -v and -vv print on stdout. */
void version_print(void);
void version_print_build(void);
/** The version alone. */
void version_print_only(enum version_form form);

#endif
