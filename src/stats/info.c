/* info.c - the fields of `show info`: the process as a whole. */
#include "stats/stats.h"

#include "config/tune.h"
#include "sample/pattern.h"
#include "tls/tls.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

struct stats_process stats_process = { .version = "?", .release_date = "?", .name = "HAProxy" };

/** What is added up from frontends and listeners. */
struct totals {
    uint64_t req, bytes_out, spliced, strm_open, strm_tot;
    unsigned listeners;
};

static void
num(struct stats_info *i, enum stats_info_field f, uint64_t v)
{
    i->v[f] = (struct stats_value){
        stats_infos[f].type == STATS_FLT ? STATS_U32 : stats_infos[f].type, NULL, { .u = v }
    };
}

static void
str(struct stats_info *i, enum stats_info_field f, const char *s)
{
    i->v[f] = (struct stats_value){ STATS_STR, NULL, { .str = s ? s : "" } };
}

/* A value with decimals where those are asked for. */
static void
dec(struct stats_info *i, enum stats_info_field f, double v, bool flt)
{
    if (flt)
        i->v[f] = (struct stats_value){ STATS_FLT, NULL, { .f = v } };
    else
        num(i, f, (uint64_t)v);
}

static const char *keep(struct stats_info *i, const char *fmt, ...) PRINTF(2, 3);

static const char *
keep(struct stats_info *i, const char *fmt, ...)
{
    size_t room = i->text.size - i->text.len;
    char *at = i->mem + i->text.len;
    va_list ap;

    if (!room)
        return "";
    va_start(ap, fmt);
    int n = vsnprintf(at, room, fmt, ap);
    va_end(ap);
    i->text.len += MIN((size_t)(n < 0 ? 0 : n) + 1, room);
    return at;
}

static void
add_up(struct totals *t)
{
    struct proxy *px;
    struct listener *li;
    struct px_counters c;

    *t = (struct totals){ 0 };
    list_each (px, &config->proxies, link) {
        list_each (li, &px->listeners, link)
            t->listeners +=
                atomic_load(&li->state) == LI_LISTEN || atomic_load(&li->state) == LI_FULL;
        if (!(px->cap & PX_FE) || px->cap & PX_INTERNAL)
            continue;
        stats_sum_px(&c, px->fe_counters);
        t->req += px->mode == PX_HTTP ? c.req_tot : c.stot;
        t->bytes_out += c.resbout;
        t->spliced += c.spliced_in + c.spliced_out;
        t->strm_open += c.strm_tot - c.strm_end;
        t->strm_tot += c.strm_tot;
    }
    t->req += atomic_load(&stats_process.cli_commands);
    t->bytes_out += atomic_load(&stats_process.cli_bytes_out);
}

/* Between the last two readings that were at least a second apart. */
static uint64_t
bytes_out_rate(uint64_t total)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t last_total, rate;
    static int64_t last_ms;
    int64_t now = loop_now_ms();

    pthread_mutex_lock(&lock);
    if (total < last_total)
        last_total = total; /* counters were cleared */
    if (now - last_ms >= 1000) {
        rate = (total - last_total) * 1000 / (uint64_t)(now - last_ms);
        last_total = total;
        last_ms = now;
    }
    uint64_t got = rate;
    pthread_mutex_unlock(&lock);
    return got;
}

static void
fill_product(struct stats_info *i)
{
    str(i, INF_NAME, stats_process.name);
    str(i, INF_VERSION, stats_process.version);
    str(i, INF_RELEASE_DATE, stats_process.release_date);
    str(i, INF_BUILD_INFO, stats_process.version);
    num(i, INF_NBTHREAD, config->nthread);
    num(i, INF_NBPROC, 1);
    num(i, INF_PROCESS_NUM, 1);
    num(i, INF_NB_THREAD_GROUPS, 1);
    num(i, INF_PID, (uint64_t)getpid());
    str(i, INF_NODE, tune.node ? tune.node : tune.hostname ? tune.hostname : log_hostname());
    str(i, INF_DESCRIPTION, tune.description);
}

static void
fill_time(struct stats_info *i, bool flt)
{
    double up = (double)(loop_wall_us() - config->start_wall_us) / 1e6;
    unsigned s = up > 0 ? (unsigned)up : 0;

    str(i, INF_UPTIME,
        keep(i, "%ud %uh%02um%02us", s / 86400, s % 86400 / 3600, s % 3600 / 60, s % 60));
    dec(i, INF_UPTIME_SEC, up > 0 ? up : 0, flt);
    dec(i, INF_START_TIME, (double)config->start_wall_us / 1e6, flt);
    num(i, INF_BOOT_TIME, stats_process.boot_ms);
}

static void
fill_memory(struct stats_info *i)
{
    struct mallinfo2 m = mallinfo2();
    uint64_t taken = m.arena + m.hblkhd, used = m.uordblks + m.hblkhd;

    num(i, INF_MEMMAX_MB, stats_process.mem_max >> 20);
    num(i, INF_MEMMAX, stats_process.mem_max);
    num(i, INF_POOL_ALLOC, taken);
    num(i, INF_POOL_USED, used);
    num(i, INF_POOL_ALLOC_MB, taken >> 20);
    num(i, INF_POOL_USED_MB, used >> 20);
    num(i, INF_POOL_FAILED, 0);
    num(i, INF_ZLIB, atomic_load(&stats_process.zlib_mem));
    num(i, INF_MAX_ZLIB, 0);
}

static void
fill_limits(struct stats_info *i)
{
    num(i, INF_ULIMIT_N, stats_process.fd_limit);
    num(i, INF_MAXSOCK, stats_process.maxsock);
    num(i, INF_MAXCONN, tune.maxconn);
    num(i, INF_HARD_MAXCONN, stats_process.hard_maxconn);
    num(i, INF_MAX_SSL_CONNS, tune.maxsslconn);
    num(i, INF_MAXPIPES, tune.maxpipes);
    num(i, INF_CONN_RATE_LIMIT, tune.maxconnrate);
    num(i, INF_SESS_RATE_LIMIT, tune.maxsessrate);
    num(i, INF_SSL_RATE_LIMIT, tune.maxsslrate);
    num(i, INF_COMPRESS_LIM, tune.maxcomprate);
}

static double
rate_of(const struct freq_shared *f)
{
    return freq_shared_read(f, 1000, (uint64_t)loop_now_ms());
}

static void
fill_traffic(struct stats_info *i, const struct totals *t, bool flt)
{
    unsigned open, idle;

    conn_pipes(&open, &idle);
    num(i, INF_CURR_CONN, atomic_load(&config->conn));
    num(i, INF_CUM_CONN, atomic_load(&config->cum_conn));
    num(i, INF_CUM_REQ, t->req);
    num(i, INF_PIPES_USED, open - idle);
    num(i, INF_PIPES_FREE, idle);
    dec(i, INF_CONN_RATE, rate_of(&config->conn_rate), flt);
    num(i, INF_MAX_CONN_RATE, atomic_load(&config->conn_rate_max));
    dec(i, INF_SESS_RATE, rate_of(&config->sess_rate), flt);
    num(i, INF_MAX_SESS_RATE, atomic_load(&config->sess_rate_max));
    num(i, INF_CURR_STRM, t->strm_open);
    num(i, INF_CUM_STRM, t->strm_tot);
    num(i, INF_TOTAL_BYTES_OUT, t->bytes_out);
    num(i, INF_TOTAL_SPLICED, t->spliced);
    num(i, INF_BYTES_OUT_RATE, bytes_out_rate(t->bytes_out));
    dec(i, INF_COMPRESS_IN, rate_of(&stats_process.comp_in), flt);
    dec(i, INF_COMPRESS_OUT, rate_of(&stats_process.comp_out), flt);
}

static void
fill_tls(struct stats_info *i, bool flt)
{
    double sessions = rate_of(&config->ssl_rate), keys = rate_of(&config->ssl_keys[0]);
    struct tls_cache cache;

    num(i, INF_CURR_SSL_CONNS, tls_conn_count());
    num(i, INF_CUM_SSL_CONNS, atomic_load(&config->cum_ssl));
    dec(i, INF_SSL_RATE, sessions, flt);
    num(i, INF_MAX_SSL_RATE, atomic_load(&config->ssl_rate_max));
    dec(i, INF_SSL_FE_KEY_RATE, keys, flt);
    if (!flt)
        i->v[INF_SSL_FE_KEY_RATE].tag = i->v[INF_SSL_FE_REUSE].tag = "MGP";
    num(i, INF_SSL_FE_MAX_KEY_RATE, atomic_load(&config->ssl_keys_max[0]));
    dec(i, INF_SSL_FE_REUSE, sessions > keys ? 100 - 100 * keys / sessions : 0, flt);
    dec(i, INF_SSL_BE_KEY_RATE, rate_of(&config->ssl_keys[1]), flt);
    num(i, INF_SSL_BE_MAX_KEY_RATE, atomic_load(&config->ssl_keys_max[1]));
    tls_cache_counts(&cache);
    num(i, INF_SSL_CACHE_LOOKUPS, cache.lookups);
    num(i, INF_SSL_CACHE_MISSES, cache.misses);
}

static void
fill_loops(struct stats_info *i)
{
    struct loop_stats l;
    unsigned runq = 0, timers = 0;

    for (unsigned t = 0; t < config->nthread; t++) {
        if (!config->loops[t])
            continue;
        loop_stats_get(config->loops[t], &l);
        runq += l.runq;
        timers += l.timers;
    }
    num(i, INF_TASKS, runq + timers);
    num(i, INF_RUN_QUEUE, runq);
    num(i, INF_NICED_TASKS, 0);
    num(i, INF_IDLE_PCT, 100 - MIN(100u, loop_busy_pct(loop_self())));
    num(i, INF_BUSY_POLLING, 0);
    num(i, INF_WARN_BLOCKED, 0);
}

static void
fill_life(struct stats_info *i, const struct totals *t)
{
    unsigned long added, freed;

    pat_counts(&added, &freed);
    num(i, INF_STOPPING, (unsigned)atomic_load(&config->stop_announced));
    num(i, INF_LISTENERS, t->listeners);
    num(i, INF_JOBS, t->listeners + atomic_load(&config->conn));
    num(i, INF_UNSTOPPABLE, 0);
    num(i, INF_ACTIVE_PEERS, atomic_load(&stats_process.active_peers));
    num(i, INF_CONNECTED_PEERS, atomic_load(&stats_process.connected_peers));
    num(i, INF_DROPPED_LOGS, log_dropped());
    num(i, INF_FAILED_RESOLUTIONS, atomic_load(&stats_process.failed_resolutions));
    num(i, INF_DEBUG_COMMANDS, atomic_load(&stats_process.debug_commands));
    num(i, INF_CUM_LOGS, atomic_load(&stats_process.recv_logs));
    unsigned tainted = atomic_load(&stats_process.tainted);
    str(i, INF_TAINTED, tainted ? keep(i, "0x%x", tainted) : "0");
    num(i, INF_WARNINGS, atomic_load(&stats_process.warnings));
    num(i, INF_MAXCONN_REACHED, atomic_load(&listener_maxconn_reached));
    num(i, INF_PATTERNS_ADDED, added);
    num(i, INF_PATTERNS_FREED, freed);
}

void
stats_info_fill(struct stats_info *i, bool flt)
{
    struct totals t;

    memset(i->v, 0, sizeof(i->v));
    i->text = OUT(i->mem);
    add_up(&t);
    fill_product(i);
    fill_time(i, flt);
    fill_memory(i);
    fill_limits(i);
    fill_traffic(i, &t, flt);
    fill_tls(i, flt);
    fill_loops(i);
    fill_life(i, &t);
}
