/* hello.c - reads the first handshake message of a TLS connection.
 * Invariant: nothing is read beyond the lengths that enclose it. */
#include "tls/hello.h"

#define RECORD_HEAD      5
#define RECORD_MAX       (16384 + 2048) /* RFC 5246, 6.2.3 */
#define RECORD_HANDSHAKE 22
#define MESSAGE_HEAD     4
#define MESSAGE_MAX      (1u << 17) /* no client needs that much */
#define RANDOM_LEN       32

enum extension {
    EXT_SERVER_NAME = 0,
    EXT_SUPPORTED_GROUPS = 10,
    EXT_POINT_FORMATS = 11,
    EXT_SIGNATURE_ALGORITHMS = 13,
    EXT_ALPN = 16,
    EXT_SESSION_TICKET = 35,
    EXT_SUPPORTED_VERSIONS = 43,
    EXT_KEY_SHARE = 51,
};

/* ---- reading ---- */

static unsigned
byte_at(struct slice s, size_t i)
{
    return (unsigned char)s.p[i];
}

static unsigned
number_at(struct slice s, size_t i, unsigned bytes)
{
    unsigned v = 0;

    while (bytes-- > 0)
        v = v << 8 | byte_at(s, i++);
    return v;
}

/** Takes `len` bytes off *from. */
static bool
take(struct slice *from, size_t len, struct slice *out)
{
    if (from->len < len)
        return false;
    *out = slice(from->p, len);
    *from = slice(from->p + len, from->len - len);
    return true;
}

/** Takes a vector: its length in `bytes` bytes, then as many. */
static bool
take_vector(struct slice *from, unsigned bytes, struct slice *out)
{
    struct slice head;

    return take(from, bytes, &head) && take(from, number_at(head, 0, bytes), out);
}

/** All of *from is one vector. */
static bool
only_vector(struct slice from, unsigned bytes, struct slice *out)
{
    return take_vector(&from, bytes, out) && from.len == 0;
}

/* ---- records ---- */

/** The head of a handshake record: *len bytes follow. */
static enum tls_hello_rc
record_head(struct slice in, size_t *len)
{
    if (in.len > 0 && byte_at(in, 0) != RECORD_HANDSHAKE)
        return TLS_HELLO_BAD;
    if (in.len > 1 && byte_at(in, 1) != 3)
        return TLS_HELLO_BAD;
    if (in.len < RECORD_HEAD)
        return TLS_HELLO_MORE;
    *len = number_at(in, 3, 2);
    return *len == 0 || *len > RECORD_MAX ? TLS_HELLO_BAD : TLS_HELLO_OK;
}

/** Puts the content of all records there are behind each other, up to `want` bytes. */
static enum tls_hello_rc
join_records(struct slice in, char *to, size_t want)
{
    size_t have = 0, len;

    while (have < want) {
        enum tls_hello_rc rc = record_head(in, &len);
        if (rc != TLS_HELLO_OK)
            return rc;
        size_t part = MIN(len, in.len - RECORD_HEAD), n = MIN(part, want - have);
        memcpy(to + have, in.p + RECORD_HEAD, n);
        have += n;
        if (have < want && part < len)
            return TLS_HELLO_MORE;
        in = slice_sub(in, RECORD_HEAD + part, SIZE_MAX);
    }
    return TLS_HELLO_OK;
}

/** The first handshake message without its head. */
static enum tls_hello_rc
find_message(struct slice in, char *scratch, struct slice *msg, uint8_t *type)
{
    size_t len, want;
    enum tls_hello_rc rc = record_head(in, &len);

    if (rc != TLS_HELLO_OK)
        return rc;
    if (len < MESSAGE_HEAD)
        return TLS_HELLO_BAD;
    if (in.len < RECORD_HEAD + MESSAGE_HEAD)
        return TLS_HELLO_MORE;
    *type = (uint8_t)byte_at(in, RECORD_HEAD);
    want = MESSAGE_HEAD + number_at(in, RECORD_HEAD + 1, 3);
    if (want > MESSAGE_MAX)
        return TLS_HELLO_BAD;
    if (want <= len) {
        if (in.len < RECORD_HEAD + want)
            return TLS_HELLO_MORE;
        *msg = slice(in.p + RECORD_HEAD + MESSAGE_HEAD, want - MESSAGE_HEAD);
        return TLS_HELLO_OK;
    }
    if (!scratch)
        return TLS_HELLO_BAD;
    /* Every record has a head: as long as there are fewer bytes than in the message, the scratch
     * memory is big enough. */
    if (in.len < RECORD_HEAD + want)
        return TLS_HELLO_MORE;
    rc = join_records(in, scratch, want);
    *msg = slice(scratch + MESSAGE_HEAD, want - MESSAGE_HEAD);
    return rc;
}

/* ---- extensions ---- */

/** The first host name of a list of (type, name). */
static bool
read_sni(struct slice data, struct slice *name)
{
    struct slice list, type, value;

    if (!only_vector(data, 2, &list))
        return false;
    while (list.len) {
        if (!take(&list, 1, &type) || !take_vector(&list, 2, &value))
            return false;
        if (byte_at(type, 0) == 0 && !name->p)
            *name = value;
    }
    return true;
}

/** False when malformed. Unknown extensions are passed over. */
static bool
read_extension(unsigned type, struct slice data, struct tls_hello *out)
{
    switch (type) {
    case EXT_SERVER_NAME:
        return read_sni(data, &out->sni);
    case EXT_SUPPORTED_GROUPS:
        out->has_groups = true;
        return only_vector(data, 2, &out->groups);
    case EXT_POINT_FORMATS:
        return only_vector(data, 1, &out->point_formats);
    case EXT_SIGNATURE_ALGORITHMS:
        return only_vector(data, 2, &out->sigalgs);
    case EXT_ALPN:
        return only_vector(data, 2, &out->alpn);
    case EXT_SESSION_TICKET:
        out->ticket = data;
        return true;
    case EXT_SUPPORTED_VERSIONS:
        return only_vector(data, 1, &out->versions);
    case EXT_KEY_SHARE:
        return only_vector(data, 2, &out->key_shares);
    default:
        return true;
    }
}

static bool
read_client_hello(struct slice msg, struct tls_hello *out)
{
    struct slice version, compression, extensions, head, data;

    if (!take(&msg, 2, &version) || !take(&msg, RANDOM_LEN, &out->random) ||
        !take_vector(&msg, 1, &out->session_id) || !take_vector(&msg, 2, &out->ciphers) ||
        !take_vector(&msg, 1, &compression))
        return false;
    out->version = (uint16_t)number_at(version, 0, 2);
    if (out->version >> 8 != 3 || out->ciphers.len < 2 || out->ciphers.len % 2 || !compression.len)
        return false;
    if (msg.len == 0)
        return true; /* as before extensions were invented */
    if (!only_vector(msg, 2, &extensions))
        return false;
    while (extensions.len) {
        if (!take(&extensions, 2, &head) || !take_vector(&extensions, 2, &data) ||
            !read_extension(number_at(head, 0, 2), data, out))
            return false;
    }
    return true;
}

/** A length with the highest bit set, a type, a version, three lengths, and what they count. */
static enum tls_hello_rc
parse_v2(struct slice in, struct tls_hello *out)
{
    unsigned len, ciphers, session, challenge;

    if (in.len < 11)
        return TLS_HELLO_MORE;
    len = number_at(in, 0, 2) & 0x7fff;
    ciphers = number_at(in, 5, 2);
    session = number_at(in, 7, 2);
    challenge = number_at(in, 9, 2);
    if (byte_at(in, 2) != TLS_CLIENT_HELLO || len < 9 || ciphers < 3 || ciphers % 3 ||
        (session != 0 && session != 16) || challenge < 16 || challenge > 32 ||
        9 + ciphers + session + challenge != len)
        return TLS_HELLO_BAD;
    out->type = TLS_CLIENT_HELLO;
    out->v2 = true;
    out->version = out->record_version = (uint16_t)number_at(in, 3, 2);
    if (out->version != 0x0002 && out->version >> 8 != 3)
        return TLS_HELLO_BAD;
    return in.len < 2 + len ? TLS_HELLO_MORE : TLS_HELLO_OK;
}

/* ---- interface ---- */

enum tls_hello_rc
tls_hello_parse(struct slice in, char *scratch, struct tls_hello *out)
{
    struct slice msg;
    enum tls_hello_rc rc;

    memset(out, 0, sizeof(*out));
    if (in.len && byte_at(in, 0) & 0x80)
        return parse_v2(in, out);
    rc = find_message(in, scratch, &msg, &out->type);
    if (rc != TLS_HELLO_OK)
        return rc;
    out->record_version = (uint16_t)number_at(in, 1, 2);
    return out->type == TLS_CLIENT_HELLO && read_client_hello(msg, out) ? TLS_HELLO_OK
                                                                        : TLS_HELLO_BAD;
}

enum tls_hello_rc
tls_hello_type(struct slice in, bool complete, uint8_t *type)
{
    size_t len;
    enum tls_hello_rc rc = record_head(in, &len);

    if (rc != TLS_HELLO_OK)
        return rc;
    if (in.len < RECORD_HEAD + 1 || (complete && in.len < RECORD_HEAD + len))
        return TLS_HELLO_MORE;
    *type = (uint8_t)byte_at(in, RECORD_HEAD);
    return TLS_HELLO_OK;
}

bool
tls_hello_alpn_next(struct slice *list, struct slice *protocol)
{
    return list->len && take_vector(list, 1, protocol);
}

bool
tls_hello_share_next(struct slice *list, uint16_t *group)
{
    struct slice head, key;

    if (!list->len || !take(list, 2, &head) || !take_vector(list, 2, &key))
        return false;
    *group = (uint16_t)number_at(head, 0, 2);
    return true;
}
