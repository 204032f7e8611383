/* alone.c - changes of what all threads read without locks: made while every worker thread stands
 * still.
 *
 * A letter goes to each thread; the last to come does the work while the others wait for it.
 * Letters are delivered between tasks, with no lock held, so nobody can be waiting for one of
 * those. Only one meeting is held at a time: two would wait for each other. A thread that ends
 * never comes; the others then give up. */
#include "runtime/command.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define PATIENCE_S   2
#define NEXT_TURN_MS 5

struct meeting {
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t over;
    unsigned came, left;
    enum { GATHERING, DONE, GIVEN_UP } state;
    /* not changed once it has begun */
    void (*fn)(void *arg);
    void (*done)(struct cli *c, void *arg, bool ran);
    void *arg;
    unsigned home;   /* thread of the connection */
    bool begun;      /* on that thread only */
    struct cli *cli; /* the same; NULL: gone */
    struct seat {
        struct letter letter;
        struct meeting *of;
    } seat[];
};

static atomic_flag busy = ATOMIC_FLAG_INIT;

static void
meeting_free(struct meeting *m)
{
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->over);
    free(m->arg);
    free(m);
}

static void
wait_for_the_last(struct meeting *m)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while (m->state == GATHERING)
        if (pthread_cond_timedwait(&m->over, &m->lock, &until) != 0 && m->state == GATHERING) {
            m->state = GIVEN_UP;
            pthread_cond_broadcast(&m->over);
        }
}

static void
on_seat(struct letter *l)
{
    struct meeting *m = container_of(l, struct seat, letter)->of;

    pthread_mutex_lock(&m->lock);
    if (++m->came == config->nthread && m->state == GATHERING) {
        m->fn(m->arg);
        m->state = DONE;
        pthread_cond_broadcast(&m->over);
    } else {
        wait_for_the_last(m);
    }
    bool ran = m->state == DONE;
    pthread_mutex_unlock(&m->lock);
    if (loop_tid() == m->home) {
        m->done(m->cli, m->arg, ran);
        if (m->cli)
            cli_finish(m->cli);
    }
    pthread_mutex_lock(&m->lock);
    bool last = ++m->left == config->nthread;
    pthread_mutex_unlock(&m->lock);
    if (last) {
        meeting_free(m);
        atomic_flag_clear(&busy);
    }
}

static void
cancel(struct cli *c)
{
    struct meeting *m = c->state;

    m->cli = NULL;
    if (m->begun)
        return;
    m->done(NULL, m->arg, false);
    meeting_free(m);
}

static void
begin(struct cli *c)
{
    struct meeting *m = c->state;

    if (atomic_flag_test_and_set(&busy)) {
        cli_timer(c, NEXT_TURN_MS, begin);
        return;
    }
    m->begun = true;
    for (unsigned i = 0; i < config->nthread; i++)
        loop_post(config->loops[i], &m->seat[i].letter);
}

enum cli_rc
cli_alone(struct cli *c, void (*fn)(void *arg), void *arg,
          void (*done)(struct cli *c, void *arg, bool ran))
{
    struct meeting *m = xcalloc(1, sizeof(*m) + config->nthread * sizeof(struct seat));

    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->over, NULL);
    m->fn = fn;
    m->done = done;
    m->arg = arg;
    m->home = loop_tid();
    m->cli = c;
    for (unsigned i = 0; i < config->nthread; i++)
        m->seat[i] = (struct seat){ { .deliver = on_seat }, m };
    c->state = m;
    c->cancel = cancel;
    begin(c);
    return CLI_WAIT;
}
