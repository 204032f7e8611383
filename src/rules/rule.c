/* rule.c - rule sets: looking up actions, parsing rules, running them (manual 4.3, 4.4). */
#include "rules/rule.h"

#include "base/htab.h"
#include "config/module.h"
#include "rules/mutate.h"

__thread void (*rule_trace)(const struct rule *r, int cond, int rc, struct rule_ctx *x);
unsigned (*rule_px_points)(const struct proxy *px, enum rule_set set);

static const struct {
    enum rule_set set;
    const char *name;
} set_names[] = {
    { RS_TCP_CONN, "tcp-request connection" }, { RS_TCP_SESS, "tcp-request session" },
    { RS_TCP_REQ, "tcp-request content" },     { RS_TCP_RES, "tcp-response content" },
    { RS_HTTP_REQ, "http-request" },           { RS_HTTP_RES, "http-response" },
    { RS_HTTP_AFTER, "http-after-response" },  { RS_QUIC, "quic-initial" },
};

static const char *
set_name(enum rule_set set)
{
    for (unsigned i = 0; i < COUNT_OF(set_names); i++)
        if (set_names[i].set == set)
            return set_names[i].name;
    return "?";
}

static bool
action_matches(const struct action *a, const char *word)
{
    size_t n = strlen(a->name);

    if (strncmp(word, a->name, n) != 0)
        return false;
    if (a->flags & ACTF_PREFIX)
        return true;
    if (a->flags & ACTF_PAREN)
        return word[n] == '\0' || word[n] == '(' || word[n] == ',';
    return word[n] == '\0';
}

const struct action *
action_find(const char *name, enum rule_set set)
{
    const struct action *best = NULL;

    for (unsigned m = 0; modules[m]; m++) {
        const struct action *a = modules[m]->actions;
        for (; a && a->name; a++)
            if (a->sets & set && action_matches(a, name) &&
                (!best || strlen(a->name) > strlen(best->name)))
                best = a;
    }
    return mutate_action(best, set_name(set));
}

static enum cfg_rc
unknown_action(struct cfg *c, unsigned at, enum rule_set set)
{
    struct suggest s;
    bool tcp = set & (RS_TCP_CONN | RS_TCP_SESS | RS_TCP_REQ | RS_TCP_RES);

    suggest_init(&s, cfg_arg(c, at));
    for (unsigned m = 0; modules[m]; m++)
        for (const struct action *a = modules[m]->actions; a && a->name; a++)
            if (a->sets & set)
                suggest_offer(&s, a->name);
    struct text list = { 0 };
    for (unsigned m = 0; modules[m]; m++)
        for (const struct action *a = modules[m]->actions; a && a->name; a++)
            if (a->sets & set)
                text_printf(&list, "%s'%s%s'", list.len ? ", " : "", a->name,
                            a->flags & ACTF_PREFIX  ? "*"
                            : a->flags & ACTF_PAREN ? "(*)"
                                                    : "");
    if (tcp)
        cfg_error(c, at, "'%s' expects %s in %s '%s' (got '%s').%s%s%s", set_name(set),
                  list.p ? list.p : "", c->section ? c->section->name : "",
                  c->section_name ? c->section_name : "", cfg_arg(c, at),
                  suggest_result(&s) ? " Did you mean '" : "",
                  suggest_result(&s) ? suggest_result(&s) : "",
                  suggest_result(&s) ? "' maybe ?" : "");
    else
        cfg_error(
            c, at, "'%s' expects %s, but got '%s'%s.%s%s%s", set_name(set), list.p ? list.p : "",
            cfg_arg(c, at), cfg_arg(c, at)[0] ? "" : " (missing argument)",
            suggest_result(&s) ? " Did you mean '" : "",
            suggest_result(&s) ? suggest_result(&s) : "", suggest_result(&s) ? "' maybe ?" : "");
    text_fini(&list);
    return CFG_ERR;
}

unsigned
rule_set_points(enum rule_set set, const struct proxy *px)
{
    return rule_px_points ? rule_px_points(px, set) : PT_ANY;
}

static enum cfg_rc
check_action_usable(struct cfg *c, unsigned at, const struct action *a)
{
    if (a->flags & ACTF_UNSUPPORTED)
        return cfg_error(c, at, "action '%s' is not supported yet", a->name);
    c->experimental_used |= (a->flags & ACTF_EXPERIMENTAL) != 0;
    if (a->flags & ACTF_EXPERIMENTAL && !c->experimental)
        return cfg_error(c, at,
                         "'%s' action is experimental, must be allowed via a global "
                         "'expose-experimental-directives'",
                         a->name);
    return CFG_OK;
}

/* What HAProxy calls the section a rule is in. */
static const char *
section_kind(const struct cfg *c)
{
    const char *name = c->section ? c->section->name : "";

    return strcmp(name, "listen") == 0 ? "proxy" : name;
}

/* The action's own errors get HAProxy's frame. A directive that is a rule by itself (`redirect`)
 * has no rule set in it. */
static enum cfg_rc
parse_arguments(struct cfg *c, unsigned *at, struct rule *r, unsigned name_at)
{
    const char *outer = c->context;
    const char *section = c->section_name ? c->section_name : "";

    if (!r->act->parse)
        return CFG_OK;
    if (name_at)
        c->context = arena_printf(
            c->arena, "error detected in %s '%s' while parsing '%s %s' rule : ", section_kind(c),
            section, set_name(r->set), c->word[name_at].s);
    else
        c->context = arena_printf(c->arena, "error detected in %s '%s' while parsing %s rule : ",
                                  section_kind(c), section, c->word[name_at].s);
    unsigned errors = c->diags.errors;
    enum cfg_rc rc = r->act->parse(c, at, r);
    c->context = outer;
    if (c->diags.errors > errors)
        diag_end_sentence(list_last(&c->diags.list, struct diag, link));
    return rc;
}

static enum cfg_rc
unexpected_word(struct cfg *c, unsigned at, unsigned name_at, enum rule_set set)
{
    const char *name = c->word[name_at].s, *word = c->word[at].s;

    if (set & (RS_TCP_CONN | RS_TCP_SESS | RS_TCP_REQ | RS_TCP_RES | RS_QUIC))
        return cfg_error(c, at, "'%s %s' only accepts 'if' or 'unless', in %s '%s' (got '%s')",
                         set_name(set), name, section_kind(c),
                         c->section_name ? c->section_name : "", word);
    return cfg_error(
        c, at,
        DIAG_TIGHT
        "'%s %s' expects either 'if' or 'unless' followed by a condition but found '%s'.",
        set_name(set), name, word);
}

enum cfg_rc
rule_parse(struct cfg *c, unsigned at, struct list *to, struct proxy *px, struct acl_list **acls,
           enum rule_set set)
{
    const struct action *a = at < c->nwords ? action_find(c->word[at].s, set) : NULL;

    if (!a)
        return unknown_action(c, at, set);
    if (check_action_usable(c, at, a) != CFG_OK)
        return CFG_ERR;
    struct rule *r = ARENA_NEW(c->arena, struct rule);
    r->act = a;
    r->px = px;
    r->set = set;
    r->loc = c->loc;
    r->text = arena_strdup(c->arena, c->raw);
    unsigned name_at = at++;
    if (parse_arguments(c, &at, r, name_at) != CFG_OK)
        return CFG_ERR;
    if (cond_starts(c, at)) {
        r->cond = cond_parse(c, at, px, *acls, rule_set_points(set, px));
        if (!r->cond)
            return CFG_ERR;
    } else if (at < c->nwords) {
        return unexpected_word(c, at, name_at, set);
    }
    if (!list_empty(to)) {
        struct rule *prev = list_last(to, struct rule, link);
        if (prev->act->flags & ACTF_FINAL && !prev->cond)
            cfg_warn(c, CFG_WHOLE_LINE,
                     "previous '%s' action '%s' is final and has no condition attached, further "
                     "entries are NOOP.",
                     set_name(set), prev->act->name);
        r->index = prev->index + 1;
    }
    list_push_back(to, &r->link);
    return CFG_OK;
}

/* ---- running ---- */

static enum act_rc
run_one(const struct rule *r, struct rule_ctx *x)
{
    if (unlikely(rule_trace))
        rule_trace(r, COND_MISS, RULE_BEGINS, x);
    if (r->cond && !x->resumed) {
        enum cond_result c = cond_eval(r->cond, x->x);
        if (c == COND_MISS && !x->final) {
            if (unlikely(rule_trace))
                rule_trace(r, c, ACT_YIELD, x);
            return ACT_YIELD; /* x->resumed stays false: the condition is looked at again */
        }
        if (c != COND_PASS) {
            if (unlikely(rule_trace))
                rule_trace(r, c, ACT_CONT, x);
            return ACT_CONT;
        }
    }
    enum act_rc rc = r->act->exec(r, x);
    x->resumed = rc == ACT_YIELD;
    if (unlikely(rule_trace))
        rule_trace(r, COND_PASS, rc, x);
    return rc;
}

enum act_rc
rules_run(const struct list *rules, const struct rule **resume, struct rule_ctx *x,
          const struct rule **last)
{
    const struct list *at = *resume ? &(*resume)->link : rules->next;
    bool resumed = x->resumed;

    for (; at != rules; at = at->next) {
        const struct rule *r = container_of(at, struct rule, link);
        x->resumed = resumed;
        enum act_rc rc = run_one(r, x);
        resumed = false;
        if (likely(rc == ACT_CONT))
            continue;
        if (last)
            *last = r;
        *resume = rc == ACT_YIELD ? r : NULL;
        return rc;
    }
    *resume = NULL;
    return ACT_CONT;
}
