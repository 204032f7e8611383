/* stream_stats.c - what a stream adds to the counters of its frontend, backend and server. */
#include "proxy/stream_int.h"

/* HAProxy's sliding average over about the last 512 events: sum' = sum - sum/512 + value. */
#define SWRATE_WINDOW 512u

static void
swrate_add(uint64_t *sum, int64_t value_ms)
{
    uint64_t v = value_ms > 0 ? (uint64_t)value_ms : 0;

    uint64_t old = count_get(sum);
    count_set(sum, old - (old + SWRATE_WINDOW - 1) / SWRATE_WINDOW + v);
}

static void
note_max(uint32_t *max, int64_t value_ms)
{
    if (value_ms > 0)
        count_max(max, value_ms < UINT32_MAX ? (uint32_t)value_ms : UINT32_MAX);
}

static uint64_t *
class_of(struct px_counters *c, unsigned status)
{
    switch (status / 100) {
    case 1:
        return &c->hrsp_1xx;
    case 2:
        return &c->hrsp_2xx;
    case 3:
        return &c->hrsp_3xx;
    case 4:
        return &c->hrsp_4xx;
    case 5:
        return &c->hrsp_5xx;
    default:
        return &c->hrsp_other;
    }
}

static uint64_t *
srv_class_of(struct srv_counters *c, unsigned status)
{
    switch (status / 100) {
    case 1:
        return &c->hrsp_1xx;
    case 2:
        return &c->hrsp_2xx;
    case 3:
        return &c->hrsp_3xx;
    case 4:
        return &c->hrsp_4xx;
    case 5:
        return &c->hrsp_5xx;
    default:
        return &c->hrsp_other;
    }
}

/* Manual, `http-err-codes` and `http-fail-codes`: the defaults. */
static void
count_tracked_status(struct stream *s)
{
    struct stick_slots slots = stream_slots(s);
    bool failure = s->status >= 500 && s->status <= 599 && s->status != 501 && s->status != 505;

    if (s->status >= 400 && s->status <= 499)
        stick_count_error(&slots, loop_now_ms());
    else if (failure && !(s->flags & SF_INTERNAL_REPLY))
        stick_count_failure(&slots, loop_now_ms());
}

void
stream_count_response(struct stream *s)
{
    unsigned tid = loop_tid();

    if (s->flags & SF_MONITOR)
        return;
    if (s->track || s->sess->track)
        count_tracked_status(s);
    count_add(class_of(&s->fe->fe_counters[tid], s->status), 1);
    if (s->flags & SF_COUNTED_BE && proxy_has_be(s->be))
        count_add(class_of(&s->be->be_counters[tid], s->status), 1);
    if (s->srv && !(s->flags & SF_INTERNAL_REPLY)) {
        count_add(srv_class_of(&s->srv->counters[tid], s->status), 1);
        SRV_COUNT(s->srv, req_tot, 1);
    }
}

static void
count_times(struct stream *s)
{
    unsigned tid = loop_tid();
    struct stream_times t;
    struct px_counters *be = &s->be->be_counters[tid];

    stream_times(s, &t);
    swrate_add(&be->q_time, t.queue);
    swrate_add(&be->c_time, t.connect);
    swrate_add(&be->d_time, t.response);
    swrate_add(&be->t_time, t.total);
    note_max(&be->qtime_max, t.queue);
    note_max(&be->ctime_max, t.connect);
    note_max(&be->rtime_max, t.response);
    note_max(&be->ttime_max, t.total);
    if (!s->srv || s->flags & SF_INTERNAL_REPLY)
        return;
    struct srv_counters *sv = &s->srv->counters[tid];
    swrate_add(&sv->q_time, t.queue);
    swrate_add(&sv->c_time, t.connect);
    swrate_add(&sv->d_time, t.response);
    swrate_add(&sv->t_time, t.total);
    note_max(&sv->qtime_max, t.queue);
    note_max(&sv->ctime_max, t.connect);
    note_max(&sv->rtime_max, t.response);
    note_max(&sv->ttime_max, t.total);
}

static void
count_listener(struct listener *li, uint64_t in, uint64_t srv_out, uint64_t srv_in, uint64_t out)
{
    LI_COUNT(li, bin, in);
    LI_COUNT(li, bout, srv_in);
    LI_COUNT(li, reqbin, in);
    LI_COUNT(li, reqbout, srv_out);
    LI_COUNT(li, resbin, srv_in);
    LI_COUNT(li, resbout, out);
}

void
stream_count_end(struct stream *s)
{
    uint64_t in = s->req.in, out = s->res.out_bytes, srv_in = s->res.in, srv_out = s->req.out_bytes;

    if (s->flags & SF_MONITOR)
        return;
    if (s->track || s->sess->track) {
        struct stick_slots slots = stream_slots(s);
        stick_count_bytes(&slots, in, srv_in, loop_now_ms());
    }
    /* Since 3.3 "bout" counts what servers sent; our own replies are in resbout only. */
    FE_COUNT(s->fe, bin, in);
    FE_COUNT(s->fe, bout, srv_in);
    FE_COUNT(s->fe, reqbin, in);
    FE_COUNT(s->fe, reqbout, srv_out);
    FE_COUNT(s->fe, resbin, srv_in);
    FE_COUNT(s->fe, resbout, out);
    if (unlikely(s->sess->li->counters))
        count_listener(s->sess->li, in, srv_out, srv_in, out);
    if (s->flags & SF_COUNTED_BE) {
        s->flags &= ~(unsigned)SF_COUNTED_BE;
        BE_COUNT(s->be, bin, in);
        BE_COUNT(s->be, bout, srv_in);
        BE_COUNT(s->be, reqbin, in);
        BE_COUNT(s->be, reqbout, srv_out);
        BE_COUNT(s->be, resbin, srv_in);
        BE_COUNT(s->be, resbout, out);
        if (s->t_queue_us)
            count_times(s);
    }
    if (s->srv) {
        SRV_COUNT(s->srv, bin, srv_out);
        SRV_COUNT(s->srv, bout, srv_in);
        SRV_COUNT(s->srv, reqbin, in);
        SRV_COUNT(s->srv, reqbout, srv_out);
        SRV_COUNT(s->srv, resbin, srv_in);
        SRV_COUNT(s->srv, resbout, out);
    }
}
