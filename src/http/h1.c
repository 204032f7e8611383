/* h1.c - HTTP/1 heads: bytes in, a table of slices out (RFC 9112, 2 to 5).
 * A state machine over one flat buffer. Every state can run out of bytes and goes on where it
 * stopped; within a state the work is done by the scanners of h1_scan.h. Must not know sockets or
 * clocks. */
#include "http/h1_fast.h"
#include "http/h1_int.h"
#include "http/h1_scan.h"

void
h1_init(struct h1 *h, enum h1_role role, const struct h1_limits *limits)
{
    *h = (struct h1){ .limits = limits, .role = role, .state = H1_S_START };
}

enum h1_step
h1_fail(struct h1 *h, unsigned status, size_t pos, const char *text)
{
    h->state = H1_S_FAILED;
    h->status = (unsigned short)(h->role == H1_RESPONSE ? 502 : status);
    h->err_pos = pos;
    h->error = text;
    return H1_STEP_ERR;
}

unsigned
h1_overflow_status(const struct h1 *h)
{
    if (h->role == H1_RESPONSE)
        return 502;
    return h->state < H1_S_FIELD ? 414 : 431;
}

static inline enum h1_step
go(struct h1 *h, enum h1_state state)
{
    h->state = (unsigned char)state;
    return H1_STEP_NEXT;
}

static inline size_t
skip_blanks(struct h1_in *in)
{
    while (in->pos < in->len && h1_is_blank(in->buf[in->pos]))
        in->pos++;
    return in->pos;
}

/* The token that began at h->mark and ends here. */
static inline struct slice
token(const struct h1_in *in)
{
    return slice(in->buf + in->h->mark, in->pos - in->h->mark);
}

/* Behind the start line: `c` is its CR or LF. */
static inline enum h1_step
line_end(struct h1_in *in, char c)
{
    in->pos++;
    return go(in->h, c == H1_LF ? H1_S_FIELD : H1_S_LINE_LF);
}

/* ---- start line --------------------------------------------------------------------------------
 */

/* Empty lines in front of a message are skipped (RFC 9112, 2.2). */
static enum h1_step
read_start(struct h1_in *in)
{
    while (in->pos < in->len && in->buf[in->pos] == H1_LF)
        in->pos++;
    if (in->pos == in->len)
        return H1_STEP_MORE;
    if (in->buf[in->pos] == H1_CR) {
        in->pos++;
        return go(in->h, H1_S_START_LF);
    }
    in->h->started = true;
    in->h->mark = in->pos;
    bool response = in->h->role == H1_RESPONSE;
    size_t next = response ? h1_fast_status_line(in->buf, in->pos, in->len, in->head)
                           : h1_fast_request_line(in->buf, in->pos, in->len, in->head);
    if (likely(next)) {
        in->pos = next;
        return go(in->h, H1_S_FIELD);
    }
    return go(in->h, response ? H1_S_VERSION : H1_S_METHOD);
}

static enum h1_step
read_lf(struct h1_in *in, enum h1_state next)
{
    if (in->buf[in->pos] != H1_LF)
        return h1_fail(in->h, 400, in->pos, "carriage return without line feed");
    in->pos++;
    return go(in->h, next);
}

static enum h1_step
read_method(struct h1_in *in)
{
    while (in->pos < in->len && h1_token_lower[(unsigned char)in->buf[in->pos]])
        in->pos++;
    if (in->pos == in->len)
        return H1_STEP_MORE;
    if (!h1_is_blank(in->buf[in->pos]) || in->pos == in->h->mark)
        return h1_fail(in->h, 400, in->pos, "invalid character in the method");
    in->head->method = token(in);
    in->head->meth = http_method_of(in->head->method);
    return go(in->h, H1_S_METHOD_SP);
}

static enum h1_step
read_method_sp(struct h1_in *in)
{
    if (skip_blanks(in) == in->len)
        return H1_STEP_MORE;
    in->h->mark = in->pos;
    return go(in->h, H1_S_TARGET);
}

/* HTTP/0.9: only a method and a target; accepted when relaxed, and sent as 1.0. */
static enum h1_step
no_version(struct h1_in *in)
{
    if (!in->h->limits->relax || in->head->meth != HTTP_GET)
        return h1_fail(in->h, 400, in->pos, "request line without a version");
    in->head->flags |= HTTP_HF_VIOLATION;
    in->head->version = 10;
    in->head->version_str = SL("HTTP/1.0");
    return line_end(in, in->buf[in->pos]);
}

/* True if relaxed parsing lets a byte pass that has no place in a target. */
static bool
target_tolerates(struct h1_in *in, unsigned char c)
{
    if (!in->h->limits->relax || (c != '#' && c < 0x80))
        return false;
    in->head->flags |= HTTP_HF_VIOLATION;
    return true;
}

static enum h1_step
read_target(struct h1_in *in)
{
    char c;

    for (;;) {
        in->pos = h1_scan_target(in->buf, in->pos, in->len);
        if (in->pos == in->len)
            return H1_STEP_MORE;
        c = in->buf[in->pos];
        if (likely(c == ' ') || !target_tolerates(in, (unsigned char)c))
            break;
        in->pos++;
    }
    bool end = c == H1_CR || c == H1_LF;
    if (in->pos == in->h->mark || !(end || h1_is_blank(c)))
        return h1_fail(in->h, 400, in->pos, "invalid character in the request target");
    in->head->target = token(in);
    return end ? no_version(in) : go(in->h, H1_S_TARGET_SP);
}

static enum h1_step
read_target_sp(struct h1_in *in)
{
    if (skip_blanks(in) == in->len)
        return H1_STEP_MORE;
    if (in->buf[in->pos] == H1_CR || in->buf[in->pos] == H1_LF)
        return no_version(in);
    in->h->mark = in->pos;
    return go(in->h, H1_S_VERSION);
}

/* "XXXX/d.d": sets the number; false for any other form. */
static bool
version_number(struct http_head *head, struct slice v)
{
    unsigned major, minor;

    if (v.len != 8 || v.p[4] != '/' || v.p[6] != '.')
        return false;
    major = (unsigned)(unsigned char)v.p[5] - '0';
    minor = (unsigned)(unsigned char)v.p[7] - '0';
    if (major > 9 || minor > 9)
        return false;
    head->version = major * 10 + minor;
    return true;
}

/* Digits, capitals, '/' and '.'. */
static bool
is_version_char(unsigned char c)
{
    return (c >= '.' && c <= '9') || (c >= 'A' && c <= 'Z');
}

static enum h1_step
check_version(struct h1_in *in)
{
    struct http_head *head = in->head;
    struct slice v = token(in);

    head->version_str = v;
    bool number = version_number(head, v);
    bool known = number && (memcmp(v.p, "HTTP", 4) == 0 ||
                            (in->h->role == H1_RESPONSE && memcmp(v.p, "RTSP", 4) == 0));
    if (likely(known))
        return H1_STEP_NEXT;
    if (!in->h->limits->relax)
        return h1_fail(in->h, 400, in->h->mark, "invalid HTTP version");
    head->flags |= HTTP_HF_VIOLATION;
    if (!number) {
        head->flags |= HTTP_HF_VERSION_BAD;
        head->version = 10; /* whatever it is, it does not know HTTP/1.1 */
    }
    return H1_STEP_NEXT;
}

static enum h1_step
read_version(struct h1_in *in)
{
    while (in->pos < in->len && is_version_char((unsigned char)in->buf[in->pos]))
        in->pos++;
    if (in->pos == in->len)
        return H1_STEP_MORE;
    char c = in->buf[in->pos];
    bool request = in->h->role == H1_REQUEST;
    bool end = request ? c == H1_CR || c == H1_LF : h1_is_blank(c);
    if (!end || in->pos == in->h->mark)
        return h1_fail(in->h, 400, in->pos, "invalid character in the HTTP version");
    enum h1_step s = check_version(in);
    if (s != H1_STEP_NEXT)
        return s;
    return request ? line_end(in, c) : go(in->h, H1_S_VERSION_SP);
}

static enum h1_step
read_version_sp(struct h1_in *in)
{
    if (skip_blanks(in) == in->len)
        return H1_STEP_MORE;
    in->h->mark = in->pos;
    return go(in->h, H1_S_STATUS);
}

static enum h1_step
read_status(struct h1_in *in)
{
    struct h1 *h = in->h;
    unsigned status = 0;

    while (in->pos < in->len && in->buf[in->pos] >= '0' && in->buf[in->pos] <= '9')
        in->pos++;
    if (in->pos == in->len)
        return H1_STEP_MORE;
    char c = in->buf[in->pos];
    bool end = c == H1_CR || c == H1_LF;
    struct slice digits = token(in);
    if (digits.len < 3 || digits.len > (h->limits->relax ? 5 : 3) || !(end || h1_is_blank(c)))
        return h1_fail(h, 502, in->pos, "invalid status code");
    for (size_t i = 0; i < digits.len; i++)
        status = status * 10 + (unsigned)(digits.p[i] - '0');
    if (status < 100 || status > UINT16_MAX)
        return h1_fail(h, 502, h->mark, "status code out of range");
    in->head->status = status;
    in->head->reason = slice(in->buf + in->pos, 0);
    return end ? line_end(in, c) : go(h, H1_S_STATUS_SP);
}

static enum h1_step
read_status_sp(struct h1_in *in)
{
    if (skip_blanks(in) == in->len)
        return H1_STEP_MORE;
    in->h->mark = in->pos;
    return go(in->h, H1_S_REASON);
}

static enum h1_step
read_reason(struct h1_in *in)
{
    for (;;) {
        in->pos = h1_scan_value(in->buf, in->pos, in->len);
        if (in->pos == in->len)
            return H1_STEP_MORE;
        if (in->buf[in->pos] != '\0')
            break;
        if (!in->h->limits->relax)
            return h1_fail(in->h, 502, in->pos, "NUL in the reason phrase");
        in->pos++;
    }
    in->head->reason = token(in);
    return line_end(in, in->buf[in->pos]);
}

static enum h1_step
start_line(struct h1_in *in)
{
    switch (in->h->state) {
    case H1_S_START:
        return read_start(in);
    case H1_S_START_LF:
        return read_lf(in, H1_S_START);
    case H1_S_METHOD:
        return read_method(in);
    case H1_S_METHOD_SP:
        return read_method_sp(in);
    case H1_S_TARGET:
        return read_target(in);
    case H1_S_TARGET_SP:
        return read_target_sp(in);
    case H1_S_VERSION:
        return read_version(in);
    case H1_S_VERSION_SP:
        return read_version_sp(in);
    case H1_S_STATUS:
        return read_status(in);
    case H1_S_STATUS_SP:
        return read_status_sp(in);
    case H1_S_REASON:
        return read_reason(in);
    default: /* H1_S_LINE_LF */
        return read_lf(in, H1_S_FIELD);
    }
}

/* ---- the whole head ----------------------------------------------------------------------------
 */

/* Counts, interprets and stores a field. A name of NULL stands for one that is dropped. */
static inline enum h1_step
field_take(struct h1_in *in, struct h1_field *f)
{
    struct http_head *head = in->head;

    if (unlikely(++in->h->nfields >= in->h->limits->hdr_max))
        return h1_fail(in->h, 400, in->h->mark, "too many headers");
    if (unlikely(!f->name.p))
        return H1_STEP_NEXT;
    const struct h1_known *k = &h1_known[(f->name.len + (unsigned char)f->name.p[0]) & 31];
    if (unlikely(k->len == f->name.len && memcmp(k->name, f->name.p, k->len) == 0)) {
        enum h1_step s = k->take(in, f);
        if (s != H1_STEP_NEXT || !f->name.p)
            return s;
    }
    if (unlikely(head->nhdr >= head->hdr_max))
        return h1_fail(in->h, 400, in->h->mark, "too many headers");
    head->hdr[head->nhdr++] = (struct http_hdr){ f->name, f->value };
    return H1_STEP_NEXT;
}

/* Is this the empty line behind the fields, complete? */
static inline bool
at_end(const struct h1_in *in)
{
    return in->len - in->pos >= 2 && in->buf[in->pos] == H1_CR && in->buf[in->pos + 1] == H1_LF;
}

static HOT enum h1_step
header_lines(struct h1_in *in)
{
    struct h1_field f;
    enum h1_step s = H1_STEP_NEXT;

    while (s == H1_STEP_NEXT) {
        if (in->h->state == H1_S_FIELD && at_end(in)) {
            in->pos += 2;
            return H1_STEP_END;
        }
        size_t next = in->h->state == H1_S_FIELD ? h1_fast_field(in->buf, in->pos, in->len, &f) : 0;
        if (likely(next)) {
            in->h->mark = in->pos;
            in->pos = next;
        } else {
            s = h1_field_read(in, &f);
            if (s != H1_STEP_NEXT)
                break;
        }
        s = field_take(in, &f);
    }
    return s;
}

/* Slices point into the buffer: when it moved, everything is read again (what was changed in place
 * reads the same a second time). */
static void
restart(struct h1 *h, struct http_head *head, const char *buf)
{
    struct http_head *trailers = h->trailers;

    if (h->base) {
        h1_init(h, h->role, h->limits);
        h->trailers = trailers;
        http_head_reset(head);
    }
    h->base = buf;
    head->is_response = h->role == H1_RESPONSE;
}

static enum h1_event
too_long(struct h1 *h, size_t len)
{
    unsigned status = h1_overflow_status(h);
    h1_fail(h, status, len, status == 414 ? "request line too long" : "header block too long");
    return H1_ERR;
}

static enum h1_event
need_more(struct h1 *h, size_t len)
{
    return h->limits->head_max && len >= h->limits->head_max ? too_long(h, len) : H1_MORE;
}

enum h1_event
h1_head(struct h1 *h, char *buf, size_t len, struct http_head *head, size_t *used)
{
    enum h1_step s = H1_STEP_NEXT;

    *used = 0;
    if (h->state >= H1_S_HEAD_DONE)
        return H1_ERR;
    if (h->base != buf)
        restart(h, head, buf);
    struct h1_in in = { .h = h, .head = head, .buf = buf, .len = len, .pos = h->pos };
    while (s == H1_STEP_NEXT && h->state < H1_S_FIELD)
        s = in.pos < len ? start_line(&in) : H1_STEP_MORE;
    if (likely(s == H1_STEP_NEXT))
        s = header_lines(&in);
    h->pos = in.pos;
    if (s == H1_STEP_MORE)
        return need_more(h, len);
    if (unlikely(h->limits->head_max && in.pos > h->limits->head_max))
        return too_long(h, in.pos); /* it came in one piece, but leaves no room for edits */
    if (s == H1_STEP_END)
        s = h1_head_check(&in);
    if (unlikely(s == H1_STEP_ERR))
        return H1_ERR;
    h->state = H1_S_HEAD_DONE;
    *used = in.pos;
    return H1_HEAD;
}
