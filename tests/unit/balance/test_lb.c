/* test_lb.c - algorithms: orders, proportions, and the servers that HAProxy 2.6 chose for the same
 * keys. */
#include "balance/lb.h"
#include "base/hash.h"
#include "http/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SERVERS_MAX 16

struct proxy {
    struct lb lb;
    struct lb_queue queue;
    struct list servers;
    struct server srv[SERVERS_MAX];
    unsigned n;
};

static struct lb *
test_lb_of(struct proxy *px)
{
    return &px->lb;
}

static struct lb_queue *
test_queue_of(struct proxy *px)
{
    return &px->queue;
}

static struct proxy *
backend(enum lb_kind kind, unsigned n, const unsigned *weights)
{
    struct proxy *px = xcalloc(1, sizeof(*px));

    lb_of = test_lb_of;
    queue_of = test_queue_of;
    list_init(&px->servers);
    for (unsigned i = 0; i < n; i++) {
        struct server *s = &px->srv[i];

        s->px = px;
        s->id = i + 1;
        s->state = SRV_RUNNING;
        s->uweight = weights ? weights[i] : 1;
        s->eweight = s->uweight * 16;
        list_push_back(&px->servers, &s->link);
    }
    px->n = n;
    px->lb.kind = kind;
    px->lb.http = true;
    lb_queue_init(&px->queue);
    return px;
}

static void
start(struct proxy *px)
{
    lb_start(&px->lb, &px->servers);
}

static void
drop_backend(struct proxy *px)
{
    lb_stop(&px->lb);
    lb_queue_fini(&px->queue);
    free(px);
}

static unsigned
pick_ctx(struct proxy *px, struct sample_ctx *x, const struct server *avoid)
{
    bool full;
    struct server *s = lb_pick(&px->lb, x, avoid, &full);

    return s ? s->id : 0;
}

static unsigned
pick(struct proxy *px)
{
    struct sample_ctx x = { 0 };

    return pick_ctx(px, &x, NULL);
}

static void
set_state(struct proxy *px, unsigned id, enum srv_state st)
{
    px->srv[id - 1].state = st;
    pthread_mutex_lock(&px->lb.lock);
    lb_update(&px->lb, &px->srv[id - 1]);
    pthread_mutex_unlock(&px->lb.lock);
}

static void
expect_picks(struct proxy *px, const char *order)
{
    for (unsigned i = 0; order[i]; i++)
        assert_int_equal(pick(px), order[i] - '0');
}

/* ---- round robin ---- */

static void
rr_equal_weights_take_turns(void **state)
{
    struct proxy *px = backend(LB_ROUNDROBIN, 4, NULL);

    (void)state;
    start(px);
    expect_picks(px, "123412341234");
    drop_backend(px);
}

static void
rr_weights_are_proportional_and_smooth(void **state)
{
    static const unsigned w[] = { 1, 2, 3, 4 };
    struct proxy *px = backend(LB_ROUNDROBIN, 4, w);
    unsigned last[5] = { 0 }, count[5] = { 0 };

    (void)state;
    start(px);
    for (unsigned i = 1; i <= 1000; i++) {
        unsigned id = pick(px);

        count[id]++;
        if (last[id]) /* never further apart than twice the ideal distance */
            assert_true(i - last[id] <= 2 * 10 / w[id - 1]);
        last[id] = i;
    }
    for (unsigned i = 0; i < 4; i++)
        assert_in_range(count[i + 1], w[i] * 100 - 1, w[i] * 100 + 1);
    drop_backend(px);
}

static void
rr_follows_state_and_weight_changes(void **state)
{
    static const unsigned w[] = { 1, 1, 2 };
    struct proxy *px = backend(LB_ROUNDROBIN, 3, w);
    unsigned count[4] = { 0 };

    (void)state;
    start(px);
    set_state(px, 3, SRV_STOPPED);
    for (unsigned i = 0; i < 10; i++)
        assert_int_not_equal(pick(px), 3);
    set_state(px, 3, SRV_RUNNING);
    px->srv[0].eweight = 160;
    set_state(px, 1, SRV_RUNNING);
    for (unsigned i = 0; i < 130; i++)
        count[pick(px)]++;
    assert_in_range(count[1], 98, 102);
    assert_in_range(count[2], 9, 11);
    assert_in_range(count[3], 19, 21);
    drop_backend(px);
}

static void
full_servers_are_passed_over(void **state)
{
    static const enum lb_kind kinds[] = { LB_ROUNDROBIN, LB_STATIC_RR, LB_LEASTCONN,
                                          LB_FIRST,      LB_RANDOM,    LB_DEFAULT };

    (void)state;
    for (unsigned k = 0; k < COUNT_OF(kinds); k++) {
        struct proxy *px = backend(kinds[k], 3, NULL);
        struct sample_ctx x = { 0 };
        bool full = false;

        for (unsigned i = 0; i < 3; i++)
            px->srv[i].maxconn = 2;
        start(px);
        for (unsigned i = 0; i < 6; i++) {
            struct server *s = lb_pick(&px->lb, &x, NULL, &full);

            assert_non_null(s);
            assert_false(full);
            assert_true(lb_try_take(s));
        }
        assert_null(lb_pick(&px->lb, &x, NULL, &full));
        assert_true(full);
        assert_false(lb_try_take(&px->srv[1]));
        lb_drop(&px->srv[1]);
        assert_ptr_equal(lb_pick(&px->lb, &x, NULL, &full), &px->srv[1]);
        drop_backend(px);
    }
}

static void
avoided_server_is_the_last_choice(void **state)
{
    static const enum lb_kind kinds[] = { LB_ROUNDROBIN, LB_STATIC_RR, LB_LEASTCONN,
                                          LB_FIRST,      LB_RANDOM,    LB_STICKY };

    (void)state;
    for (unsigned k = 0; k < COUNT_OF(kinds); k++) {
        struct proxy *px = backend(kinds[k], 2, NULL);
        struct sample_ctx x = { 0 };

        start(px);
        for (unsigned i = 0; i < 10; i++)
            assert_int_equal(pick_ctx(px, &x, &px->srv[0]), 2);
        set_state(px, 2, SRV_STOPPED);
        assert_int_equal(pick_ctx(px, &x, &px->srv[0]), 1);
        drop_backend(px);
    }
}

/* ---- leastconn: order seen in HAProxy with held connections ---- */

static void
leastconn_order(void **state)
{
    static const struct {
        unsigned w[3];
        const char *order;
    } seen[] = {
        { { 1, 2, 3 }, "123323323123323123" },
        { { 1, 1, 1 }, "123123123123123123" },
        { { 5, 1, 1 }, "123111111112311111" },
        { { 3, 5, 7 }, "123323321323123323" },
    };

    (void)state;
    for (unsigned k = 0; k < COUNT_OF(seen); k++) {
        struct proxy *px = backend(LB_LEASTCONN, 3, seen[k].w);

        start(px);
        for (unsigned i = 0; seen[k].order[i]; i++) {
            unsigned id = pick(px);

            assert_int_equal(id, seen[k].order[i] - '0');
            lb_take(&px->srv[id - 1]);
        }
        drop_backend(px);
    }
}

static void
leastconn_idle_servers_rotate(void **state)
{
    struct proxy *px = backend(LB_LEASTCONN, 4, NULL);

    (void)state;
    start(px);
    for (unsigned i = 0; i < 12; i++) {
        unsigned id = pick(px);

        assert_int_equal(id, i % 4 + 1);
        lb_take(&px->srv[id - 1]);
        lb_drop(&px->srv[id - 1]);
    }
    drop_backend(px);
}

/* ---- backup ---- */

static void
backups_step_in(void **state)
{
    struct proxy *px = backend(LB_ROUNDROBIN, 4, NULL);

    (void)state;
    px->srv[2].flags |= SRVF_BACKUP;
    px->srv[3].flags |= SRVF_BACKUP;
    start(px);
    expect_picks(px, "1212");
    assert_int_equal(px->lb.nact, 2);
    assert_int_equal(px->lb.nbck, 2);
    set_state(px, 1, SRV_STOPPED);
    expect_picks(px, "222");
    set_state(px, 2, SRV_STOPPED);
    expect_picks(px, "333"); /* the first one only */
    set_state(px, 3, SRV_STOPPED);
    expect_picks(px, "444");
    px->lb.allbackups = true;
    set_state(px, 3, SRV_RUNNING);
    unsigned a = pick(px), b = pick(px);
    assert_int_equal(a + b, 7);
    set_state(px, 3, SRV_STOPPED);
    set_state(px, 4, SRV_STOPPED);
    assert_int_equal(pick(px), 0);
    drop_backend(px);
}

static void
first_fills_by_id(void **state)
{
    struct proxy *px = backend(LB_FIRST, 3, NULL);

    (void)state;
    px->srv[0].id = 7; /* ids count, not the order of the file */
    px->srv[1].maxconn = 1;
    start(px);
    assert_int_equal(pick(px), 2);
    lb_take(&px->srv[1]);
    assert_int_equal(pick(px), 3);
    drop_backend(px);
}

static void
sticky_keeps_its_place(void **state)
{
    struct proxy *px = backend(LB_STICKY, 3, NULL);

    (void)state;
    start(px);
    expect_picks(px, "111");
    set_state(px, 1, SRV_STOPPED);
    expect_picks(px, "22");
    set_state(px, 1, SRV_RUNNING);
    expect_picks(px, "22");
    set_state(px, 2, SRV_STOPPED);
    expect_picks(px, "33");
    set_state(px, 3, SRV_STOPPED);
    expect_picks(px, "11");
    drop_backend(px);
}

/* ---- random ---- */

static void
random_is_proportional(void **state)
{
    static const unsigned w[] = { 10, 20, 70 };
    struct proxy *px = backend(LB_RANDOM, 3, w);
    unsigned count[4] = { 0 };

    (void)state;
    px->lb.draws = 1;
    start(px);
    for (unsigned i = 0; i < 20000; i++)
        count[pick(px)]++;
    assert_in_range(count[1], 1700, 2300);
    assert_in_range(count[2], 3600, 4400);
    assert_in_range(count[3], 13500, 14500);
    drop_backend(px);
}

static void
random_prefers_the_idle_one(void **state)
{
    struct proxy *px = backend(LB_DEFAULT, 2, NULL);
    unsigned count[3] = { 0 };

    (void)state;
    start(px);
    assert_string_equal(lb_name(&px->lb), "unknown");
    px->srv[0].served = 10;
    for (unsigned i = 0; i < 4000; i++)
        count[pick(px)]++;
    /* only when both draws find it: one in four */
    assert_in_range(count[1], 800, 1200);
    drop_backend(px);
}

/* ---- hashing: what HAProxy 2.6.12 chose ---- */

static const char *const keys[] = {
    "/jzde8gx-d6n",
    "/f1",
    "/epf91d/ho-d/-z",
    "/oc",
    "/is0j8h/t9lg-/mxg9e",
    "/d.n581u3-3xtplpf/t7",
    "/v2s_eh60kvj50ce9",
    "/uvw_5-3efr4edt/2syw",
    "/3",
    "/k.h5dnsipzz5",
    "/k2z",
    "/ri19r0wyojfljooa5-",
    "/qsaj08",
    "/./ui6.d39zzz",
    "/g4zdmen2khv_d",
    "/a/j8",
    "/x.be",
    "/8b7tf",
    "/q7xkwo886vo.mpzom75wbbr",
    "/qm_w2wxfogo4mvn4",
    "/.a4wfhym4l1vfz3zfkki",
    "/j",
    "/3j._4wj99ibag7i1mnb",
    "/ns6p-uq80",
    "/7794g9dpmrcg629be2u.6_",
    "/mr26846p7q9m2i0hz",
    "/uep1enthjxjqi3o",
    "/.s6ehogfqrclri1qz",
    "/86/5u",
    "/rdl",
    "/erbfqf_oeqh3av",
    "/0r.ic7phkqdlmtt7ns",
    "/6lrwbqcab69m64p",
    "/3l",
    "/r2aqxv",
    "/upctnwlavyf4r6mp6a",
    "/qfj",
    "/-czbttof-7j_y",
    "/db8p5qa3e68f7e4qeq",
    "/no35ye4s",
    "/h9mtf4bs3e62ryn",
    "/vauv",
    "/lv9",
    "/upx",
    "//mb0y07ny",
    "/vd5r/xi67",
    "/nfrpyz21tbic14-5aez73",
    "/pgojj7g3f9caio/",
};

static const struct golden {
    bool consistent, avalanche;
    int fn;
    unsigned w[5];
    unsigned len, depth;
    const char *servers; /* one digit per key */
} golden[] = {
    { false,
      false,
      LBH_SDBM,
      { 10, 20, 30 },
      0,
      0,
      "123313332222212312322333333213333132213333222312" },
    { false,
      false,
      LBH_DJB2,
      { 3, 5, 7 },
      0,
      0,
      "332323313231222233212233323113333333232331333311" },
    { false,
      false,
      LBH_WT6,
      { 3, 5, 7 },
      0,
      0,
      "323323112332333133222223113333333333312211232122" },
    { false,
      false,
      LBH_CRC32,
      { 3, 5, 7 },
      0,
      0,
      "231113223222222333332313133322232322333333113111" },
    { false,
      true,
      LBH_SDBM,
      { 3, 5, 7 },
      0,
      0,
      "233322212311323323222122213332122133231323223333" },
    { false,
      false,
      LBH_SDBM,
      { 100, 50, 200, 256, 1 },
      0,
      0,
      "144414444443341444434333413413244434441421434414" },
    { true,
      false,
      LBH_SDBM,
      { 3, 5, 7 },
      0,
      0,
      "333332213333332233232332332333233321331231323232" },
    { true, true, LBH_SDBM, { 3, 5, 7 }, 0, 0, "333122121331222233231231323111133232123112323332" },
    { true,
      true,
      LBH_SDBM,
      { 100, 50, 200 },
      0,
      0,
      "312113133321113111113313313333313332331113313331" },
    { true,
      true,
      LBH_CRC32,
      { 10, 20, 30, 40 },
      0,
      0,
      "244342144324141341331344213331413433334243133333" },
    { true,
      false,
      LBH_DJB2,
      { 10, 20, 30, 40 },
      0,
      0,
      "211144434424442111234433343112344133223421224343" },
    { true,
      false,
      LBH_WT6,
      { 10, 20, 30, 40 },
      0,
      0,
      "121423433334441212213312332424433444333434132443" },
    { false,
      false,
      LBH_SDBM,
      { 3, 5, 7 },
      6,
      0,
      "121231233133221332232123132323222333333333332331" },
    { false,
      false,
      LBH_SDBM,
      { 3, 5, 7 },
      0,
      2,
      "122233323233223332311113321123113333323133332232" },
};

static unsigned
pick_path(struct proxy *px, const char *path, const struct server *avoid)
{
    struct http_head head = { .target = slice_str(path) };
    struct sample_ctx x = { .req = &head };

    return pick_ctx(px, &x, avoid);
}

static struct proxy *
hashing_backend(const struct golden *g)
{
    unsigned n = 0;
    struct proxy *px;

    while (n < 5 && g->w[n])
        n++;
    px = backend(LB_URI, n, g->w);
    px->lb.consistent = g->consistent;
    px->lb.avalanche = g->avalanche;
    px->lb.hash_fn = g->fn;
    px->lb.uri_len = g->len;
    px->lb.uri_depth = g->depth;
    start(px);
    return px;
}

static void
hashing_agrees_with_haproxy(void **state)
{
    (void)state;
    for (unsigned k = 0; k < COUNT_OF(golden); k++) {
        struct proxy *px = hashing_backend(&golden[k]);

        for (unsigned i = 0; i < COUNT_OF(keys); i++)
            assert_int_equal(pick_path(px, keys[i], NULL), golden[k].servers[i] - '0');
        drop_backend(px);
    }
}

static void
consistent_hashing_moves_few_keys(void **state)
{
    static const unsigned w[] = { 10, 10, 10, 10 };
    struct proxy *px = backend(LB_URI, 4, w);
    unsigned before[2000], moved = 0, third = 0;
    char path[32];

    (void)state;
    px->lb.consistent = px->lb.avalanche = true;
    start(px);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(path, sizeof(path), "/object/%u", i);
        before[i] = pick_path(px, path, NULL);
        third += before[i] == 3;
    }
    assert_in_range(third, 380, 620);
    set_state(px, 3, SRV_STOPPED);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(path, sizeof(path), "/object/%u", i);
        moved += pick_path(px, path, NULL) != before[i];
    }
    assert_int_equal(moved, third);
    set_state(px, 3, SRV_RUNNING);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(path, sizeof(path), "/object/%u", i);
        assert_int_equal(pick_path(px, path, NULL), before[i]);
    }
    drop_backend(px);
}

static void
ring_is_the_same_after_slow_start(void **state)
{
    static const unsigned w[] = { 10, 20, 30 };
    struct proxy *warm = backend(LB_URI, 3, w), *px = backend(LB_URI, 3, w);
    char path[32];

    (void)state;
    px->lb.consistent = warm->lb.consistent = true;
    start(px);
    warm->srv[1].eweight = 1;
    start(warm);
    for (unsigned e = 2; e <= 20 * 16; e += e / 3 + 1) {
        warm->srv[1].eweight = e;
        set_state(warm, 2, SRV_STARTING);
    }
    warm->srv[1].eweight = 20 * 16;
    set_state(warm, 2, SRV_RUNNING);
    for (unsigned i = 0; i < 500; i++) {
        snprintf(path, sizeof(path), "/o/%u", i);
        assert_int_equal(pick_path(px, path, NULL), pick_path(warm, path, NULL));
    }
    drop_backend(px);
    drop_backend(warm);
}

static void
hash_keys_place_servers(void **state)
{
    struct proxy *a = backend(LB_URI, 3, NULL), *b = backend(LB_URI, 3, NULL);
    char path[32];

    (void)state;
    for (unsigned i = 0; i < 3; i++) { /* the same servers in another order */
        addr_from_ip4(&a->srv[i].addr, (struct in_addr){ htonl(0x0a000001 + i) }, 80);
        addr_from_ip4(&b->srv[2 - i].addr, (struct in_addr){ htonl(0x0a000001 + i) }, 80);
        a->srv[i].hash_key = b->srv[i].hash_key = SRVK_ADDR;
    }
    a->lb.consistent = b->lb.consistent = a->lb.avalanche = b->lb.avalanche = true;
    start(a);
    start(b);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "/%u", i);
        assert_int_equal(pick_path(a, path, NULL), 4 - pick_path(b, path, NULL));
    }
    addr_from_ip4(&a->srv[0].addr, (struct in_addr){ htonl(0x0b000001) }, 80);
    set_state(a, 1, SRV_RUNNING);
    unsigned moved = 0;
    for (unsigned i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "/%u", i);
        moved += pick_path(a, path, NULL) != 4 - pick_path(b, path, NULL);
    }
    assert_in_range(moved, 50, 200);
    drop_backend(a);
    drop_backend(b);
}

static void
balance_factor_spills_over(void **state)
{
    struct proxy *px = backend(LB_URI, 4, NULL);
    unsigned count[5] = { 0 };

    (void)state;
    px->lb.consistent = px->lb.avalanche = true;
    px->lb.balance_factor = 150;
    start(px);
    for (unsigned i = 0; i < 400; i++) { /* everybody wants the same object */
        unsigned id = pick_path(px, "/hot", NULL);

        count[id]++;
        lb_take(&px->srv[id - 1]);
    }
    for (unsigned i = 1; i <= 4; i++)
        assert_true(count[i] <= 150);
    drop_backend(px);
}

static void
preserve_affinity(void **state)
{
    (void)state;
    for (unsigned consistent = 0; consistent < 2; consistent++) {
        struct proxy *px = backend(LB_URI, 3, NULL);
        unsigned home, other;

        px->lb.consistent = consistent;
        start(px);
        home = pick_path(px, "/x", NULL);
        px->srv[home - 1].maxconn = 1;
        px->srv[home - 1].served = 1;
        assert_int_equal(pick_path(px, "/x", NULL), home);
        px->lb.preserve = LBP_MAXCONN;
        other = pick_path(px, "/x", NULL);
        assert_int_not_equal(other, home);
        px->lb.preserve = LBP_MAXQUEUE;
        assert_int_equal(pick_path(px, "/x", NULL), home);
        px->srv[home - 1].maxqueue = 1;
        px->srv[home - 1].queued = 1;
        assert_int_not_equal(pick_path(px, "/x", NULL), home);
        px->srv[home - 1].queued = 0;
        drop_backend(px);
    }
}

static void
redispatch_leaves_the_hashed_server(void **state)
{
    (void)state;
    for (unsigned consistent = 0; consistent < 2; consistent++) {
        struct proxy *px = backend(LB_URI, 3, NULL);
        unsigned home;

        px->lb.consistent = consistent;
        start(px);
        home = pick_path(px, "/x", NULL);
        assert_int_not_equal(pick_path(px, "/x", &px->srv[home - 1]), home);
        drop_backend(px);
    }
}

/* ---- keys ---- */

static void
expect_same_key(struct proxy *px, const char *a, const char *b, bool same)
{
    /* 15 servers: equal by chance is unlikely for the strings used here */
    if (same)
        assert_int_equal(pick_path(px, a, NULL), pick_path(px, b, NULL));
    else
        assert_int_not_equal(pick_path(px, a, NULL), pick_path(px, b, NULL));
}

static void
uri_parts(void **state)
{
    struct proxy *px = backend(LB_URI, 15, NULL);

    (void)state;
    start(px);
    expect_same_key(px, "/a/b/c?x=1", "/a/b/c?y", true);
    expect_same_key(px, "/a/b/c", "/a/b/d", false);
    px->lb.uri_depth = 2;
    expect_same_key(px, "/a/b/c", "/a/b/d", true);
    px->lb.uri_depth = 0;
    px->lb.uri_len = 4;
    expect_same_key(px, "/a/b/c", "/a/bzz", true);
    px->lb.uri_len = 0;
    px->lb.uri_whole = true;
    expect_same_key(px, "/a/b/c?x=1", "/a/b/c?x=2", false);
    px->lb.uri_path_only = true;
    expect_same_key(px, "http://host/a?x", "/a?x", true);
    px->lb.uri_path_only = false;
    expect_same_key(px, "http://host/a", "/a", false);
    drop_backend(px);
}

static unsigned
map_server(unsigned n, const char *key)
{
    return hash_sdbm(slice_str(key)) % n + 1;
}

static void
url_params(void **state)
{
    struct proxy *px = backend(LB_URL_PARAM, 15, NULL);

    (void)state;
    px->lb.arg = "id";
    start(px);
    assert_int_equal(pick_path(px, "/?id=foo", NULL), map_server(15, "foo"));
    assert_int_equal(pick_path(px, "/?a=1&id=foo&b=2", NULL), map_server(15, "foo"));
    assert_int_equal(pick_path(px, "/?xid=foo&id=bar", NULL), map_server(15, "bar"));
    assert_int_equal(pick_path(px, "/?id=foo&id=bar", NULL), map_server(15, "foo"));
    assert_int_equal(pick_path(px, "/?id=", NULL), 1); /* an empty key hashes to 0 */
    unsigned first = pick_path(px, "/?ids=foo", NULL); /* no parameter: round robin */
    assert_int_equal(pick_path(px, "/?id", NULL), first % 15 + 1);
    drop_backend(px);
}

static unsigned
pick_host(struct proxy *px, const char *value)
{
    struct http_hdr h[1];
    struct http_head head;
    struct sample_ctx x = { .req = &head };

    http_head_init(&head, h, 1, NULL);
    assert_true(http_hdr_add_ref(&head, SL("host"), slice_str(value)));
    return pick_ctx(px, &x, NULL);
}

static void
headers(void **state)
{
    struct proxy *px = backend(LB_HDR, 15, NULL);

    (void)state;
    px->lb.arg = "host";
    start(px);
    assert_int_equal(pick_host(px, "a, b"), map_server(15, "a"));
    assert_int_equal(pick_host(px, "\"a,b\",c"), map_server(15, "\"a,b\""));
    px->lb.hdr_domain_only = true;
    assert_int_equal(pick_host(px, "www.example.com"), map_server(15, "example"));
    assert_int_equal(pick_host(px, "www.example.co.uk:8080"), map_server(15, "co"));
    assert_int_equal(pick_host(px, "example.com."), map_server(15, "com"));
    assert_int_equal(pick_host(px, "localhost:80"), map_server(15, "localhost:80"));
    assert_int_equal(pick_host(px, ".foo.bar"), map_server(15, "foo"));
    assert_int_equal(pick_host(px, "."), map_server(15, "."));
    drop_backend(px);
}

/* ---- dynamic limits ---- */

static void
minconn_follows_the_load(void **state)
{
    struct proxy *px = backend(LB_ROUNDROBIN, 1, NULL);
    static const unsigned fullconn = 100;
    static _Atomic unsigned conn;

    (void)state;
    px->lb.fullconn = &fullconn;
    px->lb.be_conn = &conn;
    px->srv[0].minconn = 5;
    px->srv[0].maxconn = 50;
    start(px);
    assert_int_equal(server_dyn_maxconn(&px->srv[0]), 5);
    conn = 40;
    assert_int_equal(server_dyn_maxconn(&px->srv[0]), 20);
    conn = 1000;
    assert_int_equal(server_dyn_maxconn(&px->srv[0]), 50);
    drop_backend(px);
}

/* ---- threads pick while servers come and go ---- */

static _Atomic bool picking;
static _Atomic unsigned picks;

static void *
picker(void *arg)
{
    struct proxy *px = arg;
    struct http_head head = { .target = SL("/x") };
    struct sample_ctx x = { .req = &head };
    bool full;

    if (!loop_open(1))
        return NULL;
    while (picking) {
        struct server *s = lb_pick(&px->lb, &x, NULL, &full);

        if (s < &px->srv[0] || s > &px->srv[px->n - 1])
            abort();
        if (lb_try_take(s))
            lb_drop(s);
        picks++;
    }
    loop_close();
    return NULL;
}

static void
threads_pick_during_changes(void **state)
{
    static const enum lb_kind kinds[] = { LB_ROUNDROBIN, LB_RANDOM, LB_LEASTCONN, LB_URI };

    (void)state;
    for (unsigned k = 0; k < COUNT_OF(kinds); k++) {
        struct proxy *px = backend(kinds[k], 8, NULL);
        pthread_t t[2];

        px->lb.consistent = true;
        start(px);
        picking = true;
        picks = 0;
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&t[i], NULL, picker, px), 0);
        for (unsigned i = 0; i < 2000 || picks < 2000; i++) { /* the last server stays up */
            px->srv[i % 7].eweight = 16 + i / 7 % 3;
            set_state(px, i % 7 + 1, i / 7 % 2 ? SRV_RUNNING : SRV_STOPPED);
        }
        picking = false;
        for (unsigned i = 0; i < 2; i++)
            pthread_join(t[i], NULL);
        drop_backend(px);
    }
}

static int
open_loop(void **state)
{
    (void)state;
    return loop_open(0) ? 0 : -1;
}

/* What log-hash hashes: the message at hand, and nothing without one. */
static void
log_message_is_what_is_hashed(void **state)
{
    const struct fetch *f = &lb_fetches[0];
    struct sample_ctx x = { 0 };
    struct sample s = { 0 };

    (void)state;
    assert_string_equal(f->name, "lb.log_message");
    assert_false(f->fn(NULL, &x, &s, NULL));
    lb_log_message = SL("<14>host app: 10.0.0.1 said hello");
    assert_true(f->fn(NULL, &x, &s, NULL));
    assert_int_equal(s.type, SMP_STR);
    assert_true(slice_eq(s.u.s, lb_log_message));
    lb_log_message = SLICE_NONE;
}

static int
close_loop(void **state)
{
    (void)state;
    loop_close();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rr_equal_weights_take_turns),
        cmocka_unit_test(rr_weights_are_proportional_and_smooth),
        cmocka_unit_test(rr_follows_state_and_weight_changes),
        cmocka_unit_test(full_servers_are_passed_over),
        cmocka_unit_test(avoided_server_is_the_last_choice),
        cmocka_unit_test(leastconn_order),
        cmocka_unit_test(leastconn_idle_servers_rotate),
        cmocka_unit_test(backups_step_in),
        cmocka_unit_test(first_fills_by_id),
        cmocka_unit_test(sticky_keeps_its_place),
        cmocka_unit_test(random_is_proportional),
        cmocka_unit_test(random_prefers_the_idle_one),
        cmocka_unit_test(hashing_agrees_with_haproxy),
        cmocka_unit_test(consistent_hashing_moves_few_keys),
        cmocka_unit_test(ring_is_the_same_after_slow_start),
        cmocka_unit_test(hash_keys_place_servers),
        cmocka_unit_test(balance_factor_spills_over),
        cmocka_unit_test(preserve_affinity),
        cmocka_unit_test(redispatch_leaves_the_hashed_server),
        cmocka_unit_test(uri_parts),
        cmocka_unit_test(url_params),
        cmocka_unit_test(headers),
        cmocka_unit_test(minconn_follows_the_load),
        cmocka_unit_test(log_message_is_what_is_hashed),
        cmocka_unit_test(threads_pick_during_changes),
    };

    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
