/* lib.c - the library as a whole: initialisation, versions, protocol lists, names of errors. */
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>

struct tls_tune tls_tune = {
    .cache_size = 20000,
    .lifetime_s = 300,
    .minted_max = 1000,
    .security_level = -1,
    .key_updates_per_s = 100,
};
int tls_ex_conn = -1;

void
tls_init(void)
{
    if (tls_ex_conn >= 0)
        return;
    OPENSSL_init_ssl(0, NULL);
    tls_ex_conn = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

bool
tls_load_provider(const char *name)
{
    tls_init();
    return OSSL_PROVIDER_load(NULL, name) != NULL;
}

bool
tls_set_provider_path(const char *dir)
{
    return OSSL_PROVIDER_set_default_search_path(NULL, dir) == 1;
}

bool
tls_set_properties(const char *query)
{
    return EVP_set_default_properties(NULL, query) == 1;
}

/* ---- versions ---- */

static const char *const version_names[TLS_NVERSIONS] = { "",        "SSLv3",   "TLSv1.0",
                                                          "TLSv1.1", "TLSv1.2", "TLSv1.3" };

enum tls_version
tls_version_find(const char *name)
{
    for (unsigned i = 1; i < TLS_NVERSIONS; i++)
        if (strcmp(version_names[i], name) == 0)
            return (enum tls_version)i;
    return TLS_UNSET;
}

const char *
tls_version_name(enum tls_version v)
{
    return version_names[v];
}

/* ---- protocols ---- */

int
tls_alpn_parse(const char *list, char *to, struct text *err)
{
    struct slice rest = slice_str(list);
    size_t len = 0;

    if (!rest.len) {
        text_str(err, "empty protocol name");
        return -1;
    }
    do {
        struct slice name = slice_cut(rest, ',', &rest);
        if (name.len > 255) {
            text_str(err, "protocol name is too long");
            return -1;
        }
        if (!name.len)
            continue;
        to[len++] = (char)name.len;
        memcpy(to + len, name.p, name.len);
        len += name.len;
    } while (rest.p);
    return (int)len;
}

/* ---- verification errors ---- */

/* Names that the manual's table does not derive from the number; X(name without X509_V_ERR_). */
#define VERIFY_ERRORS(X)                                                                           \
    X(UNSPECIFIED)                                                                                 \
    X(UNABLE_TO_GET_ISSUER_CERT)                                                                   \
    X(UNABLE_TO_GET_CRL)                                                                           \
    X(UNABLE_TO_DECRYPT_CERT_SIGNATURE)                                                            \
    X(UNABLE_TO_DECRYPT_CRL_SIGNATURE)                                                             \
    X(UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY)                                                          \
    X(CERT_SIGNATURE_FAILURE)                                                                      \
    X(CRL_SIGNATURE_FAILURE)                                                                       \
    X(CERT_NOT_YET_VALID)                                                                          \
    X(CERT_HAS_EXPIRED)                                                                            \
    X(CRL_NOT_YET_VALID)                                                                           \
    X(CRL_HAS_EXPIRED)                                                                             \
    X(ERROR_IN_CERT_NOT_BEFORE_FIELD)                                                              \
    X(ERROR_IN_CERT_NOT_AFTER_FIELD)                                                               \
    X(ERROR_IN_CRL_LAST_UPDATE_FIELD)                                                              \
    X(ERROR_IN_CRL_NEXT_UPDATE_FIELD)                                                              \
    X(OUT_OF_MEM)                                                                                  \
    X(DEPTH_ZERO_SELF_SIGNED_CERT)                                                                 \
    X(SELF_SIGNED_CERT_IN_CHAIN)                                                                   \
    X(UNABLE_TO_GET_ISSUER_CERT_LOCALLY)                                                           \
    X(UNABLE_TO_VERIFY_LEAF_SIGNATURE)                                                             \
    X(CERT_CHAIN_TOO_LONG)                                                                         \
    X(CERT_REVOKED)                                                                                \
    X(NO_ISSUER_PUBLIC_KEY)                                                                        \
    X(INVALID_CA)                                                                                  \
    X(PATH_LENGTH_EXCEEDED)                                                                        \
    X(INVALID_PURPOSE)                                                                             \
    X(CERT_UNTRUSTED)                                                                              \
    X(CERT_REJECTED)                                                                               \
    X(SUBJECT_ISSUER_MISMATCH)                                                                     \
    X(AKID_SKID_MISMATCH)                                                                          \
    X(AKID_ISSUER_SERIAL_MISMATCH)                                                                 \
    X(KEYUSAGE_NO_CERTSIGN)                                                                        \
    X(UNABLE_TO_GET_CRL_ISSUER)                                                                    \
    X(UNHANDLED_CRITICAL_EXTENSION)                                                                \
    X(KEYUSAGE_NO_CRL_SIGN)                                                                        \
    X(UNHANDLED_CRITICAL_CRL_EXTENSION)                                                            \
    X(INVALID_NON_CA)                                                                              \
    X(PROXY_PATH_LENGTH_EXCEEDED)                                                                  \
    X(KEYUSAGE_NO_DIGITAL_SIGNATURE)                                                               \
    X(PROXY_CERTIFICATES_NOT_ALLOWED)                                                              \
    X(INVALID_EXTENSION)                                                                           \
    X(INVALID_POLICY_EXTENSION)                                                                    \
    X(NO_EXPLICIT_POLICY)                                                                          \
    X(DIFFERENT_CRL_SCOPE)                                                                         \
    X(UNSUPPORTED_EXTENSION_FEATURE)                                                               \
    X(UNNESTED_RESOURCE)                                                                           \
    X(PERMITTED_VIOLATION)                                                                         \
    X(EXCLUDED_VIOLATION)                                                                          \
    X(SUBTREE_MINMAX)                                                                              \
    X(APPLICATION_VERIFICATION)                                                                    \
    X(UNSUPPORTED_CONSTRAINT_TYPE)                                                                 \
    X(UNSUPPORTED_CONSTRAINT_SYNTAX)                                                               \
    X(UNSUPPORTED_NAME_SYNTAX)                                                                     \
    X(CRL_PATH_VALIDATION_ERROR)                                                                   \
    X(PATH_LOOP)                                                                                   \
    X(SUITE_B_INVALID_VERSION)                                                                     \
    X(SUITE_B_INVALID_ALGORITHM)                                                                   \
    X(SUITE_B_INVALID_CURVE)                                                                       \
    X(SUITE_B_INVALID_SIGNATURE_ALGORITHM)                                                         \
    X(SUITE_B_LOS_NOT_ALLOWED)                                                                     \
    X(SUITE_B_CANNOT_SIGN_P_384_WITH_P_256)                                                        \
    X(HOSTNAME_MISMATCH)                                                                           \
    X(EMAIL_MISMATCH)                                                                              \
    X(IP_ADDRESS_MISMATCH)                                                                         \
    X(DANE_NO_MATCH)                                                                               \
    X(EE_KEY_TOO_SMALL)                                                                            \
    X(CA_KEY_TOO_SMALL)                                                                            \
    X(CA_MD_TOO_WEAK)                                                                              \
    X(INVALID_CALL)                                                                                \
    X(STORE_LOOKUP)                                                                                \
    X(NO_VALID_SCTS)                                                                               \
    X(PROXY_SUBJECT_NAME_VIOLATION)                                                                \
    X(OCSP_VERIFY_NEEDED)                                                                          \
    X(OCSP_VERIFY_FAILED)                                                                          \
    X(OCSP_CERT_UNKNOWN)                                                                           \
    X(UNSUPPORTED_SIGNATURE_ALGORITHM)                                                             \
    X(SIGNATURE_ALGORITHM_MISMATCH)                                                                \
    X(SIGNATURE_ALGORITHM_INCONSISTENCY)                                                           \
    X(INVALID_CA)                                                                                  \
    X(PATHLEN_INVALID_FOR_NON_CA)                                                                  \
    X(PATHLEN_WITHOUT_KU_KEY_CERT_SIGN)                                                            \
    X(KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA)                                                         \
    X(ISSUER_NAME_EMPTY)                                                                           \
    X(SUBJECT_NAME_EMPTY)                                                                          \
    X(MISSING_AUTHORITY_KEY_IDENTIFIER)                                                            \
    X(MISSING_SUBJECT_KEY_IDENTIFIER)                                                              \
    X(EMPTY_SUBJECT_ALT_NAME)                                                                      \
    X(EMPTY_SUBJECT_SAN_NOT_CRITICAL)                                                              \
    X(CA_BCONS_NOT_CRITICAL)                                                                       \
    X(AUTHORITY_KEY_IDENTIFIER_CRITICAL)                                                           \
    X(SUBJECT_KEY_IDENTIFIER_CRITICAL)                                                             \
    X(CA_CERT_MISSING_KEY_USAGE)                                                                   \
    X(EXTENSIONS_REQUIRE_VERSION_3)                                                                \
    X(EC_KEY_EXPLICIT_PARAMS)

static const struct {
    const char *name;
    int id;
} verify_errors[] = { { "X509_V_OK", X509_V_OK },
#define X(n) { "X509_V_ERR_" #n, X509_V_ERR_##n },
                      VERIFY_ERRORS(X)
#undef X
};

int
tls_error_id(struct slice name)
{
    uint64_t n;

    if (slice_to_uint(name, &n))
        return n >= 1 && n <= (uint64_t)tls_error_id_max() ? (int)n : -1;
    for (unsigned i = 1; i < COUNT_OF(verify_errors); i++)
        if (slice_eq_str(name, verify_errors[i].name))
            return verify_errors[i].id;
    return -1;
}

const char *
tls_error_name(int64_t id)
{
    for (unsigned i = 0; i < COUNT_OF(verify_errors); i++)
        if (verify_errors[i].id == id)
            return verify_errors[i].name;
    return NULL;
}

int
tls_error_id_max(void)
{
    return X509_V_ERR_EC_KEY_EXPLICIT_PARAMS;
}
