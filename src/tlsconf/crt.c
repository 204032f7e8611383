/* crt.c - certificates that lines of the configuration name. */
#include "tls/ocsp.h"
#include "tlsconf/tlsconf.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

void
crt_refs_push(struct crt_refs *refs, struct arena *arena, const struct crt_ref *like,
              struct tls_cert *cert)
{
    struct crt_ref *r = ARENA_NEW(arena, struct crt_ref);

    if (like)
        *r = *like;
    r->next = NULL;
    r->cert = cert;
    if (!refs->tail)
        refs->tail = &refs->first;
    *refs->tail = r;
    refs->tail = &r->next;
}

struct push {
    struct crt_refs *refs;
    struct arena *arena;
    const struct crt_ref *like;
};

static bool
push_each(struct tls_cert *cert, void *arg)
{
    struct push *p = arg;

    crt_refs_push(p->refs, p->arena, p->like, cert);
    return true;
}

bool
crt_refs_add(struct crt_refs *refs, struct arena *arena, const char *path,
             const struct crt_ref *like, struct text *err)
{
    struct push p = { refs, arena, like };

    /* a declared name is found as it is written */
    if (!tls_store_get(path))
        path = tls_path(arena, tlsconf_global.crt_base, path);
    if (path[0] == '@' && !tls_store_get(path)) {
        text_printf(err, "unable to find certificate '%s': it is in no crt-store.", path);
        return false;
    }
    return tls_store_open(path, tlsconf_global.extra, push_each, &p, err);
}

/* ---- options of certificates ---- */

static bool
on_or_off(const char *name, const char *value, struct text *err, bool *on)
{
    *on = value && strcmp(value, "on") == 0;
    if (*on || (value && strcmp(value, "off") == 0))
        return true;
    text_printf(err, "cannot parse '%s' value '%s', 'on' or 'off' is expected", name,
                value ? value : "");
    return false;
}

/** How the value of an option is read. */
enum load_kind { STRING, SWITCH, TRISTATE, KEYTYPE, BITS, LATER };

#define AT(m) offsetof(struct load_options, m)
static const struct load_row {
    const char *name;
    size_t offset;
    enum load_kind kind;
} load_rows[] = {
    { "crt", AT(files.crt), STRING },
    { "key", AT(files.key), STRING },
    { "ocsp", AT(files.ocsp), STRING },
    { "issuer", AT(files.issuer), STRING },
    { "sctl", AT(files.sctl), STRING },
    { "alias", AT(alias), STRING },
    { "ocsp-update", AT(ocsp_update), TRISTATE },
    { "jwt", AT(jwt), SWITCH },
    { "generate-dummy", AT(dummy.wanted), SWITCH },
    { "keytype", AT(dummy.ecdsa), KEYTYPE },
    { "bits", AT(dummy.bits), BITS },
    { "curves", AT(dummy.curve), STRING },
    { "acme", 0, LATER },
    { "domains", 0, LATER },
    { "ips", 0, LATER },
};

static bool
take_string(const struct load_row *row, const char **field, const char *value, struct text *err)
{
    bool ok = !*field || strcmp(*field, value) == 0;

    if (!ok)
        text_printf(err, "'%s' was already specified with another value", row->name);
    *field = value;
    return ok;
}

static bool
take_key_type(bool *ecdsa, const char *value, struct text *err)
{
    *ecdsa = strcmp(value, "ECDSA") == 0;
    if (*ecdsa || strcmp(value, "RSA") == 0)
        return true;
    text_printf(err, "keyword 'keytype' requires either 'RSA' or 'ECDSA'.");
    return false;
}

/* Smaller keys are refused by the library, larger ones take minutes. */
static bool
take_bits(unsigned *bits, const char *value, struct text *err)
{
    uint64_t n;

    if (!slice_to_uint(slice_str(value), &n) || n < 1024 || n > 16384) {
        text_printf(err, "keyword 'bits' requires a number of bits between 1024 and 16384.");
        return false;
    }
    *bits = (unsigned)n;
    return true;
}

static bool
take_value(struct load_options *l, const struct load_row *row, const char *value, struct text *err)
{
    void *field = (char *)l + row->offset;
    bool on;

    switch (row->kind) {
    case STRING:
        return take_string(row, field, value, err);
    case KEYTYPE:
        return take_key_type(field, value, err);
    case BITS:
        return take_bits(field, value, err);
    case LATER:
        text_printf(err, "'%s' is not supported yet", row->name);
        return false;
    default:
        if (!on_or_off(row->name, value, err, &on))
            return false;
        if (row->kind == TRISTATE)
            *(signed char *)field = on ? 1 : -1;
        else
            *(bool *)field = on;
        return true;
    }
}

bool
load_option_set(struct load_options *l, const char *name, const char *value, struct text *err,
                bool *rc)
{
    for (unsigned i = 0; i < COUNT_OF(load_rows); i++) {
        if (strcmp(load_rows[i].name, name) != 0)
            continue;
        l->any = true;
        *rc = value && *value;
        if (*rc)
            *rc = take_value(l, &load_rows[i], value, err);
        else
            text_printf(err, "'%s' expects an argument", name);
        return true;
    }
    return false;
}

bool
load_options_apply(const struct load_options *l, struct tls_cert *c, struct text *err)
{
    if (l->jwt)
        tls_cert_allow_jwt(c);
    if (!l->ocsp_update || tls_ocsp_set_update(c, l->ocsp_update > 0))
        return true;
    text_printf(err, "Incompatibilities found in OCSP update mode for certificate %s",
                tls_cert_name(c));
    return false;
}

struct tls_cert *
load_options_run(struct load_options *l, struct arena *arena, const char *name,
                 const char *crt_base, const char *key_base, struct text *err)
{
    struct tls_files f = l->files;

    f.dummy = &l->dummy;
    f.crt = tls_path(arena, crt_base, f.crt);
    if (f.key)
        f.key = tls_path(arena, key_base, f.key);
    if (f.ocsp)
        f.ocsp = tls_path(arena, crt_base, f.ocsp);
    if (f.issuer)
        f.issuer = tls_path(arena, crt_base, f.issuer);
    if (f.sctl)
        f.sctl = tls_path(arena, crt_base, f.sctl);
    struct tls_cert *c = tls_store_load(name ? name : f.crt, &f, 0, err);
    return c && load_options_apply(l, c, err) ? c : NULL;
}

/* A missing file that is made up for: it cannot be a bundle or a folder. */
static bool
needs_dummy(const struct load_options *l, const char *path)
{
    struct stat st;

    return l->dummy.wanted && !tls_store_get(path) && stat(path, &st) < 0 && errno == ENOENT;
}

bool
load_options_add(struct load_options *l, struct crt_refs *refs, struct arena *arena,
                 const char *path, const struct crt_ref *like, struct text *err)
{
    const struct tls_files *f = &l->files;
    /* a declared name is found as it is written */
    const char *known = tls_store_get(path) ? path : tls_path(arena, tlsconf_global.crt_base, path);

    if (f->crt || f->key || f->ocsp || f->issuer || f->sctl || needs_dummy(l, known)) {
        if (!f->crt)
            l->files.crt = path;
        struct tls_cert *c = load_options_run(l, arena, known, tlsconf_global.crt_base,
                                              tlsconf_global.key_base, err);
        if (c)
            crt_refs_push(refs, arena, like, c);
        return c != NULL;
    }
    struct crt_ref **at = refs->tail ? refs->tail : &refs->first;
    if (!crt_refs_add(refs, arena, path, like, err))
        return false;
    for (struct crt_ref *r = *at; r; r = r->next)
        if (!load_options_apply(l, r->cert, err))
            return false;
    return true;
}
