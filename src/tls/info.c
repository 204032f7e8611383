/* info.c - facts about connections. */
#include "tls/info.h"

#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/evp.h>

/* ---- failures ---- */

unsigned long
tls_conn_lib_error(const struct conn *c)
{
    const struct tls_conn *t = tls_of(c);

    return t ? t->lib_err : 0;
}

size_t
tls_conn_lib_error_text(const struct conn *c, char *to, size_t size)
{
    unsigned long e = tls_conn_lib_error(c);

    to[0] = '\0';
    if (e)
        ERR_error_string_n(e, to, size);
    return strlen(to);
}

/* ---- texts ---- */

static struct slice
text_or_none(const char *s)
{
    return s && *s && strcmp(s, "(NONE)") != 0 ? slice_str(s) : SLICE_NONE;
}

static struct slice
curve_name(SSL *ssl)
{
    int nid = (int)SSL_get_negotiated_group(ssl);

    return nid == NID_undef ? SLICE_NONE : text_or_none(SSL_group_to_name(ssl, nid));
}

static struct slice
sigscheme_name(SSL *ssl, struct arena *tmp)
{
    int hash = 0, type = 0;
    char line[80];

    if (SSL_get_signature_nid(ssl, &hash) != 1 || SSL_get_signature_type_nid(ssl, &type) != 1)
        return SLICE_NONE;
    struct out o = OUT(line);
    out_printf(&o, "%s-%s", OBJ_nid2sn(type), OBJ_nid2sn(hash));
    return arena_keep(tmp, slice(line, o.len));
}

struct slice
tls_conn_text(const struct conn *c, enum tls_text what, struct arena *tmp)
{
    const struct tls_conn *t = tls_of(c);
    const unsigned char *p = NULL;
    unsigned len = 0;

    if (!t)
        return SLICE_NONE;
    switch (what) {
    case TLS_T_CIPHER:
        return text_or_none(SSL_get_cipher_name(t->ssl));
    case TLS_T_PROTOCOL:
        return text_or_none(SSL_get_version(t->ssl));
    case TLS_T_ALPN:
        SSL_get0_alpn_selected(t->ssl, &p, &len);
        return slice((const char *)p, len);
    case TLS_T_SNI:
        return text_or_none(SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name));
    case TLS_T_CURVE:
        return curve_name(t->ssl);
    case TLS_T_CRTNAME:
        return t->entry ? slice_str(t->entry->cert->name) : SLICE_NONE;
    case TLS_T_SIGSCHEME:
        return sigscheme_name(t->ssl, tmp);
    }
    return SLICE_NONE;
}

/* ---- numbers ---- */

bool
tls_conn_number(const struct conn *c, enum tls_number what, int64_t *out)
{
    const struct tls_conn *t = tls_of(c);
    int alg = 0;

    if (!t)
        return false;
    switch (what) {
    case TLS_N_KEY_BITS:
        *out = SSL_get_cipher_bits(t->ssl, &alg) ? alg : 0;
        return *out != 0;
    case TLS_N_USED_BITS:
        *out = SSL_get_cipher_bits(t->ssl, NULL);
        return *out != 0;
    case TLS_N_VERIFY:
        *out = SSL_get_verify_result(t->ssl);
        return true;
    case TLS_N_CRT_ERR:
        *out = t->crt_err;
        return true;
    case TLS_N_CA_ERR:
        *out = t->ca_err;
        return true;
    case TLS_N_CA_DEPTH:
        *out = t->ca_depth;
        return true;
    case TLS_N_HELLO:
        *out = hello_version(t);
        return *out >= 0;
    }
    return false;
}

bool
tls_conn_bool(const struct conn *c, enum tls_bool what)
{
    const struct tls_conn *t = tls_of(c);

    if (!t)
        return false;
    switch (what) {
    case TLS_B_RESUMED:
        return SSL_session_reused(t->ssl);
    case TLS_B_HAS_SNI:
        return SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name) != NULL;
    case TLS_B_HAS_CERT:
        return t->flags & TLSC_PEER_CERT;
    case TLS_B_CERT_USED:
        return t->bad_peer || SSL_get0_peer_certificate(t->ssl);
    case TLS_B_EARLY:
        return t->flags & TLSC_EARLY_RCVD && c->flags & CONN_EARLY;
    case TLS_B_EARLY_RCVD:
        return t->flags & TLSC_EARLY_RCVD;
    }
    return false;
}

/* ---- bytes ---- */

/* RFC 5929, section 3: the first Finished message; the client's in a full handshake, the server's
 * in a resumed one. */
static size_t
unique_id(const struct tls_conn *t, void *to, size_t size)
{
    bool server = t->flags & TLSC_SERVER, resumed = SSL_session_reused(t->ssl);

    return server != resumed ? SSL_get_peer_finished(t->ssl, to, size)
                             : SSL_get_finished(t->ssl, to, size);
}

struct slice
tls_conn_bytes(const struct conn *c, enum tls_bytes what, struct arena *tmp)
{
    const struct tls_conn *t = tls_of(c);
    const SSL_SESSION *session = t ? SSL_get_session(t->ssl) : NULL;
    unsigned char buf[EVP_MAX_MD_SIZE];
    unsigned id_len = 0;
    size_t len = 0;

    if (!session)
        return SLICE_NONE;
    switch (what) {
    case TLS_X_SESSION_ID: {
        const unsigned char *id = SSL_SESSION_get_id(session, &id_len);
        return id && id_len ? slice((const char *)id, id_len) : SLICE_NONE;
    }
    case TLS_X_SESSION_KEY:
        len = SSL_SESSION_get_master_key(session, buf, sizeof(buf));
        break;
    case TLS_X_CLIENT_RANDOM:
        len = SSL_get_client_random(t->ssl, buf, sizeof(buf));
        break;
    case TLS_X_SERVER_RANDOM:
        len = SSL_get_server_random(t->ssl, buf, sizeof(buf));
        break;
    case TLS_X_UNIQUE_ID:
        len = unique_id(t, buf, sizeof(buf));
        break;
    }
    return len ? arena_keep(tmp, slice_bytes(buf, MIN(len, sizeof(buf)))) : SLICE_NONE;
}
