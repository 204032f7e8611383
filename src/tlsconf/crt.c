/* crt.c - certificates that lines of the configuration name. */
#include "tls/ocsp.h"
#include "tlsconf/tlsconf.h"

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

bool
load_option_set(struct load_options *l, const char *name, const char *value, struct text *err,
                bool *rc)
{
    static const struct {
        const char *name;
        size_t offset; /* of a string */
        enum { STRING, SWITCH, TRISTATE, LATER } kind;
    } rows[] = {
        { "crt", offsetof(struct load_options, files.crt), STRING },
        { "key", offsetof(struct load_options, files.key), STRING },
        { "ocsp", offsetof(struct load_options, files.ocsp), STRING },
        { "issuer", offsetof(struct load_options, files.issuer), STRING },
        { "sctl", offsetof(struct load_options, files.sctl), STRING },
        { "alias", offsetof(struct load_options, alias), STRING },
        { "ocsp-update", offsetof(struct load_options, ocsp_update), TRISTATE },
        { "jwt", offsetof(struct load_options, jwt), SWITCH },
        { "generate-dummy", 0, SWITCH },
        { "acme", 0, LATER },
        { "domains", 0, LATER },
        { "ips", 0, LATER },
        { "keytype", 0, LATER },
        { "bits", 0, LATER },
        { "curves", 0, LATER },
    };

    *rc = true;
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        bool on = false;
        if (strcmp(rows[i].name, name) != 0)
            continue;
        l->any = true;
        if (!value || !*value) {
            text_printf(err, "'%s' expects an argument", name);
            *rc = false;
        } else if (rows[i].kind == STRING) {
            const char **field = (const char **)((char *)l + rows[i].offset);
            *rc = !*field || strcmp(*field, value) == 0;
            if (!*rc)
                text_printf(err, "'%s' was already specified with another value", name);
            *field = value;
        } else if (rows[i].kind == LATER || !(*rc = on_or_off(name, value, err, &on)) ||
                   (on && !rows[i].offset)) {
            if (*rc)
                text_printf(err, "'%s' is not supported yet", name);
            *rc = false;
        } else if (rows[i].kind == TRISTATE) {
            *((signed char *)l + rows[i].offset) = on ? 1 : -1;
        } else if (rows[i].offset) {
            *(bool *)((char *)l + rows[i].offset) = on;
        }
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

bool
load_options_add(struct load_options *l, struct crt_refs *refs, struct arena *arena,
                 const char *path, const struct crt_ref *like, struct text *err)
{
    const struct tls_files *f = &l->files;

    if (f->crt || f->key || f->ocsp || f->issuer || f->sctl) {
        if (!f->crt)
            l->files.crt = path;
        /* a declared name is found as it is written */
        const char *known =
            tls_store_get(path) ? path : tls_path(arena, tlsconf_global.crt_base, path);
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
