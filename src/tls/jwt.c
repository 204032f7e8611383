/* jwt.c - signatures of JSON Web Tokens on OpenSSL's EVP. */
#include "tls/jwt.h"

#include "tls/tls_int.h"

#include <errno.h>
#include <openssl/decoder.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#define SIGNATURE_MAX 1024 /* bytes: of an RSA key of 8192 bits */

/* struct jwt_key is never defined: it is the library's EVP_PKEY. */
static EVP_PKEY *
pkey_of(const struct jwt_key *k)
{
    return (EVP_PKEY *)(uintptr_t)k;
}

enum family { NOTHING, HMAC_, RSA_, PSS_, ECDSA_ };

static const struct {
    const char *name;
    enum family family;
    const char *digest;
} algs[JWT_NALGS] = { [JWT_NONE] = { "none", NOTHING, NULL },
#define FAMILY_HMAC  HMAC_
#define FAMILY_RSA   RSA_
#define FAMILY_PSS   PSS_
#define FAMILY_ECDSA ECDSA_
#define X(n, f, d)   [JWT_##n] = { #n, FAMILY_##f, d },
                      JWT_ALGS(X)
#undef X
};

enum jwt_alg
jwt_alg_find(struct slice name)
{
    unsigned i = 0;

    while (i < JWT_NALGS && !slice_eq_str(name, algs[i].name))
        i++;
    return (enum jwt_alg)i;
}

bool
jwt_alg_is_secret(enum jwt_alg alg)
{
    return algs[alg].family == HMAC_;
}

/* ---- keys ---- */

static struct htab keys; /* path -> EVP_PKEY; the path is freed with it */

static EVP_PKEY *
decode(const struct pem_block *b, bool *is_cert)
{
    const unsigned char *p = b->der;
    size_t len = b->len;
    EVP_PKEY *key = NULL;

    if (slice_ends(b->type, SL("CERTIFICATE"))) {
        X509 *x = d2i_X509(NULL, &p, (long)len);
        key = x ? X509_get_pubkey(x) : NULL;
        X509_free(x);
        *is_cert = key != NULL;
        return key;
    }
    if (!slice_ends(b->type, SL("PUBLIC KEY")))
        return NULL;
    OSSL_DECODER_CTX *d =
        OSSL_DECODER_CTX_new_for_pkey(&key, "DER", NULL, NULL, EVP_PKEY_PUBLIC_KEY, NULL, NULL);
    if (!d || OSSL_DECODER_from_data(d, &p, &len) != 1)
        key = NULL;
    OSSL_DECODER_CTX_free(d);
    return key;
}

const struct jwt_key *
jwt_key_load(const char *path, bool *is_cert, struct text *err)
{
    EVP_PKEY *key = htab_get_str(&keys, path);
    struct pem_block b;
    size_t len, at = 0;

    *is_cert = false;
    if (key)
        return (const struct jwt_key *)key;
    tls_init();
    char *text = tls_read_file(path, &len);
    if (!text) {
        text_printf(err, "cannot open '%s' : %s", path, strerror(errno));
        return NULL;
    }
    while (!key && pem_next(slice(text, len), &at, &b)) {
        key = b.der ? decode(&b, is_cert) : NULL;
        free(b.der);
    }
    free(text);
    ERR_clear_error();
    if (!key) {
        text_printf(err, "'%s' holds no public key", path);
        return NULL;
    }
    htab_put(&keys, slice_str(xstrdup(path)), key);
    return (const struct jwt_key *)key;
}

const struct jwt_key *
jwt_key_find(struct slice path)
{
    return htab_get(&keys, path);
}

const struct jwt_key *
jwt_key_of_cert(struct slice name, bool *allowed)
{
    const struct tls_cert *c = store_find(name);

    *allowed = c && c->jwt;
    return c ? (const struct jwt_key *)X509_get0_pubkey(c->x509) : NULL;
}

void
jwt_keys_clear(void)
{
    const struct htab_item *it;
    unsigned at = 0;

    while ((it = htab_next(&keys, &at))) {
        EVP_PKEY_free(it->value);
        free((char *)(uintptr_t)it->key.p);
    }
    htab_fini(&keys);
    memset(&keys, 0, sizeof(keys));
}

/* ---- checking ---- */

static int
check_hmac(enum jwt_alg alg, struct slice secret, struct slice text, struct slice signature)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    size_t len = 0;

    if (!EVP_Q_mac(NULL, "HMAC", NULL, algs[alg].digest, NULL, secret.p, secret.len,
                   (const unsigned char *)text.p, text.len, md, sizeof(md), &len))
        return -6;
    return signature.len == len && CRYPTO_memcmp(md, signature.p, len) == 0;
}

/* RFC 7518, section 3.4: both numbers with their full length; the library wants them in DER. */
static int
ecdsa_to_der(const EVP_PKEY *key, struct slice raw, unsigned char *to)
{
    size_t part = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
    ECDSA_SIG *sig = raw.len == 2 * part ? ECDSA_SIG_new() : NULL;
    int len = -1;

    if (!sig)
        return -1;
    BIGNUM *r = BN_bin2bn((const unsigned char *)raw.p, (int)part, NULL);
    BIGNUM *s = BN_bin2bn((const unsigned char *)raw.p + part, (int)part, NULL);
    if (r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        unsigned char *p = to;
        if (i2d_ECDSA_SIG(sig, NULL) <= SIGNATURE_MAX)
            len = i2d_ECDSA_SIG(sig, &p);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return len;
}

static bool
fits(enum family f, const EVP_PKEY *key)
{
    int type = EVP_PKEY_get_base_id(key);

    if (f == ECDSA_)
        return type == EVP_PKEY_EC;
    return type == EVP_PKEY_RSA || (f == PSS_ && type == EVP_PKEY_RSA_PSS);
}

static int
check_public(enum jwt_alg alg, EVP_PKEY *key, struct slice text, struct slice signature)
{
    unsigned char der[SIGNATURE_MAX];
    const unsigned char *sig = (const unsigned char *)signature.p;
    size_t len = signature.len;
    EVP_PKEY_CTX *px;
    int rc = -6;

    if (!fits(algs[alg].family, key))
        return 0;
    if (algs[alg].family == ECDSA_) {
        int n = ecdsa_to_der(key, signature, der);
        if (n < 0)
            return 0;
        sig = der;
        len = (size_t)n;
    }
    EVP_MD_CTX *x = EVP_MD_CTX_new();
    if (x && EVP_DigestVerifyInit_ex(x, &px, algs[alg].digest, NULL, NULL, key, NULL) == 1 &&
        (algs[alg].family != PSS_ ||
         (EVP_PKEY_CTX_set_rsa_padding(px, RSA_PKCS1_PSS_PADDING) == 1 &&
          EVP_PKEY_CTX_set_rsa_pss_saltlen(px, RSA_PSS_SALTLEN_DIGEST) == 1)))
        rc = EVP_DigestVerify(x, sig, len, (const unsigned char *)text.p, text.len) == 1;
    EVP_MD_CTX_free(x);
    ERR_clear_error();
    return rc;
}

int
jwt_check(enum jwt_alg alg, const struct jwt_key *key, struct slice secret, struct slice text,
          struct slice signature)
{
    if (algs[alg].family == NOTHING)
        return signature.len == 0;
    if (algs[alg].family == HMAC_)
        return check_hmac(alg, secret, text, signature);
    return check_public(alg, pkey_of(key), text, signature);
}
