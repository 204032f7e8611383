/* cmd_basic.c - commands about the connection and the process: help, prompt, levels, version, environment. */
#include "runtime/cli_int.h"

#include "config/module.h"
#include "process/version.h"
#include "proxy/listener.h"
#include "runtime/runtime.h"

#include <stdlib.h>

extern char **environ;

static bool
matches_words(const struct cli *c, const struct command *cmd)
{
    /* `help show ser`: every given word begins a word of the name, in order */
    const char *p = cmd->name;

    for (unsigned i = 1; i < c->nargs; i++) {
        if (!*p || strncmp(p, c->arg[i], strlen(c->arg[i])) != 0)
            return false;
        p += strcspn(p, " ");
        p += *p == ' ';
    }
    return true;
}

static enum cli_rc
cmd_help(struct cli *c, const struct command *cmd)
{
    cli_list(c, "The following commands are valid at this level:\n", matches_words);
    return CLI_DONE;
}

/* 3.2: `prompt [help | n | i | p | timed]`; alone it toggles. */
static enum cli_rc
cmd_prompt(struct cli *c, const struct command *cmd)
{
    const char *mode = c->arg[1];

    if (!*mode) {
        c->prompt = !c->prompt;
        c->interactive = c->prompt;
    } else if (strcmp(mode, "n") == 0) {
        c->prompt = c->interactive = false;
    } else if (strcmp(mode, "i") == 0) {
        c->interactive = true;
        c->prompt = false;
    } else if (strcmp(mode, "p") == 0 || strcmp(mode, "timed") == 0) {
        c->prompt = c->interactive = true;
    } else if (strcmp(mode, "help") == 0) {
        return cli_msg(c, CLI_INFO, "Usage: prompt [help | n | i | p | timed]");
    } else {
        return cli_err(c, "Unknown prompt mode '%s'. Usage: prompt [help | n | i | p | timed]", mode);
    }
    return CLI_DONE;
}

static enum cli_rc
cmd_quit(struct cli *c, const struct command *cmd)
{
    c->interactive = false;
    c->prompt = false;
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
    char text[160];

    text_str(&c->out, "# socket lvl processes\n");
    if (!config->cli)
        return CLI_DONE;
    list_each(li, &config->cli->listeners, link) {
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
    { "help", "help [<command>]", "list matching or all commands", CLI_LEVEL_USER, cmd_help, 0, NULL },
    { "prompt", "prompt [help | n | i | p | timed]", "toggle interactive mode with prompt", CLI_LEVEL_USER, cmd_prompt, 0, NULL },
    { "quit", "quit", "disconnect", CLI_LEVEL_USER, cmd_quit, 0, NULL },
    { "user", "user", "lower the level of the current CLI session to user", CLI_LEVEL_USER, cmd_lower_level, 0, NULL },
    { "operator", "operator", "lower the level of the current CLI session to operator", CLI_LEVEL_OPERATOR, cmd_lower_level, 0, NULL },
    { "show cli level", "show cli level", "display the level of the current CLI session", CLI_LEVEL_USER, cmd_show_level, 0, NULL },
    { "show cli sockets", "show cli sockets", "dump list of cli sockets", CLI_LEVEL_OPERATOR, cmd_show_sockets, 0, NULL },
    { "show version", "show version", "show version of the current process", CLI_LEVEL_USER, cmd_show_version, 0, NULL },
    { "show env", "show env [var]", "dump environment variables known to the process", CLI_LEVEL_OPERATOR, cmd_show_env, 0, NULL },
    { "echo", "echo <text>", "print this text on the CLI", CLI_LEVEL_USER, cmd_echo, 0, NULL },
    { "experimental-mode", "experimental-mode [on|off]", "get/set experimental mode", CLI_LEVEL_USER, cmd_experimental, 0, NULL },
    { "expert-mode", "expert-mode [on|off]", "get/set expert mode", CLI_LEVEL_USER, cmd_expert, CMDF_HIDDEN, NULL },
    { "set timeout", "set timeout [cli] <delay>", "change a timeout setting", CLI_LEVEL_USER, cmd_set_timeout, 0, NULL },
    { "set severity-output", "set severity-output [none|number|string]", "set presence of severity level in feedback information", CLI_LEVEL_USER, cmd_set_severity, 0, NULL },
    { 0 },
};

const struct module runtime_module = { .name = "runtime API", .commands = commands, .defaults = cli_install,
                                       .thread_stop = cli_thread_stop };
