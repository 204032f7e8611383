/* commands.c - `steelyard origin` and its like; the demonstration that runs without arguments. */
#include "process/commands.h"

#include "process/explain.h"
#include "process/origin.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    { "explain", explain_main },
    { "origin", origin_main },
};

bool
command_run(int argc, char **argv, int *rc)
{
    for (unsigned i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(argv[0], commands[i].name) == 0) {
            *rc = commands[i].run(argc, argv);
            return true;
        }
    return false;
}

/* ---- the demonstration ---- */

#define WEB1 18081
#define WEB2 18082
#define API1 18083

const char demo_config_name[] = "(embedded demonstration)";
const char demo_config[] = "global\n"
                           "    log stdout format raw local0\n"
                           "\n"
                           "defaults\n"
                           "    mode http\n"
                           "    log global\n"
                           "    option httplog\n"
                           "    option dontlognull\n"
                           "    timeout connect 5s\n"
                           "    timeout client 30s\n"
                           "    timeout server 30s\n"
                           "    timeout http-request 10s\n"
                           "    retries 3\n"
                           "    option redispatch\n"
                           "    default-server check inter 2s rise 2 fall 3\n"
                           "\n"
                           "frontend web\n"
                           "    bind 127.0.0.1:8080\n"
                           "    use_backend api if { path_beg /echo /api }\n"
                           "    default_backend pages\n"
                           "\n"
                           "frontend tcp\n"
                           "    mode tcp\n"
                           "    option tcplog\n"
                           "    bind 127.0.0.1:8081\n"
                           "    default_backend raw\n"
                           "\n"
                           "backend pages\n"
                           "    balance roundrobin\n"
                           "    option forwardfor\n"
                           "    server web1 127.0.0.1:18081\n"
                           "    server web2 127.0.0.1:18082\n"
                           "\n"
                           "backend api\n"
                           "    balance leastconn\n"
                           "    option forwardfor\n"
                           "    server api1 127.0.0.1:18083\n"
                           "    server web2 127.0.0.1:18082 backup\n"
                           "\n"
                           "backend raw\n"
                           "    mode tcp\n"
                           "    balance roundrobin\n"
                           "    server web1 127.0.0.1:18081\n"
                           "    server web2 127.0.0.1:18082\n";

bool
demo_start(void)
{
    signal(SIGCHLD, SIG_IGN); /* nobody waits for a server that ends */
    return origin_spawn(WEB1, "web1") && origin_spawn(WEB2, "web2") && origin_spawn(API1, "api1");
}

void
demo_announce(void)
{
    puts("Steelyard runs on its embedded demonstration configuration, with three servers of its "
         "own behind it.\n"
         "  http://127.0.0.1:8080/            pages, round robin over web1 and web2\n"
         "  http://127.0.0.1:8080/echo        api, your request as the server saw it\n"
         "  http://127.0.0.1:8080/?s=1m&t=50  a body of 1 MiB after 50 ms\n"
         "  http://127.0.0.1:8081/            the same servers through a TCP frontend\n"
         "The log of every request appears below. Ctrl-C ends it. Your own configuration: "
         "steelyard -f haproxy.cfg");
    fflush(stdout);
}
