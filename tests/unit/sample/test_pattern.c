/* test_pattern.c - indexes against a naive search, edits, versions, and readers that do not wait
 * for writers. */
#include "base/epoch.h"
#include "sample/pattern.h"
#include "sample/regex.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t rng_state = 88172645463325252ull;

static unsigned
rnd(unsigned n)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (unsigned)(rng_state >> 33) % n;
}

static int
teardown(void **state)
{
    pat_refs_fini();
    sample_tmp_fini();
    regex_thread_fini();
    return 0;
}

static struct pat_ref *
new_list(void)
{
    char *err = NULL;
    struct pat_ref *r = pat_ref_new(-1, "test", &err);

    assert_non_null(r);
    return r;
}

static void
add(struct pat_ref *r, const char *key)
{
    char *err = NULL;

    if (!pat_ref_add(r, PAT_CURRENT, slice_str(key), SLICE_NONE, &err))
        fail_msg("%s: %s", key, err);
}

static struct pat_set *
index_of(struct pat_ref *r, enum pat_match m, unsigned flags)
{
    char *err = NULL;
    struct pat_set *s = pat_set_get(r, m, flags, SMP_ANY, &err);

    if (!s)
        fail_msg("%s", err);
    return s;
}

/* ---- naive
 * -------------------------------------------------------------------------------------------------
 */

static bool
is_delim(enum pat_match m, char c)
{
    return strchr(m == PM_DIR ? "/?" : "/?.:", c) != NULL && c;
}

static char
fold(char c, bool icase)
{
    return icase ? (char)ascii_lower((unsigned char)c) : c;
}

static bool
same_at(const char *t, const char *p, size_t n, bool icase)
{
    for (size_t i = 0; i < n; i++)
        if (fold(t[i], icase) != fold(p[i], icase))
            return false;
    return true;
}

static bool
naive_word(const char *t, const char *p, enum pat_match m, bool icase)
{
    size_t tl = strlen(t), pl = strlen(p);

    while (pl && is_delim(m, *p))
        p++, pl--;
    while (pl && is_delim(m, p[pl - 1]))
        pl--;
    if (pl == 0)
        return tl == 0;
    for (size_t i = 0; i + pl <= tl; i++)
        if ((i == 0 || is_delim(m, t[i - 1])) && (i + pl == tl || is_delim(m, t[i + pl])) &&
            same_at(t + i, p, pl, icase))
            return true;
    return false;
}

static bool
naive(const char *t, const char *p, enum pat_match m, bool icase)
{
    size_t tl = strlen(t), pl = strlen(p);

    switch (m) {
    case PM_STR:
        return tl == pl && same_at(t, p, pl, icase);
    case PM_BEG:
        return tl >= pl && same_at(t, p, pl, icase);
    case PM_END:
        return tl >= pl && same_at(t + tl - pl, p, pl, icase);
    case PM_SUB:
        for (size_t i = 0; i + pl <= tl; i++)
            if (same_at(t + i, p, pl, icase))
                return true;
        return false;
    default:
        return naive_word(t, p, m, icase);
    }
}

#define NPATS    400
#define ALPHABET "abcAB/.?:"

static void
random_text(char *buf, unsigned max)
{
    unsigned n = rnd(max + 1);

    for (unsigned i = 0; i < n; i++)
        buf[i] = ALPHABET[rnd(sizeof(ALPHABET) - 1)];
    buf[n] = '\0';
}

struct model {
    char key[NPATS][24];
    bool live[NPATS];
};

/** Index of the first live key that matches, -1: none. */
static int
model_first(const struct model *md, const char *text, enum pat_match m, bool icase)
{
    for (int i = 0; i < NPATS; i++)
        if (md->live[i] && naive(text, md->key[i], m, icase))
            return i;
    return -1;
}

static int
model_longest(const struct model *md, const char *text, enum pat_match m)
{
    int best = -1;

    for (int i = 0; i < NPATS; i++)
        if (md->live[i] && naive(text, md->key[i], m, false) &&
            (best < 0 || strlen(md->key[i]) > strlen(md->key[best])))
            best = i;
    return best;
}

static void
compare(const struct pat_set *s, const struct model *md, enum pat_match m, bool icase)
{
    for (unsigned i = 0; i < 300; i++) {
        char text[80];
        struct sample v = { .type = SMP_STR };
        const struct pat *p;
        int want;

        random_text(text, 70);
        v.u.s = slice_str(text);
        want = model_first(md, text, m, icase);
        p = pat_set_match(s, &v, PICK_ANY);
        if (!p != (want < 0))
            fail_msg("%s -m %s: index says %d, naive %d", text, pat_match_name(m), !!p, want);
        p = pat_set_match(s, &v, PICK_FIRST);
        if (want >= 0 && !slice_eq_str(pat_key(p), md->key[want]))
            fail_msg("%s -m %s: index found %.*s, naive %s", text, pat_match_name(m),
                     SLF(pat_key(p)), md->key[want]);
        want = m == PM_BEG && !icase ? model_longest(md, text, m) : want;
        p = pat_set_match(s, &v, PICK_MAP);
        if (want >= 0 && !slice_eq_str(pat_key(p), md->key[want]))
            fail_msg("%s: map of %s found %.*s, naive %s", text, pat_match_name(m), SLF(pat_key(p)),
                     md->key[want]);
    }
}

/** Half of the keys first, then others come and go. */
static void
churn(enum pat_match m, bool icase, unsigned max)
{
    static struct model md;
    struct pat_ref *r = new_list();
    struct pat_set *s = NULL;

    for (unsigned i = 0; i < NPATS; i++) {
        snprintf(md.key[i], sizeof(md.key[i]), "%c", "abcAB"[rnd(5)]);
        random_text(md.key[i] + 1, max);
        md.live[i] = false;
    }
    for (unsigned i = 0; i < NPATS; i++) {
        if (i == NPATS / 2)
            s = index_of(r, m, icase ? PSF_ICASE : 0);
        add(r, md.key[i]);
        md.live[i] = true;
        if (s && rnd(3) == 0) {
            unsigned gone = rnd(i);
            for (unsigned j = 0; j <= i; j++) /* all entries with that key go */
                if (strcmp(md.key[j], md.key[gone]) == 0)
                    md.live[j] = false;
            pat_ref_del(r, slice_str(md.key[gone]));
        }
        if (s && i % 50 == 0)
            compare(s, &md, m, icase);
    }
    compare(s, &md, m, icase);
    pat_ref_clear(r, PAT_CURRENT);
    memset(md.live, 0, sizeof(md.live));
    compare(s, &md, m, icase);
    assert_true(pat_set_is_empty(s));
}

static void
test_strings(void **state)
{
    static const enum pat_match all[] = { PM_STR, PM_BEG, PM_END, PM_SUB, PM_DIR, PM_DOM };

    for (unsigned i = 0; i < COUNT_OF(all); i++)
        for (unsigned icase = 0; icase < 2; icase++)
            for (unsigned max = 2; max < 20; max += 8)
                churn(all[i], icase, max);
}

static void
test_small(void **state)
{
    struct pat_ref *r = new_list();
    struct pat_set *s = index_of(r, PM_BEG, 0);
    struct sample v = { .type = SMP_STR, .u.s = SL("/a/b/c") };

    assert_null(pat_set_match(s, &v, PICK_ANY));
    add(r, "/a");
    add(r, "/a/b");
    add(r, "/a/b");
    add(r, "/");
    for (unsigned i = 0; i < 3; i++) {
        assert_true(slice_eq_str(pat_key(pat_set_match(s, &v, PICK_FIRST)), "/a"));
        assert_true(slice_eq_str(pat_key(pat_set_match(s, &v, PICK_MAP)), "/a/b"));
        if (i == 0)
            add(r, "/x"); /* the fifth: becomes a table */
        if (i == 1)
            assert_int_equal(pat_ref_del(r, SL("/x")), 1);
    }
    assert_int_equal(pat_ref_del(r, SL("/a/b")), 2);
    assert_true(slice_eq_str(pat_key(pat_set_match(s, &v, PICK_MAP)), "/a"));
}

static void
test_integers(void **state)
{
    static struct {
        int64_t lo, hi;
        bool live;
        char key[48];
    } md[NPATS];
    struct pat_ref *r = new_list();
    struct pat_set *s = index_of(r, PM_INT, 0);

    for (unsigned i = 0; i < NPATS; i++) {
        md[i].lo = (int64_t)rnd(2000);
        md[i].hi = rnd(3) ? md[i].lo : md[i].lo + rnd(300);
        md[i].live = true;
        if (md[i].lo == md[i].hi)
            snprintf(md[i].key, sizeof(md[i].key), "%lld", (long long)md[i].lo);
        else if (rnd(20) == 0)
            snprintf(md[i].key, sizeof(md[i].key),
                     "%lld:", (long long)(md[i].lo = 1900 + rnd(100))),
                md[i].hi = INT64_MAX;
        else if (rnd(20) == 0)
            snprintf(md[i].key, sizeof(md[i].key), "%s%lld", rnd(2) ? ":" : "-",
                     (long long)(md[i].hi = (int64_t)rnd(100) - 50)),
                md[i].lo = INT64_MIN;
        else
            snprintf(md[i].key, sizeof(md[i].key), "%lld%s%lld", (long long)md[i].lo,
                     rnd(2) ? ":" : "-", (long long)md[i].hi);
        add(r, md[i].key);
        if (rnd(4) == 0) {
            unsigned gone = rnd(i + 1);
            for (unsigned j = 0; j <= i; j++)
                if (strcmp(md[j].key, md[gone].key) == 0)
                    md[j].live = false;
            pat_ref_del(r, slice_str(md[gone].key));
        }
        if (i % 40)
            continue;
        for (int64_t n = -60; n < 2320; n += 3) {
            struct sample v = { .type = SMP_SINT, .u.i = n };
            const struct pat *p = pat_set_match(s, &v, PICK_FIRST);
            int want = -1;
            for (unsigned j = 0; j <= i && want < 0; j++)
                if (md[j].live && n >= md[j].lo && n <= md[j].hi)
                    want = (int)j;
            if (!p != (want < 0) || (p && !slice_eq_str(pat_key(p), md[want].key)))
                fail_msg("%lld: index %.*s, naive %s", (long long)n, p ? (int)pat_key(p).len : 1,
                         p ? pat_key(p).p : "-", want < 0 ? "-" : md[want].key);
        }
    }
}

static void
test_operators(void **state)
{
    static const struct {
        enum pat_match m;
        const char *op, *key, *want;
    } rows[] = {
        { PM_INT, "eq", "5", "5" },      { PM_INT, "gt", "5", "6:" },
        { PM_INT, "ge", "5", "5:" },     { PM_INT, "lt", "5", ":4" },
        { PM_INT, "le", "5", ":5" },     { PM_INT, "gt", "4:6", "5:6" },
        { PM_INT, "lt", "4:6", "4:5" },  { PM_INT, "ge", "4:6", "4:6" },
        { PM_INT, "lt", "6:", "6:" },    { PM_INT, "gt", ":6", ":6" },
        { PM_INT, "gt", "4:5", "5" },    { PM_INT, "gt", "x", NULL },
        { PM_VER, "gt", "3.0", "3.1:" }, { PM_VER, "le", "3.1", ":3.1" },
        { PM_VER, "eq", "3", "3.0" },    { PM_VER, "lt", "3.0", ":2.65535" },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        char buf[64];
        struct out o = OUT(buf);
        bool ok = pat_op_apply(rows[i].m, pat_op_find(rows[i].op), slice_str(rows[i].key), &o);
        assert_int_equal(ok, rows[i].want != NULL);
        if (ok && !slice_eq_str(out_slice(&o), rows[i].want))
            fail_msg("%s %s: %.*s", rows[i].op, rows[i].key, (int)o.len, buf);
    }
    assert_int_equal(pat_op_find("=="), POP_NONE);
}

static struct sample
addr(const char *text)
{
    struct sample s = { .type = SMP_STR, .u.s = slice_str(text) };
    struct sample_ctx x = { .tmp = sample_tmp() };

    assert_true(sample_cast(&s, SMP_ADDR, &x));
    return s;
}

static void
check_ip(const struct pat_set *s, const char *text, const char *want)
{
    struct sample v = addr(text);
    const struct pat *p = pat_set_match(s, &v, PICK_MAP);

    if (!p != !want || (p && !slice_eq_str(pat_key(p), want)))
        fail_msg("%s: got %.*s, want %s", text, p ? (int)pat_key(p).len : 1, p ? pat_key(p).p : "-",
                 want ? want : "-");
    assert_int_equal(pat_set_match(s, &v, PICK_ANY) != NULL, want != NULL);
}

static void
test_addresses(void **state)
{
    struct pat_ref *r = new_list(), *r4 = new_list();
    struct pat_set *s = index_of(r, PM_IP, 0), *s4 = index_of(r4, PM_IP, 0);

    static const char *const nets[] = {
        "10.0.0.0/8",    "10.1.0.0/16",    "10.1.0.0/16", "10.1.2.3", "10.0.255.0/255.0.255.0",
        "2001:db8::/32", "2001:db8:1::/48"
    };
    for (unsigned i = 0; i < COUNT_OF(nets); i++)
        add(r, nets[i]);
    check_ip(s, "10.1.2.3", "10.1.2.3");
    check_ip(s, "10.1.2.4", "10.1.0.0/16");
    check_ip(s, "10.2.2.4", "10.0.0.0/8");
    check_ip(s, "10.2.255.4", "10.0.0.0/8"); /* networks before masks with holes */
    check_ip(s, "11.2.255.4", NULL);
    check_ip(s, "2001:db8:1::5", "2001:db8:1::/48");
    check_ip(s, "2001:db8:2::5", "2001:db8::/32");
    check_ip(s, "2001:db9::", NULL);
    check_ip(s, "::ffff:10.1.2.3", "10.1.2.3");
    check_ip(s, "::10.1.2.3", "10.1.2.3");
    check_ip(s, "2002:a01:203::", "10.1.2.3");
    check_ip(s, "64:ff9b::10.1.2.3", NULL);
    assert_int_equal(pat_ref_del(r, SL("10.0.0.0/8")), 1);
    check_ip(s, "10.2.255.4", "10.0.255.0/255.0.255.0");
    check_ip(s, "10.2.254.4", NULL);
    add(r, "::/0");
    check_ip(s, "::ffff:10.1.2.3", "::/0"); /* an IPv6 address looks at IPv6 networks first */
    check_ip(s, "11.1.1.1", "::/0");        /* mapped */
    check_ip(s, "10.1.2.3", "10.1.2.3");
    add(r4, "0.0.0.0/0");
    check_ip(s4, "1.2.3.4", "0.0.0.0/0");
    check_ip(s4, "2001::2", NULL);
    check_ip(s4, "::2", "0.0.0.0/0");
}

static void
test_many_networks(void **state)
{
    struct pat_ref *r = new_list();
    struct pat_set *s;

    for (unsigned i = 0; i < 20000; i++) {
        char key[40];
        snprintf(key, sizeof(key), "%u.%u.%u.0/24", 1 + i / 10000, i / 100 % 100, i % 100);
        add(r, key);
    }
    add(r, "2.0.0.0/8");
    s = index_of(r, PM_IP, 0);
    check_ip(s, "1.55.44.200", "1.55.44.0/24");
    check_ip(s, "2.99.99.1", "2.99.99.0/24");
    check_ip(s, "2.200.1.1", "2.0.0.0/8");
    check_ip(s, "3.1.1.1", NULL);
}

/* ---- regexes
 * --------------------------------------------------------------------------------------------------
 */

static void
test_regexes(void **state)
{
    struct pat_ref *r = new_list();
    struct pat_set *s = index_of(r, PM_REG, 0);
    char key[64], text[64];
    struct sample v = { .type = SMP_STR };

    for (unsigned i = 0; i < 300; i++) {
        static const char *const forms[] = {
            "^/p%u/[a-z]+\\.html$", "/(x%u|y%u)/", "id=%u(&|$)", "[0-9]z%u?",
            "(?i)mixed%u-",         "^(a|b)*%u",
        };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(key, sizeof(key), forms[i % COUNT_OF(forms)], i, i);
#pragma GCC diagnostic pop
        add(r, key);
    }
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "/p6/abc.html", "^/p6/[a-z]+\\.html$" },
        { "/q/p6/abc.html", NULL },
        { "/p6/abc.htm", NULL },
        { "/a/y7/", "/(x7|y7)/" },
        { "?id=8&", "id=8(&|$)" },
        { "?id=88", NULL },
        { "?id=80", "id=80(&|$)" },
        { "MIXED10-", "(?i)mixed10-" },
        { "abab11", "^(a|b)*11" },
        { "zz", NULL },
        { "", NULL },
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        v.u.s = slice_str(rows[i].text);
        const struct pat *p = pat_set_match(s, &v, PICK_FIRST);
        if (!p != !rows[i].want || (p && !slice_eq_str(pat_key(p), rows[i].want)))
            fail_msg("%s: got %.*s", rows[i].text, p ? (int)pat_key(p).len : 1,
                     p ? pat_key(p).p : "-");
    }
    snprintf(text, sizeof(text), "/p6/abc.html");
    v.u.s = slice_str(text);
    assert_int_equal(pat_ref_del(r, SL("^/p6/[a-z]+\\.html$")), 1);
    assert_null(pat_set_match(s, &v, PICK_ANY));
    add(r, "^/p6/");
    assert_non_null(pat_set_match(s, &v, PICK_ANY));
}

/* ---- lists
 * ------------------------------------------------------------------------------------------------------
 */

static void
test_edits(void **state)
{
    struct pat_ref *r = new_list();
    struct pat_set *s = index_of(r, PM_INT, 0);
    struct sample v = { .type = SMP_SINT, .u.i = 7 };
    char *err = NULL;
    unsigned curr, next;
    size_t n;

    add(r, "7");
    assert_false(pat_ref_add(r, PAT_CURRENT, SL("zz"), SLICE_NONE, &err));
    assert_string_equal(err, "'zz' is not a number");
    free(err);
    pat_ref_info(r, &curr, &next, &n);
    assert_int_equal(n, 1);
    assert_true(pat_ref_has(r, SL("7")));
    assert_non_null(pat_set_match(s, &v, PICK_ANY));
    assert_int_equal(pat_ref_del(r, SL("8")), 0);
    assert_int_equal(pat_ref_del(r, SL("7")), 1);
    assert_null(pat_set_match(s, &v, PICK_ANY));
    err = NULL;
    assert_false(pat_ref_set(r, SL("7"), SL("x"), &err));
    assert_string_equal(err, "entry not found");
    free(err);
}

static void
test_versions(void **state)
{
    struct pat_ref *r = new_list();
    struct pat_set *one = index_of(r, PM_STR, 0), *two = pat_set_new(PM_STR, 0);
    struct pat_ref *other = new_list();
    struct sample a = { .type = SMP_STR, .u.s = SL("a") }, b = a, c = a;
    char *err = NULL;
    unsigned ver, curr, next;
    size_t n;

    b.u.s = SL("b");
    c.u.s = SL("c");
    assert_true(pat_set_attach(two, other, &err));
    assert_true(pat_set_attach(two, r, &err));
    add(other, "c");
    add(r, "a");
    ver = pat_ref_prepare(r);
    assert_int_equal(ver, 1);
    assert_true(pat_ref_add(r, ver, SL("b"), SLICE_NONE, &err));
    assert_false(pat_ref_add(r, 5, SL("b"), SLICE_NONE, &err));
    assert_non_null(strstr(err, "Version number in the future"));
    free(err);
    assert_null(pat_set_match(one, &b, PICK_ANY));
    assert_true(pat_ref_has(r, SL("a")));
    assert_false(pat_ref_has(r, SL("b")));
    assert_false(pat_ref_commit(r, 7));
    assert_true(pat_ref_commit(r, ver));
    assert_null(pat_set_match(one, &a, PICK_ANY));
    assert_non_null(pat_set_match(one, &b, PICK_ANY));
    assert_null(pat_set_match(two, &a, PICK_ANY));
    assert_non_null(pat_set_match(two, &b, PICK_ANY));
    assert_non_null(pat_set_match(two, &c, PICK_ANY));
    assert_int_equal(pat_attach_index(pat_set_match(two, &b, PICK_FIRST)), 1);
    assert_false(pat_ref_commit(r, ver));
    pat_ref_info(r, &curr, &next, &n);
    assert_int_equal(curr, 1);
    assert_int_equal(next, 1);
    assert_int_equal(n, 1);
    (void)pat_ref_prepare(r); /* an empty version empties the list */
    assert_true(pat_ref_commit(r, 2));
    assert_true(pat_set_is_empty(one));
    assert_null(pat_set_match(two, &b, PICK_ANY));
    ver = pat_ref_prepare(r);
    err = NULL;
    assert_true(pat_ref_add(r, ver, SL("x"), SLICE_NONE, &err));
    pat_ref_giveup(r, ver);
    pat_ref_info(r, &curr, &next, &n);
    assert_int_equal(n, 0);
}

static void
test_iteration(void **state)
{
    struct pat_ref *r = new_list();
    struct pat_iter it = { 0 }, held = { 0 };
    struct pat_entry e;
    struct arena arena;
    unsigned n = 0;

    arena_init(&arena, NULL, 0, 0);
    for (unsigned i = 0; i < 10; i++) {
        char key[8];
        snprintf(key, sizeof(key), "k%u", i);
        add(r, key);
    }
    while (pat_iter_next(&it, r, PAT_CURRENT, &arena, &e)) {
        if (n == 3) { /* those before and behind go */
            assert_int_equal(pat_ref_del(r, SL("k3")), 1);
            assert_int_equal(pat_ref_del(r, SL("k4")), 1);
            add(r, "k10");
        }
        n++;
    }
    assert_int_equal(n, 10);
    assert_true(pat_iter_next(&held, r, PAT_CURRENT, &arena, &e));
    assert_true(slice_eq_str(e.key, "k0"));
    assert_null(e.value.p);
    pat_iter_fini(&held);
    assert_true(pat_ref_del_id(r, e.id));
    assert_false(pat_ref_del_id(r, e.id));
    pat_iter_fini(&held);
    arena_fini(&arena);
}

static void
test_identity(void **state)
{
    char *err = NULL;
    struct pat_ref *virtual = pat_ref_open("virt@x", false, "acl at file 'a' line 1", &err);
    struct pat_ref *optional, *anonymous = new_list(), *fixed;

    assert_non_null(virtual);
    assert_ptr_equal(pat_ref_open("virt@x", false, "acl at file 'a' line 2", &err), virtual);
    assert_string_equal(pat_ref_name(virtual), "virt@x");
    assert_string_equal(
        pat_ref_about(virtual),
        "virtual list 'virt@x' used by acl at file 'a' line 1, by acl at file 'a' line 2");
    assert_null(pat_ref_open("virt@x", true, "map at file 'a' line 3", &err));
    assert_string_equal(
        err, "The file \"virt@x\" is already used as one column file and cannot be used by "
             "as two column file");
    free(err);
    optional = pat_ref_open("opt@/nonexistent/list", false, "acl", &err);
    assert_non_null(optional);
    err = NULL;
    assert_null(pat_ref_open("/nonexistent/list", false, "acl", &err));
    assert_string_equal(err, "failed to open pattern file </nonexistent/list>");
    free(err);
    fixed = pat_ref_new(1, "fixed", &err);
    pat_refs_finish();
    assert_int_equal(pat_ref_id(virtual), 0);
    assert_int_equal(pat_ref_id(anonymous), 2);
    assert_int_equal(pat_ref_id(fixed), 1);
    assert_int_equal(pat_ref_id(optional), 3);
    assert_ptr_equal(pat_ref_find(SL("#2")), anonymous);
    assert_ptr_equal(pat_ref_find(SL("virt@x")), virtual);
    assert_ptr_equal(pat_ref_find(SL("/nonexistent/list")), optional);
    assert_null(pat_ref_find(SL("#9")));
    assert_null(pat_ref_find(SL("nope")));
}

static void
test_shared_indexes(void **state)
{
    struct pat_ref *r = new_list();
    char *err = NULL;

    assert_ptr_equal(index_of(r, PM_STR, 0), index_of(r, PM_STR, 0));
    assert_ptr_not_equal(index_of(r, PM_STR, 0), index_of(r, PM_STR, PSF_ICASE));
    assert_ptr_not_equal(index_of(r, PM_STR, 0), index_of(r, PM_BEG, 0));
    add(r, "(");
    assert_null(pat_set_get(r, PM_REG, 0, SMP_ANY, &err));
    free(err);
}

/** 100,000 patterns cost about as much as 10 to match. This only checks that it ends in a wink,
 * even under ASan. */
static void
test_hundred_thousand(void **state)
{
    static const enum pat_match all[] = { PM_STR, PM_BEG, PM_END, PM_SUB, PM_DOM };
    struct pat_ref *r = new_list();
    struct sample v = { .type = SMP_STR, .u.s = SL("www.host77777.example.com") };

    for (unsigned i = 0; i < 100000; i++) {
        char key[40];
        snprintf(key, sizeof(key), "host%u.example", i);
        add(r, key);
    }
    for (unsigned i = 0; i < COUNT_OF(all); i++) {
        struct pat_set *s = index_of(r, all[i], 0);
        for (unsigned k = 0; k < 10000; k++) {
            const struct pat *p = pat_set_match(s, &v, PICK_FIRST);
            assert_int_equal(p != NULL, all[i] == PM_SUB || all[i] == PM_DOM);
        }
    }
}

/* ---- threads
 * -------------------------------------------------------------------------------------------------------
 */

static _Atomic bool stop;
static _Atomic unsigned long looked;

static void *
reader(void *arg)
{
    const struct pat_set *const *sets = arg;
    struct sample stays = { .type = SMP_STR, .u.s = SL("/stays/here") };
    struct sample v = stays;

    epoch_enter();
    while (!atomic_load(&stop)) {
        for (unsigned i = 0; sets[i]; i++) {
            char text[32];
            const struct pat *p = pat_set_match(sets[i], &stays, PICK_FIRST);
            if (!p || !slice_eq_str(pat_key(p), "/stays/here"))
                abort();
            snprintf(text, sizeof(text), "/k%lu/", atomic_fetch_add(&looked, 1) % 64);
            v.u.s = slice_str(text);
            p = pat_set_match(sets[i], &v, PICK_ANY);
            if (p && pat_key(p).p[0] != '/')
                abort();
        }
        epoch_quiescent();
    }
    epoch_leave();
    regex_thread_fini();
    return NULL;
}

static void
test_concurrent_edits(void **state)
{
    const struct pat_set *sets[7] = { NULL };
    static const enum pat_match all[] = { PM_STR, PM_BEG, PM_END, PM_SUB, PM_DIR, PM_REG };
    struct pat_ref *r = new_list();
    pthread_t thread[2];
    char key[32], *err = NULL;

    add(r, "/stays/here");
    for (unsigned i = 0; i < COUNT_OF(all); i++)
        sets[i] = index_of(r, all[i], i == 2 ? PSF_ICASE : 0);
    atomic_store(&stop, false);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, reader, sets), 0);
    for (unsigned i = 0; i < 600; i++) {
        snprintf(key, sizeof(key), "/k%u/", rnd(64));
        if (rnd(3))
            add(r, key);
        else
            pat_ref_del(r, slice_str(key));
        if (i % 100 == 99) {
            unsigned ver = pat_ref_prepare(r);
            assert_true(pat_ref_add(r, ver, SL("/stays/here"), SLICE_NONE, &err));
            assert_true(pat_ref_commit(r, ver));
        }
    }
    while (atomic_load(&looked) < 1000)
        sched_yield();
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    epoch_fini();
    assert_int_equal(epoch_pending(), 0);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_teardown(fn, teardown)
    const struct CMUnitTest tests[] = {
        T(test_strings),          T(test_small),
        T(test_integers),         T(test_operators),
        T(test_addresses),        T(test_many_networks),
        T(test_regexes),          T(test_edits),
        T(test_versions),         T(test_iteration),
        T(test_identity),         T(test_shared_indexes),
        T(test_hundred_thousand), T(test_concurrent_edits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
