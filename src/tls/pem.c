/* pem.c - PEM files: certificate, chain, key and DH parameters in any order.
 *
 * The library's own reader looks for decoders anew for every object, which costs most of a
 * millisecond per certificate; here blocks are split and decoded once, the decoder of keys is kept,
 * and certificates of chains are shared. Configuration time only: not thread-safe. */
#include "tls/tls_int.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

char *
tls_read_file(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    size_t n = 0;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode) || st.st_size > (off_t)TLS_FILE_MAX) {
        int e = errno;
        if (S_ISDIR(st.st_mode))
            e = EISDIR;
        else if (st.st_size > (off_t)TLS_FILE_MAX)
            e = EFBIG;
        close(fd);
        errno = e;
        return NULL;
    }
    size_t size = (size_t)st.st_size + 1;
    char *p = xmalloc(size);
    for (;;) { /* a pipe has no size */
        ssize_t got = read(fd, p + n, size - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
        if (n == size - 1) {
            if (size > TLS_FILE_MAX)
                break;
            p = xrealloc(p, size *= 2);
        }
    }
    close(fd);
    p[n] = '\0';
    *len = n;
    return p;
}

/* ---- blocks ---- */

unsigned char *
pem_base64(struct slice body, size_t *len)
{
    unsigned char *der = xmalloc(body.len / 4 * 3 + 8);
    EVP_ENCODE_CTX *x = EVP_ENCODE_CTX_new();
    int n = 0, tail = 0;

    if (!x || body.len > INT32_MAX)
        goto bad;
    EVP_DecodeInit(x);
    if (EVP_DecodeUpdate(x, der, &n, (const unsigned char *)body.p, (int)body.len) < 0 ||
        EVP_DecodeFinal(x, der + n, &tail) < 0)
        goto bad;
    EVP_ENCODE_CTX_free(x);
    *len = (size_t)n + (size_t)tail;
    return der;
bad:
    EVP_ENCODE_CTX_free(x);
    free(der);
    return NULL;
}

/* Headers ("Proc-Type: 4,ENCRYPTED") end with an empty line. */
static struct slice
skip_headers(struct slice body, bool *encrypted)
{
    size_t colon = slice_find(body, ':', 0);

    *encrypted = false;
    if (colon == SIZE_MAX)
        return body;
    *encrypted = slice_search(body, SL("ENCRYPTED")) != SIZE_MAX;
    size_t gap = slice_search(body, SL("\n\n"));
    size_t gap2 = slice_search(body, SL("\n\r\n"));
    gap = MIN(gap, gap2);
    return gap == SIZE_MAX ? slice(body.p + body.len, 0) : slice_sub(body, gap + 1, SIZE_MAX);
}

bool
pem_next(struct slice text, size_t *at, struct pem_block *out)
{
    struct slice rest = slice_sub(text, *at, SIZE_MAX);
    size_t begin = slice_search(rest, SL("-----BEGIN "));

    if (begin == SIZE_MAX)
        return false;
    struct slice head = slice_sub(rest, begin + 11, SIZE_MAX);
    size_t name_len = slice_search(head, SL("-----"));
    if (name_len == SIZE_MAX || name_len > 64)
        return false;
    out->type = slice_sub(head, 0, name_len);
    struct slice body = slice_sub(head, name_len + 5, SIZE_MAX);
    size_t end = slice_search(body, SL("-----END "));
    if (end == SIZE_MAX) { /* cut short */
        *at = text.len;
        out->der = NULL;
        out->len = 0;
        out->encrypted = false;
        out->text = slice(rest.p + begin, 0);
        return true;
    }
    struct slice close = slice_sub(body, end + 9, SIZE_MAX);
    size_t close_len = slice_search(close, SL("-----"));
    bool matches = close_len != SIZE_MAX && slice_eq(slice_sub(close, 0, close_len), out->type);
    out->text = slice(rest.p + begin, (size_t)(close.p - (rest.p + begin)) +
                                          (close_len == SIZE_MAX ? 0 : close_len + 5));
    *at = (size_t)(close.p - text.p) + (close_len == SIZE_MAX ? close.len : close_len + 5);
    struct slice lines = skip_headers(slice_sub(body, 0, end), &out->encrypted);
    out->len = 0;
    out->der = matches && !out->encrypted ? pem_base64(lines, &out->len) : NULL;
    return true;
}

/* ---- objects ---- */

/* Certificates of chains: few issuers serve many certificates. */
static struct shared {
    X509 *x;
    uint64_t hash;
} * shared_certs;
static unsigned nshared, shared_size;

static bool
same_encoding(X509 *x, const unsigned char *der, size_t len)
{
    unsigned char *mine = NULL;
    int n = i2d_X509(x, &mine);
    bool same = n > 0 && (size_t)n == len && memcmp(mine, der, len) == 0;

    OPENSSL_free(mine);
    return same;
}

static X509 *
find_shared(const unsigned char *der, size_t len, uint64_t hash)
{
    for (unsigned i = nshared; i-- > 0;)
        if (shared_certs[i].hash == hash && same_encoding(shared_certs[i].x, der, len))
            return shared_certs[i].x;
    return NULL;
}

X509 *
pem_x509(const unsigned char *der, size_t len, bool shared)
{
    const unsigned char *p = der;
    uint64_t hash = shared ? XXH3_64bits(der, len) : 0;
    X509 *x = shared ? find_shared(der, len, hash) : NULL;

    if (x) {
        X509_up_ref(x);
        return x;
    }
    if (len > LONG_MAX || !(x = d2i_X509(NULL, &p, (long)len)))
        return NULL;
    if (!shared)
        return x;
    if (nshared == shared_size) {
        shared_size = shared_size ? 2 * shared_size : 16;
        shared_certs = xrealloc(shared_certs, shared_size * sizeof(*shared_certs));
    }
    X509_up_ref(x);
    shared_certs[nshared++] = (struct shared){ x, hash };
    return x;
}

static OSSL_DECODER_CTX *key_decoder;
static EVP_PKEY *decoded_key;

static EVP_PKEY *
decode_key(const unsigned char *der, size_t len)
{
    if (!key_decoder)
        key_decoder = OSSL_DECODER_CTX_new_for_pkey(&decoded_key, "DER", NULL, NULL,
                                                    EVP_PKEY_KEYPAIR, NULL, NULL);
    decoded_key = NULL;
    if (key_decoder && OSSL_DECODER_from_data(key_decoder, &der, &len) == 1)
        return decoded_key;
    OSSL_DECODER_CTX_free(key_decoder); /* it may be half way */
    key_decoder = NULL;
    ERR_clear_error();
    return NULL;
}

static EVP_PKEY *
decode_dh(const unsigned char *der, size_t len, const char *type)
{
    EVP_PKEY *dh = NULL;
    OSSL_DECODER_CTX *d =
        OSSL_DECODER_CTX_new_for_pkey(&dh, "DER", NULL, type, EVP_PKEY_KEY_PARAMETERS, NULL, NULL);

    if (!d || OSSL_DECODER_from_data(d, &der, &len) != 1)
        dh = NULL;
    OSSL_DECODER_CTX_free(d);
    ERR_clear_error();
    return dh;
}

/* ---- files ---- */

/* Why a block could not be used. */
static const char *
damage_of(const struct pem_block *b, const char *what)
{
    if (!b->text.len)
        return "its PEM text is cut short";
    if (!b->der)
        return "its base64 is damaged";
    return *what == 'c' ? "the encoding of the certificate is damaged"
                        : "the encoding of the key is damaged, or the key is of an unknown kind";
}

static bool
take_cert(struct tls_cert *c, const char *file, const struct pem_block *b, struct text *err)
{
    X509 *x = b->der ? pem_x509(b->der, b->len, c->x509 != NULL) : NULL;

    if (!x) {
        if (c->x509)
            text_printf(err, "unable to load certificate chain from file '%s': %s.", file,
                        damage_of(b, "certificate"));
        else
            text_printf(err, "unable to load certificate from file '%s': %s.", file,
                        damage_of(b, "certificate"));
        ERR_clear_error();
        return false;
    }
    if (!c->x509) {
        c->x509 = x;
        return true;
    }
    if (!c->chain)
        c->chain = sk_X509_new_null();
    if (!c->chain || !sk_X509_push(c->chain, x)) {
        X509_free(x);
        text_printf(err, "out of memory loading '%s'.", file);
        return false;
    }
    return true;
}

const char *pem_passphrase;
char *(*tls_passphrase)(const char *key_file);
static char **known; /* passphrases that opened a key, NULL-terminated */

static int
give_passphrase(char *buf, int size, int writing, void *arg)
{
    size_t len = arg ? strlen(arg) : 0;

    if (!len || len > (size_t)size)
        return -1;
    memcpy(buf, arg, len);
    return (int)len;
}

static EVP_PKEY *
decrypt_key(const struct pem_block *b, const char *passphrase)
{
    BIO *bio = passphrase && b->text.len <= INT32_MAX ? BIO_new_mem_buf(b->text.p, (int)b->text.len)
                                                      : NULL;
    EVP_PKEY *key =
        bio ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, (void *)(uintptr_t)passphrase)
            : NULL;

    BIO_free(bio);
    ERR_clear_error();
    return key;
}

/* Passphrases that are known come first, so that many keys with one passphrase ask once. */
static EVP_PKEY *
open_key(const struct pem_block *b, const char *file)
{
    EVP_PKEY *key = decrypt_key(b, pem_passphrase);
    unsigned n = 0;

    for (; !key && known && known[n]; n++)
        key = decrypt_key(b, known[n]);
    char *asked = !key && tls_passphrase ? tls_passphrase(file) : NULL;
    if (!asked)
        return key;
    key = decrypt_key(b, asked);
    if (!key) {
        OPENSSL_cleanse(asked, strlen(asked));
        free(asked);
        return NULL;
    }
    known = xrealloc(known, (n + 2) * sizeof(*known));
    known[n] = asked;
    known[n + 1] = NULL;
    return key;
}

static bool
take_key(struct tls_cert *c, const char *file, const struct pem_block *b, struct text *err)
{
    bool encrypted = b->encrypted || slice_eq(b->type, SL("ENCRYPTED PRIVATE KEY"));

    if (c->key)
        return true;
    c->key = encrypted ? open_key(b, file) : b->der ? decode_key(b->der, b->len) : NULL;
    if (c->key)
        return true;
    text_printf(err, "unable to load private key from file '%s': %s.", file,
                encrypted ? "it is encrypted, and no passphrase opens it (see 'ssl-passphrase-cmd')"
                          : damage_of(b, "key"));
    return false;
}

static bool
take_block(struct tls_cert *c, const char *file, const struct pem_block *b, struct text *err)
{
    if (slice_eq(b->type, SL("CERTIFICATE")) || slice_eq(b->type, SL("X509 CERTIFICATE")) ||
        slice_eq(b->type, SL("TRUSTED CERTIFICATE")))
        return take_cert(c, file, b, err);
    if (slice_ends(b->type, SL("PRIVATE KEY")))
        return take_key(c, file, b, err);
    bool x942 = slice_eq(b->type, SL("X9.42 DH PARAMETERS"));
    if (x942 || slice_eq(b->type, SL("DH PARAMETERS"))) {
        if (!c->dh && b->der)
            c->dh = decode_dh(b->der, b->len, x942 ? "DHX" : "DH");
        if (!c->dh) {
            text_printf(err, "unable to load DH parameters from file '%s'.", file);
            return false;
        }
    }
    return true; /* EC PARAMETERS and other company are left alone */
}

bool
pem_load(struct tls_cert *c, const char *file, struct slice text, struct text *err)
{
    struct pem_block b;
    size_t at = 0;
    bool ok = true;

    while (ok && pem_next(text, &at, &b)) {
        ok = take_block(c, file, &b, err);
        if (b.der && slice_ends(b.type, SL("PRIVATE KEY")))
            OPENSSL_cleanse(b.der, b.len);
        free(b.der);
    }
    return ok;
}

STACK_OF(X509) * pem_certs(struct slice text)
{
    STACK_OF(X509) *all = NULL;
    struct pem_block b;
    size_t at = 0;

    while (pem_next(text, &at, &b)) {
        X509 *x =
            b.der && slice_ends(b.type, SL("CERTIFICATE")) ? pem_x509(b.der, b.len, false) : NULL;
        free(b.der);
        if (!x)
            continue;
        if (!all)
            all = sk_X509_new_null();
        if (!all || !sk_X509_push(all, x))
            X509_free(x);
    }
    ERR_clear_error();
    return all;
}

void
pem_clear(void)
{
    for (unsigned i = 0; i < nshared; i++)
        X509_free(shared_certs[i].x);
    free(shared_certs);
    shared_certs = NULL;
    nshared = shared_size = 0;
    OSSL_DECODER_CTX_free(key_decoder);
    key_decoder = NULL;
    for (unsigned i = 0; known && known[i]; i++) {
        OPENSSL_cleanse(known[i], strlen(known[i]));
        free(known[i]);
    }
    free(known);
    known = NULL;
}
