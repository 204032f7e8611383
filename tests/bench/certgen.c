/* certgen.c - makes many certificates fast: DIR/c00000.pem ..., each with its key and the authority behind it.
 *
 * usage: certgen DIR COUNT NAMES
 * Certificate i is for h<i * NAMES>.example .. h<i * NAMES + NAMES - 1>.example; all are signed by DIR/../ca.crt, which is made too. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static EVP_PKEY *ca_key;
static X509 *ca;

static void
extend(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX c;

    X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
    if (!e || X509_add_ext(x, e, -1) != 1)
        exit(1);
    X509_EXTENSION_free(e);
}

static X509 *
make(EVP_PKEY *key, long serial, const char *cn, const char *names)
{
    X509 *x = X509_new();
    X509_NAME *n = X509_get_subject_name(x);

    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 30L * 24 * 3600);
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_set_pubkey(x, key);
    X509_set_issuer_name(x, ca ? X509_get_subject_name(ca) : n);
    extend(x, ca ? ca : x, NID_basic_constraints, ca ? "CA:FALSE" : "critical,CA:TRUE");
    if (names)
        extend(x, ca, NID_subject_alt_name, names);
    if (X509_sign(x, ca_key, EVP_sha256()) <= 0)
        exit(1);
    return x;
}

static void
save(const char *path, X509 *x, EVP_PKEY *key)
{
    FILE *f = fopen(path, "w");

    if (!f) {
        perror(path);
        exit(1);
    }
    PEM_write_X509(f, x);
    if (key) {
        PEM_write_X509(f, ca);
        PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    }
    fclose(f);
}

int
main(int argc, char **argv)
{
    char path[4096];

    if (argc != 4)
        return 1;
    int count = atoi(argv[2]), each = atoi(argv[3]);
    char *names = malloc((size_t)each * 32 + 1);
    ca_key = EVP_EC_gen("P-256");
    ca = make(ca_key, 1, "Bench CA", NULL);
    snprintf(path, sizeof(path), "%s/../ca.crt", argv[1]);
    save(path, ca, NULL);
    for (int i = 0; i < count; i++) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        char cn[64];
        size_t at = 0;
        for (int k = 0; k < each; k++)
            at += (size_t)snprintf(names + at, 32, "%sDNS:h%d.example", k ? "," : "", i * each + k);
        snprintf(cn, sizeof(cn), "h%d.example", i * each);
        X509 *x = make(key, i + 2, cn, names);
        snprintf(path, sizeof(path), "%s/c%05d.pem", argv[1], i);
        save(path, x, key);
        X509_free(x);
        EVP_PKEY_free(key);
    }
    return 0;
}
