/* ca.c - certificate authorities and revocation lists (ca-file, crl-file): every file is read once.
 * Configuration time only. */
#include "tls/tls_int.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>

/** The content of a ca-file or crl-file. */
struct ca_file {
    char *path;
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
take_block(struct ca_file *f, const struct pem_block *b)
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

static bool
read_one(struct ca_file *f, const char *path)
{
    struct pem_block b;
    size_t len, at = 0;
    char *text = tls_read_file(path, &len);

    if (!text)
        return false;
    while (pem_next(slice(text, len), &at, &b)) {
        take_block(f, &b);
        free(b.der);
    }
    free(text);
    ERR_clear_error();
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
read_dir(struct ca_file *f, const char *path)
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
read_system(struct ca_file *f)
{
    const char *dir = getenv(X509_get_default_cert_dir_env());

    if (!dir)
        dir = X509_get_default_cert_dir();
    return read_dir(f, dir);
}

static void
ca_file_free(struct ca_file *f)
{
    sk_X509_pop_free(f->certs, X509_free);
    sk_X509_CRL_pop_free(f->crls, X509_CRL_free);
    sk_X509_NAME_pop_free(f->names, X509_NAME_free);
    free(f->path);
    free(f);
}

/* Names that clients are told, each once. */
static void
collect_names(struct ca_file *f)
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

bool
tls_ca_load(const char *path, bool crl, struct text *err)
{
    struct stat st;
    bool ok;

    if (htab_get_str(&files, path))
        return true;
    tls_init();
    struct ca_file *f = xcalloc(1, sizeof(*f));
    f->path = xstrdup(path);
    f->certs = sk_X509_new_null();
    f->crls = sk_X509_CRL_new_null();
    f->names = sk_X509_NAME_new_null();
    if (strcmp(path, "@system-ca") == 0 && !crl)
        ok = read_system(f);
    else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && !crl)
        ok = read_dir(f, path);
    else
        ok = read_one(f, path);
    if (!ok) {
        text_printf(err, "Couldn't open the ca-file '%s' (%s).", path, strerror(errno));
    } else if (sk_X509_num(f->certs) == 0 && sk_X509_CRL_num(f->crls) == 0) {
        text_printf(err, "Couldn't open the ca-file '%s' (no certificate or crl found).", path);
        ok = false;
    }
    if (!ok) {
        ca_file_free(f);
        return false;
    }
    collect_names(f);
    htab_put(&files, slice_str(f->path), f);
    return true;
}

/* ---- stores ---- */

static bool
fill(X509_STORE *store, const struct ca_file *f)
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
        known[i] = ((struct ca_file *)htab_get_str(&files, path[i]))->path;
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

STACK_OF(X509_NAME) * ca_names(const char *ca_file)
{
    const struct ca_file *f = htab_get_str(&files, ca_file);

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
        ca_file_free(it->value);
    htab_fini(&files);
    memset(&files, 0, sizeof(files));
}
