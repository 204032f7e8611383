/* modules.c - the one list of features. A module's rows are found by every table-driven part of the
 * program. */
#include "config/module.h"

#include "action/action.h"
#include "fetch/fetch.h"
#include "process/global.h"
#include "proxy/section.h"
#include "runtime/runtime.h"
#include "sample/conv.h"

/* Converter and action families have modules of their own. */
#define CONV(family)   X(conv_##family)
#define ACTION(family) X(action_##family)
#define FETCH(family)  X(fetch_##family)
#define MODULES(X)                                                                                 \
    X(sections_later)                                                                              \
    X(config)                                                                                      \
    X(global)                                                                                      \
    X(global_more)                                                                                 \
    X(cli_bind)                                                                                    \
    X(log)                                                                                         \
    X(proxy)                                                                                       \
    X(proxy_option)                                                                                \
    X(proxy_timeout)                                                                               \
    X(proxy_rule)                                                                                  \
    X(proxy_capture)                                                                               \
    X(userlist)                                                                                    \
    X(cookie)                                                                                      \
    X(proxy_reply)                                                                                 \
    X(bind)                                                                                        \
    X(guid)                                                                                        \
    X(bind_line)                                                                                   \
    X(server_line)                                                                                 \
    X(server_option)                                                                               \
    X(check)                                                                                       \
    X(lb)                                                                                          \
    ACTION_FAMILIES(ACTION)                                                                        \
    X(stick)                                                                                       \
    X(fetch_log)                                                                                   \
    FETCH_FAMILIES(FETCH)                                                                          \
    X(logfmt)                                                                                      \
    X(conv_hooks)                                                                                  \
    X(sample)                                                                                      \
    CONV_FAMILIES(CONV)                                                                            \
    X(stick_unfed)                                                                                 \
    X(tests)                                                                                       \
    X(stats)                                                                                       \
    X(tls)                                                                                         \
    X(tls_bind)                                                                                    \
    X(tls_server)                                                                                  \
    X(tls_store)                                                                                   \
    RUNTIME_MODULES(X)                                                                             \
    X(keywords_idle)                                                                               \
    X(keywords_later)

#define X(m) extern const struct module m##_module;
MODULES(X)
#undef X

const struct module global_module = { .name = "global",
                                      .sections = global_sections,
                                      .keywords = global_keywords };
const struct module server_line_module = { .name = "servers", .keywords = server_keywords };
const struct module server_option_module = { .name = "server options",
                                             .keywords = server_option_keywords };
const struct module lb_module = { .name = "load balancing",
                                  .keywords = lb_keywords,
                                  .fetches = lb_fetches };
const struct module cli_bind_module = { .name = "runtime API sockets",
                                        .keywords = cli_bind_keywords };

const struct module *const modules[] = {
#define X(m) &m##_module,
    MODULES(X)
#undef X
        NULL,
};
