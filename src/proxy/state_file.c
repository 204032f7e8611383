/* state_file.c - reading files of servers' states (management manual, `show servers state`): a line
 * with the version, a comment with the names of the fields, a line for each server. */
#include "proxy/state_file.h"

#include "proxy/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FIELDS_MAX 64
#define LINE_MAX_  8192

static void
warn(const struct config *cf, const char *file, unsigned line, const char *what)
{
    (void)cf;
    fprintf(stderr, "[WARNING]  (%d) : server-state-file '%s'%s%.0u : %s\n", (int)getpid(), file,
            line ? ", line " : "", line, what);
}

static unsigned
split(char *line, char **field)
{
    unsigned n = 0;
    char *rest = line, *word;

    while (n < FIELDS_MAX && (word = strsep(&rest, " \t\r\n")))
        if (*word)
            field[n++] = word;
    return n;
}

/* Fields: backend's number, its name, server's number, its name, then what server/ knows. */
static void
apply_line(struct config *cf, const struct proxy *only, const char *file, unsigned number,
           char *line)
{
    char *field[FIELDS_MAX];
    unsigned n = split(line, field);
    struct text err = { 0 };

    if (n < 4)
        return;
    struct proxy *px = proxy_find(cf, field[1], PX_BE);
    if (!px || (only ? px != only : px->state_file != STATE_GLOBAL))
        return;
    struct server *srv = proxy_find_server(px, field[3]);
    if (srv && !server_state_apply(srv, field, n, &err))
        warn(cf, file, number, err.p ? err.p : "ignored");
    text_fini(&err);
}

/* `only`: the backend that the file is for; NULL: all that want the global one. */
static void
load(struct config *cf, const struct proxy *only, const char *file)
{
    FILE *f = fopen(file, "r");
    char *line = xmalloc(LINE_MAX_);
    unsigned number = 0;

    if (!f) {
        warn(cf, file, 0, strerror(errno));
    } else if (!fgets(line, LINE_MAX_, f) || strtol(line, NULL, 10) != 1) {
        warn(cf, file, 1, "invalid version");
    } else {
        number++;
        while (fgets(line, LINE_MAX_, f)) {
            number++;
            if (*line != '#')
                apply_line(cf, only, file, number, line);
        }
    }
    if (f)
        fclose(f);
    free(line);
}

static char *
path_of(const struct config *cf, const char *name)
{
    const char *base = cf->server_state_base;

    if (*name == '/' || !base)
        return xstrdup(name);
    return xasprintf("%s/%s", base, name);
}

void
state_files_load(struct config *cf)
{
    struct proxy *px;
    bool global = false;

    list_each (px, &cf->proxies, link) {
        if (!proxy_has_be(px) || px->disabled)
            continue;
        global |= px->state_file == STATE_GLOBAL;
        if (px->state_file != STATE_LOCAL)
            continue;
        char *path = path_of(cf, px->state_file_name ? px->state_file_name : px->name);
        load(cf, px, path);
        free(path);
    }
    if (global && cf->server_state_file) {
        char *path = path_of(cf, cf->server_state_file);
        load(cf, NULL, path);
        free(path);
    }
}
