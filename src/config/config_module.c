/* config_module.c - keywords of the reader itself (global section). */
#include "config/cfg.h"
#include "config/module.h"

#include <errno.h>
#include <stdlib.h>

extern char **environ;

static enum cfg_rc
parse_experimental(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    c->experimental = true;
    c->experimental_at = c->loc;
    return CFG_OK;
}

static enum cfg_rc
parse_deprecated(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    c->deprecated_ok = true;
    return CFG_OK;
}

/** setenv and presetenv: take effect at once, so that the next line sees them. */
static enum cfg_rc
parse_setenv(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    bool overwrite = strcmp(kw->name, "setenv") == 0;

    if (c->nwords < *at + 2)
        return cfg_error(c, *at, DIAG_TIGHT "'%s' expects a name and a value.", kw->name);
    const char *name = c->word[*at].s;
    if (setenv(name, c->word[*at + 1].s, overwrite) != 0)
        return cfg_error(c, *at, DIAG_TIGHT "'%s' failed on variable '%s' : %s.", kw->name, name,
                         strerror(errno));
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
parse_unsetenv(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    if (*at >= c->nwords)
        return cfg_error(c, *at, DIAG_TIGHT "'unsetenv' expects at least one variable name.");
    for (; *at < c->nwords; (*at)++) {
        if (unsetenv(c->word[*at].s) != 0)
            return cfg_error(c, *at, DIAG_TIGHT "'unsetenv' failed on variable '%s' : %s.",
                             c->word[*at].s, strerror(errno));
    }
    return CFG_OK;
}

static bool
is_kept(const struct cfg *c, unsigned from, struct slice name)
{
    for (unsigned i = from; i < c->nwords; i++) {
        if (slice_eq_str(name, c->word[i].s))
            return true;
    }
    return false;
}

/** Removes all variables but those named. */
static enum cfg_rc
parse_resetenv(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    for (char **e = environ; e && *e;) {
        struct slice rest, name = slice_cut(slice_str(*e), '=', &rest);
        char *copy = is_kept(c, *at, name) ? NULL : xstrndup(name.p, name.len);
        if (copy && unsetenv(copy) == 0)
            e = environ; /* it shrank */
        else
            e++;
        free(copy);
    }
    *at = c->nwords;
    return CFG_OK;
}

/* As of 3.3. */
static void
check_experimental(struct cfg *c)
{
    if (c->experimental && !c->experimental_used && !c->diags.errors)
        cfg_warn_at(c, &c->experimental_at,
                    DIAG_PARSING "'expose-experimental-directives' is set but nothing experimental "
                                 "is used: please remove it.");
}

static const struct keyword keywords[] = {
    { "expose-experimental-directives", NULL, IN_GLOBAL, KW_CALL, .parse = parse_experimental,
      .help = "accept directives that are not final yet" },
    { "expose-deprecated-directives", NULL, IN_GLOBAL, KW_CALL, .parse = parse_deprecated,
      .help = "accept deprecated directives without a warning when nothing replaces them" },
    { "setenv", "<name> <value>", IN_GLOBAL, KW_CALL, .parse = parse_setenv,
      .help = "set an environment variable" },
    { "presetenv", "<name> <value>", IN_GLOBAL, KW_CALL, .parse = parse_setenv,
      .help = "set an environment variable unless it exists" },
    { "unsetenv", "<name>...", IN_GLOBAL, KW_CALL, .parse = parse_unsetenv,
      .help = "remove environment variables" },
    { "resetenv", "[<name>...]", IN_GLOBAL, KW_CALL, .parse = parse_resetenv,
      .help = "remove all environment variables but the named ones" },
    { 0 }
};

const struct module config_module = { .name = "config",
                                      .keywords = keywords,
                                      .check = check_experimental };
