/* acl_group.c - the values of the ACL keyword http_auth_group: groups that its userlist must have.
 * Manual 7.3.6. */
#include "base/arena.h"
#include "sample/acl_int.h"
#include "sample/args.h"

#define KEYWORD "http_auth_group"

/** A test whose values are looked at once the configuration was read. In its arena. */
struct group_test {
    struct list link;
    const struct acl *acl;
    const struct acl_expr *expr; /* NULL: refused */
    struct proxy *px;
    struct cfg *c;
    struct cfg_loc loc;
};

static _Thread_local struct list group_tests;

static struct list *
tests(void)
{
    if (!group_tests.next)
        list_init(&group_tests);
    return &group_tests;
}

void
acl_group_enter(struct cfg *c, struct proxy *px, const struct acl *acl, const struct acl_expr *e)
{
    struct group_test *t = ARENA_NEW(c->arena, struct group_test);

    *t = (struct group_test){ .acl = acl, .expr = e, .px = px, .c = c, .loc = c->loc };
    list_push_back(tests(), &t->link);
}

static void
report(const struct group_test *t, const char *what, struct slice name)
{
    const char *px = t->px && name_resolver.proxy_name ? name_resolver.proxy_name(t->px) : "";
    const char *acl = t->acl->name ? t->acl->name : "";

    if (name.p)
        cfg_error_at(t->c, &t->loc, DIAG_BARE "proxy %s: acl %s %s(): %s '%.*s'.", px, acl, KEYWORD,
                     what, SLF(name));
    else
        cfg_error_at(t->c, &t->loc, DIAG_BARE "proxy %s: acl %s %s(): %s.", px, acl, KEYWORD, what);
}

/** Checks the entries of one list; returns how many there are. */
static unsigned
check_list(const struct group_test *t, const struct userlist *users, struct pat_ref *r)
{
    struct pat_iter it = { 0 };
    struct pat_entry entry;
    unsigned n = 0;

    while (pat_iter_next(&it, r, PAT_CURRENT, t->c->arena, &entry)) {
        n++;
        if (!name_resolver.has_group(users, entry.key))
            report(t, "invalid group", entry.key);
    }
    return n;
}

static void
check_one(const struct group_test *t)
{
    const struct userlist *users;
    struct pat_ref *r;
    unsigned n = 0;

    if (!t->expr) {
        report(t, "no groups specified", SLICE_NONE);
        return;
    }
    users = expr_args(t->expr->expr)[0].u.users;
    if (!users || !name_resolver.has_group)
        return; /* reported already */
    for (unsigned i = 0; i < t->expr->nsets; i++)
        for (unsigned k = 0; (r = pat_set_ref(t->expr->set[i], k)); k++)
            n += check_list(t, users, r);
    if (n == 0)
        report(t, "no groups specified", SLICE_NONE);
}

void
acl_groups_check(struct cfg *c)
{
    struct group_test *t, *tmp;

    list_each_safe (t, tmp, tests(), link) {
        if (t->c != c)
            continue;
        list_del(&t->link);
        check_one(t);
    }
}

void
acl_groups_forget(void)
{
    list_init(&group_tests);
}
