/* cfg.h - the state of reading one configuration: words of the current line, diagnostics, lookups.
 * Keyword parse functions use this interface only. */
#ifndef CONFIG_CFG_H
#define CONFIG_CFG_H

#include "base/arena.h"
#include "config/diag.h"
#include "config/keyword.h"

struct module;
struct config; /* the result; defined in proxy/config.h, opaque here */

/** One word of a line after quotes, escapes and variables were resolved. */
struct cfg_word {
    char *s; /* NUL-terminated, in the configuration's arena */
    size_t len;
    unsigned line;         /* of its source; differs from the first one on continuation lines */
    unsigned col, col_end; /* 1-based columns of its source, the end excluded */
    bool quoted;           /* some part was quoted or escaped */
};

struct cfg {
    struct config *config;
    struct arena *arena; /* the configuration generation's arena; everything parsed lives here */
    struct diags diags;

    /* current line */
    struct cfg_loc loc; /* file and first line number */
    const char *raw;    /* its text, continuation lines joined */
    struct cfg_word *word;
    unsigned nwords;

    /* current section */
    const struct section *section; /* NULL before the first section */
    unsigned where; /* its bits, IN_NAMED_DEFAULTS included when the defaults have a name */
    const char *section_name;
    void *obj;        /* set by section->begin */
    bool past_global; /* a section that is not global was begun */
    bool section_bad; /* header was refused: lines are skipped without errors */

    /* current keyword: word[0] is its first word, prefixes are taken off */
    bool neg, dflt;           /* "no ..." and "default ...", for rows with KWF_NO */
    const struct keyword *kw; /* the row being run; NULL outside of one */
    /* Put before messages while the options of a line are parsed: "'server b/s' : ". May begin with
     * a DIAG_ style. Messages that have a style of their own do not get it. */
    const char *context;

    /** Called with the name of a file once its text was read, before its lines are; may be NULL. */
    void (*file_begins)(struct cfg *c, const char *file);
    bool experimental;      /* expose-experimental-directives seen */
    bool experimental_used; /* and needed */
    struct cfg_loc experimental_at;
    bool deprecated_ok;    /* expose-deprecated-directives seen */
    bool dump, dump_lines; /* -dC: every line is printed as it was understood */
    void (*dump_word)(struct out *o,
                      const char *word); /* how words but the first are; NULL: as is */
    void *private;                       /* of the reader */
};

/** Word `i`, or "" past the end. */
static inline const char *
cfg_arg(const struct cfg *c, unsigned i)
{
    return i < c->nwords ? c->word[i].s : "";
}

static inline bool
cfg_arg_is(const struct cfg *c, unsigned i, const char *s)
{
    return i < c->nwords && strcmp(c->word[i].s, s) == 0;
}

#define CFG_WHOLE_LINE UINT32_MAX
/** Reports an error about word `i` of the current line (or CFG_WHOLE_LINE) and returns CFG_ERR.
 * `fmt` follows HAProxy's wording; "parsing [file:line] : " is put before it when printing. */
enum cfg_rc cfg_error(struct cfg *c, unsigned i, const char *fmt, ...) PRINTF(3, 4);
void cfg_warn(struct cfg *c, unsigned i, const char *fmt, ...) PRINTF(3, 4);
/** Printed with -dD only. */
void cfg_diag(struct cfg *c, unsigned i, const char *fmt, ...) PRINTF(3, 4);
/** Adds a hint line to the diagnostic reported last. */
void cfg_hint(struct cfg *c, const char *fmt, ...) PRINTF(2, 3);
/** The same for things found after parsing: no current line, `loc` says where (may be NULL). */
enum cfg_rc cfg_error_at(struct cfg *c, const struct cfg_loc *loc, const char *fmt, ...)
    PRINTF(3, 4);
void cfg_warn_at(struct cfg *c, const struct cfg_loc *loc, const char *fmt, ...) PRINTF(3, 4);

/** The location of word `i`, for objects that report later. */
struct cfg_loc cfg_loc_of(const struct cfg *c, unsigned i);

/** Reports what is wrong with word `i`, the argument of the current keyword (missing when it is
 * past the end), in HAProxy's words for this keyword. `bad` is the character that cannot be, or 0.
 * False: it has none, the common message will do. */
bool cfg_own_words(struct cfg *c, unsigned i, char bad);
/** Takes word *at as an argument of `what` (for the message), advances *at; NULL and an error when
 * missing. */
const char *cfg_take(struct cfg *c, unsigned *at, const char *what);
/** Takes all words that are left, joined by blanks, as the text of `what`; in the configuration's
 * memory. NULL and an error when there are none. */
const char *cfg_take_words(struct cfg *c, unsigned *at, const char *what);
/** Numbers: parse word *at, report what is wrong, advance. min..max inclusive. */
MUST_CHECK enum cfg_rc cfg_take_int(struct cfg *c, unsigned *at, const char *what, int64_t min,
                                    int64_t max, int64_t *out);
/** Time with unit suffix (us ms s m h d), default unit ms; rounded up to ms. Refuses overflow (>
 * 2147483647 ms). */
MUST_CHECK enum cfg_rc cfg_take_ms(struct cfg *c, unsigned *at, const char *what, int *out_ms);
MUST_CHECK enum cfg_rc cfg_take_size(struct cfg *c, unsigned *at, const char *what, uint64_t *out);

/** Reports word `at` and what follows as unexpected, if there is any: the line must end here. */
enum cfg_rc cfg_expect_end(struct cfg *c, unsigned at);

/** Time and size units on their own (units.c). Return NULL, or the text of the error. `unit_us`:
 * default unit in us. */
const char *units_parse_time(struct slice s, uint64_t unit_us, uint64_t *out_us);
const char *units_parse_size(struct slice s, uint64_t *out);

/** Reads `file` (path or "-"), or `text` under the name `file`, into c. Errors are collected in
 * c->diags; returns CFG_ERR when the file cannot be read. Sections may continue over calls as in
 * HAProxy (each file starts a new section). */
enum cfg_rc cfg_read_file(struct cfg *c, const char *file);
enum cfg_rc cfg_read_text(struct cfg *c, const char *name, struct slice text);
/** After the last file: ends the open section, then runs every module's check(). */
enum cfg_rc cfg_finish(struct cfg *c);
void cfg_init(struct cfg *c, struct config *config, struct arena *arena);
void cfg_fini(struct cfg *c);

/** Looks up keyword words[at..] among all modules' rows valid in `where`: the row with the most
 * words wins. *nwords receives how many words the name took. NULL when unknown. */
const struct keyword *cfg_find_keyword(const struct cfg *c, unsigned where, unsigned at,
                                       unsigned *nwords);
/** Runs a row on the current line: setter or parse function, "no"/"default" prefix handled by the
 * caller. */
enum cfg_rc cfg_run_keyword(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
/** Parses the options of a `bind` or `server` line from word *at to its end through rows of
 * `where`. Unknown ones are reported with a suggestion. */
enum cfg_rc cfg_run_options(struct cfg *c, unsigned where, void *obj, unsigned *at);
/** The section called `name`, or NULL. */
const struct section *cfg_find_section(const char *name);

/** "global", "frontend, backend": the sections of a set of bits, for messages. Static text per call
 * and thread. */
const char *cfg_where_names(unsigned where);

/** Is the feature built in? Names as in `haproxy -vv`, without sign. (features.c) */
bool config_feature(const char *name);
/** All features in the order of `haproxy -vv`, each with a sign: "+OPENSSL -QUIC ...". */
void config_features_put(struct text *to);
/** Run-time switches of the predicate enabled(): SPLICE, REUSEPORT and so on. */
bool config_enabled(const char *name);
/** For switches that are not in struct tune: POLL, EPOLL, SERVER-SSL-VERIFY-NONE. Unknown names are
 * ignored. */
void config_set_enabled(const char *name, bool on);

/** The keywords of the reader itself: expose-experimental-directives, setenv and its kin. */
extern const struct module config_module;

/** Evaluates a `.if` or `-cc` condition. 1 true, 0 false, -1 error (text in *err, caller frees). */
int cond_expr_eval(const char *expr, char **err);

#endif
