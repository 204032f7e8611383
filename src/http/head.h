/* head.h - a message head as a table of slices into the receive buffer; edits live in an arena.
 *
 * Ownership: the caller gives the header table and the arena; slices borrow from the receive buffer
 * until somebody edits them. Header names are always lower-case. A deleted header stays in the
 * table with name.p == NULL; every iterator skips it. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/arena.h"
#include "base/slice.h"

/** Methods; the values are those of the `method` sample fetch. */
#define HTTP_METHODS(X)                                                                            \
    X(OPTIONS)                                                                                     \
    X(GET)                                                                                         \
    X(HEAD)                                                                                        \
    X(POST)                                                                                        \
    X(PUT)                                                                                         \
    X(DELETE)                                                                                      \
    X(TRACE)                                                                                       \
    X(CONNECT)

enum http_method {
#define X(name) HTTP_##name,
    HTTP_METHODS(X)
#undef X
        HTTP_OTHER, /* look at head->method */
};

/* head->flags: what the parser saw. The stream may change the framing flags when it edits. */
enum {
    HTTP_HF_CHUNKED = 1u << 0,        /* last transfer coding is chunked */
    HTTP_HF_CLEN = 1u << 1,           /* a valid content-length is present, see head->clen */
    HTTP_HF_CONN_CLOSE = 1u << 2,     /* connection: close */
    HTTP_HF_CONN_KEEPALIVE = 1u << 3, /* connection: keep-alive */
    HTTP_HF_CONN_UPGRADE = 1u << 4,   /* connection: upgrade */
    HTTP_HF_UPGRADE = 1u << 5,        /* an upgrade header is present */
    HTTP_HF_EXPECT_100 = 1u << 6,     /* expect: 100-continue */
    HTTP_HF_HAS_HOST = 1u << 7,
    HTTP_HF_CLOSE_AFTER = 1u << 8,   /* suspicious framing: never reuse this connection */
    HTTP_HF_WEBSOCKET = 1u << 9,     /* upgrade: websocket, confirmed by connection: upgrade */
    HTTP_HF_UPGRADE_H2C = 1u << 10,  /* upgrade: h2c or h2 */
    HTTP_HF_TRANSFER_ENC = 1u << 11, /* a transfer-encoding header is present */
    HTTP_HF_VERSION_BAD = 1u << 12,  /* version accepted only because of relaxed parsing */
    HTTP_HF_VIOLATION = 1u << 13,    /* relaxed parsing accepted something: capture it */
    HTTP_HF_CONN_HDR = 1u << 14, /* a connection header is left (close and keep-alive are taken out
                                  * by the parser, as rules never see them) */
    HTTP_HF_MODIFIED = 1u << 15, /* edited since it was parsed */
    HTTP_HF_LINE_MODIFIED = 1u << 16,    /* the start line was edited */
    HTTP_HF_FRAMING_MODIFIED = 1u << 17, /* content-length or transfer-encoding was edited */
};

struct http_hdr {
    struct slice name;  /* lower-case; p == NULL: deleted */
    struct slice value; /* without surrounding blanks */
};

struct http_head {
    bool is_response;
    enum http_method meth;
    unsigned status;     /* responses: 100..999 */
    unsigned version;    /* major * 10 + minor: 9, 10, 11, 20, 30 */
    unsigned flags;      /* HTTP_HF_* */
    struct slice method; /* requests */
    struct slice
        target; /* requests: as it will be sent (after normalisation of the default port) */
    struct slice reason;      /* responses; may be empty */
    struct slice version_str; /* "HTTP/1.1" */
    struct slice
        host;      /* requests: value of the (first) host header, else authority of the target */
    uint64_t clen; /* valid with HTTP_HF_CLEN */
    struct http_hdr *hdr; /* caller's memory */
    unsigned nhdr, hdr_max;
    struct arena *arena; /* for edits and copies; NULL: edits that need memory fail */
};

/** An empty head which stores up to `hdr_max` headers in `hdr` and edits in `arena`. */
void http_head_init(struct http_head *h, struct http_hdr *hdr, unsigned hdr_max,
                    struct arena *arena);
/** Forgets everything but the memory it uses. */
void http_head_reset(struct http_head *h);
/** Deep copy into `dst` (initialised, with its own table and arena). False when something is
 * exhausted. */
MUST_CHECK bool http_head_copy(struct http_head *dst, const struct http_head *src);

/** Method of a name (case-sensitive), HTTP_OTHER when unknown. */
enum http_method http_method_of(struct slice name);
/** Name of a method; an empty slice for HTTP_OTHER. */
struct slice http_method_name(enum http_method m);

/* ---- lookups: names are given in lower case ------------------------------------------------- */

/** Next header called `name` at or after *pos; *pos is moved behind it. NULL: no more.
 *  An empty name matches every header. */
static inline struct http_hdr *
http_hdr_next(const struct http_head *h, struct slice name, unsigned *pos)
{
    for (unsigned i = *pos; i < h->nhdr; i++) {
        struct http_hdr *f = &h->hdr[i];

        if (f->name.p && (name.len == 0 || (f->name.len == name.len && f->name.p[0] == name.p[0] &&
                                            memcmp(f->name.p, name.p, name.len) == 0))) {
            *pos = i + 1;
            return f;
        }
    }
    *pos = h->nhdr;
    return NULL;
}

/** First header called `name`, or NULL. */
static inline struct http_hdr *
http_hdr_first(const struct http_head *h, struct slice name)
{
    unsigned pos = 0;
    return http_hdr_next(h, name, &pos);
}

/** Last header called `name`, or NULL. */
struct http_hdr *http_hdr_last(const struct http_head *h, struct slice name);
/** Headers that are not deleted. */
unsigned http_hdr_count(const struct http_head *h);

/** Iterator over values. Start with { .full = ... }. */
struct http_val {
    bool full;          /* true: whole lines (fhdr), false: split at commas outside quotes (hdr) */
    struct slice value; /* current value, trimmed */
    struct http_hdr *hdr; /* the header it is in */
    unsigned pos;         /* private */
    size_t at;            /* private: offset of the unread rest in hdr->value */
};

/** Next value of the header `name` (empty: of every header). False when there is none left.
 *  Splitting follows `hdr()`: commas inside quoted strings do not split; empty elements are skipped
 *  except when the header has no value at all. */
bool http_val_next(const struct http_head *h, struct slice name, struct http_val *it);
/** The `occ`-th value: 1 is the first, -1 the last. 0 is like -1. False when there is none. */
MUST_CHECK bool http_val_nth(const struct http_head *h, struct slice name, int occ, bool full,
                             struct slice *value);
/** Number of values. */
unsigned http_val_count(const struct http_head *h, struct slice name, bool full);
/** Cuts the next comma separated element off *rest (quotes respected) and trims it. False at the
 * end. */
bool http_list_next(struct slice *rest, struct slice *element);
/** True if a comma separated list holds `token` (ASCII case-insensitive). */
bool http_list_has(struct slice list, struct slice token);

/* ---- edits: false when the table or the arena is exhausted; the head is then unchanged --------
 */

/** Appends a header; copies name (lower-cased) and value. */
MUST_CHECK bool http_hdr_add(struct http_head *h, struct slice name, struct slice value);
/** Appends a header whose strings outlive the head; the name must be lower-case already. */
MUST_CHECK bool http_hdr_add_ref(struct http_head *h, struct slice name, struct slice value);
/** As http_hdr_add() with a lower-case name that outlives the head: only the value is copied. */
MUST_CHECK bool http_hdr_add_value(struct http_head *h, struct slice name, struct slice value);
/** Adds in front of all others (copies). */
MUST_CHECK bool http_hdr_prepend(struct http_head *h, struct slice name, struct slice value);
/** Replaces all headers called `name` by one, appended (copies). */
MUST_CHECK bool http_hdr_set(struct http_head *h, struct slice name, struct slice value);
/** As http_hdr_set() with a lower-case name that outlives the head: only the value is copied. */
MUST_CHECK bool http_hdr_set_value(struct http_head *h, struct slice name, struct slice value);
/** Replaces the value of one header (copies). */
MUST_CHECK bool http_hdr_replace(struct http_head *h, struct http_hdr *f, struct slice value);
/** Replaces the part `part` (a slice within f->value) by `by` (copies). */
MUST_CHECK bool http_hdr_replace_part(struct http_head *h, struct http_hdr *f, struct slice part,
                                      struct slice by);
/** Deletes one header. */
void http_hdr_del_one(struct http_head *h, struct http_hdr *f);
/** Deletes all headers called `name`; returns how many. */
unsigned http_hdr_del(struct http_head *h, struct slice name);
/** Removes one comma separated token from every header called `name`, deleting those that become
 *  empty. False when out of memory. */
MUST_CHECK bool http_hdr_del_token(struct http_head *h, struct slice name, struct slice token);

/** Start line of a request. The setters of path, query and pathq keep scheme and authority. A new
 * absolute target also becomes the host; setting or replacing `host` changes the authority of an
 * absolute target. A new query is given without '?'. A '?' that is there stays even when the query
 * is empty, unless it is SLICE_NONE. */
MUST_CHECK bool http_set_method(struct http_head *h, struct slice method);
MUST_CHECK bool http_set_target(struct http_head *h, struct slice target);
MUST_CHECK bool http_set_path(struct http_head *h, struct slice path);
MUST_CHECK bool http_set_query(struct http_head *h, struct slice query);
MUST_CHECK bool http_set_pathq(struct http_head *h, struct slice pathq);
/** Start line of a response. SLICE_NONE as reason: the standard phrase of the status. */
MUST_CHECK bool http_set_status(struct http_head *h, unsigned status, struct slice reason);

#endif
