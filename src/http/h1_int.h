/* h1_int.h - what the files of the HTTP/1 engine share. */
#ifndef HTTP_H1_INT_H
#define HTTP_H1_INT_H

#include "http/h1.h"

/* States in the order a message runs through them. */
#define H1_STATES(X)                                                                               \
    X(START, "before the start line")                                                              \
    X(START_LF, "empty line before the start line")                                                \
    X(METHOD, "method")                                                                            \
    X(METHOD_SP, "blank after the method")                                                         \
    X(TARGET, "request target")                                                                    \
    X(TARGET_SP, "blank after the target")                                                         \
    X(VERSION, "version")                                                                          \
    X(VERSION_SP, "blank after the version")                                                       \
    X(STATUS, "status code")                                                                       \
    X(STATUS_SP, "blank after the status code")                                                    \
    X(REASON, "reason phrase")                                                                     \
    X(LINE_LF, "end of the start line")                                                            \
    X(FIELD, "start of a header line")                                                             \
    X(NAME, "header name")                                                                         \
    X(VALUE, "header value")                                                                       \
    X(VALUE_LF, "end of a header line")                                                            \
    X(VALUE_NEXT, "after a header line")                                                           \
    X(LAST_LF, "end of the header block")                                                          \
    X(HEAD_DONE, "after the header block")                                                         \
    X(CHUNK_START, "start of a chunk size")                                                        \
    X(CHUNK_SIZE, "chunk size")                                                                    \
    X(CHUNK_SP, "blank after a chunk size")                                                        \
    X(CHUNK_EXT, "chunk extension")                                                                \
    X(CHUNK_SIZE_LF, "end of a chunk size line")                                                   \
    X(DATA, "body")                                                                                \
    X(DATA_CR, "end of a chunk")                                                                   \
    X(DATA_LF, "line feed after a chunk")                                                          \
    X(TRAILERS, "trailers")                                                                        \
    X(DONE, "complete")                                                                            \
    X(FAILED, "failed")

enum h1_state {
#define X(name, text) H1_S_##name,
    H1_STATES(X)
#undef X
};

/* h1->seen */
enum {
    H1_SEEN_TE_OTHER = 1u << 0,  /* a transfer coding other than chunked */
    H1_SEEN_WS_KEY = 1u << 1,    /* a plausible sec-websocket-key */
    H1_SEEN_WS_ACCEPT = 1u << 2, /* a sec-websocket-accept */
    H1_SEEN_UPG_WS = 1u << 3,    /* upgrade: websocket */
    H1_SEEN_UPG_H2 = 1u << 4,    /* upgrade: h2c or h2 */
};

/* What a step of a parser says. */
enum h1_step { H1_STEP_NEXT, H1_STEP_MORE, H1_STEP_END, H1_STEP_ERR };

/* The input of one call. */
struct h1_in {
    struct h1 *h;
    struct http_head *head;
    char *buf;
    size_t len, pos;
};

/* One header field, complete. */
struct h1_field {
    struct slice name, value;
};

/* Ends the message; 4xx become 502 for responses. */
enum h1_step h1_fail(struct h1 *h, unsigned status, size_t pos, const char *text);

/* h1_field.c: reads one field, resumable. NEXT: *f is complete (or dropped: name.p NULL), END:
 * empty line. */
enum h1_step h1_field_read(struct h1_in *in, struct h1_field *f);

/* h1_rules.c: fields that mean something to the engine, and what the whole head means. */
struct h1_known {
    const char *name;
    size_t len;
    enum h1_step (*take)(struct h1_in *in, struct h1_field *f);
};
extern const struct h1_known h1_known[32];
enum h1_step h1_head_check(struct h1_in *in);

#define H1_CR '\r'
#define H1_LF '\n'

static inline bool
h1_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Lower-case form of characters that may be in a token (RFC 9110, 5.6.2), 0 for the others. */
extern const unsigned char h1_token_lower[256];

#endif
