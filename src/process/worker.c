/* worker.c - threads with a loop each; SIGUSR1 lets traffic finish, SIGTERM and SIGINT end at once.
 *
 * Signals are read by the first thread through a descriptor, so nothing happens at odd moments. */
#include "process/worker.h"

#include "base/epoch.h"
#include "config/module.h"
#include "config/tune.h"
#include "log/log.h"
#include "net/conn.h"
#include "process/global.h"
#include "process/thread.h"
#include "proxy/session.h"
#include "proxy/stream_int.h"
#include "stats/stats.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define STOP_CHECK_MS  50
#define SPREAD_TICK_MS 50 /* between two lots of idle connections that are closed */

struct thread {
    pthread_t id;
    unsigned tid;
    struct letter stop;
    bool ok;
};

static struct thread *threads;
static pthread_barrier_t started, ended;
static struct io signals;
static _Atomic int ended_by;
static struct timer stop_timer;
static int64_t hard_stop_ms;

/* ---- stopping ---- */

static void
stop_all(int why)
{
    ended_by = why;
    for (unsigned i = 0; i < config->nthread; i++)
        loop_stop(config->loops[i]);
}

static _Atomic unsigned threads_stopped; /* that accept no more */
static __thread struct timer spread_timer;

/* close-spread-time: as many in each lot that all are closed in the end. */
static void
on_spread(struct timer *t)
{
    int64_t left = config->close_spread_end_ms - loop_now_ms();

    sessions_close_idle(SPREAD_TICK_MS, left > SPREAD_TICK_MS ? (unsigned)left : SPREAD_TICK_MS);
    if (left > 0)
        timer_set(t, loop_now_ms() + MIN(left, SPREAD_TICK_MS), on_spread);
    else if (left > -SESSION_FRESH_MS) /* those who had just come */
        timer_set(t, loop_now_ms() + SESSION_FRESH_MS, on_spread);
}

static void
on_stop_letter(struct letter *l)
{
    listeners_thread_stop(config);
    atomic_fetch_add(&threads_stopped, 1);
    if (config->close_spread_ms >= 0)
        on_spread(&spread_timer);
}

static void
check_stopped(struct timer *t)
{
    bool late = hard_stop_ms && loop_now_ms() >= hard_stop_ms;

    if (late)
        log_printf(&config->log, NULL, LOGL_WARNING,
                   "soft-stop running for too long, performing a hard-stop.\n");
    bool closed = atomic_load(&threads_stopped) == config->nthread;

    if (late || (closed && atomic_load(&config->conn) == 0)) {
        stop_all(0);
        return;
    }
    timer_set(&stop_timer, loop_now_ms() + STOP_CHECK_MS, check_stopped);
}

/* All threads stop accepting. */
static void
stop_accepting(struct timer *t)
{
    for (unsigned i = 0; i < config->nthread; i++) {
        threads[i].stop.deliver = on_stop_letter;
        loop_post(config->loops[i], &threads[i].stop);
    }
    timer_set(t, loop_now_ms() + 1, check_stopped);
}

static void
say_stopped(struct proxy *px)
{
    struct px_counters fe, be;
    char text[512];
    struct out o = OUT(text);

    stats_sum_px(&fe, px->fe_counters);
    stats_sum_px(&be, px->be_counters);
    out_printf(&o, "Proxy %s stopped (cumulated conns: FE: %llu, BE: %llu).", px->name,
               (unsigned long long)fe.conn_tot, (unsigned long long)be.stot);
    log_printf(&px->log, NULL, LOGL_WARNING, "%.*s\n", (int)o.len, o.p);
    if (!config->quiet)
        fprintf(stderr, "[WARNING]  (%d) : %.*s\n", (int)getpid(), (int)o.len, o.p);
}

static void
begin_stop(struct timer *t)
{
    struct proxy *px;

    if (config->grace_ms)
        fprintf(stderr, "[NOTICE]   (%d) : Grace period expired, proceeding with soft-stop now.\n",
                (int)getpid());
    config->close_spread_end_ms = loop_now_ms() + MAX(config->close_spread_ms, 0);
    atomic_store(&config->stopping, 1);
    list_each (px, &config->proxies, link) {
        if (px->disabled || atomic_load(&px->stopped))
            continue;
        say_stopped(px);
        if (!(px->cap & PX_INTERNAL))
            atomic_store(&px->stopped, true);
    }
    if (config->hard_stop_after_ms)
        hard_stop_ms = loop_now_ms() + config->hard_stop_after_ms;
    int ms = listeners_prepare_stop(config);
    if (ms)
        timer_set(t, loop_now_ms() + ms, stop_accepting);
    else
        stop_accepting(t);
}

void
worker_soft_stop(void)
{
    if (atomic_exchange(&config->stop_announced, 1))
        return;
    if (!config->grace_ms) {
        begin_stop(&stop_timer);
        return;
    }
    fprintf(stderr, "[NOTICE]   (%d) : Scheduling a soft-stop in %d ms.\n", (int)getpid(),
            config->grace_ms);
    timer_set(&stop_timer, loop_now_ms() + config->grace_ms, begin_stop);
}

static void
on_signal(struct io *io, unsigned ready)
{
    struct signalfd_siginfo si;

    while (read(io->fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        if (si.ssi_signo == SIGUSR1)
            worker_soft_stop();
        else if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
            stop_all((int)si.ssi_signo);
        /* SIGHUP, SIGQUIT, SIGTTOU and SIGTTIN mean nothing yet. */
    }
}

static bool
watch_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd >= 0 && io_add(&signals, fd, IO_IN | IO_LEVEL, on_signal);
}

/* ---- threads ---- */

/* Ends what is still there, so that nothing is leaked at exit. */
static void
finish(void)
{
    timer_cancel(&spread_timer);
    thread_end(config);
    log_flush();
    pthread_barrier_wait(&ended);
    thread_close();
}

/* Bound to its cores first, so that its memory comes from near them. */
static bool
start(unsigned tid)
{
    cpu_map_apply(config, tid);
    return thread_open(config, tid);
}

static void *
thread_main(void *arg)
{
    struct thread *t = arg;

    t->ok = start(t->tid);
    pthread_barrier_wait(&started);
    /* The first thread decides whether all have come up. */
    pthread_barrier_wait(&started);
    if (ended_by == 0) {
        t->ok = listeners_thread_start(config);
        loop_run();
    }
    finish();
    return NULL;
}

static bool
spawn(struct config *cf)
{
    for (unsigned i = 1; i < cf->nthread; i++) {
        threads[i].tid = i;
        int e = pthread_create(&threads[i].id, NULL, thread_main, &threads[i]);
        if (e) {
            fprintf(stderr, "steelyard: cannot create thread %u: %s\n", i + 1, strerror(e));
            exit(1);
        }
    }
    threads[0].ok = start(0) && watch_signals(); /* last: what it creates would be bound with it */
    pthread_barrier_wait(&started);
    bool ok = true;
    for (unsigned i = 0; i < cf->nthread; i++)
        ok &= threads[i].ok;
    if (!ok)
        ended_by = -1;
    pthread_barrier_wait(&started);
    return ok;
}

int
worker_run(struct config *cf, void (*ready)(void))
{
    sigset_t set;

    sigfillset(&set);
    sigdelset(&set, SIGSEGV);
    sigdelset(&set, SIGABRT);
    sigdelset(&set, SIGBUS);
    sigdelset(&set, SIGFPE);
    sigdelset(&set, SIGPROF);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    threads = xcalloc(cf->nthread, sizeof(*threads));
    pthread_barrier_init(&started, NULL, cf->nthread);
    pthread_barrier_init(&ended, NULL, cf->nthread);
    if (spawn(cf)) {
        threads[0].ok = listeners_thread_start(cf);
        if (ready)
            ready();
        loop_run();
    }
    if (signals.fd > 0) {
        io_del(&signals);
        close(signals.fd);
    }
    timer_cancel(&stop_timer);
    finish();
    for (unsigned i = 1; i < cf->nthread; i++)
        pthread_join(threads[i].id, NULL);
    pthread_barrier_destroy(&started);
    pthread_barrier_destroy(&ended);
    free(threads);
    return ended_by;
}
