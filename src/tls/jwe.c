/* jwe.c - decryption of JSON Web Tokens on OpenSSL's EVP (RFC 7516, RFC 7518). */
#include "tls/jwe.h"

#include "tls/digest.h"
#include "tls/tls_int.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#define CEK_MAX    64   /* bytes: the longest key of a content */
#define MODULUS    2048 /* bytes: of the largest RSA key */
#define SHARED_MAX 66   /* bytes: x of a point of P-521 */
#define GCM_IV     12

static const struct {
    const char *name;
    enum jwe_family family;
    unsigned bits;
} algs[JWE_NALGS] = {
#define X(id, n, f, b) [JWE_##id] = { n, JWE_##f, b },
    JWE_ALGS(X)
#undef X
};

static const struct {
    const char *name;
    unsigned key_len;
} encs[JWE_NENCS] = {
#define X(id, n, b) [JWE_##id] = { n, b },
    JWE_ENCS(X)
#undef X
};

/* [bits / 64 - 2] */
static const struct aes_cipher *cbc[3], *gcm[3];
static EVP_CIPHER *wrap[3];
static const EVP_MD *sha256;

/** A content's key while it is in use. */
struct cek {
    unsigned char bytes[CEK_MAX];
    size_t len;
};

enum jwe_alg
jwe_alg_find(struct slice name)
{
    unsigned i = 0;

    while (i < JWE_NALGS && !slice_eq_str(name, algs[i].name))
        i++;
    return (enum jwe_alg)i;
}

enum jwe_enc
jwe_enc_find(struct slice name)
{
    unsigned i = 0;

    while (i < JWE_NENCS && !slice_eq_str(name, encs[i].name))
        i++;
    return (enum jwe_enc)i;
}

enum jwe_family
jwe_alg_family(enum jwe_alg alg)
{
    return algs[alg].family;
}

void
jwe_prepare(void)
{
    static const char *const wraps[3] = { "AES-128-WRAP", "AES-192-WRAP", "AES-256-WRAP" };

    if (sha256)
        return;
    tls_init();
    for (unsigned i = 0; i < 3; i++) {
        cbc[i] = aes_find(AES_CBC, 128 + 64 * i);
        gcm[i] = aes_find(AES_GCM, 128 + 64 * i);
        wrap[i] = EVP_CIPHER_fetch(NULL, wraps[i], NULL);
    }
    sha256 = EVP_sha256();
}

const struct jwt_key *
jwe_key_of_cert(struct slice name, bool *allowed)
{
    const struct tls_cert *c = store_find(name);

    *allowed = c && c->jwt;
    return c ? (const struct jwt_key *)c->key : NULL;
}

static EVP_PKEY *
pkey_of(const struct jwt_key *k)
{
    return (EVP_PKEY *)(uintptr_t)k;
}

static const unsigned char *
bytes_of(struct slice s)
{
    return (const unsigned char *)s.p;
}

/* ---- keys of contents ---- */

/* RFC 3394. */
static bool
unwrap(unsigned bits, struct slice kek, struct slice in, struct cek *to)
{
    EVP_CIPHER_CTX *x;
    bool ok = false;
    int n = 0;

    if (kek.len != bits / 8 || in.len < 16 || in.len > CEK_MAX + 8 || in.len % 8)
        return false;
    x = EVP_CIPHER_CTX_new();
    if (x) {
        EVP_CIPHER_CTX_set_flags(x, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        ok = EVP_DecryptInit_ex(x, wrap[bits / 64 - 2], NULL, bytes_of(kek), NULL) == 1 &&
             EVP_DecryptUpdate(x, to->bytes, &n, bytes_of(in), (int)in.len) == 1 && n > 0;
    }
    EVP_CIPHER_CTX_free(x);
    to->len = ok ? (size_t)n : 0;
    return ok;
}

/* RFC 7518, 4.7. */
static bool
unwrap_gcm(const struct jwe *t, struct slice kek, struct cek *to)
{
    unsigned char plain[CEK_MAX + AES_BLOCK];
    struct aes_job job = { .cipher = gcm[algs[t->alg].bits / 64 - 2],
                           .key = kek,
                           .nonce = t->key_iv,
                           .tag_len = AES_TAG };

    if (t->key.len > CEK_MAX || t->key_iv.len != GCM_IV || t->key_tag.len != AES_TAG)
        return false;
    memcpy(job.tag, t->key_tag.p, AES_TAG);
    ptrdiff_t n = aes_decrypt(&job, t->key, plain);
    if (n > 0)
        memcpy(to->bytes, plain, (size_t)n);
    OPENSSL_cleanse(plain, sizeof(plain));
    to->len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* RFC 7518, 4.2 and 4.3. What does not decrypt with RSA1_5 goes on with a random key, so that the
 * padding cannot be told from the tag (RFC 7516, 11.5). */
static bool
unwrap_rsa(const struct jwe *t, EVP_PKEY *key, struct cek *to)
{
    unsigned char plain[MODULUS], random[CEK_MAX];
    size_t n = sizeof(plain), wanted = encs[t->enc].key_len;
    bool v15 = t->alg == JWE_RSA1_5, ok = false;
    EVP_PKEY_CTX *x;

    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_size(key) > MODULUS ||
        t->key.len != (size_t)EVP_PKEY_get_size(key) || RAND_bytes(random, sizeof(random)) != 1)
        return false;
    x = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (x && EVP_PKEY_decrypt_init(x) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(x, v15 ? RSA_PKCS1_PADDING : RSA_PKCS1_OAEP_PADDING) == 1 &&
        (t->alg != JWE_RSA_OAEP_256 || (EVP_PKEY_CTX_set_rsa_oaep_md(x, sha256) == 1 &&
                                        EVP_PKEY_CTX_set_rsa_mgf1_md(x, sha256) == 1)))
        ok = EVP_PKEY_decrypt(x, plain, &n, bytes_of(t->key), t->key.len) == 1 && n == wanted;
    EVP_PKEY_CTX_free(x);
    memcpy(to->bytes, ok ? plain : random, wanted);
    to->len = wanted;
    OPENSSL_cleanse(plain, sizeof(plain));
    return ok || v15;
}

/* RFC 7518, 4.6.2: one or two rounds of SHA-256 over the secret and what it is for. */
static bool
derive(const struct jwe *t, struct slice shared, size_t wanted, struct cek *to)
{
    unsigned bits = algs[t->alg].bits;
    struct slice id = slice_str(bits ? algs[t->alg].name : encs[t->enc].name);
    const struct slice info[] = { id, t->apu, t->apv };
    EVP_MD_CTX *x = EVP_MD_CTX_new();
    unsigned char md[CEK_MAX];
    bool ok = x != NULL && wanted <= sizeof(md);

    for (unsigned round = 1; ok && (round - 1) * 32 < wanted; round++) {
        uint32_t n = htobe32(round);
        ok = EVP_DigestInit_ex(x, sha256, NULL) == 1 && EVP_DigestUpdate(x, &n, 4) == 1 &&
             EVP_DigestUpdate(x, shared.p, shared.len) == 1;
        for (unsigned i = 0; ok && i < COUNT_OF(info); i++) {
            n = htobe32((uint32_t)info[i].len);
            ok =
                EVP_DigestUpdate(x, &n, 4) == 1 && EVP_DigestUpdate(x, info[i].p, info[i].len) == 1;
        }
        n = htobe32((uint32_t)wanted * 8);
        ok = ok && EVP_DigestUpdate(x, &n, 4) == 1 &&
             EVP_DigestFinal_ex(x, md + (round - 1) * 32, NULL) == 1;
    }
    EVP_MD_CTX_free(x);
    if (ok)
        memcpy(to->bytes, md, wanted);
    OPENSSL_cleanse(md, sizeof(md));
    to->len = ok ? wanted : 0;
    return ok;
}

static bool
agree(const struct jwe *t, EVP_PKEY *key, struct cek *to)
{
    unsigned char shared[SHARED_MAX];
    size_t n = sizeof(shared), wanted = encs[t->enc].key_len;
    unsigned bits = algs[t->alg].bits;
    bool ok = false;

    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || EVP_PKEY_get_bits(key) > 521 ||
        (!bits && t->key.len))
        return false;
    EVP_PKEY *peer = pkey_of(jwe_key_ec(&t->epk));
    EVP_PKEY_CTX *x = peer ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    if (x && EVP_PKEY_derive_init(x) == 1 && EVP_PKEY_derive_set_peer(x, peer) == 1 &&
        EVP_PKEY_derive(x, shared, &n) == 1)
        ok = derive(t, slice((char *)shared, n), bits ? bits / 8 : wanted, to);
    EVP_PKEY_CTX_free(x);
    EVP_PKEY_free(peer);
    OPENSSL_cleanse(shared, sizeof(shared));
    if (!ok || !bits)
        return ok;
    struct cek kek = *to;
    ok = unwrap(bits, slice((char *)kek.bytes, kek.len), t->key, to);
    OPENSSL_cleanse(&kek, sizeof(kek));
    return ok;
}

static bool
find_cek(const struct jwe *t, const struct jwt_key *key, struct slice secret, struct cek *to)
{
    switch (t->alg) {
    case JWE_DIR:
        if (t->key.len || secret.len > sizeof(to->bytes))
            return false;
        memcpy(to->bytes, secret.p, secret.len);
        to->len = secret.len;
        return true;
    case JWE_A128KW:
    case JWE_A192KW:
    case JWE_A256KW:
        return unwrap(algs[t->alg].bits, secret, t->key, to);
    case JWE_A128GCMKW:
    case JWE_A192GCMKW:
    case JWE_A256GCMKW:
        return unwrap_gcm(t, secret, to);
    default:
        if (!key)
            return false;
        return algs[t->alg].family == JWE_RSA ? unwrap_rsa(t, pkey_of(key), to)
                                              : agree(t, pkey_of(key), to);
    }
}

/* ---- contents ---- */

/* RFC 7518, 5.2.2: half of the key is for the tag, which covers header, vector, text and the
 * header's length in bits. */
static bool
tag_fits(const struct jwe *t, struct slice mac_key)
{
    static const char *const digests[] = { [JWE_A128CBC_HS256] = "SHA256",
                                           [JWE_A192CBC_HS384] = "SHA384",
                                           [JWE_A256CBC_HS512] = "SHA512" };
    unsigned char md[EVP_MAX_MD_SIZE];
    uint64_t bits = htobe64((uint64_t)t->aad.len * 8);
    OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                   (char *)(uintptr_t)digests[t->enc], 0),
                            OSSL_PARAM_END };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *x = mac ? EVP_MAC_CTX_new(mac) : NULL;
    size_t n = 0;
    bool ok = x && EVP_MAC_init(x, bytes_of(mac_key), mac_key.len, params) == 1 &&
              EVP_MAC_update(x, bytes_of(t->aad), t->aad.len) == 1 &&
              EVP_MAC_update(x, bytes_of(t->iv), t->iv.len) == 1 &&
              EVP_MAC_update(x, bytes_of(t->text), t->text.len) == 1 &&
              EVP_MAC_update(x, (unsigned char *)&bits, sizeof(bits)) == 1 &&
              EVP_MAC_final(x, md, &n, sizeof(md)) == 1;

    EVP_MAC_CTX_free(x);
    EVP_MAC_free(mac);
    return ok && t->tag.len == n / 2 && CRYPTO_memcmp(md, t->tag.p, n / 2) == 0;
}

static ptrdiff_t
open_cbc(const struct jwe *t, const struct cek *k, unsigned char *to)
{
    size_t half = k->len / 2;
    struct aes_job job = { .cipher = cbc[half / 8 - 2],
                           .key = slice((const char *)k->bytes + half, half),
                           .nonce = t->iv };

    if (t->iv.len != AES_BLOCK || !tag_fits(t, slice((const char *)k->bytes, half)))
        return -1;
    return aes_decrypt(&job, t->text, to);
}

static ptrdiff_t
open_gcm(const struct jwe *t, const struct cek *k, unsigned char *to)
{
    struct aes_job job = { .cipher = gcm[k->len / 8 - 2],
                           .key = slice((const char *)k->bytes, k->len),
                           .nonce = t->iv,
                           .aad = t->aad,
                           .tag_len = AES_TAG };

    if (t->iv.len != GCM_IV || t->tag.len != AES_TAG)
        return -1;
    memcpy(job.tag, t->tag.p, AES_TAG);
    return aes_decrypt(&job, t->text, to);
}

ptrdiff_t
jwe_decrypt(const struct jwe *t, const struct jwt_key *key, struct slice secret, unsigned char *to)
{
    struct cek k = { .len = 0 };
    ptrdiff_t n = -1;

    if (find_cek(t, key, secret, &k) && k.len == encs[t->enc].key_len)
        n = t->enc >= JWE_A128GCM ? open_gcm(t, &k, to) : open_cbc(t, &k, to);
    OPENSSL_cleanse(&k, sizeof(k));
    ERR_clear_error();
    return n;
}
