/* cfg_fixture.h - a small set of sections and rows, for tests of the reader. */
#ifndef CFG_FIXTURE_H
#define CFG_FIXTURE_H

#include "config/cfg.h"
#include "config/module.h"

/** What the rows write to. */
struct fixture {
    unsigned begun, ended, checked; /* sections */
    unsigned maxconn, fullconn, range;
    bool daemon, edge, zero, option_dontlog;
    int timeout_server_ms, timeout_client_ms, inter_ms, level;
    uint64_t bufsize;
    const char *description;
    bool ssl;
    unsigned weight;
    char seen[256]; /* words that "words" and "servers" got, joined by '|' */
};
extern struct fixture fixture;

/** Reads `text` as file "t.cfg" and finishes. The caller runs cfg_fini() and arena_fini(). */
void fixture_read(struct cfg *c, struct arena *a, struct slice text);
/** The first lines of all diagnostics without pid, one per line, each with its level in front:
 * "ALERT config : ...". */
void fixture_lines(const struct cfg *c, struct text *to);

#endif
