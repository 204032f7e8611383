/* act_stick.c - actions on tracked counters: track-sc<n>, sc-inc-gpc*, sc-add-gpc, sc-set-gpt*
 * (manual 4.2, 4.4). */
#include "action/act_stick.h"

#include "config/tune.h"
#include "fetch/fetch_stick.h"
#include "loop/loop.h"
#include "proxy/config.h"
#include "proxy/stream.h"
#include "sample/expr.h"

#include <stdarg.h>
#include <stdlib.h>

/* ---- messages ---- */

/* Reports `why` about the rule whose action is word `at`, in the reference's frame. */
PRINTF(4, 5)
static enum cfg_rc
rule_error(struct cfg *c, unsigned at, const struct rule *r, const char *fmt, ...)
{
    struct text rule = { 0 }, why = { 0 };
    va_list ap;

    for (unsigned i = 0; i <= at; i++)
        text_printf(&rule, "%s%s", i ? " " : "", cfg_arg(c, i));
    va_start(ap, fmt);
    text_vprintf(&why, fmt, ap);
    va_end(ap);
    cfg_error(c, at, DIAG_PARSING "error detected in %s '%s' while parsing '%s' rule : %s.",
              proxy_kind(r->px), r->px->name, rule.p, why.p);
    text_fini(&rule);
    text_fini(&why);
    return CFG_ERR;
}

/* Parses an expression that runs where the rule does. NULL after an error. */
static struct expr *
parse_expr(struct cfg *c, unsigned *at, unsigned action_at, const struct rule *r)
{
    char *err = NULL;

    if (*at >= c->nwords || cond_starts(c, *at)) {
        rule_error(c, action_at, r, "missing fetch method");
        return NULL;
    }
    struct expr *e = expr_parse_err(c, at, r->px, rule_set_points(r->set, r->px), &err);
    if (e)
        return e;
    rule_error(c, action_at, r, "%s", err);
    if (expr_hint())
        cfg_hint(c, "%s", expr_hint());
    free(err);
    return NULL;
}

/* ---- arguments in parentheses ---- */

/* Takes digits from *s; false when there are none or too many. */
static bool
take_number(const char **s, uint64_t *out)
{
    const char *p = *s;

    for (*out = 0; *p >= '0' && *p <= '9'; p++) {
        if (*out > UINT32_MAX)
            return false;
        *out = *out * 10 + (uint64_t)(*p - '0');
    }
    if (p == *s)
        return false;
    *s = p;
    return true;
}

/** What the parenthesised actions do, on which element. */
struct sc_action {
    enum { SC_INC, SC_ADD, SC_SET } op;
    int index;        /* -1: the first argument */
    const char *kind; /* "gpc" or "gpt", for messages */
};

static enum cfg_rc
check_slot(struct cfg *c, unsigned at, const struct rule *r, uint64_t slot)
{
    const struct sc_action *a = r->act->private;
    const char *word = cfg_arg(c, at);

    if (slot < tune.stick_counters)
        return CFG_OK;
    if (a->op == SC_INC && a->index >= 0)
        return rule_error(c, at, r, "invalid stick table track ID. The max allowed ID is %d",
                          (int)tune.stick_counters - 1);
    return rule_error(c, at, r, "invalid stick table track ID '%s'. The max allowed ID is %d", word,
                      (int)tune.stick_counters - 1);
}

/* "(<idx>,<sc-id>)": r->i[0] is the slot, r->i[1] the element. */
static enum cfg_rc
parse_index_and_slot(struct cfg *c, unsigned at, struct rule *r)
{
    const struct sc_action *a = r->act->private;
    const char *word = cfg_arg(c, at), *name = r->act->name;
    const char *upper = strcmp(a->kind, "gpc") == 0 ? "GPC" : "GPT";
    const char *p = word + strlen(name);
    uint64_t index, slot;

    if (*p != '(')
        return rule_error(c, at, r, "invalid %s ID '%s'. Expects %s(<%s ID>,<Track ID>)", a->kind,
                          word, name, upper);
    p++;
    if (!take_number(&p, &index) || *p != ',')
        return rule_error(c, at, r, "Missing %s ID '%s'. Expects %s(<%s ID>,<Track ID>)", a->kind,
                          word, name, upper);
    p++;
    if (!take_number(&p, &slot) || *p != ')' || p[1])
        return rule_error(c, at, r,
                          "invalid stick table track ID '%s'. Expects %s(<%s ID>,<Track ID>)", word,
                          name, upper);
    r->i[0] = (int64_t)slot;
    r->i[1] = (int64_t)MIN(index, (uint64_t)UINT32_MAX);
    if (index >= STICK_ARRAY_MAX)
        cfg_warn(c, at, "'%s' has no effect: the index must be between 0 and %u.", word,
                 STICK_ARRAY_MAX - 1);
    return check_slot(c, at, r, slot);
}

/* "(<sc-id>)"; nothing means 0. */
static enum cfg_rc
parse_slot(struct cfg *c, unsigned at, struct rule *r)
{
    const struct sc_action *a = r->act->private;
    const char *word = cfg_arg(c, at), *name = r->act->name;
    const char *p = word + strlen(name);
    uint64_t slot = 0;

    if (*p == '(' && strcmp(p, "()") != 0) {
        p++;
        if (!take_number(&p, &slot) || *p != ')' || p[1])
            return rule_error(c, at, r, "invalid stick table track ID. Expects %s(<Track ID>)",
                              name);
    }
    r->i[0] = (int64_t)slot;
    r->i[1] = a->index;
    return check_slot(c, at, r, slot);
}

/* "{ <int> | <expr> }": r->p[0] is the expression, or r->i[2] the value. */
static enum cfg_rc
parse_value(struct cfg *c, unsigned *at, struct rule *r)
{
    int64_t v;

    if (*at >= c->nwords || cond_starts(c, *at))
        return CFG_OK; /* as in the reference, no value is 0 */
    if (slice_to_int(slice(c->word[*at].s, c->word[*at].len), &v)) {
        r->i[2] = v;
        ++*at;
        return CFG_OK;
    }
    r->p[0] = parse_expr(c, at, *at - 1, r);
    if (!r->p[0])
        return CFG_ERR;
    if (!sample_can_cast(expr_type(r->p[0]), SMP_SINT))
        return rule_error(c, *at - 1, r,
                          "fetch method '%s' returns invalid type, Unsigned Integer is needed",
                          expr_text(r->p[0]));
    return CFG_OK;
}

static enum cfg_rc
parse_sc(struct cfg *c, unsigned *at, struct rule *r)
{
    const struct sc_action *a = r->act->private;
    enum cfg_rc rc = a->index < 0 ? parse_index_and_slot(c, *at - 1, r) : parse_slot(c, *at - 1, r);

    if (rc != CFG_OK || a->op == SC_INC)
        return rc;
    return parse_value(c, at, r);
}

/* ---- running ---- */

static void
set_tag(const struct sc_action *a, const struct stick_counter *c, unsigned i, uint32_t v,
        int64_t now_ms)
{
    enum stick_data d;
    unsigned at;

    if (!stick_gpt_at(c->table, i, &d, &at) || (a->index < 0 && d != STICK_GPT))
        return;
    stick_set(c->table, c->entry, d, at, now_ms, v);
    stick_touch(c->table, c->entry, now_ms);
}

static enum act_rc
exec_sc(const struct rule *r, struct rule_ctx *x)
{
    const struct sc_action *a = r->act->private;
    const struct stick_counter *c = stick_tracked(x->x, r->i[0]);
    int64_t now_ms = loop_now_ms();
    uint32_t v = a->op == SC_INC ? 1 : (uint32_t)r->i[2];
    struct sample s = { 0 };

    if (!c)
        return ACT_CONT;
    if (r->p[0]) {
        if (!expr_eval_as(r->p[0], x->x, SMP_SINT, &s))
            return ACT_CONT;
        v = (uint32_t)s.u.i;
    }
    if (a->op == SC_SET)
        set_tag(a, c, (unsigned)r->i[1], v, now_ms);
    else if (stick_gpc_add(c->table, c->entry,
                           (struct stick_gpc_change){ (unsigned)r->i[1], a->index < 0, v }, now_ms,
                           NULL))
        stick_touch(c->table, c->entry, now_ms);
    return ACT_CONT;
}

/* ---- track-sc<n> <key> [table <table>] ---- */

/** A track rule whose table must still be found. */
struct pending {
    struct list link;
    struct cfg *c;
    struct rule *rule;
    const char *table; /* NULL: the proxy's own */
};
static struct list pending = LIST_INIT(pending);
static uint64_t slots_used; /* by track-sc rules; all, when it cannot be known */

static enum cfg_rc
parse_track(struct cfg *c, unsigned *at, struct rule *r)
{
    unsigned action_at = *at - 1;
    const char *p = cfg_arg(c, action_at) + strlen(r->act->name);
    uint64_t slot = 0;

    if (*p && (!take_number(&p, &slot) || *p))
        return rule_error(c, action_at, r, "Wrong track-sc number '%s'", p);
    if (slot >= tune.stick_counters)
        return rule_error(c, action_at, r,
                          "%llu track-sc number exceeding %d (tune.stick-counters-1) value",
                          (unsigned long long)slot, (int)tune.stick_counters - 1);
    r->i[0] = (int64_t)slot;
    r->p[0] = parse_expr(c, at, action_at, r);
    if (!r->p[0])
        return CFG_ERR;
    struct pending *w = ARENA_NEW(c->arena, struct pending);
    if (cfg_arg_is(c, *at, "table")) {
        if (*at + 1 >= c->nwords)
            return rule_error(c, action_at, r, "missing table name");
        w->table = cfg_arg(c, *at + 1);
        *at += 2;
    }
    w->c = c;
    w->rule = r;
    list_push_back(&pending, &w->link);
    return CFG_OK;
}

static enum sample_type
key_type(const struct stick_table *t)
{
    static const enum sample_type types[STICK_TYPES] = {
        [STICK_IP] = SMP_IPV4,    [STICK_IPV6] = SMP_IPV6,  [STICK_INTEGER] = SMP_SINT,
        [STICK_STRING] = SMP_STR, [STICK_BINARY] = SMP_BIN,
    };
    return types[t->type];
}

static void
resolve_track(struct cfg *c, const struct pending *w)
{
    struct rule *r = w->rule;
    const char *name = w->table ? w->table : r->px->name;
    enum sample_type from = expr_type(r->p[0]);

    slots_used |= 1ull << MIN(r->i[0], 63);
    if (!w->table && r->px->cap & PX_DEF) { /* that of the proxy it runs in */
        slots_used = UINT64_MAX;
        return;
    }
    struct stick_table *t = stick_table_find(&c->config->tables, name);
    if (!t)
        cfg_error_at(c, &r->loc,
                     DIAG_BARE "Proxy '%s': unable to find table '%s' referenced by track-sc%d.",
                     r->px->name, name, (int)r->i[0]);
    else if (from != SMP_ANY && !sample_can_cast(from, key_type(t)))
        cfg_error_at(c, &r->loc,
                     DIAG_BARE
                     "Proxy '%s': stick-table '%s' uses a type incompatible with the 'track-sc%d' "
                     "rule.",
                     r->px->name, name, (int)r->i[0]);
    r->p[1] = t;
    if (t)
        t->tracked = true;
}

int
stick_free_slot(void)
{
    for (unsigned i = MIN(tune.stick_counters, 64u); i-- > 0;)
        if (!(slots_used & 1ull << i))
            return (int)i;
    return -1;
}

void
stick_actions_check(struct cfg *c)
{
    struct pending *w, *tmp;

    list_each_safe (w, tmp, &pending, link) {
        if (w->c != c)
            continue;
        list_del(&w->link);
        resolve_track(c, w);
    }
}

static enum act_rc
exec_track(const struct rule *r, struct rule_ctx *x)
{
    struct stick_table *t = r->p[1] ? r->p[1] : x->x->px ? x->x->px->table : NULL;
    unsigned slot = (unsigned)r->i[0];
    struct stick_counter *c =
        x->strm ? stream_track(x->strm, slot, true) : session_track(x->sess, slot, true);
    bool request =
        x->strm && x->strm->flags & SF_HTTP && x->set & (RS_TCP_REQ | RS_HTTP_REQ | RS_HTTP_RES);
    struct sample s = { 0 };
    struct stick_key k;

    if (!t || !c || c->entry)
        return ACT_CONT;
    if (!expr_eval(r->p[0], x->x, &s))
        return s.flags & SMPF_MAY_CHANGE && !x->final ? ACT_YIELD : ACT_CONT;
    if (!stick_key_sample(t, &s, x->x, &k) || !stick_track(c, t, &k, request, loop_now_ms()))
        return ACT_CONT;
    if (x->set == RS_HTTP_RES) { /* its status was counted before the rules, for others */
        const struct stick_slots one = { .strm = c, .n = 1 };
        stream_count_tracked_status(x->strm, &one);
    }
    return ACT_CONT;
}

/* ---- rows ---- */

#define A(op_, index_, kind_) ((void *)&(const struct sc_action){ SC_##op_, index_, kind_ })
#define SC_SETS                                                                                    \
    (RS_TCP_CONN | RS_TCP_SESS | RS_TCP_REQ | RS_TCP_RES | RS_HTTP_REQ | RS_HTTP_RES |             \
     RS_HTTP_AFTER)

const struct action stick_actions[] = {
    { "track-sc", RS_TCP_CONN | RS_TCP_SESS | RS_TCP_REQ | RS_HTTP_REQ | RS_HTTP_RES,
      "<key> [table <table>]", parse_track, exec_track,
      "counts what the client does under a key of a stick table", ACTF_PREFIX, NULL },
    { "sc-inc-gpc", SC_SETS, "(<idx>,<sc-id>)", parse_sc, exec_sc,
      "adds 1 to a general purpose counter of the tracked key", ACTF_PAREN, A(INC, -1, "gpc") },
    { "sc-inc-gpc0", SC_SETS, "(<sc-id>)", parse_sc, exec_sc,
      "adds 1 to the first general purpose counter of the tracked key", ACTF_PAREN,
      A(INC, 0, "gpc") },
    { "sc-inc-gpc1", SC_SETS, "(<sc-id>)", parse_sc, exec_sc,
      "adds 1 to the second general purpose counter of the tracked key", ACTF_PAREN,
      A(INC, 1, "gpc") },
    { "sc-add-gpc", SC_SETS, "(<idx>,<sc-id>) { <int> | <expr> }", parse_sc, exec_sc,
      "adds a value to a general purpose counter of the tracked key", ACTF_PAREN,
      A(ADD, -1, "gpc") },
    { "sc-set-gpt", SC_SETS, "(<idx>,<sc-id>) { <int> | <expr> }", parse_sc, exec_sc,
      "sets a general purpose tag of the tracked key", ACTF_PAREN, A(SET, -1, "gpt") },
    { "sc-set-gpt0", SC_SETS, "(<sc-id>) { <int> | <expr> }", parse_sc, exec_sc,
      "sets the first general purpose tag of the tracked key", ACTF_PAREN, A(SET, 0, "gpt") },
    { 0 }
};
