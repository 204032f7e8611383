/* test_table.c - the stick-table line, lookup, order of use, expiry, iteration, data. */
#include "stick_test.h"

#include "stick/dict.h"

/* ---- the line: texts are the reference's ---- */

static const struct {
    const char *args, *error;
} bad_lines[] = {
    { "", "stick-table: unknown argument ''." },
    { "type", "stick-table: unknown type ''." },
    { "type foo", "stick-table: unknown type 'foo'." },
    { "type ipv5 size 1k", "stick-table: unknown type 'ipv5'." },
    { "type ip", "stick-table: missing size." },
    { "type ip size", "stick-table: missing argument after 'size'." },
    { "type ip size 0", "stick-table: missing size." },
    { "type ip size abc", "stick-table: unexpected character 'a' in argument of 'size'." },
    { "type ip size 10x", "stick-table: unexpected character 'x' in argument of 'size'." },
    { "type ip size 10kk", "stick-table: unexpected character 'k' in argument of 'size'." },
    { "type ip size 5g", "stick-table: unexpected character 'g' in argument of 'size'." },
    { "type ip size 4294967296", "stick-table: unexpected character '6' in argument of 'size'." },
    { "type ip size 10k junk", "stick-table: unknown argument 'junk'." },
    { "type ip size 10k expire", "stick-table: missing argument after 'expire'." },
    { "type ip size 10k expire abc",
      "stick-table: unexpected character 'a' in argument of 'expire'." },
    { "type ip size 10k expire 10y",
      "stick-table: unexpected character 'y' in argument of 'expire'." },
    { "type ip size 10k expire 25d",
      "stick-table: timer overflow in argument <25d> to <expire>, maximum value is 2147483647 ms "
      "(~24.8 days)." },
    { "type ip size 10k expire 99999999999999999999999999d",
      "stick-table: timer overflow in argument <99999999999999999999999999d> to <expire>, maximum "
      "value is 2147483647 ms (~24.8 days)." },
    { "type ip len 4 size 10k", "stick-table: unknown argument 'len'." },
    { "type string len 0 size 10k", "stick-table: unknown type '0'." },
    { "type string len size 10k", "stick-table: unknown type 'size'." },
    { "size 10k", "stick-table: missing type." },
    { "type ip size 10k store foo", "stick-table: unknown store option 'foo'." },
    { "type ip size 10k store gpc0,foo", "stick-table: unknown store option 'foo'." },
    { "type ip size 10k store ,", "stick-table: unknown store option ''." },
    { "type ip size 10k store gpc0(3)",
      "stick-table: unexpected argument to store option 'gpc0'." },
    { "type ip size 10k store gpc0(",
      "stick-table: missing closing parenthesis after store option 'gpc0'." },
    { "type ip size 10k store conn_rate",
      "stick-table: missing argument to store option 'conn_rate'." },
    { "type ip size 10k store conn_rate(10s",
      "stick-table: missing closing parenthesis after store option 'conn_rate'." },
    { "type ip size 10k store conn_rate()",
      "stick-table: error when processing store option 'conn_rate'." },
    { "type ip size 10k store conn_rate(0)",
      "stick-table: error when processing store option 'conn_rate'." },
    { "type ip size 10k store conn_rate(30d)",
      "stick-table: error when processing store option 'conn_rate'." },
    { "type ip size 10k store gpc", "stick-table: missing argument to store option 'gpc'." },
    { "type ip size 10k store gpc(0)",
      "stick-table: array size is out of allowed range (1-100) for store option 'gpc'." },
    { "type ip size 10k store gpt(101)",
      "stick-table: array size is out of allowed range (1-100) for store option 'gpt'." },
    { "type ip size 10k store gpc(2,3)",
      "stick-table: unexpected argument to store option 'gpc'." },
    { "type ip size 10k store gpc0,gpc(2)",
      "stick-table: simultaneous usage of 'gpc' and 'gpc[0/1]' in a same table is not permitted as "
      "'gpc' overrides 'gpc[0/1]'." },
    { "type ip size 10k store gpc_rate(2,10s) store gpc1_rate(3)",
      "stick-table: simultaneous usage of 'gpc_rate' and 'gpc[0/1]_rate' in a same table is not "
      "permitted as 'gpc_rate' overrides 'gpc[0/1]_rate'." },
    { "type ip size 10k store gpt(2),gpt0",
      "stick-table: simultaneous usage of 'gpt' and 'gpt0' in a same table is not permitted as "
      "'gpt' overrides 'gpt0'." },
    { "type ip size 10k store gpc_rate(2)",
      "stick-table: missing argument to store option 'gpc_rate'." },
    { "type ip size 10k srvkey", "stick-table : unknown server key type ''." },
    { "type ip size 10k srvkey foo", "stick-table : unknown server key type 'foo'." },
    { "type ip size 10k peers", "stick-table: missing argument after 'peers'." },
    { "type ip size 10k write-to", "stick-table: missing argument after 'write-to'." },
    { "type ip size 10k brates-factor 0",
      "stick-table: argument 'brates-factor' must be greater than 0 and lower or equal than "
      "1024." },
    { "type ip size 10k brates-factor 1025",
      "stick-table: argument 'brates-factor' must be greater than 0 and lower or equal than "
      "1024." },
};

static void
test_bad_lines(void **state)
{
    for (unsigned i = 0; i < COUNT_OF(bad_lines); i++) {
        struct test_cfg x;
        struct stick_table *t;
        test_cfg_init(&x);
        test_cfg_line(&x, bad_lines[i].args);
        assert_int_equal(stick_table_parse(&x.c, 0, "b", "backend", &x.tables, &t), CFG_ERR);
        assert_null(t);
        assert_string_equal(test_cfg_last(&x), bad_lines[i].error);
        assert_true(list_empty(&x.tables));
        test_cfg_fini(&x);
    }
}

static void
test_good_line(void **state)
{
    struct test_cfg x;

    test_cfg_init(&x);
    struct stick_table *t = test_table(
        &x, "b",
        "type string len 48 size 2m expire 1m nopurge recv-only srvkey addr peers p write-to c "
        "brates-factor 1024 store gpc(3),gpc_rate(2,10s) store server_id,bytes_in_rate(1us)");
    assert_int_equal(t->type, STICK_STRING);
    assert_int_equal(t->key_size, 48);
    assert_int_equal(t->size, 2 << 20);
    assert_int_equal(t->expire_ms, 60000);
    assert_true(t->nopurge && t->recv_only && t->srvkey_addr);
    assert_string_equal(t->peers_name, "p");
    assert_int_equal(t->brates_factor, 1024);
    assert_int_equal(t->count[STICK_GPC], 3);
    assert_int_equal(t->period_ms[STICK_GPC_RATE], 10000);
    assert_int_equal(t->period_ms[STICK_BYTES_IN_RATE], 1);
    assert_int_equal(x.c.diags.errors + x.c.diags.warnings, 0);

    stick_tables_check(&x.c, &x.tables);
    assert_string_equal(test_cfg_last(&x), "write-to: table 'c' doesn't exist.");
    test_table(&x, "c", "type ip size 1k store gpc0,gpc0 store");
    assert_string_equal(test_cfg_last(&x),
                        "stick-table: store option 'gpc0' already enabled, ignored.");
    stick_tables_check(&x.c, &x.tables);
    assert_string_equal(test_cfg_last(&x),
                        "write-to: cannot mix table types ('c' has 'ip' type and "
                        "'b' has 'string' type).");
    test_cfg_line(&x, "type ip size 1k");
    assert_int_equal(stick_table_parse(&x.c, 0, "b", "backend", &x.tables, &t), CFG_ERR);
    assert_string_equal(test_cfg_last(&x), "stick-table name 'b' conflicts with table declared in "
                                           "backend 'b' at x.cfg:7.");
    test_cfg_fini(&x);
}

/* What the manual promises: compact entries. */
static void
test_sizes(void **state)
{
    struct test_cfg x;

    test_cfg_init(&x);
    assert_int_equal(test_table(&x, "a", "type ip size 1k store gpc0,conn_rate(30s)")->entry_size,
                     64);
    assert_int_equal(test_table(&x, "b", "type ip size 1k")->entry_size, 48);
    assert_int_equal(test_table(&x, "c", "type ipv6 size 1k store bytes_in_cnt")->entry_size, 72);
    struct stick_table *all = test_table(
        &x, "d",
        "type binary len 65536 size 1k store gpc(100),gpt(100),gpc_rate(100,1s),server_key,"
        "conn_cur,bytes_in_cnt,bytes_in_rate(1s),bytes_out_cnt,bytes_out_rate(1s)");
    for (unsigned d = 0; d < STICK_DATA_TYPES; d++)
        if (all->count[d])
            assert_int_equal(all->offset[d] % (stick_data_rows[d].kind == STICKK_ULONG ? 8 : 4), 0);
    test_cfg_fini(&x);
}

/* ---- entries ---- */

static void
test_lookup_and_expiry(void **state)
{
    struct test_cfg x;
    int64_t t0 = 5000000000; /* beyond 32 bits */

    test_cfg_init(&x);
    struct stick_table *t = test_table(&x, "b", "type ip size 100 expire 10s store gpc0");
    assert_null(test_lookup(t, "1.2.3.4", t0));
    struct stick_entry *e = test_get(t, "1.2.3.4", t0);
    assert_ptr_equal(test_lookup(t, "1.2.3.4", t0 + 9999), e);
    stick_unref(e);
    assert_int_equal(stick_left_ms(t, e, t0 + 4000), 6000);
    assert_int_equal(stick_table_next_ms(t, t0 + 4000), 6000);
    /* in use: stays, even after its time */
    assert_int_equal(stick_table_expire(t, t0 + 20000, 100), 0);
    assert_true(test_has(t, "1.2.3.4", t0 + 20000));
    stick_touch(t, e, t0 + 20000);
    stick_unref(e);
    assert_true(test_has(t, "1.2.3.4", t0 + 29999));
    /* lookups do not refresh; gone for a lookup before anything removed it */
    assert_false(test_has(t, "1.2.3.4", t0 + 30000));
    assert_int_equal(t->used, 0);

    stick_unref(test_get(t, "1.1.1.1", t0));
    stick_unref(test_get(t, "1.1.1.2", t0 + 5000));
    assert_int_equal(stick_table_expire(t, t0 + 12000, 100), 1);
    assert_int_equal(t->used, 1);
    assert_int_equal(stick_table_expire(t, t0 + 16000, 100), 1);
    assert_int_equal(stick_table_next_ms(t, t0), -1);
    test_cfg_fini(&x);
}

static void
test_time_wraps(void **state)
{
    struct test_cfg x;
    int64_t t0 = 0xfffffff0;

    test_cfg_init(&x);
    struct stick_table *t = test_table(&x, "b", "type ip size 100 expire 20d");
    stick_unref(test_get(t, "1.2.3.4", t0));
    assert_true(test_has(t, "1.2.3.4", t0 + 1000000));
    assert_int_equal(stick_table_expire(t, t0 + 19 * 86400000ll, 9), 0);
    assert_int_equal(stick_table_expire(t, t0 + 20 * 86400000ll, 9), 1);
    test_cfg_fini(&x);
}

static void
test_full_table(void **state)
{
    struct test_cfg x;
    char key[16];

    test_cfg_init(&x);
    struct stick_table *t = test_table(&x, "b", "type ip size 4 expire 60s");
    struct stick_entry *held = test_get(t, "9.9.9.9", 1);
    for (int i = 0; i < 6; i++) {
        snprintf(key, sizeof(key), "1.1.1.%d", i);
        stick_unref(test_get(t, key, 10 + i));
    }
    /* the oldest went, but not the one in use */
    assert_int_equal(t->used, 4);
    assert_true(test_has(t, "9.9.9.9", 20));
    for (int i = 0; i < 6; i++) {
        snprintf(key, sizeof(key), "1.1.1.%d", i);
        assert_int_equal(test_has(t, key, 20), i >= 3);
    }
    /* use changes the order */
    struct stick_entry *e = test_lookup(t, "1.1.1.3", 30);
    stick_touch(t, e, 30);
    stick_unref(e);
    stick_unref(test_get(t, "1.1.1.6", 31));
    assert_true(test_has(t, "1.1.1.3", 31));
    assert_false(test_has(t, "1.1.1.4", 31));
    stick_unref(held);

    struct stick_table *np = test_table(&x, "np", "type ip size 2 expire 60s nopurge");
    struct stick_entry *a = test_get(np, "1.1.1.1", 1), *b = test_get(np, "1.1.1.2", 1);
    assert_null(test_get(np, "1.1.1.3", 2));
    assert_int_equal(np->used, 2);
    stick_unref(a);
    stick_unref(b);
    /* expired ones make room */
    stick_unref(test_get(np, "1.1.1.3", 61000));
    test_cfg_fini(&x);
}

static void
test_all_in_use(void **state)
{
    struct test_cfg x;

    test_cfg_init(&x);
    struct stick_table *t = test_table(&x, "b", "type integer size 1");
    struct stick_entry *e = test_get(t, "1", 1);
    assert_null(test_get(t, "2", 2));
    stick_unref(e);
    stick_unref(test_get(t, "2", 3));
    assert_false(test_has(t, "1", 3));
    assert_int_equal(t->used, 1);
    test_cfg_fini(&x);
}

static void
test_delete(void **state)
{
    struct test_cfg x;
    struct stick_key k;

    test_cfg_init(&x);
    struct stick_table *t = test_table(&x, "b", "type string size 100 store server_key");
    assert_true(stick_key_text(t, "abc", &k));
    assert_int_equal(stick_delete(t, &k, 1), STICK_DEL_NONE);
    struct stick_entry *e = test_get(t, "abc", 1);
    assert_true(stick_set_server_key(t, e, SL("srv1")));
    assert_int_equal(stick_name_count(), 1);
    assert_int_equal(stick_delete(t, &k, 1), STICK_DEL_IN_USE);
    stick_unref(e);
    assert_int_equal(stick_delete(t, &k, 1), STICK_DEL_OK);
    assert_int_equal(stick_name_count(), 0);
    assert_int_equal(t->used, 0);
    test_cfg_fini(&x);
}

static void
test_from_peers(void **state)
{
    struct test_cfg x;

    test_cfg_init(&x);
    struct stick_table *t = test_table(&x, "b", "type ip size 100 expire 60s");
    stick_unref(test_get(t, "1.1.1.1", 1000));
    struct stick_entry *e = test_get(t, "2.2.2.2", 2000);
    stick_touch_remote(t, e, 2000, 5000);
    assert_int_equal(stick_left_ms(t, e, 2000), 5000);
    stick_unref(e);
    assert_int_equal(stick_table_next_ms(t, 2000), 5000);
    assert_int_equal(stick_table_expire(t, 7001, 9), 1);
    assert_false(test_has(t, "2.2.2.2", 7001));
    assert_true(test_has(t, "1.1.1.1", 7001));
    test_cfg_fini(&x);
}

/* ---- iteration ---- */

#define MANY 20000

/* Entries that stay are seen once, whatever comes and goes meanwhile. */
static void
iterate(const char *line)
{
    static unsigned char seen[3 * MANY];
    struct stick_entry *page[16];
    struct stick_iter at = { 0 };
    struct test_cfg x;
    char key[16];
    unsigned n, pages = 0;

    memset(seen, 0, sizeof(seen));
    test_cfg_init(&x);
    struct stick_table *t = test_table(&x, "b", line);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "%u", i);
        stick_unref(test_get(t, key, 1));
    }
    while ((n = stick_table_page(t, &at, page, 16, 1)) > 0) {
        for (unsigned i = 0; i < n; i++) {
            struct sample s;
            stick_key_get(t, page[i], &s);
            seen[s.u.i]++;
            stick_unref(page[i]);
        }
        /* the table changes in between: grows and loses what came late */
        for (unsigned i = 0; i < 20; i++) {
            struct stick_key k;
            snprintf(key, sizeof(key), "%u", MANY + (pages * 20 + i) % (2 * MANY));
            stick_unref(test_get(t, key, 1));
            assert_true(stick_key_text(t, key, &k));
            if (i % 3 == 0)
                stick_delete(t, &k, 1);
        }
        pages++;
    }
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(seen[i], 1);
    for (unsigned i = MANY; i < 3 * MANY; i++)
        assert_true(seen[i] <= 1);
    assert_true(pages > MANY / 16);
    test_cfg_fini(&x);
}

static void
test_iteration(void **state)
{
    iterate("type integer size 100k store gpt0"); /* its buckets grow */
    iterate("type integer size 1m store gpt0");   /* has all of them from the start */
}

/* ---- data ---- */

static void
test_data(void **state)
{
    struct test_cfg x;
    uint64_t v;
    uint32_t u;
    char name[8];
    int64_t t0 = 100000;

    test_cfg_init(&x);
    struct stick_table *t = test_table(
        &x, "b",
        "type ip size 100 store gpc0,gpc0_rate(10s),gpt0,conn_cur,bytes_in_cnt,bytes_in_rate(1s),"
        "server_key brates-factor 1024");
    struct stick_entry *e = test_get(t, "1.2.3.4", t0);
    assert_false(stick_read(t, e, STICK_CONN_CNT, 0, t0, &v));
    assert_false(stick_read(t, e, STICK_GPC0, 1, t0, &v));
    assert_false(stick_set(t, e, STICK_GPC1, 0, t0, 5));
    stick_add(t, e, STICK_GPC1, 0, t0, 5);

    assert_true(stick_gpc_add(t, e, (struct stick_gpc_change){ 0, false, 3 }, t0, &u));
    assert_int_equal(u, 3);
    assert_false(stick_gpc_add(t, e, (struct stick_gpc_change){ 0, true, 3 }, t0, &u));
    assert_false(stick_gpc_add(t, e, (struct stick_gpc_change){ 1, false, 3 }, t0, &u));
    assert_int_equal(test_read(t, e, STICK_GPC0_RATE, t0), 3);
    assert_true(stick_clear(t, e, STICK_GPC0, 0, &u));
    assert_int_equal(u, 3);
    assert_int_equal(test_read(t, e, STICK_GPC0, t0), 0);

    stick_add(t, e, STICK_BYTES_IN_CNT, 0, t0, 10000000000);
    stick_add(t, e, STICK_BYTES_IN_RATE, 0, t0, 10000000000);
    assert_int_equal(test_read(t, e, STICK_BYTES_IN_CNT, t0), 10000000000);
    assert_int_equal(test_read(t, e, STICK_BYTES_IN_RATE, t0), 9765625ull * 1024);
    stick_add(t, e, STICK_BYTES_IN_RATE, 0, t0, 1);
    assert_int_equal(test_read(t, e, STICK_BYTES_IN_RATE, t0), 9765626ull * 1024);

    stick_conn_cur_down(t, e);
    assert_int_equal(test_read(t, e, STICK_CONN_CUR, t0), 0);
    assert_false(stick_server_key(t, e, name, sizeof(name)));
    assert_true(stick_set_server_key(t, e, SL("server-with-a-long-name")));
    assert_true(stick_server_key(t, e, name, sizeof(name)));
    assert_string_equal(name, "server-");
    assert_true(stick_set_server_key(t, e, SL("server-with-a-long-name")));
    assert_int_equal(stick_name_count(), 1);
    assert_true(stick_set_server_key(t, e, SL("s2")));
    assert_true(stick_set_server_key(t, e, SL("")));
    assert_false(stick_server_key(t, e, name, sizeof(name)));
    assert_int_equal(stick_name_count(), 0);
    stick_unref(e);
    test_cfg_fini(&x);
}

static void
test_arrays(void **state)
{
    struct test_cfg x;
    enum stick_data d;
    unsigned at;
    uint64_t v;
    uint32_t u;

    test_cfg_init(&x);
    struct stick_table *t =
        test_table(&x, "b", "type ip size 100 store gpc(3),gpc_rate(1,10s),gpt(2)");
    struct stick_entry *e = test_get(t, "1.2.3.4", 1);
    assert_true(stick_gpc_at(t, 1, &d, &at));
    assert_int_equal(d, STICK_GPC);
    assert_int_equal(at, 1);
    assert_false(stick_gpc_at(t, 3, &d, &at));
    assert_false(stick_gpc_rate_at(t, 1, &d, &at));
    assert_true(stick_gpc_add(t, e, (struct stick_gpc_change){ 2, true, 7 }, 1, &u));
    assert_true(stick_gpc_add(t, e, (struct stick_gpc_change){ 0, true, 2 }, 1, &u));
    assert_true(stick_read(t, e, STICK_GPC, 2, 1, &v) && v == 7);
    assert_true(stick_read(t, e, STICK_GPC_RATE, 0, 1, &v) && v == 2);
    assert_true(stick_set(t, e, STICK_GPT, 1, 1, 0x100000005));
    assert_true(stick_read(t, e, STICK_GPT, 1, 1, &v) && v == 5);
    stick_unref(e);

    /* only the rate is stored: it is the result */
    struct stick_table *r = test_table(&x, "r", "type ip size 100 store gpc0_rate(10s)");
    e = test_get(r, "1.2.3.4", 1);
    assert_true(stick_gpc_add(r, e, (struct stick_gpc_change){ 0, false, 1 }, 1, &u));
    assert_true(stick_gpc_add(r, e, (struct stick_gpc_change){ 0, false, 1 }, 1, &u));
    assert_int_equal(u, 2);
    stick_unref(e);
    test_cfg_fini(&x);
}

static void
test_keys(void **state)
{
    struct test_cfg x;
    struct stick_key k;
    struct sample s;
    struct arena tmp;

    test_cfg_init(&x);
    arena_init(&tmp, NULL, 0, 0);
    struct sample_ctx ctx = { .tmp = &tmp };
    struct stick_table *str = test_table(&x, "s", "type string len 6 size 100");
    struct stick_table *bin = test_table(&x, "b", "type binary len 40 size 100");
    struct stick_table *num = test_table(&x, "n", "type integer size 100");
    struct stick_table *ip6 = test_table(&x, "6", "type ipv6 size 100");

    assert_ptr_equal(test_get(str, "abcdefgh", 1), test_get(str, "abcdef", 1));
    assert_ptr_not_equal(test_get(str, "abcde", 1), test_get(str, "abcdef", 1));
    assert_ptr_equal(test_get(str, "", 1), test_get(str, "", 1));
    s = (struct sample){ .type = SMP_STR, .u.s = SL("ab\0cd") };
    assert_true(stick_key_sample(str, &s, &ctx, &k));
    assert_int_equal(k.len, 2);

    s = (struct sample){ .type = SMP_BIN, .u.s = SL("xy") };
    assert_true(stick_key_sample(bin, &s, &ctx, &k));
    assert_int_equal(k.len, 40);
    assert_memory_equal(k.p, "xy\0\0\0", 5);
    struct stick_entry *e = stick_get(bin, &k, 1, NULL);
    stick_key_get(bin, e, &s);
    assert_int_equal(s.u.s.len, 40);
    assert_false(stick_key_text(bin, "xy", &k));

    assert_true(stick_key_text(num, "4294967295", &k));
    assert_false(stick_key_text(num, "4294967296", &k));
    assert_false(stick_key_text(num, "-1", &k));
    assert_false(stick_key_text(num, "1x", &k));
    assert_true(stick_key_text(ip6, "::1", &k));
    assert_false(stick_key_text(ip6, "1.2.3.4", &k));
    e = test_get(num, "77", 1);
    stick_key_get(num, e, &s);
    assert_int_equal(s.u.i, 77);
    arena_fini(&tmp);
    test_cfg_fini(&x);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_lines),  cmocka_unit_test(test_good_line),
        cmocka_unit_test(test_sizes),      cmocka_unit_test(test_lookup_and_expiry),
        cmocka_unit_test(test_time_wraps), cmocka_unit_test(test_full_table),
        cmocka_unit_test(test_all_in_use), cmocka_unit_test(test_delete),
        cmocka_unit_test(test_from_peers), cmocka_unit_test(test_iteration),
        cmocka_unit_test(test_data),       cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
