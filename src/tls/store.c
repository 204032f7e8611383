/* store.c - the certificates of the process by name: every file is loaded once.
 *
 * A certificate is loaded from one file (bundle) and its companions beside it: name.key, name.ocsp,
 * name.issuer, name.sctl.
 *
 * Certificates do not change once they are in the store, but for their OCSP response: a new version
 * replaces the old one, which lives as long as somebody holds a reference. Loading is for one
 * thread at a time. */
#include "base/epoch.h"
#include "tls/tls_int.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct htab store;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER; /* leaf; protects `store` */
static EVP_PKEY *default_dh;
static STACK_OF(X509) * issuers; /* of issuers-chain-path */

const char *
tls_cert_name(const struct tls_cert *c)
{
    return c->name;
}

void
tls_cert_allow_jwt(struct tls_cert *c)
{
    c->jwt = true;
}

struct tls_cert *
store_find(struct slice name)
{
    pthread_rwlock_rdlock(&lock);
    struct tls_cert *c = htab_get(&store, name);
    pthread_rwlock_unlock(&lock);
    return c;
}

struct tls_cert *
tls_store_get(const char *name)
{
    return store_find(slice_str(name));
}

struct tls_cert *
tls_cert_ref(struct tls_cert *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

struct tls_cert *
tls_store_ref(const char *name)
{
    struct tls_cert *c = tls_store_get(name);

    return c ? tls_cert_ref(c) : NULL;
}

void
store_each(void (*fn)(struct tls_cert *c, void *arg), void *arg)
{
    const struct htab_item *it;
    unsigned at = 0;

    pthread_rwlock_rdlock(&lock);
    while ((it = htab_next(&store, &at)))
        fn(it->value, arg);
    pthread_rwlock_unlock(&lock);
}

struct names_call {
    void (*fn)(const char *name, void *arg);
    void *arg;
};

static void
tell_name(struct tls_cert *c, void *arg)
{
    const struct names_call *call = arg;

    call->fn(c->name, call->arg);
}

void
tls_store_names(void (*fn)(const char *name, void *arg), void *arg)
{
    struct names_call call = { fn, arg };

    store_each(tell_name, &call);
}

EVP_PKEY *
tls_dh_default(void)
{
    return default_dh;
}

void
tls_cert_free(struct tls_cert **cp)
{
    struct tls_cert *c = *cp;

    *cp = NULL;
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    X509_free(c->x509);
    X509_free(c->issuer);
    EVP_PKEY_free(c->key);
    EVP_PKEY_free(c->dh);
    sk_X509_pop_free(c->chain, X509_free);
    free(atomic_load(&c->ocsp));
    free(c->sctl);
    for (unsigned i = 0; i < c->nnames; i++)
        free(c->names[i]);
    free(c->names);
    free(c->crt_file);
    free(c->key_file);
    free(c->issuer_file);
    free(c->ocsp_file);
    free(c->sctl_file);
    free(c->note);
    free(c->name);
    free(c);
}

void
tls_store_clear(void)
{
    const struct htab_item *it;
    unsigned at = 0;

    while ((it = htab_next(&store, &at))) {
        struct tls_cert *c = it->value;
        tls_cert_free(&c);
    }
    htab_fini(&store);
    memset(&store, 0, sizeof(store));
    EVP_PKEY_free(default_dh);
    default_dh = NULL;
    sk_X509_pop_free(issuers, X509_free);
    issuers = NULL;
    pem_clear();
    ca_clear();
    client_sessions_clear();
}

static void
free_cert(void *p)
{
    struct tls_cert *c = p;

    tls_cert_free(&c);
}

void
tls_store_put(struct tls_cert *c)
{
    pthread_rwlock_wrlock(&lock);
    struct tls_cert *old = htab_put(&store, slice_str(c->name), tls_cert_ref(c));
    pthread_rwlock_unlock(&lock);
    if (old)
        epoch_retire(free_cert, old);
}

void
tls_store_del(const char *name)
{
    pthread_rwlock_wrlock(&lock);
    struct tls_cert *old = htab_del(&store, slice_str(name));
    pthread_rwlock_unlock(&lock);
    if (old)
        epoch_retire(free_cert, old);
}

/* ---- names in a certificate ---- */

static void
add_name(struct tls_cert *c, const unsigned char *text, int len)
{
    if (len <= 0 || len > 255 || memchr(text, '\0', (size_t)len))
        return;
    char *name = xstrndup((const char *)text, (size_t)len);
    for (char *p = name; *p; p++)
        *p = (char)ascii_lower((unsigned char)*p);
    for (unsigned i = 0; i < c->nnames; i++)
        if (strcmp(c->names[i], name) == 0) {
            free(name);
            return;
        }
    c->names = xrealloc(c->names, (c->nnames + 1) * sizeof(*c->names));
    c->names[c->nnames++] = name;
}

static void
collect_names(struct tls_cert *c)
{
    GENERAL_NAMES *alt = X509_get_ext_d2i(c->x509, NID_subject_alt_name, NULL, NULL);
    X509_NAME *subject = X509_get_subject_name(c->x509);

    for (int i = 0; i < sk_GENERAL_NAME_num(alt); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(alt, i);
        if (g->type == GEN_DNS)
            add_name(c, ASN1_STRING_get0_data(g->d.dNSName), ASN1_STRING_length(g->d.dNSName));
    }
    GENERAL_NAMES_free(alt);
    for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
        unsigned char *utf8 = NULL;
        int n =
            ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (n >= 0)
            add_name(c, utf8, n);
        OPENSSL_free(utf8);
    }
    ERR_clear_error();
}

/* ---- issuers ---- */

X509 *
tls_find_issuer(X509 *x)
{
    for (int i = 0; i < sk_X509_num(issuers); i++)
        if (X509_check_issued(sk_X509_value(issuers, i), x) == X509_V_OK)
            return sk_X509_value(issuers, i);
    return NULL;
}

bool
tls_set_issuers_path(const char *path)
{
    struct dirent **list;
    int n = scandir(path, &list, NULL, alphasort);

    if (n < 0)
        return false;
    for (int i = 0; i < n; i++) {
        char *file = xasprintf("%s/%s", path, list[i]->d_name);
        size_t len;
        char *text = slice_ends(slice_str(file), SL(".pem")) ? tls_read_file(file, &len) : NULL;
        STACK_OF(X509) *found = text ? pem_certs(slice(text, len)) : NULL;
        for (int k = 0; k < sk_X509_num(found); k++) {
            if (!issuers)
                issuers = sk_X509_new_null();
            X509_up_ref(sk_X509_value(found, k));
            sk_X509_push(issuers, sk_X509_value(found, k));
        }
        sk_X509_pop_free(found, X509_free);
        free(text);
        free(file);
        free(list[i]);
    }
    free(list);
    return true;
}

/* A lone certificate is completed from the folder of issuers. */
static void
complete_chain(struct tls_cert *c)
{
    X509 *x = c->x509, *up;

    if (c->chain || !issuers)
        return;
    for (int depth = 0; depth < 10 && (up = tls_find_issuer(x)) && up != x; depth++) {
        if (X509_check_issued(up, up) == X509_V_OK && depth > 0 && tls_tune.skip_self_issued_ca)
            break;
        if (!c->chain && !(c->chain = sk_X509_new_null()))
            return;
        X509_up_ref(up);
        sk_X509_push(c->chain, up);
        if (X509_check_issued(up, up) == X509_V_OK)
            break;
        x = up;
    }
}

static void
find_issuer(struct tls_cert *c)
{
    X509 *x = NULL;

    if (c->issuer)
        return;
    for (int i = 0; !x && i < sk_X509_num(c->chain); i++)
        if (X509_check_issued(sk_X509_value(c->chain, i), c->x509) == X509_V_OK)
            x = sk_X509_value(c->chain, i);
    if (!x)
        x = tls_find_issuer(c->x509);
    if (!x && X509_check_issued(c->x509, c->x509) == X509_V_OK)
        x = c->x509;
    if (x && X509_up_ref(x))
        c->issuer = x;
}

/* The root at the end of a chain is dead weight in every handshake (ssl-skip-self-issued-ca). */
static void
drop_root(struct tls_cert *c)
{
    int n = sk_X509_num(c->chain);

    if (!tls_tune.skip_self_issued_ca || n < 1)
        return;
    X509 *last = sk_X509_value(c->chain, n - 1);
    if (X509_check_issued(last, last) == X509_V_OK)
        X509_free(sk_X509_pop(c->chain));
}

/* ---- checking ---- */

static enum tls_key
kind_of(EVP_PKEY *key)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        return TLS_KEY_RSA;
    case EVP_PKEY_EC:
        return TLS_KEY_ECDSA;
    default:
        return TLS_KEY_OTHER;
    }
}

bool
cert_complete(struct tls_cert *c, const char *file, const char *key_file, struct text *err)
{
    if (!c->x509) {
        text_printf(err, "unable to load certificate from file '%s': it holds no certificate.",
                    file);
        return false;
    }
    if (!c->key) {
        text_printf(err, "No Private Key found in '%s'.", key_file ? key_file : file);
        return false;
    }
    if (X509_check_private_key(c->x509, c->key) != 1) {
        text_printf(err, "inconsistencies between private key and certificate loaded '%s'.", file);
        ERR_clear_error();
        return false;
    }
    c->kind = kind_of(c->key);
    collect_names(c);
    find_issuer(c); /* before the chain loses its root */
    drop_root(c);
    complete_chain(c);
    X509_check_purpose(c->x509, -1, 0); /* fills the library's cache now, not in a handshake */
    return true;
}

bool
tls_cert_warning(const struct tls_cert *c, struct text *to)
{
    bool expired = X509_cmp_current_time(X509_get0_notAfter(c->x509)) < 0;
    bool early = X509_cmp_current_time(X509_get0_notBefore(c->x509)) > 0;

    if (c->note)
        text_str(to, c->note);
    if (expired || early)
        text_printf(to, "%scertificate '%s' %s", c->note ? " " : "", c->name,
                    expired ? "has expired" : "is not yet valid");
    return to->len > 0;
}

/* ---- loading ---- */

struct companion {
    unsigned flag;
    const char *ext;
    const char *given; /* named by the configuration */
    char *path;
    char *data; /* content, NULL: there is none */
    size_t len;
};

/* "site.crt" becomes "site" when companions are named without it (ssl-load-extra-del-ext). */
static char *
companion_path(const char *file, const char *ext, unsigned extra)
{
    struct slice base = slice_str(file);

    if (extra & TLSX_DEL_EXT && slice_ends(base, SL(".crt")))
        base.len -= 4;
    return xasprintf("%.*s%s", SLF(base), ext);
}

static bool
read_companion(struct companion *m, const char *file, unsigned extra, struct text *err)
{
    if (m->given) {
        m->path = xstrdup(m->given);
    } else {
        if (!(extra & m->flag))
            return true;
        m->path = companion_path(file, m->ext, extra);
    }
    m->data = tls_read_file(m->path, &m->len);
    if (m->data || (!m->given && errno == ENOENT))
        return true;
    text_printf(err, "unable to load '%s' : %s.", m->path, strerror(errno));
    return false;
}

bool
cert_take_issuer(struct tls_cert *c, const char *file, struct slice pem, struct text *err)
{
    STACK_OF(X509) *found = pem_certs(pem);

    X509_free(c->issuer);
    c->issuer = found ? sk_X509_shift(found) : NULL;
    sk_X509_pop_free(found, X509_free);
    if (c->issuer && X509_check_issued(c->issuer, c->x509) != X509_V_OK) {
        text_printf(err, "'%s' is not an issuer'.", file);
        return false;
    }
    if (!c->issuer)
        text_printf(err, "'%s' cannot be read or parsed'.", file);
    return c->issuer != NULL;
}

static void
note_text(struct tls_cert *c, char *note)
{
    free(c->note);
    c->note = note;
}

/* Who issued it is of interest for its OCSP response only: without one, or with the issuer in the
 * chain, a wrong file that nobody named does no harm. */
static bool
take_issuer(struct tls_cert *c, const struct companion *m, struct text *err)
{
    struct text why = { 0 };
    bool ok = cert_take_issuer(c, m->path, slice(m->data, m->len), &why);

    if (!ok && m->given) {
        text_str(err, why.p);
    } else if (!ok) {
        X509_free(c->issuer);
        c->issuer = NULL;
        note_text(c, xasprintf("%s Content will be ignored.", why.p));
        ok = true;
    }
    text_fini(&why);
    return ok;
}

/* A response that is not good is no reason to do without the certificate. */
static bool
take_ocsp(struct tls_cert *c, const struct companion *m, struct text *err)
{
    struct text why = { 0 };

    if (!c->issuer) {
        text_printf(err,
                    "'%s' is present and activates OCSP but it is impossible to compute the OCSP "
                    "certificate ID (maybe the issuer could not be found)'.",
                    m->path);
        return false;
    }
    struct tls_ocsp *o = ocsp_parse(c, (unsigned char *)m->data, m->len, &why);
    if (!o)
        note_text(c, xasprintf("Loading: %s ('%s'). Content will be ignored.", why.p, m->path));
    text_fini(&why);
    atomic_store(&c->ocsp, o);
    return true;
}

bool
cert_take_sctl(struct tls_cert *c, const char *file, struct slice data, struct text *err)
{
    const unsigned char *p = (const unsigned char *)data.p;

    /* RFC 6962, 3.3: a list with its length before it, of items with theirs */
    if (data.len < 3 || data.len > UINT16_MAX ||
        ((size_t)p[0] << 8 | (size_t)p[1]) + 2 != data.len) {
        text_printf(err, "'%s' is present but cannot be read or parsed'.", file);
        return false;
    }
    free(c->sctl);
    c->sctl = xmalloc(data.len);
    memcpy(c->sctl, p, data.len);
    c->sctl_len = data.len;
    return true;
}

enum { KEY, ISSUER, OCSP, SCTL, NCOMPANIONS };

static bool
load_companions(struct tls_cert *c, const char *file, struct companion *m, struct text *err)
{
    if (m[KEY].data && (m[KEY].given || !c->key)) {
        EVP_PKEY_free(c->key);
        c->key = NULL;
        c->key_file = xstrdup(m[KEY].path);
        if (!pem_load(c, m[KEY].path, slice(m[KEY].data, m[KEY].len), err))
            return false;
    }
    if (c->x509 && m[ISSUER].data && !take_issuer(c, &m[ISSUER], err))
        return false;
    if (!cert_complete(c, file, m[KEY].path, err))
        return false;
    if (m[OCSP].data && !take_ocsp(c, &m[OCSP], err))
        return false;
    return !m[SCTL].data || cert_take_sctl(c, m[SCTL].path, slice(m[SCTL].data, m[SCTL].len), err);
}

struct tls_cert *
cert_new(const char *name)
{
    struct tls_cert *c = xcalloc(1, sizeof(*c));

    c->name = xstrdup(name);
    atomic_init(&c->refs, 1);
    return c;
}

struct tls_cert *
tls_cert_from_text(const char *name, struct slice pem, struct text *err)
{
    struct tls_cert *c = cert_new(name);

    if (!pem_load(c, name, pem, err) || !cert_complete(c, name, NULL, err))
        tls_cert_free(&c);
    return c;
}

static void
note_files(struct tls_cert *c, const char *crt, const struct companion *m)
{
    c->crt_file = xstrdup(crt);
    c->issuer_file = m[ISSUER].data ? xstrdup(m[ISSUER].path) : NULL;
    c->ocsp_file = m[OCSP].data ? xstrdup(m[OCSP].path) : NULL;
    c->sctl_file = m[SCTL].data ? xstrdup(m[SCTL].path) : NULL;
}

static struct tls_cert *
load(const char *name, const struct tls_files *f, unsigned extra, struct text *err)
{
    struct companion m[NCOMPANIONS] = {
        [KEY] = { TLSX_KEY, ".key", f->key },
        [ISSUER] = { TLSX_ISSUER, ".issuer", f->issuer },
        [OCSP] = { TLSX_OCSP, ".ocsp", f->ocsp },
        [SCTL] = { TLSX_SCTL, ".sctl", f->sctl },
    };
    size_t len;
    char *text = tls_read_file(f->crt, &len);
    struct tls_cert *c = cert_new(name);
    bool ok = true;

    if (!text && errno == ENOENT && f->dummy && f->dummy->wanted) {
        ok = cert_make_dummy(c, f->dummy, err);
    } else if (!text) {
        text_printf(err, "unable to stat SSL certificate from file '%s' : %s.", f->crt,
                    strerror(errno));
        ok = false;
    } else {
        ok = pem_load(c, f->crt, slice(text, len), err);
        OPENSSL_cleanse(text, len);
    }
    /* a made certificate has no companions */
    for (unsigned i = 0; ok && text && i < NCOMPANIONS; i++)
        ok = read_companion(&m[i], f->crt, extra, err);
    if (!ok || !load_companions(c, f->crt, m, err))
        tls_cert_free(&c);
    else
        note_files(c, f->crt, m);
    for (unsigned i = 0; i < NCOMPANIONS; i++) {
        if (m[i].data)
            OPENSSL_cleanse(m[i].data, m[i].len);
        free(m[i].data);
        free(m[i].path);
    }
    free(text);
    return c;
}

/* A certificate is loaded once: who names it again may not want other files for it. */
static bool
has_files(const struct tls_cert *c, const struct tls_files *f, struct text *err)
{
    const struct {
        const char *what, *wanted, *has;
    } files[] = { { "key", f->key, c->key_file },
                  { "issuer", f->issuer, c->issuer_file },
                  { "ocsp", f->ocsp, c->ocsp_file },
                  { "sctl", f->sctl, c->sctl_file } };

    for (unsigned i = 0; i < COUNT_OF(files); i++) {
        if (!files[i].wanted || (files[i].has && strcmp(files[i].wanted, files[i].has) == 0))
            continue;
        text_printf(err, "certificate '%s' was loaded before with another '%s': %s, not '%s'.",
                    c->name, files[i].what, files[i].has ? files[i].has : "none of its own",
                    files[i].wanted);
        return false;
    }
    return true;
}

struct tls_cert *
tls_store_load(const char *name, const struct tls_files *files, unsigned extra, struct text *err)
{
    struct tls_cert *c = tls_store_get(name);

    if (c)
        return has_files(c, files, err) ? c : NULL;
    tls_init();
    c = load(name, files, extra, err);
    if (c) {
        pthread_rwlock_wrlock(&lock);
        htab_put(&store, slice_str(c->name), c);
        pthread_rwlock_unlock(&lock);
    }
    return c;
}

/* ---- paths that stand for several ---- */

typedef bool (*each_fn)(struct tls_cert *c, void *arg);

static bool
open_file(const char *path, unsigned extra, each_fn each, void *arg, struct text *err)
{
    struct tls_files f = { .crt = path };
    struct tls_cert *c = tls_store_load(path, &f, extra, err);

    return c && each(c, arg);
}

static bool
is_companion(const char *name, unsigned extra)
{
    static const char *const ext[] = { ".issuer", ".ocsp", ".sctl" };
    struct slice s = slice_str(name);

    for (unsigned i = 0; i < COUNT_OF(ext); i++)
        if (slice_ends(s, slice_str(ext[i])))
            return true;
    return extra & TLSX_KEY && slice_ends(s, SL(".key"));
}

static bool
open_dir(const char *path, unsigned extra, each_fn each, void *arg, struct text *err)
{
    struct dirent **list;
    int n = scandir(path, &list, NULL, alphasort);
    size_t len = strlen(path);
    const char *slash = len && path[len - 1] == '/' ? "" : "/";
    bool ok = true;

    if (n < 0) {
        text_printf(err, "unable to scan directory '%s' : %s.", path, strerror(errno));
        return false;
    }
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        char *file = xasprintf("%s%s%s", path, slash, name);
        struct stat st;
        if (ok && name[0] != '.' && !is_companion(name, extra)) {
            if (stat(file, &st) < 0) {
                text_printf(err, "unable to stat SSL certificate from file '%s' : %s.", file,
                            strerror(errno));
                ok = false;
            } else if (S_ISREG(st.st_mode)) {
                ok = open_file(file, extra, each, arg, err);
            }
        }
        free(file);
        free(list[i]);
    }
    free(list);
    return ok;
}

/* path.rsa, path.ecdsa, path.dsa: one name, several kinds of keys. Returns how many there are, -1
 * on failure. */
static int
open_bundle(const char *path, unsigned extra, each_fn each, void *arg, struct text *err)
{
    static const char *const ext[] = { ".rsa", ".ecdsa", ".dsa" };
    int found = 0;

    for (unsigned i = 0; i < COUNT_OF(ext); i++) {
        char *file = xasprintf("%s%s", path, ext[i]);
        struct stat st;
        bool there = tls_store_get(file) || (stat(file, &st) == 0 && S_ISREG(st.st_mode));
        bool ok = !there || open_file(file, extra, each, arg, err);
        found += there;
        free(file);
        if (!ok)
            return -1;
    }
    return found;
}

bool
tls_store_open(const char *path, unsigned extra, each_fn each, void *arg, struct text *err)
{
    struct tls_cert *known = tls_store_get(path);
    struct stat st;

    if (known)
        return each(known, arg);
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? open_dir(path, extra, each, arg, err)
                                   : open_file(path, extra, each, arg, err);
    int e = errno;
    int n = extra & TLSX_BUNDLE ? open_bundle(path, extra, each, arg, err) : 0;
    if (n == 0)
        text_printf(err, "unable to stat SSL certificate from file '%s' : %s.", path, strerror(e));
    return n > 0;
}

bool
tls_set_dh_file(const char *path)
{
    struct tls_cert c = { 0 };
    struct text ignored = { 0 };
    size_t len;
    char *text;

    tls_init();
    text = tls_read_file(path, &len);
    if (text)
        (void)pem_load(&c, path, slice(text, len), &ignored);
    text_fini(&ignored);
    free(text);
    X509_free(c.x509);
    EVP_PKEY_free(c.key);
    sk_X509_pop_free(c.chain, X509_free);
    EVP_PKEY_free(default_dh);
    default_dh = c.dh;
    return c.dh != NULL;
}
