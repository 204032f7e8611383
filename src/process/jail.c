/* jail.c - what remains of the file system for a process that serves. */
#include "process/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
write_line(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t n = strlen(line);

    if (fd < 0)
        return false;
    bool ok = write(fd, line, n) == (ssize_t)n;
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

/* In a user name space where we are ourselves and nobody else, chroot() is allowed. */
static bool
own_user_space(void)
{
    char uids[64], gids[64];

    snprintf(uids, sizeof(uids), "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
    snprintf(gids, sizeof(gids), "%u %u 1", (unsigned)getegid(), (unsigned)getegid());
    return unshare(CLONE_NEWUSER) == 0 && write_line("/proc/self/setgroups", "deny") &&
           write_line("/proc/self/uid_map", uids) && write_line("/proc/self/gid_map", gids);
}

/* The name is given back at once: nothing can be made in a directory that was removed. */
static bool
enter_nameless(void)
{
    char path[] = P_tmpdir "/steelyard-XXXXXX";
    bool root = geteuid() == 0;

    if (!mkdtemp(path))
        return false;
    bool in = chdir(path) == 0;
    int saved = errno;
    if (rmdir(path) < 0 || !in) {
        errno = in ? errno : saved;
        return false;
    }
    return (root || own_user_space()) && chroot(".") == 0;
}

bool
jail_enter(const char *where)
{
    if (strcmp(where, "auto") == 0)
        return enter_nameless();
    return chroot(where) == 0 && chdir("/") == 0;
}
