/* log_stream.c - when and how a stream, or a connection that never became one, is logged.
 * Manual 8.2 and 8.3. */
#include "fetch/fetch_log.h"

#include "proxy/stream_int.h"
#include "tls/info.h"

/** stream.log_level of `set-log-level silent`. */
#define LOG_LEVEL_SILENT (-2)

/* ---- when ---- */

/** The stream saw an error, a timeout, a retry, a redispatch or a status of 5xx: what `option
 * dontlog-normal` leaves and `option log-separate-errors` raises. 'L' is not an error: that is our
 * own answer. */
static bool
is_abnormal(const struct stream *s)
{
    if (s->term_cause != '-' && s->term_cause != 'L')
        return true;
    if (log_redispatched(s) || s->nretries)
        return true;
    return s->flags & SF_HTTP && s->status >= 500;
}

/* A request that could not be parsed has come, although none of its bytes was taken. */
static bool
came_without_data(const struct stream *s)
{
    if (s->fe->mode == PX_HTTP)
        return s->sess->flags & SESSF_NO_DATA;
    return !s->req.in && !s->res.in;
}

static bool
is_silent(const struct stream *s)
{
    const struct proxy *fe = s->fe;

    if (!log_enabled(&fe->log) || s->log_level == LOG_LEVEL_SILENT)
        return true;
    if (s->flags & SF_MONITOR || s->sess->flags & SESSF_NO_LOG)
        return true;
    if (fe->options & PO_DONTLOGNULL && came_without_data(s))
        return true;
    return fe->options & PO_DONTLOG_NORMAL && !is_abnormal(s);
}

static enum log_level
level_of(const struct stream *s)
{
    if (s->log_level >= 0)
        return (enum log_level)s->log_level;
    return s->fe->options & PO_LOG_SEPARATE_ERRORS && is_abnormal(s) ? LOGL_ERR : LOGL_INFO;
}

/* ---- how ---- */

static struct log_tag_info
tag_of(const struct proxy *px)
{
    return (struct log_tag_info){ slice_str(px->log_tag) };
}

static void
put_endpoint(struct out *o, const struct session *sess, bool dst)
{
    struct addr a;

    (dst ? conn_dst : conn_src)(sess->conn, &a);
    addr_put_host(o, &a);
    out_char(o, ':');
    out_uint(o, addr_is_ip(&a) ? addr_port(&a) : sess->li ? sess->li->id : 0);
}

/** The line of a frontend without any log format: one per connection. */
static struct slice
default_line(const struct stream *s, char *buf, size_t size)
{
    struct out o = { buf, 0, size, false };

    if (s->sess->flags & SESSF_NOT_FIRST || (s->flags & SF_HTTP && !s->rq_ready))
        return SLICE_NONE;
    out_lit(&o, "Connect from ");
    put_endpoint(&o, s->sess, false);
    out_lit(&o, " to ");
    put_endpoint(&o, s->sess, true);
    out_printf(&o, " (%s/%s)", s->fe->name, s->fe->mode == PX_HTTP ? "HTTP" : "TCP");
    return out_slice(&o);
}

void
log_stream_step(struct stream *s, enum log_step step, const struct log_profile *profile)
{
    struct log_tag_info who = tag_of(s->fe);
    char text[512];
    struct log_event ev = {
        .step = step,
        .level = level_of(s),
        .fmt = s->fe->logfmt,
        .sd = s->fe->logfmt_sd,
        .profile = profile,
        .who = &who,
        .ctx = stream_ctx(s, s->fe, PT_LOG, SMPO_FINAL),
    };

    if (is_silent(s))
        return;
    if (!ev.fmt)
        ev.text = default_line(s, text, sizeof(text));
    log_event_emit(&s->fe->log, &ev);
    atomic_fetch_add_explicit(&s->fe->log_count, 1, memory_order_relaxed);
    sample_tmp_reset();
}

bool
log_stream_has_step(const struct stream *s, enum log_step step)
{
    unsigned steps = s->fe->log_steps ? s->fe->log_steps : 1u << LOGS_CLOSE;

    return steps & 1u << step;
}

void
log_stream(struct stream *s)
{
    s->flags |= SF_LOGGED;
    if (log_stream_has_step(s, LOGS_CLOSE))
        log_stream_step(s, LOGS_CLOSE, NULL);
}

static void
log_step(struct stream *s, enum log_step step)
{
    log_stream_step(s, step, NULL);
}

/* ---- connections that failed ---- */

/** "client [date] frontend/listener: reason", the manual's 8.2.5. */
static struct slice
failure_line(struct session *sess, struct sample_ctx *x, char *buf, size_t size)
{
    static const struct expr_arg no_args[ARG_MAX];
    const struct fetch *f = fetch_find(SL("fc_err_str"));
    struct out o = { buf, 0, size, false };
    struct sample why = { 0 };
    struct slice date;
    char detail[256];

    put_endpoint(&o, sess, false);
    date = log_date(x, log_accept_us(x));
    out_lit(&o, " [");
    out_slice_put(&o, date);
    out_printf(&o, "] %s/", sess->fe->name);
    if (sess->li && sess->li->name)
        out_str(&o, sess->li->name);
    else
        out_uint(&o, sess->li ? sess->li->id : 0);
    out_lit(&o, ": ");
    if (f && f->fn(no_args, x, &why, f->private) && why.type == SMP_STR && why.u.s.len)
        out_slice_put(&o, why.u.s);
    else
        out_lit(&o, "Connection error");
    if (tls_conn_lib_error_text(sess->conn, detail, sizeof(detail)))
        out_printf(&o, " (%s)", detail);
    return out_slice(&o);
}

void
log_session_failure(struct session *sess)
{
    struct proxy *fe = sess->fe;
    struct sample_ctx x = {
        .px = fe, .sess = sess, .tmp = sample_tmp(), .opt = SMPO_FINAL, .point = PT_LOG
    };
    struct log_tag_info who = tag_of(fe);
    char text[512];
    struct log_event ev = {
        .step = LOGS_ERROR,
        .level = fe->options & PO_LOG_SEPARATE_ERRORS ? LOGL_ERR : LOGL_INFO,
        .killed = sess->flags & SESSF_KILLED,
        .fmt = fe->logfmt_error,
        .sd = fe->logfmt_error ? fe->logfmt_sd : NULL,
        .who = &who,
        .ctx = &x,
    };

    /* A frontend without any format logs connections, and not their failures. */
    if (!log_enabled(&fe->log) || sess->flags & SESSF_NO_LOG || !sess->conn ||
        (!fe->logfmt && !ev.fmt))
        return;
    if (fe->options & PO_DONTLOGNULL && !sess->conn->rx && !(sess->conn->flags & CONN_TLS))
        return;
    if (!ev.fmt)
        ev.text = failure_line(sess, &x, text, sizeof(text));
    log_event_emit(&fe->log, &ev);
    atomic_fetch_add_explicit(&fe->log_count, 1, memory_order_relaxed);
    sample_tmp_reset();
}

/* ---- the module ---- */

static bool
px_is_http(const struct proxy *px)
{
    return px->mode == PX_HTTP;
}

static void
fetch_log_defaults(struct config *cf)
{
    logfmt_aliases = log_aliases;
    logfmt_proxy_is_http = px_is_http;
    stream_hooks.log = log_stream;
    stream_hooks.log_step = log_step;
    session_log_failure = log_session_failure;
}

const struct module fetch_log_module = {
    .name = "log-format",
    .fetches = log_fetches,
    .defaults = fetch_log_defaults,
};
