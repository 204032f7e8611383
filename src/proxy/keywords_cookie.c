/* keywords_cookie.c - `cookie`, `dynamic-cookie-key`, and the values of dynamic cookies
 * (manual 4.2). */
#include "proxy/cookie.h"

#include "config/module.h"
#include "config/units.h"

#include <stdlib.h>
#include <xxhash.h>

#define SECOND_US 1000000u

/* ---- options of the cookie line ---- */

struct cookie_option {
    const char *name;
    unsigned bit; /* enum px_cookie; 0: has an argument */
    enum cfg_rc (*parse)(struct cfg *c, unsigned at, struct proxy *px);
};

static void
append(struct cfg *c, const char **to, const char *separator, const char *text)
{
    *to = *to ? arena_printf(c->arena, "%s%s%s", *to, separator, text) : text;
}

static enum cfg_rc
parse_domain(struct cfg *c, unsigned at, struct proxy *px)
{
    const char *name = cfg_arg(c, at);

    if (!*name)
        return cfg_error(c, at - 1, DIAG_TIGHT "'%s' expects <domain> as argument.",
                         cfg_arg(c, at - 1));
    if (!strchr(name + 1, '.') && name[0] != '.')
        cfg_warn(c, at,
                 DIAG_TIGHT
                 "domain '%s' contains no embedded dot, this configuration may not work properly "
                 "(see RFC6265#5.2.3).",
                 name);
    for (const char *p = name; *p; p++) {
        bool ok = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                  (*p >= '0' && *p <= '9') || strchr(".-_:", *p);
        if (!ok)
            return cfg_error(
                c, at, DIAG_TIGHT "character '%c' is not permitted in domain name '%s'.", *p, name);
    }
    append(c, &px->cookie_domain, "; domain=", name);
    return CFG_OK;
}

static enum cfg_rc
parse_attr(struct cfg *c, unsigned at, struct proxy *px)
{
    const char *text = cfg_arg(c, at);

    if (!*text)
        return cfg_error(c, at - 1, DIAG_TIGHT "'%s' expects <value> as argument.",
                         cfg_arg(c, at - 1));
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == ';')
            return cfg_error(c, at,
                             DIAG_TIGHT "character '%%x%02X' is not permitted in attribute value.",
                             (unsigned char)*p);
    append(c, &px->cookie_attrs, "; ", text);
    return CFG_OK;
}

static enum cfg_rc
parse_seconds(struct cfg *c, unsigned at, const char *what, int *out)
{
    const char *kw = cfg_arg(c, at - 1), *text = cfg_arg(c, at);
    uint64_t us;
    char bad;

    if (!*text)
        return cfg_error(c, at - 1, DIAG_TIGHT "'%s' expects <%s> in seconds as argument.", kw,
                         what);
    switch (units_time(slice_str(text), SECOND_US, &us, &bad, NULL)) {
    case UNIT_OK:
        break;
    case UNIT_OVERFLOW:
        goto overflow;
    default:
        return cfg_error(c, at, DIAG_TIGHT "unexpected character '%c' in argument to <%s>.", bad,
                         kw);
    }
    if (us / SECOND_US > INT32_MAX)
        goto overflow;
    *out = (int)((us + SECOND_US - 1) / SECOND_US);
    return CFG_OK;
overflow:
    return cfg_error(
        c, at,
        DIAG_TIGHT
        "timer overflow in argument <%s> to <%s>, maximum value is 2147483647 s (~68 years).",
        text, kw);
}

static enum cfg_rc
parse_maxidle(struct cfg *c, unsigned at, struct proxy *px)
{
    return parse_seconds(c, at, "idletime", &px->cookie_maxidle_s);
}

static enum cfg_rc
parse_maxlife(struct cfg *c, unsigned at, struct proxy *px)
{
    return parse_seconds(c, at, "lifetime", &px->cookie_maxlife_s);
}

static const struct cookie_option cookie_options[] = {
    { "rewrite", CK_REWRITE, NULL },   { "insert", CK_INSERT, NULL },
    { "prefix", CK_PREFIX, NULL },     { "indirect", CK_INDIRECT, NULL },
    { "nocache", CK_NOCACHE, NULL },   { "postonly", CK_POSTONLY, NULL },
    { "preserve", CK_PRESERVE, NULL }, { "httponly", CK_HTTPONLY, NULL },
    { "secure", CK_SECURE, NULL },     { "dynamic", CK_DYNAMIC, NULL },
    { "domain", 0, parse_domain },     { "maxidle", 0, parse_maxidle },
    { "maxlife", 0, parse_maxlife },   { "attr", 0, parse_attr },
};

static const struct cookie_option *
find_option(const char *name)
{
    for (unsigned i = 0; i < COUNT_OF(cookie_options); i++)
        if (strcmp(cookie_options[i].name, name) == 0)
            return &cookie_options[i];
    return NULL;
}

static enum cfg_rc
check_modes(struct cfg *c, unsigned opts)
{
    unsigned mode = opts & (CK_REWRITE | CK_INSERT | CK_PREFIX);

    if (mode & (mode - 1))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "cookie 'rewrite', 'insert' and 'prefix' modes are incompatible.");
    if (opts & CK_REWRITE && opts & CK_INDIRECT)
        return cfg_error(c, CFG_WHOLE_LINE,
                         "cookie 'rewrite' and 'indirect' modes are incompatible.");
    if (opts & CK_PRESERVE && !(opts & (CK_INSERT | CK_INDIRECT)))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "cookie 'preserve' requires at least 'insert' or 'indirect'.");
    return CFG_OK;
}

static enum cfg_rc
parse_cookie(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    if (!*cfg_arg(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "'%s' expects <cookie_name> as argument.", kw->name);
    px->cookie_name = cfg_arg(c, (*at)++);
    px->ck_opts = 0;
    px->cookie_domain = px->cookie_attrs = NULL;
    px->cookie_maxidle_s = px->cookie_maxlife_s = 0;
    while (*at < c->nwords) {
        const struct cookie_option *o = find_option(c->word[*at].s);
        if (!o)
            return cfg_error(
                c, *at,
                "'%s' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', "
                "'domain', 'maxidle', 'dynamic', 'maxlife' and 'attr' options.",
                kw->name);
        (*at)++;
        px->ck_opts |= o->bit;
        if (o->parse && o->parse(c, (*at)++, px) != CFG_OK)
            return CFG_ERR;
    }
    return check_modes(c, px->ck_opts);
}

static enum cfg_rc
parse_key(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    if (!*cfg_arg(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "'%s' expects <secret_key> as argument.", kw->name);
    px->dyncookie_key = cfg_arg(c, (*at)++);
    return cfg_expect_end(c, *at);
}

#define DB (IN_DEFAULTS | IN_NAMED_DEFAULTS | IN_BACKEND)

const struct keyword cookie_keywords[] = {
    { .name = "cookie",
      .args = "<name> [rewrite|insert|prefix] [indirect] [nocache] [postonly] [preserve] "
              "[httponly] [secure] "
              "[domain <domain>]* [maxidle <idle>] [maxlife <life>] [dynamic] [attr <value>]*",
      .where = DB,
      .parse = parse_cookie,
      .help = "a cookie that keeps clients on their server" },
    { .name = "dynamic-cookie-key",
      .args = "<string>",
      .where = DB,
      .parse = parse_key,
      .help = "the secret from which the values of dynamic cookies are made" },
    { 0 },
};

/* ---- dynamic values ---- */

/** What the value is made of: the key, the address, the port in network order (32 bits). Other
 * nodes with the same key and servers come to the same values. */
static uint64_t
hash_server(const char *key, const struct addr *a, uint16_t port)
{
    struct text t = { 0 };
    uint32_t port_be = htonl(port);

    text_str(&t, key);
    if (a->kind == ADDR_IP4)
        text_mem(&t, &a->in.sin_addr, sizeof(a->in.sin_addr));
    else
        text_mem(&t, &a->in6.sin6_addr, sizeof(a->in6.sin6_addr));
    text_mem(&t, &port_be, sizeof(port_be));
    uint64_t h = XXH64(t.p, t.len, 0);
    text_fini(&t);
    return h;
}

void
cookie_update_server(struct proxy *px, struct server *s)
{
    if (s->flags & SRVF_COOKIE_SET)
        return;
    if (!(px->ck_opts & CK_DYNAMIC) || !px->dyncookie_key || !addr_is_ip(&s->addr)) {
        s->cookie = NULL;
        return;
    }
    /* Other threads may be reading the value: the new one is written beside the old. */
    char *to = s->cookie == s->dyn_cookie[0] ? s->dyn_cookie[1] : s->dyn_cookie[0];
    struct out o = { to, 0, sizeof(s->dyn_cookie[0]) - 1, false };
    out_printf(&o, "%016llx",
               (unsigned long long)hash_server(px->dyncookie_key, &s->addr, s->port));
    to[o.len] = '\0';
    s->cookie = to;
}

static bool
are_distinct(const struct proxy *px)
{
    const struct server *a, *b;

    list_each (a, &px->servers, link)
        for (b = list_entry(a->link.next, struct server, link); &b->link != &px->servers;
             b = list_entry(b->link.next, struct server, link))
            if (a->cookie && b->cookie && strcmp(a->cookie, b->cookie) == 0 &&
                !(a->flags & b->flags & SRVF_COOKIE_SET))
                return false;
    return true;
}

bool
cookie_update_backend(struct proxy *px)
{
    struct server *s;

    list_each (s, &px->servers, link)
        cookie_update_server(px, s);
    return !(px->ck_opts & CK_DYNAMIC) || are_distinct(px);
}

/* Keys given at run time. Old ones stay until the end: another thread may be using them, and a
 * person types these. */
struct kept_key {
    struct kept_key *next;
    char text[];
};
static struct kept_key *_Atomic kept_keys;

bool
cookie_set_key(struct proxy *px, const char *key)
{
    size_t len = strlen(key) + 1;
    struct kept_key *k = xmalloc(sizeof(*k) + len);

    memcpy(k->text, key, len);
    k->next = atomic_load(&kept_keys);
    while (!atomic_compare_exchange_weak(&kept_keys, &k->next, k))
        ;
    px->dyncookie_key = k->text;
    return cookie_update_backend(px);
}

static void
check(struct cfg *c)
{
    struct proxy *px;

    list_each (px, &c->config->proxies, link)
        if (px->ck_opts & CK_DYNAMIC && !cookie_update_backend(px))
            cfg_warn_at(c, &px->loc,
                        DIAG_BARE "We generated two equal cookies for two different servers.\n"
                                  "Please change the secret key for '%s'.",
                        px->name);
}

static void
stop(struct config *cf)
{
    struct kept_key *k = atomic_exchange(&kept_keys, NULL);

    while (k) {
        struct kept_key *next = k->next;
        free(k);
        k = next;
    }
}

const struct module cookie_module = {
    .name = "cookie",
    .keywords = cookie_keywords,
    .check = check,
    .stop = stop,
};
