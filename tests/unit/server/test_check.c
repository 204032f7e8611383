/* test_check.c - the check engine fed with bytes: what it sends, what it makes of answers. Expected
 * texts were recorded from HAProxy 2.6.12. */
#include "fixture.h"

#include "config/tune.h"
#include "server/check_int.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct check_run *run;

/** Begins a check of a server in a backend with these lines. */
static void
begin(const char *kind, const char *lines)
{
    char text[2048];

    check_run_free(&run);
    snprintf(text, sizeof(text), "%s b\n%s\n server s 127.0.0.1:1 check\n", kind, lines);
    if (fx_load(text))
        fail_msg("%s: %s", lines, fx_diags());
    run = check_run_new(fx_server("b", "s")->check);
    assert_non_null(run);
}

static int
teardown(void **state)
{
    check_run_free(&run);
    return fx_teardown(state);
}

/** Lets it connect and "sends" what it wants to send; returns that. */
static struct slice
go(void)
{
    static char sent[4096];
    size_t n = 0;
    enum check_want w;

    while ((w = check_engine_step(run)) != CHECK_WANT_RECV && w != CHECK_DONE) {
        if (w == CHECK_WANT_CONNECT) {
            run->connected = true;
            run->conn_rule = run->rule;
            continue;
        }
        assert_true(n + run->tx_len < sizeof(sent));
        memcpy(sent + n, run->tx, run->tx_len);
        n += run->tx_len;
        run->tx_off = run->tx_len;
    }
    return slice(sent, n);
}

static struct slice
feed_slice(struct slice s, bool eof)
{
    assert_true(run->rx_len + s.len <= run->rx_size);
    memcpy(run->rx + run->rx_len, s.p, s.len);
    run->rx_len += s.len;
    run->eof = eof;
    run->full = run->rx_len == run->rx_size;
    return go();
}

static struct slice
feed(const char *s)
{
    return feed_slice(slice_str(s), false);
}

static bool
done(void)
{
    return check_engine_step(run) == CHECK_DONE;
}

static void
expect(enum check_status st, int code, const char *desc)
{
    assert_true(done());
    assert_string_equal(check_status_code(run->status), check_status_code(st));
    if (check_status_has_code(st))
        assert_int_equal(run->code, code);
    assert_string_equal(run->desc, desc);
}

static void
expect_sent(struct slice s, const char *text)
{
    char copy[4096];

    memcpy(copy, s.p, s.len);
    copy[s.len] = '\0';
    assert_string_equal(copy, text);
}

/* ---- connects ---- */

static void
plain_connect(void **state)
{
    (void)state;
    begin("tcp-backend", "");
    go();
    expect(CHK_L4OK, 0, "");
    begin("tcp-backend", " option tcp-check\n tcp-check connect");
    go();
    expect(CHK_L4OK, 0, "(tcp-check)");
}

static void
transport_errors(void **state)
{
    (void)state;
    begin("tcp-backend", "");
    assert_int_equal(check_engine_step(run), CHECK_WANT_CONNECT);
    check_conn_error(run, ECONNREFUSED, false);
    assert_int_equal(run->status, CHK_L4CON);
    assert_string_equal(run->desc, "Connection refused");
    begin("tcp-backend", " option tcp-check\n tcp-check expect string x");
    check_engine_step(run);
    check_conn_error(run, ECONNREFUSED, false);
    assert_string_equal(run->desc, "Connection refused at initial connection step of tcp-check");
    begin("tcp-backend",
          " option tcp-check\n tcp-check connect port 21998 comment \"second conn\"");
    check_engine_step(run);
    check_conn_error(run, ECONNREFUSED, false);
    assert_string_equal(
        run->desc,
        "Connection refused at step 1 of tcp-check (connect port 21998) comment: 'second conn'");
    begin("tcp-backend",
          " option tcp-check\n tcp-check send x\n tcp-check expect comment \"c c\" string zz");
    go();
    check_conn_error(run, ECONNRESET, false);
    assert_int_equal(run->status, CHK_SOCKERR);
    assert_string_equal(
        run->desc,
        "Connection reset by peer at step 2 of tcp-check (expect string 'zz') comment: 'c c'");
    check_conn_error(run, 0, true);
    assert_int_equal(run->status, CHK_L7TOUT);
    assert_string_equal(run->desc, " at step 2 of tcp-check (expect string 'zz') comment: 'c c'");
    begin("backend", " option httpchk\n http-check expect status 200 tout-status L6TOUT");
    go();
    check_conn_error(run, 0, true);
    assert_int_equal(run->status, CHK_L6TOUT);
    assert_string_equal(run->desc, "");
}

/* ---- tcp-check ---- */

struct tcp_case {
    const char *rules, *input;
    bool eof;
    enum check_status status; /* CHK_UNKNOWN: waits */
    const char *desc;
};

static void
tcp_expectations(void **state)
{
    static const struct tcp_case cases[] = {
        { "tcp-check expect string hello", "220 hello smtp\r\n", false, CHK_L7OK, "(tcp-check)" },
        { "tcp-check expect string hello", "220 hel", false, CHK_UNKNOWN, "" },
        { "tcp-check expect string hello", "220 hel", true, CHK_L7RSP,
          "TCPCHK did not match content 'hello' at step 1" },
        { "tcp-check expect string hello", "", true, CHK_L7RSP,
          "TCPCHK got an empty response at step 1" },
        { "tcp-check expect comment \"a b\" string hello", "", true, CHK_L7RSP,
          "TCPCHK got an empty response at step 1 comment: 'a b'" },
        { "tcp-check expect ! string hello", "220 hello", false, CHK_L7RSP,
          "TCPCHK matched unwanted content 'hello' at step 1" },
        { "tcp-check expect ! string nope", "220 hello", false, CHK_UNKNOWN, "" },
        { "tcp-check expect ! string nope", "220 hello", true, CHK_L7OK, "(tcp-check)" },
        { "tcp-check expect min-recv 5 ! string nope", "220 hello", false, CHK_L7OK,
          "(tcp-check)" },
        { "tcp-check expect min-recv 5 string nope", "220 hello", false, CHK_L7RSP,
          "TCPCHK did not match content 'nope' at step 1" },
        { "tcp-check expect min-recv 500 string hello", "220 hello", false, CHK_UNKNOWN, "" },
        { "tcp-check expect rstring h.llo", "220 hello", false, CHK_L7OK, "(tcp-check)" },
        { "tcp-check comment foo\n tcp-check expect comment \"my expect\" rstring ^nope", "x", true,
          CHK_L7RSP, "TCPCHK did not match content (regex) at step 2 comment: my expect" },
        { "tcp-check expect binary 68656c6c6f", "220 hello", false, CHK_L7OK, "(tcp-check)" },
        { "tcp-check expect ! binary 68656C6c6f", "220 hello", false, CHK_L7RSP,
          "TCPCHK matched unwanted content (binary) at step 1" },
        { "tcp-check expect rbinary ^3232.*6F$", "220 hello", false, CHK_L7OK, "(tcp-check)" },
        { "tcp-check expect rbinary 6f", "hello", true, CHK_L7RSP,
          "TCPCHK did not match content (binary regex) at step 1" },
        { "tcp-check expect string-lf he%%llo", "he%llo", false, CHK_L7OK, "(tcp-check)" },
        { "tcp-check expect string-lf zz", "hello", true, CHK_L7RSP,
          "TCPCHK did not match content (log-format string) at step 1" },
        { "tcp-check expect min-recv 3 ! binary-lf 6865", "hello", false, CHK_L7RSP,
          "TCPCHK matched unwanted content (log-format binary) at step 1" },
        { "tcp-check expect string hello ok-status L7OKC", "hello", false, CHK_L7OKC,
          "(tcp-check)" },
        { "tcp-check expect string nope min-recv 3 error-status L7STS", "hello", false, CHK_L7STS,
          "TCPCHK did not match content 'nope' at step 1" },
        { "tcp-check expect string hello on-success \"all fine\"", "hello", false, CHK_L7OK,
          "all fine" },
        { "tcp-check expect string x on-error \"so sad\"", "hello", true, CHK_L7RSP, "so sad" },
    };
    char text[256];

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        snprintf(text, sizeof(text), " option tcp-check\n %s", cases[i].rules);
        begin("tcp-backend", text);
        go();
        feed_slice(slice_str(cases[i].input), cases[i].eof);
        if (cases[i].status == CHK_UNKNOWN)
            assert_int_equal(check_engine_step(run), CHECK_WANT_RECV);
        else
            expect(cases[i].status, 0, cases[i].desc);
    }
}

static void
tcp_script(void **state)
{
    (void)state;
    begin("tcp-backend",
          " option tcp-check\n tcp-check connect\n tcp-check send \"a\\r\\nb\"\n"
          " tcp-check send-binary 0001ff\n tcp-check expect string one\n"
          " tcp-check connect port 99\n tcp-check send-lf x%%y\n tcp-check expect string two");
    struct slice s = go();
    assert_memory_equal(s.p, "a\r\nb\0\1\xff", 7);
    assert_int_equal(s.len, 7);
    expect_sent(feed("one"), "x%y");
    assert_int_equal(run->rx_len, 0); /* another connection */
    feed("two");
    expect(CHK_L7OK, 0, "(tcp-check)");
}

static void
a_full_buffer_is_the_end(void **state)
{
    static char junk[16384];

    (void)state;
    begin("tcp-backend", " option tcp-check\n tcp-check expect string hello");
    go();
    memset(junk, 'x', sizeof(junk));
    feed_slice(slice(junk, run->rx_size), false);
    expect(CHK_L7RSP, 0, "TCPCHK did not match content 'hello' at step 1");
}

/* ---- HTTP ---- */

static void
http_requests(void **state)
{
    static const struct {
        const char *lines, *request;
    } cases[] = {
        { "option httpchk", "OPTIONS / HTTP/1.0\r\n\r\n" },
        { "option httpchk /foo", "OPTIONS /foo HTTP/1.0\r\n\r\n" },
        { "option httpchk GET /foo", "GET /foo HTTP/1.0\r\n\r\n" },
        { "option httpchk GET /foo HTTP/1.1", "GET /foo HTTP/1.1\r\nconnection: close\r\n\r\n" },
        { "option httpchk GET /foo HTTP/1.1 www.example",
          "GET /foo HTTP/1.1\r\nhost: www.example\r\nconnection: close\r\n\r\n" },
        { "option httpchk FOO /s HTTP/1.1",
          "FOO /s HTTP/1.1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" },
        { "option httpchk\n http-check send meth POST uri /bar ver HTTP/1.1 hdr Host example.com "
          "hdr X-Y \"a b\" body "
          "\"hello world\"",
          "POST /bar HTTP/1.1\r\nhost: example.com\r\nx-y: a b\r\ncontent-length: "
          "11\r\nconnection: close\r\n\r\nhello "
          "world" },
        { "option httpchk GET /h HTTP/1.1\n http-check connect\n http-check send meth POST",
          "POST /h HTTP/1.1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" },
        { "option httpchk GET /h HTTP/1.1\n http-check connect",
          "GET /h HTTP/1.1\r\nconnection: close\r\n\r\n" },
        { "option httpchk GET /s\n http-check send-state",
          "GET /s HTTP/1.0\r\nx-haproxy-server-state: UP 1/3; address=127.0.0.1; port=1; name=b/s; "
          "node=; weight=1/1; "
          "scur=0/0; qcur=0\r\n\r\n" },
        /* the way of old tutorials, with a warning */
        { "option httpchk GET /health HTTP/1.1\\r\\nHost:\\ example.com\\r\\nUser-Agent:\\ Check",
          "GET /health HTTP/1.1\r\nhost: example.com\r\nuser-agent: Check\r\nconnection: "
          "close\r\n\r\n" },
        { "option httpchk POST / \"HTTP/1.0\\r\\nX: 1\\r\\n\\r\\nbody\"",
          "POST / HTTP/1.0\r\nx: 1\r\ncontent-length: 4\r\n\r\nbody" },
    };
    char text[512];

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        snprintf(text, sizeof(text), " %s", cases[i].lines);
        begin("backend", text);
        expect_sent(go(), cases[i].request);
    }
    assert_int_equal(fx.c.diags.warnings, 1);
    assert_non_null(strstr(fx_diags(), "'option httpchk' : hiding headers or body"));
    assert_non_null(strstr(fx_diags(), "http-check send hdr x \"1\""));
}

#define R200 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: one, two\r\nX-B: zed\r\n\r\nOK"
#define RCHUNK                                                                                     \
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"

static void
http_expectations(void **state)
{
    static const struct {
        const char *rule, *input;
        bool eof;
        enum check_status status;
        int code;
        const char *desc;
    } cases[] = {
        { "", R200, false, CHK_L7OK, 200, "" },
        { "", "HTTP/1.0 302 Found\r\n\r\n", false, CHK_L7OK, 302, "" },
        { "", "HTTP/1.0 404 Not Found\r\n\r\n", false, CHK_L7STS, 404, "Not Found" },
        { "", "HTTP/1.0 503\r\n\r\n", false, CHK_L7STS, 503, "" },
        { "", "junk\r\n\r\n", false, CHK_L7RSP, 0, "" },
        { "", "HTTP/1.1 200 OK\r\nContent-", true, CHK_L7RSP, 0, "" },
        { "", "HTTP/1.1 200 OK\r\nContent-", false, CHK_UNKNOWN, 0, "" },
        { "", "", true, CHK_L7RSP, 0, "" },
        { "expect status 200-399,404", "HTTP/1.0 404 NF\r\n\r\n", false, CHK_L7OK, 404, "" },
        { "expect ! status 200", R200, false, CHK_L7STS, 200, "OK" },
        { "expect status 418 comment mine", R200, false, CHK_L7STS, 200, "OK comment: mine" },
        { "expect rstatus ^2[0-9][0-9]", R200, false, CHK_L7OK, 200, "" },
        { "expect string OK", R200, false, CHK_L7OK, 200, "" },
        { "expect ! string OK", R200, false, CHK_L7RSP, 0, "HTTP check matched unwanted content" },
        { "expect string hello", R200, false, CHK_L7RSP, 0, "HTTP content check did not match" },
        { "expect string hello", RCHUNK, false, CHK_L7OK, 200, "" },
        { "expect rstring '^hello world$'", RCHUNK, false, CHK_L7OK, 200, "" },
        { "expect ! rstring hello", R200, false, CHK_L7OK, 200, "" },
        { "expect string x", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", false, CHK_UNKNOWN,
          0, "" },
        { "expect string OK", "HTTP/1.0 404 NF\r\nContent-Length: 0\r\n\r\n", false, CHK_L7RSP, 0,
          "HTTP content check could not find a response body" },
        { "expect hdr name x-a value two", R200, false, CHK_L7OK, 200, "" },
        { "expect hdr name -m beg X- value -m beg tw", R200, false, CHK_L7OK, 200, "" },
        { "expect hdr name nope", R200, false, CHK_L7STS, 200, "OK" },
        { "expect ! hdr name nope", R200, false, CHK_L7OK, 200, "" },
        { "expect fhdr name x-a value \"one, two\"", R200, false, CHK_L7OK, 200, "" },
        { "expect fhdr name x-a value one", R200, false, CHK_L7STS, 200, "OK" },
        { "expect fhdr name x-b value -m reg '^z.d$'", R200, false, CHK_L7OK, 200, "" },
        { "expect status 418 error-status L6RSP", R200, false, CHK_L6RSP, 0, "OK" },
        { "disable-on-404", "HTTP/1.0 404 NF\r\n\r\n", false, CHK_L7OKC, 404, "" },
    };
    char text[256];

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        snprintf(text, sizeof(text), " option httpchk GET /health HTTP/1.1\n%s%s",
                 cases[i].rule[0] ? " http-check " : "", cases[i].rule);
        begin("backend", text);
        go();
        feed_slice(slice_str(cases[i].input), cases[i].eof);
        if (cases[i].status == CHK_UNKNOWN)
            assert_int_equal(check_engine_step(run), CHECK_WANT_RECV);
        else
            expect(cases[i].status, cases[i].code, cases[i].desc);
    }
}

static void
responses_in_single_bytes(void **state)
{
    (void)state;
    begin("backend", " option httpchk\n http-check expect string \"lo wor\"");
    go();
    for (const char *p = RCHUNK; *p && !done(); p++)
        feed_slice(slice(p, 1), false);
    expect(CHK_L7OK, 200, "");
}

static void
several_requests(void **state)
{
    (void)state;
    begin("backend", " option httpchk\n http-check connect\n http-check send uri /a\n http-check "
                     "expect status 200\n"
                     " http-check connect\n http-check send uri /b\n http-check expect status 404");
    expect_sent(go(), "OPTIONS /a HTTP/1.0\r\n\r\n");
    expect_sent(feed(R200), "OPTIONS /b HTTP/1.0\r\n\r\n");
    feed("HTTP/1.0 404 Not Found\r\n\r\n");
    expect(CHK_L7OK, 404, "");
}

/* ---- protocols ---- */

static void
smtp(void **state)
{
    (void)state;
    begin("tcp-backend", " option smtpchk EHLO mydomain.org");
    expect_sent(go(), "");
    expect_sent(feed("220 hi\r\n"), "EHLO mydomain.org\r\n");
    expect_sent(feed("250-ok\r\n250-more\r\n"), "");
    expect_sent(feed("250 x\r\n"), "QUIT\r\n");
    feed("221 bye\r\n");
    expect(CHK_L7OK, 221, "bye");
    begin("tcp-backend", " option smtpchk");
    go();
    feed("421 busy\r\n");
    expect(CHK_L7STS, 421, "busy");
    begin("tcp-backend", " option smtpchk");
    go();
    feed("2200 hi\r\n");
    expect(CHK_L7RSP, 0, "2200 hi");
    begin("tcp-backend", " option smtpchk");
    go();
    expect_sent(feed("220 hi\r\n"), "HELO localhost\r\n");
    feed_slice(SL(""), true);
    expect(CHK_L7STS, 0, "TCPCHK got an empty response at step 5");
}

static void
redis(void **state)
{
    (void)state;
    begin("tcp-backend", " option redis-check");
    expect_sent(go(), "*1\r\n$4\r\nPING\r\n");
    feed("+PO");
    assert_false(done());
    feed("NG\r\n");
    expect(CHK_L7OK, 0, "Redis server is ok");
    begin("tcp-backend", " option redis-check");
    go();
    feed("-ERR foo bar\r\n");
    expect(CHK_L7STS, 0, "-ERR foo bar");
}

static void
ldap(void **state)
{
    static const struct {
        struct slice in;
        enum check_status st;
        int code;
        const char *desc;
    } cases[] = {
        { { "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00", 14 },
          CHK_L7OK,
          0,
          "Success" },
        { { "\x30\x84\0\0\0\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00", 18 },
          CHK_L7OK,
          0,
          "Success" },
        { { "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x20\x04\x00\x04\x00", 14 },
          CHK_L7STS,
          32,
          "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9" },
        { { "\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00", 14 },
          CHK_L7RSP,
          0,
          "Not LDAPv3 protocol" },
        { { "junk", 4 }, CHK_L7RSP, 0, "Not LDAPv3 protocol" },
        { { "\x30\x0c\x02\x01", 4 }, CHK_L7RSP, 0, "" },
        { { "\x30\xff\xff\xff", 4 }, CHK_L7RSP, 0, "" },
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct slice s;

        begin("tcp-backend", " option ldap-check");
        s = go();
        assert_int_equal(s.len, 14);
        assert_memory_equal(s.p, "\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00", 14);
        feed_slice(cases[i].in, true);
        expect(cases[i].st, cases[i].code, cases[i].desc);
    }
}

static void
mysql(void **state)
{
    static const char greeting[] = "\x0b\0\0\0\x0a"
                                   "5.7.1\0abcd";
    static const char login[] =
        "\x25\0\0\1\0\x82\0\0\0\x80\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "foo\0\0\1\0\0\0\1";
    struct slice s;

    (void)state;
    begin("tcp-backend", " option mysql-check user foo");
    go();
    s = feed_slice(slice(greeting, sizeof(greeting) - 1), false);
    assert_int_equal(s.len, sizeof(login) - 1);
    assert_memory_equal(s.p, login, sizeof(login) - 1);
    feed_slice(slice("\x07\0\0\2\0\0\0\2\0\0\0", 11), false);
    expect(CHK_L7OK, 0, "");
    begin("tcp-backend", " option mysql-check user foo pre-41");
    go();
    s = feed_slice(slice(greeting, sizeof(greeting) - 1), false);
    assert_memory_equal(s.p, "\x0a\0\0\1\0\x80\0\0\1foo\0\0\1\0\0\0\1", 19);
    begin("tcp-backend", " option mysql-check user foo post-80");
    go();
    s = feed_slice(slice(greeting, sizeof(greeting) - 1), false);
    assert_int_equal(s.p[0], 0x25 + 22);
    assert_int_equal(s.p[6], 8);
    begin("tcp-backend", " option mysql-check");
    go();
    feed_slice(slice("\x17\0\0\0\xff\x10\x04Too many connections", 27), false);
    expect(CHK_L7STS, 1040, "Too many connections");
    begin("tcp-backend", " option mysql-check");
    go();
    feed_slice(SL("junkjunk"), true);
    expect(CHK_L7RSP, 0, "");
}

static void
pgsql(void **state)
{
    struct slice s;

    (void)state;
    begin("tcp-backend", " option pgsql-check user foo");
    s = go();
    assert_int_equal(s.len, 18);
    assert_memory_equal(s.p, "\0\0\0\x12\0\3\0\0user\0foo\0\0", 18);
    feed_slice(slice("R\0\0\0\x08\0\0\0\0", 9), false);
    expect(CHK_L7OK, 0, "PostgreSQL server is ok");
    begin("tcp-backend", " option pgsql-check user foo");
    go();
    feed_slice(slice("E\0\0\0\x20SFATAL\0C28000\0", 19), false);
    expect(CHK_L7RSP, 0, "FATAL");
    begin("tcp-backend", " option pgsql-check user foo");
    go();
    feed_slice(SL("junkjunkjunk"), true);
    expect(CHK_L7STS, 0, "PostgreSQL unknown error");
}

static void
ssl_hello(void **state)
{
    struct slice s;

    (void)state;
    begin("tcp-backend", " option ssl-hello-chk");
    s = go();
    assert_int_equal(s.len, 5 + 121);
    assert_memory_equal(s.p, "\x16\3\0\0\x79\1\0\0\x75\3\0", 11);
    feed_slice(slice("\x15\3\0\0\2\2\x28", 7), false);
    expect(CHK_L6OK, 0, "");
    begin("tcp-backend", " option ssl-hello-chk");
    go();
    feed("HTTP/1.0 400 Bad request\r\n");
    expect(CHK_L6RSP, 0, "");
}

static void
spop(void **state)
{
    static const char hello[] = "\0\0\0\x4e\1\0\0\0\1\0\0\x12supported-versions\x08\x03"
                                "2.0\x0emax-frame-size\x03\xfc\xf0\x06\x0c"
                                "capabilities\x08\0\x0bhealthcheck\x11";
    static const char good[] = "\0\0\0\x25\x65\0\0\0\1\0\0\x07version\x08\x03"
                               "2.0\x0emax-frame-size\3\x10";
    static const char old[] = "\0\0\0\x25\x65\0\0\0\1\0\0\x07version\x08\x03"
                              "9.0\x0emax-frame-size\3\x10";
    struct slice s;

    (void)state;
    begin("tcp-backend", " option spop-check");
    s = go();
    assert_int_equal(s.len, sizeof(hello) - 1);
    assert_memory_equal(s.p, hello, sizeof(hello) - 1);
    feed_slice(slice(good, sizeof(good) - 1), false);
    expect(CHK_L7OK, 0, "");
    begin("tcp-backend", " option spop-check");
    go();
    feed_slice(slice(old, sizeof(old) - 1), false);
    expect(CHK_L7RSP, 0, "unsupported version");
    begin("tcp-backend", " option spop-check");
    go();
    feed_slice(slice("\0\0\0\2xx", 6), false);
    expect(CHK_L7RSP, 0, "invalid frame received");
}

/* ---- agent ---- */

static void
ask_agent(const char *answer, bool eof)
{
    struct check *ck = fx_server("b", "s")->agent;

    check_run_free(&run);
    run = check_run_new(ck);
    go();
    feed_slice(slice_str(answer), eof);
}

static void
agent(void **state)
{
    struct server *s;

    (void)state;
    check_run_free(&run);
    assert_int_equal(fx_load("tcp-backend b\n balance roundrobin\n server s 127.0.0.1:1 weight 100 "
                             "check agent-check "
                             "agent-port 9 agent-send \"hi\\n\"\n server t 127.0.0.1:2\n"),
                     0);
    s = fx_server("b", "s");
    run = check_run_new(s->agent);
    expect_sent(go(), "hi\n");
    feed("75");
    assert_false(done());
    feed("%\n");
    expect(CHK_CHECKED, 0, "");
    assert_int_equal(s->uweight, 75);
    ask_agent("up\n", false);
    expect(CHK_L7OK, 0, "via agent : up");
    ask_agent("weight:20 up maxconn:30", true);
    expect(CHK_L7OK, 0, "via agent : up");
    assert_int_equal(s->uweight, 20);
    assert_int_equal(s->maxconn, 30);
    ask_agent("stopped # oh no\r\n", false);
    expect(CHK_L7STS, 0, "via agent : stopped (oh no)");
    ask_agent("50%,fail foo\n", false);
    expect(CHK_L7STS, 0, "via agent : fail (foo)");
    assert_int_equal(s->uweight, 50);
    ask_agent("down\n", false);
    expect(CHK_L7STS, 0, "via agent : down");
    ask_agent("drain\n", false);
    expect(CHK_CHECKED, 0, "");
    assert_true(s->admin & SRVA_FDRAIN);
    ask_agent("maint\n", false);
    assert_true(s->admin & SRVA_FMAINT);
    ask_agent("ready\n", false);
    assert_int_equal(s->admin & (SRVA_FMAINT | SRVA_FDRAIN), 0);
    ask_agent("bogus\n", false);
    expect(CHK_CHECKED, 0, "agent reports an error : bogus");
    ask_agent("", true);
    expect(CHK_L7RSP, 0, "TCPCHK got an empty response at step 2");
}

/* ---- configuration ---- */

static void
rules_are_refused(void **state)
{
    static const struct {
        const char *lines, *error;
    } cases[] = {
        { "http-check foo",
          "'http-check' only supports 'disable-on-404', 'send-state', 'comment', 'connect', "
          "'send', "
          "'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got 'foo'" },
        { "http-check expect",
          "'http-check expect' : expects at least a matching pattern as arguments." },
        { "http-check expect status 200 status 300",
          "'http-check expect' : only on pattern expected" },
        { "http-check expect comment x", "'http-check expect' : pattern not found." },
        { "http-check expect hdr name -m foo x",
          "'http-check expect' : 'hdr' : '-m' only supports 'str', 'beg', 'end', 'sub' or 'reg' "
          "(got 'foo')." },
        { "http-check expect min-recv x string a",
          "'http-check expect' : 'min-recv' expects -1 or an integer" },
        { "http-check expect ok-status FOO status 200",
          "'ok-status' only supports 'L4OK', 'L6OK', 'L7OK' or 'L7OKC'" },
        { "http-check send foo",
          "'http-check send' : expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' "
          "or 'body-lf' but got 'foo' as argument." },
        { "http-check send hdr a b\n http-check send hdr c d",
          "'http-check send' : unable to add http-check send rule at step 1 (missing connect "
          "rule)." },
        { "http-check connect\n http-check expect status 200",
          "'http-check expect' : unable to add http-check expect rule at step 2 (missing send "
          "rule)." },
        { "http-check connect foo", "'http-check connect' : expects 'comment', 'port', 'addr'" },
        { "tcp-check send", "'tcp-check send' : 'string' expects a send as argument" },
        { "tcp-check send-binary 0", "'tcp-check send-binary' : " },
        { "tcp-check send x\n tcp-check connect",
          "'tcp-check connect' : first step MUST also be a 'connect'" },
        { "tcp-check expect status 200",
          "'tcp-check expect' : 'only supports min-recv, '[!]binary'" },
        { "http-check set-var(txn.x) str(a)", "'http-check set-var(txn.x)' : " },
        { "option pgsql-check", "'option pgsql-check' expects 'user <username>' as argument." },
        { "option mysql-check foo",
          "'option mysql-check' only supports optional values: 'user' (got 'foo')." },
    };
    char text[512];

    (void)state;
    check_run_free(&run);
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        snprintf(text, sizeof(text), "backend b\n %s\n", cases[i].lines);
        assert_int_not_equal(fx_load(text), 0);
        if (!strstr(fx_diags(), cases[i].error))
            fail_msg("%s\n%s", cases[i].lines, fx_diags());
    }
}

static void
a_port_is_needed(void **state)
{
    (void)state;
    assert_int_equal(fx_load("backend b\n server s 127.0.0.1 check\n"), 1);
    assert_non_null(strstr(fx_diags(), "server 's' has neither service port nor check port."));
    assert_int_equal(fx_load("backend b\n server s 127.0.0.1 check port 80\n"), 0);
    assert_int_equal(fx_load("backend b\n server s 127.0.0.1 check addr 127.0.0.1:80\n"), 0);
    assert_int_equal(fx_load("backend b\n option tcp-check\n tcp-check connect port 80\n server s "
                             "127.0.0.1 check\n"),
                     0);
    assert_int_equal(fx_load("backend b\n server s unix@/x.sock check\n"), 0);
    assert_int_equal(fx_load("backend b\n server s 127.0.0.1:1 agent-check\n"), 1);
    assert_non_null(strstr(fx_diags(), "does not have agent port"));
}

static void
sections(void **state)
{
    (void)state;
    check_run_free(&run);
    assert_int_equal(
        fx_load("healthcheck api\n type httpchk GET /status HTTP/1.1 foo.example\n http-check "
                "expect status "
                "204\nbackend b\n option httpchk\n server s 127.0.0.1:1 check healthcheck api\n"),
        0);
    run = check_run_new(fx_server("b", "s")->check);
    expect_sent(go(), "GET /status HTTP/1.1\r\nhost: foo.example\r\nconnection: close\r\n\r\n");
    feed(R200);
    expect(CHK_L7STS, 200, "OK");
    check_run_free(&run);
    assert_int_not_equal(fx_load("healthcheck a\n type foo\nbackend b\n server s 127.0.0.1:1\n"),
                         0);
    assert_non_null(
        strstr(fx_diags(), "unknown healthcheck type 'foo' (expects 'tcp-check', 'httpchk', "));
    assert_int_not_equal(fx_load("healthcheck a\n type tcp-check\n http-check send-state\n"), 0);
    assert_non_null(
        strstr(fx_diags(), "unable to configure 'http-check' rule for 'TCP' healthcheck"));
    assert_int_not_equal(fx_load("backend b\n server s 127.0.0.1:1 check healthcheck nope\n"), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fx_setup, teardown)
    const struct CMUnitTest tests[] = {
        T(plain_connect),
        T(transport_errors),
        T(tcp_expectations),
        T(tcp_script),
        T(a_full_buffer_is_the_end),
        T(http_requests),
        T(http_expectations),
        T(responses_in_single_bytes),
        T(several_requests),
        T(smtp),
        T(redis),
        T(ldap),
        T(mysql),
        T(pgsql),
        T(ssl_hello),
        T(spop),
        T(agent),
        T(rules_are_refused),
        T(a_port_is_needed),
        T(sections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
