/* fetch_hdr.c - sample fetches about header fields of requests and responses. Manual 7.3.6. */
#include "fetch/fetch.h"

#include "net/addr.h"

/** Which message a row looks at. The first is 0: rows without a private argument are about
 * requests. */
enum side { REQ, RES, BOTH /* by direction of the rules */ };

static struct http_head *
head_of(struct sample_ctx *x, enum side side, struct sample *out)
{
    if (side == BOTH)
        side = fetch_is_response(x) ? RES : REQ;
    return side == RES ? fetch_response(x, out) : fetch_request(x, out);
}

/* What a row's private argument says. */
#define SIDE(side, full) FETCH_P((side) | (full) << 2)

static enum side
side_of(const void *private)
{
    return (enum side)((uintptr_t) private & 3);
}

static bool
is_full(const void *private)
{
    return (uintptr_t) private & 4;
}

/* ---- lookups ---- */

/** The most negative occurrence that may be asked for. */
#define OCC_MIN (-10)

static bool
check_hdr(struct expr_arg *arg, struct cfg *c, char **err)
{
    /* The head's names are in lower case. */
    for (size_t i = 0; arg[0].type != ARG_END && i < arg[0].s.len; i++)
        ((char *)arg[0].s.p)[i] = (char)ascii_lower((unsigned char)arg[0].s.p[i]);
    if (arg[0].type == ARG_END || arg[1].type == ARG_END || arg[1].i >= OCC_MIN)
        return true;
    *err = xasprintf("header occurrence must be >= %d", OCC_MIN);
    return false;
}

static bool
check_name(struct expr_arg *arg, struct cfg *c, char **err)
{
    for (size_t i = 0; arg[0].type != ARG_END && i < arg[0].s.len; i++)
        ((char *)arg[0].s.p)[i] = (char)ascii_lower((unsigned char)arg[0].s.p[i]);
    return true;
}

/** Every value in turn. iter[0] is the header's place and iter[1] that of the value's rest in it.
 */
static bool
next_value(const struct http_head *h, struct slice name, bool full, struct sample *out,
           struct slice *v)
{
    struct http_val it = { .full = full };

    if (out->iter[0]) {
        it.pos = (unsigned)out->iter[0];
        it.at = out->iter[1];
        it.hdr = &h->hdr[it.pos - 1];
    }
    if (!http_val_next(h, name, &it))
        return false;
    *v = it.value;
    out->iter[0] = it.pos;
    out->iter[1] = it.at;
    out->flags |= SMPF_NOT_LAST;
    return true;
}

/** The value asked for: a given occurrence, each in turn, or the last one. A name is needed, which
 * may be empty. */
static bool
find_value(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private,
           struct slice *v)
{
    const struct http_head *h = head_of(x, side_of(private), out);
    int64_t occ = arg[0].type != ARG_END && arg[1].type != ARG_END ? arg[1].i : 0;

    out->flags &= ~(unsigned)SMPF_NOT_LAST;
    if (!h || arg[0].type == ARG_END)
        return false;
    if (occ == 0 && x->opt & SMPO_ITERATE)
        return next_value(h, arg[0].s, is_full(private), out, v);
    occ = MIN(occ, (int64_t)INT32_MAX);
    return http_val_nth(h, arg[0].s, (int)occ, is_full(private), v);
}

static bool
fetch_hdr(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice v;

    return find_value(arg, x, out, private, &v) && fetch_give_str(out, v.p ? v : SL(""));
}

static bool
fetch_hdr_val(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice v;

    return find_value(arg, x, out, private, &v) && fetch_give_int(out, fetch_number(v));
}

/** An address; IPv4 may have a port behind it, which is dropped. */
static bool
read_ip(struct slice v, struct addr *a)
{
    size_t colon = slice_find(v, ':', 0);
    struct slice port;
    uint64_t n;

    if (addr_parse_ip(v, a))
        return true;
    if (colon == SIZE_MAX)
        return false;
    port = slice_sub(v, colon + 1, SIZE_MAX);
    return slice_to_uint(port, &n) && n <= 65535 && port.len <= 5 &&
           addr_parse_ip(slice(v.p, colon), a) && a->kind == ADDR_IP4;
}

/** Values that are no addresses are passed over. */
static bool
fetch_hdr_ip(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice v;
    struct addr a;

    while (find_value(arg, x, out, private, &v)) {
        if (read_ip(v, &a))
            return fetch_give_addr(out, &a);
        if (!(out->flags & SMPF_NOT_LAST))
            break;
    }
    return false;
}

static bool
fetch_hdr_cnt(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_head *h = head_of(x, side_of(private), out);
    struct slice name = arg[0].type != ARG_END ? arg[0].s : SL("");

    return h && fetch_give_int(out, http_val_count(h, name, is_full(private)));
}

/* ---- all of them ---- */

/** A writer into the memory of the evaluation. */
static bool
open_text(struct sample_ctx *x, size_t size, struct out *o)
{
    *o = (struct out){ arena_alloc(x->tmp, size), 0, size, false };
    return o->p != NULL;
}

static bool
close_text(struct sample *out, enum sample_type type, const struct out *o)
{
    out->type = type;
    out->u.s = out_slice(o);
    return !o->full;
}

/** Bytes of all names and values, and how many headers there are. */
static size_t
total_size(const struct http_head *h, size_t each)
{
    size_t n = 0;

    for (unsigned i = 0; i < h->nhdr; i++)
        if (h->hdr[i].name.p)
            n += h->hdr[i].name.len + h->hdr[i].value.len + each;
    return n;
}

/** "host,user-agent": the argument's first character delimits. */
static bool
fetch_hdr_names(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_head *h = head_of(x, side_of(private), out);
    char delim = arg[0].type != ARG_END && arg[0].s.len ? arg[0].s.p[0] : ',';
    struct out o;

    if (!h || !open_text(x, total_size(h, 1), &o))
        return false;
    for (unsigned i = 0; i < h->nhdr; i++) {
        if (!h->hdr[i].name.p)
            continue;
        if (o.len)
            out_char(&o, delim);
        out_slice_put(&o, h->hdr[i].name);
    }
    return close_text(out, SMP_STR, &o);
}

/** As HTTP/1 lines, the empty one included. */
static bool
fetch_hdrs(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_head *h = head_of(x, side_of(private), out);
    struct out o;

    if (!h || !open_text(x, total_size(h, 4) + 2, &o))
        return false;
    for (unsigned i = 0; i < h->nhdr; i++) {
        if (!h->hdr[i].name.p)
            continue;
        out_slice_put(&o, h->hdr[i].name);
        out_lit(&o, ": ");
        out_slice_put(&o, h->hdr[i].value);
        out_lit(&o, "\r\n");
    }
    out_lit(&o, "\r\n");
    return close_text(out, SMP_STR, &o);
}

#define VARINT_MAX 10

static void
put_counted(struct out *o, struct slice s)
{
    out_varint(o, s.len);
    out_slice_put(o, s);
}

/** Names and values with their lengths in front; two empty ones end them. */
static bool
fetch_hdrs_bin(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_head *h = head_of(x, side_of(private), out);
    struct out o;

    if (!h || !open_text(x, total_size(h, 2 * VARINT_MAX) + 2, &o))
        return false;
    for (unsigned i = 0; i < h->nhdr; i++) {
        if (!h->hdr[i].name.p)
            continue;
        put_counted(&o, h->hdr[i].name);
        put_counted(&o, h->hdr[i].value);
    }
    put_counted(&o, SL(""));
    put_counted(&o, SL(""));
    return close_text(out, SMP_BIN, &o);
}

/* ---- rows ---- */

#define OCC_ARGS                                                                                   \
    {                                                                                              \
        ARG_STR | ARG_OPT, ARG_SINT | ARG_OPT                                                      \
    }
#define ONE(name, type, needs, fn, help, private_)                                                 \
    {                                                                                              \
        name, OCC_ARGS, type, needs, fn, help, check_hdr, private_, "[<name>[,<occ>]]"             \
    }
#define CNT(name, needs, help, private_)                                                           \
    {                                                                                              \
        name, FETCH_OPT_STR, SMP_SINT, needs, fetch_hdr_cnt, help, check_name, private_,           \
            "[<name>]"                                                                             \
    }
#define ALL(name, type, needs, fn, help, private_)                                                 \
    {                                                                                              \
        name, FETCH_NO_ARGS, type, needs, fn, help, .private = private_                            \
    }
#define NAMES(name, needs, private_)                                                               \
    {                                                                                              \
        name, FETCH_OPT_STR, SMP_STR, needs, fetch_hdr_names, "names of all headers",              \
            .private = private_, .usage = "[<delim>]"                                              \
    }

#define REQ_NEEDS NEEDS_REQ_HTTP
#define RES_NEEDS NEEDS_RES_HTTP

static const struct fetch hdr_fetches[] = {
    ONE("hdr", SMP_STR, REQ_NEEDS | RES_NEEDS, fetch_hdr,
        "value of a header of the message at hand", SIDE(BOTH, 0)),
    ONE("req.hdr", SMP_STR, REQ_NEEDS, fetch_hdr, "value of a request header", SIDE(REQ, 0)),
    ONE("req.fhdr", SMP_STR, REQ_NEEDS, fetch_hdr, "whole line of a request header", SIDE(REQ, 1)),
    ONE("req.hdr_val", SMP_SINT, REQ_NEEDS, fetch_hdr_val, "number in a request header",
        SIDE(REQ, 0)),
    ONE("hdr_val", SMP_SINT, REQ_NEEDS, fetch_hdr_val, "number in a request header", SIDE(REQ, 0)),
    ONE("req.hdr_ip", SMP_ADDR, REQ_NEEDS, fetch_hdr_ip, "address in a request header",
        SIDE(REQ, 0)),
    ONE("hdr_ip", SMP_ADDR, REQ_NEEDS, fetch_hdr_ip, "address in a request header", SIDE(REQ, 0)),
    CNT("req.hdr_cnt", REQ_NEEDS, "how many values a request header has", SIDE(REQ, 0)),
    CNT("hdr_cnt", REQ_NEEDS, "how many values a request header has", SIDE(REQ, 0)),
    CNT("req.fhdr_cnt", REQ_NEEDS, "how many lines a request header has", SIDE(REQ, 1)),
    NAMES("req.hdr_names", REQ_NEEDS, SIDE(REQ, 0)),
    ALL("req.hdrs", SMP_BIN, REQ_NEEDS, fetch_hdrs, "all request headers as lines", SIDE(REQ, 0)),
    ALL("req.hdrs_bin", SMP_BIN, REQ_NEEDS, fetch_hdrs_bin, "all request headers with lengths",
        SIDE(REQ, 0)),

    ONE("res.hdr", SMP_STR, RES_NEEDS, fetch_hdr, "value of a response header", SIDE(RES, 0)),
    ONE("shdr", SMP_STR, RES_NEEDS, fetch_hdr, "value of a response header", SIDE(RES, 0)),
    ONE("res.fhdr", SMP_STR, RES_NEEDS, fetch_hdr, "whole line of a response header", SIDE(RES, 1)),
    ONE("res.hdr_val", SMP_SINT, RES_NEEDS, fetch_hdr_val, "number in a response header",
        SIDE(RES, 0)),
    ONE("shdr_val", SMP_SINT, RES_NEEDS, fetch_hdr_val, "number in a response header",
        SIDE(RES, 0)),
    ONE("res.hdr_ip", SMP_ADDR, RES_NEEDS, fetch_hdr_ip, "address in a response header",
        SIDE(RES, 0)),
    ONE("shdr_ip", SMP_ADDR, RES_NEEDS, fetch_hdr_ip, "address in a response header", SIDE(RES, 0)),
    CNT("res.hdr_cnt", RES_NEEDS, "how many values a response header has", SIDE(RES, 0)),
    CNT("shdr_cnt", RES_NEEDS, "how many values a response header has", SIDE(RES, 0)),
    CNT("res.fhdr_cnt", RES_NEEDS, "how many lines a response header has", SIDE(RES, 1)),
    NAMES("res.hdr_names", RES_NEEDS, SIDE(RES, 0)),
    ALL("res.hdrs", SMP_BIN, RES_NEEDS, fetch_hdrs, "all response headers as lines", SIDE(RES, 0)),
    ALL("res.hdrs_bin", SMP_BIN, RES_NEEDS, fetch_hdrs_bin, "all response headers with lengths",
        SIDE(RES, 0)),
    { 0 },
};

const struct module fetch_hdr_module = { .name = "header fetches", .fetches = hdr_fetches };
