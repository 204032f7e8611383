/* h1.h - HTTP/1 message engine: bytes in, events out (RFC 9112, HAProxy 3.5 acceptance rules).
 *
 * It knows no sockets, clocks or configuration and allocates nothing. One struct h1 per direction
 * and message: h1_init(), h1_head() until H1_HEAD, h1_body_init(), h1_body() until H1_END. */
#ifndef HTTP_H1_H
#define HTTP_H1_H

#include "base/out.h"
#include "http/head.h"

enum h1_role { H1_REQUEST, H1_RESPONSE };

enum h1_event {
    H1_MORE, /* needs more bytes */
    H1_HEAD, /* the head is complete */
    H1_DATA, /* body bytes were produced */
    H1_END,  /* the message is complete (bytes may have been produced with it) */
    H1_ERR,  /* malformed: see h1->status, h1->error, h1->err_pos; only h1_init() is legal now */
};

struct h1_limits {
    unsigned hdr_max; /* tune.http.maxhdr: fewer headers than this are accepted in a head, or in
                         trailers */
    size_t head_max;  /* bytes of a head or of a trailer line; 0: bounded by the buffer only */
    bool relax;       /* option accept-unsafe-violations-in-http-{request,response} */
    bool no_close_on_insecure_te; /* h1-do-not-close-on-insecure-transfer-encoding */
    bool any_payload;             /* h1-accept-payload-with-any-method */
};

enum h1_framing {
    H1_FRAME_NONE,    /* no body */
    H1_FRAME_LENGTH,  /* content-length */
    H1_FRAME_CHUNKED, /* transfer-encoding: chunked */
    H1_FRAME_CLOSE,   /* until the peer closes (responses) */
    H1_FRAME_TUNNEL,  /* both directions are opaque from here on (CONNECT, 101) */
};

struct h1 {
    const struct h1_limits *limits;
    enum h1_role role;
    enum h1_framing framing;
    unsigned char state;        /* private: enum h1_state of h1_int.h */
    unsigned char seen;         /* private: what the header fields contained so far */
    bool started;               /* a byte of the message (not just empty lines) was seen */
    bool quoted, escaped;       /* private: within a quoted string of a chunk extension */
    bool dropped;               /* private: relaxed parsing drops the current field */
    unsigned short status;      /* after H1_ERR: 400, 413, 414, 422, 431; 502 for responses */
    unsigned nfields;           /* private: fields counted against limits->hdr_max */
    const char *error;          /* after H1_ERR: static text for logs and `show errors` */
    size_t err_pos;             /* after H1_ERR: offset of the offending byte in the buffer */
    const char *base;           /* private: buffer of the previous call */
    size_t pos;                 /* private: bytes scanned */
    size_t mark, name_end;      /* private: current token, end of the current field name */
    uint64_t left;              /* private: bytes left of the body or of the current chunk */
    uint64_t body_bytes;        /* body bytes decoded so far */
    size_t line_len;            /* private: bytes of the current chunk-size line */
    struct http_head *trailers; /* where trailer fields are copied to (its arena); NULL: they are
                                 * dropped. May be set between h1_init() and h1_body() */
};

/** Prepares for a new message. `limits` must outlive the message. */
void h1_init(struct h1 *h, enum h1_role role, const struct h1_limits *limits);

/** Parses a head from a flat, mutable buffer. Call it again with the same bytes plus more after
 * H1_MORE; work already done is not repeated (unless the buffer moved). Header names are
 * lower-cased and obs-folds blanked in place. buf/len  everything received so far of this message
 * (leading empty lines included) head     initialised by http_head_init(); filled, slices borrow
 * from buf *used    with H1_HEAD: bytes of the head; what follows is body Returns H1_MORE, H1_HEAD
 * or H1_ERR. */
MUST_CHECK enum h1_event h1_head(struct h1 *h, char *buf, size_t len, struct http_head *head,
                                 size_t *used);
/** What to answer when the buffer is full and h1_head() still says H1_MORE: 414 or 431. */
unsigned h1_overflow_status(const struct h1 *h);
/** True as long as nothing of a message was seen (idle keep-alive connection). */
static inline bool
h1_is_idle(const struct h1 *h)
{
    return !h->started;
}

/** Framing of a request's body. CONNECT has none: both sides become H1_FRAME_TUNNEL with the 2xx.
 */
enum h1_framing h1_framing_request(const struct http_head *head);
/** Framing of a response's body (RFC 9112, 6.3). `req_meth` is the method that was sent. 101 and
 * 2xx to CONNECT are tunnels; that an upgrade had been asked for is the caller's to check. */
enum h1_framing h1_framing_response(const struct http_head *head, enum http_method req_meth);
/** Starts the body. `clen` counts for H1_FRAME_LENGTH only. */
void h1_body_init(struct h1 *h, enum h1_framing framing, uint64_t clen);

/** Decodes body bytes in place.
 *  buf/len    unread bytes. After the call those from *consumed on must be presented again first.
 *  *produced  payload bytes, at buf[0 .. *produced). Equal to *consumed without chunking (zero
 * copy); with chunking they are moved to the front. Returns H1_DATA (something was produced, more
 * follows), H1_MORE, H1_END or H1_ERR. With H1_END the bytes from *consumed on belong to the next
 * message. */
MUST_CHECK enum h1_event h1_body(struct h1 *h, char *buf, size_t len, size_t *consumed,
                                 size_t *produced);
/** Payload bytes that may be moved without being looked at (splice): what is left of a
 * content-length, UINT64_MAX until close or in a tunnel, what is left of the current chunk when
 * chunked. */
uint64_t h1_body_left(const struct h1 *h);
/** Tells that `n` <= h1_body_left() payload bytes were moved behind the engine's back. */
void h1_body_skip(struct h1 *h, uint64_t n);
/** True once the body is complete. */
bool h1_body_done(const struct h1 *h);
/** The peer closed. H1_END if the message may end here, H1_MORE if no message had begun, else
 * H1_ERR. */
MUST_CHECK enum h1_event h1_eof(struct h1 *h);

/* ---- emission -------------------------------------------------------------------------------- */

struct h1_case_map;

/** Writes the start line, all headers and the empty line. When there is no room for all of it,
 * writes nothing and sets out->full. `map` (h1-case-adjust) may be NULL. Versions from 1.1 on are
 * sent as HTTP/1.1, others as received. An empty reason is replaced by the standard phrase. */
void h1_format_request(const struct http_head *head, const struct h1_case_map *map, struct out *o);
void h1_format_response(const struct http_head *head, const struct h1_case_map *map, struct out *o);
/** Bytes the two functions above need at most. */
size_t h1_format_size(const struct http_head *head);

/** Longest text h1_chunk_header() writes. */
#define H1_CHUNK_HEADER_MAX 18
/** "<hex size>\r\n". The payload and "\r\n" follow. */
void h1_chunk_header(struct out *o, uint64_t size);
/** "0\r\n", the trailers (may be NULL), "\r\n". */
void h1_chunk_end(const struct http_head *trailers, const struct h1_case_map *map, struct out *o);

/* ---- h1-case-adjust ---------------------------------------------------------------------------
 */

struct h1_case_map *h1_case_map_new(void);
void h1_case_map_free(struct h1_case_map **m);
/** Adds a pair (copied). Returns NULL or a static error text. */
MUST_CHECK const char *h1_case_map_add(struct h1_case_map *m, struct slice from, struct slice to);
/** The adjusted name, or `name` itself. */
struct slice h1_case_map_find(const struct h1_case_map *m, struct slice name);

#endif
