/* kwerr.c - what to say about a line that no row accepts: misplaced, mistyped, or half of a
 * keyword. */
#include "config/cfg_int.h"

#include <stdio.h>

#define IN_PROXIES (IN_DEFAULTS | IN_NAMED_DEFAULTS | IN_PROXY)
#define NAME_SIZE  64

const char *
cfg_where_names(unsigned where)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        { IN_GLOBAL, "global" },
        { IN_DEFAULTS | IN_NAMED_DEFAULTS, "defaults" },
        { IN_FRONTEND, "frontend" },
        { IN_BACKEND, "backend" },
        { IN_PEERS, "peers" },
        { IN_RESOLVERS, "resolvers" },
        { IN_USERLIST, "userlist" },
        { IN_MAILERS, "mailers" },
        { IN_HTTP_ERRORS, "http-errors" },
        { IN_RING, "ring" },
        { IN_LOG_FORWARD, "log-forward" },
        { IN_CACHE, "cache" },
        { IN_FCGI_APP, "fcgi-app" },
        { IN_CRT_STORE, "crt-store" },
        { IN_LOG_PROFILE, "log-profile" },
        { IN_TRACES, "traces" },
        { IN_ACME, "acme" },
        { IN_HEALTHCHECK, "healthcheck" },
        { IN_TESTS, "tests" },
        { IN_BIND, "bind lines" },
        { IN_SERVER, "server lines" },
    };
    static _Thread_local char text[256];
    struct out o = { text, 0, sizeof(text) - 1, false };

    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        if (!(where & names[i].bit))
            continue;
        if (o.len)
            out_lit(&o, ", ");
        out_str(&o, names[i].name);
    }
    text[o.len] = '\0';
    return text;
}

/* ---- suggestions ---- */

/** Gathers copies: names made from rows are temporary. */
struct near {
    struct suggest s;
    char best[NAME_SIZE];
    unsigned skip;      /* compare this word of the names */
    const char *family; /* only names that begin with this word; NULL: all */
};

static void
near_init(struct near *n, const char *wrong)
{
    *n = (struct near){ .skip = 0 };
    suggest_init(&n->s, wrong);
}

static void
near_offer(struct near *n, const char *name)
{
    suggest_offer(&n->s, name);
    if (n->s.best == name) {
        snprintf(n->best, sizeof(n->best), "%s", name);
        n->s.best = n->best;
    }
}

static void
offer_row(const struct keyword *kw, void *arg)
{
    struct near *n = arg;
    char word[NAME_SIZE];

    if (kw->kind == KW_UNSUPPORTED)
        return;
    if (n->family &&
        !(cfg_name_word(kw->name, 0, word, sizeof(word)) && strcmp(word, n->family) == 0))
        return;
    if (!cfg_name_word(kw->name, n->skip, word, sizeof(word)))
        return;
    size_t len = strlen(word);
    if (len && word[len - 1] == '(')
        word[len - 1] = '\0';
    near_offer(n, word);
}

static void
offer_section(const struct section *s, void *arg)
{
    near_offer(arg, s->name);
}

/** "; did you mean 'x' maybe ?" or nothing. */
static const char *
did_you_mean(const struct near *n, char *buf, size_t size)
{
    const char *best = suggest_result(&n->s);

    if (!best)
        return "";
    snprintf(buf, size, "; did you mean '%s' maybe ?", best);
    return buf;
}

/* ---- misplaced ---- */

/** What HAProxy says about some keywords in the wrong kind of proxy: $K the keyword's words, $N the
 * name of the section, $S the side it lacks. */
struct misplaced {
    const char *begins; /* the row's name does */
    unsigned where;     /* the section */
    bool error;
    const char *text;
};

static const struct misplaced misplaced[] = {
    { "tcp-request connection", IN_BACKEND, true,
      "tcp-request connection is not allowed because backend $N is not a frontend" },
    { "tcp-request session", IN_BACKEND, true,
      "tcp-request session is not allowed because backend $N is not a frontend" },
    { "tcp-response content", IN_FRONTEND, true,
      "tcp-response content is only allowed in 'backend' sections or 'defaults' section with a "
      "name" },
    { "declare", IN_BACKEND, true, "'declare' only available in frontend or listen section" },
    { "declare", IN_DEFAULTS, true, "'declare' not available in default section" },
    { "stick-table", IN_DEFAULTS, true, "'stick-table' is not supported in 'defaults' section." },
    { "id", IN_DEFAULTS, true, DIAG_TIGHT "'id' not allowed in 'defaults' section." },
    { "description", IN_DEFAULTS, true,
      DIAG_TIGHT "'description' not allowed in 'defaults' section." },
    { "retry-on", IN_FRONTEND, true, "'retry-on' only available in backend or listen section" },
    { "filter", IN_DEFAULTS, true, "filter is not allowed in a 'default' section." },
    { "timeout", IN_PROXIES, false, "'$K' will be ignored because $P has no $S capability" },
    { "rate-limit", IN_PROXIES, false, "$K will be ignored because $P has no $S capability" },
    { "max-keep-alive-queue", IN_PROXIES, false,
      "$K will be ignored because $P has no $S capability" },
    { "option tcplog", IN_BACKEND, false, "$P : '$K' directive is ignored in backends." },
    { "option httplog", IN_BACKEND, false, "$P : '$K' directive is ignored in backends." },
    { "option httpslog", IN_BACKEND, false, "$P : '$K' directive is ignored in backends." },
    { "log-format", IN_BACKEND, false, "$P : '$K' directive is ignored in backends." },
    { "error-log-format", IN_BACKEND, false, "$P : '$K' directive is ignored in backends." },
};

static void
put_misplaced(struct cfg *c, struct text *t, char letter, const void *name)
{
    if (letter == 'S')
        text_str(t, c->where & IN_FRONTEND ? "backend" : "frontend");
    else
        text_str(t, letter == 'K' ? name : c->section_name);
}

static bool
report_misplaced(struct cfg *c, const char *name)
{
    const struct misplaced *m = misplaced;
    struct text t = { 0 };

    while (m < misplaced + COUNT_OF(misplaced) &&
           !(m->where & c->where && strncmp(name, m->begins, strlen(m->begins)) == 0))
        m++;
    if (m == misplaced + COUNT_OF(misplaced))
        return false;
    cfg_fill(c, m->text, put_misplaced, name, &t);
    if (m->error)
        cfg_error(c, 0, "%s", t.p);
    else
        cfg_warn(c, 0, "%s", t.p);
    text_fini(&t);
    return true;
}

/** The word of a keyword that HAProxy names: the option, or the first of several. */
static const char *
short_name(const char *name, bool with_second, char *buf, size_t size)
{
    bool option = strncmp(name, "option ", 7) == 0;

    if (with_second && strncmp(name, "capture ", 8) == 0) {
        snprintf(buf, size, "%.*s", (int)(8 + strcspn(name + 8, " ")), name);
        return buf;
    }
    return cfg_name_word(name, option, buf, size) ? buf : name;
}

/** A proxy keyword in the wrong kind of proxy. HAProxy ignores most of them with a warning. */
static void
report_wrong_proxy(struct cfg *c, const struct keyword *kw)
{
    static const struct {
        const char *name, *instead;
    } twins[] = { { "maxconn", "fullconn" }, { "fullconn", "maxconn" } };
    const char *side = c->where & IN_FRONTEND ? "backend" : "frontend";
    const char *hint = "", *tail = "";
    char word[NAME_SIZE];

    if (report_misplaced(c, kw->name))
        return;
    if (c->where & IN_DEFAULTS) {
        bool named_only = kw->where & IN_NAMED_DEFAULTS;
        cfg_error(c, 0, "%s'%s' not allowed in %s'defaults' section.",
                  kw->flags & KWF_STRICT_PLACE ? DIAG_PLAIN : "",
                  named_only ? kw->name : short_name(kw->name, true, word, sizeof(word)),
                  named_only ? "anonymous " : "");
        if (named_only)
            cfg_hint(c, "give the section a name: defaults <name>");
        return;
    }
    if (kw->flags & KWF_STRICT_PLACE) {
        cfg_error(c, 0, "'%s' not allowed because %s '%s' has no %s capability.", kw->name,
                  c->section->name, c->section_name, side);
        return;
    }
    for (unsigned i = 0; i < COUNT_OF(twins); i++) {
        if (strcmp(kw->name, twins[i].name) == 0) {
            hint = " Maybe you want '";
            tail = twins[i].instead;
        }
    }
    cfg_warn(c, 0, "'%s' ignored because %s '%s' has no %s capability.%s%s%s",
             short_name(kw->name, false, word, sizeof(word)), c->section->name, c->section_name,
             side, hint, tail, *tail ? "' instead ?" : "");
}

/* ---- half of a keyword ---- */

struct family {
    const char *word;
    unsigned where;
    /* $L: the second words, $A and $O them joined by "and" or "or", $W what was found instead,
     * $S a suggestion or a full stop, $P the proxy. `missing` NULL: as
     * unknown */
    const char *unknown, *missing;
};

/* HAProxy words each of these differently. */
static const struct family families[] = {
    { "option", ~0u, "unknown option '$W'$S", DIAG_TIGHT "'option' expects an option name." },
    { "stats", IN_PROXIES, DIAG_TIGHT "unknown stats parameter '$W', expects $O.",
      DIAG_TIGHT "missing keyword in 'stats', expects $O." },
    { "stats", IN_GLOBAL,
      "'stats' only supports 'socket', 'maxconn', 'bind-process' and 'timeout' (got '$W')", NULL },
    { "timeout", ~0u,
      "'timeout' supports 'client', 'server', 'connect', 'check', 'queue', 'http-keep-alive', "
      "'http-request', 'tunnel', 'tarpit', 'client-fin' and 'server-fin' (got '$W')",
      NULL },
    { "monitor", ~0u, "'monitor' only supports 'fail'.", NULL },
    { "rate-limit", ~0u, "'rate-limit' only supports 'sessions' (got '$W')", NULL },
    { "external-check", ~0u, "'external-check' only supports 'command' and 'path'. but got '$W'.",
      "missing argument after 'external-check'." },
    { "filter", ~0u, "'filter' : unknown keyword '$W'. Registered keywords : $A",
      "missing argument for 'filter' in $P." },
    { "compression", ~0u, "'compression' expects $O", NULL },
    { "stick", ~0u, "'stick' expects 'on', 'match', or 'store'.", NULL },
    { "email-alert", ~0u, "email-alert: unknown argument '$W'.",
      "missing argument after 'email-alert'." },
    { "tcp-request", ~0u,
      "'tcp-request' expects 'inspect-delay', 'connection', or 'content' in $P (got '$W')",
      "missing argument for 'tcp-request' in $P" },
    { "tcp-response", ~0u, "'tcp-response' expects 'inspect-delay' or 'content' in $P (got '$W')",
      "missing argument for 'tcp-response' in $P" },
    { "capture", ~0u, "'capture' expects 'cookie' or 'request header' or 'response header'.",
      "'capture' expects 'cookie' or 'request header' or 'response header'." },
    { "declare", ~0u, "unknown declaration type '$W' (supports 'capture')",
      "'declare' needs a second keyword that specify the type of declaration ('capture')" },
    { "", ~0u, "'$K' supports $A (got '$W')", NULL },
};

struct list_words {
    const char *family;
    char words[128][NAME_SIZE];
    unsigned n;
};

static void
collect_word(const struct keyword *kw, void *arg)
{
    struct list_words *l = arg;
    char word[NAME_SIZE];

    cfg_name_word(kw->name, 0, word, sizeof(word));
    if (strcmp(word, l->family) != 0 || !cfg_name_word(kw->name, 1, word, sizeof(word)))
        return;
    for (unsigned i = 0; i < l->n; i++) {
        if (strcmp(l->words[i], word) == 0)
            return;
    }
    if (l->n < COUNT_OF(l->words))
        memcpy(l->words[l->n++], word, sizeof(word));
}

static void
put_list(struct text *t, const struct list_words *l, const char *last)
{
    for (unsigned i = 0; i < l->n; i++) {
        if (i)
            text_str(t, i + 1 == l->n ? last : ", ");
        text_printf(t, "'%s'", l->words[i]);
    }
}

/** What is known of a first word whose second is missing or wrong. */
struct half {
    const struct list_words *words;
    const char *did; /* a suggestion, or empty */
};

static void
put_half(struct cfg *c, struct text *t, char letter, const void *arg)
{
    const struct half *h = arg;

    switch (letter) {
    case 'K':
        text_str(t, cfg_arg(c, 0));
        break;
    case 'W':
        text_str(t, cfg_arg(c, 1));
        break;
    case 'S': /* ends the sentence */
        text_str(t, *h->did ? h->did : ".");
        break;
    default:
        put_list(t, h->words, letter == 'O' ? " or " : " and ");
        break;
    }
}

/** The first word begins keywords of several words: tell which. False when it does not. */
static bool
report_family(struct cfg *c)
{
    struct list_words l = { .family = cfg_arg(c, 0) };
    struct near n;
    struct text t = { 0 };
    char did[NAME_SIZE + 32];
    const struct family *f = families;

    cfg_each_row(c->where, collect_word, &l);
    if (l.n == 0)
        return false;
    while (*f->word && !(strcmp(f->word, l.family) == 0 && (f->where & c->where)))
        f++;
    bool is_option = strcmp(l.family, "option") == 0;
    if ((c->neg || c->dflt) && is_option && c->nwords > 1) {
        cfg_error(c, 1, DIAG_TIGHT "negation/default is not supported for option '%s'.",
                  cfg_arg(c, 1));
        return true;
    }
    near_init(&n, cfg_arg(c, 1));
    n.skip = 1;
    n.family = l.family;
    cfg_each_row(c->where, offer_row, &n);
    did_you_mean(&n, did, sizeof(did));
    cfg_fill(c, c->nwords < 2 && f->missing ? f->missing : f->unknown, put_half,
             &(struct half){ &l, suggest_result(&n.s) ? did : "" }, &t);
    cfg_error(c, c->nwords < 2 ? CFG_WHOLE_LINE : 1, "%s", t.p);
    if (!is_option && suggest_result(&n.s))
        cfg_hint(c, "did you mean '%s %s'?", l.family, suggest_result(&n.s));
    text_fini(&t);
    return true;
}

/* ---- unknown ---- */

static void
report_out_of_section(struct cfg *c)
{
    const char *word = cfg_arg(c, 0);
    struct near n;
    unsigned nwords;
    const struct keyword *kw = cfg_find_keyword(c, ~(IN_BIND | IN_SERVER), 0, &nwords);

    cfg_error(c, 0, DIAG_TIGHT "unknown keyword '%s' out of section.", word);
    near_init(&n, word);
    cfg_each_section(offer_section, &n);
    if (suggest_result(&n.s))
        cfg_hint(c, "did you mean '%s'?", suggest_result(&n.s));
    else if (kw)
        cfg_hint(c, "'%s' belongs in: %s", kw->name, cfg_where_names(kw->where));
    else
        cfg_hint(c, "expected a section: global, defaults, frontend, backend, listen ...");
}

/** Sections whose message differs. */
static const struct {
    const char *section, *before, *after;
} wordings[] = {
    { "userlist", DIAG_TIGHT "unknown keyword '", "' in 'users' section" },
    { "fcgi-app", DIAG_TIGHT "unknown keyword '", "' in 'fcgi-app' section" },
    { "ring", "unknown statement '", "'." },
    { "log-forward", "unknown keyword '", "' in log-forward section." },
};

static void
report_unknown(struct cfg *c)
{
    const char *word = cfg_arg(c, 0), *name = c->section->name, *before = "unknown keyword '";
    char did[NAME_SIZE + 32];
    const char *after = NULL;
    struct near n, s;
    unsigned nwords;
    const struct keyword *elsewhere =
        cfg_find_keyword(c, ~(c->where | IN_BIND | IN_SERVER), 0, &nwords);

    near_init(&n, word);
    if (!elsewhere)
        cfg_each_row(c->where, offer_row, &n);
    s = n;
    if (!elsewhere)
        cfg_each_section(offer_section, &s);
    for (unsigned i = 0; i < COUNT_OF(wordings); i++) {
        if (strcmp(wordings[i].section, name) == 0) {
            before = wordings[i].before;
            after = wordings[i].after;
        }
    }
    if (after)
        cfg_error(c, 0, "%s%s%s", before, word, after);
    else
        cfg_error(c, 0, "unknown keyword '%s' in '%s' section%s", word, name,
                  did_you_mean(&s, did, sizeof(did)));
    if (elsewhere)
        cfg_hint(c, "'%s' belongs in: %s", elsewhere->name, cfg_where_names(elsewhere->where));
    /* a mistyped section header: what follows belongs to it, not to the section before */
    if (suggest_result(&s.s) && suggest_result(&s.s) != suggest_result(&n.s) &&
        s.s.best_cost < n.s.best_cost) {
        c->section_bad = true;
        cfg_hint(c, "lines up to the next section are not read");
    }
}

void
cfg_report_unknown(struct cfg *c)
{
    unsigned n;

    if (!c->section) {
        report_out_of_section(c);
        return;
    }
    if (cfg_report_gone(c))
        return;
    if (c->where & IN_PROXIES) {
        const struct keyword *kw = cfg_find_keyword(c, IN_PROXIES & ~c->where, 0, &n);
        if (kw) {
            report_wrong_proxy(c, kw);
            return;
        }
    }
    if (!report_family(c))
        report_unknown(c);
}

void
cfg_report_unknown_option(struct cfg *c, unsigned where, unsigned at)
{
    char did[NAME_SIZE + 32];
    struct near n;

    near_init(&n, cfg_arg(c, at));
    cfg_each_row(where, offer_row, &n);
    did_you_mean(&n, did, sizeof(did));
    if (where & IN_BIND && c->where & IN_GLOBAL)
        cfg_error(c, at, DIAG_PARSING "'%s %s' : unknown keyword '%s'%s", cfg_arg(c, 0),
                  cfg_arg(c, 1), cfg_arg(c, at), suggest_result(&n.s) ? did : ".");
    else if (where & IN_BIND)
        cfg_error(c, at, DIAG_PARSING "'%s %s' in section '%s': unknown keyword '%s'%s",
                  cfg_arg(c, 0), cfg_arg(c, 1), c->section ? c->section->name : "", cfg_arg(c, at),
                  suggest_result(&n.s) ? did : ".");
    else
        cfg_error(c, at, "unknown keyword '%s'%s", cfg_arg(c, at),
                  suggest_result(&n.s) ? did : ".");
}
