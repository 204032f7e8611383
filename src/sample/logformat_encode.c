/* logformat_encode.c - how bytes and values are written: escapes, JSON (RFC 8259), CBOR (RFC 8949).
 */
#include "sample/logformat_int.h"

/* ---- bytes that need something done ------------------------------------------------------------
 */

#define B_CTL  (B_URL | B_HDR | B_HTTP | B_JSON)
#define B_CTL8 B_CTL, B_CTL, B_CTL, B_CTL, B_CTL, B_CTL, B_CTL, B_CTL

static const unsigned char byte_class[256] = {
    B_CTL8,
    B_CTL,
    B_CTL & ~B_HTTP /* TAB */,
    B_CTL,
    B_CTL,
    B_CTL,
    B_CTL,
    B_CTL,
    B_CTL,
    B_CTL8,
    B_CTL8,
    ['"'] = B_URL | B_HDR | B_ESCAPE | B_JSON,
    ['#'] = B_URL | B_HDR,
    ['\\'] = B_ESCAPE | B_JSON,
    [']'] = B_ESCAPE,
    ['{'] = B_HDR,
    ['|'] = B_HDR,
    ['}'] = B_HDR,
    [0x7f] = B_URL | B_HDR | B_HTTP,
    [0x80 ... 0xff] = B_URL | B_HDR,
};

static void
put_marked(struct out *o, char mark, unsigned char c)
{
    static const char digit[] = "0123456789ABCDEF";

    out_char(o, mark);
    out_char(o, digit[c >> 4]);
    out_char(o, digit[c & 15]);
}

static void
put_json_byte(struct out *o, unsigned char c)
{
    static const char short_form[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
    };

    out_char(o, '\\');
    if (c >= 32) {
        out_char(o, (char)c);
    } else if (short_form[c]) {
        out_char(o, short_form[c]);
    } else {
        out_lit(o, "u00");
        out_char(o, (char)('0' + (c >> 4)));
        out_char(o, "0123456789abcdef"[c & 15]);
    }
}

void
lf_put_bytes(struct out *o, struct slice s, unsigned mask)
{
    const char *p = s.p, *end = s.p + s.len;

    while (p < end) {
        const char *run = p;

        while (p < end && !(byte_class[(unsigned char)*p] & mask))
            p++;
        out_mem(o, run, (size_t)(p - run));
        if (p == end)
            return;
        unsigned char c = (unsigned char)*p++;
        unsigned found = byte_class[c] & mask;
        if (found & (B_URL | B_HDR)) {
            put_marked(o, '#', c);
        } else if (found & B_HTTP) {
            put_marked(o, '%', c);
        } else if (found & B_JSON) {
            put_json_byte(o, c);
        } else {
            out_char(o, '\\');
            out_char(o, (char)c);
        }
    }
}

/* ---- CBOR -------------------------------------------------------------------------------------
 */

enum { CBOR_UINT = 0 << 5, CBOR_NEGATIVE = 1 << 5, CBOR_BYTES = 2 << 5 };
enum { CBOR_TEXT_OPEN = 0x7f, CBOR_BYTES_OPEN = 0x5f, CBOR_FALSE = 0xf4, CBOR_TRUE = 0xf5 };

void
lf_cbor_byte(struct out *o, unsigned flags, unsigned char c)
{
    static const char digit[] = "0123456789ABCDEF";

    if (flags & LF_BIN) {
        out_char(o, (char)c);
        return;
    }
    out_char(o, digit[c >> 4]);
    out_char(o, digit[c & 15]);
}

/** Major type and its number in the shortest form. */
static void
cbor_head(struct out *o, unsigned flags, unsigned char major, uint64_t v)
{
    unsigned bytes = v < 24 ? 0 : v < 0x100 ? 1 : v < 0x10000 ? 2 : v < 0x100000000 ? 4 : 8;
    static const unsigned char size_code[9] = { [1] = 24, [2] = 25, [4] = 26, [8] = 27 };

    lf_cbor_byte(o, flags, (unsigned char)(major | (bytes ? size_code[bytes] : v)));
    while (bytes-- > 0)
        lf_cbor_byte(o, flags, (unsigned char)(v >> (8 * bytes)));
}

void
lf_cbor_string(struct out *o, unsigned flags, unsigned char major, struct slice s)
{
    cbor_head(o, flags, major, s.len);
    for (size_t i = 0; i < s.len; i++)
        lf_cbor_byte(o, flags, (unsigned char)s.p[i]);
}

void
lf_cbor_value(struct out *o, unsigned flags, const struct sample *s)
{
    bool text = s->type == SMP_STR;

    switch (s->type) {
    case SMP_BOOL:
        lf_cbor_byte(o, flags, s->u.i ? CBOR_TRUE : CBOR_FALSE);
        break;
    case SMP_SINT:
        if (s->u.i < 0)
            cbor_head(o, flags, CBOR_NEGATIVE, (uint64_t)~s->u.i);
        else
            cbor_head(o, flags, CBOR_UINT, (uint64_t)s->u.i);
        break;
    default: /* strings have no definite length in front, as HAProxy writes them piecewise */
        lf_cbor_byte(o, flags, text ? CBOR_TEXT_OPEN : CBOR_BYTES_OPEN);
        if (s->u.s.len)
            lf_cbor_string(o, flags, text ? CBOR_TEXT : CBOR_BYTES, s->u.s);
        lf_cbor_byte(o, flags, CBOR_CLOSE);
        break;
    }
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

void
lf_json_value(struct out *o, const struct lf_node *n, const struct sample *s)
{
    switch (s->type) {
    case SMP_BOOL:
        out_str(o, s->u.i ? "true" : "false");
        break;
    case SMP_SINT:
        out_int(o, s->u.i);
        break;
    default:
        if (n->type == LF_RAW) {
            out_slice_put(o, s->u.s);
            break;
        }
        out_char(o, '"');
        lf_put_bytes(o, s->u.s, B_JSON);
        out_char(o, '"');
        break;
    }
}
