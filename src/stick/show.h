/* show.h - `show table`, `set table`, `clear table` of the runtime API (management manual), without
 * any socket: words in, pages of text out. */
#ifndef STICK_SHOW_H
#define STICK_SHOW_H

#include "stick/table.h"

#define STICK_FILTERS_MAX 4u

enum stick_op { STICK_EQ, STICK_NE, STICK_LE, STICK_GE, STICK_LT, STICK_GT, STICK_OPS };

/** Conditions on stored data; all must hold. */
struct stick_filter {
    unsigned n;
    struct {
        enum stick_data data;
        unsigned index;
        enum stick_op op;
        int64_t value;
    } cond[STICK_FILTERS_MAX];
};

/** Parses "data.<type>[<idx>] <operator> <value>"... `first` is the number of words[0] on the
 * command line, from 1, for messages. Returns NULL or the text of the error, which the caller
 * frees. */
char *stick_filter_parse(const struct stick_table *t, const char *const *words, unsigned nwords,
                         unsigned first, struct stick_filter *f);
bool stick_filter_match(const struct stick_filter *f, const struct stick_table *t,
                        struct stick_entry *e, int64_t now_ms);

/** "# table: x, type: ip, size:1024, used:3" and a newline. */
void stick_table_put(struct stick_table *t, int64_t now_ms, struct text *to);
/** One line of `show table <name>`. `own` references are the caller's and not shown in use=. */
void stick_entry_put(struct stick_table *t, struct stick_entry *e, unsigned own, int64_t now_ms,
                     struct text *to);

enum stick_verb { STICK_SHOW, STICK_SET, STICK_CLEAR };

/** One command in progress. Initialised by stick_query_parse(); must not move in memory. */
struct stick_query {
    enum stick_verb verb;
    const struct list *tables;
    struct stick_table *table; /* NULL: list all tables */
    enum { STICK_BY_ALL, STICK_BY_KEY, STICK_BY_PTR, STICK_BY_DATA, STICK_BY_NOTHING } by;
    struct stick_key key;
    uintptr_t ptr;
    struct stick_filter filter;
    unsigned nset; /* of `set table`: assignments */
    struct {
        enum stick_data data;
        unsigned index;
        uint64_t value;
        const char *name; /* server_key; borrowed from the words */
    } set[STICK_DATA_TYPES];
    struct stick_iter at;
    bool begun;
};

/** Parses the words after "show table", "set table" or "clear table". The query borrows the words.
 * Returns NULL or the text of the error (without a final newline), which the caller frees. */
char *stick_query_parse(struct stick_query *q, enum stick_verb verb, const struct list *tables,
                        const char *const *words, unsigned nwords);
/** Works on until about `budget` entries were looked at; appends to `to`. True when the command is
 * finished. */
bool stick_query_step(struct stick_query *q, int64_t now_ms, unsigned budget, struct text *to);

#endif
