/* verify.c - what happens when the peer's certificate does not pass. */
#include "net/conn_code.h"
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static bool
is_ignored(const struct tls_ignore *i, int err)
{
    return i->all || (err >= 0 && err < TLS_NERRORS && i->bit[err / 64] & 1ull << (err % 64));
}

static void
keep_peer(struct tls_conn *t, X509_STORE_CTX *x)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(x);

    if (leaf && !t->bad_peer && X509_up_ref(leaf))
        t->bad_peer = leaf;
}

/* A client: errors are remembered, those of crt-ignore-err and ca-ignore-err are only that. */
static int
check_client(struct tls_conn *t, X509_STORE_CTX *x, int err, int depth)
{
    const struct tls_options *o = server_options(t->server);
    bool ca = depth > 0;

    if (ca) {
        if (!t->ca_err) {
            t->ca_err = (uint8_t)err;
            t->ca_depth = (uint8_t)MIN(depth, 15);
        }
    } else if (!t->crt_err) {
        t->crt_err = (uint8_t)err;
    }
    if (is_ignored(ca ? &o->ca_ignore : &o->crt_ignore, err)) {
        ERR_clear_error();
        return 1;
    }
    if (!t->conn->code)
        t->conn->code = ca ? CONN_CODE_SSL_CA_FAIL : CONN_CODE_SSL_CRT_FAIL;
    keep_peer(t, x);
    return 0;
}

int
verify_callback(int ok, X509_STORE_CTX *x)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_conn *t = ssl ? tls_conn_of(ssl) : NULL;
    int err = X509_STORE_CTX_get_error(x), depth = X509_STORE_CTX_get_error_depth(x);

    if (t)
        t->flags |= TLSC_PEER_CERT;
    if (ok || !t)
        return ok;
    if (t->server)
        return check_client(t, x, err, depth);
    keep_peer(t, x);
    if (!t->conn->code &&
        (err == X509_V_ERR_HOSTNAME_MISMATCH || err == X509_V_ERR_IP_ADDRESS_MISMATCH))
        t->conn->code = t->pinned ? CONN_CODE_SSL_MISMATCH : CONN_CODE_SSL_MISMATCH_SNI;
    return 0;
}
