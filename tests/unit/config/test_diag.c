/* test_diag.c - printing of diagnostics, suggestions, units. */
#include "config/cfg.h"
#include "config/units.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct cfg_loc loc = { "f", 7, 10, 13 };

/** Prints one diagnostic; the pid is replaced by P. */
static void
check_print(const struct cfg_loc *at, const char *excerpt, const char *text, const char *hint,
            const char *want)
{
    struct diags d;
    struct text t = { 0 };
    char pid[16], *p;

    diags_init(&d);
    struct diag *g = diags_add(&d, DIAG_ALERT, at, excerpt, "%s", text);
    if (hint)
        diag_hint(g, "%s", hint);
    diags_print(&d, &t, true);
    snprintf(pid, sizeof(pid), "(%d)", (int)getpid());
    p = strstr(t.p, pid);
    assert_non_null(p);
    memmove(p, p + strlen(pid), strlen(p + strlen(pid)) + 1);
    assert_string_equal(t.p, want);
    text_fini(&t);
    diags_fini(&d);
}

static void
test_print(void **state)
{
    check_print(&loc, " maxconn abc", "bad", "usage: maxconn <number>",
                "[ALERT]     : config : parsing [f:7] : bad\n  maxconn abc\n          ^~~\n"
                "  usage: maxconn <number>\n");
    check_print(&loc, NULL, DIAG_TIGHT "bad", NULL, "[ALERT]     : config : parsing [f:7]: bad\n");
    check_print(&loc, NULL, DIAG_PLAIN "bad", NULL, "[ALERT]     : config : [f:7] : bad\n");
    check_print(&loc, NULL, DIAG_BARE "bad", NULL, "[ALERT]     : config : bad\n");
    check_print(&loc, NULL, DIAG_CAPITAL "bad", NULL,
                "[ALERT]     : config : Parsing [f:7]: bad\n");
    check_print(NULL, NULL, DIAG_TIGHT "bad", NULL, "[ALERT]     : config : bad\n");
    struct cfg_loc wide = { "f", 1, 12, 15 };
    check_print(&wide, "a \xe4\xb8\xad\xe6\x96\x87 b xyz", "bad", "one\ntwo",
                "[ALERT]     : config : parsing [f:1] : bad\n  a \xe4\xb8\xad\xe6\x96\x87 b xyz\n"
                "           ^~~\n  one\n  two\n");
    struct cfg_loc missing = { "f", 1, 8, 9 };
    check_print(&missing, "bind x", "bad", NULL,
                "[ALERT]     : config : parsing [f:1] : bad\n  bind x\n         ^\n");
    struct cfg_loc beyond = { "f", 1, 80, 90 };
    check_print(&beyond, "\x01\x80", "bad", NULL,
                "[ALERT]     : config : parsing [f:1] : bad\n  ??\n");
}

static void
test_long_line(void **state)
{
    char line[1001];
    struct diags d;
    struct text t = { 0 };

    memset(line, 'x', 1000);
    line[1000] = '\0';
    diags_init(&d);
    for (unsigned col = 0; col < 1010; col++) {
        struct cfg_loc at = { "f", 1, col, col + 500 };
        diags_add(&d, DIAG_WARNING, &at, line, "w");
    }
    diags_print(&d, &t, false);
    assert_true(t.len < 1010 * 400);
    assert_int_equal(d.warnings, 1010);
    text_fini(&t);
    diags_fini(&d);
}

static void
test_levels(void **state)
{
    struct diags d;
    struct text t = { 0 };

    diags_init(&d);
    diags_add(&d, DIAG_NOTICE, NULL, NULL, "n");
    diags_add(&d, DIAG_DIAG, NULL, NULL, "d");
    diags_print(&d, &t, false);
    assert_int_equal(t.len, 0);
    diags_print(&d, &t, true);
    assert_non_null(strstr(t.p, "[NOTICE]   ("));
    assert_null(strstr(t.p, "[DIAG]"));
    d.show_diag = true;
    diags_print(&d, &t, false);
    assert_non_null(strstr(t.p, "[DIAG]     ("));
    text_fini(&t);
    diags_fini(&d);
}

static void
test_json(void **state)
{
    struct diags d;
    struct text t = { 0 };
    json_error_t e;

    diags_init(&d);
    diag_hint(diags_add(&d, DIAG_ALERT, &loc, "a\t\"b\" \xff\xc3\xa9\x01", "m\n\"%s\"", "\xed\xa0"),
              "h");
    diags_add(&d, DIAG_WARNING, NULL, NULL, "w");
    diags_print_json(&d, &t);
    json_t *j = json_loads(t.p, 0, &e);
    assert_non_null(j);
    assert_int_equal(json_array_size(j), 2);
    json_t *first = json_array_get(j, 0);
    assert_string_equal(json_string_value(json_object_get(first, "level")), "alert");
    assert_string_equal(json_string_value(json_object_get(first, "file")), "f");
    assert_int_equal(json_integer_value(json_object_get(first, "line")), 7);
    assert_int_equal(json_integer_value(json_object_get(first, "column")), 10);
    assert_int_equal(json_integer_value(json_object_get(first, "column_end")), 13);
    assert_string_equal(json_string_value(json_object_get(first, "hint")), "h");
    assert_true(json_is_null(json_object_get(json_array_get(j, 1), "file")));
    json_decref(j);
    text_fini(&t);
    diags_fini(&d);
}

static void
test_suggest(void **state)
{
    static const char *const names[] = { "maxconn", "mode",   "balance", "bind",        "log",
                                         "option",  "server", "timeout", "http-request" };
    static const struct {
        const char *wrong, *want;
    } rows[] = {
        { "maxcon", "maxconn" },
        { "balacne", "balance" },
        { "bnid", "bind" },
        { "http-reqest", "http-request" },
        { "sevrer", "server" },
        { "xyz", NULL },
        { "", NULL },
        { "lgo", "log" },
        { "a", NULL },
        { "timeuot", "timeout" },
        { "modes", "mode" },
        { "optional-thing", NULL },
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct suggest s;
        suggest_init(&s, rows[i].wrong);
        for (unsigned j = 0; j < COUNT_OF(names); j++)
            suggest_offer(&s, names[j]);
        const char *got = suggest_result(&s);
        assert_string_equal(got ? got : "none", rows[i].want ? rows[i].want : "none");
    }
    char huge[200];
    struct suggest s;
    memset(huge, 'a', sizeof(huge));
    huge[199] = '\0';
    suggest_init(&s, huge);
    suggest_offer(&s, huge);
    assert_null(suggest_result(&s));
}

static void
test_units(void **state)
{
    static const struct {
        const char *in;
        long long us; /* -1: refused */
    } times[] = {
        { "0", 0 },
        { "5", 5000 },
        { "5us", 5 },
        { "5ms", 5000 },
        { "5s", 5000000 },
        { "2m", 120000000 },
        { "1h", 3600000000ll },
        { "1d", 86400000000ll },
        { "", -1 },
        { "s", -1 },
        { "5x", -1 },
        { "1.5s", -1 },
        { "-1", -1 },
        { "5S", -1 },
        { "5sec", -1 },
        { "99999999999999999999", -1 },
        { "99999999999999d", -1 },
    };
    for (unsigned i = 0; i < COUNT_OF(times); i++) {
        uint64_t us = 0;
        const char *err = units_parse_time(slice_str(times[i].in), 1000, &us);
        assert_int_equal(err ? -1 : (long long)us, times[i].us);
    }
    static const struct {
        const char *in;
        long long size;
    } sizes[] = {
        { "0", 0 },        { "16384", 16384 },     { "16k", 16384 },
        { "1M", 1048576 }, { "2g", 2147483648ll }, { "", -1 },
        { "k", -1 },       { "1.5k", -1 },         { "1kb", -1 },
        { "1t", -1 },      { "-1", -1 },           { "99999999999999g", -1 },
    };
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        uint64_t n = 0;
        const char *err = units_parse_size(slice_str(sizes[i].in), &n);
        assert_int_equal(err ? -1 : (long long)n, sizes[i].size);
    }
    uint64_t us;
    char bad = 0;
    assert_int_equal(units_time(SL("5sec"), 1000, &us, &bad, NULL), UNIT_TRAILING);
    assert_int_equal(us, 5000000);
    assert_int_equal(bad, 'e');
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print),   cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_levels),  cmocka_unit_test(test_json),
        cmocka_unit_test(test_suggest), cmocka_unit_test(test_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
