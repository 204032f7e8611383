/* cmd_profiling.c - set profiling, show profiling: where streams spend their time, step by step
 * (management manual 9.3, profiling.tasks).
 *
 * Streams count on their own threads; the command goes round and adds up. */
#include "runtime/cli_int.h"

#include "config/module.h"
#include "proxy/stream.h"
#include "runtime/runtime.h"

#include <stdlib.h>

/* `auto`: some streams are measured while a thread works at least so many percent of its time,
 * until it works less than so many. */
#define BUSY_PCT  95u
#define EASY_PCT  80u
#define LOOK_MASK 1023u /* every so many turns of a loop */

static _Atomic int mode = STREAM_PROFILING_AUTO;
static _Atomic int64_t began_us, ended_us; /* wall; ended 0: goes on */

static void
switch_to(int to)
{
    if (atomic_exchange(&stream_profiling, to) == to)
        return;
    bool on = to != STREAM_PROFILING_OFF;
    if (on)
        atomic_store(&began_us, loop_wall_us());
    atomic_store(&ended_us, on ? 0 : loop_wall_us());
}

/* At the end of a turn. */
static void
look_at_load(void)
{
    static _Thread_local unsigned turns;

    if (++turns & LOOK_MASK || atomic_load(&mode) != STREAM_PROFILING_AUTO)
        return;
    unsigned busy = loop_busy_pct(loop_self());
    if (busy >= BUSY_PCT)
        switch_to(STREAM_PROFILING_AUTO);
    else if (busy < EASY_PCT && loop_tid() == 0)
        switch_to(STREAM_PROFILING_OFF);
}

/* ---- set ---- */

static int
mode_find(const char *name)
{
    static const char *const names[] = { "off", "auto", "on" };

    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static void
forget_here(struct text *out, void *arg)
{
    memset(stream_profile, 0, sizeof(stream_profile));
}

static enum cli_rc
cmd_set(struct cli *c, const struct command *cmd)
{
    int wanted = -1;

    if (strcmp(c->arg[2], "memory") == 0)
        return cli_err(c, "Memory profiling not compiled in.");
    if (strcmp(c->arg[2], "tasks") != 0)
        return cli_err(c, "Expects either 'tasks' or 'memory'.");
    for (unsigned i = 3; i < MAX(c->nargs, 4u); i++) {
        const char *word = c->arg[i];
        if (strcmp(word, "lock") == 0 || strcmp(word, "memory") == 0)
            return cli_err(c, "'%s' is not supported: only time is measured.", word);
        if (mode_find(word) >= 0)
            wanted = mode_find(word);
        else if (strcmp(word, "no-lock") != 0 && strcmp(word, "no-memory") != 0)
            return cli_err(c, "Expects a combination of either 'on', 'auto', 'off', 'lock', "
                              "'no-lock', 'memory' or 'no-memory'.");
    }
    if (wanted < 0)
        return CLI_DONE;
    atomic_store(&mode, wanted);
    switch_to(wanted == STREAM_PROFILING_ON ? STREAM_PROFILING_ON : STREAM_PROFILING_OFF);
    if (wanted != STREAM_PROFILING_ON)
        return CLI_DONE;
    atomic_store(&began_us, loop_wall_us());
    return cli_on_threads(c, forget_here, NULL, NULL);
}

/* ---- show ---- */

struct showing {
    bool tasks, by_order;
    unsigned lines;
    struct stream_step_profile sum[STREAM_NSTEPS];
};

static void
add_here(struct text *out, void *arg)
{
    struct showing *w = arg;

    for (unsigned i = 0; i < STREAM_NSTEPS; i++) {
        w->sum[i].calls += stream_profile[i].calls;
        w->sum[i].cpu_ns += stream_profile[i].cpu_ns;
        w->sum[i].lat_ns += stream_profile[i].lat_ns;
    }
}

/* "1.234us" in nine columns: four digits, the unit that fits. */
static void
put_time(struct text *to, uint64_t ns)
{
    static const struct {
        uint64_t below;
        double scale;
        const char *unit;
    } units[] = { { 1000, 1, "ns" },
                  { 1000000, 1e3, "us" },
                  { 1000000000, 1e6, "ms" },
                  { UINT64_MAX, 1e9, "s" } };
    unsigned i = 0;

    if (!ns) {
        text_str(to, "      -   ");
        return;
    }
    while (ns >= units[i].below)
        i++;
    double v = (double)ns / units[i].scale;
    int digits = v < 10 ? 3 : v < 100 ? 2 : v < 1000 ? 1 : 0;
    text_printf(to, " %*.*f%s", i == 3 ? 8 : 7, digits, v, units[i].unit);
}

static const char *const step_names[] = {
#define X(n, t) #n,
    STREAM_STEPS(X)
#undef X
};

static const struct showing *sorting; /* by show_tasks() under the lock of the commands */

static int
by_time(const void *a, const void *b)
{
    const struct stream_step_profile *x = &sorting->sum[*(const unsigned *)a],
                                     *y = &sorting->sum[*(const unsigned *)b];
    return x->cpu_ns != y->cpu_ns ? (x->cpu_ns < y->cpu_ns ? 1 : -1)
           : x->calls != y->calls ? (x->calls < y->calls ? 1 : -1)
                                  : 0;
}

static void
show_tasks(struct cli *c, void *arg)
{
    struct showing *w = arg;
    unsigned order[STREAM_NSTEPS];
    int64_t now = loop_wall_us(), from = atomic_load(&began_us), to = atomic_load(&ended_us);

    if (from)
        text_printf(&c->out, "Tasks activity over %.3f sec till %.3f sec ago:\n",
                    (double)((to ? to : now) - from) / 1e6, to ? (double)(now - to) / 1e6 : 0.0);
    else
        text_str(&c->out, "Tasks activity:\n");
    text_str(&c->out, "  function                      calls   cpu_tot   cpu_avg   lkw_avg   "
                      "lkd_avg   mem_avg   lat_avg\n");
    for (unsigned i = 0; i < STREAM_NSTEPS; i++)
        order[i] = i;
    sorting = w;
    if (!w->by_order)
        qsort(order, STREAM_NSTEPS, sizeof(*order), by_time);
    for (unsigned i = 0; i < STREAM_NSTEPS && w->lines; i++) {
        const struct stream_step_profile *p = &w->sum[order[i]];
        if (!p->calls)
            continue;
        w->lines--;
        text_printf(&c->out, "  stream_%-15s %12llu", step_names[order[i]],
                    (unsigned long long)p->calls);
        put_time(&c->out, p->cpu_ns);
        put_time(&c->out, p->cpu_ns / p->calls);
        text_str(&c->out, "      -         -         -   ");
        put_time(&c->out, p->lat_ns / p->calls);
        text_char(&c->out, '\n');
    }
}

static enum cli_rc
cmd_show(struct cli *c, const struct command *cmd)
{
    struct showing w = { .lines = UINT32_MAX };
    bool status = true, tasks = true;
    int64_t n;

    for (unsigned i = 2; i < c->nargs; i++) {
        const char *word = c->arg[i];
        if (strcmp(word, "all") == 0)
            status = tasks = true;
        else if (strcmp(word, "status") == 0)
            tasks = !(status = true);
        else if (strcmp(word, "tasks") == 0)
            status = !(tasks = true);
        else if (strcmp(word, "memory") == 0)
            status = tasks = false;
        else if (strcmp(word, "byaddr") == 0)
            w.by_order = true;
        else if (strcmp(word, "bytime") == 0)
            w.by_order = false;
        else if (slice_to_int(slice_str(word), &n) && n > 0 && n <= UINT32_MAX)
            w.lines = (unsigned)n;
        else if (strcmp(word, "byctx") != 0 && strcmp(word, "aggr") != 0) /* there is one of each */
            return cli_err(c, "Expects either 'all', 'status', 'tasks', 'memory', 'byaddr', "
                              "'bytime', 'byctx', 'aggr' or a max number of output lines.");
    }
    if (status) {
        static const char *const names[] = { "off", "auto-off", "on", "auto-on" };
        int m = atomic_load(&mode);
        bool on = atomic_load(&stream_profiling) && m == STREAM_PROFILING_AUTO;
        text_printf(&c->out,
                    "Per-task CPU profiling              : %-13s # set profiling tasks "
                    "{on|auto|off}\n"
                    "Memory usage profiling              : %-13s # set profiling memory {on|off}\n",
                    names[on ? 3 : m], "off");
    }
    if (!tasks)
        return CLI_DONE;
    struct showing *own = xmalloc(sizeof(*own));
    *own = w;
    return cli_on_threads_own(c, add_here, own, show_tasks);
}

/* ---- profiling.tasks ---- */

static enum cfg_rc
parse_tasks(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, 0, "'%s' expects either 'on', 'auto', or 'off' but got ''.", kw->name);
    for (; *at < c->nwords; ++*at) {
        int found = mode_find(c->word[*at].s);
        if (found >= 0)
            atomic_store(&mode, found);
        else if (cfg_arg_is(c, *at, "lock") || cfg_arg_is(c, *at, "memory"))
            cfg_warn(c, *at,
                     "'%s %s' is not supported yet and has no effect: only time is measured.",
                     kw->name, c->word[*at].s);
        else if (!cfg_arg_is(c, *at, "no-lock") && !cfg_arg_is(c, *at, "no-memory"))
            return cfg_error(c, *at, "'%s' expects either 'on', 'auto', or 'off' but got '%s'.",
                             kw->name, c->word[*at].s);
    }
    return CFG_OK;
}

static bool
on_thread_start(struct config *cf)
{
    loop_on_turn_end(look_at_load);
    if (loop_tid() == 0 && atomic_load(&mode) == STREAM_PROFILING_ON)
        switch_to(STREAM_PROFILING_ON);
    return true;
}

static const struct keyword keywords[] = {
    { "profiling.tasks", "{ auto | on | off | lock | no-lock | memory | no-memory }*", IN_GLOBAL,
      .parse = parse_tasks, .help = "measures where streams spend their time" },
    { 0 },
};

static const struct command commands[] = {
    { "set profiling", "set profiling <what> {auto|on|off}",
      "enable/disable resource profiling (tasks,memory)", CLI_LEVEL_ADMIN, cmd_set, 0, NULL },
    { "show profiling", "show profiling [<what>|<#lines>|<opts>]*",
      "show profiling state (all,status,tasks,memory)", CLI_LEVEL_OPERATOR, cmd_show, 0, NULL },
    { 0 },
};

const struct module runtime_profiling_module = {
    .name = "runtime API: profiling",
    .keywords = keywords,
    .commands = commands,
    .thread_start = on_thread_start,
};
