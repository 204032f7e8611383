/* sink.c - batches of log lines and how they leave: sendmmsg() for datagrams, one write() for
 * descriptors.
 *
 * A worker never waits: sockets are non-blocking, and what a slow reader does not take stays in the
 * thread's batch until that is full; then new lines are dropped and counted. Delivering one
 * datagram alone costs as much as formatting twenty lines, most of it for waking the reader, so a
 * line may wait a millisecond for company when there is much to say. Few lines leave at once: those
 * of connections that follow each other then keep their order, whichever thread had which.
 *
 * Invariant: a batch holds whole lines, contiguous, oldest first; only the first may be sent in
 * part (streams). */
#include "log/sink.h"
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/** Lines per sendmmsg(). More gains nothing measurable. */
#define BATCH_MAX 64
/** What a thread keeps for one sink while its reader is slow. */
#define PENDING_LINES 1024
#define PENDING_BYTES (256 * 1024)
/** How long a line waits for company, in a millisecond that has (or follows one that had) so many
 * lines. */
#define HOLD_MS    1
#define BUSY_LINES 8
/** Asked for; the kernel's limit (net.core.wmem_max) may allow less. */
#define SEND_BUFFER (1024 * 1024)
/** Between attempts to reach a socket that is not there. */
#define DOWN_MS 100

enum sink_kind {
    SINK_DGRAM,    /* a socket of our own per thread */
    SINK_FD_DGRAM, /* inherited datagram socket: one line per message */
    SINK_FD_SOCK,  /* inherited stream socket */
    SINK_FD,       /* pipe, terminal, file */
};

struct log_sink {
    struct log_sink *next;
    struct addr addr;
    unsigned index;
    enum sink_kind kind;
    unsigned batch_max; /* lines that are worth sending at once */
    size_t chunk_max;   /* bytes per write(): pipes take PIPE_BUF at once or nothing */
    int fd;             /* SINK_FD*: shared by all threads */
    bool fd_owned;      /* opened by us */
    /** Which thread writes to a shared stream, NULL: nobody. Kept while a line was sent in part, so
     * that lines of other threads do not get into it. */
    _Atomic(struct log_thread *) writer;
};

/** Lines of one thread for one sink. */
struct batch {
    struct log_sink *sink;
    int fd;           /* SINK_DGRAM: the thread's own socket, -1 when closed */
    unsigned head, n; /* lines head..n-1 are pending; line i ends at end[i] */
    unsigned fresh;   /* lines added since the last attempt */
    size_t sent;      /* where the pending bytes begin: the start of line `head`, or inside it */
    bool in_line;     /* the latter: a stream took only part of it */
    int64_t due_ms;   /* when to try (again) */
    int64_t down_ms;  /* no attempt to reach a missing socket before */
    int64_t span_ms;  /* the millisecond of the latest line */
    unsigned span_n;  /* lines in it */
    bool busy;        /* many in it, or in the one before */
    uint32_t end[PENDING_LINES];
    char buf[PENDING_BYTES];
};

struct log_thread {
    struct batch **batch; /* by sink index */
    unsigned nbatch;
    struct timer timer; /* wakes a loop that would sleep on pending lines */
    struct mmsghdr msg[BATCH_MAX];
    struct iovec iov[BATCH_MAX];
};

static struct log_sink *sinks, **sinks_last = &sinks;
static unsigned nsinks;
static _Atomic unsigned long dropped;
static _Thread_local struct log_thread *self;

unsigned long
log_sinks_dropped(void)
{
    return atomic_load_explicit(&dropped, memory_order_relaxed);
}

static void
drop(unsigned n)
{
    atomic_fetch_add_explicit(&dropped, n, memory_order_relaxed);
}

static int64_t
now_ms(void)
{
    struct timespec t;

    if (loop_self())
        return loop_now_ms();
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- sinks ---- */

/** Lines that are worth sending at once over a unix datagram socket: what the kernel lets wait in
 * its queue, 10 unless the administrator raised it. */
static unsigned
unix_batch_max(void)
{
    unsigned queue = 10;
    FILE *f = fopen("/proc/sys/net/unix/max_dgram_qlen", "re");

    if (f) {
        if (fscanf(f, "%u", &queue) != 1)
            queue = 10;
        fclose(f);
    }
    return MAX(1u, MIN(queue, (unsigned)BATCH_MAX));
}

struct log_sink *
log_sink_get(const struct addr *a)
{
    struct log_sink *s;

    for (s = sinks; s; s = s->next) {
        if (a->kind == ADDR_FD ? s->addr.kind == ADDR_FD && s->addr.fd == a->fd
                               : addr_eq(&s->addr, a, true))
            return s;
    }
    s = xcalloc(1, sizeof(*s));
    s->addr = *a;
    s->index = nsinks++;
    s->kind = a->kind == ADDR_FD ? SINK_FD : SINK_DGRAM;
    s->fd = a->kind == ADDR_FD ? a->fd : -1;
    s->batch_max = addr_is_unix(a) ? unix_batch_max() : BATCH_MAX;
    s->chunk_max = PIPE_BUF;
    *sinks_last = s;
    sinks_last = &s->next;
    return s;
}

/** Makes writes to a pipe or terminal non-blocking. A description of our own leaves alone the flags
 * of the one that was inherited, which is often shared with a shell. */
static void
sink_make_nonblocking(struct log_sink *s)
{
    char path[32];
    int fd, flags;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", s->addr.fd);
    fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) {
        s->fd = fd;
        s->fd_owned = true;
        return;
    }
    flags = fcntl(s->addr.fd, F_GETFL);
    if (flags >= 0)
        fcntl(s->addr.fd, F_SETFL, flags | O_NONBLOCK);
}

void
log_sinks_start(void)
{
    for (struct log_sink *s = sinks; s; s = s->next) {
        struct stat st;
        int type;
        socklen_t len = sizeof(type);

        if (s->addr.kind != ADDR_FD || s->fd_owned || fstat(s->fd, &st) != 0)
            continue;
        if (S_ISSOCK(st.st_mode)) {
            s->kind = SINK_FD_SOCK;
            s->chunk_max = SIZE_MAX;
            if (getsockopt(s->fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type != SOCK_STREAM)
                s->kind = SINK_FD_DGRAM;
        } else if (S_ISREG(st.st_mode)) {
            s->chunk_max = SIZE_MAX;
        } else {
            sink_make_nonblocking(s);
        }
    }
}

void
log_sinks_fini(void)
{
    while (sinks) {
        struct log_sink *s = sinks;

        sinks = s->next;
        if (s->fd_owned)
            close(s->fd);
        free(s);
    }
    sinks_last = &sinks;
    nsinks = 0;
}

/* ---- batches ---- */

static struct log_thread *
thread_get(void)
{
    if (likely(self))
        return self;
    self = calloc(1, sizeof(*self));
    if (self) {
        for (unsigned i = 0; i < BATCH_MAX; i++) {
            self->msg[i].msg_hdr.msg_iov = &self->iov[i];
            self->msg[i].msg_hdr.msg_iovlen = 1;
        }
    }
    return self;
}

/** The thread's batch for `s`, made on first use. NULL: out of memory. */
static struct batch *
batch_get(struct log_sink *s)
{
    struct log_thread *t = thread_get();
    struct batch *b;

    if (unlikely(!t))
        return NULL;
    if (likely(s->index < t->nbatch && t->batch[s->index]))
        return t->batch[s->index];
    if (s->index >= t->nbatch) {
        struct batch **bigger = realloc(t->batch, nsinks * sizeof(*bigger));

        if (!bigger)
            return NULL;
        memset(bigger + t->nbatch, 0, (nsinks - t->nbatch) * sizeof(*bigger));
        t->batch = bigger;
        t->nbatch = nsinks;
    }
    b = malloc(sizeof(*b)); /* not cleared: pages of the buffer come when they are needed */
    if (!b)
        return NULL;
    b->sink = s;
    b->fd = -1;
    b->head = b->n = b->fresh = 0;
    b->sent = 0;
    b->in_line = false;
    b->due_ms = b->down_ms = b->span_ms = 0;
    b->span_n = 0;
    b->busy = false;
    t->batch[s->index] = b;
    return b;
}

static bool
batch_pending(const struct batch *b)
{
    return b->head < b->n;
}

static size_t
line_start(const struct batch *b, unsigned i)
{
    return i == b->head ? b->sent : b->end[i - 1];
}

/** Forgets the first `lines` pending lines, whether they were sent or not. */
static void
batch_advance(struct batch *b, unsigned lines)
{
    b->head += lines;
    if (b->head == b->n) {
        b->head = b->n = 0;
        b->sent = 0;
    } else if (lines) {
        b->sent = b->end[b->head - 1];
    }
}

/** Moves pending lines to the front, when the reader was slow and the room behind them ran out. */
static void
batch_compact(struct batch *b)
{
    size_t from = b->sent;

    if (!batch_pending(b) || b->head == 0)
        return;
    memmove(b->buf, b->buf + from, b->end[b->n - 1] - from);
    for (unsigned i = b->head; i < b->n; i++)
        b->end[i - b->head] = (uint32_t)(b->end[i] - from);
    b->n -= b->head;
    b->head = 0;
    b->sent = 0;
}

/* ---- sending ---- */

static void
sink_close(struct batch *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

/** Opens the thread's socket. After a failure it is left alone for a while. */
static bool
sink_open(struct batch *b, int64_t now)
{
    const struct addr *a = &b->sink->addr;
    int room = SEND_BUFFER;

    b->due_ms = b->down_ms = now + DOWN_MS;
    b->fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (b->fd < 0)
        return false;
    setsockopt(b->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    shutdown(b->fd, SHUT_RD);
    /* Looking up a path for each line costs more than delivering it. UDP sockets stay unconnected:
     * they gain little, and a connected one would report every port that is closed for a while. */
    if (addr_is_unix(a) && connect(b->fd, &a->sa, a->len) != 0) {
        sink_close(b);
        return false;
    }
    b->down_ms = 0;
    return true;
}

/** Decides what an error of sendmmsg() means for the first pending line. *reopened: the socket was
 * opened anew in this flush, which is done once. Returns false to stop for now. */
static bool
dgram_failed(struct batch *b, int err, bool *reopened, int64_t now)
{
    switch (err) {
    case EINTR:
        return true;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
        b->due_ms = now;
        return false;
    case ECONNREFUSED:
    case ENOENT:
    case ENOTCONN:
    case ECONNRESET:
    case EPIPE:
        if (b->sink->kind == SINK_DGRAM && addr_is_unix(&b->sink->addr)) {
            sink_close(b); /* the reader went away; perhaps a new one is there already */
            if (!*reopened) {
                *reopened = true;
                return sink_open(b, now);
            }
            b->due_ms = b->down_ms = now + DOWN_MS;
            return false;
        }
        break;
    default:
        break;
    }
    drop(1);
    batch_advance(b, 1);
    return true;
}

/** Describes the first pending lines to sendmmsg(); returns how many. */
static unsigned
dgram_messages(struct log_thread *t, struct batch *b)
{
    struct log_sink *s = b->sink;
    bool to = s->kind == SINK_DGRAM && !addr_is_unix(&s->addr);
    unsigned n = MIN(b->n - b->head, (unsigned)BATCH_MAX);

    for (unsigned i = 0; i < n; i++) {
        size_t at = line_start(b, b->head + i);

        t->iov[i] = (struct iovec){ b->buf + at, b->end[b->head + i] - at };
        t->msg[i].msg_hdr.msg_name = to ? &s->addr.sa : NULL;
        t->msg[i].msg_hdr.msg_namelen = to ? s->addr.len : 0;
    }
    return n;
}

static void
flush_dgram(struct log_thread *t, struct batch *b, int64_t now)
{
    bool own = b->sink->kind == SINK_DGRAM, reopened = false;

    if (own && b->fd < 0 && (now < b->down_ms || !sink_open(b, now)))
        return;
    while (batch_pending(b)) {
        unsigned n = dgram_messages(t, b);
        int sent = sendmmsg(own ? b->fd : b->sink->fd, t->msg, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0) {
            if (!dgram_failed(b, errno, &reopened, now))
                return;
            continue;
        }
        batch_advance(b, (unsigned)sent);
        if ((unsigned)sent < n) {
            b->due_ms =
                now; /* the queue is full or the next line has a problem: the next turn will see */
            return;
        }
    }
}

/** Whole lines from the first pending one, as many as one write may carry. */
static size_t
stream_chunk(const struct batch *b)
{
    unsigned i = b->head;

    if (b->sink->chunk_max == SIZE_MAX)
        return b->end[b->n - 1] - b->sent;
    while (i + 1 < b->n && b->end[i + 1] - b->sent <= b->sink->chunk_max)
        i++;
    return b->end[i] - b->sent;
}

static void
stream_advance(struct batch *b, size_t len)
{
    size_t to = b->sent + len;
    unsigned i = b->head;

    while (i < b->n && b->end[i] <= to)
        i++;
    batch_advance(b, i - b->head);
    b->in_line = batch_pending(b) && b->sent != to;
    if (b->in_line)
        b->sent = to;
}

static void
flush_stream(struct log_thread *t, struct batch *b, int64_t now)
{
    struct log_sink *s = b->sink;
    struct log_thread *nobody = NULL;

    /* Another thread is writing, or has to end a line first: next turn. */
    if (!atomic_compare_exchange_strong(&s->writer, &nobody, t) && nobody != t) {
        b->due_ms = now;
        return;
    }
    while (batch_pending(b)) {
        const char *p = b->buf + b->sent;
        size_t len = stream_chunk(b);
        ssize_t n = s->kind == SINK_FD_SOCK ? send(s->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                                            : write(s->fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            b->due_ms = now;
            break;
        }
        if (n < 0) { /* nobody reads any more, disk full, closed: nothing that would heal within the
                        batch */
            drop(b->n - b->head);
            batch_advance(b, b->n - b->head);
            b->in_line = false;
            break;
        }
        stream_advance(b, (size_t)n);
    }
    if (!b->in_line)
        atomic_store(&s->writer, NULL);
}

static void
batch_flush(struct log_thread *t, struct batch *b, int64_t now)
{
    b->fresh = 0;
    if (b->sink->kind == SINK_DGRAM || b->sink->kind == SINK_FD_DGRAM)
        flush_dgram(t, b, now);
    else
        flush_stream(t, b, now);
}

/* ---- for writers of lines ---- */

static bool
batch_has_room(const struct batch *b, size_t max)
{
    return b->n < PENDING_LINES && (b->n ? b->end[b->n - 1] : 0) + max <= PENDING_BYTES;
}

char *
log_sink_reserve(struct log_sink *s, size_t max)
{
    struct batch *b = batch_get(s);

    if (unlikely(!b)) {
        drop(1);
        return NULL;
    }
    if (unlikely(!batch_has_room(b, max))) {
        int64_t now = now_ms();

        if (now >= b->due_ms)
            batch_flush(self, b, now);
        if (!batch_has_room(b, max))
            batch_compact(b);
        if (!batch_has_room(b, max)) {
            drop(1);
            return NULL;
        }
    }
    return b->buf + (b->n ? b->end[b->n - 1] : 0);
}

static void
note_line(struct batch *b, int64_t now)
{
    if (now != b->span_ms) {
        b->busy = b->span_n >= BUSY_LINES && now - b->span_ms <= HOLD_MS;
        b->span_ms = now;
        b->span_n = 0;
    }
    if (++b->span_n >= BUSY_LINES)
        b->busy = true;
}

void
log_sink_commit(struct log_sink *s, size_t len)
{
    struct batch *b = self->batch[s->index];
    int64_t now = now_ms();

    note_line(b, now);
    if (!batch_pending(b))
        b->due_ms = b->busy ? now + HOLD_MS : now;
    b->end[b->n] = (uint32_t)((b->n ? b->end[b->n - 1] : 0) + len);
    b->n++;
    if (++b->fresh >= s->batch_max || (!b->busy && now >= b->due_ms))
        batch_flush(self, b, now);
}

void
log_sinks_flush(void)
{
    if (!self)
        return;
    for (unsigned i = 0; i < self->nbatch; i++) {
        if (self->batch[i] && batch_pending(self->batch[i]))
            batch_flush(self, self->batch[i], now_ms());
    }
}

/* ---- worker threads ---- */

static void
on_timer(struct timer *t)
{
    /* its purpose was to wake the loop; on_turn_end() does the work */
}

static void
on_turn_end(void)
{
    struct log_thread *t = self;
    int64_t now, wake = INT64_MAX;

    if (!t)
        return;
    now = loop_now_ms();
    for (unsigned i = 0; i < t->nbatch; i++) {
        struct batch *b = t->batch[i];

        if (!b || !batch_pending(b))
            continue;
        if (now >= b->due_ms)
            batch_flush(t, b, now);
        if (batch_pending(b))
            wake = MIN(wake, MAX(b->due_ms, now + HOLD_MS));
    }
    if (wake == INT64_MAX)
        return; /* an armed timer may fire for nothing, once: cheaper than moving it for every batch
                 */
    if (!timer_armed(&t->timer) || t->timer.at_ms > wake)
        timer_set(&t->timer, wake, on_timer);
}

void
log_sinks_thread_start(void)
{
    struct log_thread *t = thread_get();

    for (struct log_sink *s = sinks; s && t; s = s->next)
        batch_get(s);
    loop_on_turn_end(on_turn_end);
}

void
log_sinks_thread_stop(void)
{
    struct log_thread *t = self;

    if (!t)
        return;
    log_sinks_flush();
    for (unsigned i = 0; i < t->nbatch; i++) {
        struct batch *b = t->batch[i];
        struct log_thread *me = t;

        if (!b)
            continue;
        drop(b->n - b->head);
        atomic_compare_exchange_strong(&b->sink->writer, &me, NULL);
        sink_close(b);
        free(b);
    }
    if (timer_armed(&t->timer))
        timer_cancel(&t->timer);
    free(t->batch);
    free(t);
    self = NULL;
}
