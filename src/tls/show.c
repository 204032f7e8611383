/* show.c - certificates and revocation lists in words, for the runtime API (management manual 9.3:
 * show ssl cert, show ssl ca-file, show ssl crl-file). */
#include "tls/ocsp.h"
#include "tls/tls_int.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

/* ---- pieces ---- */

static void
put_bio(struct text *to, BIO *b)
{
    char *p;
    long n = b ? BIO_get_mem_data(b, &p) : 0;

    if (n > 0)
        text_mem(to, p, (size_t)n);
    BIO_free(b);
    ERR_clear_error();
}

static void
put_time(struct text *to, const ASN1_TIME *t)
{
    BIO *b = BIO_new(BIO_s_mem());

    if (b && t)
        ASN1_TIME_print(b, t);
    put_bio(to, b);
}

static void
put_name(struct text *to, const char *title, X509_NAME *name)
{
    char *line = name ? X509_NAME_oneline(name, NULL, 0) : NULL;

    text_printf(to, "%s: %s\n", title, line ? line : "");
    OPENSSL_free(line);
}

static void
put_hex(struct text *to, const unsigned char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        text_printf(to, "%02X", p[i]);
}

static void
put_names(struct text *to, X509 *x)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    BIO *b = BIO_new(BIO_s_mem());

    for (int i = 0; b && i < sk_GENERAL_NAME_num(names); i++) {
        if (i)
            BIO_puts(b, ", ");
        GENERAL_NAME_print(b, sk_GENERAL_NAME_value(names, i));
    }
    text_str(to, "Subject Alternative Name: ");
    put_bio(to, b);
    text_char(to, '\n');
    GENERAL_NAMES_free(names);
}

static void
put_algorithm(struct text *to, X509 *x)
{
    EVP_PKEY *key = X509_get0_pubkey(x);
    int type = key ? EVP_PKEY_get_base_id(key) : NID_undef;
    const char *name = type == EVP_PKEY_RSA   ? "RSA"
                       : type == EVP_PKEY_EC  ? "EC"
                       : type == EVP_PKEY_DSA ? "DSA"
                                              : OBJ_nid2sn(type);

    text_printf(to, "Algorithm: %s%d\n", name ? name : "", key ? EVP_PKEY_get_bits(key) : 0);
}

void
show_x509(X509 *x, struct text *to)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    text_str(to, "Serial: ");
    put_hex(to, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
    text_str(to, "\nnotBefore: ");
    put_time(to, X509_get0_notBefore(x));
    text_str(to, "\nnotAfter: ");
    put_time(to, X509_get0_notAfter(x));
    text_char(to, '\n');
    put_names(to, x);
    put_algorithm(to, x);
    text_str(to, "SHA1 FingerPrint: ");
    if (X509_digest(x, EVP_sha1(), md, &len) == 1)
        put_hex(to, md, len);
    text_char(to, '\n');
    put_name(to, "Subject", X509_get_subject_name(x));
    put_name(to, "Issuer", X509_get_issuer_name(x));
}

/* ---- certificates ---- */

static void
put_file(struct text *to, const char *title, const char *file)
{
    if (file)
        text_printf(to, "%s filename: %s\n", title, file);
}

void
tls_cert_show_files(const struct tls_cert *c, struct text *to)
{
    put_file(to, "Crt", c->crt_file);
    put_file(to, "Key", c->key_file);
    put_file(to, "OCSP", c->ocsp_file);
    put_file(to, "SCTL", c->sctl_file);
    text_printf(to, "Option: ocsp-update %s\nOption: jwt %s\n", c->ocsp_update > 0 ? "on" : "off",
                c->jwt ? "on" : "off");
}

void
tls_cert_show(const struct tls_cert *c, struct text *to)
{
    if (c->x509)
        show_x509(c->x509, to);
    for (int i = 0; i < sk_X509_num(c->chain); i++) {
        put_name(to, "Chain Subject", X509_get_subject_name(sk_X509_value(c->chain, i)));
        put_name(to, "Chain Issuer", X509_get_issuer_name(sk_X509_value(c->chain, i)));
    }
    text_str(to, "OCSP Response Key: ");
    if (c->x509 && atomic_load(&c->ocsp))
        (void)tls_ocsp_id(c, to);
    text_char(to, '\n');
}

void
tls_cert_dump(const struct tls_cert *c, struct text *to)
{
    BIO *b = BIO_new(BIO_s_mem());

    if (b && c->key)
        PEM_write_bio_PrivateKey(b, c->key, NULL, NULL, 0, NULL, NULL);
    if (b && c->x509)
        PEM_write_bio_X509(b, c->x509);
    for (int i = 0; b && i < sk_X509_num(c->chain); i++)
        PEM_write_bio_X509(b, sk_X509_value(c->chain, i));
    put_bio(to, b);
}

const char *
tls_cert_kind(const struct tls_cert *c)
{
    return c->kind == TLS_KEY_ECDSA ? "ecdsa" : c->kind == TLS_KEY_RSA ? "rsa" : "dsa";
}

void
tls_cert_validity(const struct tls_cert *c, struct text *not_after, struct text *not_before)
{
    put_time(not_after, X509_get0_notAfter(c->x509));
    put_time(not_before, X509_get0_notBefore(c->x509));
}

bool
tls_cert_ended(const struct tls_cert *c, int64_t at)
{
    time_t t = (time_t)at;

    return X509_cmp_time(X509_get0_notAfter(c->x509), &t) < 0;
}

/* ---- revocation lists ---- */

void
show_crl(X509_CRL *crl, struct text *to)
{
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
    BIO *b = BIO_new(BIO_s_mem());

    text_printf(to, "Version %ld\nSignature Algorithm: %s\n", X509_CRL_get_version(crl) + 1,
                OBJ_nid2ln(X509_CRL_get_signature_nid(crl)));
    put_name(to, "Issuer", X509_CRL_get_issuer(crl));
    text_str(to, "Last Update: ");
    put_time(to, X509_CRL_get0_lastUpdate(crl));
    text_str(to, "\nNext Update: ");
    if (X509_CRL_get0_nextUpdate(crl))
        put_time(to, X509_CRL_get0_nextUpdate(crl));
    else
        text_str(to, "NONE");
    text_str(to, sk_X509_REVOKED_num(revoked) > 0 ? "\nRevoked Certificates:\n"
                                                  : "\nNo Revoked Certificates.\n");
    for (int i = 0; b && i < sk_X509_REVOKED_num(revoked); i++) {
        const X509_REVOKED *r = sk_X509_REVOKED_value(revoked, i);
        BIO_puts(b, "    Serial Number: ");
        i2a_ASN1_INTEGER(b, X509_REVOKED_get0_serialNumber(r));
        BIO_puts(b, "\n        Revocation Date: ");
        ASN1_TIME_print(b, X509_REVOKED_get0_revocationDate(r));
        BIO_puts(b, "\n");
    }
    put_bio(to, b);
}

/* ---- providers ---- */

static int
put_provider(OSSL_PROVIDER *p, void *arg)
{
    text_printf(arg, "\t- %s\n", OSSL_PROVIDER_get0_name(p));
    return 1;
}

void
tls_providers_show(struct text *to)
{
    OSSL_PROVIDER_do_all(NULL, put_provider, to);
}
