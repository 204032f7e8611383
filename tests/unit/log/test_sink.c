/* test_sink.c - batches over real sockets and pipes: order, slow readers, readers that come and go,
 * threads. */
#include "log/sink.h"
#include "loop/loop.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct sockaddr_un un;

static struct addr
unix_address(void)
{
    struct addr a = { .kind = ADDR_UNIX, .flags = ADDR_F_DGRAM_SOCK, .len = sizeof(un) };

    un = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(un.sun_path, sizeof(un.sun_path), "/tmp/steelyard-sink-%d", (int)getpid());
    unlink(un.sun_path);
    a.un = un;
    return a;
}

static int
reader_open(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    unlink(un.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    return fd;
}

static bool
say(struct log_sink *s, unsigned i, size_t len)
{
    char *p = log_sink_reserve(s, len);
    int n;

    if (!p)
        return false;
    memset(p, 'x', len);
    n = snprintf(p, len, "%u", i);
    p[n] = ' ';
    p[len - 1] = '\n';
    log_sink_commit(s, len);
    return true;
}

/** Reads all datagrams that wait; checks that they are from..; returns the next number. */
static unsigned
hear(int fd, unsigned from, size_t len)
{
    static char line[LOG_LINE_MAX];
    ssize_t n;

    while ((n = recv(fd, line, sizeof(line), 0)) >= 0) {
        assert_int_equal(n, len);
        assert_int_equal(strtoul(line, NULL, 10), from);
        assert_int_equal(line[n - 1], '\n');
        from++;
    }
    return from;
}

static int
setup(void **state)
{
    assert_true(loop_open(0));
    return 0;
}

static int
teardown(void **state)
{
    log_sinks_thread_stop();
    log_sinks_fini();
    unlink(un.sun_path);
    loop_close();
    return 0;
}

static void
test_order(void **state)
{
    struct addr a = unix_address();
    struct log_sink *s = log_sink_get(&a);
    unsigned long before = log_sinks_dropped();
    unsigned heard = 0;
    int fd = reader_open();

    assert_ptr_equal(log_sink_get(&a), s);
    log_sinks_thread_start();
    /* more than the queue of the socket holds between two turns, less than the batch */
    for (unsigned i = 0; i < 900; i++) {
        assert_true(say(s, i, 200));
        if (i % 7 == 0) {
            loop_turn(0);
            heard = hear(fd, heard, 200);
        }
    }
    for (unsigned i = 0; i < 1000 && heard < 900; i++) {
        loop_turn(2); /* the batch wakes the loop by itself */
        heard = hear(fd, heard, 200);
    }
    assert_int_equal(heard, 900);
    assert_int_equal(log_sinks_dropped(), before);
    close(fd);
}

static void
test_one_line_leaves(void **state)
{
    struct addr a = unix_address();
    struct log_sink *s = log_sink_get(&a);
    int fd = reader_open();

    log_sinks_thread_start();
    say(s, 7, 50);
    assert_int_equal(hear(fd, 7, 50), 8); /* nothing to wait for */
    for (unsigned i = 8; i < 15; i++)
        say(s, i, 50);
    assert_int_equal(hear(fd, 8, 50), 14); /* there is much to say now */
    loop_turn(1000);                       /* does not sleep longer than the line may wait */
    loop_turn(0);
    assert_int_equal(hear(fd, 14, 50), 15);
    close(fd);
}

static void
test_slow_reader(void **state)
{
    struct addr a = unix_address();
    struct log_sink *s = log_sink_get(&a);
    unsigned long before = log_sinks_dropped();
    unsigned taken = 0, heard = 0;
    int fd = reader_open();

    log_sinks_thread_start();
    for (unsigned i = 0; i < 5000; i++)
        taken += say(s, taken, 200);
    assert_true(taken >= 1000 && taken < 2000);
    assert_int_equal(log_sinks_dropped() - before, 5000 - taken);
    for (unsigned i = 0; i < 1000 && heard < taken; i++) {
        heard = hear(fd, heard, 200);
        loop_turn(2);
        if (i % 50 == 0)
            taken += say(s, taken, 200); /* there is room again */
    }
    assert_int_equal(heard, taken);
    close(fd);
}

static void
test_reader_comes_and_goes(void **state)
{
    struct addr a = unix_address();
    struct log_sink *s = log_sink_get(&a);
    unsigned heard = 0;
    int fd;

    log_sinks_thread_start();
    say(s, 0, 100); /* nobody there yet */
    log_sinks_flush();
    fd = reader_open();
    for (unsigned i = 0; i < 1000 && heard < 1; i++) {
        loop_turn(2);
        heard = hear(fd, heard, 100);
    }
    assert_int_equal(heard, 1);
    close(fd);
    unlink(un.sun_path);
    say(s, 1, 100);
    log_sinks_flush();
    fd = reader_open();
    say(s, 2, 100);
    for (unsigned i = 0; i < 1000 && heard < 3; i++) {
        loop_turn(2);
        heard = hear(fd, heard, 100);
    }
    assert_int_equal(heard, 3); /* a reader that restarts misses nothing */
    close(fd);
}

static void
test_reader_restarts_at_once(void **state)
{
    struct addr a = unix_address();
    struct log_sink *s = log_sink_get(&a);
    int fd = reader_open();

    log_sinks_thread_start();
    for (unsigned i = 0; i < 20; i++) {
        say(s, i, 100);
        log_sinks_flush();
        assert_int_equal(hear(fd, i, 100), i + 1);
        close(fd);
        fd = reader_open();
    }
    close(fd);
}

static void
test_reader_deaf(void **state)
{
    struct addr a = unix_address();
    struct log_sink *s = log_sink_get(&a);
    int fd = reader_open();

    log_sinks_thread_start();
    shutdown(fd, SHUT_RD); /* connects succeed, sends do not */
    for (unsigned i = 0; i < 100; i++)
        say(s, i, 100);
    log_sinks_flush();
    log_sinks_flush();
    close(fd);
}

static void
test_udp(void **state)
{
    struct addr a;
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct log_sink *s;
    unsigned long before = log_sinks_dropped();

    assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
    getsockname(fd, (struct sockaddr *)&in, &len);
    addr_from_ip4(&a, in.sin_addr, ntohs(in.sin_port));
    s = log_sink_get(&a);
    log_sinks_thread_start();
    for (unsigned i = 0; i < 200; i++)
        say(s, i, 100);
    log_sinks_flush();
    assert_int_equal(hear(fd, 0, 100), 200);
    close(fd);
    for (unsigned i = 0; i < 200; i++) /* nobody listens: not our problem */
        say(s, i, 100);
    log_sinks_flush();
    assert_int_equal(log_sinks_dropped(), before);
}

static void
test_too_big(void **state)
{
    struct addr a;
    struct in_addr ip = { htonl(INADDR_LOOPBACK) };
    struct log_sink *s;
    unsigned long before = log_sinks_dropped();

    addr_from_ip4(&a, ip, 9);
    s = log_sink_get(&a);
    say(s, 1, 100);
    say(s, 2, 65530); /* more than UDP carries */
    say(s, 3, 100);
    log_sinks_flush();
    log_sinks_flush();
    assert_int_equal(log_sinks_dropped() - before, 1);
}

/* ---- descriptors ---- */

static struct log_sink *
pipe_sink(int fd)
{
    struct addr a = { .kind = ADDR_FD, .fd = fd };
    struct log_sink *s = log_sink_get(&a);

    log_sinks_start();
    return s;
}

static void
test_pipe(void **state)
{
    unsigned long before = log_sinks_dropped();
    unsigned taken = 0, lines = 0;
    static char buf[1 << 20];
    size_t len = 0;
    int p[2];

    assert_int_equal(pipe(p), 0);
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    struct log_sink *s = pipe_sink(p[1]);
    assert_int_equal(fcntl(p[1], F_GETFL) & O_NONBLOCK,
                     0); /* the inherited description is left alone */
    log_sinks_thread_start();
    for (unsigned i = 0; i < 3000; i++)
        taken += say(s, taken, 200); /* never blocks */
    assert_true(taken > 1000 && taken < 3000);
    assert_int_equal(log_sinks_dropped() - before, 3000 - taken);
    for (unsigned i = 0; i < 1000 && len < taken * 200; i++) {
        ssize_t n = read(p[0], buf + len, sizeof(buf) - len);

        len += n > 0 ? (size_t)n : 0;
        loop_turn(2);
    }
    assert_int_equal(len, taken * 200);
    for (size_t at = 0; at < len; at += 200, lines++)
        assert_int_equal(strtoul(buf + at, NULL, 10), lines);
    close(p[0]);
    before = log_sinks_dropped();
    say(s, 1, 100);
    log_sinks_flush();
    assert_int_equal(log_sinks_dropped() - before, 1); /* nobody reads */
    close(p[1]);
}

static void
test_inherited_dgram(void **state)
{
    int p[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, p), 0);
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    struct log_sink *s = pipe_sink(p[1]);
    for (unsigned i = 0; i < 5; i++)
        say(s, i, 100);
    log_sinks_flush();
    assert_int_equal(hear(p[0], 0, 100), 5);
    close(p[0]);
    close(p[1]);
}

#define WRITER_LINES 300
#define WRITER_LEN   9000 /* more than a pipe takes at once */

static void *
writer(void *arg)
{
    struct log_sink *s = arg;

    for (unsigned i = 0; i < WRITER_LINES;) {
        i += say(s, i, WRITER_LEN);
        log_sinks_flush();
        usleep(100);
    }
    for (unsigned i = 0; i < 200; i++) {
        log_sinks_flush();
        usleep(1000);
    }
    log_sinks_thread_stop();
    return NULL;
}

static void
test_lines_stay_whole(void **state)
{
    static char line[WRITER_LEN];
    unsigned lines = 0;
    pthread_t t[2];
    FILE *in;
    int p[2];

    assert_int_equal(pipe(p), 0);
    struct log_sink *s = pipe_sink(p[1]);
    for (unsigned i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, writer, s);
    in = fdopen(p[0], "r");
    while (lines < 2 * WRITER_LINES && fread(line, 1, WRITER_LEN, in) == WRITER_LEN) {
        assert_true(line[0] >= '0' && line[0] <= '9');
        assert_int_equal(line[WRITER_LEN - 1], '\n');
        assert_null(memchr(line, '\n', WRITER_LEN - 1));
        lines++;
    }
    assert_int_equal(lines, 2 * WRITER_LINES);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    fclose(in);
    close(p[1]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_order),
        T(test_one_line_leaves),
        T(test_slow_reader),
        T(test_reader_comes_and_goes),
        T(test_reader_restarts_at_once),
        T(test_reader_deaf),
        T(test_udp),
        T(test_too_big),
        T(test_pipe),
        T(test_inherited_dgram),
        T(test_lines_stay_whole),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
