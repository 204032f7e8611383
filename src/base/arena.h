/* arena.h - memory that is released all at once: one per configuration generation, one per stream.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
    char *at, *end;             /* free room in the current block */
    struct arena_block *blocks; /* heap blocks, newest first */
    size_t total;               /* bytes in heap blocks */
    size_t limit;               /* arena_alloc() fails once `total` would exceed it; 0: no limit */
    bool fatal;                 /* out of memory ends the process (configuration) */
};

/** An empty arena. `first`/`size` is memory of the caller's to use before any heap block (may be
 * NULL/0). */
void arena_init(struct arena *a, void *first, size_t size, size_t limit);
/** The same for configuration: never returns NULL, no limit. */
void arena_init_config(struct arena *a);
/** Releases all heap blocks. The arena must be initialised again before use. */
void arena_fini(struct arena *a);

/** 16-byte aligned, not cleared. NULL when the limit is reached or memory is out. */
MUST_CHECK void *arena_alloc(struct arena *a, size_t size);
/** Cleared memory. */
MUST_CHECK void *arena_zalloc(struct arena *a, size_t size);
/** NUL-terminated copies. NULL on failure. */
MUST_CHECK char *arena_strdup(struct arena *a, const char *s);
MUST_CHECK char *arena_slicedup(struct arena *a, struct slice s);
/** The same as a slice; p is NULL when s.p was, or when memory is out. */
struct slice arena_keep(struct arena *a, struct slice s);
MUST_CHECK char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

#define ARENA_NEW(a, type)      ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_zalloc((a), sizeof(type) * (n)))

#endif
