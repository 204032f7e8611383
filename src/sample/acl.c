/* acl.c - parses ACLs: criterion, flags, operators, values. Manual 7.1. */
#include "sample/acl_int.h"

#include <stdlib.h>

/** One ACL expression while its words are read. */
struct reading {
    struct cfg *c;
    unsigned at, end;
    struct acl_expr *ae;
    const struct acl_alias *alias;
    bool has_match;         /* ae->match is known */
    bool says_match;        /* -m was there */
    bool dashes;            /* "--" was there */
    bool map_file;          /* -M */
    bool files;             /* -f was there */
    unsigned flags;         /* enum pat_set_flag */
    int id;                 /* -u, or -1 */
    struct pat_ref *values; /* those on the line */
};

struct acl *
acl_new(struct arena *arena, const char *name)
{
    struct acl *a = ARENA_NEW(arena, struct acl);

    a->name = name;
    a->end = &a->first;
    return a;
}

/* ---- the criterion
 * -------------------------------------------------------------------------------------------- */

static void
offer_alias(struct suggest *s, const char *name)
{
    suggest_offer(s, name);
}

/** Takes over *why. */
static char *
criterion_error(const struct reading *r, const char *word, char *why)
{
    char *all;

    if (r->alias)
        all = xasprintf("ACL keyword '%s' : %s", r->alias->name, why);
    else
        all = xasprintf("%s in ACL expression '%s'", why, word);
    free(why);
    return all;
}

static void
hint_alias(const char *word, size_t len)
{
    char *name = xstrndup(word, len);
    struct suggest s;

    if (!expr_hint() && len && !fetch_find(slice(word, len))) {
        suggest_init(&s, name);
        acl_alias_each(offer_alias, &s);
        expr_set_hint(suggest_result(&s));
    }
    free(name);
}

/** What matches by default, from the type of the result. */
static void
default_match(struct reading *r)
{
    static const struct {
        enum sample_type type;
        enum pat_match match;
    } defaults[] = {
        { SMP_BOOL, PM_BOOL }, { SMP_SINT, PM_INT }, { SMP_ADDR, PM_IP },
        { SMP_IPV4, PM_IP },   { SMP_IPV6, PM_IP },  { SMP_STR, PM_STR },
    };
    enum sample_type t = expr_type(r->ae->expr);

    if (r->alias && !expr_has_convs(r->ae->expr)) {
        r->ae->match = r->alias->match;
        r->has_match = true;
        return;
    }
    for (unsigned i = 0; i < COUNT_OF(defaults); i++) {
        if (defaults[i].type == t) {
            r->ae->match = defaults[i].match;
            r->has_match = true;
        }
    }
}

static void
warn_overwritten(const struct reading *r, unsigned word)
{
    if (r->alias && r->alias->suffixed)
        cfg_warn(
            r->c, word,
            "original matching method '%s' was overwritten and will not be applied as expected.",
            r->alias->name);
}

static bool
read_criterion(struct reading *r, struct proxy *px, char **err)
{
    const char *word = r->at < r->end ? r->c->word[r->at].s : "";
    size_t len = expr_name_len(word);
    const struct fetch *fetch = NULL;
    struct expr_criterion crit;

    r->alias = acl_alias_find(slice(word, len));
    if (r->alias)
        fetch = fetch_find(slice_str(r->alias->fetch));
    if (!fetch)
        r->alias = NULL;
    crit = (struct expr_criterion){ word, r->at, r->alias ? r->alias->name : NULL, fetch };
    r->ae->expr = expr_parse_acl(r->c, &crit, px, err);
    if (!r->ae->expr) {
        hint_alias(word, len);
        *err = criterion_error(r, word, *err);
        return false;
    }
    r->ae->keyword = r->alias ? r->alias->name : expr_fetch(r->ae->expr)->name;
    default_match(r);
    if (expr_has_convs(r->ae->expr))
        warn_overwritten(r, r->at);
    r->at++;
    return true;
}

/* ---- flags
 * ------------------------------------------------------------------------------------------------------
 */

static const char *
next_word(struct reading *r)
{
    return r->at < r->end ? r->c->word[r->at++].s : "";
}

/** Whether the method can be used with the type; once it is known. */
static bool
check_match(const struct reading *r, char **err)
{
    enum sample_type t = expr_type(r->ae->expr);

    if (!r->has_match) {
        *err = xasprintf("matching method must be specified first (using '-m') when using a sample "
                         "fetch of this type ('%s')",
                         r->ae->keyword);
        return false;
    }
    if (r->ae->match != PM_FOUND && !sample_can_cast(t, pat_match_type(r->ae->match))) {
        *err = xasprintf("matching method '%s' cannot be used with fetch keyword '%s'",
                         pat_match_name(r->ae->match), r->ae->keyword);
        return false;
    }
    return true;
}

static void
add_set(struct reading *r, struct pat_set *s)
{
    struct acl_expr *ae = r->ae;
    struct pat_set **more = ARENA_ARRAY(r->c->arena, struct pat_set *, ae->nsets + 1);

    if (ae->nsets)
        memcpy(more, ae->set, ae->nsets * sizeof(struct pat_set *));
    more[ae->nsets++] = s;
    ae->set = more;
}

static bool
flag_file(struct reading *r, char **err)
{
    const char *name = next_word(r);
    char *use;
    struct pat_ref *ref;
    struct pat_set *s;

    if (!check_match(r, err))
        return false;
    use = xasprintf("%s at file '%s' line %u", r->map_file ? "map" : "acl",
                    r->c->loc.file ? r->c->loc.file : "", r->c->loc.line);
    ref = pat_ref_open(name, r->map_file, use, err);
    free(use);
    if (!ref)
        return false;
    s = pat_set_get(ref, r->ae->match, r->flags, SMP_ANY, err);
    if (!s)
        return false;
    add_set(r, s);
    r->files = true;
    return true;
}

static bool
flag_match(struct reading *r, char **err)
{
    unsigned word = r->at - 1;
    const char *name = next_word(r);

    if (r->files) {
        *err = xstrdup("'-m' must only be specified before patterns and files in parsing ACL "
                       "expression");
        return false;
    }
    if (!pat_match_find(name, &r->ae->match)) {
        *err = xasprintf("unknown matching method '%s' when parsing ACL expression", name);
        return false;
    }
    if (!expr_has_convs(r->ae->expr))
        warn_overwritten(r, word);
    r->has_match = r->says_match = true;
    return check_match(r, err);
}

static bool
flag_id(struct reading *r, char **err)
{
    int64_t id;

    if (!slice_to_int(slice_str(next_word(r)), &id) || id < 0 || id > INT32_MAX) {
        *err = xstrdup("the argument of -u must be an integer");
        return false;
    }
    r->id = (int)id;
    return true;
}

static bool
read_flag(struct reading *r, char **err)
{
    const char *flag = next_word(r);

    switch (flag[1] && !flag[2] ? flag[1] : 0) {
    case '-':
        r->dashes = true;
        return true;
    case 'i':
        r->flags |= PSF_ICASE;
        return true;
    case 'n':
        r->flags |= PSF_NO_DNS;
        return true;
    case 'M':
        r->map_file = true;
        return true;
    case 'f':
        return flag_file(r, err);
    case 'm':
        return flag_match(r, err);
    case 'u':
        return flag_id(r, err);
    default:
        *err = xasprintf("'%s' is not a valid ACL option. Please use '--' before any pattern "
                         "beginning with a '-'",
                         flag);
        return false;
    }
}

static bool
read_flags(struct reading *r, char **err)
{
    while (!r->dashes && r->at < r->end && r->c->word[r->at].s[0] == '-')
        if (!read_flag(r, err))
            return false;
    return check_match(r, err);
}

/* ---- values
 * -------------------------------------------------------------------------------------------------------
 */

static bool
takes_operators(const struct acl_expr *ae)
{
    return ae->match == PM_INT || ae->match == PM_VER || ae->match == PM_LEN;
}

static bool
add_value(struct reading *r, enum pat_op op, const char *word, char **err)
{
    char buf[96];
    struct out o = OUT(buf);
    struct slice key = slice_str(word);

    if (op > POP_EQ && pat_op_apply(r->ae->match, op, key, &o))
        key = out_slice(&o);
    return pat_ref_add(r->values, PAT_CURRENT, key, SLICE_NONE, err);
}

static bool
read_values(struct reading *r, char **err)
{
    enum pat_op op = POP_NONE;

    for (; r->at < r->end; r->at++) {
        const char *word = r->c->word[r->at].s;
        enum pat_op is_op = takes_operators(r->ae) ? pat_op_find(word) : POP_NONE;

        if (is_op == POP_NE)
            cfg_warn(r->c, r->at,
                     "'ne' is no operator and works as 'eq' does; negate the condition "
                     "instead.");
        if (is_op) {
            op = is_op;
            r->dashes = true; /* as HAProxy: no warning about missing values */
        } else if (!add_value(r, op, word, err)) {
            return false;
        }
    }
    return true;
}

/** The list of the values on the line. Also made when there are none: the runtime API can add some.
 */
static bool
open_values(struct reading *r, char **err)
{
    char *about = xasprintf("acl '%s' file '%s' line %u", r->ae->keyword,
                            r->c->loc.file ? r->c->loc.file : "", r->c->loc.line);

    r->values = pat_ref_new(r->id, about, err);
    free(about);
    return r->values != NULL;
}

static void
warn_empty(const struct reading *r, unsigned from)
{
    if (r->dashes || r->files || r->ae->match == PM_FOUND || r->ae->match == PM_BOOL)
        return;
    cfg_warn(r->c, from,
             "parsing acl keyword '%s' :\n"
             "  no pattern to match against were provided, so this ACL will never match.\n"
             "  If this is what you intended, please add '--' to get rid of this warning.\n"
             "  If you intended to match only for existence, please use '-m found'.\n"
             "  If you wanted to force an int to match as a bool, please use '-m bool'.\n",
             r->c->word[from].s);
}

/* ---- expressions of an ACL
 * ------------------------------------------------------------------------------------------ */

/** An expression of the ACL that does the same, so that one index holds the values of both lines.
 */
static struct acl_expr *
find_alike(const struct acl *acl, const struct acl_expr *ae, unsigned flags)
{
    for (struct acl_expr *o = acl->first; o; o = o->next)
        if (o->match == ae->match && o->inlined &&
            pat_set_is_icase(o->inlined) == !!(flags & PSF_ICASE) && !(flags & PSF_NO_DNS) &&
            expr_same(o->expr, ae->expr) && expr_is_pure(o->expr))
            return o;
    return NULL;
}

/** Gives the values to the index of an earlier line, or to a new one. */
static bool
place(struct reading *r, struct acl *acl, char **err)
{
    struct acl_expr *ae = r->ae, *o = NULL;

    if (ae->match != PM_FOUND && ae->match != PM_BOOL)
        o = find_alike(acl, ae, r->flags);
    if (o) {
        r->ae = o;
        for (unsigned i = 0; i < ae->nsets; i++)
            add_set(r, ae->set[i]);
        o->text = arena_printf(r->c->arena, "%s | %s", o->text, ae->text);
        return pat_set_attach(o->inlined, r->values, err);
    }
    ae->inlined = pat_set_new(ae->match, r->flags);
    if (!pat_set_attach(ae->inlined, r->values, err))
        return false;
    add_set(r, ae->inlined);
    *acl->end = ae;
    acl->end = &ae->next;
    return true;
}

static const char *
join_words(struct cfg *c, unsigned from, unsigned to)
{
    struct text t = { 0 };
    const char *joined;

    for (unsigned i = from; i < to; i++) {
        if (i > from)
            text_char(&t, ' ');
        text_str(&t, c->word[i].s);
    }
    joined = arena_slicedup(c->arena, text_get(&t));
    text_fini(&t);
    return joined;
}

bool
acl_expr_parse(struct acl_words *w, struct proxy *px, struct acl *acl, char **err)
{
    struct reading r = {
        .c = w->c,
        .at = w->from,
        .end = w->to,
        .ae = ARENA_NEW(w->c->arena, struct acl_expr),
        .id = -1,
    };
    bool ok, has_values;

    ok = read_criterion(&r, px, err) && read_flags(&r, err) && open_values(&r, err);
    has_values = r.at < r.end;
    if (ok) {
        r.ae->type = pat_match_type(r.ae->match);
        r.ae->text = join_words(w->c, w->from, w->to);
        ok = place(&r, acl, err) && read_values(&r, err);
        if (ok && r.alias && r.alias->groups && !expr_has_convs(r.ae->expr))
            acl_group_enter(w->c, px, acl, r.says_match ? NULL : r.ae);
    }
    w->at = r.at < w->to ? r.at : w->from;
    if (ok && !has_values)
        warn_empty(&r, w->from);
    return ok;
}

/* ---- named ACLs
 * ---------------------------------------------------------------------------------------------------------
 */

static bool
name_is_good(struct cfg *c, unsigned at)
{
    const char *name = cfg_arg(c, at);

    if (*name == '\0') {
        cfg_error(c, at, "missing ACL name.");
        return false;
    }
    for (const char *p = name; *p; p++) {
        unsigned char l = ascii_lower((unsigned char)*p);
        if (!(l >= 'a' && l <= 'z') && !(l >= '0' && l <= '9') && !strchr("_-.:", (char)l)) {
            cfg_error(c, at, "character '%c' is not permitted in acl name '%s'.", *p, name);
            return false;
        }
    }
    if (strcmp(name, "or") == 0) {
        cfg_error(c, at,
                  "acl name '%s' will never match. 'or' is used to express a logical "
                  "disjunction within a condition.",
                  name);
        return false;
    }
    return true;
}

#define BUCKETS_MIN 8u

static uint32_t
hash_name(struct slice name)
{
    uint32_t h = 2166136261u; /* FNV-1a: names are the administrator's */

    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char)name.p[i]) * 16777619u;
    return h;
}

static struct acl *
list_get(const struct acl_list *l, struct slice name)
{
    struct acl *a = l && l->nbuckets ? l->bucket[hash_name(name) & (l->nbuckets - 1)] : NULL;

    while (a && !slice_eq_str(name, a->name))
        a = a->hash_next;
    return a;
}

static void
list_link(struct acl_list *l, struct acl *a)
{
    struct acl **head = &l->bucket[hash_name(slice_str(a->name)) & (l->nbuckets - 1)];

    a->hash_next = *head;
    *head = a;
}

/** Enters a new ACL; the list is made on first use. */
static void
list_put(struct acl_list **list, struct acl *a, struct arena *arena)
{
    struct acl_list *l = *list;

    if (!l) {
        l = *list = ARENA_NEW(arena, struct acl_list);
        l->end = &l->first;
    }
    *l->end = a;
    l->end = &a->list_next;
    if (++l->n <= l->nbuckets) {
        list_link(l, a);
        return;
    }
    l->nbuckets = l->nbuckets ? l->nbuckets * 2 : BUCKETS_MIN;
    l->bucket = ARENA_ARRAY(arena, struct acl *, l->nbuckets);
    for (a = l->first; a; a = a->list_next)
        list_link(l, a);
}

enum cfg_rc
acl_parse(struct cfg *c, unsigned at, struct acl_list **list, struct proxy *px)
{
    struct acl *acl;
    const char *name;
    char *err = NULL;
    struct acl_words w = { .c = c, .from = at + 1, .to = c->nwords };

    if (!name_is_good(c, at))
        return CFG_ERR;
    name = c->word[at].s;
    acl = list_get(*list, slice_str(name));
    if (!acl) {
        acl = acl_new(c->arena, arena_strdup(c->arena, name));
        list_put(list, acl, c->arena);
    }
    if (acl_expr_parse(&w, px, acl, &err))
        return CFG_OK;
    cfg_error(c, w.at, "error detected while parsing ACL '%s' : %s.", name, err);
    if (expr_hint())
        cfg_hint(c, "%s", expr_hint());
    free(err);
    return CFG_ERR;
}

void
acl_inherit(struct acl_list **to, const struct acl_list *from, struct arena *arena)
{
    for (const struct acl *theirs = from ? from->first : NULL; theirs; theirs = theirs->list_next) {
        struct acl *mine = acl_new(arena, theirs->name);
        for (const struct acl_expr *e = theirs->first; e; e = e->next) {
            struct acl_expr *copy = ARENA_NEW(arena, struct acl_expr);
            *copy = *e;
            copy->next = NULL;
            copy->inlined = NULL; /* theirs: not to be extended */
            *mine->end = copy;
            mine->end = &copy->next;
        }
        list_put(to, mine, arena);
    }
}

const struct acl *
acl_list_get(const struct acl_list *l, struct slice name)
{
    return list_get(l, name);
}

const struct acl *
acl_find(struct cfg *c, const struct acl_list *list, struct slice name, char **err)
{
    const struct acl *a = list_get(list, name);

    return a ? a : acl_predefined(c, name, err);
}
