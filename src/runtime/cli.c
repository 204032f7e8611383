/* cli.c - connections of the runtime API: lines in, commands run, answers out.
 *
 * Without a prompt the first line is everything: its commands are answered and the connection
 * closes. All commands run on the thread that accepted; those that look at other threads' objects
 * send letters (cli_on_threads). */
#include "runtime/command.h"

#include "config/tune.h"
#include "net/conn.h"
#include "proxy/listener.h"
#include "proxy/listener_pass.h"
#include "runtime/cli_int.h"
#include "stats/stats.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>

/* Bytes of a command with its payload. */
#define CLI_INPUT_MAX ((size_t)tune.bufsize + tune.cli_max_payload)

struct cli_conn {
    struct cli cli;
    struct list link; /* in the thread's list */
    struct conn *conn;
    struct listener *li;
    struct task task;
    struct timer timer;
    struct text in; /* bytes not executed yet */
    char *line;     /* the line being executed */
    size_t line_at; /* its part after the current command */
    bool waiting;   /* a command has not finished */
    bool closing;   /* close when everything was sent */
    bool in_payload;
    char *payload_mark;   /* line that ends the payload; "" an empty one */
    bool finished_inside; /* cli_finish() was called by the command itself */
    struct slice payload; /* of the line's last command; owned */
    char *rest;           /* cli_rest() */
    size_t hidden;        /* bytes of the answer in which names are hidden if they shall be */
    struct timer wait_timer;
    void (*on_wait)(struct cli *c);
};

#define CLI_OUT_LOW 32768u /* a long answer goes on once no more than this is unsent */

/* ---- answers ---- */

static const char *const severity_name[] = { "emerg",   "alert",  "crit", "err",
                                             "warning", "notice", "info", "debug" };

static void
put_severity(struct cli *c, enum cli_severity sev)
{
    if (c->severity == 1)
        text_printf(&c->out, "[%d]: ", sev);
    else if (c->severity == 2)
        text_printf(&c->out, "[%s]: ", severity_name[sev]);
}

enum cli_rc
cli_msg(struct cli *c, enum cli_severity sev, const char *fmt, ...)
{
    va_list ap;

    put_severity(c, sev);
    va_start(ap, fmt);
    text_vprintf(&c->out, fmt, ap);
    va_end(ap);
    if (!c->out.len || c->out.p[c->out.len - 1] != '\n')
        text_char(&c->out, '\n');
    return CLI_DONE;
}

enum cli_rc
cli_msg_raw(struct cli *c, enum cli_severity sev, const char *fmt, ...)
{
    va_list ap;

    put_severity(c, sev);
    va_start(ap, fmt);
    text_vprintf(&c->out, fmt, ap);
    va_end(ap);
    return CLI_DONE;
}

enum cli_rc
cli_err_free(struct cli *c, char *text)
{
    cli_err(c, "%s", text ? text : "Internal error.");
    free(text);
    return CLI_DONE;
}

enum cli_rc
cmd_unsupported(struct cli *c, const struct command *cmd)
{
    return cli_err(c, "'%s' is not supported yet.", cmd->name);
}

const char *
cli_rest(struct cli *c, unsigned from)
{
    struct cli_conn *cc = container_of(c, struct cli_conn, cli);
    struct text t = { 0 };

    for (unsigned i = from; i < c->nargs; i++) {
        if (i > from)
            text_char(&t, ' ');
        text_str(&t, c->arg[i]);
    }
    free(cc->rest);
    cc->rest = t.p ? t.p : xstrdup("");
    return cc->rest;
}

/* ---- executing ---- */

/* Splits into words at blanks; a backslash takes the next character as it is. In place. */
static void
split_words(struct cli *c, char *text)
{
    c->nargs = 0;
    for (unsigned i = 0; i < CLI_ARGS_MAX; i++)
        c->arg[i] = "";
    for (char *p = text; *p && c->nargs < CLI_ARGS_MAX;) {
        while (*p == ' ' || *p == '\t')
            p++;
        if (!*p)
            break;
        char *to = p;
        c->arg[c->nargs++] = p;
        while (*p && *p != ' ' && *p != '\t') {
            if (*p == '\\' && p[1])
                p++;
            *to++ = *p++;
        }
        bool end = !*p;
        *to = '\0';
        if (end)
            break;
        p++;
    }
}

/* Sockets may be served by several threads: commands change one thing after the other. Outermost
 * lock. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static enum cli_rc
run_locked(struct cli *c, const struct command *cmd)
{
    pthread_mutex_lock(&one_at_a_time);
    enum cli_rc rc = cmd ? cmd->run(c, cmd) : c->more(c);
    pthread_mutex_unlock(&one_at_a_time);
    return rc;
}

static enum cli_rc
execute(struct cli_conn *cc, char *text)
{
    struct cli *c = &cc->cli;

    split_words(c, text);
    const struct command *cmd = c->nargs ? cli_find(c, 0) : NULL;
    atomic_fetch_add_explicit(&stats_process.cli_commands, 1, memory_order_relaxed);
    if (!cmd) {
        char title[160];
        struct out o = OUT(title);
        if (!c->nargs && c->interactive)
            return CLI_DONE;
        if (c->nargs)
            out_printf(&o,
                       "Unknown command: '%.64s', but maybe one of the following ones is a better "
                       "match:\n%c",
                       c->arg[0], 0);
        else
            out_printf(&o, "Unknown command. Please enter one of the following commands only:\n%c",
                       0);
        cli_list(c, title, 0);
        return CLI_DONE;
    }
    if (cmd->level > c->level)
        return cli_err(c, "Permission denied");
    if (cmd->flags & CMDF_EXPERT && !c->expert)
        return cli_err(c, "This command is restricted to expert mode only.");
    if (cmd->flags & CMDF_EXPERIMENTAL && !c->experimental)
        return cli_err(c, "This command is restricted to experimental mode only.");
    return run_locked(c, cmd);
}

/* The next command of the line: up to an unescaped ';'. */
static char *
next_command(struct cli_conn *cc)
{
    char *p = cc->line + cc->line_at, *start = p;

    while (*p && *p != ';') {
        if (*p == '\\' && p[1])
            p++;
        p++;
    }
    cc->line_at = (size_t)(p - cc->line) + (*p == ';');
    *p = '\0';
    return start;
}

static void
put_prompt(struct cli *c)
{
    int64_t up = (loop_wall_us() - config->start_wall_us) / 1000000;
    unsigned s = up > 0 ? (unsigned)up : 0;

    if (!c->prompt || c->close)
        return;
    if (c->timed)
        text_printf(&c->out, "[%u:%02u:%02u:%02u]", s / 86400, s % 86400 / 3600, s % 3600 / 60,
                    s % 60);
    text_str(&c->out, "> ");
}

/* The answer is complete: the empty line after it, and what follows. */
static void
end_command(struct cli_conn *cc)
{
    struct cli *c = &cc->cli;

    if (!c->close)
        text_char(&c->out, '\n');
    c->state = NULL;
    c->cancel = NULL;
    c->more = NULL;
    c->payload = SLICE_NONE;
    free(cc->rest);
    cc->rest = NULL;
    timer_cancel(&cc->wait_timer);
    put_prompt(c);
    if (cc->line[cc->line_at] && !c->close)
        return;
    free(cc->line);
    cc->line = NULL;
    free((char *)cc->payload.p);
    cc->payload = SLICE_NONE;
    if (!c->interactive || c->close)
        cc->closing = true;
}

/* Runs the commands of the current line until one waits. */
static void
run_line(struct cli_conn *cc)
{
    struct cli *c = &cc->cli;

    while (cc->line && !cc->waiting) {
        char *cmd = next_command(cc);
        bool last = !cc->line[cc->line_at];

        c->payload = last ? cc->payload : SLICE_NONE;
        cc->finished_inside = false;
        if (execute(cc, cmd) == CLI_WAIT && !cc->finished_inside) {
            cc->waiting = true;
            return;
        }
        end_command(cc);
    }
}

void
cli_finish(struct cli *c)
{
    struct cli_conn *cc = container_of(c, struct cli_conn, cli);

    if (!cc->waiting) {
        cc->finished_inside = true;
        return;
    }
    cc->waiting = false;
    end_command(cc);
    task_wake(&cc->task);
}

int
cli_take_socket(struct cli *c)
{
    c->close = true;
    return conn_take_fd(&container_of(c, struct cli_conn, cli)->conn);
}

static void
on_wait_timer(struct timer *t)
{
    struct cli_conn *cc = container_of(t, struct cli_conn, wait_timer);

    if (cc->on_wait)
        cc->on_wait(&cc->cli);
}

void
cli_timer(struct cli *c, int ms, void (*fn)(struct cli *c))
{
    struct cli_conn *cc = container_of(c, struct cli_conn, cli);

    cc->on_wait = fn;
    if (ms > 0)
        timer_set(&cc->wait_timer, loop_now_ms() + ms, on_wait_timer);
    else
        timer_cancel(&cc->wait_timer);
}

/* ---- input ---- */

/* "<<" or "<<mark" at the end of a line announces a payload. */
static bool
wants_payload(struct cli_conn *cc, char *line)
{
    char *at = strstr(line, "<<");
    char *last = NULL;

    for (; at; at = strstr(at + 2, "<<"))
        last = at;
    if (!last || strchr(last, ' ') || (last > line && last[-1] != ' ' && last[-1] != '\t'))
        return false;
    free(cc->payload_mark);
    cc->payload_mark = xstrdup(last + 2);
    *last = '\0';
    return true;
}

/* Takes one line off the input. False when there is none yet: what ends without a line feed may
 * have been cut, and is not run. */
static bool
take_line(struct cli_conn *cc)
{
    struct slice in = text_get(&cc->in);
    size_t nl = slice_find(in, '\n', 0);

    if (nl == SIZE_MAX)
        return false;
    cc->line = xstrndup(in.p, nl && in.p[nl - 1] == '\r' ? nl - 1 : nl);
    cc->line_at = 0;
    text_drop(&cc->in, nl + 1);
    return true;
}

/* The payload ends at its mark; true once it is complete. */
static bool
take_payload(struct cli_conn *cc)
{
    struct slice in = text_get(&cc->in), rest = in;
    size_t mark_len = strlen(cc->payload_mark);

    while (rest.len) {
        const char *start = rest.p;
        size_t nl = slice_find(rest, '\n', 0);
        if (nl == SIZE_MAX)
            break;
        size_t len = nl && rest.p[nl - 1] == '\r' ? nl - 1 : nl;
        bool is_end = len == mark_len && memcmp(rest.p, cc->payload_mark, mark_len) == 0;
        rest = slice_sub(rest, nl + 1, SIZE_MAX);
        if (!is_end)
            continue;
        cc->payload = slice(xstrndup(in.p, (size_t)(start - in.p)), (size_t)(start - in.p));
        text_drop(&cc->in, in.len - rest.len);
        return true;
    }
    return false;
}

static bool
read_input(struct cli_conn *cc)
{
    char *buf = buf_scratch();
    bool got = false;

    while (cc->conn->flags & CONN_RD_READY && cc->in.len <= CLI_INPUT_MAX) {
        ssize_t n = conn_recv(cc->conn, buf, 16384);
        if (n <= 0)
            break;
        text_mem(&cc->in, buf, (size_t)n);
        got = true;
    }
    return got;
}

static void
cli_close(struct cli_conn *cc)
{
    struct listener *li = cc->li;

    if (cc->waiting && cc->cli.cancel)
        cc->cli.cancel(&cc->cli);
    timer_cancel(&cc->timer);
    timer_cancel(&cc->wait_timer);
    task_cancel(&cc->task);
    conn_free(&cc->conn);
    text_fini(&cc->in);
    text_fini(&cc->cli.out);
    free((char *)cc->payload.p);
    free(cc->payload_mark);
    free(cc->line);
    free(cc->rest);
    list_del(&cc->link);
    free(cc);
    atomic_fetch_sub(&li->px->fe_conn, 1);
    listener_release(li);
}

static bool
flush_output(struct cli_conn *cc)
{
    struct text *o = &cc->cli.out;

    if (unlikely(cc->cli.anon_key) && o->len > cc->hidden)
        cli_hide_names(o, cc->hidden, cc->cli.anon_key);
    while (o->len && cc->conn->flags & CONN_WR_READY) {
        struct iovec iov = { o->p, o->len };
        ssize_t n = conn_sendv(cc->conn, &iov, 1, false);
        if (n <= 0)
            break;
        text_drop(o, (size_t)n);
        atomic_fetch_add_explicit(&stats_process.cli_bytes_out, (uint64_t)n, memory_order_relaxed);
    }
    cc->hidden = o->len;
    return o->len == 0;
}

static void
on_timeout(struct timer *t)
{
    struct cli_conn *cc = container_of(t, struct cli_conn, timer);

    if (cc->waiting) { /* it works: not idle */
        timer_set(t, loop_now_ms() + cc->cli.timeout_ms, on_timeout);
        return;
    }
    cli_close(cc);
}

/* A long answer goes on while the client reads. */
static void
continue_answer(struct cli_conn *cc)
{
    struct cli *c = &cc->cli;

    if (!cc->waiting || !c->more || c->out.len > CLI_OUT_LOW)
        return;
    if (run_locked(c, NULL) == CLI_DONE)
        cli_finish(c);
    else
        task_wake(&cc->task); /* others come first */
}

/* What was received: lines, payloads. */
static void
take_input(struct cli_conn *cc)
{
    while (!cc->waiting && !cc->closing) {
        if (cc->in_payload) {
            if (!take_payload(cc))
                return;
            cc->in_payload = false;
        } else if (cc->line) {
            run_line(cc);
        } else {
            if (!take_line(cc))
                return;
            cc->in_payload = wants_payload(cc, cc->line);
            if (cc->in_payload && cc->cli.prompt)
                text_str(&cc->cli.out, "+ ");
        }
    }
}

static void
cli_step(struct cli_conn *cc)
{
    bool eof;

    if (read_input(cc))
        timer_set(&cc->timer, loop_now_ms() + cc->cli.timeout_ms, on_timeout);
    eof = cc->conn->flags & (CONN_EOF | CONN_ERR);
    take_input(cc);
    if (!cc->conn) { /* a command took the socket */
        cli_close(cc);
        return;
    }
    if (cc->in.len > CLI_INPUT_MAX && !cc->closing) {
        cli_err(&cc->cli, "The command is too big.");
        text_char(&cc->cli.out, '\n');
        text_drop(&cc->in, cc->in.len);
        cc->closing = true;
    }
    bool sent = flush_output(cc);
    continue_answer(cc);
    if (cc->conn->flags & CONN_ERR || (sent && !cc->cli.out.len && cc->closing) ||
        (sent && !cc->cli.out.len && eof && !cc->waiting && !cc->line))
        cli_close(cc);
}

static void
on_task(struct task *t)
{
    cli_step(container_of(t, struct cli_conn, task));
}

static void
on_event(struct conn *conn)
{
    task_wake(&((struct cli_conn *)conn->owner)->task);
}

static __thread struct list open_clis = { NULL, NULL };

static void
cli_accept(struct listener *li, int fd)
{
    struct conn *conn = conn_new(fd, CONN_WR_READY | CONN_RD_READY | CONN_UNIX);

    atomic_fetch_add(&li->px->fe_conn, 1);
    if (!conn) {
        atomic_fetch_sub(&li->px->fe_conn, 1);
        listener_release(li);
        return;
    }
    struct cli_conn *cc = xcalloc(1, sizeof(*cc));
    cc->conn = conn;
    cc->li = li;
    cc->cli.level = li->bind->level;
    cc->cli.severity = li->bind->severity_output;
    cc->cli.exposes_fds = li->bind->flags & BINDF_EXPOSE_FD;
    cc->cli.timeout_ms = config->stats_timeout_ms;
    conn->owner = cc;
    conn->on_event = on_event;
    task_init(&cc->task, on_task);
    if (!open_clis.next)
        list_init(&open_clis);
    list_push_back(&open_clis, &cc->link);
    timer_set(&cc->timer, loop_now_ms() + cc->cli.timeout_ms, on_timeout);
    cli_step(cc);
}

void
cli_install(struct config *cf)
{
    listener_cli_accept = cli_accept;
}

void
cli_thread_stop(struct config *cf)
{
    struct cli_conn *cc, *tmp;

    if (open_clis.next)
        list_each_safe (cc, tmp, &open_clis, link)
            cli_close(cc);
    listener_pass_stop();
}

/* ---- all threads ---- */

/* Travels from thread to thread; the CLI's own is the last stop. */
struct tour {
    struct letter letter;
    struct cli *cli; /* NULL once the connection is gone; touched on its thread only */
    unsigned home, at;
    void (*fn)(struct text *out, void *arg);
    void *arg;
    void (*done)(struct cli *c);
    void (*done_own)(struct cli *c, void *arg);
    bool own; /* arg is freed at the end */
    struct text out;
};

static void
tour_cancel(struct cli *c)
{
    struct tour *t = c->state;
    t->cli = NULL;
}

static void tour_next(struct tour *t);

static void
on_tour(struct letter *l)
{
    struct tour *t = container_of(l, struct tour, letter);

    if (t->at < config->nthread) {
        t->fn(&t->out, t->arg);
        t->at++;
        tour_next(t);
        return;
    }
    struct cli *c = t->cli;
    if (c) {
        text_slice(&c->out, text_get(&t->out));
        pthread_mutex_lock(&one_at_a_time);
        if (t->done)
            t->done(c);
        if (t->done_own)
            t->done_own(c, t->arg);
        pthread_mutex_unlock(&one_at_a_time);
        cli_finish(c);
    }
    if (t->own)
        free(t->arg);
    text_fini(&t->out);
    free(t);
}

static void
tour_next(struct tour *t)
{
    unsigned to = t->at < config->nthread ? t->at : t->home;
    t->letter.deliver = on_tour;
    loop_post(config->loops[to], &t->letter);
}

static struct tour *
tour_start(struct cli *c, void (*fn)(struct text *out, void *arg), void *arg)
{
    struct tour *t = xcalloc(1, sizeof(*t));

    t->cli = c;
    t->home = loop_tid();
    t->fn = fn;
    t->arg = arg;
    c->state = t;
    c->cancel = tour_cancel;
    tour_next(t);
    return t;
}

enum cli_rc
cli_on_threads(struct cli *c, void (*fn)(struct text *out, void *arg), void *arg,
               void (*done)(struct cli *c))
{
    tour_start(c, fn, arg)->done = done; /* read on this thread only, later */
    return CLI_WAIT;
}

enum cli_rc
cli_on_threads_own(struct cli *c, void (*fn)(struct text *out, void *arg), void *arg,
                   void (*done)(struct cli *c, void *arg))
{
    struct tour *t = tour_start(c, fn, arg);

    t->done_own = done;
    t->own = true;
    return CLI_WAIT;
}

void
cli_each(void (*fn)(const struct cli *c, struct conn *conn, void *arg), void *arg)
{
    struct cli_conn *cc;

    if (open_clis.next)
        list_each (cc, &open_clis, link)
            fn(&cc->cli, cc->conn, arg);
}
