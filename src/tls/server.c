/* server.c - the accepting side: which certificate and which options a client gets.
 *
 * There is one context per set of options, not per certificate: a certificate that is not the
 * context's own is put on the connection when (and only when) a full handshake needs it. Names are
 * found by hashing (names.h). */
#include "tls/early.h"
#include "tls/names.h"
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <xxhash.h>

struct tls_server {
    char *id;
    const struct tls_options *o;
    struct tls_entry *entries, **tail;
    struct tls_ctx *ctxs;    /* the first one begins all handshakes */
    struct tls_entry minted; /* for generated certificates when there is no other one */
    struct names names;
    const struct tls_entry **defaults;
    unsigned ndefaults, nentries;
    unsigned kinds; /* bits 1 << enum tls_key: of all certificates */
    struct ticket_keys *tickets;
    struct tls_mint *mint;
    bool early; /* some accept early data */
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

static void
push_default(struct tls_server *s, const struct tls_entry *e)
{
    s->defaults = xrealloc(s->defaults, (s->ndefaults + 1) * sizeof(*s->defaults));
    s->defaults[s->ndefaults++] = e;
}

static struct tls_entry *
add_entry(struct tls_server *s, struct tls_cert *cert, const struct tls_options *line)
{
    struct tls_entry *e = xcalloc(1, sizeof(*e));

    e->cert = cert;
    e->line = line ? line : s->o;
    *s->tail = e;
    s->tail = &e->next;
    s->nentries++;
    s->kinds |= 1u << cert->kind;
    return e;
}

void
tls_server_add(struct tls_server *s, struct tls_cert *cert, const struct tls_options *line,
               const char *const *filters, unsigned nfilters)
{
    struct tls_entry *e = add_entry(s, cert, line);
    unsigned named = 0;

    for (unsigned i = 0; i < nfilters; i++) {
        const char *f = filters[i];
        if (strcmp(f, "*") == 0) {
            push_default(s, e);
            named++;
        } else if (f[0] == '!') {
            char lower[NAMES_MAX + 1];
            if (!names_lower(slice_str(f + 1), lower))
                continue;
            e->except = xrealloc(e->except, (e->nexcept + 1) * sizeof(*e->except));
            e->except[e->nexcept++] = xstrdup(lower);
        } else {
            names_add(&s->names, slice_str(f), e);
            named++;
        }
    }
    for (unsigned i = 0; !named && i < cert->nnames; i++)
        names_add(&s->names, slice_str(cert->names[i]), e);
}

void
tls_server_add_default(struct tls_server *s, struct tls_cert *cert)
{
    struct tls_entry *e = add_entry(s, cert, NULL);

    for (unsigned i = 0; i < cert->nnames; i++)
        names_add(&s->names, slice_str(cert->names[i]), e);
    push_default(s, e);
}

bool
tls_server_ticket_keys(struct tls_server *s, struct slice data, struct text *err)
{
    ticket_keys_free(&s->tickets);
    s->tickets = ticket_keys_parse(data, err);
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

/** Candidates of which the best kind of key wins. */
struct choice {
    const struct tls_entry *best;
    bool ecdsa; /* the client can verify it */
};

static void
offer(struct choice *c, const struct tls_entry *e)
{
    static const unsigned char rank[2][TLS_NKEYS] = {
        [true] = { [TLS_KEY_ECDSA] = 0, [TLS_KEY_RSA] = 1, [TLS_KEY_OTHER] = 2 },
        [false] = { [TLS_KEY_RSA] = 0, [TLS_KEY_ECDSA] = 1, [TLS_KEY_OTHER] = 2 },
    };

    if (!c->best || rank[c->ecdsa][e->cert->kind] < rank[c->ecdsa][c->best->cert->kind])
        c->best = e;
}

/* The entry for a name in lower case; NULL: there is none. */
static const struct tls_entry *
find_name(const struct tls_server *s, const char *name, bool ecdsa)
{
    struct choice c = { NULL, ecdsa };

    for (const struct name_ref *r = names_exact(&s->names, slice_str(name)); r; r = r->next)
        offer(&c, r->value);
    if (c.best)
        return c.best;
    for (const struct name_ref *r = names_wildcard(&s->names, slice_str(name)); r; r = r->next)
        if (!is_excepted(r->value, name))
            offer(&c, r->value);
    return c.best;
}

static const struct tls_entry *
find_default(const struct tls_server *s, bool ecdsa)
{
    struct choice c = { NULL, ecdsa };

    for (unsigned i = 0; i < s->ndefaults; i++)
        offer(&c, s->defaults[i]);
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
    return id >> 8 == 0x13; /* TLS 1.3: signature algorithms decide */
}

static bool
client_knows_ecdsa(SSL *ssl)
{
    struct slice x = hello_ext(ssl, TLSEXT_TYPE_signature_algorithms);
    const unsigned char *suites;
    bool signs = !x.p;

    for (size_t i = 2; x.p && i + 1 < x.len; i += 2) {
        unsigned scheme = u16(x.p + i);
        signs =
            signs || scheme == 0x0403 || scheme == 0x0503 || scheme == 0x0603 || scheme == 0x0203;
    }
    if (!signs)
        return false;
    size_t n = SSL_client_hello_get0_ciphers(ssl, &suites);
    for (size_t i = 0; i + 1 < n; i += 2)
        if (is_ecdsa_suite(u16((const char *)suites + i)))
            return true;
    return false;
}

/* ---- callbacks of the library ---- */

static void
switch_ctx(SSL *ssl, const struct tls_ctx *ctx)
{
    const struct tls_options *o = ctx->o;

    SSL_set_SSL_CTX(ssl, ctx->ssl);
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(ctx->ssl), SSL_CTX_get_verify_callback(ctx->ssl));
    SSL_set_min_proto_version(ssl, ctx->min);
    SSL_set_max_proto_version(ssl, ctx->max);
    if (o->curves || o->ecdhe)
        SSL_set1_groups_list(ssl, o->curves ? o->curves : o->ecdhe);
    SSL_clear_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                               SSL_OP_NO_TICKET | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 |
                               SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3);
    SSL_set_options(ssl, SSL_CTX_get_options(ctx->ssl));
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

static int
on_hello(SSL *ssl, int *alert, void *arg)
{
    struct tls_conn *t = tls_conn_of(ssl);
    struct tls_server *s = t->server;
    const struct tls_entry *e = NULL;
    bool strict = s->o->flags & TLSF_STRICT_SNI;
    char lower[NAMES_MAX + 1];

    (void)arg;
    if (tls_tune.capture_size)
        hello_keep(t, ssl);
    if (likely(s->nentries == 1 && !strict && !s->mint)) {
        e = s->entries;
    } else {
        struct slice name = hello_name(ssl);
        bool ecdsa = s->kinds == 1u << TLS_KEY_ECDSA ||
                     (s->kinds & 1u << TLS_KEY_ECDSA && client_knows_ecdsa(ssl));
        if (name.len && names_lower(name, lower))
            e = find_name(s, lower, ecdsa);
        if (!e && name.len && s->mint)
            t->flags |= TLSC_MINT;
        if (!e && (!strict || t->flags & TLSC_MINT))
            e = find_default(s, ecdsa);
        if (!e && t->flags & TLSC_MINT)
            e = &s->minted;
    }
    if (!e) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
    }
    t->entry = e;
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
    const struct tls_conn *t = tls_conn_of(ssl);
    const struct tls_ocsp *o =
        t->entry && !(t->flags & TLSC_MINT)
            ? atomic_load_explicit(&t->entry->cert->ocsp, memory_order_acquire)
            : NULL;

    if (!o || (o->expires && o->expires <= loop_wall_us() / 1000000))
        return SSL_TLSEXT_ERR_NOACK;
    unsigned char *copy = OPENSSL_memdup(o->der, (size_t)o->len);
    if (!copy)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, o->len);
    return SSL_TLSEXT_ERR_OK;
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

static bool
wants_sctl(const struct tls_server *s)
{
    for (const struct tls_entry *e = s->entries; e; e = e->next)
        if (e->cert->sctl)
            return true;
    return false;
}

static void
set_callbacks(const struct tls_server *s, struct tls_ctx *c)
{
    SSL_CTX_set_client_hello_cb(c->ssl, on_hello, NULL);
    SSL_CTX_set_tlsext_servername_callback(c->ssl, on_name);
    SSL_CTX_set_tlsext_status_cb(c->ssl, on_status);
    if (c->o->alpn.len && !(c->o->flags & TLSF_NO_ALPN))
        SSL_CTX_set_alpn_select_cb(c->ssl, on_alpn, c);
    if (c->several || s->mint)
        SSL_CTX_set_cert_cb(c->ssl, on_cert, NULL);
    if (wants_sctl(s))
        SSL_CTX_add_custom_ext(
            c->ssl, TLSEXT_TYPE_signed_certificate_timestamp,
            SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_CERTIFICATE,
            on_sctl, NULL, NULL, NULL, NULL);
}

static void
set_sessions(const struct tls_server *s, struct tls_ctx *c)
{
    /* One ticket is enough: a client that wants several connections at once resumes with the same.
     */
    SSL_CTX_set_num_tickets(c->ssl, c->o->flags & TLSF_NO_TICKETS ? 0 : 1);
    SSL_CTX_set_timeout(c->ssl, tls_tune.lifetime_s);
    SSL_CTX_set_session_id_context(c->ssl, (const unsigned char *)"steelyard", 9);
    if (tls_tune.cache_size) {
        SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_SERVER);
        SSL_CTX_sess_set_cache_size(c->ssl, tls_tune.cache_size);
    } else {
        SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
    }
    if (s->tickets)
        ticket_keys_use(c->ssl, s->tickets);
    early_set_ctx(c->ssl, c->o, s->tickets != NULL);
}

static struct tls_ctx *
ctx_for(struct tls_server *s, const struct tls_options *o, struct tls_cert *cert, struct text *err)
{
    struct tls_ctx **at = &s->ctxs, *c;

    for (; *at; at = &(*at)->next)
        if (same_options((*at)->o, o))
            return *at;
    c = xcalloc(1, sizeof(*c));
    *at = c;
    c->server = s;
    c->o = o;
    c->loaded = cert;
    c->ssl = SSL_CTX_new(TLS_server_method());
    if (!c->ssl) {
        text_str(err, "unable to allocate ssl context");
        return NULL;
    }
    ctx_versions(o, &c->min, &c->max);
    return ctx_apply(c->ssl, o, true, err) && (!cert || ctx_use_cert(c->ssl, cert, err)) ? c : NULL;
}

/* Sessions may be resumed for the same listener, certificate and rules of verification only. */
static void
make_sid(const struct tls_server *s, struct tls_entry *e)
{
    const struct tls_options *o = e->line;
    unsigned char md[EVP_MAX_MD_SIZE], print[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct text t = { 0 };

    text_printf(&t, "%s\n%d\n%s\n%s\n%s\n", s->id, o->verify, o->ca_file ? o->ca_file : "",
                o->ca_verify_file ? o->ca_verify_file : "", o->crl_file ? o->crl_file : "");
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

/* The first certificate stands in for unknown names, unless one that was declared for that comes
 * before it. */
static void
add_implicit_default(struct tls_server *s)
{
    const struct tls_entry *first = s->entries;

    if (!first || (s->ndefaults && s->defaults[0] == first))
        return;
    for (const struct tls_entry *e = first; e; e = e->next)
        if (e == first || same_bundle(first->cert, e->cert))
            push_default(s, e);
    /* it comes before those declared later */
    unsigned n = s->ndefaults;
    const struct tls_entry *last = s->defaults[n - 1];
    if (last == first) {
        memmove(s->defaults + 1, s->defaults, (n - 1) * sizeof(*s->defaults));
        s->defaults[0] = last;
    }
}

/* Certificates that are put on connections later must be acceptable now (size of the key, digest).
 */
static bool
try_cert(const struct tls_entry *e, SSL **probe, struct text *err)
{
    const struct tls_cert *c = e->cert;

    if (e->ctx->loaded == c)
        return true;
    if (!*probe || SSL_get_SSL_CTX(*probe) != e->ctx->ssl) {
        SSL_free(*probe);
        *probe = SSL_new(e->ctx->ssl);
    }
    if (*probe && SSL_use_cert_and_key(*probe, c->x509, c->key, c->chain, 1) == 1)
        return true;
    text_printf(err, "unable to load SSL certificate into SSL Context '%s'", c->name);
    ERR_clear_error();
    return false;
}

static bool
finish_entries(struct tls_server *s, struct text *err)
{
    SSL *probe = NULL;
    bool ok = true;

    for (struct tls_entry *e = s->entries; ok && e; e = e->next) {
        e->ctx = ctx_for(s, e->line, e->cert, err);
        ok = e->ctx && try_cert(e, &probe, err);
        if (!ok)
            break;
        e->ctx->several |= e->ctx->loaded != e->cert;
        make_sid(s, e);
    }
    SSL_free(probe);
    return ok;
}

bool
tls_server_finish(struct tls_server *s, struct text *err)
{
    const struct tls_entry *first;

    add_implicit_default(s);
    first = s->ndefaults ? s->defaults[0] : NULL;
    /* The first context is that of the listener itself: handshakes begin with it. */
    if (!ctx_for(s, s->o, first && same_options(first->line, s->o) ? first->cert : NULL, err))
        return false;
    if (!finish_entries(s, err))
        return false;
    if (s->mint) {
        s->minted =
            (struct tls_entry){ .cert = mint_authority(s->mint), .ctx = s->ctxs, .line = s->o };
        make_sid(s, &s->minted);
    }
    for (struct tls_ctx *c = s->ctxs; c; c = c->next) {
        set_callbacks(s, c);
        set_sessions(s, c);
        s->early |= (c->o->flags & TLSF_EARLY) != 0;
    }
    return true;
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
        for (unsigned i = 0; i < e->nexcept; i++)
            free(e->except[i]);
        free(e->except);
        free(e);
    }
    for (struct tls_ctx *c = s->ctxs, *next; c; c = next) {
        next = c->next;
        SSL_CTX_free(c->ssl);
        free(c);
    }
    names_fini(&s->names);
    ticket_keys_free(&s->tickets);
    mint_free(&s->mint);
    free(s->defaults);
    free(s->id);
    free(s);
}

bool
tls_accept(struct conn *c, struct tls_server *s)
{
    SSL *ssl = SSL_new(s->ctxs->ssl);

    if (ssl)
        SSL_set_accept_state(ssl);
    struct tls_conn *t = tls_attach(c, ssl, TLSC_SERVER | (s->early ? TLSC_EARLY_READ : 0));
    if (!t)
        return false;
    t->server = s;
    return true;
}
