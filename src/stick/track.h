/* track.h - tracked counters (track-sc<n>): the entries that a session and its streams feed.
 * A session has a set of tune.stick_counters slots and so has each stream; where a stream's slot is
 * empty the session's counts. */
#ifndef STICK_TRACK_H
#define STICK_TRACK_H

#include "stick/table.h"

#define STICK_COUNTERS_MAX 100u /* of tune.stick-counters */

/** One slot. { 0 }: nothing tracked. Holds a reference on the entry. */
struct stick_counter {
    struct stick_table *table;
    struct stick_entry *entry;
};

/** The slots that an event counts in: a stream's before its session's; either may be NULL. */
struct stick_slots {
    struct stick_counter *strm, *sess;
    unsigned n;
};

/** Slot `i` as the stream sees it, or NULL when nothing is tracked there. */
static inline struct stick_counter *
stick_slot(const struct stick_slots *s, unsigned i)
{
    if (s->strm && s->strm[i].entry)
        return &s->strm[i];
    return s->sess && s->sess[i].entry ? &s->sess[i] : NULL;
}

/** Starts tracking `k` in an empty slot: counts a connection (conn_cnt, conn_rate, conn_cur), and
 * for a request of HTTP that is being processed (`request`) also http_req_cnt and http_req_rate. A
 * slot in use is left alone. False when the table is full. */
bool stick_track(struct stick_counter *c, struct stick_table *t, const struct stick_key *k,
                 bool request, int64_t now_ms);
/** Stops: conn_cur goes down, the entry lives `expire` longer. Harmless on an empty slot. */
void stick_untrack(struct stick_counter *c, int64_t now_ms);
/** Stops all `n` slots; `c` may be NULL. */
void stick_untrack_all(struct stick_counter *c, unsigned n, int64_t now_ms);

/** A session begins: sess_cnt and sess_rate of what its connection rules tracked. */
void stick_count_session(const struct stick_slots *s, int64_t now_ms);
/** A request arrives (before its rules): http_req_cnt, http_req_rate. */
void stick_count_request(const struct stick_slots *s, int64_t now_ms);
/** An error of the client: http_err_cnt, http_err_rate. */
void stick_count_error(const struct stick_slots *s, int64_t now_ms);
/** A failure of the server: http_fail_cnt, http_fail_rate. */
void stick_count_failure(const struct stick_slots *s, int64_t now_ms);
/** Bytes from the client (in) and from the server (out) since the last call. */
void stick_count_bytes(const struct stick_slots *s, uint64_t in, uint64_t out, int64_t now_ms);
/** Protocol anomalies of the client connection since the last call. */
void stick_count_glitches(const struct stick_slots *s, uint32_t n, int64_t now_ms);

#endif
