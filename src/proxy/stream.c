/* stream.c - the life of a stream: creation, stepping, waiting, ending.
 *
 * Event callbacks only wake the stream's task; stream_run() goes through the table of steps until
 * one must wait. Invariant: a stream lives on one thread; stream_step_finish() is the only place
 * where it is freed. */
#include "proxy/stream_int.h"

#include "base/slab.h"
#include "config/tune.h"

#include <time.h>

struct stream_hooks stream_hooks;
struct h1_limits stream_limits, stream_limits_relaxed;

void
streams_start(void)
{
    /* Room for edits is kept free, as in HAProxy. */
    stream_limits = (struct h1_limits){ .hdr_max = tune.http_maxhdr,
                                        .head_max = tune.bufsize - tune.maxrewrite,
                                        .no_close_on_insecure_te = tune.keep_insecure_te,
                                        .any_payload = tune.any_payload };
    stream_limits_relaxed = stream_limits;
    stream_limits_relaxed.relax = true;
}
_Atomic int stream_profiling;
_Thread_local struct stream_step_profile stream_profile[STREAM_NSTEPS];

const char *const stream_step_text[] = {
#define X(n, t) t,
    STREAM_STEPS(X)
#undef X
};

static enum step_rc (*const steps[])(struct stream *) = {
#define X(n, t) stream_step_##n,
    STREAM_STEPS(X)
#undef X
};

static __thread struct slab stream_slab, hdr_slab;
static __thread struct list all = { NULL, NULL };
static _Atomic uint32_t next_id;

struct list *
streams_of_thread(void)
{
    if (!all.next)
        list_init(&all);
    return &all;
}

unsigned
stream_count(void)
{
    return stream_slab.in_use;
}

void
streams_thread_fini(void)
{
    if (stream_slab.size) {
        slab_fini(&stream_slab);
        slab_fini(&hdr_slab);
    }
    stream_slab.size = 0;
}

/* ---- running ---- */

static int64_t
clock_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* As stream_run(). Events are known since the turn began; the last step frees the stream and is not
 * counted. */
static COLD void
run_measured(struct stream *s)
{
    int64_t from_ns = clock_ns(), waited_ns = from_ns - loop_now_us() * 1000;

    waited_ns = MAX(waited_ns, 0);
    s->lat_ns += (uint64_t)waited_ns;
    stream_profile[s->step].lat_ns += (uint64_t)waited_ns;
    for (;;) {
        struct stream_step_profile *p = &stream_profile[s->step];
        if (stream_hooks.step)
            stream_hooks.step(s, s->step);
        enum step_rc rc = steps[s->step](s);
        int64_t now_ns = clock_ns();
        p->calls++;
        p->cpu_ns += (uint64_t)(now_ns - from_ns);
        if (rc == STEP_OVER)
            return;
        s->cpu_ns += (uint64_t)(now_ns - from_ns);
        from_ns = now_ns;
        if (rc == STEP_NEXT)
            s->step++;
        else if (rc != STEP_GOTO)
            return;
    }
}

/* Steps that many streams take one behind the other when there are many. */
#define IN_STEP (1u << STEP_send_request | 1u << STEP_send_response | 1u << STEP_finish)

static void
stream_run(struct task *t)
{
    struct stream *s = container_of(t, struct stream, task);

    s->calls++;
    int profiling = atomic_load_explicit(&stream_profiling, memory_order_relaxed);
    if (unlikely(profiling) &&
        (profiling == STREAM_PROFILING_ON || s->uniq_id % STREAM_PROFILING_SAMPLE == 0)) {
        run_measured(s);
        return;
    }
    for (;;) {
        enum step_rc rc = steps[s->step](s);
        if (rc == STEP_NEXT)
            s->step++;
        else if (rc != STEP_GOTO)
            return;
        if (IN_STEP & 1u << s->step && task_crowd()) {
            task_wake(&s->task);
            return;
        }
    }
}

void
stream_arm(struct stream *s, int64_t at_ms)
{
    s->deadline_ms = at_ms;
    if (at_ms)
        session_arm(s->sess, at_ms);
}

void
stream_on_cli_event(struct conn *c)
{
    struct stream *s = c->owner;

    /* Room to send interests nobody who has nothing to send. */
    if (c->flags & (CONN_RD_READY | CONN_HUP | CONN_HANDSHAKE) || s->res.tx || s->res.pipe ||
        s->step >= STEP_forward)
        task_wake(&s->task);
}

void
stream_on_srv_event(struct conn *c)
{
    struct stream *s = c->owner;
    task_wake(&s->task);
}

/* ---- creation ---- */

static bool
stream_init(struct stream *s, struct session *sess)
{
    struct conn *cli = sess->conn;

    memset(s, 0, offsetof(struct stream, first));
    s->hdrs = slab_get(&hdr_slab);
    if (!s->hdrs)
        return false;
    s->sess = sess;
    s->fe = s->be = s->rules_px = sess->fe;
    task_init(&s->task, stream_run);
    arena_init(&s->arena, s->first, sizeof(s->first), 8u * tune.bufsize + 65536);
    list_init(&s->filters);
    list_init(&s->srv_link);
    list_init(&s->pend.link);
    s->uniq_id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
    s->to_client_ms = s->to_server_ms = s->to_tunnel_ms = s->to_connect_ms = -1;
    s->to_queue_ms = s->to_tarpit_ms = -1;
    s->set_retries = -1;
    s->term_cause = s->term_phase = s->ck_req = s->ck_res = '-';
    s->log_level = -1;
    s->t_start_us = sess->flags & SESSF_NOT_FIRST ? sess->idle_us : sess->accept_us;
    /* The date of the same moment: when the connection came, or when its last request had ended. */
    s->t_wall_us = sess->flags & SESSF_NOT_FIRST ? loop_wall_us() - (loop_now_us() - s->t_start_us)
                                                 : sess->accept_wall_us;
    s->cli_act_ms = s->srv_act_ms = loop_now_ms();
    s->req.read_size = s->res.read_size = MAX(tune.bufsize, 16384u);
    s->flags = sess->fe->mode == PX_HTTP ? SF_HTTP : SF_TUNNEL;
    cli->owner = s;
    cli->on_event = stream_on_cli_event;
    FE_COUNT(s->fe, strm_tot, 1);
    return true;
}

void
stream_start(struct session *sess)
{
    if (unlikely(!stream_slab.size)) {
        slab_init(&stream_slab, "stream", sizeof(struct stream), 0);
        slab_init(&hdr_slab, "headers", 2 * stream_hdr_room() * sizeof(struct http_hdr), 0);
    }
    struct stream *s = slab_get(&stream_slab);
    if (!s || !stream_init(s, sess)) {
        slab_put(&stream_slab, s);
        session_end(sess);
        return;
    }
    sess->strm = s;
    list_push_back(streams_of_thread(), &s->link);
    if (stream_hooks.filters_start)
        stream_hooks.filters_start(s);
    stream_log_at(s, LOGS_ACCEPT);
    stream_run(&s->task);
}

/* ---- ending ---- */

void
stream_term(struct stream *s, char cause, char phase)
{
    if (s->term_cause == '-')
        s->term_cause = cause;
    if (s->term_phase == '-')
        s->term_phase = phase;
}

void
stream_kill(struct stream *s, char cause, char phase)
{
    stream_term(s, cause, phase);
    s->flags |= SF_KILLED;
    s->flags &= ~(unsigned)(SF_KEEP_FRONT | SF_KEEP_BACK);
    s->step = STEP_finish;
    task_wake(&s->task);
}

void
stream_shutdown(struct stream *s, char cause)
{
    if (!(s->flags & SF_HTTP)) {
        stream_kill(s, cause, '-');
    } else if (s->step == STEP_response_head && s->req.eom_out) {
        s->flags &= ~(unsigned)SF_KEEP_BACK;
        (void)stream_error(s, 502, cause, 'H'); /* goes to the reply */
        task_wake(&s->task);
    } else {
        stream_kill(s, cause, s->step >= STEP_forward ? 'D' : '-');
    }
}

static void
stream_free(struct stream *s)
{
    task_cancel(&s->task);
    stick_untrack_all(s->track, tune.stick_counters, loop_now_ms());
    if (s->req.limit)
        stream_hooks.limit_end(s, &s->req);
    if (s->res.limit)
        stream_hooks.limit_end(s, &s->res);
    if (s->reply.end)
        s->reply.end(s);
    chan_release(&s->req);
    chan_release(&s->res);
    vars_fini(&s->vars_txn);
    vars_fini(&s->vars_reqres);
    arena_fini(&s->arena);
    list_del(&s->link);
    FE_COUNT(s->fe, strm_end, 1);
    slab_put(&hdr_slab, s->hdrs);
    slab_put(&stream_slab, s);
}

enum step_rc
stream_step_finish(struct stream *s)
{
    struct session *sess = s->sess;
    struct conn *cli = sess->conn;
    bool keep = (s->flags & SF_KEEP_FRONT) && !(cli->flags & (CONN_ERR | CONN_EOF));

    s->t_close_us = loop_now_us();
    if (stream_hooks.filters_end)
        stream_hooks.filters_end(s);
    if (s->flags & SF_COUNTED_BE)
        atomic_fetch_sub_explicit(&s->be->be_conn, 1, memory_order_relaxed);
    if (!(s->flags & (SF_LOGGED | SF_MONITOR)) && stream_hooks.log)
        stream_hooks.log(s); /* while both connections can still be asked for their addresses */
    stream_release_back(s);
    stream_count_end(s);
    stream_release_server(s);
    if (keep && s->req.ready) { /* a body that was decoded and that nobody wanted is no request */
        cli->rx->head += s->req.ready;
        s->req.ready = 0;
    }
    cli->owner = sess;
    cli->on_event = NULL;
    sess->strm = NULL;
    if (s->rq_ready || s->req_pin)
        sess->flags |= SESSF_NOT_FIRST;
    stream_free(s);
    session_stream_done(sess, keep);
    return STEP_OVER;
}

/* ---- what others ask ---- */

int
stream_timeout_client(const struct stream *s)
{
    return s->to_client_ms >= 0 ? s->to_client_ms : s->fe->timeout.client;
}

int
stream_timeout_server(const struct stream *s)
{
    return s->to_server_ms >= 0 ? s->to_server_ms : s->be->timeout.server;
}

void
stream_src(const struct stream *s, struct addr *a)
{
    if (s->src_override)
        *a = *s->src_override;
    else
        conn_src(s->sess->conn, a);
}

void
stream_dst(const struct stream *s, struct addr *a)
{
    if (s->dst_override)
        *a = *s->dst_override;
    else
        conn_dst(s->sess->conn, a);
}

struct sample_ctx *
stream_ctx(struct stream *s, struct proxy *px, enum sample_point point, unsigned opt)
{
    s->x.px = px;
    s->x.sess = s->sess;
    s->x.strm = s;
    s->x.req = s->rq_ready ? &s->rq : NULL;
    s->x.res = s->rs_ready ? &s->rs : NULL;
    s->x.check = NULL;
    s->x.tmp = sample_tmp();
    s->x.opt = opt;
    s->x.point = point;
    return &s->x;
}

struct slice
stream_payload(struct stream *s, bool response)
{
    struct conn *c = response ? s->back : s->sess->conn;

    return c && c->rx ? buf_slice(c->rx) : SLICE_NONE;
}

struct slice
stream_body(struct stream *s, bool response, bool *complete)
{
    struct conn *c = response ? s->back : s->sess->conn;
    struct chan *ch = response ? &s->res : &s->req;

    /* What came with the head was not decoded yet. Once the body is on its way it belongs to the
     * pump. */
    if (c && !ch->opened && !ch->eom_in)
        chan_buffer_body(s, ch, c, response ? s->res_pin : s->req_pin);
    *complete = ch->eom_in;
    if (!c || !c->rx)
        return SLICE_NONE;
    return slice(buf_head(c->rx), ch->ready);
}

static int64_t
span_ms(int64_t from_us, int64_t to_us)
{
    return from_us && to_us && to_us >= from_us ? (to_us - from_us) / 1000 : -1;
}

void
stream_times(const struct stream *s, struct stream_times *t)
{
    bool first = s->t_start_us == s->sess->accept_us;
    int64_t base = s->t_start_us;
    int64_t end = s->t_close_us ? s->t_close_us : loop_now_us();

    t->handshake = first ? s->sess->handshake_ms : 0;
    if (first)
        base += (int64_t)s->sess->handshake_ms * 1000;
    int64_t first_byte = s->t_first_us ? s->t_first_us : s->t_head_us;
    t->idle = s->flags & SF_HTTP && first_byte ? span_ms(base, first_byte) : 0;
    t->request = s->flags & SF_HTTP ? span_ms(first_byte, s->t_head_us) : 0;
    int64_t head = s->flags & SF_HTTP && s->t_head_us ? s->t_head_us : base;
    t->queue = span_ms(head, s->t_queue_us);
    t->connect = span_ms(s->t_queue_us, s->t_connect_us);
    t->response = span_ms(s->t_connect_us, s->t_data_us);
    t->data = span_ms(s->t_data_us, end);
    t->total = span_ms(base, end);
    t->active =
        s->flags & SF_HTTP ? (first_byte ? span_ms(first_byte, end) : -1) : span_ms(base, end);
    t->user = t->data;
    t->all = span_ms(s->t_start_us, end);
}

struct slice
stream_unique_id_in(struct stream *s, struct sample_ctx *x)
{
    if (!s->unique_id.p && s->fe->unique_id_fmt)
        s->unique_id = arena_keep(&s->arena, logfmt_slice(s->fe->unique_id_fmt, x));
    return s->unique_id;
}

struct slice
stream_unique_id(struct stream *s)
{
    if (s->unique_id.p || !s->fe->unique_id_fmt)
        return s->unique_id;
    struct sample_ctx x =
        *stream_ctx(s, s->fe, s->flags & SF_HTTP ? PT_FE_HTTP_REQ : PT_FE_TCP_REQ, SMPO_FINAL);
    return stream_unique_id_in(s, &x);
}

struct stick_counter *
stream_track(struct stream *s, unsigned n, bool make)
{
    if (n >= tune.stick_counters)
        return NULL;
    if (!s->track && make)
        s->track = arena_zalloc(&s->arena, tune.stick_counters * sizeof(*s->track));
    return s->track ? &s->track[n] : NULL;
}

struct stick_slots
stream_slots(struct stream *s)
{
    return (struct stick_slots){ s->track, s->sess->track, tune.stick_counters };
}

void
stream_log(struct stream *s)
{
    if (stream_hooks.log)
        stream_hooks.log(s);
}
