/* explain.c - `steelyard explain`: its arguments. */
#include "process/explain.h"

#include "process/load.h"

#include <stdio.h>
#include <stdlib.h>

static void
usage(FILE *to)
{
    fputs("usage: steelyard explain -f <file>... --request '[<method>] <url>' [<option>...]\n"
          "Tells, rule by rule, what a configuration does with a request. Nothing leaves the "
          "process.\n"
          "  -f <file>                  configuration file or directory; may be repeated\n"
          "  --request '<method> <url>' \"GET https://host/path\"; without a scheme: \"/path\" and "
          "--header 'Host: ...'\n"
          "  --header 'Name: value'     may be repeated\n"
          "  --body <text>              @<file>: from a file\n"
          "  --src <address>[:<port>]   of the client (192.0.2.1)\n"
          "  --dst <address>:<port>     that it connects to (that of the bind line)\n"
          "  --frontend <name>          otherwise by scheme and port of the URL\n"
          "  --repeat <n>               explains the n-th of n equal requests\n"
          "  --json                     for programs\n"
          "See docs/explain.md.\n",
          to);
}

struct arguments {
    struct cmdline cmd; /* of the reader */
    struct explain_request q;
    const char *request;
    struct arena arena;
    bool json;
};

static bool
take_file(struct arguments *a, const char *v)
{
    if (a->cmd.nfiles == CMDLINE_FILES_MAX) {
        fputs("steelyard explain: too many files\n", stderr);
        return false;
    }
    a->cmd.files[a->cmd.nfiles++] = v;
    return true;
}

static bool
take_request(struct arguments *a, const char *v)
{
    a->request = v;
    if (explain_parse_line(&a->q, v, &a->arena))
        return true;
    fprintf(stderr, "steelyard explain: '%s' is not a request: expected 'GET https://host/path'\n",
            v);
    return false;
}

static bool
take_header(struct arguments *a, const char *v)
{
    if (a->q.nheaders == EXPLAIN_HEADERS_MAX) {
        fprintf(stderr, "steelyard explain: more than %d headers\n", EXPLAIN_HEADERS_MAX);
        return false;
    }
    a->q.headers[a->q.nheaders++] = v;
    return true;
}

static bool
read_body(struct arguments *a, const char *path)
{
    FILE *f = fopen(path, "re");
    struct text t = { 0 };
    char buf[16384];
    size_t n;

    while (f && (n = fread(buf, 1, sizeof(buf), f)) > 0)
        text_mem(&t, buf, n);
    bool ok = f && !ferror(f);
    if (!ok)
        fprintf(stderr, "steelyard explain: cannot read %s\n", path);
    if (f)
        fclose(f);
    a->q.body = slice(arena_slicedup(&a->arena, text_get(&t)), t.len);
    text_fini(&t);
    return ok;
}

static bool
take_body(struct arguments *a, const char *v)
{
    a->q.has_body = true;
    if (v[0] == '@')
        return read_body(a, v + 1);
    a->q.body = slice_str(v);
    return true;
}

static bool
take_src(struct arguments *a, const char *v)
{
    a->q.src = v;
    return true;
}

static bool
take_dst(struct arguments *a, const char *v)
{
    a->q.dst = v;
    return true;
}

static bool
take_frontend(struct arguments *a, const char *v)
{
    a->q.frontend = v;
    return true;
}

static bool
take_repeat(struct arguments *a, const char *v)
{
    uint64_t n;

    if (!slice_to_uint(slice_str(v), &n) || n < 1 || n > EXPLAIN_REPEAT_MAX) {
        fprintf(stderr, "steelyard explain: --repeat takes a number from 1 to %u\n",
                EXPLAIN_REPEAT_MAX);
        return false;
    }
    a->q.repeat = (unsigned)n;
    return true;
}

static const struct {
    const char *name;
    bool (*take)(struct arguments *a, const char *v);
} options[] = {
    { "-f", take_file },
    { "--request", take_request },
    { "--header", take_header },
    { "--body", take_body },
    { "--src", take_src },
    { "--dst", take_dst },
    { "--frontend", take_frontend },
    { "--repeat", take_repeat },
};

/* -1: go on; else the exit status. */
static int
parse(struct arguments *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        unsigned k = 0;
        if (strcmp(argv[i], "--json") == 0) {
            a->json = true;
            continue;
        }
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            usage(stdout);
            return 0;
        }
        while (k < COUNT_OF(options) && strcmp(argv[i], options[k].name) != 0)
            k++;
        if (k == COUNT_OF(options) || i + 1 == argc) {
            fprintf(stderr, "steelyard explain: %s '%s'\n",
                    k == COUNT_OF(options) ? "unknown option" : "missing value of", argv[i]);
            usage(stderr);
            return 1;
        }
        if (!options[k].take(a, argv[++i]))
            return 1;
    }
    if (a->cmd.nfiles && a->request)
        return -1;
    usage(stderr);
    return 1;
}

static bool
explain_one(struct config *cf, const struct arguments *a)
{
    struct explain_result r;
    struct text t = { 0 };
    char *err = NULL;
    bool ok = explain_run(cf, &a->q, &r, &err);

    if (!ok)
        fprintf(stderr, "steelyard explain: %s\n", err ? err : "failed");
    else if (a->json)
        explain_print_json(&a->q, &r, &t);
    else
        explain_print(&a->q, &r, &t);
    if (t.len)
        fwrite(t.p, 1, t.len, stdout);
    text_fini(&t);
    free(err);
    explain_release(&r);
    return ok;
}

int
explain_main(int argc, char **argv)
{
    static struct arguments a;
    static struct config cf;
    static struct cfg cfg;
    int rc;

    arena_init_config(&a.arena);
    rc = parse(&a, argc, argv);
    if (rc < 0) {
        a.cmd.quiet = true; /* warnings are for -c */
        load_begin(&cfg, &cf, &a.cmd);
        rc = 1;
        if (load_configuration(&cfg, &a.cmd)) {
            rc = explain_start(&cf) && explain_one(&cf, &a) ? 0 : 1;
            explain_stop(&cf);
        }
        load_end(&cfg);
    }
    arena_fini(&a.arena);
    return rc;
}
