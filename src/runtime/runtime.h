/* runtime.h - the modules of the runtime API. */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include "config/module.h"

#define RUNTIME_MODULES(X)                                                                         \
    X(runtime)                                                                                     \
    X(runtime_stat)                                                                                \
    X(runtime_server)                                                                              \
    X(runtime_proxy)                                                                               \
    X(runtime_sess)                                                                                \
    X(runtime_table)                                                                               \
    X(runtime_map)                                                                                 \
    X(runtime_var)                                                                                 \
    X(runtime_process)                                                                             \
    X(runtime_ssl)                                                                                 \
    X(runtime_ocsp)                                                                                \
    X(runtime_pools)                                                                               \
    X(runtime_profiling)                                                                           \
    X(runtime_backend)                                                                             \
    X(runtime_dynamic)                                                                             \
    X(runtime_anon)                                                                                \
    X(runtime_later)

#define X(m) extern const struct module m##_module;
RUNTIME_MODULES(X)
#undef X

#endif
