/* cmd_anon.c - set anon, show anon: a session that hides names and addresses in every answer, so
 * that it can be shown to others (management manual of 2.7). */
#include "runtime/cli_int.h"

#include "base/anon.h"
#include "base/htab.h"
#include "config/module.h"
#include "config/tune.h"
#include "proxy/listener.h"
#include "runtime/runtime.h"
#include "server/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* What an address or a name is made of. */
#define WORD_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:[]"

/* ---- answers ---- */

static void
know(struct htab *names, const char *name)
{
    static bool known = true;

    if (name && *name)
        htab_put(names, slice_str(name), &known);
}

/* Everything that somebody named. */
static void
know_names(struct htab *names)
{
    struct proxy *px;
    struct server *srv;
    struct listener *li;

    know(names, tune.node);
    know(names, tune.hostname);
    know(names, tune.localpeer);
    know(names, tune.description);
    list_each (px, &config->proxies, link) {
        if (px->cap & PX_INTERNAL)
            continue;
        know(names, px->name);
        list_each (li, &px->listeners, link)
            know(names, li->name);
        list_each (srv, &px->servers, link)
            know(names, srv->name);
    }
    list_each (px, &config->defaults, link)
        know(names, px->name);
}

static void
put_token(struct text *to, uint32_t key, const struct htab *names, struct slice token)
{
    char text[64];
    struct out o = OUT(text);

    if (htab_get(names, token))
        anon_put_id(&o, key, token);
    else if (!anon_put_addr(&o, key, token))
        o.len = 0;
    if (o.len)
        text_slice(to, out_slice(&o));
    else
        text_slice(to, token);
}

/* A path goes on to the next blank or comma. */
static size_t
path_len(struct slice s)
{
    size_t n = 0;

    while (n < s.len && !strchr(" \t\n,;\"'", s.p[n]))
        n++;
    return n;
}

void
cli_hide_names(struct text *t, size_t from, uint32_t key)
{
    struct htab names = { 0 };
    struct text hidden = { 0 };
    struct slice rest = slice_sub(text_get(t), from, SIZE_MAX);

    know_names(&names);
    while (rest.len) {
        char before = rest.p > t->p ? rest.p[-1] : ' ';
        size_t n = 0;
        if (rest.p[0] == '/' && strchr(" @=,", before))
            n = path_len(rest);
        while (n < rest.len && rest.p[0] != '/' && rest.p[n] && strchr(WORD_CHARS, rest.p[n]))
            n++;
        if (n)
            put_token(&hidden, key, &names, slice_sub(rest, 0, n));
        else
            text_char(&hidden, rest.p[n++]);
        rest = slice_sub(rest, n, SIZE_MAX);
    }
    t->len = from;
    text_slice(t, text_get(&hidden));
    text_fini(&hidden);
    htab_fini(&names);
}

/* ---- commands ---- */

static bool
take_key(struct cli *c, unsigned at, uint32_t *key)
{
    uint64_t n;

    if (!slice_to_uint(slice_str(c->arg[at]), &n) || n > UINT32_MAX)
        return false;
    *key = (uint32_t)n;
    return true;
}

static enum cli_rc
cmd_on(struct cli *c, const struct command *cmd)
{
    uint32_t key = tune.anon_key;

    if (*c->arg[3] && !take_key(c, 3, &key))
        return cli_err(c, "The key must be an integer between 0 and 4294967295.");
    while (!key)
        if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
            return cli_err(c, "No random key can be had: please give one.");
    c->anon_key = key;
    return CLI_DONE;
}

static enum cli_rc
cmd_off(struct cli *c, const struct command *cmd)
{
    c->anon_key = 0;
    return CLI_DONE;
}

static enum cli_rc
cmd_global(struct cli *c, const struct command *cmd)
{
    if (!take_key(c, 3, &tune.anon_key))
        return cli_err(c, "The key must be an integer between 0 and 4294967295.");
    return CLI_DONE;
}

static enum cli_rc
cmd_show(struct cli *c, const struct command *cmd)
{
    if (!c->anon_key)
        return cli_msg(c, CLI_INFO, "Anonymized mode disabled");
    text_printf(&c->out, "Anonymized mode enabled\nKey : %u\n", c->anon_key);
    return CLI_DONE;
}

static const struct command commands[] = {
    { "set anon on", "set anon on [<key>]", "hide names and addresses in answers", CLI_LEVEL_USER,
      cmd_on, 0, NULL },
    { "set anon off", "set anon off", "show names and addresses again", CLI_LEVEL_USER, cmd_off, 0,
      NULL },
    { "set anon global-key", "set anon global-key <key>", "key of sessions that give none",
      CLI_LEVEL_ADMIN, cmd_global, 0, NULL },
    { "show anon", "show anon", "whether names and addresses are hidden", CLI_LEVEL_USER, cmd_show,
      0, NULL },
    { 0 },
};

const struct module runtime_anon_module = { .name = "runtime API: anonymous",
                                            .commands = commands };
