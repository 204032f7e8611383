/* load.c - reading a configuration as the command line asks for it. */
#include "process/load.h"

#include "base/epoch.h"
#include "config/tune.h"
#include "log/log.h"
#include "process/anon_words.h"
#include "process/commands.h"
#include "process/global.h"
#include "process/tests_section.h"
#include "process/version.h"
#include "proxy/listener.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */

static int
is_cfg_file(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return d->d_name[0] != '.' && n > 4 && strcmp(d->d_name + n - 4, ".cfg") == 0;
}

/* Names of files are relative to where we started. */
static bool
read_file(struct cfg *c, const char *path)
{
    const struct config *cf = c->config;
    bool ok = cfg_read_file(c, path) == CFG_OK;

    return (!cf->path_mode || fchdir(cf->start_dir) == 0) && ok;
}

static bool
read_dir(struct cfg *c, const char *path)
{
    struct dirent **list;
    int n = scandir(path, &list, is_cfg_file, alphasort);
    bool ok = true;

    if (n < 0) {
        fprintf(stderr, "[ALERT]    (%d) : Cannot open configuration file/directory %s : %s\n",
                (int)getpid(), path, strerror(errno));
        return false;
    }
    for (int i = 0; i < n; i++) {
        char *file = xasprintf("%s/%s", path, list[i]->d_name);
        struct stat st;
        if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
            ok &= read_file(c, file);
        free(file);
        free(list[i]);
    }
    free(list);
    return ok;
}

static bool
read_one(struct cfg *c, const char *path)
{
    struct stat st;

    if (strcmp(path, "-") != 0) {
        if (stat(path, &st) < 0) {
            fprintf(stderr, "[ALERT]    (%d) : Cannot open configuration file/directory %s : %s\n",
                    (int)getpid(), path, strerror(errno));
            exit(1);
        }
        if (S_ISDIR(st.st_mode))
            return read_dir(c, path);
    }
    return read_file(c, path);
}

/* Variables that configurations may refer to (manual 2.4). */
static void
set_environment(const struct cmdline *o)
{
    struct text files = { 0 };

    for (unsigned i = 0; i < o->nfiles; i++)
        text_printf(&files, "%s%s", i ? ";" : "", o->files[i]);
    setenv("HAPROXY_CFGFILES", files.p ? files.p : "", 1);
    text_fini(&files);
    setenv("HAPROXY_STARTUP_VERSION", FULL_VERSION, 1);
    setenv("HAPROXY_BRANCH", "3.5", 1);
    if (o->master)
        setenv("HAPROXY_MWORKER", "1", 1);
    setenv("HAPROXY_LOCALPEER", tune.localpeer ? tune.localpeer : tune.hostname, 1);
    for (const struct log_fmt_variable *v = log_fmt_variables; v->name; v++)
        setenv(v->name, v->value, 0);
}

/* Known once the configuration was read. */
static void
set_cli_variable(const struct config *cf)
{
    struct text t = { 0 };
    struct listener *li;
    char text[160] = "";

    if (!cf->cli)
        return;
    list_each (li, &cf->cli->listeners, link) {
        struct out o = OUT(text);
        addr_put_config(&o, &li->addr);
        text_printf(&t, "%s%.*s", t.len ? ";" : "", SLF(out_slice(&o)));
    }
    setenv("HAPROXY_CLI", t.p ? t.p : "", 1);
    text_fini(&t);
}

static void
print_diags(const struct cfg *c, bool json, bool errors_only)
{
    struct text t = { 0 };

    if (json)
        diags_print_json(&c->diags, &t);
    else
        diags_print(&c->diags, &t, !errors_only);
    if (t.len)
        fputs(t.p, json ? stdout : stderr);
    text_fini(&t);
}

static void
options_into_tune(const struct cmdline *o)
{
    static char host[256];

    if (gethostname(host, sizeof(host) - 1) < 0)
        strncpy(host, "localhost", sizeof(host) - 1);
    tune.hostname = tune.node = host;
    tune.localpeer = o->localpeer ? o->localpeer : host;
    if (o->no_splice)
        tune.splice = false;
    if (o->no_reuseport)
        tune.reuseport = false;
    if (o->no_getaddrinfo)
        tune.getaddrinfo = false;
    if (o->insecure_fork)
        tune.insecure_fork = true;
    tune.ignore_resolve_errors = o->ignore_resolve_errors;
    tune.no_server_verify = o->no_server_verify;
    if (o->no_server_verify)
        config_set_enabled("SERVER-SSL-VERIFY-NONE", true);
}

/* ---- all of it ---- */

void
load_begin(struct cfg *c, struct config *cf, const struct cmdline *o)
{
    tune_defaults();
    options_into_tune(o);
    config_init(cf);
    cfg_init(c, cf, &cf->arena);
    c->diags.show_diag = o->diag;
    c->dump = o->dump_config;
    c->dump_lines = o->dump_config_lines;
    if (o->dump_config && o->dump_config_key) {
        anon_words_begin(o->dump_config_key);
        c->dump_word = anon_words_put;
    }
    set_environment(o);
}

void
load_end(struct cfg *c)
{
    struct config *cf = c->config;

    anon_words_end();
    cfg_fini(c);
    config_fini(cf);
    epoch_fini();
}

/* default-path: names in a file are relative to where it says. */
static void
on_file(struct cfg *c, const char *file)
{
    const struct config *cf = c->config;

    if (cf->path_mode && !global_enter_default_path(cf, file))
        cfg_error_at(c, NULL, "couldn't set 'default-path' for '%s': %s.", file, strerror(errno));
}

static bool
read_files(struct cfg *c, const struct cmdline *o)
{
    struct config *cf = c->config;
    bool ok = true;

    cf->start_dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    c->file_begins = on_file;
    if (!o->nfiles)
        ok = cfg_read_text(c, demo_config_name, slice_str(demo_config)) == CFG_OK;
    for (unsigned i = 0; i < o->nfiles; i++)
        ok &= read_one(c, o->files[i]);
    if (cf->start_dir >= 0)
        close(cf->start_dir);
    return ok;
}

bool
load_configuration(struct cfg *c, const struct cmdline *o)
{
    struct config *cf = c->config;
    int pid = (int)getpid();
    bool ok = read_files(c, o);
    unsigned syntax = c->diags.errors;

    if (o->px_maxconn) {
        struct proxy *px;
        list_each (px, &cf->proxies, link)
            if (!px->maxconn && !(px->cap & PX_INTERNAL))
                px->maxconn = o->px_maxconn;
    }
    if (!syntax && ok)
        ok = cfg_finish(c) == CFG_OK;
    set_cli_variable(cf);
    if (o->check && ok && !c->diags.errors)
        tests_run(c);
    print_diags(c, o->json, (o->quiet || cf->quiet) && !o->verbose);
    if (syntax && !o->json)
        fprintf(stderr, "[ALERT]    (%d) : config : Error(s) found in configuration file : %s\n",
                pid, o->nfiles ? o->files[0] : demo_config_name);
    if ((!ok || c->diags.errors) && !o->json)
        fprintf(stderr, "[ALERT]    (%d) : config : Fatal errors found in configuration.\n", pid);
    if (ok && c->diags.warnings && (o->warn_fatal || cf->zero_warning)) {
        fprintf(stderr,
                "[ALERT]    (%d) : Some warnings were found and 'zero-warning' is set. Aborting.\n",
                pid);
        return false;
    }
    return ok && !c->diags.errors;
}
