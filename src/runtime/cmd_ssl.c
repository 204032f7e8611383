/* cmd_ssl.c - certificates, lists of them, authorities, ticket keys over the runtime API
 * (management manual 9.3). What is done is in tlsconf/live.c; here words become calls. */
#include "tlsconf/live.h"

#include "config/cfg.h"
#include "config/module.h"
#include "runtime/command.h"
#include "runtime/runtime.h"
#include "tls/tls.h"

#include <stdlib.h>

/* ---- answers ---- */

/* The texts of live.h end their lines themselves; failures carry a severity. */
static enum cli_rc
answer(struct cli *c, bool ok, struct text *t)
{
    if (t->len && t->p[t->len - 1] == '\n')
        t->p[--t->len] = '\0';
    if (t->len)
        cli_msg(c, ok ? CLI_INFO : CLI_ERR, "%s", t->p);
    text_fini(t);
    return CLI_DONE;
}

/* Long and plain. */
static enum cli_rc
listing(struct cli *c, bool ok, struct text *t)
{
    if (!ok)
        return answer(c, ok, t);
    text_slice(&c->out, text_get(t));
    text_fini(t);
    return CLI_DONE;
}

/* ---- commands with one name ---- */

/** A row's function and what is said when the name is missing. */
struct verb {
    bool (*cert)(const char *name, struct text *out);
    bool (*ca)(const char *name, bool crl, struct text *out);
    bool crl;
    const char *usage;
};

static enum cli_rc
cmd_name(struct cli *c, const struct command *cmd)
{
    const struct verb *v = cmd->private;
    struct text t = { 0 };

    if (!*c->arg[3])
        return cli_err(c, "%s", v->usage);
    bool ok = v->cert ? v->cert(c->arg[3], &t) : v->ca(c->arg[3], v->crl, &t);
    return answer(c, ok, &t);
}

static enum cli_rc
cmd_show(struct cli *c, const struct command *cmd)
{
    const struct verb *v = cmd->private;
    struct text t = { 0 };
    bool ok = v->cert ? v->cert(c->arg[3], &t) : v->ca(c->arg[3], v->crl, &t);

    return listing(c, ok, &t);
}

static enum cli_rc
cmd_dump(struct cli *c, const struct command *cmd)
{
    struct text t = { 0 };

    if (!*c->arg[3])
        return cli_err(c, "'dump ssl cert' expects a filename");
    return listing(c, live_cert_dump(c->arg[3], &t), &t);
}

/* ---- payloads ---- */

static enum cli_rc
cmd_set_cert(struct cli *c, const struct command *cmd)
{
    struct text t = { 0 };

    if (!*c->arg[3] || !c->payload.p)
        return cli_err(c, "'set ssl cert expects a filename and a certificate as a payload");
    return answer(c, live_cert_set(c->arg[3], c->payload, &t), &t);
}

/** Of a ca-file or crl-file. */
struct filling {
    bool crl, append;
    const char *usage;
};

static enum cli_rc
cmd_set_ca(struct cli *c, const struct command *cmd)
{
    const struct filling *f = cmd->private;
    struct text t = { 0 };

    if (!*c->arg[3] || !c->payload.p)
        return cli_err(c, "%s", f->usage);
    return answer(c, live_ca_set(c->arg[3], f->crl, f->append, c->payload, &t), &t);
}

/* ---- lists ---- */

static enum cli_rc
cmd_list_add(struct cli *c, const struct command *cmd)
{
    struct slice line = c->payload.p ? c->payload : slice_str(cli_rest(c, 4));
    struct text t = { 0 };

    if (!*c->arg[3] || !line.len)
        return cli_err(c, "'add ssl crtlist' expects a filename and a certificate name");
    return answer(c, live_list_add(c->arg[3], line, &t), &t);
}

static enum cli_rc
cmd_list_del(struct cli *c, const struct command *cmd)
{
    struct text t = { 0 };

    if (!*c->arg[3] || !*c->arg[4])
        return cli_err(c, "'del ssl crtlist' expects a filename and a certificate name");
    return answer(c, live_list_del(c->arg[3], c->arg[4], &t), &t);
}

static enum cli_rc
cmd_list_show(struct cli *c, const struct command *cmd)
{
    bool numbers = strcmp(c->arg[3], "-n") == 0;
    struct text t = { 0 };

    if (numbers && !*c->arg[4])
        return cli_err(c, "'-n' must be followed by a filename");
    return listing(c, live_list_show(c->arg[3 + numbers], numbers, &t), &t);
}

/* ---- tokens, names ---- */

static enum cli_rc
cmd_jwt(struct cli *c, const struct command *cmd)
{
    bool on = c->arg[0][0] == 'a';
    struct text t = { 0 };

    if (!*c->arg[3])
        return cli_err(c, "'%s ssl jwt' expects a filename", on ? "add" : "del");
    return answer(c, live_jwt_set(c->arg[3], on, &t), &t);
}

static enum cli_rc
cmd_jwt_show(struct cli *c, const struct command *cmd)
{
    live_jwt_show(&c->out);
    return CLI_DONE;
}

/* [-f <frontend>] [-A] [-t <offset>] */
static enum cli_rc
cmd_sni(struct cli *c, const struct command *cmd)
{
    const char *frontend = NULL;
    bool ended = false;
    uint64_t us = 0;

    for (unsigned i = 3; i < c->nargs; i++) {
        if (strcmp(c->arg[i], "-A") == 0)
            ended = true;
        else if (strcmp(c->arg[i], "-f") == 0 && *c->arg[i + 1])
            frontend = c->arg[++i];
        else if (strcmp(c->arg[i], "-t") == 0 && *c->arg[i + 1] &&
                 !units_parse_time(slice_str(c->arg[i + 1]), 1000000, &us))
            i++;
        else
            return cli_err(c, "Usage: show ssl sni [-f <frontend>] [-A] [-t <offset>]");
    }
    if (frontend && !htab_get_str(&config->by_name, frontend))
        return cli_err(c, "No such frontend.");
    live_sni_show(frontend, ended ? loop_wall_us() / 1000000 + (int64_t)(us / 1000000) : 0,
                  &c->out);
    return CLI_DONE;
}

/* ---- ticket keys, the library ---- */

static enum cli_rc
cmd_keys_show(struct cli *c, const struct command *cmd)
{
    if (tls_ticket_keys_show(c->arg[2], &c->out))
        return CLI_DONE;
    return cli_err(c, "'show tls-keys' unable to locate referenced filename");
}

static enum cli_rc
cmd_keys_set(struct cli *c, const struct command *cmd)
{
    if (!*c->arg[3] || !*c->arg[4])
        return cli_err(c, "'set ssl tls-key' expects a filename and the new TLS key in base64 "
                          "encoding.");
    switch (live_key_set(c->arg[3], slice_str(c->arg[4]))) {
    case TLS_KEY_DONE:
        return cli_msg(c, CLI_INFO, "TLS ticket key updated!");
    case TLS_KEY_UNKNOWN:
        return cli_err(c, "'set ssl tls-key' unable to locate referenced filename");
    case TLS_KEY_MALFORMED:
        return cli_err(c, "'set ssl tls-key' received invalid base64 encoded TLS key.");
    case TLS_KEY_SIZE:
        break;
    }
    return cli_err(c, "'set ssl tls-key' received a key of wrong size.");
}

static enum cli_rc
cmd_providers(struct cli *c, const struct command *cmd)
{
    text_str(&c->out, "Loaded providers : \n");
    tls_providers_show(&c->out);
    return CLI_DONE;
}

/* ---- rows ---- */

#define CERT(fn, words)                                                                            \
    (void *)&(const struct verb)                                                                   \
    {                                                                                              \
        (fn), NULL, false, words " expects a filename"                                             \
    }
#define CA(fn, crl, words)                                                                         \
    (void *)&(const struct verb)                                                                   \
    {                                                                                              \
        NULL, (fn), (crl), words                                                                   \
    }
#define FILL(crl, append, words)                                                                   \
    (void *)&(const struct filling)                                                                \
    {                                                                                              \
        (crl), (append), words                                                                     \
    }
#define O CLI_LEVEL_OPERATOR
#define A CLI_LEVEL_ADMIN
static const struct command commands[] = {
    { "show ssl cert", "show ssl cert [[*][\\]<certfile>]", "certificates, or details of one",
      CLI_LEVEL_USER, cmd_show, 0, CERT(live_cert_show, "") },
    { "dump ssl cert", "dump ssl cert <certfile>", "a certificate as PEM", A, cmd_dump, 0, NULL },
    { "new ssl cert", "new ssl cert <certfile>", "create an empty certificate", A, cmd_name, 0,
      CERT(live_cert_new, "'new ssl cert'") },
    { "set ssl cert", "set ssl cert <certfile> <payload>", "replace a certificate", A, cmd_set_cert,
      0, NULL },
    { "commit ssl cert", "commit ssl cert <certfile>", "use a changed certificate", A, cmd_name, 0,
      CERT(live_cert_commit, "'commit ssl cert'") },
    { "abort ssl cert", "abort ssl cert <certfile>", "give up a transaction for a certificate", A,
      cmd_name, 0, CERT(live_cert_abort, "'abort ssl cert'") },
    { "del ssl cert", "del ssl cert <certfile>", "remove an unused certificate", A, cmd_name, 0,
      (void *)&(const struct verb){ live_cert_del, NULL, false,
                                    "'del ssl cert' expects a certificate name" } },
    { "show ssl crt-list", "show ssl crt-list [-n] [<list>]",
      "lists of certificates, or the lines of one", O, cmd_list_show, 0, NULL },
    { "add ssl crt-list", "add ssl crt-list <list> <cert> [opts]*",
      "add a line to a list of certificates", A, cmd_list_add, 0, NULL },
    { "del ssl crt-list", "del ssl crt-list <list> <cert[:line]>",
      "remove a line of a list of certificates", A, cmd_list_del, 0, NULL },
    { "show ssl ca-file", "show ssl ca-file [[*][\\]<cafile>[:<index>]]",
      "CA files, or details of one", CLI_LEVEL_USER, cmd_show, 0, CA(live_ca_show, false, "") },
    { "new ssl ca-file", "new ssl ca-file <cafile>", "create an empty CA file", A, cmd_name, 0,
      CA(live_ca_new, false, "'new ssl ca-file' expects a filename") },
    { "set ssl ca-file", "set ssl ca-file <cafile> <payload>", "replace a CA file", A, cmd_set_ca,
      0, FILL(false, false, "'set ssl ca-file expects a filename and CAs as a payload") },
    { "add ssl ca-file", "add ssl ca-file <cafile> <payload>", "add a CA to a CA file", A,
      cmd_set_ca, 0,
      FILL(false, true, "'add ssl ca-file expects a filename and CAs as a payload") },
    { "commit ssl ca-file", "commit ssl ca-file <cafile>", "use a changed CA file", A, cmd_name, 0,
      CA(live_ca_commit, false, "'commit ssl ca-file expects a filename") },
    { "abort ssl ca-file", "abort ssl ca-file <cafile>", "give up a transaction for a CA file", A,
      cmd_name, 0, CA(live_ca_abort, false, "'abort ssl ca-file' expects a filename") },
    { "del ssl ca-file", "del ssl ca-file <cafile>", "remove an unused CA file", A, cmd_name, 0,
      CA(live_ca_del, false, "'del ssl ca-file' expects a CA file name") },
    { "show ssl crl-file", "show ssl crl-file [[*][\\]<crlfile>[:<index>]]",
      "CRL files, or details of one", CLI_LEVEL_USER, cmd_show, 0, CA(live_ca_show, true, "") },
    { "new ssl crl-file", "new ssl crl-file <crlfile>", "create an empty CRL file", A, cmd_name, 0,
      CA(live_ca_new, true, "'new ssl crl-file' expects a filename") },
    { "set ssl crl-file", "set ssl crl-file <crlfile> <payload>", "replace a CRL file", A,
      cmd_set_ca, 0,
      FILL(true, false, "'set ssl crl-file expects a filename and CRLs as a payload") },
    { "commit ssl crl-file", "commit ssl crl-file <crlfile>", "use a changed CRL file", A, cmd_name,
      0, CA(live_ca_commit, true, "'commit ssl crl-file expects a filename") },
    { "abort ssl crl-file", "abort ssl crl-file <crlfile>", "give up a transaction for a CRL file",
      A, cmd_name, 0, CA(live_ca_abort, true, "'abort ssl crl-file' expects a filename") },
    { "del ssl crl-file", "del ssl crl-file <crlfile>", "remove an unused CRL file", A, cmd_name, 0,
      CA(live_ca_del, true, "'del ssl crl-file' expects a CRL file name") },
    { "add ssl jwt", "add ssl jwt <certfile>", "let a certificate verify JWT", A, cmd_jwt, 0,
      NULL },
    { "del ssl jwt", "del ssl jwt <certfile>", "stop verifying JWT with a certificate", A, cmd_jwt,
      0, NULL },
    { "show ssl jwt", "show ssl jwt", "certificates that verify JWT", O, cmd_jwt_show, 0, NULL },
    { "show ssl sni", "show ssl sni [-f <frontend>] [-A] [-t <offset>]",
      "server names and their certificates", O, cmd_sni, 0, NULL },
    { "show tls-keys", "show tls-keys [id|*]", "keys of TLS tickets", O, cmd_keys_show, 0, NULL },
    { "set ssl tls-key", "set ssl tls-key [id|file] <key>", "give the next key of TLS tickets", A,
      cmd_keys_set, 0, NULL },
    { "show ssl providers", "show ssl providers", "providers of the TLS library", CLI_LEVEL_USER,
      cmd_providers, 0, NULL },
    { 0 },
};
#undef O
#undef A

const struct module runtime_ssl_module = { .name = "runtime API: TLS", .commands = commands };
