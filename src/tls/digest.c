/* digest.c - message digests, HMAC and AES on OpenSSL's EVP. Algorithms are fetched once; contexts
 * are kept per thread. */
#include "tls/digest.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

_Static_assert(DIGEST_MAX >= EVP_MAX_MD_SIZE, "room for any digest");

/* struct digest and struct aes_cipher are never defined: they are these types of the library. */
static const EVP_MD *
md_of(const struct digest *d)
{
    return (const EVP_MD *)(const void *)d;
}

static const EVP_CIPHER *
cipher_of(const struct aes_cipher *c)
{
    return (const EVP_CIPHER *)(const void *)c;
}

const struct digest *
digest_find(const char *name)
{
    static EVP_MD *fetched[32]; /* distinct algorithms; the library knows fewer */
    const EVP_MD *known = EVP_get_digestbyname(name);

    if (!known)
        return NULL;
    for (unsigned i = 0; i < COUNT_OF(fetched); i++) {
        if (!fetched[i])
            fetched[i] = EVP_MD_fetch(NULL, EVP_MD_get0_name(known), NULL);
        if (!fetched[i])
            return NULL; /* known by name, but no provider has it */
        if (EVP_MD_is_a(fetched[i], EVP_MD_get0_name(known)))
            return (const struct digest *)(const void *)fetched[i];
    }
    return NULL;
}

static _Thread_local EVP_MD_CTX *md_ctx;
static _Thread_local EVP_CIPHER_CTX *cipher_ctx;

size_t
digest_run(const struct digest *d, struct slice in, unsigned char to[DIGEST_MAX])
{
    unsigned len = 0;

    if (!md_ctx)
        md_ctx = EVP_MD_CTX_new();
    if (!md_ctx || EVP_DigestInit_ex(md_ctx, md_of(d), NULL) != 1 ||
        EVP_DigestUpdate(md_ctx, in.p, in.len) != 1 || EVP_DigestFinal_ex(md_ctx, to, &len) != 1)
        return 0;
    return len;
}

size_t
digest_hmac(const struct digest *d, struct slice key, struct slice in, unsigned char to[DIGEST_MAX])
{
    unsigned len = 0;

    if (key.len > INT_MAX)
        return 0;
    /* A NULL key would mean "the one of last time". */
    if (!HMAC(md_of(d), key.len ? key.p : "", (int)key.len, (const unsigned char *)in.p, in.len, to,
              &len))
        return 0;
    return len;
}

const struct aes_cipher *
aes_find(enum aes_mode mode, int64_t bits)
{
    static EVP_CIPHER *fetched[2][3];
    static const char *const names[2][3] = { { "AES-128-CBC", "AES-192-CBC", "AES-256-CBC" },
                                             { "AES-128-GCM", "AES-192-GCM", "AES-256-GCM" } };

    if (bits != 128 && bits != 192 && bits != 256)
        return NULL;
    unsigned size = (unsigned)(bits - 128) / 64;
    if (!fetched[mode][size])
        fetched[mode][size] = EVP_CIPHER_fetch(NULL, names[mode][size], NULL);
    return (const struct aes_cipher *)(const void *)fetched[mode][size];
}

/** Prepares the thread's context with key, nonce and aad. */
static bool
aes_start(const struct aes_job *job, bool encrypt, bool gcm)
{
    const EVP_CIPHER *cipher = cipher_of(job->cipher);
    int ignored;

    if (!cipher_ctx)
        cipher_ctx = EVP_CIPHER_CTX_new();
    if (!cipher_ctx || job->key.len != (size_t)EVP_CIPHER_get_key_length(cipher) ||
        job->nonce.len == 0 || job->nonce.len > INT_MAX || job->aad.len > INT_MAX)
        return false;
    if (!gcm && job->nonce.len != (size_t)EVP_CIPHER_get_iv_length(cipher))
        return false;
    if (EVP_CipherInit_ex(cipher_ctx, cipher, NULL, NULL, NULL, encrypt) != 1)
        return false;
    if (gcm &&
        EVP_CIPHER_CTX_ctrl(cipher_ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)job->nonce.len, NULL) != 1)
        return false;
    if (EVP_CipherInit_ex(cipher_ctx, NULL, NULL, (const unsigned char *)job->key.p,
                          (const unsigned char *)job->nonce.p, encrypt) != 1)
        return false;
    return !gcm || job->aad.len == 0 ||
           EVP_CipherUpdate(cipher_ctx, NULL, &ignored, (const unsigned char *)job->aad.p,
                            (int)job->aad.len) == 1;
}

static ptrdiff_t
aes_run(struct aes_job *job, struct slice in, unsigned char *to, bool encrypt)
{
    bool gcm = EVP_CIPHER_get_mode(cipher_of(job->cipher)) == EVP_CIPH_GCM_MODE;
    int body = 0, tail = 0;

    if (in.len > INT_MAX - AES_BLOCK || !aes_start(job, encrypt, gcm))
        return -1;
    if (in.len &&
        EVP_CipherUpdate(cipher_ctx, to, &body, (const unsigned char *)in.p, (int)in.len) != 1)
        return -1;
    if (gcm && !encrypt &&
        (job->tag_len < AES_TAG_MIN || job->tag_len > AES_TAG ||
         EVP_CIPHER_CTX_ctrl(cipher_ctx, EVP_CTRL_AEAD_SET_TAG, (int)job->tag_len, job->tag) != 1))
        return -1;
    if (EVP_CipherFinal_ex(cipher_ctx, to + body, &tail) != 1)
        return -1;
    if (gcm && encrypt) {
        if (EVP_CIPHER_CTX_ctrl(cipher_ctx, EVP_CTRL_AEAD_GET_TAG, AES_TAG, job->tag) != 1)
            return -1;
        job->tag_len = AES_TAG;
    }
    return body + tail;
}

/* A failure leaves nothing in the thread's error queue: TLS connections read their own errors
 * there. */
static ptrdiff_t
aes_run_quietly(struct aes_job *job, struct slice in, unsigned char *to, bool encrypt)
{
    ptrdiff_t n = aes_run(job, in, to, encrypt);

    if (n < 0)
        ERR_clear_error();
    return n;
}

ptrdiff_t
aes_encrypt(struct aes_job *job, struct slice in, unsigned char *to)
{
    return aes_run_quietly(job, in, to, true);
}

ptrdiff_t
aes_decrypt(struct aes_job *job, struct slice in, unsigned char *to)
{
    return aes_run_quietly(job, in, to, false);
}

void
digest_thread_fini(void)
{
    EVP_MD_CTX_free(md_ctx);
    EVP_CIPHER_CTX_free(cipher_ctx);
    md_ctx = NULL;
    cipher_ctx = NULL;
}
