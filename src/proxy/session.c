/* session.c - client connections: connection rules, handshakes, session rules, then one stream
 * after the other.
 *
 * While a stream lives the connection's events go to it; between streams they come here. An idle
 * session holds no buffer and no stream. */
#include "proxy/session.h"

#include "base/slab.h"
#include "config/tune.h"
#include "net/conn_code.h"
#include "net/pp.h"
#include "net/sys.h"
#include "proxy/stream_int.h"
#include "server/pool.h"
#include "stick/track.h"

#include <errno.h>
#include <stdlib.h>

static __thread struct slab session_slab;
static __thread struct list all = { NULL, NULL };

bool (*session_tls_accept)(struct session *s);
void (*session_log_failure)(struct session *s);

static void session_step(struct session *s);

struct list *
sessions_of_thread(void)
{
    if (!all.next)
        list_init(&all);
    return &all;
}

/* ---- waiting ---- */

static void
on_task(struct task *t)
{
    session_step(container_of(t, struct session, task));
}

static void
on_event(struct conn *c)
{
    struct session *s = c->owner;
    task_wake(&s->task);
}

static void
on_timer(struct timer *t)
{
    struct session *s = container_of(t, struct session, timer);
    int64_t at_ms = s->strm ? s->strm->deadline_ms : s->deadline_ms;

    if (at_ms > loop_now_ms()) {
        timer_set(t, at_ms, on_timer);
    } else if (at_ms && s->strm) {
        stream_wake(s->strm);
    } else if (at_ms) {
        s->flags |= SESSF_TIMEOUT;
        task_wake(&s->task);
    }
}

void
session_arm(struct session *s, int64_t at_ms)
{
    if (!timer_armed(&s->timer) || s->timer.at_ms > at_ms)
        timer_set(&s->timer, at_ms, on_timer);
}

static void
wait_until(struct session *s, int64_t at_ms)
{
    s->conn->owner = s;
    s->conn->on_event = on_event;
    s->deadline_ms = at_ms;
    if (at_ms)
        session_arm(s, at_ms);
}

/* ---- ending ---- */

void
session_end(struct session *s)
{
    struct listener *li = s->li;

    timer_cancel(&s->timer);
    task_cancel(&s->task);
    session_drop_conns(s);
    if (s->track) {
        stick_untrack_all(s->track, tune.stick_counters, loop_now_ms());
        free(s->track);
    }
    vars_fini(&s->vars);
    if (s->fe->options & PO_NOLINGER)
        s->conn->flags |= CONN_LINGER_RST;
    conn_free(&s->conn);
    list_del(&s->link);
    if (s->flags & SESSF_COUNTED)
        atomic_fetch_sub_explicit(&s->fe->fe_conn, 1, memory_order_relaxed);
    slab_put(&session_slab, s);
    listener_release(li);
}

void
sessions_thread_fini(void)
{
    if (session_slab.size)
        slab_fini(&session_slab);
    session_slab.size = 0;
}

/* A connection that rules end before any stream. */
static void
refuse(struct session *s, uint64_t *counter)
{
    count_add(counter, 1);
    session_end(s);
}

/* One that ends by itself. */
static void
handshake_failed(struct session *s)
{
    if (session_log_failure)
        session_log_failure(s);
    session_end(s);
}

/* ---- rules ---- */

static enum act_rc
run_session_rules(struct session *s, const struct list *rules, enum rule_set set,
                  enum sample_point point)
{
    const struct rule *resume = NULL;
    struct sample_ctx x = {
        .px = s->fe, .sess = s, .tmp = sample_tmp(), .opt = SMPO_FINAL, .point = point
    };
    struct rule_ctx rx = { .sess = s, .x = &x, .set = set, .final = true };

    if (list_empty(rules))
        return ACT_CONT;
    enum act_rc rc = rules_run(rules, &resume, &rx, NULL);
    sample_tmp_reset();
    return rc;
}

/* ---- handshakes ---- */

static bool
apply_proxy_header(struct session *s, const struct pp_in *in)
{
    struct conn *c = s->conn;

    if (!in->local) {
        conn_need_dst(c);
        conn_set_src(c, &in->src);
        conn_set_dst(c, &in->dst);
        c->flags |= CONN_PROXIED;
    }
    if (in->tlvs.len) {
        struct slice *kept = malloc(sizeof(*kept) + in->tlvs.len);
        if (!kept)
            return false;
        memcpy(kept + 1, in->tlvs.p, in->tlvs.len);
        *kept = slice((char *)(kept + 1), in->tlvs.len);
        c->pp = kept;
    }
    return true;
}

/* Why the header of a proxy did not come. The codes of NetScaler's are in the same order. */
static void
note_failure(struct session *s, enum conn_code code)
{
    unsigned cip = s->flags & SESSF_EXPECT_CIP ? CONN_CODE_CIP_EMPTY - CONN_CODE_PRX_EMPTY : 0;

    s->conn->code = (uint8_t)(code + cip);
}

/* Looks at the header without taking it, then takes exactly its bytes: what follows may be TLS. */
static enum pp_rc
read_proxy_header(struct session *s)
{
    struct conn *c = s->conn;
    char *buf = buf_scratch();
    struct pp_in in;

    ssize_t n = sys_recv(c->io.fd, buf, 16384, MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        c->flags &= ~(unsigned)CONN_RD_READY;
        return PP_MORE;
    }
    if (n <= 0) {
        note_failure(s, n == 0 ? CONN_CODE_PRX_EMPTY : CONN_CODE_PRX_ABORT);
        return PP_ERR;
    }
    enum pp_rc rc = s->flags & SESSF_EXPECT_CIP
                        ? pp_cip_parse(slice(buf, (size_t)n), s->li->bind->cip_magic, &in)
                        : pp_parse(slice(buf, (size_t)n), &in);
    if (rc == PP_MORE)
        c->flags &= ~(unsigned)CONN_RD_READY;
    if (rc == PP_ERR)
        c->code = (uint8_t)pp_err_number(in.err);
    if (rc != PP_DONE)
        return rc;
    if (!apply_proxy_header(s, &in))
        return PP_ERR;
    if (sys_recv(c->io.fd, buf, in.used, 0) != (ssize_t)in.used)
        return PP_ERR;
    if (s->flags & SESSF_EXPECT_PROXY)
        s->flags |= SESSF_RCVD_PROXY;
    s->flags &= ~(unsigned)(SESSF_EXPECT_CIP | SESSF_EXPECT_PROXY);
    return PP_DONE;
}

/* True once all handshakes are done; on failure the session is gone and *gone is set. */
static bool
do_handshakes(struct session *s, bool *gone)
{
    struct conn *c = s->conn;

    *gone = false;
    if (s->flags & (SESSF_EXPECT_PROXY | SESSF_EXPECT_CIP)) {
        enum pp_rc rc = read_proxy_header(s);
        if (rc == PP_MORE && !(c->flags & (CONN_ERR | CONN_HUP)))
            return false;
        if (rc == PP_MORE)
            note_failure(s, CONN_CODE_PRX_TRUNCATED);
        if (rc != PP_DONE)
            goto failed;
    }
    if (s->li->bind->flags & BINDF_TLS && !c->layer) {
        if (!session_tls_accept || !session_tls_accept(s))
            goto failed;
    }
    if (c->flags & CONN_HANDSHAKE)
        c->layer->handshake(c);
    if (c->flags & CONN_ERR)
        goto failed;
    return !(c->flags & CONN_HANDSHAKE);
failed:
    handshake_failed(s);
    *gone = true;
    return false;
}

/* ---- steps ---- */

static void
count_session(struct session *s)
{
    struct proxy *fe = s->fe;
    uint64_t now = (uint64_t)loop_now_ms();

    FE_COUNT(fe, stot, 1);
    LI_COUNT(s->li, stot, 1);
    FE_COUNT(fe, h1sess, fe->mode == PX_HTTP);
    FE_COUNT(fe, sess_other, fe->mode != PX_HTTP);
    uint32_t rate = freq_shared_add(&fe->fe_sess_rate, 1000, 1, now);
    peak_raise(&fe->fe_sess_rate_max, rate);
    rate = freq_shared_add(&config->sess_rate, 1000, 1, now);
    peak_raise(&config->sess_rate_max, rate);
}

/* Handshakes are done: the session begins. False when rules ended it. */
static bool
begin(struct session *s)
{
    s->handshake_ms = (int)((loop_now_us() - s->accept_us) / 1000);
    s->idle_us = loop_now_us();
    s->flags |= SESSF_BEGUN;
    enum act_rc rc = run_session_rules(s, &s->fe->tcp_sess_rules, RS_TCP_SESS, PT_SESS);
    if (rc != ACT_CONT && rc != ACT_STOP) {
        refuse(s, &s->fe->fe_counters[loop_tid()].dses);
        return false;
    }
    count_session(s);
    if (s->track) {
        struct stick_slots slots = { NULL, s->track, tune.stick_counters };
        stick_count_session(&slots, loop_now_ms());
    }
    return true;
}

static int64_t
idle_deadline(const struct session *s)
{
    const struct px_timeouts *t = &s->fe->timeout;
    bool first = !(s->flags & SESSF_NOT_FIRST);
    int ms;

    if (first)
        ms = t->http_request && (!t->client || t->http_request < t->client) ? t->http_request
                                                                            : t->client;
    else
        ms = t->http_keep_alive ? t->http_keep_alive
             : t->http_request  ? t->http_request
                                : t->client;
    return deadline(s->idle_us / 1000, ms);
}

/* An idle connection ended or took too long. The first request's absence is worth a reply and a log
 * line. */
static void
idle_over(struct session *s)
{
    bool first = !(s->flags & SESSF_NOT_FIRST);

    if (first && !(s->fe->options & PO_DONTLOGNULL && s->fe->options & PO_HTTP_IGNORE_PROBES)) {
        bool silent = s->fe->options & PO_HTTP_IGNORE_PROBES;
        if (!silent && !(s->flags & SESSF_STOPPING)) {
            s->flags |= SESSF_NO_DATA;
            stream_start(s);
            return;
        }
    }
    session_end(s);
}

/* All was sent before the handshake was over (early data): an end before that would look like a
 * cut, and a reset could take the response away. */
static void
close_after_handshake(struct session *s)
{
    struct conn *c = s->conn;
    int ms = s->fe->timeout.client_hs ? s->fe->timeout.client_hs : s->fe->timeout.client;
    int64_t at = deadline(s->idle_us / 1000, ms);

    c->layer->handshake(c);
    if (c->flags & CONN_EARLY && !(c->flags & (CONN_ERR | CONN_HUP)) && (!at || at > loop_now_ms()))
        wait_until(s, at);
    else
        session_end(s);
}

static void
session_step(struct session *s)
{
    struct conn *c = s->conn;
    bool gone;

    if (s->strm)
        return;
    if (unlikely(s->flags & SESSF_CLOSING)) {
        close_after_handshake(s);
        return;
    }
    if (!(s->flags & SESSF_BEGUN)) {
        if (!do_handshakes(s, &gone)) {
            if (gone)
                return;
            int ms = s->fe->timeout.client_hs ? s->fe->timeout.client_hs : s->fe->timeout.client;
            int64_t at = deadline(s->accept_us / 1000, ms);
            if (s->flags & SESSF_TIMEOUT && at && at <= loop_now_ms()) {
                if (s->flags & (SESSF_EXPECT_PROXY | SESSF_EXPECT_CIP))
                    note_failure(s, CONN_CODE_PRX_TIMEOUT);
                else
                    c->code = CONN_CODE_SSL_TIMEOUT;
                handshake_failed(s);
                return;
            }
            wait_until(s, at);
            return;
        }
        if (!begin(s))
            return;
    }
    if (s->fe->mode != PX_HTTP) {
        s->deadline_ms = 0;
        stream_start(s);
        return;
    }
    conn_fill(c);
    if (c->rx && buf_len(c->rx)) {
        s->deadline_ms = 0;
        s->flags &= ~(unsigned)SESSF_TIMEOUT;
        stream_start(s);
        return;
    }
    conn_drop_rx(c);
    int64_t at = idle_deadline(s);
    if (c->flags & (CONN_EOF | CONN_ERR) || (at && at <= loop_now_ms())) {
        s->deadline_ms = 0;
        idle_over(s);
        return;
    }
    wait_until(s, at);
}

void
session_stream_done(struct session *s, bool keep)
{
    struct conn *c = s->conn;

    if (unlikely(!keep && c->flags & CONN_EARLY && !(c->flags & (CONN_ERR | CONN_LINGER_RST)))) {
        s->flags |= SESSF_CLOSING;
        s->idle_us = loop_now_us();
        c->owner = s;
        c->on_event = on_event;
        close_after_handshake(s);
        return;
    }
    if (!keep) {
        session_end(s);
        return;
    }
    s->flags |= SESSF_NOT_FIRST;
    s->idle_us = loop_now_us();
    if (unlikely(config_closes_idle()) && !(c->rx && buf_len(c->rx))) {
        session_end(s);
        return;
    }
    conn_drop_rx(c);
    c->owner = s;
    c->on_event = on_event;
    if (c->rx || c->flags & (CONN_RD_READY | CONN_HUP)) {
        /* A pipelined request, or an end to see: in its own task, so that the stack does not grow
         * with the pipeline. */
        task_wake(&s->task);
        return;
    }
    wait_until(s, idle_deadline(s));
}

void
session_accept(struct listener *li, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
    if (unlikely(!session_slab.size))
        slab_init(&session_slab, "session", sizeof(struct session), 0);
    struct conn *c = conn_new(fd, CONN_WR_READY | (peer->sa_family == AF_UNIX ? CONN_UNIX : 0));
    struct session *s = c ? slab_zget(&session_slab) : NULL;
    struct addr a;

    if (!s) {
        conn_free(&c);
        listener_release(li);
        return;
    }
    addr_from_sockaddr(&a, peer, peer_len);
    conn_set_src(c, &a);
    c->target = li;
    s->conn = c;
    s->li = li;
    s->fe = li->px;
    s->accept_us = loop_now_us();
    s->accept_wall_us = loop_wall_us();
    task_init(&s->task, on_task);
    list_push_back(sessions_of_thread(), &s->link);
    s->flags = SESSF_COUNTED;
    if (li->bind->flags & BINDF_ACCEPT_PROXY)
        s->flags |= SESSF_EXPECT_PROXY;
    if (li->bind->flags & BINDF_ACCEPT_CIP)
        s->flags |= SESSF_EXPECT_CIP;
    unsigned n = atomic_fetch_add_explicit(&s->fe->fe_conn, 1, memory_order_relaxed) + 1;
    peak_raise(&s->fe->fe_conn_max, n);
    if (unlikely(stream_hooks.accepted))
        stream_hooks.accepted(s);
    enum act_rc rc = run_session_rules(s, &s->fe->tcp_conn_rules, RS_TCP_CONN, PT_CONN);
    if (rc != ACT_CONT && rc != ACT_STOP) {
        if (!(c->flags & CONN_LINGER_RST))
            c->flags |= CONN_LINGER_RST;
        refuse(s, &s->fe->fe_counters[loop_tid()].dcon);
        return;
    }
    /* With deferred accept the request is there already; otherwise one failed read tells. */
    c->flags |= CONN_RD_READY;
    session_step(s);
}

/* A request that the kernel already has would be lost with the connection: it is served first. */
static bool
has_request_waiting(struct session *s)
{
    char byte;

    if (s->conn->rx && buf_len(s->conn->rx))
        return true;
    if (sys_recv(s->conn->io.fd, &byte, 1, MSG_PEEK) <= 0)
        return false;
    s->conn->flags |= CONN_RD_READY;
    task_wake(&s->task);
    return true;
}

/* Who has just come, or was just answered, may be about to say something: a request that crosses
 * our end is lost. */
static bool
may_close(const struct session *s)
{
    if (s->strm || s->fe->options2 & PO2_IDLE_CLOSE_ON_RESPONSE)
        return false;
    return loop_now_us() - (s->flags & SESSF_NOT_FIRST ? s->idle_us : s->accept_us) >=
           SESSION_FRESH_MS * (int64_t)1000;
}

void
sessions_close_idle(unsigned part, unsigned of)
{
    struct session *s, *tmp;
    uint64_t n = 0;

    list_each (s, sessions_of_thread(), link)
        n += may_close(s);
    n = (n * part + of - 1) / of;
    list_each_safe (s, tmp, sessions_of_thread(), link) {
        if (!n)
            return;
        if (!may_close(s) || has_request_waiting(s))
            continue;
        session_end(s);
        n--;
    }
}

struct stick_counter *
session_track(struct session *s, unsigned n, bool make)
{
    if (n >= tune.stick_counters)
        return NULL;
    if (!s->track && make)
        s->track = calloc(tune.stick_counters, sizeof(*s->track));
    return s->track ? &s->track[n] : NULL;
}
