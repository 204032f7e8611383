/* test_parse.c - server, default-server and server-template lines. */
#include "fixture.h"
#include "server/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
load(const char *text)
{
    if (fx_load(text))
        fail_msg("%s\n%s", text, fx_diags());
}

static void
refused(const char *text, const char *error)
{
    assert_int_not_equal(fx_load(text), 0);
    if (!strstr(fx_diags(), error))
        fail_msg("%s\n%s", text, fx_diags());
}

static void
settings(void **state)
{
    struct server *s;

    (void)state;
    load("backend b\n server s 127.0.0.1:80 weight 7 backup cookie abc maxconn 100 minconn 10 "
         "maxqueue 5 slowstart 10s "
         "check inter 5s fastinter 1s downinter 20s rise 4 fall 6 port 8080 addr 127.0.0.2 id 9 "
         "max-reuse 3 "
         "pool-max-conn 20 pool-purge-delay 7s\n server t 127.0.0.1:80 check observe layer7 "
         "error-limit 3 on-error mark-down on-marked-down "
         "shutdown-sessions send-proxy-v2 proxy-v2-options crc32c,unique-id source "
         "127.0.0.3:1000 interface lo "
         "redir http://x non-stick tcp-ut 3s hash-key addr ws h1 init-state down\n");
    s = fx_server("b", "s");
    assert_int_equal(s->uweight_cfg, 7);
    assert_int_equal(s->flags, SRVF_BACKUP | SRVF_COOKIE_SET | SRVF_ID_SET);
    assert_string_equal(s->cookie, "abc");
    assert_int_equal(s->maxconn, 100);
    assert_int_equal(s->minconn, 10);
    assert_int_equal(s->maxqueue, 5);
    assert_int_equal(s->slowstart_ms, 10000);
    assert_int_equal(s->check->inter_ms, 5000);
    assert_int_equal(s->check->fastinter_ms, 1000);
    assert_int_equal(s->check->downinter_ms, 20000);
    assert_int_equal(s->check->rise, 4);
    assert_int_equal(s->check->fall, 6);
    assert_int_equal(s->check->port, 8080);
    assert_int_equal(s->check->addr.kind, ADDR_IP4);
    assert_true(check_is_on(s->check));
    assert_int_equal(s->id, 9);
    assert_int_equal(s->max_reuse, 3);
    assert_int_equal(s->pool_max_conn, 20);
    assert_int_equal(s->pool_purge_ms, 7000);
    assert_int_equal(s->port, 80);
    s = fx_server("b", "t");
    assert_int_equal(s->flags, SRVF_NON_STICK | SRVF_SEND_PROXY_V2);
    assert_int_equal(s->observe, 2);
    assert_int_equal(s->error_limit, 3);
    assert_int_equal(s->on_error, SRV_ON_ERROR_MARK_DOWN);
    assert_true(s->on_marked_down_shutdown);
    assert_int_equal(s->pp_opts, SRV_PP_CRC32C | SRV_PP_UNIQUE_ID);
    assert_int_equal(addr_port(&s->source->addr), 1000);
    assert_string_equal(s->source->interface, "lo");
    assert_int_equal(s->hash_key, SRVK_ADDR);
    assert_int_equal(s->ws, SRVWS_H1);
    assert_false(server_is_up(s));
}

static void
timeout_of_old_tutorials(void **state)
{
    (void)state;
    load("backend b\n server s 127.0.0.1:80 check inter 3s rise 2 fall 3 timeout 2s\n");
    assert_int_equal(fx_server("b", "s")->check->timeout_ms, 2000);
    assert_int_equal(fx.c.diags.warnings, 1);
    assert_non_null(strstr(fx_diags(), "please use 'timeout check' instead"));
}

static void
ports(void **state)
{
    struct server *s;

    (void)state;
    load("backend b\n server none 127.0.0.1\n server plus 127.0.0.1:+10\n server minus "
         "127.0.0.1:-10\n"
         " server fixed [::1]:443\n server path unix@/run/x.sock\n server any *:80\n");
    s = fx_server("b", "none");
    assert_true(s->flags & SRVF_PORT_MAPPED);
    assert_int_equal(s->port_offset, 0);
    assert_int_equal(fx_server("b", "plus")->port_offset, 10);
    assert_int_equal(fx_server("b", "minus")->port_offset, -10);
    s = fx_server("b", "fixed");
    assert_false(s->flags & SRVF_PORT_MAPPED);
    assert_int_equal(addr_port(&s->addr), 443);
    assert_int_equal(fx_server("b", "path")->addr.kind, ADDR_UNIX);
    assert_true(addr_is_any(&fx_server("b", "any")->addr));
}

static void
templates_are_inherited(void **state)
{
    struct server *s;

    (void)state;
    load("backend a\n default-server check inter 1s weight 5 maxconn 10\n server s 127.0.0.1:1 "
         "weight 6\n"
         " default-server weight 8\n server t 127.0.0.1:2 no-check\n default-server from none "
         "weight 3\n"
         " server u 127.0.0.1:3\n"
         "backend b\n default-server name tls weight 44\n default-server name tls maxconn 4\n"
         " server x 127.0.0.1:1 from srv:tls\n server y 127.0.0.1:1 from be:a\n server z "
         "127.0.0.1:1 from srv:a/s\n"
         " server n 127.0.0.1:1 from none\n");
    s = fx_server("a", "s");
    assert_int_equal(s->uweight_cfg, 6);
    assert_int_equal(s->check->inter_ms, 1000);
    assert_ptr_equal(s->check->srv, s);
    assert_true(check_is_on(s->check));
    s = fx_server("a", "t");
    assert_int_equal(s->uweight_cfg, 8);
    assert_int_equal(s->maxconn, 10);
    assert_false(check_is_on(s->check));
    s = fx_server("a", "u");
    assert_int_equal(s->uweight_cfg, 3);
    assert_int_equal(s->maxconn, 0);
    s = fx_server("b", "x");
    assert_int_equal(s->uweight_cfg, 44);
    assert_int_equal(s->maxconn, 4);
    assert_int_equal(fx_server("b", "y")->uweight_cfg, 3);
    assert_int_equal(fx_server("b", "z")->uweight_cfg, 6);
    assert_int_equal(fx_server("b", "n")->uweight_cfg, 1);
    assert_int_equal(fx_backend("b")->nservers, 4);
}

static void
server_templates(void **state)
{
    struct server *s;

    (void)state;
    load("backend b\n server-template web 3 127.0.0.1:80 check weight 9\n server-template x 5-6 "
         "127.0.0.1:+1\n");
    assert_int_equal(fx_backend("b")->nservers, 5);
    s = fx_server("b", "web3");
    assert_non_null(s);
    assert_int_equal(s->uweight_cfg, 9);
    assert_int_equal(s->id, 3);
    assert_int_equal(addr_port(&s->addr), 80);
    assert_true(check_is_on(s->check));
    s = fx_server("b", "x6");
    assert_int_equal(s->port_offset, 1);
    assert_true(s->flags & SRVF_PORT_MAPPED);
}

static void
ids(void **state)
{
    (void)state;
    load("backend b\n server a 127.0.0.1:1\n server b 127.0.0.1:1 id 1\n server c 127.0.0.1:1\n");
    assert_int_equal(fx_server("b", "a")->id, 2);
    assert_int_equal(fx_server("b", "b")->id, 1);
    assert_int_equal(fx_server("b", "c")->id, 3);
}

static void
limits(void **state)
{
    (void)state;
    load("backend b\n server a 127.0.0.1:1 minconn 5\n server c 127.0.0.1:1 maxconn 7\n");
    assert_int_equal(fx_server("b", "a")->maxconn, 5);
    assert_int_equal(fx_server("b", "c")->minconn, 7);
}

static void
tracking(void **state)
{
    (void)state;
    load("backend b\n server a 127.0.0.1:1 track c/z\n server m 127.0.0.1:1 track a\n"
         "backend c\n server z 127.0.0.1:1 check\n");
    assert_ptr_equal(fx_server("b", "m")->track, fx_server("b", "a"));
    assert_ptr_equal(fx_server("b", "a")->track, fx_server("c", "z"));
    refused("backend b\n server a 127.0.0.1:1 track nope\n",
            "unable to find required server 'nope' for tracking.");
    refused("backend b\n server a 127.0.0.1:1 track x/y\n",
            "unable to find required proxy 'x' for tracking.");
    refused("backend b\n server a 127.0.0.1:1 track a\n", "tracking chain looping back to b/a.");
    refused("backend b\n server a 127.0.0.1:1 track c\n server c 127.0.0.1:1 track d\n server d "
            "127.0.0.1:1 track c\n",
            "tracking chain looping back");
    refused("backend b\n server a 127.0.0.1:1 track c\n server c 127.0.0.1:1\n",
            "unable to use b/c for tracking as it does not have any check nor agent enabled.");
    refused("backend b\n server a 127.0.0.1:1 track c check\n server c 127.0.0.1:1 check\n",
            "unable to enable checks and tracking at the same time!");
}

static void
initial_addresses(void **state)
{
    (void)state;
    load("backend b\n server a host.invalid:80 init-addr none\n server c host.invalid:80 init-addr "
         "last,127.0.0.9\n"
         " server d localhost:81\n");
    assert_int_equal(fx_server("b", "a")->admin, SRVA_RMAINT);
    assert_int_equal(fx_server("b", "c")->addr.kind, ADDR_IP4);
    assert_int_equal(addr_port(&fx_server("b", "c")->addr), 80);
    assert_string_equal(fx_server("b", "d")->hostname, "localhost");
    assert_true(addr_is_ip(&fx_server("b", "d")->addr));
    refused("backend b\n server a host.invalid:80 init-addr last\n",
            "could not resolve address 'host.invalid'.");
}

static void
errors(void **state)
{
    static const char *const cases[][2] = {
        { "server", "'server' expects <name> and <addr>[:<port>] as arguments." },
        { "server s/1 127.0.0.1:1", "character '/' is not permitted in server name 's/1'." },
        { "server s 127.0.0.1:1\n server s 127.0.0.1:2",
          "another server named 's' was already defined at line 2, please use a distinct name." },
        { "default-server name s weight 2\n server s 127.0.0.1:2",
          "named 's' was already defined at line 2" },
        { "server s 127.0.0.1:1-2", "port range not permitted here in '127.0.0.1:1-2'" },
        { "server s 127.0.0.1:1 weight 257", "weight of server s is not within 0 and 256 (257)." },
        { "server s 127.0.0.1:1 rise 0", "'rise' has to be > 0." },
        { "server s 127.0.0.1:1 inter", "'inter' expects a delay as argument." },
        { "server s 127.0.0.1:1 inter 10000000000",
          "timer overflow in argument <10000000000> to <inter> of server s" },
        { "server s 127.0.0.1:1 on-error foo",
          "'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or "
          "'mark-down' but got 'foo'." },
        { "server s 127.0.0.1:1 proxy-v2-options foo", "'foo' : proxy v2 option not implemented." },
        { "server s 127.0.0.1:1 init-addr foo",
          "unknown init-addr method 'foo', supported methods are" },
        { "server s 127.0.0.1:1 init-state x", "'init-state' expects one of 'none', 'fully-up', "
                                               "'up', 'down', or 'fully-down' but got 'x'" },
        { "server s 127.0.0.1:1 hash-key x",
          "'hash-key' has to be 'id', 'id32', 'guid', 'addr', or 'addr-port'." },
        { "server s 127.0.0.1:1 wieght 3",
          "unknown keyword 'wieght'; did you mean 'weight' maybe ?" },
        { "server s 127.0.0.1:1 resolvers r", "'resolvers' is not supported yet." },
        { "server s 127.0.0.1:1 check from none", "unknown keyword 'from'." },
        { "server s 127.0.0.1:1 from foo", "invalid 'foo' value for 'from' keyword." },
        { "server s 127.0.0.1:1 from srv:x", "from: unknown server 'x' in backend 'b'." },
        { "server s 127.0.0.1:1 from be:x", "from: unknown backend instance 'x'." },
        { "server s 127.0.0.1:1 from srv:x/y", "from: unknown backend 'x'." },
        { "server s 127.0.0.1:1 id 5\n server t 127.0.0.1:1 id 5",
          "custom id 5 already used at test.cfg:2 ('server s')" },
        { "default-server id 5", "'id' option is not accepted in default-server sections" },
        { "server-template s",
          "'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments." },
        { "server-template s 3-1 127.0.0.1:80",
          "Wrong server-template number or range arg '3-1'." },
        { "server-template s/ 3 127.0.0.1:80",
          "character '/' is not permitted in server-template prefix 's/'." },
        { "balance foo", "balance only supports 'roundrobin', 'static-rr', 'leastconn'" },
        { "balance random(0)", "balance random : number of draws must be at least 1." },
        { "balance uri len x", "balance uri : 'len' expects a positive integer (got 'x')." },
        { "balance hdr()", "balance hdr requires an http header field name." },
        { "hash-type foo", "'hash-type' only supports 'consistent' and 'map-based'." },
        { "hash-balance-factor 50", "'hash-balance-factor' must be 0 or greater than 100." },
    };
    char text[512];

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        snprintf(text, sizeof(text), "backend b\n %s\n", cases[i][0]);
        refused(text, cases[i][1]);
    }
    refused("tcp-backend b\n server s 127.0.0.1:1 observe layer7 check\n",
            "'layer7' can only be used in http proxies.");
    refused("tcp-backend b\n server s 127.0.0.1:1 redir http://x\n",
            "server cannot have cookie or redirect prefix in non-HTTP mode.");
}

static void
balance_lines(void **state)
{
    struct lb *lb;

    (void)state;
    load("backend a\n balance uri whole depth 3 len 12\n hash-type consistent\n server s "
         "127.0.0.1:1\n"
         "backend b\n balance hdr(X-Key) use_domain_only\n hash-type map-based wt6 avalanche\n "
         "server s 127.0.0.1:1\n"
         "backend c\n balance random(4)\n server s 127.0.0.1:1\nbackend d\n hash-type consistent "
         "djb2\n"
         " server s 127.0.0.1:1\ntcp-backend e\n balance uri\n server s 127.0.0.1:1\n");
    lb = &fx_backend("a")->lb;
    assert_int_equal(lb->kind, LB_URI);
    assert_true(lb->uri_whole && lb->uri_depth == 3 && lb->uri_len == 12);
    assert_true(lb->consistent && lb->avalanche && lb->hash_fn == LBH_SDBM);
    lb = &fx_backend("b")->lb;
    assert_string_equal(lb->arg, "x-key");
    assert_true(lb->hdr_domain_only && lb->hash_fn == LBH_WT6 && lb->avalanche);
    assert_string_equal(lb_name(lb), "hdr");
    assert_int_equal(fx_backend("c")->lb.draws, 4);
    assert_false(fx_backend("d")->lb.avalanche);
    assert_string_equal(lb_name(&fx_backend("d")->lb), "unknown");
    assert_int_equal(fx_backend("e")->lb.kind, LB_ROUNDROBIN);
    assert_non_null(strstr(
        fx_diags(), "Layer 7 hash not possible for proxy 'e' (needs 'mode http'). Falling back to "
                    "round robin."));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
    const struct CMUnitTest tests[] = {
        T(settings),
        T(timeout_of_old_tutorials),
        T(ports),
        T(templates_are_inherited),
        T(server_templates),
        T(ids),
        T(limits),
        T(tracking),
        T(initial_addresses),
        T(errors),
        T(balance_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
