/* sink.h - where lines leave the process: one descriptor or datagram address per sink, one batch
 * per sink and thread. Used by src/log only. */
#ifndef LOG_SINK_H
#define LOG_SINK_H

#include "net/addr.h"

struct log_sink;

/** The longest line, its newline included. */
#define LOG_LINE_MAX 65536

/** The sink for an address (ADDR_IP4, ADDR_IP6, ADDR_UNIX, ADDR_ABNS, ADDR_ABNSZ or ADDR_FD);
 * targets with the same address share it. Lives until log_sinks_fini(). Configuration time only. */
struct log_sink *log_sink_get(const struct addr *a);
/** Prepares inherited descriptors (stdout and friends). Before privileges are dropped and before a
 * chroot. */
void log_sinks_start(void);
/** Releases all sinks; no thread may use them any more. */
void log_sinks_fini(void);

/** Room for a line of up to `max` <= LOG_LINE_MAX bytes in the calling thread's batch, or NULL: the
 * line was counted as dropped. Must be followed by log_sink_commit() before anything else happens
 * to the sink. */
HOT char *log_sink_reserve(struct log_sink *s, size_t max);
/** Takes the line of `len` bytes that was written there. */
HOT void log_sink_commit(struct log_sink *s, size_t len);

/** Sends all that the calling thread holds, as far as receivers take it. */
void log_sinks_flush(void);
/** Attaches the thread's batches to its loop: they leave at the end of a turn once they are a
 * millisecond old. */
void log_sinks_thread_start(void);
/** Last flush, then releases the thread's batches and sockets. */
void log_sinks_thread_stop(void);
/** Lines dropped so far, all threads. */
unsigned long log_sinks_dropped(void);

#endif
