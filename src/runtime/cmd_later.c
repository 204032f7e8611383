/* cmd_later.c - commands of features that are not there yet: they are known, and say so.
 * A module that brings one of them is listed before this one and takes precedence. */
#include "runtime/cli_int.h"

#include "config/module.h"
#include "runtime/runtime.h"

#define LATER(name, args, help, level)                                                             \
    {                                                                                              \
        name, name args, help, level, cmd_unsupported, 0, NULL                                     \
    }
#define A CLI_LEVEL_ADMIN
#define O CLI_LEVEL_OPERATOR

static const struct command commands[] = {
    LATER("acme challenge_ready", " <certfile> domain <domain>", "tell that a challenge was set up",
          A),
    LATER("acme renew", " <certfile>", "renew a certificate", A),
    LATER("acme status", "", "certificates that are renewed automatically", O),
    LATER("httpclient", " <method> <URI>", "send an HTTP request", A),
    LATER("show cache", "", "what the caches hold", O),
    LATER("show peers", " [dict|-] [section]", "peers and what they exchange", CLI_LEVEL_USER),
    LATER("show resolvers", " [id]", "name servers and what they answered", CLI_LEVEL_USER),
    LATER("show trace", " [<module>]", "state of the traces", CLI_LEVEL_USER),
    LATER("trace", " [<module>|0] [cmd [args...]]", "trace what happens", A),
    { 0 },
};

const struct module runtime_later_module = { .name = "runtime API: later", .commands = commands };
