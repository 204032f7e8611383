/* conv_json.c - json(): text as the inside of a JSON string; json_query(): values out of a JSON
 * document. */
#include "sample/conv.h"
#include "sample/json.h"

#include <stdlib.h>

/* ---- json() -----------------------------------------------------------------------------------
 */

/** How the input is decoded; kept in the argument's .i. */
enum {
    CODE_UTF8 = 1 << 0,   /* else every byte is a character */
    CODE_FIX = 1 << 1,    /* "p": overlong sequences are accepted */
    CODE_SILENT = 1 << 2, /* "s": what is wrong is left out instead of failing */
};

static const struct {
    const char *name;
    int code;
} input_codes[] = {
    { "", 0 },
    { "ascii", 0 },
    { "utf8", CODE_UTF8 },
    { "utf8s", CODE_UTF8 | CODE_SILENT },
    { "utf8p", CODE_UTF8 | CODE_FIX },
    { "utf8ps", CODE_UTF8 | CODE_FIX | CODE_SILENT },
};

static bool
check_json(struct expr_arg *arg, struct cfg *c, char **err)
{
    for (unsigned i = 0; i < COUNT_OF(input_codes); i++) {
        if (arg[0].type == ARG_END || slice_eq_str(arg[0].s, input_codes[i].name)) {
            arg[0].i = input_codes[i].code;
            return true;
        }
    }
    *err = xstrdup("Unexpected input code type. Allowed value are 'ascii', 'utf8', 'utf8s', "
                   "'utf8p' and 'utf8ps'");
    return false;
}

/** One character of up to six bytes. */
struct utf8_char {
    uint32_t value;
    unsigned len; /* bytes taken; with `bad` those that cannot begin another character */
    bool bad;     /* lone continuation, cut short, or 0xFE/0xFF */
    bool overlong;
};

static struct utf8_char
utf8_next(struct slice s)
{
    unsigned char lead = (unsigned char)s.p[0];
    static const uint32_t least[7] = { 0, 0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000 };

    if (lead < 0x80)
        return (struct utf8_char){ .value = lead, .len = 1 };
    unsigned len = (unsigned)__builtin_clz(~((unsigned)lead << 24));
    if (len < 2 || len > 6)
        return (struct utf8_char){ .len = 1, .bad = true };
    uint32_t v = lead & (0x7fu >> len);
    for (unsigned i = 1; i < len; i++) {
        if (i >= s.len || ((unsigned char)s.p[i] & 0xc0) != 0x80)
            return (struct utf8_char){ .len = i, .bad = true };
        v = v << 6 | ((unsigned char)s.p[i] & 0x3f);
    }
    return (struct utf8_char){ .value = v, .len = len, .overlong = v < least[len] };
}

/** False when the character may not be written: \u has four digits, and surrogates and U+FFFE,
 * U+FFFF are no text. */
static bool
is_writable(const struct utf8_char *c, int64_t code)
{
    if (!(code & CODE_UTF8))
        return true;
    return !c->bad && (!c->overlong || code & CODE_FIX) && c->value < 0xfffe &&
           (c->value < 0xd800 || c->value > 0xdfff);
}

static void
put_json_char(struct out *o, uint32_t c)
{
    static const char short_form[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
    };

    if (c == '"' || c == '\\' || c == '/' || (c < 32 && short_form[c])) {
        out_char(o, '\\');
        out_char(o, c < 32 ? short_form[c] : (char)c);
    } else if (c >= 32 && c < 127) {
        out_char(o, (char)c);
    } else {
        out_lit(o, "\\u");
        for (int shift = 12; shift >= 0; shift -= 4)
            out_char(o, "0123456789abcdef"[c >> shift & 15]);
    }
}

static bool
conv_json_string(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice in = s->u.s;
    int64_t code = arg[0].i;
    struct out o;

    if (!conv_out(&o, in.len * 6, x))
        return false;
    while (in.len) {
        struct utf8_char c = { .value = (unsigned char)in.p[0], .len = 1 };

        if (code & CODE_UTF8)
            c = utf8_next(in);
        if (is_writable(&c, code))
            put_json_char(&o, c.value);
        else if (!(code & CODE_SILENT))
            return false;
        in = slice_sub(in, c.len, SIZE_MAX);
    }
    if (o.full)
        return false;
    conv_out_end(s, SMP_STR, &o);
    return true;
}

/* ---- json_query() -----------------------------------------------------------------------------
 */

static bool
check_json_query(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].s.len == 0) {
        *err = xstrdup("json_path must not be empty");
        return false;
    }
    if (arg[1].type != ARG_END && !slice_eq_str(arg[1].s, "int")) {
        *err = xstrdup("output_type only supports \"int\" as argument");
        return false;
    }
    return true;
}

/** Integers are exact as far as a double is: beyond that there is no value. */
#define JSON_INT_MAX 9007199254740991

static bool
number_to_int(struct slice text, struct sample *s)
{
    size_t used;
    int64_t v = conv_read_int(text, &used); /* fraction and exponent are not looked at */

    if (v > JSON_INT_MAX || v < -JSON_INT_MAX)
        return false;
    sample_set_int(s, v);
    return true;
}

/** Numbers become the text of a double with six significant digits. */
static bool
number_to_text(struct slice text, struct sample *s, struct sample_ctx *x)
{
    struct out o;
    char *digits = conv_alloc(text.len + 1, x);

    if (!digits || !conv_out(&o, 32, x))
        return false;
    memcpy(digits, text.p, text.len);
    digits[text.len] = '\0';
    out_printf(&o, "%g", strtod(digits, NULL));
    conv_out_end(s, SMP_STR, &o);
    return true;
}

static bool
string_to_text(struct slice text, struct sample *s, struct sample_ctx *x)
{
    char *p = conv_alloc(text.len + 1, x);
    ptrdiff_t n = p ? json_unescape(p, text) : -1;

    if (n < 0)
        return false;
    s->type = SMP_STR;
    s->flags &= ~(unsigned)SMPF_CONST;
    s->u.s = slice(p, (size_t)n);
    return true;
}

bool
conv_json_find(struct slice path, bool as_int, struct sample_ctx *x, struct sample *s)
{
    struct slice text;

    switch (json_find(s->u.s, path, &text)) {
    case JSON_NUMBER:
        if (as_int)
            return number_to_int(text, s);
        return number_to_text(text, s, x);
    case JSON_STRING:
        return string_to_text(text, s, x);
    case JSON_TRUE:
    case JSON_FALSE:
        sample_set_bool(s, text.p[0] == 't');
        return true;
    case JSON_ARRAY:
        s->type = SMP_STR;
        s->u.s = text;
        return true;
    default:
        return false;
    }
}

static bool
conv_json_query(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    return conv_json_find(arg[0].s, arg[1].type != ARG_END, x, s);
}

const struct conv conv_json[] = {
    { "json",
      { ARG_STR | ARG_OPT },
      SMP_STR,
      SMP_STR,
      conv_json_string,
      .check = check_json,
      .usage = "[<input-code>]",
      .help = "escapes for the inside of a JSON string" },
    { "json_query",
      { ARG_STR, ARG_STR | ARG_OPT },
      SMP_STR,
      SMP_ANY,
      conv_json_query,
      .check = check_json_query,
      .usage = "<json_path>[,<output_type>]",
      .help = "value at a path of a JSON document" },
    { 0 },
};

const struct module conv_json_module = { .name = "conv_json", .convs = conv_json };
