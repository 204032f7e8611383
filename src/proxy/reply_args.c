/* reply_args.c - the arguments that describe a reply: `http-request deny`, `return`, `tarpit`,
 * `http-error` and their like (manual 4.2). */
#include "proxy/reply.h"

#include "proxy/config.h"

#include <stdlib.h>

/* ---- one argument each ---- */

struct args {
    struct cfg *c;
    struct reply *r;
    struct proxy *px;
    unsigned where;
    const char *source; /* the word that said where the body comes from; NULL: none so far */
    unsigned file_at;   /* of errorfile */
    bool deny_status;   /* the old form: the default page of that status */
    bool custom;        /* status or hdr was given */
};

static const char *
value_of(struct args *a, unsigned *at, const char *what)
{
    const char *word = cfg_arg(a->c, *at), *value = cfg_arg(a->c, *at + 1);

    if (!*value) {
        cfg_error(a->c, *at, "'%s' expects <%s> as argument", word, what);
        return NULL;
    }
    *at += 2;
    return value;
}

static enum cfg_rc
set_source(struct args *a, unsigned at, enum reply_kind kind)
{
    const char *word = cfg_arg(a->c, at);

    if (a->source)
        return cfg_error(a->c, at, "unexpected '%s' argument, '%s' already defined", word,
                         a->source);
    a->source = word;
    a->r->kind = kind;
    return CFG_OK;
}

static enum cfg_rc
arg_status(struct args *a, unsigned *at)
{
    unsigned word = *at;
    const char *text = value_of(a, at, "status_code");
    uint64_t n;

    if (!text)
        return CFG_ERR;
    if (!slice_to_uint(slice_str(text), &n) || n < 200 || n > 599)
        return cfg_error(a->c, word + 1, "Unexpected status code '%s'", text);
    a->r->status = (unsigned)n;
    if (cfg_arg_is(a->c, word, "deny_status"))
        a->deny_status = true;
    else
        a->custom = true;
    return CFG_OK;
}

static enum cfg_rc
arg_type(struct args *a, unsigned *at)
{
    a->r->ctype = value_of(a, at, "ctype");
    return a->r->ctype ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
arg_string(struct args *a, unsigned *at)
{
    unsigned word = *at;
    const char *text = value_of(a, at, "str");

    if (!text || set_source(a, word, REPLY_CONST) != CFG_OK)
        return CFG_ERR;
    a->r->body = slice(text, a->c->word[word + 1].len);
    return CFG_OK;
}

static enum cfg_rc
arg_lf_string(struct args *a, unsigned *at)
{
    unsigned word = *at;
    const char *text = value_of(a, at, "fmt");

    if (!text || set_source(a, word, REPLY_LF) != CFG_OK)
        return CFG_ERR;
    a->r->lf = logfmt_parse(a->c, word + 1, text, a->px, a->where, false);
    return a->r->lf ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
read_payload(struct args *a, unsigned *at, enum reply_kind kind, struct slice *data)
{
    unsigned word = *at;
    const char *path = value_of(a, at, "file"), *why = NULL;

    if (!path || set_source(a, word, kind) != CFG_OK)
        return CFG_ERR;
    data->p = reply_read_file(a->c, path, &data->len, &why);
    if (!data->p)
        return cfg_error(a->c, word + 1, "error opening file '%s' (%s)", path, why);
    return CFG_OK;
}

static enum cfg_rc
arg_file(struct args *a, unsigned *at)
{
    return read_payload(a, at, REPLY_CONST, &a->r->body);
}

static enum cfg_rc
arg_lf_file(struct args *a, unsigned *at)
{
    unsigned word = *at + 1;
    struct slice text;

    if (read_payload(a, at, REPLY_LF, &text) != CFG_OK)
        return CFG_ERR;
    a->r->lf = logfmt_parse(a->c, word, text.p, a->px, a->where, false);
    return a->r->lf ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
arg_errorfile(struct args *a, unsigned *at)
{
    a->file_at = *at + 1;
    if (!value_of(a, at, "fmt"))
        return CFG_ERR;
    return set_source(a, a->file_at - 1, REPLY_RAW);
}

static enum cfg_rc
arg_errorfiles(struct args *a, unsigned *at)
{
    unsigned word = *at;

    a->r->errors_name = value_of(a, at, "name");
    return a->r->errors_name ? set_source(a, word, REPLY_ERRORS) : CFG_ERR;
}

static enum cfg_rc
arg_default(struct args *a, unsigned *at)
{
    return set_source(a, (*at)++, REPLY_DEFAULT);
}

static enum cfg_rc
arg_hdr(struct args *a, unsigned *at)
{
    struct cfg *c = a->c;
    const char *name = cfg_arg(c, *at + 1), *value = cfg_arg(c, *at + 2);

    if (!*name || !*value)
        return cfg_error(c, *at, "'hdr' expects <name> and <value> as arguments");
    *at += 3;
    a->custom = true;
    if (strcasecmp(name, "content-length") == 0 || strcasecmp(name, "transfer-encoding") == 0) {
        cfg_warn(c, *at - 2, DIAG_PARSING "header '%s' always ignored by the http reply.", name);
        return CFG_OK;
    }
    struct reply_hdr *h = ARENA_NEW(c->arena, struct reply_hdr);
    h->name = name;
    h->value = logfmt_parse(c, *at - 1, value, a->px, a->where, false);
    if (!h->value)
        return CFG_ERR;
    list_push_back(&a->r->hdrs, &h->link);
    return CFG_OK;
}

static const struct {
    const char *name;
    enum cfg_rc (*parse)(struct args *a, unsigned *at);
} args_table[] = {
    { "status", arg_status },
    { "deny_status", arg_status },
    { "content-type", arg_type },
    { "string", arg_string },
    { "lf-string", arg_lf_string },
    { "file", arg_file },
    { "lf-file", arg_lf_file },
    { "errorfile", arg_errorfile },
    { "errorfiles", arg_errorfiles },
    { "default-errorfiles", arg_default },
    { "hdr", arg_hdr },
};

/* ---- all of them ---- */

/** A reply whose http-errors section must still be found; in config->reply_uses. */
struct reply_use {
    struct list link;
    struct reply *r;
    const char *px_name;
};

static void
resolve_later(struct args *a)
{
    struct reply_use *u = ARENA_NEW(a->c->arena, struct reply_use);

    u->r = a->r;
    u->px_name = a->px ? a->px->name : a->c->section_name;
    list_push_back(&a->c->config->reply_uses, &u->link);
}

void
reply_args_check(struct cfg *c)
{
    struct reply_use *u;

    list_each (u, &c->config->reply_uses, link) {
        u->r->section = http_errors_find(c->config, u->r->errors_name);
        if (!u->r->section)
            cfg_error_at(
                c, &u->r->loc,
                "Proxy '%s': unknown http-errors section '%s' referenced by an http reply .",
                u->px_name, u->r->errors_name);
    }
}

static bool
is_payload(const struct reply *r)
{
    return r->kind == REPLY_CONST || r->kind == REPLY_LF;
}

static enum cfg_rc
check_source(struct args *a, unsigned def)
{
    struct cfg *c = a->c;
    struct reply *r = a->r;

    if (!a->source) {
        /* Without any description it is the default page, unless the rule asked for more than that.
         */
        r->kind = a->custom || def == 200 ? REPLY_EMPTY : REPLY_DEFAULT;
        if (r->ctype)
            cfg_warn(c, CFG_WHOLE_LINE,
                     DIAG_PARSING "content-type '%s' ignored by the http reply because neither "
                                  "errorfile nor payload defined.",
                     r->ctype);
    }
    bool is_file = r->kind == REPLY_DEFAULT || r->kind == REPLY_RAW || r->kind == REPLY_ERRORS;
    if (is_file && !list_empty(&r->hdrs)) {
        cfg_warn(c, CFG_WHOLE_LINE,
                 DIAG_PARSING
                 "hdr parameters ignored by the http reply when used with an erorrfile.");
        list_init(&r->hdrs);
    }
    if ((r->kind == REPLY_DEFAULT || r->kind == REPLY_ERRORS) && r->status &&
        error_index(r->status) < 0)
        return cfg_error(c, CFG_WHOLE_LINE,
                         "status code '%u' not handled by default with '%s' argument.", r->status,
                         r->kind == REPLY_DEFAULT ? "default-errorfiles" : "errorfiles");
    if (is_payload(r) && (r->status == 204 || r->status == 304) && (r->lf || r->body.len))
        return cfg_error(c, CFG_WHOLE_LINE, "No body expected for %u responses", r->status);
    if (is_payload(r) && !r->ctype && (r->lf || r->body.len))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "a content type must be defined when non-empty payload is configured");
    if (r->kind == REPLY_RAW) {
        r->errors = errorfile_load(c, r->status, cfg_arg(c, a->file_at), a->file_at, "");
        return r->errors ? CFG_OK : CFG_ERR;
    }
    if (r->kind == REPLY_ERRORS)
        resolve_later(a);
    return CFG_OK;
}

enum cfg_rc
reply_parse(struct cfg *c, unsigned *at, struct reply *r, struct proxy *px, unsigned def,
            unsigned where)
{
    struct args a = { .c = c, .r = r, .px = px, .where = where };

    list_init(&r->hdrs);
    r->loc = c->loc;
    r->status = def;
    while (*at < c->nwords && !cond_starts(c, *at)) {
        unsigned i = 0;
        while (i < COUNT_OF(args_table) && strcmp(args_table[i].name, c->word[*at].s) != 0)
            i++;
        if (i == COUNT_OF(args_table) || (def == 200 && args_table[i].parse == arg_status &&
                                          strcmp(args_table[i].name, "deny_status") == 0))
            break;
        if (args_table[i].parse(&a, at) != CFG_OK)
            return CFG_ERR;
    }
    return check_source(&a, def);
}
