/* queue.c - streams that wait for a slot, by priority.
 *
 * One lock per backend covers its queue and those of its servers. A slot freed at a server goes to
 * the first one of the server's queue and the backend's. No wake-up is lost: who queues counts
 * itself first and looks for a slot second; who frees a slot does it first and looks at the count
 * second (both sequentially consistent).
 *
 * Streams live on other threads, may be freed any time by these, and a letter cannot be called
 * back. So grants are put into a mailbox of the waiting thread, and the letter only says that there
 * is mail.
 *
 * Lock order: lb_queue.lock, then pend_mail.lock. lb.lock is never taken inside. */
#include "balance/lb_int.h"

#include <stdlib.h>

struct lb_queue *(*queue_of)(struct proxy *px);

struct pend_mail {
    pthread_mutex_t lock;
    struct list granted; /* struct pendconn.link */
    struct loop *loop;
    struct letter letter;
    bool posted;
    struct pend_mail *to_post; /* of who set `posted`, until posted */
};

static _Thread_local struct pend_mail *my_mail;

#define PRIO_CLASS_MAX  2047
#define PRIO_OFFSET_MAX 524287

/* ---- pairing heap ---- */

static bool
comes_first(const struct pendconn *a, const struct pendconn *b)
{
    return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

/** Joins two trees; either may be NULL. */
static struct pendconn *
heap_join(struct pendconn *a, struct pendconn *b)
{
    struct pendconn *t;

    if (!a || !b)
        return a ? a : b;
    if (comes_first(b, a)) {
        t = a;
        a = b;
        b = t;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    a->next = a->prev = NULL;
    return a;
}

/** Joins a list of siblings into one tree: in pairs from the left, then from the right. */
static struct pendconn *
heap_join_all(struct pendconn *p)
{
    struct pendconn *pairs = NULL, *root = NULL;

    while (p) {
        struct pendconn *a = p, *b = p->next;

        p = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = heap_join(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct pendconn *a = pairs;

        pairs = a->next;
        a->next = NULL;
        root = heap_join(root, a);
    }
    return root;
}

static void
heap_push(struct pend_queue *q, struct pendconn *p)
{
    p->child = p->next = p->prev = NULL;
    q->root = heap_join(q->root, p);
}

static void
heap_remove(struct pend_queue *q, struct pendconn *p)
{
    struct pendconn *sub = heap_join_all(p->child);

    if (q->root == p) {
        q->root = sub;
    } else {
        if (p->prev->child == p)
            p->prev->child = p->next;
        else
            p->prev->next = p->next;
        if (p->next)
            p->next->prev = p->prev;
        q->root = heap_join(q->root, sub);
    }
    p->child = p->next = p->prev = NULL;
}

/* ---- mail ---- */

static void
mail_read(struct letter *l)
{
    struct pend_mail *m = container_of(l, struct pend_mail, letter);

    for (;;) {
        struct list *first;
        struct pendconn *p;

        pthread_mutex_lock(&m->lock);
        first = list_pop_front(&m->granted);
        if (!first)
            m->posted = false;
        pthread_mutex_unlock(&m->lock);
        if (!first)
            return;
        p = container_of(first, struct pendconn, link);
        atomic_store(&p->state, PEND_NONE);
        p->grant.deliver(&p->grant);
    }
}

static struct pend_mail *
mail_of_thread(void)
{
    struct pend_mail *m = my_mail;

    if (!m) {
        m = xcalloc(1, sizeof(*m));
        pthread_mutex_init(&m->lock, NULL);
        list_init(&m->granted);
        m->loop = loop_self();
        m->letter.deliver = mail_read;
        my_mail = m;
    }
    return m;
}

void
queue_thread_fini(void)
{
    if (!my_mail)
        return;
    pthread_mutex_destroy(&my_mail->lock);
    free(my_mail);
    my_mail = NULL;
}

/** Puts a granted pendconn into its thread's mail; adds mailboxes whose owner must be told to
 * *post. */
static void
mail_put(struct pendconn *p, struct pend_mail **post)
{
    struct pend_mail *m = p->mail;

    pthread_mutex_lock(&m->lock);
    list_push_back(&m->granted, &p->link);
    if (!m->posted) {
        m->posted = true;
        m->to_post = *post;
        *post = m;
    }
    pthread_mutex_unlock(&m->lock);
}

static void
mail_post(struct pend_mail *post)
{
    while (post) {
        struct pend_mail *m = post;

        post = m->to_post;
        loop_post(m->loop, &m->letter);
    }
}

/* ---- the queues; lock held ---- */

static _Atomic unsigned *
length_of(struct lb_queue *q, struct pendconn *p)
{
    return p->srv ? &p->srv->queued : &q->length;
}

static void
raise_max(_Atomic unsigned *max, unsigned n)
{
    unsigned old = atomic_load_explicit(max, memory_order_relaxed);

    while (n > old && !atomic_compare_exchange_weak(max, &old, n))
        ;
}

static void
enqueue(struct lb_queue *q, struct pendconn *p)
{
    unsigned n;

    heap_push(p->queue, p);
    n = atomic_fetch_add(length_of(q, p), 1) + 1;
    raise_max(p->srv ? &p->srv->queued_max : &q->length_max, n);
    atomic_fetch_add(&q->total, 1);
}

static void
dequeue(struct lb_queue *q, struct pendconn *p)
{
    heap_remove(p->queue, p);
    p->pos_in = p->queue->left - p->pos_at_entry;
    p->queue->left++;
    atomic_fetch_sub(length_of(q, p), 1);
    atomic_fetch_sub(&q->total, 1);
}

static void
grant(struct lb_queue *q, struct pendconn *p, struct server *s, struct pend_mail **post)
{
    dequeue(q, p);
    p->got = s;
    atomic_store(&p->state, PEND_GRANTED);
    mail_put(p, post);
}

/** Takes a slot if the server has one. */
static bool
take_slot(struct server *s)
{
    unsigned served = atomic_load(&s->served);

    do {
        unsigned max = server_dyn_maxconn(s);

        if (max && served >= max)
            return false;
    } while (!atomic_compare_exchange_weak(&s->served, &served, served + 1));
    return true;
}

/** Who is next at `s`: from its own queue, or the backend's if balancing may use the server. */
static struct pendconn *
next_for(struct lb_queue *q, struct server *s, bool balanced)
{
    struct pendconn *own = s->queue.root, *any = balanced ? q->any.root : NULL;

    if (!own || !any)
        return own ? own : any;
    return comes_first(own, any) ? own : any;
}

/* ---- public ---- */

unsigned
queue_grab(struct server *s)
{
    struct lb_queue *q = queue_of(s->px);
    struct pend_mail *post = NULL;
    struct pendconn *p;
    struct lb *lb;
    unsigned n = 0;
    bool balanced;

    if (likely(atomic_load(&q->total) == 0))
        return 0;
    if (!server_is_up(s) || (atomic_load(&s->admin) & SRVA_MAINT))
        return 0;
    lb = lb_of(s->px);
    balanced = lb_is_candidate(lb, s);
    pthread_mutex_lock(&q->lock);
    while ((p = next_for(q, s, balanced)) && take_slot(s)) {
        grant(q, p, s, &post);
        n++;
    }
    pthread_mutex_unlock(&q->lock);
    mail_post(post);
    if (n) {
        atomic_fetch_add_explicit(&lb->served, n, memory_order_relaxed);
        lb_account(lb, s);
    }
    return n;
}

void
queue_process(struct server *s)
{
    queue_grab(s);
}

/** Slots may have become free while the caller was making up its mind. */
static void
look_again(struct pendconn *p, struct server *s)
{
    struct lb *lb = lb_of(p->px);

    if (s) {
        queue_process(s);
        return;
    }
    for (unsigned i = 0; i < lb_nset(lb); i++) {
        unsigned max;

        s = lb_at(lb, i);
        max = server_dyn_maxconn(s);
        if (!max || atomic_load(&s->served) < max)
            queue_process(s);
    }
}

static int
clamp(int v, int max)
{
    return v > max ? max : v < -max ? -max : v;
}

bool
queue_add(struct pendconn *p)
{
    struct lb_queue *q = queue_of(p->px);
    struct server *s = p->srv;
    int class = clamp(p->prio_class, PRIO_CLASS_MAX);
    int offset = clamp(p->prio_offset, PRIO_OFFSET_MAX);

    if (s && s->maxqueue && atomic_load(&s->queued) >= s->maxqueue)
        return false;
    ASSERT(atomic_load(&p->state) == PEND_NONE);
    p->since_ms = loop_now_ms();
    p->loop = loop_self();
    p->mail = mail_of_thread();
    p->queue = s ? &s->queue : &q->any;
    p->got = NULL;
    list_init(&p->link);
    /* class first; inside a class by time, shifted by the offset */
    p->key = (uint64_t)(class + PRIO_CLASS_MAX + 1) << 50 |
             (uint64_t)(p->since_ms + offset + PRIO_OFFSET_MAX + 1);
    pthread_mutex_lock(&q->lock);
    p->seq = ++q->seq;
    p->pos_at_entry = p->queue->left;
    atomic_store(&p->state, PEND_WAITING);
    enqueue(q, p);
    pthread_mutex_unlock(&q->lock);
    if (s)
        lb_account(lb_of(p->px), s);
    look_again(p, s);
    return true;
}

bool
queue_leave(struct pendconn *p)
{
    struct lb_queue *q;
    bool granted = false;

    if (atomic_load(&p->state) == PEND_NONE)
        return false;
    q = queue_of(p->px);
    pthread_mutex_lock(&q->lock);
    if (atomic_load(&p->state) == PEND_WAITING) {
        dequeue(q, p);
    } else {
        granted = true;
        pthread_mutex_lock(&p->mail->lock);
        list_del(&p->link);
        pthread_mutex_unlock(&p->mail->lock);
    }
    atomic_store(&p->state, PEND_NONE);
    pthread_mutex_unlock(&q->lock);
    if (!granted && p->srv)
        lb_account(lb_of(p->px), p->srv);
    return granted;
}

unsigned
queue_redistribute(struct server *s)
{
    struct lb_queue *q = queue_of(s->px);
    struct pendconn *p, *kept = NULL;
    struct pend_mail *post = NULL;
    unsigned n = 0;

    if (!q->redispatch || atomic_load(&s->queued) == 0)
        return 0;
    pthread_mutex_lock(&q->lock);
    while ((p = s->queue.root)) {
        if (p->bound) {
            heap_remove(p->queue, p);
            p->next = kept;
            kept = p;
        } else {
            grant(q, p, NULL, &post);
            n++;
        }
    }
    while ((p = kept)) {
        kept = p->next;
        heap_push(p->queue, p);
    }
    pthread_mutex_unlock(&q->lock);
    mail_post(post);
    return n;
}

void
lb_queue_init(struct lb_queue *q)
{
    *q = (struct lb_queue){ .redispatch = q->redispatch };
    pthread_mutex_init(&q->lock, NULL);
}

void
lb_queue_fini(struct lb_queue *q)
{
    pthread_mutex_destroy(&q->lock);
}
