/* test_conv_ref.c - every expression of tests/diff/conv_cases.txt gives what the reference gave
 * when it was recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv_fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum ref_kind { REF_VALUE, REF_NONE, REF_ERROR };

struct ref {
    const char *expr;
    enum ref_kind kind;
    const char *text;
};

#include "conv_ref.h"

static void
preset(void)
{
    struct sample s;

    conv_reset();
    for (unsigned i = 0; presets[i]; i++)
        assert_true(conv_eval_sample(presets[i], &s));
}

static bool
check(const struct ref *r)
{
    static const char *const names[] = { "value", "none", "error" };
    struct slice text = SLICE_NONE;

    preset();
    enum conv_result got = conv_eval(r->expr, &text);
    if ((int)got == (int)r->kind && (r->kind == REF_NONE || slice_eq_str(text, r->text)))
        return true;
    print_message("%s\n    expected %s '%s'\n    got      %s '%.*s'\n", r->expr, names[r->kind],
                  r->text, names[got], SLF(text));
    return false;
}

static void
test_all(void **state)
{
    unsigned wrong = 0;

    conv_setup();
    for (unsigned i = 0; i < COUNT_OF(refs); i++)
        wrong += !check(&refs[i]);
    conv_teardown();
    assert_int_equal(wrong, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_all) };

    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests_name("conv_ref", tests, NULL, NULL);
}
