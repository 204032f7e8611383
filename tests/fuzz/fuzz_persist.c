/* fuzz_persist.c - persistence cookies in heads made of the input: a Cookie header goes through
 * every mode, then a Set-Cookie. The first byte chooses the mode; a line feed separates headers, a
 * NUL the request from the response. */
#include <stdlib.h>

#include "config/tune.h"
#include "loop/loop.h"
#include "proxy/cookie.h"
#include "proxy/stream_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HDR_MAX 32

static const unsigned modes[] = {
    0,
    CK_INSERT,
    CK_INSERT | CK_INDIRECT,
    CK_PREFIX,
    CK_REWRITE,
    CK_INSERT | CK_NOCACHE,
    CK_INSERT | CK_INDIRECT | CK_PRESERVE,
    CK_PREFIX | CK_INDIRECT,
};

static void
check(bool ok)
{
    if (!ok)
        abort();
}

static void
add_lines(struct http_head *h, struct slice name, struct slice lines)
{
    while (lines.p && h->nhdr < HDR_MAX - 4) {
        struct slice line = slice_trim(slice_cut(lines, '\n', &lines));
        struct slice value, first = slice_cut(line, ':', &value);
        /* "c: x" is Cache-Control, anything else the cookie header. */
        if (value.p && first.len == 1 && first.p[0] == 'c')
            check(http_hdr_add(h, SL("cache-control"), slice_trim(value)));
        else
            check(http_hdr_add(h, name, line));
    }
}

/* What is left is no longer than what was there, and what was not ours is still there. */
static void
check_request(const struct http_head *h, size_t before)
{
    size_t n = 0;

    for (unsigned i = 0; i < h->nhdr; i++)
        if (h->hdr[i].name.p)
            n += h->hdr[i].value.len;
    check(n <= before);
}

static void
run(struct stream *s, struct slice request, struct slice response)
{
    static struct http_hdr hdr[2][HDR_MAX];
    size_t before = 0;

    http_head_init(&s->rq, hdr[0], HDR_MAX, &s->arena);
    http_head_init(&s->rs, hdr[1], HDR_MAX, &s->arena);
    s->rs.is_response = true;
    s->rs.status = 200;
    s->rq.meth = HTTP_GET;
    add_lines(&s->rq, SL("cookie"), request);
    add_lines(&s->rs, SL("set-cookie"), response);
    for (unsigned i = 0; i < s->rq.nhdr; i++)
        before += s->rq.hdr[i].value.len;
    stream_cookie_request(s);
    check_request(&s->rq, before);
    check(strchr("-NIDVEOU", s->ck_req) != NULL);
    if (!s->srv)
        s->srv = list_first(&s->be->servers, struct server, link);
    (void)stream_cookie_response(s);
    check(strchr("-NIUPRD", s->ck_res) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    static struct proxy be = {
        .name = "b", .cookie_name = "C", .cookie_domain = "a.b", .cookie_attrs = "x=y"
    };
    static struct server srv[2] = { { .name = "s1", .cookie = "one" }, { .name = "s2" } };
    static struct stream s;

    if (!ready) {
        ready = true;
        tune_defaults();
        check(loop_open(0));
        list_init(&be.servers);
        list_push_back(&be.servers, &srv[0].link);
        list_push_back(&be.servers, &srv[1].link);
        atomic_store(&srv[0].state, SRV_RUNNING);
    }
    if (size < 2)
        return 0;
    memset(&s, 0, sizeof(s));
    arena_init(&s.arena, s.first, sizeof(s.first), 1 << 20);
    be.ck_opts = modes[data[0] & 7];
    be.cookie_maxidle_s = data[0] & 8 ? 1800 : 0;
    be.cookie_maxlife_s = data[0] & 16 ? 86400 : 0;
    be.options = data[0] & 32 ? PO_CHECKCACHE : 0;
    s.fe = s.be = &be;
    s.flags = SF_HTTP | (data[0] & 64 ? SF_IGNORE_PERSIST : 0);
    s.ck_req = s.ck_res = '-';
    struct slice rest, request = slice_cut(slice((const char *)data + 1, size - 1), '\0', &rest);
    run(&s, request, rest);
    arena_fini(&s.arena);
    return 0;
}
