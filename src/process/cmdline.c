/* cmdline.c - command line options, one row each. */
#include "process/cmdline.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { FLAG, STRING, NUMBER, SPECIAL };

struct row {
    const char *name; /* without the dash */
    enum kind kind;
    size_t offset;
    const char *args, *help;
    int (*parse)(struct cmdline *o, int argc, char **argv,
                 int at); /* SPECIAL: words taken, -1 error */
};

static int
parse_file(struct cmdline *o, int argc, char **argv, int at)
{
    if (at >= argc)
        return -1;
    if (o->nfiles == CMDLINE_FILES_MAX) {
        fprintf(stderr, "too many configuration files\n");
        return -1;
    }
    o->files[o->nfiles++] = argv[at];
    return 1;
}

static int
parse_pids(struct cmdline *o, int argc, char **argv, int at)
{
    int n = 0;

    for (; at + n < argc && argv[at + n][0] != '-'; n++) {
        char *end;
        long pid = strtol(argv[at + n], &end, 10);
        if (*end || pid < 1 || pid > INT32_MAX) {
            fprintf(stderr, "-sf/-st: '%s' is not a pid\n", argv[at + n]);
            return -1;
        }
        if (o->nold_pids < CMDLINE_PIDS_MAX)
            o->old_pids[o->nold_pids++] = (int)pid;
    }
    return n;
}

static int
parse_sf(struct cmdline *o, int argc, char **argv, int at)
{
    o->old_signal = SIGUSR1;
    return parse_pids(o, argc, argv, at);
}

static int
parse_st(struct cmdline *o, int argc, char **argv, int at)
{
    o->old_signal = SIGTERM;
    return parse_pids(o, argc, argv, at);
}

static int
parse_output(struct cmdline *o, int argc, char **argv, int at)
{
    if (at >= argc || strcmp(argv[at], "json") != 0) {
        fprintf(stderr, "-o expects 'json'\n");
        return -1;
    }
    o->json = true;
    return 1;
}

static int
parse_ws(struct cmdline *o, int argc, char **argv, int at)
{
    o->master = o->systemd = true;
    return 0;
}

static int
parse_version(struct cmdline *o, int argc, char **argv, int at)
{
    static const struct {
        const char *name;
        enum version_form form;
    } forms[] = {
        { "-v", VERSION_LONG },
        { "-vq", VERSION_FULL },
        { "-vqs", VERSION_SHORT },
        { "-vqb", VERSION_BRANCH },
    };

    for (unsigned i = 0; i < COUNT_OF(forms); i++)
        if (strcmp(argv[at - 1], forms[i].name) == 0)
            o->version = forms[i].form;
    return 0;
}

/* -dC[[<key>][,line]]: with a key other than 0 names are hidden. */
static bool
parse_dump_config(struct cmdline *o, const char *how)
{
    struct slice rest, word = slice_cut(slice_str(how), ',', &rest);
    uint64_t key = 0;

    o->dump_config = true;
    if (slice_eq(word, SL("line")))
        o->dump_config_lines = true;
    else if (word.len && (!slice_to_uint(word, &key) || key > UINT32_MAX)) {
        fprintf(stderr, "-dC: '%.*s' is not a key between 0 and 4294967295\n", SLF(word));
        return false;
    }
    o->dump_config_key = (uint32_t)key;
    o->dump_config_lines |= slice_eq(rest, SL("line"));
    return true;
}

/* Options whose argument stands behind their letters without a blank. */
static bool
parse_joined(struct cmdline *o, const char *a)
{
    if (strncmp(a, "-dK", 3) == 0) {
        o->dump_keywords = a + 3;
    } else if (strncmp(a, "-dM", 3) == 0) {
        setenv("MALLOC_PERTURB_", a[3] ? a + 3 : "80", 1);
    } else if (strncmp(a, "-dC", 3) == 0) {
        return parse_dump_config(o, a + 3);
    } else if (strncmp(a, "-dt", 3) == 0 || strncmp(a, "-dA", 3) == 0) {
        fprintf(stderr, "option '%.3s' (%s) is not supported yet\n", a,
                a[2] == 't' ? "traces" : "an archive of the program's libraries");
        return false;
    } else {
        fprintf(stderr, "unknown option '%s'\n", a);
        return false;
    }
    return true;
}

#define F(field) offsetof(struct cmdline, field)
static const struct row rows[] = {
    { "f", SPECIAL, 0, "<file|dir>",
      "a configuration file, or a directory of *.cfg; may be repeated", parse_file },
    { "c", FLAG, F(check), NULL, "check the configuration and exit", NULL },
    { "cc", STRING, F(cond), "<condition>",
      "evaluate a condition as in .if, exit 0 when true, 1 when false", NULL },
    { "o", SPECIAL, 0, "json", "with -c: diagnostics as JSON", parse_output },
    { "C", STRING, F(chdir), "<dir>", "change to <dir> before loading files", NULL },
    { "D", FLAG, F(daemon), NULL, "run in the background", NULL },
    { "d", FLAG, F(debug), NULL, "stay in the foreground, say more", NULL },
    { "db", FLAG, F(no_daemon), NULL, "stay in the foreground", NULL },
    { "dD", FLAG, F(diag), NULL, "diagnostic mode: warn about suspicious statements", NULL },
    { "dW", FLAG, F(warn_fatal), NULL, "warnings are errors", NULL },
    { "dS", FLAG, F(no_splice), NULL, "no splice()", NULL },
    { "dG", FLAG, F(no_getaddrinfo), NULL, "no getaddrinfo()", NULL },
    { "dR", FLAG, F(no_reuseport), NULL, "no SO_REUSEPORT", NULL },
    { "de", FLAG, F(no_epoll), NULL, "accepted: epoll is the only poller", NULL },
    { "dp", FLAG, F(no_epoll), NULL, "accepted: poll() is never used", NULL },
    { "dv", FLAG, F(ignored), NULL, "accepted: event ports are not on Linux", NULL },
    { "dr", FLAG, F(ignore_resolve_errors), NULL, "ignore unresolvable server names at start",
      NULL },
    { "dV", FLAG, F(no_server_verify), NULL, "no verification of servers' certificates", NULL },
    { "dI", FLAG, F(insecure_fork), NULL, "as insecure-fork-wanted", NULL },
    { "dF", FLAG, F(no_splice), NULL, "no forwarding past us: the same as -dS", NULL },
    { "dZ", FLAG, F(ignored), NULL, "accepted: no zero-copy forwarding to switch off", NULL },
    { "dT", FLAG, F(ignored), NULL, "accepted: TLS is never done by the kernel", NULL },
    { "4", FLAG, F(ignored), NULL, "accepted: names are not resolved at run time", NULL },
    { "dc", FLAG, F(say_cpus), NULL, "say how many processors and threads there are", NULL },
    { "dL", FLAG, F(dump_libs), NULL, "list loaded shared objects", NULL },
    { "q", FLAG, F(quiet), NULL, "print errors only", NULL },
    { "V", FLAG, F(verbose), NULL, "say more, whatever -q says", NULL },
    { "v", SPECIAL, 0, NULL, "version", parse_version },
    { "vq", SPECIAL, 0, NULL, "the version alone", parse_version },
    { "vqs", SPECIAL, 0, NULL, "its short form", parse_version },
    { "vqb", SPECIAL, 0, NULL, "the branch", parse_version },
    { "vv", FLAG, F(build_info), NULL, "version, features and limits", NULL },
    { "h", FLAG, F(help), NULL, "this text", NULL },
    { "-help", FLAG, F(help), NULL, NULL, NULL },
    { "p", STRING, F(pidfile), "<file>", "write the process number there", NULL },
    { "L", STRING, F(localpeer), "<name>", "local peer name", NULL },
    { "n", NUMBER, F(maxconn), "<n>", "maximum number of connections", NULL },
    { "N", NUMBER, F(px_maxconn), "<n>", "default maximum number of connections per proxy", NULL },
    { "m", NUMBER, F(mem_mb), "<n>", "limit of memory in megabytes", NULL },
    { "W", FLAG, F(master), NULL, "master-worker mode", NULL },
    { "Ws", SPECIAL, 0, NULL, "master-worker mode with systemd notifications", parse_ws },
    { "S", STRING, F(master_socket), "<bind>[,<options>]", "socket of the master", NULL },
    { "x", STRING, F(old_sockets), "<socket>", "take listening sockets over from a running process",
      NULL },
    { "sf", SPECIAL, 0, "<pid>*", "tell these processes to finish once we run", parse_sf },
    { "st", SPECIAL, 0, "<pid>*", "tell these processes to terminate once we run", parse_st },
};

void
cmdline_usage(const char *name)
{
    printf("Usage: %s [option]* [-- <file|dir>*]\n", name);
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].help)
            printf("  -%-4s %-20s %s\n", rows[i].name, rows[i].args ? rows[i].args : "",
                   rows[i].help);
    printf(
        "  -dK<class>[,<class>]*      list keywords (classes: help)\n"
        "  -dM[<byte>]                fill memory when it is allocated\n"
        "  -dC[<key>][,line]          with -c: print the configuration as it is read\n"
        "Without options a demonstration runs: an embedded configuration and servers of its own.\n"
        "Other commands: %s explain --help, %s origin --help\n",
        name, name);
}

static const struct row *
find(const char *name)
{
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

/* One option at argv[at]; returns how many words follow it, -1 on error. */
static int
parse_one(struct cmdline *o, const struct row *r, int argc, char **argv, int at)
{
    void *field = (char *)o + r->offset;
    char *end;

    switch (r->kind) {
    case FLAG:
        *(bool *)field = true;
        return 0;
    case SPECIAL:
        return r->parse(o, argc, argv, at + 1);
    case STRING:
        if (at + 1 >= argc)
            return -1;
        *(const char **)field = argv[at + 1];
        return 1;
    case NUMBER:
        if (at + 1 >= argc)
            return -1;
        *(unsigned *)field = (unsigned)strtoul(argv[at + 1], &end, 10);
        return *end ? -1 : 1;
    }
    return -1;
}

bool
cmdline_parse(struct cmdline *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (strcmp(a, "--") == 0) {
            for (i++; i < argc; i++)
                if (parse_file(o, argc, argv, i) < 0)
                    return false;
            break;
        }
        const struct row *r = a[0] == '-' ? find(a + 1) : NULL;
        if (r) {
            int n = parse_one(o, r, argc, argv, i);
            if (n < 0) {
                fprintf(stderr, "option '%s' expects %s\n", a, r->args ? r->args : "no argument");
                return false;
            }
            i += n;
        } else if (!parse_joined(o, a)) {
            return false;
        }
    }
    if (o->master_socket && !o->master) {
        fprintf(stderr, "master CLI options are only available with -W/-Ws\n");
        return false;
    }
    o->check_cond = o->cond != NULL;
    return true;
}
