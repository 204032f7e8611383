/* arena.c - bump allocation in blocks. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_ALIGN             16u
#define ARENA_BLOCK_SIZE        4096u
#define ARENA_BLOCK_SIZE_CONFIG 65536u

struct arena_block {
    struct arena_block *next;
    size_t size;
    char data[] __attribute__((aligned(16)));
};

void
arena_init(struct arena *a, void *first, size_t size, size_t limit)
{
    *a = (struct arena){ .at = first, .end = first ? (char *)first + size : NULL, .limit = limit };
}

void
arena_init_config(struct arena *a)
{
    *a = (struct arena){ .fatal = true };
}

void
arena_fini(struct arena *a)
{
    struct arena_block *b = a->blocks;

    while (b) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
    *a = (struct arena){ 0 };
}

#ifndef __SANITIZE_ADDRESS__
static void *
arena_grow(struct arena *a, size_t size)
{
    size_t block = a->fatal ? ARENA_BLOCK_SIZE_CONFIG : ARENA_BLOCK_SIZE;
    bool own = size > block / 2; /* big ones get their own block, the current one goes on */
    size_t want = own ? size : block;

    if (a->limit && a->total + want > a->limit)
        return NULL;
    struct arena_block *b = malloc(sizeof(*b) + want);
    if (!b) {
        if (a->fatal) {
            fputs("steelyard: out of memory\n", stderr);
            exit(1);
        }
        return NULL;
    }
    b->size = want;
    b->next = a->blocks;
    a->blocks = b;
    a->total += want;
    if (!own) {
        a->at = b->data + size;
        a->end = b->data + want;
    }
    return b->data;
}
#endif

void *
arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (size == 0)
        size = ARENA_ALIGN;
#ifndef __SANITIZE_ADDRESS__
    /* Under AddressSanitizer every object gets its own heap block, so that overruns are found. */
    if (likely((size_t)(a->end - a->at) >= size)) {
        void *p = a->at;
        a->at += size;
        return p;
    }
    return arena_grow(a, size);
#else
    if (a->limit && a->total + size > a->limit)
        return NULL;
    struct arena_block *b = xmalloc(sizeof(*b) + size);
    b->size = size;
    b->next = a->blocks;
    a->blocks = b;
    a->total += size;
    return b->data;
#endif
}

void *
arena_zalloc(struct arena *a, size_t size)
{
    void *p = arena_alloc(a, size);
    return p ? memset(p, 0, size) : NULL;
}

char *
arena_slicedup(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.len + 1);

    if (!p)
        return NULL;
    if (s.len)
        memcpy(p, s.p, s.len);
    p[s.len] = '\0';
    return p;
}

struct slice
arena_keep(struct arena *a, struct slice s)
{
    char *copy = s.p ? arena_slicedup(a, s) : NULL;

    return copy ? slice(copy, s.len) : SLICE_NONE;
}

char *
arena_strdup(struct arena *a, const char *s)
{
    return arena_slicedup(a, slice_str(s));
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char small[256];

    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    if (n < 0)
        return NULL;
    if ((size_t)n < sizeof(small))
        return arena_slicedup(a, slice(small, (size_t)n));
    char *p = arena_alloc(a, (size_t)n + 1);
    if (p) {
        va_start(ap, fmt);
        vsnprintf(p, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return p;
}
