/* addr_parse.c - addresses as written in the configuration (manual chapter 11, "bind", "server",
 * "log"). Error texts are HAProxy's. */
#include "net/addr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define PORT_MAX 65535
/* A listener first binds "<path>.<pid>.tmp" and renames it; HAProxy reserves as much. */
#define UNIX_TMP_ROOM 10
#define UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1 - UNIX_TMP_ROOM)
#define ABNS_NAME_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/** How a prefix decides the socket type. */
enum sock { SOCK_FREE, SOCK_STREAMS, SOCK_DGRAMS, SOCK_QUIC };

struct family_prefix {
    const char *name; /* without the '@' */
    uint8_t kind;     /* ADDR_IP4 stands for IP, see family */
    int family;
    enum sock sock;
    bool mptcp;
};

static const struct family_prefix families[] = {
    { "ip", ADDR_IP4, AF_UNSPEC, SOCK_FREE, false },
    { "ipv4", ADDR_IP4, AF_INET, SOCK_FREE, false },
    { "ipv6", ADDR_IP4, AF_INET6, SOCK_FREE, false },
    { "unix", ADDR_UNIX, AF_UNIX, SOCK_FREE, false },
    { "abns", ADDR_ABNS, AF_UNIX, SOCK_FREE, false },
    { "abnsz", ADDR_ABNSZ, AF_UNIX, SOCK_FREE, false },
    { "fd", ADDR_FD, AF_UNSPEC, SOCK_FREE, false },
    { "sockpair", ADDR_SOCKPAIR, AF_UNSPEC, SOCK_FREE, false },
    { "rhttp", ADDR_RHTTP, AF_UNSPEC, SOCK_STREAMS, false },
    { "tcp", ADDR_IP4, AF_UNSPEC, SOCK_STREAMS, false },
    { "tcp4", ADDR_IP4, AF_INET, SOCK_STREAMS, false },
    { "tcp6", ADDR_IP4, AF_INET6, SOCK_STREAMS, false },
    { "udp", ADDR_IP4, AF_UNSPEC, SOCK_DGRAMS, false },
    { "udp4", ADDR_IP4, AF_INET, SOCK_DGRAMS, false },
    { "udp6", ADDR_IP4, AF_INET6, SOCK_DGRAMS, false },
    { "uxst", ADDR_UNIX, AF_UNIX, SOCK_STREAMS, false },
    { "uxdg", ADDR_UNIX, AF_UNIX, SOCK_DGRAMS, false },
    { "quic4", ADDR_IP4, AF_INET, SOCK_QUIC, false },
    { "quic6", ADDR_IP4, AF_INET6, SOCK_QUIC, false },
    { "mptcp", ADDR_IP4, AF_UNSPEC, SOCK_STREAMS, true },
    { "mptcp4", ADDR_IP4, AF_INET, SOCK_STREAMS, true },
    { "mptcp6", ADDR_IP4, AF_INET6, SOCK_STREAMS, true },
    { NULL, 0, 0, SOCK_FREE, false },
};

static const struct {
    struct slice name;
    enum sock sock;
} sock_prefixes[] = {
    { { "stream+", 7 }, SOCK_STREAMS },
    { { "dgram+", 6 }, SOCK_DGRAMS },
    { { "quic+", 5 }, SOCK_QUIC },
};

/** One address being parsed. */
struct parse {
    const char *text; /* the whole, for messages */
    const char *at;   /* what is left of it */
    unsigned opts;
    const char *unix_prefix;
    struct addr_spec *out;
    uint8_t kind;
    enum sock sock;
    bool mptcp;
    char *err;
    size_t err_size;
};

static bool fail(const struct parse *p, const char *fmt, ...) PRINTF(2, 3);

static bool
fail(const struct parse *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(p->err, p->err_size, fmt, ap);
    va_end(ap);
    return false;
}

/** Takes the prefixes off. A name before '@' that is not a prefix belongs to the address, as in
 * HAProxy. */
static void
take_prefix(struct parse *p)
{
    const char *at = p->text;
    enum sock sock = SOCK_FREE;

    p->kind = ADDR_IP4;
    p->out->family = AF_UNSPEC;
    for (unsigned i = 0; i < COUNT_OF(sock_prefixes); i++) {
        if (slice_starts(slice_str(at), sock_prefixes[i].name)) {
            sock = sock_prefixes[i].sock;
            at += sock_prefixes[i].name.len;
            break;
        }
    }
    const char *sign = strchr(at, '@');
    if (sign) {
        for (const struct family_prefix *f = families; f->name; f++) {
            if (!slice_eq_str(slice(at, (size_t)(sign - at)), f->name))
                continue;
            p->kind = f->kind;
            p->out->family = f->family;
            p->sock = sock == SOCK_FREE ? f->sock : sock;
            p->mptcp = f->mptcp;
            p->at = sign + 1;
            return;
        }
    }
    if (p->text[0] == '/') {
        p->kind = ADDR_UNIX;
        p->out->family = AF_UNIX;
    }
}

/** The socket type that the statement accepts. The family in the QUIC message is the system's
 * number, as in HAProxy. */
static bool
check_sock(struct parse *p)
{
    if (p->sock == SOCK_FREE)
        p->sock = p->opts & ADDR_O_DGRAM_DEFAULT ? SOCK_DGRAMS : SOCK_STREAMS;
    if (p->sock == SOCK_QUIC && !(p->opts & ADDR_O_QUIC))
        return fail(p,
                    "unsupported stream protocol for datagram family %d address '%s'; QUIC is not "
                    "compiled in if this is what you were looking for.",
                    p->out->family, p->text);
    if (p->sock == SOCK_DGRAMS && !(p->opts & ADDR_O_DGRAM))
        return fail(p, "dgram-type address not acceptable in '%s'", p->text);
    if (p->sock == SOCK_STREAMS && !(p->opts & ADDR_O_STREAM))
        return fail(p, "stream-type address not acceptable in '%s'", p->text);
    return true;
}

static void
set_flags(struct parse *p)
{
    unsigned f = 0;

    if (p->sock == SOCK_DGRAMS)
        f = ADDR_F_DGRAM_SOCK | ADDR_F_DGRAM_XPRT;
    else if (p->sock == SOCK_QUIC)
        f = ADDR_F_DGRAM_SOCK | ADDR_F_QUIC;
    if (p->mptcp)
        f |= ADDR_F_MPTCP;
    p->out->addr.flags = (uint8_t)f;
}

static bool
parse_unix(struct parse *p)
{
    struct addr *a = &p->out->addr;
    bool abstract = p->kind != ADDR_UNIX;
    const char *prefix =
        !abstract && p->unix_prefix && (p->opts & ADDR_O_UNIX_PREFIX) ? p->unix_prefix : "";
    size_t before = strlen(prefix), len = strlen(p->at);
    size_t most = abstract ? ABNS_NAME_MAX : UNIX_PATH_MAX;

    if (before > most || len > most - before)
        return fail(p, "socket path '%s' too long (max %d)", p->text,
                    (int)(before > most ? 0 : most - before));
    a->un.sun_family = AF_UNIX;
    a->kind = p->kind;
    a->len = sizeof(a->un);
    if (abstract) {
        memcpy(a->un.sun_path + 1, p->at, len);
        if (p->kind == ADDR_ABNSZ)
            a->len = (uint16_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
        return true;
    }
    memcpy(a->un.sun_path, prefix, before);
    memcpy(a->un.sun_path + before, p->at, len);
    return true;
}

static bool
parse_fd(struct parse *p)
{
    struct addr *a = &p->out->addr;
    uint64_t fd;
    struct addr own;
    socklen_t len = ADDR_SA_MAX;

    if (!slice_to_uint(slice_str(p->at), &fd) || fd > INT32_MAX)
        return fail(p, "file descriptor '%s' is not a valid integer in '%s'", p->at, p->text);
    if (p->kind == ADDR_FD && !(p->opts & (ADDR_O_FD | ADDR_O_FD_RAW)))
        return fail(p, "a file descriptor is not acceptable here in '%s'", p->text);
    if (p->kind == ADDR_SOCKPAIR || !(p->opts & ADDR_O_FD_RAW)) {
        memset(&own, 0, sizeof(own));
        if (getsockname((int)fd, &own.sa, &len) != 0)
            return fail(p, "cannot use file descriptor '%s' : %s.", p->at, strerror(errno));
        addr_filled(&own, len < ADDR_SA_MAX ? len : ADDR_SA_MAX);
        *a = own;
    }
    a->kind = p->kind;
    a->fd = (int)fd;
    return true;
}

/** Digits up to the end of `s`. */
static bool
parse_port_number(const struct parse *p, struct slice s, bool zero_ok, int *out)
{
    uint64_t v;

    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return fail(p, "invalid character '%c' in port number '%.*s' in '%s'", s.p[i], SLF(s),
                        p->text);
    }
    if (!slice_to_uint(s, &v) || v > PORT_MAX || (v == 0 && !zero_ok))
        return fail(p, "invalid port '%.*s'", SLF(s));
    *out = (int)v;
    return true;
}

static bool
parse_port_range(struct parse *p, struct slice s)
{
    struct addr_spec *o = p->out;
    struct slice high;
    struct slice low = slice_cut(s, '-', &high);

    if (!(p->opts & ADDR_O_PORT_RANGE))
        return fail(p, "port range not permitted here in '%s'", p->text);
    if (!parse_port_number(p, low, false, &o->port_low) ||
        !parse_port_number(p, high, false, &o->port_high))
        return false;
    if (o->port_low > o->port_high)
        return fail(p, "invalid port range '%.*s'", SLF(s));
    o->port_form = ADDR_PORT_RANGE;
    return true;
}

static bool
parse_port(struct parse *p, struct slice s)
{
    struct addr_spec *o = p->out;

    if (s.len == 0) {
        if (p->opts & ADDR_O_PORT_NEEDED)
            return fail(p, "missing port specification in '%s'", p->text);
        return true;
    }
    if (!(p->opts & ADDR_O_PORT))
        return fail(p, "port not permitted here in '%s'", p->text);
    if (s.p[0] == '+' || s.p[0] == '-') {
        if (!(p->opts & ADDR_O_PORT_OFFSET))
            return fail(p, "port offset not permitted here in '%s'", p->text);
        if (!parse_port_number(p, slice_sub(s, 1, s.len), true, &o->port_offset))
            return false;
        o->port_form = ADDR_PORT_OFFSET;
        if (s.p[0] == '-')
            o->port_offset = -o->port_offset;
        return true;
    }
    if (slice_find(s, '-', 0) != SIZE_MAX && s.p[0] >= '0' && s.p[0] <= '9')
        return parse_port_range(p, s);
    if (!parse_port_number(p, s, !(p->opts & ADDR_O_PORT_NEEDED), &o->port_low))
        return false;
    o->port_high = o->port_low;
    o->port_form = ADDR_PORT_FIXED;
    return true;
}

/** Fills the address with what `host` stands for, or leaves it for later. */
static bool
parse_host(struct parse *p, struct slice host)
{
    struct addr_spec *o = p->out;
    struct slice bare = host;
    char why[128];

    if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        bare = slice_sub(host, 1, host.len - 2);
    if (bare.len == 0 || slice_eq_str(bare, "*")) {
        if (o->family == AF_INET6)
            addr_from_ip6(&o->addr, &in6addr_any, 0);
        else
            addr_from_ip4(&o->addr, (struct in_addr){ INADDR_ANY }, 0);
        return true;
    }
    if (addr_parse_ip(bare, &o->addr) &&
        (o->family == AF_UNSPEC || o->addr.sa.sa_family == o->family))
        return true;
    memset(&o->addr, 0, sizeof(o->addr));
    o->addr.fd = -1;
    o->host = bare;
    if (p->opts & ADDR_O_DEFER) {
        o->unresolved = true;
        return true;
    }
    if (!(p->opts & ADDR_O_NO_NAME) && addr_resolve(bare, o->family, &o->addr, why, sizeof(why)))
        return true;
    return fail(p, "invalid address: '%.*s' in '%s'", SLF(host), p->text);
}

static bool
parse_ip(struct parse *p)
{
    struct slice all = slice_str(p->at), port = SLICE_NONE, host = all;
    const char *colon = strrchr(p->at, ':');
    struct addr whole;

    /* where no port may follow, a bare IPv6 address needs no brackets */
    bool bare6 = !(p->opts & ADDR_O_PORT) && addr_parse_ip(all, &whole);
    if (colon && !bare6 && all.p[all.len - 1] != ']') {
        host = slice(all.p, (size_t)(colon - all.p));
        port = slice_str(colon + 1);
    }
    /* the port first: HAProxy reports it before it tries to resolve */
    if (!parse_port(p, port) || !parse_host(p, host))
        return false;
    if (p->out->port_form == ADDR_PORT_OFFSET && p->out->port_offset > 0)
        addr_set_port(&p->out->addr, (uint16_t)p->out->port_offset);
    else
        addr_set_port(&p->out->addr, (uint16_t)p->out->port_low);
    return true;
}

bool
addr_parse(const char *s, unsigned opts, const char *unix_prefix, struct addr_spec *out, char *err,
           size_t err_size)
{
    struct parse p = { .text = s,
                       .at = s,
                       .opts = opts,
                       .unix_prefix = unix_prefix,
                       .out = out,
                       .err = err,
                       .err_size = err_size };
    bool ok;

    memset(out, 0, sizeof(*out));
    out->addr.fd = -1;
    if (err_size)
        err[0] = '\0';
    take_prefix(&p);
    if (!check_sock(&p))
        return false;
    switch (p.kind) {
    case ADDR_UNIX:
    case ADDR_ABNS:
    case ADDR_ABNSZ:
        ok = parse_unix(&p);
        break;
    case ADDR_FD:
    case ADDR_SOCKPAIR:
        ok = parse_fd(&p);
        break;
    case ADDR_RHTTP:
        if (!(opts & ADDR_O_RHTTP))
            return fail(&p, "reverse HTTP address not acceptable in '%s'", s);
        out->addr.kind = ADDR_RHTTP;
        out->host = slice_str(p.at);
        ok = true;
        break;
    default:
        ok = parse_ip(&p);
        break;
    }
    if (ok)
        set_flags(&p);
    return ok;
}

bool
addr_list_next(struct slice *list, struct slice *item)
{
    while (list->p) {
        *item = slice_cut(*list, ',', list);
        if (item->len)
            return true;
    }
    return false;
}
