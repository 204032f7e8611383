/* cmd_basic.c - commands about the connection and the process: help, prompt, levels, version,
 * environment. */
#include "runtime/cli_int.h"

#include "base/version.h"
#include "config/module.h"
#include "config/tune.h"
#include "proxy/listener.h"
#include "runtime/runtime.h"
#include "stats/stats.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

extern char **environ;

static enum cli_rc
cmd_help(struct cli *c, const struct command *cmd)
{
    cli_list(c, "The following commands are valid at this level:\n", 1);
    return CLI_DONE;
}

/* 3.2: `prompt [help | n | i | p | timed]*`; alone it toggles. */
static enum cli_rc
cmd_prompt(struct cli *c, const struct command *cmd)
{
    static const char usage[] = "Usage: prompt [help | n | i | p | timed]*\n"
                                "  n      close the connection after the answers to a line\n"
                                "  i      keep it, without a prompt\n"
                                "  p      keep it, with a prompt\n"
                                "  timed  toggle the uptime in the prompt";

    if (c->nargs == 1) {
        c->prompt = !c->prompt;
        c->interactive = c->prompt;
    }
    for (unsigned i = 1; i < c->nargs; i++) {
        const char *mode = c->arg[i];
        if (strcmp(mode, "n") == 0)
            c->prompt = c->interactive = false;
        else if (strcmp(mode, "i") == 0)
            c->interactive = !(c->prompt = false);
        else if (strcmp(mode, "p") == 0)
            c->prompt = c->interactive = true;
        else if (strcmp(mode, "timed") == 0)
            c->timed = !c->timed;
        else if (strcmp(mode, "help") == 0)
            return cli_msg(c, CLI_INFO, "%s", usage);
        else
            return cli_err(c, "%s", usage);
    }
    return CLI_DONE;
}

static enum cli_rc
cmd_quit(struct cli *c, const struct command *cmd)
{
    c->close = true;
    return CLI_DONE;
}

static enum cli_rc
cmd_lower_level(struct cli *c, const struct command *cmd)
{
    int level = strcmp(cmd->name, "user") == 0 ? CLI_LEVEL_USER : CLI_LEVEL_OPERATOR;

    if (c->level < level)
        return cli_err(c, "Permission denied");
    c->level = level;
    return CLI_DONE;
}

static const char *
level_name(int level)
{
    return level == CLI_LEVEL_ADMIN ? "admin" : level == CLI_LEVEL_OPERATOR ? "operator" : "user";
}

static enum cli_rc
cmd_show_level(struct cli *c, const struct command *cmd)
{
    return cli_msg(c, CLI_INFO, "%s", level_name(c->level));
}

static enum cli_rc
cmd_show_sockets(struct cli *c, const struct command *cmd)
{
    struct listener *li;
    char text[160] = "";

    text_str(&c->out, "# socket lvl processes\n");
    if (!config->cli)
        return CLI_DONE;
    list_each (li, &config->cli->listeners, link) {
        struct out o = OUT(text);
        addr_put_config(&o, &li->addr);
        text_printf(&c->out, "%.*s %s all\n", SLF(out_slice(&o)), level_name(li->bind->level));
    }
    return CLI_DONE;
}

static enum cli_rc
cmd_show_version(struct cli *c, const struct command *cmd)
{
    return cli_msg(c, CLI_INFO, "%s", FULL_VERSION);
}

static enum cli_rc
cmd_show_env(struct cli *c, const struct command *cmd)
{
    const char *name = c->arg[2];
    bool found = false;

    for (char **e = environ; *e; e++) {
        size_t n = strlen(name);
        if (n && (strncmp(*e, name, n) != 0 || (*e)[n] != '='))
            continue;
        text_printf(&c->out, "%s\n", *e);
        found = true;
    }
    return *name && !found ? cli_err(c, "Variable not found") : CLI_DONE;
}

static enum cli_rc
cmd_echo(struct cli *c, const struct command *cmd)
{
    for (unsigned i = 1; i < c->nargs; i++)
        text_printf(&c->out, "%s%s", i > 1 ? " " : "", c->arg[i]);
    text_char(&c->out, '\n');
    return CLI_DONE;
}

static enum cli_rc
set_mode(struct cli *c, const struct command *cmd, bool *mode)
{
    if (!*c->arg[1])
        return cli_msg(c, CLI_INFO, "%s is %s", cmd->name, *mode ? "ON" : "OFF");
    if (c->level < CLI_LEVEL_ADMIN)
        return cli_err(c, "Permission denied");
    *mode = strcmp(c->arg[1], "on") == 0;
    return CLI_DONE;
}

static enum cli_rc
cmd_experimental(struct cli *c, const struct command *cmd)
{
    return set_mode(c, cmd, &c->experimental);
}

static enum cli_rc
cmd_expert(struct cli *c, const struct command *cmd)
{
    return set_mode(c, cmd, &c->expert);
}

static enum cli_rc
cmd_set_timeout(struct cli *c, const struct command *cmd)
{
    uint64_t us;

    if (strcmp(c->arg[2], "cli") != 0)
        return cli_err(c, "'set timeout' only supports 'cli'.");
    if (!*c->arg[3])
        return cli_err(c, "Expects an integer value.");
    const char *why = units_parse_time(slice_str(c->arg[3]), 1000000, &us);
    if (why || us < 1000000)
        return cli_err(c, "Invalid timeout value.");
    c->timeout_ms = (int)MIN(us / 1000, (uint64_t)INT32_MAX);
    return CLI_DONE;
}

static enum cli_rc
cmd_set_severity(struct cli *c, const struct command *cmd)
{
    static const char *const names[] = { "none", "number", "string" };

    for (int i = 0; i < 3; i++)
        if (strcmp(c->arg[2], names[i]) == 0) {
            c->severity = i;
            return CLI_DONE;
        }
    return cli_err(c, "one of 'none', 'number', 'string' is a required argument");
}

static const struct command commands[] = {
    { "help", "help [<command>]", "list matching or all commands", CLI_LEVEL_USER, cmd_help,
      CMDF_BUILTIN, NULL },
    { "prompt", "prompt [help | n | i | p | timed]", "toggle interactive mode with prompt",
      CLI_LEVEL_USER, cmd_prompt, CMDF_BUILTIN, NULL },
    { "quit", "quit", "disconnect", CLI_LEVEL_USER, cmd_quit, CMDF_BUILTIN, NULL },
    { "user", "user", "lower the level of the current CLI session to user", CLI_LEVEL_USER,
      cmd_lower_level, 0, NULL },
    { "operator", "operator", "lower the level of the current CLI session to operator",
      CLI_LEVEL_OPERATOR, cmd_lower_level, 0, NULL },
    { "show cli level", "show cli level", "display the level of the current CLI session",
      CLI_LEVEL_USER, cmd_show_level, 0, NULL },
    { "show cli sockets", "show cli sockets", "dump list of cli sockets", CLI_LEVEL_USER,
      cmd_show_sockets, 0, NULL },
    { "show version", "show version", "show version of the current process", CLI_LEVEL_USER,
      cmd_show_version, 0, NULL },
    { "show env", "show env [var]", "dump environment variables known to the process",
      CLI_LEVEL_OPERATOR, cmd_show_env, 0, NULL },
    { "echo", "echo <text>", "print this text on the CLI", CLI_LEVEL_USER, cmd_echo, 0, NULL },
    { "experimental-mode", "experimental-mode [on|off]", "get/set experimental mode",
      CLI_LEVEL_USER, cmd_experimental, 0, NULL },
    { "expert-mode", "expert-mode [on|off]", "get/set expert mode", CLI_LEVEL_USER, cmd_expert,
      CMDF_HIDDEN, NULL },
    { "set timeout", "set timeout [cli] <delay>", "change a timeout setting", CLI_LEVEL_USER,
      cmd_set_timeout, 0, NULL },
    { "set severity-output", "set severity-output [none|number|string]",
      "set presence of severity level in feedback information", CLI_LEVEL_USER, cmd_set_severity, 0,
      NULL },
    { 0 },
};

/* ---- the process, for the statistics ---- */

static int64_t boot_us;

static int64_t
mono_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
on_defaults(struct config *cf)
{
    boot_us = mono_us();
    stats_process.version = FULL_VERSION;
    stats_process.release_date = RELEASE_DATE;
    cli_install(cf);
}

static bool
on_start(struct config *cf)
{
    struct rlimit r;

    stats_process.hard_maxconn = tune.maxconn;
    stats_process.fd_limit = tune.fd_limit;
    stats_process.maxsock = tune.maxsock;
    if (getrlimit(RLIMIT_DATA, &r) == 0 && r.rlim_cur != RLIM_INFINITY)
        stats_process.mem_max = r.rlim_cur;
    return true;
}

static bool
on_thread_start(struct config *cf)
{
    if (loop_tid() == 0)
        stats_process.boot_ms = (unsigned)((mono_us() - boot_us) / 1000);
    return true;
}

static void
on_stop(struct config *cf)
{
    cli_keep_fini();
}

const struct module runtime_module = {
    .name = "runtime API",
    .commands = commands,
    .defaults = on_defaults,
    .start = on_start,
    .thread_start = on_thread_start,
    .thread_stop = cli_thread_stop,
    .stop = on_stop,
};
