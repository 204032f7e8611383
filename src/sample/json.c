/* json.c - finds one value in a JSON text (RFC 8259). */
#include "sample/json.h"

/** A position in the text, and how deep it is. */
struct cursor {
    const char *p, *end;
    unsigned depth;
};

static void
skip_blanks(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

/** Takes `ch` after blanks. */
static bool
take(struct cursor *c, char ch)
{
    skip_blanks(c);
    if (c->p == c->end || *c->p != ch)
        return false;
    c->p++;
    return true;
}

/** The text between quotes, escapes untouched; the cursor is at the opening quote. */
static bool
take_string(struct cursor *c, struct slice *text)
{
    const char *p = c->p + 1;

    for (; p < c->end && *p != '"'; p++)
        if (*p == '\\')
            p++;
    if (p >= c->end)
        return false;
    *text = slice(c->p + 1, (size_t)(p - c->p - 1));
    c->p = p + 1;
    return true;
}

static const char *
digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static bool
take_number(struct cursor *c, struct slice *text)
{
    const char *p = c->p + (*c->p == '-');
    const char *q = digits(p, c->end);
    bool any = q > p;

    if (q < c->end && *q == '.') {
        p = q + 1;
        q = digits(p, c->end);
        any |= q > p;
    }
    if (!any)
        return false;
    if (q < c->end && (*q | 0x20) == 'e') {
        p = q + 1;
        p += p < c->end && (*p == '+' || *p == '-');
        const char *end = digits(p, c->end);
        if (end > p)
            q = end;
    }
    *text = slice(c->p, (size_t)(q - c->p));
    c->p = q;
    return true;
}

/** A value that is neither array nor object. */
static enum json_type
take_scalar(struct cursor *c, struct slice *text)
{
    static const struct {
        struct slice word;
        enum json_type type;
    } words[] = { { SL("true"), JSON_TRUE },
                  { SL("false"), JSON_FALSE },
                  { SL("null"), JSON_NULL } };

    if (*c->p == '"')
        return take_string(c, text) ? JSON_STRING : JSON_NONE;
    if (*c->p == '-' || (*c->p >= '0' && *c->p <= '9'))
        return take_number(c, text) ? JSON_NUMBER : JSON_NONE;
    for (unsigned i = 0; i < COUNT_OF(words); i++) {
        if (slice_starts(slice(c->p, (size_t)(c->end - c->p)), words[i].word)) {
            *text = slice(c->p, words[i].word.len);
            c->p += words[i].word.len;
            return words[i].type;
        }
    }
    return JSON_NONE;
}

/** Name and colon of the next member. */
static bool
take_key(struct cursor *c, struct slice *key)
{
    skip_blanks(c);
    return c->p < c->end && *c->p == '"' && take_string(c, key) && take(c, ':');
}

/** The arrays and objects around a position; bit 0 of `objects` is the innermost. */
struct nest {
    uint32_t objects;
    unsigned depth;
};

_Static_assert(JSON_DEPTH_MAX <= 32, "a bit for every level");

/** Leaves the innermost level if it ends here. */
static bool
take_close(struct cursor *c, struct nest *n)
{
    if (!take(c, n->objects & 1 ? '}' : ']'))
        return false;
    n->objects >>= 1;
    n->depth--;
    return true;
}

/** Behind a value: leaves all that ends with it, up to the comma before the next value. */
static bool
take_comma(struct cursor *c, struct nest *n)
{
    while (n->depth && !take(c, ','))
        if (!take_close(c, n))
            return false;
    return true;
}

/** Takes a scalar, or the opening of an array or object. */
static enum json_type
take_start(struct cursor *c, struct nest *n, struct slice *text)
{
    skip_blanks(c);
    if (c->p == c->end)
        return JSON_NONE;
    if (*c->p != '{' && *c->p != '[')
        return take_scalar(c, text);
    bool object = *c->p++ == '{';
    n->objects = n->objects << 1 | object;
    if (++n->depth + c->depth > JSON_DEPTH_MAX)
        return JSON_NONE;
    return object ? JSON_OBJECT : JSON_ARRAY;
}

/** Skips a value with everything in it. *text receives all of it, or the inside of a string. */
static bool
skip_value(struct cursor *c, struct slice *text, enum json_type *type)
{
    struct nest n = { 0 };
    struct slice ignored;
    const char *start;

    skip_blanks(c);
    start = c->p;
    *type = take_start(c, &n, text);
    for (enum json_type t = *type;; t = take_start(c, &n, &ignored)) {
        bool inside = t == JSON_ARRAY || t == JSON_OBJECT;

        if (t == JSON_NONE)
            return false;
        if (inside && take_close(c, &n)) /* empty */
            inside = false;
        if (!inside && !take_comma(c, &n))
            return false;
        if (n.depth == 0)
            break;
        if (n.objects & 1 && !take_key(c, &ignored))
            return false;
    }
    if (*type == JSON_ARRAY || *type == JSON_OBJECT)
        *text = slice(start, (size_t)(c->p - start));
    return true;
}

/** Compares a member's name with the first part of a path, where a backslash protects the character
 * behind it. *rest receives the path behind that part. */
static bool
key_is(struct slice key, struct slice path, struct slice *rest)
{
    size_t i = 0, k = 0;
    bool same = true;

    while (i < path.len && path.p[i] != '.' && path.p[i] != '[') {
        if (path.p[i] == '\\' && i + 1 < path.len)
            i++;
        same = same && k < key.len && key.p[k] == path.p[i];
        k++;
        i++;
    }
    *rest = slice_sub(path, i, SIZE_MAX);
    return same && k == key.len;
}

/** Moves the cursor to the member that `path` (behind its dot) begins with. */
static bool
enter_object(struct cursor *c, struct slice *path)
{
    struct slice key, rest, ignored;
    enum json_type type;

    if (!take(c, '{') || ++c->depth > JSON_DEPTH_MAX)
        return false;
    do {
        if (!take_key(c, &key))
            return false;
        if (key_is(key, *path, &rest)) {
            *path = rest;
            return true;
        }
        if (!skip_value(c, &ignored, &type))
            return false;
    } while (take(c, ','));
    return false;
}

/** Moves the cursor to the element that `path` (behind its bracket) begins with. */
static bool
enter_array(struct cursor *c, struct slice *path)
{
    struct slice ignored;
    enum json_type type;
    uint64_t index;
    size_t close = slice_find(*path, ']', 0);

    if (close == SIZE_MAX || !slice_to_uint(slice_sub(*path, 0, close), &index))
        return false;
    *path = slice_sub(*path, close + 1, SIZE_MAX);
    if (!take(c, '[') || ++c->depth > JSON_DEPTH_MAX)
        return false;
    for (; index > 0; index--)
        if (!skip_value(c, &ignored, &type) || !take(c, ','))
            return false;
    return true;
}

enum json_type
json_find(struct slice doc, struct slice path, struct slice *text)
{
    struct cursor c = { doc.p, doc.p + doc.len, 0 };
    enum json_type type;

    if (path.len == 0 || path.p[0] != '$')
        return JSON_NONE;
    path = slice_sub(path, 1, SIZE_MAX);
    while (path.len) {
        char step = path.p[0];

        path = slice_sub(path, 1, SIZE_MAX);
        if (step == '.' ? !enter_object(&c, &path) : step != '[' || !enter_array(&c, &path))
            return JSON_NONE;
    }
    return skip_value(&c, text, &type) ? type : JSON_NONE;
}

/* ---- escapes ----------------------------------------------------------------------------------
 */

/** Four hexadecimal digits at p[0..], or -1. */
static int32_t
hex4(const char *p, const char *end)
{
    int32_t v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        unsigned char ch = ascii_lower((unsigned char)p[i]);

        if (ch >= '0' && ch <= '9')
            v = v << 4 | (ch - '0');
        else if (ch >= 'a' && ch <= 'f')
            v = v << 4 | (ch - 'a' + 10);
        else
            return -1;
    }
    return v;
}

static char *
put_utf8(char *d, uint32_t v)
{
    static const unsigned char lead[5] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    unsigned len = v < 0x80 ? 1 : v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;

    if (len == 1) {
        *d = (char)v;
        return d + 1;
    }
    for (unsigned i = len - 1; i > 0; i--) {
        d[i] = (char)(0x80 | (v & 0x3f));
        v >>= 6;
    }
    d[0] = (char)(lead[len] | v);
    return d + len;
}

/** The character of "uXXXX" at *p, or of a surrogate pair; moves *p behind it. -1 when malformed.
 */
static int32_t
take_unicode(const char **p, const char *end)
{
    int32_t v = hex4(*p + 1, end);

    if (v < 0 || (v >= 0xdc00 && v <= 0xdfff))
        return -1;
    *p += 5;
    if (v < 0xd800 || v > 0xdbff)
        return v;
    if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
        return -1;
    int32_t low = hex4(*p + 2, end);
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    *p += 6;
    return 0x10000 + ((v & 0x3ff) << 10) + (low & 0x3ff);
}

ptrdiff_t
json_unescape(char *dst, struct slice s)
{
    static const char plain[256] = { ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t' };
    const char *p = s.p, *end = s.p + s.len;
    char *d = dst;

    while (p < end) {
        if (*p != '\\') {
            *d++ = *p++;
            continue;
        }
        if (++p == end)
            return -1;
        if (*p == 'u') {
            int32_t v = take_unicode(&p, end);
            if (v < 0)
                return -1;
            d = put_utf8(d, (uint32_t)v);
        } else {
            char c = plain[(unsigned char)*p++];
            if (!c)
                return -1;
            *d++ = c;
        }
    }
    return d - dst;
}
