/* test_uri.c - parts of targets, percent encoding, parameters, normalisers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/uri.h"

static void
test_split(void **state)
{
    /* NULL: the part is absent (p == NULL), for paths: empty */
    static const struct {
        const char *target, *scheme, *authority, *path, *query, *pathq;
    } rows[] = {
        { "/", NULL, NULL, "/", NULL, "/" },
        { "/?", NULL, NULL, "/", "", "/?" },
        { "/a?b?c", NULL, NULL, "/a", "b?c", "/a?b?c" },
        { "//x/y", NULL, NULL, "//x/y", NULL, "//x/y" },
        { "/a:b", NULL, NULL, "/a:b", NULL, "/a:b" },
        { "http://h", "http", "h", "", NULL, "" },
        { "http://h?x", "http", "h", "", "x", "" },
        { "http://h/", "http", "h", "/", NULL, "/" },
        { "http://h:99/p?q", "http", "h:99", "/p", "q", "/p?q" },
        { "http://[::1]:99/p?q", "http", "[::1]:99", "/p", "q", "/p?q" },
        { "foo://h:9", "foo", "h:9", "", NULL, "" },
        { "http:///x", "http", "", "/x", NULL, "/x" },
        { "*", NULL, NULL, "", NULL, "" },
        { "a:1", NULL, "a:1", "", NULL, "" },
        { "", NULL, NULL, "", NULL, "" },
        { "?a", NULL, NULL, "", "a", "" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice t = slice_str(rows[i].target);
        struct http_uri u = http_uri_split(t);
        bool ok = slice_eq_str(u.scheme, rows[i].scheme) && !u.scheme.p == !rows[i].scheme &&
                  slice_eq_str(u.authority, rows[i].authority) &&
                  !u.authority.p == !rows[i].authority && slice_eq_str(u.path, rows[i].path) &&
                  slice_eq_str(u.query, rows[i].query) && !u.query.p == !rows[i].query &&
                  slice_eq_str(http_uri_pathq(t), rows[i].pathq);
        if (!ok)
            fail_msg("\"%s\": [%.*s] [%.*s] [%.*s] [%.*s]", rows[i].target, SLF(u.scheme),
                     SLF(u.authority), SLF(u.path), SLF(u.query));
    }
}

static void
test_authority(void **state)
{
    static const struct {
        const char *in, *host;
        unsigned port;
    } rows[] = {
        { "a", "a", 0 },           { "a:80", "a", 80 },   { "a:", "a", 0 },
        { "a:x", "a", 0 },         { "a:65536", "a", 0 }, { "[::1]", "[::1]", 0 },
        { "[::1]:8", "[::1]", 8 }, { "", "", 0 },         { ":80", "", 80 },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned port;
        struct slice host = http_authority_split(slice_str(rows[i].in), &port);
        assert_true(slice_eq_str(host, rows[i].host));
        assert_int_equal(port, rows[i].port);
    }
    assert_int_equal(http_scheme_port(SL("HTTPS")), 443);
    assert_int_equal(http_scheme_port(SL("http")), 80);
    assert_int_equal(http_scheme_port(SL("ftp")), 0);
}

static void
test_decode(void **state)
{
    static const struct {
        const char *in, *plain, *form; /* NULL: invalid */
    } rows[] = {
        { "/a%20b+c?d%20e+f", "/a b+c?d e f", "/a b c?d e f" },
        { "/a?b?c+%2b", "/a?b?c +", "/a?b?c +" },
        { "%41%6A%6a", "Ajj", "Ajj" },
        { "/%zz", NULL, NULL },
        { "/a%", NULL, NULL },
        { "/a%2", NULL, NULL },
        { "", "", "" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int form = 0; form < 2; form++) {
            const char *want = form ? rows[i].form : rows[i].plain;
            char buf[64];
            size_t n = http_url_decode(slice_str(rows[i].in), buf, form);
            if (!want)
                assert_int_equal(n, SIZE_MAX);
            else
                assert_true(slice_eq_str(slice(buf, n), want));
        }
    }
}

static void
test_encode(void **state)
{
    char buf[64];
    size_t n = http_url_encode(SL("/a~b_c.d-e?+%\xff"), buf, sizeof(buf));

    assert_true(slice_eq(slice(buf, n), SL("%2Fa~b_c.d-e%3F%2B%25%FF")));
    assert_int_equal(http_url_encode(SL("a/"), buf, 3), SIZE_MAX);
    assert_int_equal(http_url_encode(SL("a/"), buf, 4), 4);
}

static void
test_params(void **state)
{
    /* Results of HAProxy 2.6.12's url_param(); NULL: not found. */
    static const struct {
        const char *target, *name;
        char delim;
        bool nocase;
        const char *want;
    } rows[] = {
        { "/?n=1", "n", '?', false, "1" },
        { "/?n=1&n=2", "n", '?', false, "1" },
        { "/?N=1", "n", '?', false, NULL },
        { "/?N=1", "n", '?', true, "1" },
        { "/?xn=1&n=2", "n", '?', false, "2" },
        { "/?xn=1&n=2", "", '?', false, "1" },
        { "/?n", "n", '?', false, NULL },
        { "/?n&n=3", "n", '?', false, "3" },
        { "/?n&n=3", "", '?', false, "3" },
        { "/?n=", "n", '?', false, "" },
        { "/?a=b;n=5", "n", '?', false, "5" },
        { "/?a=b;n=5", "n", ';', false, "5" },
        { "/;n=7?n=8", "n", '?', false, "8" },
        { "/;n=7?n=8", "n", ';', false, "7?n=8" },
        { "/;n=7;m=8?x", "n", ';', false, "7" },
        { "/;n=1&m=2", "n", ';', false, "1" },
        { "/&n=1?x", "n", '&', false, "1?x" },
        { "/?a=1&n=2", "n", '&', false, "2" },
        { "/?n=1#n=2", "n", '?', false, "1#n=2" },
        { "/?", "n", '?', false, NULL },
        { "/", "n", '?', false, NULL },
        { "/?=x", "", '?', false, "x" },
        { "/?n=a=b", "n", '?', false, "a=b" },
        { "/?n%3d1&n=2", "n", '?', false, "2" },
        { "/?a?n=3", "n", '?', false, "3" },
        { "/?&n=4", "n", '?', false, "4" },
        { "/?n=x%20y+z", "n", '?', false, "x%20y+z" },
        { "/?n=3;b", "n", '?', false, "3" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_param it = http_param_in_target(slice_str(rows[i].target), rows[i].delim);
        bool found = http_param_find(&it, slice_str(rows[i].name), rows[i].nocase);
        if (found != (rows[i].want != NULL) || (found && !slice_eq_str(it.value, rows[i].want)))
            fail_msg("\"%s\" \"%s\": %d \"%.*s\"", rows[i].target, rows[i].name, found,
                     SLF(it.value));
    }
}

#define FE HTTP_NORM_FRAGMENT_ENCODE
#define FS HTTP_NORM_FRAGMENT_STRIP
#define MS HTTP_NORM_PATH_MERGE_SLASHES
#define SD HTTP_NORM_PATH_STRIP_DOT
#define DD HTTP_NORM_PATH_STRIP_DOTDOT
#define PD HTTP_NORM_PERCENT_DECODE_UNRESERVED
#define PU HTTP_NORM_PERCENT_TO_UPPERCASE
#define QS HTTP_NORM_QUERY_SORT_BY_NAME
#define SAME(n, opt, in)                                                                           \
    {                                                                                              \
        n, opt, in, in, HTTP_NORM_SAME                                                             \
    }
#define TO(n, opt, in, want)                                                                       \
    {                                                                                              \
        n, opt, in, want, HTTP_NORM_CHANGED                                                        \
    }
#define BAD(n, in)                                                                                 \
    {                                                                                              \
        n, true, in, NULL, HTTP_NORM_INVALID                                                       \
    }

static void
test_normalize(void **state)
{
    static const struct {
        enum http_normalizer n;
        bool option;
        const char *in, *want;
        enum http_norm_result result;
    } rows[] = {
        TO(FE, 0, "/#foo", "/%23foo"),
        TO(FE, 0, "/a#b#c", "/a%23b%23c"),
        TO(FE, 0, "/a?b#c", "/a?b%23c"),
        TO(FE, 0, "http://h/#x", "http://h/%23x"),
        TO(FE, 0, "/####", "/%23%23%23%23"),
        SAME(FE, 0, "/"),
        TO(FS, 0, "/#foo", "/"),
        TO(FS, 0, "/a#b#c", "/a"),
        TO(FS, 0, "/a?b#c", "/a?b"),
        SAME(FS, 0, "/"),
        TO(MS, 0, "//", "/"),
        TO(MS, 0, "///", "/"),
        TO(MS, 0, "/foo//bar", "/foo/bar"),
        TO(MS, 0, "/a///b?c//d", "/a/b?c//d"),
        TO(MS, 0, "http://h//a//", "http://h/a/"),
        TO(MS, 0, "//a?", "/a?"),
        SAME(MS, 0, "/a/b"),
        SAME(MS, 0, "*"),
        SAME(MS, 0, "http://h"),
        TO(SD, 0, "/.", "/"),
        TO(SD, 0, "/./bar/", "/bar/"),
        TO(SD, 0, "/a/./a", "/a/a"),
        TO(SD, 0, "/./.", "/"),
        TO(SD, 0, "/a/.", "/a/"),
        TO(SD, 0, "/a/.?x=/./", "/a/?x=/./"),
        TO(SD, 0, "/.?x", "/?x"),
        TO(SD, 0, "/a/./", "/a/"),
        TO(SD, 0, "/./././", "/"),
        TO(SD, 0, "http://h/./a", "http://h/a"),
        SAME(SD, 0, "/.well-known/"),
        SAME(SD, 0, "/a/.."),
        SAME(SD, 0, "/a./b"),
        TO(DD, 0, "/foo/../", "/"),
        TO(DD, 0, "/foo/../bar/", "/bar/"),
        TO(DD, 0, "/foo/bar/../", "/foo/"),
        SAME(DD, 0, "/../bar/"),
        TO(DD, 0, "/bar/../../", "/../"),
        TO(DD, 0, "/foo//../", "/foo/"),
        SAME(DD, 0, "/foo/%2E%2E/"),
        TO(DD, 0, "/foo/..", "/"),
        TO(DD, 0, "/..", "/../"),
        TO(DD, 0, "/../..", "/../../"),
        TO(DD, 0, "/a/b/../../..", "/../"),
        TO(DD, 0, "/a/../..", "/../"),
        SAME(DD, 0, "/../../a"),
        TO(DD, 0, "/a/../../../b", "/../../b"),
        TO(DD, 0, "/a/..b/..", "/a/"),
        SAME(DD, 0, "/..."),
        TO(DD, 0, "/a/../b/../c", "/c"),
        TO(DD, 0, "http://h/a/../b?x/../", "http://h/b?x/../"),
        TO(DD, 0, "//..", "/"),
        TO(DD, 0, "/a//..", "/a/"),
        TO(DD, 0, "/../a/../..", "/../../"),
        TO(DD, 1, "/../bar/", "/bar/"),
        TO(DD, 1, "/bar/../../", "/"),
        TO(DD, 1, "/..", "/"),
        TO(DD, 1, "/../..", "/"),
        TO(DD, 1, "/a/b/../../..", "/"),
        TO(DD, 1, "/a/../../../b", "/b"),
        TO(DD, 1, "//..", "/"),
        TO(DD, 1, "/../../a/../b", "/b"),
        TO(DD, 1, "/a/..", "/"),
        TO(PD, 0, "/%61dmin", "/admin"),
        SAME(PD, 0, "/foo%3Fbar=baz"),
        TO(PD, 0, "/%%36%36", "/%66"),
        SAME(PD, 0, "/%ZZ"),
        SAME(PD, 0, "/%6"),
        SAME(PD, 0, "/%"),
        TO(PD, 0, "/%7e%7E%2d%5f%2F", "/~~-_%2F"),
        TO(PD, 0, "/a?%61=%62", "/a?a=b"),
        TO(PD, 0, "http://%61/%61", "http://%61/a"),
        TO(PD, 0, "/%6%31", "/%61"),
        TO(PD, 1, "/%61dmin", "/admin"),
        BAD(PD, "/%%36%36"),
        BAD(PD, "/%ZZ"),
        BAD(PD, "/%6"),
        BAD(PD, "/?%"),
        TO(PU, 0, "/%6f", "/%6F"),
        TO(PU, 0, "/%aB%cd?%ef", "/%AB%CD?%EF"),
        SAME(PU, 0, "/%zz"),
        SAME(PU, 0, "/%fz"),
        SAME(PU, 0, "/%6"),
        TO(PU, 0, "/%%6f", "/%%6F"),
        TO(PU, 0, "http://h%6f/%6f", "http://h%6f/%6F"),
        BAD(PU, "/%zz"),
        BAD(PU, "/%6"),
        TO(PU, 1, "/%6f", "/%6F"),
        TO(QS, 0, "/?b=1&a=2", "/?a=2&b=1"),
        TO(QS, 0, "/?a=3&z=4&b=4&a=1", "/?a=3&a=1&b=4&z=4"),
        TO(QS, 0, "/?aaa=3&zzz=4&bbb=5&a=1&b=2", "/?a=1&aaa=3&b=2&bbb=5&zzz=4"),
        SAME(QS, 0, "/?a"),
        SAME(QS, 0, "/?"),
        TO(QS, 0, "/?b&a&=x&", "/?=x&a&b"),
        SAME(QS, 0, "/?b;a"),
        TO(QS, 0, "/?a=2&a=1&A=0", "/?A=0&a=2&a=1"),
        TO(QS, 0, "/?b&&a", "/?&a&b"),
        TO(QS, 0, "/?a=1&a.b=2&a", "/?a=1&a&a.b=2"),
        TO(QS, 0, "/?a-=1&a=2", "/?a=2&a-=1"),
        TO(QS, 0, "/?b&", "/?b"),
        SAME(QS, 0, "/?&b"),
        TO(QS, 0, "http://h/p?b&a", "http://h/p?a&b"),
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct slice out = SLICE_NONE;
        arena_init(&arena, NULL, 0, 0);
        enum http_norm_result r =
            http_uri_normalize(rows[i].n, rows[i].option, slice_str(rows[i].in), &arena, &out);
        if (r != rows[i].result || (r == HTTP_NORM_CHANGED && !slice_eq_str(out, rows[i].want)))
            fail_msg("%s \"%s\": %d \"%.*s\"", http_normalizer_name(rows[i].n), rows[i].in, r,
                     SLF(out));
        arena_fini(&arena);
    }
    assert_string_equal(http_normalizer_option(DD), "full");
    assert_null(http_normalizer_option(QS));
}

static void
test_normalize_memory(void **state)
{
    struct arena arena;
    struct slice out;

    arena_init(&arena, NULL, 0, 1);
    for (unsigned n = 0; n < HTTP_NORM_COUNT; n++)
        assert_int_equal(
            http_uri_normalize((enum http_normalizer)n, false, SL("/a/../b?c&a"), &arena, &out),
            HTTP_NORM_FAILED);
    arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_authority),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_normalize),
        cmocka_unit_test(test_normalize_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
