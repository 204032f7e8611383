/* stream_io.c - forwarding bytes of one direction: decode, frame, send, splice.
 *
 * Whatever was taken from the source is either sent or kept in ch->tx (or the pipe) before more is
 * read, so a slow sink stops the source. Reads of opaque bytes go through the thread's scratch, or
 * through a pipe when both ends are plain. */
#include "proxy/stream_int.h"

#include "config/tune.h"

#include <errno.h>

#define SPLICE_MIN    (32u * 1024) /* smaller bodies are cheaper to copy */
#define PUMP_ROUNDS   16           /* reads per call, so that one stream cannot starve the others */
#define READ_SIZE_MIN (16u * 1024)
#define JOIN_MAX      (8u * 1024) /* messages up to this size are sent from one piece of memory */

bool
chan_flush(struct chan *ch, struct conn *dst)
{
    if (!ch->tx)
        return true;
    if (!(dst->flags & CONN_WR_READY))
        return false;
    struct iovec iov = { buf_head(ch->tx), buf_len(ch->tx) };
    ssize_t n = conn_sendv(dst, &iov, 1, false);

    ch->tx->head += (uint32_t)n;
    if (buf_len(ch->tx))
        return false;
    buf_put(&ch->tx);
    return true;
}

bool
chan_write(struct chan *ch, struct conn *dst, struct iovec *iov, unsigned n, bool more)
{
    size_t total = 0, sent = 0;

    DASSERT(!ch->tx);
    for (unsigned i = 0; i < n; i++)
        total += iov[i].iov_len;
    if (dst->flags & CONN_WR_READY) {
        sent = (size_t)conn_sendv(dst, iov, n, more);
        if (unlikely(dst->flags & CONN_ERR))
            return false;
    }
    ch->out_bytes += total;
    if (likely(sent == total))
        return true;
    /* The socket is full: keep the rest, read less at a time. */
    ch->read_size = READ_SIZE_MIN;
    if (!(ch->tx = buf_get_sized(total - sent)))
        return false;
    for (unsigned i = 0; i < n; i++) {
        size_t skip = MIN(sent, iov[i].iov_len);
        size_t left = iov[i].iov_len - skip;
        sent -= skip;
        if (left)
            memcpy(ch->tx->data + ch->tx->tail, (char *)iov[i].iov_base + skip, left);
        ch->tx->tail += (uint32_t)left;
    }
    return true;
}

/* Memory for what stands around payload. */
struct framing {
    char head[H1_CHUNK_HEADER_MAX];
    char tail[4096];
};

/* Puts framing around payload; returns the number of slices (at most 4), which point into `f`. */
static unsigned
frame(struct chan *ch, char *data, size_t len, bool end, struct iovec *iov, struct framing *f)
{
    struct out tail = OUT(f->tail);
    unsigned n = 0;

    if (ch->out != H1_FRAME_CHUNKED) {
        if (len)
            iov[n++] = (struct iovec){ data, len };
        return n;
    }
    if (len) {
        struct out o = OUT(f->head);
        h1_chunk_header(&o, len);
        iov[n++] = (struct iovec){ f->head, o.len };
        iov[n++] = (struct iovec){ data, len };
        out_lit(&tail, "\r\n");
    }
    if (end)
        h1_chunk_end(ch->h1.trailers, NULL, &tail);
    if (tail.len)
        iov[n++] = (struct iovec){ tail.p, tail.len };
    return n;
}

/* Payload that was decoded or is opaque; `end`: it is the last. */
static enum pump_rc
send_payload(struct chan *ch, struct conn *dst, char *data, size_t len, bool end)
{
    struct iovec iov[4];
    struct framing f;

    ch->body += len;
    unsigned n = frame(ch, data, len, end, iov, &f);
    if (n && !chan_write(ch, dst, iov, n, false))
        return PUMP_ERR_OUT;
    return PUMP_BLOCKED;
}

/* Bytes waiting in the source's buffer. */
static enum pump_rc
pump_buffered(struct stream *s, struct chan *ch, struct conn *src, struct conn *dst, uint64_t room)
{
    struct buf *rx = src->rx;
    size_t used = 0, made = (size_t)MIN((uint64_t)ch->ready, room);
    enum h1_event ev = H1_DATA;
    char *data = buf_head(rx);

    if (!made) {
        ev = h1_body(&ch->h1, data, (size_t)MIN((uint64_t)buf_len(rx), room), &used, &made);
        if (ev == H1_ERR)
            return PUMP_BAD_IN;
        if (!used && ev == H1_MORE)
            return PUMP_BLOCKED;
        ch->in += used;
    } else {
        used = made; /* decoded before, by chan_buffer_body() */
        ch->ready -= (uint32_t)made;
        if (!ch->ready && h1_body_done(&ch->h1))
            ev = H1_END;
    }
    ch->eom_in = ev == H1_END;
    enum pump_rc rc = send_payload(ch, dst, data, made, ch->eom_in);
    rx->head += (uint32_t)used;
    if (rc != PUMP_BLOCKED)
        return rc;
    return PUMP_DONE; /* progress */
}

static bool
may_splice(const struct chan *ch, const struct conn *src, const struct conn *dst, uint64_t left)
{
    if (!tune.splice || ch->out == H1_FRAME_CHUNKED || !conn_can_splice(src) ||
        !conn_can_splice(dst))
        return false;
    if (left == UINT64_MAX)
        return ch->bulk; /* an opaque stream has proved to be one of big transfers */
    return left >= SPLICE_MIN || ch->pipe;
}

/* Trailer fields wait here until the end of the body is sent. Few are usual, more than that are
 * refused. */
#define TRAILERS_MAX 32u

bool
chan_body_begin(struct stream *s, struct chan *ch, enum h1_framing framing, uint64_t clen)
{
    h1_body_init(&ch->h1, framing, clen);
    ch->eom_in = h1_body_done(&ch->h1);
    if (framing != H1_FRAME_CHUNKED)
        return true;
    struct http_head *t = arena_alloc(&s->arena, sizeof(*t));
    struct http_hdr *fields = arena_alloc(&s->arena, TRAILERS_MAX * sizeof(*fields));
    if (!t || !fields)
        return false;
    http_head_init(t, fields, TRAILERS_MAX, &s->arena);
    ch->h1.trailers = t;
    return true;
}

static enum pump_rc
read_spliced(struct chan *ch, struct conn *src, uint64_t left)
{
    if (!ch->pipe && !(ch->pipe = pipe_get())) {
        ch->bulk = false;
        return PUMP_DONE; /* out of pipes: the caller copies */
    }
    ssize_t n = conn_splice_in(src, ch->pipe, (size_t)MIN(left, ch->pipe->size));
    if (n > 0) {
        h1_body_skip(&ch->h1, (uint64_t)n);
        ch->in += (uint64_t)n;
        ch->body += (uint64_t)n;
        ch->out_bytes += (uint64_t)n;
        ch->eom_in = h1_body_done(&ch->h1);
    }
    return PUMP_BLOCKED;
}

static void
count_spliced(struct stream *s, const struct chan *ch, uint64_t n)
{
    if (ch == &s->req) {
        FE_COUNT(s->fe, spliced_in, n);
        BE_COUNT(s->be, spliced_out, n);
    } else {
        FE_COUNT(s->fe, spliced_out, n);
        BE_COUNT(s->be, spliced_in, n);
    }
}

/* Opaque payload through the scratch memory: never more than belongs to this message. */
static enum pump_rc
read_opaque(struct chan *ch, struct conn *src, struct conn *dst, uint64_t left)
{
    char *data = buf_scratch();
    size_t want = (size_t)MIN(left, (uint64_t)ch->read_size);
    ssize_t n = conn_recv(src, data, want);

    if (n <= 0)
        return PUMP_BLOCKED;
    ch->in += (uint64_t)n;
    if ((size_t)n == ch->read_size) {
        if (left == UINT64_MAX)
            ch->bulk = true;
        if (ch->read_size < SCRATCH_SIZE)
            ch->read_size *= 2;
    }
    h1_body_skip(&ch->h1, (uint64_t)n);
    ch->eom_in = h1_body_done(&ch->h1);
    return send_payload(ch, dst, data, (size_t)n, ch->eom_in);
}

/* Chunked bodies, and the beginnings of others, are decoded in the source's own buffer. */
static enum pump_rc
read_framed(struct stream *s, struct chan *ch, struct conn *src)
{
    uint32_t pin = ch == &s->req ? s->req_pin : s->res_pin;

    if (src->rx && buf_len(src->rx) == 0)
        src->rx->head = src->rx->tail = pin;
    if (src->rx && buf_room(src->rx) == 0) {
        if (src->rx->head == pin)
            return PUMP_BAD_IN; /* a chunk header or trailer that fills the buffer */
        buf_compact(src->rx, pin);
    }
    conn_fill(src);
    return PUMP_BLOCKED;
}

static enum pump_rc
source_ended(struct chan *ch, struct conn *src, struct conn *dst)
{
    if (src->flags & CONN_ERR)
        return PUMP_ERR_IN;
    if (h1_eof(&ch->h1) != H1_END)
        return PUMP_BAD_IN;
    ch->eom_in = true;
    return send_payload(ch, dst, NULL, 0, true);
}

enum pump_rc
chan_pump(struct stream *s, struct chan *ch, struct conn *src, struct conn *dst)
{
    for (unsigned round = 0; round < PUMP_ROUNDS; round++) {
        if (dst->flags & CONN_ERR)
            return PUMP_ERR_OUT;
        if (!chan_flush(ch, dst))
            return dst->flags & CONN_ERR ? PUMP_ERR_OUT : PUMP_BLOCKED;
        while (ch->pipe && ch->pipe->len) {
            if (!(dst->flags & CONN_WR_READY))
                return PUMP_BLOCKED;
            conn_splice_out(dst, ch->pipe, !ch->eom_in);
            if (dst->flags & CONN_ERR)
                return PUMP_ERR_OUT;
        }
        if (ch->eom_in && !(ch->limit && ch->ready)) {
            ch->eom_out = true;
            pipe_put(&ch->pipe);
            return PUMP_DONE;
        }
        uint64_t room = UINT64_MAX, before = ch->body;
        if (unlikely(ch->limit != NULL) && !(room = stream_hooks.limit_room(s, ch)))
            return PUMP_BLOCKED;
        if (src->rx && buf_len(src->rx)) {
            enum pump_rc rc = pump_buffered(s, ch, src, dst, room);
            if (unlikely(ch->limit != NULL))
                stream_hooks.limit_used(s, ch, ch->body - before);
            if (rc == PUMP_DONE)
                continue;
            if (rc != PUMP_BLOCKED)
                return rc;
        }
        if (src->flags & CONN_EOF || (src->flags & CONN_ERR && !(src->flags & CONN_RD_READY))) {
            enum pump_rc rc = source_ended(ch, src, dst);
            if (rc != PUMP_BLOCKED)
                return rc;
            continue;
        }
        if (!(src->flags & CONN_RD_READY))
            return PUMP_BLOCKED;
        if (src->rx && !s->req_pin && !s->res_pin)
            conn_drop_rx(src); /* no head refers to it */
        uint64_t left = h1_body_left(&ch->h1);
        bool empty = !src->rx || !buf_len(src->rx);
        enum pump_rc rc = PUMP_BLOCKED;
        if (empty && may_splice(ch, src, dst, left)) {
            uint64_t in = ch->in;
            rc = read_spliced(ch, src, MIN(left, room));
            count_spliced(s, ch, ch->in - in);
            if (rc == PUMP_DONE)
                rc = read_opaque(ch, src, dst, MIN(left, room));
        } else if (empty && left > 0 &&
                   (left == UINT64_MAX || ch->h1.framing == H1_FRAME_LENGTH ||
                    left >= tune.bufsize)) {
            rc = read_opaque(ch, src, dst, MIN(left, room));
        } else {
            rc = read_framed(s, ch, src);
        }
        if (unlikely(ch->limit != NULL))
            stream_hooks.limit_used(s, ch, ch->body - before);
        if (rc != PUMP_BLOCKED)
            return rc;
    }
    task_wake(&s->task); /* more to do, but others come first */
    return PUMP_BLOCKED;
}

/* A small message leaves as one piece behind its head, which stands in the scratch memory: a copy
 * of a few hundred bytes is cheaper than handing the kernel a list. */
static unsigned
join_small(struct iovec *iov, unsigned n)
{
    size_t total = 0;
    char *scratch = buf_scratch();

    for (unsigned i = 0; i < n; i++)
        total += iov[i].iov_len;
    if (n < 2 || total > JOIN_MAX || iov[0].iov_base != scratch)
        return n;
    char *at = scratch + iov[0].iov_len;
    for (unsigned i = 1; i < n; i++) {
        memcpy(at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    iov[0].iov_len = total;
    return 1;
}

enum pump_rc
chan_open(struct stream *s, struct chan *ch, struct conn *src, struct conn *dst, struct slice head)
{
    struct iovec iov[5] = { { (char *)head.p, head.len } };
    unsigned n = 1;
    size_t used = 0, made = ch->ready;
    struct framing f;

    ch->opened = true;
    ch->kept = 0;
    if (unlikely(ch->limit != NULL) && (made || !ch->eom_in)) {
        made = 0; /* the body comes behind, as fast as the limits allow */
    } else if (src && src->rx && buf_len(src->rx) && (made || !ch->eom_in)) {
        enum h1_event ev = H1_DATA;
        char *data = buf_head(src->rx);
        if (made) {
            used = made;
        } else {
            ev = h1_body(&ch->h1, data, buf_len(src->rx), &used, &made);
            ch->in += used;
        }
        if (ev == H1_ERR)
            return PUMP_BAD_IN;
        ch->ready = 0;
        ch->eom_in = h1_body_done(&ch->h1);
        ch->body += made;
        n += frame(ch, data, made, ch->eom_in, iov + 1, &f);
    } else if (ch->eom_in && ch->out == H1_FRAME_CHUNKED) {
        n += frame(ch, NULL, 0, true, iov + 1, &f);
    }
    n = join_small(iov, n);
    bool ok = chan_write(ch, dst, iov, n, false);
    if (used) {
        src->rx->head += (uint32_t)used;
        /* All of it stays where it is until the stream ends: it can be sent again. */
        if (ch->eom_in && made == used)
            ch->kept = (uint32_t)used;
    }
    if (!ok)
        return PUMP_ERR_OUT;
    if (ch->eom_in && !ch->tx && !ch->ready)
        ch->eom_out = true;
    return PUMP_DONE;
}

bool
chan_decode(struct chan *ch, struct conn *src)
{
    struct buf *rx = src->rx;
    size_t raw = buf_len(rx) - ch->ready, used = 0, made = 0;
    char *at = buf_head(rx) + ch->ready;
    enum h1_event ev = h1_body(&ch->h1, at, raw, &used, &made);

    if (ev == H1_ERR)
        return false;
    ch->in += used;
    if (used > made) { /* close the gap that framing left */
        memmove(at + made, at + used, raw - used);
        rx->tail -= (uint32_t)(used - made);
    }
    ch->ready += (uint32_t)made;
    ch->eom_in = ev == H1_END;
    return true;
}

bool
chan_buffer_body(struct stream *s, struct chan *ch, struct conn *src, uint32_t pin)
{
    struct buf *rx = src->rx;

    /* Decoded bytes stay at the head, raw ones follow them. */
    if (ch->eom_in || (rx && buf_room(rx) == 0 && rx->head == pin && buf_len(rx) == ch->ready))
        return false;
    if (rx && buf_room(rx) == 0)
        buf_compact(rx, pin);
    bool changed = conn_fill(src);
    if (!(rx = src->rx))
        return changed;
    uint32_t before = ch->ready;
    if (buf_len(rx) == before && h1_body_left(&ch->h1))
        return changed;
    if (!chan_decode(ch, src)) {
        src->flags |= CONN_ERR;
        src->flags &= ~(unsigned)CONN_RD_READY;
        return true;
    }
    return changed || ch->ready > before || ch->eom_in;
}

void
chan_release(struct chan *ch)
{
    buf_put(&ch->tx);
    pipe_put(&ch->pipe);
}
