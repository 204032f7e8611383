/* explain_facts.h - what rules can change, as a list of facts; two lists give what was changed. */
#ifndef PROCESS_EXPLAIN_FACTS_H
#define PROCESS_EXPLAIN_FACTS_H

#include "process/explain.h"
#include "proxy/stream.h"

/** Facts about the request and about the response come and go with their heads, which is no change.
 */
enum fact_group { FACT_ALWAYS, FACT_REQUEST, FACT_RESPONSE, FACT_STREAM, FACT_GROUPS };

struct fact {
    const char *what;
    enum fact_group group;
    struct slice name, value; /* in the arena */
    bool matched;             /* while comparing */
};

struct facts {
    struct fact *v;
    unsigned n, max;
    bool has[FACT_GROUPS];
};

/** What is true now. `s` may be NULL. Strings are copied to `a`. */
void facts_take(struct facts *f, struct session *sess, struct stream *s, bool response,
                struct arena *a);
void facts_fini(struct facts *f);
/** Appends struct explain_change to `to` for what differs; nothing about groups that only one of
 * them has. */
void facts_diff(struct facts *before, struct facts *after, struct list *to, struct arena *a);

#endif
