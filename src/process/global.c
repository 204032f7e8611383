/* global.c - keywords of the global section (manual 3). */
#include "process/global.h"

#include "config/tune.h"
#include "http/h1.h"
#include "proxy/listener.h"
#include "proxy/section.h"
#include "sample/vars.h"

#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

/* Generic rows set a field of struct config (the section's object) or of struct tune. */
static enum cfg_rc
begin_global(struct cfg *c)
{
    c->obj = c->config;
    c->section_name = "";
    if (c->past_global)
        cfg_diag(c, 0,
                 "global section detected after a non-global one, the prevalence of their "
                 "statements is unspecified");
    return cfg_expect_end(c, 1);
}

/* Fields of `tune` through the generic setters: an offset relative to the configuration would be
 * wrong. */
static enum cfg_rc
parse_tune_uint(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (*at >= c->nwords)
        return cfg_own_words(c, *at, 0)
                   ? CFG_ERR
                   : cfg_error(c, *at, "'%s' expects an integer argument.", kw->name);
    if (cfg_take_int(c, at, "an integer", kw->min, kw->max ? kw->max : INT32_MAX, &n) != CFG_OK)
        return CFG_ERR;
    *(unsigned *)(void *)((char *)&tune + kw->offset) = (unsigned)n;
    return CFG_OK;
}

static enum cfg_rc
parse_tune_size(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    uint64_t n;

    if (*at >= c->nwords)
        return cfg_error(c, *at, "'%s' expects an integer argument.", kw->name);
    if (cfg_take_size(c, at, "an integer", &n) != CFG_OK)
        return CFG_ERR;
    if (n < (uint64_t)kw->min || (kw->max && n > (uint64_t)kw->max))
        return cfg_error(c, *at - 1, "'%s' expects a size between %lld and %lld.", kw->name,
                         (long long)kw->min, (long long)kw->max);
    *(unsigned *)(void *)((char *)&tune + kw->offset) = (unsigned)n;
    return CFG_OK;
}

/* kw->max: the value stored; the other with `no`. */
static enum cfg_rc
parse_tune_flag(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    *(bool *)(void *)((char *)&tune + kw->offset) = c->neg ? !kw->max : kw->max;
    return cfg_expect_end(c, *at);
}

static enum cfg_rc
parse_tune_onoff(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    bool on = cfg_arg_is(c, *at, "on");

    if (!on && !cfg_arg_is(c, *at, "off"))
        return cfg_error(c, *at, "'%s' expects either 'on' or 'off' but got '%s'.", kw->name,
                         cfg_arg(c, *at));
    *(bool *)(void *)((char *)&tune + kw->offset) = on;
    (*at)++;
    return CFG_OK;
}

static enum cfg_rc
parse_tune_string(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *s = cfg_take(c, at, kw->name);

    if (!s)
        return CFG_ERR;
    *(const char **)(void *)((char *)&tune + kw->offset) = s;
    return CFG_OK;
}

static enum cfg_rc
parse_description(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    tune.description = cfg_take_words(c, at, kw->name);
    return tune.description ? CFG_OK : CFG_ERR;
}

/* ---- identity ---- */

static enum cfg_rc
parse_node(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    unsigned word = *at;
    enum cfg_rc rc = parse_tune_string(c, kw, obj, at);

    for (const char *p = rc == CFG_OK ? c->word[word].s : ""; *p; p++) {
        if (!isalnum((unsigned char)*p) && !strchr(".-_", *p)) {
            cfg_own_words(c, word, 0);
            return CFG_ERR;
        }
    }
    return rc;
}

static enum cfg_rc
parse_user(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;
    const char *name = cfg_arg(c, *at);
    struct passwd *pw = getpwnam(name);

    if (cf->uid >= 0 && cf->uid_set)
        return cfg_error(c, 0, "user/uid already specified. Continuing.");
    if (!pw)
        return cfg_error(c, *at, "cannot find user id for '%s' (%d:%s)", name, 0, "Success");
    ++*at;
    cf->uid = (int)pw->pw_uid;
    cf->uid_set = true;
    return CFG_OK;
}

static enum cfg_rc
parse_group(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;
    const char *name = cfg_arg(c, *at);
    struct group *gr = getgrnam(name);

    if (!gr)
        return cfg_error(c, *at, "cannot find group id for '%s' (%d:%s)", name, 0, "Success");
    ++*at;
    cf->gid = (int)gr->gr_gid;
    return CFG_OK;
}

static enum cfg_rc
parse_close_spread(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;

    if (!cfg_arg_is(c, *at, "infinite"))
        return cfg_take_ms(c, at, kw->name, &cf->close_spread_ms);
    ++*at;
    cf->close_spread_ms = -1;
    return CFG_OK;
}

/* `libs` would put the libraries into a core dump: they are in it as far as the kernel wants. */
static enum cfg_rc
parse_dumpable(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;

    cf->set_dumpable = !c->neg;
    if (*at >= c->nwords)
        return CFG_OK;
    if (cfg_arg_is(c, *at, "off"))
        cf->set_dumpable = false;
    else if (!cfg_arg_is(c, *at, "on") && !cfg_arg_is(c, *at, "libs"))
        return cfg_error(c, *at, "'%s' only supports 'on' and 'off' as an argument (got '%s').",
                         kw->name, cfg_arg(c, *at));
    ++*at;
    return CFG_OK;
}

/* ---- what is gone ---- */

static enum cfg_rc
parse_master_worker(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, 0,
                         "support for '%s' was removed in version 3.5. Use -W or -Ws in the "
                         "startup script instead.",
                         kw->name);
    if (!cfg_arg_is(c, *at, "no-exit-on-failure"))
        return cfg_error(c, *at, "'%s' only supports 'no-exit-on-failure' option.", kw->name);
    ++*at;
    return CFG_OK;
}

/* ---- old and new ways to use several cores ---- */

static enum cfg_rc
parse_nbthread(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (c->past_global)
        return cfg_error(c, 0,
                         "'%s' is not allowed after a section that is not global: please set it in "
                         "the first global section.",
                         kw->name);
    if (*at >= c->nwords || !slice_to_int(slice_str(cfg_arg(c, *at)), &n))
        return cfg_error(c, *at, "'%s' passed a missing or unparsable integer value in '%s'",
                         kw->name, cfg_arg(c, *at));
    if (cfg_take_int(c, at, "an integer", 1, 1024, &n) != CFG_OK)
        return CFG_ERR;
    if (tune.nbthread)
        cfg_diag(c, 0, "'%s' is already defined and will be overridden.", kw->name);
    tune.nbthread = (unsigned)n;
    return CFG_OK;
}

static enum cfg_rc
parse_nbproc(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (cfg_take_int(c, at, "an integer", 1, 64, &n) != CFG_OK)
        return CFG_ERR;
    tune.nbproc = (unsigned)n;
    if (n > 1)
        cfg_warn(
            c, 0,
            "'nbproc' is gone since HAProxy 2.5: %u times the threads are started in one process. "
            "Please use 'nbthread' instead.",
            (unsigned)n);
    return CFG_OK;
}

/* ---- stats ---- */

static struct proxy *
cli_proxy(struct cfg *c)
{
    struct config *cf = c->config;

    if (cf->cli)
        return cf->cli;
    struct proxy *px = proxy_new(cf, "GLOBAL", PX_FE | PX_INTERNAL, &c->loc);
    px->mode = PX_CLI;
    px->id = 1;
    px->maxconn = cf->stats_maxconn;
    list_push_front(&cf->proxies, &px->link);
    cf->cli = px;
    return px;
}

static enum cfg_rc
parse_stats_socket(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(
            c, 0, "'%s' in global section expects an address or a path to a UNIX socket", kw->name);
    struct proxy *px = cli_proxy(c);
    unsigned word = (*at)++;
    struct bind_conf *b = bind_new(c, px, c->word[word].s);
    b->level = CLI_LEVEL_OPERATOR;
    c->context = arena_printf(c->arena, "'%s' : ", kw->name);
    enum cfg_rc rc = cfg_run_options(c, IN_BIND, b, at);
    c->context = NULL;
    /* A bare path is a unix socket here too. */
    return rc == CFG_OK ? bind_addresses(c, b, word) : rc;
}

static enum cfg_rc
parse_stats_timeout(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    return cfg_take_ms(c, at, kw->name, &((struct config *)obj)->stats_timeout_ms);
}

static enum cfg_rc
parse_stats_maxconn(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;
    int64_t n;

    if (cfg_take_int(c, at, "an integer", 1, INT32_MAX, &n) != CFG_OK)
        return CFG_ERR;
    cf->stats_maxconn = (unsigned)n;
    if (cf->cli)
        cf->cli->maxconn = (unsigned)n;
    return CFG_OK;
}

static enum cfg_rc
parse_max_counters(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    bool off = cfg_arg_is(c, *at, "off");

    if (*at < c->nwords && !off && !cfg_arg_is(c, *at, "on"))
        return cfg_error(c, *at, "'%s' expects either 'on' or 'off' but got '%s'.", kw->name,
                         cfg_arg(c, *at));
    tune.no_max_counters = off;
    *at += *at < c->nwords;
    return CFG_OK;
}

/* kw->max: level. */
static enum cfg_rc
parse_level(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const char *const names[] = { "user", "operator", "admin" };
    const char *word = cfg_take(c, at, "'level'");

    for (int i = 0; word && i < 3; i++)
        if (strcmp(word, names[i]) == 0) {
            ((struct bind_conf *)obj)->level = i;
            return CFG_OK;
        }
    return word
               ? cfg_error(c, *at - 1,
                           "'level' only supports 'user', 'operator', and 'admin' (got '%s')", word)
               : CFG_ERR;
}

static enum cfg_rc
parse_expose(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *word = cfg_take(c, at, "'expose-fd'");

    if (!word)
        return CFG_ERR;
    if (strcmp(word, "listeners") != 0)
        return cfg_error(c, *at - 1, "'expose-fd' only supports 'listeners' (got '%s')", word);
    ((struct bind_conf *)obj)->flags |= BINDF_EXPOSE_FD;
    return CFG_OK;
}

static enum cfg_rc
parse_severity(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    static const char *const names[] = { "none", "number", "string" };
    const char *word = cfg_take(c, at, "'severity-output'");

    for (int i = 0; word && i < 3; i++)
        if (strcmp(word, names[i]) == 0) {
            ((struct bind_conf *)obj)->severity_output = i;
            return CFG_OK;
        }
    return word ? cfg_error(
                      c, *at - 1,
                      "'severity-output' only supports 'none', 'number', and 'string' (got '%s')",
                      word)
                : CFG_ERR;
}

static enum cfg_rc
parse_unix_bind(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;
    struct bind_conf tmp = { .uid = -1, .gid = -1 };

    while (*at < c->nwords) {
        if (cfg_arg_is(c, *at, "prefix")) {
            (*at)++;
            if (!(cf->unix_bind_prefix = cfg_take(c, at, "'prefix'")))
                return CFG_ERR;
            continue;
        }
        if (!cfg_arg_is(c, *at, "mode") && !cfg_arg_is(c, *at, "user") &&
            !cfg_arg_is(c, *at, "group") && !cfg_arg_is(c, *at, "uid") &&
            !cfg_arg_is(c, *at, "gid"))
            return cfg_error(c, *at,
                             "'%s' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and "
                             "'group' options.",
                             kw->name);
        unsigned n;
        const struct keyword *row = cfg_find_keyword(c, IN_BIND, *at, &n);
        *at += n;
        if (!row || cfg_run_keyword(c, row, &tmp, at) != CFG_OK)
            return CFG_ERR;
    }
    if (tmp.has_mode)
        cf->unix_bind_mode = tmp.mode;
    if (tmp.uid >= 0)
        cf->unix_bind_uid = tmp.uid;
    if (tmp.gid >= 0)
        cf->unix_bind_gid = tmp.gid;
    return CFG_OK;
}

static enum cfg_rc
parse_case_adjust(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;

    if (*at + 1 >= c->nwords)
        return cfg_error(c, 0, "'%s' expects <from> and <to> as argument.", kw->name);
    if (!cf->case_map)
        cf->case_map = h1_case_map_new();
    const char *why =
        h1_case_map_add(cf->case_map, slice_str(c->word[*at].s), slice_str(c->word[*at + 1].s));
    if (why)
        return cfg_error(c, *at, "'%s' : %s", kw->name, why);
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
parse_strict_limits(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;

    cf->strict_limits = !c->neg;
    cf->strict_limits_written = !c->neg;
    return cfg_expect_end(c, *at);
}

static enum cfg_rc
parse_set_var(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    char *err = NULL;

    if (*at + 1 >= c->nwords)
        return cfg_error(c, 0,
                         "'%s' requires a process-wide variable name ('proc.<name>') and a sample "
                         "expression.",
                         kw->name);
    const struct var_name *v = var_parse(slice_str(c->word[*at].s), &err);
    if (!v) {
        cfg_error(c, *at, "'%s': %s.", kw->name, err);
        free(err);
        return CFG_ERR;
    }
    if (strncmp(c->word[*at].s, "proc.", 5) != 0)
        return cfg_error(c, *at,
                         "'%s': cannot set variable '%s', only scope 'proc' is permitted in the "
                         "global section.",
                         kw->name, c->word[*at].s);
    (*at)++;
    struct sample_ctx x = { .tmp = sample_tmp(), .point = PT_CFG, .opt = SMPO_FINAL };
    struct sample value = { 0 };
    if (kw->max) {
        struct logfmt *f = logfmt_parse(c, *at, c->word[*at].s, NULL, PT_CFG, false);
        if (!f)
            return CFG_ERR;
        (*at)++;
        sample_set_str(&value, logfmt_slice(f, &x));
    } else {
        struct expr *e = expr_parse(c, at, NULL, PT_CFG);
        if (!e)
            return CFG_ERR;
        if (!expr_eval(e, &x, &value))
            return cfg_error(c, *at - 1, "'%s' : expression has no value.", kw->name);
    }
    bool ok = var_set(v, &x, &value, 0);
    sample_tmp_reset();
    return ok ? CFG_OK : cfg_error(c, *at - 1, "'%s' : cannot set the variable.", kw->name);
}

const struct section global_sections[] = {
    { "global", NULL, IN_GLOBAL, begin_global, NULL, NULL, "settings of the process" },
    { 0 },
};

#define G                IN_GLOBAL
#define CF(kind_, field) .kind = (kind_), .offset = offsetof(struct config, field)
#define TUNE_UINT(text, field, lo, hi, help_text)                                                  \
    {                                                                                              \
        .name = text, .args = "<number>", .where = G, .offset = offsetof(struct tune, field),      \
        .min = (lo), .max = (hi), .parse = parse_tune_uint, .help = help_text                      \
    }
#define TUNE_SIZE(text, field, lo, hi, help_text)                                                  \
    {                                                                                              \
        .name = text, .args = "<size>", .where = G, .offset = offsetof(struct tune, field),        \
        .min = (lo), .max = (hi), .parse = parse_tune_size, .help = help_text                      \
    }
#define TUNE_FLAG(text, field, value, help_text)                                                   \
    {                                                                                              \
        .name = text, .where = G, .offset = offsetof(struct tune, field), .max = (value),          \
        .parse = parse_tune_flag, .help = help_text                                                \
    }
#define TUNE_ONOFF(text, field, help_text)                                                         \
    {                                                                                              \
        .name = text, .args = "{ on | off }", .where = G, .offset = offsetof(struct tune, field),  \
        .parse = parse_tune_onoff, .help = help_text                                               \
    }
#define TUNE_STR(text, field, help_text)                                                           \
    {                                                                                              \
        .name = text, .args = "<string>", .where = G, .offset = offsetof(struct tune, field),      \
        .parse = parse_tune_string, .help = help_text                                              \
    }

#define ALREADY_ONOFF(text, help_text)                                                             \
    {                                                                                              \
        .name = text, .args = "{ on | off }", .where = G, .parse = parse_any_onoff,                \
        .help = help_text                                                                          \
    }
#define ALREADY_SO(text, help_text)                                                                \
    {                                                                                              \
        .name = text, .where = G, .parse = parse_nothing, .flags = KWF_NO, .help = help_text       \
    }

const struct keyword global_keywords[] = {
    { "daemon", NULL, G, CF(KW_BOOL, daemon), .flags = KWF_NO, .help = "run in the background" },
    { "chroot", "<directory> | auto", G, CF(KW_STRING, chroot),
      .help = "change the root directory once started" },
    { "pidfile", "<file>", G, CF(KW_STRING, pidfile),
      .help = "file that receives the process number" },
    { "user", "<name>", G, .parse = parse_user, .help = "user to become once started" },
    { "group", "<name>", G, .parse = parse_group, .help = "group to become once started" },
    { "uid", "<number>", G, CF(KW_INT, uid), .max = INT32_MAX,
      .help = "user to become once started" },
    { "gid", "<number>", G, CF(KW_INT, gid), .max = INT32_MAX,
      .help = "group to become once started" },
    { "ulimit-n", "<number>", G, CF(KW_UINT, ulimit_n), .help = "number of file descriptors" },
    { "fd-hard-limit", "<number>", G, CF(KW_UINT, fd_hard_limit),
      .help = "most file descriptors ever asked for" },
    { "strict-limits", NULL, G, .parse = parse_strict_limits, .flags = KWF_NO,
      .help = "do not start when a limit cannot be met" },
    { "hard-stop-after", "<delay>", G, CF(KW_MSEC, hard_stop_after_ms),
      .help = "longest graceful stop" },
    { "grace", "<delay>", G, CF(KW_MSEC, grace_ms),
      .help = "listen on for this long during a graceful stop" },
    { "close-spread-time", "<delay> | infinite", G, .parse = parse_close_spread,
      .help = "spread closing of idle connections over this time" },
    { "set-dumpable", "[ on | off | libs ]", G, .parse = parse_dumpable, .flags = KWF_NO,
      .help = "allow core dumps" },
    { "quiet", NULL, G, CF(KW_BOOL, quiet), .help = "say nothing, as option -q" },
    { "master-worker", "no-exit-on-failure", G, .parse = parse_master_worker,
      .help = "gone in 3.5: use -W or -Ws on the command line" },
    { "zero-warning", NULL, G, CF(KW_BOOL, zero_warning), .help = "warnings are errors" },
    { "nbthread", "<number>", G, .parse = parse_nbthread, .help = "worker threads" },
    { "nbproc", "<number>", G, .parse = parse_nbproc,
      .help = "gone since 2.5: multiplies nbthread" },
    { "cpu-map", "[auto:]<group>[/<threads>] <cpus>...", G, .parse = cpu_map_keyword,
      .help = "cores that threads run on" },
    { "stats socket", "<address> [param*]", G, .parse = parse_stats_socket,
      .help = "socket of the runtime API" },
    { "stats timeout", "<timeout>", G, .parse = parse_stats_timeout,
      .help = "longest inactivity on the runtime API" },
    { "stats maxconn", "<conns>", G, .parse = parse_stats_maxconn,
      .help = "concurrent connections to the runtime API" },
    { "stats calculate-max-counters", "[ on | off ]", G, .parse = parse_max_counters,
      .help = "whether the highest values of counters are kept" },
    { "unix-bind", "[prefix <prefix>] [mode <mode>] [user <user>] ...", G, .parse = parse_unix_bind,
      .help = "defaults of unix sockets" },
    { "h1-case-adjust", "<from> <to>", G, .parse = parse_case_adjust,
      .help = "header name spelled as buggy peers want it" },
    { "set-var", "<name> <expr>", G, .parse = parse_set_var,
      .help = "initial value of a process variable" },
    { "set-var-fmt", "<name> <fmt>", G, .max = 1, .parse = parse_set_var,
      .help = "initial value of a process variable" },
    { "description", "<text>", G, .parse = parse_description,
      .help = "text shown on the statistics page" },
    { "server-state-base", "<directory>", G, CF(KW_STRING, server_state_base),
      .help = "where server state files are" },
    { "server-state-file", "<file>", G, CF(KW_STRING, server_state_file),
      .help = "global server state file" },
    { "node", "<name>", G, .offset = offsetof(struct tune, node), .parse = parse_node,
      .help = "name of this node" },
    TUNE_STR("localpeer", localpeer, "name of this peer"),
    TUNE_UINT("maxconn", maxconn_cfg, 0, 0, "most concurrent connections of the process"),
    TUNE_UINT("maxconnrate", maxconnrate, 0, 0, "most new connections per second"),
    TUNE_UINT("maxsessrate", maxsessrate, 0, 0, "most new sessions per second"),
    TUNE_UINT("maxsslconn", maxsslconn, 0, 0, "most concurrent TLS connections"),
    TUNE_UINT("maxsslrate", maxsslrate, 0, 0, "most new TLS sessions per second"),
    TUNE_UINT("maxpipes", maxpipes, 0, 0, "most pipes used to splice"),
    TUNE_UINT("maxcomprate", maxcomprate, 0, 0, "most bytes per second that are compressed"),
    TUNE_UINT("spread-checks", spread_checks, 0, 50, "random share of check intervals, in percent"),
    TUNE_UINT("tune.http.maxhdr", http_maxhdr, 1, 32767, "most headers in a message"),
    TUNE_UINT("tune.http.logurilen", http_logurilen, 1, 0,
              "bytes of the request line kept for logs"),
    TUNE_UINT("tune.http.cookielen", http_cookielen, 2, 65535, "bytes of a captured cookie"),
    TUNE_UINT("tune.maxaccept", maxaccept, 1, 0, "connections accepted at once"),
    TUNE_UINT("tune.maxpollevents", maxpollevents, 1, 1000000, "events taken at once"),
    TUNE_UINT("tune.stick-counters", stick_counters, 0, 100, "tracked counters per stream"),
    TUNE_UINT("tune.pool-high-fd-ratio", pool_high_fd_ratio, 1, 100,
              "share of descriptors above which idle connections are closed"),
    TUNE_UINT("tune.pool-low-fd-ratio", pool_low_fd_ratio, 1, 100,
              "share of descriptors above which idle connections are not kept"),
    TUNE_UINT("tune.max-checks-per-thread", max_checks_per_thread, 0, 0,
              "concurrent checks per thread"),
    TUNE_SIZE("tune.bufsize", bufsize, 1024, 268435455, "size of a buffer, bounds a message head"),
    TUNE_SIZE("tune.maxrewrite", maxrewrite, 0, 268435455, "room kept for edits of a head"),
    TUNE_SIZE("tune.pipesize", pipesize, 0, 1073741824, "size of a pipe"),
    TUNE_SIZE("tune.rcvbuf.client", rcvbuf_client, 0, 0,
              "kernel receive buffer of client connections"),
    TUNE_SIZE("tune.rcvbuf.server", rcvbuf_server, 0, 0,
              "kernel receive buffer of server connections"),
    TUNE_SIZE("tune.sndbuf.client", sndbuf_client, 0, 0,
              "kernel send buffer of client connections"),
    TUNE_SIZE("tune.sndbuf.server", sndbuf_server, 0, 0,
              "kernel send buffer of server connections"),
    TUNE_SIZE("tune.vars.global-max-size", vars_global_max, 0, 0, "memory of all variables"),
    TUNE_SIZE("tune.vars.proc-max-size", vars_proc_max, 0, 0, "memory of process variables"),
    TUNE_SIZE("tune.vars.sess-max-size", vars_sess_max, 0, 0, "memory of a session's variables"),
    TUNE_SIZE("tune.vars.txn-max-size", vars_txn_max, 0, 0, "memory of a transaction's variables"),
    TUNE_SIZE("tune.vars.reqres-max-size", vars_reqres_max, 0, 0,
              "memory of request and response variables"),
    TUNE_SIZE("tune.vars.check-max-size", vars_check_max, 0, 0, "memory of a check's variables"),
    TUNE_FLAG("nosplice", splice, 0, "no splice()"),
    TUNE_FLAG("noreuseport", reuseport, 0, "no SO_REUSEPORT"),
    TUNE_FLAG("nogetaddrinfo", getaddrinfo, 0, "no getaddrinfo()"),
    { "insecure-fork-wanted", NULL, G, .offset = offsetof(struct tune, insecure_fork), .max = 1,
      .parse = parse_tune_flag, .flags = KWF_NO, .help = "allow external checks" },
    TUNE_ONOFF("tune.fast-forward", fast_forward, "forward without looking"),
    { 0 },
};

const struct keyword cli_bind_keywords[] = {
    { "level", "{ user | operator | admin }", IN_BIND, .parse = parse_level,
      .help = "what the runtime API allows here" },
    { "expose-fd", "listeners", IN_BIND, .parse = parse_expose,
      .help = "listening sockets may be fetched here" },
    { "severity-output", "{ none | number | string }", IN_BIND, .parse = parse_severity,
      .help = "severity before messages" },
    { 0 },
};
