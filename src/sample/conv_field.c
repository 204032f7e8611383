/* conv_field.c - parts of strings between delimiters: field(), word(), param(). */
#include "sample/conv.h"

#include <stdlib.h>

/** A string read from either end. */
struct view {
    struct slice in, delims;
    bool back;
};

static bool
is_delim(const struct view *v, size_t i)
{
    return memchr(v->delims.p, v->in.p[v->back ? v->in.len - 1 - i : i], v->delims.len) != NULL;
}

static size_t
skip(const struct view *v, size_t i, bool delims)
{
    while (i < v->in.len && is_delim(v, i) == delims)
        i++;
    return i;
}

static struct slice
cut(const struct view *v, size_t from, size_t to)
{
    return slice(v->in.p + (v->back ? v->in.len - to : from), to - from);
}

static struct view
view_of(const struct expr_arg *arg, const struct sample *s, int64_t *index, int64_t *count)
{
    bool back = arg[0].i < 0;

    *index = arg[0].i == INT64_MIN ? INT64_MAX : back ? -arg[0].i : arg[0].i;
    *count = arg[2].type == ARG_END ? 1 : arg[2].i;
    return (struct view){ s->u.s, arg[1].s, back };
}

static bool
check_part(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].i == 0) {
        *err = xstrdup("Unexpected value 0 for index");
        return false;
    }
    if (arg[1].s.len == 0) {
        *err = xstrdup("Empty separators list");
        return false;
    }
    return true;
}

/** Every delimiter separates two fields, which may be empty. A count below 1 takes all that remain.
 */
static bool
conv_field_part(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    int64_t index, count;
    struct view v = view_of(arg, s, &index, &count);
    size_t from = 0;

    while (--index > 0) {
        from = skip(&v, from, false);
        if (from == v.in.len)
            return false;
        from++;
    }
    size_t to = skip(&v, from, false);
    if (count < 1)
        to = v.in.len;
    for (; count > 1 && to < v.in.len; count--)
        to = skip(&v, to + 1, false);
    s->u.s = cut(&v, from, to);
    return true;
}

/** Runs of delimiters separate words, which are never empty. */
static bool
conv_word(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    int64_t index, count;
    struct view v = view_of(arg, s, &index, &count);
    size_t from = skip(&v, 0, true);

    while (--index > 0 && from < v.in.len)
        from = skip(&v, skip(&v, from, false), true);
    if (from == v.in.len)
        return false;
    size_t to = skip(&v, from, false);
    if (count < 1)
        to = v.in.len;
    for (; count > 1 && to < v.in.len; count--) {
        size_t next = skip(&v, to, true);

        /* Fewer words than asked for: what follows the last one is taken too. */
        to = next == v.in.len ? next : skip(&v, next, false);
    }
    s->u.s = cut(&v, from, to);
    return true;
}

/** The delimiter is a character or "0xHH"; kept in .i. */
static bool
check_param(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[1].type == ARG_END || arg[1].s.len == 0) {
        arg[0].i = '&';
        return true;
    }
    const char *p = arg[1].s.p;
    if (arg[1].s.len == 1) {
        arg[0].i = (unsigned char)p[0];
        return true;
    }
    if (arg[1].s.len == 4 && p[0] == '0' && (p[1] | 0x20) == 'x') {
        char *end;
        unsigned long v = strtoul(p + 2, &end, 16);

        if (*end == '\0' && end == p + 4 && p[2] != '+' && p[2] != '-' && p[2] != ' ') {
            arg[0].i = (int64_t)v;
            return true;
        }
    }
    *err = xstrdup("Delimiter must be either exactly 1 character, or 0xHH for an ASCII code .");
    return false;
}

/** The value of "name=value" in a query string; "" for a lone name. */
static bool
conv_param(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice rest = s->u.s, name = arg[0].s;

    while (rest.p) {
        struct slice item = slice_cut(rest, (char)arg[0].i, &rest);

        if (!slice_starts(item, name) || (item.len > name.len && item.p[name.len] != '='))
            continue;
        s->u.s = item.len > name.len ? slice_sub(item, name.len + 1, SIZE_MAX) : slice("", 0);
        s->flags |= SMPF_CONST;
        return true;
    }
    return false;
}

#define PART                                                                                       \
    {                                                                                              \
        ARG_SINT, ARG_STR, ARG_SINT | ARG_OPT                                                      \
    }

const struct conv conv_field[] = {
    { "field", PART, SMP_STR, SMP_STR, conv_field_part, .check = check_part,
      .usage = "<index>,<delimiters>[,<count>]",
      .help = "fields between delimiters, from the start or (negative) from the end" },
    { "param",
      { ARG_STR, ARG_STR | ARG_OPT },
      SMP_STR,
      SMP_STR,
      conv_param,
      .check = check_param,
      .usage = "<name>[,<delim>]",
      .help = "value of a name=value pair of a query string" },
    { "word", PART, SMP_STR, SMP_STR, conv_word, .check = check_part,
      .usage = "<index>,<delimiters>[,<count>]",
      .help = "words between runs of delimiters, from the start or (negative) from the end" },
    { 0 },
};

const struct module conv_field_module = { .name = "conv_field", .convs = conv_field };
