/* act_conn.c - actions on the client's connection and its addresses: set-src, set-dst and their
 * ports, marks and TOS, expect-proxy, expect-netscaler-cip. */
#include "action/action.h"

#include "config/tune.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* ---- set-src, set-dst, set-src-port, set-dst-port ---- */

enum side { SIDE_SRC, SIDE_DST };

static enum side
side_of(const struct rule *r)
{
    return *(const enum side *)r->act->private;
}

static enum cfg_rc
parse_address(struct cfg *c, unsigned *at, struct rule *r)
{
    r->p[0] = act_expr(c, at, r);
    return r->p[0] ? CFG_OK : CFG_ERR;
}

static void
get_address(const struct rule_ctx *x, enum side side, struct addr *a)
{
    if (x->strm)
        (side == SIDE_SRC ? stream_src : stream_dst)(x->strm, a);
    else
        (side == SIDE_SRC ? conn_src : conn_dst)(x->sess->conn, a);
}

/* Connection and session rules change the connection for good, others only what the stream sees. */
static void
put_address(const struct rule_ctx *x, enum side side, const struct addr *a)
{
    if (!x->strm) {
        (side == SIDE_SRC ? conn_set_src : conn_set_dst)(x->sess->conn, a);
        return;
    }
    struct addr **to = side == SIDE_SRC ? &x->strm->src_override : &x->strm->dst_override;
    if (!*to)
        *to = ARENA_NEW(&x->strm->arena, struct addr);
    if (*to)
        **to = *a;
}

static enum act_rc
exec_address(const struct rule *r, struct rule_ctx *x)
{
    struct sample s = { 0 };
    struct addr old, a = { .kind = ADDR_NONE };

    if (!expr_eval_as(r->p[0], x->x, SMP_ADDR, &s))
        return act_must_wait(&s, x) ? ACT_YIELD : ACT_CONT;
    get_address(x, side_of(r), &old);
    if (s.type == SMP_IPV4) {
        a.kind = ADDR_IP4;
        a.len = sizeof(a.in);
        a.in.sin_family = AF_INET;
        a.in.sin_addr = s.u.v4;
    } else {
        a.kind = ADDR_IP6;
        a.len = sizeof(a.in6);
        a.in6.sin6_family = AF_INET6;
        a.in6.sin6_addr = s.u.v6;
    }
    addr_set_port(&a, addr_is_ip(&old) ? addr_port(&old) : 0);
    put_address(x, side_of(r), &a);
    return ACT_CONT;
}

static enum act_rc
exec_port(const struct rule *r, struct rule_ctx *x)
{
    struct sample s = { 0 };
    struct addr a;

    if (!expr_eval_as(r->p[0], x->x, SMP_SINT, &s))
        return act_must_wait(&s, x) ? ACT_YIELD : ACT_CONT;
    get_address(x, side_of(r), &a);
    if (!addr_is_ip(&a)) {
        memset(&a, 0, sizeof(a));
        a.kind = ADDR_IP4;
        a.len = sizeof(a.in);
        a.in.sin_family = AF_INET;
    }
    addr_set_port(&a, (uint16_t)s.u.i);
    put_address(x, side_of(r), &a);
    return ACT_CONT;
}

/* ---- marks and type of service ---- */

static bool
read_number(const char *text, uint64_t max, int64_t *out)
{
    uint64_t n = 0;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        const char *p = text + 2;
        for (; *p; p++) {
            unsigned char ch = ascii_lower((unsigned char)*p);
            if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f')) || n > max)
                return false;
            n = n * 16 + (uint64_t)(ch <= '9' ? ch - '0' : ch - 'a' + 10);
        }
        if (p == text + 2)
            return false;
    } else if (!slice_to_uint(slice_str(text), &n)) {
        return false;
    }
    *out = (int64_t)n;
    return n <= max;
}

static bool
read_mark(const char *text, int64_t *out)
{
    return read_number(text, UINT32_MAX, out);
}

static bool
read_tos(const char *text, int64_t *out)
{
    return read_number(text, UINT8_MAX, out);
}

static enum cfg_rc
parse_mark(struct cfg *c, unsigned *at, struct rule *r)
{
    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "expects an argument (integer/hex value or expression).");
    return act_number(c, at, r, 0, read_mark);
}

static enum cfg_rc
parse_tos(struct cfg *c, unsigned *at, struct rule *r)
{
    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "expects an argument (integer/hex value or expression).");
    return act_number(c, at, r, 0, read_tos);
}

/* Without privileges the kernel refuses marks: HAProxy does not tell either. */
static enum act_rc
exec_fc_mark(const struct rule *r, struct rule_ctx *x)
{
    int64_t n;

    if (!act_number_of(r, 0, x, &n))
        return ACT_CONT;
    uint32_t mark = (uint32_t)n;
    setsockopt(x->sess->conn->io.fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
    return ACT_CONT;
}

static enum act_rc
exec_fc_tos(const struct rule *r, struct rule_ctx *x)
{
    int fd = x->sess->conn->io.fd;
    int64_t n;

    if (!act_number_of(r, 0, x, &n))
        return ACT_CONT;
    int tos = (int)(n & 0xff);
    setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
    setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
    return ACT_CONT;
}

static enum act_rc
exec_bc_mark(const struct rule *r, struct rule_ctx *x)
{
    int64_t n;

    if (!act_number_of(r, 0, x, &n))
        return ACT_CONT;
    x->strm->bc_mark = (uint32_t)n;
    x->strm->has_bc_mark = true;
    return ACT_CONT;
}

static enum act_rc
exec_bc_tos(const struct rule *r, struct rule_ctx *x)
{
    int64_t n;

    if (!act_number_of(r, 0, x, &n))
        return ACT_CONT;
    x->strm->bc_tos = (uint8_t)n;
    x->strm->has_bc_tos = true;
    return ACT_CONT;
}

/* ---- expect-proxy layer4, expect-netscaler-cip layer4 ---- */

static enum cfg_rc
parse_expect(struct cfg *c, unsigned *at, struct rule *r)
{
    if (!cfg_arg_is(c, *at, "layer4"))
        return cfg_error(c, *at,
                         DIAG_PARSING
                         "'tcp-request connection %s' only supports 'layer4' in %s '%s' (got '%s')",
                         r->act->name, proxy_kind(r->px), r->px->name, cfg_arg(c, *at));
    (*at)++;
    return CFG_OK;
}

static enum act_rc
exec_expect_proxy(const struct rule *r, struct rule_ctx *x)
{
    x->sess->flags = (x->sess->flags & ~(unsigned)SESSF_EXPECT_CIP) | SESSF_EXPECT_PROXY;
    return ACT_CONT;
}

static enum act_rc
exec_expect_cip(const struct rule *r, struct rule_ctx *x)
{
    x->sess->flags = (x->sess->flags & ~(unsigned)SESSF_EXPECT_PROXY) | SESSF_EXPECT_CIP;
    return ACT_CONT;
}

/* ---- rows ---- */

static enum side src = SIDE_SRC, dst = SIDE_DST;

#define ADDRESS_SETS (RS_TCP_CONN | RS_TCP_SESS | RS_TCP_REQ | RS_HTTP_REQ)
#define FC_SETS      (RS_TCP | RS_HTTP_REQ | RS_HTTP_RES)
#define BC_SETS      (RS_TCP_REQ | RS_HTTP_REQ)

static const struct action actions[] = {
    { "set-src", ADDRESS_SETS, "<expr>", parse_address, exec_address,
      "replaces the client's address", 0, &src },
    { "set-dst", ADDRESS_SETS, "<expr>", parse_address, exec_address,
      "replaces the address the client connected to", 0, &dst },
    { "set-src-port", ADDRESS_SETS, "<expr>", parse_address, exec_port,
      "replaces the client's port", 0, &src },
    { "set-dst-port", ADDRESS_SETS, "<expr>", parse_address, exec_port,
      "replaces the port the client connected to", 0, &dst },
    { "set-mark", FC_SETS, "<mark>|<expr>", parse_mark, exec_fc_mark, "old name of set-fc-mark", 0,
      NULL },
    { "set-fc-mark", FC_SETS, "<mark>|<expr>", parse_mark, exec_fc_mark,
      "marks the packets sent to the client for the kernel's packet filter", 0, NULL },
    { "set-bc-mark", BC_SETS, "<mark>|<expr>", parse_mark, exec_bc_mark,
      "marks the packets sent to the server for the kernel's packet filter", 0, NULL },
    { "set-tos", FC_SETS, "<tos>|<expr>", parse_tos, exec_fc_tos, "old name of set-fc-tos", 0,
      NULL },
    { "set-fc-tos", FC_SETS, "<tos>|<expr>", parse_tos, exec_fc_tos,
      "DSCP/TOS of the packets sent to the client", 0, NULL },
    { "set-bc-tos", BC_SETS, "<tos>|<expr>", parse_tos, exec_bc_tos,
      "DSCP/TOS of the packets sent to the server", 0, NULL },
    { "expect-proxy", RS_TCP_CONN, "layer4", parse_expect, exec_expect_proxy,
      "the client begins with a PROXY protocol header", 0, NULL },
    { "expect-netscaler-cip", RS_TCP_CONN, "layer4", parse_expect, exec_expect_cip,
      "the client begins with a NetScaler client IP header", 0, NULL },
    { 0 }
};

const struct module action_conn_module = { .name = "connection actions", .actions = actions };
