/* test_head.c - lookups, values of lists and edits of message heads; emission. */
#include "h1_helper.h"

#define HDR_MAX 12

struct fixture {
    struct arena arena;
    struct http_hdr hdr[HDR_MAX];
    struct http_head head;
    char text[2048];
};

static void
setup(struct fixture *f, const char *target)
{
    arena_init(&f->arena, NULL, 0, 0);
    http_head_init(&f->head, f->hdr, HDR_MAX, &f->arena);
    f->head.method = SL("GET");
    f->head.meth = HTTP_GET;
    f->head.target = slice_str(target);
    f->head.version = 11;
}

static const char *
text_of(struct fixture *f)
{
    struct out o = { f->text, 0, sizeof(f->text) - 1, false };

    if (f->head.is_response)
        h1_format_response(&f->head, NULL, &o);
    else
        h1_format_request(&f->head, NULL, &o);
    assert_false(o.full);
    assert_true(o.len <= h1_format_size(&f->head));
    f->text[o.len] = '\0';
    return f->text;
}

static void
test_values(void **state)
{
    /* header, 1, 2, 3, -1, -2, number of values: what HAProxy 2.6.12 says; "-" is none */
    static const struct {
        const char *lines[3], *v[5];
        unsigned count, full;
    } rows[] = {
        { { "a,b,c" }, { "a", "b", "c", "c", "b" }, 3, 1 },
        { { "a" }, { "a", "-", "-", "a", "-" }, 1, 1 },
        { { "" }, { "", "-", "-", "", "-" }, 1, 1 },
        { { "," }, { "", "", "-", "", "" }, 2, 1 },
        { { "a,,b" }, { "a", "", "b", "b", "" }, 3, 1 },
        { { "a , b" }, { "a", "b", "-", "b", "a" }, 2, 1 },
        { { "\"a,b\",c" }, { "\"a,b\"", "c", "-", "c", "\"a,b\"" }, 2, 1 },
        { { "a\"b,c\"d,e" }, { "a\"b,c\"d", "e", "-", "e", "a\"b,c\"d" }, 2, 1 },
        { { "a", "b,c" }, { "a", "b", "c", "c", "b" }, 3, 2 },
        { { "a", "", "b" }, { "a", "", "b", "b", "" }, 3, 3 },
        { { "\"a\\\",b\",c" }, { "\"a\\\",b\"", "c", "-", "c", "\"a\\\",b\"" }, 2, 1 },
        { { "a," }, { "a", "", "-", "", "a" }, 2, 1 },
        { { ",a" }, { "", "a", "-", "a", "" }, 2, 1 },
        { { "a\\,b" }, { "a\\", "b", "-", "b", "a\\" }, 2, 1 },
        { { "\"a,b" }, { "\"a,b", "-", "-", "\"a,b", "-" }, 1, 1 },
    };
    static const int occ[] = { 1, 2, 3, -1, -2 };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        setup(&f, "/");
        for (size_t k = 0; k < 3 && rows[i].lines[k]; k++) {
            assert_true(http_hdr_add(&f.head, SL("X"), slice_str(rows[i].lines[k])));
            assert_true(http_hdr_add(&f.head, SL("Y"), SL("1,2")));
        }
        for (size_t k = 0; k < COUNT_OF(occ); k++) {
            struct slice v = SL("-");
            bool found = http_val_nth(&f.head, SL("x"), occ[k], false, &v);
            assert_int_equal(found, strcmp(rows[i].v[k], "-") != 0);
            if (!slice_eq_str(v, rows[i].v[k]))
                fail_msg("row %zu, occurrence %d: \"%.*s\"", i, occ[k], SLF(v));
        }
        assert_int_equal(http_val_count(&f.head, SL("x"), false), rows[i].count);
        assert_int_equal(http_val_count(&f.head, SL("x"), true), rows[i].full);
        assert_int_equal(http_val_count(&f.head, SLICE_NONE, true), 2 * rows[i].full);
        arena_fini(&f.arena);
    }
}

static void
test_full_values(void **state)
{
    struct fixture f;
    struct slice v;

    setup(&f, "/");
    assert_true(http_hdr_add(&f.head, SL("x"), SL("a,b")));
    assert_true(http_hdr_add(&f.head, SL("x"), SL("c")));
    assert_true(http_val_nth(&f.head, SL("x"), 1, true, &v));
    assert_true(slice_eq(v, SL("a,b")));
    assert_true(http_val_nth(&f.head, SL("x"), -2, true, &v));
    assert_true(slice_eq(v, SL("a,b")));
    assert_true(http_val_nth(&f.head, SL("x"), 0, true, &v));
    assert_true(slice_eq(v, SL("c")));
    assert_false(http_val_nth(&f.head, SL("x"), -3, true, &v));
    assert_false(http_val_nth(&f.head, SL("x"), INT32_MIN, true, &v));
    assert_false(http_val_nth(&f.head, SL("x"), INT32_MAX, true, &v));
    assert_false(http_val_nth(&f.head, SL("z"), 0, true, &v));
    arena_fini(&f.arena);
}

static void
test_edits(void **state)
{
    struct fixture f;

    setup(&f, "/");
    assert_true(http_hdr_add(&f.head, SL("X-Foo"), SL("1")));
    assert_true(http_hdr_add_ref(&f.head, SL("x-bar"), SL("2")));
    assert_true(http_hdr_prepend(&f.head, SL("First"), SL("0")));
    assert_string_equal(text_of(&f), "GET / HTTP/1.1\r\nfirst: 0\r\nx-foo: 1\r\nx-bar: 2\r\n\r\n");
    assert_true(http_hdr_add(&f.head, SL("x-foo"), SL("3")));
    assert_true(http_hdr_set(&f.head, SL("X-FOO"), SL("4")));
    assert_string_equal(text_of(&f), "GET / HTTP/1.1\r\nfirst: 0\r\nx-bar: 2\r\nx-foo: 4\r\n\r\n");
    struct http_hdr *h = http_hdr_first(&f.head, SL("x-bar"));
    assert_true(http_hdr_replace(&f.head, h, SL("a, b ,c")));
    assert_true(http_hdr_replace_part(&f.head, h, slice(h->value.p + 3, 1), SL("long")));
    assert_true(slice_eq(h->value, SL("a, long ,c")));
    assert_true(http_hdr_del_token(&f.head, SL("x-bar"), SL("LONG")));
    assert_true(slice_eq(h->value, SL("a,c")));
    assert_true(http_hdr_del_token(&f.head, SL("x-foo"), SL("4")));
    assert_null(http_hdr_first(&f.head, SL("x-foo")));
    assert_int_equal(http_hdr_del(&f.head, SL("first")), 1);
    assert_int_equal(http_hdr_del(&f.head, SL("first")), 0);
    http_hdr_del_one(&f.head, h);
    assert_int_equal(http_hdr_count(&f.head), 0);
    assert_true(f.head.flags & HTTP_HF_MODIFIED);
    assert_string_equal(text_of(&f), "GET / HTTP/1.1\r\n\r\n");
    arena_fini(&f.arena);
}

/* Names of rules live as long as the program: only values are copied. */
static void
test_named(void **state)
{
    struct fixture f;
    char value[] = "1";

    setup(&f, "/");
    assert_true(http_hdr_add_value(&f.head, SL("x-a"), slice(value, 1)));
    value[0] = '2';
    assert_true(http_hdr_add_value(&f.head, SL("x-a"), slice(value, 1)));
    assert_string_equal(text_of(&f), "GET / HTTP/1.1\r\nx-a: 1\r\nx-a: 2\r\n\r\n");
    assert_true(http_hdr_set_value(&f.head, SL("x-a"), slice(value, 1)));
    value[0] = '3';
    assert_string_equal(text_of(&f), "GET / HTTP/1.1\r\nx-a: 2\r\n\r\n");
    for (unsigned i = http_hdr_count(&f.head); i < HDR_MAX; i++)
        assert_true(http_hdr_add_value(&f.head, SL("y"), SL("")));
    assert_false(http_hdr_set_value(&f.head, SL("z"), SL("")));
    assert_false(http_hdr_add_value(&f.head, SL("z"), SL("")));
    assert_true(http_hdr_set_value(&f.head, SL("y"), SL("3")));
    assert_string_equal(text_of(&f), "GET / HTTP/1.1\r\nx-a: 2\r\ny: 3\r\n\r\n");
    arena_fini(&f.arena);
}

static void
test_exhaustion(void **state)
{
    struct fixture f;
    char big[4096];

    setup(&f, "/");
    for (int i = 0; i < HDR_MAX; i++)
        assert_true(http_hdr_add(&f.head, SL("x"), SL("y")));
    assert_false(http_hdr_add(&f.head, SL("x"), SL("y")));
    assert_false(http_hdr_prepend(&f.head, SL("x"), SL("y")));
    assert_false(http_hdr_set(&f.head, SL("z"), SL("y")));
    assert_true(http_hdr_set(&f.head, SL("x"), SL("y")));
    assert_int_equal(http_hdr_count(&f.head), 1);
    assert_true(http_hdr_add(&f.head, SL("x"), SL("y")));
    arena_fini(&f.arena);

    setup(&f, "/");
    f.arena.limit = 64;
    memset(big, 'a', sizeof(big));
    assert_false(http_hdr_add(&f.head, SL("x"), slice(big, sizeof(big))));
    assert_false(http_set_path(&f.head, slice(big, sizeof(big))));
    assert_int_equal(http_hdr_count(&f.head), 0);
    assert_true(slice_eq(f.head.target, SL("/")));
    arena_fini(&f.arena);
    f.head.arena = NULL;
    assert_false(http_hdr_add(&f.head, SL("x"), SL("y")));
    assert_false(http_set_method(&f.head, SL("y")));
}

typedef bool setter_fn(struct http_head *, struct slice);

static void
test_start_line(void **state)
{
    static const struct {
        const char *target;
        setter_fn *set;
        const char *value, *want;
    } rows[] = {
        { "/x?a", http_set_path, "/new", "/new?a" },
        { "/x", http_set_path, "/new", "/new" },
        { "http://h/x?a", http_set_path, "/new", "http://h/new?a" },
        { "http://h?a", http_set_path, "/new", "http://h/new?a" },
        { "http://h", http_set_path, "/new", "http://h/new" },
        { "*", http_set_path, "/new", "/new" },
        { "/x#f", http_set_path, "/new", "/new" },
        { "/x?y#f", http_set_path, "/new", "/new?y#f" },
        { "/x?a", http_set_query, "nq", "/x?nq" },
        { "/x", http_set_query, "nq", "/x?nq" },
        { "/x", http_set_query, "", "/x" },
        { "/x?", http_set_query, "", "/x?" },
        { "/x?a", http_set_query, "", "/x?" },
        { "/x?a", http_set_query, NULL, "/x" },
        { "http://h?a", http_set_query, "nq", "http://h?nq" },
        { "/x?a", http_set_pathq, "/p?q", "/p?q" },
        { "http://h/x?a", http_set_pathq, "/p?q", "http://h/p?q" },
        { "/x", http_set_target, "http://hh:80/z", "http://hh:80/z" },
        { "http://h/x", http_set_target, "/rel", "/rel" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        setup(&f, rows[i].target);
        assert_true(rows[i].set(&f.head, slice_str(rows[i].value)));
        if (!slice_eq_str(f.head.target, rows[i].want))
            fail_msg("row %zu: \"%.*s\"", i, SLF(f.head.target));
        assert_true(f.head.flags & HTTP_HF_LINE_MODIFIED);
        arena_fini(&f.arena);
    }
}

static void
test_host_follows(void **state)
{
    struct fixture f;

    setup(&f, "/x");
    assert_true(http_hdr_add(&f.head, SL("host"), SL("h")));
    assert_true(http_set_target(&f.head, SL("http://hh:80/z")));
    assert_string_equal(text_of(&f), "GET http://hh:80/z HTTP/1.1\r\nhost: hh:80\r\n\r\n");
    assert_true(http_hdr_set(&f.head, SL("Host"), SL("foo")));
    assert_string_equal(text_of(&f), "GET http://foo/z HTTP/1.1\r\nhost: foo\r\n\r\n");
    assert_true(http_hdr_replace(&f.head, http_hdr_first(&f.head, SL("host")), SL("b:1")));
    assert_string_equal(text_of(&f), "GET http://b:1/z HTTP/1.1\r\nhost: b:1\r\n\r\n");
    assert_true(slice_eq(f.head.host, SL("b:1")));
    http_hdr_del(&f.head, SL("host"));
    assert_string_equal(text_of(&f), "GET http://b:1/z HTTP/1.1\r\n\r\n");
    arena_fini(&f.arena);
}

static void
test_copy(void **state)
{
    struct fixture f, g;
    char line[] = "abc";

    setup(&f, "/x");
    setup(&g, "/");
    assert_true(http_hdr_add_ref(&f.head, SL("gone"), SL("1")));
    assert_true(http_hdr_add_ref(&f.head, SL("kept"), slice(line, 3)));
    http_hdr_del(&f.head, SL("gone"));
    assert_true(http_head_copy(&g.head, &f.head));
    line[0] = 'z';
    assert_string_equal(text_of(&g), "GET /x HTTP/1.1\r\nkept: abc\r\n\r\n");
    g.head.hdr_max = 0;
    assert_false(http_head_copy(&g.head, &f.head));
    arena_fini(&f.arena);
    arena_fini(&g.arena);
}

static void
test_response(void **state)
{
    struct fixture f;

    setup(&f, "");
    f.head.is_response = true;
    assert_true(http_set_status(&f.head, 404, SLICE_NONE));
    assert_string_equal(text_of(&f), "HTTP/1.1 404 Not Found\r\n\r\n");
    assert_true(http_set_status(&f.head, 999, SL("Odd")));
    f.head.version = 10;
    assert_string_equal(text_of(&f), "HTTP/1.0 999 Odd\r\n\r\n");
    assert_true(http_set_status(&f.head, 65535, SL("x")));
    assert_string_equal(text_of(&f), "HTTP/1.0 65535 x\r\n\r\n");
    char small[16];
    struct out o = OUT(small);
    h1_format_response(&f.head, NULL, &o);
    assert_true(o.full);
    assert_int_equal(o.len, 0);
    arena_fini(&f.arena);
}

static void
test_methods(void **state)
{
    assert_int_equal(HTTP_GET, 1); /* as the manual promises for the `method` fetch */
    assert_int_equal(http_method_of(SL("GET")), HTTP_GET);
    assert_int_equal(http_method_of(SL("get")), HTTP_OTHER);
    assert_int_equal(http_method_of(SL("CONNECT")), HTTP_CONNECT);
    assert_int_equal(http_method_of(SL("POST")), HTTP_POST);
    assert_int_equal(http_method_of(SL("")), HTTP_OTHER);
    assert_true(slice_eq(http_method_name(HTTP_DELETE), SL("DELETE")));
    assert_int_equal(http_method_name(HTTP_OTHER).len, 0);
}

static void
test_case_map(void **state)
{
    struct h1_case_map *m = h1_case_map_new();
    struct fixture f;
    char buf[256];
    struct out o = OUT(buf);

    assert_null(h1_case_map_add(m, SL("content-length"), SL("Content-Length")));
    assert_null(h1_case_map_add(m, SL("host"), SL("HOST")));
    assert_null(h1_case_map_add(m, SL("x-b"), SL("X-B")));
    assert_null(h1_case_map_add(m, SL("x-a"), SL("X-a")));
    assert_non_null(h1_case_map_add(m, SL("host"), SL("Host")));
    assert_non_null(h1_case_map_add(m, SL("foo"), SL("Bar")));
    setup(&f, "/");
    assert_true(http_hdr_add(&f.head, SL("Host"), SL("a")));
    assert_true(http_hdr_add(&f.head, SL("X-A"), SL("b")));
    assert_true(http_hdr_add(&f.head, SL("X-c"), SL("c")));
    h1_format_request(&f.head, m, &o);
    assert_true(
        slice_eq(out_slice(&o), SL("GET / HTTP/1.1\r\nHOST: a\r\nX-a: b\r\nx-c: c\r\n\r\n")));
    h1_case_map_free(&m);
    assert_null(m);
    h1_case_map_free(&m);
    arena_fini(&f.arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),       cmocka_unit_test(test_full_values),
        cmocka_unit_test(test_edits),        cmocka_unit_test(test_named),
        cmocka_unit_test(test_exhaustion),   cmocka_unit_test(test_start_line),
        cmocka_unit_test(test_host_follows), cmocka_unit_test(test_copy),
        cmocka_unit_test(test_response),     cmocka_unit_test(test_methods),
        cmocka_unit_test(test_case_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
