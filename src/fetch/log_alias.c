/* log_alias.c - the aliases of log-format: %ci, %ST and their relatives. Manual 8.2.6.
 * Renderer and flags: sample/logformat.h. Values are those of the moment of rendering. */
#include "base/date.h"
#include "fetch/fetch.h"
#include "fetch/fetch_log.h"

#include "proxy/capture.h"
#include "proxy/config.h"

#include <time.h>
#include <unistd.h>

/** What stands for a request line that was never read. */
#define NO_REQUEST "<BADREQ>"
#define NO_SERVER  "<NOSRV>"

/* ---- helpers ---- */

static bool
give_int(struct sample *out, int64_t v)
{
    sample_set_int(out, v);
    return true;
}

static bool
give_str(struct sample *out, struct slice s)
{
    sample_set_str(out, s);
    return true;
}

/** A missing string is "-", an empty one is empty. */
static bool
give_opt_str(struct sample *out, struct slice s)
{
    return s.p && give_str(out, s);
}

/** Nothing at all is written. */
static bool
give_nothing(struct sample *out)
{
    out->type = SMP_ANY;
    return true;
}

static bool
give_ip(struct sample *out, const struct addr *a)
{
    if (a->kind == ADDR_IP4) {
        out->type = SMP_IPV4;
        out->u.v4 = a->in.sin_addr;
        return true;
    }
    if (a->kind == ADDR_IP6) {
        out->type = SMP_IPV6;
        out->u.v6 = a->in6.sin6_addr;
        return true;
    }
    return addr_is_unix(a) && give_str(out, SL("unix"));
}

/** Text in the memory of the evaluation. */
static bool
give_copy(struct sample_ctx *x, struct sample *out, const char *text, size_t len)
{
    char *p = arena_alloc(x->tmp, len + 1);

    if (!p)
        return false;
    memcpy(p, text, len);
    return give_str(out, slice(p, len));
}

static void
mark_incomplete(const struct sample_ctx *x, struct sample *out)
{
    const struct session *sess = log_session(x);

    if (sess && sess->fe->options & PO_LOGASAP)
        out->flags |= SMPF_MAY_CHANGE;
}

/* ---- what the stream knows ---- */

void
log_times(const struct sample_ctx *x, struct log_times *t)
{
    const struct session *sess = log_session(x);
    struct stream_times s;

    *t = (struct log_times){ -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0 };
    if (!sess)
        return;
    if (!x->strm) { /* during or right after the handshake */
        t->total = t->user = t->active = (loop_now_us() - sess->accept_us) / 1000;
        t->handshake = sess->flags & SESSF_BEGUN ? sess->handshake_ms : 0;
        return;
    }
    stream_times(x->strm, &s);
    t->handshake = s.handshake;
    t->idle = s.idle;
    t->request = s.request;
    t->tq = MIN(MIN(s.handshake, s.idle), s.request) < 0 ? -1 : s.handshake + s.idle + s.request;
    t->queue = s.queue;
    t->connect = s.connect;
    t->response = s.response;
    t->data = s.data;
    t->total = MAX(s.all, 0);
    t->user = t->total - MAX(s.idle, 0);
    t->active = s.active >= 0 ? s.active : t->total - MAX(s.handshake, 0);
}

int64_t
log_accept_us(const struct sample_ctx *x)
{
    const struct session *sess = log_session(x);

    if (x->strm)
        return x->strm->t_wall_us;
    if (sess)
        return sess->accept_wall_us;
    return loop_self() ? loop_wall_us()
                       : (int64_t)time(NULL) * 1000000; /* a variable set in the configuration */
}

int64_t
log_request_us(const struct sample_ctx *x)
{
    const struct stream *s = x->strm;

    if (!s || !s->t_first_us)
        return log_accept_us(x);
    return s->t_wall_us + (s->t_first_us - s->t_start_us);
}

int
log_status(const struct stream *s)
{
    return s->status ? (int)s->status : s->flags & SF_HTTP ? -1 : 0;
}

/** The bytes of a request that was never understood are not counted, nor those of the answer to it.
 */
static bool
was_understood(const struct stream *s)
{
    return s->rq_ready || !(s->flags & SF_HTTP);
}

uint64_t
log_bytes_from_server(const struct stream *s)
{
    if (!was_understood(s))
        return 0;
    if (!(s->flags & SF_INTERNAL_REPLY))
        return s->res.in;
    return s->reply.service ? s->res.out_bytes : 0; /* since 3.3 our own replies do not count */
}

uint64_t
log_bytes_from_client(const struct stream *s)
{
    return was_understood(s) ? s->req.in : 0;
}

bool
log_redispatched(const struct stream *s)
{
    /* leaving a server and being given it again is a retry */
    return s->nredisp && (s->nredisp > 1 || s->srv != s->prev_srv);
}

/* ---- dates ---- */

enum date_kind { DATE_LOCAL_MS, DATE_LOCAL, DATE_GMT };

/** "22/Nov/2026:08:33:51" and the zone, kept for the second they are about. */
struct date_text {
    int64_t sec;
    size_t len;
    char text[24];
    char zone[8];
};

static const struct date_text *
date_text(int64_t sec, bool gmt)
{
    static _Thread_local struct date_text
        kept[2][2]; /* a line often has two dates, of accept and of the request */
    struct date_text *d = &kept[gmt][sec & 1];
    time_t t = (time_t)sec;
    struct tm tm;
    long zone_min;

    if (likely(d->sec == sec && d->len))
        return d;
    if (gmt)
        gmtime_r(&t, &tm);
    else
        localtime_r(&t, &tm);
    zone_min = gmt ? 0 : tm.tm_gmtoff / 60;
    struct out o = OUT(d->text), z = OUT(d->zone);
    out_log_date(&o, &tm);
    out_char(&z, zone_min < 0 ? '-' : '+');
    zone_min = zone_min < 0 ? -zone_min : zone_min;
    out_uint_pad(&z, (uint64_t)(zone_min / 60 * 100 + zone_min % 60), 4);
    d->len = o.len;
    d->sec = sec;
    return d;
}

static bool
give_date(struct sample_ctx *x, struct sample *out, int64_t us, enum date_kind kind)
{
    const struct date_text *d = date_text(us / 1000000, kind == DATE_GMT);
    char text[40];
    struct out o = OUT(text);

    out_mem(&o, d->text, d->len);
    if (kind == DATE_LOCAL_MS) {
        out_char(&o, '.');
        out_uint_pad(&o, (uint64_t)(us / 1000 % 1000), 3);
    } else {
        out_char(&o, ' ');
        out_mem(&o, d->zone, 5);
    }
    return give_copy(x, out, text, o.len);
}

struct slice
log_date(struct sample_ctx *x, int64_t us)
{
    struct sample out = { 0 };

    return give_date(x, &out, us, DATE_LOCAL_MS) ? out.u.s : SLICE_NONE;
}

static bool
alias_accept_date(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_date(x, out, log_accept_us(x), (enum date_kind)(uintptr_t) private);
}

static bool
alias_request_date(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_date(x, out, log_request_us(x), (enum date_kind)(uintptr_t) private);
}

static bool
alias_accept_ms(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_int(out, log_accept_us(x) / 1000 % 1000);
}

static bool
alias_accept_sec(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_int(out, log_accept_us(x) / 1000000);
}

/* ---- timers ---- */

static bool
alias_timer(struct sample_ctx *x, struct sample *out, void *private)
{
    struct log_times t;

    log_times(x, &t);
    return give_int(out, *(const int64_t *)(const void *)((const char *)&t + (uintptr_t) private));
}

/** Those that `option logasap` cuts short. */
static bool
alias_timer_plus(struct sample_ctx *x, struct sample *out, void *private)
{
    mark_incomplete(x, out);
    return alias_timer(x, out, private);
}

/* ---- numbers ---- */

static bool
alias_bytes_to_client(struct sample_ctx *x, struct sample *out, void *private)
{
    mark_incomplete(x, out);
    return give_int(out, x->strm ? (int64_t)log_bytes_from_server(x->strm) : 0);
}

static bool
alias_bytes_from_client(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_int(out, x->strm ? (int64_t)log_bytes_from_client(x->strm) : 0);
}

static bool
alias_status(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_int(out, x->strm ? log_status(x->strm) : 0);
}

static bool
alias_actconn(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_int(out, config ? atomic_load_explicit(&config->conn, memory_order_relaxed) : 0);
}

static bool
alias_feconn(struct sample_ctx *x, struct sample *out, void *private)
{
    const struct session *sess = log_session(x);

    return give_int(out, sess ? atomic_load_explicit(&sess->fe->fe_conn, memory_order_relaxed) : 0);
}

static bool
alias_beconn(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_int(
        out, x->strm ? atomic_load_explicit(&x->strm->be->be_conn, memory_order_relaxed) : 0);
}

/** A stream that ended does not count itself any more. */
static bool
alias_srvconn(struct sample_ctx *x, struct sample *out, void *private)
{
    const struct stream *s = x->strm;
    unsigned n;

    if (!s || !s->srv)
        return give_int(out, 0);
    n = atomic_load_explicit(&s->srv->served, memory_order_relaxed);
    if (n && s->t_close_us && s->flags & SF_TAKEN_SRV)
        n--;
    return give_int(out, n);
}

static bool
alias_retries(struct sample_ctx *x, struct sample *out, void *private)
{
    if (x->strm && log_redispatched(x->strm))
        out->flags |= SMPF_MAY_CHANGE;
    return give_int(out, x->strm ? x->strm->nretries : 0);
}

static bool
alias_srv_queue(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_int(out, x->strm ? x->strm->srv_queue_pos : 0);
}

static bool
alias_be_queue(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_int(out, x->strm ? x->strm->be_queue_pos : 0);
}

static bool
alias_log_count(struct sample_ctx *x, struct sample *out, void *private)
{
    const struct session *sess = log_session(x);

    return give_int(out,
                    sess ? atomic_load_explicit(&sess->fe->log_count, memory_order_relaxed) : 0);
}

static bool
alias_request_id(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_int(out, x->strm ? x->strm->uniq_id : 0);
}

static bool
alias_pid(struct sample_ctx *x, struct sample *out, void *private)
{
    static _Thread_local int pid; /* threads begin after the last fork */

    if (unlikely(!pid))
        pid = getpid();
    return give_int(out, loop_self() ? pid : getpid());
}

/* ---- addresses ---- */

enum which_addr { CLIENT_SRC, CLIENT_DST, SERVER_SRC, SERVER_DST };

/** False when that side does not exist. */
static bool
find_addr(const struct sample_ctx *x, enum which_addr which, struct addr *a)
{
    struct session *sess = log_session(x);
    const struct stream *s = x->strm;

    if (which == CLIENT_SRC || which == CLIENT_DST) {
        if (!sess || !sess->conn)
            return false;
        if (s)
            (which == CLIENT_SRC ? stream_src : stream_dst)(s, a);
        else
            (which == CLIENT_SRC ? conn_src : conn_dst)(sess->conn, a);
        return true;
    }
    if (s && s->back) {
        (which == SERVER_SRC ? conn_src : conn_dst)(s->back, a);
        return true;
    }
    if (which == SERVER_SRC || !s || !s->srv || !s->t_queue_us)
        return false;
    *a = s->srv->addr; /* the connection is gone */
    if (addr_is_ip(a) && !addr_port(a))
        addr_set_port(a, s->srv->port);
    return true;
}

static bool
alias_ip(struct sample_ctx *x, struct sample *out, void *private)
{
    struct addr a;

    return find_addr(x, (enum which_addr)(uintptr_t) private, &a) && give_ip(out, &a);
}

/** A unix socket has the number of the listener. */
static bool
alias_port(struct sample_ctx *x, struct sample *out, void *private)
{
    enum which_addr which = (enum which_addr)(uintptr_t) private;
    const struct session *sess = log_session(x);
    struct addr a;

    if (!find_addr(x, which, &a))
        return false;
    if (addr_is_ip(&a))
        return give_int(out, addr_port(&a));
    return addr_is_unix(&a) && (which == CLIENT_SRC || which == CLIENT_DST) && sess->li &&
           give_int(out, sess->li->id);
}

/* ---- names ---- */

static bool
alias_frontend(struct sample_ctx *x, struct sample *out, void *private)
{
    const struct session *sess = log_session(x);

    return sess && give_str(out, slice_str(sess->fe->name));
}

static bool
alias_frontend_transport(struct sample_ctx *x, struct sample *out, void *private)
{
    const struct session *sess = log_session(x);
    size_t len;
    char *p;

    if (!sess)
        return false;
    if (!(sess->conn && sess->conn->flags & CONN_TLS) &&
        !(sess->li && sess->li->bind->flags & BINDF_TLS))
        return give_str(out, slice_str(sess->fe->name));
    len = strlen(sess->fe->name);
    p = arena_alloc(x->tmp, len + 1);
    if (!p)
        return false;
    memcpy(p, sess->fe->name, len);
    p[len] = '~';
    return give_str(out, slice(p, len + 1));
}

static bool
alias_backend(struct sample_ctx *x, struct sample *out, void *private)
{
    return x->strm ? give_str(out, slice_str(x->strm->be->name)) : alias_frontend(x, out, private);
}

static bool
alias_server(struct sample_ctx *x, struct sample *out, void *private)
{
    const struct stream *s = x->strm;

    return give_str(out, s && s->srv ? slice_str(s->srv->name) : SL(NO_SERVER));
}

static bool
alias_hostname(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_str(out, slice_str(log_hostname()));
}

static bool
alias_unique_id(struct sample_ctx *x, struct sample *out, void *private)
{
    return x->strm && give_opt_str(out, stream_unique_id_in(x->strm, x));
}

static bool
alias_term_state(struct sample_ctx *x, struct sample *out, void *private)
{
    const struct stream *s = x->strm;
    char text[4] = { '-', '-', '-', '-' };

    if (s)
        memcpy(text, (char[]){ s->term_cause, s->term_phase, s->ck_req, s->ck_res }, 4);
    else if (x->point == PT_LOG)
        memcpy(text, "PR", 2); /* a connection that failed before any stream */
    return give_copy(x, out, text, (uintptr_t) private);
}

static bool
alias_origin(struct sample_ctx *x, struct sample *out, void *private)
{
    return give_str(out, slice_str(log_origin()));
}

/** What a sample fetch of another feature knows; "-" without that feature. */
static bool
alias_fetch(struct sample_ctx *x, struct sample *out, void *private)
{
    static const struct expr_arg no_args[ARG_MAX];
    const struct fetch *f = fetch_find(slice_str(private));

    return f && f->fn(no_args, x, out, f->private);
}

/* ---- the request line ---- */

enum uri_part { URI_LINE, URI_METHOD, URI_TARGET, URI_NO_QUERY, URI_PATH, URI_QUERY, URI_VERSION };

/** "path?query" of a target in any form; the asterisk has none. */
static struct slice
target_pathq(struct slice target)
{
    size_t at;

    if (target.len && target.p[0] == '/')
        return target;
    at = slice_search(target, SL("://"));
    if (at != SIZE_MAX)
        at = slice_find(target, '/', at + 3);
    return at != SIZE_MAX ? slice_sub(target, at, SIZE_MAX) : slice(target.p, 0);
}

static struct slice
uri_part(struct slice line, enum uri_part part)
{
    struct slice target, rest, query;
    struct slice method = slice_cut(line, ' ', &rest);
    size_t end = rest.len;

    if (part == URI_LINE || part == URI_METHOD)
        return part == URI_LINE ? line : method;
    while (end && rest.p[end - 1] != ' ') /* the version follows the last space */
        end--;
    target = slice(rest.p, end ? end - 1 : rest.len);
    if (part == URI_VERSION)
        return end ? slice_sub(rest, end, SIZE_MAX) : SL("HTTP/0.9");
    if (part == URI_TARGET)
        return target;
    if (part == URI_PATH)
        target = target_pathq(target);
    if (part == URI_QUERY) {
        size_t at = slice_find(target, '?', 0);

        return at != SIZE_MAX ? slice_sub(target, at, SIZE_MAX) : SL("");
    }
    return slice_cut(target, '?', &query);
}

static bool
alias_uri(struct sample_ctx *x, struct sample *out, void *private)
{
    const struct stream *s = x->strm;

    if (!s || !s->uri.len)
        return give_str(out, SL(NO_REQUEST));
    return give_str(out, uri_part(s->uri, (enum uri_part)(uintptr_t) private));
}

/* ---- captures ---- */

static bool
alias_cookie(struct sample_ctx *x, struct sample *out, void *private)
{
    return x->strm && give_opt_str(out, private ? x->strm->srv_cookie : x->strm->cli_cookie);
}

/** One captured header after the other. */
static bool
alias_captures(struct sample_ctx *x, struct sample *out, void *private)
{
    const struct stream *s = x->strm;
    const struct captures *c = s ? s->fe->captures : NULL;
    const struct slice *cap = s ? (private ? s->res_cap : s->req_cap) : NULL;
    unsigned n = !c ? 0 : private ? c->nres : c->nreq;
    size_t at = out->iter[0]++;

    if (at >= n || !was_understood(s))
        return give_nothing(out);
    if (at + 1 < n)
        out->flags |= SMPF_NOT_LAST;
    return cap && give_opt_str(out, cap[at]);
}

/* ---- the table ---- */

static char ssl_cipher[] = "ssl_fc_cipher", ssl_protocol[] = "ssl_fc_protocol";

#define P(v)         ((void *)(uintptr_t)(v))
#define TIME(member) P(offsetof(struct log_times, member))

const struct logfmt_alias log_aliases[] = {
    { "B", alias_bytes_to_client, .flags = LOGA_PLUS,
      .help = "bytes from the server to the client" },
    { "CC", alias_cookie, P(0), .flags = LOGA_HTTP, .help = "captured request cookie" },
    { "CS", alias_cookie, P(1), .flags = LOGA_HTTP, .help = "captured response cookie" },
    { "H", alias_hostname, .help = "name of the system" },
    { "HM", alias_uri, P(URI_METHOD), .flags = LOGA_HTTP, .help = "HTTP method" },
    { "HP", alias_uri, P(URI_NO_QUERY), .flags = LOGA_HTTP | LOGA_URL,
      .help = "request URI without query string" },
    { "HPO", alias_uri, P(URI_PATH), .flags = LOGA_HTTP | LOGA_URL,
      .help = "path without host and query string" },
    { "HQ", alias_uri, P(URI_QUERY), .flags = LOGA_HTTP | LOGA_URL | LOGA_EMPTY,
      .help = "query string with its question mark" },
    { "HU", alias_uri, P(URI_TARGET), .flags = LOGA_HTTP | LOGA_URL, .help = "request URI" },
    { "HV", alias_uri, P(URI_VERSION), .flags = LOGA_HTTP, .help = "HTTP version, as HTTP/1.1" },
    { "ID", alias_unique_id, .help = "unique-id of the request" },
    { "OG", alias_origin, .needs = NEEDS_TXN_END, .help = "origin of the line: what was logged" },
    { "ST", alias_status, .help = "status code" },
    { "T", alias_accept_date, P(DATE_GMT), .flags = LOGA_BARE, .help = "date of accept in GMT" },
    { "TR", alias_timer, TIME(request), .flags = LOGA_HTTP,
      .help = "ms from the request's first byte to its head's end" },
    { "Ta", alias_timer_plus, TIME(active), .flags = LOGA_HTTP | LOGA_PLUS,
      .help = "ms from the request's first byte to the end" },
    { "Tc", alias_timer, TIME(connect), .help = "ms to connect to the server" },
    { "Td", alias_timer, TIME(data), .help = "ms of data transfer" },
    { "Th", alias_timer, TIME(handshake), .help = "ms of handshakes" },
    { "Ti", alias_timer, TIME(idle), .flags = LOGA_HTTP, .help = "ms idle before the request" },
    { "Tl", alias_accept_date, P(DATE_LOCAL), .flags = LOGA_BARE,
      .help = "date of accept in local time" },
    { "Tq", alias_timer, TIME(tq), .flags = LOGA_HTTP,
      .help = "ms up to the end of the request head" },
    { "Tr", alias_timer, TIME(response), .flags = LOGA_HTTP, .help = "ms until the response head" },
    { "Ts", alias_accept_sec, .flags = LOGA_HEX, .help = "date of accept in seconds" },
    { "Tt", alias_timer_plus, TIME(total), .flags = LOGA_PLUS, .help = "ms in all" },
    { "Tu", alias_timer_plus, TIME(user), .flags = LOGA_PLUS,
      .help = "ms as the user sees them: without idle time" },
    { "Tw", alias_timer, TIME(queue), .help = "ms in queues" },
    { "U", alias_bytes_from_client, .help = "bytes from the client" },
    { "ac", alias_actconn, .help = "connections of the process" },
    { "b", alias_backend, .help = "backend" },
    { "bc", alias_beconn, .help = "connections of the backend" },
    { "bi", alias_ip, P(SERVER_SRC), .help = "our address towards the server" },
    { "bp", alias_port, P(SERVER_SRC), .flags = LOGA_HEX, .help = "our port towards the server" },
    { "bq", alias_be_queue, .help = "requests before this one in the backend's queue" },
    { "ci", alias_ip, P(CLIENT_SRC), .help = "client address" },
    { "cp", alias_port, P(CLIENT_SRC), .flags = LOGA_HEX, .help = "client port" },
    { "f", alias_frontend, .help = "frontend" },
    { "fc", alias_feconn, .help = "connections of the frontend" },
    { "fi", alias_ip, P(CLIENT_DST), .help = "address the client connected to" },
    { "fp", alias_port, P(CLIENT_DST), .flags = LOGA_HEX, .help = "port the client connected to" },
    { "ft", alias_frontend_transport, .help = "frontend, with ~ for TLS" },
    { "hr", alias_captures, P(0), .flags = LOGA_BRACES, .help = "captured request headers" },
    { "hrl", alias_captures, P(0), .flags = LOGA_LIST,
      .help = "captured request headers, CLF style" },
    { "hs", alias_captures, P(1), .flags = LOGA_BRACES, .help = "captured response headers" },
    { "hsl", alias_captures, P(1), .flags = LOGA_LIST,
      .help = "captured response headers, CLF style" },
    { "lc", alias_log_count, .flags = LOGA_HEX, .help = "lines the frontend logged before" },
    { "ms", alias_accept_ms, .flags = LOGA_HEX2 | LOGA_PAD3,
      .help = "milliseconds of the date of accept" },
    { "pid", alias_pid, .flags = LOGA_HEX, .help = "process id" },
    { "r", alias_uri, P(URI_LINE), .flags = LOGA_HTTP | LOGA_URL, .help = "request line" },
    { "rc", alias_retries, .flags = LOGA_PLUS, .help = "retries, with + after a redispatch" },
    { "rt", alias_request_id, .flags = LOGA_HEX, .help = "number of the request or TCP stream" },
    { "s", alias_server, .help = "server" },
    { "sc", alias_srvconn, .help = "requests that the server is working on" },
    { "si", alias_ip, P(SERVER_DST), .help = "server address" },
    { "sp", alias_port, P(SERVER_DST), .flags = LOGA_HEX, .help = "server port" },
    { "sq", alias_srv_queue, .help = "requests before this one in the server's queue" },
    { "sslc", alias_fetch, ssl_cipher, .help = "TLS cipher of the client connection" },
    { "sslv", alias_fetch, ssl_protocol, .help = "TLS version of the client connection" },
    { "t", alias_accept_date, P(DATE_LOCAL_MS), .flags = LOGA_BARE,
      .help = "date of accept with milliseconds" },
    { "tr", alias_request_date, P(DATE_LOCAL_MS), .flags = LOGA_HTTP | LOGA_BARE,
      .help = "date of the request with milliseconds" },
    { "trg", alias_request_date, P(DATE_GMT), .flags = LOGA_HTTP | LOGA_BARE,
      .help = "date of the request in GMT" },
    { "trl", alias_request_date, P(DATE_LOCAL), .flags = LOGA_HTTP | LOGA_BARE,
      .help = "date of the request in local time" },
    { "ts", alias_term_state, P(2), .flags = LOGA_BARE, .help = "termination state" },
    { "tsc", alias_term_state, P(4), .flags = LOGA_BARE,
      .help = "termination state with those of cookies" },
    { 0 },
};
