/* test_errors.c - every file of tests/config gives exactly the messages that its `# expect:` and `#
 * expect-own:` lines announce, in that order. tests/config/check-reference compares the former with
 * HAProxy. */
#include "cfg_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/** tests/config beside this file; meson runs tests in the build root, which __FILE__ is relative
 * to. */
static void
folder(char *buf, size_t size)
{
    const char *slash = strrchr(__FILE__, '/');

    snprintf(buf, size, "%.*s/../../config", slash ? (int)(slash - __FILE__) : 1,
             slash ? __FILE__ : ".");
}

static struct text
load(const char *dir, const char *name)
{
    char path[4096], buf[4096];
    struct text t = { 0 };
    size_t n;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
        text_mem(&t, buf, n);
    fclose(f);
    return t;
}

static struct text
expected(struct slice rest)
{
    struct text t = { 0 };

    while (rest.p) {
        struct slice line = slice_cut(rest, '\n', &rest);
        if (slice_starts(line, SL("# expect: ")))
            text_slice(&t, slice_sub(line, 10, line.len));
        else if (slice_starts(line, SL("# expect-own: ")))
            text_slice(&t, slice_sub(line, 14, line.len));
        else
            continue;
        text_char(&t, '\n');
    }
    return t;
}

static void
check_file(const char *dir, const char *name)
{
    struct text file = load(dir, name), want = expected(text_get(&file)), got = { 0 };
    struct cfg c;
    struct arena a;

    memset(&fixture, 0, sizeof(fixture));
    arena_init_config(&a);
    cfg_init(&c, NULL, &a);
    (void)cfg_read_text(&c, name, text_get(&file));
    fixture_lines(&c, &got);
    assert_string_equal(got.p ? got.p : "", want.p ? want.p : "");
    text_fini(&got);
    diags_print(&c.diags, &got, true); /* excerpts of anything must not trip */
    text_fini(&got);
    diags_print_json(&c.diags, &got);
    text_fini(&got);
    text_fini(&want);
    text_fini(&file);
    cfg_fini(&c);
    arena_fini(&a);
}

static void
test_files(void **state)
{
    char dir[4000];
    struct dirent **names;

    setenv("V", "val", 1);
    setenv("E", "", 1);
    setenv("L", "a b  c", 1);
    setenv("S", " lead trail ", 1);
    unsetenv("X");
    unsetenv("A");
    folder(dir, sizeof(dir));
    int n = scandir(dir, &names, NULL, alphasort), files = 0;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        if (slice_ends(slice_str(names[i]->d_name), SL(".cfg"))) {
            print_message("%s\n", names[i]->d_name);
            check_file(dir, names[i]->d_name);
            files++;
        }
        free(names[i]);
    }
    free(names);
    assert_true(files > 50);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_files) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
