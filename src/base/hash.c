/* hash.c - the hash functions of `hash-type`. */
#include "base/hash.h"

#include <xxhash.h>

uint32_t
hash_djb2(struct slice s)
{
    uint32_t h = 5381;

    for (size_t i = 0; i < s.len; i++)
        h = h * 33 + (unsigned char)s.p[i];
    return h;
}

uint32_t
hash_sdbm(struct slice s)
{
    uint32_t h = 0;

    for (size_t i = 0; i < s.len; i++)
        h = h * 65599 + (unsigned char)s.p[i];
    return h;
}

static inline uint32_t
rotl32(uint32_t v, unsigned n)
{
    return v << (n & 31) | v >> (-n & 31);
}

uint32_t
hash_wt6(struct slice s)
{
    uint32_t a = 0xa53c965a, b = 0x5ca6953a;
    unsigned rot_a = 6, rot_b = 18;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        uint32_t xored = ~(a ^ c), added = ~(b + c);

        /* The lanes change sides, and the mix of both chooses the next rotations. */
        a = rotl32(added, rot_a);
        b = rotl32(xored, rot_b);
        uint32_t mix = (a >> 16 ^ b) & 0xffff;
        rot_a = mix & 31;
        rot_b = mix >> 11;
    }
    return a ^ b;
}

/* A nibble at a time: 64 bytes of table each, fast enough for header-sized keys and kind to the
 * cache. */
static uint32_t
crc_reflected(struct slice s, const uint32_t table[16])
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < s.len; i++) {
        crc ^= (unsigned char)s.p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

/* Entry n is n shifted out bit by bit through the polynomial. */
#define CRC_BIT(v, poly) ((v) >> 1 ^ ((v)&1 ? (poly) : 0u))
#define CRC_NIBBLE(n, poly)                                                                        \
    CRC_BIT(CRC_BIT(CRC_BIT(CRC_BIT((uint32_t)(n), poly), poly), poly), poly)
#define CRC_TABLE(poly)                                                                            \
    {                                                                                              \
        CRC_NIBBLE(0, poly), CRC_NIBBLE(1, poly), CRC_NIBBLE(2, poly), CRC_NIBBLE(3, poly),        \
            CRC_NIBBLE(4, poly), CRC_NIBBLE(5, poly), CRC_NIBBLE(6, poly), CRC_NIBBLE(7, poly),    \
            CRC_NIBBLE(8, poly), CRC_NIBBLE(9, poly), CRC_NIBBLE(10, poly), CRC_NIBBLE(11, poly),  \
            CRC_NIBBLE(12, poly), CRC_NIBBLE(13, poly), CRC_NIBBLE(14, poly),                      \
            CRC_NIBBLE(15, poly),                                                                  \
    }

uint32_t
hash_crc32(struct slice s)
{
    static const uint32_t table[16] = CRC_TABLE(0xedb88320u);

    return crc_reflected(s, table);
}

uint32_t
hash_crc32c(struct slice s)
{
    static const uint32_t table[16] = CRC_TABLE(0x82f63b78u);

    return crc_reflected(s, table);
}

uint32_t
hash_xxh32(struct slice s, uint32_t seed)
{
    return XXH32(s.p, s.len, seed);
}

uint64_t
hash_xxh64(struct slice s, uint64_t seed)
{
    return XXH64(s.p, s.len, seed);
}

uint64_t
hash_xxh3(struct slice s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.p, s.len, seed);
}

/* Robert Jenkins' 32-bit integer mix, then a multiplication by an odd constant so that small
 * results spread over the whole range. */
uint32_t
hash_avalanche(uint32_t h)
{
    h = h + 0x7ed55d16 + (h << 12);
    h = h ^ 0xc761c23c ^ h >> 19;
    h = h + 0x165667b1 + (h << 5);
    h = (h + 0xd3a2646c) ^ h << 9;
    h = h + 0xfd7046c5 + (h << 3);
    h = h ^ 0xb55a4f09 ^ h >> 16;
    return h * 3221225473u;
}

uint32_t
hash_none(struct slice s)
{
    uint32_t v = 0;

    for (size_t i = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        v = v * 10 + (uint32_t)(s.p[i] - '0');
    return v;
}
