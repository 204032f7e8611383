/* check_io.c - runs checks: when, on which thread, over which connection.
 * Everything about a check but its result belongs to the thread that it was given to. */
#include "server/check_int.h"
#include "server/source.h"

#include "config/tune.h"
#include "net/pp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_INTERVAL_MS 1 /* `inter 0` must not spin */

bool (*check_tls_connect)(struct check *ck, struct conn *c, const char *sni, bool guessed,
                          const char *alpn);

/** All registered checks, in the order of the configuration. */
static struct {
    struct check *first, **end;
    unsigned n;
    int min_inter_ms;
} all;

/** Checks under way and waiting on this thread. */
static _Thread_local struct {
    unsigned running;
    struct list waiting; /* struct check.wait_link */
    struct loop *loop;
} here;

static void drive(struct check *ck);
static void start_run(struct check *ck);
static void on_timer(struct timer *t);

static bool
is_agent(const struct check *ck)
{
    return (atomic_load_explicit(&ck->flags, memory_order_relaxed) & CHKF_AGENT) != 0;
}

/* ---- registering ---- */

void
check_forget_all(void)
{
    all.first = NULL;
    all.end = NULL;
    all.n = 0;
    all.min_inter_ms = 0;
}

void
check_register(struct check *ck)
{
    if (!all.end)
        all.end = &all.first;
    ck->next = NULL;
    *all.end = ck;
    all.end = &ck->next;
    all.n++;
    if (!all.min_inter_ms || ck->inter_ms < all.min_inter_ms)
        all.min_inter_ms = ck->inter_ms;
}

/* ---- when ---- */

static int
interval_ms(const struct check *ck)
{
    unsigned health = atomic_load(&ck->health);
    int ms = ck->inter_ms;

    if (is_agent(ck) || health >= ck->rise + ck->fall - 1)
        ms = ck->inter_ms;
    else if (health == 0 && !server_is_up(ck->srv))
        ms = ck->downinter_ms ? ck->downinter_ms : ck->inter_ms;
    else
        ms = ck->fastinter_ms ? ck->fastinter_ms : ck->inter_ms;
    return MAX(ms, NO_INTERVAL_MS);
}

/** Plus or minus spread-checks percent. */
static int
spread(int ms)
{
    static _Thread_local uint32_t seed;
    int range = (int)((int64_t)ms * tune.spread_checks / 100);

    if (tune.max_spread_checks_ms && range > tune.max_spread_checks_ms)
        range = tune.max_spread_checks_ms;
    if (range <= 0)
        return ms;
    if (!seed)
        seed = (uint32_t)(uintptr_t)&seed ^ (uint32_t)loop_wall_us();
    seed = seed * 1664525u + 1013904223u;
    return ms - range + (int)((seed >> 8) % (2u * (unsigned)range + 1));
}

/** The next start: a whole number of intervals after the last one. */
static void
schedule(struct check *ck)
{
    int64_t now = loop_now_ms(), at = ck->start_ms;
    int ms = MAX(spread(interval_ms(ck)), NO_INTERVAL_MS);

    at += ms;
    if (at <= now)
        at += (now - at) / ms * ms + ms;
    timer_set(&ck->timer, at, on_timer);
}

/** Nothing to do this time: disabled, in maintenance, or the process ends. */
static bool
is_paused(const struct check *ck)
{
    if (!check_is_on(ck))
        return true;
    return !is_agent(ck) && (atomic_load(&ck->srv->admin) & SRVA_MAINT);
}

static void
on_timer(struct timer *t)
{
    struct check *ck = container_of(t, struct check, timer);

    if (ck->run) {
        drive(ck);
        return;
    }
    if (server_hooks.stopping && server_hooks.stopping())
        return;
    ck->start_ms = loop_now_ms();
    if (is_paused(ck)) {
        schedule(ck);
    } else if (tune.max_checks_per_thread && here.running >= tune.max_checks_per_thread) {
        list_push_back(&here.waiting, &ck->wait_link);
    } else {
        start_run(ck);
    }
}

/* ---- the end of a run ---- */

static void
release(struct check *ck)
{
    struct check_run *r = ck->run;

    if (!r)
        return;
    if (r->conn)
        conn_free(&r->conn);
    check_run_free(&ck->run);
    vars_fini(&ck->vars);
    vars_fini(&ck->sess_vars);
    here.running--;
    task_cancel(&ck->task);
}

static void
start_waiting(void)
{
    static _Thread_local bool busy; /* a check that fails at once comes back here */
    struct list *n;

    if (busy)
        return;
    busy = true;
    while (here.running < tune.max_checks_per_thread && (n = list_pop_front(&here.waiting))) {
        struct check *ck = container_of(n, struct check, wait_link);

        ck->start_ms = loop_now_ms();
        start_run(ck);
    }
    busy = false;
}

void
check_run_done(struct check_run *r)
{
    struct check *ck = r->ck;
    enum check_status st = r->status;
    int code = r->code;
    char desc[CHECK_DESC_MAX];

    memcpy(desc, r->desc, sizeof(desc));
    release(ck);
    atomic_fetch_and(&ck->flags, ~(unsigned)CHKF_IN_PROGRESS);
    if (check_is_on(ck)) /* not switched off meanwhile */
        check_report(ck, st, code, desc);
    schedule(ck);
    if (!list_empty(&here.waiting))
        start_waiting();
}

/* ---- connections ---- */

static bool
wants_proxy(const struct check *ck, const struct check_rule *rule)
{
    return rule->connect.send_proxy || (rule->connect.dflt && ck->send_proxy);
}

static bool
wants_tls(const struct check *ck, const struct check_rule *rule)
{
    return rule->connect.tls || (rule->connect.dflt && ck->use_tls);
}

/** Where to connect to. False: the server has no address now. */
static bool
target(struct check_run *r, struct addr *out)
{
    const struct check_connect *k = &r->rule->connect;
    struct check *ck = r->ck;
    struct server *s = ck->srv;
    struct sample smp = { 0 };
    unsigned port;

    pthread_mutex_lock(&s->lock);
    *out = k->addr.kind != ADDR_NONE ? k->addr : ck->addr.kind != ADDR_NONE ? ck->addr : s->addr;
    port = k->port ? k->port : ck->port ? ck->port : addr_port(out) ? addr_port(out) : s->port;
    pthread_mutex_unlock(&s->lock);
    if (k->port_expr && expr_eval_as(k->port_expr, &r->x, SMP_SINT, &smp) && smp.u.i > 0 &&
        smp.u.i <= 65535)
        port = (unsigned)smp.u.i;
    addr_set_port(out, (uint16_t)port);
    return out->kind != ADDR_NONE;
}

static void
on_conn_event(struct conn *c)
{
    struct check *ck = c->owner;

    task_wake(&ck->task);
}

static bool
open_conn(struct check_run *r)
{
    struct server *s = r->ck->srv;
    struct sock_opts opts = {
        .cc = s->cc,
        .md5sig = s->md5sig,
        .netns = s->netns,
        .socks4 = r->ck->via_socks4 && s->flags & SRVF_SOCKS4 ? &s->socks4 : NULL,
    };
    const struct addr *from = NULL;
    struct server_px px;
    struct addr to;
    int err = EADDRNOTAVAIL;

    if (r->conn)
        conn_free(&r->conn);
    r->conn_rule = r->rule;
    r->proxy_sent = r->tls_begun = false;
    r->pp_len = r->pp_off = 0;
    server_hooks.view(s->px, &px);
    struct source *src = s->source ? s->source : px.source;
    if (src)
        source_apply(src, NULL, &opts, &from);
    if (target(r, &to))
        r->conn = conn_connect(&to, from, &opts, &err);
    if (!r->conn) {
        check_conn_error(r, err, false);
        return false;
    }
    r->conn->owner = r->ck;
    r->conn->on_event = on_conn_event;
    /* one packet less, and no TIME_WAIT here; `linger` asks for a clean end */
    if (!r->rule->connect.linger)
        r->conn->flags |= CONN_LINGER_RST;
    return true;
}

enum progress { WAITING, READY, BROKEN };

static enum progress
broken(struct check_run *r)
{
    check_conn_error(r, r->conn->err, false);
    return BROKEN;
}

/** Writes the header once. */
static void
make_proxy_header(struct check_run *r)
{
    const struct server *s = r->ck->srv;
    struct addr src, dst;

    if (s->flags & SRVF_SEND_PROXY_V2) {
        struct pp_out o = { .local = !tune.pp2_never_local,
                            .crc32c = (s->pp_opts & SRV_PP_CRC32C) != 0 };

        if (!o.local) {
            conn_need_src(r->conn);
            conn_src(r->conn, &src);
            conn_dst(r->conn, &dst);
            o.src = &src;
            o.dst = &dst;
        }
        r->pp_len = pp_write_v2(r->pp, sizeof(r->pp), &o);
        return;
    }
    conn_need_src(r->conn);
    conn_src(r->conn, &src);
    conn_dst(r->conn, &dst);
    r->pp_len = pp_write_v1(r->pp, sizeof(r->pp), &src, &dst);
}

static enum progress
send_proxy_header(struct check_run *r)
{
    if (!wants_proxy(r->ck, r->conn_rule) || r->proxy_sent)
        return READY;
    if (!r->pp_len)
        make_proxy_header(r);
    while (r->pp_off < r->pp_len) {
        struct iovec v = { r->pp + r->pp_off, r->pp_len - r->pp_off };
        ssize_t n = conn_sendv(r->conn, &v, 1, false);

        if (r->conn->flags & CONN_ERR)
            return broken(r);
        if (n <= 0)
            return WAITING;
        r->pp_off += (size_t)n;
    }
    r->proxy_sent = true;
    return READY;
}

/** Server name for TLS: of the rule, the option, or the request's Host. */
static const char *
sni_of(struct check_run *r)
{
    const struct check_rule *rule;

    if (r->conn_rule->connect.sni)
        return r->conn_rule->connect.sni;
    if (r->ck->sni || !r->conn_rule->connect.dflt || r->ck->sni_off || r->conf->type != CHECK_HTTP)
        return r->ck->sni;
    list_each (rule, &r->conf->rules, link) {
        for (const struct check_hdr *h = rule->kind == CR_SEND ? rule->send.hdrs : NULL; h;
             h = h->next) {
            if (strcmp(h->name, "host") == 0)
                return logfmt_slice(h->value, &r->x).p;
        }
    }
    return NULL;
}

static enum progress
do_tls(struct check_run *r)
{
    if (!wants_tls(r->ck, r->conn_rule))
        return READY;
    if (!r->tls_begun) {
        const char *alpn = r->conn_rule->connect.alpn ? r->conn_rule->connect.alpn : r->ck->alpn;

        bool guessed = !r->conn_rule->connect.sni && !r->ck->sni;

        r->tls_begun = true;
        if (!check_tls_connect || !check_tls_connect(r->ck, r->conn, sni_of(r), guessed, alpn)) {
            check_result(r, CHK_SOCKERR, 0, "TLS is not available for this check");
            return BROKEN;
        }
    }
    if (r->conn->flags & CONN_HANDSHAKE)
        r->conn->layer->handshake(r->conn);
    if (r->conn->flags & CONN_ERR)
        return broken(r);
    return r->conn->flags & CONN_HANDSHAKE ? WAITING : READY;
}

/** Brings the connection of the current connect rule up. */
static enum progress
progress_conn(struct check_run *r)
{
    enum progress p;

    if (r->conn_rule != r->rule && !open_conn(r))
        return BROKEN;
    if (!conn_connect_done(r->conn))
        return WAITING;
    if (r->conn->flags & CONN_ERR)
        return broken(r);
    p = send_proxy_header(r);
    if (p == READY)
        p = do_tls(r);
    return p;
}

static enum progress
send_some(struct check_run *r)
{
    while (r->tx_off < r->tx_len) {
        struct iovec v = { r->tx + r->tx_off, r->tx_len - r->tx_off };
        ssize_t n;

        if (!(r->conn->flags & CONN_WR_READY))
            return WAITING;
        n = conn_sendv(r->conn, &v, 1, false);
        if (r->conn->flags & CONN_ERR)
            return broken(r);
        if (n > 0)
            r->tx_off += (size_t)n;
    }
    return READY;
}

/** Reads what is there. READY: something changed. */
static enum progress
receive_some(struct check_run *r)
{
    struct conn *c = r->conn;
    bool any = false;

    while (!r->eof && r->rx_len < r->rx_size) {
        ssize_t n;

        if (!(c->flags & (CONN_RD_READY | CONN_HUP | CONN_ERR)))
            break;
        n = conn_recv(c, r->rx + r->rx_len, r->rx_size - r->rx_len);
        if (n > 0) {
            r->rx_len += (size_t)n;
            any = true;
            continue;
        }
        if (c->flags & CONN_ERR && !(c->flags & CONN_EOF) && !r->rx_len)
            return broken(r);
        if (c->flags & (CONN_EOF | CONN_ERR))
            any = r->eof = true; /* what came before it broke is judged, and is all there is */
        break;
    }
    if (r->rx_len == r->rx_size && !r->full)
        any = r->full = true;
    return any ? READY : WAITING;
}

/* ---- a run ---- */

/** Time limits (manual, timeout check): once connected `timeout check`, until then the smaller of
 * `timeout connect` and the interval; without `timeout check` the interval for everything. */
static void
set_deadline(struct check_run *r, bool connected)
{
    struct check *ck = r->ck;
    int64_t at, now = loop_now_ms();
    struct server_px px;
    int timeout;

    server_hooks.view(ck->srv->px, &px);
    timeout = ck->timeout_ms ? ck->timeout_ms : px.timeout_check_ms;
    if (!timeout)
        at = ck->start_ms + MAX(ck->inter_ms, NO_INTERVAL_MS);
    else if (connected)
        at = now + timeout;
    else if (px.timeout_connect_ms)
        at = now + MIN(px.timeout_connect_ms, MAX(ck->inter_ms, NO_INTERVAL_MS));
    else
        at = now + MAX(ck->inter_ms, NO_INTERVAL_MS);
    r->deadline_ms = at;
    timer_set(&ck->timer, at, on_timer);
}

static void
start_run(struct check *ck)
{
    struct check_run *r = check_run_new(ck);

    if (!r) {
        check_report(ck, CHK_SOCKERR, 0, "out of memory");
        schedule(ck);
        return;
    }
    ck->run = r;
    here.running++;
    atomic_fetch_or(&ck->flags, CHKF_IN_PROGRESS);
    set_deadline(r, ck->conf->type == CHECK_EXTERNAL);
    if (ck->conf->type != CHECK_EXTERNAL)
        drive(ck);
    else if (!check_ext_start(r))
        check_run_done(r);
}

/** One want of the engine. READY: step again. */
static enum progress
serve(struct check_run *r, enum check_want want)
{
    enum progress p;

    switch (want) {
    case CHECK_WANT_CONNECT:
        p = progress_conn(r);
        if (p == READY) {
            r->connected = true;
            set_deadline(r, true);
        }
        return p;
    case CHECK_WANT_SEND:
        return send_some(r);
    case CHECK_WANT_RECV:
        return receive_some(r);
    case CHECK_DONE:
        break;
    }
    return BROKEN;
}

static void
drive(struct check *ck)
{
    struct check_run *r = ck->run;
    enum progress p = READY;

    if (ck->conf->type == CHECK_EXTERNAL) {
        if (loop_now_ms() >= r->deadline_ms)
            check_ext_expired(r);
        return;
    }
    while (p == READY)
        p = serve(r, check_engine_step(r));
    if (p == WAITING && loop_now_ms() >= r->deadline_ms) {
        check_conn_error(r, 0, true);
        p = BROKEN;
    }
    if (p == BROKEN)
        check_run_done(r);
}

static void
on_task(struct task *t)
{
    struct check *ck = container_of(t, struct check, task);

    if (ck->run)
        drive(ck);
}

/* ---- threads ---- */

static void
on_wake(struct letter *l)
{
    struct check *ck = container_of(l, struct check, wake);
    int64_t at = loop_now_ms() + (ck->fastinter_ms ? ck->fastinter_ms : ck->inter_ms);

    atomic_store(&ck->wake_posted, false);
    if (!ck->loop)
        return; /* its server was removed */
    if (!ck->run && (!timer_armed(&ck->timer) || at < ck->timer.at_ms))
        timer_set(&ck->timer, at, on_timer);
}

void
check_run_now(struct check *ck)
{
    struct loop *loop = atomic_load(&ck->loop);

    if (loop && !atomic_exchange(&ck->wake_posted, true))
        loop_post(loop, &ck->wake);
}

/** Gives a check to the calling thread. */
static void
adopt(struct check *ck, int64_t first_ms)
{
    task_init(&ck->task, on_task);
    list_init(&ck->wait_link);
    ck->wake.deliver = on_wake;
    ck->loop = here.loop;
    timer_set(&ck->timer, first_ms, on_timer);
}

static void
on_new_check(struct letter *l)
{
    struct check *ck = container_of(l, struct check, wake);

    adopt(ck, loop_now_ms());
}

static struct loop *_Atomic first_loop;

void
check_start(struct check *ck)
{
    ASSERT(first_loop);
    ck->wake.deliver = on_new_check;
    loop_post(first_loop, &ck->wake);
}

void
check_thread_start(unsigned tid, unsigned n)
{
    int64_t span = all.min_inter_ms;
    unsigned i = 0;

    list_init(&here.waiting);
    here.loop = loop_self();
    here.running = 0;
    if (tid == 0)
        first_loop = here.loop;
    if (tune.max_spread_checks_ms && span > tune.max_spread_checks_ms)
        span = tune.max_spread_checks_ms;
    for (struct check *ck = all.first; ck; ck = ck->next, i++) {
        if (i % n == tid)
            adopt(ck, loop_now_ms() + span * i / all.n);
    }
}

void
check_stop(struct check *ck)
{
    if (ck->loop != here.loop || !here.loop)
        return;
    timer_cancel(&ck->timer);
    list_del(&ck->wait_link);
    if (ck->run && ck->conf->type == CHECK_EXTERNAL)
        check_ext_kill(ck->run);
    release(ck);
    ck->loop = NULL;
}

void
check_thread_stop(void)
{
    for (struct check *ck = all.first; ck; ck = ck->next)
        check_stop(ck);
    if (first_loop == here.loop)
        first_loop = NULL;
}

void
check_forget(struct check *ck)
{
    for (struct check **at = &all.first; *at; at = &(*at)->next) {
        if (*at != ck)
            continue;
        *at = ck->next;
        if (!*at)
            all.end = at;
        all.n--;
        return;
    }
}

/* ---- for sample fetches ---- */

struct slice
check_body(void *check, bool *complete)
{
    const struct check *ck = check;
    const struct check_run *r = ck->run;

    *complete = r && r->body_done;
    return r && r->head_done ? slice(r->rx + r->body_at, r->body_len) : SLICE_NONE;
}

struct server *
check_server(void *check)
{
    return ((struct check *)check)->srv;
}

struct vars *
check_vars(void *check, enum var_scope scope)
{
    struct check *ck = check;

    return scope == VAR_CHECK ? &ck->vars : scope == VAR_SESS ? &ck->sess_vars : NULL;
}
