/* global.c - TLS directives of the global section (manual 3). */
#include "tlsconf/ocsp.h"
#include "tlsconf/tlsconf.h"

#include "config/cfg.h"

#include <limits.h>
#include <stdlib.h>

struct tlsconf_global tlsconf_global;

/* ---- folders ---- */

static enum cfg_rc
parse_base(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char **field = (const char **)((char *)&tlsconf_global + kw->max);

    if (*at >= c->nwords)
        return cfg_error(
            c, *at - 1, "global statement '%s' expects a directory path as an argument.", kw->name);
    if (*field)
        return cfg_error(c, *at - 1, "'%s' already specified.", kw->name);
    *field = c->word[(*at)++].s;
    return CFG_OK;
}

static enum cfg_rc
parse_issuers(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords || !tls_set_issuers_path(c->word[*at].s))
        return cfg_error(
            c, *at - 1, "global statement '%s' expects a directory path as an argument.", kw->name);
    ++*at;
    return CFG_OK;
}

/* ---- defaults of bind lines and servers ---- */

static enum cfg_rc
parse_default_text(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char **field = (const char **)((char *)&tlsconf_global + kw->max);

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "global statement '%s' expects a %s.", kw->name,
                         strstr(kw->name, "ciphers")  ? "cipher suite as an argument"
                         : strstr(kw->name, "curves") ? "curves suite as an arguments"
                                                      : "string as an argument");
    *field = c->word[(*at)++].s;
    return CFG_OK;
}

static enum cfg_rc
parse_default_options(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    bool server = kw->max;
    struct tls_options *o = server ? &tlsconf_global.server : &tlsconf_global.bind;
    enum option_side side = server ? OPT_DEF_SERVER : OPT_DEF_BIND;

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "global statement '%s' expects an option as an argument.",
                         kw->name);
    while (*at < c->nwords) {
        const char *name = c->word[(*at)++].s, *value = NULL;
        const struct tls_option *opt = tls_option_find(name, side);
        struct text err = { 0 }, warn = { 0 };
        if (!opt)
            return cfg_error(c, *at - 1, "unknown option '%s' on global statement '%s'.", name,
                             kw->name);
        if (tls_option_has_argument(opt) && *at < c->nwords)
            value = c->word[(*at)++].s;
        if (!tls_option_set(opt, side, o, value, c->arena, &err))
            text_printf(&err, " on global statement '%s'.", kw->name);
        tls_option_warning(opt, o, &warn);
        if (tlsconf_report(c, *at - 1, &err, &warn, false) != CFG_OK)
            return CFG_ERR;
    }
    return CFG_OK;
}

static enum cfg_rc
parse_server_verify(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'%s' expects an integer argument.", kw->name);
    bool none = cfg_arg_is(c, *at, "none");
    if (!none && !cfg_arg_is(c, *at, "required"))
        return cfg_error(c, *at, "'%s' expects 'none' or 'required' as argument.", kw->name);
    tlsconf_global.server_verify_none = none;
    config_set_enabled("SERVER-SSL-VERIFY-NONE", none);
    ++*at;
    return CFG_OK;
}

/* ---- files ---- */

static enum cfg_rc
parse_dh_file(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'%s' expects a file path as an argument.", kw->name);
    if (!tls_set_dh_file(c->word[*at].s))
        return cfg_error(c, *at, "'%s': unable to load DH parameters from file <%s>.", kw->name,
                         c->word[*at].s);
    ++*at;
    return CFG_OK;
}

static enum cfg_rc
parse_extra_files(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const struct {
        const char *name;
        unsigned bits;
    } kinds[] = { { "bundle", TLSX_BUNDLE },
                  { "sctl", TLSX_SCTL },
                  { "ocsp", TLSX_OCSP },
                  { "issuer", TLSX_ISSUER },
                  { "key", TLSX_KEY },
                  { "all", TLSX_DEFAULT },
                  { "none", 0 } };
    unsigned bits = 0, first = *at;

    while (*at < c->nwords) {
        unsigned i = 0;
        while (i < COUNT_OF(kinds) && !cfg_arg_is(c, *at, kinds[i].name))
            i++;
        if (i == COUNT_OF(kinds))
            break;
        bits |= kinds[i].bits;
        ++*at;
    }
    if (*at < c->nwords || *at == first)
        return cfg_error(
            c, MIN(*at, c->nwords - 1),
            "'%s' expects one or multiple arguments (none, all, bundle, sctl, ocsp, issuer, key).",
            kw->name);
    tlsconf_global.extra = (tlsconf_global.extra & TLSX_DEL_EXT) | bits;
    return CFG_OK;
}

static enum cfg_rc
parse_del_ext(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    tlsconf_global.extra |= TLSX_DEL_EXT;
    return CFG_OK;
}

static enum cfg_rc
parse_passphrase_cmd(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    unsigned n = c->nwords - *at;

    if (!n)
        return cfg_error(c, *at - 1, "'%s' expects a command as an argument.", kw->name);
    const char **words = ARENA_ARRAY(c->arena, const char *, n + 1);
    for (unsigned i = 0; i < n; i++)
        words[i] = c->word[(*at)++].s;
    tlsconf_global.passphrase_cmd = words;
    return CFG_OK;
}

/* ---- the library ---- */

static enum cfg_rc
parse_provider(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(
            c, *at - 1,
            "global statement '%s' expects a valid engine provider name as an argument.", kw->name);
    if (!tls_load_provider(c->word[*at].s))
        return cfg_error(c, *at, "%s %s: unknown provider", kw->name, c->word[*at].s);
    ++*at;
    return CFG_OK;
}

static enum cfg_rc
parse_provider_path(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(
            c, *at - 1, "global statement '%s' expects a directory path as an argument.", kw->name);
    if (!tls_set_provider_path(c->word[(*at)++].s))
        return cfg_error(c, *at - 1, "'%s' : the path is not accepted by the TLS library.",
                         kw->name);
    return CFG_OK;
}

static enum cfg_rc
parse_propquery(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, *at - 1,
                         "global statement '%s' expects a property string as an argument.",
                         kw->name);
    if (!tls_set_properties(c->word[(*at)++].s))
        return cfg_error(c, *at - 1, "'%s' : the properties are not accepted by the TLS library.",
                         kw->name);
    return CFG_OK;
}

static enum cfg_rc
parse_security_level(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (cfg_take_int(c, at, "'ssl-security-level'", 0, 5, &n) != CFG_OK)
        return CFG_ERR;
    tls_tune.security_level = (int)n;
    return CFG_OK;
}

/* ---- tune.ssl.* ---- */

/* unsigned at .offset of tls_tune, .min.. */
static enum cfg_rc
parse_tune(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *text = cfg_arg(c, *at);
    char *end;

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'%s' expects an integer argument.", kw->name);
    long n = strtol(text, &end, 10);
    ++*at;
    if (*end || n < 0 || n > INT_MAX)
        return cfg_error(c, *at - 1, "'%s' expects a positive numeric value.", kw->name);
    if (n < kw->min && n)
        return cfg_error(c, *at - 1, "'%s' expects a value >= %lld.", kw->name, (long long)kw->min);
    *(unsigned *)(void *)((char *)&tls_tune + kw->offset) = (unsigned)n;
    return CFG_OK;
}

static enum cfg_rc
parse_dh_param(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    char *end;
    long n = strtol(cfg_arg(c, *at), &end, 10);

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'%s' expects an integer argument.", kw->name);
    ++*at;
    if (*end || n < 1024 || n > 65536)
        return cfg_error(c, *at - 1, "'%s' expects a value >= 1024.", kw->name);
    tls_tune.dh_bits = (unsigned)n;
    return CFG_OK;
}

static enum cfg_rc
parse_lifetime(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    uint64_t us = 0;

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'%s' expects ssl sessions <lifetime> in seconds as argument.",
                         kw->name);
    const char *text = c->word[(*at)++].s;
    size_t digits = strspn(text, "0123456789");
    if (units_parse_time(slice_str(text), 1000000, &us))
        return cfg_error(c, *at - 1, "unexpected character '%c' in argument to <%s>.",
                         text[digits] ? text[digits] : '0', kw->name);
    tls_tune.lifetime_s = (unsigned)MIN(us / 1000000, (uint64_t)INT_MAX);
    return CFG_OK;
}

static enum cfg_rc
parse_keylog(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'%s' expects either 'on' or 'off' but got ''.", kw->name);
    tls_tune.keylog = cfg_arg_is(c, *at, "on");
    if (!tls_tune.keylog && !cfg_arg_is(c, *at, "off"))
        return cfg_error(c, *at, "'%s' expects either 'on' or 'off' but got '%s'.", kw->name,
                         cfg_arg(c, *at));
    ++*at;
    return CFG_OK;
}

/* A switch without argument: bool at .offset of tls_tune. */
static enum cfg_rc
parse_switch(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    *(bool *)((char *)&tls_tune + kw->offset) = true;
    return cfg_expect_end(c, *at);
}

/* Every process of ours has a cache of its own. */
static enum cfg_rc
parse_private_cache(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at < c->nwords)
        return cfg_error(c, *at, "'%s' cannot handle unexpected argument '%s'.", kw->name,
                         cfg_arg(c, *at));
    return CFG_OK;
}

/* ---- OCSP updates ---- */

/* [on|off] to a bool at .offset of ocsp_settings */
static enum cfg_rc
parse_ocsp_switch(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    bool on = cfg_arg_is(c, *at, "on");

    if (!on && !cfg_arg_is(c, *at, "off"))
        return cfg_error(c, MIN(*at, c->nwords - 1),
                         "'%s' expects either 'on' or 'off' but got '%s'.", kw->name,
                         cfg_arg(c, *at));
    ++*at;
    *(bool *)((char *)&ocsp_settings + kw->offset) = on;
    return CFG_OK;
}

static enum cfg_rc
parse_ocsp_delay(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (cfg_take_int(c, at, kw->name, 0, INT_MAX, &n) != CFG_OK)
        return CFG_ERR;
    *(unsigned *)(void *)((char *)&ocsp_settings + kw->offset) = (unsigned)n;
    return CFG_OK;
}

static enum cfg_rc
parse_ocsp_proxy(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *text = cfg_take(c, at, kw->name);
    struct addr_spec spec;
    char err[256];

    if (!text)
        return CFG_ERR;
    if (!addr_parse(text, ADDR_O_PORT | ADDR_O_STREAM, NULL, &spec, err, sizeof(err)))
        return cfg_error(c, *at - 1, "'%s' : %s", kw->name, err);
    ocsp_settings.proxy = spec.addr;
    if (!addr_is_unix(&spec.addr) && !addr_port(&spec.addr))
        addr_set_port(&ocsp_settings.proxy, 80);
    ocsp_settings.has_proxy = true;
    return CFG_OK;
}

/* ---- rows ---- */

#define GLOBAL(n, a, fn, h, ...)                                                                   \
    {                                                                                              \
        .name = (n), .args = (a), .where = IN_GLOBAL, .parse = (fn), .help = (h), ##__VA_ARGS__    \
    }
#define FIELD(m) .max = offsetof(struct tlsconf_global, m)
#define OCSP(m)  .offset = offsetof(struct ocsp_settings, m)
#define TUNE(n, m, lo, h)                                                                          \
    GLOBAL(n, "<number>", parse_tune, h, .offset = offsetof(struct tls_tune, m), .min = (lo))
#define HARMLESS(n, a, h)                                                                          \
    {                                                                                              \
        .name = (n), .args = (a), .where = IN_GLOBAL, .kind = KW_UNSUPPORTED,                      \
        .flags = KWF_NO_WARN, .help = (h)                                                          \
    }
#define DEFAULTS(what, arg, field, h)                                                              \
    GLOBAL("ssl-default-bind-" what, arg, parse_default_text, h " of bind lines",                  \
           FIELD(bind.field)),                                                                     \
        GLOBAL("ssl-default-server-" what, arg, parse_default_text, h " of servers",               \
               FIELD(server.field))

const struct keyword tlsconf_global_keywords[] = {
    GLOBAL("ca-base", "<dir>", parse_base, "folder of relative ca-file and crl-file names",
           FIELD(ca_base)),
    GLOBAL("crt-base", "<dir>", parse_base, "folder of relative certificate names",
           FIELD(crt_base)),
    GLOBAL("key-base", "<dir>", parse_base, "folder of relative key names", FIELD(key_base)),
    GLOBAL("issuers-chain-path", "<dir>", parse_issuers,
           "folder of certificates that complete chains"),
    DEFAULTS("ciphers", "<ciphers>", ciphers, "default ciphers"),
    DEFAULTS("ciphersuites", "<ciphersuites>", ciphersuites, "default TLS 1.3 ciphers"),
    DEFAULTS("curves", "<curves>", curves, "default curves"),
    DEFAULTS("sigalgs", "<sigalgs>", sigalgs, "default signature algorithms"),
    DEFAULTS("client-sigalgs", "<sigalgs>", client_sigalgs,
             "default signature algorithms of client certificates"),
    GLOBAL("ssl-default-bind-options", "<option>...", parse_default_options,
           "default options of bind lines"),
    GLOBAL("ssl-default-server-options", "<option>...", parse_default_options,
           "default options of servers", .max = 1),
    GLOBAL("ssl-server-verify", "[none|required]", parse_server_verify,
           "default verification of servers"),
    GLOBAL("ssl-dh-param-file", "<file>", parse_dh_file,
           "DH parameters of certificates without their own"),
    GLOBAL("ssl-load-extra-files", "<type>*", parse_extra_files,
           "files looked for beside certificates"),
    GLOBAL("ssl-load-extra-del-ext", NULL, parse_del_ext,
           "companions of x.crt are named x.key instead of x.crt.key"),
    GLOBAL("ssl-passphrase-cmd", "<cmd> [<args>...]", parse_passphrase_cmd,
           "program that prints passphrases of keys"),
    GLOBAL("ssl-provider", "<name>", parse_provider, "loads a provider of the TLS library"),
    GLOBAL("ssl-provider-path", "<path>", parse_provider_path, "folder of providers"),
    GLOBAL("ssl-propquery", "<query>", parse_propquery, "properties that algorithms must have"),
    GLOBAL("ssl-security-level", "<number>", parse_security_level,
           "security level of the TLS library"),
    GLOBAL("ssl-skip-self-issued-ca", NULL, parse_switch, "does not send the root of a chain",
           .offset = offsetof(struct tls_tune, skip_self_issued_ca)),
    HARMLESS("ssl-engine", "<name> [algo <list>]", "cryptographic engine"),
    HARMLESS("ssl-mode-async", NULL, "asynchronous engines"),
    { .name = "noktls",
      .where = IN_GLOBAL,
      .kind = KW_IGNORED_OK,
      .help = "TLS is never done by the kernel" },
    TUNE("tune.ssl.cachesize", cache_size, 0, "sessions kept for clients without tickets"),
    TUNE("tune.ssl.maxrecord", max_record, 0, "size of records at the beginning and after pauses"),
    TUNE("tune.ssl.hard-maxrecord", hard_max_record, 0, "size of records at most"),
    TUNE("tune.ssl.ssl-ctx-cache-size", minted_max, 0, "generated certificates kept"),
    TUNE("tune.ssl.capture-buffer-size", capture_size, 0,
         "bytes kept of the lists of a client hello"),
    GLOBAL("tune.ssl.capture-cipherlist-size", "<number>", parse_tune,
           "older name of tune.ssl.capture-buffer-size",
           .offset = offsetof(struct tls_tune, capture_size), .flags = KWF_DEPRECATED,
           .use_instead = "tune.ssl.capture-buffer-size"),
    TUNE("tune.ssl.keyupdate-rate-limit", key_updates_per_s, 0, "key updates tolerated per second"),
    GLOBAL("tune.ssl.default-dh-param", "<number>", parse_dh_param, "size of DH parameters"),
    GLOBAL("tune.ssl.lifetime", "<timeout>", parse_lifetime, "lifetime of sessions, in seconds"),
    GLOBAL("tune.ssl.keylog", "[on|off]", parse_keylog,
           "keeps secrets for the fetches of key logs"),
    GLOBAL("tune.ssl.force-private-cache", NULL, parse_private_cache,
           "accepted: sessions are never shared by processes"),
    HARMLESS("tune.ssl.certificate-compression", "{ auto | off }", "compressed certificates"),
    GLOBAL("ocsp-update.mode", "[ on | off ]", parse_ocsp_switch,
           "updates OCSP responses by default", OCSP(mode)),
    GLOBAL("ocsp-update.disable", "[ on | off ]", parse_ocsp_switch, "never updates OCSP responses",
           OCSP(disabled)),
    GLOBAL("ocsp-update.mindelay", "<seconds>", parse_ocsp_delay, "shortest time between updates",
           OCSP(min_s)),
    GLOBAL("ocsp-update.maxdelay", "<seconds>", parse_ocsp_delay, "longest time between updates",
           OCSP(max_s)),
    GLOBAL("tune.ssl.ocsp-update.mindelay", "<seconds>", parse_ocsp_delay,
           "older name of ocsp-update.mindelay", OCSP(min_s), .flags = KWF_DEPRECATED,
           .use_instead = "ocsp-update.mindelay"),
    GLOBAL("tune.ssl.ocsp-update.maxdelay", "<seconds>", parse_ocsp_delay,
           "older name of ocsp-update.maxdelay", OCSP(max_s), .flags = KWF_DEPRECATED,
           .use_instead = "ocsp-update.maxdelay"),
    GLOBAL("ocsp-update.httpproxy", "<address>[:port]", parse_ocsp_proxy,
           "HTTP proxy of OCSP requests"),
    { 0 },
};
