/* lexer_env.c - environment variables inside double quotes (manual 2.3):
 * "$NAME" "${NAME}" "${NAME-default}" "${NAME[*]}" "${NAME[*]-default}" and .FILE .LINE .SECTION.
 */
#include "config/lexer_int.h"

#include <stdio.h>
#include <stdlib.h>

extern char **environ;

#define LIST_SUFFIX "[*]"

static bool
is_name_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/** The value of a pseudo-variable; NULL when there is none of that name. `buf` is for numbers. */
static const char *
pseudo_value(const struct lexer *x, const struct lex_raw *raw, struct slice name, char *buf,
             size_t size)
{
    if (slice_eq(name, SL(".FILE")))
        return x->file;
    if (slice_eq(name, SL(".SECTION")))
        return x->section;
    if (!slice_eq(name, SL(".LINE")))
        return NULL;
    snprintf(buf, size, "%u", raw->number);
    return buf;
}

/** The value of an environment variable, or NULL. */
static const char *
env_value(struct lexer *x, struct slice name)
{
    for (char **e = environ; e && *e; e++) {
        if (strncmp(*e, name.p, name.len) == 0 && (*e)[name.len] == '=')
            return *e + name.len + 1;
    }
    snprintf(x->unset, sizeof(x->unset), "%.*s", SLF(name));
    return NULL;
}

/** Splits the value into words at blanks. The first joins what stands before, the last what
 * follows. */
static bool
put_list(struct lexer *x, const struct lex_raw *raw, struct slice value, unsigned col_end)
{
    unsigned col = x->word_col;
    bool blank = false;

    for (size_t i = 0; i < value.len; i++) {
        if (strchr(" \t\r\n", value.p[i]) && value.p[i]) {
            blank = true;
            continue;
        }
        if (blank && x->buf.len > x->word_at) {
            if (!lex_end_word(x, raw, col_end))
                return false;
            lex_begin_word(x, col);
            x->word_quoted = true;
        }
        blank = false;
        text_char(&x->buf, value.p[i]);
    }
    if (blank && x->buf.len > x->word_at) {
        if (!lex_end_word(x, raw, col_end))
            return false;
        lex_begin_word(x, col);
        x->word_quoted = true;
    }
    x->word_list = true;
    return true;
}

/** What stands between name and closing brace: a default, the list suffix. *end moves to behind the
 * brace. */
static bool
take_brace_rest(struct lexer *x, const struct lex_raw *raw, size_t brace, size_t *end,
                struct slice *dflt, bool *list)
{
    const char *s = raw->text;
    size_t i = *end, stop = i;

    if (s[i] == '[') {
        if (strncmp(s + i, LIST_SUFFIX, sizeof(LIST_SUFFIX) - 1) != 0)
            return lex_fail(x, raw, (unsigned)i + 1,
                            "truncated or invalid word expansion sequence at position %zu:", i + 1);
        *list = true;
        i = stop = i + sizeof(LIST_SUFFIX) - 1;
    }
    if (s[i] == '-') { /* nothing is special in a default but the brace */
        while (stop < raw->len && s[stop] != '}')
            stop++;
        *dflt = slice(s + i + 1, stop - i - 1);
    }
    if (s[stop] != '}')
        return lex_fail(x, raw, (unsigned)brace + 1,
                        "unmatched brace in environment variable name at position %zu:", brace + 1);
    *end = stop + 1;
    return true;
}

/** The name at *end; refuses what cannot begin one. */
static bool
take_name(struct lexer *x, const struct lex_raw *raw, size_t *end, struct slice *name)
{
    const char *s = raw->text;
    size_t from = *end, i = from;
    char buf[16];

    if (s[i] == '.')
        i++;
    while (is_name_char(s[i]))
        i++;
    *name = slice(s + from, i - from);
    *end = i;
    bool known = s[from] == '.' ? pseudo_value(x, raw, *name, buf, sizeof(buf)) != NULL
                                : name->len && !(s[from] >= '0' && s[from] <= '9');
    if (!known) {
        lex_fail(x, raw, (unsigned)from + 1,
                 "forbidden first char in environment variable name at position %zu:", from + 1);
        if (s[from] == '.')
            snprintf(x->err.hint, sizeof(x->err.hint),
                     "the only names that begin with a dot are .FILE, .LINE and .SECTION");
        else
            snprintf(x->err.hint, sizeof(x->err.hint),
                     "a dollar sign inside double quotes is written \\$, or use single quotes");
    }
    return known;
}

bool
lex_take_variable(struct lexer *x, const struct lex_raw *raw, size_t *i)
{
    bool braced = raw->text[*i + 1] == '{', list = false;
    size_t end = *i + (braced ? 2 : 1);
    struct slice name, dflt = SLICE_NONE;
    char buf[16];

    if (!take_name(x, raw, &end, &name) ||
        (braced && !take_brace_rest(x, raw, end - name.len - 1, &end, &dflt, &list)))
        return false;
    const char *v =
        name.p[0] == '.' ? pseudo_value(x, raw, name, buf, sizeof(buf)) : env_value(x, name);
    struct slice value = v ? slice_str(v) : dflt;
    *i = end;
    if (list)
        return put_list(x, raw, value, (unsigned)raw->len + 1);
    text_slice(&x->buf, value);
    return true;
}

void
lex_hint_unset(struct lexer *x)
{
    struct suggest near;
    char best[64] = "";

    if (!x->unset[0]) {
        snprintf(
            x->err.hint, sizeof(x->err.hint),
            "an empty argument may come from \"\" or from a variable that is not set (see section "
            "2.3 of the configuration manual)");
        return;
    }
    suggest_init(&near, x->unset);
    for (char **e = environ; e && *e; e++) {
        char name[64];
        const char *eq = strchr(*e, '=');
        if (!eq || (size_t)(eq - *e) >= sizeof(name))
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)(eq - *e), *e);
        suggest_offer(&near, name);
        if (near.best == name) { /* do not keep a pointer to the loop's own copy */
            memcpy(best, name, sizeof(best));
            near.best = best;
        }
    }
    snprintf(x->err.hint, sizeof(x->err.hint),
             "environment variable '%s' is not set%s%s%s; \"${%s[*]}\" stands for no argument then "
             "(section 2.3 of the configuration manual)",
             x->unset, best[0] ? "; did you mean '" : "", best, best[0] ? "' maybe ?" : "",
             x->unset);
}
