/* check_ext.c - external checks: a command per check (manual: option external-check). Its end is
 * told by a pidfd. */
#include "server/check_int.h"

#include "config/tune.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENV_MAX 512 /* more variables of our own environment are left out (preserve-env) */

/** The watched command. */
struct ext {
    struct io io; /* the pidfd */
    struct check_run *run;
};

/** Strings for argv and environment, from the run's arena. */
struct ext_env {
    char *v[ENV_MAX + 1];
    unsigned n;
};

static void
put_env(struct check_run *r, struct ext_env *e, const char *name, const char *value)
{
    if (e->n < ENV_MAX && (e->v[e->n] = arena_printf(&r->tmp, "%s=%s", name, value)))
        e->n++;
}

static void
put_env_uint(struct check_run *r, struct ext_env *e, const char *name, unsigned value)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", value);
    put_env(r, e, name, text);
}

static void
make_env(struct check_run *r, struct ext_env *e, const char *const *argv)
{
    const struct server *s = r->ck->srv;
    const struct check_conf *conf = r->conf;

    put_env(r, e, "PATH", conf->ext_path ? conf->ext_path : "");
    put_env(r, e, "HAPROXY_PROXY_NAME", server_hooks.proxy_name(s->px));
    put_env(r, e, "HAPROXY_PROXY_ADDR", argv[1]);
    put_env(r, e, "HAPROXY_PROXY_PORT", argv[2]);
    put_env(r, e, "HAPROXY_SERVER_NAME", s->name);
    put_env_uint(r, e, "HAPROXY_SERVER_ID", s->id);
    put_env(r, e, "HAPROXY_SERVER_ADDR", argv[3]);
    put_env(r, e, "HAPROXY_SERVER_PORT", argv[4]);
    put_env_uint(r, e, "HAPROXY_SERVER_MAXCONN", s->maxconn);
    put_env_uint(r, e, "HAPROXY_SERVER_CURCONN", atomic_load(&s->cur_sess));
    put_env_uint(r, e, "HAPROXY_SERVER_SSL", !!(s->flags & SRVF_TLS));
    put_env(r, e, "HAPROXY_SERVER_PROTO", s->proto ? s->proto : "");
    /* preserve-env; of two variables of the same name programs see the first */
    for (char **p = environ; tune.external_env && *p && e->n < ENV_MAX; p++)
        e->v[e->n++] = *p;
}

/** <command> <proxy address> <proxy port> <server address> <server port> */
static void
make_argv(struct check_run *r, const char **argv)
{
    struct server *s = r->ck->srv;
    struct check *ck = r->ck;
    char addr[ADDR_TEXT_MAX];
    struct out o = { addr, 0, sizeof(addr) - 1, false };
    struct addr a;

    pthread_mutex_lock(&s->lock);
    a = ck->addr.kind != ADDR_NONE ? ck->addr : s->addr;
    pthread_mutex_unlock(&s->lock);
    if (addr_is_unix(&a))
        addr_put_config(&o, &a);
    else
        addr_put_host(&o, &a);
    argv[0] = arena_strdup(&r->tmp, r->conf->ext_command);
    argv[1] = "NOT_USED";
    argv[2] = "NOT_USED";
    argv[3] = arena_slicedup(&r->tmp, out_slice(&o));
    argv[4] =
        addr_is_unix(&a) ? "NOT_USED" : arena_printf(&r->tmp, "%u", ck->port ? ck->port : s->port);
    argv[5] = NULL;
}

/** Our descriptors are close-on-exec; signals and standard streams are put in order. */
static int
spawn(struct check_run *r, const char *const *argv, char *const *envp)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    sigset_t none, dflt;
    int rc;

    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attr);
    sigemptyset(&none);
    sigfillset(&dflt);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &dflt);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(
        &attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    rc = posix_spawn(&r->pid, argv[0], &fa, &attr, (char *const *)(uintptr_t)argv, envp);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&attr);
    return rc;
}

static void
forget(struct check_run *r)
{
    struct ext *x = r->ext;

    if (x) {
        io_del(&x->io);
        close(x->io.fd);
        free(x);
    }
    r->ext = NULL;
    r->pid = 0;
}

static void
on_exit_event(struct io *io, unsigned ready)
{
    struct check_run *r = container_of(io, struct ext, io)->run;
    int status = 0;

    (void)ready;
    if (waitpid(r->pid, &status, WNOHANG) == 0)
        return;
    forget(r);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        check_result(r, CHK_PROCOK, 0, NULL);
    else if (WIFEXITED(status))
        check_result(r, CHK_PROCERR, WEXITSTATUS(status), NULL);
    else
        check_result(r, CHK_PROCERR, WTERMSIG(status), "%s", strsignal(WTERMSIG(status)));
    check_run_done(r);
}

void
check_ext_kill(struct check_run *r)
{
    if (r->pid <= 0)
        return;
    kill(-r->pid, SIGKILL);
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    forget(r);
}

void
check_ext_expired(struct check_run *r)
{
    check_ext_kill(r);
    check_result(r, CHK_PROCTOUT, 0, NULL);
    check_run_done(r);
}

bool
check_ext_start(struct check_run *r)
{
    const char *argv[6];
    struct ext_env env = { .n = 0 };
    struct ext *x;
    int rc, fd;

    make_argv(r, argv);
    make_env(r, &env, argv);
    if (!argv[0] || !argv[3] || !argv[4]) {
        check_result(r, CHK_SOCKERR, 0, "out of memory");
        return false;
    }
    rc = spawn(r, argv, env.v);
    if (rc) {
        r->pid = 0;
        check_result(r, CHK_PROCERR, 255, "%s", strerror(rc));
        return false;
    }
    x = calloc(1, sizeof(*x));
    fd = x ? (int)syscall(SYS_pidfd_open, r->pid, 0) : -1;
    if (fd < 0 || !io_add(&x->io, fd, IO_IN | IO_LEVEL, on_exit_event)) {
        check_result(r, CHK_SOCKERR, 0, "%s", strerror(errno));
        if (fd >= 0)
            close(fd);
        free(x);
        check_ext_kill(r);
        return false;
    }
    x->run = r;
    r->ext = x;
    return true;
}
