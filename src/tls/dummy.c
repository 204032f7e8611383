/* dummy.c - a certificate that stands in for a missing file (generate-dummy): it lets listeners
 * start, nobody trusts it. */
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define BITS_DEFAULT 2048
#define CURVE        "P-384"
#define VALID_DAYS   365
#define SUBJECT      "Steelyard dummy certificate"

static bool
set_serial(X509 *x)
{
    uint64_t n = 0;

    return RAND_bytes((unsigned char *)&n, sizeof(n)) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), n >> 1) == 1;
}

static X509 *
sign_itself(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_NAME *name = x ? X509_get_subject_name(x) : NULL;
    bool ok = x && X509_set_version(x, 2) == 1 && set_serial(x) &&
              X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
              X509_gmtime_adj(X509_getm_notAfter(x), (long)VALID_DAYS * 24 * 3600) &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)SUBJECT,
                                         -1, -1, 0) == 1 &&
              X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
              X509_sign(x, key, EVP_sha256()) > 0;

    if (!ok) {
        X509_free(x);
        x = NULL;
    }
    return x;
}

bool
cert_make_dummy(struct tls_cert *c, const struct tls_dummy *d, struct text *err)
{
    const char *curve = d->curve ? d->curve : CURVE;

    tls_init();
    c->key = d->ecdsa ? EVP_EC_gen(curve) : EVP_RSA_gen(d->bits ? d->bits : BITS_DEFAULT);
    c->x509 = c->key ? sign_itself(c->key) : NULL;
    if (!c->key && d->ecdsa)
        text_printf(err, "cannot make a key on the curve '%s' for '%s'.", curve, c->name);
    else if (!c->x509)
        text_printf(err, "cannot make a certificate for '%s'.", c->name);
    ERR_clear_error();
    return c->x509 != NULL;
}
