/* cmd_server.c - commands about one server: state, weight, address, checks, limits (management
 * manual 9.3). */
#include "runtime/cli_int.h"

#include "config/module.h"
#include "runtime/runtime.h"
#include "server/check.h"
#include "server/pool.h"

#include <stdlib.h>

static const char by_cli[] = "stats socket command";

/* ---- states ---- */

static enum cli_rc
cmd_disable_server(struct cli *c, const struct command *cmd)
{
    struct server *s = cli_server(c, 2);

    if (s)
        server_set_admin(s, SRVA_FMAINT, NULL);
    return CLI_DONE;
}

static enum cli_rc
cmd_enable_server(struct cli *c, const struct command *cmd)
{
    struct server *s = cli_server(c, 2);

    if (s)
        server_clear_admin(s, SRVA_FMAINT | SRVA_FDRAIN);
    return CLI_DONE;
}

static enum cli_rc
switch_check(struct cli *c, struct check *ck, bool on, const char *what)
{
    if (!on) {
        atomic_fetch_and(&ck->flags, ~(unsigned)CHKF_ENABLED);
        return CLI_DONE;
    }
    if (!(atomic_load(&ck->flags) & CHKF_CONFIGURED))
        return cli_err(c, "%s was not configured on this server, cannot enable.", what);
    atomic_fetch_or(&ck->flags, CHKF_ENABLED);
    return CLI_DONE;
}

static enum cli_rc
cmd_switch_check(struct cli *c, const struct command *cmd)
{
    struct server *s = cli_server(c, 2);
    bool agent = strcmp(c->arg[1], "agent") == 0;

    if (!s)
        return CLI_DONE;
    return switch_check(c, agent ? s->agent : s->check, strcmp(c->arg[0], "enable") == 0,
                        agent ? "Agent" : "Health check");
}

/* ---- weights ---- */

static enum cli_rc
set_weight(struct cli *c, struct server *s, const char *text)
{
    const char *err = server_set_weight(s, text);

    return err ? cli_msg_raw(c, CLI_ERR, "%s", err) : CLI_DONE;
}

static enum cli_rc
cmd_set_weight(struct cli *c, const struct command *cmd)
{
    struct server *s = cli_server(c, 2);

    return s ? set_weight(c, s, c->arg[3]) : CLI_DONE;
}

static enum cli_rc
cmd_get_weight(struct cli *c, const struct command *cmd)
{
    struct server *s = cli_server(c, 2);

    if (!s)
        return CLI_DONE;
    return cli_msg(c, CLI_INFO, "%u (initial %u)", atomic_load(&s->uweight), s->uweight_cfg);
}

/* ---- set server ---- */

typedef enum cli_rc (*setter_fn)(struct cli *c, struct server *s, const char *value);

static enum cli_rc
set_state(struct cli *c, struct server *s, const char *value)
{
    if (strcmp(value, "ready") == 0) {
        server_clear_admin(s, SRVA_FMAINT | SRVA_FDRAIN);
    } else if (strcmp(value, "drain") == 0) {
        server_set_admin(s, SRVA_FDRAIN, NULL);
        server_clear_admin(s, SRVA_FMAINT);
    } else if (strcmp(value, "maint") == 0) {
        server_set_admin(s, SRVA_FMAINT, NULL);
        server_clear_admin(s, SRVA_FDRAIN);
    } else {
        return cli_err(c, "'set server <srv> state' expects 'ready', 'drain' and 'maint'.");
    }
    return CLI_DONE;
}

static enum cli_rc
set_health(struct cli *c, struct server *s, const char *value)
{
    if (s->track)
        return cli_err(c, "cannot change health on a tracking server.");
    if (strcmp(value, "up") == 0)
        server_force_health(s, SRV_RUNNING);
    else if (strcmp(value, "stopping") == 0)
        server_force_health(s, SRV_STOPPING);
    else if (strcmp(value, "down") == 0)
        server_force_health(s, SRV_STOPPED);
    else
        return cli_err(c, "'set server <srv> health' expects 'up', 'stopping', or 'down'.");
    return CLI_DONE;
}

static enum cli_rc
set_agent(struct cli *c, struct server *s, const char *value)
{
    bool up = strcmp(value, "up") == 0;

    if (!(atomic_load(&s->agent->flags) & CHKF_ENABLED))
        return cli_err(c, "agent checks are not enabled on this server.");
    if (!up && strcmp(value, "down") != 0)
        return cli_err(c, "'set server <srv> agent' expects 'up' or 'down'.");
    check_force(s->agent, up);
    if (!up)
        server_set_stopped(s, ", changed from CLI");
    else if (!check_is_on(s->check) || check_is_up(s->check))
        server_set_running(s, ", changed from CLI");
    return CLI_DONE;
}

/* "<ip>" and "port <n>" of a check; NULL or an error text that the caller frees. */
static char *
set_check_target(struct check *ck, const char *ip, const char *port)
{
    struct addr a;
    int64_t n = 0;

    if (ip && !addr_parse_ip(slice_str(ip), &a))
        return xasprintf("invalid addr '%s'", ip);
    if (port && !slice_to_int(slice_str(port), &n))
        return xstrdup("provided port is not an integer");
    if (port && (n < 0 || n > 65535))
        return xstrdup("provided port is invalid");
    pthread_mutex_lock(&ck->lock);
    if (ip)
        ck->addr = a;
    if (port)
        ck->port = (unsigned)n;
    pthread_mutex_unlock(&ck->lock);
    return NULL;
}

static enum cli_rc
check_target(struct cli *c, struct check *ck, const char *ip, const char *port, bool agent)
{
    if (!(atomic_load(&ck->flags) & CHKF_ENABLED))
        return cli_msg_raw(c, CLI_ERR, "%s checks are not enabled on this server",
                           agent ? "agent" : "health");
    char *err = set_check_target(ck, ip, port);
    if (err)
        cli_msg_raw(c, CLI_ERR, "%s", err);
    free(err);
    return CLI_DONE;
}

static const char *
port_word(const struct cli *c)
{
    return strcmp(c->arg[5], "port") == 0 ? c->arg[6] : NULL;
}

static enum cli_rc
set_agent_addr(struct cli *c, struct server *s, const char *value)
{
    if (!*value)
        return cli_err(c,
                       "set server <b>/<s> agent-addr requires an address and optionally a port.");
    return check_target(c, s->agent, value, port_word(c), true);
}

static enum cli_rc
set_agent_port(struct cli *c, struct server *s, const char *value)
{
    if (!*value)
        return cli_err(c, "set server <b>/<s> agent-port requires a port.");
    return check_target(c, s->agent, NULL, value, true);
}

static enum cli_rc
set_agent_send(struct cli *c, struct server *s, const char *value)
{
    struct check *ck = s->agent;

    if (!(atomic_load(&ck->flags) & CHKF_ENABLED))
        return cli_err(c, "agent checks are not enabled on this server.");
    pthread_mutex_lock(&ck->lock);
    free(ck->agent_send);
    ck->agent_send = *value ? xstrdup(value) : NULL;
    pthread_mutex_unlock(&ck->lock);
    return CLI_DONE;
}

static enum cli_rc
set_check_addr(struct cli *c, struct server *s, const char *value)
{
    if (!*value)
        return cli_err(c,
                       "set server <b>/<s> check-addr requires an address and optionally a port.");
    return check_target(c, s->check, value, port_word(c), false);
}

static enum cli_rc
set_check_port(struct cli *c, struct server *s, const char *value)
{
    if (!*value)
        return cli_err(c, "set server <b>/<s> check-port requires a port.");
    return check_target(c, s->check, NULL, value, false);
}

static enum cli_rc
set_addr(struct cli *c, struct server *s, const char *value)
{
    struct text msg = { 0 };

    if (!*value)
        return cli_err(c, "set server <b>/<s> addr requires an address and optionally a port.");
    const char *err = server_set_addr(s, value, port_word(c), by_cli, &msg);
    if (msg.len)
        cli_msg(c, err ? CLI_ERR : CLI_WARNING, "%.*s", SLF(text_get(&msg)));
    else if (err)
        cli_err(c, "%s", err);
    text_fini(&msg);
    return CLI_DONE;
}

static enum cli_rc
set_fqdn(struct cli *c, struct server *s, const char *value)
{
    if (!*value)
        return cli_err(c, "set server <b>/<s> fqdn requires a FQDN.");
    return cli_err(c, "set server <b>/<s> fqdn failed because no resolution is configured.");
}

static enum cli_rc
set_ssl(struct cli *c, struct server *s, const char *value)
{
    bool on = strcmp(value, "on") == 0;

    if (!s->tls)
        return cli_err(
            c, "'set server <srv> ssl' cannot be set.  default-server should define ssl settings");
    if (!on && strcmp(value, "off") != 0)
        return cli_err(c, "'set server <srv> ssl' expects 'on' or 'off'.");
    pthread_mutex_lock(&s->lock);
    if (on)
        s->flags |= SRVF_TLS;
    else
        s->flags &= ~(unsigned)SRVF_TLS;
    pthread_mutex_unlock(&s->lock);
    if (server_hooks.close_idle)
        server_hooks.close_idle(s);
    return CLI_DONE;
}

static bool
is_name(const char *s)
{
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
              strchr("_:.-", *s)))
            return false;
    return true;
}

static enum cli_rc
set_name(struct cli *c, struct server *s, const char *value)
{
    struct proxy *px = s->px;

    if (!*value)
        return cli_err(c, "set server <b>/<s> name requires a name.");
    if (!(atomic_load(&s->admin) & SRVA_MAINT))
        return cli_err(
            c, "Server must be in maintenance mode to be renamed (set server %s/%s state maint).",
            px->name, s->name);
    if (s->flags & SRVF_REFERENCED)
        return cli_err(c, "This server cannot be renamed at runtime due to other configuration "
                          "elements pointing to it.");
    if (!is_name(value))
        return cli_err(c, "Server name contains invalid characters.");
    if (proxy_find_server(px, value))
        return cli_err(c, "A server with the same name already exists in this backend.");
    /* The old name stays in the configuration's memory: logs of other threads may be reading it. */
    s->name = cli_keep(value);
    return cli_msg(c, CLI_NOTICE, "Server name updated.");
}

static const struct {
    const char *word;
    setter_fn set;
} settings[] = {
    { "addr", set_addr },
    { "agent", set_agent },
    { "agent-addr", set_agent_addr },
    { "agent-port", set_agent_port },
    { "agent-send", set_agent_send },
    { "check-addr", set_check_addr },
    { "check-port", set_check_port },
    { "fqdn", set_fqdn },
    { "health", set_health },
    { "name", set_name },
    { "ssl", set_ssl },
    { "state", set_state },
    { "weight", set_weight },
};

static enum cli_rc
cmd_set_server(struct cli *c, const struct command *cmd)
{
    struct server *s = cli_server(c, 2);

    if (!s)
        return CLI_DONE;
    for (unsigned i = 0; i < COUNT_OF(settings); i++)
        if (strcmp(c->arg[3], settings[i].word) == 0)
            return settings[i].set(c, s, c->arg[4]);
    text_str(&c->out, "usage: set server <backend>/<server>");
    for (unsigned i = 0; i < COUNT_OF(settings); i++)
        text_printf(&c->out, "%s%s", i ? " | " : " ", settings[i].word);
    text_char(&c->out, '\n');
    return CLI_DONE;
}

/* ---- maxconn ---- */

static enum cli_rc
cmd_set_maxconn(struct cli *c, const struct command *cmd)
{
    struct server *s = cli_server(c, 3);
    char *end;

    if (!s)
        return CLI_DONE;
    if (!*c->arg[4])
        return cli_err(c, "Require <maxconn>.");
    long v = strtol(c->arg[4], &end, 10);
    if (end == c->arg[4])
        return cli_msg_raw(c, CLI_ERR, "maxconn string empty or preceded by garbage");
    if (*end)
        return cli_msg_raw(c, CLI_ERR, "Trailing garbage in maxconn string");
    if (v < 0 || v > INT32_MAX)
        return cli_err(c, "Value out of range.");
    if (s->minconn == s->maxconn || s->minconn > (unsigned)v)
        s->minconn = (unsigned)v;
    s->maxconn = (unsigned)v;
    queue_process(s);
    return CLI_DONE;
}

#define A CLI_LEVEL_ADMIN
static const struct command commands[] = {
    { "disable agent", "disable agent", "stop a server's agent checks", A, cmd_switch_check, 0,
      NULL },
    { "disable health", "disable health", "stop a server's health checks", A, cmd_switch_check, 0,
      NULL },
    { "disable server", "disable server (DEPRECATED)",
      "put a server into maintenance (see 'set server')", A, cmd_disable_server, 0, NULL },
    { "enable agent", "enable agent", "resume a server's agent checks", A, cmd_switch_check, 0,
      NULL },
    { "enable health", "enable health", "resume a server's health checks", A, cmd_switch_check, 0,
      NULL },
    { "enable server", "enable server  (DEPRECATED)",
      "end a server's maintenance (see 'set server')", A, cmd_enable_server, 0, NULL },
    { "get weight", "get weight <bk>/<srv>", "a server's weight, now and configured",
      CLI_LEVEL_USER, cmd_get_weight, 0, NULL },
    { "set weight", "set weight <bk>/<srv>  (DEPRECATED)",
      "change a server's weight (see 'set server')", A, cmd_set_weight, 0, NULL },
    { "set server", "set server <bk>/<srv> [opts]",
      "change a server's state, weight, address or checks", A, cmd_set_server, 0, NULL },
    { "set maxconn server", "set maxconn server <bk>/<srv>",
      "change how many requests a server takes at once", A, cmd_set_maxconn, 0, NULL },
    { 0 },
};
#undef A

const struct module runtime_server_module = { .name = "runtime API: servers",
                                              .commands = commands };
