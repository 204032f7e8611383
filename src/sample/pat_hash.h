/* pat_hash.h - a keyed hash whose values for many prefixes (or suffixes) of one text share their
 * work: a state per eight bytes, and one more step for the rest of each length. Optionally folds
 * ASCII letters. */
#ifndef SAMPLE_PAT_HASH_H
#define SAMPLE_PAT_HASH_H

#include "base/slice.h"

/** Secret of the process, drawn at start-up: keys may come from clients (set-map). */
extern uint64_t pat_seed[2];

#define PAT_K1 0x9fb21c651e98df25ull
#define PAT_K2 0xd6e8feb86659fd93ull

static inline uint64_t
pat_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)a * b;

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t
pat_load8(const char *p)
{
    uint64_t v;

    memcpy(&v, p, 8);
    return v;
}

/** 0 to 7 bytes. */
static inline uint64_t
pat_load_few(const char *p, size_t n)
{
    uint32_t a, b;
    uint16_t c, d;

    if (n >= 4) {
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        return a | (uint64_t)b << 32;
    }
    if (n >= 2) {
        memcpy(&c, p, 2);
        memcpy(&d, p + n - 2, 2);
        return c | (uint64_t)d << 32;
    }
    return n ? (unsigned char)*p : 0;
}

/** ASCII letters to lower case, in all eight bytes at once. */
static inline uint64_t
pat_fold8(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101ull;
    uint64_t low = w & 0x7f * ones;
    uint64_t from_a = low + (0x80 - 'A') * ones; /* bit 7: at least 'A' */
    uint64_t past_z = low + (0x7f - 'Z') * ones; /* bit 7: above 'Z' */
    uint64_t upper = (from_a ^ past_z) & ~w & 0x80 * ones;

    return w | upper >> 2;
}

static inline uint64_t
pat_fold_if(uint64_t w, bool fold)
{
    return fold ? pat_fold8(w) : w;
}

static inline uint64_t
pat_hash_start(void)
{
    return pat_seed[0];
}

/** Eight more bytes. */
static inline uint64_t
pat_hash_word(uint64_t state, uint64_t w)
{
    return pat_mix(state ^ w, PAT_K1 ^ pat_seed[1]);
}

/** The hash of `len` bytes of which the last len % 8 are in `rest`. */
static inline uint64_t
pat_hash_end(uint64_t state, uint64_t rest, size_t len)
{
    return pat_mix(state ^ rest ^ pat_seed[1], PAT_K2 ^ (len * PAT_K1));
}

static inline uint64_t
pat_hash_bytes(const char *p, size_t len, bool fold)
{
    uint64_t h = pat_hash_start();
    size_t i = 0;

    for (; i + 8 <= len; i += 8)
        h = pat_hash_word(h, pat_fold_if(pat_load8(p + i), fold));
    return pat_hash_end(h, pat_fold_if(pat_load_few(p + i, len - i), fold), len);
}

/** The same from the end: words are taken backwards, the rest is what is left at the front. */
static inline uint64_t
pat_hash_bytes_back(const char *p, size_t len, bool fold)
{
    uint64_t h = pat_hash_start();
    size_t left = len;

    for (; left >= 8; left -= 8)
        h = pat_hash_word(h, pat_fold_if(pat_load8(p + left - 8), fold));
    return pat_hash_end(h, pat_fold_if(pat_load_few(p, left), fold), len);
}

#endif
