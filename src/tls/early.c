/* early.c - early data of TLS 1.3 (RFC 8446, 2.3 and 8): reading it from clients, sending it to
 * servers.
 *
 * Replays: a session with early data is good for one connection. The library keeps such sessions
 * itself and forgets them when they are used. That needs one memory of sessions: with ticket keys
 * that are shared by several machines, or without a cache, there is none, and what is left are the
 * rules of RFC 8470 (Early-Data, 425, wait-for-handshake). */
#include "tls/early.h"

#include "base/tune.h"
#include "net/buf.h"

#include <stdlib.h>

/* As much as fits into a buffer beside what rules may add. */
static uint32_t
early_max(void)
{
    return tune.bufsize > tune.maxrewrite ? tune.bufsize - tune.maxrewrite : 0;
}

/* ---- accepting ---- */

void
early_set_ctx(SSL_CTX *ctx, const struct tls_options *o, bool shared_tickets)
{
    if (!(o->flags & TLSF_EARLY))
        return;
    SSL_CTX_set_max_early_data(ctx, early_max());
    SSL_CTX_set_recv_max_early_data(ctx, early_max());
    if (shared_tickets || !tls_tune.cache_size)
        SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY);
}

void
early_set_conn(SSL *ssl, const struct tls_options *o)
{
    uint32_t max = o->flags & TLSF_EARLY ? early_max() : 0;

    SSL_set_max_early_data(ssl, max);
    SSL_set_recv_max_early_data(ssl, max ? max : SSL3_RT_MAX_PLAIN_LENGTH);
}

/* Clients that choose no protocol wait: only a request is known to be safe to look at early. */
static bool
has_protocol(const struct tls_conn *t)
{
    const unsigned char *p;
    unsigned len;

    SSL_get0_alpn_selected(t->ssl, &p, &len);
    return len > 0;
}

/* The library accepts no more than early_max() bytes of a connection. */
static bool
early_keep(struct tls_conn *t, const char *p, size_t n)
{
    uint32_t have = early_pending(t);
    struct tls_early *e = malloc(sizeof(*e) + have + n);

    if (!e)
        return false;
    *e = (struct tls_early){ 0, have + (uint32_t)n };
    if (have)
        memcpy(e->data, t->early->data + t->early->at, have);
    memcpy(e->data + have, p, n);
    free(t->early);
    t->early = e;
    return true;
}

int
early_accept(struct tls_conn *t, bool all)
{
    char *buf = t->flags & TLSC_EARLY_READ ? buf_scratch() : NULL;
    size_t n;

    while (t->flags & TLSC_EARLY_READ) {
        int rc = SSL_read_early_data(t->ssl, buf, SCRATCH_SIZE, &n);
        if (rc == SSL_READ_EARLY_DATA_ERROR)
            return 0;
        if (rc == SSL_READ_EARLY_DATA_FINISH) {
            t->flags &= (uint16_t)~TLSC_EARLY_READ;
            break;
        }
        if (!n)
            continue;
        if (!early_keep(t, buf, n))
            return -1;
        t->flags |= TLSC_EARLY_RCVD;
        if (!all && has_protocol(t))
            return EARLY_BEGINS;
    }
    return SSL_do_handshake(t->ssl);
}

size_t
early_take(struct tls_conn *t, char *to, size_t len)
{
    struct tls_early *e = t->early;
    size_t n = MIN(len, (size_t)early_pending(t));

    if (!n)
        return 0;
    memcpy(to, e->data + e->at, n);
    e->at += (uint32_t)n;
    if (e->at == e->len) {
        free(e);
        t->early = NULL;
    }
    return n;
}

int
early_read(struct tls_conn *t, char *to, size_t len, size_t *got)
{
    *got = early_take(t, to, len);
    while (t->flags & TLSC_EARLY_READ) {
        size_t n = 0;
        if (*got == len)
            return EARLY_BEGINS;
        int rc = SSL_read_early_data(t->ssl, to + *got, len - *got, &n);
        if (rc == SSL_READ_EARLY_DATA_ERROR)
            return 0;
        if (rc == SSL_READ_EARLY_DATA_FINISH)
            t->flags &= (uint16_t)~TLSC_EARLY_READ;
        else
            *got += n;
    }
    return early_pending(t) ? EARLY_BEGINS : SSL_do_handshake(t->ssl);
}

/* ---- both ---- */

bool
early_write(struct tls_conn *t, const char *p, uint32_t len)
{
    size_t n = 0;

    if (SSL_write_early_data(t->ssl, p, len, &n) != 1 || n != len)
        return false;
    if (!(t->flags & TLSC_SERVER))
        t->early_left -= len;
    return true;
}

/* ---- connecting ---- */

bool
tls_offer_early(struct conn *c)
{
    struct tls_conn *t = tls_of(c);
    SSL_SESSION *session = t && t->client ? SSL_get_session(t->ssl) : NULL;
    uint32_t max = session ? SSL_SESSION_get_max_early_data(session) : 0;

    if (!max || !client_allows_early(t->client))
        return false;
    client_forget(t); /* servers take a session's early data once */
    t->early_left = max;
    c->flags = (c->flags & ~(unsigned)CONN_HANDSHAKE) | CONN_EARLY;
    return true;
}

bool
early_was_refused(const struct tls_conn *t)
{
    return !(t->flags & TLSC_SERVER) &&
           SSL_get_early_data_status(t->ssl) == SSL_EARLY_DATA_REJECTED;
}

bool
tls_conn_sent_early(const struct conn *c)
{
    const struct tls_conn *t = tls_of(c);

    return t && t->flags & TLSC_EARLY_RCVD;
}
