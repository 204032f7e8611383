/* tls_int.h - what the files of this folder share: the objects behind the names of tls.h. */
#ifndef TLS_TLS_INT_H
#define TLS_TLS_INT_H

#include "base/htab.h"
#include "tls/tls.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>

/* ---- certificates ---- */

/** Kinds of keys, in order of preference. */
enum tls_key { TLS_KEY_ECDSA, TLS_KEY_RSA, TLS_KEY_OTHER, TLS_NKEYS };

/** A stapled response; immutable, replaced as a whole. */
struct tls_ocsp {
    time_t expires; /* wall clock; 0: never */
    int len;
    unsigned char der[];
};

struct tls_cert {
    _Atomic unsigned refs; /* of the store, and of everything that uses it */
    char *name;            /* as configured: path, or @store/alias */
    char *crt_file, *key_file, *issuer_file, *ocsp_file,
        *sctl_file; /* what it was made of; NULL: not known */
    X509 *x509;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* NULL: none */
    X509 *issuer;           /* from the chain or an issuer file; NULL: unknown */
    EVP_PKEY *dh;           /* DH parameters of the file, or NULL */
    _Atomic(struct tls_ocsp *) ocsp;
    unsigned char *sctl; /* list of certificate timestamps */
    size_t sctl_len;
    enum tls_key kind;
    _Atomic bool jwt;        /* may verify tokens */
    signed char ocsp_update; /* 1 on, -1 off, 0: not said */
    char **names;            /* lower case: common name and alternative names */
    unsigned nnames;
    char *note; /* a companion that was not taken, for a warning; NULL: none */
};

/** A certificate of the store; any thread. NULL: unknown. Borrowed until the end of the loop's
 * turn.
 */
struct tls_cert *store_find(struct slice name);
/** Calls fn for every certificate of the store, which is locked meanwhile. */
void store_each(void (*fn)(struct tls_cert *c, void *arg), void *arg);

/** A certificate without content. */
struct tls_cert *cert_new(const char *name);
/** Reads an issuer (PEM), or a list of timestamps, for `c`; `file` is for messages. False with
 * `err`.
 */
bool cert_take_issuer(struct tls_cert *c, const char *file, struct slice pem, struct text *err);
bool cert_take_sctl(struct tls_cert *c, const char *file, struct slice data, struct text *err);
/** All parts are there: checks them, derives names, kind and issuer. False with `err`. */
bool cert_complete(struct tls_cert *c, const char *file, const char *key_file, struct text *err);

/** Makes a key and a certificate for it (dummy.c). False with `err`. */
bool cert_make_dummy(struct tls_cert *c, const struct tls_dummy *d, struct text *err);

/** Splits PEM text into blocks. */
struct pem_block {
    struct slice type;  /* "CERTIFICATE" */
    struct slice text;  /* all of it, from BEGIN to END */
    unsigned char *der; /* heap, the caller's */
    size_t len;
    bool encrypted; /* by PEM headers */
};
/** The next block behind *at. False at the end. `der` NULL: its base64 is broken. */
bool pem_next(struct slice text, size_t *at, struct pem_block *out);
/** Lines of base64, decoded: heap. NULL when they are none. */
unsigned char *pem_base64(struct slice body, size_t *len);
/** A file's content, heap; NULL with errno set. At most FILE_MAX bytes. */
#define TLS_FILE_MAX (16u << 20)
char *tls_read_file(const char *path, size_t *len);
/** An X.509 certificate by its encoding; equal ones are one object. NULL when broken. */
X509 *pem_x509(const unsigned char *der, size_t len, bool shared);
/** Adds what the text holds to `c` (what is there already stays). False with `err`. */
bool pem_load(struct tls_cert *c, const char *file, struct slice text, struct text *err);
/** Tried first for encrypted keys; NULL: none. Cleared by the caller. */
extern const char *pem_passphrase;
/** All certificates of a text, NULL when there is none. */
STACK_OF(X509) * pem_certs(struct slice text);
void pem_clear(void);
/** The issuer of `x` in the folder of ssl issuers-chain-path, or NULL. Borrowed. */
X509 *tls_find_issuer(X509 *x);
EVP_PKEY *tls_dh_default(void);

/** Reads and checks a response for `c`. NULL with `err`. */
struct tls_ocsp *ocsp_parse(const struct tls_cert *c, const unsigned char *der, size_t len,
                            struct text *err);

/* ---- authorities: ca.c ---- */

enum { CA_MAIN, CA_VERIFY, CA_CRL, CA_NPATHS };
/** The store made of a ca-file, a ca-verify-file and a crl-file (each may be NULL). Belongs to this
 * file. NULL with `err`. */
X509_STORE *ca_store(const char *const path[CA_NPATHS], struct text *err);
/** Names of the authorities in a loaded ca-file, NULL: unknown file. */
STACK_OF(X509_NAME) * ca_names(const char *ca_file);
void ca_clear(void);

/* ---- contexts: ctx.c ---- */

/** Applies options that both sides know. False with `err`. */
bool ctx_apply(SSL_CTX *ctx, const struct tls_options *o, bool server, struct text *err);
/** Lowest and highest version of the options, legacy no-* included. False when nothing is left. */
bool ctx_versions(const struct tls_options *o, int *min, int *max);
/** Puts a certificate on a context. False with `err`. */
bool ctx_use_cert(SSL_CTX *ctx, const struct tls_cert *c, struct text *err);

/* ---- accepting ---- */

/** A context for one set of options. */
struct tls_ctx {
    struct tls_ctx *next;
    struct tls_server *server;
    SSL_CTX *_Atomic ssl; /* replaced when its authorities are; see epoch.h */
    const struct tls_options *o;
    struct tls_cert *loaded; /* the certificate inside the context; a reference */
    int min, max;
};

/** A certificate with the options and names of one line. Does not change once it is in use: a new
 * one takes its place. */
struct tls_entry {
    struct tls_entry *next; /* all of the server */
    _Atomic unsigned refs;  /* of the server, and of connections */
    struct tls_cert *cert;  /* a reference */
    struct tls_ctx *ctx;
    const struct tls_options *line;
    const void *owner; /* who may take it out again; NULL: nobody */
    char **filters;    /* names it is for; none: those in the certificate */
    unsigned nfilters;
    bool is_default; /* declared for unknown names */
    bool named;      /* some filter is a name */
    char **except;   /* lower case names of "!name" */
    unsigned nexcept;
    unsigned char sid[16]; /* session context: what a session may be resumed for */
};
/** Gives a reference back. NULL is fine. */
void entry_put(struct tls_entry *e);

/* ---- connections: layer.c ---- */

enum tls_conn_flag {
    TLSC_SERVER = 1 << 0,
    TLSC_UP = 1 << 1, /* the handshake is done */
    TLSC_RESUMED = 1 << 2,
    TLSC_STARTED = 1 << 3,        /* bytes of the handshake came in */
    TLSC_QUEUED = 1 << 4,         /* waits for its turn to do a handshake step */
    TLSC_GRANTED = 1 << 5,        /* its turn has come */
    TLSC_FINISHING = 1 << 6,      /* done but for bytes that the socket did not take */
    TLSC_FLOOD = 1 << 9,          /* more key updates than are tolerated */
    TLSC_PEER_CERT = 1 << 8,      /* the peer presented a certificate in this connection */
    TLSC_MINT = 1 << 7,           /* a certificate is made for the name */
    TLSC_EARLY_READ = 1 << 10,    /* early data may come or come on */
    TLSC_EARLY_RCVD = 1 << 11,    /* it did */
    TLSC_JOIN = 1 << 13,          /* the end of the handshake leaves with the first data */
    TLSC_STAPLED = 1 << 14,       /* an OCSP response was sent */
    TLSC_NOT_STAPLED = 1 << 15,   /* it was too old */
    TLSC_EARLY_BLOCKED = 1 << 12, /* the rest waits for the handshake's end */
};

/** Ciphertext that the socket did not take. */
struct tls_out {
    uint32_t at, len; /* unsent: data[at..len) */
    char data[];
};

/** Early data that nobody took yet. */
struct tls_early {
    uint32_t at, len; /* data[at..len) */
    char data[];
};

struct tls_conn {
    SSL *ssl;
    struct conn *conn;
    struct tls_entry *entry; /* accepting: the certificate chosen; a reference */
    struct tls_client *client;
    struct tls_server *server;
    struct tls_out *out;
    char *in; /* ciphertext not decoded yet, heap; NULL: none or in the thread's buffer */
    uint32_t in_len;
    uint32_t held;  /* last bytes of plaintext in `out` that do not count as sent yet */
    uint32_t burst; /* bytes sent since the connection was idle */
    uint16_t flags; /* enum tls_conn_flag */
    uint8_t ca_err, ca_depth, crt_err;
    bool pinned;      /* the name to check is verifyhost's, not the SNI */
    uint32_t updates; /* key updates in this second */
    int64_t sent_ms, update_ms;
    unsigned long lib_err; /* of the library: the first one */
    X509 *bad_peer;        /* a certificate that was refused */
    struct tls_seen *seen; /* what was kept of the hello; NULL */
    struct tls_secrets *secrets;
    struct tls_early *early;
    uint64_t session_key; /* connecting: under what its sessions are kept */
    uint32_t early_left;  /* bytes that a server takes as early data */
    struct list wait;     /* waits for its turn */
};

extern const struct layer_ops tls_layer;
/** Index of the connection in SSL objects. */
extern int tls_ex_conn;

static inline struct tls_conn *
tls_conn_of(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, tls_ex_conn);
}

/** The TLS side of a connection, NULL when it has none. */
static inline struct tls_conn *
tls_of(const struct conn *c)
{
    return c && c->layer == &tls_layer ? c->layer_ctx : NULL;
}

/** Attaches a fresh SSL object; takes it over, also when it fails. */
struct tls_conn *tls_attach(struct conn *c, SSL *ssl, unsigned flags);
bool client_allows_early(const struct tls_client *t);
/** Forgets the session that a connection resumes. */
void client_forget(const struct tls_conn *t);
/** A client's session was resumed. */
void server_count_resumed(void);
const struct tls_options *server_options(const struct tls_server *s);
/** Keeps lists of the hello (capture.c). */
void hello_keep(struct tls_conn *t, SSL *ssl);
void hello_free(struct tls_seen **h);
/** The version in the kept hello, -1: none was kept. */
int hello_version(const struct tls_conn *t);
void secrets_note(const SSL *ssl, const char *line);
void secrets_free(struct tls_secrets **s);
/** Information callback of both sides: counts key updates. */
void layer_on_info(const SSL *ssl, int where, int ret);
/** Verification callback of both sides. */
int verify_callback(int ok, X509_STORE_CTX *x);

/* ---- sessions of servers: sessions.c ---- */
/** Keeps the session for `key`; takes the reference. `shared`: other threads may have it. */
void client_session_keep(uint64_t key, SSL_SESSION *session, bool shared);
/** The session for `key`, NULL: none that may be resumed. Borrowed, this thread's. */
SSL_SESSION *client_session_find(uint64_t key, bool shared);
void client_session_forget(uint64_t key);
/** What the calling thread holds; what the process holds. */
void client_sessions_thread_fini(void);
void client_sessions_clear(void);

/* ---- details: show.c ---- */
void show_x509(X509 *x, struct text *to);
void show_crl(X509_CRL *crl, struct text *to);

/* ---- changes: live.c ---- */

/** A step of a change. The functions are called once: one of them. */
struct tls_change {
    struct tls_change *next;
    void (*apply)(struct tls_change *c);
    void (*drop)(struct tls_change *c);
    void *where;                   /* struct tls_server or tls_client */
    struct tls_entry *old, *fresh; /* of a server; NULL: none */
    struct tls_ctx *ctx;           /* whose context is replaced */
    SSL_CTX *ssl;                  /* by this one */
    struct tls_cert *cert;         /* of a client; a reference */
    char *path;                    /* of authorities, heap */
};
/** Appends a step. */
struct tls_change *change_add(struct tls_changes *to, void *where,
                              void (*apply)(struct tls_change *),
                              void (*drop)(struct tls_change *));
/** The options name `path` as a file of authorities or of revocations. */
bool options_use_ca(const struct tls_options *o, const char *path);
/** Gives the reference back when nobody can be using the context any more. */
void ssl_ctx_retire(SSL_CTX *ssl);

/* ---- tickets: ticket.c ---- */
struct ticket_keys;
/** The keys of a file, at least three, of which the last but one encrypts: a reference. `text` is
 * its content, should it be the first time. NULL with `err`. */
struct ticket_keys *ticket_keys_get(const char *name, struct slice text, struct text *err);
void ticket_keys_put(struct ticket_keys **k);
/** The context encrypts tickets with these keys, which outlive it. */
void ticket_keys_use(SSL_CTX *ctx, struct ticket_keys *k);
/** The context encrypts them with keys made of the process's seed and a listener's name. */
void ticket_keys_derive(SSL_CTX *ctx, const char *id);

/* ---- generated certificates: mint.c ---- */
struct tls_mint;
struct tls_mint *mint_new(const char *ca_file, const char *pass, struct text *err);
void mint_free(struct tls_mint **m);
/** A certificate for `name`, made or remembered; its reference belongs to the caller. NULL when it
 * fails. */
struct mint_cert {
    X509 *x509;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* borrowed from the mint; NULL: none */
};
bool mint_get(struct tls_mint *m, struct slice name, const struct tls_cert *like,
              struct mint_cert *out);
/** The certificate that signs; the mint's. */
struct tls_cert *mint_authority(struct tls_mint *m);

#endif
