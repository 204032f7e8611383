/* options.c - rows of the options of `server` and `default-server` lines (manual 5.2). The TLS
 * options are elsewhere. */
#include "config/guid.h"
#include "server/check.h"
#include "server/parse_int.h"

#include "config/units.h"
#include "sample/expr.h"
#include "sample/logformat.h"

#include <limits.h>
#include <stdlib.h>

/** An option that needs an argument and has none. */
static enum cfg_rc
no_argument(struct cfg *c, unsigned at, const char *name, const char *what)
{
    return cfg_error(c, at ? at - 1 : 0, "'%s' expects %s as argument.", name, what);
}

static const char *
take(struct cfg *c, unsigned *at)
{
    return *at < c->nwords ? c->word[(*at)++].s : NULL;
}

/* ---- kinds of options ---- */

/** Sets the flag bits in .min, clears those in .max. */
static enum cfg_rc
opt_flag(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    (void)c, (void)at;
    s->flags |= (unsigned)kw->min;
    s->flags &= ~(unsigned)kw->max;
    return CFG_OK;
}

/** A flag of the health check: .offset in struct check, value .min. */
static enum cfg_rc
opt_check_bool(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    (void)c, (void)at;
    *(bool *)((char *)s->check + kw->offset) = kw->min != 0;
    return CFG_OK;
}

static enum cfg_rc
opt_check_string(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *v = take(c, at);

    if (!v)
        return cfg_error(c, *at - 1, "'%s' : missing %s.", kw->name,
                         kw->offset == offsetof(struct check, sni) ? "SNI"
                         : kw->offset == offsetof(struct check, alpn)
                             ? "the comma-delimited ALPN protocol suite"
                             : "value");
    *(const char **)((char *)s->check + kw->offset) = v;
    return CFG_OK;
}

/** Milliseconds with HAProxy's messages. */
static enum cfg_rc
take_delay(struct cfg *c, const struct keyword *kw, const struct server *s, unsigned *at, int *out)
{
    const char *v = take(c, at);
    uint64_t us = 0;
    char bad = 0;

    if (!v)
        return no_argument(c, *at, kw->name, "a delay");
    switch (units_time(slice_str(v), 1000, &us, &bad, NULL)) {
    case UNIT_OK:
        break;
    case UNIT_OVERFLOW:
        us = UINT64_MAX;
        break;
    case UNIT_EMPTY:
        return no_argument(c, *at - 1, kw->name, "a delay");
    default:
        return cfg_error(c, *at - 1, "unexpected character '%c' in '%s' argument of server %s.",
                         bad, kw->name, s->name);
    }
    if (us > (uint64_t)INT_MAX * 1000)
        return cfg_error(c, *at - 1,
                         "timer overflow in argument <%s> to <%s> of server %s, maximum value is "
                         "2147483647 ms (~24.8 days).",
                         v, kw->name, s->name);
    if (us > 0 && us < 1000)
        return cfg_error(
            c, *at - 1,
            "timer underflow in argument <%s> to <%s> of server %s, minimum non-null value "
            "is 1 ms.",
            v, kw->name, s->name);
    *out = (int)((us + 999) / 1000);
    return CFG_OK;
}

static enum cfg_rc
opt_delay(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    return take_delay(c, kw, obj, at, (int *)((char *)obj + kw->offset));
}

static enum cfg_rc
take_interval(struct cfg *c, const struct keyword *kw, struct server *s, unsigned *at, int *to)
{
    int ms = 0;

    if (take_delay(c, kw, s, at, &ms) != CFG_OK)
        return CFG_ERR;
    if (ms <= 0)
        return cfg_error(c, *at - 1, "invalid value %d for argument '%s' of server %s.", ms,
                         kw->name, s->name);
    *to = ms;
    return CFG_OK;
}

static enum cfg_rc
opt_check_delay(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    return take_interval(c, kw, s, at, (int *)((char *)s->check + kw->offset));
}

static enum cfg_rc
opt_agent_delay(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    return take_interval(c, kw, s, at, &s->agent->inter_ms);
}

/** Takes an integer in min..max. */
static enum cfg_rc
take_int(struct cfg *c, const char *name, unsigned *at, int64_t min, int64_t max, int64_t *out)
{
    const char *v = take(c, at);

    if (!v)
        return cfg_error(c, *at - 1, "'%s' expects an integer argument.", name);
    if (!slice_to_int(slice_str(v), out))
        return cfg_error(c, *at - 1, "'%s' expects an integer argument (got '%s').", name, v);
    if (*out < min || *out > max) {
        if (max == INT_MAX)
            return cfg_error(c, *at - 1, "'%s' must be >= %lld.", name, (long long)min);
        return cfg_error(c, *at - 1, "'%s' must be between %lld and %lld (got '%s').", name,
                         (long long)min, (long long)max, v);
    }
    return CFG_OK;
}

/** unsigned at .offset, .min.. */
static enum cfg_rc
opt_uint(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t v;

    if (take_int(c, kw->name, at, kw->min, INT_MAX, &v) != CFG_OK)
        return CFG_ERR;
    *(unsigned *)((char *)obj + kw->offset) = (unsigned)v;
    return CFG_OK;
}

/** int at .offset, .min.. (-1: unlimited). */
static enum cfg_rc
opt_int(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t v;

    if (*at >= c->nwords)
        return no_argument(c, *at, kw->name, "<value>");
    if (take_int(c, kw->name, at, kw->min, INT_MAX, &v) != CFG_OK)
        return CFG_ERR;
    *(int *)((char *)obj + kw->offset) = (int)v;
    return CFG_OK;
}

/** A positive count. */
static enum cfg_rc
take_positive(struct cfg *c, const char *name, unsigned *at, unsigned *out)
{
    const char *v = take(c, at);
    int64_t n;

    if (!v)
        return cfg_error(c, *at - 1, "'%s' expects an integer argument.", name);
    if (!slice_to_int(slice_str(v), &n) || n <= 0 || n > INT_MAX)
        return cfg_error(c, *at - 1, "'%s' has to be > 0.", name);
    *out = (unsigned)n;
    return CFG_OK;
}

static enum cfg_rc
take_port(struct cfg *c, const char *name, unsigned *at, unsigned *out)
{
    const char *v = take(c, at);
    int64_t n;

    if (!v)
        return no_argument(c, *at, name, "a port number");
    if (!slice_to_int(slice_str(v), &n) || n < 0 || n > 65535)
        return cfg_error(c, *at - 1, "'%s' : '%s' is not a port number.", name, v);
    *out = (unsigned)n;
    return CFG_OK;
}

/** One word of a set: its index, or reports. */
struct choice {
    const char *word;
    int value;
};

static enum cfg_rc
take_choice(struct cfg *c, unsigned *at, const struct choice *set, int *out, const char *complaint)
{
    unsigned i = *at < c->nwords ? (*at)++ : *at;

    for (; set->word; set++) {
        if (cfg_arg_is(c, i, set->word)) {
            *out = set->value;
            return CFG_OK;
        }
    }
    return cfg_error(c, i < c->nwords ? i : i - 1, "%s but got '%s'.", complaint, cfg_arg(c, i));
}

/* ---- single options ---- */

static enum cfg_rc
opt_weight(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *v = take(c, at);
    int64_t n;

    if (!v || !slice_to_int(slice_str(v), &n))
        return cfg_error(c, *at - 1, "'%s' expects an integer argument.", kw->name);
    if (n < 0 || n > SRV_WEIGHT_MAX)
        return cfg_error(c, *at - 1, "weight of server %s is not within 0 and %d (%lld).", s->name,
                         SRV_WEIGHT_MAX, (long long)n);
    s->uweight_cfg = (unsigned)n;
    return CFG_OK;
}

static enum cfg_rc
opt_rise(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    if (take_positive(c, kw->name, at, &s->rise) != CFG_OK)
        return CFG_ERR;
    s->check->rise = s->rise;
    return CFG_OK;
}

static enum cfg_rc
opt_fall(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    if (take_positive(c, kw->name, at, &s->fall) != CFG_OK)
        return CFG_ERR;
    s->check->fall = s->fall;
    return CFG_OK;
}

static enum cfg_rc
opt_error_limit(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    int64_t n;

    if (*at < c->nwords && (!slice_to_int(slice_str(cfg_arg(c, *at)), &n) || n <= 0))
        return cfg_error(c, *at, "%s has to be > 0.", kw->name);
    return take_positive(c, kw->name, at, &s->error_limit);
}

static enum cfg_rc
opt_check(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    (void)c, (void)at;
    if (kw->min)
        atomic_fetch_or(&s->check->flags, CHKF_CONFIGURED | CHKF_ENABLED);
    else
        atomic_fetch_and(&s->check->flags, ~(unsigned)(CHKF_CONFIGURED | CHKF_ENABLED));
    return CFG_OK;
}

static enum cfg_rc
opt_agent_check(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    (void)c, (void)at;
    if (kw->min)
        atomic_fetch_or(&s->agent->flags, CHKF_CONFIGURED | CHKF_ENABLED);
    else
        atomic_fetch_and(&s->agent->flags, ~(unsigned)(CHKF_CONFIGURED | CHKF_ENABLED));
    return CFG_OK;
}

static enum cfg_rc
opt_port(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    return take_port(c, kw->name, at, &s->check->port);
}

static enum cfg_rc
opt_agent_port(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    return take_port(c, kw->name, at, &s->agent->port);
}

/** An address with an optional port for a check. */
static enum cfg_rc
take_check_addr(struct cfg *c, const char *v, struct check *ck, unsigned i)
{
    struct addr_spec spec;
    char err[256];

    if (!addr_parse(v, ADDR_O_PORT | ADDR_O_STREAM, NULL, &spec, err, sizeof(err)))
        return cfg_error(c, i, "'%s' : %s", c->kw->name, err);
    ck->addr = spec.addr;
    if (spec.port_form == ADDR_PORT_FIXED && spec.port_low)
        ck->port = (unsigned)spec.port_low;
    return CFG_OK;
}

static enum cfg_rc
opt_addr(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *v = take(c, at);

    if (!v)
        return no_argument(c, *at, kw->name, "<ipv4|ipv6>");
    return take_check_addr(c, v, s->check, *at - 1);
}

static enum cfg_rc
opt_agent_addr(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *v = take(c, at);

    if (!v)
        return no_argument(c, *at, kw->name, "an address");
    return take_check_addr(c, v, s->agent, *at - 1);
}

static enum cfg_rc
opt_agent_send(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *v = take(c, at);

    if (!v)
        return no_argument(c, *at, kw->name, "a string");
    s->agent->agent_send_cfg = v;
    return CFG_OK;
}

/** The form that old tutorials show: the check's timeout. */
static enum cfg_rc
opt_timeout(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    return take_delay(c, kw, s, at, &s->check->timeout_ms);
}

static enum cfg_rc
opt_check_tls(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    (void)c, (void)at;
    s->check->tls = (enum check_tls)kw->min;
    return CFG_OK;
}

static enum cfg_rc
opt_cookie(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *v = take(c, at);

    if (!v)
        return no_argument(c, *at, kw->name, "<value>");
    s->cookie = v;
    s->flags |= SRVF_COOKIE_SET;
    return CFG_OK;
}

static enum cfg_rc
opt_string(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *v = take(c, at);

    if (!v)
        return no_argument(c, *at, kw->name, kw->args);
    *(const char **)((char *)obj + kw->offset) = v;
    return CFG_OK;
}

static enum cfg_rc
opt_guid(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    char why[64];

    if (*at < c->nwords && !guid_valid(cfg_arg(c, *at), why, sizeof(why)))
        return cfg_error(c, *at, "'%s': %s", kw->name, why);
    return opt_string(c, kw, obj, at);
}

static enum cfg_rc
opt_disabled(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    (void)c, (void)at;
    if (kw->min)
        atomic_fetch_or(&s->admin, SRVA_CMAINT | SRVA_FMAINT);
    else
        atomic_fetch_and(&s->admin, ~(unsigned)(SRVA_CMAINT | SRVA_FMAINT));
    return CFG_OK;
}

static enum cfg_rc
opt_id(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj, *other;
    struct server_px px;
    const char *v = take(c, at);
    int64_t n;

    if (s->flags & SRVF_DEFAULT)
        return cfg_error(c, *at - 1,
                         DIAG_PLAIN "'id' option is not accepted in default-server sections");
    if (!v)
        return cfg_error(c, *at - 1, "'%s' : expects an integer argument.", kw->name);
    if (!slice_to_int(slice_str(v), &n) || n <= 0 || n > UINT_MAX)
        return cfg_error(c, *at - 1, "'%s' : custom id has to be > 0.", kw->name);
    server_hooks.view(s->px, &px);
    list_each (other, px.servers, link) {
        if (other != s && (other->flags & SRVF_ID_SET) && other->id == n)
            return cfg_error(c, *at - 1,
                             "'%s' : custom id %lld already used at %s:%u ('server %s').", kw->name,
                             (long long)n, other->loc.file, other->loc.line, other->name);
    }
    s->id = (unsigned)n;
    s->flags |= SRVF_ID_SET;
    return CFG_OK;
}

static enum cfg_rc
opt_init_addr(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *v = take(c, at);
    struct slice rest = slice_str(v ? v : "");
    unsigned n = 0;

    memset(s->init_addr, 0, sizeof(s->init_addr));
    s->init_ip.kind = ADDR_NONE;
    while (rest.p && rest.len) {
        struct slice m = slice_cut(rest, ',', &rest);
        struct addr ip;
        uint8_t method;

        if (slice_eq_str(m, "last"))
            method = SRVI_LAST;
        else if (slice_eq_str(m, "libc"))
            method = SRVI_LIBC;
        else if (slice_eq_str(m, "none"))
            method = SRVI_NONE;
        else if (addr_parse_ip(m, &ip))
            method = SRVI_IP;
        else
            return cfg_error(
                c, *at - 1,
                "'%s' : unknown init-addr method '%.*s', supported methods are 'libc', "
                "'last', 'none'.",
                kw->name, SLF(m));
        if (method == SRVI_IP && s->init_ip.kind != ADDR_NONE)
            return cfg_error(c, *at - 1,
                             "'%s' : initial address already specified, cannot add '%.*s'.",
                             kw->name, SLF(m));
        if (method == SRVI_IP)
            s->init_ip = ip;
        if (n + 1 >= SRV_INIT_ADDR_MAX)
            return cfg_error(c, *at - 1, "'%s' : too many init-addr methods.", kw->name);
        s->init_addr[n++] = method;
    }
    return CFG_OK;
}

static enum cfg_rc
opt_init_state(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const struct choice set[] = { { "none", SRVS_NONE },
                                         { "up", SRVS_UP },
                                         { "down", SRVS_DOWN },
                                         { "fully-up", SRVS_FULLY_UP },
                                         { "fully-down", SRVS_FULLY_DOWN },
                                         { 0 } };
    struct server *s = obj;
    int v = 0;

    (void)kw;
    if (take_choice(
            c, at, set, &v,
            "'init-state' expects one of 'none', 'fully-up', 'up', 'down', or 'fully-down'") !=
        CFG_OK)
        return CFG_ERR;
    s->init_state = (enum srv_init_state)v;
    return CFG_OK;
}

static enum cfg_rc
opt_hash_key(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const struct choice set[] = {
        { "id", SRVK_ID },     { "id32", SRVK_ID32 },           { "guid", SRVK_GUID },
        { "addr", SRVK_ADDR }, { "addr-port", SRVK_ADDR_PORT }, { 0 }
    };
    struct server *s = obj;

    (void)kw;
    for (const struct choice *p = set; p->word; p++) {
        if (cfg_arg_is(c, *at, p->word)) {
            s->hash_key = (enum srv_hash_key)p->value;
            ++*at;
            return CFG_OK;
        }
    }
    return cfg_error(c, *at < c->nwords ? *at : *at - 1,
                     "'hash-key' has to be 'id', 'id32', 'guid', 'addr', or 'addr-port'.");
}

static enum cfg_rc
opt_on_error(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const struct choice set[] = { { "fastinter", SRV_ON_ERROR_FASTINTER },
                                         { "fail-check", SRV_ON_ERROR_FAIL_CHECK },
                                         { "sudden-death", SRV_ON_ERROR_SUDDEN_DEATH },
                                         { "mark-down", SRV_ON_ERROR_MARK_DOWN },
                                         { 0 } };
    struct server *s = obj;
    int v = 0;

    (void)kw;
    if (take_choice(c, at, set, &v,
                    "'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or "
                    "'mark-down'") != CFG_OK)
        return CFG_ERR;
    s->on_error = (enum srv_on_error)v;
    return CFG_OK;
}

/** The only word that an option knows; sets the bool at .offset. */
static enum cfg_rc
opt_marked(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *word = kw->offset == offsetof(struct server, on_marked_down_shutdown)
                           ? "shutdown-sessions"
                           : "shutdown-backup-sessions";
    unsigned i = *at < c->nwords ? (*at)++ : *at;

    if (!cfg_arg_is(c, i, word))
        return cfg_error(c, i < c->nwords ? i : i - 1, "'%s' expects '%s' but got '%s'.", kw->name,
                         word, cfg_arg(c, i));
    *(bool *)((char *)obj + kw->offset) = true;
    return CFG_OK;
}

static enum cfg_rc
opt_observe(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const struct choice set[] = { { "none", 0 }, { "layer4", 1 }, { "layer7", 2 }, { 0 } };
    struct server *s = obj;

    if (*at >= c->nwords)
        return no_argument(c, *at, kw->name, "<mode>");
    return take_choice(c, at, set, &s->observe,
                       "'observe' expects one of 'none', 'layer4', 'layer7'");
}

static enum cfg_rc
opt_ws(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const struct choice set[] = {
        { "auto", SRVWS_AUTO }, { "h1", SRVWS_H1 }, { "h2", SRVWS_H2 }, { 0 }
    };
    struct server *s = obj;

    (void)kw;
    for (const struct choice *p = set; p->word; p++) {
        if (cfg_arg_is(c, *at, p->word)) {
            if (p->value == SRVWS_H2)
                return cfg_error(c, *at, "'ws' : protocol 'h2' is not supported yet.");
            s->ws = (enum srv_ws)p->value;
            ++*at;
            return CFG_OK;
        }
    }
    return cfg_error(c, *at < c->nwords ? *at : *at - 1, "'ws' has to be 'auto', 'h1' or 'h2'.");
}

static enum cfg_rc
opt_pp_options(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const struct {
        const char *name;
        unsigned opts, flags;
    } set[] = {
        { "ssl", SRV_PP_SSL, SRVF_PP_SSL },
        { "cert-cn", SRV_PP_SSL | SRV_PP_CERT_CN, SRVF_PP_SSL | SRVF_PP_SSL_CN },
        { "cert-key", SRV_PP_SSL | SRV_PP_CERT_KEY, SRVF_PP_SSL },
        { "cert-sig", SRV_PP_SSL | SRV_PP_CERT_SIG, SRVF_PP_SSL },
        { "ssl-cipher", SRV_PP_SSL | SRV_PP_SSL_CIPHER, SRVF_PP_SSL },
        { "authority", SRV_PP_AUTHORITY, 0 },
        { "crc32c", SRV_PP_CRC32C, 0 },
        { "unique-id", SRV_PP_UNIQUE_ID, 0 },
    };
    struct server *s = obj;
    const char *v = take(c, at);
    struct slice rest = slice_str(v ? v : "");

    (void)kw;
    do {
        struct slice o = slice_cut(rest, ',', &rest);
        unsigned i = 0;

        while (i < COUNT_OF(set) && !slice_eq_str(o, set[i].name))
            i++;
        if (i == COUNT_OF(set))
            return cfg_error(c, *at - 1, "'%.*s' : proxy v2 option not implemented.", SLF(o));
        s->pp_opts |= set[i].opts;
        s->flags |= set[i].flags;
    } while (rest.p);
    return CFG_OK;
}

/** send-proxy-v2-ssl, send-proxy-v2-ssl-cn and their opposites: .min 1 sets, 0 clears. */
static enum cfg_rc
opt_pp_ssl(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    bool cn = strstr(kw->name, "-cn") != NULL;
    unsigned flags = SRVF_PP_SSL | (cn ? SRVF_PP_SSL_CN : 0);
    unsigned opts = SRV_PP_SSL | (cn ? SRV_PP_CERT_CN : 0);

    (void)c, (void)at;
    if (kw->min) {
        s->flags |= SRVF_SEND_PROXY_V2 | flags;
        s->pp_opts |= opts;
    } else {
        s->flags &= ~(SRVF_SEND_PROXY_V2 | flags);
        s->pp_opts &= ~opts;
    }
    return CFG_OK;
}

/** set-proxy-v2-tlv-fmt(<id>) <fmt> */
static enum cfg_rc
opt_tlv_fmt(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *word = cfg_arg(c, *at - 1), *id = strchr(word, '(');
    struct srv_tlv *tlv;
    char *end;
    unsigned long n;

    if (!id || id[1] == ')' || word[strlen(word) - 1] != ')')
        return cfg_error(c, *at - 1, "'%s' : missing or invalid TLV ID.", kw->name);
    n = strtoul(id + 1, &end, 0);
    if (end == id + 1 || end[0] != ')' || end[1] != '\0')
        return cfg_error(c, *at - 1, "'%s' : could not convert TLV ID.", kw->name);
    if (n > 255)
        return cfg_error(c, *at - 1, "'%s' : the maximum allowed TLV ID is 255.", kw->name);
    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'%s' : expects a format string as argument.", kw->name);
    tlv = ARENA_NEW(c->arena, struct srv_tlv);
    tlv->type = (uint8_t)n;
    tlv->value = logfmt_parse(c, *at, cfg_arg(c, *at), s->px, PT_SRV_CON, false);
    ++*at;
    if (!tlv->value)
        return CFG_ERR;
    tlv->next = s->tlvs;
    s->tlvs = tlv;
    return CFG_OK;
}

static enum cfg_rc
opt_sni(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *v = take(c, at);
    char *err = NULL;

    if (!v)
        return cfg_error(c, *at - 1, "'%s' : missing sni expression.", kw->name);
    s->sni_text = v;
    s->sni = expr_parse_text_err(c, v, NULL, s->px, PT_SRV_CON, &err);
    if (s->sni)
        return CFG_OK;
    cfg_error(c, *at - 1, "error detected while parsing sni expression : %s.", err);
    free(err);
    return CFG_ERR;
}

static enum cfg_rc
opt_tcp_ut(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *v = take(c, at);
    uint64_t us = 0;

    if (!v)
        return cfg_error(c, *at - 1, "'%s' : missing TCP User Timeout value.", kw->name);
    if (units_parse_time(slice_str(v), 1000, &us) || us > (uint64_t)INT_MAX * 1000)
        return cfg_error(c, *at - 1, "'%s' : expects a positive delay in milliseconds.", kw->name);
    s->tcp_ut_ms = (int)((us + 999) / 1000);
    return CFG_OK;
}

static enum cfg_rc
opt_track(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *v = take(c, at);

    if (!v)
        return no_argument(c, *at, kw->name, "[<proxy>/]<server>");
    s->track_name = v;
    return CFG_OK;
}

static enum cfg_rc
opt_proto(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const char *const known[] = { "h1", "h2", "fcgi", "spop", "none", "quic", "qmux" };
    const char *v = take(c, at);

    if (!v)
        return cfg_error(c, *at - 1, "'%s' : missing value.", kw->name);
    for (unsigned i = 0; i < COUNT_OF(known); i++) {
        if (strcmp(v, known[i]) != 0)
            continue;
        if (strcmp(v, "h1") != 0 && strcmp(v, "none") != 0)
            return cfg_error(c, *at - 1, "'%s' : protocol '%s' is not supported yet.", kw->name, v);
        if (strcmp(kw->name, "proto") == 0)
            ((struct server *)obj)->proto = v;
        else
            ((struct server *)obj)->check->proto = v;
        return CFG_OK;
    }
    return cfg_error(c, *at - 1, "'%s' :  unknown MUX protocol '%s'.", kw->name, v);
}

static enum cfg_rc
opt_from(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    (void)obj;
    /* the places where it is valid are read by server.c */
    return cfg_error(c, *at - 1, "unknown keyword '%s'.", kw->name);
}

#define OPT(n, a, fn, h, ...)                                                                      \
    {                                                                                              \
        .name = (n), .args = (a), .where = IN_SERVER, .parse = (fn), .help = h, ##__VA_ARGS__      \
    }
#define SRV(m) .offset = offsetof(struct server, m)
#define CHK(m) .offset = offsetof(struct check, m)
#define LATER(n, a, h)                                                                             \
    {                                                                                              \
        .name = (n), .args = (a), .where = IN_SERVER, .kind = KW_UNSUPPORTED, .help = h            \
    }

const struct keyword server_option_keywords[] = {
    OPT("from", "<origin>", opt_from,
        "copies the settings of a template or another server; the first option"),
    OPT("weight", "<weight>", opt_weight,
        "share of the load relative to the other servers, 0..256"),
    OPT("backup", NULL, opt_flag, "used when no other server is usable", .min = SRVF_BACKUP),
    OPT("no-backup", NULL, opt_flag, "undoes backup", .max = SRVF_BACKUP),
    OPT("disabled", NULL, opt_disabled, "starts in maintenance", .min = 1),
    OPT("enabled", NULL, opt_disabled, "undoes disabled"),
    OPT("id", "<value>", opt_id, "numeric identifier, unique in the backend"),
    OPT("guid", "<string>", opt_guid, "identifier that is unique over all objects", SRV(guid)),
    OPT("cookie", "<value>", opt_cookie, "value of the persistence cookie for this server"),
    OPT("redir", "<prefix>", opt_string, "sends clients there instead of forwarding GET and HEAD",
        SRV(redir)),
    OPT("maxconn", "<maxconn>", opt_uint,
        "requests served at once; more wait in a queue; 0: unlimited", SRV(maxconn)),
    OPT("minconn", "<minconn>", opt_uint, "makes maxconn follow the backend's load, not below this",
        SRV(minconn)),
    OPT("maxqueue", "<maxqueue>", opt_uint, "requests that may wait for it; 0: unlimited",
        SRV(maxqueue)),
    OPT("strict-maxconn", NULL, opt_flag, "maxconn bounds connections, idle ones included",
        .min = SRVF_STRICT_MAXCONN),
    OPT("slowstart", "<start_time_in_ms>", opt_delay,
        "time over which the weight grows after coming up", SRV(slowstart_ms)),
    OPT("non-stick", NULL, opt_flag, "never enters stick tables", .min = SRVF_NON_STICK),
    OPT("stick", NULL, opt_flag, "undoes non-stick", .max = SRVF_NON_STICK),
    OPT("hash-key", "<key>", opt_hash_key, "what places it on the ring of consistent hashing"),
    OPT("track", "[<backend>/]<server>", opt_track, "follows the state of another server"),
    OPT("init-addr", "{last | libc | none | <ip>},[...]*", opt_init_addr,
        "how its address is found at start"),
    OPT("init-state", "{ fully-up | up | down | fully-down | none }", opt_init_state,
        "state of a checked server at start"),

    OPT("check", NULL, opt_check, "enables health checks", .min = 1),
    OPT("no-check", NULL, opt_check, "disables health checks"),
    OPT("inter", "<delay>", opt_check_delay, "time between two checks (default 2s)", CHK(inter_ms)),
    OPT("fastinter", "<delay>", opt_check_delay, "the same while the state is in transition",
        CHK(fastinter_ms)),
    OPT("downinter", "<delay>", opt_check_delay, "the same while the server is down",
        CHK(downinter_ms)),
    OPT("rise", "<count>", opt_rise, "successful checks that bring it up (default 2)"),
    OPT("fall", "<count>", opt_fall, "failed checks that take it down (default 3)"),
    OPT("port", "<port>", opt_port, "port for checks"),
    OPT("addr", "<ipv4|ipv6>", opt_addr, "address for checks"),
    OPT("timeout", "<delay>", opt_timeout, "longest time for a check", .flags = KWF_DEPRECATED,
        .use_instead = "timeout check"),
    OPT("check-send-proxy", NULL, opt_check_bool, "checks begin with a PROXY header",
        CHK(send_proxy), .min = 1),
    OPT("check-via-socks4", NULL, opt_check_bool, "checks go through the SOCKS4 proxy",
        CHK(via_socks4), .min = 1),
    OPT("check-reuse-pool", NULL, opt_check_bool, "checks may use idle connections",
        CHK(reuse_pool), .min = 1),
    OPT("no-check-reuse-pool", NULL, opt_check_bool, "undoes check-reuse-pool", CHK(reuse_pool)),
    OPT("check-pool-conn-name", "<name>", opt_check_string,
        "name of the idle connection that checks use", CHK(pool_conn_name)),
    OPT("check-proto", "<name>", opt_proto, "protocol of checks"),
    OPT("check-alpn", "<protocols>", opt_check_string, "protocols that TLS checks announce",
        CHK(alpn)),
    OPT("check-sni", "<sni>", opt_check_string, "server name that TLS checks send", CHK(sni)),
    OPT("check-sni-auto", NULL, opt_check_bool, "TLS checks send the Host of the request (default)",
        CHK(sni_off)),
    OPT("no-check-sni-auto", NULL, opt_check_bool, "TLS checks send no name by themselves",
        CHK(sni_off), .min = 1),
    OPT("check-ssl", NULL, opt_check_tls, "checks use TLS even to another port or address",
        .min = CHKT_ON),
    OPT("no-check-ssl", NULL, opt_check_tls, "undoes check-ssl", .min = CHKT_OFF),
    OPT("healthcheck", "<name>", opt_string, "checks as a healthcheck section describes",
        SRV(healthcheck)),
    OPT("agent-check", NULL, opt_agent_check, "asks an agent for weight and state", .min = 1),
    OPT("no-agent-check", NULL, opt_agent_check, "undoes agent-check"),
    OPT("agent-port", "<port>", opt_agent_port, "port of the agent"),
    OPT("agent-addr", "<addr>", opt_agent_addr, "address of the agent, if not the server's"),
    OPT("agent-inter", "<delay>", opt_agent_delay,
        "time between two questions to the agent (default 2s)"),
    OPT("agent-send", "<string>", opt_agent_send, "sent to the agent after connecting"),
    OPT("observe", "<mode>", opt_observe, "counts errors of live traffic: none, layer4 or layer7"),
    OPT("error-limit", "<count>", opt_error_limit,
        "consecutive errors that trigger on-error (default 10)"),
    OPT("on-error", "<mode>", opt_on_error, "what too many errors cause"),
    OPT("on-marked-down", "shutdown-sessions", opt_marked, "closes its sessions when it goes down",
        SRV(on_marked_down_shutdown)),
    OPT("on-marked-up", "shutdown-backup-sessions", opt_marked,
        "closes sessions of backup servers when it comes up", SRV(on_marked_up_shutdown_backup)),

    OPT("max-reuse", "<count>", opt_int, "requests a connection is reused for; -1: unlimited",
        SRV(max_reuse), .min = -1),
    OPT("pool-max-conn", "<max>", opt_int, "idle connections kept; -1: unlimited",
        SRV(pool_max_conn), .min = -1),
    OPT("pool-low-conn", "<max>", opt_int, "idle connections below which threads do not share",
        SRV(pool_low_conn)),
    OPT("pool-purge-delay", "<delay>", opt_delay, "idle time after which connections are closed",
        SRV(pool_purge_ms)),
    OPT("pool-conn-name", "<expr>", server_opt_pool_name, "names connections for reuse"),
    OPT("idle-ping", "<delay>", opt_delay,
        "idle time after which HTTP/2 connections are pinged (nothing else has pings)",
        SRV(idle_ping_ms)),
    OPT("proto", "<name>", opt_proto, "protocol towards the server"),
    OPT("ws", "{ auto | h1 | h2 }", opt_ws, "protocol of websocket requests"),
    OPT("sni", "<expression>", opt_sni, "server name sent in TLS"),

    OPT("send-proxy", NULL, opt_flag, "connections begin with a PROXY header, version 1",
        .min = SRVF_SEND_PROXY),
    OPT("no-send-proxy", NULL, opt_flag, "undoes send-proxy", .max = SRVF_SEND_PROXY),
    OPT("send-proxy-v2", NULL, opt_flag, "the same, version 2", .min = SRVF_SEND_PROXY_V2),
    OPT("no-send-proxy-v2", NULL, opt_flag, "undoes send-proxy-v2", .max = SRVF_SEND_PROXY_V2),
    OPT("send-proxy-v2-ssl", NULL, opt_pp_ssl, "version 2 with facts about the client's TLS",
        .min = 1),
    OPT("no-send-proxy-v2-ssl", NULL, opt_pp_ssl, "undoes send-proxy-v2-ssl"),
    OPT("send-proxy-v2-ssl-cn", NULL, opt_pp_ssl, "the same with the client certificate's name",
        .min = 1),
    OPT("no-send-proxy-v2-ssl-cn", NULL, opt_pp_ssl, "undoes send-proxy-v2-ssl-cn"),
    OPT("proxy-v2-options", "<option>[,<option>]*", opt_pp_options,
        "what the version 2 header carries"),
    OPT("set-proxy-v2-tlv-fmt(", "<id>) <fmt>", opt_tlv_fmt, "adds a TLV to the version 2 header"),

    OPT("source", "<addr>[:<pl>[-<ph>]] [usesrc { <addr2>[:<port2>] | client | clientip } ]",
        server_opt_source, "local address of connections"),
    OPT("usesrc", "<addr>", server_opt_usesrc, "source address to appear with; after source"),
    OPT("socks4", "<addr>:<port>", server_opt_socks4, "SOCKS4 proxy on the way"),
    OPT("namespace", "<name>", server_opt_namespace,
        "network namespace that connections are opened in; *: the one of the PROXY header"),
    OPT("cc", "<algo>", opt_string, "TCP congestion control", SRV(cc)),
    OPT("tcp-md5sig", "<password>", server_opt_md5sig, "TCP MD5 signatures"),
    OPT("tcp-ut", "<delay>", opt_tcp_ut, "TCP user timeout"),
    OPT("tfo", NULL, opt_flag, "TCP fast open", .min = SRVF_TFO),
    OPT("no-tfo", NULL, opt_flag, "undoes tfo", .max = SRVF_TFO),
    OPT("log-proto", "<logproto>", server_opt_log_proto,
        "framing of syslog messages; for servers of rings and log backends"),
    OPT("log-bufsize", "<bufsize>", server_opt_log_bufsize,
        "ring of a TCP log server; for log backends"),
    OPT("shard", "<shard>", opt_uint, "part of the keys that this peer receives; for peers",
        SRV(shard)),

    LATER("resolvers", "<id>", "resolves the name at run time"),
    LATER("resolve-prefer", "<family>", "address family preferred in resolutions"),
    LATER("resolve-net", "<network>[,<network[,...]]", "networks preferred in resolutions"),
    LATER("resolve-opts", "<opt>[,<opt>]*", "how answers are used"),
    LATER("quic-cc-algo", "<algo>", "QUIC congestion control"),
    { 0 },
};
