/* reply.h - responses made by the proxy: errors, redirects, `return`, `deny`, services. */
#ifndef PROXY_REPLY_H
#define PROXY_REPLY_H

#include "config/cfg.h"
#include "http/head.h"
#include "sample/logformat.h"

struct stream;
struct proxy;
struct http_errors;

/** A header that a reply adds. */
struct reply_hdr {
    struct list link;
    const char *name;
    struct logfmt *value;
};

enum reply_kind {
    REPLY_DEFAULT, /* the proxy's error message of that status (errorfile etc., else built in) */
    REPLY_EMPTY,
    REPLY_CONST,  /* body/file contents */
    REPLY_LF,     /* body is a log-format */
    REPLY_RAW,    /* errorfile: a whole HTTP message */
    REPLY_ERRORS, /* an http-errors section's message */
    REPLY_REDIRECT,
};

/** A reply as configured; in the configuration's arena. */
struct reply {
    enum reply_kind kind;
    unsigned status;
    const char *ctype;
    struct slice body;
    struct logfmt *lf;
    struct list hdrs; /* struct reply_hdr */
    const struct http_errors *errors;
    const char *errors_name;
    const struct http_errors_section *section; /* of errors_name, once resolved */
    struct cfg_loc loc;
};

/** What a stream is about to send by itself. All memory is the configuration's or the stream's
 * arena. */
struct reply_out {
    bool set;
    bool close;       /* the client connection ends with it */
    bool silent;      /* nothing is sent at all (errorfile /dev/null) */
    bool no_length;   /* goes out without content-length: the end of the connection is its end */
    unsigned version; /* 10 or 11; 0: 11 */
    unsigned status;
    struct slice reason; /* p NULL: standard */
    struct slice body;
    struct slice ctype; /* p NULL: none */
    struct slice
        raw_head; /* when p: header lines of an errorfile, CRLF-separated, without start line */
    struct http_hdr *hdrs; /* [nhdrs] extra headers */
    unsigned nhdrs;
    unsigned len_at; /* content-length goes before this one */
    unsigned
        logged; /* status for logs and counters when it is not that of the reply; 0: the same */
    bool tarpit;
    bool (*prepare)(struct stream *s); /* called until it returns true, before anything is sent: it
                                          completes this reply */
    void (*produce)(struct stream *s); /* a service: called to make more body; NULL: body is all */
    void *service;
    void (*end)(
        struct stream *s); /* releases what a service holds, when the stream ends; NULL: nothing */
};

/** One status' error message in a proxy or http-errors section. */
struct http_errors {
    unsigned status;
    enum { HE_NONE, HE_FILE, HE_REDIRECT_302, HE_REDIRECT_303, HE_REPLY } kind;
    struct slice head, body; /* of a file: header lines after the start line; body */
    struct slice reason;
    unsigned file_status, file_version; /* of the file's start line */
    bool no_length, closes;             /* the file has no content-length; asks to close */
    const char *location;
    struct reply *reply;
    const char *path;
};
struct http_errors_section {
    struct list link;
    const char *name;
    struct cfg_loc loc;
    struct http_errors *err[24];
};

/** Index of a status among those that errorfile accepts (200 400 401 403 404 405 407 408 410 413
 * 414 421 422 425 429 431 500 501 502 503 504), -1 when it is not one. */
int error_index(unsigned status);
extern const unsigned error_status[];
#define NERRORS 21

/** Fills s->reply with the proxy's error message of that status (its own, its defaults', or the
 * built-in one). */
void reply_error(struct stream *s, unsigned status);
/** Fills s->reply from a configured reply; false when out of memory or a log-format failed. */
bool reply_make(struct stream *s, const struct reply *r);
/** Parses `[status <n>] [content-type <t>]
 * [errorfile..|errorfiles..|file..|lf-file..|string..|lf-string..] [hdr <n> <fmt>]*` from word *at
 * up to the condition. `def`: default status. */
enum cfg_rc reply_parse(struct cfg *c, unsigned *at, struct reply *r, struct proxy *px,
                        unsigned def, unsigned where);
/** The contents of a file, in the configuration's arena; NULL with *why. */
char *reply_read_file(struct cfg *c, const char *path, size_t *len, const char **why);
/** Resolves the http-errors sections that replies of rules use; part of replies_check(). */
void reply_args_check(struct cfg *c);
/** errorfile, errorloc, errorloc302, errorloc303, errorfiles, http-error rows; http-errors
 * sections. */
extern const struct keyword reply_keywords[];
extern const struct section reply_sections[];
/** Resolves section names: part of the proxy module's check(). */
void replies_check(struct cfg *c);
/** An http-errors section, or NULL. */
struct config;
struct http_errors_section *http_errors_find(struct config *cf, const char *name);
/** Loads a raw HTTP response file; an empty one closes without a word. NULL after cfg_error(),
 * whose message begins with `prefix`. */
struct http_errors *errorfile_load(struct cfg *c, unsigned status, const char *path, unsigned word,
                                   const char *prefix);

#endif
