/* conv_net.c - masks of addresses, and the fields of Ethernet, IP and TCP headers (frames come from
 * tcp-ss and fc_saved_syn). Untrusted input: what is cut short or malformed has no value. */
#include "sample/conv.h"

static bool
conv_ipmask(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    if (s->type == SMP_IPV6 && IN6_IS_ADDR_V4MAPPED(&s->u.v6) && !sample_cast(s, SMP_IPV4, x))
        return false;
    if (s->type == SMP_IPV4) {
        s->u.v4.s_addr &= arg[0].u.v4.s_addr;
        return true;
    }
    if (s->type != SMP_IPV6 || arg[1].type == ARG_END)
        return false;
    for (unsigned i = 0; i < sizeof(s->u.v6.s6_addr); i++)
        s->u.v6.s6_addr[i] &= arg[1].u.v6.s6_addr[i];
    return true;
}

static unsigned
be16(struct slice s, size_t at)
{
    return (unsigned)((unsigned char)s.p[at] << 8 | (unsigned char)s.p[at + 1]);
}

static uint32_t
be32(struct slice s, size_t at)
{
    return (uint32_t)be16(s, at) << 16 | be16(s, at + 2);
}

static unsigned char
byte(struct slice s, size_t at)
{
    return (unsigned char)s.p[at];
}

/** What a converter of this file returns: part of the input, or a number. */
enum net_field {
    NET_ETH_DST,
    NET_ETH_SRC,
    NET_ETH_HDR,
    NET_ETH_DATA,
    NET_ETH_PROTO,
    NET_ETH_VLAN,
    NET_IP_HDR,
    NET_IP_DATA,
    NET_IP_SRC,
    NET_IP_DST,
    NET_IP_DF,
    NET_IP_PROTO,
    NET_IP_TOS,
    NET_IP_TTL,
    NET_IP_VER,
    NET_TCP_SRC,
    NET_TCP_DST,
    NET_TCP_SEQ,
    NET_TCP_FLAGS,
    NET_TCP_WIN,
    NET_TCP_MSS,
    NET_TCP_SACK,
    NET_TCP_TSOPT,
    NET_TCP_TSVAL,
    NET_TCP_WSCALE,
    NET_TCP_WSOPT,
};

/* Objects whose address travels through `private`. */
static const enum net_field field_of[] = {
    NET_ETH_DST,    NET_ETH_SRC,   NET_ETH_HDR, NET_ETH_DATA, NET_ETH_PROTO, NET_ETH_VLAN,
    NET_IP_HDR,     NET_IP_DATA,   NET_IP_SRC,  NET_IP_DST,   NET_IP_DF,     NET_IP_PROTO,
    NET_IP_TOS,     NET_IP_TTL,    NET_IP_VER,  NET_TCP_SRC,  NET_TCP_DST,   NET_TCP_SEQ,
    NET_TCP_FLAGS,  NET_TCP_WIN,   NET_TCP_MSS, NET_TCP_SACK, NET_TCP_TSOPT, NET_TCP_TSVAL,
    NET_TCP_WSCALE, NET_TCP_WSOPT,
};

/* ---- Ethernet ---------------------------------------------------------------------------------
 */

#define ETH_ADDRESSES 12u

struct eth_header {
    size_t len; /* with VLAN tags */
    unsigned proto;
    int vlan; /* the last tag's; -1: none */
};

static bool
eth_parse(struct slice s, struct eth_header *h)
{
    size_t at = ETH_ADDRESSES;

    h->vlan = -1;
    for (;;) {
        if (s.len < at + 2)
            return false;
        h->proto = be16(s, at);
        at += 2;
        if (h->proto != 0x8100 && h->proto != 0x88a8) /* 802.1Q, 802.1ad */
            break;
        if (s.len < at + 2)
            return false;
        h->vlan = (int)(be16(s, at) & 0xfff);
        at += 2;
    }
    h->len = at;
    return true;
}

static bool
conv_eth(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const enum net_field *field = private;
    struct eth_header h;

    if (!eth_parse(s->u.s, &h))
        return false;
    switch (*field) {
    case NET_ETH_DST:
        s->u.s.len = 6;
        break;
    case NET_ETH_SRC:
        s->u.s = slice_sub(s->u.s, 6, 6);
        break;
    case NET_ETH_HDR:
        s->u.s.len = h.len;
        break;
    case NET_ETH_DATA:
        s->u.s = slice_sub(s->u.s, h.len, SIZE_MAX);
        break;
    case NET_ETH_PROTO:
        sample_set_int(s, h.proto);
        break;
    default:
        sample_set_int(s, h.vlan);
        return h.vlan >= 0;
    }
    return true;
}

/* ---- IP ---------------------------------------------------------------------------------------
 */

struct ip_header {
    unsigned version, tos, ttl, proto;
    bool df, options;
    size_t len; /* with options or extension headers */
    struct slice src, dst, data;
};

static bool
ip4_parse(struct slice s, struct ip_header *h)
{
    if (s.len < 20)
        return false;
    size_t total = be16(s, 2);

    h->len = (size_t)(byte(s, 0) & 15) * 4;
    if (h->len < 20 || h->len > s.len || total < h->len)
        return false;
    h->tos = byte(s, 1);
    h->df = byte(s, 6) & 0x40;
    h->ttl = byte(s, 8);
    h->proto = byte(s, 9);
    h->options = h->len > 20;
    h->src = slice_sub(s, 12, 4);
    h->dst = slice_sub(s, 16, 4);
    h->data = slice_sub(s, h->len, total - h->len); /* not the padding of a short frame */
    return true;
}

/** Length of the IPv6 extension header at `at`; 0 when `proto` is none, SIZE_MAX when it is cut
 * short. RFC 8200, section 4. */
static size_t
ip6_extension_len(struct slice s, size_t at, unsigned proto)
{
    size_t words = s.len - at >= 2 ? byte(s, at + 1) : 0, len;

    switch (proto) {
    case 0:   /* hop-by-hop options */
    case 43:  /* routing */
    case 60:  /* destination options */
    case 135: /* mobility */
    case 139: /* host identity */
    case 140: /* shim6 */
        len = (words + 1) * 8;
        break;
    case 44: /* fragment */
        len = 8;
        break;
    case 51: /* authentication, RFC 4302: 32-bit words minus 2 */
        len = (words + 2) * 4;
        break;
    default:
        return 0;
    }
    return len <= s.len - at ? len : SIZE_MAX;
}

static bool
ip6_parse(struct slice s, struct ip_header *h)
{
    if (s.len < 40)
        return false;
    h->tos = be16(s, 0) >> 4 & 0xff;
    h->proto = byte(s, 6);
    h->ttl = byte(s, 7);
    h->df = true;
    h->src = slice_sub(s, 8, 16);
    h->dst = slice_sub(s, 24, 16);
    size_t end = 40 + (size_t)be16(s, 4);
    for (h->len = 40;;) {
        size_t n = ip6_extension_len(s, h->len, h->proto);

        if (n == 0)
            break;
        if (n == SIZE_MAX)
            return false;
        h->proto = byte(s, h->len);
        h->len += n;
    }
    if (end < h->len)
        return false;
    h->options = h->len > 40;
    h->data = slice_sub(s, h->len, end - h->len);
    return true;
}

static bool
ip_parse(struct slice s, struct ip_header *h)
{
    if (s.len == 0)
        return false;
    h->version = byte(s, 0) >> 4;
    return h->version == 4 ? ip4_parse(s, h) : h->version == 6 && ip6_parse(s, h);
}

static void
set_address(struct sample *s, struct slice a)
{
    if (a.len == 4) {
        s->type = SMP_IPV4;
        memcpy(&s->u.v4, a.p, 4);
    } else {
        struct in6_addr v6;

        memcpy(&v6, a.p, 16);
        s->type = SMP_IPV6;
        s->u.v6 = v6;
    }
}

static bool
conv_ip(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const enum net_field *field = private;
    struct ip_header h;

    if (!ip_parse(s->u.s, &h))
        return false;
    switch (*field) {
    case NET_IP_HDR:
        s->u.s.len = h.len;
        break;
    case NET_IP_DATA:
        s->u.s = h.data;
        break;
    case NET_IP_SRC:
        set_address(s, h.src);
        break;
    case NET_IP_DST:
        set_address(s, h.dst);
        break;
    default:
        sample_set_int(s, *field == NET_IP_DF      ? h.df
                          : *field == NET_IP_PROTO ? h.proto
                          : *field == NET_IP_TOS   ? h.tos
                          : *field == NET_IP_TTL   ? h.ttl
                                                   : h.version);
        break;
    }
    return true;
}

/* ---- TCP --------------------------------------------------------------------------------------
 */

enum {
    TCP_OPT_END = 0,
    TCP_OPT_NOP = 1,
    TCP_OPT_MSS = 2,
    TCP_OPT_WSCALE = 3,
    TCP_OPT_SACK = 4,
    TCP_OPT_TS = 8
};

/** Moves *at to the next option within the header of `len` bytes and tells its kind and data. False
 * at the end. */
static bool
tcp_next_option(struct slice s, size_t len, size_t *at, unsigned *kind, struct slice *data)
{
    if (*at >= len || byte(s, *at) == TCP_OPT_END)
        return false;
    *kind = byte(s, *at);
    *data = SLICE_NONE;
    if (*kind == TCP_OPT_NOP) {
        ++*at;
        return true;
    }
    if (len - *at < 2 || byte(s, *at + 1) < 2 || byte(s, *at + 1) > len - *at)
        return false;
    *data = slice_sub(s, *at + 2, byte(s, *at + 1) - 2u);
    *at += byte(s, *at + 1);
    return true;
}

/** The data of the first option of that kind and size. */
static bool
tcp_option(struct slice s, size_t len, unsigned wanted, size_t size, struct slice *data)
{
    unsigned kind;

    for (size_t at = 20; tcp_next_option(s, len, &at, &kind, data);)
        if (kind == wanted && data->len == size)
            return true;
    return false;
}

/** Length of the header, or 0 when it is not all there. */
static size_t
tcp_header_len(struct slice s)
{
    size_t len = s.len < 20 ? 0 : (size_t)(byte(s, 12) >> 4) * 4;

    return len < 20 || len > s.len ? 0 : len;
}

static bool
conv_tcp(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const enum net_field *field = private;
    struct slice in = s->u.s, data;
    size_t len = tcp_header_len(in);
    int64_t v = 0;

    if (!len)
        return false;
    switch (*field) {
    case NET_TCP_SRC:
        v = be16(in, 0);
        break;
    case NET_TCP_DST:
        v = be16(in, 2);
        break;
    case NET_TCP_SEQ:
        v = be32(in, 4);
        break;
    case NET_TCP_FLAGS:
        v = byte(in, 13);
        break;
    case NET_TCP_WIN:
        v = be16(in, 14);
        break;
    case NET_TCP_MSS:
        v = tcp_option(in, len, TCP_OPT_MSS, 2, &data) ? be16(data, 0) : 0;
        break;
    case NET_TCP_WSCALE:
        v = tcp_option(in, len, TCP_OPT_WSCALE, 1, &data) ? byte(data, 0) : 0;
        break;
    case NET_TCP_WSOPT:
        v = tcp_option(in, len, TCP_OPT_WSCALE, 1, &data);
        break;
    case NET_TCP_SACK:
        v = tcp_option(in, len, TCP_OPT_SACK, 0, &data);
        break;
    case NET_TCP_TSOPT:
        v = tcp_option(in, len, TCP_OPT_TS, 8, &data);
        break;
    default:
        if (!tcp_option(in, len, TCP_OPT_TS, 8, &data))
            return false;
        v = be32(data, 0);
        break;
    }
    sample_set_int(s, v);
    return true;
}

/** Appends the kinds of all options. */
static void
put_option_kinds(struct out *o, struct slice tcp, size_t len)
{
    unsigned kind;
    struct slice data;

    for (size_t at = 20; tcp_next_option(tcp, len, &at, &kind, &data);)
        out_char(o, (char)kind);
}

static bool
conv_tcp_options_list(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s,
                      void *private)
{
    size_t len = tcp_header_len(s->u.s);
    struct out o;

    if (!len || !conv_out(&o, len - 20, x))
        return false;
    put_option_kinds(&o, s->u.s, len);
    conv_out_end(s, SMP_BIN, &o);
    return true;
}

/* ---- ip.fp: fingerprint of a SYN --------------------------------------------------------------
 */

enum { FP_TTL = 1, FP_OPTIONS = 2, FP_SOURCE = 4, FP_ALL = 7 };

static unsigned
ttl_class(unsigned ttl)
{
    return (ttl > 32) + (ttl > 64) + (ttl > 128);
}

/** The first eight bytes: tos, flags, header length and window scale, window, MSS, kinds of
 * options. */
static void
put_fingerprint(struct out *o, const struct ip_header *h, size_t tcp_len)
{
    struct slice tcp = h->data, data;
    unsigned flags = byte(tcp, 13), kind, kinds = 0;
    unsigned scale =
        tcp_option(tcp, tcp_len, TCP_OPT_WSCALE, 1, &data) ? MIN(byte(data, 0) + 1u, 15u) : 0;
    unsigned mss = tcp_option(tcp, tcp_len, TCP_OPT_MSS, 2, &data) ? be16(data, 0) : 0;

    for (size_t at = 20; tcp_next_option(tcp, tcp_len, &at, &kind, &data);)
        if (kind > TCP_OPT_NOP)
            kinds |= kind <= 8 ? 1u << (kind - 2) : 0x80u;
    unsigned bits = (h->version == 6) << 7 | (unsigned)h->df << 6 | ttl_class(h->ttl) << 4 |
                    (unsigned)h->options << 3 | (tcp.len > tcp_len) << 2 | (flags >> 7 & 1) << 1 |
                    (flags >> 6 & 1);

    out_char(o, (char)h->tos);
    out_char(o, (char)bits);
    out_char(o, (char)(tcp_len / 4 << 4 | scale));
    out_mem(o, tcp.p + 14, 2);
    out_char(o, (char)(mss >> 8));
    out_char(o, (char)mss);
    out_char(o, (char)kinds);
}

/** Without an argument everything is appended. */
static bool
conv_ip_fp(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    int64_t mode = arg[0].type == ARG_END ? FP_ALL : arg[0].i;
    struct ip_header h;
    struct out o;

    if (!ip_parse(s->u.s, &h) || h.proto != IPPROTO_TCP)
        return false;
    size_t tcp_len = tcp_header_len(h.data);
    if (!tcp_len || !conv_out(&o, 8 + 1 + 40 + 16, x))
        return false;
    put_fingerprint(&o, &h, tcp_len);
    if (mode & FP_TTL)
        out_char(&o, (char)h.ttl);
    if (mode & FP_OPTIONS)
        put_option_kinds(&o, h.data, tcp_len);
    if (mode & FP_SOURCE)
        out_slice_put(&o, h.src);
    conv_out_end(s, SMP_BIN, &o);
    return true;
}

#define FIELD(name_, out_, fn_, field_, help_)                                                     \
    {                                                                                              \
        name_, { 0 }, SMP_BIN, out_, fn_, .private = (void *)&field_of[NET_##field_],              \
                                          .help = help_                                            \
    }

const struct conv conv_net[] = {
    FIELD("eth.data", SMP_BIN, conv_eth, ETH_DATA, "what follows the Ethernet header"),
    FIELD("eth.dst", SMP_BIN, conv_eth, ETH_DST, "destination address of an Ethernet frame"),
    FIELD("eth.hdr", SMP_BIN, conv_eth, ETH_HDR, "Ethernet header with its VLAN tags"),
    FIELD("eth.proto", SMP_SINT, conv_eth, ETH_PROTO, "EtherType behind the VLAN tags"),
    FIELD("eth.src", SMP_BIN, conv_eth, ETH_SRC, "source address of an Ethernet frame"),
    FIELD("eth.vlan", SMP_SINT, conv_eth, ETH_VLAN, "last VLAN id of an Ethernet frame"),
    FIELD("ip.data", SMP_BIN, conv_ip, IP_DATA, "what follows the IP header"),
    FIELD("ip.df", SMP_SINT, conv_ip, IP_DF, "don't-fragment flag"),
    FIELD("ip.dst", SMP_ADDR, conv_ip, IP_DST, "destination address of an IP packet"),
    { "ip.fp",
      { ARG_SINT | ARG_OPT },
      SMP_BIN,
      SMP_BIN,
      conv_ip_fp,
      .usage = "[<mode>]",
      .help = "fingerprint of the sender's TCP/IP stack, from its SYN" },
    FIELD("ip.hdr", SMP_BIN, conv_ip, IP_HDR, "IP header with options or extension headers"),
    FIELD("ip.proto", SMP_SINT, conv_ip, IP_PROTO, "transport protocol number"),
    FIELD("ip.src", SMP_ADDR, conv_ip, IP_SRC, "source address of an IP packet"),
    FIELD("ip.tos", SMP_SINT, conv_ip, IP_TOS, "type of service or traffic class"),
    FIELD("ip.ttl", SMP_SINT, conv_ip, IP_TTL, "time to live or hop limit"),
    FIELD("ip.ver", SMP_SINT, conv_ip, IP_VER, "IP version"),
    { "ipmask",
      { ARG_IPV4, ARG_IPV6 | ARG_OPT },
      SMP_ADDR,
      SMP_ADDR,
      conv_ipmask,
      .usage = "<mask4>[,<mask6>]",
      .help = "network part of an address" },
    FIELD("tcp.dst", SMP_SINT, conv_tcp, TCP_DST, "destination port of a TCP header"),
    FIELD("tcp.flags", SMP_SINT, conv_tcp, TCP_FLAGS, "the eight TCP flags, FIN lowest"),
    FIELD("tcp.options.mss", SMP_SINT, conv_tcp, TCP_MSS, "maximum segment size, or 0"),
    FIELD("tcp.options.sack", SMP_SINT, conv_tcp, TCP_SACK,
          "1 if selective acknowledgement is permitted"),
    FIELD("tcp.options.tsopt", SMP_SINT, conv_tcp, TCP_TSOPT, "1 if there is a timestamp"),
    FIELD("tcp.options.tsval", SMP_SINT, conv_tcp, TCP_TSVAL, "the sender's timestamp"),
    FIELD("tcp.options.wscale", SMP_SINT, conv_tcp, TCP_WSCALE, "window scale, or 0"),
    FIELD("tcp.options.wsopt", SMP_SINT, conv_tcp, TCP_WSOPT, "1 if there is a window scale"),
    { "tcp.options_list",
      { 0 },
      SMP_BIN,
      SMP_BIN,
      conv_tcp_options_list,
      .help = "kinds of the TCP options in order" },
    FIELD("tcp.seq", SMP_SINT, conv_tcp, TCP_SEQ, "sequence number"),
    FIELD("tcp.src", SMP_SINT, conv_tcp, TCP_SRC, "source port of a TCP header"),
    FIELD("tcp.win", SMP_SINT, conv_tcp, TCP_WIN, "window, not scaled"),
    { 0 },
};

const struct module conv_net_module = { .name = "conv_net", .convs = conv_net };
