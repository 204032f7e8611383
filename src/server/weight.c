/* weight.c - user weights, effective weights, slow start.
 *
 * Effective weights are sixteenths of the user's: a server under slow start gets 1/16, then more
 * every second. */
#include "server/state_int.h"

#include "base/list.h"

#include <limits.h>
#include <stdlib.h>

#define SCALE          16
#define WARMUP_TICK_MS 1000

/** Servers in slow start. Their timer runs on thread 0. Lock order: warmup.lock, then lb locks. */
static struct {
    pthread_mutex_t lock;
    struct list servers; /* struct server.warm_link */
    struct loop *home;   /* NULL: not running */
    struct timer timer;
    struct letter letter;
    bool posted;
} warmup = { .lock = PTHREAD_MUTEX_INITIALIZER, .servers = LIST_INIT(warmup.servers) };

static bool
is_dynamic(const struct server *s)
{
    return server_lb.is_dynamic && server_lb.is_dynamic(s->px);
}

bool
server_warms_up(const struct server *s)
{
    return s->slowstart_ms > 0 && is_dynamic(s) && warmup.home;
}

/** Sixteenths of the weight that a warming server has earned. */
static unsigned
warm_share(const struct server *s)
{
    int64_t elapsed_ms = loop_now_ms() - s->warm_since_ms;

    if (elapsed_ms >= s->slowstart_ms)
        return SCALE;
    return (unsigned)MIN(SCALE, SCALE * elapsed_ms / s->slowstart_ms + 1);
}

void
server_compute_weight(struct server *s)
{
    unsigned share = atomic_load(&s->state) == SRV_STARTING ? warm_share(s) : SCALE;

    atomic_store(&s->eweight, atomic_load(&s->uweight) * share);
}

unsigned
server_shown_weight(const struct server *s)
{
    return (atomic_load_explicit(&s->eweight, memory_order_relaxed) + SCALE - 1) / SCALE;
}

unsigned
server_throttle_pct(const struct server *s)
{
    unsigned uweight = atomic_load(&s->uweight);

    if (atomic_load(&s->state) != SRV_STARTING || !uweight)
        return 100;
    return atomic_load(&s->eweight) * 100 / (uweight * SCALE);
}

static bool
want_same(struct server *s, unsigned arg, unsigned *state, unsigned *admin)
{
    (void)s, (void)arg, (void)state, (void)admin;
    return true;
}

void
server_update_weight(struct server *s)
{
    struct outcome o;

    if (server_change(s, want_same, 0, &o))
        server_after_change(s, &o);
}

/* ---- slow start ---- */

static bool
want_warm(struct server *s, unsigned arg, unsigned *state, unsigned *admin)
{
    (void)arg, (void)admin;
    if (*state != SRV_STARTING)
        return false;
    if (warm_share(s) == SCALE)
        *state = SRV_RUNNING;
    return true;
}

/** True while there is more to come. */
static bool
warm_one(struct server *s)
{
    struct outcome o;

    if (!server_change(s, want_warm, 0, &o))
        return false;
    if (atomic_load(&s->state) == SRV_RUNNING)
        server_say_up(s, NULL, &o);
    server_after_change(s, &o);
    return atomic_load(&s->state) == SRV_STARTING;
}

static void
on_tick(struct timer *t)
{
    struct list cooling;
    struct list *n;

    /* one at a time: a change may add to the list */
    list_init(&cooling);
    pthread_mutex_lock(&warmup.lock);
    while ((n = list_pop_front(&warmup.servers)))
        list_push_back(&cooling, n);
    pthread_mutex_unlock(&warmup.lock);
    for (;;) {
        struct server *s;

        pthread_mutex_lock(&warmup.lock);
        n = list_pop_front(&cooling);
        pthread_mutex_unlock(&warmup.lock);
        if (!n)
            break;
        s = container_of(n, struct server, warm_link);
        if (warm_one(s))
            server_warmup_add(s);
    }
    pthread_mutex_lock(&warmup.lock);
    if (!list_empty(&warmup.servers))
        timer_set(t, loop_now_ms() + WARMUP_TICK_MS, on_tick);
    pthread_mutex_unlock(&warmup.lock);
}

static void
on_letter(struct letter *l)
{
    (void)l;
    pthread_mutex_lock(&warmup.lock);
    warmup.posted = false;
    pthread_mutex_unlock(&warmup.lock);
    if (!timer_armed(&warmup.timer))
        timer_set(&warmup.timer, loop_now_ms() + WARMUP_TICK_MS, on_tick);
}

void
server_warmup_add(struct server *s)
{
    bool post = false;

    pthread_mutex_lock(&warmup.lock);
    if (!list_linked(&s->warm_link))
        list_push_back(&warmup.servers, &s->warm_link);
    if (warmup.home && !warmup.posted)
        post = warmup.posted = true;
    pthread_mutex_unlock(&warmup.lock);
    if (post)
        loop_post(warmup.home, &warmup.letter);
}

void
server_warmup_start(void)
{
    warmup.letter.deliver = on_letter;
    warmup.home = loop_self();
}

void
server_warmup_stop(void)
{
    struct list *n;

    timer_cancel(&warmup.timer);
    pthread_mutex_lock(&warmup.lock);
    while ((n = list_pop_front(&warmup.servers)))
        ;
    warmup.home = NULL;
    warmup.posted = false;
    pthread_mutex_unlock(&warmup.lock);
}

/* ---- set weight ---- */

/** Parses "N" or "N%" into a weight; NULL or an error text. */
static const char *
parse_weight(const struct server *s, const char *text, bool *relative, long *out)
{
    char *end;
    long w;

    if (!*text)
        return "Require <weight> or <weight%>.\n";
    w = strtol(text, &end, 10);
    if (end == text)
        return "Empty weight string empty or preceded by garbage";
    *relative = *end == '%';
    if (end[*relative ? 1 : 0] != '\0')
        return "Trailing garbage in weight string";
    if (*relative) {
        if (w < 0)
            return "Relative weight must be positive.\n";
        w = (long)MIN((long)s->uweight_cfg * MIN(w, INT_MAX) / 100, SRV_WEIGHT_MAX);
    } else if (w < 0 || w > SRV_WEIGHT_MAX) {
        return "Absolute weight can only be between 0 and 256 inclusive.\n";
    }
    *out = w;
    return NULL;
}

const char *
server_set_weight(struct server *s, const char *text)
{
    bool relative = false;
    long w = 0;
    const char *err = parse_weight(s, text, &relative, &w);

    if (err)
        return err;
    if (w != 0 && (unsigned)w != s->uweight_cfg && !is_dynamic(s))
        return "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n";
    atomic_store(&s->uweight, (unsigned)w);
    server_update_weight(s);
    return NULL;
}
