/* cookie.c - Cookie and Set-Cookie headers. */
#include "http/cookie.h"
#include "base/out.h"

static inline bool
is_delimiter(char c)
{
    return c == ';' || c == ',';
}

/* Offset of the delimiter that ends the word at `at`. Quoted strings hide delimiters. */
static size_t
word_end(struct slice s, size_t at)
{
    bool quoted = false;

    for (; at < s.len; at++) {
        char c = s.p[at];
        if (quoted && c == '\\') {
            if (++at == s.len)
                break;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (is_delimiter(c) && !quoted) {
            break;
        }
    }
    return at;
}

/* Extends the range over RFC 2965 attributes ("; $Path=/"), which belong to the cookie before them.
 */
static size_t
skip_attributes(struct slice s, size_t end)
{
    while (end < s.len) {
        size_t at = end + 1;
        while (at < s.len && (s.p[at] == ' ' || s.p[at] == '\t'))
            at++;
        if (at == s.len || s.p[at] != '$')
            break;
        end = word_end(s, at);
    }
    return end;
}

bool
http_cookie_next(struct slice s, bool is_set_cookie, struct http_cookie *c)
{
    while (c->at < s.len) {
        size_t from = c->at, end = word_end(s, from);
        struct slice word = slice_trim(slice(s.p + from, end - from)), value;

        if (from && s.p[from - 1] == ',')
            c->seen = false;
        c->at = end + 1;
        struct slice name = slice_trim(slice_cut(word, '=', &value));
        if (!value.p || (name.len && name.p[0] == '$'))
            continue;
        c->name = name;
        c->value = slice_trim(value);
        c->is_attribute = is_set_cookie && c->seen;
        c->seen = true;
        c->from = (size_t)(word.p - s.p);
        c->to = c->from + word.len;
        if (!is_set_cookie) {
            size_t stop = skip_attributes(s, end);
            if (stop != end) {
                c->to = stop;
                c->at = stop + 1;
            }
        }
        return true;
    }
    return false;
}

bool
http_cookie_each(const struct http_head *head, struct slice hdr, struct slice name,
                 struct http_cookie_iter *it)
{
    for (;;) {
        while (it->hdr && http_cookie_next(it->hdr->value, head->is_response, &it->cookie)) {
            if (name.len == 0)
                return true;
            if (!it->cookie.is_attribute && it->cookie.value.len && slice_eq(it->cookie.name, name))
                return true;
        }
        it->hdr = http_hdr_next(head, hdr, &it->pos);
        if (!it->hdr)
            return false;
        it->cookie = (struct http_cookie){ .at = 0 };
    }
}

bool
http_cookie_find(const struct http_head *head, struct slice hdr, struct slice name,
                 struct slice *value, unsigned *count)
{
    struct http_cookie_iter it = { .pos = 0 };
    unsigned n = 0;

    while (http_cookie_each(head, hdr, name, &it)) {
        if (n++ == 0 || name.len)
            *value = it.cookie.value;
        if (name.len == 0 && !count)
            break;
    }
    if (count)
        *count = n;
    return n != 0;
}

bool
http_cookie_remove(struct arena *arena, struct slice s, const struct http_cookie *c,
                   struct slice *out)
{
    struct slice before = slice_trim(slice(s.p, c->from));
    struct slice after = slice_trim(slice(s.p + c->to, s.len - c->to));
    char delimiter = ';';

    if (before.len && is_delimiter(before.p[before.len - 1])) {
        delimiter = before.p[before.len - 1];
        before = slice_trim(slice(before.p, before.len - 1));
    }
    if (after.len && is_delimiter(after.p[0]))
        after = slice_trim(slice(after.p + 1, after.len - 1));
    size_t size = before.len + after.len + 2;
    struct out o = { arena_alloc(arena, size), 0, size, false };
    if (!o.p)
        return false;
    out_slice_put(&o, before);
    if (before.len && after.len) {
        out_char(&o, delimiter);
        out_char(&o, ' ');
    }
    out_slice_put(&o, after);
    *out = out_slice(&o);
    return true;
}
