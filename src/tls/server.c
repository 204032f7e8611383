/* server.c - the accepting side: which certificate and which options a client gets.
 *
 * There is one context per set of options, not per certificate: a certificate that is not the
 * context's own is put on the connection when (and only when) a full handshake needs it. Names are
 * found by hashing (names.h). */
#include "base/epoch.h"
#include "tls/early.h"
#include "tls/names.h"
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <xxhash.h>

/** Entries in the order of preference; immutable, replaced as a whole. */
struct default_list {
    unsigned n;
    struct tls_entry *e[];
};

struct tls_server {
    char *id;
    const struct tls_options *o;
    struct tls_entry *entries, **tail;
    struct tls_ctx *ctxs;           /* the first one begins all handshakes */
    struct tls_entry minted;        /* for generated certificates when there is no other one */
    struct tls_entry *_Atomic only; /* what every client gets, when there is no choice */
    struct names names;
    struct default_list *_Atomic defaults; /* for clients that name no known host; NULL: none */
    unsigned nentries;
    unsigned generation;    /* of authorities: those before are not resumed */
    _Atomic unsigned kinds; /* bits 1 << enum tls_key: of all certificates */
    struct ticket_keys *tickets;
    struct tls_mint *mint;
    _Atomic bool early; /* some accept early data */
};

struct tls_server *
tls_server_new(const char *id, const struct tls_options *o)
{
    struct tls_server *s = xcalloc(1, sizeof(*s));

    tls_init();
    s->id = xstrdup(id);
    s->o = o;
    s->tail = &s->entries;
    return s;
}

bool
tls_server_is_empty(const struct tls_server *s)
{
    return s->nentries == 0;
}

const struct tls_options *
server_options(const struct tls_server *s)
{
    return s->o;
}

/* ---- entries ---- */

void
entry_put(struct tls_entry *e)
{
    if (!e || atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < e->nexcept; i++)
        free(e->except[i]);
    for (unsigned i = 0; i < e->nfilters; i++)
        free(e->filters[i]);
    free(e->except);
    free(e->filters);
    tls_cert_free(&e->cert);
    free(e);
}

static void
put_entry(void *p)
{
    entry_put(p);
}

static void
take_filters(struct tls_entry *e, const char *const *filters, unsigned n)
{
    e->filters = n ? xcalloc(n, sizeof(*e->filters)) : NULL;
    e->nfilters = n;
    for (unsigned i = 0; i < n; i++) {
        char lower[NAMES_MAX + 1];
        e->filters[i] = xstrdup(filters[i]);
        e->is_default |= strcmp(filters[i], "*") == 0;
        e->named |= filters[i][0] != '!';
        if (filters[i][0] != '!' || !names_lower(slice_str(filters[i] + 1), lower))
            continue;
        e->except = xrealloc(e->except, (e->nexcept + 1) * sizeof(*e->except));
        e->except[e->nexcept++] = xstrdup(lower);
    }
}

static struct tls_entry *
entry_new(struct tls_cert *cert, const struct tls_options *line)
{
    struct tls_entry *e = xcalloc(1, sizeof(*e));

    atomic_init(&e->refs, 1);
    e->cert = tls_cert_ref(cert);
    e->line = line;
    return e;
}

/* The next name that leads to the entry, NULL: there are no more. *at begins as 0. */
static const char *
entry_name(const struct tls_entry *e, unsigned *at)
{
    if (!e->named)
        return *at < e->cert->nnames ? e->cert->names[(*at)++] : NULL;
    while (*at < e->nfilters) {
        const char *f = e->filters[(*at)++];
        if (f[0] != '!' && strcmp(f, "*") != 0)
            return f;
    }
    return NULL;
}

static void
append(struct tls_server *s, struct tls_entry *e)
{
    *s->tail = e;
    s->tail = &e->next;
    s->nentries++;
    atomic_fetch_or(&s->kinds, 1u << e->cert->kind);
}

static void
index_names(struct tls_server *s, struct tls_entry *e)
{
    const char *name;

    for (unsigned i = 0; (name = entry_name(e, &i));)
        names_add(&s->names, slice_str(name), e);
}

void
tls_server_add(struct tls_server *s, struct tls_cert *cert, const struct tls_options *line,
               const char *const *filters, unsigned nfilters, const void *owner)
{
    struct tls_entry *e = entry_new(cert, line ? line : s->o);

    e->owner = owner;
    take_filters(e, filters, nfilters);
    append(s, e);
    index_names(s, e);
}

void
tls_server_add_default(struct tls_server *s, struct tls_cert *cert)
{
    struct tls_entry *e = entry_new(cert, s->o);

    e->is_default = true;
    append(s, e);
    index_names(s, e);
}

bool
tls_server_ticket_keys(struct tls_server *s, const char *name, struct slice data, struct text *err)
{
    ticket_keys_put(&s->tickets);
    s->tickets = ticket_keys_get(name, data, err);
    return s->tickets != NULL;
}

bool
tls_server_mint(struct tls_server *s, const char *ca_file, const char *pass, struct text *err)
{
    mint_free(&s->mint);
    s->mint = mint_new(ca_file, pass, err);
    return s->mint != NULL;
}

/* ---- choosing ---- */

static bool
is_excepted(const struct tls_entry *e, const char *name)
{
    for (unsigned i = 0; i < e->nexcept; i++)
        if (strcmp(e->except[i], name) == 0)
            return true;
    return false;
}

/** What the client can verify. */
struct knows {
    bool ecdsa;       /* whatever the version */
    bool ecdsa_in_13; /* in TLS 1.3 only: its suites say nothing of keys */
};

/** Candidates of which the best kind of key wins. */
struct choice {
    struct tls_entry *best;
    struct knows client;
};

static unsigned
rank_of(const struct choice *c, const struct tls_entry *e)
{
    bool old = e->ctx && e->ctx->max && e->ctx->max < TLS1_3_VERSION;

    switch (e->cert->kind) {
    case TLS_KEY_ECDSA:
        return c->client.ecdsa || (c->client.ecdsa_in_13 && !old) ? 0 : 2;
    case TLS_KEY_RSA:
        return 1;
    default:
        return 3;
    }
}

static void
offer(struct choice *c, struct tls_entry *e)
{
    if (!c->best || rank_of(c, e) < rank_of(c, c->best))
        c->best = e;
}

/* The entry for a name in lower case; NULL: there is none. */
static struct tls_entry *
find_name(const struct tls_server *s, const char *name, struct knows client)
{
    struct choice c = { NULL, client };

    for (const struct name_ref *r = names_exact(&s->names, slice_str(name)); r;
         r = name_ref_next(r))
        offer(&c, r->value);
    if (c.best)
        return c.best;
    for (const struct name_ref *r = names_wildcard(&s->names, slice_str(name)); r;
         r = name_ref_next(r))
        if (!is_excepted(r->value, name))
            offer(&c, r->value);
    return c.best;
}

static struct tls_entry *
find_default(const struct tls_server *s, struct knows client)
{
    const struct default_list *l = atomic_load_explicit(&s->defaults, memory_order_acquire);
    struct choice c = { NULL, client };

    for (unsigned i = 0; l && i < l->n; i++)
        offer(&c, l->e[i]);
    return c.best;
}

/* ---- what the hello says ---- */

static struct slice
hello_ext(SSL *ssl, unsigned type)
{
    const unsigned char *p;
    size_t len;

    if (SSL_client_hello_get0_ext(ssl, type, &p, &len) != 1)
        return SLICE_NONE;
    return slice((const char *)p, len);
}

static unsigned
u16(const char *p)
{
    return (unsigned)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

/* RFC 6066, section 3: the first (and only) name. The library checks the rest of its form later. */
static struct slice
hello_name(SSL *ssl)
{
    struct slice x = hello_ext(ssl, TLSEXT_TYPE_server_name);

    if (x.len < 5 || x.p[2] != TLSEXT_NAMETYPE_host_name || u16(x.p + 3) > x.len - 5)
        return SLICE_NONE;
    return slice(x.p + 5, u16(x.p + 3));
}

/* Suites of TLS 1.2 and older that authenticate by ECDSA. */
static bool
is_ecdsa_suite(unsigned id)
{
    static const uint16_t suites[] = { 0xc02b, 0xc02c, 0xcca9, 0xc023, 0xc024, 0xc009,
                                       0xc00a, 0xc008, 0xc007, 0xc0ac, 0xc0ad, 0xc0ae,
                                       0xc0af, 0xc072, 0xc073, 0xc05c, 0xc05d };

    for (unsigned i = 0; i < COUNT_OF(suites); i++)
        if (suites[i] == id)
            return true;
    return false;
}

static struct knows
what_client_knows(SSL *ssl)
{
    struct knows k = { false, false };
    struct slice x = hello_ext(ssl, TLSEXT_TYPE_signature_algorithms);
    const unsigned char *suites;
    bool signs = !x.p;

    for (size_t i = 2; x.p && i + 1 < x.len; i += 2) {
        unsigned scheme = u16(x.p + i);
        signs =
            signs || scheme == 0x0403 || scheme == 0x0503 || scheme == 0x0603 || scheme == 0x0203;
    }
    if (!signs)
        return k;
    size_t n = SSL_client_hello_get0_ciphers(ssl, &suites);
    for (size_t i = 0; i + 1 < n && !k.ecdsa; i += 2) {
        unsigned id = u16((const char *)suites + i);
        k.ecdsa = is_ecdsa_suite(id);
        k.ecdsa_in_13 |= id >> 8 == 0x13;
    }
    return k;
}

/* ---- callbacks of the library ---- */

static void
switch_ctx(SSL *ssl, const struct tls_ctx *ctx)
{
    const struct tls_options *o = ctx->o;

    SSL_CTX *to = atomic_load_explicit(&ctx->ssl, memory_order_acquire);

    SSL_set_SSL_CTX(ssl, to);
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(to), SSL_CTX_get_verify_callback(to));
    SSL_set_min_proto_version(ssl, ctx->min);
    SSL_set_max_proto_version(ssl, ctx->max);
    if (o->curves || o->ecdhe)
        SSL_set1_groups_list(ssl, o->curves ? o->curves : o->ecdhe);
    SSL_clear_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                               SSL_OP_NO_TICKET | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 |
                               SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3);
    SSL_set_options(ssl, SSL_CTX_get_options(to));
    early_set_conn(ssl, o);
}

/* Sessions with generated certificates are resumed for the same name only. */
static void
bind_to_name(SSL *ssl, const struct tls_entry *e, struct slice name)
{
    unsigned char sid[sizeof(e->sid)];
    XXH128_canonical_t hash;

    XXH128_canonicalFromHash(&hash, XXH3_128bits(name.p, name.len));
    for (unsigned i = 0; i < sizeof(sid); i++)
        sid[i] = e->sid[i] ^ hash.digest[i];
    SSL_set_session_id_context(ssl, sid, sizeof(sid));
}

/* A second hello (RFC 8446, 4.1.4) may find another one. */
static void
take_entry(struct tls_conn *t, struct tls_entry *e)
{
    entry_put(t->entry);
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    t->entry = e;
}

static int
on_hello(SSL *ssl, int *alert, void *arg)
{
    struct tls_conn *t = tls_conn_of(ssl);
    struct tls_server *s = t->server;
    struct tls_entry *e = atomic_load_explicit(&s->only, memory_order_acquire);
    bool strict = s->o->flags & TLSF_STRICT_SNI;
    char lower[NAMES_MAX + 1];

    (void)arg;
    if (tls_tune.capture_size)
        hello_keep(t, ssl);
    if (!e) {
        struct slice name = hello_name(ssl);
        unsigned kinds = atomic_load_explicit(&s->kinds, memory_order_relaxed);
        struct knows client = { kinds == 1u << TLS_KEY_ECDSA, false };
        if (kinds & 1u << TLS_KEY_ECDSA && !client.ecdsa)
            client = what_client_knows(ssl);
        if (name.len && names_lower(name, lower))
            e = find_name(s, lower, client);
        if (!e && name.len && s->mint)
            t->flags |= TLSC_MINT;
        if (!e && (!strict || t->flags & TLSC_MINT))
            e = find_default(s, client);
        if (!e && t->flags & TLSC_MINT)
            e = &s->minted;
    }
    if (!e) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
    }
    take_entry(t, e);
    if (unlikely(e->ctx != s->ctxs))
        switch_ctx(ssl, e->ctx);
    if (unlikely(t->flags & TLSC_MINT))
        bind_to_name(ssl, e, hello_name(ssl));
    else
        SSL_set_session_id_context(ssl, e->sid, sizeof(e->sid));
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* Tells the client that its name was understood, and the library to remember it with the session.
 */
static int
on_name(SSL *ssl, int *alert, void *arg)
{
    return SSL_TLSEXT_ERR_OK;
}

/* Puts the certificate that was chosen on the connection, unless the context has it. */
static int
own_cert(SSL *ssl, const struct tls_conn *t)
{
    const struct tls_cert *c = t->entry->cert;

    if (t->entry->ctx->loaded == c)
        return 1;
    SSL_certs_clear(ssl);
    if (SSL_use_cert_and_key(ssl, c->x509, c->key, c->chain, 1) != 1)
        return 0;
    if (c->dh) {
        EVP_PKEY_up_ref(c->dh);
        if (SSL_set0_tmp_dh_pkey(ssl, c->dh) != 1)
            EVP_PKEY_free(c->dh);
    }
    return 1;
}

static int
use_minted(SSL *ssl, struct tls_conn *t)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    struct mint_cert made;

    if (!name || !mint_get(t->server->mint, slice_str(name), t->entry->cert, &made))
        return t->server->o->flags & TLSF_STRICT_SNI || t->entry == &t->server->minted
                   ? 0
                   : own_cert(ssl, t);
    SSL_certs_clear(ssl);
    int ok = SSL_use_cert_and_key(ssl, made.x509, made.key, made.chain, 1) == 1;
    X509_free(made.x509);
    EVP_PKEY_free(made.key);
    return ok;
}

/* Only full handshakes come here. */
static int
on_cert(SSL *ssl, void *arg)
{
    struct tls_conn *t = tls_conn_of(ssl);

    return t->flags & TLSC_MINT ? use_minted(ssl, t) : own_cert(ssl, t);
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
        unsigned in_len, void *arg)
{
    const struct tls_ctx *ctx = arg;

    if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len,
                              (const unsigned char *)ctx->o->alpn.p, (unsigned)ctx->o->alpn.len, in,
                              in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    return SSL_TLSEXT_ERR_OK;
}

static int
on_status(SSL *ssl, void *arg)
{
    struct tls_conn *t = tls_conn_of(ssl);
    const struct tls_ocsp *o =
        t->entry && !(t->flags & TLSC_MINT)
            ? atomic_load_explicit(&t->entry->cert->ocsp, memory_order_acquire)
            : NULL;

    if (!o)
        return SSL_TLSEXT_ERR_NOACK;
    if (o->expires && o->expires <= loop_wall_us() / 1000000) {
        t->flags |= TLSC_NOT_STAPLED;
        return SSL_TLSEXT_ERR_NOACK;
    }
    unsigned char *copy = OPENSSL_memdup(o->der, (size_t)o->len);
    if (!copy)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, o->len);
    t->flags |= TLSC_STAPLED;
    return SSL_TLSEXT_ERR_OK;
}

/* ---- resumption, for statistics ---- */

static _Atomic uint64_t cache_misses, ticket_hits, resumptions;

void
server_count_resumed(void)
{
    atomic_fetch_add_explicit(&resumptions, 1, memory_order_relaxed);
}

/* What was resumed without a ticket was found in the library's cache. */
void
tls_cache_counts(struct tls_cache *to)
{
    uint64_t all = atomic_load(&resumptions), by_ticket = atomic_load(&ticket_hits);

    to->misses = atomic_load(&cache_misses);
    to->lookups = to->misses + (all > by_ticket ? all - by_ticket : 0);
}

/* Asked when the library's own cache does not know a session; there is no other one. */
static SSL_SESSION *
on_miss(SSL *ssl, const unsigned char *id, int len, int *copy)
{
    atomic_fetch_add_explicit(&cache_misses, 1, memory_order_relaxed);
    return NULL;
}

/* Decides as the library does without it. */
static SSL_TICKET_RETURN
on_ticket_read(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t len,
               SSL_TICKET_STATUS status, void *arg)
{
    switch (status) {
    case SSL_TICKET_SUCCESS:
    case SSL_TICKET_SUCCESS_RENEW:
        atomic_fetch_add_explicit(&ticket_hits, 1, memory_order_relaxed);
        return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
    case SSL_TICKET_EMPTY:
    case SSL_TICKET_NO_DECRYPT:
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    default:
        return SSL_TICKET_RETURN_ABORT;
    }
}

static int
on_sctl(SSL *ssl, unsigned type, unsigned context, const unsigned char **out, size_t *out_len,
        X509 *x, size_t at, int *alert, void *arg)
{
    const struct tls_conn *t = tls_conn_of(ssl);
    const struct tls_cert *c = t->entry ? t->entry->cert : NULL;

    /* RFC 8446: only with the certificate itself, not with those of its chain. */
    if (!c || !c->sctl || (context & SSL_EXT_TLS1_3_CERTIFICATE && at != 0))
        return 0;
    *out = c->sctl;
    *out_len = c->sctl_len;
    return 1;
}

/* ---- contexts ---- */

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
same_options(const struct tls_options *a, const struct tls_options *b)
{
    return a == b ||
           (a->min == b->min && a->max == b->max && a->no_versions == b->no_versions &&
            a->verify == b->verify && a->flags == b->flags && slice_eq(a->alpn, b->alpn) &&
            same_text(a->ciphers, b->ciphers) && same_text(a->ciphersuites, b->ciphersuites) &&
            same_text(a->curves, b->curves) && same_text(a->ecdhe, b->ecdhe) &&
            same_text(a->sigalgs, b->sigalgs) && same_text(a->client_sigalgs, b->client_sigalgs) &&
            same_text(a->ca_file, b->ca_file) && same_text(a->ca_verify_file, b->ca_verify_file) &&
            same_text(a->crl_file, b->crl_file));
}

static void
set_callbacks(struct tls_ctx *c, SSL_CTX *ssl)
{
    SSL_CTX_set_client_hello_cb(ssl, on_hello, NULL);
    SSL_CTX_set_tlsext_servername_callback(ssl, on_name);
    SSL_CTX_set_tlsext_status_cb(ssl, on_status);
    if (c->o->alpn.len && !(c->o->flags & TLSF_NO_ALPN))
        SSL_CTX_set_alpn_select_cb(ssl, on_alpn, c);
    SSL_CTX_set_cert_cb(ssl, on_cert, NULL);
    SSL_CTX_add_custom_ext(
        ssl, TLSEXT_TYPE_signed_certificate_timestamp,
        SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_CERTIFICATE, on_sctl,
        NULL, NULL, NULL, NULL);
}

static void
set_sessions(const struct tls_server *s, const struct tls_options *o, SSL_CTX *ssl)
{
    /* One ticket is enough: a client that wants several connections at once resumes with the same.
     */
    SSL_CTX_set_num_tickets(ssl, o->flags & TLSF_NO_TICKETS ? 0 : 1);
    SSL_CTX_set_timeout(ssl, tls_tune.lifetime_s);
    SSL_CTX_set_session_id_context(ssl, (const unsigned char *)"steelyard", 9);
    SSL_CTX_set_session_ticket_cb(ssl, NULL, on_ticket_read, NULL);
    SSL_CTX_sess_set_get_cb(ssl, on_miss);
    if (tls_tune.cache_size) {
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_SERVER);
        SSL_CTX_sess_set_cache_size(ssl, tls_tune.cache_size);
    } else {
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    }
    if (s->tickets)
        ticket_keys_use(ssl, s->tickets);
    else
        ticket_keys_derive(ssl, s->id);
    early_set_ctx(ssl, o, s->tickets != NULL);
}

/* A context of the library, ready for handshakes. NULL with `err`. */
static SSL_CTX *
build(struct tls_ctx *c, const struct tls_cert *cert, struct text *err)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());

    if (!ssl) {
        text_str(err, "unable to allocate ssl context");
        return NULL;
    }
    if (!ctx_apply(ssl, c->o, true, err) || (cert && !ctx_use_cert(ssl, cert, err))) {
        SSL_CTX_free(ssl);
        return NULL;
    }
    set_callbacks(c, ssl);
    set_sessions(c->server, c->o, ssl);
    return ssl;
}

/* The first context of a server stays the first: handshakes begin with it. */
static struct tls_ctx *
ctx_for(struct tls_server *s, const struct tls_options *o, struct tls_cert *cert, struct text *err)
{
    struct tls_ctx **at = &s->ctxs, *c;

    for (; *at; at = &(*at)->next)
        if (same_options((*at)->o, o))
            return *at;
    c = xcalloc(1, sizeof(*c));
    c->server = s;
    c->o = o;
    ctx_versions(o, &c->min, &c->max);
    SSL_CTX *ssl = build(c, cert, err);
    if (!ssl) {
        free(c);
        return NULL;
    }
    c->loaded = cert ? tls_cert_ref(cert) : NULL;
    atomic_init(&c->ssl, ssl);
    if (o->flags & TLSF_EARLY)
        atomic_store(&s->early, true);
    *at = c;
    return c;
}

/* Sessions may be resumed for the same listener, certificate and rules of verification only. */
static void
make_sid(const struct tls_server *s, struct tls_entry *e)
{
    const struct tls_options *o = e->line;
    unsigned char md[EVP_MAX_MD_SIZE], print[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct text t = { 0 };

    text_printf(&t, "%s\n%d\n%s\n%s\n%s\n%u\n", s->id, o->verify, o->ca_file ? o->ca_file : "",
                o->ca_verify_file ? o->ca_verify_file : "", o->crl_file ? o->crl_file : "",
                s->generation);
    if (X509_digest(e->cert->x509, EVP_sha256(), print, &len) == 1)
        text_mem(&t, print, len);
    if (EVP_Digest(t.p, t.len, md, &len, EVP_sha256(), NULL) == 1)
        memcpy(e->sid, md, sizeof(e->sid));
    text_fini(&t);
}

/* "site.rsa" and "site.ecdsa" are one certificate with two keys. */
static bool
same_bundle(const struct tls_cert *a, const struct tls_cert *b)
{
    const char *x = strrchr(a->name, '.'), *y = strrchr(b->name, '.');

    if (!x || !y || x - a->name != y - b->name ||
        strncmp(a->name, b->name, (size_t)(x - a->name)) != 0)
        return false;
    return (strcmp(x, ".rsa") == 0 || strcmp(x, ".ecdsa") == 0 || strcmp(x, ".dsa") == 0) &&
           (strcmp(y, ".rsa") == 0 || strcmp(y, ".ecdsa") == 0 || strcmp(y, ".dsa") == 0);
}

/* The first certificate stands in for unknown names, as those do that were declared for that. */
static struct default_list *
collect_defaults(const struct tls_server *s)
{
    const struct tls_entry *first = s->entries;
    struct default_list *l =
        xcalloc(1, sizeof(*l) + (s->nentries + 1) * sizeof(struct tls_entry *));

    for (struct tls_entry *e = s->entries; e; e = e->next)
        if (e->is_default || e == first ||
            (!first->is_default && same_bundle(first->cert, e->cert)))
            l->e[l->n++] = e;
    return l;
}

/* Defaults and the rest that follows from the entries. */
static void
publish_choice(struct tls_server *s)
{
    bool choice = s->nentries != 1 || s->o->flags & TLSF_STRICT_SNI || s->mint;
    struct default_list *l = collect_defaults(s);
    struct default_list *old = atomic_exchange_explicit(&s->defaults, l, memory_order_acq_rel);

    if (old)
        epoch_retire(free, old);
    atomic_store_explicit(&s->only, choice ? NULL : s->entries, memory_order_release);
}

/* Certificates that are put on connections later must be acceptable now (size of the key, digest).
 */
static bool
try_cert(const struct tls_entry *e, SSL **probe, struct text *err)
{
    const struct tls_cert *c = e->cert;
    SSL_CTX *ctx = atomic_load(&e->ctx->ssl);

    if (e->ctx->loaded == c)
        return true;
    if (!*probe || SSL_get_SSL_CTX(*probe) != ctx) {
        SSL_free(*probe);
        *probe = SSL_new(ctx);
    }
    if (*probe && SSL_use_cert_and_key(*probe, c->x509, c->key, c->chain, 1) == 1)
        return true;
    text_printf(err, "unable to load SSL certificate into SSL Context '%s'", c->name);
    ERR_clear_error();
    return false;
}

static bool
finish_entry(struct tls_server *s, struct tls_entry *e, SSL **probe, struct text *err)
{
    e->ctx = ctx_for(s, e->line, e->cert, err);
    if (!e->ctx || !try_cert(e, probe, err))
        return false;
    make_sid(s, e);
    return true;
}

bool
tls_server_finish(struct tls_server *s, struct text *err)
{
    const struct tls_entry *first = NULL;
    SSL *probe = NULL;
    bool ok;

    publish_choice(s);
    const struct default_list *l = atomic_load(&s->defaults);
    if (l->n)
        first = l->e[0];
    /* The first context is that of the listener itself: handshakes begin with it. */
    ok = ctx_for(s, s->o, first && same_options(first->line, s->o) ? first->cert : NULL, err);
    for (struct tls_entry *e = s->entries; ok && e; e = e->next)
        ok = finish_entry(s, e, &probe, err);
    SSL_free(probe);
    if (ok && s->mint) {
        s->minted.cert = mint_authority(s->mint);
        s->minted.ctx = s->ctxs;
        s->minted.line = s->o;
        atomic_store(&s->minted.refs, 1);
        make_sid(s, &s->minted);
    }
    return ok;
}

void
tls_server_free(struct tls_server **sp)
{
    struct tls_server *s = *sp;

    if (!s)
        return;
    *sp = NULL;
    for (struct tls_entry *e = s->entries, *next; e; e = next) {
        next = e->next;
        entry_put(e);
    }
    for (struct tls_ctx *c = s->ctxs, *next; c; c = next) {
        next = c->next;
        SSL_CTX_free(c->ssl);
        tls_cert_free(&c->loaded);
        free(c);
    }
    names_fini(&s->names);
    ticket_keys_put(&s->tickets);
    mint_free(&s->mint);
    free(atomic_load(&s->defaults));
    free(s->id);
    free(s);
}

/* ---- changes while threads run ---- */

static void
drop_entry(struct tls_change *c)
{
    entry_put(c->fresh);
}

/* `e` is made like the entry whose name it is: with filters both have the same. */
static bool
has_name(const struct tls_entry *e, const char *wanted)
{
    const char *name;

    if (e->named)
        return true;
    for (unsigned i = 0; (name = entry_name(e, &i));)
        if (strcmp(name, wanted) == 0)
            return true;
    return false;
}

/* Names of `old` lead to `fresh`; those that only one of them has come or go. */
static void
move_names(struct tls_server *s, struct tls_entry *old, struct tls_entry *fresh)
{
    const char *name;

    for (unsigned i = 0; (name = entry_name(old, &i));) {
        if (has_name(fresh, name))
            names_replace(&s->names, slice_str(name), old, fresh);
        else
            names_remove(&s->names, slice_str(name), old);
    }
    for (unsigned i = 0; (name = entry_name(fresh, &i));)
        if (!has_name(old, name))
            names_add(&s->names, slice_str(name), fresh);
}

static struct tls_entry **
link_to(struct tls_server *s, const struct tls_entry *e)
{
    struct tls_entry **at = &s->entries;

    while (*at != e)
        at = &(*at)->next;
    return at;
}

static void
apply_replace(struct tls_change *c)
{
    struct tls_server *s = c->where;
    struct tls_entry **at = link_to(s, c->old);

    c->fresh->next = c->old->next;
    *at = c->fresh;
    if (!c->fresh->next)
        s->tail = &c->fresh->next;
    atomic_fetch_or(&s->kinds, 1u << c->fresh->cert->kind);
    move_names(s, c->old, c->fresh);
    publish_choice(s);
    epoch_retire(put_entry, c->old);
}

static void
apply_add(struct tls_change *c)
{
    struct tls_server *s = c->where;

    append(s, c->fresh);
    index_names(s, c->fresh);
    publish_choice(s);
}

static void
apply_remove(struct tls_change *c)
{
    struct tls_server *s = c->where;
    struct tls_entry **at = link_to(s, c->old);
    const char *name;

    *at = c->old->next;
    if (!*at)
        s->tail = at;
    s->nentries--;
    for (unsigned i = 0; (name = entry_name(c->old, &i));)
        names_remove(&s->names, slice_str(name), c->old);
    publish_choice(s);
    epoch_retire(put_entry, c->old);
}

/* An entry like `old` with another certificate. */
static struct tls_entry *
like(const struct tls_entry *old, struct tls_cert *cert)
{
    struct tls_entry *e = entry_new(cert, old->line);

    e->owner = old->owner;
    take_filters(e, (const char *const *)old->filters, old->nfilters);
    e->is_default = old->is_default;
    return e;
}

bool
tls_server_plan_cert(struct tls_server *s, const struct tls_cert *old, struct tls_cert *cert,
                     struct tls_changes *to, struct text *err)
{
    SSL *probe = NULL;
    bool ok = true;

    for (struct tls_entry *e = s->entries; ok && e; e = e->next) {
        if (e->cert != old)
            continue;
        struct tls_change *c = change_add(to, s, apply_replace, drop_entry);
        c->old = e;
        c->fresh = like(e, cert);
        ok = finish_entry(s, c->fresh, &probe, err);
    }
    SSL_free(probe);
    return ok;
}

bool
tls_server_plan_add(struct tls_server *s, const struct tls_addition *a, struct tls_changes *to,
                    struct text *err)
{
    struct tls_change *c = change_add(to, s, apply_add, drop_entry);
    SSL *probe = NULL;

    c->fresh = entry_new(a->cert, a->line ? a->line : s->o);
    c->fresh->owner = a->owner;
    take_filters(c->fresh, a->filters, a->nfilters);
    bool ok = finish_entry(s, c->fresh, &probe, err);
    SSL_free(probe);
    return ok;
}

void
tls_server_plan_remove(struct tls_server *s, const void *owner, struct tls_changes *to)
{
    for (struct tls_entry *e = s->entries; e; e = e->next)
        if (e->owner == owner)
            change_add(to, s, apply_remove, NULL)->old = e;
}

static void
apply_ctx(struct tls_change *c)
{
    ssl_ctx_retire(atomic_exchange_explicit(&c->ctx->ssl, c->ssl, memory_order_acq_rel));
}

static void
drop_ctx(struct tls_change *c)
{
    SSL_CTX_free(c->ssl);
}

static void
drop_path(struct tls_change *c)
{
    free(c->path);
}

/* Sessions that the authorities of before had verified are not resumed: all entries that use them
 * are made anew, in one walk. */
static void
apply_renewal(struct tls_change *c)
{
    struct tls_server *s = c->where;

    for (struct tls_entry **at = &s->entries; *at; at = &(*at)->next) {
        struct tls_entry *old = *at;
        if (!options_use_ca(old->line, c->path))
            continue;
        struct tls_entry *fresh = like(old, old->cert);
        fresh->ctx = old->ctx;
        make_sid(s, fresh);
        fresh->next = old->next;
        *at = fresh;
        if (!fresh->next)
            s->tail = &fresh->next;
        move_names(s, old, fresh);
        epoch_retire(put_entry, old);
    }
    publish_choice(s);
    free(c->path);
}

bool
tls_server_plan_ca(struct tls_server *s, const char *path, struct tls_changes *to, struct text *err)
{
    if (!tls_server_uses_ca(s, path))
        return true;
    s->generation++;
    for (struct tls_ctx *x = s->ctxs; x; x = x->next) {
        if (!options_use_ca(x->o, path))
            continue;
        struct tls_change *c = change_add(to, s, apply_ctx, drop_ctx);
        c->ctx = x;
        c->ssl = build(x, x->loaded, err);
        if (!c->ssl)
            return false;
    }
    change_add(to, s, apply_renewal, drop_path)->path = xstrdup(path);
    return true;
}

bool
tls_server_uses(const struct tls_server *s, const struct tls_cert *cert)
{
    for (const struct tls_entry *e = s->entries; e; e = e->next)
        if (e->cert == cert)
            return true;
    return false;
}

bool
tls_server_uses_ca(const struct tls_server *s, const char *path)
{
    for (const struct tls_ctx *x = s->ctxs; x; x = x->next)
        if (options_use_ca(x->o, path))
            return true;
    return false;
}

bool
tls_server_is_default(const struct tls_server *s, const void *owner)
{
    const struct default_list *l = atomic_load(&s->defaults);

    for (unsigned i = 0; l && i < l->n; i++)
        if (l->e[i]->owner == owner)
            return true;
    return false;
}

void
tls_server_each_name(const struct tls_server *s, void (*fn)(const struct tls_sni *n, void *arg),
                     void *arg)
{
    const struct default_list *l = atomic_load(&s->defaults);

    for (unsigned i = 0; l && i < l->n; i++)
        fn(&(struct tls_sni){ .name = "*", .cert = l->e[i]->cert }, arg);
    for (const struct tls_entry *e = s->entries; e; e = e->next) {
        struct tls_sni n = { .cert = e->cert };
        for (unsigned i = 0; (n.name = entry_name(e, &i));) {
            bool wild = n.name[0] == '*';
            n.except = wild ? (const char *const *)e->except : NULL;
            n.nexcept = wild ? e->nexcept : 0;
            fn(&n, arg);
        }
    }
}

bool
tls_accept(struct conn *c, struct tls_server *s)
{
    SSL *ssl = SSL_new(atomic_load_explicit(&s->ctxs->ssl, memory_order_acquire));

    if (ssl)
        SSL_set_accept_state(ssl);
    struct tls_conn *t = tls_attach(c, ssl, TLSC_SERVER | (s->early ? TLSC_EARLY_READ : 0));
    if (!t)
        return false;
    t->server = s;
    return true;
}
