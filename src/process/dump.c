/* dump.c - -dK: what the tables hold, in HAProxy's layout; -dL: what is loaded. */
#include "process/dump.h"

#include "action/service.h"
#include "config/module.h"
#include "rules/rule.h"
#include "runtime/command.h"
#include "sample/acl.h"
#include "sample/sample.h"

#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct class
{
    const char *name, *title;
    void (*dump)(const struct class *c);
    unsigned where;
};

static void
dump_rows(const struct class *c)
{
    for (unsigned m = 0; modules[m]; m++)
        for (const struct keyword *k = modules[m]->keywords; k && k->name; k++)
            if (k->where & c->where)
                printf("\t%s%s%s\n", k->name, k->args ? " " : "", k->args ? k->args : "");
}

/* One heading per section; bind and server options belong to "listen". */
static void
dump_sections(const struct class *c)
{
    for (unsigned m = 0; modules[m]; m++)
        for (const struct section *s = modules[m]->sections; s && s->name; s++) {
            struct class of = { .where = s->where };
            printf("%s\n", s->name);
            dump_rows(&of);
        }
    static const struct {
        const char *name;
        unsigned where;
    } lines[] = { { "bind <addr>", IN_BIND }, { "server <name> <addr>", IN_SERVER } };
    for (unsigned i = 0; i < COUNT_OF(lines); i++)
        for (unsigned m = 0; modules[m]; m++)
            for (const struct keyword *k = modules[m]->keywords; k && k->name; k++)
                if (k->where & lines[i].where)
                    printf("\t%s %s%s\n", lines[i].name, k->name, k->args ? " +1" : "");
}

static const char *
arg_name(unsigned char a)
{
    static const char *const names[] = { "",         "string",  "integer",      "unsigned integer",
                                         "delay",    "size",    "IPv4 address", "IPv6 address",
                                         "frontend", "backend", "server",       "table",
                                         "userlist", "regex",   "variable",     "map",
                                         "string" };
    a &= (unsigned char)~ARG_OPT;
    return a < COUNT_OF(names) ? names[a] : "?";
}

static void
print_args(const unsigned char *args)
{
    bool optional = false;

    if (!args[0])
        return;
    putchar('(');
    for (unsigned i = 0; i < ARG_MAX && args[i]; i++) {
        if (args[i] & ARG_OPT && !optional) {
            optional = true;
            putchar('[');
        }
        printf("%s%s", i ? "," : "", arg_name(args[i]));
    }
    printf("%s)", optional ? "]" : "");
}

static void
dump_fetches(const struct class *c)
{
    for (unsigned m = 0; modules[m]; m++)
        for (const struct fetch *f = modules[m]->fetches; f && f->name; f++) {
            printf("\t%s", f->name);
            print_args(f->args);
            printf(" => %s\n", sample_type_name(f->out));
        }
}

static void
dump_convs(const struct class *c)
{
    for (unsigned m = 0; modules[m]; m++)
        for (const struct conv *v = modules[m]->convs; v && v->name; v++) {
            printf("\t%s", v->name);
            print_args(v->args);
            printf(" : %s => %s\n", sample_type_name(v->in), sample_type_name(v->out));
        }
}

static void
dump_actions(const struct class *c)
{
    static const struct {
        unsigned set;
        const char *name;
    } sets[] = {
        { RS_TCP_CONN, "tcp-request connection" }, { RS_TCP_SESS, "tcp-request session" },
        { RS_TCP_REQ, "tcp-request content" },     { RS_TCP_RES, "tcp-response content" },
        { RS_HTTP_REQ, "http-request" },           { RS_HTTP_RES, "http-response" },
        { RS_HTTP_AFTER, "http-after-response" },
    };
    for (unsigned i = 0; i < COUNT_OF(sets); i++)
        for (unsigned m = 0; modules[m]; m++)
            for (const struct action *a = modules[m]->actions; a && a->name; a++)
                if (a->sets & sets[i].set)
                    printf("\t%s %s%s\n", sets[i].name, a->name,
                           a->flags & ACTF_PREFIX  ? "*"
                           : a->flags & ACTF_PAREN ? "(*)"
                                                   : "");
}

/* ---- what has names of its own ---- */

static void
dump_filters(const struct class *c)
{
    for (unsigned m = 0; modules[m]; m++)
        for (const struct keyword *k = modules[m]->keywords; k && k->name; k++)
            if (strncmp(k->name, "filter ", 7) == 0 && k->kind != KW_UNSUPPORTED)
                puts(k->name + 7);
}

static void
dump_services(const struct class *c)
{
    for (const struct service *s = service_next(NULL); s; s = service_next(s))
        puts(s->name);
}

static void
dump_commands(const struct class *c)
{
    for (unsigned m = 0; modules[m]; m++)
        for (const struct command *k = modules[m]->commands; k && k->name; k++)
            if (k->run != cmd_unsupported)
                printf("%s [WORKER]%s%s\n", k->name, k->flags & CMDF_EXPERT ? " [EXPERT]" : "",
                       k->flags & CMDF_EXPERIMENTAL ? " [EXPERIM]" : "");
}

static void
dump_acls(const struct class *c)
{
    const char *name, *fetch, *match;

    for (unsigned i = 0; acl_alias_nth(i, &name, &fetch, &match); i++)
        printf("%s = %s -m %s\n", name, fetch, match);
}

static const struct class classes[] = {
    { "cfg", "# List of registered configuration keywords:", dump_sections, 0 },
    { "act", "# List of registered actions:", dump_actions, 0 },
    { "smp", "# List of registered sample fetch functions:", dump_fetches, 0 },
    { "cnv", "# List of registered sample converter functions:", dump_convs, 0 },
    { "acl", "# List of registered ACL keywords:", dump_acls, 0 },
    { "cli", "# List of registered CLI keywords:", dump_commands, 0 },
    { "flt", "# List of registered filter names:", dump_filters, 0 },
    { "svc", "# List of registered service names:", dump_services, 0 },
};

static bool
listed(const char *classes_text, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = classes_text; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if ((strncmp(p, name, n) == 0 && (p[n] == ',' || !p[n])) || strncmp(p, "all", 3) == 0)
            return true;
    return false;
}

void
dump_keywords(const char *which)
{
    if (!*which || strcmp(which, "help") == 0) {
        puts("# List of supported keyword classes:\nall: list all keywords\ncfg: configuration "
             "keywords\n"
             "act: rule actions\nsmp: sample fetch functions\ncnv: sample converter functions\n"
             "acl: ACL keywords\ncli: CLI keywords\nflt: filter names\nsvc: service names");
        return;
    }
    for (unsigned i = 0; i < COUNT_OF(classes); i++)
        if (listed(which, classes[i].name)) {
            puts(classes[i].title);
            classes[i].dump(&classes[i]);
        }
}

/* ---- -dL ---- */

static int
print_library(struct dl_phdr_info *info, size_t size, void *arg)
{
    if (info->dlpi_name[0] == '/') /* not the program itself, nor what the kernel maps */
        puts(info->dlpi_name);
    return 0;
}

void
dump_libraries(bool title)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

    if (title)
        puts("List of loaded object files:");

    if (n > 0)
        printf("%.*s\n", (int)n, path);
    dl_iterate_phdr(print_library, NULL);
}
