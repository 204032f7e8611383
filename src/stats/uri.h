/* uri.h - `stats enable`, `stats uri`...: what a proxy says about its statistics page (manual 4.2).
 */
#ifndef STATS_URI_H
#define STATS_URI_H

#include "proxy/stream.h"
#include "stats/stats.h"

enum stats_uri_flag {
    STATU_VERSION = 1 << 0, /* show-version */
    STATU_LEGENDS = 1 << 1,
    STATU_NODE = 1 << 2,
    STATU_DESC = 1 << 3,
    STATU_MODULES = 1 << 4, /* show-modules */
};

struct stats_user {
    struct list link;
    struct slice name, pass;
};
struct stats_scope {
    struct list link;
    const char *name; /* "." is the proxy itself */
};
struct stats_admin {
    struct list link;
    struct cond *cond;
};

/** Shared by the proxies made from one defaults section; in the configuration's arena. */
struct stats_uri {
    const struct proxy *owner; /* the section that it was written in */
    struct slice uri;
    const char *realm;
    int refresh_s;  /* 0: none */
    unsigned flags; /* enum stats_uri_flag */
    const char *node, *desc;
    struct list users, scopes, admins;
    struct list rules; /* struct rule: stats http-request */
};

/** Parameters in the page's target: ";up;csv;scope=be". */
struct stats_query {
    enum {
        STATS_HTML,
        STATS_PAGE_CSV,
        STATS_PAGE_JSON,
        STATS_PAGE_TYPED,
        STATS_PAGE_SCHEMA
    } format;
    bool up, no_maint, norefresh;
    struct slice scope;  /* part of the names to show; p NULL: all */
    struct slice result; /* st=: what an action came to */
};

/** One page being produced; in the stream's arena. */
struct stats_page {
    struct stats_uri *st;
    struct proxy *px; /* whose page it is */
    struct stats_query q;
    bool admin;
    struct stats_walk walk;
    struct stats_row row;
    enum { PAGE_HEAD, PAGE_ROWS, PAGE_END } at;
    const struct proxy *table; /* the proxy whose table is open */
    bool first;
};

/** Whether the page shows the proxy: `stats scope`. */
bool stats_in_scope(const struct stats_uri *st, const struct proxy *self, const struct proxy *px);

/** For stream_hooks.stats. */
bool stats_request(struct stream *s, struct proxy *px);
/** Answers a POST: the action in the body, then a redirect to the page. For reply.prepare. */
bool stats_admin_reply(struct stream *s);
void stats_page_thread_stop(void);

/** html.c: parts of the page. */
void html_head(struct text *to, const struct stats_page *p);
void html_row(struct text *to, struct stats_page *p);
/** Ends the open table. */
void html_table_end(struct text *to, struct stats_page *p);
void html_end(struct text *to);
/** The link to the page itself with these parameters. */
void stats_put_link(struct text *to, const struct stats_uri *st, const struct stats_query *q);
/** Text with what HTML gives a meaning to replaced. */
void html_text(struct text *to, struct slice s);

/** prometheus.c. */
void prometheus_install(void);
void prometheus_thread_stop(void);

extern const struct module stats_module;

#endif
