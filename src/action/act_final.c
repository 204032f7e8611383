/* act_final.c - actions that decide: accept, allow, reject, close, silent-drop, deny, tarpit,
 * return, auth. */
#include "action/action.h"

#include "proxy/config.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

/* ---- accept, allow, reject, close ---- */

static enum act_rc
exec_accept(const struct rule *r, struct rule_ctx *x)
{
    return ACT_STOP;
}

static enum act_rc
exec_reject(const struct rule *r, struct rule_ctx *x)
{
    return ACT_ABORT;
}

static enum act_rc
exec_close(const struct rule *r, struct rule_ctx *x)
{
    return ACT_CLOSE;
}

/* ---- silent-drop: the client must not notice ---- */

#define DROP_TTL 1 /* a reset that does not pass the first router */

/* silent-drop [rst-ttl <ttl>]: r->i[0] is the TTL, 0 none. */
static enum cfg_rc
parse_silent_drop(struct cfg *c, unsigned *at, struct rule *r)
{
    if (!cfg_arg_is(c, *at, "rst-ttl"))
        return CFG_OK;
    uint64_t ttl;
    if (!act_has_word(c, *at + 1))
        return cfg_error(c, *at, "missing rst-ttl value.");
    if (!slice_to_uint(slice_str(cfg_arg(c, *at + 1)), &ttl) || ttl < 1 || ttl > 255)
        return cfg_error(c, *at + 1,
                         "invalid rst-ttl value '%s', expects an integer between 1 and 255.",
                         cfg_arg(c, *at + 1));
    r->i[0] = (int64_t)ttl;
    *at += 2;
    return CFG_OK;
}

static enum act_rc
exec_silent_drop(const struct rule *r, struct rule_ctx *x)
{
    struct conn *c = x->sess->conn;
    int fd = c->io.fd, on = 1, ttl = r->i[0] ? (int)r->i[0] : DROP_TTL, quick = 0;

    /* No delayed acknowledgement may tell that somebody is there. */
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &quick, sizeof(quick));
    /* In repair mode close() sends nothing. It needs CAP_NET_ADMIN. */
    if (!r->i[0] && setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) == 0)
        return ACT_ABORT;
    setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
    setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof(ttl));
    c->flags |= CONN_LINGER_RST;
    return ACT_ABORT;
}

/* ---- deny, tarpit, return ---- */

static enum cfg_rc
parse_reply(struct cfg *c, unsigned *at, struct rule *r, unsigned status)
{
    struct reply *reply = ARENA_NEW(c->arena, struct reply);

    r->p[0] = reply;
    return reply_parse(c, at, reply, r->px, status, rule_set_points(r->set, r->px));
}

static enum cfg_rc
parse_deny(struct cfg *c, unsigned *at, struct rule *r)
{
    return parse_reply(c, at, r, r->set == RS_HTTP_REQ ? 403 : 502);
}

static enum cfg_rc
parse_tarpit(struct cfg *c, unsigned *at, struct rule *r)
{
    return parse_reply(c, at, r, 500);
}

static enum cfg_rc
parse_return(struct cfg *c, unsigned *at, struct rule *r)
{
    return parse_reply(c, at, r, 200);
}

static enum act_rc
exec_deny(const struct rule *r, struct rule_ctx *x)
{
    return reply_make(x->strm, r->p[0]) ? ACT_DENY : ACT_ERROR;
}

static enum act_rc
exec_tarpit(const struct rule *r, struct rule_ctx *x)
{
    if (!reply_make(x->strm, r->p[0]))
        return ACT_ERROR;
    x->strm->reply.tarpit = true;
    return ACT_REPLY;
}

static enum act_rc
exec_return(const struct rule *r, struct rule_ctx *x)
{
    if (x->strm->be == x->strm->fe)
        FE_COUNT(x->strm->fe, intercepted, 1);
    return reply_make(x->strm, r->p[0]) ? ACT_REPLY : ACT_ERROR;
}

/* ---- auth [realm <realm>] ---- */

static enum cfg_rc
parse_auth(struct cfg *c, unsigned *at, struct rule *r)
{
    if (!cfg_arg_is(c, *at, "realm"))
        return CFG_OK;
    if (!act_has_word(c, *at + 1))
        return cfg_error(c, *at, "missing realm value.");
    r->p[0] = (char *)cfg_arg(c, *at + 1);
    *at += 2;
    return CFG_OK;
}

/* Requests of clients that were told to use a proxy (option http-use-proxy-header). */
static bool
is_proxy_request(const struct stream *s)
{
    struct slice t = s->rq.target;

    return s->fe->options & PO_HTTP_USE_PROXY_HEADER && t.len && t.p[0] != '/' && t.p[0] != '*';
}

static enum act_rc
exec_auth(const struct rule *r, struct rule_ctx *x)
{
    struct stream *s = x->strm;
    bool proxy = is_proxy_request(s);
    const char *realm = r->p[0] ? r->p[0] : x->x->px->name;
    char *value = arena_printf(&s->arena, "Basic realm=\"%s\"", realm);

    reply_error(s, proxy ? 407 : 401);
    if (!act_reply_add(s, proxy ? SL("proxy-authenticate") : SL("www-authenticate"),
                       slice_str(value)))
        return ACT_ERROR;
    return ACT_REPLY;
}

/* ---- rows ---- */

#define REPLY_ARGS                                                                                 \
    "[{status|deny_status} <code>] [content-type <type>] [{default-errorfiles|errorfile "          \
    "<file>|errorfiles <name>|"                                                                    \
    "file <file>|lf-file <file>|string <str>|lf-string <fmt>}] [hdr <name> <fmt>]*"

static const struct action actions[] = {
    { "accept", RS_TCP, NULL, act_no_args, exec_accept,
      "ends the rules and goes on with the connection", ACTF_FINAL, NULL },
    { "reject", RS_TCP | RS_HTTP_REQ, NULL, act_no_args, exec_reject,
      "closes the connection without a word", ACTF_FINAL, NULL },
    { "close", RS_TCP_RES, NULL, act_no_args, exec_close, "closes the connection to the server",
      ACTF_FINAL, NULL },
    { "allow", RS_HTTP, NULL, act_no_args, exec_accept,
      "ends the rules and goes on with the message", ACTF_FINAL, NULL },
    { "silent-drop", RS_TCP | RS_HTTP_REQ | RS_HTTP_RES, "[rst-ttl <ttl>]", parse_silent_drop,
      exec_silent_drop, "forgets the connection without telling the client", ACTF_FINAL, NULL },
    { "deny", RS_HTTP_REQ | RS_HTTP_RES, REPLY_ARGS, parse_deny, exec_deny,
      "refuses the request, or blocks the response", ACTF_FINAL, NULL },
    { "tarpit", RS_HTTP_REQ, REPLY_ARGS, parse_tarpit, exec_tarpit,
      "lets the client wait, then refuses the request", ACTF_FINAL, NULL },
    { "return", RS_HTTP_REQ | RS_HTTP_RES, REPLY_ARGS, parse_return, exec_return,
      "answers by itself", ACTF_FINAL, NULL },
    { "auth", RS_HTTP_REQ, "[realm <realm>]", parse_auth, exec_auth,
      "asks for a user name and a password", ACTF_FINAL, NULL },
    { 0 }
};

const struct module action_final_module = { .name = "actions that decide", .actions = actions };
