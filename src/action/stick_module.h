/* stick_module.h - stick tables as a feature: keywords, rules, fetches, maintenance. */
#ifndef ACTION_STICK_MODULE_H
#define ACTION_STICK_MODULE_H

#include "config/module.h"

/** To be listed behind the proxy module (whose check() runs first) and a peers module. */
extern const struct module stick_module;
/** Behind all modules whose check() resolves names. */
extern const struct module stick_unfed_module;

#endif
