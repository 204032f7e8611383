/* webget.c - a small HTTP/1.1 client: resolve, connect, send, receive, judge. One connection per
 * request, closed after it. */
#include "tlsconf/webget.h"

#include "http/h1.h"
#include "http/uri.h"
#include "net/conn.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define HEADERS_MAX 64

enum phase { RESOLVING, CONNECTING, SENDING, HEAD, BODY, OVER };

struct webget {
    struct list link; /* of the thread */
    struct task task;
    struct timer timer;
    enum phase phase;
    struct lookup *lookup;
    struct conn *conn;
    struct addr to;
    struct text tx;
    size_t sent;
    char *rx;
    size_t len, size;     /* bytes in rx */
    size_t body_at, body; /* decoded body: rx[body_at..+body) */
    size_t raw_at;        /* undecoded bytes */
    bool eof;
    struct h1_limits limits;
    struct h1 h1;
    struct http_head head;
    struct http_hdr hdr[HEADERS_MAX];
    enum http_method method;
    int64_t start_ms, connected_ms, sent_ms;
    struct webget_answer answer;
    webget_fn done;
    void *arg;
};

static _Thread_local struct list mine;
static _Thread_local bool mine_ready;

static void step(struct webget *w);

/* ---- the end ---- */

static void forget_lookup(struct webget *w);

static void
release(struct webget *w)
{
    list_del(&w->link);
    task_cancel(&w->task);
    timer_cancel(&w->timer);
    forget_lookup(w);
    conn_free(&w->conn);
    text_fini(&w->tx);
    free(w->rx);
    free(w);
}

static void
finish(struct webget *w)
{
    struct webget_answer *a = &w->answer;

    a->bytes = w->len;
    a->total_ms = (int)(loop_now_ms() - w->start_ms);
    if (a->error)
        a->status = 0;
    w->phase = OVER;
    w->done(a, w->arg);
    release(w);
}

static void
fail(struct webget *w, const char *end, const char *why)
{
    w->answer.end = end;
    w->answer.error = why;
    finish(w);
}

void
webget_cancel(struct webget **wp)
{
    if (*wp)
        release(*wp);
    *wp = NULL;
}

static void
on_timeout(struct timer *t)
{
    struct webget *w = container_of(t, struct webget, timer);

    switch (w->phase) {
    case RESOLVING:
        fail(w, "sC", "timeout while resolving the host name");
        break;
    case CONNECTING:
        fail(w, "sC", "timeout while connecting");
        break;
    case SENDING:
    case HEAD:
        fail(w, "sH", "timeout while waiting for the response");
        break;
    default:
        fail(w, "sD", "timeout while receiving the response");
    }
}

/* ---- names: getaddrinfo() blocks, hence a thread per lookup ---- */

/** Shared by the thread that asks and the one that resolves; whoever lets go last releases it. */
struct lookup {
    struct letter letter;
    pthread_mutex_t lock; /* leaf; protects `loop` */
    struct loop *loop;    /* NULL: nobody waits any more */
    struct webget *owner; /* of the asking thread */
    char *host;
    struct addr addr;
    bool found;
    _Atomic unsigned refs;
};

static void
lookup_put(struct lookup *l)
{
    if (atomic_fetch_sub(&l->refs, 1) != 1)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l->host);
    free(l);
}

static void
forget_lookup(struct webget *w)
{
    struct lookup *l = w->lookup;

    if (!l)
        return;
    w->lookup = NULL;
    l->owner = NULL;
    pthread_mutex_lock(&l->lock);
    l->loop = NULL;
    pthread_mutex_unlock(&l->lock);
    lookup_put(l);
}

static void
on_resolved(struct letter *letter)
{
    struct lookup *l = container_of(letter, struct lookup, letter);
    struct webget *w = l->owner;

    if (w) {
        bool found = l->found;
        uint16_t port = addr_port(&w->to);
        w->to = l->addr;
        addr_set_port(&w->to, port);
        forget_lookup(w);
        w->phase = CONNECTING;
        if (found)
            step(w);
        else
            fail(w, "SC", "the host name cannot be resolved");
    }
    lookup_put(l);
}

static void *
resolve(void *arg)
{
    struct lookup *l = arg;
    char err[256];

    l->found = addr_resolve(slice_str(l->host), AF_UNSPEC, &l->addr, err, sizeof(err));
    pthread_mutex_lock(&l->lock);
    bool wanted = l->loop != NULL;
    if (wanted) /* the reference goes with the letter */
        loop_post(l->loop, &l->letter);
    pthread_mutex_unlock(&l->lock);
    if (!wanted)
        lookup_put(l);
    return NULL;
}

static bool
begin_lookup(struct webget *w, struct slice host)
{
    struct lookup *l = xcalloc(1, sizeof(*l));
    pthread_attr_t attr;
    pthread_t thread;

    pthread_mutex_init(&l->lock, NULL);
    l->letter.deliver = on_resolved;
    l->loop = loop_self();
    l->owner = w;
    l->host = xstrndup(host.p, host.len);
    atomic_init(&l->refs, 2);
    w->lookup = l;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int e = pthread_create(&thread, &attr, resolve, l);
    pthread_attr_destroy(&attr);
    if (e == 0)
        return true;
    lookup_put(l);
    forget_lookup(w);
    return false;
}

/* ---- the connection ---- */

static void
on_event(struct conn *c)
{
    struct webget *w = c->owner;

    task_wake(&w->task);
}

static bool
open_conn(struct webget *w)
{
    const struct sock_opts opts = { 0 };
    int err = 0;

    w->conn = conn_connect(&w->to, NULL, &opts, &err);
    if (!w->conn) {
        fail(w, "SC", "connection refused");
        return false;
    }
    w->conn->owner = w;
    w->conn->on_event = on_event;
    return true;
}

/* Each of the following returns true when the next phase may begin; false: wait, or it is over. */

static bool
do_connect(struct webget *w)
{
    if (!w->conn && !open_conn(w))
        return false;
    if (!conn_connect_done(w->conn))
        return false;
    if (w->conn->flags & CONN_ERR) {
        fail(w, "SC", "connection refused");
        return false;
    }
    w->connected_ms = loop_now_ms();
    w->answer.connect_ms = (int)(w->connected_ms - w->start_ms);
    w->phase = SENDING;
    return true;
}

static bool
do_send(struct webget *w)
{
    while (w->sent < w->tx.len) {
        struct iovec v = { w->tx.p + w->sent, w->tx.len - w->sent };
        ssize_t n = conn_sendv(w->conn, &v, 1, false);
        if (w->conn->flags & CONN_ERR) {
            fail(w, "SH", "connection broken");
            return false;
        }
        if (n <= 0)
            return false;
        w->sent += (size_t)n;
    }
    w->sent_ms = loop_now_ms();
    w->phase = HEAD;
    return true;
}

/* True when there is something new to look at. */
static bool
receive(struct webget *w)
{
    struct conn *c = w->conn;
    bool any = false;

    while (!w->eof && w->len < w->size) {
        ssize_t n = conn_recv(c, w->rx + w->len, w->size - w->len);
        if (n > 0) {
            w->len += (size_t)n;
            any = true;
            continue;
        }
        if (c->flags & (CONN_EOF | CONN_ERR))
            any = w->eof = true;
        break;
    }
    return any;
}

static bool
do_head(struct webget *w)
{
    size_t used = 0;
    enum h1_event ev = w->len ? h1_head(&w->h1, w->rx, w->len, &w->head, &used) : H1_MORE;

    if (ev == H1_MORE && (w->eof || w->len == w->size))
        fail(w, "SH", "the response is incomplete or too long");
    else if (ev == H1_ERR)
        fail(w, "PH", "the response is malformed");
    if (ev != H1_HEAD)
        return false;
    if (w->head.status < 200) { /* an interim response: the final one follows */
        memmove(w->rx, w->rx + used, w->len - used);
        w->len -= used;
        http_head_reset(&w->head);
        h1_init(&w->h1, H1_RESPONSE, &w->limits);
        return w->len > 0 || w->eof;
    }
    w->answer.response_ms = (int)(loop_now_ms() - w->sent_ms);
    w->body_at = w->raw_at = used;
    h1_body_init(&w->h1, h1_framing_response(&w->head, w->method), w->head.clen);
    w->phase = BODY;
    return true;
}

static void
succeed(struct webget *w)
{
    const struct http_hdr *type = http_hdr_first(&w->head, SL("content-type"));

    w->answer.status = w->head.status;
    w->answer.content_type = type ? type->value : SLICE_NONE;
    w->answer.body = slice(w->rx + w->body_at, w->body);
    finish(w);
}

static bool
do_body(struct webget *w)
{
    enum h1_event ev = H1_DATA;

    while (ev == H1_DATA) {
        size_t consumed = 0, produced = 0;
        ev = h1_body(&w->h1, w->rx + w->raw_at, w->len - w->raw_at, &consumed, &produced);
        memmove(w->rx + w->body_at + w->body, w->rx + w->raw_at, produced);
        w->body += produced;
        w->raw_at += consumed;
        if (ev == H1_DATA && w->raw_at == w->len)
            break;
    }
    if ((ev == H1_MORE || ev == H1_DATA) && w->eof)
        ev = h1_eof(&w->h1);
    if (ev == H1_END || h1_body_done(&w->h1))
        succeed(w);
    else if (ev == H1_ERR || w->eof)
        fail(w, "SD", "the response is cut short or malformed");
    else if (w->len == w->size)
        fail(w, "PD", "the response is too long");
    return false;
}

static void
step(struct webget *w)
{
    if (w->phase == CONNECTING && !do_connect(w))
        return;
    if (w->phase == SENDING && !do_send(w))
        return;
    if (w->phase >= HEAD && !receive(w))
        return;
    while (w->phase == HEAD)
        if (!do_head(w))
            return;
    if (w->phase == BODY)
        (void)do_body(w);
}

static void
on_task(struct task *t)
{
    struct webget *w = container_of(t, struct webget, task);

    if (w->phase == RESOLVING)
        w->phase = CONNECTING;
    step(w);
}

/* ---- the request ---- */

static void
write_request(struct webget *w, const struct webget_request *r, const struct http_uri *u)
{
    struct slice target = http_uri_pathq(r->url);
    struct text *t = &w->tx;

    if (r->proxy)
        target = r->url;
    text_printf(t, "%s %.*s HTTP/1.1\r\nhost: %.*s\r\n", r->method,
                SLF(target.len ? target : SL("/")), SLF(u->authority));
    if (r->accept)
        text_printf(t, "accept: %s\r\n", r->accept);
    if (r->content_type)
        text_printf(t, "content-type: %s\r\ncontent-length: %zu\r\n", r->content_type, r->body.len);
    text_str(t, "connection: close\r\n\r\n");
    text_slice(t, r->body);
}

/* URLs come from certificates: nothing in them may end a line. */
static bool
is_plain(struct slice url)
{
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] >= 0x7f || url.p[i] == '#')
            return false;
    return url.len > 0 && url.len <= 8192;
}

/* Where to connect to: at once when that is known, else by a lookup. */
static bool
begin(struct webget *w, const struct webget_request *r, const struct http_uri *u)
{
    unsigned port;
    struct slice host = http_authority_split(u->authority, &port);

    if (r->proxy) {
        w->to = *r->proxy;
    } else {
        if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
            host = slice_sub(host, 1, host.len - 2);
        if (!host.len || host.len > 253)
            return false;
        bool numeric = addr_parse_ip(host, &w->to);
        if (!numeric)
            w->to = (struct addr){ .kind = ADDR_IP4, .sa.sa_family = AF_INET };
        addr_set_port(&w->to, (uint16_t)(port ? port : 80));
        if (!numeric)
            return begin_lookup(w, host);
    }
    task_wake(&w->task);
    return true;
}

struct webget *
webget_start(const struct webget_request *r, webget_fn done, void *arg)
{
    struct http_uri u = http_uri_split(r->url);

    if (!is_plain(r->url) || !slice_eq_nocase(u.scheme, SL("http")) || !u.authority.len ||
        slice_find(u.authority, '@', 0) != SIZE_MAX)
        return NULL;
    if (!mine_ready) {
        list_init(&mine);
        mine_ready = true;
    }
    struct webget *w = xcalloc(1, sizeof(*w));
    task_init(&w->task, on_task);
    list_push_back(&mine, &w->link);
    w->done = done;
    w->arg = arg;
    w->start_ms = loop_now_ms();
    w->answer = (struct webget_answer){ .end = "--", .connect_ms = -1, .response_ms = -1 };
    w->size = r->answer_max;
    w->rx = xmalloc(w->size);
    w->limits.hdr_max = HEADERS_MAX;
    w->method = http_method_of(slice_str(r->method));
    http_head_init(&w->head, w->hdr, HEADERS_MAX, NULL);
    h1_init(&w->h1, H1_RESPONSE, &w->limits);
    write_request(w, r, &u);
    if (!begin(w, r, &u)) {
        webget_cancel(&w);
        return NULL;
    }
    timer_set(&w->timer, w->start_ms + r->timeout_ms, on_timeout);
    return w;
}

void
webget_thread_stop(void)
{
    while (mine_ready && !list_empty(&mine))
        release(container_of(mine.next, struct webget, link));
}
