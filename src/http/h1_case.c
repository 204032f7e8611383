/* h1_case.c - h1-case-adjust: spelling of header names for peers that insist on one. */
#include "http/h1.h"

#include <stdlib.h>

struct h1_case {
    struct slice from;
    char *to; /* from and to lie in one allocation, to first */
};

/* Sorted by length, then bytes: names that are not listed are told apart mostly by length. */
struct h1_case_map {
    struct h1_case *v;
    size_t n;
};

struct h1_case_map *
h1_case_map_new(void)
{
    return xcalloc(1, sizeof(struct h1_case_map));
}

void
h1_case_map_free(struct h1_case_map **m)
{
    if (!*m)
        return;
    for (size_t i = 0; i < (*m)->n; i++)
        free((*m)->v[i].to);
    free((*m)->v);
    free(*m);
    *m = NULL;
}

static int
compare(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return memcmp(a.p, b.p, a.len);
}

/* Index of `name`, or where it belongs. */
static size_t
search(const struct h1_case_map *m, struct slice name, bool *found)
{
    size_t lo = 0, hi = m->n;

    *found = false;
    while (lo < hi && !*found) {
        size_t mid = lo + (hi - lo) / 2;
        int c = compare(m->v[mid].from, name);
        if (c == 0) {
            *found = true;
            lo = mid;
        } else if (c < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

const char *
h1_case_map_add(struct h1_case_map *m, struct slice from, struct slice to)
{
    bool found;

    if (!slice_eq_nocase(from, to) || from.len == 0)
        return "<from> and <to> must not differ execpt the case"; /* sic: tools look for it */
    size_t at = search(m, from, &found);
    if (found)
        return "duplicate entry";
    char *p = xmalloc(2 * from.len);
    memcpy(p, to.p, to.len);
    memcpy(p + to.len, from.p, from.len);
    m->v = xrealloc(m->v, (m->n + 1) * sizeof(*m->v));
    memmove(m->v + at + 1, m->v + at, (m->n - at) * sizeof(*m->v));
    m->v[at] = (struct h1_case){ slice(p + to.len, from.len), p };
    m->n++;
    return NULL;
}

struct slice
h1_case_map_find(const struct h1_case_map *m, struct slice name)
{
    bool found;
    size_t at = search(m, name, &found);

    return found ? slice(m->v[at].to, name.len) : name;
}
