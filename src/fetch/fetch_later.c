/* fetch_later.c - sample fetches of features that are not built: known, and refused as such. A
 * module that brings one of them is listed before this one and takes precedence. */
#include "fetch/fetch.h"

static bool
refuse(struct expr_arg *arg, struct cfg *c, char **err)
{
    (void)arg;
    (void)c;
    *err = xstrdup("this sample fetch is not supported yet");
    return false;
}

static bool
fetch_nothing(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    (void)arg;
    (void)x;
    (void)s;
    (void)private;
    return false;
}

#define LATER(n, type, need, h)                                                                    \
    {                                                                                              \
        .name = (n), .out = (type), .needs = (need), .fn = fetch_nothing, .check = refuse,         \
        .help = h                                                                                  \
    }

static const struct fetch fetches[] = {
    LATER("fcgi.docroot", SMP_STR, NEEDS_REQ_DATA, "document root of the FastCGI application"),
    LATER("fcgi.index", SMP_STR, NEEDS_REQ_DATA, "index of the FastCGI application"),
    LATER("res.cache_hit", SMP_BOOL, NEEDS_SRV_CHOSEN, "the response comes from a cache"),
    LATER("res.cache_name", SMP_STR, NEEDS_SRV_CHOSEN, "the cache that the response comes from"),
    LATER("res.comp", SMP_BOOL, NEEDS_SERVER, "we compressed the response"),
    LATER("res.comp_algo", SMP_STR, NEEDS_SERVER, "how we compressed the response"),
    LATER("spoe.engine-id", SMP_STR, NEEDS_INTERNAL, "identifier of the stream processing engine"),
    { 0 },
};

const struct module fetch_later_module = { .name = "fetches that are not built",
                                           .fetches = fetches };
