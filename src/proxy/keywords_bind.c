/* keywords_bind.c - `bind` lines and their options (manual 5.1). */
#include "net/netns.h"
#include "proxy/listener.h"
#include "proxy/section.h"

#include "config/guid.h"
#include "config/tune.h"

#include <grp.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdlib.h>

/* ---- options ---- */

static enum cfg_rc
parse_flag(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    ((struct bind_conf *)obj)->flags |= (unsigned)kw->max;
    return CFG_OK;
}

/* The next word, "" when there is none. */
static const char *
take(struct cfg *c, unsigned *at)
{
    const char *word = cfg_arg(c, *at);

    *at += *at < c->nwords;
    return word;
}

/* A word that must be there. */
static enum cfg_rc
parse_word(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *word = take(c, at);

    if (!*word)
        return cfg_error(c, *at - 1, "'%s' : missing %sname", kw->name,
                         strcmp(kw->name, "interface") == 0 ? "interface " : "");
    *(const char **)(void *)((char *)obj + kw->offset) = word;
    return CFG_OK;
}

static enum cfg_rc
parse_id(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_conf *b = obj;
    const char *word = take(c, at);
    int64_t n;

    if (!slice_to_int(slice_str(word), &n))
        return cfg_error(c, *at - 1, "'%s' : expects an integer argument, found '%s'", kw->name,
                         word);
    if (n < 1 || n > INT32_MAX)
        return cfg_error(c, *at - 1, "'%s' : custom id has to be > 0", kw->name);
    struct bind_conf *other = NULL;
    list_each (other, &b->px->binds, link)
        if (other != b && other->id == n)
            return cfg_error(c, *at - 1, "'%s' : custom id %lld already used at %s:%u ('bind %s')",
                             kw->name, (long long)n, other->loc.file, other->loc.line, other->text);
    b->id = (int)n;
    return CFG_OK;
}

static enum cfg_rc
parse_mss(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *word = take(c, at);
    int64_t n;

    if (!*word)
        return cfg_error(c, *at - 1, "'%s' : missing MSS value", kw->name);
    if (!slice_to_int(slice_str(word), &n) || n == 0 || n < -65535 || n > 65535)
        return cfg_error(c, *at - 1,
                         "'%s' : expects an MSS with and absolute value between 1 and 65535",
                         kw->name);
    ((struct bind_conf *)obj)->mss = (int)n;
    return CFG_OK;
}

static enum cfg_rc
parse_tcp_ut(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *word = take(c, at);
    uint64_t us;

    if (!*word)
        return cfg_error(c, *at - 1, "'%s' : missing TCP User Timeout value", kw->name);
    if (units_parse_time(slice_str(word), 1000, &us) || us > (uint64_t)INT32_MAX * 1000)
        return cfg_error(c, *at - 1, "'%s' : expects a positive delay in milliseconds", kw->name);
    ((struct bind_conf *)obj)->tcp_ut_ms = (int)((us + 999) / 1000);
    return CFG_OK;
}

static enum cfg_rc
parse_mode(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_conf *b = obj;
    const char *word = take(c, at);
    char *end;

    b->mode = (unsigned)strtoul(word, &end, 8);
    if (!*word || *end || b->mode > 07777)
        return cfg_error(c, *at - 1,
                         "'mode' : missing or invalid mode '%s' (octal integer expected)", word);
    b->has_mode = 1;
    return CFG_OK;
}

static enum cfg_rc
parse_user(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *name = take(c, at);
    struct passwd *pw = *name ? getpwnam(name) : NULL;

    if (!*name)
        return cfg_error(c, *at - 1, "'user' : missing user name");
    if (!pw)
        return cfg_error(c, *at - 1, "'user' : unknown user name '%s'", name);
    ((struct bind_conf *)obj)->uid = (int)pw->pw_uid;
    return CFG_OK;
}

static enum cfg_rc
parse_group(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *name = take(c, at);
    struct group *gr = *name ? getgrnam(name) : NULL;

    if (!*name)
        return cfg_error(c, *at - 1, "'group' : missing group name");
    if (!gr)
        return cfg_error(c, *at - 1, "'group' : unknown group name '%s'", name);
    ((struct bind_conf *)obj)->gid = (int)gr->gr_gid;
    return CFG_OK;
}

static enum cfg_rc
parse_shards(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_conf *b = obj;
    const char *word = cfg_take(c, at, "'shards'");
    uint64_t n;

    if (!word)
        return CFG_ERR;
    if (strcmp(word, "by-thread") == 0 || strcmp(word, "by-group") == 0)
        b->shards = 0; /* one socket per thread either way */
    else if (slice_to_uint(slice_str(word), &n) && n >= 1 && n <= 1000)
        b->shards = (unsigned)n;
    else
        return cfg_error(c, *at - 1,
                         "'shards' : invalid value %ld, allowed range is 1..1000 or 'by-thread'",
                         strtol(word, NULL, 10));
    return CFG_OK;
}

/* Tasks run in order of arrival: see docs/decisions. */
static enum cfg_rc
parse_nice(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *word = take(c, at);
    int64_t n;

    if (!*word)
        return cfg_error(c, *at - 1, "'%s' : missing value", kw->name);
    if (!slice_to_int(slice_str(word), &n))
        return cfg_error(c, *at - 1, "'%s' : '%s' is not a number", kw->name, word);
    if (n < -1024 || n > 1024)
        return cfg_error(c, *at - 1, "'%s' : invalid value %lld, allowed range is -1024..1024",
                         kw->name, (long long)n);
    ((struct bind_conf *)obj)->nice = (int)n;
    cfg_warn(c, *at - 1, "'%s' has no effect: tasks run in order of arrival.", kw->name);
    return CFG_OK;
}

static enum cfg_rc
parse_namespace(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_conf *b = obj;
    const char *word = take(c, at);

    if (!*word)
        return cfg_error(c, *at - 1, "'namespace' : missing namespace id");
    b->netns = netns_open(word);
    return b->netns ? CFG_OK : cfg_error(c, *at - 1, "Cannot open namespace '%s'.", word);
}

static enum cfg_rc
parse_guid_prefix(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *word = cfg_take(c, at, "a string");
    char why[64];

    if (!word)
        return CFG_ERR;
    if (!guid_valid(word, why, sizeof(why)))
        return cfg_error(c, *at - 1,
                         "error on GUID generation : %s. You may fix it by adjusting guid-prefix.",
                         why);
    ((struct bind_conf *)obj)->guid_prefix = word;
    return CFG_OK;
}

static enum cfg_rc
parse_tcp_ss(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (!slice_to_int(slice_str(cfg_arg(c, *at)), &n) || n < 0 || n > 2)
        return cfg_error(c, *at, "TCP Save SYN option expects an integer argument from 0 to 2");
    ++*at;
    ((struct bind_conf *)obj)->tcp_ss = (int)n;
    return CFG_OK;
}

static enum cfg_rc
parse_md5sig(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *word = cfg_take(c, at, "'tcp-md5sig'");

    if (!word)
        return CFG_ERR;
    if (strlen(word) > TCP_MD5SIG_MAXKEYLEN)
        return cfg_error(c, *at - 1, "'%s' : a password has at most %d characters.", kw->name,
                         TCP_MD5SIG_MAXKEYLEN);
    ((struct bind_conf *)obj)->md5sig = word;
    return CFG_OK;
}

static enum cfg_rc
parse_proto(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_conf *b = obj;
    const char *word = cfg_take(c, at, "'proto'");

    if (!word)
        return CFG_ERR;
    if (strcmp(word, "h1") != 0 && strcmp(word, "none") != 0)
        return cfg_error(
            c, *at - 1,
            strcmp(word, "h2") == 0 || strcmp(word, "quic") == 0 || strcmp(word, "qmux") == 0
                ? "'proto' : MUX protocol '%s' is not supported yet"
                : "'proto' :  unknown MUX protocol '%s'",
            word);
    b->proto = word;
    return CFG_OK;
}

static enum cfg_rc
parse_cip(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_conf *b = obj;
    int64_t n;

    if (cfg_take_int(c, at, "'accept-netscaler-cip'", 0, UINT32_MAX, &n) != CFG_OK)
        return CFG_ERR;
    b->flags |= BINDF_ACCEPT_CIP;
    b->cip_magic = (uint32_t)n;
    return CFG_OK;
}

static enum cfg_rc
parse_tfo(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    ((struct bind_conf *)obj)->flags |= BINDF_TFO;
    return CFG_OK;
}

static enum cfg_rc
parse_process(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    return cfg_error(c, *at,
                     "'%s %s' on 'bind' lines is not supported anymore, please use 'thread' "
                     "instead.",
                     kw->name, cfg_arg(c, *at));
}

#define FLAG(text, bit, help_text)                                                                 \
    {                                                                                              \
        .name = text, .where = IN_BIND, .max = (bit), .parse = parse_flag, .help = help_text       \
    }

const struct keyword bind_keywords[] = {
    FLAG("accept-proxy", BINDF_ACCEPT_PROXY, "expect a PROXY protocol header"),
    FLAG("transparent", BINDF_TRANSPARENT, "accept connections for foreign addresses"),
    FLAG("v4v6", BINDF_V4V6, "accept both families"),
    FLAG("v6only", BINDF_V6ONLY, "accept IPv6 only"),
    FLAG("defer-accept", BINDF_DEFER_ACCEPT, "accept connections with their first bytes"),
    { "accept-netscaler-cip", "<magic>", IN_BIND, .parse = parse_cip,
      .help = "expect a NetScaler client IP header" },
    { "maxconn", "<conns>", IN_BIND, KW_FIELD(KW_UINT, struct bind_conf, maxconn),
      .help = "most concurrent connections" },
    { "backlog", "<conns>", IN_BIND, KW_FIELD(KW_UINT, struct bind_conf, backlog),
      .help = "length of the accept queue" },
    { "name", "<name>", IN_BIND, .offset = offsetof(struct bind_conf, name), .parse = parse_word,
      .help = "name in statistics" },
    { "id", "<id>", IN_BIND, .parse = parse_id, .help = "number in statistics" },
    { "interface", "<name>", IN_BIND, .offset = offsetof(struct bind_conf, interface),
      .parse = parse_word, .help = "only connections through this interface" },
    { "label", "<label>", IN_BIND, KW_FIELD(KW_STRING, struct bind_conf, label),
      .help = "label of the listener" },
    { "mode", "<mode>", IN_BIND, .parse = parse_mode,
      .help = "octal permissions of a unix socket" },
    { "user", "<user>", IN_BIND, .parse = parse_user, .help = "owner of a unix socket" },
    { "group", "<group>", IN_BIND, .parse = parse_group, .help = "group of a unix socket" },
    { "uid", "<uid>", IN_BIND, KW_FIELD(KW_INT, struct bind_conf, uid), .max = INT32_MAX,
      .help = "owner of a unix socket" },
    { "gid", "<gid>", IN_BIND, KW_FIELD(KW_INT, struct bind_conf, gid), .max = INT32_MAX,
      .help = "group of a unix socket" },
    { "mss", "<maxseg>", IN_BIND, .parse = parse_mss, .help = "maximum segment size to announce" },
    { "nice", "<nice>", IN_BIND, .parse = parse_nice,
      .help = "priority of the connections' tasks" },
    { "tcp-ut", "<delay>", IN_BIND, .parse = parse_tcp_ut, .help = "TCP user timeout" },
    { "tfo", NULL, IN_BIND, .parse = parse_tfo, .help = "TCP fast open" },
    { "thread", "[<group>/]<set>[,...]", IN_BIND, .parse = bind_parse_threads,
      .help = "threads that accept" },
    { "shards", "<number> | by-thread | by-group", IN_BIND, .parse = parse_shards,
      .help = "sockets per address" },
    { "proto", "<name>", IN_BIND, .parse = parse_proto, .help = "protocol spoken without asking" },
    { "process", "<set>", IN_BIND, .parse = parse_process, .help = "gone since 2.7; see thread" },
    { "namespace", "<name>", IN_BIND, .parse = parse_namespace, .help = "network namespace" },
    { "cc", "<algo>", IN_BIND, KW_FIELD(KW_STRING, struct bind_conf, cc),
      .help = "congestion control" },
    { "guid-prefix", "<string>", IN_BIND, .parse = parse_guid_prefix,
      .help = "prefix of the listeners' guid" },
    { "idle-ping", "<delay>", IN_BIND, KW_FIELD(KW_MSEC, struct bind_conf, idle_ping_ms),
      .help = "idle time after which HTTP/2 connections are pinged (nothing else has pings)" },
    { "nbconn", "<n>", IN_BIND, .kind = KW_UNSUPPORTED, .help = "reverse HTTP connections" },
    { "tcp-md5sig", "<password>", IN_BIND, .parse = parse_md5sig, .help = "TCP MD5 signatures" },
    { "tcp-ss", "<mode>", IN_BIND, .parse = parse_tcp_ss,
      .help = "keep the SYN packet (1), or all headers before it too (2)" },
    { 0 },
};

/* ---- the line ---- */

static struct listener *
listener_add(struct cfg *c, struct bind_conf *b, const struct addr *a)
{
    struct listener *li = ARENA_NEW(c->arena, struct listener), *last;
    struct proxy *px = b->px;

    last = list_last(&px->listeners, struct listener, link);
    li->bind = b;
    li->px = px;
    li->addr = *a;
    li->name = b->name;
    li->id = b->id ? (unsigned)b->id : last ? last->id + 1 : 1;
    list_push_back(&px->listeners, &li->link);
    return li;
}

static enum cfg_rc
bind_add_address(struct cfg *c, struct bind_conf *b, struct slice item, unsigned word)
{
    struct addr_spec spec;
    char err[256];
    char *text = arena_slicedup(c->arena, item);

    if (!addr_parse(text, ADDR_FOR_BIND, c->config->unix_bind_prefix, &spec, err, sizeof(err)))
        return cfg_error(c, word, "'%s' : %s", c->word[0].s, err);
    if (spec.addr.kind == ADDR_RHTTP)
        return cfg_error(c, word, "'%s' : reverse HTTP is not supported yet.", cfg_arg(c, 0));
    if (!addr_is_ip(&spec.addr)) {
        listener_add(c, b, &spec.addr);
        return CFG_OK;
    }
    for (int port = spec.port_low; port <= spec.port_high; port++) {
        addr_set_port(&spec.addr, (uint16_t)port);
        listener_add(c, b, &spec.addr);
    }
    return CFG_OK;
}

struct bind_conf *
bind_new(struct cfg *c, struct proxy *px, const char *text)
{
    struct bind_conf *b = ARENA_NEW(c->arena, struct bind_conf);

    b->px = px;
    b->loc = c->loc;
    b->text = text;
    b->uid = b->gid = -1;
    list_push_back(&px->binds, &b->link);
    return b;
}

enum cfg_rc
bind_addresses(struct cfg *c, struct bind_conf *b, unsigned word)
{
    struct slice list = slice_str(c->word[word].s), item;

    while (addr_list_next(&list, &item))
        if (bind_add_address(c, b, item, word) != CFG_OK)
            return CFG_ERR;
    return CFG_OK;
}

enum cfg_rc
bind_parse_line(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    if (*at >= c->nwords)
        return cfg_error(
            c, 0, "'%s' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.",
            kw->name);
    unsigned word = (*at)++;
    struct bind_conf *b = bind_new(c, px, c->word[word].s);
    c->context = arena_printf(c->arena, "'bind %s' : ", b->text);
    enum cfg_rc rc = cfg_run_options(c, IN_BIND, b, at);
    c->context = NULL;
    if (bind_addresses(c, b, word) != CFG_OK)
        return CFG_ERR;
    return rc;
}

const struct keyword bind_line_keywords[] = {
    { "bind", "[<address>]:<port> [, ...] [param*]", IN_FRONTEND, .parse = bind_parse_line,
      .help = "an address where clients connect" },
    { 0 },
};
