/* conv_fix.c - the Financial Information eXchange protocol: tag=value fields that end with SOH.
 * Untrusted input; a message that is not all there has no value. */
#include "sample/conv.h"

#include <stdlib.h>

#define SOH '\x01'

enum { FIX_BEGIN_STRING = 8, FIX_BODY_LENGTH = 9, FIX_CHECK_SUM = 10, FIX_MSG_TYPE = 35 };

/* "8=FIX.4.4|9=5|35=A|10=180|": nothing shorter is a message. */
#define FIX_LEN_MIN 26

static const struct {
    const char *name;
    int64_t tag;
} tag_names[] = {
    { "BeginString", FIX_BEGIN_STRING },
    { "BodyLength", FIX_BODY_LENGTH },
    { "MsgType", FIX_MSG_TYPE },
    { "SenderCompID", 49 },
    { "TargetCompID", 56 },
    { "CheckSum", FIX_CHECK_SUM },
};

static bool
check_tag(struct expr_arg *arg, struct cfg *c, char **err)
{
    uint64_t tag;

    if (slice_to_uint(arg[0].s, &tag) && tag > 0 && tag <= INT32_MAX) {
        arg[0].i = (int64_t)tag;
        return true;
    }
    for (unsigned i = 0; i < COUNT_OF(tag_names); i++) {
        if (slice_eq_nocase(arg[0].s, slice_str(tag_names[i].name))) {
            arg[0].i = tag_names[i].tag;
            return true;
        }
    }
    *err = xasprintf("Unknown FIX tag name '%s'", arg[0].s.p);
    return false;
}

enum fix_result { FIX_FIELD, FIX_MORE /* the field does not end */, FIX_BAD };

struct fix_field {
    int64_t tag;
    struct slice value;
};

/** Takes the next field off *rest. */
static enum fix_result
take_field(struct slice *rest, struct fix_field *f)
{
    size_t end = slice_find(*rest, SOH, 0), equal = slice_find(*rest, '=', 0);
    uint64_t tag;

    if (end == SIZE_MAX)
        return FIX_MORE;
    if (equal > end || !slice_to_uint(slice_sub(*rest, 0, equal), &tag) || tag == 0 ||
        tag > INT32_MAX)
        return FIX_BAD;
    f->tag = (int64_t)tag;
    f->value = slice_sub(*rest, equal + 1, end - equal - 1);
    *rest = slice_sub(*rest, end + 1, SIZE_MAX);
    return FIX_FIELD;
}

static bool
is_version(struct slice v)
{
    static const struct slice versions[] = { SL("FIX.4.0"), SL("FIX.4.1"), SL("FIX.4.2"),
                                             SL("FIX.4.3"), SL("FIX.4.4"), SL("FIXT.1.1") };

    for (unsigned i = 0; i < COUNT_OF(versions); i++)
        if (slice_eq(v, versions[i]))
            return true;
    return false;
}

static bool
is_checksum(struct slice text, const char *from, const char *to)
{
    unsigned char sum = 0;
    uint64_t v;

    while (from < to)
        sum = (unsigned char)(sum + (unsigned char)*from++);
    return text.len == 3 && slice_to_uint(text, &v) && v == sum;
}

/** Checks version, body length, message type, and the checksum that ends the message. */
static enum fix_result
check_message(struct slice in)
{
    struct slice rest = in;
    struct fix_field f;
    uint64_t body_len;

    enum fix_result r = take_field(&rest, &f);
    if (r != FIX_FIELD || f.tag != FIX_BEGIN_STRING || !is_version(f.value))
        return r == FIX_MORE ? FIX_MORE : FIX_BAD;
    r = take_field(&rest, &f);
    if (r != FIX_FIELD || f.tag != FIX_BODY_LENGTH || !slice_to_uint(f.value, &body_len))
        return r == FIX_MORE ? FIX_MORE : FIX_BAD;
    const char *body = rest.p;

    for (bool first = true;; first = false) {
        const char *start = rest.p;

        r = take_field(&rest, &f);
        if (r != FIX_FIELD)
            return r;
        if (first && f.tag != FIX_MSG_TYPE)
            return FIX_BAD;
        if (f.tag == FIX_CHECK_SUM)
            return (uint64_t)(start - body) == body_len && is_checksum(f.value, in.p, start)
                       ? FIX_FIELD
                       : FIX_BAD;
    }
}

static bool
conv_fix_is_valid(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    if (s->u.s.len < FIX_LEN_MIN)
        return false;
    enum fix_result r = check_message(s->u.s);
    if (r == FIX_MORE)
        return false;
    sample_set_bool(s, r == FIX_FIELD);
    return true;
}

/** The first such field that is not empty; the message itself is not checked. */
static bool
conv_fix_tag_value(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s,
                   void *private)
{
    struct slice rest = s->u.s;
    struct fix_field f;

    while (take_field(&rest, &f) == FIX_FIELD) {
        if (f.tag == arg[0].i) {
            s->u.s = f.value;
            return f.value.len > 0;
        }
    }
    return false;
}

const struct conv conv_fix[] = {
    { "fix_is_valid",
      { 0 },
      SMP_BIN,
      SMP_BOOL,
      conv_fix_is_valid,
      .help = "true for a valid FIX message" },
    { "fix_tag_value",
      { ARG_STR },
      SMP_BIN,
      SMP_BIN,
      conv_fix_tag_value,
      .check = check_tag,
      .usage = "<tag>",
      .help = "value of a field of a FIX message" },
    { 0 },
};

const struct module conv_fix_module = { .name = "conv_fix", .convs = conv_fix };
