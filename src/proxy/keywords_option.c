/* keywords_option.c - `option` keywords of proxies (manual 4.2). */
#include "proxy/section.h"

#include "log/log.h"
#include "proxy/forwarded.h"

#define DFB (IN_DEFAULTS | IN_FRONTEND | IN_BACKEND)
#define DF  (IN_DEFAULTS | IN_FRONTEND)
#define DB  (IN_DEFAULTS | IN_BACKEND)

static enum cfg_rc
no_more_words(struct cfg *c, unsigned at)
{
    return cfg_expect_end(c, at);
}

/* A bit (kw->max) of px->options or px->options2; of the first it is known whether it was denied.
 */
static enum cfg_rc
parse_bit(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    unsigned *set = (unsigned *)((char *)obj + kw->offset);
    struct proxy *px = obj;
    unsigned bit = (unsigned)kw->max;

    if (set == &px->options)
        px->no_options = c->neg ? px->no_options | bit : px->no_options & ~bit;
    if (c->neg || c->dflt)
        *set &= ~bit;
    else
        *set |= bit;
    return no_more_words(c, *at);
}

#define BIT(text, in, bit, help_text)                                                              \
    {                                                                                              \
        .name = "option " text, .where = (in), .offset = offsetof(struct proxy, options),          \
        .max = (bit), .parse = parse_bit, .flags = KWF_NO, .help = help_text                       \
    }
#define BIT2(text, in, bit, help_text)                                                             \
    {                                                                                              \
        .name = "option " text, .where = (in), .offset = offsetof(struct proxy, options2),         \
        .max = (bit), .parse = parse_bit, .flags = KWF_NO, .help = help_text                       \
    }
/* HAProxy runs the same without it: it only tells when to save work. */
#define NO_EFFECT(text, in, help_text)                                                             \
    {                                                                                              \
        .name = "option " text, .where = (in), .kind = KW_IGNORED_OK, .flags = KWF_NO,             \
        .help = help_text                                                                          \
    }

static enum cfg_rc
parse_small_buffers(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    for (; *at < c->nwords; ++*at)
        if (!cfg_arg_is(c, *at, "queue") && !cfg_arg_is(c, *at, "l7-retries") &&
            !cfg_arg_is(c, *at, "check"))
            return cfg_error(c, *at,
                             "'%s' only supports 'queue', 'l7-retries' and 'check' (got '%s').",
                             kw->name, cfg_arg(c, *at));
    return CFG_OK;
}

static enum cfg_rc
parse_abortonclose(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    px->options &= ~(unsigned)(PO_ABORTONCLOSE | PO_NO_ABORTONCLOSE);
    if (c->neg)
        px->options |= PO_NO_ABORTONCLOSE;
    else if (!c->dflt)
        px->options |= PO_ABORTONCLOSE;
    return no_more_words(c, *at);
}

/* httpclose, http-server-close, http-keep-alive: kw->max is the mode. */
static enum cfg_rc
parse_http_mode(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    if (c->neg || c->dflt) {
        if (px->http_mode == (enum px_http_mode)kw->max)
            px->http_mode = PX_KEEPALIVE;
    } else {
        px->http_mode = (enum px_http_mode)kw->max;
    }
    return no_more_words(c, *at);
}

static enum cfg_rc
parse_redispatch(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    int64_t n;

    px->options &= ~(unsigned)PO_REDISPATCH;
    if (c->neg || c->dflt)
        return no_more_words(c, *at);
    px->options |= PO_REDISPATCH;
    px->redispatch_after = -1;
    if (*at < c->nwords) {
        if (!slice_to_int(slice_str(c->word[*at].s), &n) || n < -1000000 || n > 1000000)
            return cfg_error(
                c, *at, "invalid argument '%s' to 'option redispatch': an integer is expected.",
                c->word[*at].s);
        (*at)++;
        px->redispatch_after = (int)n;
        if (n == 0)
            px->options &= ~(unsigned)PO_REDISPATCH;
    }
    return no_more_words(c, *at);
}

static enum cfg_rc
parse_tcpka(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    unsigned bits = 0;

    if (c->where & (IN_DEFAULTS | IN_FRONTEND))
        bits |= PO_CLITCPKA;
    if (c->where & (IN_DEFAULTS | IN_BACKEND))
        bits |= PO_SRVTCPKA;
    if (c->neg || c->dflt)
        px->options &= ~bits;
    else
        px->options |= bits;
    return no_more_words(c, *at);
}

/* ---- addresses in headers ---- */

static enum cfg_rc
parse_except(struct cfg *c, unsigned *at, const char *what, struct px_xff *f)
{
    bool missing = *at + 1 >= c->nwords;

    if (missing || !addr_net_parse(slice_str(c->word[*at + 1].s), &f->except.net))
        return cfg_error(c, missing ? *at : *at + 1,
                         "'%s except' expects <address>[/mask] as argument.", what);
    f->except.set = true;
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
parse_xff(struct cfg *c, unsigned *at, const char *what, struct px_xff *f, bool if_none_ok)
{
    *f = (struct px_xff){ .on = true };
    while (*at < c->nwords) {
        if (cfg_arg_is(c, *at, "except")) {
            if (parse_except(c, at, what, f) != CFG_OK)
                return CFG_ERR;
        } else if (cfg_arg_is(c, *at, "header")) {
            if (*at + 1 >= c->nwords)
                return cfg_error(c, *at, "'%s header' expects <header_name> as argument.", what);
            char *lower = arena_strdup(c->arena, c->word[*at + 1].s);
            for (char *p = lower; *p; p++)
                *p = (char)ascii_lower((unsigned char)*p);
            f->header = lower;
            *at += 2;
        } else if (if_none_ok && cfg_arg_is(c, *at, "if-none")) {
            f->if_none = true;
            (*at)++;
        } else {
            return cfg_error(
                c, *at, "'%s' only supports optional values: %s.", what,
                if_none_ok ? "'except', 'header' and 'if-none'" : "'except' and 'header'");
        }
    }
    return CFG_OK;
}

static enum cfg_rc
parse_forwardfor(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    return parse_xff(c, at, "option forwardfor", &((struct proxy *)obj)->fwdfor, true);
}

static enum cfg_rc
parse_originalto(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    return parse_xff(c, at, "option originalto", &((struct proxy *)obj)->origto, false);
}

/* ---- log formats ---- */

static enum cfg_rc
set_format(struct cfg *c, struct proxy *px, const char *name, const char *text, unsigned *at)
{
    px->logfmt_name = name;
    px->logfmt_text = text;
    px->logfmt_loc = c->loc;
    px->defaults_gave_format = false;
    return no_more_words(c, *at);
}

static enum cfg_rc
parse_httplog(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (cfg_arg_is(c, *at, "clf")) {
        (*at)++;
        return set_format(c, obj, "option httplog clf", log_fmt_http_clf, at);
    }
    if (cfg_arg_is(c, *at, "json")) {
        (*at)++;
        return set_format(c, obj, "option httplog json", log_fmt_http_json, at);
    }
    if (*at < c->nwords)
        return cfg_error(c, *at,
                         "'option httplog' only supports optional arguments 'clf' and 'json'.");
    return set_format(c, obj, "option httplog", log_fmt_http, at);
}

static enum cfg_rc
parse_tcplog(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (cfg_arg_is(c, *at, "clf")) {
        (*at)++;
        return set_format(c, obj, "option tcplog clf", log_fmt_tcp_clf, at);
    }
    return set_format(c, obj, "option tcplog", log_fmt_tcp, at);
}

static enum cfg_rc
parse_httpslog(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    return set_format(c, obj, "option httpslog", log_fmt_https, at);
}

static enum cfg_rc
parse_restrict_names(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    const char *how = cfg_arg(c, *at);

    px->options2 &= ~(unsigned)(PO2_HTTP_RESTRICT_REQ_HDR_DEL | PO2_HTTP_RESTRICT_REQ_HDR_REJECT);
    if (strcmp(how, "delete") == 0)
        px->options2 |= PO2_HTTP_RESTRICT_REQ_HDR_DEL;
    else if (strcmp(how, "reject") == 0)
        px->options2 |= PO2_HTTP_RESTRICT_REQ_HDR_REJECT;
    else if (strcmp(how, "preserve") != 0)
        return cfg_error(c, *at,
                         "'option http-restrict-req-hdr-names' expects 'preserve', 'delete' or "
                         "'reject' as argument.");
    (*at)++;
    return no_more_words(c, *at);
}

const struct keyword option_keywords[] = {
    { .name = "option abortonclose",
      .where = DFB,
      .parse = parse_abortonclose,
      .flags = KWF_NO,
      .help = "give up requests whose client left; on by default in mode http" },
    { .name = "option forwardfor",
      .args = "[except <network>] [header <name>] [if-none]",
      .where = DFB,
      .parse = parse_forwardfor,
      .help = "tell servers the client's address in X-Forwarded-For" },
    { .name = "option originalto",
      .args = "[except <network>] [header <name>]",
      .where = DFB,
      .parse = parse_originalto,
      .help = "tell servers the address the client asked for in X-Original-To" },
    { .name = "option redispatch",
      .args = "[<interval>]",
      .where = DB,
      .parse = parse_redispatch,
      .flags = KWF_NO,
      .help = "let a retry go to another server" },
    { .name = "option httpclose",
      .where = DFB,
      .max = PX_HTTPCLOSE,
      .parse = parse_http_mode,
      .flags = KWF_NO,
      .help = "one request per connection on both sides" },
    { .name = "option http-server-close",
      .where = DFB,
      .max = PX_SERVER_CLOSE,
      .parse = parse_http_mode,
      .flags = KWF_NO,
      .help = "keep-alive towards clients, one request per server connection" },
    { .name = "option http-keep-alive",
      .where = DFB,
      .max = PX_KEEPALIVE,
      .parse = parse_http_mode,
      .flags = KWF_NO,
      .help = "keep-alive on both sides (the default)" },
    { .name = "option httplog",
      .args = "[clf|json]",
      .where = DF,
      .parse = parse_httplog,
      .help = "log requests in the HTTP format, in that of Apache, or as JSON" },
    { .name = "option tcplog",
      .args = "[clf]",
      .where = DF,
      .parse = parse_tcplog,
      .help = "log connections in the TCP format" },
    { .name = "option httpslog",
      .where = DF,
      .parse = parse_httpslog,
      .help = "log requests in the HTTP format with TLS details" },
    { .name = "option tcpka",
      .where = DFB,
      .parse = parse_tcpka,
      .flags = KWF_NO,
      .help = "TCP keep-alives on both sides" },
    { .name = "option http-restrict-req-hdr-names",
      .args = "{ preserve | delete | reject }",
      .where = DFB,
      .parse = parse_restrict_names,
      .help = "what to do with header names outside [a-zA-Z0-9-]" },
    BIT("dontlognull", DF, PO_DONTLOGNULL, "do not log connections without data"),
    BIT("dontlog-normal", DF, PO_DONTLOG_NORMAL, "log only what went wrong"),
    BIT("log-separate-errors", DF, PO_LOG_SEPARATE_ERRORS, "log errors with level err"),
    BIT("logasap", DF, PO_LOGASAP, "log when the response head was received"),
    BIT("http-buffer-request", DFB, PO_HTTP_BUFFER_REQUEST,
        "wait for the whole body (or a full buffer) before going on"),
    NO_EFFECT("http-no-delay", DFB, "the kernel is never let wait to fill packets"),
    BIT("http-ignore-probes", DF, PO_HTTP_IGNORE_PROBES, "silence connections without a request"),
    BIT("http-pretend-keepalive", DB, PO_HTTP_PRETEND_KA, "let servers believe in keep-alive"),
    BIT("http-use-proxy-header", DF, PO_HTTP_USE_PROXY_HEADER,
        "use Proxy-Connection instead of Connection"),
    BIT("independent-streams", DFB, PO_INDEPENDENT_STREAMS,
        "what is sent to a side does not refresh its timeout"),
    BIT("nolinger", DFB, PO_NOLINGER, "close with a reset at once"),
    BIT("persist", DB, PO_PERSIST, "stick to servers that are down"),
    BIT("prefer-last-server", DB, PO_PREFER_LAST_SERVER,
        "stay with the server of the previous request"),
    BIT("socket-stats", DF, PO_SOCKET_STATS, "statistics per listening address"),
    NO_EFFECT("splice-auto", DFB, "bodies move inside the kernel where it pays"),
    NO_EFFECT("splice-request", DFB, "request bodies move inside the kernel where it pays"),
    NO_EFFECT("splice-response", DFB, "response bodies move inside the kernel where it pays"),
    BIT("srvtcpka", DB, PO_SRVTCPKA, "TCP keep-alives towards servers"),
    BIT("clitcpka", DF, PO_CLITCPKA, "TCP keep-alives towards clients"),
    BIT("tcp-smart-accept", DF, PO_TCP_SMART_ACCEPT,
        "let the response acknowledge the first request (the default in HTTP mode)"),
    BIT("tcp-smart-connect", DB, PO_TCP_SMART_CONNECT,
        "let the request acknowledge the server's part of the handshake"),
    BIT("allbackups", DB, PO_ALLBACKUPS, "use all backup servers at once"),
    BIT("checkcache", DB, PO_CHECKCACHE, "refuse cacheable responses that carry cookies"),
    BIT("log-health-checks", DB, PO_LOG_HEALTH_CHECKS, "log every change of a check's result"),
    BIT("accept-unsafe-violations-in-http-request", DF, PO_RELAX_REQ,
        "accept some malformed requests"),
    BIT("accept-unsafe-violations-in-http-response", DB, PO_RELAX_RES,
        "accept some malformed responses"),
    { .name = "option accept-invalid-http-request",
      .where = DF,
      .offset = offsetof(struct proxy, options),
      .max = PO_RELAX_REQ,
      .parse = parse_bit,
      .flags = KWF_NO | KWF_DEPRECATED,
      .use_instead = "option accept-unsafe-violations-in-http-request",
      .help = "old name" },
    { .name = "option accept-invalid-http-response",
      .where = DB,
      .offset = offsetof(struct proxy, options),
      .max = PO_RELAX_RES,
      .parse = parse_bit,
      .flags = KWF_NO | KWF_DEPRECATED,
      .use_instead = "option accept-unsafe-violations-in-http-response",
      .help = "old name" },
    BIT("contstats", DF, PO_CONTSTATS, "update counters while a transfer lasts"),
    BIT2("disable-h2-upgrade", DF, PO2_DISABLE_H2_UPGRADE,
         "refuse the HTTP/2 preface on clear connections"),
    BIT2("h1-case-adjust-bogus-client", DF, PO2_H1_CASE_ADJUST_CLI,
         "adjust header names towards clients"),
    BIT2("h1-case-adjust-bogus-server", DB, PO2_H1_CASE_ADJUST_SRV,
         "adjust header names towards servers"),
    BIT2("http-drop-request-trailers", DB, PO2_HTTP_DROP_REQ_TRAILERS, "drop trailers of requests"),
    BIT2("http-drop-response-trailers", DF, PO2_HTTP_DROP_RES_TRAILERS,
         "drop trailers of responses"),
    BIT2("idle-close-on-response", DF, PO2_IDLE_CLOSE_ON_RESPONSE,
         "close idle connections with a response only"),
    { .name = "option use-small-buffers",
      .args = "[ queue | l7-retries | check ]*",
      .where = DB,
      .parse = parse_small_buffers,
      .flags = KWF_NO,
      .help = "buffers are returned when idle anyway" },
    NO_EFFECT("http-use-htx", DFB, "gone since 2.1: the only mode"),
    { .name = "option forwarded",
      .args = "[proto] [host | host-expr <e>] [by | by-expr <e>] [by_port | by_port-expr <e>] "
              "[for | for-expr <e>] [for_port | for_port-expr <e>]",
      .where = DB,
      .parse = forwarded_parse,
      .flags = KWF_NO,
      .help = "tell servers about the client in a Forwarded header (RFC 7239)" },
    { 0 },
};
