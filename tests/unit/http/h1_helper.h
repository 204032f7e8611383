/* h1_helper.h - runs the HTTP/1 engine over a text, whole and cut in two at every byte. */
#ifndef TESTS_H1_HELPER_H
#define TESTS_H1_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "http/h1.h"
#include "http/status.h"

#define HELPER_HDR_MAX 128
#define HELPER_SIZE    65536

struct parsed {
    enum h1_event ev;
    struct h1 h1;
    struct http_head head;
    struct http_hdr hdr[HELPER_HDR_MAX];
    size_t used;
    char text[HELPER_SIZE]; /* the head as it would be sent, or "<status>" */
    char *buf;              /* exactly as long as the input, so that overruns are found */
};

static inline void
parsed_free(struct parsed *p)
{
    free(p->buf);
    p->buf = NULL;
}

/* Feeds in[0, cut), then everything; cut == SIZE_MAX feeds one byte more at a time. */
static inline void
parse_head(struct parsed *p, enum h1_role role, const struct h1_limits *lim, struct slice in,
           size_t cut)
{
    p->buf = malloc(in.len ? in.len : 1);
    http_head_init(&p->head, p->hdr, HELPER_HDR_MAX, NULL);
    h1_init(&p->h1, role, lim);
    p->ev = H1_MORE;
    size_t have = 0;
    while (p->ev == H1_MORE && have < in.len) {
        size_t upto = cut == SIZE_MAX ? have + 1 : have < cut && cut < in.len ? cut : in.len;
        memcpy(p->buf + have, in.p + have, upto - have);
        have = upto;
        p->ev = h1_head(&p->h1, p->buf, have, &p->head, &p->used);
    }
    struct out o = { p->text, 0, sizeof(p->text) - 1, false };
    if (p->ev == H1_HEAD && role == H1_REQUEST)
        h1_format_request(&p->head, NULL, &o);
    else if (p->ev == H1_HEAD)
        h1_format_response(&p->head, NULL, &o);
    else if (p->ev == H1_ERR)
        out_uint(&o, p->h1.status);
    else
        out_str(&o, "more");
    p->text[o.len] = '\0';
}

/* Parses whole, cut at every byte, and byte by byte; all must agree. Leaves the whole one in *p. */
static inline void
parse_all_ways(struct parsed *p, enum h1_role role, const struct h1_limits *lim, struct slice in)
{
    struct parsed *q = malloc(sizeof(*q));

    parse_head(p, role, lim, in, in.len);
    for (size_t cut = 1; cut <= in.len; cut++) {
        parse_head(q, role, lim, in, cut == in.len ? SIZE_MAX : cut);
        if (strcmp(p->text, q->text) != 0 || p->head.flags != q->head.flags)
            fail_msg("cut at %zu of \"%.*s\": \"%s\" instead of \"%s\"", cut, SLF(in), q->text,
                     p->text);
        if (p->ev == H1_HEAD)
            assert_int_equal(p->used, q->used);
        parsed_free(q);
    }
    free(q);
}

#endif
