/* html_row.c - the statistics page: tables of proxies and their rows. */
#include "stats/uri.h"

#include "server/check.h"

#include <stdio.h>

static const struct stats_value *
val(const struct stats_row *r, enum stats_column c)
{
    return &r->v[c];
}

static uint64_t
num(const struct stats_row *r, enum stats_column c)
{
    return r->v[c].type == STATS_EMPTY ? 0 : r->v[c].u;
}

static const char *
str(const struct stats_row *r, enum stats_column c)
{
    return r->v[c].type == STATS_STR ? r->v[c].str : "";
}

static void
put_str(struct text *to, const char *s)
{
    html_text(to, slice_str(s));
}

/* ---- cells ---- */

static void
cell(struct text *to, const struct stats_row *r, enum stats_column c)
{
    text_str(to, "<td>");
    struct text t = { 0 };
    stats_put(&t, val(r, c));
    html_text(to, text_get(&t));
    text_fini(&t);
    text_str(to, "</td>");
}

/* Limits: '-' when there is none. */
static void
limit_cell(struct text *to, const struct stats_row *r, enum stats_column c)
{
    if (num(r, c))
        cell(to, r, c);
    else
        text_str(to, "<td>-</td>");
}

static void
empty_cells(struct text *to, unsigned n)
{
    while (n--)
        text_str(to, "<td></td>");
}

/** One line of a tooltip. */
struct tip {
    const char *label;
    enum stats_column column;
};

/* Numbers behind a number, shown when the mouse is on it. */
static void
tip_cell(struct text *to, const struct stats_row *r, enum stats_column c, const struct tip *tips,
         unsigned n)
{
    text_str(to, "<td title=\"");
    for (unsigned i = 0, shown = 0; i < n; i++) {
        if (val(r, tips[i].column)->type == STATS_EMPTY)
            continue;
        text_printf(to, "%s%s: ", shown++ ? "&#10;" : "", tips[i].label);
        stats_put(to, val(r, tips[i].column));
    }
    text_str(to, "\">");
    stats_put(to, val(r, c));
    text_str(to, "</td>");
}

#define TIP_CELL(to, r, c, ...)                                                                    \
    do {                                                                                           \
        static const struct tip tips_[] = { __VA_ARGS__ };                                         \
        tip_cell(to, r, c, tips_, COUNT_OF(tips_));                                                \
    } while (0)

static void
age_cell(struct text *to, const struct stats_row *r, enum stats_column c)
{
    text_str(to, "<td>");
    if (val(r, c)->type == STATS_S32 && val(r, c)->s < 0)
        text_char(to, '?');
    else if (val(r, c)->type != STATS_EMPTY)
        stats_put_age(to, (int64_t)num(r, c));
    text_str(to, "</td>");
}

/* ---- groups of cells ---- */

static void
queue_cells(struct text *to, const struct stats_row *r)
{
    cell(to, r, ST_qcur);
    cell(to, r, ST_qmax);
    if (r->kind == STATS_SRV)
        limit_cell(to, r, ST_qlimit);
    else
        empty_cells(to, 1);
}

static void
fe_rate_cells(struct text *to, const struct stats_row *r)
{
    TIP_CELL(to, r, ST_rate, { "Current connection rate", ST_conn_rate },
             { "Current session rate", ST_rate }, { "Current request rate", ST_req_rate });
    TIP_CELL(to, r, ST_rate_max, { "Max connection rate", ST_conn_rate_max },
             { "Max session rate", ST_rate_max }, { "Max request rate", ST_req_rate_max });
    limit_cell(to, r, ST_rate_lim);
}

static void
fe_total_cell(struct text *to, const struct stats_row *r)
{
    TIP_CELL(to, r, ST_stot, { "Cum. connections", ST_conn_tot }, { "Cum. sessions", ST_stot },
             { "- HTTP/1 sessions", ST_h1sess }, { "- HTTP/2 sessions", ST_h2sess },
             { "- HTTP/3 sessions", ST_h3sess }, { "- other sessions", ST_sess_other },
             { "Cum. HTTP requests", ST_req_tot }, { "- HTTP/1 requests", ST_h1req },
             { "- HTTP/2 requests", ST_h2req }, { "- HTTP/3 requests", ST_h3req },
             { "- other requests", ST_req_other }, { "- HTTP 1xx responses", ST_hrsp_1xx },
             { "- HTTP 2xx responses", ST_hrsp_2xx }, { "Compressed 2xx", ST_comp_rsp },
             { "- HTTP 3xx responses", ST_hrsp_3xx }, { "- HTTP 4xx responses", ST_hrsp_4xx },
             { "- HTTP 5xx responses", ST_hrsp_5xx }, { "- other responses", ST_hrsp_other },
             { "Intercepted requests", ST_intercepted }, { "Cache lookups", ST_cache_lookups },
             { "Cache hits", ST_cache_hits }, { "Cache hint hits", ST_cache_hint_hits },
             { "Failed hdr rewrites", ST_wrew }, { "Internal errors", ST_eint });
}

static void
be_total_cell(struct text *to, const struct stats_row *r)
{
    TIP_CELL(to, r, ST_stot, { "Cum. sessions", ST_stot }, { "New connections", ST_connect },
             { "Reused connections", ST_reuse }, { "Cum. HTTP requests", ST_req_tot },
             { "- HTTP 1xx responses", ST_hrsp_1xx }, { "- HTTP 2xx responses", ST_hrsp_2xx },
             { "- HTTP 3xx responses", ST_hrsp_3xx }, { "- HTTP 4xx responses", ST_hrsp_4xx },
             { "- HTTP 5xx responses", ST_hrsp_5xx }, { "- other responses", ST_hrsp_other },
             { "Cache lookups", ST_cache_lookups }, { "Cache hits", ST_cache_hits },
             { "Cache hint hits", ST_cache_hint_hits }, { "Failed hdr rewrites", ST_wrew },
             { "Internal errors", ST_eint }, { "Avg queue time (ms)", ST_qtime },
             { "Avg connect time (ms)", ST_ctime }, { "Avg response time (ms)", ST_rtime },
             { "Avg total time (ms)", ST_ttime }, { "Max queue time (ms)", ST_qtime_max },
             { "Max connect time (ms)", ST_ctime_max }, { "Max response time (ms)", ST_rtime_max },
             { "Max total time (ms)", ST_ttime_max });
}

static void
bytes_cells(struct text *to, const struct stats_row *r)
{
    TIP_CELL(to, r, ST_bin, { "Request bytes received", ST_reqbin },
             { "Request bytes sent", ST_reqbout });
    TIP_CELL(to, r, ST_bout, { "Response bytes received", ST_resbin },
             { "Response bytes sent", ST_resbout }, { "Compression in", ST_comp_in },
             { "Compression out", ST_comp_out }, { "Compression bypass", ST_comp_byp });
}

static void
session_cells(struct text *to, const struct stats_row *r)
{
    if (r->kind == STATS_SRV)
        TIP_CELL(to, r, ST_scur, { "Current active connections", ST_scur },
                 { "Current used connections", ST_used_conn_cur },
                 { "Current idle connections", ST_srv_icur }, { "- unsafe", ST_idle_conn_cur },
                 { "- safe", ST_safe_conn_cur }, { "Private idle connections", ST_priv_idle_cur },
                 { "Estimated need of connections", ST_need_conn_est },
                 { "Active connections limit", ST_slim },
                 { "Idle connections limit", ST_src_ilim });
    else
        cell(to, r, ST_scur);
    cell(to, r, ST_smax);
    limit_cell(to, r, ST_slim);
}

static void
error_cells(struct text *to, const struct stats_row *r)
{
    cell(to, r, ST_ereq);
    cell(to, r, ST_econ);
    if (r->kind == STATS_SRV || r->kind == STATS_BE)
        TIP_CELL(to, r, ST_eresp, { "Connection resets by clients", ST_cli_abrt },
                 { "Connection resets by servers", ST_srv_abrt }, { "Internal errors", ST_eint });
    else
        cell(to, r, ST_eresp);
    cell(to, r, ST_wretr);
    cell(to, r, ST_wredis);
}

/* ---- rows ---- */

static void
begin_row(struct text *to, const struct stats_page *p, const char *class, const char *anchor,
          const char *shown, const char *tip)
{
    text_printf(to, "<tr class=\"%s\">", class);
    if (p->admin && p->row.px->cap & PX_BE && p->row.px->nservers) {
        text_str(to, "<td>");
        if (p->row.kind == STATS_SRV) {
            text_str(to, "<input type=\"checkbox\" name=\"s\" value=\"");
            put_str(to, p->row.srv->name);
            text_str(to, "\">");
        }
        text_str(to, "</td>");
    }
    text_str(to, "<td class=\"name\"");
    if (tip && *tip) {
        text_str(to, " title=\"");
        put_str(to, tip);
        text_char(to, '"');
    }
    text_str(to, "><a id=\"");
    put_str(to, p->row.px->name);
    text_char(to, '/');
    put_str(to, anchor);
    text_str(to, "\" href=\"#");
    put_str(to, p->row.px->name);
    text_char(to, '/');
    put_str(to, anchor);
    text_str(to, "\">");
    put_str(to, shown);
    text_str(to, "</a></td>");
}

static void
status_cell(struct text *to, const struct stats_row *r, bool age)
{
    text_str(to, "<td>");
    if (age && val(r, ST_lastchg)->type != STATS_EMPTY) {
        stats_put_age(to, (int64_t)num(r, ST_lastchg));
        text_char(to, ' ');
    }
    put_str(to, str(r, ST_status));
    text_str(to, "</td>");
}

static void
frontend_row(struct text *to, const struct stats_page *p)
{
    const struct stats_row *r = &p->row;

    begin_row(to, p, "frontend", "Frontend", "Frontend", NULL);
    empty_cells(to, 3);
    fe_rate_cells(to, r);
    session_cells(to, r);
    fe_total_cell(to, r);
    empty_cells(to, 2);
    bytes_cells(to, r);
    cell(to, r, ST_dreq);
    cell(to, r, ST_dresp);
    error_cells(to, r);
    status_cell(to, r, false);
    empty_cells(to, 8);
    text_str(to, "</tr>\n");
}

static void
listener_row(struct text *to, const struct stats_page *p)
{
    const struct stats_row *r = &p->row;

    begin_row(to, p, "socket", str(r, ST_svname), str(r, ST_svname), str(r, ST_addr));
    empty_cells(to, 6);
    session_cells(to, r);
    TIP_CELL(to, r, ST_stot, { "Cum. connections", ST_conn_tot }, { "Cum. sessions", ST_stot });
    empty_cells(to, 2);
    bytes_cells(to, r);
    cell(to, r, ST_dreq);
    cell(to, r, ST_dresp);
    error_cells(to, r);
    status_cell(to, r, false);
    empty_cells(to, 8);
    text_str(to, "</tr>\n");
}

/* The colour of a server's row. */
static const char *
class_of(const struct stats_row *r, char *buf, size_t size)
{
    const char *st = str(r, ST_status), *what;
    bool progress = strchr(st, '/') != NULL;

    if (strncmp(st, "MAINT", 5) == 0)
        return "maintain";
    if (strncmp(st, "DRAIN", 5) == 0)
        what = "draining";
    else if (strncmp(st, "NOLB", 4) == 0)
        what = "nolb";
    else if (strncmp(st, "DOWN", 4) == 0)
        what = progress ? "going_up" : "down";
    else if (strncmp(st, "UP", 2) == 0)
        what = progress ? "going_down" : "up";
    else
        what = "no_check";
    snprintf(buf, size, "%s_%s", num(r, ST_bck) ? "backup" : "active", what);
    return buf;
}

static void
check_cell(struct text *to, const struct stats_row *r)
{
    bool agent = val(r, ST_check_status)->type == STATS_EMPTY;
    enum stats_column status = agent ? ST_agent_status : ST_check_status,
                      code = agent ? ST_agent_code : ST_check_code,
                      ms = agent ? ST_agent_duration : ST_check_duration,
                      desc = agent ? ST_agent_desc : ST_check_desc,
                      last = agent ? ST_last_agt : ST_last_chk;

    if (val(r, status)->type == STATS_EMPTY) {
        text_str(to, "<td></td>");
        return;
    }
    text_str(to, "<td title=\"");
    put_str(to, str(r, desc));
    if (*str(r, last)) {
        text_str(to, ": ");
        put_str(to, str(r, last));
    }
    text_str(to, "\">");
    put_str(to, str(r, status));
    if (num(r, code))
        text_printf(to, "/%llu", (unsigned long long)num(r, code));
    if (val(r, ms)->type != STATS_EMPTY)
        text_printf(to, " in %llums", (unsigned long long)num(r, ms));
    text_str(to, "</td>");
}

static void
weight_cell(struct text *to, const struct stats_row *r)
{
    text_printf(to, "<td>%llu/%llu</td>", (unsigned long long)num(r, ST_weight),
                (unsigned long long)num(r, ST_uweight));
}

static void
flag_cell(struct text *to, bool on)
{
    text_printf(to, "<td>%s</td>", on ? "Y" : "-");
}

static void
server_tail(struct text *to, const struct stats_row *r)
{
    status_cell(to, r, true);
    check_cell(to, r);
    weight_cell(to, r);
    flag_cell(to, num(r, ST_act));
    flag_cell(to, num(r, ST_bck));
    TIP_CELL(to, r, ST_chkfail, { "Failed Health Checks", ST_chkfail },
             { "Failed while observed", ST_hanafail });
    cell(to, r, ST_chkdown);
    age_cell(to, r, ST_downtime);
    if (val(r, ST_throttle)->type != STATS_EMPTY)
        text_printf(to, "<td>%llu %%</td>", (unsigned long long)num(r, ST_throttle));
    else
        text_str(to, "<td>-</td>");
    text_str(to, "</tr>\n");
}

static void
server_row(struct text *to, const struct stats_page *p)
{
    const struct stats_row *r = &p->row;
    char class[32], tip[512] = "";

    if (p->st->flags & STATU_LEGENDS) {
        int n = snprintf(tip, sizeof(tip), "%s, id: %u, rid: %llu", str(r, ST_addr), r->srv->id,
                         (unsigned long long)num(r, ST_srid));
        if (n > 0 && n < (int)sizeof(tip) && *str(r, ST_cookie))
            snprintf(tip + n, sizeof(tip) - (size_t)n, ", cookie: '%s'", str(r, ST_cookie));
    }
    begin_row(to, p, class_of(r, class, sizeof(class)), r->srv->name, r->srv->name, tip);
    queue_cells(to, r);
    cell(to, r, ST_rate);
    cell(to, r, ST_rate_max);
    empty_cells(to, 1);
    session_cells(to, r);
    be_total_cell(to, r);
    cell(to, r, ST_lbtot);
    age_cell(to, r, ST_lastsess);
    bytes_cells(to, r);
    empty_cells(to, 1);
    cell(to, r, ST_dresp);
    error_cells(to, r);
    server_tail(to, r);
}

static void
backend_row(struct text *to, const struct stats_page *p)
{
    const struct stats_row *r = &p->row;
    char tip[256] = "";

    if (p->st->flags & STATU_LEGENDS) {
        int n = snprintf(tip, sizeof(tip), "balancing: %s", str(r, ST_algo));
        if (n > 0 && n < (int)sizeof(tip) && *str(r, ST_cookie))
            snprintf(tip + n, sizeof(tip) - (size_t)n, ", cookie: '%s'", str(r, ST_cookie));
    }
    begin_row(to, p, "backend", "Backend", "Backend", tip);
    queue_cells(to, r);
    cell(to, r, ST_rate);
    cell(to, r, ST_rate_max);
    empty_cells(to, 1);
    session_cells(to, r);
    be_total_cell(to, r);
    cell(to, r, ST_lbtot);
    age_cell(to, r, ST_lastsess);
    bytes_cells(to, r);
    cell(to, r, ST_dreq);
    cell(to, r, ST_dresp);
    error_cells(to, r);
    status_cell(to, r, true);
    empty_cells(to, 1);
    weight_cell(to, r);
    cell(to, r, ST_act);
    cell(to, r, ST_bck);
    empty_cells(to, 1);
    cell(to, r, ST_chkdown);
    age_cell(to, r, ST_downtime);
    empty_cells(to, 1);
    text_str(to, "</tr>\n");
}

/* ---- tables ---- */

static bool
has_form(const struct stats_page *p, const struct proxy *px)
{
    return p->admin && px->cap & PX_BE && px->nservers;
}

static void
put_caption(struct text *to, const struct stats_page *p, const struct proxy *px)
{
    text_str(to, "<caption><b");
    if (p->st->flags & STATU_LEGENDS) {
        const char *cap = (px->cap & PX_LISTEN) == PX_LISTEN ? "proxy"
                          : px->cap & PX_FE                  ? "frontend"
                                                             : "backend";
        text_printf(to, " title=\"cap: %s, mode: %s, id: %u\"", cap, str(&p->row, ST_mode), px->id);
    }
    text_str(to, "><a id=\"");
    put_str(to, px->name);
    text_str(to, "\" href=\"#");
    put_str(to, px->name);
    text_str(to, "\">");
    put_str(to, px->name);
    text_str(to, "</a></b>");
    if (px->desc) {
        text_str(to, "<span class=\"desc\">");
        put_str(to, px->desc);
        text_str(to, "</span>");
    }
    text_str(to, "</caption>\n");
}

static void
table_begin(struct text *to, struct stats_page *p)
{
    const struct proxy *px = p->row.px;
    bool form = has_form(p, px);

    if (form)
        text_str(to, "<form method=\"post\">");
    text_str(to, "<table class=\"px\">");
    put_caption(to, p, px);
    text_str(to, "<thead><tr>");
    if (form)
        text_str(to, "<th rowspan=\"2\"></th>");
    text_str(
        to,
        "<th rowspan=\"2\"></th><th colspan=\"3\">Queue</th><th colspan=\"3\">Session rate</th>"
        "<th colspan=\"6\">Sessions</th><th colspan=\"2\">Bytes</th><th colspan=\"2\">Denied</th>"
        "<th colspan=\"3\">Errors</th><th colspan=\"2\">Warnings</th><th "
        "colspan=\"9\">Server</th></tr>\n"
        "<tr><th>Cur</th><th>Max</th><th>Limit</th><th>Cur</th><th>Max</th><th>Limit</th><th>Cur</"
        "th><th>Max</th>"
        "<th>Limit</th><th>Total</th><th>LbTot</th><th>Last</th><th>In</th><th>Out</th><th>Req</"
        "th><th>Resp</th>"
        "<th>Req</th><th>Conn</th><th>Resp</th><th>Retr</th><th>Redis</th><th>Status</"
        "th><th>LastChk</th>"
        "<th>Wght</th><th>Act</th><th>Bck</th><th>Chk</th><th>Dwn</th><th>Dwntme</th><th>Thrtle</"
        "th></tr></thead>\n");
    p->table = px;
}

static void
put_actions(struct text *to, const struct proxy *px)
{
    static const struct {
        const char *value, *text;
    } actions[] = {
        { "ready", "Set state to READY" },     { "drain", "Set state to DRAIN" },
        { "maint", "Set state to MAINT" },     { "dhlth", "Health: disable checks" },
        { "ehlth", "Health: enable checks" },  { "hrunn", "Health: force UP" },
        { "hnolb", "Health: force NOLB" },     { "hdown", "Health: force DOWN" },
        { "dagent", "Agent: disable checks" }, { "eagent", "Agent: enable checks" },
        { "arunn", "Agent: force UP" },        { "adown", "Agent: force DOWN" },
        { "shutdown", "Kill Sessions" },
    };

    text_str(to, "Choose the action to perform on the checked servers : <select "
                 "name=\"action\"><option value=\"\"></option>");
    for (unsigned i = 0; i < COUNT_OF(actions); i++)
        text_printf(to, "<option value=\"%s\">%s</option>", actions[i].value, actions[i].text);
    text_printf(to,
                "</select><input type=\"hidden\" name=\"b\" value=\"#%u\"> <input type=\"submit\" "
                "value=\"Apply\"></form>\n",
                px->id);
}

/* Counters of protocols and other features, one table more. */
static void
put_modules(struct text *to, const struct stats_row *r)
{
    bool any = false;

    for (unsigned c = ST_BASE_COUNT; c < ST_COUNT; c++) {
        if (r->v[c].type == STATS_EMPTY)
            continue;
        text_printf(to, "%s%s: ",
                    any ? ", "
                        : "<tr class=\"backend\"><td class=\"name\" colspan=\"32\" "
                          "style=\"white-space:normal\">",
                    stats_columns[c].name);
        stats_put(to, &r->v[c]);
        any = true;
    }
    if (any)
        text_str(to, "</td></tr>\n");
}

void
html_table_end(struct text *to, struct stats_page *p)
{
    if (!p->table)
        return;
    text_str(to, "</table>\n");
    if (has_form(p, p->table))
        put_actions(to, p->table);
    p->table = NULL;
}

void
html_row(struct text *to, struct stats_page *p)
{
    static void (*const rows[])(struct text * to,
                                const struct stats_page *p) = { [STATS_FE] = frontend_row,
                                                                [STATS_BE] = backend_row,
                                                                [STATS_SRV] = server_row,
                                                                [STATS_LI] = listener_row };

    if (p->table != p->row.px) {
        html_table_end(to, p);
        table_begin(to, p);
    }
    rows[p->row.kind](to, p);
    if (p->st->flags & STATU_MODULES)
        put_modules(to, &p->row);
}
