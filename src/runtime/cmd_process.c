/* cmd_process.c - commands that look into the process: errors, threads, descriptors, memory,
 * libraries (management manual 9.3). */
#include "runtime/cli_int.h"

#include "base/hash.h"
#include "base/version.h"
#include "config/module.h"
#include "config/tune.h"
#include "proxy/error_capture.h"
#include "proxy/listener_pass.h"
#include "proxy/stream.h"
#include "runtime/runtime.h"
#include "stats/stats.h"

#include <link.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* ---- show errors ---- */

static enum cli_rc
cmd_show_errors(struct cli *c, const struct command *cmd)
{
    unsigned iid = 0, want = ERRC_REQUESTS | ERRC_RESPONSES;
    int64_t v;

    if (*c->arg[2]) {
        if (slice_to_int(slice_str(c->arg[2]), &v)) {
            iid = v > 0 ? (unsigned)v : 0;
        } else {
            struct proxy *px = proxy_find(config, c->arg[2], PX_LISTEN);
            if (!px)
                return cli_err(c, "No such proxy.");
            iid = px->id;
        }
        if (strcmp(c->arg[3], "request") == 0)
            want = ERRC_REQUESTS;
        else if (strcmp(c->arg[3], "response") == 0)
            want = ERRC_RESPONSES;
    }
    error_captures_put(&c->out, iid, want);
    return CLI_DONE;
}

/* ---- show activity ---- */

/* "name: total [ t1 t2 ]", or one of the columns. */
static void
put_activity(struct text *to, const char *name, const uint64_t *per_thread, int column)
{
    uint64_t total = 0;

    for (unsigned t = 0; t < config->nthread; t++)
        total += per_thread[t];
    if (column > 0) {
        text_printf(to, "%s: %llu\n", name, (unsigned long long)per_thread[column - 1]);
        return;
    }
    text_printf(to, "%s: %llu", name, (unsigned long long)total);
    if (column < 0 && config->nthread > 1) {
        text_str(to, " [");
        for (unsigned t = 0; t < config->nthread; t++)
            text_printf(to, " %llu", (unsigned long long)per_thread[t]);
        text_str(to, " ]");
    }
    text_char(to, '\n');
}

static enum cli_rc
cmd_show_activity(struct cli *c, const struct command *cmd)
{
    unsigned n = config->nthread;
    int64_t column = -1;
    struct loop_stats l;
    struct proxy *px;

    if (*c->arg[2] && (!slice_to_int(slice_str(c->arg[2]), &column) || column < -1 || column > n))
        return cli_err(c, "Invalid thread number: expects -1 (all), 0 (totals) or 1..%u.", n);
    uint64_t *v = xcalloc(6 * n, sizeof(*v));
    for (unsigned t = 0; t < n; t++) {
        loop_stats_get(config->loops[t], &l);
        v[t] = l.turns;
        v[n + t] = l.tasks;
        v[2 * n + t] = l.letters;
        v[3 * n + t] = l.timers;
        list_each (px, &config->proxies, link) {
            if (!px->fe_counters)
                continue;
            v[4 * n + t] += __atomic_load_n(&px->fe_counters[t].conn_tot, __ATOMIC_RELAXED);
            v[5 * n + t] += __atomic_load_n(&px->fe_counters[t].strm_tot, __ATOMIC_RELAXED);
        }
    }
    text_printf(&c->out, "thread_id: %u (1..%u)\ndate_now: %lld.%06lld\nuptime_now: %.6f\n",
                loop_tid() + 1, n, (long long)(loop_wall_us() / 1000000),
                (long long)(loop_wall_us() % 1000000),
                (double)(loop_wall_us() - config->start_wall_us) / 1e6);
    static const char *const names[] = { "loops",  "tasksw",   "wake_signal",
                                         "timers", "accepted", "streams" };
    for (unsigned i = 0; i < COUNT_OF(names); i++)
        put_activity(&c->out, names[i], v + i * n, (int)column);
    free(v);
    text_printf(&c->out, "avg_cpu_pct: %u\n", loop_busy_pct(loop_self()));
    return CLI_DONE;
}

/* ---- show threads, show tasks ---- */

static unsigned
length(const struct list *l)
{
    unsigned n = 0;

    for (const struct list *e = l->next; e != l; e = e->next)
        n++;
    return n;
}

static void
thread_here(struct text *out, void *arg)
{
    struct timespec cpu;
    struct loop_stats l;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    loop_stats_get(loop_self(), &l);
    text_printf(
        out,
        "%c Thread %u : id=0x%lx act=1 glob=0 wq=%u rq=%u\n"
        "      1/%u    stuck=0 busy=%u%% loops=%llu tasks=%llu letters=%llu\n"
        "             cpu_ns=%lld%09ld sessions=%u streams=%u conns=%u\n",
        loop_tid() == *(unsigned *)arg ? '*' : ' ', loop_tid() + 1, (unsigned long)pthread_self(),
        l.timers, l.runq, loop_tid() + 1, loop_busy_pct(loop_self()), (unsigned long long)l.turns,
        (unsigned long long)l.tasks, (unsigned long long)l.letters, (long long)cpu.tv_sec,
        cpu.tv_nsec, length(sessions_of_thread()), length(streams_of_thread()), conn_count());
}

static enum cli_rc
cmd_show_threads(struct cli *c, const struct command *cmd)
{
    unsigned *home = xmalloc(sizeof(*home));

    *home = loop_tid();
    return cli_on_threads_own(c, thread_here, home, NULL);
}

static enum cli_rc
cmd_show_tasks(struct cli *c, const struct command *cmd)
{
    unsigned runq = 0, timers = 0;
    struct loop_stats l;

    for (unsigned t = 0; t < config->nthread; t++) {
        loop_stats_get(config->loops[t], &l);
        runq += l.runq;
        timers += l.timers;
    }
    text_printf(&c->out, "Running tasks: %u (%u threads), %u timers\n", runq, config->nthread,
                timers);
    return CLI_DONE;
}

/* ---- show fd ---- */

struct fd_query {
    int only; /* -1: all */
    bool frontend, backend, listeners;
};

static bool
fd_wanted(const struct fd_query *q, int fd)
{
    return fd >= 0 && (q->only < 0 || q->only == fd);
}

static const char *
family_of(struct conn *conn)
{
    struct addr a;

    if (conn->flags & CONN_UNIX)
        return "unix";
    conn_need_src(conn);
    conn_src(conn, &a);
    return a.kind == ADDR_IP6 ? "ipv6" : a.kind == ADDR_IP4 ? "ipv4" : "unix";
}

/* Connections to servers are named by them, the others by their frontend. */
static void
put_conn_fd(struct text *out, const struct fd_query *q, struct conn *conn, const char *name,
            void *owner)
{
    if (!conn || !fd_wanted(q, conn->io.fd))
        return;
    bool back = conn->flags & CONN_BACK;
    text_printf(out,
                "%7d : st=0x%04x(%c%c%c%c) tmask=0x%llx owner=%p iocb=(conn) back=%d cflg=0x%08x "
                "cerr=%d fam=%s %s=%s xprt=%s\n",
                conn->io.fd, conn->io.events, conn->flags & CONN_RD_READY ? 'R' : 'r',
                conn->flags & CONN_WR_READY ? 'W' : 'w', conn->flags & CONN_HUP ? 'H' : 'h',
                conn->flags & CONN_ERR ? 'E' : 'e', 1ull << (loop_tid() % 64), owner, back,
                conn->flags, conn->err, back ? "-" : family_of(conn), back ? "sv" : "fe", name,
                conn->layer ? conn->layer->name : "RAW");
}

static void
put_idle(struct text *out, const struct fd_query *q)
{
    struct proxy *px;
    struct server *s;
    struct conn *conn;
    char name[512];

    list_each (px, &config->proxies, link)
        list_each (s, &px->servers, link) {
            if (!s->threads)
                continue;
            struct out o = OUT(name);
            o.size--;
            out_printf(&o, "%s/%s", px->name, s->name);
            name[o.len] = '\0';
            list_each (conn, &s->threads[loop_tid()].idle, link)
                put_conn_fd(out, q, conn, name, s);
            list_each (conn, &s->threads[loop_tid()].safe, link)
                put_conn_fd(out, q, conn, name, s);
        }
}

static void
put_listeners(struct text *out, const struct fd_query *q)
{
    static const char *const states[] = { "NEW", "RDY", "PAU", "FUL", "STP" };
    struct proxy *px;
    struct listener *li;

    list_each (px, &config->proxies, link)
        list_each (li, &px->listeners, link)
            for (unsigned i = 0; i < li->nfds; i++)
                if (fd_wanted(q, li->fds[i]))
                    text_printf(out,
                                "%7d : st=0x%04x tmask=0x%llx owner=%p iocb=(accept) l.st=%s fe=%s "
                                "fam=%s lport=%u\n",
                                li->fds[i], IO_IN | IO_LEVEL,
                                li->nfds == 1 ? ~0ull : 1ull << (i % 64), (void *)li,
                                states[atomic_load(&li->state) % 5], px->name,
                                li->addr.kind == ADDR_IP6 ? "ipv6"
                                : addr_is_ip(&li->addr)   ? "ipv4"
                                                          : "unix",
                                addr_port(&li->addr));
}

struct fd_cli {
    struct text *out;
    const struct fd_query *q;
};

static void
put_cli_fd(const struct cli *c, struct conn *conn, void *arg)
{
    struct fd_cli *f = arg;

    put_conn_fd(f->out, f->q, conn, "GLOBAL", (void *)c);
}

static void
fds_here(struct text *out, void *arg)
{
    const struct fd_query *q = arg;
    struct session *s;
    struct list *all = streams_of_thread();

    if (loop_tid() == 0 && q->listeners)
        put_listeners(out, q);
    if (q->frontend) {
        list_each (s, sessions_of_thread(), link)
            put_conn_fd(out, q, s->conn, s->fe->name, s);
        cli_each(put_cli_fd, &(struct fd_cli){ out, q });
    }
    if (!q->backend)
        return;
    for (struct list *n = all->next; n != all; n = n->next) {
        struct stream *st = container_of(n, struct stream, link);
        put_conn_fd(out, q, st->back, st->srv ? st->srv->name : "<none>", st);
    }
    put_idle(out, q);
}

/* "[-!plcfbs]*": what follows '-' or '!' is left out. */
static bool
parse_fd_filter(const char *word, struct fd_query *q)
{
    bool on = true;
    struct fd_query r = *q;

    r.frontend = r.backend = r.listeners = false;
    if (*word == '-' || *word == '!')
        r.frontend = r.backend = r.listeners = true;
    for (; *word; word++) {
        switch (*word) {
        case '-':
        case '!':
            on = !on;
            break;
        case 'p': /* pipes belong to no object that is shown */
            break;
        case 'l':
            r.listeners = on;
            break;
        case 'c':
            r.frontend = r.backend = on;
            break;
        case 'f':
            r.frontend = on;
            break;
        case 'b':
        case 's':
            r.backend = on;
            break;
        default:
            return false;
        }
    }
    *q = r;
    return true;
}

static enum cli_rc
cmd_show_fd(struct cli *c, const struct command *cmd)
{
    struct fd_query q = { -1, true, true, true };
    int64_t fd;

    for (unsigned i = 2; i < c->nargs; i++) {
        const char *slash = strchr(c->arg[i], '/'), *number = slash ? slash + 1 : c->arg[i];
        if (slice_to_int(slice_str(number), &fd) && fd >= 0)
            q.only = (int)MIN(fd, INT32_MAX);
        else if (slash && !*number)
            continue; /* "<tgid>/": there is one group */
        else if (!parse_fd_filter(c->arg[i], &q))
            return cli_err(c, "Invalid FD type");
    }
    struct fd_query *own = xmalloc(sizeof(*own));
    *own = q;
    return cli_on_threads_own(c, fds_here, own, NULL);
}

/* ---- libraries ---- */

static int
put_library(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct text *to = arg;
    uintptr_t low = UINTPTR_MAX, high = 0;

    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD)
            continue;
        low = MIN(low, info->dlpi_addr + p->p_vaddr);
        high = MAX(high, info->dlpi_addr + p->p_vaddr + p->p_memsz);
    }
    if (high <= low || !strchr(info->dlpi_name, '/') || low == 0) {
        char path[4096];
        ssize_t n = *info->dlpi_name ? -1 : readlink("/proc/self/exe", path, sizeof(path));
        if (n <= 0 || high <= low)
            return 0;
        text_printf(to, "0x%012lx-0x%012lx (0x%07lx) %.*s\n", (unsigned long)low,
                    (unsigned long)high - 1, (unsigned long)(high - low), (int)n, path);
        return 0;
    }
    text_printf(to, "0x%012lx-0x%012lx (0x%07lx) %s\n", (unsigned long)low, (unsigned long)high - 1,
                (unsigned long)(high - low), info->dlpi_name);
    return 0;
}

static enum cli_rc
cmd_show_libs(struct cli *c, const struct command *cmd)
{
    dl_iterate_phdr(put_library, &c->out);
    return CLI_DONE;
}

/* ---- show dev ---- */

static void
put_limit(struct text *to, const char *name, int resource)
{
    struct rlimit r;

    if (getrlimit(resource, &r) < 0)
        return;
    text_printf(to, "  %s: ", name);
    if (r.rlim_cur == RLIM_INFINITY)
        text_str(to, "unlimited");
    else
        text_printf(to, "%llu", (unsigned long long)r.rlim_cur);
    if (r.rlim_max == RLIM_INFINITY)
        text_str(to, " (hard: unlimited)\n");
    else
        text_printf(to, " (hard: %llu)\n", (unsigned long long)r.rlim_max);
}

static enum cli_rc
cmd_show_dev(struct cli *c, const struct command *cmd)
{
    struct text *to = &c->out;
    struct utsname u;

    text_str(to, "HAProxy version " FULL_VERSION "\nPlatform info\n");
    if (uname(&u) == 0)
        text_printf(to, "  machine: %s\n  OS name: %s\n  OS release: %s\n  OS version: %s\n",
                    u.machine, u.sysname, u.release, u.version);
    text_printf(to, "  processors: %ld\nProcess info\n", sysconf(_SC_NPROCESSORS_ONLN));
    text_printf(to, "  pid: %d\n  boot uid: %d\n  boot gid: %d\n  threads: %u\n", (int)getpid(),
                (int)getuid(), (int)getgid(), config->nthread);
    put_limit(to, "fd limit", RLIMIT_NOFILE);
    put_limit(to, "ram limit", RLIMIT_DATA);
    put_limit(to, "core limit", RLIMIT_CORE);
    text_printf(to, "  configuration: %u proxies\n", config->nproxies);
    return CLI_DONE;
}

static enum cli_rc
cmd_debug_counters(struct cli *c, const struct command *cmd)
{
    text_printf(&c->out,
                "Count     Type Location function(): \"condition\" [comment]\n%-9lu BUG  (all)\n",
                suspect_count());
    return CLI_DONE;
}

static enum cli_rc
cmd_debug_hash(struct cli *c, const struct command *cmd)
{
    return cli_msg(c, CLI_INFO, "hash: 0x%08x", hash_xxh32(slice_str(cli_rest(c, 3)), 0));
}

/* ---- show startup-logs ---- */

static struct cfg *boot_cfg;

static void
keep_cfg(struct cfg *c)
{
    boot_cfg = c;
}

static enum cli_rc
cmd_startup_logs(struct cli *c, const struct command *cmd)
{
    if (boot_cfg)
        diags_print(&boot_cfg->diags, &c->out, false);
    return CLI_DONE;
}

/* ---- wait ---- */

#define WAIT_POLL_MS 20

struct waiting {
    int64_t until_ms;
    const char *(*refused)(struct cli *c, bool *hopeless); /* NULL: plain sleep */
};

static void
wait_free(struct cli *c)
{
    free(c->state);
    c->state = NULL;
}

static void
wait_step(struct cli *c)
{
    struct waiting *w = c->state;
    bool hopeless = false, over = loop_now_ms() >= w->until_ms;
    const char *why = w->refused ? w->refused(c, &hopeless) : NULL;

    if (!over && !hopeless && (why || !w->refused)) {
        int64_t left = w->until_ms - loop_now_ms();
        cli_timer(c, (int)MAX(1, w->refused ? MIN(left, WAIT_POLL_MS) : left), wait_step);
        return;
    }
    if (why)
        cli_err(c, "Failed. %s", why);
    else
        cli_msg(c, CLI_INFO, "Done.");
    wait_free(c);
    cli_finish(c);
}

static const char *
server_not_removable(struct cli *c, bool *hopeless)
{
    struct slice sv, be = slice_cut(slice_str(c->arg[3]), '/', &sv);
    struct proxy *px = htab_get(&config->by_name, be);
    struct server *s = NULL, *each;

    if (px && sv.p)
        list_each (each, &px->servers, link)
            if (slice_eq_str(sv, each->name))
                s = each;
    *hopeless = true;
    return s ? server_removable(s, hopeless) : "No such server.";
}

static const char *
backend_not_removable(struct cli *c, bool *hopeless)
{
    struct proxy *px = proxy_find(config, c->arg[3], PX_BE);

    *hopeless = true;
    return px ? backend_removable(px, hopeless) : "No such backend.";
}

static const char wait_usage[] =
    "Usage: wait {-h|<delay>} [condition [args...]]\n"
    "  - '-h' displays this help message\n"
    "  - <delay> is the maximum wait time, in milliseconds unless there is a unit\n"
    "  - <condition> to satisfy, the following ones are supported:\n"
    "    - none. This is the default\n"
    "    - srv-removable <proxy>/<server> : the server can be removed\n"
    "    - be-removable <backend> : the backend can be removed";

static enum cli_rc
cmd_wait(struct cli *c, const struct command *cmd)
{
    const char *cond = c->arg[2];
    uint64_t us;

    if (strcmp(c->arg[1], "-h") == 0)
        return cli_msg(c, CLI_INFO, "%s", wait_usage);
    if (!*c->arg[1])
        return cli_err(c, "%s", wait_usage);
    if (units_parse_time(slice_str(c->arg[1]), 1000, &us))
        return cli_err(c, "Invalid duration '%s'.", c->arg[1]);
    struct waiting w = { .until_ms = loop_now_ms() + (int64_t)MIN(us / 1000, (uint64_t)INT32_MAX) };
    if (strcmp(cond, "srv-removable") == 0)
        w.refused = server_not_removable;
    else if (strcmp(cond, "be-removable") == 0)
        w.refused = backend_not_removable;
    else if (*cond)
        return cli_err(c, "%s", wait_usage);
    if (w.refused && !*c->arg[3])
        return cli_err(c, "Condition '%s' expects an argument.", cond);
    struct waiting *own = xmalloc(sizeof(*own));
    *own = w;
    c->state = own;
    c->cancel = wait_free;
    wait_step(c);
    return CLI_WAIT;
}

/* ---- show events ---- */

static enum cli_rc
cmd_show_events(struct cli *c, const struct command *cmd)
{
    if (*c->arg[2] && *c->arg[2] != '-')
        return cli_err(c, "No such event sink");
    text_printf(&c->out,
                "Supported events sinks are listed below. Add -0(zero), -w(wait), -n(new). Any key "
                "to stop.\n"
                "    stdout     : type=fd, 0 dropped, standard output (fd#1)\n"
                "    stderr     : type=fd, %lu dropped, standard error and other log targets\n",
                log_dropped());
    return CLI_DONE;
}

/* ---- dump stats-file ---- */

static void
put_file_row(struct text *to, const struct stats_row *r, const char *guid,
             const enum stats_column *cols, unsigned n)
{
    text_printf(to, "%s,", guid);
    for (unsigned i = 0; i < n; i++) {
        stats_put_csv(to, &r->v[cols[i]]);
        text_char(to, ',');
    }
    text_char(to, '\n');
}

static const char *
guid_of(const struct stats_row *r)
{
    return r->kind == STATS_SRV ? r->srv->guid : r->kind == STATS_LI ? NULL : r->px->guid;
}

static void
put_file_block(struct text *to, const char *title, unsigned want, const enum stats_column *cols,
               unsigned n)
{
    struct stats_walk w = { .want = want, .sid = -1 };
    struct stats_row *r = xcalloc(1, sizeof(*r));

    text_printf(to, "#%s guid,", title);
    for (unsigned i = 0; i < n; i++)
        text_printf(to, "%s,", stats_columns[cols[i]].name);
    text_char(to, '\n');
    while (stats_walk_next(&w, r))
        if (guid_of(r))
            put_file_row(to, r, guid_of(r), cols, n);
    text_char(to, '\n');
    free(r);
}

static enum cli_rc
cmd_dump_stats_file(struct cli *c, const struct command *cmd)
{
    static const enum stats_column fe[] = {
        ST_stot, ST_bin, ST_bout, ST_dreq, ST_dresp, ST_ereq, ST_rate, ST_hrsp_1xx, ST_hrsp_2xx, ST_hrsp_3xx, ST_hrsp_4xx,
        ST_hrsp_5xx, ST_hrsp_other, ST_req_rate, ST_req_tot, ST_comp_in, ST_comp_out, ST_comp_byp, ST_comp_rsp, ST_conn_rate,
        ST_conn_tot, ST_intercepted, ST_dcon, ST_dses, ST_wrew, ST_cache_lookups, ST_cache_hits, ST_eint, ST_h1sess, ST_h2sess,
        ST_h3sess, ST_req_other, ST_h1req, ST_h2req, ST_h3req, ST_reqbin, ST_reqbout, ST_resbin, ST_resbout, ST_cache_hint_hits,
    }, be[] = {
        ST_stot, ST_bin, ST_bout, ST_dreq, ST_dresp, ST_econ, ST_eresp, ST_wretr, ST_wredis, ST_chkfail, ST_chkdown, ST_lastchg,
        ST_lbtot, ST_rate, ST_hrsp_1xx, ST_hrsp_2xx, ST_hrsp_3xx, ST_hrsp_4xx, ST_hrsp_5xx, ST_hrsp_other, ST_hanafail,
        ST_req_tot, ST_cli_abrt, ST_srv_abrt, ST_comp_in, ST_comp_out, ST_comp_byp, ST_comp_rsp, ST_lastsess, ST_wrew, ST_connect,
        ST_reuse, ST_cache_lookups, ST_cache_hits, ST_eint, ST_reqbin, ST_reqbout, ST_resbin, ST_resbout, ST_cache_hint_hits,
    };

    put_file_block(&c->out, "fe", STATS_WANT_FE | STATS_WANT_LI, fe, COUNT_OF(fe));
    put_file_block(&c->out, "be", STATS_WANT_BE | STATS_WANT_SRV, be, COUNT_OF(be));
    return CLI_DONE;
}

static void
on_stop(struct config *cf)
{
    error_captures_fini();
}

#define O CLI_LEVEL_OPERATOR
#define U CLI_LEVEL_USER
/* ---- _getsocks: of HAProxy's and our own option -x ---- */

static enum cli_rc
cmd_getsocks(struct cli *c, const struct command *cmd)
{
    bool allowed = c->exposes_fds, all = strcmp(c->arg[1], "all") == 0;
    int fd = cli_take_socket(c);

    (void)cmd;
    if (allowed)
        listener_pass_send(fd, all);
    else
        close(fd);
    return CLI_DONE;
}

static const struct command commands[] = {
    { "_getsocks", "_getsocks", "hand over the listening sockets", CLI_LEVEL_USER, cmd_getsocks,
      CMDF_HIDDEN, NULL },
    { "show errors", "show errors [<px>] [request|response]",
      "the last malformed messages of each proxy", O, cmd_show_errors, 0, NULL },
    { "show activity", "show activity [-1|0|<thread>]", "what the threads did so far",
      CLI_LEVEL_USER, cmd_show_activity, 0, NULL },
    { "show threads", "show threads", "state of the threads", CLI_LEVEL_USER, cmd_show_threads, 0,
      NULL },
    { "show tasks", "show tasks", "tasks that are about to run", CLI_LEVEL_USER, cmd_show_tasks, 0,
      NULL },
    { "show fd", "show fd [-!plcfbs]* [num]", "file descriptors in use", O, cmd_show_fd, 0, NULL },
    { "show libs", "show libs", "program and libraries in memory", O, cmd_show_libs, 0, NULL },
    { "show dev", "show dev", "facts about the platform and the process", O, cmd_show_dev, 0,
      NULL },
    { "show events", "show events [<sink>] [-w] [-n] [-0]", "where events go", CLI_LEVEL_USER,
      cmd_show_events, 0, NULL },
    { "show startup-logs", "show startup-logs", "messages given when the process started", O,
      cmd_startup_logs, 0, NULL },
    { "dump stats-file", "dump stats-file", "counters for the next process (stats-file)", O,
      cmd_dump_stats_file, 0, NULL },
    { "debug counters", "debug counters [?|all|bug|cnt|chk|glt|off|on|reset|show]*",
      "events that should not happen", O, cmd_debug_counters, 0, NULL },
    { "debug dev hash", "debug dev hash [msg]", "hash of a message", O, cmd_debug_hash, 0, NULL },
    { "wait", "wait {-h|<delay_ms>} [cond [args...]]", "wait for a while, or for a condition", U,
      cmd_wait, 0, NULL },
    { 0 },
};
#undef O
#undef U

const struct module runtime_process_module = {
    .name = "runtime API: process",
    .commands = commands,
    .check = keep_cfg,
    .stop = on_stop,
};
