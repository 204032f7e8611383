/* ctx.c - contexts of the library from options. */
#include "tls/tls_int.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

/* What the peer of a renegotiation, of compression or of SSLv2 could do to us is not worth it. */
#define COMMON_OPTIONS                                                                             \
    (SSL_OP_ALL | SSL_OP_NO_COMPRESSION | SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION |          \
     SSL_OP_IGNORE_UNEXPECTED_EOF)

/* ---- versions ---- */

static const int wire_version[TLS_NVERSIONS] = {
    0, SSL3_VERSION, TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION,
};

bool
ctx_versions(const struct tls_options *o, int *min, int *max)
{
    enum tls_version lo = o->min, hi = o->max ? o->max : TLS_1_3;
    unsigned off = o->min || o->max ? 0 : o->no_versions;

    if (!lo)
        lo = hi < TLS_1_2 ? hi : TLS_1_2;
    while (lo <= hi && off & 1u << lo)
        lo++;
    while (hi >= lo && off & 1u << hi)
        hi--;
    *min = wire_version[lo < TLS_NVERSIONS ? lo : TLS_1_3];
    *max = wire_version[hi];
    return lo <= hi && hi > TLS_SSL3; /* the library knows nothing older than TLS 1.0 */
}

static bool
apply_versions(SSL_CTX *ctx, const struct tls_options *o, struct text *err)
{
    int min, max;

    if (!ctx_versions(o, &min, &max)) {
        text_str(err, "all SSL/TLS versions are disabled");
        return false;
    }
    if (SSL_CTX_set_min_proto_version(ctx, min) == 1 &&
        SSL_CTX_set_max_proto_version(ctx, max) == 1)
        return true;
    text_str(err, "the versions are not accepted by the TLS library");
    return false;
}

/* ---- algorithms ---- */

static bool
refuse(struct text *err, const char *what, const char *value)
{
    text_printf(err, "unable to set %s to '%s'", what, value);
    ERR_clear_error();
    return false;
}

static bool
apply_algorithms(SSL_CTX *ctx, const struct tls_options *o, struct text *err)
{
    if (o->ciphers && SSL_CTX_set_cipher_list(ctx, o->ciphers) != 1)
        return refuse(err, "SSL cipher list", o->ciphers);
    if (o->ciphersuites && SSL_CTX_set_ciphersuites(ctx, o->ciphersuites) != 1)
        return refuse(err, "TLS 1.3 cipher suites", o->ciphersuites);
    if (o->curves && SSL_CTX_set1_groups_list(ctx, o->curves) != 1)
        return refuse(err, "SSL curves list", o->curves);
    if (o->ecdhe && !o->curves && SSL_CTX_set1_groups_list(ctx, o->ecdhe) != 1)
        return refuse(err, "elliptic named curve", o->ecdhe);
    if (o->sigalgs && SSL_CTX_set1_sigalgs_list(ctx, o->sigalgs) != 1)
        return refuse(err, "SSL Signature Algorithm list", o->sigalgs);
    if (o->client_sigalgs && SSL_CTX_set1_client_sigalgs_list(ctx, o->client_sigalgs) != 1)
        return refuse(err, "SSL Signature Algorithm list for client authentication",
                      o->client_sigalgs);
    return true;
}

/* ---- verification ---- */

static bool
apply_verify(SSL_CTX *ctx, const struct tls_options *o, bool server, struct text *err)
{
    const char *const path[CA_NPATHS] = { o->ca_file, o->ca_verify_file, o->crl_file };
    int mode = SSL_VERIFY_NONE;

    if (o->verify == TLS_VERIFY_OPTIONAL)
        mode = SSL_VERIFY_PEER;
    else if (o->verify == TLS_VERIFY_REQUIRED)
        mode = SSL_VERIFY_PEER | (server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_CTX_set_verify(ctx, mode, mode ? verify_callback : NULL);
    if (!mode)
        return true;
    if (!o->ca_file && !o->ca_verify_file) {
        text_str(err, "verify is enabled but no CA file specified");
        return false;
    }
    X509_STORE *store = ca_store(path, err);
    if (!store)
        return false;
    SSL_CTX_set1_cert_store(ctx, store);
    if (server && o->ca_file && !(o->flags & TLSF_NO_CA_NAMES)) {
        STACK_OF(X509_NAME) *names = ca_names(o->ca_file);
        STACK_OF(X509_NAME) *copy = names ? SSL_dup_CA_list(names) : NULL;
        if (copy)
            SSL_CTX_set_client_CA_list(ctx, copy);
    }
    return true;
}

/* ---- secrets for debugging ---- */

static void
on_secret(const SSL *ssl, const char *line)
{
    secrets_note(ssl, line);
}

/* ---- all of it ---- */

bool
ctx_apply(SSL_CTX *ctx, const struct tls_options *o, bool server, struct text *err)
{
    uint64_t options = COMMON_OPTIONS;

    if (server) {
        options |= SSL_OP_NO_RENEGOTIATION;
        if (!(o->flags & TLSF_CLIENT_CIPHERS))
            options |= SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
    } else if (o->flags & TLSF_NO_RENEGOTIATION) {
        options |= SSL_OP_NO_RENEGOTIATION;
    }
    if (o->flags & TLSF_NO_TICKETS)
        options |= SSL_OP_NO_TICKET;
    SSL_CTX_set_options(ctx, options);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (tls_tune.security_level >= 0)
        SSL_CTX_set_security_level(ctx, tls_tune.security_level);
    SSL_CTX_set_info_callback(ctx, layer_on_info);
    if (tls_tune.keylog)
        SSL_CTX_set_keylog_callback(ctx, on_secret);
    return apply_versions(ctx, o, err) && apply_algorithms(ctx, o, err) &&
           apply_verify(ctx, o, server, err);
}

/* ---- certificates ---- */

/* The widely known group (RFC 7919) that is not bigger than asked for, nor than the certificate's
 * key is strong. */
static EVP_PKEY *
dh_group(unsigned bits, const struct tls_cert *c)
{
    static const struct {
        int bits;
        const char *name;
    } groups[] = { { 8192, "ffdhe8192" },
                   { 6144, "ffdhe6144" },
                   { 4096, "ffdhe4096" },
                   { 3072, "ffdhe3072" },
                   { 2048, "ffdhe2048" } };
    int limit = (int)bits;
    EVP_PKEY *key = NULL;

    if (c->kind == TLS_KEY_RSA)
        limit = MIN(limit, EVP_PKEY_get_bits(c->key));
    for (unsigned i = 0; i < COUNT_OF(groups); i++) {
        if (groups[i].bits > limit)
            continue;
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)groups[i].name, 0),
            OSSL_PARAM_construct_end(),
        };
        EVP_PKEY_CTX *x = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
        if (!x || EVP_PKEY_fromdata_init(x) != 1 ||
            EVP_PKEY_fromdata(x, &key, EVP_PKEY_KEY_PARAMETERS, params) != 1)
            key = NULL;
        EVP_PKEY_CTX_free(x);
        return key;
    }
    return NULL;
}

static void
use_dh(SSL_CTX *ctx, const struct tls_cert *c)
{
    EVP_PKEY *dh = c->dh ? c->dh : tls_dh_default();

    if (dh)
        EVP_PKEY_up_ref(dh);
    else if (tls_tune.dh_bits)
        dh = dh_group(tls_tune.dh_bits, c);
    if (dh && SSL_CTX_set0_tmp_dh_pkey(ctx, dh) != 1)
        EVP_PKEY_free(dh);
    ERR_clear_error();
}

bool
ctx_use_cert(SSL_CTX *ctx, const struct tls_cert *c, struct text *err)
{
    if (SSL_CTX_use_cert_and_key(ctx, c->x509, c->key, c->chain, 1) != 1) {
        text_printf(err, "unable to load SSL certificate into SSL Context '%s'", c->name);
        ERR_clear_error();
        return false;
    }
    use_dh(ctx, c);
    return true;
}
