/* state_file.c - server states saved by `show servers state` and applied at the next start
 * (load-server-state-from-file; management manual, `show servers state`). */
#include "proxy/state_file.h"

#include "base/htab.h"
#include "proxy/config.h"
#include "server/server.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define FIELDS_MAX 32u
#define FIELD_BE   1u /* be_name */
#define FIELD_SRV  3u /* srv_name */
#define FIELD_ADDR 4u

/* One server's line. */
struct saved {
    unsigned nfields;
    char *field[FIELDS_MAX];
    char key[]; /* "backend server" */
};

static struct htab global_states, local_states;

/* ---- reading ---- */

/* Cuts a line at its blanks, in place. */
static unsigned
split(char *line, char **field)
{
    unsigned n = 0;

    for (char *at = line; *(at += strspn(at, " \t")) && n < FIELDS_MAX;) {
        field[n++] = at;
        at += strcspn(at, " \t");
        if (*at)
            *at++ = '\0';
    }
    return n;
}

/* False when the line is none that a server's state could be. */
static bool
take_line(struct cfg *c, const char *line, struct htab *to)
{
    char *field[FIELDS_MAX];
    char *copy = arena_strdup(c->arena, line);
    unsigned n = split(copy, field);

    if (n <= FIELD_ADDR)
        return false;
    size_t be_len = strlen(field[FIELD_BE]), len = be_len + 1 + strlen(field[FIELD_SRV]);
    struct saved *s = arena_zalloc(c->arena, sizeof(*s) + len + 1);
    snprintf(s->key, len + 1, "%s %s", field[FIELD_BE], field[FIELD_SRV]);
    s->nfields = n;
    memcpy(s->field, field, n * sizeof(*field));
    htab_put(to, slice(s->key, len), s);
    return true;
}

/* `what`: "global server state file '/x'", for messages. */
static void
read_lines(struct cfg *c, FILE *f, const char *what, struct htab *to)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    if (getline(&line, &size, f) < 1 || strcspn(line, "\r\n") != 1 || line[0] != '1') {
        cfg_warn_at(c, NULL, "Can't get version of the %s.", what);
        free(line);
        return;
    }
    /* Lines are counted behind the version, as in HAProxy. */
    for (unsigned number = 1; (len = getline(&line, &size, f)) >= 0; number++) {
        while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            line[--len] = '\0';
        if (!len || line[0] == '#')
            continue;
        if (!take_line(c, line, to)) {
            cfg_warn_at(c, NULL, "corrupted %s at line %u.", what, number);
            break;
        }
    }
    free(line);
}

static void
file_path(const struct config *cf, const char *name, char *path, size_t size)
{
    const char *base = name[0] == '/' ? NULL : cf->server_state_base;

    snprintf(path, size, "%s%s%s", base ? base : "", base ? "/" : "", name);
}

static void
read_file(struct cfg *c, const char *name, const struct proxy *px, struct htab *to)
{
    char path[PATH_MAX], what[PATH_MAX + 64];

    file_path(c->config, name, path, sizeof(path));
    snprintf(what, sizeof(what), "%sserver state file '%s'", px ? "" : "global ", path);
    FILE *f = fopen(path, "re");
    if (!f) {
        cfg_warn_at(c, NULL, px ? "Proxy '%s': Can't open %s: %s." : "%sCan't open %s: %s",
                    px ? px->name : "", what, strerror(errno));
        return;
    }
    read_lines(c, f, what, to);
    fclose(f);
}

static bool
wants(const struct proxy *px, enum state_file how)
{
    return px->cap & PX_BE && !(px->cap & PX_INTERNAL) && !px->disabled &&
           (enum state_file)px->state_file == how;
}

void
state_files_read(struct cfg *c)
{
    const char *global = c->config->server_state_file;
    struct proxy *px;
    bool used = false;

    list_each (px, &c->config->proxies, link) {
        used |= wants(px, STATE_GLOBAL);
        if (wants(px, STATE_LOCAL))
            read_file(c, px->state_file_name ? px->state_file_name : px->name, px, &local_states);
    }
    if (used && global)
        read_file(c, global, NULL, &global_states);
}

/* ---- applying ---- */

static const struct saved *
find(const struct server *s)
{
    char key[1024];
    int n = snprintf(key, sizeof(key), "%s %s", s->px->name, s->name);

    if (n < 0 || (size_t)n >= sizeof(key))
        return NULL;
    if (wants(s->px, STATE_LOCAL))
        return htab_get(&local_states, slice(key, (size_t)n));
    return wants(s->px, STATE_GLOBAL) ? htab_get(&global_states, slice(key, (size_t)n)) : NULL;
}

const char *
state_file_addr(const struct server *s)
{
    const struct saved *saved = find(s);

    return saved ? saved->field[FIELD_ADDR] : NULL;
}

void
state_files_apply(struct cfg *c)
{
    struct text err = { 0 };
    struct proxy *px;
    struct server *s;

    list_each (px, &c->config->proxies, link) {
        if (!wants(px, STATE_GLOBAL) && !wants(px, STATE_LOCAL))
            continue;
        list_each (s, &px->servers, link) {
            const struct saved *saved = find(s);
            if (saved && !server_state_apply(s, saved->field, saved->nfields, &err)) {
                cfg_warn_at(c, NULL, "server state file: %s.", err.p);
                text_drop(&err, err.len);
            }
        }
    }
    text_fini(&err);
    htab_fini(&global_states);
    htab_fini(&local_states);
}
