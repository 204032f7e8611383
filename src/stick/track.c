/* track.c - tracked counters. */
#include "stick/track.h"

/* What happened, as a pair of data types: the count and its rate. */
struct event {
    enum stick_data cnt, rate;
};

static void
count(struct stick_counter *c, struct event ev, uint64_t n, int64_t now_ms)
{
    struct stick_table *t = c->table;

    if (!stick_has(t, ev.cnt) && !stick_has(t, ev.rate))
        return;
    stick_add(t, c->entry, ev.cnt, 0, now_ms, n);
    stick_add(t, c->entry, ev.rate, 0, now_ms, n);
    stick_touch(t, c->entry, now_ms);
}

static void
count_all(const struct stick_slots *s, struct event ev, uint64_t n, int64_t now_ms)
{
    for (unsigned i = 0; i < s->n; i++) {
        struct stick_counter *c = stick_slot(s, i);
        if (c)
            count(c, ev, n, now_ms);
    }
}

#define EVENT(what) ((struct event){ STICK_##what##_CNT, STICK_##what##_RATE })

bool
stick_track(struct stick_counter *c, struct stick_table *t, const struct stick_key *k, bool request,
            int64_t now_ms)
{
    if (c->entry)
        return true;
    struct stick_entry *e = stick_get(t, k, now_ms, NULL);
    if (!e)
        return false;
    *c = (struct stick_counter){ t, e };
    stick_count(t, e, STICK_CONN_CUR, 0, 1, NULL);
    stick_add(t, e, STICK_CONN_CNT, 0, now_ms, 1);
    stick_add(t, e, STICK_CONN_RATE, 0, now_ms, 1);
    if (request) {
        stick_add(t, e, STICK_HTTP_REQ_CNT, 0, now_ms, 1);
        stick_add(t, e, STICK_HTTP_REQ_RATE, 0, now_ms, 1);
    }
    stick_touch(t, e, now_ms);
    return true;
}

void
stick_untrack(struct stick_counter *c, int64_t now_ms)
{
    if (!c->entry)
        return;
    stick_conn_cur_down(c->table, c->entry);
    stick_touch(c->table, c->entry, now_ms);
    stick_unref(c->entry);
    *c = (struct stick_counter){ 0 };
}

void
stick_untrack_all(struct stick_counter *c, unsigned n, int64_t now_ms)
{
    for (unsigned i = 0; c && i < n; i++)
        stick_untrack(&c[i], now_ms);
}

void
stick_count_session(const struct stick_slots *s, int64_t now_ms)
{
    count_all(s, EVENT(SESS), 1, now_ms);
}

void
stick_count_request(const struct stick_slots *s, int64_t now_ms)
{
    count_all(s, EVENT(HTTP_REQ), 1, now_ms);
}

void
stick_count_error(const struct stick_slots *s, int64_t now_ms)
{
    count_all(s, EVENT(HTTP_ERR), 1, now_ms);
}

void
stick_count_failure(const struct stick_slots *s, int64_t now_ms)
{
    count_all(s, EVENT(HTTP_FAIL), 1, now_ms);
}

void
stick_count_bytes(const struct stick_slots *s, uint64_t in, uint64_t out, int64_t now_ms)
{
    if (in)
        count_all(s, EVENT(BYTES_IN), in, now_ms);
    if (out)
        count_all(s, EVENT(BYTES_OUT), out, now_ms);
}

void
stick_count_glitches(const struct stick_slots *s, uint32_t n, int64_t now_ms)
{
    if (n)
        count_all(s, EVENT(GLITCH), n, now_ms);
}
