/* tests_section.c - expectations in the configuration itself: `request <what> ... expect <what>...`, run by -c. */
#include "process/tests_section.h"

#include "config/module.h"
#include "process/explain.h"
#include "proxy/section.h"

#include <stdlib.h>

/* ---- what is expected ---- */

struct expectation;

/** One thing to expect. `check`: NULL when it holds, else what was got instead (heap). */
struct expect_kind {
    const char *name, *args;
    char *(*check)(const struct expectation *e, const struct explain_result *r);
    unsigned nargs;
};

struct expectation {
    struct list link;
    const struct expect_kind *kind;
    const char *arg;
    struct cfg_loc loc;
};

struct test {
    struct list link;
    struct cfg_loc loc;
    const char *raw;
    struct explain_request q;
    struct list expect;
};

static struct list tests = LIST_INIT(tests); /* in the configuration's arena */

static char *
got_instead(const struct explain_result *r)
{
    struct text t = { 0 };

    explain_summary(r, &t);
    return t.p ? t.p : xstrdup("nothing");
}

static char *
copy_slice(struct slice s)
{
    return xasprintf("%.*s", SLF(s));
}

static char *
check_backend(const struct expectation *e, const struct explain_result *r)
{
    if (r->be && strcmp(r->be->name, e->arg) == 0 && r->end == EXPLAIN_SERVER)
        return NULL;
    /* A backend without usable servers was chosen all the same. */
    if (r->be && strcmp(r->be->name, e->arg) == 0 && !r->srv && r->end == EXPLAIN_REPLY && r->status == 503)
        return NULL;
    return got_instead(r);
}

/* "server" or "backend/server". Without a key or persistence any candidate is as good as the one that was picked. */
static char *
check_server(const struct expectation *e, const struct explain_result *r)
{
    const char *slash = strchr(e->arg, '/');
    const char *name = slash ? slash + 1 : e->arg;
    const struct explain_server *c;

    if (r->end != EXPLAIN_SERVER)
        return got_instead(r);
    if (slash && !slice_eq_str(slice(e->arg, (size_t)(slash - e->arg)), r->be->name))
        return got_instead(r);
    if (strcmp(r->srv->name, name) == 0)
        return NULL;
    list_each(c, &r->servers, link)
        if (!r->srv_fixed && c->candidate && strcmp(c->srv->name, name) == 0)
            return NULL;
    return got_instead(r);
}

static char *
check_status(const struct expectation *e, const struct explain_result *r)
{
    uint64_t n;

    if (r->end == EXPLAIN_REPLY && slice_to_uint(slice_str(e->arg), &n) && r->status == n)
        return NULL;
    return got_instead(r);
}

static struct slice
reply_head(const struct explain_result *r)
{
    return slice_sub(r->reply, 0, r->reply_head);
}

static char *
check_redirect(const struct expectation *e, const struct explain_result *r)
{
    struct slice to = explain_header(reply_head(r), SL("location"), 0);

    if (r->end != EXPLAIN_REPLY || r->status < 300 || r->status > 399)
        return got_instead(r);
    if (slice_eq_str(to, e->arg))
        return NULL;
    return xasprintf("%u to %.*s", r->status, SLF(to));
}

static char *
compare(struct slice got, const char *wanted)
{
    return slice_eq_str(got, wanted) ? NULL : copy_slice(got);
}

static char *
check_uri(const struct expectation *e, const struct explain_result *r)
{
    return compare(r->uri, e->arg);
}

static char *
check_method(const struct expectation *e, const struct explain_result *r)
{
    return compare(r->method, e->arg);
}

/* The part before the '?', without scheme and authority. */
static struct slice
path_of(struct slice uri, struct slice *query)
{
    size_t host = slice_search(uri, SL("://"));

    if (host != SIZE_MAX && uri.len && uri.p[0] != '/') {
        size_t path = slice_find(uri, '/', host + 3);
        uri = path == SIZE_MAX ? SL("") : slice_sub(uri, path, uri.len);
    }
    return slice_cut(uri, '?', query);
}

static char *
check_path(const struct expectation *e, const struct explain_result *r)
{
    struct slice query;

    return compare(path_of(r->uri, &query), e->arg);
}

static char *
check_query(const struct expectation *e, const struct explain_result *r)
{
    struct slice query;

    path_of(r->uri, &query);
    return compare(query, e->arg);
}

/* The head that goes on: to the server, or to the client. */
static struct slice
head_of(const struct explain_result *r)
{
    return r->end == EXPLAIN_REPLY ? reply_head(r) : r->sent;
}

static char *
check_header(const struct expectation *e, const struct explain_result *r)
{
    struct slice wanted, got, name = slice_trim(slice_cut(slice_str(e->arg), ':', &wanted));
    struct text all = { 0 };

    wanted = slice_trim(wanted);
    for (unsigned i = 0; (got = explain_header(head_of(r), name, i)).p; i++) {
        if (slice_eq(got, wanted)) {
            text_fini(&all);
            return NULL;
        }
        text_printf(&all, "%s%.*s: %.*s", i ? ", " : "", SLF(name), SLF(got));
    }
    return all.p ? all.p : xasprintf("no header %.*s", SLF(name));
}

static char *
check_no_header(const struct expectation *e, const struct explain_result *r)
{
    struct slice got = explain_header(head_of(r), slice_str(e->arg), 0);

    return got.p ? xasprintf("%s: %.*s", e->arg, SLF(got)) : NULL;
}

static char *
check_body(const struct expectation *e, const struct explain_result *r)
{
    struct slice body = slice_sub(r->reply, r->reply_head, r->reply.len);

    if (r->end != EXPLAIN_REPLY)
        return got_instead(r);
    return slice_search(body, slice_str(e->arg)) != SIZE_MAX ? NULL : xstrdup("a body without it");
}

static char *
check_closed(const struct expectation *e, const struct explain_result *r)
{
    return r->end == EXPLAIN_CLOSED ? NULL : got_instead(r);
}

static const struct expect_kind kinds[] = {
    { "backend", "<name>", check_backend, 1 },
    { "server", "[<backend>/]<name>", check_server, 1 },
    { "status", "<code>", check_status, 1 },
    { "redirect", "<location>", check_redirect, 1 },
    { "method", "<name>", check_method, 1 },
    { "uri", "<uri>", check_uri, 1 },
    { "path", "<path>", check_path, 1 },
    { "query", "<query>", check_query, 1 },
    { "header", "<\"Name: value\">", check_header, 1 },
    { "no-header", "<name>", check_no_header, 1 },
    { "body", "<part of it>", check_body, 1 },
    { "closed", "", check_closed, 0 },
};

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
    return cfg_error(c, at, "'request ... expect status' expects a code from 100 to 999, but got '%s'.", cfg_arg(c, at));
}

static enum cfg_rc
parse_expectation(struct cfg *c, unsigned *at, struct test *t)
{
    const struct expect_kind *k = NULL;
    struct suggest s;

    suggest_init(&s, cfg_arg(c, *at));
    for (unsigned i = 0; i < COUNT_OF(kinds) && !k; i++) {
        suggest_offer(&s, kinds[i].name);
        if (cfg_arg_is(c, *at, kinds[i].name))
            k = &kinds[i];
    }
    if (!k) {
        struct text list = { 0 };
        for (unsigned i = 0; i < COUNT_OF(kinds); i++)
            text_printf(&list, "%s'%s'", i ? ", " : "", kinds[i].name);
        unknown_word(c, *at, list.p, &s);
        text_fini(&list);
        return CFG_ERR;
    }
    if (*at + k->nargs >= c->nwords)
        return cfg_error(c, *at, "'request ... expect %s' expects %s.", k->name, k->args);
    if (k->check == check_status && expected_status(c, *at + 1) != CFG_OK)
        return CFG_ERR;
    if (k->check == check_header && !strchr(cfg_arg(c, *at + 1), ':'))
        return cfg_error(c, *at + 1, "'request ... expect header' expects \"Name: value\", but got '%s'.", cfg_arg(c, *at + 1));
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
        return cfg_error(c, at, "'request ... header' expects \"Name: value\", but got '%s'.", c->word[at].s);
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
    return unknown_word(c, *at, "'header', 'body', 'src', 'dst', 'frontend', 'repeat' or 'expect'", &s);
}

/* "GET http://host/path" in one word or in two. */
static enum cfg_rc
parse_line(struct cfg *c, unsigned *at, struct test *t)
{
    const char *word = cfg_arg(c, *at);

    if (*at >= c->nwords)
        return cfg_error(c, CFG_WHOLE_LINE, "'request' expects a request such as \"GET https://host/path\".");
    if (!explain_parse_line(&t->q, word, c->arena) && !strchr(word, ' ') && *at + 1 < c->nwords) {
        word = arena_printf(c->arena, "%s %s", word, c->word[*at + 1].s);
        ++*at;
        t->q.method = NULL;
    }
    if (!explain_parse_line(&t->q, word, c->arena))
        return cfg_error(c, *at, "'request' expects a request such as \"GET https://host/path\", but got '%s'.", word);
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
        diags_add(&c->diags, DIAG_ALERT, loc, source, DIAG_PLAIN "test failed: expected %s%s%s, got %s.", e->kind->name,
                  *e->arg ? " " : "", e->arg, got);
    else
        diags_add(&c->diags, DIAG_ALERT, loc, source, DIAG_PLAIN "test cannot be run: %s.", got);
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
        list_each(e, &t->expect, link) {
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
        list_each(t, &tests, link)
            run_test(c, t);
    } else {
        cfg_error_at(c, NULL, "the tests of this configuration cannot be run.");
    }
    explain_stop(c->config);
}

const struct section tests_sections[] = {
    { "tests", "[<name>]", IN_TESTS, begin_tests, NULL, NULL, "requests and what must become of them, checked by -c" },
    { 0 },
};

const struct keyword tests_keywords[] = {
    { "request",
      .args = "<\"method url\"> [header <\"Name: value\">]... [body <text>] [src <address>] [dst <address:port>] "
              "[frontend <name>] [repeat <n>] expect <what>...",
      .where = IN_TESTS, .parse = parse_request, .help = "a request, and what the configuration must do with it" },
    { 0 },
};

const struct module tests_module = {
    .name = "tests",
    .sections = tests_sections,
    .keywords = tests_keywords,
    .defaults = forget_tests,
};
