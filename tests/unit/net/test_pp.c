/* test_pp.c - PROXY protocol and NetScaler headers. */
#include "net/pp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SIG    "\r\n\r\n\0\r\nQUIT\n"
#define IP4    "\1\2\3\4\5\6\7\10\x04\x57\x08\xae" /* 1.2.3.4:1111 5.6.7.8:2222 */
#define IP6    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\6\x04\x57\x08\xae"
#define UID    "\5\0\4UID1"
#define AS_IP4 "1.2.3.4:1111 5.6.7.8:2222"

struct row {
    const char *name;
    struct slice in; /* the header; a payload is added behind it */
    const char *want;
};

static const struct row v1[] = {
    { "tcp4", SL("PROXY TCP4 1.2.3.4 5.6.7.8 11 22\r\n"), "1.2.3.4:11 5.6.7.8:22" },
    { "tcp6", SL("PROXY TCP6 ::1 ::2 11 22\r\n"), "[::1]:11 [::2]:22" },
    { "port 0", SL("PROXY TCP4 1.2.3.4 5.6.7.8 0 65535\r\n"), "1.2.3.4:0 5.6.7.8:65535" },
    { "unknown", SL("PROXY UNKNOWN\r\n"), "local" },
    { "unknown, more", SL("PROXY UNKNOWN ffff::1 foo bar\r\n"), "local" },
    { "families differ", SL("PROXY TCP6 1.2.3.4 5.6.7.8 11 22\r\n"), "err 16" },
    { "udp", SL("PROXY UDP4 1.2.3.4 5.6.7.8 11 22\r\n"), "err 17" },
    { "LF only", SL("PROXY TCP4 1.2.3.4 5.6.7.8 11 22\n"), "err 16" },
    { "two spaces", SL("PROXY TCP4  1.2.3.4 5.6.7.8 11 22\r\n"), "err 16" },
    { "space at the end", SL("PROXY TCP4 1.2.3.4 5.6.7.8 11 22 \r\n"), "err 16" },
    { "zero in front", SL("PROXY TCP4 1.2.3.4 5.6.7.8 011 22\r\n"), "err 16" },
    { "short address", SL("PROXY TCP4 1.2.3 5.6.7.8 11 22\r\n"), "err 16" },
    { "port too big", SL("PROXY TCP4 1.2.3.4 5.6.7.8 65536 22\r\n"), "err 16" },
    { "port missing", SL("PROXY TCP4 1.2.3.4 5.6.7.8 11\r\n"), "err 16" },
    { "nothing", SL("PROXY \r\n"), "err 16" },
    { "CR alone", SL("PROXY TCP4 1.2.3.4 5.6.7.8 11 22\r \n"), "err 16" },
    { "no space", SL("PROXYTCP4 1.2.3.4 5.6.7.8 11 22\r\n"), "err 15" },
    { "other", SL("GET / HTTP/1.1\r\n"), "err 15" },
};

static const struct row v2[] = {
    { "tcp4", SL(SIG "\x21\x11\0\x0c" IP4), AS_IP4 },
    { "tcp4 uid", SL(SIG "\x21\x11\0\x13" IP4 UID), AS_IP4 " uid UID1" },
    { "udp4", SL(SIG "\x21\x12\0\x0c" IP4), AS_IP4 " dgram" },
    { "tcp6", SL(SIG "\x21\x21\0\x24" IP6), "[::5]:1111 [::6]:2222" },
    { "local", SL(SIG "\x20\0\0\0"), "local" },
    { "local, addresses", SL(SIG "\x20\x11\0\x13" IP4 UID), "local" },
    { "unspec", SL(SIG "\x21\0\0\0"), "local" },
    { "unspec uid", SL(SIG "\x21\0\0\7" UID), "local uid UID1" },
    { "unspec junk", SL(SIG "\x21\0\0\2\1\2"), "local" },
    { "family 4", SL(SIG "\x21\x41\0\x0c" IP4), "err 17" },
    { "protocol 3", SL(SIG "\x21\x13\0\x0c" IP4), "err 17" },
    { "short", SL(SIG "\x21\x11\0\x08\1\2\3\4\5\6\7\10"), "err 16" },
    { "command 2", SL(SIG "\x22\x11\0\x0c" IP4), "err 16" },
    { "version 1", SL(SIG "\x11\x11\0\x0c" IP4), "err 16" },
    { "tlv beyond", SL(SIG "\x21\x11\0\x11" IP4 "\5\0\x10zz"), "err 16" },
    { "tlv stub", SL(SIG "\x21\x11\0\x0e" IP4 "\5\0"), "err 16" },
    { "bad crc", SL(SIG "\x21\x11\0\x13" IP4 "\3\0\4abcd"), "err 16" },
    { "crc length", SL(SIG "\x21\x11\0\x12" IP4 "\3\0\3abc"), "err 16" },
};

static void
describe(enum pp_rc rc, const struct pp_in *h, struct out *o)
{
    struct slice uid;

    if (rc == PP_ERR) {
        out_printf(o, "err %d", pp_err_number(h->err));
        return;
    }
    if (h->local) {
        out_lit(o, "local");
    } else {
        addr_put(o, &h->src);
        out_char(o, ' ');
        addr_put(o, &h->dst);
        if (h->src.flags & ADDR_F_DGRAM_XPRT)
            out_lit(o, " dgram");
    }
    if (pp_tlv_find(h->tlvs, PP_TLV_UNIQUE_ID, &uid))
        out_printf(o, " uid %.*s", SLF(uid));
}

static void
check(const struct row *rows, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct pp_in h;
        char got[256] = "", *in = malloc(rows[i].in.len + 2);
        struct out o = { got, 0, sizeof(got) - 1, false };

        assert_non_null(in);
        memcpy(in, rows[i].in.p, rows[i].in.len);
        memcpy(in + rows[i].in.len, "zz", 2);
        enum pp_rc rc = pp_parse(slice(in, rows[i].in.len + 2), &h);
        assert_int_not_equal(rc, PP_MORE);
        describe(rc, &h, &o);
        got[o.len] = '\0';
        assert_string_equal(got, rows[i].want);
        assert_int_equal(h.used, rc == PP_DONE ? rows[i].in.len : 0);
        free(in);
        /* any beginning is either incomplete or refused, never accepted */
        for (size_t cut = 0; cut < rows[i].in.len; cut++) {
            char *part = malloc(cut + 1);
            assert_non_null(part);
            memcpy(part, rows[i].in.p, cut);
            enum pp_rc early = pp_parse(slice(part, cut), &h);
            assert_true(early == PP_MORE || (early == PP_ERR && rc == PP_ERR));
            free(part);
        }
    }
}

static void
test_v1(void **state)
{
    char line[200];
    struct pp_in h;

    check(v1, COUNT_OF(v1));
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    assert_int_equal(pp_parse(slice(line, PP_V1_MAX - 1), &h), PP_MORE);
    assert_int_equal(pp_parse(slice(line, PP_V1_MAX), &h), PP_ERR);
    memcpy(line + PP_V1_MAX - 2, "\r\n", 2);
    assert_int_equal(pp_parse(slice(line, sizeof(line)), &h), PP_DONE);
    assert_int_equal(h.used, PP_V1_MAX);
}

static void
test_v2(void **state)
{
    check(v2, COUNT_OF(v2));
}

static struct addr
at(const char *ip, uint16_t port)
{
    struct addr a;

    assert_true(addr_parse_ip(slice_str(ip), &a));
    addr_set_port(&a, port);
    return a;
}

static void
test_write_v1(void **state)
{
    char buf[PP_V1_MAX + 1];
    struct addr a = at("1.2.3.4", 11), b = at("5.6.7.8", 22), c = at("::1", 33);
    struct addr un = { .kind = ADDR_UNIX };
    size_t n = pp_write_v1(buf, sizeof(buf), &a, &b);

    assert_true(slice_eq_str(slice(buf, n), "PROXY TCP4 1.2.3.4 5.6.7.8 11 22\r\n"));
    n = pp_write_v1(buf, sizeof(buf), &a, &c);
    assert_true(slice_eq_str(slice(buf, n), "PROXY TCP6 ::ffff:1.2.3.4 ::1 11 33\r\n"));
    n = pp_write_v1(buf, sizeof(buf), &un, &c);
    assert_true(slice_eq_str(slice(buf, n), "PROXY UNKNOWN\r\n"));
    assert_int_equal(pp_write_v1(buf, 20, &a, &b), 0);
}

/* what the reference sends: crc32c, unique-id and ssl of a clear connection */
static void
test_write_reference(void **state)
{
    static const char want[] = SIG "!\x11\0*\x7f\0\0\1\x7f\0\0\1\xa0\xde"
                                   "F\xa5\3\0\4\x94\xbe-5\5\0\x0cID-127.0.0.1 \0\5\0\0\0\0";
    static const char local[] = SIG " \0\0\x19\3\0\4\x8c\x7f\x9a}\5\0\7ID-unix \0\5\0\0\0\0";
    struct addr a = at("127.0.0.1", 41182), b = at("127.0.0.1", 18085);
    struct pp_ssl ssl = { .client = 0 };
    struct pp_out w = {
        .src = &a, .dst = &b, .crc32c = true, .unique_id = SL("ID-127.0.0.1"), .ssl = &ssl
    };
    char buf[256];

    assert_int_equal(pp_write_v2(buf, sizeof(buf), &w), sizeof(want));
    assert_memory_equal(buf, want, sizeof(want));
    w.src = NULL;
    w.unique_id = SL("ID-unix");
    assert_int_equal(pp_write_v2(buf, sizeof(buf), &w), sizeof(local));
    assert_memory_equal(buf, local, sizeof(local));
}

static void
test_round_trip(void **state)
{
    struct addr a = at("1.2.3.4", 11), b = at("::2", 22);
    struct pp_ssl ssl = { .client = PP_CLIENT_SSL | PP_CLIENT_CERT_CONN,
                          .verify = 7,
                          .version = SL("TLSv1.3"),
                          .cn = SL("example.com"),
                          .cipher = SL("C"),
                          .group = SL("x25519") };
    struct pp_tlv custom[] = { { 0xe1, SL("one") }, { 0xe2, SL("") } };
    struct pp_out w = { .src = &a,
                        .dst = &b,
                        .alpn = SL("h2"),
                        .authority = SL("host.example"),
                        .netns = SL("ns"),
                        .ssl = &ssl,
                        .custom = custom,
                        .ncustom = 2,
                        .crc32c = true };
    char buf[512];
    struct pp_in h;
    struct pp_ssl back;
    struct slice v;
    size_t n = pp_write_v2(buf, sizeof(buf), &w);

    assert_true(n > 0);
    assert_int_equal(pp_parse(slice(buf, n), &h), PP_DONE);
    assert_int_equal(h.used, n);
    assert_int_equal(h.src.kind, ADDR_IP6);
    assert_true(addr_unmap(&h.src) && addr_eq(&h.src, &a, true));
    assert_true(pp_tlv_find(h.tlvs, PP_TLV_AUTHORITY, &v) && slice_eq_str(v, "host.example"));
    assert_true(pp_tlv_find(h.tlvs, 0xe2, &v) && v.len == 0);
    assert_true(pp_tlv_find(h.tlvs, PP_TLV_SSL_GROUP, &v) && slice_eq_str(v, "x25519"));
    assert_false(pp_tlv_find(h.tlvs, PP_TLV_SSL_SIG_ALG, &v));
    assert_true(pp_tlv_find(h.tlvs, PP_TLV_SSL, &v) && pp_ssl_parse(v, &back));
    assert_int_equal(back.verify, 7);
    assert_true(slice_eq_str(back.cn, "example.com"));
    for (size_t small = 0; small < n; small++)
        assert_int_equal(pp_write_v2(buf, small, &w), 0);
    n = pp_write_v2(buf, sizeof(buf), &w);
    buf[20] ^= 1; /* the checksum must notice */
    assert_int_equal(pp_parse(slice(buf, n), &h), PP_ERR);
}

#define MAGIC 0x12345678u
#define M     "\x12\x34\x56\x78"
#define CIP4  "\x45\0\0\x28\0\0\0\0\x40\6\0\0\1\2\3\4\5\6\7\10"
#define CIP4U "\x45\0\0\x28\0\0\0\0\x40\x11\0\0\1\2\3\4\5\6\7\10"
#define CIP4O "\x46\0\0\x2c\0\0\0\0\x40\6\0\0\1\2\3\4\5\6\7\10\1\1\1\0"
#define CIP6                                                                                       \
    "\x60\0\0\0\0\x14\6\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\6"
#define TCP "\x04\x57\x08\xae\0\0\0\0\0\0\0\0\x50\x10\0\x64\0\0\0\0"

static void
test_cip(void **state)
{
    static const struct row rows[] = {
        { "legacy 4", SL(M "\0\0\0\x28" CIP4 TCP), AS_IP4 },
        { "legacy options", SL(M "\0\0\0\x2c" CIP4O TCP), AS_IP4 },
        { "legacy 6", SL(M "\0\0\0\x3c" CIP6 TCP), "[::5]:1111 [::6]:2222" },
        { "standard 4", SL(M "\0\0\0\x34\0\1\0\x28" CIP4 TCP), AS_IP4 },
        { "standard 6", SL(M "\0\0\0\x48\0\1\0\x3c" CIP6 TCP), "[::5]:1111 [::6]:2222" },
        { "udp", SL(M "\0\0\0\x28" CIP4U TCP), "err 23" },
        { "magic", SL("abcd\0\0\0\x28" CIP4 TCP), "err 22" },
        { "version", SL(M "\0\0\0\x28" TCP TCP), "err 23" },
        { "length", SL(M "\0\0\0\x14" CIP4 TCP), "err 21" },
        { "huge", SL(M "\xff\xff\xff\xff" CIP4 TCP), "err 21" },
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct pp_in h;
        char got[128] = "";
        struct out o = { got, 0, sizeof(got) - 1, false };
        enum pp_rc rc = pp_cip_parse(rows[i].in, MAGIC, &h);

        describe(rc, &h, &o);
        got[o.len] = '\0';
        assert_string_equal(got, rows[i].want);
        for (size_t cut = 0; cut < rows[i].in.len; cut++) {
            enum pp_rc early = pp_cip_parse(slice(rows[i].in.p, cut), MAGIC, &h);
            assert_true(early == PP_MORE || (early == PP_ERR && rc == PP_ERR));
        }
    }
}

static void
test_crc(void **state)
{
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283u);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v1),         cmocka_unit_test(test_v2),
        cmocka_unit_test(test_write_v1),   cmocka_unit_test(test_write_reference),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_cip),
        cmocka_unit_test(test_crc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
