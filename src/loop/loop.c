/* loop.c - turns of an event loop: tasks, letters, timers, then waiting for the kernel.
 * Invariant: everything but the mailbox belongs to the loop's own thread. */
#include "loop/loop_int.h"

#include <stdlib.h>

__thread struct loop *loop_this;

bool
loop_open(unsigned tid)
{
    ASSERT(!loop_this);
    struct loop *l = xcalloc(1, sizeof(*l));

    l->tid = tid;
    list_init(&l->runq);
    loop_this = l;
    if (!poller_open(l)) {
        loop_this = NULL;
        free(l);
        return false;
    }
    poller_clock(l);
    l->busy_since_us = l->now_us;
    return true;
}

void
loop_close(void)
{
    struct loop *l = loop_this;

    if (!l)
        return;
    poller_close(l);
    free(l->heap);
    free(l);
    loop_this = NULL;
}

struct loop *
loop_self(void)
{
    return loop_this;
}

unsigned
loop_tid(void)
{
    return loop_this ? loop_this->tid : 0;
}

int64_t
loop_now_ms(void)
{
    return loop_this->now_ms;
}

int64_t
loop_now_us(void)
{
    return loop_this->now_us;
}

int64_t
loop_wall_us(void)
{
    return loop_this->wall_us;
}

void
loop_clock_update(void)
{
    poller_clock(loop_this);
}

void
loop_clock_skip(int64_t us)
{
    loop_this->skipped_us += us;
    poller_clock(loop_this);
}

/* ---- tasks ---- */

void
task_init(struct task *t, task_fn run)
{
    list_init(&t->link);
    t->run = run;
}

void
task_wake(struct task *t)
{
    if (list_linked(&t->link))
        return;
    list_push_back(&loop_this->runq, &t->link);
    loop_this->woken++;
}

void
task_cancel(struct task *t)
{
    list_del(&t->link);
}

/* One writer: no locked instruction. */
static void
add(_Atomic uint64_t *to, uint64_t n)
{
    atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static void
tasks_run(struct loop *l)
{
    /* Tasks woken meanwhile run in the next turn, so that events and timers get their share. */
    struct list now;
    struct list *n;

    if (list_empty(&l->runq))
        return;
    list_init(&now);
    list_splice_back(&now, &l->runq);
    unsigned ran = 0;
    l->crowd = l->woken;
    l->woken = 0;
    while ((n = list_pop_front(&now))) {
        struct task *t = container_of(n, struct task, link);
        loop_prefetch(now.next, 8); /* the next one, with what it is embedded in */
        t->run(t);
        ran++;
    }
    atomic_store_explicit(&l->runq_len, ran, memory_order_relaxed);
    add(&l->tasks, ran);
}

bool
task_crowd(void)
{
    return loop_this->crowd >= LOOP_CROWD;
}

/* ---- letters ---- */

void
loop_post(struct loop *to, struct letter *l)
{
    struct letter *head = atomic_load_explicit(&to->mailbox, memory_order_relaxed);

    do {
        l->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&to->mailbox, &head, l, memory_order_release,
                                                    memory_order_relaxed));
    if (!atomic_exchange(&to->mail_signalled, true))
        poller_wake(to);
}

static void
letters_deliver(struct loop *l)
{
    /* The signal, not the mailbox: it may be set although the letter was already taken, and nobody
     * would wake this loop again. */
    if (!atomic_load_explicit(&l->mail_signalled, memory_order_relaxed))
        return;
    atomic_exchange(&l->mail_signalled, false);
    struct letter *m = atomic_exchange_explicit(&l->mailbox, NULL, memory_order_acquire);
    struct letter *in_order = NULL;
    unsigned n = 0;

    while (m) {
        struct letter *next = m->next;
        m->next = in_order;
        in_order = m;
        m = next;
    }
    while (in_order) {
        struct letter *next = in_order->next;
        in_order->deliver(in_order);
        in_order = next;
        n++;
    }
    add(&l->letters, n);
}

/* ---- turns ---- */

void
loop_on_turn_end(void (*fn)(void))
{
    ASSERT(loop_this->nturn_end < LOOP_TURN_HOOKS);
    loop_this->turn_end[loop_this->nturn_end++] = fn;
}

static int
wait_for(struct loop *l, int wait_ms)
{
    if (!list_empty(&l->runq) || atomic_load_explicit(&l->mailbox, memory_order_relaxed))
        return 0;
    int next = timers_next_ms(l);
    if (next < 0)
        return wait_ms;
    return wait_ms < 0 ? next : MIN(next, wait_ms);
}

void
loop_turn(int wait_ms)
{
    struct loop *l = loop_this;

    letters_deliver(l);
    tasks_run(l);
    for (unsigned pass = 1; pass < LOOP_PASSES && l->crowd >= LOOP_CROWD; pass++)
        tasks_run(l);
    for (unsigned i = 0; i < l->nturn_end; i++)
        l->turn_end[i]();
    int wait = wait_for(l, wait_ms);
    if (wait)
        atomic_store_explicit(&l->runq_len, 0, memory_order_relaxed);
    atomic_store_explicit(&l->timers, l->nheap, memory_order_relaxed);
    add(&l->turns, 1);
    /* What ends is over before what begins, in logs and counters as well. */
    if (poller_wait(l, wait)) {
        tasks_run(l);
        poller_late(l);
    }
    timers_run(l);
}

void
loop_run(void)
{
    struct loop *l = loop_this;

    while (!atomic_load_explicit(&l->stop, memory_order_relaxed))
        loop_turn(-1);
}

void
loop_stop(struct loop *l)
{
    atomic_store(&l->stop, true);
    poller_wake(l);
}

void
loop_stats_get(struct loop *l, struct loop_stats *out)
{
    out->turns = atomic_load_explicit(&l->turns, memory_order_relaxed);
    out->tasks = atomic_load_explicit(&l->tasks, memory_order_relaxed);
    out->letters = atomic_load_explicit(&l->letters, memory_order_relaxed);
    out->runq = atomic_load_explicit(&l->runq_len, memory_order_relaxed);
    out->timers = atomic_load_explicit(&l->timers, memory_order_relaxed);
}

unsigned
loop_busy_pct(struct loop *l)
{
    return atomic_load_explicit(&l->busy_pct, memory_order_relaxed);
}
