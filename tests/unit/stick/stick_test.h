/* stick_test.h - tables for tests, made from their configuration line. */
#ifndef STICK_TEST_H
#define STICK_TEST_H

#include "stick/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORDS_MAX 64

/** A configuration being read, with one line in it. */
struct test_cfg {
    struct arena arena;
    struct cfg c;
    struct cfg_word words[WORDS_MAX];
    struct list tables;
};

static inline void
test_cfg_init(struct test_cfg *x)
{
    memset(x, 0, sizeof(*x));
    arena_init_config(&x->arena);
    cfg_init(&x->c, NULL, &x->arena);
    x->c.loc = (struct cfg_loc){ .file = "x.cfg", .line = 7 };
    x->c.raw = "";
    x->c.where = IN_BACKEND;
    list_init(&x->tables);
}

static inline void
test_cfg_fini(struct test_cfg *x)
{
    stick_tables_stop(&x->tables);
    cfg_fini(&x->c);
    arena_fini(&x->arena);
}

/** Splits `line` at single spaces. */
static inline void
test_cfg_line(struct test_cfg *x, const char *line)
{
    struct slice rest = slice_str(line);

    x->c.nwords = 0;
    x->c.word = x->words;
    while (rest.p && x->c.nwords < WORDS_MAX) {
        struct slice w = slice_cut(rest, ' ', &rest);
        x->words[x->c.nwords++] =
            (struct cfg_word){ .s = arena_slicedup(&x->arena, w), .len = w.len, .line = 7 };
    }
}

/** The text of the last diagnostic, "" when there is none. */
static inline const char *
test_cfg_last(struct test_cfg *x)
{
    struct diag *g = list_last(&x->c.diags.list, struct diag, link);

    return g ? g->text : "";
}

/** Parses "stick-table ..." and starts the table. */
static inline struct stick_table *
test_table(struct test_cfg *x, const char *name, const char *args)
{
    struct stick_table *t;

    test_cfg_line(x, args);
    if (stick_table_parse(&x->c, 0, name, "backend", &x->tables, &t) != CFG_OK) {
        fprintf(stderr, "%s: %s\n", args, test_cfg_last(x));
        fail();
    }
    assert_true(stick_table_start(t));
    return t;
}

static inline struct stick_entry *
test_get(struct stick_table *t, const char *key, int64_t now_ms)
{
    struct stick_key k;

    assert_true(stick_key_text(t, key, &k));
    return stick_get(t, &k, now_ms, NULL);
}

static inline struct stick_entry *
test_lookup(struct stick_table *t, const char *key, int64_t now_ms)
{
    struct stick_key k;

    assert_true(stick_key_text(t, key, &k));
    return stick_lookup(t, &k, now_ms);
}

/** Whether the key is there; makes no use of it. */
static inline bool
test_has(struct stick_table *t, const char *key, int64_t now_ms)
{
    struct stick_entry *e = test_lookup(t, key, now_ms);

    if (e)
        stick_unref(e);
    return e != NULL;
}

static inline uint64_t
test_read(struct stick_table *t, struct stick_entry *e, enum stick_data d, int64_t now_ms)
{
    uint64_t v = 0;

    assert_true(stick_read(t, e, d, 0, now_ms, &v));
    return v;
}

#endif
