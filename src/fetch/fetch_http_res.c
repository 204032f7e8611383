/* fetch_http_res.c - sample fetches about a response's status. Manual 7.3.6. */
#include "fetch/fetch.h"

/** What the client will get: the response as rules left it so far, or the reply made here. */
static bool
fetch_status(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct http_head *h = fetch_response(x, out);

    if (x->strm && x->strm->reply.set && x->strm->reply.status)
        return fetch_give_int(out, x->strm->reply.status);
    if (h)
        return fetch_give_int(out, h->status);
    return x->strm && x->strm->status && fetch_give_int(out, x->strm->status);
}

/** As the server sent it, whatever rules made of it. */
static bool
fetch_server_status(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                    void *private)
{
    if (!x->strm)
        return x->res && fetch_give_int(out, x->res->status);
    return x->strm->server_status && fetch_give_int(out, x->strm->server_status);
}

static const struct fetch http_res_fetches[] = {
    { "status", FETCH_NO_ARGS, SMP_SINT, NEEDS_RES_HTTP_ANY, fetch_status,
      "status of the response" },
    { "server_status", FETCH_NO_ARGS, SMP_SINT, NEEDS_RES_HTTP_ANY, fetch_server_status,
      "status that the server sent" },
    { 0 },
};

const struct module fetch_http_res_module = { .name = "HTTP response fetches",
                                              .fetches = http_res_fetches };
