/* modules.c - the one list of features. A module's rows are found by every table-driven part of the program. */
#include "config/module.h"

#include "process/global.h"
#include "proxy/section.h"

#define MODULES(X)                                                                                 \
    X(config)                                                                                      \
    X(global)                                                                                      \
    X(cli_bind)                                                                                    \
    X(log)                                                                                         \
    X(proxy)                                                                                       \
    X(proxy_option)                                                                                \
    X(proxy_timeout)                                                                               \
    X(proxy_rule)                                                                                  \
    X(proxy_capture)                                                                               \
    X(proxy_reply)                                                                                 \
    X(bind)                                                                                        \
    X(bind_line)                                                                                   \
    X(fetch_log)                                                                                   \
    X(conv_crypto)                                                                                 \
    X(conv_date)                                                                                   \
    X(conv_encode)                                                                                 \
    X(conv_field)                                                                                  \
    X(conv_fix)                                                                                    \
    X(conv_hash)                                                                                   \
    X(conv_http)                                                                                   \
    X(conv_json)                                                                                   \
    X(conv_math)                                                                                   \
    X(conv_mqtt)                                                                                   \
    X(conv_net)                                                                                    \
    X(conv_protobuf)                                                                               \
    X(conv_string)                                                                                 \
    X(conv_url)

#define X(m) extern const struct module m##_module;
MODULES(X)
#undef X

const struct module global_module = { .name = "global", .sections = global_sections, .keywords = global_keywords };
const struct module cli_bind_module = { .name = "runtime API sockets", .keywords = cli_bind_keywords };

const struct module *const modules[] = {
#define X(m) &m##_module,
    MODULES(X)
#undef X
    NULL,
};
