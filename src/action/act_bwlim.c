/* act_bwlim.c - bandwidth limits: `filter bwlim-in`, `filter bwlim-out`, and the
 * set-bandwidth-limit action that puts them in force (manual 9.7; since 2.7).
 *
 * A limit says how many payload bytes may pass now. The data path asks before it reads and tells
 * what passed (stream_hooks.limit_room, limit_used); a stream that may not go on is woken by the
 * limit's timer. */
#include "action/action.h"

#include "config/units.h"
#include "proxy/stream_int.h"
#include "stick/table.h"

#include <stdlib.h>

#define PIECE_MAX                                                                                  \
    16384u /* a stream is not woken for less than that, or a twentieth of the limit                \
            */
#define PIECES        20u
#define SHARED_MIN_MS 10 /* how often a shared limit that is used up is looked at */
#define SHARED_MAX_MS 200

/** A filter as configured. */
struct bwlim {
    struct list link;
    struct proxy *px;
    struct cfg_loc loc;
    const char *name;
    bool out;       /* server to client */
    uint64_t limit; /* bytes per period_us, or per the table's period */
    uint64_t period_us;
    uint64_t min_size; /* smallest piece that is forwarded, the last one excepted */
    struct expr *key;  /* shared: NULL when the limit is the stream's own */
    const char *table_name;
    struct stick_table *table;
};

/** One in force for one direction of a stream; in the stream's arena. */
struct chan_limit {
    struct chan_limit *next;
    const struct bwlim *f;
    struct stream *s;
    struct timer timer;
    uint64_t limit, period_us;
    uint64_t tokens;           /* bytes that may pass */
    int64_t last_us;           /* when tokens were counted */
    struct stick_entry *entry; /* shared; NULL: the key was not there */
};

static struct list filters =
    LIST_INIT(filters); /* of the configuration that is read, then of the one that runs */

/* ---- filter bwlim-* <name> ... ---- */

struct words {
    const char *limit, *period, *def_limit, *def_period, *table, *min_size;
    unsigned limit_at, period_at, min_at;
};

static enum cfg_rc
take_size(struct cfg *c, unsigned at, const char *text, uint64_t *out)
{
    char bad = 0;

    if (units_size(slice_str(text), out, &bad) != UNIT_OK)
        return cfg_error(c, at, "unexpected character '%c' in size '%s'", bad, text);
    return CFG_OK;
}

static enum cfg_rc
take_time(struct cfg *c, unsigned at, const char *text, uint64_t *out_us)
{
    char bad = 0;

    if (units_time(slice_str(text), 1000, out_us, &bad, NULL) != UNIT_OK || *out_us == 0)
        return cfg_error(c, at, "invalid period '%s'", text);
    return CFG_OK;
}

static enum cfg_rc
parse_words(struct cfg *c, unsigned *at, struct bwlim *f, struct words *w)
{
    while (*at < c->nwords) {
        const char *name = c->word[*at].s;
        const char **to = strcmp(name, "limit") == 0            ? &w->limit
                          : strcmp(name, "default-limit") == 0  ? &w->def_limit
                          : strcmp(name, "default-period") == 0 ? &w->def_period
                          : strcmp(name, "table") == 0          ? &w->table
                          : strcmp(name, "min-size") == 0       ? &w->min_size
                                                                : NULL;
        if (strcmp(name, "key") == 0) {
            (*at)++;
            f->key = expr_parse(c, at, f->px,
                                (f->px->cap & PX_FE ? PT_FE_TCP_REQ | PT_FE_HTTP_REQ : 0) |
                                    (f->px->cap & PX_BE ? PT_BE_TCP_REQ | PT_BE_HTTP_REQ : 0));
            if (!f->key)
                return CFG_ERR;
            continue;
        }
        if (!to)
            return cfg_error(c, *at, "unexpected argument '%s'", name);
        if (*at + 1 >= c->nwords)
            return cfg_error(c, *at, "'%s' requires a value", name);
        *to = c->word[*at + 1].s;
        if (to == &w->limit || to == &w->def_limit)
            w->limit_at = *at + 1;
        else if (to == &w->def_period)
            w->period_at = *at + 1;
        else if (to == &w->min_size)
            w->min_at = *at + 1;
        *at += 2;
    }
    return CFG_OK;
}

static enum cfg_rc
check_words(struct cfg *c, struct bwlim *f, const struct words *w)
{
    bool shared = f->key || w->limit || w->table;

    if (shared && (w->def_limit || w->def_period))
        return cfg_error(c, CFG_WHOLE_LINE, "cannot mix per-stream and shared parameter");
    if (shared && !f->key)
        return cfg_error(c, CFG_WHOLE_LINE, "<key> option is missing");
    if (shared ? !w->limit : !w->def_limit)
        return cfg_error(c, CFG_WHOLE_LINE, "<%s> option is missing",
                         shared ? "limit" : "default-limit");
    if (!shared && !w->def_period)
        return cfg_error(c, CFG_WHOLE_LINE, "<default-period> option is missing");
    if (take_size(c, w->limit_at, shared ? w->limit : w->def_limit, &f->limit) != CFG_OK ||
        (!shared && take_time(c, w->period_at, w->def_period, &f->period_us) != CFG_OK) ||
        (w->min_size && take_size(c, w->min_at, w->min_size, &f->min_size) != CFG_OK))
        return CFG_ERR;
    f->table_name = w->table;
    return CFG_OK;
}

static struct bwlim *
find_filter(const struct proxy *px, const char *name)
{
    struct bwlim *f;

    list_each (f, &filters, link)
        if (f->px == px && strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* kw->max: of the direction out. */
static enum cfg_rc
parse_filter(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *what = kw->max ? "bwlim-out" : "bwlim-in", *name = cfg_arg(c, *at);
    struct words w = { 0 };

    c->context = arena_printf(c->arena, "'%s' : ", what);
    enum cfg_rc rc = CFG_ERR;
    if (!*name) {
        cfg_error(c, CFG_WHOLE_LINE, "a name is expected as first argument");
    } else if (find_filter(obj, name)) {
        cfg_error(c, *at, "bwlim filter '%s' already declared for proxy '%s'", name,
                  ((struct proxy *)obj)->name);
    } else {
        struct bwlim *f = ARENA_NEW(c->arena, struct bwlim);
        f->px = obj;
        f->loc = c->loc;
        f->name = name;
        f->out = kw->max != 0;
        (*at)++;
        rc = parse_words(c, at, f, &w);
        if (rc == CFG_OK)
            rc = check_words(c, f, &w);
        if (rc == CFG_OK)
            list_push_back(&filters, &f->link);
    }
    c->context = NULL;
    *at = c->nwords;
    return rc;
}

static const struct keyword keywords[] = {
    { .name = "filter bwlim-in",
      .args = "<name> {default-limit <size> default-period <time>|limit <size> key <expr> [table "
              "<table>]} [min-size <size>]",
      .where = IN_PROXY,
      .max = 0,
      .parse = parse_filter,
      .help = "limits what clients send" },
    { .name = "filter bwlim-out",
      .args = "<name> {default-limit <size> default-period <time>|limit <size> key <expr> [table "
              "<table>]} [min-size <size>]",
      .where = IN_PROXY,
      .max = 1,
      .parse = parse_filter,
      .help = "limits what servers send" },
    { 0 },
};

/* ---- names ---- */

static enum stick_data
rate_of(const struct bwlim *f)
{
    return f->out ? STICK_BYTES_OUT_RATE : STICK_BYTES_IN_RATE;
}

static void
resolve_table(struct cfg *c, struct bwlim *f)
{
    const char *name = f->table_name ? f->table_name : f->px->name;

    f->table = stick_table_find(&c->config->tables, name);
    if (!f->table)
        cfg_error_at(c, &f->loc,
                     "Proxy %s : unable to find table '%s' referenced by bwlim filter '%s'",
                     f->px->name, name, f->name);
    else if (!stick_has(f->table, rate_of(f)))
        cfg_error_at(c, &f->loc,
                     "Proxy %s : stick-table '%s' uses a data type incompatible with bwlim filter "
                     "'%s'. It must be '%s'",
                     f->px->name, name, f->name, f->out ? "bytes_out_rate" : "bytes_in_rate");
}

/* ---- set-bandwidth-limit <name> [limit {<expr>|<size>}] [period {<expr>|<time>}] ---- */

/** The action's arguments: constants (0: the filter's) or expressions. */
enum { SLOT_LIMIT = 0, SLOT_PERIOD = 1, SLOT_FILTER = 2, SLOT_NAME = 3 };

static bool
read_size(const char *text, int64_t *out)
{
    uint64_t n;
    char bad;

    if (units_size(slice_str(text), &n, &bad) != UNIT_OK || n > INT64_MAX)
        return false;
    *out = (int64_t)n;
    return true;
}

/* ms */
static bool
read_period(const char *text, int64_t *out)
{
    uint64_t us;
    char bad;

    if (units_time(slice_str(text), 1000, &us, &bad, NULL) != UNIT_OK)
        return false;
    *out = (int64_t)((us + 999) / 1000);
    return true;
}

static enum cfg_rc
parse_set(struct cfg *c, unsigned *at, struct rule *r)
{
    if (r->px->cap & PX_DEF)
        return cfg_error(c, CFG_WHOLE_LINE, "not allowed in defaults sections.");
    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "expects at least one argument.");
    r->p[SLOT_NAME] = (char *)cfg_arg(c, (*at)++);
    while (act_has_word(c, *at)) {
        bool limit = cfg_arg_is(c, *at, "limit");
        if (!limit && !cfg_arg_is(c, *at, "period"))
            break;
        (*at)++;
        if (act_number(c, at, r, limit ? SLOT_LIMIT : SLOT_PERIOD,
                       limit ? read_size : read_period) != CFG_OK)
            return CFG_ERR;
    }
    return CFG_OK;
}

static void
resolve_rule(struct cfg *c, struct rule *r)
{
    struct bwlim *f = find_filter(r->px, r->p[SLOT_NAME]);

    r->p[SLOT_FILTER] = f;
    if (!f)
        cfg_error_at(
            c, &r->loc,
            "Proxy %s : unable to find bwlim filter '%s' referenced by set-bandwidth-limit rule.",
            r->px->name, (const char *)r->p[SLOT_NAME]);
    else if (f->key &&
             (r->p[SLOT_LIMIT] || r->p[SLOT_PERIOD] || r->i[SLOT_LIMIT] || r->i[SLOT_PERIOD]))
        cfg_error_at(c, &r->loc,
                     "Proxy %s : set-bandwidth-limit rule cannot define a limit or a period for "
                     "shared bwlim filter '%s'",
                     r->px->name, f->name);
}

/* ---- in force ---- */

static struct chan_limit *
limit_of(struct stream *s, struct chan *ch, const struct bwlim *f)
{
    struct chan_limit **at = &ch->limit;

    for (; *at; at = &(*at)->next)
        if ((*at)->f == f)
            return *at;
    struct chan_limit *l = ARENA_NEW(&s->arena, struct chan_limit);
    if (l) {
        l->f = f;
        l->s = s;
        *at = l;
    }
    return l;
}

static void
find_entry(struct chan_limit *l, struct rule_ctx *x)
{
    struct sample v = { 0 };
    struct stick_key k;

    if (l->entry)
        stick_unref(l->entry);
    l->entry = NULL;
    if (expr_eval(l->f->key, x->x, &v) && stick_key_sample(l->f->table, &v, x->x, &k))
        l->entry = stick_get(l->f->table, &k, loop_now_ms(), NULL);
}

static enum act_rc
exec_set(const struct rule *r, struct rule_ctx *x)
{
    const struct bwlim *f = r->p[SLOT_FILTER];
    struct stream *s = x->strm;
    struct chan_limit *l = limit_of(s, f->out ? &s->res : &s->req, f);
    int64_t n;

    if (!l)
        return ACT_CONT;
    l->limit = f->limit;
    l->period_us = f->period_us;
    if (f->key) {
        find_entry(l, x);
        return ACT_CONT;
    }
    if (act_number_of(r, SLOT_LIMIT, x, &n) && n > 0)
        l->limit = (uint64_t)n;
    if (act_number_of(r, SLOT_PERIOD, x, &n) && n > 0)
        l->period_us = (uint64_t)n * 1000;
    l->tokens = l->limit;
    l->last_us = loop_now_us();
    return ACT_CONT;
}

static void
on_timer(struct timer *t)
{
    stream_wake(container_of(t, struct chan_limit, timer)->s);
}

/* The smallest piece worth waking for. */
static uint64_t
piece_of(const struct chan_limit *l, uint64_t left)
{
    uint64_t piece = MAX(MIN(l->limit / PIECES, PIECE_MAX), MIN(l->f->min_size, l->limit));

    return MAX(MIN(piece, left), (uint64_t)1);
}

static uint64_t
room_own(struct chan_limit *l, uint64_t left)
{
    int64_t now_us = loop_now_us();
    uint64_t gone_us = MIN((uint64_t)(now_us - l->last_us), l->period_us),
             piece = piece_of(l, left);

    if (!l->limit)
        return UINT64_MAX; /* 0 is no limit */
    uint64_t more = (uint64_t)((double)l->limit * (double)gone_us / (double)l->period_us);
    if (more) {
        l->tokens = MIN(l->tokens + more, l->limit);
        l->last_us = now_us;
    }
    if (l->tokens >= piece)
        return l->tokens;
    double wait_us = (double)(piece - l->tokens) * (double)l->period_us / (double)l->limit;
    timer_set(&l->timer, loop_now_ms() + (int64_t)(wait_us / 1000) + 1, on_timer);
    return 0;
}

static uint64_t
room_shared(struct chan_limit *l, uint64_t left)
{
    const struct stick_table *t = l->f->table;
    uint64_t rate;

    if (!l->entry || !stick_read(t, l->entry, rate_of(l->f), 0, loop_now_ms(), &rate))
        return UINT64_MAX;
    if (rate + piece_of(l, left) <= l->limit)
        return l->limit - rate;
    int64_t wait_ms = MAX(
        SHARED_MIN_MS, MIN((int64_t)t->period_ms[rate_of(l->f)] / (int64_t)PIECES, SHARED_MAX_MS));
    timer_set(&l->timer, loop_now_ms() + wait_ms, on_timer);
    return 0;
}

static uint64_t
limit_room(struct stream *s, struct chan *ch)
{
    uint64_t left = ch->ready ? ch->ready : h1_body_left(&ch->h1), room = UINT64_MAX;

    if (!left)
        left = UINT64_MAX; /* chunks: nobody knows */
    for (struct chan_limit *l = ch->limit; l && room; l = l->next)
        room = MIN(room, l->f->key ? room_shared(l, left) : room_own(l, left));
    return room;
}

static void
limit_used(struct stream *s, struct chan *ch, uint64_t n)
{
    for (struct chan_limit *l = n ? ch->limit : NULL; l; l = l->next) {
        if (l->entry) {
            stick_add(l->f->table, l->entry, rate_of(l->f), 0, loop_now_ms(), n);
            stick_touch(l->f->table, l->entry, loop_now_ms());
        }
        l->tokens -= MIN(n, l->tokens);
    }
}

static void
limit_end(struct stream *s, struct chan *ch)
{
    for (struct chan_limit *l = ch->limit; l; l = l->next) {
        timer_cancel(&l->timer);
        if (l->entry)
            stick_unref(l->entry);
        l->entry = NULL;
    }
    ch->limit = NULL;
}

/* ---- module ---- */

static const struct action actions[] = {
    { "set-bandwidth-limit", RS_TCP_STREAM | RS_HTTP_REQ | RS_HTTP_RES,
      "<name> [limit {<expr>|<size>}] [period {<expr>|<time>}]", parse_set, exec_set,
      "puts a bwlim filter in force", 0, NULL },
    { 0 }
};

static void
check(struct cfg *c)
{
    struct bwlim *f;
    struct proxy *px;
    struct rule *r;

    list_each (f, &filters, link)
        if (f->key)
            resolve_table(c, f);
    list_each (px, &c->config->proxies, link) {
        struct list *lists[] = { &px->tcp_req_rules, &px->tcp_res_rules, &px->http_req_rules,
                                 &px->http_res_rules };
        for (unsigned i = 0; i < COUNT_OF(lists); i++)
            list_each (r, lists[i], link)
                if (r->act->exec == exec_set)
                    resolve_rule(c, r);
    }
}

static void
set_defaults(struct config *cf)
{
    list_init(&filters);
}

static bool
start(struct config *cf)
{
    stream_hooks.limit_room = limit_room;
    stream_hooks.limit_used = limit_used;
    stream_hooks.limit_end = limit_end;
    return true;
}

const struct module action_bwlim_module = {
    .name = "bandwidth limits",
    .keywords = keywords,
    .actions = actions,
    .defaults = set_defaults,
    .check = check,
    .start = start,
};
