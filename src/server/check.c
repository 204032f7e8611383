/* check.c - results of checks: statuses, health counters, what they do to the server, what is
 * logged. */
#include "server/check_int.h"
#include "server/observe.h"
#include "server/state_int.h"

#include "log/log.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- statuses ---- */

static const struct {
    enum check_result result;
    const char *code, *text;
} statuses[] = {
#define X(id, res, code, text) [CHK_##id] = { res, code, text },
    CHECK_STATUSES(X)
#undef X
};

enum check_result
check_status_result(enum check_status st)
{
    return statuses[st].result;
}

const char *
check_status_code(enum check_status st)
{
    return statuses[st].code;
}

const char *
check_status_text(enum check_status st)
{
    return statuses[st].text;
}

bool
check_status_has_code(enum check_status st)
{
    return st >= CHK_L57DATA;
}

enum check_status
check_status_find(const char *name)
{
    for (unsigned i = CHK_INI; *name && i < CHK_STATUSES; i++) {
        if (strcmp(statuses[i].code, name) == 0)
            return (enum check_status)i;
    }
    return CHK_UNKNOWN;
}

/* ---- objects ---- */

struct check *
check_new(struct cfg *c, struct server *s, bool agent)
{
    struct check *ck = ARENA_NEW(c->arena, struct check);

    ck->srv = s;
    atomic_init(&ck->flags, agent ? CHKF_AGENT : 0);
    ck->inter_ms = 2000;
    ck->rise = agent ? 1 : 2;
    ck->fall = agent ? 1 : 3;
    ck->status = ck->prev_status = CHK_INI;
    ck->code = -1;
    ck->duration_ms = -1;
    pthread_mutex_init(&ck->lock, NULL);
    return ck;
}

void
check_view(struct check *ck, struct check_view *out)
{
    pthread_mutex_lock(&ck->lock);
    *out = (struct check_view){
        .status = ck->status,
        .code = ck->code,
        .duration_ms = ck->duration_ms,
        .health = atomic_load(&ck->health),
        .rise = ck->rise,
        .fall = ck->fall,
        .failed = ck->failed,
        .in_progress = (atomic_load(&ck->flags) & CHKF_IN_PROGRESS) != 0,
    };
    memcpy(out->desc, ck->desc, sizeof(out->desc));
    pthread_mutex_unlock(&ck->lock);
}

void
check_force(struct check *ck, bool up)
{
    atomic_store(&ck->health, up ? ck->rise + ck->fall - 1 : 0);
}

/* ---- messages ---- */

/** "Layer4 connection problem, info: "Connection refused", check duration: 0ms". Lock held. */
static void
put_result(const struct check *ck, struct out *o)
{
    out_str(o, statuses[ck->status].text);
    if (check_status_has_code(ck->status))
        out_printf(o, ", code: %d", ck->code);
    if (ck->desc[0])
        out_printf(o, ", info: \"%s\"", ck->desc);
    if (ck->duration_ms >= 0)
        out_printf(o, ", check duration: %ldms", ck->duration_ms);
}

void
check_reason(struct check *ck, char *to, size_t size)
{
    struct server_px px;
    struct out o = { to, 0, size - 1, false };

    server_hooks.view(ck->srv->px, &px);
    if (!px.log_health_checks) { /* else it was just logged */
        out_lit(&o, ", reason: ");
        pthread_mutex_lock(&ck->lock);
        put_result(ck, &o);
        pthread_mutex_unlock(&ck->lock);
    }
    to[o.len] = '\0';
}

/** option log-health-checks: every change of status or health. */
static void
log_change(struct check *ck, unsigned health_before)
{
    struct server *s = ck->srv;
    enum check_result res = check_status_result(ck->status);
    unsigned health = atomic_load(&ck->health);
    bool up = health >= ck->rise;
    struct server_px px;
    char text[1024];
    struct out o = { text, 0, sizeof(text) - 1, false };

    server_hooks.view(s->px, &px);
    if (!px.log_health_checks || !server_hooks.log || res == CHKR_NEUTRAL ||
        (ck->status == ck->prev_status && health == health_before))
        return;
    out_printf(&o, "%s check for %sserver %s/%s %s%s, reason: ",
               atomic_load(&ck->flags) & CHKF_AGENT ? "Agent" : "Health",
               s->flags & SRVF_BACKUP ? "backup " : "", px.name, s->name,
               res == CHKR_CONDPASS ? "conditionally " : "",
               res == CHKR_FAILED ? "failed" : "succeeded");
    put_result(ck, &o);
    out_printf(&o, ", status: %u/%u %s.", up ? health - ck->rise + 1 : health,
               up ? ck->fall : ck->rise,
               !up                             ? "DOWN"
               : atomic_load(&s->uweight) == 0 ? "DRAIN"
                                               : "UP");
    text[o.len] = '\0';
    server_hooks.log(s->px, LOGL_NOTICE, text);
}

/* ---- health ---- */

/** One success more. Returns true when that may change the server's state. */
static void
health_up(struct check *ck)
{
    unsigned health = atomic_load(&ck->health);

    if (health < ck->rise)
        health++;
    if (health >= ck->rise)
        health = ck->rise + ck->fall - 1;
    atomic_store(&ck->health, health);
}

static void
health_down(struct check *ck)
{
    unsigned health = atomic_load(&ck->health);

    if (health >= ck->rise && ck->prev_status != CHK_INI)
        ck->failed++;
    if (health > 0)
        health--;
    atomic_store(&ck->health, health < ck->rise ? 0 : health);
}

/** Health check and agent agree that the server is up, as far as they are asked. */
static bool
all_up(const struct server *s)
{
    return (!check_is_on(s->check) || check_is_up(s->check)) &&
           (!check_is_on(s->agent) || check_is_up(s->agent));
}

static void
act_on_server(struct check *ck)
{
    struct server *s = ck->srv;
    char reason[CHECK_DESC_MAX + 128];

    if (atomic_load(&s->admin) & SRVA_MAINT)
        return;
    check_reason(ck, reason, sizeof(reason));
    switch (check_status_result(ck->status)) {
    case CHKR_FAILED:
        if (!check_is_up(ck))
            server_set_stopped(s, reason);
        break;
    case CHKR_PASSED:
        if (check_is_up(ck) && all_up(s))
            server_set_running(s, reason);
        break;
    case CHKR_CONDPASS:
        if (check_is_up(ck) && all_up(s))
            server_set_stopping(s, reason);
        break;
    default:
        break;
    }
}

void
check_report(struct check *ck, enum check_status st, int code, const char *desc)
{
    bool agent = (atomic_load(&ck->flags) & CHKF_AGENT) != 0;
    enum check_result res = check_status_result(st);
    unsigned before;

    pthread_mutex_lock(&ck->lock);
    before = atomic_load(&ck->health);
    ck->prev_status = ck->status;
    ck->status = st;
    ck->code = check_status_has_code(st) ? code : -1;
    ck->duration_ms = st != CHK_HANA && ck->start_ms ? (long)(loop_now_ms() - ck->start_ms) : -1;
    snprintf(ck->desc, sizeof(ck->desc), "%s", desc ? desc : "");
    /* an agent that cannot be asked says nothing about the server */
    if (res == CHKR_FAILED && (!agent || st == CHK_L7STS))
        health_down(ck);
    else if (res == CHKR_PASSED || res == CHKR_CONDPASS)
        health_up(ck);
    log_change(ck, before);
    pthread_mutex_unlock(&ck->lock);
    if (!agent || res == CHKR_PASSED || st == CHK_L7STS)
        act_on_server(ck);
}

/* ---- observe: errors of live traffic ---- */

/** Simulates a failed check after too many errors and asks for a fast one. */
static void
observed(struct server *s, enum srv_on_error action, const char *last)
{
    struct check *ck = s->check;
    unsigned limit = ck->rise + 1; /* of the health before the failure: one more will be fatal */
    char desc[128];

    if (!check_is_on(ck))
        return;
    if (action == SRV_ON_ERROR_MARK_DOWN)
        limit = ck->rise;
    if (action == SRV_ON_ERROR_MARK_DOWN || action == SRV_ON_ERROR_SUDDEN_DEATH) {
        if (atomic_load(&ck->health) > limit)
            atomic_store(&ck->health, limit);
    }
    if (action != SRV_ON_ERROR_FASTINTER) {
        snprintf(desc, sizeof(desc), "Detected %u consecutive errors, last one was: %s",
                 s->error_limit, last);
        check_report(ck, CHK_HANA, 0, desc);
    }
    check_run_now(ck);
}

void
check_install(void)
{
    server_observe_check = observed;
}
