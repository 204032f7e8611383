/* sample.h - typed values, what an expression may look at, and the rows of fetches and converters.
 * Manual chapter 7. */
#ifndef SAMPLE_SAMPLE_H
#define SAMPLE_SAMPLE_H

#include "base/arena.h"
#include "http/head.h"

#include <netinet/in.h>

struct cfg;
struct proxy;
struct session;
struct stream;
struct fetch;
struct expr_arg;
struct stick_table;
struct server;
struct userlist;
struct map;
struct regex;

/** Value types; the manual's names. SMP_ANY only in rows (result decided at parse or run time). */
enum sample_type {
    SMP_ANY,
    SMP_BOOL,
    SMP_SINT,
    SMP_ADDR, /* rows only: IPv4 or IPv6 */
    SMP_IPV4,
    SMP_IPV6,
    SMP_STR,
    SMP_BIN,
    SMP_METH,
    SMP_TYPES
};

enum sample_flag {
    SMPF_MAY_CHANGE = 1 << 0, /* more input may change or produce the value */
    SMPF_NOT_LAST =
        1 << 1, /* call the fetch again for the next occurrence (iter tells where it stands) */
    SMPF_CONST =
        1 << 2, /* the bytes are not the evaluation's own: a converter must copy before changing */
};

struct sample {
    enum sample_type type;
    unsigned flags;
    union {
        int64_t i;      /* BOOL, SINT */
        struct slice s; /* STR, BIN */
        struct in_addr v4;
        struct in6_addr v6;
        struct {
            enum http_method id;
            struct slice name; /* when id is HTTP_OTHER */
        } meth;
    } u;
    size_t iter[2]; /* private to a fetch that returns several occurrences; zeroed before the first
                       call */
};

/** The moments at which an expression may run; validity masks of fetches and rule sets are made of
 * them. */
enum sample_point {
    PT_CONN = 1 << 0,        /* tcp-request connection: addresses only */
    PT_SESS = 1 << 1,        /* tcp-request session: handshakes done */
    PT_FE_TCP_REQ = 1 << 2,  /* frontend tcp-request content */
    PT_FE_HTTP_REQ = 1 << 3, /* frontend http-request, use_backend in HTTP mode */
    PT_BE_TCP_REQ = 1 << 4,
    PT_BE_HTTP_REQ = 1 << 5,
    PT_SWITCH = 1 << 6, /* use_backend */
    PT_SRV = 1 << 7,    /* use-server, balance, stick match, sni, source */
    PT_BE_TCP_RES = 1 << 8,
    PT_BE_HTTP_RES = 1 << 9,
    PT_STORE = 1 << 10, /* stick store-response */
    PT_FE_TCP_RES = 1 << 11,
    PT_FE_HTTP_RES = 1 << 12,
    PT_LOG = 1 << 13,
    PT_CHECK = 1 << 14,
    PT_CFG = 1 << 15, /* set-var in global */
    PT_CLI = 1 << 16,
    PT_SRV_CON =
        1 << 17, /* server line: sni, source, pool-conn-name, proxy-v2 TLVs: the server is known */
};
#define PT_ANY      0x3ffffu
#define PT_REQ_HTTP (PT_FE_HTTP_REQ | PT_BE_HTTP_REQ | PT_SWITCH | PT_SRV | PT_SRV_CON)
#define PT_RES_HTTP (PT_BE_HTTP_RES | PT_FE_HTTP_RES | PT_STORE)

/** What a fetch needs to be there; the parser derives from it where the fetch is valid. Several:
 * the weakest wins (the manual's "in which rules" tables). */
enum fetch_need {
    NEEDS_NOTHING = 0,       /* internal state: works anywhere */
    NEEDS_CLIENT = 1 << 0,   /* client connection (layer 4): everywhere but checks/cli/cfg */
    NEEDS_CLIENT5 = 1 << 1,  /* session: after handshakes */
    NEEDS_REQ_DATA = 1 << 2, /* request payload (layer 6) */
    NEEDS_REQ_HTTP =
        1
        << 3, /* request head, volatile: until it is forwarded, and in response/log only if kept */
    NEEDS_REQ_HTTP_ANY = 1 << 4, /* request information kept until the log */
    NEEDS_REQ_BODY = 1 << 5,
    NEEDS_SERVER = 1 << 6, /* server connection (layer 4) */
    NEEDS_SERVER5 = 1 << 7,
    NEEDS_RES_DATA = 1 << 8,
    NEEDS_RES_HTTP = 1 << 9,
    NEEDS_RES_HTTP_ANY = 1 << 10,
    NEEDS_RES_BODY = 1 << 11,
    NEEDS_STREAM = 1 << 12,  /* transaction: not in connection/session rules */
    NEEDS_TXN_END = 1 << 13, /* log only */
    NEEDS_CHECK = 1 << 14,
    NEEDS_BACKEND = 1 << 15,    /* a backend was chosen (layer 4, internal) */
    NEEDS_INTERNAL = 1 << 16,   /* the running process: everywhere but in the configuration */
    NEEDS_FRONTEND = 1 << 17,   /* the frontend of a connection */
    NEEDS_SRV_CHOSEN = 1 << 18, /* a server was chosen, or is checked */
    NEEDS_REQ_END = 1 << 19,    /* the request was taken: from the choice of a server on */
};

/** Direction and finality of an evaluation. */
enum sample_opt {
    SMPO_REQ = 0,
    SMPO_RES = 1 << 0,
    SMPO_FINAL = 1 << 1,   /* no more data will come: MAY_CHANGE means no */
    SMPO_ITERATE = 1 << 2, /* every occurrence is asked for, from the first one on; without it one:
                              often the last */
};

/** What an expression may look at. Members that do not exist at this point are NULL. */
struct sample_ctx {
    struct proxy *px; /* the proxy whose rule is evaluated */
    struct session *sess;
    struct stream *strm;
    struct http_head *req; /* request head when parsed and still kept */
    struct http_head *res;
    void *check;       /* struct check, in check rules */
    struct conn *conn; /* connection to the server, in check rules */
    struct slice data; /* unread bytes of that connection, in check rules: response payload and
                          body; p NULL: none */
    struct arena *tmp; /* memory of this evaluation; released when the caller resets it */
    unsigned opt;      /* enum sample_opt */
    enum sample_point point;
};

/** The thread's scratch arena for evaluations, emptied by sample_tmp_reset() (once per rule set
 * step, not per rule). */
struct arena *sample_tmp(void);
void sample_tmp_reset(void);
/** For threads that end. */
void sample_tmp_fini(void);

/** Typed arguments of fetches and converters. */
enum arg_type {
    ARG_END = 0,
    ARG_STR,
    ARG_SINT,
    ARG_UINT,
    ARG_TIME, /* milliseconds in .i */
    ARG_SIZE,
    ARG_IPV4, /* mask: address or prefix length */
    ARG_IPV6,
    ARG_FRONTEND, /* name, resolved at check time; default: the current proxy */
    ARG_BACKEND,
    ARG_SERVER, /* [backend/]server */
    ARG_TABLE,
    ARG_USERLIST,
    ARG_REGEX,
    ARG_VAR,
    ARG_MAP,     /* file name; made by the row's check function */
    ARG_FMT_STR, /* a string, or the name of a variable: then u.var is set */
    ARG_ADDR4,   /* an address only, no prefix length */
    ARG_ADDR6,
};

#define ARG_MAX 12
#define ARG_OPT                                                                                    \
    0x80 /* or-ed into an arg_type of a row: this and all later ones may be left out               \
          */

struct expr_arg {
    enum arg_type type; /* ARG_END: absent */
    struct slice s;     /* the text, NUL-terminated */
    int64_t i;
    union {
        struct proxy *px;
        struct server *srv;
        struct stick_table *table;
        struct userlist *users;
        struct regex *regex;
        struct in_addr v4;
        struct in6_addr v6;
        void *ptr; /* of the row's check function */
        const struct var_name *var;
    } u;
};

/** A sample fetch. Returns false when there is nothing (yet: SMPF_MAY_CHANGE set in *out). */
typedef bool (*fetch_fn)(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                         void *private);

struct fetch {
    const char *name;
    unsigned char args[ARG_MAX]; /* enum arg_type [| ARG_OPT], ends with 0 */
    enum sample_type out;
    unsigned needs; /* enum fetch_need */
    fetch_fn fn;
    const char *help;
    /** Checks the arguments at parse time; false with *err (heap) set when they are wrong. May fill
     * arg[].u.ptr. */
    bool (*check)(struct expr_arg *arg, struct cfg *c, char **err);
    void *private;     /* handed to fn: one function for a family */
    const char *usage; /* argument text for the manual, e.g. "<name>[,<occ>]" */
};

/** A converter: changes *s in place (copying CONST bytes to x->tmp first). False: no value. */
typedef bool (*conv_fn)(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s,
                        void *private);

struct conv {
    const char *name;
    unsigned char args[ARG_MAX];
    enum sample_type in, out; /* `in` is what the input is cast to; SMP_ANY: unchanged */
    conv_fn fn;
    const char *help;
    bool (*check)(struct expr_arg *arg, struct cfg *c, char **err);
    void *private;
    const char *usage;
};

/** Casts in place to `to`. False when impossible. The cast table is the manual's (7.1 and 7.3). */
bool sample_cast(struct sample *s, enum sample_type to, struct sample_ctx *x);
/** Whether such a cast exists at all (parse time). */
bool sample_can_cast(enum sample_type from, enum sample_type to);
const char *sample_type_name(enum sample_type t);
/** The integer a string begins with (sign, decimal digits; saturated), 0 when there is none: the
 * cast STR to SINT. */
int64_t sample_parse_int(struct slice v);
/** The IPv4 address inside ::ffff:a.b.c.d, ::a.b.c.d or 2002:ab:cd:: (manual 7.1.6). False for
 * others. */
bool sample_v6_to_v4(const struct in6_addr *v6, struct in_addr *v4);
/** Makes the bytes of a STR/BIN sample the evaluation's own, with `room` spare bytes after them.
 * False: out of memory. */
bool sample_own(struct sample *s, size_t room, struct sample_ctx *x);

static inline void
sample_set_int(struct sample *s, int64_t v)
{
    s->type = SMP_SINT;
    s->u.i = v;
}

static inline void
sample_set_bool(struct sample *s, bool v)
{
    s->type = SMP_BOOL;
    s->u.i = v;
}

/** `v` outlives the evaluation or belongs to the message: marked CONST. */
static inline void
sample_set_str(struct sample *s, struct slice v)
{
    s->type = SMP_STR;
    s->flags |= SMPF_CONST;
    s->u.s = v;
}

#endif
