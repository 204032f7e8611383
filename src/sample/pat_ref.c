/* pat_ref.c - lists of patterns: entries, versions, edits at run time. Management manual: map and
 * acl commands. Each list has a lock; it is taken before the locks of the sets over it. The
 * registry of lists is only changed while the configuration is read. */
#include "base/epoch.h"
#include "base/htab.h"
#include "sample/pat_hash.h"
#include "sample/pattern_int.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static struct list all_refs = LIST_INIT(all_refs);
static struct htab by_name;
static int next_id;
static bool seeded;
bool pat_dns = true;

/* ---- entries
 * -------------------------------------------------------------------------------------------------
 */

void
pat_elt_unref(struct pat_elt *e)
{
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1)
        return;
    atomic_fetch_add_explicit(&pat_freed, 1, memory_order_relaxed);
    free((char *)e->value.p);
    free(e);
}

static void
buckets_grow(struct pat_ref *r)
{
    uint32_t n = r->nbuckets ? r->nbuckets * 2 : PAT_BUCKETS_MIN;
    struct pat_elt **b = xcalloc(n, sizeof(*b)), *e;

    free(r->bucket);
    r->bucket = b;
    r->nbuckets = n;
    list_each (e, &r->elts, link) {
        e->hash_next = b[e->hash & (n - 1)];
        b[e->hash & (n - 1)] = e;
    }
}

struct pat_elt *
pat_elt_add(struct pat_ref *r, unsigned version, struct slice key, struct slice value,
            unsigned line)
{
    struct pat_elt *e = xcalloc(1, sizeof(*e) + key.len + 1);

    memcpy(e->bytes, key.len ? key.p : "", key.len);
    e->key = slice(e->bytes, key.len);
    if (value.p)
        e->value = slice(xstrndup(value.p, value.len), value.len);
    e->ref = r;
    e->version = version;
    e->line = line;
    e->seq = r->next_seq++;
    e->hash = pat_hash_bytes(key.len ? key.p : "", key.len, false);
    atomic_store_explicit(&e->refs, 1, memory_order_relaxed);
    list_push_back(&r->elts, &e->link);
    if (++r->count > r->nbuckets) {
        buckets_grow(r);
    } else {
        struct pat_elt **head = &r->bucket[e->hash & (r->nbuckets - 1)];
        e->hash_next = *head;
        *head = e;
    }
    atomic_fetch_add_explicit(&pat_added, 1, memory_order_relaxed);
    return e;
}

/** Unlinks an entry that no set knows any more. */
static void
elt_remove(struct pat_ref *r, struct pat_elt *e)
{
    struct pat_elt **at = &r->bucket[e->hash & (r->nbuckets - 1)];

    while (*at != e)
        at = &(*at)->hash_next;
    *at = e->hash_next;
    for (struct pat_iter *it = r->iters; it; it = it->next)
        if (it->at == e)
            it->at =
                e->link.next == &r->elts ? NULL : list_entry(e->link.next, struct pat_elt, link);
    list_del(&e->link);
    r->count--;
    pat_elt_unref(e);
}

/** Takes an entry out of all sets. */
static void
elt_unmatch(struct pat_elt *e)
{
    while (e->pats) {
        struct pat *p = e->pats;
        struct pat_set *s = p->set;
        e->pats = p->elt_next;
        pthread_mutex_lock(&s->lock);
        pat_set_del_pat(s, p);
        pthread_mutex_unlock(&s->lock);
    }
}

/** Compiles an entry for every set; nothing has changed when it fails. */
static bool
elt_compile(struct pat_ref *r, struct pat_elt *e, char **err)
{
    struct pat_link *l;

    list_each (l, &r->links, of_ref) {
        struct pat *p;
        if (l->set->family == FAM_NONE)
            continue;
        p = pat_compile(l->set, e, l->index, err);
        if (!p) {
            while ((p = e->pats)) {
                e->pats = p->elt_next;
                pat_free(p);
            }
            return false;
        }
        p->elt_next = e->pats;
        e->pats = p;
    }
    return true;
}

static void
elt_match(struct pat_elt *e)
{
    for (struct pat *p = e->pats, *next; p; p = next) {
        next = p->elt_next;
        pthread_mutex_lock(&p->set->lock);
        pat_set_add_pats(p->set, &p, 1);
        pthread_mutex_unlock(&p->set->lock);
    }
}

/** The next entry of the current version with this key. */
static struct pat_elt *
find_key(const struct pat_ref *r, struct slice key, struct pat_elt *after)
{
    uint64_t hash = pat_hash_bytes(key.len ? key.p : "", key.len, false);
    struct pat_elt *e;

    if (!r->nbuckets)
        return NULL;
    for (e = after ? after->hash_next : r->bucket[hash & (r->nbuckets - 1)]; e; e = e->hash_next)
        if (e->hash == hash && e->version == r->curr_ver && slice_eq(e->key, key))
            return e;
    return NULL;
}

static struct pat_elt *
find_id(const struct pat_ref *r, uint64_t id)
{
    struct pat_elt *e;

    list_each (e, &r->elts, link)
        if (e->seq == id)
            return e;
    return NULL;
}

/* ---- lists
 * -------------------------------------------------------------------------------------------------------
 */

static void
seed_hashes(void)
{
    uint64_t seed[2];

    seeded = true;
    if (getrandom(seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed)) {
        pat_seed[0] = seed[0];
        pat_seed[1] = seed[1];
    }
}

static struct pat_ref *
ref_new(const char *name, unsigned flags)
{
    struct pat_ref *r = xcalloc(1, sizeof(*r));

    if (!seeded)
        seed_hashes();
    r->id = -1;
    r->name = xstrdup(name);
    r->flags = flags;
    list_init(&r->elts);
    list_init(&r->links);
    pthread_mutex_init(&r->lock, NULL);
    list_push_back(&all_refs, &r->link);
    return r;
}

static void
ref_free(struct pat_ref *r)
{
    struct list *l;

    while ((l = list_pop_front(&r->elts))) {
        struct pat_elt *e = list_entry(l, struct pat_elt, link);
        while (e->pats) {
            struct pat *p = e->pats;
            e->pats = p->elt_next;
            pat_free(p);
        }
        pat_elt_unref(e);
    }
    list_del(&r->link);
    pthread_mutex_destroy(&r->lock);
    text_fini(&r->about);
    free(r->bucket);
    free(r->name);
    free(r);
}

struct pat_ref *
pat_ref_new(int id, const char *about, char **err)
{
    struct pat_ref *r;

    if (id >= 0) {
        list_each (r, &all_refs, link) {
            if (r->id == id) {
                *err = xstrdup("the id is already used");
                return NULL;
            }
        }
    }
    r = ref_new("", PREF_ACL);
    r->id = id;
    text_str(&r->about, about);
    return r;
}

/** Strips file@ and opt@, which are no part of the identity. */
static const char *
list_name(const char *name, bool *optional, bool *virtual)
{
    *optional = strncmp(name, "opt@", 4) == 0;
    *virtual = strncmp(name, "virt@", 5) == 0;
    if (*optional)
        return name + 4;
    return strncmp(name, "file@", 5) == 0 ? name + 5 : name;
}

static bool
check_columns(const struct pat_ref *r, bool map, char **err)
{
    if (!(r->flags & PREF_MAP) == !map)
        return true;
    *err =
        xasprintf("The file \"%s\" is already used as %s column file and cannot be used by as %s "
                  "column file",
                  r->name, map ? "one" : "two", map ? "two" : "one");
    return false;
}

struct pat_ref *
pat_ref_open(const char *name, bool map, const char *use, char **err)
{
    bool optional, virtual;
    const char *path = list_name(name, &optional, &virtual);
    struct pat_ref *r = htab_get_str(&by_name, path);

    if (r && !check_columns(r, map, err))
        return NULL;
    if (!r) {
        r = ref_new(path, PREF_FILE | (map ? PREF_MAP : PREF_ACL) | (virtual ? PREF_VIRT : 0));
        text_printf(&r->about, "%s '%s' used by %s",
                    virtual ? "virtual list" : "pattern loaded from file", path, use);
        if (!virtual && !pat_file_read(r, path, optional, err)) {
            ref_free(r);
            return NULL;
        }
        htab_put(&by_name, slice_str(r->name), r);
        return r;
    }
    if (r->optional_missing && !optional) {
        r->optional_missing = false;
        if (!pat_file_read(r, path, false, err))
            return NULL;
    }
    text_printf(&r->about, ", by %s", use);
    return r;
}

struct pat_ref *
pat_ref_find(struct slice name)
{
    struct pat_ref *r;
    uint64_t id;
    bool optional, virtual;
    char *copy;

    if (name.len > 1 && name.p[0] == '#' && slice_to_uint(slice(name.p + 1, name.len - 1), &id)) {
        list_each (r, &all_refs, link)
            if (r->id >= 0 && (uint64_t)r->id == id)
                return r;
        return NULL;
    }
    copy = xstrndup(name.p, name.len);
    r = htab_get_str(&by_name, list_name(copy, &optional, &virtual));
    free(copy);
    return r;
}

struct pat_ref *
pat_ref_next(const struct pat_ref *r)
{
    struct list *next = r ? r->link.next : all_refs.next;

    return next == &all_refs ? NULL : list_entry(next, struct pat_ref, link);
}

void
pat_refs_start(void)
{
    pat_dns = true;
}

void
pat_refs_finish(void)
{
    struct pat_ref *r;
    unsigned n = 0;
    bool *taken;

    list_each (r, &all_refs, link)
        n++;
    taken = xcalloc(n + 1, sizeof(*taken)); /* n lists need at most the ids 0 to n - 1 */
    list_each (r, &all_refs, link)
        if (r->id >= 0 && (unsigned)r->id < n)
            taken[r->id] = true;
    list_each (r, &all_refs, link) {
        if (r->id >= 0)
            continue;
        while (taken[next_id])
            next_id++;
        taken[next_id] = true;
        r->id = next_id++;
    }
    free(taken);
    pat_dns = false;
}

void
pat_refs_fini(void)
{
    struct pat_ref *r, *tmp;

    epoch_fini();
    pat_sets_free_all();
    list_each_safe (r, tmp, &all_refs, link)
        ref_free(r);
    htab_fini(&by_name);
    by_name = (struct htab){ 0 };
    next_id = 0;
}

int
pat_ref_id(const struct pat_ref *r)
{
    return r->id;
}

const char *
pat_ref_name(const struct pat_ref *r)
{
    return r->name;
}

unsigned
pat_ref_flags(const struct pat_ref *r)
{
    return r->flags;
}

const char *
pat_ref_about(const struct pat_ref *r)
{
    return r->about.p ? r->about.p : "";
}

void
pat_ref_info(struct pat_ref *r, unsigned *curr_ver, unsigned *next_ver, size_t *entries)
{
    pthread_mutex_lock(&r->lock);
    *curr_ver = r->curr_ver;
    *next_ver = r->next_ver;
    *entries = r->count;
    pthread_mutex_unlock(&r->lock);
}

void
pat_counts(unsigned long *added, unsigned long *freed)
{
    *added = atomic_load_explicit(&pat_added, memory_order_relaxed);
    *freed = atomic_load_explicit(&pat_freed, memory_order_relaxed);
}

/* ---- edits
 * ----------------------------------------------------------------------------------------------------------
 */

static bool
add_locked(struct pat_ref *r, uint64_t version, struct slice key, struct slice value, char **err)
{
    unsigned ver = version == PAT_CURRENT ? r->curr_ver : (unsigned)version;
    struct pat_elt *e;

    if (ver - r->curr_ver > r->next_ver - r->curr_ver) {
        *err = xasprintf("Version number in the %s", (int)(ver - r->curr_ver) > 0
                                                         ? "future, please use 'prepare acl' before"
                                                         : "past");
        return false;
    }
    e = pat_elt_add(r, ver, key, value, 0);
    if (!elt_compile(r, e, err)) {
        elt_remove(r, e);
        return false;
    }
    if (ver == r->curr_ver) {
        elt_match(e);
        return true;
    }
    while (e->pats) { /* it can be parsed; the sets get it when the version is committed */
        struct pat *p = e->pats;
        e->pats = p->elt_next;
        pat_free(p);
    }
    return true;
}

bool
pat_ref_add(struct pat_ref *r, uint64_t version, struct slice key, struct slice value, char **err)
{
    bool ok;

    pthread_mutex_lock(&r->lock);
    ok = add_locked(r, version, key, value, err);
    pthread_mutex_unlock(&r->lock);
    return ok;
}

unsigned
pat_ref_del(struct pat_ref *r, struct slice key)
{
    struct pat_elt *e;
    unsigned n = 0;

    pthread_mutex_lock(&r->lock);
    while ((e = find_key(r, key, NULL))) {
        elt_unmatch(e);
        elt_remove(r, e);
        n++;
    }
    pthread_mutex_unlock(&r->lock);
    return n;
}

bool
pat_ref_del_id(struct pat_ref *r, uint64_t id)
{
    struct pat_elt *e;

    pthread_mutex_lock(&r->lock);
    e = find_id(r, id);
    if (e) {
        elt_unmatch(e);
        elt_remove(r, e);
    }
    pthread_mutex_unlock(&r->lock);
    return e != NULL;
}

/** Replaces the value of one entry, in all sets or in none. */
static bool
set_value(struct pat_elt *e, struct slice value, char **err)
{
    struct slice old = e->value;
    unsigned npats = 0, n = 0;
    struct pat_value **made;
    struct pat *p;
    bool ok = true;

    for (p = e->pats; p; p = p->elt_next)
        npats++;
    made = xcalloc(npats + 1, sizeof(*made));
    e->value = slice(xstrndup(value.len ? value.p : "", value.len), value.len);
    for (p = e->pats; p && ok; p = p->elt_next)
        ok = pat_value_make(p->set, e, &made[n++], err);
    n = 0;
    for (p = e->pats; p && ok; p = p->elt_next) {
        made[n] = atomic_exchange_explicit(&p->value, made[n], memory_order_acq_rel);
        if (made[n])
            epoch_retire(free, made[n]);
        made[n++] = NULL;
    }
    for (n = 0; n < npats; n++)
        free(made[n]);
    free(made);
    free((char *)(ok ? old.p : e->value.p)); /* sets have their own copies */
    if (!ok)
        e->value = old;
    return ok;
}

static bool
set_locked(struct pat_ref *r, struct slice key, struct slice value, unsigned *n, char **err)
{
    *n = 0;
    for (struct pat_elt *e = find_key(r, key, NULL); e; e = find_key(r, key, e)) {
        if (!set_value(e, value, err))
            return false;
        ++*n;
    }
    return true;
}

bool
pat_ref_set(struct pat_ref *r, struct slice key, struct slice value, char **err)
{
    unsigned n;
    bool ok;

    pthread_mutex_lock(&r->lock);
    ok = set_locked(r, key, value, &n, err);
    pthread_mutex_unlock(&r->lock);
    if (ok && n == 0)
        *err = xstrdup("entry not found");
    return ok && n;
}

bool
pat_ref_set_id(struct pat_ref *r, uint64_t id, struct slice value, char **err)
{
    struct pat_elt *e;
    bool ok = false;

    pthread_mutex_lock(&r->lock);
    e = find_id(r, id);
    if (e)
        ok = set_value(e, value, err);
    else
        *err = xstrdup("entry not found");
    pthread_mutex_unlock(&r->lock);
    return ok;
}

bool
pat_ref_has(struct pat_ref *r, struct slice key)
{
    bool has;

    pthread_mutex_lock(&r->lock);
    has = find_key(r, key, NULL) != NULL;
    pthread_mutex_unlock(&r->lock);
    return has;
}

bool
pat_ref_put(struct pat_ref *r, struct slice key, struct slice value, char **err)
{
    unsigned n;
    bool ok;

    pthread_mutex_lock(&r->lock);
    ok = set_locked(r, key, value, &n, err);
    if (ok && n == 0)
        ok = add_locked(r, PAT_CURRENT, key, value, err);
    pthread_mutex_unlock(&r->lock);
    return ok;
}

/* ---- versions
 * ---------------------------------------------------------------------------------------------------------
 */

/** The patterns that the entries have in one set, taken from the entries' lists. */
static struct pat **
take_pats(struct pat_ref *r, const struct pat_set *s, unsigned *n)
{
    struct pat **pats = xcalloc(r->count + 1, sizeof(*pats));
    struct pat_elt *e;

    *n = 0;
    list_each (e, &r->elts, link) {
        for (struct pat **at = &e->pats; *at; at = &(*at)->elt_next) {
            if ((*at)->set == s) {
                pats[(*n)++] = *at;
                *at = (*at)->elt_next;
                break;
            }
        }
    }
    return pats;
}

/** Makes the entries of `version` the ones that a set matches: at once for sets over this list
 * alone; others see both versions for a moment. */
static void
switch_set(struct pat_ref *r, struct pat_link *l, unsigned version)
{
    struct pat_set *s = l->set;
    unsigned nold, n = 0;
    struct pat **old, **pats;
    struct pat_elt *e;
    char *err = NULL;

    pthread_mutex_lock(&s->lock);
    old = take_pats(r, s, &nold);
    pats = xcalloc(r->count + 1, sizeof(*pats));
    list_each (e, &r->elts, link) {
        struct pat *p = e->version == version ? pat_compile(s, e, l->index, &err) : NULL;
        free(err); /* it could be parsed when it was added, or for another set that came later: left
                      out then */
        err = NULL;
        if (!p)
            continue;
        p->elt_next = e->pats;
        e->pats = p;
        pats[n++] = p;
    }
    if (s->nlinks == 1) {
        pat_set_replace(s, old, nold, pats, n);
    } else {
        pat_set_add_pats(s, pats, n);
        for (unsigned i = 0; i < nold; i++)
            pat_set_del_pat(s, old[i]);
    }
    pthread_mutex_unlock(&s->lock);
    free(old);
    free(pats);
}

/** Removes entries; those of the current version are matched by nothing any more. */
static void
remove_versions(struct pat_ref *r, unsigned from, unsigned to)
{
    struct pat_elt *e, *tmp;

    list_each_safe (e, tmp, &r->elts, link) {
        if (e->version - from <= to - from) {
            elt_unmatch(e);
            elt_remove(r, e);
        }
    }
}

void
pat_ref_clear(struct pat_ref *r, uint64_t version)
{
    unsigned ver;
    struct pat_link *l;

    pthread_mutex_lock(&r->lock);
    ver = version == PAT_CURRENT ? r->curr_ver : (unsigned)version;
    if (ver == r->curr_ver) {
        unsigned n;
        list_each (l, &r->links, of_ref) {
            struct pat **old;
            if (l->set->family == FAM_NONE || l->set->nlinks != 1)
                continue;
            pthread_mutex_lock(&l->set->lock);
            old = take_pats(r, l->set, &n);
            pat_set_replace(l->set, old, n, NULL, 0);
            pthread_mutex_unlock(&l->set->lock);
            free(old);
        }
    }
    remove_versions(r, ver, ver);
    pthread_mutex_unlock(&r->lock);
}

unsigned
pat_ref_prepare(struct pat_ref *r)
{
    unsigned ver;

    pthread_mutex_lock(&r->lock);
    ver = ++r->next_ver;
    pthread_mutex_unlock(&r->lock);
    return ver;
}

bool
pat_ref_commit(struct pat_ref *r, unsigned version)
{
    struct pat_link *l;
    unsigned before;
    bool ok;

    pthread_mutex_lock(&r->lock);
    before = r->curr_ver;
    ok = version != before && version - before <= r->next_ver - before;
    if (ok) {
        list_each (l, &r->links, of_ref)
            if (l->set->family != FAM_NONE)
                switch_set(r, l, version);
        r->curr_ver = version;
        remove_versions(r, before, version - 1);
    }
    pthread_mutex_unlock(&r->lock);
    return ok;
}

void
pat_ref_giveup(struct pat_ref *r, unsigned version)
{
    pthread_mutex_lock(&r->lock);
    if (version != r->curr_ver)
        remove_versions(r, version, version);
    pthread_mutex_unlock(&r->lock);
}

/* ---- walking
 * ----------------------------------------------------------------------------------------------------------
 */

static void
iter_unlink(struct pat_iter *it)
{
    struct pat_iter **at = &it->ref->iters;

    while (*at && *at != it)
        at = &(*at)->next;
    if (*at)
        *at = it->next;
    it->ref = NULL;
}

bool
pat_iter_next(struct pat_iter *it, struct pat_ref *r, uint64_t version, struct arena *arena,
              struct pat_entry *out)
{
    struct pat_elt *e;
    unsigned ver;
    bool found = false;

    pthread_mutex_lock(&r->lock);
    if (!it->ref) {
        it->ref = r;
        it->at = list_first(&r->elts, struct pat_elt, link);
        it->next = r->iters;
        r->iters = it;
    }
    ver = version == PAT_CURRENT ? r->curr_ver : (unsigned)version;
    while ((e = it->at) && !found) {
        it->at = e->link.next == &r->elts ? NULL : list_entry(e->link.next, struct pat_elt, link);
        if (e->version != ver)
            continue;
        out->id = e->seq;
        out->key = slice(arena_slicedup(arena, e->key), e->key.len);
        out->value = e->value.p ? slice(arena_slicedup(arena, e->value), e->value.len) : SLICE_NONE;
        found = out->key.p != NULL;
    }
    if (!found)
        iter_unlink(it);
    pthread_mutex_unlock(&r->lock);
    return found;
}

void
pat_iter_fini(struct pat_iter *it)
{
    struct pat_ref *r = it->ref;

    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    iter_unlink(it);
    pthread_mutex_unlock(&r->lock);
}

static void
lookup_line(const struct pat_set *s, const struct pat *p, bool map, struct text *out)
{
    struct sample v = { .flags = 0 };
    struct sample_ctx x = { .tmp = sample_tmp() };
    bool tree = s->family == FAM_IP ||
                (!(s->flags & PSF_ICASE) && (s->match == PM_STR || s->match == PM_BEG));

    text_printf(out, "type=%s, case=%s", pat_match_name(s->match),
                s->flags & PSF_ICASE ? "insensitive" : "sensitive");
    text_printf(out, map ? ", found=%s" : ", match=%s", p ? "yes" : "no");
    if (p) {
        text_printf(out, ", idx=%s, %s=\"", tree ? "tree" : "list", map ? "key" : "pattern");
        text_slice(out, pat_key(p));
        text_char(out, '"');
        if (map && !pat_value(p, &v)) {
            text_str(out, ", value=none");
        } else if (map) {
            const char *type = sample_type_name(v.type);
            if (sample_cast(&v, SMP_STR, &x))
                text_printf(out, ", value=\"%.*s\", type=\"%s\"", SLF(v.u.s), type);
            else
                text_str(out, ", value=cannot-display");
        }
    }
    text_char(out, '\n');
}

void
pat_ref_lookup(struct pat_ref *r, struct slice value, struct text *out)
{
    bool map = r->flags & PREF_MAP;
    struct sample_ctx x = { .tmp = sample_tmp() };
    struct pat_link *l;

    pthread_mutex_lock(&r->lock);
    list_each (l, &r->links, of_ref) {
        struct sample v = { .type = SMP_STR, .flags = SMPF_CONST, .u.s = value };
        const struct pat *p = NULL;
        if (l->set->family == FAM_NONE)
            continue;
        if (sample_cast(&v, pat_match_type(l->set->match), &x))
            p = pat_set_match(l->set, &v, map ? PICK_MAP : PICK_FIRST);
        lookup_line(l->set, p, map, out);
    }
    pthread_mutex_unlock(&r->lock);
}
