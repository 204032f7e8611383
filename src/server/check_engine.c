/* check_engine.c - one engine for all checks: steps through the rules, says what it wants, knows no
 * sockets. */
#include "server/check_int.h"

#include "config/tune.h"
#include "net/conn_code.h"

#include <stdio.h>
#include <stdlib.h>

#define RUN_TMP_MAX (1024 * 1024) /* bytes that formats of one run may use */

/* ---- runs ---- */

struct check_run *
check_run_new(struct check *ck)
{
    struct check_run *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->ck = ck;
    r->conf = ck->conf;
    r->rx_size = r->tx_size = tune.bufsize;
    r->rx = malloc(r->rx_size);
    r->tx = malloc(r->tx_size);
    r->hdrs = calloc(tune.http_maxhdr, sizeof(*r->hdrs));
    arena_init(&r->tmp, NULL, 0, RUN_TMP_MAX);
    if (!r->rx || !r->tx || !r->hdrs) {
        check_run_free(&r);
        return NULL;
    }
    r->x = (struct sample_ctx){ .px = ck->srv->px,
                                .check = ck,
                                .tmp = &r->tmp,
                                .opt = SMPO_RES | SMPO_FINAL,
                                .point = PT_CHECK };
    r->limits.hdr_max = tune.http_maxhdr;
    r->rule =
        list_empty(&r->conf->rules) ? NULL : list_first(&r->conf->rules, struct check_rule, link);
    check_http_reset(r);
    return r;
}

void
check_run_free(struct check_run **rp)
{
    struct check_run *r = *rp;

    if (!r)
        return;
    *rp = NULL;
    free(r->rx);
    free(r->tx);
    free(r->hdrs);
    arena_fini(&r->tmp);
    free(r);
}

/* ---- transport errors ---- */

/** "connect port 80", "expect string 'x'": the rule, for messages. */
static void
put_rule(struct out *o, const struct check_rule *rule)
{
    static const char *const expects[] = {
        [CE_REGEX] = "expect regex",
        [CE_REGEX_BINARY] = "expect binary regex",
        [CE_STRING_LF] = "expect log-format string",
        [CE_BINARY_LF] = "expect log-format binary",
        [CE_CUSTOM] = "expect custom function",
    };
    const struct check_expect *e = &rule->expect;

    if (rule->kind == CR_CONNECT && rule->connect.port)
        out_printf(o, "connect port %u", rule->connect.port);
    else if (rule->kind == CR_CONNECT)
        out_lit(o, "connect");
    else if (rule->kind == CR_SEND)
        out_lit(o, "send");
    else if (rule->kind == CR_EXPECT && e->kind == CE_STRING)
        out_printf(o, "expect string '%.*s'", SLF(e->data));
    else if (rule->kind == CR_EXPECT && e->kind == CE_BINARY)
        out_printf(o, "expect binary '%.*s'", (int)strnlen(e->data.p, e->data.len), e->data.p);
    else if (rule->kind == CR_EXPECT && expects[e->kind])
        out_str(o, expects[e->kind]);
}

/** " at step 2 of tcp-check (expect regex)": scripts only. */
static void
put_step(const struct check_run *r, struct out *o)
{
    const struct check_rule *rule = r->rule;

    if (r->conf->type != CHECK_TCP || !rule)
        return;
    if (!rule->step) {
        out_lit(o, " at initial connection step of tcp-check");
        return;
    }
    out_printf(o, " at step %u of tcp-check (", rule->step);
    put_rule(o, rule);
    out_char(o, ')');
    if (rule->comment)
        out_printf(o, " comment: '%s'", rule->comment);
}

void
check_conn_error(struct check_run *r, int err, bool expired)
{
    const struct check_rule *rule = r->rule;
    bool tls = r->conn && (r->conn->flags & CONN_HANDSHAKE);
    enum check_status st;
    char text[CHECK_DESC_MAX];
    struct out o = { text, 0, sizeof(text) - 1, false };

    if (!r->connected)
        st = tls ? (expired ? CHK_L6TOUT : CHK_L6RSP) : expired ? CHK_L4TOUT : CHK_L4CON;
    else if (!expired)
        st = CHK_SOCKERR;
    else
        st = rule && rule->kind == CR_EXPECT && rule->expect.tout_status ? rule->expect.tout_status
                                                                         : CHK_L7TOUT;
    if (r->conn && r->conn->code) /* a layer knows better than an errno */
        out_slice_put(&o, conn_code_text((enum conn_code)r->conn->code));
    else if (err > 0)
        out_str(&o, strerror(err));
    put_step(r, &o);
    text[o.len] = '\0';
    check_result(r, st, 0, "%s", text);
}

/* ---- steps ---- */

static bool
write_send(struct check_run *r, const struct check_rule *rule)
{
    const struct check_send *s = &rule->send;
    struct out o = { r->tx, 0, r->tx_size, false };
    struct slice v;

    switch (s->kind) {
    case CS_STRING:
    case CS_BINARY:
        out_slice_put(&o, s->data);
        break;
    case CS_STRING_LF:
    case CS_BINARY_LF:
        v = logfmt_slice(s->fmt, &r->x);
        if (s->kind == CS_BINARY_LF)
            v = check_unhex(&r->tmp, v);
        if (!v.p)
            return false;
        out_slice_put(&o, v);
        break;
    case CS_HTTP:
        if (!check_http_request(r, rule, &o))
            return false;
        break;
    case CS_CUSTOM:
        if (!s->fn(r, rule, &o))
            return false;
        break;
    }
    r->tx_len = o.len;
    r->tx_off = 0;
    return !o.full;
}

/** Prepares what is to be sent, once. False: the result was set. */
static bool
begin_send(struct check_run *r, const struct check_rule *rule)
{
    if (!r->begun) {
        r->begun = true;
        r->rx_len = 0; /* what comes now answers this */
        r->full = false;
        check_http_reset(r);
        if (!write_send(r, rule)) {
            check_result(r, CHK_SOCKERR, 0, "tcp-check send rule failed at step %u", rule->step);
            return false;
        }
    }
    return true;
}

static void
step_var(struct check_run *r, const struct check_rule *rule)
{
    struct sample smp = { 0 };

    check_ctx(r);
    if (rule->kind == CR_UNSET_VAR) {
        var_unset(rule->var.name, &r->x);
        return;
    }
    if (rule->var.fmt) {
        struct slice s = logfmt_slice(rule->var.fmt, &r->x);

        if (!s.p)
            return;
        sample_set_str(&smp, s);
    } else if (!expr_eval(rule->var.expr, &r->x, &smp)) {
        return;
    }
    (void)var_set(rule->var.name, &r->x, &smp,
                  rule->var.cond); /* a refused value is not an error of the server */
}

/** All rules are done. */
static void
finish(struct check_run *r)
{
    const struct check_rule *rule, *last = NULL;
    bool talked = false, explicit = false;

    list_each (rule, &r->conf->rules, link) {
        talked |= rule->kind == CR_SEND || rule->kind == CR_EXPECT;
        explicit |= rule->step != 0;
        if (rule->kind == CR_EXPECT || rule->kind == CR_CONNECT || rule->kind == CR_SEND)
            last = rule;
    }
    if (last && last->kind == CR_EXPECT) {
        check_expect_passed(r, last);
        if (r->conf->type == CHECK_TCP && !r->desc[0])
            check_result(r, r->status, r->code, "(tcp-check)");
        return;
    }
    if (talked)
        check_result(r, CHK_L7OK, 0, r->conf->type == CHECK_TCP ? "(tcp-check)" : NULL);
    else
        check_result(r, r->ck->use_tls ? CHK_L6OK : CHK_L4OK, 0,
                     explicit && r->conf->type == CHECK_TCP ? "(tcp-check)" : NULL);
}

static void
next_rule(struct check_run *r)
{
    struct list *n = r->rule->link.next;

    r->rule = n == &r->conf->rules ? NULL : container_of(n, struct check_rule, link);
    r->begun = false;
}

enum check_want
check_engine_step(struct check_run *r)
{
    while (r->rule) {
        const struct check_rule *rule = r->rule;

        switch (rule->kind) {
        case CR_COMMENT:
            break;
        case CR_SET_VAR:
        case CR_UNSET_VAR:
            step_var(r, rule);
            break;
        case CR_CONNECT:
            if (!r->begun) {
                r->begun = true;
                r->connected = r->eof = r->full = false;
                r->rx_len = 0;
                check_http_reset(r);
            }
            if (!r->connected)
                return CHECK_WANT_CONNECT;
            break;
        case CR_SEND:
            if (!begin_send(r, rule))
                return CHECK_DONE;
            if (r->tx_off < r->tx_len)
                return CHECK_WANT_SEND;
            break;
        case CR_EXPECT:
            switch (check_expect_eval(r, rule)) {
            case CX_WAIT:
                return CHECK_WANT_RECV;
            case CX_FAIL:
                return CHECK_DONE;
            case CX_PASS:
                break;
            }
            break;
        }
        next_rule(r);
    }
    finish(r);
    return CHECK_DONE;
}
