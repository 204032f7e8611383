/* reader.c - drives lines into sections and rows. All errors are collected; one that is reported
 * never hides the lines after it, except those of a section whose header could not be read. */
#include "config/cfg_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX      ((size_t)1 << 30)
#define DUMP_WORD_MAX 4096

static void
end_section(struct cfg *c)
{
    const struct section *s = c->section;

    if (s && s->end && c->obj)
        (void)s->end(c); /* errors are in c->diags */
    c->section = NULL;
    c->section_name = NULL;
    c->obj = NULL;
    c->where = 0;
    c->section_bad = false;
}

static void
begin_section(struct cfg *c, const struct section *s)
{
    end_section(c);
    c->section = s;
    c->where = s->where;
    c->section_name = c->nwords > 1 ? c->word[1].s : NULL;
    c->past_global |= s->where != IN_GLOBAL;
    if (s->begin && s->begin(c) != CFG_OK) {
        c->section_bad = true;
        c->obj = NULL; /* nothing to end */
    }
}

/** Takes "no" or "default" off. */
static void
take_prefix(struct cfg *c)
{
    c->neg = cfg_arg_is(c, 0, "no");
    c->dflt = cfg_arg_is(c, 0, "default");
    if (c->neg || c->dflt) {
        c->word++;
        c->nwords--;
    }
}

/** The row may not be negated. */
static void
refuse_prefix(struct cfg *c)
{
    if (cfg_arg_is(c, 0, "option")) {
        cfg_error(c, 1, DIAG_TIGHT "negation/default is not supported for option '%s'.",
                  cfg_arg(c, 1));
        return;
    }
    cfg_error(c, CFG_WHOLE_LINE,
              DIAG_TIGHT
              "negation/default currently supported only for options, log, busy-polling, "
              "set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping.");
}

static void
keyword_line(struct cfg *c)
{
    unsigned at, n;
    bool prefixed = c->neg || c->dflt;
    const struct keyword *kw = cfg_find_keyword(c, c->where, 0, &n);

    if (kw && prefixed && !(kw->flags & KWF_NO)) {
        refuse_prefix(c);
        return;
    }
    if (!kw) {
        if (!prefixed && c->section->line) {
            (void)c->section->line(c);
            return;
        }
        if (prefixed && !cfg_arg_is(c, 0, "option"))
            refuse_prefix(c);
        else
            cfg_report_unknown(c);
        return;
    }
    at = n;
    if (cfg_run_keyword(c, kw, c->obj, &at) != CFG_OK || at >= c->nwords)
        return;
    cfg_error(c, at, "'%s' cannot handle unexpected argument '%s'.", kw->name, c->word[at].s);
    if (kw->args)
        cfg_hint(c, "usage: %s %s", kw->name, kw->args);
}

/* -dC: words with one blank between them, sections apart, their lines behind a tab. */
static void
dump_line(const struct cfg *c, bool is_section)
{
    if (c->dump_lines)
        printf("%u\t", c->loc.line);
    if (!is_section)
        putchar('\t');
    for (unsigned i = 0; i < c->nwords; i++) {
        char text[DUMP_WORD_MAX];
        struct out o = OUT(text);

        if (c->dump_word && i)
            c->dump_word(&o, c->word[i].s);
        if (c->dump_word && i)
            printf(" %.*s", SLF(out_slice(&o)));
        else
            printf("%s%s", i ? " " : "", c->word[i].s);
    }
    putchar('\n');
}

static void
one_line(struct cfg *c)
{
    const struct section *s;

    if (c->word[0].s[0] == '.' && !c->word[0].quoted) {
        cfg_directive(c);
        return;
    }
    if (!cfg_is_active(c))
        return;
    s = cfg_find_section(c->word[0].s);
    if (unlikely(c->dump))
        dump_line(c, s != NULL);
    if (s) {
        begin_section(c, s);
        return;
    }
    if (c->section_bad)
        return;
    if (!c->section) {
        cfg_report_unknown(c);
        c->section_bad = true; /* once: what follows most likely belongs to it */
        return;
    }
    struct cfg_word *word = c->word;
    unsigned nwords = c->nwords;
    take_prefix(c);
    keyword_line(c);
    c->word = word;
    c->nwords = nwords;
    c->neg = c->dflt = false;
}

static void
report_bad_line(struct cfg *c, const struct lex_err *e)
{
    struct cfg_loc loc = { c->loc.file, e->raw ? e->raw->number : c->loc.line, e->col, e->col_end };

    diags_add(&c->diags, DIAG_ALERT, &loc, e->raw ? e->raw->text : NULL, DIAG_TIGHT "%s", e->text);
    if (e->hint[0])
        cfg_hint(c, "%s", e->hint);
}

/** What is wrong at the end of a file. */
static void
check_end(struct cfg *c)
{
    struct cfg_reader *r = cfg_reader(c);
    struct cfg_loc loc = { c->loc.file, r->lexer.line, 0, 0 };

    if (r->lexer.missing_lf) {
        const struct lex_raw *last = &r->lexer.raws[r->lexer.nraws - 1];
        diags_add(&c->diags, DIAG_ALERT, &loc, NULL,
                  DIAG_TIGHT
                  "Missing LF on last line, file might have been truncated at position %zu.",
                  last->len + 1);
    }
    if (r->nifs) {
        diags_add(&c->diags, DIAG_ALERT, &loc, NULL, DIAG_TIGHT "non-terminated '.if' block.");
        cfg_hint(c, "the '.if' is on line %u", r->ifs[r->nifs - 1].line);
    }
}

/** Reads `text`, which it owns and has a byte of room behind its `len` bytes. */
static enum cfg_rc
read_owned(struct cfg *c, const char *name, char *text, size_t len)
{
    struct cfg_reader *r = xcalloc(1, sizeof(*r)), *outer = c->private;
    struct cfg_loc outer_loc = c->loc;
    unsigned errors = c->diags.errors;
    enum lex_rc rc;

    c->loc = (struct cfg_loc){ .file = arena_strdup(c->arena, name) };
    c->private = r;
    lexer_init(&r->lexer, c->arena, c->loc.file, text, len);
    for (;;) {
        r->lexer.section = !c->section ? "" : c->section_name ? c->section_name : c->section->name;
        rc = lexer_next(&r->lexer);
        if (rc == LEX_END)
            break;
        c->loc.line = r->lexer.raws[0].number;
        c->word = r->lexer.words;
        c->nwords = rc == LEX_LINE ? r->lexer.nwords : 0;
        c->raw = lexer_raw(&r->lexer);
        if (rc == LEX_BAD)
            report_bad_line(c, &r->lexer.err);
        else if (c->nwords)
            one_line(c);
    }
    check_end(c);
    c->word = NULL;
    c->nwords = 0;
    c->raw = NULL;
    end_section(c);
    lexer_fini(&r->lexer);
    free(r);
    free(text);
    c->private = outer;
    c->loc = outer_loc;
    return c->diags.errors > errors ? CFG_ERR : CFG_OK;
}

enum cfg_rc
cfg_read_text(struct cfg *c, const char *name, struct slice text)
{
    char *copy = xmalloc(text.len + 1);

    if (text.len)
        memcpy(copy, text.p, text.len);
    return read_owned(c, name, copy, text.len);
}

/** All of a descriptor; NULL with errno. The buffer has one byte of room. */
static char *
read_all(int fd, size_t *len)
{
    struct stat st;
    size_t size = fstat(fd, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size + 1 : 65536;
    char *p = xmalloc(size + 1);
    ssize_t n;

    for (*len = 0;; *len += (size_t)n) {
        if (*len == size) {
            if (size > FILE_MAX) {
                errno = EFBIG;
                break;
            }
            size *= 2;
            p = xrealloc(p, size + 1);
        }
        n = read(fd, p + *len, size - *len);
        if (n == 0)
            return p;
        if (n < 0 && errno != EINTR)
            break;
        if (n < 0)
            n = 0;
    }
    int saved = errno;
    free(p);
    errno = saved;
    return NULL;
}

enum cfg_rc
cfg_read_file(struct cfg *c, const char *file)
{
    bool std = strcmp(file, "-") == 0;
    int fd = std ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    size_t len;
    char *text = fd >= 0 ? read_all(fd, &len) : NULL;
    int saved = errno;

    if (fd >= 0 && !std)
        close(fd);
    if (!text)
        return cfg_error_at(c, NULL, "Cannot open configuration file/directory %s : %s", file,
                            strerror(saved));
    if (c->file_begins)
        c->file_begins(c, file);
    return read_owned(c, std ? "<stdin>" : file, text, len);
}

enum cfg_rc
cfg_finish(struct cfg *c)
{
    for (unsigned i = 0; modules[i]; i++) {
        if (modules[i]->check)
            modules[i]->check(c);
    }
    return c->diags.errors ? CFG_ERR : CFG_OK;
}
