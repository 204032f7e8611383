/* act_stick.h - what the files of the stick module share. */
#ifndef ACTION_ACT_STICK_H
#define ACTION_ACT_STICK_H

#include "rules/rule.h"

extern const struct action stick_actions[];
/** Resolves the tables of the track-sc rules of `c`; reports what is unknown or does not fit. */
void stick_actions_check(struct cfg *c);
/** A number that no track-sc rule uses; -1: none. */
int stick_free_slot(void);

#endif
