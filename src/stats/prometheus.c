/* prometheus.c - `http-request use-service prometheus-exporter`: the statistics in Prometheus' text
 * format.
 *
 * The format wants all series of a metric together, objects are read one by one: values of all
 * objects are collected first, then written metric by metric while the client reads. */
#include "stats/prom.h"

#include "action/service.h"
#include "proxy/service.h"
#include "proxy/stream_int.h"
#include "server/check.h"
#include "stats/uri.h"
#include "stick/table.h"

#include <stdio.h>
#include <stdlib.h>

#define PIECE      16384u
#define VALUES_MAX 128u /* metrics of a kind of objects */
#define NAMES_MAX  512u /* bytes of a list in `metrics=` */

enum { SRVST_DOWN, SRVST_UP, SRVST_MAINT, SRVST_DRAIN, SRVST_NOLB, SRVST_COUNT };

/** One number that was read. */
struct value {
    enum stats_type type;
    union {
        uint64_t u;
        int64_t s;
        double f;
    };
};

struct object {
    const struct proxy *px;
    const char *name;     /* of the server or listener; NULL */
    struct value *values; /* [metrics of the kind] */
    uint32_t *agg;        /* backends: [SRVST_COUNT + CHK_STATUSES] */
};

struct objects {
    struct object *list;
    unsigned n, size;
    const struct prom_metric *metric[VALUES_MAX]; /* those that are exported */
    unsigned nmetrics;
};

struct export
{
    unsigned scopes; /* 1 << enum prom_kind */
    bool no_maint, desc_labels, extra, exclude;
    char names[NAMES_MAX]; /* ",haproxy_x,haproxy_y,"; empty: all */
    struct stats_info info;
    struct objects kind[PROM_KINDS];
    struct stats_row row;
    /* where the output is */
    unsigned at_kind, at_metric, at_object;
    const char *header_of; /* the metric whose HELP and TYPE lines were written last */
};

/* ---- reading ---- */

static bool
name_wanted(const struct export *e, enum prom_kind kind, const char *name)
{
    char full[160];

    if (!*e->names)
        return true;
    snprintf(full, sizeof(full), ",haproxy_%s_%s,", prom_kind_name[kind], name);
    return (strstr(e->names, full) != NULL) != e->exclude;
}

static void
choose_metrics(struct export *e)
{
    const struct prom_metric *const tables[] = { prom_process, prom_objects,
                                                 e->extra ? prom_modules : NULL };

    for (unsigned t = 0; t < COUNT_OF(tables); t++)
        for (const struct prom_metric *m = tables[t]; m && m->name; m++)
            for (unsigned k = 0; k < PROM_KINDS; k++) {
                struct objects *o = &e->kind[k];
                if (m->kinds & 1u << k && e->scopes & 1u << k && name_wanted(e, k, m->name) &&
                    o->nmetrics < VALUES_MAX)
                    o->metric[o->nmetrics++] = m;
            }
}

static unsigned
server_state(const struct server *s)
{
    unsigned admin = atomic_load(&s->admin);

    if (admin & SRVA_MAINT)
        return SRVST_MAINT;
    if (!server_is_up(s))
        return SRVST_DOWN;
    if (admin & SRVA_DRAIN)
        return SRVST_DRAIN;
    return atomic_load(&s->state) == SRV_STOPPING ? SRVST_NOLB : SRVST_UP;
}

static unsigned
check_state(struct server *s)
{
    struct check_view v;

    if (!s->check || !check_is_on(s->check))
        return CHK_STATUSES;
    check_view(s->check, &v);
    return v.status;
}

static uint64_t
status_number(const struct stats_row *r)
{
    const char *st = r->v[ST_status].str;

    switch (r->kind) {
    case STATS_SRV:
        return server_state(r->srv);
    case STATS_LI:
        return strcmp(st, "FULL") == 0 ? 2 : strcmp(st, "OPEN") == 0;
    case STATS_BE:
        return strncmp(st, "UP", 2) == 0;
    case STATS_FE:
        break;
    }
    return strcmp(st, "STOP") != 0;
}

static struct value
value_of(const struct stats_row *r, const struct prom_metric *m)
{
    const struct stats_value *v = &r->v[m->column];
    struct value out = { v->type, { .u = v->u } };

    if (m->flags & PROMF_AGG)
        return (struct value){ STATS_U32, { .u = 0 } };
    if (m->flags & PROMF_STATUS)
        return (struct value){ STATS_U32, { .u = status_number(r) } };
    if (m->flags & PROMF_CHECK) {
        unsigned st = check_state((struct server *)r->srv);
        return (struct value){ st < CHK_STATUSES ? STATS_U32 : STATS_EMPTY, { .u = st } };
    }
    if (v->type == STATS_STR)
        out.type = STATS_EMPTY;
    return out;
}

static void
aggregate(struct object *o, const struct proxy *px)
{
    struct server *s;

    list_each (s, &px->servers, link) {
        unsigned check = check_state(s);
        o->agg[server_state(s)]++;
        if (check < CHK_STATUSES)
            o->agg[SRVST_COUNT + check]++;
    }
}

/* False when memory is out: the export ends with what it has. */
static bool
add_object(struct objects *all, const struct stats_row *r)
{
    bool backend = r->kind == STATS_BE;

    if (all->n == all->size) {
        unsigned size = all->size ? all->size * 2 : 64;
        struct object *list = realloc(all->list, size * sizeof(*list));
        if (!list)
            return false;
        all->list = list;
        all->size = size;
    }
    struct object *o = &all->list[all->n];
    *o = (struct object){ .px = r->px,
                          .name = r->kind == STATS_SRV  ? r->srv->name
                                  : r->kind == STATS_LI ? r->li->name
                                                        : NULL };
    o->values = calloc(1, all->nmetrics * sizeof(struct value) +
                              (backend ? (SRVST_COUNT + CHK_STATUSES) * sizeof(uint32_t) : 0) + 1);
    if (!o->values)
        return false;
    for (unsigned i = 0; i < all->nmetrics; i++)
        o->values[i] = value_of(r, all->metric[i]);
    if (backend) {
        o->agg = (uint32_t *)(o->values + all->nmetrics);
        aggregate(o, r->px);
    }
    all->n++;
    return true;
}

static void
collect(struct export *e)
{
    static const struct {
        enum prom_kind kind;
        unsigned want;
    } kinds[] = { { PROM_FE, STATS_WANT_FE },
                  { PROM_LI, STATS_WANT_LI },
                  { PROM_BE, STATS_WANT_BE },
                  { PROM_SRV, STATS_WANT_SRV } };
    static const enum prom_kind kind_of[] = {
        [STATS_FE] = PROM_FE, [STATS_BE] = PROM_BE, [STATS_SRV] = PROM_SRV, [STATS_LI] = PROM_LI
    };
    struct stats_walk w = { .sid = -1, .hide_maint = e->no_maint };

    stats_info_fill(&e->info, true);
    for (unsigned i = 0; i < COUNT_OF(kinds); i++)
        if (e->kind[kinds[i].kind].nmetrics)
            w.want |= kinds[i].want;
    while (w.want && stats_walk_next(&w, &e->row))
        if (!add_object(&e->kind[kind_of[e->row.kind]], &e->row))
            return;
}

/* ---- writing ---- */

static void
put_label_value(struct text *to, const char *s)
{
    text_char(to, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            text_char(to, '\\');
        if (*s == '\n')
            text_str(to, "\\n");
        else
            text_char(to, *s);
    }
    text_char(to, '"');
}

static void
put_header(struct text *to, struct export *e, const struct prom_metric *m, enum prom_kind kind)
{
    if (e->header_of && strcmp(e->header_of, m->name) == 0)
        return;
    e->header_of = m->name;
    text_printf(to, "# HELP haproxy_%s_%s %s\n# TYPE haproxy_%s_%s %s\n", prom_kind_name[kind],
                m->name, prom_help(m, kind), prom_kind_name[kind], m->name,
                m->flags & PROMF_COUNTER ? "counter" : "gauge");
}

static void
put_number(struct text *to, const struct prom_metric *m, const struct value *v)
{
    struct stats_value n = { v->type, NULL, { .u = v->u } };

    if (v->type == STATS_EMPTY)
        text_str(to, "NaN");
    else if (m->flags & PROMF_MS)
        text_printf(to, "%.6f", (double)v->u / 1000);
    else
        stats_put(to, &n);
    text_char(to, '\n');
}

/* "haproxy_server_weight{proxy="b",server="s"": the closing brace is the caller's. */
static void
put_series(struct text *to, const struct export *e, const struct prom_metric *m,
           enum prom_kind kind, const struct object *o)
{
    text_printf(to, "haproxy_%s_%s{proxy=", prom_kind_name[kind], m->name);
    put_label_value(to, o->px->name);
    if (o->name) {
        text_printf(to, ",%s=", kind == PROM_SRV ? "server" : "listener");
        put_label_value(to, o->name);
    }
    if (m->column >= ST_BASE_COUNT) {
        const char *end = strchr(m->name, '_');
        text_printf(to, ",mod=\"%.*s\"", end ? (int)(end - m->name) : 0, m->name);
    }
    if (m->label)
        text_str(to, m->label);
    if (e->desc_labels && o->px->desc) {
        text_str(to, ",desc=");
        put_label_value(to, o->px->desc);
    }
}

static void
put_state(struct text *to, const char *state, uint64_t v)
{
    text_printf(to, ",state=\"%s\"} %llu\n", state, (unsigned long long)v);
}

static void
put_states(struct text *to, const struct export *e, const struct prom_metric *m,
           enum prom_kind kind, const struct object *o, const struct value *v)
{
    static const char *const server[] = { "DOWN", "UP", "MAINT", "DRAIN", "NOLB" },
                             *const up[] = { "DOWN", "UP" },
                             *const listener[] = { "WAITING", "OPEN", "FULL" };
    bool agg = m->flags & PROMF_AGG;
    const char *const *names = kind == PROM_SRV || agg ? server : kind == PROM_LI ? listener : up;
    unsigned n = kind == PROM_SRV || agg ? 5 : kind == PROM_LI ? 3 : 2;

    for (unsigned i = 0; i < n; i++) {
        put_series(to, e, m, kind, o);
        put_state(to, names[i], agg ? o->agg[i] : v->u == i);
    }
}

static void
put_checks(struct text *to, const struct export *e, const struct prom_metric *m,
           enum prom_kind kind, const struct object *o, const struct value *v)
{
    bool agg = m->flags & PROMF_AGG;

    for (unsigned i = CHK_HANA; i < CHK_STATUSES; i++) {
        const char *code = check_status_code(i);
        if (!*code)
            continue;
        put_series(to, e, m, kind, o);
        put_state(to, code, agg ? o->agg[SRVST_COUNT + i] : v->u == i);
    }
}

static void
put_object(struct text *to, struct export *e, enum prom_kind kind, unsigned metric,
           const struct object *o)
{
    const struct prom_metric *m = e->kind[kind].metric[metric];
    const struct value *v = &o->values[metric];

    if (v->type == STATS_EMPTY && m->flags & PROMF_SKIP)
        return;
    if (m->flags & PROMF_AGG && list_empty(&o->px->servers))
        return;
    put_header(to, e, m, kind);
    if (m->flags & PROMF_STATUS) {
        put_states(to, e, m, kind, o, v);
    } else if (m->flags & PROMF_CHECK) {
        put_checks(to, e, m, kind, o, v);
    } else {
        put_series(to, e, m, kind, o);
        text_str(to, "} ");
        put_number(to, m, v);
    }
}

static void
put_process(struct text *to, struct export *e, const struct prom_metric *m)
{
    const struct stats_value *v = &e->info.v[m->column];
    struct value n = { v->type, { .u = v->u } };

    put_header(to, e, m, PROM_GLOBAL);
    text_printf(to, "haproxy_process_%s", m->name);
    if (v->type == STATS_STR) {
        text_printf(to, "{%s=", m->column == INF_NODE ? "node" : "version");
        put_label_value(to, v->str);
        text_str(to, "} 1\n");
        return;
    }
    text_char(to, ' ');
    put_number(to, m, &n);
}

/* Tables are few: each metric goes over all of them at once. */
static void
put_tables(struct text *to, const struct export *e)
{
    static const struct {
        const char *name, *help;
    } metrics[] = { { "size", "entries that fit into the table" },
                    { "used", "entries in the table" },
                    { "local_updates", "changes of entries made here" } };
    const struct stick_table *t;

    for (unsigned i = 0; i < COUNT_OF(metrics); i++) {
        bool first = true;
        if (!name_wanted(e, PROM_TABLE, metrics[i].name))
            continue;
        list_each (t, &config->tables, link) {
            if (first)
                text_printf(to,
                            "# HELP haproxy_sticktable_%s %s\n# TYPE haproxy_sticktable_%s gauge\n",
                            metrics[i].name, metrics[i].help, metrics[i].name);
            first = false;
            text_printf(to, "haproxy_sticktable_%s{name=", metrics[i].name);
            put_label_value(to, t->name);
            text_printf(to, ",type=\"%s\"} %u\n", stick_type_names[t->type],
                        i == 0   ? t->size
                        : i == 1 ? atomic_load(&t->used)
                                 : atomic_load(&t->local_updates));
        }
    }
}

/* The next lines; false at the end. */
static bool
put_next(struct text *to, struct export *e)
{
    while (e->at_kind < PROM_TABLE) {
        struct objects *o = &e->kind[e->at_kind];
        if (e->at_metric >= o->nmetrics) {
            e->at_kind++;
            e->at_metric = e->at_object = 0;
            continue;
        }
        if (e->at_kind == PROM_GLOBAL) {
            put_process(to, e, o->metric[e->at_metric++]);
            return true;
        }
        if (e->at_object < o->n) {
            put_object(to, e, e->at_kind, e->at_metric, &o->list[e->at_object++]);
            return true;
        }
        e->at_metric++;
        e->at_object = 0;
    }
    if (e->at_kind == PROM_TABLE && e->scopes & 1u << PROM_TABLE)
        put_tables(to, e);
    e->at_kind = PROM_KINDS;
    return false;
}

/* ---- the service ---- */

static __thread struct text piece;

void
prometheus_thread_stop(void)
{
    text_fini(&piece);
}

static void
export_free(struct stream *s)
{
    struct export *e = s->reply.service;

    for (unsigned k = 0; k < PROM_KINDS; k++) {
        for (unsigned i = 0; i < e->kind[k].n; i++)
            free(e->kind[k].list[i].values);
        free(e->kind[k].list);
    }
    free(e);
}

static void
produce(struct stream *s)
{
    struct export *e = s->reply.service;
    bool more = true;

    piece.len = 0;
    while (more && piece.len < PIECE)
        more = put_next(&piece, e);
    service_send(s, text_get(&piece), !more);
}

/* ---- the request ---- */

static bool
add_scope(struct export *e, struct slice v)
{
    static const struct {
        const char *name;
        unsigned scopes;
    } scopes[] = {
        { "global", 1u << PROM_GLOBAL },
        { "frontend", 1u << PROM_FE },
        { "listener", 1u << PROM_LI },
        { "backend", 1u << PROM_BE },
        { "server", 1u << PROM_SRV },
        { "sticktable", 1u << PROM_TABLE },
        { "resolver", 0 },
        { "*", (1u << PROM_KINDS) - 1 },
        { "", 0 },
    };

    for (unsigned i = 0; i < COUNT_OF(scopes); i++)
        if (slice_eq_str(v, scopes[i].name)) {
            e->scopes |= scopes[i].scopes;
            return true;
        }
    return false;
}

/* "[-]<name>[,...]" */
static bool
add_names(struct export *e, struct slice v)
{
    struct out o = OUT(e->names);

    o.size--;
    out_str(&o, *e->names ? e->names : ",");
    while (v.p && v.len) {
        struct slice name = slice_cut(v, ',', &v);
        if (name.len && name.p[0] == '-') {
            e->exclude = true;
            name = slice_sub(name, 1, SIZE_MAX);
        }
        out_slice_put(&o, name);
        out_char(&o, ',');
    }
    e->names[o.len] = '\0';
    return !o.full;
}

static struct slice
decoded(struct stream *s, struct slice v)
{
    char *to = arena_slicedup(&s->arena, v);
    size_t n = 0;
    unsigned c;

    for (size_t i = 0; to && i < v.len; i++) {
        char hex[3] = { 0 };
        if (v.p[i] == '%' && i + 2 < v.len) {
            memcpy(hex, v.p + i + 1, 2);
            if (sscanf(hex, "%2x", &c) == 1) {
                to[n++] = (char)c;
                i += 2;
                continue;
            }
        }
        to[n++] = v.p[i] == '+' ? ' ' : v.p[i];
    }
    return slice(to, n);
}

/* False: a parameter is wrong. */
static bool
parse_request(struct stream *s, struct export *e)
{
    size_t at = slice_find(s->rq.target, '?', 0);
    struct slice rest = at == SIZE_MAX ? SLICE_NONE : slice_sub(s->rq.target, at + 1, SIZE_MAX);
    bool scoped = false, ok = true;

    while (rest.p && rest.len && ok) {
        struct slice value, field = slice_cut(rest, '&', &rest),
                            name = slice_cut(field, '=', &value);
        value = value.p ? decoded(s, value) : SL("");
        if (slice_eq(name, SL("scope"))) {
            scoped = true;
            ok = add_scope(e, value);
        } else if (slice_eq(name, SL("metrics"))) {
            ok = add_names(e, value);
        } else if (slice_eq(name, SL("no-maint"))) {
            e->no_maint = true;
        } else if (slice_eq(name, SL("desc-labels"))) {
            e->desc_labels = true;
        } else if (slice_eq(name, SL("extra-counters"))) {
            e->extra = true;
        }
    }
    if (!scoped)
        e->scopes = (1u << PROM_KINDS) - 1;
    return ok;
}

static enum act_rc
refuse(struct stream *s, unsigned status)
{
    reply_error(s, status);
    stream_term(s, 'L', 'R');
    return ACT_REPLY;
}

static enum act_rc
start(const struct rule *r, struct rule_ctx *x)
{
    struct stream *s = x->strm;

    if (s->rq.meth != HTTP_GET && s->rq.meth != HTTP_HEAD)
        return refuse(s, 405);
    struct export *e = calloc(1, sizeof(*e));
    if (!e)
        return ACT_ERROR;
    if (!parse_request(s, e)) {
        free(e);
        return refuse(s, 400);
    }
    choose_metrics(e);
    collect(e);
    memset(&s->reply, 0, sizeof(s->reply));
    s->reply.set = true;
    s->reply.status = 200;
    s->reply.service = e;
    s->reply.end = export_free;
    s->reply.produce = produce;
    stream_term(s, 'L', 'R');
    if (!service_header(s, SL("cache-control"), SL("no-cache")) ||
        !service_header(s, SL("content-type"), SL("text/plain; version=0.0.4")))
        return ACT_ERROR;
    return ACT_REPLY;
}

static struct service exporter = {
    .name = "prometheus-exporter",
    .sets = RS_HTTP_REQ,
    .start = start,
    .help = "the statistics in the text format of Prometheus",
};

void
prometheus_install(void)
{
    service_register(&exporter);
}
