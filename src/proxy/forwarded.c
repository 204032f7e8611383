/* forwarded.c - `option forwarded` (RFC 7239; since HAProxy 2.8). */
#include "proxy/forwarded.h"

#include "proxy/stream_int.h"

#include <ctype.h>

#define ELEMENT_MAX 8192u

/* ---- configuration ---- */

/** Words of the option: which flag they set, and which expression may be given instead. */
static const struct word {
    const char *name;
    size_t flag, expr;
} words[] = {
#define AT(m) offsetof(struct px_forwarded, m)
    { "proto", AT(proto), 0 },
    { "host", AT(host), AT(host_expr) },
    { "by", AT(by.on), AT(by.expr) },
    { "by_port", AT(by.port), AT(by.port_expr) },
    { "for", AT(from.on), AT(from.expr) },
    { "for_port", AT(from.port), AT(from.port_expr) },
#undef AT
};

static const struct word *
find_word(struct slice name)
{
    for (unsigned i = 0; i < COUNT_OF(words); i++)
        if (slice_eq_str(name, words[i].name))
            return &words[i];
    return NULL;
}

static enum cfg_rc
take_word(struct cfg *c, struct proxy *px, struct px_forwarded *f, unsigned *at)
{
    struct slice name = slice_str(cfg_arg(c, *at));
    const struct word *w = find_word(name);
    bool has_expr = !w && name.len > 5 && slice_eq_str(slice_sub(name, name.len - 5, 5), "-expr");

    if (has_expr)
        w = find_word(slice_sub(name, 0, name.len - 5));
    if (!w || (has_expr && !w->expr))
        return cfg_error(c, *at,
                         "'option forwarded' only supports 'proto', 'host', 'host-expr', 'by', "
                         "'by-expr', 'by_port', 'by_port-expr', 'for', 'for-expr', 'for_port' and "
                         "'for_port-expr' (got '%s').",
                         name.p);
    ++*at;
    *(bool *)((char *)f + w->flag) = true;
    if (!has_expr)
        return CFG_OK;
    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'option forwarded' : '%s' expects an expression.", name.p);
    struct expr *e = expr_parse_text(c, cfg_arg(c, *at), NULL, px, PT_SRV);
    ++*at;
    *(struct expr **)(void *)((char *)f + w->expr) = e;
    return e ? CFG_OK : CFG_ERR;
}

enum cfg_rc
forwarded_parse(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    (void)kw;
    px->forwarded = NULL;
    if (c->neg || c->dflt)
        return cfg_expect_end(c, *at);
    struct px_forwarded *f = ARENA_NEW(c->arena, struct px_forwarded);
    if (*at >= c->nwords)
        f->proto = f->from.on = true;
    while (*at < c->nwords)
        if (take_word(c, px, f, at) != CFG_OK)
            return CFG_ERR;
    px->forwarded = f;
    return CFG_OK;
}

/* ---- requests ---- */

static struct sample_ctx *
ctx(struct stream *s)
{
    return stream_ctx(s, s->be, PT_SRV, SMPO_FINAL);
}

/* RFC 9110, section 5.6.4. */
static void
put_quoted(struct out *o, struct slice text)
{
    out_char(o, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            out_char(o, '\\');
        if ((unsigned char)text.p[i] >= ' ' && text.p[i] != 0x7f)
            out_char(o, text.p[i]);
    }
    out_char(o, '"');
}

/* RFC 7239, section 6.3: what may stand for an address or a port. */
static bool
is_obfuscated(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '.' && s.p[i] != '_' && s.p[i] != '-')
            return false;
    return s.len > 0;
}

/* The address, or in *name what stands for it. False: unknown. */
static bool
node_of(struct stream *s, const struct forwarded_node *n, bool client, struct addr *a,
        struct slice *name)
{
    struct sample smp;

    *name = SLICE_NONE;
    *a = (struct addr){ .kind = ADDR_NONE };
    if (!n->expr) {
        if (client)
            stream_src(s, a);
        else
            stream_dst(s, a);
        return addr_is_ip(a);
    }
    if (!expr_eval(n->expr, ctx(s), &smp))
        return false;
    switch (smp.type) {
    case SMP_IPV4:
        addr_from_ip4(a, smp.u.v4, 0);
        return true;
    case SMP_IPV6:
        addr_from_ip6(a, &smp.u.v6, 0);
        return true;
    case SMP_STR:
        if (addr_parse_ip(smp.u.s, a))
            return true;
        *name = smp.u.s;
        return is_obfuscated(*name);
    default:
        return false;
    }
}

static void
put_port(struct stream *s, struct out *o, const struct forwarded_node *n, const struct addr *a)
{
    struct sample smp;

    if (!n->port)
        return;
    if (!n->port_expr) {
        if (addr_port(a))
            out_printf(o, ":%u", addr_port(a));
        return;
    }
    if (!expr_eval(n->port_expr, ctx(s), &smp))
        return;
    if (smp.type == SMP_SINT && smp.u.i > 0 && smp.u.i <= UINT16_MAX)
        out_printf(o, ":%u", (unsigned)smp.u.i);
    else if (smp.type == SMP_STR && is_obfuscated(smp.u.s))
        out_printf(o, ":%.*s", SLF(smp.u.s));
}

static void
put_node(struct stream *s, struct out *o, const char *param, const struct forwarded_node *n,
         bool client)
{
    char text[ADDR_TEXT_MAX + 256];
    struct out t = OUT(text);
    struct slice name;
    struct addr a;

    if (!n->on)
        return;
    out_printf(o, "%s%s=", o->len ? ";" : "", param);
    if (!node_of(s, n, client, &a, &name)) {
        out_lit(o, "unknown");
        return;
    }
    if (name.p)
        out_mem(&t, name.p, name.len);
    else if (a.kind == ADDR_IP6)
        out_char(&t, '[');
    if (!name.p)
        addr_put_host(&t, &a);
    if (!name.p && a.kind == ADDR_IP6)
        out_char(&t, ']');
    put_port(s, &t, n, &a);
    struct slice all = out_slice(&t);
    if (slice_find(all, ':', 0) == SIZE_MAX) /* colons and brackets need quotes */
        out_mem(o, all.p, all.len);
    else
        put_quoted(o, all);
}

bool
forwarded_add(struct stream *s, const struct px_forwarded *f)
{
    char text[ELEMENT_MAX];
    struct out o = OUT(text);
    struct sample smp;

    if (f->proto)
        out_printf(&o, "proto=%s", s->sess->conn->flags & CONN_TLS ? "https" : "http");
    if (f->host) {
        struct slice host = s->rq.host;
        if (f->host_expr)
            host = expr_eval_as(f->host_expr, ctx(s), SMP_STR, &smp) ? smp.u.s : SLICE_NONE;
        if (host.len) {
            out_printf(&o, "%shost=", o.len ? ";" : "");
            put_quoted(&o, host);
        }
    }
    put_node(s, &o, "by", &f->by, false);
    put_node(s, &o, "for", &f->from, true);
    if (o.full)
        return false;
    if (!o.len)
        return true;
    struct http_hdr *old = http_hdr_last(&s->rq, SL("forwarded"));
    if (!old)
        return http_hdr_add(&s->rq, SL("forwarded"), out_slice(&o));
    char *both = arena_printf(&s->arena, "%.*s,%.*s", SLF(old->value), SLF(out_slice(&o)));
    return both && http_hdr_replace(&s->rq, old, slice_str(both));
}
