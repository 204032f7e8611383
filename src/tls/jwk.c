/* jwk.c - private keys from the numbers of a JSON Web Key (RFC 7517, RFC 7518 section 6). */
#include "tls/jwe.h"
#include "tls/tls_int.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#define NUMBER_MAX 2048 /* bytes */
#define RSA_FACTS  8

/** Numbers on their way into a key. */
struct numbers {
    OSSL_PARAM_BLD *build;
    BIGNUM *bn[RSA_FACTS];
    unsigned n;
    bool ok;
};

static void
add(struct numbers *to, const char *name, struct slice bytes)
{
    BIGNUM *b = NULL;

    if (bytes.len && bytes.len <= NUMBER_MAX && to->n < RSA_FACTS)
        b = BN_bin2bn((const unsigned char *)bytes.p, (int)bytes.len, BN_secure_new());
    to->ok = to->ok && b && OSSL_PARAM_BLD_push_BN(to->build, name, b) == 1;
    if (b)
        to->bn[to->n++] = b;
}

/* Ends the numbers. */
static struct jwt_key *
make(struct numbers *from, const char *type, int selection)
{
    EVP_PKEY_CTX *x = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = from->ok ? OSSL_PARAM_BLD_to_param(from->build) : NULL;
    EVP_PKEY *key = NULL;

    if (x && params &&
        (EVP_PKEY_fromdata_init(x) != 1 || EVP_PKEY_fromdata(x, &key, selection, params) != 1)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(x);
    for (unsigned i = 0; i < from->n; i++)
        BN_clear_free(from->bn[i]);
    OSSL_PARAM_BLD_free(from->build);
    ERR_clear_error();
    return (struct jwt_key *)key;
}

struct jwt_key *
jwe_key_rsa(const struct jwk_rsa *k)
{
    struct numbers to = { .build = OSSL_PARAM_BLD_new(), .ok = true };

    if (!to.build)
        return NULL;
    add(&to, OSSL_PKEY_PARAM_RSA_N, k->n);
    add(&to, OSSL_PKEY_PARAM_RSA_E, k->e);
    add(&to, OSSL_PKEY_PARAM_RSA_D, k->d);
    if (k->p.len && k->q.len && k->dp.len && k->dq.len && k->qi.len) {
        add(&to, OSSL_PKEY_PARAM_RSA_FACTOR1, k->p);
        add(&to, OSSL_PKEY_PARAM_RSA_FACTOR2, k->q);
        add(&to, OSSL_PKEY_PARAM_RSA_EXPONENT1, k->dp);
        add(&to, OSSL_PKEY_PARAM_RSA_EXPONENT2, k->dq);
        add(&to, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, k->qi);
    }
    return make(&to, "RSA", EVP_PKEY_KEYPAIR);
}

struct jwt_key *
jwe_key_ec(const struct jwk_ec *k)
{
    static const struct {
        const char *name;
        size_t bytes;
    } curves[] = { { "P-256", 32 }, { "P-384", 48 }, { "P-521", 66 } };
    unsigned char point[1 + 2 * 66] = { 4 }; /* not compressed */
    struct numbers to = { .ok = true };
    unsigned i = 0;

    while (i < COUNT_OF(curves) && !slice_eq_str(k->crv, curves[i].name))
        i++;
    if (i == COUNT_OF(curves) || k->x.len != curves[i].bytes || k->y.len != curves[i].bytes)
        return NULL;
    memcpy(point + 1, k->x.p, k->x.len);
    memcpy(point + 1 + k->x.len, k->y.p, k->y.len);
    to.build = OSSL_PARAM_BLD_new();
    if (!to.build)
        return NULL;
    to.ok = OSSL_PARAM_BLD_push_utf8_string(to.build, OSSL_PKEY_PARAM_GROUP_NAME, curves[i].name,
                                            0) == 1 &&
            OSSL_PARAM_BLD_push_octet_string(to.build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                             1 + 2 * curves[i].bytes) == 1;
    if (k->d.len)
        add(&to, OSSL_PKEY_PARAM_PRIV_KEY, k->d);
    return make(&to, "EC", k->d.len ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
}

void
jwe_key_free(struct jwt_key **k)
{
    EVP_PKEY_free((EVP_PKEY *)*k);
    *k = NULL;
}
