/* global_more.c - keywords of the global section about the surroundings of the process: paths,
 * privileges, priorities, status codes that count as errors. */
#include "config/tune.h"
#include "http/h1.h"
#include "process/global.h"
#include "proxy/config.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- default-path ---- */

static const char *const path_modes[] = { "current", "config", "parent", "origin" };

/* The directory of a file, with its '/'. */
static struct slice
dir_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash ? slice(file, (size_t)(slash - file) + 1) : SL("./");
}

bool
global_enter_default_path(const struct config *cf, const char *file)
{
    struct slice dir = dir_of(file);
    char *path = NULL;
    bool ok = true;

    switch (cf->path_mode) {
    case PATH_CONFIG:
        path = xasprintf("%.*s", SLF(dir));
        break;
    case PATH_PARENT:
        path = xasprintf("%.*s..", SLF(dir));
        break;
    case PATH_ORIGIN:
        path = xstrdup(cf->path_origin);
        break;
    case PATH_CURRENT:
    default:
        break;
    }
    if (path)
        ok = chdir(path) == 0;
    free(path);
    return ok;
}

static enum cfg_rc
parse_default_path(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;
    const char *word = cfg_arg(c, *at);
    unsigned mode = 0;

    while (mode < COUNT_OF(path_modes) && strcmp(word, path_modes[mode]) != 0)
        mode++;
    if (mode == COUNT_OF(path_modes))
        return cfg_error(c, *word ? *at : 0,
                         "%s default-path mode '%s' for '%s', supported modes include 'current', "
                         "'config', 'parent', and 'origin'.",
                         *word ? "unsupported" : "missing", word, kw->name);
    ++*at;
    if (mode == PATH_ORIGIN && *at >= c->nwords)
        return cfg_error(c, *at - 1, "'default-path origin' expects a directory as an argument.");
    if (mode == PATH_ORIGIN)
        cf->path_origin = c->word[(*at)++].s;
    cf->path_mode = (enum path_mode)mode;
    if (fchdir(cf->start_dir) < 0 || !global_enter_default_path(cf, c->loc.file))
        return cfg_error(c, *at - 1, "couldn't set '%s' to %s '%s': %s.", kw->name,
                         path_modes[mode], mode == PATH_ORIGIN ? cf->path_origin : c->loc.file,
                         strerror(errno));
    return cfg_expect_end(c, *at);
}

/* ---- h1-case-adjust-file ---- */

static enum cfg_rc
parse_case_file(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;
    const char *name = cfg_take(c, at, "<file>"), *why = NULL;
    FILE *f = name ? fopen(name, "r") : NULL;
    char line[1024], from[256], to[256], more;
    unsigned n = 0;

    if (!name)
        return CFG_ERR;
    if (!f)
        return cfg_error(c, *at - 1, "'%s' : '%s': failed to open file (%s).", kw->name, name,
                         strerror(errno));
    if (!cf->case_map)
        cf->case_map = h1_case_map_new();
    while (!why && fgets(line, sizeof(line), f)) {
        char *p = line + strspn(line, " \t");
        n++;
        if (*p == '#' || *p == '\n' || *p == '\r' || !*p)
            continue;
        if (sscanf(p, "%255s %255s %c", from, to, &more) != 2)
            why = "two names are expected";
        else
            why = h1_case_map_add(cf->case_map, slice_str(arena_strdup(c->arena, from)),
                                  slice_str(arena_strdup(c->arena, to)));
    }
    fclose(f);
    if (why)
        return cfg_error(c, *at - 1, "'%s' : '%s' line %u: %s.", kw->name, name, n, why);
    return cfg_expect_end(c, *at);
}

/* ---- setcap ---- */

static const struct {
    const char *name;
    unsigned bit;
} capabilities[] = {
    { "cap_net_raw", CAP_NET_RAW },
    { "cap_net_admin", CAP_NET_ADMIN },
    { "cap_net_bind_service", CAP_NET_BIND_SERVICE },
    { "cap_sys_admin", CAP_SYS_ADMIN },
};

static enum cfg_rc
parse_setcap(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;
    const char *word = cfg_take(c, at, "a list of capabilities");
    struct slice rest = slice_str(word ? word : "");

    if (!word)
        return CFG_ERR;
    while (rest.p) {
        struct slice item = slice_cut(rest, ',', &rest);
        unsigned i = 0;
        while (i < COUNT_OF(capabilities) && !slice_eq_str(item, capabilities[i].name))
            i++;
        if (i == COUNT_OF(capabilities))
            return cfg_error(c, *at - 1,
                             "unsupported capability '%.*s'. Supported ones are: cap_net_raw, "
                             "cap_net_admin, cap_net_bind_service, cap_sys_admin.",
                             SLF(item));
        cf->keep_caps |= 1u << capabilities[i].bit;
    }
    return cfg_expect_end(c, *at);
}

/* ---- http-err-codes, http-fail-codes ---- */

static bool
take_range(struct slice item, uint64_t *low, uint64_t *high)
{
    struct slice hi, lo = slice_cut(item, '-', &hi);

    if (!slice_to_uint(lo, low) || (hi.p && !slice_to_uint(hi, high)))
        return false;
    if (!hi.p)
        *high = *low;
    return *low >= STATUS_SET_MIN && *high <= STATUS_SET_MAX && *low <= *high;
}

static enum cfg_rc
parse_codes(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct status_set *set = (void *)((char *)obj + kw->offset);

    if (*at >= c->nwords)
        return cfg_error(c, 0, "'%s' expects [+-]<range>[,...] as argument.", kw->name);
    for (; *at < c->nwords; ++*at) {
        struct slice rest = slice_str(c->word[*at].s);
        char sign = rest.p[0];
        if (sign == '+' || sign == '-')
            rest = slice_sub(rest, 1, SIZE_MAX);
        else
            memset(set, 0, sizeof(*set));
        while (rest.p) {
            struct slice item = slice_cut(rest, ',', &rest);
            uint64_t low, high;
            if (!take_range(item, &low, &high))
                return cfg_error(c, *at,
                                 "Invalid status codes range '%.*s' in '%s'. Codes must be between "
                                 "100 and 599 and ranges in ascending order.",
                                 SLF(item), kw->name);
            for (uint64_t code = low; code <= high; code++)
                status_set_put(set, (unsigned)code, sign != '-');
        }
    }
    return CFG_OK;
}

/* ---- the rest ---- */

static enum cfg_rc
parse_nice(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;
    int64_t n;

    if (cfg_take_int(c, at, "a priority (-20..19)", -20, 19, &n) != CFG_OK)
        return CFG_ERR;
    if (kw->max) { /* from now on */
        cf->nice_before = getpriority(PRIO_PROCESS, 0);
        cf->nice_set = true;
        if (setpriority(PRIO_PROCESS, 0, (int)n) < 0)
            cfg_warn(c, *at - 1, "'%s' : couldn't set the priority: %s.", kw->name,
                     strerror(errno));
    } else {
        cf->nice_runtime = (int)n;
        cf->nice_runtime_set = true;
    }
    return cfg_expect_end(c, *at);
}

void
global_set_runtime_priority(const struct config *cf)
{
    int n = cf->nice_runtime_set ? cf->nice_runtime : cf->nice_before;

    if ((cf->nice_set || cf->nice_runtime_set) && setpriority(PRIO_PROCESS, 0, n) < 0)
        fprintf(stderr, "[WARNING]  (%d) : couldn't set the runtime nice value to %d: %s\n",
                (int)getpid(), n, strerror(errno));
}

static enum cfg_rc
parse_harden(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    bool on = cfg_arg_is(c, *at, "on");

    if (!on && !cfg_arg_is(c, *at, "off"))
        return cfg_error(c, *at < c->nwords ? *at : 0, "'%s' expects 'on' or 'off'.", kw->name);
    tune.reject_privileged_ports = on;
    ++*at;
    return cfg_expect_end(c, *at);
}

static enum cfg_rc
parse_spread(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    return cfg_take_ms(c, at, kw->name, &tune.max_spread_checks_ms);
}

static enum cfg_rc
parse_tune(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    uint64_t n;

    if (cfg_take_size(c, at, kw->name, &n) != CFG_OK)
        return CFG_ERR;
    if (n > UINT32_MAX / 2)
        return cfg_error(c, *at - 1, "'%s' is too big.", kw->name);
    *(unsigned *)(void *)((char *)&tune + kw->offset) = (unsigned)n;
    return cfg_expect_end(c, *at);
}

static enum cfg_rc
parse_tune_bool(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    *(bool *)(void *)((char *)&tune + kw->offset) = !c->neg;
    return cfg_expect_end(c, *at);
}

/* The program of an external check may see the whole environment. */
static enum cfg_rc
parse_external(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    tune.external_check = true;
    if (cfg_arg_is(c, *at, "preserve-env")) {
        tune.external_env = true;
        ++*at;
    }
    return cfg_expect_end(c, *at);
}

static enum cfg_rc
parse_max_reloads(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (*at >= c->nwords)
        return cfg_error(c, *at, "'%s' expects an integer argument.", kw->name);
    if (cfg_take_int(c, at, "an integer", 0, INT32_MAX, &n) != CFG_OK)
        return CFG_ERR;
    tune.mworker_max_reloads = (unsigned)n;
    return CFG_OK;
}

static enum cfg_rc
parse_anonkey(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    int64_t n;

    if (*at >= c->nwords)
        return cfg_error(c, *at, "'%s' expects an integer argument.", kw->name);
    if (cfg_take_int(c, at, "an integer", 0, UINT32_MAX, &n) != CFG_OK)
        return CFG_ERR;
    tune.anon_key = (uint32_t)n;
    return CFG_OK;
}

#define G IN_GLOBAL
#define TUNE_NUM(n, field, a, h)                                                                   \
    {                                                                                              \
        .name = (n), .args = (a), .where = G, .offset = offsetof(struct tune, field),              \
        .parse = parse_tune, .help = h                                                             \
    }
#define TUNE_BOOL(n, field, h)                                                                     \
    {                                                                                              \
        .name = (n), .where = G, .offset = offsetof(struct tune, field), .flags = KWF_NO,          \
        .parse = parse_tune_bool, .help = h                                                        \
    }

static const struct keyword keywords[] = {
    { "default-path", "{ current | config | parent | origin <path> }", G,
      .parse = parse_default_path, .help = "where relative file names start" },
    { "h1-case-adjust-file", "<hdrs-file>", G, .parse = parse_case_file,
      .help = "file of header names spelled as buggy peers want them" },
    { "setcap", "<name>[,<name>...]", G, .parse = parse_setcap,
      .help = "capabilities kept when the user changes" },
    { "http-err-codes", "[+-]<range>[,...] [...]", G, .parse = parse_codes,
      .offset = offsetof(struct config, http_err_codes),
      .help = "status codes that count as errors of clients" },
    { "http-fail-codes", "[+-]<range>[,...] [...]", G, .parse = parse_codes,
      .offset = offsetof(struct config, http_fail_codes),
      .help = "status codes that count as failures of servers" },
    { "tune.renice.startup", "<-20..19>", G, .parse = parse_nice, .max = 1,
      .help = "priority of the process while it starts" },
    { "tune.renice.runtime", "<-20..19>", G, .parse = parse_nice,
      .help = "priority of the process once it has started" },
    { "harden.reject-privileged-ports.tcp", "{ on | off }", G, .parse = parse_harden,
      .help = "refuse clients whose source port is below 1024" },
    { "max-spread-checks", "<delay>", G, .parse = parse_spread,
      .help = "longest time between the first checks of servers" },
    { "external-check", "[preserve-env]", G, .parse = parse_external,
      .help = "allow checks by programs" },
    { "anonkey", "<key>", G, .parse = parse_anonkey,
      .help = "key that names and addresses are hidden with (see -dC, set anon)" },
    TUNE_BOOL("insecure-setuid-wanted", insecure_setuid,
              "programs that are started may change the user"),
    TUNE_BOOL("h1-do-not-close-on-insecure-transfer-encoding", keep_insecure_te,
              "connections stay open after messages with transfer-encoding and content-length"),
    TUNE_BOOL("h1-accept-payload-with-any-method", any_payload,
              "bodies of GET, HEAD and DELETE are taken with HTTP/1.0 too"),
    { "mworker-max-reloads", "<number>", G, .parse = parse_max_reloads,
      .help = "reloads that a worker which finishes may outlive" },
    TUNE_BOOL("quick-exit", quick_exit, "memory is left to the kernel at the end"),
    TUNE_BOOL("pp2-never-send-local", pp2_never_local,
              "PROXY headers of checks name addresses instead of LOCAL"),
    TUNE_NUM("tune.notsent-lowat.client", notsent_lowat_client, "<size>",
             "unsent bytes that the kernel holds for clients"),
    TUNE_NUM("tune.notsent-lowat.server", notsent_lowat_server, "<size>",
             "unsent bytes that the kernel holds for servers"),
    TUNE_NUM("tune.cli.max-payload-size", cli_max_payload, "<size>",
             "longest payload of a runtime command"),
    TUNE_NUM("thread-hard-limit", thread_hard_limit, "<number>", "most worker threads"),
    { 0 },
};

const struct module global_more_module = { .name = "global: surroundings", .keywords = keywords };
