/* pp.c - PROXY protocol: recognising and parsing headers. */
#include "net/pp.h"

#include <arpa/inet.h>

static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

#define FAM_INET  1
#define FAM_INET6 2
#define FAM_UNIX  3
#define V4_LEN    12u /* two addresses and two ports */
#define V6_LEN    36u
#define UNIX_LEN  216u /* two paths */
#define SSL_FIXED 5u   /* client and verify of the SSL TLV */

static const struct {
    int number;
    const char *text;
} errors[] = {
#define X(name, number, text) [PP_E_##name] = { number, text },
    PP_ERRORS(X)
#undef X
};

int
pp_err_number(enum pp_err e)
{
    return errors[e].number;
}

static enum pp_rc
fail(struct pp_in *out, enum pp_err e)
{
    out->err = e;
    out->used = 0;
    return PP_ERR;
}

static uint16_t
get16(const char *p)
{
    return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

static uint32_t
get32(const char *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void
addr4(struct addr *a, const char *ip, uint16_t port)
{
    struct in_addr in;

    memcpy(&in, ip, sizeof(in));
    addr_from_ip4(a, in, port);
}

static void
addr6(struct addr *a, const char *ip, uint16_t port)
{
    struct in6_addr in;

    memcpy(&in, ip, sizeof(in));
    addr_from_ip6(a, &in, port);
}

/* ---- version 1 ---- */

/** The next word, up to a single space or the end. False when it is missing. */
static bool
v1_word(struct slice *line, struct slice *word)
{
    struct slice rest;

    *word = slice_cut(*line, ' ', &rest);
    *line = rest;
    return word->len > 0;
}

/** 0..65535 in decimal without leading zeroes. */
static bool
v1_port(struct slice s, uint16_t *out)
{
    uint64_t v;

    if (s.len > 5 || (s.len > 1 && s.p[0] == '0') || !slice_to_uint(s, &v) || v > 65535)
        return false;
    *out = (uint16_t)v;
    return true;
}

static bool
v1_endpoints(struct slice line, enum addr_kind kind, struct pp_in *out)
{
    struct slice src, dst, sport, dport;
    uint16_t port;

    if (!v1_word(&line, &src) || !v1_word(&line, &dst) || !v1_word(&line, &sport) ||
        !v1_word(&line, &dport) || line.p)
        return false;
    if (!addr_parse_ip(src, &out->src) || out->src.kind != kind || !addr_parse_ip(dst, &out->dst) ||
        out->dst.kind != kind)
        return false;
    if (!v1_port(sport, &port))
        return false;
    addr_set_port(&out->src, port);
    if (!v1_port(dport, &port))
        return false;
    addr_set_port(&out->dst, port);
    return true;
}

static enum pp_rc
v1_parse(struct slice in, struct pp_in *out)
{
    size_t most = MIN(in.len, PP_V1_MAX);
    const char *lf = memchr(in.p, '\n', most);
    struct slice word;

    if (!lf)
        return in.len >= PP_V1_MAX ? fail(out, PP_E_BAD_HDR) : PP_MORE;
    size_t len = (size_t)(lf - in.p) + 1;
    if (len < 2 || in.p[len - 2] != '\r')
        return fail(out, PP_E_BAD_HDR);
    struct slice line = slice(in.p + 6, len - 2 < 6 ? 0 : len - 2 - 6); /* behind "PROXY " */

    out->version = 1;
    if (!v1_word(&line, &word))
        return fail(out, PP_E_BAD_HDR);
    if (slice_eq(word, SL("UNKNOWN"))) {
        out->local = true; /* whatever follows it must be ignored */
    } else if (slice_eq(word, SL("TCP4")) || slice_eq(word, SL("TCP6"))) {
        if (!v1_endpoints(line, word.p[3] == '4' ? ADDR_IP4 : ADDR_IP6, out))
            return fail(out, PP_E_BAD_HDR);
    } else {
        return fail(out, PP_E_BAD_PROTO);
    }
    out->used = len;
    return PP_DONE;
}

/* ---- version 2 ---- */

bool
pp_tlv_next(struct slice *rest, struct pp_tlv *out)
{
    if (rest->len < 3)
        return false;
    size_t len = get16(rest->p + 1);
    if (len > rest->len - 3)
        return false;
    out->type = (uint8_t)rest->p[0];
    out->value = slice(rest->p + 3, len);
    *rest = slice_sub(*rest, 3 + len, rest->len);
    return true;
}

bool
pp_ssl_parse(struct slice value, struct pp_ssl *out)
{
    struct pp_tlv t;

    memset(out, 0, sizeof(*out));
    if (value.len < SSL_FIXED)
        return false;
    out->client = (uint8_t)value.p[0];
    out->verify = get32(value.p + 1);
    struct slice rest = slice_sub(value, SSL_FIXED, value.len);
    while (pp_tlv_next(&rest, &t)) {
        switch (t.type) {
        case PP_TLV_SSL_VERSION:
            out->version = t.value;
            break;
        case PP_TLV_SSL_CN:
            out->cn = t.value;
            break;
        case PP_TLV_SSL_CIPHER:
            out->cipher = t.value;
            break;
        case PP_TLV_SSL_SIG_ALG:
            out->sig_alg = t.value;
            break;
        case PP_TLV_SSL_KEY_ALG:
            out->key_alg = t.value;
            break;
        case PP_TLV_SSL_GROUP:
            out->group = t.value;
            break;
        case PP_TLV_SSL_SIG_SCHEME:
            out->sig_scheme = t.value;
            break;
        case PP_TLV_SSL_CLIENT_CERT:
            out->client_cert = t.value;
            break;
        default:
            break;
        }
    }
    return rest.len == 0;
}

bool
pp_tlv_walk(struct pp_walk *w, struct pp_tlv *out)
{
    if (pp_tlv_next(&w->sub, out))
        return true;
    w->sub = SLICE_NONE;
    if (!pp_tlv_next(&w->rest, out))
        return false;
    if (out->type == PP_TLV_SSL)
        w->sub = slice_sub(out->value, SSL_FIXED, out->value.len);
    return true;
}

bool
pp_tlv_find(struct slice tlvs, uint8_t type, struct slice *value)
{
    struct pp_walk w = { .rest = tlvs };
    struct pp_tlv t;

    while (pp_tlv_walk(&w, &t)) {
        if (t.type == type) {
            *value = t.value;
            return true;
        }
    }
    return false;
}

static bool
crc_ok(struct slice header, struct slice value)
{
    static const char zero[4];

    if (value.len != 4)
        return false;
    size_t at = (size_t)(value.p - header.p);
    uint32_t crc = crc32c(0, header.p, at);
    crc = crc32c(crc, zero, 4);
    crc = crc32c(crc, header.p + at + 4, header.len - at - 4);
    return crc == get32(value.p);
}

/** Every TLV must end within the header, lengths obey their limits, a checksum must be right. */
static bool
v2_tlvs_ok(struct slice header, struct slice tlvs)
{
    struct pp_tlv t;

    while (pp_tlv_next(&tlvs, &t)) {
        if ((t.type == PP_TLV_CRC32C && !crc_ok(header, t.value)) ||
            (t.type == PP_TLV_UNIQUE_ID && t.value.len > PP_UNIQUE_ID_MAX) ||
            (t.type == PP_TLV_AUTHORITY && t.value.len > PP_AUTHORITY_MAX))
            return false;
    }
    return tlvs.len == 0;
}

static void
v2_unix(struct addr *a, const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    memcpy(un.sun_path, path, sizeof(un.sun_path));
    addr_from_sockaddr(a, (const struct sockaddr *)&un, sizeof(un));
}

/** Reads the address block of `family`; *used receives its length. */
static bool
v2_addresses(struct slice block, unsigned family, struct pp_in *out, size_t *used)
{
    const char *p = block.p;
    size_t need = family == FAM_INET ? V4_LEN : family == FAM_INET6 ? V6_LEN : UNIX_LEN;

    if (block.len < need)
        return false;
    *used = need;
    if (family == FAM_INET) {
        addr4(&out->src, p, get16(p + 8));
        addr4(&out->dst, p + 4, get16(p + 10));
    } else if (family == FAM_INET6) {
        addr6(&out->src, p, get16(p + 32));
        addr6(&out->dst, p + 16, get16(p + 34));
    } else {
        v2_unix(&out->src, p);
        v2_unix(&out->dst, p + UNIX_LEN / 2);
    }
    return true;
}

/** Unknown protocol: addresses are ignored, TLVs are kept when they can be recognised. */
static void
v2_unspec(struct slice header, unsigned family, struct pp_in *out)
{
    static const unsigned skip[] = { 0, V4_LEN, V6_LEN, UNIX_LEN };

    out->local = true;
    out->tlvs = slice_sub(header, PP_V2_MIN + skip[family], header.len);
    if (!v2_tlvs_ok(header, out->tlvs))
        out->tlvs = SLICE_NONE;
}

static enum pp_rc
v2_parse(struct slice in, struct pp_in *out)
{
    if (in.len > 12 && ((uint8_t)in.p[12] >> 4) != 2)
        return fail(out, PP_E_BAD_HDR);
    if (in.len < PP_V2_MIN)
        return PP_MORE;
    unsigned command = (uint8_t)in.p[12] & 0xf;
    unsigned family = (uint8_t)in.p[13] >> 4, proto = (uint8_t)in.p[13] & 0xf;
    size_t len = PP_V2_MIN + (size_t)get16(in.p + 14), at = 0;

    if (command > 1)
        return fail(out, PP_E_BAD_HDR);
    if (in.len < len)
        return PP_MORE;
    struct slice header = slice(in.p, len);
    struct slice rest = slice_sub(header, PP_V2_MIN, len);

    out->version = 2;
    out->used = len;
    if (command == 0) {
        out->local = true; /* all that follows is to be skipped */
        return PP_DONE;
    }
    if (family > FAM_UNIX || proto > 2)
        return fail(out, PP_E_BAD_PROTO);
    if (family == 0 || proto == 0) {
        v2_unspec(header, family, out);
        return PP_DONE;
    }
    if (!v2_addresses(rest, family, out, &at))
        return fail(out, PP_E_BAD_HDR);
    if (proto == 2)
        out->src.flags = out->dst.flags = ADDR_F_DGRAM_SOCK | ADDR_F_DGRAM_XPRT;
    out->tlvs = slice_sub(rest, at, rest.len);
    if (!v2_tlvs_ok(header, out->tlvs))
        return fail(out, PP_E_BAD_HDR);
    return PP_DONE;
}

enum pp_rc
pp_parse(struct slice in, struct pp_in *out)
{
    memset(out, 0, sizeof(*out));
    if (in.len == 0)
        return PP_MORE;
    if (memcmp(in.p, "PROXY ", MIN(in.len, 6)) == 0)
        return in.len < 6 ? PP_MORE : v1_parse(in, out);
    if (memcmp(in.p, v2_signature, MIN(in.len, sizeof(v2_signature))) == 0)
        return in.len < sizeof(v2_signature) ? PP_MORE : v2_parse(in, out);
    return fail(out, PP_E_NOT_HDR);
}

/* ---- NetScaler Client IP ---- */

/** The addresses are those of a copy of the client's own IP and TCP headers. */
static enum pp_rc
cip_ip4(struct slice in, struct pp_in *out)
{
    size_t ihl = ((size_t)(uint8_t)in.p[0] & 0xf) * 4;

    if (ihl < 20 || in.len < ihl + 20)
        return fail(out, PP_E_CIP_TRUNCATED);
    if (in.p[9] != IPPROTO_TCP)
        return fail(out, PP_E_CIP_BAD_PROTO);
    addr4(&out->src, in.p + 12, get16(in.p + ihl));
    addr4(&out->dst, in.p + 16, get16(in.p + ihl + 2));
    return PP_DONE;
}

static enum pp_rc
cip_ip6(struct slice in, struct pp_in *out)
{
    if (in.len < 40 + 20)
        return fail(out, PP_E_CIP_TRUNCATED);
    if (in.p[6] != IPPROTO_TCP)
        return fail(out, PP_E_CIP_BAD_PROTO);
    addr6(&out->src, in.p + 8, get16(in.p + 40));
    addr6(&out->dst, in.p + 24, get16(in.p + 42));
    return PP_DONE;
}

/* Legacy (NetScaler before 10.5): magic (4), length of the rest (4), IP and TCP headers.
 * Standard: magic (4), total length (4), type 1 (2), length of the rest (2), IP and TCP headers.
 * The byte at 8 tells which: an IP version, or the high byte of the type. */
#define CIP_LEGACY_AT   8u
#define CIP_STANDARD_AT 12u

enum pp_rc
pp_cip_parse(struct slice in, uint32_t magic, struct pp_in *out)
{
    const char want[4] = { (char)(magic >> 24), (char)(magic >> 16), (char)(magic >> 8),
                           (char)magic };
    size_t at = CIP_LEGACY_AT, len;

    memset(out, 0, sizeof(*out));
    if (in.len && memcmp(in.p, want, MIN(in.len, sizeof(want))) != 0)
        return fail(out, PP_E_CIP_BAD_MAGIC);
    if (in.len < CIP_STANDARD_AT)
        return PP_MORE;
    len = get32(in.p + 4);
    if (in.p[8] == 0) {
        at = CIP_STANDARD_AT;
        len = get16(in.p + 10);
    }
    if (len == 0 || len > PP_CIP_MAX - at)
        return fail(out, PP_E_CIP_TRUNCATED);
    if (in.len <= at)
        return PP_MORE;
    unsigned version = (uint8_t)in.p[at] >> 4;
    if (version != 4 && version != 6)
        return fail(out, PP_E_CIP_BAD_PROTO);
    if (in.len < at + len)
        return PP_MORE;
    enum pp_rc rc =
        version == 4 ? cip_ip4(slice(in.p + at, len), out) : cip_ip6(slice(in.p + at, len), out);
    if (rc == PP_DONE)
        out->used = at + len;
    return rc;
}
