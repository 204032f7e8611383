/* global.h - the global section. */
#ifndef PROCESS_GLOBAL_H
#define PROCESS_GLOBAL_H

#include "config/cfg.h"
#include "proxy/cli_level.h"
#include "proxy/config.h"

#include <sched.h>

/** One cpu-map line. */
struct cpu_map {
    struct list link;
    uint64_t threads; /* bit per thread */
    bool automatic;   /* auto: the first thread on the first core, and so on */
    cpu_set_t cpus;
};

/** The keyword (manual 3.1): reads a line into cf->cpu_maps. */
enum cfg_rc cpu_map_keyword(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
/** Binds the calling thread as the last line about it says. */
void cpu_map_apply(const struct config *cf, unsigned tid);

/** Changes to the directory that `default-path` wants for names in `file`. False with errno. */
bool global_enter_default_path(const struct config *cf, const char *file);
/** tune.renice: the process has started. */
void global_set_runtime_priority(const struct config *cf);

extern const struct section global_sections[];
extern const struct keyword cli_bind_keywords[];

#endif
