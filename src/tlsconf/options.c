/* options.c - options that bind lines, crt-lists, servers and the ssl-default-* directives have in
 * common. */
#include "tlsconf/tlsconf.h"

#include <stdlib.h>

enum kind {
    TEXT,    /* a string at .offset */
    PATH,    /* a file below ca-base at .offset */
    FLAG,    /* .value is set */
    UNFLAG,  /* .value is cleared */
    VERSION, /* enum tls_version at .offset */
    FORCE,   /* min and max become .value */
    FORBID,  /* a bit of no_versions */
    ALPN,
    NPN,
    VERIFY,
    IGNORE, /* struct tls_ignore at .offset */
};

struct tls_option {
    const char *name;
    unsigned sides; /* enum option_side */
    enum kind kind;
    size_t offset;
    unsigned value;
    const char *missing; /* what to say when the argument is */
};

#define AT(m)  .offset = offsetof(struct tls_options, m)
#define BOTH   (OPT_BIND | OPT_LINE | OPT_SERVER)
#define FRONT  (OPT_BIND | OPT_LINE)
#define SWITCH (OPT_BIND | OPT_SERVER | OPT_DEF_BIND | OPT_DEF_SERVER)
#define NO_VERSION(n, v)                                                                           \
    { "no-" n, SWITCH, FORBID, .value = v },                                                       \
    {                                                                                              \
        "force-" n, SWITCH, FORCE, .value = v                                                      \
    }

static const struct tls_option options[] = {
    { "allow-0rtt", BOTH, FLAG, .value = TLSF_EARLY },
    { "alpn", BOTH, ALPN, .missing = "missing the comma-delimited ALPN protocol suite" },
    { "no-alpn", FRONT, FLAG, .value = TLSF_NO_ALPN },
    { "npn", BOTH, NPN, .missing = "missing the comma-delimited NPN protocol suite" },
    { "ca-file", BOTH, PATH, AT(ca_file), .missing = "missing CAfile path" },
    { "ca-verify-file", FRONT, PATH, AT(ca_verify_file), .missing = "missing CAfile path" },
    { "crl-file", BOTH, PATH, AT(crl_file), .value = 1, .missing = "missing CRLfile path" },
    { "ca-ignore-err", OPT_BIND, IGNORE, AT(ca_ignore), .missing = "missing error IDs list" },
    { "crt-ignore-err", OPT_BIND, IGNORE, AT(crt_ignore), .missing = "missing error IDs list" },
    { "ciphers", BOTH, TEXT, AT(ciphers), .missing = "missing cipher suite" },
    { "ciphersuites", BOTH, TEXT, AT(ciphersuites), .missing = "missing cipher suite" },
    { "client-sigalgs", BOTH, TEXT, AT(client_sigalgs),
      .missing = "missing signature algorithm list" },
    { "sigalgs", BOTH, TEXT, AT(sigalgs), .missing = "missing signature algorithm list" },
    { "curves", BOTH, TEXT, AT(curves), .missing = "missing curve suite" },
    { "ecdhe", FRONT, TEXT, AT(ecdhe), .missing = "missing named curve" },
    { "no-ca-names", FRONT, FLAG, .value = TLSF_NO_CA_NAMES },
    { "ssl-min-ver", SWITCH | OPT_LINE, VERSION, AT(min),
      .missing = "missing the ssl/tls version" },
    { "ssl-max-ver", SWITCH | OPT_LINE, VERSION, AT(max),
      .missing = "missing the ssl/tls version" },
    { "verify", BOTH, VERIFY, .missing = "missing verify method" },
    NO_VERSION("sslv3", TLS_SSL3),
    NO_VERSION("tlsv10", TLS_1_0),
    NO_VERSION("tlsv11", TLS_1_1),
    NO_VERSION("tlsv12", TLS_1_2),
    NO_VERSION("tlsv13", TLS_1_3),
    { "no-tls-tickets", SWITCH, FLAG, .value = TLSF_NO_TICKETS },
    { "tls-tickets", SWITCH, UNFLAG, .value = TLSF_NO_TICKETS },
    { "prefer-client-ciphers", OPT_BIND | OPT_DEF_BIND, FLAG, .value = TLSF_CLIENT_CIPHERS },
    { "strict-sni", OPT_BIND | OPT_DEF_BIND, FLAG, .value = TLSF_STRICT_SNI },
    { "no-strict-sni", OPT_BIND, UNFLAG, .value = TLSF_STRICT_SNI },
    { "no-renegotiate", OPT_SERVER | OPT_DEF_SERVER, FLAG, .value = TLSF_NO_RENEGOTIATION },
    { "renegotiate", OPT_SERVER | OPT_DEF_SERVER, UNFLAG, .value = TLSF_NO_RENEGOTIATION },
    { "no-ssl-reuse", OPT_SERVER, FLAG, .value = TLSF_NO_REUSE },
    { "ssl-reuse", OPT_SERVER, UNFLAG, .value = TLSF_NO_REUSE },
};

const struct tls_option *
tls_option_find(const char *name, enum option_side side)
{
    for (unsigned i = 0; i < COUNT_OF(options); i++)
        if (options[i].sides & side && strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

bool
tls_option_has_argument(const struct tls_option *opt)
{
    return opt->missing != NULL;
}

const char *
tls_path(struct arena *a, const char *base, const char *path)
{
    if (!base || path[0] == '/' || path[0] == '@')
        return path;
    return arena_printf(a, "%s/%s", base, path);
}

/* ---- values ---- */

static bool
set_alpn(struct tls_options *o, const char *value, struct arena *arena, struct text *err)
{
    char *wire = arena_alloc(arena, strlen(value) + 2);
    struct text why = { 0 };
    int n = tls_alpn_parse(value, wire, &why);

    if (n < 0)
        text_printf(err, "'alpn' : %s", why.p);
    else
        o->alpn = slice(wire, (size_t)n);
    text_fini(&why);
    o->flags &= ~(unsigned)TLSF_NO_ALPN;
    return n >= 0;
}

static bool
set_verify(struct tls_options *o, enum option_side side, const char *value, struct text *err)
{
    if (strcmp(value, "none") == 0) {
        o->verify = TLS_VERIFY_NONE;
    } else if (strcmp(value, "required") == 0) {
        o->verify = TLS_VERIFY_REQUIRED;
    } else if (strcmp(value, "optional") == 0 && side != OPT_SERVER) {
        o->verify = TLS_VERIFY_OPTIONAL;
    } else {
        text_printf(
            err, "'verify' : unknown verify method '%s', only %s are supported", value,
            side == OPT_SERVER ? "'none' and 'required'" : "'none', 'optional', and 'required'");
        return false;
    }
    return true;
}

static bool
set_ignore(const char *name, struct tls_ignore *to, const char *value, struct text *err)
{
    struct slice rest = slice_str(value);

    *to = (struct tls_ignore){ 0 };
    if (strcmp(value, "all") == 0) {
        to->all = true;
        return true;
    }
    while (rest.p) {
        struct slice item = slice_cut(rest, ',', &rest);
        int id = tls_error_id(item);
        if (id < 0) {
            uint64_t n = 0;
            (void)!slice_to_uint(item, &n);
            text_printf(err, "'%s' : ID '%llu' out of range (1..%d) in error IDs list '%s'", name,
                        (unsigned long long)n, tls_error_id_max(), value);
            return false;
        }
        to->bit[id / 64] |= 1ull << (id % 64);
    }
    return true;
}

static bool
set_path(const struct tls_option *opt, struct tls_options *o, const char *value,
         struct arena *arena, struct text *err)
{
    const char *path = tls_path(arena, tlsconf_global.ca_base, value);
    struct text why = { 0 };

    *(const char **)((char *)o + opt->offset) = arena_strdup(arena, path);
    if (tlsconf_running ? tls_ca_find(path) != NULL : tls_ca_load(path, opt->value, &why))
        return true;
    if (tlsconf_running) /* nothing is read from files any more; live_lock is held */
        text_printf(&why, "it is not known: see 'new ssl ca-file' and 'new ssl crl-file'");
    text_printf(err, "%s\n'%s' : unable to load %s", why.p, opt->name, path);
    text_fini(&why);
    return false;
}

bool
tls_option_set(const struct tls_option *opt, enum option_side side, struct tls_options *o,
               const char *value, struct arena *arena, struct text *err)
{
    void *field = (char *)o + opt->offset;

    if (opt->missing && (!value || !*value)) {
        text_printf(err, "'%s' : %s", opt->name, opt->missing);
        return false;
    }
    switch (opt->kind) {
    case TEXT:
        *(const char **)field = arena_strdup(arena, value);
        return true;
    case PATH:
        return set_path(opt, o, value, arena, err);
    case FLAG:
        o->flags |= opt->value;
        o->cleared &= ~opt->value;
        return true;
    case UNFLAG:
        o->flags &= ~opt->value;
        o->cleared |= opt->value;
        return true;
    case VERSION:
        *(enum tls_version *)field = tls_version_find(value);
        if (!*(enum tls_version *)field)
            text_printf(err, "'%s' : unknown ssl/tls version", value);
        return *(enum tls_version *)field != TLS_UNSET;
    case FORCE:
        o->min = o->max = (enum tls_version)opt->value;
        return true;
    case FORBID:
        o->no_versions |= 1u << opt->value;
        return true;
    case ALPN:
        return set_alpn(o, value, arena, err);
    case NPN:
        return true; /* tls_option_warning() */
    case VERIFY:
        return set_verify(o, side, value, err);
    case IGNORE:
        return set_ignore(opt->name, field, value, err);
    }
    return false;
}

void
tls_option_warning(const struct tls_option *opt, const struct tls_options *o, struct text *warn)
{
    const char *path =
        opt->kind == PATH ? *(const char *const *)((const char *)o + opt->offset) : NULL;
    const struct tls_ca *ca = path ? tls_ca_find(path) : NULL;

    if (ca && !tls_ca_count(ca) && !opt->value)
        text_printf(warn, "ca-file: 0 CA were loaded from '%s'", path);
    if (opt->kind == NPN)
        text_str(warn, "'npn' : the NPN extension was replaced by ALPN and is not offered, please "
                       "use 'alpn' instead");
}

/* ---- inheritance ---- */

void
tls_options_inherit(struct tls_options *o, const struct tls_options *def)
{
#define INHERIT(m) o->m = o->m ? o->m : def->m
    if (!o->min && !o->max && !o->no_versions) {
        o->no_versions = def->no_versions;
        o->min = def->min;
        o->max = def->max;
    } else {
        INHERIT(min);
        INHERIT(max);
        o->no_versions |= def->no_versions;
    }
    INHERIT(ciphers);
    INHERIT(ciphersuites);
    INHERIT(curves); /* wins over ecdhe wherever it comes from, as in HAProxy */
    INHERIT(ecdhe);
    INHERIT(sigalgs);
    INHERIT(client_sigalgs);
    INHERIT(verify);
    INHERIT(ca_file);
    INHERIT(ca_verify_file);
    INHERIT(crl_file);
#undef INHERIT
    if (!o->alpn.p && !(o->flags & TLSF_NO_ALPN)) {
        o->alpn = def->alpn;
        o->flags |= def->flags & TLSF_NO_ALPN;
    }
    o->flags |= def->flags & ~(unsigned)TLSF_NO_ALPN & ~o->cleared;
}

enum cfg_rc
tlsconf_report(struct cfg *c, unsigned word, struct text *err, struct text *warn, bool stop)
{
    enum cfg_rc rc = CFG_OK;

    if (warn->len)
        cfg_warn(c, word, "%s.", warn->p);
    if (err->len) {
        /* A file that cannot be read has a line of its own, without place on bind lines, as HAProxy
         * has it. */
        struct slice second, first = slice_cut(text_get(err), '\n', &second);
        bool two = second.p != NULL;
        if (two)
            cfg_error(c, word, stop ? "%.*s" : DIAG_BARE "%.*s", SLF(first));
        else
            second = first;
        bool dot = stop && second.len && second.p[second.len - 1] != '.';
        rc = cfg_error(c, word, two && stop ? DIAG_BARE "%.*s%s" : "%.*s%s", SLF(second),
                       dot ? "." : "");
    }
    text_fini(err);
    text_fini(warn);
    return rc;
}
