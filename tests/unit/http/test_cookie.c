/* test_cookie.c - pairs in Cookie and Set-Cookie headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/cookie.h"

struct row {
    const char *lines[3];
    const char *n;     /* value of the cookie "n", NULL: none */
    const char *first; /* value of the first pair, NULL: none */
    unsigned count, all;
};

static void
check(const struct row *r, bool response)
{
    struct slice hdr = response ? SL("set-cookie") : SL("cookie"), v = SLICE_NONE;
    struct http_hdr table[4];
    struct http_head head;
    unsigned count;

    http_head_init(&head, table, 4, NULL);
    head.is_response = response;
    for (size_t i = 0; i < 3 && r->lines[i]; i++)
        assert_true(http_hdr_add_ref(&head, hdr, slice_str(r->lines[i])));
    bool found = http_cookie_find(&head, hdr, SL("n"), &v, &count);
    if (found != (r->n != NULL) || (found && !slice_eq_str(v, r->n)) || count != r->count)
        fail_msg("\"%s\": n %d [%.*s] %u", r->lines[0], found, SLF(v), count);
    found = http_cookie_find(&head, hdr, SLICE_NONE, &v, &count);
    if (found != (r->first != NULL) || (found && !slice_eq_str(v, r->first)) || count != r->all)
        fail_msg("\"%s\": first %d [%.*s] %u", r->lines[0], found, SLF(v), count);
    assert_int_equal(http_cookie_find(&head, hdr, SLICE_NONE, &v, NULL), found);
}

static void
test_request(void **state)
{
    /* As HAProxy 2.6.12: req.cook(n), req.cook, req.cook_cnt(n), req.cook_cnt. */
    static const struct row rows[] = {
        { { "n=1" }, "1", "1", 1, 1 },
        { { "n=1; n=2" }, "2", "1", 2, 2 },
        { { "a=b; n=1" }, "1", "b", 1, 2 },
        { { "n = 1" }, "1", "1", 1, 1 },
        { { "n=\"q\"" }, "\"q\"", "\"q\"", 1, 1 },
        { { "n=\"q;r\"; m=2" }, "\"q;r\"", "\"q;r\"", 1, 2 },
        { { "n=" }, NULL, "", 0, 1 },
        { { "n" }, NULL, NULL, 0, 0 },
        { { "n; n=2" }, "2", "2", 1, 1 },
        { { ";n=1" }, "1", "1", 1, 1 },
        { { "n=1;;n=2" }, "2", "1", 2, 2 },
        { { "a=1,n=2" }, "2", "1", 1, 2 },
        { { "a=1, n=2; n=3" }, "3", "1", 2, 3 },
        { { "n=1", "n=2" }, "2", "1", 2, 2 },
        { { "$Version=1; n=1; $Path=/" }, "1", "1", 1, 1 },
        { { "n=a=b" }, "a=b", "a=b", 1, 1 },
        { { "N=1" }, NULL, "1", 0, 1 },
        { { "xn=1; nx=2" }, NULL, "1", 0, 2 },
        { { "n=a b c; m=1" }, "a b c", "a b c", 1, 2 },
        { { "n\t=\t1\t;\tm=2" }, "1", "1", 1, 2 },
        { { "=1; n=2" }, "2", "1", 1, 2 },
        { { "n==" }, "=", "=", 1, 1 },
        { { "n=1,2" }, "1", "1", 1, 1 },
        { { "" }, NULL, NULL, 0, 0 },
        { { "n=\"a\\\"b;c\"; n=9" }, "9", "\"a\\\"b;c\"", 2, 2 },
        { { "n=a\"b;c\"d; m=1" }, "a\"b;c\"d", "a\"b;c\"d", 1, 2 },
        { { "$n=1" }, NULL, NULL, 0, 0 },
        { { "n=1; $n=2" }, "1", "1", 1, 1 },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check(&rows[i], false);
}

static void
test_response(void **state)
{
    static const struct row rows[] = {
        { { "n=1" }, "1", "1", 1, 1 },
        { { "n=1; Path=/; Secure" }, "1", "1", 1, 2 },
        { { "n=1, m=2" }, "1", "1", 1, 2 },
        { { "m=1, n=2; path=/, n=3" }, "3", "1", 2, 4 },
        { { "n=\"a;b\"; path=/" }, "\"a;b\"", "\"a;b\"", 1, 2 },
        { { "n" }, NULL, NULL, 0, 0 },
        { { "n=" }, NULL, "", 0, 1 },
        { { "a=b", "n=2", "n=3" }, "3", "b", 2, 3 },
        { { "a; n=1" }, "1", "1", 1, 1 },
        { { "n=1; expires=Wed, 21 Oct 2015 07:28:00 GMT; path=/" }, "1", "1", 1, 3 },
        { { "n = 1 ; x=2" }, "1", "1", 1, 2 },
        { { "$n=1" }, NULL, NULL, 0, 0 },
        { { "n=a=b;c" }, "a=b", "a=b", 1, 1 },
        { { "=x" }, NULL, "x", 0, 1 },
        { { "m=1; n=2" }, NULL, "1", 0, 2 },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check(&rows[i], true);
}

static void
test_remove(void **state)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        { "SRV=s1", "" },
        { "SRV=s1; a=b", "a=b" },
        { "a=b; SRV=s1", "a=b" },
        { "a=b; SRV=s1; c=d", "a=b; c=d" },
        { "a=b;SRV=s1;c=d", "a=b; c=d" },
        { "a=b , SRV=s1 , c=d", "a=b, c=d" },
        { "SRV = s1~abc ; a", "a" },
        { "a=b;  SRV=s1  ;  c=d", "a=b; c=d" },
        { "$Version=1; SRV=s1; $Path=/; c=d", "$Version=1; c=d" },
        { "SRV=s1; $Path=/; $Domain=x; c=d", "c=d" },
        { "a=b; SRV=s1; $Path=/", "a=b" },
        { "SRV=", "" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice in = slice_str(rows[i].in), out;
        struct http_cookie c = { .at = 0 };
        struct arena arena;
        arena_init(&arena, NULL, 0, 0);
        while (http_cookie_next(in, false, &c) && !slice_eq(c.name, SL("SRV")))
            continue;
        assert_true(slice_eq(c.name, SL("SRV")));
        assert_true(http_cookie_remove(&arena, in, &c, &out));
        if (!slice_eq_str(out, rows[i].want))
            fail_msg("\"%s\": \"%.*s\"", rows[i].in, SLF(out));
        arena_fini(&arena);
    }
    struct arena none;
    struct http_cookie c = { .at = 0 };
    struct slice out;
    arena_init(&none, NULL, 0, 1);
    assert_true(http_cookie_next(SL("a=b"), false, &c));
    assert_false(http_cookie_remove(&none, SL("a=b"), &c, &out));
    arena_fini(&none);
}

static void
test_rewrite(void **state)
{
    struct http_hdr table[2];
    struct http_head head;
    struct arena arena;

    arena_init(&arena, NULL, 0, 0);
    http_head_init(&head, table, 2, &arena);
    assert_true(http_hdr_add_ref(&head, SL("cookie"), SL("a=b; SRV=s1~abc; c=d")));
    struct http_cookie_iter it = { .pos = 0 };
    assert_true(http_cookie_each(&head, SL("cookie"), SL("SRV"), &it));
    assert_true(slice_eq(it.cookie.value, SL("s1~abc")));
    assert_true(http_hdr_replace_part(&head, it.hdr, slice(it.cookie.value.p, 3), SLICE_NONE));
    assert_true(slice_eq(it.hdr->value, SL("a=b; SRV=abc; c=d")));
    arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_rewrite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
