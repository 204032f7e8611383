/* state_int.h - what the files about server states share. */
#ifndef SERVER_STATE_INT_H
#define SERVER_STATE_INT_H

#include "server/server.h"

/** What a change did. */
struct outcome {
    enum srv_state from;
    unsigned old_admin;
    unsigned active, backup;   /* usable servers afterwards */
    unsigned requeued;         /* waiting streams that were sent elsewhere, or given slots */
    bool was_drained;          /* new traffic did not go there anyway */
    bool lost_last, got_first; /* the backend has no usable server any more, or again */
};

/** Decides on the new states, under the lock; false: nothing to change. */
typedef bool (*server_want_fn)(struct server *s, unsigned arg, unsigned *state, unsigned *admin);

/** Makes a change and moves queues. False when `want` refused. */
MUST_CHECK bool server_change(struct server *s, server_want_fn want, unsigned arg,
                              struct outcome *o);
/** To be called after the change was logged: the backend's own state. */
void server_after_change(struct server *s, const struct outcome *o);
void server_lock(struct server *s);
void server_unlock(struct server *s);

/** Wall clock seconds, also outside loops. */
int64_t server_wall_s(void);
const char *server_px_name(const struct server *s);
/** "Server b/s is UP..." */
void server_say_up(struct server *s, const char *reason, const struct outcome *o);

/* ---- weight.c ---- */

/** True when going up means slow start. */
bool server_warms_up(const struct server *s);
/** Recomputes eweight; lock held. */
void server_compute_weight(struct server *s);
/** Remembers a server in state SRV_STARTING. Without the lock. */
void server_warmup_add(struct server *s);

/* ---- start.c ---- */

/** Worker threads, as server_start() was told. */
unsigned server_nthread(void);

/** Sets the health of checks as `init-state` asks for. Returns true when the server is up. */
bool server_init_health(struct server *s);

#endif
