/* hash.h - the hash functions of `hash-type` and of the converters of the same names.
 * Results are part of the compatibility contract: a mixed fleet must choose the same servers. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/slice.h"

/** h * 33 + byte, from 5381. */
uint32_t hash_djb2(struct slice s);
/** h * 65599 + byte, from 0. */
uint32_t hash_sdbm(struct slice s);
/** A rotating two-lane hash whose rotations depend on the data. Manual: hash-type, wt6. */
uint32_t hash_wt6(struct slice s);
/** The CRC of Ethernet, gzip and PNG (reflected polynomial 0xEDB88320). */
uint32_t hash_crc32(struct slice s);
/** Castagnoli's CRC (RFC 4960, appendix B; reflected polynomial 0x82F63B78). */
uint32_t hash_crc32c(struct slice s);
uint32_t hash_xxh32(struct slice s, uint32_t seed);
uint64_t hash_xxh64(struct slice s, uint64_t seed);
uint64_t hash_xxh3(struct slice s, uint64_t seed);

/** Spreads every input bit over all output bits: `hash-type ... avalanche` and the converters'
 * argument 1. */
uint32_t hash_avalanche(uint32_t h);

/** `hash-type ... none`: the key is a decimal number; digits up to the first other byte count,
 * modulo 2^32. */
uint32_t hash_none(struct slice s);

#endif
