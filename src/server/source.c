/* source.c - `source`: its arguments, and what they mean for a socket (manual chapters 4.2, 5.2).
 */
#include "server/source.h"

#include "net/netns.h"
#include "sample/expr.h"
#include "server/parse_int.h"

#include <netinet/tcp.h>

static const char *
take(struct cfg *c, unsigned *at)
{
    return *at < c->nwords ? c->word[(*at)++].s : NULL;
}

/* hdr_ip(<name>[,<occ>]): the fetch of that name says the same. Occurrence 0 turns it off. */
static enum cfg_rc
parse_header(struct cfg *c, struct source *s, struct proxy *px, const char *word, unsigned at)
{
    struct slice args = slice_sub(slice_str(word), strlen("hdr_ip("), SIZE_MAX), occ;
    size_t end = slice_find(args, ')', 0);

    if (end == SIZE_MAX || end + 1 != args.len)
        return cfg_error(c, at, "'usesrc' : missing closing parenthesis in '%s'.", word);
    args.len = end;
    struct slice name = slice_cut(args, ',', &occ);
    if (!name.len)
        return cfg_error(c, at, "'usesrc' : missing header name in '%s'.", word);
    int64_t n = -1;
    if (occ.p && !slice_to_int(occ, &n))
        return cfg_error(c, at, "'usesrc' : '%.*s' is not an occurrence number.", SLF(occ));
    if (n == 0)
        return CFG_OK;
    const char *text = arena_printf(c->arena, "req.hdr_ip(%.*s,%lld)", SLF(name), (long long)n);
    s->header = expr_parse_text(c, text, NULL, px, PT_SRV_CON);
    s->use = SOURCE_HEADER;
    return s->header ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
parse_usesrc(struct cfg *c, struct source *s, struct proxy *px, bool server, unsigned *at)
{
    const char *word = take(c, at);
    struct addr_spec spec;
    char err[256];

    if (!word)
        return cfg_error(c, *at - 1, "'usesrc' expects <addr>[:<port>], 'client', %s as argument.",
                         server ? "'clientip', or 'hdr_ip(name,#)'" : "or 'clientip'");
    if (strcmp(word, "client") == 0) {
        s->use = SOURCE_CLIENT;
    } else if (strcmp(word, "clientip") == 0) {
        s->use = SOURCE_CLIENTIP;
    } else if (strncmp(word, "hdr_ip(", 7) == 0) {
        return parse_header(c, s, px, word, *at - 1);
    } else {
        if (!addr_parse(word, ADDR_O_PORT | ADDR_O_STREAM, NULL, &spec, err, sizeof(err)))
            return cfg_error(c, *at - 1, "'usesrc %s' : %s", word, err);
        s->use = SOURCE_ADDR;
        s->use_addr = spec.addr;
    }
    return CFG_OK;
}

struct source *
source_parse(struct cfg *c, const struct keyword *kw, struct proxy *px, bool range, unsigned *at)
{
    struct source *s = ARENA_NEW(c->arena, struct source);
    const char *word = take(c, at);
    struct addr_spec spec;
    char err[256];

    if (!addr_parse(word ? word : "", ADDR_O_PORT | ADDR_O_STREAM | (range ? ADDR_O_PORT_RANGE : 0),
                    NULL, &spec, err, sizeof(err))) {
        cfg_error(c, *at - 1, "'%s %s' : %s", kw->name, word, err);
        return NULL;
    }
    s->addr = spec.addr;
    if (spec.port_form == ADDR_PORT_RANGE) {
        s->port_low = (uint16_t)spec.port_low;
        s->port_high = (uint16_t)spec.port_high;
    }
    for (;;) {
        if (cfg_arg_is(c, *at, "usesrc")) {
            ++*at;
            if (parse_usesrc(c, s, px, range, at) != CFG_OK)
                return NULL;
        } else if (cfg_arg_is(c, *at, "interface")) {
            ++*at;
            s->interface = take(c, at);
            if (!s->interface) {
                cfg_error(c, *at - 1, "'%s' : missing interface name.", cfg_arg(c, 0));
                return NULL;
            }
        } else {
            return s;
        }
    }
}

void
source_apply(struct source *s, const struct addr *foreign, struct sock_opts *o,
             const struct addr **from)
{
    *from = NULL;
    o->interface = s->interface;
    if (foreign && addr_is_ip(foreign)) {
        o->transparent = true;
        *from = foreign;
        return;
    }
    if (!addr_is_ip(&s->addr))
        return;
    *from = &s->addr;
    o->port_low = s->port_low;
    o->port_high = s->port_high;
    o->port_next = &s->port_next;
}

/* ---- options of servers ---- */

enum cfg_rc
server_opt_source(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1,
                         "'%s' expects <addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, "
                         "and 'interface' <name> as argument.",
                         kw->name);
    s->source = source_parse(c, kw, s->px, true, at);
    return s->source ? CFG_OK : CFG_ERR;
}

enum cfg_rc
server_opt_usesrc(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    (void)obj;
    return cfg_error(c, *at - 1, "'%s' only allowed after a 'source' statement.", kw->name);
}

enum cfg_rc
server_opt_socks4(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *word = take(c, at);
    struct addr_spec spec;
    char err[256];

    if (!word)
        return cfg_error(c, *at - 1, "'%s' expects <addr>:<port> as argument.", kw->name);
    if (!addr_parse(word, ADDR_O_PORT | ADDR_O_PORT_NEEDED | ADDR_O_STREAM, NULL, &spec, err,
                    sizeof(err)))
        return cfg_error(c, *at - 1, "'%s %s' : %s", kw->name, word, err);
    s->socks4 = spec.addr;
    s->flags |= SRVF_SOCKS4;
    return CFG_OK;
}

enum cfg_rc
server_opt_namespace(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *word = take(c, at);

    if (!word)
        return cfg_error(c, *at - 1, "'%s' : expects <name> as argument.", kw->name);
    s->netns_of_client = strcmp(word, "*") == 0;
    s->netns = NULL;
    if (s->netns_of_client)
        return CFG_OK;
    s->netns = netns_open(word);
    return s->netns ? CFG_OK : cfg_error(c, *at - 1, "Cannot open namespace '%s'.", word);
}

enum cfg_rc
server_opt_md5sig(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *word = take(c, at);

    if (!word)
        return cfg_error(c, *at - 1, "'%s' : missing password.", kw->name);
    if (strlen(word) > TCP_MD5SIG_MAXKEYLEN)
        return cfg_error(c, *at - 1, "'%s' : a password has at most %d characters.", kw->name,
                         TCP_MD5SIG_MAXKEYLEN);
    s->md5sig = word;
    return CFG_OK;
}

enum cfg_rc
server_opt_pool_name(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *word = take(c, at);

    if (!word)
        return cfg_error(c, *at - 1, "'%s' : missing expression.", kw->name);
    s->pool_name = expr_parse_text(c, word, NULL, s->px, PT_SRV_CON);
    return s->pool_name ? CFG_OK : CFG_ERR;
}

/* ---- options of log servers: no other kind looks at them ---- */

enum cfg_rc
server_opt_log_proto(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct server *s = obj;
    const char *word = cfg_arg(c, *at);

    if (strcmp(word, "octet-count") == 0)
        s->flags |= SRVF_OCTET_COUNT;
    else if (strcmp(word, "legacy") == 0)
        s->flags &= ~(unsigned)SRVF_OCTET_COUNT;
    else
        return cfg_error(c, *at < c->nwords ? *at : *at - 1,
                         "'%s' expects one of 'legacy' or 'octet-count' but got '%s'.", kw->name,
                         word);
    ++*at;
    return CFG_OK;
}

enum cfg_rc
server_opt_log_bufsize(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    (void)kw;
    return cfg_take_size(c, at, "a size", &((struct server *)obj)->log_bufsize);
}
