/* live.c - what changes of servers and clients have in common: planned, then applied or dropped. */
#include "base/epoch.h"
#include "tls/tls_int.h"

#include <stdlib.h>

struct tls_change *
change_add(struct tls_changes *to, void *where, void (*apply)(struct tls_change *),
           void (*drop)(struct tls_change *))
{
    struct tls_change *c = xcalloc(1, sizeof(*c));

    c->where = where;
    c->apply = apply;
    c->drop = drop;
    if (!to->tail)
        to->tail = &to->first;
    *to->tail = c;
    to->tail = &c->next;
    to->n++;
    return c;
}

static void
finish(struct tls_changes *to, bool apply)
{
    for (struct tls_change *c = to->first, *next; c; c = next) {
        void (*fn)(struct tls_change *) = apply ? c->apply : c->drop;
        next = c->next;
        if (fn)
            fn(c);
        free(c);
    }
    *to = (struct tls_changes){ 0 };
}

void
tls_changes_apply(struct tls_changes *c)
{
    finish(c, true);
}

void
tls_changes_drop(struct tls_changes *c)
{
    finish(c, false);
}

static bool
is_path(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

bool
options_use_ca(const struct tls_options *o, const char *path)
{
    return is_path(o->ca_file, path) || is_path(o->ca_verify_file, path) ||
           is_path(o->crl_file, path);
}

static void
free_ctx(void *p)
{
    SSL_CTX_free(p);
}

void
ssl_ctx_retire(SSL_CTX *ssl)
{
    epoch_retire(free_ctx, ssl);
}
