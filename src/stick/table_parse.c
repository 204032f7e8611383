/* table_parse.c - the `stick-table` line (and `table` of peers sections), checks, all tables of a
 * configuration. */
#include "stick/data.h"

#include <stdio.h>
#include <string.h>

#define PREFIX            "stick-table: "
#define BRATES_FACTOR_MAX 1024

static struct {
    const char *name;
    enum stick_type type;
    unsigned key_size;
} const type_words[] = {
    { "ip", STICK_IP, 4 },
    { "ipv4", STICK_IP, 4 },
    { "ipv6", STICK_IPV6, 16 },
    { "integer", STICK_INTEGER, 4 },
    { "string", STICK_STRING, STICK_KEY_DEFAULT },
    { "binary", STICK_BINARY, STICK_KEY_DEFAULT },
};

/* ---- numbers with units: on error the character that is wrong, NUL: the end ---- */

static const char *
scan_digits(const char *s, uint64_t max, uint64_t *out)
{
    for (*out = 0; *s >= '0' && *s <= '9'; s++) {
        if (*out > (max - (uint64_t)(*s - '0')) / 10)
            return s;
        *out = *out * 10 + (uint64_t)(*s - '0');
    }
    return s;
}

/* Returns NULL when all of `s` is a size below 2^32. */
static const char *
scan_size(const char *s, unsigned *out)
{
    static const char units[] = "kmg";
    uint64_t v;
    const char *end = scan_digits(s, UINT32_MAX, &v);

    if (end == s)
        return s;
    const char *unit = *end ? strchr(units, *end | 0x20) : NULL;
    if (*end) {
        if (!unit || end[1])
            return unit ? end + 1 : end;
        v <<= 10 * (unit - units + 1);
        if (v > UINT32_MAX)
            return end;
    }
    *out = (unsigned)v;
    return NULL;
}

enum scan_time { TIME_OK, TIME_BAD, TIME_TOO_LONG };

/* Milliseconds by default, rounded up; 2^31-1 at most. */
static enum scan_time
scan_time(struct slice s, int *out_ms, char *bad)
{
    static struct {
        const char *unit;
        uint64_t us;
    } const units[] = { { "", 1000 },         { "us", 1 },       { "ms", 1000 },
                        { "s", 1000000 },     { "m", 60000000 }, { "h", 3600000000u },
                        { "d", 86400000000u } };
    uint64_t v = 0;
    size_t n = 0;

    while (n < s.len && s.p[n] >= '0' && s.p[n] <= '9') {
        if (v > UINT64_MAX / 10 / 86400000000u)
            return TIME_TOO_LONG;
        v = v * 10 + (uint64_t)(s.p[n++] - '0');
    }
    *bad = n < s.len ? s.p[n] : '\0';
    if (n == 0)
        return TIME_BAD;
    for (unsigned i = 0; i < COUNT_OF(units); i++) {
        if (!slice_eq_str(slice_sub(s, n, s.len), units[i].unit))
            continue;
        if (v > (uint64_t)INT32_MAX * 1000 / units[i].us)
            return TIME_TOO_LONG;
        *out_ms = (int)((v * units[i].us + 999) / 1000);
        return TIME_OK;
    }
    return TIME_BAD;
}

/* ---- words of the line ---- */

static enum cfg_rc
missing_after(struct cfg *c, unsigned at)
{
    return cfg_error(c, at, PREFIX "missing argument after '%s'.", cfg_arg(c, at));
}

static enum cfg_rc
parse_type(struct cfg *c, unsigned *at, struct stick_table *t)
{
    const char *word = cfg_arg(c, *at + 1);
    uint64_t len;
    unsigned i = 0;

    while (i < COUNT_OF(type_words) && strcmp(word, type_words[i].name) != 0)
        i++;
    if (i == COUNT_OF(type_words)) {
        struct suggest s;
        suggest_init(&s, word);
        for (i = 0; i < COUNT_OF(type_words); i++)
            suggest_offer(&s, type_words[i].name);
        cfg_error(c, *at + 1, PREFIX "unknown type '%s'.", word);
        if (suggest_result(&s))
            cfg_hint(c, "did you mean '%s'?", suggest_result(&s));
        return CFG_ERR;
    }
    t->type = type_words[i].type;
    t->key_size = type_words[i].key_size;
    *at += 2;
    if ((t->type != STICK_STRING && t->type != STICK_BINARY) || !cfg_arg_is(c, *at, "len"))
        return CFG_OK;
    const char *arg = cfg_arg(c, *at + 1);
    if (*scan_digits(arg, UINT32_MAX, &len) || len == 0)
        return cfg_error(c, *at + 1, PREFIX "unknown type '%s'.", arg);
    if (len > STICK_KEY_MAX)
        return cfg_error(c, *at + 1, PREFIX "a key cannot be longer than %u bytes (was %s).",
                         STICK_KEY_MAX, arg);
    t->key_size = (unsigned)len;
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
parse_size(struct cfg *c, unsigned *at, struct stick_table *t)
{
    if (*at + 1 >= c->nwords)
        return missing_after(c, *at);
    const char *bad = scan_size(cfg_arg(c, *at + 1), &t->size);
    if (bad)
        return cfg_error(c, *at + 1, PREFIX "unexpected character '%c' in argument of 'size'.",
                         *bad ? *bad : ' ');
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
parse_expire(struct cfg *c, unsigned *at, struct stick_table *t)
{
    const char *arg = cfg_arg(c, *at + 1);
    char bad;

    if (*at + 1 >= c->nwords)
        return missing_after(c, *at);
    switch (scan_time(slice_str(arg), &t->expire_ms, &bad)) {
    case TIME_BAD:
        return cfg_error(c, *at + 1, PREFIX "unexpected character '%c' in argument of 'expire'.",
                         bad ? bad : ' ');
    case TIME_TOO_LONG:
        return cfg_error(c, *at + 1,
                         DIAG_TIGHT PREFIX
                         "timer overflow in argument <%s> to <expire>, maximum value is "
                         "2147483647 ms (~24.8 days).",
                         arg);
    default:
        *at += 2;
        return CFG_OK;
    }
}

static enum cfg_rc
parse_name(struct cfg *c, unsigned *at, const char **out)
{
    if (*at + 1 >= c->nwords)
        return missing_after(c, *at);
    *out = cfg_arg(c, *at + 1);
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
parse_peers(struct cfg *c, unsigned *at, struct stick_table *t)
{
    if (c->where & IN_PEERS) /* tables of a peers section belong to it */
        return cfg_error(c, *at, PREFIX "unknown argument 'peers'.");
    return parse_name(c, at, &t->peers_name);
}

static enum cfg_rc
parse_write_to(struct cfg *c, unsigned *at, struct stick_table *t)
{
    return parse_name(c, at, &t->write_to_name);
}

static enum cfg_rc
parse_srvkey(struct cfg *c, unsigned *at, struct stick_table *t)
{
    const char *arg = cfg_arg(c, *at + 1);

    t->srvkey_addr = strcmp(arg, "addr") == 0;
    if (!t->srvkey_addr && strcmp(arg, "name") != 0)
        return cfg_error(c, *at + 1, "stick-table : unknown server key type '%s'.", arg);
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
parse_brates(struct cfg *c, unsigned *at, struct stick_table *t)
{
    const char *arg = cfg_arg(c, *at + 1);
    uint64_t v;

    if (*at + 1 >= c->nwords)
        return missing_after(c, *at);
    if (*scan_digits(arg, UINT32_MAX, &v) || v < 1 || v > BRATES_FACTOR_MAX)
        return cfg_error(c, *at + 1,
                         PREFIX "argument 'brates-factor' must be greater than 0 and lower or "
                                "equal than %u.",
                         BRATES_FACTOR_MAX);
    t->brates_factor = (unsigned)v;
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
parse_nopurge(struct cfg *c, unsigned *at, struct stick_table *t)
{
    t->nopurge = true;
    ++*at;
    return CFG_OK;
}

static enum cfg_rc
parse_recv_only(struct cfg *c, unsigned *at, struct stick_table *t)
{
    t->recv_only = true;
    ++*at;
    return CFG_OK;
}

/* ---- store ---- */

/* Takes the next comma-separated argument; false when there is none. */
static bool
next_arg(struct slice *rest, struct slice *out)
{
    if (!rest->p)
        return false;
    *out = slice_cut(*rest, ',', rest);
    return true;
}

static enum cfg_rc
store_args(struct cfg *c, unsigned word, struct stick_table *t, enum stick_data d,
           struct slice args)
{
    enum stick_args takes = stick_data_rows[d].args;
    const char *name = stick_data_rows[d].name;
    unsigned count = 1;
    struct slice arg;

    if (takes == STICKA_COUNT || takes == STICKA_COUNT_PERIOD) {
        uint64_t v;
        if (!next_arg(&args, &arg))
            return cfg_error(c, word, PREFIX "missing argument to store option '%s'.", name);
        if (!slice_to_uint(arg, &v) || v < 1 || v > STICK_ARRAY_MAX)
            return cfg_error(c, word,
                             PREFIX "array size is out of allowed range (1-%u) for store option "
                                    "'%s'.",
                             STICK_ARRAY_MAX, name);
        count = (unsigned)v;
    }
    if (takes == STICKA_PERIOD || takes == STICKA_COUNT_PERIOD) {
        int ms = 0;
        char bad;
        if (!next_arg(&args, &arg))
            return cfg_error(c, word, PREFIX "missing argument to store option '%s'.", name);
        /* A rate over no time has no meaning (the reference accepts it and crashes when it is
         * read). */
        if (scan_time(arg, &ms, &bad) != TIME_OK || ms == 0)
            return cfg_error(c, word, PREFIX "error when processing store option '%s'.", name);
        t->period_ms[d] = (uint32_t)ms;
    }
    if (args.p)
        return cfg_error(c, word, PREFIX "unexpected argument to store option '%s'.", name);
    t->count[d] = (uint8_t)count;
    return CFG_OK;
}

/* One element of the list: name or name(arguments). Returns what follows it in *rest. */
static enum cfg_rc
store_one(struct cfg *c, unsigned word, struct stick_table *t, struct slice *rest)
{
    size_t end = 0;
    struct slice args = SLICE_NONE;

    while (end < rest->len && rest->p[end] != ',' && rest->p[end] != '(')
        end++;
    struct slice name = slice_sub(*rest, 0, end);
    enum stick_data d = stick_data_find(name);
    if (end < rest->len && rest->p[end] == '(') {
        size_t close = slice_find(*rest, ')', end);
        if (close == SIZE_MAX)
            return cfg_error(c, word,
                             PREFIX "missing closing parenthesis after store option '%.*s'.",
                             SLF(name));
        args = slice_sub(*rest, end + 1, close - end - 1);
        end = close + 1;
    }
    *rest = slice_sub(*rest, end, rest->len);
    if (rest->len && *rest->p == ',')
        *rest = slice_sub(*rest, 1, rest->len);

    if (d == STICK_DATA_TYPES) {
        struct suggest s;
        char wrong[64];
        snprintf(wrong, sizeof(wrong), "%.*s", SLF(name));
        suggest_init(&s, wrong);
        for (unsigned i = 0; i < STICK_DATA_TYPES; i++)
            suggest_offer(&s, stick_data_rows[i].name);
        cfg_error(c, word, PREFIX "unknown store option '%.*s'.", SLF(name));
        if (suggest_result(&s))
            cfg_hint(c, "did you mean '%s'?", suggest_result(&s));
        return CFG_ERR;
    }
    if (t->count[d]) {
        cfg_warn(c, word, DIAG_TIGHT PREFIX "store option '%s' already enabled, ignored.",
                 stick_data_rows[d].name);
        return CFG_OK;
    }
    return store_args(c, word, t, d, args);
}

/* The arrays replace the old single counters. */
static enum cfg_rc
store_check(struct cfg *c, unsigned word, const struct stick_table *t)
{
    static struct {
        enum stick_data array, first, second;
        const char *shown;
    } const pairs[] = {
        { STICK_GPT, STICK_GPT0, STICK_GPT0, "gpt0" },
        { STICK_GPC, STICK_GPC0, STICK_GPC1, "gpc[0/1]" },
        { STICK_GPC_RATE, STICK_GPC0_RATE, STICK_GPC1_RATE, "gpc[0/1]_rate" },
    };

    for (unsigned i = 0; i < COUNT_OF(pairs); i++) {
        const char *array = stick_data_rows[pairs[i].array].name;
        if (t->count[pairs[i].array] && (t->count[pairs[i].first] || t->count[pairs[i].second]))
            return cfg_error(c, word,
                             PREFIX "simultaneous usage of '%s' and '%s' in a same table is not "
                                    "permitted as '%s' overrides '%s'.",
                             array, pairs[i].shown, array, pairs[i].shown);
    }
    return CFG_OK;
}

static enum cfg_rc
parse_store(struct cfg *c, unsigned *at, struct stick_table *t)
{
    struct slice rest = slice_str(cfg_arg(c, *at + 1));

    while (rest.len)
        if (store_one(c, *at + 1, t, &rest) != CFG_OK)
            return CFG_ERR;
    if (store_check(c, *at + 1, t) != CFG_OK)
        return CFG_ERR;
    *at += *at + 1 < c->nwords ? 2 : 1;
    return CFG_OK;
}

/* ---- the line ---- */

static struct {
    const char *name;
    enum cfg_rc (*parse)(struct cfg *c, unsigned *at, struct stick_table *t);
} const words[] = {
    { "type", parse_type },
    { "size", parse_size },
    { "expire", parse_expire },
    { "nopurge", parse_nopurge },
    { "recv-only", parse_recv_only },
    { "write-to", parse_write_to },
    { "srvkey", parse_srvkey },
    { "store", parse_store },
    { "brates-factor", parse_brates },
    { "peers", parse_peers },
};

static enum cfg_rc
parse_word(struct cfg *c, unsigned *at, struct stick_table *t)
{
    struct suggest s;

    suggest_init(&s, cfg_arg(c, *at));
    for (unsigned i = 0; i < COUNT_OF(words); i++) {
        if (cfg_arg_is(c, *at, words[i].name))
            return words[i].parse(c, at, t);
        suggest_offer(&s, words[i].name);
    }
    cfg_error(c, *at, PREFIX "unknown argument '%s'.", cfg_arg(c, *at));
    if (suggest_result(&s))
        cfg_hint(c, "did you mean '%s'?", suggest_result(&s));
    return CFG_ERR;
}

enum cfg_rc
stick_table_parse(struct cfg *c, unsigned at, const char *name, const char *owner,
                  struct list *tables, struct stick_table **out)
{
    const struct stick_table *other = stick_table_find(tables, name);
    struct stick_table *t = ARENA_NEW(c->arena, struct stick_table);

    *out = NULL;
    if (other)
        return cfg_error(c, CFG_WHOLE_LINE,
                         "stick-table name '%s' conflicts with table declared in %s '%s' at %s:%u.",
                         name, other->owner, other->name, other->loc.file, other->loc.line);
    t->name = name;
    t->owner = owner;
    t->loc = cfg_loc_of(c, 0);
    t->type = STICK_TYPES;
    t->brates_factor = 1;
    while (at < c->nwords)
        if (parse_word(c, &at, t) != CFG_OK)
            return CFG_ERR;
    if (t->size == 0)
        return cfg_error(c, CFG_WHOLE_LINE, PREFIX "missing size.");
    if (t->type == STICK_TYPES)
        return cfg_error(c, CFG_WHOLE_LINE, PREFIX "missing type.");
    stick_table_layout(t);
    list_push_back(tables, &t->link);
    *out = t;
    return CFG_OK;
}

/* ---- all tables ---- */

void
stick_tables_check(struct cfg *c, struct list *tables)
{
    struct stick_table *t;

    list_each (t, tables, link) {
        if (!t->write_to_name)
            continue;
        struct stick_table *to = stick_table_find(tables, t->write_to_name);
        if (!to)
            cfg_error_at(c, &t->loc, "write-to: table '%s' doesn't exist.", t->write_to_name);
        else if (to == t)
            cfg_error_at(c, &t->loc, "write-to: table '%s' cannot write to itself.", t->name);
        else if (to->type != t->type)
            cfg_error_at(c, &t->loc,
                         "write-to: cannot mix table types ('%s' has '%s' type and '%s' has '%s' "
                         "type).",
                         to->name, stick_type_names[to->type], t->name, stick_type_names[t->type]);
        else if (to->key_size != t->key_size)
            cfg_error_at(c, &t->loc,
                         "write-to: cannot mix key sizes ('%s' has '%u' key_size and '%s' has '%u' "
                         "key_size).",
                         to->name, to->key_size, t->name, t->key_size);
        t->write_to = to;
    }
}

bool
stick_tables_start(struct list *tables)
{
    struct stick_table *t;

    list_each (t, tables, link)
        if (!stick_table_start(t))
            return false;
    return true;
}

void
stick_tables_stop(struct list *tables)
{
    struct stick_table *t;

    list_each (t, tables, link)
        stick_table_stop(t);
}

int
stick_tables_expire(struct list *tables, int64_t now_ms, unsigned budget)
{
    int64_t wait = 1000;
    struct stick_table *t;

    list_each (t, tables, link) {
        if (stick_table_expire(t, now_ms, budget) >= budget)
            wait = 1; /* more to do */
        int64_t next = stick_table_next_ms(t, now_ms);
        if (next >= 0)
            wait = MIN(wait, MAX(next, (int64_t)1));
    }
    return (int)wait;
}
