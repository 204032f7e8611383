/* pp.h - PROXY protocol versions 1 and 2, and NetScaler's client IP header: bytes in, addresses
 * out, and back. Pure functions over flat buffers; no sockets. Source: proxy-protocol.txt. */
#ifndef NET_PP_H
#define NET_PP_H

#include "net/addr.h"

/** Longest version 1 line with its CRLF. */
#define PP_V1_MAX 107
/** Fixed part of a version 2 header. */
#define PP_V2_MIN 16
/** No version 2 header is longer than that. */
#define PP_V2_MAX (PP_V2_MIN + 65535)
/** Longest NetScaler header that is accepted; real ones have at most 12 + 60 + 60 bytes. */
#define PP_CIP_MAX 1024

/** Result of feeding a parser all bytes that were received so far. */
enum pp_rc {
    PP_MORE, /* incomplete: call again with more bytes behind the same ones */
    PP_DONE, /* out->used bytes belong to the header */
    PP_ERR,  /* out->err says why; the connection must be closed */
};

/* name, number and text of fc_err / fc_err_str (configuration manual 7.3.3) */
#define PP_ERRORS(X)                                                                               \
    X(OK, 0, "Success")                                                                            \
    X(NOT_HDR, 15, "Received something which does not look like a PROXY protocol header")          \
    X(BAD_HDR, 16, "Received an invalid PROXY protocol header")                                    \
    X(BAD_PROTO, 17, "Received an unhandled protocol in the PROXY protocol header")                \
    X(CIP_TRUNCATED, 21, "Truncated NetScaler Client IP header received")                          \
    X(CIP_BAD_MAGIC, 22, "Received an invalid NetScaler Client IP magic number")                   \
    X(CIP_BAD_PROTO, 23, "Received an unhandled protocol in the NetScaler Client IP header")
enum pp_err {
#define X(name, number, text) PP_E_##name,
    PP_ERRORS(X)
#undef X
};
/** The value of the fc_err sample fetch. */
int pp_err_number(enum pp_err e);

struct pp_in {
    enum pp_err err;
    uint8_t version;      /* 1 or 2; 0 for NetScaler */
    bool local;           /* LOCAL, UNKNOWN, UNSPEC: the connection keeps its own addresses */
    struct addr src, dst; /* when !local; ADDR_F_DGRAM_SOCK tells UDP */
    struct slice tlvs; /* version 2: all TLVs, borrowed from the input; checked to be well formed */
    size_t used;
};

/** Recognises the version and parses. Refuses as soon as the first bytes cannot become a header. A
 * CRC32c TLV is verified. Untrusted input. */
MUST_CHECK enum pp_rc pp_parse(struct slice in, struct pp_in *out);
/** NetScaler Client IP header, legacy and standard form; `magic` is the number of the bind line
 * (host order). */
MUST_CHECK enum pp_rc pp_cip_parse(struct slice in, uint32_t magic, struct pp_in *out);

enum pp_tlv_type {
    PP_TLV_ALPN = 0x01,
    PP_TLV_AUTHORITY = 0x02,
    PP_TLV_CRC32C = 0x03,
    PP_TLV_NOOP = 0x04,
    PP_TLV_UNIQUE_ID = 0x05,
    PP_TLV_SSL = 0x20,
    PP_TLV_SSL_VERSION = 0x21,
    PP_TLV_SSL_CN = 0x22,
    PP_TLV_SSL_CIPHER = 0x23,
    PP_TLV_SSL_SIG_ALG = 0x24,
    PP_TLV_SSL_KEY_ALG = 0x25,
    PP_TLV_SSL_GROUP = 0x26,
    PP_TLV_SSL_SIG_SCHEME = 0x27,
    PP_TLV_SSL_CLIENT_CERT = 0x28,
    PP_TLV_NETNS = 0x30,
};
/** Bits of pp_ssl.client. */
enum pp_ssl_client { PP_CLIENT_SSL = 1, PP_CLIENT_CERT_CONN = 2, PP_CLIENT_CERT_SESS = 4 };
/** Longest unique ID that is stored and sent. */
#define PP_UNIQUE_ID_MAX 128
/** Longest authority that is accepted: a host name. */
#define PP_AUTHORITY_MAX 255

struct pp_tlv {
    uint8_t type;
    struct slice value; /* borrowed */
};

/** Takes the next TLV off *rest. False at the end or on a truncated one (then *rest is not empty).
 */
bool pp_tlv_next(struct slice *rest, struct pp_tlv *out);
/** Walks over all TLVs, those inside an SSL TLV after it. Starts as { .rest = tlvs }. */
struct pp_walk {
    struct slice rest, sub;
};
bool pp_tlv_walk(struct pp_walk *w, struct pp_tlv *out);
/** The first TLV of `type`, also inside the SSL TLV. */
bool pp_tlv_find(struct slice tlvs, uint8_t type, struct slice *value);

/** What the SSL TLV says. Empty slices were not sent / are not to be sent. */
struct pp_ssl {
    uint8_t client;  /* enum pp_ssl_client */
    uint32_t verify; /* 0: a certificate was presented and verified */
    struct slice version, cn, cipher, sig_alg, key_alg, group, sig_scheme, client_cert;
};
/** Parses the value of a PP_TLV_SSL. */
MUST_CHECK bool pp_ssl_parse(struct slice value, struct pp_ssl *out);

/** What to send. Absent parts are NULL or empty; everything is borrowed. */
struct pp_out {
    const struct addr *src, *dst; /* NULL: LOCAL */
    bool local;                   /* LOCAL command: health checks, own connections */
    struct slice alpn, authority, unique_id, netns;
    const struct pp_ssl *ssl;
    const struct pp_tlv *custom; /* set-proxy-v2-tlv-fmt */
    unsigned ncustom;
    bool crc32c;
};

/** Writes a version 1 line: TCP4 or TCP6, else UNKNOWN (also when a side is missing or the families
 * cannot be joined). Returns its length, 0 when `size` is too small (PP_V1_MAX + 1 is always
 * enough). */
MUST_CHECK size_t pp_write_v1(char *buf, size_t size, const struct addr *src,
                              const struct addr *dst);
/** Writes a version 2 header. Returns its length, 0 when it does not fit in `size` or in the
 * protocol's 16-bit length. */
MUST_CHECK size_t pp_write_v2(char *buf, size_t size, const struct pp_out *out);

/** CRC32c (Castagnoli), as in RFC 4960 appendix B: start with 0. Also used by the crc32c converter.
 */
uint32_t crc32c(uint32_t crc, const void *p, size_t len);

#endif
