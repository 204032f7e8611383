/* conn_code.h - why a connection failed: the numbers, names and texts of fc_err, fc_err_name and
 * fc_err_str (and bc_...). Manual 7.3.3. */
#ifndef NET_CONN_CODE_H
#define NET_CONN_CODE_H

#include "base/slice.h"

struct conn;

/* In the order of their numbers, from 0 on. X(name, text); the name of NONE is empty. */
#define CONN_CODES(X)                                                                              \
    X(NONE, "Success")                                                                             \
    X(CONF_FDLIM, "Reached configured maxconn value")                                              \
    X(PROC_FDLIM, "Too many sockets on the process")                                               \
    X(SYS_FDLIM, "Too many sockets on the system")                                                 \
    X(SYS_MEMLIM, "Out of system buffers")                                                         \
    X(NOPROTO, "Protocol or address family not supported")                                         \
    X(SOCK_ERR, "General socket error")                                                            \
    X(PORT_RANGE, "Source port range exhausted")                                                   \
    X(CANT_BIND, "Can't bind to source address")                                                   \
    X(FREE_PORTS, "Out of local source ports on the system")                                       \
    X(ADDR_INUSE, "Local source address already in use")                                           \
    X(PRX_EMPTY, "Connection closed while waiting for PROXY protocol header")                      \
    X(PRX_ABORT, "Connection error while waiting for PROXY protocol header")                       \
    X(PRX_TIMEOUT, "Timeout while waiting for PROXY protocol header")                              \
    X(PRX_TRUNCATED, "Truncated PROXY protocol header received")                                   \
    X(PRX_NOT_HDR, "Received something which does not look like a PROXY protocol header")          \
    X(PRX_BAD_HDR, "Received an invalid PROXY protocol header")                                    \
    X(PRX_BAD_PROTO, "Received an unhandled protocol in the PROXY protocol header")                \
    X(CIP_EMPTY, "Connection closed while waiting for NetScaler Client IP header")                 \
    X(CIP_ABORT, "Connection error while waiting for NetScaler Client IP header")                  \
    X(CIP_TIMEOUT, "Timeout while waiting for a NetScaler Client IP header")                       \
    X(CIP_TRUNCATED, "Truncated NetScaler Client IP header received")                              \
    X(CIP_BAD_MAGIC, "Received an invalid NetScaler Client IP magic number")                       \
    X(CIP_BAD_PROTO, "Received an unhandled protocol in the NetScaler Client IP header")           \
    X(SSL_EMPTY, "Connection closed during SSL handshake")                                         \
    X(SSL_ABORT, "Connection error during SSL handshake")                                          \
    X(SSL_TIMEOUT, "Timeout during SSL handshake")                                                 \
    X(SSL_TOO_MANY, "Too many SSL connections")                                                    \
    X(SSL_NO_MEM, "Out of memory when initializing an SSL connection")                             \
    X(SSL_RENEG, "Rejected a client-initiated SSL renegotiation attempt")                          \
    X(SSL_CA_FAIL, "SSL client CA chain cannot be verified")                                       \
    X(SSL_CRT_FAIL, "SSL client certificate not trusted")                                          \
    X(SSL_MISMATCH, "Server presented an SSL certificate different from the configured one")       \
    X(SSL_MISMATCH_SNI, "Server presented an SSL certificate different from the expected one")     \
    X(SSL_HANDSHAKE, "SSL handshake failure")                                                      \
    X(SSL_HANDSHAKE_HB, "SSL handshake failure after heartbeat")                                   \
    X(SSL_KILLED_HB, "Stopped a TLSv1 heartbeat attack (CVE-2014-0160)")                           \
    X(SSL_NO_TARGET, "Attempt to use SSL on an unknown target (internal error)")                   \
    X(SSL_EARLY_FAILED, "Server refused early data")                                               \
    X(SOCKS4_SEND, "SOCKS4 Proxy write error during handshake")                                    \
    X(SOCKS4_RECV, "SOCKS4 Proxy read error during handshake")                                     \
    X(SOCKS4_DENY, "SOCKS4 Proxy deny the request")                                                \
    X(SOCKS4_ABORT, "SOCKS4 Proxy handshake aborted by server")                                    \
    X(SSL_FATAL, "SSL fatal error")                                                                \
    X(REVERSE, "Reverse connect failure")                                                          \
    X(POLLERR, "Poller reported POLLERR")                                                          \
    X(EREFUSED, "ECONNREFUSED returned by OS")                                                     \
    X(ERESET, "ECONNRESET returned by OS")                                                         \
    X(EUNREACH, "ENETUNREACH returned by OS")                                                      \
    X(ENOMEM, "ENOMEM returned by OS")                                                             \
    X(EBADF, "EBADF returned by OS")                                                               \
    X(EFAULT, "EFAULT returned by OS")                                                             \
    X(EINVAL, "EINVAL returned by OS")                                                             \
    X(ENCONN, "ENCONN returned by OS")                                                             \
    X(ENSOCK, "ENSOCK returned by OS")                                                             \
    X(ENOBUFS, "ENOBUFS returned by OS")                                                           \
    X(EPIPE, "EPIPE returned by OS")

enum conn_code {
#define X(name, text) CONN_CODE_##name,
    CONN_CODES(X)
#undef X
        CONN_NCODES
};

/** The code of a connection: what a layer said (conn->code), else what its errno means; NONE when
 * it is sound. */
enum conn_code conn_code(const struct conn *c);
/** The code of an errno of socket calls. */
enum conn_code conn_code_of_errno(int err);
/** "EREFUSED"; empty for NONE. */
struct slice conn_code_name(enum conn_code code);
struct slice conn_code_text(enum conn_code code);

#endif
