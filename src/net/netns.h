/* netns.h - network namespaces by name, as `ip netns` keeps them, and sockets opened inside of
 * them.
 *
 * Names are opened while the configuration is read, so that sockets can be opened in them after the
 * root directory has changed. Entering one needs CAP_SYS_ADMIN, then and later. */
#ifndef NET_NETNS_H
#define NET_NETNS_H

#include "base/slice.h"

/** A namespace; lives until netns_fini(). */
struct netns {
    struct netns *next;
    char *name;
    int fd;
};

/** The namespace called `name`. NULL with errno set when the system has none. Before threads start.
 */
struct netns *netns_open(const char *name);
/** One that was opened before; NULL when there is none of that name. Any thread. */
struct netns *netns_find(struct slice name);
/** A non-blocking socket in `ns` (NULL: where the process is). -1 and errno on failure. Any thread.
 */
int netns_socket(const struct netns *ns, int family, int type, int protocol);
/** Closes all. After the threads ended. */
void netns_fini(void);

#endif
