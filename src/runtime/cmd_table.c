/* cmd_table.c - show table, set table, clear table: the words go to stick/show.h. */
#include "runtime/cli_int.h"

#include "config/module.h"
#include "runtime/runtime.h"
#include "stick/show.h"

#include <stdlib.h>

#define ENTRIES_AT_ONCE 500u

static void
query_free(struct cli *c)
{
    free(c->state);
    c->state = NULL;
}

static enum cli_rc
query_more(struct cli *c)
{
    if (!stick_query_step(c->state, loop_now_ms(), ENTRIES_AT_ONCE, &c->out))
        return CLI_WAIT;
    query_free(c);
    return CLI_DONE;
}

static enum cli_rc
run_query(struct cli *c, enum stick_verb verb)
{
    struct stick_query *q = xcalloc(1, sizeof(*q));
    char *err =
        stick_query_parse(q, verb, &config->tables, c->arg + 2, c->nargs > 2 ? c->nargs - 2 : 0);

    if (err) {
        free(q);
        return cli_err_free(c, err);
    }
    c->state = q;
    c->cancel = query_free;
    c->more = query_more;
    return query_more(c);
}

static enum cli_rc
cmd_show_table(struct cli *c, const struct command *cmd)
{
    return run_query(c, STICK_SHOW);
}

static enum cli_rc
cmd_set_table(struct cli *c, const struct command *cmd)
{
    return run_query(c, STICK_SET);
}

static enum cli_rc
cmd_clear_table(struct cli *c, const struct command *cmd)
{
    return run_query(c, STICK_CLEAR);
}

static const struct command commands[] = {
    { "show table", "show table <table> [<filter>]*",
      "the tables, or the entries of one (filter: data, key, ptr)", CLI_LEVEL_USER, cmd_show_table,
      0, NULL },
    { "set table", "set table <table> key <k> [data.* <v>]*", "change or create an entry",
      CLI_LEVEL_OPERATOR, cmd_set_table, 0, NULL },
    { "clear table", "clear table <table> [<filter>]*", "remove entries (filter: data, key, ptr)",
      CLI_LEVEL_OPERATOR, cmd_clear_table, 0, NULL },
    { 0 },
};

const struct module runtime_table_module = { .name = "runtime API: stick tables",
                                             .commands = commands };
