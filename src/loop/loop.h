/* loop.h - one event loop per worker thread: readiness, tasks, timers, letters from other threads.
 *
 * Descriptors are registered once, edge-triggered. An event callback only records readiness and
 * wakes a task; tasks do the work. Nothing here is shared between threads but loop_post(). */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "base/list.h"

#include <stdatomic.h>

struct loop;

/* ---- readiness ---- */

enum io_ready {
    IO_IN = 1 << 0,  /* readable, or an error to be read */
    IO_OUT = 1 << 1, /* writable */
    IO_HUP = 1 << 2, /* the peer announced its end (EPOLLRDHUP, EPOLLHUP) */
    IO_ERR = 1 << 3, /* EPOLLERR */
};

struct io;
typedef void (*io_fn)(struct io *io, unsigned ready);

/** A registered descriptor, embedded in its owner. */
struct io {
    int fd;
    unsigned events; /* what it was registered for: IO_IN | IO_OUT; IO_LEVEL for listeners and
                        eventfds */
    io_fn on_ready;
};
#define IO_LEVEL (1u << 8) /* level-triggered */

/** Registers io->fd with the calling thread's loop. False with errno set when the kernel refuses.
 */
MUST_CHECK bool io_add(struct io *io, int fd, unsigned events, io_fn fn);
/** Forgets it; also drops events of the current turn that were not delivered. The descriptor stays
 * open. */
void io_del(struct io *io);
/** Drops undelivered events of an io whose descriptor is about to be closed (closing unregisters
 * it). */
void io_forget(struct io *io);
/** Changes what a level-triggered descriptor reports. */
void io_mod(struct io *io, unsigned events);

/* ---- tasks ---- */

struct task;
typedef void (*task_fn)(struct task *t);

/** Work to do soon on this thread, embedded in its owner. Zeroed and task_init()ed before use. */
struct task {
    struct list link;
    task_fn run;
};

void task_init(struct task *t, task_fn run);
/** Runs it in this turn (or the next when called from a task that already ran). Waking twice runs
 * it once. */
void task_wake(struct task *t);
/** Are there so many tasks in this pass that each had better do one kind of work, wake itself, and
 * do the next kind in the next pass? The instructions of one kind stay in the cache then. */
bool task_crowd(void);
/** Takes it out of the run queue. */
void task_cancel(struct task *t);

/* ---- timers ---- */

struct timer;
typedef void (*timer_fn)(struct timer *t);

/** One-shot, embedded in its owner. Millisecond precision; fires at or after its time, in order. */
struct timer {
    int64_t at_ms; /* when it fires, loop_now_ms() time */
    timer_fn fn;
    unsigned slot; /* heap position + 1; 0: not armed */
};

static inline bool
timer_armed(const struct timer *t)
{
    return t->slot != 0;
}
/** Arms or moves it. */
void timer_set(struct timer *t, int64_t at_ms, timer_fn fn);
void timer_cancel(struct timer *t);

/* ---- letters ---- */

struct letter;
typedef void (*letter_fn)(struct letter *l);

/** A message to another thread's loop. The sender owns it until posted, the receiver from delivery
 * on. */
struct letter {
    struct letter *next;
    letter_fn deliver;
};

/** Any thread may post to any loop. Delivered on that loop's thread, in order per sender. */
void loop_post(struct loop *to, struct letter *l);

/* ---- the loop ---- */

/** Creates the calling thread's loop. False when the kernel refuses. */
MUST_CHECK bool loop_open(unsigned tid);
void loop_close(void);
/** The calling thread's loop, NULL outside workers. */
struct loop *loop_self(void);
/** Index of the calling worker thread, 0 outside workers. */
unsigned loop_tid(void);
/** Runs turns until loop_stop(). */
void loop_run(void);
/** One turn; waits at most `wait_ms` (-1: until something happens). */
void loop_turn(int wait_ms);
/** Ends loop_run() of `l` (any thread). */
void loop_stop(struct loop *l);
/** Called at the end of each turn, before waiting: log flush, epochs. At most 8. */
void loop_on_turn_end(void (*fn)(void));
/** Turns run and share of time spent working since the last call, 0..100 (show info Idle_pct is 100
 * minus it). */
unsigned loop_busy_pct(struct loop *l);

/** What a loop did so far, for `show activity` and `show info`; any thread may ask. */
struct loop_stats {
    uint64_t turns, tasks, letters; /* turns run, tasks run, letters delivered */
    unsigned runq;                  /* tasks of the turn under way */
    unsigned timers;                /* timers armed */
};
void loop_stats_get(struct loop *l, struct loop_stats *out);

/** Monotonic milliseconds, read once per turn. Never 0. */
int64_t loop_now_ms(void);
/** Monotonic microseconds, read once per turn (request timers). */
int64_t loop_now_us(void);
/** Wall clock of this turn: microseconds since the epoch. */
int64_t loop_wall_us(void);
/** Reads the clocks again (after long work). */
void loop_clock_update(void);
/** Lets the clocks of the thread's loop jump ahead, for good: waits are over at once. Explain only.
 */
void loop_clock_skip(int64_t us);

#endif
