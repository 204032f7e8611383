/* cfg_fixture.c - a small set of sections and rows; stands in for the program's module list. */
#include "cfg_fixture.h"

#include <stdio.h>

struct fixture fixture;

static enum cfg_rc
begin_plain(struct cfg *c)
{
    c->obj = &fixture;
    fixture.begun++;
    return cfg_expect_end(c, 1);
}

static enum cfg_rc
begin_named(struct cfg *c)
{
    if (c->nwords < 2)
        return cfg_error(c, 1, "'%s' expects an <id> argument", c->word[0].s);
    c->obj = &fixture;
    fixture.begun++;
    return CFG_OK;
}

static enum cfg_rc
begin_defaults(struct cfg *c)
{
    c->obj = &fixture;
    fixture.begun++;
    if (c->nwords > 1)
        c->where |= IN_NAMED_DEFAULTS;
    return CFG_OK;
}

static enum cfg_rc
end_any(struct cfg *c)
{
    fixture.ended++;
    return CFG_OK;
}

static enum cfg_rc
line_free(struct cfg *c)
{
    snprintf(fixture.seen, sizeof(fixture.seen), "%s", c->raw);
    return CFG_OK;
}

static enum cfg_rc
parse_words(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct out o = { fixture.seen, 0, sizeof(fixture.seen) - 1, false };

    for (; *at < c->nwords; (*at)++) {
        if (o.len)
            out_char(&o, '|');
        out_str(&o, c->word[*at].s);
    }
    fixture.seen[o.len] = '\0';
    return CFG_OK;
}

static enum cfg_rc
parse_option(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    fixture.option_dontlog = !c->neg;
    return CFG_OK;
}

static enum cfg_rc
parse_server(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (c->nwords < 3)
        return cfg_error(c, CFG_WHOLE_LINE,
                         DIAG_PLAIN "'server' expects <name> and <addr>[:<port>] as arguments.");
    *at = 3;
    return cfg_run_options(c, IN_SERVER, obj, at);
}

static enum cfg_rc
parse_bind(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    *at = MIN(2, c->nwords);
    return cfg_run_options(c, IN_BIND, obj, at);
}

static enum cfg_rc
parse_inter(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    return cfg_take_ms(c, at, "a delay", &fixture.inter_ms);
}

static enum cfg_rc
parse_weight(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t v = 0;
    enum cfg_rc rc = cfg_take_int(c, at, "a weight", 0, 256, &v);

    fixture.weight = (unsigned)v;
    return rc;
}

static void
check(struct cfg *c)
{
    fixture.checked++;
}

#define IN_ANY_PROXY (IN_DEFAULTS | IN_FRONTEND | IN_BACKEND)

static const struct section sections[] = {
    { "global", NULL, IN_GLOBAL, begin_plain, end_any, NULL, "process" },
    { "defaults", "[name]", IN_DEFAULTS, begin_defaults, end_any, NULL, "defaults" },
    { "frontend", "<name>", IN_FRONTEND, begin_named, end_any, NULL, "frontend" },
    { "backend", "<name>", IN_BACKEND, begin_named, end_any, NULL, "backend" },
    { "listen", "<name>", IN_FRONTEND | IN_BACKEND, begin_named, end_any, NULL, "both" },
    { "userlist", "<name>", IN_USERLIST, begin_named, end_any, NULL, "users" },
    { "ring", "<name>", IN_RING, begin_named, end_any, NULL, "ring" },
    { "tests", NULL, IN_TESTS, begin_plain, end_any, line_free, "free form" },
    { 0 }
};

#define FIELD(k, member) KW_FIELD(k, struct fixture, member)

static const struct keyword keywords[] = {
    { "daemon", NULL, IN_GLOBAL, FIELD(KW_BOOL, daemon), .help = "x" },
    { "maxconn", "<number>", IN_GLOBAL | IN_DEFAULTS | IN_FRONTEND, FIELD(KW_UINT, maxconn),
      .help = "x" },
    { "fullconn", "<number>", IN_DEFAULTS | IN_BACKEND, FIELD(KW_UINT, fullconn), .help = "x" },
    { "nbthread", "<number>", IN_GLOBAL, FIELD(KW_UINT, range), .min = 1, .max = 64, .help = "x" },
    { "level", "<number>", IN_GLOBAL, FIELD(KW_INT, level), .min = -5, .max = 5, .help = "x" },
    { "tune.bufsize", "<size>", IN_GLOBAL, FIELD(KW_SIZE64, bufsize), .max = 1 << 30, .help = "x" },
    { "tune.fd.edge-triggered", "{ on | off }", IN_GLOBAL, FIELD(KW_ONOFF, edge),
      .flags = KWF_EXPERIMENTAL, .help = "x" },
    { "tune.zero", "{ on | off }", IN_GLOBAL, FIELD(KW_ONOFF, zero), .help = "x" },
    { "zero", NULL, IN_GLOBAL, FIELD(KW_BOOL, zero), .flags = KWF_NO, .help = "x" },
    { "description", "<text>", IN_GLOBAL | IN_FRONTEND | IN_BACKEND, FIELD(KW_STRING, description),
      .help = "x" },
    { "words", "<word>...", IN_GLOBAL, .parse = parse_words, .help = "x" },
    { "noepoll", "...", IN_GLOBAL, KW_IGNORED_OK, .help = "x" },
    { "lua-load", "<file>", IN_GLOBAL, KW_UNSUPPORTED, .help = "x" },
    { "tune.lua.x", "<n>", IN_GLOBAL, KW_UNSUPPORTED, .flags = KWF_NO_WARN, .help = "x" },
    { "old", NULL, IN_GLOBAL, FIELD(KW_BOOL, zero), .flags = KWF_DEPRECATED, .use_instead = "new",
      .help = "x" },
    { "timeout server", "<timeout>", IN_DEFAULTS | IN_BACKEND, FIELD(KW_MSEC, timeout_server_ms),
      .flags = KWF_TIMEOUT, .help = "x" },
    { "timeout client", "<timeout>", IN_DEFAULTS | IN_FRONTEND, FIELD(KW_MSEC, timeout_client_ms),
      .flags = KWF_TIMEOUT, .help = "x" },
    { "option dontlognull", NULL, IN_ANY_PROXY, .parse = parse_option, .flags = KWF_NO,
      .help = "x" },
    { "option httplog", "[ clf ]", IN_ANY_PROXY, .parse = parse_option, .help = "x" },
    { "balance", "<algorithm>", IN_DEFAULTS | IN_BACKEND, .parse = parse_words, .help = "x" },
    { "use_backend", "<backend>", IN_FRONTEND, .parse = parse_words, .help = "x" },
    { "http-request", "<action>", IN_NAMED_DEFAULTS | IN_FRONTEND | IN_BACKEND,
      .parse = parse_words, .help = "x" },
    { "server", "<name> <address>", IN_BACKEND, .parse = parse_server, .flags = KWF_STRICT_PLACE,
      .help = "x" },
    { "bind", "<address>", IN_FRONTEND, .parse = parse_bind, .help = "x" },
    { "user", "<name>", IN_USERLIST, .parse = parse_words, .help = "x" },
    { "size", "<size>", IN_RING, .parse = parse_words, .help = "x" },
    { "inter", "<delay>", IN_SERVER, .parse = parse_inter, .help = "x" },
    { "weight", "<weight>", IN_SERVER, .parse = parse_weight, .help = "x" },
    { "tlv(", "<fmt>", IN_SERVER, .parse = parse_inter, .help = "x" },
    { "check", NULL, IN_SERVER, KW_IGNORED_OK, .help = "x" },
    { "ssl", NULL, IN_BIND | IN_SERVER, FIELD(KW_BOOL, ssl), .help = "x" },
    { 0 }
};

static const struct module fixture_module = {
    .name = "fixture", .sections = sections, .keywords = keywords, .check = check
};
extern const struct module config_module;

const struct module *const modules[] = { &fixture_module, &config_module, NULL };

void
fixture_read(struct cfg *c, struct arena *a, struct slice text)
{
    memset(&fixture, 0, sizeof(fixture));
    arena_init_config(a);
    cfg_init(c, NULL, a);
    (void)cfg_read_text(c, "t.cfg", text);
    (void)cfg_finish(c);
}

void
fixture_lines(const struct cfg *c, struct text *to)
{
    static const char *const levels[] = { "NOTICE", "DIAG", "WARNING", "ALERT" };
    const struct diag *g;

    list_each (g, &c->diags.list, link) {
        text_printf(to, "%s ", levels[g->level]);
        diag_put_line(g, to);
        text_char(to, '\n');
    }
}
