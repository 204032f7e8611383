/* log.c - writing one line: syslog headers, levels, sampling; and the module's hooks.
 * The date and the process id are formatted once per second and thread. */
#include "base/date.h"
#include "log/log_int.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/** Longest line of the process itself. */
#define PRINTF_MAX 1024

/** Parts of headers, in the order in which they are written. */
enum header_part {
    PART_PRIORITY = 1 << 0, /* <facility and level> */
    PART_LEVEL = 1 << 1,    /* <level> */
    PART_VERSION = 1 << 2,  /* "1 " */
    PART_ISO = 1 << 3,      /* 2026-11-22T08:11:24.272396+00:00 */
    PART_DATE = 1 << 4,     /* Nov 22 08:11:24 */
    PART_HOST = 1 << 5,
    PART_TAG = 1 << 6,     /* tag[pid]: */
    PART_RFC5424 = 1 << 7, /* host tag pid - sd */
};

static const uint8_t header_parts[LOGH_COUNT] = {
    [LOGH_LOCAL] = PART_PRIORITY | PART_DATE | PART_TAG,
    [LOGH_RFC3164] = PART_PRIORITY | PART_DATE | PART_HOST | PART_TAG,
    [LOGH_RFC5424] = PART_PRIORITY | PART_VERSION | PART_ISO | PART_RFC5424,
    [LOGH_PRIORITY] = PART_PRIORITY,
    [LOGH_SHORT] = PART_LEVEL,
    [LOGH_TIMED] = PART_LEVEL | PART_ISO,
    [LOGH_ISO] = PART_ISO,
    [LOGH_RAW] = 0,
};

struct log_conf log_conf = { .profiles_last = &log_conf.profiles };

static const struct log_tag_info nobody;

/** What a thread has formatted already. */
static _Thread_local struct {
    int64_t sec; /* the second that the texts below are about; 0: none */
    struct out date, iso, zone, pid;
    char date_buf[16], iso_buf[32], zone_buf[8], pid_buf[12];
    struct log_scratch *scratch;
    uint32_t *sampled; /* lines seen, by log_sampling.slot */
    unsigned nsampled;
} now;

/* ---- time and names ---- */

static int64_t
wall_us(void)
{
    struct timespec t;

    if (loop_self())
        return loop_wall_us();
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
set_text(struct out *o, char *buf, size_t size, const char *text)
{
    *o = (struct out){ buf, 0, size, false };
    out_str(o, text);
}

/** Formats date, time zone and pid for the second `sec`. */
static COLD void
new_second(int64_t sec)
{
    time_t t = (time_t)sec;
    char text[64];
    struct tm tm;
    long zone_min;

    localtime_r(&t, &tm);
    snprintf(text, sizeof(text), "%s %2d %02d:%02d:%02d", date_month[tm.tm_mon], tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec);
    set_text(&now.date, now.date_buf, sizeof(now.date_buf), text);
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    set_text(&now.iso, now.iso_buf, sizeof(now.iso_buf), text);
    zone_min = labs(tm.tm_gmtoff / 60);
    snprintf(text, sizeof(text), "%c%02ld:%02ld", tm.tm_gmtoff < 0 ? '-' : '+', zone_min / 60,
             zone_min % 60);
    set_text(&now.zone, now.zone_buf, sizeof(now.zone_buf), text);
    snprintf(text, sizeof(text), "%d", (int)getpid());
    set_text(&now.pid, now.pid_buf, sizeof(now.pid_buf), text);
    now.sec = sec;
}

void
log_format_refresh(void)
{
    now.sec = 0;
}

const char *
log_hostname(void)
{
    static char name[256];

    if (!name[0] && (gethostname(name, sizeof(name) - 1) != 0 || !name[0]))
        memcpy(name, "localhost", sizeof("localhost"));
    return name;
}

struct log_scratch *
log_scratch(void)
{
    if (unlikely(!now.scratch))
        now.scratch = malloc(sizeof(*now.scratch));
    return now.scratch;
}

void
log_format_thread_stop(void)
{
    free(now.scratch);
    free(now.sampled);
    memset(&now, 0, sizeof(now));
}

/* ---- lines ---- */

static bool
sampling_takes(const struct log_sampling *s)
{
    uint32_t at;

    if (unlikely(s->slot >= now.nsampled)) {
        uint32_t *bigger = realloc(now.sampled, log_conf.nsamplings * sizeof(*bigger));

        if (!bigger)
            return true;
        memset(bigger + now.nsampled, 0, (log_conf.nsamplings - now.nsampled) * sizeof(*bigger));
        now.sampled = bigger;
        now.nsampled = log_conf.nsamplings;
    }
    at = ++now.sampled[s->slot];
    if (at >= s->size)
        now.sampled[s->slot] = 0;
    for (unsigned i = 0; i < s->nranges && s->range[i].low <= at; i++) {
        if (at <= s->range[i].high)
            return true;
    }
    return false;
}

bool
log_target_wants(const struct log_target *t, enum log_level level)
{
    return level <= t->level && (!t->sampling || sampling_takes(t->sampling));
}

static void
put_iso(struct out *o, int64_t us)
{
    out_slice_put(o, out_slice(&now.iso));
    out_uint_pad(o, (uint64_t)(us % 1000000), 6);
    out_slice_put(o, out_slice(&now.zone));
    out_char(o, ' ');
}

static void
put_rfc5424(struct out *o, struct slice tag, struct slice sd)
{
    out_str(o, log_conf.hostname ? log_conf.hostname : "-");
    out_char(o, ' ');
    out_slice_put(o, tag);
    out_char(o, ' ');
    out_slice_put(o, out_slice(&now.pid));
    out_lit(o, " - ");
    out_slice_put(o, sd.len ? sd : SL("-"));
    out_char(o, ' ');
}

static void
put_header(struct out *o, const struct log_target *t, unsigned parts, struct slice tag,
           enum log_level level, struct slice sd)
{
    int64_t us = 0;

    if (parts & (PART_PRIORITY | PART_LEVEL)) {
        out_char(o, '<');
        out_uint(o, (parts & PART_PRIORITY ? t->facility * 8u : 0u) + level);
        out_char(o, '>');
    }
    if (parts & (PART_DATE | PART_ISO)) {
        us = wall_us();
        if (unlikely(us / 1000000 != now.sec))
            new_second(us / 1000000);
    }
    if (parts & PART_VERSION)
        out_lit(o, "1 ");
    if (parts & PART_ISO)
        put_iso(o, us);
    if (parts & PART_DATE) {
        out_slice_put(o, out_slice(&now.date));
        out_char(o, ' ');
    }
    if (parts & PART_HOST) {
        out_str(o, log_conf.hostname ? log_conf.hostname : "localhost");
        out_char(o, ' ');
    }
    if (parts & PART_TAG) {
        out_slice_put(o, tag);
        out_char(o, '[');
        out_slice_put(o, out_slice(&now.pid));
        out_lit(o, "]: ");
    }
    if (parts & PART_RFC5424)
        put_rfc5424(o, tag, sd);
}

void
log_target_write(const struct log_target *t, struct slice tag, enum log_level level,
                 struct slice text, struct slice sd)
{
    unsigned format = t->format, parts;
    struct out o = { .size = t->maxlen };

    if (format == LOGH_DEFAULT)
        format = log_conf.hostname ? LOGH_RFC3164 : LOGH_LOCAL;
    parts = header_parts[format];
    if (!parts)
        o.size--; /* as the reference counts: the newline belongs to the length of a line without a
                     header */
    if (!tag.len)
        tag = log_conf.tag.tag.len ? log_conf.tag.tag : slice_str(program_invocation_short_name);
    o.p = log_sink_reserve(t->sink, o.size + 1);
    if (unlikely(!o.p))
        return;
    put_header(&o, t, parts, tag, MAX(level, (enum log_level)t->min_level), sd);
    if (text.len && text.p[text.len - 1] == '\n')
        text.len--;
    out_slice_put(&o, text);
    o.p[o.len] = '\n';
    log_sink_commit(t->sink, o.len + 1);
}

void
log_emit(const struct log_targets *targets, const struct log_tag_info *who, enum log_level level,
         struct slice text, struct slice sd)
{
    struct slice tag = who ? who->tag : nobody.tag;

    for (const struct log_target *t = targets->first; t; t = t->next) {
        if (log_target_wants(t, level))
            log_target_write(t, tag, level, text, sd);
    }
}

void
log_printf(const struct log_targets *targets, const struct log_tag_info *who, enum log_level level,
           const char *fmt, ...)
{
    char text[PRINTF_MAX];
    va_list ap;
    int n;

    if (!targets->first)
        return;
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    log_format_refresh();
    log_emit(targets, who, level, slice(text, MIN((size_t)n, sizeof(text) - 1)), SLICE_NONE);
    log_flush();
}

unsigned long
log_dropped(void)
{
    return log_sinks_dropped();
}

void
log_flush(void)
{
    log_sinks_flush();
}

const struct log_targets *
log_global(void)
{
    return &log_conf.targets;
}

/* ---- the module ---- */

static enum cfg_rc
log_row(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    unsigned from = *at;

    *at = c->nwords;
    return log_parse(c, from, &log_conf.targets, NULL, c->neg);
}

static enum cfg_rc
log_tag_row(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    unsigned from = *at;

    *at = c->nwords;
    return log_tag_parse(c, from, &log_conf.tag);
}

static enum cfg_rc
log_send_hostname_row(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *name = cfg_arg(c, *at);

    if (*at < c->nwords)
        ++*at;
    log_conf.hostname = *name ? name : log_hostname();
    return CFG_OK;
}

static void
log_defaults(struct config *cf)
{
    log_sinks_thread_stop();
    log_sinks_fini();
    memset(&log_conf, 0, sizeof(log_conf));
    log_conf.profiles_last = &log_conf.profiles;
}

static bool
log_start(struct config *cf)
{
    tzset();
    log_sinks_start();
    return true;
}

static bool
log_thread_start(struct config *cf)
{
    log_sinks_thread_start();
    return true;
}

static void
log_thread_stop(struct config *cf)
{
    log_sinks_thread_stop();
    log_format_thread_stop();
}

static void
log_stop(struct config *cf)
{
    log_thread_stop(cf);
    log_defaults(cf);
}

static const struct keyword rows[] = {
    { "log",
      .args = "<target> [len <n>] [format <fmt>] [sample <ranges>:<n>] [profile <name>] <facility> "
              "[<level> [<minlevel>]]",
      .where = IN_GLOBAL, .parse = log_row, .flags = KWF_NO,
      .help = "where starts, stops and, with `log global`, the traffic of proxies are logged" },
    { "log-tag", .args = "<tag>", .where = IN_GLOBAL, .parse = log_tag_row,
      .help = "program name in syslog headers; as launched unless set" },
    { "log-send-hostname", .args = "[<name>]", .where = IN_GLOBAL, .parse = log_send_hostname_row,
      .help = "puts the host's name, or this one, into syslog headers" },
    { "log-tag", .args = "<tag>", .where = IN_LOG_PROFILE, .parse = log_profile_tag_row,
      .help = "program name in syslog headers of lines that use the profile" },
    { "on", .args = "<step> [drop] [format <fmt>] [sd <fmt>]", .where = IN_LOG_PROFILE,
      .parse = log_profile_on_row, .help = "what is logged at a step of a stream, or `any`" },
    { 0 },
};

const struct module log_module = {
    .name = "log",
    .sections = log_profile_sections,
    .keywords = rows,
    .defaults = log_defaults,
    .check = log_check_profiles,
    .start = log_start,
    .thread_start = log_thread_start,
    .thread_stop = log_thread_stop,
    .stop = log_stop,
};
