/* test_log.c - the log keyword, lines byte for byte as recorded from HAProxy, sampling, levels,
 * profiles. */
#include "log/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct cfg cfg;
static struct cfg_word words[64];

/** Makes `line` the current line of cfg: words at single spaces, '' is an empty word. */
static void
set_line(const char *line)
{
    char *copy = arena_strdup(&arena, line), *save = NULL;

    cfg.raw = copy;
    cfg.word = words;
    cfg.nwords = 0;
    cfg.neg = strncmp(line, "no ", 3) == 0;
    cfg.loc = (struct cfg_loc){ .file = "test", .line = 1 };
    copy = arena_strdup(&arena, line);
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        if (strcmp(w, "''") == 0)
            w = arena_strdup(&arena, "");
        words[cfg.nwords++] = (struct cfg_word){ .s = w, .len = strlen(w) };
    }
}

static int
setup(void **state)
{
    setenv("TZ", "UTC", 1);
    arena_init_config(&arena);
    cfg_init(&cfg, NULL, &arena);
    log_module.defaults(NULL);
    return 0;
}

static int
teardown(void **state)
{
    log_module.stop(NULL);
    cfg_fini(&cfg);
    arena_fini(&arena);
    return 0;
}

static enum cfg_rc
row(const char *line, void *obj)
{
    unsigned skip;

    set_line(line);
    skip = cfg_arg_is(&cfg, 0, "no") ? 1 : 0;
    for (const struct keyword *kw = log_module.keywords; kw->name; kw++) {
        unsigned at = skip + 1;

        if (cfg_arg_is(&cfg, skip, kw->name) &&
            (obj ? kw->where == IN_LOG_PROFILE : kw->where == IN_GLOBAL))
            return kw->parse(&cfg, kw, obj, &at);
    }
    fail_msg("no row for %s", line);
    return CFG_ERR;
}

static enum cfg_rc
proxy_log(struct log_targets *l, const char *line)
{
    set_line(line);
    return cfg_arg_is(&cfg, 0, "no") ? log_parse(&cfg, 2, l, log_global(), true)
                                     : log_parse(&cfg, 1, l, log_global(), false);
}

static const char *
last_error(void)
{
    const struct diag *g = list_last(&cfg.diags.list, struct diag, link);

    return g ? g->text : "";
}

/* ---- a datagram socket to look at what was sent ---- */

struct reader {
    int fd;
    struct sockaddr_un un;
};

static void
reader_open(struct reader *r)
{
    static unsigned count;

    r->un = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(r->un.sun_path, sizeof(r->un.sun_path), "/tmp/steelyard-log-%d-%u", (int)getpid(),
             count++);
    unlink(r->un.sun_path);
    r->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(r->fd >= 0);
    assert_int_equal(bind(r->fd, (struct sockaddr *)&r->un, sizeof(r->un)), 0);
}

static void
reader_close(struct reader *r)
{
    close(r->fd);
    unlink(r->un.sun_path);
}

/** The next line, or "" when there is none. */
static const char *
reader_next(struct reader *r)
{
    static char line[70000];
    ssize_t n = recv(r->fd, line, sizeof(line) - 1, 0);

    line[n > 0 ? n : 0] = '\0';
    return line;
}

/** '#' stands for a digit, '@' for a letter, '_' for a space or a digit, '$' for the process id. */
static bool
matches(const char *s, const char *pattern)
{
    char pid[16];

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    for (; *pattern; pattern++) {
        if (*pattern == '$') {
            if (strncmp(s, pid, strlen(pid)) != 0)
                return false;
            s += strlen(pid);
            continue;
        }
        bool ok = *pattern == '#'   ? *s >= '0' && *s <= '9'
                  : *pattern == '~' ? (*s | 32) >= 'a' && (*s | 32) <= 'z'
                  : *pattern == '_' ? *s == ' ' || (*s >= '0' && *s <= '9')
                                    : *s == *pattern;
        if (!ok)
            return false;
        s++;
    }
    return !*s;
}

static void
expect_line(struct reader *r, const char *pattern)
{
    const char *line = reader_next(r);

    if (!matches(line, pattern))
        fail_msg("got '%s', expected '%s'", line, pattern);
}

/* ---- tests ---- */

#define DATE "~~~ _# ##:##:##"
#define ISO  "####-##-##T##:##:##.######+00:00"

/** Lines of the reference (2.6) for the text "hello", facility local3, level info. */
static const struct {
    const char *format, *plain, *named;
} recorded[] = {
    { "", "<158>" DATE " t[$]: hello\n", "<158>" DATE " myhost my-tag[$]: hello\n" },
    { "format local", "<158>" DATE " t[$]: hello\n", "<158>" DATE " my-tag[$]: hello\n" },
    { "format rfc3164", "<158>" DATE " localhost t[$]: hello\n",
      "<158>" DATE " myhost my-tag[$]: hello\n" },
    { "format rfc5424", "<158>1 " ISO " - t $ - - hello\n",
      "<158>1 " ISO " myhost my-tag $ - [ex@1 a=200] hello\n" },
    { "format priority", "<158>hello\n", "<158>hello\n" },
    { "format short", "<6>hello\n", "<6>hello\n" },
    { "format timed", "<6>" ISO " hello\n", "<6>" ISO " hello\n" },
    { "format iso", ISO " hello\n", ISO " hello\n" },
    { "format raw", "hello\n", "hello\n" },
};

static void
test_formats(void **state)
{
    struct log_tag_info own = { SL("my-tag") };
    struct log_targets l = { 0 };
    struct reader r;
    char line[256];

    reader_open(&r);
    for (int named = 0; named < 2; named++) {
        assert_int_equal(row("log-tag t", NULL), CFG_OK);
        if (named)
            assert_int_equal(row("log-send-hostname myhost", NULL), CFG_OK);
        for (unsigned i = 0; i < COUNT_OF(recorded); i++) {
            l = (struct log_targets){ 0 };
            snprintf(line, sizeof(line), "log %s %s local3", r.un.sun_path, recorded[i].format);
            assert_int_equal(proxy_log(&l, line), CFG_OK);
            log_emit(&l, named ? &own : NULL, LOGL_INFO, SL("hello"),
                     named ? SL("[ex@1 a=200]") : SLICE_NONE);
            log_flush();
            expect_line(&r, named ? recorded[i].named : recorded[i].plain);
        }
    }
    reader_close(&r);
}

static void
test_length(void **state)
{
    static const struct {
        const char *options;
        size_t len;
    } t[] = {
        /* as recorded: the newline counts only where there is no header */
        { "", 1025 },
        { "format rfc5424", 1025 },
        { "format short", 1025 },
        { "format raw", 1024 },
        { "len 100", 101 },
        { "len 100 format rfc3164", 101 },
        { "len 100 format iso", 101 },
        { "len 100 format raw", 100 },
        { "len 80", 81 },
    };
    static char text[3000];
    struct reader r;
    char line[256];

    memset(text, 'y', sizeof(text));
    reader_open(&r);
    for (unsigned i = 0; i < COUNT_OF(t); i++) {
        struct log_targets l = { 0 };

        snprintf(line, sizeof(line), "log %s %s daemon", r.un.sun_path, t[i].options);
        assert_int_equal(proxy_log(&l, line), CFG_OK);
        log_emit(&l, NULL, LOGL_INFO, slice(text, sizeof(text)), SLICE_NONE);
        log_flush();
        assert_int_equal(strlen(reader_next(&r)), t[i].len);
    }
    reader_close(&r);
}

static void
test_long_line(void **state)
{
    static char text[70000];
    struct log_targets l = { 0 };
    struct reader r;
    char line[256];

    memset(text, 'y', sizeof(text));
    reader_open(&r);
    snprintf(line, sizeof(line), "log %s len 65535 format raw daemon", r.un.sun_path);
    assert_int_equal(proxy_log(&l, line), CFG_OK);
    for (unsigned i = 0; i < 20; i++) {
        log_emit(&l, NULL, LOGL_INFO, slice(text, sizeof(text)), SLICE_NONE);
        log_flush();
        assert_int_equal(strlen(reader_next(&r)), 65535);
    }
    reader_close(&r);
}

static void
test_levels(void **state)
{
    struct log_targets l = { 0 };
    struct reader r;
    char line[256];

    reader_open(&r);
    snprintf(line, sizeof(line), "log %s format short local0 notice err", r.un.sun_path);
    assert_int_equal(proxy_log(&l, line), CFG_OK);
    for (unsigned level = LOGL_EMERG; level <= LOGL_DEBUG; level++)
        log_emit(&l, NULL, level, SL("x"), SLICE_NONE);
    log_flush();
    for (unsigned i = 0; i < 4; i++)
        expect_line(&r, "<3>x\n"); /* emerg to err are capped to err */
    expect_line(&r, "<4>x\n");
    expect_line(&r, "<5>x\n");
    expect_line(&r, "");
    reader_close(&r);
}

static void
test_sampling(void **state)
{
    struct log_targets l = { 0 };
    struct reader a, b;
    char line[256];

    reader_open(&a);
    reader_open(&b);
    assert_int_equal(proxy_log(&l, "log 127.0.0.1:9 local0 emerg"), CFG_OK);
    snprintf(line, sizeof(line), "log %s format raw sample 4,1-2:4 local0", a.un.sun_path);
    assert_int_equal(proxy_log(&l, line), CFG_OK);
    snprintf(line, sizeof(line), "log %s sample 3:4 format raw local0", b.un.sun_path);
    assert_int_equal(proxy_log(&l, line), CFG_OK);
    for (unsigned i = 1; i <= 8; i++) {
        char text[2] = { (char)('0' + i), 0 };

        log_emit(&l, NULL, LOGL_INFO, slice(text, 1), SLICE_NONE);
    }
    log_flush();
    for (const char *p = "124568"; *p; p++) {
        char want[3] = { *p, '\n', 0 };

        assert_string_equal(reader_next(&a), want);
    }
    assert_string_equal(reader_next(&b), "3\n");
    assert_string_equal(reader_next(&b), "7\n");
    assert_string_equal(reader_next(&b), "");
    reader_close(&a);
    reader_close(&b);
}

static void
test_printf(void **state)
{
    struct log_tag_info own = { SL("be") };
    struct reader r;
    char line[256];

    reader_open(&r);
    snprintf(line, sizeof(line), "log %s daemon", r.un.sun_path);
    assert_int_equal(row(line, NULL), CFG_OK);
    log_printf(log_global(), &own, LOGL_ALERT, "Server %s/%s is DOWN.\n", "b", "s1");
    expect_line(&r, "<25>" DATE " be[$]: Server b/s1 is DOWN.\n");
    reader_close(&r);
}

static unsigned
count(struct log_targets *l)
{
    unsigned n = 0;

    for (const void *p = l->first; p; p = *(void *const *)p) /* `next` is the first member */
        n++;
    return n;
}

static void
test_inherit(void **state)
{
    struct log_targets d = { 0 }, p = { 0 }, q = { 0 };

    assert_int_equal(proxy_log(&p, "log global"), CFG_OK);
    assert_int_equal(count(&p), 0); /* what the global section says later is not seen */
    assert_int_equal(row("log 127.0.0.1:9 daemon", NULL), CFG_OK);
    assert_int_equal(row("log 127.0.0.1:10 daemon", NULL), CFG_OK);
    assert_int_equal(proxy_log(&d, "log 127.0.0.1:11 daemon"), CFG_OK);
    assert_int_equal(proxy_log(&d, "log global"), CFG_OK);
    assert_int_equal(proxy_log(&d, "log global"), CFG_OK);
    assert_int_equal(count(&d), 3);
    log_inherit(&q, &d, &arena);
    assert_int_equal(proxy_log(&q, "log global"), CFG_OK);
    assert_int_equal(count(&q), 3);
    assert_int_equal(proxy_log(&q, "log 127.0.0.1:12 daemon"), CFG_OK);
    assert_int_equal(count(&q), 4);
    assert_int_equal(count(&d), 3);
    assert_int_equal(proxy_log(&q, "no log"), CFG_OK);
    assert_false(log_enabled(&q));
    assert_int_equal(row("no log", NULL), CFG_OK);
    assert_false(log_enabled(log_global()));
}

static void
test_errors(void **state)
{
    static const struct {
        const char *line, *error;
    } t[] = {
        { "log", "log : expects <address> and <facility> or global as arguments" },
        { "log 127.0.0.1", "log : expects <address> and <facility> or global as arguments" },
        { "log 127.0.0.1 local9", "log : unknown log facility 'local9'" },
        { "log 127.0.0.1 LOCAL0", "log : unknown log facility 'LOCAL0'" },
        { "log 127.0.0.1 local0 foo", "log : unknown optional log level 'foo'" },
        { "log 127.0.0.1 local0 silent", "log : unknown optional log level 'silent'" },
        { "log 127.0.0.1 local0 info foo", "log : unknown optional minimum log level 'foo'" },
        { "log 127.0.0.1 local0 info notice bar", "log : cannot handle unexpected argument 'bar'" },
        { "log 127.0.0.1 len", "log : invalid log length '', must be between 80 and 65535" },
        { "log 127.0.0.1 len 79 local0",
          "log : invalid log length '79', must be between 80 and 65535" },
        { "log 127.0.0.1 len 65536 local0",
          "log : invalid log length '65536', must be between 80 and 65535" },
        { "log 127.0.0.1 len 100 len 200 local0", "log : unknown log facility 'len'" },
        { "log 127.0.0.1 format", "log : unknown log format ''" },
        { "log 127.0.0.1 format foo local0", "log : unknown log format 'foo'" },
        { "log 127.0.0.1 format raw format raw local0", "log : unknown log facility 'format'" },
        { "log 127.0.0.1 sample", "log : Missing sample size" },
        { "log 127.0.0.1 sample 1 local0", "log : Missing sample size" },
        { "log 127.0.0.1 sample 1: local0", "log : wrong sample size '' for sample range '1'" },
        { "log 127.0.0.1 sample 1:0 local0", "log : wrong sample size '0' for sample range '1'" },
        { "log 127.0.0.1 sample 1,2-3,5:5x local0",
          "log : wrong sample size '5x' for sample range '1,2-3,5'" },
        { "log 127.0.0.1 sample :2 local0", "log : no sampling ranges given" },
        { "log 127.0.0.1 sample 0:2 local0", "log : wrong sample range '0'" },
        { "log 127.0.0.1 sample a:5 local0", "log : wrong sample range 'a'" },
        { "log 127.0.0.1 sample 1-:5 local0", "log : wrong sample range '1-'" },
        { "log 127.0.0.1 sample -1:5 local0", "log : wrong sample range '-1'" },
        { "log 127.0.0.1 sample 3-1:4 local0", "log : wrong sample range '3-1'" },
        { "log 127.0.0.1 sample 1-3,2:4 local0", "log : ranges are overlapping" },
        { "log 127.0.0.1 sample 3:2 local0", "log : sample size 2 should be greater or equal to 3 "
                                             "the maximum of the high ranges limits" },
        { "log 127.0.0.1:99999 local0", "log : invalid port '99999'" },
        { "log 127.0.0.1:514-520 local0",
          "log : port range not permitted here in '127.0.0.1:514-520'" },
        { "log fd@x local0", "log : file descriptor 'x' is not a valid integer in 'fd@x'" },
        { "log ring@x local0", "log : 'ring@x': logging to a ring is not supported yet" },
        { "log backend@x local0", "log : 'backend@x': logging to a backend is not supported yet" },
        { "log tcp@127.0.0.1:514 local0",
          "log : 'tcp@127.0.0.1:514': logging over a stream connection is not supported yet" },
        { "log uxst@/tmp/x local0",
          "log : 'uxst@/tmp/x': logging over a stream connection is not supported yet" },
        { "no log foo", "log : 'no log' does not expect arguments" },
    };

    for (unsigned i = 0; i < COUNT_OF(t); i++) {
        struct log_targets l = { 0 };

        assert_int_equal(proxy_log(&l, t[i].line), CFG_ERR);
        assert_string_equal(last_error(), t[i].error);
        assert_false(log_enabled(&l));
    }
    assert_int_equal(row("log global", NULL), CFG_ERR);
    assert_string_equal(last_error(), "log : 'global' is not supported for a global syslog server");
    assert_int_equal(row("log 127.0.0.1", NULL), CFG_ERR);
    assert_string_equal(last_error(), "log : expects <address> and <facility>  as arguments");
    assert_int_equal(row("log-tag", NULL), CFG_ERR);
    assert_string_equal(last_error(), "'log-tag' expects a tag for use in syslog.");
    assert_int_equal(row("log-tag a b", NULL), CFG_ERR);
    assert_string_equal(last_error(), "'log-tag' cannot handle unexpected argument 'b'.");
}

static void
test_accepted(void **state)
{
    static const char *const t[] = {
        "log 127.0.0.1 local0",
        "log 127.0.0.1:0 local0",
        "log [::1] local0",
        "log [::1]:514 local0",
        "log :514 local0",
        "log *:514 local0",
        "log /dev/log local0",
        "log stdout format raw local0",
        "log stderr local0 info notice",
        "log fd@7 local0",
        "log udp@127.0.0.1:514 local0",
        "log uxdg@/tmp/x local0",
        "log unix@/tmp/x local0",
        "log abns@x local0",
        "log 127.0.0.1 len 80 format raw sample 1,2-3,5:5 profile p local0 debug debug",
        "log 127.0.0.1 profile p sample 1,:5 len 65535 local0",
    };

    for (unsigned i = 0; i < COUNT_OF(t); i++) {
        struct log_targets l = { 0 };

        if (proxy_log(&l, t[i]) != CFG_OK)
            fail_msg("%s: %s", t[i], last_error());
        assert_int_equal(count(&l), 1);
    }
}

static void
test_level_names(void **state)
{
    assert_int_equal(log_level_parse(SL("emerg")), LOGL_EMERG);
    assert_int_equal(log_level_parse(SL("debug")), LOGL_DEBUG);
    assert_int_equal(log_level_parse(SL("warn")), -1);
    assert_int_equal(log_level_parse(SL("")), -1);
    assert_string_equal(log_level_name(LOGL_WARNING), "warning");
}

static void
test_steps(void **state)
{
    unsigned mask = 0;

    set_line("log-steps accept,close");
    assert_int_equal(log_steps_parse(&cfg, 1, &mask), CFG_OK);
    assert_int_equal(mask, 1u << LOGS_ACCEPT | 1u << LOGS_CLOSE);
    set_line("log-steps all");
    assert_int_equal(log_steps_parse(&cfg, 1, &mask), CFG_OK);
    assert_true(mask & 1u << LOGS_HTTP_REQ);
    set_line("log-steps foo");
    assert_int_equal(log_steps_parse(&cfg, 1, &mask), CFG_ERR);
    assert_non_null(strstr(last_error(),
                           "invalid log step name (foo). Expected values are: accept, request, "));
    set_line("log-steps accept,");
    assert_int_equal(log_steps_parse(&cfg, 1, &mask), CFG_ERR);
    set_line("log-steps");
    assert_int_equal(log_steps_parse(&cfg, 1, &mask), CFG_ERR);
}

static struct logfmt *
fmt(const char *text)
{
    set_line("log-format x");
    return logfmt_parse(&cfg, 1, text, NULL, PT_LOG, false);
}

static void
test_profiles(void **state)
{
    struct sample_ctx x = { .tmp = &arena, .point = PT_LOG };
    struct log_event ev = { .level = LOGL_INFO, .ctx = &x };
    struct log_targets l = { 0 };
    struct reader r;
    char line[256];

    reader_open(&r);
    set_line("log-profile p");
    assert_int_equal(log_module.sections[0].begin(&cfg), CFG_OK);
    void *p = cfg.obj;
    assert_int_equal(row("log-tag edge", p), CFG_OK);
    assert_int_equal(row("on error format err", p), CFG_OK);
    assert_int_equal(row("on connect drop format never", p), CFG_OK);
    assert_int_equal(row("on any sd [app@1]", p), CFG_OK);
    assert_int_equal(row("on foo drop", p), CFG_ERR);
    assert_int_equal(row("on close foo", p), CFG_ERR);
    assert_int_equal(row("on close format", p), CFG_ERR);
    set_line("log-profile p");
    assert_int_equal(log_module.sections[0].begin(&cfg), CFG_ERR);
    set_line("log-profile");
    assert_int_equal(log_module.sections[0].begin(&cfg), CFG_ERR);

    snprintf(line, sizeof(line), "log %s format rfc5424 profile p local0", r.un.sun_path);
    assert_int_equal(proxy_log(&l, line), CFG_OK);
    snprintf(line, sizeof(line), "log %s format raw local0", r.un.sun_path);
    assert_int_equal(proxy_log(&l, line), CFG_OK);
    cfg.diags.errors = 0;
    log_module.check(&cfg);
    assert_int_equal(cfg.diags.errors, 0);

    ev.fmt = fmt("normal");
    ev.step = LOGS_CLOSE;
    log_event_emit(&l, &ev);
    ev.step = LOGS_CONNECT;
    log_event_emit(&l, &ev);
    ev.step = LOGS_ERROR;
    log_event_emit(&l, &ev);
    log_flush();
    expect_line(&r, "<134>1 " ISO " - edge $ - [app@1] normal\n");
    expect_line(&r, "normal\n");
    expect_line(&r, "normal\n"); /* connect: dropped for the target with the profile */
    expect_line(&r, "<134>1 " ISO " - edge $ - - err\n");
    expect_line(&r, "normal\n");

    ev.fmt = NULL; /* no format, no text: nothing */
    ev.step = LOGS_CLOSE;
    log_event_emit(&l, &ev);
    ev.text = SL("plain");
    ev.profile = log_profile_find("p");
    log_event_emit(&l, &ev);
    log_flush();
    expect_line(&r, "<134>1 " ISO " - edge $ - [app@1] plain\n");
    expect_line(&r, "plain\n");
    expect_line(&r, "");

    assert_int_equal(proxy_log(&l, "log 127.0.0.1 profile nope local0"), CFG_OK);
    log_module.check(&cfg);
    assert_string_equal(last_error(), "log : unknown log-profile 'nope'.");
    reader_close(&r);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_formats),  T(test_length),      T(test_long_line), T(test_levels),
        T(test_sampling), T(test_printf),      T(test_inherit),   T(test_errors),
        T(test_accepted), T(test_level_names), T(test_steps),     T(test_profiles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
