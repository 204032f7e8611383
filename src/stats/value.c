/* value.c - one value as text: plain, CSV, JSON; the tables of columns. */
#include "stats/stats.h"

#include <math.h>

const struct stats_desc stats_columns[ST_COUNT] = {
#define X(n, type, tag, lasting, help) { #n, STATS_##type, tag, lasting, help },
    STATS_COLUMNS_BASE(X) STATS_COLUMNS_MODULES(X)
#undef X
};

const struct stats_desc stats_infos[INF_COUNT] = {
#define X(id, name, type, tag, help) { name, STATS_##type, tag, false, help },
    STATS_INFO(X)
#undef X
};

static void
put_double(struct text *to, double f)
{
    char buf[64];
    struct out o = OUT(buf);

    if (!isfinite(f))
        f = 0;
    out_printf(&o, "%.6f", f);
    while (o.len && buf[o.len - 1] == '0')
        o.len--;
    if (o.len && buf[o.len - 1] == '.')
        o.len--;
    text_slice(to, out_slice(&o));
}

static void
put_str(struct text *to, const char *s)
{
    const char *run = s;

    /* a line is a record: nothing that a peer sent may end it */
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 127) {
            text_mem(to, run, (size_t)(s - run));
            text_char(to, ' ');
            run = s + 1;
        }
    text_mem(to, run, (size_t)(s - run));
}

void
stats_put(struct text *to, const struct stats_value *v)
{
    switch (v->type) {
    case STATS_EMPTY:
        return;
    case STATS_U32:
    case STATS_U64:
        text_printf(to, "%llu", (unsigned long long)v->u);
        return;
    case STATS_S32:
        text_printf(to, "%lld", (long long)v->s);
        return;
    case STATS_FLT:
        put_double(to, v->f);
        return;
    case STATS_STR:
        put_str(to, v->str);
        return;
    }
}

void
stats_put_csv(struct text *to, const struct stats_value *v)
{
    if (v->type != STATS_STR || !strpbrk(v->str, "\",\n")) {
        stats_put(to, v);
        return;
    }
    text_char(to, '"');
    for (const char *s = v->str; *s; s++) {
        if (*s == '"')
            text_char(to, '"');
        text_char(to, (unsigned char)*s < ' ' ? ' ' : *s);
    }
    text_char(to, '"');
}

void
stats_put_json_str(struct text *to, const char *s)
{
    text_char(to, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            text_printf(to, "\\%c", c);
        else if (c < ' ' || c == 127)
            text_printf(to, "\\u%04x", c);
        else
            text_char(to, (char)c);
    }
    text_char(to, '"');
}

void
stats_put_age(struct text *to, int64_t s)
{
    unsigned long long u = s > 0 ? (unsigned long long)s : 0;

    if (u < 60)
        text_printf(to, "%llus", u);
    else if (u < 3600)
        text_printf(to, u % 60 ? "%llum%llus" : "%llum", u / 60, u % 60);
    else if (u < 86400)
        text_printf(to, u % 3600 / 60 ? "%lluh%llum" : "%lluh", u / 3600, u % 3600 / 60);
    else
        text_printf(to, u % 86400 / 3600 ? "%llud%lluh" : "%llud", u / 86400, u % 86400 / 3600);
}
