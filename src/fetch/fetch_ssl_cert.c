/* fetch_ssl_cert.c - facts about certificates: ssl_c_... (the client's), ssl_f_... (ours),
 * ssl_s_... (the server's). Manual 7.3.4. */
#include "fetch/fetch.h"

#include "tls/info.h"

/** A row's private number: whose certificate and what of it. */
#define PRIVATE(whose, what) ((unsigned)(whose) << 8 | (unsigned)(what))

static enum tls_whose
whose_of(void *private)
{
    return (enum tls_whose)((uintptr_t) private >> 8);
}

static unsigned
what_of(void *private)
{
    return (unsigned)(uintptr_t) private & 255;
}

static struct conn *
conn_of(const struct sample_ctx *x, void *private)
{
    struct conn *c = whose_of(private) == TLS_OF_SERVER ? fetch_back(x) : fetch_front(x);

    return c && c->flags & CONN_TLS ? c : NULL;
}

static bool
fetch_bytes(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct conn *c = conn_of(x, private);

    if (!c || !fetch_give_str(out, tls_cert_bytes(c, whose_of(private),
                                                  (enum tls_cert_bytes)what_of(private), x->tmp)))
        return false;
    out->type = SMP_BIN;
    return true;
}

static bool
fetch_text(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct conn *c = conn_of(x, private);

    return c && fetch_give_str(out, tls_cert_text(c, whose_of(private),
                                                  (enum tls_cert_text)what_of(private), x->tmp));
}

static bool
fetch_dn(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct conn *c = conn_of(x, private);
    bool second = arg[0].type != ARG_END && arg[1].type != ARG_END;
    struct tls_dn_part part = {
        .entry = arg[0].type == ARG_END ? SLICE_NONE : arg[0].s,
        .occurrence = second ? arg[1].i : 1,
        .rfc2253 = second && arg[2].type != ARG_END && arg[2].s.len,
    };

    return c && fetch_give_str(out, tls_cert_dn(c, whose_of(private), (enum tls_dn)what_of(private),
                                                &part, x->tmp));
}

static bool
check_dn(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type == ARG_END || arg[1].type == ARG_END || arg[2].type == ARG_END || !arg[2].s.len)
        return true;
    if (slice_eq(arg[2].s, SL("rfc2253")))
        return true;
    *err =
        xstrdup("only rfc2253 or a blank value are currently supported for the format argument.");
    return false;
}

static bool
fetch_version(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct conn *c = conn_of(x, private);
    int64_t n;

    return c && tls_cert_version(c, whose_of(private), &n) && fetch_give_int(out, n);
}

static bool
fetch_policies(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct conn *c = conn_of(x, private);
    struct slice only = arg[0].type == ARG_END ? SLICE_NONE : arg[0].s;

    return c && fetch_give_str(out, tls_cert_policies(c, whose_of(private), only, x->tmp));
}

/* clang-format off */
#define ROW(n, t, need, f, whose, what, h) { n, FETCH_NO_ARGS, t, need, f, h, .private = FETCH_P(PRIVATE(whose, what)) }
#define DN(n, need, whose, what, h)                                                                \
    { n, { ARG_STR | ARG_OPT, ARG_SINT, ARG_STR }, SMP_STR, need, fetch_dn, h, check_dn,           \
      FETCH_P(PRIVATE(whose, what)), "[<entry>[,<occ>[,<format>]]]" }
#define CERT(p, need, whose, owner)                                                                \
    ROW(p "der", SMP_BIN, need, fetch_bytes, whose, TLS_C_DER, owner " certificate"),              \
    ROW(p "serial", SMP_BIN, need, fetch_bytes, whose, TLS_C_SERIAL, "serial number of " owner " certificate"), \
    ROW(p "sha1", SMP_BIN, need, fetch_bytes, whose, TLS_C_SHA1, "fingerprint of " owner " certificate"), \
    ROW(p "key_alg", SMP_STR, need, fetch_text, whose, TLS_C_KEY_ALG, "key algorithm of " owner " certificate"), \
    ROW(p "sig_alg", SMP_STR, need, fetch_text, whose, TLS_C_SIG_ALG, "signature algorithm of " owner " certificate"), \
    ROW(p "notafter", SMP_STR, need, fetch_text, whose, TLS_C_NOT_AFTER, "end of validity of " owner " certificate"), \
    ROW(p "notbefore", SMP_STR, need, fetch_text, whose, TLS_C_NOT_BEFORE, "begin of validity of " owner " certificate"), \
    ROW(p "version", SMP_SINT, need, fetch_version, whose, 0, "version of " owner " certificate"), \
    DN(p "s_dn", need, whose, TLS_DN_SUBJECT, "subject of " owner " certificate"),                 \
    DN(p "i_dn", need, whose, TLS_DN_ISSUER, "issuer of " owner " certificate")

static const struct fetch ssl_cert_fetches[] = {
    CERT("ssl_c_", NEEDS_CLIENT5, TLS_OF_CLIENT, "the client's"),
    CERT("ssl_f_", NEEDS_CLIENT5, TLS_OF_FRONT, "the frontend's"),
    CERT("ssl_s_", NEEDS_CLIENT5, TLS_OF_SERVER, "the server's"),
    ROW("ssl_c_chain_der", SMP_BIN, NEEDS_CLIENT5, fetch_bytes, TLS_OF_CLIENT, TLS_C_CHAIN_DER, "chain that the client sent"),
    ROW("ssl_s_chain_der", SMP_BIN, NEEDS_CLIENT5, fetch_bytes, TLS_OF_SERVER, TLS_C_CHAIN_DER, "chain that the server sent"),
    ROW("ssl_c_san", SMP_STR, NEEDS_CLIENT5, fetch_text, TLS_OF_CLIENT, TLS_C_SAN, "alternative names in the client's certificate"),
    DN("ssl_c_r_dn", NEEDS_CLIENT5, TLS_OF_CLIENT, TLS_DN_ROOT, "subject of the root that verified the client's certificate"),
    { "ssl_c_policies", FETCH_OPT_STR, SMP_STR, NEEDS_CLIENT5, fetch_policies, "policies in the client's certificate",
      .private = FETCH_P(PRIVATE(TLS_OF_CLIENT, 0)), .usage = "[<oid>]" },
    { 0 },
};
/* clang-format on */

const struct module fetch_ssl_cert_module = { .name = "certificate fetches",
                                              .fetches = ssl_cert_fetches };
