/* tests_section.c - expectations in the configuration itself: `request <what> ... expect
 * <what>...`, run by -c. */
#include "process/tests_section.h"

#include "config/module.h"
#include "process/tests_expect.h"
#include "proxy/section.h"

#include <stdlib.h>

struct test {
    struct list link;
    struct cfg_loc loc;
    const char *raw;
    struct explain_request q;
    struct list expect;
};

static struct list tests = LIST_INIT(tests); /* in the configuration's arena */

/* ---- reading ---- */

static enum cfg_rc
unknown_word(struct cfg *c, unsigned at, const char *list, const struct suggest *s)
{
    cfg_error(c, at, "'request' expects %s, but got '%s'.", list, cfg_arg(c, at));
    if (suggest_result(s))
        cfg_hint(c, "did you mean '%s'?", suggest_result(s));
    return CFG_ERR;
}

static enum cfg_rc
expected_status(struct cfg *c, unsigned at)
{
    uint64_t n;

    if (slice_to_uint(slice_str(cfg_arg(c, at)), &n) && n >= 100 && n <= 999)
        return CFG_OK;
    return cfg_error(c, at,
                     "'request ... expect status' expects a code from 100 to 999, but got '%s'.",
                     cfg_arg(c, at));
}

static enum cfg_rc
parse_expectation(struct cfg *c, unsigned *at, struct test *t)
{
    const struct expect_kind *k = NULL;
    struct suggest s;

    suggest_init(&s, cfg_arg(c, *at));
    for (unsigned i = 0; expect_kinds[i].name && !k; i++) {
        suggest_offer(&s, expect_kinds[i].name);
        if (cfg_arg_is(c, *at, expect_kinds[i].name))
            k = &expect_kinds[i];
    }
    if (!k) {
        struct text list = { 0 };
        for (unsigned i = 0; expect_kinds[i].name; i++)
            text_printf(&list, "%s'%s'", i ? ", " : "", expect_kinds[i].name);
        unknown_word(c, *at, list.p, &s);
        text_fini(&list);
        return CFG_ERR;
    }
    if (*at + k->nargs >= c->nwords)
        return cfg_error(c, *at, "'request ... expect %s' expects %s.", k->name, k->args);
    if (k->form == EXPECT_STATUS && expected_status(c, *at + 1) != CFG_OK)
        return CFG_ERR;
    if (k->form == EXPECT_HEADER && !strchr(cfg_arg(c, *at + 1), ':'))
        return cfg_error(c, *at + 1,
                         "'request ... expect header' expects \"Name: value\", but got '%s'.",
                         cfg_arg(c, *at + 1));
    struct expectation *e = ARENA_NEW(c->arena, struct expectation);
    e->kind = k;
    e->loc = cfg_loc_of(c, *at);
    e->arg = k->nargs ? c->word[*at + 1].s : "";
    list_push_back(&t->expect, &e->link);
    *at += 1 + k->nargs;
    return CFG_OK;
}

static enum cfg_rc
set_header(struct cfg *c, unsigned at, struct test *t)
{
    if (!strchr(c->word[at].s, ':'))
        return cfg_error(c, at, "'request ... header' expects \"Name: value\", but got '%s'.",
                         c->word[at].s);
    if (t->q.nheaders == EXPLAIN_HEADERS_MAX)
        return cfg_error(c, at, "'request' takes at most %d headers.", EXPLAIN_HEADERS_MAX);
    t->q.headers[t->q.nheaders++] = c->word[at].s;
    return CFG_OK;
}

static enum cfg_rc
set_body(struct cfg *c, unsigned at, struct test *t)
{
    t->q.body = slice(c->word[at].s, c->word[at].len);
    t->q.has_body = true;
    return CFG_OK;
}

static enum cfg_rc
set_src(struct cfg *c, unsigned at, struct test *t)
{
    t->q.src = c->word[at].s;
    return CFG_OK;
}

static enum cfg_rc
set_dst(struct cfg *c, unsigned at, struct test *t)
{
    t->q.dst = c->word[at].s;
    return CFG_OK;
}

static enum cfg_rc
set_frontend(struct cfg *c, unsigned at, struct test *t)
{
    t->q.frontend = c->word[at].s;
    return CFG_OK;
}

static enum cfg_rc
set_repeat(struct cfg *c, unsigned at, struct test *t)
{
    int64_t n;

    if (cfg_take_int(c, &at, "repeat", 1, EXPLAIN_REPEAT_MAX, &n) != CFG_OK)
        return CFG_ERR;
    t->q.repeat = (unsigned)n;
    return CFG_OK;
}

static const struct {
    const char *name;
    enum cfg_rc (*set)(struct cfg *c, unsigned at, struct test *t);
} parts[] = {
    { "header", set_header }, { "body", set_body },         { "src", set_src },
    { "dst", set_dst },       { "frontend", set_frontend }, { "repeat", set_repeat },
};

static enum cfg_rc
parse_part(struct cfg *c, unsigned *at, struct test *t)
{
    struct suggest s;

    suggest_init(&s, cfg_arg(c, *at));
    suggest_offer(&s, "expect");
    for (unsigned i = 0; i < COUNT_OF(parts); i++) {
        suggest_offer(&s, parts[i].name);
        if (!cfg_arg_is(c, *at, parts[i].name))
            continue;
        if (*at + 1 >= c->nwords)
            return cfg_error(c, *at, "'request ... %s' expects a value.", parts[i].name);
        *at += 2;
        return parts[i].set(c, *at - 1, t);
    }
    return unknown_word(c, *at, "'header', 'body', 'src', 'dst', 'frontend', 'repeat' or 'expect'",
                        &s);
}

/* "GET http://host/path" in one word or in two. */
static enum cfg_rc
parse_line(struct cfg *c, unsigned *at, struct test *t)
{
    const char *word = cfg_arg(c, *at);

    if (*at >= c->nwords)
        return cfg_error(c, CFG_WHOLE_LINE,
                         "'request' expects a request such as \"GET https://host/path\".");
    if (!explain_parse_line(&t->q, word, c->arena) && !strchr(word, ' ') && *at + 1 < c->nwords) {
        word = arena_printf(c->arena, "%s %s", word, c->word[*at + 1].s);
        ++*at;
        t->q.method = NULL;
    }
    if (!explain_parse_line(&t->q, word, c->arena))
        return cfg_error(
            c, *at, "'request' expects a request such as \"GET https://host/path\", but got '%s'.",
            word);
    ++*at;
    return CFG_OK;
}

static enum cfg_rc
parse_request(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct test *t = ARENA_NEW(c->arena, struct test);
    unsigned i = *at;

    *at = c->nwords;
    t->loc = c->loc;
    t->raw = arena_strdup(c->arena, c->raw);
    list_init(&t->expect);
    if (parse_line(c, &i, t) != CFG_OK)
        return CFG_ERR;
    while (i < c->nwords && !cfg_arg_is(c, i, "expect"))
        if (parse_part(c, &i, t) != CFG_OK)
            return CFG_ERR;
    if (i + 1 >= c->nwords)
        return cfg_error(c, CFG_WHOLE_LINE, "'request' needs 'expect' and what is expected.");
    while (i < c->nwords) {
        if (cfg_arg_is(c, i, "expect")) {
            i++;
            continue;
        }
        if (parse_expectation(c, &i, t) != CFG_OK)
            return CFG_ERR;
    }
    list_push_back(&tests, &t->link);
    return CFG_OK;
}

static enum cfg_rc
begin_tests(struct cfg *c)
{
    static char section; /* nothing to keep, but not NULL */

    c->obj = &section;
    return c->nwords > 2 ? cfg_expect_end(c, 2) : CFG_OK;
}

static void
forget_tests(struct config *cf)
{
    list_init(&tests);
}

/* ---- running ---- */

/* The line of the source that `loc` is on. */
static const char *
source_line(struct cfg *c, const struct test *t, const struct cfg_loc *loc)
{
    struct slice rest = slice_str(t->raw), line = rest;

    for (unsigned i = t->loc.line; i <= loc->line && rest.p; i++)
        line = slice_cut(rest, '\n', &rest);
    return arena_slicedup(c->arena, line);
}

static void
report(struct cfg *c, const struct test *t, const struct expectation *e, const char *got)
{
    const struct cfg_loc *loc = e ? &e->loc : &t->loc;
    const char *source = source_line(c, t, loc);

    if (e)
        diags_add(&c->diags, DIAG_ALERT, loc, source,
                  DIAG_PLAIN "test failed: expected %s%s%s, got %s.", e->kind->name,
                  *e->arg ? " " : "", e->arg, *got ? got : "nothing");
    else
        diags_add(&c->diags, DIAG_ALERT, loc, source, DIAG_PLAIN "test cannot be run: %s", got);
}

static void
run_test(struct cfg *c, struct test *t)
{
    struct explain_result r;
    struct expectation *e;
    char *err = NULL, *got;

    explain_forget(c->config);
    if (!explain_run(c->config, &t->q, &r, &err)) {
        report(c, t, NULL, err ? err : "failed");
        free(err);
    } else {
        list_each (e, &t->expect, link) {
            got = e->kind->check(e, &r);
            if (got)
                report(c, t, e, got);
            free(got);
        }
    }
    explain_release(&r);
}

void
tests_run(struct cfg *c)
{
    struct test *t;

    if (list_empty(&tests))
        return;
    if (explain_start(c->config)) {
        list_each (t, &tests, link)
            run_test(c, t);
    } else {
        cfg_error_at(c, NULL, "the tests of this configuration cannot be run.");
    }
    explain_stop(c->config);
}

const struct section tests_sections[] = {
    { "tests", "[<name>]", IN_TESTS, begin_tests, NULL, NULL,
      "requests and what must become of them, checked by -c" },
    { 0 },
};

const struct keyword tests_keywords[] = {
    { "request",
      .args = "<\"method url\"> [header <\"Name: value\">]... [body <text>] [src <address>] [dst "
              "<address:port>] "
              "[frontend <name>] [repeat <n>] expect <what>...",
      .where = IN_TESTS, .parse = parse_request,
      .help = "a request, and what the configuration must do with it" },
    { 0 },
};

const struct module tests_module = {
    .name = "tests",
    .sections = tests_sections,
    .keywords = tests_keywords,
    .defaults = forget_tests,
};
