/* ocsp.c - responses to be stapled: parsing and checking (RFC 6960, RFC 6066 section 8). */
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OCSP_MAX (64u << 10) /* bytes of a response; real ones have about two thousand */

static time_t
time_of(const ASN1_GENERALIZEDTIME *t)
{
    struct tm tm;

    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

/* The certificate's own entry, NULL when the response is about others. */
static OCSP_SINGLERESP *
find_single(OCSP_BASICRESP *basic, const struct tls_cert *c)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
        ASN1_OBJECT *alg = NULL;
        OCSP_CERTID *theirs = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(one);
        if (!OCSP_id_get0_info(NULL, &alg, NULL, NULL, theirs))
            continue;
        OCSP_CERTID *mine = OCSP_cert_to_id(EVP_get_digestbyobj(alg), c->x509, c->issuer);
        bool same = mine && OCSP_id_cmp(mine, theirs) == 0;
        OCSP_CERTID_free(mine);
        if (same)
            return one;
    }
    return NULL;
}

static const char *
check(const struct tls_cert *c, OCSP_RESPONSE *r, time_t *expires)
{
    ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
    const char *why = NULL;
    int reason;

    if (!c->issuer)
        return "the issuer of the certificate is not known";
    if (OCSP_response_status(r) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return "OCSP response status not successful";
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(r);
    if (!basic)
        return "Failed to get basic response from OCSP Response";
    OCSP_SINGLERESP *one = find_single(basic, c);
    if (!one)
        why = "OCSP single response: no certificate of that issuer and number";
    else if (OCSP_single_get0_status(one, &reason, NULL, &this_update, &next_update) !=
             V_OCSP_CERTSTATUS_GOOD)
        why = "OCSP single response: certificate status is not good";
    else if (!next_update)
        why = "OCSP single response: missing nextupdate";
    else if (OCSP_check_validity(this_update, next_update, 300, -1) != 1)
        why = "OCSP single response: no longer valid";
    else
        *expires = time_of(next_update);
    OCSP_BASICRESP_free(basic);
    return why;
}

struct tls_ocsp *
ocsp_parse(const struct tls_cert *c, const unsigned char *der, size_t len, struct text *err)
{
    const unsigned char *p = der;
    OCSP_RESPONSE *r = len <= OCSP_MAX ? d2i_OCSP_RESPONSE(NULL, &p, (long)len) : NULL;
    time_t expires = 0;
    const char *why = r ? check(c, r, &expires) : "Unable to parse OCSP response";

    OCSP_RESPONSE_free(r);
    ERR_clear_error();
    if (why) {
        text_str(err, why);
        return NULL;
    }
    struct tls_ocsp *o = xmalloc(sizeof(*o) + len);
    o->expires = expires;
    o->len = (int)len;
    memcpy(o->der, der, len);
    return o;
}
