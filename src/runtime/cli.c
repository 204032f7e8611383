/* cli.c - connections of the runtime API: lines in, commands run, answers out.
 *
 * Without a prompt the first line is everything: its commands are answered and the connection closes. All commands run
 * on the thread that accepted; those that look at other threads' objects send letters (cli_on_threads). */
#include "runtime/command.h"

#include "config/diag.h"
#include "config/module.h"
#include "net/conn.h"
#include "proxy/listener.h"
#include "runtime/cli_int.h"

#include <stdarg.h>
#include <stdlib.h>

#define CLI_LINE_MAX   65536u

struct cli_conn {
    struct cli cli;
    struct list link; /* in the thread's list */
    struct conn *conn;
    struct listener *li;
    struct task task;
    struct timer timer;
    struct text in;     /* bytes not executed yet */
    char *line;         /* the line being executed */
    size_t line_at;     /* its part after the current command */
    bool waiting;       /* a command has not finished */
    bool closing;       /* close when everything was sent */
    bool in_payload;
    char *payload_mark; /* line that ends the payload; "" an empty one */
    bool finished_inside; /* cli_finish() was called by the command itself */
};

/* ---- answers ---- */

static const char *const severity_name[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

enum cli_rc
cli_msg(struct cli *c, enum cli_severity sev, const char *fmt, ...)
{
    va_list ap;

    if (c->severity == 1)
        text_printf(&c->out, "[%d]: ", sev);
    else if (c->severity == 2)
        text_printf(&c->out, "[%s]: ", severity_name[sev]);
    va_start(ap, fmt);
    text_vprintf(&c->out, fmt, ap);
    va_end(ap);
    if (!c->out.len || c->out.p[c->out.len - 1] != '\n')
        text_char(&c->out, '\n');
    return CLI_DONE;
}

/* ---- finding commands ---- */

/* How many words of the row's name the arguments have; 0 unless all of them. */
static unsigned
words_matched(const struct cli *c, const struct command *cmd)
{
    const char *p = cmd->name;
    unsigned n = 0;

    while (*p) {
        size_t len = strcspn(p, " ");
        if (n >= c->nargs || strlen(c->arg[n]) != len || memcmp(c->arg[n], p, len) != 0)
            return 0;
        n++;
        p += len + (p[len] == ' ');
    }
    return n;
}

static const struct command *
find_command(const struct cli *c)
{
    const struct command *best = NULL;
    unsigned most = 0;

    for (unsigned m = 0; modules[m]; m++)
        for (const struct command *cmd = modules[m]->commands; cmd && cmd->name; cmd++) {
            unsigned n = words_matched(c, cmd);
            if (n > most) {
                most = n;
                best = cmd;
            }
        }
    return best;
}

static bool
visible(const struct cli *c, const struct command *cmd)
{
    if (cmd->level > c->level || cmd->flags & CMDF_HIDDEN)
        return false;
    if (cmd->flags & CMDF_EXPERT && !c->expert)
        return false;
    return !(cmd->flags & CMDF_EXPERIMENTAL) || c->experimental;
}

static int
by_usage(const void *a, const void *b)
{
    return strcmp((*(const struct command *const *)a)->usage, (*(const struct command *const *)b)->usage);
}

void
cli_list(struct cli *c, const char *title, bool (*want)(const struct cli *c, const struct command *cmd))
{
    const struct command **list = NULL;
    unsigned n = 0, size = 0;

    text_str(&c->out, title);
    for (unsigned m = 0; modules[m]; m++)
        for (const struct command *cmd = modules[m]->commands; cmd && cmd->name; cmd++) {
            if (!visible(c, cmd) || (want && !want(c, cmd)))
                continue;
            if (n == size)
                list = xrealloc(list, (size = size ? size * 2 : 64) * sizeof(struct command *));
            list[n++] = cmd;
        }
    if (n)
        qsort(list, n, sizeof(struct command *), by_usage);
    for (unsigned i = 0; i < n; i++)
        text_printf(&c->out, "  %-39s : %s\n", list[i]->usage, list[i]->help);
    free(list);
}

/* A command is close when its first words are those given, or nearly so. */
static bool
is_close(const struct cli *c, const struct command *cmd)
{
    struct suggest s;
    char first[64], given[64];
    size_t len = strcspn(cmd->name, " ");

    if (!c->nargs)
        return true;
    if (strcmp(cmd->name, "help") == 0 || strcmp(cmd->name, "prompt") == 0 || strcmp(cmd->name, "quit") == 0)
        return true;
    struct out o = OUT(first), g = OUT(given);
    out_mem(&o, cmd->name, MIN(len, sizeof(first) - 1));
    out_char(&o, '\0');
    out_mem(&g, c->arg[0], MIN(strlen(c->arg[0]), sizeof(given) - 1));
    out_char(&g, '\0');
    if (strcmp(first, given) == 0)
        return true;
    suggest_init(&s, given);
    suggest_offer(&s, first);
    return suggest_result(&s) != NULL;
}

static void
unknown_command(struct cli *c)
{
    if (c->nargs)
        cli_list(c, "Unknown command, but maybe one of the following ones is a better match:\n", is_close);
    else
        cli_list(c, "Unknown command. Please enter one of the following commands only:\n", NULL);
}

/* ---- executing ---- */

static void cli_step(struct cli_conn *cc);

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

static enum cli_rc
execute(struct cli_conn *cc, char *text)
{
    struct cli *c = &cc->cli;

    split_words(c, text);
    const struct command *cmd = c->nargs ? find_command(c) : NULL;
    if (!cmd) {
        if (c->nargs || !c->interactive)
            unknown_command(c);
        return CLI_DONE;
    }
    if (cmd->level > c->level)
        return cli_err(c, "Permission denied");
    if (cmd->flags & CMDF_EXPERT && !c->expert)
        return cli_err(c, "This command is restricted to expert mode only.");
    if (cmd->flags & CMDF_EXPERIMENTAL && !c->experimental)
        return cli_err(c, "This command is restricted to experimental mode only.");
    return cmd->run(c, cmd);
}

static void
end_answer(struct cli_conn *cc)
{
    text_char(&cc->cli.out, '\n');
    cc->cli.payload = SLICE_NONE;
}

static void
put_prompt(struct cli_conn *cc)
{
    if (cc->cli.prompt)
        text_str(&cc->cli.out, "> ");
}

/* The next command of the line: up to an unescaped ';'. */
static char *
next_command(struct cli_conn *cc)
{
    char *p = cc->line + cc->line_at, *start = p;

    if (!*p && cc->line_at)
        return NULL;
    while (*p && *p != ';') {
        if (*p == '\\' && p[1])
            p++;
        p++;
    }
    cc->line_at = (size_t)(p - cc->line) + (*p == ';');
    *p = '\0';
    return start;
}

/* Runs the commands of the current line until one waits. */
static void
run_line(struct cli_conn *cc)
{
    struct cli *c = &cc->cli;
    char *cmd;

    while (cc->line && !cc->waiting) {
        bool last_empty = cc->line_at && !cc->line[cc->line_at];
        cmd = last_empty ? NULL : next_command(cc);
        if (!cmd) {
            free(cc->line);
            cc->line = NULL;
            break;
        }
        cc->finished_inside = false;
        if (execute(cc, cmd) == CLI_WAIT) {
            if (!cc->finished_inside) {
                cc->waiting = true;
                return;
            }
        }
        end_answer(cc);
        if (c->nargs && strcmp(c->arg[0], "quit") == 0)
            cc->closing = true;
        bool more = cc->line[cc->line_at] != '\0';
        if (!more) {
            free(cc->line);
            cc->line = NULL;
            put_prompt(cc);
            if (!c->interactive)
                cc->closing = true;
        }
    }
}

void
cli_finish(struct cli *c)
{
    struct cli_conn *cc = container_of(c, struct cli_conn, cli);

    c->state = NULL;
    c->cancel = NULL;
    if (!cc->waiting) {
        cc->finished_inside = true;
        return;
    }
    cc->waiting = false;
    end_answer(cc);
    if (!cc->line || !cc->line[cc->line_at]) {
        free(cc->line);
        cc->line = NULL;
        put_prompt(cc);
        if (!c->interactive)
            cc->closing = true;
    }
    task_wake(&cc->task);
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

/* Takes one line off the input. False when there is none yet. */
static bool
take_line(struct cli_conn *cc, bool eof)
{
    struct slice in = text_get(&cc->in);
    size_t nl = slice_find(in, '\n', 0);

    if (nl == SIZE_MAX && !(eof && in.len))
        return false;
    size_t len = nl == SIZE_MAX ? in.len : nl, used = nl == SIZE_MAX ? in.len : nl + 1;
    if (len && in.p[len - 1] == '\r')
        len--;
    cc->line = xstrndup(in.p, len);
    cc->line_at = 0;
    text_drop(&cc->in, used);
    return true;
}

/* The payload ends at its mark; true once it is complete. */
static bool
take_payload(struct cli_conn *cc, bool eof)
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
        cc->cli.payload = slice(xstrndup(in.p, (size_t)(start - in.p)), (size_t)(start - in.p));
        text_drop(&cc->in, in.len - rest.len);
        return true;
    }
    if (eof) {
        cc->cli.payload = slice(xstrndup(in.p, in.len), in.len);
        text_drop(&cc->in, in.len);
        return true;
    }
    return false;
}

static bool
read_input(struct cli_conn *cc)
{
    char *buf = buf_scratch();
    bool got = false;

    while (cc->conn->flags & CONN_RD_READY && cc->in.len < 4u * 1024 * 1024) {
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
    task_cancel(&cc->task);
    conn_free(&cc->conn);
    text_fini(&cc->in);
    text_fini(&cc->cli.out);
    free((char *)cc->cli.payload.p);
    free(cc->payload_mark);
    free(cc->line);
    list_del(&cc->link);
    free(cc);
    atomic_fetch_sub(&li->px->fe_conn, 1);
    listener_release(li);
}

static bool
flush_output(struct cli_conn *cc)
{
    struct text *o = &cc->cli.out;

    while (o->len && cc->conn->flags & CONN_WR_READY) {
        struct iovec iov = { o->p, o->len };
        ssize_t n = conn_sendv(cc->conn, &iov, 1, false);
        if (n <= 0)
            break;
        text_drop(o, (size_t)n);
    }
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

/* One thing after the other until something must be waited for. */
static void
cli_step(struct cli_conn *cc)
{
    bool eof;

    if (read_input(cc))
        timer_set(&cc->timer, loop_now_ms() + cc->cli.timeout_ms, on_timeout);
    eof = cc->conn->flags & (CONN_EOF | CONN_ERR);
    while (!cc->waiting && !cc->closing) {
        if (cc->line && !cc->in_payload) {
            run_line(cc);
            continue;
        }
        if (cc->in_payload) {
            if (!take_payload(cc, eof))
                break;
            cc->in_payload = false;
            continue;
        }
        free((char *)cc->cli.payload.p);
        cc->cli.payload = SLICE_NONE;
        if (!take_line(cc, eof))
            break;
        if (wants_payload(cc, cc->line))
            cc->in_payload = true;
    }
    bool sent = flush_output(cc);
    if (cc->conn->flags & CONN_ERR || (sent && cc->closing) || (sent && eof && !cc->waiting && !cc->line) ||
        cc->in.len > CLI_LINE_MAX * 64)
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
        list_each_safe(cc, tmp, &open_clis, link)
            cli_close(cc);
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
        if (t->done)
            t->done(c);
        cli_finish(c);
    }
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

enum cli_rc
cli_on_threads(struct cli *c, void (*fn)(struct text *out, void *arg), void *arg, void (*done)(struct cli *c))
{
    struct tour *t = xcalloc(1, sizeof(*t));

    t->cli = c;
    t->home = loop_tid();
    t->fn = fn;
    t->arg = arg;
    t->done = done;
    c->state = t;
    c->cancel = tour_cancel;
    tour_next(t);
    return CLI_WAIT;
}
