/* test_state.c - going up and down, maintenance, drain, tracking, weights; messages as
 * HAProxy 2.6.12 logs them. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char three[] = "backend b\n"
                            " balance roundrobin\n"
                            " server s1 127.0.0.1:1 check\n"
                            " server s2 127.0.0.1:2 check backup\n"
                            " server s3 127.0.0.1:3 track s1\n"
                            " server s4 127.0.0.1:4 disabled\n";

static void
load(const char *text)
{
    if (fx_load(text))
        fail_msg("%s", fx_diags());
}

static const char *
status(struct server *s)
{
    static char text[64];

    server_status_text(s, text, sizeof(text));
    return text;
}

static void
fail_check(struct server *s, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        check_report(s->check, CHK_L4CON, 0, "Connection refused");
}

static void
pass_check(struct server *s, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        check_report(s->check, CHK_L4OK, 0, NULL);
}

static void
down_and_up_again(void **state)
{
    struct server *s1;

    (void)state;
    load(three);
    s1 = fx_server("b", "s1");
    assert_string_equal(status(s1), "UP 1/3");
    pass_check(s1, 1);
    assert_string_equal(status(s1), "UP");
    assert_string_equal(fx_log(), "");
    fail_check(s1, 2);
    assert_string_equal(status(s1), "UP 1/3");
    fail_check(s1, 1);
    assert_string_equal(status(s1), "DOWN");
    assert_string_equal(
        fx_log(),
        "1 Server b/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\". 1 "
        "active and 1 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.\n"
        "1 Server b/s3 is DOWN via b/s1. 0 active and 1 backup servers left. Running on backup. 0 "
        "sessions active, 0 requeued, 0 remaining in queue.\n");
    assert_int_equal(s1->down_transitions, 1);
    pass_check(s1, 1);
    assert_string_equal(status(s1), "DOWN 1/2");
    assert_string_equal(status(fx_server("b", "s3")), "DOWN 1/2");
    pass_check(s1, 1);
    assert_string_equal(
        fx_log(),
        "5 Server b/s1 is UP, reason: Layer4 check passed. 1 active and 1 backup servers online. 0 "
        "sessions requeued, 0 total in queue.\n"
        "5 Server b/s3 is UP via b/s1. 2 active and 1 backup servers online. 0 sessions requeued, "
        "0 "
        "total in queue.\n");
}

static void
one_failure_is_enough_at_start(void **state)
{
    struct server *s1;

    (void)state;
    load(three);
    s1 = fx_server("b", "s1");
    fail_check(s1, 1);
    assert_string_equal(status(s1), "DOWN");
    assert_int_equal(s1->check->failed, 0); /* as of 3.4 the very first one does not count */
}

static void
backend_without_servers(void **state)
{
    (void)state;
    load("backend b\n balance roundrobin\n server s1 127.0.0.1:1 check\n");
    fail_check(fx_server("b", "s1"), 1);
    assert_true(fx_backend("b")->down);
    assert_non_null(strstr(fx_log(), "0 backend b has no server available!\n"));
    pass_check(fx_server("b", "s1"), 2);
    assert_false(fx_backend("b")->down);
}

static void
log_health_checks_reports_every_change(void **state)
{
    struct server *s;

    (void)state;
    load("backend b\n option log-health-checks\n server s1 127.0.0.1:1 check\n server s2 "
         "127.0.0.1:1 backup check\n");
    s = fx_server("b", "s1");
    pass_check(s, 3);
    assert_string_equal(
        fx_log(),
        "5 Health check for server b/s1 succeeded, reason: Layer4 check passed, status: 3/3 UP.\n");
    fail_check(s, 3);
    assert_string_equal(fx_log(), "5 Health check for server b/s1 failed, reason: Layer4 "
                                  "connection problem, info: \"Connection "
                                  "refused\", status: 2/3 UP.\n"
                                  "5 Health check for server b/s1 failed, reason: Layer4 "
                                  "connection problem, info: \"Connection "
                                  "refused\", status: 1/3 UP.\n"
                                  "5 Health check for server b/s1 failed, reason: Layer4 "
                                  "connection problem, info: \"Connection "
                                  "refused\", status: 0/2 DOWN.\n"
                                  "1 Server b/s1 is DOWN. 0 active and 1 backup servers left. "
                                  "Running on backup. 0 sessions active, 0 "
                                  "requeued, 0 remaining in queue.\n");
    pass_check(fx_server("b", "s2"), 1);
    assert_non_null(strstr(fx_log(), "5 Health check for backup server b/s2 succeeded"));
}

static void
maintenance(void **state)
{
    struct server *s1, *s3;

    (void)state;
    load(three);
    s1 = fx_server("b", "s1");
    s3 = fx_server("b", "s3");
    server_set_admin(s1, SRVA_FMAINT, NULL);
    assert_string_equal(status(s1), "MAINT");
    assert_string_equal(status(s3), "MAINT (via b/s1)");
    assert_string_equal(
        fx_log(),
        "1 Server b/s1 is going DOWN for maintenance. 1 active and 1 backup servers left. 0 "
        "sessions "
        "active, 0 requeued, 0 remaining in queue.\n"
        "1 Server b/s3 is going DOWN for maintenance via b/s1. 0 active and 1 backup servers left. "
        "Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue.\n");
    assert_int_equal(fx_backend("b")->flushed, 2);
    server_set_stopped(s1, NULL); /* checks have no say now */
    server_set_running(s1, NULL);
    assert_string_equal(fx_log(), "");
    server_clear_admin(s1, SRVA_FMAINT | SRVA_FDRAIN);
    assert_string_equal(fx_log(), "5 Server b/s1 is UP/READY (leaving forced maintenance).\n"
                                  "5 Server b/s3 is UP/READY (leaving maintenance).\n");
    assert_true(server_is_usable(s1));
    assert_true(server_is_usable(s3));
    server_set_stopped(s1, ", changed from CLI");
    (void)fx_log();
    server_set_admin(s1, SRVA_FMAINT, "No IP for server ");
    assert_non_null(strstr(
        fx_log(), "5 Server b/s1 was DOWN and now enters maintenance (No IP for server ).\n"));
}

static void
drain(void **state)
{
    struct server *s1, *s3;

    (void)state;
    load(three);
    s1 = fx_server("b", "s1");
    s3 = fx_server("b", "s3");
    pass_check(s1, 1);
    server_set_admin(s1, SRVA_FDRAIN, NULL);
    assert_string_equal(fx_log(), "5 Server b/s1 enters drain state. 1 active and 1 backup servers "
                                  "online. 0 sessions requeued, "
                                  "0 total in queue.\n"
                                  "5 Server b/s3 enters drain state via b/s1. 0 active and 1 "
                                  "backup servers online. Running on "
                                  "backup. 0 sessions requeued, 0 total in queue.\n");
    assert_string_equal(status(s1), "DRAIN");
    assert_true(server_is_draining(s3));
    assert_true(server_is_up(s1));
    /* drained servers go down quietly */
    fail_check(s1, 3);
    assert_non_null(strstr(fx_log(), "5 Server b/s1 is DOWN, reason"));
    server_clear_admin(s1, SRVA_FDRAIN);
    assert_string_equal(fx_log(), "5 Server b/s1 is DOWN (leaving forced drain).\n"
                                  "5 Server b/s3 is DOWN (leaving forced drain).\n");
    pass_check(s1, 2);
    (void)fx_log();
    server_set_admin(s1, SRVA_FMAINT, NULL);
    server_set_admin(s1, SRVA_FDRAIN, NULL);
    (void)fx_log();
    server_clear_admin(s1, SRVA_FMAINT);
    assert_non_null(strstr(fx_log(), "5 Server b/s1 is UP/DRAIN (leaving forced maintenance).\n"));
    assert_string_equal(status(s3), "DRAIN 1/3");
}

static void
disabled_in_the_configuration(void **state)
{
    struct server *s;

    (void)state;
    load(three);
    s = fx_server("b", "s4");
    assert_string_equal(status(s), "MAINT");
    assert_int_equal(s->admin, SRVA_FMAINT | SRVA_CMAINT);
    server_clear_admin(s, SRVA_FMAINT | SRVA_FDRAIN);
    assert_string_equal(status(s), "no check");
    assert_true(server_is_usable(s));
}

static void
stopping(void **state)
{
    struct server *s;

    (void)state;
    load("backend b\n server s1 127.0.0.1:1 check\n");
    s = fx_server("b", "s1");
    check_report(s->check, CHK_L7OKC, 404, NULL);
    assert_string_equal(status(s), "NOLB");
    assert_false(server_is_usable(s));
    assert_true(server_is_up(s));
    assert_non_null(
        strstr(fx_log(),
               "5 Server b/s1 is stopping, reason: Layer7 check conditionally passed, code: 404. "
               "0 active and 0 backup servers online."));
    check_report(s->check, CHK_L7OK, 200, NULL);
    assert_string_equal(status(s), "UP");
    server_force_health(s, SRV_STOPPED);
    assert_string_equal(status(s), "DOWN");
    assert_non_null(strstr(fx_log(), "1 Server b/s1 is DOWN, changed from CLI. "));
    server_force_health(s, SRV_STOPPING);
    assert_string_equal(status(s), "NOLB");
    server_force_health(s, SRV_RUNNING);
    assert_string_equal(status(s), "UP");
}

static void
init_states(void **state)
{
    static const struct {
        const char *option, *status;
        unsigned fails_to_down;
    } cases[] = {
        { "", "UP 1/3", 1 },
        { "init-state up", "UP 1/3", 1 },
        { "init-state fully-up", "UP", 3 },
        { "init-state down", "DOWN 1/2", 0 },
        { "init-state fully-down", "DOWN", 0 },
    };
    char text[256];

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct server *s;

        snprintf(text, sizeof(text), "backend b\n server s 127.0.0.1:1 check %s\n",
                 cases[i].option);
        load(text);
        s = fx_server("b", "s");
        assert_string_equal(status(s), cases[i].status);
        for (unsigned n = 0; n < cases[i].fails_to_down; n++) {
            assert_true(server_is_up(s));
            fail_check(s, 1);
        }
        assert_false(server_is_up(s));
        pass_check(s, cases[i].option[0] && strstr(cases[i].option, " down") ? 1 : 2);
        assert_true(server_is_up(s));
    }
}

static void
agent_and_health_must_agree(void **state)
{
    struct server *s;

    (void)state;
    load("backend b\n server s 127.0.0.1:1 check agent-check agent-port 9\n");
    s = fx_server("b", "s");
    pass_check(s, 1);
    check_report(s->agent, CHK_L7STS, 0, "via agent : down");
    assert_string_equal(status(s), "DOWN (agent)");
    pass_check(s, 3);
    assert_false(server_is_up(s));
    check_report(s->agent, CHK_L4CON, 0, "Connection refused"); /* says nothing */
    check_report(s->agent, CHK_L7OK, 0, "via agent : up");
    assert_true(server_is_up(s));
    fail_check(s, 3);
    check_report(s->agent, CHK_L7OK, 0, "via agent : up");
    assert_false(server_is_up(s));
    check_report(s->agent, CHK_L4CON, 0, NULL);
    pass_check(s, 2);
    assert_true(server_is_up(s));
}

static void
weights(void **state)
{
    struct server *s;

    (void)state;
    load("backend b\n balance roundrobin\n server s 127.0.0.1:1 weight 50\n server t 127.0.0.1:1\n"
         "backend c\n balance static-rr\n server s 127.0.0.1:1 weight 50\n server t 127.0.0.1:1\n");
    s = fx_server("b", "s");
    assert_null(server_set_weight(s, "50%"));
    assert_int_equal(s->uweight, 25);
    assert_int_equal(server_shown_weight(s), 25);
    assert_null(server_set_weight(s, "1000%"));
    assert_int_equal(s->uweight, 256);
    assert_null(server_set_weight(s, "0"));
    assert_false(server_is_usable(s));
    assert_string_equal(server_set_weight(s, "300"),
                        "Absolute weight can only be between 0 and 256 inclusive.\n");
    assert_string_equal(server_set_weight(s, "-5%"), "Relative weight must be positive.\n");
    assert_string_equal(server_set_weight(s, "x"),
                        "Empty weight string empty or preceded by garbage");
    assert_string_equal(server_set_weight(s, "10%x"), "Trailing garbage in weight string");
    assert_string_equal(server_set_weight(s, ""), "Require <weight> or <weight%>.\n");
    s = fx_server("c", "s");
    assert_string_equal(
        server_set_weight(s, "10"),
        "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n");
    assert_null(server_set_weight(s, "0%"));
    assert_null(server_set_weight(s, "100%"));
    assert_int_equal(s->uweight, 50);
}

static void
slow_start(void **state)
{
    struct server *s;

    (void)state;
    load("backend b\n balance roundrobin\n server s 127.0.0.1:1 weight 50 slowstart 4s check\n "
         "server t 127.0.0.1:1\n");
    server_warmup_start();
    s = fx_server("b", "s");
    fail_check(s, 1);
    pass_check(s, 2);
    assert_int_equal(s->state, SRV_STARTING);
    /* sixteenths, as HAProxy shows them: 6% 4, 31% 16, 56% 29 */
    assert_int_equal(server_throttle_pct(s), 6);
    assert_int_equal(server_shown_weight(s), 4);
    s->warm_since_ms -= 1000;
    server_update_weight(s);
    assert_int_equal(server_throttle_pct(s), 31);
    assert_int_equal(server_shown_weight(s), 16);
    s->warm_since_ms -= 1000;
    server_update_weight(s);
    assert_int_equal(server_throttle_pct(s), 56);
    assert_int_equal(server_shown_weight(s), 29);
    (void)fx_log();
    s->warm_since_ms -= 2000;
    for (unsigned i = 0; i < 30 && s->state == SRV_STARTING; i++)
        loop_turn(100);
    assert_int_equal(s->state, SRV_RUNNING);
    assert_int_equal(server_shown_weight(s), 50);
    assert_non_null(strstr(fx_log(), "5 Server b/s is UP. 2 active"));
    server_warmup_stop();
}

static void
marked_down_kills_sessions(void **state)
{
    (void)state;
    load("backend b\n server s 127.0.0.1:1 check on-marked-down shutdown-sessions\n");
    fail_check(fx_server("b", "s"), 1);
    assert_int_equal(fx_backend("b")->killed, 1);
}

/* ---- state lines ---- */

static char *
state_line(struct server *s)
{
    static struct text t;

    text_fini(&t);
    server_state_line(s, 3, false, &t);
    return t.p;
}

static unsigned
split(char *line, char **field)
{
    unsigned n = 0;

    for (char *save, *p = strtok_r(line, " ", &save); p && n < 32; p = strtok_r(NULL, " ", &save))
        field[n++] = p;
    return n;
}

static void
state_lines(void **state)
{
    struct server *s;

    (void)state;
    load(three);
    s = fx_server("b", "s1");
    pass_check(s, 1);
    assert_string_equal(state_line(s),
                        "3 b 1 s1 127.0.0.1 2 0 1 1 0 6 3 4 6 0 0 0 - 1 - 0 0 - - 0");
    assert_string_equal(state_line(fx_server("b", "s4")),
                        "3 b 4 s4 127.0.0.1 0 5 1 1 0 1 0 0 8 0 0 0 - 4 - 0 0 - - 0");
    server_set_admin(fx_server("b", "s2"), SRVA_FMAINT, NULL);
    pass_check(s, 0);
    assert_non_null(strstr(state_line(fx_server("b", "s2")),
                           "3 b 2 s2 127.0.0.1 0 1 1 1 0 1 0 2 14 0 0 0 - 2"));
}

static void
state_lines_are_read_back(void **state)
{
    char line[] = "3 b 1 s1 127.0.0.1 0 0 1 1 100 8 2 0 6 0 0 0 - 1 - 0 0 - - 0";
    char maint[] = "3 b 2 s2 127.0.0.1 0 1 7 1 5 6 3 3 14 0 0 0 - 2 - 0 0 - - 0";
    char bad[] = "3 b 2 s2 127.0.0.1 9 1 7 1 5 6 3 3 14 0 0 0 - 2 - 0 0 - - 0";
    char *field[32];
    struct text err = { 0 };
    struct server *s;

    (void)state;
    load(three);
    s = fx_server("b", "s1");
    assert_true(server_state_apply(s, field, split(line, field), &err));
    assert_string_equal(status(s), "DOWN");
    assert_in_range(server_down_time(s), 100, 102);
    s = fx_server("b", "s2");
    assert_true(server_state_apply(s, field, split(maint, field), &err));
    assert_string_equal(status(s), "MAINT");
    assert_int_equal(s->uweight, 7);
    assert_false(server_state_apply(s, field, split(bad, field), &err));
    assert_false(server_state_apply(s, field, 5, &err));
    text_fini(&err);
}

static void
addresses_change(void **state)
{
    struct text msg = { 0 };
    struct server *s;

    (void)state;
    load(three);
    s = fx_server("b", "s1");
    assert_null(server_set_addr(s, "127.0.0.9", NULL, "stats socket command", &msg));
    assert_string_equal(msg.p,
                        "IP changed from '127.0.0.1' to '127.0.0.9' by 'stats socket command'");
    text_fini(&msg);
    assert_null(server_set_addr(s, "127.0.0.9", "80", NULL, &msg));
    assert_string_equal(msg.p, "no need to change the addr, port changed from '1' to '80'");
    assert_int_equal(addr_port(&s->addr), 80);
    text_fini(&msg);
    assert_non_null(server_set_addr(s, "127.0.0.9", "+1", NULL, &msg));
    text_fini(&msg);
    assert_non_null(server_set_addr(s, "foo", NULL, "x", &msg));
    assert_string_equal(msg.p, "Invalid addr 'foo' by 'x'");
    text_fini(&msg);
    s = fx_server("b", "s4");
    assert_null(server_set_addr(s, "127.0.0.1", "+1", NULL, &msg));
    assert_int_equal(s->port_offset, 1);
    text_fini(&msg);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
    const struct CMUnitTest tests[] = {
        T(down_and_up_again),
        T(one_failure_is_enough_at_start),
        T(backend_without_servers),
        T(log_health_checks_reports_every_change),
        T(maintenance),
        T(drain),
        T(disabled_in_the_configuration),
        T(stopping),
        T(init_states),
        T(agent_and_health_must_agree),
        T(weights),
        T(slow_start),
        T(marked_down_kills_sessions),
        T(state_lines),
        T(state_lines_are_read_back),
        T(addresses_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
