/* suggest.c - "did you mean": bounded edit distance (insert, delete, replace, swap neighbours). */
#include "config/diag.h"

#define NAME_MAX_LEN 63

/** How many edits are still a slip: short names need to be nearly right. */
static unsigned
slips_allowed(size_t len)
{
    return len <= 3 ? 1 : len <= 7 ? 2 : 3;
}

/** Optimal string alignment distance; `limit + 1` as soon as it is known to exceed `limit`. */
static unsigned
distance(struct slice a, struct slice b, unsigned limit)
{
    unsigned rows[3][NAME_MAX_LEN + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];

    for (unsigned j = 0; j <= b.len; j++)
        last[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned best = now[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned cost = a.p[i - 1] != b.p[j - 1];
            unsigned d = MIN(MIN(last[j] + 1, now[j - 1] + 1), last[j - 1] + cost);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                d = MIN(d, before[j - 2] + 1);
            now[j] = d;
            best = MIN(best, d);
        }
        if (best > limit)
            return limit + 1;
        unsigned *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b.len];
}

void
suggest_init(struct suggest *s, const char *wrong)
{
    *s = (struct suggest){ .wrong = wrong, .best_cost = slips_allowed(strlen(wrong)) + 1 };
}

void
suggest_offer(struct suggest *s, const char *candidate)
{
    struct slice a = slice_str(s->wrong), b = slice_str(candidate);

    if (a.len == 0 || s->best_cost == 0 || a.len > NAME_MAX_LEN || b.len > NAME_MAX_LEN)
        return;
    unsigned limit = s->best_cost - 1;
    if (a.len > b.len + limit || b.len > a.len + limit)
        return;
    unsigned cost = distance(a, b, limit);
    /* a name that shares nothing but its length is no help */
    if (cost > limit || cost >= MAX(a.len, b.len))
        return;
    s->best = candidate;
    s->best_cost = cost;
}

const char *
suggest_result(const struct suggest *s)
{
    return s->best;
}
