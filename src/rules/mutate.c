/* mutate.c - actions that do nothing on purpose: see mutate.h. */
#include "rules/mutate.h"

#include "sample/mutate.h"

#include <stdio.h>

#define NAME_MAX_BYTES 128

static enum act_rc
exec_nothing(const struct rule *r, struct rule_ctx *x)
{
    return ACT_CONT;
}

const struct action *
mutate_action(const struct action *a, const char *set_name)
{
    static struct action copy;
    char name[NAME_MAX_BYTES];

    if (!a)
        return NULL;
    snprintf(name, sizeof(name), "%s %s", set_name, a->name);
    mutate_record("action", name);
    if (!mutate_wants("action", name))
        return a;
    copy = *a;
    copy.exec = exec_nothing;
    return &copy;
}
