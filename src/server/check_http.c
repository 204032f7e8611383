/* check_http.c - HTTP checks: the request, the response, what is expected of it. HTTP/1 only. */
#include "server/check_int.h"

#include "config/tune.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- request ---- */

static bool
is_at_least_1_1(const char *version)
{
    const char *v = version ? strchr(version, '/') : NULL;

    if (!v)
        return false;
    return v[1] > '1' || (v[1] == '1' && v[2] == '.' && v[3] >= '1');
}

/** x-haproxy-server-state (http-check send-state). */
static void
put_state(const struct server *s, struct out *o)
{
    char state[64], addr[ADDR_TEXT_MAX];
    struct out a = { addr, 0, sizeof(addr) - 1, false };
    unsigned total = 0, conn = 0;
    struct server_px px;

    server_hooks.view(s->px, &px);
    if (server_lb.load)
        server_lb.load(s->px, &total, &conn);
    server_status_text(s, state, sizeof(state));
    addr_put_host(&a, &s->addr);
    addr[a.len] = '\0';
    out_printf(
        o,
        "x-haproxy-server-state: %s; address=%s; port=%u; name=%s/%s; node=%s; weight=%u/%u; "
        "scur=%u/%u; qcur=%u",
        state, addr, s->port, px.name, s->name,
        tune.node       ? tune.node
        : tune.hostname ? tune.hostname
                        : "",
        server_shown_weight(s), total, atomic_load(&s->cur_sess), conn, atomic_load(&s->queued));
    if (atomic_load(&s->state) == SRV_STARTING)
        out_printf(o, "; throttle=%u%%", server_throttle_pct(s));
    out_lit(o, "\r\n");
}

/** Methods whose requests have a length even without a body. */
static bool
needs_length(enum http_method m)
{
    return m == HTTP_POST || m == HTTP_PUT || m == HTTP_OTHER;
}

bool
check_http_request(struct check_run *r, const struct check_rule *rule, struct out *o)
{
    const struct check_send *s = &rule->send;
    const char *meth = s->meth ? s->meth : "OPTIONS";
    struct slice uri =
        s->uri_fmt ? logfmt_slice(s->uri_fmt, &r->x) : slice_str(s->uri ? s->uri : "/");
    struct slice body = s->body_fmt ? logfmt_slice(s->body_fmt, &r->x) : s->body;
    bool v11 = is_at_least_1_1(s->version);

    if (!uri.p || (s->body_fmt && !body.p))
        return false;
    r->meth = http_method_of(slice_str(meth));
    out_printf(o, "%s %.*s %s\r\n", meth, SLF(uri), v11 ? "HTTP/1.1" : "HTTP/1.0");
    for (const struct check_hdr *h = s->hdrs; h; h = h->next) {
        struct slice v = logfmt_slice(h->value, &r->x);

        if (!v.p)
            return false;
        out_printf(o, "%s: %.*s\r\n", h->name, SLF(v));
    }
    if (r->conf->send_state)
        put_state(r->ck->srv, o);
    if (body.len || needs_length(r->meth))
        out_printf(o, "content-length: %zu\r\n", body.len);
    if (v11)
        out_lit(o, "connection: close\r\n");
    out_lit(o, "\r\n");
    out_slice_put(o, body);
    return !o->full;
}

/* ---- response ---- */

void
check_http_reset(struct check_run *r)
{
    r->head_done = r->body_done = false;
    r->body_at = r->body_len = r->raw_at = 0;
    http_head_init(&r->head, r->hdrs, tune.http_maxhdr, &r->tmp);
    h1_init(&r->h1, H1_RESPONSE, &r->limits);
}

/** Decodes body bytes in place: head, decoded body, undecoded rest. False: malformed. */
static bool
read_body(struct check_run *r)
{
    enum h1_event ev = H1_DATA;

    while (!r->body_done && ev == H1_DATA) {
        size_t consumed = 0, produced = 0, rest;
        char *to = r->rx + r->body_at + r->body_len;

        ev = h1_body(&r->h1, r->rx + r->raw_at, r->rx_len - r->raw_at, &consumed, &produced);
        if (ev == H1_ERR)
            return false;
        memmove(to, r->rx + r->raw_at, produced);
        rest = r->rx_len - r->raw_at - consumed;
        memmove(to + produced, r->rx + r->raw_at + consumed, rest);
        r->body_len += produced;
        r->raw_at = r->body_at + r->body_len;
        r->rx_len = r->raw_at + rest;
        r->body_done = ev == H1_END;
    }
    if (!r->body_done && r->eof && h1_eof(&r->h1) == H1_END)
        r->body_done = true;
    if (r->full && r->rx_len < r->rx_size)
        r->full = false;
    return true;
}

/** Reads the head, and what is there of the body. */
static enum check_expect_rc
read_response(struct check_run *r, const struct check_rule *rule, bool last)
{
    size_t used;

    if (!r->head_done) {
        enum h1_event ev = r->rx_len ? h1_head(&r->h1, r->rx, r->rx_len, &r->head, &used) : H1_MORE;

        if (ev == H1_MORE && !last)
            return CX_WAIT;
        if (ev != H1_HEAD)
            return check_expect_failed(r, rule, CHK_L7RSP, 0, "%s", "");
        r->head_done = true;
        r->body_at = r->raw_at = used;
        h1_body_init(&r->h1, h1_framing_response(&r->head, r->meth), r->head.clen);
    }
    if (!read_body(r))
        return check_expect_failed(r, rule, CHK_L7RSP, 0, "%s", "");
    return CX_PASS;
}

/* ---- expectations ---- */

static bool
status_matches(const struct check_run *r, const struct check_expect *e)
{
    char text[4];

    if (e->kind == CE_HTTP_RSTATUS) {
        snprintf(text, sizeof(text), "%03u", r->head.status % 1000);
        return regex_match(e->regex, slice(text, 3));
    }
    for (const struct check_range *s = e->status; s; s = s->next) {
        if (r->head.status >= s->low && r->head.status <= s->high)
            return true;
    }
    return false;
}

static bool
pattern_matches(const struct check_pattern *p, struct slice pattern, struct slice text, bool nocase)
{
    switch (p->how) {
    case CM_STR:
        return nocase ? slice_eq_nocase(text, pattern) : slice_eq(text, pattern);
    case CM_BEG:
        return nocase ? slice_starts_nocase(text, pattern) : slice_starts(text, pattern);
    case CM_END:
        return nocase ? slice_ends_nocase(text, pattern) : slice_ends(text, pattern);
    case CM_SUB:
        return (nocase ? slice_search_nocase(text, pattern) : slice_search(text, pattern)) !=
               SIZE_MAX;
    case CM_REG:
        return regex_match(p->regex, text);
    }
    return false;
}

static bool
values_match(const struct check_run *r, const struct check_expect *e, const struct http_hdr *h,
             struct slice value)
{
    struct slice rest = h->value, one;

    (void)r;
    if (!e->value.set)
        return true;
    if (e->kind == CE_HTTP_FHDR)
        return pattern_matches(&e->value, value, h->value, false);
    while (http_list_next(&rest, &one)) {
        if (pattern_matches(&e->value, value, one, false))
            return true;
    }
    return false;
}

static bool
header_matches(struct check_run *r, const struct check_expect *e)
{
    struct slice name = e->name.fmt ? logfmt_slice(e->name.fmt, &r->x) : e->name.s;
    struct slice value = e->value.fmt ? logfmt_slice(e->value.fmt, &r->x) : e->value.s;
    const struct http_hdr *h;
    unsigned pos = 0;

    while ((h = http_hdr_next(&r->head, SLICE_NONE, &pos))) {
        if (pattern_matches(&e->name, name, h->name, true) && values_match(r, e, h, value))
            return true;
    }
    return false;
}

/** Status and header expectations: wrong status, described by the reason phrase. */
static enum check_expect_rc
judge_head(struct check_run *r, const struct check_rule *rule)
{
    const struct check_expect *e = &rule->expect;
    bool match = e->kind == CE_HTTP_STATUS || e->kind == CE_HTTP_RSTATUS ? status_matches(r, e)
                                                                         : header_matches(r, e);

    if (match != e->inverse)
        return CX_PASS;
    return check_expect_failed(r, rule, CHK_L7STS, (int)r->head.status, "%.*s",
                               SLF(r->head.reason));
}

static enum check_expect_rc
judge_body(struct check_run *r, const struct check_rule *rule, bool last)
{
    const struct check_expect *e = &rule->expect;
    struct slice body = slice(r->rx + r->body_at, r->body_len), pattern = e->data;
    int status = (int)r->head.status;
    bool match;

    last |= r->body_done;
    if (!last && (body.len == 0 || (e->min_recv > 0 && body.len < (size_t)e->min_recv)))
        return CX_WAIT;
    if (body.len == 0)
        return check_expect_failed(r, rule, CHK_L7RSP, status,
                                   "HTTP content check could not find a response body");
    if (e->kind == CE_HTTP_BODY_LF) {
        pattern = logfmt_slice(e->fmt, &r->x);
        if (!pattern.p)
            return check_expect_failed(r, rule, CHK_L7RSP, status,
                                       "HTTP content check did not match");
    }
    match = e->kind == CE_HTTP_RBODY ? regex_match(e->regex, body)
                                     : slice_search(body, pattern) != SIZE_MAX;
    if (!match && !last && e->min_recv < 0)
        return CX_WAIT;
    if (match != e->inverse)
        return CX_PASS;
    return check_expect_failed(
        r, rule, CHK_L7RSP, status,
        e->inverse ? "HTTP check matched unwanted content" : "HTTP content check did not match");
}

enum check_expect_rc
check_http_expect(struct check_run *r, const struct check_rule *rule, bool last)
{
    enum check_expect_rc rc = read_response(r, rule, last);

    if (rc != CX_PASS)
        return rc;
    r->x.res = &r->head;
    if (r->conf->disable_on_404 && r->head.status == 404 && server_is_up(r->ck->srv)) {
        check_result(r, CHK_L7OKC, 404, NULL);
        return CX_FAIL; /* as the end of the script */
    }
    switch (rule->expect.kind) {
    case CE_HTTP_BODY:
    case CE_HTTP_RBODY:
    case CE_HTTP_BODY_LF:
        return judge_body(r, rule, r->eof || r->full);
    default:
        return judge_head(r, rule);
    }
}
