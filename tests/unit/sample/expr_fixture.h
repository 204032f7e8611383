/* expr_fixture.h - a configuration without files, and a few fetches, for the tests of expressions
 * and ACLs. */
#ifndef TEST_EXPR_FIXTURE_H
#define TEST_EXPR_FIXTURE_H

#include "config/cfg.h"
#include "config/lexer.h"
#include "sample/acl.h"
#include "sample/vars.h"

struct fix {
    struct cfg c;
    struct arena arena;
    struct lexer lexer;
    char line[4096];
    bool lexing;
    struct acl_list *acls;
    struct sample_ctx x;
    struct vars vars; /* of all scopes but proc */
    char result[4096];
};

/** What the fetches t.host and t.list return; t.list has one value per comma. NULL: nothing. */
extern const char *fix_host, *fix_list;
/** t.host, t.list: SMPF_MAY_CHANGE is set. */
extern bool fix_unstable;
/** How often t.host was asked. */
extern unsigned fix_asked;

void fix_init(struct fix *f);
void fix_fini(struct fix *f);
/** Makes `line` the current line. */
void fix_line(struct fix *f, const char *line);
/** The expression's value as a string, "(none)", or the text of its error. */
const char *fix_eval(struct fix *f, const char *expr);
/** The words of a line as an expression: value or error. */
const char *fix_eval_words(struct fix *f, const char *line);
/** Parses an `acl` line; NULL, or the error. */
const char *fix_acl(struct fix *f, const char *line);
/** "T", "F", "M", or the error of the condition "if <text>". */
const char *fix_cond(struct fix *f, const char *text);
struct cond *fix_cond_parse(struct fix *f, const char *text);
/** Text of the last diagnostic, or "". */
const char *fix_last(const struct fix *f);
/** Writes a file below TMPDIR; its name is valid until the next but three. */
const char *fix_file(const char *name, const char *content);

#endif
