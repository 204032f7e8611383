/* stream_connect.c - new connections to servers: where to, where from, and which requests may share
 * one. */
#include "proxy/stream_int.h"

#include "config/tune.h"
#include "net/netns.h"
#include "net/pp.h"
#include "server/pool.h"
#include "server/source.h"

#include <errno.h>
#include <xxhash.h>

/* ---- addresses ---- */

bool
stream_server_address(struct stream *s, struct addr *to)
{
    struct server *srv = s->srv;
    struct addr dst;

    pthread_mutex_lock(&srv->lock);
    *to = srv->addr;
    pthread_mutex_unlock(&srv->lock);
    if (!addr_is_ip(to))
        return addr_is_unix(to);
    bool any_host = addr_is_any(to);
    if (srv->port && !(srv->flags & SRVF_PORT_MAPPED) && !any_host) {
        addr_set_port(to, srv->port);
        return true;
    }
    stream_dst(s, &dst);
    if (any_host && addr_is_ip(&dst))
        *to = dst;
    if (srv->flags & SRVF_PORT_MAPPED)
        addr_set_port(to, (uint16_t)(addr_port(&dst) + srv->port_offset));
    else
        addr_set_port(to, srv->port ? srv->port : addr_port(&dst));
    return true;
}

static struct source *
source_of(const struct stream *s)
{
    return s->srv->source ? s->srv->source : s->be->source;
}

/* `usesrc`: somebody else's address to connect from. False when there is none for this request. */
static bool
foreign_source(struct stream *s, const struct source *src, struct addr *a)
{
    struct sample smp;

    switch (src->use) {
    case SOURCE_CLIENT:
    case SOURCE_CLIENTIP:
        stream_src(s, a);
        if (src->use == SOURCE_CLIENTIP)
            addr_set_port(a, 0);
        return addr_is_ip(a);
    case SOURCE_HEADER:
        if (!expr_eval(src->header, stream_ctx(s, s->be, PT_SRV, SMPO_FINAL), &smp))
            return false;
        if (smp.type == SMP_IPV4)
            addr_from_ip4(a, smp.u.v4, 0);
        else if (smp.type == SMP_IPV6)
            addr_from_ip6(a, &smp.u.v6, 0);
        return smp.type == SMP_IPV4 || smp.type == SMP_IPV6;
    case SOURCE_ADDR:
        *a = src->use_addr;
        return true;
    case SOURCE_OWN:
    default:
        return false;
    }
}

/* The namespace of `namespace`; "*" stands for the one that the client's PROXY header names. */
static const struct netns *
namespace_of(const struct stream *s)
{
    const struct slice *kept = s->sess->conn->pp;
    struct slice name;

    if (!s->srv->netns_of_client)
        return s->srv->netns;
    return kept && pp_tlv_find(*kept, PP_TLV_NETNS, &name) ? netns_find(name) : NULL;
}

/* ---- sharing ---- */

/* Requests share a connection only under the same name: pool-conn-name, else the name for TLS. */
static uint64_t
hash_name(struct stream *s, uint64_t h)
{
    struct expr *e = s->srv->pool_name ? s->srv->pool_name : s->srv->sni;
    struct sample name;

    if (e && expr_eval_as(e, stream_ctx(s, s->be, PT_SRV, SMPO_FINAL), SMP_STR, &name))
        h = XXH3_64bits_withSeed(name.u.s.p, name.u.s.len, h + 1);
    return h;
}

static uint64_t
hash_addr(const struct addr *a, uint64_t h)
{
    return XXH3_64bits_withSeed(&a->sa, a->len, h);
}

uint64_t
stream_reuse_hash(struct stream *s)
{
    const struct source *src = source_of(s);
    struct addr a;
    uint64_t h = 0;

    if (s->srv->sni || s->srv->pool_name)
        h = hash_name(s, h);
    if (s->dst_override)
        h = hash_addr(s->dst_override, h);
    if (s->has_bc_mark)
        h = XXH3_64bits_withSeed(&s->bc_mark, sizeof(s->bc_mark), h + 1);
    if (s->has_bc_tos)
        h = XXH3_64bits_withSeed(&s->bc_tos, sizeof(s->bc_tos), h + 2);
    if (src && src->use != SOURCE_OWN && foreign_source(s, src, &a))
        h = hash_addr(&a, h + 3);
    if (s->srv->netns_of_client) {
        const struct netns *ns = namespace_of(s);
        h = XXH3_64bits_withSeed(&ns, sizeof(ns), h + 4);
    }
    return h;
}

struct conn *
session_take_conn(struct session *sess, const struct server *srv, uint64_t hash)
{
    struct conn *c, *tmp;

    if (!sess->nsrv_conns)
        return NULL;
    list_each_safe (c, tmp, &sess->srv_conns, link) {
        bool dead = c->flags & (CONN_RD_READY | CONN_HUP | CONN_ERR);
        if (!dead && (c->target != srv || c->hash != hash))
            continue;
        list_del(&c->link);
        sess->nsrv_conns--;
        if (!dead) {
            c->flags |= CONN_REUSED;
            return c;
        }
        pool_closed(c->target);
        conn_free(&c);
    }
    return NULL;
}

bool
session_keep_conn(struct session *sess, struct conn *c)
{
    if (sess->nsrv_conns >= sess->fe->max_ses_srv_conns)
        return false;
    if (!sess->srv_conns.next)
        list_init(&sess->srv_conns);
    list_push_front(&sess->srv_conns, &c->link);
    sess->nsrv_conns++;
    return true;
}

void
session_drop_conns(struct session *sess)
{
    while (sess->nsrv_conns) {
        struct conn *c = list_first(&sess->srv_conns, struct conn, link);
        list_del(&c->link);
        sess->nsrv_conns--;
        pool_closed(c->target);
        conn_free(&c);
    }
}

/* ---- opening ---- */

struct conn *
stream_open_connection(struct stream *s, int *err)
{
    struct server *srv = s->srv;
    struct proxy *be = s->be;
    struct source *src = source_of(s);
    const struct addr *from = NULL;
    struct addr to, foreign;
    struct sock_opts opts = {
        .sndbuf = tune.sndbuf_server,
        .rcvbuf = tune.rcvbuf_server,
        .tcp_ut_ms = srv->tcp_ut_ms,
        .keepalive = be->options & PO_SRVTCPKA,
        .saves_ack = be->options & PO_TCP_SMART_CONNECT,
        .ka_cnt = be->srvtcpka_cnt,
        .ka_idle_s = be->srvtcpka_idle_s,
        .ka_intvl_s = be->srvtcpka_intvl_s,
        .tfo = srv->flags & SRVF_TFO,
        .mark = s->bc_mark,
        .tos = s->bc_tos,
        .has_mark = s->has_bc_mark,
        .has_tos = s->has_bc_tos,
        .cc = srv->cc,
        .md5sig = srv->md5sig,
        .netns = namespace_of(s),
        .socks4 = srv->flags & SRVF_SOCKS4 ? &srv->socks4 : NULL,
    };

    *err = EADDRNOTAVAIL;
    if (!stream_server_address(s, &to))
        return NULL;
    if (src)
        source_apply(src, foreign_source(s, src, &foreign) ? &foreign : NULL, &opts, &from);
    if (!pool_make_room(srv)) {
        *err = EAGAIN;
        return NULL;
    }
    struct conn *c = conn_connect(&to, from, &opts, err);
    if (!c)
        pool_closed(srv);
    return c;
}
