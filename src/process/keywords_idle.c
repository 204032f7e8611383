/* keywords_idle.c - keywords of the global section that change nothing here, because what they
 * choose among does not exist or is always so. Their arguments are checked as HAProxy checks them,
 * so that a configuration that is wrong there is wrong here. */
#include "base/out.h"
#include "config/cfg.h"
#include "config/module.h"
#include "config/tune.h"

#include <string.h>

/* ---- the kinds of arguments ---- */

static enum cfg_rc
no_argument(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    return cfg_expect_end(c, *at);
}

/* kw->min, kw->max; 0: no upper limit */
static enum cfg_rc
number(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (*at >= c->nwords)
        return cfg_error(c, *at, "'%s' expects an integer argument.", kw->name);
    return cfg_take_int(c, at, "an integer", kw->min, kw->max ? kw->max : INT32_MAX, &n);
}

/* Of threads or groups of them. HAProxy words it differently. */
static enum cfg_rc
count(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (*at >= c->nwords || !slice_to_int(slice_str(cfg_arg(c, *at)), &n))
        return cfg_error(c, *at, "'%s' passed a missing or unparsable integer value in '%s'",
                         kw->name, cfg_arg(c, *at));
    return cfg_take_int(c, at, "an integer", kw->min, kw->max, &n);
}

/* All threads are in one group; bind lines may name those that were asked for. */
static enum cfg_rc
thread_groups(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (slice_to_int(slice_str(cfg_arg(c, *at)), &n) && n >= kw->min && n <= kw->max)
        tune.thread_groups = (unsigned)n;
    return count(c, kw, obj, at);
}

/* thread-group <group> [<thread>[-<thread>]...] */
static enum cfg_rc
group_of_threads(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (count(c, kw, obj, at) != CFG_OK)
        return CFG_ERR;
    for (; *at < c->nwords; ++*at)
        if (strspn(cfg_arg(c, *at), "0123456789-,") != strlen(cfg_arg(c, *at)))
            return cfg_error(c, *at, "'%s' : '%s' is not a valid number/range.", kw->name,
                             cfg_arg(c, *at));
    return CFG_OK;
}

static enum cfg_rc
size(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    uint64_t n;

    if (*at >= c->nwords)
        return cfg_error(c, *at, "'%s' expects an integer argument.", kw->name);
    return cfg_take_size(c, at, "a size", &n);
}

static enum cfg_rc
timer(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int ms = -1;

    if (*at < c->nwords && cfg_take_ms(c, at, "a delay", &ms) != CFG_OK)
        return CFG_ERR;
    if (ms < kw->min || ms > kw->max)
        return cfg_error(c, *at - 1, "'%s' expects a timer value between %lld and %lld ms.",
                         kw->name, (long long)kw->min, (long long)kw->max);
    return CFG_OK;
}

/* ---- words: the usage text says which ---- */

/** The next of the words in "{ a | b }" or an empty slice. */
static struct slice
next_word(const char **usage)
{
    const char *p = *usage + strspn(*usage, "{|[ ");
    size_t n = strcspn(p, "}|[], ");

    *usage = p + n;
    return slice(p, n);
}

static bool
is_one_of(const char *usage, struct slice word)
{
    for (struct slice w = next_word(&usage); w.len; w = next_word(&usage))
        if (slice_eq(w, word))
            return true;
    return false;
}

static enum cfg_rc
refuse_word(struct cfg *c, const struct keyword *kw, unsigned at, struct slice got)
{
    struct text t = { 0 };
    const char *usage = kw->args;
    struct slice w = next_word(&usage);

    while (w.len) {
        struct slice after = next_word(&usage);
        text_printf(&t, "%s'%.*s'", !t.len ? "" : after.len ? ", " : " or ", SLF(w));
        w = after;
    }
    cfg_error(c, at, "'%s' expects either %s but got '%.*s'.", kw->name, t.p, SLF(got));
    text_fini(&t);
    return CFG_ERR;
}

static enum cfg_rc
word(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct slice got = slice_str(cfg_arg(c, *at));

    if (!is_one_of(kw->args, got))
        return refuse_word(c, kw, *at, got);
    ++*at;
    return cfg_expect_end(c, *at);
}

/* kw->max: may be absent */
static enum cfg_rc
words(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *p = cfg_arg(c, *at);

    if (kw->max && *at >= c->nwords)
        return CFG_OK;
    for (;; p++) {
        size_t n = strcspn(p, ",");
        if (!is_one_of(kw->args, slice(p, n)))
            return refuse_word(c, kw, *at, slice(p, n));
        p += n;
        if (!*p)
            break;
    }
    ++*at;
    return cfg_expect_end(c, *at);
}

/* Advertised streams, in percent of what would be fair. */
static enum cfg_rc
elasticity(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (!slice_to_int(slice_str(cfg_arg(c, *at)), &n) || n < 0 || (n && n < 100))
        return cfg_error(c, *at, "'%s' expects 0 or a positive percentage value of 100 or above.",
                         kw->name);
    ++*at;
    return cfg_expect_end(c, *at);
}

/* ---- the table ---- */

#define NONE(n, h)                                                                                 \
    {                                                                                              \
        .name = (n), .where = IN_GLOBAL, .parse = no_argument, .help = h                           \
    }
#define NO(n, h)                                                                                   \
    {                                                                                              \
        .name = (n), .where = IN_GLOBAL, .parse = no_argument, .flags = KWF_NO, .help = h          \
    }
#define ARGS(n, a, fn, lo, hi, h)                                                                  \
    {                                                                                              \
        .name = (n), .args = (a), .where = IN_GLOBAL, .parse = fn, .min = (lo), .max = (hi),       \
        .help = h                                                                                  \
    }
#define WORD(n, a, h) ARGS(n, a, word, 0, 0, h)
#define ONOFF         "{ on | off }"
#define FORWARD       "bodies are always forwarded without a detour"
#define ONE_GROUP     "all threads are in one group"
#define OWN_SOCKET    "each thread has its own socket"

static const struct keyword keywords[] = {
    NONE("noepoll", "epoll is the only poller"),
    NONE("nopoll", "poll() is never used"),
    NONE("nokqueue", "not on Linux"),
    NONE("noevports", "not on Linux"),
    NO("busy-polling", "the loop sleeps only when there is nothing to do"),
    NO("numa-cpu-mapping", "threads may use every core they are allowed"),
    NONE("no-memory-trimming", "memory is never trimmed behind the program's back"),
    NONE("prealloc-fd", "descriptors need no table"),
    NONE("tune.disable-fast-forward", FORWARD),
    NONE("tune.disable-zero-copy-forwarding", FORWARD),
    WORD("tune.h1.zero-copy-fwd-recv", ONOFF, FORWARD),
    WORD("tune.h1.zero-copy-fwd-send", ONOFF, FORWARD),
    WORD("tune.pt.zero-copy-forwarding", ONOFF, FORWARD),
    WORD("tune.applet.zero-copy-forwarding", ONOFF, FORWARD),
    ARGS("thread-groups", "<number>", thread_groups, 1, 32, ONE_GROUP),
    ARGS("max-threads-per-group", "<number>", count, 1, 64, ONE_GROUP),
    ARGS("thread-group", "<group> [<thread-range>...]", group_of_threads, 1, 32, ONE_GROUP),
    { "tune.takeover-other-tg-connections", "{ none | restricted | full }", IN_GLOBAL,
      .parse = word, .flags = KWF_DEPRECATED, .use_instead = "tune.idle-pool.shared",
      .help = ONE_GROUP },
    WORD("tune.listener.multi-queue", "{ on | fair | off }", OWN_SOCKET),
    WORD("tune.listener.default-shards", "{ by-process | by-thread | by-group }", OWN_SOCKET),
    WORD("tune.idle-pool.shared", "{ full | on | off }", "idle connections stay with their thread"),
    WORD("tune.sched.low-latency", ONOFF, "tasks run in order of arrival"),
    { "tune.fd.edge-triggered", ONOFF, IN_GLOBAL, .parse = word, .flags = KWF_EXPERIMENTAL,
      .help = "all connections are edge-triggered" },
    { "tune.fd.tables", "{ shared | per-thread-group }", IN_GLOBAL, .parse = word,
      .flags = KWF_EXPERIMENTAL, .help = ONE_GROUP },
    ARGS("tune.idletimer", "<timeout>", timer, 0, 65535,
         "buffers are sized by what is transferred"),
    ARGS("tune.pattern.cache-size", "<number>", number, 0, 0, "lookups are indexed"),
    ARGS("tune.runqueue-depth", "<number>", number, 0, 0, "a turn of the loop is fair by itself"),
    ARGS("tune.comp.maxlevel", "<number>", number, 1, 9, "compression is not built"),
    ARGS("maxcompcpuusage", "<percent>", number, 0, 100, "compression is not built"),
    ARGS("tune.memory.hot-size", "<size>", size, 0, 0, "caches size themselves"),
    ARGS("tune.buffers.limit", "<number>", number, 0, 0, "buffers are returned when idle"),
    ARGS("tune.buffers.reserve", "<number>", number, 0, 0, "no buffer is needed to make progress"),
    ARGS("tune.recv_enough", "<size>", size, 0, 0, "a short read ends the turn"),
    ARGS("tune.bufsize.small", "<size>", size, 0, 0, "buffers are returned when idle"),
    ARGS("tune.max-rules-at-once", "<number>", number, 0, 0, "rules that wait yield by themselves"),
    ARGS("tune.events.max-events-at-once", "<number>", number, 1, 10000,
         "events are delivered where they happen"),
    ARGS("tune.epoll.mask-events", "{ err | hup | rdhup }[,...]", words, 0, 0,
         "they are read as input already"),
    ARGS("tune.defaults.purge", "[{ all | none | proxies | servers }[,...]]", words, 0, 1,
         "the configuration is kept whole"),
    ARGS("tune.streams-elasticity", "<percent>", elasticity, 0, 0,
         "a connection of HTTP/1 has one stream"),
    { 0 },
};

const struct module keywords_idle_module = { .name = "keywords that change nothing here",
                                             .keywords = keywords };
