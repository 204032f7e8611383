/* test_stick.c - fetches, converters and actions on stick tables, called through their rows;
 * results are the reference's. */
#include "../stick/stick_test.h"

#include "action/act_stick.h"
#include "config/tune.h"
#include "fetch/fetch_stick.h"
#include "loop/loop.h"
#include "proxy/proxy.h"
#include "proxy/session.h"

struct fixture {
    struct test_cfg cfg;
    struct arena tmp;
    struct session sess;
    struct stick_counter track[3];
    struct proxy *px;
    struct sample_ctx x;
};

static void
begin(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    test_cfg_init(&f->cfg);
    arena_init(&f->tmp, NULL, 0, 0);
    tune.stick_counters = 3;
    f->px = ARENA_NEW(&f->cfg.arena, struct proxy);
    f->px->name = "b";
    f->px->cap = PX_BE;
    f->sess.track = f->track;
    f->x = (struct sample_ctx){ .px = f->px, .sess = &f->sess, .tmp = &f->tmp };
}

static void
end(struct fixture *f)
{
    stick_untrack_all(f->track, 3, 1);
    arena_fini(&f->tmp);
    test_cfg_fini(&f->cfg);
}

static void
track(struct fixture *f, unsigned slot, struct stick_table *t, const char *key)
{
    struct stick_key k;

    assert_true(stick_key_text(t, key, &k));
    assert_true(stick_track(&f->track[slot], t, &k, false, loop_now_ms()));
}

static void
fill_args(struct expr_arg *arg, const unsigned char *types, struct stick_table *t, int64_t a,
          int64_t b)
{
    int64_t ints[2] = { a, b };
    unsigned n = 0;

    for (unsigned i = 0; types[i]; i++) {
        enum arg_type type = (enum arg_type)(types[i] & ~ARG_OPT);
        if (type == ARG_TABLE) {
            arg[i].type = t || !(types[i] & ARG_OPT) ? ARG_TABLE : ARG_END;
            arg[i].u.table = t;
        } else {
            arg[i].type = type;
            arg[i].i = ints[n++];
        }
    }
}

#define NOTHING INT64_MIN

/* Runs a fetch; its numbers are `a` and `b` in order, its table `t` (NULL: left out). */
static int64_t
fetch(struct fixture *f, const char *name, struct stick_table *t, int64_t a, int64_t b)
{
    struct expr_arg arg[ARG_MAX] = { 0 };
    struct sample s = { 0 };
    const struct fetch *row = stick_fetches;

    while (row->name && strcmp(row->name, name) != 0)
        row++;
    assert_non_null(row->name);
    fill_args(arg, row->args, t, a, b);
    if (!row->fn(arg, &f->x, &s, row->private))
        return NOTHING;
    assert_true(row->out == SMP_ANY || s.type == row->out);
    return s.u.i;
}

/* Runs a converter on a string key. */
static int64_t
conv(struct fixture *f, const char *name, const char *key, struct stick_table *t, int64_t a)
{
    struct expr_arg arg[ARG_MAX] = { 0 };
    struct sample s = { .type = SMP_STR, .flags = SMPF_CONST, .u.s = slice_str(key) };
    const struct conv *row = stick_convs;

    while (row->name && strcmp(row->name, name) != 0)
        row++;
    assert_non_null(row->name);
    fill_args(arg, row->args, t, a, 0);
    if (strcmp(name, "table_expire") == 0 || strcmp(name, "table_idle") == 0)
        arg[1].type = a == NOTHING ? ARG_END : ARG_SINT;
    if (!row->fn(arg, &f->x, &s, row->private))
        return NOTHING;
    assert_int_equal(s.type, row->out);
    return s.u.i;
}

static void
test_tracked(void **state)
{
    struct fixture f;

    begin(&f);
    struct stick_table *t1 = test_table(&f.cfg, "t1",
                                        "type string size 100 store gpc0,conn_cnt,"
                                        "bytes_in_cnt");
    struct stick_table *t2 = test_table(&f.cfg, "t2", "type string size 100 store gpc(2),gpt(2)");
    struct stick_table *t3 = test_table(&f.cfg, "t3", "type string size 100 store gpc0_rate(10s)");

    assert_int_equal(fetch(&f, "sc_tracked", NULL, 0, 0), 0);
    assert_int_equal(fetch(&f, "sc0_tracked", NULL, 0, 0), 0);
    assert_int_equal(fetch(&f, "sc_conn_cnt", NULL, 0, 0), NOTHING);
    assert_int_equal(fetch(&f, "sc0_inc_gpc0", NULL, 0, 0), NOTHING);
    assert_int_equal(fetch(&f, "sc0_key", NULL, 0, 0), NOTHING);
    track(&f, 0, t1, "k");
    track(&f, 1, t2, "k");
    track(&f, 2, t3, "k");
    assert_int_equal(fetch(&f, "sc_tracked", NULL, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc2_tracked", NULL, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc_tracked", NULL, 3, 0), 0);
    assert_int_equal(fetch(&f, "sc0_conn_cnt", NULL, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc0_trackers", NULL, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc0_conn_rate", NULL, 0, 0), NOTHING);
    stick_add(t1, f.track[0].entry, STICK_BYTES_IN_CNT, 0, 1, 5000);
    assert_int_equal(fetch(&f, "sc_kbytes_in", NULL, 0, 0), 4);

    /* old single counter, array, rate alone */
    assert_int_equal(fetch(&f, "sc_inc_gpc0", NULL, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc1_inc_gpc0", NULL, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc2_inc_gpc0", NULL, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc2_inc_gpc0", NULL, 0, 0), 2);
    assert_int_equal(fetch(&f, "sc_inc_gpc", NULL, 0, 0), 0); /* not an array */
    assert_int_equal(fetch(&f, "sc_inc_gpc", NULL, 1, 1), 1);
    assert_int_equal(fetch(&f, "sc_inc_gpc", NULL, 5, 1), 0);
    assert_int_equal(fetch(&f, "sc_get_gpc", NULL, 0, 0), NOTHING);
    assert_int_equal(fetch(&f, "sc_get_gpc", NULL, 5, 1), NOTHING);
    assert_int_equal(fetch(&f, "sc_get_gpc", NULL, 1, 1), 1);
    assert_int_equal(fetch(&f, "sc1_get_gpc1", NULL, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc1_get_gpt0", NULL, 0, 0), 0);
    assert_int_equal(fetch(&f, "sc2_gpc0_rate", NULL, 0, 0), 2);
    assert_int_equal(fetch(&f, "sc_clr_gpc", NULL, 1, 1), 1);
    assert_int_equal(fetch(&f, "sc1_clr_gpc", NULL, 1, 0), 0);
    assert_int_equal(fetch(&f, "sc0_clr_gpc0", NULL, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc2_clr_gpc0", NULL, 0, 0), 0);

    /* the same key in another table */
    assert_int_equal(fetch(&f, "sc0_get_gpc0", t2, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc0_get_gpc0", t3, 0, 0), NOTHING);
    assert_int_equal(fetch(&f, "sc0_trackers", t2, 0, 0), 1);
    struct stick_table *t4 = test_table(&f.cfg, "t4", "type string size 100 store gpc0");
    assert_int_equal(fetch(&f, "sc0_get_gpc0", t4, 0, 0), 0);
    assert_int_equal(fetch(&f, "sc0_inc_gpc0", t4, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc0_get_gpc0", t4, 0, 0), 1);
    end(&f);
}

static void
test_any_key(void **state)
{
    struct fixture f;

    begin(&f);
    struct stick_table *t1 = test_table(&f.cfg, "t1",
                                        "type string size 100 expire 60s store gpc0,"
                                        "conn_cnt");
    struct stick_table *t2 = test_table(&f.cfg, "t2", "type string size 100 store gpc(2),gpt(2)");
    struct stick_table *ip = test_table(&f.cfg, "ip", "type ip size 100 store gpc0");

    assert_int_equal(conv(&f, "in_table", "k", t1, 0), 0);
    assert_int_equal(conv(&f, "table_conn_cnt", "k", t1, 0), 0);
    assert_int_equal(conv(&f, "table_gpc", "k", t2, 1), 0);
    assert_int_equal(conv(&f, "table_expire", "k", t1, NOTHING), NOTHING);
    assert_int_equal(conv(&f, "table_expire", "k", t1, 7), 7);
    assert_int_equal(conv(&f, "table_trackers", "k", t1, 0), 0);
    assert_int_equal(t1->used + t2->used, 0);
    track(&f, 0, t1, "k");
    assert_int_equal(conv(&f, "in_table", "k", t1, 0), 1);
    assert_int_equal(conv(&f, "table_conn_cnt", "k", t1, 0), 1);
    assert_int_equal(conv(&f, "table_trackers", "k", t1, 0), 1);
    assert_int_equal(conv(&f, "table_sess_cnt", "k", t1, 0), NOTHING);
    assert_int_equal(conv(&f, "table_expire", "k", t1, 7), 60000);
    assert_int_equal(conv(&f, "table_idle", "k", t1, 7), 0);
    assert_int_equal(conv(&f, "table_gpc", "k", t1, 0), 0);      /* indexed: 0, not nothing */
    assert_int_equal(conv(&f, "table_inc_gpc0", "n", t1, 0), 1); /* makes it */
    assert_int_equal(conv(&f, "table_gpc0", "n", t1, 0), 1);
    assert_int_equal(conv(&f, "table_clr_gpc0", "n", t1, 0), 1);
    assert_int_equal(conv(&f, "table_inc_gpc", "n", t2, 1), 1);
    assert_int_equal(conv(&f, "table_inc_gpc", "n", t1, 1), 0);
    assert_int_equal(conv(&f, "table_clr_gpc", "n", t2, 1), 1);
    assert_int_equal(conv(&f, "table_gpt", "n", t2, 1), 0);
    assert_int_equal(conv(&f, "table_gpc0", "1.2.3.4", ip, 0), 0);
    assert_int_equal(conv(&f, "table_gpc0", "not an address", ip, 0), NOTHING);

    /* the proxy's own table */
    assert_int_equal(conv(&f, "table_conn_cnt", "k", NULL, 0), NOTHING);
    f.px->table = t1;
    assert_int_equal(conv(&f, "table_conn_cnt", "k", NULL, 0), 1);
    assert_int_equal(fetch(&f, "table_cnt", NULL, 0, 0), 2);
    assert_int_equal(fetch(&f, "table_avl", t1, 0, 0), 98);
    end(&f);
}

/* ---- actions ---- */

static struct rule
parse(struct fixture *f, const char *line, enum cfg_rc expected)
{
    struct rule r = { .px = f->px, .set = RS_HTTP_REQ };
    unsigned at = 2;

    test_cfg_line(&f->cfg, line);
    for (const struct action *a = stick_actions; a->name; a++) {
        size_t n = strlen(a->name);
        const char *word = f->cfg.words[1].s;
        if (strncmp(word, a->name, n) == 0 &&
            (!word[n] || word[n] == '(' || a->flags & ACTF_PREFIX))
            r.act = a;
    }
    assert_non_null(r.act);
    assert_int_equal(r.act->parse(&f->cfg.c, &at, &r), expected);
    return r;
}

static void
run(struct fixture *f, const char *line)
{
    struct rule r = parse(f, line, CFG_OK);
    struct rule_ctx x = { .sess = &f->sess, .x = &f->x, .set = RS_HTTP_REQ };

    assert_int_equal(r.act->exec(&r, &x), ACT_CONT);
}

static void
test_actions(void **state)
{
    struct fixture f;

    begin(&f);
    struct stick_table *t1 = test_table(&f.cfg, "t1", "type string size 100 store gpc0,gpt0");
    struct stick_table *t2 =
        test_table(&f.cfg, "t2", "type string size 100 store gpc(3),gpc_rate(3,10s),gpt(3)");
    run(&f, "http-request sc-inc-gpc0(0)"); /* nothing tracked: nothing happens */
    track(&f, 0, t1, "k");
    track(&f, 1, t2, "k");
    run(&f, "http-request sc-inc-gpc0(0)");
    run(&f, "http-request sc-inc-gpc0");
    run(&f, "http-request sc-inc-gpc(0,0)"); /* not an array */
    run(&f, "http-request sc-set-gpt0(0) 77");
    run(&f, "http-request sc-inc-gpc1(1)");
    run(&f, "http-request sc-inc-gpc(2,1)");
    run(&f, "http-request sc-add-gpc(2,1) 10");
    run(&f, "http-request sc-add-gpc(9,1) 10");
    run(&f, "http-request sc-set-gpt(1,1) 4294967295");
    assert_int_equal(fetch(&f, "sc0_get_gpc0", NULL, 0, 0), 2);
    assert_int_equal(fetch(&f, "sc0_get_gpt0", NULL, 0, 0), 77);
    assert_int_equal(fetch(&f, "sc1_get_gpc1", NULL, 0, 0), 1);
    assert_int_equal(fetch(&f, "sc_get_gpc", NULL, 2, 1), 11);
    assert_int_equal(fetch(&f, "sc_gpc_rate", NULL, 2, 1), 11);
    assert_int_equal(fetch(&f, "sc_get_gpt", NULL, 1, 1), 4294967295);
    end(&f);
}

static const struct {
    const char *line, *why;
} bad[] = {
    { "http-request sc-inc-gpc0(3)", "invalid stick table track ID. The max allowed ID is 2" },
    { "http-request sc-inc-gpc0(a)",
      "invalid stick table track ID. Expects sc-inc-gpc0(<Track ID>)" },
    { "http-request sc-inc-gpc0(0",
      "invalid stick table track ID. Expects sc-inc-gpc0(<Track ID>)" },
    { "http-request sc-inc-gpc",
      "invalid gpc ID 'sc-inc-gpc'. Expects sc-inc-gpc(<GPC ID>,<Track ID>)" },
    { "http-request sc-inc-gpc(0)",
      "Missing gpc ID 'sc-inc-gpc(0)'. Expects sc-inc-gpc(<GPC ID>,<Track ID>)" },
    { "http-request sc-inc-gpc(0,a)",
      "invalid stick table track ID 'sc-inc-gpc(0,a)'. Expects sc-inc-gpc(<GPC ID>,<Track ID>)" },
    { "http-request sc-set-gpt(0,3) 5",
      "invalid stick table track ID 'sc-set-gpt(0,3)'. The max allowed ID is 2" },
    { "http-request track-scx src", "Wrong track-sc number 'x'" },
    { "http-request track-sc3 src", "3 track-sc number exceeding 2 (tune.stick-counters-1) value" },
    { "http-request track-sc0", "missing fetch method" },
};

static void
test_bad_actions(void **state)
{
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        struct fixture f;
        char expected[256];
        begin(&f);
        parse(&f, bad[i].line, CFG_ERR);
        struct slice rest = slice_str(bad[i].line);
        struct slice set = slice_cut(rest, ' ', &rest);
        struct slice act = slice_cut(rest, ' ', &rest);
        snprintf(expected, sizeof(expected),
                 "error detected in backend 'b' while parsing '%.*s %.*s' rule : %s.", SLF(set),
                 SLF(act), bad[i].why);
        assert_string_equal(test_cfg_last(&f.cfg), expected);
        end(&f);
    }
}

static int
open_loop(void **state)
{
    return loop_open(0) ? 0 : -1;
}

static int
close_loop(void **state)
{
    loop_close();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tracked),
        cmocka_unit_test(test_any_key),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_bad_actions),
    };
    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
