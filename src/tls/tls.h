/* tls.h - TLS on connections: settings, certificates, the accepting and the connecting side. No
 * type of the TLS library is visible here; facts about connections and certificates are in
 * tls/info.h. */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include "base/out.h"
#include "net/conn.h"

struct tls_cert;   /* a certificate with its key and chain, shared by all who name it */
struct tls_server; /* what a bind line offers */
struct tls_client; /* how a server is spoken to */

enum tls_version { TLS_UNSET = 0, TLS_SSL3, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3, TLS_NVERSIONS };
enum tls_verify { TLS_VERIFY_UNSET = 0, TLS_VERIFY_NONE, TLS_VERIFY_OPTIONAL, TLS_VERIFY_REQUIRED };

enum tls_flag {
    TLSF_NO_TICKETS = 1 << 0,
    TLSF_CLIENT_CIPHERS = 1 << 1, /* prefer-client-ciphers */
    TLSF_NO_CA_NAMES = 1 << 2,
    TLSF_NO_ALPN = 1 << 3,  /* nothing is announced */
    TLSF_NO_REUSE = 1 << 4, /* client: no session resumption */
    TLSF_NO_RENEGOTIATION =
        1 << 5, /* client: the server may not ask for it; servers always refuse */
    TLSF_STRICT_SNI = 1 << 6,
    TLSF_EARLY = 1 << 7, /* allow-0rtt */
    TLSF_HALF_CLOSED =
        1 << 8, /* servers: handshakes go on although the client has ended its side */
};

/** Verification errors (X509_V_ERR_*) that are tolerated; bit N of the array is error N. */
#define TLS_NERRORS 128
struct tls_ignore {
    uint64_t bit[TLS_NERRORS / 64];
    bool all;
};

/** What a bind line, a line of a crt-list, or a server says. NULL and UNSET: not said. Strings live
 * as long as the configuration. */
struct tls_options {
    enum tls_version min, max;
    unsigned no_versions; /* bits 1 << version: no-tlsv10 and its like */
    const char *ciphers, *ciphersuites, *curves, *ecdhe, *sigalgs, *client_sigalgs;
    struct slice alpn; /* as on the wire: length-prefixed names */
    enum tls_verify verify;
    const char *ca_file, *ca_verify_file, *crl_file;
    unsigned flags;   /* enum tls_flag */
    unsigned cleared; /* flags that are not to be inherited */
    struct tls_ignore crt_ignore, ca_ignore;
};

/** Of the process, from the global section; constant once threads run. */
struct tls_tune {
    unsigned max_record, hard_max_record; /* bytes; 0: chosen by the program */
    unsigned cache_size;                  /* sessions kept for clients without tickets */
    unsigned lifetime_s;                  /* of sessions */
    unsigned dh_bits;                     /* size of generated-on-demand DH parameters */
    unsigned capture_size; /* bytes of each list of a hello kept for the ssl_fc_*_bin fetches */
    unsigned minted_max;   /* generated certificates kept */
    int security_level;    /* -1: the library's */
    unsigned key_updates_per_s;
    bool keylog;
    bool skip_self_issued_ca;
};
extern struct tls_tune tls_tune;

/** Sets defaults, prepares the library. Before anything else here; may be called again. */
void tls_init(void);
/** Releases what the calling thread holds; no connection is left. */
void tls_thread_fini(void);
/** Loads a provider (ssl-provider) or sets where they are (ssl-provider-path), default properties
 * (ssl-propquery). */
bool tls_load_provider(const char *name);
bool tls_set_provider_path(const char *dir);
bool tls_set_properties(const char *query);

/** "TLSv1.2" and its like; TLS_UNSET when unknown. */
enum tls_version tls_version_find(const char *name);
const char *tls_version_name(enum tls_version v);
/** Turns "h2,http/1.1" into the wire format in `to` (at least strlen + 1 bytes). Returns its
 * length; -1 with what is wrong in `err`. */
int tls_alpn_parse(const char *list, char *to, struct text *err);
/** An entry of crt-ignore-err: a number or a name such as X509_V_ERR_CERT_HAS_EXPIRED. -1 when
 * unknown. */
int tls_error_id(struct slice name);
int tls_error_id_max(void);
/** "X509_V_OK" (0), "X509_V_ERR_..."; NULL when unknown. */
const char *tls_error_name(int64_t id);

/* ---- certificates: store.c ---- */

/** A key and a certificate signed by itself, in the place of a file that is missing. */
struct tls_dummy {
    bool wanted, ecdsa;
    unsigned bits;     /* of RSA; 0: 2048 */
    const char *curve; /* NULL: P-384 */
};

/** What files belong to a certificate besides the one that names it. */
struct tls_files {
    const char *crt;                        /* certificate, chain, maybe key and DH parameters */
    const char *key, *ocsp, *issuer, *sctl; /* NULL: looked for as the search flags say */
    const struct tls_dummy *dummy;          /* NULL: a missing file is an error */
};

/** Which companions are looked for beside a certificate (ssl-load-extra-files). */
enum tls_extra {
    TLSX_BUNDLE = 1 << 0, /* name.rsa, name.ecdsa, name.dsa */
    TLSX_SCTL = 1 << 1,
    TLSX_OCSP = 1 << 2,
    TLSX_ISSUER = 1 << 3,
    TLSX_KEY = 1 << 4,
    TLSX_DEL_EXT = 1 << 5, /* ssl-load-extra-del-ext: "site.key" beside "site.crt" */
};
#define TLSX_DEFAULT (TLSX_BUNDLE | TLSX_SCTL | TLSX_OCSP | TLSX_ISSUER | TLSX_KEY)

/** The certificate called `name` if it was loaded or declared, else NULL. Borrowed: until the end
 * of the loop's turn once threads run. */
struct tls_cert *tls_store_get(const char *name);
/** The same with a reference for the caller. */
struct tls_cert *tls_store_ref(const char *name);
/** Names of all certificates in the order they were loaded; fn must not call this file. */
void tls_store_names(void (*fn)(const char *name, void *arg), void *arg);
/** Enters it, in the place of the one with its name. Takes a reference of its own. */
void tls_store_put(struct tls_cert *c);
/** Forgets it, if it is there. */
void tls_store_del(const char *name);
/** Takes another reference. */
struct tls_cert *tls_cert_ref(struct tls_cert *c);
/** Loads it under `name`; one that is known must have the same files, as far as they are given.
 * `extra`: companions to look for (enum tls_extra). NULL with HAProxy's text in `err`. */
MUST_CHECK struct tls_cert *tls_store_load(const char *name, const struct tls_files *files,
                                           unsigned extra, struct text *err);
/** From memory, for tests and fuzzers: not entered into the store. */
MUST_CHECK struct tls_cert *tls_cert_from_text(const char *name, struct slice pem,
                                               struct text *err);
/** Gives a reference back; any thread. NULL is fine. */
void tls_cert_free(struct tls_cert **c);
/** All certificates that `path` stands for: a file, the bundle path.rsa, path.ecdsa, ..., or a
 * folder of them (sorted by name). Calls `each` for every one; false with `err` when something
 * cannot be loaded. */
bool tls_store_open(const char *path, unsigned extra, bool (*each)(struct tls_cert *c, void *arg),
                    void *arg, struct text *err);
/** DH parameters for certificates that bring none (ssl-dh-param-file). */
bool tls_set_dh_file(const char *path);
/** Folder whose certificates complete chains (issuers-chain-path). False when it is none. */
bool tls_set_issuers_path(const char *path);
/** Forgets all certificates and authorities; nothing uses them any more. */
void tls_store_clear(void);
/** What should be told about a certificate that works: expired, not valid yet, a companion that was
 * ignored. False when there is nothing. */
bool tls_cert_warning(const struct tls_cert *c, struct text *to);
const char *tls_cert_name(const struct tls_cert *c);

/** The certificate may be used by converters that verify tokens (crt-store's `jwt on`). */
void tls_cert_allow_jwt(struct tls_cert *c);
/** Asked for the passphrase of an encrypted key: heap, or NULL when there is none. May be NULL
 * itself. */
extern char *(*tls_passphrase)(const char *key_file);

/** Loads a ca-file or crl-file (file, folder, "@system-ca") into the list of known ones. False with
 * `err`. */
bool tls_ca_load(const char *path, bool crl, struct text *err);

/* ---- new versions of certificates and authorities: draft.c, ca.c, show.c; one thread at a time
 * ----
 */

/** Parts that files of a certificate bring. */
enum tls_part { TLS_PART_PEM, TLS_PART_KEY, TLS_PART_ISSUER, TLS_PART_OCSP, TLS_PART_SCTL };

/** A copy that is in nobody's use, to be changed; or one without content. */
struct tls_cert *tls_draft_new(const char *name, const struct tls_cert *like);
/** Replaces a part by `data` (PEM; OCSP and SCTL in base64). False with `err`: then it is unchanged
 * or unusable. */
MUST_CHECK bool tls_draft_set(struct tls_cert *draft, enum tls_part part, struct slice data,
                              struct text *err);
/** All parts are there: may it be used? False with `err`. */
MUST_CHECK bool tls_draft_finish(struct tls_cert *draft, struct text *err);
bool tls_cert_is_empty(const struct tls_cert *c);
bool tls_cert_verifies_jwt(const struct tls_cert *c);
void tls_cert_set_jwt(struct tls_cert *c, bool on);

/** The details of `show ssl cert`, without its file name and status. */
void tls_cert_show_files(const struct tls_cert *c, struct text *to);
void tls_cert_show(const struct tls_cert *c, struct text *to);
/** Key, certificate and chain as PEM. */
void tls_cert_dump(const struct tls_cert *c, struct text *to);
/** Kind of key ("rsa", "ecdsa", "dsa"), and the times of its validity as text and seconds. */
const char *tls_cert_kind(const struct tls_cert *c);
void tls_cert_validity(const struct tls_cert *c, struct text *not_after, struct text *not_before);
/** It has ended at `at`, seconds since the epoch. */
bool tls_cert_ended(const struct tls_cert *c, int64_t at);

/** The content of a ca-file or crl-file. */
struct tls_ca;
struct tls_ca *tls_ca_find(const char *path);
/** From PEM text, after what `before` (may be NULL) has. NULL with `err`. An empty text is fine. */
MUST_CHECK struct tls_ca *tls_ca_new(const char *path, bool crl, const struct tls_ca *before,
                                     struct slice pem, struct text *err);
/** Makes it the content of its path. Returns what was there, the caller's; NULL: nothing was. */
struct tls_ca *tls_ca_put(struct tls_ca *ca);
/** Takes a path out; the caller's. */
struct tls_ca *tls_ca_take(const char *path);
void tls_ca_free(struct tls_ca **ca);
bool tls_ca_is_crl(const struct tls_ca *ca);
const char *tls_ca_path(const struct tls_ca *ca);
unsigned tls_ca_count(const struct tls_ca *ca);
void tls_ca_each(void (*fn)(const struct tls_ca *ca, void *arg), void *arg);
/** Details of one (from 1) or all (0) of its certificates or lists. */
void tls_ca_show(const struct tls_ca *ca, unsigned index, struct text *to);
/** Names of the library's providers, one line each. */
void tls_providers_show(struct text *to);

/* ---- accepting: server.c ---- */

/** `id`: a name that is the same after a reload; sessions are bound to it. Never NULL. */
struct tls_server *tls_server_new(const char *id, const struct tls_options *o);
/** Adds a certificate. `line`: options of its own (complete: inherited ones included), NULL: those
 * of the server. `filters`: names it is for ("*.x", "!y", "*": default), copied; none: those in the
 * certificate. `owner`: whoever may take it out again, NULL: nobody. */
void tls_server_add(struct tls_server *s, struct tls_cert *cert, const struct tls_options *line,
                    const char *const *filters, unsigned nfilters, const void *owner);
/** The certificate for clients that name none or an unknown one (default-crt); the first one added
 * otherwise. */
void tls_server_add_default(struct tls_server *s, struct tls_cert *cert);
/** Ticket keys: `data` is the content (base64 lines) of the file `name`; listeners with the same
 * file share its keys. False with `err`. */
bool tls_server_ticket_keys(struct tls_server *s, const char *name, struct slice data,
                            struct text *err);
/** Makes the secret that keys of session tickets are derived from, once: a process that calls this
 * and forks passes it on, so tickets outlive reloads. */
void tls_ticket_seed(void);
/** Certificates for unknown names are signed by this one (generate-certificates). `pass` may be
 * NULL. */
bool tls_server_mint(struct tls_server *s, const char *ca_file, const char *pass, struct text *err);
bool tls_server_is_empty(const struct tls_server *s);
/** After the last certificate: contexts and index. False with `err`. */
bool tls_server_finish(struct tls_server *s, struct text *err);
void tls_server_free(struct tls_server **s);
/** Connections with TLS of the process, both sides. */
unsigned tls_conn_count(void);
/** How a handshake ended. */
enum tls_outcome {
    TLS_DONE = 1 << 0,
    TLS_RESUMED = 1 << 1, /* with TLS_DONE */
    TLS_FAILED = 1 << 2,
    TLS_STAPLED = 1 << 3,     /* an OCSP response was sent */
    TLS_NOT_STAPLED = 1 << 4, /* there is one but it is too old */
};
/** Told about the end of every handshake; may be NULL. Only for counting. */
extern void (*tls_handshake_over)(struct conn *c, unsigned outcome);
/** Sessions looked up for clients that have no tickets; of the process. */
struct tls_cache {
    uint64_t lookups, misses;
};
void tls_cache_counts(struct tls_cache *to);

/** Puts TLS on an accepted connection: sets its layer, CONN_TLS and CONN_HANDSHAKE. False: out of
 * memory. */
MUST_CHECK bool tls_accept(struct conn *c, struct tls_server *s);

/* ---- connecting: client.c ---- */

/** `crt`: certificate to present, or NULL; `verify_host`: the name that must be in the server's
 * when no SNI was configured, or NULL: the SNI. NULL with `err` when the options are not accepted.
 */
MUST_CHECK struct tls_client *tls_client_new(const struct tls_options *o, struct tls_cert *crt,
                                             const char *verify_host, struct text *err);
void tls_client_free(struct tls_client **t);
/** Where a server name comes from: one that was configured is what the certificate must have; one
 * that was guessed is so only without `verify_host`. */
enum tls_name_from { TLS_NAME_GUESSED, TLS_NAME_SET };
/** Puts TLS on an outgoing connection (may be called while it is connecting). `sni`: server name,
 * NULL: none is sent; copied. False: out of memory. */
MUST_CHECK bool tls_client_start(struct conn *c, struct tls_client *t, const char *sni, size_t len,
                                 enum tls_name_from kind);
/** The caller sends first, at once: the end of the handshake can leave with its bytes. */
void tls_send_first(struct conn *c);
/** What is sent next may go out as early data, if the session that is resumed and the client's
 * options allow it: CONN_EARLY takes the place of CONN_HANDSHAKE. A server that refuses it breaks
 * the connection with CONN_CODE_SSL_EARLY_FAILED. */
bool tls_offer_early(struct conn *c);
/** Early data came from the peer, however long ago. */
bool tls_conn_sent_early(const struct conn *c);
/** Announces other protocols than the client's on this connection; before the handshake. `alpn` as
 * on the wire. */
bool tls_set_alpn(struct conn *c, struct slice alpn);

/* ---- changes while threads run (live.c) ----
 *
 * One thread at a time. Everything is prepared and checked first; what was planned takes effect as
 * a whole, for handshakes that begin then, or is dropped. Connections keep what they have. */

struct tls_change;
struct tls_changes {
    struct tls_change *first, **tail;
    unsigned n;
};

/** `cert` in all places of `old`. False with `err`. */
MUST_CHECK bool tls_server_plan_cert(struct tls_server *s, const struct tls_cert *old,
                                     struct tls_cert *cert, struct tls_changes *to,
                                     struct text *err);
MUST_CHECK bool tls_client_plan_cert(struct tls_client *t, const struct tls_cert *old,
                                     struct tls_cert *cert, struct tls_changes *to,
                                     struct text *err);
/** One more, as tls_server_add(). */
struct tls_addition {
    struct tls_cert *cert;
    const struct tls_options *line; /* kept: lives as long as the server */
    const char *const *filters;
    unsigned nfilters;
    const void *owner;
};
MUST_CHECK bool tls_server_plan_add(struct tls_server *s, const struct tls_addition *a,
                                    struct tls_changes *to, struct text *err);
/** Those of `owner` are taken out. */
void tls_server_plan_remove(struct tls_server *s, const void *owner, struct tls_changes *to);
/** The content of the ca-file or crl-file `path` is another one now. */
MUST_CHECK bool tls_server_plan_ca(struct tls_server *s, const char *path, struct tls_changes *to,
                                   struct text *err);
MUST_CHECK bool tls_client_plan_ca(struct tls_client *t, const char *path, struct tls_changes *to,
                                   struct text *err);
void tls_changes_apply(struct tls_changes *c);
void tls_changes_drop(struct tls_changes *c);

/** Whether they use a certificate, or the ca-file or crl-file `path`. */
bool tls_server_uses(const struct tls_server *s, const struct tls_cert *cert);
bool tls_client_uses(const struct tls_client *t, const struct tls_cert *cert);
bool tls_server_uses_ca(const struct tls_server *s, const char *path);
bool tls_client_uses_ca(const struct tls_client *t, const char *path);
/** Some certificate of `owner` stands in for unknown names. */
bool tls_server_is_default(const struct tls_server *s, const void *owner);

/** The next key of a file ("#<id>", or its name): the oldest one goes. */
enum tls_key_rc { TLS_KEY_DONE, TLS_KEY_UNKNOWN, TLS_KEY_MALFORMED, TLS_KEY_SIZE };
enum tls_key_rc tls_ticket_key_set(const char *id, struct slice base64);
/** `show tls-keys`: "" the files, "*" all keys, else those of one file. False: it is not known. */
bool tls_ticket_keys_show(const char *id, struct text *to);

/** Names and what leads to them, for `show ssl sni`; `name` "*" for defaults. */
struct tls_sni {
    const char *name;
    const struct tls_cert *cert;
    const char *const *except; /* names that a wildcard is not for */
    unsigned nexcept;
};
void tls_server_each_name(const struct tls_server *s,
                          void (*fn)(const struct tls_sni *n, void *arg), void *arg);

#endif
