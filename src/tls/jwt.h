/* jwt.h - signatures of JSON Web Tokens (RFC 7515, RFC 7518 section 3): keys and checking. */
#ifndef TLS_JWT_H
#define TLS_JWT_H

#include "base/out.h"

struct jwt_key; /* a public key */

/* The algorithms of RFC 7518 section 3.1. X(name, family, digest) */
#define JWT_ALGS(X)                                                                                \
    X(HS256, HMAC, "SHA256")                                                                       \
    X(HS384, HMAC, "SHA384")                                                                       \
    X(HS512, HMAC, "SHA512")                                                                       \
    X(RS256, RSA, "SHA256")                                                                        \
    X(RS384, RSA, "SHA384")                                                                        \
    X(RS512, RSA, "SHA512")                                                                        \
    X(PS256, PSS, "SHA256")                                                                        \
    X(PS384, PSS, "SHA384")                                                                        \
    X(PS512, PSS, "SHA512")                                                                        \
    X(ES256, ECDSA, "SHA256")                                                                      \
    X(ES384, ECDSA, "SHA384")                                                                      \
    X(ES512, ECDSA, "SHA512")

enum jwt_alg {
    JWT_NONE,
#define X(name, family, digest) JWT_##name,
    JWT_ALGS(X)
#undef X
        JWT_NALGS
};

/** By name ("RS256", "none"); JWT_NALGS when unknown. */
enum jwt_alg jwt_alg_find(struct slice name);
/** True for HS256, HS384 and HS512: the key is a secret. */
bool jwt_alg_is_secret(enum jwt_alg alg);

/** Loads a public key from a PEM file (PUBLIC KEY, RSA PUBLIC KEY; a CERTIFICATE sets *is_cert).
 * Each file is read once; configuration time only. NULL with `err`. */
const struct jwt_key *jwt_key_load(const char *path, bool *is_cert, struct text *err);
/** A key that was loaded before, by the name it was loaded under. */
const struct jwt_key *jwt_key_find(struct slice path);
/** The public key of a certificate of the store (see tls.h). *allowed: `jwt on` was given. NULL:
 * unknown certificate. */
const struct jwt_key *jwt_key_of_cert(struct slice name, bool *allowed);
void jwt_keys_clear(void);

/** Verifies. `key` for public-key algorithms, `secret` for HMAC. 1 good, 0 not, -6 when the library
 * fails. */
int jwt_check(enum jwt_alg alg, const struct jwt_key *key, struct slice secret, struct slice text,
              struct slice signature);

#endif
