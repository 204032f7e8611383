/* service.h - who answers for `use-service`: statistics exporters, scripts. */
#ifndef ACTION_SERVICE_H
#define ACTION_SERVICE_H

#include "rules/rule.h"

/** A service. Rows live as long as the process. */
struct service {
    const char *name; /* as in the configuration: prometheus-exporter, lua.<name> */
    unsigned sets;    /* RS_HTTP_REQ and/or RS_TCP_REQ */
    /** Parses arguments from word *at on, after the name; NULL: it has none. */
    enum cfg_rc (*parse)(struct cfg *c, unsigned *at, struct rule *r);
    /** Answers: prepares x->strm->reply (reply.h; `produce` for bodies made piece by piece) and
     * returns ACT_REPLY, or what else the rule shall do. */
    enum act_rc (*start)(const struct rule *r, struct rule_ctx *x);
    const char *help;
    struct service *next; /* of the registry */
};

/** Adds a service: in a module's defaults(), or while the configuration is read. Twice is harmless.
 */
void service_register(struct service *s);
/** NULL when there is none that may be used in `set`. */
const struct service *service_find(const char *name, enum rule_set set);
/** In the order of their names' registration; NULL starts. For -dK and `-vv`. */
const struct service *service_next(const struct service *s);
/** Forgets all of them (scripts that end). */
void services_fini(void);

#endif
