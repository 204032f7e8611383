/* ocsp.c - OCSP responses to be stapled: parsing, checking, showing them, asking for new ones (RFC
 * 6960, RFC 6066 section 8).
 *
 * Identifiers are computed when they are needed: that is rare, and memory for thousands of
 * certificates is not. */
#include "tls/ocsp.h"
#include "base/epoch.h"
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
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

/* ---- whose a response is ---- */

bool
tls_ocsp_set_update(struct tls_cert *c, bool on)
{
    int value = on ? 1 : -1;

    if (c->ocsp_update && c->ocsp_update != value)
        return false;
    c->ocsp_update = (signed char)value;
    return true;
}

int
tls_ocsp_update(const struct tls_cert *c)
{
    return c->ocsp_update;
}

static OCSP_CERTID *
id_of(const struct tls_cert *c)
{
    OCSP_CERTID *id = c->issuer ? OCSP_cert_to_id(EVP_sha1(), c->x509, c->issuer) : NULL;

    if (!id)
        ERR_clear_error();
    return id;
}

bool
tls_ocsp_id(const struct tls_cert *c, struct text *to)
{
    OCSP_CERTID *id = id_of(c);
    unsigned char *der = NULL;
    int len = id ? i2d_OCSP_CERTID(id, &der) : 0;

    for (int i = 0; i < len; i++)
        text_printf(to, "%02x", der[i]);
    OPENSSL_free(der);
    OCSP_CERTID_free(id);
    return len > 0;
}

bool
tls_ocsp_uri(const struct tls_cert *c, struct text *to)
{
    STACK_OF(OPENSSL_STRING) *all = c->x509 ? X509_get1_ocsp(c->x509) : NULL;
    bool found = false;

    for (int i = 0; !found && i < sk_OPENSSL_STRING_num(all); i++) {
        const char *uri = sk_OPENSSL_STRING_value(all, i);
        found = slice_starts_nocase(slice_str(uri), SL("http://"));
        if (found)
            text_str(to, uri);
    }
    X509_email_free(all);
    ERR_clear_error();
    return found;
}

bool
tls_ocsp_request(const struct tls_cert *c, struct text *to)
{
    OCSP_REQUEST *r = OCSP_REQUEST_new();
    OCSP_CERTID *id = id_of(c);
    unsigned char *der = NULL;
    int len = 0;

    if (r && id && OCSP_request_add0_id(r, id)) {
        id = NULL; /* the request's now */
        len = i2d_OCSP_REQUEST(r, &der);
    }
    if (len > 0)
        text_mem(to, der, (size_t)len);
    OPENSSL_free(der);
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(r);
    ERR_clear_error();
    return len > 0;
}

/* ---- checking ---- */

static bool
is_about(const OCSP_SINGLERESP *one, const struct tls_cert *c)
{
    OCSP_CERTID *theirs = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(one);
    ASN1_OBJECT *alg = NULL;
    ASN1_INTEGER *serial = NULL;

    if (!c->issuer || !OCSP_id_get0_info(NULL, &alg, NULL, &serial, theirs) ||
        ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(c->x509)) != 0)
        return false;
    const EVP_MD *md = EVP_get_digestbyobj(alg);
    OCSP_CERTID *mine = md ? OCSP_cert_to_id(md, c->x509, c->issuer) : NULL;
    bool same = mine && OCSP_id_cmp(mine, theirs) == 0;
    OCSP_CERTID_free(mine);
    return same;
}

/* The certificate's own entry, NULL when the response is about others. */
static OCSP_SINGLERESP *
find_single(OCSP_BASICRESP *basic, const struct tls_cert *c)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
        if (is_about(one, c))
            return one;
    }
    return NULL;
}

/* Signed by the issuer, or by a responder that it delegated to (RFC 6960, 4.2.2.2). */
static bool
is_signed(const struct tls_cert *c, OCSP_BASICRESP *basic)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *certs = sk_X509_new_null();
    bool ok = store && certs && X509_STORE_add_cert(store, c->issuer) == 1 &&
              sk_X509_push(certs, c->issuer) > 0;

    if (ok) {
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
        ok = OCSP_basic_verify(basic, certs, store, OCSP_TRUSTOTHER) == 1;
    }
    sk_X509_free(certs);
    X509_STORE_free(store);
    return ok;
}

static const char *
check_single(OCSP_SINGLERESP *one, time_t *expires)
{
    ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
    int reason, status = OCSP_single_get0_status(one, &reason, NULL, &this_update, &next_update);

    /* that a certificate is revoked is for clients to know */
    if (status != V_OCSP_CERTSTATUS_GOOD && status != V_OCSP_CERTSTATUS_REVOKED)
        return "OCSP single response: certificate status is unknown";
    if (!next_update)
        return "OCSP single response: missing nextupdate";
    if (OCSP_check_validity(this_update, next_update, 300, -1) != 1)
        return "OCSP single response: no longer valid";
    *expires = time_of(next_update);
    return NULL;
}

static const char *
check(const struct tls_cert *c, OCSP_BASICRESP *basic, enum tls_ocsp_check level, time_t *expires)
{
    if (!c->issuer)
        return "the issuer of the certificate is not known";
    OCSP_SINGLERESP *one = find_single(basic, c);
    if (!one)
        return "OCSP single response: Certificate ID does not match certificate and issuer";
    const char *why = check_single(one, expires);
    if (!why && level == TLS_OCSP_SIGNED && !is_signed(c, basic))
        why = "OCSP response: its signature is not that of the issuer";
    return why;
}

static OCSP_BASICRESP *
read_basic(struct slice der, const char **why)
{
    const unsigned char *p = (const unsigned char *)der.p;
    OCSP_RESPONSE *r = der.len <= OCSP_MAX ? d2i_OCSP_RESPONSE(NULL, &p, (long)der.len) : NULL;
    OCSP_BASICRESP *basic = NULL;

    if (!r)
        *why = "Unable to parse OCSP response";
    else if (OCSP_response_status(r) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        *why = "OCSP response status not successful";
    else if (!(basic = OCSP_response_get1_basic(r)))
        *why = "Failed to get basic response from OCSP Response";
    OCSP_RESPONSE_free(r);
    return basic;
}

static struct tls_ocsp *
ocsp_new(struct slice der, time_t expires)
{
    struct tls_ocsp *o = xmalloc(sizeof(*o) + der.len);

    o->expires = expires;
    o->len = (int)der.len;
    memcpy(o->der, der.p, der.len);
    return o;
}

struct tls_ocsp *
ocsp_parse(const struct tls_cert *c, const unsigned char *der, size_t len, struct text *err)
{
    struct slice in = slice((const char *)der, len);
    const char *why = NULL;
    time_t expires = 0;
    OCSP_BASICRESP *basic = read_basic(in, &why);

    if (basic)
        why = check(c, basic, TLS_OCSP_CONTENT, &expires);
    OCSP_BASICRESP_free(basic);
    ERR_clear_error();
    if (why) {
        text_str(err, why);
        return NULL;
    }
    return ocsp_new(in, expires);
}

/* ---- putting in place ---- */

/** One response on its way to the certificates it is for. */
struct install {
    struct slice der;
    OCSP_BASICRESP *basic;
    enum tls_ocsp_check level;
    const char *why; /* of the last certificate that did not take it */
    unsigned taken;
};

static void
offer(struct tls_cert *c, void *arg)
{
    struct install *in = arg;
    time_t expires = 0;

    if (!find_single(in->basic, c))
        return;
    const char *why = check(c, in->basic, in->level, &expires);
    if (why) {
        in->why = why;
        return;
    }
    struct tls_ocsp *old = atomic_exchange(&c->ocsp, ocsp_new(in->der, expires));
    if (old)
        epoch_retire(free, old);
    in->taken++;
}

bool
tls_ocsp_install(const struct tls_cert *c, struct slice der, enum tls_ocsp_check level,
                 struct text *err)
{
    struct install in = { .der = der, .level = level };
    time_t ignored;

    in.basic = read_basic(der, &in.why);
    if (in.basic && c)
        in.why = check(c, in.basic, level, &ignored);
    if (in.basic && !in.why) {
        store_each(offer, &in);
        if (!in.taken && !in.why)
            in.why =
                "OCSP single response: Certificate ID does not match any certificate or issuer";
    }
    OCSP_BASICRESP_free(in.basic);
    ERR_clear_error();
    if (in.taken)
        return true;
    text_str(err, in.why);
    return false;
}

int64_t
tls_ocsp_expires(const struct tls_cert *c)
{
    const struct tls_ocsp *o = atomic_load(&c->ocsp);

    return o ? o->expires : 0;
}

/* ---- showing ---- */

static void
list_one(struct tls_cert *c, void *arg)
{
    struct text *to = arg, hex = { 0 };
    ASN1_OCTET_STRING *name_hash = NULL, *key_hash = NULL;
    ASN1_INTEGER *serial = NULL;
    OCSP_CERTID *id = atomic_load(&c->ocsp) || c->ocsp_update > 0 ? id_of(c) : NULL;

    if (!id || !tls_ocsp_id(c, &hex) ||
        !OCSP_id_get0_info(&name_hash, NULL, &key_hash, &serial, id))
        goto out;
    BIO *b = BIO_new(BIO_s_mem());
    if (!b)
        goto out;
    BIO_printf(b, "Certificate ID key : %s\nCertificate path : %s\n Certificate ID:\n", hex.p,
               c->name);
    BIO_puts(b, "   Issuer Name Hash: ");
    i2a_ASN1_STRING(b, name_hash, 0);
    BIO_puts(b, "\n   Issuer Key Hash: ");
    i2a_ASN1_STRING(b, key_hash, 0);
    BIO_puts(b, "\n   Serial Number: ");
    i2a_ASN1_INTEGER(b, serial);
    BIO_puts(b, "\n");
    char *p;
    long n = BIO_get_mem_data(b, &p);
    text_mem(to, p, n > 0 ? (size_t)n : 0);
    BIO_free(b);
out:
    OCSP_CERTID_free(id);
    text_fini(&hex);
}

void
tls_ocsp_list(struct text *to)
{
    text_str(to, "# Certificate IDs\n");
    store_each(list_one, to);
}

struct search {
    const char *id;
    struct tls_cert *found;
};

static void
match_id(struct tls_cert *c, void *arg)
{
    struct search *s = arg;
    struct text hex = { 0 };

    if (!s->found && atomic_load(&c->ocsp) && tls_ocsp_id(c, &hex) && strcmp(hex.p, s->id) == 0)
        s->found = c;
    text_fini(&hex);
}

/* An empty line would end the answer of the runtime API. */
static void
put_lines(struct text *to, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\n' && i > 0 && p[i - 1] == '\n')
            text_char(to, ' ');
        text_char(to, p[i]);
    }
}

static void
print(const struct tls_ocsp *o, struct text *to)
{
    const unsigned char *p = o->der;
    OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &p, o->len);
    BIO *b = r ? BIO_new(BIO_s_mem()) : NULL;
    char *text;

    if (b && OCSP_RESPONSE_print(b, r, 0)) {
        long n = BIO_get_mem_data(b, &text);
        put_lines(to, text, n > 0 ? (size_t)n : 0);
    }
    BIO_free(b);
    OCSP_RESPONSE_free(r);
    ERR_clear_error();
}

static void
print_base64(const struct tls_ocsp *o, struct text *to)
{
    size_t size = (size_t)o->len / 3 * 4 + 8;
    char *line = xmalloc(size);
    int n = EVP_EncodeBlock((unsigned char *)line, o->der, o->len);

    text_mem(to, line, (size_t)n);
    text_char(to, '\n');
    free(line);
}

bool
tls_ocsp_show(const char *id, enum tls_ocsp_form form, struct text *to)
{
    struct search s = { id, tls_store_get(id) };

    if (!s.found)
        store_each(match_id, &s);
    const struct tls_ocsp *o = s.found ? atomic_load(&s.found->ocsp) : NULL;
    if (!o)
        return false;
    if (form == TLS_OCSP_BASE64)
        print_base64(o, to);
    else
        print(o, to);
    return true;
}
