/* test_hello.c - the reader of TLS hellos, with messages made by hand. */
#include "tls/hello.h"

#include "base/out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct msg {
    char bytes[1024];
    struct out o;
};

static void
put(struct msg *m, unsigned value, unsigned bytes)
{
    while (bytes-- > 0)
        out_char(&m->o, (char)(value >> 8 * bytes));
}

/** Writes the number of bytes behind it into a length field of `bytes` bytes. */
static void
close_length(struct msg *m, size_t at, unsigned bytes)
{
    size_t len = m->o.len - at - bytes;

    for (unsigned i = 0; i < bytes; i++)
        m->bytes[at + i] = (char)(len >> 8 * (bytes - 1 - i));
}

static size_t
open_length(struct msg *m, unsigned bytes)
{
    size_t at = m->o.len;

    put(m, 0, bytes);
    return at;
}

static void
put_extension(struct msg *m, unsigned type, struct slice data)
{
    size_t at;

    put(m, type, 2);
    at = open_length(m, 2);
    out_slice_put(&m->o, data);
    close_length(m, at, 2);
}

/** A client hello in one record, with these extensions: pairs of type and data. */
static struct slice
hello(struct msg *m, unsigned n, const struct slice *ext, const unsigned *types)
{
    size_t record, message, extensions;

    m->o = (struct out){ m->bytes, 0, sizeof(m->bytes), false };
    put(m, 0x160301, 3);
    record = open_length(m, 2);
    put(m, TLS_CLIENT_HELLO, 1);
    message = open_length(m, 3);
    put(m, 0x0303, 2);
    for (unsigned i = 0; i < 32; i++)
        put(m, i, 1);
    put(m, 2, 1);
    put(m, 0x7373, 2); /* session */
    put(m, 4, 2);
    put(m, 0x1301002f, 4);
    put(m, 0x0100, 2); /* compression */
    if (ext) {
        extensions = open_length(m, 2);
        for (unsigned i = 0; i < n; i++)
            put_extension(m, types[i], ext[i]);
        close_length(m, extensions, 2);
    }
    close_length(m, message, 3);
    close_length(m, record, 2);
    assert_false(m->o.full);
    return out_slice(&m->o);
}

static void
same(struct slice got, struct slice wanted)
{
    assert_int_equal(got.len, wanted.len);
    if (wanted.len)
        assert_memory_equal(got.p, wanted.p, wanted.len);
}

static const unsigned types[] = { 99, 0, 10, 13, 16, 35, 43, 51, 11 };
static const struct slice data[] = {
    { "zz", 2 },       { "\0\x0d\0\0\3a.b\0\0\4c.de", 15 }, { "\0\4\0\x1d\0\x17", 6 },
    { "\0\2\4\3", 4 }, { "\0\x0c\2h2\x08http/1.1", 14 },    { "", 0 },
    { "\2\3\4", 3 },   { "\0\6\0\x1d\0\2ab", 8 },           { "\1\0", 2 },
};

static void
test_everything(void **state)
{
    struct msg m;
    struct tls_hello h;
    struct slice in = hello(&m, COUNT_OF(types), data, types), list, item;
    uint16_t group;

    assert_int_equal(tls_hello_parse(in, NULL, &h), TLS_HELLO_OK);
    assert_int_equal(h.type, TLS_CLIENT_HELLO);
    assert_int_equal(h.record_version, 0x0301);
    assert_int_equal(h.version, 0x0303);
    assert_false(h.v2);
    assert_int_equal(h.random.len, 32);
    same(h.session_id, SL("ss"));
    same(h.ciphers, slice("\x13\1\0\x2f", 4));
    same(h.sni, SL("a.b")); /* the first one */
    same(h.groups, slice("\0\x1d\0\x17", 4));
    same(h.sigalgs, SL("\4\3"));
    same(h.versions, SL("\3\4"));
    assert_non_null(h.ticket.p);
    assert_int_equal(h.ticket.len, 0);
    list = h.alpn;
    assert_true(tls_hello_alpn_next(&list, &item));
    same(item, SL("h2"));
    assert_true(tls_hello_alpn_next(&list, &item));
    same(item, SL("http/1.1"));
    assert_false(tls_hello_alpn_next(&list, &item));
    list = h.key_shares;
    assert_true(tls_hello_share_next(&list, &group));
    assert_int_equal(group, 0x001d);
    assert_false(tls_hello_share_next(&list, &group));
}

/** Whatever follows is not looked at; whatever is missing is waited for. */
static void
test_lengths(void **state)
{
    struct msg m;
    struct tls_hello h;
    struct slice in = hello(&m, COUNT_OF(types), data, types);
    uint8_t type = 0;

    for (size_t n = 0; n < in.len; n++) {
        char *copy = malloc(n ? n : 1); /* exactly as long: reading on is found */
        memcpy(copy, in.p, n);
        assert_int_equal(tls_hello_parse(slice(copy, n), NULL, &h), TLS_HELLO_MORE);
        assert_int_equal(tls_hello_type(slice(copy, n), true, &type), TLS_HELLO_MORE);
        free(copy);
    }
    assert_int_equal(tls_hello_parse(slice(in.p, in.len + 5), NULL, &h), TLS_HELLO_OK);
    assert_int_equal(tls_hello_type(in, true, &type), TLS_HELLO_OK);
    assert_int_equal(type, TLS_CLIENT_HELLO);
}

static void
test_no_extensions(void **state)
{
    struct msg m;
    struct tls_hello h;

    assert_int_equal(tls_hello_parse(hello(&m, 0, NULL, NULL), NULL, &h), TLS_HELLO_OK);
    assert_null(h.sni.p);
    assert_null(h.ticket.p);
    assert_false(h.has_groups);
    assert_int_equal(tls_hello_parse(hello(&m, 0, data, types), NULL, &h), TLS_HELLO_OK);
}

/** The message cut into records of one byte, and of three. */
static void
test_fragments(void **state)
{
    struct msg m, f;
    struct tls_hello h;
    struct slice in = hello(&m, COUNT_OF(types), data, types);
    char scratch[sizeof(m.bytes)];

    for (size_t part = 4; part <= 64; part *= 4) {
        f.o = (struct out){ f.bytes, 0, sizeof(f.bytes), false };
        for (size_t at = 5; at < in.len; at += part) {
            size_t n = MIN(part, in.len - at);
            put(&f, 0x160301, 3);
            put(&f, (unsigned)n, 2);
            out_mem(&f.o, in.p + at, n);
        }
        assert_false(f.o.full);
        assert_int_equal(tls_hello_parse(out_slice(&f.o), scratch, &h), TLS_HELLO_OK);
        same(h.sni, SL("a.b"));
        assert_int_equal(tls_hello_parse(out_slice(&f.o), NULL, &h), TLS_HELLO_BAD);
        f.o.len--;
        assert_int_equal(tls_hello_parse(out_slice(&f.o), scratch, &h), TLS_HELLO_MORE);
    }
}

static void
test_refused(void **state)
{
    static const struct {
        unsigned type;
        struct slice data;
    } bad[] = {
        { 0, { "\0\6\0\0\5a.b", 8 } },   /* a name longer than the list */
        { 0, { "\0\x09\0\0\3a.b", 8 } }, /* a list longer than the extension */
        { 0, { "\0\6\0\0\3a.bx", 9 } },  /* a list shorter than the extension */
        { 10, { "\0", 1 } },
        { 16, { "\0\3\2h2x", 6 } },
        { 43, { "", 0 } },
        { 51, { "\0\7\0\x1d", 4 } },
    };
    static const struct slice junk[] = {
        { "GET / HTTP/1.1\r\n\r\n", 18 },
        { "\x16\2\1\0\4\1\0\0\0", 9 },
        { "\x16\3\1\0\0\1", 6 },
        { "\x16\3\1\xff\xff\1", 6 },
        { "\x16\3\1\0\4\2\0\0\0", 9 },   /* a server's */
        { "\x16\3\1\0\4\1\0\0\0", 9 },   /* too short for a client's */
        { "\x16\3\1\0\4\1\xff\0\0", 9 }, /* too long for anybody's */
        { "\x80\x08\1\3\1\0\0\0\0\0\0", 11 },
    };
    struct msg m;
    struct tls_hello h;

    for (unsigned i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(tls_hello_parse(hello(&m, 1, &bad[i].data, &bad[i].type), NULL, &h),
                         TLS_HELLO_BAD);
    for (unsigned i = 0; i < COUNT_OF(junk); i++)
        assert_int_equal(tls_hello_parse(junk[i], NULL, &h), TLS_HELLO_BAD);
}

static void
test_v2(void **state)
{
    char in[48] = { (char)0x80, 46, 1, 3, 1, 0, 21, 0, 0, 0, 16 };
    struct tls_hello h;

    assert_int_equal(tls_hello_parse(slice(in, sizeof(in)), NULL, &h), TLS_HELLO_OK);
    assert_true(h.v2);
    assert_int_equal(h.version, 0x0301);
    assert_int_equal(tls_hello_parse(slice(in, sizeof(in) - 1), NULL, &h), TLS_HELLO_MORE);
    in[1] = 45;
    assert_int_equal(tls_hello_parse(slice(in, sizeof(in)), NULL, &h), TLS_HELLO_BAD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),    cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_no_extensions), cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_v2),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
