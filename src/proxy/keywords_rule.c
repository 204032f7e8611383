/* keywords_rule.c - keywords that begin a rule: acl, use_backend, http-request, tcp-request and
 * their like. */
#include "proxy/section.h"

#define DFB (IN_NAMED_DEFAULTS | IN_FRONTEND | IN_BACKEND)
#define DF  (IN_NAMED_DEFAULTS | IN_FRONTEND)
#define DB  (IN_NAMED_DEFAULTS | IN_BACKEND)

static enum cfg_rc
take_all(struct cfg *c, unsigned *at)
{
    *at = c->nwords;
    return CFG_OK;
}

/* The order in which a request meets the rules, whatever the order of their lines. */
enum stage {
    CONNECTION,
    SESSION,
    CONTENT,
    MONITOR,
    HTTP_REQUEST,
    REDIRECT,
    USE_BACKEND,
    USE_SERVER
};

/** Says so when a line follows one whose rule comes later. */
static void
warn_order(struct cfg *c, const struct proxy *px, enum stage at)
{
    const struct {
        const char *name;
        const struct list *rules;
    } stages[] = {
        [CONNECTION] = { "a 'tcp-request'", &px->tcp_conn_rules },
        [SESSION] = { "a 'tcp-request session'", &px->tcp_sess_rules },
        [CONTENT] = { "a 'tcp-request content'", &px->tcp_req_rules },
        [MONITOR] = { "a 'monitor fail'", &px->monitor_fail },
        [HTTP_REQUEST] = { "an 'http-request'", &px->http_req_rules },
        [REDIRECT] = { "a 'redirect'", &px->redirect_rules },
        [USE_BACKEND] = { "a 'use_backend'", &px->switch_rules },
        [USE_SERVER] = { "a 'use-server'", &px->server_rules },
    };
    const char *name = at <= CONTENT        ? "'tcp-request'"
                       : at == HTTP_REQUEST ? "'http-request'"
                                            : strchr(stages[at].name, '\'');

    for (unsigned i = at + 1; i < COUNT_OF(stages); i++) {
        if (list_empty(stages[i].rules))
            continue;
        cfg_warn(c, 0, "a %s rule placed after %s rule will still be processed before.", name,
                 stages[i].name);
        return;
    }
}

static enum cfg_rc
parse_acl(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    unsigned from = *at;

    take_all(c, at);
    return acl_parse(c, from, &px->acls, px);
}

/* kw->offset: the list, kw->max: the rule set. */
static enum cfg_rc
parse_rule(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    unsigned from = *at;

    take_all(c, at);
    if (kw->max == RS_TCP_CONN)
        warn_order(c, px, CONNECTION);
    else if (kw->max == RS_TCP_SESS)
        warn_order(c, px, SESSION);
    else if (kw->max == RS_TCP_REQ)
        warn_order(c, px, CONTENT);
    else if (kw->max == RS_HTTP_REQ)
        warn_order(c, px, HTTP_REQUEST);
    return rule_parse(c, from, (struct list *)(void *)((char *)obj + kw->offset), px, &px->acls,
                      (enum rule_set)kw->max);
}

static enum cfg_rc
parse_inspect_delay(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    return cfg_take_ms(c, at, kw->name, (int *)(void *)((char *)obj + kw->offset));
}

/* `redirect ...` is `http-request redirect ...` after the other rules; `block` is `http-request
 * deny`. */
static enum cfg_rc
parse_redirect(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    unsigned from = *at - 1; /* the word "redirect" is the action's name */

    take_all(c, at);
    warn_order(c, px, REDIRECT);
    return rule_parse(c, from, &px->redirect_rules, px, &px->acls, RS_HTTP_REQ);
}

static enum cfg_rc
parse_block(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    if (!cond_starts(c, *at))
        return cfg_error(c, 0, "'%s' requires a condition: use 'if' or 'unless'.", kw->name);
    /* The same line with the modern words in front. */
    static char deny[] = "deny";
    struct cfg_word *words = arena_zalloc(c->arena, (c->nwords + 1) * sizeof(*words));
    struct cfg_word *old = c->word;
    unsigned n = c->nwords;
    words[0] = old[*at - 1];
    words[0].s = deny;
    words[0].len = sizeof(deny) - 1;
    memcpy(words + 1, old + *at, (n - *at) * sizeof(*words));
    c->word = words;
    c->nwords = n - *at + 1;
    enum cfg_rc rc = rule_parse(c, 0, &px->block_rules, px, &px->acls, RS_HTTP_REQ);
    c->word = old;
    c->nwords = n;
    take_all(c, at);
    return rc;
}

/* ---- use_backend, use-server and friends ---- */

static struct px_switch *
switch_new(struct cfg *c, const char *name)
{
    struct px_switch *sw = ARENA_NEW(c->arena, struct px_switch);

    sw->loc = c->loc;
    sw->name = name;
    sw->text = arena_strdup(c->arena, c->raw);
    return sw;
}

/* point PT_SWITCH: use_backend, which needs no condition; PT_SRV: use-server. */
static enum cfg_rc
parse_switch(struct cfg *c, const struct keyword *kw, struct proxy *px, unsigned *at,
             unsigned point)
{
    struct list *to = point == PT_SWITCH ? &px->switch_rules : &px->server_rules;

    if (*at >= c->nwords)
        return cfg_error(c, 0, "'%s' expects a %s name.", kw->name,
                         point == PT_SWITCH ? "backend" : "server");
    struct px_switch *sw = switch_new(c, c->word[*at].s);
    (*at)++;
    if (cond_starts(c, *at)) {
        sw->cond = cond_parse(c, *at, px, px->acls, point);
        if (!sw->cond)
            return CFG_ERR;
    } else if (*at < c->nwords) {
        return cfg_error(
            c, *at,
            "unexpected keyword '%s' after switching rule, only 'if' and 'unless' are allowed.",
            c->word[*at].s);
    } else if (point != PT_SWITCH) {
        return cfg_error(c, 0, "'%s' requires either 'if' or 'unless' followed by a condition.",
                         kw->name);
    }
    take_all(c, at);
    if (point == PT_SWITCH)
        warn_order(c, px, USE_BACKEND);
    list_push_back(to, &sw->link);
    return CFG_OK;
}

static enum cfg_rc
parse_use_backend(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    return parse_switch(c, kw, px, at, PT_SWITCH);
}

static enum cfg_rc
parse_use_server(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    return parse_switch(c, kw, px, at, PT_SRV);
}

static enum cfg_rc
parse_condition(struct cfg *c, const struct keyword *kw, struct proxy *px, unsigned *at,
                struct list *to, unsigned point)
{
    struct px_switch *sw = switch_new(c, kw->name);

    if (!cond_starts(c, *at))
        return cfg_error(c, 0, "'%s' requires either 'if' or 'unless' followed by a condition.",
                         kw->name);
    sw->cond = cond_parse(c, *at, px, px->acls, point);
    if (!sw->cond)
        return CFG_ERR;
    take_all(c, at);
    list_push_back(to, &sw->link);
    return CFG_OK;
}

static enum cfg_rc
parse_monitor_fail(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    warn_order(c, px, MONITOR);
    return parse_condition(c, kw, px, at, &px->monitor_fail, PT_FE_HTTP_REQ);
}

static enum cfg_rc
parse_force_switch(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    if (!proxy_has_fe(px))
        return cfg_error(c, 0, "'%s' : only available in frontend or listen section.", kw->name);
    return parse_condition(c, kw, px, at, &px->force_switch, PT_SWITCH);
}

static enum cfg_rc
parse_force_persist(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    return parse_condition(c, kw, px, at, &px->force_persist, PT_BE_HTTP_REQ);
}

static enum cfg_rc
parse_ignore_persist(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    return parse_condition(c, kw, px, at, &px->ignore_persist, PT_BE_HTTP_REQ);
}

static enum cfg_rc
parse_gone(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    take_all(c, at);
    return cfg_error(
        c, 0, "The '%s' directive is not supported anymore since HAProxy 2.1. Use '%s' instead.",
        kw->name, kw->use_instead);
}

#define RULES(text, in, list_field, set, help_text)                                                \
    {                                                                                              \
        .name = text, .args = "<action> [if|unless <condition>]", .where = (in),                   \
        .offset = offsetof(struct proxy, list_field), .max = (set), .parse = parse_rule,           \
        .help = help_text                                                                          \
    }
#define GONE(text, in, instead)                                                                    \
    {                                                                                              \
        .name = text, .args = "<search> ...", .where = IN_DEFAULTS | (in), .parse = parse_gone,    \
        .use_instead = instead, .help = "gone since 2.1: see " instead                             \
    }

const struct keyword rule_keywords[] = {
    { .name = "acl",
      .args = "<name> <criterion> [flags] [operator] [<value>]...",
      .where = DFB,
      .parse = parse_acl,
      .help = "a named condition" },
    RULES("tcp-request connection", DF, tcp_conn_rules, RS_TCP_CONN,
          "a rule run when a connection is accepted"),
    RULES("tcp-request session", DF, tcp_sess_rules, RS_TCP_SESS,
          "a rule run when the handshakes are done"),
    RULES("tcp-request content", DFB, tcp_req_rules, RS_TCP_REQ,
          "a rule run on the first bytes of a client"),
    RULES("tcp-response content", DB, tcp_res_rules, RS_TCP_RES,
          "a rule run on the first bytes of a server"),
    RULES("http-request", DFB, http_req_rules, RS_HTTP_REQ, "a rule run on every request"),
    RULES("http-response", DFB, http_res_rules, RS_HTTP_RES,
          "a rule run on every response of a server"),
    RULES("http-after-response", DFB, http_after_rules, RS_HTTP_AFTER,
          "a rule run on every response, our own included"),
    { .name = "quic-initial",
      .args = "<action>",
      .where = DF,
      .kind = KW_UNSUPPORTED,
      .help = "a rule run on QUIC initial packets" },
    { .name = "tcp-request inspect-delay",
      .args = "<timeout>",
      .where = DFB,
      .offset = offsetof(struct proxy, req_inspect_ms),
      .parse = parse_inspect_delay,
      .help = "longest wait for the bytes that tcp-request content rules need" },
    { .name = "tcp-response inspect-delay",
      .args = "<timeout>",
      .where = DB,
      .offset = offsetof(struct proxy, res_inspect_ms),
      .parse = parse_inspect_delay,
      .help = "longest wait for the bytes that tcp-response content rules need" },
    { .name = "redirect",
      .args = "{location|prefix|scheme} <to> [code <code>] <option> [{if|unless} <condition>]",
      .where = IN_PROXY,
      .parse = parse_redirect,
      .help = "send clients elsewhere" },
    { .name = "block",
      .args = "{if|unless} <condition>",
      .where = IN_PROXY,
      .parse = parse_block,
      .flags = KWF_DEPRECATED,
      .use_instead = "http-request deny",
      .help = "old form of http-request deny" },
    { .name = "use_backend",
      .args = "<backend> [{if|unless} <condition>]",
      .where = IN_FRONTEND,
      .parse = parse_use_backend,
      .help = "choose a backend by condition" },
    { .name = "use-server",
      .args = "<server> {if|unless} <condition>",
      .where = IN_BACKEND,
      .parse = parse_use_server,
      .help = "choose a server by condition" },
    { .name = "monitor fail",
      .args = "{if|unless} <condition>",
      .where = IN_FRONTEND,
      .parse = parse_monitor_fail,
      .help = "when monitor-uri answers 503" },
    { .name = "force-be-switch",
      .args = "{if|unless} <condition>",
      .where = IN_PROXY,
      .parse = parse_force_switch,
      .help = "matching requests may go to backends that are disabled or not published" },
    { .name = "force-persist",
      .args = "{if|unless} <condition>",
      .where = IN_BACKEND,
      .parse = parse_force_persist,
      .help = "stick to servers that are down for matching requests" },
    { .name = "ignore-persist",
      .args = "{if|unless} <condition>",
      .where = IN_BACKEND,
      .parse = parse_ignore_persist,
      .help = "no persistence for matching requests" },
    GONE("reqadd", IN_PROXY, "http-request add-header"),
    GONE("reqallow", IN_PROXY, "http-request allow"),
    GONE("reqiallow", IN_PROXY, "http-request allow"),
    GONE("reqdel", IN_PROXY, "http-request del-header"),
    GONE("reqidel", IN_PROXY, "http-request del-header"),
    GONE("reqdeny", IN_PROXY, "http-request deny"),
    GONE("reqideny", IN_PROXY, "http-request deny"),
    GONE("reqpass", IN_PROXY, "http-request"),
    GONE("reqipass", IN_PROXY, "http-request"),
    GONE("reqrep", IN_PROXY, "http-request replace-path"),
    GONE("reqirep", IN_PROXY, "http-request replace-header"),
    GONE("reqtarpit", IN_PROXY, "http-request tarpit"),
    GONE("reqitarpit", IN_PROXY, "http-request tarpit"),
    GONE("rspadd", IN_PROXY, "http-response add-header"),
    GONE("rspdel", IN_PROXY, "http-response del-header"),
    GONE("rspidel", IN_PROXY, "http-response del-header"),
    GONE("rspdeny", IN_PROXY, "http-response deny"),
    GONE("rspideny", IN_PROXY, "http-response deny"),
    GONE("rsprep", IN_PROXY, "http-response replace-value"),
    GONE("rspirep", IN_PROXY, "http-response replace-header"),
    { 0 },
};
