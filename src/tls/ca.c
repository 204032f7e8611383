/* ca.c - certificate authorities and revocation lists (ca-file, crl-file): every file is read once.
 * Stores and tables are for one thread at a time; contexts keep references to what they use. */
#include "tls/tls_int.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>

struct tls_ca {
    char *path;
    bool crl;
    STACK_OF(X509) * certs;
    STACK_OF(X509_CRL) * crls;
    STACK_OF(X509_NAME) * names;
};

/** The store of one combination of files. */
struct ca_set {
    struct ca_set *next;
    const char *path[CA_NPATHS]; /* keys of `files`; NULL: none */
    X509_STORE *store;
};

static struct htab files;
static struct ca_set *sets;

/* ---- reading ---- */

static void
take_block(struct tls_ca *f, const struct pem_block *b)
{
    const unsigned char *p = b->der;

    if (!b->der)
        return;
    if (slice_ends(b->type, SL("CERTIFICATE"))) {
        X509 *x = slice_starts(b->type, SL("TRUSTED")) ? d2i_X509_AUX(NULL, &p, (long)b->len)
                                                       : pem_x509(b->der, b->len, true);
        if (x)
            sk_X509_push(f->certs, x);
    } else if (slice_eq(b->type, SL("X509 CRL"))) {
        X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)b->len);
        if (crl)
            sk_X509_CRL_push(f->crls, crl);
    }
}

static void
take_text(struct tls_ca *f, struct slice text)
{
    struct pem_block b;
    size_t at = 0;

    while (pem_next(text, &at, &b)) {
        take_block(f, &b);
        free(b.der);
    }
    ERR_clear_error();
}

static bool
read_one(struct tls_ca *f, const char *path)
{
    size_t len;
    char *text = tls_read_file(path, &len);

    if (!text)
        return false;
    take_text(f, slice(text, len));
    free(text);
    return true;
}

static int
is_ca_name(const struct dirent *d)
{
    static const char *const ext[] = { ".pem", ".crt", ".cer", ".crl" };

    for (unsigned i = 0; i < COUNT_OF(ext); i++)
        if (slice_ends(slice_str(d->d_name), slice_str(ext[i])))
            return d->d_name[0] != '.';
    return 0;
}

static bool
read_dir(struct tls_ca *f, const char *path)
{
    struct dirent **list;
    int n = scandir(path, &list, is_ca_name, alphasort);

    if (n < 0)
        return false;
    for (int i = 0; i < n; i++) {
        char *file = xasprintf("%s/%s", path, list[i]->d_name);
        (void)read_one(f, file); /* one that cannot be read does not hide the others */
        free(file);
        free(list[i]);
    }
    free(list);
    return true;
}

static bool
read_system(struct tls_ca *f)
{
    const char *dir = getenv(X509_get_default_cert_dir_env());

    if (!dir)
        dir = X509_get_default_cert_dir();
    return read_dir(f, dir);
}

static void
ca_free(struct tls_ca *f)
{
    sk_X509_pop_free(f->certs, X509_free);
    sk_X509_CRL_pop_free(f->crls, X509_CRL_free);
    sk_X509_NAME_pop_free(f->names, X509_NAME_free);
    free(f->path);
    free(f);
}

/* Names that clients are told, each once. */
static void
collect_names(struct tls_ca *f)
{
    for (int i = 0; i < sk_X509_num(f->certs); i++) {
        X509_NAME *name = X509_get_subject_name(sk_X509_value(f->certs, i));
        bool known = false;
        for (int k = 0; !known && k < sk_X509_NAME_num(f->names); k++)
            known = X509_NAME_cmp(sk_X509_NAME_value(f->names, k), name) == 0;
        X509_NAME *copy = known ? NULL : X509_NAME_dup(name);
        if (copy)
            sk_X509_NAME_push(f->names, copy);
    }
}

static struct tls_ca *
ca_new(const char *path, bool crl)
{
    struct tls_ca *f = xcalloc(1, sizeof(*f));

    f->path = xstrdup(path);
    f->crl = crl;
    f->certs = sk_X509_new_null();
    f->crls = sk_X509_CRL_new_null();
    f->names = sk_X509_NAME_new_null();
    return f;
}

bool
tls_ca_load(const char *path, bool crl, struct text *err)
{
    struct stat st;
    bool ok, folder = false;

    if (htab_get_str(&files, path))
        return true;
    tls_init();
    struct tls_ca *f = ca_new(path, crl);
    if (strcmp(path, "@system-ca") == 0 && !crl)
        ok = read_system(f);
    else if ((folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode) && !crl))
        ok = read_dir(f, path);
    else
        ok = read_one(f, path);
    if (!ok) {
        text_printf(err, "Couldn't open the ca-file '%s' (%s).", path, strerror(errno));
    } else if (!folder && sk_X509_num(f->certs) == 0 && sk_X509_CRL_num(f->crls) == 0) {
        text_printf(err, "Couldn't open the ca-file '%s' (no certificate or crl found).", path);
        ok = false;
    }
    if (!ok) {
        ca_free(f);
        return false;
    }
    collect_names(f);
    htab_put(&files, slice_str(f->path), f);
    return true;
}

/* ---- stores ---- */

static bool
fill(X509_STORE *store, const struct tls_ca *f)
{
    for (int i = 0; f && i < sk_X509_num(f->certs); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(f->certs, i)) != 1)
            return false;
    for (int i = 0; f && i < sk_X509_CRL_num(f->crls); i++)
        if (X509_STORE_add_crl(store, sk_X509_CRL_value(f->crls, i)) != 1)
            return false;
    return true;
}

/* The names as the known files have them, so that they can be compared as pointers. */
static bool
known_paths(const char *const path[CA_NPATHS], const char *known[CA_NPATHS], struct text *err)
{
    for (unsigned i = 0; i < CA_NPATHS; i++) {
        known[i] = NULL;
        if (!path[i])
            continue;
        if (!tls_ca_load(path[i], i == CA_CRL, err))
            return false;
        known[i] = ((struct tls_ca *)htab_get_str(&files, path[i]))->path;
    }
    return true;
}

X509_STORE *
ca_store(const char *const path[CA_NPATHS], struct text *err)
{
    const char *known[CA_NPATHS];
    struct ca_set *s;
    bool ok = true;

    if (!known_paths(path, known, err))
        return NULL;
    for (s = sets; s; s = s->next)
        if (memcmp(s->path, known, sizeof(known)) == 0)
            return s->store;
    X509_STORE *store = X509_STORE_new();
    for (unsigned i = 0; i < CA_NPATHS; i++)
        if (known[i])
            ok = ok && store && fill(store, htab_get_str(&files, known[i]));
    if (!store || !ok) {
        text_printf(err, "unable to configure CRL file or CA file '%s'",
                    known[CA_CRL] ? known[CA_CRL] : known[CA_MAIN]);
        X509_STORE_free(store);
        return NULL;
    }
    if (known[CA_CRL])
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    s = xcalloc(1, sizeof(*s));
    memcpy(s->path, known, sizeof(known));
    s->store = store;
    s->next = sets;
    sets = s;
    return store;
}

/* ---- at run time ---- */

struct tls_ca *
tls_ca_find(const char *path)
{
    return htab_get_str(&files, path);
}

struct tls_ca *
tls_ca_new(const char *path, bool crl, const struct tls_ca *before, struct slice pem,
           struct text *err)
{
    struct tls_ca *f = ca_new(path, crl);
    unsigned had = 0;

    tls_init();
    if (before) {
        sk_X509_pop_free(f->certs, X509_free);
        f->certs = X509_chain_up_ref(before->certs);
        for (int i = 0; i < sk_X509_CRL_num(before->crls); i++) {
            X509_CRL *one = sk_X509_CRL_value(before->crls, i);
            if (X509_CRL_up_ref(one))
                sk_X509_CRL_push(f->crls, one);
        }
        had = tls_ca_count(f);
    }
    take_text(f, pem);
    if (pem.len && tls_ca_count(f) == had) {
        text_printf(err, "unable to load %s from file '%s'.", crl ? "CRLs" : "CAs", path);
        tls_ca_free(&f);
        return NULL;
    }
    collect_names(f);
    return f;
}

/* Stores that were made of it are not given away any more. */
static void
forget_sets(const char *path)
{
    for (struct ca_set **at = &sets, *s; (s = *at);) {
        bool uses = false;
        for (unsigned i = 0; i < CA_NPATHS; i++)
            uses |= s->path[i] == path;
        if (uses) {
            *at = s->next;
            X509_STORE_free(s->store);
            free(s);
        } else {
            at = &s->next;
        }
    }
}

struct tls_ca *
tls_ca_put(struct tls_ca *ca)
{
    struct tls_ca *old = htab_put(&files, slice_str(ca->path), ca);

    if (old)
        forget_sets(old->path);
    return old;
}

struct tls_ca *
tls_ca_take(const char *path)
{
    struct tls_ca *old = htab_del(&files, slice_str(path));

    if (old)
        forget_sets(old->path);
    return old;
}

void
tls_ca_free(struct tls_ca **ca)
{
    if (*ca)
        ca_free(*ca);
    *ca = NULL;
}

bool
tls_ca_is_crl(const struct tls_ca *ca)
{
    return ca->crl;
}

const char *
tls_ca_path(const struct tls_ca *ca)
{
    return ca->path;
}

unsigned
tls_ca_count(const struct tls_ca *ca)
{
    return (unsigned)(ca->crl ? sk_X509_CRL_num(ca->crls) : sk_X509_num(ca->certs));
}

void
tls_ca_each(void (*fn)(const struct tls_ca *ca, void *arg), void *arg)
{
    const struct htab_item *it;
    unsigned at = 0;

    while ((it = htab_next(&files, &at)))
        fn(it->value, arg);
}

void
tls_ca_show(const struct tls_ca *ca, unsigned index, struct text *to)
{
    for (unsigned i = 0; i < tls_ca_count(ca); i++) {
        if (index && index != i + 1)
            continue;
        text_printf(to, " \n%s #%u:\n", ca->crl ? "Certificate Revocation List" : "Certificate",
                    i + 1);
        if (ca->crl)
            show_crl(sk_X509_CRL_value(ca->crls, (int)i), to);
        else
            show_x509(sk_X509_value(ca->certs, (int)i), to);
    }
}

STACK_OF(X509_NAME) * ca_names(const char *ca_file)
{
    const struct tls_ca *f = htab_get_str(&files, ca_file);

    return f ? f->names : NULL;
}

void
ca_clear(void)
{
    const struct htab_item *it;
    unsigned at = 0;

    for (struct ca_set *p = sets, *next; p; p = next) {
        next = p->next;
        X509_STORE_free(p->store);
        free(p);
    }
    sets = NULL;
    while ((it = htab_next(&files, &at)))
        ca_free(it->value);
    htab_fini(&files);
    memset(&files, 0, sizeof(files));
}
