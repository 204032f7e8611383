/* service.c - what services need to answer: framing of bodies made piece by piece, the request's
 * body. */
#include "proxy/service.h"

#include "proxy/stream_int.h"

bool
service_header(struct stream *s, struct slice name, struct slice value)
{
    struct reply_out *r = &s->reply;
    struct http_hdr *h = arena_alloc(&s->arena, (r->nhdrs + 1) * sizeof(*h));

    if (!h)
        return false;
    if (r->nhdrs)
        memcpy(h, r->hdrs, r->nhdrs * sizeof(*h));
    h[r->nhdrs++] = (struct http_hdr){ name, value };
    r->hdrs = h;
    return true;
}

void
service_send(struct stream *s, struct slice data, bool end)
{
    struct conn *cli = s->sess->conn;
    char head[H1_CHUNK_HEADER_MAX], tail_mem[64];
    struct out h = OUT(head), tail = OUT(tail_mem);
    struct iovec iov[3];
    unsigned n = 0;
    bool chunked = s->res.out == H1_FRAME_CHUNKED;

    if (end)
        s->reply.produce = NULL;
    if (s->rq.meth == HTTP_HEAD) {
        s->reply.produce = NULL; /* nobody reads a body */
        return;
    }
    if (data.len) {
        if (chunked) {
            h1_chunk_header(&h, data.len);
            iov[n++] = (struct iovec){ head, h.len };
            out_lit(&tail, "\r\n");
        }
        iov[n++] = (struct iovec){ (char *)data.p, data.len };
    }
    if (end && chunked)
        h1_chunk_end(NULL, NULL, &tail);
    if (tail.len)
        iov[n++] = (struct iovec){ tail_mem, tail.len };
    s->res.body += data.len;
    if (n && !chan_write(&s->res, cli, iov, n, !end)) {
        cli->flags |= CONN_ERR;
        s->reply.produce = NULL;
        return;
    }
    s->cli_act_ms = loop_now_ms();
}

bool
service_wait_body(struct stream *s, bool *failed)
{
    enum step_rc rc = stream_wait_body(s);

    *failed = rc == STEP_GOTO;
    return rc != STEP_WAIT;
}
