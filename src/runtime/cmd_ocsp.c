/* cmd_ocsp.c - OCSP responses over the runtime API: showing, setting, fetching them (management
 * manual 9.3). */
#include "tlsconf/ocsp.h"

#include "config/module.h"
#include "runtime/command.h"
#include "runtime/runtime.h"
#include "sample/conv.h"
#include "tls/ocsp.h"

#include <stdlib.h>

/* ---- show ---- */

static enum cli_rc
cmd_show(struct cli *c, const struct command *cmd)
{
    enum tls_ocsp_form form = TLS_OCSP_TEXT;
    const char *id = c->arg[3];

    if (!*id) {
        tls_ocsp_list(&c->out);
        return CLI_DONE;
    }
    if (strcmp(id, "text") == 0 || strcmp(id, "base64") == 0) {
        form = *id == 'b' ? TLS_OCSP_BASE64 : TLS_OCSP_TEXT;
        id = c->arg[4];
        if (!*id)
            return cli_err(c, "'show ssl ocsp-response [text|base64]' expects an id.");
    }
    if (!tls_ocsp_show(id, form, &c->out))
        return cli_err(c, "Certificate ID does not match any certificate.");
    return CLI_DONE;
}

static enum cli_rc
cmd_updates(struct cli *c, const struct command *cmd)
{
    ocsp_show_updates(&c->out);
    return CLI_DONE;
}

/* ---- set ---- */

/* Without line ends and blanks. */
static size_t
squeeze(char *p, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        if (p[i] != '\n' && p[i] != '\r' && p[i] != ' ' && p[i] != '\t')
            p[n++] = p[i];
    return n;
}

static enum cli_rc
cmd_set(struct cli *c, const struct command *cmd)
{
    struct slice in = c->payload.p ? c->payload : slice_str(c->arg[3]);
    struct text err = { 0 };

    if (!in.len)
        return cli_err(c, "'set ssl ocsp-response' expects response in base64 encoding.");
    char *der = xmalloc(in.len + 1);
    memcpy(der, in.p, in.len);
    ptrdiff_t n = base64_decode(der, slice(der, squeeze(der, in.len)), false);
    if (n < 0)
        cli_err(c, "'set ssl ocsp-response' received invalid base64 encoded response.");
    else if (tls_ocsp_install(NULL, slice(der, (size_t)n), TLS_OCSP_CONTENT, &err))
        cli_msg(c, CLI_INFO, "OCSP Response updated!");
    else
        cli_err(c, "%s.", err.p);
    text_fini(&err);
    free(der);
    return CLI_DONE;
}

/* ---- update ---- */

/** An update under way. */
struct update {
    char *name;
    struct ocsp_fetch *fetch;
};

static void
update_free(struct cli *c)
{
    struct update *u = c->state;

    ocsp_fetch_cancel(&u->fetch);
    free(u->name);
    free(u);
    c->state = NULL;
}

static void
on_updated(enum ocsp_status s, const char *why, void *arg)
{
    struct cli *c = arg;
    struct update *u = c->state;

    u->fetch = NULL;
    if (s != OCSP_UPDATED)
        cli_err(c, "OCSP response of '%s' was not updated: %s (%s).", u->name, ocsp_status_text(s),
                why ? why : "");
    else if (!tls_ocsp_show(u->name, TLS_OCSP_TEXT, &c->out))
        cli_err(c, "The certificate '%s' was removed meanwhile.", u->name);
    update_free(c);
    cli_finish(c);
}

static enum cli_rc
cmd_update(struct cli *c, const struct command *cmd)
{
    const char *name = c->arg[3];
    struct text err = { 0 };

    if (!*name)
        return cli_err(c, "'update ssl ocsp-response' expects a filename");
    if (!tls_store_get(name))
        return cli_err(c, "Unknown certificate! 'update ssl ocsp-response' expects an already "
                          "known certificate file name.");
    struct update *u = xcalloc(1, sizeof(*u));
    u->name = xstrdup(name);
    c->state = u;
    c->cancel = update_free;
    u->fetch = ocsp_fetch_start(name, on_updated, c, &err);
    if (u->fetch)
        return CLI_WAIT;
    cli_err(c, "OCSP response of '%s' cannot be updated: %s.", name, err.p);
    text_fini(&err);
    update_free(c);
    return CLI_DONE;
}

#define O CLI_LEVEL_OPERATOR
#define A CLI_LEVEL_ADMIN
static const struct command commands[] = {
    { "show ssl ocsp-response", "show ssl ocsp-response [[text|base64] id]",
      "OCSP responses in use, or one of them", CLI_LEVEL_USER, cmd_show, 0, NULL },
    { "show ssl ocsp-updates", "show ssl ocsp-updates",
      "OCSP responses that are renewed automatically", O, cmd_updates, 0, NULL },
    { "set ssl ocsp-response", "set ssl ocsp-response <resp|payload>",
      "replace an OCSP response by a base64-encoded one", A, cmd_set, 0, NULL },
    { "update ssl ocsp-response", "update ssl ocsp-response <certfile>", "fetch an OCSP response",
      A, cmd_update, 0, NULL },
    { 0 },
};
#undef O
#undef A

const struct module runtime_ocsp_module = { .name = "runtime API: OCSP", .commands = commands };
