/* lb_list.c - first and sticky: always the first server of a list. */
#include "balance/lb_int.h"

#include <stdlib.h>

struct list_state {
    struct server **at;
    unsigned n, max;
};

static struct list_state *
list_reserve(struct lb *lb)
{
    struct list_state *st = lb->state;

    if (!st)
        lb->state = st = xcalloc(1, sizeof(*st));
    if (lb_nset(lb) > st->max) {
        st->max = lb_nset(lb);
        st->at = xrealloc(st->at, sizeof(*st->at) * st->max);
    }
    return st;
}

static int
by_id(const void *va, const void *vb)
{
    const struct server *a = *(struct server *const *)va, *b = *(struct server *const *)vb;

    return a->id < b->id ? -1 : a->id > b->id;
}

static void
first_rebuild(struct lb *lb)
{
    struct list_state *st = list_reserve(lb);

    st->n = lb_nset(lb);
    for (unsigned i = 0; i < st->n; i++)
        st->at[i] = lb_at(lb, i);
    if (st->n)
        qsort(st->at, st->n, sizeof(*st->at), by_id);
}

/** Those that stay keep their order, newcomers go to the end. */
static void
sticky_rebuild(struct lb *lb)
{
    struct list_state *st = list_reserve(lb);
    unsigned kept = 0;

    for (unsigned i = 0; i < lb_nset(lb); i++)
        lb_at(lb, i)->lb_weight = 1; /* a candidate */
    for (unsigned i = 0; i < st->n; i++) {
        struct server *s = st->at[i];

        if (s->lb_weight) {
            st->at[kept++] = s;
            s->lb_weight = 0;
        }
    }
    for (unsigned i = 0; i < lb_nset(lb); i++) {
        if (lb_at(lb, i)->lb_weight)
            st->at[kept++] = lb_at(lb, i);
        lb_at(lb, i)->lb_weight = 0;
    }
    st->n = kept;
}

static struct server *
list_pick(struct lb *lb, struct lb_request *q)
{
    struct list_state *st = lb->state;

    for (unsigned i = 0; i < st->n; i++) {
        if (lb_fits(st->at[i], q))
            return st->at[i];
    }
    return st->n ? lb_last_resort(lb, q) : NULL;
}

static void
list_release(struct lb *lb)
{
    struct list_state *st = lb->state;

    if (st)
        free(st->at);
    free(st);
    lb->state = NULL;
}

const struct lb_ops lb_ops_first = {
    .name = "first",
    .dynamic = true,
    .rebuild = first_rebuild,
    .pick = list_pick,
    .release = list_release,
};

const struct lb_ops lb_ops_sticky = {
    .name = "sticky",
    .rebuild = sticky_rebuild,
    .pick = list_pick,
    .release = list_release,
};
