/* diag.c - diagnostics: collecting and printing. */
#include "config/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXCERPT_COLUMNS 100u /* longer lines are cut around the caret */

void
diags_init(struct diags *d)
{
    *d = (struct diags){ 0 };
    list_init(&d->list);
}

void
diags_fini(struct diags *d)
{
    struct diag *g, *tmp;

    list_each_safe (g, tmp, &d->list, link) {
        list_del(&g->link);
        free(g->text);
        free(g->excerpt);
        free(g->hint);
        free(g);
    }
    diags_init(d);
}

static char *
format(const char *fmt, va_list ap)
{
    struct text t = { 0 };

    text_vprintf(&t, fmt, ap);
    return t.p ? t.p : xstrdup("");
}

struct diag *
diags_add(struct diags *d, enum diag_level level, const struct cfg_loc *loc, const char *excerpt,
          const char *fmt, ...)
{
    struct diag *g = xcalloc(1, sizeof(*g));
    va_list ap;

    va_start(ap, fmt);
    g->text = format(fmt, ap);
    va_end(ap);
    g->level = level;
    if (loc)
        g->loc = *loc;
    g->style = loc && loc->file && loc->line ? DIAG_PARSING[0] : DIAG_BARE[0];
    if (g->text[0] >= DIAG_TIGHT[0] && g->text[0] <= DIAG_CAPITAL[0]) {
        if (g->loc.file)
            g->style = g->text[0];
        memmove(g->text, g->text + 1, strlen(g->text));
    }
    if (excerpt)
        g->excerpt = xstrdup(excerpt);
    list_push_back(&d->list, &g->link);
    d->errors += level == DIAG_ALERT;
    d->warnings += level == DIAG_WARNING;
    d->diags += level == DIAG_DIAG;
    return g;
}

void
diag_end_sentence(struct diag *g)
{
    size_t len = strlen(g->text);

    if (len && strchr(".?", g->text[len - 1]))
        return;
    char *text = xasprintf("%s.", g->text);
    free(g->text);
    g->text = text;
}

void
diag_hint(struct diag *g, const char *fmt, ...)
{
    va_list ap;
    char *more;

    va_start(ap, fmt);
    more = format(fmt, ap);
    va_end(ap);
    if (g->hint) {
        char *both = xasprintf("%s\n%s", g->hint, more);
        free(g->hint);
        free(more);
        g->hint = both;
    } else {
        g->hint = more;
    }
}

void
diag_put_line(const struct diag *g, struct text *to)
{
    text_str(to, "config : ");
    switch (g->style) {
    case 1: /* DIAG_TIGHT */
        text_printf(to, "parsing [%s:%u]: ", g->loc.file, g->loc.line);
        break;
    case 2: /* DIAG_PLAIN */
        text_printf(to, "[%s:%u] : ", g->loc.file, g->loc.line);
        break;
    case 4: /* DIAG_PARSING */
        text_printf(to, "parsing [%s:%u] : ", g->loc.file, g->loc.line);
        break;
    case 5: /* DIAG_CAPITAL */
        text_printf(to, "Parsing [%s:%u]: ", g->loc.file, g->loc.line);
        break;
    default:
        break;
    }
    text_str(to, g->text);
}

/* ---- the excerpt ---- */

/** Bytes of the character at p, 1 for invalid ones. */
static unsigned
char_bytes(const unsigned char *p)
{
    unsigned n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 1;

    for (unsigned i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 1;
    }
    return n;
}

/** Terminal columns of the character of `n` bytes: CJK, Hangul, full-width forms and emoji take
 * two. */
static unsigned
char_columns(const unsigned char *p, unsigned n)
{
    uint32_t u =
        n == 4   ? (p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu)
        : n == 3 ? (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu)
                 : 0;

    return (u >= 0x1100 && u <= 0x115f) || (u >= 0x2e80 && u <= 0xa4cf) ||
                   (u >= 0xac00 && u <= 0xd7a3) || (u >= 0xf900 && u <= 0xfaff) ||
                   (u >= 0xfe30 && u <= 0xfe6f) || (u >= 0xff00 && u <= 0xff60) ||
                   (u >= 0xffe0 && u <= 0xffe6) || (u >= 0x1f300 && u <= 0x1faff) ||
                   (u >= 0x20000 && u <= 0x3fffd)
               ? 2
               : 1;
}

/** Copies one character in a printable form. */
static void
put_char(struct text *to, const unsigned char *p, unsigned n)
{
    if (n > 1)
        text_mem(to, p, n);
    else if (p[0] == '\t')
        text_char(to, ' ');
    else
        text_char(to, p[0] < 0x20 || p[0] >= 0x7f ? '?' : (char)p[0]);
}

/** Where a cut of a long line begins and ends, in bytes, so that the caret is seen. */
static void
choose_window(size_t len, size_t caret, size_t *from, size_t *to)
{
    *to = len;
    if (len - *from <= EXCERPT_COLUMNS)
        return;
    if (caret > *from + EXCERPT_COLUMNS / 2)
        *from = caret - EXCERPT_COLUMNS / 2;
    if (*to - *from > EXCERPT_COLUMNS)
        *to = *from + EXCERPT_COLUMNS;
}

static void
put_excerpt(const struct diag *g, struct text *to)
{
    const unsigned char *s = (const unsigned char *)g->excerpt;
    size_t len = strlen(g->excerpt), indent = strspn(g->excerpt, " \t"), from = indent, end;
    unsigned col = g->loc.col, col_end = g->loc.col_end, before = 0, under = 0;

    if (col > len + 2) /* an argument that is missing is one blank behind the end */
        col = col_end = 0;
    choose_window(len, col ? col - 1 : 0, &from, &end);
    while (from > 0 && from < len && (s[from] & 0xc0) == 0x80)
        from--; /* do not begin inside a character */
    text_str(to, from > indent ? "  ..." : "  ");
    for (size_t i = from; i < end;) {
        unsigned n = char_bytes(s + i), columns = char_columns(s + i, n);
        put_char(to, s + i, n);
        if (i + 1 < col)
            before += columns;
        else if (i + 1 < col_end)
            under += columns;
        i += n;
    }
    text_str(to, end < len ? "...\n" : "\n");
    if (!col)
        return;
    if (col > len + 1)
        before++;
    text_printf(to, "%*s^", (int)(2 + (from > indent ? 3 : 0) + before), "");
    for (unsigned i = 1; i < under; i++)
        text_char(to, '~');
    text_char(to, '\n');
}

static void
put_hint(const struct diag *g, struct text *to)
{
    struct slice rest = slice_str(g->hint);

    while (rest.p) {
        struct slice line = slice_cut(rest, '\n', &rest);
        text_printf(to, "  %.*s\n", SLF(line));
    }
}

static const struct {
    const char *label, *json;
} levels[] = {
    [DIAG_NOTICE] = { "[NOTICE]  ", "notice" },
    [DIAG_DIAG] = { "[DIAG]    ", "diag" },
    [DIAG_WARNING] = { "[WARNING] ", "warning" },
    [DIAG_ALERT] = { "[ALERT]   ", "alert" },
};

static bool
is_shown(const struct diags *d, const struct diag *g, bool verbose)
{
    if (g->level == DIAG_DIAG)
        return d->show_diag;
    return g->level != DIAG_NOTICE || verbose;
}

void
diags_print(const struct diags *d, struct text *to, bool verbose)
{
    const struct diag *g;

    list_each (g, &d->list, link) {
        if (!is_shown(d, g, verbose))
            continue;
        text_printf(to, "%s (%d) : ", levels[g->level].label, (int)getpid());
        diag_put_line(g, to);
        text_char(to, '\n');
        if (g->excerpt)
            put_excerpt(g, to);
        if (g->hint)
            put_hint(g, to);
    }
}

/* ---- JSON ---- */

static void
json_string(struct text *to, const char *s)
{
    text_char(to, '"');
    for (const unsigned char *p = (const unsigned char *)s; *p;) {
        unsigned n = char_bytes(p);
        if (n > 1)
            text_mem(to, p, n);
        else if (*p == '"' || *p == '\\')
            text_printf(to, "\\%c", *p);
        else if (*p < 0x20)
            text_printf(to, "\\u%04x", *p);
        else if (*p >= 0x80)
            text_str(to, "\\ufffd"); /* not UTF-8 */
        else
            text_char(to, (char)*p);
        p += n;
    }
    text_char(to, '"');
}

static void
json_member(struct text *to, const char *name, const char *value)
{
    text_printf(to, ",\"%s\":", name);
    if (value)
        json_string(to, value);
    else
        text_str(to, "null");
}

void
diags_print_json(const struct diags *d, struct text *to)
{
    const struct diag *g;
    const char *sep = "\n";

    text_char(to, '[');
    list_each (g, &d->list, link) {
        if (!is_shown(d, g, true))
            continue;
        text_printf(to, "%s{\"level\":\"%s\"", sep, levels[g->level].json);
        json_member(to, "file", g->loc.file);
        text_printf(to, ",\"line\":%u,\"column\":%u,\"column_end\":%u", g->loc.line, g->loc.col,
                    g->loc.col_end);
        json_member(to, "message", g->text);
        json_member(to, "hint", g->hint);
        json_member(to, "excerpt", g->excerpt);
        text_char(to, '}');
        sep = ",\n";
    }
    text_str(to, "\n]\n");
}
