/* draft.c - new versions of certificates, made part by part while the process runs. A draft is in
 * nobody's use until it is finished and put into the store. */
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static char *
copy_text(const char *s)
{
    return s ? xstrdup(s) : NULL;
}

struct tls_cert *
tls_draft_new(const char *name, const struct tls_cert *like)
{
    struct tls_cert *c = cert_new(name);

    if (!like)
        return c;
    c->crt_file = copy_text(like->crt_file);
    c->key_file = copy_text(like->key_file);
    c->issuer_file = copy_text(like->issuer_file);
    c->ocsp_file = copy_text(like->ocsp_file);
    c->sctl_file = copy_text(like->sctl_file);
    c->jwt = like->jwt;
    c->ocsp_update = like->ocsp_update;
    c->x509 = like->x509;
    c->issuer = like->issuer;
    c->key = like->key;
    c->dh = like->dh;
    if (c->x509)
        X509_up_ref(c->x509);
    if (c->issuer)
        X509_up_ref(c->issuer);
    if (c->key)
        EVP_PKEY_up_ref(c->key);
    if (c->dh)
        EVP_PKEY_up_ref(c->dh);
    c->chain = like->chain ? X509_chain_up_ref(like->chain) : NULL;
    const struct tls_ocsp *o = atomic_load(&like->ocsp);
    if (o) {
        struct tls_ocsp *mine = xmalloc(sizeof(*mine) + (size_t)o->len);
        memcpy(mine, o, sizeof(*mine) + (size_t)o->len);
        atomic_init(&c->ocsp, mine);
    }
    if (like->sctl_len) {
        c->sctl = xmalloc(like->sctl_len);
        memcpy(c->sctl, like->sctl, like->sctl_len);
        c->sctl_len = like->sctl_len;
    }
    return c;
}

/* ---- parts ---- */

/* What belongs to another certificate goes with it. */
static void
drop_facts(struct tls_cert *c)
{
    free(atomic_exchange(&c->ocsp, NULL));
    free(c->sctl);
    c->sctl = NULL;
    c->sctl_len = 0;
    X509_free(c->issuer);
    c->issuer = NULL;
}

static void
move_key(EVP_PKEY **to, EVP_PKEY **from)
{
    if (!*from)
        return;
    EVP_PKEY_free(*to);
    *to = *from;
    *from = NULL;
}

/* A certificate, its chain, and maybe its key and DH parameters. */
static bool
set_pem(struct tls_cert *c, struct slice pem, struct text *err)
{
    struct tls_cert *got = cert_new(c->name);
    bool ok = pem_load(got, c->name, pem, err);

    if (ok && !got->x509) {
        text_printf(err, "unable to load certificate from file '%s': it holds no certificate.",
                    c->name);
        ok = false;
    }
    if (ok) {
        if (!c->x509 || X509_cmp(c->x509, got->x509) != 0)
            drop_facts(c);
        X509_free(c->x509);
        sk_X509_pop_free(c->chain, X509_free);
        c->x509 = got->x509;
        c->chain = got->chain;
        got->x509 = NULL;
        got->chain = NULL;
        move_key(&c->key, &got->key);
        move_key(&c->dh, &got->dh);
    }
    tls_cert_free(&got);
    return ok;
}

static bool
set_key(struct tls_cert *c, struct slice pem, struct text *err)
{
    struct tls_cert *got = cert_new(c->name);
    bool ok = pem_load(got, c->name, pem, err);

    if (ok && !got->key) {
        text_printf(err, "unable to load private key from file '%s': it holds no key.", c->name);
        ok = false;
    }
    if (ok)
        move_key(&c->key, &got->key);
    tls_cert_free(&got);
    return ok;
}

static bool
set_ocsp(struct tls_cert *c, struct slice der, struct text *err)
{
    struct tls_ocsp *o = ocsp_parse(c, (const unsigned char *)der.p, der.len, err);

    if (!o)
        return false;
    free(atomic_exchange(&c->ocsp, o));
    return true;
}

static bool
set_decoded(struct tls_cert *c, enum tls_part part, struct slice base64, struct text *err)
{
    size_t len = 0;
    unsigned char *raw = pem_base64(base64, &len);
    struct slice data = slice((const char *)raw, len);
    bool ok = false;

    if (!raw || !len)
        text_printf(err, "the payload is not base64.");
    else
        ok = part == TLS_PART_OCSP ? set_ocsp(c, data, err) : cert_take_sctl(c, c->name, data, err);
    free(raw);
    return ok;
}

/* Authorities are looked for where the certificate's loading looks. */
static void
need_issuer(struct tls_cert *c)
{
    for (int i = 0; !c->issuer && i < sk_X509_num(c->chain); i++)
        if (X509_check_issued(sk_X509_value(c->chain, i), c->x509) == X509_V_OK &&
            X509_up_ref(sk_X509_value(c->chain, i)))
            c->issuer = sk_X509_value(c->chain, i);
}

bool
tls_draft_set(struct tls_cert *draft, enum tls_part part, struct slice data, struct text *err)
{
    if (part == TLS_PART_PEM)
        return set_pem(draft, data, err);
    if (part == TLS_PART_KEY)
        return set_key(draft, data, err);
    if (!draft->x509) {
        text_printf(err, "the certificate itself must be set before.");
        return false;
    }
    if (part == TLS_PART_ISSUER)
        return cert_take_issuer(draft, draft->name, data, err);
    need_issuer(draft);
    return set_decoded(draft, part, data, err);
}

static void
forget_names(struct tls_cert *c)
{
    for (unsigned i = 0; i < c->nnames; i++)
        free(c->names[i]);
    free(c->names);
    c->names = NULL;
    c->nnames = 0;
}

bool
tls_draft_finish(struct tls_cert *draft, struct text *err)
{
    forget_names(draft);
    return cert_complete(draft, draft->name, NULL, err);
}

/* ---- facts ---- */

bool
tls_cert_is_empty(const struct tls_cert *c)
{
    return !c->x509;
}

bool
tls_cert_verifies_jwt(const struct tls_cert *c)
{
    return c->jwt;
}

void
tls_cert_set_jwt(struct tls_cert *c, bool on)
{
    c->jwt = on;
}
