/* wording.c - what HAProxy says about a missing or impossible argument of one keyword, where it
 * differs from the common message, and what it says about keywords it no longer has. Scripts match
 * these lines. */
#include "config/cfg_int.h"

#include <ctype.h>

/** A row per keyword. $W is the word found, $P the proxy ("frontend 'fe'"); NULL: the common
 * message. */
struct wording {
    const char *name;
    unsigned where;
    const char *missing, *wrong;
    bool range_common; /* a number out of range gets the common message */
};

#define G       IN_GLOBAL
#define PX      (IN_DEFAULTS | IN_FRONTEND | IN_BACKEND)
#define T       DIAG_TIGHT
#define SAME(s) (s), (s)

static const struct wording wordings[] = {
    { "nbthread", G, SAME("'nbthread' passed a missing or unparsable integer value in '$W'"),
      true },
    { "tune.stick-counters", G, NULL,
      "the number of stick-counters must be between 1 and 100 (was $W)" },
    { "chroot", G, "'chroot' expects a directory as an argument.", NULL },
    { "pidfile", G, "'pidfile' expects a file name as an argument.", NULL },
    { "node", G,
      SAME(
          T
          "'node' requires valid node name - non-empty string with digits(0-9), letters(A-Z, a-z), "
          "dot(.), hyphen(-) or underscode(_).") },
    { "localpeer", G, "'localpeer' expects a name as an argument.", NULL },
    { "maxconn", G, SAME("'maxconn' expects an integer argument.") },
    { "maxconnrate", G, SAME("'maxconnrate' expects an integer argument.") },
    { "maxsessrate", G, SAME("'maxsessrate' expects an integer argument.") },
    { "maxsslconn", G, SAME("'maxsslconn' expects an integer argument.") },
    { "maxsslrate", G, SAME("'maxsslrate' expects an integer argument.") },
    { "maxpipes", G, SAME("'maxpipes' expects an integer argument.") },
    { "maxcomprate", G, SAME("'maxcomprate' expects an integer argument in kb/s.") },
    { "maxcompcpuusage", G,
      SAME("'maxcompcpuusage' expects an integer argument between 0 and 100.") },
    { "stats maxconn", G, SAME("'stats maxconn' expects a positive value") },
    { "stats timeout", G, "'stats timeout' expects an integer value (in milliseconds)",
      "'stats timeout' : unexpected character '$C'" },
    { "spread-checks", G, T "'spread-checks' expects an integer argument (0..50).",
      T "'spread-checks' needs a positive value in range 0..50." },
    { "max-spread-checks", G, T "'max-spread-checks' expects an integer argument (0..50).",
      T "unsupported character '$C' in 'max-spread-checks' (wants an integer delay)." },
    { "hard-stop-after", G, "'hard-stop-after' expects <time> as argument.",
      "unexpected character '$C' in argument to <hard-stop-after>." },
    { "grace", G, "'grace' expects <time> as argument.",
      "unexpected character '$C' in argument to <grace>." },
    { "close-spread-time", G, "'close-spread-time' expects <time> as argument.",
      "unexpected character '$C' in argument to <close-spread-time>." },
    { "server-state-base", G, "'server-state-base' expects one argument: a directory path.", NULL },
    { "server-state-file", G, "'server-state-file' expect one argument: a file path.", NULL },
    { "set-var", G,
      "'set-var' requires a process-wide variable name ('proc.<name>') and a sample expression.",
      NULL },
    { "set-var-fmt", G,
      "'set-var-fmt' requires a process-wide variable name ('proc.<name>') and a sample "
      "expression.",
      NULL },
    { "tune.bufsize", G, NULL, "'tune.bufsize' expects a positive integer argument." },
    { "tune.maxrewrite", G, NULL, "'tune.maxrewrite' expects a positive integer argument." },
    { "tune.http.maxhdr", G, NULL,
      "'tune.http.maxhdr' expects a numeric value between 1 and 32767" },
    { "tune.comp.maxlevel", G, NULL,
      "'tune.comp.maxlevel' expects a numeric value between 1 and 9" },
    { "tune.pool-high-fd-ratio", G,
      SAME("'tune.pool-high-fd-ratio' expects an integer argument between 0 and 100.") },
    { "tune.pool-low-fd-ratio", G,
      SAME("'tune.pool-low-fd-ratio' expects an integer argument between 0 and 100.") },
    { "tune.pattern.cache-size", G, NULL,
      "'tune.pattern.cache-size' expects a positive numeric value" },
    { "tune.vars.global-max-size", G, NULL, "tune.vars.global-max-size: '$W' is an invalid size" },
    { "tune.vars.proc-max-size", G, NULL, "tune.vars.proc-max-size: '$W' is an invalid size" },
    { "tune.vars.sess-max-size", G, NULL, "tune.vars.sess-max-size: '$W' is an invalid size" },
    { "tune.vars.txn-max-size", G, NULL, "tune.vars.txn-max-size: '$W' is an invalid size" },
    { "tune.vars.reqres-max-size", G, NULL, "tune.vars.reqres-max-size: '$W' is an invalid size" },
    { "tune.vars.check-max-size", G, NULL, "tune.vars.check-max-size: '$W' is an invalid size" },

    { "rate-limit sessions", PX,
      "'rate-limit sessions' expects expects an integer value (in sessions/second)",
      "'rate-limit sessions' : unexpected character '$C' in integer value '$W'" },
    { "max-keep-alive-queue", PX,
      "'max-keep-alive-queue' expects expects an integer value (or -1 to disable)",
      "'max-keep-alive-queue' expects expects an integer value (or -1 to disable)" },
    { "tcp-request inspect-delay", PX,
      "'tcp-request inspect-delay' expects a positive delay in milliseconds, in $P",
      "'tcp-request inspect-delay' expects a positive delay in milliseconds, in $P (unexpected "
      "character "
      "'$C')" },
    { "tcp-response inspect-delay", PX,
      "'tcp-response inspect-delay' expects a positive delay in milliseconds, in $P",
      "'tcp-response inspect-delay' expects a positive delay in milliseconds, in $P (unexpected "
      "character "
      "'$C')" },
    { "errorfiles", PX, "errorfiles : expects <name> as argument.", NULL },
    { "monitor-uri", PX, "'monitor-uri' expects an URI.", NULL },
    { "unique-id-format", PX, "unique-id-format expects an argument.", NULL },
    { "unique-id-header", PX, "unique-id-header expects an argument.", NULL },
    { "log-tag", PX, "'log-tag' expects a tag for use in syslog.", NULL },
    { "log-format", PX, "log-format expects an argument.", NULL },
    { "log-format-sd", PX, "log-format-sd expects an argument.", NULL },
    { "error-log-format", PX, "error-log-format expects an argument.", NULL },

    { "maxconn", IN_BIND, "'maxconn' : missing value",
      "'maxconn' : invalid value $W, must be >= 0" },
    { "backlog", IN_BIND, "'backlog' : missing value",
      "'backlog' : invalid value $W, must be > 0" },
    { "shards", IN_BIND, "'shards' : missing value", NULL },
    { "proto", IN_BIND, "'proto' : missing value", NULL },
    { "uid", IN_BIND, "'uid' : missing value", NULL },
    { "gid", IN_BIND, "'gid' : missing value", NULL },
    { "accept-netscaler-cip", IN_BIND, "'accept-netscaler-cip' : missing value",
      "'accept-netscaler-cip' : invalid value $W, must be >= 0" },
    { "thread", IN_BIND, "'' : '' is not a valid number/range. It supports numbers from 1 to 64.",
      NULL },
    { "level", IN_BIND, "'level' : missing level", NULL },
    { "severity-output", IN_BIND, "'severity-output' : missing severity format", NULL },
    { "expose-fd", IN_BIND, "'expose-fd' : missing fd type", NULL },
};

/** One that HAProxy once had. `name` may have two words. */
struct gone {
    const char *name;
    unsigned where;
    const char *text;
};

static const struct gone gone[] = {
    { "option http_proxy", PX,
      T "option 'http_proxy' is not supported any more since HAProxy 2.5. This option stopped "
        "working in "
        "HAProxy 1.9 and usually had nasty side effects. It can be more reliably implemented with "
        "combinations of 'http-request set-dst' and 'http-request set-uri', and even 'http-request "
        "do-resolve' if DNS resolution is desired." },
    { "option forceclose", PX,
      T "option 'forceclose' is not supported any more since HAProxy 2.0, please just remove it, "
        "or use "
        "'option httpclose' if absolutely needed." },
    { "option http-tunnel", PX,
      T
      "option 'http-tunnel' is not supported any more since HAProxy 2.1, please just remove it, it "
      "shouldn't be needed." },
    { "option transparent", PX, "support for option 'transparent' was removed in version 3.5." },
    { "transparent", PX,
      "support for 'transparent' was removed in version 3.5. Please use 'server <name> 0.0.0.0' "
      "instead." },
    { "dispatch", PX,
      "support for 'dispatch' was removed in version 3.5. Please use 'server dispatch <addr>' "
      "instead." },
    { "bind-process", PX, T "'bind-process' is not supported anymore." },
    { "grace", PX, T "the 'grace' keyword is not supported any more since HAProxy version 2.5." },
    { "appsession", PX, "'appsession' is not supported anymore since HAProxy 1.6." },
    { "redispatch", PX,
      "keyword 'redispatch' directive is not supported anymore since HAProxy 2.1. Use 'option "
      "redispatch'." },
    { "redisp", PX,
      "keyword 'redisp' directive is not supported anymore since HAProxy 2.1. Use 'option "
      "redispatch'." },
    { "monitor-net", PX,
      "'monitor-net' doesn't exist anymore. Please use 'http-request return status 200 if { src $V "
      "}' "
      "instead." },
    { "stats bind-process", G, "'stats bind-process' is not supported anymore." },
    { "tune.chksize", G,
      T "option 'tune.chksize' is not supported any more (tune.bufsize is used instead)." },
};

void
cfg_fill(struct cfg *c, const char *form,
         void (*put)(struct cfg *c, struct text *t, char letter, const void *arg), const void *arg,
         struct text *t)
{
    for (const char *p = form; *p; p++) {
        if (*p != '$')
            text_char(t, *p);
        else if (*++p == 'P')
            text_printf(t, "%s '%s'", c->section ? c->section->name : "",
                        c->section_name ? c->section_name : "");
        else
            put(c, t, *p, arg);
    }
}

/** What a text of this file is about. */
struct about {
    unsigned word;
    char bad; /* the character that cannot be, or 0 */
};

static void
put_about(struct cfg *c, struct text *t, char letter, const void *arg)
{
    const struct about *a = arg;

    if (letter == 'C')
        text_char(t, a->bad ? a->bad : *cfg_arg(c, a->word));
    else
        text_str(t, cfg_arg(c, letter == 'V' ? 1 : a->word));
}

/** Reports a text about word `i`. */
static void
report(struct cfg *c, unsigned i, const char *form, char bad)
{
    struct text t = { 0 };

    cfg_fill(c, form, put_about, &(struct about){ i, bad }, &t);
    cfg_error(c, i, "%s", t.p ? t.p : "");
    text_fini(&t);
}

bool
cfg_own_words(struct cfg *c, unsigned i, char bad)
{
    if (!c->kw)
        return false;
    for (unsigned n = 0; n < COUNT_OF(wordings); n++) {
        const struct wording *w = &wordings[n];
        const char *form = i < c->nwords ? w->wrong : w->missing;
        if (!(w->where & c->kw->where) || strcmp(w->name, c->kw->name) != 0)
            continue;
        if (w->range_common && i < c->nwords && isdigit((unsigned char)*c->word[i].s))
            return false;
        if (form)
            report(c, i, form, bad);
        return form;
    }
    return false;
}

bool
cfg_report_gone(struct cfg *c)
{
    for (unsigned n = 0; n < COUNT_OF(gone); n++) {
        const struct gone *g = &gone[n];
        char word[64];
        bool hit = g->where & c->where;

        for (unsigned i = 0; hit && cfg_name_word(g->name, i, word, sizeof(word)); i++)
            hit = cfg_arg_is(c, i, word);
        if (hit) {
            report(c, 0, g->text, 0);
            return true;
        }
    }
    return false;
}
