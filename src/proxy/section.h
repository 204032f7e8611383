/* section.h - making proxies, for the section parsers and for those who create internal ones. */
#ifndef PROXY_SECTION_H
#define PROXY_SECTION_H

#include "proxy/config.h"

/** A proxy with HAProxy's defaults, in the configuration's arena; not in any list yet. `cap`: enum
 * px_cap. */
struct proxy *proxy_new(struct config *cf, const char *name, unsigned cap,
                        const struct cfg_loc *loc);
/** The same with what the defaults section `from` says (NULL: nothing). */
struct proxy *proxy_from(struct cfg *c, const char *name, unsigned cap, struct proxy *from);
/** A named defaults section; NULL. */
struct proxy *proxy_find_defaults(const struct config *cf, const char *name);
/** The first character that names must not have; NULL. */
const char *proxy_bad_char(const char *name);
/** Gives a number to every proxy in the list that has none. */
void proxies_assign_ids(struct config *cf);
/** Resolves one proxy's names, compiles its formats. Reports. */
void proxy_check(struct cfg *c, struct proxy *px);
/** Counters and load balancing of one proxy. False: out of memory. */
MUST_CHECK bool proxy_start(struct proxy *px, unsigned nthread, int64_t now_s);
extern const struct section proxy_sections[];
extern const struct keyword proxy_keywords[], option_keywords[], rule_keywords[], global_keywords[],
    timeout_keywords[];
/** Resolves names, compiles formats, warns: the proxy module's check(). */
void proxies_check(struct cfg *c);
/** Counters, queues, load balancing: before threads start. */
bool proxies_start(struct config *cf);
void proxies_stop(struct config *cf);

#endif
