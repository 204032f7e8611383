/* live_list.c - lines come to and go from crt-lists while the process serves. */
#include "proxy/config.h"
#include "tlsconf/live_int.h"
#include "tlsconf/ocsp.h"

#include <stdlib.h>

/* A folder may be written with a slash at its end. */
static struct crt_list *
find_list(const char *name)
{
    struct slice s = slice_str(name);

    while (s.len > 1 && s.p[s.len - 1] == '/')
        s.len--;
    char *plain = xstrndup(s.p, s.len);
    struct crt_list *l = crt_list_find(plain);
    free(plain);
    return l;
}

/* ---- adding ---- */

/** A line on its way into a list. */
struct addition {
    struct crt_list *list;
    struct crt_line *line;
    struct crt_refs refs;
};

/* Options of lines live as long as the contexts that are made of them. */
static struct arena kept;
static bool kept_ready;

static const struct tls_options *
options_for(const struct crt_ref *r, const struct crt_list_use *u)
{
    bool ignored;

    if (!r->line)
        return NULL;
    struct tls_options *o = ARENA_NEW(&kept, struct tls_options);
    *o = *r->line;
    if (u->bind->px->mode == PX_HTTP && o->alpn.len)
        tlsconf_without_h2(&kept, o, &ignored);
    tls_options_inherit(o, u->o);
    return o;
}

static bool
plan(const struct addition *a, struct tls_changes *changes, struct text *err)
{
    for (const struct crt_list_use *u = a->list->uses; u; u = u->next) {
        const struct crt_ref *r = a->refs.first;
        const struct tls_addition add = { .cert = r->cert,
                                          .line = options_for(r, u),
                                          .filters = r->filters,
                                          .nfilters = r->nfilters,
                                          .owner = a->line };
        if (!tls_server_plan_add(u->server, &add, changes, err))
            return false;
    }
    return true;
}

static struct slice
first_word(struct slice line)
{
    size_t n = 0;

    while (n < line.len && line.p[n] != ' ' && line.p[n] != '\t' && line.p[n] != '[')
        n++;
    return slice_sub(line, 0, n);
}

static bool
in_folder(const char *folder, const char *path)
{
    size_t n = strlen(folder);

    return strncmp(path, folder, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/');
}

/* The line is read as in a file, but nothing is loaded. */
static bool
read_line(struct crt_list *list, struct slice line, struct crt_refs *refs, struct text *out)
{
    struct slice word = first_word(line);
    char *name = xstrndup(word.p, word.len);
    struct tls_cert *c = word.len ? tls_store_get(name) : NULL;
    struct text err = { 0 };
    bool ok = false;

    if (list->is_dir && !in_folder(list->name, name)) {
        live_refuse(out,
                    "Can't edit the crt-list: '%s' is a directory, certificate path '%s' must "
                    "contain the directory path\n",
                    list->name, name);
    } else if (!c) {
        live_refuse(out, "Can't edit the crt-list: certificate '%s' does not exist!\n", name);
    } else if (tls_cert_is_empty(c)) {
        live_refuse(out, "Can't edit the crt-list: certificate '%s' is empty!\n", name);
    } else {
        refs->list = list;
        ok = crt_list_line(refs, &kept, list->name, list->last + 1, line, &err);
        if (!ok)
            live_refuse(out, "Can't edit the crt-list: %s\n", err.p);
    }
    text_fini(&err);
    free(name);
    return ok;
}

static struct crt_line **
link_to(struct crt_list *l, const struct crt_line *line)
{
    struct crt_line **at = &l->first;

    while (*at != line)
        at = &(*at)->next;
    return at;
}

static void
unlink_line(struct crt_list *l, struct crt_line *line)
{
    struct crt_line **at = link_to(l, line);

    *at = line->next;
    if (!*at)
        l->tail = at;
    crt_line_free(line);
}

static bool
insert(struct crt_list *list, struct slice line, struct text *out)
{
    struct addition a = { .list = list };
    struct tls_changes changes = { 0 };
    struct text err = { 0 };

    if (!kept_ready) {
        arena_init_config(&kept);
        kept_ready = true;
    }
    list->complete = false; /* the line is a new one, whatever its number */
    if (!read_line(list, line, &a.refs, out))
        return false;
    a.line = (struct crt_line *)(uintptr_t)a.refs.first->owner;
    text_printf(out, "Inserting certificate '%s' in crt-list '%s'", a.line->cert, list->name);
    if (!plan(&a, &changes, &err)) {
        tls_changes_drop(&changes);
        live_refuse(out, "\nCan't edit the crt-list: %s!\n", err.p);
        text_fini(&err);
        unlink_line(list, a.line);
        return false;
    }
    for (unsigned i = 0; i < changes.n; i++)
        text_char(out, '.');
    tls_changes_apply(&changes);
    ocsp_adopt(a.refs.first->cert);
    text_str(out, "\nSuccess!\n");
    return true;
}

bool
live_list_add(const char *list, struct slice line, struct text *out)
{
    bool ok = false;

    while (line.len && (line.p[line.len - 1] == '\n' || line.p[line.len - 1] == '\r'))
        line.len--;
    line = slice_trim(line);
    pthread_mutex_lock(&live_lock);
    struct crt_list *l = find_list(list);
    if (!l)
        live_refuse(out, "Can't edit the crt-list: crt-list '%s' does not exist!\n", list);
    else if (memchr(line.p, '\n', line.len))
        live_refuse(out, "Can't edit the crt-list: only one line of payload is supported!\n");
    else
        ok = insert(l, line, out);
    pthread_mutex_unlock(&live_lock);
    return ok;
}

/* ---- removing ---- */

static bool
is_default(const struct crt_list *l, const struct crt_line *line, struct text *out)
{
    bool found = false;

    for (const struct crt_list_use *u = l->uses; u; u = u->next) {
        if (!tls_server_is_default(u->server, line))
            continue;
        if (!found)
            text_printf(out,
                        "Can't delete the entry: certificate '%s' cannot be deleted, it is used as "
                        "default certificate by the following frontends:\n",
                        line->cert);
        found = true;
        text_printf(out, "\t- %s:%u\n", u->bind->loc.file, u->bind->loc.line);
    }
    return found;
}

/* The line that is meant; NULL after saying why there is none. */
static struct crt_line *
choose(struct crt_list *l, const char *cert, unsigned number, struct text *out)
{
    struct crt_line *found = NULL;
    struct text numbers = { 0 };
    unsigned n = 0;

    for (struct crt_line *x = l->first; x; x = x->next) {
        if (strcmp(x->cert, cert) != 0 || (number && x->number != number))
            continue;
        text_printf(&numbers, "%s%u", n++ ? ", " : "", x->number);
        found = x;
    }
    if (!n)
        live_refuse(out,
                    "Can't delete the entry: certificate '%s' can't be found in crt-list '%s'!\n",
                    cert, l->name);
    else if (n > 1)
        live_refuse(out,
                    "Can't delete the entry: found the certificate '%s' in several entries, please "
                    "specify a line number preceded by colons (%s)!\n",
                    cert, numbers.p);
    text_fini(&numbers);
    return n == 1 ? found : NULL;
}

static bool
remove_line(struct crt_list *l, const char *cert, unsigned number, struct text *out)
{
    struct crt_line *line = choose(l, cert, number, out);
    struct tls_changes changes = { 0 };

    if (!line || is_default(l, line, out))
        return false;
    for (const struct crt_list_use *u = l->uses; u; u = u->next)
        tls_server_plan_remove(u->server, line, &changes);
    tls_changes_apply(&changes);
    unlink_line(l, line);
    text_printf(out, "Entry '%s' deleted in crtlist '%s'!\n", cert, l->name);
    return true;
}

bool
live_list_del(const char *list, const char *cert, struct text *out)
{
    const char *colon = strrchr(cert, ':');
    uint64_t number = 0;
    bool ok = false;

    if (colon && (!slice_to_uint(slice_str(colon + 1), &number) || number > UINT32_MAX))
        number = 0;
    char *name = number ? xstrndup(cert, (size_t)(colon - cert)) : xstrdup(cert);
    pthread_mutex_lock(&live_lock);
    struct crt_list *l = find_list(list);
    if (!l)
        live_refuse(out, "Can't delete the entry: crt-list '%s' does not exist!\n", list);
    else
        ok = remove_line(l, name, (unsigned)number, out);
    pthread_mutex_unlock(&live_lock);
    free(name);
    return ok;
}

/* ---- showing ---- */

static void
show_list(const struct crt_list *l, bool numbers, struct text *out)
{
    text_printf(out, "# %s\n", l->name);
    for (const struct crt_line *x = l->first; x; x = x->next) {
        text_str(out, x->cert);
        if (numbers)
            text_printf(out, ":%u", x->number);
        if (x->options)
            text_printf(out, " [%s]", x->options);
        for (unsigned i = 0; i < x->nfilters; i++)
            text_printf(out, " %s", x->filters[i]);
        text_char(out, '\n');
    }
}

bool
live_list_show(const char *list, bool numbers, struct text *out)
{
    const struct crt_list *l = crt_lists;

    pthread_mutex_lock(&live_lock);
    if (*list && (l = find_list(list)))
        show_list(l, numbers, out);
    else if (!*list)
        for (l = crt_lists; l; l = l->next)
            text_printf(out, "%s\n", l->name);
    pthread_mutex_unlock(&live_lock);
    return !*list || l || live_refuse(out, "didn't find the specified filename\n");
}

void
live_list_release(void)
{
    if (kept_ready)
        arena_fini(&kept);
    kept_ready = false;
}
