/* module.h - the tables of this folder that sample_module is made of. The converter families are
 * modules of their own. */
#ifndef SAMPLE_MODULE_H
#define SAMPLE_MODULE_H

#include "config/module.h"
#include "sample/sample.h"

extern const struct fetch sample_fetches[]; /* const.c */
extern const struct conv map_convs[];       /* map.c */
extern const struct module sample_module;

#endif
