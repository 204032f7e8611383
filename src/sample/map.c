/* map.c - the converters map, map_<match>, map_<match>_<type>, map_<match>_key and map_regm.
 * Manual 7.3.1. */
#include "config/cfg.h"
#include "sample/module.h"
#include "sample/pattern.h"
#include "sample/regex.h"

#include <stdlib.h>

#define EXPAND_MAX 16384u /* bytes of an expanded value */

/** What a name does. */
struct kind {
    enum pat_match match;
    enum sample_type out; /* type of the values; SMP_ANY: the key is returned */
    bool groups;          /* values are templates for the groups of the regex */
};

/** One use of a list. */
struct map {
    struct pat_set *set;
    bool has_default;
    struct sample fallback;
};

/** The value when nothing matches; arg[1] has the type of the row. */
static bool
read_default(const struct expr_arg *arg, const struct kind *k, struct map *m, char **err)
{
    struct sample_ctx none = { .tmp = NULL };

    if (arg->type == ARG_END)
        return true;
    m->has_default = true;
    m->fallback = (struct sample){ .type = SMP_STR, .flags = SMPF_CONST, .u.s = arg->s };
    if (k->out == SMP_SINT) {
        sample_set_int(&m->fallback, arg->i);
    } else if (k->out == SMP_ADDR && !sample_cast(&m->fallback, SMP_ADDR, &none)) {
        *err = xasprintf("map: cannot parse default ip <%s>", arg->s.p);
        return false;
    }
    return true;
}

static bool
open_map(struct expr_arg *arg, struct cfg *c, const struct kind *k, char **err)
{
    struct map *m = ARENA_NEW(c->arena, struct map);
    char *use = xasprintf("map at file '%s' line %u", c->loc.file ? c->loc.file : "", c->loc.line);
    struct pat_ref *ref = pat_ref_open(arg[0].s.p, true, use, err);

    free(use);
    if (!ref)
        return false;
    m->set = pat_set_get(ref, k->match, 0, k->out, err);
    if (!m->set)
        return false;
    arg[0].u.ptr = m;
    return k->out == SMP_ANY || read_default(&arg[1], k, m, err);
}

static bool
expand(const struct pat *p, const struct regex_captures *cap, struct sample *s,
       struct sample_ctx *x)
{
    struct sample value = { .flags = 0 };
    char *buf = arena_alloc(x->tmp ? x->tmp : sample_tmp(), EXPAND_MAX);
    struct out o = { buf, 0, EXPAND_MAX - 1, false };

    if (!buf || !pat_value(p, &value) || !regex_expand(value.u.s, cap, &o))
        return false;
    buf[o.len] = '\0';
    s->type = SMP_STR;
    s->flags &= ~(unsigned)SMPF_CONST;
    s->u.s = out_slice(&o);
    return true;
}

static bool
conv_map(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const struct kind *k = private;
    const struct map *m = arg[0].u.ptr;
    struct regex_captures cap;
    const struct pat *p =
        k->groups ? pat_set_match_groups(m->set, s, &cap) : pat_set_match(m->set, s, PICK_MAP);

    if (p && k->groups)
        return expand(p, &cap, s, x);
    if (p && k->out == SMP_ANY) {
        sample_set_str(s, pat_key(p));
        return true;
    }
    if (p && pat_value(p, s))
        return true;
    if (!m->has_default)
        return false;
    s->type = m->fallback.type;
    s->flags |= SMPF_CONST;
    s->u = m->fallback.u;
    return true;
}

/* Check functions do not get the row: one per kind. */
#define KIND(name, match, out, groups)                                                             \
    static struct kind kind_##name = { match, out, groups };                                       \
    static bool check_##name(struct expr_arg *arg, struct cfg *c, char **err)                      \
    {                                                                                              \
        return open_map(arg, c, &kind_##name, err);                                                \
    }
#define KINDS(m, match)                                                                            \
    KIND(m, match, SMP_STR, false)                                                                 \
    KIND(m##_int, match, SMP_SINT, false)                                                          \
    KIND(m##_ip, match, SMP_ADDR, false)                                                           \
    KIND(m##_key, match, SMP_ANY, false)

KINDS(str, PM_STR)
KINDS(beg, PM_BEG)
KINDS(sub, PM_SUB)
KINDS(dir, PM_DIR)
KINDS(dom, PM_DOM)
KINDS(end, PM_END)
KINDS(reg, PM_REG)
KINDS(int, PM_INT)
KINDS(ip, PM_IP)
KIND(regm, PM_REG, SMP_STR, true)

#define USAGE "<list>[,<default>]"
#define ROW_STR(name, kind, in)                                                                    \
    {                                                                                              \
        name, { ARG_STR, ARG_STR | ARG_OPT }, in, SMP_STR, conv_map,                               \
            "the value that belongs to the matching key", check_##kind, &kind_##kind, USAGE        \
    }
#define ROWS(m, in)                                                                                \
    ROW_STR("map_" #m, m, in),                                                                     \
        { "map_" #m "_int",                                                                        \
          { ARG_STR, ARG_SINT | ARG_OPT },                                                         \
          in,                                                                                      \
          SMP_SINT,                                                                                \
          conv_map,                                                                                \
          "the integer that belongs to the matching key",                                          \
          check_##m##_int,                                                                         \
          &kind_##m##_int,                                                                         \
          USAGE },                                                                                 \
        { "map_" #m "_ip",                                                                         \
          { ARG_STR, ARG_STR | ARG_OPT },                                                          \
          in,                                                                                      \
          SMP_ADDR,                                                                                \
          conv_map,                                                                                \
          "the address that belongs to the matching key",                                          \
          check_##m##_ip,                                                                          \
          &kind_##m##_ip,                                                                          \
          USAGE },                                                                                 \
    {                                                                                              \
        "map_" #m "_key", { ARG_STR }, in, SMP_STR, conv_map,                                      \
            "the matching key as it is written in the list", check_##m##_key, &kind_##m##_key,     \
            "<list>"                                                                               \
    }

const struct conv map_convs[] = {
    ROW_STR("map", str, SMP_STR), ROWS(str, SMP_STR), ROWS(beg, SMP_STR),
    ROWS(sub, SMP_STR),           ROWS(dir, SMP_STR), ROWS(dom, SMP_STR),
    ROWS(end, SMP_STR),           ROWS(reg, SMP_STR), ROW_STR("map_regm", regm, SMP_STR),
    ROWS(int, SMP_SINT),          ROWS(ip, SMP_ADDR), { 0 },
};
