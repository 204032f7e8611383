/* test_h1_request.c - which requests are accepted, and what they look like afterwards.
 * The expected texts are what HAProxy 2.6.12 forwards, or what its successor answers where they
 * differ. */
#include "h1_helper.h"

#define HOST   "Host: a\r\n"
#define GET    "GET / HTTP/1.1\r\n"
#define LC_GET "GET / HTTP/1.1\r\n"

struct row {
    const char *in;
    const char *strict, *relaxed; /* relaxed NULL: as strict */
    size_t len;                   /* of `in`, when it holds NUL */
};
#define NUL_ROW(in, strict, relaxed)                                                               \
    {                                                                                              \
        in, strict, relaxed, sizeof(in) - 1                                                        \
    }

static const struct h1_limits strict = { .hdr_max = 101 };
static const struct h1_limits relaxed = { .hdr_max = 101, .relax = true };

static void
check_rows(const struct row *rows, size_t n)
{
    struct parsed *p = malloc(sizeof(*p));

    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        struct slice in = slice(r->in, r->len ? r->len : strlen(r->in));
        parse_all_ways(p, H1_REQUEST, &strict, in);
        if (strcmp(p->text, r->strict) != 0)
            fail_msg("strict, row %zu \"%s\": \"%s\" (%s) instead of \"%s\"", i, r->in, p->text,
                     p->h1.error ? p->h1.error : "", r->strict);
        parsed_free(p);
        const char *want = r->relaxed ? r->relaxed : r->strict;
        parse_all_ways(p, H1_REQUEST, &relaxed, in);
        if (strcmp(p->text, want) != 0)
            fail_msg("relaxed, row %zu \"%s\": \"%s\" (%s) instead of \"%s\"", i, r->in, p->text,
                     p->h1.error ? p->h1.error : "", want);
        parsed_free(p);
    }
    free(p);
}

static void
test_lines(void **state)
{
    static const struct row rows[] = {
        { GET "Host: a\r\nUser-AGENT:  x y \t\r\n\r\n", LC_GET "host: a\r\nuser-agent: x y\r\n\r\n",
          0, 0 },
        { "GET / HTTP/1.1\nHost: a\n\n", LC_GET "host: a\r\n\r\n", 0, 0 },
        { "\r\n\r\n" GET "\r\n", LC_GET "\r\n", 0, 0 },
        { "\n\n" GET "\r\n", LC_GET "\r\n", 0, 0 },
        { "\r" GET "\r\n", "400", 0, 0 },
        { " " GET "\r\n", "400", 0, 0 },
        { "GET  / HTTP/1.1\r\n\r\n", LC_GET "\r\n", 0, 0 },
        { "GET /  HTTP/1.1\r\n\r\n", LC_GET "\r\n", 0, 0 },
        { "GET\t/\tHTTP/1.1\r\n\r\n", LC_GET "\r\n", 0, 0 },
        { "GET / HTTP/1.1 \r\n\r\n", "400", 0, 0 },
        { "GET\r\n\r\n", "400", 0, 0 },
        { "GET HTTP/1.1\r\n\r\n", "400", "400", 0 },
        { "GET / HTTP/1.1\rX: y\r\n\r\n", "400", 0, 0 },
        { "\x16\x03\x01\x02", "400", 0, 0 },
        { "GET /\x01", "400", 0, 0 },
        { "GET / HTTP/1.1\r\n\r\n", LC_GET "\r\n", 0, 0 },
        { "", "more", 0, 0 },
        { "\r\n", "more", 0, 0 },
        { "GET / HT", "more", 0, 0 },
        { GET "A: b\r", "more", 0, 0 },
        { GET "A(", "400", "more", 0 },
    };
    check_rows(rows, COUNT_OF(rows));
}

static void
test_versions(void **state)
{
#define V(v) "GET / " v "\r\n\r\n"
    static const struct row rows[] = {
        { "GET /\r\n\r\n", "400", "GET / HTTP/1.0\r\n\r\n", 0 },
        { "GET / \r\n\r\n", "400", "GET / HTTP/1.0\r\n\r\n", 0 },
        { "POST /\r\n\r\n", "400", 0, 0 },
        { V("HTTP/1.0"), V("HTTP/1.0"), 0, 0 },
        { V("HTTP/1.2"), V("HTTP/1.1"), 0, 0 },
        { V("HTTP/2.0"), V("HTTP/1.1"), 0, 0 },
        { V("HTTP/9.9"), V("HTTP/1.1"), 0, 0 },
        { V("HTTP/0.9"), V("HTTP/0.9"), 0, 0 },
        { V("HTTP/1.10"), "400", V("HTTP/1.10"), 0 },
        { V("HTTP/01.1"), "400", V("HTTP/01.1"), 0 },
        { V("HTTP/1"), "400", V("HTTP/1"), 0 },
        { V("HTTP/1."), "400", V("HTTP/1."), 0 },
        { V("HTTP/.1"), "400", V("HTTP/.1"), 0 },
        { V("http/1.1"), "400", 0, 0 },
        { V("HTTP/a.1"), "400", 0, 0 },
        { V("HTTP 1.1"), "400", 0, 0 },
        { V("HTTX/1.1"), "400", V("HTTP/1.1"), 0 },
        { V("RTSP/1.0"), "400", V("RTSP/1.0"), 0 },
        { V("ICY/1.1"), "400", V("ICY/1.1"), 0 },
        { V("HTTPS/1.1"), "400", V("HTTPS/1.1"), 0 },
        { V("AB"), "400", V("AB"), 0 },
    };
    check_rows(rows, COUNT_OF(rows));
}

static void
test_methods(void **state)
{
#define M(m) m " / HTTP/1.1\r\n\r\n"
    static const struct row rows[] = {
        { M("get"), M("get"), 0, 0 },
        { M("PATCH"), M("PATCH"), 0, 0 },
        { M("M-SEARCH"), M("M-SEARCH"), 0, 0 },
        { M("G(T"), "400", 0, 0 },
        { M("G@T"), "400", 0, 0 },
        { M("G\x80T"), "400", 0, 0 },
    };
    check_rows(rows, COUNT_OF(rows));
}

static void
test_targets(void **state)
{
#define T(t)     "GET " t " HTTP/1.1\r\nhost: a\r\n\r\n"
#define TH(t, h) "GET " t " HTTP/1.1\r\nhost: " h "\r\n\r\n"
#define TN(t)    "GET " t " HTTP/1.1\r\n\r\n"
    static const struct row rows[] = {
        { T("/a#b"), "400", T("/a#b"), 0 },
        { T("/a?b#c"), "400", T("/a?b#c"), 0 },
        { T("/a\"<>\\^`{|}"), T("/a\"<>\\^`{|}"), 0, 0 },
        { T("/a\x80 "), "400", T("/a\x80"), 0 },
        { T("/\xc3\xa9"
            "aaaaaaaaaaaaaaaaaaaaaaa"),
          "400",
          T("/\xc3\xa9"
            "aaaaaaaaaaaaaaaaaaaaaaa"),
          0 },
        { T("/a\x7f"
            "b"),
          "400", 0, 0 },
        { T("/aaaaaaaaaaaaaaaaaaa\x7f"
            "b"),
          "400", 0, 0 },
        { T("/a\x01"
            "b"),
          "400", 0, 0 },
        { T("/%zz"), T("/%zz"), 0, 0 },
        { T("//a/b"), T("//a/b"), 0, 0 },
        { T("*"), "400", 0, 0 },
        { T("a"), "400", 0, 0 },
        { T("foo:bar"), "400", 0, 0 },
        { T("http:/x"), "400", 0, 0 },
        { T("://a/"), "400", 0, 0 },
        { T("1a://a/"), "400", 0, 0 },
        { T("http://a"), T("http://a"), 0, 0 },
        { T("http://A/"), T("http://A/"), 0, 0 },
        { T("http://a:80/"), T("http://a/"), 0, 0 },
        { T("http://a:80"), T("http://a"), 0, 0 },
        { T("http://a:/"), T("http://a/"), 0, 0 },
        { T("HTTP://a:80/x"), T("HTTP://a/x"), 0, 0 },
        { T("https://a:443/"), T("https://a/"), 0, 0 },
        { T("https://a:80/"), "400", T("https://a:80/"), 0 },
        { T("http://a:080/"), "400", T("http://a:080/"), 0 },
        { T("http://a:81/"), "400", T("http://a:81/"), 0 },
        { T("http://b/"), "400", T("http://b/"), 0 },
        { T("http://a?x"), "400", T("http://a?x"), 0 },
        { T("http:///x"), "400", T("http:///x"), 0 },
        { T("http://:80/x"), "400", T("http://:80/x"), 0 },
        { T("foo://a/b"), T("foo://a/b"), 0, 0 },
        { T("foo://a:80/b"), "400", T("foo://a:80/b"), 0 },
        { T("http://u@a/"), "400", 0, 0 },
        { T("http://a,b/"), "400", 0, 0 },
        { TN("http://a/"), TN("http://a/"), 0, 0 },
        { TN("http://a:80/"), TN("http://a/"), 0, 0 },
        { TH("http://a/", "a:80"), TH("http://a/", "a:80"), 0, 0 },
        { TH("http://a/", "a:"), TH("http://a/", "a:"), 0, 0 },
        { TH("http://a/", "a:443"), "400", TH("http://a/", "a:443"), 0 },
        { TH("http://a/", "A"), TH("http://a/", "A"), 0, 0 },
        { TH("http://a:80/", "a:80"), TH("http://a/", "a"), 0, 0 },
        { TH("http://a:80/", "A:80"), TH("http://a/", "a"), 0, 0 },
        { TH("http://a:80/", "A"), TH("http://a/", "a"), 0, 0 },
        { TH("http://a:80/", "a:"), TH("http://a/", "a"), 0, 0 },
        { TH("http://a:/", "a:80"), TH("http://a/", "a"), 0, 0 },
        { TH("http://a:8080/", "a:8080"), TH("http://a:8080/", "a:8080"), 0, 0 },
        { TH("https://a/", "a:443"), TH("https://a/", "a:443"), 0, 0 },
        { TH("http://a/", ""), "400", TH("http://a/", ""), 0 },
        { TH("foo://a/", "a:80"), "400", TH("foo://a/", "a:80"), 0 },
        { TH("http://[::1]:80/", "[::1]"), TH("http://[::1]/", "[::1]"), 0, 0 },
        { "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", 0, 0 },
        { "OPTIONS a HTTP/1.1\r\nhost: a\r\n\r\n", "400", 0, 0 },
        { "OPTIONS http://a/* HTTP/1.1\r\nhost: a\r\n\r\n",
          "OPTIONS http://a/* HTTP/1.1\r\nhost: a\r\n\r\n", 0, 0 },
    };
    check_rows(rows, COUNT_OF(rows));
}

static void
test_connect(void **state)
{
#define C(t, h) "CONNECT " t " HTTP/1.1\r\nhost: " h "\r\n\r\n"
    static const struct row rows[] = {
        { C("a:80", "a"), C("a:80", "a"), 0, 0 },
        { C("a:443", "a:443"), C("a:443", "a"), 0, 0 },
        { C("a:8443", "a:8443"), C("a:8443", "a:8443"), 0, 0 },
        { C("a:8443", "a"), "400", C("a:8443", "a"), 0 },
        { C("a", "a"), "400", C("a", "a"), 0 },
        { C("a:", "a"), "400", C("a:", "a"), 0 },
        { C(":443", "a"), "400", C(":443", "a"), 0 },
        { C("a:b", "a:b"), "400", C("a:b", "a:b"), 0 },
        { C("/", "a"), "400", C("/", "a"), 0 },
        { C("*", "a"), "400", C("*", "a"), 0 },
        { C("a:0", "a:0"), C("a:0", "a:0"), 0, 0 },
        { C("[::1]:443", "[::1]"), C("[::1]:443", "[::1]"), 0, 0 },
        { C("http://a:80", "a"), "400", 0, 0 },
        { C("u@a:443", "a"), "400", C("u@a:443", "a"), 0 },
        { "CONNECT a:443 HTTP/1.1\r\n\r\n", "CONNECT a:443 HTTP/1.1\r\n\r\n", 0, 0 },
        { "CONNECT a:1 HTTP/1.1\r\nContent-Length: 3\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\n\r\n", 0,
          0 },
    };
    check_rows(rows, COUNT_OF(rows));
}

static void
test_fields(void **state)
{
#define F(f) GET "host: a\r\n" f "\r\n\r\n"
#define OK   "GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    static const struct row rows[] = {
        NUL_ROW(F("x: a\0b"), "400", F("x: a")), /* compared up to the NUL below */
        { F("x: a\x01\x0b\x7f\x80"
            "b"),
          F("x: a\x01\x0b\x7f\x80"
            "b"),
          0, 0 },
        { F("x: a\rb"), "400", 0, 0 },
        { F("x: a\r"), "400", 0, 0 },
        { F("x : a"), "400", OK, 0 },
        { F("x\t: a"), "400", OK, 0 },
        { F(": a"), "400", 0, 0 },
        { F("x"), "400", 0, 0 },
        { F("x(y: a"), "400", OK, 0 },
        { F("x\x80y: a"), "400", OK, 0 },
        { F("@: a"), "400", OK, 0 },
        { F("x\ry: a"), "400", OK, 0 },
        { F("x\n: a"), "400", 0, 0 },
        NUL_ROW(F("x\0: a"), "400", OK),
        { F("X:"), F("x: "), 0, 0 },
        { F("X:a"), F("x: a"), 0, 0 },
        { F("X:\ta\t"), F("x: a"), 0, 0 },
        { F("X: a\r\n  b\r\n\tc"), F("x: a    b  \tc"), 0, 0 },
        { F("X: a\n  b\n\tc"), F("x: a   b \tc"), 0, 0 },
        { F("X: \r\n b\r\nY:\r\n "), F("x: b\r\ny: "), 0, 0 },
        { GET " X: a\r\n\r\n", "400", LC_GET "\r\n", 0 },
    };
    struct parsed *p = malloc(sizeof(*p));

    check_rows(rows + 1, COUNT_OF(rows) - 1);
    /* NUL in a value survives relaxed parsing. */
    parse_all_ways(p, H1_REQUEST, &strict, slice(rows[0].in, rows[0].len));
    assert_string_equal(p->text, "400");
    parsed_free(p);
    parse_all_ways(p, H1_REQUEST, &relaxed, slice(rows[0].in, rows[0].len));
    assert_int_equal(p->ev, H1_HEAD);
    assert_int_equal(p->hdr[1].value.len, 3);
    assert_true(p->head.flags & HTTP_HF_VIOLATION);
    parsed_free(p);
    free(p);
}

static void
test_host(void **state)
{
#define H(h) GET h "\r\n\r\n"
    static const struct row rows[] = {
        { H("host:"), H("host: "), 0, 0 },
        { H("host: a\r\nhost: a"), H("host: a"), 0, 0 },
        { H("host: a\r\nhost: A"), H("host: a"), 0, 0 },
        { H("host: a\r\nhost: b"), "400", 0, 0 },
        { H("host: a\r\nhost:"), "400", 0, 0 },
        { H("host: a:80"), H("host: a:80"), 0, 0 },
        { H("host: [::1]"), H("host: [::1]"), 0, 0 },
        { H("host: a,b"), "400", 0, 0 },
        { H("host: a b"), "400", 0, 0 },
        { H("host: a@b"), "400", 0, 0 },
        { H("host: a/b"), "400", 0, 0 },
        { H("host: a#b"), "400", 0, 0 },
        { H("host: a\x01"), "400", 0, 0 },
    };
    check_rows(rows, COUNT_OF(rows));
}

static void
test_framing(void **state)
{
#define P(f) "POST / HTTP/1.1\r\n" f "\r\n\r\n"
#define PE   "POST / HTTP/1.1\r\n\r\n"
    static const struct row rows[] = {
        { P("content-length: 3"), P("content-length: 3"), 0, 0 },
        { P("content-length: 03"), P("content-length: 03"), 0, 0 },
        { P("content-length: 3,3"), P("content-length: 3"), 0, 0 },
        { P("content-length: 3 , 3"), P("content-length: 3"), 0, 0 },
        { P("content-length: 3\r\nx: y\r\ncontent-length: 03"), P("content-length: 3\r\nx: y"), 0,
          0 },
        { P("content-length: 3\r\ncontent-length: 4"), "400", 0, 0 },
        { P("content-length: 3\r\ncontent-length:"), "400", 0, 0 },
        { P("content-length:"), "400", 0, 0 },
        { P("content-length: +3"), "400", 0, 0 },
        { P("content-length: -3"), "400", 0, 0 },
        { P("content-length: 3a"), "400", 0, 0 },
        { P("content-length: 3 3"), "400", 0, 0 },
        { P("content-length: 0x3"), "400", 0, 0 },
        { P("content-length: 3,"), "400", 0, 0 },
        { P("content-length: ,3"), "400", 0, 0 },
        { P("content-length: 3,,3"), "400", 0, 0 },
        { P("content-length: 3,4"), "400", 0, 0 },
        { P("content-length: 9223372036854775807"), P("content-length: 9223372036854775807"), 0,
          0 },
        { P("content-length: 9223372036854775808"), "400", 0, 0 },
        { P("content-length: 18446744073709551616"), "400", 0, 0 },
        { P("transfer-encoding: chunked"), P("transfer-encoding: chunked"), 0, 0 },
        { P("transfer-encoding: CHUNKED"), P("transfer-encoding: CHUNKED"), 0, 0 },
        { P("transfer-encoding: gzip"), "400", 0, 0 },
        { P("transfer-encoding: identity"), "400", 0, 0 },
        { P("transfer-encoding:"), "400", 0, 0 },
        { P("transfer-encoding: chunked, chunked"), "400", 0, 0 },
        { P("transfer-encoding: chunked\r\ntransfer-encoding: chunked"), "400", 0, 0 },
        { P("transfer-encoding: chunked, gzip"), "400", 0, 0 },
        { P("transfer-encoding: chunked,"), "400", 0, 0 },
        { P("transfer-encoding: chunked\r\ntransfer-encoding:"), "400", 0, 0 },
        { P("transfer-encoding: chunked;q=1"), "400", 0, 0 },
        { P("transfer-encoding: xchunked"), "400", 0, 0 },
        { P("transfer-encoding: chunked x"), "400", 0, 0 },
        { P("transfer-encoding: \"chunked\""), "400", 0, 0 },
        { P("transfer-encoding: \x0b"
            "chunked"),
          "400", 0, 0 },
        { P("transfer-encoding: gzip, chunked"), "422", 0, 0 },
        { P("transfer-encoding: gzip\r\ntransfer-encoding: chunked"), "422", 0, 0 },
        { P("transfer-encoding: ,chunked"), "422", 0, 0 },
        { P("transfer-encoding: identity, chunked"), "422", 0, 0 },
        { P("transfer-encoding: chunked\r\ncontent-length: 3"), P("transfer-encoding: chunked"), 0,
          0 },
        { P("content-length: 3\r\ntransfer-encoding: chunked"), P("transfer-encoding: chunked"), 0,
          0 },
        { P("content-length: x\r\ntransfer-encoding: chunked"), "400", 0, 0 },
        { P("transfer-encoding: gzip\r\ncontent-length: 3"), "400", 0, 0 },
        { "GET / HTTP/1.0\r\ncontent-length: 3\r\n\r\n", "413", 0, 0 },
        { "HEAD / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n", "413", 0, 0 },
        { "DELETE / HTTP/1.0\r\ncontent-length: 3\r\n\r\n", "413", 0, 0 },
        { "GET / HTTP/1.0\r\ncontent-length: 0\r\n\r\n",
          "GET / HTTP/1.0\r\ncontent-length: 0\r\n\r\n", 0, 0 },
        { "POST / HTTP/1.0\r\ncontent-length: 3\r\n\r\n",
          "POST / HTTP/1.0\r\ncontent-length: 3\r\n\r\n", 0, 0 },
        { "GET / HTTP/1.1\r\ncontent-length: 3\r\n\r\n",
          "GET / HTTP/1.1\r\ncontent-length: 3\r\n\r\n", 0, 0 },
    };
    check_rows(rows, COUNT_OF(rows));
}

static void
test_connection(void **state)
{
#define X(f) GET f "\r\n\r\n"
#define NONE LC_GET "\r\n"
#define KEY  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="
    static const struct row rows[] = {
        { X("connection: close"), NONE, 0, 0 },
        { X("connection: CLOSE"), NONE, 0, 0 },
        { X("connection: keep-alive"), NONE, 0, 0 },
        { X("connection: close, keep-alive"), NONE, 0, 0 },
        { X("connection:"), NONE, 0, 0 },
        { X("connection:  close ,"), NONE, 0, 0 },
        { X("connection: foo"), X("connection: foo"), 0, 0 },
        { X("connection: close, foo"), X("connection: foo"), 0, 0 },
        { X("connection: foo,close , bar"), X("connection: foo,bar"), 0, 0 },
        { X("connection: Upgrade, keep-alive"), X("connection: Upgrade"), 0, 0 },
        { X("connection: upgrade, HTTP2-Settings"), X("connection: upgrade, HTTP2-Settings"), 0,
          0 },
        { X("connection: close\r\nconnection: x-y"), X("connection: x-y"), 0, 0 },
        { X("upgrade: websocket"), X("upgrade: websocket"), 0, 0 },
        { X("connection: upgrade\r\nupgrade: websocket"), "400",
          X("connection: upgrade\r\nupgrade: websocket"), 0 },
        { X("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x"), "400",
          X("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x"), 0 },
        { X("connection: upgrade\r\nupgrade: foo, h2c, websocket"), "400",
          X("connection: upgrade\r\nupgrade: foo, h2c, websocket"), 0 },
        { X("connection: upgrade\r\nupgrade: websocket\r\n" KEY),
          X("connection: upgrade\r\nupgrade: websocket\r\n" KEY), 0, 0 },
        { X("connection: upgrade\r\nupgrade: h2c"), X("connection: upgrade\r\nupgrade: h2c"), 0,
          0 },
    };
    check_rows(rows, COUNT_OF(rows));
}

struct flag_row {
    const char *in;
    unsigned flags;
};

static void
test_flags(void **state)
{
    static const struct flag_row rows[] = {
        { GET "\r\n", 0 },
        { X("connection: keep-alive"), HTTP_HF_CONN_KEEPALIVE },
        { X("connection: foo, close"), HTTP_HF_CONN_CLOSE | HTTP_HF_CONN_HDR },
        { X("connection: close, keep-alive"), HTTP_HF_CONN_CLOSE | HTTP_HF_CONN_KEEPALIVE },
        { X("expect: 100-Continue"), HTTP_HF_EXPECT_100 },
        { X("expect: 100-continue, foo"), HTTP_HF_EXPECT_100 },
        { X("expect: foo"), 0 },
        { X("host: a"), HTTP_HF_HAS_HOST },
        { X("content-length: 0"), HTTP_HF_CLEN },
        { X("transfer-encoding: chunked"), HTTP_HF_CHUNKED | HTTP_HF_TRANSFER_ENC },
        { X("transfer-encoding: chunked\r\ncontent-length: 1"),
          HTTP_HF_CHUNKED | HTTP_HF_TRANSFER_ENC | HTTP_HF_CLOSE_AFTER },
        { "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n",
          HTTP_HF_CHUNKED | HTTP_HF_TRANSFER_ENC | HTTP_HF_CLOSE_AFTER },
        { X("upgrade: h2c"), HTTP_HF_UPGRADE },
        { X("upgrade: h2c\r\nconnection: upgrade"),
          HTTP_HF_UPGRADE | HTTP_HF_CONN_UPGRADE | HTTP_HF_UPGRADE_H2C | HTTP_HF_CONN_HDR },
        { X("upgrade: WebSocket\r\nconnection: upgrade\r\n" KEY),
          HTTP_HF_UPGRADE | HTTP_HF_CONN_UPGRADE | HTTP_HF_WEBSOCKET | HTTP_HF_CONN_HDR },
    };
    struct parsed *p = malloc(sizeof(*p));

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        parse_all_ways(p, H1_REQUEST, &strict, slice_str(rows[i].in));
        assert_int_equal(p->ev, H1_HEAD);
        if (p->head.flags != rows[i].flags)
            fail_msg("\"%s\": flags %#x instead of %#x", rows[i].in, p->head.flags, rows[i].flags);
        parsed_free(p);
    }
    free(p);
}

static void
test_limits(void **state)
{
    struct parsed *p = malloc(sizeof(*p));
    char in[8192];

    for (unsigned n = 99; n <= 102; n++) {
        struct out o = OUT(in);
        out_str(&o, GET);
        for (unsigned i = 0; i < n; i++)
            out_printf(&o, "x%u: y\r\n", i);
        out_str(&o, "\r\n");
        parse_head(p, H1_REQUEST, &strict, out_slice(&o), o.len);
        assert_int_equal(p->ev, n <= 100 ? H1_HEAD : H1_ERR);
        if (n > 100)
            assert_int_equal(p->h1.status, 400);
        parsed_free(p);
    }
    struct h1_limits small = { .hdr_max = 10, .head_max = 32 };
    static const struct {
        const char *in, *want;
    } rows[] = {
        { "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\n\r\n", "414" },
        { "GET / HTTP/1.1\r\nx: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n", "431" },
        { "GET / HTTP/1.1\r\nx: aaaaaaaaa\r\n\r\n", "GET / HTTP/1.1\r\nx: aaaaaaaaa\r\n\r\n" },
        { "GET / HTTP/1.1\r\nx: aaaaaaaaaa\r\n\r\n", "431" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        parse_head(p, H1_REQUEST, &small, slice_str(rows[i].in), SIZE_MAX);
        assert_string_equal(p->text, rows[i].want);
        parsed_free(p);
    }
    free(p);
}

static void
test_moved_buffer(void **state)
{
    static const char in[] =
        "GET http://a:80/ HTTP/1.1\r\nHost: A\r\nX: a\r\n b\r\nConnection: close\r\n\r\n";
    char one[sizeof(in)], two[sizeof(in)];
    struct http_hdr hdr[8];
    struct http_head head;
    struct h1 h;
    size_t used;

    for (size_t cut = 0; cut < sizeof(in) - 1; cut++) {
        http_head_init(&head, hdr, 8, NULL);
        h1_init(&h, H1_REQUEST, &strict);
        memcpy(one, in, cut);
        assert_int_equal(h1_head(&h, one, cut, &head, &used), H1_MORE);
        memcpy(two, one, cut);
        memset(one, 'z', sizeof(one));
        memcpy(two + cut, in + cut, sizeof(in) - cut);
        assert_int_equal(h1_head(&h, two, sizeof(in) - 1, &head, &used), H1_HEAD);
        assert_true(slice_eq(head.target, SL("http://a/")));
        assert_true(slice_eq(head.host, SL("a")));
        assert_true(slice_eq(http_hdr_first(&head, SL("x"))->value, SL("a   b")));
        assert_int_equal(used, sizeof(in) - 1);
    }
}

static void
test_pipelined(void **state)
{
    char in[] = "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n";
    struct http_hdr hdr[4];
    struct http_head head;
    struct h1 h;
    size_t used;

    http_head_init(&head, hdr, 4, NULL);
    h1_init(&h, H1_REQUEST, &strict);
    assert_true(h1_is_idle(&h));
    assert_int_equal(h1_eof(&h), H1_MORE);
    assert_int_equal(h1_head(&h, in, sizeof(in) - 1, &head, &used), H1_HEAD);
    assert_int_equal(used, 19);
    assert_false(h1_is_idle(&h));
    assert_int_equal(h1_framing_request(&head), H1_FRAME_NONE);
    size_t at = used;
    h1_init(&h, H1_REQUEST, &strict);
    assert_int_equal(h1_head(&h, in + at, sizeof(in) - 1 - at, &head, &used), H1_HEAD);
    assert_true(slice_eq(head.target, SL("/2")));
    h1_init(&h, H1_REQUEST, &strict);
    assert_int_equal(h1_head(&h, in, 5, &head, &used), H1_MORE);
    assert_int_equal(h1_eof(&h), H1_ERR);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),      cmocka_unit_test(test_versions),
        cmocka_unit_test(test_methods),    cmocka_unit_test(test_targets),
        cmocka_unit_test(test_connect),    cmocka_unit_test(test_fields),
        cmocka_unit_test(test_host),       cmocka_unit_test(test_framing),
        cmocka_unit_test(test_connection), cmocka_unit_test(test_flags),
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_moved_buffer),
        cmocka_unit_test(test_pipelined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
