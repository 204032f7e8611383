/* check_rules.c - reading `tcp-check` and `http-check` (manual 4.2): connect, send, variables,
 * comments. `expect` is in check_expect_parse.c. */
#include "server/check_int.h"
#include "server/check_parse.h"

#include <limits.h>
#include <stdlib.h>

/* ---- helpers ---- */

struct check_rule *
check_rule_new(struct cfg *c, enum check_rule_kind kind)
{
    struct check_rule *r = ARENA_NEW(c->arena, struct check_rule);

    r->kind = kind;
    list_init(&r->link);
    if (kind == CR_EXPECT)
        r->expect.min_recv = -1;
    return r;
}

void
check_rule_append(struct list *rules, struct check_rule *rule)
{
    list_push_back(rules, &rule->link);
}

enum cfg_rc
check_parse_error(const struct check_parse *p, unsigned i, const char *text)
{
    return cfg_error(p->c, i < p->c->nwords ? i : p->c->nwords - 1, "'%s %s' : %s",
                     cfg_arg(p->c, 0), p->action, text);
}

/** "'meth' expects a string as argument.". */
static enum cfg_rc
wants(const struct check_parse *p, unsigned i, const char *word, const char *what)
{
    return check_parse_error(p, i,
                             arena_printf(p->c->arena, "'%s' expects %s as argument.", word, what));
}

const char *
check_parse_value(struct check_parse *p, unsigned *at, const char *what)
{
    const char *word = cfg_arg(p->c, *at);

    if (*at + 1 >= p->c->nwords) {
        wants(p, *at, word, what);
        return NULL;
    }
    *at += 2;
    return p->c->word[*at - 1].s;
}

struct logfmt *
check_parse_fmt(struct check_parse *p, unsigned i)
{
    return logfmt_parse(p->c, i, cfg_arg(p->c, i), p->px, PT_CHECK, false);
}

struct slice
check_unhex(struct arena *a, struct slice hex)
{
    char *out;

    if (hex.len % 2)
        return SLICE_NONE;
    out = arena_alloc(a, hex.len / 2 + 1);
    if (!out)
        return SLICE_NONE;
    for (size_t i = 0; i < hex.len / 2; i++) {
        unsigned v = 0;

        for (unsigned k = 0; k < 2; k++) {
            unsigned char ch = ascii_lower((unsigned char)hex.p[2 * i + k]);

            if (ch >= '0' && ch <= '9')
                v = v * 16 + ch - '0';
            else if (ch >= 'a' && ch <= 'f')
                v = v * 16 + ch - 'a' + 10;
            else
                return SLICE_NONE;
        }
        out[i] = (char)v;
    }
    return slice(out, hex.len / 2);
}

/* ---- connect ---- */

static enum cfg_rc
connect_port(struct check_parse *p, unsigned *at, struct check_connect *k)
{
    const char *v = check_parse_value(p, at, "a port number or a sample expression");
    int64_t n;

    if (!v)
        return CFG_ERR;
    if (slice_to_int(slice_str(v), &n)) {
        if (n < 1 || n > 65535)
            return check_parse_error(p, *at - 1,
                                     "expects a valid TCP port (from range 1 to 65535) or a sample "
                                     "expression.");
        k->port = (unsigned)n;
        return CFG_OK;
    }
    k->port_expr = expr_parse_text(p->c, v, NULL, p->px, PT_CHECK);
    return k->port_expr ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
connect_addr(struct check_parse *p, unsigned *at, struct check_connect *k)
{
    const char *v = check_parse_value(p, at, "<ipv4|ipv6>");
    struct addr_spec spec;
    char err[256];

    if (!v)
        return CFG_ERR;
    if (!addr_parse(v, ADDR_O_PORT | ADDR_O_STREAM, NULL, &spec, err, sizeof(err)))
        return check_parse_error(p, *at - 1, err);
    k->addr = spec.addr;
    if (spec.port_form == ADDR_PORT_FIXED && spec.port_low)
        k->port = (unsigned)spec.port_low;
    return CFG_OK;
}

/** A flag of connect: true when word *at was one. */
static bool
connect_flag(struct check_parse *p, unsigned at, struct check_connect *k)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = { { "default", &k->dflt },
                  { "send-proxy", &k->send_proxy },
                  { "ssl", &k->tls },
                  { "via-socks4", &k->socks4 },
                  { "linger", &k->linger } };

    for (unsigned i = 0; i < COUNT_OF(flags); i++) {
        if (cfg_arg_is(p->c, at, flags[i].name)) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

static enum cfg_rc
connect_option(struct check_parse *p, unsigned *at, struct check_rule *r)
{
    struct check_connect *k = &r->connect;
    struct cfg *c = p->c;

    if (cfg_arg_is(c, *at, "port"))
        return connect_port(p, at, k);
    if (cfg_arg_is(c, *at, "addr"))
        return connect_addr(p, at, k);
    if (cfg_arg_is(c, *at, "comment"))
        return (r->comment = check_parse_value(p, at, "a string")) ? CFG_OK : CFG_ERR;
    if (cfg_arg_is(c, *at, "sni"))
        return (k->sni = check_parse_value(p, at, "a string")) ? CFG_OK : CFG_ERR;
    if (cfg_arg_is(c, *at, "alpn"))
        return (k->alpn = check_parse_value(p, at, "a list of protocols")) ? CFG_OK : CFG_ERR;
    if (cfg_arg_is(c, *at, "proto")) {
        k->proto = check_parse_value(p, at, "a MUX protocol");
        if (k->proto && strcmp(k->proto, "h1") != 0 && strcmp(k->proto, "none") != 0)
            return check_parse_error(
                p, *at - 1,
                strcmp(k->proto, "h2") == 0
                    ? "'proto' : checks over HTTP/2 are not supported yet."
                    : arena_printf(c->arena, "'proto' : unknown MUX protocol '%s'.", k->proto));
        return k->proto ? CFG_OK : CFG_ERR;
    }
    if (connect_flag(p, *at, k)) {
        ++*at;
        return CFG_OK;
    }
    return check_parse_error(
        p, *at,
        arena_printf(c->arena,
                     "expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or "
                     "'via-socks4', 'linger', 'default' but got '%s' as argument.",
                     cfg_arg(c, *at)));
}

/** Whether only comments and variables come before the place where a rule is added. */
static bool
first_real_rule(const struct list *rules)
{
    const struct check_rule *r;

    list_each (r, rules, link) {
        if (r->kind == CR_CONNECT)
            return true;
        if (r->kind == CR_SEND || r->kind == CR_EXPECT)
            return false;
    }
    return true;
}

unsigned
check_next_step(const struct list *rules)
{
    unsigned n = 1;

    for (const struct list *l = rules->next; l != rules; l = l->next)
        n++;
    return n;
}

static enum cfg_rc
parse_connect(struct check_parse *p, unsigned *at)
{
    struct check_rule *r = check_rule_new(p->c, CR_CONNECT);

    if (!first_real_rule(p->rules))
        return check_parse_error(
            p, 0,
            "first step MUST also be a 'connect', optionally preceded by a 'set-var', "
            "an 'unset-var' or a 'comment', when there is a 'connect' step in the "
            "tcp-check ruleset.");
    while (*at < p->c->nwords) {
        if (connect_option(p, at, r) != CFG_OK)
            return CFG_ERR;
    }
    check_rule_append(p->rules, r);
    return CFG_OK;
}

/* ---- send (TCP) ---- */

static enum cfg_rc
send_data(struct check_parse *p, unsigned i, struct check_send *s)
{
    struct slice v = slice_str(cfg_arg(p->c, i));

    switch (s->kind) {
    case CS_STRING:
        s->data = slice(p->c->word[i].s, p->c->word[i].len);
        return CFG_OK;
    case CS_BINARY:
        s->data = check_unhex(p->c->arena, v);
        return s->data.p ? CFG_OK
                         : check_parse_error(
                               p, i,
                               arena_printf(p->c->arena, "'%s' invalid binary string (%s).", v.p,
                                            v.len % 2 ? "an even number of hex digit is expected"
                                                      : "an hex digit is expected"));
    default:
        s->fmt = check_parse_fmt(p, i);
        return s->fmt ? CFG_OK : CFG_ERR;
    }
}

static enum cfg_rc
parse_send(struct check_parse *p, unsigned *at)
{
    static const struct {
        const char *name, *what;
    } kinds[] = { [CS_STRING] = { "send", "string" },
                  [CS_BINARY] = { "send-binary", "binary string" },
                  [CS_STRING_LF] = { "send-lf", "string" },
                  [CS_BINARY_LF] = { "send-binary-lf", "string" } };
    struct check_rule *r = check_rule_new(p->c, CR_SEND);
    unsigned k = 0;

    while (strcmp(kinds[k].name, p->action) != 0)
        k++;
    r->send.kind = (enum check_send_kind)k;
    if (*at >= p->c->nwords || !*cfg_arg(p->c, *at))
        return check_parse_error(
            p, *at,
            arena_printf(p->c->arena, "'%s' expects a %s as argument", kinds[k].what, p->action));
    if (send_data(p, (*at)++, &r->send) != CFG_OK)
        return CFG_ERR;
    while (*at < p->c->nwords) {
        if (!cfg_arg_is(p->c, *at, "comment"))
            return check_parse_error(
                p, *at,
                arena_printf(p->c->arena, "expects 'comment' but got '%s' as argument.",
                             cfg_arg(p->c, *at)));
        if (!(r->comment = check_parse_value(p, at, "a string")))
            return CFG_ERR;
    }
    check_rule_append(p->rules, r);
    return CFG_OK;
}

/* ---- send (HTTP) ---- */

static enum cfg_rc
send_header(struct check_parse *p, unsigned *at, struct check_send *s)
{
    struct cfg *c = p->c;
    struct check_hdr *h, **end = &s->hdrs;

    if (*at + 2 >= c->nwords)
        return check_parse_error(p, *at, "'hdr' expects <name> and <value> as arguments");
    h = ARENA_NEW(c->arena, struct check_hdr);
    h->name = c->word[*at + 1].s;
    for (char *ch = c->word[*at + 1].s; *ch; ch++)
        *ch = (char)ascii_lower((unsigned char)*ch);
    h->value = check_parse_fmt(p, *at + 2);
    if (!h->value)
        return CFG_ERR;
    /* always computed by ourselves */
    if (strcmp(h->name, "content-length") != 0 && strcmp(h->name, "transfer-encoding") != 0 &&
        strcmp(h->name, "connection") != 0) {
        while (*end)
            end = &(*end)->next;
        *end = h;
    }
    *at += 3;
    return CFG_OK;
}

static enum cfg_rc
send_http_option(struct check_parse *p, unsigned *at, struct check_rule *r)
{
    struct check_send *s = &r->send;
    struct cfg *c = p->c;
    const char *v;

    if (cfg_arg_is(c, *at, "hdr"))
        return send_header(p, at, s);
    if (cfg_arg_is(c, *at, "uri-lf") || cfg_arg_is(c, *at, "body-lf")) {
        bool uri = c->word[*at].s[0] == 'u';
        struct logfmt *f;

        if (!check_parse_value(p, at, "a string") || !(f = check_parse_fmt(p, *at - 1)))
            return CFG_ERR;
        if (uri) {
            s->uri_fmt = f;
        } else {
            s->body_fmt = f;
            s->body = SLICE_NONE;
        }
        return CFG_OK;
    }
    if (!cfg_arg_is(c, *at, "meth") && !cfg_arg_is(c, *at, "uri") && !cfg_arg_is(c, *at, "ver") &&
        !cfg_arg_is(c, *at, "body") && !cfg_arg_is(c, *at, "comment"))
        return check_parse_error(
            p, *at,
            arena_printf(c->arena,
                         "expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', "
                         "'body' or 'body-lf' but got '%s' as argument.",
                         cfg_arg(c, *at)));
    v = cfg_arg(c, *at);
    switch (v[0]) {
    case 'm':
        return (s->meth = check_parse_value(p, at, "a string")) ? CFG_OK : CFG_ERR;
    case 'u':
        s->uri_fmt = NULL;
        return (s->uri = check_parse_value(p, at, "a string")) ? CFG_OK : CFG_ERR;
    case 'v':
        return (s->version = check_parse_value(p, at, "a string")) ? CFG_OK : CFG_ERR;
    case 'c':
        return (r->comment = check_parse_value(p, at, "a string")) ? CFG_OK : CFG_ERR;
    default:
        if (!check_parse_value(p, at, "a string"))
            return CFG_ERR;
        s->body = slice(c->word[*at - 1].s, c->word[*at - 1].len);
        s->body_fmt = NULL;
        return CFG_OK;
    }
}

/** The rule that `http-check send` writes to: a new one after a connect, else the request of option
 * httpchk. */
static struct check_rule *
send_target(struct check_parse *p)
{
    struct check_rule *r, *last_connect = NULL, *sent = NULL;

    list_each (r, p->rules, link) {
        if (r->kind == CR_CONNECT) {
            last_connect = r;
            sent = NULL;
        } else if (r->kind == CR_SEND) {
            sent = r;
        }
    }
    if (last_connect && !sent) {
        r = check_rule_new(p->c, CR_SEND);
        r->send.kind = CS_HTTP;
        check_rule_append(p->rules, r);
        return r;
    }
    if (last_connect || p->conf->http_send_given)
        return NULL;
    p->conf->http_send_given = true;
    if (!p->conf->http_send || p->conf->send_inherited) { /* HAProxy starts afresh, too */
        p->conf->send_inherited = false;
        p->conf->http_send = check_rule_new(p->c, CR_SEND);
        p->conf->http_send->send.kind = CS_HTTP;
    }
    return p->conf->http_send;
}

static enum cfg_rc
parse_http_send(struct check_parse *p, unsigned *at)
{
    struct check_rule *r = send_target(p);

    if (!r)
        return check_parse_error(
            p, 0,
            arena_printf(p->c->arena,
                         "unable to add http-check send rule at step %u (missing "
                         "connect rule).",
                         check_next_step(p->rules) + !first_real_rule(p->rules)));
    while (*at < p->c->nwords) {
        if (send_http_option(p, at, r) != CFG_OK)
            return CFG_ERR;
    }
    return CFG_OK;
}

/* ---- comment, variables ---- */

static enum cfg_rc
parse_comment(struct check_parse *p, unsigned *at)
{
    struct check_rule *r = check_rule_new(p->c, CR_COMMENT);

    if (*at >= p->c->nwords)
        return check_parse_error(p, *at, "expects a string as argument.");
    r->comment = p->c->word[(*at)++].s;
    check_rule_append(p->rules, r);
    return CFG_OK;
}

/** "set-var(<name>[,<cond>...])": the name and conditions. */
static bool
parse_var_name(struct check_parse *p, const struct var_name **name, unsigned *cond)
{
    const char *word = p->action, *open = strchr(word, '('), *close = strrchr(word, ')');
    struct slice rest, first;
    char *err = NULL;

    if (!open || !close || close[1] || close <= open + 1) {
        check_parse_error(p, 1,
                          arena_printf(p->c->arena,
                                       "'%.*s' : incomplete argument after action '%s'. Expects "
                                       "'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or "
                                       "'unset-var(<var-name>)'.",
                                       (int)strcspn(word, "("), word, word));
        return false;
    }
    first = slice_cut(slice(open + 1, (size_t)(close - open - 1)), ',', &rest);
    *cond = 0;
    while (rest.p) {
        struct slice one = slice_cut(rest, ',', &rest);
        unsigned bit = var_cond_parse(arena_slicedup(p->c->arena, one));

        if (!bit) {
            check_parse_error(p, 1,
                              arena_printf(p->c->arena, "unknown condition '%.*s'.", SLF(one)));
            return false;
        }
        *cond |= bit;
    }
    *name = var_parse(first, &err);
    if (!*name)
        check_parse_error(p, 1, err ? arena_strdup(p->c->arena, err) : "invalid variable name.");
    free(err);
    if (*name && var_scope_of(*name) != VAR_PROC && var_scope_of(*name) != VAR_SESS &&
        var_scope_of(*name) != VAR_CHECK) {
        check_parse_error(
            p, 1,
            "invalid variable name. A variable name must be start by its scope. The scope "
            "can be 'proc', 'sess' or 'check'.");
        return false;
    }
    return *name != NULL;
}

static enum cfg_rc
parse_set_var(struct check_parse *p, unsigned *at)
{
    bool fmt = strncmp(p->action, "set-var-fmt(", 12) == 0;
    struct check_rule *r = check_rule_new(p->c, CR_SET_VAR);

    if (!parse_var_name(p, &r->var.name, &r->var.cond))
        return CFG_ERR;
    if (*at >= p->c->nwords)
        return check_parse_error(
            p, *at,
            fmt ? "'set-var-fmt' : missing format string." : "'set-var' : missing fetch method.");
    if (fmt) {
        const struct logfmt_opt opt = { .where = PT_CHECK };

        r->var.fmt = logfmt_compile(p->c, *at, cfg_arg(p->c, *at), p->px, &opt);
        ++*at;
    } else {
        r->var.expr = expr_parse(p->c, at, p->px, PT_CHECK);
    }
    if (!r->var.fmt && !r->var.expr)
        return CFG_ERR;
    check_rule_append(p->rules, r);
    return CFG_OK;
}

static enum cfg_rc
parse_unset_var(struct check_parse *p, unsigned *at)
{
    struct check_rule *r = check_rule_new(p->c, CR_UNSET_VAR);

    (void)at;
    if (!parse_var_name(p, &r->var.name, &r->var.cond))
        return CFG_ERR;
    check_rule_append(p->rules, r);
    return CFG_OK;
}

/* ---- actions ---- */

static enum cfg_rc
parse_disable_on_404(struct check_parse *p, unsigned *at)
{
    (void)at;
    p->conf->disable_on_404 = true;
    return CFG_OK;
}

static enum cfg_rc
parse_send_state(struct check_parse *p, unsigned *at)
{
    (void)at;
    p->conf->send_state = true;
    return CFG_OK;
}

enum { FOR_TCP = 1, FOR_HTTP = 2, FOR_BOTH = 3 };

static const struct {
    const char *name; /* ends with '(' when the word goes on */
    unsigned which;
    enum cfg_rc (*parse)(struct check_parse *p, unsigned *at);
} actions[] = {
    { "connect", FOR_BOTH, parse_connect },
    { "expect", FOR_BOTH, check_parse_expect },
    { "comment", FOR_BOTH, parse_comment },
    { "send", FOR_TCP, parse_send },
    { "send-binary", FOR_TCP, parse_send },
    { "send-lf", FOR_TCP, parse_send },
    { "send-binary-lf", FOR_TCP, parse_send },
    { "send", FOR_HTTP, parse_http_send },
    { "disable-on-404", FOR_HTTP, parse_disable_on_404 },
    { "send-state", FOR_HTTP, parse_send_state },
    { "set-var(", FOR_BOTH, parse_set_var },
    { "set-var-fmt(", FOR_BOTH, parse_set_var },
    { "unset-var(", FOR_BOTH, parse_unset_var },
};

enum cfg_rc
check_parse_rule(struct cfg *c, struct check_conf *conf, struct proxy *px, bool http, unsigned *at)
{
    struct check_parse p = { .c = c,
                             .px = px,
                             .conf = conf,
                             .http = http,
                             .rules = http ? &conf->http_rules : &conf->tcp_rules,
                             .action = cfg_arg(c, *at) };
    bool *inherited = http ? &conf->http_inherited : &conf->tcp_inherited;

    for (unsigned i = 0; i < COUNT_OF(actions); i++) {
        size_t len = strlen(actions[i].name);

        if (!(actions[i].which & (http ? FOR_HTTP : FOR_TCP)) ||
            strncmp(p.action, actions[i].name, len) != 0 ||
            (actions[i].name[len - 1] != '(' && p.action[len] != '\0'))
            continue;
        if (*inherited && actions[i].parse != parse_disable_on_404 &&
            actions[i].parse != parse_send_state) {
            list_init(p.rules); /* they belong to the defaults */
            *inherited = false;
        }
        ++*at;
        return actions[i].parse(&p, at);
    }
    return cfg_error(
        c, MIN(*at, c->nwords - 1),
        http ? "'http-check' only supports 'disable-on-404', 'send-state', 'comment', 'connect', "
               "'send', 'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got '%s'"
             : "'tcp-check' only supports 'comment', 'connect', 'send', 'send-binary', 'expect', "
               "'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got '%s'",
        p.action);
}
