/* check_conf.c - what to check: `option httpchk` and its relatives, sections healthcheck, implicit
 * rules. */
#include "server/check_int.h"
#include "server/parse_int.h"

#include "config/tune.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- objects ---- */

struct check_conf *
check_conf_new(struct cfg *c, struct proxy *px)
{
    struct check_conf *conf = ARENA_NEW(c->arena, struct check_conf);

    conf->owner = px;
    conf->loc = c->loc;
    list_init(&conf->http_rules);
    list_init(&conf->tcp_rules);
    list_init(&conf->proto_rules);
    list_init(&conf->rules);
    return conf;
}

static void
clone_rules(struct cfg *c, struct list *to, const struct list *from)
{
    const struct check_rule *r;

    list_each (r, from, link) {
        struct check_rule *copy = check_rule_new(c, r->kind);

        *copy = *r;
        list_init(&copy->link);
        check_rule_append(to, copy);
    }
}

static struct check_rule *
clone_rule(struct cfg *c, const struct check_rule *r)
{
    struct check_rule *copy;

    if (!r)
        return NULL;
    copy = check_rule_new(c, r->kind);
    *copy = *r;
    list_init(&copy->link);
    return copy;
}

struct check_conf *
check_conf_of(struct cfg *c, struct proxy *px)
{
    struct server_px v;
    struct check_conf *conf, *base;

    server_hooks.view(px, &v);
    base = *v.check;
    if (base && base->owner == px)
        return base;
    conf = check_conf_new(c, px);
    if (base) {
        conf->type = base->type;
        conf->option = base->option;
        conf->disable_on_404 = base->disable_on_404;
        conf->send_state = base->send_state;
        conf->ext_command = base->ext_command;
        conf->ext_path = base->ext_path;
        conf->http_send = clone_rule(c, base->http_send);
        clone_rules(c, &conf->http_rules, &base->http_rules);
        clone_rules(c, &conf->tcp_rules, &base->tcp_rules);
        clone_rules(c, &conf->proto_rules, &base->proto_rules);
        conf->http_inherited = conf->tcp_inherited = true;
        conf->send_inherited = conf->http_send != NULL;
    }
    *v.check = conf;
    return conf;
}

/* ---- option httpchk ---- */

static struct check_hdr *
add_header(struct cfg *c, struct check_send *s, const char *name, struct logfmt *value)
{
    struct check_hdr *h = ARENA_NEW(c->arena, struct check_hdr), **end = &s->hdrs;

    h->name = name;
    h->value = value;
    while (*end)
        end = &(*end)->next;
    *end = h;
    return h;
}

/** A literal text as a format: '%' is doubled. */
static struct logfmt *
literal_fmt(struct cfg *c, unsigned i, struct slice s, struct proxy *px)
{
    char *text = arena_alloc(c->arena, 2 * s.len + 1), *p = text;

    for (size_t k = 0; k < s.len; k++) {
        if (s.p[k] == '%')
            *p++ = '%';
        *p++ = s.p[k];
    }
    *p = '\0';
    return logfmt_parse(c, i, text, px, PT_CHECK, false);
}

/** Takes the next line, which ends with CRLF, LF, or their escaped forms in an unquoted word. */
static struct slice
next_line(struct slice *rest)
{
    static const struct slice ends[] = {
        { "\r\n", 2 }, { "\\r\\n", 4 }, { "\n", 1 }, { "\\n", 2 }
    };
    size_t best = SIZE_MAX, len = 0;
    struct slice line = *rest;

    for (unsigned i = 0; i < COUNT_OF(ends); i++) {
        size_t at = slice_search(*rest, ends[i]);

        if (at < best) {
            best = at;
            len = ends[i].len;
        }
    }
    if (best == SIZE_MAX) {
        *rest = SLICE_NONE;
        return line;
    }
    line.len = best;
    *rest = slice_sub(*rest, best + len, SIZE_MAX);
    return line;
}

/** The old way to send headers and a body: hidden behind the version. Works, with a warning. */
static enum cfg_rc
take_hidden_parts(struct cfg *c, unsigned i, struct check_send *s, struct proxy *px,
                  struct slice rest)
{
    struct slice line;

    cfg_warn(
        c, i,
        "'option httpchk' : hiding headers or body at the end of the version string is deprecated. "
        "Please, consider to use 'http-check send' directive instead.");
    while (rest.p) {
        struct slice value, name;
        struct logfmt *fmt;
        char *lower;

        line = next_line(&rest);
        if (line.len == 0) /* what follows the empty line is the body */
            break;
        name = slice_cut(line, ':', &value);
        if (!value.p)
            return cfg_error(c, i,
                             "'option httpchk' : malformed header '%.*s' in the version string.",
                             SLF(line));
        value = slice_trim(value);
        lower = arena_slicedup(c->arena, slice_trim(name));
        for (char *p = lower; *p; p++)
            *p = (char)ascii_lower((unsigned char)*p);
        fmt = literal_fmt(c, i, value, px);
        if (!fmt)
            return CFG_ERR;
        if (strcmp(lower, "connection") != 0 && strcmp(lower, "content-length") != 0 &&
            strcmp(lower, "transfer-encoding") != 0)
            add_header(c, s, lower, fmt);
        cfg_hint(c, "use: http-check send hdr %s \"%.*s\"", lower, SLF(value));
    }
    if (rest.p && rest.len)
        s->body = slice(arena_slicedup(c->arena, rest), rest.len);
    return CFG_OK;
}

static enum cfg_rc
take_version(struct cfg *c, unsigned i, struct check_send *s, struct proxy *px)
{
    struct slice rest = slice(c->word[i].s, c->word[i].len), version = next_line(&rest);

    s->version = arena_slicedup(c->arena, slice_trim(version));
    return rest.p ? take_hidden_parts(c, i, s, px, rest) : CFG_OK;
}

/** httpchk [<method>] [<uri>] [<version> [<host>]] */
static enum cfg_rc
parse_httpchk(struct cfg *c, struct check_conf *conf, struct proxy *px, unsigned *at)
{
    struct check_rule *r = check_rule_new(c, CR_SEND);
    struct check_send *s = &r->send;
    struct check_rule *old = conf->http_opt_seen || conf->send_inherited ? NULL : conf->http_send;
    unsigned n = c->nwords - *at;

    s->kind = CS_HTTP;
    if (old) { /* http-check send came first: it completes */
        *s = old->send;
        r->comment = old->comment;
    }
    if (n == 1) {
        s->uri = cfg_arg(c, (*at)++);
    } else if (n > 1) {
        s->meth = cfg_arg(c, (*at)++);
        s->uri = cfg_arg(c, (*at)++);
    }
    if (*at < c->nwords && take_version(c, (*at)++, s, px) != CFG_OK)
        return CFG_ERR;
    if (*at < c->nwords) {
        struct logfmt *host = logfmt_parse(c, *at, cfg_arg(c, *at), px, PT_CHECK, false);

        if (!host)
            return CFG_ERR;
        add_header(c, s, "host", host);
        ++*at;
    }
    if (conf->http_inherited) { /* a new beginning: nothing of the defaults is left */
        list_init(&conf->http_rules);
        conf->http_inherited = false;
    }
    conf->type = CHECK_HTTP;
    conf->http_send = r;
    conf->send_inherited = false;
    conf->http_opt_seen = true;
    return CFG_OK;
}

static enum cfg_rc
parse_tcp_check(struct cfg *c, struct check_conf *conf, struct proxy *px, unsigned *at)
{
    (void)c, (void)px, (void)at;
    conf->type = CHECK_TCP;
    return CFG_OK;
}

static enum cfg_rc
parse_external(struct cfg *c, struct check_conf *conf, struct proxy *px, unsigned *at)
{
    (void)c, (void)px, (void)at;
    conf->type = CHECK_EXTERNAL;
    return CFG_OK;
}

enum cfg_rc
check_parse_option(struct cfg *c, struct check_conf *conf, struct proxy *px, unsigned *at,
                   bool *known)
{
    static const struct {
        const char *name;
        enum cfg_rc (*parse)(struct cfg *c, struct check_conf *conf, struct proxy *px,
                             unsigned *at);
    } options[] = { { "httpchk", parse_httpchk },
                    { "tcp-check", parse_tcp_check },
                    { "external-check", parse_external } };
    const char *name = cfg_arg(c, *at);

    for (unsigned i = 0; i < COUNT_OF(options); i++) {
        if (strcmp(options[i].name, name) != 0)
            continue;
        *known = true;
        conf->option = options[i].name;
        ++*at;
        return options[i].parse(c, conf, px, at);
    }
    return check_proto_parse(c, conf, at, known);
}

/* ---- compiling ---- */

static bool
is_prelude(const struct check_rule *r)
{
    return r->kind == CR_COMMENT || r->kind == CR_SET_VAR || r->kind == CR_UNSET_VAR;
}

/** The first rule that is not a comment or variable; NULL. */
static struct check_rule *
first_action(const struct list *rules)
{
    struct check_rule *r;

    list_each (r, rules, link) {
        if (!is_prelude(r))
            return r;
    }
    return NULL;
}

static void
insert_before(struct list *rules, struct check_rule *at, struct check_rule *r)
{
    if (at)
        list_insert_between(&r->link, at->link.prev, &at->link);
    else
        check_rule_append(rules, r);
}

static void
number_steps(struct list *rules)
{
    struct check_rule *r, *before = NULL;
    unsigned n = 0;

    list_each (r, rules, link) {
        r->step = ++n;
        /* a comment line is the next rule's, unless that has its own */
        if (before && before->kind == CR_COMMENT && !r->comment)
            r->comment = before->comment;
        before = r;
    }
}

static void
add_implicit_connect(struct cfg *c, struct list *rules)
{
    struct check_rule *first = first_action(rules), *r;

    if (first && first->kind == CR_CONNECT)
        return;
    r = check_rule_new(c, CR_CONNECT);
    r->connect.dflt = true;
    insert_before(rules, first, r);
}

/** What the first request does not say, option httpchk does. */
static void
complete_send(struct check_send *s, const struct check_send *dflt)
{
    if (!s->meth)
        s->meth = dflt->meth;
    if (!s->uri && !s->uri_fmt) {
        s->uri = dflt->uri;
        s->uri_fmt = dflt->uri_fmt;
    }
    if (!s->version)
        s->version = dflt->version;
    if (!s->hdrs)
        s->hdrs = dflt->hdrs;
    if (!s->body.p && !s->body_fmt) {
        s->body = dflt->body;
        s->body_fmt = dflt->body_fmt;
    }
}

/** The request behind the first connect: made, or completed, from option httpchk. */
static void
add_implicit_send(struct cfg *c, struct check_conf *conf)
{
    struct check_rule *r, *connect = first_action(&conf->rules);

    for (struct list *l = connect->link.next; l != &conf->rules; l = l->next) {
        r = container_of(l, struct check_rule, link);
        if (r->kind == CR_SEND) {
            if (conf->http_send && !conf->send_inherited)
                complete_send(&r->send, &conf->http_send->send);
            return;
        }
        if (!is_prelude(r))
            break;
    }
    r = conf->http_send ? clone_rule(c, conf->http_send) : check_rule_new(c, CR_SEND);
    r->send.kind = CS_HTTP;
    list_insert_between(&r->link, &connect->link, connect->link.next);
}

/** Success is 200-399 unless something else is expected of the last response. */
static void
add_implicit_expect(struct cfg *c, struct list *rules)
{
    struct check_range *ok;
    struct check_rule *r;
    bool judged = false;

    list_each (r, rules, link) {
        if (r->kind == CR_EXPECT)
            judged = true;
        else if (r->kind == CR_SEND)
            judged = false;
    }
    if (judged)
        return;
    r = check_rule_new(c, CR_EXPECT);
    ok = ARENA_NEW(c->arena, struct check_range);
    *ok = (struct check_range){ .low = 200, .high = 399 };
    r->expect.kind = CE_HTTP_STATUS;
    r->expect.status = ok;
    check_rule_append(rules, r);
}

enum cfg_rc
check_conf_finish(struct cfg *c, struct check_conf *conf)
{
    if (conf->finished)
        return CFG_OK;
    conf->finished = true;
    list_init(&conf->rules);
    switch (conf->type) {
    case CHECK_TCP:
        clone_rules(c, &conf->rules, &conf->tcp_rules);
        break;
    case CHECK_HTTP:
        clone_rules(c, &conf->rules, &conf->http_rules);
        break;
    case CHECK_PROTO:
        clone_rules(c, &conf->rules, &conf->proto_rules);
        break;
    default:
        break;
    }
    number_steps(&conf->rules);
    if (conf->type != CHECK_EXTERNAL)
        add_implicit_connect(c, &conf->rules);
    if (conf->type == CHECK_HTTP) {
        add_implicit_send(c, conf);
        add_implicit_expect(c, &conf->rules);
    }
    return CFG_OK;
}

/* ---- server by server ---- */

static const char *
px_name(const struct server *s)
{
    return server_hooks.proxy_name(s->px);
}

static enum cfg_rc
resolve_external(struct cfg *c, struct server *s, const struct check_conf *conf)
{
    if (!tune.external_check)
        return cfg_error_at(c, NULL,
                            "Proxy '%s' : 'option external-check' unable to find required "
                            "'global.external-check'.",
                            px_name(s));
    if (!conf->ext_command)
        return cfg_error_at(c, NULL,
                            "Proxy '%s' : 'option external-check' unable to find required "
                            "'external-check command'.",
                            px_name(s));
    if (!tune.insecure_fork)
        return cfg_error_at(c, NULL,
                            "Proxy '%s' : 'option external-check' needs 'insecure-fork-wanted' in "
                            "the global section.",
                            px_name(s));
    return CFG_OK;
}

/** A TCP address needs a port from somewhere. */
static enum cfg_rc
resolve_port(struct cfg *c, struct server *s)
{
    const struct check *ck = s->check;
    const struct addr *a = ck->addr.kind != ADDR_NONE ? &ck->addr : &s->addr;
    const struct check_rule *r;

    if (ck->port || !addr_is_ip(a) || (s->port && !(s->flags & SRVF_PORT_MAPPED)))
        return CFG_OK;
    if (ck->conf->type == CHECK_EXTERNAL)
        return CFG_OK;
    r = first_action(&ck->conf->rules);
    if (r && r->kind == CR_CONNECT && (r->connect.port || r->connect.port_expr))
        return CFG_OK;
    return cfg_error_at(c, NULL,
                        "config: proxy '%s': server '%s' has neither service port nor check port.",
                        px_name(s), s->name);
}

void
check_conf_warn(struct cfg *c, const struct check_conf *conf, const char *kind, const char *name)
{
    if (conf->type != CHECK_HTTP && !list_empty(&conf->http_rules))
        cfg_warn_at(
            c, NULL,
            "%s '%s' uses http-check rules without 'option httpchk', so the rules are ignored.",
            kind, name);
    if (conf->type != CHECK_TCP && !list_empty(&conf->tcp_rules))
        cfg_warn_at(
            c, NULL,
            "%s '%s' uses tcp-check rules without 'option tcp-check', so the rules are ignored.",
            kind, name);
    if (conf->type != CHECK_HTTP && conf->disable_on_404)
        cfg_warn_at(c, NULL,
                    "'disable-on-404' will be ignored for %s '%s' (requires 'option httpchk').",
                    kind, name);
    if (conf->type != CHECK_HTTP && conf->send_state)
        cfg_warn_at(c, NULL,
                    "'send-state' will be ignored for %s '%s' (requires 'option httpchk').", kind,
                    name);
}

static struct check_conf *
conf_for(struct cfg *c, struct server *s, const struct server_px *px)
{
    struct check_conf *conf;

    if (s->healthcheck) {
        conf = check_section_find(c, s->healthcheck);
        if (!conf)
            server_error(c, s, "unable to find required healthcheck section '%s'.", s->healthcheck);
        return conf;
    }
    return *px->check ? *px->check : check_conf_of(c, s->px);
}

static enum cfg_rc
resolve_agent(struct cfg *c, struct server *s)
{
    struct check *ck = s->agent;

    if (!(atomic_load(&ck->flags) & CHKF_CONFIGURED))
        return CFG_OK;
    ck->conf = check_agent_conf();
    if (!ck->port)
        return server_error(
            c, s, "server %s does not have agent port. Agent check has been disabled.", s->name);
    check_register(ck);
    return CFG_OK;
}

enum cfg_rc
check_resolve(struct cfg *c, struct server *s)
{
    struct check *ck = s->check;
    bool own_target = ck->port || ck->addr.kind != ADDR_NONE;
    struct check_conf *conf;
    struct server_px px;

    server_hooks.view(s->px, &px);
    ck->use_tls =
        ck->tls == CHKT_ON || (ck->tls == CHKT_AUTO && (s->flags & SRVF_TLS) && !own_target);
    if (!own_target && (s->flags & (SRVF_SEND_PROXY | SRVF_SEND_PROXY_V2)))
        ck->send_proxy = true;
    if (resolve_agent(c, s) != CFG_OK)
        return CFG_ERR;
    if (!(atomic_load(&ck->flags) & CHKF_CONFIGURED))
        return CFG_OK;
    if (ck->reuse_pool)
        cfg_warn_at(c, &s->loc,
                    DIAG_PLAIN
                    "'server %s/%s' : 'check-reuse-pool' is not supported yet and has no effect.",
                    px.name, s->name);
    if (ck->proto && strcmp(ck->proto, "h1") != 0)
        return server_error(c, s, "'check-proto' : checks over HTTP/2 are not supported yet.");
    conf = conf_for(c, s, &px);
    if (!conf || check_conf_finish(c, conf) != CFG_OK)
        return CFG_ERR;
    ck->conf = conf;
    if (conf->type == CHECK_EXTERNAL && resolve_external(c, s, conf) != CFG_OK)
        return CFG_ERR;
    check_register(ck);
    return resolve_port(c, s);
}

bool
check_wants_tls(const struct check *ck)
{
    const struct check_rule *rule;

    if (ck->use_tls || ck->tls == CHKT_ON)
        return true;
    if (!ck->conf)
        return false;
    list_each (rule, &ck->conf->rules, link)
        if (rule->kind == CR_CONNECT && rule->connect.tls)
            return true;
    return false;
}
