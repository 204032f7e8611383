/* test_log_alias.c - values of log-format aliases and log fetches, compared with lines recorded
 * from HAProxy. */
#include "fetch/fetch_log.h"
#include "proxy/capture.h"
#include "proxy/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena tmp;
static struct proxy fe, be;
static struct server srv;
static struct listener li;
static struct bind_conf bind_line;
static struct conn cli;
static struct session sess;
static struct stream *s;
static struct captures caps;
static struct sample_ctx x;

static void
set_ip(struct conn *c, const char *src, int src_port, const char *dst, int dst_port)
{
    struct addr a;

    assert_true(addr_parse_ip(slice_str(src), &a));
    addr_set_port(&a, (uint16_t)src_port);
    conn_set_src(c, &a);
    assert_true(addr_parse_ip(slice_str(dst), &a));
    addr_set_port(&a, (uint16_t)dst_port);
    conn_set_dst(c, &a);
}

/** A request that went well: the moments are ms after accept. */
static int
setup(void **state)
{
    const int64_t accept_us = 5000000, wall_us = 1795336431150000;

    arena_init_config(&tmp);
    memset(&fe, 0, sizeof(fe));
    memset(&be, 0, sizeof(be));
    memset(&srv, 0, sizeof(srv));
    memset(&cli, 0, sizeof(cli));
    memset(&sess, 0, sizeof(sess));
    s = calloc(1, sizeof(*s));
    fe.name = "ht";
    fe.mode = PX_HTTP;
    fe.fe_conn = 3;
    fe.log_count = 7;
    be.name = "bk";
    be.be_conn = 2;
    srv.name = "s1";
    srv.served = 4;
    assert_true(addr_parse_ip(SL("192.0.2.9"), &srv.addr));
    srv.port = 8080;
    li.id = 2;
    li.bind = &bind_line;
    bind_line.flags = 0;
    set_ip(&cli, "127.0.0.1", 47408, "10.0.0.1", 80);
    sess = (struct session){ .conn = &cli,
                             .li = &li,
                             .fe = &fe,
                             .accept_us = accept_us,
                             .accept_wall_us = wall_us,
                             .handshake_ms = 3,
                             .flags = SESSF_BEGUN };
    s->sess = &sess;
    s->fe = &fe;
    s->be = &be;
    s->srv = &srv;
    s->flags = SF_HTTP | SF_TAKEN_SRV;
    s->uniq_id = 42;
    s->t_start_us = accept_us;
    s->t_wall_us = wall_us;
    s->t_first_us = accept_us + 13000;
    s->t_head_us = accept_us + 14000;
    s->t_queue_us = accept_us + 16000;
    s->t_connect_us = accept_us + 20000;
    s->t_data_us = accept_us + 28000;
    s->t_close_us = accept_us + 44000;
    s->rq_ready = true;
    s->status = 200;
    s->req.in = 104;
    s->res.in = 93;
    s->uri = SL("GET /p/a?x=1 HTTP/1.1");
    s->term_cause = s->term_phase = '-';
    s->ck_req = 'V';
    s->ck_res = 'N';
    x = (struct sample_ctx){ .px = &fe, .sess = &sess, .strm = s, .tmp = &tmp, .point = PT_LOG };
    return 0;
}

static int
teardown(void **state)
{
    free(s);
    arena_fini(&tmp);
    return 0;
}

/** The value as text; "-" when missing, "(nothing)" for nothing at all, "+" before incomplete ones.
 */
static const char *
value(const char *name)
{
    static char text[256];
    struct out o = OUT(text);

    for (const struct logfmt_alias *a = log_aliases; a->name; a++) {
        struct sample v = { .type = SMP_ANY };

        if (strcmp(a->name, name) != 0)
            continue;
        if (!a->fn(&x, &v, a->private))
            return "-";
        if (v.flags & SMPF_MAY_CHANGE)
            out_char(&o, '+');
        if (v.type == SMP_SINT)
            out_int(&o, v.u.i);
        else if (v.type == SMP_STR)
            out_slice_put(&o, v.u.s);
        else if (v.type == SMP_IPV4 || v.type == SMP_IPV6) {
            struct addr ip;

            if (v.type == SMP_IPV4)
                addr_from_ip4(&ip, v.u.v4, 0);
            else
                addr_from_ip6(&ip, &v.u.v6, 0);
            addr_put_host(&o, &ip);
        } else
            out_lit(&o, "(nothing)");
        text[o.len] = '\0';
        return text;
    }
    fail_msg("no alias %s", name);
    return NULL;
}

#define EXPECT(name, text) assert_string_equal(value(name), text)

static void
test_normal(void **state)
{
    EXPECT("B", "93");
    EXPECT("U", "104");
    EXPECT("ST", "200");
    EXPECT("HM", "GET");
    EXPECT("HU", "/p/a?x=1");
    EXPECT("HP", "/p/a");
    EXPECT("HPO", "/p/a");
    EXPECT("HQ", "?x=1");
    EXPECT("HV", "HTTP/1.1");
    EXPECT("r", "GET /p/a?x=1 HTTP/1.1");
    EXPECT("f", "ht");
    EXPECT("ft", "ht");
    EXPECT("b", "bk");
    EXPECT("s", "s1");
    EXPECT("fc", "3");
    EXPECT("bc", "2");
    EXPECT("sc", "3"); /* without itself */
    EXPECT("rc", "0");
    EXPECT("lc", "7");
    EXPECT("rt", "42");
    EXPECT("ci", "127.0.0.1");
    EXPECT("cp", "47408");
    EXPECT("fi", "10.0.0.1");
    EXPECT("fp", "80");
    EXPECT("si", "192.0.2.9");
    EXPECT("sp", "8080");
    EXPECT("bi", "-");
    EXPECT("ID", "-");
    EXPECT("CC", "-");
    EXPECT("hr", "(nothing)");
    EXPECT("ts", "--");
    EXPECT("tsc", "--VN");
    EXPECT("OG", "unspec");
    EXPECT("H", log_hostname());
}

static void
test_times(void **state)
{
    EXPECT("Th", "3");
    EXPECT("Ti", "10");
    EXPECT("TR", "1");
    EXPECT("Tq", "14");
    EXPECT("Tw", "2");
    EXPECT("Tc", "4");
    EXPECT("Tr", "8");
    EXPECT("Td", "16");
    EXPECT("Ta", "31"); /* TR + Tw + Tc + Tr + Td */
    EXPECT("Tt", "44");
    EXPECT("Tu", "34"); /* without Ti */
    fe.options = PO_LOGASAP;
    EXPECT("Ta", "+31");
    EXPECT("Tt", "+44");
    EXPECT("B", "+93");
    EXPECT("Tc", "4");
    s->nredisp = s->nretries = 1;
    EXPECT("rc", "+1");
}

static void
test_dates(void **state)
{
    EXPECT("t", "22/Nov/2026:14:03:51.150");
    EXPECT("tr", "22/Nov/2026:14:03:51.163");
    EXPECT("T", "22/Nov/2026:08:33:51 +0000");
    EXPECT("trg", "22/Nov/2026:08:33:51 +0000");
    EXPECT("Tl", "22/Nov/2026:14:03:51 +0530");
    EXPECT("trl", "22/Nov/2026:14:03:51 +0530");
    EXPECT("Ts", "1795336431");
    EXPECT("ms", "150");
    s->t_wall_us += 850000; /* into the next second, and back */
    EXPECT("t", "22/Nov/2026:14:03:52.000");
    s->t_wall_us -= 1000;
    EXPECT("t", "22/Nov/2026:14:03:51.999");
}

/** As recorded: "-1/-1/-1/-1" and <BADREQ>, no counted bytes, no captures. */
static void
test_bad_request(void **state)
{
    s->rq_ready = false;
    s->uri = SLICE_NONE;
    s->status = 400;
    s->t_head_us = s->t_queue_us = s->t_connect_us = s->t_data_us = 0;
    s->srv = NULL;
    s->be = &fe;
    s->flags = SF_HTTP | SF_INTERNAL_REPLY;
    s->res.out_bytes = 90;
    fe.captures = &caps;
    caps = (struct captures){ .nreq = 2, .nres = 1 };
    EXPECT("B", "0");
    EXPECT("U", "0");
    EXPECT("ST", "400");
    EXPECT("HM", "<BADREQ>");
    EXPECT("HQ", "<BADREQ>");
    EXPECT("r", "<BADREQ>");
    EXPECT("TR", "-1");
    EXPECT("Tq", "-1");
    EXPECT("Tw", "-1");
    EXPECT("Tc", "-1");
    EXPECT("Tr", "-1");
    EXPECT("s", "<NOSRV>");
    EXPECT("si", "-");
    EXPECT("sp", "-");
    EXPECT("hr", "(nothing)");
    EXPECT("hsl", "(nothing)");
}

static void
test_internal_reply(void **state)
{
    s->flags |= SF_INTERNAL_REPLY;
    s->res.in = 0;
    s->res.out_bytes = 192;
    EXPECT("B", "0"); /* since 3.3 our own replies do not count */
    s->status = 0;    /* the client left before there was any */
    EXPECT("ST", "-1");
    s->flags = 0;
    EXPECT("ST", "0");
}

static void
test_targets(void **state)
{
    s->uri = SL("GET http://h/p/b?z HTTP/1.1");
    EXPECT("HU", "http://h/p/b?z");
    EXPECT("HP", "http://h/p/b");
    EXPECT("HPO", "/p/b");
    EXPECT("HQ", "?z");
    s->uri = SL("OPTIONS * HTTP/1.1");
    EXPECT("HU", "*");
    EXPECT("HP", "*");
    EXPECT("HPO", "");
    EXPECT("HQ", "");
    s->uri = SL("CONNECT h:443 HTTP/1.1");
    EXPECT("HU", "h:443");
    EXPECT("HPO", "");
    s->uri = SL("GET /with space HTTP/1.1");
    EXPECT("HU", "/with space");
    EXPECT("HV", "HTTP/1.1");
    s->uri = SL("GET http://h HTTP/1.1");
    EXPECT("HPO", "");
    s->uri = SL("GET");
    EXPECT("HM", "GET");
    EXPECT("HU", "");
}

static void
test_unix_client(void **state)
{
    cli.src.sa.sa_family = cli.dst.sa.sa_family = AF_UNIX;
    EXPECT("ci", "unix");
    EXPECT("cp", "2");
    EXPECT("fi", "unix");
    EXPECT("fp", "2");
    bind_line.flags = BINDF_TLS;
    EXPECT("ft", "ht~");
}

static void
test_captures(void **state)
{
    struct slice req[2] = { SL("agent"), SLICE_NONE };
    struct sample v = { .type = SMP_ANY };
    const struct logfmt_alias *a = log_aliases;

    fe.captures = &caps;
    caps = (struct captures){ .nreq = 2 };
    s->req_cap = req;
    while (strcmp(a->name, "hr") != 0)
        a++;
    assert_true(a->fn(&x, &v, a->private));
    assert_true(slice_eq(v.u.s, SL("agent")));
    assert_true(v.flags & SMPF_NOT_LAST);
    v.flags = 0;
    assert_false(a->fn(&x, &v, a->private)); /* missing, and the last */
    assert_false(v.flags & SMPF_NOT_LAST);
    EXPECT("hs", "(nothing)");
    s->cli_cookie = SL("CKC=1234");
    EXPECT("CC", "CKC=1234");
    EXPECT("CS", "-");
}

/** Every alias and fetch, before there is a stream and without any traffic at all: no crash. */
static void
test_without_stream(void **state)
{
    struct session *const who[] = { &sess, NULL };

    assert_true(loop_open(0));
    for (unsigned i = 0; i < COUNT_OF(who); i++) {
        x.strm = NULL;
        x.sess = who[i];
        for (const struct logfmt_alias *a = log_aliases; a->name; a++)
            (void)value(a->name);
        for (const struct fetch *f = log_fetches; f->name; f++) {
            static const struct expr_arg none[ARG_MAX];
            struct sample v = { .type = SMP_ANY };

            (void)f->fn(none, &x, &v, f->private);
        }
    }
    loop_close();
    x.sess = &sess;
    EXPECT("ci", "127.0.0.1");
    EXPECT("tsc", "PR--");
    EXPECT("b", "ht");
    EXPECT("s", "<NOSRV>");
    EXPECT("ST", "0");
    EXPECT("r", "<BADREQ>");
    x.sess = NULL;
    EXPECT("ST", "0");
    assert_int_equal(strlen(value("t")), strlen("22/Nov/2026:14:03:51.150"));
}

static int64_t
fetch_int(const char *name, int64_t unit)
{
    for (const struct fetch *f = log_fetches; f->name; f++) {
        struct expr_arg arg[ARG_MAX] = { { .type = unit ? ARG_STR : ARG_END, .i = unit } };
        struct sample v = { .type = SMP_ANY };

        if (strcmp(f->name, name) == 0)
            return f->fn(arg, &x, &v, f->private) ? v.u.i : INT64_MIN;
    }
    fail_msg("no fetch %s", name);
    return 0;
}

static void
test_fetches(void **state)
{
    assert_int_equal(fetch_int("req.timer.hdr", 0), 1);
    assert_int_equal(fetch_int("txn.timer.total", 0), 31);
    assert_int_equal(fetch_int("fc.timer.total", 0), 44);
    assert_int_equal(fetch_int("accept_date", 0), 1795336431);
    assert_int_equal(fetch_int("accept_date", 1000), 1795336431150);
    assert_int_equal(fetch_int("request_date", 1), 1795336431163000);
    assert_int_equal(fetch_int("bytes_in", 0), 104);
    assert_int_equal(fetch_int("res.bytes_in", 0), 93);
    assert_int_equal(fetch_int("txn.status", 0), 200);
    assert_int_equal(fetch_int("last_rule_line", 0), INT64_MIN);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_normal),         T(test_times),   T(test_dates),       T(test_bad_request),
        T(test_internal_reply), T(test_targets), T(test_unix_client), T(test_captures),
        T(test_without_stream), T(test_fetches),
    };

    setenv("TZ", "Asia/Kolkata", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
