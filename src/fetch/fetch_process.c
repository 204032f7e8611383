/* fetch_process.c - sample fetches about the process and its host: dates, threads, random numbers,
 * environment. Manual 7.3.2. */
#include "fetch/fetch.h"

#include "loop/loop.h"
#include "proxy/config.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* ---- dates ---- */

/** Wall clock, us since the epoch: that of the turn, or the system's where no loop runs
 * (configuration). */
static int64_t
wall_us(void)
{
    struct timespec ts;

    if (loop_self())
        return loop_wall_us();
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/** Divisor of the unit in arg[1].i. */
static bool
check_date(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[1].type == ARG_END)
        return true;
    arg[1].i = slice_eq(arg[1].s, SL("us")) ? 1 : slice_eq(arg[1].s, SL("ms")) ? 1000 : 1000000;
    if (arg[1].i != 1000000 || slice_eq(arg[1].s, SL("s")))
        return true;
    *err = xasprintf("expects 's', 'ms' or 'us', got '%.*s'", SLF(arg[1].s));
    return false;
}

static bool
fetch_date(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    int64_t unit_us = arg[0].type != ARG_END && arg[1].type != ARG_END ? arg[1].i : 1000000;
    int64_t offset = arg[0].type != ARG_END ? arg[0].i : 0;

    return fetch_give_int(out, (int64_t)((uint64_t)(wall_us() / unit_us) + (uint64_t)offset));
}

static bool
fetch_date_us(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return fetch_give_int(out, wall_us() % 1000000);
}

static bool
fetch_uptime(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    int64_t from_us = config && config->start_wall_us ? config->start_wall_us : wall_us();

    return fetch_give_int(out, MAX(wall_us() - from_us, 0) / 1000000);
}

/* ---- the process ---- */

static bool
fetch_fixed(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return fetch_give_int(out, (int64_t)(uintptr_t) private);
}

static bool
fetch_pid(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return fetch_give_int(out, getpid());
}

static bool
fetch_thread(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return fetch_give_int(out, loop_tid());
}

static bool
fetch_hostname(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    static _Thread_local char name[256];

    if (!*name && gethostname(name, sizeof(name) - 1) != 0)
        return false;
    return fetch_give_str(out, slice_str(name));
}

/** The environment does not change once the configuration was read. */
static bool
fetch_env(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return arg[0].type != ARG_END && fetch_give_str(out, slice_str(getenv(arg[0].s.p)));
}

static bool
fetch_act_conn(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return fetch_give_int(out,
                          config ? atomic_load_explicit(&config->conn, memory_order_relaxed) : 0);
}

static bool
fetch_stopping(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return fetch_give_bool(
        out, config && atomic_load_explicit(&config->stop_announced, memory_order_relaxed));
}

/** No value in builds without QUIC. */
static bool
fetch_quic(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return config_feature("QUIC") && fetch_give_bool(out, config_enabled("QUIC"));
}

/* ---- load of the threads ---- */

static unsigned
busy_pct(struct loop *l)
{
    return l ? loop_busy_pct(l) : 0;
}

/** There is one group of threads. */
static bool
fetch_cpu_usage(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    uint64_t sum = 0;

    if (!private || !config || !config->loops || !config->nthread)
        return fetch_give_int(out, busy_pct(loop_self()));
    for (unsigned i = 0; i < config->nthread; i++)
        sum += busy_pct(config->loops[i]);
    return fetch_give_int(out, (int64_t)(sum / config->nthread));
}

/* ---- random numbers ---- */

/** The kernel's random bytes, fetched many at once: UUIDs must not be guessed from each other. */
static bool
random_bytes(void *to, size_t len)
{
    static _Thread_local unsigned char pool[512];
    static _Thread_local size_t left;

    if (left < len) {
        if (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool))
            return false;
        left = sizeof(pool);
    }
    left -= len;
    memcpy(to, pool + left, len);
    explicit_bzero(pool + left, len);
    return true;
}

/** 0 .. range-1; without a range 32 bits. */
static bool
fetch_rand(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    uint32_t r;

    if (!random_bytes(&r, sizeof(r)))
        return false;
    if (arg[0].type == ARG_END)
        return fetch_give_int(out, r);
    return fetch_give_int(out, (int64_t)(((__int128)arg[0].i * r) >> 32));
}

static bool
check_uuid(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type == ARG_END || arg[0].i == 4 || arg[0].i == 7)
        return true;
    *err = xasprintf("Unsupported UUID version: '%lld'", (long long)arg[0].i);
    return false;
}

/** RFC 9562: version 4 is random, version 7 begins with the date in milliseconds. */
static bool
fetch_uuid(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    unsigned version = arg[0].type == ARG_END ? 4 : (unsigned)arg[0].i;
    unsigned char b[16];
    char text[37];
    struct out o = OUT(text);

    if (!random_bytes(b, sizeof(b)))
        return false;
    if (version == 7) {
        uint64_t ms = (uint64_t)(wall_us() / 1000);
        for (unsigned i = 0; i < 6; i++)
            b[i] = (unsigned char)(ms >> (40 - 8 * i));
    }
    b[6] = (unsigned char)((b[6] & 0x0f) | version << 4);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    for (unsigned i = 0; i < 16; i++) {
        static const char hex[] = "0123456789abcdef";
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out_char(&o, '-');
        out_char(&o, hex[b[i] >> 4]);
        out_char(&o, hex[b[i] & 15]);
    }
    return fetch_give_copy(x, out, SMP_STR, out_slice(&o));
}

/* ---- rows ---- */

#define OPT_INT                                                                                    \
    {                                                                                              \
        ARG_SINT | ARG_OPT                                                                         \
    }

static const struct fetch process_fetches[] = {
    { "date",
      { ARG_SINT | ARG_OPT, ARG_STR | ARG_OPT },
      SMP_SINT,
      NEEDS_NOTHING,
      fetch_date,
      .help = "current date",
      check_date,
      .usage = "[<offset>[,<unit>]]" },
    { "date_us", FETCH_NO_ARGS, SMP_SINT, NEEDS_NOTHING, fetch_date_us,
      .help = "microseconds of the current second" },
    { "uptime", FETCH_NO_ARGS, SMP_SINT, NEEDS_NOTHING, fetch_uptime,
      .help = "seconds since the worker started" },
    { "proc", FETCH_NO_ARGS, SMP_SINT, NEEDS_NOTHING, fetch_fixed, .help = "always 1",
      .private = FETCH_P(1) },
    { "nbproc", FETCH_NO_ARGS, SMP_SINT, NEEDS_NOTHING, fetch_fixed, .help = "always 1",
      .private = FETCH_P(1) },
    { "pid", FETCH_NO_ARGS, SMP_SINT, NEEDS_NOTHING, fetch_pid, .help = "process number" },
    { "thread", FETCH_NO_ARGS, SMP_SINT, NEEDS_NOTHING, fetch_thread,
      .help = "number of the thread, from 0 on" },
    { "tgroup", FETCH_NO_ARGS, SMP_SINT, NEEDS_NOTHING, fetch_fixed,
      .help = "number of the thread's group, from 0 on" },
    { "hostname", FETCH_NO_ARGS, SMP_STR, NEEDS_NOTHING, fetch_hostname,
      .help = "name of the system" },
    { "env",
      { ARG_STR },
      SMP_STR,
      NEEDS_NOTHING,
      fetch_env,
      .help = "value of an environment variable",
      .usage = "<name>" },
    { "act_conn", FETCH_NO_ARGS, SMP_SINT, NEEDS_NOTHING, fetch_act_conn,
      .help = "active connections of the process" },
    { "stopping", FETCH_NO_ARGS, SMP_BOOL, NEEDS_INTERNAL, fetch_stopping,
      .help = "true while the process is stopping" },
    { "quic_enabled", FETCH_NO_ARGS, SMP_BOOL, NEEDS_NOTHING, fetch_quic,
      .help = "true when QUIC is built in and not switched off" },
    { "cpu_usage_thr", FETCH_NO_ARGS, SMP_SINT, NEEDS_INTERNAL, fetch_cpu_usage,
      .help = "share of time that the thread works, in percent" },
    { "cpu_usage_grp", FETCH_NO_ARGS, SMP_SINT, NEEDS_INTERNAL, fetch_cpu_usage,
      .help = "share of time that the group's threads work, in percent", .private = FETCH_P(1) },
    { "cpu_usage_proc", FETCH_NO_ARGS, SMP_SINT, NEEDS_INTERNAL, fetch_cpu_usage,
      .help = "share of time that all threads work, in percent", .private = FETCH_P(1) },
    { "rand", OPT_INT, SMP_SINT, NEEDS_NOTHING, fetch_rand, .help = "a random number",
      .usage = "[<range>]" },
    { "uuid", OPT_INT, SMP_STR, NEEDS_NOTHING, fetch_uuid, .help = "a new UUID", check_uuid,
      .usage = "[<version>]" },
    { 0 },
};

const struct module fetch_process_module = { .name = "process fetches",
                                             .fetches = process_fetches };
