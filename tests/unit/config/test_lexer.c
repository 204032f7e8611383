/* test_lexer.c - words, columns, continuation lines, odd files. */
#include "config/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/** Words of all lines: "word@line:col-end" joined by blanks, lines by '/', broken ones as "!text".
 */
static char *
dump(struct slice in, struct arena *a, struct text *t)
{
    struct lexer x;
    char *copy = malloc(in.len + 1);
    enum lex_rc rc;

    assert_non_null(copy);
    memcpy(copy, in.p, in.len);
    lexer_init(&x, a, "f", copy, in.len);
    x.section = "sec";
    while ((rc = lexer_next(&x)) != LEX_END) {
        if (t->len)
            text_str(t, " / ");
        if (rc == LEX_BAD)
            text_printf(t, "!%s", x.err.text);
        for (unsigned i = 0; rc == LEX_LINE && i < x.nwords; i++) {
            const struct cfg_word *w = &x.words[i];
            assert_int_equal(strlen(w->s), w->len);
            text_printf(t, "%s%s@%u:%u-%u%s", i ? " " : "", w->s, w->line, w->col, w->col_end,
                        w->quoted ? "q" : "");
        }
    }
    if (x.missing_lf)
        text_str(t, " (no LF)");
    lexer_fini(&x);
    free(copy);
    return t->p ? t->p : (char *)"";
}

static void
check(struct slice in, const char *want)
{
    struct arena a;
    struct text t = { 0 };

    arena_init_config(&a);
    assert_string_equal(dump(in, &a, &t), want);
    text_fini(&t);
    arena_fini(&a);
}

static void
test_words(void **state)
{
    setenv("V", "v1 v2", 1);
    unsetenv("X");
    check(SL(""), "");
    check(SL("\n"), "");
    check(SL("a b\n"), "a@1:1-2 b@1:3-4");
    check(SL(" \t a\t\tb \t\n"), "a@1:4-5 b@1:7-8");
    check(SL("a#b\n"), "a@1:1-2");
    check(SL("# b\nc\n"), "c@2:1-2");
    check(SL("\"a b\"c 'd'\n"), "a bc@1:1-7q d@1:8-11q");
    check(SL("a\\ b \\x41\\n\n"), "a b@1:1-5q A\n@1:6-12q");
    check(SL("\"$V\" \"${V[*]}\" x\"${V[*]}\"y\n"),
          "v1 v2@1:1-5q v1@1:6-15q v2@1:6-15q xv1@1:16-27q v2y@1:16-27q");
    check(SL("a \"${X[*]}\" b \"${X-c d}\" \"${X[*]-e f}\"\n"),
          "a@1:1-2 b@1:13-14 c d@1:15-25q e@1:26-39q f@1:26-39q");
    check(SL("\"${.FILE} ${.LINE} $.SECTION\"\n"), "f 1 sec@1:1-30q");
    check(SL("\xe4\xb8\xad\xe6\x96\x87 \xc3\xa9\n"),
          "\xe4\xb8\xad\xe6\x96\x87@1:1-7 \xc3\xa9@1:8-10");
}

static void
test_lines(void **state)
{
    check(SL("a\r\nb\r\n"), "a@1:1-2 / b@2:1-2");
    check(SL("\xef\xbb\xbf"
             "a\n"),
          "a@1:1-2");
    check(SL("a \\\n b \\   # c\n\tc\nd\n"), "a@1:1-2 b@2:2-3 c@3:2-3 / d@4:1-2");
    check(SL("a \\\r\n b\r\n"), "a@1:1-2 b@2:2-3");
    check(SL("a\\\nb\n"), "a\\@1:1-3 / b@2:1-2"); /* as in HAProxy: an ordinary character */
    check(SL("a \\# b\n"), "a@1:1-2 #@1:3-5q b@1:6-7");
    check(SL("a \\\n\nb\n"), "a@1:1-2 / b@3:1-2");
    check(SL("a \\\n"), "a@1:1-2");
    check(SL("a\nb"), "a@1:1-2 / b@2:1-2 (no LF)");
    check(SL("a \\"), "a@1:1-2 (no LF)");
    check(slice("a\0b\nc\n", 6), "!Stray NUL character at position 2. / c@2:1-2");
    check(SL("a \\\n\"b\nc\n"), "!unmatched quote at position 1: / c@3:1-2");
}

static void
test_limits(void **state)
{
    struct text t = { 0 };
    struct arena a;
    struct text got = { 0 };

    for (int i = 0; i < LEX_WORDS_MAX; i++)
        text_str(&t, "a ");
    text_char(&t, '\n');
    arena_init_config(&a);
    assert_true(dump(text_get(&t), &a, &got)[0] == 'a');
    got.len = 0;
    text_drop(&t, 1);
    struct text more = { 0 };
    text_str(&more, "a a");
    text_slice(&more, text_get(&t));
    assert_string_equal(dump(text_get(&more), &a, &got),
                        "!too many words, truncating after word 64, position 126: <a>.");
    got.len = more.len = 0;
    for (unsigned i = 0; i <= LEX_LINE_MAX / 1024; i++)
        text_printf(&more, "%1023d ", 1);
    assert_string_equal(dump(text_get(&more), &a, &got), "!line too long, limit: 4194304. (no LF)");
    text_fini(&more);
    text_fini(&got);
    text_fini(&t);
    arena_fini(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
