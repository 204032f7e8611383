/* limits.c - deriving maxconn from the descriptor limit or the other way round. */
#include "process/limits.h"

#include "config/tune.h"
#include "proxy/listener.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define FD_RESERVE      100u /* epoll, logs, timers, files being read */
#define FD_HARD_DEFAULT 1048576u
#define FDS_PER_CONN    2u /* one on each side */

/* Sockets that are there whatever the traffic: listeners (one per thread), a check per server. */
static unsigned
fixed_fds(const struct config *cf)
{
    const struct proxy *px;
    struct listener *li;
    unsigned n = FD_RESERVE + 4 * cf->nthread;

    list_each (px, &cf->proxies, link) {
        list_each (li, &px->listeners, link)
            n += cf->nthread;
        n += px->nservers;
    }
    return n;
}

static bool
raise_limit(rlim_t want, rlim_t *got)
{
    struct rlimit r;

    getrlimit(RLIMIT_NOFILE, &r);
    if (want > r.rlim_max) {
        struct rlimit more = { want, want };
        if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
            *got = want;
            return true;
        }
        want = r.rlim_max;
    }
    r.rlim_cur = want;
    if (setrlimit(RLIMIT_NOFILE, &r) < 0)
        getrlimit(RLIMIT_NOFILE, &r);
    *got = r.rlim_cur;
    return true;
}

static unsigned
conns_for(rlim_t fds, unsigned fixed)
{
    return fds > fixed + 20 ? (unsigned)((fds - fixed) / FDS_PER_CONN) : 10;
}

/* Without a maxconn: what the descriptors allow. */
static void
automatic(struct config *cf, unsigned fixed, bool verbose)
{
    struct rlimit r;
    rlim_t hard = cf->fd_hard_limit ? cf->fd_hard_limit : FD_HARD_DEFAULT, got;

    getrlimit(RLIMIT_NOFILE, &r);
    rlim_t want = cf->ulimit_n ? cf->ulimit_n : MIN(r.rlim_max, hard);
    raise_limit(want, &got);
    tune.maxconn = conns_for(MIN(got, want), fixed);
    if (verbose)
        fprintf(stderr, "Note: setting global.maxconn to %u.\n", tune.maxconn);
}

bool
limits_apply(struct config *cf, bool loud, bool verbose)
{
    unsigned fixed = fixed_fds(cf);
    rlim_t got;
    int pid = (int)getpid();

    if (!tune.maxconn_cfg) {
        automatic(cf, fixed, verbose);
    } else {
        rlim_t want = (rlim_t)tune.maxconn_cfg * FDS_PER_CONN + fixed;
        if (cf->ulimit_n > want)
            want = cf->ulimit_n;
        tune.maxconn = tune.maxconn_cfg;
        raise_limit(want, &got);
        if (got < want) {
            unsigned fit = conns_for(got, fixed);
            bool strict = cf->strict_limits && cf->strict_limits_written;
            if (strict || loud)
                fprintf(stderr,
                        "%s (%d) : [haproxy.main()] FD limit (%llu) too low for "
                        "maxconn=%u/maxsock=%llu. "
                        "%s\n",
                        strict ? "[ALERT]   " : "[WARNING] ", pid, (unsigned long long)got,
                        tune.maxconn_cfg, (unsigned long long)want,
                        strict ? "Please raise 'ulimit-n' to that or more to avoid any trouble."
                               : "Starting with what the limit allows.");
            if (strict)
                return false;
            tune.maxconn = MIN(fit, tune.maxconn_cfg);
            if (loud)
                fprintf(stderr, "[WARNING]  (%d) : [haproxy.main()] maxconn is %u instead of %u.\n",
                        pid, tune.maxconn, tune.maxconn_cfg);
        }
    }
    struct rlimit r;
    getrlimit(RLIMIT_NOFILE, &r);
    tune.fd_limit = (unsigned)r.rlim_cur;
    tune.maxsock = tune.maxconn * FDS_PER_CONN + fixed;
    if (!tune.maxpipes)
        tune.maxpipes = tune.maxconn / 4;
    return true;
}
