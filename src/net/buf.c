/* buf.c - per-thread receive buffers and scratch memory. */
#include "net/buf.h"

#include "base/slab.h"
#include "base/tune.h"

#include <stdlib.h>

static __thread struct slab bufs;
static __thread char *scratch;

struct buf *
buf_get(void)
{
    if (unlikely(!bufs.size))
        slab_init(&bufs, "buffer", sizeof(struct buf) + tune.bufsize, 0);
    struct buf *b = slab_get(&bufs);
    if (b) {
        b->head = b->tail = 0;
        b->size = tune.bufsize;
    }
    return b;
}

void
buf_put(struct buf **b)
{
    if (!*b)
        return;
    if (likely((*b)->size == tune.bufsize))
        slab_put(&bufs, *b);
    else
        free(*b);
    *b = NULL;
}

struct buf *
buf_get_sized(size_t size)
{
    if (size <= tune.bufsize)
        return buf_get();
    struct buf *b = malloc(sizeof(*b) + size);
    if (b) {
        b->head = b->tail = 0;
        b->size = (uint32_t)size;
    }
    return b;
}

unsigned
buf_in_use(void)
{
    return bufs.in_use;
}

void
buf_thread_fini(void)
{
    if (bufs.size)
        slab_fini(&bufs);
    bufs.size = 0;
    free(scratch);
    scratch = NULL;
}

char *
buf_scratch(void)
{
    if (unlikely(!scratch))
        scratch = xmalloc(SCRATCH_SIZE);
    return scratch;
}

void
buf_compact(struct buf *b, uint32_t to)
{
    if (b->head <= to)
        return;
    memmove(b->data + to, b->data + b->head, buf_len(b));
    b->tail -= b->head - to;
    b->head = to;
}
