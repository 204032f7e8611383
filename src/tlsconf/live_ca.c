/* live_ca.c - ca-files and crl-files change while the process serves. */
#include "tlsconf/live_int.h"

#include <stdlib.h>

/** What differs between the two families, and the file that is being changed: one of each. */
struct family {
    const char *title;   /* "CA file" */
    const char *subject; /* of a transaction: "CA" */
    struct tls_ca *draft;
};
static struct family families[] = { { "CA file", "CA", NULL }, { "CRL file", "CRL", NULL } };

void
live_ca_release(void)
{
    for (unsigned i = 0; i < COUNT_OF(families); i++)
        tls_ca_free(&families[i].draft);
}

/* A known file of the family. */
static struct tls_ca *
find(const char *name, bool crl)
{
    struct tls_ca *ca = tls_ca_find(name);

    return ca && tls_ca_is_crl(ca) == crl ? ca : NULL;
}

static bool
is_used(const char *name)
{
    struct tls_server *s;
    struct tls_client *t;

    for (unsigned i = 0; (s = tlsconf_server(i)); i++)
        if (tls_server_uses_ca(s, name))
            return true;
    for (unsigned i = 0; (t = tlsconf_client(i)); i++)
        if (tls_client_uses_ca(t, name))
            return true;
    return false;
}

/* ---- transactions ---- */

bool
live_ca_new(const char *name, bool crl, struct text *out)
{
    struct text ignored = { 0 };

    pthread_mutex_lock(&live_lock);
    bool there = tls_ca_find(name);
    struct tls_ca *ca = there ? NULL : tls_ca_new(name, crl, NULL, SL(""), &ignored);
    if (ca)
        tls_ca_put(ca);
    pthread_mutex_unlock(&live_lock);
    text_fini(&ignored);
    if (there)
        return live_refuse(out, "%s '%s' already exists!\n", families[crl].title, name);
    text_printf(out, "New %s created '%s'!\n", families[crl].title, name);
    return true;
}

static bool
is_other(const struct family *f, const char *name)
{
    return f->draft && strcmp(tls_ca_path(f->draft), name) != 0;
}

static bool
set(struct family *f, const char *name, bool append, struct slice payload, struct text *out)
{
    bool crl = f == &families[true], first = !f->draft;
    struct tls_ca *base = first ? tls_ca_find(name) : f->draft;
    struct text err = { 0 };
    struct tls_ca *draft = tls_ca_new(name, crl, append ? base : NULL, payload, &err);

    if (!draft) {
        live_refuse(out, "%s\n", err.p);
        text_fini(&err);
        return false;
    }
    tls_ca_free(&f->draft);
    f->draft = draft;
    text_printf(out, "transaction %s for %s %s!\n", first ? "created" : "updated", f->subject,
                name);
    return true;
}

bool
live_ca_set(const char *name, bool crl, bool append, struct slice payload, struct text *out)
{
    struct family *f = &families[crl];
    bool ok = false;

    pthread_mutex_lock(&live_lock);
    if (is_other(f, name))
        live_refuse(out, "The ongoing transaction is about '%s' but you are trying to set '%s'\n",
                    tls_ca_path(f->draft), name);
    else if (!find(name, crl))
        live_refuse(out, "Can't replace a %s which is not referenced by the configuration!\n",
                    f->title);
    else
        ok = set(f, name, append, payload, out);
    pthread_mutex_unlock(&live_lock);
    return ok || live_refuse(out, "Can't update %s!\n", name);
}

static bool
plan_everywhere(const char *name, struct tls_changes *changes, struct text *err)
{
    struct tls_server *s;
    struct tls_client *t;

    for (unsigned i = 0; (s = tlsconf_server(i)); i++)
        if (!tls_server_plan_ca(s, name, changes, err))
            return false;
    for (unsigned i = 0; (t = tlsconf_client(i)); i++)
        if (!tls_client_plan_ca(t, name, changes, err))
            return false;
    return true;
}

/* Contexts are made of what is known under the name: the new content takes its place for that. */
static bool
commit(struct family *f, const char *name, struct text *out)
{
    struct tls_changes changes = { 0 };
    struct text err = { 0 };
    struct tls_ca *old = tls_ca_put(f->draft);

    if (!plan_everywhere(name, &changes, &err)) {
        tls_changes_drop(&changes);
        f->draft = tls_ca_put(old);
        live_refuse(out, "%s.\n", err.p);
        text_fini(&err);
        return false;
    }
    f->draft = NULL;
    tls_ca_free(&old);
    live_applied(name, &changes, out);
    return true;
}

bool
live_ca_commit(const char *name, bool crl, struct text *out)
{
    struct family *f = &families[crl];
    bool ok = false;

    pthread_mutex_lock(&live_lock);
    if (!f->draft)
        live_refuse(out, "No ongoing transaction! !\n");
    else if (is_other(f, name))
        live_refuse(out, "The ongoing transaction is about '%s' but you are trying to set '%s'\n",
                    tls_ca_path(f->draft), name);
    else
        ok = commit(f, name, out);
    pthread_mutex_unlock(&live_lock);
    return ok || live_refuse(out, "Can't commit %s!\n", name);
}

bool
live_ca_abort(const char *name, bool crl, struct text *out)
{
    struct family *f = &families[crl];
    bool ok = false;

    pthread_mutex_lock(&live_lock);
    if (!f->draft) {
        live_refuse(out, "No ongoing transaction!\n");
    } else if (is_other(f, name)) {
        live_refuse(
            out,
            "The ongoing transaction is about '%s' but you are trying to abort a transaction "
            "for '%s'\n",
            tls_ca_path(f->draft), name);
    } else {
        tls_ca_free(&f->draft);
        text_printf(out, "Transaction aborted for certificate '%s'!\n", name);
        ok = true;
    }
    pthread_mutex_unlock(&live_lock);
    return ok;
}

bool
live_ca_del(const char *name, bool crl, struct text *out)
{
    struct family *f = &families[crl];
    bool ok = false;

    pthread_mutex_lock(&live_lock);
    if (!find(name, crl)) {
        live_refuse(out, "Can't remove the %s: %s '%s' doesn't exist!\n", f->title, f->title, name);
    } else if (is_used(name)) {
        live_refuse(out, "Can't remove the %s: %s '%s' in use, can't be deleted!\n", f->title,
                    f->title, name);
    } else {
        struct tls_ca *ca = tls_ca_take(name);
        tls_ca_free(&ca);
        if (f->draft && !is_other(f, name))
            tls_ca_free(&f->draft);
        text_printf(out, "%s '%s' deleted!\n", f->title, name);
        ok = true;
    }
    pthread_mutex_unlock(&live_lock);
    return ok;
}

/* ---- showing ---- */

static void
put_entry(const char *mark, const struct tls_ca *ca, struct text *out)
{
    text_printf(out, "%s%s", mark, tls_ca_path(ca));
    if (!tls_ca_is_crl(ca))
        text_printf(out, " - %u certificate(s)", tls_ca_count(ca));
    text_char(out, '\n');
}

struct listing {
    const struct tls_ca **p;
    unsigned n;
    bool crl;
};

static void
note(const struct tls_ca *ca, void *arg)
{
    struct listing *to = arg;

    if (tls_ca_is_crl(ca) != to->crl)
        return;
    to->p = xrealloc(to->p, (to->n + 1) * sizeof(*to->p));
    to->p[to->n++] = ca;
}

static int
by_path(const void *a, const void *b)
{
    return strcmp(tls_ca_path(*(const struct tls_ca *const *)a),
                  tls_ca_path(*(const struct tls_ca *const *)b));
}

static void
list_files(const struct family *f, bool crl, struct text *out)
{
    struct listing all = { .crl = crl };

    if (f->draft) {
        text_str(out, "# transaction\n");
        put_entry("*", f->draft, out);
    }
    text_str(out, "# filename\n");
    tls_ca_each(note, &all);
    if (all.n)
        qsort(all.p, all.n, sizeof(*all.p), by_path);
    for (unsigned i = 0; i < all.n; i++)
        put_entry(tls_ca_path(all.p[i])[0] == '*' ? "\\" : "", all.p[i], out);
    free(all.p);
}

static const struct tls_ca *
pick(const struct family *f, const char *name, bool crl)
{
    if (*name == '*')
        return f->draft && !is_other(f, name + 1) ? f->draft : NULL;
    return find(name[0] == '\\' && name[1] == '*' ? name + 1 : name, crl);
}

static bool
show_one(const struct family *f, const char *name, bool crl, struct text *out)
{
    const char *colon = strrchr(name, ':');
    const struct tls_ca *ca = pick(f, name, crl);
    uint64_t index = 0;

    if (!ca && colon && slice_to_uint(slice_str(colon + 1), &index) && index <= UINT32_MAX) {
        char *base = xstrndup(name, (size_t)(colon - name));
        ca = pick(f, base, crl);
        free(base);
    }
    if (!ca)
        return live_refuse(out, "Can't display the %s : Not found!\n", f->title);
    if (index > tls_ca_count(ca))
        return true;
    text_printf(out, "Filename: %s%s\nStatus: %s\n", *name == '*' ? "*" : "", tls_ca_path(ca),
                !tls_ca_count(ca)                          ? "Empty"
                : *name != '*' && is_used(tls_ca_path(ca)) ? "Used"
                                                           : "Unused");
    tls_ca_show(ca, (unsigned)index, out);
    return true;
}

bool
live_ca_show(const char *name, bool crl, struct text *out)
{
    const struct family *f = &families[crl];
    bool ok = true;

    pthread_mutex_lock(&live_lock);
    if (*name)
        ok = show_one(f, name, crl, out);
    else
        list_files(f, crl, out);
    pthread_mutex_unlock(&live_lock);
    return ok;
}
