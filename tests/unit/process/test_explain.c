/* test_explain.c - requests of explain as bytes, where they arrive, what is found to have changed,
 * whole answers. */
#include "process/explain_facts.h"
#include "process/load.h"
#include "process/tests_section.h"
#include "proxy/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct config cf;
static struct cfg cfg;
static struct cmdline opts;

static void
load(const char *text)
{
    load_begin(&cfg, &cf, &opts);
    assert_int_equal(cfg_read_text(&cfg, "t.cfg", slice_str(text)), CFG_OK);
    assert_int_equal(cfg_finish(&cfg), CFG_OK);
}

/* ---- questions ---- */

static void
test_line(void **state)
{
    static const struct {
        const char *line, *method, *url;
    } good[] = {
        { "GET http://h/x", "GET", "http://h/x" }, { "  PUT   /x?y ", "PUT", "/x?y" },
        { "https://h", NULL, "https://h" },        { "/", NULL, "/" },
        { "HTTP://h/", NULL, "HTTP://h/" },
    };
    static const char *const bad[] = { "",         "GET",   "GET ",     "GET h", "GET ftp://h/",
                                       "GET /x y", "/x\ty", "GET /\x7f" };
    struct arena a;

    arena_init_config(&a);
    for (unsigned i = 0; i < COUNT_OF(good); i++) {
        struct explain_request q = { 0 };
        assert_true(explain_parse_line(&q, good[i].line, &a));
        assert_true(slice_eq_str(q.url, good[i].url));
        if (good[i].method)
            assert_string_equal(q.method, good[i].method);
        else
            assert_null(q.method);
    }
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        struct explain_request q = { 0 };
        assert_false(explain_parse_line(&q, bad[i], &a));
    }
    arena_fini(&a);
}

static const char config_text[] =
    "defaults\n  mode http\n  timeout client 1s\n  timeout server 1s\n  timeout connect 1s\n"
    "frontend a\n  bind :80\n  bind 127.0.0.2:8080\n  default_backend b\n"
    "frontend t\n  mode tcp\n  bind :8443\n  default_backend tb\n"
    "backend b\n  http-request set-header x-a \"%[var(txn.v)]\"\n  server s 127.0.0.1:1\n"
    "backend tb\n  mode tcp\n  server s 127.0.0.1:1\n";

static void
wire(const char *line, struct explain_request q, const char *wanted, const char *frontend)
{
    struct explain_wire w = { 0 };
    struct arena a;
    char *err;

    arena_init_config(&a);
    assert_true(explain_parse_line(&q, line, &a));
    assert_true(explain_wire_make(&cf, &q, &w, &err));
    assert_string_equal(w.li->px->name, frontend);
    if (wanted)
        assert_string_equal(w.bytes.p, wanted);
    text_fini(&w.bytes);
    arena_fini(&a);
}

static void
test_wire(void **state)
{
    load(config_text);
    wire("http://h:80/x?y", (struct explain_request){ 0 }, "GET /x?y HTTP/1.1\r\nHost: h\r\n\r\n",
         "a");
    wire("http://h:8080", (struct explain_request){ 0 }, "GET / HTTP/1.1\r\nHost: h:8080\r\n\r\n",
         "a");
    wire("http://h/", (struct explain_request){ .headers = { "hOST: z" }, .nheaders = 1 },
         "GET / HTTP/1.1\r\nhOST: z\r\n\r\n", "a");
    wire("/x", (struct explain_request){ .body = SL("ab"), .has_body = true },
         "POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nab", "a");
    wire("http://h:8443/", (struct explain_request){ 0 }, "GET / HTTP/1.1\r\nHost: h:8443\r\n\r\n",
         "t");
    wire("http://[::1]:81/", (struct explain_request){ 0 },
         "GET / HTTP/1.1\r\nHost: [::1]:81\r\n\r\n", "a");
    load_end(&cfg);
}

/* A record of one handshake message, whose lengths agree, with the name in it. */
static void
test_hello(void **state)
{
    struct explain_request q = { .url = SL("https://name.example:8443/") };
    struct explain_wire w = { 0 };
    char *err;

    load(config_text);
    assert_true(explain_wire_make(&cf, &q, &w, &err));
    assert_true(w.hello);
    assert_false(w.tls);
    const unsigned char *p = (const unsigned char *)w.bytes.p;
    assert_int_equal(p[0], 0x16);
    assert_int_equal(p[3] << 8 | p[4], w.bytes.len - 5);
    assert_int_equal(p[5], 1);
    assert_int_equal(p[7] << 8 | p[8], w.bytes.len - 9);
    assert_true(slice_search(text_get(&w.bytes), SL("name.example")) != SIZE_MAX);
    text_fini(&w.bytes);
    load_end(&cfg);
}

static void
test_wrong(void **state)
{
    static const struct {
        struct explain_request q;
        const char *err;
    } bad[] = {
        { { .url = SL("/"), .frontend = "b" }, "there is no frontend 'b'" },
        { { .url = SL("/"), .src = "1.2.3" }, "'1.2.3' is not an IP address for the client" },
        { { .url = SL("/"), .dst = "/sock" }, "'/sock' is not an IP address for the destination" },
        { { .url = SL("/"), .headers = { ": x" }, .nheaders = 1 }, "': x' is not a header" },
        { { .url = SL("/"), .headers = { "a b: x" }, .nheaders = 1 }, "'a b: x' is not a header" },
    };

    load(config_text);
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        struct explain_wire w = { 0 };
        char *err;
        assert_false(explain_wire_make(&cf, &bad[i].q, &w, &err));
        assert_true(slice_starts(slice_str(err), slice_str(bad[i].err)));
        free(err);
        text_fini(&w.bytes);
    }
    load_end(&cfg);
}

/* ---- changes ---- */

static struct fact
fact(const char *name, const char *value)
{
    return (struct fact){
        .what = "header", .group = FACT_REQUEST, .name = slice_str(name), .value = slice_str(value)
    };
}

static void
diff(struct fact *b, unsigned nb, bool hasb, struct fact *a, unsigned na, const char *wanted)
{
    struct facts before = { .v = b, .n = nb }, after = { .v = a, .n = na };
    struct explain_change *c;
    struct text t = { 0 };
    struct arena arena;
    struct list to;

    before.has[FACT_REQUEST] = hasb;
    after.has[FACT_REQUEST] = true;
    arena_init_config(&arena);
    list_init(&to);
    facts_diff(&before, &after, &to, &arena);
    text_str(&t, "");
    list_each (c, &to, link)
        text_printf(&t, "%.*s:%.*s>%.*s;", SLF(c->name), SLF(c->before), SLF(c->after));
    assert_string_equal(t.p, wanted);
    text_fini(&t);
    arena_fini(&arena);
}

static void
test_diff(void **state)
{
    struct fact b[] = { fact("a", "1"), fact("b", "2"), fact("a", "3") };
    struct fact same[] = { fact("a", "3"), fact("a", "1"), fact("b", "2") };
    struct fact changed[] = { fact("a", "1"), fact("b", "x"), fact("a", "3"), fact("c", "4") };
    struct fact fewer[] = { fact("a", "3") };

    diff(b, 3, true, b, 3, "");
    diff(b, 3, true, same, 3, "");
    diff(b, 3, true, changed, 4, "b:2>x;c:>4;");
    diff(b, 3, true, fewer, 1, "a:1>;b:2>;");
    diff(b, 0, false, changed, 4, ""); /* the head has just been read */
}

/* ---- answers ---- */

static void
test_header(void **state)
{
    struct slice head = SL("GET / HTTP/1.1\r\nA: 1\r\nb:2\r\na:  3 \r\n\r\n");

    assert_true(slice_eq_str(explain_header(head, SL("a"), 0), "1"));
    assert_true(slice_eq_str(explain_header(head, SL("a"), 1), "3"));
    assert_true(slice_eq_str(explain_header(head, SL("B"), 0), "2"));
    assert_null(explain_header(head, SL("a"), 2).p);
    assert_null(explain_header(head, SL("GET / HTTP/1.1"), 0).p);
    assert_null(explain_header(SLICE_NONE, SL("a"), 0).p);
}

static void
test_run(void **state)
{
    struct explain_request q = { .url = SL("http://h/x"), .src = "10.0.0.1" };
    struct explain_result r;
    struct text t = { 0 };
    char *err = NULL;

    load(config_text);
    assert_true(explain_start(&cf));
    for (unsigned i = 0; i < 3; i++) {
        assert_true(explain_run(&cf, &q, &r, &err));
        assert_int_equal(r.end, EXPLAIN_SERVER);
        assert_string_equal(r.be->name, "b");
        assert_string_equal(r.srv->name, "s");
        assert_true(r.srv_fixed);
        assert_true(slice_eq_str(r.sent, "GET /x HTTP/1.1\r\nhost: h\r\nx-a: \r\n\r\n"));
        explain_summary(&r, &t);
        assert_string_equal(t.p, "backend b, server s");
        t.len = 0;
        explain_print(&q, &r, &t);
        t.len = 0;
        explain_print_json(&q, &r, &t);
        t.len = 0;
        explain_release(&r);
    }
    assert_int_equal(atomic_load(&cf.conn), 0);
    text_fini(&t);
    explain_stop(&cf);
    load_end(&cfg);
}

static void
test_section(void **state)
{
    struct text t = { 0 };

    text_str(&t, config_text);
    text_str(&t, "tests\n  request /x expect backend b\n  request /x expect status 200\n");
    load(t.p);
    tests_run(&cfg);
    assert_int_equal(cfg.diags.errors, 1);
    struct diag *d = list_first(&cfg.diags.list, struct diag, link);
    assert_string_equal(d->text, "test failed: expected status 200, got backend b, server s.");
    assert_string_equal(d->loc.file, "t.cfg");
    assert_string_equal(d->excerpt, "  request /x expect status 200");
    text_fini(&t);
    load_end(&cfg);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),  cmocka_unit_test(test_wire),    cmocka_unit_test(test_hello),
        cmocka_unit_test(test_wrong), cmocka_unit_test(test_diff),    cmocka_unit_test(test_header),
        cmocka_unit_test(test_run),   cmocka_unit_test(test_section),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
