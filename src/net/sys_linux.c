/* sys_linux.c - the data path's system calls. */
#include "net/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

ssize_t
sys_recv(int fd, void *buf, size_t len, int flags)
{
    return recv(fd, buf, len, flags);
}

ssize_t
sys_sendv(int fd, const struct iovec *iov, unsigned n, int flags)
{
    if (n == 1)
        return send(fd, iov[0].iov_base, iov[0].iov_len, flags | MSG_NOSIGNAL);
    struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };
    return sendmsg(fd, &m, flags | MSG_NOSIGNAL);
}

ssize_t
sys_splice(int from, int to, size_t len, unsigned flags)
{
    return splice(from, NULL, to, NULL, len, flags);
}

int
sys_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
    return connect(fd, sa, len);
}

int
sys_accept(int fd, struct sockaddr *sa, socklen_t *len)
{
    return accept4(fd, sa, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int
sys_shutdown(int fd, int how)
{
    return shutdown(fd, how);
}

int
sys_close(int fd)
{
    return close(fd);
}

int
sys_socket(int family, int type, int protocol)
{
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

int
sys_sock_error(int fd)
{
    int err = 0;
    socklen_t len = sizeof(err);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? errno : err;
}
