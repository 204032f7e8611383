/* error_capture.c - keeps and shows malformed messages.
 * One lock for all: captures are rare, and showing them is rarer. */
#include "proxy/error_capture.h"

#include "base/date.h"
#include "config/tune.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define LINE_MAX_COLUMNS 70 /* of the dump */

struct captured {
    struct captured *next;
    const struct proxy *px, *other; /* whose it is; the proxy on the other side */
    const struct server *srv;
    bool response;
    unsigned event;
    int64_t wall_us;
    char src[ADDR_TEXT_MAX];
    size_t start, room, pos; /* of the buffer */
    unsigned conn_flags, strm_flags, step;
    uint64_t body;
    struct text data;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct captured *all; /* oldest first */
static unsigned events;

static struct captured *
slot_of(const struct proxy *px, bool response)
{
    struct captured **at = &all, *c;

    for (; (c = *at); at = &c->next)
        if (c->px == px && c->response == response)
            break;
    if (c)
        *at = c->next; /* the newest goes to the end */
    else if (!(c = calloc(1, sizeof(*c))))
        return NULL;
    c->next = NULL;
    for (at = &all; *at; at = &(*at)->next)
        ;
    *at = c;
    return c;
}

static void
put_source(struct captured *c, struct conn *cli)
{
    struct out o = OUT(c->src);
    struct addr a;

    o.size--;
    conn_need_src(cli);
    conn_src(cli, &a);
    if (addr_is_ip(&a)) {
        addr_put_host(&o, &a);
        out_printf(&o, ":%u", addr_port(&a));
    } else {
        out_lit(&o, "unix");
    }
    c->src[o.len] = '\0';
}

void
error_capture(struct stream *s, bool response)
{
    struct conn *conn = response ? s->back : s->sess->conn;
    struct h1 *h1 = response ? &s->res.h1 : &s->req.h1;

    if (!conn || !conn->rx)
        return;
    pthread_mutex_lock(&lock);
    struct captured *c = slot_of(response ? s->be : s->fe, response);
    if (c) {
        struct slice data = buf_slice(conn->rx);
        c->px = response ? s->be : s->fe;
        c->other = response ? s->fe : proxy_has_be(s->be) && s->be != s->fe ? s->be : NULL;
        c->srv = s->srv;
        c->response = response;
        c->event = events++;
        c->wall_us = loop_wall_us();
        c->start = conn->rx->head;
        c->room = buf_room(conn->rx);
        c->pos = MIN(h1->err_pos, data.len);
        c->conn_flags = conn->flags;
        c->strm_flags = s->flags;
        c->step = s->step;
        c->body = response ? s->res.body : s->req.body;
        put_source(c, s->sess->conn);
        c->data.len = 0;
        text_mem(&c->data, data.p, MIN(data.len, (size_t)tune.bufsize));
    }
    pthread_mutex_unlock(&lock);
}

/* ---- showing ---- */

static void
put_date(struct text *to, int64_t wall_us)
{
    time_t t = (time_t)(wall_us / 1000000);
    char buf[32];
    struct out date = OUT(buf);
    struct tm tm;

    localtime_r(&t, &tm);
    out_log_date(&date, &tm);
    text_printf(to, "[%.*s.%03d]", (int)date.len, date.p, (int)(wall_us / 1000 % 1000));
}

/* One byte as text; returns its columns. */
static unsigned
escape(unsigned char c, char buf[8])
{
    static const char letters[] = "\nn\rr\tt\\\\\033e";

    for (unsigned i = 0; letters[i]; i += 2)
        if (c == (unsigned char)letters[i]) {
            buf[0] = '\\';
            buf[1] = letters[i + 1];
            return 2;
        }
    if (c >= ' ' && c < 127) {
        buf[0] = (char)c;
        return 1;
    }
    static const char hex[] = "0123456789ABCDEF";
    buf[0] = '\\';
    buf[1] = 'x';
    buf[2] = hex[c >> 4];
    buf[3] = hex[c & 15];
    return 4;
}

/* Lines end at line feeds or when they are full; what goes on is marked '+'. */
static void
put_dump(struct text *to, const struct captured *c)
{
    struct slice d = text_get(&c->data);
    bool goes_on = false;
    char e[8];

    for (size_t at = 0; at < d.len;) {
        unsigned columns = 0;
        text_printf(to, "  %05zu%c ", at, goes_on ? '+' : ' ');
        goes_on = true;
        while (at < d.len) {
            unsigned n = escape((unsigned char)d.p[at], e);
            if (columns + n > LINE_MAX_COLUMNS)
                break;
            text_mem(to, e, n);
            columns += n;
            if (d.p[at++] == '\n') {
                goes_on = false;
                break;
            }
        }
        text_char(to, '\n');
    }
}

static void
put_side(struct text *to, const char *what, const struct proxy *px)
{
    if (px)
        text_printf(to, "  %s %s (#%u)", what, px->name, px->id);
    else
        text_printf(to, "  %s <NONE> (#-1)", what);
}

static void
put_one(struct text *to, const struct captured *c)
{
    text_str(to, " \n");
    put_date(to, c->wall_us);
    text_printf(to, " %s %s (#%u): invalid %s\n", c->response ? "backend" : "frontend", c->px->name,
                c->px->id, c->response ? "response" : "request");
    put_side(to, c->response ? "frontend" : "backend", c->other);
    if (c->srv)
        text_printf(to, ", server %s (#%u)", c->srv->name, c->srv->id);
    else
        text_str(to, ", server <NONE> (#-1)");
    text_printf(to,
                ", event #%u, src %s\n"
                "  buffer starts at %zu (including 0 out), %zu free,\n"
                "  len %zu, wraps at %u, error at position %zu\n"
                "  H1 connection flags 0x%08x, H1 stream flags 0x%08x\n"
                "  H1 msg state %s(%u), H1 msg flags 0x00000000\n"
                "  H1 chunk len 0 bytes, H1 body len %llu bytes :\n"
                "  \n",
                c->event, c->src, c->start, c->room, c->data.len, tune.bufsize, c->pos,
                c->conn_flags, c->strm_flags, stream_step_text[c->step], c->step,
                (unsigned long long)c->body);
    put_dump(to, c);
}

void
error_captures_put(struct text *to, unsigned iid, unsigned want)
{
    pthread_mutex_lock(&lock);
    text_str(to, "Total events captured on ");
    put_date(to, loop_wall_us());
    text_printf(to, " : %u\n", events);
    for (const struct captured *c = all; c; c = c->next)
        if (want & (c->response ? ERRC_RESPONSES : ERRC_REQUESTS) &&
            (!iid || c->px->id == iid || (c->other && c->other->id == iid)))
            put_one(to, c);
    pthread_mutex_unlock(&lock);
}

void
error_captures_fini(void)
{
    struct captured *c;

    while ((c = all)) {
        all = c->next;
        text_fini(&c->data);
        free(c);
    }
}
