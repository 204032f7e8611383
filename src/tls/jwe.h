/* jwe.h - decryption of JSON Web Tokens (RFC 7516, algorithms of RFC 7518 sections 4 and 5). Knows
 * neither JSON nor base64: the caller takes tokens and keys apart. */
#ifndef TLS_JWE_H
#define TLS_JWE_H

#include "tls/jwt.h"

/* How the content's key is protected. X(id, name, family, bits of the wrapping key) */
#define JWE_ALGS(X)                                                                                \
    X(RSA1_5, "RSA1_5", RSA, 0)                                                                    \
    X(RSA_OAEP, "RSA-OAEP", RSA, 0)                                                                \
    X(RSA_OAEP_256, "RSA-OAEP-256", RSA, 0)                                                        \
    X(A128KW, "A128KW", SECRET, 128)                                                               \
    X(A192KW, "A192KW", SECRET, 192)                                                               \
    X(A256KW, "A256KW", SECRET, 256)                                                               \
    X(A128GCMKW, "A128GCMKW", SECRET, 128)                                                         \
    X(A192GCMKW, "A192GCMKW", SECRET, 192)                                                         \
    X(A256GCMKW, "A256GCMKW", SECRET, 256)                                                         \
    X(DIR, "dir", SECRET, 0)                                                                       \
    X(ECDH_ES, "ECDH-ES", EC, 0)                                                                   \
    X(ECDH_ES_A128KW, "ECDH-ES+A128KW", EC, 128)                                                   \
    X(ECDH_ES_A192KW, "ECDH-ES+A192KW", EC, 192)                                                   \
    X(ECDH_ES_A256KW, "ECDH-ES+A256KW", EC, 256)

/* How the content is encrypted. X(id, name, bytes of the key) */
#define JWE_ENCS(X)                                                                                \
    X(A128CBC_HS256, "A128CBC-HS256", 32)                                                          \
    X(A192CBC_HS384, "A192CBC-HS384", 48)                                                          \
    X(A256CBC_HS512, "A256CBC-HS512", 64)                                                          \
    X(A128GCM, "A128GCM", 16)                                                                      \
    X(A192GCM, "A192GCM", 24)                                                                      \
    X(A256GCM, "A256GCM", 32)

enum jwe_alg {
#define X(id, name, family, bits) JWE_##id,
    JWE_ALGS(X)
#undef X
        JWE_NALGS
};

enum jwe_enc {
#define X(id, name, bytes) JWE_##id,
    JWE_ENCS(X)
#undef X
        JWE_NENCS
};

/** Kinds of keys. */
enum jwe_family { JWE_SECRET, JWE_RSA, JWE_EC };

/** By name; JWE_NALGS and JWE_NENCS when unknown. */
enum jwe_alg jwe_alg_find(struct slice name);
enum jwe_enc jwe_enc_find(struct slice name);
enum jwe_family jwe_alg_family(enum jwe_alg alg);

/** Loads what decryption needs. Configuration time; may be called again. */
void jwe_prepare(void);

/* ---- keys ---- */

/** Numbers of a private key as big-endian bytes. RSA: n, e and d; the others all or none. */
struct jwk_rsa {
    struct slice n, e, d, p, q, dp, dq, qi;
};
/** "P-256", "P-384" or "P-521"; x and y have the size of the curve. */
struct jwk_ec {
    struct slice crv, x, y, d;
};
/** NULL: the numbers are no key. jwe_key_free() releases. */
MUST_CHECK struct jwt_key *jwe_key_rsa(const struct jwk_rsa *k);
MUST_CHECK struct jwt_key *jwe_key_ec(const struct jwk_ec *k);
void jwe_key_free(struct jwt_key **k);
/** The private key of a certificate of the store; borrowed until the end of the loop's turn.
 * *allowed: `jwt on` was given. NULL: unknown certificate. */
const struct jwt_key *jwe_key_of_cert(struct slice name, bool *allowed);

/* ---- tokens ---- */

/** A token, decoded, and what its header says. */
struct jwe {
    enum jwe_alg alg;
    enum jwe_enc enc;
    struct slice aad;                /* the header as it came, in base64 */
    struct slice key, iv, text, tag; /* encrypted key; of the content */
    struct slice key_iv, key_tag;    /* A*GCMKW */
    struct jwk_ec epk;               /* ECDH-ES: the sender's key, without d */
    struct slice apu, apv;           /* ECDH-ES: who the parties are */
};

/** Decrypts to `to`, which has room for text.len + 16 bytes. The key is `key` or (JWE_SECRET)
 * `secret`. Returns the length; -1: it is not for this key, or was changed. Untrusted input. */
MUST_CHECK ptrdiff_t jwe_decrypt(const struct jwe *t, const struct jwt_key *key,
                                 struct slice secret, unsigned char *to);

#endif
