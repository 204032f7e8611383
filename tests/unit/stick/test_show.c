/* test_show.c - show/set/clear table: the texts are the reference's. */
#include "stick_test.h"

#include "stick/show.h"

#define NOW 1000000

/* Runs one command to its end; the result is in `to`. */
static void
run_at(struct test_cfg *x, enum stick_verb verb, const char *line, int64_t now_ms, struct text *to)
{
    const char *words[WORDS_MAX];
    struct stick_query q;

    test_cfg_line(x, line);
    unsigned n = *line ? x->c.nwords : 0;
    for (unsigned i = 0; i < n; i++)
        words[i] = x->words[i].s;
    to->len = 0;
    char *err = stick_query_parse(&q, verb, &x->tables, words, n);
    if (err) {
        text_printf(to, "%s\n", err);
        free(err);
        return;
    }
    for (unsigned i = 0; !stick_query_step(&q, now_ms, 1, to); i++)
        assert_true(i < 1000);
    text_str(to, "");
}

/* Replaces pointers by "PTR". */
static void
hide_pointers(struct text *t)
{
    struct text out = { 0 };

    for (size_t i = 0; i < t->len;) {
        if (t->p[i] == '0' && i + 1 < t->len && t->p[i + 1] == 'x') {
            text_str(&out, "PTR");
            while (i < t->len && t->p[i] != ':')
                i++;
            continue;
        }
        text_char(&out, t->p[i++]);
    }
    text_str(&out, "");
    text_fini(t);
    *t = out;
}

#define EXPECT(verb, line, result)                                                                 \
    do {                                                                                           \
        run_at(&x, verb, line, NOW, &to);                                                          \
        hide_pointers(&to);                                                                        \
        assert_string_equal(to.p ? to.p : "", result);                                             \
    } while (0)

static void
test_commands(void **state)
{
    struct test_cfg x;
    struct text to = { 0 };

    test_cfg_init(&x);
    test_table(
        &x, "tip",
        "type ip size 100k expire 60s store server_id,server_key,gpc(2),gpc_rate(2,10s),gpt(3),"
        "http_req_cnt");
    test_table(&x, "tstr", "type string len 6 size 1k store gpc0");
    test_table(&x, "tbin", "type binary len 6 size 1k store gpc0");
    test_table(&x, "tint", "type integer size 1k store gpc0,http_req_rate(10s),bytes_in_cnt");

    EXPECT(STICK_SHOW, "",
           "# table: tint, type: integer, size:1024, used:0\n"
           "# table: tbin, type: binary, size:1024, used:0\n"
           "# table: tstr, type: string, size:1024, used:0\n"
           "# table: tip, type: ip, size:102400, used:0\n");
    EXPECT(STICK_SET, "tip key 127.0.0.1 data.gpt[1] 7 data.http_req_cnt 2", "");
    EXPECT(STICK_SHOW, "tip",
           "# table: tip, type: ip, size:102400, used:1\n"
           "PTR: key=127.0.0.1 use=0 exp=60000 shard=0 server_id=0 http_req_cnt=2 server_key=- "
           "gpt0=0 gpt1=7 gpt2=0 gpc0=0 gpc1=0 gpc0_rate(10000)=0 gpc1_rate(10000)=0\n");
    EXPECT(STICK_SET, "tstr key a=b\\c\td data.gpc0 5", "");
    EXPECT(STICK_SHOW, "tstr",
           "# table: tstr, type: string, size:1024, used:1\n"
           "PTR: key=a\\=b\\\\c\\t use=0 exp=0 shard=0 gpc0=5\n");
    EXPECT(STICK_SET, "tint key 4 data.http_req_rate 50 data.bytes_in_cnt 123456789012345", "");
    EXPECT(STICK_SHOW, "tint key 4",
           "# table: tint, type: integer, size:1024, used:1\n"
           "PTR: key=4 use=0 exp=0 shard=0 gpc0=0 http_req_rate(10000)=50 "
           "bytes_in_cnt=123456789012345\n");

    /* filters */
    EXPECT(STICK_SHOW, "tip data.gpt[1] gt 6 data.http_req_cnt le 1",
           "# table: tip, type: ip, size:102400, used:1\n");
    EXPECT(STICK_SHOW, "tip data.server_key eq 1", "# table: tip, type: ip, size:102400, used:1\n");
    EXPECT(STICK_CLEAR, "tint data.http_req_rate gt 50", "");
    EXPECT(STICK_SHOW, "tint data.http_req_rate ge 50",
           "# table: tint, type: integer, size:1024, used:1\n"
           "PTR: key=4 use=0 exp=0 shard=0 gpc0=0 http_req_rate(10000)=50 "
           "bytes_in_cnt=123456789012345\n");
    EXPECT(STICK_CLEAR, "tint data.http_req_rate gt 49", "");
    EXPECT(STICK_SHOW, "tint", "# table: tint, type: integer, size:1024, used:0\n");

    /* removal */
    EXPECT(STICK_CLEAR, "tip key 9.9.9.9", "");
    struct stick_table *t = stick_table_find(&x.tables, "tip");
    struct stick_entry *e = test_lookup(t, "127.0.0.1", NOW);
    EXPECT(STICK_CLEAR, "tip key 127.0.0.1", "Entry currently in use, cannot remove\n");
    EXPECT(STICK_CLEAR, "tip", "");
    assert_int_equal(t->used, 1);
    char line[64];
    snprintf(line, sizeof(line), "tip ptr %p data.gpt[2] 9", (void *)e);
    EXPECT(STICK_SET, line, "");
    stick_unref(e);
    snprintf(line, sizeof(line), "tip ptr %p", (void *)e);
    EXPECT(STICK_SHOW, line,
           "# table: tip, type: ip, size:102400, used:1\n"
           "PTR: key=127.0.0.1 use=0 exp=60000 shard=0 server_id=0 http_req_cnt=2 server_key=- "
           "gpt0=0 gpt1=7 gpt2=9 gpc0=0 gpc1=0 gpc0_rate(10000)=0 gpc1_rate(10000)=0\n");
    EXPECT(STICK_CLEAR, line, "");
    assert_int_equal(t->used, 0);
    EXPECT(STICK_CLEAR, line, "No entry can be found matching ptr.\n");
    text_fini(&to);
    test_cfg_fini(&x);
}

static const struct {
    enum stick_verb verb;
    const char *line, *text;
} errors[] = {
    { STICK_SHOW, "nope", "No such table" },
    { STICK_SHOW, "t foo",
      "Optional argument only supports \"data.<store_data_type>\" <operator> <value> and key "
      "<key>" },
    { STICK_SHOW, "t key", "Key value expected" },
    { STICK_SHOW, "t key abc", "Invalid key" },
    { STICK_SHOW, "b key abc",
      "Showing keys from tables of type other than ip, ipv6, string and integer is not supported" },
    { STICK_CLEAR, "b key abc",
      "Removing keys from tables of type other than ip, ipv6, string and integer is not "
      "supported" },
    { STICK_SET, "b key abc",
      "Inserting keys into tables of type other than ip, ipv6, string and integer is not "
      "supported" },
    { STICK_SHOW, "t data.", "Filter entry #1: Unknown data type" },
    { STICK_SHOW, "t data.gpc[", "Filter entry #1: Unknown data type" },
    { STICK_SHOW, "t data.gpc[]", "Filter entry #1: Unknown data type" },
    { STICK_SHOW, "t data.gpc[x] gt 0", "Filter entry #1: Unknown data type" },
    { STICK_SHOW, "t data.gpc[2] gt 0", "Filter entry #1: Data type not stored in this table" },
    { STICK_SHOW, "t data.gpc0 gt 0", "Filter entry #1: Data type not stored in this table" },
    { STICK_SHOW, "t data.conn_cnt",
      "Filter entry #1: Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", "
      "\"gt\"" },
    { STICK_SHOW, "t data.conn_cnt gt",
      "Filter entry #1: Require a valid integer value to compare against" },
    { STICK_SHOW, "t data.conn_cnt gt 1 data.conn_cnt gt 1x",
      "Filter entry #2: Require a valid integer value to compare against" },
    { STICK_SHOW,
      "t data.conn_cnt gt 1 data.conn_cnt lt 9 data.conn_cnt lt 9 data.conn_cnt lt 9 data.conn_cnt "
      "lt 9",
      "Detected extra data in filter, 16th word of input, after '9'" },
    { STICK_CLEAR, "",
      "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> key "
      "<key>" },
    { STICK_SET, "", "Required arguments: <table> key <key> [data.<store_data_type> <value>]*" },
    { STICK_SET, "t foo",
      "Required arguments: <table> key <key> [data.<store_data_type> <value>]*" },
    { STICK_SET, "t key 1 foo", "\"data.<type>\" followed by a value expected" },
    { STICK_SET, "t key 1 data.foo 1", "Unknown data type" },
    { STICK_SET, "t key 1 data.gpc0 1", "Data type not stored in this table" },
    { STICK_SET, "t key 1 data.conn_cnt", "Require a valid integer value to store" },
    { STICK_SET, "t key 1 data.conn_cnt 5x", "Require a valid integer value to store" },
    { STICK_SET, "t data.conn_cnt gt 5",
      "content-based lookup is only supported with the \"show\" and \"clear\" actions" },
};

static void
test_errors(void **state)
{
    struct test_cfg x;
    struct text to = { 0 };

    test_cfg_init(&x);
    struct stick_table *t = test_table(&x, "t", "type integer size 1k store conn_cnt,gpc(2)");
    test_table(&x, "b", "type binary size 1k");
    for (unsigned i = 0; i < COUNT_OF(errors); i++) {
        run_at(&x, errors[i].verb, errors[i].line, NOW, &to);
        assert_true(to.len > 0);
        to.p[--to.len] = '\0';
        assert_string_equal(to.p, errors[i].text);
    }
    assert_int_equal(t->used, 0); /* a refused `set` creates nothing */
    text_fini(&to);
    test_cfg_fini(&x);
}

static void
test_full(void **state)
{
    struct test_cfg x;
    struct text to = { 0 };

    test_cfg_init(&x);
    test_table(&x, "t", "type integer size 1 nopurge");
    EXPECT(STICK_SET, "t", "");
    EXPECT(STICK_SET, "t key 1", "");
    EXPECT(STICK_SET, "t key 2", "Unable to allocate a new entry\n");
    text_fini(&to);
    test_cfg_fini(&x);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
