/* anon.c - names and addresses hidden behind hashes. */
#include "base/anon.h"

#include "base/hash.h"

#include <arpa/inet.h>
#include <string.h>

#define ANON_MASK 0xffffffu

static void
put_hash(struct out *o, const char *kind, uint32_t key, struct slice s)
{
    out_printf(o, "%s(%06x)", kind, hash_xxh32(s, key) & ANON_MASK);
}

void
anon_put_id(struct out *o, uint32_t key, struct slice name)
{
    if (key)
        put_hash(o, "ID", key, name);
    else
        out_slice_put(o, name);
}

/* How many bytes at the beginning are among these. */
static size_t
span(struct slice s, const char *among)
{
    size_t n = 0;

    while (n < s.len && s.p[n] && strchr(among, s.p[n]))
        n++;
    return n;
}

static bool
is_ip(struct slice s, int family)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char bin[16];

    if (s.len == 0 || s.len >= sizeof(text))
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    return inet_pton(family, text, bin) == 1;
}

/* ":8080", ":+1", "/24", "" */
static bool
is_tail(struct slice s)
{
    return s.len == 0 || ((s.p[0] == ':' || s.p[0] == '/') &&
                          span(slice_sub(s, 1, SIZE_MAX), "0123456789+-") == s.len - 1);
}

static bool
put_ip(struct out *o, uint32_t key, struct slice s)
{
    size_t n4 = span(s, "0123456789.");
    bool bracket = s.len && s.p[0] == '[';
    size_t n6 = bracket ? slice_find(s, ']', 0) : span(s, "0123456789abcdefABCDEF:.");
    struct slice v4 = slice_sub(s, 0, n4), tail4 = slice_sub(s, n4, SIZE_MAX);

    if (is_ip(v4, AF_INET) && is_tail(tail4)) {
        put_hash(o, "IPV4", key, v4);
        out_slice_put(o, tail4);
        return true;
    }
    if (n6 == SIZE_MAX)
        return false;
    struct slice v6 = bracket ? slice_sub(s, 1, n6 - 1) : slice_sub(s, 0, n6);
    struct slice tail6 = slice_sub(s, n6 + bracket, SIZE_MAX);
    if (!is_ip(v6, AF_INET6) || !is_tail(tail6))
        return false;
    put_hash(o, "IPV6", key, v6);
    out_slice_put(o, tail6);
    return true;
}

bool
anon_put_addr(struct out *o, uint32_t key, struct slice addr)
{
    if (!key || !addr.len)
        return false;
    if (addr.p[0] == '/') {
        put_hash(o, "PATH", key, addr);
        return true;
    }
    return put_ip(o, key, addr);
}
