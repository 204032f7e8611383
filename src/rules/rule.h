/* rule.h - rule sets: ordered actions with conditions (manual 4.3, 4.4). The actions themselves
 * live in action/. */
#ifndef RULES_RULE_H
#define RULES_RULE_H

#include "config/cfg.h"
#include "sample/acl.h"

struct session;
struct stream;
struct proxy;
struct rule;

enum rule_set {
    RS_TCP_CONN = 1 << 0,   /* tcp-request connection */
    RS_TCP_SESS = 1 << 1,   /* tcp-request session */
    RS_TCP_REQ = 1 << 2,    /* tcp-request content */
    RS_TCP_RES = 1 << 3,    /* tcp-response content */
    RS_HTTP_REQ = 1 << 4,   /* http-request */
    RS_HTTP_RES = 1 << 5,   /* http-response */
    RS_HTTP_AFTER = 1 << 6, /* http-after-response */
    RS_QUIC = 1 << 7,       /* quic-initial */
};
#define RS_ALL_STREAM (RS_TCP_REQ | RS_TCP_RES | RS_HTTP_REQ | RS_HTTP_RES | RS_HTTP_AFTER)

/** What an action decided. */
enum act_rc {
    ACT_CONT,  /* go on with the next rule */
    ACT_STOP,  /* this rule set is done, traffic is accepted */
    ACT_YIELD, /* not finished: run this rule again when something changed */
    ACT_DENY,  /* refuse: reply as the rule's deny status (HTTP), or close (TCP) */
    ACT_REPLY, /* a reply was prepared in the stream (return, redirect, auth, use-service, tarpit)
                */
    ACT_ABORT, /* close the connection without a word (reject, silent-drop) */
    ACT_CLOSE, /* as if the server had closed: what it sent still goes to the client */
    ACT_ERROR, /* internal failure: 500 */
};

/** Where a rule runs. strm is NULL in connection and session rules. */
struct rule_ctx {
    struct session *sess;
    struct stream *strm;
    struct sample_ctx *x; /* set up for this rule set */
    enum rule_set set;
    bool resumed; /* in: the action returned ACT_YIELD before; out: it did so now (the caller keeps
                     it) */
    bool final;   /* the delay is over: ACT_YIELD must not be returned */
};

struct rule {
    struct list link;
    const struct action *act;
    struct cond *cond; /* NULL: always; `unless` is inside */
    struct cfg_loc loc;
    struct proxy *px; /* where it was written */
    enum rule_set set;
    unsigned index; /* in its rule set, from 0 */
    void *p[6];     /* the action's parsed arguments */
    int64_t i[6];
    const char *text; /* source line of the rule, for explain */
};

struct action {
    const char *name; /* as in keywords.tsv; see flags */
    unsigned sets;    /* enum rule_set */
    const char *args;
    /** Parses from word *at (after the name) up to, not including, the condition. */
    enum cfg_rc (*parse)(struct cfg *c, unsigned *at, struct rule *r);
    enum act_rc (*exec)(const struct rule *r, struct rule_ctx *x);
    const char *help;
    unsigned flags; /* ACTF_* */
    void *private;
};
enum {
    ACTF_PAREN =
        1
        << 0, /* the word continues with "(...)": set-var(txn.a); word *at - 1 is the whole word */
    ACTF_PREFIX = 1 << 1, /* any word that begins with the name: lua., track-sc<N> */
    ACTF_FINAL = 1 << 2,  /* ends the rule set when unconditional (rules after it get a warning) */
    ACTF_UNSUPPORTED = 1 << 3, /* refused as not supported yet */
    ACTF_EXPERIMENTAL = 1 << 4,
};

/** The row for word `name` valid in `set`, NULL when unknown. */
const struct action *action_find(const char *name, enum rule_set set);
/** Parses a rule from word `at` (the action's name) and appends it to `to`. Reports errors in
 * HAProxy's words. */
enum cfg_rc rule_parse(struct cfg *c, unsigned at, struct list *to, struct proxy *px,
                       struct acl_list **acls, enum rule_set set);
/** Points (enum sample_point) at which rules of this set run. */
unsigned rule_set_points(enum rule_set set, const struct proxy *px);
/** Set by proxy/: whether px has frontend / backend capability; used for the points above. */
extern unsigned (*rule_px_points)(const struct proxy *px, enum rule_set set);

/** Runs rules from *resume (NULL: from the first). On ACT_YIELD *resume is where to go on. *last:
 * the rule that decided anything but ACT_CONT (may be NULL). ACT_CONT: all rules ran. */
HOT enum act_rc rules_run(const struct list *rules, const struct rule **resume, struct rule_ctx *x,
                          const struct rule **last);
/** Rule tracing for explain: called for every rule looked at, first with RULE_BEGINS, then with its
 * condition's result (COND_MISS: it waits) and what the action said. NULL: off. */
#define RULE_BEGINS (-1)
extern __thread void (*rule_trace)(const struct rule *r, int cond, int rc, struct rule_ctx *x);

#endif
