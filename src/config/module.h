/* module.h - what a feature contributes: rows for every table, and hooks in the life of the
 * process. All modules are listed, once, in process/modules.c. */
#ifndef CONFIG_MODULE_H
#define CONFIG_MODULE_H

#include "config/keyword.h"

struct cfg;
struct config;
struct fetch;
struct conv;
struct action;
struct command;

/** Every table ends with a row whose name is NULL; every member may be NULL. */
struct module {
    const char *name;
    const struct section *sections;
    const struct keyword *keywords; /* sections, bind and server options: .where tells */
    const struct fetch *fetches;
    const struct conv *convs;
    const struct action *actions;
    const struct command *commands;
    /** Before the first line is read: sets defaults in the new configuration. */
    void (*defaults)(struct config *cf);
    /** After the last line: resolves names, checks combinations, compiles. Reports through
     * cfg_error(). */
    void (*check)(struct cfg *c);
    /** The configuration is good and the process is about to serve. Returns false after printing
     * why. */
    bool (*start)(struct config *cf);
    /** In each worker thread, before its loop runs and after it ended. */
    bool (*thread_start)(struct config *cf);
    void (*thread_stop)(struct config *cf);
    /** After all threads ended: releases what is not in the configuration's arena. */
    void (*stop)(struct config *cf);
};

extern const struct module *const modules[]; /* NULL-terminated; defined in process/modules.c */

#endif
