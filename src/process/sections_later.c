/* sections_later.c - sections that HAProxy has and that are refused here until they are built:
 * named as such, with their lines skipped. A module that builds one wins over its row here. */
#include "config/cfg.h"
#include "config/module.h"
#include "net/netns.h"

static enum cfg_rc
refuse(struct cfg *c)
{
    return cfg_error(c, 0, "section '%s' is not supported yet.", c->word[0].s);
}

/* The master started them until 3.3. */
static enum cfg_rc
refuse_programs(struct cfg *c)
{
    cfg_error(c, 0, DIAG_TIGHT "unknown keyword 'program' out of section.");
    cfg_hint(c, "programs are started by the system's service manager since HAProxy 3.3");
    return CFG_ERR;
}

/* ---- namespace_list: names that PROXY headers may ask for ---- */

static enum cfg_rc
begin_namespaces(struct cfg *c)
{
    (void)c;
    return CFG_OK;
}

/* namespace <name> */
static enum cfg_rc
namespace_line(struct cfg *c)
{
    const char *name = cfg_arg(c, 1);

    if (!cfg_arg_is(c, 0, "namespace"))
        return cfg_error(c, 0, "'%s' is not a valid keyword here: 'namespace' is expected.",
                         cfg_arg(c, 0));
    if (!*name)
        return cfg_error(c, 0, "'namespace' expects <name> as argument.");
    if (!netns_open(name))
        return cfg_error(c, 1, "Cannot open namespace '%s'.", name);
    return cfg_expect_end(c, 2);
}

#define LATER(n, a, h)                                                                             \
    {                                                                                              \
        .name = (n), .args = (a), .begin = refuse, .help = h                                       \
    }

static const struct section sections[] = {
    LATER("peers", "<name>", "processes that stick tables are exchanged with"),
    LATER("resolvers", "<name>", "name servers"),
    LATER("mailers", "<name>", "mail servers for alerts"),
    LATER("ring", "<name>", "a buffer of messages"),
    LATER("log-forward", "<name>", "a log relay"),
    LATER("cache", "<name>", "a cache of responses"),
    LATER("fcgi-app", "<name>", "a FastCGI application"),
    { "program", "<name>", 0, refuse_programs, NULL, NULL, "gone in 3.3: a program to start" },
    LATER("acme", "<name>", "an authority that signs certificates by itself"),
    LATER("traces", NULL, "what is traced from the start"),
    { "namespace_list", NULL, 0, begin_namespaces, NULL, namespace_line,
      "network namespaces that PROXY headers may name" },
    { 0 },
};

const struct module sections_later_module = { .name = "sections that are not built",
                                              .sections = sections };
