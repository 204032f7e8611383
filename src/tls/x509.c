/* x509.c - facts about certificates of connections. */
#include "tls/info.h"
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

static X509 *
cert_of(const struct conn *c, enum tls_whose whose)
{
    const struct tls_conn *t = tls_of(c);

    if (!t)
        return NULL;
    if (whose == TLS_OF_FRONT) {
        X509 *x = SSL_get_certificate(t->ssl);
        return x ? x : t->entry ? t->entry->cert->x509 : NULL;
    }
    X509 *x = SSL_get0_peer_certificate(t->ssl);
    return x ? x : t->bad_peer;
}

/* ---- bytes ---- */

static struct slice
der_of(X509 *x, struct arena *tmp)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    struct slice s = len > 0 ? arena_keep(tmp, slice_bytes(der, (size_t)len)) : SLICE_NONE;

    OPENSSL_free(der);
    return s;
}

static struct slice
chain_der(const struct conn *c, struct arena *tmp)
{
    const struct tls_conn *t = tls_of(c);
    STACK_OF(X509) *chain = t ? SSL_get_peer_cert_chain(t->ssl) : NULL;
    size_t total = 0;

    for (int i = 0; i < sk_X509_num(chain); i++)
        total += (size_t)MAX(i2d_X509(sk_X509_value(chain, i), NULL), 0);
    unsigned char *buf = total ? arena_alloc(tmp, total) : NULL, *p = buf;
    for (int i = 0; buf && i < sk_X509_num(chain); i++)
        i2d_X509(sk_X509_value(chain, i), &p);
    return buf ? slice((char *)buf, (size_t)(p - buf)) : SLICE_NONE;
}

struct slice
tls_cert_bytes(const struct conn *c, enum tls_whose whose, enum tls_cert_bytes what,
               struct arena *tmp)
{
    X509 *x = what == TLS_C_CHAIN_DER ? NULL : cert_of(c, whose);
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (what == TLS_C_CHAIN_DER)
        return chain_der(c, tmp);
    if (!x)
        return SLICE_NONE;
    switch (what) {
    case TLS_C_SERIAL: {
        const ASN1_INTEGER *n = X509_get0_serialNumber(x);
        return arena_keep(tmp,
                          slice_bytes(ASN1_STRING_get0_data(n), (size_t)ASN1_STRING_length(n)));
    }
    case TLS_C_SHA1:
        return X509_digest(x, EVP_sha1(), md, &len) == 1 ? arena_keep(tmp, slice_bytes(md, len))
                                                         : SLICE_NONE;
    case TLS_C_DER:
    case TLS_C_CHAIN_DER:
        break;
    }
    return der_of(x, tmp);
}

/* ---- texts ---- */

static struct slice
time_text(const ASN1_TIME *t, struct arena *tmp)
{
    const char *p = (const char *)ASN1_STRING_get0_data(t);
    size_t len = (size_t)ASN1_STRING_length(t);

    if (ASN1_STRING_type(t) == V_ASN1_GENERALIZEDTIME) {
        if (len < 12 || memcmp(p, "20", 2) != 0)
            return SLICE_NONE; /* not in this century: cannot be written with two digits */
        p += 2;
        len -= 2;
    }
    return arena_keep(tmp, slice(p, len));
}

static struct slice
bio_text(BIO *b, struct arena *tmp)
{
    char *p;
    long n = BIO_get_mem_data(b, &p);
    struct slice s = n > 0 ? arena_keep(tmp, slice(p, (size_t)n)) : SLICE_NONE;

    BIO_free(b);
    return s;
}

static struct slice
alternative_names(X509 *x, struct arena *tmp)
{
    int at = X509_get_ext_by_NID(x, NID_subject_alt_name, -1);
    BIO *b = at >= 0 ? BIO_new(BIO_s_mem()) : NULL;

    if (!b)
        return SLICE_NONE;
    X509V3_EXT_print(b, X509_get_ext(x, at), 0, 0);
    ERR_clear_error();
    return bio_text(b, tmp);
}

static struct slice
name_of(int nid)
{
    const char *s = nid == NID_undef ? NULL : OBJ_nid2sn(nid);

    return s ? slice_str(s) : SLICE_NONE;
}

/* "RSA2048", "EC256" */
static struct slice
key_size(X509 *x, struct arena *tmp)
{
    EVP_PKEY *key = X509_get0_pubkey(x);
    char text[32];
    struct out o = OUT(text);
    int type = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;

    if (!key)
        return SLICE_NONE;
    out_str(&o, type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS ? "RSA"
                : type == EVP_PKEY_EC                            ? "EC"
                : type == EVP_PKEY_DSA                           ? "DSA"
                                                                 : OBJ_nid2sn(type));
    out_int(&o, EVP_PKEY_get_bits(key));
    return arena_keep(tmp, slice(text, o.len));
}

struct slice
tls_cert_text(const struct conn *c, enum tls_whose whose, enum tls_cert_text what,
              struct arena *tmp)
{
    X509 *x = cert_of(c, whose);
    ASN1_OBJECT *alg = NULL;

    if (!x)
        return SLICE_NONE;
    switch (what) {
    case TLS_C_KEY_ALG:
        X509_PUBKEY_get0_param(&alg, NULL, NULL, NULL, X509_get_X509_PUBKEY(x));
        return name_of(OBJ_obj2nid(alg));
    case TLS_C_KEY_SIZE:
        return key_size(x, tmp);
    case TLS_C_SIG_ALG:
        return name_of(X509_get_signature_nid(x));
    case TLS_C_NOT_AFTER:
        return time_text(X509_get0_notAfter(x), tmp);
    case TLS_C_NOT_BEFORE:
        return time_text(X509_get0_notBefore(x), tmp);
    case TLS_C_SAN:
        return alternative_names(x, tmp);
    }
    return SLICE_NONE;
}

bool
tls_cert_version(const struct conn *c, enum tls_whose whose, int64_t *out)
{
    X509 *x = cert_of(c, whose);

    if (x)
        *out = X509_get_version(x) + 1;
    return x != NULL;
}

/* ---- names ---- */

static const char *
entry_name(const X509_NAME_ENTRY *e, char *buf, size_t size)
{
    const ASN1_OBJECT *o = X509_NAME_ENTRY_get_object(e);
    int nid = OBJ_obj2nid(o);

    if (nid != NID_undef && OBJ_nid2sn(nid))
        return OBJ_nid2sn(nid);
    return OBJ_obj2txt(buf, (int)size, o, 1) > 0 ? buf : "";
}

static struct slice
entry_value(const X509_NAME_ENTRY *e)
{
    const ASN1_STRING *s = X509_NAME_ENTRY_get_data(e);

    return slice((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static struct slice
one_entry(X509_NAME *name, struct slice wanted, int64_t occurrence, struct arena *tmp)
{
    int n = X509_NAME_entry_count(name);
    int64_t left = occurrence < 0 ? -occurrence : occurrence ? occurrence : 1;
    char buf[128];

    for (int i = 0; i < n; i++) {
        const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, occurrence < 0 ? n - 1 - i : i);
        if (!slice_eq_nocase(slice_str(entry_name(e, buf, sizeof(buf))), wanted) || --left)
            continue;
        struct slice v = entry_value(e);
        return arena_keep(tmp, slice(v.p, v.len));
    }
    return SLICE_NONE;
}

/* "/C=FR/O=Name/CN=x" */
static struct slice
one_line(X509_NAME *name, struct arena *tmp)
{
    int n = X509_NAME_entry_count(name);
    char buf[128];
    size_t total = 0;

    for (int i = 0; i < n; i++) {
        const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
        total += strlen(entry_name(e, buf, sizeof(buf))) + entry_value(e).len + 2;
    }
    char *p = total ? arena_alloc(tmp, total) : NULL;
    struct out o = { p, 0, p ? total : 0, false };
    for (int i = 0; p && i < n; i++) {
        const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
        out_char(&o, '/');
        out_str(&o, entry_name(e, buf, sizeof(buf)));
        out_char(&o, '=');
        out_slice_put(&o, entry_value(e));
    }
    return out_slice(&o);
}

static struct slice
ldap_form(X509_NAME *name, struct arena *tmp)
{
    BIO *b = BIO_new(BIO_s_mem());

    if (!b)
        return SLICE_NONE;
    X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253);
    return bio_text(b, tmp);
}

static X509_NAME *
dn_of(const struct conn *c, enum tls_whose whose, enum tls_dn dn)
{
    if (dn == TLS_DN_ROOT) {
        const struct tls_conn *t = tls_of(c);
        STACK_OF(X509) *chain = t ? SSL_get0_verified_chain(t->ssl) : NULL;
        int n = sk_X509_num(chain);
        return n > 0 ? X509_get_subject_name(sk_X509_value(chain, n - 1)) : NULL;
    }
    X509 *x = cert_of(c, whose);
    return !x ? NULL : dn == TLS_DN_ISSUER ? X509_get_issuer_name(x) : X509_get_subject_name(x);
}

struct slice
tls_cert_dn(const struct conn *c, enum tls_whose whose, enum tls_dn dn,
            const struct tls_dn_part *part, struct arena *tmp)
{
    X509_NAME *name = dn_of(c, whose, dn);
    struct slice s;

    if (!name)
        return SLICE_NONE;
    if (part->entry.len)
        s = one_entry(name, part->entry, part->occurrence, tmp);
    else
        s = part->rfc2253 ? ldap_form(name, tmp) : one_line(name, tmp);
    /* A NUL inside would make "good.example\0.evil" look like something else further on. */
    return s.p && memchr(s.p, '\0', s.len) ? SLICE_NONE : s;
}

struct slice
tls_cert_policies(const struct conn *c, enum tls_whose whose, struct slice only, struct arena *tmp)
{
    X509 *x = cert_of(c, whose);
    CERTIFICATEPOLICIES *all = x ? X509_get_ext_d2i(x, NID_certificate_policies, NULL, NULL) : NULL;
    char line[1024], oid[128];
    struct out o = OUT(line);
    bool found = !only.len;

    for (int i = 0; i < sk_POLICYINFO_num(all); i++) {
        if (OBJ_obj2txt(oid, sizeof(oid), sk_POLICYINFO_value(all, i)->policyid, 1) <= 0)
            continue;
        found |= slice_eq_str(only, oid);
        out_printf(&o, "%s%s", o.len ? "," : "", oid);
    }
    CERTIFICATEPOLICIES_free(all);
    ERR_clear_error();
    return found && o.len ? arena_keep(tmp, slice(line, o.len)) : SLICE_NONE;
}
