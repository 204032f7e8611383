/* fetch.h - what the families of sample fetches share: the objects behind an evaluation, and
 * arguments of rows. */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "config/module.h"
#include "proxy/stream.h"

/** The private argument of a row that is a number. */
#define FETCH_P(v) ((void *)(uintptr_t)(v))
#define FETCH_NO_ARGS                                                                              \
    {                                                                                              \
        0                                                                                          \
    }
/** One optional string. */
#define FETCH_OPT_STR                                                                              \
    {                                                                                              \
        ARG_STR | ARG_OPT                                                                          \
    }

/** The session of an evaluation; NULL outside of traffic. */
static inline struct session *
fetch_session(const struct sample_ctx *x)
{
    return x->sess ? x->sess : x->strm ? x->strm->sess : NULL;
}

/** Connection to the client; NULL outside of traffic. */
static inline struct conn *
fetch_front(const struct sample_ctx *x)
{
    struct session *sess = fetch_session(x);

    return sess ? sess->conn : NULL;
}

/** Connection to the server, of a stream or of a health check; NULL when there is none. */
static inline struct conn *
fetch_back(const struct sample_ctx *x)
{
    return x->strm ? x->strm->back : x->conn;
}

/** The server of a stream or of a health check; NULL when none was chosen. */
struct server *fetch_server(const struct sample_ctx *x);
/** The backend of a stream, or the one whose server is checked; NULL: none. A frontend before a
 * backend was chosen. */
struct proxy *fetch_backend(const struct sample_ctx *x);

static inline bool
fetch_is_response(const struct sample_ctx *x)
{
    return x->opt & SMPO_RES;
}

/** The request's head. In TCP mode what was received is parsed for the evaluation: SMPF_MAY_CHANGE
 * is set in *out when more bytes may complete it. NULL: no value. */
struct http_head *fetch_request(struct sample_ctx *x, struct sample *out);
/** The same for the response. */
struct http_head *fetch_response(struct sample_ctx *x, struct sample *out);

/** Unread raw bytes of one side for layer 6; false in HTTP mode, where there are none. */
bool fetch_payload(const struct sample_ctx *x, bool response, struct slice *out);
/** Body bytes received so far. *complete: no more follow. False outside of HTTP. */
bool fetch_body(const struct sample_ctx *x, bool response, struct slice *out, bool *complete);

/** Bytes that a message takes in the reference's representation of HTTP: what req.len says in HTTP
 * mode. False: no message. */
bool fetch_htx_data(const struct sample_ctx *x, bool response, size_t *bytes);

/** The number of a header, a cookie or a parameter as fetches named *_val read it: 32 bits that
 * wrap, one '-' in front, up to the first character above '9', those below '0' taken for digits.
 * Configurations compare with what text that is no number gives. */
int64_t fetch_number(struct slice v);
/** An address as IPv4 or IPv6; false for others. */
bool fetch_give_addr(struct sample *out, const struct addr *a);
/** A copy in the memory of the evaluation; false when that is exhausted. */
bool fetch_give_copy(struct sample_ctx *x, struct sample *out, enum sample_type type,
                     struct slice v);
/** The client's address as rules see it: set-src counts. */
bool fetch_src(const struct sample_ctx *x, struct addr *a);
/** host header and path (`query`: and query) of a request, as `base`; p NULL when memory is out. */
struct slice fetch_base(struct sample_ctx *x, const struct http_head *h, bool query);

static inline bool
fetch_give_int(struct sample *out, int64_t v)
{
    sample_set_int(out, v);
    return true;
}

static inline bool
fetch_give_bool(struct sample *out, bool v)
{
    sample_set_bool(out, v);
    return true;
}

/** False when v.p is NULL. */
static inline bool
fetch_give_str(struct sample *out, struct slice v)
{
    if (!v.p)
        return false;
    sample_set_str(out, v);
    return true;
}

/** No value yet (when more can come), or none at all. */
static inline bool
fetch_later(const struct sample_ctx *x, struct sample *out)
{
    if (!(x->opt & SMPO_FINAL))
        out->flags |= SMPF_MAY_CHANGE;
    return false;
}

/** The families, one module each: for process/modules.c. */
#define FETCH_FAMILIES(X)                                                                          \
    X(process)                                                                                     \
    X(internal)                                                                                    \
    X(proxy)                                                                                       \
    X(l4)                                                                                          \
    X(conn)                                                                                        \
    X(tcpinfo)                                                                                     \
    X(stream)                                                                                      \
    X(payload)                                                                                     \
    X(rdp)                                                                                         \
    X(distcc)                                                                                      \
    X(hello)                                                                                       \
    X(http)                                                                                        \
    X(hdr)                                                                                         \
    X(auth)                                                                                        \
    X(cookie)                                                                                      \
    X(body)                                                                                        \
    X(http_res)                                                                                    \
    X(capture)                                                                                     \
    X(dev)                                                                                         \
    X(ssl_base)                                                                                    \
    X(ssl)                                                                                         \
    X(ssl_cert)                                                                                    \
    X(ssl_print)                                                                                   \
    X(later)

#define X(family) extern const struct module fetch_##family##_module;
FETCH_FAMILIES(X)
#undef X

#endif
