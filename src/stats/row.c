/* row.c - rows of frontends and listeners, and what all rows share. */
#include "stats/row_int.h"

#include "config/tune.h"

#include <stdio.h>

void
row_hide_peaks(struct stats_row *r)
{
    static const enum stats_column highest[] = { ST_qmax,         ST_smax,          ST_rate_max,
                                                 ST_req_rate_max, ST_conn_rate_max, ST_qtime_max,
                                                 ST_ctime_max,    ST_rtime_max,     ST_ttime_max };

    for (unsigned i = 0; i < (tune.no_max_counters ? COUNT_OF(highest) : 0); i++)
        if (r->v[highest[i]].type != STATS_EMPTY)
            row_num(r, highest[i], 0);
}

const char *
row_keep(struct stats_row *r, const char *s)
{
    char *at = r->mem + r->text.len;
    size_t room = r->text.size - r->text.len, len = strlen(s);

    if (!room)
        return "";
    out_mem(&r->text, s, MIN(len, room - 1));
    out_char(&r->text, '\0');
    return at;
}

static const char *
mode_name(const struct proxy *px)
{
    static const char *const names[] = { "tcp", "http", "log", "spop", "cli" };

    return px->mode < COUNT_OF(names) ? names[px->mode] : "unknown";
}

void
row_begin(struct stats_row *r, enum stats_kind kind, struct proxy *px, const char *svname,
          unsigned sid)
{
    memset(r->v, 0, sizeof(r->v));
    r->kind = kind;
    r->px = px;
    r->srv = NULL;
    r->li = NULL;
    r->text = OUT(r->mem);
    row_str(r, ST_pxname, px->name);
    row_str(r, ST_svname, svname);
    row_num(r, ST_pid, 1);
    row_num(r, ST_iid, px->id);
    row_num(r, ST_sid, sid);
    row_num(r, ST_type, kind);
    row_str(r, ST_mode, mode_name(px));
}

const char *
row_addr(struct stats_row *r, const struct addr *a, unsigned port)
{
    char buf[ADDR_TEXT_MAX + 16];
    struct out o = OUT(buf);

    if (a->kind == ADDR_NONE)
        return NULL;
    if (!addr_is_ip(a))
        return "unix";
    if (a->kind == ADDR_IP6)
        out_char(&o, '[');
    addr_put_host(&o, a);
    if (a->kind == ADDR_IP6)
        out_char(&o, ']');
    out_char(&o, ':');
    out_uint(&o, port);
    out_char(&o, '\0');
    return row_keep(r, buf);
}

static int64_t
now_s(void)
{
    return loop_wall_us() / 1000000;
}

uint64_t
row_age(int64_t since_s)
{
    int64_t age = since_s ? now_s() - since_s : 0;

    return age > 0 ? (uint64_t)age : 0;
}

int64_t
row_last(int64_t last_s)
{
    return last_s ? (int64_t)row_age(last_s) : -1;
}

uint32_t
row_rate(const struct freq_shared *f)
{
    return freq_shared_read(f, 1000, (uint64_t)loop_now_ms());
}

void
row_zero(struct stats_row *r, enum stats_column from, enum stats_column to)
{
    for (unsigned c = from; c <= (unsigned)to; c++)
        if (r->v[c].type == STATS_EMPTY)
            row_num(r, c, 0);
}

/* ---- frontends ---- */

static const char *
fe_status(const struct proxy *px, unsigned limit)
{
    if (atomic_load(&px->stopped))
        return "STOP";
    if (atomic_load(&px->paused))
        return "PAUSED";
    return limit && atomic_load(&px->fe_conn) >= limit ? "FULL" : "OPEN";
}

static void
fe_protocols(struct stats_row *r, const struct proxy *px, const struct px_counters *c)
{
    bool http = px->mode == PX_HTTP;

    ROW_COUNT(r, c, sess_other);
    ROW_COUNT(r, c, h1sess);
    ROW_COUNT(r, c, h2sess);
    ROW_COUNT(r, c, h3sess);
    ROW_COUNT(r, c, req_other);
    ROW_COUNT(r, c, h1req);
    ROW_COUNT(r, c, h2req);
    ROW_COUNT(r, c, h3req);
    if (!http)
        return;
    row_num(r, ST_h1_open_connections, atomic_load(&px->fe_conn));
    row_num(r, ST_h1_open_streams, c->strm_tot - c->strm_end);
    row_num(r, ST_h1_total_connections, c->h1sess);
    row_num(r, ST_h1_total_streams, c->h1req);
    row_num(r, ST_h1_bytes_in, c->bin);
    row_num(r, ST_h1_bytes_out, c->resbout);
    row_num(r, ST_h1_spliced_bytes_in, c->spliced_in);
    row_num(r, ST_h1_spliced_bytes_out, c->spliced_out);
}

static void
fe_http(struct stats_row *r, const struct px_counters *c)
{
    ROW_STATUSES(r, c);
    ROW_COUNT(r, c, intercepted);
    ROW_CACHE(r, c);
}

void
stats_frontend(struct stats_row *r, struct proxy *px)
{
    unsigned limit = px->maxconn ? px->maxconn : tune.maxconn;
    struct px_counters c;

    stats_sum_px(&c, px->fe_counters);
    row_begin(r, STATS_FE, px, "FRONTEND", 0);
    row_num(r, ST_scur, atomic_load(&px->fe_conn));
    row_num(r, ST_smax, atomic_load(&px->fe_conn_max));
    row_num(r, ST_slim, limit);
    ROW_COUNT(r, &c, stot);
    ROW_BYTES(r, &c);
    ROW_COUNT(r, &c, dreq);
    ROW_COUNT(r, &c, dresp);
    ROW_COUNT(r, &c, ereq);
    row_str(r, ST_status, fe_status(px, limit));
    row_num(r, ST_rate, row_rate(&px->fe_sess_rate));
    row_num(r, ST_rate_lim, px->rate_limit_sessions);
    row_num(r, ST_rate_max, atomic_load(&px->fe_sess_rate_max));
    if (px->mode == PX_HTTP)
        fe_http(r, &c);
    row_num(r, ST_req_rate, row_rate(&px->fe_req_rate));
    row_num(r, ST_req_rate_max, atomic_load(&px->fe_req_rate_max));
    ROW_COUNT(r, &c, req_tot);
    ROW_COMPRESSION(r, &c);
    row_num(r, ST_conn_rate, row_rate(&px->fe_conn_rate));
    row_num(r, ST_conn_rate_max, atomic_load(&px->fe_conn_rate_max));
    ROW_COUNT(r, &c, conn_tot);
    ROW_COUNT(r, &c, dcon);
    ROW_COUNT(r, &c, dses);
    ROW_COUNT(r, &c, wrew);
    ROW_COUNT(r, &c, eint);
    fe_protocols(r, px, &c);
    row_hide_peaks(r);
    row_zero(r, ST_h2_headers_rcvd, ST_h1_spliced_bytes_out);
    ROW_COUNT(r, &c, ssl_sess);
    ROW_COUNT(r, &c, ssl_reused_sess);
    ROW_COUNT(r, &c, ssl_failed_handshake);
    ROW_COUNT(r, &c, ssl_ocsp_staple);
    ROW_COUNT(r, &c, ssl_failed_ocsp_staple);
}

/* ---- listeners ---- */

static const char *
li_status(const struct listener *li)
{
    int state = atomic_load(&li->state);

    if (state != LI_LISTEN)
        return state == LI_FULL ? "FULL" : state == LI_STOPPED ? "STOP" : "WAITING";
    return li->bind->maxconn && atomic_load(&li->conn) >= li->bind->maxconn ? "FULL" : "OPEN";
}

void
stats_listener(struct stats_row *r, struct proxy *px, struct listener *li)
{
    struct px_counters c;
    char name[32];

    snprintf(name, sizeof(name), "sock-%u", li->id);
    stats_sum_px(&c, li->counters);
    row_begin(r, STATS_LI, px, li->name, li->id);
    if (!li->name)
        row_str(r, ST_svname, row_keep(r, name));
    r->li = li;
    row_num(r, ST_scur, atomic_load(&li->conn));
    row_num(r, ST_smax, atomic_load(&li->conn_max));
    row_num(r, ST_slim, li->bind->maxconn);
    ROW_COUNT(r, &c, stot);
    ROW_BYTES(r, &c);
    ROW_COUNT(r, &c, dreq);
    ROW_COUNT(r, &c, dresp);
    ROW_COUNT(r, &c, ereq);
    ROW_COUNT(r, &c, conn_tot);
    ROW_COUNT(r, &c, dcon);
    ROW_COUNT(r, &c, dses);
    ROW_COUNT(r, &c, wrew);
    ROW_COUNT(r, &c, eint);
    row_str(r, ST_status, li_status(li));
    row_str(r, ST_addr, row_addr(r, &li->addr, addr_port(&li->addr)));
    row_str(r, ST_proto, addr_is_ip(&li->addr) ? "tcp" : "unix");
    row_hide_peaks(r);
    ROW_COUNT(r, &c, ssl_sess);
    ROW_COUNT(r, &c, ssl_reused_sess);
    ROW_COUNT(r, &c, ssl_failed_handshake);
    ROW_COUNT(r, &c, ssl_ocsp_staple);
    ROW_COUNT(r, &c, ssl_failed_ocsp_staple);
}
