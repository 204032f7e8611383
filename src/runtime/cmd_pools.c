/* cmd_pools.c - show pools: caches of objects, added up over the threads (management manual 9.3).
 */
#include "runtime/cli_int.h"

#include "base/slab.h"
#include "config/module.h"
#include "runtime/runtime.h"

#include <malloc.h>
#include <stdlib.h>

#define POOLS_MAX 64 /* kinds of slabs: a handful are known */

struct pool {
    const char *name;
    size_t size;
    uint64_t used, unused, peak, failures;
    unsigned users; /* threads */
    const void *first;
};

struct pools {
    enum { BY_NOTHING, BY_NAME, BY_SIZE, BY_USAGE } order;
    char match[32];
    unsigned lines;
    unsigned n;
    struct pool pool[POOLS_MAX];
};

static void
add_slab(const struct slab *s, void *arg)
{
    struct pools *all = arg;
    unsigned i = 0;

    if (*all->match && strncmp(s->name, all->match, strlen(all->match)) != 0)
        return;
    while (i < all->n && strcmp(all->pool[i].name, s->name) != 0)
        i++;
    if (i == POOLS_MAX)
        return;
    struct pool *p = &all->pool[i];
    if (i == all->n) {
        *p = (struct pool){ .name = s->name, .size = s->size, .first = s };
        all->n++;
    }
    p->used += s->in_use;
    p->unused += s->nfree;
    p->peak += s->peak;
    p->failures += s->failures;
    p->users++;
}

static void
add_here(struct text *out, void *arg)
{
    slab_each(add_slab, arg);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct pool *)a)->name, ((const struct pool *)b)->name);
}

static int
falling(uint64_t a, uint64_t b)
{
    return a < b ? 1 : a > b ? -1 : 0;
}

static int
by_size(const void *a, const void *b)
{
    return falling(((const struct pool *)a)->size, ((const struct pool *)b)->size);
}

static int
by_usage(const void *a, const void *b)
{
    const struct pool *x = a, *y = b;
    return falling((x->used + x->unused) * x->size, (y->used + y->unused) * y->size);
}

static void
show(struct cli *c, void *arg)
{
    static int (*const orders[])(const void *, const void *) = { NULL, by_name, by_size, by_usage };
    struct pools *all = arg;
    struct mallinfo2 m = mallinfo2();
    uint64_t bytes = 0, used = 0, unused = 0;
    unsigned n = MIN(all->n, all->lines);

    if (orders[all->order])
        qsort(all->pool, all->n, sizeof(*all->pool), orders[all->order]);
    text_str(&c->out, "Dumping pools usage. Use SIGQUIT to flush them.\n");
    for (unsigned i = 0; i < n; i++) {
        const struct pool *p = &all->pool[i];
        uint64_t total = p->used + p->unused, total_bytes = total * p->size;
        text_printf(&c->out,
                    "  - Pool %s (%zu bytes) : %llu allocated (%llu bytes), %llu used (~%llu by "
                    "thread caches), needed_avg %llu, %llu failures, %u users, @%p\n",
                    p->name, p->size, (unsigned long long)total, (unsigned long long)total_bytes,
                    (unsigned long long)p->used, (unsigned long long)p->unused,
                    (unsigned long long)p->peak, (unsigned long long)p->failures, p->users,
                    p->first);
        bytes += total_bytes;
        used += p->used * p->size;
        unused += p->unused * p->size;
    }
    text_printf(&c->out,
                "Total: %u pools, %llu bytes allocated, %llu used (~%llu by thread caches).\n"
                "Heap: %zu bytes in use, %zu free, %zu mapped.\n",
                n, (unsigned long long)bytes, (unsigned long long)used, (unsigned long long)unused,
                m.uordblks, m.fordblks, m.hblkhd);
}

static enum cli_rc
cmd_show_pools(struct cli *c, const struct command *cmd)
{
    struct pools q = { .lines = UINT32_MAX };
    int64_t n;

    for (unsigned i = 2; i < c->nargs; i++) {
        const char *word = c->arg[i];
        if (strcmp(word, "byname") == 0)
            q.order = BY_NAME;
        else if (strcmp(word, "bysize") == 0)
            q.order = BY_SIZE;
        else if (strcmp(word, "byusage") == 0)
            q.order = BY_USAGE;
        else if (strcmp(word, "match") == 0 && i + 1 < c->nargs)
            snprintf(q.match, sizeof(q.match), "%s", c->arg[++i]);
        else if (slice_to_int(slice_str(word), &n) && n > 0 && n <= UINT32_MAX)
            q.lines = (unsigned)n;
        else if (strcmp(word, "detailed") != 0) /* callers are not recorded */
            return cli_err(c, "Expects any of 'byname', 'bysize', 'byusage', 'detailed', "
                              "'match <prefix>' and a number of pools.");
    }
    struct pools *own = xmalloc(sizeof(*own));
    *own = q;
    return cli_on_threads_own(c, add_here, own, show);
}

static const struct command commands[] = {
    { "show pools", "show pools [by*] [match <pfx>] [nb]",
      "report information about the memory pools usage", CLI_LEVEL_USER, cmd_show_pools, 0, NULL },
    { 0 },
};

const struct module runtime_pools_module = { .name = "runtime API: memory", .commands = commands };
