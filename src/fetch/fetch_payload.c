/* fetch_payload.c - sample fetches about raw bytes: length, blocks, and whether they are HTTP.
 * Manual 7.3.5. */
#include "fetch/fetch.h"

#include "config/tune.h"

enum side { REQ, RES, BOTH };

static bool
is_response(const struct sample_ctx *x, const void *private)
{
    enum side side = (enum side)(uintptr_t) private;

    return side == BOTH ? fetch_is_response(x) : side == RES;
}

static bool
give_bytes(struct sample *out, struct slice v)
{
    out->type = SMP_BIN;
    out->flags |= SMPF_CONST;
    out->u.s = v;
    return true;
}

/* ---- length ---- */

/** Grows as long as bytes come; in HTTP mode the size of the message. */
static bool
fetch_len(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    bool response = is_response(x, private);
    struct slice raw;
    size_t n;

    if (fetch_payload(x, response, &raw))
        n = raw.len;
    else if (!fetch_htx_data(x, response, &n))
        return false;
    fetch_later(x, out);
    return fetch_give_int(out, (int64_t)n);
}

/* ---- blocks ---- */

/** `len` bytes from `at` on, all of them when len is 0. Bytes that will never fit a buffer are not
 * waited for. */
static bool
block(struct sample_ctx *x, struct sample *out, struct slice raw, int64_t at, int64_t len)
{
    int64_t max = tune.bufsize;

    if (at < 0 || len < 0 || at > max || len > max || at + len > max)
        return false;
    if (at + len > (int64_t)raw.len || (len == 0 && !raw.p))
        return fetch_later(x, out);
    if (len == 0)
        fetch_later(x, out); /* more may come */
    return give_bytes(out, slice(raw.p + at, (size_t)(len ? len : (int64_t)raw.len - at)));
}

static bool
fetch_block(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice raw;

    return fetch_payload(x, is_response(x, private), &raw) &&
           block(x, out, raw, arg[0].i, arg[1].i);
}

/** payload_lv(): arg[2].i is the second offset; .type SINT: absolute, STR: counted from the end of
 * the length. */
static bool
check_lv(struct expr_arg *arg, struct cfg *c, char **err)
{
    const char *what = arg[0].i < 0    ? "payload offset1 must be positive"
                       : arg[1].i <= 0 ? "payload length must be > 0"
                                       : NULL;
    bool relative;

    if (!what && arg[2].type != ARG_END) {
        relative = arg[2].s.len && (arg[2].s.p[0] == '+' || arg[2].s.p[0] == '-');
        if (!slice_to_int(arg[2].s, &arg[2].i))
            what = "payload offset2 is not a number";
        else if (relative && arg[0].i + arg[1].i + arg[2].i < 0)
            what = "payload offset2 too negative";
        arg[2].type = relative ? ARG_STR : ARG_SINT;
    }
    if (what)
        *err = xstrdup(what);
    return !what;
}

/** A block with its length, most significant byte first, in front or elsewhere. */
static bool
fetch_block_lv(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    int64_t at = arg[0].i, n = arg[1].i, from = at + n, len = 0;
    struct slice raw;

    if (!fetch_payload(x, is_response(x, private), &raw) || at > tune.bufsize || n > tune.bufsize)
        return false;
    if (from > (int64_t)raw.len)
        return fetch_later(x, out);
    for (int64_t i = at; i < from; i++) {
        if (len > INT32_MAX)
            return false;
        len = len << 8 | (unsigned char)raw.p[i];
    }
    if (arg[2].type != ARG_END)
        from = arg[2].type == ARG_STR ? from + arg[2].i : arg[2].i;
    return len != 0 && block(x, out, raw, from, len);
}

/* ---- protocol ---- */

/** True for an HTTP request; no value when it is none, or as long as that is open. */
static bool
fetch_proto_http(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    return fetch_request(x, out) && fetch_give_bool(out, true);
}

/* ---- rows ---- */

/* clang-format off */
#define BLOCK_ARGS { ARG_SINT, ARG_SINT }
#define LV_ARGS { ARG_SINT, ARG_SINT, ARG_STR | ARG_OPT }
#define LEN(name, needs, side, help) { name, FETCH_NO_ARGS, SMP_SINT, needs, fetch_len, help, .private = FETCH_P(side) }
#define BLOCK(name, needs, side, help) \
    { name, BLOCK_ARGS, SMP_BIN, needs, fetch_block, help, .private = FETCH_P(side), .usage = "<offset>,<length>" }
#define LV(name, needs, side, help) \
    { name, LV_ARGS, SMP_BIN, needs, fetch_block_lv, help, check_lv, FETCH_P(side), "<offset1>,<length>[,<offset2>]" }
#define HTTP(name) { name, FETCH_NO_ARGS, SMP_BOOL, NEEDS_REQ_HTTP_ANY, fetch_proto_http, "whether the request is HTTP" }

static const struct fetch payload_fetches[] = {
    LEN("req.len", NEEDS_REQ_DATA, REQ, "bytes in the request buffer"),
    LEN("req_len", NEEDS_REQ_DATA, REQ, "bytes in the request buffer"),
    LEN("res.len", NEEDS_RES_DATA, RES, "bytes in the response buffer"),
    BLOCK("req.payload", NEEDS_REQ_DATA, REQ, "bytes of the request buffer"),
    BLOCK("res.payload", NEEDS_RES_DATA, RES, "bytes of the response buffer"),
    BLOCK("payload", NEEDS_REQ_DATA | NEEDS_RES_DATA, BOTH, "bytes of the buffer at hand"),
    LV("req.payload_lv", NEEDS_REQ_DATA, REQ, "bytes of the request buffer behind their length"),
    LV("res.payload_lv", NEEDS_RES_DATA, RES, "bytes of the response buffer behind their length"),
    LV("payload_lv", NEEDS_REQ_DATA | NEEDS_RES_DATA, BOTH, "bytes of the buffer at hand behind their length"),
    HTTP("req.proto_http"),
    HTTP("req_proto_http"),
    { 0 },
};
/* clang-format on */

const struct module fetch_payload_module = { .name = "payload fetches",
                                             .fetches = payload_fetches };
