/* help.c - finding commands, and listing those that may have been meant. */
#include "runtime/cli_int.h"

#include "config/module.h"

#include <stdlib.h>

#define GUESSES 5 /* mistyped words: how many commands are offered */

/* ---- names ---- */

static bool
next_word(const char **name, struct slice *word)
{
    if (!**name)
        return false;
    size_t len = strcspn(*name, " ");
    *word = slice(*name, len);
    *name += len + ((*name)[len] == ' ');
    return true;
}

/* How many words of the name the given words begin with; *all tells whether the name ends there. */
static unsigned
words_matched(const struct cli *c, unsigned from, const struct command *cmd, bool *all)
{
    const char *name = cmd->name;
    struct slice word;
    unsigned n = 0;

    *all = false;
    while (next_word(&name, &word)) {
        if (from + n >= c->nargs || !slice_eq_str(word, c->arg[from + n]))
            return n;
        n++;
    }
    *all = true;
    return n;
}

const struct command *
cli_find(const struct cli *c, unsigned from)
{
    const struct command *best = NULL;
    unsigned most = 0;
    bool all;

    for (unsigned m = 0; modules[m]; m++)
        for (const struct command *cmd = modules[m]->commands; cmd && cmd->name; cmd++) {
            unsigned n = words_matched(c, from, cmd, &all);
            if (all && n > most) {
                most = n;
                best = cmd;
            }
        }
    return best;
}

bool
cli_sees(const struct cli *c, const struct command *cmd)
{
    if (cmd->level > c->level || cmd->flags & CMDF_HIDDEN)
        return false;
    if (cmd->flags & CMDF_EXPERT && !c->expert)
        return false;
    return !(cmd->flags & CMDF_EXPERIMENTAL) || c->experimental;
}

/* ---- likeness ---- */

/* Letters to change; a beginning of the word counts as right. */
static unsigned
distance(struct slice a, struct slice b)
{
    unsigned row[34], diag, up;

    if (slice_starts(a, b))
        return 0;
    a.len = MIN(a.len, 32);
    b.len = MIN(b.len, 32);
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        diag = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            up = row[j];
            unsigned change = diag + (a.p[i - 1] != b.p[j - 1]);
            row[j] = MIN(MIN(row[j - 1], up) + 1, change);
            diag = up;
        }
    }
    return row[b.len];
}

struct guess {
    const struct command *cmd;
    unsigned cost;
};

struct guesses {
    struct guess *list;
    unsigned n, size;
};

static void
add_guess(struct guesses *g, const struct command *cmd, unsigned cost)
{
    if (g->n == g->size)
        g->list = xrealloc(g->list, (g->size = g->size ? g->size * 2 : 64) * sizeof(*g->list));
    g->list[g->n++] = (struct guess){ cmd, cost };
}

static int
by_cost(const void *a, const void *b)
{
    const struct guess *x = a, *y = b;

    return x->cost < y->cost ? -1 : x->cost > y->cost ? 1 : strcmp(x->cmd->usage, y->cmd->usage);
}

static int
by_usage(const void *a, const void *b)
{
    const struct guess *x = a, *y = b;
    int bx = !!(x->cmd->flags & CMDF_BUILTIN), by = !!(y->cmd->flags & CMDF_BUILTIN);

    return bx != by ? bx - by : strcmp(x->cmd->usage, y->cmd->usage);
}

/* How far into the names the given words lead, over all commands. */
static unsigned
depth_of(const struct cli *c, unsigned from)
{
    unsigned depth = 0;
    bool all;

    for (unsigned m = 0; modules[m]; m++)
        for (const struct command *cmd = modules[m]->commands; cmd && cmd->name; cmd++)
            if (cli_sees(c, cmd))
                depth = MAX(depth, words_matched(c, from, cmd, &all));
    return depth;
}

/* A later row of a name that an earlier module serves is never run. */
static bool
is_replaced(const struct command *cmd)
{
    for (unsigned m = 0; modules[m]; m++)
        for (const struct command *other = modules[m]->commands; other && other->name; other++)
            if (other != cmd && strcmp(other->name, cmd->name) == 0)
                return other->run != cmd_unsupported;
    return false;
}

/* Commands that share the first `depth` words, with the likeness of the next one. */
static void
collect(const struct cli *c, unsigned from, unsigned depth, struct guesses *g)
{
    bool all;

    for (unsigned m = 0; modules[m]; m++)
        for (const struct command *cmd = modules[m]->commands; cmd && cmd->name; cmd++) {
            if (!cli_sees(c, cmd) || (cmd->run == cmd_unsupported && is_replaced(cmd)) ||
                cmd->flags & CMDF_BUILTIN || words_matched(c, from, cmd, &all) < depth)
                continue;
            const char *name = cmd->name;
            struct slice word = SLICE_NONE;
            for (unsigned i = 0; i <= depth; i++)
                if (!next_word(&name, &word))
                    word = SLICE_NONE;
            bool more = from + depth < c->nargs;
            add_guess(g, cmd, more && !all ? distance(word, slice_str(c->arg[from + depth])) : 0);
        }
}

/* Keeps the likeliest ones. */
static void
choose(struct guesses *g)
{
    unsigned n = 0;

    if (!g->n)
        return;
    qsort(g->list, g->n, sizeof(*g->list), by_cost);
    if (g->list[0].cost == 0) {
        while (n < g->n && g->list[n].cost == 0)
            n++;
        g->n = n;
    } else {
        g->n = MIN(g->n, GUESSES);
    }
}

void
cli_list(struct cli *c, const char *title, unsigned from)
{
    struct guesses g = { 0 };

    if (from < c->nargs) {
        collect(c, from, depth_of(c, from), &g);
        choose(&g);
    } else {
        collect(c, from, 0, &g);
    }
    for (unsigned m = 0; modules[m]; m++)
        for (const struct command *cmd = modules[m]->commands; cmd && cmd->name; cmd++)
            if (cli_sees(c, cmd) && cmd->flags & CMDF_BUILTIN)
                add_guess(&g, cmd, 0);
    if (g.n)
        qsort(g.list, g.n, sizeof(*g.list), by_usage);
    text_str(&c->out, title);
    for (unsigned i = 0; i < g.n; i++)
        text_printf(&c->out, "  %-40s: %s\n", g.list[i].cmd->usage, g.list[i].cmd->help);
    free(g.list);
}
