/* addr.c - addresses as values: conversion, comparison, printing, name resolution. */
#include "net/addr.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>

#define HOST_MAX 255 /* a DNS name */

void
addr_from_ip4(struct addr *a, struct in_addr ip, uint16_t port)
{
    memset(a, 0, sizeof(*a));
    a->in.sin_family = AF_INET;
    a->in.sin_addr = ip;
    a->in.sin_port = htons(port);
    a->kind = ADDR_IP4;
    a->len = sizeof(a->in);
    a->fd = -1;
}

void
addr_from_ip6(struct addr *a, const struct in6_addr *ip, uint16_t port)
{
    memset(a, 0, sizeof(*a));
    a->in6.sin6_family = AF_INET6;
    a->in6.sin6_addr = *ip;
    a->in6.sin6_port = htons(port);
    a->kind = ADDR_IP6;
    a->len = sizeof(a->in6);
    a->fd = -1;
}

/** A local socket's kind follows from its name: the kernel reports abstract names with a leading
 * zero. */
static void
filled_unix(struct addr *a, socklen_t len)
{
    size_t path = len - offsetof(struct sockaddr_un, sun_path);

    if (path > sizeof(a->un.sun_path))
        path = sizeof(a->un.sun_path);
    a->len = (uint16_t)(offsetof(struct sockaddr_un, sun_path) + path);
    a->kind = ADDR_UNIX;
    if (path && a->un.sun_path[0] == '\0')
        a->kind = path == sizeof(a->un.sun_path) ? ADDR_ABNS : ADDR_ABNSZ;
    /* an unbound peer has no name, and a longest path no terminator: keep the array a string */
    if (path < sizeof(a->un.sun_path))
        memset(a->un.sun_path + path, 0, sizeof(a->un.sun_path) - path);
    else if (a->kind == ADDR_UNIX)
        a->un.sun_path[sizeof(a->un.sun_path) - 1] = '\0';
}

void
addr_filled(struct addr *a, socklen_t len)
{
    a->kind = ADDR_NONE;
    a->flags = 0;
    a->len = 0;
    a->fd = -1;
    if (len < sizeof(sa_family_t))
        return;
    if (a->sa.sa_family == AF_INET && len >= sizeof(a->in)) {
        a->kind = ADDR_IP4;
        a->len = sizeof(a->in);
    } else if (a->sa.sa_family == AF_INET6 && len >= sizeof(a->in6)) {
        a->kind = ADDR_IP6;
        a->len = sizeof(a->in6);
    } else if (a->sa.sa_family == AF_UNIX) {
        filled_unix(a, len);
    }
}

void
addr_from_sockaddr(struct addr *a, const struct sockaddr *sa, socklen_t len)
{
    memset(a, 0, sizeof(*a));
    if (len > ADDR_SA_MAX)
        len = ADDR_SA_MAX;
    if (len)
        memcpy(&a->sa, sa, len);
    addr_filled(a, len);
}

bool
addr_parse_ip(struct slice s, struct addr *out)
{
    char buf[INET6_ADDRSTRLEN];
    struct in_addr ip4;
    struct in6_addr ip6;

    if (s.len == 0 || s.len >= sizeof(buf) || memchr(s.p, '\0', s.len))
        return false;
    memcpy(buf, s.p, s.len);
    buf[s.len] = '\0';
    if (inet_pton(AF_INET, buf, &ip4) == 1)
        addr_from_ip4(out, ip4, 0);
    else if (inet_pton(AF_INET6, buf, &ip6) == 1)
        addr_from_ip6(out, &ip6, 0);
    else
        return false;
    return true;
}

bool
addr_resolve(struct slice host, int family, struct addr *out, char *err, size_t err_size)
{
    char name[HOST_MAX + 1];
    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;

    if (err_size)
        err[0] = '\0';
    if (host.len == 0 || host.len > HOST_MAX || memchr(host.p, '\0', host.len)) {
        snprintf(err, err_size, "not a host name");
        return false;
    }
    memcpy(name, host.p, host.len);
    name[host.len] = '\0';
    int rc = getaddrinfo(name, NULL, &hints, &list);
    if (rc != 0) {
        snprintf(err, err_size, "%s", gai_strerror(rc));
        return false;
    }
    memset(out, 0, sizeof(*out));
    for (struct addrinfo *i = list; i && !addr_is_ip(out); i = i->ai_next)
        addr_from_sockaddr(out, i->ai_addr, i->ai_addrlen);
    freeaddrinfo(list);
    if (!addr_is_ip(out)) {
        snprintf(err, err_size, "no address of the wanted family");
        return false;
    }
    return true;
}

bool
addr_is_any(const struct addr *a)
{
    if (a->kind == ADDR_IP4)
        return a->in.sin_addr.s_addr == INADDR_ANY;
    return a->kind == ADDR_IP6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

bool
addr_unmap(struct addr *a)
{
    struct in_addr ip;

    if (a->kind != ADDR_IP6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
        return false;
    memcpy(&ip, &a->in6.sin6_addr.s6_addr[12], sizeof(ip));
    uint8_t flags = a->flags;
    int fd = a->fd;
    addr_from_ip4(a, ip, ntohs(a->in6.sin6_port));
    a->flags = flags;
    a->fd = fd;
    return true;
}

void
addr_to_ip6(const struct addr *a, struct in6_addr *out)
{
    memset(out, 0, sizeof(*out));
    if (a->kind == ADDR_IP6) {
        *out = a->in6.sin6_addr;
    } else if (a->kind == ADDR_IP4) {
        out->s6_addr[10] = out->s6_addr[11] = 0xff;
        memcpy(&out->s6_addr[12], &a->in.sin_addr, 4);
    }
}

struct slice
addr_ip_bytes(const struct addr *a)
{
    if (a->kind == ADDR_IP4)
        return slice((const char *)&a->in.sin_addr, 4);
    if (a->kind == ADDR_IP6)
        return slice((const char *)&a->in6.sin6_addr, 16);
    return SLICE_NONE;
}

/** The bytes that tell one local socket name from another. */
static struct slice
unix_name(const struct addr *a)
{
    if (a->kind == ADDR_UNIX)
        return slice_str(a->un.sun_path);
    /* abstract: what follows the zero, up to the padding */
    return slice(a->un.sun_path + 1, strnlen(a->un.sun_path + 1, sizeof(a->un.sun_path) - 1));
}

static int
host_cmp(const struct addr *a, const struct addr *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (addr_is_ip(a)) {
        int c = slice_cmp(addr_ip_bytes(a), addr_ip_bytes(b));
        if (c == 0 && a->kind == ADDR_IP6 && a->in6.sin6_scope_id != b->in6.sin6_scope_id)
            c = a->in6.sin6_scope_id < b->in6.sin6_scope_id ? -1 : 1;
        return c;
    }
    if (addr_is_unix(a))
        return slice_cmp(unix_name(a), unix_name(b));
    if (a->kind == ADDR_FD || a->kind == ADDR_SOCKPAIR)
        return a->fd == b->fd ? 0 : a->fd < b->fd ? -1 : 1;
    return 0;
}

int
addr_cmp(const struct addr *a, const struct addr *b)
{
    int c = host_cmp(a, b);
    return c ? c : (int)addr_port(a) - (int)addr_port(b);
}

bool
addr_eq(const struct addr *a, const struct addr *b, bool with_port)
{
    return host_cmp(a, b) == 0 && (!with_port || addr_port(a) == addr_port(b));
}

/* On the path of every request with `option forwardfor`: no division by a variable, one copy. */
static void
put_ip4(struct out *o, const uint8_t *ip)
{
    char text[INET_ADDRSTRLEN], *at = text;

    for (unsigned i = 0; i < 4; i++) {
        unsigned v = ip[i];
        if (v >= 100) {
            *at++ = (char)('0' + v / 100);
            v %= 100;
            *at++ = (char)('0' + v / 10);
        } else if (v >= 10) {
            *at++ = (char)('0' + v / 10);
        }
        *at++ = (char)('0' + v % 10);
        *at++ = '.';
    }
    out_mem(o, text, (size_t)(at - 1 - text));
}

void
addr_put_host(struct out *o, const struct addr *a)
{
    char buf[INET6_ADDRSTRLEN];

    if (a->kind == ADDR_IP4)
        put_ip4(o, (const uint8_t *)&a->in.sin_addr);
    else if (a->kind == ADDR_IP6)
        out_str(o, inet_ntop(AF_INET6, &a->in6.sin6_addr, buf, sizeof(buf)));
    else if (addr_is_unix(a))
        out_lit(o, "unix");
    else if (a->kind == ADDR_FD)
        out_lit(o, "fd");
    else if (a->kind == ADDR_SOCKPAIR)
        out_lit(o, "sockpair");
    else if (a->kind == ADDR_RHTTP)
        out_lit(o, "rhttp");
}

void
addr_put(struct out *o, const struct addr *a)
{
    if (a->kind == ADDR_IP6)
        out_char(o, '[');
    addr_put_host(o, a);
    if (a->kind == ADDR_IP6)
        out_char(o, ']');
    if (addr_is_ip(a)) {
        out_char(o, ':');
        out_uint(o, addr_port(a));
    }
}

static const char *
ip_prefix(const struct addr *a)
{
    static const char *const names[][2] = {
        { "ipv4@", "ipv6@" },
        { "udp4@", "udp6@" },
        { "quic4@", "quic6@" },
        { "mptcp4@", "mptcp6@" },
    };
    unsigned row = a->flags & ADDR_F_QUIC         ? 2
                   : a->flags & ADDR_F_DGRAM_SOCK ? 1
                   : a->flags & ADDR_F_MPTCP      ? 3
                                                  : 0;
    return names[row][a->kind == ADDR_IP6];
}

void
addr_put_config(struct out *o, const struct addr *a)
{
    if (addr_is_ip(a)) {
        out_str(o, ip_prefix(a));
        addr_put(o, a);
    } else if (addr_is_unix(a)) {
        out_str(o, a->kind == ADDR_ABNS           ? "abns@"
                   : a->kind == ADDR_ABNSZ        ? "abnsz@"
                   : a->flags & ADDR_F_DGRAM_SOCK ? "uxdg@"
                                                  : "unix@");
        out_slice_put(o, unix_name(a));
    } else if (a->kind == ADDR_FD || a->kind == ADDR_SOCKPAIR) {
        out_str(o, a->kind == ADDR_FD ? "fd@" : "sockpair@");
        out_int(o, a->fd);
    } else if (a->kind == ADDR_RHTTP) {
        out_lit(o, "rhttp@");
    }
}

const char *
addr_format(const struct addr *a, char *buf, size_t size)
{
    struct out o = { buf, 0, size ? size - 1 : 0, false };

    addr_put(&o, a);
    if (size)
        buf[o.len] = '\0';
    return buf;
}
