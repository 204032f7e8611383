/* explain.h - what a configuration does with a request, without clients, servers or network: the
 * request goes through the real session, steps and rules on a socket pair, and ends where a server
 * would be connected to. */
#ifndef PROCESS_EXPLAIN_H
#define PROCESS_EXPLAIN_H

#include "config/cfg.h"
#include "proxy/config.h"
#include "sample/acl.h"

#define EXPLAIN_HEADERS_MAX 100
#define EXPLAIN_REPEAT_MAX  10000u

/* ---- the question ---- */

/** A request as somebody would send it. Strings are borrowed. */
struct explain_request {
    const char *method;                       /* NULL: GET */
    struct slice url;                         /* absolute, or a path with what follows it */
    const char *headers[EXPLAIN_HEADERS_MAX]; /* "Name: value" */
    unsigned nheaders;
    struct slice body;
    bool has_body;
    const char *src, *dst; /* addresses as written, NULL: chosen */
    const char *frontend;  /* NULL: by scheme and port of the URL */
    unsigned repeat; /* how often it is sent, each time on a new connection; the last one counts. 0:
                        once */
};

/** "GET https://host/path", "https://host/path" or "/path" into q->method and q->url; memory from
 * `a`. False: neither. */
MUST_CHECK bool explain_parse_line(struct explain_request *q, const char *line, struct arena *a);

/* ---- the answer: everything lives in its arena ---- */

/** Something that a rule changed, or the program by itself. */
struct explain_change {
    struct list link;
    const char *what;           /* "header", "variable", "path", ... */
    struct slice name;          /* of the header or variable; empty where there is just one */
    struct slice before, after; /* p NULL: was or is not there */
};

struct explain_test {
    struct list link;
    const char *acl, *text; /* name (NULL: anonymous), criterion */
    enum cond_result result;
    struct slice value; /* p NULL: none, or unknown */
};

/** A rule that was looked at, or a remark. */
struct explain_event {
    struct list link;
    const char *stage;  /* what the stream was doing */
    const char *id;     /* the same for programs: name of the step */
    struct cfg_loc loc; /* of the rule; file NULL: none */
    const char *text;   /* source of the rule, or the remark */
    bool is_rule, conditional;
    enum cond_result cond;
    const char *outcome; /* what it decided; NULL: nothing */
    struct list tests;   /* struct explain_test */
    struct list changes; /* struct explain_change */
};

/** A server of the backend that was chosen. */
struct explain_server {
    struct list link;
    const struct server *srv;
    char status[48], addr[ADDR_TEXT_MAX];
    unsigned weight;
    bool backup, candidate; /* candidate: could take this request */
};

enum explain_end {
    EXPLAIN_STUCK,  /* waits for something that does not come; `why` says what for */
    EXPLAIN_SERVER, /* goes to a server */
    EXPLAIN_REPLY,  /* was answered */
    EXPLAIN_CLOSED, /* connection closed without a word */
};

struct explain_result {
    struct arena arena;
    enum explain_end end;
    const char *why; /* EXPLAIN_STUCK: what it waits for */
    const struct listener *li;
    const struct proxy *fe, *be; /* be NULL: none was chosen */
    const char *be_by;           /* "use_backend", "default_backend", "listen"; NULL */
    struct addr src, dst;
    bool tls, hello; /* hello: a TLS ClientHello was sent to a frontend of mode tcp */
    struct list events, servers;
    const struct server *srv; /* that takes it; NULL */
    const char *srv_by;       /* how it was chosen */
    bool srv_fixed;           /* the same request always goes there, while it is up */
    struct addr srv_addr;     /* where it would connect to */
    struct slice sni;         /* sent to the server; p NULL: none */
    struct slice
        sent; /* EXPLAIN_SERVER: the request head as it would be sent; p NULL in mode tcp */
    struct slice method, uri; /* as rewritten; p NULL: none was read */
    struct slice reply;       /* EXPLAIN_REPLY: all bytes, interim responses left out */
    size_t reply_head;        /* bytes of its head */
    unsigned status;
    int64_t skipped_ms; /* time that would have been waited */
};

/** Prepares the process: one loop, the modules, no logs, no checks. After the configuration was
 * read; not in a process that serves. False after printing why. */
bool explain_start(struct config *cf);
/** Sends one request. False with *err (heap) when the question makes no sense. *r is to be released
 * even then. */
MUST_CHECK bool explain_run(struct config *cf, const struct explain_request *q,
                            struct explain_result *r, char **err);
void explain_release(struct explain_result *r);
/** Forgets what requests left behind: stick tables. */
void explain_forget(struct config *cf);
void explain_stop(struct config *cf);

/** Values of a header of the head `head` (bytes with start line): the `n`-th from 0; p NULL: no
 * more. */
struct slice explain_header(struct slice head, struct slice name, unsigned n);

/** The whole answer for people: rule by rule, then the end. */
void explain_print(const struct explain_request *q, const struct explain_result *r,
                   struct text *to);
/** The same as a JSON object; its members are in docs/explain.md. */
void explain_print_json(const struct explain_request *q, const struct explain_result *r,
                        struct text *to);
/** "backend/server", "backend", "status 403", "closed": in a few words. */
void explain_summary(const struct explain_result *r, struct text *to);

/** `steelyard explain ...`. Returns the exit status. */
int explain_main(int argc, char **argv);

/* ---- between explain_run.c and its companions ---- */

/** The bytes of a request, and the listener it arrives at. explain_request.c */
struct explain_wire {
    struct text bytes;
    struct listener *li;
    struct addr src, dst;
    bool tls, hello;
};
/** False with *err (heap). */
MUST_CHECK bool explain_wire_make(struct config *cf, const struct explain_request *q,
                                  struct explain_wire *w, char **err);

/** Records what happens on the calling thread into `r` until explain_trace_end(). explain_trace.c
 */
void explain_trace_begin(struct explain_result *r, const struct explain_wire *w);
void explain_trace_end(void);
/** The stream ended, or went where it would connect; no stream is needed for a refused connection.
 */
bool explain_trace_over(void);
void explain_note(const char *fmt, ...) PRINTF(1, 2);

#endif
