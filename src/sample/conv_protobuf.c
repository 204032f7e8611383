/* conv_protobuf.c - fields of protocol buffers messages, alone (protobuf) or behind gRPC's
 * five-byte header (ungrpc). Untrusted input: every length is checked against the message it is in;
 * no recursion. */
#include "sample/conv.h"

#include <stdlib.h>

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/** How a number is read; NULL name: raw bytes. */
enum number { NUM_PLAIN, NUM_ZIGZAG, NUM_FIXED, NUM_SIGNED, NUM_FLOAT };

struct pb_type {
    const char *name;
    enum wire wire;
    enum number number;
};

static const struct pb_type types[] = {
    { "int32", WIRE_VARINT, NUM_PLAIN },   { "uint32", WIRE_VARINT, NUM_PLAIN },
    { "sint32", WIRE_VARINT, NUM_ZIGZAG }, { "int64", WIRE_VARINT, NUM_PLAIN },
    { "uint64", WIRE_VARINT, NUM_PLAIN },  { "sint64", WIRE_VARINT, NUM_ZIGZAG },
    { "bool", WIRE_VARINT, NUM_PLAIN },    { "enum", WIRE_VARINT, NUM_PLAIN },
    { "fixed64", WIRE_64, NUM_FIXED },     { "sfixed64", WIRE_64, NUM_SIGNED },
    { "double", WIRE_64, NUM_FLOAT },      { "fixed32", WIRE_32, NUM_FIXED },
    { "sfixed32", WIRE_32, NUM_SIGNED },   { "float", WIRE_32, NUM_FLOAT },
};

/** "48.59.1": field numbers from the outermost message to the innermost. */
struct pb_path {
    unsigned n;
    uint64_t number[];
};

#define PATH_MAX_LEN 32

static struct pb_path *
parse_path(struct slice s, struct arena *arena)
{
    struct pb_path *path =
        arena_alloc(arena, sizeof(*path) + PATH_MAX_LEN * sizeof(path->number[0]));
    struct slice rest = s;

    if (s.len == 0 || s.p[s.len - 1] == '.')
        return NULL;
    for (path->n = 0; rest.p; path->n++) {
        struct slice part = slice_cut(rest, '.', &rest);

        /* HAProxy takes an empty part for field 0, which no message has. */
        if (path->n == PATH_MAX_LEN)
            return NULL;
        path->number[path->n] = 0;
        if (part.len && !slice_to_uint(part, &path->number[path->n]))
            return NULL;
    }
    return path;
}

static bool
check_path(struct expr_arg *arg, struct cfg *c, char **err)
{
    arg[0].u.ptr = parse_path(arg[0].s, c->arena);
    if (!arg[0].u.ptr) {
        *err =
            xasprintf("failed to parse '%s' as type 'Protocol buffers field number' at position 1",
                      arg[0].s.p);
        return false;
    }
    arg[1].u.ptr = NULL;
    if (arg[1].type == ARG_END)
        return true;
    for (unsigned i = 0; i < COUNT_OF(types); i++) {
        if (slice_eq_str(arg[1].s, types[i].name)) {
            arg[1].u.ptr = (void *)&types[i];
            return true;
        }
    }
    *err = xasprintf("Wrong protocol buffer type '%s'", arg[1].s.p);
    return false;
}

/** At most ten bytes; what does not fit 64 bits is dropped. */
static bool
take_varint(struct slice *s, uint64_t *v)
{
    *v = 0;
    for (size_t i = 0; i < s->len && i < 10; i++) {
        unsigned char b = (unsigned char)s->p[i];

        *v |= (uint64_t)(b & 0x7f) << (7 * i);
        if (!(b & 0x80)) {
            *s = slice_sub(*s, i + 1, SIZE_MAX);
            return true;
        }
    }
    return false;
}

struct pb_field {
    uint64_t number;
    enum wire wire;
    struct slice bytes; /* as encoded, without a length in front */
};

/** Takes the next field off *s. Groups (wire types 3 and 4) are not known. */
static bool
take_field(struct slice *s, struct pb_field *f)
{
    uint64_t key, n;

    if (!take_varint(s, &key))
        return false;
    f->number = key >> 3;
    f->wire = (enum wire)(key & 7);
    const char *start = s->p;
    switch (f->wire) {
    case WIRE_VARINT:
        if (!take_varint(s, &n))
            return false;
        f->bytes = slice(start, (size_t)(s->p - start));
        return true;
    case WIRE_BYTES:
        if (!take_varint(s, &n))
            return false;
        break;
    case WIRE_64:
    case WIRE_32:
        n = f->wire == WIRE_64 ? 8 : 4;
        break;
    default:
        return false;
    }
    if (n > s->len)
        return false;
    f->bytes = slice_sub(*s, 0, (size_t)n);
    *s = slice_sub(*s, (size_t)n, SIZE_MAX);
    return true;
}

/** Finds the field at the end of the path; each level may occur several times. */
static bool
find_field(struct slice message, const struct pb_path *path, struct pb_field *f)
{
    struct slice rest[PATH_MAX_LEN];
    unsigned depth = 0;

    rest[0] = message;
    for (;;) {
        if (rest[depth].len == 0) {
            if (depth-- == 0)
                return false;
            continue;
        }
        if (!take_field(&rest[depth], f))
            return false;
        if (f->number != path->number[depth])
            continue;
        if (depth + 1 == path->n)
            return true;
        if (f->wire != WIRE_BYTES)
            return false;
        rest[++depth] = f->bytes;
    }
}

static uint64_t
little_endian(struct slice s)
{
    uint64_t v = 0;

    for (size_t i = s.len; i-- > 0;)
        v = v << 8 | (unsigned char)s.p[i];
    return v;
}

/** Truncates towards zero; what no integer can hold is the smallest one, as on most machines. */
static int64_t
integer_of(double v)
{
    return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

static int64_t
float_value(struct slice s)
{
    uint64_t bits = little_endian(s);
    uint32_t bits32 = (uint32_t)bits;
    double d;
    float f;

    if (s.len == sizeof(f)) {
        memcpy(&f, &bits32, sizeof(f));
        return integer_of((double)f);
    }
    memcpy(&d, &bits, sizeof(d));
    return integer_of(d);
}

static int64_t
number_value(const struct pb_type *type, struct slice bytes)
{
    uint64_t v;

    switch (type->number) {
    case NUM_FIXED:
        return (int64_t)little_endian(bytes);
    case NUM_SIGNED:
        v = little_endian(bytes);
        return bytes.len == 4 ? (int32_t)(uint32_t)v : (int64_t)v;
    case NUM_FLOAT:
        return float_value(bytes);
    default:
        if (!take_varint(&bytes, &v))
            return 0;
        return (int64_t)(type->number == NUM_ZIGZAG ? v >> 1 ^ (0 - (v & 1)) : v);
    }
}

/** Sets *s to the field in `message`. */
static bool
set_field(struct slice message, const struct expr_arg *arg, struct sample *s)
{
    const struct pb_type *type = arg[1].u.ptr;
    struct pb_field f;

    if (!find_field(message, arg[0].u.ptr, &f))
        return false;
    if (!type) {
        s->type = SMP_BIN;
        s->u.s = f.bytes;
        return true;
    }
    if (f.wire != type->wire)
        return false;
    sample_set_int(s, number_value(type, f.bytes));
    return true;
}

static bool
conv_pb(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    return set_field(s->u.s, arg, s);
}

#define GRPC_HEADER 5 /* compression flag, 32-bit length */

/** The first of the messages that has the field. */
static bool
conv_ungrpc(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice in = s->u.s;

    while (in.len > GRPC_HEADER) {
        size_t len = (size_t)(unsigned char)in.p[1] << 24 | (size_t)(unsigned char)in.p[2] << 16 |
                     (size_t)(unsigned char)in.p[3] << 8 | (unsigned char)in.p[4];

        if (len > in.len - GRPC_HEADER)
            return false;
        if (set_field(slice_sub(in, GRPC_HEADER, len), arg, s))
            return true;
        in = slice_sub(in, GRPC_HEADER + len, SIZE_MAX);
    }
    return false;
}

/* HAProxy types these as binary although a field type makes the result an integer. */
#define PB(name_, fn_, help_)                                                                      \
    {                                                                                              \
        name_, { ARG_STR, ARG_STR | ARG_OPT }, SMP_BIN, SMP_BIN, fn_,                              \
            .check = check_path, .usage = "<field_number>[,<field_type>]", .help = help_           \
    }

const struct conv conv_protobuf[] = {
    PB("protobuf", conv_pb, "a field of a protocol buffers message"),
    PB("ungrpc", conv_ungrpc, "a field of a gRPC message"),
    { 0 },
};

const struct module conv_protobuf_module = { .name = "conv_protobuf", .convs = conv_protobuf };
