/* conv_url.c - percent encoding (RFC 3986). */
#include "sample/conv.h"

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** '+' means a space behind a '?', or everywhere when the argument says that the input is a form.
 */
static bool
conv_url_dec(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    bool form = arg[0].type != ARG_END && arg[0].i != 0;

    if (!sample_own(s, 0, x))
        return false;
    char *d = (char *)s->u.s.p;
    const char *p = s->u.s.p, *end = p + s->u.s.len;

    for (; p < end; p++) {
        char c = *p;

        if (c == '%') {
            int high = end - p > 2 ? hex_value(p[1]) : -1;
            int low = high < 0 ? -1 : hex_value(p[2]);

            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            p += 2;
        } else if (c == '?') {
            form = true;
        } else if (c == '+' && form) {
            c = ' ';
        }
        *d++ = c;
    }
    s->u.s.len = (size_t)(d - s->u.s.p);
    return true;
}

static bool
check_url_enc(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type == ARG_END || arg[0].s.len == 0 || slice_eq_str(arg[0].s, "query"))
        return true;
    *err = xstrdup("Unexpected encode type. Allowed value is 'query'");
    return false;
}

static bool
is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/** What does not fit any more is cut, where HAProxy cuts it. */
static bool
conv_url_enc(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct out o;
    size_t room = conv_size_max - 1;

    if (!conv_out(&o, MIN(s->u.s.len * 3, room), x))
        return false;
    for (size_t i = 0; i < s->u.s.len && o.len < room; i++) {
        unsigned char c = (unsigned char)s->u.s.p[i];

        if (is_unreserved(c)) {
            out_char(&o, (char)c);
            continue;
        }
        if (o.len + 3 >= room)
            break;
        out_char(&o, '%');
        out_char(&o, "0123456789ABCDEF"[c >> 4]);
        out_char(&o, "0123456789ABCDEF"[c & 15]);
    }
    conv_out_end(s, SMP_STR, &o);
    return true;
}

const struct conv conv_url[] = {
    { "url_dec",
      { ARG_SINT | ARG_OPT },
      SMP_STR,
      SMP_STR,
      conv_url_dec,
      .usage = "[<in_form>]",
      .help = "decodes percent encoding" },
    { "url_enc",
      { ARG_STR | ARG_OPT },
      SMP_STR,
      SMP_STR,
      conv_url_enc,
      .check = check_url_enc,
      .usage = "[<enc_type>]",
      .help = "encodes what is not allowed in a query string" },
    { 0 },
};

const struct module conv_url_module = { .name = "conv_url", .convs = conv_url };
