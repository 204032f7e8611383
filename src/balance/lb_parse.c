/* lb_parse.c - balance, hash-type, hash-balance-factor, hash-preserve-affinity (manual 4.2). */
#include "balance/lb_int.h"
#include "sample/expr.h"

#include <stdlib.h>

#define WHERE (IN_DEFAULTS | IN_BACKEND)

/** What follows is not part of the statement. HAProxy says nothing about it. */
static void
ignore_rest(struct cfg *c, unsigned *at)
{
    if (*at >= c->nwords)
        return;
    cfg_warn(c, *at, "'%s' : extra argument '%s' is ignored.", cfg_arg(c, 0), cfg_arg(c, *at));
    *at = c->nwords;
}

/** The text between the parentheses of word `i`, which begins with "name(". NULL when it is not
 * closed or empty. */
static char *
paren_arg(struct cfg *c, unsigned i)
{
    char *open = strchr(c->word[i].s, '('), *s;
    size_t len = open ? strlen(open) : 0;

    if (len < 3 || open[len - 1] != ')')
        return NULL;
    s = arena_slicedup(c->arena, slice(open + 1, len - 2));
    return s;
}

/** An expression of ours around a name that the user gave; NULL after an error. */
static struct expr *
built_in_expr(struct cfg *c, struct proxy *px, const char *fetch, const char *arg)
{
    char *text = arg ? arena_printf(c->arena, "%s(%s)", fetch, arg) : arena_strdup(c->arena, fetch);

    return expr_parse_text(c, text, NULL, px, PT_SRV);
}

/* ---- balance ---- */

typedef enum cfg_rc (*balance_fn)(struct cfg *c, struct lb *lb, struct proxy *px, unsigned *at);

static enum cfg_rc
parse_random(struct cfg *c, struct lb *lb, struct proxy *px, unsigned *at)
{
    const char *word = cfg_arg(c, *at - 1), *open = strchr(word, '(');
    char *end;
    long n;

    (void)px;
    lb->draws = 2;
    if (!open || strcmp(open, "()") == 0)
        return CFG_OK;
    n = strtol(open + 1, &end, 10);
    if (*end == '\0')
        return cfg_error(c, *at - 1, "balance random : missing closing parenthesis.");
    if (*end != ')' || end[1] != '\0')
        return cfg_error(c, *at - 1, "balance random : unexpected character '%c' after argument.",
                         *end == ')' ? end[1] : *end);
    if (n <= 0 || n > 1000000)
        return cfg_error(c, *at - 1, "balance random : number of draws must be at least 1.");
    lb->draws = (unsigned)n;
    return CFG_OK;
}

static enum cfg_rc
parse_source(struct cfg *c, struct lb *lb, struct proxy *px, unsigned *at)
{
    (void)at;
    lb->hash_expr = built_in_expr(c, px, "src", NULL);
    return lb->hash_expr ? CFG_OK : CFG_ERR;
}

/** Takes the positive number after `what`. */
static enum cfg_rc
uri_number(struct cfg *c, unsigned *at, const char *what, unsigned *out)
{
    const char *word = cfg_arg(c, *at + 1);
    int64_t n;

    if (!slice_to_int(slice_str(word), &n) || n <= 0 || n > INT32_MAX)
        return cfg_error(c, *at + 1 < c->nwords ? *at + 1 : *at,
                         "balance uri : '%s' expects a positive integer (got '%s').", what, word);
    *out = (unsigned)n;
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
parse_uri(struct cfg *c, struct lb *lb, struct proxy *px, unsigned *at)
{
    (void)px;
    lb->uri_whole = lb->uri_path_only = false;
    lb->uri_len = lb->uri_depth = 0;
    while (*at < c->nwords) {
        enum cfg_rc rc = CFG_OK;

        if (cfg_arg_is(c, *at, "len")) {
            rc = uri_number(c, at, "len", &lb->uri_len);
        } else if (cfg_arg_is(c, *at, "depth")) {
            rc = uri_number(c, at, "depth", &lb->uri_depth);
        } else if (cfg_arg_is(c, *at, "whole")) {
            lb->uri_whole = true;
            ++*at;
        } else if (cfg_arg_is(c, *at, "path-only")) {
            lb->uri_path_only = true;
            ++*at;
        } else {
            rc = cfg_error(c, *at,
                           "balance uri only accepts parameters 'len', 'depth', 'path-only', "
                           "and 'whole' (got '%s').",
                           cfg_arg(c, *at));
        }
        if (rc != CFG_OK)
            return rc;
    }
    return CFG_OK;
}

static enum cfg_rc
parse_url_param(struct cfg *c, struct lb *lb, struct proxy *px, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "balance url_param requires an URL parameter name.");
    lb->arg = c->word[*at].s;
    ++*at;
    lb->check_post = false;
    /* names that cannot be an argument are only looked for in the URL */
    lb->hash_expr = NULL;
    if (!strpbrk(lb->arg, "(),\"'\\ "))
        lb->hash_expr = built_in_expr(c, px, "req.body_param", lb->arg);
    if (*at >= c->nwords)
        return CFG_OK;
    if (!cfg_arg_is(c, *at, "check_post"))
        return cfg_error(c, *at, "balance url_param only accepts 'check_post' modifier (got '%s').",
                         cfg_arg(c, *at));
    lb->check_post = true;
    ++*at;
    if (*at < c->nwords) /* formerly how many bytes to wait for */
        ++*at;
    return CFG_OK;
}

static enum cfg_rc
parse_hdr(struct cfg *c, struct lb *lb, struct proxy *px, unsigned *at)
{
    char *name = paren_arg(c, *at - 1);

    (void)px;
    if (!name)
        return cfg_error(c, *at - 1, "balance hdr requires an http header field name.");
    for (char *p = name; *p; p++)
        *p = (char)ascii_lower((unsigned char)*p);
    lb->arg = name;
    lb->hdr_domain_only = false;
    if (*at >= c->nwords)
        return CFG_OK;
    if (!cfg_arg_is(c, *at, "use_domain_only"))
        return cfg_error(c, *at,
                         "balance hdr(%s) only accepts 'use_domain_only' modifier (got '%s').",
                         name, cfg_arg(c, *at));
    lb->hdr_domain_only = true;
    ++*at;
    return CFG_OK;
}

static enum cfg_rc
parse_rdp_cookie(struct cfg *c, struct lb *lb, struct proxy *px, unsigned *at)
{
    bool bare = !strchr(cfg_arg(c, *at - 1), '(');
    char *name = bare ? NULL : paren_arg(c, *at - 1);

    if (!bare && !name)
        return cfg_error(c, *at - 1, "balance rdp-cookie : missing cookie name.");
    lb->arg = name ? name : "msts";
    lb->hash_expr = built_in_expr(c, px, "req.rdp_cookie", lb->arg);
    return lb->hash_expr ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
parse_hash(struct cfg *c, struct lb *lb, struct proxy *px, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "balance hash requires a sample expression.");
    lb->hash_expr = expr_parse(c, at, px, PT_SRV);
    return lb->hash_expr ? CFG_OK : CFG_ERR;
}

static enum cfg_rc
parse_log_hash(struct cfg *c, struct lb *lb, struct proxy *px, unsigned *at)
{
    char *text;

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "balance log-hash requires a converter list.");
    text = arena_printf(c->arena, "lb.log_message,%s", cfg_arg(c, *at));
    ++*at;
    lb->hash_expr = expr_parse_text(c, text, NULL, px, PT_ANY);
    return lb->hash_expr ? CFG_OK : CFG_ERR;
}

static const struct algorithm {
    const char *name;
    enum lb_kind kind;
    bool paren; /* "name(argument)" is one word; hdr needs it */
    balance_fn parse;
} algorithms[] = {
    { "roundrobin", LB_ROUNDROBIN, false, NULL },
    { "static-rr", LB_STATIC_RR, false, NULL },
    { "leastconn", LB_LEASTCONN, false, NULL },
    { "first", LB_FIRST, false, NULL },
    { "random", LB_RANDOM, true, parse_random },
    { "source", LB_SOURCE, false, parse_source },
    { "uri", LB_URI, false, parse_uri },
    { "url_param", LB_URL_PARAM, false, parse_url_param },
    { "hdr", LB_HDR, true, parse_hdr },
    { "rdp-cookie", LB_RDP_COOKIE, true, parse_rdp_cookie },
    { "hash", LB_HASH, false, parse_hash },
    { "log-hash", LB_LOG_HASH, false, parse_log_hash },
    { "sticky", LB_STICKY, false, NULL },
};

static const struct algorithm *
find_algorithm(const char *word)
{
    size_t len = strcspn(word, "(");

    for (unsigned i = 0; i < COUNT_OF(algorithms); i++) {
        const struct algorithm *a = &algorithms[i];

        if (strlen(a->name) != len || memcmp(a->name, word, len) != 0)
            continue;
        if (word[len] == '(' ? a->paren : a->kind != LB_HDR)
            return a;
    }
    return NULL;
}

static enum cfg_rc
parse_balance(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct lb *lb = lb_of(obj);
    const struct algorithm *a;

    (void)kw;
    if (*at >= c->nwords) { /* as HAProxy: round robin */
        lb->kind = LB_ROUNDROBIN;
        return CFG_OK;
    }
    a = find_algorithm(cfg_arg(c, *at));
    if (!a) {
        enum cfg_rc rc = cfg_error(
            c, *at,
            "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', "
            "'url_param', 'hash', 'hdr(name)', 'rdp-cookie(name)', 'log-hash' and 'sticky' "
            "options.");
        struct suggest s;

        suggest_init(&s, cfg_arg(c, *at));
        for (unsigned i = 0; i < COUNT_OF(algorithms); i++)
            suggest_offer(&s, algorithms[i].name);
        if (suggest_result(&s))
            cfg_hint(c, "did you mean '%s'?", suggest_result(&s));
        *at = c->nwords;
        return rc;
    }
    ++*at;
    lb->kind = a->kind;
    if (a->parse && a->parse(c, lb, obj, at) != CFG_OK) {
        *at = c->nwords;
        return CFG_ERR;
    }
    ignore_rest(c, at);
    return CFG_OK;
}

/* ---- hash-type ---- */

static const char *const hash_names[] = {
    [LBH_SDBM] = "sdbm",   [LBH_DJB2] = "djb2", [LBH_WT6] = "wt6",
    [LBH_CRC32] = "crc32", [LBH_NONE] = "none",
};

static enum cfg_rc
parse_hash_type(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct lb *lb = lb_of(obj);
    unsigned fn;

    (void)kw;
    if (cfg_arg_is(c, *at, "avalanche"))
        return cfg_error(c, *at,
                         "experimental feature 'hash-type avalanche' is not supported anymore, "
                         "please use 'hash-type map-based sdbm avalanche' instead.");
    if (!cfg_arg_is(c, *at, "consistent") && !cfg_arg_is(c, *at, "map-based"))
        return cfg_error(c, *at < c->nwords ? *at : 0,
                         "'hash-type' only supports 'consistent' and 'map-based'.");
    lb->consistent = cfg_arg_is(c, *at, "consistent");
    lb->hash_fn = LBH_SDBM;
    lb->avalanche = lb->consistent; /* unless a function is named */
    if (++*at >= c->nwords)
        return CFG_OK;
    for (fn = 0; fn < COUNT_OF(hash_names); fn++) {
        if (cfg_arg_is(c, *at, hash_names[fn]))
            break;
    }
    if (fn == COUNT_OF(hash_names))
        return cfg_error(c, *at,
                         "'hash-type' only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash "
                         "functions.");
    lb->hash_fn = fn;
    lb->avalanche = false;
    if (++*at >= c->nwords)
        return CFG_OK;
    if (!cfg_arg_is(c, *at, "avalanche"))
        return cfg_error(c, *at,
                         "'hash-type' only supports 'avalanche' as a modifier for hash functions.");
    lb->avalanche = true;
    ++*at;
    ignore_rest(c, at);
    return CFG_OK;
}

static enum cfg_rc
parse_balance_factor(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    (void)kw;
    if (*at >= c->nwords || !slice_to_int(slice_str(cfg_arg(c, *at)), &n))
        return cfg_error(c, *at < c->nwords ? *at : 0,
                         "'hash-balance-factor' expects an integer argument.");
    if (n < 0 || (n > 0 && n <= 100) || n > INT32_MAX)
        return cfg_error(c, *at, "'hash-balance-factor' must be 0 or greater than 100.");
    lb_of(obj)->balance_factor = (unsigned)n;
    ++*at;
    return CFG_OK;
}

static enum cfg_rc
parse_preserve_affinity(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const char *const names[] = {
        [LBP_ALWAYS] = "always", [LBP_MAXCONN] = "maxconn", [LBP_MAXQUEUE] = "maxqueue"
    };

    (void)kw;
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        if (cfg_arg_is(c, *at, names[i])) {
            lb_of(obj)->preserve = i;
            ++*at;
            return CFG_OK;
        }
    }
    return cfg_error(c, *at < c->nwords ? *at : 0,
                     "'hash-preserve-affinity' expects 'always', 'maxconn' or 'maxqueue'.");
}

const struct keyword lb_keywords[] = {
    { "balance", "<algorithm> [<argument>...]", WHERE, .parse = parse_balance,
      .help = "how a server is chosen for each request; without it: random with two draws" },
    { "hash-type", "<method> [<function> [avalanche]]", WHERE, .parse = parse_hash_type,
      .help = "how keys of hashing algorithms become servers: map-based or consistent" },
    { "hash-balance-factor", "<factor>", WHERE, .parse = parse_balance_factor,
      .help = "consistent hashing passes over servers above this percentage of the mean load; "
              "0: never" },
    { "hash-preserve-affinity", "{ always | maxconn | maxqueue }", WHERE,
      .parse = parse_preserve_affinity, .help = "when hashing may pass over a saturated server" },
    { 0 },
};

/* ---- the message that log-hash hashes ---- */

static bool
fetch_log_message(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                  void *private)
{
    (void)arg, (void)x, (void)private;
    sample_set_str(out, lb_log_message);
    return lb_log_message.p != NULL;
}

const struct fetch lb_fetches[] = {
    { "lb.log_message",
      { 0 },
      SMP_STR,
      NEEDS_NOTHING,
      fetch_log_message,
      "message that a log backend is choosing a server for (balance log-hash)" },
    { 0 },
};

void
lb_check(struct cfg *c, struct lb *lb, const char *px_name)
{
    bool layer7 = lb->kind == LB_URI || lb->kind == LB_URL_PARAM || lb->kind == LB_HDR;

    if (!layer7 || lb->http)
        return;
    cfg_warn_at(c, NULL,
                "Layer 7 hash not possible for proxy '%s' (needs 'mode http'). Falling back to "
                "round robin.",
                px_name);
    lb->kind = LB_ROUNDROBIN;
}
