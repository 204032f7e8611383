/* addr.h - network addresses: the forms of the configuration manual (chapter 11), printing,
 * comparing, masks. Opens no sockets; name resolution and the check of inherited descriptors are
 * the only system calls. */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include "base/out.h"
#include "base/slice.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

enum addr_kind {
    ADDR_NONE = 0, /* unspecified or not resolved yet */
    ADDR_IP4,
    ADDR_IP6,
    ADDR_UNIX,     /* path; un.sun_path is NUL-terminated */
    ADDR_ABNS,     /* abstract name, padded with zeros to the whole sun_path */
    ADDR_ABNSZ,    /* abstract name, length of the string */
    ADDR_FD,       /* inherited descriptor, in .fd */
    ADDR_SOCKPAIR, /* descriptor over which connected sockets are passed, in .fd */
    ADDR_RHTTP,    /* reverse HTTP; the backend/server part is in addr_spec.host */
};

enum addr_flag {
    ADDR_F_DGRAM_SOCK = 1 << 0, /* SOCK_DGRAM (UDP, QUIC, syslog) */
    ADDR_F_DGRAM_XPRT =
        1 << 1, /* datagram semantics above the socket; QUIC has only the first one */
    ADDR_F_MPTCP = 1 << 2,
    ADDR_F_QUIC = 1 << 3, /* quic4@ quic6@ quic+...: datagram socket, stream transport */
};

/** An endpoint. Plain data: copy with `=`. */
struct addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    };
    uint8_t kind;  /* enum addr_kind */
    uint8_t flags; /* enum addr_flag */
    uint16_t len;  /* of the socket address, for bind() and connect(); 0: none */
    int fd;        /* ADDR_FD, ADDR_SOCKPAIR */
};
/** Room that accept(), getpeername() and friends may write to at &addr->sa. */
#define ADDR_SA_MAX sizeof(struct sockaddr_un)
/** Longest text that addr_format() writes, with its NUL. */
#define ADDR_TEXT_MAX 128

enum addr_port_form {
    ADDR_PORT_NONE = 0, /* not given: a server uses the client's destination port */
    ADDR_PORT_FIXED,
    ADDR_PORT_RANGE,  /* port_low..port_high */
    ADDR_PORT_OFFSET, /* ":+n" or ":-n": added to the client's destination port */
};

/** An address as written in the configuration. */
struct addr_spec {
    /* Its port is port_low when fixed or a range, a positive port_offset (as `show stat` prints
     * it), else 0. ADDR_FD and ADDR_SOCKPAIR: the socket's own address, as far as it has one. */
    struct addr addr;
    enum addr_port_form port_form;
    int port_low, port_high; /* equal when fixed */
    int port_offset;
    /** Host name that was, or still has to be, resolved (ADDR_DEFER); for ADDR_RHTTP what follows
     * the prefix. Part of the parsed string; p NULL when the address was numeric. */
    struct slice host;
    int family;      /* AF_UNSPEC, or the one that the prefix demands (for a later resolution) */
    bool unresolved; /* host must still be resolved; addr.kind is ADDR_NONE, addr.flags are set */
};

/** What a statement accepts. */
enum addr_opt {
    ADDR_O_PORT = 1 << 0,        /* a port may follow */
    ADDR_O_PORT_NEEDED = 1 << 1, /* and must, for IP addresses; 0 is refused */
    ADDR_O_PORT_RANGE = 1 << 2,  /* "1000-2000" */
    ADDR_O_PORT_OFFSET = 1 << 3, /* "+10" "-10" */
    ADDR_O_STREAM = 1 << 4,      /* stream sockets accepted */
    ADDR_O_DGRAM = 1 << 5,       /* datagram sockets accepted */
    ADDR_O_DGRAM_DEFAULT =
        1 << 6,             /* without a prefix that says otherwise it is a datagram socket */
    ADDR_O_FD = 1 << 7,     /* fd@ accepted: a bound socket of the right type is demanded */
    ADDR_O_FD_RAW = 1 << 8, /* fd@ accepted: any descriptor (log targets) */
    ADDR_O_DEFER = 1 << 9,  /* leave host names unresolved: set .unresolved */
    ADDR_O_RHTTP = 1 << 10,
    ADDR_O_QUIC = 1 << 11,        /* stream transport over datagrams is built in and wanted */
    ADDR_O_NO_NAME = 1 << 12,     /* host names are refused */
    ADDR_O_UNIX_PREFIX = 1 << 13, /* the global unix-bind prefix applies */
};
#define ADDR_FOR_BIND                                                                              \
    (ADDR_O_PORT | ADDR_O_PORT_NEEDED | ADDR_O_PORT_RANGE | ADDR_O_STREAM | ADDR_O_FD |            \
     ADDR_O_RHTTP | ADDR_O_UNIX_PREFIX)
#define ADDR_FOR_DGRAM_BIND                                                                        \
    (ADDR_O_PORT | ADDR_O_PORT_NEEDED | ADDR_O_PORT_RANGE | ADDR_O_DGRAM | ADDR_O_DGRAM_DEFAULT |  \
     ADDR_O_FD | ADDR_O_UNIX_PREFIX)
#define ADDR_FOR_SERVER                                                                            \
    (ADDR_O_PORT | ADDR_O_PORT_OFFSET | ADDR_O_STREAM | ADDR_O_DEFER | ADDR_O_RHTTP)
#define ADDR_FOR_PEER   (ADDR_O_PORT | ADDR_O_PORT_NEEDED | ADDR_O_STREAM)
#define ADDR_FOR_SOURCE (ADDR_O_PORT | ADDR_O_PORT_RANGE | ADDR_O_STREAM)
#define ADDR_FOR_LOG                                                                               \
    (ADDR_O_PORT | ADDR_O_STREAM | ADDR_O_DGRAM | ADDR_O_DGRAM_DEFAULT | ADDR_O_FD_RAW)
#define ADDR_FOR_NAMESERVER                                                                        \
    (ADDR_O_PORT | ADDR_O_PORT_NEEDED | ADDR_O_STREAM | ADDR_O_DGRAM | ADDR_O_DGRAM_DEFAULT)

/** Parses one address. `opts` is a set of enum addr_opt; `unix_prefix` (may be NULL) is put before
 * paths that begin with '/' or follow "unix@". Returns true, or false and a message in HAProxy's
 * words in `err` (always NUL-terminated). out->host points into `s`. Resolves host names through
 * the C library unless told not to. */
MUST_CHECK bool addr_parse(const char *s, unsigned opts, const char *unix_prefix,
                           struct addr_spec *out, char *err, size_t err_size);
/** Takes the next element of a comma-separated list (bind). Returns false at the end; empty
 * elements other than the only one are skipped. */
bool addr_list_next(struct slice *list, struct slice *item);
/** Resolves `host` (numeric or a name) through getaddrinfo(). `family`: AF_UNSPEC, AF_INET or
 * AF_INET6. The port of *out is 0. Returns false with the reason in err. */
MUST_CHECK bool addr_resolve(struct slice host, int family, struct addr *out, char *err,
                             size_t err_size);

/** A numeric IPv4 or IPv6 address (no brackets, no port, no scope). */
MUST_CHECK bool addr_parse_ip(struct slice s, struct addr *out);
void addr_from_ip4(struct addr *a, struct in_addr ip, uint16_t port);
void addr_from_ip6(struct addr *a, const struct in6_addr *ip, uint16_t port);
/** From what accept(), getsockname() or a cmsg gave. Unknown families become ADDR_NONE. */
void addr_from_sockaddr(struct addr *a, const struct sockaddr *sa, socklen_t len);
/** Sets kind and len after the system wrote `len` bytes at a->sa. */
void addr_filled(struct addr *a, socklen_t len);

static inline bool
addr_is_ip(const struct addr *a)
{
    return a->kind == ADDR_IP4 || a->kind == ADDR_IP6;
}

static inline bool
addr_is_unix(const struct addr *a)
{
    return a->kind == ADDR_UNIX || a->kind == ADDR_ABNS || a->kind == ADDR_ABNSZ;
}

/** Host byte order; 0 when the address has no port. */
static inline uint16_t
addr_port(const struct addr *a)
{
    /* sin_port and sin6_port are at the same place */
    return addr_is_ip(a) ? ntohs(a->in.sin_port) : 0;
}

static inline void
addr_set_port(struct addr *a, uint16_t port)
{
    if (addr_is_ip(a))
        a->in.sin_port = htons(port);
}

/** 0.0.0.0 or ::, the "same address as the client asked for" of servers. */
bool addr_is_any(const struct addr *a);
/** ::ffff:a.b.c.d becomes a.b.c.d; returns true when it did. */
bool addr_unmap(struct addr *a);
/** The IPv6 form of an IPv4 address (mapped). IPv6 is copied. */
void addr_to_ip6(const struct addr *a, struct in6_addr *out);
/** Same kind and host; port too when `with_port`. IPv4 and its mapped form differ. */
bool addr_eq(const struct addr *a, const struct addr *b, bool with_port);
/** Order: kind, host, port; for sorting. */
int addr_cmp(const struct addr *a, const struct addr *b);
/** Bytes of the IP address in network order (4 or 16), p NULL for other kinds. */
struct slice addr_ip_bytes(const struct addr *a);

/** Host only, as in logs and `src`: "127.0.0.1", "::1", "unix", "abns@x" is "unix" as well. */
void addr_put_host(struct out *o, const struct addr *a);
/** As in `show stat` and most CLI output: "127.0.0.1:80", "[::1]:80", "unix". */
void addr_put(struct out *o, const struct addr *a);
/** With the prefix that the configuration would need, as `show cli sockets` prints:
 * "ipv4@127.0.0.1:80", "ipv6@[::1]:80", "udp4@127.0.0.1:514", "unix@/path", "abns@x", "fd@3",
 * "sockpair@3". */
void addr_put_config(struct out *o, const struct addr *a);
/** addr_put() into `buf`, NUL-terminated; returns buf. */
const char *addr_format(const struct addr *a, char *buf, size_t size);

/** A network: address and mask. */
struct addr_net {
    uint8_t kind;     /* ADDR_IP4 or ADDR_IP6 */
    uint8_t bits;     /* prefix length; meaningless when !contiguous */
    bool contiguous;  /* false for IPv4 masks like 255.0.255.0 */
    uint8_t ip[16];   /* network order, already masked; IPv4 uses the first 4 bytes */
    uint8_t mask[16]; /* network order */
};

/** "10.0.0.0/8", "10.0.0.0/255.0.0.0", "2001:db8::/32", or a lone address. Host bits are cleared.
 *  IPv4 may leave out zero octets in the middle, "10.12/8" is 10.0.0.12/8 (manual 7.1.6). */
MUST_CHECK bool addr_net_parse(struct slice s, struct addr_net *out);
/** An IPv4 mask on its own: "24" or "255.255.255.0"; network order. */
MUST_CHECK bool addr_mask4_parse(struct slice s, struct in_addr *out);
/** An IPv6 mask on its own: "64" or "ffff:ffff::". */
MUST_CHECK bool addr_mask6_parse(struct slice s, struct in6_addr *out);
/** Mapped IPv4 addresses match IPv4 networks and the other way round. */
bool addr_net_has(const struct addr_net *n, const struct addr *a);
void addr_net_put(struct out *o, const struct addr_net *n);

#endif
