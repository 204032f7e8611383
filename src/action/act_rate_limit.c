/* act_rate_limit.c - http-request rate-limit <n>/<period> [burst <n>] [key <expr>]: one line
 * instead of a stick table, a tracking rule and a denying rule.
 *
 * Generic cell rate algorithm: a key has a theoretical arrival time (TAT), which every request
 * moves on by period/n. A request is refused when its TAT would be further ahead than `burst`
 * requests take. A TAT in the past says the same as none at all, so keys that are quiet need no
 * memory: the table is a fixed array of small buckets, and what is pushed out is the TAT that is
 * over, or else the one that is over next. */
#include "action/action.h"

#include "base/spin.h"
#include "config/units.h"
#include "proxy/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

#define WAYS          5          /* per bucket: with its lock one and a half cache lines */
#define BUCKETS       (1u << 14) /* 80,000 keys that are not quiet, 1.4 MB */
#define COUNT_MAX     1000000000 /* n and burst */
#define PERIOD_MAX_US (86400ull * 1000000ull)
#define SPAN_MAX_NS   (366ll * 86400 * 1000000000)

struct cell {
    uint64_t key; /* 0: free */
    int64_t tat_ns;
};

struct bucket {
    struct spin lock;
    struct cell cell[WAYS];
};

struct rate_limit {
    struct list link;
    uint64_t n, burst, period_us;
    int64_t interval_ns; /* between two requests at the full rate */
    int64_t span_ns;     /* that `burst` requests take */
    struct expr *key;
    struct bucket *buckets; /* [BUCKETS], once the process serves */
};

static struct list limits = LIST_INIT(limits);
static uint64_t seed;

/* ---- parsing ---- */

/* "<n>/<period>"; a period that is only a unit is one of it: 100/m. */
static enum cfg_rc
parse_rate(struct cfg *c, unsigned at, struct rate_limit *l)
{
    struct slice rest, n = slice_cut(slice_str(cfg_arg(c, at)), '/', &rest);
    char text[32], bad = 0;

    if (!rest.p || !rest.len || rest.len > 20 || !slice_to_uint(n, &l->n) || l->n == 0 ||
        l->n > COUNT_MAX)
        return cfg_error(c, at, "expects <requests>/<period>, as in 100/10s (got '%s').",
                         cfg_arg(c, at));
    struct out o = OUT(text);
    if (rest.p[0] < '0' || rest.p[0] > '9')
        out_char(&o, '1');
    out_slice_put(&o, rest);
    if (units_time(out_slice(&o), 1000, &l->period_us, &bad, NULL) != UNIT_OK ||
        l->period_us == 0 || l->period_us > PERIOD_MAX_US)
        return cfg_error(c, at, "invalid period '%.*s', expects a time of up to a day.", SLF(rest));
    return CFG_OK;
}

static enum cfg_rc
parse_burst(struct cfg *c, unsigned at, struct rate_limit *l)
{
    if (!slice_to_uint(slice_str(cfg_arg(c, at)), &l->burst) || l->burst == 0 ||
        l->burst > COUNT_MAX)
        return cfg_error(c, at, "'burst' expects a number of requests (got '%s').", cfg_arg(c, at));
    return CFG_OK;
}

static enum cfg_rc
parse_limit(struct cfg *c, unsigned *at, struct rule *r)
{
    struct rate_limit *l = ARENA_NEW(c->arena, struct rate_limit);

    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "expects <requests>/<period> [burst <requests>] [key <expr>].");
    if (parse_rate(c, (*at)++, l) != CFG_OK)
        return CFG_ERR;
    while (act_has_word(c, *at)) {
        bool burst = cfg_arg_is(c, *at, "burst");
        if (!burst && !cfg_arg_is(c, *at, "key"))
            return cfg_error(c, *at, "expects 'burst' or 'key' (got '%s').", cfg_arg(c, *at));
        (*at)++;
        if (!burst)
            l->key = act_expr(c, at, r);
        if (burst ? parse_burst(c, (*at)++, l) != CFG_OK : !l->key)
            return CFG_ERR;
    }
    if (!l->key &&
        !(l->key = expr_parse_text(c, "src", NULL, r->px, rule_set_points(r->set, r->px))))
        return CFG_ERR;
    if (!l->burst)
        l->burst = l->n;
    l->interval_ns = (int64_t)MAX(l->period_us * 1000 / l->n, (uint64_t)1);
    /* A burst that takes longer than a year to come back is as good as none that ends. */
    l->span_ns = l->burst > (uint64_t)(SPAN_MAX_NS / l->interval_ns)
                     ? SPAN_MAX_NS
                     : (int64_t)l->burst * l->interval_ns;
    r->p[0] = l;
    list_push_back(&limits, &l->link);
    return CFG_OK;
}

/* ---- running ---- */

static bool
hash_key(const struct rate_limit *l, struct rule_ctx *x, uint64_t *out)
{
    struct sample s = { 0 };

    if (!expr_eval_as(l->key, x->x, SMP_BIN, &s))
        return false;
    *out = XXH3_64bits_withSeed(s.u.s.p, s.u.s.len, seed);
    *out += *out == 0;
    return true;
}

/* The cell of the key, or the one that it gets. The lock is held. */
static struct cell *
cell_of(struct bucket *b, uint64_t key)
{
    struct cell *oldest = &b->cell[0];

    for (unsigned i = 0; i < WAYS; i++) {
        if (b->cell[i].key == key)
            return &b->cell[i];
        if (b->cell[i].tat_ns < oldest->tat_ns)
            oldest = &b->cell[i];
    }
    *oldest = (struct cell){ .key = key };
    return oldest;
}

/* Takes one request from the key's allowance. False: none is left; *wait_ns until there is one
 * again. */
static bool
take_one(const struct rate_limit *l, uint64_t key, int64_t now_ns, int64_t *wait_ns)
{
    struct bucket *b = &l->buckets[key & (BUCKETS - 1)];

    spin_lock(&b->lock);
    struct cell *cell = cell_of(b, key);
    int64_t tat_ns = MAX(cell->tat_ns, now_ns) + l->interval_ns;
    *wait_ns = tat_ns - now_ns - l->span_ns;
    if (*wait_ns <= 0)
        cell->tat_ns = tat_ns;
    spin_unlock(&b->lock);
    return *wait_ns <= 0;
}

static bool
add_number(struct stream *s, struct slice name, uint64_t v)
{
    char text[24];
    struct out o = OUT(text);

    out_uint(&o, v);
    return act_reply_add(s, name, act_keep(s, out_slice(&o)));
}

/* 429 with the fields that clients and libraries look for. */
static enum act_rc
refuse(const struct rate_limit *l, struct stream *s, int64_t wait_ns)
{
    uint64_t wait_s = (uint64_t)(wait_ns + 999999999) / 1000000000;

    reply_error(s, 429);
    if (!add_number(s, SL("retry-after"), wait_s) || !add_number(s, SL("ratelimit-limit"), l->n) ||
        !add_number(s, SL("ratelimit-remaining"), 0) ||
        !add_number(s, SL("ratelimit-reset"), wait_s))
        return ACT_ERROR;
    return ACT_DENY;
}

static enum act_rc
exec_limit(const struct rule *r, struct rule_ctx *x)
{
    const struct rate_limit *l = r->p[0];
    uint64_t key;
    int64_t wait_ns;

    /* Requests without the key are not of those that are counted. */
    if (!hash_key(l, x, &key) || take_one(l, key, loop_now_us() * 1000, &wait_ns))
        return ACT_CONT;
    return refuse(l, x->strm, wait_ns);
}

/* ---- module ---- */

static bool
start(struct config *cf)
{
    struct rate_limit *l;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        seed = (uint64_t)(uintptr_t)cf;
    list_each (l, &limits, link) {
        l->buckets = calloc(BUCKETS, sizeof(*l->buckets));
        if (!l->buckets) {
            fputs("steelyard: out of memory for rate limits\n", stderr);
            return false;
        }
    }
    return true;
}

static void
stop(struct config *cf)
{
    struct rate_limit *l;

    list_each (l, &limits, link) {
        free(l->buckets);
        l->buckets = NULL;
    }
    list_init(&limits);
}

static void
set_defaults(struct config *cf)
{
    list_init(&limits);
}

static const struct action actions[] = {
    { "rate-limit", RS_HTTP_REQ, "<requests>/<period> [burst <requests>] [key <expr>]", parse_limit,
      exec_limit, "refuses (429) what comes faster than that, per client address or other key", 0,
      NULL },
    { 0 }
};

const struct module action_rate_limit_module = {
    .name = "rate limits",
    .actions = actions,
    .defaults = set_defaults,
    .start = start,
    .stop = stop,
};
