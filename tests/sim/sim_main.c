/* sim_main.c - runs the real session and stream code against random clients and servers.
 *
 * usage: sim [--seeds <n>] [--first <seed>] [--verbose]
 * For every seed: no byte is lost, doubled or reordered; every client gets its answer or, where the
 * seed injects failures, an error or a closed connection; when all is over no stream, session or
 * client connection is left. */
#include "base/epoch.h"
#include "config/cfg.h"
#include "config/module.h"
#include "config/tune.h"
#include "http/h1.h"
#include "net/conn.h"
#include "proxy/config.h"
#include "proxy/listener.h"
#include "proxy/session.h"
#include "proxy/stream.h"
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLIENTS      12
#define REQUESTS_MAX 6
#define BODY_MAX     200000u
#define HEADERS_MAX  101

static const char config_text[] =
    "defaults\n"
    "  mode http\n"
    "  timeout connect 2s\n"
    "  timeout client 20s\n"
    "  timeout server 20s\n"
    "  timeout http-request 10s\n"
    "  timeout http-keep-alive 5s\n"
    "  retries 2\n"
    "  option redispatch\n"
    "frontend safe\n  bind 127.0.0.1:1\n  default_backend b_safe\n"
    "frontend always\n  bind 127.0.0.1:2\n  default_backend b_always\n"
    "frontend close\n  bind 127.0.0.1:3\n  option http-server-close\n  default_backend b_safe\n"
    "frontend tcp\n  mode tcp\n  bind 127.0.0.1:4\n  default_backend b_tcp\n"
    "frontend buffer\n  bind 127.0.0.1:5\n  option http-buffer-request\n  default_backend "
    "b_always\n"
    "backend b_safe\n  balance roundrobin\n  server s1 127.0.0.1:80\n  server s2 127.0.0.1:81 "
    "maxconn 3\n"
    "backend b_always\n  http-reuse always\n  balance leastconn\n  server s1 127.0.0.1:80 maxconn "
    "4\n"
    "backend b_tcp\n  mode tcp\n  balance roundrobin\n  server s1 127.0.0.1:80\n";

static struct config cf;
static struct cfg cfg;
static bool verbose, faults;
static unsigned failures;
static uint64_t seed;
static const struct h1_limits limits = { .hdr_max = HEADERS_MAX };

#define FAIL(...)                                                                                  \
    do {                                                                                           \
        failures++;                                                                                \
        printf("seed %llu: ", (unsigned long long)seed);                                           \
        printf(__VA_ARGS__);                                                                       \
        putchar('\n');                                                                             \
    } while (0)

/* Byte `i` of a body: anyone can say whether it is right. */
static char
body_byte(unsigned id, bool response, size_t i)
{
    return (char)('a' + (id * 31 + (response ? 7 : 0) + i + i / 251) % 26);
}

/* ---- a model's side of an HTTP/1 connection ---- */

struct http_side {
    struct peer peer;
    struct text in, out;
    struct h1 h1;
    struct http_head head;
    struct http_hdr hdr[HEADERS_MAX];
    struct arena arena;
    bool in_body, shut, closed;
    size_t got; /* body bytes of the current message */
};

static void
side_message(struct http_side *s, enum h1_role role)
{
    arena_fini(&s->arena);
    arena_init(&s->arena, NULL, 0, 0);
    h1_init(&s->h1, role, &limits);
    http_head_init(&s->head, s->hdr, HEADERS_MAX, &s->arena);
    s->in_body = false;
    s->got = 0;
}

/* False when the other side ended or broke: *how is 0 for an end, else errno. */
static bool
side_read(struct http_side *s, int *how)
{
    char buf[8192];

    for (;;) {
        ssize_t n = peer_recv(&s->peer, buf, sizeof(buf));
        if (n > 0) {
            text_mem(&s->in, buf, (size_t)n);
            continue;
        }
        *how = n == 0 ? 0 : errno;
        return n < 0 && errno == EAGAIN;
    }
}

static void
side_write(struct http_side *s)
{
    while (s->out.len && s->peer.fd >= 0) {
        ssize_t n = peer_send(&s->peer, s->out.p, s->out.len);
        if (n <= 0)
            return;
        text_drop(&s->out, (size_t)n);
    }
}

static void
put_body(struct text *to, unsigned id, bool response, size_t len, bool chunked)
{
    char piece[4096];

    for (size_t at = 0; at < len;) {
        size_t n = 1 + sim_below(sizeof(piece));
        n = MIN(n, len - at);
        for (size_t i = 0; i < n; i++)
            piece[i] = body_byte(id, response, at + i);
        if (chunked)
            text_printf(to, "%zx%s\r\n", n, sim_once_in(5) ? ";x=y" : "");
        text_mem(to, piece, n);
        if (chunked)
            text_str(to, "\r\n");
        at += n;
    }
    if (chunked)
        text_printf(to, "0\r\n%s\r\n", sim_once_in(4) ? "x-trailer: 1\r\n" : "");
}

/* Checks decoded bytes; -1 malformed, 1 complete, 0 more to come. */
static int
side_body(struct http_side *s, unsigned id, bool response)
{
    while (s->in.len || h1_body_done(&s->h1)) {
        size_t used = 0, made = 0;
        enum h1_event ev =
            h1_body_done(&s->h1) ? H1_END : h1_body(&s->h1, s->in.p, s->in.len, &used, &made);
        for (size_t i = 0; i < made; i++)
            if (s->in.p[i] != body_byte(id, response, s->got + i)) {
                FAIL("%s %u: wrong byte at %zu", response ? "response" : "request", id, s->got + i);
                return -1;
            }
        s->got += made;
        text_drop(&s->in, used);
        if (ev == H1_END)
            return 1;
        if (ev == H1_ERR)
            return -1;
        if (!used)
            break;
    }
    return 0;
}

static unsigned
header_number(const struct http_head *h, struct slice name)
{
    struct http_hdr *f = http_hdr_first(h, name);
    uint64_t n;
    return f && slice_to_uint(f->value, &n) ? (unsigned)n : 0;
}

/* ---- servers ---- */

struct server_model {
    struct http_side s;
    unsigned id, want, reply;
    bool close_after, chunked, head;
};

static unsigned servers_open;

static void
server_end(struct server_model *m, bool reset)
{
    if (m->s.peer.fd >= 0)
        peer_close(&m->s.peer, reset);
    text_fini(&m->s.in);
    text_fini(&m->s.out);
    arena_fini(&m->s.arena);
    servers_open--;
    free(m);
}

static void server_ready(struct peer *p);

static void
server_answer(void *arg)
{
    struct server_model *m = arg;

    m->s.closed = false;
    if (m->s.shut) { /* it ended while this was delayed */
        server_end(m, false);
        return;
    }
    m->close_after = sim_once_in(6);
    m->chunked = sim_once_in(2);
    bool until_close = m->close_after && sim_once_in(3) && !m->head;
    if (sim_once_in(10))
        text_str(&m->s.out, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    text_printf(&m->s.out, "HTTP/1.1 200 OK\r\nx-id: %u\r\nx-len: %u\r\n", m->id, m->reply);
    if (m->close_after)
        text_str(&m->s.out, "connection: close\r\n");
    if (until_close)
        m->chunked = false;
    else if (m->chunked)
        text_str(&m->s.out, "transfer-encoding: chunked\r\n");
    else
        text_printf(&m->s.out, "content-length: %u\r\n", m->reply);
    text_str(&m->s.out, "\r\n");
    if (!m->head)
        put_body(&m->s.out, m->id, true, m->reply, m->chunked);
    /* A body that lasts until the end of the connection would look complete when cut. */
    if (faults && !until_close && sim_once_in(12)) {
        size_t cut = sim_below((unsigned)m->s.out.len);
        m->s.out.len = cut;
        side_write(&m->s);
        server_end(m, sim_once_in(2));
        return;
    }
    side_message(&m->s, H1_REQUEST);
    server_ready(&m->s.peer);
}

static void
server_ready(struct peer *p)
{
    struct server_model *m =
        container_of(container_of(p, struct http_side, peer), struct server_model, s);
    int how = 0;

    bool alive = side_read(&m->s, &how);
    side_write(&m->s);
    if (m->s.closed) { /* thinking: the answer comes later */
        m->s.shut |= !alive && how != 0;
        return;
    }
    if (m->close_after && !m->s.out.len) {
        server_end(m, false);
        return;
    }
    if (!m->s.in_body && m->s.in.len && !m->close_after) {
        size_t used;
        enum h1_event ev = h1_head(&m->s.h1, m->s.in.p, m->s.in.len, &m->s.head, &used);
        if (ev == H1_ERR) {
            FAIL("server: malformed request: %s", m->s.h1.error);
            server_end(m, true);
            return;
        }
        if (ev == H1_HEAD) {
            m->id = header_number(&m->s.head, SL("x-id"));
            m->want = header_number(&m->s.head, SL("x-len"));
            m->reply = header_number(&m->s.head, SL("x-reply"));
            m->head = m->s.head.meth == HTTP_HEAD;
            h1_body_init(&m->s.h1, h1_framing_request(&m->s.head), m->s.head.clen);
            text_drop(&m->s.in, used);
            m->s.in_body = true;
            if (faults && sim_once_in(15)) {
                server_end(m, sim_once_in(2));
                return;
            }
        }
    }
    if (m->s.in_body) {
        int rc = side_body(&m->s, m->id, false);
        if (rc < 0) {
            if (!faults)
                FAIL("server: request %u has a malformed body", m->id);
            server_end(m, true);
            return;
        }
        if (rc > 0) {
            if (m->s.got != m->want)
                FAIL("server: request %u has %zu bytes instead of %u", m->id, m->s.got, m->want);
            m->s.in_body = false;
            m->s.closed = true; /* thinking */
            if (faults && sim_once_in(40))
                sim_after(25000000, server_answer, m); /* too late */
            else
                sim_after(sim_below(20000), server_answer, m);
            return;
        }
    }
    if (!alive)
        server_end(m, false);
}

static struct peer *
on_connect(void)
{
    if (faults && sim_once_in(10))
        return NULL;
    struct server_model *m = xcalloc(1, sizeof(*m));
    m->s.peer.on_ready = server_ready;
    side_message(&m->s, H1_REQUEST);
    servers_open++;
    return &m->s.peer;
}

/* ---- clients ---- */

struct client_model {
    struct http_side s;
    struct listener *li;
    unsigned base, n, sent, done; /* requests: ids base..base+n-1 */
    unsigned reply[REQUESTS_MAX];
    bool head[REQUESTS_MAX];
    bool over, aborts;
};

static struct client_model *clients[CLIENTS];
static struct listener *accepting[8192];

static void
client_over(struct client_model *c, const char *why)
{
    if (c->over)
        return;
    c->over = true;
    if (c->done < c->n && !faults)
        FAIL("client %u: %s after %u of %u answers", c->base, why, c->done, c->n);
    if (c->s.peer.fd >= 0)
        peer_close(&c->s.peer, sim_once_in(4));
}

static void
client_send(struct client_model *c)
{
    unsigned i = c->sent++, id = c->base + i;
    size_t len = sim_once_in(2) ? 0 : sim_below(sim_once_in(5) ? BODY_MAX : 3000);
    bool chunked = sim_once_in(2);

    c->head[i] = len == 0 && sim_once_in(8);
    c->reply[i] = sim_once_in(5) ? 0 : sim_below(sim_once_in(4) ? BODY_MAX : 4000);
    text_printf(&c->s.out,
                "%s /%u HTTP/1.1\r\nhost: sim\r\nx-id: %u\r\nx-len: %zu\r\nx-reply: %u\r\n",
                len          ? "POST"
                : c->head[i] ? "HEAD"
                             : "GET",
                id, id, len, c->reply[i]);
    if (len && chunked)
        text_str(&c->s.out, "transfer-encoding: chunked\r\n");
    else if (len)
        text_printf(&c->s.out, "content-length: %zu\r\n", len);
    text_str(&c->s.out, "\r\n");
    if (len)
        put_body(&c->s.out, id, false, len, chunked);
}

/* An answer's head is complete. False: the connection is not to be used further. */
static bool
client_head(struct client_model *c)
{
    unsigned i = c->done, id = c->base + i;

    if (c->s.head.status != 200) {
        if (!faults)
            FAIL("client: request %u got %u", id, c->s.head.status);
        return false;
    }
    if (header_number(&c->s.head, SL("x-id")) != id) {
        FAIL("client: request %u got the answer of %u", id, header_number(&c->s.head, SL("x-id")));
        return false;
    }
    return true;
}

static bool
client_parse(struct client_model *c, bool eof)
{
    for (;;) {
        if (!c->s.in_body) {
            size_t used;
            if (!c->s.in.len)
                return true;
            enum h1_event ev = h1_head(&c->s.h1, c->s.in.p, c->s.in.len, &c->s.head, &used);
            if (ev == H1_ERR)
                FAIL("client %u: malformed answer: %s", c->base, c->s.h1.error);
            if (ev != H1_HEAD)
                return ev == H1_MORE;
            bool interim = c->s.head.status >= 100 && c->s.head.status < 200;
            if (!interim && !client_head(c)) /* while its slices are where the bytes are */
                return false;
            enum http_method m = c->head[c->done] ? HTTP_HEAD : HTTP_GET;
            h1_body_init(&c->s.h1, h1_framing_response(&c->s.head, m), c->s.head.clen);
            text_drop(&c->s.in, used);
            if (interim) {
                side_message(&c->s, H1_RESPONSE);
                continue;
            }
            c->s.in_body = true;
        }
        int rc = side_body(&c->s, c->base + c->done, true);
        if (rc < 0)
            return false;
        if (rc == 0 && eof && h1_eof(&c->s.h1) == H1_END)
            rc = 1;
        if (rc == 0)
            return true;
        unsigned want = c->head[c->done] ? 0 : c->reply[c->done];
        if (c->s.got != want)
            FAIL("client: answer %u has %zu bytes instead of %u", c->base + c->done, c->s.got,
                 want);
        bool last = c->s.head.flags & HTTP_HF_CONN_CLOSE;
        side_message(&c->s, H1_RESPONSE);
        c->done++;
        if (c->done == c->n || last) {
            if (last && c->done < c->n)
                c->n = c->done; /* told to stop: the rest is not sent */
            return false;
        }
        if (c->sent == c->done)
            client_send(c);
    }
}

static void
client_ready(struct peer *p)
{
    struct client_model *c =
        container_of(container_of(p, struct http_side, peer), struct client_model, s);
    int how = 0;

    if (c->over)
        return;
    if (c->aborts && sim_once_in(20)) {
        client_over(c, "aborted");
        return;
    }
    bool alive = side_read(&c->s, &how);
    if (!client_parse(c, !alive)) {
        client_over(c, "bad answer");
        return;
    }
    side_write(&c->s);
    if (!alive)
        client_over(c, how ? "connection reset" : "connection closed");
}

static void
client_begin(void *arg)
{
    struct client_model *c = arg;

    c->s.peer.on_ready = client_ready;
    accepting[sim_connect_client(&c->s.peer)] = c->li;
    unsigned pipelined = 1 + (sim_once_in(3) ? sim_below(c->n) : 0);
    while (c->sent < pipelined)
        client_send(c);
    side_write(&c->s);
}

static void
on_accept(int fd)
{
    struct sockaddr_in peer = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)fd),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct listener *li = accepting[fd];

    atomic_fetch_add(&li->conn, 1);
    atomic_fetch_add(&config->conn, 1);
    session_accept(li, fd, (struct sockaddr *)&peer, sizeof(peer));
}

/* ---- one seed ---- */

static struct listener *
random_listener(void)
{
    static const char *const names[] = { "safe", "always", "close", "tcp", "buffer" };
    struct proxy *px = proxy_find(&cf, names[sim_below(COUNT_OF(names))], PX_FE);
    return list_first(&px->listeners, struct listener, link);
}

static void
run_seed(void)
{
    sim_seed(seed);
    faults = sim_once_in(2);
    sim_quiet = false;
    tune.splice = sim_once_in(2);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client_model *c = clients[i] = xcalloc(1, sizeof(*c));
        c->base = 1000 + i * 100;
        c->n = 1 + sim_below(REQUESTS_MAX);
        c->aborts = faults && sim_once_in(4);
        c->li = random_listener();
        side_message(&c->s, H1_RESPONSE);
        c->s.peer.fd = -1;
        sim_after(sim_below(100000), client_begin, c);
    }
    unsigned turns = 0;
    while (!sim_quiet && turns++ < 2000000)
        loop_turn(-1);
    if (!sim_quiet)
        FAIL("does not come to rest");
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client_model *c = clients[i];
        if (!c->over)
            FAIL("client %u waits for ever: %u of %u answers", c->base, c->done, c->n);
        client_over(c, "never ended");
        text_fini(&c->s.in);
        text_fini(&c->s.out);
        arena_fini(&c->s.arena);
    }
    sim_quiet = false;
    for (unsigned i = 0; i < 100000 && !sim_quiet; i++)
        loop_turn(-1);
    if (stream_count() || atomic_load(&config->conn))
        FAIL("%u streams and %u connections are left", stream_count(), atomic_load(&config->conn));
    if (buf_in_use())
        FAIL("%u buffers are left", buf_in_use());
    for (unsigned i = 0; i < CLIENTS; i++)
        free(clients[i]);
    if (verbose)
        printf("seed %llu: %u server connections open\n", (unsigned long long)seed, servers_open);
}

static bool
set_up(void)
{
    struct text t = { 0 };

    tune_defaults();
    tune.hostname = "sim";
    config_init(&cf);
    cfg_init(&cfg, &cf, &cf.arena);
    if (cfg_read_text(&cfg, "sim", slice_str(config_text)) != CFG_OK ||
        cfg_finish(&cfg) != CFG_OK) {
        diags_print(&cfg.diags, &t, true);
        fputs(t.p ? t.p : "bad configuration\n", stderr);
        return false;
    }
    cf.nthread = 1;
    cf.loops = xcalloc(1, sizeof(struct loop *));
    for (unsigned m = 0; modules[m]; m++)
        if (modules[m]->start && !modules[m]->start(&cf))
            return false;
    if (!loop_open(0))
        return false;
    cf.loops[0] = loop_self();
    for (unsigned m = 0; modules[m]; m++)
        if (modules[m]->thread_start && !modules[m]->thread_start(&cf))
            return false;
    sim_on_connect = on_connect;
    sim_on_accept = on_accept;
    return true;
}

/* Seeds that failed once: always run, before the others. */
static const uint64_t past[] = { 101202, 101342 };

int
main(int argc, char **argv)
{
    unsigned long n = 200, first = 1;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc)
            n = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--first") == 0 && i + 1 < argc)
            first = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--verbose") == 0)
            verbose = true;
        else {
            fprintf(stderr, "usage: sim [--seeds <n>] [--first <seed>] [--verbose]\n");
            return 2;
        }
    }
    if (!set_up())
        return 2;
    for (unsigned i = 0; i < COUNT_OF(past); i++) {
        seed = past[i];
        run_seed();
    }
    for (seed = first; seed < first + n && failures < 20; seed++)
        run_seed();
    printf("%lu seeds from %lu, %u failures\n", n, first, failures);
    return failures ? 1 : 0;
}
