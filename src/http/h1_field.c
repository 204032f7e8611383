/* h1_field.c - HTTP/1 field lines (headers and trailers), one at a time, resumable (RFC 9112, 5).
 * Names are lower-cased and obs-folds are blanked in the buffer. */
#include "http/h1_int.h"
#include "http/h1_scan.h"

#define L(c) [c] = c, [c - 32] = c
#define S(c) [c] = c
const unsigned char h1_token_lower[256] = {
    L('a'), L('b'), L('c'), L('d'), L('e'), L('f'), L('g'), L('h'), L('i'),  L('j'), L('k'),
    L('l'), L('m'), L('n'), L('o'), L('p'), L('q'), L('r'), L('s'), L('t'),  L('u'), L('v'),
    L('w'), L('x'), L('y'), L('z'), S('0'), S('1'), S('2'), S('3'), S('4'),  S('5'), S('6'),
    S('7'), S('8'), S('9'), S('!'), S('#'), S('$'), S('%'), S('&'), S('\''), S('*'), S('+'),
    S('-'), S('.'), S('^'), S('_'), S('`'), S('|'), S('~'),
};
#undef L
#undef S

/* Relaxed parsing: skips to the colon of an impossible name; the whole field will be dropped. */
static enum h1_step
bad_name(struct h1_in *in)
{
    struct h1 *h = in->h;

    if (!h->limits->relax)
        return h1_fail(h, 400, in->pos, "invalid character in a header name");
    h->dropped = true;
    in->head->flags |= HTTP_HF_VIOLATION;
    while (in->pos < in->len && in->buf[in->pos] != ':' && in->buf[in->pos] != H1_LF)
        in->pos++;
    if (in->pos == in->len)
        return H1_STEP_MORE;
    if (in->buf[in->pos] == H1_LF)
        return h1_fail(h, 400, in->pos, "header line without a colon");
    return H1_STEP_NEXT;
}

static inline enum h1_step
read_name(struct h1_in *in)
{
    struct h1 *h = in->h;
    char *buf = in->buf;
    size_t pos = in->pos, len = in->len;
    unsigned char c;

    if (likely(!h->dropped))
        while (pos < len && (c = h1_token_lower[(unsigned char)buf[pos]]) != 0)
            buf[pos++] = (char)c;
    in->pos = pos;
    if (pos == len)
        return H1_STEP_MORE;
    if (unlikely(buf[pos] != ':')) {
        enum h1_step s = bad_name(in);
        if (s != H1_STEP_NEXT)
            return s;
    }
    if (unlikely(in->pos == h->mark))
        return h1_fail(h, 400, in->pos, "empty header name");
    h->name_end = in->pos++;
    h->state = H1_S_VALUE;
    return H1_STEP_NEXT;
}

static inline enum h1_step
read_value(struct h1_in *in)
{
    struct h1 *h = in->h;

    for (;;) {
        in->pos = h1_scan_value(in->buf, in->pos, in->len);
        if (in->pos == in->len)
            return H1_STEP_MORE;
        if (likely(in->buf[in->pos] != '\0'))
            break;
        if (!h->limits->relax)
            return h1_fail(h, 400, in->pos, "NUL in a header value");
        in->head->flags |= HTTP_HF_VIOLATION;
        in->pos++;
    }
    h->state = in->buf[in->pos] == H1_CR ? H1_S_VALUE_LF : H1_S_VALUE_NEXT;
    in->pos++;
    return H1_STEP_NEXT;
}

/* A blank after the line end continues the value: the line end becomes blanks (RFC 9112, 5.2). */
static void
unfold(struct h1_in *in)
{
    in->buf[in->pos - 1] = ' ';
    if (in->buf[in->pos - 2] == H1_CR)
        in->buf[in->pos - 2] = ' ';
    in->h->state = H1_S_VALUE;
}

static void
make_field(struct h1_in *in, struct h1_field *f)
{
    const char *from = in->buf + in->h->name_end + 1;
    const char *to = in->buf + in->pos - 1; /* the LF */

    if (to[-1] == H1_CR)
        to--;
    while (from < to && h1_is_blank(*from))
        from++;
    while (to > from && h1_is_blank(to[-1]))
        to--;
    f->value = slice(from, (size_t)(to - from));
    f->name = slice(in->buf + in->h->mark, in->h->name_end - in->h->mark);
    if (unlikely(in->h->dropped))
        f->name = SLICE_NONE;
}

/* At the first byte of a line. */
static enum h1_step
read_start(struct h1_in *in)
{
    struct h1 *h = in->h;
    char c = in->buf[in->pos];

    h->mark = in->pos;
    h->dropped = false;
    if (likely(c != H1_CR && c != H1_LF)) {
        h->state = H1_S_NAME;
        return H1_STEP_NEXT;
    }
    in->pos++;
    if (c == H1_LF)
        return H1_STEP_END;
    h->state = H1_S_LAST_LF;
    return H1_STEP_NEXT;
}

static enum h1_step
expect_lf(struct h1_in *in)
{
    if (in->buf[in->pos] != H1_LF)
        return h1_fail(in->h, 400, in->pos, "carriage return without line feed");
    in->pos++;
    return H1_STEP_NEXT;
}

enum h1_step
h1_field_read(struct h1_in *in, struct h1_field *f)
{
    struct h1 *h = in->h;
    enum h1_step s = H1_STEP_NEXT;

    while (s == H1_STEP_NEXT && in->pos < in->len) {
        switch (h->state) {
        case H1_S_FIELD:
            s = read_start(in);
            if (s != H1_STEP_NEXT || h->state != H1_S_NAME)
                continue;
            /* fall through */
        case H1_S_NAME:
            s = read_name(in);
            if (s != H1_STEP_NEXT)
                continue;
            /* fall through */
        case H1_S_VALUE:
            s = read_value(in);
            continue;
        case H1_S_VALUE_LF:
            s = expect_lf(in);
            h->state = s == H1_STEP_NEXT ? H1_S_VALUE_NEXT : h->state;
            continue;
        case H1_S_LAST_LF:
            s = expect_lf(in);
            return s == H1_STEP_NEXT ? H1_STEP_END : s;
        default: /* H1_S_VALUE_NEXT */
            if (unlikely(h1_is_blank(in->buf[in->pos]))) {
                unfold(in);
                continue;
            }
            make_field(in, f);
            h->state = H1_S_FIELD;
            return H1_STEP_NEXT;
        }
    }
    return s == H1_STEP_NEXT ? H1_STEP_MORE : s;
}
