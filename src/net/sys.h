/* sys.h - the system calls of the data path, each behind a name, so that the simulator can link its
 * own. */
#ifndef NET_SYS_H
#define NET_SYS_H

#include "base/base.h"

#include <sys/socket.h>
#include <sys/uio.h>

/* As the calls they are named after: -1 and errno on failure. Descriptors are non-blocking. */
ssize_t sys_recv(int fd, void *buf, size_t len, int flags);
ssize_t sys_sendv(int fd, const struct iovec *iov, unsigned n, int flags);
ssize_t sys_splice(int from, int to, size_t len, unsigned flags);
int sys_connect(int fd, const struct sockaddr *sa, socklen_t len);
int sys_accept(int fd, struct sockaddr *sa, socklen_t *len);
int sys_shutdown(int fd, int how);
int sys_close(int fd);
int sys_socket(int family, int type, int protocol);
/** Pending error of a socket (SO_ERROR), 0 when none. */
int sys_sock_error(int fd);

#endif
