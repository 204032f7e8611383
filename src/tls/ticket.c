/* ticket.c - session tickets with keys from a file (tls-ticket-keys), so that several processes
 * share them. */
#include "base/epoch.h"
#include "tls/tls_int.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/random.h>

#define NKEYS 3 /* older ones decrypt, the last one is there for a peer that rotates earlier */

struct ticket_key {
    unsigned char name[16], aes[32], mac[32];
};

/** Immutable, replaced as a whole. */
struct key_set {
    struct ticket_key key[NKEYS];
    size_t part; /* bytes of the AES and of the MAC key: 16 or 32 */
};

struct ticket_keys {
    struct ticket_keys *next;
    unsigned refs, id; /* listeners; number in `show tls-keys` */
    char *name;        /* of the file */
    struct key_set *_Atomic set;
    EVP_CIPHER *cipher;
    EVP_MD *md;
};

/** Those of the process by file: listeners with the same file have the same keys. */
static struct ticket_keys *all;
static unsigned next_id;

static int ex_keys = -1;

static bool
take_line(struct key_set *k, struct slice line, unsigned number, struct text *err)
{
    unsigned char raw[128];

    if (line.len > 120 || line.len % 4) {
        text_printf(err, "wrong sized key on line %u", number);
        return false;
    }
    int n = EVP_DecodeBlock(raw, (const unsigned char *)line.p, (int)line.len);
    for (size_t i = line.len; n > 0 && i > 0 && line.p[i - 1] == '='; i--)
        n--;
    if (n < 0) {
        text_printf(err, "unable to decode base64 key on line %u", number);
        return false;
    }
    size_t part = n == 48 ? 16 : n == 80 ? 32 : 0;
    if (!part || (k->part && k->part != part)) {
        text_printf(err, "wrong sized key on line %u", number);
        return false;
    }
    k->part = part;
    memmove(&k->key[0], &k->key[1], (NKEYS - 1) * sizeof(k->key[0]));
    struct ticket_key *to = &k->key[NKEYS - 1];
    memcpy(to->name, raw, 16);
    memcpy(to->aes, raw + 16, part);
    memcpy(to->mac, raw + 16 + part, part);
    OPENSSL_cleanse(raw, sizeof(raw));
    return true;
}

static void
set_free(void *p)
{
    OPENSSL_cleanse(p, sizeof(struct key_set));
    free(p);
}

static struct key_set *
set_parse(struct slice text, struct text *err)
{
    struct key_set *k = xcalloc(1, sizeof(*k));
    unsigned n = 0, number = 0;
    bool ok = true;

    while (ok && text.p && text.len) {
        struct slice line = slice_cut(text, '\n', &text);
        number++;
        if (line.len && line.p[line.len - 1] == '\r')
            line.len--;
        if (!line.len)
            continue;
        ok = take_line(k, line, number, err);
        n++;
    }
    if (ok && n < NKEYS) {
        text_printf(err, "please supply at least %d keys in the tls-tickets-file", NKEYS);
        ok = false;
    }
    if (ok)
        return k;
    set_free(k);
    return NULL;
}

struct ticket_keys *
ticket_keys_get(const char *name, struct slice text, struct text *err)
{
    struct ticket_keys **at = &all, *k;

    for (; (k = *at); at = &k->next)
        if (strcmp(k->name, name) == 0) {
            k->refs++;
            return k;
        }
    struct key_set *set = set_parse(text, err);
    if (!set)
        return NULL;
    k = xcalloc(1, sizeof(*k));
    k->refs = 1;
    k->id = next_id++;
    k->name = xstrdup(name);
    atomic_init(&k->set, set);
    k->cipher = EVP_CIPHER_fetch(NULL, set->part == 16 ? "AES-128-CBC" : "AES-256-CBC", NULL);
    k->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    *at = k;
    if (k->cipher && k->md)
        return k;
    text_str(err, "the TLS library has no cipher for ticket keys");
    ticket_keys_put(&k);
    return NULL;
}

void
ticket_keys_put(struct ticket_keys **kp)
{
    struct ticket_keys *k = *kp, **at = &all;

    *kp = NULL;
    if (!k || --k->refs)
        return;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    if (!all)
        next_id = 0;
    EVP_CIPHER_free(k->cipher);
    EVP_MD_free(k->md);
    set_free(atomic_load(&k->set));
    free(k->name);
    free(k);
}

/* ---- at run time ---- */

/* "#<id>" or a file's name. */
static struct ticket_keys *
find_keys(const char *id)
{
    uint64_t number;

    for (struct ticket_keys *k = all; k; k = k->next)
        if (*id == '#' ? slice_to_uint(slice_str(id + 1), &number) && number == k->id
                       : strcmp(id, k->name) == 0)
            return k;
    return NULL;
}

enum tls_key_rc
tls_ticket_key_set(const char *id, struct slice base64)
{
    struct ticket_keys *k = find_keys(id);
    struct text ignored = { 0 };
    enum tls_key_rc rc = TLS_KEY_DONE;

    if (!k)
        return TLS_KEY_UNKNOWN;
    struct key_set *old = atomic_load(&k->set), *set = xmalloc(sizeof(*set));
    *set = *old;
    unsigned char raw[128];
    if (base64.len > 120 || base64.len % 4 ||
        EVP_DecodeBlock(raw, (const unsigned char *)base64.p, (int)base64.len) <= 0)
        rc = TLS_KEY_MALFORMED;
    else if (!take_line(set, base64, 1, &ignored))
        rc = TLS_KEY_SIZE;
    OPENSSL_cleanse(raw, sizeof(raw));
    text_fini(&ignored);
    if (rc != TLS_KEY_DONE) {
        set_free(set);
        return rc;
    }
    atomic_store_explicit(&k->set, set, memory_order_release);
    epoch_retire(set_free, old);
    return TLS_KEY_DONE;
}

static void
show_secrets(const struct ticket_keys *k, struct text *to)
{
    const struct key_set *set = atomic_load(&k->set);

    for (unsigned i = 0; i < NKEYS; i++) {
        unsigned char raw[80], line[112];
        memcpy(raw, set->key[i].name, 16);
        memcpy(raw + 16, set->key[i].aes, set->part);
        memcpy(raw + 16 + set->part, set->key[i].mac, set->part);
        EVP_EncodeBlock(line, raw, (int)(16 + 2 * set->part));
        text_printf(to, "%u.%u %s\n", k->id, i, (const char *)line);
        OPENSSL_cleanse(raw, sizeof(raw));
        OPENSSL_cleanse(line, sizeof(line));
    }
}

bool
tls_ticket_keys_show(const char *id, struct text *to)
{
    bool every = strcmp(id, "*") == 0;

    if (!*id) {
        text_str(to, "# id (file)\n");
        for (const struct ticket_keys *k = all; k; k = k->next)
            text_printf(to, "%u (%s)\n", k->id, k->name);
        return true;
    }
    if (!every && !find_keys(id))
        return false;
    text_str(to, "# id secret\n");
    for (const struct ticket_keys *k = all; k; k = k->next) {
        if (!every && k != find_keys(id))
            continue;
        text_printf(to, "# %u (%s)\n", k->id, k->name);
        show_secrets(k, to);
    }
    return true;
}

/* ---- in handshakes ---- */

static bool
set_mac(const struct key_set *k, const struct ticket_key *key, EVP_MAC_CTX *mac)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, k->part),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* As the library wants it: 1 done, 2 done and renew the ticket, 0 unknown key, -1 failure. */
static int
on_ticket(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
          EVP_MAC_CTX *mac, int encrypt)
{
    const struct ticket_keys *k = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ex_keys);
    if (!k)
        return 0;
    const struct key_set *set = atomic_load_explicit(&k->set, memory_order_acquire);
    const struct ticket_key *key = &set->key[NKEYS - 2];
    if (encrypt) {
        memcpy(name, key->name, 16);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(k->cipher)) != 1 ||
            EVP_EncryptInit_ex2(cipher, k->cipher, key->aes, iv, NULL) != 1 ||
            !set_mac(set, key, mac))
            return -1;
        return 1;
    }
    for (unsigned i = 0; i < NKEYS; i++) {
        key = &set->key[i];
        if (memcmp(name, key->name, 16) != 0)
            continue;
        if (!set_mac(set, key, mac) ||
            EVP_DecryptInit_ex2(cipher, k->cipher, key->aes, iv, NULL) != 1)
            return -1;
        return i < NKEYS - 2 ? 2 : 1;
    }
    return 0;
}

/* ---- keys without a file ---- */

static unsigned char seed[32];
static bool seeded;

void
tls_ticket_seed(void)
{
    if (!seeded)
        seeded = getrandom(seed, sizeof(seed), 0) == (ssize_t)sizeof(seed);
}

void
ticket_keys_derive(SSL_CTX *ctx, const char *id)
{
    unsigned char keys[96]; /* name, MAC key, AES key: 80 bytes of it */
    bool ok = true;

    tls_ticket_seed();
    for (unsigned char i = 0; i < 3; i++) {
        struct text t = { 0 };
        text_mem(&t, (const char *)&i, 1);
        text_str(&t, id);
        ok = ok && HMAC(EVP_sha256(), seed, sizeof(seed), (const unsigned char *)t.p, t.len,
                        keys + 32 * i, NULL);
        text_fini(&t);
    }
    if (seeded && ok) /* else the library makes its own */
        SSL_CTX_set_tlsext_ticket_keys(ctx, keys, 80);
    OPENSSL_cleanse(keys, sizeof(keys));
}

void
ticket_keys_use(SSL_CTX *ctx, struct ticket_keys *k)
{
    if (ex_keys < 0)
        ex_keys = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    SSL_CTX_set_ex_data(ctx, ex_keys, k);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}
