/* conv_hash.c - djb2, sdbm, wt6, crc32, crc32c and the xxHash family. */
#include "base/hash.h"
#include "sample/conv.h"

typedef uint32_t (*hash_fn)(struct slice s);

/* Functions travel through `private` inside an object: a data pointer cannot hold a function
 * pointer in ISO C. */
struct hash_kind {
    hash_fn fn;
};

static const struct hash_kind djb2 = { hash_djb2 }, sdbm = { hash_sdbm }, wt6 = { hash_wt6 },
                              crc32 = { hash_crc32 }, crc32c = { hash_crc32c };

/** Argument 1: any other number than 0 adds the avalanche step. */
static bool
conv_hash32(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const struct hash_kind *kind = private;
    uint32_t h = kind->fn(s->u.s);

    if (arg[0].type != ARG_END && arg[0].i != 0)
        h = hash_avalanche(h);
    sample_set_int(s, h);
    return true;
}

/** The seed; 0 when there is none. */
static uint64_t
seed_of(const struct expr_arg *arg)
{
    return arg[0].type == ARG_END ? 0 : (uint64_t)arg[0].i;
}

static bool
conv_xxh32(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    sample_set_int(s, hash_xxh32(s->u.s, (uint32_t)seed_of(arg)));
    return true;
}

static bool
conv_xxh64(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    sample_set_int(s, (int64_t)hash_xxh64(s->u.s, seed_of(arg)));
    return true;
}

static bool
conv_xxh3(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    sample_set_int(s, (int64_t)hash_xxh3(s->u.s, seed_of(arg)));
    return true;
}

#define HASH32(name_, kind_, help_)                                                                \
    {                                                                                              \
        name_, { ARG_SINT | ARG_OPT }, SMP_BIN, SMP_SINT, conv_hash32,                             \
            .private = (void *)&(kind_), .usage = "[<avalanche>]", .help = help_                   \
    }
#define XXH(name_, fn_, help_)                                                                     \
    {                                                                                              \
        name_, { ARG_SINT | ARG_OPT }, SMP_BIN, SMP_SINT, fn_, .usage = "[<seed>]", .help = help_  \
    }

const struct conv conv_hash[] = {
    HASH32("crc32", crc32, "32-bit CRC as in Ethernet, gzip and PNG"),
    HASH32("crc32c", crc32c, "32-bit CRC of Castagnoli, RFC 4960"),
    HASH32("djb2", djb2, "32-bit DJB2 hash"),
    HASH32("sdbm", sdbm, "32-bit SDBM hash"),
    HASH32("wt6", wt6, "32-bit WT6 hash"),
    XXH("xxh3", conv_xxh3, "64-bit XXH3 hash, signed"),
    XXH("xxh32", conv_xxh32, "32-bit xxHash"),
    XXH("xxh64", conv_xxh64, "64-bit xxHash, signed"),
    { 0 },
};

const struct module conv_hash_module = { .name = "conv_hash", .convs = conv_hash };
