/* runtime.h - the modules of the runtime API. */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include "config/module.h"

extern const struct module runtime_module, runtime_stat_module, runtime_server_module, runtime_proxy_module;

#endif
