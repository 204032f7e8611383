/* act_header_bin.c - add-headers-bin, set-headers-bin, del-headers-bin: headers as a binary list of
 * <varint len><name><varint len><value>, ended by an empty name (since 3.4). */
#include "action/action.h"

/** A header of the list. */
struct bin_hdr {
    struct slice name, value;
};

enum bin_op { BIN_ADD, BIN_SET, BIN_DEL };
enum bin_match { BIN_STR, BIN_BEG, BIN_END, BIN_SUB };
static const char *const match_names[] = { "str", "beg", "end", "sub" };

/* ---- the list ---- */

/* A number as the peers protocol writes them: below 240 one byte, else 4 bits in it and 7 in each
 * that follows. */
static bool
take_varint(struct slice *in, uint64_t *out)
{
    unsigned shift = 4;

    if (!in->len)
        return false;
    unsigned char b = (unsigned char)*in->p++;
    in->len--;
    *out = b;
    if (b < 240)
        return true;
    do {
        if (!in->len || shift > 56)
            return false;
        b = (unsigned char)*in->p++;
        in->len--;
        *out += (uint64_t)b << shift;
        shift += 7;
    } while (b >= 128);
    return true;
}

static bool
take_string(struct slice *in, struct slice *out)
{
    uint64_t len;

    if (!take_varint(in, &len) || len > in->len)
        return false;
    *out = slice(in->p, (size_t)len);
    in->p += len;
    in->len -= (size_t)len;
    return true;
}

/* The next header; false at the end, *bad: the list is malformed. */
static bool
next_header(struct slice *in, struct bin_hdr *h, bool *bad)
{
    if (!take_string(in, &h->name) || !take_string(in, &h->value)) {
        *bad = true;
        return false;
    }
    return h->name.len != 0;
}

/* ---- parsing ---- */

static enum cfg_rc
parse_bin(struct cfg *c, unsigned *at, struct rule *r)
{
    r->p[0] = act_expr(c, at, r);
    if (!r->p[0])
        return CFG_ERR;
    if (!cfg_arg_is(c, *at, "prefix"))
        return CFG_OK;
    if (!act_has_word(c, *at + 1))
        return cfg_error(c, *at, "missing argument for 'prefix'.");
    r->p[1] = (char *)cfg_arg(c, *at + 1);
    *at += 2;
    return CFG_OK;
}

static enum cfg_rc
parse_del_bin(struct cfg *c, unsigned *at, struct rule *r)
{
    unsigned m = 0;

    r->p[0] = act_expr(c, at, r);
    if (!r->p[0])
        return CFG_ERR;
    if (!cfg_arg_is(c, *at, "-m"))
        return CFG_OK;
    const char *method = cfg_arg(c, *at + 1);
    if (!*method)
        return cfg_error(c, *at, "-m flag expects exactly 1 argument.");
    while (m < COUNT_OF(match_names) && strcmp(match_names[m], method) != 0)
        m++;
    if (m == COUNT_OF(match_names))
        return cfg_error(c, *at + 1, "-m with unsupported matching method '%s'.", method);
    r->i[0] = m;
    *at += 2;
    return CFG_OK;
}

/* ---- running ---- */

static bool
name_matches(enum bin_match m, struct slice name, struct slice wanted)
{
    switch (m) {
    case BIN_STR:
        return slice_eq(name, wanted);
    case BIN_BEG:
        return slice_starts(name, wanted);
    case BIN_END:
        return slice_ends(name, wanted);
    case BIN_SUB:
        return slice_search(name, wanted) != SIZE_MAX;
    }
    return false;
}

static void
delete_matching(struct http_head *h, enum bin_match m, struct slice wanted)
{
    struct http_hdr *f;
    unsigned pos = 0;

    while ((f = http_hdr_next(h, SLICE_NONE, &pos)))
        if (name_matches(m, f->name, wanted))
            http_hdr_del_one(h, f);
}

/* Names come from outside: what would break the message is not let in. */
static bool
is_safe(const struct bin_hdr *h)
{
    for (size_t i = 0; i < h->name.len; i++)
        if ((unsigned char)h->name.p[i] <= ' ' || h->name.p[i] == ':' || h->name.p[i] == 0x7f)
            return false;
    for (size_t i = 0; i < h->value.len; i++)
        if (h->value.p[i] == '\r' || h->value.p[i] == '\n' || h->value.p[i] == '\0')
            return false;
    return true;
}

static bool
apply(const struct rule *r, struct http_head *h, const struct bin_hdr *b, enum bin_op op, bool pass)
{
    struct slice prefix = slice_str(r->p[1]);

    if (op == BIN_DEL) {
        delete_matching(h, (enum bin_match)r->i[0], b->name);
        return true;
    }
    if (!slice_starts(b->name, prefix))
        return true;
    if (!pass) { /* set: the old ones go before the first new one comes */
        if (op == BIN_SET)
            delete_matching(h, BIN_STR, b->name);
        return true;
    }
    return is_safe(b) && http_hdr_add(h, b->name, b->value);
}

static enum act_rc
exec_bin(const struct rule *r, struct rule_ctx *x)
{
    enum bin_op op = *(const enum bin_op *)r->act->private;
    struct http_head *h = act_head(r, x);
    struct sample s = { 0 };
    bool bad = false;

    if (!expr_eval_as(r->p[0], x->x, SMP_BIN, &s))
        return ACT_CONT;
    for (int pass = op == BIN_SET ? 0 : 1; pass < 2; pass++) {
        struct slice in = s.u.s;
        struct bin_hdr b;
        while (next_header(&in, &b, &bad))
            if (!apply(r, h, &b, op, pass))
                return act_rewrite_failed(r, x);
        if (bad)
            return act_rewrite_failed(r, x);
    }
    return ACT_CONT;
}

static enum bin_op add = BIN_ADD, set = BIN_SET, del = BIN_DEL;

static const struct action actions[] = {
    { "add-headers-bin", RS_HTTP, "<expr> [prefix <str>]", parse_bin, exec_bin,
      "appends the headers of a binary list", 0, &add },
    { "set-headers-bin", RS_HTTP, "<expr> [prefix <str>]", parse_bin, exec_bin,
      "replaces headers by those of a binary list", 0, &set },
    { "del-headers-bin", RS_HTTP, "<expr> [-m {str|beg|end|sub}]", parse_del_bin, exec_bin,
      "removes the headers whose names are in a binary list", 0, &del },
    { 0 }
};

const struct module action_header_bin_module = { .name = "binary header actions",
                                                 .actions = actions };
