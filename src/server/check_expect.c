/* check_expect.c - judging what was received: patterns over bytes, results and their descriptions.
 */
#include "server/check_int.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- results ---- */

void
check_result(struct check_run *r, enum check_status st, int code, const char *fmt, ...)
{
    va_list ap;

    r->status = st;
    r->code = code;
    r->desc[0] = '\0';
    if (!fmt)
        return;
    va_start(ap, fmt);
    vsnprintf(r->desc, sizeof(r->desc), fmt, ap);
    va_end(ap);
    /* one line, whatever the server sent */
    for (char *p = r->desc; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f) {
            *p = '\0';
            break;
        }
    }
}

/** The first line of what was received, from `from` on. */
static struct slice
line_from(const struct check_run *r, size_t from)
{
    struct slice s = slice_sub(check_received(r), from, SIZE_MAX);
    size_t end = 0;

    while (end < s.len && s.p[end] != '\r' && s.p[end] != '\n' && s.p[end] != '\0')
        end++;
    s.len = end;
    return slice_trim(s);
}

/** The code of a result: an expression, or the reply's first three digits. */
static int
code_of(struct check_run *r, const struct check_expect *e, int dflt)
{
    struct sample smp = { 0 };

    if (e->status_code && expr_eval_as(e->status_code, check_ctx(r), SMP_SINT, &smp))
        return (int)smp.u.i;
    if (e->code_digits && r->rx_len >= 3) {
        uint64_t n;

        if (slice_to_uint(slice(r->rx, 3), &n))
            return (int)n;
    }
    return dflt;
}

static bool
set_formatted(struct check_run *r, struct logfmt *fmt, enum check_status st, int code)
{
    struct slice s;

    if (!fmt)
        return false;
    s = logfmt_slice(fmt, check_ctx(r));
    check_result(r, st, code, "%.*s", s.p ? (int)MIN(s.len, CHECK_DESC_MAX) : 0, s.p ? s.p : "");
    return true;
}

void
check_expect_passed(struct check_run *r, const struct check_rule *rule)
{
    const struct check_expect *e = &rule->expect;
    enum check_status st = e->ok_status ? e->ok_status : CHK_L7OK;
    int code = code_of(r, e, r->head_done ? (int)r->head.status : 0);
    struct slice line;

    if (set_formatted(r, e->on_success, st, code))
        return;
    if (e->text_ok) {
        line = line_from(r, e->text_from);
        check_result(r, st, code, "%.*s", SLF(line));
    } else if (e->ok_text) {
        check_result(r, st, code, "%s", e->ok_text);
    } else if (e->ok_info) {
        line = e->ok_info(r);
        check_result(r, st, code, "%.*s", SLF(line));
    } else {
        check_result(r, st, code, NULL);
    }
}

enum check_expect_rc
check_expect_failed(struct check_run *r, const struct check_rule *rule, enum check_status dflt,
                    int code, const char *fmt, ...)
{
    const struct check_expect *e = &rule->expect;
    enum check_status st = e->err_status ? e->err_status : dflt;
    char text[CHECK_DESC_MAX];
    struct slice line;
    va_list ap;

    code = code_of(r, e, code);
    if (set_formatted(r, e->on_error, st, code))
        return CX_FAIL;
    if (e->text_err || e->err_text) {
        line = e->err_text ? slice_str(e->err_text) : line_from(r, e->text_from);
        check_result(r, st, code, "%.*s", SLF(line));
        return CX_FAIL;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    check_result(r, st, code, "%s%s%s", text, rule->comment ? " comment: " : "",
                 rule->comment ? rule->comment : "");
    return CX_FAIL;
}

/* ---- bytes ---- */

/** Upper-case hexadecimal of what was received, for rbinary. */
static struct slice
as_hex(struct check_run *r)
{
    char *hex = arena_alloc(&r->tmp, 2 * r->rx_len + 1);

    if (!hex)
        return SLICE_NONE;
    for (size_t i = 0; i < r->rx_len; i++) {
        hex[2 * i] = "0123456789ABCDEF"[(unsigned char)r->rx[i] >> 4];
        hex[2 * i + 1] = "0123456789ABCDEF"[r->rx[i] & 15];
    }
    return slice(hex, 2 * r->rx_len);
}

/** Whether the pattern is in the bytes. *too_short: it cannot be yet. */
static bool
bytes_match(struct check_run *r, const struct check_expect *e, bool *too_short)
{
    struct slice in = check_received(r), pattern = e->data;

    switch (e->kind) {
    case CE_REGEX:
        return regex_match(e->regex, in);
    case CE_REGEX_BINARY:
        return regex_match(e->regex, as_hex(r));
    case CE_STRING_LF:
    case CE_BINARY_LF:
        pattern = logfmt_slice(e->fmt, check_ctx(r));
        if (e->kind == CE_BINARY_LF)
            pattern = check_unhex(&r->tmp, pattern);
        if (!pattern.p)
            return false;
        break;
    default:
        break;
    }
    *too_short = in.len < pattern.len;
    return slice_search(in, pattern) != SIZE_MAX;
}

static enum check_expect_rc
mismatch(struct check_run *r, const struct check_rule *rule)
{
    static const char *const kinds[] = {
        [CE_BINARY] = " (binary)",
        [CE_REGEX] = " (regex)",
        [CE_REGEX_BINARY] = " (binary regex)",
        [CE_STRING_LF] = " (log-format string)",
        [CE_BINARY_LF] = " (log-format binary)",
    };
    const struct check_expect *e = &rule->expect;
    const char *what =
        e->inverse ? "TCPCHK matched unwanted content" : "TCPCHK did not match content";

    if (e->kind == CE_STRING)
        return check_expect_failed(r, rule, CHK_L7RSP, 0, "%s '%.*s' at step %u", what,
                                   SLF(e->data), rule->step);
    return check_expect_failed(r, rule, CHK_L7RSP, 0, "%s%s at step %u", what, kinds[e->kind],
                               rule->step);
}

enum check_expect_rc
check_expect_eval(struct check_run *r, const struct check_rule *rule)
{
    const struct check_expect *e = &rule->expect;
    bool last = r->eof || r->full, too_short = false, match;

    if (e->kind >= CE_HTTP_STATUS && e->kind <= CE_HTTP_BODY_LF)
        return check_http_expect(r, rule, last);
    if (r->rx_len == 0) {
        if (!last)
            return CX_WAIT;
        check_result(r, e->err_status ? e->err_status : CHK_L7RSP, 0,
                     rule->comment ? "TCPCHK got an empty response at step %u comment: '%s'"
                                   : "TCPCHK got an empty response at step %u",
                     rule->step, rule->comment);
        return CX_FAIL;
    }
    if (!last && e->min_recv > 0 && r->rx_len < (size_t)e->min_recv)
        return CX_WAIT;
    if (e->kind == CE_CUSTOM)
        return e->fn(r, rule, last);
    match = bytes_match(r, e, &too_short);
    /* with a minimum the absence of a match is conclusive, without one more may come */
    if (!match && !last && (e->min_recv < 0 || too_short))
        return CX_WAIT;
    return match == e->inverse ? mismatch(r, rule) : CX_PASS;
}
