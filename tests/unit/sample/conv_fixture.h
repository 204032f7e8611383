/* conv_fixture.h - evaluates expressions from their text, with constants and variables as the only
 * sources. */
#ifndef TESTS_CONV_FIXTURE_H
#define TESTS_CONV_FIXTURE_H

#include "sample/conv.h"
#include "sample/logformat.h"

/** Registers converters and constant fetches, makes an empty configuration. */
void conv_setup(void);
void conv_teardown(void);
/** Forgets all variables. */
void conv_reset(void);
struct cfg *conv_cfg(void);
struct sample_ctx *conv_ctx(void);

enum conv_result { CONV_VALUE, CONV_NONE, CONV_ERROR };

/** Evaluates `expr`. *text receives what a header would show of the value, or the error; valid
 * until the next call. */
enum conv_result conv_eval(const char *expr, struct slice *text);
/** The value itself; false: none. */
bool conv_eval_sample(const char *expr, struct sample *s);
/** Asserts that the text of `expr` is `expected`; NULL: no value. */
void conv_is(const char *expr, const char *expected);
/** Asserts the error. */
void conv_fails(const char *expr, const char *error);

#endif
