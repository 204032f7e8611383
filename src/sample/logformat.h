/* logformat.h - the log-format mini-language, compiled (manual 8.2.6). */
#ifndef SAMPLE_LOGFORMAT_H
#define SAMPLE_LOGFORMAT_H

#include "base/out.h"
#include "config/module.h"
#include "sample/expr.h"

struct logfmt;

/** An alias such as %ci: rows live where the data is (fetch/ or log/), registered through
 * logfmt_aliases. */
struct logfmt_alias {
    const char *name;
    /** Sets *out to the raw value: the renderer quotes, escapes and encodes. False: there is none
     * ("-", or "" when quoted). True with SMP_ANY as type: nothing at all is written. With
     * LOGA_PLUS, SMPF_MAY_CHANGE in out->flags puts a
     *  "+" before the value. Bytes may live in x->tmp. */
    bool (*fn)(struct sample_ctx *x, struct sample *out, void *private);
    void *private;
    unsigned needs; /* enum fetch_need */
    unsigned flags; /* LOGA_* */
    const char *help;
};
enum logfmt_alias_flag {
    LOGA_HTTP = 1 << 0, /* only meaningful in mode http */
    LOGA_PLUS = 1 << 1, /* takes part in option logasap "+" (and %rc's "+" after a redispatch) */
    LOGA_HEX = 1 << 2,  /* integer that flag X prints as at least four upper-case hexadecimal digits
                           (%cp, %pid, %rt...) */
    LOGA_HEX2 = 1 << 3, /* the same, at least two (%ms) */
    LOGA_PAD3 = 1 << 4, /* integer of at least three digits (%ms) */
    LOGA_BARE = 1 << 5, /* never quoted: dates, %ts, %tsc. Integers never are anyway. */
    LOGA_URL = 1 << 6,  /* bytes that break log lines are written as #XX: %r, %HU, %HP, %HPO, %HQ */
    /* Lists: fn is called for one element after the other while it sets SMPF_NOT_LAST (out->iter is
     * its own, zeroed before the first call); false: that element is missing. Bytes that break
     * lists are written as #XX. */
    LOGA_BRACES = 1 << 7, /* "{a|b|}": %hr, %hs */
    LOGA_EMPTY = 1 << 9,  /* an empty value is nothing, not "-" (%HQ) */
    LOGA_LIST = 1 << 8,   /* "a b -", each quoted on its own: %hrl, %hsl */
};
extern const struct logfmt_alias *logfmt_aliases; /* ends with name NULL; set by log/ at start-up */

/** Tells whether a proxy is in HTTP mode: set once by proxy/. NULL: no alias is refused for its
 * LOGA_HTTP. */
extern bool (*logfmt_proxy_is_http)(const struct proxy *px);

enum logfmt_opt_flag {
    LOGF_DASH = 1 << 0,  /* a missing value is written as "-" (log-format and log-format-sd) */
    LOGF_MERGE = 1 << 1, /* runs of spaces in the text become one (log-format*, unique-id-format) */
    LOGF_HTTP = 1 << 2,  /* control characters of expressions are percent-encoded (headers, bodies,
                            unique-id-format) */
};

/** How to compile. Rules that build headers or bodies use LOGF_HTTP; set-var-fmt and backend names
 * no flag at all. */
struct logfmt_opt {
    unsigned where;            /* enum sample_point mask, as in expr_parse */
    unsigned flags;            /* enum logfmt_opt_flag */
    const char *what;          /* put before error messages with " : "; NULL: nothing */
    const struct cfg_loc *loc; /* where errors are reported; NULL: the current line, at `word` */
};

/** Compiles a format string. NULL after cfg_error(). Lives in c->arena. */
MUST_CHECK struct logfmt *logfmt_compile(struct cfg *c, unsigned word, const char *text,
                                         struct proxy *px, const struct logfmt_opt *opt);

/** The same with what is usual at `where`: PT_LOG alone means a log line (LOGF_DASH, LOGF_MERGE;
 * errors begin with "failed to parse log-format" or "-sd"), anything else LOGF_HTTP.
 *
 *  Compiles a format string. `where` as in expr_parse. `sd`: structured data (RFC 5424 escaping).
 * NULL after an error. */
MUST_CHECK struct logfmt *logfmt_parse(struct cfg *c, unsigned word, const char *text,
                                       struct proxy *px, unsigned where, bool sd);
/** Renders; returns false when out of room (what fits is there). */
HOT bool logfmt_render(const struct logfmt *f, struct sample_ctx *x, struct out *o);
/** Renders into x->tmp; a NUL-terminated slice of at most tune.bufsize bytes, or p NULL when memory
 * is out. */
struct slice logfmt_slice(const struct logfmt *f, struct sample_ctx *x);
/** True for a format without any variable part; *text is its value. */
bool logfmt_is_const(const struct logfmt *f, struct slice *text);
bool logfmt_is_empty(const struct logfmt *f);
unsigned logfmt_needs(const struct logfmt *f);
/** Releases what the calling thread keeps (the module's thread_stop does it). */
void logfmt_thread_fini(void);
extern const struct module logfmt_module;

#endif
