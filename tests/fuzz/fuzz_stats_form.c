/* fuzz_stats_form.c - the statistics page: targets with parameters, and the form that changes
 * servers.
 *
 * The input up to the first line feed is the target behind "/s", the rest the form's body; without
 * a line feed it is a GET. Chance cuts what is sent. */
#include "../unit/runtime/fixture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config_text[] =
    "defaults\n"
    "  mode http\n"
    "  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\n"
    "frontend f\n  bind 127.0.0.1:2\n  stats enable\n  stats uri /s\n  stats admin if TRUE\n"
    "  stats show-legends\n  stats show-node\n  stats refresh 5s\n"
    "backend b\n  server s1 127.0.0.1:3 check inter 1h\n  server s2 127.0.0.1:4 weight 10\n"
    "  server s3 127.0.0.1:4 track s1\n"
    "backend other\n  server s1 127.0.0.1:3 agent-check agent-port 9 agent-inter 1h\n";

/* What a target may hold: the rest ends in 400, which is not what is looked for here. */
static bool
is_target(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] <= ' ' || p[i] >= 0x7f || p[i] == '#')
            return false;
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    struct text rq = { 0 };
    struct rt_client c;

    if (!started) {
        if (!rt_start(config_text))
            abort();
        started = true;
    }
    const uint8_t *nl = memchr(data, '\n', size);
    size_t target = nl ? (size_t)(nl - data) : size, body = nl ? size - target - 1 : 0;
    if (!is_target(data, target) || target > 4000)
        return 0;
    text_printf(&rq, "%s /s%.*s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", nl ? "POST" : "GET",
                (int)target, (const char *)data);
    if (nl)
        text_printf(&rq, "content-length: %zu\r\n", body);
    text_str(&rq, "\r\n");
    if (body)
        text_mem(&rq, nl + 1, body);
    rt_connect(&c, "f");
    size_t cut = rq.len / 2 + body % 7;
    cut = MIN(cut, rq.len);
    rt_send(&c, rq.p, cut);
    rt_send(&c, rq.p + cut, rq.len - cut);
    rt_read(&c, 20);
    if (c.got.len < 12 || memcmp(c.got.p, "HTTP/1.1 ", 9) != 0 || !c.ended)
        abort(); /* every request is answered */
    rt_close(&c);
    text_fini(&rq);
    return 0;
}
