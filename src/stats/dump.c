/* dump.c - going over all objects, and rows as CSV, typed lines or JSON (management
 * manual 9.1, 9.2). */
#include "stats/stats.h"

#include "server/check.h"

enum stage { AT_FE, AT_LI, AT_SRV, AT_BE };

bool
stats_shows_proxy(const struct proxy *px)
{
    return !px->disabled && !(px->cap & (PX_INTERNAL | PX_DEF)) && px->cap & PX_LISTEN;
}

static bool
wants(const struct stats_walk *w, unsigned kind, unsigned sid)
{
    return w->want & kind && (w->sid < 0 || (unsigned)w->sid == sid);
}

static bool
is_hidden(const struct stats_walk *w, const struct server *s)
{
    unsigned admin = atomic_load(&s->admin);

    if ((w->hide_maint || w->hide_down) && admin & SRVA_MAINT)
        return true;
    return w->hide_down && !server_is_up(s);
}

static struct listener *
nth_listener(const struct proxy *px, unsigned n)
{
    struct listener *li;

    if (px->options & PO_SOCKET_STATS)
        list_each (li, &px->listeners, link)
            if (n-- == 0)
                return li;
    return NULL;
}

static struct server *
nth_server(const struct proxy *px, unsigned n)
{
    struct server *s;

    list_each (s, &px->servers, link)
        if (n-- == 0)
            return s;
    return NULL;
}

/* The next row of the current proxy. */
static bool
next_of_proxy(struct stats_walk *w, struct stats_row *r)
{
    struct proxy *px = w->px;
    struct listener *li;
    struct server *s;

    switch ((enum stage)w->stage) {
    case AT_FE:
        w->stage = AT_LI;
        w->index = 0;
        if (px->cap & PX_FE && wants(w, STATS_WANT_FE, 0)) {
            stats_frontend(r, px);
            return true;
        }
        /* fall through */
    case AT_LI:
        while ((li = nth_listener(px, w->index++)))
            if (li->counters && wants(w, STATS_WANT_LI, li->id)) {
                stats_listener(r, px, li);
                return true;
            }
        w->stage = AT_SRV;
        w->index = 0;
        /* fall through */
    case AT_SRV:
        while (w->want & STATS_WANT_SRV && (s = nth_server(px, w->index++)))
            if (wants(w, STATS_WANT_SRV, s->id) && !is_hidden(w, s)) {
                stats_server(r, px, s);
                return true;
            }
        w->stage = AT_BE;
        if (px->cap & PX_BE && wants(w, STATS_WANT_BE, 0)) {
            stats_backend(r, px, w->count_up);
            return true;
        }
        /* fall through */
    case AT_BE:
        break;
    }
    return false;
}

static struct proxy *
next_proxy(const struct stats_walk *w)
{
    struct list *at = w->px ? w->px->link.next : config->proxies.next;

    for (; at != &config->proxies; at = at->next) {
        struct proxy *px = container_of(at, struct proxy, link);
        if (stats_shows_proxy(px) && (!w->iid || w->iid == px->id) &&
            (!w->scope || w->scope(px, w->scope_arg)))
            return px;
    }
    return NULL;
}

bool
stats_walk_next(struct stats_walk *w, struct stats_row *r)
{
    if (!w->begun) {
        w->begun = true;
        w->px = next_proxy(w);
        w->stage = AT_FE;
    }
    while (w->px) {
        if (next_of_proxy(w, r))
            return true;
        w->px = next_proxy(w);
        w->stage = AT_FE;
    }
    w->over = true;
    return false;
}

/* ---- tags ---- */

static const char *
origin_name(char c)
{
    switch (c) {
    case 'M':
        return "Metric";
    case 'S':
        return "Status";
    case 'K':
        return "Key";
    case 'C':
        return "Config";
    case 'P':
        return "Product";
    default:
        return "Unknown";
    }
}

static const char *
nature_name(char c)
{
    switch (c) {
    case 'G':
        return "Gauge";
    case 'L':
        return "Limit";
    case 'm':
        return "Min";
    case 'M':
        return "Max";
    case 'R':
        return "Rate";
    case 'C':
        return "Counter";
    case 'D':
        return "Duration";
    case 'A':
        return "Age";
    case 'a':
        return "Avg";
    case 'T':
        return "Time";
    case 'N':
        return "Name";
    case 'O':
        return "Output";
    default:
        return "Unknown";
    }
}

static const char *
scope_name(char c)
{
    switch (c) {
    case 'C':
        return "Cluster";
    case 'P':
        return "Process";
    case 'S':
        return "Service";
    case 's':
        return "System";
    default:
        return "Unknown";
    }
}

static const char *
type_name(enum stats_type t)
{
    static const char *const names[] = { "", "u32", "s32", "u64", "flt", "str" };

    return names[t];
}

static const char *
tag_of(const struct stats_value *v, const struct stats_desc *d)
{
    return v->tag ? v->tag : d->tag;
}

/* ":MGPV:u32:0", with the description when asked for. */
static void
put_typed(struct text *to, const struct stats_value *v, const struct stats_desc *d, bool desc)
{
    text_printf(to, ":%s%c:%s:", tag_of(v, d), d->lasting ? 'P' : 'V', type_name(v->type));
    stats_put(to, v);
    if (desc)
        text_printf(to, ":\"%s\"", d->help);
    text_char(to, '\n');
}

static void
put_json_value(struct text *to, unsigned pos, const struct stats_value *v,
               const struct stats_desc *d)
{
    const char *tag = tag_of(v, d);

    text_printf(
        to,
        "\"field\":{\"pos\":%u,\"name\":\"%s\"},\"processNum\":1,\"tags\":{\"origin\":\"%s\","
        "\"nature\":\"%s\",\"scope\":\"%s\"},\"value\":{\"type\":\"%s\",\"value\":",
        pos, d->name, origin_name(tag[0]), nature_name(tag[1]), scope_name(tag[2]),
        type_name(v->type));
    if (v->type == STATS_STR)
        stats_put_json_str(to, v->str);
    else
        stats_put(to, v);
    text_str(to, "}}");
}

/* ---- rows ---- */

void
stats_csv_header(struct text *to)
{
    text_str(to, "# ");
    for (unsigned c = 0; c < ST_COUNT; c++) {
        if (c == ST_BASE_COUNT)
            text_str(to, "-,");
        text_printf(to, "%s,", stats_columns[c].name);
    }
    text_char(to, '\n');
}

static void
put_row_csv(struct text *to, const struct stats_row *r)
{
    for (unsigned c = 0; c < ST_COUNT; c++) {
        if (c == ST_BASE_COUNT)
            text_str(to, "-,");
        stats_put_csv(to, &r->v[c]);
        text_char(to, ',');
    }
    text_char(to, '\n');
}

static void
put_row_typed(struct text *to, const struct stats_row *r, bool desc)
{
    unsigned sid = (unsigned)r->v[ST_sid].u;

    for (unsigned c = 0; c < ST_COUNT; c++) {
        if (r->v[c].type == STATS_EMPTY)
            continue;
        text_printf(to, "%c.%u.%u.%u.%s.1", "FBSL"[r->kind], r -> px -> id, sid, c,
                    stats_columns[c].name);
        put_typed(to, &r->v[c], &stats_columns[c], desc);
    }
}

static void
put_row_json(struct text *to, const struct stats_row *r)
{
    static const char *const kinds[] = { "Frontend", "Backend", "Server", "Listener" };
    bool first = true;

    text_char(to, '[');
    for (unsigned c = 0; c < ST_COUNT; c++) {
        if (r->v[c].type == STATS_EMPTY)
            continue;
        text_printf(to, "%s{\"objType\":\"%s\",\"proxyId\":%u,\"id\":%u,", first ? "" : ",",
                    kinds[r->kind], r->px->id, (unsigned)r->v[ST_sid].u);
        put_json_value(to, c, &r->v[c], &stats_columns[c]);
        first = false;
    }
    text_char(to, ']');
}

void
stats_put_row(struct text *to, const struct stats_row *r, enum stats_format f, bool desc,
              bool first)
{
    switch (f) {
    case STATS_CSV:
        put_row_csv(to, r);
        break;
    case STATS_TYPED:
        put_row_typed(to, r, desc);
        break;
    case STATS_JSON:
        if (!first)
            text_char(to, ',');
        put_row_json(to, r);
        break;
    }
}

void
stats_put_info(struct text *to, const struct stats_info *info, enum stats_format f, bool desc)
{
    bool first = true;

    if (f == STATS_JSON)
        text_char(to, '[');
    for (unsigned i = 0; i < INF_COUNT; i++) {
        const struct stats_value *v = &info->v[i];
        const struct stats_desc *d = &stats_infos[i];
        if (v->type == STATS_EMPTY)
            continue;
        if (f == STATS_TYPED) {
            text_printf(to, "%u.%s.1", i, d->name);
            put_typed(to, v, d, desc);
        } else if (f == STATS_JSON) {
            text_str(to, first ? "{" : ",{");
            put_json_value(to, i, v, d);
        } else {
            text_printf(to, "%s: ", d->name);
            stats_put(to, v);
            if (desc)
                text_printf(to, ":\"%s\"", d->help);
            text_char(to, '\n');
        }
        first = false;
    }
    if (f == STATS_JSON)
        text_str(to, "]\n");
}
