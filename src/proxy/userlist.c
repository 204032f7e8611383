/* userlist.c - userlist sections: users, groups, passwords (manual 3.4).
 *
 * crypt(3) is made to be slow. A thread therefore remembers, under a keyed digest that is worthless
 * outside of the process, the passwords it has verified. */
#include "proxy/userlist.h"

#include "proxy/proxy_module.h"
#include "tls/digest.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define CACHE_SIZE   256u /* verified passwords per thread, a power of two */
#define PASSWORD_MAX 512u /* longer ones are wrong */
#define SLOW_HASH_MS 50   /* verification times from which on the configuration gets a warning */

/* ---- section ---- */

static const char *
bad_char(const char *name)
{
    for (; *name; name++)
        if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
              (*name >= '0' && *name <= '9') || strchr(".:-_", *name)))
            return name;
    return NULL;
}

struct userlist *
userlist_find(struct config *cf, const char *name)
{
    struct userlist *l;

    list_each (l, &cf->userlists, link)
        if (strcmp(l->name, name) == 0)
            return l;
    return NULL;
}

static enum cfg_rc
begin_userlist(struct cfg *c)
{
    const char *name = cfg_arg(c, 1), *bad = bad_char(name);

    if (!*name)
        return cfg_error(c, 0, DIAG_TIGHT "'%s' expects <name> as arguments.", cfg_arg(c, 0));
    if (c->nwords > 2)
        return cfg_error(c, 2, "'%s' cannot handle unexpected argument '%s'.", cfg_arg(c, 0),
                         cfg_arg(c, 2));
    if (bad)
        return cfg_error(c, 1, DIAG_TIGHT "character '%c' is not permitted in '%s' name '%s'.",
                         *bad, cfg_arg(c, 0), name);
    struct userlist *l = ARENA_NEW(c->arena, struct userlist);
    l->name = name;
    l->loc = c->loc;
    list_init(&l->users);
    list_init(&l->groups);
    if (userlist_find(c->config, name))
        cfg_warn(c, 1, DIAG_TIGHT "ignoring duplicated userlist '%s'.",
                 name); /* read, and never found */
    list_push_back(&c->config->userlists, &l->link);
    c->obj = l;
    c->section_name = name;
    return CFG_OK;
}

static struct user_group *
find_group(const struct userlist *l, struct slice name)
{
    struct user_group *g;

    list_each (g, &l->groups, link)
        if (slice_eq_str(name, g->name))
            return g;
    return NULL;
}

static enum cfg_rc
parse_group(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct userlist *l = obj;
    const char *name = cfg_arg(c, *at);

    if (!*name)
        return cfg_error(c, 0, DIAG_TIGHT "'%s' expects <name> as arguments.", kw->name);
    struct user_group *g = ARENA_NEW(c->arena, struct user_group);
    g->name = name;
    for ((*at)++; *at < c->nwords; *at += 2) {
        if (!cfg_arg_is(c, *at, "users"))
            return cfg_error(c, *at, DIAG_TIGHT "'%s' only supports 'users' option.", kw->name);
        g->users_text = cfg_arg(c, *at + 1);
    }
    *at = c->nwords;
    if (find_group(l, slice_str(name)))
        cfg_warn(c, 1, DIAG_TIGHT "ignoring duplicated group '%s' in userlist '%s'.", name,
                 l->name);
    else
        list_push_back(&l->groups, &g->link);
    return CFG_OK;
}

static enum cfg_rc
parse_user_options(struct cfg *c, const struct keyword *kw, struct user *u, unsigned *at)
{
    for ((*at)++; *at < c->nwords; *at += 2) {
        bool clear = cfg_arg_is(c, *at, "insecure-password");
        if (clear || cfg_arg_is(c, *at, "password")) {
            u->password = cfg_arg(c, *at + 1);
            u->clear = clear;
        } else if (cfg_arg_is(c, *at, "groups")) {
            u->groups_text = cfg_arg(c, *at + 1);
        } else {
            return cfg_error(
                c, *at,
                DIAG_TIGHT
                "'%s' only supports 'password', 'insecure-password' and 'groups' options.",
                kw->name);
        }
    }
    *at = c->nwords;
    return CFG_OK;
}

static __thread struct crypt_data *crypt_memory; /* 32 KiB */

static bool
crypt_matches(const char *hash, const char *password)
{
    if (!crypt_memory && !(crypt_memory = calloc(1, sizeof(*crypt_memory))))
        return false;
    /* Unlike crypt_r(), crypt_rn() says plainly when it does not know the method. */
    const char *made = crypt_rn(password, hash, crypt_memory, sizeof(*crypt_memory));
    return made && strcmp(made, hash) == 0;
}

/* How long a wrong password will hold a thread up. */
static void
measure_hash(struct cfg *c, const struct user *u)
{
    struct timespec a, b;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    crypt_matches(u->password, "steelyard");
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    int64_t ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
    if (ms >= SLOW_HASH_MS)
        cfg_warn(c, 1,
                 "verifying the password of user '%s' takes %d ms: each wrong password stops a "
                 "thread that long.",
                 u->name, (int)ms);
}

static enum cfg_rc
parse_user(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct userlist *l = obj;
    const char *name = cfg_arg(c, *at);

    if (!*name)
        return cfg_error(c, 0, DIAG_TIGHT "'%s' expects <name> as arguments.", kw->name);
    struct user *u = ARENA_NEW(c->arena, struct user);
    u->name = name;
    u->loc = c->loc;
    if (parse_user_options(c, kw, u, at) != CFG_OK)
        return CFG_ERR;
    if (u->password && !u->clear)
        measure_hash(c, u);
    list_push_back(&l->users, &u->link);
    l->nusers++;
    return CFG_OK;
}

/* ---- users and groups find each other ---- */

static int
order(const void *a, const void *b)
{
    const struct user *x = *(struct user *const *)a, *y = *(struct user *const *)b;
    int d = strcmp(x->name, y->name);

    return d ? d : (x->loc.line > y->loc.line) - (x->loc.line < y->loc.line);
}

/* The first of users with the same name counts. */
static void
sort_users(struct cfg *c, struct userlist *l)
{
    struct user *u;
    unsigned n = 0, kept = 0;

    l->sorted = ARENA_ARRAY(c->arena, struct user *, l->nusers + 1);
    list_each (u, &l->users, link)
        l->sorted[n++] = u;
    qsort(l->sorted, n, sizeof(struct user *), order);
    for (unsigned i = 0; i < n; i++) {
        if (kept && strcmp(l->sorted[kept - 1]->name, l->sorted[i]->name) == 0)
            cfg_warn_at(c, &l->sorted[i]->loc,
                        DIAG_TIGHT "ignoring duplicated user '%s' in userlist '%s'.",
                        l->sorted[i]->name, l->name);
        else
            l->sorted[kept++] = l->sorted[i];
    }
    l->nusers = kept;
}

static int
compare_name(const void *key, const void *elt)
{
    return slice_cmp(*(const struct slice *)key, slice_str((*(struct user *const *)elt)->name));
}

static struct user *
find_user(const struct userlist *l, struct slice name)
{
    struct user **u =
        l->nusers ? bsearch(&name, l->sorted, l->nusers, sizeof(struct user *), compare_name)
                  : NULL;

    return u ? *u : NULL;
}

static void
join(struct cfg *c, struct user *u, struct user_group *g, unsigned ngroups)
{
    for (unsigned i = 0; i < u->ngroups; i++)
        if (u->groups[i] == g)
            return;
    if (!u->groups)
        u->groups = ARENA_ARRAY(c->arena, struct user_group *, ngroups);
    u->groups[u->ngroups++] = g;
}

static void
resolve(struct cfg *c, struct userlist *l)
{
    struct user_group *g;
    struct user *u;
    unsigned ngroups = 0;

    list_each (g, &l->groups, link)
        ngroups++;
    list_each (g, &l->groups, link) {
        struct slice rest = slice_str(g->users_text);
        while (rest.p && rest.len) {
            struct slice name = slice_cut(rest, ',', &rest);
            u = find_user(l, name);
            if (u)
                join(c, u, g, ngroups);
            else
                cfg_error_at(c, NULL, "userlist '%s': no such user '%.*s' specified in group '%s'",
                             l->name, SLF(name), g->name);
        }
    }
    list_each (u, &l->users, link) {
        struct slice rest = slice_str(u->groups_text);
        while (rest.p && rest.len) {
            struct slice name = slice_cut(rest, ',', &rest);
            g = find_group(l, name);
            if (g)
                join(c, u, g, ngroups);
            else
                cfg_error_at(c, NULL, "userlist '%s': no such group '%.*s' specified in user '%s'",
                             l->name, SLF(name), u->name);
        }
    }
}

static void
check(struct cfg *c)
{
    struct userlist *l;

    list_each (l, &c->config->userlists, link) {
        sort_users(c, l);
        resolve(c, l);
    }
}

/* ---- verification ---- */

#define KEY_SIZE 32u

struct verified {
    const struct user *user;
    unsigned char digest[KEY_SIZE]; /* HMAC of the password */
};

static __thread struct verified *cache; /* [CACHE_SIZE] */
static char key[KEY_SIZE];              /* drawn once, before threads start */
static const struct digest *sha256;

static bool
digest_of(struct slice password, unsigned char to[DIGEST_MAX])
{
    return sha256 && digest_hmac(sha256, slice(key, sizeof(key)), password, to) == KEY_SIZE;
}

static struct verified *
place_of(const unsigned char *digest)
{
    if (!cache)
        cache = calloc(CACHE_SIZE, sizeof(*cache));
    return cache ? &cache[digest[0] & (CACHE_SIZE - 1)] : NULL;
}

static bool
verify_hash(const struct user *u, struct slice password)
{
    char text[PASSWORD_MAX + 1];
    unsigned char digest[DIGEST_MAX];

    if (password.len > PASSWORD_MAX || memchr(password.p, '\0', password.len))
        return false;
    struct verified *v = digest_of(password, digest) ? place_of(digest) : NULL;
    if (v && v->user == u && memcmp(v->digest, digest, KEY_SIZE) == 0)
        return true;
    memcpy(text, password.p, password.len);
    text[password.len] = '\0';
    bool ok = crypt_matches(u->password, text);
    explicit_bzero(text, sizeof(text));
    if (ok && v) {
        v->user = u;
        memcpy(v->digest, digest, KEY_SIZE);
    }
    return ok;
}

/* The time does not tell how much of the password was right. */
static bool
verify_clear(const struct user *u, struct slice password)
{
    size_t len = strlen(u->password);
    unsigned char diff = len != password.len;

    for (size_t i = 0; i < password.len; i++)
        diff |= (unsigned char)(password.p[i] ^ u->password[len ? i % len : 0]);
    return !diff;
}

const struct user *
userlist_verify(const struct userlist *l, struct slice name, struct slice password)
{
    const struct user *u = find_user(l, name);

    if (!u || !u->password || !password.p)
        return NULL;
    return (u->clear ? verify_clear : verify_hash)(u, password) ? u : NULL;
}

/* ---- module ---- */

static void
set_defaults(struct config *cf)
{
    userlist_lookup = userlist_find;
}

static bool
start(struct config *cf)
{
    sha256 = digest_find("sha256");
    if (list_empty(&cf->userlists) || getrandom(key, sizeof(key), 0) == (ssize_t)sizeof(key))
        return true;
    perror("steelyard: no random bytes from the kernel");
    return false;
}

static void
thread_stop(struct config *cf)
{
    free(cache);
    cache = NULL;
    free(crypt_memory);
    crypt_memory = NULL;
}

static void
stop(struct config *cf)
{
    explicit_bzero(key, sizeof(key));
}

static const struct section sections[] = {
    { "userlist", "<name>", IN_USERLIST, begin_userlist, NULL, NULL,
      "users that may authenticate" },
    { 0 },
};

static const struct keyword keywords[] = {
    { .name = "group",
      .args = "<name> [users <user>[,<user>]*]",
      .where = IN_USERLIST,
      .parse = parse_group,
      .help = "a group of users" },
    { .name = "user",
      .args = "<name> [password <hash>|insecure-password <text>] [groups <group>[,<group>]*]",
      .where = IN_USERLIST,
      .parse = parse_user,
      .help = "a user and the password" },
    { 0 },
};

const struct module userlist_module = {
    .name = "userlist",
    .sections = sections,
    .keywords = keywords,
    .defaults = set_defaults,
    .check = check,
    .start = start,
    .thread_stop = thread_stop,
    .stop = stop,
};
