/* test_h1_response.c - which responses are accepted, and how their bodies are framed. */
#include "h1_helper.h"

static const struct h1_limits strict = { .hdr_max = 101 };
static const struct h1_limits relaxed = { .hdr_max = 101, .relax = true };

struct row {
    const char *in, *strict, *relaxed; /* relaxed NULL: as strict */
    size_t len;                        /* of `in`, when it holds NUL */
};
#define NUL_ROW(in, strict, relaxed)                                                               \
    {                                                                                              \
        in, strict, relaxed, sizeof(in) - 1                                                        \
    }

static void
check_rows(const struct row *rows, size_t n)
{
    struct parsed *p = malloc(sizeof(*p));

    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        struct slice in = slice(r->in, r->len ? r->len : strlen(r->in));
        parse_all_ways(p, H1_RESPONSE, &strict, in);
        if (strcmp(p->text, r->strict) != 0)
            fail_msg("strict, row %zu \"%s\": \"%s\" (%s) instead of \"%s\"", i, r->in, p->text,
                     p->h1.error ? p->h1.error : "", r->strict);
        parsed_free(p);
        const char *want = r->relaxed ? r->relaxed : r->strict;
        parse_all_ways(p, H1_RESPONSE, &relaxed, in);
        if (strcmp(p->text, want) != 0)
            fail_msg("relaxed, row %zu \"%s\": \"%s\" (%s) instead of \"%s\"", i, r->in, p->text,
                     p->h1.error ? p->h1.error : "", want);
        parsed_free(p);
    }
    free(p);
}

static void
test_status_lines(void **state)
{
#define L(l) l "\r\n\r\n"
    static const struct row rows[] = {
        { L("HTTP/1.1 200 OK"), L("HTTP/1.1 200 OK"), 0, 0 },
        { "HTTP/1.1 200 OK\n\n", L("HTTP/1.1 200 OK"), 0, 0 },
        { L("\r\n\nHTTP/1.1 200 OK"), L("HTTP/1.1 200 OK"), 0, 0 },
        { L(" HTTP/1.1 200 OK"), "502", 0, 0 },
        { L("HTTP/1.1  200  OK  x "), L("HTTP/1.1 200 OK  x "), 0, 0 },
        { L("HTTP/1.1\t200\tOK"), L("HTTP/1.1 200 OK"), 0, 0 },
        { L("HTTP/1.1 200"), L("HTTP/1.1 200 OK"), 0, 0 },
        { L("HTTP/1.1 200 "), L("HTTP/1.1 200 OK"), 0, 0 },
        { L("HTTP/1.1 503"), L("HTTP/1.1 503 Service Unavailable"), 0, 0 },
        { L("HTTP/1.1 299 "), L("HTTP/1.1 299 Success"), 0, 0 },
        { L("HTTP/1.1 2000 OK"), "502", L("HTTP/1.1 2000 OK"), 0 },
        { L("HTTP/1.1 65535 OK"), "502", L("HTTP/1.1 65535 OK"), 0 },
        { L("HTTP/1.1 65536 OK"), "502", 0, 0 },
        { L("HTTP/1.1 99999999999999999999 OK"), "502", 0, 0 },
        { L("HTTP/1.1 20 OK"), "502", 0, 0 },
        { L("HTTP/1.1 099 OK"), "502", 0, 0 },
        { L("HTTP/1.1 600 X"), L("HTTP/1.1 600 X"), 0, 0 },
        { L("HTTP/1.1 999 X"), L("HTTP/1.1 999 X"), 0, 0 },
        { L("HTTP/1.1 20a OK"), "502", 0, 0 },
        { L("HTTP/1.1 200 O\x01K\xe9"), L("HTTP/1.1 200 O\x01K\xe9"), 0, 0 },
        { L("HTTP/1.1 200 O\rK"), "502", 0, 0 },
        { L("HTTP/1.0 200 OK"), L("HTTP/1.0 200 OK"), 0, 0 },
        { L("HTTP/0.9 200 OK"), L("HTTP/0.9 200 OK"), 0, 0 },
        { L("HTTP/2.0 200 OK"), L("HTTP/1.1 200 OK"), 0, 0 },
        { L("RTSP/1.0 200 OK"), L("RTSP/1.0 200 OK"), 0, 0 },
        { L("ICY 200 OK"), "502", L("ICY 200 OK"), 0 },
        { L("HTTP/1.10 200 OK"), "502", L("HTTP/1.10 200 OK"), 0 },
        { L("HTTP/1 200 OK"), "502", L("HTTP/1 200 OK"), 0 },
        { L("http/1.1 200 OK"), "502", 0, 0 },
        { L("garbage"), "502", 0, 0 },
        { L("200 OK"), "502", 0, 0 },
        { L("HTTP/1.1"), "502", 0, 0 },
    };
    check_rows(rows, COUNT_OF(rows));
}

static void
test_fields(void **state)
{
#define F(f) "HTTP/1.1 200 OK\r\n" f "\r\n\r\n"
#define OK   "HTTP/1.1 200 OK\r\n\r\n"
    static const struct row rows[] = {
        { F("X y: z"), "502", OK, 0 },
        { F("X : z"), "502", OK, 0 },
        { F(" X: z"), "502", OK, 0 },
        { F(": z"), "502", 0, 0 },
        { F("Xz"), "502", 0, 0 },
        { F("X:"), F("x: "), 0, 0 },
        { F("Host: a b\r\nHost: c"), F("host: a b\r\nhost: c"), 0, 0 },
        { F("Content-Length: 3\r\nContent-Length: 3"), F("content-length: 3"), 0, 0 },
        { F("Content-Length: 3\r\nContent-Length: 4"), "502", 0, 0 },
        { F("Content-Length: x"), "502", 0, 0 },
        { F("Transfer-Encoding: gzip"), "502", 0, 0 },
        { F("Transfer-Encoding: gzip, chunked"), "502", 0, 0 },
        { F("Transfer-Encoding: chunked, gzip"), "502", 0, 0 },
        { F("Transfer-Encoding: identity"), "502", 0, 0 },
        { F("Transfer-Encoding: identity, chunked"), "502", 0, 0 },
        { F("transfer-encoding: chunked, chunked"), "502", F("transfer-encoding: chunked, chunked"),
          0 },
        { F("transfer-encoding:"), "502", F("transfer-encoding: "), 0 },
        { F("transfer-encoding: chunked,"), "502", F("transfer-encoding: chunked,"), 0 },
        { F("Transfer-Encoding: chunked\r\nContent-Length: 3"), F("transfer-encoding: chunked"), 0,
          0 },
        { F("Content-Length: 3\r\nTransfer-Encoding: gzip"), "502", 0, 0 },
        { "HTTP/1.1 204 X\r\nContent-Length: 3\r\nA: b\r\n\r\n", "HTTP/1.1 204 X\r\na: b\r\n\r\n",
          0, 0 },
        { "HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 204 X\r\n\r\n", 0, 0 },
        { "HTTP/1.1 103 X\r\nContent-Length: 3\r\n\r\n", "HTTP/1.1 103 X\r\n\r\n", 0, 0 },
        { "HTTP/1.1 304 X\r\ncontent-length: 3\r\n\r\n",
          "HTTP/1.1 304 X\r\ncontent-length: 3\r\n\r\n", 0, 0 },
        { "HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", "502",
          "HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", 0 },
        { "HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: "
          "x\r\n\r\n",
          "HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: "
          "x\r\n\r\n",
          0, 0 },
    };
    check_rows(rows, COUNT_OF(rows));
}

static void
test_nul(void **state)
{
    static const char in[] = "HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n";
    static const char reason[] = "HTTP/1.1 200 O\0K\r\n\r\n";
    struct parsed *p = malloc(sizeof(*p));

    parse_all_ways(p, H1_RESPONSE, &strict, slice(in, sizeof(in) - 1));
    assert_string_equal(p->text, "502");
    parsed_free(p);
    parse_all_ways(p, H1_RESPONSE, &relaxed, slice(in, sizeof(in) - 1));
    assert_int_equal(p->ev, H1_HEAD);
    parsed_free(p);
    parse_all_ways(p, H1_RESPONSE, &strict, slice(reason, sizeof(reason) - 1));
    assert_string_equal(p->text, "502");
    parsed_free(p);
    free(p);
}

static void
test_framing(void **state)
{
    static const struct {
        unsigned status;
        unsigned flags;
        enum http_method meth;
        enum h1_framing want;
    } rows[] = {
        { 200, 0, HTTP_GET, H1_FRAME_CLOSE },
        { 200, HTTP_HF_CLEN, HTTP_GET, H1_FRAME_LENGTH },
        { 200, HTTP_HF_CHUNKED, HTTP_GET, H1_FRAME_CHUNKED },
        { 200, HTTP_HF_CHUNKED, HTTP_HEAD, H1_FRAME_NONE },
        { 200, HTTP_HF_CLEN, HTTP_HEAD, H1_FRAME_NONE },
        { 200, HTTP_HF_CLEN, HTTP_CONNECT, H1_FRAME_TUNNEL },
        { 407, HTTP_HF_CLEN, HTTP_CONNECT, H1_FRAME_LENGTH },
        { 101, 0, HTTP_GET, H1_FRAME_TUNNEL },
        { 100, 0, HTTP_POST, H1_FRAME_NONE },
        { 204, 0, HTTP_GET, H1_FRAME_NONE },
        { 304, HTTP_HF_CLEN, HTTP_GET, H1_FRAME_NONE },
        { 205, HTTP_HF_CLEN, HTTP_GET, H1_FRAME_LENGTH },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_head head = {
            .is_response = true, .status = rows[i].status, .flags = rows[i].flags, .clen = 3
        };
        assert_int_equal(h1_framing_response(&head, rows[i].meth), rows[i].want);
    }
    struct http_head empty = { .is_response = true, .status = 200, .flags = HTTP_HF_CLEN };
    assert_int_equal(h1_framing_response(&empty, HTTP_GET), H1_FRAME_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_lines),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_framing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
