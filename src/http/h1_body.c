/* h1_body.c - HTTP/1 bodies: content-length, chunked, until close, tunnel (RFC 9112, 6 and 7).
 * Payload stays where it is, or moves towards the front of the caller's buffer when chunk headers
 * lie between. */
#include "http/h1_int.h"
#include "http/uri.h"

#define CHUNK_SIZE_MAX ((uint64_t)INT64_MAX)
/* A chunk-size line with its extensions, when the limits say nothing. */
#define CHUNK_LINE_MAX 16384u

enum h1_framing
h1_framing_request(const struct http_head *head)
{
    if (head->meth == HTTP_CONNECT)
        return H1_FRAME_NONE;
    if (head->flags & HTTP_HF_CHUNKED)
        return H1_FRAME_CHUNKED;
    return (head->flags & HTTP_HF_CLEN) && head->clen ? H1_FRAME_LENGTH : H1_FRAME_NONE;
}

enum h1_framing
h1_framing_response(const struct http_head *head, enum http_method req_meth)
{
    if (head->status == 101)
        return H1_FRAME_TUNNEL;
    if (head->status < 200 || head->status == 204 || head->status == 304 || req_meth == HTTP_HEAD)
        return H1_FRAME_NONE;
    if (req_meth == HTTP_CONNECT && head->status < 300)
        return H1_FRAME_TUNNEL;
    if (head->flags & HTTP_HF_CHUNKED)
        return H1_FRAME_CHUNKED;
    if (head->flags & HTTP_HF_CLEN)
        return head->clen ? H1_FRAME_LENGTH : H1_FRAME_NONE;
    return H1_FRAME_CLOSE;
}

void
h1_body_init(struct h1 *h, enum h1_framing framing, uint64_t clen)
{
    h->framing = framing;
    h->body_bytes = 0;
    h->pos = h->mark = h->name_end = 0;
    h->nfields = 0;
    h->left = 0;
    h->state = H1_S_DATA;
    if (framing == H1_FRAME_LENGTH)
        h->left = clen;
    else if (framing == H1_FRAME_CHUNKED)
        h->state = H1_S_CHUNK_START;
    else if (framing != H1_FRAME_NONE)
        h->left = UINT64_MAX;
    if (h->left == 0 && framing != H1_FRAME_CHUNKED)
        h->state = H1_S_DONE;
}

bool
h1_body_done(const struct h1 *h)
{
    return h->state == H1_S_DONE;
}

uint64_t
h1_body_left(const struct h1 *h)
{
    return h->state == H1_S_DATA ? h->left : 0;
}

void
h1_body_skip(struct h1 *h, uint64_t n)
{
    DASSERT(n <= h1_body_left(h));
    h->body_bytes += n;
    if (h->framing == H1_FRAME_CLOSE || h->framing == H1_FRAME_TUNNEL)
        return;
    h->left -= MIN(n, h->left);
    if (h->left == 0)
        h->state = h->framing == H1_FRAME_CHUNKED ? H1_S_DATA_CR : H1_S_DONE;
}

/* ---- chunks ------------------------------------------------------------------------------------
 */

static enum h1_step
go(struct h1_in *in, enum h1_state state)
{
    in->h->state = (unsigned char)state;
    in->pos++;
    return H1_STEP_NEXT;
}

static enum h1_step
chunk_size(struct h1_in *in)
{
    struct h1 *h = in->h;
    int d = http_hex_value(in->buf[in->pos]);

    if (h->state == H1_S_CHUNK_START) {
        if (d < 0)
            return h1_fail(h, 400, in->pos, "chunk size expected");
        h->left = 0;
        h->line_len = 0;
        h->state = H1_S_CHUNK_SIZE;
    }
    if (d < 0) {
        h->state = H1_S_CHUNK_SP;
        return H1_STEP_NEXT;
    }
    if (h->left > (CHUNK_SIZE_MAX - (unsigned)d) >> 4)
        return h1_fail(h, 400, in->pos, "chunk size out of range");
    h->left = h->left << 4 | (unsigned)d;
    return go(in, H1_S_CHUNK_SIZE);
}

static enum h1_step
chunk_blank(struct h1_in *in)
{
    char c = in->buf[in->pos];

    if (h1_is_blank(c))
        return go(in, H1_S_CHUNK_SP);
    if (c == H1_CR)
        return go(in, H1_S_CHUNK_SIZE_LF);
    if (c != ';')
        return h1_fail(in->h, 400, in->pos, "invalid character in a chunk size");
    in->h->quoted = in->h->escaped = false;
    return go(in, H1_S_CHUNK_EXT);
}

/* Extensions are checked and dropped. Quoted strings must end within the line. */
static enum h1_step
chunk_ext(struct h1_in *in)
{
    struct h1 *h = in->h;
    char c = in->buf[in->pos];

    if (c == H1_CR && !h->quoted)
        return go(in, H1_S_CHUNK_SIZE_LF);
    if (((unsigned char)c < ' ' && c != '\t') || c == 0x7f)
        return h1_fail(h, 400, in->pos, "invalid character in a chunk extension");
    if (h->escaped)
        h->escaped = false;
    else if (h->quoted && c == '\\')
        h->escaped = true;
    else if (c == '"')
        h->quoted = !h->quoted;
    in->pos++;
    return H1_STEP_NEXT;
}

static enum h1_step
chunk_lf(struct h1_in *in)
{
    struct h1 *h = in->h;

    if (in->buf[in->pos] != H1_LF)
        return h1_fail(h, 400, in->pos, "chunk line does not end with CR LF");
    if (h->state == H1_S_DATA_LF)
        return go(in, H1_S_CHUNK_START);
    if (h->left)
        return go(in, H1_S_DATA);
    in->pos++;
    h->state = H1_S_FIELD;
    h->mark = in->pos;
    return H1_STEP_NEXT;
}

/* Copies payload to its place at *out. */
static enum h1_step
chunk_data(struct h1_in *in, size_t *out)
{
    struct h1 *h = in->h;
    size_t n = in->len - in->pos;

    if (n > h->left)
        n = (size_t)h->left;
    if (*out != in->pos)
        memmove(in->buf + *out, in->buf + in->pos, n);
    *out += n;
    in->pos += n;
    h->left -= n;
    h->body_bytes += n;
    if (h->left == 0)
        h->state = H1_S_DATA_CR;
    return H1_STEP_NEXT;
}

/* Bounds what a peer may send between two chunks. */
static enum h1_step
count_line(struct h1_in *in)
{
    size_t max = in->h->limits->head_max ? in->h->limits->head_max : CHUNK_LINE_MAX;

    if (++in->h->line_len > max)
        return h1_fail(in->h, 400, in->pos, "chunk size line too long");
    return H1_STEP_NEXT;
}

/* ---- trailers ----------------------------------------------------------------------------------
 */

/* Fields which must not be in trailers because they would change what was already decided
 * (RFC 9110, 6.5.1). They are dropped. */
static bool
trailer_is_forbidden(struct slice name)
{
    static const char *const names[] = {
        "connection", "content-length",    "host",   "keep-alive", "te",
        "trailer",    "transfer-encoding", "upgrade"
    };

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (slice_eq_str(name, names[i]))
            return true;
    return false;
}

static enum h1_step
trailers(struct h1_in *in)
{
    struct h1 *h = in->h;
    struct http_head none = { .nhdr = 0 };
    struct h1_field f;
    enum h1_step s;

    in->head = h->trailers ? h->trailers : &none;
    while ((s = h1_field_read(in, &f)) == H1_STEP_NEXT) {
        if (++h->nfields >= h->limits->hdr_max)
            return h1_fail(h, 400, h->mark, "too many trailers");
        if (!h->trailers || !f.name.p || trailer_is_forbidden(f.name))
            continue;
        if (!http_hdr_add(h->trailers, f.name, f.value))
            return h1_fail(h, 400, h->mark, "trailers too large");
        h->trailers->flags &= ~HTTP_HF_MODIFIED;
    }
    if (s == H1_STEP_END)
        h->state = H1_S_DONE;
    return s;
}

/* A field that is not complete stays in the caller's buffer and will come again at its front. */
static enum h1_step
keep_line(struct h1_in *in)
{
    struct h1 *h = in->h;
    size_t max = h->limits->head_max ? h->limits->head_max : SIZE_MAX;
    size_t from = h->state == H1_S_FIELD || h->state == H1_S_LAST_LF ? in->pos : h->mark;

    if (in->len - from >= max)
        return h1_fail(h, 431, from, "trailer too long");
    h->pos = in->pos - from;
    h->name_end -= MIN(from, h->name_end);
    h->mark = 0;
    in->pos = from;
    return H1_STEP_MORE;
}

/* ---- entry points -------------------------------------------------------------------------------
 */

static enum h1_step
chunk_step(struct h1_in *in, size_t *out)
{
    switch (in->h->state) {
    case H1_S_DATA:
        return chunk_data(in, out);
    case H1_S_DATA_CR:
        if (in->buf[in->pos] != H1_CR)
            return h1_fail(in->h, 400, in->pos, "chunk does not end with CR LF");
        return go(in, H1_S_DATA_LF);
    case H1_S_CHUNK_SIZE_LF:
    case H1_S_DATA_LF:
        return chunk_lf(in);
    default:
        break;
    }
    enum h1_step s = count_line(in);
    if (s != H1_STEP_NEXT)
        return s;
    switch (in->h->state) {
    case H1_S_CHUNK_START:
    case H1_S_CHUNK_SIZE:
        return chunk_size(in);
    case H1_S_CHUNK_SP:
        return chunk_blank(in);
    default:
        return chunk_ext(in);
    }
}

static inline bool
in_trailers(const struct h1 *h)
{
    return h->state >= H1_S_FIELD && h->state <= H1_S_LAST_LF;
}

static enum h1_event
chunked(struct h1 *h, char *buf, size_t len, size_t *consumed, size_t *produced)
{
    struct h1_in in = { .h = h, .buf = buf, .len = len, .pos = h->pos };
    enum h1_step s = H1_STEP_NEXT;
    size_t out = 0;

    h->pos = 0;
    while (s == H1_STEP_NEXT && in.pos < len && !in_trailers(h) && h->state != H1_S_DONE)
        s = chunk_step(&in, &out);
    if (s != H1_STEP_ERR && in_trailers(h)) {
        s = trailers(&in);
        if (s == H1_STEP_MORE)
            s = keep_line(&in);
    }
    *produced = out;
    *consumed = in.pos;
    if (s == H1_STEP_ERR)
        return H1_ERR;
    if (h->state == H1_S_DONE)
        return H1_END;
    return out ? H1_DATA : H1_MORE;
}

enum h1_event
h1_body(struct h1 *h, char *buf, size_t len, size_t *consumed, size_t *produced)
{
    *consumed = *produced = 0;
    if (h->state == H1_S_DONE)
        return H1_END;
    if (h->state <= H1_S_FIELD - 1 || h->state == H1_S_HEAD_DONE || h->state == H1_S_FAILED)
        return H1_ERR;
    if (h->framing == H1_FRAME_CHUNKED)
        return chunked(h, buf, len, consumed, produced);
    if ((uint64_t)len > h->left)
        len = (size_t)h->left;
    *consumed = *produced = len;
    h1_body_skip(h, len);
    if (h->state == H1_S_DONE)
        return H1_END;
    return len ? H1_DATA : H1_MORE;
}

enum h1_event
h1_eof(struct h1 *h)
{
    if (h->state <= H1_S_START_LF && !h->started)
        return H1_MORE;
    if (h->state == H1_S_DONE)
        return H1_END;
    if (h->state == H1_S_DATA && (h->framing == H1_FRAME_CLOSE || h->framing == H1_FRAME_TUNNEL)) {
        h->state = H1_S_DONE;
        return H1_END;
    }
    if (h->state != H1_S_FAILED)
        h1_fail(h, 400, h->pos, "connection closed within a message");
    return H1_ERR;
}
