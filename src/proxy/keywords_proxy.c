/* keywords_proxy.c - keywords of frontends, backends and defaults that set a value (manual 4.2). */
#include "config/guid.h"
#include "proxy/section.h"

#include "log/log.h"
#include "proxy/listener.h"
#include "sample/expr.h"
#include "server/source.h"

#define DFB (IN_DEFAULTS | IN_FRONTEND | IN_BACKEND)
#define DF  (IN_DEFAULTS | IN_FRONTEND)
#define DB  (IN_DEFAULTS | IN_BACKEND)

/* ---- mode ---- */

static const struct {
    const char *name;
    enum px_mode mode;
} modes[] = { { "tcp", PX_TCP }, { "http", PX_HTTP }, { "log", PX_LOG }, { "spop", PX_SPOP } };

static enum cfg_rc
parse_mode(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    const char *word = cfg_arg(c, *at);
    struct suggest s;

    suggest_init(&s, word);
    for (unsigned i = 0; i < COUNT_OF(modes); i++) {
        suggest_offer(&s, modes[i].name);
        if (strcmp(word, modes[i].name) != 0)
            continue;
        if (modes[i].mode == PX_SPOP && !proxy_has_be(px) && !(c->where & IN_DEFAULTS))
            return cfg_error(
                c, *at, "mode %s is only applicable on proxies with backend capability.", word);
        if (modes[i].mode == PX_LOG || modes[i].mode == PX_SPOP)
            return cfg_error(c, *at, "mode '%s' is not supported yet", word);
        px->mode = modes[i].mode;
        px->mode_written = true;
        (*at)++;
        return CFG_OK;
    }
    if (strcmp(word, "haterm") == 0)
        return cfg_error(c, *at,
                         proxy_has_fe(px) || c->where & IN_DEFAULTS
                             ? "mode '%s' is not supported yet"
                             : "mode %s is only applicable on proxies with frontend capability.",
                         word);
    if (strcmp(word, "health") == 0)
        return cfg_error(c, *at,
                         "'mode health' doesn't exist anymore. Please use 'http-request return "
                         "status 200' instead.");
    cfg_error(c, *at, "unknown proxy mode '%s'.", word);
    if (suggest_result(&s))
        cfg_hint(c, "did you mean '%s'?", suggest_result(&s));
    return CFG_ERR;
}

/* ---- limits and names ---- */

static enum cfg_rc
parse_disabled(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    ((struct proxy *)obj)->disabled = kw->max;
    return cfg_expect_end(c, *at);
}

static enum cfg_rc
parse_guid(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *word = cfg_take(c, at, "a string");
    char why[64];

    if (!word)
        return CFG_ERR;
    if (!guid_valid(word, why, sizeof(why)))
        return cfg_error(c, *at - 1, "'%s': %s", kw->name, why);
    ((struct proxy *)obj)->guid = word;
    return cfg_expect_end(c, *at);
}

static enum cfg_rc
parse_id(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj, *other;
    int64_t id;

    if (*at >= c->nwords)
        return cfg_error(c, 0, DIAG_TIGHT "'%s' expects an integer argument.", kw->name);
    if (!slice_to_int(slice_str(c->word[*at].s), &id) || id <= 0 || id > INT32_MAX)
        return cfg_error(c, *at, DIAG_TIGHT "custom id has to be > 0.");
    list_each (other, &c->config->proxies, link)
        if (other != px && other->id == (unsigned)id)
            return cfg_error(c, *at,
                             DIAG_TIGHT "%s %s reuses same custom id as %s %s (declared at %s:%u).",
                             proxy_kind(px), px->name, proxy_kind(other), other->name,
                             other->loc.file, other->loc.line);
    px->id = (unsigned)id;
    px->id_set = true;
    (*at)++;
    return CFG_OK;
}

static enum cfg_rc
parse_description(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    px->desc = cfg_take_words(c, at, kw->name);
    return px->desc ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
parse_default_backend(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    if (*at >= c->nwords)
        return cfg_error(c, 0, "'%s' expects a backend name.", kw->name);
    px->default_be_name = c->word[*at].s;
    px->default_be_loc = cfg_loc_of(c, *at);
    (*at)++;
    return cfg_expect_end(c, *at);
}

static enum cfg_rc
parse_rate_limit(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (cfg_take_int(c, at, "an integer value (in sessions/second)", 0, INT32_MAX, &n) != CFG_OK)
        return CFG_ERR;
    ((struct proxy *)obj)->rate_limit_sessions = (unsigned)n;
    return CFG_OK;
}

/* ---- servers: retries, reuse, source ---- */

static enum cfg_rc
parse_retries(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (*at >= c->nwords)
        return cfg_error(c, 0, "'%s' expects an integer argument (dispatch counts for one).",
                         kw->name);
    if (cfg_take_int(c, at, "an integer", 0, INT32_MAX, &n) != CFG_OK)
        return CFG_ERR;
    ((struct proxy *)obj)->retries = (unsigned)n;
    return CFG_OK;
}

static const struct {
    const char *name;
    unsigned bits;
} retry_names[] = {
    { "none", 0 },
    { "conn-failure", RETRY_CONN },
    { "empty-response", RETRY_EMPTY },
    { "junk-response", RETRY_JUNK },
    { "response-timeout", RETRY_TIMEOUT },
    { "0rtt-rejected", RETRY_0RTT },
    { "401", RETRY_401 },
    { "403", RETRY_403 },
    { "404", RETRY_404 },
    { "408", RETRY_408 },
    { "421", RETRY_421 },
    { "425", RETRY_425 },
    { "429", RETRY_429 },
    { "500", RETRY_500 },
    { "501", RETRY_501 },
    { "502", RETRY_502 },
    { "503", RETRY_503 },
    { "504", RETRY_504 },
    { "all-retryable-errors", RETRY_CONN | RETRY_EMPTY | RETRY_JUNK | RETRY_TIMEOUT | RETRY_0RTT |
                                  RETRY_500 | RETRY_502 | RETRY_503 | RETRY_504 },
};

static enum cfg_rc
parse_retry_on(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    if (*at >= c->nwords)
        return cfg_error(c, 0, "'%s' needs at least one keyword to specify when to retry",
                         kw->name);
    px->retry_on = 0;
    for (; *at < c->nwords; (*at)++) {
        unsigned i = 0;
        while (i < COUNT_OF(retry_names) && strcmp(c->word[*at].s, retry_names[i].name) != 0)
            i++;
        if (i == COUNT_OF(retry_names)) {
            struct suggest s;
            suggest_init(&s, c->word[*at].s);
            for (i = 0; i < COUNT_OF(retry_names); i++)
                suggest_offer(&s, retry_names[i].name);
            cfg_error(c, *at, "'%s': unknown keyword '%s'.", kw->name, c->word[*at].s);
            if (suggest_result(&s))
                cfg_hint(c, "did you mean '%s'?", suggest_result(&s));
            return CFG_ERR;
        }
        if (!retry_names[i].bits && c->nwords - *at + (px->retry_on != 0) > 1)
            return cfg_error(c, *at, "'%s' 'none' keyword only usable alone", kw->name);
        px->retry_on |= retry_names[i].bits;
    }
    return CFG_OK;
}

static enum cfg_rc
parse_http_reuse(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const struct {
        const char *name;
        enum px_reuse v;
    } map[] = {
        { "never", PX_REUSE_NEVER },
        { "safe", PX_REUSE_SAFE },
        { "aggressive", PX_REUSE_AGGRESSIVE },
        { "always", PX_REUSE_ALWAYS },
    };

    for (unsigned i = 0; i < COUNT_OF(map); i++)
        if (cfg_arg_is(c, *at, map[i].name)) {
            ((struct proxy *)obj)->reuse = map[i].v;
            (*at)++;
            return cfg_expect_end(c, *at);
        }
    return cfg_error(c, *at < c->nwords ? *at : 0,
                     "'%s' only supports 'never', 'safe', 'aggressive', 'always'.", kw->name);
}

static enum cfg_rc
parse_source(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    if (*at >= c->nwords)
        return cfg_error(
            c, 0, "'%s' expects <addr>[:<port>], and optionally '%s' <addr>, and '%s' <name>.",
            kw->name, "usesrc", "interface");
    px->source = source_parse(c, kw, px, false, at);
    if (!px->source)
        return CFG_ERR;
    if (*at < c->nwords)
        return cfg_error(c, *at, "'%s' only supports optional keywords '%s' and '%s'.", kw->name,
                         "interface", "usesrc");
    return CFG_OK;
}

/* A string argument that takes the whole line. */
static enum cfg_rc
parse_string(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, 0, "'%s' expects an argument.", kw->name);
    *(const char **)(void *)((char *)obj + kw->offset) = c->word[*at].s;
    (*at)++;
    return cfg_expect_end(c, *at);
}

/* Seconds without unit; what is less than one counts as one. */
static enum cfg_rc
parse_seconds(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    uint64_t us;

    if (*at >= c->nwords)
        return cfg_error(c, 0, "'%s' expects an integer value", kw->name);
    const char *word = c->word[*at].s;
    if (units_parse_time(slice_str(word), 1000000, &us) || us / 1000000 > INT32_MAX)
        return cfg_error(c, *at, "unexpected character in '%s', argument to <%s>.", word, kw->name);
    *(int *)(void *)((char *)obj + kw->offset) = (int)((us + 999999) / 1000000);
    ++*at;
    return cfg_expect_end(c, *at);
}

static enum cfg_rc
parse_state_from(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const char *const names[] = { "none", "global", "local" }; /* enum state_file */

    for (int i = 0; i < (int)COUNT_OF(names); i++) {
        if (!cfg_arg_is(c, *at, names[i]))
            continue;
        ((struct proxy *)obj)->state_file = i;
        ++*at;
        return cfg_expect_end(c, *at);
    }
    return cfg_error(c, *at < c->nwords ? *at : 0,
                     "'%s' expects 'global', 'local' or 'none'. Got '%s'", kw->name,
                     cfg_arg(c, *at));
}

static enum cfg_rc
parse_state_name(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    (void)kw;
    px->state_file_name = NULL;
    if (*at >= c->nwords)
        return CFG_OK;
    if (!cfg_arg_is(c, *at, "use-backend-name"))
        px->state_file_name = c->word[*at].s;
    ++*at;
    return cfg_expect_end(c, *at);
}

static enum cfg_rc
parse_unpublished(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    (void)kw;
    atomic_store(&((struct proxy *)obj)->unpublished, true);
    return cfg_expect_end(c, *at);
}

static enum cfg_rc
parse_persist(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;
    struct slice word = slice_str(cfg_arg(c, *at)), name = SL("msts");

    (void)kw;
    if (!word.len)
        return cfg_error(c, 0, "missing persist method.");
    if (!slice_starts(word, SL("rdp-cookie")))
        return cfg_error(c, *at, "unknown persist method.");
    if (word.len > 10) {
        name = slice_sub(word, 11, SIZE_MAX);
        size_t end = slice_find(name, ')', 0);
        if (word.p[10] != '(' || end == SIZE_MAX || end == 0)
            return cfg_error(c, *at, "persist rdp-cookie(name)' requires an rdp cookie name.");
        name.len = end;
    }
    ++*at;
    px->rdp_cookie = expr_parse_text(c, arena_printf(c->arena, "req.rdp_cookie(%.*s)", SLF(name)),
                                     NULL, px, PT_SRV);
    return px->rdp_cookie ? cfg_expect_end(c, *at) : CFG_ERR;
}

static enum cfg_rc
parse_send_name(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const char *const refused[] = { "host", "content-length", "transfer-encoding",
                                           "connection" };
    struct proxy *px = obj;

    if (c->neg) {
        px->send_name_header = NULL;
        return CFG_OK;
    }
    if (*at >= c->nwords)
        return cfg_error(c, 0, "'%s' requires a header string.", kw->name);
    char *name = arena_strdup(c->arena, c->word[*at].s);
    for (char *p = name; *p; p++)
        *p = (char)ascii_lower((unsigned char)*p);
    for (unsigned i = 0; i < COUNT_OF(refused); i++)
        if (strcmp(name, refused[i]) == 0)
            return cfg_error(c, *at, "'%s' cannot be used as header name for '%s' directive.",
                             c->word[*at].s, kw->name);
    px->send_name_header = name;
    (*at)++;
    return cfg_expect_end(c, *at);
}

/* ---- logs ---- */

static enum cfg_rc
parse_log(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    unsigned from = *at;

    *at = c->nwords;
    return log_parse(c, from, &((struct proxy *)obj)->log, log_global(), c->neg);
}

static enum cfg_rc
parse_log_format(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct proxy *px = obj;

    if (parse_string(c, kw, obj, at) != CFG_OK)
        return CFG_ERR;
    if (kw->offset == offsetof(struct proxy, logfmt_text)) {
        px->logfmt_name = "log-format";
        px->logfmt_loc = c->loc;
        px->defaults_gave_format = false;
    }
    return CFG_OK;
}

static enum cfg_rc
parse_log_steps(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    unsigned from = *at;

    *at = c->nwords;
    return log_steps_parse(c, from, &((struct proxy *)obj)->log_steps);
}

/* ---- stick-table timeouts and the like that take a delay ---- */

#define TIMEOUT(text, where_bits, field, help_text)                                                \
    {                                                                                              \
        .name = "timeout " text, .args = "<timeout>", .where = (where_bits), .kind = KW_MSEC,      \
        .offset = offsetof(struct proxy, timeout.field), .flags = KWF_TIMEOUT, .help = help_text   \
    }
#define OLD_TIMEOUT(text, where_bits, field, instead)                                              \
    {                                                                                              \
        .name = text, .args = "<timeout>", .where = (where_bits), .kind = KW_MSEC,                 \
        .offset = offsetof(struct proxy, timeout.field), .flags = KWF_DEPRECATED | KWF_TIMEOUT,    \
        .use_instead = instead, .help = "old name of " instead                                     \
    }

const struct keyword timeout_keywords[] = {
    TIMEOUT("client", DF, client, "longest inactivity of a client"),
    TIMEOUT("server", DB, server, "longest inactivity of a server"),
    TIMEOUT("connect", DB, connect, "longest time for a connection to a server to succeed"),
    TIMEOUT("queue", DB, queue, "longest wait for a free slot; default: timeout connect"),
    TIMEOUT("check", DB, check, "longest time for a check once connected"),
    TIMEOUT("http-request", DFB, http_request, "longest time for a complete request head"),
    TIMEOUT("http-keep-alive", DFB, http_keep_alive, "longest wait for a new request to begin"),
    TIMEOUT("client-fin", DF, client_fin, "longest inactivity of a half-closed client"),
    TIMEOUT("server-fin", DB, server_fin, "longest inactivity of a half-closed server"),
    TIMEOUT("tunnel", DB, tunnel, "longest inactivity of a tunnel"),
    TIMEOUT("tarpit", DFB, tarpit, "how long tarpitted clients are held"),
    TIMEOUT("client-hs", DF, client_hs,
            "longest time for handshakes of clients; default: timeout client"),
    OLD_TIMEOUT("clitimeout", DF, client, "timeout client"),
    OLD_TIMEOUT("srvtimeout", DB, server, "timeout server"),
    OLD_TIMEOUT("contimeout", DB, connect, "timeout connect"),
    { 0 },
};

#define SECONDS(kw, where_bits, field, help_text)                                                  \
    {                                                                                              \
        .name = kw, .args = "<count>", .where = (where_bits), .kind = KW_INT,                      \
        .offset = offsetof(struct proxy, field), .min = 0, .max = INT32_MAX, .help = help_text     \
    }

const struct keyword proxy_keywords[] = {
    { "mode", "{ tcp | http | log | spop }", DFB, .parse = parse_mode,
      .help = "what the proxy understands of the traffic" },
    { "maxconn", "<conns>", DF, KW_FIELD(KW_UINT, struct proxy, maxconn),
      .help = "most concurrent connections of the frontend" },
    { "backlog", "<conns>", DF, KW_FIELD(KW_UINT, struct proxy, backlog),
      .help = "length of the kernel's accept queue" },
    { "fullconn", "<conns>", DB, KW_FIELD(KW_UINT, struct proxy, fullconn), .min = 1,
      .help = "load at which servers reach their maxconn" },
    { "disabled", NULL, DFB, .max = 1, .parse = parse_disabled, .help = "do not start this proxy" },
    { "enabled", NULL, DFB, .max = 0, .parse = parse_disabled,
      .help = "start this proxy (after defaults disabled it)" },
    { "id", "<value>", IN_PROXY, .parse = parse_id, .help = "number of the proxy in statistics" },
    { "description", "<string>", IN_PROXY, .parse = parse_description,
      .help = "text shown on the statistics page" },
    { "guid", "<string>", IN_PROXY, .parse = parse_guid,
      .help = "unique identifier kept over reloads" },
    { "default_backend", "<backend>", DF, .parse = parse_default_backend,
      .help = "where requests go that no use_backend rule takes" },
    { "rate-limit sessions", "<rate>", DF, .parse = parse_rate_limit,
      .help = "new sessions per second accepted by the frontend" },
    { "retries", "<value>", DB, .parse = parse_retries,
      .help = "how often a failed attempt is repeated" },
    { "retry-on", "<condition>...", DB, .parse = parse_retry_on,
      .help = "failures that are worth another attempt" },
    { "http-reuse", "{ never | safe | aggressive | always }", DB, .parse = parse_http_reuse,
      .help = "sharing of idle server connections" },
    { "max-keep-alive-queue", "<value>", DB, KW_FIELD(KW_INT, struct proxy, max_ka_queue),
      .min = INT32_MIN, .max = INT32_MAX,
      .help = "queue length above which another server is better than the last one" },
    { "source",
      "<addr>[:<port>] [usesrc { <addr2>[:<port2>] | client | clientip | hdr_ip(<hdr>[,<occ>]) }] "
      "[interface <name>]",
      DB, .parse = parse_source, .help = "address that connections to servers come from" },
    { "http-send-name-header", "<name>", DB, .parse = parse_send_name, .flags = KWF_NO,
      .help = "header in which a server gets its own name" },
    { "persist", "rdp-cookie[(<name>)]", DB, .parse = parse_persist,
      .help = "stick to the server of the RDP cookie" },
    { "monitor-uri", "<uri>", DF, .offset = offsetof(struct proxy, monitor_uri),
      .parse = parse_string, .help = "request target that is answered with 200" },
    { "unique-id-format", "<fmt>", DFB, .offset = offsetof(struct proxy, unique_id_text),
      .parse = parse_log_format, .help = "how unique-id is made" },
    { "unique-id-header", "<name>", DF, .offset = offsetof(struct proxy, unique_id_header),
      .parse = parse_string, .help = "request header that carries unique-id" },
    { "log",
      "global | <target> [len <n>] [format <fmt>] [sample <ranges>:<n>] [profile <name>] "
      "<facility> [<level> [<minlevel>]]",
      DFB, .parse = parse_log, .flags = KWF_NO, .help = "where logs go" },
    { "log-format", "<fmt>", DF, .offset = offsetof(struct proxy, logfmt_text),
      .parse = parse_log_format, .help = "text of log lines" },
    { "log-format-sd", "<fmt>", DF, .offset = offsetof(struct proxy, logfmt_sd_text),
      .parse = parse_log_format, .help = "RFC 5424 structured data of log lines" },
    { "error-log-format", "<fmt>", DF, .offset = offsetof(struct proxy, logfmt_error_text),
      .parse = parse_log_format, .help = "text of log lines about failed connections" },
    { "log-tag", "<string>", DFB, .offset = offsetof(struct proxy, log_tag), .parse = parse_string,
      .help = "tag in syslog headers" },
    { "log-steps", "<steps>", DF, .parse = parse_log_steps, .help = "when log lines are written" },
    { "clitcpka-idle", "<timeout>", DF, .offset = offsetof(struct proxy, clitcpka_idle_s),
      .parse = parse_seconds, .help = "silence of a client before keep-alive probes" },
    { "clitcpka-intvl", "<timeout>", DF, .offset = offsetof(struct proxy, clitcpka_intvl_s),
      .parse = parse_seconds, .help = "time between two keep-alive probes of a client" },
    { "srvtcpka-idle", "<timeout>", DB, .offset = offsetof(struct proxy, srvtcpka_idle_s),
      .parse = parse_seconds, .help = "silence of a server before keep-alive probes" },
    { "srvtcpka-intvl", "<timeout>", DB, .offset = offsetof(struct proxy, srvtcpka_intvl_s),
      .parse = parse_seconds, .help = "time between two keep-alive probes of a server" },
    { "load-server-state-from-file", "{ global | local | none }", DB, .parse = parse_state_from,
      .help = "where the states of servers of a former process are" },
    { "server-state-file-name", "[use-backend-name | <file>]", DB, .parse = parse_state_name,
      .help = "name of the file of servers' states" },
    { "be-unpublished", NULL, IN_BACKEND, .parse = parse_unpublished, .flags = KWF_STRICT_PLACE,
      .help = "no rule switches to the backend until it is published" },
    SECONDS("clitcpka-cnt", DF, clitcpka_cnt, "keep-alive probes before a client is given up"),
    SECONDS("srvtcpka-cnt", DB, srvtcpka_cnt, "keep-alive probes before a server is given up"),
    { "max-session-srv-conns", "<n>", DF, KW_FIELD(KW_UINT, struct proxy, max_ses_srv_conns),
      .help = "private server connections kept per client connection" },
    { 0 },
};
