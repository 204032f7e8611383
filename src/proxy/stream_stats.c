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

void
stream_count_tracked_status(struct stream *s, const struct stick_slots *slots)
{
    bool own = s->flags & SF_INTERNAL_REPLY;
    unsigned status = own ? s->status : s->server_status;

    if (status_set_has(&config->http_err_codes, status))
        stick_count_error(slots, loop_now_ms());
    if (status_set_has(&config->http_fail_codes, status) && !own)
        stick_count_failure(slots, loop_now_ms());
}

void
stream_count_server_status(struct stream *s)
{
    if (s->status_counted)
        return;
    s->status_counted = true;
    if (s->track || s->sess->track) {
        struct stick_slots slots = stream_slots(s);
        stream_count_tracked_status(s, &slots);
    }
}

void
stream_count_response(struct stream *s)
{
    unsigned tid = loop_tid();

    if (s->flags & SF_MONITOR)
        return;
    if (s->flags & SF_INTERNAL_REPLY)
        s->status_counted = false; /* another status, whatever the server's was */
    stream_count_server_status(s);
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

/* Bytes of a stream that counters do not have yet, in the order of their members. */
struct moved {
    uint64_t in, srv_out, srv_in, out;
};

/* What of a stream was counted while it lasted (option contstats), and for whom. */
struct stream_counted {
    struct moved fe, be, srv;
    struct proxy *be_px;
    struct server *server;
};

/* What is new since `before`, which is brought up to date; NULL: all. */
static struct moved
moved_since(const struct stream *s, struct moved *before)
{
    struct moved all = { s->req.in, s->req.out_bytes, s->res.in, s->res.out_bytes }, m = all;

    if (before) {
        m = (struct moved){ all.in - before->in, all.srv_out - before->srv_out,
                            all.srv_in - before->srv_in, all.out - before->out };
        *before = all;
    }
    return m;
}

/* Adds what moved to a thread's counters, of whomever. `from`: what came in on its side. Since 3.3
 * "bout" counts what servers sent; our own replies are in resbout only. */
#define COUNT_MOVED(counters, m, from)                                                             \
    do {                                                                                           \
        count_add(&(counters)->bin, (m).from);                                                     \
        count_add(&(counters)->bout, (m).srv_in);                                                  \
        count_add(&(counters)->reqbin, (m).in);                                                    \
        count_add(&(counters)->reqbout, (m).srv_out);                                              \
        count_add(&(counters)->resbin, (m).srv_in);                                                \
        count_add(&(counters)->resbout, (m).out);                                                  \
    } while (0)

static void
count_frontend(struct stream *s, struct stream_counted *c)
{
    struct moved m = moved_since(s, c ? &c->fe : NULL);

    if (unlikely(s->track || s->sess->track)) {
        struct stick_slots slots = stream_slots(s);
        stick_count_bytes(&slots, m.in, m.srv_in, loop_now_ms());
    }
    COUNT_MOVED(&s->fe->fe_counters[loop_tid()], m, in);
    if (unlikely(s->sess->li->counters))
        COUNT_MOVED(&s->sess->li->counters[loop_tid()], m, in);
}

static void
count_backend(struct stream *s, struct stream_counted *c)
{
    struct moved m;

    if (unlikely(c && c->be_px != s->be)) {
        c->be_px = s->be;
        c->be = (struct moved){ 0 };
    }
    m = moved_since(s, c ? &c->be : NULL);
    COUNT_MOVED(&s->be->be_counters[loop_tid()], m, in);
}

static void
count_server(struct stream *s, struct stream_counted *c)
{
    struct moved m;

    if (unlikely(c && c->server != s->srv)) {
        c->server = s->srv;
        c->srv = (struct moved){ 0 };
    }
    m = moved_since(s, c ? &c->srv : NULL);
    COUNT_MOVED(&s->srv->counters[loop_tid()], m, srv_out);
}

void
stream_count_end(struct stream *s)
{
    struct stream_counted *c = s->counted;

    if (s->flags & SF_MONITOR)
        return;
    count_frontend(s, c);
    if (s->flags & SF_COUNTED_BE) {
        s->flags &= ~(unsigned)SF_COUNTED_BE;
        count_backend(s, c);
        if (s->t_queue_us)
            count_times(s);
    }
    if (s->srv)
        count_server(s, c);
}

/* ---- option contstats ---- */

#define CONTSTATS_MS 5000

static __thread struct timer contstats_timer;

static void
count_so_far(struct stream *s)
{
    if (!(s->fe->options & PO_CONTSTATS) || s->flags & SF_MONITOR)
        return;
    if (!s->counted && !(s->counted = arena_zalloc(&s->arena, sizeof(*s->counted))))
        return; /* at its end, then */
    count_frontend(s, s->counted);
    if (s->flags & SF_COUNTED_BE)
        count_backend(s, s->counted);
    if (s->srv)
        count_server(s, s->counted);
}

static void
on_contstats(struct timer *t)
{
    struct stream *s;

    list_each (s, streams_of_thread(), link)
        count_so_far(s);
    timer_set(t, loop_now_ms() + CONTSTATS_MS, on_contstats);
}

void
stream_contstats_start(struct config *cf)
{
    struct proxy *px;

    list_each (px, &cf->proxies, link) {
        if (proxy_has_fe(px) && px->options & PO_CONTSTATS) {
            timer_set(&contstats_timer, loop_now_ms() + CONTSTATS_MS, on_contstats);
            return;
        }
    }
}

void
stream_contstats_stop(void)
{
    timer_cancel(&contstats_timer);
}
