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
    uint64_t threads[16]; /* bit per thread */
    bool automatic;       /* auto: one core per thread, in order */
    unsigned ncpus;
    uint16_t cpus[CPU_SETSIZE];
};

/** NULL, or what is wrong with the words of the line (threads first, then cores). */
const char *cpu_map_parse(struct cpu_map *m, const struct cfg_word *words, unsigned n);
/** Binds the calling thread. */
void cpu_map_apply(const struct config *cf, unsigned tid);

/** Changes to the directory that `default-path` wants for names in `file`. False with errno. */
bool global_enter_default_path(const struct config *cf, const char *file);
/** tune.renice: the process has started. */
void global_set_runtime_priority(const struct config *cf);

extern const struct section global_sections[];
extern const struct keyword cli_bind_keywords[];

#endif
