/* addr_net.c - networks: address and mask (configuration manual 7.1.6). */
#include "net/addr.h"

#include <arpa/inet.h>

/** Decimal IPv4 with zero octets left out in the middle, as inet_aton() reads it but without octal
 * and hexadecimal numbers: "10.12" is 10.0.0.12. */
static bool
parse_ip4_short(struct slice s, struct in_addr *out)
{
    uint64_t part[4];
    unsigned n = 0;
    struct slice rest = s;

    do {
        struct slice word = slice_cut(rest, '.', &rest);
        if (n == 4 || word.len == 0 || word.len > 10 || !slice_to_uint(word, &part[n]))
            return false;
        n++;
    } while (rest.p);

    uint64_t ip = 0;
    for (unsigned i = 0; i + 1 < n; i++) {
        if (part[i] > 255)
            return false;
        ip |= part[i] << (24 - 8 * i);
    }
    unsigned room_bits = 8 * (4 - (n - 1));
    if (part[n - 1] >> room_bits)
        return false;
    out->s_addr = htonl((uint32_t)(ip | part[n - 1]));
    return true;
}

static void
mask_bytes(uint8_t *mask, unsigned size, unsigned bits)
{
    for (unsigned i = 0; i < size; i++) {
        unsigned here = bits > 8 ? 8 : bits;
        mask[i] = (uint8_t)(0xff00u >> here);
        bits -= here;
    }
}

bool
addr_mask4_parse(struct slice s, struct in_addr *out)
{
    uint64_t bits;
    struct addr a;

    if (slice_find(s, '.', 0) != SIZE_MAX) {
        if (!addr_parse_ip(s, &a) || a.kind != ADDR_IP4)
            return false;
        *out = a.in.sin_addr;
        return true;
    }
    if (s.len > 2 || !slice_to_uint(s, &bits) || bits > 32)
        return false;
    mask_bytes((uint8_t *)out, 4, (unsigned)bits);
    return true;
}

bool
addr_mask6_parse(struct slice s, struct in6_addr *out)
{
    uint64_t bits;
    struct addr a;

    if (slice_find(s, ':', 0) != SIZE_MAX) {
        if (!addr_parse_ip(s, &a) || a.kind != ADDR_IP6)
            return false;
        *out = a.in6.sin6_addr;
        return true;
    }
    if (s.len > 3 || !slice_to_uint(s, &bits) || bits > 128)
        return false;
    mask_bytes(out->s6_addr, 16, (unsigned)bits);
    return true;
}

static void
finish(struct addr_net *n, unsigned size)
{
    unsigned bits = 0;
    bool ended = false;

    n->contiguous = true;
    for (unsigned i = 0; i < size * 8; i++) {
        if (n->mask[i / 8] & (0x80u >> (i % 8))) {
            bits++;
            n->contiguous = n->contiguous && !ended;
        } else {
            ended = true;
        }
    }
    n->bits = (uint8_t)bits;
    for (unsigned i = 0; i < size; i++)
        n->ip[i] &= n->mask[i];
}

bool
addr_net_parse(struct slice s, struct addr_net *out)
{
    struct slice mask;
    struct slice host = slice_cut(s, '/', &mask);
    struct in_addr ip4;
    struct addr a;

    memset(out, 0, sizeof(*out));
    if (slice_find(host, ':', 0) != SIZE_MAX) {
        uint64_t bits = 128;
        if (!addr_parse_ip(host, &a) || a.kind != ADDR_IP6)
            return false;
        /* only bit counts are accepted for IPv6 (7.1.6) */
        if (mask.p && (mask.len > 3 || !slice_to_uint(mask, &bits) || bits > 128))
            return false;
        out->kind = ADDR_IP6;
        memcpy(out->ip, &a.in6.sin6_addr, 16);
        mask_bytes(out->mask, 16, (unsigned)bits);
        finish(out, 16);
        return true;
    }
    if (!parse_ip4_short(host, &ip4))
        return false;
    out->kind = ADDR_IP4;
    memcpy(out->ip, &ip4, 4);
    ip4.s_addr = INADDR_NONE;
    if (mask.p && !addr_mask4_parse(mask, &ip4))
        return false;
    memcpy(out->mask, &ip4, 4);
    finish(out, 4);
    return true;
}

static bool
masked_eq(const struct addr_net *n, const uint8_t *ip, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        if ((ip[i] & n->mask[i]) != n->ip[i])
            return false;
    }
    return true;
}

bool
addr_net_has(const struct addr_net *n, const struct addr *a)
{
    struct addr plain = *a;
    struct in6_addr ip6;

    if (!addr_is_ip(a))
        return false;
    if (n->kind == ADDR_IP4) {
        addr_unmap(&plain);
        return plain.kind == ADDR_IP4 && masked_eq(n, (const uint8_t *)&plain.in.sin_addr, 4);
    }
    addr_to_ip6(a, &ip6);
    return n->kind == ADDR_IP6 && masked_eq(n, ip6.s6_addr, 16);
}

void
addr_net_put(struct out *o, const struct addr_net *n)
{
    struct addr a;
    struct in_addr ip4;
    struct in6_addr ip6;

    if (n->kind == ADDR_IP6) {
        memcpy(&ip6, n->ip, 16);
        addr_from_ip6(&a, &ip6, 0);
    } else {
        memcpy(&ip4, n->ip, 4);
        addr_from_ip4(&a, ip4, 0);
    }
    addr_put_host(o, &a);
    if (n->contiguous && n->bits == (n->kind == ADDR_IP6 ? 128 : 32))
        return;
    out_char(o, '/');
    if (n->contiguous) {
        out_uint(o, n->bits);
        return;
    }
    memcpy(&ip4, n->mask, 4);
    addr_from_ip4(&a, ip4, 0);
    addr_put_host(o, &a);
}
