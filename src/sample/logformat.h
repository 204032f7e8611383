/* logformat.h - the log-format mini-language, compiled (manual 8.2.6). */
#ifndef SAMPLE_LOGFORMAT_H
#define SAMPLE_LOGFORMAT_H

#include "base/out.h"
#include "sample/expr.h"

struct logfmt;

/** An alias such as %ci: rows live where the data is (fetch/ or log/), registered through logfmt_aliases. */
struct logfmt_alias {
    const char *name;
    /** Writes the value into `o` (unquoted; the caller quotes/encodes) or sets a typed sample: returns false when empty ("-"). */
    bool (*fn)(struct sample_ctx *x, struct sample *out, void *private);
    void *private;
    unsigned needs; /* enum fetch_need */
    unsigned flags; /* LOGA_* */
    const char *help;
};
enum { LOGA_HTTP = 1 << 0 /* only meaningful in mode http */, LOGA_PLUS = 1 << 1 /* takes part in option logasap "+" */ };
extern const struct logfmt_alias *logfmt_aliases; /* ends with name NULL; set by log/ at start-up */

/** Compiles a format string. `where` as in expr_parse. `sd`: structured data (RFC 5424 escaping). NULL after an error. */
MUST_CHECK struct logfmt *logfmt_parse(struct cfg *c, unsigned word, const char *text, struct proxy *px, unsigned where, bool sd);
/** Renders; returns false when out of room (what fits is there). */
HOT bool logfmt_render(const struct logfmt *f, struct sample_ctx *x, struct out *o);
/** Renders into x->tmp; a NUL-terminated slice, or p NULL when memory is out. */
struct slice logfmt_slice(const struct logfmt *f, struct sample_ctx *x);
/** True for a format without any variable part; *text is its value. */
bool logfmt_is_const(const struct logfmt *f, struct slice *text);
bool logfmt_is_empty(const struct logfmt *f);
unsigned logfmt_needs(const struct logfmt *f);

#endif
