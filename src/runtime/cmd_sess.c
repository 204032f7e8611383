/* cmd_sess.c - show sess, shutdown session(s): requests and connections being served (management
 * manual 9.3).
 *
 * Streams belong to their threads, which are asked one after the other. Their identifiers are their
 * addresses. */
#include "base/date.h"
#include "runtime/cli_int.h"

#include "config/module.h"
#include "proxy/stream.h"
#include "runtime/runtime.h"

#include <stdlib.h>

/** What `show sess` was asked for. */
struct query {
    struct cli *cli; /* the one that asks; compared, not followed */
    uintptr_t id;    /* this one only; 0: all */
    bool full, uri, susp;
    int64_t older_ms;
    const struct proxy *fe, *be;
    const struct server *srv;
};

/* ---- pieces ---- */

static const char *
proto_of(struct conn *c)
{
    struct addr a;

    if (c->flags & CONN_UNIX)
        return "unix_stream";
    conn_need_src(c);
    conn_src(c, &a);
    return a.kind == ADDR_IP6 ? "tcpv6" : a.kind == ADDR_IP4 ? "tcpv4" : "unix_stream";
}

static void
put_addr(struct text *to, struct conn *c, bool dst)
{
    char buf[ADDR_TEXT_MAX];
    struct addr a;

    if (!c) {
        text_str(to, "-");
        return;
    }
    if (dst) {
        conn_need_dst(c);
        conn_dst(c, &a);
    } else {
        conn_need_src(c);
        conn_src(c, &a);
    }
    if (!addr_is_ip(&a)) {
        struct listener *li = c->flags & CONN_BACK ? NULL : c->target;
        text_printf(to, "unix:%u", li ? li->id : 0);
        return;
    }
    struct out o = OUT(buf);
    addr_put_host(&o, &a);
    text_printf(to, "%.*s:%u", SLF(out_slice(&o)), addr_port(&a));
}

/* "5s", "1m30s"; nothing for "never". */
static void
put_delay(struct text *to, int64_t ms)
{
    if (ms < 0)
        return;
    if (ms > 0 && ms < 1000)
        text_printf(to, "%lldms", (long long)ms);
    else if (ms < 60000)
        text_printf(to, "%llds", (long long)(ms / 1000));
    else if (ms < 3600000)
        text_printf(to, "%lldm%02llds", (long long)(ms / 60000), (long long)(ms / 1000 % 60));
    else
        text_printf(to, "%lldh%02lldm", (long long)(ms / 3600000), (long long)(ms / 60000 % 60));
}

static int64_t
left_ms(int64_t at_ms)
{
    int64_t left = at_ms - loop_now_ms();

    return at_ms ? MAX(left, 0) : -1;
}

static int64_t
age_ms(const struct stream *s)
{
    return (loop_now_us() - s->t_start_us) / 1000;
}

static uint32_t
unread(const struct conn *c)
{
    return c && c->rx ? (uint32_t)buf_len(c->rx) : 0;
}

static const char *
be_name(const struct stream *s)
{
    return proxy_has_be(s->be) ? s->be->name : "<NONE>";
}

/* ---- one line ---- */

static void
put_end(struct text *to, const char *name, const struct conn *c, int64_t timeout_at)
{
    text_printf(to, " %s=[%u,%xh,fd=1/%d,rex=", name, c ? c->flags & CONN_CONNECTING ? 4u : 8u : 0u,
                c ? c->flags : 0, c ? c->io.fd : -1);
    put_delay(to, left_ms(timeout_at));
    text_str(to, ",wex=]");
}

static void
put_line(struct text *to, struct stream *s, const struct query *q)
{
    struct conn *cli = s->sess->conn;

    text_printf(to, "%p: proto=%s src=", (void *)s, proto_of(cli));
    put_addr(to, cli, false);
    text_printf(to, " fe=%s be=%s srv=%s ts=00 epoch=0 age=", s->fe->name, be_name(s),
                s->srv ? s->srv->name : "<none>");
    put_delay(to, age_ms(s) / 1000 * 1000);
    text_printf(
        to, " calls=%u rate=0 cpu=0 lat=0 rq[f=%xh,i=%u,an=%02xh,ax=] rp[f=%xh,i=%u,an=%02xh,ax=]",
        s->sess->nreq, s->flags, unread(cli), s->step, s->res.opened, unread(s->back),
        s->res.eom_in);
    put_end(to, "scf", cli,
            s->cli_act_ms && s->fe->timeout.client ? s->cli_act_ms + s->fe->timeout.client : 0);
    put_end(to, "scb", s->back,
            s->back && s->be->timeout.server ? s->srv_act_ms + s->be->timeout.server : 0);
    text_str(to, " exp=");
    put_delay(to, left_ms(s->deadline_ms));
    text_printf(to, " rc=%u c_exp=", s->nretries);
    if (q->uri && s->uri.len)
        text_printf(to, " uri=\"%.*s\"", SLF(s->uri));
    text_char(to, '\n');
}

/* ---- all about one ---- */

static void
put_conn(struct text *to, const char *title, struct conn *c)
{
    text_printf(to, "  %s=%p", title, (void *)c);
    if (!c) {
        text_char(to, '\n');
        return;
    }
    text_printf(to, " flags=0x%08x fd=%d xprt=%s data=%u requests=%u glitches=%u%s%s\n      addr=",
                c->flags, c->io.fd, c->layer ? c->layer->name : "RAW", unread(c), c->requests,
                c->glitches, c->flags & CONN_REUSED ? " reused" : "", c->err ? " error" : "");
    put_addr(to, c, false);
    text_str(to, " -> ");
    put_addr(to, c, true);
    text_char(to, '\n');
}

static void
put_chan(struct text *to, const char *name, const struct chan *ch)
{
    text_printf(to,
                "  %s=%p (opened=%d eom_in=%d eom_out=%d spliced=%d)\n"
                "      in=%llu out=%llu body=%llu held=%u ready=%u read_size=%u\n",
                name, (const void *)ch, ch->opened, ch->eom_in, ch->eom_out, ch->pipe != NULL,
                (unsigned long long)ch->in, (unsigned long long)ch->out_bytes,
                (unsigned long long)ch->body, ch->tx ? (uint32_t)buf_len(ch->tx) : 0, ch->ready,
                ch->read_size);
}

static void
put_date(struct text *to, int64_t wall_us)
{
    time_t t = (time_t)(wall_us / 1000000);
    char buf[32];
    struct out date = OUT(buf);
    struct tm tm;

    localtime_r(&t, &tm);
    out_log_date(&date, &tm);
    text_printf(to, "[%.*s.%06d]", (int)date.len, date.p, (int)(wall_us % 1000000));
}

static void
put_full(struct text *to, struct stream *s)
{
    struct conn *cli = s->sess->conn;
    struct listener *li = s->sess->li;

    text_printf(to, "%p: ", (void *)s);
    put_date(to, s->t_wall_us);
    text_printf(to, " id=%u proto=%s source=", s->uniq_id, proto_of(cli));
    put_addr(to, cli, false);
    text_printf(
        to,
        "\n  flags=0x%x, conn_retries=%u, redispatches=%u, srv_conn=%p, waiting=%d, step=%s\n"
        "  frontend=%s (id=%u mode=%s), listener=%s (id=%u) addr=",
        s->flags, s->nretries, s->nredisp, (void *)s->srv, !!(s->flags & SF_WAITING),
        stream_step_text[s->step], s->fe->name, s->fe->id, s->fe->mode == PX_HTTP ? "http" : "tcp",
        li->name ? li->name : "?", li->id);
    put_addr(to, cli, true);
    text_printf(to, "\n  backend=%s (id=%d mode=%s)", be_name(s),
                proxy_has_be(s->be) ? (int)s->be->id : -1,
                proxy_has_be(s->be) ? (s->be->mode == PX_HTTP ? "http" : "tcp") : "-");
    if (s->back) {
        text_str(to, " addr=");
        put_addr(to, s->back, false);
    }
    text_printf(to, "\n  server=%s (id=%d)", s->srv ? s->srv->name : "<NONE>",
                s->srv ? (int)s->srv->id : -1);
    if (s->back) {
        text_str(to, " addr=");
        put_addr(to, s->back, true);
    }
    text_str(to, "\n  task: exp=");
    int64_t left = left_ms(s->deadline_ms);
    if (left < 0)
        text_str(to, "<NEVER>");
    put_delay(to, left);
    text_str(to, " age=");
    put_delay(to, age_ms(s));
    text_char(to, '\n');
    if (s->uri.len)
        text_printf(to, "  txn: meth=%d uri=\"%.*s\" status=%u\n", (int)s->rq.meth, SLF(s->uri),
                    s->status);
    put_conn(to, "co0", cli);
    put_conn(to, "co1", s->back);
    put_chan(to, "req", &s->req);
    put_chan(to, "res", &s->res);
}

/* ---- show sess ---- */

static bool
is_wanted(const struct stream *s, const struct query *q)
{
    if (q->id && (uintptr_t)s != q->id)
        return false;
    if (q->older_ms && age_ms(s) < q->older_ms)
        return false;
    if (q->fe && s->fe != q->fe)
        return false;
    if (q->be && s->be != q->be)
        return false;
    if (q->susp && s->flags & SF_HTTP && s->deadline_ms)
        return false; /* waits for something that has a limit */
    return !q->srv || s->srv == q->srv;
}

struct cli_line {
    struct text *to;
    const struct query *q;
};

/* Connections of the runtime API have no stream, but they are sessions too. */
static void
put_cli(const struct cli *c, struct conn *conn, void *arg)
{
    struct cli_line *l = arg;

    if (l->q->id && (uintptr_t)c != l->q->id)
        return;
    text_printf(l->to, "%p: proto=%s src=", (const void *)c, proto_of(conn));
    put_addr(l->to, conn, false);
    text_printf(l->to, " fe=%s be=<NONE> srv=<none> ts=00 epoch=0 age=",
                config->cli ? config->cli->name : "GLOBAL");
    put_delay(l->to, (loop_now_ms() - conn->since_ms) / 1000 * 1000);
    text_printf(l->to,
                " calls=1 rate=0 cpu=0 lat=0 rq[f=0h,i=%u,an=00h,ax=] rp[f=0h,i=%u,an=00h,ax=]",
                unread(conn), (unsigned)c->out.len);
    put_end(l->to, "scf", conn, 0);
    put_end(l->to, "scb", NULL, 0);
    text_str(l->to, " exp= rc=0 c_exp=\n");
}

static void
show_here(struct text *out, void *arg)
{
    struct query *q = arg;
    struct list *all = streams_of_thread();

    for (struct list *n = all->next; n != all; n = n->next) {
        struct stream *s = container_of(n, struct stream, link);
        if (!is_wanted(s, q))
            continue;
        if (q->full || q->id)
            put_full(out, s);
        else
            put_line(out, s, q);
    }
    if (!q->older_ms && !q->fe && !q->be && !q->srv && !q->susp)
        cli_each(put_cli, &(struct cli_line){ out, q });
}

static void
shown(struct cli *c, void *arg)
{
    struct query *q = arg;

    if (q->id && !c->out.len)
        cli_err(c, "Session not found.");
}

static const char sess_help[] =
    "Usage: show sess [<id>|all|help] [<options>*]\n"
    "  <id>            everything about one, by the identifier that begins its line\n"
    "  all             everything about each\n"
    "Options:\n"
    "  backend <b>     of this backend only\n"
    "  frontend <f>    of this frontend only\n"
    "  older <age>     that began at least so long ago (seconds unless there is a unit)\n"
    "  server <b/s>    of this server only\n"
    "  show-uri        the requests too\n"
    "  susp            suspicious ones only: waiting without a limit\n";

static bool
parse_id(const char *word, uintptr_t *id)
{
    char *end;

    if (strncmp(word, "0x", 2) != 0)
        return false;
    *id = (uintptr_t)strtoull(word, &end, 16);
    return end != word + 2 && !*end;
}

/* One option with its argument; 0 when it is none, -1 after an error, else the words it took. */
static int
parse_option(struct cli *c, unsigned at, struct query *q)
{
    const char *word = c->arg[at], *value = c->arg[at + 1];
    uint64_t us;

    if (strcmp(word, "older") == 0) {
        const char *why = units_parse_time(slice_str(value), 1000000, &us);
        if (why || !*value) {
            cli_err(c, "Expects an age: older <age>.");
            return -1;
        }
        q->older_ms = (int64_t)MAX(us / 1000, 1u);
        return 2;
    }
    if (strcmp(word, "frontend") == 0)
        return (q->fe = cli_frontend(c, at + 1)) ? 2 : -1;
    if (strcmp(word, "backend") == 0)
        return (q->be = cli_backend(c, at + 1)) ? 2 : -1;
    if (strcmp(word, "server") == 0)
        return (q->srv = cli_server(c, at + 1)) ? 2 : -1;
    if (strcmp(word, "show-uri") == 0) {
        q->uri = true;
        return 1;
    }
    if (strcmp(word, "susp") == 0) {
        q->susp = true;
        return 1;
    }
    return 0;
}

static enum cli_rc
cmd_show_sess(struct cli *c, const struct command *cmd)
{
    struct query q = { .cli = c };
    unsigned at = 2;

    if (strcmp(c->arg[at], "help") == 0)
        return cli_msg(c, CLI_INFO, "%s", sess_help);
    if (strcmp(c->arg[at], "all") == 0) {
        q.full = true;
        at++;
    } else if (parse_id(c->arg[at], &q.id)) {
        if (!q.id)
            return cli_err(c, "Session not found.");
        at++;
    }
    while (at < c->nargs) {
        int n = parse_option(c, at, &q);
        if (n < 0)
            return CLI_DONE;
        if (n == 0)
            return cli_err(c, "Unsupported option '%s', try 'help' for more info.", c->arg[at]);
        at += (unsigned)n;
    }
    struct query *own = xmalloc(sizeof(*own));
    *own = q;
    return cli_on_threads_own(c, show_here, own, shown);
}

/* ---- shutdown ---- */

struct victim {
    uintptr_t id;
    _Atomic bool found;
};

static void
shutdown_here(struct text *out, void *arg)
{
    struct victim *v = arg;
    struct list *all = streams_of_thread();

    for (struct list *n = all->next; n != all; n = n->next) {
        struct stream *s = container_of(n, struct stream, link);
        if ((uintptr_t)s == v->id) {
            v->found = true;
            stream_shutdown(s, 'K');
            return;
        }
    }
}

static void
was_shut(struct cli *c, void *arg)
{
    struct victim *v = arg;

    if (!v->found)
        cli_err(c, "No such session (use 'show sess').");
}

static enum cli_rc
cmd_shutdown_session(struct cli *c, const struct command *cmd)
{
    uintptr_t id;

    if (!parse_id(c->arg[2], &id))
        return cli_err(c, "Session pointer expected (use 'show sess').");
    struct victim *v = xcalloc(1, sizeof(*v));
    v->id = id;
    return cli_on_threads_own(c, shutdown_here, v, was_shut);
}

static enum cli_rc
cmd_shutdown_sessions(struct cli *c, const struct command *cmd)
{
    struct server *srv = cli_server(c, 3);

    if (srv && server_hooks.shutdown_streams)
        server_hooks.shutdown_streams(srv, 'K');
    return CLI_DONE;
}

static const struct command commands[] = {
    { "show sess", "show sess [<id>|all|help] [<options>*]",
      "requests and connections being served", CLI_LEVEL_OPERATOR, cmd_show_sess, 0, NULL },
    { "shutdown session", "shutdown session [id]", "end one of them", CLI_LEVEL_ADMIN,
      cmd_shutdown_session, 0, NULL },
    { "shutdown sessions server", "shutdown sessions server <bk>/<srv>",
      "end those that use a server", CLI_LEVEL_ADMIN, cmd_shutdown_sessions, 0, NULL },
    { 0 },
};

const struct module runtime_sess_module = { .name = "runtime API: sessions", .commands = commands };
