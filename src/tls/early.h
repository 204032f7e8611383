/* early.h - early data of TLS 1.3 (0-RTT, RFC 8446, 2.3): what it needs of the layer.
 *
 * While CONN_EARLY is set the handshake goes on below and data passes already: what a client sent
 * may be a replay, what a server is sent may be refused. */
#ifndef TLS_EARLY_H
#define TLS_EARLY_H

#include "tls/tls_int.h"

/** What early_accept() returns besides what SSL_do_handshake() does. */
#define EARLY_BEGINS 2

/** Early data that a context accepts (with anti-replay when sessions are kept here). */
void early_set_ctx(SSL_CTX *ctx, const struct tls_options *o, bool shared_tickets);
/** The same for a connection that changed to another context. */
void early_set_conn(SSL *ssl, const struct tls_options *o);

/** A step of a handshake in which early data may come. Returns 1 when it is done, EARLY_BEGINS when
 * data can be read and `all` was not asked for, else what SSL_get_error() wants. What is read is
 * kept. */
int early_accept(struct tls_conn *t, bool all);
/** Bytes that were kept. */
static inline uint32_t
early_pending(const struct tls_conn *t)
{
    return t->early ? t->early->len - t->early->at : 0;
}
/** Takes kept bytes. */
size_t early_take(struct tls_conn *t, char *to, size_t len);
/** Reads into `to` as long as early data comes, then goes on with the handshake. Returns as
 * SSL_do_handshake(), and *got. */
int early_read(struct tls_conn *t, char *to, size_t len, size_t *got);
/** Makes one record; false when it failed. */
bool early_write(struct tls_conn *t, const char *p, uint32_t len);
/** How much may be written before the handshake's end. */
static inline uint32_t
early_room(const struct tls_conn *t)
{
    return t->flags & TLSC_SERVER ? UINT32_MAX : t->early_left;
}
/** Whether the server threw away what was sent early; after the handshake. */
bool early_was_refused(const struct tls_conn *t);

#endif
