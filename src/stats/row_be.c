/* row_be.c - rows of servers and backends. */
#include "stats/row_int.h"

#include "server/check.h"
#include "server/pool.h"

#include <stdio.h>

/* ---- servers ---- */

static void
put_check(struct stats_row *r, const struct check_view *v, bool agent)
{
    char status[32];
    const char *code = check_status_code(v->status);

    if (v->in_progress && v->status > CHK_INI) {
        struct out o = OUT(status);
        out_lit(&o, "* ");
        out_mem(&o, code, MIN(strlen(code), sizeof(status) - 3));
        out_char(&o, '\0');
        code = row_keep(r, status);
    }
    row_str(r, agent ? ST_agent_status : ST_check_status, code);
    if (check_status_has_code(v->status))
        row_num(r, agent ? ST_agent_code : ST_check_code, v->code > 0 ? (uint64_t)v->code : 0);
    if (v->duration_ms >= 0)
        row_num(r, agent ? ST_agent_duration : ST_check_duration, (uint64_t)v->duration_ms);
    row_str(r, agent ? ST_agent_desc : ST_check_desc, check_status_text(v->status));
    row_str(r, agent ? ST_last_agt : ST_last_chk, row_keep(r, v->desc));
    row_num(r, agent ? ST_agent_rise : ST_check_rise, v->rise);
    row_num(r, agent ? ST_agent_fall : ST_check_fall, v->fall);
    row_num(r, agent ? ST_agent_health : ST_check_health, v->health);
}

static void
srv_checks(struct stats_row *r, struct server *s)
{
    struct check_view v;

    if (s->agent && check_is_on(s->agent)) {
        check_view(s->agent, &v);
        put_check(r, &v, true);
    }
    if (!s->check || !check_is_on(s->check))
        return;
    check_view(s->check, &v);
    if (!(atomic_load(&s->admin) & SRVA_MAINT)) /* there the checks pause */
        put_check(r, &v, false);
    row_num(r, ST_chkfail, v.failed);
    row_num(r, ST_chkdown, s->down_transitions);
    row_num(r, ST_downtime, server_down_time(s));
}

static void
srv_state(struct stats_row *r, struct server *s)
{
    char status[320];
    bool backup = s->flags & SRVF_BACKUP;

    server_status_text(s, status, sizeof(status));
    row_str(r, ST_status, row_keep(r, status));
    row_num(r, ST_lastchg, row_age(s->last_change_s));
    row_num(r, ST_weight, server_shown_weight(s));
    row_num(r, ST_uweight, atomic_load(&s->uweight));
    row_num(r, ST_act, !backup);
    row_num(r, ST_bck, backup);
    if (s->maxqueue)
        row_num(r, ST_qlimit, s->maxqueue);
    if (atomic_load(&s->state) == SRV_STARTING && !server_is_draining(s))
        row_num(r, ST_throttle, server_throttle_pct(s));
    if (s->track) {
        char name[320];
        struct out o = OUT(name);
        out_str(&o, s->track->px->name);
        out_char(&o, '/');
        out_str(&o, s->track->name);
        name[MIN(o.len, sizeof(name) - 1)] = '\0';
        row_str(r, ST_tracked, row_keep(r, name));
    }
}

static void
srv_conns(struct stats_row *r, const struct server *s)
{
    struct srv_conns n = pool_conns(s);

    row_num(r, ST_srv_icur, n.idle);
    if (s->pool_max_conn != -1)
        row_num(r, ST_src_ilim, (uint64_t)s->pool_max_conn);
    row_num(r, ST_idle_conn_cur, n.idle - n.safe);
    row_num(r, ST_safe_conn_cur, n.safe);
    row_num(r, ST_used_conn_cur, n.used);
    row_num(r, ST_need_conn_est, n.used);
    row_num(r, ST_priv_idle_cur, 0);
}

static void
srv_load(struct stats_row *r, struct server *s)
{
    row_num(r, ST_qcur, atomic_load(&s->queued));
    row_num(r, ST_qmax, atomic_load(&s->queued_max));
    row_num(r, ST_scur, atomic_load(&s->cur_sess));
    row_num(r, ST_smax, atomic_load(&s->cur_sess_max));
    if (s->maxconn)
        row_num(r, ST_slim, s->maxconn);
    row_num(r, ST_rate, row_rate(&s->sess_rate));
    row_num(r, ST_rate_max, atomic_load(&s->sess_rate_max));
    row_int(r, ST_lastsess, row_last(atomic_load(&s->last_sess_s)));
}

void
stats_server(struct stats_row *r, struct proxy *px, struct server *s)
{
    bool http = px->mode == PX_HTTP;
    struct srv_counters c;

    stats_sum_srv(&c, s->counters, http);
    row_begin(r, STATS_SRV, px, s->name, s->id);
    r->srv = s;
    srv_load(r, s);
    ROW_COUNT(r, &c, stot);
    ROW_BYTES(r, &c);
    ROW_COUNT(r, &c, dresp);
    ROW_COUNT(r, &c, econ);
    ROW_COUNT(r, &c, eresp);
    ROW_COUNT(r, &c, wretr);
    ROW_COUNT(r, &c, wredis);
    ROW_COUNT(r, &c, lbtot);
    ROW_COUNT(r, &c, cli_abrt);
    ROW_COUNT(r, &c, srv_abrt);
    ROW_COUNT(r, &c, wrew);
    ROW_COUNT(r, &c, connect);
    ROW_COUNT(r, &c, reuse);
    ROW_COUNT(r, &c, eint);
    ROW_TIMES(r, &c);
    if (http) {
        ROW_STATUSES(r, &c);
        ROW_COUNT(r, &c, req_tot);
    }
    if (s->observe)
        ROW_COUNT(r, &c, hanafail);
    srv_state(r, s);
    srv_checks(r, s);
    srv_conns(r, s);
    row_num(r, ST_srid, 0);
    row_str(r, ST_addr, row_addr(r, &s->addr, s->port));
    row_str(r, ST_cookie, s->cookie);
    row_hide_peaks(r);
    ROW_COUNT(r, &c, ssl_sess);
    ROW_COUNT(r, &c, ssl_reused_sess);
    ROW_COUNT(r, &c, ssl_failed_handshake);
    ROW_COUNT(r, &c, ssl_ocsp_staple);
    ROW_COUNT(r, &c, ssl_failed_ocsp_staple);
}

/* ---- backends ---- */

/** What the servers of a backend add up to. */
struct be_sum {
    unsigned servers, up, active, backup; /* up: of all; active, backup: usable */
    unsigned weight, uweight;             /* of those that get the traffic */
    unsigned conns, served;
};

static void
be_add(struct be_sum *b, const struct proxy *px, const struct server *s, unsigned bck[2])
{
    bool usable = server_is_usable(s);

    b->servers++;
    b->up += server_is_up(s) && !(atomic_load(&s->admin) & SRVA_MAINT);
    struct srv_conns n = pool_conns(s);
    b->conns += n.used + n.idle;
    b->served += atomic_load(&s->served);
    if (!usable)
        return;
    if (s->flags & SRVF_BACKUP) {
        /* only the first backup server works unless all do */
        if (b->backup++ == 0 || px->options & PO_ALLBACKUPS) {
            bck[0] += server_shown_weight(s);
            bck[1] += atomic_load(&s->uweight);
        }
        return;
    }
    b->active++;
    b->weight += server_shown_weight(s);
    b->uweight += atomic_load(&s->uweight);
}

static void
be_servers(struct be_sum *b, const struct proxy *px)
{
    const struct server *s;
    unsigned bck[2] = { 0, 0 };

    *b = (struct be_sum){ 0 };
    list_each (s, &px->servers, link)
        be_add(b, px, s, bck);
    if (!b->active) {
        b->weight = bck[0];
        b->uweight = bck[1];
    }
}

static void
be_status(struct stats_row *r, const struct proxy *px, const struct be_sum *b, bool count_up)
{
    bool up = !b->servers || b->weight > 0;
    char text[64];

    snprintf(text, sizeof(text), "%s%s", up ? "UP" : "DOWN",
             atomic_load(&px->unpublished) ? " (UNPUB)" : "");
    if (count_up) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof(text) - n, " (%u/%u)", b->up, b->servers);
    }
    row_str(r, ST_status, row_keep(r, text));
    row_num(r, ST_lastchg, row_age(px->last_change_s));
    row_num(r, ST_chkdown, px->down_transitions);
    if (b->servers)
        row_num(r, ST_downtime,
                px->down_time_s + (px->down_notified ? row_age(px->last_change_s) : 0));
    row_num(r, ST_weight, b->weight);
    row_num(r, ST_uweight, b->uweight);
    row_num(r, ST_act, b->active);
    row_num(r, ST_bck, b->backup);
    r->v[ST_act].tag = r->v[ST_bck].tag = "MGP";
    row_num(r, ST_agg_server_status, 0);
    row_num(r, ST_agg_server_check_status, 0);
    row_num(r, ST_agg_check_status, 0);
}

static void
be_h1(struct stats_row *r, const struct px_counters *c, const struct be_sum *b)
{
    row_num(r, ST_h1_open_connections, b->conns);
    row_num(r, ST_h1_open_streams, b->served);
    row_num(r, ST_h1_total_connections, c->connect);
    row_num(r, ST_h1_total_streams, c->lbtot);
    row_num(r, ST_h1_bytes_in, c->resbin);
    row_num(r, ST_h1_bytes_out, c->reqbout);
    row_num(r, ST_h1_spliced_bytes_in, c->spliced_in);
    row_num(r, ST_h1_spliced_bytes_out, c->spliced_out);
}

static void
be_load(struct stats_row *r, struct proxy *px)
{
    row_num(r, ST_qcur, atomic_load(&px->queue.length));
    row_num(r, ST_qmax, atomic_load(&px->queue.length_max));
    row_num(r, ST_scur, atomic_load(&px->be_conn));
    row_num(r, ST_smax, atomic_load(&px->be_conn_max));
    row_num(r, ST_slim, px->fullconn);
    row_num(r, ST_rate, row_rate(&px->be_sess_rate));
    row_num(r, ST_rate_max, atomic_load(&px->be_sess_rate_max));
    r->v[ST_rate].tag = r->v[ST_rate_max].tag = "MGP";
    row_int(r, ST_lastsess, row_last(atomic_load(&px->last_sess_s)));
    row_str(r, ST_algo, lb_name(&px->lb));
    row_str(r, ST_cookie, px->cookie_name);
}

static void
be_counts(struct stats_row *r, const struct px_counters *c)
{
    ROW_COUNT(r, c, stot);
    ROW_BYTES(r, c);
    ROW_COUNT(r, c, dreq);
    ROW_COUNT(r, c, dresp);
    ROW_COUNT(r, c, econ);
    ROW_COUNT(r, c, eresp);
    ROW_COUNT(r, c, wretr);
    ROW_COUNT(r, c, wredis);
    ROW_COUNT(r, c, lbtot);
    ROW_COUNT(r, c, cli_abrt);
    ROW_COUNT(r, c, srv_abrt);
    ROW_COUNT(r, c, wrew);
    ROW_COUNT(r, c, connect);
    ROW_COUNT(r, c, reuse);
    ROW_COUNT(r, c, eint);
    ROW_COMPRESSION(r, c);
    ROW_TIMES(r, c);
}

void
stats_backend(struct stats_row *r, struct proxy *px, bool count_up)
{
    bool http = px->mode == PX_HTTP;
    struct px_counters c;
    struct be_sum b;

    stats_sum_be(&c, px->be_counters, http);
    be_servers(&b, px);
    row_begin(r, STATS_BE, px, "BACKEND", 0);
    be_load(r, px);
    be_counts(r, &c);
    if (http) {
        ROW_STATUSES(r, &c);
        ROW_COUNT(r, &c, req_tot);
        ROW_CACHE(r, &c);
        be_h1(r, &c, &b);
    }
    be_status(r, px, &b, count_up);
    row_hide_peaks(r);
    row_zero(r, ST_h2_headers_rcvd, ST_h1_spliced_bytes_out);
    ROW_COUNT(r, &c, ssl_sess);
    ROW_COUNT(r, &c, ssl_reused_sess);
    ROW_COUNT(r, &c, ssl_failed_handshake);
    ROW_COUNT(r, &c, ssl_ocsp_staple);
    ROW_COUNT(r, &c, ssl_failed_ocsp_staple);
}
