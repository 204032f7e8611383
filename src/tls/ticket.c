/* ticket.c - session tickets with keys from a file (tls-ticket-keys), so that several processes
 * share them. */
#include "tls/tls_int.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

#define NKEYS 3 /* older ones decrypt, the last one is there for a peer that rotates earlier */

struct ticket_key {
    unsigned char name[16], aes[32], mac[32];
};

struct ticket_keys {
    struct ticket_key key[NKEYS];
    size_t part; /* bytes of the AES and of the MAC key: 16 or 32 */
    EVP_CIPHER *cipher;
    EVP_MD *md;
};

static int ex_keys = -1;

static bool
take_line(struct ticket_keys *k, struct slice line, unsigned number, struct text *err)
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

struct ticket_keys *
ticket_keys_parse(struct slice text, struct text *err)
{
    struct ticket_keys *k = xcalloc(1, sizeof(*k));
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
    if (ok) {
        k->cipher = EVP_CIPHER_fetch(NULL, k->part == 16 ? "AES-128-CBC" : "AES-256-CBC", NULL);
        k->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    }
    if (!ok || !k->cipher || !k->md)
        ticket_keys_free(&k);
    return k;
}

void
ticket_keys_free(struct ticket_keys **kp)
{
    struct ticket_keys *k = *kp;

    if (!k)
        return;
    *kp = NULL;
    EVP_CIPHER_free(k->cipher);
    EVP_MD_free(k->md);
    OPENSSL_cleanse(k, sizeof(*k));
    free(k);
}

static bool
set_mac(const struct ticket_keys *k, const struct ticket_key *key, EVP_MAC_CTX *mac)
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
    const struct ticket_key *key = k ? &k->key[NKEYS - 2] : NULL;

    if (!k)
        return 0;
    if (encrypt) {
        memcpy(name, key->name, 16);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(k->cipher)) != 1 ||
            EVP_EncryptInit_ex2(cipher, k->cipher, key->aes, iv, NULL) != 1 ||
            !set_mac(k, key, mac))
            return -1;
        return 1;
    }
    for (unsigned i = 0; i < NKEYS; i++) {
        key = &k->key[i];
        if (memcmp(name, key->name, 16) != 0)
            continue;
        if (!set_mac(k, key, mac) ||
            EVP_DecryptInit_ex2(cipher, k->cipher, key->aes, iv, NULL) != 1)
            return -1;
        return i < NKEYS - 2 ? 2 : 1;
    }
    return 0;
}

void
ticket_keys_use(SSL_CTX *ctx, struct ticket_keys *k)
{
    if (ex_keys < 0)
        ex_keys = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    SSL_CTX_set_ex_data(ctx, ex_keys, k);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}
