/* info.h - facts about TLS connections and certificates, for sample fetches, logs and PROXY
 * headers.
 *
 * Slices are borrowed from the connection, or made in the arena that is handed in; p NULL or
 * `false`: there is nothing. All functions accept connections without TLS. */
#ifndef TLS_INFO_H
#define TLS_INFO_H

#include "base/arena.h"
#include "net/conn.h"

/* ---- failures ---- */

/** Number and text of the library's error ("error:0A00009C:SSL routines::http request"); 0 and ""
 * when there was none. */
unsigned long tls_conn_lib_error(const struct conn *c);
size_t tls_conn_lib_error_text(const struct conn *c, char *to, size_t size);

/* ---- connections ---- */

enum tls_text {
    TLS_T_CIPHER,
    TLS_T_PROTOCOL,
    TLS_T_ALPN,
    TLS_T_SNI,
    TLS_T_CURVE,
    TLS_T_CRTNAME,
    TLS_T_SIGSCHEME
};
/** Name of the cipher, protocol... */
struct slice tls_conn_text(const struct conn *c, enum tls_text what, struct arena *tmp);

enum tls_number {
    TLS_N_KEY_BITS,
    TLS_N_USED_BITS,
    TLS_N_VERIFY,
    TLS_N_CRT_ERR,
    TLS_N_CA_ERR,
    TLS_N_CA_DEPTH,
    TLS_N_HELLO
};
/** A number; false without TLS or when there is none yet. */
bool tls_conn_number(const struct conn *c, enum tls_number what, int64_t *out);

enum tls_bool {
    TLS_B_RESUMED,
    TLS_B_HAS_SNI,
    TLS_B_HAS_CERT,
    TLS_B_CERT_USED,
    TLS_B_EARLY,     /* early data came and the handshake is not over */
    TLS_B_EARLY_RCVD /* early data came */
};
/** A fact; false without TLS. */
bool tls_conn_bool(const struct conn *c, enum tls_bool what);

enum tls_bytes {
    TLS_X_SESSION_ID,
    TLS_X_SESSION_KEY,
    TLS_X_CLIENT_RANDOM,
    TLS_X_SERVER_RANDOM,
    TLS_X_UNIQUE_ID
};
/** Raw bytes, in tmp or of the connection; p NULL: none. */
struct slice tls_conn_bytes(const struct conn *c, enum tls_bytes what, struct arena *tmp);

/** Secrets in the order of their labels in key logs; hexadecimal. */
enum tls_secret {
    TLS_SEC_CLIENT_EARLY,
    TLS_SEC_CLIENT_HANDSHAKE,
    TLS_SEC_SERVER_HANDSHAKE,
    TLS_SEC_CLIENT_TRAFFIC,
    TLS_SEC_SERVER_TRAFFIC,
    TLS_SEC_EXPORTER,
    TLS_SEC_EARLY_EXPORTER,
    TLS_NSECRETS
};
struct slice tls_conn_secret(const struct conn *c, enum tls_secret which);

/* ---- what the client offered (needs tls_tune.capture_size) ---- */

enum tls_list {
    TLS_L_CIPHERS,
    TLS_L_EXTENSIONS,
    TLS_L_GROUPS,
    TLS_L_FORMATS,
    TLS_L_SIGALGS,
    TLS_L_VERSIONS,
    TLS_NLISTS
};
/** A list of the hello, cut to the capture size. */
struct slice tls_conn_list(const struct conn *c, enum tls_list which);
/** XXH64 of the whole list of ciphers. */
bool tls_conn_cipher_hash(const struct conn *c, uint64_t *out);
/** Standard name of a cipher suite, NULL when unknown. */
const char *tls_suite_name(const struct conn *c, unsigned id);
/** The first protocol of the client's ALPN list. */
struct slice tls_conn_first_alpn(const struct conn *c);

/* ---- certificates ---- */

/** Whose: the client's (on its connection), ours towards the client, the server's (on the server
 * connection). */
enum tls_whose { TLS_OF_CLIENT, TLS_OF_FRONT, TLS_OF_SERVER };

enum tls_cert_bytes { TLS_C_DER, TLS_C_CHAIN_DER, TLS_C_SERIAL, TLS_C_SHA1 };
/** Raw bytes of a certificate; p NULL: none. */
struct slice tls_cert_bytes(const struct conn *c, enum tls_whose whose, enum tls_cert_bytes what,
                            struct arena *tmp);

/* KEY_ALG: "rsaEncryption"; KEY_SIZE: "RSA2048". */
enum tls_cert_text {
    TLS_C_KEY_ALG,
    TLS_C_KEY_SIZE,
    TLS_C_SIG_ALG,
    TLS_C_NOT_AFTER,
    TLS_C_NOT_BEFORE,
    TLS_C_SAN
};
/** A text about a certificate; p NULL: none. */
struct slice tls_cert_text(const struct conn *c, enum tls_whose whose, enum tls_cert_text what,
                           struct arena *tmp);

enum tls_dn { TLS_DN_SUBJECT, TLS_DN_ISSUER, TLS_DN_ROOT };
/** Which part of a distinguished name: `entry` "CN"; `occurrence` from the beginning (1..) or the
 * end (-1..). An empty entry: all of it; `rfc2253`: in that form. */
struct tls_dn_part {
    struct slice entry;
    int64_t occurrence;
    bool rfc2253;
};
/** A distinguished name, or a part of it. Names that hold NUL are refused. */
struct slice tls_cert_dn(const struct conn *c, enum tls_whose whose, enum tls_dn dn,
                         const struct tls_dn_part *part, struct arena *tmp);
bool tls_cert_version(const struct conn *c, enum tls_whose whose, int64_t *out);
/** Policies as dotted numbers, separated by commas; `only`: nothing unless that one is among them.
 */
struct slice tls_cert_policies(const struct conn *c, enum tls_whose whose, struct slice only,
                               struct arena *tmp);

#endif
