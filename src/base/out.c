/* out.c - text writers. */
#include "base/out.h"

#include <stdio.h>
#include <stdlib.h>

void
out_str(struct out *o, const char *s)
{
    out_mem(o, s, strlen(s));
}

void
out_uint(struct out *o, uint64_t v)
{
    char tmp[20];
    unsigned n = sizeof(tmp);

    do {
        tmp[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    out_mem(o, tmp + n, sizeof(tmp) - n);
}

void
out_int(struct out *o, int64_t v)
{
    if (v < 0) {
        out_char(o, '-');
        out_uint(o, 0 - (uint64_t)v);
    } else {
        out_uint(o, (uint64_t)v);
    }
}

void
out_uint_pad(struct out *o, uint64_t v, unsigned width)
{
    char tmp[32]; /* 20 digits; the compiler takes less for too little */
    unsigned n = sizeof(tmp);

    do {
        tmp[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    while (sizeof(tmp) - n < width && n > 0)
        tmp[--n] = '0';
    out_mem(o, tmp + n, sizeof(tmp) - n);
}

void
out_hex(struct out *o, uint64_t v)
{
    char tmp[16];
    unsigned n = sizeof(tmp);

    do {
        tmp[--n] = "0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v);
    out_mem(o, tmp + n, sizeof(tmp) - n);
}

void
out_varint(struct out *o, uint64_t v)
{
    if (v < 240) {
        out_char(o, (char)v);
        return;
    }
    out_char(o, (char)(v | 240));
    v = (v - 240) >> 4;
    while (v >= 128) {
        out_char(o, (char)(v | 128));
        v = (v - 128) >> 7;
    }
    out_char(o, (char)v);
}

void
out_printf(struct out *o, const char *fmt, ...)
{
    va_list ap;
    size_t room = o->size - o->len;

    va_start(ap, fmt);
    int n = vsnprintf(o->p + o->len, room, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if ((size_t)n < room) {
        o->len += (size_t)n;
        return;
    }
    /* vsnprintf needs a byte for its NUL: exactly full also lands here, and goes through the heap.
     */
    char *s;
    va_start(ap, fmt);
    n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0) {
        o->full = true;
        return;
    }
    out_mem(o, s, (size_t)n);
    free(s);
}

static void
text_reserve(struct text *t, size_t more)
{
    size_t need = t->len + more + 1;

    if (need <= t->size)
        return;
    size_t size = t->size ? t->size : 64;
    while (size < need)
        size *= 2;
    t->p = xrealloc(t->p, size);
    t->size = size;
}

void
text_mem(struct text *t, const void *p, size_t len)
{
    text_reserve(t, len);
    if (len)
        memcpy(t->p + t->len, p, len);
    t->len += len;
    t->p[t->len] = '\0';
}

void
text_str(struct text *t, const char *s)
{
    text_mem(t, s, strlen(s));
}

void
text_slice(struct text *t, struct slice s)
{
    text_mem(t, s.p, s.len);
}

void
text_char(struct text *t, char c)
{
    text_mem(t, &c, 1);
}

void
text_vprintf(struct text *t, const char *fmt, va_list ap)
{
    va_list again;

    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return;
    text_reserve(t, (size_t)n);
    vsnprintf(t->p + t->len, (size_t)n + 1, fmt, ap);
    t->len += (size_t)n;
}

void
text_printf(struct text *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    text_vprintf(t, fmt, ap);
    va_end(ap);
}

void
text_drop(struct text *t, size_t n)
{
    ASSERT(n <= t->len);
    if (n == 0)
        return;
    memmove(t->p, t->p + n, t->len - n);
    t->len -= n;
    t->p[t->len] = '\0';
}

void
text_fini(struct text *t)
{
    free(t->p);
    *t = (struct text){ 0 };
}
