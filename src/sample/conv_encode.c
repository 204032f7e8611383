/* conv_encode.c - binary to text and back: hexadecimal, decimal and binary digits, base64. */
#include "sample/conv.h"

#include <stdlib.h>

static const char upper_hex[16] = { '0', '1', '2', '3', '4', '5', '6', '7',
                                    '8', '9', 'A', 'B', 'C', 'D', 'E', 'F' };

static void
put_hex(struct out *o, unsigned char c)
{
    out_char(o, upper_hex[c >> 4]);
    out_char(o, upper_hex[c & 15]);
}

static bool
conv_hex(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct out o;

    if (!conv_out(&o, s->u.s.len * 2, x))
        return false;
    for (size_t i = 0; i < s->u.s.len && !o.full; i++)
        put_hex(&o, (unsigned char)s->u.s.p[i]);
    conv_out_end(s, SMP_STR, &o);
    return true;
}

/** Hexadecimal digits to an integer; anything else has no value. Of more than 16 digits the last
 * count. */
static bool
conv_hex2i(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    uint64_t v = 0;

    for (size_t i = 0; i < s->u.s.len; i++) {
        unsigned char c = ascii_lower((unsigned char)s->u.s.p[i]);
        unsigned digit;

        if (c >= '0' && c <= '9')
            digit = c - (unsigned)'0';
        else if (c >= 'a' && c <= 'f')
            digit = c - (unsigned)'a' + 10;
        else
            return false;
        v = v << 4 | digit;
    }
    sample_set_int(s, (int64_t)v);
    return true;
}

/** Eight digits a byte: lets prefix indexes work on addresses. */
static bool
conv_base2(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct out o;

    if (!conv_out(&o, s->u.s.len * 8, x))
        return false;
    for (size_t i = 0; i < s->u.s.len && !o.full; i++)
        for (int bit = 7; bit >= 0; bit--)
            out_char(&o, (char)('0' + ((unsigned char)s->u.s.p[i] >> bit & 1)));
    conv_out_end(s, SMP_STR, &o);
    return true;
}

/* ---- chunks: be2dec, le2dec, be2hex -----------------------------------------------------------
 */

static bool
check_truncate(const struct expr_arg *arg, char **err)
{
    if (arg->type == ARG_END || arg->i == 0 || arg->i == 1)
        return true;
    *err = xasprintf("Unsupported truncate value (%lld)", (long long)arg->i);
    return false;
}

static bool
check_2dec(struct expr_arg *arg, struct cfg *c, char **err)
{
    int64_t size = arg[1].type == ARG_END ? 0 : arg[1].i;

    if (size < 1 || size > 8) {
        *err = xasprintf("chunk_size out of [1..8] range (%lld)", (long long)size);
        return false;
    }
    return check_truncate(&arg[2], err);
}

static bool
check_be2hex(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type == ARG_END || (arg[0].s.len == 0 && arg[1].type == ARG_END))
        return true;
    int64_t size = arg[1].type == ARG_END ? 0 : arg[1].i;
    if (size <= 0 && arg[0].s.len) {
        *err = xasprintf("chunk_size needs to be positive (%lld)", (long long)size);
        return false;
    }
    return arg[1].type == ARG_END || check_truncate(&arg[2], err);
}

/** Tells be2dec from le2dec. */
static const bool little_endian = true, big_endian = false;

/** Whole chunks that do not fit any more are left out, as is the separator before them. */
static bool
conv_2dec(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const bool *little = private;
    size_t size = (size_t)arg[1].i;
    bool truncate = arg[2].type != ARG_END && arg[2].i;
    struct slice in = s->u.s, separator = arg[0].s;
    struct out o;

    /* 8 bytes print as 20 digits, one byte as 3: three a byte is always enough. */
    if (!conv_out(&o, in.len * 3 + in.len / size * separator.len + 1, x))
        return false;
    for (size_t at = 0; at < in.len && (!truncate || in.len - at >= size); at += size) {
        size_t n = MIN(size, in.len - at);
        uint64_t v = 0;
        char digits[24];
        struct out d = OUT(digits);

        for (size_t i = 0; i < n; i++)
            v = v << 8 | (unsigned char)in.p[at + (*little ? n - 1 - i : i)];
        out_uint(&d, v);
        struct slice between = at ? separator : SLICE_NONE;
        if (between.len + d.len >= o.size - o.len)
            break;
        out_slice_put(&o, between);
        out_slice_put(&o, out_slice(&d));
    }
    conv_out_end(s, SMP_STR, &o);
    return true;
}

static bool
conv_be2hex(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice in = s->u.s, separator = arg[0].type == ARG_STR ? arg[0].s : SLICE_NONE;
    bool chunks = arg[0].type != ARG_END && arg[1].type != ARG_END && arg[1].i > 0;
    bool truncate = chunks && arg[2].type != ARG_END && arg[2].i;
    struct out o;

    if (!chunks)
        return conv_hex(arg, x, s, private);
    size_t size = (uint64_t)arg[1].i > in.len ? in.len + 1 : (size_t)arg[1].i;
    if (!conv_out(&o, in.len * 2 + in.len / size * separator.len, x))
        return false;
    for (size_t at = 0; at < in.len && (!truncate || in.len - at >= size); at += size) {
        size_t n = MIN(size, in.len - at);
        struct slice between = at ? separator : SLICE_NONE;

        if (between.len + 2 * n > o.size - o.len)
            break;
        out_slice_put(&o, between);
        for (size_t i = 0; i < n; i++)
            put_hex(&o, (unsigned char)in.p[at + i]);
    }
    conv_out_end(s, SMP_STR, &o);
    return true;
}

/* ---- base64 (RFC 4648) ------------------------------------------------------------------------
 */

static const char alphabet[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

size_t
base64_encode(char *dst, struct slice src, bool url)
{
    const char *digit = alphabet[url];
    char *d = dst;
    size_t i = 0;

    for (; i + 2 < src.len; i += 3) {
        uint32_t v = (uint32_t)(unsigned char)src.p[i] << 16 |
                     (uint32_t)(unsigned char)src.p[i + 1] << 8 | (unsigned char)src.p[i + 2];

        *d++ = digit[v >> 18];
        *d++ = digit[v >> 12 & 63];
        *d++ = digit[v >> 6 & 63];
        *d++ = digit[v & 63];
    }
    if (i < src.len) {
        bool two = i + 1 < src.len;
        uint32_t v = (uint32_t)(unsigned char)src.p[i] << 16 |
                     (two ? (uint32_t)(unsigned char)src.p[i + 1] << 8 : 0);

        *d++ = digit[v >> 18];
        *d++ = digit[v >> 12 & 63];
        if (two)
            *d++ = digit[v >> 6 & 63];
        for (; !url && (d - dst) % 4;)
            *d++ = '=';
    }
    return (size_t)(d - dst);
}

/** Value of a base64 digit, or -1. */
static int
digit_value(unsigned char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    if (c == (url ? '_' : '/'))
        return 63;
    return -1;
}

/** Decodes up to four digits; returns the bytes written, or -1. Padding may only end a group of the
 * standard alphabet. */
static int
decode_group(char *dst, const char *p, size_t n, bool url)
{
    uint32_t v = 0;
    size_t digits = 0;

    for (size_t i = 0; i < 4; i++) {
        int d = 0;

        if (i < n && p[i] != '=') {
            d = digits == i ? digit_value((unsigned char)p[i], url) : -1;
            digits++;
        } else if (i < n && url) {
            d = 63; /* HAProxy's decoder knows no padding here and reads '=' as the last digit */
            digits++;
        }
        if (d < 0)
            return -1;
        v = v << 6 | (uint32_t)d;
    }
    if (digits == 0 || (url && digits == 1))
        return -1;
    for (size_t i = 0; i + 1 < digits; i++)
        dst[i] = (char)(v >> (16 - 8 * i));
    return (int)digits - 1;
}

ptrdiff_t
base64_decode(char *dst, struct slice src, bool url)
{
    char *d = dst;

    if (!url && src.len % 4)
        return -1;
    for (size_t i = 0; i < src.len; i += 4) {
        int n = decode_group(d, src.p + i, MIN(src.len - i, 4), url);

        if (n < 0)
            return -1;
        d += n;
    }
    return d - dst;
}

static const bool url_safe = true, standard = false;

/** One byte of HAProxy's buffer goes to a final NUL: a result that fills it has no value. */
static bool
conv_base64(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const bool *url = private;
    size_t room = base64_room(s->u.s.len);

    if (room >= conv_size_max)
        return false;
    char *p = conv_alloc(room + 1, x);
    if (!p)
        return false;
    s->u.s = slice(p, base64_encode(p, s->u.s, *url));
    s->type = SMP_STR;
    s->flags &= ~(unsigned)SMPF_CONST;
    return true;
}

static bool
conv_b64dec(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const bool *url = private;
    char *p = conv_alloc(s->u.s.len + 1, x);

    if (!p)
        return false;
    ptrdiff_t n = base64_decode(p, s->u.s, *url);
    if (n < 0 || (size_t)n > conv_size_max)
        return false;
    s->u.s = slice(p, (size_t)n);
    s->type = SMP_BIN;
    s->flags &= ~(unsigned)SMPF_CONST;
    return true;
}

#define OPT(t) ((t) | ARG_OPT)
#define DEC_ARGS                                                                                   \
    {                                                                                              \
        ARG_STR, OPT(ARG_SINT), OPT(ARG_SINT)                                                      \
    }

const struct conv conv_encode[] = {
    { "b64dec",
      { 0 },
      SMP_STR,
      SMP_BIN,
      conv_b64dec,
      .private = (void *)&standard,
      .help = "decodes base64" },
    { "base2", { 0 }, SMP_BIN, SMP_STR, conv_base2, .help = "binary digits, eight a byte" },
    { "base64",
      { 0 },
      SMP_BIN,
      SMP_STR,
      conv_base64,
      .private = (void *)&standard,
      .help = "encodes in base64" },
    { "be2dec", DEC_ARGS, SMP_BIN, SMP_STR, conv_2dec, .check = check_2dec,
      .private = (void *)&big_endian, .usage = "<separator>,<chunk_size>[,<truncate>]",
      .help = "big-endian chunks as decimal numbers" },
    { "be2hex",
      { OPT(ARG_STR), OPT(ARG_SINT), OPT(ARG_SINT) },
      SMP_BIN,
      SMP_STR,
      conv_be2hex,
      .check = check_be2hex,
      .usage = "[<separator>[,<chunk_size>[,<truncate>]]]",
      .help = "hexadecimal digits in chunks" },
    { "hex", { 0 }, SMP_BIN, SMP_STR, conv_hex, .help = "upper-case hexadecimal digits" },
    { "hex2i", { 0 }, SMP_STR, SMP_SINT, conv_hex2i, .help = "hexadecimal digits to an integer" },
    { "le2dec", DEC_ARGS, SMP_BIN, SMP_STR, conv_2dec, .check = check_2dec,
      .private = (void *)&little_endian, .usage = "<separator>,<chunk_size>[,<truncate>]",
      .help = "little-endian chunks as decimal numbers" },
    { "ub64dec",
      { 0 },
      SMP_STR,
      SMP_BIN,
      conv_b64dec,
      .private = (void *)&url_safe,
      .help = "decodes URL-safe base64" },
    { "ub64enc",
      { 0 },
      SMP_BIN,
      SMP_STR,
      conv_base64,
      .private = (void *)&url_safe,
      .help = "encodes in URL-safe base64" },
    { 0 },
};

const struct module conv_encode_module = { .name = "conv_encode", .convs = conv_encode };
