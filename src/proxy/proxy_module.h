/* proxy_module.h - the modules of this folder. */
#ifndef PROXY_PROXY_MODULE_H
#define PROXY_PROXY_MODULE_H

#include "config/module.h"

struct userlist;

extern const struct module proxy_module, proxy_option_module, proxy_timeout_module,
    proxy_rule_module, proxy_capture_module, proxy_reply_module, bind_module, bind_line_module;

/** Finds a userlist section; set by its owner. */
extern struct userlist *(*userlist_lookup)(struct config *cf, const char *name);

#endif
