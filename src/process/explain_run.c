/* explain_run.c - the process around a request that is explained: modules without the world
 * outside, one loop, a socket pair, and time that does not have to be waited for. */
#include "process/explain.h"

#include "base/epoch.h"
#include "config/module.h"
#include "config/tune.h"
#include "process/thread.h"
#include "proxy/stream_int.h"
#include "stick/table.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#define QUIET_TURNS 4 /* turns without an event: it waits */
#define SKIPS_MAX   64
#define END_TURNS   64
#define REPLY_MAX   (1u << 20) /* bytes kept of a reply */

/* ---- the process ---- */

/* Nobody is told about requests that never were. */
static void
silence(struct config *cf)
{
    struct proxy *px;

    memset(&cf->log, 0, sizeof(cf->log));
    list_each (px, &cf->proxies, link)
        memset(&px->log, 0, sizeof(px->log));
    stream_hooks.log = NULL;
    session_log_failure = NULL;
}

static bool
start_modules(struct config *cf)
{
    for (unsigned m = 0; modules[m]; m++)
        if (modules[m]->start && !modules[m]->start(cf))
            return false;
    if (thread_open(cf, 0))
        return true;
    if (!loop_self())
        perror("steelyard: event loop");
    return false;
}

bool
explain_start(struct config *cf)
{
    struct timeval wall;

    gettimeofday(&wall, NULL);
    cf->start_wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_usec;
    cf->nthread = 1;
    cf->loops = xcalloc(1, sizeof(struct loop *));
    tune.offline = true;
    tune.nbthread = tune.nbproc = 1;
    signal(SIGPIPE, SIG_IGN);
    if (!start_modules(cf))
        return false;
    silence(cf);
    atomic_store(&stream_profiling, STREAM_PROFILING_ON); /* steps are announced then */
    return true;
}

void
explain_stop(struct config *cf)
{
    if (loop_self()) {
        thread_end(cf);
        thread_close();
    }
    for (unsigned m = 0; modules[m]; m++)
        if (modules[m]->stop)
            modules[m]->stop(cf);
    free(cf->loops);
    cf->loops = NULL;
}

void
explain_forget(struct config *cf)
{
    stick_tables_stop(&cf->tables);
    if (!stick_tables_start(&cf->tables))
        fputs("steelyard: out of memory for stick tables\n", stderr);
}

/* ---- a request ---- */

struct client {
    int fd;            /* -1: closed */
    struct slice left; /* not sent yet */
    struct text reply;
};

static bool
client_turn(struct client *c)
{
    char buf[16384];
    bool moved = false;
    ssize_t n;

    while (c->left.len && (n = write(c->fd, c->left.p, c->left.len)) > 0) {
        c->left = slice_sub(c->left, (size_t)n, c->left.len);
        moved = true;
    }
    while ((n = read(c->fd, buf, sizeof(buf))) > 0) {
        if (c->reply.len < REPLY_MAX)
            text_mem(&c->reply, buf, (size_t)n);
        moved = true;
    }
    return moved;
}

/* The time at which what the request waits for ends, 0: never. */
static int64_t
wait_ends_ms(void)
{
    struct stream *s = list_first(streams_of_thread(), struct stream, link);
    struct session *se = list_first(sessions_of_thread(), struct session, link);

    if (s)
        return s->deadline_ms;
    return se && timer_armed(&se->timer) ? se->timer.at_ms : 0;
}

static bool
skip_wait(struct explain_result *r)
{
    int64_t at = wait_ends_ms(), left = at - loop_now_ms();

    if (!at)
        return false;
    if (left <= 0)
        return true;
    explain_note("waits %lld ms (passed over)", (long long)left);
    r->skipped_ms += left;
    loop_clock_skip(left * 1000);
    return true;
}

static void
drive(struct explain_result *r, struct client *c)
{
    unsigned quiet = 0, skips = 0;

    while (!explain_trace_over()) {
        loop_turn(0);
        if (list_empty(sessions_of_thread())) {
            if (!explain_trace_over())
                r->end = EXPLAIN_CLOSED;
            break;
        }
        quiet = client_turn(c) ? 0 : quiet + 1;
        if (quiet < QUIET_TURNS)
            continue;
        quiet = 0;
        if (skips++ == SKIPS_MAX || !skip_wait(r)) {
            struct stream *s = list_first(streams_of_thread(), struct stream, link);
            r->why = s ? stream_step_text[s->step] : "accepting the connection";
            break;
        }
    }
    client_turn(c);
}

static void
hang_up(struct client *c)
{
    close(c->fd);
    c->fd = -1;
    for (unsigned i = 0; i < END_TURNS && !list_empty(sessions_of_thread()); i++)
        loop_turn(0);
    if (!list_empty(sessions_of_thread()))
        thread_end_sessions();
}

/* Cuts "HTTP/1.1 200 OK" apart. 0: it is none. */
static unsigned
status_of(struct slice head)
{
    uint64_t n;

    if (!slice_starts(head, SL("HTTP/")) || head.len < 12 ||
        !slice_to_uint(slice_sub(head, 9, 3), &n))
        return 0;
    return (unsigned)n;
}

/* Leaves interim responses out. */
static void
keep_reply(struct explain_result *r, struct slice all)
{
    unsigned status;
    size_t end;

    for (;;) {
        status = status_of(all);
        end = slice_search(all, SL("\r\n\r\n"));
        if (end == SIZE_MAX || status < 100 || status >= 200 || status == 101)
            break;
        all = slice_sub(all, end + 4, all.len);
    }
    if (r->end != EXPLAIN_REPLY || !all.len)
        return;
    r->reply = slice(arena_slicedup(&r->arena, all), all.len);
    r->reply_head = end == SIZE_MAX ? all.len : end + 4;
    r->status = status;
}

static bool
send_one(struct explain_result *r, struct explain_wire *w, char **err)
{
    struct client c = { .left = text_get(&w->bytes) };
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
        *err = xasprintf("cannot make a pair of sockets: %s", strerror(errno));
        return false;
    }
    c.fd = pair[1];
    client_turn(&c); /* before the other end looks: with the connection comes the request */
    loop_turn(0);
    explain_trace_begin(r, w);
    atomic_fetch_add(&config->conn, 1); /* what accepting counts and releasing takes back */
    atomic_fetch_add(&w->li->conn, 1);
    session_accept(w->li, pair[0], &w->src.sa, w->src.len);
    drive(r, &c);
    explain_trace_end();
    hang_up(&c);
    keep_reply(r, text_get(&c.reply));
    text_fini(&c.reply);
    return true;
}

static void
result_init(struct explain_result *r)
{
    *r = (struct explain_result){ .end = EXPLAIN_STUCK };
    arena_init_config(&r->arena);
    list_init(&r->events);
    list_init(&r->servers);
}

bool
explain_run(struct config *cf, const struct explain_request *q, struct explain_result *r,
            char **err)
{
    struct explain_wire w = { 0 };
    unsigned times = q->repeat ? q->repeat : 1;

    result_init(r);
    bool ok = explain_wire_make(cf, q, &w, err);
    for (unsigned i = 0; ok && i < times; i++) {
        if (i) {
            explain_release(r);
            result_init(r);
        }
        r->li = w.li;
        r->fe = w.li->px;
        r->src = w.src;
        r->dst = w.dst;
        r->tls = w.tls;
        r->hello = w.hello;
        ok = send_one(r, &w, err);
    }
    text_fini(&w.bytes);
    return ok;
}

void
explain_release(struct explain_result *r)
{
    arena_fini(&r->arena);
    *r = (struct explain_result){ 0 };
}

struct slice
explain_header(struct slice head, struct slice name, unsigned n)
{
    struct slice line, value, rest = head;

    slice_cut(rest, '\n', &rest); /* the start line */
    while (rest.len) {
        line = slice_cut(rest, '\n', &rest);
        if (line.len && line.p[line.len - 1] == '\r')
            line.len--;
        struct slice field = slice_cut(line, ':', &value);
        if (value.p && slice_eq_nocase(field, name) && n-- == 0)
            return slice_trim(value);
    }
    return SLICE_NONE;
}
