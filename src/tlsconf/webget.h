/* webget.h - one HTTP request of the program's own, over a connection of its own, on the calling
 * thread's loop: for OCSP responders. Nothing blocks; names are resolved by a helper thread. */
#ifndef TLSCONF_WEBGET_H
#define TLSCONF_WEBGET_H

#include "net/addr.h"

struct webget;

struct webget_request {
    struct slice url;         /* http://host[:port]/path */
    const char *method;       /* "GET", "POST" */
    const char *content_type; /* of the body; NULL without one */
    struct slice body;
    const char *accept;
    const struct addr *proxy; /* the request goes there with its whole URL; NULL: to the host */
    int timeout_ms;           /* for everything */
    size_t answer_max;        /* bytes of head and body */
};

/** What came of it; slices until done() returns. */
struct webget_answer {
    unsigned status; /* 0: no complete answer, see error */
    struct slice content_type, body;
    const char *error; /* static text; NULL: none */
    const char *end;   /* "--", or the first two characters of a termination state */
    size_t bytes;      /* received */
    int connect_ms;    /* -1: not connected */
    int response_ms;   /* from the request to the response's head, -1: none */
    int total_ms;
};

/** Called once, on the same thread; the webget is gone when it returns. */
typedef void (*webget_fn)(const struct webget_answer *a, void *arg);

/** Starts. Never calls done() before it returned. NULL when the URL is not accepted. */
MUST_CHECK struct webget *webget_start(const struct webget_request *r, webget_fn done, void *arg);
/** Gives up without calling done(). NULL is fine. */
void webget_cancel(struct webget **w);
/** Gives up all requests of the calling thread, whose loop ends. */
void webget_thread_stop(void);

#endif
