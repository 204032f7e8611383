/* origin.c - the demonstration server.
 *
 * Every path answers. Arguments of the query (haterm's letters, manual of `haterm`), separated by &
 * ? , ; /: s=<size> body bytes (k m g)   r=<code> status        t=<ms> delay        k=1 chunked C=1
 * close                     c=0 not cacheable      /echo: the request as JSON, its body included */
#include "process/origin.h"

#include "base/out.h"
#include "config/tune.h"
#include "http/h1.h"
#include "http/status.h"
#include "http/uri.h"
#include "net/conn.h"
#include "net/sys.h"

#include <errno.h>
#include <jansson.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ORIGIN_LISTEN_MAX 16
#define ORIGIN_HDR_MAX    101
#define ORIGIN_BODY_MAX   (1u << 20) /* of a request that is echoed */

static const char *origin_name = "origin";
static const char pattern[] = ".123456789.123456789.123456789.123456789.12345678\n";

struct client {
    struct conn *conn;
    struct task task;
    struct timer delay;
    struct h1 h1;
    struct http_head head;
    struct http_hdr hdr[ORIGIN_HDR_MAX];
    struct arena arena;
    struct text out;     /* what is not sent yet: head, echo */
    struct text body_in; /* body of an echoed request */
    uint64_t body_left;  /* pattern bytes still to send */
    uint64_t body_at;
    enum { READ_HEAD, READ_BODY, DELAY, SEND } state;
    bool close, chunked, echo;
    unsigned status, delay_ms;
    uint64_t size;
};

static const struct h1_limits limits = { .hdr_max = ORIGIN_HDR_MAX };
static uint64_t served;

static void
client_free(struct client *c)
{
    timer_cancel(&c->delay);
    task_cancel(&c->task);
    conn_free(&c->conn);
    arena_fini(&c->arena);
    text_fini(&c->out);
    text_fini(&c->body_in);
    free(c);
}

static void
next_request(struct client *c)
{
    arena_fini(&c->arena);
    arena_init(&c->arena, NULL, 0, 1u << 20);
    h1_init(&c->h1, H1_REQUEST, &limits);
    http_head_init(&c->head, c->hdr, ORIGIN_HDR_MAX, &c->arena);
    c->out.len = c->body_in.len = 0;
    c->state = READ_HEAD;
    c->status = 200;
    c->delay_ms = 0;
    c->size = 0;
    c->body_left = c->body_at = 0;
    c->chunked = c->echo = false;
    if (c->conn->rx)
        buf_compact(c->conn->rx, 0);
}

/* ---- what is asked ---- */

static uint64_t
number(struct slice s)
{
    uint64_t n = 0, unit = 1;

    if (s.len && strchr("kmgKMG", s.p[s.len - 1])) {
        char u = (char)ascii_lower((unsigned char)s.p[--s.len]);
        unit = u == 'k' ? 1024 : u == 'm' ? 1024 * 1024 : 1024 * 1024 * 1024;
    }
    return slice_to_uint(s, &n) ? n * unit : 0;
}

static void
parse_arguments(struct client *c)
{
    struct slice t = c->head.target;

    c->echo = slice_starts(t, SL("/echo"));
    for (size_t i = 0; i + 2 < t.len; i++) {
        if (!strchr("&?,;/", t.p[i]) || t.p[i + 2] != '=')
            continue;
        size_t end = i + 3;
        while (end < t.len && !strchr("&?,;/", t.p[end]))
            end++;
        struct slice v = slice(t.p + i + 3, end - i - 3);
        switch (t.p[i + 1]) {
        case 's':
            c->size = number(v);
            break;
        case 'r':
            c->status = (unsigned)number(v);
            break;
        case 't':
            c->delay_ms = (unsigned)number(v);
            break;
        case 'k':
            c->chunked = number(v) > 0;
            break;
        case 'C':
            c->close |= number(v) > 0;
            break;
        default:
            break;
        }
    }
    if (c->head.flags & HTTP_HF_CONN_CLOSE ||
        (c->head.version < 11 && !(c->head.flags & HTTP_HF_CONN_KEEPALIVE)))
        c->close = true;
}

/* ---- the answer ---- */

static json_t *
json_slice(struct slice s)
{
    json_t *j = json_stringn(s.p ? s.p : "", s.len);
    return j ? j : json_string("(not UTF-8)");
}

static char *
echo_document(struct client *c)
{
    json_t *o = json_object(), *headers = json_array();

    json_object_set_new(o, "server", json_string(origin_name));
    json_object_set_new(o, "method", json_slice(c->head.method));
    json_object_set_new(o, "target", json_slice(c->head.target));
    for (unsigned i = 0; i < c->head.nhdr; i++)
        if (c->head.hdr[i].name.p)
            json_array_append_new(headers, json_pack("[o,o]", json_slice(c->head.hdr[i].name),
                                                     json_slice(c->head.hdr[i].value)));
    json_object_set_new(o, "headers", headers);
    json_object_set_new(o, "body", json_slice(text_get(&c->body_in)));
    char *s = json_dumps(o, JSON_INDENT(2));
    json_decref(o);
    return s;
}

static void
put_head(struct client *c, const char *ctype, uint64_t length)
{
    struct slice reason = http_reason(c->status);

    text_printf(&c->out, "HTTP/1.1 %u %.*s\r\nserver: %s\r\n", c->status, SLF(reason), origin_name);
    if (ctype)
        text_printf(&c->out, "content-type: %s\r\n", ctype);
    if (c->chunked)
        text_str(&c->out, "transfer-encoding: chunked\r\n");
    else if (c->status >= 200 && c->status != 204)
        text_printf(&c->out, "content-length: %llu\r\n", (unsigned long long)length);
    if (c->close)
        text_str(&c->out, "connection: close\r\n");
    text_str(&c->out, "\r\n");
}

static void
answer(struct client *c)
{
    bool no_body = c->head.meth == HTTP_HEAD || c->status == 204 || c->status == 304;
    char *doc = NULL;

    served++;
    c->state = SEND;
    if (c->echo)
        doc = echo_document(c);
    else if (!c->size && c->status == 200 && slice_find(c->head.target, '?', 0) == SIZE_MAX)
        doc = xasprintf("Hello from %s: request %llu, %.*s %.*s\n", origin_name,
                        (unsigned long long)served, SLF(c->head.method), SLF(c->head.target));
    if (doc) {
        c->chunked = false;
        put_head(c, c->echo ? "application/json" : "text/plain", strlen(doc));
        if (!no_body)
            text_str(&c->out, doc);
        free(doc);
        return;
    }
    put_head(c, c->size ? "text/plain" : NULL, c->size);
    c->body_left = no_body ? 0 : c->size;
    if (c->chunked && !no_body && c->size)
        text_printf(&c->out, "%llx\r\n", (unsigned long long)c->size);
    else if (c->chunked && !no_body)
        text_str(&c->out, "0\r\n\r\n");
}

static void client_step(struct client *c);

static void
on_delay(struct timer *t)
{
    struct client *c = container_of(t, struct client, delay);

    answer(c);
    client_step(c);
}

/* False when the socket is full or broken. */
static bool
send_some(struct client *c)
{
    if (!(c->conn->flags & CONN_WR_READY))
        return false;
    char *body = buf_scratch();
    size_t n = (size_t)MIN(c->body_left, (uint64_t)SCRATCH_SIZE);
    for (size_t done = 0; done < n;) {
        size_t off = (size_t)((c->body_at + done) % (sizeof(pattern) - 1));
        size_t part = MIN(n - done, sizeof(pattern) - 1 - off);
        memcpy(body + done, pattern + off, part);
        done += part;
    }
    struct iovec iov[2] = { { c->out.p, c->out.len }, { body, n } };
    ssize_t sent =
        conn_sendv(c->conn, c->out.len ? iov : iov + 1, (c->out.len != 0) + (n != 0), false);
    size_t of_head = MIN((size_t)sent, c->out.len);
    text_drop(&c->out, of_head);
    c->body_left -= (uint64_t)sent - of_head;
    c->body_at += (uint64_t)sent - of_head;
    if (sent && !c->body_left && c->chunked && c->size && !c->out.len) {
        text_str(&c->out, "\r\n0\r\n\r\n");
        c->chunked = false;
    }
    return sent > 0;
}

/* ---- the request ---- */

static bool
read_head(struct client *c)
{
    struct buf *rx = c->conn->rx;
    size_t used;

    if (!rx || !buf_len(rx))
        return false;
    enum h1_event ev = h1_head(&c->h1, buf_head(rx), buf_len(rx), &c->head, &used);
    if (ev == H1_MORE && buf_room(rx))
        return false;
    if (ev != H1_HEAD) {
        c->status = ev == H1_ERR ? c->h1.status : 431;
        c->close = true;
        answer(c);
        return true;
    }
    rx->head += (uint32_t)used;
    parse_arguments(c);
    h1_body_init(&c->h1, h1_framing_request(&c->head), c->head.clen);
    c->state = READ_BODY;
    if (c->head.flags & HTTP_HF_EXPECT_100)
        text_str(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
    return true;
}

static bool
read_body(struct client *c)
{
    struct buf *rx = c->conn->rx;
    size_t used = 0, made = 0;
    enum h1_event ev = h1_body_done(&c->h1) ? H1_END
                       : rx && buf_len(rx)
                           ? h1_body(&c->h1, buf_head(rx), buf_len(rx), &used, &made)
                           : H1_MORE;
    if (ev == H1_ERR) {
        c->status = 400;
        c->close = true;
        answer(c);
        return true;
    }
    if (made && c->echo && c->body_in.len + made <= ORIGIN_BODY_MAX)
        text_mem(&c->body_in, buf_head(rx), made);
    if (rx)
        rx->head += (uint32_t)used;
    if (ev == H1_END) {
        if (c->delay_ms) {
            c->state = DELAY;
            timer_set(&c->delay, loop_now_ms() + c->delay_ms, on_delay);
            return false;
        }
        answer(c);
        return true;
    }
    return used > 0;
}

static void
client_step(struct client *c)
{
    for (;;) {
        while (c->out.len && c->state != READ_HEAD && send_some(c))
            ;
        if (c->conn->flags & CONN_ERR)
            break;
        if (c->state == SEND) {
            while ((c->out.len || c->body_left) && send_some(c))
                ;
            if (c->out.len || c->body_left)
                return;
            if (c->close)
                break;
            next_request(c);
            continue;
        }
        if (c->state == DELAY)
            return;
        if (c->state == READ_HEAD ? read_head(c) : read_body(c))
            continue;
        if (c->state == DELAY)
            return;
        /* The head's slices stay where they are: only what follows them moves. */
        if (c->conn->rx && c->state == READ_BODY && !buf_len(c->conn->rx) &&
            !buf_room(c->conn->rx)) {
            struct http_hdr copy[ORIGIN_HDR_MAX];
            struct http_head kept;
            http_head_init(&kept, copy, ORIGIN_HDR_MAX, &c->arena);
            if (!http_head_copy(&kept, &c->head))
                break;
            memcpy(c->hdr, copy, sizeof(copy));
            kept.hdr = c->hdr;
            c->head = kept;
            c->conn->rx->head = c->conn->rx->tail = 0;
        }
        if (c->conn->flags & CONN_EOF || !conn_fill(c->conn))
            break;
    }
    if (c->conn->flags & (CONN_EOF | CONN_ERR) || (c->close && c->state == SEND))
        client_free(c);
    else if (c->state == READ_HEAD)
        conn_drop_rx(c->conn);
}

static void
on_task(struct task *t)
{
    client_step(container_of(t, struct client, task));
}

static void
on_event(struct conn *conn)
{
    task_wake(&((struct client *)conn->owner)->task);
}

static void
on_listener(struct io *io, unsigned ready)
{
    for (int i = 0; i < 64; i++) {
        int fd = sys_accept(io->fd, NULL, NULL);
        if (fd < 0)
            return;
        struct conn *conn = conn_new(fd, CONN_WR_READY | CONN_RD_READY);
        struct client *c = conn ? xcalloc(1, sizeof(*c)) : NULL;
        if (!c)
            continue;
        c->conn = conn;
        conn->owner = c;
        conn->on_event = on_event;
        task_init(&c->task, on_task);
        next_request(c);
        client_step(c);
    }
}

/* ---- running ---- */

static bool
listen_on(const char *text, struct io *io)
{
    struct addr_spec a;
    char err[256];
    int one = 1;

    if (!addr_parse(text, ADDR_O_PORT | ADDR_O_PORT_NEEDED | ADDR_O_STREAM, NULL, &a, err,
                    sizeof(err))) {
        fprintf(stderr, "steelyard origin: %s\n", err);
        return false;
    }
    int fd = sys_socket(a.addr.sa.sa_family, SOCK_STREAM, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    if (fd < 0 || bind(fd, &a.addr.sa, a.addr.len) < 0 || listen(fd, 4096) < 0 ||
        !io_add(io, fd, IO_IN | IO_LEVEL, on_listener)) {
        fprintf(stderr, "steelyard origin: cannot listen on %s: %s\n", text, strerror(errno));
        return false;
    }
    return true;
}

static void
usage(void)
{
    puts("Usage: steelyard origin [--listen <addr>:<port>]... [--name <text>]\n"
         "A small HTTP/1.1 server. Query arguments: s=<size> r=<status> t=<ms delay> k=1 (chunked) "
         "C=1 (close);\n"
         "the path /echo answers with the request as JSON. Default: 127.0.0.1:9000.");
}

int
origin_main(int argc, char **argv)
{
    static struct io listeners[ORIGIN_LISTEN_MAX];
    unsigned n = 0;

    tune_defaults();
    signal(SIGPIPE, SIG_IGN);
    if (!loop_open(0))
        return 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--listen") == 0 && i + 1 < argc && n < ORIGIN_LISTEN_MAX) {
            if (!listen_on(argv[++i], &listeners[n++]))
                return 1;
        } else if (strcmp(argv[i], "--name") == 0 && i + 1 < argc) {
            origin_name = argv[++i];
        } else {
            usage();
            return strcmp(argv[i], "--help") == 0 ? 0 : 1;
        }
    }
    if (!n && !listen_on("127.0.0.1:9000", &listeners[0]))
        return 1;
    loop_run();
    return 0;
}

bool
origin_spawn(unsigned short port, const char *name)
{
    char addr[32];
    struct out o = OUT(addr);

    out_printf(&o, "127.0.0.1:%u", port);
    out_char(&o, '\0');
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        perror("steelyard: fork");
        return false;
    }
    if (pid > 0)
        return true;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    static char self[] = "origin", opt_listen[] = "--listen", opt_name[] = "--name";
    char *args[] = { self, opt_listen, addr, opt_name, xstrdup(name), NULL };
    _exit(origin_main(5, args));
}
