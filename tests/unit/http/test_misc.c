/* test_misc.c - dates, credentials, reason phrases, error pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http/auth.h"
#include "http/date.h"
#include "http/errors.h"
#include "http/status.h"

static void
test_date_parse(void **state)
{
    static const struct {
        const char *in;
        int64_t want; /* -1: refused */
    } rows[] = {
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994", 784111777 },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Tue, 29 Feb 2000 23:59:60 GMT", 951868800 },
        { "Friday, 01-Jan-16 00:00:00 GMT", 1451606400 },
        { "Fri Nov 16 08:49:37 2018", 1542358177 },
        { "Wed, 29 Feb 1900 00:00:00 GMT", -1 },
        { "Wed, 30 Feb 2000 00:00:00 GMT", -1 },
        { "Sun, 06 Nov 1994 24:00:00 GMT", -1 },
        { "Sun, 06 Nov 1994 08:60:37 GMT", -1 },
        { "Sun, 00 Nov 1994 08:49:37 GMT", -1 },
        { "Sun, 6 Nov 1994 08:49:37 GMT", -1 },
        { "Sun, 06 Nov 1994 08:49:37", -1 },
        { "Sun, 06 Nov 1994 08:49:37 GMT ", -1 },
        { "Sun, 06 Nov 1994 08:49:37 UTC", -1 },
        { "Sun, 06 Foo 1994 08:49:37 GMT", -1 },
        { "Mon, 06-Nov-94 08:49:37 GMT", -1 },
        { "Mond, 06-Nov-94 08:49:37 GMT", -1 },
        { "1994-11-06T08:49:37Z", -1 },
        { "", -1 },
        { "Sun", -1 },
        { "Sun Nov  6 08:49:37 94", -1 },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t sec = -1;
        bool ok = http_date_parse(slice_str(rows[i].in), &sec);
        if (ok != (rows[i].want >= 0) || (ok && sec != rows[i].want))
            fail_msg("\"%s\": %d %lld", rows[i].in, ok, (long long)sec);
    }
}

static void
test_date_format(void **state)
{
    char text[HTTP_DATE_LEN + 1] = "", want[64];

    for (int64_t sec = -62167219200; sec <= 253402300799; sec += 86399 * 997 + 13) {
        struct tm tm;
        time_t t = (time_t)sec;
        int64_t back;
        http_date_format(sec, text);
        assert_non_null(gmtime_r(&t, &tm));
        strftime(want, sizeof(want), "%a, %d %b ", &tm);
        size_t n = strlen(want);
        snprintf(want + n, sizeof(want) - n, "%04d ", tm.tm_year + 1900);
        n = strlen(want);
        strftime(want + n, sizeof(want) - n, "%H:%M:%S GMT", &tm);
        assert_string_equal(text, want);
        assert_true(http_date_parse(slice_str(text), &back));
        assert_int_equal(back, sec);
    }
    http_date_format(INT64_MAX, text);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    http_date_format(INT64_MIN, text);
    assert_string_equal(text, "Sat, 01 Jan 0000 00:00:00 GMT");
    struct slice a = http_date_cached(784111777), b = http_date_cached(784111777);
    assert_ptr_equal(a.p, b.p);
    assert_true(slice_eq(a, SL("Sun, 06 Nov 1994 08:49:37 GMT")));
    assert_true(slice_eq(http_date_cached(784111778), SL("Sun, 06 Nov 1994 08:49:38 GMT")));
}

static void
test_auth(void **state)
{
    static const struct {
        const char *in;
        enum http_auth_scheme scheme;
        const char *user, *pass, *token;
    } rows[] = {
        { "Basic dTpw", HTTP_AUTH_BASIC, "u", "p", "" },
        { "basic dTpw", HTTP_AUTH_BASIC, "u", "p", "" },
        { "Basic  dTpw", HTTP_AUTH_BASIC, "u", "p", "" },
        { "Basic dTpwOnE=", HTTP_AUTH_BASIC, "u", "p:q", "" },
        { "Basic OnA=", HTTP_AUTH_BASIC, "", "p", "" },
        { "Basic dTo=", HTTP_AUTH_BASIC, "u", "", "" },
        { "Basic dXNlcjpwYXNz", HTTP_AUTH_BASIC, "user", "pass", "" },
        { "Basic dQ==", HTTP_AUTH_NONE, "", "", "" },
        { "Basic dQA6cA==", HTTP_AUTH_NONE, "", "", "" },
        { "Basic dXM6cA", HTTP_AUTH_NONE, "", "", "" },
        { "Basic d===", HTTP_AUTH_NONE, "", "", "" },
        { "Basic dT==dTpw", HTTP_AUTH_NONE, "", "", "" },
        { "Basic dT=w", HTTP_AUTH_NONE, "", "", "" },
        { "Basic @@@@", HTTP_AUTH_NONE, "", "", "" },
        { "Basic", HTTP_AUTH_NONE, "", "", "" },
        { "Basic ", HTTP_AUTH_NONE, "", "", "" },
        { "BASIC\tdTpw", HTTP_AUTH_NONE, "", "", "" },
        { "Digest x", HTTP_AUTH_NONE, "", "", "" },
        { "Bearer tok", HTTP_AUTH_BEARER, "", "", "tok" },
        { "bearer  a b", HTTP_AUTH_BEARER, "", "", "a b" },
        { "Bearer ", HTTP_AUTH_NONE, "", "", "" },
        { "", HTTP_AUTH_NONE, "", "", "" },
    };
    char buf[64];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_auth a = http_auth_decode(slice_str(rows[i].in), buf, sizeof(buf));
        if (a.scheme != rows[i].scheme || !slice_eq_str(a.user, rows[i].user) ||
            !slice_eq_str(a.pass, rows[i].pass) || !slice_eq_str(a.token, rows[i].token))
            fail_msg("\"%s\": %d", rows[i].in, a.scheme);
    }
    assert_int_equal(http_auth_decode(SL("Basic dTpw"), buf, 2).scheme, HTTP_AUTH_NONE);
    assert_int_equal(http_auth_decode(SL("Basic dTpw"), buf, 3).scheme, HTTP_AUTH_BASIC);
    assert_true(slice_eq(http_auth_scheme_name(HTTP_AUTH_BASIC), SL("Basic")));
}

static void
test_reasons(void **state)
{
    static const struct {
        unsigned status;
        const char *want;
    } rows[] = {
        { 100, "Continue" },
        { 103, "Informational" },
        { 200, "OK" },
        { 299, "Success" },
        { 302, "Moved Temporarily" },
        { 399, "Redirection" },
        { 400, "Bad Request" },
        { 413, "Request Entity Too Large" },
        { 430, "Client Error" },
        { 502, "Bad Gateway or Proxy Error" },
        { 504, "Gateway Time-out" },
        { 599, "Server Error" },
        { 600, "Other" },
        { 0, "Other" },
        { 65535, "Other" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_true(slice_eq_str(http_reason(rows[i].status), rows[i].want));
}

static void
test_errors(void **state)
{
    static const char full404[] =
        "HTTP/1.1 404 Not Found\r\ncontent-length: 83\r\ncache-control: no-cache\r\n"
        "content-type: text/html\r\n\r\n"
        "<html><body><h1>404 Not Found</h1>\nThe resource could not be found.\n</body></html>\n";
    static const char raw400[] =
        "HTTP/1.1 400 Bad request\r\ncontent-length: 90\r\ncache-control: no-cache\r\n"
        "connection: close\r\ncontent-type: text/html\r\n\r\n"
        "<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n"
        "</body></html>\n";
    static const unsigned statuses[] = { 200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414,
                                         421, 422, 425, 429, 431, 500, 501, 502, 503, 504 };

    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        const struct http_error *e = http_error_message(statuses[i]);
        char want[64];
        assert_int_equal(e->status, statuses[i]);
        assert_ptr_equal(http_error_at((unsigned)i), e);
        assert_true(http_error_is_known(statuses[i]));
        assert_int_equal(e->head.len + e->body.len, e->full.len);
        assert_true(slice_starts(e->full, e->head) && slice_ends(e->full, e->body));
        assert_true(slice_ends(e->head, SL("\r\n\r\n")));
        snprintf(want, sizeof(want), "\r\ncontent-length: %zu\r\n", e->body.len);
        assert_true(slice_search(e->head, slice_str(want)) != SIZE_MAX);
        assert_true(slice_ends(e->raw, e->body));
    }
    assert_null(http_error_at(COUNT_OF(statuses)));
    assert_true(slice_eq(http_error_message(404)->full, SL(full404)));
    assert_true(slice_eq(http_error_message(400)->raw, SL(raw400)));
    assert_int_equal(http_error_message(405)->body.len, 147);
    assert_int_equal(http_error_message(501)->body.len, 135);
    assert_int_equal(http_error_message(418)->status, 500);
    assert_int_equal(http_error_message(99999)->status, 500);
    assert_false(http_error_is_known(411));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_date_parse), cmocka_unit_test(test_date_format),
        cmocka_unit_test(test_auth),       cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
