/* digest.h - message digests, HMAC and AES for converters and others: a plain interface without
 * OpenSSL's types. */
#ifndef TLS_DIGEST_H
#define TLS_DIGEST_H

#include "base/slice.h"

/** Room for any digest. */
#define DIGEST_MAX 64

struct digest; /* an algorithm */

/** The algorithm by OpenSSL's name ("sha256", "SHA2-256", "md5"...), NULL when unknown.
 * Configuration time only; lives until the process ends. */
const struct digest *digest_find(const char *name);
/** Length of the digest of `in` written to `to`; 0 when the library fails. */
MUST_CHECK size_t digest_run(const struct digest *d, struct slice in, unsigned char to[DIGEST_MAX]);
/** RFC 2104. Returns the length, 0 when the library fails. */
MUST_CHECK size_t digest_hmac(const struct digest *d, struct slice key, struct slice in,
                              unsigned char to[DIGEST_MAX]);

enum aes_mode { AES_CBC, AES_GCM };
#define AES_BLOCK 16
#define AES_TAG   16
/** Shorter tags of GCM are refused: they can be guessed (NIST SP 800-38D, 5.2.1.2). */
#define AES_TAG_MIN 12

struct aes_cipher; /* mode and key size */

/** 128, 192 or 256 bits; NULL for other sizes. Configuration time only. */
const struct aes_cipher *aes_find(enum aes_mode mode, int64_t bits);

struct aes_job {
    const struct aes_cipher *cipher;
    struct slice key, nonce;
    struct slice aad; /* GCM only */
    unsigned char tag[AES_TAG];
    size_t tag_len; /* GCM: in for decryption, out (AES_TAG) for encryption */
};

/** Encrypts `in` to `to`, which has room for in.len + AES_BLOCK bytes. CBC pads (PKCS#7). Returns
 * the length, or -1 when key or nonce do not have the right size. */
MUST_CHECK ptrdiff_t aes_encrypt(struct aes_job *job, struct slice in, unsigned char *to);
/** Decrypts; `to` has room for in.len + AES_BLOCK bytes. -1 also when tag or padding are wrong:
 * `to` must not be used then. */
MUST_CHECK ptrdiff_t aes_decrypt(struct aes_job *job, struct slice in, unsigned char *to);

/** Releases what the calling thread holds. */
void digest_thread_fini(void);

#endif
