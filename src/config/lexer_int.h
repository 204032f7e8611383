/* lexer_int.h - between lexer.c and lexer_env.c. */
#ifndef CONFIG_LEXER_INT_H
#define CONFIG_LEXER_INT_H

#include "config/lexer.h"

/** Records what is wrong with the line; returns false. `col` 0: the whole line. */
bool lex_fail(struct lexer *x, const struct lex_raw *raw, unsigned col, const char *fmt, ...)
    PRINTF(4, 5);
void lex_begin_word(struct lexer *x, unsigned col);
bool lex_end_word(struct lexer *x, const struct lex_raw *raw, unsigned col_end);
/** Expands the variable whose '$' is at raw->text[*i] (inside double quotes); *i moves behind it.
 */
bool lex_take_variable(struct lexer *x, const struct lex_raw *raw, size_t *i);
/** Explains an empty argument by the unset variable that caused it. */
void lex_hint_unset(struct lexer *x);

#endif
