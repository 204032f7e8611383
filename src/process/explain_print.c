/* explain_print.c - answers for people and for programs. */
#include "process/explain.h"

#include "proxy/listener.h"

#include <jansson.h>
#include <stdlib.h>

#define VALUE_MAX 400 /* bytes of a value that are printed for people */
#define BODY_MAX  2000

/* ---- words ---- */

/* Length of the UTF-8 sequence at the beginning (RFC 3629), 0 when it is malformed. */
static size_t
utf8_len(struct slice s)
{
    unsigned char c = (unsigned char)s.p[0], d = s.len > 1 ? (unsigned char)s.p[1] : 0;
    size_t n = c < 0x80                ? 1
               : c >= 0xc2 && c < 0xe0 ? 2
               : c >= 0xe0 && c < 0xf0 ? 3
               : c >= 0xf0 && c < 0xf5 ? 4
                                       : 0;

    if (n > s.len || (c == 0xe0 && d < 0xa0) || (c == 0xed && d >= 0xa0) ||
        (c == 0xf0 && d < 0x90) || (c == 0xf4 && d >= 0x90))
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s.p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* What a terminal or a JSON reader cannot take becomes \xNN. */
static void
put_visible(struct text *to, struct slice s, size_t max)
{
    size_t n;

    for (size_t i = 0; i < s.len; i += n) {
        if (i >= max) {
            text_printf(to, "... (%zu bytes)", s.len);
            return;
        }
        unsigned char c = (unsigned char)s.p[i];
        n = utf8_len(slice_sub(s, i, s.len));
        if (n > 1 || (n == 1 && c >= ' ' && c != 0x7f)) {
            text_mem(to, s.p + i, n);
        } else {
            text_printf(to, "\\x%02x", c);
            n = 1;
        }
    }
}

static void
put_addr(struct text *to, const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    text_str(to, addr_format(a, text, sizeof(text)));
}

static const char *
result_word(enum cond_result r)
{
    return r == COND_PASS ? "matched" : r == COND_MISS ? "needs more data" : "not matched";
}

static const char *
change_word(const struct explain_change *c)
{
    return !c->before.p ? "added" : !c->after.p ? "removed" : "changed";
}

static const char *
method_of(const struct explain_request *q)
{
    return q->method ? q->method : q->has_body ? "POST" : "GET";
}

void
explain_summary(const struct explain_result *r, struct text *to)
{
    switch (r->end) {
    case EXPLAIN_SERVER:
        text_printf(to, "backend %s, server %s", r->be->name, r->srv->name);
        break;
    case EXPLAIN_REPLY:
        text_printf(to, "status %u", r->status);
        break;
    case EXPLAIN_CLOSED:
        text_str(to, "connection closed");
        break;
    case EXPLAIN_STUCK:
        text_printf(to, "it waits (%s)", r->why ? r->why : "?");
        break;
    }
}

/* ---- for people ---- */

static void
put_lines(struct text *to, struct slice s, const char *indent)
{
    while (s.len) {
        struct slice line = slice_cut(s, '\n', &s);
        if (line.len && line.p[line.len - 1] == '\r')
            line.len--;
        if (!line.len && !s.len)
            break;
        text_str(to, indent);
        put_visible(to, line, SIZE_MAX);
        text_char(to, '\n');
    }
}

static void
print_question(const struct explain_request *q, const struct explain_result *r, struct text *to)
{
    text_printf(to, "%s %.*s\n  from ", method_of(q), SLF(q->url));
    put_addr(to, &r->src);
    text_str(to, " to ");
    put_addr(to, &r->dst);
    text_str(to, r->tls ? ", over TLS" : r->hello ? ", TLS that is not deciphered here" : "");
    const struct bind_conf *b = r->li->bind;
    text_printf(to, "\n  frontend %s (%s:%u), bind %s (%s:%u)\n", r->fe->name, r->fe->loc.file,
                r->fe->loc.line, b->text, b->loc.file, b->loc.line);
}

static void
print_test(const struct explain_test *t, struct text *to)
{
    text_printf(to, "      %-11s %s%s%s", result_word(t->result), t->acl ? "acl " : "{ ",
                t->acl ? t->acl : t->text, t->acl ? ": " : " }");
    if (t->acl)
        text_str(to, t->text);
    if (t->value.p) {
        text_str(to, "   [");
        put_visible(to, t->value, VALUE_MAX);
        text_char(to, ']');
    }
    text_char(to, '\n');
}

static void
print_change(const struct explain_change *c, struct text *to)
{
    text_printf(to, "      %-11s %s", change_word(c), c->what);
    if (c->name.len) {
        text_char(to, ' ');
        put_visible(to, c->name, VALUE_MAX);
    }
    text_str(to, ": ");
    if (c->before.p)
        put_visible(to, c->before, VALUE_MAX);
    if (c->before.p && c->after.p)
        text_str(to, " -> ");
    if (c->after.p)
        put_visible(to, c->after, VALUE_MAX);
    text_char(to, '\n');
}

static void
print_event(const struct explain_event *e, struct text *to)
{
    const struct explain_test *t;
    const struct explain_change *c;

    /* + applied, - did not, ? waits for data; nothing: a remark */
    bool passed = !e->conditional || e->cond == COND_PASS;
    text_printf(to, "  %c ", !e->is_rule ? ' ' : passed ? '+' : e->cond == COND_MISS ? '?' : '-');
    if (e->loc.file)
        text_printf(to, "%s:%u  ", e->loc.file, e->loc.line);
    text_printf(to, "%s\n", e->text);
    list_each (t, &e->tests, link)
        print_test(t, to);
    list_each (c, &e->changes, link)
        print_change(c, to);
    if (e->outcome)
        text_printf(to, "      => %s\n", e->outcome);
}

static void
print_servers(const struct explain_result *r, struct text *to)
{
    const struct explain_server *e;

    if (list_empty(&r->servers))
        return;
    text_printf(to, "\nservers of backend %s\n", r->be->name);
    list_each (e, &r->servers, link) {
        bool taken = e->srv == r->srv && r->srv_fixed;
        text_printf(to, "  %s %-12s %-22s %s, weight %u%s%s\n",
                    taken                           ? "=>"
                    : e->candidate && !r->srv_fixed ? " *"
                                                    : "  ",
                    e->srv->name, e->addr, e->status, e->weight, e->backup ? ", backup" : "",
                    e->candidate || taken ? "" : ", not used");
    }
    if (!r->srv)
        return;
    if (r->srv_fixed)
        text_printf(to, "  server %s: %s\n", r->srv->name, r->srv_by);
    else
        text_printf(to, "  any of those with *: %s; here it was %s\n", r->srv_by, r->srv->name);
}

static void
print_end(const struct explain_result *r, struct text *to)
{
    switch (r->end) {
    case EXPLAIN_SERVER:
        text_printf(to, "\nthe request goes to server %s/%s at ", r->be->name, r->srv->name);
        put_addr(to, &r->srv_addr);
        text_str(to, r->srv->flags & SRVF_TLS ? " over TLS" : "");
        if (r->sni.p) {
            text_str(to, ", SNI ");
            put_visible(to, r->sni, VALUE_MAX);
        }
        if (r->srv->flags & (SRVF_SEND_PROXY | SRVF_SEND_PROXY_V2))
            text_printf(to, ", behind a PROXY header (version %d)",
                        r->srv->flags & SRVF_SEND_PROXY_V2 ? 2 : 1);
        text_str(to, r->sent.p ? ":\n" : ", bytes as they come\n");
        put_lines(to, r->sent, "  ");
        break;
    case EXPLAIN_REPLY:
        text_str(to, "\nthe client gets:\n");
        put_lines(to, slice_sub(r->reply, 0, r->reply_head), "  ");
        if (r->reply.len > r->reply_head) {
            struct slice body = slice_sub(r->reply, r->reply_head, r->reply.len);
            text_str(to, "\n");
            put_lines(to, slice_sub(body, 0, BODY_MAX), "  ");
            if (body.len > BODY_MAX)
                text_printf(to, "  ... (%zu bytes)\n", body.len);
        }
        break;
    case EXPLAIN_CLOSED:
        text_str(to, "\nthe connection is closed without an answer\n");
        break;
    case EXPLAIN_STUCK:
        text_printf(to, "\nthe request waits for something that cannot happen here: %s\n",
                    r->why ? r->why : "?");
        break;
    }
}

void
explain_print(const struct explain_request *q, const struct explain_result *r, struct text *to)
{
    const struct explain_event *e;
    const char *stage = NULL;

    print_question(q, r, to);
    list_each (e, &r->events, link) {
        if (e->stage != stage)
            text_printf(to, "\n%s\n", e->stage);
        stage = e->stage;
        print_event(e, to);
    }
    print_servers(r, to);
    print_end(r, to);
}

/* ---- for programs ---- */

static json_t *
json_visible(struct slice s)
{
    if (!s.p)
        return json_null();
    json_t *j = json_stringn(s.p, s.len);
    if (j)
        return j;
    struct text t = { 0 };
    put_visible(&t, s, SIZE_MAX);
    j = json_stringn(t.p, t.len);
    text_fini(&t);
    return j;
}

static json_t *
json_addr(const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    return json_string(addr_format(a, text, sizeof(text)));
}

static json_t *
json_text(const char *s)
{
    return s ? json_visible(slice_str(s)) : json_null();
}

static void
json_loc(json_t *o, const struct cfg_loc *loc)
{
    if (!loc->file)
        return;
    json_object_set_new(o, "file", json_text(loc->file));
    json_object_set_new(o, "line", json_integer(loc->line));
}

static json_t *
json_event(const struct explain_event *e)
{
    json_t *o = json_object(), *tests = json_array(), *changes = json_array();
    const struct explain_test *t;
    const struct explain_change *c;

    json_object_set_new(o, "step", json_string(e->id));
    json_object_set_new(o, e->is_rule ? "rule" : "note", json_text(e->text));
    json_loc(o, &e->loc);
    if (e->conditional)
        json_object_set_new(o, "condition", json_string(result_word(e->cond)));
    list_each (t, &e->tests, link)
        json_array_append_new(
            tests,
            json_pack("{s:o,s:o,s:s,s:o}", "acl", json_text(t->acl), "test", json_text(t->text),
                      "result", result_word(t->result), "value", json_visible(t->value)));
    list_each (c, &e->changes, link)
        json_array_append_new(changes,
                              json_pack("{s:s,s:o,s:o,s:o}", "what", c->what, "name",
                                        c->name.len ? json_visible(c->name) : json_null(), "before",
                                        json_visible(c->before), "after", json_visible(c->after)));
    if (e->is_rule)
        json_object_set_new(o, "tests", tests);
    else
        json_decref(tests);
    json_object_set_new(o, "changes", changes);
    if (e->outcome)
        json_object_set_new(o, "outcome", json_text(e->outcome));
    return o;
}

static json_t *
json_head(struct slice head)
{
    json_t *all = json_array();
    struct slice rest = head, value;

    slice_cut(rest, '\n', &rest);
    while (rest.len) {
        struct slice line = slice_cut(rest, '\n', &rest);
        if (line.len && line.p[line.len - 1] == '\r')
            line.len--;
        struct slice name = slice_cut(line, ':', &value);
        if (value.p)
            json_array_append_new(
                all, json_pack("[o,o]", json_visible(name), json_visible(slice_trim(value))));
    }
    return all;
}

static json_t *
json_servers(const struct explain_result *r)
{
    json_t *all = json_array();
    const struct explain_server *e;

    list_each (e, &r->servers, link)
        json_array_append_new(
            all,
            json_pack("{s:o,s:s,s:s,s:i,s:b,s:b,s:b}", "name", json_text(e->srv->name), "address",
                      e->addr, "status", e->status, "weight", (int)e->weight, "backup", e->backup,
                      "candidate", e->candidate, "taken", e->srv == r->srv));
    return all;
}

static void
json_end(json_t *o, const struct explain_result *r)
{
    static const char *const ends[] = { "stuck", "server", "reply", "closed" };

    json_object_set_new(o, "end", json_string(ends[r->end]));
    if (r->end == EXPLAIN_STUCK)
        json_object_set_new(o, "waits_for", json_text(r->why));
    if (r->end == EXPLAIN_SERVER) {
        json_t *sent =
            json_pack("{s:o,s:b,s:o,s:b,s:i,s:o,s:o,s:o}", "address", json_addr(&r->srv_addr),
                      "tls", (r->srv->flags & SRVF_TLS) != 0, "sni", json_visible(r->sni), "http",
                      r->sent.p != NULL, "proxy_header",
                      r->srv->flags & SRVF_SEND_PROXY_V2 ? 2
                      : r->srv->flags & SRVF_SEND_PROXY  ? 1
                                                         : 0,
                      "method", json_visible(r->method), "uri", json_visible(r->uri), "headers",
                      json_head(r->sent));
        json_object_set_new(o, "sent", sent);
    }
    if (r->end == EXPLAIN_REPLY) {
        struct slice head = slice_sub(r->reply, 0, r->reply_head);
        json_object_set_new(
            o, "reply",
            json_pack("{s:i,s:o,s:o}", "status", (int)r->status, "headers", json_head(head), "body",
                      json_visible(slice_sub(r->reply, r->reply_head, r->reply.len))));
    }
}

void
explain_print_json(const struct explain_request *q, const struct explain_result *r, struct text *to)
{
    json_t *o = json_object(), *events = json_array();
    const struct explain_event *e;

    json_object_set_new(o, "request",
                        json_pack("{s:o,s:o,s:o,s:o,s:b}", "method", json_text(method_of(q)), "url",
                                  json_visible(q->url), "from", json_addr(&r->src), "to",
                                  json_addr(&r->dst), "tls", r->tls || r->hello));
    json_t *fe = json_pack("{s:o,s:o}", "name", json_text(r->fe->name), "bind",
                           json_text(r->li->bind->text));
    json_loc(fe, &r->li->bind->loc);
    json_object_set_new(o, "frontend", fe);
    list_each (e, &r->events, link)
        json_array_append_new(events, json_event(e));
    json_object_set_new(o, "events", events);
    json_object_set_new(o, "waited_ms", json_integer(r->skipped_ms));
    json_object_set_new(o, "backend", json_text(r->be ? r->be->name : NULL));
    json_object_set_new(o, "backend_by", json_text(r->be_by));
    json_object_set_new(o, "servers", json_servers(r));
    json_object_set_new(o, "server", json_text(r->srv ? r->srv->name : NULL));
    json_object_set_new(o, "server_by", json_text(r->srv_by));
    json_object_set_new(o, "server_is_fixed", json_boolean(r->srv && r->srv_fixed));
    json_end(o, r);
    char *text = json_dumps(o, JSON_INDENT(2));
    text_str(to, text ? text : "{}");
    text_char(to, '\n');
    free(text);
    json_decref(o);
}
