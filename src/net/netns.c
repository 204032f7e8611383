/* netns.c - network namespaces: a thread enters one for as long as it takes to open a socket. */
#include "net/netns.h"

#include "net/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define NETNS_DIR "/var/run/netns/"

static struct netns *known;
static int own = -1; /* the namespace of the process */

struct netns *
netns_find(struct slice name)
{
    for (struct netns *n = known; n; n = n->next)
        if (slice_eq_str(name, n->name))
            return n;
    return NULL;
}

struct netns *
netns_open(const char *name)
{
    struct netns *n = netns_find(slice_str(name));

    if (n)
        return n;
    if (!*name || strchr(name, '/')) { /* not a way to other files */
        errno = EINVAL;
        return NULL;
    }
    if (own < 0 && (own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) < 0)
        return NULL;
    char *path = xasprintf(NETNS_DIR "%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (fd < 0)
        return NULL;
    n = xcalloc(1, sizeof(*n));
    *n = (struct netns){ .next = known, .name = xstrdup(name), .fd = fd };
    known = n;
    return n;
}

int
netns_socket(const struct netns *ns, int family, int type, int protocol)
{
    if (!ns)
        return sys_socket(family, type, protocol);
    if (setns(ns->fd, CLONE_NEWNET) < 0)
        return -1;
    int fd = sys_socket(family, type, protocol);
    int err = errno;
    /* A thread that cannot go back would open everything else in there. */
    if (setns(own, CLONE_NEWNET) < 0)
        abort();
    errno = err;
    return fd;
}

void
netns_fini(void)
{
    while (known) {
        struct netns *n = known;
        known = n->next;
        close(n->fd);
        free(n->name);
        free(n);
    }
    if (own >= 0)
        close(own);
    own = -1;
}
