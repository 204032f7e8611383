/* fetch_log.h - what log-format aliases, log sample fetches and traffic lines share. */
#ifndef FETCH_FETCH_LOG_H
#define FETCH_FETCH_LOG_H

#include "proxy/stream.h"

extern const struct logfmt_alias log_aliases[];
extern const struct fetch log_fetches[];

/** The session of an evaluation, NULL outside of traffic. */
static inline struct session *
log_session(const struct sample_ctx *x)
{
    return x->sess ? x->sess : x->strm ? x->strm->sess : NULL;
}

/** The timers of manual 8.4, ms; -1: not reached. */
struct log_times {
    int64_t handshake, idle, request, tq, queue, connect, response, data, active, total, user;
};
void log_times(const struct sample_ctx *x, struct log_times *t);

/** Wall clock, us since the epoch: accept (or readiness for another request), first byte of the
 * request. */
int64_t log_accept_us(const struct sample_ctx *x);
int64_t log_request_us(const struct sample_ctx *x);

/** As logged: 0 in mode tcp, -1 when there was no response. */
int log_status(const struct stream *s);
/** Bytes that came from the server (or were made here), %B; from the client, %U. */
uint64_t log_bytes_from_server(const struct stream *s);
uint64_t log_bytes_from_client(const struct stream *s);
bool log_redispatched(const struct stream *s);

/** "22/Nov/2026:08:33:51.150", local time, in x->tmp; p NULL when memory is out. */
struct slice log_date(struct sample_ctx *x, int64_t us);

/** Writes the traffic line of a stream at its end (or early: logasap), unless options or rules keep
 * it silent. Sets SF_LOGGED. Installed as stream_hooks.log. */
void log_stream(struct stream *s);
/** Writes a line at another step: log-steps, do-log (with its profile, or NULL). */
void log_stream_step(struct stream *s, enum log_step step, const struct log_profile *profile);
/** Whether the frontend's log-steps ask for a line at `step`. */
bool log_stream_has_step(const struct stream *s, enum log_step step);
/** Writes the line of a connection that failed before any stream. Installed as session_log_failure.
 */
void log_session_failure(struct session *sess);

extern const struct module fetch_log_module;

#endif
