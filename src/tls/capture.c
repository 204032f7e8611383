/* capture.c - what is kept of handshakes for the curious: lists of the hello, secrets for key logs.
 */
#include "tls/info.h"
#include "tls/tls_int.h"

#include <stdlib.h>
#include <xxhash.h>

/** Lists of a hello; the bytes follow the struct. */
struct tls_seen {
    uint16_t version;
    uint64_t cipher_hash;
    struct slice list[TLS_NLISTS];
    struct slice alpn;
};

struct tls_secrets {
    char *hex[TLS_NSECRETS];
};

static struct slice
ext_list(SSL *ssl, unsigned type, size_t head)
{
    const unsigned char *p;
    size_t len;

    /* a length of `head` bytes, then the list */
    if (SSL_client_hello_get0_ext(ssl, type, &p, &len) != 1 || len < head)
        return SLICE_NONE;
    return slice((const char *)p + head, len - head);
}

static struct slice
first_protocol(SSL *ssl)
{
    struct slice x = ext_list(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, 2);

    if (x.len < 2 || (unsigned char)x.p[0] > x.len - 1)
        return SLICE_NONE;
    return slice(x.p + 1, (unsigned char)x.p[0]);
}

static struct slice
copy(struct slice from, size_t max, char **to)
{
    struct slice s = slice(*to, MIN(from.len, max));

    if (!from.p)
        return SLICE_NONE;
    memcpy(*to, from.p, s.len);
    *to += s.len;
    return s;
}

void
hello_keep(struct tls_conn *t, SSL *ssl)
{
    struct slice from[TLS_NLISTS], alpn = first_protocol(ssl);
    size_t size = tls_tune.capture_size, need = MIN(alpn.len, size), nids = 0;
    const unsigned char *suites;
    int *ids = NULL;
    char raw[512];

    from[TLS_L_CIPHERS].len = SSL_client_hello_get0_ciphers(ssl, &suites);
    from[TLS_L_CIPHERS].p = (const char *)suites;
    from[TLS_L_GROUPS] = ext_list(ssl, TLSEXT_TYPE_supported_groups, 2);
    from[TLS_L_FORMATS] = ext_list(ssl, TLSEXT_TYPE_ec_point_formats, 1);
    from[TLS_L_SIGALGS] = ext_list(ssl, TLSEXT_TYPE_signature_algorithms, 2);
    from[TLS_L_VERSIONS] = ext_list(ssl, TLSEXT_TYPE_supported_versions, 1);
    if (SSL_client_hello_get1_extensions_present(ssl, &ids, &nids) != 1)
        nids = 0;
    nids = MIN(nids, sizeof(raw) / 2);
    for (size_t i = 0; i < nids; i++) {
        raw[2 * i] = (char)(ids[i] >> 8);
        raw[2 * i + 1] = (char)ids[i];
    }
    OPENSSL_free(ids);
    from[TLS_L_EXTENSIONS] = slice(raw, 2 * nids);
    for (unsigned i = 0; i < TLS_NLISTS; i++)
        need += MIN(from[i].len, size);
    struct tls_seen *h = malloc(sizeof(*h) + need);
    if (!h)
        return; /* a capture is not worth a connection */
    char *to = (char *)(h + 1);
    h->version = (uint16_t)SSL_client_hello_get0_legacy_version(ssl);
    h->cipher_hash = XXH64(from[TLS_L_CIPHERS].p, from[TLS_L_CIPHERS].len, 0);
    for (unsigned i = 0; i < TLS_NLISTS; i++)
        h->list[i] = copy(from[i], size, &to);
    h->alpn = copy(alpn, size, &to);
    hello_free(&t->seen);
    t->seen = h;
}

void
hello_free(struct tls_seen **h)
{
    free(*h);
    *h = NULL;
}

struct slice
tls_conn_list(const struct conn *c, enum tls_list which)
{
    const struct tls_conn *t = tls_of(c);

    return t && t->seen ? t->seen->list[which] : SLICE_NONE;
}

bool
tls_conn_cipher_hash(const struct conn *c, uint64_t *out)
{
    const struct tls_conn *t = tls_of(c);

    if (!t || !t->seen)
        return false;
    *out = t->seen->cipher_hash;
    return true;
}

struct slice
tls_conn_first_alpn(const struct conn *c)
{
    const struct tls_conn *t = tls_of(c);

    return t && t->seen ? t->seen->alpn : SLICE_NONE;
}

int
hello_version(const struct tls_conn *t)
{
    return t->seen ? t->seen->version : -1;
}

const char *
tls_suite_name(const struct conn *c, unsigned id)
{
    const struct tls_conn *t = tls_of(c);
    const unsigned char raw[2] = { (unsigned char)(id >> 8), (unsigned char)id };
    const SSL_CIPHER *known = t ? SSL_CIPHER_find(t->ssl, raw) : NULL;

    return known ? SSL_CIPHER_get_name(known) : NULL;
}

/* ---- secrets ---- */

static const char *const labels[TLS_NSECRETS] = {
    [TLS_SEC_CLIENT_EARLY] = "CLIENT_EARLY_TRAFFIC_SECRET",
    [TLS_SEC_CLIENT_HANDSHAKE] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    [TLS_SEC_SERVER_HANDSHAKE] = "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    [TLS_SEC_CLIENT_TRAFFIC] = "CLIENT_TRAFFIC_SECRET_0",
    [TLS_SEC_SERVER_TRAFFIC] = "SERVER_TRAFFIC_SECRET_0",
    [TLS_SEC_EXPORTER] = "EXPORTER_SECRET",
    [TLS_SEC_EARLY_EXPORTER] = "EARLY_EXPORTER_SECRET",
};

/* "LABEL client-random secret" */
void
secrets_note(const SSL *ssl, const char *line)
{
    struct tls_conn *t = tls_conn_of(ssl);
    struct slice rest, label = slice_cut(slice_str(line), ' ', &rest), secret;

    slice_cut(rest, ' ', &secret);
    if (!t || !secret.p)
        return;
    for (unsigned i = 0; i < TLS_NSECRETS; i++) {
        if (!slice_eq_str(label, labels[i]))
            continue;
        if (!t->secrets && !(t->secrets = calloc(1, sizeof(*t->secrets))))
            return;
        free(t->secrets->hex[i]);
        t->secrets->hex[i] = strndup(secret.p, secret.len);
    }
}

void
secrets_free(struct tls_secrets **sp)
{
    if (!*sp)
        return;
    for (unsigned i = 0; i < TLS_NSECRETS; i++)
        free((*sp)->hex[i]);
    free(*sp);
    *sp = NULL;
}

struct slice
tls_conn_secret(const struct conn *c, enum tls_secret which)
{
    const struct tls_conn *t = tls_of(c);

    return t && t->secrets ? slice_str(t->secrets->hex[which]) : SLICE_NONE;
}
