/* cpu_map.c - which thread runs on which cores. */
#include "process/global.h"

#include <pthread.h>

static bool
parse_range(struct slice s, uint64_t max, uint64_t *from, uint64_t *to)
{
    struct slice hi, lo = slice_cut(s, '-', &hi);

    if (!slice_to_uint(lo, from))
        return false;
    *to = *from;
    if (hi.p && !slice_to_uint(hi, to))
        return false;
    return *from <= *to && *to <= max;
}

static const char *
parse_threads(struct cpu_map *m, struct slice s)
{
    uint64_t from, to;
    size_t slash;

    if (slice_starts(s, SL("auto:"))) {
        m->automatic = true;
        s = slice_sub(s, 5, SIZE_MAX);
    }
    slash = slice_find(s, '/', 0);
    if (slash != SIZE_MAX) /* process or group number: there is only one */
        s = slice_sub(s, slash + 1, SIZE_MAX);
    if (slice_eq(s, SL("all")) || slice_eq(s, SL("odd")) || slice_eq(s, SL("even"))) {
        uint64_t bits = s.p[0] == 'a'   ? UINT64_MAX
                        : s.p[0] == 'o' ? 0x5555555555555555ull
                                        : 0xaaaaaaaaaaaaaaaaull;
        for (unsigned i = 0; i < COUNT_OF(m->threads); i++)
            m->threads[i] = bits;
        return NULL;
    }
    if (!parse_range(s, 1024, &from, &to) || from == 0)
        return "invalid thread set";
    for (uint64_t i = from - 1; i < to; i++)
        m->threads[i / 64] |= 1ull << (i % 64);
    return NULL;
}

const char *
cpu_map_parse(struct cpu_map *m, const struct cfg_word *words, unsigned n)
{
    const char *why = parse_threads(m, slice(words[0].s, words[0].len));

    for (unsigned i = 1; !why && i < n; i++) {
        struct slice rest = slice(words[i].s, words[i].len);
        while (!why && rest.p && rest.len) {
            uint64_t from, to;
            if (!parse_range(slice_cut(rest, ',', &rest), CPU_SETSIZE - 1, &from, &to))
                why = "invalid CPU range";
            for (; !why && from <= to && m->ncpus < CPU_SETSIZE; from++)
                m->cpus[m->ncpus++] = (uint16_t)from;
        }
    }
    return why;
}

void
cpu_map_apply(const struct config *cf, unsigned tid)
{
    const struct cpu_map *m;
    cpu_set_t set;
    bool any = false;

    CPU_ZERO(&set);
    list_each (m, &cf->cpu_maps, link) {
        if (tid >= 1024 || !(m->threads[tid / 64] & (1ull << (tid % 64))) || !m->ncpus)
            continue;
        any = true;
        if (m->automatic) {
            unsigned rank = 0;
            for (unsigned i = 0; i < tid; i++)
                rank += (unsigned)(m->threads[i / 64] >> (i % 64) & 1);
            CPU_SET(m->cpus[rank % m->ncpus], &set);
            continue;
        }
        for (unsigned i = 0; i < m->ncpus; i++)
            CPU_SET(m->cpus[i], &set);
    }
    /* A core that does not exist is the administrator's business: HAProxy does not complain either.
     */
    if (any)
        pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}
