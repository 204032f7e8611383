/* tests_expect.c - what a test can expect, and whether an answer is that. */
#include "process/tests_expect.h"

#include <stdlib.h>

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
    if (r->be && strcmp(r->be->name, e->arg) == 0 && !r->srv && r->end == EXPLAIN_REPLY &&
        r->status == 503)
        return NULL;
    return got_instead(r);
}

/* "server" or "backend/server". Without a key or persistence any candidate is as good as the one
 * that was picked. */
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
    list_each (c, &r->servers, link)
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

const struct expect_kind expect_kinds[] = {
    { "backend", "<name>", check_backend, 1 },
    { "server", "[<backend>/]<name>", check_server, 1 },
    { "status", "<code>", check_status, 1, EXPECT_STATUS },
    { "redirect", "<location>", check_redirect, 1 },
    { "method", "<name>", check_method, 1 },
    { "uri", "<uri>", check_uri, 1 },
    { "path", "<path>", check_path, 1 },
    { "query", "<query>", check_query, 1 },
    { "header", "<\"Name: value\">", check_header, 1, EXPECT_HEADER },
    { "no-header", "<name>", check_no_header, 1 },
    { "body", "<part of it>", check_body, 1 },
    { "closed", "", check_closed, 0 },
    { 0 },
};
