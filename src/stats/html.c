/* html.c - the statistics page: frame, summary of the process, one table per proxy. */
#include "stats/uri.h"

#include "config/tune.h"

#include <stdio.h>

static const char style[] =
    ":root{color-scheme:light "
    "dark;--fg:#1d2329;--bg:#fff;--soft:#f1f3f5;--line:#c9ced4;--head:#25507a;--headfg:#fff;"
    "--up:#c8efc9;--going-up:#ffe9a8;--going-down:#fff6b8;--down:#ffb3ad;--maint:#e0b98a;--drain:#"
    "a9d3f5;--none:#e6e8ea;"
    "--alt:#d5d9f7}\n"
    "@media(prefers-color-scheme:dark){:root{--fg:#dfe3e7;--bg:#14171a;--soft:#1f2428;--line:#"
    "444c54;--head:#1c3d5e;"
    "--up:#1d4d22;--going-up:#6b5710;--going-down:#5b5417;--down:#76221d;--maint:#6b4a20;--drain:#"
    "17466b;--none:#2b3035;"
    "--alt:#33386b}}\n"
    "body{font:13px/1.4 system-ui,sans-serif;color:var(--fg);background:var(--bg);margin:1em}\n"
    "h1{font-size:1.5em;margin:0}h2{font-size:1.1em;font-weight:normal;margin:.2em 0 "
    "1em}a{color:inherit}\n"
    ".info{display:flex;flex-wrap:wrap;gap:2.5em;background:var(--soft);padding:.8em "
    "1.2em;margin-bottom:1.5em}\n"
    ".info ul{margin:0;padding-left:1.2em}.legend span{display:inline-block;padding:0 "
    ".6em;margin:1px}\n"
    "table.px{border-collapse:collapse;width:100%;margin-bottom:1.5em;font-variant-numeric:tabular-"
    "nums}\n"
    "table.px caption{text-align:left;padding:.2em 0}caption "
    "b{background:var(--head);color:var(--headfg);padding:.2em .8em}\n"
    "caption b a{text-decoration:none}caption .desc{padding-left:1em}\n"
    "table.px th{background:var(--head);color:var(--headfg);font-weight:normal;border:1px solid "
    "var(--line);padding:1px 4px}\n"
    "table.px td{border:1px solid var(--line);padding:1px "
    "4px;text-align:right;white-space:nowrap}\n"
    "table.px td.name{text-align:left;font-weight:bold}td.name a{text-decoration:none}\n"
    "td[title]{text-decoration:underline dotted;text-underline-offset:2px;cursor:help}\n"
    ".frontend,.backend,.socket{background:var(--soft)}.active_up{background:var(--up)}.backup_up{"
    "background:var(--alt)}\n"
    ".active_going_up,.backup_going_up{background:var(--going-up)}\n"
    ".active_going_down,.backup_going_down{background:var(--going-down)}\n"
    ".active_down,.backup_down{background:var(--down)}.maintain{background:var(--maint)}\n"
    ".active_draining,.backup_draining,.active_nolb,.backup_nolb{background:var(--drain)}\n"
    ".active_no_check,.backup_no_check{background:var(--none)}\n"
    ".result{padding:.5em "
    "1em;margin-bottom:1em;background:var(--up)}.result.bad{background:var(--down)}\n";

void
html_text(struct text *to, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.p[i]) {
        case '<':
            text_str(to, "&lt;");
            break;
        case '>':
            text_str(to, "&gt;");
            break;
        case '&':
            text_str(to, "&amp;");
            break;
        case '"':
            text_str(to, "&quot;");
            break;
        case '\'':
            text_str(to, "&#39;");
            break;
        default:
            text_char(to, s.p[i]);
        }
    }
}

static void
put_str(struct text *to, const char *s)
{
    html_text(to, slice_str(s));
}

static void
put_link(struct text *to, const struct stats_page *p, const struct stats_query *q)
{
    struct text link = { 0 };

    stats_put_link(&link, p->st, q);
    html_text(to, text_get(&link));
    text_fini(&link);
}

/* ---- head of the page ---- */

static const char *
node_of(const struct stats_page *p)
{
    if (!(p->st->flags & STATU_NODE))
        return NULL;
    return p->st->node ? p->st->node : tune.node ? tune.node : log_hostname();
}

static void
put_title(struct text *to, const struct stats_page *p)
{
    const char *node = node_of(p);

    text_printf(to,
                "<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
                "charset=\"utf-8\"><title>Statistics Report for %s",
                stats_process.name);
    if (node) {
        text_str(to, " on ");
        put_str(to, node);
    }
    text_printf(
        to,
        "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n%s</style></head>\n<body><h1>%s",
        style, stats_process.name);
    if (p->st->flags & STATU_VERSION)
        text_printf(to, " version %s, released %s", stats_process.version,
                    stats_process.release_date);
    text_str(to, "</h1>\n<h2>Statistics Report");
    struct stats_info i;
    stats_info_fill(&i, false);
    text_printf(to, " for pid %llu", (unsigned long long)i.v[INF_PID].u);
    if (node) {
        text_str(to, " on ");
        put_str(to, node);
    }
    const char *desc = p->st->desc ? p->st->desc : tune.description;
    if (p->st->flags & STATU_DESC && desc) {
        text_str(to, ": ");
        put_str(to, desc);
    }
    text_str(to, "</h2>\n");
}

static void
put_result(struct text *to, const struct stats_page *p)
{
    static const struct {
        const char *code, *text;
        bool bad;
    } results[] = {
        { "DONE", "Action processed successfully.", false },
        { "NONE", "Nothing has changed.", false },
        { "PART", "Action partially processed: some servers could not be changed.", true },
        { "ERRP", "Action not processed: invalid parameters.", true },
        { "EXCD", "Action not processed: the form is too big. Select fewer servers at a time.",
          true },
        { "DENY", "Action denied.", true },
    };
    struct stats_query q = p->q;

    if (!q.result.p)
        return;
    q.result = SLICE_NONE;
    for (unsigned i = 0; i < COUNT_OF(results); i++) {
        if (!slice_eq_str(p->q.result, results[i].code))
            continue;
        text_printf(to, "<div class=\"result%s\"><a href=\"", results[i].bad ? " bad" : "");
        put_link(to, p, &q);
        text_printf(to, "\" title=\"Remove this message\">[X]</a> %s</div>\n", results[i].text);
        return;
    }
}

static const char *
limit_text(uint64_t mb, char *buf, size_t size)
{
    if (!mb)
        return "unlimited";
    snprintf(buf, size, "%llu MB", (unsigned long long)mb);
    return buf;
}

static void
put_process(struct text *to)
{
    struct stats_info i;
    char mem[32];

    stats_info_fill(&i, false);
#define V(f) (unsigned long long)i.v[INF_##f].u
    double kbps = (double)i.v[INF_BYTES_OUT_RATE].u * 8 / 1000;
    text_printf(to,
                "<div><b>General process information</b><br>\n"
                "pid = %llu (process #1, nbproc = 1, nbthread = %llu), warnings = %llu<br>\n"
                "uptime = %s<br>\n"
                "system limits: memmax = %s; ulimit-n = %llu<br>\n"
                "maxsock = %llu; maxconn = %llu; reached = %llu; maxpipes = %llu<br>\n"
                "current conns = %llu; current pipes = %llu/%llu; conn rate = %llu/sec; bit rate = "
                "%.3f kbps<br>\n"
                "Running tasks: %llu/%llu (%llu niced); idle = %llu %%</div>\n",
                V(PID), V(NBTHREAD), V(WARNINGS), i.v[INF_UPTIME].str,
                limit_text(V(MEMMAX_MB), mem, sizeof(mem)), V(ULIMIT_N), V(MAXSOCK), V(MAXCONN),
                V(MAXCONN_REACHED), V(MAXPIPES), V(CURR_CONN), V(PIPES_USED),
                V(PIPES_USED) + V(PIPES_FREE), V(CONN_RATE), kbps, V(RUN_QUEUE), V(TASKS),
                V(NICED_TASKS), V(IDLE_PCT));
#undef V
}

static void
put_legend(struct text *to)
{
    text_str(to, "<div class=\"legend\"><span class=\"active_up\">active UP</span><span "
                 "class=\"backup_up\">backup UP</span><br>\n"
                 "<span class=\"active_going_down\">UP, going down</span><span "
                 "class=\"active_going_up\">DOWN, going up</span><br>\n"
                 "<span class=\"active_down\">active or backup DOWN</span><span "
                 "class=\"active_no_check\">not checked</span><br>\n"
                 "<span class=\"maintain\">DOWN for maintenance (MAINT)</span><br>\n"
                 "<span class=\"active_draining\">soft stopped (DRAIN), or not load balanced "
                 "(NOLB)</span></div>\n");
}

/* One line of the list of options: the page with a parameter more or less. */
static void
put_option(struct text *to, const struct stats_page *p, const struct stats_query *q,
           const char *text)
{
    text_str(to, "<li><a href=\"");
    put_link(to, p, q);
    text_printf(to, "\">%s</a></li>\n", text);
}

static void
put_options(struct text *to, const struct stats_page *p)
{
    struct stats_query q = p->q;

    text_str(to, "<div><b>Display option:</b><ul>\n<li><form method=\"get\">Scope : <input "
                 "name=\"scope\" size=\"8\" "
                 "maxlength=\"20\" value=\"");
    html_text(to, q.scope);
    text_str(to, "\"></form></li>\n");
    q.result = SLICE_NONE;
    q.up = !q.up;
    put_option(to, p, &q, q.up ? "Hide 'DOWN' servers" : "Show all servers");
    q.up = p->q.up;
    if (p->st->refresh_s > 0) {
        q.norefresh = !q.norefresh;
        put_option(to, p, &q, q.norefresh ? "Disable refresh" : "Enable refresh");
        q.norefresh = p->q.norefresh;
    }
    put_option(to, p, &q, "Refresh now");
    q.norefresh = true;
    q.format = STATS_PAGE_CSV;
    put_option(to, p, &q, "CSV export");
    q.format = STATS_PAGE_JSON;
    put_option(to, p, &q, "JSON export");
    q.format = STATS_PAGE_SCHEMA;
    put_option(to, p, &q, "JSON schema");
    text_str(to, "</ul></div>\n");
}

void
html_head(struct text *to, const struct stats_page *p)
{
    put_title(to, p);
    put_result(to, p);
    text_str(to, "<div class=\"info\">\n");
    put_process(to);
    put_legend(to);
    put_options(to, p);
    text_str(to, "</div>\n");
}

void
html_end(struct text *to)
{
    text_str(to, "</body></html>\n");
}
