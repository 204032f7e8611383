/* test_regex.c - matching, required literals against PCRE2 itself, replacement as HAProxy and sed
 * do it. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "sample/regex_int.h"

#include <pcre2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct regex *
compile(const char *pattern, unsigned flags)
{
    char *err = NULL;
    struct regex *re = regex_new(slice_str(pattern), flags, &err);

    if (!re)
        fail_msg("%s", err);
    return re;
}

static void
test_matching(void **state)
{
    static const struct {
        const char *pattern, *text;
        unsigned flags;
        bool want;
    } rows[] = {
        { "^/a", "/abc", 0, true },
        { "^/a", "b/a", 0, false },
        { "^/A", "/abc", 0, false },
        { "^/A", "/abc", REGEX_ICASE, true },
        { "b", "abc", 0, true },
        { "(a)\\1", "aa", 0, true },
        { "", "x", 0, true },
        { "^$", "", 0, true },
        { "é", "caf\xc3\xa9", 0, true },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct regex *re = compile(rows[i].pattern, rows[i].flags);
        assert_int_equal(regex_match(re, slice_str(rows[i].text)), rows[i].want);
        regex_free(&re);
        assert_null(re);
    }
    regex_free(&(struct regex *){ NULL });
}

static void
test_invalid(void **state)
{
    char *err = NULL;

    assert_null(regex_new(SL("("), 0, &err));
    assert_string_equal(err,
                        "regex '(' is invalid (error=missing closing parenthesis, erroffset=1)");
    free(err);
}

static void
test_groups(void **state)
{
    struct regex *re = compile("(b)(x)?(c)", REGEX_CAPTURES);
    struct regex_captures cap;

    assert_true(regex_exec(re, SL("abc"), 0, &cap));
    assert_true(slice_eq_str(cap.group[0], "bc"));
    assert_true(slice_eq_str(cap.group[1], "b"));
    assert_null(cap.group[2].p);
    assert_true(slice_eq_str(cap.group[3], "c"));
    assert_null(cap.group[9].p);
    assert_false(regex_exec(re, SL("abc"), 2, &cap));
    assert_false(regex_exec(re, SL("abc"), 9, &cap));
    regex_free(&re);
    re = compile("(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", REGEX_CAPTURES); /* more than ten */
    assert_true(regex_exec(re, SL("abcdefghijk"), 0, &cap));
    assert_true(slice_eq_str(cap.group[9], "i"));
    regex_free(&re);
}

/** Results of HAProxy's regsub. */
static void
test_replacement(void **state)
{
    static const struct {
        const char *text, *pattern, *repl;
        bool all;
        const char *want;
    } rows[] = {
        { "abc", "(b)", "[\\1]", false, "a[b]c" },
        { "abc", "(b)(x)?", "[\\0\\1\\2\\3\\9]", false, "a[bb]c" },
        { "abc", "(b)", "\\x41\n\\z\\-", false, "aA\nz-c" },
        { "abc", "b", "$1&", false, "a$1&c" },
        { "aXbX", "X", "", true, "ab" },
        { "abc", "x*", "-", true, "-a-b-c-" },
        { "abc", "^", "-", true, "-abc" },
        { "abc", "$", "-", true, "abc-" },
        { "aaa", "^a", "-", true, "-aa" },
        { "abab", "(?<=a)b", "-", true, "a-a-" },
        { "foo", "o*", "-", true, "-f-" },
        { "foo", "o", "0", false, "f0o" },
        { "", "", "x", true, "x" },
        { "/////a///b", "/+", "/", true, "/a/b" },
        { "ab", "b", "\\", false, "a\\" },
        { "ab", "b", "\\x4", false, "ax4" },
        { "ab", "a\\Kb", "x", true, "ax" },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct regex *re = compile(rows[i].pattern, REGEX_CAPTURES);
        char buf[64];
        struct out o = OUT(buf);
        assert_true(regex_replace(re, slice_str(rows[i].text), slice_str(rows[i].repl), rows[i].all,
                                  &o, NULL));
        if (!slice_eq_str(out_slice(&o), rows[i].want))
            fail_msg("s/%s/%s/ of %s: %.*s", rows[i].pattern, rows[i].repl, rows[i].text,
                     (int)o.len, buf);
        regex_free(&re);
    }
}

static void
test_replacement_room(void **state)
{
    struct regex *re = compile("a", 0);
    char buf[8];
    struct out o = OUT(buf);

    assert_false(regex_replace(re, SL("aaaa"), SL("xxxx"), true, &o, NULL));
    assert_int_equal(o.len, 8);
    regex_free(&re);
}

static void
test_replacement_check(void **state)
{
    char *err = NULL;

    assert_true(regex_check_replacement(SL("a\\0\\x41\\-"), &err));
    assert_false(regex_check_replacement(SL("a\\"), &err));
    free(err);
    assert_false(regex_check_replacement(SL("\\x4"), &err));
    free(err);
}

/** Backtracking without end is given up. */
static void
test_limits(void **state)
{
    struct regex *re = compile("^(a+)+$", 0);
    char text[64];
    unsigned long before = regex_limit_count();

    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = 'b';
    assert_false(regex_match(re, slice(text, sizeof(text))));
    assert_int_equal(regex_limit_count(), before + 1);
    regex_free(&re);
}

static void
test_literals(void **state)
{
    static const struct {
        const char *pattern;
        const char *want; /* alternatives with '|', '^' in front when anchored, "" for none */
        bool icase;
    } rows[] = {
        { "^/p0/[a-z]+\\.html$", "^/p0/" },
        { "/p0/[a-z]+\\.html$", ".html" },
        { "abc", "abc" },
        { "abc?", "ab" },
        { "abc*d", "ab" },
        { "abc+d", "abc" },
        { "ab{2}c", "ab" },
        { "ab{0,2}cde", "cde" },
        { "\\.(gif|png|jpeg)$", "gif|png|jpeg" },
        { "(gif|p*|jpeg)$", "" },
        { "foo|bar", "foo|bar" },
        { "^foo|bar", "foo|bar" },
        { "^foo", "^foo" },
        { "^(foo|bar)", "foo|bar" },
        { "(foo)?bar", "bar" },
        { "(?:foo)+", "foo" },
        { "(?!foo)bar", "bar" },
        { "(?i)foo", "" },
        { "foo\\d+barbaz", "barbaz" },
        { "a.c", "" },
        { "\\Qfoo\\E", "" },
        { "(a)foo\\1", "" },
        { "FoO", "foo", true },
        { "[abc]def", "def" },
        { "[]x]def", "def" },
        { "[^]x]def", "def" },
        { "[[:alpha:]]def", "def" },
        { "[a\\]b]def", "def" },
        { "foo(?#bar)", "" },
        { "(?<n>foo)", "" },
        { "foo{", "" },
        { "a{,3}foo", "foo" },
        { "\\/api\\/v1", "/api/v1" },
        { "(*UTF)foo", "" },
        { "^", "" },
        { "^.*foobar", "foobar" },
        { "^a", "" },
        { "^ab.*longer", "^ab" },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct regex_lits l;
        struct text got = { 0 };
        regex_lits_find(slice_str(rows[i].pattern), rows[i].icase, &l);
        if (l.found.anchored)
            text_char(&got, '^');
        for (unsigned j = 0; j < l.found.n; j++) {
            if (j)
                text_char(&got, '|');
            text_slice(&got, l.found.s[j]);
        }
        if (strcmp(got.p ? got.p : "", rows[i].want) != 0)
            fail_msg("%s: '%s', want '%s'", rows[i].pattern, got.p ? got.p : "", rows[i].want);
        text_fini(&got);
        regex_lits_fini(&l);
    }
}

static uint64_t rng_state = 88172645463325252ull;

static unsigned
rnd(unsigned n)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (unsigned)(rng_state >> 33) % n;
}

static bool
has_required(const struct regex_literals *l, struct slice text, bool icase)
{
    for (unsigned i = 0; i < l->n; i++) {
        if (l->anchored ? (icase ? slice_starts_nocase(text, l->s[i]) : slice_starts(text, l->s[i]))
                        : (icase ? slice_search_nocase(text, l->s[i])
                                 : slice_search(text, l->s[i])) != SIZE_MAX)
            return true;
    }
    return l->n == 0;
}

/** Random patterns and texts: whatever matches has what is required. */
static void
test_literals_random(void **state)
{
    static const char *const parts[] = { "a",     "b",      "ab",   "ba",   "(",    ")",
                                         "(?:",   "|",      "?",    "*",    "+",    "{2}",
                                         "{0,1}", "{,2}",   "[ab]", "[^a]", ".",    "^",
                                         "$",     "\\.",    "\\w",  "\\b",  "(?=",  "(?!",
                                         "[]a]",  "[a\\]]", "aab",  "bba",  "(?i)", "\\1" };
    unsigned valid = 0, matched = 0;

    for (unsigned n = 0; n < 60000; n++) {
        char pattern[64] = "", text[16];
        char *err = NULL;
        unsigned k = 1 + rnd(9);
        bool icase = rnd(4) == 0;
        struct regex *re;

        for (unsigned i = 0; i < k; i++)
            strncat(pattern, parts[rnd(COUNT_OF(parts))], sizeof(pattern) - strlen(pattern) - 1);
        re = regex_new(slice_str(pattern), icase ? REGEX_ICASE : 0, &err);
        free(err);
        if (!re)
            continue;
        valid++;
        for (unsigned t = 0; t < 12; t++) {
            size_t len = rnd(sizeof(text));
            int code;
            PCRE2_SIZE at;
            for (size_t i = 0; i < len; i++)
                text[i] = "aabb.ABc"[rnd(8)];
            pcre2_code *pc = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                           icase ? PCRE2_CASELESS : 0, &code, &at, NULL);
            pcre2_match_data *md = pcre2_match_data_create(10, NULL);
            bool want = pcre2_match(pc, (PCRE2_SPTR)text, len, 0, 0, md, NULL) >= 0;
            pcre2_match_data_free(md);
            pcre2_code_free(pc);
            matched += want;
            if (want && !has_required(regex_required(re), slice(text, len), icase))
                fail_msg("'%s' matches '%.*s', but not its literals", pattern, (int)len, text);
            if (regex_match(re, slice(text, len)) != want)
                fail_msg("'%s' and '%.*s'", pattern, (int)len, text);
        }
        regex_free(&re);
    }
    assert_true(valid > 5000);
    assert_true(matched > 5000);
}

static int
teardown(void **state)
{
    regex_thread_fini();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching),         cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_groups),           cmocka_unit_test(test_replacement),
        cmocka_unit_test(test_replacement_room), cmocka_unit_test(test_replacement_check),
        cmocka_unit_test(test_limits),           cmocka_unit_test(test_literals),
        cmocka_unit_test(test_literals_random),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
