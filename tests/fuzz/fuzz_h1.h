/* fuzz_h1.h - one HTTP/1 message, fed whole and fed in pieces: both must give the same result. */
#ifndef TESTS_FUZZ_H1_H
#define TESTS_FUZZ_H1_H

#include <stdlib.h>

#include "http/h1.h"

#define FUZZ_HDR_MAX  24
#define FUZZ_OUT_SIZE 131072

/* What a parser made of the input. */
struct fuzz_result {
    enum h1_event head, body;
    unsigned flags;
    size_t used;
    char text[FUZZ_OUT_SIZE]; /* head, payload and trailers as they would be sent */
    size_t text_len;
};

struct fuzz_input {
    enum h1_role role;
    struct h1_limits limits;
    enum http_method meth;
    unsigned seed; /* of the lengths of the pieces; 0: one piece */
    const char *data;
    size_t size;
};

static inline size_t
fuzz_piece(unsigned *seed, size_t left)
{
    if (*seed == 0)
        return left;
    *seed = *seed * 1103515245u + 12345u;
    size_t n = *seed >> 16 & 7u ? 1 + (*seed >> 20 & 15u) : 1 + (*seed >> 16 & 511u);
    return n < left ? n : left;
}

/* The head. The buffer is reallocated to its exact length each time, so that overruns and slices
 * into a buffer of the past are found; sometimes that moves it. */
static inline size_t
fuzz_head(const struct fuzz_input *in, struct h1 *h, struct http_head *head, unsigned *seed,
          char **buf, struct fuzz_result *r)
{
    size_t have = 0;

    *buf = NULL;
    r->head = H1_MORE;
    while (r->head == H1_MORE && have < in->size) {
        size_t n = fuzz_piece(seed, in->size - have);
        char *p = malloc(have + n);
        if (have)
            memcpy(p, *buf, have);
        memcpy(p + have, in->data + have, n);
        free(*buf);
        *buf = p;
        have += n;
        r->head = h1_head(h, p, have, head, &r->used);
    }
    return have;
}

static inline void
fuzz_body(const struct fuzz_input *in, struct h1 *h, unsigned *seed, size_t at, struct out *o,
          struct fuzz_result *r)
{
    char *kept = NULL;
    size_t have = 0, consumed, produced;

    r->body = h1_body_done(h) ? H1_END : H1_MORE;
    while ((r->body == H1_MORE || r->body == H1_DATA) && at < in->size) {
        size_t n = fuzz_piece(seed, in->size - at);
        char *p = malloc(have + n);
        if (have)
            memcpy(p, kept, have);
        memcpy(p + have, in->data + at, n);
        free(kept);
        at += n;
        have += n;
        r->body = h1_body(h, p, have, &consumed, &produced);
        if (consumed > have || produced > consumed)
            abort();
        out_mem(o, p, produced);
        have -= consumed;
        kept = malloc(have + 1);
        memcpy(kept, p + consumed, have);
        free(p);
    }
    free(kept);
    if (r->body == H1_DATA)
        r->body = H1_MORE;
}

static inline void
fuzz_parse(const struct fuzz_input *in, struct fuzz_result *r)
{
    struct http_hdr hdr[FUZZ_HDR_MAX], thdr[FUZZ_HDR_MAX];
    struct http_head head, trailers;
    struct arena arena;
    struct h1 h;
    unsigned seed = in->seed;
    char *buf;

    memset(r, 0, offsetof(struct fuzz_result, text));
    arena_init(&arena, NULL, 0, 65536);
    http_head_init(&head, hdr, FUZZ_HDR_MAX, &arena);
    http_head_init(&trailers, thdr, FUZZ_HDR_MAX, &arena);
    h1_init(&h, in->role, &in->limits);
    fuzz_head(in, &h, &head, &seed, &buf, r);
    struct out o = { r->text, 0, sizeof(r->text), false };
    r->flags = head.flags;
    if (r->head == H1_HEAD) {
        enum h1_framing f;
        if (in->role == H1_REQUEST) {
            h1_format_request(&head, NULL, &o);
            f = h1_framing_request(&head);
        } else {
            h1_format_response(&head, NULL, &o);
            f = h1_framing_response(&head, in->meth);
        }
        h1_body_init(&h, f, head.clen);
        h.trailers = &trailers;
        fuzz_body(in, &h, &seed, r->used, &o, r);
        if (r->body == H1_END)
            h1_chunk_end(&trailers, NULL, &o);
        if (r->body != H1_ERR && h1_eof(&h) == H1_HEAD)
            abort();
    } else {
        r->used = 0;
        r->flags = 0;
    }
    r->text_len = o.len;
    free(buf);
    arena_fini(&arena);
}

/* After an error some bytes may or may not have been decoded, depending on the pieces. */
static inline void
fuzz_compare(const struct fuzz_result *a, const struct fuzz_result *b)
{
    if (a->head != b->head || a->used != b->used || a->flags != b->flags || a->body != b->body)
        abort();
    if (a->body != H1_ERR &&
        (a->text_len != b->text_len || memcmp(a->text, b->text, a->text_len) != 0))
        abort();
}

/* What we send must be read as the same message by ourselves: no smuggling through us. */
static inline void
fuzz_reparse(const struct fuzz_input *in, const struct fuzz_result *r)
{
    struct http_hdr hdr[FUZZ_HDR_MAX];
    struct http_head head;
    struct h1 h;
    size_t used;

    if (r->head != H1_HEAD || in->limits.relax)
        return;
    char *buf = malloc(r->text_len);
    memcpy(buf, r->text, r->text_len);
    http_head_init(&head, hdr, FUZZ_HDR_MAX, NULL);
    h1_init(&h, in->role, &in->limits);
    if (h1_head(&h, buf, r->text_len, &head, &used) != H1_HEAD)
        abort();
    free(buf);
}

static inline int
fuzz_run(enum h1_role role, const uint8_t *data, size_t size)
{
    static struct fuzz_result whole, split;

    if (size < 3 || size > 32768)
        return 0;
    struct fuzz_input in = { .role = role,
                             .limits = { .hdr_max = FUZZ_HDR_MAX, .relax = data[0] & 1 },
                             .meth = (enum http_method)(data[0] >> 1 & 7),
                             .data = (const char *)data + 2,
                             .size = size - 2 };
    fuzz_parse(&in, &whole);
    fuzz_reparse(&in, &whole);
    in.seed = data[1] + 1u;
    fuzz_parse(&in, &split);
    fuzz_compare(&whole, &split);
    return 0;
}

#endif
