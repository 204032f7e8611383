/* fetch_conn.c - sample fetches about the connections themselves: errors, PROXY header, protocol,
 * glitches. Manual 7.3.3. */
#include "fetch/fetch.h"

#include "net/conn_code.h"
#include "net/pp.h"

#include <netinet/tcp.h>

#define FRONT NULL
#define BACK  FETCH_P(1)

static struct conn *
conn_of(const struct sample_ctx *x, const void *private)
{
    return private ? fetch_back(x) : fetch_front(x);
}

/* ---- errors ---- */

static bool
fetch_err(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = conn_of(x, private);

    return c && fetch_give_int(out, conn_code(c));
}

static bool
fetch_err_name(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = conn_of(x, private);

    return c && fetch_give_str(out, conn_code_name(conn_code(c)));
}

static bool
fetch_err_str(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = conn_of(x, private);

    return c && fetch_give_str(out, conn_code_text(conn_code(c)));
}

/* ---- protocol ---- */

/** HTTP/2 and above as spoken on the wire, 1 for everything else. */
static unsigned
major_of(const struct http_head *h, bool ready)
{
    return ready && h->version >= 20 ? h->version / 10 : 1;
}

static bool
fetch_fc_http_major(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                    void *private)
{
    const struct stream *s = x->strm;

    return fetch_front(x) && fetch_give_int(out, s ? major_of(&s->rq, s->rq_ready) : 1);
}

static bool
fetch_bc_http_major(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                    void *private)
{
    const struct stream *s = x->strm;

    if (!fetch_back(x))
        return false;
    if (!s)
        return fetch_give_int(out, x->res ? major_of(x->res, true) : 1);
    return fetch_give_int(out, major_of(&s->rs, s->rs_ready));
}

static bool
fetch_glitches(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = conn_of(x, private);

    return c && fetch_give_int(out, c->glitches);
}

/** TCP and HTTP/1 connections carry one stream at a time. */
static bool
fetch_nb_streams(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    const struct session *sess = fetch_session(x);

    if (!conn_of(x, private))
        return false;
    return fetch_give_int(out, private ? 1 : sess->strm != NULL);
}

static bool
fetch_streams_limit(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                    void *private)
{
    return conn_of(x, private) && fetch_give_int(out, 1);
}

static bool
fetch_reused(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = fetch_back(x);

    return c && fetch_give_bool(out, c->flags & CONN_REUSED);
}

/* ---- PROXY header ---- */

static bool
fetch_rcvd_proxy(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    const struct session *sess = fetch_session(x);

    return sess && fetch_give_bool(out, sess->flags & SESSF_RCVD_PROXY);
}

/** Longest value that is given. */
#define TLV_MAX 1024

/** The occurrence `iter` of a type, also of those inside the SSL TLV. *more: there is another one.
 */
static bool
tlv_at(const struct sample_ctx *x, unsigned type, size_t iter, struct slice *value, bool *more)
{
    const struct conn *c = fetch_front(x);
    struct pp_walk w = { 0 };
    struct pp_tlv t;
    bool found = false;

    *more = false;
    if (!c || !c->pp)
        return false;
    w.rest = *(const struct slice *)c->pp;
    while (pp_tlv_walk(&w, &t)) {
        if (t.type != type || t.value.len > TLV_MAX || iter-- > 0)
            continue;
        if (found) {
            *more = true;
            break;
        }
        found = true;
        iter = 0;
        *value = t.value;
    }
    return found;
}

static bool
give_tlv(const struct sample_ctx *x, unsigned type, struct sample *out, bool first_only)
{
    struct slice v;
    bool more;

    if (!tlv_at(x, type, out->iter[0], &v, &more))
        return false;
    if (more && !first_only) {
        out->flags |= SMPF_NOT_LAST;
        out->iter[0]++;
    }
    return fetch_give_str(out, v.p ? v : SL(""));
}

static bool
fetch_pp_one(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return give_tlv(x, (unsigned)(uintptr_t) private, out, true);
}

static bool
fetch_pp_tlv(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return give_tlv(x, (unsigned)arg[0].i, out, false);
}

static const struct {
    const char *name;
    unsigned type;
} tlv_names[] = {
    { "ALPN", PP_TLV_ALPN },
    { "AUTHORITY", PP_TLV_AUTHORITY },
    { "CRC32", PP_TLV_CRC32C },
    { "CRC32C", PP_TLV_CRC32C },
    { "NETNS", PP_TLV_NETNS },
    { "NOOP", PP_TLV_NOOP },
    { "SSL", PP_TLV_SSL },
    { "SSL_CIPHER", PP_TLV_SSL_CIPHER },
    { "SSL_CN", PP_TLV_SSL_CN },
    { "SSL_KEY_ALG", PP_TLV_SSL_KEY_ALG },
    { "SSL_SIG_ALG", PP_TLV_SSL_SIG_ALG },
    { "SSL_VERSION", PP_TLV_SSL_VERSION },
    { "UNIQUE_ID", PP_TLV_UNIQUE_ID },
};

/** A number up to 255, decimal or with 0x. False when it is no number. */
static bool
tlv_number(struct slice s, uint64_t *n)
{
    if (s.len < 3 || s.p[0] != '0' || ascii_lower((unsigned char)s.p[1]) != 'x')
        return slice_to_uint(s, n);
    *n = 0;
    for (size_t i = 2; i < s.len; i++) {
        unsigned char c = ascii_lower((unsigned char)s.p[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) || *n > UINT32_MAX)
            return false;
        *n = *n * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

static bool
check_tlv(struct expr_arg *arg, struct cfg *c, char **err)
{
    uint64_t n;

    for (unsigned i = 0; i < COUNT_OF(tlv_names); i++) {
        if (slice_eq_nocase(arg[0].s, slice_str(tlv_names[i].name))) {
            arg[0].i = tlv_names[i].type;
            return true;
        }
    }
    if (!tlv_number(arg[0].s, &n)) {
        *err = xasprintf("Could not convert type '%s'", arg[0].s.p);
        return false;
    }
    if (n > 255) {
        *err = xasprintf("Invalid TLV Type '%s'", arg[0].s.p);
        return false;
    }
    arg[0].i = (int64_t)n;
    return true;
}

/* ---- the first packet ---- */

/** The SYN that `tcp-ss` made the kernel keep; it gives it away once. */
static bool
fetch_saved_syn(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
#ifdef TCP_SAVED_SYN
    const struct conn *c = fetch_front(x);
    char syn[512];
    socklen_t len = sizeof(syn);

    if (!c || c->flags & CONN_UNIX ||
        getsockopt(c->io.fd, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len) != 0 || len == 0)
        return false;
    return fetch_give_copy(x, out, SMP_BIN, slice(syn, len));
#else
    return false;
#endif
}

/* ---- rows ---- */

#define ROW(name, type, needs, fn, help, private_)                                                 \
    {                                                                                              \
        name, FETCH_NO_ARGS, type, needs, fn, help, .private = private_                            \
    }

static const struct fetch conn_fetches[] = {
    ROW("fc_err", SMP_SINT, NEEDS_CLIENT, fetch_err, "number of the client connection's error",
        FRONT),
    ROW("fc_err_name", SMP_STR, NEEDS_CLIENT, fetch_err_name,
        "name of the client connection's error", FRONT),
    ROW("fc_err_str", SMP_STR, NEEDS_CLIENT, fetch_err_str, "text of the client connection's error",
        FRONT),
    ROW("bc_err", SMP_SINT, NEEDS_SERVER, fetch_err, "number of the server connection's error",
        BACK),
    ROW("bc_err_name", SMP_STR, NEEDS_SERVER, fetch_err_name,
        "name of the server connection's error", BACK),
    ROW("bc_err_str", SMP_STR, NEEDS_SERVER, fetch_err_str, "text of the server connection's error",
        BACK),
    ROW("fc_http_major", SMP_SINT, NEEDS_CLIENT, fetch_fc_http_major,
        "HTTP version spoken with the client", NULL),
    ROW("bc_http_major", SMP_SINT, NEEDS_SERVER, fetch_bc_http_major,
        "HTTP version spoken with the server", NULL),
    ROW("fc_glitches", SMP_SINT, NEEDS_CLIENT, fetch_glitches,
        "protocol anomalies of the client connection", FRONT),
    ROW("bc_glitches", SMP_SINT, NEEDS_SERVER, fetch_glitches,
        "protocol anomalies of the server connection", BACK),
    ROW("fc_nb_streams", SMP_SINT, NEEDS_CLIENT, fetch_nb_streams,
        "open streams of the client connection", FRONT),
    ROW("bc_nb_streams", SMP_SINT, NEEDS_SERVER, fetch_nb_streams,
        "open streams of the server connection", BACK),
    ROW("fc_settings_streams_limit", SMP_SINT, NEEDS_CLIENT5, fetch_streams_limit,
        "streams that the client connection may carry at a time", FRONT),
    ROW("bc_settings_streams_limit", SMP_SINT, NEEDS_SERVER, fetch_streams_limit,
        "streams that the server connection may carry at a time", BACK),
    ROW("bc_reused", SMP_BOOL, NEEDS_SERVER, fetch_reused,
        "whether the server connection served a request before", NULL),
    ROW("fc_rcvd_proxy", SMP_BOOL, NEEDS_CLIENT, fetch_rcvd_proxy,
        "whether the client sent a PROXY header", NULL),
    ROW("fc_pp_authority", SMP_STR, NEEDS_CLIENT, fetch_pp_one, "authority in the PROXY header",
        FETCH_P(PP_TLV_AUTHORITY)),
    ROW("fc_pp_unique_id", SMP_STR, NEEDS_CLIENT, fetch_pp_one, "unique ID in the PROXY header",
        FETCH_P(PP_TLV_UNIQUE_ID)),
    { "fc_pp_tlv",
      { ARG_STR },
      SMP_STR,
      NEEDS_CLIENT5,
      fetch_pp_tlv,
      "value of a type in the PROXY header",
      check_tlv,
      .usage = "<id>" },
    ROW("fc_saved_syn", SMP_BIN, NEEDS_CLIENT, fetch_saved_syn, "the client's SYN packet", NULL),
    { 0 },
};

const struct module fetch_conn_module = { .name = "connection fetches", .fetches = conn_fetches };
