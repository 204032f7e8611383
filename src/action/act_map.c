/* act_map.c - actions that edit lists of patterns: add-acl, del-acl, set-map, del-map (manual 4.4).
 */
#include "action/action.h"

#include "sample/pattern.h"

#include <stdlib.h>

/* ---- parsing ---- */

/* The list in parentheses. A file that does not exist is an empty list, which others may name too.
 */
static struct pat_ref *
open_list(struct cfg *c, unsigned at, struct rule *r, bool map)
{
    struct slice name = act_parens(c, at, r);
    const char *path = name.p ? arena_slicedup(c->arena, name) : cfg_arg(c, at - 1);
    bool plain = !slice_starts(slice_str(path), SL("virt@")) &&
                 !slice_starts(slice_str(path), SL("opt@")) &&
                 !slice_starts(slice_str(path), SL("file@"));
    char *use =
        xasprintf("http-%s %s at file '%s' line %u", r->set == RS_HTTP_REQ ? "request" : "response",
                  r->act->name, c->loc.file ? c->loc.file : "", c->loc.line);
    char *err = NULL;

    /* Other rules may use the list either way, as nothing is known about it yet. */
    struct pat_ref *ref = pat_ref_find(slice_str(path));
    if (plain)
        path = arena_printf(c->arena, "opt@%s", path);
    if (!ref)
        ref = pat_ref_open(path, map, use, &err);
    if (!ref)
        cfg_error(c, at - 1, "%s.", err ? err : "cannot open the list");
    free(use);
    free(err);
    return ref;
}

static enum cfg_rc
parse_list(struct cfg *c, unsigned *at, struct rule *r, unsigned nargs, bool map)
{
    for (unsigned i = 0; i < nargs; i++)
        if (!act_has_word(c, *at + i))
            return cfg_error(c, CFG_WHOLE_LINE, "expects exactly %u arguments.", nargs);
    r->p[0] = open_list(c, *at, r, map);
    if (!r->p[0])
        return CFG_ERR;
    for (unsigned i = 0; i < nargs; i++) {
        r->p[1 + i] = act_format(c, at, r);
        if (!r->p[1 + i])
            return CFG_ERR;
    }
    return CFG_OK;
}

static enum cfg_rc
parse_acl(struct cfg *c, unsigned *at, struct rule *r)
{
    return parse_list(c, at, r, 1, false);
}

static enum cfg_rc
parse_set_map(struct cfg *c, unsigned *at, struct rule *r)
{
    return parse_list(c, at, r, 2, true);
}

static enum cfg_rc
parse_del_map(struct cfg *c, unsigned *at, struct rule *r)
{
    return parse_list(c, at, r, 1, true);
}

/* ---- running: entries that cannot be parsed for an index over the list are left out ---- */

static enum act_rc
exec_add_acl(const struct rule *r, struct rule_ctx *x)
{
    struct slice key = logfmt_slice(r->p[1], x->x);
    char *err = NULL;

    if (key.p && !pat_ref_has(r->p[0], key) &&
        !pat_ref_add(r->p[0], PAT_CURRENT, key, SLICE_NONE, &err))
        free(err);
    return ACT_CONT;
}

static enum act_rc
exec_set_map(const struct rule *r, struct rule_ctx *x)
{
    struct slice key = logfmt_slice(r->p[1], x->x), value = logfmt_slice(r->p[2], x->x);
    char *err = NULL;

    if (key.p && value.p && !pat_ref_put(r->p[0], key, value, &err))
        free(err);
    return ACT_CONT;
}

static enum act_rc
exec_del(const struct rule *r, struct rule_ctx *x)
{
    struct slice key = logfmt_slice(r->p[1], x->x);

    if (key.p)
        pat_ref_del(r->p[0], key);
    return ACT_CONT;
}

static const struct action actions[] = {
    { "add-acl", RS_HTTP_REQ | RS_HTTP_RES, "(<list>) <fmt>", parse_acl, exec_add_acl,
      "adds an entry to a list of patterns", ACTF_PAREN, NULL },
    { "del-acl", RS_HTTP, "(<list>) <fmt>", parse_acl, exec_del,
      "removes an entry from a list of patterns", ACTF_PAREN, NULL },
    { "set-map", RS_HTTP, "(<list>) <key fmt> <value fmt>", parse_set_map, exec_set_map,
      "adds or changes an entry of a map", ACTF_PAREN, NULL },
    { "del-map", RS_HTTP, "(<list>) <key fmt>", parse_del_map, exec_del,
      "removes an entry of a map", ACTF_PAREN, NULL },
    { 0 }
};

const struct module action_map_module = { .name = "list actions", .actions = actions };
