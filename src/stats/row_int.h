/* row_int.h - how rows are filled. */
#ifndef STATS_ROW_INT_H
#define STATS_ROW_INT_H

#include "stats/stats.h"

static inline void
row_num(struct stats_row *r, enum stats_column c, uint64_t v)
{
    r->v[c] = (struct stats_value){ stats_columns[c].type, NULL, { .u = v } };
}

static inline void
row_int(struct stats_row *r, enum stats_column c, int64_t v)
{
    r->v[c] = (struct stats_value){ stats_columns[c].type, NULL, { .s = v } };
}

/** Borrows `s`; NULL: the column stays empty. */
static inline void
row_str(struct stats_row *r, enum stats_column c, const char *s)
{
    if (s)
        r->v[c] = (struct stats_value){ STATS_STR, NULL, { .str = s } };
}

/** A copy of `s` that lives as long as the row; cut when the row's memory is used up. */
const char *row_keep(struct stats_row *r, const char *s);
/** Clears the row; name, mode, numbers. */
void row_begin(struct stats_row *r, enum stats_kind kind, struct proxy *px, const char *svname,
               unsigned sid);
/** "127.0.0.1:80", "[::1]:80", "unix". */
const char *row_addr(struct stats_row *r, const struct addr *a, unsigned port);
/** Seconds between `since_s` (wall clock) and now, never negative. */
uint64_t row_age(int64_t since_s);
/** -1 when `last_s` is 0. */
int64_t row_last(int64_t last_s);
uint32_t row_rate(const struct freq_shared *f);

/** Copies counters into their columns. `name` is both. */
#define ROW_COUNT(r, c, name) row_num((r), ST_##name, (c)->name)
#define ROW_BYTES(r, c)                                                                            \
    do {                                                                                           \
        ROW_COUNT(r, c, bin);                                                                      \
        ROW_COUNT(r, c, bout);                                                                     \
        ROW_COUNT(r, c, reqbin);                                                                   \
        ROW_COUNT(r, c, reqbout);                                                                  \
        ROW_COUNT(r, c, resbin);                                                                   \
        ROW_COUNT(r, c, resbout);                                                                  \
    } while (0)
#define ROW_STATUSES(r, c)                                                                         \
    do {                                                                                           \
        ROW_COUNT(r, c, hrsp_1xx);                                                                 \
        ROW_COUNT(r, c, hrsp_2xx);                                                                 \
        ROW_COUNT(r, c, hrsp_3xx);                                                                 \
        ROW_COUNT(r, c, hrsp_4xx);                                                                 \
        ROW_COUNT(r, c, hrsp_5xx);                                                                 \
        ROW_COUNT(r, c, hrsp_other);                                                               \
    } while (0)
#define ROW_COMPRESSION(r, c)                                                                      \
    do {                                                                                           \
        ROW_COUNT(r, c, comp_in);                                                                  \
        ROW_COUNT(r, c, comp_out);                                                                 \
        ROW_COUNT(r, c, comp_byp);                                                                 \
        ROW_COUNT(r, c, comp_rsp);                                                                 \
    } while (0)
#define ROW_CACHE(r, c)                                                                            \
    do {                                                                                           \
        ROW_COUNT(r, c, cache_lookups);                                                            \
        ROW_COUNT(r, c, cache_hits);                                                               \
        ROW_COUNT(r, c, cache_hint_hits);                                                          \
    } while (0)
#define ROW_TIMES(r, c)                                                                            \
    do {                                                                                           \
        row_num(r, ST_qtime, (c)->q_time);                                                         \
        row_num(r, ST_ctime, (c)->c_time);                                                         \
        row_num(r, ST_rtime, (c)->d_time);                                                         \
        row_num(r, ST_ttime, (c)->t_time);                                                         \
        ROW_COUNT(r, c, qtime_max);                                                                \
        ROW_COUNT(r, c, ctime_max);                                                                \
        ROW_COUNT(r, c, rtime_max);                                                                \
        ROW_COUNT(r, c, ttime_max);                                                                \
    } while (0)

/** Columns `from`..`to` become 0 where they are empty. */
void row_zero(struct stats_row *r, enum stats_column from, enum stats_column to);
/** Highest values are 0 where nobody wants them: `stats calculate-max-counters off`. */
void row_hide_peaks(struct stats_row *r);

#endif
