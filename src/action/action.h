/* action.h - the families of actions, and what their files share. Manual 4.3 and 4.4. */
#ifndef ACTION_ACTION_H
#define ACTION_ACTION_H

#include "config/module.h"
#include "proxy/stream.h"
#include "rules/rule.h"

/** One module each: for process/modules.c. */
#define ACTION_FAMILIES(X)                                                                         \
    X(final)                                                                                       \
    X(redirect)                                                                                    \
    X(header)                                                                                      \
    X(header_bin)                                                                                  \
    X(uri)                                                                                         \
    X(var)                                                                                         \
    X(conn)                                                                                        \
    X(stream)                                                                                      \
    X(wait)                                                                                        \
    X(map)                                                                                         \
    X(service)                                                                                     \
    X(rate_limit)                                                                                  \
    X(bwlim)                                                                                       \
    X(unsupported)

#define X(family) extern const struct module action_##family##_module;
ACTION_FAMILIES(X)
#undef X

/* Rule sets, as the tables of the manual group them. */
#define RS_HTTP       (RS_HTTP_REQ | RS_HTTP_RES | RS_HTTP_AFTER)
#define RS_TCP_STREAM (RS_TCP_REQ | RS_TCP_RES)
#define RS_TCP        (RS_TCP_CONN | RS_TCP_SESS | RS_TCP_STREAM)

/* ---- parsing: from word *at on, which is moved behind what was taken ------------------------ */

/** True when an argument is there: neither the line nor the arguments end at word `at`. */
static inline bool
act_has_word(const struct cfg *c, unsigned at)
{
    return at < c->nwords && !cond_starts(c, at);
}

/** An expression that works where the rule runs. NULL after an error. */
MUST_CHECK struct expr *act_expr(struct cfg *c, unsigned *at, struct rule *r);
/** A format for headers, URIs and bodies, from one word. NULL after an error. */
MUST_CHECK struct logfmt *act_format(struct cfg *c, unsigned *at, struct rule *r);
/** A compiled regex with groups that lives as long as the process. `before`: put before the error
 * text. */
MUST_CHECK struct regex *act_regex(struct cfg *c, unsigned *at, const char *before);
/** No arguments at all. */
enum cfg_rc act_no_args(struct cfg *c, unsigned *at, struct rule *r);
/** "(...)" behind the action's name in word *at - 1, without the parentheses; p NULL when there are
 * none. */
struct slice act_parens(const struct cfg *c, unsigned at, const struct rule *r);
/** A number that is written as such or comes from an expression: r->p[slot] is the expression, or
 * NULL and r->i[slot] the number. `parse` reads the constant; false: it is none. */
enum cfg_rc act_number(struct cfg *c, unsigned *at, struct rule *r, unsigned slot,
                       bool (*parse)(const char *text, int64_t *out));

/* ---- running -------------------------------------------------------------------------------- */

/** The message that a rule of an HTTP rule set edits. */
static inline struct http_head *
act_head(const struct rule *r, struct rule_ctx *x)
{
    return r->set == RS_HTTP_REQ ? &x->strm->rq : &x->strm->rs;
}

/** Whether a head stays smaller than a buffer when `more` bytes come in: what HAProxy sends,
 * servers take. Small additions are not measured, the arena bounds their sum. */
bool act_fits(const struct http_head *h, size_t more);
/** A rewrite did not fit: counted, and an internal error unless `strict-mode off`. */
enum act_rc act_rewrite_failed(const struct rule *r, struct rule_ctx *x);
static inline enum act_rc
act_rewritten(bool ok, const struct rule *r, struct rule_ctx *x)
{
    return likely(ok) ? ACT_CONT : act_rewrite_failed(r, x);
}
/** One more header for the reply that was prepared; the value lives as long as the stream. False:
 * out of memory. */
MUST_CHECK bool act_reply_add(struct stream *s, struct slice name, struct slice value);
/** Copies bytes so that they live as long as the stream; p NULL when memory is out. */
struct slice act_keep(struct stream *s, struct slice v);
/** The value of act_number(); false when the expression has none. */
bool act_number_of(const struct rule *r, unsigned slot, struct rule_ctx *x, int64_t *out);
/** True when an expression has no value yet but may get one: the rule should wait. */
static inline bool
act_must_wait(const struct sample *s, const struct rule_ctx *x)
{
    return s->flags & SMPF_MAY_CHANGE && !x->final;
}

#endif
