/* conv_mqtt.c - CONNECT and CONNACK packets of MQTT 3.1, 3.1.1 and 5.0 (the OASIS documents of
 * these names). Untrusted input; a packet that is not all there has no value. */
#include "sample/conv.h"

#include <stdlib.h>

enum { MQTT_CONNECT = 1, MQTT_CONNACK = 2 };

/* What a value can be asked for: property identifiers of MQTT 5 are below 256. */
enum mqtt_field {
    F_FLAGS = 256,
    F_PROTOCOL_NAME,
    F_PROTOCOL_VERSION,
    F_CLIENT_ID,
    F_WILL_TOPIC,
    F_WILL_PAYLOAD,
    F_USERNAME,
    F_PASSWORD,
    F_KEEPALIVE,
    F_REASON_CODE,
};

/* Where a property may stand; packet types as bits, and the will of a CONNECT. */
enum { AT_CONNECT = 1 << MQTT_CONNECT, AT_CONNACK = 1 << MQTT_CONNACK, AT_WILL = 1 << 3 };

enum prop_type {
    PROP_BOOL,
    PROP_U16,
    PROP_U16_NOT_0,
    PROP_U32,
    PROP_U32_NOT_0,
    PROP_BYTES,
    PROP_PAIR
};

/** MQTT 5.0, 2.2.2.2. */
static const struct {
    unsigned char id, where, type;
} properties[] = {
    { 1, AT_WILL, PROP_BOOL },
    { 2, AT_WILL, PROP_U32 },
    { 3, AT_WILL, PROP_BYTES },
    { 8, AT_WILL, PROP_BYTES },
    { 9, AT_WILL, PROP_BYTES },
    { 17, AT_CONNECT | AT_CONNACK, PROP_U32 },
    { 18, AT_CONNACK, PROP_BYTES },
    { 19, AT_CONNACK, PROP_U16 },
    { 21, AT_CONNECT | AT_CONNACK, PROP_BYTES },
    { 22, AT_CONNECT | AT_CONNACK, PROP_BYTES },
    { 23, AT_CONNECT, PROP_BOOL },
    { 24, AT_WILL, PROP_U32 },
    { 25, AT_CONNECT, PROP_BOOL },
    { 26, AT_CONNACK, PROP_BYTES },
    { 28, AT_CONNACK, PROP_BYTES },
    { 31, AT_CONNACK, PROP_BYTES },
    { 33, AT_CONNECT | AT_CONNACK, PROP_U16_NOT_0 },
    { 34, AT_CONNECT | AT_CONNACK, PROP_U16 },
    { 36, AT_CONNACK, PROP_BOOL },
    { 37, AT_CONNACK, PROP_BOOL },
    { 38, AT_CONNECT | AT_CONNACK | AT_WILL, PROP_PAIR },
    { 39, AT_CONNECT | AT_CONNACK, PROP_U32_NOT_0 },
    { 40, AT_CONNACK, PROP_BOOL },
    { 41, AT_CONNACK, PROP_BOOL },
    { 42, AT_CONNACK, PROP_BOOL },
};

static const struct {
    const char *name;
    unsigned short field;
    unsigned char where;
} field_names[] = {
    { "flags", F_FLAGS, AT_CONNECT | AT_CONNACK },
    { "protocol_name", F_PROTOCOL_NAME, AT_CONNECT },
    { "protocol_version", F_PROTOCOL_VERSION, AT_CONNECT | AT_CONNACK },
    { "client_identifier", F_CLIENT_ID, AT_CONNECT },
    { "will_topic", F_WILL_TOPIC, AT_CONNECT },
    { "will_payload", F_WILL_PAYLOAD, AT_CONNECT },
    { "username", F_USERNAME, AT_CONNECT },
    { "password", F_PASSWORD, AT_CONNECT },
    { "keepalive", F_KEEPALIVE, AT_CONNECT },
    { "reason_code", F_REASON_CODE, AT_CONNACK },
};

/** A reader that stops at the first thing that is wrong, and catches the one field that is wanted.
 */
struct reader {
    struct slice in;
    bool bad;
    unsigned wanted; /* enum mqtt_field or property; 0: nothing */
    bool found;
    bool is_text; /* text, else number */
    struct slice text;
    uint32_t number;
};

static uint32_t
read_uint(struct reader *r, unsigned bytes)
{
    uint32_t v = 0;

    if (r->in.len < bytes) {
        r->bad = true;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | (unsigned char)r->in.p[i];
    r->in = slice_sub(r->in, bytes, SIZE_MAX);
    return v;
}

/** Bytes behind a 16-bit length. */
static struct slice
read_bytes(struct reader *r)
{
    uint32_t len = read_uint(r, 2);

    if (r->bad || r->in.len < len) {
        r->bad = true;
        return SLICE_NONE;
    }
    struct slice v = slice_sub(r->in, 0, len);
    r->in = slice_sub(r->in, len, SIZE_MAX);
    return v;
}

/** Variable byte integer of at most four bytes. */
static uint32_t
read_varint(struct reader *r)
{
    uint32_t v = 0;

    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint32_t b = read_uint(r, 1);

        v |= (b & 0x7f) << shift;
        if (r->bad || !(b & 0x80))
            return v;
    }
    r->bad = true;
    return 0;
}

static uint32_t
catch_uint(struct reader *r, unsigned field, unsigned bytes)
{
    uint32_t v = read_uint(r, bytes);

    if (!r->bad && field == r->wanted) {
        r->found = true;
        r->is_text = false;
        r->number = v;
    }
    return v;
}

static struct slice
catch_bytes(struct reader *r, unsigned field)
{
    struct slice v = read_bytes(r);

    if (!r->bad && field == r->wanted) {
        r->found = true;
        r->is_text = true;
        r->text = v;
    }
    return v;
}

static void
read_property(struct reader *r, unsigned id, unsigned type)
{
    static const unsigned char size[] = {
        [PROP_BOOL] = 1, [PROP_U16] = 2, [PROP_U16_NOT_0] = 2, [PROP_U32] = 4, [PROP_U32_NOT_0] = 4
    };
    uint32_t v;

    switch (type) {
    case PROP_PAIR:
        read_bytes(r);
        read_bytes(r);
        break;
    case PROP_BYTES:
        catch_bytes(r, id);
        break;
    default:
        v = catch_uint(r, id, size[type]);
        if ((type == PROP_BOOL && v > 1) ||
            (v == 0 && (type == PROP_U16_NOT_0 || type == PROP_U32_NOT_0)))
            r->bad = true;
        break;
    }
}

/** The properties of one place: each at most once, but for user properties. */
static void
read_properties(struct reader *r, unsigned where)
{
    uint32_t len = read_varint(r), seen = 0;
    struct slice rest;

    if (r->bad || len > r->in.len) {
        r->bad = true;
        return;
    }
    rest = slice_sub(r->in, len, SIZE_MAX);
    r->in.len = len;
    while (!r->bad && r->in.len) {
        uint32_t id = read_uint(r, 1);
        unsigned i = 0;

        while (i < COUNT_OF(properties) && properties[i].id != id)
            i++;
        if (i == COUNT_OF(properties) || !(properties[i].where & where) || seen & 1u << i) {
            r->bad = true;
            return;
        }
        if (properties[i].type != PROP_PAIR)
            seen |= 1u << i;
        read_property(r, id, properties[i].type);
    }
    r->in = rest;
}

_Static_assert(COUNT_OF(properties) <= 32, "one bit for each in `seen`");

static void
read_connect(struct reader *r)
{
    struct slice name = catch_bytes(r, F_PROTOCOL_NAME);
    uint32_t version = catch_uint(r, F_PROTOCOL_VERSION, 1);
    uint32_t flags = catch_uint(r, F_FLAGS, 1);

    if (!slice_eq_nocase(name, SL("MQTT")) && !slice_eq_nocase(name, SL("MQIsdp")))
        r->bad = true;
    if (version < 3 || version > 5 || flags & 1) /* bit 0 is reserved */
        r->bad = true;
    catch_uint(r, F_KEEPALIVE, 2);
    if (version == 5)
        read_properties(r, AT_CONNECT);
    catch_bytes(r, F_CLIENT_ID);
    if (flags & 0x04) {
        if (version == 5)
            read_properties(r, AT_WILL);
        catch_bytes(r, F_WILL_TOPIC);
        catch_bytes(r, F_WILL_PAYLOAD);
    }
    if (flags & 0x80)
        catch_bytes(r, F_USERNAME);
    if (flags & 0x40)
        catch_bytes(r, F_PASSWORD);
}

/** The version is not in the packet: only MQTT 5 has properties. */
static void
read_connack(struct reader *r)
{
    uint32_t flags = catch_uint(r, F_FLAGS, 1), version = 4;

    if (flags & ~1u)
        r->bad = true;
    catch_uint(r, F_REASON_CODE, 1);
    if (!r->bad && r->in.len) {
        version = 5;
        read_properties(r, AT_CONNACK);
    }
    if (r->wanted == F_PROTOCOL_VERSION) {
        r->found = true;
        r->number = version;
    }
}

enum mqtt_result { MQTT_OK, MQTT_MORE, MQTT_BAD };

/** Reads the first packet of *in. *type receives its type. */
static enum mqtt_result
read_packet(struct reader *r, struct slice in, unsigned *type)
{
    if (in.len < 2)
        return MQTT_MORE;
    *type = (unsigned char)in.p[0] >> 4;
    if ((*type != MQTT_CONNECT && *type != MQTT_CONNACK) || in.p[0] & 15)
        return MQTT_BAD;
    size_t digits = 1;
    while (digits < 4 && digits < in.len && (in.p[digits] & 0x80))
        digits++;
    if (digits == in.len)
        return MQTT_MORE;
    r->in = slice_sub(in, 1, SIZE_MAX);
    uint32_t len = read_varint(r);
    if (r->bad)
        return MQTT_BAD;
    if (r->in.len < len)
        return MQTT_MORE;
    r->in.len = len;
    if (*type == MQTT_CONNECT)
        read_connect(r);
    else
        read_connack(r);
    return r->bad || r->in.len ? MQTT_BAD : MQTT_OK;
}

static bool
conv_mqtt_is_valid(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s,
                   void *private)
{
    struct reader r = { 0 };
    unsigned type;
    enum mqtt_result result = read_packet(&r, s->u.s, &type);

    if (result == MQTT_MORE)
        return false;
    sample_set_bool(s, result == MQTT_OK);
    return true;
}

/** Finds the packet type: a number or a name. 0 when unknown. */
static unsigned
packet_type(struct slice s)
{
    static const char *const names[] = { "",          "CONNECT",  "CONNACK",     "PUBLISH",
                                         "PUBACK",    "PUBREC",   "PUBREL",      "PUBCOMP",
                                         "SUBSCRIBE", "SUBACK",   "UNSUBSCRIBE", "UNSUBACK",
                                         "PINGREQ",   "PINGRESP", "DISCONNECT",  "AUTH" };
    uint64_t v;

    if (slice_to_uint(s, &v))
        return v < COUNT_OF(names) ? (unsigned)v : 0;
    for (unsigned i = 1; i < COUNT_OF(names); i++)
        if (slice_eq_nocase(s, slice_str(names[i])))
            return i;
    return 0;
}

/** The field called `s` in packets of that type; 0 when unknown. */
static unsigned
field_id(struct slice s, unsigned type)
{
    unsigned where = 1u << type;
    uint64_t v;

    if (type == MQTT_CONNECT)
        where |= AT_WILL;
    for (unsigned i = 0; i < COUNT_OF(field_names); i++)
        if (field_names[i].where & where && slice_eq_nocase(s, slice_str(field_names[i].name)))
            return field_names[i].field;
    if (s.len == 0 || s.p[0] == '0' || !slice_to_uint(s, &v))
        return 0;
    for (unsigned i = 0; i < COUNT_OF(properties); i++)
        if (properties[i].id == v && properties[i].where & where)
            return properties[i].id;
    return 0;
}

static bool
check_field(struct expr_arg *arg, struct cfg *c, char **err)
{
    unsigned type = packet_type(arg[0].s), field = 0;

    if (!type) {
        *err = xasprintf("Unknown MQTT type '%s'", arg[0].s.p);
        return false;
    }
    if (type == MQTT_CONNECT || type == MQTT_CONNACK)
        field = field_id(arg[1].s, type);
    if (!field) {
        *err =
            xasprintf("Unknown MQTT field name '%s' for packet type '%s'", arg[1].s.p, arg[0].s.p);
        return false;
    }
    arg[0].i = type;
    arg[1].i = field;
    return true;
}

/** Numbers become text; bytes stay bytes. */
static bool
conv_mqtt_field_value(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s,
                      void *private)
{
    struct reader r = { .wanted = (unsigned)arg[1].i };
    unsigned type;
    struct out o;

    if (read_packet(&r, s->u.s, &type) != MQTT_OK || type != arg[0].i || !r.found)
        return false;
    if (r.is_text) {
        s->u.s = r.text; /* of the type SMP_BIN, like the input */
        return true;
    }
    if (!conv_out(&o, 10, x))
        return false;
    out_uint(&o, r.number);
    conv_out_end(s, SMP_STR, &o);
    return true;
}

const struct conv conv_mqtt[] = {
    { "mqtt_field_value",
      { ARG_STR, ARG_STR },
      SMP_BIN,
      SMP_STR,
      conv_mqtt_field_value,
      .check = check_field,
      .usage = "<packettype>,<fieldname_or_property_ID>",
      .help = "a field of an MQTT CONNECT or CONNACK packet" },
    { "mqtt_is_valid",
      { 0 },
      SMP_BIN,
      SMP_BOOL,
      conv_mqtt_is_valid,
      .help = "true for a valid MQTT CONNECT or CONNACK" },
    { 0 },
};

const struct module conv_mqtt_module = { .name = "conv_mqtt", .convs = conv_mqtt };
