/* uri.c - parts of request targets, percent encoding, parameters. */
#include "http/uri.h"

#define PORT_MAX 65535u

size_t
http_scheme_len(struct slice t)
{
    size_t n = 0;

    while (n < t.len) {
        unsigned char c = ascii_lower((unsigned char)t.p[n]);
        bool alpha = c >= 'a' && c <= 'z';
        if (!alpha && (n == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            break;
        n++;
    }
    return n && t.len - n >= 3 && memcmp(t.p + n, "://", 3) == 0 ? n : 0;
}

struct http_uri
http_uri_split(struct slice target)
{
    struct http_uri u = { .scheme = SLICE_NONE };
    size_t at = 0, mark = slice_find(target, '?', 0);
    size_t end = mark == SIZE_MAX ? target.len : mark;

    if (mark != SIZE_MAX)
        u.query = slice(target.p + mark + 1, target.len - mark - 1);
    if (end == 0 || target.p[0] != '/') {
        size_t len = http_scheme_len(target);
        if (len) {
            u.scheme = slice(target.p, len);
            at = len + 3;
        }
        size_t from = at;
        while (at < end && target.p[at] != '/')
            at++;
        bool star = end == 1 && target.p[0] == '*';
        if (!star && (len || (end && slice_find(target, ':', 0) < end)))
            u.authority = slice(target.p + from, at - from);
        if (!len && at == end)
            at = 0; /* nothing here is a path, a new one replaces everything */
    }
    u.path_at = at;
    bool has_path = at < end && target.p[at] == '/';
    u.path = slice(target.p + (has_path ? at : end), has_path ? end - at : 0);
    return u;
}

struct slice
http_uri_pathq(struct slice target)
{
    struct http_uri u = http_uri_split(target);

    if (u.path.len == 0)
        return slice(target.p + target.len, 0);
    return slice(u.path.p, (size_t)(target.p + target.len - u.path.p));
}

struct slice
http_authority_split(struct slice a, unsigned *port)
{
    size_t at = a.len;
    uint64_t n;

    *port = 0;
    while (at && a.p[at - 1] != ':' && a.p[at - 1] != ']')
        at--;
    if (at == 0 || a.p[at - 1] == ']')
        return a;
    if (slice_to_uint(slice(a.p + at, a.len - at), &n) && n <= PORT_MAX)
        *port = (unsigned)n;
    return slice(a.p, at - 1);
}

unsigned
http_scheme_port(struct slice scheme)
{
    if (slice_eq_nocase(scheme, SL("http")))
        return 80;
    return slice_eq_nocase(scheme, SL("https")) ? 443 : 0;
}

/* ---- percent encoding ---------------------------------------------------------------------------
 */

size_t
http_url_decode(struct slice s, char *to, bool in_form)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (c == '?') {
            in_form = true;
        } else if (c == '+' && in_form) {
            c = ' ';
        } else if (c == '%') {
            int hi = i + 2 < s.len ? http_hex_value(s.p[i + 1]) : -1;
            int lo = i + 2 < s.len ? http_hex_value(s.p[i + 2]) : -1;
            if (hi < 0 || lo < 0)
                return SIZE_MAX;
            c = (char)(hi << 4 | lo);
            i += 2;
        }
        to[n++] = c;
    }
    return n;
}

size_t
http_url_encode(struct slice s, char *to, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        size_t need = http_is_unreserved(c) ? 1 : 3;
        if (size - n < need)
            return SIZE_MAX;
        if (need == 1) {
            to[n++] = (char)c;
            continue;
        }
        to[n++] = '%';
        to[n++] = hex[c >> 4];
        to[n++] = hex[c & 15];
    }
    return n;
}

/* ---- parameters ---------------------------------------------------------------------------------
 */

bool
http_param_next(struct http_param *it)
{
    struct slice s = it->rest;
    size_t end = 0;

    if (!s.p)
        return false;
    while (end < s.len && s.p[end] != '&' && s.p[end] != ';' && s.p[end] != it->delim)
        end++;
    it->rest = end < s.len ? slice(s.p + end + 1, s.len - end - 1) : SLICE_NONE;
    it->name = slice_cut(slice(s.p, end), '=', &it->value);
    return true;
}

bool
http_param_find(struct http_param *it, struct slice name, bool nocase)
{
    while (http_param_next(it)) {
        if (!it->value.p)
            continue;
        if (name.len == 0 || (nocase ? slice_eq_nocase(it->name, name) : slice_eq(it->name, name)))
            return true;
    }
    return false;
}

struct http_param
http_param_in_target(struct slice target, char delim)
{
    size_t at = slice_find(target, delim, 0);
    struct http_param it = { .delim = delim };

    if (at != SIZE_MAX)
        it.rest = slice(target.p + at + 1, target.len - at - 1);
    return it;
}
