/* kwindex.c - finding sections and keyword rows of all modules by name.
 * Built once per process from the constant module list; read only afterwards. */
#include "config/cfg_int.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define BUCKETS 2048u /* power of two; about 1,500 rows */

struct entry {
    struct entry *next; /* same bucket, rows of more words first */
    const struct keyword *kw;
    uint32_t hash; /* of the first word, or of all up to '(' */
    unsigned nwords;
};

struct section_entry {
    struct section_entry *next;
    const struct section *section;
};

static struct entry *rows[BUCKETS];
static struct section_entry *sections[BUCKETS];
static pthread_once_t built = PTHREAD_ONCE_INIT;

static uint32_t
hash(const char *s, size_t len)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)s[i]) * 16777619u;
    return h;
}

static void
add_row(const struct keyword *kw)
{
    struct entry *e = xcalloc(1, sizeof(*e)), **at;

    e->kw = kw;
    e->nwords = 1;
    for (const char *p = kw->name; *p; p++)
        e->nwords += *p == ' ';
    e->hash = hash(kw->name, strcspn(kw->name, " "));
    for (at = &rows[e->hash % BUCKETS]; *at && (*at)->nwords >= e->nwords; at = &(*at)->next)
        ;
    e->next = *at;
    *at = e;
}

static void
add_section(const struct section *s)
{
    struct section_entry *e = xcalloc(1, sizeof(*e));
    uint32_t h = hash(s->name, strlen(s->name)) % BUCKETS;

    e->section = s;
    e->next = sections[h];
    sections[h] = e;
}

static void
build(void)
{
    for (unsigned i = 0; modules[i]; i++) {
        for (const struct section *s = modules[i]->sections; s && s->name; s++)
            add_section(s);
        for (const struct keyword *k = modules[i]->keywords; k && k->name; k++)
            add_row(k);
    }
}

const struct section *
cfg_find_section(const char *name)
{
    pthread_once(&built, build);
    const struct section_entry *e = sections[hash(name, strlen(name)) % BUCKETS];
    while (e && strcmp(e->section->name, name) != 0)
        e = e->next;
    return e ? e->section : NULL;
}

/** Do the words from `at` on spell the name? */
static bool
spells(const struct cfg *c, unsigned at, const char *name)
{
    for (;; at++) {
        size_t len = strcspn(name, " ");
        if (at >= c->nwords || c->word[at].len != len || memcmp(c->word[at].s, name, len) != 0)
            return false;
        if (name[len] == '\0')
            return true;
        name += len + 1;
    }
}

/** "name(" matches a word that begins so. */
static bool
opens(const char *word, size_t len, const char *name)
{
    return strncmp(word, name, len) == 0 && name[len] == '\0';
}

const struct keyword *
cfg_find_keyword(const struct cfg *c, unsigned where, unsigned at, unsigned *nwords)
{
    pthread_once(&built, build);
    if (at >= c->nwords)
        return NULL;
    const char *first = c->word[at].s;
    uint32_t h = hash(first, c->word[at].len);
    for (const struct entry *e = rows[h % BUCKETS]; e; e = e->next) {
        if (e->hash == h && (e->kw->where & where) && spells(c, at, e->kw->name)) {
            *nwords = e->nwords;
            return e->kw;
        }
    }
    const char *paren = strchr(first, '(');
    if (!paren)
        return NULL;
    size_t len = (size_t)(paren - first) + 1;
    h = hash(first, len);
    for (const struct entry *e = rows[h % BUCKETS]; e; e = e->next) {
        if (e->hash == h && (e->kw->where & where) && opens(first, len, e->kw->name)) {
            *nwords = 1;
            return e->kw;
        }
    }
    return NULL;
}

/** In the order of the tables, which is what lists in messages show. */
void
cfg_each_row(unsigned where, cfg_row_fn fn, void *arg)
{
    for (unsigned i = 0; modules[i]; i++) {
        for (const struct keyword *k = modules[i]->keywords; k && k->name; k++) {
            if (k->where & where)
                fn(k, arg);
        }
    }
}

void
cfg_each_section(void (*fn)(const struct section *s, void *arg), void *arg)
{
    for (unsigned i = 0; modules[i]; i++) {
        for (const struct section *s = modules[i]->sections; s && s->name; s++)
            fn(s, arg);
    }
}

bool
cfg_name_word(const char *name, unsigned skip, char *buf, size_t size)
{
    for (; skip; skip--) {
        name = strchr(name, ' ');
        if (!name)
            return false;
        name++;
    }
    snprintf(buf, size, "%.*s", (int)strcspn(name, " "), name);
    return true;
}
