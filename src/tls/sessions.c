/* sessions.c - sessions of servers, to be resumed.
 *
 * A thread keeps those of its own connections, one per server and name (a small direct-mapped
 * table): that is where they are looked for, without a lock. What a thread does not have it takes
 * from a table of the process, in encoded form, for session objects do not cross threads. Only
 * threads that are new to a server look there. */
#include "loop/loop.h"
#include "tls/tls_int.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

#define OWN      64    /* slots of a thread */
#define COMMON   1024  /* of the process */
#define DER_MAX  16384 /* bytes; larger ones (of long chains) are not shared */
#define FRESH_MS 60000 /* a shared session younger than this is not replaced */

struct own {
    uint64_t key;
    SSL_SESSION *session;
};

struct common {
    uint64_t key;
    int64_t since_ms;
    unsigned char *der;
    int len;
};

static _Thread_local struct own *own;
static struct common *common;                            /* protected by `lock` */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* leaf */

static struct own *
own_slot(uint64_t key)
{
    if (!own)
        own = xcalloc(OWN, sizeof(*own));
    return &own[key % OWN];
}

static void
empty(struct own *o)
{
    SSL_SESSION_free(o->session);
    *o = (struct own){ 0 };
}

static void
empty_common(struct common *c)
{
    free(c->der);
    *c = (struct common){ 0 };
}

/* ---- the process's ---- */

static void
share(uint64_t key, SSL_SESSION *session)
{
    int64_t now = loop_now_ms();
    int len;

    pthread_mutex_lock(&lock);
    if (!common)
        common = xcalloc(COMMON, sizeof(*common));
    struct common *c = &common[key % COMMON];
    bool fresh = c->key == key && now - c->since_ms < FRESH_MS;
    if (!fresh && (len = i2d_SSL_SESSION(session, NULL)) > 0 && len <= DER_MAX) {
        empty_common(c);
        unsigned char *p = c->der = xmalloc((size_t)len);
        c->len = i2d_SSL_SESSION(session, &p);
        c->key = key;
        c->since_ms = now;
    }
    pthread_mutex_unlock(&lock);
}

static SSL_SESSION *
borrow(uint64_t key)
{
    SSL_SESSION *s = NULL;

    pthread_mutex_lock(&lock);
    struct common *c = common ? &common[key % COMMON] : NULL;
    if (c && c->key == key) {
        const unsigned char *p = c->der;
        s = d2i_SSL_SESSION(NULL, &p, c->len);
        if (!s)
            ERR_clear_error();
    }
    pthread_mutex_unlock(&lock);
    return s;
}

static void
forget_shared(uint64_t key)
{
    pthread_mutex_lock(&lock);
    struct common *c = common ? &common[key % COMMON] : NULL;
    if (c && c->key == key)
        empty_common(c);
    pthread_mutex_unlock(&lock);
}

/* ---- both ---- */

void
client_session_keep(uint64_t key, SSL_SESSION *session, bool shared)
{
    struct own *o = own_slot(key);

    empty(o);
    *o = (struct own){ key, session };
    if (shared)
        share(key, session);
}

SSL_SESSION *
client_session_find(uint64_t key, bool shared)
{
    struct own *o = own_slot(key);

    if (o->key != key && shared) {
        SSL_SESSION *s = borrow(key);
        if (s) {
            empty(o);
            *o = (struct own){ key, s };
        }
    }
    if (o->key != key)
        return NULL;
    if (SSL_SESSION_is_resumable(o->session))
        return o->session;
    empty(o);
    return NULL;
}

void
client_session_forget(uint64_t key)
{
    struct own *o = own_slot(key);

    if (o->key == key)
        empty(o);
    forget_shared(key);
}

void
client_sessions_thread_fini(void)
{
    for (unsigned i = 0; own && i < OWN; i++)
        empty(&own[i]);
    free(own);
    own = NULL;
}

void
client_sessions_clear(void)
{
    for (unsigned i = 0; common && i < COMMON; i++)
        empty_common(&common[i]);
    free(common);
    common = NULL;
}
