/* status.c - server states as text: the statistics' status word, `show servers state`, and reading
 * it back. */
#include "server/check.h"
#include "server/state_int.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- status word ---- */

static const struct server *
root_of(const struct server *s)
{
    while (s->track)
        s = s->track;
    return s;
}

/** "UP", or "UP 1/3" while checks make up their mind. */
static void
with_progress(const struct check *ck, const char *word, char *to, size_t size)
{
    unsigned health = atomic_load(&ck->health);

    if (check_is_on(ck) && health < ck->rise + ck->fall - 1 && health >= ck->rise)
        snprintf(to, size, "%s %u/%u", word, health - ck->rise + 1, ck->fall);
    else
        snprintf(to, size, "%s", word);
}

static void
stopped_text(const struct server *ref, char *to, size_t size)
{
    const struct check *ck = ref->check, *agent = ref->agent;

    if (check_is_on(agent) && atomic_load(&agent->health) == 0)
        snprintf(to, size, "DOWN (agent)");
    else if (check_is_on(ck) ? atomic_load(&ck->health) == 0 : !check_is_on(agent))
        snprintf(to, size, "DOWN");
    else
        snprintf(to, size, "DOWN %u/%u", atomic_load(&ck->health), ck->rise);
}

void
server_status_text(const struct server *s, char *to, size_t size)
{
    const struct server *ref = root_of(s), *via = s->track ? s->track : s;
    unsigned admin = atomic_load(&s->admin);

    if (admin & SRVA_RMAINT)
        snprintf(to, size, "MAINT (resolution)");
    else if (admin & SRVA_IMAINT)
        snprintf(to, size, "MAINT (via %s/%s)", server_px_name(via), via->name);
    else if (admin & SRVA_MAINT)
        snprintf(to, size, "MAINT");
    else if (!server_is_up(s))
        stopped_text(ref, to, size);
    else if (atomic_load(&s->state) == SRV_STOPPING)
        with_progress(ref->check, "NOLB", to, size);
    else if (admin & SRVA_DRAIN && check_is_on(ref->agent))
        snprintf(to, size, "DRAIN (agent)");
    else if (admin & SRVA_DRAIN)
        with_progress(ref->check, "DRAIN", to, size);
    else if (!check_is_on(ref->check))
        snprintf(to, size, "no check");
    else
        with_progress(ref->check, "UP", to, size);
}

/* ---- show servers state ---- */

const char server_state_header[] =
    "1\n"
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
    "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl "
    "srv_check_port srv_check_addr srv_agent_addr srv_agent_port";

enum field {
    F_BE_ID,
    F_BE_NAME,
    F_ID,
    F_NAME,
    F_ADDR,
    F_OP_STATE,
    F_ADMIN,
    F_UWEIGHT,
    F_IWEIGHT,
    F_SINCE,
    F_CHECK_STATUS,
    F_CHECK_RESULT,
    F_CHECK_HEALTH,
    F_CHECK_STATE,
    F_AGENT_STATE,
    F_BE_FORCED,
    F_FORCED,
    F_FQDN,
    F_PORT,
    F_SRV,
    F_SSL,
    F_CHECK_PORT,
    F_CHECK_ADDR,
    F_AGENT_ADDR,
    F_AGENT_PORT,
    F_COUNT
};

static void
put_addr(struct text *to, const struct addr *a)
{
    char buf[ADDR_TEXT_MAX];
    struct out o = OUT(buf);

    if (a->kind == ADDR_NONE) {
        text_char(to, '-');
        return;
    }
    if (addr_is_unix(a))
        addr_put_config(&o, a);
    else
        addr_put_host(&o, a);
    text_slice(to, out_slice(&o));
}

static unsigned
shown_flags(const struct check *ck, unsigned admin)
{
    unsigned flags = atomic_load(&ck->flags);

    bool pausable = flags & CHKF_CONFIGURED || admin & SRVA_CMAINT;

    if (!(flags & CHKF_CONFIGURED))
        flags = 0;
    return flags | (pausable && admin & SRVA_MAINT ? 8 : 0); /* paused */
}

void
server_state_line(const struct server *s, unsigned px_id, bool px_id_forced, struct text *to)
{
    unsigned admin = atomic_load(&s->admin);
    int64_t since = server_wall_s() - s->last_change_s;
    struct check_view v, agent;

    check_view(s->check, &v);
    check_view(s->agent, &agent);
    text_printf(to, "%u %s %u %s ", px_id, server_px_name(s), s->id, s->name);
    put_addr(to, &s->addr);
    text_printf(to, " %u %u %u %u %lld %d %d %u %u %u %d %d %s %u - %d %u ", atomic_load(&s->state),
                admin, atomic_load(&s->uweight), s->uweight_cfg, (long long)(since > 0 ? since : 0),
                (int)v.status, (int)check_status_result(v.status), v.health,
                shown_flags(s->check, admin), shown_flags(s->agent, 0), px_id_forced,
                !!(s->flags & SRVF_ID_SET), s->hostname ? s->hostname : "-", s->port,
                !!(s->flags & SRVF_TLS), s->check->port);
    put_addr(to, &s->check->addr);
    text_char(to, ' ');
    put_addr(to, &s->agent->addr);
    text_printf(to, " %u", s->agent->port);
}

/* ---- reading it back ---- */

static bool
number(char *const *field, unsigned n, enum field f, int64_t max, int64_t *out)
{
    return f < n && slice_to_int(slice_str(field[f]), out) && *out >= 0 && *out <= max;
}

static void
restore_admin(struct server *s, unsigned saved)
{
    unsigned admin = atomic_load(&s->admin);

    /* what the configuration said then and says now differs: the configuration wins */
    if (!(saved & SRVA_CMAINT) != !(admin & SRVA_CMAINT))
        return;
    admin &= ~(unsigned)(SRVA_FMAINT | SRVA_FDRAIN);
    atomic_store(&s->admin, admin | (saved & (SRVA_FMAINT | SRVA_FDRAIN)));
}

/* Health as HAProxy restores it: what was saved fits the limits of then. */
static unsigned
restored_health(const struct check *ck, enum srv_state state, int64_t saved)
{
    switch (state) {
    case SRV_STOPPED:
        return 0;
    case SRV_STARTING:
        return (unsigned)MIN(MAX(saved, 1), (int64_t)ck->rise - 1);
    case SRV_STOPPING:
        return ck->rise;
    default:
        return ck->rise + ck->fall - 1;
    }
}

static void
restore_addr(struct server *s, char *const *field, unsigned n)
{
    int64_t port;
    struct addr a;

    if (s->hostname && addr_parse_ip(slice_str(field[F_ADDR]), &a) &&
        (s->flags & SRVF_NO_ADDR || s->addr.kind == ADDR_NONE)) {
        addr_set_port(&a, s->port);
        s->addr = a;
        s->flags &= ~(unsigned)SRVF_NO_ADDR;
    }
    if (number(field, n, F_PORT, 65535, &port) && port && !(s->flags & SRVF_PORT_MAPPED)) {
        s->port = (uint16_t)port;
        addr_set_port(&s->addr, s->port);
    }
}

bool
server_state_apply(struct server *s, char *const *field, unsigned n, struct text *err)
{
    int64_t state, admin, uweight, iweight, since, status, result, health;

    if (n < F_FORCED + 1 || n > F_COUNT) {
        text_printf(err, "invalid number of fields (%u)", n);
        return false;
    }
    if (!number(field, n, F_OP_STATE, SRV_STOPPING, &state) ||
        !number(field, n, F_ADMIN, 0x7f, &admin) ||
        !number(field, n, F_UWEIGHT, SRV_WEIGHT_MAX, &uweight) ||
        !number(field, n, F_IWEIGHT, SRV_WEIGHT_MAX, &iweight) ||
        !number(field, n, F_SINCE, INT32_MAX, &since) ||
        !number(field, n, F_CHECK_STATUS, INT32_MAX, &status) ||
        !number(field, n, F_CHECK_RESULT, CHKR_CONDPASS, &result) ||
        !number(field, n, F_CHECK_HEALTH, INT32_MAX, &health) ||
        (admin & SRVA_FMAINT && admin & SRVA_FDRAIN)) {
        text_printf(err, "invalid value in state of server '%s/%s'", server_px_name(s), s->name);
        return false;
    }
    restore_admin(s, (unsigned)admin);
    if ((unsigned)iweight == s->uweight_cfg) /* else the configured weight was changed: it wins */
        atomic_store(&s->uweight, (unsigned)uweight);
    restore_addr(s, field, n);
    bool maint = atomic_load(&s->admin) & SRVA_MAINT;
    bool entered = maint && !(atomic_load(&s->admin) & SRVA_CMAINT);
    if (status < CHK_STATUSES)
        s->check->status = (enum check_status)status;
    atomic_store(&s->check->health,
                 entered ? 0 : restored_health(s->check, (enum srv_state)state, health));
    if (maint)
        state = SRV_STOPPED;
    else if (state == SRV_STARTING || atomic_load(&s->admin) & SRVA_CMAINT)
        state = SRV_RUNNING; /* the latter: `disabled`, and enabled at run time */
    atomic_store(&s->state, (unsigned)state);
    s->last_change_s = server_wall_s() - since;
    server_compute_weight(s);
    s->flags |= SRVF_STATE_LOADED;
    return true;
}
