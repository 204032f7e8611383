/* stream_pp.c - the PROXY header that a server asked for: who the client is, and how it was
 * authenticated. */
#include "proxy/stream_int.h"

#include "net/pp.h"
#include "tls/info.h"

#define CUSTOM_MAX 32 /* set-proxy-v2-tlv-fmt of one server */

/* What the client's TLS connection tells the server; zeros when there is none. */
static void
describe_tls(struct stream *s, const struct server *srv, struct pp_ssl *to)
{
    struct conn *c = s->sess->conn;
    int64_t verify = 0;

    *to = (struct pp_ssl){ 0 };
    if (!(c->flags & CONN_TLS))
        return;
    to->client = PP_CLIENT_SSL;
    if (tls_conn_bool(c, TLS_B_HAS_CERT))
        to->client |= PP_CLIENT_CERT_CONN;
    if (tls_conn_bool(c, TLS_B_CERT_USED))
        to->client |= PP_CLIENT_CERT_SESS;
    if (tls_conn_number(c, TLS_N_VERIFY, &verify))
        to->verify = (uint32_t)verify;
    to->version = tls_conn_text(c, TLS_T_PROTOCOL, &s->arena);
    if (srv->pp_opts & SRV_PP_CERT_CN)
        to->cn =
            tls_cert_dn(c, TLS_OF_CLIENT, TLS_DN_SUBJECT,
                        &(struct tls_dn_part){ .entry = SL("CN"), .occurrence = 1 }, &s->arena);
    if (srv->pp_opts & SRV_PP_CERT_KEY)
        to->key_alg = tls_cert_text(c, TLS_OF_FRONT, TLS_C_KEY_SIZE, &s->arena);
    if (srv->pp_opts & SRV_PP_CERT_SIG)
        to->sig_alg = tls_cert_text(c, TLS_OF_FRONT, TLS_C_SIG_ALG, &s->arena);
    if (srv->pp_opts & SRV_PP_SSL_CIPHER)
        to->cipher = tls_conn_text(c, TLS_T_CIPHER, &s->arena);
}

static unsigned
custom_tlvs(struct stream *s, const struct server *srv, struct pp_tlv *to)
{
    unsigned n = 0;

    for (const struct srv_tlv *t = srv->tlvs; t && n < CUSTOM_MAX; t = t->next) {
        struct slice v = logfmt_slice(t->value, stream_ctx(s, s->be, PT_SRV, SMPO_FINAL));
        if (v.p)
            to[n++] = (struct pp_tlv){ t->type, v };
    }
    return n;
}

static size_t
write_v2(struct stream *s, const struct server *srv, struct buf *b, const struct addr *src,
         const struct addr *dst)
{
    struct conn *c = s->sess->conn;
    struct pp_tlv custom[CUSTOM_MAX];
    struct pp_ssl ssl;
    struct pp_out o = { .src = src, .dst = dst, .crc32c = srv->pp_opts & SRV_PP_CRC32C };

    o.alpn = tls_conn_text(c, TLS_T_ALPN, &s->arena);
    if (srv->pp_opts & SRV_PP_AUTHORITY)
        o.authority = tls_conn_text(c, TLS_T_SNI, &s->arena);
    if (srv->pp_opts & SRV_PP_UNIQUE_ID)
        o.unique_id = stream_unique_id(s);
    if (srv->pp_opts & SRV_PP_SSL) {
        describe_tls(s, srv, &ssl);
        o.ssl = &ssl;
    }
    o.custom = custom;
    o.ncustom = custom_tlvs(s, srv, custom);
    return pp_write_v2(b->data, b->size, &o);
}

bool
stream_put_proxy_header(struct stream *s)
{
    struct server *srv = s->srv;
    struct addr src, dst;

    stream_src(s, &src);
    stream_dst(s, &dst);
    struct buf *b = buf_get();
    if (!b)
        return false;
    if (srv->flags & SRVF_SEND_PROXY_V2)
        b->tail = (uint32_t)write_v2(s, srv, b, &src, &dst);
    else
        b->tail = (uint32_t)pp_write_v1(b->data, b->size, &src, &dst);
    s->req.tx = b;
    return b->tail > 0;
}
