/* fuzz_lexer.c - configuration text to words, conditions, units, diagnostics. Invariants: every
 * line is consumed once, columns lie within their lines, words are strings without NUL, whatever is
 * wrong can be printed. */
#include "config/cond.h"
#include "config/lexer.h"
#include "config/units.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_word(struct lexer *x, const struct cfg_word *w)
{
    const struct lex_raw *raw = lexer_raw_line(x, w->line);
    struct cond_err e;
    uint64_t n;
    char bad = 0;

    ASSERT(strlen(w->s) == w->len);
    ASSERT(raw && raw->number == w->line);
    ASSERT(w->col >= 1 && w->col < w->col_end && w->col_end <= raw->len + 1);
    if (!w->quoted) /* what is not quoted is in the source as it is */
        ASSERT(w->len == w->col_end - w->col && memcmp(w->s, raw->text + w->col - 1, w->len) == 0);
    if (cond_line_eval(w->s, &e) == COND_ERR)
        ASSERT(e.at <= w->len && e.text[0]);
    (void)units_time(slice(w->s, w->len), 1000, &n, &bad, NULL);
    (void)units_size(slice(w->s, w->len), &n, &bad);
}

static void
check_error(const struct lexer *x, struct diags *d)
{
    struct cfg_loc loc = { x->file, x->err.raw->number, x->err.col, x->err.col_end };

    ASSERT(x->err.text[0]);
    ASSERT(x->err.col <= x->err.raw->len + 1);
    diag_hint(diags_add(d, DIAG_ALERT, &loc, x->err.raw->text, DIAG_TIGHT "%s", x->err.text), "%s",
              x->err.hint);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct arena a;
    struct lexer x;
    struct diags d;
    struct text out = { 0 };
    enum lex_rc rc;
    unsigned last = 0;

    if (!text)
        return 0;
    memcpy(text, data, size);
    arena_init_config(&a);
    diags_init(&d);
    lexer_init(&x, &a, "fuzz", text, size);
    while ((rc = lexer_next(&x)) != LEX_END) {
        ASSERT(x.raws[0].number == last + 1);
        last = x.line;
        (void)lexer_raw(&x);
        for (unsigned i = 0; rc == LEX_LINE && i < x.nwords; i++)
            check_word(&x, &x.words[i]);
        if (rc == LEX_BAD)
            check_error(&x, &d);
    }
    diags_print(&d, &out, true);
    diags_print_json(&d, &out);
    text_fini(&out);
    lexer_fini(&x);
    diags_fini(&d);
    arena_fini(&a);
    free(text);
    return 0;
}
