/* units.c - times and sizes with a unit (manual 2.5 and 2.6). */
#include "config/units.h"
#include "config/cfg.h"

#include <stdio.h>

static const struct {
    struct slice name;
    uint64_t us;
} time_units[] = {
    /* longer names first: "ms" before "m" */
    { { "us", 2 }, 1 },
    { { "ms", 2 }, 1000 },
    { { "s", 1 }, 1000000 },
    { { "m", 1 }, 60ull * 1000000 },
    { { "h", 1 }, 3600ull * 1000000 },
    { { "d", 1 }, 86400ull * 1000000 },
};

/** Takes leading digits off. */
static enum unit_err
take_digits(struct slice *s, uint64_t *out, char *bad)
{
    size_t n = 0;

    if (s->len == 0)
        return UNIT_EMPTY;
    while (n < s->len && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    if (n == 0) {
        *bad = s->p[0];
        return UNIT_CHAR;
    }
    if (!slice_to_uint(slice(s->p, n), out))
        return UNIT_OVERFLOW;
    *s = slice_sub(*s, n, s->len);
    return UNIT_OK;
}

enum unit_err
units_time(struct slice s, uint64_t unit_us, uint64_t *out_us, char *bad, bool *suffixed)
{
    uint64_t n;
    enum unit_err e = take_digits(&s, &n, bad);

    if (suffixed)
        *suffixed = false;
    if (e != UNIT_OK)
        return e;
    for (unsigned i = 0; s.len && i < COUNT_OF(time_units); i++) {
        if (!slice_starts(s, time_units[i].name))
            continue;
        unit_us = time_units[i].us;
        s = slice_sub(s, time_units[i].name.len, s.len);
        if (suffixed)
            *suffixed = true;
        if (s.len)
            e = UNIT_TRAILING;
        break;
    }
    if (s.len)
        *bad = s.p[0];
    if (s.len && e == UNIT_OK)
        return UNIT_CHAR;
    return __builtin_mul_overflow(n, unit_us, out_us) ? UNIT_OVERFLOW : e;
}

enum unit_err
units_size(struct slice s, uint64_t *out, char *bad)
{
    uint64_t n;
    enum unit_err e = take_digits(&s, &n, bad);
    unsigned shift = 0;

    if (e != UNIT_OK)
        return e;
    if (s.len) {
        unsigned char c = ascii_lower((unsigned char)s.p[0]);
        shift = c == 'k' ? 10 : c == 'm' ? 20 : c == 'g' ? 30 : 0;
        if (!shift || s.len > 1) {
            *bad = s.p[shift ? 1 : 0];
            return UNIT_CHAR;
        }
    }
    return __builtin_mul_overflow(n, 1ull << shift, out) ? UNIT_OVERFLOW : UNIT_OK;
}

static const char *
error_text(enum unit_err e, char bad, const char *kind)
{
    static _Thread_local char text[64];

    if (e == UNIT_OK)
        return NULL;
    if (e == UNIT_EMPTY)
        snprintf(text, sizeof(text), "missing %s", kind);
    else if (e == UNIT_OVERFLOW)
        snprintf(text, sizeof(text), "%s too large", kind);
    else
        snprintf(text, sizeof(text), "unexpected character '%c'", bad);
    return text;
}

const char *
units_parse_time(struct slice s, uint64_t unit_us, uint64_t *out_us)
{
    char bad = 0;
    enum unit_err e = units_time(s, unit_us, out_us, &bad, NULL);

    return error_text(e, bad, "time");
}

const char *
units_parse_size(struct slice s, uint64_t *out)
{
    char bad = 0;
    enum unit_err e = units_size(s, out, &bad);

    return error_text(e, bad, "size");
}
