/* live.c - certificates change while the process serves: transactions, and what follows from them.
 */
#include "tlsconf/live.h"

#include "proxy/config.h"
#include "tls/ocsp.h"
#include "tlsconf/live_int.h"
#include "tlsconf/ocsp.h"

#include <stdlib.h>

pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;

/** The certificate that is being changed; one at a time. */
static struct {
    char *name;
    struct tls_cert *draft;
} going;

bool
live_refuse(struct text *out, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    text_vprintf(out, fmt, ap);
    va_end(ap);
    return false;
}

static void
forget(void)
{
    tls_cert_free(&going.draft);
    free(going.name);
    going.name = NULL;
}

void
live_release(void)
{
    forget();
    live_ca_release();
    live_list_release();
}

void
live_applied(const char *name, struct tls_changes *changes, struct text *out)
{
    text_printf(out, "Committing %s", name);
    for (unsigned i = 0; i < changes->n; i++)
        text_char(out, '.');
    tls_changes_apply(changes);
    text_str(out, "\nSuccess!\n");
}

/* ---- transactions ---- */

bool
live_cert_new(const char *name, struct text *out)
{
    pthread_mutex_lock(&live_lock);
    bool there = tls_store_get(name);
    if (!there) {
        struct tls_cert *c = tls_draft_new(name, NULL);
        tls_store_put(c);
        tls_cert_free(&c);
        text_printf(out, "New empty certificate store '%s'!\n", name);
    }
    pthread_mutex_unlock(&live_lock);
    return !there || live_refuse(out, "Certificate '%s' already exists!\n", name);
}

/* Which certificate and which part of it a file's name means. */
static char *
split_name(const char *name, enum tls_part *part)
{
    static const struct {
        const char *ext;
        enum tls_part part;
    } parts[] = { { ".key", TLS_PART_KEY },
                  { ".issuer", TLS_PART_ISSUER },
                  { ".ocsp", TLS_PART_OCSP },
                  { ".sctl", TLS_PART_SCTL } };
    struct slice s = slice_str(name);

    *part = TLS_PART_PEM;
    if (tls_store_get(name))
        return xstrdup(name);
    for (unsigned i = 0; i < COUNT_OF(parts); i++) {
        if (!slice_ends(s, slice_str(parts[i].ext)))
            continue;
        struct slice base = slice_sub(s, 0, s.len - strlen(parts[i].ext));
        char *try = xstrndup(base.p, base.len);
        if (!tls_store_get(try)) { /* ssl-load-extra-del-ext: site.key beside site.crt */
            char *longer = xasprintf("%s.crt", try);
            free(try);
            try = longer;
        }
        if (tls_store_get(try)) {
            *part = parts[i].part;
            return try;
        }
        free(try);
    }
    return NULL;
}

/* The part is set in a copy: a payload that cannot be used changes nothing. */
static bool
set_part(const char *name, enum tls_part part, struct slice payload, struct text *out)
{
    bool first = !going.name;
    struct tls_cert *base = first ? tls_store_get(name) : going.draft;
    struct tls_cert *draft = tls_draft_new(name, base);

    if (!tls_draft_set(draft, part, payload, out)) {
        tls_cert_free(&draft);
        return live_refuse(out, "\nCan't load the payload\n");
    }
    tls_cert_free(&going.draft);
    going.draft = draft;
    if (first)
        going.name = xstrdup(name);
    text_printf(out, "Transaction %s for certificate %s!\n", first ? "created" : "updated", name);
    return true;
}

bool
live_cert_set(const char *name, struct slice payload, struct text *out)
{
    enum tls_part part;
    bool ok = false;

    pthread_mutex_lock(&live_lock);
    char *known = split_name(name, &part);
    if (!known)
        live_refuse(out,
                    "Can't replace a certificate which is not referenced by the configuration!\n");
    else if (going.name && strcmp(going.name, known) != 0)
        live_refuse(out, "The ongoing transaction is about '%s' but you are trying to set '%s'\n",
                    going.name, known);
    else
        ok = set_part(known, part, payload, out);
    pthread_mutex_unlock(&live_lock);
    free(known);
    return ok || live_refuse(out, "Can't update %s!\n", name);
}

/* Whatever uses `old` is to use `fresh`. */
static bool
plan_everywhere(const struct tls_cert *old, struct tls_cert *fresh, struct tls_changes *changes,
                struct text *out)
{
    struct tls_server *s;
    struct tls_client *t;

    for (unsigned i = 0; (s = tlsconf_server(i)); i++)
        if (!tls_server_plan_cert(s, old, fresh, changes, out))
            return false;
    for (unsigned i = 0; (t = tlsconf_client(i)); i++)
        if (!tls_client_plan_cert(t, old, fresh, changes, out))
            return false;
    return true;
}

static bool
commit(const char *name, struct text *out)
{
    struct tls_changes changes = { 0 };
    const struct tls_cert *old = tls_store_get(name);

    if (!tls_draft_finish(going.draft, out))
        return live_refuse(out, "\n");
    if (!plan_everywhere(old, going.draft, &changes, out)) {
        tls_changes_drop(&changes);
        return live_refuse(out, ".\n");
    }
    tls_store_put(going.draft);
    live_applied(name, &changes, out);
    ocsp_adopt(going.draft);
    forget();
    return true;
}

bool
live_cert_commit(const char *name, struct text *out)
{
    bool ok = false;

    pthread_mutex_lock(&live_lock);
    if (!going.name)
        live_refuse(out, "No ongoing transaction! !\n");
    else if (strcmp(going.name, name) != 0)
        live_refuse(out, "The ongoing transaction is about '%s' but you are trying to set '%s'\n",
                    going.name, name);
    else
        ok = commit(name, out);
    pthread_mutex_unlock(&live_lock);
    return ok || live_refuse(out, "Can't commit %s!\n", name);
}

bool
live_cert_abort(const char *name, struct text *out)
{
    bool ok = false;

    pthread_mutex_lock(&live_lock);
    if (!going.name) {
        live_refuse(out, "No ongoing transaction!\n");
    } else if (strcmp(going.name, name) != 0) {
        live_refuse(
            out,
            "The ongoing transaction is about '%s' but you are trying to abort a transaction "
            "for '%s'\n",
            going.name, name);
    } else {
        forget();
        text_printf(out, "Transaction aborted for certificate '%s'!\n", name);
        ok = true;
    }
    pthread_mutex_unlock(&live_lock);
    return ok;
}

/* ---- use ---- */

static bool
is_used(const struct tls_cert *c)
{
    struct tls_server *s;
    struct tls_client *t;

    for (unsigned i = 0; (s = tlsconf_server(i)); i++)
        if (tls_server_uses(s, c))
            return true;
    for (unsigned i = 0; (t = tlsconf_client(i)); i++)
        if (tls_client_uses(t, c))
            return true;
    return false;
}

bool
live_cert_del(const char *name, struct text *out)
{
    bool ok = false;

    pthread_mutex_lock(&live_lock);
    const struct tls_cert *c = tls_store_get(name);
    if (!c) {
        live_refuse(out, "Can't remove the certificate: certificate '%s' doesn't exist!\n", name);
    } else if (is_used(c)) {
        live_refuse(out,
                    "Can't remove the certificate: certificate '%s' in use, can't be deleted!\n",
                    name);
    } else if (tls_cert_verifies_jwt(c)) {
        live_refuse(
            out,
            "Can't remove the certificate: certificate '%s' in use for JWT validation, can't be "
            "deleted!\n",
            name);
    } else {
        if (going.name && strcmp(going.name, name) == 0)
            forget();
        tls_store_del(name);
        text_printf(out, "Certificate '%s' deleted!\n", name);
        ok = true;
    }
    pthread_mutex_unlock(&live_lock);
    return ok;
}

/* ---- showing ---- */

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
    char **p;
    unsigned n;
};

static void
note_name(const char *name, void *arg)
{
    struct names *to = arg;

    if ((to->n & (to->n - 1)) == 0)
        to->p = xrealloc(to->p, (to->n ? 2 * to->n : 1) * sizeof(*to->p));
    to->p[to->n++] = xstrdup(name);
}

static void
list_certs(struct text *out)
{
    struct names all = { 0 };

    if (going.name)
        text_printf(out, "# transaction\n*%s\n", going.name);
    text_str(out, "# filename\n");
    tls_store_names(note_name, &all);
    if (all.n)
        qsort(all.p, all.n, sizeof(*all.p), by_text);
    for (unsigned i = 0; i < all.n; i++) {
        text_printf(out, "%s%s\n", all.p[i][0] == '*' ? "\\" : "", all.p[i]);
        free(all.p[i]);
    }
    free(all.p);
}

/* "*name" is the transaction's; "\*name" a name that begins with an asterisk. */
static struct tls_cert *
pick(const char *name, bool *draft)
{
    *draft = *name == '*';
    if (*draft)
        return going.name && strcmp(going.name, name + 1) == 0 ? going.draft : NULL;
    return tls_store_get(name[0] == '\\' && name[1] == '*' ? name + 1 : name);
}

static bool
show_one(const char *name, struct text *out)
{
    struct slice s = slice_str(name);
    bool draft;
    const struct tls_cert *c = pick(name, &draft);

    if (!c && slice_ends(s, SL(".ocsp"))) {
        char *base = xstrndup(name, s.len - 5);
        bool ok = tls_ocsp_show(base, TLS_OCSP_TEXT, out);
        free(base);
        if (ok)
            return true;
    }
    if (!c)
        return live_refuse(out, "Can't display the certificate: Not found or the certificate is a "
                                "bundle!\n");
    text_printf(out, "Filename: %s\n", name);
    tls_cert_show_files(c, out);
    text_printf(out, "Status: %s\n",
                tls_cert_is_empty(c)   ? "Empty"
                : !draft && is_used(c) ? "Used"
                                       : "Unused");
    tls_cert_show(c, out);
    return true;
}

bool
live_cert_show(const char *name, struct text *out)
{
    bool ok = true;

    pthread_mutex_lock(&live_lock);
    if (*name)
        ok = show_one(name, out);
    else
        list_certs(out);
    pthread_mutex_unlock(&live_lock);
    return ok;
}

bool
live_cert_dump(const char *name, struct text *out)
{
    bool draft;

    pthread_mutex_lock(&live_lock);
    const struct tls_cert *c = pick(name, &draft);
    if (c)
        tls_cert_dump(c, out);
    pthread_mutex_unlock(&live_lock);
    return c || live_refuse(out, "Can't dump the certificate: Not found or the certificate is a "
                                 "bundle!\n");
}

/* ---- tokens ---- */

bool
live_jwt_set(const char *name, bool on, struct text *out)
{
    pthread_mutex_lock(&live_lock);
    struct tls_cert *c = tls_store_get(name);
    if (c)
        tls_cert_set_jwt(c, on);
    pthread_mutex_unlock(&live_lock);
    return c || live_refuse(out, "Certificate '%s' does not exist!\n", name);
}

void
live_jwt_show(struct text *out)
{
    struct names all = { 0 };

    text_str(out, "# filename\n");
    tls_store_names(note_name, &all);
    if (all.n)
        qsort(all.p, all.n, sizeof(*all.p), by_text);
    for (unsigned i = 0; i < all.n; i++) {
        const struct tls_cert *c = tls_store_get(all.p[i]);
        if (c && tls_cert_verifies_jwt(c))
            text_printf(out, "%s\n", all.p[i]);
        free(all.p[i]);
    }
    free(all.p);
}

/* ---- keys of tickets ---- */

enum tls_key_rc
live_key_set(const char *id, struct slice base64)
{
    pthread_mutex_lock(&live_lock);
    enum tls_key_rc rc = tls_ticket_key_set(id, base64);
    pthread_mutex_unlock(&live_lock);
    return rc;
}

/* ---- names of servers ---- */

struct sni {
    struct text *out;
    const struct bind_conf *bind;
    int64_t ended_at;
};

static void
show_sni(const struct tls_sni *n, void *arg)
{
    const struct sni *s = arg;
    struct text after = { 0 }, before = { 0 };

    if (s->ended_at && !tls_cert_ended(n->cert, s->ended_at))
        return;
    text_printf(s->out, "%s/%s:%u\t%s\t", s->bind->px->name, s->bind->loc.file, s->bind->loc.line,
                n->name);
    for (unsigned i = 0; i < n->nexcept; i++)
        text_printf(s->out, "%s!%s", i ? " " : "", n->except[i]);
    tls_cert_validity(n->cert, &after, &before);
    text_printf(s->out, "%s\t%s\t%s\t%s\t%s\n", n->nexcept ? "" : "-", tls_cert_kind(n->cert),
                tls_cert_name(n->cert), after.p ? after.p : "-", before.p ? before.p : "-");
    text_fini(&after);
    text_fini(&before);
}

void
live_sni_show(const char *frontend, int64_t ended_at, struct text *out)
{
    struct proxy *px;
    struct bind_conf *b;

    text_str(out, "# Frontend/Bind\tSNI\tNegative Filter\tType\tFilename\tNotAfter\tNotBefore\n");
    pthread_mutex_lock(&live_lock);
    list_each (px, &config->proxies, link) {
        if (frontend && strcmp(px->name, frontend) != 0)
            continue;
        list_each (b, &px->binds, link)
            if (b->tls)
                tls_server_each_name(b->tls, show_sni, &(struct sni){ out, b, ended_at });
    }
    pthread_mutex_unlock(&live_lock);
}
