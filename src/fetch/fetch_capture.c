/* fetch_capture.c - sample fetches about what was kept of a request or response for logs.
 * Manual 7.3.6. */
#include "fetch/fetch.h"

#include "http/uri.h"
#include "proxy/capture.h"

#define REQ NULL
#define RES FETCH_P(1)

static bool
fetch_capture_hdr(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                  void *private)
{
    const struct stream *s = x->strm;
    const struct captures *c = s ? s->fe->captures : NULL;
    const struct slice *slot;

    if (!c || arg[0].i < 0 || (uint64_t)arg[0].i >= (private ? c->nres : c->nreq))
        return false;
    slot = private ? s->res_cap : s->req_cap;
    return slot && fetch_give_str(out, slot[arg[0].i]);
}

/** The words of the request line as it came. */
static bool
request_line(const struct sample_ctx *x, struct slice *method, struct slice *target)
{
    if (!x->strm || !x->strm->uri.p)
        return false;
    *method = slice_cut(x->strm->uri, ' ', target);
    *target = target->p ? slice_cut(*target, ' ', &(struct slice){ 0 }) : SL("");
    return true;
}

static bool
fetch_capture_method(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                     void *private)
{
    struct slice method, target;

    return request_line(x, &method, &target) && fetch_give_str(out, method);
}

/** From the path on. */
static bool
fetch_capture_uri(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                  void *private)
{
    struct slice method, target, path;

    if (!request_line(x, &method, &target))
        return false;
    path = http_uri_pathq(target);
    return path.len && fetch_give_str(out, path);
}

/** "HTTP/1.1". Versions that only relaxed parsing accepts are none. */
static bool
fetch_capture_ver(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                  void *private)
{
    const struct stream *s = x->strm;
    const struct http_head *h = !s        ? NULL
                                : private ? (s->rs_ready ? &s->rs : NULL)
                                          : (s->rq_ready ? &s->rq : NULL);
    char text[8] = "HTTP/";

    if (!h || h->flags & HTTP_HF_VERSION_BAD || h->version > 99)
        return false;
    text[5] = (char)('0' + h->version / 10);
    text[6] = '.';
    text[7] = (char)('0' + h->version % 10);
    return fetch_give_copy(x, out, SMP_STR, slice(text, sizeof(text)));
}

#define IDX                                                                                        \
    {                                                                                              \
        ARG_SINT                                                                                   \
    }

static const struct fetch capture_fetches[] = {
    { "capture.req.hdr", IDX, SMP_STR, NEEDS_REQ_HTTP_ANY, fetch_capture_hdr,
      "a captured request header", .private = REQ, .usage = "<idx>" },
    { "capture.res.hdr", IDX, SMP_STR, NEEDS_RES_HTTP_ANY, fetch_capture_hdr,
      "a captured response header", .private = RES, .usage = "<idx>" },
    { "capture.req.method", FETCH_NO_ARGS, SMP_STR, NEEDS_REQ_HTTP_ANY, fetch_capture_method,
      "method of the request, also later" },
    { "capture.req.uri", FETCH_NO_ARGS, SMP_STR, NEEDS_REQ_HTTP_ANY, fetch_capture_uri,
      "path and query of the request, also later" },
    { "capture.req.ver", FETCH_NO_ARGS, SMP_STR, NEEDS_REQ_HTTP_ANY, fetch_capture_ver,
      "HTTP version of the request, also later", .private = REQ },
    /* The reference has it valid where the request's is. */
    { "capture.res.ver", FETCH_NO_ARGS, SMP_STR, NEEDS_REQ_HTTP_ANY, fetch_capture_ver,
      "HTTP version of the response, also later", .private = RES },
    { 0 },
};

const struct module fetch_capture_module = { .name = "capture fetches",
                                             .fetches = capture_fetches };
