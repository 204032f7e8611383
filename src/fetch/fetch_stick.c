/* fetch_stick.c - what is known about tracked counters (sc_*, sc0_* ..), about the client's address
 * (src_*) and about any key (table_*, in_table): manual 7.3.1, 7.3.2 and 7.3.3. One list of values
 * makes the rows of all families. */
#include "fetch/fetch_stick.h"

#include "config/tune.h"
#include "loop/loop.h"
#include "proxy/session.h"
#include "proxy/stream.h"
#include "sample/expr.h"

enum op {
    OP_READ,   /* a counter, tag or rate; .data */
    OP_KBYTES, /* a byte counter in KiB */
    OP_GPC,    /* gpc<i> and friends: the array, or for the fixed ones the old single values */
    OP_GPC_RATE,
    OP_GPT,
    OP_INC_GPC,
    OP_CLR_GPC,
    OP_TRACKED,
    OP_TRACKERS,
    OP_KEY,
};

/** One value that an entry has. */
struct what {
    enum op op;
    enum stick_data data;
    int index; /* of gpc and gpt; -1: an argument */
};

/* ---- values of an entry ---- */

/* The datum that a general purpose value lives in. False when it is not stored. */
static bool
gp_at(const struct what *w, unsigned i, const struct stick_table *t, enum stick_data *d,
      unsigned *at)
{
    enum stick_data array = w->op == OP_GPC_RATE ? STICK_GPC_RATE
                            : w->op == OP_GPT    ? STICK_GPT
                                                 : STICK_GPC;
    bool stored = w->op == OP_GPC_RATE ? stick_gpc_rate_at(t, i, d, at)
                  : w->op == OP_GPT    ? stick_gpt_at(t, i, d, at)
                                       : stick_gpc_at(t, i, d, at);

    /* The indexed forms do not see the old single values. */
    return stored && (w->index >= 0 || *d == array);
}

static bool
changes_entry(const struct what *w)
{
    return w->op == OP_INC_GPC || w->op == OP_CLR_GPC;
}

/* inc and clr: 0 when nothing is stored, and then the entry is not refreshed either. */
static int64_t
change_entry(const struct what *w, unsigned i, struct stick_table *t, struct stick_entry *e,
             int64_t now_ms)
{
    enum stick_data d;
    unsigned at;
    uint32_t v = 0;
    struct stick_gpc_change by = { i, w->index < 0, 1 };
    bool done = w->op == OP_INC_GPC ? stick_gpc_add(t, e, by, now_ms, &v)
                                    : gp_at(w, i, t, &d, &at) && stick_clear(t, e, d, at, &v);

    if (done)
        stick_touch(t, e, now_ms);
    return v;
}

/* False: the value is not stored in this table. */
static bool
entry_value(const struct what *w, unsigned i, struct stick_table *t, struct stick_entry *e,
            struct sample *out)
{
    int64_t now_ms = loop_now_ms();
    enum stick_data d = w->data;
    unsigned at = 0;
    uint64_t v = 0;

    switch (w->op) {
    case OP_INC_GPC:
    case OP_CLR_GPC:
        sample_set_int(out, change_entry(w, i, t, e, now_ms));
        return true;
    case OP_GPC:
    case OP_GPC_RATE:
    case OP_GPT:
        if (!gp_at(w, i, t, &d, &at))
            return false;
        break;
    case OP_TRACKERS:
        sample_set_int(out, atomic_load_explicit(&e->ref, memory_order_relaxed));
        return true;
    default:
        break;
    }
    if (!stick_read(t, e, d, at, now_ms, &v))
        return false;
    sample_set_int(out, (int64_t)(w->op == OP_KBYTES ? v >> 10 : v));
    return true;
}

/* ---- sc_*: tracked counters ---- */

struct stick_counter *
stick_tracked(const struct sample_ctx *x, int64_t n)
{
    struct stick_slots s = { .strm = x->strm ? x->strm->track : NULL,
                             .sess = x->sess ? x->sess->track : NULL };

    return n >= 0 && n < tune.stick_counters ? stick_slot(&s, (unsigned)n) : NULL;
}

/* The tracked key in another table: its own entry, referenced. NULL: none. *fits tells whether it
 * can be a key there. */
static struct stick_entry *
same_key(const struct stick_counter *c, struct stick_table *t, bool make, struct sample_ctx *x,
         bool *fits)
{
    int64_t now_ms = loop_now_ms();
    struct stick_key k;
    struct sample s;

    stick_key_get(c->table, c->entry, &s);
    *fits = stick_key_sample(t, &s, x, &k);
    if (!*fits)
        return NULL;
    return make ? stick_get(t, &k, now_ms, NULL) : stick_lookup(t, &k, now_ms);
}

static bool
other_table_value(const struct what *w, unsigned i, const struct stick_counter *c,
                  struct stick_table *t, struct sample_ctx *x, struct sample *out)
{
    bool fits;
    struct stick_entry *e = same_key(c, t, changes_entry(w), x, &fits);

    if (!e) {
        sample_set_int(out, 0);
        return fits;
    }
    bool ok = entry_value(w, i, t, e, out);
    if (ok && w->op == OP_TRACKERS)
        out->u.i--; /* ours */
    stick_unref(e);
    return ok;
}

static bool
sc_value(const struct what *w, int64_t slot, int64_t i, const struct expr_arg *table,
         struct sample_ctx *x, struct sample *out)
{
    const struct stick_counter *c = stick_tracked(x, slot);

    if (w->op == OP_TRACKED) {
        sample_set_bool(out, c != NULL);
        return true;
    }
    if (!c || i < 0 || i >= STICK_ARRAY_MAX)
        return false;
    if (w->op == OP_KEY) {
        stick_key_get(c->table, c->entry, out);
        return true;
    }
    struct stick_table *t = table->type == ARG_TABLE ? table->u.table : NULL;
    if (t && t != c->table)
        return other_table_value(w, (unsigned)i, c, t, x, out);
    return entry_value(w, (unsigned)i, c->table, c->entry, out);
}

/* sc_x(<slot>[,<table>]) */
static bool
fetch_sc(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct what *w = private;

    return sc_value(w, arg[0].i, w->index < 0 ? 0 : w->index, &arg[1], x, out);
}

/* sc_x(<idx>,<slot>[,<table>]) */
static bool
fetch_sc_idx(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return sc_value(private, arg[1].i, arg[0].i, &arg[2], x, out);
}

/* sc_key(<slot>) */
static bool
fetch_sc_key(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    static const struct expr_arg none;

    return sc_value(private, arg[0].i, 0, &none, x, out);
}

#define SC_N(n)                                                                                    \
    static bool fetch_sc##n(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,  \
                            void *private)                                                         \
    {                                                                                              \
        static const struct expr_arg none;                                                         \
        const struct what *w = private;                                                            \
        return sc_value(w, n, w->index < 0 ? 0 : w->index, w->op == OP_KEY ? &none : &arg[0], x,   \
                        out);                                                                      \
    }
SC_N(0)
SC_N(1)
SC_N(2)

/* sc1_clr_gpc(<idx>[,<table>]): the only indexed one that the reference has with a number in its
 * name. */
static bool
fetch_sc1_idx(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return sc_value(private, 1, arg[0].i, &arg[1], x, out);
}

/* ---- table_*: any key; src_*: the client's address ---- */

static struct stick_table *
table_of(const struct expr_arg *arg, const struct sample_ctx *x)
{
    if (arg->type == ARG_TABLE && arg->u.table)
        return arg->u.table;
    return x->px ? x->px->table : NULL;
}

/* Replaces the key *s by the value. */
static bool
key_value(const struct what *w, int64_t i, const struct expr_arg *table, struct sample_ctx *x,
          struct sample *s)
{
    struct stick_table *t = table_of(table, x);
    int64_t now_ms = loop_now_ms();
    struct stick_key k;

    if (!t || i < 0 || i >= STICK_ARRAY_MAX || !stick_key_sample(t, s, x, &k))
        return false;
    struct stick_entry *e =
        changes_entry(w) ? stick_get(t, &k, now_ms, NULL) : stick_lookup(t, &k, now_ms);
    s->flags &= ~(unsigned)SMPF_CONST;
    sample_set_int(s, 0);
    if (!e)
        return true;
    bool ok = entry_value(w, (unsigned)i, t, e, s);
    if (ok && w->op == OP_TRACKERS)
        s->u.i--; /* ours */
    stick_unref(e);
    /* The indexed forms give 0 for what is not stored. */
    return ok || w->index < 0;
}

static bool
conv_table(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const struct what *w = private;

    return key_value(w, MAX(w->index, 0), &arg[0], x, s);
}

static bool
conv_table_idx(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    return key_value(private, arg[0].i, &arg[1], x, s);
}

/* The value of the `src` fetch, which knows PROXY headers and set-src. */
static bool
fetch_src_key(struct sample_ctx *x, struct sample *out)
{
    static const struct expr_arg none;
    const struct fetch *src = fetch_find(SL("src"));

    return src && src->fn(&none, x, out, src->private);
}

static bool
fetch_src_value(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct what *w = private;

    return fetch_src_key(x, out) && key_value(w, MAX(w->index, 0), &arg[0], x, out);
}

static bool
fetch_src_value_idx(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                    void *private)
{
    return fetch_src_key(x, out) && key_value(private, arg[0].i, &arg[1], x, out);
}

/* src_updt_conn_cnt: counts the connection itself, for tables that nothing tracks. */
static bool
fetch_src_updt(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct stick_table *t = table_of(&arg[0], x);
    int64_t now_ms = loop_now_ms();
    struct stick_key k;
    uint32_t v = 0;

    if (!t || !stick_has(t, STICK_CONN_CNT) || !fetch_src_key(x, out) ||
        !stick_key_sample(t, out, x, &k))
        return false;
    struct stick_entry *e = stick_get(t, &k, now_ms, NULL);
    if (!e)
        return false;
    stick_count(t, e, STICK_CONN_CNT, 0, 1, &v);
    stick_touch(t, e, now_ms);
    stick_unref(e);
    out->flags &= ~(unsigned)SMPF_CONST;
    sample_set_int(out, v);
    return true;
}

static bool
conv_in_table(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct stick_table *t = table_of(&arg[0], x);
    struct stick_key k;

    if (!t || !stick_key_sample(t, s, x, &k))
        return false;
    struct stick_entry *e = stick_lookup(t, &k, loop_now_ms());
    if (e)
        stick_unref(e);
    s->flags &= ~(unsigned)SMPF_CONST;
    sample_set_bool(s, e != NULL);
    return true;
}

/* table_expire and table_idle; *private: whether idle. */
static bool
conv_table_time(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct stick_table *t = table_of(&arg[0], x);
    int64_t now_ms = loop_now_ms();
    struct stick_key k;

    if (!t || !stick_key_sample(t, s, x, &k))
        return false;
    struct stick_entry *e = stick_lookup(t, &k, now_ms);
    s->flags &= ~(unsigned)SMPF_CONST;
    if (!e) {
        sample_set_int(s, arg[1].i);
        return arg[1].type != ARG_END;
    }
    int64_t left = stick_left_ms(t, e, now_ms);
    stick_unref(e);
    sample_set_int(s, private && t->expire_ms ? t->expire_ms - left : left);
    return true;
}

/* ---- tables as a whole ---- */

/* Entries that are over are removed bit by bit: a few of them now, so that small tables are exact.
 */
#define EXPIRE_BEFORE_COUNT 64u

static bool
fetch_table_cnt(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct stick_table *t = table_of(&arg[0], x);

    if (!t)
        return false;
    stick_table_expire(t, loop_now_ms(), EXPIRE_BEFORE_COUNT);
    unsigned used = MIN(atomic_load_explicit(&t->used, memory_order_relaxed), t->size);
    sample_set_int(out, private ? t->size - used : used);
    return true;
}

/* ---- rows: tables, laid out by hand ---- */

/* clang-format off */

/** X(name, op, data, index, help): values that need no index. */
#define PLAIN(X)                                                                                   \
    X(bytes_in_rate, READ, BYTES_IN_RATE, 0, "bytes received from clients per period")             \
    X(bytes_out_rate, READ, BYTES_OUT_RATE, 0, "bytes received from servers per period")           \
    X(conn_cnt, READ, CONN_CNT, 0, "connections so far")                                           \
    X(conn_cur, READ, CONN_CUR, 0, "connections being tracked now")                                \
    X(conn_rate, READ, CONN_RATE, 0, "connections per period")                                     \
    X(glitch_cnt, READ, GLITCH_CNT, 0, "protocol anomalies so far")                                \
    X(glitch_rate, READ, GLITCH_RATE, 0, "protocol anomalies per period")                          \
    X(gpc0_rate, GPC_RATE, GPC0_RATE, 0, "increments of the first general purpose counter per "    \
                                         "period")                                                 \
    X(gpc1_rate, GPC_RATE, GPC1_RATE, 1, "increments of the second general purpose counter per "   \
                                         "period")                                                 \
    X(http_err_cnt, READ, HTTP_ERR_CNT, 0, "errors of clients so far")                             \
    X(http_err_rate, READ, HTTP_ERR_RATE, 0, "errors of clients per period")                       \
    X(http_fail_cnt, READ, HTTP_FAIL_CNT, 0, "failures of servers so far")                         \
    X(http_fail_rate, READ, HTTP_FAIL_RATE, 0, "failures of servers per period")                   \
    X(http_req_cnt, READ, HTTP_REQ_CNT, 0, "requests so far")                                      \
    X(http_req_rate, READ, HTTP_REQ_RATE, 0, "requests per period")                                \
    X(kbytes_in, KBYTES, BYTES_IN_CNT, 0, "KiB received from clients so far")                      \
    X(kbytes_out, KBYTES, BYTES_OUT_CNT, 0, "KiB received from servers so far")                    \
    X(sess_cnt, READ, SESS_CNT, 0, "sessions so far")                                              \
    X(sess_rate, READ, SESS_RATE, 0, "sessions per period")

/** X(fetch name, converter name, op, data, index, help): general purpose values. */
#define NAMED(X)                                                                                   \
    X(get_gpc0, gpc0, GPC, GPC0, 0, "the first general purpose counter")                           \
    X(get_gpc1, gpc1, GPC, GPC1, 1, "the second general purpose counter")                          \
    X(get_gpt0, gpt0, GPT, GPT0, 0, "the first general purpose tag")                               \
    X(inc_gpc0, inc_gpc0, INC_GPC, GPC0, 0, "adds 1 to the first general purpose counter")         \
    X(inc_gpc1, inc_gpc1, INC_GPC, GPC1, 1, "adds 1 to the second general purpose counter")        \
    X(clr_gpc0, clr_gpc0, CLR_GPC, GPC0, 0, "clears the first general purpose counter")            \
    X(clr_gpc1, clr_gpc1, CLR_GPC, GPC1, 1, "clears the second general purpose counter")

/** X(fetch name, converter name, op, data, help): the same with an index. */
#define INDEXED(X)                                                                                 \
    X(get_gpc, gpc, GPC, GPC, "a general purpose counter")                                         \
    X(get_gpt, gpt, GPT, GPT, "a general purpose tag")                                             \
    X(gpc_rate, gpc_rate, GPC_RATE, GPC_RATE, "increments of a general purpose counter per "       \
                                              "period")                                            \
    X(inc_gpc, inc_gpc, INC_GPC, GPC, "adds 1 to a general purpose counter")                       \
    X(clr_gpc, clr_gpc, CLR_GPC, GPC, "clears a general purpose counter")

#define W(op_, data_, index_) ((void *)&(const struct what){ OP_##op_, STICK_##data_, index_ })

#define OPT_TABLE { ARG_TABLE | ARG_OPT }
#define OWN_TABLE { ARG_TABLE } /* absent: that of the proxy */

/* Tracked counters are state of the process, but for the two that came first. */
#define SC_NEEDS(op) (OP_##op == OP_KBYTES ? NEEDS_CLIENT : NEEDS_INTERNAL)

#define SC_FAMILY(name, out_, needs_, w, help_)                                                            \
    { "sc_" name, { ARG_UINT, ARG_TABLE | ARG_OPT }, out_, needs_, fetch_sc,                 \
      help_ " (tracked key)", .private = w, .usage = "<ctr>[,<table>]" },                          \
    { "sc0_" name, OPT_TABLE, out_, needs_, fetch_sc0, help_ " (tracked key 0)",             \
      .private = w, .usage = "[<table>]" },                                                        \
    { "sc1_" name, OPT_TABLE, out_, needs_, fetch_sc1, help_ " (tracked key 1)",             \
      .private = w, .usage = "[<table>]" },                                                        \
    { "sc2_" name, OPT_TABLE, out_, needs_, fetch_sc2, help_ " (tracked key 2)",             \
      .private = w, .usage = "[<table>]" },

#define SRC_ROW(name, w, help_)                                                                    \
    { "src_" name, OWN_TABLE, SMP_SINT, NEEDS_CLIENT, fetch_src_value,                             \
      help_ " (client address)", .private = w, .usage = "[<table>]" },

const struct fetch stick_fetches[] = {
#define X(n, op, d, i, help) SC_FAMILY(#n, SMP_SINT, SC_NEEDS(op), W(op, d, i), help)
    PLAIN(X)
#undef X
#define X(n, cn, op, d, i, help) SC_FAMILY(#n, SMP_SINT, SC_NEEDS(op), W(op, d, i), help)
    NAMED(X)
#undef X
    SC_FAMILY("tracked", SMP_BOOL, NEEDS_INTERNAL, W(TRACKED, GPC, 0), "whether the counter is tracked")
    SC_FAMILY("trackers", SMP_SINT, NEEDS_INTERNAL, W(TRACKERS, GPC, 0), "how many track the same key")
#define X(n, cn, op, d, help)                                                                      \
    { "sc_" #n, { ARG_UINT, ARG_UINT, ARG_TABLE | ARG_OPT }, SMP_SINT, NEEDS_INTERNAL, fetch_sc_idx, \
      help " (tracked key)", .private = W(op, d, -1), .usage = "<idx>,<ctr>[,<table>]" },
    INDEXED(X)
#undef X
    { "sc1_clr_gpc", { ARG_UINT, ARG_TABLE | ARG_OPT }, SMP_SINT, NEEDS_INTERNAL, fetch_sc1_idx,
      "clears a general purpose counter (tracked key 1)", .private = W(CLR_GPC, GPC, -1),
      .usage = "<idx>[,<table>]" },
    { "sc_key", { ARG_UINT }, SMP_ANY, NEEDS_INTERNAL, fetch_sc_key, "the tracked key",
      .private = W(KEY, GPC, 0), .usage = "<ctr>" },
    { "sc0_key", { 0 }, SMP_ANY, NEEDS_INTERNAL, fetch_sc0, "the tracked key 0",
      .private = W(KEY, GPC, 0) },
    { "sc1_key", { 0 }, SMP_ANY, NEEDS_INTERNAL, fetch_sc1, "the tracked key 1",
      .private = W(KEY, GPC, 0) },
    { "sc2_key", { 0 }, SMP_ANY, NEEDS_INTERNAL, fetch_sc2, "the tracked key 2",
      .private = W(KEY, GPC, 0) },

#define X(n, op, d, i, help) SRC_ROW(#n, W(op, d, i), help)
    PLAIN(X)
#undef X
#define X(n, cn, op, d, i, help) SRC_ROW(#n, W(op, d, i), help)
    NAMED(X)
#undef X
#define X(n, cn, op, d, help)                                                                      \
    { "src_" #n, { ARG_UINT, ARG_TABLE }, SMP_SINT, NEEDS_CLIENT, fetch_src_value_idx,             \
      help " (client address)", .private = W(op, d, -1), .usage = "<idx>,<table>" },
    INDEXED(X)
#undef X
    { "src_updt_conn_cnt", OWN_TABLE, SMP_SINT, NEEDS_CLIENT, fetch_src_updt,
      "counts a connection of the client's address", .usage = "[<table>]" },

    { "table_cnt", OWN_TABLE, SMP_SINT, NEEDS_INTERNAL, fetch_table_cnt, "entries in use",
      .usage = "[<table>]" },
    { "table_avl", OWN_TABLE, SMP_SINT, NEEDS_INTERNAL, fetch_table_cnt, "entries available",
      .private = W(READ, GPC, 0), .usage = "[<table>]" },
    { 0 }
};

#define CONV_ROW(name, w, help_)                                                                   \
    { "table_" name, OWN_TABLE, SMP_ANY, SMP_SINT, conv_table, help_ " (key: the input)",          \
      .private = w, .usage = "[table]" },

const struct conv stick_convs[] = {
#define X(n, op, d, i, help) CONV_ROW(#n, W(op, d, i), help)
    PLAIN(X)
#undef X
#define X(n, cn, op, d, i, help) CONV_ROW(#cn, W(op, d, i), help)
    NAMED(X)
#undef X
    CONV_ROW("server_id", W(READ, SERVER_ID, 0), "number of the server stuck to")
    CONV_ROW("trackers", W(TRACKERS, GPC, 0), "how many track this key")
#define X(n, cn, op, d, help)                                                                      \
    { "table_" #cn, { ARG_UINT, ARG_TABLE }, SMP_ANY, SMP_SINT, conv_table_idx,                    \
      help " (key: the input)", .private = W(op, d, -1), .usage = "idx,table" },
    INDEXED(X)
#undef X
    { "table_expire", { ARG_TABLE, ARG_SINT | ARG_OPT }, SMP_ANY, SMP_SINT, conv_table_time,
      "milliseconds until the key expires", .usage = "[table[,default]]" },
    { "table_idle", { ARG_TABLE, ARG_SINT | ARG_OPT }, SMP_ANY, SMP_SINT, conv_table_time,
      "milliseconds since the key was used", .private = W(READ, GPC, 0),
      .usage = "[table[,default]]" },
    { "in_table", OWN_TABLE, SMP_ANY, SMP_BOOL, conv_in_table, "whether the key is in the table",
      .usage = "[table]" },
    { 0 }
};
/* clang-format on */
