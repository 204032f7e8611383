/* out.h - bounded text writer (`struct out`, for hot paths) and growing text (`struct text`,
 * elsewhere). */
#ifndef BASE_OUT_H
#define BASE_OUT_H

#include "base/slice.h"

#include <stdarg.h>

/** Writes into memory of the caller's. On overflow writes what fits, sets `full` and ignores the
 * rest. */
struct out {
    char *p;
    size_t len, size;
    bool full;
};

#define OUT(array) ((struct out){ (array), 0, sizeof(array), false })

static inline struct slice
out_slice(const struct out *o)
{
    return slice(o->p, o->len);
}

static inline void
out_mem(struct out *o, const void *p, size_t len)
{
    if (unlikely(len > o->size - o->len)) {
        o->full = true;
        len = o->size - o->len;
    }
    if (len)
        memcpy(o->p + o->len, p, len);
    o->len += len;
}

static inline void
out_slice_put(struct out *o, struct slice s)
{
    out_mem(o, s.p, s.len);
}

static inline void
out_char(struct out *o, char c)
{
    if (unlikely(o->len == o->size))
        o->full = true;
    else
        o->p[o->len++] = c;
}

#define out_lit(o, lit) out_mem((o), (lit), sizeof(lit) - 1)
/** Appends text, or a number in decimal; what does not fit sets `full`. */
void out_str(struct out *o, const char *s);
void out_uint(struct out *o, uint64_t v);
void out_int(struct out *o, int64_t v);
/** Zero-padded to `width` digits. */
void out_uint_pad(struct out *o, uint64_t v, unsigned width);
/** Lower-case hexadecimal without prefix. */
void out_hex(struct out *o, uint64_t v);
/** Integers of SPOP and of the peers protocol: one byte below 240, else four low bits, then groups
 * of seven. */
void out_varint(struct out *o, uint64_t v);
void out_printf(struct out *o, const char *fmt, ...) PRINTF(2, 3);

/** Heap text that grows; always NUL-terminated once something was written. Starts as { 0 }. */
struct text {
    char *p;
    size_t len, size;
};

/** Append; memory grows as needed. */
void text_mem(struct text *t, const void *p, size_t len);
void text_str(struct text *t, const char *s);
void text_slice(struct text *t, struct slice s);
void text_char(struct text *t, char c);
void text_printf(struct text *t, const char *fmt, ...) PRINTF(2, 3);
void text_vprintf(struct text *t, const char *fmt, va_list ap);
/** Removes the first `n` bytes. */
void text_drop(struct text *t, size_t n);
void text_fini(struct text *t);

static inline struct slice
text_get(const struct text *t)
{
    return slice(t->p, t->len);
}

#endif
