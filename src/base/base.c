/* base.c - what happens when an assertion fails; allocation for start-up code. */
#include "base/base.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic unsigned long suspects;

void
assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "steelyard: assertion failed: %s (%s:%d)\n", what, file, line);
    abort();
}

void
suspect_seen(const char *what, const char *file, int line)
{
    /* The first ones are worth a line; a flood of them is not. */
    if (atomic_fetch_add(&suspects, 1) < 10)
        fprintf(stderr, "steelyard: suspect: %s (%s:%d)\n", what, file, line);
}

unsigned long
suspect_count(void)
{
    return atomic_load(&suspects);
}

static void *
check_alloc(void *p)
{
    if (!p) {
        fputs("steelyard: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

void *
xmalloc(size_t size)
{
    return check_alloc(malloc(size ? size : 1));
}

void *
xcalloc(size_t n, size_t size)
{
    return check_alloc(calloc(n ? n : 1, size ? size : 1));
}

void *
xrealloc(void *p, size_t size)
{
    return check_alloc(realloc(p, size ? size : 1));
}

char *
xstrdup(const char *s)
{
    return check_alloc(strdup(s));
}

char *
xstrndup(const char *s, size_t len)
{
    char *p = xmalloc(len + 1);
    memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

char *
xasprintf(const char *fmt, ...)
{
    char *s;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return check_alloc(n < 0 ? NULL : s);
}
