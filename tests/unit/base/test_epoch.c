/* test_epoch.c - objects are released when no reader can hold them, and not before. */
#include "base/epoch.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

static unsigned released;

static void
release(void *p)
{
    released++;
    free(p);
}

static void
test_alone(void **state)
{
    released = 0;
    epoch_retire(release, malloc(1)); /* nobody reads: at once */
    assert_int_equal(released, 1);
    epoch_quiescent(); /* of a thread that is no reader: nothing */
    epoch_leave();
}

static void
test_grace(void **state)
{
    released = 0;
    epoch_enter();
    epoch_enter();
    epoch_retire(release, malloc(1));
    epoch_retire(release, malloc(1));
    assert_int_equal(released, 0);
    assert_int_equal(epoch_pending(), 2);
    epoch_quiescent();
    assert_int_equal(released, 2);
    epoch_retire(release, malloc(1));
    epoch_idle();
    assert_int_equal(released, 3);
    epoch_busy();
    epoch_retire(release, malloc(1));
    epoch_leave();
    assert_int_equal(released, 3);
    epoch_fini();
    assert_int_equal(released, 4);
    assert_int_equal(epoch_pending(), 0);
}

struct object {
    unsigned alive;
};

static _Atomic(struct object *) shared;
static _Atomic bool stop;
static _Atomic unsigned ready;

static void
bury(void *p)
{
    struct object *o = p;

    o->alive = 0;
    free(o);
}

static void *
reader(void *arg)
{
    epoch_enter();
    atomic_fetch_add(&ready, 1);
    for (unsigned i = 0; !atomic_load(&stop); i++) {
        const struct object *o = atomic_load_explicit(&shared, memory_order_acquire);
        if (o->alive != 0x600d)
            abort();
        if (i % 64 == 0) {
            epoch_idle();
            epoch_busy();
        } else {
            epoch_quiescent();
        }
    }
    epoch_leave();
    return NULL;
}

static struct object *
object_new(void)
{
    struct object *o = xmalloc(sizeof(*o));

    o->alive = 0x600d;
    return o;
}

static void
test_threads(void **state)
{
    pthread_t t[3];

    atomic_store(&shared, object_new());
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, reader, NULL), 0);
    while (atomic_load(&ready) < 3)
        sched_yield();
    for (unsigned i = 0; i < 20000; i++)
        epoch_retire(bury, atomic_exchange_explicit(&shared, object_new(), memory_order_acq_rel));
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    epoch_fini();
    assert_int_equal(epoch_pending(), 0);
    bury(atomic_load(&shared));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_grace),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
