/* bind_threads.c - which threads accept from the sockets of a bind line. */
#include "config/cfg.h"
#include "config/tune.h"
#include "proxy/listener.h"

#define THREADS_MAX 1024u

/** A range of thread numbers, from 1, and which of them: each, or every other. */
struct threads {
    uint64_t first, last;
    unsigned step;
};

static enum cfg_rc
bad_set(struct cfg *c, unsigned word, struct slice set)
{
    return cfg_error(c, word, "'%.*s' : '%.*s' is not a valid number/range.", SLF(set), SLF(set));
}

/* all | odd | even | [first][-[last]] */
static bool
parse_set(struct slice set, struct threads *t)
{
    struct slice hi, lo = slice_cut(set, '-', &hi);

    *t = (struct threads){ 1, THREADS_MAX, 1 };
    if (slice_eq(set, SL("all")))
        return true;
    if (slice_eq(set, SL("odd")) || slice_eq(set, SL("even"))) {
        t->first = set.p[0] == 'o' ? 1 : 2;
        t->step = 2;
        return true;
    }
    if (lo.len && !slice_to_uint(lo, &t->first))
        return false;
    if (!hi.p)
        t->last = t->first;
    else if (hi.len && !slice_to_uint(hi, &t->last))
        return false;
    return set.len && (lo.len || hi.len) && t->first >= 1 && t->first <= THREADS_MAX &&
           t->last >= t->first && t->last <= THREADS_MAX;
}

/* Threads are in groups of equal size, in order, as far as bind lines are concerned. */
static void
into_group(struct threads *t, uint64_t group)
{
    unsigned groups = MAX(tune.thread_groups, 1u);

    if (groups == 1 || !tune.nbthread)
        return;
    uint64_t size = (tune.nbthread + groups - 1) / groups, before = (group - 1) * size;
    t->last = before + MIN(t->last, size);
    t->first += before;
}

static enum cfg_rc
take_range(struct cfg *c, unsigned word, struct slice item, bool *relative, uint64_t set[16])
{
    size_t slash = slice_find(item, '/', 0);
    bool has_group = slash != SIZE_MAX;
    uint64_t group = 1;
    struct threads t;

    if (has_group && (!slice_to_uint(slice_sub(item, 0, slash), &group) || group < 1 ||
                      group > MAX(tune.thread_groups, 1u)))
        return cfg_error(c, word, "'thread' directive references non-existing thread group %.*s",
                         SLF(slice_sub(item, 0, slash)));
    struct slice numbers = has_group ? slice_sub(item, slash + 1, SIZE_MAX) : item;
    if (!parse_set(numbers, &t))
        return bad_set(c, word, numbers);
    if (*relative != has_group)
        return cfg_error(c, word, "'thread' : absolute numbers and those of a group do not mix.");
    if (has_group)
        into_group(&t, group);
    if (tune.nbthread && t.first > tune.nbthread)
        return cfg_error(c, word,
                         has_group ? "'thread' directive only references threads not belonging to "
                                     "the group"
                                   : "'thread' directive contains threads that belong to no group");
    for (uint64_t i = t.first; i <= t.last; i += t.step)
        set[(i - 1) / 64] |= 1ull << ((i - 1) % 64);
    return CFG_OK;
}

enum cfg_rc
bind_parse_threads(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_conf *b = obj;
    const char *word = cfg_take(c, at, "'thread'");
    struct slice rest = slice_str(word);
    bool relative = word && strchr(word, '/') && strcspn(word, "/") < strcspn(word, ",");

    if (!word)
        return CFG_ERR;
    if (!rest.len)
        return bad_set(c, *at - 1, rest);
    while (rest.p) {
        struct slice item = slice_cut(rest, ',', &rest);
        if (take_range(c, *at - 1, item, &relative, b->threads) != CFG_OK)
            return CFG_ERR;
    }
    return CFG_OK;
}
