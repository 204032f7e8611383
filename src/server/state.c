/* state.c - going up and down, maintenance, drain: what changes, who follows, what is logged.
 *
 * A change is made under the backend's lb lock; logging, queues, trackers and sessions follow
 * without it, so that no two backends' locks are ever held at once. The wording of messages is
 * HAProxy's: tools match on it. */
#include "server/check.h"
#include "server/state_int.h"

#include "log/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

struct server_hooks server_hooks;
struct server_lb server_lb;

int64_t
server_wall_s(void)
{
    return loop_self() ? loop_wall_us() / 1000000 : (int64_t)time(NULL);
}

const char *
server_px_name(const struct server *s)
{
    return server_hooks.proxy_name ? server_hooks.proxy_name(s->px) : "";
}

/* ---- messages ---- */

static void say(struct server *s, int level, const char *fmt, ...) PRINTF(3, 4);

static void
say(struct server *s, int level, const char *fmt, ...)
{
    char text[1024];
    int n;
    va_list ap;

    if (!server_hooks.log)
        return;
    n = snprintf(text, sizeof(text), "%sServer %s/%s ", s->flags & SRVF_BACKUP ? "Backup " : "",
                 server_px_name(s), s->name);
    if (n < 0 || n >= (int)sizeof(text))
        return;
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
    va_end(ap);
    server_hooks.log(s->px, level, text);
}

/** " via b/s" for what was inherited, else `reason`. */
static const char *
why(const struct server *s, const char *reason, char *buf, size_t size)
{
    if (!s->track || reason)
        return reason ? reason : "";
    snprintf(buf, size, " via %s/%s", server_px_name(s->track), s->track->name);
    return buf;
}

static const char *
on_backup(const struct outcome *o)
{
    return o->active == 0 && o->backup > 0 ? " Running on backup." : "";
}

/** "...: 1 active and 0 backup servers left. ..." of servers that go away. */
static void
say_left(struct server *s, int level, const char *what, const char *reason, const struct outcome *o)
{
    say(s, level,
        "%s%s. %u active and %u backup servers left.%s %u sessions active, %u requeued, %u "
        "remaining "
        "in queue.",
        what, reason, o->active, o->backup, on_backup(o), atomic_load(&s->cur_sess), o->requeued,
        atomic_load(&s->queued));
}

/** "...: 1 active and 0 backup servers online. ..." */
static void
say_online(struct server *s, const char *what, const char *reason, const struct outcome *o)
{
    say(s, LOGL_NOTICE,
        "%s%s. %u active and %u backup servers online.%s %u sessions requeued, %u total in queue.",
        what, reason, o->active, o->backup, on_backup(o), o->requeued, atomic_load(&s->queued));
}

/* ---- the change itself ---- */

bool
server_is_draining(const struct server *s)
{
    return (atomic_load_explicit(&s->admin, memory_order_relaxed) & SRVA_DRAIN) ||
           atomic_load_explicit(&s->uweight, memory_order_relaxed) == 0;
}

static void
totals(struct server *s, unsigned *active, unsigned *backup)
{
    *active = *backup = 0;
    if (server_lb.totals)
        server_lb.totals(s->px, active, backup);
}

static void
account_time(struct server *s, enum srv_state from, enum srv_state to)
{
    int64_t now = server_wall_s();

    if (from == to)
        return;
    if (from == SRV_STOPPED && s->last_change_s && now > s->last_change_s)
        s->down_time_s += (unsigned)(now - s->last_change_s);
    if (to == SRV_STOPPED)
        s->down_transitions++;
    s->last_change_s = now;
}

void
server_lock(struct server *s)
{
    if (server_lb.lock)
        server_lb.lock(s->px);
}

void
server_unlock(struct server *s)
{
    if (server_lb.unlock)
        server_lb.unlock(s->px);
}

/** Lock held. */
static void
install(struct server *s, enum srv_state to, unsigned admin, struct outcome *o)
{
    enum srv_state from = atomic_load(&s->state);
    unsigned active, backup;

    totals(s, &active, &backup);
    account_time(s, from, to);
    if (to == SRV_STARTING && from != SRV_STARTING)
        s->warm_since_ms = loop_now_ms();
    atomic_store(&s->state, to);
    atomic_store(&s->admin, admin);
    server_compute_weight(s);
    if (server_lb.update)
        server_lb.update(s);
    totals(s, &o->active, &o->backup);
    o->lost_last = active + backup > 0 && o->active + o->backup == 0;
    o->got_first = active + backup == 0 && o->active + o->backup > 0;
    o->from = from;
    o->was_drained = from == SRV_STOPPING || (o->old_admin & SRVA_DRAIN);
    if (server_hooks.changed)
        server_hooks.changed(s);
}

bool
server_change(struct server *s, server_want_fn want, unsigned arg, struct outcome *o)
{
    unsigned state, admin;

    *o = (struct outcome){ 0 };
    server_lock(s);
    o->from = state = atomic_load(&s->state);
    o->old_admin = admin = atomic_load(&s->admin);
    if (!want(s, arg, &state, &admin)) {
        server_unlock(s);
        return false;
    }
    install(s, state, admin, o);
    server_unlock(s);
    if (state == SRV_STARTING)
        server_warmup_add(s);
    if (state == SRV_STOPPED && o->from != SRV_STOPPED && server_lb.redistribute)
        o->requeued = server_lb.redistribute(s);
    else if (state != SRV_STOPPED && server_lb.grab)
        o->requeued = server_lb.grab(s);
    return true;
}

void
server_after_change(struct server *s, const struct outcome *o)
{
    if (!(o->lost_last || o->got_first) || !server_hooks.backend_state)
        return;
    server_lock(s);
    server_hooks.backend_state(s->px, o->got_first);
    server_unlock(s);
}

/** Sessions that must not survive the server. */
static void
kill_sessions(struct server *s)
{
    if (s->on_marked_down_shutdown && server_hooks.shutdown_streams)
        server_hooks.shutdown_streams(s, 'D');
}

/* ---- operational states ---- */

static bool
want_running(struct server *s, unsigned arg, unsigned *state, unsigned *admin)
{
    (void)arg;
    if ((*admin & SRVA_MAINT) || *state == SRV_RUNNING || *state == SRV_STARTING)
        return false;
    *state = server_warms_up(s) ? SRV_STARTING : SRV_RUNNING;
    return true;
}

static bool
want_stopped(struct server *s, unsigned arg, unsigned *state, unsigned *admin)
{
    (void)s, (void)arg;
    if ((*admin & SRVA_MAINT) || *state == SRV_STOPPED)
        return false;
    *state = SRV_STOPPED;
    return true;
}

static bool
want_stopping(struct server *s, unsigned arg, unsigned *state, unsigned *admin)
{
    (void)s;
    if ((*admin & SRVA_MAINT) || *state == SRV_STOPPING || (*state == SRV_STOPPED && !arg))
        return false;
    *state = SRV_STOPPING;
    return true;
}

void
server_say_up(struct server *s, const char *reason, const struct outcome *o)
{
    char via[256];

    say_online(s, "is UP", why(s, reason, via, sizeof(via)), o);
}

/* on-marked-up shutdown-backup-sessions */
static void
leave_backups(struct server *s)
{
    if (s->on_marked_up_shutdown_backup && !(s->flags & SRVF_BACKUP) && s->eweight > 0 &&
        server_hooks.shutdown_backup_streams)
        server_hooks.shutdown_backup_streams(s->px);
}

void
server_set_running(struct server *s, const char *reason)
{
    struct server *t;
    struct outcome o;

    if (!server_change(s, want_running, 0, &o))
        return;
    server_say_up(s, reason, &o);
    server_after_change(s, &o);
    leave_backups(s);
    list_each (t, &s->trackers, track_link)
        server_set_running(t, NULL);
}

void
server_set_stopped(struct server *s, const char *reason)
{
    struct server *t;
    struct outcome o;
    char via[256];

    if (!server_change(s, want_stopped, 0, &o))
        return;
    kill_sessions(s);
    say_left(s, o.was_drained ? LOGL_NOTICE : LOGL_ALERT, "is DOWN",
             why(s, reason, via, sizeof(via)), &o);
    server_after_change(s, &o);
    list_each (t, &s->trackers, track_link)
        server_set_stopped(t, NULL);
}

/** `from_stopped`: even if it is down now. */
static void
set_stopping(struct server *s, const char *reason, bool from_stopped)
{
    struct server *t;
    struct outcome o;
    char via[256];

    if (!server_change(s, want_stopping, from_stopped, &o))
        return;
    say_online(s, "is stopping", why(s, reason, via, sizeof(via)), &o);
    server_after_change(s, &o);
    list_each (t, &s->trackers, track_link)
        set_stopping(t, NULL, from_stopped);
}

void
server_set_stopping(struct server *s, const char *reason)
{
    set_stopping(s, reason, false);
}

void
server_force_health(struct server *s, enum srv_state state)
{
    static const char cli[] = ", changed from CLI";

    check_force(s->check, state != SRV_STOPPED);
    if (state == SRV_STOPPED)
        server_set_stopped(s, cli);
    else if (state == SRV_STOPPING)
        set_stopping(s, cli, true);
    else
        server_set_running(s, cli);
}

/* ---- administrative states ---- */

static bool
want_admin_set(struct server *s, unsigned bits, unsigned *state, unsigned *admin)
{
    (void)s;
    if ((*admin & bits) == bits)
        return false;
    *admin |= bits;
    if (bits & SRVA_MAINT)
        *state = SRV_STOPPED;
    return true;
}

/** What a server is when its maintenance ends. */
static enum srv_state
state_after_maintenance(struct server *s)
{
    enum srv_state up = server_warms_up(s) ? SRV_STARTING : SRV_RUNNING;

    if (s->track) {
        enum srv_state tracked = atomic_load(&s->track->state);

        return tracked == SRV_STARTING ? up : tracked == SRV_RUNNING ? up : tracked;
    }
    if (!server_has_check(s))
        return up;
    return server_init_health(s) ? up : SRV_STOPPED;
}

static bool
want_admin_clear(struct server *s, unsigned bits, unsigned *state, unsigned *admin)
{
    unsigned before = *admin;

    if (!(*admin & bits))
        return false;
    *admin &= ~bits;
    if ((before & SRVA_MAINT) && !(*admin & SRVA_MAINT))
        *state = state_after_maintenance(s);
    return true;
}

/** " (cause)", or " via b/s" for what was inherited. */
static const char *
admin_reason(const struct server *s, unsigned bits, const char *cause, char *buf, size_t size)
{
    if (cause) {
        snprintf(buf, size, " (%s)", cause);
        return buf;
    }
    return bits & (SRVA_IMAINT | SRVA_IDRAIN) ? why(s, NULL, buf, size) : "";
}

static void
enter_maintenance(struct server *s, const char *reason, const struct outcome *o)
{
    struct server *t;

    if (o->from == SRV_STOPPED) {
        say(s, LOGL_NOTICE, "was DOWN and now enters maintenance%s.", reason);
    } else {
        kill_sessions(s);
        say_left(s, o->was_drained ? LOGL_NOTICE : LOGL_ALERT, "is going DOWN for maintenance",
                 reason, o);
    }
    if (server_hooks.close_idle)
        server_hooks.close_idle(s);
    /* what a forced health was is forgotten; a check begins anew by itself */
    if (!(atomic_load(&s->check->flags) & CHKF_CONFIGURED))
        atomic_store(&s->check->health, 0);
    list_each (t, &s->trackers, track_link)
        server_set_admin(t, SRVA_IMAINT, NULL);
}

static void
enter_drain(struct server *s, const char *reason, const struct outcome *o)
{
    struct server *t;

    if (o->from == SRV_STOPPED)
        say_left(s, LOGL_NOTICE, "enters drain state", reason, o);
    else
        say_online(s, "enters drain state", reason, o);
    list_each (t, &s->trackers, track_link)
        server_set_admin(t, SRVA_IDRAIN, NULL);
}

void
server_set_admin(struct server *s, unsigned bits, const char *cause)
{
    struct outcome o;
    char buf[256];
    const char *reason;

    if (!server_change(s, want_admin_set, bits, &o))
        return;
    reason = admin_reason(s, bits, cause, buf, sizeof(buf));
    if ((bits & SRVA_MAINT) && !(o.old_admin & SRVA_MAINT))
        enter_maintenance(s, reason, &o);
    else if ((bits & SRVA_DRAIN) && !(o.old_admin & (SRVA_DRAIN | SRVA_MAINT)))
        enter_drain(s, reason, &o);
    server_after_change(s, &o);
}

static void
leave_maintenance(struct server *s, unsigned cleared)
{
    unsigned admin = atomic_load(&s->admin);
    const char *state = server_is_up(s) ? "UP" : "DOWN";
    const char *drain = admin & SRVA_DRAIN ? "DRAIN" : "READY";
    struct server *t;

    if (cleared & SRVA_RMAINT)
        say(s, LOGL_NOTICE, "('%s') is %s/%s (resolves again).", s->hostname ? s->hostname : "",
            state, drain);
    else
        say(s, LOGL_NOTICE, "is %s/%s (leaving %smaintenance).", state, drain,
            cleared & SRVA_FMAINT ? "forced " : "");
    list_each (t, &s->trackers, track_link) {
        if (!(atomic_load(&t->admin) & SRVA_IDRAIN) && (admin & SRVA_DRAIN))
            server_set_admin(t, SRVA_IDRAIN, NULL);
        server_clear_admin(t, SRVA_IMAINT);
    }
}

static void
leave_drain(struct server *s)
{
    struct server *t;

    say(s, LOGL_NOTICE, "is %s (leaving forced drain).", server_is_up(s) ? "UP" : "DOWN");
    list_each (t, &s->trackers, track_link)
        server_clear_admin(t, SRVA_IDRAIN);
}

/** One kind of state was cleared, but the server stays in it for another reason. */
static void
say_remains(struct server *s, unsigned cleared)
{
    unsigned admin = atomic_load(&s->admin);
    char via[256];

    if (cleared & SRVA_FMAINT)
        say(s, LOGL_NOTICE, "is leaving forced maintenance but remains in maintenance%s.",
            admin & SRVA_IMAINT ? why(s, NULL, via, sizeof(via)) : "");
    else if (cleared & SRVA_FDRAIN)
        say(s, LOGL_NOTICE, "is leaving forced drain but remains in drain mode%s.",
            admin & SRVA_IDRAIN ? why(s, NULL, via, sizeof(via)) : "");
    else if (cleared & SRVA_IMAINT)
        say(s, LOGL_NOTICE, "remains in forced maintenance.");
    else if (cleared & SRVA_IDRAIN)
        say(s, LOGL_NOTICE, "remains in forced drain mode.");
}

static void
clear_kind(struct server *s, unsigned bits, unsigned kind)
{
    unsigned admin;
    struct outcome o;

    if (!bits || !server_change(s, want_admin_clear, bits, &o))
        return;
    admin = atomic_load(&s->admin);
    if (admin & kind)
        say_remains(s, o.old_admin & bits);
    else if (kind == SRVA_MAINT)
        leave_maintenance(s, o.old_admin & bits);
    else if (!(admin & SRVA_MAINT))
        leave_drain(s);
    server_after_change(s, &o);
    if (kind == SRVA_MAINT && !(admin & SRVA_MAINT) && server_is_up(s))
        leave_backups(s);
}

void
server_clear_admin(struct server *s, unsigned bits)
{
    clear_kind(s, bits & SRVA_MAINT, SRVA_MAINT);
    clear_kind(s, bits & SRVA_DRAIN, SRVA_DRAIN);
    if (bits & SRVA_CMAINT)
        atomic_fetch_and(&s->admin, ~(unsigned)SRVA_CMAINT);
}

unsigned
server_down_time(const struct server *s)
{
    int64_t now = server_wall_s();

    if (server_is_up(s) || !s->last_change_s || now <= s->last_change_s)
        return s->down_time_s;
    return s->down_time_s + (unsigned)(now - s->last_change_s);
}
