/* client.c - the connecting side: contexts of servers, names to check, sessions to resume. */
#include "tls/tls_int.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <xxhash.h>

struct tls_client {
    const struct tls_options *o;
    SSL_CTX *_Atomic ssl; /* replaced with its certificate or authorities; see epoch.h */
    struct tls_cert *crt; /* a reference; NULL: none is presented */
    char *verify_host;
    _Atomic uint64_t salt; /* distinguishes servers in the tables of sessions */
};

static _Atomic uint64_t next_salt = 1;

bool
client_allows_early(const struct tls_client *t)
{
    return t->o->flags & TLSF_EARLY;
}

/* ---- sessions ---- */

/* What was verified when a session was made is not verified again: server, authorities (salt), the
 * name that was sent and the name that was expected. */
static uint64_t
key_of(const struct tls_client *t, const char *sni, bool pinned)
{
    uint64_t salt = atomic_load_explicit(&t->salt, memory_order_relaxed);
    uint64_t key = XXH3_64bits_withSeed(sni ? sni : "", sni ? strlen(sni) : 0, salt << 1 | pinned);

    return key ? key : 1;
}

/* A session that early data may be sent with is good for one connection: it stays where it came. */
static bool
is_shared(const struct tls_client *t)
{
    return !(t->o->flags & TLSF_EARLY);
}

void
client_forget(const struct tls_conn *t)
{
    client_session_forget(t->session_key);
}

/* Returns 1: the reference is ours now. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_conn *t = tls_conn_of(ssl);

    if (!t || !t->client || t->client->o->flags & TLSF_NO_REUSE)
        return 0;
    client_session_keep(t->session_key, session, is_shared(t->client));
    return 1;
}

static void
resume(struct tls_client *t, SSL *ssl, uint64_t key)
{
    SSL_SESSION *session =
        t->o->flags & TLSF_NO_REUSE ? NULL : client_session_find(key, is_shared(t));

    if (session)
        SSL_set_session(ssl, session);
}

/* ---- names ---- */

static bool
is_address(const char *name)
{
    unsigned char raw[16];

    return inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1;
}

static bool
expect_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *p = SSL_get0_param(ssl);

    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(p, name) == 1;
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(p, name, 0) == 1;
}

/* ---- contexts ---- */

/* A context of the library, ready for handshakes. NULL with `err`. */
static SSL_CTX *
build(const struct tls_options *o, const struct tls_cert *crt, struct text *err)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());

    if (!ssl) {
        text_str(err, "unable to allocate ssl context");
        return NULL;
    }
    if (!ctx_apply(ssl, o, false, err) || (crt && !ctx_use_cert(ssl, crt, err))) {
        SSL_CTX_free(ssl);
        return NULL;
    }
    if (o->alpn.len && !(o->flags & TLSF_NO_ALPN))
        SSL_CTX_set_alpn_protos(ssl, (const unsigned char *)o->alpn.p, (unsigned)o->alpn.len);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, on_session);
    return ssl;
}

struct tls_client *
tls_client_new(const struct tls_options *o, struct tls_cert *crt, const char *verify_host,
               struct text *err)
{
    tls_init();
    SSL_CTX *ssl = build(o, crt, err);
    if (!ssl)
        return NULL;
    struct tls_client *t = xcalloc(1, sizeof(*t));
    t->o = o;
    t->crt = crt ? tls_cert_ref(crt) : NULL;
    t->verify_host = verify_host ? xstrdup(verify_host) : NULL;
    t->salt = atomic_fetch_add(&next_salt, 1);
    atomic_init(&t->ssl, ssl);
    return t;
}

void
tls_client_free(struct tls_client **tp)
{
    struct tls_client *t = *tp;

    if (!t)
        return;
    *tp = NULL;
    SSL_CTX_free(t->ssl);
    tls_cert_free(&t->crt);
    free(t->verify_host);
    free(t);
}

/* ---- connections ---- */

bool
tls_client_start(struct conn *c, struct tls_client *t, const char *sni, size_t len,
                 enum tls_name_from kind)
{
    char name[TLSEXT_MAXLEN_host_name + 1];
    bool named = sni && len && len <= TLSEXT_MAXLEN_host_name && !memchr(sni, '\0', len);
    SSL *ssl = SSL_new(atomic_load_explicit(&t->ssl, memory_order_acquire));
    bool ok = ssl != NULL;

    if (ok)
        SSL_set_connect_state(ssl);
    if (ok && named) {
        memcpy(name, sni, len);
        name[len] = '\0';
        ok = SSL_set_tlsext_host_name(ssl, name) == 1;
    }
    bool pinned = t->verify_host && !(named && kind == TLS_NAME_SET);
    const char *expected = pinned ? t->verify_host : named ? name : NULL;
    if (ok && t->o->verify == TLS_VERIFY_REQUIRED && expected)
        ok = expect_name(ssl, expected);
    if (!ok) {
        SSL_free(ssl);
        ERR_clear_error();
        return false;
    }
    uint64_t key = key_of(t, named ? name : NULL, pinned);
    resume(t, ssl, key);
    struct tls_conn *conn = tls_attach(c, ssl, 0);
    if (!conn)
        return false;
    conn->client = t;
    conn->session_key = key;
    conn->pinned = pinned;
    return true;
}

void
tls_send_first(struct conn *c)
{
    struct tls_conn *t = tls_of(c);

    if (t)
        t->flags |= TLSC_JOIN;
}

bool
tls_set_alpn(struct conn *c, struct slice alpn)
{
    struct tls_conn *t = tls_of(c);

    return t && SSL_set_alpn_protos(t->ssl, (const unsigned char *)alpn.p, (unsigned)alpn.len) == 0;
}

/* ---- changes while threads run ---- */

/* Sessions of before are not resumed. */
static void
apply_client(struct tls_change *c)
{
    struct tls_client *t = c->where;

    ssl_ctx_retire(atomic_exchange_explicit(&t->ssl, c->ssl, memory_order_acq_rel));
    atomic_store(&t->salt, atomic_fetch_add(&next_salt, 1));
    tls_cert_free(&t->crt);
    t->crt = c->cert;
}

static void
drop_client(struct tls_change *c)
{
    SSL_CTX_free(c->ssl);
    tls_cert_free(&c->cert);
}

static bool
plan(struct tls_client *t, struct tls_cert *cert, struct tls_changes *to, struct text *err)
{
    struct tls_change *c = change_add(to, t, apply_client, drop_client);

    c->cert = cert ? tls_cert_ref(cert) : NULL;
    c->ssl = build(t->o, cert, err);
    return c->ssl != NULL;
}

bool
tls_client_plan_cert(struct tls_client *t, const struct tls_cert *old, struct tls_cert *cert,
                     struct tls_changes *to, struct text *err)
{
    return t->crt != old || plan(t, cert, to, err);
}

bool
tls_client_plan_ca(struct tls_client *t, const char *path, struct tls_changes *to, struct text *err)
{
    return !options_use_ca(t->o, path) || plan(t, t->crt, to, err);
}

bool
tls_client_uses(const struct tls_client *t, const struct tls_cert *cert)
{
    return t->crt == cert;
}

bool
tls_client_uses_ca(const struct tls_client *t, const char *path)
{
    return options_use_ca(t->o, path);
}
