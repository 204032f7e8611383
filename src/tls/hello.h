/* hello.h - reads the first handshake message of a TLS connection without deciphering anything (RFC
 * 8446 4.1.2, RFC 5246 7.4.1.2, and version 2 hellos as in RFC 5246 E.2). Bytes in, what the hello
 * says out; no sockets, no memory of its own. */
#ifndef TLS_HELLO_H
#define TLS_HELLO_H

#include "base/slice.h"

enum tls_hello_rc {
    TLS_HELLO_MORE, /* incomplete: call again with more bytes behind the same ones */
    TLS_HELLO_OK,
    TLS_HELLO_BAD, /* no TLS, or malformed */
};

#define TLS_CLIENT_HELLO 1
#define TLS_SERVER_HELLO 2

/** Slices are borrowed from the input or from the caller's scratch memory; p NULL: the extension
 * was not sent. */
struct tls_hello {
    uint8_t type;            /* of the handshake message */
    uint16_t record_version; /* 0x0301: of the first record */
    uint16_t version;        /* of the hello itself; 0x0002 in old form means SSL 2 */
    bool v2;                 /* in the form of SSL 2: nothing below is known */
    struct slice random, session_id;
    struct slice ciphers; /* two bytes each */
    struct slice sni;     /* first host name; as sent */
    struct slice alpn;    /* list of protocols, a length byte before each */
    struct slice groups;  /* supported_groups, two bytes each */
    struct slice point_formats;
    struct slice sigalgs;    /* signature_algorithms, two bytes each */
    struct slice versions;   /* supported_versions, two bytes each */
    struct slice key_shares; /* entries: group, length, key */
    struct slice ticket;     /* session_ticket; not NULL but empty when one is asked for */
    bool has_groups;         /* supported_groups was sent */
};

/** Reads a client hello. A message that spans several records is put together in `scratch`, of as
 * many bytes as the input; without scratch memory (NULL) such a message is BAD. Untrusted input. */
MUST_CHECK enum tls_hello_rc tls_hello_parse(struct slice in, char *scratch, struct tls_hello *out);
/** Only the kind of the first handshake message: *type. `complete`: not before all of it is there.
 */
MUST_CHECK enum tls_hello_rc tls_hello_type(struct slice in, bool complete, uint8_t *type);
/** The next protocol of a tls_hello.alpn. */
bool tls_hello_alpn_next(struct slice *list, struct slice *protocol);
/** The next group of a tls_hello.key_shares. */
bool tls_hello_share_next(struct slice *list, uint16_t *group);

#endif
