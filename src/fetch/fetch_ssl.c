/* fetch_ssl.c - facts about TLS connections: ssl_fc_... (client side), ssl_bc_... (server side).
 * Manual 7.3.4. */
#include "fetch/fetch.h"

#include "tls/info.h"

#define BACK 256u /* in a row's private: of the server connection */

static struct conn *
conn_of(const struct sample_ctx *x, void *private)
{
    struct conn *c = (uintptr_t) private & BACK ? fetch_back(x) : fetch_front(x);

    return c && c->flags & CONN_TLS ? c : NULL;
}

static unsigned
what_of(void *private)
{
    return (unsigned)(uintptr_t) private & (BACK - 1);
}

static bool
give_bin(struct sample *out, struct slice v)
{
    if (!v.p)
        return false;
    sample_set_str(out, v);
    out->type = SMP_BIN;
    return true;
}

/* ---- values of the connection ---- */

static bool
fetch_text(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct conn *c = conn_of(x, private);

    return c && fetch_give_str(out, tls_conn_text(c, (enum tls_text)what_of(private), x->tmp));
}

static bool
fetch_num(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct conn *c = conn_of(x, private);
    int64_t n;

    return c && tls_conn_number(c, (enum tls_number)what_of(private), &n) && fetch_give_int(out, n);
}

static bool
fetch_bool(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct conn *c = conn_of(x, private);

    return fetch_give_bool(out, c && tls_conn_bool(c, (enum tls_bool)what_of(private)));
}

/* Of a clear connection there is nothing to say. */
static bool
fetch_tls_bool(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = fetch_front(x);

    return c && c->flags & CONN_TLS && fetch_bool(arg, x, out, private);
}

/* Not known before the end of the handshake. */
static bool
fetch_has_cert(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = fetch_front(x);

    return c && !(c->flags & CONN_HANDSHAKE) && fetch_tls_bool(arg, x, out, private);
}

static bool
fetch_bytes(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct conn *c = conn_of(x, private);

    return c && give_bin(out, tls_conn_bytes(c, (enum tls_bytes)what_of(private), x->tmp));
}

static bool
fetch_secret(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct conn *c = conn_of(x, private);

    return c && fetch_give_str(out, tls_conn_secret(c, (enum tls_secret)what_of(private)));
}

/* There is no NPN. */
static bool
fetch_nothing(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return false;
}

/* ---- errors ---- */

static bool
fetch_lib_error(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct conn *c = conn_of(x, private);

    return c && fetch_give_int(out, (int64_t)tls_conn_lib_error(c));
}

static bool
fetch_lib_error_text(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                     void *private)
{
    struct conn *c = conn_of(x, private);
    char text[256];
    size_t len = c ? tls_conn_lib_error_text(c, text, sizeof(text)) : 0;

    return len && fetch_give_copy(x, out, SMP_STR, slice(text, len));
}

/* ---- what the client offered ---- */

static bool
is_grease(unsigned v)
{
    return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff); /* RFC 8701 */
}

/* A list, without GREASE when the argument says so. */
static struct slice
list_of(const struct expr_arg *arg, struct sample_ctx *x, enum tls_list which)
{
    struct slice v = tls_conn_list(fetch_front(x), which);
    char *to;
    size_t n = 0;

    if (!v.p || arg[0].type == ARG_END || arg[0].i == 0)
        return v;
    if (!(to = arena_alloc(x->tmp, v.len + 1)))
        return SLICE_NONE;
    for (size_t i = 0; i + 1 < v.len; i += 2) {
        if (is_grease((unsigned)((unsigned char)v.p[i] << 8 | (unsigned char)v.p[i + 1])))
            continue;
        to[n++] = v.p[i];
        to[n++] = v.p[i + 1];
    }
    return slice(to, n);
}

static bool
fetch_list(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return conn_of(x, NULL) && give_bin(out, list_of(arg, x, (enum tls_list)what_of(private)));
}

static bool
fetch_cipher_hex(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    struct slice v = conn_of(x, NULL) ? list_of(arg, x, TLS_L_CIPHERS) : SLICE_NONE;
    static const char digits[] = "0123456789ABCDEF";
    char *to = v.p ? arena_alloc(x->tmp, 2 * v.len + 1) : NULL;

    if (!to)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        to[2 * i] = digits[(unsigned char)v.p[i] >> 4];
        to[2 * i + 1] = digits[(unsigned char)v.p[i] & 15];
    }
    return fetch_give_str(out, slice(to, 2 * v.len));
}

static bool
fetch_cipher_names(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                   void *private)
{
    struct conn *c = conn_of(x, NULL);
    struct slice v = c ? list_of(arg, x, TLS_L_CIPHERS) : SLICE_NONE;
    char text[4096];
    struct out o = OUT(text);

    if (!v.p)
        return false;
    for (size_t i = 0; i + 1 < v.len && !o.full; i += 2) {
        unsigned id = (unsigned)((unsigned char)v.p[i] << 8 | (unsigned char)v.p[i + 1]);
        const char *name = tls_suite_name(c, id);
        if (o.len)
            out_char(&o, ',');
        if (name)
            out_str(&o, name);
        else
            out_printf(&o, "UNKNOWN(%04x)", id);
    }
    return fetch_give_copy(x, out, SMP_STR, out_slice(&o));
}

static bool
fetch_cipher_hash(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                  void *private)
{
    uint64_t h;

    return conn_of(x, NULL) && tls_conn_cipher_hash(fetch_front(x), &h) &&
           fetch_give_int(out, (int64_t)h);
}

/* ---- rows ---- */

/* clang-format off */
#define ROW(n, t, need, f, p, h) { n, FETCH_NO_ARGS, t, need, f, h, .private = FETCH_P(p) }
#define FC(n, t, f, p, h)        ROW("ssl_fc_" n, t, NEEDS_CLIENT5, f, p, h " of the client connection")
#define BC(n, t, f, p, h)        ROW("ssl_bc_" n, t, NEEDS_SERVER5, f, (p) | BACK, h " of the server connection")
#define SIDES(n, t, f, p, h)     FC(n, t, f, p, h), BC(n, t, f, p, h)
/* Secrets of the server side are valid wherever a client is (since-2.6, 7.3.4). */
#define SECRET(n, p, h)                                                                            \
    FC(n, SMP_STR, fetch_secret, p, h),                                                            \
    ROW("ssl_bc_" n, SMP_STR, NEEDS_CLIENT5, fetch_secret, (p) | BACK, h " of the server connection")
#define LIST(n, p, h) { "ssl_fc_" n, { ARG_SINT | ARG_OPT }, SMP_BIN, NEEDS_CLIENT5, fetch_list, h, .private = FETCH_P(p), .usage = "[<filter>]" }

static const struct fetch ssl_fetches[] = {
    SIDES("cipher", SMP_STR, fetch_text, TLS_T_CIPHER, "cipher"),
    SIDES("protocol", SMP_STR, fetch_text, TLS_T_PROTOCOL, "TLS version"),
    SIDES("alpn", SMP_STR, fetch_text, TLS_T_ALPN, "protocol negotiated by ALPN"),
    SIDES("sni", SMP_STR, fetch_text, TLS_T_SNI, "server name"),
    SIDES("curve", SMP_STR, fetch_text, TLS_T_CURVE, "curve of the key agreement"),
    SIDES("npn", SMP_STR, fetch_nothing, 0, "protocol negotiated by NPN (there is none)"),
    SIDES("alg_keysize", SMP_SINT, fetch_num, TLS_N_KEY_BITS, "key size of the cipher"),
    SIDES("use_keysize", SMP_SINT, fetch_num, TLS_N_USED_BITS, "effective key size"),
    SIDES("is_resumed", SMP_BOOL, fetch_bool, TLS_B_RESUMED, "whether the session was resumed"),
    SIDES("session_id", SMP_BIN, fetch_bytes, TLS_X_SESSION_ID, "session id"),
    SIDES("session_key", SMP_BIN, fetch_bytes, TLS_X_SESSION_KEY, "master secret"),
    SIDES("client_random", SMP_BIN, fetch_bytes, TLS_X_CLIENT_RANDOM, "random bytes sent by the client"),
    SIDES("server_random", SMP_BIN, fetch_bytes, TLS_X_SERVER_RANDOM, "random bytes sent by the server"),
    SIDES("unique_id", SMP_BIN, fetch_bytes, TLS_X_UNIQUE_ID, "tls-unique channel binding"),
    SIDES("err", SMP_SINT, fetch_lib_error, 0, "error of the TLS library"),
    SIDES("err_str", SMP_STR, fetch_lib_error_text, 0, "text of the TLS library's error"),
    SECRET("client_early_traffic_secret", TLS_SEC_CLIENT_EARLY, "secret"),
    SECRET("client_handshake_traffic_secret", TLS_SEC_CLIENT_HANDSHAKE, "secret"),
    SECRET("server_handshake_traffic_secret", TLS_SEC_SERVER_HANDSHAKE, "secret"),
    SECRET("client_traffic_secret_0", TLS_SEC_CLIENT_TRAFFIC, "secret"),
    SECRET("server_traffic_secret_0", TLS_SEC_SERVER_TRAFFIC, "secret"),
    SECRET("exporter_secret", TLS_SEC_EXPORTER, "secret"),
    SECRET("early_exporter_secret", TLS_SEC_EARLY_EXPORTER, "secret"),
    FC("crtname", SMP_STR, fetch_text, TLS_T_CRTNAME, "name of the certificate"),
    FC("has_sni", SMP_BOOL, fetch_bool, TLS_B_HAS_SNI, "presence of a server name"),
    FC("has_crt", SMP_BOOL, fetch_has_cert, TLS_B_HAS_CERT, "presence of a client certificate in this handshake"),
    FC("has_early", SMP_BOOL, fetch_tls_bool, TLS_B_EARLY, "presence of early data before the handshake's end"),
    FC("early_rcvd", SMP_BOOL, fetch_tls_bool, TLS_B_EARLY_RCVD, "presence of early data"),
    FC("protocol_hello_id", SMP_SINT, fetch_num, TLS_N_HELLO, "version in the client hello"),
    LIST("cipherlist_bin", TLS_L_CIPHERS, "ciphers that the client offered"),
    LIST("extlist_bin", TLS_L_EXTENSIONS, "extensions of the client hello"),
    LIST("eclist_bin", TLS_L_GROUPS, "groups that the client offered"),
    LIST("sigalgs_bin", TLS_L_SIGALGS, "signature algorithms that the client offered"),
    LIST("supported_versions_bin", TLS_L_VERSIONS, "versions that the client offered"),
    FC("ecformats_bin", SMP_BIN, fetch_list, TLS_L_FORMATS, "point formats"),
    { "ssl_fc_cipherlist_hex", { ARG_SINT | ARG_OPT }, SMP_STR, NEEDS_CLIENT5, fetch_cipher_hex, "the same in hexadecimal", .usage = "[<filter>]" },
    { "ssl_fc_cipherlist_str", { ARG_SINT | ARG_OPT }, SMP_STR, NEEDS_CLIENT5, fetch_cipher_names, "the same by name", .usage = "[<filter>]" },
    FC("cipherlist_xxh", SMP_SINT, fetch_cipher_hash, 0, "hash of the offered ciphers"),
    ROW("ssl_c_verify", SMP_SINT, NEEDS_CLIENT5, fetch_num, TLS_N_VERIFY, "result of verifying the client certificate"),
    ROW("ssl_c_err", SMP_SINT, NEEDS_CLIENT5, fetch_num, TLS_N_CRT_ERR, "first error of the client certificate"),
    ROW("ssl_c_ca_err", SMP_SINT, NEEDS_CLIENT5, fetch_num, TLS_N_CA_ERR, "first error in its chain"),
    ROW("ssl_c_ca_err_depth", SMP_SINT, NEEDS_CLIENT5, fetch_num, TLS_N_CA_DEPTH, "where in the chain that was"),
    ROW("ssl_c_used", SMP_BOOL, NEEDS_CLIENT5, fetch_tls_bool, TLS_B_CERT_USED, "whether the session has a client certificate"),
    { 0 },
};
/* clang-format on */

const struct module fetch_ssl_module = { .name = "TLS connection fetches", .fetches = ssl_fetches };
