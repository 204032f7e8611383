/* test_cli.c - the runtime API as its clients see it: lines, prompts, payloads, levels, limits. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A CLI_LEVEL_ADMIN
#define O CLI_LEVEL_OPERATOR
#define U CLI_LEVEL_USER

static const char config_text[] =
    "global\n"
    "  stats socket ipv4@127.0.0.1:1 level admin\n"
    "defaults d\n"
    "  mode http\n"
    "  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\n"
    "frontend f\n  bind 127.0.0.1:2\n  http-request deny if { path,map_str(virt@m) x }\n"
    "  default_backend b\n"
    "backend b\n  server s1 127.0.0.1:3\n  server s2 127.0.0.1:4 weight 10\n"
    "backend t\n  stick-table type string size 10 expire 1m store gpc0\n";

static int
setup(void **state)
{
    return rt_start(config_text) ? 0 : 1;
}

static int
teardown(void **state)
{
    rt_ask(U, "quit"); /* releases its text with the next call's */
    rt_stop();
    return 0;
}

static void
assert_begins(const char *got, const char *want)
{
    if (strncmp(got, want, strlen(want)) != 0)
        fail_msg("got \"%.200s\" instead of \"%s...\"", got, want);
}

static void
assert_holds(const char *got, const char *want)
{
    if (!strstr(got, want))
        fail_msg("no \"%s\" in \"%.400s\"", want, got);
}

static const char *
text_of(struct rt_client *c)
{
    text_char(&c->got, '\0');
    c->got.len--;
    return c->got.p;
}

/* What came since the last call. */
static void
assert_next(struct rt_client *c, const char *want)
{
    rt_read(c, 20);
    assert_string_equal(text_of(c), want);
    c->got.len = 0;
}

/* ---- finding commands ---- */

static void
test_lookup(void **state)
{
    assert_begins(rt_ask(U, "show version"), "3.5");
    assert_begins(rt_ask(U, "  show \t version  "), "3.5");
    assert_begins(rt_ask(U, "sho\\w version"), "3.5");
    assert_begins(rt_ask(U, "show versio"), "Unknown command: 'show', but maybe");
    assert_holds(rt_ask(U, "show versio"), "  show version ");
    assert_begins(rt_ask(U, ""), "Unknown command. Please enter one of the following");
    assert_begins(rt_ask(U, "nonsense"), "Unknown command: 'nonsense'");
    assert_begins(rt_ask(A, "help show map"),
                  "The following commands are valid at this level:\n  show map");
    assert_string_equal(rt_ask(U, "echo a  b"), "a b\n\n");
    assert_string_equal(rt_ask(U, "echo a\\ b"), "a b\n\n");
    assert_string_equal(rt_ask(U, "echo a;echo b"), "a\n\nb\n\n");
    assert_string_equal(rt_ask(U, "echo a\\;b"), "a;b\n\n");
    assert_string_equal(rt_ask(U, "echo a\r"), "a\n\n");
}

/* More words than a command can have are left out; none of them is lost behind another command. */
static void
test_many_words(void **state)
{
    struct text line = { 0 };

    text_str(&line, "echo");
    for (unsigned i = 0; i < 200; i++)
        text_printf(&line, " w%u", i);
    text_str(&line, ";echo end");
    text_char(&line, '\0');
    const char *got = rt_ask(U, line.p);
    assert_begins(got, "w0 w1 ");
    assert_holds(got, "\n\nend\n\n");
    text_fini(&line);
}

/* ---- levels ---- */

static void
test_levels(void **state)
{
    assert_string_equal(rt_ask(U, "show cli level"), "user\n\n");
    assert_string_equal(rt_ask(O, "show cli level"), "operator\n\n");
    assert_string_equal(rt_ask(A, "show cli level"), "admin\n\n");
    assert_string_equal(rt_ask(U, "set weight b/s1 5"), "Permission denied\n\n");
    assert_string_equal(rt_ask(A, "operator;show cli level;set weight b/s1 5"),
                        "\noperator\n\nPermission denied\n\n");
    assert_string_equal(rt_ask(A, "user;show cli level;operator"),
                        "\nuser\n\nPermission denied\n\n");
    assert_null(strstr(rt_ask(U, "help"), "shutdown session"));
    assert_non_null(strstr(rt_ask(A, "help"), "shutdown session"));
}

static void
test_severity(void **state)
{
    assert_string_equal(rt_ask(A, "set severity-output number;set weight b/x 1"),
                        "\n[3]: No such server.\n\n");
    assert_string_equal(rt_ask(A, "set severity-output string;set weight b/x 1"),
                        "\n[err]: No such server.\n\n");
}

/* ---- modes ---- */

static void
test_prompt(void **state)
{
    struct rt_client c;

    rt_connect_cli(&c, A);
    rt_send_str(&c, "prompt\n");
    assert_next(&c, "\n> ");
    rt_send_str(&c, "show cli lev");
    assert_next(&c, "");
    rt_send_str(&c, "el\n");
    assert_next(&c, "admin\n\n> ");
    rt_send_str(&c, "\n");
    assert_next(&c, "\n> ");
    rt_send_str(&c, "prompt i\necho 1\necho 2\n");
    assert_next(&c, "\n1\n\n2\n\n");
    assert_false(c.ended);
    rt_send_str(&c, "prompt p;prompt timed\n");
    rt_read(&c, 20);
    assert_holds(text_of(&c), "\n> \n[0:00:00:0");
    c.got.len = 0;
    rt_send_str(&c, "prompt n\n");
    assert_next(&c, "\n");
    assert_true(c.ended);
    rt_close(&c);
}

static void
test_quit(void **state)
{
    struct rt_client c;

    rt_connect_cli(&c, A);
    rt_send_str(&c, "prompt i\nquit;echo never\necho never\n");
    rt_read(&c, 20);
    assert_true(c.ended);
    assert_null(strstr(text_of(&c), "never"));
    rt_close(&c);
}

/* Without a prompt the first line is all there is. */
static void
test_one_line(void **state)
{
    struct rt_client c;

    rt_connect_cli(&c, A);
    rt_send_str(&c, "echo 1\necho 2\n");
    rt_read(&c, 20);
    assert_true(c.ended);
    assert_string_equal(text_of(&c), "1\n\n");
    rt_close(&c);
    rt_connect_cli(&c, A); /* as if cut: not run */
    rt_send_str(&c, "echo 3");
    rt_shut(&c);
    assert_next(&c, "");
    assert_true(c.ended);
    rt_close(&c);
}

/* ---- payloads ---- */

static void
test_payload(void **state)
{
    struct rt_client c;

    assert_string_equal(rt_ask(A, "add map virt@m <<\nk1 v1\nk2 v2\n"), "\n");
    assert_holds(rt_ask(A, "show map virt@m"), " k1 v1\n");
    assert_holds(rt_ask(A, "show map virt@m"), " k2 v2\n");
    assert_string_equal(rt_ask(A, "add map virt@m <<%EOF%\nk3 v3\n\nk4 v4\n%EOF%"), "\n");
    assert_holds(rt_ask(A, "show map virt@m"), " k4 v4\n");
    assert_string_equal(rt_ask(A, "clear map virt@m"), "\n");
    /* in pieces, with a prompt */
    rt_connect_cli(&c, A);
    rt_send_str(&c, "prompt\n");
    assert_next(&c, "\n> ");
    rt_send_str(&c, "add map virt@m <<end\n");
    assert_next(&c, "+ ");
    rt_send_str(&c, "a b\nen");
    assert_next(&c, "");
    rt_send_str(&c, "d\n");
    assert_next(&c, "\n> ");
    rt_close(&c);
    assert_holds(rt_ask(A, "show map virt@m"), " a b\n");
    /* it belongs to the last command of the line */
    assert_string_equal(rt_ask(A, "echo x;add map virt@m <<\nc d\n"), "x\n\n\n");
    assert_holds(rt_ask(A, "show map virt@m"), " c d\n");
}

/* A client that leaves in the middle of a payload changes nothing it has not finished. */
static void
test_payload_cut(void **state)
{
    struct rt_client c;

    rt_ask(A, "clear map virt@m");
    rt_connect_cli(&c, A);
    rt_send_str(&c, "add map virt@m <<end\nq r\n");
    rt_close(&c);
    for (int i = 0; i < 10; i++)
        loop_turn(1);
    assert_begins(rt_ask(A, "show map virt@m"), "\n");
}

/* ---- limits ---- */

static void
test_too_long(void **state)
{
    struct rt_client c;
    size_t len = 5u << 20;
    char *big = malloc(len);

    memset(big, 'x', len);
    rt_connect_cli(&c, A);
    rt_send(&c, big, len);
    rt_read(&c, 50);
    assert_true(c.ended);
    assert_begins(text_of(&c), "The command is too big.\n");
    rt_close(&c);
    memcpy(big, "add map virt@m <<\n", 18);
    rt_connect_cli(&c, A);
    rt_send(&c, big, len);
    rt_read(&c, 50);
    assert_true(c.ended);
    rt_close(&c);
    free(big);
}

static void
test_timeout(void **state)
{
    struct rt_client c;

    rt_connect_cli(&c, A);
    rt_send_str(&c, "prompt;set timeout cli 1s\n");
    assert_next(&c, "\n> \n> ");
    loop_clock_skip(900000);
    rt_read(&c, 5);
    assert_false(c.ended);
    rt_send_str(&c, "echo x\n"); /* begins again */
    assert_next(&c, "x\n\n> ");
    loop_clock_skip(900000);
    rt_read(&c, 5);
    assert_false(c.ended);
    loop_clock_skip(200000);
    rt_read(&c, 5);
    assert_true(c.ended);
    rt_close(&c);
    assert_string_equal(rt_ask(A, "set timeout cli 10ms"), "Invalid timeout value.\n\n");
}

/* A client that does not read stops the answer, and may leave. */
static void
test_long_answer(void **state)
{
    struct text payload = { 0 };
    struct rt_client c;

    rt_ask(A, "clear map virt@m");
    text_str(&payload, "add map virt@m <<\n");
    for (unsigned i = 0; i < 5000; i++)
        text_printf(&payload, "key%u value%u\n", i, i);
    rt_connect_cli(&c, A);
    rt_send(&c, payload.p, payload.len);
    rt_send_str(&c, "\n");
    assert_next(&c, "\n");
    rt_close(&c);
    text_fini(&payload);
    rt_connect_cli(&c, A);
    rt_send_str(&c, "show map virt@m\n");
    for (int i = 0; i < 20; i++)
        loop_turn(0);
    rt_close(&c);
    rt_connect_cli(&c, A);
    rt_send_str(&c, "show map virt@m\n");
    rt_read(&c, 50);
    assert_true(c.ended);
    unsigned lines = 0;
    for (size_t i = 0; i < c.got.len; i++)
        lines += c.got.p[i] == '\n';
    assert_int_equal(lines, 5001);
    rt_close(&c);
    rt_ask(A, "clear map virt@m");
}

/* ---- waiting ---- */

static void
test_wait(void **state)
{
    struct rt_client c;

    rt_connect_cli(&c, A);
    rt_send_str(&c, "wait 100ms;echo after\n");
    assert_next(&c, "");
    loop_clock_skip(200000);
    rt_read(&c, 5);
    assert_holds(text_of(&c), "Done.\n");
    assert_holds(text_of(&c), "after\n");
    assert_true(c.ended);
    rt_close(&c);
    rt_connect_cli(&c, A); /* leaves while it waits */
    rt_send_str(&c, "wait 1h\n");
    rt_read(&c, 5);
    rt_close(&c);
}

static void
test_every_thread(void **state)
{
    assert_begins(rt_ask(A, "show threads"), "* Thread 1 :");
    assert_string_equal(rt_ask(A, "clear counters all;echo x"), "\nx\n\n");
}

static void
test_pools(void **state)
{
    const char *got = rt_ask(A, "show pools match conn");

    assert_begins(got, "Dumping pools usage. Use SIGQUIT to flush them.\n  - Pool connection (");
    assert_holds(got, "1 users, @");
    assert_holds(got, "Total: 1 pools, ");
    assert_holds(rt_ask(A, "show pools match nothing byusage 3"), "Total: 0 pools, 0 bytes");
    assert_begins(rt_ask(A, "show pools bycolour"), "Expects any of 'byname'");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup),      cmocka_unit_test(test_many_words),
        cmocka_unit_test(test_levels),      cmocka_unit_test(test_severity),
        cmocka_unit_test(test_prompt),      cmocka_unit_test(test_quit),
        cmocka_unit_test(test_one_line),    cmocka_unit_test(test_payload),
        cmocka_unit_test(test_payload_cut), cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_timeout),     cmocka_unit_test(test_long_answer),
        cmocka_unit_test(test_wait),        cmocka_unit_test(test_every_thread),
        cmocka_unit_test(test_pools),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
