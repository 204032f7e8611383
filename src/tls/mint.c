/* mint.c - certificates made on the fly for names that none is configured for
 * (generate-certificates).
 *
 * Made ones are kept in a table shared by all threads; its lock is held for lookups only, not while
 * signing. */
#include "tls/names.h"
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <xxhash.h>

#define VALID_DAYS 365

struct minted {
    char *name;
    X509 *x509;
};

struct tls_mint {
    struct tls_cert ca;
    STACK_OF(X509) * chain; /* sent with made certificates: the authority's, unless it is a root */
    EVP_PKEY *key;          /* of all made certificates */
    pthread_mutex_t lock;   /* leaf; protects the table */
    struct minted *table;   /* direct-mapped by the name's hash */
    unsigned size;          /* 0: nothing is kept */
};

/* Clients know roots, but not always what is between them and the one that signs. */
static bool
make_chain(struct tls_mint *m)
{
    if (X509_check_issued(m->ca.x509, m->ca.x509) == X509_V_OK)
        return true;
    m->chain = m->ca.chain ? X509_chain_up_ref(m->ca.chain) : sk_X509_new_null();
    if (!m->chain || sk_X509_unshift(m->chain, m->ca.x509) <= 0)
        return false;
    X509_up_ref(m->ca.x509);
    return true;
}

/* A CA may come without a purpose that tls_store_load() asks for; only certificate and key are
 * needed. */
struct tls_mint *
mint_new(const char *ca_file, const char *pass, struct text *err)
{
    struct tls_mint *m = xcalloc(1, sizeof(*m));
    size_t len;
    char *text = tls_read_file(ca_file, &len);
    bool ok = text != NULL;

    tls_init();
    pem_passphrase = pass;
    if (!ok)
        text_printf(err, "Chain loading failed: cannot open the file '%s'", ca_file);
    else
        ok = pem_load(&m->ca, ca_file, slice(text, len), err);
    pem_passphrase = NULL;
    free(text);
    if (ok && (!m->ca.x509 || !m->ca.key)) {
        text_printf(err, "no certificate or no private key in '%s'", ca_file);
        ok = false;
    }
    if (ok && X509_check_private_key(m->ca.x509, m->ca.key) != 1) {
        text_printf(err, "the private key in '%s' is not that of its certificate", ca_file);
        ERR_clear_error();
        ok = false;
    }
    pthread_mutex_init(&m->lock, NULL);
    m->size = tls_tune.minted_max;
    m->table = m->size ? xcalloc(m->size, sizeof(*m->table)) : NULL;
    m->ca.name = xstrdup(ca_file);
    if (ok && (!make_chain(m) || !(m->key = EVP_EC_gen("P-256")))) {
        text_str(err, "cannot make a key for generated certificates");
        ok = false;
    }
    if (!ok)
        mint_free(&m);
    return m;
}

void
mint_free(struct tls_mint **mp)
{
    struct tls_mint *m = *mp;

    if (!m)
        return;
    *mp = NULL;
    for (unsigned i = 0; i < m->size; i++) {
        free(m->table[i].name);
        X509_free(m->table[i].x509);
    }
    free(m->table);
    free(m->ca.name);
    sk_X509_pop_free(m->chain, X509_free);
    X509_free(m->ca.x509);
    EVP_PKEY_free(m->ca.key);
    EVP_PKEY_free(m->ca.dh);
    sk_X509_pop_free(m->ca.chain, X509_free);
    EVP_PKEY_free(m->key);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static bool
add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX c;

    X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0); /* identifiers of keys are taken from both */
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
    bool ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool
set_identity(X509 *x, const char *name, X509 *like)
{
    X509_NAME *subject = X509_NAME_dup(X509_get_subject_name(like));
    unsigned char serial[16];
    bool ok = subject && RAND_bytes(serial, sizeof(serial)) == 1;

    serial[0] &= 0x7f;
    BIGNUM *n = ok ? BN_bin2bn(serial, sizeof(serial), NULL) : NULL;
    ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    for (int at; ok && (at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)) >= 0;)
        X509_NAME_ENTRY_free(X509_NAME_delete_entry(subject, at));
    ok = ok && (strlen(name) > 64 || /* longer ones have only the alternative name */
                X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name,
                                           -1, -1, 0) == 1);
    ok = ok && X509_set_subject_name(x, subject) == 1;
    X509_NAME_free(subject);
    return ok;
}

static X509 *
make(struct tls_mint *m, const char *name, X509 *like)
{
    X509 *x = X509_new();
    char *alt = xasprintf("DNS:%s", name);
    int type = EVP_PKEY_get_base_id(m->ca.key);
    const EVP_MD *md = type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448 ? NULL : EVP_sha256();
    bool ok = x && X509_set_version(x, 2) == 1 && set_identity(x, name, like) &&
              X509_gmtime_adj(X509_getm_notBefore(x), -24 * 3600) &&
              X509_gmtime_adj(X509_getm_notAfter(x), (long)VALID_DAYS * 24 * 3600) &&
              X509_set_issuer_name(x, X509_get_subject_name(m->ca.x509)) == 1 &&
              X509_set_pubkey(x, m->key) == 1 &&
              add_extension(x, m->ca.x509, NID_basic_constraints, "CA:FALSE") &&
              add_extension(x, m->ca.x509, NID_key_usage, "critical,digitalSignature") &&
              add_extension(x, m->ca.x509, NID_ext_key_usage, "serverAuth") &&
              add_extension(x, m->ca.x509, NID_subject_key_identifier, "hash") &&
              (!X509_get0_subject_key_id(m->ca.x509) ||
               add_extension(x, m->ca.x509, NID_authority_key_identifier, "keyid:always")) &&
              add_extension(x, m->ca.x509, NID_subject_alt_name, alt) &&
              X509_sign(x, m->ca.key, md) > 0;

    free(alt);
    if (!ok) {
        X509_free(x);
        x = NULL;
        ERR_clear_error();
    }
    return x;
}

/* Names come from clients: only those a certificate may hold without escaping. */
static bool
is_plain(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
            return false;
    }
    return name.len > 0 && name.len <= 253;
}

static X509 *
find(struct tls_mint *m, struct minted *slot, const char *name)
{
    X509 *x = NULL;

    pthread_mutex_lock(&m->lock);
    if (slot->name && strcmp(slot->name, name) == 0 && X509_up_ref(slot->x509))
        x = slot->x509;
    pthread_mutex_unlock(&m->lock);
    return x;
}

/* What was there before is forgotten. */
static void
keep(struct tls_mint *m, struct minted *slot, const char *name, X509 *x)
{
    struct minted old, made = { xstrdup(name), x };

    X509_up_ref(x);
    pthread_mutex_lock(&m->lock);
    old = *slot;
    *slot = made;
    pthread_mutex_unlock(&m->lock);
    free(old.name);
    X509_free(old.x509);
}

bool
mint_get(struct tls_mint *m, struct slice name, const struct tls_cert *like, struct mint_cert *out)
{
    char lower[NAMES_MAX + 1];

    if (!names_lower(name, lower) || !is_plain(slice(lower, name.len)))
        return false;
    struct minted *slot = m->size ? &m->table[XXH3_64bits(lower, name.len) % m->size] : NULL;
    out->x509 = slot ? find(m, slot, lower) : NULL;
    if (!out->x509) {
        out->x509 = make(m, lower, like->x509);
        if (!out->x509)
            return false;
        if (slot)
            keep(m, slot, lower, out->x509);
    }
    EVP_PKEY_up_ref(m->key);
    out->key = m->key;
    out->chain = m->chain;
    return true;
}

struct tls_cert *
mint_authority(struct tls_mint *m)
{
    return &m->ca;
}
