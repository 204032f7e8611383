/* section.h - making proxies, for the section parsers and for those who create internal ones. */
#ifndef PROXY_SECTION_H
#define PROXY_SECTION_H

#include "proxy/config.h"

/** A proxy with HAProxy's defaults, in the configuration's arena; not in any list yet. `cap`: enum
 * px_cap. */
struct proxy *proxy_new(struct config *cf, const char *name, unsigned cap,
                        const struct cfg_loc *loc);
extern const struct section proxy_sections[];
extern const struct keyword proxy_keywords[], option_keywords[], rule_keywords[], global_keywords[],
    timeout_keywords[];
/** Resolves names, compiles formats, warns: the proxy module's check(). */
void proxies_check(struct cfg *c);
/** Counters, queues, load balancing: before threads start. */
bool proxies_start(struct config *cf);
void proxies_stop(struct config *cf);

#endif
