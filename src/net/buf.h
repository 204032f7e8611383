/* buf.h - receive buffers, borrowed from the thread while bytes are in flight. */
#ifndef NET_BUF_H
#define NET_BUF_H

#include "base/slice.h"

/** Bytes data[head..tail) are unread. */
struct buf {
    uint32_t head, tail, size;
    char data[];
};

/** A buffer of tune.bufsize from the thread's slab; NULL when memory is out. */
MUST_CHECK struct buf *buf_get(void);
/** At least `size` bytes; bigger than tune.bufsize comes from the heap. */
MUST_CHECK struct buf *buf_get_sized(size_t size);
/** Gives it back to the calling thread and clears *b. NULL is fine. */
void buf_put(struct buf **b);
/** Buffers in use by the calling thread. */
unsigned buf_in_use(void);
void buf_thread_fini(void);

/** The thread's scratch for bulk copies: SCRATCH_SIZE bytes, valid until the caller returns to the
 * loop. */
#define SCRATCH_SIZE (256u * 1024)
char *buf_scratch(void);

static inline size_t
buf_len(const struct buf *b)
{
    return b->tail - b->head;
}

static inline size_t
buf_room(const struct buf *b)
{
    return b->size - b->tail;
}

static inline char *
buf_head(struct buf *b)
{
    return b->data + b->head;
}

static inline struct slice
buf_slice(const struct buf *b)
{
    return slice(b->data + b->head, buf_len(b));
}

/** Moves unread bytes to offset `to` <= head. */
void buf_compact(struct buf *b, uint32_t to);

#endif
