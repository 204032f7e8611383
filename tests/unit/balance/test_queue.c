/* test_queue.c - priorities, limits, and threads that must never lose a wake-up. */
#include "balance/lb.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct proxy {
    struct lb lb;
    struct lb_queue queue;
    struct list servers;
    struct server srv[3];
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
backend(unsigned n, unsigned maxconn)
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
        s->uweight = 1;
        s->eweight = 16;
        s->maxconn = maxconn;
        list_push_back(&px->servers, &s->link);
    }
    px->lb.kind = LB_LEASTCONN;
    lb_queue_init(&px->queue);
    lb_start(&px->lb, &px->servers);
    return px;
}

static void
drop_backend(struct proxy *px)
{
    assert_int_equal(px->queue.total, 0);
    lb_stop(&px->lb);
    lb_queue_fini(&px->queue);
    free(px);
}

/* ---- one thread ---- */

struct waiter {
    struct pendconn p;
    unsigned granted; /* order, from 1 */
};
static unsigned grants;

static void
on_grant(struct letter *l)
{
    struct waiter *w = container_of(container_of(l, struct pendconn, grant), struct waiter, p);

    w->granted = ++grants;
}

static void
wait_for(struct waiter *w, struct proxy *px, struct server *srv, int class, int offset)
{
    *w = (struct waiter){ .p = { .px = px,
                                 .srv = srv,
                                 .prio_class = class,
                                 .prio_offset = offset,
                                 .grant.deliver = on_grant } };
    assert_true(queue_add(&w->p));
}

static void
turn(void)
{
    loop_turn(0);
    loop_turn(0);
}

static int
open_loop(void **state)
{
    (void)state;
    grants = 0;
    return loop_open(0) ? 0 : -1;
}

static int
close_loop(void **state)
{
    (void)state;
    queue_thread_fini();
    loop_close();
    return 0;
}

static void
served_in_order_of_priority(void **state)
{
    struct proxy *px = backend(1, 1);
    struct server *s = &px->srv[0];
    struct waiter w[6];
    static const unsigned at[6] = { 4, 3, 5, 1, 2, 6 };

    (void)state;
    assert_true(lb_try_take(s));
    wait_for(&w[0], px, NULL, 0, 0);
    wait_for(&w[1], px, s, 0, -1000);
    wait_for(&w[2], px, s, 0, 0);
    wait_for(&w[3], px, NULL, -5, 500000);
    wait_for(&w[4], px, s, -4, 0);
    wait_for(&w[5], px, NULL, 7, -500000);
    assert_int_equal(s->queued, 3);
    assert_int_equal(px->queue.length, 3);
    turn();
    assert_int_equal(grants, 0);
    for (unsigned i = 0; i < 6; i++) {
        lb_drop(s); /* the slot goes to the next one at once */
        assert_int_equal(s->served, 1);
        turn();
        assert_int_equal(grants, i + 1);
    }
    lb_drop(s);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(w[i].granted, at[i]);
        assert_ptr_equal(w[i].p.got, s);
    }
    assert_int_equal(w[3].p.pos_in, 0);
    assert_int_equal(w[0].p.pos_in, 1); /* one left the backend's queue before it */
    assert_int_equal(s->queued_max, 3);
    drop_backend(px);
}

static void
queueing_finds_a_slot_freed_meanwhile(void **state)
{
    struct proxy *px = backend(2, 1);
    struct waiter w;

    (void)state;
    wait_for(&w, px, NULL, 0, 0); /* nobody will ever drop */
    turn();
    assert_int_equal(w.granted, 1);
    lb_drop(w.p.got);
    drop_backend(px);
}

static void
leaving(void **state)
{
    struct proxy *px = backend(1, 1);
    struct server *s = &px->srv[0];
    struct waiter a, b;

    (void)state;
    assert_true(lb_try_take(s));
    wait_for(&a, px, s, 0, 0);
    wait_for(&b, px, NULL, 0, 0);
    assert_false(queue_leave(&a.p)); /* still waiting */
    assert_int_equal(s->queued, 0);
    lb_drop(s); /* b is granted, and leaves before it hears of it */
    assert_true(queue_leave(&b.p));
    assert_ptr_equal(b.p.got, s);
    turn();
    assert_int_equal(grants, 0);
    assert_false(queue_leave(&b.p)); /* harmless */
    lb_drop(s);
    assert_int_equal(s->served, 0);
    drop_backend(px);
}

static void
maxqueue_refuses(void **state)
{
    struct proxy *px = backend(1, 1);
    struct server *s = &px->srv[0];
    struct waiter a;
    struct pendconn b = { .px = px, .srv = s };

    (void)state;
    s->maxqueue = 1;
    assert_true(lb_try_take(s));
    wait_for(&a, px, s, 0, 0);
    assert_false(queue_add(&b));
    assert_false(queue_leave(&a.p));
    lb_drop(s);
    drop_backend(px);
}

static void
dead_server_sends_its_queue_away(void **state)
{
    struct proxy *px = backend(2, 1);
    struct server *s = &px->srv[0];
    struct waiter a, b, c;

    (void)state;
    assert_true(lb_try_take(s));
    wait_for(&a, px, s, 0, 0);
    wait_for(&b, px, s, 0, 0);
    assert_false(queue_leave(&b.p));
    b = (struct waiter){ .p = { .px = px, .srv = s, .bound = true, .grant.deliver = on_grant } };
    assert_true(queue_add(&b.p));
    wait_for(&c, px, s, 0, 0);
    assert_int_equal(queue_redistribute(s), 0); /* not without option redispatch */
    px->queue.redispatch = true;
    assert_int_equal(queue_redistribute(s), 2);
    turn();
    assert_int_equal(a.granted, 1);
    assert_null(a.p.got);
    assert_int_equal(b.granted, 0);
    assert_int_equal(c.granted, 2);
    assert_false(queue_leave(&b.p));
    lb_drop(s);
    drop_backend(px);
}

static void
backup_servers_do_not_take_from_the_backend(void **state)
{
    struct proxy *px = backend(2, 1);
    struct waiter w;

    (void)state;
    px->srv[1].flags |= SRVF_BACKUP;
    pthread_mutex_lock(&px->lb.lock);
    lb_update(&px->lb, &px->srv[1]);
    pthread_mutex_unlock(&px->lb.lock);
    assert_true(lb_try_take(&px->srv[0]));
    wait_for(&w, px, NULL, 0, 0);
    queue_process(&px->srv[1]);
    turn();
    assert_int_equal(w.granted, 0);
    lb_drop(&px->srv[0]);
    turn();
    assert_int_equal(w.granted, 1);
    lb_drop(&px->srv[0]);
    drop_backend(px);
}

/* ---- threads ---- */

#define THREADS  4
#define STREAMS  40  /* per thread */
#define REQUESTS 300 /* per stream */

struct fake_stream {
    struct pendconn p;
    struct task task;
    struct worker *w;
    struct server *srv;
    unsigned done, hold;
    bool waiting;
};

struct worker {
    pthread_t id;
    struct proxy *px;
    unsigned tid, left;
    uint32_t rnd;
    struct fake_stream s[STREAMS];
};

static _Atomic unsigned in_use[3], broken;
static pthread_barrier_t all_done;

static unsigned
rnd(struct worker *w)
{
    return (w->rnd = w->rnd * 1664525 + 1013904223) >> 8;
}

static void
got_slot(struct fake_stream *s, struct server *srv)
{
    unsigned i = srv->id - 1;

    s->waiting = false;
    s->srv = srv;
    s->hold = rnd(s->w) % 4;
    if (atomic_fetch_add(&in_use[i], 1) >= srv->maxconn)
        atomic_fetch_add(&broken, 1);
}

static void
stream_granted(struct letter *l)
{
    struct fake_stream *s =
        container_of(container_of(l, struct pendconn, grant), struct fake_stream, p);

    if (s->p.got)
        got_slot(s, s->p.got);
    else
        s->waiting = false;
    task_wake(&s->task);
}

static void
ask(struct fake_stream *s)
{
    struct sample_ctx x = { 0 };
    struct proxy *px = s->w->px;
    bool full;
    struct server *srv = lb_pick(&px->lb, &x, NULL, &full);
    bool bound = rnd(s->w) % 3 == 0;

    if (srv && lb_try_take(srv)) {
        got_slot(s, srv);
        task_wake(&s->task);
        return;
    }
    s->p = (struct pendconn){ .px = px,
                              .grant.deliver = stream_granted,
                              .prio_class = (int)(rnd(s->w) % 3) };
    s->p.srv = bound ? &px->srv[rnd(s->w) % 3] : NULL;
    s->waiting = queue_add(&s->p);
    if (!s->waiting || rnd(s->w) % 2)
        task_wake(&s->task); /* may give up */
}

static void
stream_run(struct task *t)
{
    struct fake_stream *s = container_of(t, struct fake_stream, task);

    if (s->waiting) {
        if (rnd(s->w) % 8)
            return;
        s->waiting = false;
        if (queue_leave(&s->p) && s->p.got)
            got_slot(s, s->p.got);
    }
    if (s->srv && s->hold-- > 0) {
        task_wake(t);
        return;
    }
    if (s->srv) {
        struct server *srv = s->srv;

        atomic_fetch_sub(&in_use[srv->id - 1], 1);
        s->srv = NULL;
        lb_drop(srv);
        if (++s->done == REQUESTS) {
            s->w->left--;
            return;
        }
    }
    ask(s);
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;

    if (!loop_open(w->tid))
        abort();
    w->left = STREAMS;
    for (unsigned i = 0; i < STREAMS; i++) {
        w->s[i].w = w;
        task_init(&w->s[i].task, stream_run);
        task_wake(&w->s[i].task);
    }
    /* a lost wake-up shows as a turn of two seconds in which nothing happens */
    while (w->left) {
        unsigned before = w->left;
        int64_t t = loop_now_ms();

        loop_turn(2000);
        loop_clock_update();
        if (w->left == before && loop_now_ms() - t >= 2000) {
            atomic_fetch_add(&broken, 1000);
            break;
        }
    }
    pthread_barrier_wait(&all_done); /* nobody posts any more */
    queue_thread_fini();
    loop_close();
    return NULL;
}

static void
no_wakeup_is_lost(void **state)
{
    struct proxy *px = backend(3, 3);
    struct worker *w = xcalloc(THREADS, sizeof(*w));

    (void)state;
    pthread_barrier_init(&all_done, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        w[i].px = px;
        w[i].tid = i;
        w[i].rnd = i + 1;
        assert_int_equal(pthread_create(&w[i].id, NULL, worker_main, &w[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(w[i].id, NULL);
    assert_int_equal(broken, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(px->srv[i].served, 0);
        assert_int_equal(px->srv[i].queued, 0);
    }
    assert_int_equal(px->lb.served, 0);
    pthread_barrier_destroy(&all_done);
    free(w);
    drop_backend(px);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(served_in_order_of_priority, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(queueing_finds_a_slot_freed_meanwhile, open_loop,
                                        close_loop),
        cmocka_unit_test_setup_teardown(leaving, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(maxqueue_refuses, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(dead_server_sends_its_queue_away, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(backup_servers_do_not_take_from_the_backend, open_loop,
                                        close_loop),
        cmocka_unit_test(no_wakeup_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
