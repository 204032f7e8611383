/* main.c - from the command line to running threads: read, check, bind, become a daemon, drop
 * privileges, serve. */
#include "base/epoch.h"
#include "config/cfg.h"
#include "config/module.h"
#include "config/tune.h"
#include "log/log.h"
#include "process/cmdline.h"
#include "process/commands.h"
#include "process/dump.h"
#include "process/global.h"
#include "process/jail.h"
#include "process/limits.h"
#include "process/load.h"
#include "process/master.h"
#include "process/version.h"
#include "process/worker.h"
#include "proxy/listener.h"
#include "proxy/listener_pass.h"
#include "proxy/section.h"
#include "stats/stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXIT_BY_SIGNAL 128 /* plus the signal that ended the process */

static struct cmdline opts;
static struct config cf;
static struct cfg cfg;

static bool
has_listener(void)
{
    struct proxy *px;

    list_each (px, &cf.proxies, link)
        if (!px->disabled && !(px->cap & PX_INTERNAL) && !list_empty(&px->listeners))
            return true;
    return false;
}

/* ---- starting ---- */

static int ready_pipe = -1;
static const char *pidfile;

static bool
write_pidfile(void)
{
    if (!pidfile)
        return true;
    char *tmp = xasprintf("%s.tmp", pidfile);
    FILE *f = fopen(tmp, "w");
    bool ok = f != NULL;

    if (f) {
        fprintf(f, "%d\n", (int)getpid());
        ok = fclose(f) == 0 && rename(tmp, pidfile) == 0;
    }
    if (!ok)
        fprintf(stderr, "[ALERT]    (%d) : [haproxy.main()] Cannot create pidfile %s (%s)\n",
                (int)getpid(), pidfile, strerror(errno));
    free(tmp);
    return ok;
}

/* The process that was started waits until the daemon serves, so that its exit status tells. */
static void
daemonize(void)
{
    int p[2];

    if (pipe2(p, O_CLOEXEC) < 0) {
        perror("steelyard: pipe");
        exit(1);
    }
    pid_t pid = fork();
    if (pid < 0) {
        fprintf(stderr, "[ALERT]    (%d) : [haproxy.main()] Cannot fork\n", (int)getpid());
        exit(1);
    }
    if (pid > 0) {
        char c;
        close(p[1]);
        _exit(read(p[0], &c, 1) == 1 ? 0 : 1);
    }
    close(p[0]);
    setsid();
    ready_pipe = p[1];
}

static void
drop_terminal(void)
{
    int fd = open("/dev/null", O_RDWR);

    if (fd < 0)
        return;
    dup2(fd, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    if (fd > 2)
        close(fd);
}

/* setcap: those of the permitted ones that are asked for become effective, the others are given up
 * by a user that is not root. */
static void
keep_capabilities(void)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];

    if (!cf.keep_caps || geteuid() == 0)
        return;
    memset(d, 0, sizeof(d));
    if (syscall(SYS_capget, &h, d) == 0) {
        d[0].permitted &= cf.keep_caps;
        d[0].effective = d[0].permitted;
        d[0].inheritable = d[1].permitted = d[1].effective = d[1].inheritable = 0;
        if (syscall(SYS_capset, &h, d) == 0 && d[0].effective == cf.keep_caps)
            return;
    }
    fprintf(stderr,
            "[WARNING]  (%d) : [haproxy.main()] some capabilities of 'setcap' are not available.\n",
            (int)getpid());
}

static bool
drop_privileges(void)
{
    int pid = (int)getpid();

    if (cf.chroot && !jail_enter(cf.chroot)) {
        fprintf(stderr, "[ALERT]    (%d) : [haproxy.main()] Cannot chroot(%s) : %s.\n", pid,
                cf.chroot, strerror(errno));
        return false;
    }
    if (cf.gid >= 0) {
        if (geteuid() == 0 && setgroups(0, NULL) < 0) {
            fprintf(stderr,
                    "[ALERT]    (%d) : [haproxy.main()] Cannot drop supplementary groups.\n", pid);
            return false;
        }
        if (setgid((gid_t)cf.gid) < 0) {
            fprintf(stderr, "[ALERT]    (%d) : [haproxy.main()] Cannot set gid %d.\n", pid, cf.gid);
            return false;
        }
    }
    if (cf.uid >= 0 && cf.keep_caps && geteuid() == 0)
        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    if (cf.uid >= 0 && setuid((uid_t)cf.uid) < 0) {
        fprintf(stderr, "[ALERT]    (%d) : [haproxy.main()] Cannot set uid %d.\n", pid, cf.uid);
        return false;
    }
    keep_capabilities();
    /* What we start shall not become somebody else (manual, insecure-setuid-wanted). */
    if (!tune.insecure_setuid)
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (cf.set_dumpable)
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    return true;
}

/* Called by the first thread once all accept connections. */
static void
on_ready(void)
{
    if (!master_has() && !write_pidfile())
        _exit(1);
    master_worker_ready();
    for (unsigned i = 0; i < opts.nold_pids; i++)
        kill(opts.old_pids[i], opts.old_signal);
    if (ready_pipe >= 0) {
        drop_terminal();
        if (write(ready_pipe, "", 1) != 1)
            _exit(1);
        close(ready_pipe);
    }
    if (!opts.nfiles)
        demo_announce();
}

static unsigned
thread_count(void)
{
    cpu_set_t set;
    unsigned n = 1;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        n = (unsigned)CPU_COUNT(&set);
    if (tune.nbthread)
        n = tune.nbthread;
    n *= tune.nbproc;
    if (tune.thread_hard_limit && n > tune.thread_hard_limit) {
        if (tune.nbthread)
            fprintf(stderr, "[WARNING]  (%d) : %u threads are reduced to thread-hard-limit %u.\n",
                    (int)getpid(), n, tune.thread_hard_limit);
        n = tune.thread_hard_limit;
    }
    n = n < 1 ? 1 : n > 1024 ? 1024 : n;
    if (opts.say_cpus)
        fprintf(stderr, "%d processors, %d of them for us; %u threads\n",
                (int)sysconf(_SC_NPROCESSORS_ONLN), CPU_COUNT(&set), n);
    return n;
}

static bool
start_modules(void)
{
    for (unsigned m = 0; modules[m]; m++)
        if (modules[m]->start && !modules[m]->start(&cf))
            return false;
    return true;
}

static void
limit_memory(void)
{
    if (!opts.mem_mb)
        return;
    struct rlimit r = { (rlim_t)opts.mem_mb << 20, (rlim_t)opts.mem_mb << 20 };
    if (setrlimit(RLIMIT_DATA, &r) < 0)
        fprintf(stderr, "[WARNING]  (%d) : [haproxy.main()] Cannot fix MEM limit to %u megs.\n",
                (int)getpid(), opts.mem_mb);
}

/* Everything is open: becomes what the configuration wants to run as, and runs. */
static int
enter(void)
{
    if ((opts.daemon || cf.daemon) && !opts.debug && !opts.no_daemon && !opts.master)
        daemonize();
    global_set_runtime_priority(&cf);
    if (!drop_privileges())
        return 1;
    cf.quiet = (opts.quiet || cf.quiet) && !opts.verbose;
    int why = worker_run(&cf, on_ready);
    return why < 0 ? 1 : why ? EXIT_BY_SIGNAL + why : 0;
}

static int
serve(void)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    cf.start_wall_us = (int64_t)now.tv_sec * 1000000 + now.tv_usec;
    cf.nthread = thread_count();
    cf.loops = xcalloc(cf.nthread, sizeof(struct loop *));
    limit_memory();
    if (!opts.nfiles && !demo_start())
        return 1;
    if (!limits_apply(&cf, !opts.quiet || opts.verbose, opts.verbose && !opts.quiet))
        return 1;
    /* The first worker of a master takes them, the next ones have them from the master. */
    if (opts.old_sockets && !master_reloads() && !listener_pass_take(opts.old_sockets))
        return 1;
    int rc = start_modules() && listeners_open(&cf) ? enter() : 1;
    for (unsigned m = 0; modules[m]; m++)
        if (modules[m]->stop)
            modules[m]->stop(&cf);
    free(cf.loops);
    return rc;
}

/* Warnings that HAProxy gives about how it was started: as root without giving that up (3.3, 3.4).
 * False when they are errors. */
static bool
warn_about_start(void)
{
    const char *const about[] = {
        opts.master_socket ? "option -S is not supported yet: no master socket." : NULL,
        geteuid() == 0 && !cf.chroot && opts.nfiles
            ? "started as root without 'chroot': please set it to an empty directory or to 'auto', "
              "or to '/' to say that it is meant so."
            : NULL,
        geteuid() == 0 && cf.uid < 0 && opts.nfiles
            ? "running as root: please set 'user' or 'uid', 'uid 0' to say that it is meant so."
            : NULL,
    };
    bool any = false;

    for (unsigned i = 0; i < COUNT_OF(about); i++) {
        any |= about[i] != NULL;
        atomic_fetch_add(&stats_process.warnings, about[i] != NULL);
        if (about[i] && (!opts.quiet || opts.verbose))
            fprintf(stderr, "[WARNING]  (%d) : %s\n", (int)getpid(), about[i]);
    }
    if (any && (cf.zero_warning || opts.warn_fatal))
        fprintf(stderr,
                "[ALERT]    (%d) : Some warnings were found and 'zero-warning' is set. Aborting.\n",
                (int)getpid());
    return !any || !(cf.zero_warning || opts.warn_fatal);
}

static int
run(void)
{
    load_begin(&cfg, &cf, &opts);
    if (opts.dump_keywords)
        dump_keywords(opts.dump_keywords);
    if (!load_configuration(&cfg, &opts))
        return 1;
    if (opts.dump_libs)
        dump_libraries(!opts.quiet);
    if (opts.maxconn)
        tune.maxconn_cfg = opts.maxconn;
    if (opts.check) {
        if (!has_listener() && opts.verbose)
            puts("Configuration file has no error but will not start (no listener) => exit(2).");
        else if (opts.verbose)
            puts("Configuration file is valid");
        return has_listener() ? 0 : 2;
    }
    if (!has_listener() && !cf.cli) {
        fprintf(stderr,
                "[ALERT]    (%d) : [haproxy.main()] No enabled listener found (check for 'bind' "
                "directives) ! Exiting.\n",
                (int)getpid());
        return 1;
    }
    pidfile = opts.pidfile                                                   ? opts.pidfile
              : (opts.daemon || cf.daemon) && !opts.no_daemon && !opts.debug ? cf.pidfile
                                                                             : NULL;
    return warn_about_start() ? serve() : 1;
}

/* Reads, serves, releases everything. */
static int
run_process(void)
{
    int rc = run();

    if (tune.quick_exit && !opts.check && rc <= EXIT_BY_SIGNAL) {
        fflush(NULL);
        _exit(rc);
    }
    load_end(&cfg);
    if (rc == EXIT_BY_SIGNAL + SIGTERM && master_has())
        return 0;              /* told to end: nothing went wrong */
    if (rc > EXIT_BY_SIGNAL) { /* as if nobody had caught it: what scripts and the master expect */
        sigset_t none;
        signal(rc - EXIT_BY_SIGNAL, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        raise(rc - EXIT_BY_SIGNAL);
    }
    return rc;
}

static int
run_master(void)
{
    struct master_conf mc = { .systemd = opts.systemd,
                              .quiet = opts.quiet && !opts.verbose,
                              .pidfile = opts.pidfile };

    if (opts.daemon && !opts.systemd) {
        daemonize();
        mc.on_ready = drop_terminal;
    }
    return master_run(&mc, run_process);
}

static int
evaluate_condition(void)
{
    char *err = NULL;
    int rc;

    tune_defaults();
    rc = cond_expr_eval(opts.cond, &err);
    if (rc < 0)
        fprintf(stderr, "[ALERT]    (%d) : %s\n", (int)getpid(), err ? err : "bad condition");
    free(err);
    return rc < 0 ? 2 : rc > 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
    int rc;

    if (argc > 1 && command_run(argc - 1, argv + 1, &rc))
        return rc;
    if (!cmdline_parse(&opts, argc, argv)) {
        cmdline_usage(argv[0]);
        return 1;
    }
    if (opts.help || opts.version || opts.build_info) {
        if (opts.help)
            cmdline_usage(argv[0]);
        else if (opts.build_info)
            version_print_build();
        else if (opts.version == VERSION_LONG)
            version_print();
        else
            version_print_only(opts.version);
        return 0;
    }
    if (opts.check_cond)
        return evaluate_condition();
    if (opts.chdir && chdir(opts.chdir) < 0) {
        fprintf(stderr, "[ALERT]    (%d) : Could not change to directory %s : %s\n", (int)getpid(),
                opts.chdir, strerror(errno));
        return 1;
    }
    if (opts.master && !opts.check)
        return run_master();
    return run_process();
}
