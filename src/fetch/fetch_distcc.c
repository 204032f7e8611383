/* fetch_distcc.c - tokens of a distcc message: four letters, eight hexadecimal digits, and for some
 * as many bytes as the number says. Manual 7.3.5. */
#include "fetch/fetch.h"

#include "http/uri.h"

#define NAME_LEN  4
#define TOKEN_LEN 12

/** Those that are followed by bytes. */
static bool
has_body(struct slice name)
{
    static const char *const names[] = { "ARGV", "CDIR", "DOTI", "DOTO", "DOTD",
                                         "FILE", "LINK", "NAME", "SERR", "SOUT" };

    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (slice_eq_str(name, names[i]))
            return true;
    return false;
}

static bool
read_number(struct slice digits, uint32_t *n)
{
    *n = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int d = http_hex_value(digits.p[i]);
        if (d < 0)
            return false;
        *n = *n << 4 | (uint32_t)d;
    }
    return true;
}

/** Finds an occurrence of a token; `need_body`: only when its bytes are there too. */
static bool
find_token(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, bool need_body,
           uint32_t *number, struct slice *body)
{
    int64_t occ = arg[1].type != ARG_END && arg[1].i > 0 ? arg[1].i : 1;
    struct slice rest;

    if (!fetch_payload(x, fetch_is_response(x), &rest))
        return false;
    while (rest.len >= TOKEN_LEN) {
        struct slice name = slice(rest.p, NAME_LEN);
        bool wanted = slice_eq(name, arg[0].s);

        if (!read_number(slice(rest.p + NAME_LEN, TOKEN_LEN - NAME_LEN), number))
            return false; /* not distcc */
        rest = slice_sub(rest, TOKEN_LEN, SIZE_MAX);
        bool bytes = has_body(name), complete = !bytes || rest.len >= *number;
        if (wanted && --occ == 0) {
            if (need_body && !complete)
                return fetch_later(x, out);
            *body = slice(rest.p, bytes && complete ? *number : 0);
            return true;
        }
        if (!complete)
            return fetch_later(x, out);
        if (bytes)
            rest = slice_sub(rest, *number, SIZE_MAX);
    }
    return fetch_later(x, out);
}

static bool
check_token(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type != ARG_END && arg[0].s.len == NAME_LEN)
        return true;
    *err = xstrdup("token name must be exactly 4 characters");
    return false;
}

static bool
fetch_param(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice body;
    uint32_t n;

    return find_token(arg, x, out, false, &n, &body) && fetch_give_int(out, n);
}

static bool
fetch_token_body(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    struct slice body;
    uint32_t n;

    if (!find_token(arg, x, out, true, &n, &body))
        return false;
    out->type = SMP_BIN;
    out->flags |= SMPF_CONST;
    out->u.s = body;
    return true;
}

#define ROW(name, type, fn, help)                                                                  \
    {                                                                                              \
        name, { ARG_STR, ARG_SINT | ARG_OPT }, type, NEEDS_REQ_DATA | NEEDS_RES_DATA, fn, help,    \
            check_token, .usage = "<token>[,<occ>]"                                                \
    }

static const struct fetch distcc_fetches[] = {
    ROW("distcc_body", SMP_BIN, fetch_token_body, "bytes of a distcc token"),
    ROW("distcc_param", SMP_SINT, fetch_param, "number of a distcc token"),
    { 0 },
};

const struct module fetch_distcc_module = { .name = "distcc fetches", .fetches = distcc_fetches };
