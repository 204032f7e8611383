/* slab.h - cache of equal-sized objects that belongs to one thread. */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include "base/base.h"

#include <stdatomic.h>

struct slab_free;

/** One cache. Only its owner (the thread that serves it, or the holder of a lock that covers it)
 * may call the functions below; the one exception is slab_put_remote(). Objects are recycled last
 * in, first out, so that the next user gets warm memory. Under AddressSanitizer get and put are
 * malloc and free. */
struct slab {
    const char *name; /* for statistics; not copied */
    size_t size;      /* bytes per object */
    unsigned keep;    /* free objects kept at most; more go back to the heap */

    struct slab_free *free; /* LIFO */
    unsigned nfree;
    unsigned in_use;       /* objects handed out (remote returns are noticed late) */
    unsigned peak;         /* highest in_use */
    uint64_t gets, misses; /* calls of slab_get(); those that went to the heap */
    uint64_t failures;     /* slab_get() that returned NULL */

    _Atomic(struct slab_free *) returned; /* pushed by other threads */
    struct slab *next;                    /* in the list of the thread that initialised it */
};

/** `keep` 0: as many as the highest number ever in use. */
void slab_init(struct slab *s, const char *name, size_t size, unsigned keep);
/** By the thread that initialised it: releases the free objects. Returns how many are still in use;
 * these stay valid and leak unless free()d by someone: not 0 means a bug in the caller, unless it
 * is exiting. */
unsigned slab_fini(struct slab *s);
/** 16-byte aligned, not cleared. NULL when memory is out. */
MUST_CHECK HOT void *slab_get(struct slab *s);
/** The same, cleared. */
MUST_CHECK void *slab_zget(struct slab *s);
/** Gives an object back; NULL is ignored. By the owner only. */
HOT void slab_put(struct slab *s, void *p);
/** Gives an object back from any thread. The owner picks it up in slab_get() when its own list is
 * empty, or in slab_collect(). The slab must outlive the call. */
void slab_put_remote(struct slab *s, void *p);
/** Takes in what other threads gave back. By the owner. */
void slab_collect(struct slab *s);
/** Calls fn for every slab that the calling thread has initialised and not finished. */
void slab_each(void (*fn)(const struct slab *s, void *arg), void *arg);
/** Returns free objects to the heap until `keep` are left. By the owner. */
void slab_trim(struct slab *s, unsigned keep);

#endif
