/* show.c - stick tables on the runtime API. */
#include "stick/show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 64u /* entries referenced at once */

static const char *const op_names[STICK_OPS] = { "eq", "ne", "le", "ge", "lt", "gt" };

/* The first words of a command, with its verb and "table": where word numbers in messages start. */
#define WORDS_BEFORE 3u

/* ---- filters ---- */

/* "<type>" or "<type>[<idx>]" after "data.". False when there is no such type. */
static bool
data_name(const char *s, enum stick_data *d, unsigned *index)
{
    const char *open = strchr(s, '[');
    uint64_t i = 0;

    *d = stick_data_find(open ? slice(s, (size_t)(open - s)) : slice_str(s));
    *index = 0;
    if (*d == STICK_DATA_TYPES)
        return false;
    if (!open)
        return true;
    size_t len = strlen(open);
    if (len < 3 || open[len - 1] != ']' || !slice_to_uint(slice(open + 1, len - 2), &i) ||
        i >= STICK_ARRAY_MAX)
        return false;
    *index = (unsigned)i;
    return true;
}

static bool
is_data(const char *word)
{
    return strncmp(word, "data.", 5) == 0;
}

/* Integers as strtoll() takes them, so 0x and negative ones too. */
static bool
whole_integer(const char *s, int64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoll(s, &end, 0);
    return *s && !*end && errno == 0;
}

static char *
filter_one(const struct stick_table *t, const char *const *words, unsigned nwords,
           struct stick_filter *f)
{
    unsigned n = f->n + 1;
    const char *op = nwords > 1 ? words[1] : "";
    unsigned i = 0;

    if (!is_data(words[0]))
        return xstrdup("Optional argument only supports \"data.<store_data_type>\" <operator> "
                       "<value> and key <key>");
    if (!data_name(words[0] + 5, &f->cond[f->n].data, &f->cond[f->n].index))
        return xasprintf("Filter entry #%u: Unknown data type", n);
    if (f->cond[f->n].index >= t->count[f->cond[f->n].data])
        return xasprintf("Filter entry #%u: Data type not stored in this table", n);
    while (i < STICK_OPS && strcmp(op, op_names[i]) != 0)
        i++;
    if (i == STICK_OPS)
        return xasprintf("Filter entry #%u: Require and operator among \"eq\", \"ne\", \"le\", "
                         "\"ge\", \"lt\", \"gt\"",
                         n);
    f->cond[f->n].op = (enum stick_op)i;
    if (nwords < 3 || !whole_integer(words[2], &f->cond[f->n].value))
        return xasprintf("Filter entry #%u: Require a valid integer value to compare against", n);
    f->n++;
    return NULL;
}

char *
stick_filter_parse(const struct stick_table *t, const char *const *words, unsigned nwords,
                   unsigned first, struct stick_filter *f)
{
    *f = (struct stick_filter){ 0 };
    for (unsigned at = 0; at < nwords; at += 3) {
        if (f->n == STICK_FILTERS_MAX)
            return xasprintf("Detected extra data in filter, %uth word of input, after '%s'",
                             first + at, words[at - 1]);
        char *err = filter_one(t, words + at, nwords - at, f);
        if (err)
            return err;
    }
    return NULL;
}

bool
stick_filter_match(const struct stick_filter *f, const struct stick_table *t, struct stick_entry *e,
                   int64_t now_ms)
{
    for (unsigned i = 0; i < f->n; i++) {
        uint64_t u;
        bool ok = false;
        if (!stick_read(t, e, f->cond[i].data, f->cond[i].index, now_ms, &u))
            return false; /* names cannot be compared */
        int64_t v = u > INT64_MAX ? INT64_MAX : (int64_t)u;
        int64_t with = f->cond[i].value;
        switch (f->cond[i].op) {
        case STICK_EQ:
            ok = v == with;
            break;
        case STICK_NE:
            ok = v != with;
            break;
        case STICK_LE:
            ok = v <= with;
            break;
        case STICK_GE:
            ok = v >= with;
            break;
        case STICK_LT:
            ok = v < with;
            break;
        default:
            ok = v > with;
            break;
        }
        if (!ok)
            return false;
    }
    return true;
}

/* ---- output ---- */

void
stick_table_put(struct stick_table *t, int64_t now_ms, struct text *to)
{
    /* Entries that are over but not yet removed should not be counted. */
    stick_table_expire(t, now_ms, 1000);
    text_printf(to, "# table: %s, type: %s, size:%u, used:%u\n", t->name, stick_type_names[t->type],
                t->size, MIN(atomic_load_explicit(&t->used, memory_order_relaxed), t->size));
}

static void
data_put(struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i,
         int64_t now_ms, struct text *to)
{
    const struct stick_data_row *row = &stick_data_rows[d];
    const char *suffix = strchr(row->name, '_');
    char key[256];
    uint64_t v = 0;

    text_char(to, ' ');
    if (row->args == STICKA_COUNT || row->args == STICKA_COUNT_PERIOD)
        text_printf(to, "%.*s%u%s", suffix ? (int)(suffix - row->name) : 3, row->name, i,
                    suffix ? suffix : "");
    else
        text_str(to, row->name);
    if (row->kind == STICKK_RATE)
        text_printf(to, "(%u)", t->period_ms[d]);
    if (row->kind == STICKK_NAME) {
        text_printf(to, "=%s", stick_server_key(t, e, key, sizeof(key)) ? key : "-");
        return;
    }
    stick_read(t, e, d, i, now_ms, &v);
    text_printf(to, "=%llu", (unsigned long long)v);
}

void
stick_entry_put(struct stick_table *t, struct stick_entry *e, unsigned own, int64_t now_ms,
                struct text *to)
{
    unsigned use = atomic_load_explicit(&e->ref, memory_order_relaxed);

    text_printf(to, "%p: key=", (void *)e);
    stick_key_put(t, e, to);
    text_printf(to, " use=%u exp=%u shard=0", use > own ? use - own : 0,
                stick_left_ms(t, e, now_ms));
    for (unsigned d = 0; d < STICK_DATA_TYPES; d++)
        for (unsigned i = 0; i < t->count[d]; i++)
            data_put(t, e, (enum stick_data)d, i, now_ms, to);
    text_char(to, '\n');
}

/* ---- commands: words ---- */

static char *
no_words(enum stick_verb verb)
{
    static const char *const needed[] = {
        [STICK_SHOW] = "Optional argument only supports \"data.<store_data_type>\" <operator> "
                       "<value> and key <key>",
        [STICK_SET] = "Required arguments: <table> key <key> [data.<store_data_type> <value>]*",
        [STICK_CLEAR] = "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> "
                        "or <table> key <key>",
    };
    return xstrdup(needed[verb]);
}

static char *
set_parse(struct stick_query *q, const char *const *words, unsigned nwords)
{
    for (unsigned at = 0; at < nwords; at += 2) {
        enum stick_data d;
        unsigned index;
        int64_t v = 0;
        if (!is_data(words[at]))
            return xstrdup("\"data.<type>\" followed by a value expected");
        if (!data_name(words[at] + 5, &d, &index))
            return xstrdup("Unknown data type");
        if (index >= q->table->count[d])
            return xstrdup("Data type not stored in this table");
        const char *value = at + 1 < nwords ? words[at + 1] : "";
        bool is_name = stick_data_rows[d].kind == STICKK_NAME;
        if (!*value || (!is_name && !whole_integer(value, &v)))
            return xstrdup("Require a valid integer value to store");
        if (q->nset == COUNT_OF(q->set))
            return xstrdup("Too many values at once");
        q->set[q->nset].data = d;
        q->set[q->nset].index = index;
        q->set[q->nset].value = (uint64_t)v;
        q->set[q->nset++].name = is_name ? value : NULL;
    }
    return NULL;
}

static char *
key_parse(struct stick_query *q, const char *const *words, unsigned nwords)
{
    static const char *const verbs[] = { "Showing keys from", "Inserting keys into",
                                         "Removing keys from" };
    q->by = STICK_BY_KEY;
    if (nwords < 2)
        return xstrdup("Key value expected");
    if (q->table->type == STICK_BINARY)
        return xasprintf("%s tables of type other than ip, ipv6, string and integer is not "
                         "supported",
                         verbs[q->verb]);
    if (!stick_key_text(q->table, words[1], &q->key))
        return xstrdup("Invalid key");
    return q->verb == STICK_SET ? set_parse(q, words + 2, nwords - 2) : NULL;
}

static char *
ptr_parse(struct stick_query *q, const char *const *words, unsigned nwords)
{
    char *end;

    q->by = STICK_BY_PTR;
    if (nwords < 2)
        return xstrdup("Pointer value expected");
    q->ptr = (uintptr_t)strtoull(words[1], &end, 16);
    if (*end || end == words[1])
        return xstrdup("Invalid ptr");
    return q->verb == STICK_SET ? set_parse(q, words + 2, nwords - 2) : NULL;
}

char *
stick_query_parse(struct stick_query *q, enum stick_verb verb, const struct list *tables,
                  const char *const *words, unsigned nwords)
{
    *q = (struct stick_query){ .verb = verb, .tables = tables };
    if (nwords == 0)
        return verb == STICK_SHOW ? NULL : no_words(verb);
    q->table = stick_table_find(tables, words[0]);
    if (!q->table)
        return xstrdup("No such table");
    if (nwords == 1) {
        q->by = verb == STICK_SET ? STICK_BY_NOTHING : STICK_BY_ALL;
        return NULL;
    }
    if (strcmp(words[1], "key") == 0)
        return key_parse(q, words + 1, nwords - 1);
    if (strcmp(words[1], "ptr") == 0)
        return ptr_parse(q, words + 1, nwords - 1);
    if (!is_data(words[1]))
        return no_words(verb);
    if (verb == STICK_SET)
        return xstrdup("content-based lookup is only supported with the \"show\" and \"clear\" "
                       "actions");
    q->by = STICK_BY_DATA;
    return stick_filter_parse(q->table, words + 1, nwords - 1, WORDS_BEFORE + 1, &q->filter);
}

/* ---- commands: work ---- */

/* Gives our reference back and removes the entry unless somebody else uses it. */
static enum stick_del
remove_entry(struct stick_table *t, struct stick_entry *e, int64_t now_ms)
{
    struct stick_key k = { .p = (const char *)e + t->key_offset, .len = t->key_size };
    char *copy = k.len <= sizeof(k.buf) ? k.buf : malloc(k.len);
    enum stick_del rc = STICK_DEL_IN_USE;

    if (copy) {
        memcpy(copy, k.p, k.len);
        k.p = copy;
        if (t->type == STICK_STRING)
            k.len = (unsigned)strnlen(k.p, k.len);
    }
    stick_unref(e);
    if (copy)
        rc = stick_delete(t, &k, now_ms);
    if (copy != k.buf)
        free(copy);
    return rc;
}

/* What the verb does with one entry; takes over the reference. */
static void
act_on(struct stick_query *q, struct stick_entry *e, int64_t now_ms, struct text *to)
{
    struct stick_table *t = q->table;

    switch (q->verb) {
    case STICK_SHOW:
        stick_entry_put(t, e, 1, now_ms, to);
        break;
    case STICK_SET:
        for (unsigned i = 0; i < q->nset; i++) {
            if (q->set[i].name)
                stick_set_server_key(t, e, slice_str(q->set[i].name));
            else
                stick_set(t, e, q->set[i].data, q->set[i].index, now_ms, q->set[i].value);
        }
        stick_touch(t, e, now_ms);
        break;
    case STICK_CLEAR:
        if (remove_entry(t, e, now_ms) == STICK_DEL_IN_USE &&
            (q->by == STICK_BY_KEY || q->by == STICK_BY_PTR))
            text_str(to, "Entry currently in use, cannot remove\n");
        return;
    }
    stick_unref(e);
}

static void
step_key(struct stick_query *q, int64_t now_ms, struct text *to)
{
    struct stick_entry *e = q->verb == STICK_SET ? stick_get(q->table, &q->key, now_ms, NULL)
                                                 : stick_lookup(q->table, &q->key, now_ms);
    if (!e) {
        if (q->verb == STICK_SET)
            text_str(to, "Unable to allocate a new entry\n");
        return;
    }
    if (q->verb == STICK_SHOW)
        stick_table_put(q->table, now_ms, to);
    act_on(q, e, now_ms, to);
}

/* Goes over the table, or looks for one pointer in it. */
static bool
step_all(struct stick_query *q, int64_t now_ms, unsigned budget, struct text *to)
{
    struct stick_entry *page[PAGE];
    bool by_ptr = q->by == STICK_BY_PTR;
    bool found = false;

    if (!q->begun && q->verb == STICK_SHOW && !by_ptr)
        stick_table_put(q->table, now_ms, to);
    q->begun = true;
    for (unsigned looked = 0; looked < budget && !found;) {
        unsigned n = stick_table_page(q->table, &q->at, page, PAGE, now_ms);
        if (n == 0) {
            if (by_ptr)
                text_str(to, "No entry can be found matching ptr.\n");
            return true;
        }
        looked += n;
        for (unsigned i = 0; i < n; i++) {
            if (by_ptr ? (uintptr_t)page[i] != q->ptr
                       : !stick_filter_match(&q->filter, q->table, page[i], now_ms)) {
                stick_unref(page[i]);
                continue;
            }
            if (by_ptr && q->verb == STICK_SHOW)
                stick_table_put(q->table, now_ms, to);
            act_on(q, page[i], now_ms, to);
            found = by_ptr;
        }
    }
    return found;
}

bool
stick_query_step(struct stick_query *q, int64_t now_ms, unsigned budget, struct text *to)
{
    const struct list *n;

    if (!q->table) {
        /* The table declared last comes first. */
        for (n = q->tables->prev; n != q->tables; n = n->prev)
            stick_table_put(list_entry(n, struct stick_table, link), now_ms, to);
        return true;
    }
    switch (q->by) {
    case STICK_BY_NOTHING:
        return true;
    case STICK_BY_KEY:
        step_key(q, now_ms, to);
        return true;
    default:
        return step_all(q, now_ms, budget, to);
    }
}
