/* glue.c - TLS meets sessions, streams and checks; the module. */
#include "tlsconf/live.h"
#include "tlsconf/ocsp.h"
#include "tlsconf/tlsconf.h"

#include "config/tune.h"
#include "net/conn_code.h"
#include "proxy/config.h"
#include "proxy/session.h"
#include "proxy/stream_int.h"
#include "sample/expr.h"
#include "server/check.h"

#include <stdlib.h>

/* ---- towards clients ---- */

static bool
too_many(struct conn *c)
{
    if (!tune.maxsslconn || tls_conn_count() < tune.maxsslconn)
        return false;
    c->code = CONN_CODE_SSL_TOO_MANY;
    return true;
}

static bool
accept_tls(struct session *s)
{
    struct conn *c = s->conn;

    if (too_many(c))
        return false;
    if (!tls_accept(c, s->li->bind->tls)) {
        c->code = CONN_CODE_SSL_NO_MEM;
        return false;
    }
    uint32_t rate = freq_shared_add(&config->ssl_rate, 1000, 1, (uint64_t)loop_now_ms());
    peak_raise(&config->ssl_rate_max, rate);
    atomic_fetch_add_explicit(&config->cum_ssl, 1, memory_order_relaxed);
    return true;
}

/* ---- counters ---- */

#define COUNT_OUTCOME(count, obj, o)                                                               \
    do {                                                                                           \
        count(obj, ssl_sess, ((o)&TLS_DONE) != 0);                                                 \
        count(obj, ssl_reused_sess, ((o)&TLS_RESUMED) != 0);                                       \
        count(obj, ssl_failed_handshake, ((o)&TLS_FAILED) != 0);                                   \
        count(obj, ssl_ocsp_staple, ((o)&TLS_STAPLED) != 0);                                       \
        count(obj, ssl_failed_ocsp_staple, ((o)&TLS_NOT_STAPLED) != 0);                            \
    } while (0)

/* A full handshake computes keys. */
static void
count_keys(bool back)
{
    uint32_t rate = freq_shared_add(&config->ssl_keys[back], 1000, 1, (uint64_t)loop_now_ms());

    peak_raise(&config->ssl_keys_max[back], rate);
}

/* A check's connection has no target: it counts for the process only. */
static void
handshake_over(struct conn *c, unsigned outcome)
{
    bool back = c->flags & CONN_BACK;

    if ((outcome & (TLS_DONE | TLS_RESUMED)) == TLS_DONE)
        count_keys(back);
    if (!c->target)
        return;
    if (back) {
        const struct server *srv = c->target;
        COUNT_OUTCOME(SRV_COUNT, srv, outcome);
        COUNT_OUTCOME(BE_COUNT, srv->px, outcome);
    } else {
        const struct listener *li = c->target;
        COUNT_OUTCOME(FE_COUNT, li->px, outcome);
        COUNT_OUTCOME(LI_COUNT, li, outcome);
    }
}

/* ---- towards servers ---- */

/* RFC 6066, section 3: addresses are no server names. Only what was taken from a Host by itself is
 * left out. */
static bool
is_address(struct slice name)
{
    struct addr a;

    return name.len && (name.p[0] == '[' || addr_parse_ip(name, &a));
}

/* Early data can be replayed, or be refused: it is sent for a client that took that risk itself, or
 * when refused requests are to be tried again. */
static bool
may_send_early(const struct stream *s, const struct server *srv)
{
    const struct session *sess = s->sess;

    if (!(s->flags & SF_HTTP) || s->nretries || srv->flags & (SRVF_SEND_PROXY | SRVF_SEND_PROXY_V2))
        return false;
    if (s->be->retry_on & RETRY_0RTT && s->req.eom_in)
        return true;
    return !(sess->flags & SESSF_NOT_FIRST) && tls_conn_sent_early(sess->conn);
}

static bool
connect_tls(struct stream *s, struct conn *c, struct server *srv)
{
    const struct server_tls *t = srv->ext;
    struct slice name = SLICE_NONE;
    struct sample v;

    if (!srv->tls || too_many(c))
        return false;
    if (srv->sni && expr_eval_as(srv->sni, stream_ctx(s, s->be, PT_SRV, SMPO_FINAL), SMP_STR, &v))
        name = v.u.s;
    if (t && t->sni_is_auto && is_address(name))
        name = SLICE_NONE;
    if (!tls_client_start(c, srv->tls, name.p, name.len,
                          t && t->sni_is_auto ? TLS_NAME_GUESSED : TLS_NAME_SET))
        return false;
    atomic_fetch_add_explicit(&config->cum_ssl, 1, memory_order_relaxed);
    if (s->flags & SF_HTTP)
        tls_send_first(c);
    if (may_send_early(s, srv))
        (void)tls_offer_early(c);
    return true;
}

static bool
connect_check(struct check *ck, struct conn *c, const char *sni, bool guessed, const char *alpn)
{
    struct tls_client *t = ck->srv->tls;
    char wire[256];

    if (!t || !tls_client_start(c, t, sni, sni ? strlen(sni) : 0,
                                guessed ? TLS_NAME_GUESSED : TLS_NAME_SET))
        return false;
    atomic_fetch_add_explicit(&config->cum_ssl, 1, memory_order_relaxed);
    if (!alpn || strlen(alpn) >= sizeof(wire))
        return true;
    struct text ignored = { 0 };
    int n = tls_alpn_parse(alpn, wire, &ignored);
    text_fini(&ignored);
    return n <= 0 || tls_set_alpn(c, slice(wire, (size_t)n));
}

/* ---- settings that are copied with servers ---- */

static void (*inherit_before)(struct cfg *c, struct server *to);

static void
inherit_settings(struct cfg *c, struct server *to)
{
    if (inherit_before)
        inherit_before(c, to);
    if (!to->ext)
        return;
    struct server_tls *mine = ARENA_NEW(c->arena, struct server_tls);
    *mine = *(struct server_tls *)to->ext;
    to->ext = mine;
    to->tls = NULL;
}

/* ---- objects of the configuration ---- */

static struct tls_server **servers;
static struct tls_client **clients;
static unsigned nservers, nclients;
bool tlsconf_running;

void
tlsconf_keep_server(struct tls_server *s)
{
    servers = xrealloc(servers, (nservers + 1) * sizeof(*servers));
    servers[nservers++] = s;
}

void
tlsconf_keep_client(struct tls_client *t)
{
    clients = xrealloc(clients, (nclients + 1) * sizeof(*clients));
    clients[nclients++] = t;
}

void
tlsconf_drop_client(const struct tls_client *t)
{
    for (unsigned i = 0; i < nclients; i++)
        if (clients[i] == t)
            clients[i] = clients[--nclients];
}

struct tls_server *
tlsconf_server(unsigned i)
{
    return i < nservers ? servers[i] : NULL;
}

struct tls_client *
tlsconf_client(unsigned i)
{
    return i < nclients ? clients[i] : NULL;
}

static void
release(struct config *cf)
{
    live_release();
    for (unsigned i = 0; i < nservers; i++)
        tls_server_free(&servers[i]);
    for (unsigned i = 0; i < nclients; i++)
        tls_client_free(&clients[i]);
    free(servers);
    free(clients);
    servers = NULL;
    clients = NULL;
    nservers = nclients = 0;
    ocsp_release();
    crt_lists_clear();
    tls_store_clear();
}

/* ---- the module ---- */

static void
defaults(struct config *cf)
{
    tlsconf_global = (struct tlsconf_global){ .extra = TLSX_DEFAULT };
    tlsconf_running = false;
    ocsp_settings = (struct ocsp_settings){ .min_s = OCSP_MINDELAY_S, .max_s = OCSP_MAXDELAY_S };
    ssl_f_use_forget();
    crt_lists_clear();
    tls_passphrase = tlsconf_passphrase;
    session_tls_accept = accept_tls;
    stream_hooks.tls_connect = connect_tls;
    check_tls_connect = connect_check;
    tls_handshake_over = handshake_over;
    if (server_hooks.inherit != inherit_settings) {
        inherit_before = server_hooks.inherit;
        server_hooks.inherit = inherit_settings;
    }
}

static void
check(struct cfg *c)
{
    tlsconf_check_binds(c);
    tlsconf_check_servers(c);
    ocsp_check(c);
}

/* From now on nothing may block: only passphrases that are known open keys. */
static bool
start(struct config *cf)
{
    tls_passphrase = NULL;
    tlsconf_running = true;
    return true;
}

static bool
thread_start(struct config *cf)
{
    return ocsp_thread_start();
}

static void
thread_stop(struct config *cf)
{
    ocsp_thread_stop();
    tls_thread_fini();
}

const struct module tls_module = {
    .name = "tls",
    .keywords = tlsconf_global_keywords,
    .defaults = defaults,
    .check = check,
    .start = start,
    .thread_start = thread_start,
    .thread_stop = thread_stop,
    .stop = release,
};
const struct module tls_bind_module = { .name = "tls bind options",
                                        .keywords = tlsconf_bind_keywords };
const struct module tls_server_module = { .name = "tls server options",
                                          .keywords = tlsconf_server_keywords };
const struct module tls_store_module = {
    .name = "certificates",
    .sections = tlsconf_sections,
    .keywords = tlsconf_store_keywords,
};
