/* jail.h - what remains of the file system for a process that serves. */
#ifndef PROCESS_JAIL_H
#define PROCESS_JAIL_H

#include <stdbool.h>

/** Makes `where` the root directory; "auto" is an empty directory without a name, that is made for
 * this (global keyword chroot, 3.4). Who is not root is jailed in a user name space of his own.
 * Before threads start. False with errno. */
bool jail_enter(const char *where);

#endif
