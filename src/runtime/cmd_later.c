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
    LATER("abort ssl ca-file", " <cafile>", "give up a transaction for a CA file", A),
    LATER("abort ssl cert", " <certfile>", "give up a transaction for a certificate", A),
    LATER("abort ssl crl-file", " <crlfile>", "give up a transaction for a CRL file", A),
    LATER("acme challenge_ready", " <certfile> domain <domain>", "tell that a challenge was set up",
          A),
    LATER("acme renew", " <certfile>", "renew a certificate", A),
    LATER("acme status", "", "certificates that are renewed automatically", O),
    LATER("add backend", " <name> from <defproxy>", "create a new backend", A),
    LATER("add ssl ca-file", " <cafile> <payload>", "add a CA to a CA file", A),
    LATER("add ssl crt-list", " <list> <cert> [opts]*", "add a line to a list of certificates", A),
    LATER("add ssl jwt", " <certfile>", "let a certificate verify JWT", A),
    LATER("commit ssl ca-file", " <cafile>", "use a changed CA file", A),
    LATER("commit ssl cert", " <certfile>", "use a changed certificate", A),
    LATER("commit ssl crl-file", " <crlfile>", "use a changed CRL file", A),
    LATER("del backend", " <backend>", "remove a backend", A),
    LATER("del ssl ca-file", " <cafile>", "remove an unused CA file", A),
    LATER("del ssl cert", " <certfile>", "remove an unused certificate", A),
    LATER("del ssl crl-file", " <crlfile>", "remove an unused CRL file", A),
    LATER("del ssl crt-list", " <list> <cert[:line]>", "remove a line of a list of certificates",
          A),
    LATER("del ssl jwt", " <certfile>", "stop verifying JWT with a certificate", A),
    LATER("dump ssl cert", " <certfile>", "a certificate as PEM", A),
    LATER("httpclient", " <method> <URI>", "send an HTTP request", A),
    LATER("new ssl ca-file", " <cafile>", "create an empty CA file", A),
    LATER("new ssl cert", " <certfile>", "create an empty certificate", A),
    LATER("new ssl crl-file", " <crlfile>", "create an empty CRL file", A),
    LATER("set anon", " on|off|global-key [<key>]", "hide names and addresses", O),
    LATER("set profiling", " <what> {auto|on|off}", "measure tasks or memory", A),
    LATER("set ssl ca-file", " <cafile> <payload>", "replace a CA file", A),
    LATER("set ssl cert", " <certfile> <payload>", "replace a certificate", A),
    LATER("set ssl crl-file", " <crlfile> <payload>", "replace a CRL file", A),
    LATER("set ssl tls-key", " [id|file] <key>", "give the next key of TLS tickets", A),
    LATER("show cache", "", "what the caches hold", O),
    LATER("show peers", " [dict|-] [section]", "peers and what they exchange", O),
    LATER("show profiling", " [<what>|<#lines>|byaddr]*", "what was measured", O),
    LATER("show resolvers", " [id]", "name servers and what they answered", O),
    LATER("show ssl ca-file", " [<cafile>[:<index>]]", "CA files in use", O),
    LATER("show ssl cert", " [<certfile>]", "certificates in use", O),
    LATER("show ssl crl-file", " [<crlfile[:<index>>]]", "CRL files in use", O),
    LATER("show ssl crt-list", " [-n] [<list>]", "lists of certificates", O),
    LATER("show ssl jwt", "", "certificates that verify JWT", O),
    LATER("show ssl providers", "", "providers of the TLS library", O),
    LATER("show ssl sni", " [-f <frontend>] [-A] [-t <offset>]",
          "server names and their certificates", O),
    LATER("show tls-keys", " [id|*]", "keys of TLS tickets", O),
    LATER("show trace", " [<module>]", "state of the traces", O),
    LATER("trace", " [<module>|0] [cmd [args...]]", "trace what happens", A),
    { 0 },
};

const struct module runtime_later_module = { .name = "runtime API: later", .commands = commands };
