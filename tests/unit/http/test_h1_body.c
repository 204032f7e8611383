/* test_h1_body.c - decoding of bodies: chunks, trailers, lengths, ends; all of it cut at every
 * byte. */
#include "h1_helper.h"

static const struct h1_limits strict = { .hdr_max = 101 };

struct body {
    enum h1_event ev;
    char data[512], trailers[512], rest[4096];
    unsigned status;
};

/* Feeds `in` in pieces of `step` bytes, or in two parts when cut is given, as a connection would:
 * what was not consumed stays in front of what comes next. */
static void
run(struct body *b, struct slice in, enum h1_framing framing, uint64_t clen, size_t step,
    size_t cut)
{
    struct http_hdr hdr[16];
    struct http_head trailers;
    struct arena arena;
    struct h1 h;
    size_t have = 0, at = 0;
    struct out data = OUT(b->data);

    arena_init(&arena, NULL, 0, 0);
    http_head_init(&trailers, hdr, 16, &arena);
    h1_init(&h, H1_REQUEST, &strict);
    h.trailers = &trailers;
    h1_body_init(&h, framing, clen);
    b->ev = h1_body_done(&h) ? H1_END : H1_MORE;
    char *kept = malloc(in.len + 1);
    while ((b->ev == H1_MORE || b->ev == H1_DATA) && at < in.len) {
        size_t n = MIN(cut && at < cut ? cut - at : step, in.len - at), consumed, produced;
        char *buf = malloc(have + n);
        memcpy(buf, kept, have);
        memcpy(buf + have, in.p + at, n);
        have += n;
        at += n;
        b->ev = h1_body(&h, buf, have, &consumed, &produced);
        assert_true(consumed <= have && produced <= consumed);
        out_mem(&data, buf, produced);
        have -= consumed;
        memcpy(kept, buf + consumed, have);
        free(buf);
    }
    assert_false(data.full);
    b->data[data.len] = '\0';
    struct out t = OUT(b->trailers);
    for (unsigned i = 0; i < trailers.nhdr; i++)
        out_printf(&t, "%.*s=%.*s;", SLF(hdr[i].name), SLF(hdr[i].value));
    b->trailers[t.len] = '\0';
    struct out rest = OUT(b->rest);
    out_mem(&rest, kept, have);
    out_mem(&rest, in.p + at, in.len - at);
    b->rest[rest.len] = '\0';
    b->status = h.status;
    free(kept);
    arena_fini(&arena);
}

static void
check(struct slice in, enum h1_framing framing, uint64_t clen, enum h1_event ev, const char *data,
      const char *trailers, const char *rest)
{
    struct body b;

    for (size_t cut = 0; cut <= in.len + 1; cut++) {
        /* 0: all at once, last: byte by byte. */
        run(&b, in, framing, clen, cut == in.len + 1 ? 1 : in.len, cut == in.len + 1 ? 0 : cut);
        bool same_ev = b.ev == ev || (ev == H1_MORE && b.ev == H1_DATA);
        if (!same_ev || (ev != H1_ERR && (strcmp(b.data, data) || strcmp(b.trailers, trailers) ||
                                          (ev == H1_END && strcmp(b.rest, rest)))))
            fail_msg("cut %zu of \"%.*s\": event %d data \"%s\" trailers \"%s\" rest \"%s\"", cut,
                     SLF(in), b.ev, b.data, b.trailers, b.rest);
    }
}

struct row {
    const char *in;
    enum h1_event ev;
    const char *data, *trailers, *rest;
};

static void
test_chunked(void **state)
{
    static const struct row rows[] = {
        { "3\r\nabc\r\n0\r\n\r\n", H1_END, "abc", "", "" },
        { "3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\nGET /", H1_END, "abcdefgh", "", "GET /" },
        { "0\r\n\r\n", H1_END, "", "", "" },
        { "a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n", H1_END, "01234567890123456789", "",
          "" },
        { "3 \t\r\nabc\r\n0 \r\n\r\n", H1_END, "abc", "", "" },
        { "3;a=b\r\nabc\r\n0;x\r\n\r\n", H1_END, "abc", "", "" },
        { "3 ;a=b\r\nabc\r\n0\r\n\r\n", H1_END, "abc", "", "" },
        { "3;\r\nabc\r\n0\r\n\r\n", H1_END, "abc", "", "" },
        { "3;a=\"x;\\\"y\"\r\nabc\r\n0\r\n\r\n", H1_END, "abc", "", "" },
        { "3;a=\tb\r\nabc\r\n0\r\n\r\n", H1_END, "abc", "", "" },
        { "0003\r\nabc\r\n0\r\n\r\n", H1_END, "abc", "", "" },
        { "00000000000000003\r\nabc\r\n0\r\n\r\n", H1_END, "abc", "", "" },
        { "7fffffffffffffff\r\nabc", H1_MORE, "abc", "", "" },
        { "8000000000000000\r\nabc", H1_ERR, "", "", "" },
        { "ffffffffffffffff\r\nabc", H1_ERR, "", "", "" },
        { "3;a=\"x\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "3;a=\"x\\\"\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "3;a\x01\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "3;a\x7f\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "3;a\rb\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "3;a\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { " 3\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "3 a\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "3x\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "0x3\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "+3\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "-0\r\n\r\n", H1_ERR, "", "", "" },
        { "\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "g\r\n", H1_ERR, "", "", "" },
        { "3\nabc\n0\n\n", H1_ERR, "", "", "" },
        { "3\r\nabc\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "3\r\nabcd\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "3\r\nabc\r\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "3\r\r\nabc\r\n0\r\n\r\n", H1_ERR, "", "", "" },
        { "3\r\nabc\r\n0\r\nX-T: y\r\n\r\nZ", H1_END, "abc", "x-t=y;", "Z" },
        { "3\r\nabc\r\n0\r\nX-T: y\n\n", H1_END, "abc", "x-t=y;", "" },
        { "3\r\nabc\r\n0\r\nX-T: y\r\n z\r\nB:\r\n\r\n", H1_END, "abc", "x-t=y   z;b=;", "" },
        { "0\r\nHost: b\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nA: b\r\n\r\n", H1_END, "",
          "a=b;", "" },
        { "0\r\n: y\r\n\r\n", H1_ERR, "", "", "" },
        { "0\r\nX y\r\n\r\n", H1_ERR, "", "", "" },
        { "0\r\nX y: z\r\n\r\n", H1_ERR, "", "", "" },
        { "0\r\nX: a\rb\r\n\r\n", H1_ERR, "", "", "" },
        { "3\r\nab", H1_MORE, "ab", "", "" },
        { "0\r\nX: a\r\n", H1_MORE, "", "", "" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check(slice_str(rows[i].in), H1_FRAME_CHUNKED, 0, rows[i].ev, rows[i].data,
              rows[i].trailers, rows[i].rest);
}

static void
test_plain(void **state)
{
    check(SL("abcdef"), H1_FRAME_LENGTH, 3, H1_END, "abc", "", "def");
    check(SL("ab"), H1_FRAME_LENGTH, 3, H1_MORE, "ab", "", "");
    check(SL("abc"), H1_FRAME_NONE, 0, H1_END, "", "", "abc");
    check(SL("abc"), H1_FRAME_LENGTH, 0, H1_END, "", "", "abc");
    check(SL("abc"), H1_FRAME_CLOSE, 0, H1_MORE, "abc", "", "");
    check(SL("abc"), H1_FRAME_TUNNEL, 0, H1_MORE, "abc", "", "");
}

static void
test_many_trailers(void **state)
{
    struct body b;
    char in[4096];
    struct out o = OUT(in);

    out_str(&o, "0\r\n");
    for (int i = 0; i < 101; i++)
        out_printf(&o, "x%d: y\r\n", i);
    out_str(&o, "\r\n");
    run(&b, out_slice(&o), H1_FRAME_CHUNKED, 0, o.len, 0);
    assert_int_equal(b.ev, H1_ERR); /* the table has 16 places */
}

static void
test_bounds(void **state)
{
    struct h1_limits lim = { .hdr_max = 8, .head_max = 16 };
    char ext[] = "3;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    char trailer[] = "0\r\nx: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    size_t consumed, produced;
    struct h1 h;

    h1_init(&h, H1_REQUEST, &lim);
    h1_body_init(&h, H1_FRAME_CHUNKED, 0);
    assert_int_equal(h1_body(&h, ext, sizeof(ext) - 1, &consumed, &produced), H1_ERR);
    assert_int_equal(h.status, 400);
    h1_init(&h, H1_REQUEST, &lim);
    h1_body_init(&h, H1_FRAME_CHUNKED, 0);
    assert_int_equal(h1_body(&h, trailer, sizeof(trailer) - 1, &consumed, &produced), H1_ERR);
    assert_int_equal(h.status, 431);
    assert_int_equal(h1_body(&h, trailer, 1, &consumed, &produced), H1_ERR);
}

static void
test_skip_and_eof(void **state)
{
    char in[] = "5\r\nab";
    size_t consumed, produced;
    struct h1 h;

    h1_init(&h, H1_RESPONSE, &strict);
    h1_body_init(&h, H1_FRAME_LENGTH, 100);
    assert_int_equal(h1_body_left(&h), 100);
    h1_body_skip(&h, 60);
    assert_int_equal(h1_body_left(&h), 40);
    assert_false(h1_body_done(&h));
    h1_body_skip(&h, 40);
    assert_true(h1_body_done(&h));
    assert_int_equal(h.body_bytes, 100);
    assert_int_equal(h1_eof(&h), H1_END);

    h1_body_init(&h, H1_FRAME_LENGTH, 100);
    assert_int_equal(h1_eof(&h), H1_ERR);
    assert_int_equal(h.status, 502);

    h1_init(&h, H1_RESPONSE, &strict);
    h1_body_init(&h, H1_FRAME_CLOSE, 0);
    assert_int_equal(h1_body_left(&h), UINT64_MAX);
    h1_body_skip(&h, 1 << 20);
    assert_int_equal(h1_eof(&h), H1_END);
    assert_true(h1_body_done(&h));

    h1_init(&h, H1_RESPONSE, &strict);
    h1_body_init(&h, H1_FRAME_CHUNKED, 0);
    assert_int_equal(h1_body(&h, in, 5, &consumed, &produced), H1_DATA);
    assert_int_equal(h1_body_left(&h), 3);
    h1_body_skip(&h, 3);
    assert_int_equal(h1_body_left(&h), 0);
    char end[] = "\r\n0\r\n\r\n";
    assert_int_equal(h1_body(&h, end, 7, &consumed, &produced), H1_END);
    assert_int_equal(consumed, 7);

    h1_init(&h, H1_RESPONSE, &strict);
    h1_body_init(&h, H1_FRAME_CHUNKED, 0);
    assert_int_equal(h1_eof(&h), H1_ERR);
}

static void
test_chunk_output(void **state)
{
    char buf[128];
    struct out o = OUT(buf);
    struct http_hdr hdr[] = { { SL("x"), SL("y") } };
    struct http_head t = { .hdr = hdr, .nhdr = 1, .hdr_max = 1 };

    h1_chunk_header(&o, 0x1f);
    h1_chunk_header(&o, UINT64_MAX);
    h1_chunk_end(NULL, NULL, &o);
    h1_chunk_end(&t, NULL, &o);
    assert_true(
        slice_eq(out_slice(&o), SL("1f\r\nffffffffffffffff\r\n0\r\n\r\n0\r\nx: y\r\n\r\n")));
    o.len = 0;
    h1_chunk_header(&o, UINT64_MAX);
    assert_int_equal(o.len, H1_CHUNK_HEADER_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunked),       cmocka_unit_test(test_plain),
        cmocka_unit_test(test_many_trailers), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_skip_and_eof),  cmocka_unit_test(test_chunk_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
