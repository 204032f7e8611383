/* fetch_cookie.c - sample fetches about cookies: Cookie in requests, Set-Cookie in responses.
 * Manual 7.3.6. */
#include "fetch/fetch.h"

#include "http/cookie.h"

enum side { REQ, RES, BOTH };

static enum side
side_of(const struct sample_ctx *x, const void *private)
{
    enum side side = (enum side)(uintptr_t) private;

    return side != BOTH ? side : fetch_is_response(x) ? RES : REQ;
}

static struct http_head *
head_of(struct sample_ctx *x, enum side side, struct sample *out)
{
    return side == RES ? fetch_response(x, out) : fetch_request(x, out);
}

static struct slice
field_of(enum side side)
{
    return side == RES ? SL("set-cookie") : SL("cookie");
}

static struct slice
name_of(const struct expr_arg *arg)
{
    return arg[0].type != ARG_END ? arg[0].s : SL("");
}

/** A place among the cookies of a message: the header that *c is in, and where to look for the next
 * one. */
struct place {
    struct http_hdr *hdr;
    unsigned pos;
    struct http_cookie c;
};

/** Whether "name=" is all there is between the commas of a header. */
static bool
is_alone(const struct http_cookie *c, struct slice header)
{
    const char *from = c->name.p, *to = c->name.p + c->name.len, *end = header.p + header.len;

    while (from > header.p && (from[-1] == ' ' || from[-1] == '\t'))
        from--;
    if (to == end || *to++ != '=')
        return false;
    while (to < end && (*to == ' ' || *to == '\t'))
        to++;
    return (from == header.p || from[-1] == ',') && (to == end || *to == ',');
}

/** Whether it is the cookie asked for. As the reference has it: without a name any pair is,
 * attributes of Set-Cookie too; what a server sets to nothing is not there, while clients may
 * send empty cookies, unless the header has nothing else. */
static bool
is_wanted(const struct http_cookie *c, struct slice header, enum side side, struct slice name)
{
    if (name.len == 0)
        return side == RES || c->name.len || c->value.len || !is_alone(c, header);
    if (!slice_eq(c->name, name))
        return false;
    return side == REQ ? c->value.len || !is_alone(c, header) : c->value.len && !c->is_attribute;
}

static bool
next_cookie(const struct http_head *h, enum side side, struct slice name, struct place *p)
{
    for (;;) {
        while (p->hdr && http_cookie_next(p->hdr->value, side == RES, &p->c))
            if (is_wanted(&p->c, p->hdr->value, side, name))
                return true;
        p->hdr = http_hdr_next(h, field_of(side), &p->pos);
        if (!p->hdr)
            return false;
        p->c = (struct http_cookie){ .at = 0 };
    }
}

/** The cookie asked for: each in turn, or the last one of the name, or the first of all. */
static bool
find_cookie(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private,
            struct slice *v)
{
    enum side side = side_of(x, private);
    const struct http_head *h = head_of(x, side, out);
    struct slice name = name_of(arg);
    struct place p = { .pos = 0 };
    bool found = false;

    if (!h)
        return false;
    if (x->opt & SMPO_ITERATE) {
        if (out->iter[0]) {
            p.pos = (unsigned)out->iter[0];
            p.hdr = &h->hdr[p.pos - 1];
            p.c.at = out->iter[1] >> 1;
            p.c.seen = out->iter[1] & 1;
        }
        if (!next_cookie(h, side, name, &p))
            return false;
        out->iter[0] = p.pos;
        out->iter[1] = p.c.at << 1 | p.c.seen;
        out->flags |= SMPF_NOT_LAST;
        *v = p.c.value;
        return true;
    }
    while (next_cookie(h, side, name, &p)) {
        *v = p.c.value;
        found = true;
        if (name.len == 0)
            break;
    }
    return found;
}

static bool
fetch_cook(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice v;

    return find_cookie(arg, x, out, private, &v) && fetch_give_str(out, v.p ? v : SL(""));
}

static bool
fetch_cook_val(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice v;

    return find_cookie(arg, x, out, private, &v) && fetch_give_int(out, fetch_number(v));
}

static bool
fetch_cook_cnt(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    enum side side = side_of(x, private);
    const struct http_head *h = head_of(x, side, out);
    struct place p = { .pos = 0 };
    int64_t n = 0;

    if (!h)
        return false;
    while (next_cookie(h, side, name_of(arg), &p))
        n++;
    return fetch_give_int(out, n);
}

/** "a,b,a": the argument's first character delimits. */
static bool
fetch_cook_names(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                 void *private)
{
    enum side side = side_of(x, private);
    const struct http_head *h = head_of(x, side, out);
    char delim = arg[0].type != ARG_END && arg[0].s.len ? arg[0].s.p[0] : ',';
    struct place p = { .pos = 0 };
    struct http_hdr *f;
    unsigned pos = 0;
    size_t size = 0;
    struct out o;

    if (!h)
        return false;
    while ((f = http_hdr_next(h, field_of(side), &pos)))
        size += f->value.len + 1;
    o = (struct out){ arena_alloc(x->tmp, size + 1), 0, size, false };
    if (!o.p)
        return false;
    while (next_cookie(h, side, SL(""), &p)) {
        if (p.c.is_attribute || p.c.name.len == 0)
            continue;
        if (o.len)
            out_char(&o, delim);
        out_slice_put(&o, p.c.name);
    }
    out->type = SMP_STR;
    out->u.s = out_slice(&o);
    return true;
}

#define ROW(name, type, needs, fn, help, side)                                                     \
    {                                                                                              \
        name, FETCH_OPT_STR, type, needs, fn, help, .private = FETCH_P(side), .usage = "[<name>]"  \
    }
#define FAMILY(value, number, count, needs, side, what)                                            \
    ROW(value, SMP_STR, needs, fetch_cook, "value of a " what " cookie", side),                    \
        ROW(number, SMP_SINT, needs, fetch_cook_val, "number in a " what " cookie", side),         \
        ROW(count, SMP_SINT, needs, fetch_cook_cnt,                                                \
            "how many " what " cookies of a name there are", side)
#define NAMES(name, needs, side)                                                                   \
    {                                                                                              \
        name, FETCH_OPT_STR, SMP_STR, needs, fetch_cook_names, "names of all cookies",             \
            .private = FETCH_P(side), .usage = "[<delim>]"                                         \
    }

static const struct fetch cookie_fetches[] = {
    FAMILY("req.cook", "req.cook_val", "req.cook_cnt", NEEDS_REQ_HTTP, REQ, "request"),
    FAMILY("cook", "cook_val", "cook_cnt", NEEDS_REQ_HTTP, REQ, "request"),
    FAMILY("res.cook", "res.cook_val", "res.cook_cnt", NEEDS_RES_HTTP, RES, "response"),
    FAMILY("scook", "scook_val", "scook_cnt", NEEDS_RES_HTTP, RES, "response"),
    ROW("cookie", SMP_STR, NEEDS_REQ_HTTP | NEEDS_RES_HTTP, fetch_cook,
        "value of a cookie of the message at hand", BOTH),
    ROW("set-cookie", SMP_STR, NEEDS_RES_HTTP, fetch_cook, "value of a response cookie", RES),
    NAMES("req.cook_names", NEEDS_REQ_HTTP, REQ),
    NAMES("res.cook_names", NEEDS_RES_HTTP, RES),
    { 0 },
};

const struct module fetch_cookie_module = { .name = "cookie fetches", .fetches = cookie_fetches };
