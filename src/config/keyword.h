/* keyword.h - the row that describes one configuration keyword, and the sections that keywords live
 * in. */
#ifndef CONFIG_KEYWORD_H
#define CONFIG_KEYWORD_H

#include "base/slice.h"

struct cfg;
struct keyword;

/** Where a keyword is valid. `listen` accepts what a frontend or a backend accepts. */
enum cfg_where {
    IN_GLOBAL = 1 << 0,
    IN_DEFAULTS = 1 << 1,       /* any defaults section */
    IN_NAMED_DEFAULTS = 1 << 2, /* only a defaults section with a name */
    IN_FRONTEND = 1 << 3,
    IN_BACKEND = 1 << 4,
    IN_PEERS = 1 << 5,
    IN_RESOLVERS = 1 << 6,
    IN_USERLIST = 1 << 7,
    IN_MAILERS = 1 << 8,
    IN_HTTP_ERRORS = 1 << 9,
    IN_RING = 1 << 10,
    IN_LOG_FORWARD = 1 << 11,
    IN_CACHE = 1 << 12,
    IN_FCGI_APP = 1 << 13,
    IN_CRT_STORE = 1 << 14,
    IN_LOG_PROFILE = 1 << 15,
    IN_TRACES = 1 << 16,
    IN_ACME = 1 << 17,
    IN_HEALTHCHECK = 1 << 18,
    IN_TESTS = 1 << 19,  /* our own section: expectations that -c runs */
    IN_BIND = 1 << 20,   /* option on a `bind` line */
    IN_SERVER = 1 << 21, /* option on a `server` line */
};
#define IN_PROXY (IN_FRONTEND | IN_BACKEND)

/** How the generic setter stores a keyword's only argument; KW_CALL rows have a parse function
 * instead. */
enum kw_kind {
    KW_CALL = 0,
    KW_BOOL,        /* bool = true, no argument; `no` stores false, `default` stores .min != 0 */
    KW_ONOFF,       /* bool from "on" or "off" */
    KW_UINT,        /* unsigned, decimal, .min/.max; .max 0: no upper limit */
    KW_INT,         /* int, .min/.max */
    KW_MSEC,        /* int milliseconds (config unit: ms unless suffixed) */
    KW_SIZE64,      /* uint64_t with k/m/g suffix */
    KW_STRING,      /* const char *, copied into the configuration's arena */
    KW_UNSUPPORTED, /* known to HAProxy, effect not built: refused as "not supported yet" */
    KW_IGNORED_OK, /* meaningless here by design (e.g. noepoll): accepted, the help line says why */
};

enum kw_flag {
    KWF_DEPRECATED = 1 << 0,   /* works, with a warning that shows .use_instead */
    KWF_EXPERIMENTAL = 1 << 1, /* refused without expose-experimental-directives */
    KWF_NO_WARN =
        1
        << 2, /* KW_UNSUPPORTED: HAProxy would run the same without it: warn instead of refusing */
    KWF_NO = 1 << 3, /* may be prefixed with `no` (options) */
    KWF_BEST_EFFORT = 1 << 4,
    KWF_STRICT_PLACE =
        1 << 5, /* in the wrong kind of proxy: an error, not HAProxy's usual "ignored" warning */
    KWF_TIMEOUT = 1 << 6, /* cfg_take_ms() warns about values below 100 without unit */
};

/** What a parse function returns. Errors have been reported through cfg_error() before. */
enum cfg_rc { CFG_OK = 0, CFG_ERR };

/** Parses the arguments of `kw`.
 *
 * c    c->word[] are the words of the line, c->nwords their number
 * obj  what the section or line is about: struct proxy, struct server, struct bind_conf, struct
 * global ... *at  index of the first word after the keyword; on return, of the first word not
 * consumed. For keywords that own their whole line the caller reports leftover words. */
typedef enum cfg_rc (*keyword_parse_fn)(struct cfg *c, const struct keyword *kw, void *obj,
                                        unsigned *at);

struct keyword {
    /* One or more words separated by single spaces: "timeout client". One that ends in '(' matches
     * a word that begins so: "set-proxy-v2-tlv-fmt(". */
    const char *name;
    const char *args; /* usage, as in the manual: "<delay>", "[on|off]", NULL for none */
    unsigned where;   /* enum cfg_where */
    enum kw_kind kind;
    size_t offset; /* of the field in the object, generic kinds */
    int64_t min, max;
    keyword_parse_fn parse;
    unsigned flags; /* enum kw_flag */
    const char *use_instead;
    const char *help;
};

/** Field helpers: { "timeout client", "<delay>", IN_X, KW_FIELD(KW_MSEC, struct proxy,
 * timeout.client_ms), ... } */
#define KW_FIELD(k, type, member) .kind = (k), .offset = offsetof(type, member)

/** One kind of section. `begin` parses the header line (c->word[0] is the section keyword) and sets
 *  c->obj; `end` runs when the next section begins or the input ends. */
struct section {
    const char *name;
    const char *args;
    unsigned where; /* the enum cfg_where bits that its lines are looked up with */
    enum cfg_rc (*begin)(struct cfg *c);
    enum cfg_rc (*end)(struct cfg *c);
    /** Handles lines the tables do not know (free-form sections); NULL: unknown keyword is an
     * error. */
    enum cfg_rc (*line)(struct cfg *c);
    const char *help;
};

#endif
