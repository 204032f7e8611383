/* h1_scan.h - the inner loops of the HTTP/1 parser: where does a run of harmless bytes end?
 * SSE2 where there is, one byte at a time elsewhere and at the end of the buffer. */
#ifndef HTTP_H1_SCAN_H
#define HTTP_H1_SCAN_H

#include "base/base.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/** Offset of the first CR, LF or NUL in buf[pos..len), or len. */
static inline size_t
h1_scan_value(const char *buf, size_t pos, size_t len)
{
#ifdef __SSE2__
    const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n'), nul = _mm_setzero_si128();

    for (; pos + 16 <= len; pos += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(buf + pos));
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, cr),
                                   _mm_or_si128(_mm_cmpeq_epi8(x, lf), _mm_cmpeq_epi8(x, nul)));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask)
            return pos + (unsigned)__builtin_ctz(mask);
    }
#endif
    while (pos < len && buf[pos] != '\r' && buf[pos] != '\n' && buf[pos] != '\0')
        pos++;
    return pos;
}

/** Offset of the first byte that is not a plain character of a request target (0x21..0x7e, not
 * '#'). */
static inline size_t
h1_scan_target(const char *buf, size_t pos, size_t len)
{
#ifdef __SSE2__
    /* Bytes from 0x80 on are negative, so one signed comparison finds them and the blanks. */
    const __m128i low = _mm_set1_epi8(0x20), del = _mm_set1_epi8(0x7f), hash = _mm_set1_epi8('#');

    for (; pos + 16 <= len; pos += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(buf + pos));
        __m128i bad = _mm_or_si128(_mm_cmpeq_epi8(x, del), _mm_cmpeq_epi8(x, hash));
        unsigned ok = (unsigned)_mm_movemask_epi8(_mm_andnot_si128(bad, _mm_cmpgt_epi8(x, low)));
        if (ok != 0xffff)
            return pos + (unsigned)__builtin_ctz(~ok);
    }
#endif
    for (; pos < len; pos++) {
        unsigned char c = (unsigned char)buf[pos];
        if (c <= 0x20 || c >= 0x7f || c == '#')
            break;
    }
    return pos;
}

#endif
