/* master.c - supervises one worker at a time; SIGUSR2 or SIGHUP start a new one, which takes over
 * once it serves.
 *
 * Listening sockets are opened by the first worker that needs them and kept here, so that the next
 * one goes on with the same sockets and no connection is lost. A configuration that fails leaves
 * the old worker untouched. */
#include "process/master.h"

#include "base/out.h"
#include "config/tune.h"
#include "proxy/listener.h"
#include "tls/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 64 /* old ones that still finish, and the current one */

struct worker {
    pid_t pid;
    int ready_fd; /* where the child tells which sockets it uses and that it serves; -1 once done or
                     gone */
    bool current, leaving;
    unsigned reloads; /* since it was started */
};

/* A listening socket that outlives its worker. */
struct kept_socket {
    char *key;
    int fd;
    bool used; /* by the worker that starts now */
};

static struct kept_socket *kept;
static unsigned nkept;
static struct worker workers[WORKERS_MAX];
static unsigned nworkers;
static int ready_pipe = -1; /* in a worker: the other end */
static bool stopping, is_worker;
static unsigned reloads, max_reloads; /* how many a worker may outlive */

/* ---- service manager (sd_notify protocol: datagrams to $NOTIFY_SOCKET) ---- */

static void
notify(const struct master_conf *mc, const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    if (!mc->systemd || !path || !*path || strlen(path) >= sizeof(un.sun_path))
        return;
    memcpy(un.sun_path, path, strlen(path));
    if (un.sun_path[0] == '@')
        un.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (fd >= 0 && sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&un, len) < 0)
        fprintf(stderr, "[WARNING]  (%d) : cannot notify the service manager: %s\n", (int)getpid(),
                strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* ---- workers ---- */

static struct worker *
find_pid(pid_t pid)
{
    for (unsigned i = 0; i < nworkers; i++)
        if (workers[i].pid == pid)
            return &workers[i];
    return NULL;
}

static struct worker *
current(void)
{
    for (unsigned i = 0; i < nworkers; i++)
        if (workers[i].current)
            return &workers[i];
    return NULL;
}

static void
worker_removed(struct worker *w)
{
    if (w->ready_fd >= 0)
        close(w->ready_fd);
    *w = workers[--nworkers];
}

/* ---- listening sockets: sent by workers, inherited by the next one through fork() ---- */

#define MSG_SOCKET 'S' /* then the key; with a descriptor unless it was inherited */
#define MSG_READY  'R' /* then mworker-max-reloads of its configuration */

static struct kept_socket *
find_kept(const char *key)
{
    for (unsigned i = 0; i < nkept; i++)
        if (strcmp(kept[i].key, key) == 0)
            return &kept[i];
    return NULL;
}

static void
keep_socket(const char *key, int fd)
{
    struct kept_socket *k = find_kept(key);

    if (!k && fd >= 0) {
        kept = xrealloc(kept, (nkept + 1) * sizeof(*kept));
        k = &kept[nkept++];
        *k = (struct kept_socket){ .key = xstrdup(key), .fd = fd };
    } else if (fd >= 0) {
        close(k->fd);
        k->fd = fd;
    }
    if (k)
        k->used = true;
}

/* Sockets that the new configuration does not have are closed. */
static void
drop_unused_sockets(void)
{
    for (unsigned i = 0; i < nkept;) {
        if (kept[i].used) {
            kept[i++].used = false;
            continue;
        }
        close(kept[i].fd);
        free(kept[i].key);
        kept[i] = kept[--nkept];
    }
}

static int
worker_inherited(const char *key)
{
    struct kept_socket *k = find_kept(key);

    if (!k)
        return -1;
    int fd = k->fd; /* from now on the worker's own */
    k->used = true;
    return fd;
}

static void
worker_opened(const char *key, int fd)
{
    struct kept_socket *k = find_kept(key);
    char type = MSG_SOCKET;
    struct iovec iov[2] = { { &type, 1 }, { (char *)key, strlen(key) } };
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

    if (!k || k->fd != fd) {
        m.msg_control = control.room;
        m.msg_controllen = sizeof(control.room);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
    }
    if (sendmsg(ready_pipe, &m, MSG_NOSIGNAL) < 0)
        fprintf(stderr, "[WARNING]  (%d) : cannot hand a socket to the master: %s\n", (int)getpid(),
                strerror(errno));
}

/* Reads what a starting worker says; true once it serves. */
static bool
read_worker(struct worker *w)
{
    char buf[512];
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;

    for (;;) {
        struct iovec iov = { buf, sizeof(buf) - 1 };
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.room,
                            .msg_controllen = sizeof(control.room) };
        ssize_t n = recvmsg(w->ready_fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        int fd = -1;
        if (n <= 0)
            return false;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (c && c->cmsg_type == SCM_RIGHTS)
            memcpy(&fd, CMSG_DATA(c), sizeof(int));
        buf[n] = '\0';
        if (buf[0] == MSG_READY) {
            max_reloads = (unsigned)strtoul(buf + 1, NULL, 10);
            return true;
        }
        keep_socket(buf + 1, fd);
    }
}

static bool
worker_start(int (*run)(void), const sigset_t *old_mask)
{
    int p[2];

    if (nworkers == WORKERS_MAX || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
        return false;
    for (unsigned i = 0; i < nkept; i++)
        kept[i].used = false;
    tls_ticket_seed();
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        close(p[0]);
        close(p[1]);
        return false;
    }
    if (pid == 0) {
        close(p[0]);
        ready_pipe = p[1];
        is_worker = true;
        listener_inherited = worker_inherited;
        listener_opened = worker_opened;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigprocmask(SIG_SETMASK, old_mask, NULL);
        exit(run());
    }
    close(p[1]);
    workers[nworkers++] = (struct worker){ .pid = pid, .ready_fd = p[0] };
    return true;
}

static void
signal_all(int sig)
{
    for (unsigned i = 0; i < nworkers; i++)
        kill(workers[i].pid, sig);
}

bool
master_has(void)
{
    return is_worker;
}

unsigned
master_reloads(void)
{
    return reloads;
}

void
master_worker_ready(void)
{
    if (ready_pipe < 0)
        return;
    char ready[16];
    int n = snprintf(ready, sizeof(ready), "%c%u", MSG_READY, tune.mworker_max_reloads);
    if (send(ready_pipe, ready, (size_t)n, MSG_NOSIGNAL) != n)
        _exit(1);
    close(ready_pipe);
    ready_pipe = -1;
    /* Sockets that this configuration does not use must not keep their ports. */
    for (unsigned i = 0; i < nkept; i++)
        if (!kept[i].used)
            close(kept[i].fd);
}

/* ---- events ---- */

static bool
write_pid(const char *path)
{
    char *tmp = xasprintf("%s.tmp", path);
    FILE *f = fopen(tmp, "w");
    bool ok = f != NULL;

    if (f) {
        fprintf(f, "%d\n", (int)getpid());
        ok = fclose(f) == 0 && rename(tmp, path) == 0;
    }
    if (!ok)
        fprintf(stderr, "[ALERT]    (%d) : Cannot create pidfile %s (%s)\n", (int)getpid(), path,
                strerror(errno));
    free(tmp);
    return ok;
}

/* Workers that still finish after so many reloads have had their time. */
static void
end_oldest(void)
{
    for (unsigned i = 0; i < nworkers; i++)
        if (workers[i].leaving && workers[i].reloads > max_reloads)
            kill(workers[i].pid, SIGTERM);
}

static void
on_worker_ready(const struct master_conf *mc, struct worker *w)
{
    struct worker *old = current();
    char text[128];

    close(w->ready_fd);
    w->ready_fd = -1;
    drop_unused_sockets();
    w->current = true;
    if (old) {
        old->current = false;
        old->leaving = true;
        kill(old->pid, SIGUSR1);
        end_oldest();
    } else {
        if (mc->pidfile && !write_pid(mc->pidfile))
            exit(1);
        if (mc->on_ready)
            mc->on_ready();
    }
    if (!mc->quiet)
        fprintf(stderr, "[NOTICE]   (%d) : Loading success.\n", (int)getpid());
    struct out o = OUT(text);
    out_printf(&o, "READY=1\nMAINPID=%d\nSTATUS=Ready.\n", (int)getpid());
    out_char(&o, '\0');
    notify(mc, text);
}

/* Returns the master's exit status when that was the last one, else -1. */
static int
on_worker_exit(const struct master_conf *mc, struct worker *w, int status)
{
    bool was_current = w->current, never_ready = w->ready_fd >= 0;
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    int pid = (int)getpid(), wpid = (int)w->pid;

    worker_removed(w);
    if (never_ready && current()) {
        fprintf(stderr, "[ALERT]    (%d) : Loading failure!\n", pid);
        notify(mc, "READY=1\nSTATUS=Reload failed!\n");
        return -1;
    }
    if (was_current || never_ready) {
        if (!stopping || code)
            fprintf(stderr, "[ALERT]    (%d) : Current worker (%d) exited with code %d (%s)\n", pid,
                    wpid, code, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "Exit");
        if (!stopping) { /* nobody serves any more: so say all who wait for us */
            stopping = true;
            signal_all(SIGTERM);
        }
    } else if (!mc->quiet) {
        fprintf(stderr, "[WARNING]  (%d) : Former worker (%d) exited with code %d (Exit)\n", pid,
                wpid, code);
    }
    if (nworkers)
        return -1;
    if (!mc->quiet)
        fprintf(stderr, "[WARNING]  (%d) : All workers exited. Exiting... (%d)\n", pid, code);
    return code;
}

static int
reap(const struct master_conf *mc)
{
    int status, rc = -1;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct worker *w = find_pid(pid);
        if (w)
            rc = on_worker_exit(mc, w, status);
    }
    return nworkers ? -1 : rc;
}

static void
on_signal(const struct master_conf *mc, int sig, int (*run)(void), const sigset_t *old_mask)
{
    switch (sig) {
    case SIGUSR2:
    case SIGHUP:
        if (stopping)
            break;
        reloads++;
        for (unsigned i = 0; i < nworkers; i++)
            workers[i].reloads++;
        notify(mc, "RELOADING=1\nSTATUS=Reloading Configuration.\n");
        if (!mc->quiet)
            fprintf(stderr, "[NOTICE]   (%d) : Reloading HAProxy\n", (int)getpid());
        if (!worker_start(run, old_mask))
            fprintf(stderr, "[ALERT]    (%d) : cannot start a worker: %s\n", (int)getpid(),
                    strerror(errno));
        break;
    case SIGINT:
    case SIGTERM:
    case SIGUSR1:
        stopping = true;
        notify(mc, "STOPPING=1\n");
        if (!mc->quiet && sig != SIGUSR1)
            fprintf(stderr, "[WARNING]  (%d) : Exiting Master process...\n", (int)getpid());
        signal_all(sig);
        break;
    default:
        break;
    }
}

static void
read_signals(int fd, const struct master_conf *mc, int (*run)(void), const sigset_t *old_mask,
             bool *child)
{
    struct signalfd_siginfo si;

    while (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        if (si.ssi_signo == SIGCHLD)
            *child = true;
        else
            on_signal(mc, (int)si.ssi_signo, run, old_mask);
    }
}

/* Waits for signals and for what workers say; true when a worker ended. */
static bool
wait_for_events(const struct master_conf *mc, int (*run)(void), int sfd, const sigset_t *old_mask)
{
    struct pollfd p[WORKERS_MAX + 1] = { { sfd, POLLIN, 0 } };
    unsigned n = 1;
    bool child = false;

    for (unsigned i = 0; i < nworkers; i++)
        if (workers[i].ready_fd >= 0)
            p[n++] = (struct pollfd){ workers[i].ready_fd, POLLIN, 0 };
    if (poll(p, n, -1) < 0)
        return false;
    for (unsigned k = 1; k < n; k++) {
        unsigned i = 0;
        while (i < nworkers && workers[i].ready_fd != p[k].fd)
            i++;
        if (p[k].revents & POLLIN && i < nworkers && read_worker(&workers[i]))
            on_worker_ready(mc, &workers[i]);
        /* A pipe that only hung up belongs to a worker that is about to be reaped. */
        child |= (p[k].revents & (POLLHUP | POLLIN)) == POLLHUP;
    }
    if (p[0].revents)
        read_signals(sfd, mc, run, old_mask, &child);
    return child;
}

int
master_run(const struct master_conf *mc, int (*run)(void))
{
    sigset_t set, old;
    static const int sigs[] = { SIGCHLD, SIGUSR1, SIGUSR2, SIGHUP, SIGINT, SIGTERM, SIGQUIT };

    sigemptyset(&set);
    for (unsigned i = 0; i < COUNT_OF(sigs); i++)
        sigaddset(&set, sigs[i]);
    sigprocmask(SIG_BLOCK, &set, &old);
    int sfd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (sfd < 0 || !worker_start(run, &old)) {
        perror("steelyard: master");
        return 1;
    }
    for (;;) {
        int rc = wait_for_events(mc, run, sfd, &old) ? reap(mc) : -1;
        if (rc >= 0)
            return rc;
    }
}
