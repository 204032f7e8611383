/* fetch_hello.c - sample fetches about TLS hellos that pass through undeciphered. Manual 7.3.5. */
#include "fetch/fetch.h"

#include "tls/hello.h"

/** Reads the client's hello; false without a value, or without one yet. */
static bool
client_hello(struct sample_ctx *x, struct sample *out, struct tls_hello *h)
{
    enum tls_hello_rc rc;
    struct slice raw;
    char *scratch;

    if (!fetch_payload(x, false, &raw))
        return false;
    rc = tls_hello_parse(raw, NULL, h);
    /* A message in several records is rare; only then memory is needed to put it together. */
    if (rc == TLS_HELLO_BAD && raw.len && (scratch = arena_alloc(x->tmp, raw.len)))
        rc = tls_hello_parse(raw, scratch, h);
    if (rc == TLS_HELLO_MORE)
        return fetch_later(x, out);
    return rc == TLS_HELLO_OK;
}

static bool
give_bin(struct sample *out, struct slice v)
{
    if (!v.p)
        return false;
    out->type = SMP_BIN;
    out->flags |= SMPF_CONST;
    out->u.s = v;
    return true;
}

static bool
fetch_hello_type(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    struct slice raw;
    uint8_t type;

    if (!fetch_payload(x, private != NULL, &raw))
        return false;
    switch (tls_hello_type(raw, true, &type)) {
    case TLS_HELLO_OK:
        return fetch_give_int(out, type);
    case TLS_HELLO_MORE:
        return fetch_later(x, out);
    default:
        return false;
    }
}

/** Major and minor number with 16 bits each. */
static bool
fetch_ver(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct tls_hello h;

    return client_hello(x, out, &h) &&
           fetch_give_int(out, (int64_t)(h.version >> 8) << 16 | (h.version & 0xff));
}

static bool
fetch_sni(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct tls_hello h;

    return client_hello(x, out, &h) && h.sni.len && fetch_give_str(out, h.sni);
}

/** What the client prefers. */
static bool
fetch_alpn(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct tls_hello h;
    struct slice protocol;

    return client_hello(x, out, &h) && tls_hello_alpn_next(&h.alpn, &protocol) &&
           fetch_give_str(out, protocol);
}

/** True, or no value. */
static bool
fetch_ec_ext(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct tls_hello h;

    return client_hello(x, out, &h) && h.has_groups && fetch_give_bool(out, true);
}

/** 0: no tickets, 1: asks for one, 2: presents one. */
static bool
fetch_st_ext(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct tls_hello h;

    return client_hello(x, out, &h) && !h.v2 &&
           fetch_give_int(out, !h.ticket.p    ? 0
                               : h.ticket.len ? 2
                                              : 1);
}

/** A list of two-byte values, as sent. */
static bool
fetch_list(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct tls_hello h;

    return client_hello(x, out, &h) &&
           give_bin(out,
                    *(const struct slice *)(const void *)((const char *)&h + (uintptr_t) private));
}

static bool
fetch_share_groups(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                   void *private)
{
    struct tls_hello h;
    struct out o;
    uint16_t group;

    if (!client_hello(x, out, &h) || !h.key_shares.p)
        return false;
    o = (struct out){ arena_alloc(x->tmp, h.key_shares.len + 1), 0, h.key_shares.len, false };
    if (!o.p)
        return false;
    while (tls_hello_share_next(&h.key_shares, &group)) {
        out_char(&o, (char)(group >> 8));
        out_char(&o, (char)(group & 0xff));
    }
    out->type = SMP_BIN;
    out->u.s = out_slice(&o);
    return true;
}

#define ROW(name, type, needs, fn, help, private_)                                                 \
    {                                                                                              \
        name, FETCH_NO_ARGS, type, needs, fn, help, .private = private_                            \
    }
#define REQ(name, type, fn, help) ROW(name, type, NEEDS_REQ_DATA, fn, help, NULL)
/* The reference has these valid everywhere on client connections. */
#define LIST(name, member, help)                                                                   \
    ROW(name, SMP_BIN, NEEDS_CLIENT, fetch_list, help, FETCH_P(offsetof(struct tls_hello, member)))

static const struct fetch hello_fetches[] = {
    REQ("req.ssl_hello_type", SMP_SINT, fetch_hello_type, "type of the client's TLS hello: 1"),
    REQ("req_ssl_hello_type", SMP_SINT, fetch_hello_type, "type of the client's TLS hello: 1"),
    ROW("res.ssl_hello_type", SMP_SINT, NEEDS_RES_DATA, fetch_hello_type,
        "type of the server's TLS hello: 2", FETCH_P(1)),
    ROW("rep_ssl_hello_type", SMP_SINT, NEEDS_RES_DATA, fetch_hello_type,
        "type of the server's TLS hello: 2", FETCH_P(1)),
    REQ("req.ssl_ver", SMP_SINT, fetch_ver, "version in the client's TLS hello"),
    REQ("req_ssl_ver", SMP_SINT, fetch_ver, "version in the client's TLS hello"),
    REQ("req.ssl_sni", SMP_STR, fetch_sni, "server name in the client's TLS hello"),
    REQ("req_ssl_sni", SMP_STR, fetch_sni, "server name in the client's TLS hello"),
    REQ("req.ssl_alpn", SMP_STR, fetch_alpn, "first protocol in the client's TLS hello"),
    REQ("req.ssl_ec_ext", SMP_BOOL, fetch_ec_ext, "whether the client's TLS hello names curves"),
    REQ("req.ssl_st_ext", SMP_SINT, fetch_st_ext,
        "0, 1 or 2: session ticket in the client's TLS hello"),
    LIST("req.ssl_cipherlist", ciphers, "cipher suites in the client's TLS hello"),
    LIST("req.ssl_sigalgs", sigalgs, "signature algorithms in the client's TLS hello"),
    LIST("req.ssl_supported_groups", groups, "groups in the client's TLS hello"),
    ROW("req.ssl_keyshare_groups", SMP_BIN, NEEDS_CLIENT, fetch_share_groups,
        "groups of the client's key shares", NULL),
    { 0 },
};

const struct module fetch_hello_module = { .name = "TLS hello fetches", .fetches = hello_fetches };
