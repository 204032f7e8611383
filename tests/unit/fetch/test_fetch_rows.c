/* test_fetch_rows.c - every row of every module: is it where the manual says, and of the manual's
 * type? */
#include "config/module.h"
#include "fetch_rows.h"
#include "sample/expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct row {
    const char *name;
    unsigned points;
    enum sample_type type;
} rows[] = {
#define X(name, where, type) { name, AT_##where, SMP_##type },
    FETCH_ROWS(X)
#undef X
};

static const struct row *
find_row(const char *name)
{
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

/* Rows that no manual knows. */
static bool
is_extra(const char *name)
{
    static const char *const names[] = { "lb.log_message", "ssl_fc_ja3", "ssl_fc_ja3_str",
                                         "ssl_fc_ja4",
                                         "http_auth_groups" /* of ACL http_auth_group */ };

    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static unsigned
check_fetch(const struct fetch *f)
{
    const struct row *r = find_row(f->name);
    unsigned bad = 0, points = fetch_needs_points(f->needs);

    if (!r) {
        if (is_extra(f->name))
            return 0;
        printf("%s: not in the manual\n", f->name);
        return 1;
    }
    if (points != r->points) {
        printf("%s: valid at %#x, the manual says %#x\n", f->name, points, r->points);
        bad++;
    }
    if (f->out != r->type) {
        printf("%s: type %s, the manual says %s\n", f->name, sample_type_name(f->out),
               sample_type_name(r->type));
        bad++;
    }
    if (!f->help || !*f->help || !f->fn) {
        printf("%s: no help or no function\n", f->name);
        bad++;
    }
    return bad;
}

static void
test_rows(void **state)
{
    unsigned bad = 0, n = 0;

    for (unsigned m = 0; modules[m]; m++)
        for (const struct fetch *f = modules[m]->fetches; f && f->name; f++, n++)
            bad += check_fetch(f);
    printf("%u fetches\n", n);
    assert_int_equal(bad, 0);
}

/* Two rows of one name: the second would never be found. */
static void
test_unique(void **state)
{
    for (unsigned m = 0; modules[m]; m++)
        for (const struct fetch *f = modules[m]->fetches; f && f->name; f++)
            assert_ptr_equal(fetch_find(slice_str(f->name)), f);
    expr_lookup_fini();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_unique),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
