/* check_int.h - what the files about checks share: rules, their configuration, a run. */
#ifndef SERVER_CHECK_INT_H
#define SERVER_CHECK_INT_H

#include "http/h1.h"
#include "sample/expr.h"
#include "sample/logformat.h"
#include "sample/regex.h"
#include "server/check.h"

enum check_type {
    CHECK_CONNECT, /* no option: connect */
    CHECK_TCP,     /* option tcp-check */
    CHECK_HTTP,    /* option httpchk */
    CHECK_PROTO,   /* smtpchk, mysql-check ...: rules made here */
    CHECK_EXTERNAL,
    CHECK_AGENT,
};

enum check_rule_kind { CR_COMMENT, CR_CONNECT, CR_SEND, CR_EXPECT, CR_SET_VAR, CR_UNSET_VAR };

enum check_send_kind { CS_STRING, CS_BINARY, CS_STRING_LF, CS_BINARY_LF, CS_HTTP, CS_CUSTOM };

enum check_expect_kind {
    CE_NONE,
    CE_STRING,
    CE_BINARY,
    CE_REGEX,
    CE_REGEX_BINARY,
    CE_STRING_LF,
    CE_BINARY_LF,
    CE_HTTP_STATUS,
    CE_HTTP_RSTATUS,
    CE_HTTP_HDR,
    CE_HTTP_FHDR,
    CE_HTTP_BODY,
    CE_HTTP_RBODY,
    CE_HTTP_BODY_LF,
    CE_CUSTOM,
};

struct check_connect {
    unsigned port; /* 0: the check's */
    struct expr *port_expr;
    struct addr addr; /* kind ADDR_NONE: the check's */
    bool dflt, send_proxy, tls, socks4, linger;
    const char *sni, *alpn, *proto;
};

struct check_hdr {
    struct check_hdr *next;
    const char *name;
    struct logfmt *value;
};

struct check_send {
    enum check_send_kind kind;
    struct slice data;
    struct logfmt *fmt;
    /** Writes what to send; false: does not fit. */
    bool (*fn)(struct check_run *r, const struct check_rule *rule, struct out *o);
    /* CS_HTTP; NULL: not given */
    const char *meth, *uri, *version;
    struct logfmt *uri_fmt, *body_fmt;
    struct slice body;
    struct check_hdr *hdrs;
};

struct check_range {
    struct check_range *next;
    unsigned low, high;
};

/** A pattern for header names or values. */
struct check_pattern {
    enum { CM_STR, CM_BEG, CM_END, CM_SUB, CM_REG } how;
    bool set;
    struct slice s;
    struct regex *regex;
    struct logfmt *fmt; /* NULL: s or regex */
};

enum check_expect_rc { CX_WAIT, CX_PASS, CX_FAIL }; /* CX_FAIL: the run's result was set */

struct check_expect {
    enum check_expect_kind kind;
    bool inverse;
    long min_recv;     /* -1: not given */
    struct slice data; /* bytes of string or binary, source of a regex */
    struct regex *regex;
    struct logfmt *fmt;
    struct check_range *status;
    struct check_pattern name, value;
    enum check_status ok_status, err_status, tout_status; /* CHK_UNKNOWN: the default */
    struct logfmt *on_success, *on_error;
    struct expr *status_code;
    enum check_expect_rc (*fn)(struct check_run *r, const struct check_rule *rule, bool last);
    /* of protocol checks, in place of formats: */
    const char *ok_text; /* fixed description of success */
    /* or one that is taken from the answer */
    struct slice (*ok_info)(const struct check_run *);
    unsigned text_from; /* description: the line from this offset on, with text_ok / text_err */
    bool text_ok, text_err, code_digits; /* the first three bytes are the code */
    const char *err_text;
};

struct check_rule {
    struct list link;
    enum check_rule_kind kind;
    unsigned step;       /* number in messages, from 1; 0: implicit */
    const char *comment; /* NULL: none */
    union {
        struct check_connect connect;
        struct check_send send;
        struct check_expect expect;
        struct {
            const struct var_name *name;
            struct expr *expr;
            struct logfmt *fmt;
            unsigned cond; /* enum var_cond mask */
        } var;
    };
};

/** What `option httpchk`, `http-check`, `tcp-check`... set for a backend or a healthcheck section.
 * Shared with proxies made from a defaults section until these write to it. */
struct check_conf {
    struct proxy *owner; /* who may write */
    struct cfg_loc loc;
    enum check_type type;
    const char *option;                             /* "httpchk", for messages */
    bool http_inherited, tcp_inherited;             /* own rules replace those of the defaults */
    struct list http_rules, tcp_rules, proto_rules; /* struct check_rule */
    struct check_rule *http_send; /* request line of option httpchk, merged with http-check send */
    bool disable_on_404, send_state;
    bool http_opt_seen;   /* option httpchk was here */
    bool http_send_given; /* http-check send without a connect was here */
    bool send_inherited;  /* http_send is that of the defaults */
    const char *ext_command, *ext_path;
    /* after check_conf_finish() */
    bool finished;
    struct list rules;
};

/** A check under way. The engine part knows no sockets: the driver fills rx and reports events. */
struct check_run {
    struct check *ck;
    const struct check_conf *conf;
    const struct check_rule *rule; /* current one; NULL: at the end */
    bool begun;                    /* the current rule was started */

    /* from the driver */
    bool connected; /* the connection that the current connect rule asked for stands */
    bool eof, full; /* no more bytes will come, or fit */
    char *rx;
    size_t rx_len, rx_size;
    /* to the driver */
    char *tx;
    size_t tx_len, tx_off, tx_size;

    /* HTTP response */
    struct h1 h1;
    struct h1_limits limits;
    struct http_head head;
    struct http_hdr *hdrs;
    bool head_done, body_done;
    size_t body_at, body_len, raw_at; /* decoded body; undecoded bytes behind it */
    enum http_method meth;            /* of the request */

    /* result, set when done */
    enum check_status status;
    int code;
    char desc[CHECK_DESC_MAX];

    struct arena tmp; /* evaluations */
    struct sample_ctx x;

    /* driver */
    struct conn *conn;
    const struct check_rule *conn_rule; /* rule that opened it */
    bool proxy_sent, tls_begun, failed;
    size_t pp_len, pp_off;
    char pp[256];
    int64_t deadline_ms;
    pid_t pid; /* external check: the command; 0: none */
    struct ext *ext;
};

enum check_want {
    CHECK_WANT_CONNECT, /* open the connection of r->rule, then set r->connected */
    CHECK_WANT_SEND,    /* send tx[tx_off..tx_len) */
    CHECK_WANT_RECV,    /* more bytes into rx, or eof/full */
    CHECK_DONE,         /* status, code, desc are set */
};

/** Advances until something is wanted. */
enum check_want check_engine_step(struct check_run *r);
/** A run of `ck`'s rules; out of memory: NULL. */
struct check_run *check_run_new(struct check *ck);
void check_run_free(struct check_run **r);
/** Sets the result. `fmt` NULL: no description. */
void check_result(struct check_run *r, enum check_status st, int code, const char *fmt, ...)
    PRINTF(4, 5);
/** The transport failed: errno value, or 0 with `expired`. */
void check_conn_error(struct check_run *r, int err, bool expired);
/** Bytes received since the last send. */
static inline struct slice
check_received(const struct check_run *r)
{
    return slice(r->rx, r->rx_len);
}

/** What expressions of rules see: the response's head, the connection, and what it received. */
static inline struct sample_ctx *
check_ctx(struct check_run *r)
{
    r->x.res = r->head_done ? &r->head : NULL;
    r->x.conn = r->conn;
    r->x.data = r->head_done ? slice(r->rx + r->body_at, r->body_len) : check_received(r);
    return &r->x;
}

/* check_http.c */
bool check_http_request(struct check_run *r, const struct check_rule *rule, struct out *o);
enum check_expect_rc check_http_expect(struct check_run *r, const struct check_rule *rule,
                                       bool last);
void check_http_reset(struct check_run *r);

/* check_expect.c */
enum check_expect_rc check_expect_eval(struct check_run *r, const struct check_rule *rule);
/** Success of an expect rule: status, code and description as the rule says. */
void check_expect_passed(struct check_run *r, const struct check_rule *rule);
/** Its failure with the usual description `fmt`. */
enum check_expect_rc check_expect_failed(struct check_run *r, const struct check_rule *rule,
                                         enum check_status dflt, int code, const char *fmt, ...)
    PRINTF(5, 6);

/* check_rules.c, check_conf.c: configuration */
/** Puts a check on the list of those that threads share out. */
void check_register(struct check *ck);
struct check_rule *check_rule_new(struct cfg *c, enum check_rule_kind kind);
void check_rule_append(struct list *rules, struct check_rule *rule);
/** The configuration of a proxy for writing: made, or copied from the defaults. */
struct check_conf *check_conf_of(struct cfg *c, struct proxy *px);
struct check_conf *check_conf_new(struct cfg *c, struct proxy *px);
/** Orders the rules, adds implicit ones. Once per configuration. */
enum cfg_rc check_conf_finish(struct cfg *c, struct check_conf *conf);
/** `http-check <action> ...` and `tcp-check <action> ...`: words from *at. */
enum cfg_rc check_parse_rule(struct cfg *c, struct check_conf *conf, struct proxy *px, bool http,
                             unsigned *at);
/** `option <name> ...` of a check, also `type` of a healthcheck section: word *at is the name. */
enum cfg_rc check_parse_option(struct cfg *c, struct check_conf *conf, struct proxy *px,
                               unsigned *at, bool *known);
/** Bytes of a hexadecimal string; p NULL when malformed. */
struct slice check_unhex(struct arena *a, struct slice hex);
void check_sections_forget(void);
/** A healthcheck section by name; NULL. */
struct check_conf *check_section_find(struct cfg *c, const char *name);

/* check_proto.c: rules of the protocol checks */
enum cfg_rc check_proto_parse(struct cfg *c, struct check_conf *conf, unsigned *at, bool *known);

/* check_agent.c */
/** The script that all agent checks share. */
const struct check_conf *check_agent_conf(void);

/* check_ext.c */
/** Starts the command; false: the result was set. Completion calls check_run_done(). */
MUST_CHECK bool check_ext_start(struct check_run *r);
/** The time is over: kills it and sets the result. */
void check_ext_expired(struct check_run *r);
/** Kills it without a result. */
void check_ext_kill(struct check_run *r);

/* check_io.c */
/** Ends the run, accounts its result, and schedules the next one. */
void check_run_done(struct check_run *r);

#endif
