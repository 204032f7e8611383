/* fuzz_stick.c - the stick-table line, then commands on the table it makes. One line of input each.
 */
#include "stick/show.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 40

static unsigned
split(struct arena *a, struct slice line, struct cfg_word *words)
{
    struct slice rest = line;
    unsigned n = 0;

    while (rest.p && n < WORDS_MAX) {
        struct slice w = slice_cut(rest, ' ', &rest);
        words[n++] = (struct cfg_word){ .s = arena_slicedup(a, w), .len = w.len };
    }
    return n;
}

static void
command(struct list *tables, struct arena *a, struct slice line, int64_t now_ms)
{
    struct cfg_word words[WORDS_MAX];
    const char *argv[WORDS_MAX];
    struct stick_query q;
    struct text to = { 0 };

    if (line.len == 0)
        return;
    unsigned n = split(a, slice_sub(line, 1, line.len), words);
    for (unsigned i = 0; i < n; i++)
        argv[i] = words[i].s;
    char *err =
        stick_query_parse(&q, (enum stick_verb)((unsigned char)line.p[0] % 3), tables, argv, n);
    if (!err)
        while (!stick_query_step(&q, now_ms, 16, &to))
            ;
    free(err);
    text_fini(&to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice((const char *)data, size);
    struct cfg_word words[WORDS_MAX];
    struct stick_table *t = NULL;
    struct list tables;
    struct arena arena;
    struct cfg c;
    int64_t now_ms = 1000;

    if (size > 4096)
        return 0;
    arena_init_config(&arena);
    cfg_init(&c, NULL, &arena);
    list_init(&tables);
    c.word = words;
    c.raw = "";
    c.where = IN_BACKEND;
    struct slice line = slice_cut(rest, '\n', &rest);
    c.nwords = split(&arena, line, words);
    stick_table_parse(&c, 0, "t", "backend", &tables, &t);
    if (t && stick_table_start(t)) {
        while (rest.p) {
            line = slice_cut(rest, '\n', &rest);
            command(&tables, &arena, line, now_ms);
            now_ms += 500;
        }
    }
    stick_tables_stop(&tables);
    cfg_fini(&c);
    arena_fini(&arena);
    return 0;
}
