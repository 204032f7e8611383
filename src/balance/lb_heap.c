/* lb_heap.c - binary heap of servers, the order behind leastconn and weighted round robin. */
#include "balance/lb_int.h"

#include <stdlib.h>

static void
place(struct lb_heap *h, unsigned i, struct server *s)
{
    h->at[i] = s;
    s->lb_index = i + 1;
}

static void
sift_up(struct lb_heap *h, unsigned i, struct server *s)
{
    while (i > 0) {
        unsigned up = (i - 1) / 2;

        if (!lb_before(s, h->at[up]))
            break;
        place(h, i, h->at[up]);
        i = up;
    }
    place(h, i, s);
}

static void
sift_down(struct lb_heap *h, unsigned i, struct server *s)
{
    for (;;) {
        unsigned down = 2 * i + 1;

        if (down >= h->n)
            break;
        if (down + 1 < h->n && lb_before(h->at[down + 1], h->at[down]))
            down++;
        if (!lb_before(h->at[down], s))
            break;
        place(h, i, h->at[down]);
        i = down;
    }
    place(h, i, s);
}

void
lb_heap_reserve(struct lb_heap *h, unsigned n)
{
    if (n <= h->max)
        return;
    h->max = n + n / 2;
    h->at = xrealloc(h->at, sizeof(*h->at) * h->max);
}

void
lb_heap_push(struct lb_heap *h, struct server *s)
{
    ASSERT(h->n < h->max);
    h->n++;
    sift_up(h, h->n - 1, s);
}

void
lb_heap_moved(struct lb_heap *h, struct server *s)
{
    unsigned i = s->lb_index - 1;

    if (i > 0 && lb_before(s, h->at[(i - 1) / 2]))
        sift_up(h, i, s);
    else
        sift_down(h, i, s);
}

struct server *
lb_heap_first(struct lb *lb, const struct lb_heap *h, struct lb_request *q)
{
    struct server *best = NULL;

    if (h->n == 0)
        return NULL;
    if (likely(lb_fits(h->at[0], q)))
        return h->at[0];
    /* Overload or redispatch: rare enough to look at all of them. */
    for (unsigned i = 1; i < h->n; i++) {
        if (lb_fits(h->at[i], q) && (!best || lb_before(h->at[i], best)))
            best = h->at[i];
    }
    return best ? best : lb_last_resort(lb, q);
}
