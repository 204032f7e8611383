/* server.c - TLS options of servers, and the objects made of them once all is read. */
#include "tlsconf/tlsconf.h"

#include "config/tune.h"
#include "proxy/config.h"
#include "sample/expr.h"
#include "server/check.h"
#include "tlsconf/live_int.h"

struct server_tls *
server_tls(struct cfg *c, struct server *s)
{
    if (!s->ext)
        s->ext = ARENA_NEW(c->arena, struct server_tls);
    return s->ext;
}

/* ---- options ---- */

static enum cfg_rc
parse_option(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const struct tls_option *opt = tls_option_find(kw->name, OPT_SERVER);
    const char *value = NULL;
    struct text err = { 0 }, warn = { 0 };
    unsigned word = *at - 1;

    if (tls_option_has_argument(opt) && *at < c->nwords)
        value = c->word[(*at)++].s;
    tls_option_set(opt, OPT_SERVER, &server_tls(c, obj)->o, value, c->arena, &err);
    tls_option_warning(opt, &server_tls(c, obj)->o, &warn);
    return tlsconf_report(c, value ? *at - 1 : word, &err, &warn, true);
}

/* .max 1 sets, 0 clears. */
static enum cfg_rc
parse_ssl(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    server_tls(c, s);
    s->flags = kw->max ? s->flags | SRVF_TLS : s->flags & ~(unsigned)SRVF_TLS;
    return CFG_OK;
}

static enum cfg_rc
parse_sni_auto(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    server_tls(c, obj)->no_sni_auto = !kw->max;
    return CFG_OK;
}

static enum cfg_rc
parse_crt(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server_tls *t = server_tls(c, obj);

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'crt' : missing certificate file path.");
    t->crt = c->word[(*at)++].s;
    return CFG_OK;
}

static enum cfg_rc
parse_verifyhost(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server_tls *t = server_tls(c, obj);

    if (!kw->max) {
        t->verify_host = NULL;
        return CFG_OK;
    }
    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'verifyhost' : missing hostname to verify against.");
    t->verify_host = c->word[(*at)++].s;
    return CFG_OK;
}

/* ---- once all is read ---- */

static enum cfg_rc PRINTF(3, 4)
    server_error_at(struct cfg *c, const struct server *s, const char *fmt, ...)
{
    struct text t = { 0 };
    va_list ap;

    va_start(ap, fmt);
    text_vprintf(&t, fmt, ap);
    va_end(ap);
    cfg_error_at(c, &s->loc, DIAG_PLAIN "'server %s/%s' : %s", s->px->name, s->name, t.p);
    text_fini(&t);
    return CFG_ERR;
}

/* HTTP/2 is not spoken yet: a server must not choose it. */
static void
settle_alpn(struct cfg *c, const struct server *s, struct tls_options *o)
{
    static bool told;
    char *kept;
    size_t len = 0;

    if (!o->alpn.len || s->px->mode != PX_HTTP)
        return;
    kept = arena_alloc(c->arena, o->alpn.len + 1);
    for (size_t i = 0; i < o->alpn.len; i += (unsigned char)o->alpn.p[i] + 1u) {
        struct slice name = slice(o->alpn.p + i + 1, (unsigned char)o->alpn.p[i]);
        if (slice_eq(name, SL("h2")) || slice_eq(name, SL("h3")))
            continue;
        memcpy(kept + len, o->alpn.p + i, name.len + 1);
        len += name.len + 1;
    }
    if (len != o->alpn.len && !told) {
        told = true;
        cfg_warn_at(c, &s->loc,
                    "'server %s/%s' : HTTP/2 and HTTP/3 are not supported yet: only http/1.1 is "
                    "announced by ALPN.",
                    s->px->name, s->name);
    }
    o->alpn = slice(kept, len);
}

static void
settle_sni(struct cfg *c, struct server *s, struct server_tls *t)
{
    if (!(s->flags & SRVF_TLS) || s->sni || t->no_sni_auto || s->px->mode != PX_HTTP ||
        s->px->cap & PX_INTERNAL)
        return;
    t->sni_is_auto = true;
    s->sni = expr_parse_text(c, "req.hdr(host),field(1,:)", NULL, s->px, PT_SRV);
}

/* Only servers that speak TLS have their certificates loaded. */
static bool
load_cert(struct cfg *c, struct server_tls *t, struct text *why)
{
    struct tls_files f = { 0 };

    if (!t->crt)
        return true;
    t->cert = tls_store_get(t->crt);
    if (t->cert)
        return true;
    f.crt = tls_path(c->arena, tlsconf_global.crt_base, t->crt);
    if (tlsconf_running && !tls_store_get(f.crt)) {
        text_printf(why, "'crt' : certificate '%s' is not known: see 'new ssl cert'.", f.crt);
        return false;
    }
    t->cert = tls_store_load(f.crt, &f, tlsconf_global.extra, why);
    return t->cert != NULL;
}

static void
finish_server(struct cfg *c, struct server *s)
{
    struct server_tls *t = server_tls(c, s);
    struct text why = { 0 };

    tls_options_inherit(&t->o, &tlsconf_global.server);
    if (!t->o.verify)
        t->o.verify = tlsconf_global.server_verify_none || tune.no_server_verify
                          ? TLS_VERIFY_NONE
                          : TLS_VERIFY_REQUIRED;
    if (t->o.verify == TLS_VERIFY_REQUIRED && !t->o.ca_file) {
        server_error_at(c, s,
                        "verify is enabled by default but no CA file specified. If you're running "
                        "on a LAN where you're "
                        "certain to trust the server's certificate, please set an explicit 'verify "
                        "none' statement on the "
                        "'server' line, or use 'ssl-server-verify none' in the global section to "
                        "disable server-side "
                        "verifications by default.");
        return;
    }
    settle_alpn(c, s, &t->o);
    settle_sni(c, s, t);
    if (!load_cert(c, t, &why)) {
        server_error_at(c, s, "%s", why.p);
        text_fini(&why);
        return;
    }
    s->tls = tls_client_new(&t->o, t->cert, t->verify_host, &why);
    if (s->tls)
        tlsconf_keep_client(s->tls);
    if (!s->tls && strstr(why.p, "versions are disabled"))
        server_error_at(c, s, "backend '%s': %s for server '%s'.", s->px->name, why.p, s->name);
    else if (!s->tls)
        server_error_at(c, s, "%s.", why.p);
    text_fini(&why);
}

void
tlsconf_begin_change(void)
{
    pthread_mutex_lock(&live_lock);
}

void
tlsconf_end_change(void)
{
    pthread_mutex_unlock(&live_lock);
}

bool
tlsconf_add_server(struct cfg *c, struct server *s)
{
    if (!(s->flags & SRVF_TLS) && !check_wants_tls(s->check))
        return true;
    finish_server(c, s);
    return s->tls != NULL;
}

void
tlsconf_del_server(struct server *s)
{
    if (!s->tls)
        return;
    pthread_mutex_lock(&live_lock);
    tlsconf_drop_client(s->tls);
    pthread_mutex_unlock(&live_lock);
}

void
tlsconf_check_servers(struct cfg *c)
{
    struct proxy *px;
    struct server *s;

    list_each (px, &c->config->proxies, link) {
        list_each (s, &px->servers, link) {
            s->tls = NULL;
            if (s->flags & SRVF_TLS || check_wants_tls(s->check))
                finish_server(c, s);
        }
    }
}

/* ---- rows ---- */

#define ROW(n, a, fn, h, ...)                                                                      \
    {                                                                                              \
        .name = (n), .args = (a), .where = IN_SERVER, .parse = (fn), .help = (h), ##__VA_ARGS__    \
    }
#define OPT(n, a, h) ROW(n, a, parse_option, h)

const struct keyword tlsconf_server_keywords[] = {
    ROW("ssl", NULL, parse_ssl, "speaks TLS to the server", .max = 1),
    ROW("no-ssl", NULL, parse_ssl, "undoes ssl"),
    ROW("crt", "<cert>", parse_crt, "certificate presented to the server"),
    ROW("verifyhost", "<hostname>", parse_verifyhost,
        "name that the server's certificate must have", .max = 1),
    ROW("no-verifyhost", NULL, parse_verifyhost, "undoes verifyhost"),
    ROW("sni-auto", NULL, parse_sni_auto, "sends the Host of requests as server name (default)",
        .max = 1),
    ROW("no-sni-auto", NULL, parse_sni_auto, "sends no server name without sni"),
    OPT("allow-0rtt", NULL, "sends early data of TLS 1.3"),
    OPT("alpn", "<protocols>", "protocols announced, by preference"),
    OPT("npn", "<protocols>", "predecessor of alpn"),
    OPT("ca-file", "<cafile>", "authorities of the server's certificate"),
    OPT("crl-file", "<crlfile>", "revoked server certificates"),
    OPT("ciphers", "<ciphers>", "ciphers up to TLS 1.2"),
    OPT("ciphersuites", "<ciphersuites>", "ciphers of TLS 1.3"),
    OPT("client-sigalgs", "<sigalgs>", "signature algorithms of our own certificate"),
    OPT("sigalgs", "<sigalgs>", "signature algorithms accepted"),
    OPT("curves", "<curves>", "curves of key agreements"),
    OPT("force-sslv3", NULL, "only SSL 3"),
    OPT("force-tlsv10", NULL, "only TLS 1.0"),
    OPT("force-tlsv11", NULL, "only TLS 1.1"),
    OPT("force-tlsv12", NULL, "only TLS 1.2"),
    OPT("force-tlsv13", NULL, "only TLS 1.3"),
    OPT("no-sslv3", NULL, "no SSL 3"),
    OPT("no-tlsv10", NULL, "no TLS 1.0"),
    OPT("no-tlsv11", NULL, "no TLS 1.1"),
    OPT("no-tlsv12", NULL, "no TLS 1.2"),
    OPT("no-tlsv13", NULL, "no TLS 1.3"),
    OPT("no-ssl-reuse", NULL, "no session resumption"),
    OPT("ssl-reuse", NULL, "undoes no-ssl-reuse"),
    OPT("no-tls-tickets", NULL, "no resumption by tickets"),
    OPT("tls-tickets", NULL, "undoes no-tls-tickets"),
    OPT("no-renegotiate", NULL, "refuses renegotiations that the server asks for"),
    OPT("renegotiate", NULL, "undoes no-renegotiate"),
    OPT("ssl-min-ver", "[ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 ]",
        "oldest version accepted"),
    OPT("ssl-max-ver", "[ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 ]",
        "newest version accepted"),
    OPT("verify", "[none|required]", "whether the server's certificate is verified"),
    { "ktls", "<on|off>", IN_SERVER, .kind = KW_UNSUPPORTED, .flags = KWF_EXPERIMENTAL,
      .help = "TLS by the kernel" },
    { 0 },
};
