/* auth.c - Basic and Bearer credentials. */
#include "http/auth.h"

#define BASE64_PAD 64

/* 6 bits, BASE64_PAD for '=', or -1. */
static int
base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    if (c == '/')
        return 63;
    return c == '=' ? BASE64_PAD : -1;
}

/* Padded base64 (RFC 4648, 4). Returns the length, or SIZE_MAX. */
static size_t
base64_decode(struct slice s, char *to, size_t size)
{
    size_t n = 0;

    if (s.len % 4 || s.len / 4 * 3 > size + 2)
        return SIZE_MAX;
    for (size_t i = 0; i < s.len; i += 4) {
        bool last = i + 4 == s.len;
        unsigned v = 0, pad = 0;
        for (size_t k = 0; k < 4; k++) {
            int b = base64_value(s.p[i + k]);
            if (b < 0 || (b == BASE64_PAD && (!last || k < 2)) || (b != BASE64_PAD && pad))
                return SIZE_MAX;
            pad += b == BASE64_PAD;
            v = v << 6 | (unsigned)(b & 63);
        }
        for (unsigned k = 0; k < 3 - pad; k++) {
            if (n == size)
                return SIZE_MAX;
            to[n++] = (char)(v >> (16 - 8 * k) & 0xff);
        }
    }
    return n;
}

static struct http_auth
decode_basic(struct slice data, char *buf, size_t size)
{
    struct http_auth a = { .scheme = HTTP_AUTH_NONE };
    size_t n = base64_decode(data, buf, size);

    if (n == SIZE_MAX || memchr(buf, '\0', n))
        return a;
    struct slice user = slice_cut(slice(buf, n), ':', &a.pass);
    if (!a.pass.p)
        return a;
    a.user = user;
    a.scheme = HTTP_AUTH_BASIC;
    return a;
}

struct http_auth
http_auth_decode(struct slice header, char *buf, size_t size)
{
    struct http_auth a = { .scheme = HTTP_AUTH_NONE };
    struct slice rest, scheme = slice_cut(header, ' ', &rest);

    rest = slice_trim(rest);
    if (rest.len == 0)
        return a;
    if (slice_eq_nocase(scheme, SL("basic")))
        return decode_basic(rest, buf, size);
    if (slice_eq_nocase(scheme, SL("bearer"))) {
        a.scheme = HTTP_AUTH_BEARER;
        a.token = rest;
    }
    return a;
}

struct slice
http_auth_scheme_name(enum http_auth_scheme s)
{
    switch (s) {
    case HTTP_AUTH_BASIC:
        return SL("Basic");
    case HTTP_AUTH_BEARER:
        return SL("Bearer");
    default:
        return SLICE_NONE;
    }
}
