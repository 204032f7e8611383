/* fuzz_cli.c - lines of the runtime API, sent in pieces to a whole process.
 *
 * First byte: level, and how the rest is cut. What commands change stays until the next input, so a
 * finding may need its predecessors; most do not. */
#include "../unit/runtime/fixture.h"

#include <sched.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS 4 /* of the loop, with nothing to read, before a client leaves */

static const char config_text[] =
    "global\n"
    "  stats socket ipv4@127.0.0.1:1 level admin\n"
    "  set-var proc.v str(x)\n"
    "defaults d\n"
    "  mode http\n"
    "  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\n"
    "frontend f\n  bind 127.0.0.1:2\n  acl a src -f virt@a\n"
    "  http-request deny if { path,map_str(virt@m) x } or a\n"
    "  http-request track-sc0 src table t\n"
    "  default_backend b\n"
    "backend b\n  server s1 127.0.0.1:3 check inter 1h\n  server s2 "
    "127.0.0.1:4 weight 10 cookie c\n"
    "backend t\n  stick-table type ip size 100 expire 1h store gpc0,gpt0,http_req_rate(10s)\n"
    "backend t2\n  stick-table type string size 100 expire 1h store gpc(2),gpt(3),server_id\n";

/* Addresses given at run time must lead nowhere. False: nothing prevents it. */
static bool
without_network(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 || unshare(CLONE_NEWNET) == 0;
}

/* What would reach beyond the fuzzer's process. */
static bool
is_spared(const char *text, size_t size, bool no_network)
{
    static const char *const words[] = { "_getsocks", " /", "addr", "add server" };

    for (unsigned i = 0; i < (no_network ? 2 : COUNT_OF(words)); i++)
        if (memmem(text, size, words[i], strlen(words[i])))
            return true;
    return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started, no_network;
    struct rt_client c;

    if (!started) {
        no_network = without_network();
        if (!rt_start(config_text))
            abort();
        started = true;
    }
    if (size < 2 || is_spared((const char *)data, size, no_network))
        return 0;
    rt_connect_cli(&c, data[0] % 3);
    size_t piece = data[0] & 0x40 ? 1 + (data[0] >> 2) % 8 : size;
    for (size_t at = 1; at < size && !c.ended; at += piece)
        rt_send(&c, data + at, MIN(piece, size - at));
    if (!(data[0] & 0x80))
        rt_shut(&c);
    rt_read(&c, TURNS);
    rt_close(&c);
    return 0;
}
