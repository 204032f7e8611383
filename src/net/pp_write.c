/* pp_write.c - PROXY protocol: writing headers. */
#include "net/pp.h"

#include <arpa/inet.h>

static void
put16(struct out *o, unsigned v)
{
    out_char(o, (char)(v >> 8));
    out_char(o, (char)v);
}

static void
put32(struct out *o, uint32_t v)
{
    put16(o, v >> 16);
    put16(o, v & 0xffff);
}

/** AF_INET when both are IPv4, AF_INET6 when both are IP, else AF_UNSPEC. */
static int
common_family(const struct addr *src, const struct addr *dst)
{
    if (!src || !dst || !addr_is_ip(src) || !addr_is_ip(dst))
        return AF_UNSPEC;
    return src->kind == ADDR_IP4 && dst->kind == ADDR_IP4 ? AF_INET : AF_INET6;
}

/** The address as IPv6; mixed pairs are sent in the mapped form. */
static struct addr
as_ip6(const struct addr *a)
{
    struct in6_addr ip;
    struct addr six;

    addr_to_ip6(a, &ip);
    addr_from_ip6(&six, &ip, addr_port(a));
    return six;
}

size_t
pp_write_v1(char *buf, size_t size, const struct addr *src, const struct addr *dst)
{
    struct out o = { buf, 0, size, false };
    int family = common_family(src, dst);

    if (family == AF_UNSPEC) {
        out_lit(&o, "PROXY UNKNOWN\r\n");
        return o.full ? 0 : o.len;
    }
    struct addr from = family == AF_INET6 ? as_ip6(src) : *src;
    struct addr to = family == AF_INET6 ? as_ip6(dst) : *dst;
    out_str(&o, family == AF_INET ? "PROXY TCP4 " : "PROXY TCP6 ");
    addr_put_host(&o, &from);
    out_char(&o, ' ');
    addr_put_host(&o, &to);
    out_char(&o, ' ');
    out_uint(&o, addr_port(&from));
    out_char(&o, ' ');
    out_uint(&o, addr_port(&to));
    out_lit(&o, "\r\n");
    return o.full ? 0 : o.len;
}

/** A TLV unless the value is absent. */
static void
put_tlv(struct out *o, uint8_t type, struct slice value)
{
    if (!value.p || value.len > UINT16_MAX) {
        o->full = o->full || value.len > UINT16_MAX;
        return;
    }
    out_char(o, (char)type);
    put16(o, (unsigned)value.len);
    out_slice_put(o, value);
}

/** Stores a 16-bit number at `at`, written before as zero. */
static void
patch16(struct out *o, size_t at, size_t v)
{
    if (v > UINT16_MAX)
        o->full = true;
    if (o->full)
        return;
    o->p[at] = (char)(v >> 8);
    o->p[at + 1] = (char)v;
}

static void
put_ssl(struct out *o, const struct pp_ssl *ssl)
{
    size_t at = o->len;

    out_char(o, PP_TLV_SSL);
    put16(o, 0);
    out_char(o, (char)ssl->client);
    put32(o, ssl->verify);
    put_tlv(o, PP_TLV_SSL_VERSION, ssl->version);
    put_tlv(o, PP_TLV_SSL_CN, ssl->cn);
    put_tlv(o, PP_TLV_SSL_KEY_ALG, ssl->key_alg);
    put_tlv(o, PP_TLV_SSL_SIG_ALG, ssl->sig_alg);
    put_tlv(o, PP_TLV_SSL_CIPHER, ssl->cipher);
    put_tlv(o, PP_TLV_SSL_GROUP, ssl->group);
    put_tlv(o, PP_TLV_SSL_SIG_SCHEME, ssl->sig_scheme);
    put_tlv(o, PP_TLV_SSL_CLIENT_CERT, ssl->client_cert);
    patch16(o, at + 1, o->len - at - 3);
}

static void
put_addresses(struct out *o, int family, const struct pp_out *what)
{
    if (family == AF_INET) {
        out_slice_put(o, addr_ip_bytes(what->src));
        out_slice_put(o, addr_ip_bytes(what->dst));
    } else {
        struct addr from = as_ip6(what->src), to = as_ip6(what->dst);
        out_slice_put(o, addr_ip_bytes(&from));
        out_slice_put(o, addr_ip_bytes(&to));
    }
    put16(o, addr_port(what->src));
    put16(o, addr_port(what->dst));
}

size_t
pp_write_v2(char *buf, size_t size, const struct pp_out *what)
{
    struct out o = { buf, 0, size, false };
    int family = what->local ? AF_UNSPEC : common_family(what->src, what->dst);
    bool dgram = family != AF_UNSPEC && (what->src->flags & ADDR_F_DGRAM_XPRT);
    unsigned proto = dgram ? 2 : 1;
    size_t crc_at = 0;

    out_lit(&o, "\r\n\r\n\0\r\nQUIT\n");
    /* version 2; LOCAL when there is nothing to tell about the client */
    out_char(&o, family == AF_UNSPEC ? 0x20 : 0x21);
    out_char(&o, (char)(family == AF_INET ? 0x10 | proto : family == AF_INET6 ? 0x20 | proto : 0));
    put16(&o, 0);
    if (family != AF_UNSPEC)
        put_addresses(&o, family, what);
    if (what->crc32c) {
        put_tlv(&o, PP_TLV_CRC32C, SL("\0\0\0\0"));
        crc_at = o.len - 4;
    }
    put_tlv(&o, PP_TLV_ALPN, what->alpn);
    put_tlv(&o, PP_TLV_AUTHORITY, what->authority);
    put_tlv(&o, PP_TLV_UNIQUE_ID,
            slice(what->unique_id.p, MIN(what->unique_id.len, PP_UNIQUE_ID_MAX)));
    if (what->ssl)
        put_ssl(&o, what->ssl);
    put_tlv(&o, PP_TLV_NETNS, what->netns);
    for (unsigned i = 0; i < what->ncustom; i++)
        put_tlv(&o, what->custom[i].type, what->custom[i].value);
    patch16(&o, 14, o.len - PP_V2_MIN);
    if (o.full)
        return 0;
    if (what->crc32c) {
        uint32_t crc = crc32c(0, buf, o.len);
        patch16(&o, crc_at, crc >> 16);
        patch16(&o, crc_at + 2, crc & 0xffff);
    }
    return o.len;
}
