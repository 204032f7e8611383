/* date.c - HTTP dates without time zones, locales or the C library. */
#include "http/date.h"

#define DAY          86400
#define DAYS_PER_ERA 146097         /* 400 years */
#define SEC_MAX      253402300799   /* 9999-12-31 23:59:59 */
#define SEC_MIN      (-62167219200) /* 0000-01-01 */

static const char days3[] = "SunMonTueWedThuFriSat";
static const char months3[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Years are counted from March, so that the leap day is the last one of its year. */
int64_t
http_days_from_date(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month > 2 ? (int64_t)month - 3 : (int64_t)month + 9) + 2) / 5 + day - 1;

    return era * DAYS_PER_ERA + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct civil {
    int64_t year;
    unsigned month, day;
};

static struct civil
date_from_days(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    int64_t doe = z - era * DAYS_PER_ERA;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    unsigned month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);

    return (struct civil){ yoe + era * 400 + (month <= 2), month,
                           (unsigned)(doy - (153 * mp + 2) / 5 + 1) };
}

static char *
put2(char *to, unsigned v)
{
    to[0] = (char)('0' + v / 10);
    to[1] = (char)('0' + v % 10);
    return to + 2;
}

void
http_date_format(int64_t sec, char to[HTTP_DATE_LEN])
{
    sec = sec < SEC_MIN ? SEC_MIN : sec > SEC_MAX ? SEC_MAX : sec;
    int64_t days = sec >= 0 ? sec / DAY : -((-sec + DAY - 1) / DAY);
    unsigned rest = (unsigned)(sec - days * DAY);
    struct civil c = date_from_days(days);
    unsigned wday = (unsigned)(((days + 4) % 7 + 7) % 7);
    char *p = to;

    memcpy(p, days3 + wday * 3, 3);
    memcpy(p + 3, ", ", 2);
    p = put2(p + 5, c.day);
    *p++ = ' ';
    memcpy(p, months3 + (c.month - 1) * 3, 3);
    p[3] = ' ';
    p = put2(put2(p + 4, (unsigned)c.year / 100), (unsigned)c.year % 100);
    *p++ = ' ';
    p = put2(p, rest / 3600);
    *p++ = ':';
    p = put2(p, rest / 60 % 60);
    *p++ = ':';
    p = put2(p, rest % 60);
    memcpy(p, " GMT", 4);
}

struct slice
http_date_cached(int64_t sec)
{
    static _Thread_local struct {
        bool valid;
        int64_t sec;
        char text[HTTP_DATE_LEN];
    } cache;

    if (unlikely(!cache.valid || cache.sec != sec)) {
        http_date_format(sec, cache.text);
        cache.sec = sec;
        cache.valid = true;
    }
    return slice(cache.text, HTTP_DATE_LEN);
}

/* ---- parsing ------------------------------------------------------------------------------------
 */

/* Cursor; ok turns false once and for all at the first mismatch. */
struct cursor {
    struct slice s;
    bool ok;
};

static void
expect(struct cursor *c, const char *text)
{
    struct slice t = slice_str(text);

    c->ok = c->ok && slice_starts(c->s, t);
    if (c->ok)
        c->s = slice(c->s.p + t.len, c->s.len - t.len);
}

/* Exactly n digits; with `pad` the first one may be a blank. */
static unsigned
number(struct cursor *c, size_t n, bool pad)
{
    unsigned v = 0;

    c->ok = c->ok && c->s.len >= n;
    for (size_t i = 0; c->ok && i < n; i++) {
        char d = c->s.p[i];
        if (i == 0 && pad && d == ' ')
            d = '0';
        c->ok = d >= '0' && d <= '9';
        v = v * 10 + (unsigned)(d - '0');
    }
    if (c->ok)
        c->s = slice(c->s.p + n, c->s.len - n);
    return v;
}

/* Index of a three-letter name in `names`. */
static unsigned
name3(struct cursor *c, const char *names)
{
    for (unsigned i = 0; c->ok && names[i * 3]; i++)
        if (slice_starts(c->s, slice(names + i * 3, 3))) {
            c->s = slice(c->s.p + 3, c->s.len - 3);
            return i;
        }
    c->ok = false;
    return 0;
}

struct fields {
    unsigned year, month, day, hour, minute, second;
};

static void
clock_time(struct cursor *c, struct fields *f)
{
    f->hour = number(c, 2, false);
    expect(c, ":");
    f->minute = number(c, 2, false);
    expect(c, ":");
    f->second = number(c, 2, false);
}

/* "06 Nov 1994 08:49:37 GMT", after the weekday. */
static void
imf_fixdate(struct cursor *c, struct fields *f)
{
    f->day = number(c, 2, false);
    expect(c, " ");
    f->month = name3(c, months3) + 1;
    expect(c, " ");
    f->year = number(c, 4, false);
    expect(c, " ");
    clock_time(c, f);
    expect(c, " GMT");
}

/* "06-Nov-94 08:49:37 GMT", after the weekday. */
static void
rfc850_date(struct cursor *c, struct fields *f)
{
    f->day = number(c, 2, false);
    expect(c, "-");
    f->month = name3(c, months3) + 1;
    expect(c, "-");
    f->year = number(c, 2, false);
    f->year += f->year < 70 ? 2000 : 1900;
    expect(c, " ");
    clock_time(c, f);
    expect(c, " GMT");
}

/* "Nov  6 08:49:37 1994", after the weekday. */
static void
asctime_date(struct cursor *c, struct fields *f)
{
    f->month = name3(c, months3) + 1;
    expect(c, " ");
    f->day = number(c, 2, true);
    expect(c, " ");
    clock_time(c, f);
    expect(c, " ");
    f->year = number(c, 4, false);
}

static bool
in_range(const struct fields *f)
{
    static const unsigned char len[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = f->year % 4 == 0 && (f->year % 100 != 0 || f->year % 400 == 0);
    unsigned last = f->month == 2 && !leap ? 28 : len[f->month - 1];

    return f->day >= 1 && f->day <= last && f->hour < 24 && f->minute < 60 && f->second <= 60;
}

bool
http_date_parse(struct slice s, int64_t *sec)
{
    static const char *const full[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday" };
    struct cursor c = { s, true };
    struct fields f = { 0 };
    unsigned wday = name3(&c, days3);

    if (!c.ok)
        return false;
    if (slice_starts(c.s, SL(", "))) {
        expect(&c, ", ");
        imf_fixdate(&c, &f);
    } else if (slice_starts(c.s, SL(" "))) {
        expect(&c, " ");
        asctime_date(&c, &f);
    } else {
        expect(&c, full[wday] + 3);
        expect(&c, ", ");
        rfc850_date(&c, &f);
    }
    if (!c.ok || c.s.len || !in_range(&f))
        return false;
    *sec = http_days_from_date(f.year, f.month, f.day) * DAY + (int64_t)f.hour * 3600 +
           (int64_t)f.minute * 60 + f.second;
    return true;
}
