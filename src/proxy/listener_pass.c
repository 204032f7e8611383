/* listener_pass.c - listening sockets from one process to the next (management manual, option -x).
 *
 * What goes over the connection, found by watching HAProxy 2.6: the receiver asks with "_getsocks";
 * the sender answers with the number of sockets (int, host order), then with messages of up to
 * BATCH sockets (SCM_RIGHTS). A message's data has for each of its sockets: the length of its
 * namespace's name (a byte) and the name, the same of its interface, and four zero bytes. The
 * receiver answers each message with the number of sockets it had before; the sender waits for that
 * before the next message, and closes at the end. */
#include "proxy/listener_pass.h"

#include "net/netns.h"
#include "net/sys.h"
#include "proxy/config.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH         252  /* the kernel takes 253 at once */
#define NAME_LEN_MAX  255u /* of a name in a message */
#define ENTRY_MAX     (2 * (1 + NAME_LEN_MAX) + sizeof(int))
#define SOCKETS_LIMIT (1 << 20)         /* that another process may announce */
#define PATIENCE_MS   5000              /* with a silent peer */
#define QUESTION      "_getsocks all\n" /* "all": we accept from each, which HAProxy does not */

union control {
    struct cmsghdr align;
    char room[CMSG_SPACE((BATCH + 1) * sizeof(int))];
};

/* ---- taking ---- */

struct passed {
    int fd;                  /* -1: found its listener */
    char *netns, *interface; /* NULL: none */
    struct addr addr;
};

static struct passed *passed;
static unsigned npassed;

static bool
failed(const char *what)
{
    fprintf(stderr, "[WARNING]  (%d) : %s\n", (int)getpid(), what);
    return false;
}

static bool
wait_readable(int fd)
{
    struct pollfd p = { fd, POLLIN, 0 };
    int rc;

    while ((rc = poll(&p, 1, PATIENCE_MS)) < 0 && errno == EINTR)
        ;
    return rc == 1;
}

static int
connect_to(const char *path)
{
    struct addr_spec spec;
    char err[256];

    if (!addr_parse(path, ADDR_O_STREAM | ADDR_O_FD_RAW, NULL, &spec, err, sizeof(err)))
        return -1;
    if (spec.addr.kind == ADDR_SOCKPAIR || spec.addr.kind == ADDR_FD)
        return dup(spec.addr.fd);
    if (!addr_is_unix(&spec.addr))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, &spec.addr.sa, spec.addr.len) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A name with its length before it; NULL when there is none. False: truncated. */
static bool
take_name(const char **p, const char *end, char **name)
{
    *name = NULL;
    if (*p >= end)
        return false;
    size_t len = (unsigned char)*(*p)++;
    if ((size_t)(end - *p) < len)
        return false;
    if (len)
        *name = xstrndup(*p, len);
    *p += len;
    return true;
}

static bool
add_passed(int fd, const char **p, const char *end)
{
    struct passed *n;
    socklen_t len = ADDR_SA_MAX;

    passed = xrealloc(passed, (npassed + 1) * sizeof(*passed));
    n = &passed[npassed++];
    *n = (struct passed){ .fd = fd };
    if (!take_name(p, end, &n->netns) || !take_name(p, end, &n->interface) ||
        (size_t)(end - *p) < sizeof(int))
        return false;
    *p += sizeof(int);
    if (getsockname(fd, &n->addr.sa, &len) < 0)
        return failed("Failed to get the address of a transferred socket !");
    addr_filled(&n->addr, len);
    return true;
}

/* One message. Its descriptors, or -1. */
static int
receive(int fd, char *buf, size_t size, size_t *len, int *fds)
{
    union control control;
    struct iovec iov = { buf, size };
    struct msghdr m = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.room,
                        .msg_controllen = sizeof(control.room) };
    ssize_t n;
    int count = 0;

    if (!wait_readable(fd) || (n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC)) <= 0)
        return -1;
    *len = (size_t)n;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
    }
    return m.msg_flags & MSG_CTRUNC ? -1 : count;
}

static bool
receive_all(int fd, int total)
{
    size_t size = (BATCH + 1) * ENTRY_MAX, len;
    char *buf = malloc(size);
    int fds[BATCH + 1], got = 0;
    bool ok = buf != NULL;

    while (ok && got < total) {
        int n = receive(fd, buf, size, &len, fds);
        const char *p = buf, *end = buf + (n < 0 ? 0 : len);
        ok = n > 0;
        for (int i = 0; i < n; i++)
            ok &= add_passed(fds[i], &p, end);
        /* The last answer meets a peer that may have gone. */
        if (ok && send(fd, &got, sizeof(got), MSG_NOSIGNAL) < 0 && got + n < total)
            ok = false;
        got += n;
    }
    free(buf);
    return ok || failed("Failed to get the listening sockets of the old process !");
}

bool
listener_pass_take(const char *path)
{
    int fd = connect_to(path), total = 0;
    bool ok;

    if (fd < 0) {
        fprintf(stderr, "[WARNING]  (%d) : Failed to connect to the old process socket '%s'\n",
                (int)getpid(), path);
        ok = false;
    } else if (send(fd, QUESTION, strlen(QUESTION), MSG_NOSIGNAL) != (ssize_t)strlen(QUESTION) ||
               !wait_readable(fd) ||
               recv(fd, &total, sizeof(total), MSG_WAITALL) != (ssize_t)sizeof(total) ||
               total < 0 || total > SOCKETS_LIMIT) {
        ok = failed("Failed to get the number of sockets to be transferred !");
    } else {
        ok = receive_all(fd, total);
    }
    if (fd >= 0)
        close(fd);
    if (!ok)
        fprintf(stderr, "[ALERT]    (%d) : Failed to get the sockets from the old process!\n",
                (int)getpid());
    return ok;
}

static bool
same_name(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Unix sockets are known by the name that they were bound to, "<path>.<pid>.tmp", which they had
 * before they were renamed into place. */
static bool
same_path(const char *bound, const char *path)
{
    size_t len = strlen(path), digits;

    if (strncmp(bound, path, len) != 0)
        return false;
    bound += len;
    if (!*bound)
        return true;
    if (*bound++ != '.')
        return false;
    digits = strspn(bound, "0123456789");
    return digits && strcmp(bound + digits, ".tmp") == 0;
}

static bool
same_address(const struct addr *bound, const struct addr *a)
{
    if (a->kind == ADDR_UNIX)
        return bound->kind == ADDR_UNIX && same_path(bound->un.sun_path, a->un.sun_path);
    if (addr_is_unix(a)) /* abstract: the kernel's bytes */
        return bound->sa.sa_family == AF_UNIX && bound->len == a->len &&
               memcmp(&bound->un, &a->un, a->len) == 0;
    return addr_eq(bound, a, true);
}

int
listener_pass_find(const struct listener *li)
{
    const struct bind_conf *b = li->bind;

    for (unsigned i = 0; i < npassed; i++) {
        struct passed *p = &passed[i];
        if (p->fd < 0 || !same_name(p->netns, b->netns ? b->netns->name : NULL) ||
            !same_name(p->interface, b->interface) || !same_address(&p->addr, &li->addr))
            continue;
        int fd = p->fd;
        p->fd = -1;
        return fd;
    }
    return -1;
}

void
listener_pass_forget(void)
{
    for (unsigned i = 0; i < npassed; i++) {
        if (passed[i].fd >= 0)
            close(passed[i].fd);
        free(passed[i].netns);
        free(passed[i].interface);
    }
    free(passed);
    passed = NULL;
    npassed = 0;
}

/* ---- sending ---- */

/* Where one is under way: the next socket is number `nfd` of `li`. */
struct pass {
    struct list link;
    struct io io;
    struct timer timer;
    struct proxy *px;
    struct listener *li;
    unsigned nfd;
    bool all;
};

_Atomic int listener_heir;

static __thread struct list passes;

static void
pass_end(struct pass *p)
{
    timer_cancel(&p->timer);
    io_del(&p->io);
    close(p->io.fd);
    list_del(&p->link);
    free(p);
}

static struct listener *
first_listener(struct proxy *px)
{
    return container_of(px->listeners.next, struct listener, link);
}

/* Moves on to a socket that is open; NULL: there is none. */
static struct listener *
next_open(struct pass *p)
{
    while (&p->px->link != &config->proxies) {
        if (&p->li->link == &p->px->listeners) {
            p->px = container_of(p->px->link.next, struct proxy, link);
            if (&p->px->link != &config->proxies)
                p->li = first_listener(p->px);
        } else if (p->nfd >= p->li->nfds) {
            p->li = container_of(p->li->link.next, struct listener, link);
        } else if (p->li->fds[p->nfd] < 0) {
            p->nfd++;
            continue;
        } else {
            return p->li;
        }
        p->nfd = 0;
    }
    return NULL;
}

static void
begin_at_first(struct pass *p)
{
    p->px = list_first(&config->proxies, struct proxy, link); /* of the runtime API at least */
    p->li = first_listener(p->px);
    p->nfd = 0;
}

static void
put_name(struct out *o, const char *name)
{
    size_t len = name ? strlen(name) : 0;

    if (len > NAME_LEN_MAX)
        len = 0;
    out_char(o, (char)len);
    out_mem(o, name, len);
}

static bool
send_batch(struct pass *p)
{
    static __thread char buf[BATCH * ENTRY_MAX];
    static const char options[sizeof(int)];
    struct out o = OUT(buf);
    union control control = { 0 };
    int fds[BATCH] = { 0 };
    unsigned n = 0;
    struct listener *li;

    for (; n < BATCH && (li = next_open(p)); p->nfd++) {
        fds[n++] = li->fds[p->nfd];
        put_name(&o, li->bind->netns ? li->bind->netns->name : NULL);
        put_name(&o, li->bind->interface);
        out_mem(&o, options, sizeof(options));
    }
    struct iovec iov = { buf, o.len };
    struct msghdr m = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.room,
                        .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    return n && sendmsg(p->io.fd, &m, MSG_NOSIGNAL) == (ssize_t)o.len;
}

/* The next message; false when it was the last. */
static bool
send_more(struct pass *p)
{
    if (!send_batch(p))
        return false;
    if (next_open(p))
        return true;
    atomic_store(&listener_heir, p->all ? HEIR_OF_ALL : HEIR_OF_LAST);
    return false;
}

static void
on_patience_lost(struct timer *t)
{
    pass_end(container_of(t, struct pass, timer));
}

/* The last message was received: the next one, if there is more. */
static void
on_answer(struct io *io, unsigned ready)
{
    struct pass *p = container_of(io, struct pass, io);
    int answer;
    ssize_t n = sys_recv(io->fd, &answer, sizeof(answer), 0);

    (void)ready;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != (ssize_t)sizeof(answer) || !send_more(p))
        pass_end(p);
    else
        timer_set(&p->timer, loop_now_ms() + PATIENCE_MS, on_patience_lost);
}

void
listener_pass_send(int fd, bool all)
{
    struct pass *p = calloc(1, sizeof(*p));
    int total = 0;

    if (!passes.next)
        list_init(&passes);
    if (!p || !io_add(&p->io, fd, IO_IN | IO_LEVEL, on_answer)) {
        close(fd);
        free(p);
        return;
    }
    p->all = all;
    list_push_back(&passes, &p->link);
    begin_at_first(p);
    for (; next_open(p); p->nfd++)
        total++;
    begin_at_first(p);
    if (send(fd, &total, sizeof(total), MSG_NOSIGNAL) != (ssize_t)sizeof(total) || !send_more(p))
        pass_end(p);
    else
        timer_set(&p->timer, loop_now_ms() + PATIENCE_MS, on_patience_lost);
}

void
listener_pass_stop(void)
{
    while (passes.next && !list_empty(&passes))
        pass_end(list_first(&passes, struct pass, link));
}
