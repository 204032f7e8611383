/* test_track.c - tracked counters; what counts where was read from the reference's tables. */
#include "stick_test.h"

#include "stick/track.h"

#define ALL                                                                                        \
    "type ip size 100 expire 10s store conn_cur,conn_cnt,conn_rate(10s),sess_cnt,sess_rate(10s),"  \
    "http_req_cnt,http_req_rate(10s),http_err_cnt,http_err_rate(10s),http_fail_cnt,"               \
    "http_fail_rate(10s),bytes_in_cnt,bytes_in_rate(10s),bytes_out_cnt,bytes_out_rate(10s),"       \
    "glitch_cnt,glitch_rate(10s)"

/* A session tracked by a connection rule, one of its requests tracked by another. */
static void
test_session_and_stream(void **state)
{
    struct stick_counter sess[3] = { 0 }, strm[3] = { 0 };
    struct stick_slots slots = { .sess = sess, .n = 3 };
    struct test_cfg x;
    struct stick_key k;

    test_cfg_init(&x);
    struct stick_table *a = test_table(&x, "a", ALL), *b = test_table(&x, "b", ALL);
    assert_true(stick_key_text(a, "127.0.0.1", &k));
    assert_true(stick_track(&sess[0], a, &k, false, 1000));
    struct stick_entry *e = sess[0].entry;
    assert_true(stick_track(&sess[0], b, &k, false, 1000)); /* in use: left alone */
    assert_ptr_equal(sess[0].table, a);
    stick_count_session(&slots, 1000);
    slots.strm = strm;
    stick_count_request(&slots, 2000);
    assert_true(stick_track(&strm[1], b, &k, true, 2000));
    stick_count_error(&slots, 2000);
    stick_count_failure(&slots, 2000);
    stick_count_bytes(&slots, 100, 0, 2000);
    stick_count_bytes(&slots, 0, 5, 2000);
    stick_count_glitches(&slots, 2, 2000);

    struct stick_entry *f = strm[1].entry;
    assert_int_equal(test_read(a, e, STICK_SESS_CNT, 2000), 1);
    assert_int_equal(test_read(b, f, STICK_SESS_CNT, 2000), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct stick_table *t = i ? b : a;
        struct stick_entry *n = i ? f : e;
        assert_int_equal(test_read(t, n, STICK_CONN_CUR, 2000), 1);
        assert_int_equal(test_read(t, n, STICK_CONN_CNT, 2000), 1);
        assert_int_equal(test_read(t, n, STICK_CONN_RATE, 2000), 1);
        assert_int_equal(test_read(t, n, STICK_HTTP_REQ_CNT, 2000), 1);
        assert_int_equal(test_read(t, n, STICK_HTTP_REQ_RATE, 2000), 1);
        assert_int_equal(test_read(t, n, STICK_HTTP_ERR_CNT, 2000), 1);
        assert_int_equal(test_read(t, n, STICK_HTTP_FAIL_RATE, 2000), 1);
        assert_int_equal(test_read(t, n, STICK_BYTES_IN_CNT, 2000), 100);
        assert_int_equal(test_read(t, n, STICK_BYTES_OUT_RATE, 2000), 5);
        assert_int_equal(test_read(t, n, STICK_GLITCH_CNT, 2000), 2);
    }
    stick_untrack_all(strm, 3, 3000);
    stick_untrack_all(NULL, 3, 3000);
    assert_null(strm[1].entry);
    stick_untrack_all(sess, 3, 5000);
    assert_int_equal(e->ref, 0);
    /* the end of tracking refreshed it */
    assert_true(test_has(a, "127.0.0.1", 14999));
    assert_false(test_has(a, "127.0.0.1", 15000));
    test_cfg_fini(&x);
}

/* A stream's slot hides its session's. */
static void
test_slots(void **state)
{
    struct stick_counter sess[1] = { 0 }, strm[1] = { 0 };
    struct stick_slots slots = { .strm = strm, .sess = sess, .n = 1 };
    struct test_cfg x;
    struct stick_key k;

    test_cfg_init(&x);
    struct stick_table *t = test_table(&x, "t", "type integer size 10 nopurge store http_req_cnt");
    assert_null(stick_slot(&slots, 0));
    stick_count_request(&slots, 1);
    assert_true(stick_key_text(t, "1", &k));
    assert_true(stick_track(&sess[0], t, &k, false, 1));
    assert_ptr_equal(stick_slot(&slots, 0), &sess[0]);
    assert_true(stick_key_text(t, "2", &k));
    assert_true(stick_track(&strm[0], t, &k, false, 1));
    assert_ptr_equal(stick_slot(&slots, 0), &strm[0]);
    stick_count_request(&slots, 1);
    assert_int_equal(test_read(t, sess[0].entry, STICK_HTTP_REQ_CNT, 1), 0);
    assert_int_equal(test_read(t, strm[0].entry, STICK_HTTP_REQ_CNT, 1), 1);
    stick_untrack_all(sess, 1, 1);
    stick_untrack_all(strm, 1, 1);

    struct stick_table *full = test_table(&x, "full", "type integer size 1 nopurge");
    stick_unref(test_get(full, "9", 1));
    assert_false(stick_track(&sess[0], full, &k, false, 1));
    assert_null(sess[0].entry);
    test_cfg_fini(&x);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session_and_stream),
        cmocka_unit_test(test_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
