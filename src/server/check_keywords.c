/* check_keywords.c - rows and section of checks: option httpchk ..., tcp-check, http-check,
 * external-check, healthcheck. */
#include "server/check_int.h"

#include <stdlib.h>

#define WHERE (IN_DEFAULTS | IN_BACKEND)

/* ---- in proxies ---- */

static enum cfg_rc
parse_option(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    bool known = false;

    (void)kw;
    --*at; /* the option's name */
    return check_parse_option(c, check_conf_of(c, obj), obj, at, &known);
}

static enum cfg_rc
parse_http_check(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    (void)kw;
    return check_parse_rule(c, check_conf_of(c, obj), obj, true, at);
}

static enum cfg_rc
parse_tcp_check(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    (void)kw;
    return check_parse_rule(c, check_conf_of(c, obj), obj, false, at);
}

static enum cfg_rc
parse_external(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct check_conf *conf = check_conf_of(c, obj);
    bool command = strcmp(kw->name, "external-check command") == 0;

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "missing argument after '%s'.", command ? "command" : "path");
    *(command ? &conf->ext_command : &conf->ext_path) = c->word[(*at)++].s;
    return CFG_OK;
}

/* ---- section healthcheck ---- */

static struct section_conf {
    struct section_conf *next;
    const char *name;
    struct check_conf *conf;
} * sections; /* of the configuration being read */

void
check_sections_forget(void)
{
    sections = NULL;
}

struct check_conf *
check_section_find(struct cfg *c, const char *name)
{
    (void)c;
    for (const struct section_conf *s = sections; s; s = s->next) {
        if (strcmp(s->name, name) == 0)
            return s->conf;
    }
    return NULL;
}

static enum cfg_rc
begin_healthcheck(struct cfg *c)
{
    struct section_conf *s;
    struct check_conf *old;

    if (c->nwords < 2)
        return cfg_error(c, 0, "missing name for healthcheck section.");
    old = check_section_find(c, cfg_arg(c, 1));
    if (old)
        return cfg_error(c, 1, "healthcheck section '%s' already defined at %s:%u.", cfg_arg(c, 1),
                         old->loc.file, old->loc.line);
    if (c->nwords > 2)
        return cfg_error(c, 2, "'healthcheck' cannot handle unexpected argument '%s'.",
                         cfg_arg(c, 2));
    s = ARENA_NEW(c->arena, struct section_conf);
    s->name = c->word[1].s;
    s->conf = check_conf_new(c, NULL);
    s->next = sections;
    sections = s;
    c->obj = s->conf;
    return CFG_OK;
}

static enum cfg_rc
end_healthcheck(struct cfg *c)
{
    const struct check_conf *conf = c->obj;

    if (conf->option)
        return CFG_OK;
    return cfg_error_at(c, &conf->loc, "healthcheck section without 'type'.");
}

static enum cfg_rc
parse_type(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct check_conf *conf = obj;
    bool known = false;
    enum cfg_rc rc;

    (void)kw;
    if (*at >= c->nwords)
        return cfg_error(c, 0, "'type' expects a healthcheck type as argument.");
    if (cfg_arg_is(c, *at, "external-check"))
        return cfg_error(c, *at, "'external-check' is not supported in healthcheck sections.");
    rc = check_parse_option(c, conf, NULL, at, &known);
    if (known)
        return rc;
    return cfg_error(c, *at,
                     "unknown healthcheck type '%s' (expects 'tcp-check', 'httpchk', "
                     "'ssl-hello-chk', 'smtpchk', "
                     "'pgsql-check', 'redis-check', 'mysql-check', 'ldap-check', 'spop-check').",
                     cfg_arg(c, *at));
}

/** A rule of the wrong family. */
static enum cfg_rc
section_rule(struct cfg *c, struct check_conf *conf, bool http, unsigned *at)
{
    enum check_type needed = http ? CHECK_HTTP : CHECK_TCP;

    if (conf->type == needed)
        return check_parse_rule(c, conf, NULL, http, at);
    *at = c->nwords;
    return cfg_error(c, 0, "unable to configure '%s' rule for '%s' healthcheck.", cfg_arg(c, 0),
                     conf->type == CHECK_HTTP  ? "HTTP"
                     : conf->type == CHECK_TCP ? "TCP"
                     : conf->option            ? conf->option
                                               : "undefined");
}

static enum cfg_rc
section_http(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    (void)kw;
    return section_rule(c, obj, true, at);
}

static enum cfg_rc
section_tcp(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    (void)kw;
    return section_rule(c, obj, false, at);
}

/* ---- tables ---- */

#define OPTION(n, a, h)                                                                            \
    {                                                                                              \
        .name = "option " n, .args = (a), .where = WHERE, .parse = parse_option, .help = h         \
    }

const struct keyword check_keywords[] = {
    OPTION("httpchk", "[<method>] [<uri>] [<version> [<host>]]", "checks are HTTP requests"),
    OPTION("tcp-check", NULL, "checks follow the tcp-check rules"),
    OPTION("smtpchk", "[{ EHLO | HELO } <domain>]", "checks are SMTP greetings"),
    OPTION("mysql-check", "[user <username> [{ post-41 | pre-41 | post-80 }]]",
           "checks are MySQL handshakes"),
    OPTION("pgsql-check", "user <username>", "checks are PostgreSQL start-up messages"),
    OPTION("redis-check", NULL, "checks are Redis PING commands"),
    OPTION("ldap-check", NULL, "checks are anonymous LDAPv3 binds"),
    OPTION("ssl-hello-chk", NULL, "checks are SSLv3 hello messages"),
    OPTION("spop-check", NULL, "checks are SPOP hello frames"),
    OPTION("external-check", NULL, "checks run a command"),
    { .name = "external-check command",
      .args = "<command>",
      .where = WHERE,
      .parse = parse_external,
      .help = "program that checks a server; its exit status is the result" },
    { .name = "external-check path",
      .args = "<path>",
      .where = WHERE,
      .parse = parse_external,
      .help = "the program's PATH" },
    { .name = "http-check",
      .args = "<action> [<argument>...]",
      .where = WHERE,
      .parse = parse_http_check,
      .help = "a step or setting of HTTP checks" },
    { .name = "tcp-check",
      .args = "<action> [<argument>...]",
      .where = WHERE,
      .parse = parse_tcp_check,
      .help = "a step of scripted checks" },
    { .name = "type",
      .args = "<type> [<argument>...]",
      .where = IN_HEALTHCHECK,
      .parse = parse_type,
      .help = "kind of check; arguments as those of the option of the same name" },
    { .name = "http-check",
      .args = "<action> [<argument>...]",
      .where = IN_HEALTHCHECK,
      .parse = section_http,
      .help = "a step or setting of an HTTP check" },
    { .name = "tcp-check",
      .args = "<action> [<argument>...]",
      .where = IN_HEALTHCHECK,
      .parse = section_tcp,
      .help = "a step of a scripted check" },
    { 0 },
};

const struct section check_sections[] = {
    { .name = "healthcheck",
      .args = "<name>",
      .where = IN_HEALTHCHECK,
      .begin = begin_healthcheck,
      .end = end_healthcheck,
      .help = "a health check that several servers share" },
    { 0 },
};
