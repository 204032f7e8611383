/* mutate.h - makes one action of one rule set do nothing: see sample/mutate.h. */
#ifndef RULES_MUTATE_H
#define RULES_MUTATE_H

#include "rules/rule.h"

#ifdef STEELYARD_MUTATION

/** The row itself, or with $STEELYARD_MUTATE "action <rule set> <name>" a copy that does nothing.
 * `set_name` is what lines of the configuration begin with. NULL stays NULL. */
const struct action *mutate_action(const struct action *a, const char *set_name);

#else

static inline const struct action *
mutate_action(const struct action *a, const char *set_name)
{
    return a;
}

#endif
#endif
