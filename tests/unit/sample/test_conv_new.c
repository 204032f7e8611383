/* test_conv_new.c - converters that came after 2.6, limits of results, and what only hooks know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv_fixture.h"

#include <stdlib.h>

static int
setup(void **state)
{
    conv_setup();
    return 0;
}

static int
teardown(void **state)
{
    conv_teardown();
    return 0;
}

static void
test_strings(void **state)
{
    conv_is("str(),reverse", "");
    conv_is("str(abc),reverse", "cba");
    conv_is("str(abcd),reverse", "dcba");
    conv_is("str(www.example.com),reverse_dom", "com.example.www");
    conv_is("str(www.example.com.),reverse_dom", "com.example.www");
    conv_is("str(localhost),reverse_dom", "localhost");
    conv_is("str(A.b),reverse_dom", "b.A");
    conv_is("str(a..b),reverse_dom", NULL);
    conv_is("str(.a),reverse_dom", NULL);
    conv_is("str(.),reverse_dom", NULL);
    conv_is("str(),reverse_dom", NULL);
    conv_is("str(a..),reverse_dom", NULL);
}

static void
test_param(void **state)
{
    conv_is("str(a=1&b=2&c),param(a)", "1");
    conv_is("str(a=1&b=2&c),param(b)", "2");
    conv_is("str(a=1&b=2&c),param(c)", "");
    conv_is("str(a=1&b=2&c),param(d)", NULL);
    conv_is("str(aa=1&a=2),param(a)", "2");
    conv_is("str(a=1&a=2),param(a)", "1");
    conv_is("str(a=%41=+),param(a)", "%41=+");
    conv_is("str(a=1;b=2),param(b,;)", "2");
    conv_is("str(a=1;b=2),param(b,0x3B)", "2");
    conv_is("str(),param(a)", NULL);
    conv_fails("str(a=1),param(a,ab)", "invalid args in converter 'param' : Delimiter must be "
                                       "either exactly 1 character, or 0xHH for an ASCII code .");
    conv_fails("str(a=1),param(a,0xZZ)", "invalid args in converter 'param' : Delimiter must be "
                                         "either exactly 1 character, or 0xHH for an ASCII code .");
}

static void
test_bytes_of_variables(void **state)
{
    conv_is("int(2),set-var(txn.from)", "2");
    conv_is("int(3),set-var(txn.len)", "3");
    conv_is("int(-1),set-var(txn.neg)", "-1");
    conv_is("str(abcdefgh),bytes(txn.from,txn.len)", "cde");
    conv_is("str(abcdefgh),bytes(txn.from)", "cdefgh");
    conv_is("str(abcdefgh),bytes(txn.neg)", "");
    conv_is("str(abcdefgh),bytes(1,txn.neg)", "");
    conv_is("str(abcdefgh),bytes(8)", "");
    conv_is("str(abcdefgh),bytes(txn.unset)", NULL);
}

static void
test_has_ctl(void **state)
{
    conv_is("bin(6109),has_ctl", "0");
    conv_is("bin(610a),has_ctl", "1");
    conv_is("bin(617f),has_ctl", "1");
    conv_is("bin(6109),has_ctl(any)", "1");
    conv_is("bin(6101),has_ctl(http)", "0");
    conv_is("bin(6100),has_ctl(http)", "1");
    conv_is("bin(610d),has_ctl(http)", "1");
    conv_is("bin(617f),has_ctl(0x100000000)", "1");
    conv_is("bin(610a),has_ctl(1024)", "1");
    conv_is("bin(6180ff),has_ctl(any)", "0");
    conv_fails(
        "str(a),has_ctl(foo)",
        "invalid args in converter 'has_ctl' : cannot parse value 'foo', problem at position 0; "
        "expecting an integer value (decimal or hex with '0x' prefix).");
    conv_fails("str(a),has_ctl(0x200000001)",
               "invalid args in converter 'has_ctl' : unsupported excess bits 0x200000000 in "
               "argument value 0x200000001.");
}

static void
test_digits(void **state)
{
    conv_is("ipv4(127.0.0.1),base2", "01111111000000000000000000000001");
    conv_is("bin(01020304050607),le2dec(:,2)", "513:1027:1541:7");
    conv_is("bin(01020304),le2dec(:,2)", "513:1027");
    conv_is("bin(01020304050607),le2dec(:,2,1)", "513:1027:1541");
    conv_fails("bin(01),le2dec(:,9)",
               "invalid args in converter 'le2dec' : chunk_size out of [1..8] range (9)");
}

static void
test_dates(void **state)
{
    conv_is("int(1700000000123),ms_utime(\"%Y-%m-%dT%H:%M:%S.%3NZ\")", "2023-11-14T22:13:20.123Z");
    conv_is("int(1700000000123456),us_utime(\"%S.%N|%6N|%9N|%1N|%%N\")",
            "20.123456000|123456|123456000|1|%N");
    conv_is("int(1700000000123),ms_utime(%S.%3N,5)", "25.123");
    conv_is("int(1700000000123),ms_ltime(%Y)", "2023");
    conv_is("int(1700000000),utime(%N)", "%N");
    conv_is("str('Sunday, 06-Nov-94 08:49:37 GMT'),date", "784111777");
    conv_is("str('Sun, 06 Nov 1994 08:49:37 GMT'),date", "784111777");
    conv_is("str('Sun Nov  6 08:49:37 1994'),date", "784111777");
    conv_is("str(1994-11-06T08:49:37Z),date", NULL);
}

static void
test_forwarded(void **state)
{
    conv_is("str(for=1.2.3.4;proto=https;by=_x;host=a.b),rfc7239_is_valid", "1");
    conv_is("str('for=\"[::1]:80\"'),rfc7239_is_valid", "1");
    conv_is("str('For=\"[::1]:_p\";Proto=http'),rfc7239_is_valid", "1");
    conv_is("str(for=unknown),rfc7239_is_valid", "1");
    conv_is("str('for=1.2.3.4,for=5.6.7.8'),rfc7239_is_valid", "0");
    conv_is("str(for=1.2.3.4;for=5.6.7.8),rfc7239_is_valid", "0");
    conv_is("str(for=[::1]),rfc7239_is_valid", "0");
    conv_is("str('for=\"1.2.3.4:65536\"'),rfc7239_is_valid", "0");
    conv_is("str('for=\"1.2.3.4:65535\"'),rfc7239_is_valid", "1");
    conv_is("str(secret=x),rfc7239_is_valid", "0");
    conv_is("str(for=),rfc7239_is_valid", "0");
    conv_is("str(for=1.2.3.4;),rfc7239_is_valid", "0");
    conv_is("str(),rfc7239_is_valid", "0");
    conv_is("str('for=\"[::1]:80\";proto=https'),rfc7239_field(for)", "[::1]:80");
    conv_is("str('for=\"[::1]:80\";proto=https'),rfc7239_field(proto)", "https");
    conv_is("str('for=\"[::1]:80\";proto=https'),rfc7239_field(by)", NULL);
    conv_is("str('for=\"[::1]:80\";proto=https'),rfc7239_field(nope)", NULL);
    conv_is("str([::1]:80),rfc7239_n2nn", "::1");
    conv_is("str(1.2.3.4),rfc7239_n2nn", "1.2.3.4");
    conv_is("str(unknown:_a),rfc7239_n2nn", "unknown");
    conv_is("str(_abc:80),rfc7239_n2nn", "_abc");
    conv_is("str(abc:80),rfc7239_n2nn", NULL);
    conv_is("str([::1]x:80),rfc7239_n2nn", NULL);
    conv_is("str([::1]:80),rfc7239_n2np", "80");
    conv_is("str(1.2.3.4:_p),rfc7239_n2np", "_p");
    conv_is("str(1.2.3.4),rfc7239_n2np", NULL);
    conv_is("ipv4(1.2.3.4),rfc7239_nn", "1.2.3.4");
    conv_is("ipv6(::1),rfc7239_nn", "\"[::1]\"");
    conv_is("str(abc),rfc7239_nn", "_abc");
    conv_is("str(a b),rfc7239_nn", NULL);
    conv_is("str(),rfc7239_nn", "unknown");
    conv_is("int(80),rfc7239_np", "80");
    conv_is("str(p),rfc7239_np", "_p");
    conv_is("str(),rfc7239_np", NULL);
}

/* A SYN to port 80: Ethernet with two VLAN tags, IPv4 with DF, TCP with MSS 1460, SACK, timestamps,
 * NOP, window scale 7. */
#define ETH "0011223344556677889900aa88a8000581000007" /* two tags */
#define IP4 "4510003c123440004006abcd0102030405060708"
#define TCP                                                                                        \
    "c00c0050deadbeef00000000a0c2faf0000000"                                                       \
    "00"                                                                                           \
    "020405b40402080a01020304000000000103"                                                         \
    "0307"
#define PACKET IP4 TCP

static void
test_packets(void **state)
{
    conv_is("bin(" ETH "0800" PACKET "),eth.dst,hex", "001122334455");
    conv_is("bin(" ETH "0800" PACKET "),eth.src,hex", "6677889900AA");
    conv_is("bin(" ETH "0800" PACKET "),eth.proto", "2048");
    conv_is("bin(" ETH "0800" PACKET "),eth.vlan", "7");
    conv_is("bin(" ETH "0800" PACKET "),eth.hdr,hex", "00112233445566778899"
                                                      "00AA88A80005810000070800");
    conv_is("bin(" ETH "0800" PACKET "),eth.data,ip.src", "1.2.3.4");
    conv_is("bin(" ETH "0800"
            "0a0b0c"
            "),eth.data,hex",
            "0A0B0C");
    conv_is("bin(0011223344556677889900aa86dd),eth.vlan", NULL);
    conv_is("bin(0011223344556677889900aa86dd),eth.proto", "34525");
    conv_is("bin(0011223344556677889900aa86),eth.proto", NULL);
    conv_is("bin(" PACKET "),ip.ver", "4");
    conv_is("bin(" PACKET "),ip.dst", "5.6.7.8");
    conv_is("bin(" PACKET "),ip.df", "1");
    conv_is("bin(" PACKET "),ip.proto", "6");
    conv_is("bin(" PACKET "),ip.tos", "16");
    conv_is("bin(" PACKET "),ip.ttl", "64");
    conv_is("bin(" PACKET "),ip.hdr,hex", "4510003C123440004006ABCD0102030405060708");
    conv_is("bin(" PACKET "),ip.data,tcp.src", "49164");
    conv_is("bin(" PACKET "),ip.data,tcp.dst", "80");
    conv_is("bin(" PACKET "),ip.data,tcp.seq", "3735928559");
    conv_is("bin(" PACKET "),ip.data,tcp.flags", "194");
    conv_is("bin(" PACKET "),ip.data,tcp.win", "64240");
    conv_is("bin(" PACKET "),ip.data,tcp.options.mss", "1460");
    conv_is("bin(" PACKET "),ip.data,tcp.options.sack", "1");
    conv_is("bin(" PACKET "),ip.data,tcp.options.tsopt", "1");
    conv_is("bin(" PACKET "),ip.data,tcp.options.tsval", "16909060");
    conv_is("bin(" PACKET "),ip.data,tcp.options.wscale", "7");
    conv_is("bin(" PACKET "),ip.data,tcp.options.wsopt", "1");
    conv_is("bin(" PACKET "),ip.data,tcp.options_list,hex", "0204080103");
    conv_is("bin(" PACKET "),ip.fp(0),hex", "1053A8FAF005B447");
    conv_is("bin(" PACKET "),ip.fp(5),hex", "1053A8FAF005B4474001020304");
    conv_is("bin(" PACKET "),ip.fp,hex", "1053A8FAF005B44740020408010301020304");
    conv_is("bin(" IP4 "),ip.fp(0)", NULL);
    conv_is("bin(45),ip.ver", NULL);
    conv_is("bin(" IP4 "),ip.data,tcp.src", NULL);
}

#define IP6                                                                                        \
    "60a0000000200040"                                                                             \
    "20010db8000000000000000000000001"                                                             \
    "20010db8000000000000000000000002"

static void
test_packets6(void **state)
{
    /* a destination options header in front of 24 bytes of TCP */
    static const char packet[] = "bin(6aa00000001c3c40"
                                 "20010db8000000000000000000000001"
                                 "20010db8000000000000000000000002"
                                 "0600010400000000"
                                 "c00c0050deadbeef00000000500200ff00000000)";
    char expr[400];

    static const struct {
        const char *conv, *expected;
    } cases[] = {
        { "ip.ver", "6" },
        { "ip.src", "2001:db8::1" },
        { "ip.dst", "2001:db8::2" },
        { "ip.proto", "6" },
        { "ip.tos", "170" },
        { "ip.ttl", "64" },
        { "ip.df", "1" },
        { "ip.data,tcp.win", "255" },
        { "ip.data,tcp.options.mss", "0" },
        { "ip.fp(0),hex", "AAD85000FF000000" },
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct out o = OUT(expr);

        out_printf(&o, "%s,%s", packet, cases[i].conv);
        out_char(&o, '\0');
        conv_is(expr, cases[i].expected);
    }
    conv_is("bin(" IP6 "ff),ip.proto", NULL); /* the extension header is cut short */
}

static void
test_aes(void **state)
{
    /* NIST SP 800-38A, F.2.1, first block, and its padding block */
    conv_is("bin(6bc1bee22e409f96e93d7e117393172a),aes_cbc_enc(128,AAECAwQFBgcICQoLDA0ODw==,"
            "K34VFiiu0qar9xWICc9PPA==),hex,"
            "bytes(0,32)",
            "7649ABAC8119B246CEE98E9B12E9197D");
    conv_is("str(hello),aes_cbc_enc(128,AAECAwQFBgcICQoLDA0ODw==,K34VFiiu0qar9xWICc9PPA==),"
            "aes_cbc_dec(128,AAECAwQFBgcICQoLDA0ODw==,K34VFiiu0qar9xWICc9PPA==)",
            "hello");
    conv_is("str(hello),aes_cbc_enc(256,AAECAwQFBgcICQoLDA0ODw==,K34VFiiu0qar9xWICc9PPA==)", NULL);
    conv_is("str(hello),aes_cbc_enc(128,AAEC,K34VFiiu0qar9xWICc9PPA==)", NULL);
    conv_is("str(hello),aes_cbc_dec(128,AAECAwQFBgcICQoLDA0ODw==,K34VFiiu0qar9xWICc9PPA==)", NULL);
    conv_is("str(AAECAwQFBgcICQoL),set-var(txn.iv)", "AAECAwQFBgcICQoL");
    conv_is("str(hello),aes_gcm_enc(128,txn.iv,K34VFiiu0qar9xWICc9PPA==,txn.tag),set-var(txn."
            "sealed),length",
            "5");
    conv_is("var(txn.sealed),aes_gcm_dec(128,txn.iv,K34VFiiu0qar9xWICc9PPA==,txn.tag)", "hello");
    conv_is(
        "var(txn.sealed),aes_gcm_dec(128,txn.iv,K34VFiiu0qar9xWICc9PPA==,AAECAwQFBgcICQoLDA0ODw==)",
        NULL);
    conv_is("var(txn.sealed),aes_gcm_dec(128,txn.iv,K34VFiiu0qar9xWICc9PPA==,AAE=)", NULL);
    conv_is("var(txn.sealed),aes_gcm_dec(128,txn.iv,K34VFiiu0qar9xWICc9PPA==,txn.tag,YWFk)", NULL);
    conv_is("str(hello),aes_gcm_enc(128,txn.iv,K34VFiiu0qar9xWICc9PPA==,txn.tag,YWFk),set-var(txn."
            "sealed),length",
            "5");
    conv_is("var(txn.sealed),aes_gcm_dec(128,txn.iv,K34VFiiu0qar9xWICc9PPA==,txn.tag,YWFk)",
            "hello");
    conv_fails(
        "str(a),aes_cbc_enc(100,AAEC,AAEC)",
        "invalid args in converter 'aes_cbc_enc' : key size must be 128, 192 or 256 (bits).");
}

/** Sets txn.big to `n` times `c`. */
static void
set_big(size_t n, char c)
{
    char *p = xmalloc(n);
    char *err = NULL;

    memset(p, c, n);
    struct sample v = { .type = SMP_STR, .flags = SMPF_CONST, .u.s = slice(p, n) };
    assert_true(var_set(var_parse(SL("txn.big"), &err), conv_ctx(), &v, 0));
    free(p);
}

/** What the reference does where its buffer ends (measured with 16384 bytes). */
static void
test_limits(void **state)
{
    set_big(8192, '/');
    conv_is("var(txn.big),hex,length", "16384");
    conv_is("var(txn.big),json,length", "16384");
    conv_is("var(txn.big),url_enc,length", "16380");
    conv_is("var(txn.big),be2dec(\",\",1),length", "16382");
    conv_is("var(txn.big),be2hex(:,1),length", "16382");
    conv_is("var(txn.big),be2hex(:,3),length", "16379");
    conv_is("var(txn.big),concat(,txn.big),length", "16383");
    conv_is("var(txn.big),regsub(/,yyy,g),length", "16384");
    conv_is("var(txn.big),base2,length", "16384");
    conv_is("var(txn.big),base64,length", "10924");
    set_big(8193, '/');
    conv_is("var(txn.big),json,length", NULL);
    set_big(2731, '\x01');
    conv_is("var(txn.big),json,length", NULL);
    set_big(12288, 'x');
    conv_is("var(txn.big),base64,length", NULL);
    conv_is("var(txn.big),hex,length", "16384");
    conv_is("var(txn.big),json,length", "12288");
}

/* ---- hooks ------------------------------------------------------------------------------------
 */

static bool
servers_of(struct slice name, int64_t *n)
{
    *n = 3;
    return slice_eq_str(name, "be");
}

static bool
holds(struct sample_ctx *x, enum conv_when cond)
{
    return cond == WHEN_ERROR;
}

static struct slice captured;
static char captured_text[32];

static bool
capture(struct sample_ctx *x, bool response, int64_t slot, struct slice value)
{
    struct out o = OUT(captured_text);

    out_printf(&o, "%d %d %.*s", response, (int)slot, SLF(value));
    captured = out_slice(&o);
    return slot == 1;
}

static char shown[64];

static void *
find_sink(struct cfg *c, const char *name)
{
    return strcmp(name, "buf0") == 0 || strcmp(name, "stdout") == 0 ? shown : NULL;
}

static void
write_sink(void *sink, struct slice line)
{
    struct out o = { sink, 0, sizeof(shown), false };

    out_slice_put(&o, line);
    out_char(&o, '\0');
}

static void
test_hooks(void **state)
{
    conv_is("str(be),nbsrv", NULL);
    conv_is("str(f),fe_exists", "0");
    conv_is("str(a),when(error)", NULL);
    conv_is("str(a),when(!error)", "a");
    conv_hooks.backend_servers = servers_of;
    conv_hooks.when = holds;
    conv_hooks.capture = capture;
    conv_hooks.sink_find = find_sink;
    conv_hooks.sink_write = write_sink;
    conv_is("str(be),nbsrv", "3");
    conv_is("str(x),nbsrv", NULL);
    conv_is("str(a),when(error)", "a");
    conv_is("str(a),when(!error)", NULL);
    conv_is("int(5),when(normal)", NULL);
    conv_is("str(v),capture-req(1)", "v");
    assert_true(slice_eq(captured, SL("0 1 v")));
    conv_is("str(v),capture-res(2)", NULL);
    conv_is("int(5),debug(pfx),add(1)", "6");
    assert_string_equal(shown, "[debug] pfx: type=sint <5>");
    conv_is("bin(00ff),debug,hex", "00FF");
    assert_string_equal(shown, "[debug] : type=bin <...>");
    conv_fails("str(a),debug(x,foo)", "invalid args in converter 'debug' : No such sink 'foo'");
    conv_fails("str(a),when(foo)",
               "invalid args in converter 'when' : expects a supported keyword among "
               "{stopping,normal,error,forwarded,toapplet,processed,acl} but got 'foo'.");
    conv_fails("str(a),when(acl)", "invalid args in converter 'when' : 'acl' selector requires an "
                                   "extra argument with the ACL name.");
    conv_hooks = (struct conv_hooks){ 0 };
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_param),
        cmocka_unit_test(test_bytes_of_variables),
        cmocka_unit_test(test_has_ctl),
        cmocka_unit_test(test_digits),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_forwarded),
        cmocka_unit_test(test_packets),
        cmocka_unit_test(test_packets6),
        cmocka_unit_test(test_aes),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_hooks),
    };

    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests_name("conv_new", tests, setup, teardown);
}
