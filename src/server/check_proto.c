/* check_proto.c - checks of well-known protocols: SMTP, MySQL, PostgreSQL, Redis, LDAP, SSL hello,
 * SPOP. Each is a short script for the engine; what goes out is what HAProxy sends. */
#include "server/check_int.h"

#include "config/tune.h"

#include <stdlib.h>
#include <time.h>

/** A script being built. */
struct script {
    struct cfg *c;
    struct list *rules;
};

static struct check_rule *
add(struct script *s, enum check_rule_kind kind)
{
    struct check_rule *r = check_rule_new(s->c, kind);

    check_rule_append(s->rules, r);
    return r;
}

static void
add_send(struct script *s, struct slice data)
{
    struct check_rule *r = add(s, CR_SEND);

    r->send.kind = CS_BINARY;
    r->send.data = data;
}

static struct check_expect *
add_custom(struct script *s,
           enum check_expect_rc (*fn)(struct check_run *, const struct check_rule *, bool))
{
    struct check_rule *r = add(s, CR_EXPECT);

    r->expect.kind = CE_CUSTOM;
    r->expect.fn = fn;
    return &r->expect;
}

static struct check_expect *
add_regex(struct script *s, enum check_expect_kind kind, struct slice pattern, long min_recv)
{
    struct check_rule *r = add(s, CR_EXPECT);
    char *err = NULL;

    r->expect.kind = kind;
    r->expect.data = pattern;
    r->expect.regex = regex_new(pattern, 0, &err);
    ASSERT(r->expect.regex); /* our own patterns */
    regex_keep(r->expect.regex);
    r->expect.min_recv = min_recv;
    return &r->expect;
}

/** Word *at as an optional argument. */
static const char *
optional(struct cfg *c, unsigned *at)
{
    return *at < c->nwords ? c->word[(*at)++].s : NULL;
}

/* ---- SMTP ---- */

enum smtp_rc { SMTP_MORE, SMTP_BAD, SMTP_REPLY };

/** Finds the last line of a reply, which has a blank behind the code; *line is its offset. */
static enum smtp_rc
smtp_scan(struct slice s, bool last, size_t *line)
{
    for (*line = 0;;) {
        size_t eol = slice_find(s, '\n', *line);
        struct slice l = slice_sub(s, *line, eol == SIZE_MAX ? SIZE_MAX : eol - *line);

        for (size_t i = 0; i < 3 && i < l.len; i++) {
            if (l.p[i] < '0' || l.p[i] > '9')
                return SMTP_BAD;
        }
        if (eol == SIZE_MAX && !last)
            return SMTP_MORE;
        if (l.len < 4 || !strchr(" \r-", l.p[3]))
            return SMTP_BAD;
        if (l.p[3] != '-')
            return SMTP_REPLY;
        if (eol == SIZE_MAX)
            return SMTP_BAD;
        *line = eol + 1;
    }
}

/** Anything that is a reply at all: the greeting. */
static enum check_expect_rc
expect_smtp_greeting(struct check_run *r, const struct check_rule *rule, bool last)
{
    struct slice s = check_received(r), rest;
    size_t line;

    (void)rule;
    switch (smtp_scan(s, last, &line)) {
    case SMTP_MORE:
        return CX_WAIT;
    case SMTP_BAD:
        s = slice_cut(s, '\n', &rest);
        check_result(r, CHK_L7RSP, 0, "%.*s", SLF(s));
        return CX_FAIL;
    default:
        return CX_PASS;
    }
}

/** A positive reply. */
static enum check_expect_rc
expect_smtp(struct check_run *r, const struct check_rule *rule, bool last)
{
    size_t line;

    switch (smtp_scan(check_received(r), last, &line)) {
    case SMTP_MORE:
        return CX_WAIT;
    case SMTP_REPLY:
        if (r->rx[line] == '2')
            return CX_PASS;
        break;
    default:
        break;
    }
    return check_expect_failed(r, rule, CHK_L7STS, 0, "%s", "");
}

static void
smtp_reply(struct script *s)
{
    struct check_expect *e = add_custom(s, expect_smtp);

    e->err_status = CHK_L7STS;
    e->text_from = 4;
    e->text_ok = e->text_err = e->code_digits = true;
}

static enum cfg_rc
parse_smtp(struct script *s, unsigned *at)
{
    const char *cmd = optional(s->c, at), *host = optional(s->c, at);

    if (!cmd || !host || (strcmp(cmd, "EHLO") != 0 && strcmp(cmd, "HELO") != 0)) {
        cmd = "HELO";
        host = "localhost";
    }
    add(s, CR_CONNECT);
    add_custom(s, expect_smtp_greeting);
    smtp_reply(s);
    add_send(s, slice_str(arena_printf(s->c->arena, "%s %s\r\n", cmd, host)));
    smtp_reply(s);
    add_send(s, SL("QUIT\r\n"));
    smtp_reply(s);
    return CFG_OK;
}

/* ---- Redis ---- */

static enum cfg_rc
parse_redis(struct script *s, unsigned *at)
{
    struct check_rule *r;

    (void)at;
    add_send(s, SL("*1\r\n$4\r\nPING\r\n"));
    r = add(s, CR_EXPECT);
    r->expect.kind = CE_STRING;
    r->expect.data = SL("+PONG\r\n");
    r->expect.min_recv = 7;
    r->expect.err_status = CHK_L7STS;
    r->expect.text_err = true;
    r->expect.ok_text = "Redis server is ok";
    return CFG_OK;
}

/* ---- LDAP: an anonymous simple bind (RFC 4511) ---- */

/** Takes a BER length at *at. False: not there yet. */
static bool
ber_length(struct slice s, size_t *at, size_t *len)
{
    unsigned n;

    if (*at >= s.len)
        return false;
    n = (unsigned char)s.p[(*at)++];
    *len = n;
    if (!(n & 0x80))
        return true;
    n &= 0x7f;
    *len = 0;
    if (n > 4)
        return true; /* absurd: refused by what follows */
    for (; n; n--) {
        if (*at >= s.len)
            return false;
        *len = *len << 8 | (unsigned char)s.p[(*at)++];
    }
    return true;
}

static enum check_expect_rc
expect_ldap(struct check_run *r, const struct check_rule *rule, bool last)
{
    struct slice s = check_received(r);
    size_t at = 1, len;
    int code;

    (void)rule;
    if (s.p[0] != 0x30)
        goto other;
    if (!ber_length(s, &at, &len) || s.len < at + 4)
        goto incomplete;
    /* message 1, BindResponse */
    if (memcmp(s.p + at, "\x02\x01\x01\x61", 4) != 0)
        goto other;
    at += 4;
    if (!ber_length(s, &at, &len) || s.len < at + 3)
        goto incomplete;
    if (s.p[at] != 0x0a || s.p[at + 1] != 1)
        goto other;
    code = (unsigned char)s.p[at + 2];
    if (code) {
        check_result(r, CHK_L7STS, code,
                     "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9");
        return CX_FAIL;
    }
    return CX_PASS;
incomplete:
    if (!last)
        return CX_WAIT;
    check_result(r, CHK_L7RSP, 0, NULL);
    return CX_FAIL;
other:
    check_result(r, CHK_L7RSP, 0, "Not LDAPv3 protocol");
    return CX_FAIL;
}

static enum cfg_rc
parse_ldap(struct script *s, unsigned *at)
{
    (void)at;
    add_send(s, SL("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"));
    add_custom(s, expect_ldap)->ok_text = "Success";
    return CFG_OK;
}

/* ---- SSL hello: a version 3.0 ClientHello; any handshake or alert record is an answer ---- */

static bool
send_ssl_hello(struct check_run *r, const struct check_rule *rule, struct out *o)
{
    static const char head[] = "\x16\x03\x00\x00\x79\x01\x00\x00\x75\x03\x00";
    uint32_t now = (uint32_t)time(NULL);

    (void)r, (void)rule;
    out_mem(o, head, sizeof(head) - 1);
    for (int shift = 24; shift >= 0; shift -= 8)
        out_char(o, (char)(now >> shift));
    out_lit(o, "HAPROXYSSLCHK\nHAPROXYSSLCHK\n"); /* in place of random bytes */
    out_mem(o, "\0\0\x4e", 3);                    /* no session, 39 cipher suites */
    for (unsigned suite = 0x01; suite <= 0x3a; suite++) {
        if (suite > 0x1b && suite < 0x2f) /* not assigned then */
            continue;
        out_char(o, 0);
        out_char(o, (char)suite);
    }
    out_mem(o, "\x01\0", 2); /* no compression */
    return true;
}

static enum cfg_rc
parse_ssl_hello(struct script *s, unsigned *at)
{
    struct check_rule *r = add(s, CR_SEND);
    struct check_expect *e;

    (void)at;
    r->send.kind = CS_CUSTOM;
    r->send.fn = send_ssl_hello;
    e = add_regex(s, CE_REGEX_BINARY, SL("^1[56]"), 5);
    e->ok_status = CHK_L6OK;
    e->err_status = CHK_L6RSP;
    e->tout_status = CHK_L6TOUT;
    e->err_text = "";
    return CFG_OK;
}

/* ---- PostgreSQL: a start-up message; any authentication request is fine ---- */

static enum cfg_rc
parse_pgsql(struct script *s, unsigned *at)
{
    struct cfg *c = s->c;
    struct check_expect *e;
    const char *user;
    size_t len, user_len;
    char *packet;

    if (*at + 1 >= c->nwords && !(*at < c->nwords && !cfg_arg_is(c, *at, "user")))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "'option pgsql-check' expects 'user <username>' as argument.");
    if (!cfg_arg_is(c, *at, "user"))
        return cfg_error(c, *at, "'option pgsql-check' only supports optional values: 'user'.");
    user = cfg_arg(c, *at + 1);
    *at += 2;
    user_len = strlen(user);
    if (user_len > 255)
        return cfg_error(c, *at - 1, "'option pgsql-check' : user name is too long.");
    len = 8 + 5 + user_len + 1 + 1;
    packet = arena_zalloc(c->arena, len);
    packet[2] = (char)(len >> 8);
    packet[3] = (char)len;
    packet[5] = 3; /* protocol 3.0 */
    memcpy(packet + 8, "user", 4);
    memcpy(packet + 13, user, user_len);
    add(s, CR_CONNECT);
    add_send(s, slice(packet, len));
    e = add_regex(s, CE_REGEX, SL("^E"), 5);
    e->inverse = true;
    e->text_err = true;
    e->text_from = 6; /* severity of the error */
    e = add_regex(s, CE_REGEX_BINARY, SL("^52000000[A-F0-9]{2}000000(00|02|03|04|05|06|07|09|0A)"),
                  9);
    e->err_status = CHK_L7STS;
    e->err_text = "PostgreSQL unknown error";
    e->ok_text = "PostgreSQL server is ok";
    return CFG_OK;
}

/* ---- MySQL ---- */

/** A packet that is not an error. */
static enum check_expect_rc
expect_mysql(struct check_run *r, const struct check_rule *rule, bool last)
{
    const unsigned char *p = (const unsigned char *)r->rx;
    size_t len = r->rx_len >= 4 ? p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 : 0;

    (void)rule;
    if (r->rx_len < 5 || r->rx_len < 4 + len) {
        if (!last)
            return CX_WAIT;
        check_result(r, CHK_L7RSP, 0, NULL);
        return CX_FAIL;
    }
    if (p[4] != 0xff)
        return CX_PASS;
    if (len < 3)
        check_result(r, CHK_L7RSP, 0, NULL);
    else
        check_result(r, CHK_L7STS, p[5] | p[6] << 8, "%.*s", (int)(len - 3), r->rx + 7);
    return CX_FAIL;
}

/** The server's version, which follows the protocol's in the greeting. */
static struct slice
mysql_version(const struct check_run *r)
{
    return r->rx_len > 5 ? slice(r->rx + 5, strnlen(r->rx + 5, r->rx_len - 5)) : SLICE_NONE;
}

enum mysql_form { MYSQL_PRE_41, MYSQL_POST_41, MYSQL_POST_80 };

/** An authentication packet without password, and COM_QUIT behind it. */
static struct slice
mysql_login(struct cfg *c, const char *user, enum mysql_form form)
{
    static const char quit[] = "\x01\x00\x00\x00\x01";
    size_t user_len = strlen(user) + 1;
    char *buf = arena_zalloc(c->arena, 128 + user_len);
    struct out o = { buf, 4, 128 + user_len, false };

    if (form == MYSQL_PRE_41) {
        out_mem(&o, "\x00\x80\x00\x00\x01", 5); /* CLIENT_SECURE_CONNECTION, largest packet */
        out_mem(&o, user, user_len);
        out_char(&o, 0);
    } else {
        /* CLIENT_PROTOCOL_41, CLIENT_SECURE_CONNECTION (and CLIENT_PLUGIN_AUTH), largest packet,
         * UTF-8 */
        out_mem(&o, form == MYSQL_POST_80 ? "\x00\x82\x08\x00" : "\x00\x82\x00\x00", 4);
        out_mem(&o, "\x00\x80\x00\x01\x21", 5);
        o.len += 23;
        out_mem(&o, user, user_len);
        out_char(&o, 0);
        if (form == MYSQL_POST_80)
            out_mem(&o, "mysql_native_password", sizeof("mysql_native_password"));
    }
    buf[0] = (char)(o.len - 4);
    buf[1] = (char)((o.len - 4) >> 8);
    buf[3] = 1; /* second packet */
    out_mem(&o, quit, sizeof(quit) - 1);
    return out_slice(&o);
}

static enum cfg_rc
parse_mysql(struct script *s, unsigned *at)
{
    static const char *const forms[] = {
        [MYSQL_PRE_41] = "pre-41", [MYSQL_POST_41] = "post-41", [MYSQL_POST_80] = "post-80"
    };
    struct cfg *c = s->c;
    unsigned form = MYSQL_POST_41;
    const char *user;

    add(s, CR_CONNECT);
    add_custom(s, expect_mysql)->ok_info = mysql_version;
    if (*at >= c->nwords)
        return CFG_OK;
    if (!cfg_arg_is(c, *at, "user"))
        return cfg_error(c, *at,
                         "'option mysql-check' only supports optional values: 'user' (got '%s').",
                         cfg_arg(c, *at));
    if (*at + 1 >= c->nwords)
        return cfg_error(c, *at, "'option mysql-check user' expects <username> as argument.");
    user = cfg_arg(c, *at + 1);
    *at += 2;
    if (strlen(user) > 255)
        return cfg_error(c, *at - 1, "'option mysql-check user' : user name is too long.");
    if (*at < c->nwords) {
        form = 0;
        while (form < COUNT_OF(forms) && !cfg_arg_is(c, *at, forms[form]))
            form++;
        if (form == COUNT_OF(forms))
            return cfg_error(
                c, *at,
                "keyword 'user' only supports 'post-41', 'pre-41' and 'post-80' (got '%s').",
                cfg_arg(c, *at));
        ++*at;
    }
    add_send(s, mysql_login(c, user, (enum mysql_form)form));
    add_custom(s, expect_mysql);
    return CFG_OK;
}

/* ---- SPOP: HAPROXY-HELLO with "healthcheck" ---- */

#define SPOP_AGENT_HELLO 101

static bool
take_varint(struct slice *s, uint64_t *out)
{
    uint64_t v;
    unsigned shift = 4, b;

    if (s->len == 0)
        return false;
    v = b = (unsigned char)s->p[0];
    *s = slice_sub(*s, 1, SIZE_MAX);
    if (b >= 240) {
        do {
            if (s->len == 0 || shift > 56)
                return false;
            b = (unsigned char)s->p[0];
            *s = slice_sub(*s, 1, SIZE_MAX);
            v += (uint64_t)b << shift;
            shift += 7;
        } while (b >= 128);
    }
    *out = v;
    return true;
}

static bool
take_bytes(struct slice *s, struct slice *out)
{
    uint64_t len;

    if (!take_varint(s, &len) || len > s->len)
        return false;
    *out = slice_sub(*s, 0, len);
    *s = slice_sub(*s, len, SIZE_MAX);
    return true;
}

static void
put_bytes(struct out *o, struct slice s)
{
    out_varint(o, s.len);
    out_slice_put(o, s);
}

static bool
send_spop_hello(struct check_run *r, const struct check_rule *rule, struct out *o)
{
    size_t start = o->len, len;

    (void)r, (void)rule;
    out_mem(o, "\0\0\0\0\x01\0\0\0\x01\0\0", 11); /* length, type, flags FIN, stream 0, frame 0 */
    put_bytes(o, SL("supported-versions"));
    out_char(o, 8);
    put_bytes(o, SL("2.0"));
    put_bytes(o, SL("max-frame-size"));
    out_char(o, 3);
    out_varint(o, tune.bufsize - 4);
    put_bytes(o, SL("capabilities"));
    out_char(o, 8);
    put_bytes(o, SL(""));
    put_bytes(o, SL("healthcheck"));
    out_char(o, 0x11);
    len = o->len - start - 4;
    o->p[start + 2] = (char)(len >> 8);
    o->p[start + 3] = (char)len;
    return true;
}

/** Takes a typed value; strings into *str. False: malformed. */
static bool
take_spop_value(struct slice *s, struct slice *str)
{
    unsigned type;
    uint64_t n;

    *str = SLICE_NONE;
    if (s->len == 0)
        return false;
    type = (unsigned char)s->p[0] & 15;
    *s = slice_sub(*s, 1, SIZE_MAX);
    switch (type) {
    case 0:
    case 1:
        return true;
    case 2:
    case 3:
    case 4:
    case 5:
        return take_varint(s, &n);
    case 6:
    case 7:
        n = type == 6 ? 4 : 16;
        if (s->len < n)
            return false;
        *s = slice_sub(*s, n, SIZE_MAX);
        return true;
    case 8:
    case 9:
        return take_bytes(s, str);
    default:
        return false;
    }
}

/** What is wrong with an AGENT-HELLO; NULL: nothing. */
static const char *
judge_spop(struct slice frame)
{
    bool version = false, size = false;
    uint64_t stream_id, frame_id;

    if (frame.len < 5 || frame.p[0] != SPOP_AGENT_HELLO)
        return "invalid frame received";
    frame = slice_sub(frame, 5, SIZE_MAX);
    if (!take_varint(&frame, &stream_id) || !take_varint(&frame, &frame_id))
        return "invalid frame received";
    while (frame.len) {
        struct slice name, str;

        if (!take_bytes(&frame, &name) || !take_spop_value(&frame, &str))
            return "invalid frame received";
        if (slice_eq(name, SL("version"))) {
            if (!str.p || str.len < 2 || memcmp(str.p, "2.", 2) != 0)
                return "unsupported version";
            version = true;
        } else if (slice_eq(name, SL("max-frame-size"))) {
            size = true;
        }
    }
    if (!version)
        return "version value not found";
    return size ? NULL : "max-frame-size value not found";
}

static enum check_expect_rc
expect_spop(struct check_run *r, const struct check_rule *rule, bool last)
{
    const unsigned char *p = (const unsigned char *)r->rx;
    size_t len =
        r->rx_len >= 4 ? (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3] : 0;
    const char *wrong = "invalid frame received";

    (void)rule;
    if (r->rx_len >= 4 && len <= r->rx_size - 4) {
        if (r->rx_len < 4 + len && !last)
            return CX_WAIT;
        if (r->rx_len >= 4 + len)
            wrong = judge_spop(slice(r->rx + 4, len));
    } else if (r->rx_len < 4 && !last) {
        return CX_WAIT;
    }
    if (!wrong)
        return CX_PASS;
    check_result(r, CHK_L7RSP, 0, "%s", wrong);
    return CX_FAIL;
}

static enum cfg_rc
parse_spop(struct script *s, unsigned *at)
{
    struct check_rule *r = add(s, CR_SEND);

    (void)at;
    r->send.kind = CS_CUSTOM;
    r->send.fn = send_spop_hello;
    add_custom(s, expect_spop);
    return CFG_OK;
}

/* ---- table ---- */

static const struct {
    const char *name;
    enum cfg_rc (*parse)(struct script *s, unsigned *at);
} protocols[] = {
    { "smtpchk", parse_smtp },      { "mysql-check", parse_mysql },
    { "pgsql-check", parse_pgsql }, { "redis-check", parse_redis },
    { "ldap-check", parse_ldap },   { "ssl-hello-chk", parse_ssl_hello },
    { "spop-check", parse_spop },
};

enum cfg_rc
check_proto_parse(struct cfg *c, struct check_conf *conf, unsigned *at, bool *known)
{
    const char *name = cfg_arg(c, *at);
    struct script s = { c, &conf->proto_rules };

    *known = false;
    for (unsigned i = 0; i < COUNT_OF(protocols); i++) {
        if (strcmp(protocols[i].name, name) != 0)
            continue;
        *known = true;
        ++*at;
        list_init(&conf->proto_rules);
        conf->type = CHECK_PROTO;
        conf->option = protocols[i].name;
        return protocols[i].parse(&s, at);
    }
    return CFG_OK;
}
