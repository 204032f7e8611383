/* tests_section.h - the `tests` section: requests and what must become of them, checked by -c.
 * docs/explain.md */
#ifndef PROCESS_TESTS_SECTION_H
#define PROCESS_TESTS_SECTION_H

#include "config/cfg.h"

/** Runs the tests that the configuration brought along; failures become errors in c->diags. After
 * cfg_finish() without errors; not in a process that serves. */
void tests_run(struct cfg *c);

extern const struct section tests_sections[];
extern const struct keyword tests_keywords[];
extern const struct module tests_module;

#endif
