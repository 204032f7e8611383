/* layer.c - TLS as a layer of connections.
 *
 * Ciphertext passes through buffers of the thread, so an idle connection owns nothing but the
 * library's object:
 * - reading takes as much from the socket as there is, in one call, and hands the library what it
 * asks for;
 * - records made by one call leave in one system call. What the socket does not take is kept with
 * the connection, and the last few bytes of plaintext in it count as sent only once it is gone: the
 * caller comes back with them, so nobody has to remember flushing. While it goes, one of these
 * bytes is reported at a time, which is the caller's progress. The thread has one BIO for all its
 * connections: it works for the one that entered last. Invariant: `owner` is the connection whose
 * unread ciphertext is in the thread's buffer. */
#include "base/slab.h"
#include "net/conn_code.h"
#include "net/sys.h"
#include "tls/early.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <time.h>

#define IN_SIZE      (64u * 1024)
#define RECORD_MAX   16384u
#define BATCH_PLAIN  (64u * 1024)      /* plaintext of one system call at most */
#define RECORD_SMALL 4229u             /* with its framing three segments */
#define BURST_SMALL  (14u * 1024)      /* sent in small records after a pause: the first window */
#define OUT_SIZE     (2 * BATCH_PLAIN) /* and framing, however small the records */
#define HELD_MAX     32u
#define IDLE_MS      1000
/* Handshake steps of one turn of the loop: as many as fit into the time, by what they cost lately;
 * others wait for the next turn. */
#define STEPS_MAX 8u
#define TURN_US   2000u

struct tls_thread {
    BIO *bio;
    struct slab conns;
    struct tls_conn *cur, *owner;
    char *in; /* IN_SIZE bytes */
    uint32_t in_at, in_len;
    bool drained; /* the socket gave less than there was room for */
    bool last; /* the record being made is the last of its batch: it may be sent from where it is */
    char *out; /* OUT_SIZE bytes: records of the current call */
    uint32_t out_len;
    char *gather;        /* RECORD_MAX bytes: a record from several pieces */
    struct list waiting; /* struct tls_conn.wait */
    struct task turn;
    int64_t turn_us; /* when `steps` was counted */
    unsigned steps;
    unsigned cost_us; /* of a step: sliding average */
};

static _Thread_local struct tls_thread *thread;
static BIO_METHOD *method;
static _Atomic unsigned nconns; /* of the process */

/* ---- counters ---- */

void (*tls_handshake_over)(struct conn *c, unsigned outcome);

unsigned
tls_conn_count(void)
{
    return atomic_load_explicit(&nconns, memory_order_relaxed);
}

/* ---- the BIO: between the library and the socket ---- */

/* Reads from the socket into the empty buffer. False when there is nothing now, or nothing any
 * more. */
static bool
refill(struct tls_thread *th, bool *end)
{
    struct conn *c = th->cur->conn;

    *end = false;
    if (th->drained || !(c->flags & CONN_RD_READY)) {
        c->flags &= ~(unsigned)CONN_RD_READY;
        return false;
    }
    ssize_t n = sys_recv(c->io.fd, th->in, IN_SIZE, 0);
    if (n > 0) {
        th->in_at = 0;
        th->in_len = (uint32_t)n;
        /* The announced end must still be read. */
        th->drained = (size_t)n < IN_SIZE && !(c->flags & CONN_HUP);
        th->cur->flags |= TLSC_STARTED;
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (errno == EAGAIN)
            c->flags &= ~(unsigned)CONN_RD_READY;
        return false;
    }
    c->flags &= ~(unsigned)CONN_RD_READY;
    if (n < 0) {
        c->err = errno;
        th->cur->lib_err = 0;
    }
    *end = true;
    return false;
}

static int
bio_read(BIO *b, char *to, int len)
{
    struct tls_thread *th = thread;
    bool end = false;

    BIO_clear_retry_flags(b);
    if (th->in_at == th->in_len && !refill(th, &end)) {
        if (!end)
            BIO_set_retry_read(b);
        return end ? 0 : -1;
    }
    uint32_t n = MIN((uint32_t)len, th->in_len - th->in_at);
    memcpy(to, th->in + th->in_at, n);
    th->in_at += n;
    return (int)n;
}

static bool send_out(struct tls_thread *th, const char *last, uint32_t last_len, bool more);

static int
bio_write(BIO *b, const char *from, int len)
{
    struct tls_thread *th = thread;

    BIO_clear_retry_flags(b);
    if (th->last || th->out_len + (uint32_t)len > OUT_SIZE) {
        /* A broken socket is noticed by the caller: the library does not need to know. */
        send_out(th, from, (uint32_t)len, false);
        return len;
    }
    memcpy(th->out + th->out_len, from, (size_t)len);
    th->out_len += (uint32_t)len;
    return len;
}

static long
bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
    switch (cmd) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_PUSH:
    case BIO_CTRL_POP:
        return 1;
    default:
        return 0;
    }
}

static struct tls_thread *
thread_make(void)
{
    struct tls_thread *th = xcalloc(1, sizeof(*th));

    if (!method) {
        /* Two threads may come here at once: one of the two methods stays unused. */
        BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
        ASSERT(m);
        BIO_meth_set_read(m, bio_read);
        BIO_meth_set_write(m, bio_write);
        BIO_meth_set_ctrl(m, bio_ctrl);
        method = m;
    }
    th->bio = BIO_new(method);
    ASSERT(th->bio);
    BIO_set_init(th->bio, 1);
    th->in = xmalloc(IN_SIZE);
    th->out = xmalloc(OUT_SIZE);
    th->gather = xmalloc(RECORD_MAX);
    list_init(&th->waiting);
    slab_init(&th->conns, "tls", sizeof(struct tls_conn), 0);
    return th;
}

static inline struct tls_thread *
thread_get(void)
{
    if (unlikely(!thread))
        thread = thread_make();
    return thread;
}

void
tls_thread_fini(void)
{
    struct tls_thread *th = thread;

    client_sessions_thread_fini();
    if (!th)
        return;
    if (th->turn.run)
        task_cancel(&th->turn);
    slab_fini(&th->conns);
    BIO_free(th->bio);
    free(th->in);
    free(th->out);
    free(th->gather);
    free(th);
    thread = NULL;
}

/* ---- entering and leaving ---- */

static void
broken(struct tls_conn *t, int err)
{
    struct conn *c = t->conn;

    c->flags |= CONN_ERR;
    c->flags &= ~(unsigned)(CONN_RD_READY | CONN_WR_READY);
    if (!c->err)
        c->err = err;
}

/* The previous connection's unread ciphertext moves out of the thread's buffer. */
static void
spill(struct tls_thread *th)
{
    struct tls_conn *t = th->owner;
    uint32_t left = th->in_len - th->in_at;

    th->owner = NULL;
    if (!left || !t)
        return;
    if (!(t->in = malloc(left))) {
        broken(t, ENOMEM);
        return;
    }
    memcpy(t->in, th->in + th->in_at, left);
    t->in_len = left;
}

static struct tls_thread *
enter(struct tls_conn *t)
{
    struct tls_thread *th = thread_get();

    th->cur = t;
    th->drained = th->last = false;
    th->out_len = 0;
    if (likely(th->owner == t))
        return th;
    spill(th);
    th->in_at = th->in_len = 0;
    th->owner = t;
    if (t->in) {
        memcpy(th->in, t->in, t->in_len);
        th->in_len = t->in_len;
        free(t->in);
        t->in = NULL;
    }
    return th;
}

static inline bool
has_input(const struct tls_thread *th)
{
    return th->in_at < th->in_len;
}

/* ---- sending ciphertext ---- */

/* What the socket did not take of the pieces is kept with the connection. */
static void
keep_rest(struct tls_conn *t, const struct iovec *iov, unsigned n, size_t sent)
{
    size_t total = 0;

    for (unsigned i = 0; i < n; i++)
        total += iov[i].iov_len;
    struct tls_out *o = malloc(sizeof(*o) + total - sent);
    if (!o) {
        broken(t, ENOMEM);
        return;
    }
    *o = (struct tls_out){ 0, (uint32_t)(total - sent) };
    char *to = o->data;
    for (unsigned i = 0; i < n; i++) {
        size_t part = iov[i].iov_len, past = MIN(sent, part);
        sent -= past;
        memcpy(to, (char *)iov[i].iov_base + past, part - past);
        to += part - past;
    }
    free(t->out);
    t->out = o;
}

/* Sends what is kept, then the batch, then `last`. True when all of it went out. */
static bool
send_out(struct tls_thread *th, const char *last, uint32_t last_len, bool more)
{
    struct tls_conn *t = th->cur;
    struct conn *c = t->conn;
    struct iovec iov[3];
    unsigned n = 0;
    size_t total = 0;
    ssize_t sent = 0;

    if (c->flags & CONN_ERR)
        return false;
    if (t->out)
        iov[n++] = (struct iovec){ t->out->data + t->out->at, t->out->len - t->out->at };
    if (th->out_len)
        iov[n++] = (struct iovec){ th->out, th->out_len };
    if (last_len)
        iov[n++] = (struct iovec){ (char *)last, last_len };
    for (unsigned i = 0; i < n; i++)
        total += iov[i].iov_len;
    th->out_len = 0;
    if (c->flags & CONN_WR_READY)
        sent = sys_sendv(c->io.fd, iov, n, more ? MSG_MORE : 0);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        broken(t, errno);
        return false;
    }
    sent = MAX(sent, 0);
    if ((size_t)sent == total) {
        free(t->out);
        t->out = NULL;
        return true;
    }
    c->flags &= ~(unsigned)CONN_WR_READY;
    if (n == 1 && t->out)
        t->out->at += (uint32_t)sent; /* nothing new: it stays where it is */
    else
        keep_rest(t, iov, n, (size_t)sent);
    return false;
}

/* ---- errors ---- */

static void
note_failure(struct tls_conn *t, enum conn_code code)
{
    if (!t->conn->code)
        t->conn->code = (uint8_t)code;
    if (!t->lib_err)
        t->lib_err = ERR_peek_error();
    ERR_clear_error();
}

/* ---- the handshake ---- */

/* The loop's clock stands still during a turn. */
static int64_t
clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static unsigned
steps_allowed(const struct tls_thread *th)
{
    return th->cost_us * STEPS_MAX <= TURN_US ? STEPS_MAX : MAX(TURN_US / th->cost_us, 1u);
}

static void
note_cost(struct tls_thread *th, int64_t us)
{
    unsigned cost = (unsigned)MAX(MIN(us, 1000000), 0);

    th->cost_us += (cost >> 3) - (th->cost_us >> 3);
}

static void
on_turn(struct task *task)
{
    struct tls_thread *th = thread;
    struct list *n;

    th->steps = 0;
    th->turn_us = loop_now_us();
    for (unsigned i = steps_allowed(th); i && (n = list_pop_front(&th->waiting)); i--) {
        struct tls_conn *t = container_of(n, struct tls_conn, wait);
        t->flags = (uint16_t)((t->flags & ~TLSC_QUEUED) | TLSC_GRANTED);
        if (t->conn->on_event)
            t->conn->on_event(t->conn);
    }
    if (!list_empty(&th->waiting))
        task_wake(task);
}

/* Asymmetric cryptography takes up to a millisecond: a flood of handshakes must not hold up
 * everybody else's bytes. */
static bool
may_step(struct tls_thread *th, struct tls_conn *t)
{
    int64_t now = loop_now_us();

    if (th->turn_us != now) {
        th->turn_us = now;
        th->steps = 0;
    }
    if (t->flags & TLSC_GRANTED) {
        t->flags &= (uint16_t)~TLSC_GRANTED;
        th->steps++;
        return true;
    }
    if (t->flags & TLSC_QUEUED)
        return false;
    if (th->steps < steps_allowed(th) && list_empty(&th->waiting)) {
        th->steps++;
        return true;
    }
    if (!th->turn.run)
        task_init(&th->turn, on_turn);
    t->flags |= TLSC_QUEUED;
    list_push_back(&th->waiting, &t->wait);
    task_wake(&th->turn);
    return false;
}

static void
tell_end(struct tls_conn *t, unsigned outcome)
{
    if (t->flags & TLSC_STAPLED)
        outcome |= TLS_STAPLED;
    if (t->flags & TLSC_NOT_STAPLED)
        outcome |= TLS_NOT_STAPLED;
    if (tls_handshake_over)
        tls_handshake_over(t->conn, outcome);
}

static void
handshake_done(struct tls_thread *th, struct tls_conn *t)
{
    struct conn *c = t->conn;
    bool resumed = SSL_session_reused(t->ssl);

    c->flags &= ~(unsigned)(CONN_HANDSHAKE | CONN_EARLY);
    if (t->flags & TLSC_EARLY_BLOCKED)
        c->flags |= CONN_WR_READY;
    t->flags &= (uint16_t)~TLSC_EARLY_BLOCKED;
    t->flags |= TLSC_UP | (resumed ? TLSC_RESUMED : 0);
    if (resumed && t->flags & TLSC_SERVER)
        server_count_resumed();
    tell_end(t, TLS_DONE | (resumed ? TLS_RESUMED : 0));
    if (has_input(th) || t->early)
        c->flags |= CONN_RD_READY; /* data came with the last message */
    else if (th->drained)
        c->flags &= ~(unsigned)CONN_RD_READY;
    if (early_was_refused(t)) {
        note_failure(t, CONN_CODE_SSL_EARLY_FAILED);
        broken(t, ECONNABORTED);
    }
}

static void
handshake_failed(struct tls_conn *t, int rc)
{
    struct conn *c = t->conn;
    int e = SSL_get_error(t->ssl, rc);
    bool silent = SSL_get_state(t->ssl) == TLS_ST_BEFORE || !(t->flags & TLSC_STARTED);

    if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
        if (c->flags & CONN_ERR)
            note_failure(t, CONN_CODE_SSL_HANDSHAKE);
        return;
    }
    bool gone = e == SSL_ERROR_SYSCALL || e == SSL_ERROR_ZERO_RETURN || ERR_peek_error() == 0;
    note_failure(t, gone && silent && !c->err ? CONN_CODE_SSL_EMPTY : CONN_CODE_SSL_HANDSHAKE);
    tell_end(t, TLS_FAILED);
    SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    broken(t, gone ? ECONNRESET : EPROTO);
}

/* Whether there is anything that a step could use. */
static bool
can_step(const struct tls_conn *t)
{
    const struct conn *c = t->conn;

    return t->flags & (TLSC_GRANTED | TLSC_FINISHING) || c->flags & CONN_RD_READY || t->in ||
           (t->out && c->flags & CONN_WR_READY) ||
           (!(t->flags & TLSC_SERVER) && SSL_get_state(t->ssl) == TLS_ST_BEFORE);
}

/* Data passes already: the rest of the handshake is cheap. */
static void
early_progress(struct tls_thread *th, struct tls_conn *t, int rc)
{
    struct conn *c = t->conn;

    if (rc == 1)
        handshake_done(th, t);
    else if (rc != EARLY_BEGINS)
        handshake_failed(t, rc);
    if (th->out_len)
        send_out(th, NULL, 0, false);
    if (rc == 1 && c->on_event)
        c->on_event(c); /* what waited for it goes on */
}

/* A client that went away while its hello waited for its turn is not worth the cryptography (option
 * abortonclose). */
static bool
has_left(const struct tls_conn *t)
{
    return t->flags & TLSC_SERVER && t->flags & TLSC_GRANTED && t->conn->flags & CONN_HUP &&
           SSL_get_state(t->ssl) == TLS_ST_BEFORE &&
           !(server_options(t->server)->flags & TLSF_HALF_CLOSED);
}

static void
layer_handshake(struct conn *c)
{
    struct tls_conn *t = c->layer_ctx;

    if (c->flags & CONN_EARLY) {
        if (!can_step(t))
            return;
        struct tls_thread *th = enter(t);
        if (ERR_peek_error())
            ERR_clear_error();
        early_progress(th, t, early_accept(t, true));
        return;
    }
    bool left = has_left(t);
    if (!can_step(t) || !may_step(thread_get(), t))
        return;
    struct tls_thread *th = enter(t);
    if (ERR_peek_error())
        ERR_clear_error();
    if (left) {
        note_failure(t, CONN_CODE_SSL_EMPTY);
        tell_end(t, TLS_FAILED);
        broken(t, ECONNRESET);
        return;
    }
    int64_t begun = clock_us();
    int rc = t->flags & TLSC_EARLY_READ ? early_accept(t, false) : SSL_do_handshake(t->ssl);
    note_cost(th, clock_us() - begun);
    unsigned failed = 0;
    if (rc == EARLY_BEGINS) {
        c->flags = (c->flags & ~(unsigned)CONN_HANDSHAKE) | CONN_EARLY | CONN_RD_READY;
    } else if (rc != 1) {
        handshake_failed(t, rc);
        failed = c->flags & CONN_ERR;
    }
    /* The tickets of TLS 1.3 need no packet of their own: they leave before the first response; a
     * client's last message leaves with the request. */
    if (rc == 1 && th->out_len && !t->out && t->flags & (TLSC_SERVER | TLSC_JOIN) &&
        SSL_version(t->ssl) == TLS1_3_VERSION) {
        struct iovec iov = { th->out, th->out_len };
        keep_rest(t, &iov, 1, 0);
        th->out_len = 0;
    } else if (th->out_len || (t->out && !(t->flags & TLSC_UP))) {
        if (failed) { /* the alert that tells why */
            c->flags &= ~(unsigned)CONN_ERR;
            c->flags |= CONN_WR_READY;
        }
        bool sent = send_out(th, NULL, 0, false);
        c->flags |= failed;
        if (rc == 1 && !sent) {
            t->flags |= TLSC_FINISHING;
            return;
        }
    }
    if (rc == 1)
        handshake_done(th, t);
}

/* ---- reading ---- */

/* After the handshake only TLS 1.3's key updates begin another run of the state machine; each costs
 * both sides. */
void
layer_on_info(const SSL *ssl, int where, int ret)
{
    struct tls_conn *t = where & SSL_CB_HANDSHAKE_START ? tls_conn_of(ssl) : NULL;

    if (!t || !(t->flags & TLSC_UP) || !tls_tune.key_updates_per_s)
        return;
    if (loop_now_ms() - t->update_ms >= 1000) {
        t->update_ms = loop_now_ms();
        t->updates = 0;
    }
    if (++t->updates > tls_tune.key_updates_per_s)
        t->flags |= TLSC_FLOOD;
}

static void
read_failed(struct tls_conn *t, int rc)
{
    struct conn *c = t->conn;
    int e = SSL_get_error(t->ssl, rc);

    if (c->err) { /* of the socket: the library takes it for an end */
        broken(t, c->err);
    } else if (e == SSL_ERROR_ZERO_RETURN || e == SSL_ERROR_SYSCALL) {
        c->flags |= CONN_EOF;
        c->flags &= ~(unsigned)CONN_RD_READY;
    } else if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE) {
        note_failure(t, CONN_CODE_SSL_FATAL);
        broken(t, EPROTO);
    }
    if (ERR_peek_error())
        ERR_clear_error();
}

/* Early data, or what of it was kept until the handshake was over. */
static void
early_recv(struct tls_thread *th, struct tls_conn *t, char *to, size_t len, size_t *got)
{
    struct conn *c = t->conn;

    if (!(c->flags & CONN_EARLY)) {
        *got = early_take(t, to, len);
        return;
    }
    int rc = early_read(t, to, len, got);
    if (rc <= 0 && *got) {
        ERR_clear_error(); /* told by the next call */
        if (th->out_len)
            send_out(th, NULL, 0, false);
        return;
    }
    early_progress(th, t, rc);
}

static ssize_t
layer_recv(struct conn *c, void *buf, size_t len)
{
    struct tls_conn *t = c->layer_ctx;
    struct tls_thread *th = enter(t);
    size_t got = 0;

    if (ERR_peek_error())
        ERR_clear_error();
    if (unlikely(c->flags & CONN_EARLY || t->early)) {
        early_recv(th, t, buf, len, &got);
        if (c->flags & CONN_EARLY)
            return (ssize_t)got;
    }
    while (got < len) {
        int n = SSL_read(t->ssl, (char *)buf + got, (int)MIN(len - got, (size_t)INT32_MAX));
        if (n <= 0) {
            if (!got)
                read_failed(t, n);
            else if (ERR_peek_error())
                ERR_clear_error(); /* told by the next call */
            break;
        }
        got += (size_t)n;
        if (!has_input(th) && th->drained && !SSL_has_pending(t->ssl)) {
            c->flags &= ~(unsigned)CONN_RD_READY;
            break;
        }
    }
    if (unlikely(t->flags & TLSC_FLOOD)) {
        note_failure(t, CONN_CODE_SSL_FATAL);
        broken(t, EPROTO);
    }
    if (th->out_len) /* answers of the protocol itself */
        send_out(th, NULL, 0, false);
    return (ssize_t)got;
}

/* ---- writing ---- */

/* Sends what is kept from before. Returns the plaintext that counts as sent by that; *clear:
 * nothing is kept any more. */
static uint32_t
send_kept(struct tls_thread *th, struct tls_conn *t, bool *clear)
{
    uint32_t n = t->held;

    *clear = true;
    if (!n)
        return 0; /* bytes of the protocol itself leave with what follows */
    uint32_t at = t->out ? t->out->at : 0;
    if (!t->out || send_out(th, NULL, 0, false)) {
        t->held = 0;
        return n;
    }
    *clear = false;
    if (t->out->at == at || n == 1)
        return 0;
    t->held--;
    return 1;
}

static uint32_t
record_size(struct tls_conn *t)
{
    int64_t now = loop_now_ms();
    uint32_t size = RECORD_MAX;

    if (now - t->sent_ms > IDLE_MS)
        t->burst = 0;
    t->sent_ms = now;
    if (t->burst < BURST_SMALL)
        size = tls_tune.max_record ? tls_tune.max_record : RECORD_SMALL;
    if (tls_tune.hard_max_record)
        size = MIN(size, tls_tune.hard_max_record);
    return MIN(size, RECORD_MAX);
}

/** Where sending stands in the caller's pieces. */
struct source {
    const struct iovec *iov;
    unsigned n;
    size_t at; /* inside iov[0] */
    size_t left;
};

static void
skip(struct source *s, size_t len)
{
    s->left -= len;
    while (len) {
        size_t part = MIN(len, s->iov->iov_len - s->at);
        s->at += part;
        len -= part;
        if (s->at == s->iov->iov_len) {
            s->iov++;
            s->n--;
            s->at = 0;
        }
    }
}

/* The next `size` bytes at most, as one piece. */
static const char *
piece(struct tls_thread *th, const struct source *from, uint32_t *size)
{
    struct source s = *from;
    uint32_t want = (uint32_t)MIN(s.left, (size_t)*size), len = 0;

    while (s.n && s.iov->iov_len == s.at) {
        s.iov++;
        s.n--;
        s.at = 0;
    }
    *size = want;
    if (s.iov->iov_len - s.at >= want)
        return (char *)s.iov->iov_base + s.at;
    while (len < want) {
        uint32_t part = (uint32_t)MIN((size_t)(want - len), s.iov->iov_len - s.at);
        memcpy(th->gather + len, (char *)s.iov->iov_base + s.at, part);
        len += part;
        skip(&s, part);
    }
    return th->gather;
}

/* Encrypts and sends one batch. Returns the plaintext that counts as sent. */
static uint32_t
send_batch(struct tls_thread *th, struct tls_conn *t, struct source *s, bool more)
{
    bool early = t->conn->flags & CONN_EARLY;
    uint32_t plain = 0;

    while (s->left && plain < BATCH_PLAIN && th->out_len < OUT_SIZE / 2) {
        uint32_t size = MIN(record_size(t), BATCH_PLAIN - plain);
        if (unlikely(early) && !(size = MIN(size, early_room(t))))
            break;
        const char *p = piece(th, s, &size);
        /* The last record of a batch is sent from where the library made it. */
        th->last = !early && !more && (size == s->left || plain + size == BATCH_PLAIN);
        bool ok = early ? early_write(t, p, size) : SSL_write(t->ssl, p, (int)size) == (int)size;
        th->last = false;
        if (!ok) {
            note_failure(t, CONN_CODE_SSL_FATAL);
            broken(t, EPROTO);
            return 0;
        }
        skip(s, size);
        plain += size;
        t->burst += size;
    }
    if (th->out_len)
        send_out(th, NULL, 0, more);
    if (t->conn->flags & CONN_ERR)
        return 0;
    if (!t->out)
        return plain;
    t->held = MIN(plain, HELD_MAX);
    return plain - t->held;
}

/* A PROXY header goes out in clear before the handshake. */
static ssize_t
send_clear(struct conn *c, const struct iovec *iov, unsigned n)
{
    size_t total = 0;
    ssize_t sent = c->flags & CONN_WR_READY ? sys_sendv(c->io.fd, iov, n, 0) : 0;

    for (unsigned i = 0; i < n; i++)
        total += iov[i].iov_len;
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        broken(c->layer_ctx, errno);
    sent = MAX(sent, 0);
    if ((size_t)sent < total)
        c->flags &= ~(unsigned)CONN_WR_READY;
    return sent;
}

static ssize_t
layer_sendv(struct conn *c, const struct iovec *iov, unsigned n, bool more)
{
    struct tls_conn *t = c->layer_ctx;
    struct source s = { iov, n, 0, 0 };
    bool clear;

    if (unlikely(c->flags & CONN_HANDSHAKE))
        return send_clear(c, iov, n);
    if (!(c->flags & CONN_WR_READY) || c->flags & CONN_ERR)
        return 0;
    for (unsigned i = 0; i < n; i++)
        s.left += iov[i].iov_len;
    size_t sent = 0, total = s.left;
    struct tls_thread *th = enter(t);
    if (ERR_peek_error())
        ERR_clear_error();
    uint32_t held = t->held;
    sent = send_kept(th, t, &clear);
    if (!clear || c->flags & CONN_ERR)
        return (ssize_t)sent;
    /* What was held is in records that are gone: the caller's pieces begin with it. */
    if (held > s.left)
        return (ssize_t)MIN(sent, total); /* a caller that dropped bytes: its business */
    skip(&s, held);
    while (s.left && c->flags & CONN_WR_READY && !(c->flags & CONN_ERR)) {
        if (unlikely(c->flags & CONN_EARLY) && !early_room(t)) {
            t->flags |= TLSC_EARLY_BLOCKED;
            c->flags &= ~(unsigned)CONN_WR_READY;
            break;
        }
        sent += send_batch(th, t, &s, more);
    }
    return (ssize_t)sent;
}

/* ---- closing ---- */

static void
send_close_notify(struct tls_conn *t)
{
    struct tls_thread *th = enter(t);

    if (ERR_peek_error())
        ERR_clear_error();
    SSL_shutdown(t->ssl);
    if (th->out_len || t->out)
        send_out(th, NULL, 0, false);
    if (ERR_peek_error())
        ERR_clear_error();
}

static bool
may_say_goodbye(const struct tls_conn *t)
{
    const struct conn *c = t->conn;

    return t->flags & TLSC_UP && !(c->flags & (CONN_ERR | CONN_LINGER_RST)) &&
           !(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN);
}

static void
layer_shut_wr(struct conn *c)
{
    struct tls_conn *t = c->layer_ctx;

    if (may_say_goodbye(t))
        send_close_notify(t);
}

static void
layer_close(struct conn *c)
{
    struct tls_conn *t = c->layer_ctx;
    struct tls_thread *th = thread_get();

    /* To a peer that has closed already it would be answered by a reset. */
    if (may_say_goodbye(t) && !(c->flags & (CONN_SHUT_WR | CONN_EOF | CONN_HUP)))
        send_close_notify(t);
    /* A session stays usable however its connection ended (RFC 5246, 7.2.1). */
    if (t->flags & TLSC_UP && c->code != CONN_CODE_SSL_FATAL)
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    if (th->owner == t) {
        th->owner = NULL;
        th->in_at = th->in_len = 0;
    }
    if (th->cur == t)
        th->cur = NULL;
    list_del(&t->wait);
    SSL_free(t->ssl);
    free(t->in);
    free(t->out);
    X509_free(t->bad_peer);
    hello_free(&t->seen);
    secrets_free(&t->secrets);
    free(t->early);
    entry_put(t->entry);
    slab_put(&th->conns, t);
    atomic_fetch_sub_explicit(&nconns, 1, memory_order_relaxed);
    c->layer = NULL;
    c->layer_ctx = NULL;
}

static size_t
layer_pending(const struct conn *c)
{
    const struct tls_conn *t = c->layer_ctx;

    return (size_t)SSL_pending(t->ssl) + early_pending(t) + t->in_len +
           (thread && thread->owner == t ? thread->in_len - thread->in_at : 0);
}

const struct layer_ops tls_layer = {
    .name = "tls",
    .recv = layer_recv,
    .sendv = layer_sendv,
    .handshake = layer_handshake,
    .shut_wr = layer_shut_wr,
    .close = layer_close,
    .pending = layer_pending,
};

struct tls_conn *
tls_attach(struct conn *c, SSL *ssl, unsigned flags)
{
    struct tls_thread *th = thread_get();
    struct tls_conn *t = ssl ? slab_zget(&th->conns) : NULL;

    if (!t) {
        SSL_free(ssl);
        return NULL;
    }
    atomic_fetch_add_explicit(&nconns, 1, memory_order_relaxed);
    BIO_up_ref(th->bio);
    SSL_set_bio(ssl, th->bio, th->bio);
    SSL_set_ex_data(ssl, tls_ex_conn, t);
    t->ssl = ssl;
    t->conn = c;
    t->flags = (uint16_t)flags;
    list_init(&t->wait);
    c->layer = &tls_layer;
    c->layer_ctx = t;
    c->flags |= CONN_TLS | CONN_HANDSHAKE;
    return t;
}
