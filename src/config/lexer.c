/* lexer.c - text of a configuration to lines of words.
 * Invariant: every call consumes at least one line, whatever it contains. */
#include "config/lexer.h"
#include "config/lexer_int.h"

#include <stdlib.h>

void
lexer_init(struct lexer *x, struct arena *arena, const char *file, char *text, size_t len)
{
    *x = (struct lexer){
        .at = text, .end = text + len, .arena = arena, .file = file, .section = ""
    };
    /* a byte order mark is an encoding mark, not text; HAProxy trips over it */
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        x->at += 3;
}

void
lexer_fini(struct lexer *x)
{
    free(x->raws);
    text_fini(&x->joined);
    text_fini(&x->buf);
    *x = (struct lexer){ 0 };
}

bool
lex_fail(struct lexer *x, const struct lex_raw *raw, unsigned col, const char *fmt, ...)
{
    struct out o = { x->err.text, 0, sizeof(x->err.text) - 1, false };
    struct text t = { 0 };
    va_list ap;

    va_start(ap, fmt);
    text_vprintf(&t, fmt, ap);
    va_end(ap);
    out_slice_put(&o, text_get(&t));
    x->err.text[o.len] = '\0';
    text_fini(&t);
    x->err.hint[0] = '\0';
    x->err.raw = raw;
    x->err.col = col;
    x->err.col_end = col ? col + 1 : 0;
    return false;
}

/** Takes one physical line off the input. */
static struct lex_raw *
take_raw(struct lexer *x)
{
    size_t room = (size_t)(x->end - x->at);
    char *lf = memchr(x->at, '\n', room);
    char *stop = lf ? lf : x->end;

    if (x->nraws == x->raws_size) {
        x->raws_size = x->raws_size ? x->raws_size * 2 : 8;
        x->raws = xrealloc(x->raws, x->raws_size * sizeof(*x->raws));
    }
    struct lex_raw *r = &x->raws[x->nraws++];
    r->text = x->at;
    r->number = ++x->line;
    r->len = (size_t)(stop - x->at);
    if (r->len && r->text[r->len - 1] == '\r')
        r->len--;
    r->text[r->len] = '\0'; /* `end` has one byte of room */
    x->missing_lf = !lf;
    x->at = lf ? lf + 1 : x->end;
    return r;
}

const struct lex_raw *
lexer_raw_line(const struct lexer *x, unsigned number)
{
    for (unsigned i = 0; i < x->nraws; i++) {
        if (x->raws[i].number == number)
            return &x->raws[i];
    }
    return x->nraws ? &x->raws[0] : NULL;
}

const char *
lexer_raw(struct lexer *x)
{
    if (x->nraws == 0)
        return "";
    if (x->nraws == 1)
        return x->raws[0].text;
    x->joined.len = 0;
    for (unsigned i = 0; i < x->nraws; i++) {
        if (i)
            text_char(&x->joined, '\n');
        text_mem(&x->joined, x->raws[i].text, x->raws[i].len);
    }
    return x->joined.p;
}

/* ---- words ---- */

bool
lex_end_word(struct lexer *x, const struct lex_raw *raw, unsigned col_end)
{
    if (!x->in_word)
        return true;
    x->in_word = false;
    /* words that a list variable made share the source of the last one */
    for (unsigned i = x->nwords;
         i-- > 0 && x->words[i].line == raw->number && x->words[i].col == x->word_col;)
        x->words[i].col_end = col_end;
    size_t len = x->buf.len - x->word_at;
    if (len == 0 && x->word_list)
        return true;
    if (x->nwords == LEX_WORDS_MAX)
        return lex_fail(x, raw, x->words[LEX_WORDS_MAX - 1].col,
                        "too many words, truncating after word %d, position %u: <%s>.",
                        LEX_WORDS_MAX, x->words[LEX_WORDS_MAX - 1].col - 1,
                        x->buf.p + x->offsets[LEX_WORDS_MAX - 1]);
    x->offsets[x->nwords] = x->word_at;
    x->words[x->nwords++] = (struct cfg_word){ .len = len,
                                               .line = raw->number,
                                               .col = x->word_col,
                                               .col_end = col_end,
                                               .quoted = x->word_quoted };
    text_char(&x->buf, '\0');
    return true;
}

void
lex_begin_word(struct lexer *x, unsigned col)
{
    if (x->in_word)
        return;
    x->in_word = true;
    x->word_quoted = x->word_list = false;
    x->word_at = x->buf.len;
    x->word_col = col;
}

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/** The escape sequence at raw->text[*i], where the backslash is. A backslash before anything that
 * needs none stays. */
static bool
take_escape(struct lexer *x, const struct lex_raw *raw, size_t *i, bool in_quotes)
{
    static const char plain[] = " \t#\\'\"", named[] = "ntr", values[] = "\n\t\r";
    const char *s = raw->text;
    char c = s[*i + 1]; /* NUL at the end of the line */
    const char *p = c ? strchr(named, c) : NULL;

    if (c == 'x') {
        int high = hex_digit(s[*i + 2]), low = high < 0 ? -1 : hex_digit(s[*i + 3]);
        if (low < 0 || (high == 0 && low == 0)) {
            lex_fail(x, raw, (unsigned)*i + 1,
                     "truncated or invalid hexadecimal sequence at position %zu:", *i + 1);
            x->err.col_end = x->err.col + (low < 0 ? 2 : 4);
            return false;
        }
        text_char(&x->buf, (char)(high * 16 + low));
        *i += 4;
    } else if (p) {
        text_char(&x->buf, values[p - named]);
        *i += 2;
    } else if (c && (strchr(plain, c) || (in_quotes && c == '$'))) {
        text_char(&x->buf, c);
        *i += 2;
    } else {
        text_char(&x->buf, '\\');
        *i += 1;
        return true; /* the next character is looked at on its own */
    }
    x->word_quoted = true;
    return true;
}

/** From the opening quote to behind the closing one. */
static bool
take_quoted(struct lexer *x, const struct lex_raw *raw, size_t *i)
{
    char quote = raw->text[*i];
    size_t open = *i;

    x->word_quoted = true;
    for (*i += 1; *i < raw->len && raw->text[*i] != quote;) {
        char c = raw->text[*i];
        bool ok = true;
        if (quote == '"' && c == '\\') {
            ok = take_escape(x, raw, i, true);
        } else if (quote == '"' && c == '$') {
            ok = lex_take_variable(x, raw, i);
        } else {
            text_char(&x->buf, c);
            *i += 1;
        }
        if (!ok)
            return false;
    }
    if (*i >= raw->len) {
        lex_fail(x, raw, (unsigned)open + 1, "unmatched quote at position %zu:", open + 1);
        x->err.col_end = (unsigned)raw->len + 1;
        return false;
    }
    *i += 1;
    return true;
}

/** A backslash that is a word on its own, then nothing but blanks and a comment: the line goes on
 * below. HAProxy has no continuation lines (there it is an argument that nothing accepts), so no
 * valid file changes its meaning. */
static bool
is_continuation(const struct lex_raw *raw, size_t i)
{
    for (i++; raw->text[i] == ' ' || raw->text[i] == '\t'; i++)
        ;
    return i >= raw->len || (raw->text[i] == '#' && raw->text[i - 1] != '\\');
}

/** Characters that may not be in a line at all. */
static bool
check_raw(struct lexer *x, const struct lex_raw *raw)
{
    const char *nul = memchr(raw->text, '\0', raw->len);
    const char *cr = memchr(raw->text, '\r', raw->len);

    if (raw->len > LEX_LINE_MAX)
        return lex_fail(x, raw, 0, "line too long, limit: %u.", LEX_LINE_MAX);
    if (nul)
        return lex_fail(x, raw, 0, "Stray NUL character at position %zu.",
                        (size_t)(nul - raw->text) + 1);
    if (cr)
        return lex_fail(x, raw, (unsigned)(cr - raw->text) + 1,
                        "Stray CR character at position %zu:", (size_t)(cr - raw->text) + 1);
    return true;
}

/** Splits one physical line. *more: a continuation follows. */
static bool
split_raw(struct lexer *x, const struct lex_raw *raw, bool *more)
{
    const char *s = raw->text;
    bool ok = true;

    *more = false;
    for (size_t i = 0; ok && i < raw->len;) {
        if (s[i] == ' ' || s[i] == '\t') {
            ok = lex_end_word(x, raw, (unsigned)i + 1);
            i++;
            continue;
        }
        if (s[i] == '#') {
            ok = lex_end_word(x, raw, (unsigned)i + 1);
            return ok;
        }
        if (s[i] == '\\' && !x->in_word && is_continuation(raw, i)) {
            *more = true;
            return true;
        }
        lex_begin_word(x, (unsigned)i + 1);
        if (s[i] == '\\') {
            ok = take_escape(x, raw, &i, false);
        } else if (s[i] == '"' || s[i] == '\'') {
            ok = take_quoted(x, raw, &i);
        } else {
            text_char(&x->buf, s[i]);
            i++;
        }
    }
    return ok && lex_end_word(x, raw, (unsigned)raw->len + 1);
}

/** Since 3.3 an empty argument is an error, whatever produced it; directives may have one: `.if
 * "$UNSET"`. */
static bool
check_empty(struct lexer *x)
{
    for (unsigned i = 0; i < x->nwords; i++) {
        const struct cfg_word *w = &x->words[i];
        if (w->len)
            continue;
        const struct lex_raw *raw = lexer_raw_line(x, w->line);
        lex_fail(
            x, raw, w->col,
            "argument number %u at position %u is empty and marks the end of the argument list:", i,
            w->col);
        x->err.col_end = w->col_end;
        lex_hint_unset(x);
        return false;
    }
    return true;
}

/** Moves the words of the line to the arena. */
static void
keep_words(struct lexer *x)
{
    if (x->nwords == 0)
        return;
    char *copy = arena_alloc(x->arena, x->buf.len);
    if (!copy) { /* a bounded arena in tests */
        x->nwords = 0;
        return;
    }
    memcpy(copy, x->buf.p, x->buf.len);
    for (unsigned i = 0; i < x->nwords; i++)
        x->words[i].s = copy + x->offsets[i];
}

enum lex_rc
lexer_next(struct lexer *x)
{
    bool more = true, ok = true;
    size_t total = 0;

    if (x->at >= x->end)
        return LEX_END;
    x->nraws = x->nwords = 0;
    x->buf.len = 0;
    x->in_word = false;
    x->unset[0] = '\0';
    while (more && x->at < x->end) {
        const struct lex_raw *raw = take_raw(x);
        total += raw->len;
        more = false;
        if (ok && total > LEX_LINE_MAX)
            ok = lex_fail(x, raw, 0, "line too long, limit: %u.", LEX_LINE_MAX);
        ok = ok && check_raw(x, raw) && split_raw(x, raw, &more);
    }
    ok = ok && (x->nwords == 0 || x->buf.p[x->offsets[0]] == '.' || check_empty(x));
    if (!ok)
        return LEX_BAD;
    keep_words(x);
    return LEX_LINE;
}
