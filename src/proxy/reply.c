/* reply.c - what the proxy answers by itself: built-in errors, errorfile, errorloc, http-error,
 * http-errors, and the reply arguments of `return` and `deny` (manual 3.8, 4.2). */
#include "proxy/stream_int.h"

#include "http/errors.h"
#include "http/h1.h"
#include "http/status.h"
#include "proxy/reply.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ERRORFILE_MAX  (1024 * 1024)
#define ERRORFILE_HDRS 101

const unsigned error_status[NERRORS] = {
    200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414,
    421, 422, 425, 429, 431, 500, 501, 502, 503, 504,
};

int
error_index(unsigned status)
{
    for (unsigned i = 0; i < NERRORS; i++)
        if (error_status[i] == status)
            return (int)i;
    return -1;
}

/* ---- files ---- */

char *
reply_read_file(struct cfg *c, const char *path, size_t *len, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *data = NULL;
    size_t n = 0;

    if (fd < 0) {
        *why = strerror(errno);
        return NULL;
    }
    data = xmalloc(ERRORFILE_MAX + 1);
    for (ssize_t r; n <= ERRORFILE_MAX && (r = read(fd, data + n, ERRORFILE_MAX + 1 - n)) > 0;)
        n += (size_t)r;
    close(fd);
    if (n > ERRORFILE_MAX) {
        *why = "file is too big";
        free(data);
        return NULL;
    }
    char *kept = arena_slicedup(c->arena, slice(data, n));
    free(data);
    *len = n;
    return kept;
}

/* What is wrong with a response's head, as the client's parser would see it; NULL: nothing. */
static const char *
check_head(struct cfg *c, struct slice raw, struct http_head *head, size_t *used)
{
    static const struct h1_limits limits = { .hdr_max = ERRORFILE_HDRS };
    struct http_hdr *hdr = arena_alloc(c->arena, ERRORFILE_HDRS * sizeof(*hdr));
    char *copy = arena_slicedup(c->arena, raw); /* the parser writes into it */
    struct h1 h1;

    if (!hdr || !copy)
        return "out of memory";
    http_head_init(head, hdr, ERRORFILE_HDRS, c->arena);
    h1_init(&h1, H1_RESPONSE, &limits);
    switch (h1_head(&h1, copy, raw.len, head, used)) {
    case H1_HEAD:
        break;
    case H1_MORE:
        return "unable to parse headers (error offset: -2)";
    default:
        return arena_printf(c->arena, "unable to parse headers (error offset: %zu)", h1.err_pos);
    }
    size_t body = raw.len - *used;
    if (head->status < 200 || head->status > 599)
        return arena_printf(c->arena, "invalid http status code for an error message (%u)",
                            head->status);
    if (head->flags & HTTP_HF_TRANSFER_ENC)
        return "chunk-encoded payload not supported";
    if (head->flags & HTTP_HF_CLEN && head->clen != body)
        return arena_printf(
            c->arena,
            "payload size does not match the announced content-length (%zu != %" PRIu64 ")", body,
            head->clen);
    if (body && (head->status == 204 || head->status == 304))
        return "message payload not expected";
    return NULL;
}

/* Splits a raw response; the status line decides what is sent. Its head goes out as it is written.
 */
static const char *
parse_raw(struct cfg *c, struct http_errors *e, struct slice raw)
{
    struct http_head head;
    size_t used = 0;
    struct slice rest;
    const char *why;

    while (raw.len && (raw.p[0] == '\r' || raw.p[0] == '\n'))
        raw = slice(raw.p + 1, raw.len - 1);
    why = check_head(c, raw, &head, &used);
    if (why)
        return why;
    slice_cut(slice(raw.p, used), '\n', &rest);
    e->file_status = head.status;
    e->file_version = head.version < 11 ? 10 : 11;
    e->no_length = !(head.flags & HTTP_HF_CLEN) && head.status != 204 && head.status != 304;
    e->closes = head.flags & HTTP_HF_CONN_CLOSE;
    e->reason = head.reason.len ? slice(arena_slicedup(c->arena, head.reason), head.reason.len)
                                : SLICE_NONE;
    e->head = slice(rest.p, rest.len - (rest.len > 1 && rest.p[rest.len - 2] == '\r' ? 2 : 1));
    e->body = slice(raw.p + used, raw.len - used);
    return NULL;
}

struct http_errors *
errorfile_load(struct cfg *c, unsigned status, const char *path, unsigned word, const char *prefix)
{
    struct http_errors *e = ARENA_NEW(c->arena, struct http_errors);
    const char *why = NULL;
    size_t len = 0;

    e->status = status;
    e->kind = HE_FILE;
    e->path = path;
    char *data = reply_read_file(c, path, &len, &why);
    if (!data) {
        cfg_error(c, word, "%serror opening file '%s'.", prefix, path);
        return NULL;
    }
    if (!len) {
        e->kind = HE_NONE; /* /dev/null: close without a word */
        return e;
    }
    why = parse_raw(c, e, slice(data, len));
    if (why) {
        cfg_error(c, word, "%s'%s': %s", prefix, path, why);
        return NULL;
    }
    return e;
}

/* ---- keywords ---- */

/* Proxies and sections put it differently. */
static const char *
before_colon(const struct cfg *c)
{
    return c->where & IN_HTTP_ERRORS ? "" : " ";
}

static enum cfg_rc
missing_words(struct cfg *c, const char *kw, const char *second)
{
    return cfg_error(c, 0, "%s%s: expects <status_code> and <%s> as arguments.", kw,
                     before_colon(c), second);
}

static enum cfg_rc
take_status(struct cfg *c, unsigned *at, const char *kw, unsigned *status)
{
    uint64_t n;

    if (*at >= c->nwords)
        return missing_words(c, kw, strcmp(kw, "errorfile") == 0 ? "file" : "url");
    if (!slice_to_uint(slice_str(c->word[*at].s), &n) || error_index((unsigned)n) < 0) {
        struct text list = { 0 };
        for (unsigned i = 0; i < NERRORS; i++)
            text_printf(&list, "%s%u", i ? ", " : "", error_status[i]);
        cfg_error(c, *at, "%s%s: status code '%s' not handled.", kw, before_colon(c),
                  c->word[*at].s);
        cfg_hint(c, "known codes: %s", list.p);
        text_fini(&list);
        return CFG_ERR;
    }
    *status = (unsigned)n;
    (*at)++;
    return CFG_OK;
}

/* The table of a proxy or of an http-errors section. */
static struct http_errors **
errors_of(struct cfg *c, void *obj)
{
    return c->where & IN_HTTP_ERRORS ? ((struct http_errors_section *)obj)->err
                                     : ((struct proxy *)obj)->errors;
}

static enum cfg_rc
parse_errorfile(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    unsigned status;

    if (take_status(c, at, kw->name, &status) != CFG_OK)
        return CFG_ERR;
    if (*at >= c->nwords)
        return missing_words(c, kw->name, "file");
    struct http_errors *e = errorfile_load(c, status, c->word[*at].s, *at, "errorfile : ");
    if (!e)
        return CFG_ERR;
    errors_of(c, obj)[error_index(status)] = e;
    (*at)++;
    return cfg_expect_end(c, *at);
}

/* kw->max: 302 or 303. */
static enum cfg_rc
parse_errorloc(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    unsigned status;

    if (take_status(c, at, kw->name, &status) != CFG_OK)
        return CFG_ERR;
    if (*at >= c->nwords)
        return missing_words(c, kw->name, "url");
    struct http_errors *e = ARENA_NEW(c->arena, struct http_errors);
    e->status = status;
    e->kind = kw->max == 303 ? HE_REDIRECT_303 : HE_REDIRECT_302;
    e->location = c->word[*at].s;
    errors_of(c, obj)[error_index(status)] = e;
    (*at)++;
    return cfg_expect_end(c, *at);
}

struct http_errors_section *
http_errors_find(struct config *cf, const char *name)
{
    struct http_errors_section *s;

    list_each (s, &cf->http_errors, link)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

/* errorfiles <section> [<code>...]: resolved when everything was read. */
struct errorfiles_use {
    struct list link;
    struct http_errors **to;
    const char *name, *px_name;
    struct cfg_loc loc;
    uint32_t which; /* bit per error_index(); 0: all */
};

static enum cfg_rc
parse_errorfiles(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, 0, "'%s' expects http-errors section name as argument.", kw->name);
    struct errorfiles_use *u = ARENA_NEW(c->arena, struct errorfiles_use);
    u->to = errors_of(c, obj);
    u->name = c->word[*at].s;
    u->px_name = c->section_name ? arena_strdup(c->arena, c->section_name) : "";
    u->loc = cfg_loc_of(c, *at);
    for ((*at)++; *at < c->nwords; (*at)++) {
        uint64_t n;
        if (!slice_to_uint(slice_str(c->word[*at].s), &n) || error_index((unsigned)n) < 0)
            return cfg_error(c, *at, "'%s' : status code '%s' not handled.", kw->name,
                             c->word[*at].s);
        u->which |= 1u << error_index((unsigned)n);
    }
    list_push_back(&c->config->errorfiles, &u->link);
    return CFG_OK;
}

void
replies_check(struct cfg *c)
{
    struct errorfiles_use *u;
    struct proxy *px;

    reply_args_check(c);
    list_each (u, &c->config->errorfiles, link) {
        struct http_errors_section *s = http_errors_find(c->config, u->name);
        if (!s) {
            cfg_error_at(c, &u->loc, "proxy '%s': unknown http-errors section '%s' (at %s:%u).",
                         u->px_name, u->name, u->loc.file ? u->loc.file : "", u->loc.line);
            continue;
        }
        for (unsigned i = 0; i < NERRORS; i++)
            if ((!u->which || u->which & (1u << i)) && s->err[i])
                u->to[i] = s->err[i];
    }
    /* Proxies that inherited before the sections were known. */
    list_each (px, &c->config->proxies, link)
        for (unsigned i = 0; px->defaults && i < NERRORS; i++)
            if (!px->errors[i])
                px->errors[i] = px->defaults->errors[i];
}

static enum cfg_rc
parse_http_error(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct reply *r = ARENA_NEW(c->arena, struct reply);
    struct proxy *px = c->where & IN_HTTP_ERRORS ? NULL : obj;

    if (!cfg_arg_is(c, *at, "status"))
        return cfg_error(c, *at, "http-error : expects at least a <status> as arguments.");
    c->context = "http-error : ";
    enum cfg_rc rc = reply_parse(c, at, r, px, 0, PT_ANY);
    c->context = NULL;
    if (rc != CFG_OK)
        return CFG_ERR;
    if (error_index(r->status) < 0)
        return cfg_error(c, 1, "http-error: status code '%u' not handled.", r->status);
    if (*at < c->nwords)
        return cfg_error(c, *at, "http-error : unknown keyword '%s'.", cfg_arg(c, *at));
    struct http_errors *e = ARENA_NEW(c->arena, struct http_errors);
    e->status = r->status;
    e->kind = HE_REPLY;
    e->reply = r;
    errors_of(c, obj)[error_index(r->status)] = e;
    return CFG_OK;
}

/* ---- using them ---- */

/* `raw`: as the parser sends it, with its own Connection header. */
static void
use_builtin(struct reply_out *o, unsigned status, bool raw)
{
    const struct http_error *e = http_error_message(status);
    struct slice head = raw ? slice(e->raw.p, e->raw.len - e->body.len) : e->head;

    slice_cut(head, '\n', &head); /* without the status line */
    o->status = e->status;
    o->reason = e->reason;
    o->raw_head = head;
    o->body = e->body;
    o->close = e->closes;
    o->set = true;
}

static void
use_redirect(struct stream *s, struct reply_out *o, const struct http_errors *e)
{
    o->status = e->kind == HE_REDIRECT_303 ? 303 : 302;
    o->logged = e->status;
    o->len_at = 1;
    o->reason = o->status == 303 ? SL("See Other") : SL("Found");
    o->hdrs = arena_zalloc(&s->arena, 2 * sizeof(*o->hdrs));
    if (o->hdrs) {
        o->hdrs[0] = (struct http_hdr){ SL("cache-control"), SL("no-cache") };
        o->hdrs[1] = (struct http_hdr){ SL("location"), slice_str(e->location) };
        o->nhdrs = 2;
    }
    o->set = true;
}

static void
use_error(struct stream *s, const struct http_errors *e)
{
    struct reply_out *o = &s->reply;

    switch (e->kind) {
    case HE_FILE:
        o->status = e->file_status;
        o->logged = e->status;
        o->reason = e->reason;
        o->version = e->file_version;
        o->no_length = e->no_length;
        o->close = e->no_length || e->closes;
        o->raw_head = e->head;
        o->body = e->body;
        o->set = true;
        break;
    case HE_REDIRECT_302:
    case HE_REDIRECT_303:
        use_redirect(s, o, e);
        break;
    case HE_REPLY:
        if (e->reply->kind == REPLY_DEFAULT) /* of itself: what is built in */
            use_builtin(o, e->reply->status, false);
        else if (!reply_make(s, e->reply))
            use_builtin(o, 500, false);
        break;
    case HE_NONE: /* /dev/null: the connection ends without a response */
        o->set = true;
        o->close = true;
        o->silent = true;
        o->status = e->status;
        break;
    }
}

void
reply_error(struct stream *s, unsigned status)
{
    int i = error_index(status);
    const struct http_errors *e = NULL;

    memset(&s->reply, 0, sizeof(s->reply));
    if (i >= 0) {
        e = s->be->errors[i];
        if (!e)
            e = s->fe->errors[i];
    }
    if (e)
        use_error(s, e);
    else
        use_builtin(&s->reply, status, s->parser_reply);
}

static bool
make_headers(struct stream *s, const struct reply *r)
{
    struct reply_out *o = &s->reply;
    struct reply_hdr *h;
    unsigned n = 0;

    list_each (h, &r->hdrs, link)
        n++;
    if (!n)
        return true;
    o->hdrs = arena_zalloc(&s->arena, n * sizeof(*o->hdrs));
    if (!o->hdrs)
        return false;
    list_each (h, &r->hdrs, link) {
        struct slice v = logfmt_slice(h->value, &s->x);
        char *copy = v.p ? arena_slicedup(&s->arena, v) : NULL;
        if (!copy)
            return false;
        if (strcasecmp(h->name, "connection") == 0 && http_list_has(v, SL("close")))
            o->close = true;
        if (v.len) /* headers that came out empty are left out */
            o->hdrs[o->nhdrs++] = (struct http_hdr){ slice_str(h->name), slice(copy, v.len) };
    }
    o->len_at = o->nhdrs;
    return true;
}

bool
reply_make(struct stream *s, const struct reply *r)
{
    struct reply_out *o = &s->reply;
    int i = error_index(r->status);

    memset(o, 0, sizeof(*o));
    switch (r->kind) {
    case REPLY_DEFAULT:
        reply_error(s, r->status);
        return true;
    case REPLY_RAW:
        use_error(s, r->errors);
        return true;
    case REPLY_ERRORS:
        if (r->section && i >= 0 && r->section->err[i])
            use_error(s, r->section->err[i]);
        else
            use_builtin(o, r->status, false);
        return true;
    case REPLY_LF: {
        struct slice v = logfmt_slice(r->lf, &s->x);
        char *copy = v.p ? arena_slicedup(&s->arena, v) : NULL;
        if (!copy)
            return false;
        o->body = slice(copy, v.len);
        break;
    }
    default:
        o->body = r->body;
        break;
    }
    o->set = true;
    o->status = r->status;
    if (o->body.len && r->ctype)
        o->ctype = slice_str(r->ctype);
    return make_headers(s, r);
}

/* ---- http-errors sections ---- */

static enum cfg_rc
begin_http_errors(struct cfg *c)
{
    struct http_errors_section *old;

    if (c->nwords < 2)
        return cfg_error(c, 0, "missing name for %s section.", c->word[0].s);
    for (const char *p = c->word[1].s; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr(".:-_", *p))
            return cfg_error(c, 1, "character '%c' is not permitted in '%s' name '%s'.", *p,
                             c->word[0].s, c->word[1].s);
    old = http_errors_find(c->config, c->word[1].s);
    if (old)
        return cfg_error(c, 1,
                         DIAG_TIGHT "http-errors section '%s' already exists (declared at %s:%u).",
                         old->name, old->loc.file, old->loc.line);
    struct http_errors_section *s = ARENA_NEW(c->arena, struct http_errors_section);
    s->name = c->word[1].s;
    s->loc = c->loc;
    list_push_back(&c->config->http_errors, &s->link);
    c->obj = s;
    c->section_name = s->name;
    return CFG_OK;
}

const struct section reply_sections[] = {
    { "http-errors", "<name>", IN_HTTP_ERRORS, begin_http_errors, NULL, NULL,
      "a named set of error replies" },
    { 0 },
};

#define DFB (IN_DEFAULTS | IN_FRONTEND | IN_BACKEND)

const struct keyword reply_keywords[] = {
    { "errorfile", "<code> <file>", DFB | IN_HTTP_ERRORS, .parse = parse_errorfile,
      .help = "a file to send instead of an error reply" },
    { "errorloc", "<code> <url>", DFB, .max = 302, .parse = parse_errorloc,
      .help = "a redirect instead of an error reply" },
    { "errorloc302", "<code> <url>", DFB, .max = 302, .parse = parse_errorloc,
      .help = "a redirect instead of an error reply" },
    { "errorloc303", "<code> <url>", DFB, .max = 303, .parse = parse_errorloc,
      .help = "a redirect to a GET instead of an error reply" },
    { "errorfiles", "<name> [<code>...]", DFB, .parse = parse_errorfiles,
      .help = "error replies of an http-errors section" },
    { "http-error", "status <code> [<reply arguments>]", DFB, .parse = parse_http_error,
      .help = "an error reply written here" },
    { 0 },
};
