/* cmd_stat.c - show info, show stat, show schema json, clear counters (management manual 9.3). */
#include "runtime/cli_int.h"

#include "config/module.h"
#include "runtime/runtime.h"
#include "stats/stats.h"

#include <stdlib.h>

#define ROWS_AT_ONCE 64

/* ---- options ---- */

enum opt {
    OPT_TYPED = 1,
    OPT_JSON = 2,
    OPT_DESC = 4,
    OPT_FLOAT = 8,
    OPT_UP = 16,
    OPT_NO_MAINT = 32
};

static unsigned
option_of(const char *word)
{
    static const struct {
        const char *word;
        unsigned opt;
    } words[] = { { "typed", OPT_TYPED }, { "json", OPT_JSON }, { "desc", OPT_DESC },
                  { "float", OPT_FLOAT }, { "up", OPT_UP },     { "no-maint", OPT_NO_MAINT } };

    for (unsigned w = 0; w < COUNT_OF(words); w++)
        if (strcmp(word, words[w].word) == 0)
            return words[w].opt;
    return 0;
}

static unsigned
options_of(const struct cli *c, unsigned from)
{
    unsigned opts = 0;

    for (unsigned i = from; i < c->nargs; i++)
        opts |= option_of(c->arg[i]);
    return opts;
}

static enum stats_format
format_of(unsigned opts)
{
    return opts & OPT_JSON ? STATS_JSON : opts & OPT_TYPED ? STATS_TYPED : STATS_CSV;
}

/* ---- show info ---- */

static enum cli_rc
cmd_show_info(struct cli *c, const struct command *cmd)
{
    unsigned opts = options_of(c, 2);
    struct stats_info info;

    stats_info_fill(&info, opts & OPT_FLOAT);
    stats_put_info(&c->out, &info, format_of(opts), opts & OPT_DESC);
    return CLI_DONE;
}

/* ---- show stat ---- */

struct dump {
    struct stats_walk walk;
    struct stats_row row;
    enum stats_format format;
    bool desc, first;
};

static void
dump_free(struct cli *c)
{
    free(c->state);
    c->state = NULL;
}

static enum cli_rc
dump_more(struct cli *c)
{
    struct dump *d = c->state;

    for (unsigned n = 0; n < ROWS_AT_ONCE; n++) {
        if (!stats_walk_next(&d->walk, &d->row)) {
            if (d->format == STATS_JSON)
                text_str(&c->out, "]\n");
            dump_free(c);
            return CLI_DONE;
        }
        stats_put_row(&c->out, &d->row, d->format, d->desc, d->first);
        d->first = false;
    }
    return CLI_WAIT;
}

/* "{<iid>|<proxy>} <type> <sid>". False after an error was answered. */
static bool
parse_object(struct cli *c, unsigned at, struct stats_walk *w)
{
    int64_t v;

    if (slice_to_int(slice_str(c->arg[at]), &v)) {
        w->iid = v > 0 ? (unsigned)v : 0;
    } else {
        struct proxy *px = proxy_find(config, c->arg[at], PX_LISTEN);
        if (!px) {
            cli_err(c, "No such proxy.");
            return false;
        }
        w->iid = px->id;
    }
    if (slice_to_int(slice_str(c->arg[at + 1]), &v))
        w->want = v < 0 ? STATS_WANT_ALL : (unsigned)v & STATS_WANT_ALL;
    if (slice_to_int(slice_str(c->arg[at + 2]), &v))
        w->sid = v < 0 ? -1 : (int)MIN(v, INT32_MAX);
    return true;
}

static const char resolvers_header[] =
    "# id,pid,sent,snd_error,valid,update,cname,cname_error,any_err,nx,timeout,refused,"
    "other,invalid,too_big,truncated,outdated,\n";

static enum cli_rc
cmd_show_stat(struct cli *c, const struct command *cmd)
{
    unsigned at = 2;

    if (strcmp(c->arg[at], "domain") == 0) {
        if (strcmp(c->arg[at + 1], "resolvers") == 0) {
            text_str(&c->out, resolvers_header);
            return CLI_DONE;
        }
        if (strcmp(c->arg[at + 1], "proxy") != 0)
            return cli_err(c, "Invalid statistics domain.");
        at += 2;
    }
    struct dump *d = xcalloc(1, sizeof(*d));
    unsigned opts = options_of(c, at);
    d->walk.want = STATS_WANT_ALL;
    d->walk.sid = -1;
    d->walk.hide_down = opts & OPT_UP;
    d->walk.hide_maint = d->walk.count_up = opts & (OPT_UP | OPT_NO_MAINT);
    d->format = format_of(opts);
    d->desc = opts & OPT_DESC;
    d->first = true;
    bool object = *c->arg[at + 2] && !option_of(c->arg[at]) && !option_of(c->arg[at + 1]) &&
                  !option_of(c->arg[at + 2]);
    if (object && !parse_object(c, at, &d->walk)) {
        free(d);
        return CLI_DONE;
    }
    if (d->format == STATS_CSV)
        stats_csv_header(&c->out);
    else if (d->format == STATS_JSON)
        text_char(&c->out, '[');
    c->state = d;
    c->cancel = dump_free;
    c->more = dump_more;
    return dump_more(c);
}

static enum cli_rc
cmd_show_schema(struct cli *c, const struct command *cmd)
{
    stats_put_schema(&c->out);
    return CLI_DONE;
}

/* ---- clear counters ---- */

static const char all_word[] = "all";

static void
clear_here(struct text *out, void *arg)
{
    stats_clear_thread(arg == all_word);
}

static enum cli_rc
cmd_clear_counters(struct cli *c, const struct command *cmd)
{
    bool all = strcmp(c->arg[2], all_word) == 0;

    if (c->level < (all ? CLI_LEVEL_ADMIN : CLI_LEVEL_OPERATOR))
        return cli_err(c, "Permission denied");
    stats_clear_shared(all);
    return cli_on_threads(c, clear_here, all ? (void *)all_word : NULL, NULL);
}

static void
clear_server_here(struct text *out, void *arg)
{
    struct server *srv = arg;

    stats_clear_srv(&srv->counters[loop_tid()], true);
}

static enum cli_rc
cmd_clear_server(struct cli *c, const struct command *cmd)
{
    struct server *srv = cli_server(c, 3);

    if (!srv)
        return CLI_DONE;
    stats_clear_server(srv);
    cli_msg(c, CLI_NOTICE, "Server counters cleared.");
    return cli_on_threads(c, clear_server_here, srv, NULL);
}

static const struct command commands[] = {
    { "show info", "show info [desc|json|typed|float]*",
      "the process: versions, limits, rates, totals", CLI_LEVEL_USER, cmd_show_info, 0, NULL },
    { "show stat", "show stat [desc|json|no-maint|typed|up]*",
      "counters and states of proxies, servers and listeners", CLI_LEVEL_USER, cmd_show_stat, 0,
      NULL },
    { "show schema json", "show schema json",
      "schema of the JSON that show info and show stat print", CLI_LEVEL_USER, cmd_show_schema, 0,
      NULL },
    { "clear counters", "clear counters [all]", "reset the maxima (or all counters)",
      CLI_LEVEL_OPERATOR, cmd_clear_counters, 0, NULL },
    { "clear counters server", "clear counters server <bk>/<srv>",
      "reset the counters of one server", CLI_LEVEL_ADMIN, cmd_clear_server, 0, NULL },
    { 0 },
};

const struct module runtime_stat_module = { .name = "runtime API: statistics",
                                            .commands = commands };
