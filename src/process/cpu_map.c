/* cpu_map.c - cpu-map: which thread runs on which cores (manual 3.1). */
#include "process/global.h"

#include <pthread.h>

#define SET_MAX 64u /* groups, and threads of a group, are numbered from 1 to this */

/** "<from>[-[<to>]]", the higher end `last` when it is left out. What is turned round is turned
 * back. */
static bool
parse_range(struct slice s, uint64_t last, uint64_t *from, uint64_t *to)
{
    struct slice hi, lo = slice_cut(s, '-', &hi);

    if (!slice_to_uint(lo, from))
        return false;
    *to = *from;
    if (hi.p && !hi.len)
        *to = last;
    else if (hi.p && !slice_to_uint(hi, to))
        return false;
    if (*from > *to) {
        uint64_t low = *to;
        *to = *from;
        *from = low;
    }
    return true;
}

/* Groups, or threads of a group, as bits. */
static bool
parse_set(struct cfg *c, unsigned at, struct slice s, uint64_t *set)
{
    static const struct {
        const char *name;
        uint64_t set;
    } words[] = { { "all", UINT64_MAX },
                  { "odd", UINT64_MAX / 3 },
                  { "even", UINT64_MAX / 3 * 2 } };
    uint64_t from, to;

    for (unsigned i = 0; i < COUNT_OF(words); i++)
        if (slice_eq_str(s, words[i].name)) {
            *set = words[i].set;
            return true;
        }
    if (!parse_range(s, SET_MAX, &from, &to)) {
        cfg_error(c, at, "cpu-map : '%.*s' is not a valid number/range.", SLF(s));
        return false;
    }
    if (from < 1 || to > SET_MAX) {
        cfg_error(c, at,
                  "cpu-map : '%.*s' is not a valid number/range. It supports numbers from 1 to %u.",
                  SLF(s), SET_MAX);
        return false;
    }
    *set = UINT64_MAX << (from - 1) & UINT64_MAX >> (SET_MAX - to);
    return true;
}

static bool
parse_cpus(struct cfg *c, unsigned at, cpu_set_t *set)
{
    struct slice rest = slice_str(cfg_arg(c, at));

    while (rest.p) {
        struct slice s = slice_cut(rest, ',', &rest);
        uint64_t from, to;
        if (!parse_range(s, CPU_SETSIZE - 1, &from, &to)) {
            cfg_error(c, at, "cpu-map : '%.*s' is not a CPU range.", SLF(s));
            return false;
        }
        if (to >= CPU_SETSIZE) {
            cfg_error(c, at, "cpu-map : supports CPU numbers from 0 to %d.", CPU_SETSIZE - 1);
            return false;
        }
        for (; from <= to; from++)
            CPU_SET(from, set);
    }
    return true;
}

enum cfg_rc
cpu_map_keyword(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct config *cf = obj;
    unsigned first = *at;
    struct slice threads, groups = slice_str(cfg_arg(c, first));
    uint64_t group_set, thread_set = UINT64_MAX;

    if (first + 1 >= c->nwords)
        return cfg_error(c, 0,
                         "%s expects a thread group number including 'all', 'odd', 'even', or a "
                         "range, followed by a list of CPU ranges with numbers from 0 to %d.",
                         kw->name, CPU_SETSIZE - 1);
    struct cpu_map *m = ARENA_NEW(c->arena, struct cpu_map);
    m->automatic = slice_starts(groups, SL("auto:"));
    if (m->automatic)
        groups = slice_sub(groups, 5, SIZE_MAX);
    groups = slice_cut(groups, '/', &threads);
    if (!parse_set(c, first, groups, &group_set) ||
        (threads.p && !parse_set(c, first, threads, &thread_set)))
        return CFG_ERR;
    for (*at = first + 1; *at < c->nwords; ++*at)
        if (!parse_cpus(c, *at, &m->cpus))
            return CFG_ERR;
    unsigned ngroups = (unsigned)__builtin_popcountll(group_set);
    unsigned nthreads = (unsigned)__builtin_popcountll(thread_set);
    if (m->automatic &&
        ((ngroups > 1 && nthreads > 1) || ngroups * nthreads != (unsigned)CPU_COUNT(&m->cpus)))
        return cfg_error(c, first,
                         "cpu-map : PROC/THREAD range and CPU sets must have the same size to be "
                         "automatically bound");
    m->threads = group_set & 1 ? thread_set : 0;
    if (!m->threads)
        cfg_warn(c, first, "cpu-map : all threads are in group 1, this line binds none.");
    list_push_back(&cf->cpu_maps, &m->link);
    return CFG_OK;
}

/* The `rank`-th of them alone. */
static void
only(cpu_set_t *set, unsigned rank)
{
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, set) && rank-- != 0)
            CPU_CLR(i, set);
}

void
cpu_map_apply(const struct config *cf, unsigned tid)
{
    uint64_t bit = tid < SET_MAX ? 1ull << tid : 0;
    const struct cpu_map *m, *last = NULL;
    cpu_set_t set;

    list_each (m, &cf->cpu_maps, link)
        if (m->threads & bit)
            last = m;
    if (!last)
        return;
    set = last->cpus;
    if (last->automatic)
        only(&set, (unsigned)__builtin_popcountll(last->threads & (bit - 1)));
    /* A core that does not exist is the administrator's business: HAProxy does not complain either.
     */
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}
