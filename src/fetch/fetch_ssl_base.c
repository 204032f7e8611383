/* fetch_ssl_base.c - whether a connection is deciphered here: true or false also without TLS.
 * Manual 7.3.4. */
#include "fetch/fetch.h"

static bool
fetch_ssl(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = private ? fetch_back(x) : fetch_front(x);

    if (!c && !private)
        return false;
    return fetch_give_bool(out, c && c->flags & CONN_TLS);
}

static const struct fetch ssl_base_fetches[] = {
    { "ssl_fc", FETCH_NO_ARGS, SMP_BOOL, NEEDS_CLIENT5, fetch_ssl,
      "whether the client connection is deciphered here" },
    { "ssl_bc", FETCH_NO_ARGS, SMP_BOOL, NEEDS_SERVER5, fetch_ssl,
      "whether the server connection is enciphered here", .private = FETCH_P(1) },
    { 0 },
};

const struct module fetch_ssl_base_module = { .name = "TLS presence fetches",
                                              .fetches = ssl_base_fetches };
