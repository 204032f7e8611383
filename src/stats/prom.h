/* prom.h - the Prometheus exporter: which values are metrics, and how they are called. */
#ifndef STATS_PROM_H
#define STATS_PROM_H

#include "stats/stats.h"

enum prom_kind { PROM_GLOBAL, PROM_FE, PROM_LI, PROM_BE, PROM_SRV, PROM_TABLE, PROM_KINDS };

enum prom_flag {
    PROMF_COUNTER = 1 << 0, /* else a gauge */
    PROMF_MS = 1 << 1,      /* milliseconds, shown as seconds */
    PROMF_SKIP = 1 << 2,    /* objects without a value are left out; else they say NaN */
    PROMF_STATUS = 1 << 3,  /* one series per state */
    PROMF_CHECK = 1 << 4,   /* one series per result of checks */
    PROMF_AGG = 1 << 5,     /* counted over the servers of a backend */
};

struct prom_metric {
    const char *name;  /* behind "haproxy_<kind>_" */
    unsigned column;   /* enum stats_column; of the process: enum stats_info_field */
    unsigned kinds;    /* 1 << enum prom_kind */
    unsigned flags;    /* enum prom_flag */
    const char *label; /* ",code=\"2xx\"": more labels, or NULL */
};

extern const struct prom_metric prom_process[], prom_objects[],
    prom_modules[]; /* end with a NULL name */
extern const char *const prom_kind_name[PROM_KINDS];
/** What is said about a metric. */
const char *prom_help(const struct prom_metric *m, enum prom_kind kind);

#endif
