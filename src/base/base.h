/* base.h - attributes, assertions and the few macros that every file may use. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** 1 in builds with AddressSanitizer: recycled memory comes from malloc there. */
#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif

#define MUST_CHECK              __attribute__((warn_unused_result))
#define PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))
#define NORETURN                __attribute__((noreturn))
#define UNUSED                  __attribute__((unused))
#define NONNULL                 __attribute__((nonnull))
#define HOT                     __attribute__((hot))
#define COLD                    __attribute__((cold, noinline))
#define CACHELINE               64
#define ALIGNED_LINE            __attribute__((aligned(CACHELINE)))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)   ((a) < (b) ? (a) : (b))
#define MAX(a, b)   ((a) > (b) ? (a) : (b))

/** The object of type `type` whose `member` is at `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/** Always checked, O(1). For programming errors only: never on input, configuration or allocation.
 */
#define ASSERT(x)                                                                                  \
    do {                                                                                           \
        if (unlikely(!(x)))                                                                        \
            assert_failed(#x, __FILE__, __LINE__);                                                 \
    } while (0)

/** Checked in debug and sanitizer builds only. */
#ifdef STEELYARD_DEBUG
#define DASSERT(x) ASSERT(x)
#else
#define DASSERT(x) ((void)sizeof(x))
#endif

/** Something that should not happen but can be survived: counted, shown by `debug counters`. */
#define SUSPECT(x) (unlikely(x) ? (suspect_seen(#x, __FILE__, __LINE__), true) : false)

/** Where ASSERT() and SUSPECT() go; not to be called otherwise. */
NORETURN COLD void assert_failed(const char *what, const char *file, int line);
COLD void suspect_seen(const char *what, const char *file, int line);
/** Events that SUSPECT() counted since the start, over all threads. */
unsigned long suspect_count(void);

/** malloc/calloc/realloc/strdup for configuration and start-up: out of memory ends the process with
 * a message. The data path uses slabs and arenas, which report failure instead. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
/** A formatted string the caller frees. */
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);

#endif
