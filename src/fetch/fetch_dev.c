/* fetch_dev.c - the developers' sample fetches internal.*. Manual 7.3.7. They describe HTTP
 * messages as blocks: start line, header fields, end of the headers, data. Messages are not stored
 * so here; the blocks are those that the reference would have, with its sizes. */
#include "fetch/fetch.h"

#include "config/tune.h"

/* What the reference adds to the bytes of a message. */
#define HTX_SIZE_LOST  48 /* of a buffer, for the description of the message */
#define HTX_BLK_SIZE   8  /* per block, for its description */
#define HTX_LINE_EXTRA 20 /* of a start line, for its numbers */

enum blk { BLK_REQ_SL, BLK_RES_SL, BLK_HDR, BLK_EOH, BLK_DATA, BLK_EOT, BLK_UNUSED };

static const char *const blk_names[] = {
    [BLK_REQ_SL] = "HTX_BLK_REQ_SL", [BLK_RES_SL] = "HTX_BLK_RES_SL", [BLK_HDR] = "HTX_BLK_HDR",
    [BLK_EOH] = "HTX_BLK_EOH",       [BLK_DATA] = "HTX_BLK_DATA",     [BLK_EOT] = "HTX_BLK_EOT",
    [BLK_UNUSED] = "HTX_BLK_UNUSED",
};

struct msg {
    const struct http_head *h;
    struct slice body;
    bool complete, eot; /* the end of a chunked body is a block of its own */
    unsigned nhdr, nblks;
};

static bool
msg_of(const struct sample_ctx *x, bool response, struct msg *m)
{
    m->h = response ? x->res : x->req;
    if (!m->h || (x->strm && !(x->strm->flags & SF_HTTP)) ||
        !fetch_body(x, response, &m->body, &m->complete))
        return false;
    m->nhdr = http_hdr_count(m->h);
    m->eot = m->complete && m->h->flags & HTTP_HF_CHUNKED;
    m->nblks = 1 + m->nhdr + 1 + (m->body.len != 0) + m->eot;
    return true;
}

static size_t
line_len(const struct http_head *h)
{
    if (h->is_response)
        return h->version_str.len + 3 + h->reason.len;
    return h->method.len + h->target.len + h->version_str.len;
}

static size_t
data_bytes(const struct msg *m)
{
    size_t n = HTX_LINE_EXTRA + line_len(m->h) + 1 + m->body.len + m->eot;

    for (unsigned i = 0; i < m->h->nhdr; i++)
        if (m->h->hdr[i].name.p)
            n += m->h->hdr[i].name.len + m->h->hdr[i].value.len;
    return n;
}

bool
fetch_htx_data(const struct sample_ctx *x, bool response, size_t *bytes)
{
    struct msg m;

    if (!msg_of(x, response, &m))
        return false;
    *bytes = data_bytes(&m);
    return true;
}

/* ---- the message ---- */

enum what { DATA, FREE, FREE_DATA, NBBLKS, SIZE, USED };

static int64_t
measure(const struct msg *m, enum what what)
{
    int64_t data = (int64_t)data_bytes(m), used = data + (int64_t)m->nblks * HTX_BLK_SIZE;
    int64_t size = (int64_t)tune.bufsize - HTX_SIZE_LOST;

    switch (what) {
    case DATA:
        return data;
    case FREE:
        return MAX(size - used, 0);
    case FREE_DATA:
        return MAX(size - used - HTX_BLK_SIZE, 0);
    case NBBLKS:
        return m->nblks;
    case SIZE:
        return size;
    case USED:
        return used;
    }
    return 0;
}

static bool
fetch_htx(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct msg m;

    return msg_of(x, fetch_is_response(x), &m) &&
           fetch_give_int(out, measure(&m, (enum what)(uintptr_t) private));
}

static bool
fetch_has_eom(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct msg m;

    return msg_of(x, fetch_is_response(x), &m) && fetch_give_bool(out, m.complete);
}

static bool
fetch_is_htx(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return x->strm && fetch_give_bool(out, x->strm->flags & SF_HTTP);
}

/* ---- its blocks ---- */

#define IDX_TAIL (-1)

static bool
check_idx(struct expr_arg *arg, struct cfg *c, char **err)
{
    struct slice s = arg[0].type != ARG_END ? arg[0].s : SL("");

    if (!s.len) {
        *err = xstrdup(
            "a block position is expected (> 0) or a special block name (head, tail, first)");
        return false;
    }
    if (slice_eq(s, SL("head")) || slice_eq(s, SL("first")) || slice_eq(s, SL("tail"))) {
        arg[0].i = slice_eq(s, SL("tail")) ? IDX_TAIL : 0;
        return true;
    }
    if (slice_to_int(s, &arg[0].i) && arg[0].i >= 0)
        return true;
    *err = xstrdup("invalid block position");
    return false;
}

/** The kind of block number `i`; *f is a header's. */
static enum blk
block_at(const struct msg *m, int64_t i, const struct http_hdr **f)
{
    unsigned pos = 0;

    if (i == IDX_TAIL)
        i = m->nblks - 1;
    if (i >= m->nblks)
        return BLK_UNUSED;
    if (i == 0)
        return m->h->is_response ? BLK_RES_SL : BLK_REQ_SL;
    if (i <= m->nhdr) {
        while (i-- > 0)
            *f = http_hdr_next(m->h, SL(""), &pos);
        return BLK_HDR;
    }
    if (i == 1 + (int64_t)m->nhdr)
        return BLK_EOH;
    return m->eot && i == m->nblks - 1 ? BLK_EOT : BLK_DATA;
}

static int64_t
block_size(const struct msg *m, enum blk blk, const struct http_hdr *f)
{
    switch (blk) {
    case BLK_REQ_SL:
    case BLK_RES_SL:
        return (int64_t)(HTX_LINE_EXTRA + line_len(m->h));
    case BLK_HDR:
        return (int64_t)(f->name.len + f->value.len);
    case BLK_EOH:
    case BLK_EOT:
        return 1;
    case BLK_DATA:
        return (int64_t)m->body.len;
    default:
        return 0;
    }
}

static bool
fetch_blk_size(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_hdr *f = NULL;
    struct msg m;

    if (!msg_of(x, fetch_is_response(x), &m))
        return false;
    enum blk blk = block_at(&m, arg[0].i, &f);
    return fetch_give_int(out, block_size(&m, blk, f));
}

static bool
fetch_blk_type(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_hdr *f = NULL;
    struct msg m;

    return msg_of(x, fetch_is_response(x), &m) &&
           fetch_give_str(out, slice_str(blk_names[block_at(&m, arg[0].i, &f)]));
}

static bool
fetch_blk_data(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_hdr *f = NULL;
    struct msg m;

    if (!msg_of(x, fetch_is_response(x), &m))
        return false;
    out->type = SMP_BIN;
    out->flags |= SMPF_CONST;
    out->u.s = block_at(&m, arg[0].i, &f) == BLK_DATA ? m.body : SL("");
    return true;
}

static bool
fetch_blk_hdr(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_hdr *f = NULL;
    struct msg m;

    if (!msg_of(x, fetch_is_response(x), &m))
        return false;
    block_at(&m, arg[0].i, &f);
    return fetch_give_str(out, !f ? SL("") : private ? (f->value.p ? f->value : SL("")) : f->name);
}

static bool
fetch_blk_line(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_hdr *f = NULL;
    struct msg m;
    char *p;

    if (!msg_of(x, fetch_is_response(x), &m))
        return false;
    enum blk blk = block_at(&m, arg[0].i, &f);
    if (blk == BLK_REQ_SL)
        p = arena_printf(x->tmp, "%.*s %.*s %.*s", SLF(m.h->method), SLF(m.h->target),
                         SLF(m.h->version_str));
    else if (blk == BLK_RES_SL)
        p = arena_printf(x->tmp, "%.*s %03u %.*s", SLF(m.h->version_str), m.h->status,
                         SLF(m.h->reason));
    else
        return fetch_give_str(out, SL(""));
    return p && fetch_give_str(out, slice_str(p));
}

/* ---- rows ---- */

#define BOTH (NEEDS_REQ_HTTP | NEEDS_RES_HTTP)
#define MSG(name, what, help)                                                                      \
    {                                                                                              \
        name, FETCH_NO_ARGS, SMP_SINT, BOTH, fetch_htx, help, .private = FETCH_P(what)             \
    }
#define BLK(name, type, fn, help, private_)                                                        \
    {                                                                                              \
        name, { ARG_STR }, type, BOTH, fn, help, check_idx, private_, "<idx>"                      \
    }

static const struct fetch dev_fetches[] = {
    MSG("internal.htx.data", DATA, "bytes of the message"),
    MSG("internal.htx.free", FREE, "bytes that the message may grow by"),
    MSG("internal.htx.free_data", FREE_DATA, "bytes of data that the message may grow by"),
    MSG("internal.htx.nbblks", NBBLKS, "blocks of the message"),
    MSG("internal.htx.size", SIZE, "bytes that a message may have"),
    MSG("internal.htx.used", USED, "bytes of the message and of its description"),
    { "internal.htx.has_eom", FETCH_NO_ARGS, SMP_BOOL, BOTH, fetch_has_eom,
      "whether the message is complete" },
    BLK("internal.htx_blk.size", SMP_SINT, fetch_blk_size, "size of a block", NULL),
    BLK("internal.htx_blk.type", SMP_STR, fetch_blk_type, "kind of a block", NULL),
    BLK("internal.htx_blk.data", SMP_BIN, fetch_blk_data, "data of a block", NULL),
    BLK("internal.htx_blk.hdrname", SMP_STR, fetch_blk_hdr, "name of a header block", NULL),
    BLK("internal.htx_blk.hdrval", SMP_STR, fetch_blk_hdr, "value of a header block", FETCH_P(1)),
    BLK("internal.htx_blk.start_line", SMP_STR, fetch_blk_line, "start line block", NULL),
    { "internal.strm.is_htx", FETCH_NO_ARGS, SMP_BOOL, NEEDS_INTERNAL, fetch_is_htx,
      "whether the stream is HTTP" },
    { 0 },
};

const struct module fetch_dev_module = { .name = "developers' fetches", .fetches = dev_fetches };
