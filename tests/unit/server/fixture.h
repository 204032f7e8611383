/* fixture.h - backends without the rest of the program: sections, log capture, a loop. */
#ifndef TEST_SERVER_FIXTURE_H
#define TEST_SERVER_FIXTURE_H

#include "balance/lb.h"
#include "config/module.h"
#include "server/check.h"
#include "server/server.h"

struct proxy {
    struct list link;
    const char *name;
    struct list servers, default_servers;
    unsigned nservers;
    struct server *default_server;
    struct check_conf *check;
    struct lb lb;
    struct lb_queue queue;
    bool http, log_checks, down;
    int timeout_check_ms, timeout_connect_ms;
    unsigned killed; /* calls of shutdown_streams */
    unsigned flushed;
};

struct fixture {
    struct cfg c;
    struct arena arena;
    struct text log; /* "<level> text\n" */
    struct list backends;
};
extern struct fixture fx;

/** Reads sections `backend <name>`, `tcp-backend <name>`; resolves and starts them. Returns the
 * number of errors. */
unsigned fx_load(const char *text);
void fx_free(void);
struct proxy *fx_backend(const char *name);
struct server *fx_server(const char *backend, const char *name);
/** All diagnostics as text. */
const char *fx_diags(void);
/** What was logged since the last call; valid until the next one. */
const char *fx_log(void);
/** cmocka setup and teardown: a loop for the calling thread. */
int fx_setup(void **state);
int fx_teardown(void **state);

#endif
