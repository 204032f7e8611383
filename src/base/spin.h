/* spin.h - one-byte leaf lock for critical sections of well under a microsecond. Never held across
 * a call that may wait, never nested unless the declaration of both locks says in which order. */
#ifndef BASE_SPIN_H
#define BASE_SPIN_H

#include "base/base.h"

#include <sched.h>
#include <stdatomic.h>

struct spin {
    _Atomic uint8_t taken;
};

#define SPIN_TRIES 100 /* looks at the lock before the processor is given away */

static inline void
cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline bool
spin_try(struct spin *s)
{
    return atomic_exchange_explicit(&s->taken, 1, memory_order_acquire) == 0;
}

static inline void
spin_lock(struct spin *s)
{
    while (unlikely(!spin_try(s))) {
        for (unsigned i = 0; atomic_load_explicit(&s->taken, memory_order_relaxed); i++) {
            if (i < SPIN_TRIES)
                cpu_relax();
            else
                sched_yield(); /* the holder may have been preempted */
        }
    }
}

static inline void
spin_unlock(struct spin *s)
{
    atomic_store_explicit(&s->taken, 0, memory_order_release);
}

#endif
