/* fetch_rdp.c - the cookie at the beginning of a Remote Desktop connection. Manual 7.3.5.
 * A TPKT header (4 bytes) and an X.224 connection request (7) are followed by "Cookie:
 * name=value\r\n". Neither header is looked into: clients and gateways differ there, as the
 * reference does not mind. */
#include "fetch/fetch.h"

#define HEADERS_LEN 11

enum result { COOKIE, NO_COOKIE, TOO_SHORT };

static enum result
parse(struct slice raw, struct slice wanted, struct slice *value)
{
    static const struct slice field = { "Cookie:", 7 };
    struct slice s, name;
    size_t at = 0, eq, end;

    if (raw.len <= HEADERS_LEN + field.len)
        return TOO_SHORT;
    s = slice_sub(raw, HEADERS_LEN, SIZE_MAX);
    if (!slice_starts_nocase(s, field))
        return NO_COOKIE;
    for (at = field.len; at < s.len && s.p[at] == ' '; at++)
        ;
    s = slice_sub(s, at, SIZE_MAX);
    if (wanted.len && s.len <= wanted.len)
        return TOO_SHORT;
    eq = slice_find(s, '=', 0);
    end = slice_find(s, '\r', 0);
    if (eq == SIZE_MAX || end < eq)
        return end == SIZE_MAX ? TOO_SHORT : NO_COOKIE;
    name = slice(s.p, eq);
    if (wanted.len && !slice_eq_nocase(name, wanted))
        return NO_COOKIE;
    if (end == SIZE_MAX || end + 1 >= s.len)
        return TOO_SHORT;
    *value = slice(s.p + eq + 1, end - eq - 1);
    return s.p[end + 1] == '\n' ? COOKIE : NO_COOKIE;
}

static bool
find(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, struct slice *value,
     enum result *result)
{
    struct slice raw;

    if (!fetch_payload(x, false, &raw))
        return false;
    *result = parse(raw, arg[0].type != ARG_END ? arg[0].s : SL(""), value);
    return *result != TOO_SHORT || fetch_later(x, out);
}

static bool
fetch_cookie(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    enum result result;
    struct slice v;

    return find(arg, x, out, &v, &result) && result == COOKIE && fetch_give_str(out, v);
}

static bool
fetch_cookie_cnt(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    enum result result;
    struct slice v;

    if (x->req)
        return fetch_give_int(out, 0); /* HTTP is no RDP */
    return find(arg, x, out, &v, &result) && fetch_give_int(out, result == COOKIE);
}

/* clang-format off */
#define ROW(name, type, fn, help) { name, FETCH_OPT_STR, type, NEEDS_REQ_DATA, fn, help, .usage = "[<name>]" }

static const struct fetch rdp_fetches[] = {
    ROW("req.rdp_cookie", SMP_STR, fetch_cookie, "value of an RDP cookie"),
    ROW("rdp_cookie", SMP_STR, fetch_cookie, "value of an RDP cookie"),
    ROW("req.rdp_cookie_cnt", SMP_SINT, fetch_cookie_cnt, "whether there is an RDP cookie: 0 or 1"),
    ROW("rdp_cookie_cnt", SMP_SINT, fetch_cookie_cnt, "whether there is an RDP cookie: 0 or 1"),
    { 0 },
};
/* clang-format on */

const struct module fetch_rdp_module = { .name = "RDP fetches", .fetches = rdp_fetches };
