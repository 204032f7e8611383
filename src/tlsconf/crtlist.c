/* crtlist.c - files that list certificates with options and names (manual 5.1, crt-list):
 *
 *     <crtfile> [\[<option>...\]] [[!]<snifilter>...]
 */
#include "tlsconf/tlsconf.h"

#include <stdlib.h>
#include <sys/stat.h>

#define WORDS_MAX 1024 /* in a line */

struct line {
    char *word[WORDS_MAX];
    unsigned n;
    bool has_options;
    unsigned open, close; /* options are the words [open, close) */
    const char *name;     /* of the file */
    unsigned number;
    struct text *err;
};

static bool PRINTF(2, 3) fail(struct line *l, const char *fmt, ...)
{
    va_list ap;

    text_printf(l->err, "parsing [%s:%u]: ", l->name, l->number);
    va_start(ap, fmt);
    text_vprintf(l->err, fmt, ap);
    va_end(ap);
    return false;
}

/* ---- words ---- */

static bool
open_options(struct line *l)
{
    if (!l->n)
        return fail(l, "file must start with a cert");
    if (l->has_options)
        return fail(l, "too many '['");
    l->has_options = true;
    l->open = l->n;
    l->close = UINT32_MAX;
    return true;
}

static bool
close_options(struct line *l)
{
    if (!l->has_options)
        return fail(l, "missing '['");
    if (l->close != UINT32_MAX)
        return fail(l, "too many ']'");
    l->close = l->n;
    return true;
}

static bool
is_blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r';
}

static bool
split(struct line *l, struct arena *arena, struct slice text)
{
    const char *p = text.p, *end = p + text.len;

    while (p < end) {
        if (is_blank(*p)) {
            p++;
        } else if (*p == '[' && !l->has_options) {
            if (!open_options(l))
                return false;
            p++;
        } else if (*p == '[' && l->n) {
            return fail(l, "too many '['");
        } else if (*p == ']') {
            if (!close_options(l))
                return false;
            p++;
        } else {
            const char *from = p;
            while (p < end && !is_blank(*p) && *p != ']')
                p++;
            if (l->n == WORDS_MAX)
                return fail(l, "too many words");
            l->word[l->n++] = arena_slicedup(arena, slice(from, (size_t)(p - from)));
        }
    }
    if (l->close == UINT32_MAX) /* not closed: up to the end, as HAProxy takes it */
        l->close = l->n;
    return true;
}

/* ---- options ---- */

static bool
take_option(struct line *l, struct arena *arena, unsigned *at, struct tls_options *o,
            struct load_options *load, bool *ssl_options)
{
    const char *name = l->word[(*at)++];
    const char *value = *at < l->close ? l->word[*at] : NULL;
    const struct tls_option *opt = tls_option_find(name, OPT_LINE);
    bool ok;

    /* `curves` means the option of the line here */
    if (!opt && load_option_set(load, name, value, l->err, &ok)) {
        ++*at;
        return ok;
    }
    if (!opt && strcmp(name, "ktls") == 0)
        return fail(l, "'ktls' is not supported yet");
    if (!opt)
        return fail(l, "unknown ssl keyword %s", name);
    if (tls_option_has_argument(opt)) {
        if (!value)
            return fail(l, "ssl args out of '[]' for %s", name);
        ++*at;
    }
    *ssl_options = true;
    /* Warnings are said for bind lines; a list would repeat them. */
    return tls_option_set(opt, OPT_LINE, o, value, arena, l->err);
}

/* A bundle has a line per certificate. */
static void
note_line(struct crt_list *list, const struct line *l, struct crt_ref *r)
{
    struct text options = { 0 };

    for (unsigned i = l->open; l->has_options && i < l->close; i++)
        text_printf(&options, "%s%s", i > l->open ? " " : "", l->word[i]);
    for (; r; r = r->next) {
        const struct crt_line like = { .cert = (char *)(uintptr_t)tls_cert_name(r->cert),
                                       .options = options.p,
                                       .filters = (char **)(uintptr_t)r->filters,
                                       .nfilters = r->nfilters,
                                       .number = l->number };
        r->owner = crt_list_note(list, &like);
    }
    text_fini(&options);
}

bool
crt_list_line(struct crt_refs *refs, struct arena *arena, const char *name, unsigned number,
              struct slice text, struct text *err)
{
    struct line l = { .name = name, .number = number, .err = err };
    struct tls_options o = { 0 };
    struct load_options load = { 0 };
    struct crt_ref like = { 0 };
    bool ssl_options = false;

    if (!split(&l, arena, text))
        return false;
    if (!l.n)
        return true;
    for (unsigned at = l.open; l.has_options && at < l.close;)
        if (!take_option(&l, arena, &at, &o, &load, &ssl_options))
            return false;
    if (ssl_options) {
        like.line = ARENA_NEW(arena, struct tls_options);
        *like.line = o;
    }
    unsigned first = l.has_options ? l.close : 1;
    like.nfilters = l.n - first;
    if (like.nfilters) {
        const char **filters = ARENA_ARRAY(arena, const char *, like.nfilters);
        for (unsigned i = 0; i < like.nfilters; i++)
            filters[i] = l.word[first + i];
        like.filters = filters;
    }
    struct crt_ref **at = refs->tail ? refs->tail : &refs->first;
    if (!load_options_add(&load, refs, arena, l.word[0], &like, err))
        return false;
    if (refs->list)
        note_line(refs->list, &l, *at);
    return true;
}

bool
crt_list_read(struct crt_refs *refs, struct arena *arena, const char *name, struct slice text,
              struct text *err)
{
    unsigned number = 0;

    if (text.len && text.p[text.len - 1] != '\n') {
        for (size_t i = 0; i < text.len; i++)
            number += text.p[i] == '\n';
        const char *last = memrchr(text.p, '\n', text.len);
        size_t at = last ? (size_t)(text.p + text.len - last) : text.len + 1;
        text_printf(err,
                    "parsing [%s:%u]: Missing LF on last line, file might have been truncated at "
                    "position %zu.",
                    name, number + 1, at);
        return false;
    }
    if (memchr(text.p, '\0', text.len)) {
        text_printf(err, "parsing [%s]: there is a NUL character in the file.", name);
        return false;
    }
    while (text.p && text.len) {
        struct slice line = slice_trim(slice_cut(text, '\n', &text));
        number++;
        if (line.len && line.p[0] != '#' && !crt_list_line(refs, arena, name, number, line, err))
            return false;
    }
    return true;
}

/* ---- lists that the runtime API knows ---- */

struct crt_list *crt_lists;

struct crt_list *
crt_list_find(const char *name)
{
    struct crt_list *l = crt_lists;

    while (l && strcmp(l->name, name) != 0)
        l = l->next;
    return l;
}

struct crt_list *
crt_list_get(const char *name)
{
    struct crt_list *l = crt_list_find(name), **at = &crt_lists;

    if (l) {
        l->complete = l->first != NULL;
        l->again = l->first;
        return l;
    }
    l = xcalloc(1, sizeof(*l));
    l->name = xstrdup(name);
    l->tail = &l->first;
    while (*at && strcmp((*at)->name, name) < 0)
        at = &(*at)->next;
    l->next = *at;
    *at = l;
    return l;
}

struct crt_line *
crt_list_note(struct crt_list *l, const struct crt_line *like)
{
    for (struct crt_line *x = l->complete ? l->again : NULL; x; x = x->next)
        if (x->number == like->number && strcmp(x->cert, like->cert) == 0) {
            l->again = x->next;
            return x;
        }
    struct crt_line *line = xcalloc(1, sizeof(*line));
    line->cert = xstrdup(like->cert);
    line->options = like->options ? xstrdup(like->options) : NULL;
    line->number = like->number;
    line->nfilters = like->nfilters;
    line->filters = xcalloc(like->nfilters + 1, sizeof(*line->filters));
    for (unsigned i = 0; i < like->nfilters; i++)
        line->filters[i] = xstrdup(like->filters[i]);
    *l->tail = line;
    l->tail = &line->next;
    l->last = MAX(l->last, line->number);
    return line;
}

void
crt_refs_note_dir(struct crt_ref *first, const char *path)
{
    struct stat st;
    unsigned number = 0;

    if (!first || stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return;
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    char *name = xstrndup(path, len);
    struct crt_list *l = crt_list_get(name);
    l->is_dir = true;
    free(name);
    for (struct crt_ref *r = first; r; r = r->next) {
        number++;
        const struct crt_line like = { .cert = (char *)(uintptr_t)tls_cert_name(r->cert),
                                       .number = number };
        r->owner = crt_list_note(l, &like);
    }
}

void
crt_line_free(struct crt_line *line)
{
    for (unsigned i = 0; i < line->nfilters; i++)
        free(line->filters[i]);
    free(line->filters);
    free(line->options);
    free(line->cert);
    free(line);
}

static bool
has_line(const struct crt_list *l, const struct crt_line *wanted)
{
    const struct crt_line *x = l->first;

    while (x && x != wanted)
        x = x->next;
    return x;
}

void
crt_list_uses(const struct crt_refs *refs, const struct crt_list_use *like)
{
    const struct crt_line *seen = NULL;

    for (const struct crt_ref *r = refs->first; r; r = r->next) {
        /* lines of one list follow each other */
        if (!r->owner || (seen && seen->next == r->owner)) {
            seen = r->owner;
            continue;
        }
        seen = r->owner;
        for (struct crt_list *l = crt_lists; l; l = l->next) {
            if ((l->uses && l->uses->server == like->server) || !has_line(l, r->owner))
                continue;
            struct crt_list_use *u = xcalloc(1, sizeof(*u));
            *u = *like;
            u->next = l->uses;
            l->uses = u;
            break;
        }
    }
}

void
crt_lists_clear(void)
{
    while (crt_lists) {
        struct crt_list *l = crt_lists;
        crt_lists = l->next;
        while (l->first) {
            struct crt_line *line = l->first;
            l->first = line->next;
            crt_line_free(line);
        }
        while (l->uses) {
            struct crt_list_use *u = l->uses;
            l->uses = u->next;
            free(u);
        }
        free(l->name);
        free(l);
    }
}
