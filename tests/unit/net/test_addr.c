/* test_addr.c - addresses of the configuration, texts as the reference prints them. */
#include "net/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_100                                                                                   \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aa"                                                                                           \
    "aaaaaa"

/** `want` is addr_put_config() plus port details, or "! text" for the error. */
struct row {
    unsigned opts;
    const char *in, *want;
};

static const struct row rows[] = {
    { ADDR_FOR_BIND, "*:80", "ipv4@0.0.0.0:80" },
    { ADDR_FOR_BIND, ":80", "ipv4@0.0.0.0:80" },
    { ADDR_FOR_BIND, ":::80", "ipv6@[::]:80" },
    { ADDR_FOR_BIND, "[::1]:80", "ipv6@[::1]:80" },
    { ADDR_FOR_BIND, "::ffff:127.0.0.1:80", "ipv6@[::ffff:127.0.0.1]:80" },
    { ADDR_FOR_BIND, "[127.0.0.1]:80", "ipv4@127.0.0.1:80" },
    { ADDR_FOR_BIND, "127.0.0.1:80-90", "ipv4@127.0.0.1:80 range 80-90" },
    { ADDR_FOR_BIND, "127.0.0.1:00080", "ipv4@127.0.0.1:80" },
    { ADDR_FOR_BIND, "ipv4@:80", "ipv4@0.0.0.0:80" },
    { ADDR_FOR_BIND, "ipv6@:80", "ipv6@[::]:80" },
    { ADDR_FOR_BIND, "ip@127.0.0.1:80", "ipv4@127.0.0.1:80" },
    { ADDR_FOR_BIND, "tcp4@127.0.0.1:80", "ipv4@127.0.0.1:80" },
    { ADDR_FOR_BIND, "stream+ipv4@127.0.0.1:80", "ipv4@127.0.0.1:80" },
    { ADDR_FOR_BIND, "mptcp@127.0.0.1:80", "mptcp4@127.0.0.1:80" },
    { ADDR_FOR_BIND, "mptcp6@:80", "mptcp6@[::]:80" },
    { ADDR_FOR_BIND, "/tmp/x.sock", "unix@/tmp/x.sock" },
    { ADDR_FOR_BIND, "unix@x.sock", "unix@x.sock" },
    { ADDR_FOR_BIND, "uxst@/tmp/x", "unix@/tmp/x" },
    { ADDR_FOR_BIND, "abns@foo", "abns@foo" },
    { ADDR_FOR_BIND, "abnsz@foo", "abnsz@foo" },
    { ADDR_FOR_BIND, "rhttp@be/srv", "rhttp@ host be/srv" },
    { ADDR_FOR_BIND | ADDR_O_QUIC, "quic4@127.0.0.1:80", "quic4@127.0.0.1:80" },
    { ADDR_FOR_BIND | ADDR_O_QUIC, "quic+ipv6@[::1]:80", "quic6@[::1]:80" },
    { ADDR_FOR_BIND, "[::1]", "! missing port specification in '[::1]'" },
    { ADDR_FOR_BIND, "::1", "! invalid address: ':' in '::1'" },
    { ADDR_FOR_BIND, "127.0.0.1", "! missing port specification in '127.0.0.1'" },
    { ADDR_FOR_BIND, "127.0.0.1:", "! missing port specification in '127.0.0.1:'" },
    { ADDR_FOR_BIND, "", "! missing port specification in ''" },
    { ADDR_FOR_BIND, "@", "! missing port specification in '@'" },
    { ADDR_FOR_BIND, "*", "! missing port specification in '*'" },
    { ADDR_FOR_BIND, "127.0.0.1:0", "! invalid port '0'" },
    { ADDR_FOR_BIND, "127.0.0.1:65536", "! invalid port '65536'" },
    { ADDR_FOR_BIND, "127.0.0.1:90-80", "! invalid port range '90-80'" },
    { ADDR_FOR_BIND, "127.0.0.1:80-", "! invalid port ''" },
    { ADDR_FOR_BIND, "127.0.0.1:80-99999", "! invalid port '99999'" },
    { ADDR_FOR_BIND, "127.0.0.1:+80", "! port offset not permitted here in '127.0.0.1:+80'" },
    { ADDR_FOR_BIND, "127.0.0.1:-80", "! port offset not permitted here in '127.0.0.1:-80'" },
    { ADDR_FOR_BIND, "127.0.0.1:abc",
      "! invalid character 'a' in port number 'abc' in '127.0.0.1:abc'" },
    { ADDR_FOR_BIND, "127.0.0.1:8x",
      "! invalid character 'x' in port number '8x' in '127.0.0.1:8x'" },
    { ADDR_FOR_BIND, "nohost.invalid:80",
      "! invalid address: 'nohost.invalid' in 'nohost.invalid:80'" },
    { ADDR_FOR_BIND, "foo@127.0.0.1:80",
      "! invalid address: 'foo@127.0.0.1' in 'foo@127.0.0.1:80'" },
    { ADDR_FOR_BIND, "[::1", "! invalid address: '[:' in '[::1'" },
    { ADDR_FOR_BIND, "10.0.0.1:80:90", "! invalid address: '10.0.0.1:80' in '10.0.0.1:80:90'" },
    { ADDR_FOR_BIND, "300.1.1.1:80", "! invalid address: '300.1.1.1' in '300.1.1.1:80'" },
    { ADDR_FOR_BIND, "ipv4@::1:80", "! invalid address: '::1' in 'ipv4@::1:80'" },
    { ADDR_FOR_BIND, "tcp6@127.0.0.1:80", "! invalid address: '127.0.0.1' in 'tcp6@127.0.0.1:80'" },
    { ADDR_FOR_BIND, "udp@127.0.0.1:99",
      "! dgram-type address not acceptable in 'udp@127.0.0.1:99'" },
    { ADDR_FOR_BIND, "dgram+ipv4@127.0.0.1:80",
      "! dgram-type address not acceptable in 'dgram+ipv4@127.0.0.1:80'" },
    { ADDR_FOR_BIND, "uxdg@/tmp/x", "! dgram-type address not acceptable in 'uxdg@/tmp/x'" },
    { ADDR_FOR_BIND, "quic4@127.0.0.1:80",
      "! unsupported stream protocol for datagram family 2 address 'quic4@127.0.0.1:80'; QUIC is "
      "not "
      "compiled in if this is what you were looking for." },
    { ADDR_FOR_BIND, "fd@", "! file descriptor '' is not a valid integer in 'fd@'" },
    { ADDR_FOR_BIND, "fd@abc", "! file descriptor 'abc' is not a valid integer in 'fd@abc'" },
    { ADDR_FOR_BIND, "fd@999", "! cannot use file descriptor '999' : Bad file descriptor." },
    { ADDR_FOR_BIND, "sockpair@999", "! cannot use file descriptor '999' : Bad file descriptor." },
    { ADDR_FOR_BIND, "/" LONG_100, "! socket path '/" LONG_100 "' too long (max 97)" },
    { ADDR_FOR_BIND, "abns@" LONG_100 "bbbbbbbb",
      "! socket path 'abns@" LONG_100 "bbbbbbbb' too long (max 107)" },
    { ADDR_FOR_SERVER, "127.0.0.1", "ipv4@127.0.0.1:0 none" },
    { ADDR_FOR_SERVER, "127.0.0.1:", "ipv4@127.0.0.1:0 none" },
    { ADDR_FOR_SERVER, "127.0.0.1:0", "ipv4@127.0.0.1:0" },
    { ADDR_FOR_SERVER, "[::1]", "ipv6@[::1]:0 none" },
    { ADDR_FOR_SERVER, "*:+80", "ipv4@0.0.0.0:80 offset +80" },
    { ADDR_FOR_SERVER, "127.0.0.1:-80", "ipv4@127.0.0.1:0 offset -80" },
    { ADDR_FOR_SERVER, "ipv4@", "ipv4@0.0.0.0:0 none" },
    { ADDR_FOR_SERVER, "web.example:80", "unresolved web.example port 80" },
    { ADDR_FOR_SERVER, "[web.example]:80", "unresolved web.example port 80" },
    { ADDR_FOR_SERVER, "localhost", "unresolved localhost none" },
    { ADDR_FOR_SERVER, "ipv4@::1:80", "unresolved ::1 port 80" },
    { ADDR_FOR_SERVER, "rhttp@", "rhttp@" },
    { ADDR_FOR_SERVER, "127.0.0.1:65536", "! invalid port '65536'" },
    { ADDR_FOR_SERVER, "127.0.0.1:+80000", "! invalid port '80000'" },
    { ADDR_FOR_SERVER, "127.0.0.1:80-90", "! port range not permitted here in '127.0.0.1:80-90'" },
    { ADDR_FOR_SERVER, "fd@3", "! a file descriptor is not acceptable here in 'fd@3'" },
    { ADDR_FOR_SOURCE, "10.0.0.1", "ipv4@10.0.0.1:0 none" },
    { ADDR_FOR_SOURCE, "10.0.0.1:0", "ipv4@10.0.0.1:0" },
    { ADDR_FOR_SOURCE, "10.0.0.1:1000-2000", "ipv4@10.0.0.1:1000 range 1000-2000" },
    { ADDR_FOR_SOURCE, "10.0.0.1:+1", "! port offset not permitted here in '10.0.0.1:+1'" },
    { ADDR_FOR_SOURCE, "10.0.0.1:20-10", "! invalid port range '20-10'" },
    { ADDR_FOR_SOURCE, "rhttp@x", "! reverse HTTP address not acceptable in 'rhttp@x'" },
    { ADDR_FOR_LOG, "127.0.0.1", "udp4@127.0.0.1:0 none" },
    { ADDR_FOR_LOG, "127.0.0.1:514", "udp4@127.0.0.1:514" },
    { ADDR_FOR_LOG, "[::1]:514", "udp6@[::1]:514" },
    { ADDR_FOR_LOG, "/dev/log", "uxdg@/dev/log" },
    { ADDR_FOR_LOG, "uxst@/dev/log", "unix@/dev/log" },
    { ADDR_FOR_LOG, "tcp@127.0.0.1:514", "ipv4@127.0.0.1:514" },
    { ADDR_FOR_LOG, "fd@2", "fd@2" },
    { ADDR_FOR_LOG, "127.0.0.1:10-20", "! port range not permitted here in '127.0.0.1:10-20'" },
    { ADDR_FOR_NAMESERVER, "127.0.0.1:53", "udp4@127.0.0.1:53" },
    { ADDR_FOR_NAMESERVER, "tcp@127.0.0.1:53", "ipv4@127.0.0.1:53" },
    { ADDR_FOR_DGRAM_BIND, "tcp@127.0.0.1:53",
      "! stream-type address not acceptable in 'tcp@127.0.0.1:53'" },
    { ADDR_O_STREAM, "::1", "ipv6@[::1]:0 none" },
    { ADDR_O_STREAM, "10.0.0.1", "ipv4@10.0.0.1:0 none" },
    { ADDR_O_STREAM, "10.0.0.1:80", "! port not permitted here in '10.0.0.1:80'" },
    { ADDR_O_STREAM | ADDR_O_NO_NAME, "localhost",
      "! invalid address: 'localhost' in 'localhost'" },
};

static void
describe(struct out *o, const struct addr_spec *s)
{
    if (s->unresolved) {
        out_printf(o, "unresolved %.*s", SLF(s->host));
        if (s->port_form == ADDR_PORT_FIXED)
            out_printf(o, " port %d", s->port_low);
    } else {
        addr_put_config(o, &s->addr);
        if (s->host.len)
            out_printf(o, " host %.*s", SLF(s->host));
    }
    if (s->port_form == ADDR_PORT_RANGE)
        out_printf(o, " range %d-%d", s->port_low, s->port_high);
    else if (s->port_form == ADDR_PORT_OFFSET)
        out_printf(o, " offset %+d", s->port_offset);
    else if (s->port_form == ADDR_PORT_NONE && (addr_is_ip(&s->addr) || s->unresolved))
        out_lit(o, " none");
}

static void
test_parse(void **state)
{
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct addr_spec s;
        char err[512], got[512] = "";
        struct out o = { got, 0, sizeof(got) - 1, false };

        if (addr_parse(rows[i].in, rows[i].opts, NULL, &s, err, sizeof(err)))
            describe(&o, &s);
        else
            out_printf(&o, "! %s", err);
        got[o.len] = '\0';
        assert_string_equal(got, rows[i].want);
    }
}

static void
test_unix(void **state)
{
    struct addr_spec s;
    char err[128];

    assert_true(addr_parse("/a", ADDR_FOR_BIND, "/run/p", &s, err, sizeof(err)));
    assert_string_equal(s.addr.un.sun_path, "/run/p/a");
    assert_true(addr_parse("/a", ADDR_FOR_SERVER, "/run/p", &s, err, sizeof(err)));
    assert_string_equal(s.addr.un.sun_path, "/a");
    assert_true(addr_parse("abns@foo", ADDR_FOR_SERVER, NULL, &s, err, sizeof(err)));
    assert_int_equal(s.addr.len, sizeof(struct sockaddr_un));
    assert_memory_equal(s.addr.un.sun_path, "\0foo\0", 5);
    assert_true(addr_parse("abnsz@foo", ADDR_FOR_SERVER, NULL, &s, err, sizeof(err)));
    assert_int_equal(s.addr.len, offsetof(struct sockaddr_un, sun_path) + 4);
}

static void
test_fd(void **state)
{
    struct addr_spec s;
    char err[128], text[32];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    snprintf(text, sizeof(text), "fd@%d", fd);
    assert_true(addr_parse(text, ADDR_FOR_BIND, NULL, &s, err, sizeof(err)));
    assert_int_equal(s.addr.kind, ADDR_FD);
    assert_int_equal(s.addr.fd, fd);
    assert_int_equal(s.addr.sa.sa_family, AF_INET);
    close(fd);
}

static void
test_list(void **state)
{
    struct slice list = SL("a:1,,b:2,"), item;

    assert_true(addr_list_next(&list, &item));
    assert_true(slice_eq_str(item, "a:1"));
    assert_true(addr_list_next(&list, &item));
    assert_true(slice_eq_str(item, "b:2"));
    assert_false(addr_list_next(&list, &item));
    assert_false(addr_list_next(&list, &item));
}

static void
test_resolve(void **state)
{
    struct addr a;
    char err[128];

    assert_true(addr_resolve(SL("127.1"), AF_UNSPEC, &a, err, sizeof(err)));
    assert_true(addr_resolve(SL("localhost"), AF_INET, &a, err, sizeof(err)));
    assert_int_equal(a.kind, ADDR_IP4);
    assert_false(addr_resolve(SL("nohost.invalid"), AF_UNSPEC, &a, err, sizeof(err)));
    assert_true(err[0] != '\0');
    assert_false(addr_resolve(SL("::1"), AF_INET, &a, err, sizeof(err)));
    assert_false(addr_resolve(SL(""), AF_INET, &a, err, sizeof(err)));
}

static struct addr
ip(const char *s)
{
    struct addr a;

    assert_true(addr_parse_ip(slice_str(s), &a));
    return a;
}

static void
test_values(void **state)
{
    char buf[ADDR_TEXT_MAX];
    struct addr a = ip("::ffff:1.2.3.4"), b = ip("1.2.3.4"), c = ip("1.2.3.5");

    assert_false(addr_eq(&a, &b, false));
    assert_true(addr_unmap(&a));
    assert_true(addr_eq(&a, &b, true));
    addr_set_port(&a, 80);
    assert_false(addr_eq(&a, &b, true));
    assert_true(addr_eq(&a, &b, false));
    assert_string_equal(addr_format(&a, buf, sizeof(buf)), "1.2.3.4:80");
    assert_true(addr_cmp(&b, &c) < 0);
    assert_true(addr_cmp(&a, &b) > 0);
    assert_true(addr_is_any(&(struct addr){ .kind = ADDR_IP4 }));
    a = ip("2001:db8::1");
    addr_set_port(&a, 443);
    assert_int_equal(addr_port(&a), 443);
    assert_string_equal(addr_format(&a, buf, sizeof(buf)), "[2001:db8::1]:443");
    assert_string_equal(addr_format(&a, buf, 8), "[2001:d");

    struct sockaddr_un un = { .sun_family = AF_UNIX };
    addr_from_sockaddr(&a, (struct sockaddr *)&un, sizeof(sa_family_t));
    assert_int_equal(a.kind, ADDR_UNIX);
    assert_string_equal(addr_format(&a, buf, sizeof(buf)), "unix");
    memcpy(un.sun_path, "\0abc", 4);
    addr_from_sockaddr(&a, (struct sockaddr *)&un, sizeof(sa_family_t) + 4);
    assert_int_equal(a.kind, ADDR_ABNSZ);
    addr_from_sockaddr(&a, NULL, 0);
    assert_int_equal(a.kind, ADDR_NONE);
}

static void
test_nets(void **state)
{
    static const struct {
        const char *in, *want; /* NULL: refused */
    } nets[] = {
        { "1.2.3.4", "1.2.3.4" },
        { "1.2.3.4/24", "1.2.3.0/24" },
        { "1.2.3.4/255.255.0.0", "1.2.0.0/16" },
        { "1.2.3.4/255.0.255.0", "1.0.3.0/255.0.255.0" },
        { "127.1", "127.0.0.1" },
        { "192.168.1/22", "192.168.0.0/22" },
        { "10", "0.0.0.10" },
        { "1.2.3.4/0", "0.0.0.0/0" },
        { "2001:db8::1/32", "2001:db8::/32" },
        { "::1", "::1" },
        { "::/0", "::/0" },
        { "::ffff:1.2.3.4", "::ffff:1.2.3.4" },
        { "1.2.3.4/33", NULL },
        { "1.2.3.4/", NULL },
        { "1.2.3.4/-1", NULL },
        { "1.2.3.4/24x", NULL },
        { "1.2.3.4/1.2.3", NULL },
        { "256.1.1.1", NULL },
        { "1.2.3.4.5", NULL },
        { "1..2", NULL },
        { "", NULL },
        { "/8", NULL },
        { "2001:db8::/129", NULL },
        { "2001:db8::/ffff::", NULL },
        { "[::1]", NULL },
        { "0x10.1.1.1", NULL },
        { " 1.2.3.4", NULL },
    };
    for (unsigned i = 0; i < COUNT_OF(nets); i++) {
        struct addr_net n;
        char buf[128] = "";
        struct out o = { buf, 0, sizeof(buf) - 1, false };
        bool ok = addr_net_parse(slice_str(nets[i].in), &n);
        if (ok)
            addr_net_put(&o, &n);
        buf[o.len] = '\0';
        assert_string_equal(ok ? buf : nets[i].in, nets[i].want ? nets[i].want : nets[i].in);
        assert_int_equal(ok, nets[i].want != NULL);
    }

    struct addr_net n;
    struct addr a = ip("1.2.3.200"), b = ip("::ffff:1.2.3.1"), c = ip("1.2.4.1");
    assert_true(addr_net_parse(SL("1.2.3.0/24"), &n));
    assert_true(addr_net_has(&n, &a));
    assert_true(addr_net_has(&n, &b));
    assert_false(addr_net_has(&n, &c));
    assert_true(addr_net_parse(SL("::ffff:1.2.3.0/120"), &n));
    assert_true(addr_net_has(&n, &a));
    assert_false(addr_net_has(&n, &c));

    struct in_addr m4;
    struct in6_addr m6;
    assert_true(addr_mask4_parse(SL("24"), &m4) && m4.s_addr == htonl(0xffffff00));
    assert_true(addr_mask4_parse(SL("255.255.0.0"), &m4) && m4.s_addr == htonl(0xffff0000));
    assert_false(addr_mask4_parse(SL("33"), &m4));
    assert_true(addr_mask6_parse(SL("64"), &m6) && m6.s6_addr[7] == 0xff && m6.s6_addr[8] == 0);
    assert_true(addr_mask6_parse(SL("ffff::"), &m6) && m6.s6_addr[1] == 0xff);
    assert_false(addr_mask6_parse(SL("129"), &m6));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),   cmocka_unit_test(test_unix),   cmocka_unit_test(test_fd),
        cmocka_unit_test(test_list),    cmocka_unit_test(test_values), cmocka_unit_test(test_nets),
        cmocka_unit_test(test_resolve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
