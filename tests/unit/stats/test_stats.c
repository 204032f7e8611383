/* test_stats.c - columns, values as text, sums over threads, rows of hand-made objects. */
#include "stats/stats.h"

#include "config/tune.h"
#include "server/check.h"
#include "stats/prom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct config cf;
static struct proxy px;
static struct server srv;
static struct check check, agent;

static struct px_counters *
px_counters_new(void)
{
    struct px_counters *c = aligned_alloc(CACHELINE, 2 * sizeof(*c));

    memset(c, 0, 2 * sizeof(*c));
    return c;
}

static int
setup(void **state)
{
    tune_defaults();
    assert_true(loop_open(0));
    memset(&cf, 0, sizeof(cf));
    memset(&px, 0, sizeof(px));
    memset(&srv, 0, sizeof(srv));
    list_init(&cf.proxies);
    list_init(&cf.tables);
    cf.nthread = 2;
    cf.loops = calloc(2, sizeof(struct loop *));
    cf.loops[0] = loop_self();
    config = &cf;
    px.name = "p";
    px.cap = PX_LISTEN;
    px.mode = PX_HTTP;
    px.id = 7;
    px.config = &cf;
    list_init(&px.listeners);
    list_init(&px.servers);
    px.fe_counters = px_counters_new();
    px.be_counters = px_counters_new();
    list_push_back(&cf.proxies, &px.link);
    srv.px = &px;
    srv.name = "s,1";
    srv.id = 3;
    srv.pool_max_conn = -1;
    srv.check = &check;
    srv.agent = &agent;
    list_init(&srv.trackers);
    atomic_store(&srv.uweight, 5);
    atomic_store(&srv.eweight, 5 * 16);
    atomic_store(&srv.state, SRV_RUNNING);
    srv.counters = aligned_alloc(CACHELINE, 2 * sizeof(*srv.counters));
    memset(srv.counters, 0, 2 * sizeof(*srv.counters));
    list_push_back(&px.servers, &srv.link);
    px.nservers = 1;
    return 0;
}

static int
teardown(void **state)
{
    free(px.fe_counters);
    free(px.be_counters);
    free(srv.counters);
    free(cf.loops);
    config = NULL;
    loop_close();
    return 0;
}

static void
shows(struct stats_value v, const char *plain, const char *csv)
{
    struct text t = { 0 };

    stats_put(&t, &v);
    assert_string_equal(t.p ? t.p : "", plain);
    text_fini(&t);
    stats_put_csv(&t, &v);
    assert_string_equal(t.p ? t.p : "", csv);
    text_fini(&t);
}

static void
test_values(void **state)
{
    shows((struct stats_value){ STATS_EMPTY, NULL, { .u = 1 } }, "", "");
    shows((struct stats_value){ STATS_U64, NULL, { .u = UINT64_MAX } }, "18446744073709551615",
          "18446744073709551615");
    shows((struct stats_value){ STATS_S32, NULL, { .s = -1 } }, "-1", "-1");
    shows((struct stats_value){ STATS_FLT, NULL, { .f = 250.34691 } }, "250.34691", "250.34691");
    shows((struct stats_value){ STATS_FLT, NULL, { .f = 0 } }, "0", "0");
    shows((struct stats_value){ STATS_FLT, NULL, { .f = 1.0 / 0.0 } }, "0", "0");
    shows((struct stats_value){ STATS_STR, NULL, { .str = "plain" } }, "plain", "plain");
    shows((struct stats_value){ STATS_STR, NULL, { .str = "a,\"b\"" } }, "a,\"b\"",
          "\"a,\"\"b\"\"\"");
    shows((struct stats_value){ STATS_STR, NULL, { .str = "two\nlines" } }, "two lines",
          "\"two lines\"");
}

static void
test_json_strings(void **state)
{
    struct text t = { 0 };

    stats_put_json_str(&t, "a\"\\\n\x7f");
    assert_string_equal(t.p, "\"a\\\"\\\\\\u000a\\u007f\"");
    text_fini(&t);
}

static void
test_ages(void **state)
{
    static const struct {
        int64_t s;
        const char *text;
    } ages[] = { { -1, "0s" },   { 59, "59s" },    { 60, "1m" },     { 61, "1m1s" },
                 { 3600, "1h" }, { 7260, "2h1m" }, { 90000, "1d1h" } };

    for (unsigned i = 0; i < COUNT_OF(ages); i++) {
        struct text t = { 0 };
        stats_put_age(&t, ages[i].s);
        assert_string_equal(t.p, ages[i].text);
        text_fini(&t);
    }
}

static void
test_columns(void **state)
{
    /* positions that tools rely on */
    assert_int_equal(ST_agg_check_status, 102);
    assert_int_equal(ST_srid, 103);
    assert_int_equal(ST_cache_hint_hits, 118);
    assert_int_equal(ST_BASE_COUNT, 119);
    assert_int_equal(ST_COUNT, 145);
    assert_int_equal(INF_TOTAL_BYTES_OUT, 61);
    assert_int_equal(INF_NB_THREAD_GROUPS + 1, INF_COUNT);
    for (unsigned c = 0; c < ST_COUNT; c++) {
        assert_non_null(stats_columns[c].help);
        assert_int_equal(strlen(stats_columns[c].tag), 3);
    }
    for (unsigned i = 0; i < INF_COUNT; i++)
        assert_int_equal(strlen(stats_infos[i].tag), 3);
    struct text t = { 0 };
    stats_csv_header(&t);
    unsigned commas = 0;
    for (size_t i = 0; i < t.len; i++)
        commas += t.p[i] == ',';
    assert_int_equal(commas, 146); /* the '-' column is one more */
    assert_non_null(strstr(t.p, ",cache_hint_hits,-,h2_headers_rcvd,"));
    text_fini(&t);
}

static void
test_sums(void **state)
{
    struct px_counters c;
    struct srv_counters s;

    px.be_counters[0].req_tot = 2;
    px.be_counters[1].req_tot = 1;
    px.be_counters[0].bin = 10;
    px.be_counters[1].bin = 5;
    px.be_counters[0].t_time = 100;
    px.be_counters[1].t_time = 20;
    px.be_counters[1].ttime_max = 77;
    stats_sum_be(&c, px.be_counters, true);
    assert_int_equal(c.req_tot, 3);
    assert_int_equal(c.bin, 15);
    assert_int_equal(c.t_time, 40); /* 120 ms over three requests */
    assert_int_equal(c.ttime_max, 77);
    /* the window of a thread is bounded */
    srv.counters[0].req_tot = 100000;
    srv.counters[0].t_time = 512 * 9;
    stats_sum_srv(&s, srv.counters, true);
    assert_int_equal(s.t_time, 9);
    stats_sum_px(&c, NULL);
    assert_int_equal(c.bin, 0);
}

static void
test_clear(void **state)
{
    struct px_counters c;

    px.fe_counters[0].strm_tot = 5;
    px.fe_counters[0].strm_end = 3;
    px.fe_counters[0].bin = 9;
    px.be_counters[0].ttime_max = 4;
    stats_clear_thread(false);
    assert_int_equal(px.fe_counters[0].bin, 9);
    assert_int_equal(px.be_counters[0].ttime_max, 0);
    stats_clear_thread(true);
    stats_sum_px(&c, px.fe_counters);
    assert_int_equal(c.bin, 0);
    assert_int_equal(c.strm_tot - c.strm_end, 2); /* streams that run stay */
}

static void
test_rows(void **state)
{
    struct stats_walk w = { .want = STATS_WANT_ALL, .sid = -1 };
    struct stats_row *r = calloc(1, sizeof(*r));
    struct text t = { 0 };

    assert_true(stats_walk_next(&w, r));
    assert_int_equal(r->kind, STATS_FE);
    assert_string_equal(r->v[ST_status].str, "OPEN");
    assert_true(stats_walk_next(&w, r));
    assert_int_equal(r->kind, STATS_SRV);
    assert_string_equal(r->v[ST_status].str, "no check");
    assert_int_equal(r->v[ST_weight].u, 5);
    assert_int_equal(r->v[ST_check_status].type, STATS_EMPTY);
    stats_put_row(&t, r, STATS_CSV, false, true);
    assert_true(slice_starts(text_get(&t), SL("p,\"s,1\",0,0,0,0,,0,")));
    text_fini(&t);
    stats_put_row(&t, r, STATS_TYPED, false, true);
    assert_true(slice_starts(text_get(&t),
                             SL("S.7.3.0.pxname.1:KNSV:str:p\nS.7.3.1.svname.1:KNSV:str:s,1\n")));
    text_fini(&t);
    assert_true(stats_walk_next(&w, r));
    assert_int_equal(r->kind, STATS_BE);
    assert_string_equal(r->v[ST_status].str, "UP");
    assert_int_equal(r->v[ST_act].u, 1);
    assert_false(stats_walk_next(&w, r));
    free(r);
}

static void
test_walk_filters(void **state)
{
    struct stats_row *r = calloc(1, sizeof(*r));
    struct stats_walk w = { .want = STATS_WANT_SRV, .sid = 4 };

    assert_false(stats_walk_next(&w, r));
    w = (struct stats_walk){ .want = STATS_WANT_SRV, .sid = 3, .iid = 7 };
    assert_true(stats_walk_next(&w, r));
    w = (struct stats_walk){ .want = STATS_WANT_ALL, .sid = -1, .iid = 8 };
    assert_false(stats_walk_next(&w, r));
    atomic_store(&srv.admin, SRVA_FMAINT);
    w = (struct stats_walk){ .want = STATS_WANT_SRV, .sid = -1, .hide_maint = true };
    assert_false(stats_walk_next(&w, r));
    free(r);
}

static void
test_metric_names(void **state)
{
    for (const struct prom_metric *m = prom_objects; m->name; m++) {
        assert_true(m->column < ST_COUNT);
        assert_non_null(prom_help(m, PROM_FE));
        for (const char *c = m->name; *c; c++)
            assert_true((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_');
        /* counters end in _total and nothing else does */
        assert_int_equal(
            !!(m->flags & PROMF_COUNTER),
            strlen(m->name) > 6 && strcmp(m->name + strlen(m->name) - 6, "_total") == 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_columns),
        cmocka_unit_test_setup_teardown(test_sums, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clear, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_filters, setup, teardown),
        cmocka_unit_test(test_metric_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
