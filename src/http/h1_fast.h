/* h1_fast.h - complete lines without surprises in one go. Anything unusual returns 0, and the state
 * machine looks at the line from its beginning; so these need not be complete, only right in what
 * they accept. */
#ifndef HTTP_H1_FAST_H
#define HTTP_H1_FAST_H

#include "http/h1_int.h"
#include "http/h1_scan.h"

/* Lower-cases the ASCII capitals among eight bytes. */
static inline uint64_t
h1_lower8(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t low = w & ones * 0x7f;
    uint64_t above_z = low + ones * (0x7f - 'Z'), from_a = low + ones * (0x80 - 'A');
    uint64_t capital = ~w & (from_a ^ above_z) & ones * 0x80;

    return w | capital >> 2;
}

/* Lower-cases `n` <= 32 bytes and touches no other: stores that overlapped what is read next would
 * stall. */
static inline void
h1_lower_name(char *p, size_t n)
{
    uint64_t a, b;

    for (; n > 16; p += 8, n -= 8) {
        memcpy(&a, p, 8);
        a = h1_lower8(a);
        memcpy(p, &a, 8);
    }
    if (n >= 8) {
        memcpy(&a, p, 8);
        memcpy(&b, p + n - 8, 8);
        a = h1_lower8(a);
        b = h1_lower8(b);
        memcpy(p, &a, 8);
        memcpy(p + n - 8, &b, 8);
    } else if (n >= 4) {
        uint32_t c, d;
        memcpy(&c, p, 4);
        memcpy(&d, p + n - 4, 4);
        c = (uint32_t)h1_lower8(c);
        d = (uint32_t)h1_lower8(d);
        memcpy(p, &c, 4);
        memcpy(p + n - 4, &d, 4);
    } else {
        for (size_t i = 0; i < n; i++)
            p[i] = (char)ascii_lower((unsigned char)p[i]);
    }
}

#ifdef __SSE2__

/* Bits of the colons, and of the letters, digits, '-' and '_', among 16 bytes. */
static inline unsigned
h1_name_bits(const char *p, unsigned *plain)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i l = _mm_or_si128(x, _mm_set1_epi8(0x20));
    __m128i alpha = _mm_and_si128(_mm_cmpgt_epi8(l, _mm_set1_epi8('a' - 1)),
                                  _mm_cmplt_epi8(l, _mm_set1_epi8('z' + 1)));
    __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('0' - 1)),
                                  _mm_cmplt_epi8(x, _mm_set1_epi8('9' + 1)));
    __m128i dash =
        _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('-')), _mm_cmpeq_epi8(x, _mm_set1_epi8('_')));

    *plain = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(alpha, digit), dash));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(':')));
}

/* Length of a name of plain characters that ends with a colon, or 0. `room` >= 16 bytes follow. */
static inline size_t
h1_fast_name(const char *p, size_t room)
{
    unsigned plain, high, colon = h1_name_bits(p, &plain);

    if (unlikely(!colon)) {
        if (room < 32)
            return 0;
        colon = h1_name_bits(p + 16, &high) << 16;
        plain |= high << 16;
        if (!colon)
            return 0;
    }
    unsigned before = (colon & -colon) - 1;
    return (plain & before) == before ? (size_t)__builtin_ctz(colon) : 0;
}

/* Offset of the line after the field at `pos`, or 0. */
static inline size_t
h1_fast_field(char *buf, size_t pos, size_t len, struct h1_field *f)
{
    if (len - pos < 16)
        return 0;
    size_t n = h1_fast_name(buf + pos, len - pos);
    if (unlikely(n == 0))
        return 0;
    size_t from = pos + n + 1;
    if (likely(from + 1 < len && buf[from] == ' ' && !h1_is_blank(buf[from + 1]))) {
        from++;
    } else {
        while (from < len && h1_is_blank(buf[from]))
            from++;
    }
    size_t end = h1_scan_value(buf, from, len), to = end;
    if (unlikely(len - end < 3 || buf[end] != H1_CR || buf[end + 1] != H1_LF ||
                 h1_is_blank(buf[end + 2])))
        return 0;
    while (to > from && h1_is_blank(buf[to - 1]))
        to--;
    h1_lower_name(buf + pos, n);
    f->name = slice(buf + pos, n);
    f->value = slice(buf + from, to - from);
    return end + 2;
}

/* "<method> <target> HTTP/1.x" with single blanks. Returns the offset of the first field, or 0. */
static inline size_t
h1_fast_request_line(char *buf, size_t pos, size_t len, struct http_head *head)
{
    size_t at = pos, target;

    while (at < len && h1_token_lower[(unsigned char)buf[at]])
        at++;
    if (at == pos || at == len || buf[at] != ' ')
        return 0;
    target = at + 1;
    size_t end = h1_scan_target(buf, target, len);
    if (end == target || len - end < 11 || buf[end] != ' ' ||
        memcmp(buf + end + 1, "HTTP/1.", 7) != 0 || memcmp(buf + end + 9, "\r\n", 2) != 0)
        return 0;
    unsigned minor = (unsigned)(unsigned char)buf[end + 8] - '0';
    if (minor > 9)
        return 0;
    head->method = slice(buf + pos, at - pos);
    head->meth = http_method_of(head->method);
    head->target = slice(buf + target, end - target);
    head->version_str = slice(buf + end + 1, 8);
    head->version = 10 + minor;
    return end + 11;
}

/* "HTTP/1.x <three digits> <reason>". Returns the offset of the first field, or 0. */
static inline size_t
h1_fast_status_line(char *buf, size_t pos, size_t len, struct http_head *head)
{
    const char *p = buf + pos;
    unsigned digit[4];

    if (len - pos < 17 || memcmp(p, "HTTP/1.", 7) != 0 || p[8] != ' ' || p[12] != ' ')
        return 0;
    for (unsigned i = 0; i < 4; i++)
        digit[i] = (unsigned)(unsigned char)p[i ? 8 + i : 7] - '0';
    if (digit[0] > 9 || digit[1] < 1 || digit[1] > 9 || digit[2] > 9 || digit[3] > 9)
        return 0;
    if (unlikely(h1_is_blank(p[13]))) /* more than one blank: not part of the reason */
        return 0;
    size_t end = h1_scan_value(buf, pos + 13, len);
    if (unlikely(len - end < 2 || buf[end] != H1_CR || buf[end + 1] != H1_LF))
        return 0;
    head->version_str = slice(p, 8);
    head->version = 10 + digit[0];
    head->status = digit[1] * 100 + digit[2] * 10 + digit[3];
    head->reason = slice(p + 13, end - pos - 13);
    return end + 2;
}

#else

static inline size_t
h1_fast_status_line(char *buf, size_t pos, size_t len, struct http_head *head)
{
    return 0;
}

static inline size_t
h1_fast_field(char *buf, size_t pos, size_t len, struct h1_field *f)
{
    return 0;
}

static inline size_t
h1_fast_request_line(char *buf, size_t pos, size_t len, struct http_head *head)
{
    return 0;
}

#endif

#endif
