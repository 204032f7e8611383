/* conv_date.c - dates: ltime(), utime() and their milli- and microsecond forms, http_date(),
 * date(). */
#include "base/date.h"
#include "http/date.h"
#include "sample/conv.h"

#include <time.h>

/* HAProxy keeps 55 bits of a date: beyond them tm_year would overflow. */
#define DATE_MASK 0x007fffffffffffff

/** What a row of the *time() family does. */
struct time_kind {
    bool local;
    int64_t unit; /* parts of a second in the input */
};

static const struct time_kind ltime_s = { true, 1 }, ltime_ms = { true, 1000 },
                              ltime_us = { true, 1000000 }, utime_s = { false, 1 },
                              utime_ms = { false, 1000 }, utime_us = { false, 1000000 };

/** Broken-down time. Logs ask for the same second again and again, and localtime_r() takes a lock.
 */
static const struct tm *
broken_down(time_t t, bool local)
{
    static _Thread_local struct {
        time_t t;
        bool valid;
        struct tm tm;
    } cache[2];

    if (!cache[local].valid || cache[local].t != t) {
        cache[local].valid =
            (local ? localtime_r(&t, &cache[local].tm) : gmtime_r(&t, &cache[local].tm)) != NULL;
        cache[local].t = t;
    }
    return cache[local].valid ? &cache[local].tm : NULL;
}

/** Writes the format with "%N" and "%<digits>N" replaced by the first digits of the fraction; the
 * rest is strftime's. */
static void
put_fraction(struct out *o, struct slice format, int64_t nanoseconds)
{
    for (size_t i = 0; i < format.len; i++) {
        out_char(o, format.p[i]);
        if (format.p[i] != '%' || i + 1 == format.len)
            continue;
        char c = format.p[i + 1];
        bool width = c >= '1' && c <= '9' && i + 2 < format.len && format.p[i + 2] == 'N';
        if (!width && c != 'N') {
            out_char(o, c); /* keeps "%%N" whole */
            i++;
            continue;
        }
        unsigned digits = width ? (unsigned)(c - '0') : 9;
        char text[9];
        struct out t = OUT(text);

        o->len -= !o->full; /* the percent sign */
        out_uint_pad(&t, (uint64_t)nanoseconds, 9);
        out_mem(o, text, digits);
        i += 1 + width;
    }
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
/** strftime() into *s. The result is empty when it does not fit, as when the format is. */
static bool
format_time(const char *format, size_t len, const struct tm *tm, struct sample *s,
            struct sample_ctx *x)
{
    struct out o;
    size_t sizes[] = {
        len * 4 + 64, conv_size_max
    }; /* most fields are that short; padded ones get a second try */

    for (unsigned i = 0; i < COUNT_OF(sizes) && len; i++) {
        if (!conv_out(&o, sizes[i], x))
            return false;
        o.len = strftime(o.p, o.size, format, tm);
        if (o.len)
            break;
    }
    if (len == 0)
        conv_set_const(s, SMP_STR, SL(""));
    else
        conv_out_end(s, SMP_STR, &o);
    return true;
}
#pragma GCC diagnostic pop

/** The offset is in seconds whatever the unit of the input is. */
static bool
conv_time(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const struct time_kind *kind = private;
    struct slice format = arg[0].s;
    uint64_t seconds = (uint64_t)(s->u.i / kind->unit) & DATE_MASK;

    if (arg[1].type != ARG_END)
        seconds += (uint64_t)arg[1].i;
    const struct tm *tm = broken_down((time_t)seconds, kind->local);
    if (!tm)
        return false;
    if (kind->unit > 1 && slice_find(format, 'N', 0) != SIZE_MAX) {
        int64_t rest = s->u.i % kind->unit;
        struct out o;

        if (!conv_out(&o, format.len * 5 + 1, x)) /* "%N" grows to nine digits */
            return false;
        put_fraction(&o, format, (rest < 0 ? -rest : rest) * (1000000000 / kind->unit));
        o.p[o.len] = '\0'; /* conv_out() leaves room for it */
        format = out_slice(&o);
    }
    return format_time(format.p, format.len, tm, s, x);
}

/* ---- HTTP dates -------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    int64_t unit;
} http_units[] = { { "s", 1 }, { "ms", 1000 }, { "us", 1000000 } };

/** The unit is kept in the second argument's .i. */
static bool
check_http_date(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[1].type == ARG_END)
        return true;
    for (unsigned i = 0; i < COUNT_OF(http_units); i++) {
        if (slice_eq_str(arg[1].s, http_units[i].name)) {
            arg[1].i = http_units[i].unit;
            return true;
        }
    }
    *err = xasprintf("expects 's', 'ms' or 'us', got '%s'", arg[1].s.p);
    return false;
}

/** With a unit below the second the fraction follows the seconds. */
static bool
conv_http_date(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    int64_t unit = arg[1].type != ARG_END ? arg[1].i : 1;
    uint64_t offset = arg[0].type != ARG_END ? (uint64_t)arg[0].i : 0;
    int64_t v = (int64_t)((uint64_t)s->u.i + offset);
    const struct tm *tm = broken_down((time_t)((uint64_t)(v / unit) & DATE_MASK), false);
    struct out o;

    if (!tm || !conv_out(&o, 64, x))
        return false;
    out_str(&o, date_day[tm->tm_wday]);
    out_lit(&o, ", ");
    out_uint_pad(&o, (uint64_t)tm->tm_mday, 2);
    out_char(&o, ' ');
    out_str(&o, date_month[tm->tm_mon]);
    out_char(&o, ' ');
    out_uint_pad(&o, (uint64_t)tm->tm_year + 1900, 4);
    out_char(&o, ' ');
    out_uint_pad(&o, (uint64_t)tm->tm_hour, 2);
    out_char(&o, ':');
    out_uint_pad(&o, (uint64_t)tm->tm_min, 2);
    out_char(&o, ':');
    out_uint_pad(&o, (uint64_t)tm->tm_sec, 2);
    if (unit > 1) {
        out_char(&o, '.');
        out_int(&o, v % unit);
    }
    out_lit(&o, " GMT");
    conv_out_end(s, SMP_STR, &o);
    return true;
}

static bool
conv_date_parse(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    int64_t seconds;

    if (!http_date_parse(s->u.s, &seconds))
        return false;
    sample_set_int(s, seconds);
    return true;
}

#define TIME(name_, kind_, help_)                                                                  \
    {                                                                                              \
        name_, { ARG_STR, ARG_SINT | ARG_OPT }, SMP_SINT, SMP_STR, conv_time,                      \
            .private = (void *)&(kind_), .usage = "<format>[,<offset>]", .help = help_             \
    }

const struct conv conv_date[] = {
    { "date",
      { 0 },
      SMP_STR,
      SMP_SINT,
      conv_date_parse,
      .help = "seconds since 1970 of a date in one of the HTTP formats" },
    { "http_date",
      { ARG_SINT | ARG_OPT, ARG_STR },
      SMP_SINT,
      SMP_STR,
      conv_http_date,
      .check = check_http_date,
      .usage = "[<offset>[,<unit>]]",
      .help = "date as in HTTP headers" },
    TIME("ltime", ltime_s, "seconds since 1970 as a local date, format of strftime(3)"),
    TIME("ms_ltime", ltime_ms, "the same from milliseconds; %N is the fraction"),
    TIME("ms_utime", utime_ms, "milliseconds since 1970 as a UTC date; %N is the fraction"),
    TIME("us_ltime", ltime_us, "microseconds since 1970 as a local date; %N is the fraction"),
    TIME("us_utime", utime_us, "microseconds since 1970 as a UTC date; %N is the fraction"),
    TIME("utime", utime_s, "seconds since 1970 as a UTC date, format of strftime(3)"),
    { 0 },
};

const struct module conv_date_module = { .name = "conv_date", .convs = conv_date };
