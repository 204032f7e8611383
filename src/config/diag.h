/* diag.h - diagnostics: where, what, why, and what to write instead. */
#ifndef CONFIG_DIAG_H
#define CONFIG_DIAG_H

#include "base/list.h"
#include "base/out.h"

enum diag_level { DIAG_NOTICE, DIAG_DIAG, DIAG_WARNING, DIAG_ALERT };

/** A place in the configuration. Strings live as long as the configuration's arena. */
struct cfg_loc {
    const char *file; /* NULL: not from a file */
    unsigned line;
    unsigned col,
        col_end; /* 1-based byte columns of the raw line, the end excluded; 0: the whole line */
};

/** A message may begin with one of these (`cfg_error(c, 0, DIAG_TIGHT "unknown directive '%s'.",
 * ...)`): HAProxy has several ways to say where. Without one: DIAG_PARSING when there is a file and
 * line, else DIAG_BARE. */
#define DIAG_TIGHT   "\1" /* parsing [file:line]: text */
#define DIAG_PLAIN   "\2" /* [file:line] : text */
#define DIAG_BARE    "\3" /* text */
#define DIAG_PARSING "\4" /* parsing [file:line] : text */
#define DIAG_CAPITAL "\5" /* Parsing [file:line]: text */

struct diag {
    struct list link;
    enum diag_level level;
    char style; /* the first byte of one of the above */
    struct cfg_loc loc;
    char *text;    /* first line, in HAProxy's words, without the prefix */
    char *excerpt; /* the raw source line, or NULL */
    char *hint;    /* "did you mean 'x'?", what was expected; may be NULL */
};

struct diags {
    struct list list;
    unsigned errors, warnings, diags;
    bool show_diag; /* -dD: DIAG_DIAG entries are printed */
};

void diags_init(struct diags *d);
void diags_fini(struct diags *d);

/** Appends an entry. `loc` and `excerpt` may be NULL; `excerpt` is copied, of
 *  `loc` the names stay the caller's. Returns it for diag_hint(). */
struct diag *diags_add(struct diags *d, enum diag_level level, const struct cfg_loc *loc,
                       const char *excerpt, const char *fmt, ...) PRINTF(5, 6);
/** Ends the text with a full stop unless it ends with one or a question mark. */
void diag_end_sentence(struct diag *g);
/** Adds a line of help below an entry. */
void diag_hint(struct diag *g, const char *fmt, ...) PRINTF(2, 3);

/** The first line as HAProxy prints it behind "[ALERT]    (pid) : ": "config : parsing [file:line]
 * : text". */
void diag_put_line(const struct diag *g, struct text *to);
/** Prints as HAProxy does: "[ALERT]    (pid) : config : parsing [file:line] : text", then the
 * excerpt with a caret and the hint. `verbose` false leaves out notices. Order of appearance. */
void diags_print(const struct diags *d, struct text *to, bool verbose);
/** A JSON array of objects: level, file, line, column, column_end, message, hint, excerpt. */
void diags_print_json(const struct diags *d, struct text *to);

/** The best match for a mistyped name among candidates offered one by one (bounded edit distance).
 */
struct suggest {
    const char *wrong;
    const char *best;
    unsigned best_cost;
};

/** Looks for the candidate that `wrong` is most likely a misspelling of: init, offer each, ask for
 * the result. */
void suggest_init(struct suggest *s, const char *wrong);
void suggest_offer(struct suggest *s, const char *candidate);
/** NULL when nothing is close enough. */
const char *suggest_result(const struct suggest *s);

#endif
