/* page.c - requests for the statistics page: who may see it, what is asked for, and the answer
 * piece by piece. */
#include "stats/uri.h"

#include "config/tune.h"
#include "http/auth.h"
#include "proxy/service.h"
#include "proxy/stream_int.h"
#include "rules/rule.h"
#include "sample/acl.h"

#define PIECE 16384u /* bytes of a page that are made at once */

/* ---- what is asked for ---- */

static bool
take_word(struct slice word, struct stats_query *q)
{
    static const struct {
        struct slice word;
        size_t offset;
    } flags[] = {
        { { "up", 2 }, offsetof(struct stats_query, up) },
        { { "no-maint", 8 }, offsetof(struct stats_query, no_maint) },
        { { "norefresh", 9 }, offsetof(struct stats_query, norefresh) },
    };
    static const struct {
        struct slice word;
        unsigned format;
    } formats[] = {
        { { "csv", 3 }, STATS_PAGE_CSV },
        { { "json", 4 }, STATS_PAGE_JSON },
        { { "typed", 5 }, STATS_PAGE_TYPED },
        { { "json-schema", 11 }, STATS_PAGE_SCHEMA },
    };

    for (unsigned i = 0; i < COUNT_OF(flags); i++)
        if (slice_eq(word, flags[i].word)) {
            *(bool *)((char *)q + flags[i].offset) = true;
            return true;
        }
    for (unsigned i = 0; i < COUNT_OF(formats); i++)
        if (slice_eq(word, formats[i].word)) {
            q->format = formats[i].format;
            return true;
        }
    return false;
}

/* Parameters follow the page's URI, separated by ';' (or as a query string). Unknown ones have no
 * meaning. */
static void
parse_query(struct slice rest, struct stats_query *q)
{
    *q = (struct stats_query){ 0 };
    while (rest.len) {
        size_t n = 0;
        while (n < rest.len && !memchr(";?&", rest.p[n], 3))
            n++;
        struct slice value, word = slice_sub(rest, 0, n);
        rest = slice_sub(rest, n + 1, SIZE_MAX);
        if (take_word(word, q))
            continue;
        struct slice name = slice_cut(word, '=', &value);
        if (slice_eq(name, SL("scope")) && value.p && value.len && value.len <= 64)
            q->scope = value;
        else if (slice_eq(name, SL("st")) && value.p && value.len == 4)
            q->result = value;
    }
}

void
stats_put_link(struct text *to, const struct stats_uri *st, const struct stats_query *q)
{
    static const char *const formats[] = { "", ";csv", ";json", ";typed", ";json-schema" };

    text_slice(to, st->uri);
    if (q->result.p)
        text_printf(to, ";st=%.*s", SLF(q->result));
    text_str(to, formats[q->format]);
    if (q->up)
        text_str(to, ";up");
    if (q->norefresh)
        text_str(to, ";norefresh");
    if (q->no_maint)
        text_str(to, ";no-maint");
    if (q->scope.p)
        text_printf(to, ";scope=%.*s", SLF(q->scope));
}

bool
stats_in_scope(const struct stats_uri *st, const struct proxy *self, const struct proxy *px)
{
    const struct stats_scope *s;

    if (list_empty(&st->scopes))
        return true;
    list_each (s, &st->scopes, link)
        if (strcmp(s->name, ".") == 0 ? px == self : strcmp(s->name, px->name) == 0)
            return true;
    return false;
}

static bool
page_shows(const struct proxy *px, void *arg)
{
    const struct stats_page *p = arg;

    if (!stats_in_scope(p->st, p->px, px))
        return false;
    return !p->q.scope.p || slice_search(slice_str(px->name), p->q.scope) != SIZE_MAX;
}

/* ---- who may see it ---- */

static bool
user_known(const struct stats_uri *st, const struct http_auth *a)
{
    const struct stats_user *u;
    bool known = false;

    list_each (u, &st->users, link)
        if (slice_eq(u->name, a->user) && u->pass.len == a->pass.len) {
            unsigned char diff = 0; /* no early end that would tell how much is right */
            for (size_t i = 0; i < u->pass.len; i++)
                diff |= (unsigned char)(u->pass.p[i] ^ a->pass.p[i]);
            known |= !diff;
        }
    return known;
}

static bool
is_allowed(struct stream *s, const struct stats_uri *st)
{
    const struct http_hdr *h = http_hdr_first(&s->rq, SL("authorization"));
    char buf[512];

    if (list_empty(&st->users))
        return true;
    if (!h)
        return false;
    struct http_auth a = http_auth_decode(h->value, buf, sizeof(buf));
    return a.scheme == HTTP_AUTH_BASIC && user_known(st, &a);
}

static bool
ask_password(struct stream *s, const struct stats_uri *st)
{
    char *value = arena_printf(&s->arena, "Basic realm=\"%s\"", st->realm);

    reply_error(s, 401);
    stream_term(s, 'L', 'R');
    return value && service_header(s, SL("www-authenticate"), slice_str(value));
}

/* `stats http-request` rules, or else the users. True when the page may be shown; else the reply is
 * prepared. */
static bool
pass_rules(struct stream *s, struct proxy *px, const struct stats_uri *st)
{
    const struct rule *resume = NULL, *last = NULL;
    enum sample_point pt = px == s->fe ? PT_FE_HTTP_REQ : PT_BE_HTTP_REQ;
    struct rule_ctx x = { .sess = s->sess, .strm = s, .set = RS_HTTP_REQ, .final = true };

    if (list_empty(&st->rules)) {
        if (is_allowed(s, st))
            return true;
        if (!ask_password(s, st))
            reply_error(s, 500);
        return false;
    }
    x.x = stream_ctx(s, px, pt, SMPO_FINAL);
    switch (rules_run(&st->rules, &resume, &x, &last)) {
    case ACT_CONT:
    case ACT_STOP:
        return true;
    case ACT_REPLY:
        break;
    case ACT_ERROR:
        reply_error(s, 500);
        break;
    default:
        FE_COUNT(s->fe, dreq, 1);
        reply_error(s, 403);
        break;
    }
    stream_term(s, 'P', 'R');
    return false;
}

static bool
may_change(struct stream *s, struct proxy *px, const struct stats_uri *st)
{
    const struct stats_admin *a;
    struct sample_ctx *x =
        stream_ctx(s, px, px == s->fe ? PT_FE_HTTP_REQ : PT_BE_HTTP_REQ, SMPO_FINAL);

    list_each (a, &st->admins, link)
        if (cond_eval(a->cond, x) == COND_PASS)
            return true;
    return false;
}

/* ---- the answer ---- */

static __thread struct text piece;

void
stats_page_thread_stop(void)
{
    text_fini(&piece);
}

static void
hide_legends(struct stats_page *p)
{
    if (p->st->flags & STATU_LEGENDS)
        return;
    p->row.v[ST_addr].type = p->row.v[ST_cookie].type = p->row.v[ST_algo].type = STATS_EMPTY;
}

static void
put_begin(struct text *to, struct stats_page *p)
{
    switch (p->q.format) {
    case STATS_HTML:
        html_head(to, p);
        break;
    case STATS_PAGE_CSV:
        stats_csv_header(to);
        break;
    case STATS_PAGE_JSON:
        text_char(to, '[');
        break;
    case STATS_PAGE_SCHEMA:
        stats_put_schema(to);
        break;
    case STATS_PAGE_TYPED:
        break;
    }
}

static void
put_row(struct text *to, struct stats_page *p)
{
    static const enum stats_format formats[] = { [STATS_PAGE_CSV] = STATS_CSV,
                                                 [STATS_PAGE_JSON] = STATS_JSON,
                                                 [STATS_PAGE_TYPED] = STATS_TYPED };

    hide_legends(p);
    if (p->q.format == STATS_HTML)
        html_row(to, p);
    else
        stats_put_row(to, &p->row, formats[p->q.format], false, p->first);
    p->first = false;
}

static void
put_end(struct text *to, struct stats_page *p)
{
    if (p->q.format == STATS_HTML) {
        html_table_end(to, p);
        html_end(to);
    } else if (p->q.format == STATS_PAGE_JSON) {
        text_char(to, ']');
    }
}

static void
produce(struct stream *s)
{
    struct stats_page *p = s->reply.service;

    piece.len = 0;
    if (p->at == PAGE_HEAD) {
        put_begin(&piece, p);
        p->at = p->q.format == STATS_PAGE_SCHEMA ? PAGE_END : PAGE_ROWS;
    }
    while (p->at == PAGE_ROWS && piece.len < PIECE) {
        if (stats_walk_next(&p->walk, &p->row)) {
            put_row(&piece, p);
            continue;
        }
        put_end(&piece, p);
        p->at = PAGE_END;
    }
    service_send(s, text_get(&piece), p->at == PAGE_END);
}

static bool
prepare_page(struct stream *s, struct stats_page *p)
{
    static const char *const types[] = { "text/html", "text/plain", "application/json",
                                         "text/plain", "application/json" };
    bool ok = service_header(s, SL("cache-control"), SL("no-cache")) &&
              service_header(s, SL("content-type"), slice_str(types[p->q.format]));

    if (ok && p->st->refresh_s > 0 && !p->q.norefresh) {
        char *value = arena_printf(&s->arena, "%d", p->st->refresh_s);
        ok = value && service_header(s, SL("refresh"), slice_str(value));
    }
    p->walk = (struct stats_walk){ .want = STATS_WANT_ALL,
                                   .sid = -1,
                                   .hide_down = p->q.up,
                                   .hide_maint = p->q.up || p->q.no_maint,
                                   .count_up = p->q.up || p->q.no_maint,
                                   .scope = page_shows,
                                   .scope_arg = p };
    p->first = true;
    s->reply.set = true;
    s->reply.status = 200;
    s->reply.produce = produce;
    return ok;
}

/* Unset counts as none: the target may be "http://host/stats" too. */
static struct slice
path_of(const struct http_head *rq)
{
    struct slice t = rq->target;

    if (t.len && t.p[0] != '/') {
        size_t at = slice_search(t, SL("://"));
        size_t slash = at == SIZE_MAX ? SIZE_MAX : slice_find(t, '/', at + 3);
        if (slash != SIZE_MAX)
            return slice_sub(t, slash, SIZE_MAX);
    }
    return t;
}

bool
stats_request(struct stream *s, struct proxy *px)
{
    struct stats_uri *st = px->stats;
    struct slice path = path_of(&s->rq);

    if (s->rq.meth != HTTP_GET && s->rq.meth != HTTP_HEAD && s->rq.meth != HTTP_POST)
        return false;
    if (!slice_starts(path, st->uri))
        return false;
    if (px == s->fe)
        FE_COUNT(px, intercepted, 1);
    if (!pass_rules(s, px, st))
        return true;
    struct stats_page *p = ARENA_NEW(&s->arena, struct stats_page);
    memset(&s->reply, 0, sizeof(s->reply));
    stream_term(s, 'L', 'R');
    if (!p) {
        reply_error(s, 500);
        return true;
    }
    p->st = st;
    p->px = px;
    parse_query(slice_sub(path, st->uri.len, SIZE_MAX), &p->q);
    p->admin = may_change(s, px, st);
    s->reply.service = p;
    if (s->rq.meth == HTTP_POST)
        s->reply.prepare = stats_admin_reply;
    else if (!prepare_page(s, p))
        reply_error(s, 500);
    return true;
}
