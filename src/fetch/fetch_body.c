/* fetch_body.c - sample fetches about message bodies, as far as they were received. Manual 7.3.6.
 */
#include "fetch/fetch.h"

#include "http/uri.h"

#define REQ NULL
#define RES FETCH_P(1)

static bool
fetch_body_bin(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice body;
    bool complete;

    if (!fetch_body(x, private != NULL, &body, &complete))
        return false;
    out->type = SMP_BIN;
    out->flags |= SMPF_CONST;
    out->u.s = body.p ? body : SL("");
    return true;
}

static bool
fetch_body_len(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice body;
    bool complete;

    return fetch_body(x, private != NULL, &body, &complete) &&
           fetch_give_int(out, (int64_t)body.len);
}

/** As announced; of a chunked body what is there. */
static bool
fetch_body_size(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_head *h = private ? x->res : x->req;
    struct slice body;
    bool complete;

    if (!fetch_body(x, private != NULL, &body, &complete))
        return false;
    if (h->flags & HTTP_HF_CLEN && !(h->flags & HTTP_HF_CHUNKED))
        return fetch_give_int(out, (int64_t)MIN(h->clen, (uint64_t)INT64_MAX));
    return fetch_give_int(out, (int64_t)body.len);
}

/** arg[1].i: the name's case does not matter. */
static bool
check_param(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type == ARG_END || arg[1].type == ARG_END || !arg[1].s.len)
        return true;
    arg[1].i = slice_eq(arg[1].s, SL("i"));
    if (arg[1].i)
        return true;
    *err = xstrdup("unsupported second argument: only 'i' is supported");
    return false;
}

/** The first parameter of the name in a form, or each in turn: iter[0] is where the next one
 * begins. */
static bool
fetch_body_param(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    bool given = arg[0].type != ARG_END;
    struct http_param it = { .delim = '&' };
    struct slice body;
    bool complete;

    if (!fetch_body(x, false, &body, &complete) || out->iter[0] > body.len || !body.p)
        return false;
    it.rest = slice_sub(body, out->iter[0], SIZE_MAX);
    if (!http_param_find(&it, given ? arg[0].s : SL(""),
                         given && arg[1].type != ARG_END && arg[1].i))
        return false;
    if (x->opt & SMPO_ITERATE && it.rest.p) {
        out->iter[0] = (size_t)(it.rest.p - body.p);
        out->flags |= SMPF_NOT_LAST;
    }
    return fetch_give_str(out, it.value);
}

#define ROW(name, type, needs, fn, help, side)                                                     \
    {                                                                                              \
        name, FETCH_NO_ARGS, type, needs, fn, help, .private = side                                \
    }

static const struct fetch body_fetches[] = {
    ROW("req.body", SMP_BIN, NEEDS_REQ_BODY, fetch_body_bin,
        "what was received of the request's body", REQ),
    ROW("req.body_len", SMP_SINT, NEEDS_REQ_BODY, fetch_body_len,
        "bytes received of the request's body", REQ),
    ROW("req.body_size", SMP_SINT, NEEDS_REQ_BODY, fetch_body_size,
        "announced size of the request's body", REQ),
    { "req.body_param",
      { ARG_STR | ARG_OPT, ARG_STR | ARG_OPT },
      SMP_BIN,
      NEEDS_REQ_BODY,
      fetch_body_param,
      "value of a parameter in the request's form",
      check_param,
      .usage = "[<name>[,i]]" },
    ROW("res.body", SMP_BIN, NEEDS_RES_BODY, fetch_body_bin,
        "what was received of the response's body", RES),
    ROW("res.body_len", SMP_SINT, NEEDS_RES_BODY, fetch_body_len,
        "bytes received of the response's body", RES),
    ROW("res.body_size", SMP_SINT, NEEDS_RES_BODY, fetch_body_size,
        "announced size of the response's body", RES),
    { 0 },
};

const struct module fetch_body_module = { .name = "body fetches", .fetches = body_fetches };
