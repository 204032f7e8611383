/* loop_int.h - the parts of a loop that its files share. */
#ifndef LOOP_LOOP_INT_H
#define LOOP_LOOP_INT_H

#include "loop/loop.h"

#define LOOP_TURN_HOOKS 8
#define LOOP_PASSES     3u /* passes before the kernel is asked again */
#define LOOP_CROWD      8u /* tasks from which on it pays to run them in step */

struct timer_entry {
    int64_t at_ms;
    struct timer *timer;
};

struct loop {
    unsigned tid;
    int64_t now_ms, now_us, wall_us;
    int64_t skipped_us; /* how far the clocks are ahead, loop_clock_skip() */
    struct list runq;
    unsigned woken, crowd;    /* tasks put into the run queue; those of the pass under way */
    struct timer_entry *heap; /* 4-ary min-heap */
    unsigned nheap, heap_size;
    _Atomic(struct letter *) mailbox;
    _Atomic bool mail_signalled; /* an eventfd write is on its way */
    _Atomic bool stop;
    void (*turn_end[LOOP_TURN_HOOKS])(void);
    unsigned nturn_end;
    /* share of time spent working, sampled over a second */
    int64_t busy_since_us, slept_us;
    _Atomic unsigned busy_pct;
    _Atomic uint64_t turns, tasks, letters; /* written by the loop's thread only */
    _Atomic unsigned runq_len, timers;
    void *poller; /* of poll_epoll.c or the simulator */
};

extern __thread struct loop *loop_this;

/* Asks for `lines` cache lines from `p` on. Any address will do. */
static inline void
loop_prefetch(const void *p, unsigned lines)
{
    for (unsigned i = 0; i < lines; i++)
        __builtin_prefetch((const char *)p + (size_t)i * CACHELINE);
}

/* Implemented by poll_epoll.c, or by the simulator instead. */
bool poller_open(struct loop *l);
void poller_close(struct loop *l);
/** Waits at most `wait_ms`, then delivers events, except those of IO_LEVEL descriptors (listeners
 * above all). Returns whether there are such; poller_late() delivers them. */
bool poller_wait(struct loop *l, int wait_ms);
void poller_late(struct loop *l);
/** Makes poller_wait() of `l` return; any thread. */
void poller_wake(struct loop *l);
/** Reads the clocks into l. */
void poller_clock(struct loop *l);

/** Milliseconds until the first timer, -1 without any, 0 when due. */
int timers_next_ms(struct loop *l);
void timers_run(struct loop *l);

#endif
